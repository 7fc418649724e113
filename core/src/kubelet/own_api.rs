//! The API server as processes in containers reach it: by `curl` with the token that lies in their files, and by a
//! `kubectl` that their image brings along. Invariant: it judges by what the process sends, never by whose pod it is.

use super::around::Around;
use super::streams;
use crate::api::error::Status;
use crate::apiserver::http::{Sent, is_own_name, written};
use crate::apiserver::request::{Api, Method, Request, Response};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::{self, Context, Session};
use crate::network::request::{Failure, Outcome, Url, Way};
use crate::runtime::files::{FileSystem, normalize};
use crate::runtime::shell::{NetProblem, Ran};
use crate::sim::plane::Part;
use crate::sim::{Actor, Sim};
use crate::store::Key;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a pod's own credentials lie.
pub(super) const CREDENTIALS: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How long the server takes for an answer.
const ANSWERS: SimDuration = SimDuration::from_millis(3);
/// How often a command that waits looks again.
pub(super) const LOOKS: SimDuration = SimDuration::from_secs(1);
/// Bytes of answers that a program keeps.
const MOST: usize = 200 * 1024;

/// The API server for one pod's processes.
struct PodApi<'a, 'b> {
    around: &'a mut Around<'b>,
}

impl Api for PodApi<'_, '_> {
    fn request(&mut self, request: Request) -> Response {
        let sim = &mut *self.around.sim;
        let refuse = |s: Status| Response { code: s.code, body: s.to_value(), warnings: vec![] };
        let actor = Actor::Pod(self.around.pod.key());
        if sim.plane.is_stopped(Part::ApiServer) {
            let cause = sim.cause;
            return sim.acting(actor, cause, |sim| sim.request(request));
        }
        if let Some(e) = streams::forbidden(sim, &request) {
            return refuse(e);
        }
        if request.path.ends_with("/exec") && request.method == Method::Post {
            return refuse(Status::new(501, "NotImplemented", "commands in containers are run from the terminal only"));
        }
        if let Some(answer) = streams::looked_at(self.around.kubelets, sim, &request) {
            return answer;
        }
        let cause = sim.cause;
        if crate::apiserver::metrics::is_asked(&request.path) {
            let kept = sim.server.metrics.clone();
            self.around.kubelets.scrape(sim);
            let response = sim.acting(actor, cause, |sim| sim.request(request));
            sim.server.metrics = kept;
            return response;
        }
        sim.acting(actor, cause, |sim| sim.request(request))
    }

    fn now(&self) -> SimTime {
        self.around.sim.now
    }

    fn custom_resources(&self) -> Vec<&'static crate::api::kinds::ResourceInfo> {
        self.around.sim.custom_resources()
    }
}

