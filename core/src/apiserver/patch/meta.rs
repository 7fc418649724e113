//! How fields are merged.

use crate::api::kinds::ResourceInfo;
use crate::api::schema::{Field, Type, TypeInfo, schema};

/// What a strategic merge patch does with a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Objects are merged, lists replaced.
    #[default]
    Default,
    /// Lists are merged.
    Merge,
    /// Objects are replaced.
    Replace,
}

/// A field as the merge sees it.
#[derive(Clone, Debug)]
pub struct FieldMeta<S> {
    /// What is done with it.
    pub strategy: Strategy,
    /// Fields that the patch does not name are cleared (unions).
    pub retain_keys: bool,
    /// The key by which items of a list are matched; empty for lists of scalars.
    pub merge_key: String,
    /// The schema of the object, or of the items.
    pub below: S,
}

/// Answers how fields are merged.
pub trait MergeSchema: Clone {
    /// The field of an object; the error says that there is none.
    fn field(&self, name: &str) -> Result<FieldMeta<Self>, String>;
}

/// The schema of a kind at some place in it.
#[derive(Clone, Copy, Debug)]
pub enum KindMeta {
    /// An object type.
    Object(&'static TypeInfo),
    /// A map to such values.
    MapOf(&'static Type),
    /// Something whose inside is unknown: merged as plain JSON.
    Any,
}

impl KindMeta {
    /// The schema of a kind; plain JSON when it has none.
    pub fn of(info: &ResourceInfo) -> Self {
        schema().of(info).map_or(Self::Any, Self::Object)
    }

    fn below(ty: &'static Type) -> Self {
        match ty {
            Type::Object(i) => Self::Object(schema().get(*i)),
            Type::Map(inner) => Self::MapOf(inner),
            Type::List(inner) => Self::below(inner),
            _ => Self::Any,
        }
    }

    fn plain(below: Self) -> FieldMeta<Self> {
        FieldMeta { strategy: Strategy::Default, retain_keys: false, merge_key: String::new(), below }
    }
}

impl MergeSchema for KindMeta {
    fn field(&self, name: &str) -> Result<FieldMeta<Self>, String> {
        match self {
            Self::Any => Ok(Self::plain(Self::Any)),
            Self::MapOf(ty) => Ok(Self::plain(Self::below(ty))),
            Self::Object(info) => {
                let field: &'static Field = info.fields.get(name).ok_or_else(|| {
                    format!("unable to find api field in struct {} for the json field {name:?}", info.short_name())
                })?;
                let said = field.strategy.as_deref().unwrap_or_default();
                Ok(FieldMeta {
                    strategy: match said {
                        s if s.contains("merge") => Strategy::Merge,
                        s if s.contains("replace") => Strategy::Replace,
                        _ => Strategy::Default,
                    },
                    retain_keys: said.contains("retainKeys"),
                    merge_key: field.merge_key.clone().unwrap_or_default(),
                    below: Self::below(&field.ty),
                })
            }
        }
    }
}
