//! The subcommands of `kubectl create`: flags in, objects out.

use super::data::{self, Sources, Target};
use super::deployment::Deployment;
use super::service::Service;
use super::{Wrap, fetch, finish, hash, misc, with_data};
use crate::apiserver::request::{Method, Request};
use crate::kubectl::Context;
use crate::kubectl::cmd::change::{self, SAVE_CONFIG, VALIDATE};
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, CmdError>;

macro_rules! sets {
    ($own:expr) => {
        &[$own, SAVE_CONFIG, VALIDATE, flags::PRINT, flags::DRY_RUN, flags::FIELD_MANAGER]
    };
}

static NONE: &[Flag] = &[];

static SOURCES: &[Flag] = &[
    Flag::array(
        "from-file",
        "Key file can be specified using its file path, in which case file basename will be used as key, or optionally with a key and file path.",
    ),
    Flag::array("from-literal", "Specify a key and literal value to insert (i.e. mykey=somevalue)"),
    Flag::array("from-env-file", "Specify the path to a file to read lines of key=val pairs."),
    Flag::bool("append-hash", "Append a hash of the object to its name."),
];

static TYPE: &[Flag] = &[Flag::str("type", "The type of secret to create")];

static DOCKER: &[Flag] = &[
    Flag::str("docker-server", "Server location for Docker registry").default("https://index.docker.io/v1/"),
    Flag::str("docker-username", "Username for Docker registry authentication"),
    Flag::str("docker-password", "Password for Docker registry authentication"),
    Flag::str("docker-email", "Email for Docker registry"),
    Flag::array("from-file", "Key files can be specified using their file path."),
    Flag::bool("append-hash", "Append a hash of the secret to its name."),
];

static TLS: &[Flag] = &[
    Flag::str("cert", "Path to PEM encoded public key certificate."),
    Flag::str("key", "Path to private key associated with given certificate."),
    Flag::bool("append-hash", "Append a hash of the secret to its name."),
];

static DEPLOYMENT: &[Flag] = &[
    Flag::array("image", "Image names to run. A deployment can have multiple images set for multiple containers.")
        .required(),
    Flag::int("port", "-1", "The containerPort that this deployment exposes."),
    Flag::int("replicas", "1", "Number of replicas to create. Default is 1.").short('r'),
];

static TCP: &[Flag] = &[Flag::list("tcp", "Port pairs can be specified as '<port>:<targetPort>'.")];
static CLUSTER_IP: &[Flag] = &[Flag::str(
    "clusterip",
    "Assign your own ClusterIP or set to 'None' for a 'headless' service (no loadbalancing).",
)];
static NODE_PORT: &[Flag] =
    &[Flag::int("node-port", "0", "Port used to expose the service on each node in a cluster.")];
static EXTERNAL_NAME: &[Flag] = &[Flag::str("external-name", "External name of service").required()];

