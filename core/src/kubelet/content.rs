//! Files that images bring along, and what servers make of files: a web server answers with what lies in its document
//! root, whether the image, a volume or a command has put it there. Pure.

use super::plan::{ContainerPlan, Web};
use super::pod_worker::PodWork;
use crate::runtime::files::{Entry, Files, View, normalize};
use crate::runtime::web::Reply;
use crate::runtime::{httpd, nginx};
use std::sync::Arc;

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
    fn a_server_answers_with_its_files() {
        let mut root = Files::root();
        root.place("/www/index.html", "home");
        root.place("/www/a/b.txt", "b");
        let view = View { root: &root, mounts: &[], volumes: &[] };
        let code = |path: &str| page(view, "/www", path).0;
        assert_eq!(page(view, "/www", "/?x=1"), (200, "home".into()));
        assert_eq!((code("/a/b.txt"), code("/a/"), code("/nope")), (200, 403, 404));
        // an empty volume hides what the image has
        let mounts = [Mount { path: "/www".into(), volume: 0, sub_path: "".into(), read_only: false }];
        assert_eq!(page(View { root: &root, mounts: &mounts, volumes: &[Files::default()] }, "/www", "/").0, 403);
    }
}
