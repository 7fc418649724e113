//! In-memory file systems: a container's own, and the volumes mounted into it. Invariant: paths are absolute and
//! normalised (no `.`, `..`, double or trailing slash), a file's parent directory exists. Persists nothing over restarts
//! but what lies on volumes; must not know pods.

use imbl::OrdMap;
use std::sync::Arc;

/// What a path leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A directory.
    Dir,
    /// A file with its content.
    File(Arc<str>),
    /// A file of so many zeros, which are nowhere kept.
    Zeros(u64),
    /// A symbolic link: another path, seen from the directory that the link lies in.
    Link(Arc<str>),
}

/// Why a file operation failed, in the words of `strerror`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No such file or directory
    Missing,
    /// Is a directory
    IsDir,
    /// Not a directory
    NotDir,
    /// File exists
    Exists,
    /// Directory not empty
    NotEmpty,
    /// Read-only file system
    ReadOnly,
    /// No space left on device
    Full,
    /// Permission denied
    Denied,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Problem::Missing => "No such file or directory",
            Problem::IsDir => "Is a directory",
            Problem::NotDir => "Not a directory",
            Problem::Exists => "File exists",
            Problem::NotEmpty => "Directory not empty",
            Problem::ReadOnly => "Read-only file system",
            Problem::Full => "No space left on device",
            Problem::Denied => "Permission denied",
        })
    }
}

/// Most bytes a single file may hold; what comes from strangers must not fill the page's memory.
pub const MAX_FILE: usize = 256 * 1024;
/// Most entries in one file system.
pub const MAX_ENTRIES: usize = 4096;

/// One file system. The number is what it holds at most, in bytes, if it has a size of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Files(OrdMap<Arc<str>, Entry>, Option<u64>);

impl Files {
    /// A container's root: the directories that every image has.
    pub fn root() -> Files {
        let mut f = Files::default();
        for d in ["/bin", "/dev", "/etc", "/home", "/opt", "/proc", "/root", "/run", "/srv", "/tmp", "/usr", "/var"] {
            f.0.insert(d.into(), Entry::Dir);
        }
        for d in ["/usr/bin", "/usr/share", "/var/log", "/var/run", "/var/lib", "/var/tmp", "/usr/local"] {
            f.0.insert(d.into(), Entry::Dir);
        }
        f
    }

    /// An empty one that holds so many bytes at most.
    pub fn of_size(bytes: Option<u64>) -> Files {
        Files(OrdMap::new(), bytes)
    }

    /// Bytes that still have room where a file of this path may be replaced.
    fn room(&self, path: &str) -> u64 {
        let old = match self.0.get(path) {
            Some(Entry::File(t)) => t.len() as u64,
            Some(Entry::Zeros(n)) => *n,
            _ => 0,
        };
        self.1.map_or(u64::MAX, |most| (most + old).saturating_sub(self.bytes()))
    }

    /// A file of zeros, as large as there is room for it.
    fn zeros(&mut self, path: &str, bytes: u64) -> Result<(), Problem> {
        let room = self.room(path);
        self.0.insert(path.into(), Entry::Zeros(bytes.min(room)));
        if bytes > room { Err(Problem::Full) } else { Ok(()) }
    }

    /// How many bytes it holds at most, if it has a size of its own.
    pub fn most(&self) -> Option<u64> {
        self.1
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        let size = |e: &Entry| match e {
            Entry::Dir => 0,
            Entry::File(t) | Entry::Link(t) => t.len() as u64,
            Entry::Zeros(n) => *n,
        };
        self.0.values().map(size).sum()
    }