static JOB: &[Flag] = &[
    Flag::str("image", "Image name to run."),
    Flag::str("from", "The name of the resource to create a Job from (only cronjob is supported)."),
];
static CRON_JOB: &[Flag] = &[
    Flag::str("image", "Image name to run.").required(),
    Flag::str("schedule", "A schedule in the Cron format the job should be run with.").required(),
    Flag::str("restart", "job's restart policy. supported values: OnFailure, Never"),
];
static QUOTA: &[Flag] = &[
    Flag::list("hard", "A comma-delimited set of resource=quantity pairs that define a hard limit."),
    Flag::list("scopes", "A comma-delimited set of quota scopes that must all match each object tracked by the quota."),
];
static BUDGET: &[Flag] = &[
    Flag::str("min-available", "The minimum number or percentage of available pods this budget requires."),
    Flag::str("max-unavailable", "The maximum number or percentage of unavailable pods this budget requires."),
    Flag::str("selector", "A label selector to use for this budget."),
];
static PRIORITY: &[Flag] = &[
    Flag::int("value", "0", "the value of this priority class."),
    Flag::bool(
        "global-default",
        "global-default specifies whether this PriorityClass should be considered as the default priority.",
    ),
    Flag::str(
        "description",
        "description is an arbitrary string that usually provides guidelines on when this priority class should be used.",
    ),
    Flag::str("preemption-policy", "preemption-policy is the policy for preempting pods with lower priority.")
        .default("PreemptLowerPriority"),
];
static ROLE: &[Flag] = &[
    Flag::list("verb", "Verb that applies to the resources contained in the rule"),
    Flag::list("resource", "Resource that the rule applies to"),
    Flag::array(
        "resource-name",
        "Resource in the white list that the rule applies to, repeat this flag for multiple items",
    ),
];
static CLUSTER_ROLE: &[Flag] = &[
    Flag::list("non-resource-url", "A partial url that user should have access to."),
    Flag::list("aggregation-rule", "An aggregation label selector for combining ClusterRoles."),
];
static BINDING: &[Flag] = &[
    Flag::str("role", "Role this RoleBinding should reference"),
    Flag::str("clusterrole", "ClusterRole this binding should reference"),
    Flag::array("user", "Usernames to bind to the role."),
    Flag::array("group", "Groups to bind to the role."),
    Flag::array("serviceaccount", "Service accounts to bind to the role, in the format <namespace>:<name>."),
];
static INGRESS: &[Flag] = &[
    Flag::str("class", "Ingress Class to be used"),
    Flag::array("rule", "Rule in format host/path=service:port[,tls=secretname]."),
    Flag::str("default-backend", "Default service for backend, in format of svcname:port"),
    Flag::array("annotation", "Annotation to insert in the ingress object, in the format annotation=value"),
];

static SERVICES: &[Command] = &[
    Command::new(
        "clusterip",
        "Create a ClusterIP service.",
        "NAME [--tcp=<port>:<targetPort>]",
        &[TCP, CLUSTER_IP, SAVE_CONFIG, VALIDATE, flags::PRINT, flags::DRY_RUN, flags::FIELD_MANAGER],
        |i, c| service(i, "ClusterIP", c),
    ),
    Command::new(
        "nodeport",
        "Create a NodePort service.",
        "NAME [--tcp=port:targetPort]",
        &[TCP, NODE_PORT, SAVE_CONFIG, VALIDATE, flags::PRINT, flags::DRY_RUN, flags::FIELD_MANAGER],
        |i, c| service(i, "NodePort", c),
    ),
    Command::new(
        "loadbalancer",
        "Create a LoadBalancer service.",
        "NAME [--tcp=port:targetPort]",
        sets!(TCP),
        |i, c| service(i, "LoadBalancer", c),
    ),
    Command::new(
        "externalname",
        "Create an ExternalName service.",
        "NAME --external-name external.name",
        &[EXTERNAL_NAME, TCP, SAVE_CONFIG, VALIDATE, flags::PRINT, flags::DRY_RUN, flags::FIELD_MANAGER],
        |i, c| service(i, "ExternalName", c),
    ),
];

static SECRETS: &[Command] = &[
    Command::new(
        "generic",
        "Create a secret from a local file, directory, or literal value.",
        "NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]",
        &[SOURCES, TYPE, SAVE_CONFIG, VALIDATE, flags::PRINT, flags::DRY_RUN, flags::FIELD_MANAGER],
        generic,
    ),
    Command::new(
        "docker-registry",
        "Create a secret for use with a Docker registry.",
        "NAME --docker-username=user --docker-password=password --docker-email=email",
        sets!(DOCKER),
        docker,
    ),
    Command::new(
        "tls",
        "Create a TLS secret.",
        "NAME --cert=path/to/cert/file --key=path/to/key/file",
        sets!(TLS),
        tls,
    ),
];

