//! Ingress: which backend a host and a path lead to. Pure. Models the rules of networking.k8s.io/v1: an exact host
//! before a wildcard before none, an exact path before a prefix, a longer prefix before a shorter one.

use crate::sim::Sim;
use crate::store::Key;
use k8s_openapi::api::networking::v1::{Ingress, IngressBackend, IngressClass};
use std::sync::Arc;

/// What spec.controller of an IngressClass says that the cluster's own ingress controller looks after.
pub const CONTROLLER: &str = "k8s.io/ingress-nginx";
/// Name of the IngressClass that a cluster begins with.
pub const CLASS: &str = "nginx";
/// The annotation that named a class before there was a field.
pub const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// Does the cluster's ingress controller look after an Ingress?
pub fn is_ours(sim: &Sim, i: &Ingress) -> bool {
    let class = i.spec.as_ref().and_then(|s| s.ingress_class_name.as_deref());
    match class {
        Some(name) => {
            let class = sim.store.typed::<IngressClass>(&Key::new("", name));
            class.and_then(|c| c.spec.as_ref()).is_some_and(|s| s.controller.as_deref() == Some(CONTROLLER))
        }
        None => i.metadata.annotations.as_ref().and_then(|a| a.get(CLASS_ANNOTATION)).is_some_and(|c| c == CLASS),
    }
}

/// Does a rule's host speak of this host? How well: 3 exactly, 2 by a wildcard, 1 because it speaks of all.
fn host_rank(rule: Option<&str>, host: &str) -> u8 {
    match rule.unwrap_or_default() {
        "" => 1,
        r if r.eq_ignore_ascii_case(host) => 3,
        r => match (r.strip_prefix("*."), host.split_once('.')) {
            (Some(domain), Some((first, rest))) if !first.is_empty() && rest.eq_ignore_ascii_case(domain) => 2,
            _ => 0,
        },
    }
}

/// Does a path of a rule match? How well: longer is better, exact before prefix.
fn path_rank(kind: &str, rule: &str, path: &str) -> Option<(usize, bool)> {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    if kind == "Exact" {
        return (rule == path).then_some((rule.len(), true));
    }
    let rule = rule.trim_end_matches('/');
    let rest = path.strip_prefix(rule)?;
    (rest.is_empty() || rest.starts_with('/')).then_some((rule.len(), false))
}

/// The Ingress and the backend that a request for a host and a path leads to; none: nobody's. The outer none: no
/// Ingress speaks of anything like it.
pub fn route(sim: &Sim, host: &str, path: &str) -> Option<(Key, IngressBackend)> {
    let mut best: Option<((u8, bool, usize), Key, IngressBackend)> = None;
    let mut fallback = None;
    let mut offer = |rank: (u8, bool, usize), i: &Arc<Ingress>, b: &IngressBackend| {
        if best.as_ref().is_none_or(|(r, ..)| rank > *r) {
            best = Some((rank, Key::of(&i.metadata), b.clone()));
        }
    };
    for i in sim.store.list_typed::<Ingress>(None).filter(|i| is_ours(sim, i)) {
        let Some(spec) = &i.spec else { continue };
        for rule in spec.rules.iter().flatten() {
            let rank = host_rank(rule.host.as_deref(), host);
            if rank == 0 {
                continue;
            }
            for p in rule.http.iter().flat_map(|h| &h.paths) {
                if let Some((length, exact)) = path_rank(&p.path_type, p.path.as_deref().unwrap_or("/"), path) {
                    offer((rank, exact, length), i, &p.backend);
                }
            }
        }
        if let Some(b) = &spec.default_backend {
            fallback.get_or_insert_with(|| (Key::of(&i.metadata), b.clone()));
        }
    }
    best.map(|(_, k, b)| (k, b)).or(fallback)
}

/// Does any Ingress of the controller speak of a host by name? Such names lead to it from outside.
pub fn knows_host(sim: &Sim, host: &str) -> bool {
    sim.store.list_typed::<Ingress>(None).any(|i| {
        let rules = i.spec.as_ref().and_then(|s| s.rules.as_ref());
        rules.into_iter().flatten().any(|r| host_rank(r.host.as_deref(), host) > 1) && is_ours(sim, i)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_by_elements() {
        // kind, path of the rule, path of the request, matches
        for (kind, rule, path, matches) in [
            ("Prefix", "/", "/any", true),
            ("Exact", "/foo", "/foo", true),
            ("Exact", "/foo", "/foo/", false),
            ("Exact", "/foo/", "/foo", false),
            ("Prefix", "/foo", "/foo/", true),
            ("Prefix", "/foo/", "/foo", true),
            ("Prefix", "/aaa/bb", "/aaa/bbb", false),
            ("Prefix", "/aaa/bbb/", "/aaa/bbb", true),
            ("Prefix", "/aaa/bbb", "/aaa/bbb/ccc", true),
            ("Prefix", "/aaa/bbb", "/aaa/bbbxyz", false),
            ("ImplementationSpecific", "/api", "/api?x=1", true),
        ] {
            assert_eq!(path_rank(kind, rule, path).is_some(), matches, "{kind} {rule} {path}");
        }
    }

    #[test]
    fn hosts_match() {
        for (rule, host, rank) in [
            ("foo.bar.com", "foo.bar.com", 3),
            ("*.foo.com", "bar.foo.com", 2),
            ("*.foo.com", "baz.bar.foo.com", 0),
            ("*.foo.com", "foo.com", 0),
            ("", "anything", 1),
        ] {
            assert_eq!(host_rank(Some(rule), host), rank, "{rule} {host}");
        }
    }
}
