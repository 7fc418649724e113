//! Rows of services and what leads to them.

use super::{Column, Printer, UnixSeconds, age, c, int, items, labels, name, or, selector, text, w};
use serde_json::Value;

pub(super) static PRINTERS: &[Printer] = &[
    Printer { group: "", kind: "Service", columns: SERVICE, row: service },
    Printer { group: "", kind: "Endpoints", columns: ENDPOINTS, row: endpoints },
    Printer { group: "discovery.k8s.io", kind: "EndpointSlice", columns: SLICE, row: endpoint_slice },
    Printer { group: "networking.k8s.io", kind: "Ingress", columns: INGRESS, row: ingress },
    Printer { group: "networking.k8s.io", kind: "IngressClass", columns: CLASS, row: ingress_class },
    Printer { group: "networking.k8s.io", kind: "NetworkPolicy", columns: POLICY, row: network_policy },
    Printer { group: "networking.k8s.io", kind: "ServiceCIDR", columns: CIDR, row: service_cidr },
    Printer { group: "networking.k8s.io", kind: "IPAddress", columns: ADDRESS, row: ip_address },
];

/// Longest external address without `-o wide`.
const ADDRESS_WIDTH: usize = 16;

static SERVICE: &[Column] =
    &[c("NAME"), c("TYPE"), c("CLUSTER-IP"), c("EXTERNAL-IP"), c("PORT(S)"), c("AGE"), w("SELECTOR")];
static ENDPOINTS: &[Column] = &[c("NAME"), c("ENDPOINTS"), c("AGE")];
static SLICE: &[Column] = &[c("NAME"), c("ADDRESSTYPE"), c("PORTS"), c("ENDPOINTS"), c("AGE")];
static INGRESS: &[Column] = &[c("NAME"), c("CLASS"), c("HOSTS"), c("ADDRESS"), c("PORTS"), c("AGE")];
static CLASS: &[Column] = &[c("NAME"), c("CONTROLLER"), c("PARAMETERS"), c("AGE")];
static POLICY: &[Column] = &[c("NAME"), c("POD-SELECTOR"), c("AGE")];
static CIDR: &[Column] = &[c("NAME"), c("CIDRS"), c("AGE")];
static ADDRESS: &[Column] = &[c("NAME"), c("PARENTREF")];

/// Addresses a load balancer gave, each once, sorted.
pub(crate) fn load_balancer(o: &Value, wide: bool) -> String {
    let mut list: Vec<String> = vec![];
    for i in items(&o["status"]["loadBalancer"]["ingress"]) {
        let ip = text(&i["ip"]);
        list.push(if ip.is_empty() { text(&i["hostname"]) } else { ip });
    }
    list.retain(|a| !a.is_empty());
    list.sort();
    list.dedup();
    let list = list.join(",");
    if wide || list.len() <= ADDRESS_WIDTH {
        return list;
    }
    format!("{}...", list.chars().take(ADDRESS_WIDTH - 3).collect::<String>())
}

pub(super) fn external_ip(o: &Value, wide: bool) -> String {
    let spec = &o["spec"];
    let external = items(&spec["externalIPs"]).iter().map(text).collect::<Vec<_>>().join(",");
    let none = |t: String| if t.is_empty() { "<none>".to_string() } else { t };
    match spec["type"].as_str().unwrap_or_default() {
        "ClusterIP" | "NodePort" => none(external),
        "LoadBalancer" => {
            let list = load_balancer(o, wide);
            match (list.is_empty(), external.is_empty()) {
                (true, true) => "<pending>".into(),
                (true, false) => external,
                (false, true) => list,
                (false, false) => format!("{list},{external}"),
            }
        }
        "ExternalName" => text(&spec["externalName"]),
        _ => "<unknown>".into(),
    }
}

/// The PORT(S) column of a service.
pub fn ports(v: &Value) -> String {
    let list: Vec<String> = items(v)
        .iter()
        .map(|p| {
            let (port, node, protocol) = (int(&p["port"]), int(&p["nodePort"]), text(&p["protocol"]));
            if node > 0 { format!("{port}:{node}/{protocol}") } else { format!("{port}/{protocol}") }
        })
        .collect();
    if list.is_empty() { "<none>".into() } else { list.join(",") }
}