    /// What stands at a path.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        if path == "/" { Some(&Entry::Dir) } else { self.0.get(path) }
    }

    /// Puts a file there, with the directories above it: for the runtime, which writes what an image or a volume holds.
    pub fn place(&mut self, path: &str, content: &str) {
        let path = normalize("/", path);
        for (i, _) in path.char_indices().filter(|(i, c)| *c == '/' && *i > 0) {
            self.0.entry(path[..i].into()).or_insert(Entry::Dir);
        }
        self.0.insert(path.into(), Entry::File(content.into()));
    }

    /// Puts a link there; the directory that it lies in is there.
    pub fn place_link(&mut self, path: &str, target: &str) {
        self.0.insert(path.into(), Entry::Link(target.into()));
    }

    /// The same files as the kubelet's atomic writer lays them out: in a directory of their own, to which `..data` leads,
    /// and a link for each name. `own` is that directory's name.
    pub fn by_links(&self, own: &str) -> Files {
        let mut out = Files(OrdMap::new(), self.1);
        let inner = format!("/{own}");
        out.0.insert(inner.as_str().into(), Entry::Dir);
        out.place_link("/..data", own);
        for (path, entry) in &self.0 {
            out.0.insert(format!("{inner}{path}").into(), entry.clone());
            if path.rfind('/') == Some(0) {
                out.place_link(path, &format!("..data{path}"));
            }
        }
        out
    }

    /// What `..data` leads to, without the links; all of it, where there is no such link.
    pub fn payload(&self) -> Files {
        let Some(Entry::Link(own)) = self.0.get("/..data") else { return self.clone() };
        let inner = format!("/{own}/");
        let mut out = Files(OrdMap::new(), self.1);
        for (path, entry) in &self.0 {
            if let Some(rest) = path.strip_prefix(&inner) {
                out.0.insert(format!("/{rest}").into(), entry.clone());
            }
        }
        out
    }

    /// Puts a directory there, with those above it.
    pub fn place_dir(&mut self, path: &str) {
        let path = normalize("/", path);
        for (i, _) in path.char_indices().filter(|(i, c)| *c == '/' && *i > 0) {
            self.0.entry(path[..i].into()).or_insert(Entry::Dir);
        }
        if path != "/" {
            self.0.insert(path.into(), Entry::Dir);
        }
    }

    fn write(&mut self, path: &str, content: &str, append: bool) -> Result<(), Problem> {
        match self.get(parent(path)) {
            None => return Err(Problem::Missing),
            Some(Entry::Dir) => {}
            Some(_) => return Err(Problem::NotDir),
        }
        let old = match self.get(path) {
            Some(Entry::Dir) => return Err(Problem::IsDir),
            Some(Entry::File(t)) => Some(t.clone()),
            Some(Entry::Zeros(_) | Entry::Link(_)) => None,
            None if self.0.len() >= MAX_ENTRIES => return Err(Problem::Full),
            None => None,
        };
        let text = match old {
            Some(old) if append => format!("{old}{content}"),
            _ => content.to_owned(),
        };
        if text.len() > MAX_FILE || (self.1.is_some() && text.len() as u64 > self.room(path)) {
            return Err(Problem::Full);
        }
        self.0.insert(path.into(), Entry::File(text.into()));
        Ok(())
    }

    /// Names directly below a directory, sorted, and whether each is a directory.
    pub fn list(&self, dir: &str) -> Vec<(String, bool)> {
        let prefix = if dir == "/" { "/".to_owned() } else { format!("{dir}/") };
        self.0
            .range::<_, str>((std::ops::Bound::Included(prefix.as_str()), std::ops::Bound::Unbounded))
            .take_while(|(p, _)| p.starts_with(&prefix))
            .filter(|(p, _)| !p[prefix.len()..].contains('/') && p.len() > prefix.len())
            .map(|(p, e)| (p[prefix.len()..].to_owned(), matches!(e, Entry::Dir)))
            .collect()
    }

    fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        let gone: Vec<Arc<str>> = self
            .0
            .range::<_, str>((std::ops::Bound::Included(path), std::ops::Bound::Unbounded))
            .take_while(|(p, _)| ***p == *path || p.starts_with(path))
            .filter(|(p, _)| ***p == *path || p.starts_with(&below))
            .map(|(p, _)| p.clone())
            .collect();
        for p in gone {
            self.0.remove(&p);
        }
    }
}

/// The directory above a path.
pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(i) => &path[..i],
    }
}

