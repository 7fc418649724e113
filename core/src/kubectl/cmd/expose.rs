//! `kubectl expose`: a Service for the pods behind an object.
//!
//! The first half is pure. Models kubectl `pkg/cmd/expose` and `pkg/polymorphichelpers`.

use super::change::{self, RECORD, SAVE_CONFIG};
use crate::api::labels;
use crate::apiserver::request::Method;
use crate::kubectl::Context;
use crate::kubectl::builder::Builder;
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The labels a Service for an object selects its pods by.
///
/// # Errors
/// The object has none, or they cannot be written as a map.
pub fn selector_of(object: &Value) -> Result<BTreeMap<String, String>, String> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let map = |v: &Value| crate::api::names::string_map(v);
    match kind {
        "ReplicationController" => Ok(map(&object["spec"]["selector"])),
        "Pod" => match map(&object["metadata"]["labels"]) {
            m if m.is_empty() => Err("the pod has no labels and cannot be exposed".into()),
            m => Ok(m),
        },
        "Service" => match map(&object["spec"]["selector"]) {
            m if m.is_empty() => Err("the service has no pod selector set".into()),
            m => Ok(m),
        },
        "Deployment" | "ReplicaSet" => {
            let selector = &object["spec"]["selector"];
            if let Some(e) = selector["matchExpressions"].as_array().filter(|e| !e.is_empty()) {
                let text: Vec<String> = e
                    .iter()
                    .map(|r| {
                        let values = r["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
                        let values: Vec<&str> = values.collect();
                        let s = |k: &str| r[k].as_str().unwrap_or_default();
                        format!("{{{} {} [{}]}}", s("key"), s("operator"), values.join(" "))
                    })
                    .collect();
                return Err(format!(
                    "couldn't convert expressions - \"[{}]\" to map-based selector format",
                    text.join(" ")
                ));
            }
            match map(&selector["matchLabels"]) {
                m if m.is_empty() => {
                    Err(format!("invalid {}: no selectors, therefore cannot be exposed", kind.to_lowercase()))
                }
                m => Ok(m),
            }
        }
        _ => Err(format!("cannot extract pod selector from {kind}")),
    }
}

/// The ports of an object's containers (or of a Service) and their protocols, in order.
pub fn ports_of(object: &Value) -> Vec<(i64, String)> {
    let spec = match object["kind"].as_str().unwrap_or_default() {
        "Service" => {
            let ports = object["spec"]["ports"].as_array().into_iter().flatten();
            return ports.filter_map(|p| Some((p["port"].as_i64()?, protocol(p)))).collect();
        }
        "Pod" => &object["spec"],
        _ => &object["spec"]["template"]["spec"],
    };
    let containers = spec["containers"].as_array().into_iter().flatten();
    containers
        .flat_map(|c| c["ports"].as_array().into_iter().flatten())
        .filter_map(|p| Some((p["containerPort"].as_i64()?, protocol(p))))
        .collect()
}

fn protocol(port: &Value) -> String {
    port["protocol"].as_str().filter(|p| !p.is_empty()).unwrap_or("TCP").into()
}

/// The flags of `kubectl expose`; empty texts were not given.
#[derive(Clone, Debug, Default)]
pub struct Expose {
    /// `--name`
    pub name: String,
    /// `--port`
    pub port: String,
    /// `--target-port`
    pub target_port: String,
    /// `--protocol`
    pub protocol: String,
    /// `--type`
    pub kind: String,
    /// `--selector`
    pub selector: String,
    /// `--labels`
    pub labels: String,
    /// `--cluster-ip`
    pub cluster_ip: String,
    /// `--external-ip`
    pub external_ip: String,
    /// `--load-balancer-ip`
    pub load_balancer_ip: String,
    /// `--session-affinity`
    pub session_affinity: String,
}

