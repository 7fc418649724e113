//! What a command is, the one table of commands, and a parsed call of one.

use super::errors::CmdError;
use super::flags::{self, Flag, Parsed};
use super::{Context, cmd, help};
use crate::api::kinds::ResourceInfo;
use crate::apiserver::request::Request;

/// What carries a command out.
pub type Run = fn(&Invocation, &mut Context) -> Result<(), CmdError>;

/// One command or subcommand.
pub struct Command {
    /// The name.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// One line of what it does.
    pub short: &'static str,
    /// The arguments, as the usage line shows them after the name.
    pub usage: &'static str,
    /// Sets of flags.
    pub flags: &'static [&'static [Flag]],
    /// Subcommands.
    pub subs: &'static [Command],
    /// What carries it out; `None` for a command that is only a group.
    pub run: Option<Run>,
}

impl Command {
    /// A command without aliases and subcommands.
    pub const fn new(
        name: &'static str,
        short: &'static str,
        usage: &'static str,
        flags: &'static [&'static [Flag]],
        run: Run,
    ) -> Command {
        Command { name, aliases: &[], short, usage, flags, subs: &[], run: Some(run) }
    }
    /// A group of commands.
    pub const fn group(name: &'static str, short: &'static str, subs: &'static [Command]) -> Command {
        Command { name, aliases: &[], short, usage: "SUBCOMMAND", flags: &[], subs, run: None }
    }
    /// With other names.
    pub const fn alias(mut self, aliases: &'static [&'static str]) -> Command {
        self.aliases = aliases;
        self
    }
    /// With subcommands.
    pub const fn with_subs(mut self, subs: &'static [Command]) -> Command {
        self.subs = subs;
        self
    }
    /// Is this its name or alias?
    pub fn is(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
    /// All its own flags.
    pub fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().flat_map(|s| s.iter())
    }
}

/// Every command there is; kept in the order of [`NAMES`], though nothing depends on it.
pub static COMMANDS: &[&Command] = &[
    &cmd::get::COMMAND,
    &cmd::describe::COMMAND,
    &cmd::api_resources::COMMAND,
    &cmd::api_resources::VERSIONS,
    &cmd::certificate::COMMAND,
    &cmd::config::COMMAND,
    &cmd::events::COMMAND,
    &cmd::explain::COMMAND,
    &cmd::logs::COMMAND,
    &cmd::auth::COMMAND,
    &cmd::exec::COMMAND,
    &cmd::exec::ATTACH,
    &cmd::exec::CP,
    &cmd::port_forward::COMMAND,
    &cmd::version::COMMAND,
    &cmd::version::CLUSTER_INFO,
    &cmd::annotate::COMMAND,
    &cmd::apply::COMMAND,
    &cmd::autoscale::COMMAND,
    &cmd::create::COMMAND,
    &cmd::debug::COMMAND,
    &cmd::delete::COMMAND,
    &cmd::expose::COMMAND,
    &cmd::label::COMMAND,
    &cmd::patch::COMMAND,
    &cmd::diff::COMMAND,
    &cmd::drain::CORDON,
    &cmd::drain::DRAIN,
    &cmd::drain::UNCORDON,
    &cmd::edit::COMMAND,
    &cmd::replace::COMMAND,
    &cmd::rollout::COMMAND,
    &cmd::run::COMMAND,
    &cmd::scale::COMMAND,
    &cmd::set::COMMAND,
    &cmd::taint::COMMAND,
    &cmd::kustomize::COMMAND,
    &cmd::plugin::COMMAND,
    &cmd::proxy::COMMAND,
    &cmd::top::COMMAND,
    &cmd::wait::COMMAND,
];

/// The names of all of kubectl's commands in its own order: what "Did you mean this?" offers.
pub static NAMES: &[&str] = &[
    "create",
    "expose",
    "run",
    "set",
    "explain",
    "get",
    "edit",
    "delete",
    "rollout",
    "scale",
    "autoscale",
    "certificate",
    "cluster-info",
    "top",
    "cordon",
    "uncordon",
    "drain",
    "taint",
    "describe",
    "logs",
    "attach",
    "exec",
    "port-forward",
    "proxy",
    "cp",
    "auth",
    "debug",
    "events",
    "diff",
    "apply",
    "patch",
    "replace",
    "wait",
    "kustomize",
    "label",
    "annotate",
    "completion",
    "alpha",
    "api-resources",
    "api-versions",
    "config",
    "plugin",
    "version",
    "options",
];

