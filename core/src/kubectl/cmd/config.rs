//! `kubectl config`: contexts of the one cluster there is. Models kubectl `pkg/cmd/config`.

use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use crate::kubectl::printer::{self, Printer, tabwriter};
use crate::kubectl::{Context, Session};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where the API server is said to be.
pub const SERVER: &str = "https://kubarium.local:6443";

static SET_CONTEXT: &[Flag] = &[Flag::bool("current", "Modify the current context")];
static VIEW: &[Flag] = &[
    Flag::bool("minify", "Remove all information not used by current-context from the output"),
    Flag::bool("raw", "Display raw byte data and sensitive data"),
    Flag::bool("flatten", "Flatten the resulting kubeconfig file into self-contained output"),
    Flag::new("merge", Kind::Bool, "true", "Merge the full hierarchy of kubeconfig files"),
];
static SET: &[Flag] =
    &[Flag::bool("set-raw-bytes", "When writing a []byte PROPERTY_VALUE, write the given string directly.")];
static LIST: &[Flag] = &[
    Flag::str("output", "Output format. One of: (name).").short('o'),
    Flag::bool("no-headers", "When using the default or custom-column output format, don't print headers."),
];

static CLUSTER: &[Flag] = &[
    Flag::str("server", "server for the cluster entry in kubeconfig"),
    Flag::str("tls-server-name", "tls-server-name for the cluster entry in kubeconfig"),
    Flag::bool("insecure-skip-tls-verify", "insecure-skip-tls-verify for the cluster entry in kubeconfig"),
    Flag::str("certificate-authority", "Path to certificate-authority file for the cluster entry in kubeconfig"),
    Flag::bool("embed-certs", "embed-certs for the cluster entry in kubeconfig"),
    Flag::str("proxy-url", "proxy-url for the cluster entry in kubeconfig"),
];
static USER: &[Flag] = &[
    Flag::str("client-certificate", "Path to client-certificate file for the user entry in kubeconfig"),
    Flag::str("client-key", "Path to client-key file for the user entry in kubeconfig"),
    Flag::str("token", "token for the user entry in kubeconfig"),
    Flag::str("username", "username for the user entry in kubeconfig"),
    Flag::str("password", "password for the user entry in kubeconfig"),
    Flag::bool("embed-certs", "Embed client cert/key for the user entry in kubeconfig"),
    Flag::str("auth-provider", "Auth provider for the user entry in kubeconfig"),
    Flag::list("auth-provider-arg", "'key=value' arguments for the auth provider"),
    Flag::str("exec-command", "Command for the exec credential plugin for the user entry in kubeconfig"),
    Flag::str("exec-api-version", "API version of the exec credential plugin for the user entry in kubeconfig"),
    Flag::list("exec-arg", "New arguments for the exec credential plugin command for the user entry in kubeconfig"),
    Flag::array("exec-env", "'key=value' environment values for the exec credential plugin"),
    Flag::str(
        "exec-interactive-mode",
        "InteractiveMode of the exec credentials plugin for the user entry in kubeconfig",
    ),
    Flag::bool(
        "exec-provide-cluster-info",
        "ProvideClusterInfo of the exec credentials plugin for the user entry in kubeconfig",
    ),
];

/// The command.
pub static COMMAND: Command = Command::group("config", "Modify kubeconfig files.", SUBS);

