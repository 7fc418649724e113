//! Pod security standards: what a namespace's labels `pod-security.kubernetes.io/…` refuse or warn of. (Models
//! k8s.io/pod-security-admission, at the newest version of each check.)

use crate::api::error::FieldError;
use crate::apiserver::registry::util::{items, text};
use serde_json::Value;
use std::collections::BTreeSet;

/// A level of the standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Anything goes.
    Privileged,
    /// Nothing that is known to lead out of the pod.
    Baseline,
    /// Hardened.
    Restricted,
}

impl Level {
    /// As the label says it.
    pub fn parse(text: &str) -> Option<Level> {
        match text {
            "privileged" => Some(Level::Privileged),
            "baseline" => Some(Level::Baseline),
            "restricted" => Some(Level::Restricted),
            _ => None,
        }
    }

    /// As the label says it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        }
    }
}

/// The start of the labels.
pub const PREFIX: &str = "pod-security.kubernetes.io/";

/// What a namespace asks for in one mode (`enforce`, `warn`, `audit`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The level.
    pub level: Level,
    /// `latest` or `v1.30`.
    pub version: String,
}

impl Policy {
    /// The policy of a mode, from a namespace's labels. A level that does not exist is taken for the strictest.
    pub fn of<'a>(mode: &str, label: impl Fn(&str) -> Option<&'a str>) -> Policy {
        let level = match label(&format!("{PREFIX}{mode}")) {
            None => Level::Privileged,
            Some(l) => Level::parse(l).unwrap_or(Level::Restricted),
        };
        let version = label(&format!("{PREFIX}{mode}-version")).unwrap_or("latest").to_owned();
        Policy { level, version }
    }

    /// `restricted:latest`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.level.name(), self.version)
    }
}

/// Labels of a namespace that say no level or version.
pub fn label_errors(labels: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    for mode in ["enforce", "audit", "warn"] {
        let key = format!("{PREFIX}{mode}");
        if let Some(level) = labels[&key].as_str().filter(|l| Level::parse(l).is_none()) {
            let why = "must be one of privileged, baseline, restricted";
            errors.push(FieldError::invalid(format!("metadata.labels[{key}]"), level, why));
        }
        let key = format!("{key}-version");
        let minor =
            |v: &str| v.strip_prefix("v1.").is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()));
        if let Some(version) = labels[&key].as_str().filter(|v| *v != "latest" && !minor(v)) {
            let why = "must be \"latest\" or \"v1.x\"";
            errors.push(FieldError::invalid(format!("metadata.labels[{key}]"), version, why));
        }
    }
    errors
}

/// A rule that a pod breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule in short.
    pub reason: String,
    /// Who breaks it, and how; may be empty.
    pub detail: String,
}

/// The violations in one text: `reason (detail), …`.
pub fn describe(violations: &[Violation]) -> String {
    let parts: Vec<String> = violations
        .iter()
        .map(|v| if v.detail.is_empty() { v.reason.clone() } else { format!("{} ({})", v.reason, v.detail) })
        .collect();
    parts.join(", ")
}

/// The reasons alone.
pub fn reasons(violations: &[Violation]) -> String {
    violations.iter().map(|v| v.reason.as_str()).collect::<Vec<_>>().join(", ")
}

/// What a pod (metadata and spec) breaks at a level.
pub fn violations(meta: &Value, spec: &Value, level: Level) -> Vec<Violation> {
    if level == Level::Privileged {
        return vec![];
    }
    let pod = Pod { meta, spec, containers: containers(spec) };
    let restricted = level == Level::Restricted;
    let windows = text(&spec["os"], "name") == "windows";
    let baseline: [fn(&Pod) -> Option<Violation>; 12] = [
        app_armor,
        capabilities,
        host_namespaces,
        host_path,
        host_ports,
        host_probes,
        privileged,
        proc_mount,
        selinux,
        |p| seccomp(p, false),
        sysctls,
        host_process,
    ];
    let mut found: Vec<Violation> = vec![];
    for (i, check) in baseline.iter().enumerate() {
        // replaced by stricter ones below
        if restricted && matches!(i, 1 | 3 | 9) {
            continue;
        }
        found.extend(check(&pod));
    }
    if restricted {
        if !windows {
            found.extend(escalation(&pod));
            found.extend(capabilities_dropped(&pod));
        }
        found.extend(volume_types(&pod));
        found.extend(non_root(&pod));
        found.extend(root_user(&pod));
        if !windows {
            found.extend(seccomp(&pod, true));
        }
    }
    found
}

struct Pod<'a> {
    meta: &'a Value,
    spec: &'a Value,
    containers: Vec<&'a Value>,
}