impl Around<'_> {
    /// What the API server answers to a request that has come to it.
    ///
    /// # Errors
    /// The client does not trust its certificate.
    pub(super) fn ask_api(
        &mut self,
        raw: &str,
        url: &Url,
        way: Way,
        files: &FileSystem<'_>,
    ) -> Result<(u16, String), NetProblem> {
        self.headers.clear();
        self.took = way.took + ANSWERS + self.sim.plane.answers_later();
        let cwd = "/";
        let read = |name: &str| files.read(&normalize(cwd, name)).ok().map(|t| t.to_string());
        let sent = Sent::new(&self.sent, &read);
        if !raw.starts_with("https://") {
            self.keep(url, way, Outcome::Answered(400, server()));
            return Ok((400, "Client sent an HTTP request to an HTTPS server.\n".into()));
        }
        if !sent.insecure && !self.unchecked {
            let trusted = match sent.authority.as_deref() {
                None => Err(NetProblem::Untrusted),
                Some(file) => match read(file) {
                    None => Err(NetProblem::NoAuthority),
                    Some(text) if self.is_authority(&text) => Ok(()),
                    Some(_) => Err(NetProblem::Untrusted),
                },
            };
            let named = if is_own_name(&url.host) { Ok(()) } else { Err(NetProblem::Misnamed) };
            if let Err(why) = trusted.and(named) {
                self.keep(url, way, Outcome::Failed(Failure::Api));
                return Err(why);
            }
        }
        let response = self.answered(&sent, &url.path);
        self.headers.push((
            "Content-Type".into(),
            match response.body {
                Value::String(_) => "text/plain; charset=utf-8".into(),
                _ => "application/json".into(),
            },
        ));
        let mut text = written(&response);
        if text.len() > MOST {
            let end = (0..=MOST).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            text.truncate(end);
        }
        self.keep(url, way, Outcome::Answered(response.code, server()));
        Ok((response.code, text))
    }

    fn answered(&mut self, sent: &Sent, path: &str) -> Response {
        let refuse = |s: Status| Response { code: s.code, body: s.to_value(), warnings: vec![] };
        let user = match self.sim.authenticated(sent.header("authorization")) {
            Ok(user) => user,
            Err(e) => return refuse(e),
        };
        match sent.request(path) {
            Ok(request) => PodApi { around: self }.request(request.by(Some(user))),
            Err(e) => refuse(e),
        }
    }

    /// Is a text the certificate of the cluster's own authority?
    fn is_authority(&self, text: &str) -> bool {
        let own = Key::new(self.pod.namespace.clone(), "kube-root-ca.crt");
        let config = self.sim.store.typed::<k8s_openapi::api::core::v1::ConfigMap>(&own);
        let own = config.and_then(|c| c.data.as_ref()?.get("ca.crt"));
        own.is_some_and(|own| text.contains(own.trim()))
    }

    /// Does the container's image bring kubectl along?
    pub(super) fn has_kubectl(&self) -> bool {
        let c = self.plan.containers.get(self.container);
        c.is_some_and(|c| c.entry.as_ref().is_none_or(|e| e.has("kubectl")))
    }

    /// `jq` on a process's own files.
    pub(super) fn jq(&mut self, args: &[String], input: &str, files: &FileSystem<'_>) -> Ran {
        let mut here = BTreeMap::new();
        args.iter().for_each(|word| take(word, files, &mut here, 0));
        let mut session = Session::default();
        let mut api = PodApi { around: self };
        let out = kubectl::jq(args, input, &mut Context::new(&mut api, &mut here, &mut session));
        Ran { out: out.stdout, err: out.stderr, code: out.code }
    }

    /// Runs kubectl in the name of the account whose token lies in the container's files.
    pub(super) fn kubectl(
        &mut self,
        job: u32,
        argv: &[String],
        input: &str,
        instant: bool,
        files: &mut FileSystem<'_>,
    ) -> Ran {
        let told = |err: String| Ran { err, code: Some(1), ..Ran::default() };
        let read = |name: &str| files.read(&format!("{CREDENTIALS}/{name}")).ok().map(|t| t.to_string());
        let client_only = argv.len() < 2
            || matches!(argv[1].as_str(), "config" | "help" | "--help" | "-h" | "kustomize" | "completion" | "options")
            || argv.iter().any(|a| a == "--client" || a == "--client=true");
        let (token, namespace) = (read("token"), read("namespace"));
        if token.is_none() && !client_only {
            return told(
                "The connection to the server localhost:8080 was refused - did you specify the right host or port?\n"
                    .into(),
            );
        }
        if !client_only && let Err(why) = self.reaches_api() {
            return told(why);
        }
        let user = match self.sim.authenticated(token.as_deref().map(|t| format!("Bearer {t}")).as_deref()) {
            Ok(user) => user,
            Err(_) => return told("error: You must be logged in to the server (Unauthorized)\n".into()),
        };
        let mut here = BTreeMap::new();
        for word in argv.iter().flat_map(|a| [a.as_str(), a.split_once('=').map_or("", |(_, v)| v)]) {
            take(word, files, &mut here, 0);
        }
        let mut session = Session { namespace: namespace.unwrap_or_default(), ..Session::default() };
        let mut api = PodApi { around: self };
        let mut ctx = Context::new(&mut api, &mut here, &mut session);
        ctx.stdin = Some(input.to_owned()).filter(|i| !i.is_empty());
        let mut out = kubectl::run_as(&argv[1..], user, &mut ctx);
        match out.pending.take() {
            // what has been asked for is under way
            Some(_) if instant || self.passing => out.code = Some(out.code.unwrap_or(0)),
            Some(pending) => self.waits.push((job, pending)),
            None => {}
        }
        Ran { out: out.stdout, err: out.stderr, code: out.code }
    }

    /// Goes on with the commands that wait; what they have said, by the number of their job.
    pub(super) fn poll_waits(&mut self) -> Vec<(u32, Ran)> {
        let mut said = vec![];
        for (job, mut pending) in std::mem::take(&mut self.waits) {
            let (mut files, mut session) = (BTreeMap::new(), Session::default());
            let mut api = PodApi { around: self };
            let out = kubectl::poll(&mut pending, &mut Context::new(&mut api, &mut files, &mut session));
            if out.code.is_none() {
                self.waits.push((job, pending));
            }
            said.push((job, Ran { out: out.stdout, err: out.stderr, code: out.code }));
        }
        said
    }

    /// Can a connection to the API server be opened? The error is kubectl's.
    fn reaches_api(&mut self) -> Result<(), String> {
        let url = Url { host: "10.96.0.1".into(), port: 443, path: "/api".into(), udp: false, named: None };
        let way = self.send(&url);
        let failed = match &way.end {
            Err(Failure::Api) | Ok(_) => None,
            Err(f) => Some(f.clone()),
        };
        let Some(failure) = failed else { return Ok(()) };
        let refused = matches!(failure, Failure::ApiDown | Failure::NoEndpoints(_) | Failure::Refused(..));
        self.keep(&url, way, Outcome::Failed(failure));
        Err(if refused {
            "The connection to the server 10.96.0.1:443 was refused - did you specify the right host or port?\n".into()
        } else {
            "Unable to connect to the server: dial tcp 10.96.0.1:443: i/o timeout\n".into()
        })
    }
}

/// Files and directories below a path, as kubectl's working directory.
fn take(word: &str, files: &FileSystem<'_>, out: &mut BTreeMap<String, String>, depth: u32) {
    if word.is_empty() || word.starts_with('-') || depth > 4 {
        return;
    }
    let path = normalize("/", word);
    if let Ok(text) = files.read(&path) {
        out.insert(word.trim_start_matches("./").to_owned(), text.to_string());
        return;
    }
    if path == "/" {
        return;
    }
    for (name, _) in files.list(&path) {
        take(&format!("{}/{name}", word.trim_end_matches('/')), files, out, depth + 1);
    }
}

/// The API server, where a trace says who answered.
fn server() -> Key {
    Key::new("", "kube-apiserver")
}

/// A pod's token for an audience, as its kubelet writes it.
pub(super) fn token(sim: &Sim, pod: &crate::store::PodRecord, audience: &str, seconds: u64) -> String {
    let account = pod.proto.pod.spec.as_ref().and_then(|s| s.service_account_name.as_deref()).unwrap_or("default");
    sim.pod_token(pod, account, audience, seconds)
}