/// Every generator.
pub(super) static SUBS: &[Command] = &[
    Command::new(
        "clusterrole",
        "Create a cluster role.",
        "NAME --verb=verb --resource=resource.group",
        &[ROLE, CLUSTER_ROLE, SAVE_CONFIG, VALIDATE, flags::PRINT, flags::DRY_RUN, flags::FIELD_MANAGER],
        |i, c| role(i, "ClusterRole", c),
    ),
    Command::new(
        "clusterrolebinding",
        "Create a cluster role binding for a particular cluster role.",
        "NAME --clusterrole=NAME [--user=username]",
        sets!(BINDING),
        |i, c| binding(i, "ClusterRoleBinding", c),
    ),
    Command::new(
        "configmap",
        "Create a config map from a local file, directory or literal value.",
        "NAME [--from-file=[key=]source] [--from-literal=key1=value1]",
        sets!(SOURCES),
        config_map,
    )
    .alias(&["cm"]),
    Command::new(
        "cronjob",
        "Create a cron job with the specified name.",
        "NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...]",
        sets!(CRON_JOB),
        cron_job,
    )
    .alias(&["cj"]),
    Command::new(
        "deployment",
        "Create a deployment with the specified name.",
        "NAME --image=image -- [COMMAND] [args...]",
        sets!(DEPLOYMENT),
        deployment,
    )
    .alias(&["deploy"]),
    Command::new(
        "ingress",
        "Create an ingress with the specified name.",
        "NAME --rule=host/path=service:port[,tls[=secret]]",
        sets!(INGRESS),
        ingress,
    )
    .alias(&["ing"]),
    Command::new(
        "job",
        "Create a job with the specified name.",
        "NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]",
        sets!(JOB),
        job,
    ),
    Command::new("namespace", "Create a namespace with the specified name.", "NAME", sets!(NONE), namespace)
        .alias(&["ns"]),
    Command::new(
        "poddisruptionbudget",
        "Create a pod disruption budget with the specified name.",
        "NAME --selector=SELECTOR --min-available=N",
        sets!(BUDGET),
        budget,
    )
    .alias(&["pdb"]),
    Command::new(
        "priorityclass",
        "Create a priority class with the specified name.",
        "NAME --value=VALUE --global-default=BOOL",
        sets!(PRIORITY),
        priority_class,
    )
    .alias(&["pc"]),
    Command::new(
        "quota",
        "Create a quota with the specified name.",
        "NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2]",
        sets!(QUOTA),
        quota,
    )
    .alias(&["resourcequota"]),
    Command::new(
        "role",
        "Create a role with single rule.",
        "NAME --verb=verb --resource=resource.group/subresource",
        sets!(ROLE),
        |i, c| role(i, "Role", c),
    ),
    Command::new(
        "rolebinding",
        "Create a role binding for a particular role or cluster role.",
        "NAME --clusterrole=NAME|--role=NAME [--user=username]",
        sets!(BINDING),
        |i, c| binding(i, "RoleBinding", c),
    ),
    Command::group("secret", "Create a secret using a specified subcommand.", SECRETS),
    Command::group("service", "Create a service using a specified subcommand.", SERVICES).alias(&["svc"]),
    Command::new(
        "serviceaccount",
        "Create a service account with the specified name.",
        "NAME",
        sets!(NONE),
        service_account,
    )
    .alias(&["sa"]),
    Command::new("token", "Request a service account token.", "SERVICE_ACCOUNT_NAME", &[TOKEN, flags::PRINT], token),
];

static TOKEN: &[Flag] = &[
    Flag::list("audience", "Audience of the requested token."),
    Flag::duration("duration", "0s", "Requested lifetime of the issued token."),
    Flag::str("bound-object-kind", "Kind of an object to bind the token to."),
    Flag::str("bound-object-name", "Name of an object to bind the token to."),
    Flag::str("bound-object-uid", "UID of an object to bind the token to."),
];

