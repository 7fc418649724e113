//! What a program that speaks HTTP asks of the API server, and how the server writes its answers: credentials of the
//! `Authorization` header, methods and bodies as curl's and wget's arguments name them. Must not know connections.

use super::request::{ContentType, Method, Request, Response, User};
use crate::api::error::Status;
use crate::api::kinds;
use crate::api::schema::{TypeInfo, in_order, schema};
use crate::sim::Sim;
use serde_json::Value;
use std::fmt::Write;
use std::sync::Arc;

/// What a program's arguments ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// The method by its name; empty: what the body says.
    method: String,
    /// All headers in lower case, the values as they are.
    headers: Vec<(String, String)>,
    /// The body.
    body: Option<String>,
    /// The file of certificates that are trusted.
    pub authority: Option<String>,
    /// The file of the client's own certificate.
    pub certificate: Option<String>,
    /// Certificates are not looked at.
    pub insecure: bool,
}

impl Sent {
    /// Reads arguments of curl or wget; `read` is asked for files that bodies come from.
    pub fn new(args: &[String], read: &dyn Fn(&str) -> Option<String>) -> Sent {
        let mut out = Sent::default();
        let mut rest = args.iter();
        while let Some(a) = rest.next() {
            let (name, glued) = match (a.strip_prefix("--"), a.split_once('=')) {
                (Some(_), Some((name, value))) => (name, Some(value.to_owned())),
                (None, _) if a.len() > 2 && ["-X", "-H", "-d", "-E"].iter().any(|f| a.starts_with(f)) => {
                    (&a[..2], Some(a[2..].to_owned()))
                }
                _ => (a.as_str(), None),
            };
            let mut value = || glued.clone().or_else(|| rest.next().cloned()).unwrap_or_default();
            match name {
                "-X" | "--request" | "--method" => out.method = value().to_uppercase(),
                "-H" | "--header" => {
                    if let Some((k, v)) = value().split_once(':') {
                        out.headers.push((k.trim().to_lowercase(), v.trim().to_owned()));
                    }
                }
                "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" | "--json" | "--post-data"
                | "--body-data" => {
                    let given = value();
                    if name == "--json" {
                        out.headers.push(("content-type".into(), "application/json".into()));
                    }
                    let file = given.strip_prefix('@').filter(|_| name != "--data-raw" && name != "--post-data");
                    out.body = Some(file.map_or_else(|| given.clone(), |f| read(f).unwrap_or_default()));
                }
                "--post-file" | "--body-file" => out.body = read(&value()),
                "--cacert" | "--ca-certificate" => out.authority = Some(value()),
                "-E" | "--cert" | "--certificate" => out.certificate = Some(value()),
                "-k" | "--insecure" | "--no-check-certificate" => out.insecure = true,
                _ => {}
            }
        }
        out
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// The request for a path with its query.
    ///
    /// # Errors
    /// The API server's refusal of a method or a body that it cannot read.
    pub fn request(&self, path: &str) -> Result<Request, Status> {
        let method = match self.method.as_str() {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            "" if self.body.is_some() => Method::Post,
            "" | "GET" | "HEAD" => Method::Get,
            _ => return Err(Status::method_not_allowed()),
        };
        let kind = self.header("content-type").unwrap_or_default().to_lowercase();
        let kinds = [
            ("strategic-merge-patch+json", ContentType::StrategicMergePatch),
            ("json-patch+json", ContentType::JsonPatch),
            ("merge-patch+json", ContentType::MergePatch),
            ("apply-patch+yaml", ContentType::ApplyPatch),
        ];
        let content_type = kinds.iter().find(|(name, _)| kind.contains(name)).map_or(ContentType::Json, |(_, k)| *k);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let trimmed = path.trim_end_matches('/');
        let mut request = Request::new(method, if trimmed.is_empty() { "/" } else { trimmed });
        request.content_type = content_type;
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (k, v) = pair.split_once('=').unwrap_or((pair, ""));
            request = request.with(&unescaped(k), unescaped(v));
        }
        if let Some(text) = self.body.as_deref().filter(|t| !t.trim().is_empty()) {
            let body = crate::api::yaml::read_value(text);
            request.body =
                body.map_err(|e| Status::bad_request(format!("the object provided is unrecognized: {e}")))?;
        }
        Ok(request)
    }
}

