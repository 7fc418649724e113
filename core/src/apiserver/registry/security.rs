//! Security contexts, and what an operating system rules out. (Models ValidateSecurityContext,
//! validatePodSpecSecurityContext, validateLinux and validateWindows.)

use super::containers::local_path;
use super::pod_spec::Context;
use super::util::{child, flag, has, index, items, keyed, text, too_long};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;
use std::collections::BTreeSet;

const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APPARMOR_CONTAINER: &str = "container.apparmor.security.beta.kubernetes.io/";

/// All containers of a spec with their paths: init containers first, as upstream visits them.
pub fn visit_containers<'a>(spec: &'a Value, path: &str) -> Vec<(&'a Value, String)> {
    ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .flat_map(|list| {
            let at = child(path, list);
            items(spec, list).iter().enumerate().map(move |(i, c)| (c, index(&at, i))).collect::<Vec<_>>()
        })
        .collect()
}

fn ids(sc: &Value, keys: &[(&str, bool)], path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for (key, is_user) in keys {
        if let Some(id) = sc[*key].as_i64() {
            let reasons = if *is_user { names::is_valid_user_id(id) } else { names::is_valid_group_id(id) };
            errors.extend(reasons.into_iter().map(|r| FieldError::invalid(child(path, key), id, r)));
        }
    }
    errors
}

/// `spec.securityContext` of a pod.
pub fn validate_pod_security(spec: &Value, path: &str) -> Vec<FieldError> {
    let sc = &spec["securityContext"];
    if sc.is_null() {
        return vec![];
    }
    let mut errors = ids(sc, &[("fsGroup", false), ("runAsUser", true), ("runAsGroup", false)], path);
    for (i, g) in items(sc, "supplementalGroups").iter().enumerate() {
        let id = g.as_i64().unwrap_or_default();
        let at = index(&child(path, "supplementalGroups"), i);
        errors.extend(names::is_valid_group_id(id).into_iter().map(|r| FieldError::invalid(at.as_str(), id, r)));
    }
    if flag(spec, "shareProcessNamespace") && flag(spec, "hostPID") {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(FieldError::invalid(child(path, "shareProcessNamespace"), true, why));
    }
    errors.extend(validate_sysctls(spec, &child(path, "sysctls")));
    let choice = |key: &str, supported: &[&str]| {
        let value = text(sc, key);
        (has(sc, key) && !supported.contains(&value))
            .then(|| FieldError::not_supported(child(path, key), value, supported))
    };
    errors.extend(choice("fsGroupChangePolicy", &["Always", "OnRootMismatch"]));
    errors.extend(validate_seccomp(&sc["seccompProfile"], &child(path, "seccompProfile")));
    errors.extend(validate_apparmor(&sc["appArmorProfile"], &child(path, "appArmorProfile")));
    errors.extend(choice("supplementalGroupsPolicy", &["Merge", "Strict"]));
    errors.extend(choice("seLinuxChangePolicy", &["MountOption", "Recursive"]));
    errors
}

fn validate_sysctls(spec: &Value, path: &str) -> Vec<FieldError> {
    const SHAPE: &str = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let mut errors = vec![];
    let mut seen = BTreeSet::new();
    for (i, s) in items(&spec["securityContext"], "sysctls").iter().enumerate() {
        let at = child(&index(path, i), "name");
        let name = text(s, "name");
        if name.is_empty() {
            errors.push(FieldError::required(at.as_str(), ""));
        } else if !is_sysctl(name) {
            let why = format!("must have at most 253 characters and match regex {SHAPE}");
            errors.push(FieldError::invalid(at.as_str(), name, why));
        } else if seen.contains(name) {
            errors.push(FieldError::duplicate(at.as_str(), name));
        }
        // Sysctls that belong to a namespace the pod shares with its node would change the node.
        let dotted = name.replace('/', ".");
        let net = dotted.starts_with("net.");
        let ipc = ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."].iter().any(|p| dotted.starts_with(p));
        if net && flag(spec, "hostNetwork") {
            errors.push(FieldError::invalid(at, name, "may not be specified when 'hostNetwork' is true"));
        } else if ipc && flag(spec, "hostIPC") {
            errors.push(FieldError::invalid(at, name, "may not be specified when 'hostIPC' is true"));
        }
        seen.insert(name);
    }
    errors
}

fn is_sysctl(name: &str) -> bool {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.split(['.', '/']).all(|part| {
            let b = part.as_bytes();
            matches!((b.first(), b.last()), (Some(f), Some(l)) if word(*f) && word(*l))
                && b.iter().all(|c| word(*c) || b"-_".contains(c))
        })
}

