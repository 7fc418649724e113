//! `kubectl exec`, `attach` and `cp`: commands in containers.
//!
//! A shell that is opened with `-it` stays in the session: the lines that follow run in the container, each in a shell
//! of its own at the working directory of the last, until `exit`.

use super::logs::{chosen_containers, pods_of};
use crate::apiserver::request::{Method, Request};
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::pipes::clean;
use crate::kubectl::{Context, Inside};
use serde_json::Value;

static FLAGS: &[Flag] = &[
    Flag::str("container", "Container name.").short('c'),
    Flag::bool("stdin", "Pass stdin to the container").short('i'),
    Flag::bool("tty", "Stdin is a TTY").short('t'),
    Flag::bool("quiet", "Only print output from the remote session").short('q'),
    Flag::duration("pod-running-timeout", "1m0s", "The length of time to wait until at least one pod is running"),
];
static COPY: &[Flag] = &[
    Flag::str("container", "Container name.").short('c'),
    Flag::bool("no-preserve", "The copied file/directory's ownership and permissions will not be preserved"),
    Flag::int("retries", "0", "Set number of retries to complete a copy operation from a container."),
];

/// `exec`.
pub static COMMAND: Command = Command::new(
    "exec",
    "Execute a command in a container.",
    "(POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...] [options]",
    &[FLAGS, flags::FILES],
    exec,
);

/// `attach`.
pub static ATTACH: Command = Command::new(
    "attach",
    "Attach to a process that is already running inside an existing container.",
    "(POD | TYPE/NAME) -c CONTAINER [options]",
    &[FLAGS],
    attach,
);

/// `cp`.
pub static CP: Command = Command::new(
    "cp",
    "Copy files and directories to and from containers.",
    "<file-spec-src> <file-spec-dest>",
    &[COPY],
    cp,
);

const SHELLS: &[&str] = &["sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash"];

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

/// The pod that is meant by `POD` or `TYPE/NAME`: namespace, name, container.
fn target(inv: &Invocation, name: &str, ctx: &mut Context) -> Result<Inside, CmdError> {
    let args = if name.contains('/') { vec![name.to_string()] } else { vec!["pods".to_string(), name.to_string()] };
    let info = Builder::new(inv).args(&args).all_infos(ctx)?.remove(0);
    place_in(inv, info, ctx)
}

