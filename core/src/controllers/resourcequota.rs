//! The ResourceQuota controller: counts anew what a namespace uses. Admission counts what comes; what goes, ends or gets
//! smaller is noticed here. Models pkg/controller/resourcequota.

use super::Action;
use crate::api::kinds::ResourceInfo;
use crate::apiserver::admission::quota::{self, Amounts};
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::core::v1::ResourceQuota;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Which quotas a change concerns: one whose limits are new, and all of a namespace in which something became less.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    if change.kind == Kind::ResourceQuota
        && let Some(Obj::ResourceQuota(new)) = &change.new
    {
        let old = change.old.as_ref().and_then(Obj::typed::<ResourceQuota>);
        if old.is_none_or(|o| o.spec != new.spec) {
            add(change.obj().key());
        }
    }
    let less = match (&change.old, &change.new) {
        (Some(_), None) => true,
        (Some(Obj::Pod(old)), Some(Obj::Pod(new))) => new.status.phase.is_terminal() && !old.status.phase.is_terminal(),
        (Some(_), Some(_)) => matches!(change.kind, Kind::Service | Kind::PersistentVolumeClaim),
        _ => false,
    };
    if less && sim.store.count(Kind::ResourceQuota) > 0 {
        let namespace = change.obj().key().namespace;
        if !namespace.is_empty() {
            sim.store.list(Kind::ResourceQuota, Some(&namespace)).for_each(|q| add(q.key()));
        }
    }
}

/// Counts what the quota's namespace uses and writes it down.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(stored) = sim.store.typed::<ResourceQuota>(key).cloned() else { return Action::Done };
    let spec = serde_json::to_value(&stored.spec).unwrap_or_default();
    let hard = quota::amounts(&spec["hard"]);
    let used = used(sim, &key.namespace, &spec, &hard);
    let mut new = (*stored).clone();
    let status = json!({"hard": quota::to_value(&hard), "used": quota::to_value(&used)});
    new.status = crate::store::read(&status).ok();
    match sim.update_status_typed(new) {
        Ok(_) => Action::Done,
        Err(_) => Action::Retry,
    }
}

/// The use of all that a quota limits.
fn used(sim: &Sim, namespace: &str, spec: &Value, hard: &Amounts) -> Amounts {
    let mut sum: Amounts = hard.keys().map(|k| (k.clone(), Default::default())).collect();
    for kind in Kind::ALL.iter().copied().filter(|k| k.info().namespaced) {
        let info = kind.info();
        if sim.store.count(kind) == 0 || !hard.keys().any(|k| quota::handles(info, k)) {
            continue;
        }
        // pods of one template use the same, as long as they run
        let mut alike: BTreeMap<u32, Amounts> = BTreeMap::new();
        for o in sim.store.list(kind, Some(namespace)) {
            let plain = match o {
                Obj::Pod(p) if p.deletion.is_none() && !p.status.phase.is_terminal() => Some(p.proto.id),
                _ => None,
            };
            match plain {
                None => add(&mut sum, &of_object(sim, info, o, spec)),
                Some(id) => {
                    let of = alike.entry(id).or_insert_with(|| of_object(sim, info, o, spec));
                    add(&mut sum, of);
                }
            }
        }
    }
    sum
}

fn of_object(sim: &Sim, info: &ResourceInfo, o: &Obj, spec: &Value) -> Amounts {
    let v = o.to_value(&sim.store.ids);
    if quota::counts(spec, info, &v) { quota::usage(info, &v, sim.now) } else { Amounts::new() }
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (k, q) in more {
        if let Some(s) = sum.get_mut(k) {
            *s += *q;
        }
    }
}
