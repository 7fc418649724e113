//! Errors as the API server words them: field errors and `Status`.

use serde_json::{Value, json};
use std::fmt;

/// What is wrong with one field. (Models apimachinery util/validation/field.)
#[derive(Clone, Debug, PartialEq)]
pub enum FieldErrorKind {
    /// "Required value"
    Required,
    /// "Invalid value"
    Invalid,
    /// "Unsupported value"; the detail lists the supported ones
    NotSupported,
    /// "Forbidden"
    Forbidden,
    /// "Duplicate value"
    Duplicate,
    /// "Not found"
    NotFound,
    /// "Too long"
    TooLong,
    /// "Too many"
    TooMany,
    /// "Internal error"
    Internal,
}

/// One field error: `spec.replicas: Invalid value: -1: must be greater than or equal to 0`.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// What kind of error.
    pub kind: FieldErrorKind,
    /// The path, as `spec.containers[0].name`.
    pub field: String,
    /// The value that was refused, as the error prints it; `None` for kinds that print none.
    pub value: Option<Value>,
    /// What is said after the value; may be empty.
    pub detail: String,
}

impl FieldError {
    /// A field that must be there.
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind: FieldErrorKind::Required, field: field.into(), value: None, detail: detail.into() }
    }
    /// A value that breaks a rule.
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self { kind: FieldErrorKind::Invalid, field: field.into(), value: Some(value.into()), detail: detail.into() }
    }
    /// A value outside an enumeration; `supported` in the order to print.
    pub fn not_supported(field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) -> Self {
        let list = supported.iter().map(|s| format!("{s:?}")).collect::<Vec<_>>().join(", ");
        let detail = if list.is_empty() { String::new() } else { format!("supported values: {list}") };
        Self { kind: FieldErrorKind::NotSupported, field: field.into(), value: Some(value.into()), detail }
    }
    /// A field that may not be set here.
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind: FieldErrorKind::Forbidden, field: field.into(), value: None, detail: detail.into() }
    }
    /// A value that occurs twice.
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { kind: FieldErrorKind::Duplicate, field: field.into(), value: Some(value.into()), detail: String::new() }
    }
    /// A reference to something that is not there.
    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { kind: FieldErrorKind::NotFound, field: field.into(), value: Some(value.into()), detail: String::new() }
    }

    /// The words of the kind, as printed.
    pub fn kind_text(&self) -> &'static str {
        match self.kind {
            FieldErrorKind::Required => "Required value",
            FieldErrorKind::Invalid => "Invalid value",
            FieldErrorKind::NotSupported => "Unsupported value",
            FieldErrorKind::Forbidden => "Forbidden",
            FieldErrorKind::Duplicate => "Duplicate value",
            FieldErrorKind::NotFound => "Not found",
            FieldErrorKind::TooLong => "Too long",
            FieldErrorKind::TooMany => "Too many",
            FieldErrorKind::Internal => "Internal error",
        }
    }

    /// The reason in `Status.details.causes`.
    pub fn reason(&self) -> &'static str {
        match self.kind {
            FieldErrorKind::Required => "FieldValueRequired",
            FieldErrorKind::Invalid => "FieldValueInvalid",
            FieldErrorKind::NotSupported => "FieldValueNotSupported",
            FieldErrorKind::Forbidden => "FieldValueForbidden",
            FieldErrorKind::Duplicate => "FieldValueDuplicate",
            FieldErrorKind::NotFound => "FieldValueNotFound",
            FieldErrorKind::TooLong => "FieldValueTooLong",
            FieldErrorKind::TooMany => "FieldValueTooMany",
            FieldErrorKind::Internal => "InternalError",
        }
    }

    /// The error without its field: `Invalid value: -1: must be …`.
    pub fn body(&self) -> String {
        let mut s = self.kind_text().to_string();
        if let Some(v) = &self.value {
            let shown = match (v, &self.kind) {
                (_, FieldErrorKind::TooLong) => None,
                (Value::Array(_) | Value::Object(_) | Value::String(_), _) => Some(v.to_string()),
                (Value::Null, _) => Some("null".into()),
                _ => Some(v.to_string()),
            };
            if let Some(t) = shown {
                s.push_str(": ");
                s.push_str(&t);
            }
        }
        if !self.detail.is_empty() {
            s.push_str(": ");
            s.push_str(&self.detail);
        }
        s
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// An API error, printed as a `v1.Status` object.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// `reason`, as `NotFound`; may be empty.
    pub reason: String,
    /// `message`.
    pub message: String,
    /// `details`; `Null` when there are none.
    pub details: Value,
}

