//! `kubectl explain`.

pub mod custom;

use crate::api::kinds::{self, ResourceInfo};
use crate::api::schema::{Field, Schema, TypeInfo, explain as look_up, schema};
use crate::kubectl::Context;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::Flag;

static FLAGS: &[Flag] = &[
    Flag::bool("recursive", "When true, print the name of all the fields recursively."),
    Flag::str("api-version", "Use given api-version (group/version) of the resource."),
    Flag::str("output", "Format in which to render the schema. Valid values are: (plaintext, plaintext-openapiv2).")
        .default("plaintext")
        .short('o'),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "explain",
    "Get documentation for a resource.",
    "TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext|plaintext-openapiv2] [options]",
    &[FLAGS],
    run,
);

/// Columns of the text, its indentation included.
const WIDTH: usize = 80;
/// Deepest level that `--recursive` shows: schemas may contain themselves.
const DEPTH: usize = 16;

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let arg = match inv.args.as_slice() {
        [one] => one,
        [] => {
            return Err(CmdError::client(
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.\n",
            ));
        }
        _ => return Err(CmdError::client("We accept only this format: explain RESOURCE\n")),
    };
    let mut parts: Vec<&str> = arg.trim_end_matches('.').split('.').collect();
    let name = parts.remove(0);
    let version = inv.str("api-version");
    let called = |r: &&'static ResourceInfo| {
        let by = r.plural == name || r.singular == name || r.short_names.contains(&name);
        by && (version.is_empty() || r.api_version() == version)
    };
    let mut all = kinds::RESOURCES.iter().chain(kinds::OTHER_VERSIONS);
    let built_in = if version.is_empty() { kinds::resolve(name) } else { all.find(called) };
    let found = built_in.or_else(|| inv.custom.iter().copied().find(called));
    // `crontabs.stable.example.com.spec`: the group stands behind the name
    let behind = format!("{}.", parts.join("."));
    if let Some(r) = found.filter(|r| !r.group.is_empty() && behind.starts_with(&format!("{}.", r.group))) {
        parts.drain(..r.group.split('.').count());
    }
    let Some(r) = found else {
        return Err(CmdError::Plain(format!("the server doesn't have a resource type {name:?}")));
    };
    let schema = schema();
    // of a custom kind, metadata is what it is everywhere
    let shared = matches!(parts.first(), Some(&("metadata" | "apiVersion" | "kind")));
    let root = match schema.kind(&r.api_version(), r.kind) {
        None if shared => schema.kind("v1", "ConfigMap"),
        root => root,
    };
    if !r.group.is_empty() {
        ctx.println(format!("GROUP:      {}", r.group));
    }
    ctx.println(format!("KIND:       {}\nVERSION:    {}\n", r.kind, r.version));
    let Some(root) = root else {
        let root = custom::schema_of(r, ctx)?;
        let text = custom::body(&root, &parts, inv.bool("recursive")).map_err(CmdError::Client)?;
        ctx.print(text);
        return Ok(());
    };
    let at = look_up(schema, root, &parts).map_err(CmdError::Client)?;
    let mut description = String::new();
    if let Some(f) = at.field {
        ctx.println(format!("FIELD: {} <{}>", f.name, schema.printed_type(&f.ty)));
        if f.values.is_empty() {
            ctx.println("");
        } else {
            ctx.println(format!("ENUM:\n    {}", f.values.join("\n    ")));
        }
        ctx.println("");
        description = f.description().to_owned();
    }
    if let Some(o) = at.object
        && !o.description().is_empty()
    {
        if !description.is_empty() {
            description.push('\n');
        }
        description += o.description();
    }
    ctx.println("DESCRIPTION:");
    if description.is_empty() {
        description = "<empty>".into();
    }
    ctx.print(wrap(&description, 4));
    ctx.println("    ");
    if let Some(o) = at.object.filter(|o| !o.fields.is_empty()) {
        ctx.println("FIELDS:");
        let mut text = String::new();
        if inv.bool("recursive") {
            tree(schema, o, 1, &mut text);
        } else {
            for f in o.fields.values() {
                text += &format!("  {}\n", heading(schema, f));
                if !f.values.is_empty() {
                    text += &format!("  enum: {}\n", enumeration(&f.values));
                }
                let shown = if f.description().is_empty() { "<no description>" } else { f.description() };
                text += &wrap(shown, 4);
                text.push('\n');
            }
        }
        ctx.print(text);
    }
    ctx.println("");
    Ok(())
}

fn heading(schema: &Schema, f: &Field) -> String {
    heading_of(&f.name, &schema.printed_type(&f.ty), f.required)
}

fn heading_of(name: &str, ty: &str, required: bool) -> String {
    format!("{name}\t<{ty}>{}", if required { " -required-" } else { "" })
}

/// The first few values.
fn enumeration(values: &[String]) -> String {
    const SHOWN: usize = 4;
    match values.len() {
        n if n > SHOWN => format!("{}, ....", values[..SHOWN].join(", ")),
        _ => values.join(", "),
    }
}

fn tree(schema: &Schema, o: &TypeInfo, level: usize, out: &mut String) {
    let indent = "  ".repeat(level);
    for f in o.fields.values() {
        out.push_str(&format!("{indent}{}\n", heading(schema, f)));
        if !f.values.is_empty() {
            out.push_str(&format!("{indent}enum: {}\n", enumeration(&f.values)));
        }
        if let Some(inner) = schema.object_in(&f.ty).filter(|i| i.name != o.name && level < DEPTH) {
            tree(schema, inner, level + 1, out);
        }
    }
}

/// Breaks lines at blanks; a line that begins with blanks keeps them.
fn wrap(text: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut out = String::new();
    for line in text.trim_end().split('\n') {
        let lead: String = line.chars().take_while(|c| *c == ' ').collect();
        let mut current = lead;
        let mut words = 0;
        for word in line.split_whitespace() {
            if words > 0 && indent + current.chars().count() + 1 + word.chars().count() > WIDTH {
                out += &format!("{pad}{current}\n");
                current = String::new();
                words = 0;
            }
            if words > 0 {
                current.push(' ');
            }
            current += word;
            words += 1;
        }
        out += &format!("{pad}{current}\n");
    }
    out
}
