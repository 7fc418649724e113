//! Kinds without a describer of their own: their fields, with titles made from field names.

use super::Describer;
use super::text::{Writer, head, meta};
use crate::kubectl::errors::CmdError;
use crate::kubectl::printer::jsonpath::go;
use serde_json::Value;

const SKIP: &[&str] =
    &[".metadata.managedFields", ".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations"];

pub(super) fn generic(o: &Value, d: &mut Describer) -> Result<(), CmdError> {
    head(&mut d.w, o);
    if o["metadata"]["namespace"].is_null() {
        d.w.pair(0, "Namespace", "");
    }
    meta(&mut d.w, o);
    fields(&mut d.w, 0, o, "");
    d.events(o);
    Ok(())
}

fn fields(w: &mut Writer, level: usize, v: &Value, path: &str) {
    for (k, item) in v.as_object().into_iter().flatten() {
        let here = format!("{path}.{k}");
        if SKIP.contains(&here.as_str()) {
            continue;
        }
        match item {
            Value::Object(_) => {
                w.line(level, format!("{}:", title(k)));
                fields(w, level + 1, item, &here);
            }
            Value::Array(list) => {
                w.line(level, format!("{}:", title(k)));
                for child in list {
                    match child {
                        Value::Object(_) => fields(w, level + 1, child, &here),
                        other => w.line(level + 1, go(other)),
                    }
                }
            }
            other => w.pair(level, &title(k), go(other)),
        }
    }
}

/// `creationTimestamp` as `Creation Timestamp`; acronyms stay in capitals.
fn title(field: &str) -> String {
    if field.chars().any(|c| !c.is_alphabetic() && c != '-') {
        return field.to_string();
    }
    let chars: Vec<char> = field.chars().collect();
    let mut words: Vec<String> = vec![];
    for (i, c) in chars.iter().enumerate() {
        // a dash is a word of its own
        let dash = i > 0 && (*c == '-') != (chars[i - 1] == '-');
        let after_lower = i > 0 && c.is_uppercase() && chars[i - 1].is_lowercase();
        let before_lower = i > 0
            && c.is_uppercase()
            && chars[i - 1].is_uppercase()
            && chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        if words.is_empty() || dash || after_lower || before_lower {
            words.push(String::new());
        }
        if let Some(w) = words.last_mut() {
            w.push(*c);
        }
    }
    let shown = |w: String| {
        if ["API", "URL", "UID", "OSB", "GUID"].contains(&w.to_uppercase().as_str()) {
            return w.to_uppercase();
        }
        let mut c = w.chars();
        c.next().map(|f| f.to_uppercase().collect::<String>() + c.as_str()).unwrap_or_default()
    };
    words.into_iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn titles() {
        assert_eq!(title("creationTimestamp"), "Creation Timestamp");
        assert_eq!(
            (title("apiVersion"), title("uid"), title("podCIDR")),
            ("API Version".into(), "UID".into(), "Pod CIDR".into())
        );
        assert_eq!(title("app.kubernetes.io/name"), "app.kubernetes.io/name");
    }
}