/// `securityContext` of a container.
pub fn validate_container_security(sc: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    if sc.is_null() {
        return vec![];
    }
    let mut errors = ids(sc, &[("runAsUser", true), ("runAsGroup", false)], path);
    if has(sc, "procMount") {
        let mount = text(sc, "procMount");
        let at = child(path, "procMount");
        if !["Default", "Unmasked"].contains(&mount) {
            errors.push(FieldError::not_supported(at.as_str(), mount, &["Default", "Unmasked"]));
        }
        if ctx.host_users && mount == "Unmasked" {
            errors.push(FieldError::invalid(at, mount, "`hostUsers` must be false to use `Unmasked`"));
        }
    }
    errors.extend(validate_seccomp(&sc["seccompProfile"], &child(path, "seccompProfile")));
    if sc["allowPrivilegeEscalation"].as_bool() == Some(false) {
        if flag(sc, "privileged") {
            let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.push(FieldError::invalid(path, sc.clone(), why));
        }
        for capability in items(&sc["capabilities"], "add") {
            if capability == "CAP_SYS_ADMIN" {
                let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
                errors.push(FieldError::invalid(path, sc.clone(), why));
            }
        }
    }
    errors.extend(validate_apparmor(&sc["appArmorProfile"], &child(path, "appArmorProfile")));
    errors
}

const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

fn validate_seccomp(p: &Value, path: &str) -> Vec<FieldError> {
    if p.is_null() {
        return vec![];
    }
    let mut errors = vec![];
    let kind = text(p, "type");
    let at = child(path, "localhostProfile");
    if kind.is_empty() {
        errors.push(FieldError::required(child(path, "type"), "type is required when seccompProfile is set"));
    } else if !PROFILES.contains(&kind) {
        errors.push(FieldError::not_supported(child(path, "type"), kind, &PROFILES));
    }
    match (kind, p["localhostProfile"].as_str()) {
        ("Localhost", None) => {
            errors.push(FieldError::required(at, "must be set when seccomp type is Localhost"));
        }
        ("Localhost", Some(file)) => errors.extend(local_path(file, &at)),
        (_, Some(file)) => {
            let value = format!("{{\"Type\":{},\"LocalhostProfile\":{}}}", Value::from(kind), Value::from(file));
            errors.push(super::util::shown(
                crate::api::error::FieldErrorKind::Invalid,
                at,
                &value,
                "can only be set when seccomp type is Localhost",
            ));
        }
        _ => {}
    }
    errors
}

fn validate_apparmor(p: &Value, path: &str) -> Vec<FieldError> {
    if p.is_null() {
        return vec![];
    }
    let mut errors = vec![];
    let at = child(path, "localhostProfile");
    let file = p["localhostProfile"].as_str();
    let missing = || FieldError::required(at.as_str(), "must be set when AppArmor type is Localhost");
    match (text(p, "type"), file) {
        ("Localhost", None) => errors.push(missing()),
        ("Localhost", Some(file)) => {
            if file.trim() != file {
                errors.push(FieldError::invalid(at.as_str(), file, "must not be padded with whitespace"));
            } else if file.is_empty() {
                errors.push(missing());
            }
            if file.len() > 4095 {
                errors.push(too_long(&at, 4095));
            }
        }
        ("RuntimeDefault" | "Unconfined", Some(file)) => {
            errors.push(FieldError::invalid(at, file, "can only be set when AppArmor type is Localhost"));
        }
        ("RuntimeDefault" | "Unconfined", None) => {}
        ("", _) => {
            errors.push(FieldError::required(child(path, "type"), "type is required when appArmorProfile is set"));
        }
        (other, _) => errors.push(FieldError::not_supported(child(path, "type"), other, &PROFILES)),
    }
    errors
}

/// Seccomp and AppArmor annotations by themselves.
pub fn validate_profile_annotations(annotations: &Value, spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let seccomp = |profile: &str, at: &str| match profile {
        "runtime/default" | "docker/default" | "unconfined" => vec![],
        p => match p.strip_prefix("localhost/") {
            Some(file) => local_path(file, at),
            None => vec![FieldError::invalid(at, p, "must be a valid seccomp profile")],
        },
    };
    if let Some(p) = annotations[SECCOMP_POD].as_str() {
        errors.extend(seccomp(p, &child(path, SECCOMP_POD)));
    }
    let all = || annotations.as_object().into_iter().flatten();
    for (key, value) in all().filter(|(k, _)| k.starts_with(SECCOMP_CONTAINER)) {
        errors.extend(seccomp(value.as_str().unwrap_or_default(), &child(path, key)));
    }
    let containers = visit_containers(spec, "");
    for (key, value) in all() {
        let Some(name) = key.strip_prefix(APPARMOR_CONTAINER) else { continue };
        let profile = value.as_str().unwrap_or_default();
        if !containers.iter().any(|(c, _)| text(c, "name") == name) {
            errors.push(FieldError::invalid(keyed(path, key), name, "container not found"));
        }
        let known = ["", "runtime/default", "unconfined"].contains(&profile) || profile.starts_with("localhost/");
        if !known {
            errors.push(FieldError::invalid(
                keyed(path, key),
                profile,
                format!("invalid AppArmor profile name: {profile:?}"),
            ));
        }
    }
    errors
}

