//! Pods, and the pod templates of everything that makes pods.

use super::Describer;
use super::text::{Writer, annotations, controller, head, items, labels, n, none, plain, s, time, unset};
use crate::apiserver::printers::{selector, since};
use crate::kubectl::errors::CmdError;
use serde_json::Value;

pub(super) fn pod(o: &Value, d: &mut Describer) -> Result<(), CmdError> {
    let (spec, status) = (&o["spec"], &o["status"]);
    let now = d.now;
    let w = &mut d.w;
    head(w, o);
    if !spec["priority"].is_null() {
        w.pair(0, "Priority", plain(&spec["priority"]));
    }
    for (title, key) in [
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ] {
        if !s(&spec[key]).is_empty() {
            w.pair(0, title, s(&spec[key]));
        }
    }
    match s(&spec["nodeName"]) {
        "" => w.pair(0, "Node", "<none>"),
        node => w.pair(0, "Node", format!("{node}/{}", s(&status["hostIP"]))),
    }
    if !status["startTime"].is_null() {
        w.pair(0, "Start Time", time(&status["startTime"]));
    }
    super::text::meta(w, o);
    let deleted = &o["metadata"]["deletionTimestamp"];
    let phase = s(&status["phase"]);
    if !deleted.is_null() && phase != "Failed" && phase != "Succeeded" {
        w.pair(0, "Status", format!("Terminating (lasts {})", since(deleted, now)));
        w.pair(0, "Termination Grace Period", format!("{}s", n(&o["metadata"]["deletionGracePeriodSeconds"])));
    } else {
        w.pair(0, "Status", phase);
    }
    for (title, key) in [("Reason", "reason"), ("Message", "message")] {
        if !s(&status[key]).is_empty() {
            w.pair(0, title, s(&status[key]));
        }
    }
    seccomp(w, 0, &spec["securityContext"]["seccompProfile"]);
    w.pair(0, "IP", s(&status["podIP"]));
    if items(&status["podIPs"]).is_empty() {
        w.pair(0, "IPs", "<none>");
    } else {
        w.line(0, "IPs:");
        for ip in items(&status["podIPs"]) {
            w.pair(1, "IP", s(&ip["ip"]));
        }
    }
    controller(w, o);
    if !s(&status["nominatedNodeName"]).is_empty() {
        w.pair(0, "NominatedNodeName", s(&status["nominatedNodeName"]));
    }
    if !spec["resources"].is_null() {
        w.line(0, "Resources:");
        resources(w, &spec["resources"], 1);
    }
    if !items(&spec["initContainers"]).is_empty() {
        containers(
            w,
            "Init Containers",
            items(&spec["initContainers"]),
            items(&status["initContainerStatuses"]),
            Some(o),
            "",
        );
    }
    containers(w, "Containers", items(&spec["containers"]), items(&status["containerStatuses"]), Some(o), "");
    if !items(&spec["ephemeralContainers"]).is_empty() {
        let list = items(&spec["ephemeralContainers"]);
        containers(w, "Ephemeral Containers", list, items(&status["ephemeralContainerStatuses"]), Some(o), "");
    }
    let conditions = items(&status["conditions"]);
    if !items(&spec["readinessGates"]).is_empty() {
        w.line(0, "Readiness Gates:\n  Type\tStatus");
        for g in items(&spec["readinessGates"]) {
            let found = conditions.iter().find(|c| c["type"] == g["conditionType"]);
            w.line(1, format!("{} \t{} ", s(&g["conditionType"]), found.map_or("<none>", |c| s(&c["status"]))));
        }
    }
    if !conditions.is_empty() {
        w.line(0, "Conditions:\n  Type\tStatus");
        for c in conditions {
            w.line(1, format!("{} \t{} ", s(&c["type"]), s(&c["status"])));
        }
    }
    volumes(w, items(&spec["volumes"]), "");
    w.pair(0, "QoS Class", s(&status["qosClass"]));
    labels(w, "Node-Selectors", &spec["nodeSelector"]);
    tolerations(w, "Tolerations", items(&spec["tolerations"]));
    spread(w, items(&spec["topologySpreadConstraints"]), "");
    d.events(o);
    Ok(())
}

