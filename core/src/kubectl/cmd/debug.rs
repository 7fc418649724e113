//! `kubectl debug`: a container more in a pod, a copy of a pod, or a pod on a node, to look around in. Models kubectl `pkg/cmd/debug`.

use super::attached;
use super::change;
use crate::api::schema::schema;
use crate::api::yaml;
use crate::apiserver::patch;
use crate::apiserver::request::{Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use crate::kubectl::pipes::clean;
use serde_json::{Value, json};

static FLAGS: &[Flag] = &[
    Flag::bool(
        "arguments-only",
        "If specified, everything after -- will be passed to the new container as Args instead of Command.",
    ),
    Flag::bool(
        "attach",
        "If true, wait for the container to start running, and then attach as if 'kubectl attach ...' were called.",
    ),
    Flag::str("container", "Container name to use for debug container.").short('c'),
    Flag::str("copy-to", "Create a copy of the target Pod with this name."),
    Flag::bool("replace", "When used with '--copy-to', delete the original Pod."),
    Flag::array("env", "Environment variables to set in the container."),
    Flag::str("image", "Container image to use for debug container."),
    Flag::str("image-pull-policy", "The image pull policy for the container."),
    Flag::bool("keep-labels", "If true, keep the original pod labels."),
    Flag::bool("keep-annotations", "If true, keep the original pod annotations."),
    Flag::bool("keep-liveness", "If true, keep the original pod liveness probes."),
    Flag::bool("keep-readiness", "If true, keep the original pod readiness probes."),
    Flag::bool("keep-startup", "If true, keep the original startup probes."),
    Flag::new("keep-init-containers", Kind::Bool, "true", "Run the init containers for the pod."),
    Flag::list("set-image", "When used with '--copy-to', a list of name=image pairs for changing container images."),
    Flag::bool("same-node", "When used with '--copy-to', schedule the copy of target Pod on the same node."),
    Flag::new(
        "share-processes",
        Kind::Bool,
        "true",
        "When used with '--copy-to', enable process namespace sharing in the copy.",
    ),
    Flag::bool("stdin", "Keep stdin open on the container(s) in the pod, even if nothing is attached.").short('i'),
    Flag::str("target", "When using an ephemeral container, target processes in this container name."),
    Flag::bool("tty", "Allocate a TTY for the debugging container.").short('t'),
    Flag::bool("quiet", "If true, suppress informational messages.").short('q'),
    Flag::str(
        "profile",
        "Options are \"legacy\", \"general\", \"baseline\", \"netadmin\", \"restricted\" or \"sysadmin\".",
    )
    .default("general"),
    Flag::str(
        "custom",
        "Path to a JSON or YAML file containing a partial container spec to customize built-in debug profiles.",
    ),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "debug",
    "Create debugging sessions for troubleshooting workloads and nodes.",
    "(POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ]",
    &[FLAGS, flags::FILES],
    run,
);

const PROFILES: &[&str] = &["legacy", "general", "baseline", "netadmin", "restricted", "sysadmin"];

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let err = |t: &str| Err(CmdError::client(t));
    let count = inv.dash.unwrap_or(inv.args.len());
    let (targets, command) = inv.args.split_at(count);
    let copying = !inv.str("copy-to").is_empty();
    if copying {
        if inv.str("image").is_empty() && inv.list("set-image").is_empty() && command.is_empty() {
            return err("you must specify --image, --set-image or command arguments.");
        }
        if !command.is_empty() && inv.str("container").is_empty() && inv.str("image").is_empty() {
            return err("you must specify an existing container or a new image when specifying args.");
        }
    } else {
        for flag in ["replace", "same-node", "share-processes"] {
            if inv.changed(flag) {
                return Err(CmdError::client(format!("--{flag} may only be used with --copy-to.")));
            }
        }
        if inv.str("image").is_empty() {
            return err("you must specify --image when not using --copy-to.");
        }
        if !inv.list("set-image").is_empty() {
            return err("--set-image may only be used with --copy-to.");
        }
    }
    let image = inv.str("image");
    if !image.is_empty() && (image.contains(char::is_whitespace) || image.chars().any(|c| c.is_ascii_uppercase())) {
        return Err(CmdError::client(format!("invalid image name {image:?}: invalid reference format")));
    }
    if targets.is_empty() && change::no_files(inv) {
        return err("NAME or filename is required for debug");
    }
    let policy = inv.str("image-pull-policy");
    if !["", "Always", "IfNotPresent", "Never"].contains(&policy) {
        return Err(CmdError::client(format!("invalid image pull policy: {policy}")));
    }
    let target = inv.str("target");
    if !target.is_empty() {
        if copying {
            return err("--target is incompatible with --copy-to. Use --share-processes instead.");
        }
        if !inv.bool("quiet") {
            ctx.println(format!(
                "Targeting container {target:?}. If you don't see processes from this container it may be because the container runtime doesn't support this feature."
            ));
        }
    }
    if inv.bool("tty") && !inv.bool("stdin") {
        return err("-i/--stdin is required for containers with -t/--tty=true");
    }
    if !PROFILES.contains(&inv.str("profile")) {
        return Err(CmdError::client(format!("unknown profile: {}", inv.str("profile"))));
    }
    if inv.str("profile") == "legacy" {
        ctx.eprintln("--profile=legacy is deprecated and planned to be removed in v1.39. It is recommended to specify other profile, for example \"--profile=general\".");
    }
    let mut args = vec![];
    for t in targets {
        args.push(if t.contains('/') { t.clone() } else { format!("pods/{t}") });
    }
    for info in Builder::new(inv).args(&args).latest().all_infos(ctx)? {
        match info.mapping.kind {
            "Node" => on_node(inv, &info.name, command, ctx)?,
            "Pod" if copying => copy(inv, &info.object, command, ctx)?,
            "Pod" => add(inv, &info, command, ctx)?,
            _ => return Err(CmdError::client(format!("{:?} not supported by debug", info.mapping.group_kind()))),
        }
    }
    Ok(())
}