/// A part of a query without its percent signs.
fn unescaped(text: &str) -> String {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = |b: &[u8]| u8::from_str_radix(std::str::from_utf8(b).ok()?, 16).ok();
        match (first, tail.get(..2).and_then(hex)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A response as the server writes it for programs without a window: texts as they are, objects with their fields in
/// the order of their types.
pub fn written(response: &Response) -> String {
    if let Value::String(text) = &response.body {
        return text.clone();
    }
    if let Value::Array(events) = &response.body {
        return events.iter().map(|e| format!("{e}\n")).collect();
    }
    let mut out = String::new();
    top(&mut out, &response.body, type_of(&response.body), 0);
    out.push('\n');
    out
}

fn type_of(v: &Value) -> Option<&'static TypeInfo> {
    let text = |k: &str| v[k].as_str().unwrap_or_default();
    let kind = text("kind");
    kinds::by_kind(text("apiVersion"), kind.strip_suffix("List").unwrap_or(kind)).and_then(|r| schema().of(r))
}

/// The keys that every object begins with, and those of a `Status`.
const FIRST: [&str; 9] = ["kind", "apiVersion", "metadata", "spec", "status", "message", "reason", "details", "code"];

fn top(out: &mut String, v: &Value, info: Option<&'static TypeInfo>, depth: usize) {
    let Some(map) = v.as_object() else { return write(out, v, info, depth) };
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_by_key(|k| FIRST.iter().position(|f| f == k).unwrap_or(FIRST.len()));
    let is_list = map.contains_key("items");
    let fields: Vec<(&String, &Value, Option<&'static TypeInfo>)> = keys
        .into_iter()
        .map(|k| {
            let inner = info.filter(|_| !is_list).and_then(|i| i.fields.get(k)).and_then(|f| schema().object_in(&f.ty));
            (k, &map[k], if k == "items" { info } else { inner })
        })
        .collect();
    object(out, &fields, depth, |out, k, v, info| match v {
        Value::Array(items) if is_list && k == "items" => {
            list(out, items, depth + 1, |out, v| top(out, v, info, depth + 2));
        }
        _ => write(out, v, info, depth + 1),
    });
}

fn write(out: &mut String, v: &Value, info: Option<&'static TypeInfo>, depth: usize) {
    match v {
        Value::Object(map) => {
            object(out, &in_order(info, map), depth, |out, _, v, info| write(out, v, info, depth + 1));
        }
        Value::Array(items) => list(out, items, depth, |out, v| write(out, v, info, depth + 1)),
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn object(
    out: &mut String,
    fields: &[(&String, &Value, Option<&'static TypeInfo>)],
    depth: usize,
    each: impl Fn(&mut String, &str, &Value, Option<&'static TypeInfo>),
) {
    if fields.is_empty() {
        return out.push_str("{}");
    }
    out.push('{');
    for (i, (k, v, info)) in fields.iter().enumerate() {
        let _ =
            write!(out, "{}\n{}{}: ", if i > 0 { "," } else { "" }, "  ".repeat(depth + 1), Value::from(k.as_str()));
        each(out, k, v, *info);
    }
    let _ = write!(out, "\n{}}}", "  ".repeat(depth));
}

fn list(out: &mut String, items: &[Value], depth: usize, each: impl Fn(&mut String, &Value)) {
    if items.is_empty() {
        return out.push_str("[]");
    }
    out.push('[');
    for (i, v) in items.iter().enumerate() {
        let _ = write!(out, "{}\n{}", if i > 0 { "," } else { "" }, "  ".repeat(depth + 1));
        each(out, v);
    }
    let _ = write!(out, "\n{}]", "  ".repeat(depth));
}

/// Names by which the API server's certificate knows it.
const OWN_NAMES: [&str; 5] =
    ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "10.96.0.1"];

/// Does the API server's certificate bear a name?
pub fn is_own_name(host: &str) -> bool {
    OWN_NAMES.contains(&host.trim_end_matches('.'))
}

impl Sim {
    /// Who asks with such an `Authorization` header; without one it is anonymous.
    ///
    /// # Errors
    /// 401: nobody knows these credentials.
    pub fn authenticated(&self, authorization: Option<&str>) -> Result<Arc<User>, Status> {
        let refused = || Status::new(401, "Unauthorized", "Unauthorized");
        let Some(given) = authorization.filter(|a| !a.is_empty()) else {
            return Ok(Arc::new(User {
                name: "system:anonymous".into(),
                groups: vec!["system:unauthenticated".into()],
            }));
        };
        let (scheme, token) = given.split_once(' ').ok_or_else(refused)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused());
        }
        // a header without its token is none
        if token.trim().is_empty() {
            return self.authenticated(None);
        }
        self.holder_of(token.trim()).map(Arc::new).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent(line: &str) -> Sent {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Sent::new(&args, &|f| Some(format!("{{\"from\": \"{f}\"}}")))
    }

    #[test]
    fn arguments_say_what_is_sent() {
        let s = sent("-s --cacert /ca.crt -H Accept:x -XPOST -d {\"a\":1} https://x");
        assert_eq!((s.authority.as_deref(), s.header("accept")), (Some("/ca.crt"), Some("x")));
        let r = s.request("/api/v1/pods?labelSelector=a%3Db&limit=1").unwrap();
        assert_eq!((r.method, r.param("labelSelector"), &r.body), (Method::Post, Some("a=b"), &json!({"a": 1})));
        assert_eq!(sent("--data @f x").request("/").unwrap().body, json!({"from": "f"}));
        assert_eq!(sent("x").request("").unwrap().path, "/");
        assert!(sent("-X OPTIONS x").request("/").is_err());
    }

    #[test]
    fn answers_are_in_the_order_of_their_types() {
        let s = Status::new(403, "Forbidden", "no").to_value();
        let text = written(&Response { code: 403, body: s, warnings: vec![] });
        assert!(text.starts_with("{\n  \"kind\": \"Status\",\n  \"apiVersion\": \"v1\",\n"), "{text}");
        let list = json!({"items": [{"spec": {"nodeName": "n", "containers": []}, "metadata": {"name": "a"}}],
            "apiVersion": "v1", "kind": "PodList", "metadata": {}});
        let text = written(&Response { code: 200, body: list, warnings: vec![] });
        expect_test::expect![[r#"
            {
              "kind": "PodList",
              "apiVersion": "v1",
              "metadata": {},
              "items": [
                {
                  "metadata": {
                    "name": "a"
                  },
                  "spec": {
                    "containers": [],
                    "nodeName": "n"
                  }
                }
              ]
            }
        "#]]
        .assert_eq(&text);
    }
}
