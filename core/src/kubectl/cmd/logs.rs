//! `kubectl logs`. (Models kubectl/pkg/cmd/logs and polymorphichelpers.)

use crate::api::kinds;
use crate::apiserver::request::Request;
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::builder::{Builder, Info, gvk};
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::pending::{Pending, Wait};
use crate::kubectl::{Context, Inside};
use crate::text::clamped;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Between two looks at a log that is followed.
const LOOK: SimDuration = SimDuration::from_millis(500);

static FLAGS: &[Flag] = &[
    Flag::bool("follow", "Specify if the logs should be streamed.").short('f'),
    Flag::bool("previous", "If true, print the logs for the previous instance of the container in a pod if it exists.")
        .short('p'),
    Flag::str("container", "Print the logs of this container").short('c'),
    Flag::bool("all-containers", "Get all containers' logs in the pod(s)."),
    Flag::bool("all-pods", "Get logs from all pod(s). Sets prefix to true."),
    Flag::int("tail", "-1", "Lines of recent log file to display."),
    Flag::duration("since", "0s", "Only return logs newer than a relative duration like 5s, 2m, or 3h."),
    Flag::bool(
        "insecure-skip-tls-verify-backend",
        "Skip verifying the identity of the kubelet that logs are requested from.",
    ),
    Flag::str("since-time", "Only return logs after a specific date (RFC3339)."),
    Flag::bool("timestamps", "Include timestamps on each line in the log output"),
    Flag::bool("prefix", "Prefix each log line with the log source (pod name and container name)"),
    Flag::int("limit-bytes", "0", "Maximum bytes of logs to return."),
    Flag::int("max-log-requests", "5", "Specify maximum number of concurrent logs to follow when using by a selector."),
    Flag::bool("ignore-errors", "If watching / following pod logs, allow for any errors that occur to be non-fatal"),
    Flag::duration("pod-running-timeout", "20s", "The length of time to wait until at least one pod is running"),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "logs",
    "Print the logs for a container in a pod or specified resource.",
    "[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] [options]",
    &[FLAGS, flags::SELECTOR],
    run,
);

/// Lines when a selector is given and `--tail` is not.
const SELECTOR_TAIL: i64 = 10;

/// What `logs -f` follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Follow {
    sources: Vec<Source>,
    query: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Source {
    namespace: String,
    pod: String,
    container: String,
    prefix: String,
    /// Bytes seen so far.
    seen: usize,
    ended: bool,
}

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

fn items(v: &Value) -> &[Value] {
    v.as_array().map_or(&[], Vec::as_slice)
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let selector = inv.str("selector");
    let mut container = inv.str("container").to_string();
    match (inv.args.len(), selector.is_empty()) {
        (0, true) => {
            return Err(inv.usage(
                "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
            ));
        }
        (1 | 2, false) => {
            return Err(inv.usage("only a selector (-l) or a POD name is allowed"));
        }
        (2, true) if !container.is_empty() => {
            return Err(inv.usage("only one of -c or an inline [CONTAINER] arg is allowed"));
        }
        (2, true) => container.clone_from(&inv.args[1]),
        (0 | 1, _) => {}
        _ => return Err(inv.usage("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.")),
    }
    let all_containers = inv.bool("all-containers");
    if all_containers && !container.is_empty() {
        return Err(CmdError::client(format!(
            "--all-containers=true should not be specified with container name {container}"
        )));
    }
    if inv.changed("tail") && inv.int("tail") < -1 {
        return Err(CmdError::client("--tail must be greater than or equal to -1"));
    }
    let pods = pods(inv, ctx)?;
    let prefixed = inv.bool("prefix") || inv.bool("all-pods");
    let mut sources = vec![];
    for p in &pods {
        for c in chosen_containers(p, &container, all_containers, ctx)? {
            let (namespace, pod) =
                (text(&p["metadata"]["namespace"]).to_string(), text(&p["metadata"]["name"]).to_string());
            let prefix = if prefixed { format!("[pod/{pod}/{c}] ") } else { String::new() };
            sources.push(Source { namespace, pod, container: c, prefix, seen: 0, ended: false });
        }
    }
    let follow = inv.bool("follow");
    let limit = inv.int("max-log-requests");
    if follow && sources.len() as i64 > limit {
        return Err(CmdError::client(format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is {limit}, use --max-log-requests to increase the limit",
            sources.len()
        )));
    }
    let mut query = vec![];
    if inv.bool("previous") {
        query.push(("previous".to_string(), "true".to_string()));
    }
    if inv.bool("timestamps") {
        query.push(("timestamps".to_string(), "true".to_string()));
    }
    if inv.seconds("since") > 0.0 {
        query.push(("sinceSeconds".to_string(), (inv.seconds("since").ceil() as i64).to_string()));
    }
    if !inv.str("since-time").is_empty() {
        query.push(("sinceTime".to_string(), inv.str("since-time").to_string()));
    }
    let tail = if !inv.changed("tail") && !selector.is_empty() { SELECTOR_TAIL } else { inv.int("tail") };
    let bytes = inv.int("limit-bytes");
    for s in &mut sources {
        let all = match read(s, &query, ctx) {
            Ok(t) => t,
            Err(e) if inv.bool("ignore-errors") => {
                ctx.eprintln(format!("error: {}", e.text()));
                s.ended = true;
                continue;
            }
            Err(e) => return Err(e),
        };
        s.seen = all.len();
        let mut shown: &str = &all;
        if tail >= 0 {
            let lines: Vec<&str> = all.split_inclusive('\n').collect();
            let skip = lines.len().saturating_sub(clamped(tail.unsigned_abs()));
            shown = &all[lines[..skip].iter().map(|l| l.len()).sum::<usize>()..];
        }
        if bytes > 0 {
            let end = shown
                .char_indices()
                .map(|(i, c)| i + c.len_utf8())
                .take_while(|e| *e <= clamped(bytes.unsigned_abs()))
                .last();
            shown = &shown[..end.unwrap_or(0)];
        }
        let out = prefix(shown, &s.prefix);
        ctx.print(out);
    }
    if follow {
        let mut f = Follow { sources, query };
        let mut next = None;
        if !f.poll(&mut next, ctx)? {
            ctx.out.pending = Some(Pending::new(Wait::Logs(f), next));
        }
    }
    Ok(())
}

