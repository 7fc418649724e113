//! As whom a container's processes run, and which servers cannot come up so. Pure. Models what a runtime makes of
//! security contexts; the words are those of the servers themselves.

use super::plan::NOT_ROOT;
use crate::runtime::files::{User, normalize};
use k8s_openapi::api::core::v1::{Container, PodSpec};

/// Users and groups of images that have some of their own, by a part of their names.
const OWN: [(&str, (u32, u32)); 5] = [
    ("curlimages/", (100, 101)),
    ("unprivileged", (101, 101)),
    ("bitnami/", (1001, 0)),
    ("podinfo", (100, 101)),
    ("/pause", (65535, 65535)),
];
/// Those of the other ones.
const NOBODY: (u32, u32) = (65532, 65532);

/// As whom a container runs.
pub fn of(c: &Container, spec: &PodSpec, image: &str) -> User {
    let own = c.security_context.as_ref();
    let pods = spec.security_context.as_ref();
    let id = |n: i64| n.clamp(0, i64::from(u32::MAX)) as u32;
    let said = own.and_then(|s| s.run_as_user).or(pods.and_then(|s| s.run_as_user)).map(id);
    let images = || {
        let known = OWN.iter().find(|(n, _)| image.contains(n)).map(|(_, u)| *u);
        known.or_else(|| NOT_ROOT.iter().any(|n| image.contains(n)).then_some(NOBODY)).unwrap_or((0, 0))
    };
    let group = own.and_then(|s| s.run_as_group).or(pods.and_then(|s| s.run_as_group)).map(id);
    let groups = pods.and_then(|s| s.supplemental_groups.as_ref());
    User {
        uid: said.unwrap_or_else(|| images().0),
        // whom a manifest names has no group in the image
        gid: group.unwrap_or_else(|| if said.is_some() { 0 } else { images().1 }),
        groups: groups.into_iter().flatten().map(|g| id(*g)).collect(),
        fs_group: pods.and_then(|s| s.fs_group).map(id),
        read_only_root: own.and_then(|s| s.read_only_root_filesystem) == Some(true),
        bound: said.is_some(),
    }
}

/// What a server says that cannot write where it has to, before it ends with 1; none: it comes up.
pub fn cannot(c: &Container, image: &str, user: &User) -> Option<String> {
    let name = image.split(['@', ':']).next().unwrap_or(image).trim_start_matches("docker.io/");
    let writable = |dir: &str| {
        let mut mounts = c.volume_mounts.iter().flatten().filter(|m| m.read_only != Some(true));
        mounts.any(|m| {
            let at = normalize("/", &m.mount_path);
            dir == at || dir.strip_prefix(&at).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let (number, why) = match () {
        () if user.read_only_root => (30, "Read-only file system"),
        () if user.bound && user.uid != 0 => (13, "Permission denied"),
        () => return None,
    };
    match name.trim_start_matches("library/") {
        "nginx" if !writable("/var/cache/nginx") => {
            Some(format!("nginx: [emerg] mkdir() \"/var/cache/nginx/client_temp\" failed ({number}: {why})\n"))
        }
        "nginx" if !writable("/run") && !writable("/var/run") => {
            Some(format!("nginx: [emerg] open() \"/run/nginx.pid\" failed ({number}: {why})\n"))
        }
        "httpd" if !writable("/usr/local/apache2/logs") => Some(format!(
            "({number}){why}: AH00099: could not create /usr/local/apache2/logs/httpd.pid.1\nAH00100: httpd: could not log \
             pid to file /usr/local/apache2/logs/httpd.pid\n"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cannot_of(spec: serde_json::Value) -> Option<String> {
        let spec: PodSpec = serde_json::from_value(spec).expect("a spec");
        let c = &spec.containers[0];
        let image = c.image.clone().unwrap_or_default();
        cannot(c, &image, &of(c, &spec, &image))
    }

    #[test]
    fn a_server_needs_its_directories() {
        let read_only = json!({"readOnlyRootFilesystem": true});
        let c = |mounts: serde_json::Value| json!({"containers": [{"name": "c", "image": "nginx:1.25", "securityContext": read_only, "volumeMounts": mounts}]});
        let why = cannot_of(c(json!([]))).expect("it cannot");
        assert_eq!(why, "nginx: [emerg] mkdir() \"/var/cache/nginx/client_temp\" failed (30: Read-only file system)\n");
        let cache = json!({"name": "a", "mountPath": "/var/cache/nginx"});
        assert!(cannot_of(c(json!([cache]))).is_some_and(|w| w.contains("/run/nginx.pid")));
        assert_eq!(cannot_of(c(json!([cache, {"name": "b", "mountPath": "/var/run/"}]))), None);
    }

    #[test]
    fn who_runs() {
        let spec: PodSpec = serde_json::from_value(json!({
            "securityContext": {"runAsUser": 1000, "runAsGroup": 3000, "fsGroup": 2000},
            "containers": [{"name": "a", "image": "busybox"}, {"name": "b", "securityContext": {"runAsUser": 5}}],
        }))
        .expect("a spec");
        let a = of(&spec.containers[0], &spec, "busybox");
        assert_eq!((a.uid, a.gid, a.fs_group), (1000, 3000, Some(2000)));
        assert_eq!(of(&spec.containers[1], &spec, "").uid, 5);
        assert_eq!(of(&Container::default(), &PodSpec::default(), "curlimages/curl:8").uid, 100);
    }
}