/// The absolute form of a path seen from a directory.
pub fn normalize(cwd: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
    let mut parts: Vec<&str> = vec![];
    for p in whole.split('/') {
        match p {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            p => parts.push(p),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A volume within a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    /// Where it is mounted: normalised.
    pub path: Arc<str>,
    /// Index of the volume in the pod's list.
    pub volume: usize,
    /// The part of the volume that is mounted: empty, or normalised and beginning with `/`.
    pub sub_path: Arc<str>,
    /// No writes.
    pub read_only: bool,
    /// The permissions of its files, if the volume sets them.
    pub mode: Option<u16>,
}

/// As whom a process runs, and what that lets it change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
    /// The group that the pod's volumes are given to.
    pub fs_group: Option<u32>,
    /// Only volumes can be written.
    pub read_only_root: bool,
    /// It was said who it is to be: it may not write where only root may.
    pub bound: bool,
}

impl User {
    /// Root, who may do everything.
    pub fn root() -> &'static User {
        static ROOT: User =
            User { uid: 0, gid: 0, groups: vec![], fs_group: None, read_only_root: false, bound: false };
        &ROOT
    }
}

/// Directories that everybody may write to.
const OPEN: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/"];

/// What a process of a container sees.
#[derive(Debug)]
pub struct FileSystem<'a> {
    /// As whom it runs.
    pub user: &'a User,
    /// The container's own files.
    pub root: &'a mut Files,
    /// What is mounted into it.
    pub mounts: &'a [Mount],
    /// The pod's volumes.
    pub volumes: &'a mut [Files],
}

/// The mount that a path lies on.
fn mount_of<'m>(mounts: &'m [Mount], volumes: usize, path: &str) -> Option<&'m Mount> {
    let below = |m: &&Mount| {
        path == &*m.path || path.strip_prefix(&*m.path).is_some_and(|r| r.starts_with('/') || &*m.path == "/")
    };
    mounts.iter().filter(below).filter(|m| m.volume < volumes).max_by_key(|m| m.path.len())
}

fn within(m: &Mount, path: &str) -> String {
    normalize("/", &format!("{}/{}", m.sub_path, path.strip_prefix(&*m.path).unwrap_or(path)))
}

/// What a container's files are, for who only looks.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The container's own files.
    pub root: &'a Files,
    /// What is mounted into it.
    pub mounts: &'a [Mount],
    /// The pod's volumes.
    pub volumes: &'a [Files],
}

/// Links that are followed one after the other.
const MOST_LINKS: u32 = 16;

