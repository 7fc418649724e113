//! `kubectl config`: the one context there is.

use crate::kubectl::Context;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use crate::kubectl::printer::{self, Printer, tabwriter};
use serde_json::{Value, json};

/// Where the API server is said to be.
pub const SERVER: &str = "https://kubarium.local:6443";

static SET_CONTEXT: &[Flag] = &[Flag::bool("current", "Modify the current context")];
static VIEW: &[Flag] = &[
    Flag::bool("minify", "Remove all information not used by current-context from the output"),
    Flag::bool("raw", "Display raw byte data and sensitive data"),
    Flag::bool("flatten", "Flatten the resulting kubeconfig file into self-contained output"),
    Flag::new("merge", Kind::Bool, "true", "Merge the full hierarchy of kubeconfig files"),
];
static LIST: &[Flag] = &[
    Flag::str("output", "Output format. One of: (name).").short('o'),
    Flag::bool("no-headers", "When using the default or custom-column output format, don't print headers."),
];

/// The command.
pub static COMMAND: Command = Command::group("config", "Modify kubeconfig files.", SUBS);

static SUBS: &[Command] = &[
    Command::new("current-context", "Display the current-context.", "", &[], current),
    Command::new("get-contexts", "Describe one or many contexts.", "[(-o|--output=)name]", &[LIST], contexts),
    Command::new("get-clusters", "Display clusters defined in the kubeconfig.", "", &[], |_, ctx| {
        let name = ctx.session.cluster.clone();
        ctx.println(format!("NAME\n{name}"));
        Ok(())
    }),
    Command::new("get-users", "Display users defined in the kubeconfig.", "", &[], |_, ctx| {
        let name = ctx.session.user.clone();
        ctx.println(format!("NAME\n{name}"));
        Ok(())
    }),
    Command::new(
        "rename-context",
        "Rename a context from the kubeconfig file.",
        "CONTEXT_NAME NEW_NAME",
        &[],
        rename_context,
    ),
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
    ctx.println(name);
    Ok(())
}

fn contexts(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let s = ctx.session.clone();
    if let Some(other) = inv.args.iter().find(|n| **n != s.context) {
        return Err(CmdError::client(format!("context {other} not found")));
    }
    match inv.str("output") {
        "name" => ctx.println(&s.context),
        "" => {
            let mut text = String::new();
            if !inv.bool("no-headers") {
                text += "CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n";
            }
            text += &format!("*\t{}\t{}\t{}\t{}\n", s.context, s.cluster, s.user, s.namespace);
            ctx.print(tabwriter::align(&text, 6, 3));
        }
        other => return Err(CmdError::client(format!("output must be one of '' or 'name': {other}"))),
    }
    Ok(())
}

fn set_context(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let name = match (inv.args.as_slice(), inv.bool("current")) {
        ([], true) => ctx.session.context.clone(),
        ([name], false) => name.clone(),
        ([_, ..], true) => return Err(CmdError::client("only one of NAME and --current may be given")),
        _ => return Err(CmdError::usage(&inv.path, "you must specify a non-empty context name or --current")),
    };
    if name != ctx.session.context {
        return Err(CmdError::client("this kubeconfig has one context only; use --current"));
    }
    if inv.changed("namespace") {
        ctx.session.namespace = inv.str("namespace").to_string();
    }
    ctx.println(format!("Context {name:?} modified."));
    Ok(())
}

fn rename_context(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let [old, new] = inv.args.as_slice() else {
        return Err(CmdError::usage(&inv.path, format!("Unexpected args: [{}]", inv.args.join(" "))));
    };
    if *old != ctx.session.context {
        return Err(CmdError::client(format!("cannot rename the context {old:?}, it's not in the kubeconfig")));
    }
    ctx.session.context.clone_from(new);
    ctx.println(format!("Context {old:?} renamed to {new:?}."));
    Ok(())
}

fn use_context(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    match inv.args.as_slice() {
        [name] if *name == ctx.session.context => {
            ctx.println(format!("Switched to context {name:?}."));
            Ok(())
        }
        [name] => Err(CmdError::client(format!("no context exists with the name: {name:?}"))),
        _ => Err(CmdError::usage(&inv.path, format!("Unexpected args: {:?}", inv.args))),
    }
}

fn view(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let s = ctx.session.clone();
    let mut context = json!({"cluster": s.cluster, "user": s.user});
    if !s.namespace.is_empty() {
        context["namespace"] = s.namespace.clone().into();
    }
    let config: Value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": s.cluster, "cluster": {"certificate-authority-data": "DATA+OMITTED", "server": SERVER}}],
        "contexts": [{"name": s.context, "context": context}],
        "current-context": s.context,
        "users": [{"name": s.user, "user": {}}],
    });
    let output = match inv.str("output") {
        "" => "yaml",
        o => o,
    };
    let format = Printer::structured(output, inv, ctx)?
        .ok_or_else(|| printer::unknown_format(output, printer::PRINT_FORMATS))?;
    Printer::new(format, inv).print(&config, ctx)
}
