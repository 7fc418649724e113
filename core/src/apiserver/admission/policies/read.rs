//! Policies as they work: their expressions compiled, and what is wrong with those that cannot be. (Models apiserver
//! `pkg/admission/plugin/policy/{validating,mutating}` compilation.)
//!
//! Pure functions of one policy.

use crate::api::error::FieldError;
use crate::api::kinds::{self, ResourceInfo};
use crate::api::schema::{Field, Type, TypeInfo, schema};
use crate::apiserver::registry::util::{child, has, index, items, text};
use crate::cel::types::Object;
use crate::cel::{Fields, Program, Ty};
use serde_json::{Value, json};
use std::sync::Arc;

/// The longest value expression of an audit annotation, in bytes.
const MAX_AUDIT: usize = 5 * 1024;
/// How many expressions one policy may have.
const MAX_EXPRESSIONS: usize = 500;

/// A validating or mutating policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Its spec.
    pub spec: Value,
    /// `matchConditions`
    pub conditions: Vec<Condition>,
    /// `variables`, in order.
    pub variables: Vec<(String, Program)>,
    /// `validations`
    pub validations: Vec<Validation>,
    /// `auditAnnotations`: their values, and how they are written.
    pub audits: Vec<(String, Program)>,
    /// `mutations`: is it an apply configuration, or a JSON patch?
    pub mutations: Vec<(bool, Program)>,
}

/// One of `matchConditions`, of a policy or a webhook.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The expression.
    pub program: Program,
    /// As it is written.
    pub text: String,
}

/// One check of a policy.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The expression.
    pub program: Program,
    /// `messageExpression`
    pub message: Option<Program>,
    /// `reason`; may be empty.
    pub reason: String,
    /// What is said when there is nothing better to say.
    pub fallback: String,
    /// The expression as it is written.
    pub text: String,
}

/// The type of `request`.
fn request() -> Ty {
    let s = || Ty::Str;
    let kind = Ty::object("kubernetes.GroupVersionKind", [("group", s()), ("version", s()), ("kind", s())]);
    let resource = Ty::object("kubernetes.GroupVersionResource", [("group", s()), ("version", s()), ("resource", s())]);
    let user = [("username", s()), ("uid", s()), ("groups", Ty::list(s())), ("extra", Ty::map(s(), Ty::list(s())))];
    let fields = [
        ("kind", kind.clone()),
        ("resource", resource.clone()),
        ("subResource", s()),
        ("requestKind", kind),
        ("requestResource", resource),
        ("requestSubResource", s()),
        ("name", s()),
        ("namespace", s()),
        ("operation", s()),
        ("userInfo", Ty::object("kubernetes.UserInfo", user)),
        ("dryRun", Ty::Bool),
        ("options", Ty::Dyn),
    ];
    Ty::object("kubernetes.AdmissionRequest", fields)
}

/// The type of `namespaceObject`.
fn namespace() -> Ty {
    let s = || Ty::Str;
    let meta = [
        ("name", s()),
        ("generateName", s()),
        ("namespace", s()),
        ("labels", Ty::map(s(), s())),
        ("annotations", Ty::map(s(), s())),
        ("UID", s()),
        ("uid", s()),
        ("creationTimestamp", Ty::Time),
        ("deletionGracePeriodSeconds", Ty::Int),
        ("deletionTimestamp", Ty::Time),
        ("generation", Ty::Int),
        ("resourceVersion", s()),
        ("finalizers", Ty::list(s())),
    ];
    let fields = [
        ("metadata", Ty::object("kubernetes.NamespaceMetadata", meta)),
        ("spec", Ty::object("kubernetes.NamespaceSpec", [("finalizers", Ty::list(s()))])),
        ("status", Ty::object("kubernetes.NamespaceStatus", [("phase", s())])),
    ];
    Ty::object("kubernetes.Namespace", fields)
}

struct Reader {
    names: Fields,
    errors: Vec<FieldError>,
    count: usize,
}

impl Reader {
    /// One that knows what there is to be known of a request for an object of a type.
    fn of_request(object: &Ty) -> Reader {
        let names = [
            ("object", object.clone()),
            ("oldObject", object.clone()),
            ("request", request()),
            ("namespaceObject", namespace()),
            ("authorizer", Ty::Named("kubernetes.authorization.Authorizer".into())),
        ];
        let names = names.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect();
        Reader { names, errors: vec![], count: 0 }
    }

    /// The `matchConditions` of what stands at a place.
    fn conditions(&mut self, of: &Value, at: &str) -> Vec<Condition> {
        let mut found = vec![];
        for (i, c) in items(of, "matchConditions").iter().enumerate() {
            let at = child(&index(&child(at, "matchConditions"), i), "expression");
            let source = text(c, "expression").trim();
            if source.is_empty() {
                self.errors.push(FieldError::required(at, ""));
                continue;
            }
            let names = self.names.clone();
            let program = self.compile(source, &names, &[Ty::Bool], &at);
            found.extend(program.map(|program| Condition { program, text: source.to_owned() }));
        }
        found
    }