/// The pods that are meant.
fn pods(inv: &Invocation, ctx: &mut Context) -> Result<Vec<Value>, CmdError> {
    if !inv.str("selector").is_empty() {
        let list = Builder::new(inv).args(&["pods".to_string()]).all_infos(ctx)?;
        if list.is_empty() {
            ctx.eprintln(format!("No resources found in {} namespace.", inv.namespace));
        }
        return Ok(list.into_iter().map(|i| i.object).collect());
    }
    let target = &inv.args[0];
    let args = if target.contains('/') { vec![target.clone()] } else { vec!["pods".to_string(), target.clone()] };
    let mut found = Builder::new(inv).args(&args).all_infos(ctx)?;
    let info = found.remove(0);
    if info.mapping.kind == "Pod" {
        return Ok(vec![info.object]);
    }
    let mut pods = pods_of(&info, ctx)?;
    if pods.is_empty() {
        return Err(CmdError::client("timed out waiting for the condition"));
    }
    if inv.bool("all-pods") {
        return Ok(pods);
    }
    let first = pods.swap_remove(0);
    if !pods.is_empty() {
        ctx.eprintln(format!("Found {} pods, using pod/{}", pods.len() + 1, text(&first["metadata"]["name"])));
    }
    Ok(vec![first])
}

/// The pods an object selects, the one to talk to first in front: running before pending, ready before unready, older
/// before younger.
pub(crate) fn pods_of(info: &Info, ctx: &mut Context) -> Result<Vec<Value>, CmdError> {
    let spec = &info.object["spec"];
    let selector = match info.mapping.kind {
        "Service" | "ReplicationController" => crate::apiserver::printers::labels(&spec["selector"]),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => {
            crate::apiserver::printers::selector(&spec["selector"])
        }
        _ => {
            return Err(CmdError::client(format!(
                "cannot get the logs from {}: selector for {} not implemented",
                gvk(info.mapping),
                info.mapping.kind
            )));
        }
    };
    if selector == "<none>" {
        return Err(CmdError::client(format!("invalid {} {:?}: it has no selector", info.mapping.singular, info.name)));
    }
    let Some(r) = kinds::resolve("pods") else { return Ok(vec![]) };
    let list = ctx.call(Request::get(r.path(Some(&info.namespace), None)).with("labelSelector", selector))?;
    let mut pods = items(&list["items"]).to_vec();
    let ready =
        |p: &Value| items(&p["status"]["conditions"]).iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
    let phase = |p: &Value| match text(&p["status"]["phase"]) {
        "Pending" => 1,
        "Unknown" => 2,
        _ => 0,
    };
    pods.sort_by_key(|p| {
        (
            text(&p["spec"]["nodeName"]).is_empty(),
            phase(p),
            !ready(p),
            text(&p["metadata"]["creationTimestamp"]).to_string(),
        )
    });
    Ok(pods)
}