fn service(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let spec = &o["spec"];
    let ip = text(&spec["clusterIPs"][0]);
    let ip = if ip.is_empty() { text(&spec["clusterIP"]) } else { ip };
    vec![
        name(o),
        text(&spec["type"]).into(),
        or(ip, "<none>"),
        external_ip(o, true).into(),
        ports(&spec["ports"]).into(),
        age(o, now),
        labels(&spec["selector"]).into(),
    ]
}

/// Ready addresses with ports, the first three of them. (Models formatEndpoints.)
pub(crate) fn endpoint_list(o: &Value) -> String {
    let mut list = vec![];
    let mut more = 0;
    const MAX: usize = 3;
    let mut add = |t: String| if list.len() < MAX { list.push(t) } else { more += 1 };
    for subset in items(&o["subsets"]) {
        let (addresses, ports) = (items(&subset["addresses"]), items(&subset["ports"]));
        if ports.is_empty() {
            for a in addresses {
                add(text(&a["ip"]));
            }
        }
        for port in ports {
            for a in addresses {
                let ip = text(&a["ip"]);
                let ip = if ip.contains(':') { format!("[{ip}]") } else { ip };
                add(format!("{ip}:{}", int(&port["port"])));
            }
        }
    }
    match (list.is_empty(), more) {
        (true, _) => "<none>".into(),
        (_, 0) => list.join(","),
        (_, n) => format!("{} + {n} more...", list.join(",")),
    }
}

fn endpoints(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), endpoint_list(o).into(), age(o, now)]
}

/// The first three of a list, and how many more there are.
fn first_three(list: &[String], empty: &str) -> String {
    match list.len() {
        0 => empty.into(),
        n if n > 3 => format!("{} + {} more...", list[..3].join(","), n - 3),
        _ => list.join(","),
    }
}

fn endpoint_slice(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let ports: Vec<String> = items(&o["ports"])
        .iter()
        .map(|p| match (p["port"].as_i64(), text(&p["name"])) {
            (Some(n), _) => n.to_string(),
            (None, name) if !name.is_empty() => name,
            _ => "*".into(),
        })
        .collect();
    let addresses: Vec<String> = items(&o["endpoints"]).iter().flat_map(|e| items(&e["addresses"])).map(text).collect();
    vec![
        name(o),
        text(&o["addressType"]).into(),
        first_three(&ports, "<unset>").into(),
        first_three(&addresses, "<unset>").into(),
        age(o, now),
    ]
}

fn ingress(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let spec = &o["spec"];
    let mut hosts: Vec<String> =
        items(&spec["rules"]).iter().map(|r| text(&r["host"])).filter(|h| !h.is_empty()).collect();
    let more = hosts.len().saturating_sub(3);
    hosts.truncate(3);
    let hosts = match (hosts.is_empty(), more) {
        (true, _) => "*".into(),
        (_, 0) => hosts.join(","),
        (_, n) => format!("{} + {n} more...", hosts.join(",")),
    };
    let ports = if items(&spec["tls"]).is_empty() { "80" } else { "80, 443" };
    vec![
        name(o),
        or(text(&spec["ingressClassName"]), "<none>"),
        hosts.into(),
        load_balancer(o, true).into(),
        ports.into(),
        age(o, now),
    ]
}

fn ingress_class(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let p = &o["spec"]["parameters"];
    let parameters = if p.is_null() {
        "<none>".to_string()
    } else {
        let group = text(&p["apiGroup"]);
        let group = if group.is_empty() { String::new() } else { format!(".{group}") };
        format!("{}{group}/{}", text(&p["kind"]), text(&p["name"]))
    };
    let default = o["metadata"]["annotations"]["ingressclass.kubernetes.io/is-default-class"] == "true";
    let shown = if default { format!("{} (default)", text(&o["metadata"]["name"])).into() } else { name(o) };
    vec![shown, text(&o["spec"]["controller"]).into(), parameters.into(), age(o, now)]
}

fn network_policy(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), selector(&o["spec"]["podSelector"]).into(), age(o, now)]
}

fn service_cidr(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let cidrs = items(&o["spec"]["cidrs"]).iter().map(text).collect::<Vec<_>>().join(",");
    vec![name(o), cidrs.into(), age(o, now)]
}

fn ip_address(o: &Value, _now: UnixSeconds) -> Vec<Value> {
    let p = &o["spec"]["parentRef"];
    let parts: Vec<String> =
        ["group", "resource", "namespace", "name"].iter().map(|k| text(&p[k])).filter(|t| !t.is_empty()).collect();
    vec![name(o), or(parts.join("/"), "<none>")]
}