impl Status {
    /// A status of any kind.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Status { code, reason: reason.into(), message: message.into(), details: Value::Null }
    }
    /// 404 for a named object; `resource` is the plural with its group (`deployments.apps`).
    pub fn not_found(resource: &str, name: &str) -> Self {
        let mut s = Self::new(404, "NotFound", format!("{resource} {name:?} not found"));
        s.details = Self::object_details(resource, name);
        s
    }
    /// 409 for an object that is there already.
    pub fn already_exists(resource: &str, name: &str) -> Self {
        let mut s = Self::new(409, "AlreadyExists", format!("{resource} {name:?} already exists"));
        s.details = Self::object_details(resource, name);
        s
    }
    /// 409 for a stale resourceVersion or another conflict.
    pub fn conflict(resource: &str, name: &str, why: &str) -> Self {
        let mut s = Self::new(409, "Conflict", format!("Operation cannot be fulfilled on {resource} {name:?}: {why}"));
        s.details = Self::object_details(resource, name);
        s
    }
    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }
    /// 403 for a named object.
    pub fn forbidden(resource: &str, name: &str, why: &str) -> Self {
        let msg = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {name:?} is forbidden: {why}")
        };
        let mut s = Self::new(403, "Forbidden", msg);
        s.details = Self::object_details(resource, name);
        s
    }
    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }
    /// 405 for a verb that a resource (plural with its group) does not know.
    pub fn not_supported(resource: &str, verb: &str) -> Self {
        let why = format!("{verb} is not supported on resources of kind {resource:?}");
        let mut s = Self::new(405, "MethodNotAllowed", why);
        s.details = Self::object_details(resource, "");
        s
    }
    /// 422 from field errors; `kind` with its group as upstream prints it (`Deployment.apps`).
    pub fn invalid(group_kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut texts: Vec<String> = vec![];
        for text in errors.iter().map(ToString::to_string) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let list = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut s = Self::new(422, "Invalid", format!("{group_kind} {name:?} is invalid: {list}"));
        let (kind, group) = group_kind.split_once('.').unwrap_or((group_kind, ""));
        let causes: Vec<Value> =
            errors.iter().map(|e| json!({"reason": e.reason(), "message": e.body(), "field": e.field})).collect();
        s.details = json!({"name": name, "kind": kind, "causes": causes});
        if !group.is_empty() {
            s.details["group"] = group.into();
        }
        s
    }

    fn object_details(resource: &str, name: &str) -> Value {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        let mut d = json!({"kind": plural});
        if !name.is_empty() {
            d["name"] = name.into();
        }
        if !group.is_empty() {
            d["group"] = group.into();
        }
        d
    }

    /// The `v1.Status` object.
    pub fn to_value(&self) -> Value {
        let mut v = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message, "code": self.code});
        if !self.reason.is_empty() {
            v["reason"] = self.reason.clone().into();
        }
        if !self.details.is_null() {
            v["details"] = self.details.clone();
        }
        v
    }

    /// Reads a `v1.Status` object back; `None` if the value is none or tells of success.
    pub fn from_value(v: &Value) -> Option<Status> {
        (v["kind"] == "Status" && v["status"] == "Failure").then(|| Status {
            code: v["code"].as_u64().unwrap_or(500) as u16,
            reason: v["reason"].as_str().unwrap_or_default().into(),
            message: v["message"].as_str().unwrap_or_default().into(),
            details: v["details"].clone(),
        })
    }
}
