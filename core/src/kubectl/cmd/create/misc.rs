//! Objects of `kubectl create` that are little more than their flags: jobs, quotas, budgets, roles, ingresses …
//!
//! Pure. Models the files `pkg/cmd/create/create_*.go` of kubectl.

use crate::api::kinds::{self, ResourceInfo};
use crate::api::labels;
use base64::Engine;
use serde_json::{Map, Value, json};

/// An object with a name and nothing else.
pub fn bare(api_version: &str, kind: &str, name: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}})
}

/// A Namespace as kubectl sends it.
pub fn namespace(name: &str) -> Value {
    let mut v = bare("v1", "Namespace", name);
    v["spec"] = json!({});
    v["status"] = json!({});
    v
}

fn job_pod(name: &str, image: &str, command: &[String], restart: &str) -> Value {
    let mut container = json!({"name": name, "image": image, "resources": {}});
    if !command.is_empty() {
        container["command"] = json!(command);
    }
    json!({"metadata": {}, "spec": {"containers": [container], "restartPolicy": restart}})
}

/// `kubectl create job`.
pub fn job(name: &str, image: &str, command: &[String]) -> Value {
    let mut v = bare("batch/v1", "Job", name);
    v["spec"] = json!({"template": job_pod(name, image, command, "Never")});
    v["status"] = json!({});
    v
}

/// `kubectl create job --from=cronjob/x`: the cron job's template, owned by it.
pub fn job_from(name: &str, cron_job: &Value) -> Value {
    let template = &cron_job["spec"]["jobTemplate"];
    let mut v = bare("batch/v1", "Job", name);
    let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.insert("cronjob.kubernetes.io/instantiate".into(), "manual".into());
    v["metadata"]["annotations"] = annotations.into();
    if template["metadata"]["labels"].is_object() {
        v["metadata"]["labels"] = template["metadata"]["labels"].clone();
    }
    v["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job["metadata"]["name"],
        "uid": cron_job["metadata"]["uid"], "controller": true,
    }]);
    v["spec"] = template["spec"].clone();
    v["status"] = json!({});
    v
}

/// `kubectl create cronjob`.
pub fn cron_job(name: &str, image: &str, schedule: &str, command: &[String], restart: &str) -> Value {
    let mut v = bare("batch/v1", "CronJob", name);
    let restart = if restart.is_empty() { "OnFailure" } else { restart };
    v["spec"] = json!({
        "schedule": schedule,
        "jobTemplate": {"metadata": {"name": name}, "spec": {"template": job_pod(name, image, command, restart)}},
    });
    v["status"] = json!({});
    v
}

/// `kubectl create quota`.
///
/// # Errors
/// A limit that is no `name=quantity`.
pub fn quota(name: &str, hard: &[String], scopes: &[String]) -> Result<Value, String> {
    let mut limits = Map::new();
    for pair in hard {
        let Some((key, value)) = pair.split_once('=').filter(|(_, v)| !v.contains('=')) else {
            return Err(format!("Invalid argument syntax {pair}, expected <resource>=<value>"));
        };
        limits.insert(key.into(), value.into());
    }
    let mut v = bare("v1", "ResourceQuota", name);
    v["spec"] = json!({});
    v["status"] = json!({});
    if !limits.is_empty() {
        v["spec"]["hard"] = limits.into();
    }
    if !scopes.is_empty() {
        v["spec"]["scopes"] = json!(scopes);
    }
    Ok(v)
}

/// A number or a percentage, as it goes into an int-or-string field.
pub fn int_or_string(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Value::from)
}

