//! What a container finds: environment variables and volumes, from its spec and the objects it refers to.
//! Models pkg/kubelet makeEnvironmentVariables and the volume plugins' set-up errors.

use super::component::Kubelets;
use super::plan::Plan;
use crate::api::quantity::Quantity;
use crate::runtime::files::{Files, Mount, normalize};
use crate::sim::Sim;
use crate::store::{Key, Kind, Obj, PodRecord, pod::TOKEN_MARK};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{
    ConfigMap, KeyToPath, Node, ObjectFieldSelector, PersistentVolume, PersistentVolumeClaim, ResourceFieldSelector,
    Secret, Volume,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A pod's volumes, and where each container has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volumes {
    /// The volumes' files, in the order of the spec.
    pub files: Vec<Files>,
    /// What outlives the pod: index and name of the claim or host path.
    pub lasting: Vec<(usize, Arc<str>)>,
    /// The mounts of each container.
    pub mounts: Vec<Vec<Mount>>,
    /// Those that lie in memory.
    pub in_memory: Vec<usize>,
}

fn text(b: &ByteString) -> String {
    String::from_utf8_lossy(&b.0).into_owned()
}

fn config_map(sim: &Sim, ns: &Arc<str>, name: &str) -> Option<BTreeMap<String, String>> {
    let c = sim.store.typed::<ConfigMap>(&Key::new(ns.clone(), name))?;
    let binary = c.binary_data.iter().flatten().map(|(k, v)| (k.clone(), text(v)));
    Some(c.data.iter().flatten().map(|(k, v)| (k.clone(), v.clone())).chain(binary).collect())
}

fn secret(sim: &Sim, ns: &Arc<str>, name: &str) -> Option<BTreeMap<String, String>> {
    let s = sim.store.typed::<Secret>(&Key::new(ns.clone(), name))?;
    Some(s.data.iter().flatten().map(|(k, v)| (k.clone(), text(v))).collect())
}

/// Puts the keys that are asked for (all, if none are) into a volume.
fn place(
    files: &mut Files,
    data: &BTreeMap<String, String>,
    items: Option<&Vec<KeyToPath>>,
    optional: bool,
) -> Result<(), String> {
    match items.filter(|i| !i.is_empty()) {
        None => data.iter().for_each(|(k, v)| files.place(k, v)),
        Some(items) => {
            for i in items {
                match data.get(&i.key) {
                    Some(v) => files.place(&i.path, v),
                    None if optional => {}
                    None => return Err(format!("references non-existent config key: {}", i.key)),
                }
            }
        }
    }
    Ok(())
}

/// The value of a field of the pod, as `fieldRef` names it.
fn field(k: &Kubelets, sim: &Sim, pod: &PodRecord, f: &ObjectFieldSelector) -> String {
    let node = k.workers.get(&pod.id).and_then(|w| k.nodes.get(w.node as usize));
    let ip = |v: u32| if v == 0 { String::new() } else { std::net::Ipv4Addr::from(v).to_string() };
    let spec = pod.proto.pod.spec.as_ref();
    match f.field_path.as_str() {
        "metadata.name" => pod.name.to_string(),
        "metadata.namespace" => pod.namespace.to_string(),
        "metadata.uid" => sim.store.ids.uid(pod.id),
        "spec.nodeName" => pod.node.as_deref().unwrap_or_default().to_owned(),
        "spec.serviceAccountName" => spec.and_then(|s| s.service_account_name.clone()).unwrap_or_default(),
        "status.hostIP" | "status.hostIPs" => node.map_or(String::new(), |n| ip(n.ip)),
        "status.podIP" | "status.podIPs" => k.workers.get(&pod.id).map_or(String::new(), |w| ip(w.ip)),
        "metadata.labels" => {
            let lines: Vec<String> = pod.proto.labels.pairs.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
            lines.join("\n")
        }
        "metadata.annotations" => {
            let a = pod.proto.pod.metadata.annotations.as_ref();
            let lines: Vec<String> = a.into_iter().flatten().map(|(k, v)| format!("{k}={v:?}")).collect();
            lines.join("\n")
        }
        path => {
            let quoted = |p: &str| path.strip_prefix(p).map(|r| r.trim_matches(['[', ']', '\'', '"']).to_owned());
            if let Some(key) = quoted("metadata.labels") {
                pod.proto.labels.get(&key).unwrap_or_default().to_owned()
            } else if let Some(key) = quoted("metadata.annotations") {
                let a = pod.proto.pod.metadata.annotations.as_ref();
                a.and_then(|a| a.get(&key)).cloned().unwrap_or_default()
            } else {
                String::new()
            }
        }
    }
}

