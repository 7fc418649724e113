//! `kubectl diff`: what `apply` would change. Models kubectl `pkg/cmd/diff`.

use super::apply::{self, prune, three_way};
use crate::apiserver::request::{Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::printer::json;
use serde_json::{Value, json};

static FLAGS: &[Flag] = &[
    Flag::bool("server-side", "If true, apply runs in the server instead of the client."),
    Flag::bool("force-conflicts", "If true, server-side apply will force the changes against conflicts."),
    Flag::bool("show-managed-fields", "If true, include managed fields in the diff."),
    Flag::int("concurrency", "1", "Number of objects to process in parallel when diffing against the live version."),
    Flag::bool(
        "prune",
        "Include resources that would be deleted by pruning. Can be used with -l and default shows all resources would be pruned",
    ),
    Flag::array("prune-allowlist", "Overwrite the default allowlist with <group/version/kind> for --prune"),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "diff",
    "Diff the live version against a would-be applied version.",
    "-f FILENAME",
    &[FLAGS, flags::FILENAME, flags::SELECTOR, flags::FIELD_MANAGER],
    run,
);

fn shown(object: &Value, inv: &Invocation) -> String {
    if object.is_null() {
        return String::new();
    }
    let mut v = object.clone();
    if !inv.bool("show-managed-fields")
        && let Some(m) = v["metadata"].as_object_mut()
    {
        m.remove("managedFields");
    }
    if v["kind"] == "Secret" {
        // values of secrets are not shown
        for (_, x) in v["data"].as_object_mut().into_iter().flatten() {
            *x = "***".into();
        }
    }
    json::yaml(&v)
}

/// The object as it is and as it would be.
fn pair(info: &Info, ctx: &mut Context) -> Result<(Value, Value), CmdError> {
    let mut modified = info.object.clone();
    apply::annotate(&mut modified);
    match ctx.call(Request::get(info.path())) {
        Err(e) if e.is_not_found() => {
            let request = Request::new(Method::Post, info.collection()).with("dryRun", "All").body(modified);
            Ok((Value::Null, ctx.call(request)?))
        }
        Err(e) => Err(e),
        Ok(live) => {
            let original = live["metadata"]["annotations"][apply::LAST_APPLIED].as_str().unwrap_or("{}");
            let original: Value = serde_json::from_str(original).unwrap_or_else(|_| json!({}));
            let (patch, kind) =
                three_way::patch(info.mapping, &original, &modified, &live, true).map_err(CmdError::Client)?;
            let mut request = Request::new(Method::Patch, info.path()).with("dryRun", "All").body(patch);
            request.content_type = kind;
            let merged = ctx.call(request)?;
            Ok((live, merged))
        }
    }
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if super::change::no_files(inv) {
        return Err(CmdError::client("must specify one of -f and -k"));
    }
    let mut differs = false;
    let now = ctx.now().timestamp();
    let mut visited = prune::Visited::default();
    let mut pairs = vec![];
    for info in Builder::new(inv).all_infos(ctx)? {
        let (live, merged) = pair(&info, ctx)?;
        visited.add(if live.is_null() { &merged } else { &live });
        pairs.push((info, live, merged));
    }
    if inv.bool("prune") {
        let doomed = visited.doomed(inv, ctx)?;
        pairs.extend(doomed.into_iter().map(|info| (info.clone(), info.object, Value::Null)));
    }
    for (info, live, merged) in pairs {
        let (a, b) = (shown(&live, inv), shown(&merged, inv));
        if a == b {
            continue;
        }
        differs = true;
        let group = if info.mapping.group.is_empty() { String::new() } else { format!("{}.", info.mapping.group) };
        let file = format!("{group}{}.{}.{}.{}", info.mapping.version, info.mapping.kind, info.namespace, info.name);
        let time = now.to_string().replace('T', " ").replace('Z', ".000000000 +0000");
        let names = (format!("/tmp/LIVE-1/{file}"), format!("/tmp/MERGED-1/{file}"));
        ctx.println(format!("diff -u -N {} {}", names.0, names.1));
        let text = similar::TextDiff::from_lines(&a, &b)
            .unified_diff()
            .context_radius(3)
            .header(&format!("{}\t{time}", names.0), &format!("{}\t{time}", names.1))
            .to_string();
        ctx.print(text);
    }
    if differs { Err(CmdError::Exit(1)) } else { Ok(()) }
}
