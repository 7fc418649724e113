//! What can be known of values before an expression runs: types, and those that schemas declare. Invariant: a type made
//! of a schema is no deeper than the schema, and what no schema says is dynamic.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Names and their types.
pub type Fields = BTreeMap<String, Ty>;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    /// Anything.
    Dyn,
    /// `null`
    Null,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `uint`
    Uint,
    /// `double`
    Double,
    /// `string`
    Str,
    /// `bytes`
    Bytes,
    /// `timestamp`
    Time,
    /// `duration`
    Span,
    /// `type`
    Type,
    /// `list(…)`
    List(Arc<Ty>),
    /// `map(…, …)`
    Map(Arc<(Ty, Ty)>),
    /// `optional_type(…)`
    Opt(Arc<Ty>),
    /// An object with declared fields.
    Object(Arc<Object>),
    /// A type that is known by its name only.
    Named(Arc<str>),
    /// A type that is not known yet.
    Var(u32),
}

/// An object's type.
#[derive(Debug, PartialEq)]
pub struct Object {
    /// What errors call it.
    pub name: String,
    /// Its fields, by the names that expressions use.
    pub fields: Fields,
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Dyn | Ty::Var(_) => f.write_str("dyn"),
            Ty::Null => f.write_str("null"),
            Ty::Bool => f.write_str("bool"),
            Ty::Int => f.write_str("int"),
            Ty::Uint => f.write_str("uint"),
            Ty::Double => f.write_str("double"),
            Ty::Str => f.write_str("string"),
            Ty::Bytes => f.write_str("bytes"),
            Ty::Time => f.write_str("timestamp"),
            Ty::Span => f.write_str("duration"),
            Ty::Type => f.write_str("type"),
            Ty::List(t) => write!(f, "list({t})"),
            Ty::Map(t) => write!(f, "map({}, {})", t.0, t.1),
            Ty::Opt(t) => write!(f, "optional_type({t})"),
            Ty::Object(o) => f.write_str(&o.name),
            Ty::Named(n) => f.write_str(n),
        }
    }
}

impl Ty {
    /// `list(of)`
    pub fn list(of: Ty) -> Ty {
        Ty::List(Arc::new(of))
    }

    /// `map(key, value)`
    pub fn map(key: Ty, value: Ty) -> Ty {
        Ty::Map(Arc::new((key, value)))
    }

    /// `optional_type(of)`
    pub fn opt(of: Ty) -> Ty {
        Ty::Opt(Arc::new(of))
    }

    /// An object's type.
    pub fn object(name: &str, fields: impl IntoIterator<Item = (&'static str, Ty)>) -> Ty {
        let fields = fields.into_iter().map(|(k, t)| (k.to_owned(), t)).collect();
        Ty::Object(Arc::new(Object { name: name.into(), fields }))
    }

    /// The type of a structural schema's values; `None`: rules cannot see them. `root`: the schema is one of whole
    /// objects, which have a name and a kind beside what it says. (Models apiserver `pkg/cel/common.SchemaDeclType`.)
    pub fn of_schema(schema: &Value, root: bool, name: &str) -> Option<Ty> {
        of_schema(schema, root, name, 0)
    }
}

const DEPTH: usize = 64;

fn of_schema(s: &Value, root: bool, name: &str, depth: usize) -> Option<Ty> {
    if depth > DEPTH {
        return Some(Ty::Dyn);
    }
    if s["x-kubernetes-int-or-string"] == true {
        return Some(Ty::Dyn);
    }
    let inner = |s: &Value, name: &str| of_schema(s, s["x-kubernetes-embedded-resource"] == true, name, depth + 1);
    Some(match s["type"].as_str().unwrap_or_default() {
        "array" => Ty::list(inner(&s["items"], &format!("{name}.@idx"))?),
        "object" => {
            let more = &s["additionalProperties"];
            if more.is_object() && !root {
                return Some(Ty::map(Ty::Str, inner(more, &format!("{name}.@elem"))?));
            }
            let mut fields = Fields::new();
            for (field, part) in s["properties"].as_object().into_iter().flatten() {
                if let Some(escaped) = escape(field)
                    && let Some(ty) = inner(part, &format!("{name}.{escaped}"))
                {
                    fields.insert(escaped, ty);
                }
            }
            if root {
                fields.insert("apiVersion".into(), Ty::Str);
                fields.insert("kind".into(), Ty::Str);
                let meta = Ty::object(&format!("{name}.metadata"), [("name", Ty::Str), ("generateName", Ty::Str)]);
                fields.insert("metadata".into(), meta);
            }
            Ty::Object(Arc::new(Object { name: name.to_owned(), fields }))
        }
        "string" => match s["format"].as_str().unwrap_or_default() {
            "byte" => Ty::Bytes,
            "duration" => Ty::Span,
            "date" | "date-time" => Ty::Time,
            _ => Ty::Str,
        },
        "boolean" => Ty::Bool,
        "number" => Ty::Double,
        "integer" => Ty::Int,
        _ => return None,
    })
}

const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The name by which expressions call a property; `None`: they cannot. (Models apiserver `pkg/cel.Escape`.)
pub fn escape(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let starts = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.' | '/');
    if !name.starts_with(starts) || !name.chars().all(|c| starts(c) || c.is_ascii_digit()) {
        return None;
    }
    Some(
        name.replace("__", "__underscores__")
            .replace('.', "__dot__")
            .replace('-', "__dash__")
            .replace('/', "__slash__"),
    )
}

/// As [`escape`]; what cannot be called keeps its name.
pub(super) fn escape_or_same(name: &str) -> Arc<str> {
    escape(name).unwrap_or_else(|| name.to_owned()).into()
}

/// The property that such a name calls.
pub(super) fn unescape(name: &str) -> String {
    if let Some(word) = name.strip_prefix("__").and_then(|n| n.strip_suffix("__"))
        && RESERVED.contains(&word)
    {
        return word.to_owned();
    }
    name.replace("__dot__", ".").replace("__dash__", "-").replace("__slash__", "/").replace("__underscores__", "__")
}