/// The files of one volume.
fn volume(k: &Kubelets, sim: &Sim, pod: &PodRecord, v: &Volume) -> Result<(Files, Option<Arc<str>>), String> {
    let ns = &pod.namespace;
    let mut files = Files::default();
    let failed = |what: String| format!("MountVolume.SetUp failed for volume {:?} : {what}", v.name);
    if let Some(c) = &v.config_map {
        match config_map(sim, ns, &c.name) {
            Some(data) => {
                place(&mut files, &data, c.items.as_ref(), c.optional == Some(true))
                    .map_err(|e| failed(format!("configmap {e}")))?;
            }
            None if c.optional == Some(true) => {}
            None => return Err(failed(format!("configmap {:?} not found", c.name))),
        }
    } else if let Some(s) = &v.secret {
        let name = s.secret_name.as_deref().unwrap_or_default();
        match secret(sim, ns, name) {
            Some(data) => {
                place(&mut files, &data, s.items.as_ref(), s.optional == Some(true)).map_err(|e| failed(e.clone()))?;
            }
            None if s.optional == Some(true) => {}
            None => return Err(failed(format!("secret {name:?} not found"))),
        }
    } else if let Some(d) = &v.downward_api {
        for i in d.items.iter().flatten() {
            if let Some(f) = &i.field_ref {
                files.place(&i.path, &field(k, sim, pod, f));
            }
            if let Some(r) = &i.resource_field_ref {
                files.place(&i.path, &resource(k, pod, "", r));
            }
        }
    } else if let Some(p) = &v.projected {
        for s in p.sources.iter().flatten() {
            if let Some(t) = &s.service_account_token {
                let seconds = t.expiration_seconds.unwrap_or(3600).max(600) as u64;
                let audience = t.audience.as_deref().unwrap_or_default();
                files.place(&t.path, &super::own_api::token(sim, pod, audience, seconds));
            }
            if let Some(c) = &s.config_map {
                match config_map(sim, ns, &c.name) {
                    Some(data) => {
                        place(&mut files, &data, c.items.as_ref(), c.optional == Some(true)).map_err(failed)?;
                    }
                    // the root certificate comes with the namespace, sooner or later
                    None if c.optional == Some(true) || v.name == TOKEN_MARK => {}
                    None => return Err(failed(format!("configmap {:?} not found", c.name))),
                }
            }
            if let Some(c) = &s.secret {
                match secret(sim, ns, &c.name) {
                    Some(data) => {
                        place(&mut files, &data, c.items.as_ref(), c.optional == Some(true)).map_err(failed)?;
                    }
                    None if c.optional == Some(true) => {}
                    None => return Err(failed(format!("secret {:?} not found", c.name))),
                }
            }
            for i in s.downward_api.iter().flat_map(|d| d.items.iter().flatten()) {
                if let Some(f) = &i.field_ref {
                    files.place(&i.path, &field(k, sim, pod, f));
                }
                if let Some(r) = &i.resource_field_ref {
                    files.place(&i.path, &resource(k, pod, "", r));
                }
            }
        }
    } else if v.persistent_volume_claim.is_some() || v.ephemeral.is_some() {
        let claim = match &v.persistent_volume_claim {
            Some(c) => c.claim_name.clone(),
            None => format!("{}-{}", pod.name, v.name),
        };
        let name = claimed(sim, pod, &claim)?;
        return Ok((k.lasting.get(&name).cloned().unwrap_or_default(), Some(name)));
    } else if let Some(h) = &v.host_path {
        let name: Arc<str> = format!("host/{}{}", pod.node.as_deref().unwrap_or_default(), h.path).into();
        if !k.lasting.contains_key(&name)
            && let Some(what) = host_type(h.type_.as_deref().unwrap_or_default(), &h.path)
        {
            return Err(failed(format!("hostPath type check failed: {} is not {what}", h.path)));
        }
        let kept = k.lasting.get(&name).cloned();
        if let Some(file) = host_file(v).filter(|_| kept.is_none()) {
            files.place(&file, &node_file(sim, pod, &h.path));
            return Ok((files, Some(name)));
        }
        return Ok((kept.unwrap_or_default(), Some(name)));
    }
    Ok((files, None))
}