impl Pod<'_> {
    /// Names of the containers that break a rule, in the order in which they are looked at.
    fn names(&self, breaks: impl Fn(&Value) -> bool) -> Vec<String> {
        self.containers.iter().filter(|c| breaks(c)).map(|c| text(c, "name").to_owned()).collect()
    }
}

/// Init containers, containers and ephemeral ones.
fn containers(spec: &Value) -> Vec<&Value> {
    ["initContainers", "containers", "ephemeralContainers"].iter().flat_map(|list| items(spec, list)).collect()
}

fn quoted(list: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    list.into_iter().map(|s| format!("{:?}", s.as_ref())).collect::<Vec<_>>().join(", ")
}

fn which(one: &str, many: &str, n: usize) -> String {
    if n == 1 { one.to_owned() } else { many.to_owned() }
}

/// `container "a"`, `containers "a", "b"`.
fn who(names: &[String]) -> String {
    format!("{} {}", which("container", "containers", names.len()), quoted(names))
}

fn broken(reason: impl Into<String>, detail: impl Into<String>) -> Option<Violation> {
    Some(Violation { reason: reason.into(), detail: detail.into() })
}

/// `pod`, `container "a"` or both.
fn setters(pod: bool, names: &[String]) -> Option<String> {
    let mut list = vec![];
    if pod {
        list.push("pod".to_owned());
    }
    if !names.is_empty() {
        list.push(who(names));
    }
    (!list.is_empty()).then(|| list.join(" and "))
}

fn security(c: &Value) -> &Value {
    &c["securityContext"]
}

fn escalation(p: &Pod) -> Option<Violation> {
    let names = p.names(|c| security(c)["allowPrivilegeEscalation"] != false);
    if names.is_empty() {
        return None;
    }
    let detail = format!("{} must set securityContext.allowPrivilegeEscalation=false", who(&names));
    broken("allowPrivilegeEscalation != false", detail)
}

fn app_armor(p: &Pod) -> Option<Violation> {
    let forbidden = |s: &Value| {
        let t = text(&s["appArmorProfile"], "type");
        (!["", "RuntimeDefault", "Localhost"].contains(&t)).then(|| format!("type={t:?}"))
    };
    let mut bad: BTreeSet<String> = BTreeSet::new();
    bad.extend(forbidden(security(p.spec)));
    bad.extend(p.containers.iter().filter_map(|c| forbidden(security(c))));
    for (k, v) in p.meta["annotations"].as_object().into_iter().flatten() {
        let profile = v.as_str().unwrap_or_default();
        let fine = profile.is_empty() || profile == "runtime/default" || profile.starts_with("localhost/");
        if k.starts_with("container.apparmor.security.beta.kubernetes.io/") && !fine {
            bad.insert(format!("{k}={profile:?}"));
        }
    }
    if bad.is_empty() {
        return None;
    }
    let reason = which("forbidden AppArmor profile", "forbidden AppArmor profiles", bad.len());
    broken(reason, bad.into_iter().collect::<Vec<_>>().join(", "))
}

const USUAL: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Containers that add capabilities outside of `allowed`, and these.
fn added(p: &Pod, allowed: &[&str]) -> (Vec<String>, BTreeSet<String>) {
    let mut all = BTreeSet::new();
    let mut names = vec![];
    for c in &p.containers {
        let bad: Vec<&str> = items(&security(c)["capabilities"], "add")
            .iter()
            .filter_map(Value::as_str)
            .filter(|a| !allowed.contains(a))
            .collect();
        if !bad.is_empty() {
            names.push(text(c, "name").to_owned());
            all.extend(bad.into_iter().map(str::to_owned));
        }
    }
    (names, all)
}

fn capabilities(p: &Pod) -> Option<Violation> {
    let (names, bad) = added(p, &USUAL);
    if names.is_empty() {
        return None;
    }
    let detail = format!("{} must not include {} in securityContext.capabilities.add", who(&names), quoted(&bad));
    broken("non-default capabilities", detail)
}

fn capabilities_dropped(p: &Pod) -> Option<Violation> {
    let keep = p.names(|c| !items(&security(c)["capabilities"], "drop").iter().any(|d| d == "ALL"));
    let (names, bad) = added(p, &["NET_BIND_SERVICE"]);
    let mut details = vec![];
    if !keep.is_empty() {
        details.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", who(&keep)));
    }
    if !names.is_empty() {
        let text = format!("{} must not include {} in securityContext.capabilities.add", who(&names), quoted(&bad));
        details.push(text);
    }
    if details.is_empty() { None } else { broken("unrestricted capabilities", details.join("; ")) }
}

fn host_namespaces(p: &Pod) -> Option<Violation> {
    let set: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .into_iter()
        .filter(|k| p.spec[*k] == true)
        .map(|k| format!("{k}=true"))
        .collect();
    if set.is_empty() { None } else { broken("host namespaces", set.join(", ")) }
}