/// The debugging container of the flags.
fn container(inv: &Invocation, name: &str, command: &[String]) -> Value {
    let mut c = json!({"name": name, "image": inv.str("image"), "resources": {}, "terminationMessagePolicy": "File"});
    if !inv.str("image-pull-policy").is_empty() {
        c["imagePullPolicy"] = inv.str("image-pull-policy").into();
    }
    for flag in ["stdin", "tty"] {
        if inv.bool(flag) {
            c[flag] = true.into();
        }
    }
    if !command.is_empty() {
        c[if inv.bool("arguments-only") { "args" } else { "command" }] = json!(command);
    }
    let env: Vec<Value> =
        inv.list("env").iter().filter_map(|e| e.split_once('=')).map(|(k, v)| json!({"name": k, "value": v})).collect();
    if !env.is_empty() {
        c["env"] = env.into();
    }
    c
}

/// What a profile lets the debugging container do.
fn rights(profile: &str) -> Option<Value> {
    Some(match profile {
        "general" => json!({"capabilities": {"add": ["SYS_PTRACE"]}}),
        "netadmin" => json!({"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}),
        "restricted" => json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": true,
            "seccompProfile": {"type": "RuntimeDefault"},
        }),
        "sysadmin" => json!({"privileged": true}),
        _ => return None,
    })
}

/// The container with what the file of `--custom` says of it.
fn customized(inv: &Invocation, container: Value, ctx: &Context) -> Result<Value, CmdError> {
    let file = inv.str("custom");
    if file.is_empty() {
        return Ok(container);
    }
    let text = ctx.files.get(clean(file)).ok_or_else(|| {
        CmdError::client(format!(
            "must pass a container spec json file for custom profile: open {file}: no such file or directory"
        ))
    })?;
    let part = yaml::read_value(text).ok().filter(Value::is_object);
    let part = part.ok_or_else(|| CmdError::client(format!("{file} does not contain a valid container spec")))?;
    if ["name", "command", "image", "lifecycle", "volumeDevices"].iter().any(|k| !part[*k].is_null()) {
        return Err(CmdError::client(
            "name, command, image, lifecycle and volume devices are not modifiable via custom profile",
        ));
    }
    let kind = schema().by_name("core.v1.Container");
    Ok(patch::strategic_merge(kind, &container, &part).map_err(CmdError::Api)?.value)
}