/// The name of the directory that the kubelet writes a volume's files to: the moment, and a number.
fn written(sim: &Sim, pod: &PodRecord, index: usize) -> String {
    let seed = [sim.config.seed, pod.id, sim.now.0, index as u64].map(u64::to_le_bytes).concat();
    let number = (crate::store::pod::fnv(&seed) as u32).wrapping_mul(0x9e37_79b1);
    // `2026-01-01T00:00:00Z`; a formatter of any pattern would come with the page for this alone
    let moment = sim.now.rfc3339().trim_end_matches('Z').replace(['-', 'T', ':'], "_");
    format!("..{moment}.{number}")
}

/// Directories that every node has.
const NODE_DIRECTORIES: [&str; 26] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log",
    "/var/log/containers",
    "/var/log/pods",
    "/var/run",
];

/// A volume that is one file of its node: that file in it.
fn host_file(v: &Volume) -> Option<String> {
    let h = v.host_path.as_ref().filter(|h| matches!(h.type_.as_deref(), Some("File" | "FileOrCreate")))?;
    Some(format!("/{}", h.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()))
}

/// What stands in a file of a node.
fn node_file(sim: &Sim, pod: &PodRecord, path: &str) -> String {
    let name = pod.node.as_deref().unwrap_or_default();
    let node = sim.store.typed::<Node>(&Key::new("", name));
    let info = node.as_ref().and_then(|n| n.status.as_ref()).and_then(|s| s.node_info.as_ref());
    match normalize("/", path).as_str() {
        "/etc/machine-id" => info.map_or(String::new(), |i| format!("{}\n", i.machine_id)),
        "/etc/hostname" => format!("{name}\n"),
        "/etc/os-release" => info.map_or(String::new(), |i| format!("PRETTY_NAME=\"{}\"\n", i.os_image)),
        "/etc/timezone" => "Etc/UTC\n".into(),
        _ => String::new(),
    }
}

/// What a path of a node is not, though a hostPath volume of this type needs it to be; none: all is well, or nobody knows
/// better. Models the host path plugin's type checks.
fn host_type(type_: &str, path: &str) -> Option<&'static str> {
    let path = normalize("/", path);
    let below = |dirs: &[&str]| dirs.iter().any(|d| path.starts_with(d));
    match type_ {
        "Directory"
            if NODE_DIRECTORIES.contains(&path.as_str())
                || below(&["/etc/", "/usr/", "/sys/", "/proc/", "/var/lib/kubelet/"]) =>
        {
            None
        }
        "Directory" => Some("a directory"),
        "File" if below(&["/etc/", "/proc/", "/sys/"]) => None,
        "File" => Some("a file"),
        "Socket" if path == "/run/containerd/containerd.sock" || path == "/var/run/containerd/containerd.sock" => None,
        "Socket" => Some("a socket file"),
        "CharDevice" if below(&["/dev/"]) => None,
        "CharDevice" => Some("a character device"),
        "BlockDevice" if below(&["/dev/sd", "/dev/vd", "/dev/nvme"]) => None,
        "BlockDevice" => Some("a block device"),
        _ => None,
    }
}

