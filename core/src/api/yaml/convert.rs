//! From a tree of nodes to JSON.

use super::YamlError;
use super::compose::{Kind, Mark, Tree};
use super::scalar::{Resolved, resolve};
use base64::Engine;
use serde_json::{Map, Number, Value};

/// Values that aliases may expand to, all together.
const MAX_ALIASED: usize = 100_000;
const NOT_A_MAP: &str = "map merge requires map or sequence of maps as the value";

struct Converter<'a> {
    tree: &'a Tree,
    /// Aliases that are being expanded.
    open: Vec<usize>,
    aliased: usize,
    /// Keys that were set twice.
    duplicates: Vec<(String, Mark)>,
}

fn fail(message: impl Into<String>, at: Mark) -> YamlError {
    YamlError { message: format!("yaml: {}", message.into()), at }
}

/// The value, and what is said of keys that are set twice (the last one counts).
pub(super) fn to_value(tree: &Tree) -> Result<(Value, Vec<(String, Mark)>), YamlError> {
    let mut c = Converter { tree, open: vec![], aliased: 0, duplicates: vec![] };
    let value = c.value(tree.root)?;
    Ok((value, c.duplicates))
}

/// A number as Go's encoder writes it to JSON: whole ones without a point.
fn number(f: f64) -> Option<Number> {
    if f.fract() == 0.0 && f.abs() < 9e15 {
        return Some(Number::from(f as i64));
    }
    Number::from_f64(f)
}

impl Converter<'_> {
    fn value(&mut self, id: usize) -> Result<Value, YamlError> {
        let tree = self.tree;
        let node = tree.node(id);
        if !self.open.is_empty() {
            self.aliased += 1;
            if self.aliased > MAX_ALIASED {
                return Err(fail("document contains excessive aliasing", node.start));
            }
        }
        match &node.kind {
            Kind::Scalar { text, plain, tag } => self.scalar(text, *plain, tag.as_deref(), node.start),
            Kind::Alias(target) => {
                if self.open.contains(target) {
                    return Err(fail("anchor value contains itself", node.start));
                }
                self.open.push(*target);
                let value = self.value(*target)?;
                self.open.pop();
                Ok(value)
            }
            Kind::Sequence(items) => {
                let list: Result<Vec<Value>, _> = items.iter().map(|i| self.value(*i)).collect();
                Ok(Value::Array(list?))
            }
            Kind::Mapping(pairs) => self.mapping(pairs).map(Value::Object),
        }
    }

    fn mapping(&mut self, pairs: &[(usize, usize)]) -> Result<Map<String, Value>, YamlError> {
        let tree = self.tree;
        let mut map = Map::new();
        for &(k, v) in pairs {
            let key_node = tree.node(k);
            if let Kind::Scalar { text, plain, tag } = &key_node.kind
                && resolve(text) == Resolved::Merge
                && tag.as_deref().map_or(*plain, |t| t == "tag:yaml.org,2002:merge")
            {
                self.merge(v, &mut map)?;
                continue;
            }
            let (key, shown) = self.key(k)?;
            let value = self.value(v)?;
            // Entries that a merge brought may be set anew.
            let written =
                |p: &&(usize, usize)| matches!(&tree.node(p.0).kind, Kind::Scalar { text, .. } if *text == key);
            if map.insert(key.clone(), value).is_some() && pairs.iter().take_while(|p| p.0 != k).any(|p| written(&p)) {
                let line = tree.node(v).start.line + 1;
                self.duplicates.push((format!("line {line}: key {shown} already set in map"), key_node.start));
            }
        }
        Ok(map)
    }

    /// Takes over all entries; of several maps the first wins.
    fn merge(&mut self, id: usize, map: &mut Map<String, Value>) -> Result<(), YamlError> {
        let at = self.tree.node(id).start;
        let sources = match self.value(id)? {
            Value::Array(list) => list,
            one => vec![one],
        };
        for source in sources.into_iter().rev() {
            let Value::Object(source) = source else { return Err(fail(NOT_A_MAP, at)) };
            map.extend(source);
        }
        Ok(())
    }

    /// A key as text, and as Go prints it in a complaint.
    fn key(&mut self, id: usize) -> Result<(String, String), YamlError> {
        let tree = self.tree;
        let node = tree.node(id);
        let value = self.value(id)?;
        match value {
            Value::String(s) => {
                let shown = format!("{s:?}");
                Ok((s, shown))
            }
            Value::Number(n) => Ok((n.to_string(), n.to_string())),
            Value::Bool(b) => Ok((b.to_string(), b.to_string())),
            Value::Null => {
                let message = "Unsupported map key of type: %!s(<nil>), key: <nil>, value: <nil>".into();
                Err(YamlError { message, at: node.start })
            }
            Value::Array(_) | Value::Object(_) => {
                Err(fail(format!("invalid map key: {}", go_syntax(&value)), node.start))
            }
        }
    }

    fn scalar(&mut self, text: &str, plain: bool, tag: Option<&str>, at: Mark) -> Result<Value, YamlError> {
        let short = tag.and_then(|t| t.strip_prefix("tag:yaml.org,2002:"));
        if let Some("binary") = short {
            let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(packed)
                .map_err(|_| fail("!!binary value contains invalid base64 data", at))?;
            return Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        }
        let resolved = match (tag, short) {
            (None, _) if plain => resolve(text),
            (Some(_), Some(kind @ ("int" | "float" | "bool" | "null"))) => {
                let resolved = resolve(text);
                let fits = matches!(
                    (kind, &resolved),
                    ("int", Resolved::Int(_) | Resolved::Uint(_))
                        | ("float", Resolved::Float(_) | Resolved::Int(_))
                        | ("bool", Resolved::Bool(_))
                        | ("null", Resolved::Null)
                );
                if !fits {
                    let found = match resolved {
                        Resolved::Null => "!!null",
                        Resolved::Bool(_) => "!!bool",
                        Resolved::Int(_) | Resolved::Uint(_) => "!!int",
                        Resolved::Float(_) => "!!float",
                        Resolved::Timestamp => "!!timestamp",
                        Resolved::Merge => "!!merge",
                        Resolved::Text => "!!str",
                    };
                    return Err(fail(format!("cannot decode {found} `{text}` as a !!{kind}"), at));
                }
                resolved
            }
            _ => Resolved::Text,
        };
        Ok(match resolved {
            Resolved::Null => Value::Null,
            Resolved::Bool(b) => Value::Bool(b),
            Resolved::Int(n) => Value::Number(n.into()),
            Resolved::Uint(n) => Value::Number(n.into()),
            Resolved::Float(f) => match number(f) {
                Some(n) => Value::Number(n),
                None => {
                    let shown = if f.is_nan() {
                        "NaN"
                    } else if f > 0.0 {
                        "+Inf"
                    } else {
                        "-Inf"
                    };
                    return Err(YamlError { message: format!("json: unsupported value: {shown}"), at });
                }
            },
            Resolved::Timestamp | Resolved::Merge | Resolved::Text => Value::String(text.to_owned()),
        })
    }
}

/// A value as Go's `%#v` prints it within an untyped map.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::String(s) => format!("{s:?}"),
        Value::Array(list) => {
            format!("[]interface {{}}{{{}}}", list.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(k, v)| format!("{k:?}:{}", go_syntax(v))).collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