fn host_path(p: &Pod) -> Option<Violation> {
    let names: Vec<&str> =
        items(p.spec, "volumes").iter().filter(|v| !v["hostPath"].is_null()).map(|v| text(v, "name")).collect();
    if names.is_empty() {
        return None;
    }
    broken("hostPath volumes", format!("{} {}", which("volume", "volumes", names.len()), quoted(names)))
}

fn host_ports(p: &Pod) -> Option<Violation> {
    let mut ports = BTreeSet::new();
    let mut names = vec![];
    for c in &p.containers {
        let bad: Vec<i64> =
            items(c, "ports").iter().filter_map(|x| x["hostPort"].as_i64()).filter(|n| *n != 0).collect();
        if !bad.is_empty() {
            names.push(text(c, "name").to_owned());
            ports.extend(bad.iter().map(ToString::to_string));
        }
    }
    if names.is_empty() {
        return None;
    }
    let noun = which("hostPort", "hostPorts", ports.len());
    let uses = which("uses", "use", names.len());
    let list = ports.into_iter().collect::<Vec<_>>().join(", ");
    broken(noun.clone(), format!("{} {uses} {noun} {list}", who(&names)))
}

fn host_probes(p: &Pod) -> Option<Violation> {
    let mut hosts = BTreeSet::new();
    let mut names = BTreeSet::new();
    for c in &p.containers {
        let life = &c["lifecycle"];
        for h in [&c["livenessProbe"], &c["readinessProbe"], &c["startupProbe"], &life["postStart"], &life["preStop"]] {
            for host in [text(&h["httpGet"], "host"), text(&h["tcpSocket"], "host")] {
                if !host.is_empty() {
                    hosts.insert(host);
                    names.insert(text(c, "name").to_owned());
                }
            }
        }
    }
    if hosts.is_empty() {
        return None;
    }
    let names: Vec<String> = names.into_iter().collect();
    let uses = which("uses", "use", names.len());
    let noun = which("probe or lifecycle host", "probe or lifecycle hosts", hosts.len());
    broken("probe or lifecycle host", format!("{} {uses} {noun} {}", who(&names), quoted(hosts)))
}

fn privileged(p: &Pod) -> Option<Violation> {
    let names = p.names(|c| security(c)["privileged"] == true);
    if names.is_empty() {
        return None;
    }
    broken("privileged", format!("{} must not set securityContext.privileged=true", who(&names)))
}

fn proc_mount(p: &Pod) -> Option<Violation> {
    if p.spec["hostUsers"] == false {
        return None;
    }
    let other = |c: &Value| !["", "Default"].contains(&text(security(c), "procMount"));
    let names = p.names(other);
    if names.is_empty() {
        return None;
    }
    let values: BTreeSet<&str> =
        p.containers.iter().filter(|c| other(c)).map(|c| text(security(c), "procMount")).collect();
    broken("procMount", format!("{} must not set securityContext.procMount to {}", who(&names), quoted(values)))
}

const VOLUMES: [&str; 9] = [
    "configMap",
    "downwardAPI",
    "emptyDir",
    "projected",
    "secret",
    "csi",
    "persistentVolumeClaim",
    "ephemeral",
    "image",
];

fn volume_types(p: &Pod) -> Option<Violation> {
    let mut types = BTreeSet::new();
    let mut names = vec![];
    for v in items(p.spec, "volumes") {
        let bad = v
            .as_object()
            .into_iter()
            .flatten()
            .find(|(k, x)| *k != "name" && !x.is_null() && !VOLUMES.contains(&k.as_str()));
        if let Some((k, _)) = bad {
            names.push(text(v, "name"));
            types.insert(k.as_str());
        }
    }
    if names.is_empty() {
        return None;
    }
    let detail = format!(
        "{} {} {} {} {}",
        which("volume", "volumes", names.len()),
        quoted(&names),
        which("uses", "use", names.len()),
        which("restricted volume type", "restricted volume types", types.len()),
        quoted(types)
    );
    broken("restricted volume types", detail)
}

fn non_root(p: &Pod) -> Option<Violation> {
    if p.spec["hostUsers"] == false {
        return None;
    }
    let of_pod = security(p.spec)["runAsNonRoot"].as_bool();
    let said = p.names(|c| security(c)["runAsNonRoot"] == false);
    if let Some(who) = setters(of_pod == Some(false), &said) {
        return broken("runAsNonRoot != true", format!("{who} must not set securityContext.runAsNonRoot=false"));
    }
    let silent = p.names(|c| security(c)["runAsNonRoot"].is_null());
    if of_pod == Some(true) || silent.is_empty() {
        return None;
    }
    broken("runAsNonRoot != true", format!("pod or {} must set securityContext.runAsNonRoot=true", who(&silent)))
}

