//! Objects of kinds that CustomResourceDefinitions made, as JSON: their schema is known to the API server only. Built-in
//! kinds that nothing acts on are kept so as well.

use crate::api::kinds::{RESOURCES, ResourceInfo};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

/// A kind that a CustomResourceDefinition made. Two are the same if group and plural are, whatever else a definition has
/// come to say. The row it points to lives as long as the program: a few hundred bytes for each time that a definition
/// was written, so that kinds stay as small and as easily copied as the built-in ones.
#[derive(Clone, Copy, Debug)]
pub struct Custom(&'static Row);

#[derive(Debug)]
struct Row {
    info: &'static ResourceInfo,
    api_version: String,
}

impl Custom {
    /// The kind of a definition; `info` in the version that is stored.
    pub fn new(info: &'static ResourceInfo) -> Custom {
        Custom(Box::leak(Box::new(Row { info, api_version: info.api_version() })))
    }

    /// Built-in kinds that are only stored, and those of admission: their objects are kept like those of definitions.
    pub fn built_in() -> impl Iterator<Item = Custom> {
        static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
        let rows = ROWS.get_or_init(|| {
            let stored = RESOURCES.iter().filter(|i| i.is_kept_as_json());
            stored.map(|info| Row { info, api_version: info.api_version() }).collect()
        });
        rows.iter().map(Custom)
    }

    /// Its row, as the built-in ones have theirs in the table of kinds.
    pub const fn info(self) -> &'static ResourceInfo {
        self.0.info
    }

    /// `apiVersion` (of what is stored) and `kind`.
    pub const fn names(self) -> (&'static str, &'static str) {
        (self.0.api_version.as_str(), self.0.info.kind)
    }

    fn identity(self) -> (&'static str, &'static str) {
        (self.0.info.group, self.0.info.plural)
    }
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Custom {}

impl PartialOrd for Custom {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Custom {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for Custom {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomObject {
    /// Its kind.
    pub kind: Custom,
    /// Its metadata, which is in the value too.
    pub meta: ObjectMeta,
    /// The object in the version that is stored.
    pub value: Value,
}

impl CustomObject {
    /// Reads one; the error says what is wrong with its metadata.
    pub fn read(kind: Custom, value: &Value) -> Result<CustomObject, serde_json::Error> {
        let meta = super::read(&value["metadata"])?;
        let mut value = value.clone();
        value["metadata"] = serde_json::to_value(&meta)?;
        let (api_version, name) = kind.names();
        value["apiVersion"] = api_version.into();
        value["kind"] = name.into();
        Ok(CustomObject { kind, meta, value })
    }
}
