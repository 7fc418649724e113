//! Paths: which resource, object and subresource a request names.

use super::server::not_simulated;
use crate::api::error::Status;
use crate::api::kinds::{self, ResourceInfo, Support};
use crate::store::{Key, Kind};

/// What a path names.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub info: &'static ResourceInfo,
    pub kind: Kind,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub subresource: &'static str,
}

impl Target {
    pub(super) fn parse(path: &str) -> Result<Target, Status> {
        let missing = || Status::new(404, "NotFound", "the server could not find the requested resource");
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
        let info = kinds::by_plural(group, version, plural).ok_or_else(missing)?;
        let kind = match (info.support, Kind::of_info(info)) {
            (Support::Simulated, Some(kind)) => kind,
            _ => return Err(not_simulated(info)),
        };
        let subresource = match sub {
            "" => "",
            s => info.subresources.iter().copied().find(|x| *x == s).ok_or_else(missing)?,
        };
        Ok(Target { info, kind, namespace, name, subresource })
    }

    pub(super) fn key(&self) -> Key {
        Key::new(self.namespace.as_deref().unwrap_or(""), self.name.as_deref().unwrap_or(""))
    }
}