static SUBS: &[Command] = &[
    Command::new("current-context", "Display the current-context.", "", &[], current),
    Command::new("get-contexts", "Describe one or many contexts.", "[(-o|--output=)name]", &[LIST], contexts),
    Command::new("get-clusters", "Display clusters defined in the kubeconfig.", "", &[], |_, ctx| {
        names("kubarium", ctx.session.clusters.clone(), ctx)
    }),
    Command::new("get-users", "Display users defined in the kubeconfig.", "", &[], |_, ctx| {
        names("admin", ctx.session.users.clone(), ctx)
    }),
    Command::new("set-cluster", "Set a cluster entry in kubeconfig.", "NAME", &[CLUSTER], set_entry),
    Command::new("set-credentials", "Set a user entry in kubeconfig.", "NAME", &[USER], set_entry),
    Command::new("delete-cluster", "Delete the specified cluster from the kubeconfig.", "NAME", &[], delete_entry),
    Command::new("delete-user", "Delete the specified user from the kubeconfig.", "NAME", &[], delete_entry),
    Command::new(
        "rename-context",
        "Rename a context from the kubeconfig file.",
        "CONTEXT_NAME NEW_NAME",
        &[],
        rename_context,
    ),
    Command::new("delete-context", "Delete the specified context from the kubeconfig.", "NAME", &[], delete_context),
    Command::new(
        "set",
        "Set an individual value in a kubeconfig file.",
        "PROPERTY_NAME PROPERTY_VALUE",
        &[SET],
        set_property,
    ),
    Command::new("unset", "Unset an individual value in a kubeconfig file.", "PROPERTY_NAME", &[], set_property),
    Command::new(
        "set-context",
        "Set a context entry in kubeconfig.",
        "[NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
        &[SET_CONTEXT],
        set_context,
    ),
    Command::new("use-context", "Set the current-context in a kubeconfig file.", "CONTEXT_NAME", &[], use_context)
        .alias(&["use"]),
    Command::new("view", "Display merged kubeconfig settings.", "[flags]", &[VIEW, flags::PRINT], view),
];

fn current(_inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let name = ctx.session.context.clone();
    if name.is_empty() {
        return Err(CmdError::client("current-context is not set"));
    }
    ctx.println(name);
    Ok(())
}

/// Where the kubeconfig is said to be.
const FILE: &str = "~/.kube/config";

/// All contexts by name: cluster, user, namespace.
fn all(s: &Session) -> BTreeMap<String, [String; 3]> {
    let mut all = s.others.clone();
    if !s.context.is_empty() {
        all.insert(s.context.clone(), [s.cluster.clone(), s.user.clone(), s.namespace.clone()]);
    }
    all
}

fn contexts(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let s = ctx.session.clone();
    let all = all(&s);
    let mut errors = vec![];
    for other in inv.args.iter().filter(|n| !all.contains_key(*n)) {
        errors.push(CmdError::client(format!("context {other} not found")));
    }
    let shown = all.iter().filter(|(n, _)| inv.args.is_empty() || inv.args.contains(n));
    match inv.str("output") {
        "name" => shown.for_each(|(n, _)| ctx.println(n)),
        "" => {
            let mut text = String::new();
            if !inv.bool("no-headers") {
                text += "CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n";
            }
            for (name, [cluster, user, namespace]) in shown {
                let mark = if *name == s.context { "*" } else { "" };
                text += &format!("{mark}\t{name}\t{cluster}\t{user}\t{namespace}\n");
            }
            ctx.print(tabwriter::align(&text, 6, 3));
        }
        other => return Err(CmdError::client(format!("output must be one of '' or 'name': {other}"))),
    }
    CmdError::collect(errors)
}

fn set_context(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let current = ctx.session.context.clone();
    let name = match (inv.args.as_slice(), inv.bool("current")) {
        ([], true) if current.is_empty() => return Err(CmdError::client("no current context is set")),
        ([], true) => current.clone(),
        ([name], false) if !name.is_empty() => name.clone(),
        ([_, ..], true) => return Err(CmdError::client("you cannot specify both a context name and --current")),
        _ => return Err(CmdError::client("you must specify a non-empty context name or --current")),
    };
    let before = all(ctx.session).remove(&name);
    let done = if before.is_some() { "modified" } else { "created" };
    let [mut cluster, mut user, mut namespace] = before.unwrap_or_default();
    for (flag, slot) in [("cluster", &mut cluster), ("user", &mut user), ("namespace", &mut namespace)] {
        if inv.changed(flag) {
            *slot = inv.str(flag).to_string();
        }
    }
    put(name.clone(), [cluster, user, namespace], ctx);
    ctx.println(format!("Context {name:?} {done}."));
    Ok(())
}

fn put(name: String, [cluster, user, namespace]: [String; 3], ctx: &mut Context) {
    if name == ctx.session.context {
        (ctx.session.cluster, ctx.session.user, ctx.session.namespace) = (cluster, user, namespace);
    } else {
        ctx.session.others.insert(name, [cluster, user, namespace]);
    }
}

