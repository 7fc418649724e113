//! Who may do what: Roles and their bindings, asked of each request that is made in somebody's name, and of the reviews
//! by which `kubectl auth can-i` asks. (Models plugin/pkg/auth/authorizer/rbac and apiserver's request info.)
//!
//! The cluster's administrator and its components may do anything; nothing is asked of their requests.

use super::request::{Method, Request, User};
use super::requests::Verb;
use super::server::Answer;
use super::target::Target;
use crate::api::error::Status;
use crate::sim::Sim;
use crate::store::{Key, Kind};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};
use serde_json::{Value, json};

/// Resources that are questions: posted and answered, never stored.
pub const REVIEWS: [&str; 6] = [
    "selfsubjectaccessreviews",
    "subjectaccessreviews",
    "localsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
    "tokenreviews",
];

/// What somebody wants to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `get`, `list` …
    pub verb: String,
    /// API group of the resource.
    pub group: String,
    /// Plural; empty: [`Attributes::path`] is asked for.
    pub resource: String,
    /// `log`, `scale` …
    pub subresource: String,
    /// Empty: all of them, or the resource has none.
    pub namespace: String,
    /// Empty: all objects.
    pub name: String,
    /// A path that is no resource: `/version`.
    pub path: String,
}

impl Attributes {
    /// What a request wants to do.
    fn of(t: &Target, r: &Request, verb: Verb) -> Attributes {
        let by_field = || {
            let fields = crate::api::fields::FieldSelector::parse(r.param("fieldSelector")?).ok()?;
            fields.requires_exact_match("metadata.name").map(str::to_owned)
        };
        let name = t.name.clone().or_else(by_field).unwrap_or_default();
        // a namespace is within itself
        let namespace = if t.kind == Kind::Namespace { name.clone() } else { t.namespace.clone().unwrap_or_default() };
        Attributes {
            verb: verb.as_str().into(),
            group: t.info.group.into(),
            resource: t.info.plural.into(),
            subresource: t.subresource.into(),
            namespace,
            name,
            path: String::new(),
        }
    }

    /// From `resourceAttributes` or `nonResourceAttributes` of a review.
    fn reviewed(spec: &Value) -> Attributes {
        let r = &spec["resourceAttributes"];
        let text = |k: &str| r[k].as_str().unwrap_or_default().to_owned();
        if r.is_object() {
            return Attributes {
                verb: text("verb"),
                group: text("group"),
                resource: text("resource"),
                subresource: text("subresource"),
                namespace: text("namespace"),
                name: text("name"),
                path: String::new(),
            };
        }
        let n = &spec["nonResourceAttributes"];
        let text = |k: &str| n[k].as_str().unwrap_or_default().to_owned();
        Attributes { verb: text("verb"), path: text("path"), ..Attributes::default() }
    }

    /// `pods/log`
    fn combined(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// The refusal.
    fn forbidden(&self, user: &User) -> Status {
        if self.resource.is_empty() {
            let text = format!("forbidden: User {:?} cannot {} path {:?}", user.name, self.verb, self.path);
            return Status::new(403, "Forbidden", text);
        }
        let place = match self.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            ns => format!("in the namespace {ns:?}"),
        };
        let why = format!(
            "User {:?} cannot {} resource {:?} in API group {:?} {place}",
            user.name,
            self.verb,
            self.combined(),
            self.group
        );
        let resource = match self.group.as_str() {
            "" => self.resource.clone(),
            g => format!("{}.{g}", self.resource),
        };
        Status::forbidden(&resource, &self.name, &why)
    }

    fn allowed_by(&self, rule: &PolicyRule) -> bool {
        let has = |list: &[String], what: &str| list.iter().any(|x| x == "*" || x == what);
        let list = |l: &Option<Vec<String>>| l.clone().unwrap_or_default();
        if !has(&rule.verbs, &self.verb) {
            return false;
        }
        if self.resource.is_empty() {
            return list(&rule.non_resource_urls).iter().any(|url| match url.strip_suffix('*') {
                Some(start) => self.path.starts_with(start),
                None => *url == self.path,
            });
        }
        let combined = self.combined();
        let resources = list(&rule.resources);
        let any_sub = (!self.subresource.is_empty()).then(|| format!("*/{}", self.subresource));
        let names = list(&rule.resource_names);
        has(&list(&rule.api_groups), &self.group)
            && (has(&resources, &combined) || any_sub.is_some_and(|s| resources.contains(&s)))
            && (names.is_empty() || names.contains(&self.name))
    }
}

