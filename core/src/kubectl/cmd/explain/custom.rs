//! `kubectl explain` of custom kinds: from the schema that the API server publishes for them. Their metadata is
//! explained as that of every kind.

use super::{heading_of, wrap};
use crate::api::kinds::ResourceInfo;
use crate::apiserver::request::Request;
use crate::kubectl::Context;
use crate::kubectl::errors::CmdError;
use serde_json::Value;

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

/// The published schema of a kind.
pub fn schema_of(r: &ResourceInfo, ctx: &mut Context) -> Result<Value, CmdError> {
    let document = ctx.call(Request::get(format!("/openapi/v3/apis/{}/{}", r.group, r.version)))?;
    let all = document["components"]["schemas"].as_object().into_iter().flatten();
    let is =
        |v: &Value| v["x-kubernetes-group-version-kind"].as_array().into_iter().flatten().any(|k| k["kind"] == r.kind);
    let found = all.map(|(_, v)| v).find(|v| is(v)).cloned();
    found.ok_or_else(|| CmdError::client(format!("no schema is known for {}", r.group_kind())))
}

/// The fields of a schema: those of the items of a list, and of the values of a map.
pub fn fields(schema: &Value) -> Vec<(&str, &Value)> {
    let mut at = schema;
    loop {
        if let Some(own) = at["properties"].as_object() {
            return own.iter().map(|(k, v)| (k.as_str(), v)).collect();
        }
        at = match (&at["items"], &at["additionalProperties"]) {
            (i @ Value::Object(_), _) => i,
            (_, a @ Value::Object(_)) => a,
            _ => return vec![],
        };
    }
}

/// The schema at a path.
pub fn at<'a>(schema: &'a Value, path: &[&str]) -> Result<&'a Value, String> {
    path.iter().try_fold(schema, |here, name| {
        let found = fields(here).into_iter().find(|(k, _)| k == name);
        found.map(|(_, v)| v).ok_or_else(|| format!("field {name:?} does not exist"))
    })
}

/// `string`, `[]object`, `map[string]string`, `ObjectMeta`.
fn type_of(schema: &Value) -> String {
    if schema["items"].is_object() {
        return format!("[]{}", type_of(&schema["items"]));
    }
    if schema["additionalProperties"].is_object() {
        return format!("map[string]{}", type_of(&schema["additionalProperties"]));
    }
    let of_all = schema["allOf"].as_array().filter(|a| a.len() == 1 && schema["properties"].is_null());
    if let Some(only) = of_all {
        return type_of(&only[0]);
    }
    if let Some(link) = schema["$ref"].as_str() {
        return link.rsplit(['/', '.']).next().unwrap_or("Object").to_owned();
    }
    schema["type"].as_str().unwrap_or("Object").to_owned()
}

fn values(schema: &Value) -> Vec<String> {
    let shown = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    schema["enum"].as_array().into_iter().flatten().map(shown).collect()
}

fn required(parent: &Value, name: &str) -> bool {
    let mut holder = parent;
    while holder["properties"].is_null() && holder["items"].is_object() {
        holder = &holder["items"];
    }
    holder["required"].as_array().into_iter().flatten().any(|r| r == name)
}

fn line(parent: &Value, name: &str, field: &Value) -> String {
    heading_of(name, &type_of(field), required(parent, name))
}

fn tree(schema: &Value, level: usize, out: &mut String) {
    let indent = "  ".repeat(level);
    for (name, field) in fields(schema) {
        out.push_str(&format!("{indent}{}\n", line(schema, name, field)));
        if !values(field).is_empty() {
            out.push_str(&format!("{indent}enum: {}\n", super::enumeration(&values(field))));
        }
        if level < super::DEPTH {
            tree(field, level + 1, out);
        }
    }
}

/// All that is said below the kind's own lines.
pub fn body(root: &Value, path: &[&str], recursive: bool) -> Result<String, String> {
    let here = at(root, path)?;
    let mut out = String::new();
    if let Some(name) = path.last() {
        out += &format!("FIELD: {name} <{}>\n", type_of(here));
        match values(here) {
            none if none.is_empty() => out.push('\n'),
            some => out += &format!("ENUM:\n    {}\n", some.join("\n    ")),
        }
        out.push('\n');
    }
    let said = match (text(&here["description"]), text(&here["items"]["description"])) {
        ("", "") => "<empty>",
        ("", item) => item,
        (own, _) => own,
    };
    out += &format!("DESCRIPTION:\n{}    \n", wrap(said, 4));
    let list = fields(here);
    if !list.is_empty() {
        out += "FIELDS:\n";
        if recursive {
            tree(here, 1, &mut out);
        } else {
            for (name, field) in list {
                out += &format!("  {}\n", line(here, name, field));
                if !values(field).is_empty() {
                    out += &format!("  enum: {}\n", super::enumeration(&values(field)));
                }
                let said = text(&field["description"]);
                out += &wrap(if said.is_empty() { "<no description>" } else { said }, 4);
                out.push('\n');
            }
        }
    }
    out.push('\n');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_of_a_schema() {
        let schema = json!({
            "type": "object", "description": "A backup.",
            "properties": {"spec": {"type": "object", "required": ["schedule"], "properties": {
                "schedule": {"type": "string", "description": "When."},
                "mode": {"type": "string", "enum": ["Full", "Delta"]},
                "targets": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            }}},
        });
        expect_test::expect![[r#"
            FIELD: spec <object>


            DESCRIPTION:
                <empty>
                
            FIELDS:
              labels	<map[string]string>
                <no description>

              mode	<string>
              enum: Full, Delta
                <no description>

              schedule	<string> -required-
                When.

              targets	<[]object>
                <no description>


        "#]]
        .assert_eq(&body(&schema, &["spec"], false).unwrap());
        assert!(body(&schema, &["spec", "targets", "name"], false).unwrap().starts_with("FIELD: name <string>"));
        assert_eq!(body(&schema, &["spec", "nope"], false), Err("field \"nope\" does not exist".into()));
    }
}
