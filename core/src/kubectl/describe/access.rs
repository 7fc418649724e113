//! Roles and bindings.

use super::Describer;
use super::text::{items, meta, s};
use crate::kubectl::errors::CmdError;
use serde_json::Value;
use std::collections::BTreeMap;

fn list(v: &Value) -> String {
    format!("[{}]", items(v).iter().map(s).collect::<Vec<_>>().join(" "))
}

pub(super) fn role(o: &Value, d: &mut Describer) -> Result<(), CmdError> {
    let w = &mut d.w;
    w.pair(0, "Name", s(&o["metadata"]["name"]));
    meta(w, o);
    w.line(0, "PolicyRule:");
    w.line(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
    w.line(1, "---------\t-----------------\t--------------\t-----");
    // one row a resource and name; rules about the same are put together
    let mut rows: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for rule in items(&o["rules"]) {
        let verbs = items(&rule["verbs"]).iter().map(|v| s(v).to_string());
        let urls = list(&rule["nonResourceURLs"]);
        let mut resources = vec![];
        for r in items(&rule["resources"]) {
            for g in items(&rule["apiGroups"]) {
                // groups stand behind the resource, before its subresource
                let (name, sub) = s(r).split_once('/').map_or((s(r), None), |(n, x)| (n, Some(x)));
                let grouped = if s(g).is_empty() { name.to_string() } else { format!("{name}.{}", s(g)) };
                resources.push(sub.map_or(grouped.clone(), |x| format!("{grouped}/{x}")));
            }
        }
        if resources.is_empty() {
            resources.push(String::new());
        }
        let names = match items(&rule["resourceNames"]) {
            [] => vec!["[]".to_string()],
            some => some.iter().map(|x| format!("[{}]", s(x))).collect(),
        };
        for r in resources {
            for x in &names {
                let slot = rows.entry((r.clone(), x.clone(), urls.clone())).or_default();
                for v in verbs.clone() {
                    if !slot.contains(&v) {
                        slot.push(v);
                    }
                }
            }
        }
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    // in the order of the rules' compact text, where a subresource stands before its resource
    rows.sort_by_key(|((r, x, u), _)| (format!("{r:?}").replace('"', "~"), x.clone(), u.clone()));
    for ((resource, name, urls), verbs) in rows {
        w.line(1, format!("{resource}\t{urls}\t{name}\t[{}]", verbs.join(" ")));
    }
    Ok(())
}

pub(super) fn binding(o: &Value, d: &mut Describer) -> Result<(), CmdError> {
    let w = &mut d.w;
    w.pair(0, "Name", s(&o["metadata"]["name"]));
    meta(w, o);
    w.line(0, "Role:");
    w.pair(1, "Kind", s(&o["roleRef"]["kind"]));
    w.pair(1, "Name", s(&o["roleRef"]["name"]));
    w.line(0, "Subjects:");
    w.line(1, "Kind\tName\tNamespace");
    w.line(1, "----\t----\t---------");
    for x in items(&o["subjects"]) {
        w.line(1, format!("{}\t{}\t{}", s(&x["kind"]), s(&x["name"]), s(&x["namespace"])));
    }
    Ok(())
}
