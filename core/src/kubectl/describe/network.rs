//! Services and what leads to them.

use super::Describer;
use super::text::{annotations, head, items, labels, meta, n, none, plain, s, unset};
use crate::apiserver::printers;
use crate::kubectl::errors::CmdError;
use serde_json::Value;

type Done = Result<(), CmdError>;

fn join(v: &Value, separator: &str) -> String {
    items(v).iter().map(s).collect::<Vec<_>>().join(separator)
}

pub(super) fn service(o: &Value, d: &mut Describer) -> Done {
    let (spec, m) = (&o["spec"], &o["metadata"]);
    let chosen = format!("kubernetes.io/service-name={}", s(&m["name"]));
    let slices = d.list("endpointslices.discovery.k8s.io", s(&m["namespace"]), &chosen, "");
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    w.pair(0, "Selector", printers::labels(&spec["selector"]));
    w.pair(0, "Type", s(&spec["type"]));
    if !spec["ipFamilyPolicy"].is_null() {
        w.pair(0, "IP Family Policy", s(&spec["ipFamilyPolicy"]));
    }
    w.pair(0, "IP Families", none(&join(&spec["ipFamilies"], ",")));
    w.pair(0, "IP", s(&spec["clusterIP"]));
    w.pair(0, "IPs", none(&join(&spec["clusterIPs"], ",")));
    if !items(&spec["externalIPs"]).is_empty() {
        w.pair(0, "External IPs", join(&spec["externalIPs"], ","));
    }
    if !s(&spec["loadBalancerIP"]).is_empty() {
        w.pair(0, "Desired LoadBalancer IP", s(&spec["loadBalancerIP"]));
    }
    if !s(&spec["externalName"]).is_empty() {
        w.pair(0, "External Name", s(&spec["externalName"]));
    }
    let ingress = items(&o["status"]["loadBalancer"]["ingress"]);
    if !ingress.is_empty() {
        let show = |i: &Value| match (s(&i["ip"]), s(&i["ipMode"])) {
            ("", _) => s(&i["hostname"]).to_string(),
            (ip, "") => ip.to_string(),
            (ip, mode) => format!("{ip} ({mode})"),
        };
        w.pair(0, "LoadBalancer Ingress", ingress.iter().map(show).collect::<Vec<_>>().join(", "));
    }
    for p in items(&spec["ports"]) {
        let name = if s(&p["name"]).is_empty() { "<unset>" } else { s(&p["name"]) };
        let protocol = s(&p["protocol"]);
        w.pair(0, "Port", format!("{name}\t{}/{protocol}", n(&p["port"])));
        w.pair(0, "TargetPort", format!("{}/{protocol}", plain(&p["targetPort"])));
        if !s(&p["appProtocol"]).is_empty() {
            w.pair(0, "AppProtocol", s(&p["appProtocol"]));
        }
        if n(&p["nodePort"]) != 0 {
            w.pair(0, "NodePort", format!("{name}\t{}/{protocol}", n(&p["nodePort"])));
        }
        w.pair(0, "Endpoints", endpoints_of(&slices, Some(s(&p["name"]))));
    }
    w.pair(0, "Session Affinity", s(&spec["sessionAffinity"]));
    for (title, key) in
        [("External Traffic Policy", "externalTrafficPolicy"), ("Internal Traffic Policy", "internalTrafficPolicy")]
    {
        if !s(&spec[key]).is_empty() {
            w.pair(0, title, s(&spec[key]));
        }
    }
    if n(&spec["healthCheckNodePort"]) != 0 {
        w.pair(0, "HealthCheck NodePort", plain(&spec["healthCheckNodePort"]));
    }
    if !items(&spec["loadBalancerSourceRanges"]).is_empty() {
        w.pair(0, "LoadBalancer Source Ranges", join(&spec["loadBalancerSourceRanges"], ","));
    }
    if !s(&spec["trafficDistribution"]).is_empty() {
        w.pair(0, "Traffic Distribution", s(&spec["trafficDistribution"]));
    }
    d.events(o);
    Ok(())
}

/// The ready endpoints behind a port (all ports for `None`), the first three of them.
fn endpoints_of(slices: &[Value], port: Option<&str>) -> String {
    const SHOWN: usize = 3;
    if slices.is_empty() {
        return "<none>".into();
    }
    let mut list = vec![];
    for slice in slices {
        let ready = items(&slice["endpoints"])
            .iter()
            .filter(|e| e["conditions"]["ready"] != false)
            .map(|e| s(&e["addresses"][0]));
        if items(&slice["ports"]).is_empty() {
            list.extend(ready.map(str::to_string));
            continue;
        }
        for p in items(&slice["ports"]).iter().filter(|p| port.is_none_or(|name| s(&p["name"]) == name)) {
            list.extend(ready.clone().map(|a| match a.contains(':') {
                true => format!("[{a}]:{}", n(&p["port"])),
                false => format!("{a}:{}", n(&p["port"])),
            }));
        }
    }
    if list.len() > SHOWN {
        return format!("{} + {} more...", list[..SHOWN].join(","), list.len() - SHOWN);
    }
    list.join(",")
}

