//! `kubectl create deployment`: the object it makes. Models kubectl `pkg/cmd/create/create_deployment.go`.

use crate::kubectl::cmd::change;
use serde_json::{Value, json};

/// The flags of `kubectl create deployment`.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// metadata.name
    pub name: String,
    /// One container an image.
    pub images: Vec<String>,
    /// The first container's port.
    pub port: Option<i64>,
    /// spec.replicas
    pub replicas: i64,
    /// The first container's command.
    pub command: Vec<String>,
}

/// The name kubectl gives the container of an image: its last path part, without tag and digest.
pub fn container_name(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let bare = last.split([':', '@']).next().unwrap_or(last);
    if !bare.contains(['_', '.']) {
        return bare.into();
    }
    format!("{}-{}", bare.replace(['_', '.'], "-"), change::suffix(image))
}

impl Deployment {
    /// The object as kubectl sends it.
    pub fn build(&self) -> Value {
        let mut containers: Vec<Value> = self
            .images
            .iter()
            .map(|image| json!({"name": container_name(image), "image": image, "resources": {}}))
            .collect();
        if let Some(first) = containers.first_mut() {
            if let Some(port) = self.port.filter(|p| *p >= 0) {
                first["ports"] = json!([{"containerPort": port}]);
            }
            if !self.command.is_empty() {
                first["command"] = json!(self.command);
            }
        }
        let labels = json!({"app": self.name});
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": self.name, "labels": labels},
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": labels},
                "strategy": {},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            },
            "status": {},
        })
    }
}
