//! `kubectl rollout history`, and where the revisions of an object are kept: a Deployment's in its ReplicaSets,
//! a DaemonSet's and StatefulSet's in ControllerRevisions. Models kubectl `pkg/polymorphichelpers/history.go`.

use super::{group_kind, infos};
use crate::api::labels::format_label_selector;
use crate::apiserver::request::Request;
use crate::kubectl::Context;
use crate::kubectl::builder::Info;
use crate::kubectl::cmd::change;
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::describe;
use crate::kubectl::errors::CmdError;
use crate::kubectl::printer::tabwriter;
use serde_json::Value;

const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// One revision.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    pub(super) number: i64,
    pub(super) cause: String,
    /// The pod template.
    pub(super) template: Value,
    /// The ReplicaSet or ControllerRevision.
    pub(super) object: Value,
}

/// The revisions of an object, the oldest first; `None`: its kind has none.
pub(super) fn revisions(info: &Info, ctx: &mut Context) -> Result<Option<Vec<Revision>>, CmdError> {
    let plural = match info.mapping.kind {
        "Deployment" => "replicasets",
        "DaemonSet" | "StatefulSet" => "controllerrevisions",
        _ => return Ok(None),
    };
    let selector = match format_label_selector(&info.object["spec"]["selector"]) {
        s if s.starts_with('<') => String::new(),
        s => s,
    };
    let path = format!("/apis/apps/v1/namespaces/{}/{plural}", info.namespace);
    let list = ctx.call(Request::get(path).with("labelSelector", selector))?;
    let uid = &info.object["metadata"]["uid"];
    let owned = |o: &&Value| {
        let owners = o["metadata"]["ownerReferences"].as_array();
        owners.into_iter().flatten().any(|r| r["controller"] == true && r["uid"] == *uid)
    };
    let mut out: Vec<Revision> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(owned)
        .filter_map(|o| {
            let annotations = &o["metadata"]["annotations"];
            let cause = annotations[CHANGE_CAUSE].as_str().unwrap_or_default().to_string();
            let (number, template) = if plural == "replicasets" {
                let n = annotations["deployment.kubernetes.io/revision"].as_str()?.parse().ok()?;
                (n, o["spec"]["template"].clone())
            } else {
                let mut template = o["data"]["spec"]["template"].clone();
                if let Some(m) = template.as_object_mut() {
                    m.remove("$patch");
                }
                (o["revision"].as_i64()?, template)
            };
            Some(Revision { number, cause, template, object: o.clone() })
        })
        .collect();
    out.sort_by_key(|r| r.number);
    Ok(Some(out))
}

/// `REVISION  CHANGE-CAUSE`, and a line for each.
fn table(revisions: &[Revision]) -> String {
    let mut text = "REVISION\tCHANGE-CAUSE\n".to_string();
    for r in revisions {
        let cause = if r.cause.is_empty() { "<none>" } else { &r.cause };
        text.push_str(&format!("{}\t{cause}\n", r.number));
    }
    tabwriter::describe(&text)
}

pub(super) fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let wanted = inv.int("revision");
    if wanted < 0 {
        return Err(CmdError::client(format!("revision must be a positive integer: {wanted}")));
    }
    let infos = infos(inv, ctx)?;
    change::each(infos, ctx, |info, ctx| {
        let Some(all) = revisions(&info, ctx)? else {
            return Err(CmdError::client(format!(
                "error retrieving history for {:?}, no visitor method exists for {{{} {}}}",
                group_kind(&info),
                info.mapping.group,
                info.mapping.kind
            )));
        };
        let found = all.iter().find(|r| r.number == wanted);
        if wanted > 0 && found.is_none() {
            return Err(CmdError::client("unable to find the specified revision"));
        }
        if inv.changed("output") {
            for r in all.iter().filter(|r| wanted == 0 || r.number == wanted) {
                change::print(inv, &r.object, "", DryRun::None, ctx)?;
            }
            return Ok(());
        }
        let text = match found {
            Some(r) => {
                let mut template = r.template.clone();
                if !r.cause.is_empty() {
                    template["metadata"]["annotations"][CHANGE_CAUSE] = r.cause.clone().into();
                }
                format!("with revision #{wanted}\n{}", describe::template_text(&template))
            }
            None if all.is_empty() => "\nNo rollout history found.".into(),
            None => format!("\n{}", table(&all)),
        };
        ctx.println(format!("{} {text}", info.printed_name()));
        Ok(())
    })
}
