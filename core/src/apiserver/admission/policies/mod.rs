//! Admission policies at work: ValidatingAdmissionPolicy and MutatingAdmissionPolicy with their bindings. (Models apiserver
//! `pkg/admission/plugin/policy`.)
//!
//! Invariant: [`Policies`] says what is stored of them, compiled once for each time that one is written; without any, a
//! request pays for looking at two empty lists.

mod matching;
mod patch;
pub mod read;

use crate::api::error::Status;
use crate::api::kinds::{self, ResourceInfo};
use crate::api::labels::Selector;
use crate::api::schema;
use crate::apiserver::authorizer::Attributes;
use crate::apiserver::registry::util::{has, items, text};
use crate::apiserver::request::User;
use crate::cel::value::{Other, Question};
use crate::cel::{Authorizer, Budget, Failure, PER_COMPONENT, PER_REQUEST, Program, Scope, Val};
use crate::sim::{Actor, Sim};
use crate::store::{Key, Kind, Obj};
use read::{Condition, Policy};
use serde_json::{Value, json};
use std::sync::Arc;

/// The group of policies.
pub const GROUP: &str = "admissionregistration.k8s.io";

/// What is stored of policies.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    validating: Vec<Arc<Bound>>,
    mutating: Vec<Arc<Bound>>,
    /// Webhooks, which come after the policies of their sort.
    pub(super) hooks: super::webhooks::Hooks,
}

/// A policy with the bindings that name it: their names and specs.
#[derive(Debug)]
struct Bound {
    policy: Policy,
    bindings: Vec<(String, Value)>,
}

/// What is asked of the API server, as policies see it.
#[derive(Clone, Debug)]
pub(in crate::apiserver) struct Asked {
    /// The resource as the request names it.
    pub info: &'static ResourceInfo,
    /// `scale`, `status` …
    pub subresource: &'static str,
    /// `CREATE`, `UPDATE`, `DELETE`
    pub operation: &'static str,
    /// Namespace of the object; empty: none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Nothing will be written.
    pub dry_run: bool,
    /// Who asks, if not whoever the session's actor is.
    pub user: Option<Arc<User>>,
}

/// The expression's error as a decision tells it.
fn failed(source: &str, e: &Failure) -> String {
    match e {
        Failure::Budget => {
            "validation failed due to running out of cost budget, no further validation rules will be run".into()
        }
        Failure::Error(why) => format!("expression '{source}' resulted in error: {why}"),
    }
}

/// Who may do what, for `authorizer`.
pub(super) struct Rights<'a> {
    pub sim: &'a Sim,
    pub user: User,
    pub any: bool,
}

impl Authorizer for Rights<'_> {
    fn check(&self, q: &Question) -> (bool, String) {
        let user = match &q.account {
            Some((ns, name)) => User::impersonated(&format!("system:serviceaccount:{ns}:{name}"), &[]),
            None if self.any => return (true, String::new()),
            None => self.user.clone(),
        };
        let asked = Attributes {
            verb: q.verb.clone(),
            group: q.group.clone(),
            resource: q.resource.clone(),
            subresource: q.subresource.clone(),
            namespace: q.namespace.clone(),
            name: q.name.clone(),
            path: q.path.clone(),
        };
        match self.sim.authorize(&user, &asked) {
            Ok(()) => (true, String::new()),
            Err(_) => (false, String::new()),
        }
    }
}

/// What one check of a policy has against a request.
struct Objection {
    why: String,
    /// As a `Status` gives it; may be empty.
    reason: String,
}

impl Objection {
    fn failed(why: String) -> Objection {
        Objection { why, reason: String::new() }
    }
}

