//! The health of the control plane's parts, as a kind of its own that nobody should use any more. Models
//! pkg/registry/core/componentstatus. Invariant: nothing of it is stored.

use super::request::{Method, Request};
use super::server::Answer;
use crate::api::error::Status;
use crate::sim::Sim;
use crate::sim::plane::Part;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/componentstatuses";
/// The parts, and where their health is asked for; none: it answers whenever the API server does.
const PARTS: [(&str, Option<u16>); 3] =
    [("scheduler", Some(10259)), ("controller-manager", Some(10257)), ("etcd-0", None)];

/// What is said to who asks.
pub(super) fn warning(r: &Request) -> Option<String> {
    let asks = r.method == Method::Get
        && r.path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    asks.then(|| "v1 ComponentStatus is deprecated in v1.19+".into())
}

impl Sim {
    /// All parts.
    pub(super) fn component_statuses(&self) -> Value {
        let items: Vec<Value> = PARTS.iter().map(|p| self.component(p)).collect();
        json!({"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": items})
    }

    /// One of them.
    pub(super) fn component_status(&self, name: &str) -> Answer {
        let part = PARTS.iter().find(|p| p.0 == name);
        let part = part.ok_or_else(|| Status::new(404, "NotFound", format!("Component not found: {name}")))?;
        let mut one = self.component(part);
        (one["kind"], one["apiVersion"]) = ("ComponentStatus".into(), "v1".into());
        Ok((200, one))
    }

    fn component(&self, (name, port): &(&str, Option<u16>)) -> Value {
        let down = match *name {
            "scheduler" => self.plane.is_stopped(Part::Scheduler),
            "controller-manager" => self.plane.is_stopped(Part::ControllerManager),
            _ => false,
        };
        let condition = match port.filter(|_| down) {
            None => json!({"type": "Healthy", "status": "True", "message": "ok"}),
            Some(port) => json!({"type": "Healthy", "status": "False", "message": format!(
                "Get \"https://127.0.0.1:{port}/healthz\": dial tcp 127.0.0.1:{port}: connect: connection refused"
            )}),
        };
        json!({"metadata": {"name": name}, "conditions": [condition]})
    }
}