/// Does an old annotation say the same as the field that replaced it?
fn agree(annotation: &str, profile: &Value, what: &str, path: &str) -> Vec<FieldError> {
    let file = text(profile, "localhostProfile");
    let part = match text(profile, "type") {
        "Unconfined" if annotation != "unconfined" => "type",
        "RuntimeDefault"
            if annotation != "runtime/default" && !(what == "seccomp" && annotation == "docker/default") =>
        {
            "type"
        }
        "Localhost" => match annotation.strip_prefix("localhost/") {
            None => "type",
            Some(f) if f != file || !has(profile, "localhostProfile") => "localhostProfile",
            Some(_) => return vec![],
        },
        _ => return vec![],
    };
    let noun = if part == "type" { "type" } else { "profile" };
    vec![FieldError::forbidden(child(path, part), format!("{what} {noun} in annotation and field must match"))]
}

/// Seccomp annotations beside fields.
pub fn validate_seccomp_annotations(annotations: &Value, spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let pod = &spec["securityContext"]["seccompProfile"];
    if let (Some(a), false) = (annotations[SECCOMP_POD].as_str(), pod.is_null()) {
        errors.extend(agree(a, pod, "seccomp", &child(path, "securityContext.seccompProfile")));
    }
    for (c, at) in visit_containers(spec, path) {
        let field = &c["securityContext"]["seccompProfile"];
        let key = format!("{SECCOMP_CONTAINER}{}", text(c, "name"));
        if let (Some(a), false) = (annotations[&key].as_str(), field.is_null()) {
            errors.extend(agree(a, field, "seccomp", &child(&at, "securityContext.seccompProfile")));
        }
    }
    errors
}

/// AppArmor annotations beside fields; only judged when a pod is created.
pub fn validate_apparmor_annotations(annotations: &Value, spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if text(&spec["os"], "name") == "windows" {
        return errors;
    }
    for (c, at) in visit_containers(spec, path) {
        let own = &c["securityContext"]["appArmorProfile"];
        let field = if own.is_null() { &spec["securityContext"]["appArmorProfile"] } else { own };
        let key = format!("{APPARMOR_CONTAINER}{}", text(c, "name"));
        if let (Some(a), false) = (annotations[&key].as_str(), field.is_null()) {
            errors.extend(agree(a, field, "apparmor", &child(&at, "securityContext.appArmorProfile")));
        }
    }
    errors
}

/// `spec.os`, and fields the other system has.
pub fn validate_os(spec: &Value, path: &str) -> Vec<FieldError> {
    if !has(spec, "os") {
        return vec![];
    }
    let at = child(path, "os");
    match text(&spec["os"], "name") {
        "" => vec![FieldError::required(child(&at, "name"), "cannot be empty")],
        "linux" => windows_only(spec, path),
        "windows" => linux_only(spec, path),
        other => vec![FieldError::not_supported(at, other, &["linux", "windows"])],
    }
}

fn windows_only(spec: &Value, path: &str) -> Vec<FieldError> {
    let refuse = |at: String| {
        FieldError::forbidden(child(&at, "windowsOptions"), "windows options cannot be set for a linux pod")
    };
    let mut errors = vec![];
    if has(&spec["securityContext"], "windowsOptions") {
        errors.push(refuse(child(path, "securityContext")));
    }
    for (c, at) in visit_containers(spec, path) {
        if has(&c["securityContext"], "windowsOptions") {
            errors.push(refuse(child(&at, "securityContext")));
        }
    }
    errors
}

fn linux_only(spec: &Value, path: &str) -> Vec<FieldError> {
    let why = "cannot be set for a windows pod";
    let mut errors = vec![];
    let sc = &spec["securityContext"];
    let at = child(path, "securityContext");
    let in_context = |key: &str| (has(sc, key), child(&at, key));
    let in_spec = |key: &str| {
        let set = if key == "hostPID" || key == "hostIPC" { flag(spec, key) } else { has(spec, key) };
        (set, child(path, key))
    };
    let checks = [
        in_context("appArmorProfile"),
        in_context("seLinuxOptions"),
        in_spec("hostUsers"),
        in_spec("hostPID"),
        in_spec("hostIPC"),
        in_context("seccompProfile"),
        in_context("fsGroup"),
        in_context("fsGroupChangePolicy"),
        in_context("sysctls"),
        in_spec("shareProcessNamespace"),
        in_context("runAsUser"),
        in_context("runAsGroup"),
        in_context("supplementalGroups"),
        in_context("supplementalGroupsPolicy"),
        in_context("seLinuxChangePolicy"),
    ];
    errors.extend(checks.into_iter().filter(|(set, _)| *set).map(|(_, at)| FieldError::forbidden(at, why)));
    const OF_CONTAINERS: [&str; 10] = [
        "appArmorProfile",
        "seLinuxOptions",
        "seccompProfile",
        "capabilities",
        "readOnlyRootFilesystem",
        "privileged",
        "allowPrivilegeEscalation",
        "procMount",
        "runAsUser",
        "runAsGroup",
    ];
    for (c, at) in visit_containers(spec, path) {
        let at = child(&at, "securityContext");
        for key in OF_CONTAINERS.iter().filter(|k| has(&c["securityContext"], k)) {
            errors.push(FieldError::forbidden(child(&at, key), why));
        }
    }
    errors
}