/// `kubectl create poddisruptionbudget`.
///
/// # Errors
/// No selector, or not exactly one of the two limits.
pub fn budget(name: &str, selector: &str, min: &str, max: &str) -> Result<Value, String> {
    match (min.is_empty(), max.is_empty()) {
        (true, true) => return Err("one of min-available or max-unavailable must be specified".into()),
        (false, false) => {
            return Err("min-available and max-unavailable cannot be both specified".into());
        }
        _ => {}
    }
    if selector.is_empty() {
        return Err("a selector must be specified".into());
    }
    let mut spec = json!({"selector": {"matchLabels": labels::selector_to_map(selector)?}});
    if min.is_empty() {
        spec["maxUnavailable"] = int_or_string(max);
    } else {
        spec["minAvailable"] = int_or_string(min);
    }
    let mut v = bare("policy/v1", "PodDisruptionBudget", name);
    v["spec"] = spec;
    v["status"] = json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0});
    Ok(v)
}

/// `kubectl create priorityclass`.
pub fn priority_class(name: &str, value: i64, global: bool, description: &str, preemption: &str) -> Value {
    let mut v = bare("scheduling.k8s.io/v1", "PriorityClass", name);
    v["value"] = value.into();
    if global {
        v["globalDefault"] = true.into();
    }
    if !description.is_empty() {
        v["description"] = description.into();
    }
    v["preemptionPolicy"] = (if preemption.is_empty() { "PreemptLowerPriority" } else { preemption }).into();
    v
}

/// A rule of a role, from `--verb`, `--resource`, `--resource-name`. Resources of one group share a rule.
///
/// # Errors
/// An unknown resource.
pub fn rules(verbs: &[String], resources: &[String], names: &[String]) -> Result<Vec<Value>, String> {
    let mut groups: Vec<(String, Vec<String>)> = vec![];
    for r in resources {
        let (base, sub) = r.split_once('/').map_or((r.as_str(), None), |(b, s)| (b, Some(s)));
        let found: &ResourceInfo =
            kinds::resolve(base).ok_or_else(|| format!("the server doesn't have a resource type {base:?}"))?;
        let full = sub.map_or(found.plural.to_string(), |s| format!("{}/{s}", found.plural));
        match groups.iter_mut().find(|(g, _)| g == found.group) {
            Some((_, list)) if list.contains(&full) => {}
            Some((_, list)) => list.push(full),
            None => groups.push((found.group.into(), vec![full])),
        }
    }
    groups.sort();
    Ok(groups
        .into_iter()
        .map(|(group, list)| {
            let mut rule = json!({"apiGroups": [group], "resources": list, "verbs": verbs});
            if !names.is_empty() {
                rule["resourceNames"] = json!(names);
            }
            rule
        })
        .collect())
}

/// `kubectl create rolebinding` and `clusterrolebinding`; `role` is the kind and name bound.
///
/// # Errors
/// A service account that is no `namespace:name`.
pub fn binding(
    kind: &str,
    name: &str,
    role: (&str, &str),
    users: &[String],
    groups: &[String],
    accounts: &[String],
) -> Result<Value, String> {
    let rbac = "rbac.authorization.k8s.io";
    let mut subjects: Vec<Value> = vec![];
    subjects.extend(users.iter().map(|u| json!({"apiGroup": rbac, "kind": "User", "name": u})));
    subjects.extend(groups.iter().map(|g| json!({"apiGroup": rbac, "kind": "Group", "name": g})));
    for a in accounts {
        match a.split(':').collect::<Vec<_>>()[..] {
            [ns, name] if !ns.is_empty() && !name.is_empty() => {
                subjects.push(json!({"kind": "ServiceAccount", "name": name, "namespace": ns}));
            }
            _ => return Err("serviceaccount must be <namespace>:<name>".into()),
        }
    }
    let mut v = bare(&format!("{rbac}/v1"), kind, name);
    v["roleRef"] = json!({"apiGroup": rbac, "kind": role.0, "name": role.1});
    if !subjects.is_empty() {
        v["subjects"] = subjects.into();
    }
    Ok(v)
}

