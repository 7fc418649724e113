//! Containers of a pod: their own fields, and how they get on with each other. (Models validateContainers and its kin.)

use super::meta;
use super::pod_spec::Context;
use super::probes::{validate_lifecycle, validate_probe};
use super::resources::validate_container_resources;
use super::security::validate_container_security;
use super::util::{child, flag, has, index, int, invalid_each, items, one_of, text};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const NOT_FOR_INIT: &str = "may not be set for init containers without restartPolicy=Always";

/// The regular containers: at least one.
pub fn validate_containers(ctx: &Context, path: &str) -> Vec<FieldError> {
    let list = items(ctx.spec, "containers");
    if list.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let mut errors = vec![];
    let mut names = BTreeSet::new();
    for (i, c) in list.iter().enumerate() {
        let at = index(path, i);
        errors.extend(common(c, ctx, &at));
        if !names.insert(text(c, "name")) {
            errors.push(FieldError::duplicate(child(&at, "name"), text(c, "name")));
        }
        errors.extend(hooks_and_probes(c, ctx, &at));
        errors.extend(restart_rules(c, &at));
    }
    errors.extend(host_port_conflicts(list, path, 0));
    errors
}

fn hooks_and_probes(c: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if has(c, "lifecycle") {
        errors.extend(validate_lifecycle(&c["lifecycle"], ctx, &child(path, "lifecycle")));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if has(c, probe) {
            errors.extend(validate_probe(&c[probe], probe, ctx, &child(path, probe)));
        }
    }
    errors
}

/// Policies of single containers, and their rules by exit code.
fn restart_rules(c: &Value, path: &str) -> Vec<FieldError> {
    const POLICIES: [&str; 3] = ["Always", "Never", "OnFailure"];
    let mut errors = vec![];
    let policy = text(c, "restartPolicy");
    if has(c, "restartPolicy") && !POLICIES.contains(&policy) {
        errors.push(FieldError::not_supported(child(path, "restartPolicy"), policy, &POLICIES));
    }
    let rules = items(c, "restartPolicyRules");
    let at = child(path, "restartPolicyRules");
    if !rules.is_empty() && !has(c, "restartPolicy") {
        errors.push(FieldError::required(
            child(path, "restartPolicy"),
            "must specify restartPolicy when restart rules are used",
        ));
    }
    if rules.len() > 20 {
        errors.push(FieldError {
            kind: crate::api::error::FieldErrorKind::TooMany,
            field: at.clone(),
            value: Some(rules.len().into()),
            detail: "must have at most 20 items".into(),
        });
    }
    for (i, rule) in rules.iter().enumerate() {
        let at = index(&at, i);
        let actions = ["Restart", "RestartAllContainers"];
        if !actions.contains(&text(rule, "action")) {
            errors.push(FieldError::not_supported(child(&at, "action"), text(rule, "action"), &["Restart"]));
        }
        if !has(rule, "exitCodes") {
            errors.push(FieldError::required(child(&at, "exitCodes"), "must be specified"));
        } else {
            let codes = &rule["exitCodes"];
            let at = child(&at, "exitCodes");
            if !["In", "NotIn"].contains(&text(codes, "operator")) {
                errors.push(FieldError::not_supported(
                    child(&at, "operator"),
                    text(codes, "operator"),
                    &["In", "NotIn"],
                ));
            }
            if items(codes, "values").len() > 255 {
                errors.push(FieldError {
                    kind: crate::api::error::FieldErrorKind::TooMany,
                    field: child(&at, "values"),
                    value: Some(items(codes, "values").len().into()),
                    detail: "must have at most 255 items".into(),
                });
            }
        }
    }
    errors
}

/// Init containers; those with restartPolicy Always are sidecars and may have what regular containers have.
pub fn validate_init_containers(ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut names: BTreeSet<&str> = items(ctx.spec, "containers").iter().map(|c| text(c, "name")).collect();
    for (i, c) in items(ctx.spec, "initContainers").iter().enumerate() {
        let at = index(path, i);
        errors.extend(common(c, ctx, &at));
        errors.extend(restart_rules(c, &at));
        let name = text(c, "name");
        if names.contains(name) {
            errors.push(FieldError::duplicate(child(&at, "name"), name));
        } else if !name.is_empty() {
            names.insert(name);
        }
        // They run one by one, so each is looked at by itself.
        errors.extend(host_port_conflicts(std::slice::from_ref(c), path, 0));
        if text(c, "restartPolicy") == "Always" {
            errors.extend(hooks_and_probes(c, ctx, &at));
        } else {
            for key in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                if has(c, key) {
                    errors.push(FieldError::forbidden(child(&at, key), NOT_FOR_INIT));
                }
            }
        }
    }
    errors
}