impl View<'_> {
    /// Where a path leads to once all links on it have been followed, the last one too if that is wanted. What is not
    /// there leads to itself.
    pub fn leads_to(&self, path: &str, last: bool) -> String {
        let mut whole = path.to_owned();
        for _ in 0..MOST_LINKS {
            let cuts = whole.match_indices('/').map(|(i, _)| i).skip(1).chain(last.then_some(whole.len()));
            let found = cuts.filter(|end| *end > 0).find_map(|end| match self.at(&whole[..end]) {
                Some(Entry::Link(to)) => {
                    Some(normalize("/", &format!("{}{}", normalize(parent(&whole[..end]), &to), &whole[end..])))
                }
                _ => None,
            });
            match found {
                Some(next) => whole = next,
                None => break,
            }
        }
        whole
    }

    /// What stands at a path, links followed.
    pub fn get(&self, path: &str) -> Option<Entry> {
        match self.at(path) {
            None | Some(Entry::Link(_)) => match self.leads_to(path, true) {
                to if to == path => None,
                to => self.at(&to).filter(|e| !matches!(e, Entry::Link(_))),
            },
            found => found,
        }
    }

    /// What stands at a path itself, be it a link.
    pub fn at(&self, path: &str) -> Option<Entry> {
        if matches!(path, "/dev/null" | "/dev/stdin" | "/dev/tty" | "/dev/zero" | "/dev/random" | "/dev/urandom") {
            return Some(Entry::File("".into()));
        }
        match mount_of(self.mounts, self.volumes.len(), path) {
            Some(m) => {
                let e = self.volumes[m.volume].get(&within(m, path)).cloned();
                // a mount point is there even when its volume is empty
                e.or_else(|| (path == &*m.path).then_some(Entry::Dir))
            }
            None => self.root.get(path).cloned().or_else(|| {
                let prefix = format!("{path}/");
                self.mounts.iter().any(|m| m.path.starts_with(&prefix)).then_some(Entry::Dir)
            }),
        }
    }

    /// The permissions of a file, if the volume that it lies on sets them.
    pub fn mode(&self, path: &str) -> Option<u16> {
        mount_of(self.mounts, self.volumes.len(), &self.leads_to(path, true))?.mode
    }

    /// Names directly below a directory, sorted, and whether each is a directory.
    pub fn list(&self, dir: &str) -> Vec<(String, bool)> {
        let to = if self.at(dir) == Some(Entry::Dir) { None } else { Some(self.leads_to(dir, true)) };
        let dir = to.as_deref().unwrap_or(dir);
        let mut names = match mount_of(self.mounts, self.volumes.len(), dir) {
            Some(m) => self.volumes[m.volume].list(&within(m, dir)),
            None => self.root.list(dir),
        };
        let prefix = if dir == "/" { "/".to_owned() } else { format!("{dir}/") };
        for m in self.mounts {
            if let Some(rest) = m.path.strip_prefix(prefix.as_str()).filter(|r| !r.is_empty()) {
                let name = rest.split('/').next().unwrap_or(rest);
                if !names.iter().any(|(n, _)| n == name) {
                    names.push((name.to_owned(), true));
                }
            }
        }
        names.sort();
        names
    }
}