/// The name of a new debugging container, made up where none is given.
fn named(inv: &Invocation, pod: &str, ctx: &mut Context) -> String {
    if !inv.str("container").is_empty() {
        return inv.str("container").to_owned();
    }
    let name = attached::debugger_name(&format!("{pod}{}", ctx.now().0));
    if !inv.bool("quiet") {
        ctx.println(format!("Defaulting debug container name to {name}."));
    }
    name
}

/// An ephemeral container in a pod that is there.
fn add(inv: &Invocation, info: &Info, command: &[String], ctx: &mut Context) -> Result<(), CmdError> {
    let pod = &info.object;
    let name = named(inv, text(&pod["metadata"]["name"]), ctx);
    let mut debugger = container(inv, &name, command);
    if let Some(rights) = rights(inv.str("profile")) {
        debugger["securityContext"] = rights;
    }
    if !inv.str("target").is_empty() {
        debugger["targetContainerName"] = inv.str("target").into();
    }
    let debugger = customized(inv, debugger, ctx)?;
    let part = |k: &str| text(&pod["metadata"][k]);
    let path = format!("/api/v1/namespaces/{}/pods/{}/ephemeralcontainers", part("namespace"), part("name"));
    let mut changed = pod.clone();
    match changed["spec"]["ephemeralContainers"].as_array_mut() {
        Some(list) => list.push(debugger),
        None => changed["spec"]["ephemeralContainers"] = json!([debugger]),
    }
    let (body, kind) = change::difference(info, pod, &changed);
    let mut request = Request::new(Method::Patch, path).with("fieldManager", "kubectl-debug").body(body);
    request.content_type = kind;
    let made = ctx.call(request)?;
    attach(inv, &made, &name, ctx);
    Ok(())
}

/// `-i` attaches to what has been made.
fn attach(inv: &Invocation, pod: &Value, container: &str, ctx: &mut Context) {
    let terminal = inv.bool("stdin") && inv.bool("tty");
    let asked = if inv.changed("attach") { inv.bool("attach") } else { inv.bool("stdin") };
    if asked && !container.is_empty() {
        attached::begin(inv, pod, container, attached::How { terminal, remove: false, code: false }, ctx);
    }
}

fn send(inv: &Invocation, pod: &Value, container: &str, ctx: &mut Context) -> Result<(), CmdError> {
    let namespace = match text(&pod["metadata"]["namespace"]) {
        "" => inv.namespace.as_str(),
        ns => ns,
    };
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let made = ctx.call(Request::new(Method::Post, path).with("fieldManager", "kubectl-debug").body(pod.clone()))?;
    attach(inv, &made, container, ctx);
    Ok(())
}

/// A pod in the namespaces of a node, with its files under `/host`.
fn on_node(inv: &Invocation, node: &str, command: &[String], ctx: &mut Context) -> Result<(), CmdError> {
    let name = format!("node-debugger-{node}-{}", change::suffix(&format!("{node}{}", ctx.now().0)));
    let given = inv.str("container");
    let called = if given.is_empty() { "debugger" } else { given };
    if !inv.bool("quiet") {
        ctx.println(format!("Creating debugging pod {name} with container {called} on node {node}."));
    }
    let mut debugger = container(inv, called, command);
    let mut spec = json!({"nodeName": node, "restartPolicy": "Never", "tolerations": [{"operator": "Exists"}]});
    let profile = inv.str("profile");
    if !["baseline", "restricted"].contains(&profile) {
        for flag in ["hostNetwork", "hostPID"] {
            spec[flag] = true.into();
        }
        if profile != "netadmin" {
            spec["hostIPC"] = true.into();
            spec["volumes"] = json!([{"name": "host-root", "hostPath": {"path": "/"}}]);
            debugger["volumeMounts"] = json!([{"name": "host-root", "mountPath": "/host"}]);
        }
    }
    if let Some(rights) = rights(profile).filter(|_| profile != "general") {
        debugger["securityContext"] = rights;
    }
    spec["containers"] = json!([customized(inv, debugger, ctx)?]);
    let labels = json!({"app.kubernetes.io/managed-by": "kubectl-debug"});
    let metadata = json!({"name": name, "namespace": inv.namespace, "labels": labels});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    send(inv, &pod, called, ctx)
}

