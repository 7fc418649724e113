//! `kubectl create service`: the objects it makes. Models kubectl `pkg/cmd/create/create_service.go`.

use crate::api::names;
use serde_json::{Value, json};

/// The flags of `kubectl create service <type>`.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// metadata.name
    pub name: String,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`
    pub kind: &'static str,
    /// `--tcp` values: `port` or `port:targetPort`.
    pub tcp: Vec<String>,
    /// `--clusterip`
    pub cluster_ip: String,
    /// `--node-port`; 0: none.
    pub node_port: i64,
    /// `--external-name`
    pub external_name: String,
}

/// A port number as kubectl reads it; 0 is allowed for a service's own port.
fn port_number(text: &str) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(n) if (0..=65535).contains(&n) => Ok(n),
        Ok(_) => Err(format!("strconv.ParseUint: parsing {text:?}: value out of range")),
        Err(_) => Err(format!("strconv.ParseUint: parsing {text:?}: invalid syntax")),
    }
}

/// Reads `port[:targetPort]`.
///
/// # Errors
/// No number, out of range, or no valid port name.
pub fn parse_ports(spec: &str) -> Result<(i64, Value), String> {
    let mut parts = spec.split(':');
    let port = port_number(parts.next().unwrap_or_default())?;
    let Some(target) = parts.next() else { return Ok((port, json!(port))) };
    match target.parse::<i64>() {
        Ok(n) => match names::is_valid_port_num(n).as_slice() {
            [] => Ok((port, json!(n))),
            errors => Err(errors.join(",")),
        },
        Err(_) => match names::is_valid_port_name(target).as_slice() {
            [] => Ok((port, json!(target))),
            errors => Err(errors.join(",")),
        },
    }
}

impl Service {
    /// The object as kubectl sends it.
    ///
    /// # Errors
    /// A port that cannot be read, or none where one is needed.
    pub fn build(&self) -> Result<Value, String> {
        if self.tcp.is_empty() && self.cluster_ip != "None" && self.kind != "ExternalName" {
            return Err("at least one tcp port specifier must be provided".into());
        }
        let mut ports = vec![];
        for spec in &self.tcp {
            let (port, target) = parse_ports(spec)?;
            let mut p = json!({"name": spec.replace(':', "-"), "port": port, "targetPort": target, "protocol": "TCP"});
            if self.node_port > 0 {
                p["nodePort"] = self.node_port.into();
            }
            ports.push(p);
        }
        let labels = json!({"app": self.name});
        let mut spec = json!({"type": self.kind, "selector": labels});
        if !ports.is_empty() {
            spec["ports"] = ports.into();
        }
        if !self.cluster_ip.is_empty() {
            spec["clusterIP"] = self.cluster_ip.clone().into();
        }
        if !self.external_name.is_empty() {
            spec["externalName"] = self.external_name.clone().into();
        }
        Ok(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": self.name, "labels": labels},
            "spec": spec, "status": {"loadBalancer": {}},
        }))
    }
}
