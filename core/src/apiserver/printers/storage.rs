//! Rows of volumes and what makes them.

use super::{Column, Printer, UnixSeconds, age, c, items, name, or, text, w};
use serde_json::Value;

pub(super) static PRINTERS: &[Printer] = &[
    Printer { group: "", kind: "PersistentVolume", columns: VOLUME, row: volume },
    Printer { group: "", kind: "PersistentVolumeClaim", columns: CLAIM, row: claim },
    Printer { group: "storage.k8s.io", kind: "StorageClass", columns: CLASS, row: class },
    Printer { group: "storage.k8s.io", kind: "CSINode", columns: CSI_NODE, row: csi_node },
    Printer { group: "storage.k8s.io", kind: "CSIDriver", columns: CSI_DRIVER, row: csi_driver },
    Printer { group: "storage.k8s.io", kind: "VolumeAttachment", columns: ATTACHMENT, row: attachment },
    Printer { group: "storage.k8s.io", kind: "VolumeAttributesClass", columns: ATTRIBUTES, row: attributes },
    Printer { group: "storage.k8s.io", kind: "CSIStorageCapacity", columns: CAPACITY, row: capacity },
];

static VOLUME: &[Column] = &[
    c("NAME"),
    c("CAPACITY"),
    c("ACCESS MODES"),
    c("RECLAIM POLICY"),
    c("STATUS"),
    c("CLAIM"),
    c("STORAGECLASS"),
    c("VOLUMEATTRIBUTESCLASS"),
    c("REASON"),
    c("AGE"),
    w("VOLUMEMODE"),
];
static CLAIM: &[Column] = &[
    c("NAME"),
    c("STATUS"),
    c("VOLUME"),
    c("CAPACITY"),
    c("ACCESS MODES"),
    c("STORAGECLASS"),
    c("VOLUMEATTRIBUTESCLASS"),
    c("AGE"),
    w("VOLUMEMODE"),
];
static CLASS: &[Column] =
    &[c("NAME"), c("PROVISIONER"), c("RECLAIMPOLICY"), c("VOLUMEBINDINGMODE"), c("ALLOWVOLUMEEXPANSION"), c("AGE")];
static CSI_NODE: &[Column] = &[c("NAME"), c("DRIVERS"), c("AGE")];
static CSI_DRIVER: &[Column] = &[
    c("NAME"),
    c("ATTACHREQUIRED"),
    c("PODINFOONMOUNT"),
    c("STORAGECAPACITY"),
    c("TOKENREQUESTS"),
    c("REQUIRESREPUBLISH"),
    c("MODES"),
    c("AGE"),
];
static ATTACHMENT: &[Column] = &[c("NAME"), c("ATTACHER"), c("PV"), c("NODE"), c("ATTACHED"), c("AGE")];
static ATTRIBUTES: &[Column] = &[c("NAME"), c("DRIVERNAME"), c("AGE")];
static CAPACITY: &[Column] = &[c("NAME"), c("STORAGECLASSNAME"), c("CAPACITY")];

/// `RWO,ROX`: access modes in short.
pub fn access_modes(v: &Value) -> String {
    let short =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    short.iter().filter(|(m, _)| items(v).iter().any(|x| x == m)).map(|(_, s)| *s).collect::<Vec<_>>().join(",")
}

/// The storage class of a claim or volume: the old annotation wins.
pub fn storage_class(o: &Value) -> String {
    match o["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"].as_str() {
        Some(s) => s.to_string(),
        None => text(&o["spec"]["storageClassName"]),
    }
}

fn volume(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let (spec, s) = (&o["spec"], &o["status"]);
    let claim = if spec["claimRef"].is_null() {
        String::new()
    } else {
        format!("{}/{}", text(&spec["claimRef"]["namespace"]), text(&spec["claimRef"]["name"]))
    };
    let deleting = !o["metadata"]["deletionTimestamp"].is_null();
    vec![
        name(o),
        text(&spec["capacity"]["storage"]).into(),
        access_modes(&spec["accessModes"]).into(),
        text(&spec["persistentVolumeReclaimPolicy"]).into(),
        if deleting { "Terminating".into() } else { text(&s["phase"]).into() },
        claim.into(),
        storage_class(o).into(),
        or(text(&spec["volumeAttributesClassName"]), "<unset>"),
        text(&s["reason"]).into(),
        age(o, now),
        or(text(&spec["volumeMode"]), "<unset>"),
    ]
}

fn claim(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let (spec, s) = (&o["spec"], &o["status"]);
    let bound = !text(&spec["volumeName"]).is_empty();
    let deleting = !o["metadata"]["deletionTimestamp"].is_null();
    vec![
        name(o),
        if deleting { "Terminating".into() } else { text(&s["phase"]).into() },
        text(&spec["volumeName"]).into(),
        if bound { text(&s["capacity"]["storage"]).into() } else { "".into() },
        if bound { access_modes(&s["accessModes"]).into() } else { "".into() },
        storage_class(o).into(),
        or(text(&spec["volumeAttributesClassName"]), "<unset>"),
        age(o, now),
        or(text(&spec["volumeMode"]), "<unset>"),
    ]
}

fn class(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let default = o["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
        || o["metadata"]["annotations"]["storageclass.beta.kubernetes.io/is-default-class"] == "true";
    let shown = if default { format!("{} (default)", text(&o["metadata"]["name"])).into() } else { name(o) };
    vec![
        shown,
        text(&o["provisioner"]).into(),
        or(text(&o["reclaimPolicy"]), "Delete"),
        or(text(&o["volumeBindingMode"]), "Immediate"),
        (o["allowVolumeExpansion"] == true).into(),
        age(o, now),
    ]
}

fn csi_node(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), items(&o["spec"]["drivers"]).len().into(), age(o, now)]
}

fn csi_driver(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let spec = &o["spec"];
    let set = |k: &str, default: bool| spec[k].as_bool().unwrap_or(default);
    let list = |k: &str, key: Option<&str>| {
        let l: Vec<String> = items(&spec[k]).iter().map(|v| key.map_or_else(|| text(v), |k| text(&v[k]))).collect();
        if l.is_empty() { "<unset>".to_string() } else { l.join(",") }
    };
    let modes = list("volumeLifecycleModes", None);
    vec![
        name(o),
        set("attachRequired", true).into(),
        set("podInfoOnMount", false).into(),
        set("storageCapacity", false).into(),
        list("tokenRequests", Some("audience")).into(),
        set("requiresRepublish", false).into(),
        if modes == "<unset>" { "<none>".into() } else { modes.into() },
        age(o, now),
    ]
}

fn attachment(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let spec = &o["spec"];
    vec![
        name(o),
        text(&spec["attacher"]).into(),
        text(&spec["source"]["persistentVolumeName"]).into(),
        text(&spec["nodeName"]).into(),
        (o["status"]["attached"] == true).into(),
        age(o, now),
    ]
}

fn attributes(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), text(&o["driverName"]).into(), age(o, now)]
}

fn capacity(o: &Value, _now: UnixSeconds) -> Vec<Value> {
    vec![name(o), text(&o["storageClassName"]).into(), or(text(&o["capacity"]), "<unset>")]
}
