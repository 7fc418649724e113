//! `kubectl set resources`.

use super::Words;
use crate::api::quantity::Quantity;
use crate::kubectl::Context;
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use serde_json::{Map, Value};

/// Reads `cpu=100m,memory=256Mi`.
///
/// # Errors
/// A malformed pair or a bad quantity.
pub fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let mut out = Map::new();
    for pair in text.split(',').filter(|p| !p.is_empty()) {
        let Some((name, value)) = pair.split_once('=').filter(|(_, v)| !v.contains('=')) else {
            return Err(format!("invalid argument syntax {pair:?}, expected <resource>=<quantity>"));
        };
        Quantity::parse(value).map_err(|e| e.to_string())?;
        out.insert(name.into(), value.into());
    }
    Ok(out)
}

pub(super) fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if inv.args.is_empty() && crate::kubectl::cmd::change::no_files(inv) {
        return Err(CmdError::client(super::NO_ARGUMENTS));
    }
    let err = |t: &str| Err(CmdError::client(t));
    if inv.bool("local") && inv.dry_run()? == DryRun::Server {
        return err("cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
    }
    if inv.bool("all") && inv.changed("selector") {
        return err("cannot set --all and --selector at the same time");
    }
    if inv.str("limits").is_empty() && inv.str("requests").is_empty() {
        return err("you must specify an update to requests or limits (in the form of --requests/--limits)");
    }
    let limits = parse(inv.str("limits")).map_err(CmdError::Client)?;
    let requests = parse(inv.str("requests")).map_err(CmdError::Client)?;
    let pattern = inv.str("containers");
    let words =
        Words { done: "resource requirements updated", failed: "failed to patch resources update to pod template " };
    super::apply(inv, &inv.args, &words, ctx, |object, _| {
        let name = super::others::object_name(object);
        let spec = super::pod_spec(object).map_err(|e| super::unfit(&name, &e))?;
        let found = super::containers(spec, pattern);
        if found.is_empty() {
            return Err(CmdError::client(format!("error: unable to find container named {pattern}")));
        }
        for c in found {
            for (field, wanted) in [("limits", &limits), ("requests", &requests)] {
                for (k, v) in wanted {
                    c["resources"][field][k] = v.clone();
                }
            }
        }
        Ok(())
    })
}
