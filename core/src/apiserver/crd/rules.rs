//! Rules in CEL that a schema's parts carry (`x-kubernetes-validations`): what is wrong with them when a definition is
//! written, and what they find wrong with an object. (Models apiextensions-apiserver `pkg/apiserver/schema/cel`.)
//!
//! Pure functions. Invariant: a part without rules, and without rules below it, has no [`Node`] and costs nothing.

use crate::api::error::{FieldError, FieldErrorKind};
use crate::apiserver::registry::util::{child, entries, flag, has, index, items, keyed, text};
use crate::cel::{Budget, Failure, Fields, PER_REQUEST, Program, Scope, Ty, Val};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const DEPTH: usize = 64;
/// The longest message that an expression may make, in bytes.
const MAX_MESSAGE: usize = 5 * 1024;

/// A part of a schema that has rules, or parts with rules.
#[derive(Clone, Debug)]
pub struct Node {
    /// What its values are read by.
    schema: Value,
    rules: Vec<Rule>,
    items: Option<Box<Node>>,
    properties: BTreeMap<String, Node>,
    additional: Option<Box<Node>>,
    all_of: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Rule {
    program: Arc<Program>,
    message: Option<Arc<Program>>,
    transition: bool,
    /// `optionalOldSelf`
    optional: bool,
    /// As it is written.
    said: Value,
}

impl Rule {
    /// What errors call it.
    fn shown(&self) -> &str {
        match text(&self.said, "message") {
            "" => text(&self.said, "rule").trim(),
            message => message.trim(),
        }
    }
}

/// A rule with what it is compiled to; the error says whether it is the message's.
fn compile(said: &Value, ty: &Ty) -> Result<Rule, (bool, String)> {
    let optional = flag(said, "optionalOldSelf");
    let mut names = Fields::new();
    names.insert("self".into(), ty.clone());
    names.insert("oldSelf".into(), if optional { Ty::opt(ty.clone()) } else { ty.clone() });
    let read = |source: &str, wanted: &Ty| -> Result<Program, Option<String>> {
        let program = Program::compile(source, &names).map_err(Some)?;
        if program.ty() == wanted { Ok(program) } else { Err(None) }
    };
    let program = read(text(said, "rule"), &Ty::Bool).map_err(|why| match why {
        Some(why) => (false, format!("compilation failed: {why}")),
        None => (false, "cel expression must evaluate to a bool".to_owned()),
    })?;
    let message = match text(said, "messageExpression").trim() {
        "" => None,
        source => Some(read(source, &Ty::Str).map_err(|why| match why {
            Some(why) => (true, format!("messageExpression compilation failed: {why}")),
            None => (true, "messageExpression must evaluate to a string".to_owned()),
        })?),
    };
    let transition = program.mentions("oldSelf");
    Ok(Rule { program: Arc::new(program), message: message.map(Arc::new), transition, optional, said: said.clone() })
}

/// The type of a part; `None`: rules cannot look at it.
fn type_of(schema: &Value, root: bool) -> Option<Ty> {
    Ty::of_schema(schema, root, "selfType")
}

/// The rules of a schema; `None`: it has none. Rules that cannot be compiled were refused with the definition and are
/// left out.
pub fn read(schema: &Value) -> Option<Node> {
    if !super::schema::has_rules(schema) {
        return None;
    }
    node(schema, schema, true, 0)
}

fn node(rules: &Value, schema: &Value, root: bool, depth: usize) -> Option<Node> {
    if depth > DEPTH || !super::schema::has_rules(rules) {
        return None;
    }
    let inner = |rules: &Value, schema: &Value| {
        node(rules, schema, flag(schema, "x-kubernetes-embedded-resource"), depth + 1).map(Box::new)
    };
    let ty = type_of(schema, root);
    let own = items(rules, "x-kubernetes-validations").iter();
    let own = own.filter_map(|r| compile(r, ty.as_ref()?).ok()).collect();
    let both = |key: &str| rules[key].is_object() && schema[key].is_object();
    let node = Node {
        rules: own,
        items: if both("items") { inner(&rules["items"], &schema["items"]) } else { None },
        properties: entries(rules, "properties")
            .filter_map(|(name, r)| Some((name.clone(), *inner(r, schema["properties"].get(name)?)?)))
            .collect(),
        additional: match both("additionalProperties") {
            true => inner(&rules["additionalProperties"], &schema["additionalProperties"]),
            false => None,
        },
        all_of: items(rules, "allOf").iter().filter_map(|r| node(r, schema, root, depth + 1)).collect(),
        schema: schema.clone(),
    };
    let any = !node.rules.is_empty()
        || node.items.is_some()
        || !node.properties.is_empty()
        || node.additional.is_some()
        || !node.all_of.is_empty();
    any.then_some(node)
}

/// What is wrong with the rules of a definition's schema that stands at `at`.
pub fn check(schema: &Value, at: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if super::schema::has_rules(schema) {
        check_part(schema, at, true, None, 0, &mut errors);
    }
    errors
}

fn check_part(s: &Value, at: &str, root: bool, uncorrelated: Option<&str>, depth: usize, errors: &mut Vec<FieldError>) {
    if depth > DEPTH || !super::schema::has_rules(s) {
        return;
    }
    let embedded = |s: &Value| flag(s, "x-kubernetes-embedded-resource");
    if s["additionalProperties"].is_object() {
        let inner = &s["additionalProperties"];
        check_part(inner, &child(at, "additionalProperties"), embedded(inner), uncorrelated, depth + 1, errors);
    }
    let atomic = text(s, "x-kubernetes-map-type") == "atomic";
    for (name, inner) in entries(s, "properties") {
        let uncorrelated = uncorrelated.or(atomic.then_some(at));
        check_part(inner, &keyed(&child(at, "properties"), name), embedded(inner), uncorrelated, depth + 1, errors);
    }
    if s["items"].is_object() {
        let uncorrelated = uncorrelated.or((text(s, "x-kubernetes-list-type") != "map").then_some(at));
        check_part(&s["items"], &child(at, "items"), embedded(&s["items"]), uncorrelated, depth + 1, errors);
    }
    let said = items(s, "x-kubernetes-validations");
    if said.is_empty() {
        return;
    }
    let rules_at = child(at, "x-kubernetes-validations");
    let Some(ty) = type_of(s, root) else {
        errors.push(FieldError {
            kind: FieldErrorKind::Internal,
            field: rules_at,
            value: None,
            detail: "failed to convert to declType for CEL validation rules".into(),
        });
        return;
    };
    for (i, rule) in said.iter().enumerate() {
        let at = index(&rules_at, i);
        let transition = match compile(rule, &ty) {
            Ok(rule) => rule.transition,
            Err((of_message, why)) => {
                let field = child(&at, if of_message { "messageExpression" } else { "rule" });
                let detail = format!("{}: {why}", as_written(rule));
                errors.push(FieldError { kind: FieldErrorKind::Invalid, field, value: None, detail });
                continue;
            }
        };
        if let Some(within) = uncorrelated.filter(|_| transition) {
            let why = format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {within}");
            errors.push(FieldError::invalid(child(&at, "rule"), text(rule, "rule"), why));
        }
        if !transition && has(rule, "optionalOldSelf") {
            let why = "may not be set if oldSelf is not used in rule";
            errors.push(FieldError::invalid(child(&at, "optionalOldSelf"), flag(rule, "optionalOldSelf"), why));
        }
    }
}

/// A rule as upstream's errors show one: its fields in their order there.
fn as_written(rule: &Value) -> String {
    let quoted = |key: &str| Value::from(text(rule, key)).to_string();
    let or_null = |key: &str| rule.get(key).cloned().unwrap_or_default().to_string();
    format!(
        "{{\"Rule\":{},\"Message\":{},\"MessageExpression\":{},\"Reason\":{},\"FieldPath\":{},\"OptionalOldSelf\":{}}}",
        quoted("rule"),
        quoted("message"),
        quoted("messageExpression"),
        or_null("reason"),
        quoted("fieldPath"),
        or_null("optionalOldSelf")
    )
}

/// Is this the path of a field that the schema has? The path as errors print it.
pub fn field_path(schema: &Value, path: &str) -> Option<String> {
    let (mut out, mut at, mut rest) = (String::new(), schema, path);
    while !rest.is_empty() {
        let name = if let Some(tail) = rest.strip_prefix('.') {
            let end = tail.find(['.', '[', ']']).unwrap_or(tail.len());
            let (name, tail) = tail.split_at(end);
            rest = tail;
            name.to_owned()
        } else {
            let tail = rest.strip_prefix("['")?;
            let mut name = String::new();
            let mut chars = tail.char_indices();
            let end = loop {
                match chars.next()? {
                    (i, '\'') => break i,
                    (_, '\\') => name.push(chars.next()?.1),
                    (_, c) => name.push(c),
                }
            };
            rest = tail[end + 1..].strip_prefix(']')?;
            name
        };
        if at["properties"].is_object() {
            at = at["properties"].get(&name)?;
            out = child(&out, &name);
        } else if at["additionalProperties"].is_object() {
            at = &at["additionalProperties"];
            out = keyed(&out, &name);
        } else {
            return None;
        }
    }
    Some(out)
}

/// What the rules find: errors, and what an update did not change and is only warned of.
#[derive(Debug, Default)]
pub struct Findings {
    /// Errors.
    pub errors: Vec<FieldError>,
    /// Errors that were there before.
    pub warnings: Vec<FieldError>,
}

/// Holds an object against the rules of its schema. `old`: what it was before.
pub fn judge(node: &Node, object: &Value, old: Option<&Value>) -> Findings {
    let mut judge = Judge { found: Findings::default(), budget: Budget::new(PER_REQUEST) };
    judge.part(node, object, old, false, "", 0);
    judge.found
}

struct Judge {
    found: Findings,
    budget: Budget,
}

impl Judge {
    /// `true`: the budget is spent, and nothing more is looked at. `same`: the nearest part around that can be told from
    /// before has not changed.
    fn part(&mut self, n: &Node, v: &Value, old: Option<&Value>, same: bool, at: &str, depth: usize) -> bool {
        if v.is_null() || depth > DEPTH {
            return false;
        }
        let unchanged = old.map_or(same, |o| o == v);
        if !n.rules.is_empty() && self.rules(n, v, old, unchanged, at) {
            return true;
        }
        for inner in &n.all_of {
            if self.part(inner, v, old, same, at, depth + 1) {
                return true;
            }
        }
        match v {
            Value::Array(list) => {
                let Some(inner) = &n.items else { return false };
                let keys = items(&n.schema, "x-kubernetes-list-map-keys");
                let correlated = text(&n.schema, "x-kubernetes-list-type") == "map";
                for (i, item) in list.iter().enumerate() {
                    let same_keys = |o: &&Value| keys.iter().filter_map(Value::as_str).all(|k| o.get(k) == item.get(k));
                    let before = old.and_then(Value::as_array).filter(|_| correlated);
                    let before = before.and_then(|l| l.iter().find(same_keys));
                    if self.part(inner, item, before, unchanged, &index(at, i), depth + 1) {
                        return true;
                    }
                }
            }
            Value::Object(map) => {
                let old = old.filter(|_| text(&n.schema, "x-kubernetes-map-type") != "atomic");
                for (name, inner) in map {
                    let before = old.and_then(|o| o.get(name));
                    let (part, at) = match (n.properties.get(name), &n.additional) {
                        (Some(p), _) => (p, child(at, name)),
                        (None, Some(p)) => (&**p, keyed(at, name)),
                        (None, None) => continue,
                    };
                    if self.part(part, inner, before, unchanged, &at, depth + 1) {
                        return true;
                    }
                }
            }
            _ => {}
        }
        false
    }