/// Ephemeral containers: unique names, a target that exists, and few fields.
pub fn validate_ephemeral_containers(ctx: &Context, path: &str) -> Vec<FieldError> {
    const REFUSED: [&str; 8] = [
        "ports",
        "resources",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
        "resizePolicy",
        "restartPolicy",
    ];
    let mut errors = vec![];
    let others: BTreeSet<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| items(ctx.spec, list))
        .map(|c| text(c, "name"))
        .collect();
    let mut names = others.clone();
    for (i, c) in items(ctx.spec, "ephemeralContainers").iter().enumerate() {
        let at = index(path, i);
        errors.extend(common(c, ctx, &at));
        errors.extend(image_whitespace(c, &at));
        if !names.insert(text(c, "name")) {
            errors.push(FieldError::duplicate(child(&at, "name"), text(c, "name")));
        }
        let target = text(c, "targetContainerName");
        if !target.is_empty() && !others.contains(target) {
            errors.push(FieldError::not_found(child(&at, "targetContainerName"), target));
        }
        let why = "cannot be set for an Ephemeral Container";
        for key in REFUSED {
            let empty = match &c[key] {
                Value::Null => true,
                Value::Array(a) => a.is_empty(),
                Value::Object(o) => o.is_empty() && key == "resources",
                _ => false,
            };
            if !empty {
                errors.push(FieldError::forbidden(child(&at, key), why));
            }
        }
        for (j, m) in items(c, "volumeMounts").iter().enumerate() {
            for key in ["subPath", "subPathExpr"] {
                if !text(m, key).is_empty() {
                    errors.push(FieldError::forbidden(child(&index(&child(&at, "volumeMounts"), j), key), why));
                }
            }
        }
    }
    errors
}

/// Images of pods (not of templates) have no spaces around them.
pub fn image_whitespace(c: &Value, path: &str) -> Vec<FieldError> {
    let image = text(c, "image");
    if image.trim().len() == image.len() {
        return vec![];
    }
    vec![FieldError::invalid(child(path, "image"), image, "must not have leading or trailing whitespace")]
}

/// What all containers have in common. (Models validateContainerCommon.)
fn common(c: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let name = text(c, "name");
    if name.is_empty() {
        errors.push(FieldError::required(child(path, "name"), ""));
    } else {
        errors.extend(invalid_each(&child(path, "name"), name, names::is_dns1123_label(name)));
    }
    if text(c, "image").is_empty() {
        errors.push(FieldError::required(child(path, "image"), ""));
    }
    errors.extend(one_of(c, "terminationMessagePolicy", path, &["File", "FallbackToLogsOnError"]));
    errors.extend(names::validate_container_ports(&c["ports"], &child(path, "ports")));
    errors.extend(validate_env(c, &child(path, "env")));
    errors.extend(validate_env_from(c, &child(path, "envFrom")));
    errors.extend(validate_mounts(c, ctx, &child(path, "volumeMounts")));
    errors.extend(validate_devices(c, ctx, &child(path, "volumeDevices")));
    errors.extend(one_of(c, "imagePullPolicy", path, &["Always", "IfNotPresent", "Never"]));
    errors.extend(validate_container_resources(&c["resources"], ctx, &child(path, "resources")));
    errors.extend(validate_resize_policy(c, ctx, &child(path, "resizePolicy")));
    errors.extend(validate_container_security(&c["securityContext"], ctx, &child(path, "securityContext")));
    errors
}

fn validate_env(c: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for (i, e) in items(c, "env").iter().enumerate() {
        let at = index(path, i);
        match text(e, "name") {
            "" => errors.push(FieldError::required(child(&at, "name"), "")),
            name => errors.extend(invalid_each(&child(&at, "name"), name, names::is_env_var_name(name))),
        }
        if has(e, "valueFrom") {
            errors.extend(validate_env_source(e, &child(&at, "valueFrom")));
        }
    }
    errors
}

const ENV_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