fn is_subject(subject: &Subject, user: &User, namespace: &str) -> bool {
    match subject.kind.as_str() {
        "User" => subject.name == user.name,
        "Group" => user.groups.contains(&subject.name),
        "ServiceAccount" => {
            let ns = subject.namespace.as_deref().unwrap_or(namespace);
            user.name == format!("system:serviceaccount:{ns}:{}", subject.name)
        }
        _ => false,
    }
}

/// `["a" "b"]`
fn quoted(list: &[String]) -> String {
    format!("[{}]", list.iter().map(|x| format!("{x:?}")).collect::<Vec<_>>().join(" "))
}

/// `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`
fn compact(r: &PolicyRule) -> String {
    let lists = [
        ("APIGroups", r.api_groups.as_deref()),
        ("Resources", r.resources.as_deref()),
        ("NonResourceURLs", r.non_resource_urls.as_deref()),
        ("ResourceNames", r.resource_names.as_deref()),
        ("Verbs", Some(r.verbs.as_slice())),
    ];
    let parts: Vec<String> = lists
        .iter()
        .filter_map(|(name, list)| list.filter(|l| !l.is_empty()).map(|l| format!("{name}:{}", quoted(l))))
        .collect();
    format!("{{{}}}", parts.join(", "))
}

/// A rule as rules of one verb, one resource, one name each.
fn broken_down(rule: &PolicyRule) -> Vec<PolicyRule> {
    let list = |l: &Option<Vec<String>>| l.clone().unwrap_or_default();
    let mut out = vec![];
    for verb in &rule.verbs {
        for url in list(&rule.non_resource_urls) {
            out.push(PolicyRule {
                verbs: vec![verb.clone()],
                non_resource_urls: Some(vec![url]),
                ..PolicyRule::default()
            });
        }
    }
    for group in list(&rule.api_groups) {
        for resource in list(&rule.resources) {
            for verb in &rule.verbs {
                let one = PolicyRule {
                    verbs: vec![verb.clone()],
                    api_groups: Some(vec![group.clone()]),
                    resources: Some(vec![resource.clone()]),
                    ..PolicyRule::default()
                };
                match list(&rule.resource_names).as_slice() {
                    [] => out.push(one),
                    names => out.extend(
                        names.iter().map(|n| PolicyRule { resource_names: Some(vec![n.clone()]), ..one.clone() }),
                    ),
                }
            }
        }
    }
    out
}