    fn rules(&mut self, n: &Node, v: &Value, old: Option<&Value>, unchanged: bool, at: &str) -> bool {
        let kind = text(&n.schema, "type");
        let place = |at: &str| if at.is_empty() { "<nil>".to_owned() } else { at.to_owned() };
        let mut scope = Scope::default();
        scope.names.insert("self".into(), Val::typed(v, &n.schema));
        let before = old.filter(|o| !o.is_null()).map(|o| Val::typed(o, &n.schema));
        for rule in &n.rules {
            if rule.transition && before.is_none() && !rule.optional {
                continue;
            }
            match (&before, rule.optional) {
                (b, true) => drop(scope.names.insert("oldSelf".into(), Val::Opt(b.clone().map(Arc::new)))),
                (Some(b), false) => drop(scope.names.insert("oldSelf".into(), b.clone())),
                (None, false) => drop(scope.names.remove("oldSelf")),
            }
            let wrong = |why: String| FieldError::invalid(place(at), kind, why);
            if self.budget.spent() {
                let why =
                    "validation failed due to running out of cost budget, no further validation rules will be run";
                self.found.errors.push(wrong(why.into()));
                return true;
            }
            match rule.program.run(&scope, &mut self.budget) {
                Ok(Val::Bool(true)) => continue,
                Ok(_) => {}
                Err(e @ Failure::Budget) => {
                    let why = format!(
                        "'{e}': no further validation rules will be run due to call cost exceeds limit for rule: {}",
                        rule.shown()
                    );
                    self.found.errors.push(wrong(why));
                    return true;
                }
                Err(Failure::Error(e)) if e.starts_with("no such overload") => {
                    let why = format!(
                        "'{e}': call arguments did not match a supported operator, function or macro signature for rule: {}",
                        rule.shown()
                    );
                    self.found.errors.push(wrong(why));
                    continue;
                }
                Err(Failure::Error(e)) => {
                    self.found.errors.push(wrong(format!("{e} evaluating rule: {}", rule.shown())));
                    continue;
                }
            }
            let mut field = at.to_owned();
            if let Some(below) = field_path(&n.schema, text(&rule.said, "fieldPath")).filter(|p| !p.is_empty()) {
                field = if below.starts_with('[') { format!("{field}{below}") } else { child(&field, &below) };
            }
            let said = rule.message.as_ref().and_then(|m| message(&m.run(&scope, &mut self.budget).ok()?));
            let detail = said.unwrap_or_else(|| match text(&rule.said, "message").trim() {
                "" => format!("failed rule: {}", rule.shown()),
                message => message.to_owned(),
            });
            let field = place(&field);
            let error = match text(&rule.said, "reason") {
                "FieldValueForbidden" => FieldError::forbidden(field, detail),
                "FieldValueRequired" => FieldError::required(field, detail),
                "FieldValueDuplicate" => FieldError::duplicate(field, kind),
                _ => FieldError::invalid(field, kind, detail),
            };
            if !rule.transition && unchanged {
                self.found.warnings.push(error);
            } else {
                self.found.errors.push(error);
            }
        }
        false
    }
}

/// What an expression's value says, if it may be said.
pub(in crate::apiserver) fn message(v: &Val) -> Option<String> {
    let Val::Str(s) = v else { return None };
    let s = s.trim();
    (!s.is_empty() && s.len() <= MAX_MESSAGE && !s.contains('\n')).then(|| s.to_owned())
}