/// Where the files of a claim's volume are kept. Models what attach-detach-controller and volume manager wait for.
///
/// # Errors
/// The text of a FailedMount event, or, with [`MULTI_ATTACH`] before it, of FailedAttachVolume.
fn claimed(sim: &Sim, pod: &PodRecord, claim: &str) -> Result<Arc<str>, String> {
    let ns = &pod.namespace;
    let Some(c) = sim.store.typed::<PersistentVolumeClaim>(&Key::new(ns.clone(), claim)) else {
        return Err(format!("persistentvolumeclaim {claim:?} not found"));
    };
    let named = c.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    let bound = c.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound");
    let Some(volume) = sim.store.typed::<PersistentVolume>(&Key::new("", named)).filter(|_| bound) else {
        return Err(format!("PVC {ns}/{claim} is not bound"));
    };
    let Some(spec) = &volume.spec else { return Ok(format!("volume/{named}").into()) };
    if let Some(h) = &spec.host_path {
        return Ok(format!("host/{}{}", pod.node.as_deref().unwrap_or_default(), h.path).into());
    }
    if let Some(l) = &spec.local {
        return Ok(format!("host/{}{}", pod.node.as_deref().unwrap_or_default(), l.path).into());
    }
    if let Some(n) = &spec.nfs {
        return Ok(format!("nfs/{}{}", n.server, n.path).into());
    }
    let shared = spec.access_modes.iter().flatten().any(|m| m == "ReadWriteMany" || m == "ReadOnlyMany");
    if !shared {
        let elsewhere: Vec<&str> = sim
            .store
            .list(Kind::Pod, Some(ns))
            .filter_map(|o| match o {
                Obj::Pod(p) => Some(p),
                _ => None,
            })
            .filter(|p| p.id != pod.id && p.node.is_some() && p.node != pod.node && !p.status.phase.is_terminal())
            .filter(|p| {
                let volumes = p.proto.pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
                volumes.filter_map(|v| v.persistent_volume_claim.as_ref()).any(|c| c.claim_name == claim)
            })
            .map(|p| &*p.name)
            .collect();
        if !elsewhere.is_empty() {
            return Err(format!(
                "{MULTI_ATTACH} for volume {named:?} Volume is already used by pod(s) {}",
                elsewhere.join(", ")
            ));
        }
    }
    Ok(format!("volume/{named}").into())
}

/// How the text begins that says that a volume is in use on another node.
pub const MULTI_ATTACH: &str = "Multi-Attach error";

/// Whether a volume shows what other objects, or the pod itself, say now.
fn follows(v: &Volume) -> bool {
    v.config_map.is_some() || v.secret.is_some() || v.downward_api.is_some() || v.projected.is_some()
}

/// Whether a volume shows the pod's own labels or annotations.
pub fn tells_of_pod(v: &Volume) -> bool {
    let sources = v.projected.iter().flat_map(|p| p.sources.iter().flatten()).filter_map(|s| s.downward_api.as_ref());
    let items = sources.flat_map(|d| d.items.iter().flatten());
    let items = items.chain(v.downward_api.iter().flat_map(|d| d.items.iter().flatten()));
    items.filter_map(|i| i.field_ref.as_ref()).any(|f| f.field_path.starts_with("metadata.")) && v.name != TOKEN_MARK
}

/// The permissions that a volume gives its files: `defaultMode`.
fn mode(v: &Volume) -> Option<u16> {
    let given = v.config_map.as_ref().map(|c| c.default_mode);
    let given = given.or(v.secret.as_ref().map(|s| s.default_mode));
    let given = given.or(v.downward_api.as_ref().map(|d| d.default_mode));
    let given = given.or(v.projected.as_ref().map(|p| p.default_mode))?;
    Some(given.unwrap_or(0o644) as u16 & 0o777)
}