fn root_user(p: &Pod) -> Option<Violation> {
    if p.spec["hostUsers"] == false {
        return None;
    }
    let root = |s: &Value| s["runAsUser"] == 0;
    let who = setters(root(security(p.spec)), &p.names(|c| root(security(c))))?;
    broken("runAsUser=0", format!("{who} must not set runAsUser=0"))
}

fn selinux(p: &Pod) -> Option<Violation> {
    const TYPES: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
    let options = |s: &'_ Value| s["seLinuxOptions"].clone();
    let bad =
        |o: &Value| !TYPES.contains(&text(o, "type")) || !text(o, "user").is_empty() || !text(o, "role").is_empty();
    let own = options(security(p.spec));
    let who = setters(bad(&own), &p.names(|c| bad(&options(security(c)))))?;
    let all: Vec<Value> = std::iter::once(own).chain(p.containers.iter().map(|c| options(security(c)))).collect();
    let types: BTreeSet<&str> = all.iter().map(|o| text(o, "type")).filter(|t| !TYPES.contains(t)).collect();
    let mut data = vec![];
    if !types.is_empty() {
        data.push(format!("{} {}", which("type", "types", types.len()), quoted(types)));
    }
    for key in ["user", "role"] {
        if all.iter().any(|o| !text(o, key).is_empty()) {
            data.push(format!("{key} may not be set"));
        }
    }
    broken("seLinuxOptions", format!("{who} set forbidden securityContext.seLinuxOptions: {}", data.join("; ")))
}

fn seccomp(p: &Pod, must: bool) -> Option<Violation> {
    let profile = |s: &Value| text(&s["seccompProfile"], "type").to_owned();
    let good = |t: &str| ["RuntimeDefault", "Localhost"].contains(&t);
    let bad = |t: &str| !t.is_empty() && !good(t);
    let own = profile(security(p.spec));
    let names = p.names(|c| bad(&profile(security(c))));
    if let Some(who) = setters(bad(&own), &names) {
        let values: BTreeSet<String> =
            std::iter::once(own).chain(p.containers.iter().map(|c| profile(security(c)))).filter(|t| bad(t)).collect();
        let detail = format!("{who} must not set securityContext.seccompProfile.type to {}", quoted(values));
        return broken("seccompProfile", detail);
    }
    let silent = p.names(|c| profile(security(c)).is_empty());
    if !must || good(&own) || silent.is_empty() {
        return None;
    }
    let detail = format!(
        "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
        who(&silent)
    );
    broken("seccompProfile", detail)
}

const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];

fn sysctls(p: &Pod) -> Option<Violation> {
    let bad: Vec<&str> =
        items(security(p.spec), "sysctls").iter().map(|s| text(s, "name")).filter(|n| !SYSCTLS.contains(n)).collect();
    if bad.is_empty() { None } else { broken("forbidden sysctls", bad.join(", ")) }
}

fn host_process(p: &Pod) -> Option<Violation> {
    let set = |s: &Value| s["windowsOptions"]["hostProcess"] == true;
    let who = setters(set(security(p.spec)), &p.names(|c| set(security(c))))?;
    broken("hostProcess", format!("{who} must not set securityContext.windowsOptions.hostProcess=true"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plain_pod_is_fine_for_baseline_only() {
        let spec = json!({"containers": [{"name": "nginx", "image": "nginx"}]});
        assert!(violations(&json!({}), &spec, Level::Baseline).is_empty());
        expect_test::expect![[r#"allowPrivilegeEscalation != false (container "nginx" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "nginx" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "nginx" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "nginx" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"#]]
        .assert_eq(&describe(&violations(&json!({}), &spec, Level::Restricted)));
    }

    #[test]
    fn the_host_is_out_of_bounds() {
        let spec = json!({"hostNetwork": true, "hostPID": true,
            "volumes": [{"name": "a", "hostPath": {"path": "/"}}],
            "containers": [{"name": "c", "ports": [{"hostPort": 80}], "securityContext": {"privileged": true, "capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}}}]});
        expect_test::expect![[r#"non-default capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add), host namespaces (hostNetwork=true, hostPID=true), hostPath volumes (volume "a"), hostPort (container "c" uses hostPort 80), privileged (container "c" must not set securityContext.privileged=true)"#]]
        .assert_eq(&describe(&violations(&json!({}), &spec, Level::Baseline)));
    }

    #[test]
    fn a_hardened_pod_passes() {
        let spec = json!({"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "v", "emptyDir": {}}],
            "containers": [{"name": "c", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]});
        assert_eq!(violations(&json!({}), &spec, Level::Restricted), []);
    }
}