impl Sim {
    /// Reads anew what is stored of policies; pods are stamped from templates that were admitted before.
    pub(in crate::apiserver) fn refresh_policies(&mut self) {
        let all = |kind: &str| -> Vec<Value> {
            let info = kinds::RESOURCES.iter().find(|r| r.group == GROUP && r.kind == kind);
            let Some(kind) = info.and_then(Kind::of_info) else { return vec![] };
            self.store.list(kind, None).map(|o| o.to_value(&self.store.ids)).collect()
        };
        let bound = |policies: &str, bindings: &str| -> Vec<Arc<Bound>> {
            let bindings = all(bindings);
            let of = |v: Value| {
                let name = text(&v["metadata"], "name");
                let bound = |b: &&Value| text(&b["spec"], "policyName") == name;
                let own = bindings.iter().filter(bound);
                let own = own.map(|b| (text(&b["metadata"], "name").to_owned(), b["spec"].clone())).collect();
                Arc::new(Bound { policy: read::policy(&v).0, bindings: own })
            };
            all(policies).into_iter().map(of).filter(|b| !b.bindings.is_empty()).collect()
        };
        let validating = bound("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding");
        let mutating = bound("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding");
        self.server.policies = Arc::new(Policies { validating, mutating, hooks: self.read_webhooks() });
    }

    /// Is there any policy at all?
    pub(in crate::apiserver) fn has_policies(&self) -> bool {
        let p = &self.server.policies;
        !p.validating.is_empty() || !p.mutating.is_empty() || !p.hooks.is_empty()
    }

    /// What the expressions of one policy may cost for one request.
    pub(super) fn policy_budget(&self) -> Budget {
        Budget::new(if self.actor == Actor::Person { PER_REQUEST } else { PER_COMPONENT })
    }

    /// Who asks, and whether nothing is refused to them.
    pub(super) fn asker(&self, asked: &Asked) -> (User, bool) {
        if let Some(user) = &asked.user {
            return ((**user).clone(), false);
        }
        let user = |name: String, groups: &[&str]| {
            let groups = groups.iter().map(|g| (*g).to_owned()).chain(["system:authenticated".to_owned()]).collect();
            User { name, groups }
        };
        let who = match &self.actor {
            Actor::Person => user("kubernetes-admin".into(), &["system:masters"]),
            Actor::ApiServer => user("system:apiserver".into(), &["system:masters"]),
            // what a pod asks comes with its account's name
            Actor::Pod(_) => return (User::impersonated("system:anonymous", &[]), false),
            Actor::Kubelet(node) => user(format!("system:node:{node}"), &["system:nodes"]),
            Actor::Component(c) if c.name() == "scheduler" => user("system:kube-scheduler".into(), &[]),
            Actor::Component(c) => user(
                format!("system:serviceaccount:kube-system:{}", c.name()),
                &["system:serviceaccounts", "system:serviceaccounts:kube-system"],
            ),
        };
        (who, true)
    }