/// A pod template, below its own heading.
pub(super) fn template(w: &mut Writer, t: &Value) {
    w.line(0, "Pod Template:");
    let spec = &t["spec"];
    labels(w, "  Labels", &t["metadata"]["labels"]);
    if t["metadata"]["annotations"].as_object().is_some_and(|m| !m.is_empty()) {
        annotations(w, "  Annotations", &t["metadata"]["annotations"]);
    }
    if !s(&spec["serviceAccountName"]).is_empty() {
        w.pair(1, "Service Account", s(&spec["serviceAccountName"]));
    }
    if !items(&spec["initContainers"]).is_empty() {
        containers(w, "Init Containers", items(&spec["initContainers"]), &[], None, "  ");
    }
    containers(w, "Containers", items(&spec["containers"]), &[], None, "  ");
    volumes(w, items(&spec["volumes"]), "  ");
    spread(w, items(&spec["topologySpreadConstraints"]), "  ");
    if !s(&spec["priorityClassName"]).is_empty() {
        w.pair(1, "Priority Class Name", s(&spec["priorityClassName"]));
    }
    labels(w, "  Node-Selectors", &spec["nodeSelector"]);
    tolerations(w, "  Tolerations", items(&spec["tolerations"]));
}

/// The pod template as `rollout history --revision` shows it: the same text, its tabs not laid out.
pub fn template_text(t: &Value) -> String {
    let mut w = Writer::default();
    template(&mut w, t);
    w.out
}

fn seccomp(w: &mut Writer, level: usize, profile: &Value) {
    if profile.is_null() {
        return;
    }
    w.pair(level, "SeccompProfile", s(&profile["type"]));
    if profile["type"] == "Localhost" {
        w.pair(level + 1, "LocalhostProfile", s(&profile["localhostProfile"]));
    }
}

