//! Images: references as manifests write them, and a catalogue of well-known ones. Invariant: what an image does follows
//! from its name and the catalogue alone. Must not know pods or nodes.

use crate::clock::SimDuration;
use regex_lite::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The tag that no image has: what recorded sessions and lessons use for an image that cannot be pulled.
pub const MISSING_TAG: &str = "does-not-exist";

/// A parsed image reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `docker.io`
    pub registry: String,
    /// `library/nginx`
    pub repository: String,
    /// `latest` where neither a tag nor a digest is given; empty with a digest only.
    pub tag: String,
    /// `sha256:…`
    pub digest: Option<String>,
}

impl Reference {
    /// Reads a reference; `None`: it is none (InvalidImageName).
    /// Models the grammar of distribution/reference: lower-case path components, at most 255 characters.
    pub fn parse(image: &str) -> Option<Reference> {
        let (rest, digest) = match image.split_once('@') {
            Some((rest, d)) => (rest, Some(valid_digest(d)?.to_owned())),
            None => (image, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(valid_tag(tag)?)),
            _ => (rest, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" || has_upper(host) => (host, path),
            _ => ("docker.io", name),
        };
        let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
        let host_ok =
            !registry.is_empty() && registry.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]_".contains(c));
        if !host_ok || name.len() > 255 || path.is_empty() || !path.split('/').all(valid_component) {
            return None;
        }
        let repository =
            if registry == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        let tag = match (tag, &digest) {
            (Some(t), _) => t.to_owned(),
            (None, Some(_)) => String::new(),
            (None, None) => "latest".to_owned(),
        };
        Some(Reference { registry: registry.to_owned(), repository, tag, digest })
    }

    /// The reference as containerd writes it: `docker.io/library/nginx:1.25`.
    pub fn canonical(&self) -> String {
        let mut s = format!("{}/{}", self.registry, self.repository);
        if !self.tag.is_empty() {
            s = s + ":" + &self.tag;
        }
        if let Some(d) = &self.digest {
            s = s + "@" + d;
        }
        s
    }

    /// The name that the catalogue knows: without `docker.io/` and `library/`.
    fn familiar(&self) -> String {
        if self.registry == "docker.io" {
            self.repository.strip_prefix("library/").unwrap_or(&self.repository).to_owned()
        } else {
            format!("{}/{}", self.registry, self.repository)
        }
    }
}

fn has_upper(s: &str) -> bool {
    s.chars().any(|c| c.is_ascii_uppercase())
}

fn valid_tag(tag: &str) -> Option<&str> {
    let ok = !tag.is_empty()
        && tag.len() <= 128
        && !tag.starts_with(['.', '-'])
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    ok.then_some(tag)
}

fn valid_digest(d: &str) -> Option<&str> {
    let (algorithm, hex) = d.split_once(':')?;
    let ok = !algorithm.is_empty()
        && algorithm.starts_with(|c: char| c.is_ascii_alphabetic())
        && algorithm.chars().all(|c| c.is_ascii_alphanumeric() || "+._-".contains(c))
        && hex.len() >= 32
        && (algorithm != "sha256" || hex.len() == 64)
        && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    ok.then_some(d)
}

/// Lower-case alphanumerics, joined by `.`, `_`, `__` or dashes.
fn valid_component(c: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = c.as_bytes();
    let ends = bytes.first().is_some_and(|b| alnum(*b)) && bytes.last().is_some_and(|b| alnum(*b));
    let mut run = String::new();
    for b in bytes {
        if alnum(*b) {
            if !(run.is_empty() || run == "." || run == "_" || run == "__" || run.bytes().all(|b| b == b'-')) {
                return false;
            }
            run.clear();
        } else if matches!(b, b'.' | b'_' | b'-') {
            run.push(char::from(*b));
        } else {
            return false;
        }
    }
    ends
}

/// What a container of an image does when the manifest gives no command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// Serves for ever.
    #[default]
    Serves,
    /// Runs a shell, which ends at once with 0 because it has no terminal.
    Shell,
    /// Prints its output and ends with 0.
    Prints,
}

/// What SIGTERM does to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Term {
    /// It exits at once.
    #[default]
    Exits,
    /// It finishes what it does and exits after a second.
    Drains,
    /// Nothing: it is killed at the end of the grace period.
    Ignores,
}