fn validate_env_source(e: &Value, path: &str) -> Vec<FieldError> {
    let from = &e["valueFrom"];
    let mut errors = vec![];
    let mut sources = 0;
    for key in ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"] {
        if !has(from, key) {
            continue;
        }
        sources += 1;
        let (part, at) = (&from[key], child(path, key));
        errors.extend(match key {
            "fieldRef" => validate_field_ref(part, &ENV_FIELDS, &at),
            "resourceFieldRef" => validate_resource_field_ref(part, false, &at),
            "fileKeyRef" => validate_file_key_ref(part, &at),
            _ => validate_key_ref(part, &at),
        });
    }
    let wrong = |why: &str| FieldError::invalid(path, "", why);
    if sources == 0 {
        errors.push(wrong(
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        ));
    } else if !text(e, "value").is_empty() {
        errors.push(wrong("may not be specified when `value` is not empty"));
    } else if sources > 1 {
        errors.push(wrong("may not have more than one field specified at a time"));
    }
    errors
}

fn validate_key_ref(r: &Value, path: &str) -> Vec<FieldError> {
    let name = text(r, "name");
    let mut errors = invalid_each(&child(path, "name"), name, meta::subdomain(name, false));
    match text(r, "key") {
        "" => errors.push(FieldError::required(child(path, "key"), "")),
        key => errors.extend(invalid_each(&child(path, "key"), key, names::is_config_map_key(key))),
    }
    errors
}

fn validate_file_key_ref(r: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for key in ["volumeName", "path", "key"] {
        if text(r, key).is_empty() {
            errors.push(FieldError::required(child(path, key), ""));
        }
    }
    errors
}

/// A field of the pod, as environment or file.
pub fn validate_field_ref(r: &Value, fields: &[&str], path: &str) -> Vec<FieldError> {
    if text(r, "apiVersion").is_empty() {
        return vec![FieldError::required(child(path, "apiVersion"), "")];
    }
    let field = text(r, "fieldPath");
    if field.is_empty() {
        return vec![FieldError::required(child(path, "fieldPath"), "")];
    }
    if text(r, "apiVersion") != "v1" {
        let why = format!("error converting fieldPath: unsupported pod version: {}", text(r, "apiVersion"));
        return vec![FieldError::invalid(child(path, "fieldPath"), field, why)];
    }
    let subscript = field.strip_suffix("']").and_then(|f| f.split_once("['"));
    let known = |f: &str| {
        ENV_FIELDS.contains(&f)
            || ["metadata.labels", "metadata.annotations", "spec.restartPolicy", "spec.schedulerName", "status.phase"]
                .contains(&f)
            || f == "spec.host"
    };
    if let Some((base, key)) = subscript {
        return match base {
            "metadata.annotations" => {
                let key = key.to_lowercase();
                invalid_each(path, &key, names::is_qualified_name(&key))
            }
            "metadata.labels" => invalid_each(path, key, names::is_qualified_name(key)),
            _ => vec![FieldError::invalid(
                child(path, "fieldPath"),
                field,
                format!("error converting fieldPath: field label does not support subscript: {field}"),
            )],
        };
    }
    if !known(field) {
        let why = format!("error converting fieldPath: field label not supported: {field}");
        return vec![FieldError::invalid(child(path, "fieldPath"), field, why)];
    }
    let field = if field == "spec.host" { "spec.nodeName" } else { field };
    if !fields.contains(&field) {
        let mut sorted = fields.to_vec();
        sorted.sort_unstable();
        return vec![FieldError::not_supported(child(path, "fieldPath"), field, &sorted)];
    }
    vec![]
}

/// Requests and limits of a container, as environment or file (where the container must be named).
pub fn validate_resource_field_ref(r: &Value, in_volume: bool, path: &str) -> Vec<FieldError> {
    const FIELDS: [&str; 6] = [
        "limits.cpu",
        "limits.ephemeral-storage",
        "limits.memory",
        "requests.cpu",
        "requests.ephemeral-storage",
        "requests.memory",
    ];
    let resource = text(r, "resource");
    if in_volume && text(r, "containerName").is_empty() {
        return vec![FieldError::required(child(path, "containerName"), "")];
    }
    if resource.is_empty() {
        return vec![FieldError::required(child(path, "resource"), "")];
    }
    let huge = resource.starts_with("requests.hugepages-") || resource.starts_with("limits.hugepages-");
    if !FIELDS.contains(&resource) && !huge {
        return vec![FieldError::not_supported(child(path, "resource"), resource, &FIELDS)];
    }
    let divisor = text(r, "divisor");
    let kind = resource.split_once('.').map_or("", |(_, k)| k);
    if divisor.is_empty() || divisor == "0" {
        return vec![];
    }
    let (right, why) = match kind {
        "cpu" => (["1", "1m"].contains(&divisor), "only divisor's values 1m and 1 are supported with the cpu resource"),
        "memory" => (
            ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"].contains(&divisor),
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource",
        ),
        "ephemeral-storage" => (
            ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"].contains(&divisor),
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the local ephemeral storage resource",
        ),
        _ => (true, ""),
    };
    if right { vec![] } else { vec![FieldError::invalid(child(path, "divisor"), kind, why)] }
}