/// Whether a volume shows this ConfigMap or Secret.
pub fn mentions(v: &Volume, kind: Kind, name: &str) -> bool {
    let sources = || v.projected.iter().flat_map(|p| p.sources.iter().flatten());
    match kind {
        Kind::ConfigMap => {
            v.config_map.as_ref().is_some_and(|c| c.name == name)
                || (v.name != TOKEN_MARK && sources().any(|s| s.config_map.as_ref().is_some_and(|c| c.name == name)))
        }
        _ => {
            v.secret.as_ref().is_some_and(|s| s.secret_name.as_deref() == Some(name))
                || sources().any(|s| s.secret.as_ref().is_some_and(|s| s.name == name))
        }
    }
}

/// Brings volumes up to date with the objects that they show. What is mounted by a subPath keeps its content.
///
/// # Errors
/// The text of a FailedMount event; the volumes stay as they were.
pub fn refresh(k: &Kubelets, sim: &Sim, pod: &PodRecord, plan: &Plan, volumes: &mut Volumes) -> Result<(), String> {
    for (i, v) in plan.spec().volumes.iter().flatten().enumerate().filter(|(_, v)| follows(v)) {
        let (files, _) = volume(k, sim, pod, v)?;
        if let Some(old) = volumes.files.get_mut(i).filter(|old| old.payload() != files) {
            *old = files.by_links(&written(sim, pod, i));
        }
    }
    Ok(())
}

/// Sets up a pod's volumes.
///
/// # Errors
/// The text of a FailedMount event.
pub fn volumes(k: &Kubelets, sim: &Sim, pod: &PodRecord, plan: &Plan) -> Result<Volumes, String> {
    let mut out = Volumes::default();
    let all: Vec<&Volume> = plan.spec().volumes.iter().flatten().collect();
    for (i, v) in all.iter().enumerate() {
        let (files, name) = volume(k, sim, pod, v)?;
        if let Some(dir) = v.empty_dir.as_ref().filter(|e| e.medium.as_deref() == Some("Memory")) {
            let size =
                dir.size_limit.as_ref().and_then(|q| Quantity::parse(&q.0).ok()).map(|q| q.value().max(0) as u64);
            let size = size.filter(|n| *n > 0).into_iter().chain(plan.memory_limit).min();
            out.in_memory.push(i);
            out.files.push(Files::of_size(size));
            continue;
        }
        out.files.push(if follows(v) { files.by_links(&written(sim, pod, i)) } else { files });
        out.lasting.extend(name.map(|n| (i, n)));
    }
    let grouped = plan.spec().security_context.as_ref().is_some_and(|s| s.fs_group.is_some());
    for i in 0..plan.containers.len() {
        let mounts = plan.container(i).and_then(|c| c.volume_mounts.as_ref());
        let named = mounts.into_iter().flatten().any(|m| m.sub_path_expr.as_ref().is_some_and(|e| !e.is_empty()));
        let env = if named { variables(k, sim, pod, plan, i).unwrap_or_default() } else { vec![] };
        out.mounts.push(
            mounts
                .into_iter()
                .flatten()
                .filter_map(|m| {
                    let volume = all.iter().position(|v| v.name == m.name)?;
                    let fixed = all[volume].config_map.is_some()
                        || all[volume].secret.is_some()
                        || all[volume].downward_api.is_some()
                        || all[volume].projected.is_some();
                    let expression = m.sub_path_expr.as_deref().map(|e| substitute(e, &env));
                    let sub = expression.as_deref().or(m.sub_path.as_deref());
                    let sub = sub.filter(|s| !s.is_empty()).map(|s| normalize("/", s));
                    let sub = match host_file(all[volume]) {
                        Some(file) => Some(format!("{file}{}", sub.unwrap_or_default())),
                        None => sub,
                    };
                    let mut index = volume;
                    if sub.is_some() && follows(all[volume]) {
                        // bound to the files as they are now
                        index = out.files.len();
                        out.files.push(out.files[volume].payload());
                    }
                    Some(Mount {
                        path: normalize("/", &m.mount_path).into(),
                        volume: index,
                        sub_path: sub.unwrap_or_default().into(),
                        read_only: fixed || m.read_only == Some(true),
                        mode: mode(all[volume]).map(|m| if grouped { m | 0o440 } else { m }),
                    })
                })
                .collect(),
        );
    }
    Ok(out)
}