/// Makes another context the current one; the one before is kept among the others.
fn switch(name: &str, ctx: &mut Context) {
    if name == ctx.session.context {
        return;
    }
    let Some(next) = ctx.session.others.remove(name) else { return };
    let s = &mut ctx.session;
    if !s.context.is_empty() {
        s.others.insert(s.context.clone(), [s.cluster.clone(), s.user.clone(), s.namespace.clone()]);
    }
    s.context = name.to_owned();
    [s.cluster, s.user, s.namespace] = next;
}

fn rename_context(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let [old, new] = inv.args.as_slice() else {
        return Err(CmdError::client(format!("Unexpected args: [{}]", inv.args.join(" "))));
    };
    let known = all(ctx.session);
    if !known.contains_key(old) {
        return Err(CmdError::client(format!("cannot rename the context {old:?}, it's not in {FILE}")));
    }
    if known.contains_key(new) {
        return Err(CmdError::client(format!(
            "cannot rename the context {old:?}, the context {new:?} already exists in {FILE}"
        )));
    }
    if *old == ctx.session.context {
        ctx.session.context.clone_from(new);
    } else if let Some(v) = ctx.session.others.remove(old) {
        ctx.session.others.insert(new.clone(), v);
    }
    ctx.println(format!("Context {old:?} renamed to {new:?}."));
    Ok(())
}

fn delete_context(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let [name] = inv.args.as_slice() else {
        return Err(inv.usage("you must specify the name of the context to delete"));
    };
    if *name == ctx.session.context {
        ctx.eprintln(
            "warning: this removed your active context, use \"kubectl config use-context\" to select a different one",
        );
        ctx.session.context.clear();
        ctx.session.namespace.clear();
    } else if ctx.session.others.remove(name).is_none() {
        return Err(CmdError::client(format!("cannot delete context {name}, not in {FILE}")));
    }
    ctx.println(format!("deleted context {name} from {FILE}"));
    Ok(())
}

fn use_context(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    match inv.args.as_slice() {
        [name] if all(ctx.session).contains_key(name) => {
            switch(name, ctx);
            ctx.println(format!("Switched to context {name:?}."));
            Ok(())
        }
        [name] => Err(CmdError::client(format!("no context exists with the name: {name:?}"))),
        _ => Err(CmdError::client(format!("Unexpected args: [{}]", inv.args.join(" ")))),
    }
}

/// The names of entries under a heading; `own` is there from the beginning.
fn names(own: &str, more: BTreeMap<String, Value>, ctx: &mut Context) -> Result<(), CmdError> {
    let mut all: Vec<String> = more.into_keys().chain([own.to_owned()]).collect();
    all.sort();
    all.dedup();
    ctx.println(format!("NAME\n{}", all.join("\n")));
    Ok(())
}

/// Clusters or users, whatever a subcommand is for, and what it calls one.
fn entries<'a>(inv: &Invocation, ctx: &'a mut Context) -> (&'a mut BTreeMap<String, Value>, &'static str) {
    if inv.path.ends_with("cluster") {
        (&mut ctx.session.clusters, "cluster")
    } else {
        (&mut ctx.session.users, "user")
    }
}