impl Expose {
    /// The Service for `object`.
    ///
    /// # Errors
    /// The object cannot be exposed, or a port is missing or no number.
    pub fn service(&self, object: &Value) -> Result<Value, String> {
        let selector = if self.selector.is_empty() {
            selector_of(object)
                .map_err(|e| format!("couldn't retrieve selectors via --selector flag or introspection: {e}"))?
        } else {
            labels::selector_to_map(&self.selector)?
        };
        let own = ports_of(object);
        let wanted: Vec<String> = if self.port.is_empty() {
            own.iter().map(|(p, _)| p.to_string()).collect()
        } else {
            self.port.split(',').map(Into::into).collect()
        };
        if wanted.is_empty() && self.cluster_ip != "None" {
            return Err("couldn't find port via --port flag or introspection".into());
        }
        let mut ports = vec![];
        for (i, text) in wanted.iter().enumerate() {
            let number: i64 = text.parse().map_err(|_| format!("strconv.Atoi: parsing {text:?}: invalid syntax"))?;
            let found = own.iter().find(|(p, _)| *p == number).map(|(_, protocol)| protocol.clone());
            let protocol = if self.protocol.is_empty() { found.unwrap_or("TCP".into()) } else { self.protocol.clone() };
            let target = match self.target_port.parse::<i64>() {
                _ if self.target_port.is_empty() => json!(number),
                Ok(n) => json!(n),
                Err(_) => json!(self.target_port),
            };
            let mut port = json!({"port": number, "protocol": protocol, "targetPort": target});
            if wanted.len() > 1 {
                port["name"] = format!("port-{}", i + 1).into();
            }
            ports.push(port);
        }
        let name = if self.name.is_empty() {
            object["metadata"]["name"].as_str().unwrap_or_default().chars().take(63).collect()
        } else {
            self.name.clone()
        };
        let mut metadata = json!({"name": name});
        let labels = if self.labels.is_empty() {
            object["metadata"]["labels"].clone()
        } else {
            json!(labels::selector_to_map(&self.labels)?)
        };
        if labels.as_object().is_some_and(|l| !l.is_empty()) {
            metadata["labels"] = labels;
        }
        let mut spec = json!({"selector": selector});
        if !ports.is_empty() {
            spec["ports"] = ports.into();
        }
        if !self.kind.is_empty() {
            spec["type"] = self.kind.clone().into();
        }
        if !self.external_ip.is_empty() {
            spec["externalIPs"] = json!([self.external_ip]);
        }
        if self.kind == "LoadBalancer" && !self.load_balancer_ip.is_empty() {
            spec["loadBalancerIP"] = self.load_balancer_ip.clone().into();
        }
        match self.session_affinity.as_str() {
            "" => {}
            "None" | "ClientIP" => spec["sessionAffinity"] = self.session_affinity.clone().into(),
            other => return Err(format!("unknown session affinity: {other}")),
        }
        if !self.cluster_ip.is_empty() {
            spec["clusterIP"] = self.cluster_ip.clone().into();
        }
        Ok(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {}},
        }))
    }
}

/// Kinds that can be exposed.
pub fn can_expose(kind: &str) -> bool {
    matches!(kind, "ReplicationController" | "Service" | "Pod" | "Deployment" | "ReplicaSet")
}

static FLAGS: &[Flag] = &[
    Flag::str("port", "The port that the service should serve on."),
    Flag::str("target-port", "Name or number for the port on the container that the service should direct traffic to."),
    Flag::str("protocol", "The network protocol for the service to be created. Default is 'TCP'."),
    Flag::str("type", "Type for this service: ClusterIP, NodePort, LoadBalancer, or ExternalName."),
    Flag::str("load-balancer-ip", "IP to assign to the LoadBalancer."),
    Flag::str(
        "selector",
        "A label selector to use for this service. Only equality-based selector requirements are supported.",
    ),
    Flag::str("labels", "Labels to apply to the service created by this call.").short('l'),
    Flag::str("external-ip", "Additional external IP address (not managed by Kubernetes) to accept for the service."),
    Flag::str("name", "The name for the newly created object."),
    Flag::str(
        "session-affinity",
        "If non-empty, set the session affinity for the service to this; legal values: 'None', 'ClientIP'.",
    ),
    Flag::str(
        "cluster-ip",
        "ClusterIP to be assigned to the service. Leave empty to auto-allocate, or set to 'None' to create a headless service.",
    ),
    Flag::str("overrides", "An inline JSON override for the generated object."),
    Flag::str("override-type", "The method used to override the generated object: json, merge, or strategic.")
        .default("merge"),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "expose",
    "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service.",
    "(-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] [--name=name] [--external-ip=external-ip-of-service] [--type=type]",
    &[FLAGS, RECORD, SAVE_CONFIG, flags::PRINT, flags::FILENAME, flags::DRY_RUN, flags::FIELD_MANAGER],
    run,
);

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    let text = |n: &str| inv.str(n).to_string();
    let expose = Expose {
        name: text("name"),
        port: text("port"),
        target_port: text("target-port"),
        protocol: text("protocol"),
        kind: text("type"),
        selector: text("selector"),
        labels: text("labels"),
        cluster_ip: text("cluster-ip"),
        external_ip: text("external-ip"),
        load_balancer_ip: text("load-balancer-ip"),
        session_affinity: text("session-affinity"),
    };
    let infos = Builder::new(inv).typed().no_selector().args(&inv.args).latest().infos(ctx)?;
    change::each(infos, ctx, |info, ctx| {
        if !can_expose(info.mapping.kind) {
            return Err(CmdError::client(format!("cannot expose a {}", info.mapping.group_kind())));
        }
        let mut service = expose.service(&info.object).map_err(CmdError::Client)?;
        if inv.changed("overrides") {
            service = super::run::overridden(service, inv)?;
        }
        change::record(inv, &mut service);
        if inv.namespace_given || dry != DryRun::Client {
            service["metadata"]["namespace"] = info.namespace.clone().into();
        }
        if dry != DryRun::Client {
            if inv.bool("save-config") {
                super::apply::annotate(&mut service);
            }
            let path = format!("/api/v1/namespaces/{}/services", info.namespace);
            service = ctx.call(change::request(Method::Post, path, inv, dry, "kubectl-expose").body(service))?;
        }
        change::print_typed(inv, &service, "exposed", dry, ctx)
    })
}