/// A container's environment, in order: the cluster's services, `envFrom`, `env`.
///
/// # Errors
/// The text of a CreateContainerConfigError.
pub fn variables(
    k: &Kubelets,
    sim: &Sim,
    pod: &PodRecord,
    plan: &Plan,
    i: usize,
) -> Result<Vec<(String, String)>, String> {
    let ns = &pod.namespace;
    let mut env: Vec<(String, String)> = vec![];
    let set = |env: &mut Vec<(String, String)>, key: String, value: String| {
        env.retain(|(k, _)| *k != key);
        env.push((key, value));
    };
    for (key, value) in services(sim, ns, plan.spec().enable_service_links != Some(false)) {
        set(&mut env, key, value);
    }
    let Some(c) = plan.container(i) else { return Ok(env) };
    for from in c.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        let data = if let Some(r) = &from.config_map_ref {
            match config_map(sim, ns, &r.name) {
                None if r.optional != Some(true) => return Err(format!("configmap {:?} not found", r.name)),
                d => d,
            }
        } else if let Some(r) = &from.secret_ref {
            match secret(sim, ns, &r.name) {
                None if r.optional != Some(true) => return Err(format!("secret {:?} not found", r.name)),
                d => d,
            }
        } else {
            None
        };
        for (key, value) in data.unwrap_or_default() {
            set(&mut env, format!("{prefix}{key}"), value);
        }
    }
    for e in c.env.iter().flatten() {
        let value = match &e.value_from {
            None => substitute(e.value.as_deref().unwrap_or_default(), &env),
            Some(f) => {
                if let Some(r) = &f.config_map_key_ref {
                    let optional = r.optional == Some(true);
                    match config_map(sim, ns, &r.name).map(|d| d.get(&r.key).cloned()) {
                        Some(Some(v)) => v,
                        _ if optional => continue,
                        None => return Err(format!("configmap {:?} not found", r.name)),
                        Some(None) => return Err(format!("couldn't find key {} in ConfigMap {ns}/{}", r.key, r.name)),
                    }
                } else if let Some(r) = &f.secret_key_ref {
                    let optional = r.optional == Some(true);
                    match secret(sim, ns, &r.name).map(|d| d.get(&r.key).cloned()) {
                        Some(Some(v)) => v,
                        _ if optional => continue,
                        None => return Err(format!("secret {:?} not found", r.name)),
                        Some(None) => return Err(format!("couldn't find key {} in Secret {ns}/{}", r.key, r.name)),
                    }
                } else if let Some(f) = &f.field_ref {
                    field(k, sim, pod, f)
                } else if let Some(r) = &f.resource_field_ref {
                    resource(k, pod, &c.name, r)
                } else {
                    String::new()
                }
            }
        };
        set(&mut env, e.name.clone(), value);
    }
    Ok(env)
}

/// A container's request or limit, in units of the divisor, rounded up. A limit that is not set is what the node has.
/// Models resource.ExtractContainerResourceValue.
fn resource(k: &Kubelets, pod: &PodRecord, own: &str, r: &ResourceFieldSelector) -> String {
    let name = r.container_name.as_deref().filter(|n| !n.is_empty()).unwrap_or(own);
    let spec = pod.proto.pod.spec.as_ref();
    let mut all = spec.into_iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    let resources = all.find(|c| c.name == name).and_then(|c| c.resources.as_ref());
    let Some((list, key)) = r.resource.split_once('.') else { return String::new() };
    let limit = list == "limits";
    let amounts = resources.and_then(|r| if limit { r.limits.as_ref() } else { r.requests.as_ref() });
    let amount = amounts.and_then(|l| l.get(key)).and_then(|q| Quantity::parse(&q.0).ok());
    let node = k.workers.get(&pod.id).and_then(|w| k.nodes.get(w.node as usize));
    // in thousandths, so that parts of a core can be told
    let milli = match (amount, limit, key) {
        (Some(q), ..) => i128::from(q.milli_value()),
        (None, true, "cpu") => node.map_or(0, |n| i128::from(n.cpu)),
        (None, true, "memory") => node.map_or(0, |n| i128::from(n.memory) * 1000),
        (None, true, _) => i128::from(super::pressure::DISK) * 1000,
        _ => 0,
    };
    let divisor = r.divisor.as_ref().and_then(|d| Quantity::parse(&d.0).ok());
    let divisor = divisor.map_or(1000, |d| i128::from(d.milli_value())).max(1);
    let divisor = if r.divisor.as_ref().is_some_and(|d| d.0 == "0") { 1000 } else { divisor };
    ((milli + divisor - 1) / divisor).to_string()
}