/// A container of a pod, or of the first pod of what has pods.
fn place_in(inv: &Invocation, info: Info, ctx: &mut Context) -> Result<Inside, CmdError> {
    let pod = if info.mapping.kind == "Pod" {
        info.object
    } else {
        let mut pods = pods_of(&info, ctx)?;
        if pods.is_empty() {
            return Err(CmdError::client("timed out waiting for the condition"));
        }
        pods.swap_remove(0)
    };
    let phase = text(&pod["status"]["phase"]);
    if phase == "Succeeded" || phase == "Failed" {
        return Err(CmdError::client(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    let container = chosen_containers(&pod, inv.str("container"), false, ctx)?.into_iter().next().unwrap_or_default();
    let part = |k: &str| text(&pod["metadata"][k]).to_string();
    Ok(Inside {
        namespace: part("namespace"),
        pod: part("name"),
        container,
        directory: String::new(),
        setup: String::new(),
        remove: false,
    })
}

/// What a command in a container came to.
struct Ran {
    stdout: String,
    stderr: String,
    /// `None`: it would not return.
    code: Option<i32>,
}

fn run_in(at: &Inside, argv: &[String], stdin: &str, ctx: &mut Context) -> Result<Ran, CmdError> {
    let path = format!("/api/v1/namespaces/{}/pods/{}/exec", at.namespace, at.pod);
    let mut request = Request::new(Method::Post, path).with("container", &at.container).body(stdin.into());
    request.query.extend(argv.iter().map(|a| ("command".to_string(), a.clone())));
    match ctx.call(request) {
        Ok(v) => Ok(Ran {
            stdout: text(&v["stdout"]).into(),
            stderr: text(&v["stderr"]).into(),
            code: v["code"].as_i64().map(|c| c as i32),
        }),
        // these come over another protocol, which keeps the message only
        Err(CmdError::Api(s)) if s.reason != "NotFound" && s.reason != "Forbidden" => Err(CmdError::Client(s.message)),
        Err(e) => Err(e),
    }
}

fn exec(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    // `exec -f pod.yaml -- COMMAND`: the pod, or what has pods, is named by a file
    if inv.changed("filename") && inv.dash.unwrap_or(0) == 0 {
        let mut infos = Builder::new(inv).latest().all_infos(ctx)?;
        if infos.len() != 1 {
            return Err(CmdError::client(format!("{} objects were found, expected one", infos.len())));
        }
        let at = place_in(inv, infos.remove(0), ctx)?;
        return exec_in(inv, at, &inv.args, ctx);
    }
    let (Some(name), Some(1)) = (inv.args.first(), inv.dash.or((inv.args.len() == 1).then_some(1))) else {
        if inv.args.is_empty() || inv.dash == Some(0) {
            return Err(CmdError::client("pod, type/name or --filename must be specified"));
        }
        return Err(inv.usage("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead"));
    };
    let argv = &inv.args[1..];
    if argv.is_empty() {
        return Err(CmdError::client("you must specify at least one command for the container"));
    }
    let at = target(inv, name, ctx)?;
    exec_in(inv, at, argv, ctx)
}

fn exec_in(inv: &Invocation, at: Inside, argv: &[String], ctx: &mut Context) -> Result<(), CmdError> {
    if argv.is_empty() {
        return Err(CmdError::client("you must specify at least one command for the container"));
    }
    let interactive = inv.bool("stdin") && inv.bool("tty");
    if interactive && argv.len() == 1 && SHELLS.contains(&argv[0].as_str()) && ctx.stdin.is_none() {
        // the shell must be one that the image has
        run_in(&at, &[argv[0].clone(), "-c".into(), "true".into()], "", ctx)?;
        ctx.session.inside = Some(at);
        return Ok(());
    }
    let stdin = if inv.bool("stdin") { ctx.stdin.clone().unwrap_or_default() } else { String::new() };
    let ran = run_in(&at, argv, &stdin, ctx)?;
    ctx.print(ran.stdout);
    ctx.out.stderr.push_str(&ran.stderr);
    match ran.code {
        Some(0) => Ok(()),
        Some(code) => {
            ctx.eprintln(format!("command terminated with exit code {code}"));
            Err(CmdError::Exit(code))
        }
        None => {
            ctx.eprintln("^C (this command would not return)");
            Err(CmdError::Exit(130))
        }
    }
}

/// Bytes of assignments that a shell remembers.
const SETUP_MOST: usize = 4_000;

/// Does a line only set variables?
fn assigns(line: &str) -> bool {
    let name = |w: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !w.is_empty() && w.chars().all(plain) && !w.starts_with(|c: char| c.is_ascii_digit())
    };
    if line.contains([';', '|', '&', '>', '<', '\n']) {
        return false;
    }
    if let Some(rest) = line.strip_prefix("export ").or_else(|| line.strip_prefix("unset ")) {
        return rest.split('=').next().is_some_and(|n| n.split_whitespace().all(name));
    }
    // a command after the assignment would run with it alone
    let whole = |v: &str| {
        let within =
            |a: &str, b: char| v.strip_prefix(a).and_then(|v| v.strip_suffix(b)).is_some_and(|v| !v.contains(b));
        !v.contains(' ') || within("\"", '"') || within("'", '\'') || within("$(", ')')
    };
    line.split_once('=').is_some_and(|(n, value)| name(n) && whole(value))
}

/// A line typed into a shell inside a container.
pub fn inside(line: &str, ctx: &mut Context) -> Result<(), CmdError> {
    let Some(mut at) = ctx.session.inside.clone() else { return Ok(()) };
    let line = line.trim();
    if line == "exit" || line.starts_with("exit ") || line == "logout" {
        ctx.session.inside = None;
        let code = line.split_whitespace().nth(1).and_then(|c| c.parse().ok()).unwrap_or(0);
        if at.remove {
            super::attached::remove(&at, ctx)?;
        } else if code != 0 {
            ctx.eprintln(format!("command terminated with exit code {code}"));
        }
        return Err(CmdError::Exit(code));
    }
    if line.is_empty() {
        return Ok(());
    }
    let mut enter = at.setup.clone();
    if !at.directory.is_empty() {
        enter.push_str(&format!("cd '{}' && ", at.directory.replace('\'', "'\\''")));
    }
    let moves = line == "cd" || line.starts_with("cd ");
    let script = if moves { format!("{enter}{line} && pwd") } else { format!("{enter}{line}") };
    let ran = match run_in(&at, &["sh".into(), "-c".into(), script], "", ctx) {
        Ok(ran) => ran,
        Err(e) => {
            // the container has gone, and the shell with it
            ctx.session.inside = None;
            return Err(e);
        }
    };
    if assigns(line) && ran.code == Some(0) && at.setup.len() < SETUP_MOST {
        at.setup.push_str(line);
        at.setup.push_str("; ");
        ctx.session.inside = Some(at.clone());
    }
    if moves && ran.code == Some(0) {
        at.directory = ran.stdout.lines().last().unwrap_or_default().to_string();
        ctx.session.inside = Some(at);
    } else {
        ctx.print(ran.stdout);
    }
    ctx.out.stderr.push_str(&ran.stderr);
    match ran.code {
        Some(0) => Ok(()),
        Some(code) => Err(CmdError::Exit(code)),
        None => {
            ctx.eprintln("^C");
            Err(CmdError::Exit(130))
        }
    }
}

fn attach(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let [name] = inv.args.as_slice() else {
        return Err(CmdError::client("at least 1 argument is required for attach"));
    };
    let at = target(inv, name, ctx)?;
    if !inv.bool("quiet") {
        ctx.eprintln("All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.");
        if inv.bool("tty") {
            ctx.eprintln("If you don't see a command prompt, try pressing enter.");
        }
    }
    super::logs::follow_from_now(&at, ctx)
}

/// One side of a copy: a pod and a path, or a file of the working directory.
fn side<'a>(spec: &'a str, inv: &Invocation) -> (Option<(String, &'a str)>, &'a str) {
    match spec.split_once(':') {
        Some((pod, path)) if !pod.is_empty() && !pod.starts_with(['.', '/']) => match pod.split_once('/') {
            Some((ns, name)) => (Some((ns.to_string(), name)), path),
            None => (Some((inv.namespace.clone(), pod)), path),
        },
        _ => (None, spec),
    }
}

fn cp(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let [from, to] = inv.args.as_slice() else {
        return Err(CmdError::client("source and destination are required"));
    };
    let (source, from_path) = side(from, inv);
    let (destination, to_path) = side(to, inv);
    let place = |(namespace, pod): (String, &str), ctx: &mut Context| -> Result<Inside, CmdError> {
        let o = ctx.call(Request::get(format!("/api/v1/namespaces/{namespace}/pods/{pod}")))?;
        let container = chosen_containers(&o, inv.str("container"), false, ctx)?.into_iter().next().unwrap_or_default();
        Ok(Inside {
            namespace,
            pod: pod.to_string(),
            container,
            directory: String::new(),
            setup: String::new(),
            remove: false,
        })
    };
    let base = |p: &str| p.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_string();
    match (source, destination) {
        (Some(_), Some(_)) => Err(CmdError::client("one of src or dest must be a local file specification")),
        (None, None) => Err(CmdError::client("one of src or dest must be a remote file specification")),
        (None, Some(pod)) => {
            let Some(content) = ctx.files.get(clean(from_path)).cloned() else {
                // a directory: all that lies in it
                let dir = format!("{}/", clean(from_path).trim_end_matches('/'));
                let below = |(name, text): (&String, &String)| {
                    name.strip_prefix(&dir).map(|rest| (rest.to_owned(), text.clone()))
                };
                let all: Vec<(String, String)> = ctx.files.iter().filter_map(below).collect();
                if all.is_empty() {
                    return Err(CmdError::client(format!("{from_path} doesn't exist in local filesystem")));
                }
                let at = place(pod, ctx)?;
                let root = to_path.trim_end_matches('/').replace('\'', "'\\''");
                for (name, content) in all {
                    let name = name.replace('\'', "'\\''");
                    let script = format!("mkdir -p \"$(dirname '{root}/{name}')\"; cat > '{root}/{name}'");
                    let ran = run_in(&at, &["sh".into(), "-c".into(), script], &content, ctx)?;
                    ended(ran, ctx)?;
                }
                return Ok(());
            };
            let at = place(pod, ctx)?;
            let quoted = to_path.replace('\'', "'\\''");
            let script =
                format!("if [ -d '{quoted}' ]; then cat > '{quoted}/{}'; else cat > '{quoted}'; fi", base(from_path));
            let ran = run_in(&at, &["sh".into(), "-c".into(), script], &content, ctx)?;
            ended(ran, ctx).map(|_| ())
        }
        (Some(pod), None) => {
            let at = place(pod, ctx)?;
            // the archive is made in the container, by a tool that says so
            if from_path.starts_with('/') {
                ctx.eprintln("tar: Removing leading `/' from member names");
            }
            let quoted = from_path.trim_end_matches('/').replace('\'', "'\\''");
            let script = format!("[ -d '{quoted}' ] && find '{quoted}' -type f");
            let listed = run_in(&at, &["sh".into(), "-c".into(), script], "", ctx)?;
            if listed.code == Some(0) {
                for name in listed.stdout.lines() {
                    let ran = run_in(&at, &["cat".into(), name.to_owned()], "", ctx)?;
                    let rest = name.strip_prefix(from_path.trim_end_matches('/')).unwrap_or(name);
                    let content = ended(ran, ctx)?;
                    let to = format!("{}{rest}", to_path.trim_end_matches('/')).replace("//", "/");
                    ctx.files.insert(clean(&to).to_string(), content);
                }
                return Ok(());
            }
            let ran = run_in(&at, &["cat".into(), from_path.to_string()], "", ctx)?;
            if ran.code == Some(1) {
                let name = from_path.trim_start_matches('/');
                ctx.eprintln(format!(
                    "tar: {name}: No such file or directory\ntar: error exit delayed from previous errors"
                ));
                ctx.eprintln("command terminated with exit code 1");
                return Err(CmdError::Exit(1));
            }
            let content = ended(ran, ctx)?;
            let to = if to_path == "." || to_path.ends_with('/') {
                format!("{to_path}/{}", base(from_path))
            } else {
                to_path.to_string()
            };
            let to = to.replace("//", "/");
            ctx.files.insert(clean(&to).to_string(), content);
            Ok(())
        }
    }
}

fn ended(ran: Ran, ctx: &mut Context) -> Result<String, CmdError> {
    ctx.out.stderr.push_str(&ran.stderr);
    match ran.code {
        Some(0) => Ok(ran.stdout),
        Some(code) => {
            ctx.eprintln(format!("command terminated with exit code {code}"));
            Err(CmdError::Exit(code))
        }
        None => Err(CmdError::Exit(130)),
    }
}

#[cfg(test)]
mod tests {
    use super::assigns;

    #[test]
    fn lines_that_only_set_variables_are_remembered() {
        for line in ["A=1", "export A=1", "export PATH", "unset A", "A=\"b c\"", "N=$(hostname)"] {
            assert!(assigns(line), "{line}");
        }
        for line in ["A=1 env", "A=\"b\" env", "echo A=1", "A=1; echo $A", "ls", "1A=2", "test a=b"] {
            assert!(!assigns(line), "{line}");
        }
    }
}
