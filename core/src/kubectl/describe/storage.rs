//! Volumes and claims.

use super::Describer;
use super::pod::volume_source;
use super::text::{annotations, head, items, labels, meta, none, plain, s};
use crate::apiserver::printers::{access_modes, storage_class};
use crate::kubectl::errors::CmdError;
use serde_json::Value;

type Done = Result<(), CmdError>;

fn finalizers(v: &Value) -> String {
    format!("[{}]", items(v).iter().map(s).collect::<Vec<_>>().join(" "))
}

fn phase(o: &Value) -> String {
    match s(&o["metadata"]["deletionTimestamp"]) {
        "" => s(&o["status"]["phase"]).to_string(),
        _ => "Terminating".to_string(),
    }
}

pub(super) fn volume(o: &Value, d: &mut Describer) -> Done {
    let (spec, status) = (&o["spec"], &o["status"]);
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    w.pair(0, "Finalizers", finalizers(&o["metadata"]["finalizers"]));
    w.pair(0, "StorageClass", storage_class(o));
    w.pair(0, "Status", phase(o));
    let claim = &spec["claimRef"];
    w.pair(
        0,
        "Claim",
        if claim.is_null() { String::new() } else { format!("{}/{}", s(&claim["namespace"]), s(&claim["name"])) },
    );
    w.pair(0, "Reclaim Policy", s(&spec["persistentVolumeReclaimPolicy"]));
    w.pair(0, "Access Modes", access_modes(&spec["accessModes"]));
    if !spec["volumeMode"].is_null() {
        w.pair(0, "VolumeMode", s(&spec["volumeMode"]));
    }
    w.pair(0, "Capacity", plain(&spec["capacity"]["storage"]));
    let terms = items(&spec["nodeAffinity"]["required"]["nodeSelectorTerms"]);
    if terms.is_empty() {
        let text = if spec["nodeAffinity"].is_null() { "Node Affinity:\t<none>" } else { "Node Affinity:\t" };
        w.line(0, text);
    } else {
        w.line(0, "Node Affinity:\t");
        w.line(1, "Required Terms:\t");
        for (i, t) in terms.iter().enumerate() {
            for (j, e) in items(&t["matchExpressions"]).iter().enumerate() {
                let values: Vec<&str> = items(&e["values"]).iter().map(s).collect();
                let operator = s(&e["operator"]).to_lowercase();
                let text = format!("{} {operator} [{}]", s(&e["key"]), values.join(", "));
                w.line(2, if j == 0 { format!("Term {i}:\t{text}") } else { format!("\t{text}") });
            }
        }
    }
    w.pair(0, "Message", s(&status["message"]));
    w.line(0, "Source:");
    volume_source(w, spec);
    d.events(o);
    Ok(())
}

pub(super) fn claim(o: &Value, d: &mut Describer) -> Done {
    let (spec, status) = (&o["spec"], &o["status"]);
    let (ns, name) = (s(&o["metadata"]["namespace"]), s(&o["metadata"]["name"]));
    let uses = |p: &Value| {
        items(&p["spec"]["volumes"]).iter().any(|v| {
            v["persistentVolumeClaim"]["claimName"] == name
                || !v["ephemeral"].is_null() && format!("{}-{}", s(&p["metadata"]["name"]), s(&v["name"])) == name
        })
    };
    let users: Vec<String> =
        d.list("pods", ns, "", "").iter().filter(|p| uses(p)).map(|p| s(&p["metadata"]["name"]).to_string()).collect();
    let w = &mut d.w;
    head(w, o);
    w.pair(0, "StorageClass", storage_class(o));
    w.pair(0, "Status", phase(o));
    w.pair(0, "Volume", s(&spec["volumeName"]));
    labels(w, "Labels", &o["metadata"]["labels"]);
    annotations(w, "Annotations", &o["metadata"]["annotations"]);
    w.pair(0, "Finalizers", finalizers(&o["metadata"]["finalizers"]));
    let bound = !s(&spec["volumeName"]).is_empty();
    w.pair(0, "Capacity", if bound { plain(&status["capacity"]["storage"]) } else { String::new() });
    w.pair(0, "Access Modes", if bound { access_modes(&status["accessModes"]) } else { String::new() });
    if !spec["volumeMode"].is_null() {
        w.pair(0, "VolumeMode", s(&spec["volumeMode"]));
    }
    if !spec["dataSource"].is_null() {
        w.line(0, "DataSource:");
        w.pair(1, "Kind", s(&spec["dataSource"]["kind"]));
        w.pair(1, "Name", s(&spec["dataSource"]["name"]));
    }
    for (i, u) in users.iter().enumerate() {
        w.line(0, format!("{}\t{u}", if i == 0 { "Used By:" } else { "        " }));
    }
    if users.is_empty() {
        w.line(0, "Used By:\t<none>");
    }
    let conditions = items(&status["conditions"]);
    if !conditions.is_empty() {
        w.line(0, "Conditions:\n  Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage");
        w.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
        for c in conditions {
            let cells = ["type", "status", "lastProbeTime", "lastTransitionTime", "reason", "message"];
            w.line(1, cells.map(|k| s(&c[k])).join(" \t"));
        }
    }
    d.events(o);
    Ok(())
}

pub(super) fn class(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    w.pair(0, "Name", s(&o["metadata"]["name"]));
    let default = o["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true";
    w.pair(0, "IsDefaultClass", if default { "Yes" } else { "No" });
    annotations(w, "Annotations", &o["metadata"]["annotations"]);
    w.pair(0, "Provisioner", s(&o["provisioner"]));
    let join = |v: Vec<String>| v.join(",");
    let parameters: Vec<String> =
        o["parameters"].as_object().into_iter().flatten().map(|(k, v)| format!("{k}={}", s(v))).collect();
    w.pair(0, "Parameters", none(&join(parameters)));
    let expansion = match &o["allowVolumeExpansion"] {
        Value::Bool(true) => "True",
        Value::Bool(false) => "False",
        _ => "<unset>",
    };
    w.pair(0, "AllowVolumeExpansion", expansion);
    let options: Vec<String> = items(&o["mountOptions"]).iter().map(|m| s(m).to_string()).collect();
    w.pair(0, "MountOptions", none(&join(options)));
    w.pair(0, "ReclaimPolicy", s(&o["reclaimPolicy"]));
    w.pair(0, "VolumeBindingMode", s(&o["volumeBindingMode"]));
    d.events(o);
    Ok(())
}