/// An entry of the catalogue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Image {
    names: Vec<String>,
    /// Bytes that a pull transfers.
    pub size: u64,
    tags: Vec<String>,
    variants: Vec<String>,
    /// `tags` and `variants`, read at the first question: every start of a container asks.
    #[serde(skip)]
    patterns: OnceLock<(Vec<Regex>, Vec<Regex>)>,
    /// Milliseconds until it listens.
    pub start: u64,
    /// Bytes of memory that it uses at least; 0: little enough for any limit.
    pub memory: u64,
    /// Bytes of memory that it comes to use; 0: a tenth more than `memory`, or what most servers do.
    pub working: u64,
    /// Millicores that it takes when nobody asks it for anything.
    #[serde(default = "one")]
    pub idle: u64,
    /// Microseconds of CPU that a request costs; 0: as most do.
    pub cost: u64,
    /// Ports it listens on when the manifest declares none.
    pub ports: Vec<u16>,
    /// Whether it listens on any port at all.
    #[serde(default = "yes")]
    pub listens: bool,
    /// What it does without a command.
    pub run: Run,
    /// How long `prints` takes, in milliseconds.
    pub lasts: u64,
    /// Where the files lie that it answers with; empty: its answers do not come from files.
    pub root: String,
    /// What it prints when it starts.
    pub output: String,
    /// What SIGTERM does.
    pub term: Term,
    /// Exit code after SIGTERM.
    pub exit: i32,
    needs: Vec<String>,
    refuses: String,
    has: Vec<String>,
    /// Whether it has a shell and its tools.
    #[serde(default = "yes")]
    pub shell: bool,
    http: BTreeMap<String, (u16, String)>,
    adapts: bool,
    healthy_for: u64,
    healthy_args: String,
}

fn one() -> u64 {
    1
}

fn yes() -> bool {
    true
}

impl Image {
    /// Bytes of memory that a server of it comes to use.
    pub fn uses(&self) -> u64 {
        match (self.working, self.memory) {
            (0, 0) => 8 << 20,
            (0, least) => least + least / 10,
            (working, _) => working,
        }
    }

    /// Does it have this program besides a shell's?
    pub fn has(&self, program: &str) -> bool {
        let base = program.rsplit('/').next().unwrap_or(program);
        self.has.iter().any(|h| h == base)
    }

    /// Do its answers change with time?
    pub fn changes(&self) -> bool {
        self.healthy_for > 0
    }

    /// Does it answer with errors this long after its start? Demonstrations of liveness probes do so on purpose.
    pub fn fails_at(&self, up: SimDuration, c: Option<&k8s_openapi::api::core::v1::Container>) -> bool {
        let asked = self.healthy_args.is_empty()
            || c.and_then(|c| c.args.as_ref()).is_some_and(|a| a.first() == Some(&self.healthy_args));
        self.healthy_for > 0 && asked && up.0 > self.healthy_for * 1000
    }

    /// Does it listen on its own ports whatever the manifest declares? So it is with servers whose tags are known, unless
    /// they can be told other ports.
    pub fn exact_ports(&self) -> bool {
        !self.tags.is_empty() && !self.ports.is_empty() && !self.adapts
    }

    /// What it prints and exits with 1 for, when none of the variables it needs is set.
    pub fn refuses(&self, set: impl Fn(&str) -> bool) -> Option<&str> {
        (!self.needs.is_empty() && !self.needs.iter().any(|n| set(n))).then_some(self.refuses.as_str())
    }

    /// Status and body of a GET. `{hostname}` and `{now}` are left for the caller to fill in. An image that lists no
    /// paths answers 200 everywhere.
    pub fn answer(&self, path: &str) -> (u16, &str) {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let path = if path == "/index.html" && !self.root.is_empty() { "/" } else { path };
        match self.http.get(path).or_else(|| self.http.get("*")) {
            Some((code, body)) => (*code, body),
            None if self.http.is_empty() => (200, "OK\n"),
            None => (404, "404 page not found\n"),
        }
    }

    fn has_tag(&self, tag: &str) -> bool {
        if self.tags.is_empty() {
            return true;
        }
        let read = |texts: &[String]| texts.iter().filter_map(|p| Regex::new(&format!("^(?:{p})$")).ok()).collect();
        let (tags, variants) = self.patterns.get_or_init(|| (read(&self.tags), read(&self.variants)));
        let one = |patterns: &[Regex], text: &str| patterns.iter().any(|p| p.is_match(text));
        one(tags, tag)
            || one(variants, tag)
            || tag.match_indices('-').any(|(i, _)| one(tags, &tag[..i]) && one(variants, &tag[i + 1..]))
    }
}

/// The catalogue.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    images: Vec<Arc<Image>>,
    exact: BTreeMap<String, usize>,
    prefixes: Vec<(String, usize)>,
}

