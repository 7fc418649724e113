//! What `kubectl explain` and an editor want to know of a place in an object.

use super::{Field, Schema, Type, TypeInfo};

/// What is found at a path.
#[derive(Clone, Debug)]
pub struct Explained<'a> {
    /// The last field of the path; none for the kind itself.
    pub field: Option<&'a Field>,
    /// The type whose fields stand below, looking through lists and maps.
    pub object: Option<&'a TypeInfo>,
}

/// Looks a path of field names up; the error names the first one that is not there.
pub fn explain<'a>(schema: &'a Schema, root: &'a TypeInfo, path: &[&str]) -> Result<Explained<'a>, String> {
    let mut found = Explained { field: None, object: Some(root) };
    for name in path {
        let Some(field) = found.object.and_then(|o| o.fields.get(*name)) else {
            return Err(format!("field {name:?} does not exist"));
        };
        found = Explained { field: Some(field), object: schema.object_in(&field.ty) };
    }
    Ok(found)
}

impl Field {
    /// What it means, in words.
    pub fn description(&self) -> &'static str {
        self.meaning.words()
    }
}

impl TypeInfo {
    /// What it is, in words.
    pub fn description(&self) -> &'static str {
        self.meaning.words()
    }
}

impl Schema {
    /// A type as `kubectl explain` prints it: `string`, `[]ContainerPort`, `map[string]string`, `IntOrString`.
    pub fn printed_type(&self, ty: &Type) -> String {
        match ty {
            Type::String | Type::Time | Type::MicroTime | Type::Bytes => "string".into(),
            Type::Bool => "boolean".into(),
            Type::Int32 | Type::Int64 => "integer".into(),
            Type::Float => "number".into(),
            Type::Quantity => "Quantity".into(),
            Type::IntOrString => "IntOrString".into(),
            Type::Json => "Object".into(),
            Type::List(inner) => format!("[]{}", self.printed_type(inner)),
            Type::Map(inner) => format!("map[string]{}", self.printed_type(inner)),
            Type::Object(i) => self.get(*i).short_name().to_owned(),
        }
    }

    /// The fields below a path like `spec.containers[0]`, for completion; empty when the path leads nowhere.
    pub fn children<'a>(&'a self, root: &'a TypeInfo, path: &str) -> Vec<&'a Field> {
        let names: Vec<&str> =
            path.split('.').map(|p| p.split('[').next().unwrap_or_default()).filter(|p| !p.is_empty()).collect();
        match explain(self, root, &names) {
            Ok(Explained { object: Some(o), .. }) => o.fields.values().collect(),
            _ => vec![],
        }
    }
}
