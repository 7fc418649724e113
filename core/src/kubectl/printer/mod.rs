//! How objects are shown: names, YAML, JSON, templates, tables.

pub mod columns;
pub mod gotemplate;
pub mod json;
pub mod jsonpath;
pub mod kyaml;
pub mod table;
pub mod tabwriter;

use super::Context;
use super::command::Invocation;
use super::errors::CmdError;
use crate::api::kinds;
use serde_json::Value;

/// Which way objects are shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// `deployment.apps/web created`: a name and what was done, with the dry-run suffix in it.
    Operation(String),
    /// `-o name`
    Name,
    /// `-o json`
    Json,
    /// `-o yaml`
    Yaml,
    /// `-o kyaml`
    KYaml,
    /// `-o jsonpath=…`; the text of the template, and whether results are JSON
    JsonPath(jsonpath::Template, String, bool),
    /// `-o go-template=…`
    GoTemplate(gotemplate::Template, String),
    /// `-o custom-columns=…`
    Columns(columns::Columns),
}

/// Prints objects one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Printer {
    /// How.
    pub format: Format,
    /// Without the line of headers.
    pub no_headers: bool,
    /// kubectl holds the objects as Go structures: JSON keeps their order of fields.
    pub typed: bool,
    printed: usize,
    managed_fields: bool,
}

/// The formats `get` knows.
pub const GET_FORMATS: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml";

/// The formats of commands that print what they made or changed.
pub const PRINT_FORMATS: &str =
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,yaml";

impl Printer {
    /// A printer of a format.
    pub fn new(format: Format, inv: &Invocation) -> Printer {
        Printer {
            format,
            no_headers: inv.bool("no-headers"),
            typed: false,
            printed: 0,
            managed_fields: inv.bool("show-managed-fields"),
        }
    }

    /// The printer a changing command uses: `-o` if given, else `<kind>/<name> <operation>` (the operation with its
    /// dry-run suffix).
    pub fn for_operation(inv: &Invocation, operation: &str, ctx: &mut Context) -> Result<Printer, CmdError> {
        let format = match inv.str("output") {
            "" => Format::Operation(operation.to_string()),
            other => match Self::structured(other, inv, ctx)? {
                Some(f) if !matches!(f, Format::Columns(_)) => f,
                _ => return Err(unknown_format(other, PRINT_FORMATS)),
            },
        };
        Ok(Printer::new(format, inv))
    }

    /// Does it print what was done rather than the object?
    pub fn is_operation(&self) -> bool {
        matches!(self.format, Format::Operation(_))
    }

    /// Another operation for the next objects (`unchanged` instead of `configured`).
    pub fn operation(&mut self, text: &str) {
        if let Format::Operation(t) = &mut self.format {
            *t = text.to_string();
        }
    }

    /// The format an `-o` value asks for, where it needs no table; `None` if it is none of them.
    pub fn structured(output: &str, inv: &Invocation, ctx: &Context) -> Result<Option<Format>, CmdError> {
        let (name, argument) = output.split_once('=').unwrap_or((output, ""));
        let argument = if argument.is_empty() { inv.str("template") } else { argument };
        let given = |what: &str| {
            if argument.is_empty() {
                return Err(CmdError::client(format!("{what} format specified but no {what} given")));
            }
            Ok(argument.to_string())
        };
        let file = |what: &str| {
            let path = given(what)?;
            ctx.files.get(super::pipes::clean(&path)).cloned().ok_or_else(|| {
                CmdError::client(format!("error reading --template {path}, open {path}: no such file or directory"))
            })
        };
        let missing = inv.str("allow-missing-template-keys") != "false";
        let path = |text: String, as_json| {
            let mut t = jsonpath::Template::parse(&text)
                .map_err(|e| CmdError::client(format!("error parsing jsonpath {text}, {e}")))?;
            t.allow_missing = missing;
            Ok(Format::JsonPath(t, text, as_json))
        };
        let go = |text: String| {
            let mut t = gotemplate::Template::parse(&text)
                .map_err(|e| CmdError::client(format!("error parsing template {text}, {e}")))?;
            t.allow_missing = missing;
            Ok(Format::GoTemplate(t, text))
        };
        let format: Result<Format, CmdError> = match name {
            "name" => Ok(Format::Name),
            "json" => Ok(Format::Json),
            "yaml" => Ok(Format::Yaml),
            "kyaml" => Ok(Format::KYaml),
            "jsonpath" => path(given("template")?, false),
            "jsonpath-as-json" => path(given("template")?, true),
            "jsonpath-file" => path(file("template")?, false),
            "go-template" | "template" => go(given("template")?),
            "go-template-file" | "templatefile" => go(file("template")?),
            "custom-columns" => {
                if argument.is_empty() {
                    return Err(CmdError::client("custom-columns format specified but no custom columns given"));
                }
                columns::Columns::parse(argument).map(Format::Columns).map_err(CmdError::Client)
            }
            "custom-columns-file" => {
                columns::Columns::parse_file(&file("template")?).map(Format::Columns).map_err(CmdError::Client)
            }
            _ => return Ok(None),
        };
        format.map(Some)
    }

