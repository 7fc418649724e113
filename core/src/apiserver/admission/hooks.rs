//! Where admission meets the store: the objects that its rules look at, and the use of quotas that it writes.
//! Invariant: nothing is written but by [`Sim::charge`], and that only for a request that succeeds.

use super::podsecurity::{self, Policy};
use super::{PriorityClass, quota};
use crate::api::error::Status;
use crate::apiserver::limits;
use crate::apiserver::registry::util::{has, items, object, set_if_absent, text};
use crate::sim::Sim;
use crate::store::{Key, Kind, Obj, PodProto, Typed};
use k8s_openapi::api::core::v1::ResourceQuota;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The new use of a quota.
#[derive(Clone, Debug)]
pub struct Charge {
    quota: Key,
    used: quota::Amounts,
}

const DEFAULT_STORAGE: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
const DEFAULT_INGRESS: &str = "ingressclass.kubernetes.io/is-default-class";
const INGRESS_CLASS: &str = "kubernetes.io/ingress.class";

impl Sim {
    /// What admission adds to a new object, before it is validated.
    pub(in crate::apiserver) fn complete_new(&mut self, kind: Kind, v: &mut Value) -> Result<(), Status> {
        match kind {
            Kind::Pod => {
                let refuse = |v: &Value, why: String| Status::forbidden("pods", early_name(v), &why);
                let ns = text(&v["metadata"], "namespace").to_owned();
                for range in self.values(Kind::LimitRange, &ns) {
                    limits::merge_defaults(v, &range);
                }
                let token = self.rng.suffix(5);
                let account = Key::new(ns.as_str(), super::account_name(v));
                let account = self.store.get(Kind::ServiceAccount, &account).map(|o| o.to_value(&self.store.ids));
                let classes = self.priority_classes();
                super::admit_pod(v, account.as_ref(), &classes, &token).map_err(|why| refuse(v, why))?;
            }
            Kind::PersistentVolumeClaim => {
                add_finalizer(v, "kubernetes.io/pvc-protection");
                if v["spec"]["storageClassName"].is_null()
                    && let Some(class) = self.default_class(Kind::StorageClass, &DEFAULT_STORAGE)
                    && let Some(spec) = object(v, "spec")
                {
                    set_if_absent(spec, "storageClassName", class);
                }
            }
            Kind::PersistentVolume => add_finalizer(v, "kubernetes.io/pv-protection"),
            Kind::Ingress => {
                let unnamed = v["spec"]["ingressClassName"].is_null();
                if unnamed
                    && !has(&v["metadata"]["annotations"], INGRESS_CLASS)
                    && let Some(class) = self.default_class(Kind::IngressClass, &[DEFAULT_INGRESS])
                    && let Some(spec) = object(v, "spec")
                {
                    set_if_absent(spec, "ingressClassName", class);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What admission says of a new or changed object that is valid; quotas come later.
    pub(in crate::apiserver) fn judge(
        &self,
        kind: Kind,
        new: &Value,
        old: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Status> {
        let (ns, name) = (text(&new["metadata"], "namespace"), text(&new["metadata"], "name"));
        let refuse = |why: &str| Err(Status::forbidden(&kind.info().group_resource(), name, why));
        let ranges = |check: fn(&Value, &Value) -> Result<(), String>| {
            self.values(Kind::LimitRange, ns).iter().try_for_each(|r| check(new, r))
        };
        match kind {
            Kind::Pod if old.is_none_or(|o| o["spec"] != new["spec"]) => {
                if old.is_none()
                    && let Err(why) = ranges(limits::check_pod)
                {
                    return refuse(&why);
                }
                if let Err(why) = self.pod_security(ns, &new["metadata"], &new["spec"], true, warnings) {
                    return refuse(&why);
                }
            }
            Kind::PersistentVolumeClaim => {
                if let Err(why) = ranges(limits::check_claim) {
                    return refuse(&why);
                }
                if let Some(old) = old
                    && let Err(why) = self.may_grow(new, old)
                {
                    return refuse(why);
                }
            }
            Kind::PriorityClass if new["globalDefault"] == true => {
                let other = self.store.list(Kind::PriorityClass, None).find(|o| {
                    matches!(o, Obj::PriorityClass(c) if c.global_default == Some(true)) && *o.key().name != *name
                });
                if let Some(other) = other {
                    let other = other.key().name;
                    return refuse(&format!(
                        "PriorityClass {other} is already marked as default. Only one default can exist"
                    ));
                }
            }
            Kind::Namespace => {
                let errors = podsecurity::label_errors(&new["metadata"]["labels"]);
                let was = old.map_or(0, |o| podsecurity::label_errors(&o["metadata"]["labels"]).len());
                if !errors.is_empty() && was == 0 {
                    return Err(Status::invalid("Namespace", name, &errors));
                }
                self.new_standards(new, old, warnings);
            }
            Kind::CronJob if old.is_none_or(|o| o["spec"] != new["spec"]) => {
                let template = &new["spec"]["jobTemplate"]["spec"]["template"];
                let _ = self.pod_security(ns, &template["metadata"], &template["spec"], false, warnings);
            }
            _ if !new["spec"]["template"]["spec"]["containers"].is_null()
                && old.is_none_or(|o| o["spec"]["template"] != new["spec"]["template"]) =>
            {
                let template = &new["spec"]["template"];
                let _ = self.pod_security(ns, &template["metadata"], &template["spec"], false, warnings);
            }
            _ => {}
        }
        Ok(())
    }

    /// Is there room in the quotas of its namespace? What is to be written once the object is.
    pub(in crate::apiserver) fn room(
        &self,
        kind: Kind,
        new: &Value,
        old: Option<&Value>,
    ) -> Result<Vec<Charge>, Status> {
        let (ns, name) = (text(&new["metadata"], "namespace"), text(&new["metadata"], "name"));
        let info = kind.info();
        let changes = matches!(kind, Kind::Service | Kind::PersistentVolumeClaim)
            || (kind == Kind::Pod && old.is_some_and(|o| o["spec"] != new["spec"]));
        if ns.is_empty() || self.store.count(Kind::ResourceQuota) == 0 || (old.is_some() && !changes) {
            return Ok(vec![]);
        }
        let quotas = self.values(Kind::ResourceQuota, ns);
        let charges = quota::check(&quotas, info, new, old, self.now)
            .map_err(|why| Status::forbidden(&info.group_resource(), name, &why))?;
        Ok(charges
            .into_iter()
            .map(|(i, used)| Charge { quota: Key::new(ns, text(&quotas[i]["metadata"], "name")), used })
            .collect())
    }

    /// As [`Sim::room`], for a pod of a prototype.
    pub(in crate::apiserver) fn room_for_pod(
        &self,
        namespace: &Arc<str>,
        name: &str,
        proto: &PodProto,
    ) -> Result<Vec<Charge>, Status> {
        let any = self.store.count(Kind::ResourceQuota) > 0
            && self.store.list(Kind::ResourceQuota, Some(namespace)).next().is_some();
        if !any {
            return Ok(vec![]);
        }
        let spec = serde_json::to_value(&proto.pod.spec).unwrap_or_default();
        self.room(Kind::Pod, &json!({"metadata": {"namespace": **namespace, "name": name}, "spec": spec}), None)
    }

    /// Writes the use of quotas, in the name of the request that is being carried out.
    pub(in crate::apiserver) fn charge(&mut self, charges: Vec<Charge>, request: u64) {
        for c in charges {
            let Some(old) = self.store.typed::<ResourceQuota>(&c.quota).cloned() else { continue };
            let mut new = (*old).clone();
            let used = crate::store::read(&quota::to_value(&c.used)).unwrap_or_default();
            new.status.get_or_insert_default().used = Some(used);
            new.metadata.resource_version = Some(self.store.next_version().to_string());
            self.store.put(ResourceQuota::wrap(Arc::new(new)), self.now, request);
            self.notify(Kind::ResourceQuota);
        }
    }

    /// The objects of a kind in a namespace, as JSON, in the order of their names.
    fn values(&self, kind: Kind, namespace: &str) -> Vec<Value> {
        if self.store.count(kind) == 0 {
            return vec![];
        }
        self.store.list(kind, Some(namespace)).map(|o| o.to_value(&self.store.ids)).collect()
    }

    /// What the stored PriorityClasses say.
    pub(in crate::apiserver) fn priority_classes(&self) -> BTreeMap<String, PriorityClass> {
        let mut classes = super::system_priority_classes();
        for o in self.store.list(Kind::PriorityClass, None) {
            let Obj::PriorityClass(c) = o else { continue };
            let class = PriorityClass {
                value: i64::from(c.value.unwrap_or(0)),
                preemption_policy: c.preemption_policy.clone().unwrap_or_else(|| "PreemptLowerPriority".into()),
                global_default: c.global_default == Some(true),
            };
            classes.insert(o.key().name.to_string(), class);
        }
        classes
    }

    /// The class that is marked as default; of several the newest.
    fn default_class(&self, kind: Kind, marks: &[&str]) -> Option<String> {
        let marked = |o: &&Obj| {
            let annotations = o.meta().and_then(|m| m.annotations.as_ref());
            annotations.is_some_and(|a| marks.iter().any(|m| a.get(*m).is_some_and(|v| v == "true")))
        };
        let newest = self
            .store
            .list(kind, None)
            .filter(marked)
            .min_by_key(|o| (std::cmp::Reverse(o.created()), o.key().name.clone()))?;
        Some(newest.key().name.to_string())
    }

    /// May a claim ask for more? Only where its class says so.
    fn may_grow(&self, new: &Value, old: &Value) -> Result<(), &'static str> {
        let size = |v: &Value| quota::amounts(&v["spec"]["resources"]["requests"]).get("storage").copied();
        if size(new) <= size(old) {
            return Ok(());
        }
        if text(&old["spec"], "volumeName").is_empty() {
            return Err("only bound persistent volume claims can be expanded");
        }
        let class = Key::new("", text(&old["spec"], "storageClassName"));
        let grows = matches!(self.store.get(Kind::StorageClass, &class), Some(Obj::StorageClass(c)) if c.allow_volume_expansion == Some(true));
        if grows {
            return Ok(());
        }
        Err(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
        )
    }

    /// Holds a pod or a template against its namespace's standards. Only pods are refused; templates are warned of.
    fn pod_security(
        &self,
        namespace: &str,
        meta: &Value,
        spec: &Value,
        enforce: bool,
        warnings: &mut Vec<String>,
    ) -> Result<(), String> {
        let Some(ns) = self.store.get(Kind::Namespace, &Key::new("", namespace)) else { return Ok(()) };
        let policy = |mode: &str| Policy::of(mode, |k| ns.label(k));
        let (must, warn) = (policy("enforce"), policy("warn"));
        if enforce {
            let broken = podsecurity::violations(meta, spec, must.level);
            if !broken.is_empty() {
                return Err(format!("violates PodSecurity {:?}: {}", must.name(), podsecurity::describe(&broken)));
            }
        }
        let broken = podsecurity::violations(meta, spec, warn.level);
        if !broken.is_empty() {
            warnings.push(format!("would violate PodSecurity {:?}: {}", warn.name(), podsecurity::describe(&broken)));
        }
        Ok(())
    }

    /// A namespace's standards become stricter: warns of the pods there that break them.
    fn new_standards(&self, new: &Value, old: Option<&Value>, warnings: &mut Vec<String>) {
        let Some(old) = old else { return };
        let policy = |v: &Value| Policy::of("enforce", |k| v["metadata"]["labels"][k].as_str());
        let (before, now) = (policy(old), policy(new));
        if now.level <= before.level {
            return;
        }
        let namespace = text(&new["metadata"], "name");
        let mut found: BTreeMap<String, (String, usize)> = BTreeMap::new();
        let mut known: BTreeMap<u32, String> = BTreeMap::new();
        for o in self.store.list(Kind::Pod, Some(namespace)) {
            let Obj::Pod(p) = o else { continue };
            let why = known.entry(p.proto.id).or_insert_with(|| {
                let pod = serde_json::to_value(&p.proto.pod).unwrap_or_default();
                podsecurity::reasons(&podsecurity::violations(&pod["metadata"], &pod["spec"], now.level))
            });
            if !why.is_empty() {
                found.entry(why.clone()).or_insert_with(|| (p.name.to_string(), 0)).1 += 1;
            }
        }
        if found.is_empty() {
            return;
        }
        warnings.push(format!(
            "existing pods in namespace {namespace:?} violate the new PodSecurity enforce level {:?}",
            now.name()
        ));
        let mut lines: Vec<String> = found
            .into_iter()
            .map(|(why, (pod, n))| match n - 1 {
                0 => format!("{pod}: {why}"),
                1 => format!("{pod} (and 1 other pod): {why}"),
                n => format!("{pod} (and {n} other pods): {why}"),
            })
            .collect();
        lines.sort();
        warnings.extend(lines);
    }
}

/// How an object is called before its name has been made up.
fn early_name(v: &Value) -> &str {
    let (name, prefix) = (text(&v["metadata"], "name"), text(&v["metadata"], "generateName"));
    if !prefix.is_empty() && name.starts_with(prefix) { prefix } else { name }
}

fn add_finalizer(v: &mut Value, finalizer: &str) {
    if items(&v["metadata"], "finalizers").iter().any(|f| f == finalizer) {
        return;
    }
    if let Some(meta) = object(v, "metadata") {
        super::push(meta, "finalizers", finalizer.into());
    }
}