    /// Compiles an expression of which one of some types is wanted.
    fn compile(&mut self, source: &str, names: &Fields, wanted: &[Ty], at: &str) -> Option<Program> {
        self.count += 1;
        if self.count > MAX_EXPRESSIONS {
            if self.count == MAX_EXPRESSIONS + 1 {
                let why = format!("no more than {MAX_EXPRESSIONS} expressions are read");
                self.errors.push(FieldError::forbidden(at, why));
            }
            return None;
        }
        let why = match Program::compile(source, names) {
            Ok(p) if wanted.is_empty() || wanted.contains(p.ty()) => return Some(p),
            Ok(_) => {
                let list: Vec<String> = wanted.iter().map(shown).collect();
                match list.as_slice() {
                    [one] => format!("must evaluate to {one}"),
                    many => format!("must evaluate to one of [{}]", many.join(" ")),
                }
            }
            Err(why) => format!("compilation failed: {why}"),
        };
        self.errors.push(FieldError::invalid(at, source, why));
        None
    }

    /// An expression that must be there.
    fn needed(&mut self, of: &Value, key: &str, wanted: &[Ty], at: &str) -> Option<Program> {
        let at = child(at, key);
        if text(of, key).trim().is_empty() {
            self.errors.push(FieldError::required(at, format!("{key} is not specified")));
            return None;
        }
        let names = self.names.clone();
        self.compile(text(of, key), &names, wanted, &at)
    }
}

fn shown(ty: &Ty) -> String {
    match ty {
        Ty::Null => "null_type".into(),
        ty => ty.to_string(),
    }
}

fn is_identifier(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(fits);
    plain && crate::cel::types::escape(name).is_some_and(|e| e == name || name.contains("__"))
}

/// The conditions of a webhook, and what is wrong with them.
pub fn webhook_conditions(hook: &Value, at: &str) -> (Vec<Condition>, Vec<FieldError>) {
    let mut r = Reader::of_request(&Ty::Dyn);
    (r.conditions(hook, at), r.errors)
}

/// A policy and what is wrong with its expressions.
pub fn policy(v: &Value) -> (Policy, Vec<FieldError>) {
    policy_of(v, &Ty::Dyn)
}

/// How many kinds a policy's expressions are checked against.
const MAX_KINDS: usize = 10;

/// What expressions would get wrong with the kinds that the policy names: `status.typeChecking`. (Models
/// `validating/typechecking.go`.)
pub fn type_warnings(v: &Value) -> Vec<Value> {
    let mut found: Vec<(String, String)> = vec![];
    let mut kinds: Vec<&ResourceInfo> = vec![];
    for rule in items(&v["spec"]["matchConstraints"], "resourceRules") {
        let texts = |key: &str| items(rule, key).iter().filter_map(Value::as_str).collect::<Vec<_>>();
        for group in texts("apiGroups") {
            for version in texts("apiVersions") {
                kinds.extend(texts("resources").iter().filter_map(|r| kinds::by_plural(group, version, r)));
            }
        }
    }
    kinds.sort_by_key(|k| (k.group, k.version, k.kind));
    kinds.dedup_by_key(|k| (k.group, k.version, k.kind));
    for info in kinds.into_iter().take(MAX_KINDS) {
        let Some(root) = schema().of(info) else { continue };
        let ty = object_type(root, info.kind, 0);
        for e in policy_of(v, &ty).1 {
            let Some(why) = e.detail.strip_prefix("compilation failed: ") else { continue };
            let text = format!("{}, Kind={}: {why}", info.api_version(), info.kind);
            match found.iter_mut().find(|(at, _)| *at == e.field) {
                Some((_, all)) => *all = format!("{all}\n{text}"),
                None => found.push((e.field, text)),
            }
        }
    }
    found.into_iter().map(|(at, why)| json!({"fieldRef": at, "warning": why})).collect()
}

/// The type of a built-in kind's objects.
fn object_type(info: &TypeInfo, name: &str, depth: usize) -> Ty {
    // deeper there are only schemas within schemas
    if depth > 12 {
        return Ty::Dyn;
    }
    let field = |f: &Field| (f.name.clone(), field_type(&f.ty, &format!("{name}.{}", f.name), depth));
    let mut fields: Fields = info.fields.values().map(field).collect();
    if depth == 0 {
        fields.insert("apiVersion".into(), Ty::Str);
        fields.insert("kind".into(), Ty::Str);
    }
    Ty::Object(Arc::new(Object { name: name.to_owned(), fields }))
}