/// `KUBERNETES_SERVICE_HOST`, `WEB_SERVICE_HOST`, `WEB_SERVICE_PORT`, `WEB_PORT_80_TCP` … (Models pkg/kubelet/envvars.)
fn services(sim: &Sim, ns: &Arc<str>, links: bool) -> Vec<(String, String)> {
    use k8s_openapi::api::core::v1::Service;
    let mut out = vec![];
    let mut add = |s: &Service| {
        let Some(spec) = &s.spec else { return };
        let ip = spec.cluster_ip.as_deref().unwrap_or_default();
        let ports = spec.ports.as_deref().unwrap_or_default();
        let (Some(first), true) = (ports.first(), !ip.is_empty() && ip != "None") else { return };
        let name = s.metadata.name.as_deref().unwrap_or_default().to_uppercase().replace('-', "_");
        out.push((format!("{name}_SERVICE_HOST"), ip.to_owned()));
        out.push((format!("{name}_SERVICE_PORT"), first.port.to_string()));
        for p in ports {
            if let Some(n) = p.name.as_deref().filter(|n| !n.is_empty()) {
                let n = n.to_uppercase().replace('-', "_");
                out.push((format!("{name}_SERVICE_PORT_{n}"), p.port.to_string()));
            }
        }
        for (i, p) in ports.iter().enumerate() {
            let upper = p.protocol.as_deref().unwrap_or("TCP");
            let (lower, port) = (upper.to_lowercase(), p.port);
            let url = format!("{lower}://{ip}:{port}");
            if i == 0 {
                out.push((format!("{name}_PORT"), url.clone()));
            }
            let link = format!("{name}_PORT_{port}_{upper}");
            out.push((format!("{link}_PROTO"), lower));
            out.push((format!("{link}_PORT"), port.to_string()));
            out.push((format!("{link}_ADDR"), ip.to_owned()));
            out.push((link, url));
        }
    };
    if let Some(s) = sim.store.typed::<Service>(&Key::new("default", "kubernetes")) {
        add(s);
    }
    if links {
        for s in sim.store.list_typed::<Service>(Some(ns)).take(200) {
            if &**ns != "default" || s.metadata.name.as_deref() != Some("kubernetes") {
                add(s);
            }
        }
    }
    out
}

/// Replaces `$(NAME)` by what the variables say; `$$(NAME)` stays as `$(NAME)`, unknown names stay as they are.
fn substitute(s: &str, env: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = s;
    while let Some(i) = rest.find('$') {
        out.push_str(&rest[..i]);
        rest = &rest[i..];
        if let Some(r) = rest.strip_prefix("$$") {
            out.push('$');
            rest = r;
        } else if let Some((name, after)) = rest.strip_prefix("$(").and_then(|r| r.split_once(')')) {
            match env.iter().find(|(k, _)| k == name) {
                Some((_, v)) => out.push_str(v),
                None => out.push_str(&rest[..name.len() + 3]),
            }
            rest = after;
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out + rest
}

/// A command line with `$(NAME)` replaced.
pub fn expand(argv: &[String], env: &[(String, String)]) -> Vec<String> {
    argv.iter().map(|a| substitute(a, env)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_in_commands() {
        let env = [("A".to_owned(), "1".to_owned())];
        assert_eq!(substitute("x$(A)y $(B) $$(A) $A $", &env), "x1y $(B) $(A) $A $");
    }
}
