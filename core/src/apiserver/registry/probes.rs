//! Probes and lifecycle hooks. (Models validateProbe, validateHandler and validateLifecycle.)

use super::pod_spec::Context;
use super::service::port_num_or_name;
use super::util::{child, has, int, invalid_each, items, non_negative, text};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;

/// One probe; `kind` is its field (`livenessProbe` …).
pub fn validate_probe(probe: &Value, kind: &str, ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = validate_handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], ctx, path);
    for key in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        errors.extend(non_negative(probe, key, path));
    }
    let grace = probe["terminationGracePeriodSeconds"].as_i64();
    let grace_path = child(path, "terminationGracePeriodSeconds");
    if let Some(n) = grace
        && n <= 0
    {
        errors.push(FieldError::invalid(grace_path.as_str(), n, "must be greater than 0"));
    }
    if kind == "readinessProbe" {
        if let Some(n) = grace {
            errors.push(FieldError::invalid(grace_path, n, "must not be set for readinessProbes"));
        }
    } else if int(probe, "successThreshold") != 1 {
        errors.push(FieldError::invalid(child(path, "successThreshold"), int(probe, "successThreshold"), "must be 1"));
    }
    errors
}

/// postStart, preStop and the signal that ends a container.
pub fn validate_lifecycle(lifecycle: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for hook in ["postStart", "preStop"] {
        if has(lifecycle, hook) {
            let kinds = ["exec", "httpGet", "tcpSocket", "sleep"];
            errors.extend(validate_handler(&lifecycle[hook], &kinds, ctx, &child(path, hook)));
        }
    }
    if has(lifecycle, "stopSignal") {
        errors.extend(validate_stop_signal(lifecycle, ctx, &child(path, "stopSignal")));
    }
    errors
}

fn validate_stop_signal(lifecycle: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    let signal = text(lifecycle, "stopSignal");
    match text(&ctx.spec["os"], "name") {
        "" => vec![FieldError::forbidden(path, "may not be set for containers with empty `spec.os.name`")],
        "windows" if !["SIGKILL", "SIGTERM"].contains(&signal) => {
            vec![FieldError::not_supported(path, signal, &["SIGKILL", "SIGTERM"])]
        }
        "windows" => vec![],
        _ => {
            let supported = linux_signals();
            let supported: Vec<&str> = supported.iter().map(String::as_str).collect();
            if supported.contains(&signal) { vec![] } else { vec![FieldError::not_supported(path, signal, &supported)] }
        }
    }
}

/// Signals a container on Linux may be ended with, sorted.
fn linux_signals() -> Vec<String> {
    let plain = "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT RTMAX RTMIN SEGV \
                 STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ";
    let mut all: Vec<String> = plain.split_whitespace().map(|s| format!("SIG{s}")).collect();
    all.extend((1..=15).map(|n| format!("SIGRTMIN+{n}")));
    all.extend((1..=14).map(|n| format!("SIGRTMAX-{n}")));
    all.sort();
    all
}

/// Exactly one of the kinds of handler.
fn validate_handler(h: &Value, kinds: &[&str], ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut found = false;
    for kind in kinds.iter().filter(|k| has(h, k)) {
        let at = child(path, kind);
        if found {
            errors.push(FieldError::forbidden(at, "may not specify more than 1 handler type"));
            continue;
        }
        found = true;
        let action = &h[*kind];
        match *kind {
            "exec" if items(action, "command").is_empty() => {
                errors.push(FieldError::required(child(&at, "command"), ""));
            }
            "httpGet" => errors.extend(validate_http_get(action, &at)),
            "tcpSocket" | "grpc" => errors.extend(port_num_or_name(&action["port"], &child(&at, "port"))),
            "sleep" => {
                let seconds = int(action, "seconds");
                if let Some(grace) = ctx.grace
                    && !(0..=grace).contains(&seconds)
                {
                    errors.push(FieldError::invalid(
                        at,
                        seconds,
                        format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})"),
                    ));
                }
            }
            _ => {}
        }
    }
    if !found {
        errors.push(FieldError::required(path, "must specify a handler type"));
    }
    errors
}

fn validate_http_get(http: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if text(http, "path").is_empty() {
        errors.push(FieldError::required(child(path, "path"), ""));
    }
    errors.extend(port_num_or_name(&http["port"], &child(path, "port")));
    let scheme = text(http, "scheme");
    if !["HTTP", "HTTPS"].contains(&scheme) {
        errors.push(FieldError::not_supported(child(path, "scheme"), scheme, &["HTTP", "HTTPS"]));
    }
    for h in items(http, "httpHeaders") {
        let name = text(h, "name");
        errors.extend(invalid_each(&child(path, "httpHeaders"), name, names::is_http_header_name(name)));
    }
    errors
}
