//! What the API server passes on to a kubelet: logs and commands in containers, as requests.
//!
//! `GET …/pods/x/log` answers a text; `POST …/pods/x/exec` with `command` parameters and the standard input as its body
//! answers `{stdout, stderr, code}` at once: nothing streams here.

use super::Kubelets;
use crate::api::error::Status;
use crate::apiserver::request::{Method, Request, Response};
use crate::clock::SimTime;
use crate::sim::Sim;
use serde_json::{Value, json};

/// Answers the request if it is for a kubelet.
pub fn answer(kubelets: &mut Kubelets, sim: &mut Sim, request: &Request) -> Option<Response> {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let ["api", "v1", "namespaces", namespace, "pods", pod, stream] = parts[..] else { return None };
    let container = request.param("container");
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