fn field_type(ty: &Type, name: &str, depth: usize) -> Ty {
    match ty {
        Type::String | Type::Quantity => Ty::Str,
        Type::Bool => Ty::Bool,
        Type::Int32 | Type::Int64 => Ty::Int,
        Type::Float => Ty::Double,
        Type::Time | Type::MicroTime => Ty::Time,
        Type::Bytes => Ty::Bytes,
        Type::List(inner) => Ty::list(field_type(inner, &format!("{name}.@idx"), depth)),
        Type::Map(inner) => Ty::map(Ty::Str, field_type(inner, &format!("{name}.@elem"), depth)),
        other => schema().object_in(other).map_or(Ty::Dyn, |info| object_type(info, name, depth + 1)),
    }
}

/// A policy whose objects are of a type, and what is wrong with its expressions.
fn policy_of(v: &Value, object: &Ty) -> (Policy, Vec<FieldError>) {
    let spec = &v["spec"];
    let mutating = v["kind"] == "MutatingAdmissionPolicy";
    let mut r = Reader::of_request(object);
    if has(spec, "paramKind") {
        r.names.insert("params".into(), Ty::Dyn);
    }
    let conditions = r.conditions(spec, "spec");
    if mutating {
        r.names.insert("@Object".into(), Ty::Dyn);
        r.names.insert("@JSONPatch".into(), Ty::Dyn);
    }
    let (mut variables, mut known) = (vec![], Fields::new());
    let as_type = |known: &Fields| {
        let object = Object { name: "kubernetes.variables".into(), fields: known.clone() };
        Ty::Object(Arc::new(object))
    };
    if !items(spec, "variables").is_empty() {
        r.names.insert("variables".into(), as_type(&known));
    }
    for (i, variable) in items(spec, "variables").iter().enumerate() {
        let at = index("spec.variables", i);
        let name = text(variable, "name");
        if name.trim().is_empty() {
            r.errors.push(FieldError::required(child(&at, "name"), "name is not specified"));
        } else if !is_identifier(name) {
            let why = "name is not a valid CEL identifier";
            r.errors.push(FieldError::invalid(child(&at, "name"), name, why));
        }
        let program = r.needed(variable, "expression", &[], &at);
        // what it is cannot be told of one that is broken; those that use it are not to blame
        known.insert(name.to_owned(), program.as_ref().map_or(Ty::Dyn, |p| p.ty().clone()));
        r.names.insert("variables".into(), as_type(&known));
        variables.extend(program.map(|p| (name.to_owned(), p)));
    }
    let (mut validations, mut audits, mut mutations) = (vec![], vec![], vec![]);
    if mutating {
        for (i, m) in items(spec, "mutations").iter().enumerate() {
            let at = index("spec.mutations", i);
            let (key, apply, wanted) = match text(m, "patchType") {
                "ApplyConfiguration" => ("applyConfiguration", true, Ty::Named("Object".into())),
                "JSONPatch" => ("jsonPatch", false, Ty::list(Ty::Named("JSONPatch".into()))),
                _ => continue,
            };
            // what is missing was said already
            if !text(&m[key], "expression").trim().is_empty() {
                let empty = Ty::list(Ty::Dyn);
                let wanted = if apply { vec![wanted] } else { vec![wanted, empty] };
                let at = child(&child(&at, key), "expression");
                let names = r.names.clone();
                mutations.extend(r.compile(text(&m[key], "expression"), &names, &wanted, &at).map(|p| (apply, p)));
            }
        }
    } else {
        for (i, v) in items(spec, "validations").iter().enumerate() {
            let at = index("spec.validations", i);
            let program = r.needed(v, "expression", &[Ty::Bool], &at);
            let source = text(v, "messageExpression");
            let mut message = None;
            if !source.is_empty() {
                let at = child(&at, "messageExpression");
                if source.trim().is_empty() {
                    r.errors.push(FieldError::invalid(at, source, "must be non-empty if specified"));
                } else {
                    let mut names = r.names.clone();
                    names.remove("authorizer");
                    message = r.compile(source, &names, &[Ty::Str], &at);
                }
            }
            let expression = text(v, "expression").trim().to_owned();
            let fallback = match text(v, "message").trim() {
                "" => format!("failed expression: {expression}"),
                message => message.to_owned(),
            };
            let (reason, text) = (text(v, "reason").to_owned(), text(v, "expression").to_owned());
            validations.extend(program.map(|program| Validation { program, message, reason, fallback, text }));
        }
        for (i, a) in items(spec, "auditAnnotations").iter().enumerate() {
            let at = index("spec.auditAnnotations", i);
            if text(a, "valueExpression").trim().len() > MAX_AUDIT {
                let why = format!("must not exceed {MAX_AUDIT} bytes in length");
                r.errors.push(FieldError::required(child(&at, "valueExpression"), why));
                continue;
            }
            let wanted = [Ty::Str, Ty::Null];
            let program = r.needed(a, "valueExpression", &wanted, &at);
            audits.extend(program.map(|p| (text(a, "valueExpression").to_owned(), p)));
        }
    }
    let name = text(&v["metadata"], "name").to_owned();
    let policy = Policy { name, spec: spec.clone(), conditions, variables, validations, audits, mutations };
    (policy, r.errors)
}