/// Which containers of a pod are meant; says so when it had to choose.
pub(crate) fn chosen_containers(
    pod: &Value,
    wanted: &str,
    all: bool,
    ctx: &mut Context,
) -> Result<Vec<String>, CmdError> {
    let names = |key: &str| items(&pod["spec"][key]).iter().map(|c| text(&c["name"]).to_string()).collect::<Vec<_>>();
    let (own, init, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"));
    if all {
        return Ok([init, own, ephemeral].concat());
    }
    let list = || {
        let mut l = own.clone();
        l.extend(ephemeral.iter().map(|n| format!("{n} (ephem)")));
        l.extend(init.iter().map(|n| format!("{n} (init)")));
        l.join(", ")
    };
    if !wanted.is_empty() {
        if [&own, &init, &ephemeral].iter().any(|l| l.iter().any(|n| n == wanted)) {
            return Ok(vec![wanted.to_string()]);
        }
        let name = text(&pod["metadata"]["name"]);
        return Err(CmdError::client(format!("container {wanted} is not valid for pod {name} out of: {}", list())));
    }
    let default = text(&pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"]);
    if own.iter().any(|n| n == default) {
        return Ok(vec![default.to_string()]);
    }
    let Some(first) = own.first().cloned() else { return Ok(vec![]) };
    if own.len() + init.len() + ephemeral.len() > 1 {
        ctx.eprintln(format!("Defaulted container {first:?} out of: {}", list()));
    }
    Ok(vec![first])
}

fn read(s: &Source, query: &[(String, String)], ctx: &mut Context) -> Result<String, CmdError> {
    let path = format!("/api/v1/namespaces/{}/pods/{}/log", s.namespace, s.pod);
    let mut request = Request::get(path).with("container", &s.container);
    request.query.extend(query.iter().cloned());
    Ok(text(&ctx.call(request)?).to_string())
}

/// Follows a container's log from its beginning.
pub(crate) fn follower(at: &Inside) -> Follow {
    let source = Source {
        namespace: at.namespace.clone(),
        pod: at.pod.clone(),
        container: at.container.clone(),
        prefix: String::new(),
        seen: 0,
        ended: false,
    };
    Follow { sources: vec![source], query: vec![] }
}

/// Follows a container's log from its present end (`attach`).
pub(crate) fn follow_from_now(at: &Inside, ctx: &mut Context) -> Result<(), CmdError> {
    let mut follow = follower(at);
    for s in &mut follow.sources {
        s.seen = read(s, &[], ctx)?.len();
    }
    let next = ctx.now() + LOOK;
    ctx.out.pending = Some(Pending::new(Wait::Logs(follow), Some(next)));
    Ok(())
}

fn prefix(text: &str, prefix: &str) -> String {
    if prefix.is_empty() {
        return text.to_string();
    }
    text.split_inclusive('\n').map(|l| format!("{prefix}{l}")).collect()
}

impl Follow {
    /// Prints what is new; true when every container has ended. Sets when to look again: what a container prints is no
    /// change of the cluster.
    pub fn poll(&mut self, next: &mut Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
        if next.is_none_or(|t| ctx.now() >= t) {
            *next = Some(ctx.now() + LOOK);
        }
        for s in self.sources.iter_mut().filter(|s| !s.ended) {
            let pod = Request::get(format!("/api/v1/namespaces/{}/pods/{}", s.namespace, s.pod));
            let Ok(pod) = ctx.api.request(pod).ok() else {
                s.ended = true;
                continue;
            };
            if let Ok(all) = read(s, &self.query, ctx) {
                // a log that has become shorter is that of another run
                let fresh = all.get(s.seen..).unwrap_or(&all);
                let out = prefix(fresh, &s.prefix);
                s.seen = all.len();
                ctx.print(out);
            }
            let statuses = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
            let state =
                statuses.iter().flat_map(|k| items(&pod["status"][*k])).find(|c| text(&c["name"]) == s.container);
            s.ended = state.is_some_and(|c| !c["state"]["terminated"].is_null());
        }
        Ok(self.sources.iter().all(|s| s.ended))
    }
}