fn ports(list: &[Value], key: &str) -> String {
    let show = |p: &Value| match s(&p["name"]) {
        "" => format!("{}/{}", n(&p[key]), s(&p["protocol"])),
        name => format!("{}/{} ({name})", n(&p[key]), s(&p["protocol"])),
    };
    list.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn containers(w: &mut Writer, title: &str, list: &[Value], statuses: &[Value], pod: Option<&Value>, space: &str) {
    w.line(0, format!("{space}{title}:{}", if list.is_empty() { " <none>" } else { "" }));
    for c in list {
        let status = statuses.iter().find(|x| x["name"] == c["name"]);
        let indent = if space.is_empty() { "" } else { " " };
        w.line(1, format!("{indent}{}:", s(&c["name"])));
        if let Some(x) = status {
            w.pair(2, "Container ID", s(&x["containerID"]));
        }
        w.pair(2, "Image", s(&c["image"]));
        if let Some(x) = status {
            w.pair(2, "Image ID", s(&x["imageID"]));
        }
        for (title, key) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
            let text = ports(items(&c["ports"]), key);
            w.pair(2, &format!("{title}{}", if text.contains(',') { "s" } else { "" }), none(&text));
        }
        seccomp(w, 2, &c["securityContext"]["seccompProfile"]);
        for (title, key) in [("Command", "command"), ("Args", "args")] {
            if !items(&c[key]).is_empty() {
                w.line(2, format!("{title}:"));
                for line in items(&c[key]).iter().flat_map(|a| s(a).split('\n')) {
                    w.line(3, line);
                }
            }
        }
        if let Some(x) = status {
            state(w, "State", &x["state"]);
            if !x["lastState"]["terminated"].is_null() {
                state(w, "Last State", &x["lastState"]);
            }
            w.pair(2, "Ready", if x["ready"] == true { "True" } else { "False" });
            w.pair(2, "Restart Count", n(&x["restartCount"]).to_string());
        }
        resources(w, &c["resources"], 2);
        for (title, key) in
            [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
        {
            if !c[key].is_null() {
                w.pair(2, title, probe(&c[key]));
            }
        }
        environment(w, c, pod);
        mounts(w, c);
    }
}

fn state(w: &mut Writer, title: &str, state: &Value) {
    let (running, waiting, ended) = (&state["running"], &state["waiting"], &state["terminated"]);
    if !running.is_null() {
        w.pair(2, title, "Running");
        w.pair(3, "Started", time(&running["startedAt"]));
    } else if !ended.is_null() {
        w.pair(2, title, "Terminated");
        for (title, key) in [("Reason", "reason"), ("Message", "message")] {
            if !s(&ended[key]).is_empty() {
                w.pair(3, title, s(&ended[key]));
            }
        }
        w.pair(3, "Exit Code", n(&ended["exitCode"]).to_string());
        if n(&ended["signal"]) > 0 {
            w.pair(3, "Signal", n(&ended["signal"]).to_string());
        }
        w.pair(3, "Started", time(&ended["startedAt"]));
        w.pair(3, "Finished", time(&ended["finishedAt"]));
    } else {
        w.pair(2, title, "Waiting");
        if !s(&waiting["reason"]).is_empty() {
            w.pair(3, "Reason", s(&waiting["reason"]));
        }
    }
}

/// Limits and requests.
fn resources(w: &mut Writer, r: &Value, level: usize) {
    for (title, key) in [("Limits", "limits"), ("Requests", "requests")] {
        let map = r[key].as_object();
        if map.is_some_and(|m| !m.is_empty()) {
            w.line(level, format!("{title}:"));
        }
        for (k, v) in map.into_iter().flatten() {
            w.pair(level + 1, k, plain(v));
        }
    }
}

/// A probe on one line.
pub(super) fn probe(p: &Value) -> String {
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        n(&p["initialDelaySeconds"]),
        n(&p["timeoutSeconds"]),
        n(&p["periodSeconds"]),
        n(&p["successThreshold"]),
        n(&p["failureThreshold"])
    );
    let (http, tcp, grpc) = (&p["httpGet"], &p["tcpSocket"], &p["grpc"]);
    if !p["exec"].is_null() {
        let command: Vec<&str> = items(&p["exec"]["command"]).iter().map(s).collect();
        format!("exec [{}] {attributes}", command.join(" "))
    } else if !http.is_null() {
        let scheme = s(&http["scheme"]).to_lowercase();
        let path = s(&http["path"]);
        let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
        let port = plain(&http["port"]);
        format!("http-get {scheme}://{}:{port}{slash}{path} {attributes}", s(&http["host"]))
    } else if !tcp.is_null() {
        format!("tcp-socket {}:{} {attributes}", s(&tcp["host"]), plain(&tcp["port"]))
    } else if !grpc.is_null() {
        format!("grpc <pod>:{} {} {attributes}", n(&grpc["port"]), s(&grpc["service"]))
    } else {
        format!("unknown {attributes}")
    }
}

fn optional(v: &Value) -> bool {
    v["optional"] == true
}

