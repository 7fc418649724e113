//! The core behind HTTP/1.1 on the loopback, so that a real kubectl can use it: paths and bodies are the API's own, tables
//! and aggregated discovery by the `Accept` header, impersonation by its headers, watches and followed logs as streams.
//! Time passes meanwhile. What needs an upgraded connection (exec, attach, port-forward) is refused.

use crate::protobuf;
use kubarium_core::api::kinds::ResourceInfo;
use kubarium_core::api::schema;
use kubarium_core::api::yaml;
use kubarium_core::apiserver::request::{ContentType, Method, Request, Response, User};
use kubarium_core::apiserver::tables;
use kubarium_core::clock::{EPOCH_SECONDS, SimTime};
use kubarium_core::cluster::Cluster;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tiny_http::{Header, Server};

/// How often streams and the clock look.
const TICK: Duration = Duration::from_millis(4);

/// The largest body that is read.
const MOST_BYTES: u64 = 8 << 20;

/// Seconds since the Unix epoch on the cluster's clock.
fn unix(now: SimTime) -> i64 {
    EPOCH_SECONDS + (now.0 / 1_000_000) as i64
}

/// Binds a free port of the loopback.
pub fn bind() -> Result<Server, String> {
    Server::http("127.0.0.1:0").map_err(|e| e.to_string())
}

/// Serves the cluster while `f` runs; `pace` seconds pass in it each second.
pub fn serve<R>(server: &Server, cluster: &mut Cluster, pace: f64, f: impl FnOnce(&Mutex<&mut Cluster>) -> R) -> R {
    let shared = Mutex::new(cluster);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (shared, done) = (&shared, &done);
        scope.spawn(move || tick(shared, pace, done));
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                if let Ok(Some(request)) = server.recv_timeout(Duration::from_millis(20)) {
                    scope.spawn(move || Exchange::new(request, shared, done).answer());
                }
            }
        });
        let result = f(shared);
        done.store(true, Ordering::Relaxed);
        result
    })
}

fn lock<'a, 'c>(shared: &'a Mutex<&'c mut Cluster>) -> std::sync::MutexGuard<'a, &'c mut Cluster> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tick(shared: &Mutex<&mut Cluster>, pace: f64, done: &AtomicBool) {
    let mut last = Instant::now();
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(TICK);
        let passed = last.elapsed();
        last = Instant::now();
        let mut cluster = lock(shared);
        let until = SimTime(cluster.now().0 + (passed.as_secs_f64() * pace * 1e6) as u64);
        cluster.advance(until, u64::MAX);
    }
}

/// One request and its answer.
struct Exchange<'s, 'c> {
    request: tiny_http::Request,
    shared: &'s Mutex<&'c mut Cluster>,
    done: &'s AtomicBool,
}

impl<'s, 'c> Exchange<'s, 'c> {
    fn new(request: tiny_http::Request, shared: &'s Mutex<&'c mut Cluster>, done: &'s AtomicBool) -> Self {
        Exchange { request, shared, done }
    }

    fn headers(&self, name: &str) -> Vec<String> {
        let wanted = |h: &&Header| h.field.as_str().as_str().eq_ignore_ascii_case(name);
        self.request.headers().iter().filter(wanted).map(|h| h.value.as_str().to_owned()).collect()
    }

    fn header(&self, name: &str) -> String {
        self.headers(name).into_iter().next().unwrap_or_default()
    }

