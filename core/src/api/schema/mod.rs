//! The schema of every kind: what fields there are, of which types, how they are encoded and merged, and what they mean.
//!
//! The data is `core/assets/schema.deflate`, made from k8s-openapi by `schema-gen` of the tests; it is unpacked on first
//! use and never changes. What fields mean stands apart, in `schema-text.deflate` ([`Meaning`]): it is most of the bytes,
//! and the page brings it later. [`decode`] judges objects by it. Knows no defaults and no validation.
//!
//! Form of the asset: `{"kinds": {"apps/v1/Deployment": TYPE}, "types": {TYPE: {"f": {FIELD: [type, flags, {more}]},
//! "o": names of fields in Go's order}}}`. Types are letters (`s`tring, `b`ool, `i`nt32, int64 `l`, `d`ouble, `q`uantity,
//! `t`ime, micro time `u`, int or string `x`, b`y`tes, any `j`SON), `[` list, `{` map, `@` a type. Flags: `r`equired,
//! `p`ointer, `a`lways encoded, `z`: left out when zero. More: `g` Go type, `s` patch strategy, `k` merge key, `l` list
//! type, `m` its keys, `e` enumeration, `v` default.

mod decode;
mod explain;
mod load;
mod meaning;
mod order;

pub use decode::{
    Decoded, Failure, base64_error, complete, decode, decode_metadata, judge, judge_unstructured, strict_error,
};
pub use explain::{Explained, explain};
pub use load::schema;
pub use meaning::{Meaning, examples, has_meanings, provide_meanings};
pub use order::{in_order, type_of};

use super::kinds::ResourceInfo;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// `true` or `false`.
    Bool,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// Any number.
    Float,
    /// A resource quantity.
    Quantity,
    /// RFC 3339 in seconds.
    Time,
    /// RFC 3339 in microseconds.
    MicroTime,
    /// A number or a text.
    IntOrString,
    /// Bytes in base64.
    Bytes,
    /// Anything.
    Json,
    /// A list.
    List(Box<Type>),
    /// A map with text keys.
    Map(Box<Type>),
    /// An object: index into [`Schema::types`].
    Object(usize),
}

/// How a list is merged by server-side apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListType {
    /// As a whole.
    Atomic,
    /// By value.
    Set,
    /// By these keys.
    Map(Vec<String>),
}

/// One field of a type.
#[derive(Clone, Debug)]
pub struct Field {
    /// Name in JSON.
    pub name: String,
    /// What it holds.
    pub ty: Type,
    /// Must be given.
    pub required: bool,
    /// A pointer in Go: zero values are kept apart from unset.
    pub pointer: bool,
    /// Encoded even when it is zero.
    pub always: bool,
    /// An object that is left out when it is zero.
    pub omit_zero: bool,
    /// What it means.
    pub meaning: Meaning,
    /// Its type in Go, as errors name it.
    pub go_type: String,
    /// `merge`, `replace`, `retainKeys` or `merge+retainKeys`: strategic merge patch.
    pub strategy: Option<String>,
    /// The key by which a strategic merge patch matches the items of this list.
    pub merge_key: Option<String>,
    /// How server-side apply merges this list.
    pub list_type: Option<ListType>,
    /// The values it may have, if they are a closed set.
    pub values: Vec<String>,
    /// The default that the type declares.
    pub default: Option<Value>,
}

/// An object type.
#[derive(Clone, Debug)]
pub struct TypeInfo {
    /// `core.v1.PodSpec`
    pub name: String,
    /// What it is.
    pub meaning: Meaning,
    /// Its fields by name.
    pub fields: BTreeMap<String, Field>,
    /// The names of its fields in the order Go's encoder writes them.
    pub order: Vec<String>,
}

impl TypeInfo {
    /// `PodSpec`
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }
    /// `v1.PodSpec`, as Go prints the type.
    pub fn go_type(&self) -> &str {
        self.name.split_once('.').map_or(&self.name, |p| p.1)
    }
}

/// All types.
#[derive(Debug, Default)]
pub struct Schema {
    types: Vec<TypeInfo>,
    kinds: BTreeMap<String, usize>,
    names: BTreeMap<String, usize>,
}

impl Schema {
    /// A type by its index.
    pub fn get(&self, index: usize) -> &TypeInfo {
        &self.types[index]
    }

    /// A type by its name, as `meta.v1.ObjectMeta`.
    pub fn by_name(&self, name: &str) -> Option<&TypeInfo> {
        self.names.get(name).map(|i| &self.types[*i])
    }

    /// The type of a kind; `api_version` as `apps/v1` or `v1`.
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<&TypeInfo> {
        self.kinds.get(&format!("{api_version}/{kind}")).map(|i| &self.types[*i])
    }

    /// The type of a resource.
    pub fn of(&self, info: &ResourceInfo) -> Option<&TypeInfo> {
        self.kind(&info.api_version(), info.kind)
    }

    /// The object type behind lists and maps of it.
    pub fn object_in<'a>(&'a self, ty: &Type) -> Option<&'a TypeInfo> {
        match ty {
            Type::Object(i) => Some(&self.types[*i]),
            Type::List(inner) | Type::Map(inner) => self.object_in(inner),
            _ => None,
        }
    }

    /// The field at a path of names (`spec`, `containers`, `ports`); lists and maps of objects are looked through.
    pub fn field_at<'a>(&'a self, root: &'a TypeInfo, path: &[&str]) -> Option<&'a Field> {
        let (last, parents) = path.split_last()?;
        let mut at = root;
        for name in parents {
            at = self.object_in(&at.fields.get(*name)?.ty)?;
        }
        at.fields.get(*last)
    }
}

#[cfg(test)]
mod tests;
