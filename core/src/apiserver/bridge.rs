//! Until the parts land.
use crate::api::error::{FieldError, Status};
use crate::api::kinds::ResourceInfo;
use serde_json::Value;
/// x
pub struct Strategy {
    /// x
    pub default: fn(&mut Value),
    /// x
    pub validate: fn(&Value) -> Vec<FieldError>,
    /// x
    pub validate_update: fn(&Value, &Value) -> Vec<FieldError>,
    /// x
    pub prepare_for_create: fn(&mut Value),
    /// x
    pub prepare_for_update: fn(&mut Value, &Value),
}
static S: Strategy = Strategy {
    default: |_| {},
    validate: |_| vec![],
    validate_update: |_, _| vec![],
    prepare_for_create: |_| {},
    prepare_for_update: |_, _| {},
};
/// x
pub fn strategy(_: &str) -> Option<&'static Strategy> {
    Some(&S)
}
/// x
pub struct Decoded {
    /// x
    pub value: Value,
    /// x
    pub unknown: Vec<String>,
}
/// x
pub fn decode(_: &ResourceInfo, v: Value) -> Result<Decoded, String> {
    Ok(Decoded { value: v, unknown: vec![] })
}
/// x
pub fn strict_error(_: &ResourceInfo, _: &[String]) -> String {
    String::new()
}
/// x
pub fn json_patch(_: &Value, _: &Value) -> Result<Value, Status> {
    Err(Status::method_not_allowed())
}
/// x
pub fn merge_patch(old: &Value, p: &Value) -> Value {
    let mut v = old.clone();
    json_patch::merge(&mut v, p);
    v
}
/// x
pub fn strategic_merge(_: &ResourceInfo, old: &Value, p: &Value) -> Result<Value, Status> {
    Ok(merge_patch(old, p))
}
/// x
pub fn admit_pod(_: &mut Value, _: &str) {}
/// x
pub fn admit_namespace(_: &mut Value) {}
