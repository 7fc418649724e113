//! Short help texts, made from the table of commands.

use super::Context;
use super::command::{COMMANDS, Command, Invocation};
use super::errors::CmdError;
use super::flags::Kind;
use crate::api::schema;
use std::fmt::Write;

/// `kubectl` without a command.
pub static ROOT: Command = Command {
    name: "kubectl",
    aliases: &["help"],
    short: "kubectl controls the Kubernetes cluster manager.",
    usage: "",
    flags: &[],
    subs: &[],
    run: Some(root),
};

fn root(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if inv.path == "kubectl options" {
        ctx.print(global_options());
        return Ok(());
    }
    if let Some(name) = inv.args.first() {
        let (command, path, _) = super::command::find(&inv.args)?;
        if command.name == "kubectl" {
            return Err(CmdError::client(format!("unknown help topic {name:?}")));
        }
        let text = text(command, &path);
        ctx.print(text);
        return Ok(());
    }
    let mut text = format!("{}\n\nCommands:\n", ROOT.short);
    for c in COMMANDS {
        let _ = writeln!(text, "  {:<15} {}", c.name, c.short);
    }
    text.push_str("\nUsage:\n  kubectl [flags] [options]\n\nUse \"kubectl <command> --help\" for more information about a given command.\n");
    ctx.print(text);
    Ok(())
}

/// The help of a command; `path` is its full name.
pub fn text(command: &Command, path: &str) -> String {
    if command.name == "kubectl" {
        return format!(
            "{}\n\nUse \"kubectl <command> --help\" for more information about a given command.\n",
            command.short
        );
    }
    let mut out = format!("{}\n", command.short);
    if !command.aliases.is_empty() {
        let _ = write!(out, "\nAliases:\n{}, {}\n", command.name, command.aliases.join(", "));
    }
    let examples = schema::examples(path.strip_prefix("kubectl ").unwrap_or(path));
    if !examples.is_empty() {
        let _ = write!(out, "\nExamples:\n{examples}");
    }
    if !command.subs.is_empty() {
        out.push_str("\nAvailable Commands:\n");
        for c in command.subs {
            let width = command.subs.iter().map(|c| c.name.len()).max().unwrap_or(0).max(11) + 2;
            let _ = writeln!(out, "  {:<width$} {}", c.name, c.short.trim_end_matches('.'));
        }
    }
    if command.all_flags().next().is_some() {
        out.push_str("\nOptions:\n");
        let mut flags: Vec<_> = command.all_flags().filter(|f| f.deprecated.is_none()).collect();
        flags.sort_by_key(|f| f.name);
        for f in flags {
            out.push_str(&option(f, path));
        }
    }
    if !out.ends_with("\n\n") {
        out.push('\n');
    }
    let options = if command.usage.contains("[options]") { "" } else { " [options]" };
    let _ = write!(out, "Usage:\n  {path} {}{options}\n\n", command.usage);
    if !command.subs.is_empty() {
        let _ = writeln!(out, "Use \"{path} <command> --help\" for more information about a given command.");
    }
    out.push_str("Use \"kubectl options\" for a list of global command-line options (applies to all commands).\n");
    out
}

/// The flags that every command has: `kubectl options`.
pub fn global_options() -> String {
    let mut out = String::from("The following options can be passed to any command:\n\n");
    let mut all: Vec<_> = super::flags::GLOBAL.iter().filter(|f| f.name != "help").collect();
    all.sort_by_key(|f| f.name);
    for f in all {
        let _ = write!(out, "{}", option(f, ""));
    }
    out
}

/// The manager of fields that a command is when none is named.
fn manager(path: &str) -> String {
    match path.split(' ').nth(1).unwrap_or_default() {
        "apply" | "diff" => "kubectl-client-side-apply".into(),
        command => format!("kubectl-{command}"),
    }
}

fn option(f: &super::flags::Flag, path: &str) -> String {
    let short = f.short.map_or_else(String::new, |c| format!("-{c}, "));
    let default = match (f.kind, f.default) {
        _ if f.name == "field-manager" => format!("'{}'", manager(path)),
        (Kind::List | Kind::Array, d) if !d.is_empty() => format!("[{d}]"),
        (Kind::Str, d) => format!("'{d}'"),
        (Kind::List | Kind::Array, _) => "[]".to_string(),
        (_, d) => d.to_string(),
    };
    format!("    {short}--{}={default}:\n\t{}\n\n", f.name, f.help)
}

#[cfg(test)]
mod tests {
    use crate::kubectl::command;

    #[test]
    fn examples_are_of_commands_that_exist() {
        let text = include_str!("../../assets/examples.txt");
        for heading in text.lines().filter_map(|l| l.strip_prefix("## ")) {
            let words: Vec<String> = heading.split(' ').map(Into::into).collect();
            let (found, path, rest) = command::find(&words).unwrap();
            assert_eq!((path.as_str(), rest.len()), (&*format!("kubectl {heading}"), 0), "{}", found.name);
            let help = crate::kubectl::help::text(found, &path);
            assert!(help.contains("\nExamples:\n  # "), "{help}");
        }
    }

    #[test]
    fn examples_begin_with_their_command() {
        let mut heading = "";
        for line in include_str!("../../assets/examples.txt").lines().skip(1) {
            match line.strip_prefix("## ") {
                Some(h) => heading = h,
                None if line.starts_with("# ") => {}
                None => assert!(line.contains(&format!("kubectl {heading} ")) || line.ends_with(heading), "{line}"),
            }
        }
    }
}
