//! Servers that answer gRPC's health checks: which of them, where, and for which services. Pure.

use crate::clock::SimDuration;
use k8s_openapi::api::core::v1::Container;

/// How a server answers health checks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grpc {
    /// The port on which it speaks gRPC; none: any that it listens on.
    port: Option<u16>,
    /// Services that it knows; none: any.
    services: Option<Vec<String>>,
    /// How long after its start it is healthy; none: always.
    healthy_for: Option<SimDuration>,
}

/// What stands behind `--name=` or `--name`.
fn flag<'a>(c: &'a Container, name: &str) -> Option<&'a str> {
    let words: Vec<&str> = c.command.iter().flatten().chain(c.args.iter().flatten()).map(String::as_str).collect();
    words.iter().enumerate().find_map(|(i, w)| match w.strip_prefix(name)? {
        "" => words.get(i + 1).copied(),
        rest => rest.strip_prefix('='),
    })
}

fn number<T: std::str::FromStr>(c: &Container, name: &str) -> Option<T> {
    flag(c, name)?.parse().ok()
}

/// What an agnhost container is told to be.
fn agnhost(c: &Container) -> Option<&str> {
    if !c.image.as_deref()?.contains("/agnhost:") {
        return None;
    }
    let mut words = c.command.iter().flatten().chain(c.args.iter().flatten());
    words.find(|w| !w.starts_with('-') && !w.ends_with("agnhost")).map(String::as_str)
}

/// The ports of an agnhost container, by what it is told to be; none: it is something else.
pub fn agnhost_ports(c: &Container) -> Option<Vec<u16>> {
    let one = |name: &str, usual: u16| number(c, name).unwrap_or(usual);
    Some(match agnhost(c)? {
        "grpc-health-checking" => vec![one("--port", 5000), one("--http-port", 8080)],
        "netexec" => vec![one("--http-port", 8080), one("--udp-port", 8081)],
        "serve-hostname" => vec![one("--port", 9376)],
        "test-webserver" => vec![one("--port", 80)],
        "pause" => vec![],
        _ => return None,
    })
}

impl Grpc {
    /// How a container's server answers; none: it does not. `known`: the catalogue has its image; of others nobody knows
    /// what they do not answer.
    pub fn of(c: &Container, known: bool) -> Option<Grpc> {
        let image = c.image.as_deref().unwrap_or_default();
        if let Some(what) = agnhost(c).filter(|_| known) {
            return (what == "grpc-health-checking").then(|| Grpc {
                port: Some(number(c, "--port").unwrap_or(5000)),
                services: Some(vec![flag(c, "--service").unwrap_or_default().to_owned()]),
                healthy_for: number::<u64>(c, "--delay-unhealthy-sec").map(SimDuration::from_secs),
            });
        }
        let only = |port: Option<u16>, names: &[&str]| {
            let services = names.iter().map(|n| (*n).to_owned()).collect();
            Some(Grpc { port, services: Some(services), healthy_for: None })
        };
        match image {
            i if i.contains("podinfo") => {
                only(Some(number(c, "--grpc-port")?), &["", flag(c, "--grpc-service-name").unwrap_or("podinfo")])
            }
            i if i.contains("/etcd:") || i.starts_with("etcd:") => only(None, &[""]),
            i if i.contains("grpc") || i.contains("microservices-demo") => Some(Grpc::default()),
            _ => (!known).then(Grpc::default),
        }
    }

    /// Does it change its mind with time?
    pub fn changes(&self) -> bool {
        self.healthy_for.is_some()
    }

    /// Does it speak gRPC on a port?
    pub fn speaks_on(&self, port: u16) -> bool {
        self.port.is_none_or(|p| p == port)
    }

    /// What it answers of a service, so long after its start.
    ///
    /// # Errors
    /// What the kubelet says of the answer.
    pub fn check(&self, service: &str, up: SimDuration) -> Result<(), String> {
        if self.services.as_ref().is_some_and(|all| !all.iter().any(|s| s == service)) {
            return Err("error: health rpc probe failed: rpc error: code = NotFound desc = unknown service".into());
        }
        if self.healthy_for.is_some_and(|d| up >= d) {
            return Err("service unhealthy (responded with \"NOT_SERVING\")".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_knows_which_services() {
        let c = |image: &str, words: &[&str]| Container {
            image: Some(image.into()),
            args: Some(words.iter().map(|w| (*w).to_owned()).collect()),
            ..Container::default()
        };
        let agnhost = |words: &[&str]| c("registry.k8s.io/e2e-test-images/agnhost:2.40", words);
        let up = SimDuration::from_secs;
        let g =
            Grpc::of(&agnhost(&["grpc-health-checking", "--service", "a", "--delay-unhealthy-sec=5"]), true).unwrap();
        assert!(g.check("a", up(1)).is_ok() && g.check("", up(1)).is_err() && g.check("a", up(5)).is_err());
        assert!(g.speaks_on(5000) && !g.speaks_on(8080) && g.changes());
        assert_eq!(Grpc::of(&agnhost(&["netexec"]), true), None);
        assert_eq!(agnhost_ports(&agnhost(&["netexec", "--http-port=8000"])), Some(vec![8000, 8081]));
        assert_eq!(agnhost_ports(&agnhost(&["liveness"])), None);
        assert!(Grpc::of(&c("registry.k8s.io/etcd:3.5.1-0", &[]), false).unwrap().check("x", up(0)).is_err());
        assert_eq!(Grpc::of(&c("nginx", &[]), true), None);
        assert!(Grpc::of(&c("me/mine:1", &[]), false).unwrap().check("x", up(0)).is_ok());
    }
}