fn validate_env_from(c: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for (i, e) in items(c, "envFrom").iter().enumerate() {
        let at = index(path, i);
        let prefix = text(e, "prefix");
        if !prefix.is_empty() {
            errors.extend(invalid_each(&child(&at, "prefix"), prefix, names::is_env_var_name(prefix)));
        }
        let mut sources = 0;
        for key in ["configMapRef", "secretRef"] {
            if has(e, key) {
                sources += 1;
                let name = text(&e[key], "name");
                let at = child(&child(&at, key), "name");
                if name.is_empty() {
                    errors.push(FieldError::required(at, ""));
                } else {
                    errors.extend(invalid_each(&at, name, meta::subdomain(name, false)));
                }
            }
        }
        if sources == 0 {
            errors.push(FieldError::invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
        } else if sources > 1 {
            errors.push(FieldError::invalid(path, "", "may not have more than one field specified at a time"));
        }
    }
    errors
}

fn by_name<'a>(c: &'a Value, list: &str, path_key: &str) -> BTreeMap<&'a str, &'a str> {
    items(c, list).iter().map(|m| (text(m, "name"), m[path_key].as_str().unwrap_or_default())).collect()
}

fn validate_mounts(c: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let devices = by_name(c, "volumeDevices", "devicePath");
    let mut paths = BTreeSet::new();
    for (i, m) in items(c, "volumeMounts").iter().enumerate() {
        let at = index(path, i);
        let (name, mount) = (text(m, "name"), text(m, "mountPath"));
        if name.is_empty() {
            errors.push(FieldError::required(child(&at, "name"), ""));
        }
        if !ctx.volumes.contains_key(name) {
            errors.push(FieldError::not_found(child(&at, "name"), name));
        }
        if mount.is_empty() {
            errors.push(FieldError::required(child(&at, "mountPath"), ""));
        }
        if !paths.insert(mount) {
            errors.push(FieldError::invalid(child(&at, "mountPath"), mount, "must be unique"));
        }
        if devices.contains_key(name) {
            errors.push(FieldError::invalid(child(&at, "name"), name, "must not already exist in volumeDevices"));
        }
        if devices.values().any(|p| *p == mount) {
            let why = "must not already exist as a path in volumeDevices";
            errors.push(FieldError::invalid(child(&at, "mountPath"), mount, why));
        }
        let (sub, expr) = (text(m, "subPath"), text(m, "subPathExpr"));
        if !sub.is_empty() {
            errors.extend(local_path(sub, &child(path, "subPath")));
        }
        if !expr.is_empty() {
            if !sub.is_empty() {
                let why = "subPathExpr and subPath are mutually exclusive";
                errors.push(FieldError::invalid(child(&at, "subPathExpr"), expr, why));
            }
            errors.extend(local_path(expr, &child(path, "subPathExpr")));
        }
        errors.extend(validate_propagation(m, c, path));
    }
    errors
}

fn validate_propagation(m: &Value, c: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mode = text(m, "mountPropagation");
    if has(m, "mountPropagation") {
        let at = child(path, "mountPropagation");
        let modes = ["Bidirectional", "HostToContainer", "None"];
        if !modes.contains(&mode) {
            errors.push(FieldError::not_supported(at.as_str(), mode, &modes));
        }
        if mode == "Bidirectional" && !flag(&c["securityContext"], "privileged") {
            let why = "Bidirectional mount propagation is available only to privileged containers";
            errors.push(FieldError::forbidden(at, why));
        }
    }
    if has(m, "recursiveReadOnly") {
        let at = child(path, "recursiveReadOnly");
        match text(m, "recursiveReadOnly") {
            "Disabled" => {}
            "Enabled" | "IfPossible" => {
                if !flag(m, "readOnly") {
                    errors.push(FieldError::forbidden(at.as_str(), "may only be specified when readOnly is true"));
                }
                if !["", "None"].contains(&mode) {
                    let why = "may only be specified when mountPropagation is None or not specified";
                    errors.push(FieldError::forbidden(at, why));
                }
            }
            other => errors.push(FieldError::not_supported(at, other, &["Disabled", "Enabled", "IfPossible"])),
        }
    }
    errors
}