/// A copy of a pod with a container more, or with containers changed.
fn copy(inv: &Invocation, original: &Value, command: &[String], ctx: &mut Context) -> Result<(), CmdError> {
    let (name, namespace) = (text(&original["metadata"]["name"]), text(&original["metadata"]["namespace"]));
    let labels = json!({"app.kubernetes.io/managed-by": "kubectl-debug"});
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": inv.str("copy-to"), "namespace": namespace, "labels": labels},
        "spec": original["spec"],
    });
    for (flag, field) in [("keep-labels", "labels"), ("keep-annotations", "annotations")] {
        for (k, v) in original["metadata"][field].as_object().into_iter().flatten().filter(|_| inv.bool(flag)) {
            pod["metadata"][field][k] = v.clone();
        }
    }
    let spec = &mut pod["spec"];
    if let Some(s) = spec.as_object_mut() {
        s.remove("ephemeralContainers");
        if !inv.bool("same-node") {
            s.remove("nodeName");
        }
        if !inv.bool("keep-init-containers") {
            s.remove("initContainers");
        }
        if inv.bool("share-processes") {
            s.insert("shareProcessNamespace".into(), true.into());
        }
    }
    let mut changes = vec![];
    for pair in inv.list("set-image") {
        match pair.split_once('=') {
            Some((k, v)) if !k.is_empty() && !v.is_empty() => changes.push((k, v)),
            _ => return Err(CmdError::client(format!("invalid image format: {pair:?}"))),
        }
    }
    let chosen = inv.str("container");
    let mut attach = chosen.to_owned();
    let mut found = false;
    for c in spec["containers"].as_array_mut().into_iter().flatten() {
        for (flag, probe) in
            [("keep-liveness", "livenessProbe"), ("keep-readiness", "readinessProbe"), ("keep-startup", "startupProbe")]
        {
            if let Some(c) = c.as_object_mut().filter(|_| !inv.bool(flag)) {
                c.remove(probe);
            }
        }
        let own = text(&c["name"]).to_owned();
        let image = changes.iter().find(|(k, _)| *k == own).or_else(|| changes.iter().find(|(k, _)| *k == "*"));
        if let Some((_, image)) = image {
            c["image"] = (*image).into();
        }
        if own == chosen {
            found = true;
            if !inv.str("image").is_empty() {
                c["image"] = inv.str("image").into();
            }
            if let Some(c) = c.as_object_mut().filter(|_| !command.is_empty()) {
                let key = if inv.bool("arguments-only") { "args" } else { "command" };
                c.remove("args");
                c.insert(key.into(), json!(command));
            }
            for flag in ["stdin", "tty"] {
                if inv.bool(flag) {
                    c[flag] = true.into();
                }
            }
        }
    }
    if !found && !inv.str("image").is_empty() {
        attach = named(inv, name, ctx);
        let mut debugger = container(inv, &attach, command);
        if let Some(rights) = rights(inv.str("profile")) {
            debugger["securityContext"] = rights;
        }
        let debugger = customized(inv, debugger, ctx)?;
        if let Some(list) = spec["containers"].as_array_mut() {
            list.push(debugger);
        }
    } else if !found && !chosen.is_empty() {
        return Err(CmdError::client(format!("container {chosen:?} not found")));
    }
    let old = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    if inv.bool("replace") {
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0});
        ctx.call(Request::new(Method::Delete, old).body(options))?;
    }
    send(inv, &pod, &attach, ctx)
}
