//! Until the parts land.
use crate::api::error::Status;
use crate::api::kinds::ResourceInfo;
use serde_json::Value;
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