/// A token of a service account, as the API server gives it out.
fn token(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let (kind, object) = (inv.str("bound-object-kind"), inv.str("bound-object-name"));
    if kind.is_empty() && !object.is_empty() {
        return Err(CmdError::client("--bound-object-name can only be set if --bound-object-kind is provided"));
    }
    if !kind.is_empty() && object.is_empty() {
        return Err(CmdError::client("--bound-object-name is required if --bound-object-kind is provided"));
    }
    let mut spec = json!({"audiences": inv.list("audience")});
    if inv.seconds("duration") < 0.0 {
        return Err(CmdError::client("--duration must be greater than or equal to 0"));
    }
    if inv.seconds("duration") > 0.0 {
        spec["expirationSeconds"] = (inv.seconds("duration") as i64).into();
    }
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{name}/token", inv.namespace);
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}, "spec": spec});
    let answer = ctx.call(Request::new(Method::Post, path).body(body)).map_err(|e| e.wrap("failed to create token"))?;
    match answer["status"]["token"].as_str() {
        Some(token) if !token.is_empty() => {
            ctx.println(token);
            Ok(())
        }
        _ => Err(CmdError::client("failed to create token: no token in server response")),
    }
}

fn client<T>(r: std::result::Result<T, String>) -> Result<T> {
    r.map_err(CmdError::Client)
}