/// Does a rule allow all that a rule of one verb, resource and name allows?
fn covers(held: &PolicyRule, one: &PolicyRule) -> bool {
    let first = |l: &Option<Vec<String>>| l.as_ref().and_then(|l| l.first().cloned()).unwrap_or_default();
    let resource = first(&one.resources);
    let (resource, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
    Attributes {
        verb: one.verbs.first().cloned().unwrap_or_default(),
        group: first(&one.api_groups),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace: String::new(),
        name: first(&one.resource_names),
        path: first(&one.non_resource_urls),
    }
    .allowed_by(held)
}

impl Sim {
    /// May whoever makes this request do so?
    pub(super) fn authorize_request(&self, t: &Target, r: &Request, verb: Verb) -> Result<(), Status> {
        let Some(user) = &r.user else { return Ok(()) };
        let asked = Attributes::of(t, r, verb);
        self.authorize(user, &asked)?;
        let applies = r.content_type == super::request::ContentType::ApplyPatch && r.method == Method::Patch;
        if applies && self.store.get(t.kind, &t.key()).is_none() {
            return self.authorize(user, &Attributes { verb: "create".into(), ..asked });
        }
        Ok(())
    }

    /// May a user do this? The error is the whole refusal.
    pub fn authorize(&self, user: &User, asked: &Attributes) -> Result<(), Status> {
        if self.allowed(user, asked).is_some() { Ok(()) } else { Err(asked.forbidden(user)) }
    }

    /// What allows it, in words; `None`: nothing does.
    fn allowed(&self, user: &User, asked: &Attributes) -> Option<String> {
        if user.groups.iter().any(|g| g == "system:masters") {
            return Some(String::new());
        }
        self.grants(user, &asked.namespace).into_iter().find(|(_, rule)| asked.allowed_by(rule)).map(|(why, _)| why)
    }

    /// All rules that hold for a user in a namespace (empty: only everywhere), and by which binding they do.
    fn grants(&self, user: &User, namespace: &str) -> Vec<(String, PolicyRule)> {
        let mut out = vec![];
        let mut add = |binding: &str, role: &RoleRef, subject: &Subject, rules: Vec<PolicyRule>| {
            let who = match subject.kind.as_str() {
                "ServiceAccount" => {
                    format!("{:?}", format!("{}/{}", subject.name, subject.namespace.as_deref().unwrap_or_default()))
                }
                _ => format!("{:?}", subject.name),
            };
            let why = format!("RBAC: allowed by {binding} of {} {:?} to {} {who}", role.kind, role.name, subject.kind);
            out.extend(rules.into_iter().map(|r| (why.clone(), r)));
        };
        for b in self.store.list_typed::<ClusterRoleBinding>(None) {
            if let Some(s) = b.subjects.iter().flatten().find(|s| is_subject(s, user, "")) {
                let name = format!("ClusterRoleBinding {:?}", b.metadata.name.as_deref().unwrap_or_default());
                add(&name, &b.role_ref, s, self.rules_of(&b.role_ref, ""));
            }
        }
        if !namespace.is_empty() {
            for b in self.store.list_typed::<RoleBinding>(Some(namespace)) {
                if let Some(s) = b.subjects.iter().flatten().find(|s| is_subject(s, user, namespace)) {
                    let name = b.metadata.name.as_deref().unwrap_or_default();
                    let name = format!("RoleBinding {:?}", format!("{name}/{namespace}"));
                    add(&name, &b.role_ref, s, self.rules_of(&b.role_ref, namespace));
                }
            }
        }
        out
    }

    fn rules_of(&self, role: &RoleRef, namespace: &str) -> Vec<PolicyRule> {
        let rules = if role.kind == "ClusterRole" {
            self.store.typed::<ClusterRole>(&Key::new("", role.name.as_str())).and_then(|r| r.rules.clone())
        } else {
            self.store.typed::<Role>(&Key::new(namespace, role.name.as_str())).and_then(|r| r.rules.clone())
        };
        rules.unwrap_or_default()
    }

    /// Refuses a role or a binding by which somebody would give more than they have. (Models pkg/registry/rbac/validation
    /// ConfirmNoEscalation and the verbs `escalate` and `bind`.)
    pub(super) fn confirm_grant(
        &self,
        t: &Target,
        user: Option<&User>,
        new: &Value,
        old: Option<&Value>,
    ) -> Result<(), Status> {
        let Some(user) = user else { return Ok(()) };
        let is_role = matches!(t.kind, Kind::Role | Kind::ClusterRole);
        if !is_role && !matches!(t.kind, Kind::RoleBinding | Kind::ClusterRoleBinding) {
            return Ok(());
        }
        let namespace = new["metadata"]["namespace"].as_str().unwrap_or_default();
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        let given = if is_role { "rules" } else { "subjects" };
        if old.is_some_and(|old| old[given] == new[given]) {
            return Ok(());
        }
        let reference: RoleRef = crate::store::read(&new["roleRef"]).unwrap_or_default();
        let rules: Vec<PolicyRule> = if is_role {
            crate::store::read(&new["rules"]).unwrap_or_default()
        } else {
            self.rules_of(&reference, namespace)
        };
        let may = Attributes {
            verb: if is_role { "escalate" } else { "bind" }.into(),
            group: t.info.group.into(),
            resource: match (is_role, reference.kind.as_str()) {
                (true, _) => t.info.plural.into(),
                (false, "ClusterRole") => "clusterroles".into(),
                _ => "roles".into(),
            },
            namespace: namespace.into(),
            name: if is_role { name.into() } else { reference.name.clone() },
            ..Attributes::default()
        };
        if self.allowed(user, &may).is_some() {
            return Ok(());
        }
        let held: Vec<PolicyRule> = self.grants(user, namespace).into_iter().map(|(_, r)| r).collect();
        let mut missing: Vec<PolicyRule> = vec![];
        for one in rules.iter().flat_map(broken_down).filter(|one| !held.iter().any(|h| covers(h, one))) {
            let same = |m: &&mut PolicyRule| {
                PolicyRule { verbs: vec![], ..(**m).clone() } == PolicyRule { verbs: vec![], ..one.clone() }
            };
            match missing.iter_mut().find(same) {
                Some(m) => m.verbs.extend(one.verbs),
                None => missing.push(one),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let mut lines: Vec<String> = missing.iter().map(compact).collect();
        lines.sort();
        let why = format!(
            "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            user.name,
            quoted(&user.groups),
            lines.join("\n")
        );
        Err(Status::forbidden(&t.info.group_resource(), name, &why))
    }

    /// Gives the ClusterRoles that are put together from others the rules of these. (Models the
    /// clusterrole-aggregation-controller, which is never seen to lag.)
    pub(super) fn aggregate_roles(&mut self) {
        // roles that are put together are parts of others: as often as there are levels
        while self.aggregate_once() {}
    }

    /// True: a role has changed.
    fn aggregate_once(&mut self) -> bool {
        use crate::api::labels::Selector;
        let mut changed = false;
        let together: Vec<_> = self
            .store
            .list_typed::<ClusterRole>(None)
            .filter(|r| r.aggregation_rule.as_ref().is_some_and(|a| a.cluster_role_selectors.is_some()))
            .cloned()
            .collect();
        for role in together {
            let selectors = role.aggregation_rule.iter().flat_map(|a| a.cluster_role_selectors.iter().flatten());
            let selectors: Vec<Selector> =
                selectors.filter_map(|s| Selector::from_label_selector(&serde_json::to_value(s).ok()?).ok()).collect();
            let mut rules: Vec<PolicyRule> = vec![];
            for selector in &selectors {
                for other in
                    self.store.list_typed::<ClusterRole>(None).filter(|o| o.metadata.name != role.metadata.name)
                {
                    let labels = other.metadata.labels.as_ref();
                    if selector.matches_by(|k| labels.and_then(|l| l.get(k)).map(String::as_str)) {
                        let new = other.rules.iter().flatten().filter(|r| !rules.contains(r)).cloned();
                        rules.extend(new.collect::<Vec<_>>());
                    }
                }
            }
            if role.rules.as_deref().unwrap_or_default() == rules.as_slice() {
                continue;
            }
            let mut new = (*role).clone();
            new.rules = Some(rules);
            let new = serde_json::to_value(&new).unwrap_or_default();
            // a role that cannot be written stays as it was
            let written = self.replace(Kind::ClusterRole, new, &crate::store::Obj::ClusterRole(role.clone()));
            changed |= written.is_ok_and(|o| o.rv() != crate::store::Obj::ClusterRole(role).rv());
        }
        changed
    }

    /// The reviews: questions that are posted and answered, never stored. `None`: the path is none of theirs.
    pub(super) fn review(&self, r: &Request) -> Option<Answer> {
        let parts: Vec<&str> = r.path.trim_matches('/').split('/').collect();
        let (group, namespace, plural) = match parts.as_slice() {
            ["apis", group @ ("authorization.k8s.io" | "authentication.k8s.io"), "v1", plural] => (*group, "", *plural),
            ["apis", group @ "authorization.k8s.io", "v1", "namespaces", ns, plural] => (*group, *ns, *plural),
            _ => return None,
        };
        if !REVIEWS.contains(&plural) || r.method != Method::Post {
            return None;
        }
        if let Some(user) = &r.user {
            let asked = Attributes {
                verb: "create".into(),
                group: group.into(),
                resource: plural.into(),
                namespace: namespace.into(),
                ..Attributes::default()
            };
            if let Err(e) = self.authorize(user, &asked) {
                return Some(Err(e));
            }
        }
        let admin = User::admin("admin");
        let me = r.user.as_deref().unwrap_or(&admin);
        let mut answer = r.body.clone();
        if !answer.is_object() {
            answer = json!({});
        }
        answer["metadata"] = json!({});
        answer["status"] = match plural {
            "selfsubjectaccessreviews" => self.verdict(me, &r.body["spec"]),
            "subjectaccessreviews" | "localsubjectaccessreviews" => {
                let spec = &r.body["spec"];
                let groups: Vec<String> = spec["groups"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|g| g.as_str().map(str::to_owned))
                    .collect();
                let user = User { name: spec["user"].as_str().unwrap_or_default().into(), groups };
                self.verdict(&user, spec)
            }
            "selfsubjectrulesreviews" => self.all_rules(me, r.body["spec"]["namespace"].as_str().unwrap_or_default()),
            "tokenreviews" => self.bearer(r.body["spec"]["token"].as_str().unwrap_or_default()),
            _ => json!({"userInfo": {"username": me.name, "groups": me.groups}}),
        };
        Some(Ok((201, answer)))
    }

    fn verdict(&self, user: &User, spec: &Value) -> Value {
        match self.allowed(user, &Attributes::reviewed(spec)) {
            Some(why) if why.is_empty() => json!({"allowed": true}),
            Some(why) => json!({"allowed": true, "reason": why}),
            None => json!({"allowed": false}),
        }
    }

    fn all_rules(&self, user: &User, namespace: &str) -> Value {
        let (mut resources, mut urls) = (vec![], vec![]);
        if user.groups.iter().any(|g| g == "system:masters") {
            resources.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
            urls.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
        }
        for (_, rule) in self.grants(user, namespace) {
            if rule.resources.as_ref().is_some_and(|r| !r.is_empty()) {
                let mut row = json!({"verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources});
                if let Some(names) = rule.resource_names {
                    row["resourceNames"] = names.into();
                }
                resources.push(row);
            }
            if rule.non_resource_urls.as_ref().is_some_and(|r| !r.is_empty()) {
                urls.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}));
            }
        }
        json!({"resourceRules": resources, "nonResourceRules": urls, "incomplete": false})
    }
}
