//! How objects are shown: names, YAML, JSON, templates, tables.

use super::Context;
use super::command::Invocation;
use super::errors::CmdError;
use crate::api::kinds;
use serde_json::Value;

pub mod json;

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
}

/// Prints objects one after the other.
#[derive(Clone, Debug)]
pub struct Printer {
    format: Format,
    printed: usize,
    managed_fields: bool,
}

impl Printer {
    /// The printer a changing command uses: `-o` if given, else `<kind>/<name> <operation>` (the operation with its
    /// dry-run suffix).
    pub fn for_operation(inv: &Invocation, operation: &str, ctx: &mut Context) -> Result<Printer, CmdError> {
        let format = match inv.str("output") {
            "" => Format::Operation(operation.to_string()),
            other => Self::structured(other, inv, ctx)?.ok_or_else(|| unknown_format(other, ALL_FORMATS))?,
        };
        Ok(Printer { format, printed: 0, managed_fields: inv.bool("show-managed-fields") })
    }

    /// A printer for `-o` values that need no table; `None` if it is none of them.
    pub fn structured(output: &str, _inv: &Invocation, _ctx: &mut Context) -> Result<Option<Format>, CmdError> {
        Ok(match output {
            "name" => Some(Format::Name),
            "json" => Some(Format::Json),
            "yaml" => Some(Format::Yaml),
            _ => None,
        })
    }

    /// Shows one object.
    pub fn print(&mut self, object: &Value, ctx: &mut Context) -> Result<(), CmdError> {
        let mut shown = object.clone();
        if !self.managed_fields
            && let Some(m) = shown["metadata"].as_object_mut()
        {
            m.remove("managedFields");
        }
        match &self.format {
            Format::Operation(text) => ctx.println(format!("{} {text}", name(object)).trim_end()),
            Format::Name => ctx.println(name(object)),
            Format::Json => ctx.print(json::json(&shown)),
            Format::Yaml => {
                if self.printed > 0 {
                    ctx.println("---");
                }
                ctx.print(json::yaml(&shown));
            }
        }
        self.printed += 1;
        Ok(())
    }
}

/// The formats `get` knows.
pub const ALL_FORMATS: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml";

/// The error for an output format that is none.
pub fn unknown_format(format: &str, allowed: &str) -> CmdError {
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