/// Finds the command that arguments name; gives it, its full name (`kubectl create deployment`) and the arguments
/// without the names.
pub fn find(args: &[String]) -> Result<(&'static Command, String, Vec<String>), CmdError> {
    let mut rest = args.to_vec();
    let mut path = "kubectl".to_string();
    let Some(at) = first_word(&rest, &[]) else {
        return match flags::parse(&rest, &[], "kubectl") {
            Err(e) => Err(e),
            Ok(_) => Ok((&help::ROOT, path, rest)),
        };
    };
    let name = rest.remove(at);
    if name == "help" {
        return Ok((&help::ROOT, path, rest));
    }
    if name == "options" {
        return Ok((&help::ROOT, "kubectl options".into(), rest));
    }
    let Some(mut command) = COMMANDS.iter().copied().find(|c| c.is(&name)) else {
        return Err(unknown(&name));
    };
    path = format!("{path} {}", command.name);
    while !command.subs.is_empty() {
        let Some(at) = first_word(&rest, command.flags) else { break };
        let Some(sub) = command.subs.iter().find(|c| c.is(&rest[at])) else { break };
        rest.remove(at);
        command = sub;
        path = format!("{path} {}", command.name);
    }
    Ok((command, path, rest))
}

/// Where the first argument stands that is neither a flag nor a flag's value.
fn first_word(args: &[String], sets: &[&'static [Flag]]) -> Option<usize> {
    let all = || sets.iter().flat_map(|s| s.iter()).chain(flags::GLOBAL.iter());
    let mut i = 0;
    while i < args.len() {
        let a = &args[i];
        if a == "--" {
            return None;
        }
        if let Some(long) = a.strip_prefix("--") {
            let takes = !long.contains('=') && all().any(|f| f.name == long && f.no_opt.is_none());
            i += 1 + usize::from(takes);
        } else if a.len() > 1 && a.starts_with('-') {
            let takes = a.len() == 2 && all().any(|f| f.short == a.chars().nth(1) && f.no_opt.is_none());
            i += 1 + usize::from(takes);
        } else {
            return Some(i);
        }
    }
    None
}

/// Whether a word is neither a command of kubectl's nor nearly one, so that it must mean another program.
pub fn is_no_command(name: &str) -> bool {
    let known = COMMANDS.iter().any(|c| c.is(name)) || ["help", "options"].contains(&name);
    !(known || name.starts_with('-') || NAMES.iter().any(|n| distance(name, n) <= 1))
}

fn unknown(name: &str) -> CmdError {
    if NAMES.contains(&name) {
        return CmdError::client(format!("{name:?} is not simulated yet"));
    }
    let low = name.to_lowercase();
    let near: Vec<&str> = NAMES.iter().copied().filter(|n| distance(&low, n) <= 2 || n.starts_with(&low)).collect();
    let mut text = format!("unknown command {name:?} for \"kubectl\"");
    if !near.is_empty() {
        text.push_str("\n\nDid you mean this?\n");
        for n in near {
            text.push_str(&format!("\t{n}\n"));
        }
    }
    CmdError::client(text)
}

/// Levenshtein's distance.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let next = (diagonal + usize::from(ca != *cb)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

/// How far a change is to go (`--dry-run`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// It is made.
    None,
    /// Only shown.
    Client,
    /// Sent to the server, which does not keep it.
    Server,
}

impl DryRun {
    /// What result lines end with.
    pub fn suffix(self) -> &'static str {
        match self {
            DryRun::None => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        }
    }
    /// Adds `dryRun=All` to a request where the server is to keep nothing.
    pub fn apply(self, request: Request) -> Request {
        if self == DryRun::Server { request.with("dryRun", "All") } else { request }
    }
}

/// A call of a command: its flags and arguments.
#[derive(Clone, Debug)]
pub struct Invocation {
    command_flags: &'static [&'static [Flag]],
    /// `kubectl create deployment`
    pub path: String,
    /// The whole call as words, without `kubectl`: enough to parse it again.
    pub words: Vec<String>,
    /// Arguments that are no flags.
    pub args: Vec<String>,
    /// How many arguments stood before `--`; `None` without one.
    pub dash: Option<usize>,
    parsed: Parsed,
    /// The namespace to work in: `-n`, or the context's, or `default`.
    pub namespace: String,
    /// The resources that the cluster has besides the built-in ones.
    pub custom: Vec<&'static ResourceInfo>,
    /// Was the namespace given by `-n`?
    pub namespace_given: bool,
}