pub(super) fn endpoints(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    w.line(0, "Subsets:");
    for subset in items(&o["subsets"]) {
        let addresses = |key: &str| items(&subset[key]).iter().map(|a| s(&a["ip"])).collect::<Vec<_>>().join(",");
        w.pair(1, "Addresses", none(&addresses("addresses")));
        w.pair(1, "NotReadyAddresses", none(&addresses("notReadyAddresses")));
        if !items(&subset["ports"]).is_empty() {
            w.line(1, "Ports:");
            w.line(2, "Name\tPort\tProtocol");
            w.line(2, "----\t----\t--------");
            for p in items(&subset["ports"]) {
                let name = if s(&p["name"]).is_empty() { "<unset>" } else { s(&p["name"]) };
                w.line(2, format!("{name}\t{}\t{}", n(&p["port"]), s(&p["protocol"])));
            }
        }
        w.line(0, "");
    }
    d.events(o);
    Ok(())
}

pub(super) fn endpoint_slice(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    w.pair(0, "AddressType", s(&o["addressType"]));
    if items(&o["ports"]).is_empty() {
        w.line(0, "Ports: <unset>");
    } else {
        w.line(0, "Ports:");
        w.line(1, "Name\tPort\tProtocol");
        w.line(1, "----\t----\t--------");
        for p in items(&o["ports"]) {
            let name = if s(&p["name"]).is_empty() { "<unset>" } else { s(&p["name"]) };
            w.line(1, format!("{name}\t{}\t{}", unset(&p["port"]), s(&p["protocol"])));
        }
    }
    if items(&o["endpoints"]).is_empty() {
        w.line(0, "Endpoints: <none>");
    } else {
        w.line(0, "Endpoints:");
        for e in items(&o["endpoints"]) {
            w.pair(1, "- Addresses", none(&join(&e["addresses"], ", ")));
            w.line(2, "Conditions:");
            w.pair(3, "Ready", unset(&e["conditions"]["ready"]));
            w.pair(2, "Hostname", unset(&e["hostname"]));
            if !e["targetRef"].is_null() {
                w.pair(2, "TargetRef", format!("{}/{}", s(&e["targetRef"]["kind"]), s(&e["targetRef"]["name"])));
            }
            w.pair(2, "NodeName", unset(&e["nodeName"]));
            w.pair(2, "Zone", unset(&e["zone"]));
        }
    }
    d.events(o);
    Ok(())
}

/// A backend of an Ingress: `web:80 (10.0.0.1:80)`.
fn backend(b: &Value, ns: &str, d: &mut Describer) -> String {
    let service = &b["service"];
    if service.is_null() {
        let r = &b["resource"];
        return format!("APIGroup: {}, Kind: {}, Name: {}", plain(&r["apiGroup"]), s(&r["kind"]), s(&r["name"]));
    }
    let name = s(&service["name"]);
    let port = if service["port"]["name"].is_null() {
        plain(&service["port"]["number"])
    } else {
        plain(&service["port"]["name"])
    };
    let found = match d.get("services", ns, name) {
        None => format!("<error: services {name:?} not found>"),
        Some(svc) => {
            let slices =
                d.list("endpointslices.discovery.k8s.io", ns, &format!("kubernetes.io/service-name={name}"), "");
            let named = items(&svc["spec"]["ports"])
                .iter()
                .find(|p| s(&p["name"]) == port || plain(&p["port"]) == port)
                .map(|p| s(&p["name"]).to_string());
            match (named, slices.is_empty()) {
                (_, true) | (None, _) => String::new(),
                (Some(p), _) => endpoints_of(&slices, Some(&p)),
            }
        }
    };
    format!("{name}:{port} ({found})")
}

