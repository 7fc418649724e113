//! `kubectl set image`.

use super::Words;
use crate::kubectl::Context;
use crate::kubectl::cmd::{change, pairs};
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use serde_json::Value;

/// Reads `container=image` pairs.
///
/// # Errors
/// A pair without a name or an image.
pub fn parse(specs: &[String]) -> Result<Vec<(String, String)>, String> {
    let mut out: Vec<(String, String)> = vec![];
    let mut bad = vec![];
    for s in specs {
        match s.split_once('=') {
            Some((name, image)) if !name.is_empty() && !image.is_empty() => {
                out.retain(|(n, _)| n != name);
                out.push((name.into(), image.into()));
            }
            _ => bad.push(s.as_str()),
        }
    }
    if bad.is_empty() { Ok(out) } else { Err(format!("invalid image format: {}", bad.join(", "))) }
}

/// Sets images in a pod spec; gives the names no container has.
pub fn set(spec: &mut Value, images: &[(String, String)]) -> Vec<String> {
    let mut missing = vec![];
    for (name, image) in images {
        let pattern = if name.contains('*') && name != "*" { "" } else { name };
        let found = super::containers(spec, pattern);
        if found.is_empty() {
            missing.push(name.clone());
        }
        for c in found {
            c["image"] = image.clone().into();
        }
    }
    missing
}

pub(super) fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if inv.args.is_empty() && change::no_files(inv) {
        return Err(CmdError::client(super::NO_ARGUMENTS));
    }
    let (resources, specs) = pairs::split(&inv.args, "image").map_err(CmdError::Client)?;
    let images = parse(&specs).map_err(CmdError::Client)?;
    let mut errors = vec![];
    let mut refuse = |wrong: bool, text: &str| {
        if wrong {
            errors.push(CmdError::client(text));
        }
    };
    refuse(inv.bool("all") && inv.changed("selector"), "cannot set --all and --selector at the same time");
    refuse(
        resources.is_empty() && change::no_files(inv),
        "one or more resources must be specified as <resource> <name> or <resource>/<name>",
    );
    refuse(images.is_empty(), "at least one image update is required");
    refuse(
        images.len() > 1 && images.iter().any(|(n, _)| n == "*"),
        "all containers are already specified by *, but saw more than one container_name=container_image pairs",
    );
    refuse(
        inv.bool("local") && inv.dry_run()? == DryRun::Server,
        "cannot specify --local and --dry-run=server - did you mean --dry-run=client?",
    );
    CmdError::collect(errors)?;
    let mut missing = vec![];
    let words = Words { done: "image updated", failed: "failed to patch image update to pod template: " };
    let result = super::apply(inv, &resources, &words, ctx, |object, _| {
        let name = super::others::object_name(object);
        let spec = super::pod_spec(object).map_err(|e| super::unfit(&name, &e))?;
        missing.extend(set(spec, &images));
        Ok(())
    });
    let unknown = |n: String| CmdError::client(format!("error: unable to find container named {n:?}"));
    let mut errors: Vec<CmdError> = missing.into_iter().map(unknown).collect();
    match result {
        Ok(()) => {}
        Err(CmdError::Many(list)) => errors.extend(list),
        Err(e) => errors.push(e),
    }
    CmdError::collect(errors)
}
