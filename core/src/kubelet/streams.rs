//! What the API server passes on to a kubelet: logs and commands in containers, as requests.
//!
//! `GET …/pods/x/log` answers a text; `POST …/pods/x/exec` with `command` parameters and the standard input as its body
//! answers `{stdout, stderr, code}` at once: nothing streams here. `…/services/x:80/proxy/path` answers what a pod says.

use super::Kubelets;
use super::servers::NotFetched;
use crate::api::error::Status;
use crate::apiserver::authorizer::Attributes;
use crate::apiserver::request::{Method, Request, Response};
use crate::clock::SimTime;
use crate::runtime::shell::NetProblem;
use crate::sim::Sim;
use crate::store::Key;
use serde_json::{Value, json};

/// Why whoever asks may not see what a kubelet or a pod would answer; none: it is not asked for, or may be.
pub fn forbidden(sim: &Sim, request: &Request) -> Option<Status> {
    let user = request.user.as_ref()?;
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let ["api", "v1", "namespaces", namespace, resource @ ("pods" | "services"), name, stream, ..] = parts[..] else {
        return None;
    };
    if !matches!(stream, "log" | "exec" | "proxy") {
        return None;
    }
    let verb = if request.method == Method::Get { "get" } else { "create" };
    let asked = Attributes {
        verb: verb.into(),
        resource: resource.into(),
        subresource: stream.into(),
        namespace: namespace.into(),
        name: name.split(':').next().unwrap_or(name).into(),
        ..Attributes::default()
    };
    sim.authorize(user, &asked).err()
}

/// Answers the request if it only looks at what a kubelet or a pod has.
pub fn looked_at(kubelets: &Kubelets, sim: &Sim, request: &Request) -> Option<Response> {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    match parts[..] {
        ["api", "v1", "namespaces", namespace, resource @ ("services" | "pods"), name, "proxy", ..] => {
            let path: String = parts[7..].iter().map(|p| format!("/{p}")).collect();
            Some(proxy(kubelets, sim, namespace, resource, name, if path.is_empty() { "/" } else { &path }))
        }
        ["api", "v1", "namespaces", namespace, "pods", pod, "log"] if request.method == Method::Get => {
            Some(match log(kubelets, sim, namespace, pod, request) {
                Ok(text) => Response { code: 200, body: Value::String(text), warnings: vec![] },
                Err(s) => Response { code: s.code, body: s.to_value(), warnings: vec![] },
            })
        }
        _ => None,
    }
}

/// Answers the request if it is for a kubelet.
pub fn answer(kubelets: &mut Kubelets, sim: &mut Sim, request: &Request) -> Option<Response> {
    if let Some(s) = forbidden(sim, request) {
        return Some(Response { code: s.code, body: s.to_value(), warnings: vec![] });
    }
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    if let ["api", "v1", "namespaces", namespace, resource @ ("services" | "pods"), name, "proxy", ..] = parts[..] {
        let path: String = parts[7..].iter().map(|p| format!("/{p}")).collect();
        return Some(proxy(kubelets, sim, namespace, resource, name, if path.is_empty() { "/" } else { &path }));
    }
    let ["api", "v1", "namespaces", namespace, "pods", pod, stream] = parts[..] else { return None };
    let container = request.param("container");
    if matches!(stream, "log" | "exec")
        && let Some(ip) = kubelets.cut_off(sim, &Key::new(namespace, pod))
    {
        let text = match stream {
            "log" => format!(
                "Get \"https://{ip}:10250/containerLogs/{namespace}/{pod}/{}\": dial tcp {ip}:10250: i/o timeout",
                container.unwrap_or_default()
            ),
            _ => format!("error dialing backend: dial tcp {ip}:10250: i/o timeout"),
        };
        let s = Status::new(500, "InternalError", text);
        return Some(Response { code: s.code, body: s.to_value(), warnings: vec![] });
    }
    let answer = match (request.method, stream) {
        (Method::Get, "log") => log(kubelets, sim, namespace, pod, request).map(Value::String),
        (Method::Post, "exec") => {
            let command = request.query.iter().filter(|(k, _)| k == "command").map(|(_, v)| v.clone());
            let command: Vec<String> = command.collect();
            let input = request.body.as_str().unwrap_or_default();
            kubelets
                .exec(sim, namespace, pod, container, &command, input)
                .map(|r| json!({"stdout": r.stdout, "stderr": r.stderr, "code": r.code}))
        }
        _ => return None,
    };
    Some(match answer {
        Ok(body) => Response { code: 200, body, warnings: vec![] },
        Err(s) => Response { code: s.code, body: s.to_value(), warnings: vec![] },
    })
}

/// A request that the API server passes on: `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`.
fn proxy(kubelets: &Kubelets, sim: &Sim, namespace: &str, resource: &str, name: &str, path: &str) -> Response {
    let words: Vec<&str> = name.split(':').collect();
    let (name, port) = match words[..] {
        [name] => (name, ""),
        [name, port] => (name, port),
        [_, name, port, ..] => (name, port),
        [] => ("", ""),
    };
    let key = Key::new(namespace, name);
    let unavailable = |text: String| Status::new(503, "ServiceUnavailable", text);
    let status = match kubelets.pass_on(sim, resource == "services", &key, port, path) {
        Ok(f) => return Response { code: f.answer.code, body: Value::String(f.answer.body), warnings: vec![] },
        Err(NotFetched::NotFound) => Status::not_found(resource, name),
        Err(NotFetched::NoPort) => unavailable(format!("no service port {port:?} found for service {name:?}")),
        Err(NotFetched::NoEndpoints) => unavailable(format!("no endpoints available for service {name:?}")),
        Err(NotFetched::Failed(ip, port, NetProblem::Refused)) => {
            unavailable(format!("error trying to reach service: dial tcp {ip}:{port}: connect: connection refused"))
        }
        Err(NotFetched::Failed(ip, port, _)) => {
            unavailable(format!("error trying to reach service: dial tcp {ip}:{port}: i/o timeout"))
        }
    };
    Response { code: status.code, body: status.to_value(), warnings: vec![] }
}

fn log(kubelets: &Kubelets, sim: &Sim, namespace: &str, pod: &str, request: &Request) -> Result<String, Status> {
    let previous = request.param("previous") == Some("true");
    let log = kubelets.log(sim, namespace, pod, request.param("container"), previous)?;
    let mut since = SimTime::ZERO;
    if let Some(seconds) = request.param("sinceSeconds").and_then(|s| s.parse::<u64>().ok()) {
        since = SimTime(sim.now.0.saturating_sub(seconds.saturating_mul(1_000_000)));
    }
    if let Some(at) = request.param("sinceTime") {
        since = SimTime::parse_rfc3339(at)
            .ok_or_else(|| Status::bad_request(format!("parsing time {at:?}: it is no time as RFC 3339 writes it")))?;
    }
    let stamped = request.param("timestamps") == Some("true");
    let lines = log.lines().filter(|l| l.at >= since);
    let mut text: String = lines
        .map(|l| if stamped { format!("{} {}\n", l.at.timestamp_micros(), l.text) } else { format!("{}\n", l.text) })
        .collect();
    text.push_str(log.rest());
    Ok(text)
}
