//! Who set which field: `metadata.managedFields`, and server-side apply. (Models apimachinery `util/managedfields` and
//! structured-merge-diff `merge`.)
//!
//! Kept only of objects that a person has written through REST. What controllers and kubelets make is theirs as a whole,
//! and so is every status: that is told when somebody reads it ([`shown`]) and costs nothing in between.
//! Pure functions on JSON; knows neither the store nor requests.

mod cap;
mod set;
mod shape;
#[cfg(test)]
mod tests;

pub use set::{Element, FieldSet};
pub use shape::{Shape, atomics, compare, field_set, merge, undeclared};

use crate::api::error::Status;
use serde_json::{Value, json};

/// What `kubectl apply` remembers of the client's side.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who writes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// `kubectl-client-side-apply`, `kube-controller-manager` …
    pub name: String,
    /// `Apply`; else `Update`.
    pub apply: bool,
    /// `apps/v1`
    pub api_version: String,
    /// `status`, `scale`; empty for the object itself.
    pub subresource: String,
}

impl Manager {
    /// One that updates.
    pub fn update(name: &str, api_version: &str, subresource: &str) -> Manager {
        Manager { name: name.into(), apply: false, api_version: api_version.into(), subresource: subresource.into() }
    }

    /// Appliers are the same in every version.
    fn is(&self, other: &Manager) -> bool {
        self.name == other.name
            && self.apply == other.apply
            && self.subresource == other.subresource
            && (self.apply || self.api_version == other.api_version)
    }

    fn shown(&self) -> String {
        let mut text = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if !self.apply {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

/// One manager's fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// Who.
    pub manager: Manager,
    /// When they last changed, as RFC 3339.
    pub time: String,
    /// Which.
    pub fields: FieldSet,
}

/// All managers of an object.
pub type Managers = Vec<Owned>;

/// Managers as `metadata.managedFields` tells of them.
pub fn decode(object: &Value) -> Managers {
    let list = object["metadata"]["managedFields"].as_array();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    list.into_iter()
        .flatten()
        .map(|e| Owned {
            manager: Manager {
                name: text(&e["manager"]),
                apply: e["operation"] == "Apply",
                api_version: text(&e["apiVersion"]),
                subresource: text(&e["subresource"]),
            },
            time: text(&e["time"]),
            fields: match &e["fieldsV1"] {
                Value::String(kept) => FieldSet::from_fields(&serde_json::from_str(kept).unwrap_or_default()),
                fields => FieldSet::from_fields(fields),
            },
        })
        .collect()
}

/// `metadata.managedFields`.
pub fn encode(managers: &Managers) -> Value {
    let mut list: Vec<&Owned> = managers.iter().filter(|o| !o.fields.is_empty()).collect();
    list.sort_by(|a, b| {
        let key = |o: &Owned| (!o.manager.apply, o.time.clone(), o.manager.name.clone(), o.manager.subresource.clone());
        key(a).cmp(&key(b))
    });
    let entry = |o: &&Owned| {
        let mut e = json!({
            "manager": o.manager.name,
            "operation": if o.manager.apply { "Apply" } else { "Update" },
            "apiVersion": o.manager.api_version,
            "time": o.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": o.fields.to_fields(),
        });
        if !o.manager.subresource.is_empty() {
            e["subresource"] = o.manager.subresource.clone().into();
        }
        e
    };
    Value::Array(list.iter().map(entry).collect())
}

/// As [`encode`], for the store: sets of fields as texts, which need a tenth of the room. [`decode`] reads both.
pub fn kept(managers: &Managers) -> Value {
    let mut list = encode(managers);
    for e in list.as_array_mut().into_iter().flatten() {
        e["fieldsV1"] = e["fieldsV1"].to_string().into();
    }
    list
}

/// Fields that nobody owns.
fn strip(mut set: FieldSet, status: bool) -> FieldSet {
    for name in ["apiVersion", "kind"] {
        set.cut(&[name]);
    }
    set.drop_member("metadata");
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        set.cut(&["metadata", name]);
    }
    if !status {
        set.cut(&["status"]);
    }
    set
}

/// The managers after `manager` has made `new` out of `old`. (Models Updater.Update.)
pub fn updated(
    shape: Shape,
    mut managers: Managers,
    manager: &Manager,
    old: Option<&Value>,
    new: &Value,
    now: &str,
) -> Managers {
    let nothing = json!({});
    let difference = compare(shape, Some(old.unwrap_or(&nothing)), Some(new));
    let mut taken = difference.added;
    taken.extend(&difference.modified);
    let status = manager.subresource == "status";
    let (taken, removed) = (strip(taken, status), strip(difference.removed, true));
    for o in &mut managers {
        o.fields.subtract(&taken);
        o.fields.subtract(&removed);
    }
    if !taken.is_empty() {
        match managers.iter_mut().find(|o| o.manager.is(manager)) {
            Some(o) => {
                o.fields.extend(&taken);
                o.time = now.into();
            }
            None => managers.push(Owned { manager: manager.clone(), time: now.into(), fields: taken }),
        }
    }
    managers.retain(|o| !o.fields.is_empty());
    cap::cap(managers)
}

/// What an apply leads to.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The object as it is to be written, not defaulted yet.
    pub object: Value,
    /// Its managers.
    pub managers: Managers,
}