fn validate_devices(c: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mounts = by_name(c, "volumeMounts", "mountPath");
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for (i, d) in items(c, "volumeDevices").iter().enumerate() {
        let at = index(path, i);
        let (name, device) = (text(d, "name"), text(d, "devicePath"));
        let mut wrong = |key: &str, value: &str, why: &str| {
            errors.push(FieldError::invalid(child(&at, key), value, why));
        };
        let volume = ctx.volumes.get(name);
        if names.contains(name) {
            wrong("name", name, "must be unique");
        }
        if volume.is_some_and(|v| !has(v, "persistentVolumeClaim") && !has(v, "ephemeral")) {
            let why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
            wrong("name", name, why);
        }
        if paths.contains(device) {
            wrong("devicePath", device, "must be unique");
        }
        if device.split('/').any(|p| p == "..") {
            wrong("devicePath", device, "can not contain backsteps ('..')");
        } else {
            paths.insert(device);
        }
        if mounts.contains_key(name) {
            wrong("name", name, "must not already exist in volumeMounts");
        }
        if mounts.values().any(|p| *p == device) {
            wrong("devicePath", device, "must not already exist as a path in volumeMounts");
        }
        if name.is_empty() {
            errors.push(FieldError::required(child(&at, "name"), ""));
        } else {
            names.insert(name);
        }
        if volume.is_none() {
            errors.push(FieldError::not_found(child(&at, "name"), name));
        }
        if device.is_empty() {
            errors.push(FieldError::required(child(&at, "devicePath"), ""));
        }
    }
    errors
}

/// A path inside something: relative, and never up.
pub fn local_path(p: &str, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if p.starts_with('/') {
        errors.push(FieldError::invalid(path, p, "must be a relative path"));
    }
    errors.extend(no_backsteps(p, path));
    errors
}

/// No `..` in a path.
pub fn no_backsteps(p: &str, path: &str) -> Vec<FieldError> {
    if p.split('/').any(|part| part == "..") {
        return vec![FieldError::invalid(path, p, "must not contain '..'")];
    }
    vec![]
}

/// [`local_path`] that does not begin with two dots either.
pub fn unreserved_path(p: &str, path: &str) -> Vec<FieldError> {
    let mut errors = local_path(p, path);
    if p.starts_with("..") && !p.starts_with("../") {
        errors.push(FieldError::invalid(path, p, "must not start with '..'"));
    }
    errors
}

fn validate_resize_policy(c: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut seen = BTreeSet::new();
    for (i, p) in items(c, "resizePolicy").iter().enumerate() {
        let (resource, policy) = (text(p, "resourceName"), text(p, "restartPolicy"));
        if !seen.insert(resource) {
            errors.push(FieldError::duplicate(index(path, i), resource));
        }
        for (value, supported) in [(resource, ["cpu", "memory"]), (policy, ["NotRequired", "RestartContainer"])] {
            if value.is_empty() {
                errors.push(FieldError::required(path, ""));
            } else if !supported.contains(&value) {
                errors.push(FieldError::not_supported(path, value, &supported));
            }
        }
        if text(ctx.spec, "restartPolicy") == "Never" && policy != "NotRequired" {
            errors.push(FieldError::invalid(path, policy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
        }
    }
    errors
}

/// No two ports of these containers on one port of the node.
fn host_port_conflicts(list: &[Value], path: &str, first: usize) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut taken = BTreeSet::new();
    for (i, c) in list.iter().enumerate() {
        for (j, p) in items(c, "ports").iter().enumerate() {
            let port = int(p, "hostPort");
            let which = format!("{}/{}/{port}", text(p, "protocol"), text(p, "hostIP"));
            if port != 0 && !taken.insert(which.clone()) {
                let at = index(&child(&index(path, first + i), "ports"), j);
                errors.push(FieldError::duplicate(child(&at, "hostPort"), which));
            }
        }
    }
    errors
}