impl FileSystem<'_> {
    /// The same, to look only.
    pub fn view(&self) -> View<'_> {
        View { root: self.root, mounts: self.mounts, volumes: self.volumes }
    }

    fn mount(&self, path: &str) -> Option<&Mount> {
        mount_of(self.mounts, self.volumes.len(), path)
    }

    /// May a path of the container's own files be changed?
    fn may_change(&self, path: &str) -> Result<(), Problem> {
        if path.starts_with("/dev/") {
            return Ok(());
        }
        if self.user.read_only_root {
            return Err(Problem::ReadOnly);
        }
        if self.user.bound && self.user.uid != 0 && !OPEN.iter().any(|d| path.starts_with(d)) {
            return Err(Problem::Denied);
        }
        Ok(())
    }

    /// Is a volume mounted right there? Then whether it can be written.
    pub fn mounted(&self, path: &str) -> Option<bool> {
        self.mounts.iter().find(|m| &*m.path == path).map(|m| !m.read_only)
    }

    /// The permissions of a file, if the volume that it lies on sets them.
    pub fn mode(&self, path: &str) -> Option<u16> {
        self.view().mode(path)
    }

    /// User and group that a path belongs to.
    pub fn owner(&self, path: &str) -> (u32, u32) {
        let user = self.user;
        match self.mount(path) {
            Some(m) if m.read_only || &*m.path == path => (0, user.fs_group.unwrap_or(0)),
            Some(_) => (user.uid, user.fs_group.unwrap_or(user.gid)),
            None if OPEN.iter().any(|d| path.starts_with(d)) => (user.uid, user.gid),
            None => (0, 0),
        }
    }

    fn within(m: &Mount, path: &str) -> String {
        within(m, path)
    }

    /// What stands at a path, links followed.
    pub fn get(&self, path: &str) -> Option<Entry> {
        self.view().get(path)
    }

    /// The target of a link; none: it is none.
    pub fn link_at(&self, path: &str) -> Option<Arc<str>> {
        match self.view().at(&self.view().leads_to(path, false)) {
            Some(Entry::Link(to)) => Some(to),
            _ => None,
        }
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// Something stands there already, or it may not be written.
    pub fn link(&mut self, path: &str, target: &str) -> Result<(), Problem> {
        let path = self.view().leads_to(path, false);
        if self.view().at(&path).is_some() {
            return Err(Problem::Exists);
        }
        self.write(&path, "", false)?;
        match self.mount(&path).cloned() {
            Some(m) => self.volumes[m.volume].place_link(&Self::within(&m, &path), target),
            None => self.root.place_link(&path, target),
        }
        Ok(())
    }

    /// A file's content.
    ///
    /// # Errors
    /// [`Problem::Missing`], [`Problem::IsDir`].
    pub fn read(&self, path: &str) -> Result<Arc<str>, Problem> {
        match self.get(path) {
            None => Err(Problem::Missing),
            Some(Entry::Dir) => Err(Problem::IsDir),
            Some(Entry::File(t)) => Ok(t),
            Some(Entry::Zeros(_) | Entry::Link(_)) => Ok("".into()),
        }
    }

    /// Writes or appends to a file.
    ///
    /// # Errors
    /// No directory, a directory in its place, a read-only volume, too big.
    pub fn write(&mut self, path: &str, content: &str, append: bool) -> Result<(), Problem> {
        // what a container says at its end is kept
        if path.starts_with("/dev/") && path != "/dev/termination-log" {
            return Ok(());
        }
        let to = self.view().leads_to(path, true);
        let path = to.as_str();
        if let Some(m) = self.mount(path).cloned() {
            if m.read_only {
                return Err(Problem::ReadOnly);
            }
            let p = Self::within(&m, path);
            if !m.sub_path.is_empty() && self.volumes[m.volume].get(&m.sub_path).is_none() {
                self.volumes[m.volume].place_dir(&m.sub_path);
            }
            return self.volumes[m.volume].write(&p, content, append);
        }
        self.may_change(path)?;
        self.root.write(path, content, append)
    }

    /// Writes a file of so many zeros.
    ///
    /// # Errors
    /// As [`FileSystem::write`]; a volume that is too small is full then.
    pub fn write_zeros(&mut self, path: &str, bytes: u64) -> Result<(), Problem> {
        self.write(path, "", false)?;
        match self.mount(path).cloned() {
            _ if path.starts_with("/dev/") => Ok(()),
            Some(m) => self.volumes[m.volume].zeros(&Self::within(&m, path), bytes),
            None => self.root.zeros(path, bytes),
        }
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// It is there already, or its parent is not.
    pub fn mkdir(&mut self, path: &str) -> Result<(), Problem> {
        let to = self.view().leads_to(path, false);
        let path = to.as_str();
        if self.get(path).is_some() {
            return Err(Problem::Exists);
        }
        match self.get(parent(path)) {
            None => return Err(Problem::Missing),
            Some(Entry::Dir) => {}
            Some(_) => return Err(Problem::NotDir),
        }
        match self.mount(path).cloned() {
            Some(m) if m.read_only => return Err(Problem::ReadOnly),
            Some(m) => self.volumes[m.volume].place_dir(&Self::within(&m, path)),
            None => {
                self.may_change(path)?;
                if self.root.0.len() >= MAX_ENTRIES {
                    return Err(Problem::Full);
                }
                self.root.place_dir(path);
            }
        }
        Ok(())
    }

    /// Removes a file, or a directory with all that is in it.
    ///
    /// # Errors
    /// It is not there, or may not be written.
    pub fn remove(&mut self, path: &str) -> Result<(), Problem> {
        let to = self.view().leads_to(path, false);
        let path = to.as_str();
        if self.view().at(path).is_none() {
            return Err(Problem::Missing);
        }
        match self.mount(path).cloned() {
            Some(m) if m.read_only => return Err(Problem::ReadOnly),
            Some(m) => self.volumes[m.volume].remove(&Self::within(&m, path)),
            None => {
                self.may_change(path)?;
                self.root.remove(path);
            }
        }
        Ok(())
    }

    /// Names directly below a directory, sorted, and whether each is a directory.
    pub fn list(&self, dir: &str) -> Vec<(String, bool)> {
        self.view().list(dir)
    }
}