/// `set-cluster` and `set-credentials`.
fn set_entry(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let [name] = inv.args.as_slice() else {
        return Err(inv.usage(format!("Unexpected args: [{}]", inv.args.join(" "))));
    };
    let flags: &[Flag] = if inv.path.ends_with("cluster") { CLUSTER } else { USER };
    // what is embedded is read now
    let mut embedded: Vec<(String, String, String)> = vec![];
    for flag in ["certificate-authority", "client-certificate", "client-key"] {
        if inv.bool("embed-certs") && flags.iter().any(|f| f.name == flag) && inv.changed(flag) {
            let path = inv.str(flag);
            let Some(text) = ctx.files.get(crate::kubectl::pipes::clean(path)) else {
                return Err(CmdError::client(format!(
                    "could not stat {flag} file {path}: stat {path}: no such file or directory"
                )));
            };
            embedded.push((flag.into(), format!("{flag}-data"), STANDARD.encode(text)));
        }
    }
    let (all, what) = entries(inv, ctx);
    let entry = all.entry(name.clone()).or_insert_with(|| json!({}));
    let mut exec = json!({});
    for flag in flags.iter().filter(|f| inv.changed(f.name) && f.name != "embed-certs") {
        let value = match flag.kind {
            Kind::Bool => json!(inv.bool(flag.name)),
            Kind::List | Kind::Array => json!(inv.list(flag.name)),
            _ => json!(inv.str(flag.name)),
        };
        match flag.name {
            "exec-command" => exec["command"] = value,
            "exec-arg" => exec["args"] = value,
            "exec-api-version" => exec["apiVersion"] = value,
            "exec-interactive-mode" => exec["interactiveMode"] = value,
            "exec-provide-cluster-info" => exec["provideClusterInfo"] = value,
            "auth-provider" => entry["auth-provider"] = json!({"name": value}),
            "exec-env" | "auth-provider-arg" => {}
            name => entry[name] = value,
        }
    }
    if exec.as_object().is_some_and(|m| !m.is_empty()) {
        entry["exec"] = exec;
    }
    if let Some(m) = entry.as_object_mut() {
        for (flag, data, text) in embedded {
            m.remove(&flag);
            m.insert(data, text.into());
        }
    }
    let what = if what == "cluster" { "Cluster" } else { "User" };
    ctx.println(format!("{what} {name:?} set."));
    Ok(())
}

fn delete_entry(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let [name] = inv.args.as_slice() else {
        return Err(inv.usage(format!("Unexpected args: [{}]", inv.args.join(" "))));
    };
    let (all, what) = entries(inv, ctx);
    match all.remove(name) {
        Some(_) => ctx.println(format!("deleted {what} {name} from {FILE}")),
        None => return Err(CmdError::client(format!("cannot delete {what} {name}, not in {FILE}"))),
    }
    Ok(())
}

/// How a user of the kubeconfig is known to the API server.
pub enum Known {
    /// By a token.
    Token(String),
    /// By a certificate.
    Certificate(String),
    /// By nothing that is there: taken to be one of the entry's name.
    Name(String),
}

/// How the current context's user is known; `None`: it is the administrator.
///
/// # Errors
/// The context is of a cluster that is not there.
pub fn credentials(inv: &Invocation, ctx: &Context) -> Result<Option<Known>, CmdError> {
    let s = &ctx.session;
    let named = if inv.changed("context") { s.others.get(inv.str("context")) } else { None };
    let (cluster, user) = named.map_or((&s.cluster, &s.user), |c| (&c[0], &c[1]));
    if let Some(server) = s.clusters.get(cluster).and_then(|c| c["server"].as_str()).filter(|a| *a != SERVER) {
        let host = server.split("://").last().unwrap_or(server);
        let host = host.split([':', '/']).next().unwrap_or(host);
        return Err(CmdError::Plain(format!("Unable to connect to the server: dial tcp: lookup {host}: no such host")));
    }
    let file = |name: &str, what: &str| {
        let found = ctx.files.get(crate::kubectl::pipes::clean(name)).cloned();
        found.ok_or_else(|| {
            CmdError::client(format!(
                "unable to read {what} {name} for {user} due to open {name}: no such file or directory"
            ))
        })
    };
    if inv.changed("client-certificate") {
        return Ok(Some(Known::Certificate(file(inv.str("client-certificate"), "client-cert")?)));
    }
    let Some(entry) = s.users.get(user) else { return Ok(None) };
    if let Some(token) = entry["token"].as_str() {
        return Ok(Some(Known::Token(token.to_owned())));
    }
    let data = entry["client-certificate-data"].as_str().and_then(|d| STANDARD.decode(d).ok());
    if let Some(text) = data {
        return Ok(Some(Known::Certificate(String::from_utf8_lossy(&text).into_owned())));
    }
    if let Some(name) = entry["client-certificate"].as_str() {
        let text = file(name, "client-cert")?;
        if let Some(key) = entry["client-key"].as_str() {
            file(key, "client-key")?;
        }
        return Ok(Some(Known::Certificate(text)));
    }
    Ok(Some(Known::Name(user.clone())))
}