/// The value of a downward API field of a pod.
fn field(pod: &Value, path: &str) -> String {
    let (meta, status) = (&pod["metadata"], &pod["status"]);
    let inside = |map: &Value, prefix: &str| {
        path.strip_prefix(prefix).and_then(|k| k.strip_suffix("']")).map(|k| s(&map[k]).to_string())
    };
    match path {
        "metadata.name" => s(&meta["name"]).into(),
        "metadata.namespace" => s(&meta["namespace"]).into(),
        "metadata.uid" => s(&meta["uid"]).into(),
        "spec.nodeName" => s(&pod["spec"]["nodeName"]).into(),
        "spec.serviceAccountName" => s(&pod["spec"]["serviceAccountName"]).into(),
        "status.hostIP" => s(&status["hostIP"]).into(),
        "status.podIP" => s(&status["podIP"]).into(),
        "status.podIPs" => items(&status["podIPs"]).iter().map(|i| s(&i["ip"])).collect::<Vec<_>>().join(","),
        "status.hostIPs" => items(&status["hostIPs"]).iter().map(|i| s(&i["ip"])).collect::<Vec<_>>().join(","),
        _ => inside(&meta["labels"], "metadata.labels['")
            .or_else(|| inside(&meta["annotations"], "metadata.annotations['"))
            .unwrap_or_default(),
    }
}

fn environment(w: &mut Writer, c: &Value, pod: Option<&Value>) {
    if !items(&c["envFrom"]).is_empty() {
        w.line(2, "Environment Variables from:");
        for e in items(&c["envFrom"]) {
            let (kind, r) =
                if e["secretRef"].is_null() { ("ConfigMap", &e["configMapRef"]) } else { ("Secret", &e["secretRef"]) };
            let prefix = match s(&e["prefix"]) {
                "" => String::new(),
                p => format!(" with prefix '{p}'"),
            };
            w.line(3, format!("{}\t{kind}{prefix}\tOptional: {}", s(&r["name"]), optional(r)));
        }
    }
    let env = items(&c["env"]);
    w.line(2, format!("Environment:{}", if env.is_empty() { "\t<none>" } else { "" }));
    for e in env {
        let (name, from) = (s(&e["name"]), &e["valueFrom"]);
        let (f, r, sec, cm) =
            (&from["fieldRef"], &from["resourceFieldRef"], &from["secretKeyRef"], &from["configMapKeyRef"]);
        if from.is_null() {
            for (i, line) in s(&e["value"]).split('\n').enumerate() {
                w.line(3, if i == 0 { format!("{name}:\t{line}") } else { format!("\t{line}") });
            }
        } else if !f.is_null() {
            let value = pod.map(|p| field(p, s(&f["fieldPath"]))).unwrap_or_default();
            w.line(3, format!("{name}:\t{value} ({}:{})", s(&f["apiVersion"]), s(&f["fieldPath"])));
        } else if !r.is_null() {
            w.line(3, format!("{name}:\t{} ({})", resource_value(c, r), s(&r["resource"])));
        } else if !sec.is_null() {
            let (key, object, o) = (s(&sec["key"]), s(&sec["name"]), optional(sec));
            w.line(3, format!("{name}:\t<set to the key '{key}' in secret '{object}'>\tOptional: {o}"));
        } else if !cm.is_null() {
            let (key, object, o) = (s(&cm["key"]), s(&cm["name"]), optional(cm));
            w.line(3, format!("{name}:\t<set to the key '{key}' of config map '{object}'>\tOptional: {o}"));
        }
    }
}

/// The value of a resource field of a container, in units of its divisor, rounded up.
fn resource_value(c: &Value, r: &Value) -> String {
    use crate::api::quantity::Quantity;
    let resource = s(&r["resource"]);
    let (list, name) = resource.split_once('.').unwrap_or(("", resource));
    let amount = plain(&c["resources"][list][name]);
    let divisor = match plain(&r["divisor"]).as_str() {
        "" | "0" => "1".to_string(),
        d => d.to_string(),
    };
    let (Ok(amount), Ok(divisor)) = (Quantity::parse(&amount), Quantity::parse(&divisor)) else {
        return if list == "limits" { "node allocatable".into() } else { "0".into() };
    };
    format!("{}", (amount.as_f64() / divisor.as_f64()).ceil() as i64)
}

