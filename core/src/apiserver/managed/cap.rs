//! Objects that many programs write keep few managers: the oldest updates are put together. Models
//! capManagersManager of managedfields.

use super::{Manager, Managers};

/// Managers of updates that an object has at most.
const MOST: usize = 10;
/// Who is said to have made updates of long ago.
const ANCIENT: &str = "ancient-changes";

/// Puts the oldest updates of each version together until there are no more than ten. The first one of a version is put
/// together with the second, so a single one is never renamed.
pub fn cap(mut managers: Managers) -> Managers {
    let updates = |m: &Managers| m.iter().filter(|o| !o.manager.apply).count();
    let mut count = updates(&managers);
    if count <= MOST {
        return managers;
    }
    let mut order: Vec<(String, Manager)> =
        managers.iter().filter(|o| !o.manager.apply).map(|o| (o.time.clone(), o.manager.clone())).collect();
    order.sort_by_key(|(time, m)| (time.clone(), m.name.clone(), m.subresource.clone()));
    // the first seen of each version
    let mut first: Vec<Manager> = vec![];
    for (time, manager) in order {
        if count <= MOST {
            break;
        }
        let Some(seen) = first.iter().find(|m| m.api_version == manager.api_version).cloned() else {
            first.push(manager);
            continue;
        };
        let bucket = Manager::update(ANCIENT, &manager.api_version, "");
        if !managers.iter().any(|o| o.manager == bucket)
            && let Some(o) = managers.iter_mut().find(|o| o.manager == seen)
        {
            o.manager = bucket.clone();
        }
        let Some(at) = managers.iter().position(|o| o.manager == manager && o.manager != bucket) else { continue };
        let old = managers.remove(at);
        if let Some(o) = managers.iter_mut().find(|o| o.manager == bucket) {
            o.fields.extend(&old.fields);
            o.time = time;
        }
        count -= 1;
    }
    managers
}
