//! `kubectl proxy`: the API server on a port of the person's own machine. It serves behind the prompt, so that the next
//! line can ask it; and what the API server itself passes on to pods and Services.

use crate::apiserver::request::{ContentType, Method, Request, Unanswered};
use crate::clock::SimDuration;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::Flag;
use crate::kubectl::{Context, Local};
use serde_json::{Value, json};

static FLAGS: &[Flag] = &[
    Flag::int("port", "8001", "The port on which to run the proxy. Set to 0 to pick a random port.").short('p'),
    Flag::str("address", "The IP address on which to serve on.").default("127.0.0.1"),
    Flag::str("api-prefix", "Prefix to serve the proxied API under.").default("/"),
    Flag::str("accept-hosts", "Regular expression for hosts that the proxy should accept."),
    Flag::str("accept-paths", "Regular expression for paths that the proxy should accept.").default("^.*"),
    Flag::str("reject-methods", "Regular expression for HTTP methods that the proxy should reject.").default("^$"),
    Flag::str("reject-paths", "Regular expression for paths that the proxy should reject."),
    Flag::bool("disable-filter", "If true, disable request filtering in the proxy."),
    Flag::duration("keepalive", "0s", "keepalive specifies the keep-alive period for an active network connection."),
    Flag::str("www", "Also serve static files from the given directory under the specified prefix.").short('w'),
    Flag::str("www-prefix", "Prefix to serve static files under, if static file directory is specified.")
        .default("/static/")
        .short('P'),
];

/// The command.
pub static COMMAND: Command =
    Command::new("proxy", "Run a proxy to the Kubernetes API server.", "[--port=PORT]", &[FLAGS], run);

/// A port that is free when none is asked for.
const SOME_PORT: u16 = 37_113;

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let port = inv.str("port");
    let port: u16 = port.parse().map_err(|_| CmdError::client(format!("listen tcp: address {port}: invalid port")))?;
    let port = if port == 0 { SOME_PORT } else { port };
    if ctx.session.served.contains_key(&port) {
        let place = format!("{}:{port}", inv.str("address"));
        return Err(CmdError::client(format!("listen tcp {place}: bind: address already in use")));
    }
    ctx.session.served.insert(port, Local::Api);
    ctx.println(format!("Starting to serve on {}:{port}", inv.str("address")));
    Ok(())
}

/// The parts of a path that the API server passes on: namespace, whether it is a pod, name, port, and what is asked for.
fn parts(path: &str) -> Option<(&str, bool, &str, &str, String)> {
    let rest = path.strip_prefix("/api/v1/namespaces/")?;
    let (namespace, rest) = rest.split_once('/')?;
    let (kind, rest) = rest.split_once('/')?;
    let is_pod = match kind {
        "pods" => true,
        "services" => false,
        _ => return None,
    };
    let (name, rest) = rest.split_once('/')?;
    let asked = rest.strip_prefix("proxy").filter(|r| r.is_empty() || r.starts_with(['/', '?']))?;
    // scheme:name:port, of which only the name has to be
    let name = name.strip_prefix("http:").or_else(|| name.strip_prefix("https:")).unwrap_or(name);
    let (name, port) = name.split_once(':').unwrap_or((name, ""));
    let asked = if asked.starts_with('/') { asked.to_owned() } else { format!("/{asked}") };
    Some((namespace, is_pod, name, port, asked))
}

/// Is it a path that the API server passes on?
pub fn passes_on(path: &str) -> bool {
    parts(path).is_some()
}

/// The method, the kind of body and the body that arguments of curl ask for.
fn asked(args: &[String]) -> (Method, ContentType, Option<Value>) {
    let values = |names: &[&str]| -> Vec<String> {
        let at = |(i, a): (usize, &String)| {
            if names.contains(&a.as_str()) {
                return args.get(i + 1).cloned();
            }
            let glued = names.iter().find_map(|n| a.strip_prefix(n))?;
            Some(glued.trim_start_matches('=').to_owned())
        };
        args.iter().enumerate().filter_map(at).collect()
    };
    let body = values(&["--data-raw", "--data-binary", "--data", "-d"]).into_iter().next();
    let body = body.and_then(|text| crate::api::yaml::read_value(&text).ok());
    let method = match values(&["--request", "-X"]).first().map(String::as_str) {
        Some("POST") => Method::Post,
        Some("PUT") => Method::Put,
        Some("PATCH") => Method::Patch,
        Some("DELETE") => Method::Delete,
        None if body.is_some() => Method::Post,
        _ => Method::Get,
    };
    let headers = values(&["--header", "-H"]).join("\n").to_lowercase();
    let kind = [
        ("strategic-merge-patch+json", ContentType::StrategicMergePatch),
        ("json-patch+json", ContentType::JsonPatch),
        ("merge-patch+json", ContentType::MergePatch),
        ("apply-patch+yaml", ContentType::ApplyPatch),
    ];
    let kind = kind.iter().find(|(name, _)| headers.contains(name)).map_or(ContentType::Json, |(_, kind)| *kind);
    (method, kind, body)
}