fn required(inv: &Invocation, names: &[&str]) -> Result {
    let missing: Vec<String> = names.iter().filter(|n| !inv.changed(n)).map(|n| format!("{n:?}")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(CmdError::client(format!("required flag(s) {} not set", missing.join(", "))))
}

/// `--append-hash`: the name says what the object holds.
fn hashed(inv: &Invocation, mut object: Value) -> Value {
    if inv.bool("append-hash") {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        object["metadata"]["name"] = format!("{name}-{}", hash::of(&object)).into();
    }
    object
}

fn deployment(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let command = change::after_dash(inv).to_vec();
    if inv.list("image").len() > 1 && !command.is_empty() {
        return Err(CmdError::client("cannot specify multiple --image options and command"));
    }
    let port = inv.changed("port").then(|| inv.int("port"));
    let made = Deployment { name, images: inv.list("image").to_vec(), port, replicas: inv.int("replicas"), command };
    finish(inv, made.build(), Wrap::Failed("deployment"), ctx)
}

fn namespace(inv: &Invocation, ctx: &mut Context) -> Result {
    finish(inv, misc::namespace(&change::one_name(inv)?), Wrap::Plain, ctx)
}

fn service_account(inv: &Invocation, ctx: &mut Context) -> Result {
    let v = misc::bare("v1", "ServiceAccount", &change::one_name(inv)?);
    finish(inv, v, Wrap::Failed("serviceaccount"), ctx)
}

fn sources(inv: &Invocation) -> Sources {
    Sources {
        files: inv.list("from-file").to_vec(),
        literals: inv.list("from-literal").to_vec(),
        env_files: inv.list("from-env-file").to_vec(),
    }
}

fn config_map(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let data = client(data::collect(&sources(inv), Target::ConfigMap(&name), ctx.files))?;
    let v = hashed(inv, with_data("v1", "ConfigMap", &name, json!(data)));
    finish(inv, v, Wrap::Failed("configmap"), ctx)
}

fn generic(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let data = client(data::collect(&sources(inv), Target::Secret, ctx.files))?;
    let data: Value = data.iter().map(|(k, v)| (k.clone(), Value::from(misc::encode(v)))).collect();
    let mut v = with_data("v1", "Secret", &name, data);
    if inv.changed("type") {
        v["type"] = inv.str("type").into();
    }
    finish(inv, hashed(inv, v), Wrap::Secret, ctx)
}

fn docker(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let mut v;
    if inv.list("from-file").is_empty() {
        let (server, user, password) =
            (inv.str("docker-server"), inv.str("docker-username"), inv.str("docker-password"));
        if user.is_empty() || password.is_empty() || server.is_empty() {
            return Err(CmdError::client(
                "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
            ));
        }
        let config = misc::docker_config(server, user, password, inv.str("docker-email"));
        v = with_data("v1", "Secret", &name, json!({".dockerconfigjson": misc::encode(&config)}));
    } else {
        let from = Sources { files: inv.list("from-file").to_vec(), ..Sources::default() };
        let data = client(data::collect(&from, Target::Secret, ctx.files))?;
        let data: Value = data.iter().map(|(k, v)| (k.clone(), Value::from(misc::encode(v)))).collect();
        v = with_data("v1", "Secret", &name, data);
    }
    v["type"] = "kubernetes.io/dockerconfigjson".into();
    finish(inv, hashed(inv, v), Wrap::Secret, ctx)
}

fn tls(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    if inv.str("cert").is_empty() || inv.str("key").is_empty() {
        return Err(CmdError::client("key and cert must be specified"));
    }
    let read = |path: &str, ctx: &Context| {
        let found = ctx.files.get(path).or_else(|| ctx.files.get(path.trim_start_matches("./")));
        found.cloned().ok_or_else(|| CmdError::client(format!("open {path}: no such file or directory")))
    };
    let (cert, key) = (read(inv.str("cert"), ctx)?, read(inv.str("key"), ctx)?);
    for (text, what) in [(&cert, "certificate"), (&key, "key")] {
        if !text.contains("-----BEGIN ") {
            return Err(CmdError::client(format!("tls: failed to find any PEM data in {what} input")));
        }
    }
    let data = json!({"tls.crt": misc::encode(&cert), "tls.key": misc::encode(&key)});
    let mut v = with_data("v1", "Secret", &name, data);
    v["type"] = "kubernetes.io/tls".into();
    finish(inv, hashed(inv, v), Wrap::Secret, ctx)
}

fn service(inv: &Invocation, kind: &'static str, ctx: &mut Context) -> Result {
    let shape = Service {
        name: change::one_name(inv)?,
        kind,
        tcp: inv.list("tcp").to_vec(),
        cluster_ip: inv.str("clusterip").into(),
        node_port: inv.int("node-port"),
        external_name: inv.str("external-name").into(),
    };
    let what = match kind {
        "ClusterIP" => "ClusterIP service",
        "NodePort" => "NodePort service",
        "LoadBalancer" => "LoadBalancer service",
        _ => "ExternalName service",
    };
    finish(inv, client(shape.build())?, Wrap::Failed(what), ctx)
}

fn job(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let command = change::after_dash(inv);
    let object = match (inv.str("image"), inv.str("from")) {
        ("", "") => return Err(CmdError::client("either --image or --from must be specified")),
        (image, "") => misc::job(&name, image, command),
        ("", from) if command.is_empty() => {
            let bad = || CmdError::client(format!("the server doesn't have a resource type {from:?}"));
            let (kind, source) = from.split_once('/').ok_or_else(bad)?;
            let mapping = crate::kubectl::builder::mapping(kind, inv)?;
            if mapping.kind != "CronJob" {
                return Err(CmdError::client("from must be an existing cronjob"));
            }
            misc::job_from(&name, &fetch(mapping.path(Some(&inv.namespace), Some(source)), ctx)?)
        }
        ("", _) => return Err(CmdError::client("cannot specify --from and command")),
        _ => return Err(CmdError::client("either --image or --from must be specified")),
    };
    finish(inv, object, Wrap::Failed("job"), ctx)
}

fn cron_job(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let (image, schedule) = (inv.str("image"), inv.str("schedule"));
    let v = misc::cron_job(&name, image, schedule, change::after_dash(inv), inv.str("restart"));
    finish(inv, v, Wrap::Failed("cronjob"), ctx)
}

fn quota(inv: &Invocation, ctx: &mut Context) -> Result {
    let v = client(misc::quota(&change::one_name(inv)?, inv.list("hard"), inv.list("scopes")))?;
    finish(inv, v, Wrap::Failed("quota"), ctx)
}

fn budget(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let v = misc::budget(&name, inv.str("selector"), inv.str("min-available"), inv.str("max-unavailable"));
    finish(inv, client(v)?, Wrap::Failed("poddisruptionbudgets"), ctx)
}

fn priority_class(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let policy = inv.str("preemption-policy");
    let v = misc::priority_class(&name, inv.int("value"), inv.bool("global-default"), inv.str("description"), policy);
    finish(inv, v, Wrap::Failed("priorityclass"), ctx)
}

/// Verbs RBAC knows; others are taken with a warning.
const VERBS: &[&str] = &[
    "get",
    "delete",
    "list",
    "create",
    "update",
    "patch",
    "watch",
    "proxy",
    "deletecollection",
    "use",
    "bind",
    "approve",
    "sign",
    "escalate",
    "impersonate",
    "*",
];

fn role(inv: &Invocation, kind: &str, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let mut verbs: Vec<String> = vec![];
    for v in inv.list("verb") {
        if v == "*" {
            verbs = vec!["*".into()];
            break;
        }
        if !verbs.contains(v) {
            verbs.push(v.clone());
        }
    }
    let (urls, aggregated) = (inv.list("non-resource-url"), inv.list("aggregation-rule"));
    if !aggregated.is_empty() {
        if !urls.is_empty() || !verbs.is_empty() || inv.changed("resource") || inv.changed("resource-name") {
            return Err(CmdError::client(
                "aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames",
            ));
        }
        let labels = client(crate::api::labels::selector_to_map(&aggregated.join(",")))?;
        let mut v = misc::bare("rbac.authorization.k8s.io/v1", kind, &name);
        v["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": labels}]});
        v["rules"] = Value::Null;
        return finish(inv, v, Wrap::Failed("clusterrole"), ctx);
    }
    if verbs.is_empty() {
        return Err(CmdError::client("at least one verb must be specified"));
    }
    if inv.list("resource").is_empty() {
        if kind == "ClusterRole" && urls.is_empty() {
            return Err(CmdError::client("one of resource or nonResourceURL must be specified"));
        } else if urls.is_empty() {
            return Err(CmdError::client("at least one resource must be specified"));
        }
    }
    for v in &verbs {
        if !VERBS.contains(&v.as_str()) {
            ctx.eprintln(format!("Warning: '{v}' is not a standard resource verb"));
        }
    }
    let mut rules = misc::rules(&verbs, inv.list("resource"), inv.list("resource-name")).map_err(CmdError::Plain)?;
    if !urls.is_empty() {
        rules.push(json!({"verbs": verbs, "nonResourceURLs": urls}));
    }
    let mut v = misc::bare("rbac.authorization.k8s.io/v1", kind, &name);
    v["rules"] = rules.into();
    let wrap = if kind == "ClusterRole" { Wrap::Failed("clusterrole") } else { Wrap::Failed("role") };
    finish(inv, v, wrap, ctx)
}