    /// What expressions see of a request.
    pub(super) fn scope_of(&self, asked: &Asked, new: Option<&Value>, old: Option<&Value>) -> Scope<'static> {
        let (user, _) = self.asker(asked);
        let (info, api) = (asked.info, asked.info.group);
        let kind = match (asked.subresource, asked.operation) {
            ("scale", _) => json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}),
            _ => json!({"group": api, "version": info.version, "kind": info.kind}),
        };
        let resource = json!({"group": api, "version": info.version, "resource": info.plural});
        let options = match asked.operation {
            "CREATE" => "CreateOptions",
            "DELETE" => "DeleteOptions",
            _ => "UpdateOptions",
        };
        let request = json!({
            "kind": kind, "resource": resource, "subResource": asked.subresource,
            "requestKind": kind, "requestResource": resource, "requestSubResource": asked.subresource,
            "name": asked.name, "namespace": asked.namespace, "operation": asked.operation,
            "userInfo": {"username": user.name, "groups": user.groups, "uid": "", "extra": {}},
            "dryRun": asked.dry_run,
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": options},
        });
        let mut scope = Scope::default();
        let mut set = |name: &str, v: Val| drop(scope.names.insert(name.to_owned(), v));
        let or_null = |v: Option<&Value>| v.map_or(Val::Null, Val::from_json);
        set("object", or_null(new));
        set("oldObject", or_null(old));
        set("request", Val::from_json(&request));
        set("params", Val::Null);
        let namespace = match info.kind {
            "Namespace" => None,
            _ => self.store.get(Kind::Namespace, &Key::new("", asked.namespace.as_str())),
        };
        let namespace = namespace.map(|o| o.to_value(&self.store.ids));
        let seen = |mut v: Value| {
            let times = json!({"properties": {"metadata": {"properties": {
                "creationTimestamp": {"format": "date-time"}, "deletionTimestamp": {"format": "date-time"}}}}});
            if let Some(map) = v.as_object_mut() {
                map.remove("apiVersion");
                map.remove("kind");
            }
            Val::typed(&v, &times)
        };
        set("namespaceObject", namespace.map_or(Val::Null, seen));
        let question = Question::default();
        set("authorizer", Val::other(Other::Question(question)));
        let about = Question {
            stage: "resource",
            group: api.into(),
            resource: info.plural.into(),
            subresource: asked.subresource.into(),
            namespace: asked.namespace.clone(),
            name: asked.name.clone(),
            ..Question::default()
        };
        set("authorizer.requestResource", Val::other(Other::Question(about)));
        scope
    }

    /// The parameters of a binding; a single `None`: there is none, and none is wanted.
    fn params(&self, policy: &Policy, binding: &Value, asked: &Asked) -> Result<Vec<Option<Value>>, String> {
        let (wanted, reference) = (&policy.spec["paramKind"], &binding["paramRef"]);
        if !has(&policy.spec, "paramKind") {
            return Ok(vec![None]);
        }
        let (api, kind) = (text(wanted, "apiVersion"), text(wanted, "kind"));
        let custom = || self.custom_resources().into_iter().find(|r| r.kind == kind && r.api_version() == api);
        let Some(info) = kinds::by_kind(api, kind).or_else(custom) else {
            let (group, version) = api.split_once('/').unwrap_or(("", api));
            let shown = if group.is_empty() { format!("/{version}") } else { api.to_owned() };
            return Err(format!(
                "failed to configure policy: failed to find resource referenced by paramKind: '{shown}, Kind={kind}'"
            ));
        };
        if !has(binding, "paramRef") {
            return Ok(vec![None]);
        }
        let wrong = |why: &str| format!("failed to configure binding: {why}");
        let namespace = match (info.namespaced, text(reference, "namespace")) {
            (false, "") => None,
            (false, _) => {
                return Err(wrong("paramRef.namespace must not be provided for a cluster-scoped `paramKind`"));
            }
            (true, "") if asked.namespace.is_empty() => {
                return Err(wrong(
                    "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources",
                ));
            }
            (true, "") => Some(asked.namespace.as_str()),
            (true, ns) => Some(ns),
        };
        let stored = match kinds::by_kind(api, kind) {
            Some(info) => crate::apiserver::convert::stored(info),
            None => self.custom_resource(info.group, info.version, info.plural).map(|(_, k)| k),
        };
        let mut found: Vec<Option<Value>> = vec![];
        if let Some(kind) = stored {
            let shown = |o: &Obj| Some(o.to_value(&self.store.ids));
            let name = text(reference, "name");
            if name.is_empty() {
                let selector = Selector::from_label_selector(&reference["selector"]).map_err(|e| wrong(&e))?;
                let fits = |o: &&Obj| selector.matches_by(|k| o.label(k));
                found.extend(self.store.list(kind, namespace).filter(fits).map(shown));
            } else {
                let key = Key::new(namespace.unwrap_or_default(), name);
                found.extend(self.store.get(kind, &key).map(shown));
            }
        }
        if found.is_empty() && text(reference, "parameterNotFoundAction") == "Deny" {
            return Err(wrong("no params found for policy binding with `Deny` parameterNotFoundAction"));
        }
        Ok(found)
    }

    /// Holds a request against the validating policies and webhooks; an error is the refusal.
    pub(in crate::apiserver) fn judge_by_policies(
        &self,
        asked: &Asked,
        new: Option<&Value>,
        old: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Status> {
        self.judge_by_validating(asked, new, old, warnings)?;
        self.call_webhooks(true, asked, new, old)
    }

    fn judge_by_validating(
        &self,
        asked: &Asked,
        new: Option<&Value>,
        old: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Status> {
        if self.server.policies.validating.is_empty() || matching::is_exempt(asked.info) {
            return Ok(());
        }
        let mut refused: Option<(String, String)> = None;
        let mut scope: Option<Scope<'static>> = None;
        let (user, any) = self.asker(asked);
        let rights = Rights { sim: self, user, any };
        let set = self.server.policies.clone();
        for bound in &set.validating {
            let policy = &bound.policy;
            if !self.policy_matches(&policy.spec["matchConstraints"], asked, new, old) {
                continue;
            }
            let ignores = text(&policy.spec, "failurePolicy") == "Ignore";
            for (name, binding) in &bound.bindings {
                if has(binding, "matchResources") && !self.policy_matches(&binding["matchResources"], asked, new, old) {
                    continue;
                }
                let by = |why: &str| {
                    format!("ValidatingAdmissionPolicy '{}' with binding '{name}' denied request: {why}", policy.name)
                };
                let params = match self.params(policy, binding, asked) {
                    Ok(params) => params,
                    Err(why) => {
                        if !ignores && refused.is_none() {
                            let whole = match why.starts_with("failed to configure policy") {
                                true => format!("ValidatingAdmissionPolicy '{}' denied request: {why}", policy.name),
                                false => by(&why),
                            };
                            refused = Some((whole, String::new()));
                        }
                        continue;
                    }
                };
                for param in params {
                    let base = scope.get_or_insert_with(|| self.scope_of(asked, new, old));
                    let mut scope = Scope { authorizer: Some(&rights), ..base.clone() };
                    let param = param.as_ref().map_or(Val::Null, Val::from_json);
                    scope.names.insert("params".into(), param);
                    for Objection { why, reason } in self.decide(policy, &mut scope, ignores) {
                        for action in items(binding, "validationActions").iter().filter_map(Value::as_str) {
                            match action {
                                "Deny" => refused = refused.or_else(|| Some((by(&why), reason.clone()))),
                                "Warn" => warnings.push(format!(
                                    "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{name}': {why}",
                                    policy.name
                                )),
                                _ => {}
                            }
                        }
                    }
                }
            }
        }
        match refused {
            None => Ok(()),
            Some((why, reason)) => Err(refusal(asked, &why, &reason)),
        }
    }

    /// What a policy says of a request.
    fn decide(&self, policy: &Policy, scope: &mut Scope<'_>, ignores: bool) -> Vec<Objection> {
        let mut budget = self.policy_budget();
        match hold(&policy.conditions, scope, &mut budget) {
            Ok(true) => {}
            Ok(false) => return vec![],
            Err(_) if ignores => return vec![],
            Err(why) => return vec![Objection::failed(why)],
        }
        let mut budget = self.policy_budget();
        variables(&policy.variables, scope, &mut budget);
        let mut out = vec![];
        for v in &policy.validations {
            match v.program.run(scope, &mut budget) {
                Ok(Val::Bool(true)) => {}
                Ok(_) => {
                    let said = v.message.as_ref().and_then(|m| m.run(scope, &mut budget).ok());
                    let said = said.as_ref().and_then(crate::apiserver::crd::rules::message);
                    let why = said.unwrap_or_else(|| v.fallback.clone());
                    out.push(Objection { why, reason: v.reason.clone() });
                }
                Err(_) if ignores => {}
                Err(e) => out.push(Objection::failed(failed(&v.text, &e))),
            }
        }
        for (source, program) in &policy.audits {
            if let Err(e) = program.run(scope, &mut budget)
                && !ignores
            {
                out.push(Objection::failed(failed(source, &e)));
            }
        }
        out
    }

    /// Lets the mutating policies change an object, and calls the webhooks. True: it has been changed.
    pub(in crate::apiserver) fn mutate_by_policies(
        &self,
        asked: &Asked,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<bool, Status> {
        let changed = self.change_by_policies(asked, object, old)?;
        self.call_webhooks(false, asked, Some(object), old)?;
        Ok(changed)
    }

    fn change_by_policies(&self, asked: &Asked, object: &mut Value, old: Option<&Value>) -> Result<bool, Status> {
        if self.server.policies.mutating.is_empty() || matching::is_exempt(asked.info) {
            return Ok(false);
        }
        let before = object.clone();
        let set = self.server.policies.clone();
        // policies that want to be asked again once another has changed the object after them
        let mut again: Vec<(usize, bool)> = vec![];
        for (i, bound) in set.mutating.iter().enumerate() {
            let was = object.clone();
            let called = self.mutate_by(bound, asked, object, old)?;
            if *object != was {
                again.iter_mut().for_each(|(_, needed)| *needed = true);
            }
            if called && text(&bound.policy.spec, "reinvocationPolicy") == "IfNeeded" {
                again.push((i, false));
            }
        }
        for (i, _) in again.into_iter().filter(|(_, needed)| *needed) {
            self.mutate_by(&set.mutating[i], asked, object, old)?;
        }
        Ok(*object != before)
    }

    /// One policy with all its bindings. True: it was called.
    fn mutate_by(&self, bound: &Bound, asked: &Asked, object: &mut Value, old: Option<&Value>) -> Result<bool, Status> {
        let policy = &bound.policy;
        let ignores = text(&policy.spec, "failurePolicy") == "Ignore";
        if !self.policy_matches(&policy.spec["matchConstraints"], asked, Some(object), old) {
            return Ok(false);
        }
        let (user, any) = self.asker(asked);
        let rights = Rights { sim: self, user, any };
        let mut called = false;
        for (name, binding) in &bound.bindings {
            if has(binding, "matchResources")
                && !self.policy_matches(&binding["matchResources"], asked, Some(object), old)
            {
                continue;
            }
            let refuse = |why: &str, configuration: bool| {
                let why = match why.starts_with("failed to configure policy") {
                    true => format!("policy {:?} denied request: {why}", policy.name),
                    false => format!("policy '{}' with binding '{name}' denied request: {why}", policy.name),
                };
                let mut s = Status::forbidden(&asked.info.group_resource(), &asked.name, "");
                if !configuration {
                    s.reason = "Invalid".into();
                }
                s.message = why.clone();
                s.details["causes"] = json!([{"message": why}]);
                s
            };
            let params = match self.params(policy, binding, asked) {
                Ok(params) => params,
                Err(_) if ignores => continue,
                Err(why) => return Err(refuse(&why, true)),
            };
            for param in params {
                let scope = |object: &Value| {
                    let mut scope = Scope { authorizer: Some(&rights), ..self.scope_of(asked, Some(object), old) };
                    let param = param.as_ref().map_or(Val::Null, Val::from_json);
                    scope.names.insert("params".into(), param);
                    scope
                };
                let mut budget = self.policy_budget();
                match hold(&policy.conditions, &scope(object), &mut budget) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(_) if ignores => continue,
                    Err(why) => return Err(refuse(&why, false)),
                }
                called = true;
                for (i, (apply, program)) in policy.mutations.iter().enumerate() {
                    let mut scope = scope(object);
                    let mut budget = self.policy_budget();
                    variables(&policy.variables, &mut scope, &mut budget);
                    let key = if *apply { "applyConfiguration" } else { "jsonPatch" };
                    let source = items(&policy.spec, "mutations").get(i).map_or("", |m| text(&m[key], "expression"));
                    let done = self.mutated(asked, object, (*apply, program, source), &scope, &mut budget);
                    match done {
                        Ok(new) => *object = new,
                        Err(_) if ignores => {}
                        Err(why) => return Err(refuse(&why, false)),
                    }
                }
            }
        }
        Ok(called)
    }

    fn mutated(
        &self,
        asked: &Asked,
        object: &Value,
        (apply, program, source): (bool, &Program, &str),
        scope: &Scope<'_>,
        budget: &mut Budget,
    ) -> Result<Value, String> {
        let v = program.run(scope, budget).map_err(|e| failed(source, &e))?;
        let new = match apply {
            true => self.with_shape(asked.info, |shape| patch::apply(shape, object, &v))?,
            false => patch::json(object, &v)?,
        };
        self.reread(asked, object, new)
    }

    /// What a policy has made is an object of its kind still, and the same one.
    fn reread(&self, asked: &Asked, before: &Value, new: Value) -> Result<Value, String> {
        let kind = crate::apiserver::convert::stored(asked.info);
        let kind = kind.or_else(|| {
            let info = asked.info;
            self.custom_resource(info.group, info.version, info.plural).map(|(_, k)| k)
        });
        let Some(kind) = kind.filter(|_| new.is_object() && new["metadata"].is_object()) else {
            return Err("the patched object is not an object of its kind".into());
        };
        let mut new = match self.definition(kind) {
            Some(definition) => definition.decode(kind.info(), new).value,
            None => schema::decode(kind.info(), new)?.value,
        };
        for key in ["name", "generateName", "namespace", "uid"] {
            let kept = before["metadata"].get(key).cloned();
            if let Some(meta) = new.get_mut("metadata").and_then(Value::as_object_mut) {
                match kept {
                    Some(v) => meta.insert(key.into(), v),
                    None => meta.remove(key),
                };
            }
        }
        for key in ["apiVersion", "kind"] {
            if let (Some(map), Some(v)) = (new.as_object_mut(), before.get(key)) {
                map.insert(key.into(), v.clone());
            }
        }
        if let Some(s) = self.strategy(kind) {
            (s.default)(&mut new);
        }
        Ok(new)
    }
}

/// Do all conditions hold? The error is what those say that fail, if none of the others is false.
pub(super) fn hold(conditions: &[Condition], scope: &Scope<'_>, budget: &mut Budget) -> Result<bool, String> {
    let mut errors: Vec<String> = vec![];
    for c in conditions {
        match c.program.run(scope, budget) {
            Ok(Val::Bool(true)) => {}
            Ok(_) => return Ok(false),
            Err(e) => {
                let why = failed(&c.text, &e);
                if !errors.contains(&why) {
                    errors.push(why);
                }
            }
        }
    }
    match errors.as_slice() {
        [] => Ok(true),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

/// Works out the variables of a policy, each of which sees those before it. One that fails fails those who ask for it.
fn variables(list: &[(String, Program)], scope: &mut Scope<'_>, budget: &mut Budget) {
    for (name, program) in list {
        let got = program.run(scope, budget).map_err(|e| match e {
            Failure::Budget => Failure::Budget,
            Failure::Error(why) => Failure::Error(format!("composited variable {name:?} fails to evaluate: {why}")),
        });
        scope.variables.insert(name.clone(), got);
    }
}

/// The answer to a request that a validating policy refuses.
fn refusal(asked: &Asked, why: &str, reason: &str) -> Status {
    let mut s = Status::forbidden(&asked.info.group_resource(), &asked.name, why);
    let reason = if reason.is_empty() { "Invalid" } else { reason };
    s.code = match reason {
        "Unauthorized" => 401,
        "Forbidden" => 403,
        "RequestEntityTooLarge" => 413,
        _ => 422,
    };
    s.reason = reason.into();
    s.details["causes"] = json!([{"message": why}]);
    s
}
