//! Which requests a policy or a binding is for. (Models apiserver `pkg/admission/plugin/policy/matching` and
//! `webhook/predicates`.)

use super::{Asked, GROUP};
use crate::api::kinds::ResourceInfo;
use crate::api::labels::Selector;
use crate::apiserver::registry::util::{items, text};
use crate::sim::Sim;
use crate::store::{Key, Kind};
use serde_json::Value;

/// Nobody may lock the cluster: what configures admission is not judged by it.
pub(super) fn is_exempt(info: &ResourceInfo) -> bool {
    info.group == GROUP
}

impl Sim {
    /// Is a request one of those that `matchConstraints` or `matchResources` name?
    pub(in crate::apiserver::admission) fn policy_matches(
        &self,
        m: &Value,
        asked: &Asked,
        new: Option<&Value>,
        old: Option<&Value>,
    ) -> bool {
        let matches = |key: &str| {
            let exact = text(m, "matchPolicy") == "Exact";
            items(m, key).iter().any(|r| self.rule_matches(r, asked, exact))
        };
        // a binding without rules takes what its policy takes
        let any = items(m, "resourceRules").is_empty();
        if matches("excludeResourceRules") || !(any || matches("resourceRules")) {
            return false;
        }
        let selected = |key: &str, labels: &Value| match &m[key] {
            Value::Null => true,
            selector => Selector::from_label_selector(selector).is_ok_and(|s| s.matches_value(labels)),
        };
        let in_namespace = match (asked.info.kind, asked.info.group) {
            ("Namespace", "") => {
                let labels = new.or(old).map(|o| &o["metadata"]["labels"]).unwrap_or(&Value::Null);
                selected("namespaceSelector", labels)
            }
            _ if asked.namespace.is_empty() => true,
            _ => {
                let ns = self.store.get(Kind::Namespace, &Key::new("", asked.namespace.as_str()));
                let ns = ns.map(|o| o.to_value(&self.store.ids)).unwrap_or_default();
                selected("namespaceSelector", &ns["metadata"]["labels"])
            }
        };
        let mut objects = [new, old].into_iter().flatten().peekable();
        in_namespace
            && (objects.peek().is_none() || objects.any(|o| selected("objectSelector", &o["metadata"]["labels"])))
    }

    fn rule_matches(&self, rule: &Value, asked: &Asked, exact: bool) -> bool {
        let info = asked.info;
        let has = |key: &str, what: &str| items(rule, key).iter().any(|v| v == "*" || v == what);
        let scope = match text(rule, "scope") {
            "Namespaced" => info.namespaced,
            "Cluster" => !info.namespaced,
            _ => true,
        };
        let resource = items(rule, "resources").iter().filter_map(Value::as_str).any(|r| {
            let (wanted, sub) = r.split_once('/').unwrap_or((r, ""));
            (wanted == "*" || wanted == info.plural) && (sub == asked.subresource || sub == "*")
        });
        let names = items(rule, "resourceNames");
        // equivalent: another version of the same resource is meant as well
        let version = has("apiVersions", info.version) || (!exact && self.is_served(info, rule));
        scope
            && has("operations", asked.operation)
            && has("apiGroups", info.group)
            && version
            && resource
            && (names.is_empty() || names.iter().any(|n| n == asked.name.as_str()))
    }

    /// Is the resource served in one of the versions that a rule names?
    fn is_served(&self, info: &ResourceInfo, rule: &Value) -> bool {
        items(rule, "apiVersions").iter().filter_map(Value::as_str).any(|v| {
            crate::api::kinds::by_plural(info.group, v, info.plural).is_some()
                || self.custom_resource(info.group, v, info.plural).is_some()
        })
    }
}