fn mounts(w: &mut Writer, c: &Value) {
    let mut list: Vec<&Value> = items(&c["volumeMounts"]).iter().collect();
    list.sort_by_key(|m| s(&m["mountPath"]).to_string());
    w.line(2, format!("Mounts:{}", if list.is_empty() { "\t<none>" } else { "" }));
    for m in list {
        let mut flags = vec![if m["readOnly"] == true { "ro".to_string() } else { "rw".to_string() }];
        if !s(&m["subPath"]).is_empty() {
            flags.push(format!("path={:?}", s(&m["subPath"])));
        }
        w.line(3, format!("{} from {} ({})", s(&m["mountPath"]), s(&m["name"]), flags.join(",")));
    }
    let devices = items(&c["volumeDevices"]);
    if !devices.is_empty() {
        w.line(2, "Devices:");
        for v in devices {
            w.line(3, format!("{} from {}", s(&v["devicePath"]), s(&v["name"])));
        }
    }
}

fn volumes(w: &mut Writer, list: &[Value], space: &str) {
    if list.is_empty() {
        w.line(0, format!("{space}Volumes:\t<none>"));
        return;
    }
    w.line(0, format!("{space}Volumes:"));
    for v in list {
        w.line(1, format!("{}{}:", if space.is_empty() { "" } else { " " }, s(&v["name"])));
        volume_source(w, v);
    }
}

/// Type and particulars of a volume's source, of pods and persistent volumes alike.
pub(super) fn volume_source(w: &mut Writer, v: &Value) {
    let mut show = |kind: &str, pairs: &[(&str, String)]| {
        w.pair(2, "Type", kind);
        for (k, v) in pairs {
            w.pair(2, k, v);
        }
    };
    let flag = |v: &Value| (v == true).to_string();
    if let Some(h) = set(&v["hostPath"]) {
        let kind = h["type"].as_str().unwrap_or("<none>").to_string();
        show("HostPath (bare host directory volume)", &[("Path", plain(&h["path"])), ("HostPathType", kind)]);
    } else if let Some(e) = set(&v["emptyDir"]) {
        let limit = if e["sizeLimit"].is_null() { "<unset>".into() } else { plain(&e["sizeLimit"]) };
        show(
            "EmptyDir (a temporary directory that shares a pod's lifetime)",
            &[("Medium", plain(&e["medium"])), ("SizeLimit", limit)],
        );
    } else if let Some(x) = set(&v["secret"]) {
        let pairs = [("SecretName", plain(&x["secretName"])), ("Optional", flag(&x["optional"]))];
        show("Secret (a volume populated by a Secret)", &pairs);
    } else if let Some(c) = set(&v["configMap"]) {
        let pairs = [("Name", plain(&c["name"])), ("Optional", flag(&c["optional"]))];
        show("ConfigMap (a volume populated by a ConfigMap)", &pairs);
    } else if let Some(p) = set(&v["persistentVolumeClaim"]) {
        show(
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
            &[("ClaimName", plain(&p["claimName"])), ("ReadOnly", flag(&p["readOnly"]))],
        );
    } else if let Some(p) = set(&v["nfs"]) {
        show(
            "NFS (an NFS mount that lasts the lifetime of a pod)",
            &[("Server", plain(&p["server"])), ("Path", plain(&p["path"])), ("ReadOnly", flag(&p["readOnly"]))],
        );
    } else if let Some(p) = set(&v["local"]) {
        show("LocalVolume (a persistent volume backed by local storage on a node)", &[("Path", plain(&p["path"]))]);
    } else if let Some(c) = set(&v["csi"]) {
        let mut pairs = vec![("Driver", plain(&c["driver"]))];
        if !c["volumeHandle"].is_null() {
            pairs.push(("FSType", plain(&c["fsType"])));
            pairs.push(("VolumeHandle", plain(&c["volumeHandle"])));
        }
        pairs.push(("ReadOnly", flag(&c["readOnly"])));
        show("CSI (a Container Storage Interface (CSI) volume source)", &pairs);
    } else if let Some(p) = set(&v["projected"]) {
        let mut pairs = vec![];
        for source in items(&p["sources"]) {
            if let Some(x) = set(&source["secret"]) {
                pairs.push(("SecretName", plain(&x["name"])));
                pairs.push(("Optional", flag(&x["optional"])));
            } else if !source["downwardAPI"].is_null() {
                pairs.push(("DownwardAPI", "true".into()));
            } else if let Some(x) = set(&source["configMap"]) {
                pairs.push(("ConfigMapName", plain(&x["name"])));
                pairs.push(("Optional", flag(&x["optional"])));
            } else if let Some(x) = set(&source["serviceAccountToken"]) {
                pairs.push(("TokenExpirationSeconds", unset(&x["expirationSeconds"])));
            }
        }
        show("Projected (a volume that contains injected data from multiple sources)", &pairs);
    } else if let Some(x) = set(&v["downwardAPI"]) {
        show("DownwardAPI (a volume populated by information about the pod)", &[]);
        w.line(2, "Items:");
        for i in items(&x["items"]) {
            let what =
                if i["fieldRef"].is_null() { &i["resourceFieldRef"]["resource"] } else { &i["fieldRef"]["fieldPath"] };
            w.line(3, format!("{} -> {}", s(what), s(&i["path"])));
        }
    } else if let Some(x) = set(&v["ephemeral"]) {
        let spec = &x["volumeClaimTemplate"]["spec"];
        let modes = crate::apiserver::printers::access_modes(&spec["accessModes"]);
        show(
            "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
            &[
                ("StorageClass", plain(&spec["storageClassName"])),
                ("Volume", plain(&spec["volumeName"])),
                ("Capacity", plain(&spec["resources"]["requests"]["storage"])),
                ("Access Modes", modes),
                ("VolumeMode", plain(&spec["volumeMode"])),
            ],
        );
    } else {
        w.line(1, "<unknown>");
    }
}

