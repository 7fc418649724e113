//! Until the parts land.
use crate::api::error::Status;
use crate::api::kinds::ResourceInfo;
use serde_json::Value;
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