impl Catalogue {
    /// Reads a catalogue from YAML.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &str) -> Result<Catalogue, String> {
        let images = crate::api::yaml::read_value(text).map_err(|e| e.to_string())?;
        let images: Vec<Arc<Image>> = serde_json::from_value(images).map_err(|e| e.to_string())?;
        let mut c = Catalogue::default();
        for (i, image) in images.iter().enumerate() {
            for name in &image.names {
                match name.strip_suffix('*') {
                    Some(prefix) => c.prefixes.push((prefix.to_owned(), i)),
                    None => {
                        c.exact.entry(name.strip_prefix("docker.io/").unwrap_or(name).to_owned()).or_insert(i);
                    }
                }
            }
        }
        c.images = images;
        Ok(c)
    }

    /// The catalogue that comes along.
    pub fn builtin() -> &'static Catalogue {
        static BUILTIN: OnceLock<Catalogue> = OnceLock::new();
        BUILTIN.get_or_init(|| Catalogue::read(include_str!("../../assets/images.yaml")).unwrap_or_default())
    }

    /// The entry of an image; none: nobody knows it, and it is a plain server on its declared ports.
    pub fn find(&self, r: &Reference) -> Option<&Arc<Image>> {
        let name = r.familiar();
        let i = self.exact.get(&name).copied().or_else(|| {
            self.prefixes.iter().filter(|(p, _)| name.starts_with(p.as_str())).max_by_key(|(p, _)| p.len()).map(|x| x.1)
        })?;
        self.images.get(i)
    }

    /// The entry of an image as a manifest writes it.
    pub fn lookup(&self, image: &str) -> Option<&Arc<Image>> {
        self.find(&Reference::parse(image)?)
    }

    /// Asks the image's registry for it: its size in bytes.
    ///
    /// # Errors
    /// containerd's words for an image that is not there.
    pub fn pull(&self, image: &str) -> Result<u64, String> {
        let Some(r) = Reference::parse(image) else {
            return Err(format!("failed to parse image reference {image:?}: invalid reference format"));
        };
        let there = r.tag != MISSING_TAG
            && (r.tag.is_empty() || r.digest.is_some() || self.find(&r).is_none_or(|i| i.has_tag(&r.tag)));
        if there {
            return Ok(self.find(&r).map_or(UNKNOWN_SIZE, |i| i.size));
        }
        let full = r.canonical();
        Err(format!(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"{full}\": failed to resolve reference \
             \"{full}\": {full}: not found"
        ))
    }
}

/// Bytes of an image that nobody knows.
const UNKNOWN_SIZE: u64 = 50_000_000;
/// How fast images come: 40 MB a second, after [`LATENCY`].
const BYTES_PER_SECOND: u64 = 40_000_000;
/// What a pull takes at least.
const LATENCY: SimDuration = SimDuration::from_millis(400);

/// How long a pull of so many bytes takes.
pub fn pull_time(bytes: u64) -> SimDuration {
    LATENCY + SimDuration(bytes.saturating_mul(1_000_000) / BYTES_PER_SECOND)
}

/// The pull policy that defaulting gives an image: Always for `latest` (or no tag at all), else IfNotPresent.
pub fn default_pull_policy(image: &str) -> &'static str {
    match Reference::parse(image) {
        Some(r) if r.tag == "latest" && r.digest.is_none() => "Always",
        _ => "IfNotPresent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let canonical = |s: &str| Reference::parse(s).map(|r| r.canonical());
        for (image, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.25", "docker.io/library/nginx:1.25"),
            ("kiamol/ch03-sleep", "docker.io/kiamol/ch03-sleep:latest"),
            ("localhost:5000/a/b:c", "localhost:5000/a/b:c"),
            ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
            ("a__b/c--d.e", "docker.io/a__b/c--d.e:latest"),
        ] {
            assert_eq!(canonical(image).as_deref(), Some(full));
        }
        for bad in ["Nginx", "nginx:", "a//b", "nginx@sha256:12", "-a", "a:-x", "", "a b", "nginx:1.25:3", "a___b"] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
        assert_eq!(default_pull_policy("nginx"), "Always");
        assert_eq!(default_pull_policy("nginx:1"), "IfNotPresent");
        assert_eq!(default_pull_policy(&format!("nginx@sha256:{}", "a".repeat(64))), "IfNotPresent");
    }

    #[test]
    fn catalogue() {
        let c = Catalogue::read(include_str!("../../assets/images.yaml")).unwrap();
        for image in [
            "nginx",
            "nginx:1.25",
            "nginx:1.17-alpine",
            "nginx:1.27.0",
            "redis:7",
            "mysql:8",
            "mysql:5.7",
            "postgres:16",
            "postgres:11.6-alpine",
            "busybox:1.36",
            "busybox:1.28",
            "kiamol/ch09-vweb:v2",
            "me/mine:7",
            "debian:bookworm-slim",
            "node:18-alpine",
            "python:3.12-slim",
            "redis:7.2-alpine",
            "httpd:2.4",
            "alpine:3.19",
        ] {
            assert!(c.pull(image).is_ok(), "{image}");
        }
        for image in [
            "nginx:nope",
            "gcr.io/google-samples/kubernetes-bootcamp:v10",
            "nginx:99.1",
            "me/mine:does-not-exist",
            "busybox:99",
            "redis:12",
        ] {
            assert!(c.pull(image).is_err(), "{image}");
        }
        assert_eq!(
            c.pull("nginx:nope").unwrap_err(),
            "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/library/nginx:nope\": failed \
             to resolve reference \"docker.io/library/nginx:nope\": docker.io/library/nginx:nope: not found"
        );
        assert_eq!(c.lookup("kiamol/other").map(|i| i.ports.clone()), Some(vec![80]));
        assert_eq!(c.lookup("luksa/kubia:v3").map(|i| i.term), Some(Term::Ignores));
        assert_eq!(c.lookup("busybox").map(|i| i.run), Some(Run::Shell));
        assert!(c.lookup("nobody/knows").is_none());
        assert!(c.lookup("nginx").is_some_and(|i| i.shell && i.answer("/").0 == 200 && i.answer("/x").0 == 404));
    }
}