/// Applies a configuration to the live object (none: there is none yet). (Models Updater.Apply and the manager that
/// lets kubectl go over from client-side apply.)
pub fn apply(
    shape: Shape,
    live: Option<&Value>,
    config: &Value,
    managers: Managers,
    manager: &Manager,
    force: bool,
    now: &str,
) -> Result<Applied, Status> {
    let nothing = json!({});
    let before = live.unwrap_or(&nothing);
    let mut object = shape::merge(shape, live, config);
    let fields = strip(field_set(shape, config), manager.subresource == "status");
    let last = managers.iter().find(|o| o.manager.is(manager)).cloned();
    let mut managers: Managers = managers.into_iter().filter(|o| !o.manager.is(manager)).collect();
    if let Some(last) = &last {
        let mut owned = fields.clone();
        managers.iter().for_each(|o| owned.extend(&o.fields));
        shape::prune(shape, &mut object, &last.fields, &owned);
    }
    let difference = compare(shape, Some(before), Some(&object));
    let mut changed = difference.added;
    changed.extend(&difference.modified);
    let mut conflicts: Vec<(Manager, FieldSet)> = managers
        .iter()
        .map(|o| (o.manager.clone(), o.fields.intersection(&changed)))
        .filter(|(_, set)| !set.is_empty())
        .collect();
    if !conflicts.is_empty() && !force {
        if manager.name == "kubectl" {
            let allowed = last_applied_fields(shape, before);
            conflicts.iter_mut().for_each(|(_, set)| set.subtract(&allowed));
            conflicts.retain(|(_, set)| !set.is_empty());
        }
        if !conflicts.is_empty() {
            return Err(conflict(&conflicts));
        }
    }
    let removed = strip(difference.removed, true);
    for o in &mut managers {
        o.fields.subtract(&changed);
        o.fields.subtract(&removed);
    }
    managers.retain(|o| !o.fields.is_empty());
    let unchanged = last.filter(|l| l.fields == fields && *before == object);
    let time = unchanged.map_or_else(|| now.to_owned(), |l| l.time);
    if !fields.is_empty() {
        managers.push(Owned { manager: manager.clone(), time, fields });
    }
    Ok(Applied { object, managers })
}

/// The fields of the client's last configuration that still are as it said.
fn last_applied_fields(shape: Shape, live: &Value) -> FieldSet {
    let text = live["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap_or_default();
    let Ok(last) = serde_json::from_str::<Value>(text) else { return FieldSet::default() };
    let mut set = field_set(shape, &last);
    let difference = compare(shape, Some(&last), Some(live));
    for changed in [&difference.modified, &difference.added, &difference.removed] {
        set.subtract(changed);
    }
    // what it does not say any more was its own too
    set
}

fn conflict(conflicts: &[(Manager, FieldSet)]) -> Status {
    let mut all: Vec<(String, String)> = vec![];
    let mut sorted: Vec<(String, &FieldSet)> = conflicts.iter().map(|(m, s)| (m.shown(), s)).collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    for (who, set) in &sorted {
        all.extend(set.paths().into_iter().map(|p| (who.clone(), p)));
    }
    let message = match all.as_slice() {
        [(who, path)] => format!("Apply failed with 1 conflict: conflict with {who}: {path}"),
        many => {
            let mut lines = vec![];
            let mut last = "";
            for (who, path) in many {
                if who != last {
                    lines.push(format!("conflicts with {who}:"));
                    last = who;
                }
                lines.push(format!("- {path}"));
            }
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    let causes: Vec<Value> = all
        .iter()
        .map(|(who, path)| json!({"reason": "FieldManagerConflict", "message": format!("conflict with {who}"), "field": path}))
        .collect();
    let mut status = Status::new(409, "Conflict", message);
    status.details = json!({"causes": causes});
    status
}

/// Who makes the objects of a kind that no person has written, and who reports the status of all.
fn authors(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "Pod" => ("kube-controller-manager", "kubelet"),
        "Node" => ("kubelet", "kubelet"),
        "Lease" | "Event" => ("kubelet", "kubelet"),
        "Namespace" | "Service" | "PriorityClass" | "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding" => {
            ("kube-apiserver", "kube-controller-manager")
        }
        _ => ("kube-controller-manager", "kube-controller-manager"),
    }
}

/// The managers of an object that nobody has written by hand.
pub fn implied(shape: Shape, object: &Value) -> Managers {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let fields = strip(compare(shape, Some(&json!({})), Some(object)).added, false);
    let kind = text(&object["kind"]);
    let manager = Manager::update(authors(&kind).0, &text(&object["apiVersion"]), "");
    if fields.is_empty() {
        return vec![];
    }
    vec![Owned { manager, time: text(&object["metadata"]["creationTimestamp"]), fields }]
}

/// Leaves out what components report of the status: [`shown`] tells of it anyway.
pub fn without_reports(mut managers: Managers) -> Managers {
    let reported = |o: &Owned| {
        !o.manager.apply
            && o.manager.subresource == "status"
            && matches!(&*o.manager.name, "kubelet" | "kube-controller-manager")
    };
    managers.retain(|o| !reported(o));
    managers
}

/// `metadata.managedFields` as it is read: what is kept, or what goes without saying; the status besides. `changed`:
/// when the object was last written.
pub fn shown(shape: Shape, object: &Value, changed: &str) -> Value {
    let mut managers = decode(object);
    if managers.is_empty() {
        managers = implied(shape, object);
    }
    if let Some(status) = object["status"].as_object().filter(|s| !s.is_empty()) {
        let only = json!({"status": status});
        let mut fields = compare(shape, Some(&json!({})), Some(&only)).added;
        managers.iter().for_each(|o| fields.subtract(&o.fields));
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let manager = Manager::update(authors(&text(&object["kind"])).1, &text(&object["apiVersion"]), "status");
        if !fields.is_empty() {
            managers.push(Owned { manager, time: changed.to_owned(), fields });
        }
    }
    encode(&managers)
}