/// What a port of the person's own machine answers to what curl with such arguments sends; none: nothing serves there.
pub fn local(
    port: u16,
    path: &str,
    args: &[String],
    ctx: &mut Context,
) -> Option<Result<(u16, String, SimDuration), Unanswered>> {
    let Local::Pod { namespace, pod, port } = ctx.session.served.get(&port).or(ctx.session.beside.get(&port))?.clone()
    else {
        return Some(answer(path, asked(args), ctx));
    };
    let pod = Request::new(Method::Get, format!("/api/v1/namespaces/{namespace}/pods/{pod}"));
    let pod = ctx.api.request(pod).body;
    let ip = pod["status"]["podIP"].as_str().filter(|ip| !ip.is_empty());
    let Some(ip) = ip else { return Some(Err(Unanswered::Refused)) };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Some(ctx.api.fetch_through(&format!("http://{ip}:{port}{path}")))
}

/// What the API server answers for a path: status, body, and how long it took.
///
/// # Errors
/// Why there is no answer.
pub fn answer(
    path: &str,
    (method, kind, body): (Method, ContentType, Option<Value>),
    ctx: &mut Context,
) -> Result<(u16, String, SimDuration), Unanswered> {
    let at_once = SimDuration::from_millis(2);
    let shown = |v: &Value| serde_json::to_string_pretty(v).unwrap_or_default() + "\n";
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let Some((namespace, is_pod, name, port, asked)) = parts(&path) else {
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let trimmed = path.trim_end_matches('/');
        let mut request = Request::new(method, if trimmed.is_empty() { "/" } else { trimmed });
        request.content_type = kind;
        if let Some(body) = body {
            request = request.body(body);
        }
        for (k, v) in query.split('&').filter_map(|p| p.split_once('=')) {
            request = request.with(k, v);
        }
        let response = ctx.api.request(request);
        return Ok((response.code, shown(&response.body), at_once));
    };
    let kind = if is_pod { "pods" } else { "services" };
    let found = ctx.api.request(Request::new(Method::Get, format!("/api/v1/namespaces/{namespace}/{kind}/{name}")));
    if found.code != 200 {
        return Ok((found.code, shown(&found.body), at_once));
    }
    let object = found.body;
    let refused = |why: String| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": why, "reason": "ServiceUnavailable", "code": 503});
        Ok((503, shown(&status), at_once))
    };
    let (host, number) = if is_pod {
        let first = &object["spec"]["containers"][0]["ports"][0]["containerPort"];
        (
            object["status"]["podIP"].as_str().unwrap_or_default(),
            port.parse().ok().or_else(|| first.as_u64()).unwrap_or(80),
        )
    } else {
        let ports = object["spec"]["ports"].as_array().map_or(&[][..], Vec::as_slice);
        let wanted = |p: &&Value| port.is_empty() || p["name"] == port || p["port"].as_u64() == port.parse().ok();
        let Some(found) = ports.iter().find(wanted) else {
            return refused(format!("no service port {port:?} found for service {name:?}"));
        };
        (object["spec"]["clusterIP"].as_str().unwrap_or_default(), found["port"].as_u64().unwrap_or(80))
    };
    if host.is_empty() || host == "None" {
        return refused(format!("address not allowed: {name}"));
    }
    match ctx.api.fetch_through(&format!("http://{host}:{number}{asked}")) {
        Ok(answer) => Ok(answer),
        Err(_) if !is_pod => refused(format!("no endpoints available for service {name:?}")),
        Err(_) => {
            refused(format!("error trying to reach service: dial tcp {host}:{number}: connect: connection refused"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_curl_is_told_to_send() {
        let a = |line: &str| asked(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(a("-s x").0, Method::Get);
        assert_eq!(a("-XDELETE x").0, Method::Delete);
        let patch = a("--header Content-Type:application/json-patch+json --request PATCH --data [{\"op\":\"add\"}] x");
        assert_eq!((patch.0, patch.1, patch.2.is_some()), (Method::Patch, ContentType::JsonPatch, true));
        assert_eq!(a("-d {} x").0, Method::Post);
    }

    #[test]
    fn paths_that_are_passed_on() {
        let p = |path| parts(path).map(|(ns, pod, name, port, asked)| format!("{ns} {pod} {name} {port} {asked}"));
        assert_eq!(p("/api/v1/namespaces/a/pods/web:8080/proxy/x").unwrap(), "a true web 8080 /x");
        assert_eq!(p("/api/v1/namespaces/a/services/http:web:http/proxy").unwrap(), "a false web http /");
        assert_eq!(p("/api/v1/namespaces/a/pods/web/log"), None);
        assert_eq!(p("/api/v1/namespaces/a/pods"), None);
    }
}