fn set(v: &Value) -> Option<&Value> {
    (!v.is_null()).then_some(v)
}

fn tolerations(w: &mut Writer, title: &str, list: &[Value]) {
    w.raw(0, format!("{title}:\t"));
    if list.is_empty() {
        w.line(0, "<none>");
        return;
    }
    let mut list: Vec<&Value> = list.iter().collect();
    list.sort_by_key(|t| s(&t["key"]).to_string());
    for (i, t) in list.into_iter().enumerate() {
        if i > 0 {
            w.raw(0, "\t");
        }
        let mut text = s(&t["key"]).to_string();
        if !s(&t["value"]).is_empty() {
            text += &format!("={}", s(&t["value"]));
        }
        if !s(&t["effect"]).is_empty() {
            text += &format!(":{}", s(&t["effect"]));
        }
        if t["operator"] == "Exists" && s(&t["value"]).is_empty() {
            text += if text.is_empty() { "op=Exists" } else { " op=Exists" };
        }
        if !t["tolerationSeconds"].is_null() {
            text += &format!(" for {}s", n(&t["tolerationSeconds"]));
        }
        w.line(0, text);
    }
}

fn spread(w: &mut Writer, list: &[Value], space: &str) {
    if list.is_empty() {
        return;
    }
    w.raw(0, format!("{space}Topology Spread Constraints:\t"));
    let mut list: Vec<&Value> = list.iter().collect();
    list.sort_by_key(|c| s(&c["topologyKey"]).to_string());
    for (i, c) in list.into_iter().enumerate() {
        if i > 0 {
            w.raw(0, format!("{space}\t"));
        }
        let mut text = format!(
            "{}:{} when max skew {} is exceeded",
            s(&c["topologyKey"]),
            s(&c["whenUnsatisfiable"]),
            n(&c["maxSkew"])
        );
        if !c["labelSelector"].is_null() {
            text += &format!(" for selector {}", selector(&c["labelSelector"]));
        }
        w.line(0, text);
    }
}
