//! `kubectl run`: one pod from an image. Models kubectl `pkg/cmd/run`.

use super::change::{self, RECORD, SAVE_CONFIG};
use super::{apply, attached};
use crate::api::labels;
use crate::apiserver::request::Method;
use crate::kubectl::Context;
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use serde_json::{Value, json};
use std::collections::BTreeMap;

static FLAGS: &[Flag] = &[
    Flag::str("image", "The image for the container to run.").required(),
    Flag::str(
        "image-pull-policy",
        "The image pull policy for the container. If left empty, this value will not be specified by the client and defaulted by the server.",
    ),
    Flag::array("env", "Environment variables to set in the container."),
    Flag::str("port", "The port that this container exposes."),
    Flag::str("labels", "Comma separated labels to apply to the pod. Will override previous values.").short('l'),
    Flag::array("annotations", "Annotations to apply to the pod."),
    Flag::str("restart", "The restart policy for this Pod. Legal values [Always, OnFailure, Never].").default("Always"),
    Flag::bool(
        "command",
        "If true and extra arguments are present, use them as the 'command' field in the container, rather than the 'args' field which is the default.",
    ),
    Flag::bool("expose", "If true, create a ClusterIP service associated with the pod. Requires --port."),
    Flag::bool("stdin", "Keep stdin open on the container in the pod, even if nothing is attached.").short('i'),
    Flag::bool("tty", "Allocate a TTY for the container in the pod.").short('t'),
    Flag::bool(
        "attach",
        "If true, wait for the Pod to start running, and then attach to the Pod as if 'kubectl attach ...' were called.",
    ),
    Flag::new(
        "leave-stdin-open",
        Kind::Bool,
        "false",
        "If the pod is started in interactive mode or with stdin, leave stdin open after the first attach completes.",
    ),
    Flag::bool("rm", "If true, delete the pod after it exits. Only valid when attaching to the container."),
    Flag::bool("privileged", "If true, run the container in privileged mode."),
    Flag::bool("quiet", "If true, suppress prompt messages.").short('q'),
    Flag::str("overrides", "An inline JSON override for the generated object."),
    Flag::str("override-type", "The method used to override the generated object: json, merge, or strategic.")
        .default("merge"),
    Flag::int("grace-period", "-1", "Period of time in seconds given to the resource to terminate gracefully."),
    Flag::bool("force", "If true, immediately remove resources from API and bypass graceful deletion."),
    Flag::duration("timeout", "0s", "The length of time to wait before giving up on a delete."),
    Flag::duration("pod-running-timeout", "1m0s", "The length of time to wait until at least one pod is running."),
    Flag::str("cascade", "Must be \"background\", \"orphan\", or \"foreground\".")
        .default("background")
        .no_opt("background"),
    Flag::new("wait", Kind::Bool, "false", "If true, wait for resources to be gone before returning."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "run",
    "Create and run a particular image in a pod.",
    "NAME --image=image [--env=\"key=value\"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] [--command] -- [COMMAND] [args...]",
    // that of files is there and does nothing, as it always was
    &[FLAGS, RECORD, SAVE_CONFIG, flags::PRINT, flags::DRY_RUN, flags::FIELD_MANAGER, flags::FILENAME],
    run,
);

/// The flags that shape the pod.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// metadata.name, and the container's.
    pub name: String,
    /// `--image`
    pub image: String,
    /// `--image-pull-policy`
    pub pull_policy: String,
    /// `--env`, as `key=value`
    pub env: Vec<String>,
    /// `--port`
    pub port: String,
    /// `--labels`; empty: `run=<name>`
    pub labels: String,
    /// `--annotations`, as `key=value`
    pub annotations: Vec<String>,
    /// Restart policy.
    pub restart: String,
    /// Arguments after the name.
    pub args: Vec<String>,
    /// They are the command, not its arguments.
    pub command: bool,
    /// `--privileged`
    pub privileged: bool,
}

impl Run {
    /// The pod's labels.
    ///
    /// # Errors
    /// `--labels` cannot be read.
    pub fn labels(&self) -> Result<BTreeMap<String, String>, String> {
        if self.labels.is_empty() {
            return Ok(BTreeMap::from([("run".to_string(), self.name.clone())]));
        }
        labels::selector_to_map(&self.labels)
    }

    /// The pod as kubectl sends it.
    ///
    /// # Errors
    /// Labels, annotations, environment or port that cannot be read.
    pub fn pod(&self) -> Result<Value, String> {
        let mut container = json!({"name": self.name, "image": self.image, "resources": {}});
        if !self.pull_policy.is_empty() {
            container["imagePullPolicy"] = self.pull_policy.clone().into();
        }
        let mut env = vec![];
        for e in &self.env {
            let Some((name, value)) = e.split_once('=').filter(|(n, _)| !n.is_empty()) else {
                return Err(format!("invalid env: {e}"));
            };
            if !change::env_name_errors(name).is_empty() {
                return Err(format!("invalid env: {e}"));
            }
            env.push(json!({"name": name, "value": value}));
        }
        if !env.is_empty() {
            container["env"] = env.into();
        }
        if !self.port.is_empty() {
            let port: i64 =
                self.port.parse().map_err(|_| format!("strconv.Atoi: parsing {:?}: invalid syntax", self.port))?;
            container["ports"] = json!([{"containerPort": port}]);
        }
        if !self.args.is_empty() {
            container[if self.command { "command" } else { "args" }] = json!(self.args);
        }
        if self.privileged {
            container["securityContext"] = json!({"privileged": true});
        }
        let mut metadata = json!({"name": self.name, "labels": self.labels()?});
        for a in &self.annotations {
            let Some((key, value)) = a.split_once('=') else {
                return Err(format!("unexpected pair: {a}, expecting key=value"));
            };
            metadata["annotations"][key] = value.into();
        }
        Ok(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": self.restart},
            "status": {},
        }))
    }

    /// The service of `--expose`.
    ///
    /// # Errors
    /// There is no port.
    pub fn service(&self) -> Result<Value, String> {
        let port: i64 = match self.port.as_str() {
            "" => return Err("--port must be set when exposing a service".into()),
            p => p.parse().map_err(|_| format!("strconv.Atoi: parsing {p:?}: invalid syntax"))?,
        };
        Ok(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": self.name},
            "spec": {"ports": [{"port": port, "protocol": "TCP", "targetPort": port}], "selector": self.labels()?},
            "status": {"loadBalancer": {}},
        }))
    }
}