impl Invocation {
    /// Parses the arguments of a command; `None` when its help was asked for and has been printed.
    pub fn parse(
        command: &'static Command,
        path: String,
        args: Vec<String>,
        ctx: &mut Context,
    ) -> Result<Option<Invocation>, CmdError> {
        let mut parsed = flags::parse(&args, command.flags, &path)?;
        // a template alone is one of Go's
        if parsed.given("template").last().is_some_and(|t| !t.is_empty()) {
            parsed.imply("output", "go-template");
        }
        for n in std::mem::take(&mut parsed.notices) {
            ctx.eprintln(n);
        }
        if parsed.given("help").last().is_some_and(|v| v == "true") {
            let text = help::text(command, &path);
            ctx.print(text);
            return Ok(None);
        }
        // another context stands for its namespace: cluster and user are always the same
        let chosen = parsed.given("context").last().filter(|n| **n != ctx.session.context);
        let context = chosen.and_then(|n| ctx.session.others.get(n)).map(|c| c[2].clone());
        if let Some(name) = chosen.filter(|_| context.is_none()) {
            return Err(CmdError::Plain(format!(
                "Error in configuration: context was not found for specified context: {name}"
            )));
        }
        for (flag, what, known) in
            [("cluster", "cluster", &ctx.session.cluster), ("user", "auth info", &ctx.session.user)]
        {
            // a command may have a flag of its own by that name (`create rolebinding --user`)
            let own = command.all_flags().any(|f| f.name == flag) || path == "kubectl config set-context";
            if let Some(name) = parsed.given(flag).last().filter(|n| !own && *n != known) {
                return Err(CmdError::client(format!("{what} {name:?} does not exist")));
            }
        }
        let missing: Vec<String> = command
            .all_flags()
            .filter(|f| f.required && parsed.given(f.name).is_empty())
            .map(|f| format!("{:?}", f.name))
            .collect();
        if !missing.is_empty() {
            return Err(CmdError::client(format!("required flag(s) {} not set", missing.join(", "))));
        }
        let given = parsed.given("namespace").last().filter(|n| !n.is_empty()).cloned();
        Ok(Some(Invocation {
            command_flags: command.flags,
            words: path.split(' ').skip(1).map(str::to_string).chain(args).collect(),
            path,
            args: parsed.args.clone(),
            dash: parsed.dash,
            custom: ctx.api.custom_resources(),
            namespace_given: given.is_some(),
            namespace: given
                .or(context.map(|n| if n.is_empty() { "default".into() } else { n }))
                .unwrap_or_else(|| ctx.session.namespace().to_string()),
            parsed,
        }))
    }

    fn flag(&self, name: &str) -> Option<&'static Flag> {
        self.command_flags.iter().flat_map(|s| s.iter()).chain(flags::GLOBAL.iter()).find(|f| f.name == name)
    }

    /// Was the flag given?
    pub fn changed(&self, name: &str) -> bool {
        !self.parsed.given(name).is_empty()
    }

    /// The value of a text flag, or its default.
    pub fn str(&self, name: &str) -> &str {
        match self.parsed.given(name).last() {
            Some(v) => v,
            None => self.flag(name).map_or("", |f| f.default),
        }
    }

    /// The value of a bool flag.
    pub fn bool(&self, name: &str) -> bool {
        self.str(name) == "true"
    }

    /// The value of a number flag.
    pub fn int(&self, name: &str) -> i64 {
        self.str(name).parse().unwrap_or_default()
    }

    /// The values of a list flag.
    pub fn list(&self, name: &str) -> &[String] {
        self.parsed.given(name)
    }

    /// A span of time in seconds.
    pub fn seconds(&self, name: &str) -> f64 {
        flags::parse_duration(self.str(name)).unwrap_or_default()
    }

    /// What `--dry-run` asks for.
    pub fn dry_run(&self) -> Result<DryRun, CmdError> {
        match self.str("dry-run") {
            "" | "none" | "false" => Ok(DryRun::None),
            "client" => Ok(DryRun::Client),
            "server" => Ok(DryRun::Server),
            "unchanged" => Err(CmdError::client(
                "--dry-run flag without a value was specified. A value must be set: \"none\", \"server\", or \"client\".",
            )),
            other => Err(CmdError::client(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            ))),
        }
    }

    /// A usage error of this command.
    pub fn usage(&self, text: impl AsRef<str>) -> CmdError {
        CmdError::usage(&self.path, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered() {
        let text = |n: &str| unknown(n).render().0;
        assert_eq!(text("pods"), "error: unknown command \"pods\" for \"kubectl\"\n\nDid you mean this?\n\tlogs\n");
        assert!(text("gett").ends_with("\tset\n\tget\n"));
    }
}
