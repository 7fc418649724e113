//! Reading of manifests: files, directories, standard input; documents and lists.

use super::Context;
use super::errors::CmdError;
use super::pipes::clean;
use crate::api::yaml;
use serde_json::Value;

/// One document of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The object; a `List` has been taken apart already.
    pub object: Value,
    /// The file as it was named; `STDIN` for standard input.
    pub source: String,
}

/// Resolves `-f` arguments to named texts: `-`, files, directories, patterns with `*`.
pub fn texts(filenames: &[String], recursive: bool, ctx: &Context) -> Result<Vec<(String, String)>, CmdError> {
    let mut out = vec![];
    for name in filenames {
        if name == "-" || name == "/dev/stdin" {
            out.push(("STDIN".to_string(), ctx.stdin.clone().unwrap_or_default()));
            continue;
        }
        if name.starts_with("http://") || name.starts_with("https://") {
            return Err(CmdError::client(format!(
                "unable to read URL {name:?}: this cluster lives in a browser tab and reaches no other host; paste the manifest into a file"
            )));
        }
        let path = clean(name).trim_end_matches('/');
        if let Some(text) = ctx.files.get(path) {
            out.push((name.clone(), text.clone()));
            continue;
        }
        let prefix = if path == "." || path.is_empty() { String::new() } else { format!("{path}/") };
        let inside: Vec<(&String, &String)> = ctx.files.iter().filter(|(f, _)| f.starts_with(&prefix)).collect();
        if name.contains(['*', '?']) {
            let hits: Vec<_> = ctx.files.iter().filter(|(f, _)| glob(path, f)).collect();
            if hits.is_empty() {
                return Err(CmdError::client(format!("the path {name:?} does not exist")));
            }
            out.extend(hits.into_iter().map(|(f, t)| (f.clone(), t.clone())));
            continue;
        }
        if inside.is_empty() {
            return Err(CmdError::client(format!("the path {name:?} does not exist")));
        }
        let known = |f: &str| [".json", ".yaml", ".yml"].iter().any(|e| f.ends_with(e));
        let hits: Vec<_> = inside
            .into_iter()
            .filter(|(f, _)| known(f) && (recursive || !f[prefix.len()..].contains('/')))
            .map(|(f, t)| (f.clone(), t.clone()))
            .collect();
        if hits.is_empty() {
            return Err(CmdError::client(format!(
                "error reading [{name}]: recognized file extensions are [.json .yaml .yml]"
            )));
        }
        out.extend(hits);
    }
    Ok(out)
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            text.char_indices()
                .map(|(i, _)| i)
                .chain([text.len()])
                .take_while(|i| !text[..*i].contains('/'))
                .any(|i| glob(rest, &text[i..]))
        }
        Some(p) => {
            let mut it = text.chars();
            it.next().is_some_and(|c| p == '?' && c != '/' || p == c) && glob(&pattern[p.len_utf8()..], it.as_str())
        }
    }
}

/// Reads the documents of one text; an error ends what was read before it.
pub fn read_manifests(text: &str, source: &str) -> Vec<Result<Document, CmdError>> {
    let manifest = yaml::read(text);
    let mut out = vec![];
    for document in manifest.documents {
        flatten(document.value, source, &mut out);
    }
    out.extend(manifest.error.map(|e| Err(CmdError::client(format!("error parsing {source}: {e}")))));
    out
}

fn flatten(object: Value, source: &str, out: &mut Vec<Result<Document, CmdError>>) {
    let list = object["kind"].as_str().is_some_and(|k| k.ends_with("List")) && object["items"].is_array();
    if !list {
        out.push(Ok(Document { object, source: source.into() }));
        return;
    }
    let Value::Object(mut map) = object else { return };
    // typed lists may leave kind and apiVersion to the list
    let item_kind = map["kind"].as_str().and_then(|k| k.strip_suffix("List")).unwrap_or_default().to_string();
    let version = map.get("apiVersion").cloned().unwrap_or_default();
    if let Some(Value::Array(items)) = map.remove("items") {
        for mut item in items {
            if !item_kind.is_empty() && item.is_object() && item["kind"].is_null() {
                item["kind"] = item_kind.clone().into();
                item["apiVersion"] = version.clone();
            }
            flatten(item, source, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_apart() {
        let docs = read_manifests("kind: List\napiVersion: v1\nitems:\n- kind: Pod\n---\n---\nkind: Service\n", "f");
        let kinds: Vec<_> = docs.iter().map(|d| d.as_ref().unwrap().object["kind"].clone()).collect();
        assert_eq!(kinds, ["Pod", "Service"]);
    }

    #[test]
    fn patterns() {
        assert!(glob("*.yaml", "a.yaml") && !glob("*.yaml", "d/a.yaml") && glob("d/?.yaml", "d/a.yaml"));
    }
}
