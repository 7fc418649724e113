//! Paths: which resource, object and subresource a request names.

use super::convert;
use super::request::Request;
use super::server::not_simulated;
use crate::api::error::Status;
use crate::api::kinds::{self, ResourceInfo};
use crate::sim::Sim;
use crate::store::{Key, Kind};

/// What a path names.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub info: &'static ResourceInfo,
    pub kind: Kind,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub subresource: &'static str,
    /// `metadata.managedFields` is wanted.
    pub managed: bool,
}

/// The answer to a path that there is not.
pub(super) fn missing() -> Status {
    Status::new(404, "NotFound", "the server could not find the requested resource")
}

impl Sim {
    /// What a request names.
    pub(super) fn target(&self, r: &Request) -> Result<Target, Status> {
        let kept = r.param("dryRun").is_none_or(str::is_empty);
        let mut t = Target::parse(&r.path, kept, |g, v, p| self.custom_resource(g, v, p))?;
        t.managed = r.managed;
        Ok(t)
    }
}

impl Target {
    /// `custom` finds resources that are not built in by group, version and plural. When nothing is `kept`, the rules of
    /// a kind are enough.
    pub(super) fn parse(
        path: &str,
        kept: bool,
        custom: impl Fn(&str, &str, &str) -> Option<(&'static ResourceInfo, Kind)>,
    ) -> Result<Target, Status> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", v, rest @ ..] => ("", *v, rest),
            ["apis", g, v, rest @ ..] => (*g, *v, rest),
            _ => return Err(missing()),
        };
        let (namespace, rest) = match rest {
            ["namespaces", ns, plural, tail @ ..] if !matches!(*plural, "status" | "finalize") => {
                (Some((*ns).to_string()), [&[*plural], tail].concat())
            }
            other => (None, other.to_vec()),
        };
        let (plural, name, sub) = match rest.as_slice() {
            [p] => (*p, None, ""),
            [p, n] => (*p, Some((*n).to_string()), ""),
            [p, n, s] => (*p, Some((*n).to_string()), *s),
            _ => return Err(missing()),
        };
        let (info, kind) = match kinds::by_plural(group, version, plural) {
            Some(info) => {
                let judged = || Kind::of_info(info).filter(|_| !kept);
                (info, convert::stored(info).or_else(judged).ok_or_else(|| not_simulated(info))?)
            }
            None => custom(group, version, plural).ok_or_else(missing)?,
        };
        let subresource = match sub {
            "" => "",
            s => info.subresources.iter().copied().find(|x| *x == s).ok_or_else(missing)?,
        };
        Ok(Target { info, kind, namespace, name, subresource, managed: false })
    }

    pub(super) fn key(&self) -> Key {
        Key::new(self.namespace.as_deref().unwrap_or(""), self.name.as_deref().unwrap_or(""))
    }
}
