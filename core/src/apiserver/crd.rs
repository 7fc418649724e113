//! Custom resources.

use crate::api::kinds::ResourceInfo;
use crate::api::schema::Decoded;
use crate::sim::Sim;
use crate::store::Kind;
use serde_json::Value;

/// What a CustomResourceDefinition says.
#[derive(Clone, Debug)]
pub struct Definition;

impl Definition {
    /// Judges an object.
    pub fn decode(&self, _info: &ResourceInfo, value: Value) -> Decoded {
        Decoded { value, unknown: vec![] }
    }
}

impl Sim {
    pub(super) fn custom_resource(&self, _g: &str, _v: &str, _p: &str) -> Option<(&'static ResourceInfo, Kind)> {
        None
    }
    /// The resources of CustomResourceDefinitions.
    pub fn custom_resources(&self) -> Vec<&'static ResourceInfo> {
        vec![]
    }
    pub(super) fn custom_schema(&self, _info: &ResourceInfo) -> Option<Value> {
        None
    }
    pub(super) fn definition(&self, _kind: Kind) -> Option<&Definition> {
        None
    }
}
