//! Files that images bring along, and what servers make of files: a web server answers with what lies in its document
//! root, whether the image, a volume or a command has put it there. Pure.

use super::plan::{ContainerPlan, Web};
use super::pod_worker::PodWork;
use crate::runtime::files::{Entry, Files, User, View, normalize};
use crate::runtime::web::Reply;
use crate::runtime::{httpd, nginx};
use k8s_openapi::api::core::v1::Container;
use std::sync::Arc;

/// The account of images that nobody logs in to.
const NOBODY: &str = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
/// Capabilities in the order of their bits.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];
/// Those that a container has if nobody says otherwise. Models containerd's default.
const USUAL: u64 = 0xa804_25fb;
const ALL: u64 = (1 << CAPABILITIES.len()) - 1;

/// `/proc/1/status` of a container: who it runs as, and what it may.
pub fn status(c: &Container, user: &User) -> String {
    let own = c.security_context.as_ref();
    let privileged = own.and_then(|s| s.privileged) == Some(true);
    let bits = |names: Option<&Vec<String>>| {
        names.into_iter().flatten().fold(0, |all, name| {
            let name = name.to_ascii_uppercase();
            let bit = CAPABILITIES.iter().position(|c| *c == name.trim_start_matches("CAP_"));
            all | if name == "ALL" { ALL } else { bit.map_or(0, |b| 1 << b) }
        })
    };
    let given = own.and_then(|s| s.capabilities.as_ref());
    let (add, drop) = (bits(given.and_then(|g| g.add.as_ref())), bits(given.and_then(|g| g.drop.as_ref())));
    let bound = match drop {
        _ if privileged => ALL,
        ALL => add,
        drop => (USUAL | add) & !drop,
    };
    let held = if user.uid == 0 { bound } else { 0 };
    let User { uid, gid, .. } = user;
    let fixed = own.and_then(|s| s.allow_privilege_escalation) == Some(false);
    format!(
        "Name:\tsh\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t1\nPid:\t1\nPPid:\t0\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n\
         CapInh:\t0000000000000000\nCapPrm:\t{held:016x}\nCapEff:\t{held:016x}\nCapBnd:\t{bound:016x}\nCapAmb:\t0000000000000000\nNoNewPrivs:\t{}\nSeccomp:\t0\n",
        u8::from(fixed)
    )
}

/// A container's own files when it starts.
pub fn furnished(c: &ContainerPlan) -> Files {
    let mut files = Files::root();
    let Some(e) = &c.entry else { return files };
    let system = match &*c.image {
        i if i.contains("busybox") || !e.shell => None,
        i if i.contains("alpine") => Some(("Alpine Linux", "alpine")),
        i if i.contains("ubuntu") => Some(("Ubuntu", "ubuntu")),
        _ => Some(("Debian GNU/Linux", "debian")),
    };
    if let Some((name, id)) = system {
        files.place("/etc/os-release", &format!("NAME=\"{name}\"\nID={id}\n"));
    }
    if e.shell {
        let shell = if system.is_some_and(|(_, id)| id != "alpine") { "/bin/bash" } else { "/bin/sh" };
        files.place("/etc/passwd", &format!("root:x:0:0:root:/root:{shell}\n{NOBODY}"));
        files.place("/etc/group", "root:x:0:\nnogroup:x:65534:\n");
    }
    match c.web {
        Some(Web::Nginx) => {
            files.place(nginx::FILE, nginx::MAIN);
            files.place("/etc/nginx/mime.types", nginx::TYPES);
            files.place(
                "/etc/nginx/conf.d/default.conf",
                &nginx::default_server(e.ports.first().copied().unwrap_or(80)),
            );
            files.place(&format!("{}/50x.html", e.root), nginx::SORRY);
        }
        Some(Web::Apache) => {
            files.place(httpd::FILE, &httpd::main_file());
            files.place("/usr/local/apache2/conf/mime.types", "text/html html htm\ntext/css css\n");
        }
        None => {}
    }
    if !e.root.is_empty() {
        files.place(&format!("{}/index.html", e.root), e.answer("/").1);
    }
    files
}

/// What a server answers from its document root: status and body.
pub fn page(files: View<'_>, root: &str, path: &str) -> (u16, Arc<str>) {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let full = normalize("/", &format!("{root}/{path}"));
    match files.get(&full) {
        Some(Entry::File(text)) => (200, text),
        Some(Entry::Zeros(_) | Entry::Link(_)) => (200, "".into()),
        Some(Entry::Dir) => match files.get(&format!("{full}/index.html")) {
            Some(Entry::File(text)) => (200, text),
            // Apache's lists what there is
            _ if root.contains("apache") => (200, "<html><head><title>Index of /</title></head></html>\n".into()),
            _ => (403, error(root, 403)),
        },
        None => (404, error(root, 404)),
    }
}

fn error(root: &str, code: u16) -> Arc<str> {
    if root.contains("apache") { httpd::page(code, "") } else { nginx::page(code) }
}

impl PodWork {
    /// What the server of a container answers by its files; none: it answers as the image does.
    pub(super) fn page(&self, c: &ContainerPlan, i: usize, path: &str) -> Option<Reply> {
        let root = c.entry.as_ref().map(|e| &e.root).filter(|r| !r.is_empty())?;
        let run = self.runs.get(i)?;
        // nobody has changed what the image has: the catalogue knows the answer
        if !c.shows_volume && !run.touched {
            return None;
        }
        let mounts = self.volumes.as_ref().and_then(|v| v.mounts.get(i)).map_or(&[][..], Vec::as_slice);
        let volumes = self.volumes.as_ref().map_or(&[][..], |v| &v.files);
        let (code, body) = page(View { root: &run.files, mounts, volumes }, root, path);
        Some(Reply::new(code, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::files::Mount;

    #[test]
    fn what_a_process_may_is_in_proc() {
        let caps = |context: serde_json::Value, uid: u32| {
            let c: Container =
                serde_json::from_value(serde_json::json!({"name": "c", "securityContext": context})).unwrap();
            let text = status(&c, &User { uid, ..User::default() });
            text.lines().find_map(|l| l.strip_prefix("CapEff:\t")).unwrap().to_owned()
        };
        let json = serde_json::json!({});
        assert_eq!(caps(json.clone(), 0), "00000000a80425fb");
        assert_eq!(caps(json, 1000), "0000000000000000");
        let add = serde_json::json!({"capabilities": {"add": ["NET_ADMIN", "SYS_TIME"]}});
        assert_eq!(caps(add, 0), "00000000aa0435fb");
        let few = serde_json::json!({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}});
        assert_eq!(caps(few, 0), "0000000000000400");
        assert_eq!(caps(serde_json::json!({"privileged": true}), 0), "000001ffffffffff");
    }

    #[test]
    fn a_server_answers_with_its_files() {
        let mut root = Files::root();
        root.place("/www/index.html", "home");
        root.place("/www/a/b.txt", "b");
        let view = View { root: &root, mounts: &[], volumes: &[] };
        let code = |path: &str| page(view, "/www", path).0;
        assert_eq!(page(view, "/www", "/?x=1"), (200, "home".into()));
        assert_eq!((code("/a/b.txt"), code("/a/"), code("/nope")), (200, 403, 404));
        // an empty volume hides what the image has
        let mounts = [Mount { path: "/www".into(), volume: 0, sub_path: "".into(), read_only: false, mode: None }];
        assert_eq!(page(View { root: &root, mounts: &mounts, volumes: &[Files::default()] }, "/www", "/").0, 403);
    }
}
