//! What commands that change objects share: patches, requests, result lines, `--record`.

use crate::api::schema;
use crate::api::yaml;
use crate::apiserver::patch::{KindMeta, two_way};
use crate::apiserver::request::{ContentType, Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder::Info;
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::Flag;
use crate::kubectl::pipes::clean;
use crate::kubectl::printer::{self, Printer};
use serde_json::{Map, Value};

/// `--record`: keeps the command in an annotation.
pub static RECORD: &[Flag] = &[Flag::bool("record", "Record current kubectl command in the resource annotation.")
    .deprecated("--record will be removed in the future")];

/// `--overwrite`, `--all`, `--local`, `--list`, `--resource-version`: what label and annotate share.
pub static PAIRS: &[Flag] = &[
    Flag::bool(
        "overwrite",
        "If true, allow values to be overwritten, otherwise reject updates that overwrite existing values.",
    ),
    Flag::bool("all", "Select all resources, in the namespace of the specified resource types."),
    Flag::bool("local", "If true, the command will NOT contact the API server but run locally."),
    Flag::bool("list", "If true, display the values for a given resource."),
    Flag::str(
        "resource-version",
        "If non-empty, the update will only succeed if this is the current resource-version for the object.",
    ),
];

/// `--validate`: how unknown and duplicate fields are met.
pub static VALIDATE: &[Flag] = &[Flag::str(
    "validate",
    "Must be one of: strict (or true), warn, ignore (or false): what to do about unknown or duplicate fields.",
)
.default("strict")
.no_opt("strict")];

/// `--save-config`: writes the annotation that `kubectl apply` reads.
pub static SAVE_CONFIG: &[Flag] =
    &[Flag::bool("save-config", "If true, the configuration of current object will be saved in its annotation.")];

/// What `--validate` asks the API server for.
///
/// # Errors
/// A value it does not know.
pub fn field_validation(inv: &Invocation) -> Result<&'static str, CmdError> {
    match inv.str("validate") {
        "" | "strict" | "true" => Ok("Strict"),
        "warn" => Ok("Warn"),
        "ignore" | "false" => Ok("Ignore"),
        other => Err(CmdError::client(format!(
            "invalid - validate option {other:?}; must be one of: strict (or true), warn, ignore (or false)"
        ))),
    }
}

/// The merge patch that leads from one value to another.
pub fn merge_patch(from: &Value, to: &Value) -> Value {
    let (Value::Object(a), Value::Object(b)) = (from, to) else { return to.clone() };
    let mut patch = Map::new();
    for (k, new) in b {
        match a.get(k) {
            Some(old) if old == new => {}
            Some(old) if old.is_object() && new.is_object() => {
                patch.insert(k.clone(), merge_patch(old, new));
            }
            _ => {
                patch.insert(k.clone(), new.clone());
            }
        }
    }
    for k in a.keys().filter(|k| !b.contains_key(*k)) {
        patch.insert(k.clone(), Value::Null);
    }
    patch.into()
}

/// The patch of an object's kind from one state to another: strategic, or a merge patch where its kind has no schema.
pub fn difference(info: &Info, from: &Value, to: &Value) -> (Value, ContentType) {
    match two_way(from, to, &KindMeta::of(info.mapping)) {
        Ok(p) if schema::schema().of(info.mapping).is_some() => (p, ContentType::StrategicMergePatch),
        _ => (merge_patch(from, to), ContentType::MergePatch),
    }
}

/// An object as it is sent to be created: kubectl takes off the version that it may have been read in.
pub fn unversioned(mut object: Value) -> Value {
    if let Some(m) = object["metadata"].as_object_mut() {
        m.remove("resourceVersion");
    }
    object
}

/// Does a patch change nothing?
pub fn is_empty(patch: &Value) -> bool {
    patch.as_object().is_some_and(Map::is_empty)
}

/// A request with the dry-run and field-manager parameters of a command.
pub fn request(method: Method, path: String, inv: &Invocation, dry: DryRun, manager: &str) -> Request {
    let given = inv.str("field-manager");
    let manager = if given.is_empty() { manager } else { given };
    dry.apply(Request::new(method, path).with("fieldManager", manager))
}

/// Sends a patch of an object and gives the object afterwards.
///
/// # Errors
/// What the API server says.
pub fn patch(
    info: &Info,
    kind: ContentType,
    body: Value,
    (inv, dry, manager): (&Invocation, DryRun, &str),
    ctx: &mut Context,
) -> Result<Value, CmdError> {
    let path = super::patch::subpath(info, inv.str("subresource"));
    let mut r = request(Method::Patch, path, inv, dry, manager).body(body);
    r.content_type = kind;
    ctx.call(r)
}

/// Does something with each object, going on after errors.
///
/// # Errors
/// All of them together.
pub fn each(
    infos: Vec<Result<Info, CmdError>>,
    ctx: &mut Context,
    mut f: impl FnMut(Info, &mut Context) -> Result<(), CmdError>,
) -> Result<(), CmdError> {
    let mut errors = vec![];
    for info in infos {
        if let Err(e) = info.and_then(|i| f(i, ctx)) {
            errors.push(e);
        }
    }
    CmdError::collect(errors)
}