/// An object with `--overrides` put over it.
///
/// # Errors
/// The overrides are no JSON, or do not fit.
pub(super) fn overridden(mut object: Value, inv: &Invocation) -> Result<Value, CmdError> {
    let text = inv.str("overrides");
    let over = super::patch::inline(text)?;
    match inv.str("override-type") {
        "json" => {
            let ops: json_patch::Patch = serde_json::from_value(over).map_err(|e| CmdError::client(e.to_string()))?;
            json_patch::patch(&mut object, &ops).map_err(|e| CmdError::client(e.to_string()))?;
        }
        "merge" => json_patch::merge(&mut object, &over),
        "strategic" => object = super::patch::strategic(&object, &over)?,
        other => {
            return Err(CmdError::client(format!("invalid override type: {other:?}")));
        }
    }
    Ok(object)
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let err = |t: &str| Err(CmdError::client(t));
    let dry = inv.dry_run()?;
    let Some((name, rest)) = inv.args.split_first() else {
        return Err(inv.usage("NAME is required for run"));
    };
    if inv.dash == Some(0) {
        return Err(inv.usage("NAME is required for run"));
    }
    let image = inv.str("image");
    if image.is_empty() {
        return err("--image is required");
    }
    if image.contains(char::is_whitespace) || image.to_lowercase() != image && !image.contains([':', '/']) {
        return Err(CmdError::client(format!("Invalid image name {image:?}: invalid reference format")));
    }
    let attach = inv.bool("attach") || inv.bool("stdin") || inv.bool("tty");
    if inv.bool("rm") && !attach {
        return Err(inv.usage("--rm should only be used for attached containers"));
    }
    let restart = match inv.str("restart") {
        "" if inv.bool("stdin") => "OnFailure",
        "" => "Always",
        r @ ("Always" | "OnFailure" | "Never") => r,
        other => return Err(inv.usage(format!("invalid restart policy: {other}"))),
    };
    match inv.str("image-pull-policy") {
        "" | "Always" | "IfNotPresent" | "Never" => {}
        other => return Err(inv.usage(format!("invalid image pull policy: {other}"))),
    }
    if attach && dry != DryRun::None {
        return Err(inv.usage(
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
        ));
    }
    if inv.bool("tty") && !inv.bool("stdin") {
        return Err(CmdError::client("-i/--stdin is required for containers with -t/--tty=true"));
    }
    let text = |n: &str| inv.str(n).to_string();
    let shape = Run {
        name: name.clone(),
        image: image.into(),
        pull_policy: text("image-pull-policy"),
        env: inv.list("env").to_vec(),
        port: text("port"),
        labels: text("labels"),
        annotations: inv.list("annotations").to_vec(),
        restart: restart.into(),
        args: rest.to_vec(),
        command: inv.bool("command"),
        privileged: inv.bool("privileged"),
    };
    let mut objects = vec![];
    if inv.bool("expose") {
        objects.push((shape.service().map_err(|e| inv.usage(e))?, "services"));
    }
    let mut pod = shape.pod().map_err(CmdError::Client)?;
    if inv.bool("stdin") {
        pod["spec"]["containers"][0]["stdin"] = true.into();
        pod["spec"]["containers"][0]["stdinOnce"] = (!inv.bool("leave-stdin-open")).into();
    }
    if inv.bool("tty") {
        pod["spec"]["containers"][0]["tty"] = true.into();
    }
    if inv.changed("overrides") {
        pod = overridden(pod, inv)?;
    }
    change::record(inv, &mut pod);
    objects.push((pod, "pods"));
    for (i, (mut object, plural)) in objects.into_iter().enumerate() {
        if inv.namespace_given {
            object["metadata"]["namespace"] = inv.namespace.clone().into();
        }
        if dry != DryRun::Client {
            if inv.bool("save-config") {
                apply::annotate(&mut object);
            }
            let path = format!("/api/v1/namespaces/{}/{plural}", inv.namespace);
            object = ctx.call(change::request(Method::Post, path, inv, dry, "kubectl-run").body(object))?;
        }
        if i > 0 && inv.str("output") == "yaml" {
            ctx.println("---\n---");
        }
        if attach && plural == "pods" {
            let leave = inv.bool("leave-stdin-open");
            let how = attached::How {
                terminal: inv.bool("stdin") && inv.bool("tty"),
                remove: inv.bool("rm"),
                code: !leave && restart != "Always",
            };
            let container = object["spec"]["containers"][0]["name"].as_str().unwrap_or_default().to_owned();
            attached::begin(inv, &object, &container, how, ctx);
            continue;
        }
        change::print_typed(inv, &object, "created", dry, ctx)?;
    }
    Ok(())
}
