//! `kubectl replace`. Models kubectl `pkg/cmd/replace`.

use super::apply;
use super::change::{self, RECORD, SAVE_CONFIG, VALIDATE};
use super::delete::{self, Gone, HOW, How};
use crate::apiserver::request::{Method, Request};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::pending::{Pending, Wait};
use crate::kubectl::printer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

static FLAGS: &[Flag] = &[
    Flag::str("subresource", "If specified, replace will operate on the subresource of the requested object."),
    Flag::bool("wait", "If true, wait for resources to be gone before returning. This waits for finalizers."),
    Flag::str("raw", "Raw URI to PUT to the server."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "replace",
    "Replace a resource by file name or stdin.",
    "-f FILENAME",
    &[FLAGS, HOW, RECORD, SAVE_CONFIG, VALIDATE, flags::PRINT, flags::FILENAME, flags::DRY_RUN, flags::FIELD_MANAGER],
    run,
);

/// `replace --force`: objects that are to be gone, and what is made then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replacing {
    gone: Gone,
    make: Vec<(String, Value)>,
    validation: String,
    output: String,
    give_up: SimTime,
    /// The manifest is read and checked anew between deleting and making.
    not_before: SimTime,
}

/// How long kubectl takes to read and check a manifest anew.
const READING: SimDuration = SimDuration::from_millis(100);

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    let err = |t: &str| Err(CmdError::client(t));
    if change::no_files(inv) {
        return Err(CmdError::client("must specify one of -f and -k"));
    }
    if change::raw(inv, Method::Put, ctx)? {
        return Ok(());
    }
    let force = inv.bool("force");
    if !force && inv.int("grace-period") >= 0 {
        return err("--grace-period must have --force specified");
    }
    if !force && inv.changed("timeout") {
        return err("--timeout must have --force specified");
    }
    let validation = change::field_validation(inv)?;
    let infos = Builder::new(inv).args(&inv.args).infos(ctx)?;
    if infos.is_empty() {
        return err("no objects passed to replace");
    }
    let prepared = |info: &mut Info| {
        let has = !info.object["metadata"]["annotations"][apply::LAST_APPLIED].is_null();
        if inv.bool("save-config") || has {
            apply::annotate(&mut info.object);
        }
        change::record(inv, &mut info.object);
    };
    if force && dry == DryRun::None {
        return forced(inv, infos, validation, prepared, ctx);
    }
    let subresource = inv.str("subresource");
    change::each(infos, ctx, |mut info, ctx| {
        prepared(&mut info);
        if dry == DryRun::Client {
            return change::print(inv, &info.object, "replaced", dry, ctx);
        }
        let mut body = info.object.clone();
        let path = super::patch::subpath(&info, subresource);
        if body["metadata"]["resourceVersion"].as_str().is_none_or(str::is_empty)
            && let Ok(live) = ctx.api.request(Request::get(path.clone())).ok()
        {
            body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        }
        let request = change::request(Method::Put, path, inv, dry, "kubectl-replace")
            .with("fieldValidation", validation)
            .body(body);
        let object = ctx.call(request).map_err(|e| e.with_source("replacing", &info.source))?;
        change::print(inv, &object, "replaced", dry, ctx)
    })
}

/// Deletes everything, waits until it is gone, makes it anew.
fn forced(
    inv: &Invocation,
    infos: Vec<Result<Info, CmdError>>,
    validation: &str,
    prepared: impl Fn(&mut Info),
    ctx: &mut Context,
) -> Result<(), CmdError> {
    // The warning of immediate deletion is for an explicit grace period of zero.
    let how = How::for_replacing(inv, ctx)?;
    let mut gone = Gone::default();
    let mut make = vec![];
    change::each(infos, ctx, |mut info, ctx| {
        match how.delete(&info, DryRun::None, ctx) {
            Ok(answer) => {
                gone.add(&info, &answer);
                ctx.println(how.line(&info, DryRun::None));
            }
            Err(e) if e.is_not_found() => {}
            Err(e) => return Err(e),
        }
        prepared(&mut info);
        make.push((info.collection(), std::mem::take(&mut info.object)));
        Ok(())
    })?;
    let (give_up, not_before) = (delete::deadline(inv, ctx), ctx.now() + READING);
    let output = inv.str("output").to_string();
    let replacing = Replacing { gone, make, validation: validation.into(), output, give_up, not_before };
    ctx.out.pending = Some(Pending::new(Wait::Replacing(replacing), Some(not_before)));
    Ok(())
}

impl Replacing {
    /// Makes the objects when the old ones are gone; `wake` becomes the moment to be asked again. True at the end.
    ///
    /// # Errors
    /// Time is up, or the API server refuses.
    pub fn poll(&mut self, wake: &mut Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
        *wake = Some(if ctx.now() < self.not_before { self.not_before } else { self.give_up });
        if !self.gone.poll(Some(self.give_up), ctx)? || ctx.now() < self.not_before {
            return Ok(false);
        }
        for (path, body) in std::mem::take(&mut self.make) {
            let request = Request::new(Method::Post, path)
                .with("fieldManager", "kubectl-replace")
                .with("fieldValidation", self.validation.clone())
                .body(change::unversioned(body));
            let object = ctx.call(request)?;
            match self.output.as_str() {
                "json" => ctx.print(printer::json::json(&object)),
                "yaml" => ctx.print(printer::json::yaml(&object)),
                "name" => ctx.println(printer::name(&object)),
                _ => ctx.println(format!("{} replaced", printer::name(&object))),
            }
        }
        Ok(true)
    }
}