pub(super) fn ingress(o: &Value, d: &mut Describer) -> Done {
    let spec = &o["spec"];
    let ns = s(&o["metadata"]["namespace"]).to_string();
    let w = &mut d.w;
    w.pair(0, "Name", s(&o["metadata"]["name"]));
    labels(w, "Labels", &o["metadata"]["labels"]);
    w.pair(0, "Namespace", &ns);
    let addresses: Vec<&str> = items(&o["status"]["loadBalancer"]["ingress"])
        .iter()
        .map(|i| if s(&i["ip"]).is_empty() { s(&i["hostname"]) } else { s(&i["ip"]) })
        .collect();
    w.pair(0, "Address", addresses.join(","));
    w.pair(0, "Ingress Class", none(s(&spec["ingressClassName"])));
    let default =
        if spec["defaultBackend"].is_null() { "<default>".into() } else { backend(&spec["defaultBackend"], &ns, d) };
    d.w.pair(0, "Default backend", default);
    if !items(&spec["tls"]).is_empty() {
        d.w.line(0, "TLS:");
        for t in items(&spec["tls"]) {
            let hosts = join(&t["hosts"], ",");
            if s(&t["secretName"]).is_empty() {
                d.w.line(1, format!("SNI routes {hosts}"));
            } else {
                d.w.line(1, format!("{} terminates {hosts}", s(&t["secretName"])));
            }
        }
    }
    d.w.line(0, "Rules:\n  Host\tPath\tBackends");
    d.w.line(1, "----\t----\t--------");
    let rules = items(&spec["rules"]);
    let mut shown = 0;
    for r in rules {
        if r["http"].is_null() {
            continue;
        }
        shown += 1;
        d.w.line(1, format!("{}\t", if s(&r["host"]).is_empty() { "*" } else { s(&r["host"]) }));
        for p in items(&r["http"]["paths"]) {
            let b = backend(&p["backend"], &ns, d);
            d.w.line(2, format!("\t{} \t{b}", s(&p["path"])));
        }
    }
    if shown == 0 {
        let b = if spec["defaultBackend"].is_null() {
            "<default>".into()
        } else {
            backend(&spec["defaultBackend"], &ns, d)
        };
        d.w.line(1, format!("*\t* \t{b}"));
    }
    annotations(&mut d.w, "Annotations", &o["metadata"]["annotations"]);
    d.events(o);
    Ok(())
}

pub(super) fn ingress_class(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    w.pair(0, "Name", s(&o["metadata"]["name"]));
    meta(w, o);
    w.pair(0, "Controller", s(&o["spec"]["controller"]));
    let p = &o["spec"]["parameters"];
    if !p.is_null() {
        w.line(0, "Parameters:");
        for (title, key) in [("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")] {
            if !p[key].is_null() {
                w.pair(1, title, s(&p[key]));
            }
        }
    }
    d.events(o);
    Ok(())
}

pub(super) fn network_policy(o: &Value, d: &mut Describer) -> Done {
    let spec = &o["spec"];
    let w = &mut d.w;
    head(w, o);
    let created = s(&o["metadata"]["creationTimestamp"]).replace('T', " ").replace('Z', " +0000 UTC");
    w.pair(0, "Created on", created);
    meta(w, o);
    w.line(0, "Spec:");
    let chosen = printers::selector(&spec["podSelector"]);
    let all = if chosen == "<none>" { " (Allowing the specific traffic to all pods in this namespace)" } else { "" };
    w.line(1, format!("PodSelector: {chosen}{all}"));
    let types: Vec<&str> = items(&spec["policyTypes"]).iter().map(s).collect();
    for (kind, word, rules, peers, preposition) in
        [("Ingress", "ingress", &spec["ingress"], "from", "From"), ("Egress", "egress", &spec["egress"], "to", "To")]
    {
        if !types.contains(&kind) {
            w.line(1, format!("Not affecting {word} traffic"));
            continue;
        }
        w.line(1, format!("Allowing {word} traffic:"));
        if items(rules).is_empty() {
            w.line(2, format!("<none> (Selected pods are isolated for {word} connectivity)"));
        }
        for (i, rule) in items(rules).iter().enumerate() {
            if i > 0 {
                w.line(2, "----------");
            }
            if items(&rule["ports"]).is_empty() {
                w.line(2, "To Port: <any> (traffic allowed to all ports)");
            }
            for p in items(&rule["ports"]) {
                let port = if p["port"].is_null() { "<any>".into() } else { plain(&p["port"]) };
                let protocol = if s(&p["protocol"]).is_empty() { "TCP" } else { s(&p["protocol"]) };
                match p["endPort"].as_i64() {
                    Some(end) => w.line(2, format!("To Port Range: {port}-{end}/{protocol}")),
                    None => w.line(2, format!("To Port: {port}/{protocol}")),
                }
            }
            if items(&rule[peers]).is_empty() {
                w.line(
                    2,
                    format!(
                        "{preposition}: <any> (traffic not restricted by {})",
                        if peers == "from" { "source" } else { "destination" }
                    ),
                );
            }
            for peer in items(&rule[peers]) {
                w.line(2, format!("{preposition}:"));
                if !peer["namespaceSelector"].is_null() {
                    w.line(3, format!("NamespaceSelector: {}", printers::selector(&peer["namespaceSelector"])));
                }
                if !peer["podSelector"].is_null() {
                    w.line(3, format!("PodSelector: {}", printers::selector(&peer["podSelector"])));
                }
                let block = &peer["ipBlock"];
                if !block.is_null() {
                    w.line(3, "IPBlock:");
                    w.line(4, format!("CIDR: {}", s(&block["cidr"])));
                    w.line(4, format!("Except: {}", join(&block["except"], ", ")));
                }
            }
        }
    }
    w.line(1, format!("Policy Types: {}", types.join(", ")));
    Ok(())
}