fn binding(inv: &Invocation, kind: &str, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    let (role, cluster_role) = (inv.str("role"), inv.str("clusterrole"));
    let reference = match (kind, role, cluster_role) {
        ("ClusterRoleBinding", _, "") => {
            required(inv, &["clusterrole"])?;
            return Err(CmdError::client("clusterrole must be specified"));
        }
        ("ClusterRoleBinding", _, c) => ("ClusterRole", c),
        (_, "", "") | (_, _, _) if role.is_empty() == cluster_role.is_empty() => {
            return Err(CmdError::client("exactly one of clusterrole or role must be specified"));
        }
        (_, "", c) => ("ClusterRole", c),
        (_, r, _) => ("Role", r),
    };
    let v = misc::binding(kind, &name, reference, inv.list("user"), inv.list("group"), inv.list("serviceaccount"));
    let wrap = if kind == "RoleBinding" { Wrap::Failed("rolebinding") } else { Wrap::Failed("clusterrolebinding") };
    finish(inv, client(v)?, wrap, ctx)
}

fn ingress(inv: &Invocation, ctx: &mut Context) -> Result {
    let name = change::one_name(inv)?;
    if inv.list("rule").is_empty() && inv.str("default-backend").is_empty() {
        return Err(CmdError::client(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
        ));
    }
    let mut v = client(misc::ingress(&name, inv.str("class"), inv.list("rule"), inv.str("default-backend")))?;
    for a in inv.list("annotation") {
        if let Some((key, value)) = a.split_once('=') {
            v["metadata"]["annotations"][key] = value.into();
        }
    }
    finish(inv, v, Wrap::Failed("ingress"), ctx)
}