/// `config set` and `config unset`: what a context, a cluster or a user says, and the current context.
fn set_property(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let unset = inv.path.ends_with(" unset");
    let (property, value) = match (inv.args.as_slice(), unset) {
        ([p], true) => (p, String::new()),
        ([p, v], false) => (p, v.clone()),
        _ => return Err(inv.usage(format!("Unexpected args: [{}]", inv.args.join(" ")))),
    };
    let bad = || CmdError::client(format!("unable to parse {property} after [] at api.Config"));
    match property.split('.').collect::<Vec<_>>()[..] {
        ["current-context"] if unset => {
            let s = &mut ctx.session;
            if !s.context.is_empty() {
                s.others.insert(s.context.clone(), [s.cluster.clone(), s.user.clone(), s.namespace.clone()]);
            }
            s.context.clear();
        }
        ["current-context"] => switch(&value, ctx),
        ["contexts", name, field] => {
            let mut context = all(ctx.session).remove(name).unwrap_or_default();
            let at = ["cluster", "user", "namespace"].iter().position(|f| *f == field).ok_or_else(bad)?;
            context[at].clone_from(&value);
            put(name.to_owned(), context, ctx);
        }
        ["contexts", name] if unset => drop(ctx.session.others.remove(name)),
        ["clusters", name] if unset => drop(ctx.session.clusters.remove(name)),
        ["users", name] if unset => drop(ctx.session.users.remove(name)),
        [list @ ("clusters" | "users"), name, field] => {
            let all = if list == "clusters" { &mut ctx.session.clusters } else { &mut ctx.session.users };
            let entry = all.entry(name.to_owned()).or_insert_with(|| json!({}));
            match (unset, entry.as_object_mut()) {
                (true, Some(m)) => drop(m.remove(field)),
                (_, Some(m)) => drop(m.insert(field.to_owned(), value.clone().into())),
                _ => {}
            }
        }
        _ => return Err(bad()),
    }
    ctx.println(if unset { format!("Property {property:?} unset.") } else { format!("Property {property:?} set.") });
    Ok(())
}

fn view(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let s = ctx.session.clone();
    let contexts: Vec<Value> = all(&s)
        .into_iter()
        .filter(|(name, _)| !inv.bool("minify") || *name == s.context)
        .map(|(name, [cluster, user, namespace])| {
            let mut context = json!({"cluster": cluster, "user": user});
            if !namespace.is_empty() {
                context["namespace"] = namespace.into();
            }
            json!({"name": name, "context": context})
        })
        .collect();
    let mut clusters = vec![json!({
        "name": "kubarium", "cluster": {"certificate-authority-data": "DATA+OMITTED", "server": SERVER},
    })];
    let mut users = vec![json!({"name": "admin", "user": {}})];
    let current = |name: &String, own: &String| !inv.bool("minify") || name == own;
    for (name, c) in s.clusters.iter().filter(|(n, _)| current(n, &s.cluster)) {
        clusters.push(json!({"name": name, "cluster": c}));
    }
    for (name, u) in s.users.iter().filter(|(n, _)| current(n, &s.user)) {
        let mut user = u.clone();
        for secret in ["token", "password"] {
            if user[secret].is_string() && !inv.bool("raw") {
                user[secret] = "REDACTED".into();
            }
        }
        for secret in ["client-certificate-data", "client-key-data"] {
            if user[secret].is_string() && !inv.bool("raw") && !inv.bool("flatten") {
                user[secret] = "DATA+OMITTED".into();
            }
        }
        users.push(json!({"name": name, "user": user}));
    }
    if inv.bool("minify") {
        clusters.retain(|c| c["name"] == s.cluster.as_str());
        users.retain(|u| u["name"] == s.user.as_str());
    }
    for list in [&mut clusters, &mut users] {
        list.sort_by_key(|e| e["name"].to_string());
    }
    let config: Value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": clusters,
        "contexts": contexts,
        "current-context": s.context,
        "users": users,
    });
    let output = match inv.str("output") {
        "" => "yaml",
        o => o,
    };
    let format = Printer::structured(output, inv, ctx)?
        .ok_or_else(|| printer::unknown_format(output, printer::PRINT_FORMATS))?;
    Printer::new(format, inv).print(&config, ctx)
}