/// `kubectl create ingress`: rules read `host/path=service:port[,tls[=secret]]`.
///
/// # Errors
/// A rule that does not read so.
pub fn ingress(name: &str, class: &str, rules: &[String], default_backend: &str) -> Result<Value, String> {
    let port = |p: &str| match p.parse::<i64>() {
        Ok(n) => json!({"number": n}),
        Err(_) => json!({"name": p}),
    };
    let mut hosts: Vec<(String, Vec<Value>)> = vec![];
    let mut tls: Vec<(String, Vec<String>)> = vec![];
    for rule in rules {
        let bad = || format!("rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]");
        let (target, backend) = rule.split_once('=').ok_or_else(bad)?;
        let (host, path) = target.split_once('/').ok_or_else(bad)?;
        let (backend, options) = backend.split_once(',').map_or((backend, None), |(b, o)| (b, Some(o)));
        let (service, service_port) = backend.split_once(':').ok_or_else(bad)?;
        if service.is_empty() || service_port.is_empty() {
            return Err(bad());
        }
        let (path, kind) =
            path.strip_suffix('*').map_or_else(|| (format!("/{path}"), "Exact"), |p| (format!("/{p}"), "Prefix"));
        let path = json!({
            "path": path, "pathType": kind,
            "backend": {"service": {"name": service, "port": port(service_port)}},
        });
        match hosts.iter_mut().find(|(h, _)| h == host) {
            Some((_, paths)) => paths.push(path),
            None => hosts.push((host.into(), vec![path])),
        }
        if let Some(options) = options {
            let secret = match options.split_once('=') {
                Some(("tls", s)) => s,
                None if options == "tls" => "",
                _ => return Err(bad()),
            };
            match tls.iter_mut().find(|(s, _)| s == secret) {
                Some((_, list)) if host.is_empty() || list.iter().any(|h| h == host) => {}
                Some((_, list)) => list.push(host.into()),
                None => {
                    tls.push((secret.into(), if host.is_empty() { vec![] } else { vec![host.into()] }));
                }
            }
        }
    }
    let mut spec = json!({});
    if !class.is_empty() {
        spec["ingressClassName"] = class.into();
    }
    if !default_backend.is_empty() {
        let (service, p) =
            default_backend.split_once(':').ok_or("default-backend should be in format servicename:serviceport")?;
        spec["defaultBackend"] = json!({"service": {"name": service, "port": port(p)}});
    }
    let list: Vec<Value> = hosts
        .into_iter()
        .map(|(host, paths)| {
            let mut r = json!({"http": {"paths": paths}});
            if !host.is_empty() {
                r["host"] = host.into();
            }
            r
        })
        .collect();
    if !list.is_empty() {
        spec["rules"] = list.into();
    }
    let tls: Vec<Value> = tls
        .into_iter()
        .map(|(secret, hosts)| {
            let mut t = json!({});
            if !secret.is_empty() {
                t["secretName"] = secret.into();
            }
            if !hosts.is_empty() {
                t["hosts"] = json!(hosts);
            }
            t
        })
        .collect();
    if !tls.is_empty() {
        spec["tls"] = tls.into();
    }
    let mut v = bare("networking.k8s.io/v1", "Ingress", name);
    v["spec"] = spec;
    v["status"] = json!({"loadBalancer": {}});
    Ok(v)
}

/// Text as a Secret carries it.
pub fn encode(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// What a value of a Secret stands for.
pub fn decode(text: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value of `.dockerconfigjson` that `kubectl create secret docker-registry` writes.
pub fn docker_config(server: &str, user: &str, password: &str, email: &str) -> String {
    let quote = |t: &str| Value::from(t).to_string();
    // Written by hand: the order of the fields is Go's.
    let mut fields = vec![format!("\"username\":{}", quote(user)), format!("\"password\":{}", quote(password))];
    if !email.is_empty() {
        fields.push(format!("\"email\":{}", quote(email)));
    }
    fields.push(format!("\"auth\":{}", quote(&encode(&format!("{user}:{password}")))));
    format!("{{\"auths\":{{{}:{{{}}}}}}}", quote(server), fields.join(","))
}