    /// Shows one object, or a `List` of them.
    pub fn print(&mut self, object: &Value, ctx: &mut Context) -> Result<(), CmdError> {
        let list = object["items"].as_array().filter(|_| object["kind"].as_str().is_some_and(|k| k.ends_with("List")));
        // a long list is not copied for its names alone
        let names = matches!(self.format, Format::Operation(_) | Format::Name | Format::Columns(_));
        let mut shown = if names { Value::Null } else { object.clone() };
        complete(&mut shown);
        // only JSON and YAML leave them out
        if !self.managed_fields && matches!(self.format, Format::Json | Format::Yaml | Format::KYaml) {
            strip(&mut shown);
        }
        match &self.format {
            Format::Operation(_) | Format::Name => {
                let suffix =
                    if let Format::Operation(text) = &self.format { format!(" {text}") } else { String::new() };
                let each = list.map_or_else(|| vec![object], |l| l.iter().collect());
                for o in each {
                    ctx.println(format!("{}{suffix}", name(o)).trim_end());
                }
            }
            Format::Json => ctx.print(if self.typed { json::typed(&shown) } else { json::json(&shown) }),
            Format::Yaml | Format::KYaml => {
                let kyaml = self.format == Format::KYaml;
                if self.printed > 0 || kyaml {
                    ctx.println("---");
                }
                ctx.print(if kyaml { kyaml::kyaml(&shown) } else { json::yaml(&shown) });
            }
            Format::JsonPath(t, text, as_json) => {
                let out = if *as_json { t.print_json(&shown) } else { t.print(&shown) };
                let out = out.map_err(|e| {
                    CmdError::client(format!(
                        "error executing jsonpath {text:?}: Error executing template: {e}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{text}\n\tobject given to jsonpath engine was:\n\t\t{}\n\n",
                        go_syntax(&shown)
                    ))
                })?;
                ctx.print(out);
            }
            Format::GoTemplate(t, text) => {
                let out = t.print(&shown).map_err(|e| {
                    CmdError::client(format!(
                        "error executing template {text:?}: template: output:1: executing \"output\": {e}"
                    ))
                })?;
                ctx.print(out);
            }
            Format::Columns(c) => {
                let each: Vec<&Value> = list.map_or_else(|| vec![object], |l| l.iter().collect());
                let headers = !self.no_headers && self.printed == 0;
                ctx.print(c.print(&each, headers).map_err(CmdError::Client)?);
            }
        }
        self.printed += 1;
        Ok(())
    }
}

/// Adds what Go's encoder writes although nobody set it.
fn complete(v: &mut Value) {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    if let Some(items) = v.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(complete);
    } else if let Some(r) = kinds::by_kind(&text(&v["apiVersion"]), &text(&v["kind"])) {
        crate::api::schema::complete(r, v);
    }
}

fn strip(v: &mut Value) {
    if let Some(m) = v.get_mut("metadata").and_then(Value::as_object_mut) {
        m.remove("managedFields");
    }
    for item in v.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(m) = item.get_mut("metadata").and_then(Value::as_object_mut) {
            m.remove("managedFields");
        }
    }
}

/// A value as Go's `%#v` prints it.
fn go_syntax(v: &Value) -> String {
    match v {
        Value::Null => "interface {}(nil)".into(),
        Value::String(_) => v.to_string(),
        Value::Array(a) => format!("[]interface {{}}{{{}}}", a.iter().map(go_syntax).collect::<Vec<_>>().join(", ")),
        Value::Object(m) => {
            let fields: Vec<String> = m.iter().map(|(k, v)| format!("{k:?}:{}", go_syntax(v))).collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// The error for an output format that is none.
pub fn unknown_format(format: &str, allowed: &str) -> CmdError {
    let format = format.split_once('=').map_or(format, |(f, _)| f);
    CmdError::client(format!(
        "unable to match a printer suitable for the output format {format:?}, allowed formats are: {allowed}"
    ))
}

/// `deployment.apps/web`.
pub fn name(object: &Value) -> String {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let (kind, version) = (text(&object["kind"]), text(&object["apiVersion"]));
    let group = version.split_once('/').map_or("", |(g, _)| g);
    let kind = match kinds::by_kind(&version, &kind) {
        Some(r) => r.printed_kind(),
        None if group.is_empty() => kind.to_lowercase(),
        None => format!("{}.{group}", kind.to_lowercase()),
    };
    format!("{kind}/{}", text(&object["metadata"]["name"]))
}