    /// The request as the core takes it.
    fn read(&mut self) -> Result<Request, String> {
        let url = self.request.url().to_owned();
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        let method = match self.request.method() {
            tiny_http::Method::Get | tiny_http::Method::Head => Method::Get,
            tiny_http::Method::Post => Method::Post,
            tiny_http::Method::Put => Method::Put,
            tiny_http::Method::Patch => Method::Patch,
            tiny_http::Method::Delete => Method::Delete,
            other => return Err(format!("method {other} is not known")),
        };
        let mut bytes = vec![];
        self.request.as_reader().take(MOST_BYTES).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        let kind = self.header("content-type");
        let in_protobuf = kind.contains("protobuf") && !bytes.is_empty();
        let text =
            if in_protobuf { String::new() } else { String::from_utf8(bytes.clone()).map_err(|e| e.to_string())? };
        let mut r = Request::new(method, decoded(path)).with_managed_fields();
        r.query = form_urlencoded::parse(query.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        r.content_type = match kind.split(';').next().unwrap_or_default().trim() {
            "application/strategic-merge-patch+json" => ContentType::StrategicMergePatch,
            "application/merge-patch+json" => ContentType::MergePatch,
            "application/json-patch+json" => ContentType::JsonPatch,
            "application/apply-patch+yaml" => ContentType::ApplyPatch,
            _ => ContentType::Json,
        };
        if in_protobuf {
            r.body = protobuf::decode(&bytes)?;
        }
        if !text.trim().is_empty() {
            r.body = match serde_json::from_str(&text) {
                Ok(v) => v,
                Err(_) if kind.contains("yaml") => yaml::read_value(&text).map_err(|e| format!("{e:?}"))?,
                Err(e) => {
                    let said = kubarium_core::api::json_syntax::syntax_error(&text);
                    return Err(said.map_or_else(|| e.to_string(), |(_, why)| why));
                }
            };
        }
        if let Some(user) = self.headers("impersonate-user").first() {
            r.user = Some(Arc::new(User::impersonated(user, &self.headers("impersonate-group"))));
        }
        Ok(r)
    }

    fn answer(mut self) {
        let accept = self.header("accept");
        // before the body is read: that of an upgraded connection has no end
        if !self.header("upgrade").is_empty() {
            let text = "streams into containers are not served over HTTP here";
            let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": text, "reason": "NotImplemented", "code": 501});
            return self.send(501, "application/json", body.to_string().into_bytes(), &[]);
        }
        let r = match self.read() {
            Ok(r) => r,
            Err(e) => {
                let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": e, "reason": "BadRequest", "code": 400});
                return self.send(400, "application/json", body.to_string().into_bytes(), &[]);
            }
        };
        if accept.contains("as=APIGroupDiscoveryList") && matches!(&*r.path, "/api" | "/apis") {
            let body = lock(self.shared).world.sim.aggregated_discovery(r.path == "/api");
            let kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
            return self.send(200, kind, body.to_string().into_bytes(), &[]);
        }
        if r.path == "/openapi/v2" {
            // an empty document: clients that find nothing in it leave all judging to the server
            let kind = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
            return self.send(200, kind, vec![], &[]);
        }
        let is_log = r.path.ends_with("/log");
        if r.flag("watch") {
            return self.stream_watch(&r, &accept);
        }
        if is_log && r.flag("follow") {
            return self.stream_log(r);
        }
        let (response, now) = {
            let mut cluster = lock(self.shared);
            (cluster.world.request(r.clone()), cluster.now())
        };
        let Response { code, body, warnings } = response;
        if let (true, Value::String(text)) = (code < 400, &body) {
            return self.send(code, "text/plain", text.clone().into_bytes(), &warnings);
        }
        let info = self.resource(&r).filter(|_| code < 400 && body["kind"] != "Status");
        let body = match info {
            Some(info) if wants_table(&accept) => tables::table(info, &body, unix(now), whole(&r)),
            Some(info) => complete(info, body),
            None => body,
        };
        self.send(code, "application/json", body.to_string().into_bytes(), &warnings);
    }

    /// The resource a path names, where its objects can be rows.
    fn resource(&self, r: &Request) -> Option<&'static ResourceInfo> {
        let parts: Vec<&str> = r.path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", v, rest @ ..] => ("", *v, rest),
            ["apis", g, v, rest @ ..] => (*g, *v, rest),
            _ => return None,
        };
        let plural = match rest {
            ["namespaces", _, plural] | ["namespaces", _, plural, _] => plural,
            [plural] | [plural, _] => plural,
            _ => return None,
        };
        let all = lock(self.shared).world.sim.resources();
        all.into_iter().find(|i| i.group == group && i.version == version && i.plural == *plural)
    }

    fn send(self, code: u16, kind: &str, body: Vec<u8>, warnings: &[String]) {
        let mut response = tiny_http::Response::from_data(body).with_status_code(code);
        let mut header = |name: &str, value: &str| {
            if let Ok(h) = Header::from_bytes(name, value) {
                response.add_header(h);
            }
        };
        header("Content-Type", kind);
        for w in warnings {
            header("Warning", &format!("299 - {w:?}"));
        }
        // whoever asked may have gone
        let _ = self.request.respond(response);
    }

    /// Writes pieces as they come until `next` has no more, the client has gone, or the server ends.
    fn stream(self, kind: &str, mut next: impl FnMut() -> Option<Vec<u8>>) {
        let done = self.done;
        let mut out = self.request.into_writer();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        );
        let mut write = |bytes: &[u8]| out.write_all(bytes).and_then(|()| out.flush());
        if write(head.as_bytes()).is_err() {
            return;
        }
        while !done.load(Ordering::Relaxed) {
            match next() {
                None => break,
                Some(bytes) if bytes.is_empty() => std::thread::sleep(TICK),
                Some(bytes) => {
                    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                    chunk.extend(bytes);
                    chunk.extend(b"\r\n");
                    if write(&chunk).is_err() {
                        return;
                    }
                }
            }
        }
        let _ = write(b"0\r\n\r\n");
    }

    fn stream_watch(self, r: &Request, accept: &str) {
        let begun = lock(self.shared).world.sim.watch(r);
        let mut watch = match begun {
            Ok(w) => w,
            Err(e) => return self.send(e.code, "application/json", e.to_value().to_string().into_bytes(), &[]),
        };
        let (shared, info) = (self.shared, watch.resource());
        let (as_table, whole) = (wants_table(accept), whole(r));
        let end = r.param("timeoutSeconds").and_then(|s| s.parse().ok()).map(Duration::from_secs);
        let start = Instant::now();
        let mut ended = false;
        self.stream("application/json", move || {
            if ended || end.is_some_and(|e| start.elapsed() > e) {
                return None;
            }
            let cluster = lock(shared);
            let events = match cluster.world.sim.watch_events(&mut watch) {
                Ok(events) => events,
                Err(e) => {
                    ended = true;
                    vec![json!({"type": "ERROR", "object": e.to_value()})]
                }
            };
            let now = unix(cluster.now());
            drop(cluster);
            let mut bytes = vec![];
            for mut e in events {
                if e["type"] != "ERROR" && e["type"] != "BOOKMARK" {
                    let object = e["object"].take();
                    e["object"] =
                        if as_table { tables::table(info, &object, now, whole) } else { complete(info, object) };
                }
                bytes.extend(e.to_string().into_bytes());
                bytes.push(b'\n');
            }
            Some(bytes)
        });
    }

    fn stream_log(self, mut r: Request) {
        let shared = self.shared;
        r.query.retain(|(k, _)| k != "follow");
        let first = lock(shared).world.request(r.clone());
        if first.code >= 400 {
            return self.send(first.code, "application/json", first.body.to_string().into_bytes(), &[]);
        }
        let pod = r.path.trim_end_matches("/log").to_owned();
        let container = r.param("container").unwrap_or_default().to_owned();
        let (mut told, mut last) = (0, false);
        self.stream("text/plain", move || {
            if last {
                return None;
            }
            let mut cluster = lock(shared);
            let state = cluster.world.request(Request::get(pod.clone()));
            let ended = |s: &Value| {
                (container.is_empty() || s["name"] == container.as_str()) && s["state"].get("terminated").is_some()
            };
            let statuses = ["containerStatuses", "initContainerStatuses"];
            last = state.code >= 400
                || statuses.iter().any(|k| state.body["status"][*k].as_array().into_iter().flatten().any(ended));
            let log = cluster.world.request(r.clone());
            let text = log.body.as_str().unwrap_or_default();
            let new = text.get(told..).unwrap_or_default().as_bytes().to_vec();
            told = text.len().max(told);
            Some(new)
        });
    }
}

/// Objects with the fields that a Go server prints though nobody set them.
fn complete(info: &ResourceInfo, mut body: Value) -> Value {
    if let Some(items) = body.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(|v| schema::complete(info, v));
    } else if body["kind"] == info.kind {
        schema::complete(info, &mut body);
    }
    body
}

fn wants_table(accept: &str) -> bool {
    accept.contains("as=Table")
}

fn whole(r: &Request) -> bool {
    r.param("includeObject") == Some("Object")
}

/// A path without its percent signs.
fn decoded(path: &str) -> String {
    let pairs = format!("p={}", path.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(pairs.as_bytes()).next().map_or_else(|| path.to_owned(), |(_, v)| v.into_owned())
}