/// Shows an object by `-o`, or as `<kind>/<name> <operation>` with the dry-run suffix.
///
/// # Errors
/// An unknown output format.
pub fn print(
    inv: &Invocation,
    object: &Value,
    operation: &str,
    dry: DryRun,
    ctx: &mut Context,
) -> Result<(), CmdError> {
    let operation = format!("{operation}{}", dry.suffix());
    Printer::for_operation(inv, &operation, ctx)?.print(object, ctx)
}

/// [`print`] for an object that kubectl holds as a Go structure.
///
/// # Errors
/// An unknown output format.
pub fn print_typed(
    inv: &Invocation,
    object: &Value,
    operation: &str,
    dry: DryRun,
    ctx: &mut Context,
) -> Result<(), CmdError> {
    let operation = format!("{operation}{}", dry.suffix());
    let mut printer = Printer::for_operation(inv, &operation, ctx)?;
    printer.typed = true;
    printer.print(object, ctx)
}

/// Keeps the command in the annotation of `--record`, where asked for.
pub fn record(inv: &Invocation, object: &mut Value) {
    if inv.bool("record") {
        let text = format!("{} {} --record=true", inv.path, inv.args.join(" "));
        object["metadata"]["annotations"]["kubernetes.io/change-cause"] = text.into();
    }
}

/// The only argument, a name; arguments after `--` do not count.
///
/// # Errors
/// There is none, or several.
pub fn one_name(inv: &Invocation) -> Result<String, CmdError> {
    let n = inv.dash.unwrap_or(inv.args.len());
    match &inv.args[..n] {
        [one] => Ok(one.clone()),
        _ => Err(inv.usage(format!("exactly one NAME is required, got {n}"))),
    }
}

/// The arguments after `--`.
pub fn after_dash(inv: &Invocation) -> &[String] {
    inv.dash.map_or(&[], |n| &inv.args[n..])
}

/// Five letters in the place of random ones: kubectl has no randomness here, a hash keeps a session repeatable.
pub fn suffix(seed: &str) -> String {
    let mut hash = seed.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    let mut out = String::new();
    for _ in 0..5 {
        out.push(char::from(b"bcdfghjklmnpqrstvwxz2456789"[(hash % 27) as usize]));
        hash /= 27;
    }
    out
}

/// What is wrong with a variable's name by the rule kubectl keeps; the API server's own is wider.
pub fn env_name_errors(name: &str) -> Vec<String> {
    let mut chars = name.chars();
    let body = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let mut errors = vec![];
    if !chars.next().is_some_and(|c| body(c) && !c.is_ascii_digit()) || !chars.all(body) {
        errors.push("a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')".into());
    }
    if name == "." || name == ".." {
        errors.push(format!("must not be '{name}'"));
    } else if name.starts_with("..") {
        errors.push("must not start with '..'".into());
    }
    errors
}

/// Refuses arguments.
///
/// # Errors
/// There are some.
pub fn no_args(inv: &Invocation) -> Result<(), CmdError> {
    if inv.args.is_empty() {
        return Ok(());
    }
    Err(inv.usage(format!("Unexpected args: [{}]", inv.args.join(" "))))
}

/// Were neither `-f` nor `-k` given?
pub fn no_files(inv: &Invocation) -> bool {
    inv.list("filename").is_empty() && !inv.changed("kustomize")
}

/// `--raw`: a request to a path, the first file as its body. False: it was not asked for.
///
/// # Errors
/// No such file, or what the API server says.
pub fn raw(inv: &Invocation, method: Method, ctx: &mut Context) -> Result<bool, CmdError> {
    let raw = inv.str("raw");
    if raw.is_empty() {
        return Ok(false);
    }
    let body = match inv.list("filename").first().map(String::as_str) {
        None => None,
        Some("-") => Some(ctx.stdin.clone().unwrap_or_default()),
        Some(file) => Some(
            ctx.files
                .get(clean(file))
                .cloned()
                .ok_or_else(|| CmdError::client(format!("open {file}: no such file or directory")))?,
        ),
    };
    if method == Method::Get && super::proxy::passes_on(raw) {
        let answer = super::proxy::answer(raw, (method, ContentType::Json, None), ctx);
        let (code, text, _) =
            answer.map_err(|_| CmdError::client("the server is currently unable to handle the request"))?;
        if code >= 400 {
            return Err(CmdError::Plain(format!("Error from server: {}", text.trim_end())));
        }
        ctx.print(text);
        return Ok(true);
    }
    let (path, query) = raw.split_once('?').unwrap_or((raw, ""));
    let mut request = Request::new(method, path);
    for (k, v) in query.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, ""))) {
        request = request.with(k, v);
    }
    if let Some(text) = body {
        let read = yaml::read_value(&text).map_err(|_| CmdError::client("the body is neither JSON nor YAML"))?;
        request = request.body(read);
    }
    let answer = ctx.call(request)?;
    match &answer {
        Value::String(text) if text.ends_with('\n') => ctx.print(text),
        Value::String(text) => ctx.println(text),
        object => ctx.println(printer::json::compact(object)),
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_patches_lead_there() {
        let a = json!({"a": {"b": 1, "c": 2}, "l": [1], "x": 1});
        let b = json!({"a": {"b": 1, "d": 3}, "l": [2], "x": 1});
        assert_eq!(merge_patch(&a, &b), json!({"a": {"c": null, "d": 3}, "l": [2]}));
        assert!(is_empty(&merge_patch(&a, &a)));
    }
}
