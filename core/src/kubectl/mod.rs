//! kubectl as a function of (line, files, cluster): what people type, and what they read back.
//!
//! Reading order: [`line`] splits what was typed, [`command`] says what a command is and holds the one table of them,
//! [`flags`] parses its arguments, [`builder`] turns resource arguments and manifests into objects, [`printer`] and
//! [`describe`] show them, [`errors`] words what went wrong, [`pending`] is what a waiting command leaves behind.
//! The cluster is reached only through [`Api`]: never through the store. Nothing here keeps a closure; a command that
//! waits is plain data that is polled.

pub mod builder;
pub mod cmd;
pub mod command;
pub mod complete;
pub mod describe;
mod elsewhere;
pub mod errors;
mod filters;
pub mod flags;
pub mod help;
mod jq;
pub mod kubarium;
pub mod kustomize;
pub mod line;
pub mod manifest;
mod openssl;
pub mod pending;
pub mod pipes;
pub mod printer;
pub mod script;
pub mod sort;

#[cfg(test)]
mod tests;

use crate::api::error::Status;
use crate::api::kinds::ResourceInfo;
use crate::api::x509::Certificate;
use crate::apiserver::request::{Api, Method, Request, Response, Unanswered, User};
use crate::clock::{SimDuration, SimTime};
use command::Invocation;
use errors::CmdError;
use pending::Pending;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What kubectl remembers between two lines: the kubeconfig of one user of one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The current context's name.
    pub context: String,
    /// Name of the cluster in the kubeconfig.
    pub cluster: String,
    /// Name of the user in the kubeconfig.
    pub user: String,
    /// The context's namespace; empty when none is set, which means `default`.
    pub namespace: String,
    /// Further contexts by name: the cluster, the user and the namespace of each.
    #[serde(default)]
    pub others: BTreeMap<String, [String; 3]>,
    /// Clusters besides the one there is, by name, as `config set-cluster` has written them.
    #[serde(default)]
    pub clusters: BTreeMap<String, Value>,
    /// Users besides the administrator.
    #[serde(default)]
    pub users: BTreeMap<String, Value>,
    /// What first words stand for other words.
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
    /// Variables that lines have set.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Directories of the working directory in which nothing lies yet, as `/name`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub directories: BTreeSet<String>,
    /// The shell that was opened in a container and takes the lines now.
    pub inside: Option<Inside>,
    /// What serves on the person's own ports, behind the prompt.
    #[serde(default)]
    pub served: BTreeMap<u16, Local>,
    /// What the other terminals serve.
    #[serde(skip)]
    pub beside: BTreeMap<u16, Local>,
    /// What is carried out if the next line says yes; empty: nothing has been asked.
    #[serde(default)]
    pub asked: Vec<String>,
}

/// What serves on a port of the person's own machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Local {
    /// `kubectl proxy`
    Api,
    /// `kubectl port-forward … &`
    Pod {
        /// The pod's namespace.
        namespace: String,
        /// The pod.
        pod: String,
        /// Its port.
        port: u16,
    },
}

/// A shell in a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The working directory; empty for the container's own.
    pub directory: String,
    /// Assignments that were typed: each line's shell begins with them.
    #[serde(default)]
    pub setup: String,
    /// The pod goes when the shell is left (`run --rm`).
    #[serde(default)]
    pub remove: bool,
}

impl Default for Session {
    fn default() -> Self {
        Session {
            inside: None,
            served: BTreeMap::new(),
            beside: BTreeMap::new(),
            asked: vec![],
            clusters: BTreeMap::new(),
            users: BTreeMap::new(),
            aliases: BTreeMap::new(),
            variables: BTreeMap::new(),
            directories: BTreeSet::new(),
            others: BTreeMap::new(),
            context: "kubarium".into(),
            cluster: "kubarium".into(),
            user: "admin".into(),
            namespace: String::new(),
        }
    }
}

impl Session {
    /// The namespace commands work in when none is given.
    pub fn namespace(&self) -> &str {
        if self.namespace.is_empty() { "default" } else { &self.namespace }
    }
}

/// Something that happens outside the terminal because of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// An editor is to be opened on a text (`kubectl edit`); saving it runs `then` with the file in place.
    OpenEditor {
        /// The file's name.
        file: String,
        /// What stands in it.
        text: String,
        /// The line to run when the text has been saved.
        then: String,
    },
    /// A panel that sends requests is to be opened (`kubectl port-forward`).
    OpenRequests {
        /// Namespace of the target.
        namespace: String,
        /// The target, as `pod/web` or `service/web`.
        target: String,
        /// The port requests go to.
        port: u16,
    },
    /// The screen is to be cleared.
    ClearScreen,
}

/// What a command printed, and how it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code; `None` while the command goes on.
    pub code: Option<i32>,
    /// What to poll while the command goes on.
    pub pending: Option<Pending>,
    /// What is to happen outside the terminal.
    pub effects: Vec<Effect>,
    /// How many warnings of the API server were printed.
    pub warnings: usize,
}

/// Everything a command can reach.
pub struct Context<'a> {
    /// The API server.
    pub api: &'a mut dyn Api,
    /// The working directory: paths without a leading `./`, and texts.
    pub files: &'a mut BTreeMap<String, String>,
    /// What `-f -` reads.
    pub stdin: Option<String>,
    /// The kubeconfig.
    pub session: &'a mut Session,
    /// What has been printed so far.
    pub out: Output,
    /// In how many substitutions a line stands.
    substitutions: u32,
}

/// Substitutions in one another that are carried out; what is deeper stays as it is written.
const MOST_SUBSTITUTIONS: u32 = 20;

impl<'a> Context<'a> {
    /// A context with nothing printed and no standard input.
    pub fn new(api: &'a mut dyn Api, files: &'a mut BTreeMap<String, String>, session: &'a mut Session) -> Self {
        Context { api, files, stdin: None, session, out: Output::default(), substitutions: 0 }
    }

    /// The current moment.
    pub fn now(&self) -> SimTime {
        self.api.now()
    }

    /// Prints a line on standard output.
    pub fn println(&mut self, line: impl AsRef<str>) {
        self.out.stdout.push_str(line.as_ref());
        self.out.stdout.push('\n');
    }

    /// Prints text on standard output as it is.
    pub fn print(&mut self, text: impl AsRef<str>) {
        self.out.stdout.push_str(text.as_ref());
    }

    /// Prints a line on standard error.
    pub fn eprintln(&mut self, line: impl AsRef<str>) {
        self.out.stderr.push_str(line.as_ref());
        self.out.stderr.push('\n');
    }

    /// Sends a request; its warnings are printed, an error status becomes an error.
    pub fn call(&mut self, request: Request) -> Result<Value, CmdError> {
        let response = self.api.request(request);
        for w in &response.warnings {
            let line = format!("Warning: {w}\n");
            // client-go prints a warning once in a run
            if !self.out.stderr.contains(&line) {
                self.out.stderr.push_str(&line);
                self.out.warnings += 1;
            }
        }
        response.ok().map_err(CmdError::Api)
    }
}

/// Runs one typed line. The output is complete, or has `pending` set and no code.
pub fn run(line: &str, ctx: &mut Context) -> Output {
    ctx.out = Output::default();
    if ctx.session.inside.is_some() {
        let result = cmd::exec::inside(line, ctx);
        finish(result, ctx);
        return std::mem::take(&mut ctx.out);
    }
    if !ctx.session.asked.is_empty() {
        cmd::delete::answered(line, ctx);
        return std::mem::take(&mut ctx.out);
    }
    if script::is_one(line::sequence_parts(line).iter().map(|(_, part)| part.as_str())) {
        script::begin(line, ctx);
        return std::mem::take(&mut ctx.out);
    }
    let line = &unaliased(line, &ctx.session.aliases);
    if let Some(code) = own_words(line, ctx) {
        ctx.out.code = Some(code);
        return std::mem::take(&mut ctx.out);
    }
    let mut said = String::new();
    let line = {
        let variables = ctx.session.variables.clone();
        let mut output = |inner: &str| {
            let first = inner.split_whitespace().next().unwrap_or_default();
            let deep = ctx.substitutions >= MOST_SUBSTITUTIONS;
            if deep || !(matches!(first, "kubectl" | "k") || pipes::is_filter(first) || elsewhere::is_one(first)) {
                return None;
            }
            ctx.substitutions += 1;
            let out = run(inner, ctx);
            ctx.substitutions -= 1;
            said.push_str(&out.stderr);
            Some(out.stdout)
        };
        line::expand(line, &|name| variables.get(name).cloned(), &mut output)
    };
    ctx.out = Output { stderr: said, ..Output::default() };
    match line::split(&line) {
        Ok(stages) => match line::assignments(&stages) {
            Some(set) => {
                ctx.session.variables.extend(set);
                ctx.out.code = Some(0);
            }
            None => {
                let said = std::mem::take(&mut ctx.out.stderr);
                pipes::run(stages, ctx);
                ctx.out.stderr.insert_str(0, &said);
            }
        },
        Err(e) => {
            ctx.eprintln(format!("kubarium: {e}"));
            ctx.out.code = Some(2);
        }
    }
    std::mem::take(&mut ctx.out)
}

/// A line whose first word is an alias, spelled out.
fn unaliased(line: &str, aliases: &BTreeMap<String, String>) -> String {
    let line = line.trim_start();
    let (first, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
    aliases.get(first).map_or_else(|| line.to_owned(), |meaning| format!("{meaning}{rest}"))
}

/// What a shell does for itself when it is set up: aliases; completion, which is here already.
fn own_words(line: &str, ctx: &mut Context) -> Option<i32> {
    let words = line::words(line).ok()?;
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["alias"] => {
            let all: Vec<String> = ctx.session.aliases.iter().map(|(k, v)| format!("alias {k}='{v}'")).collect();
            all.iter().for_each(|l| ctx.println(l));
        }
        ["alias", ref pairs @ ..] => {
            let pairs = pairs.iter().filter_map(|p| p.split_once('='));
            ctx.session.aliases.extend(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())));
        }
        ["unalias", name] => drop(ctx.session.aliases.remove(name)),
        ["complete", ..] => {}
        _ if line.starts_with("source <(kubectl completion") => {}
        _ => return None,
    }
    Some(0)
}

/// Does a line ask the API server for anything? Filters, and what is done to the cluster from beside it, do not.
pub fn asks_server(line: &str, session: &Session) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    session.inside.is_some() || !(first.is_empty() || first == "kubarium" || pipes::is_filter(first))
}

/// A line whose first answer takes until then: the API server is slow.
pub fn begin_late(line: &str, stdin: Option<String>, now: SimTime, until: SimTime) -> Output {
    let patience = line::words(line).unwrap_or_default();
    let patience = patience.iter().enumerate().find_map(|(i, w)| match w.strip_prefix("--request-timeout")? {
        "" => request_timeout(patience.get(i + 1)?),
        given => request_timeout(given.strip_prefix('=')?),
    });
    let patience = patience.filter(|s| *s > 0.0).map(|s| now + SimDuration((s * 1e6) as u64));
    let given_up = patience.is_some_and(|p| p < until);
    let until = patience.map_or(until, |p| p.min(until));
    let wait = pending::Wait::Late(pending::Late { line: line.to_owned(), stdin, given_up });
    Output { pending: Some(Pending::new(wait, Some(until))), ..Output::default() }
}

/// What `--request-timeout` means, in seconds: a bare number is one of seconds.
pub(crate) fn request_timeout(text: &str) -> Option<f64> {
    text.parse::<u32>().ok().map(f64::from).or_else(|| flags::parse_duration(text))
}

/// Runs kubectl with arguments that are split already (without the leading `kubectl`).
pub fn run_args(args: &[String], ctx: &mut Context) {
    let before = ctx.out.warnings;
    let mut result = execute(args, ctx);
    // the first that was said of the server's is not forgotten
    let warned = ctx.out.warnings - before;
    if warned > 0 && args.iter().any(|a| a == "--warnings-as-errors" || a == "--warnings-as-errors=true") {
        let many = if warned == 1 { "warning" } else { "warnings" };
        result = result.and(Err(CmdError::client(format!("{warned} {many} received"))));
    }
    finish(result, ctx);
}

/// Runs kubectl with split arguments in somebody's name: what it printed, or what it waits for.
pub fn run_as(args: &[String], user: Arc<User>, ctx: &mut Context) -> Output {
    ctx.out = Output::default();
    posing(Some(user), false, ctx, |ctx| run_args(args, ctx));
    std::mem::take(&mut ctx.out)
}

/// `jq` as a program in a container: complete output.
pub fn jq(args: &[String], input: &str, ctx: &mut Context) -> Output {
    let (stdout, code) = jq::run(args, Some(input.to_owned()), ctx);
    Output { stdout, code: Some(code), ..std::mem::take(&mut ctx.out) }
}

fn execute(args: &[String], ctx: &mut Context) -> Result<(), CmdError> {
    let (command, path, rest) = command::find(args)?;
    let inv = Invocation::parse(command, path, rest, ctx)?;
    if let Some(inv) = &inv
        && request_timeout(inv.str("request-timeout")).is_none()
    {
        return Err(CmdError::client(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)",
        ));
    }
    match inv {
        None => Ok(()),
        Some(inv) => match command.run {
            Some(run) => {
                let posed = inv.changed("as") || inv.changed("as-group");
                let asks = !inv.path.starts_with("kubectl config") && command.name != "version";
                let named = if asks { cmd::config::credentials(&inv, ctx)? } else { None };
                let user = match (inv.changed("token"), named) {
                    (true, _) => Some(bearer(inv.str("token"), ctx)?),
                    _ if posed => Some(posing_as(&inv)?),
                    (false, Some(cmd::config::Known::Token(token))) => Some(bearer(&token, ctx)?),
                    (false, Some(cmd::config::Known::Name(name))) => Some(Arc::new(User::impersonated(&name, &[]))),
                    (false, Some(cmd::config::Known::Certificate(text))) => Some(bearer_of(&text, ctx)?),
                    (false, None) => None,
                };
                posing(user, shows_managers(&inv), ctx, |ctx| run(&inv, ctx))
            }
            None if inv.args.is_empty() => {
                let text = help::text(command, &inv.path);
                if command.name == "rollout" {
                    ctx.print(text);
                } else {
                    ctx.out.stderr.push_str(&text);
                }
                Err(CmdError::Exit(1))
            }
            None => Err(CmdError::usage(&inv.path, format!("unknown command {:?}", inv.args.join(" ")))),
        },
    }
}

/// Whom `--as` and `--as-group` name.
fn posing_as(inv: &Invocation) -> Result<Arc<User>, CmdError> {
    let name = inv.str("as");
    if name.is_empty() {
        return Err(CmdError::Plain(
            "error: requesting uid, groups or user-extra for  without impersonating a user".into(),
        ));
    }
    Ok(Arc::new(User::impersonated(name, inv.list("as-group"))))
}

/// Whose token it is: that of a service account that still exists, or nobody's.
fn bearer(token: &str, ctx: &mut Context) -> Result<Arc<User>, CmdError> {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token},
    });
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let answer = ctx.call(Request::new(Method::Post, path).body(review))?;
    match answer["status"]["user"]["username"].as_str() {
        Some(name) => Ok(Arc::new(User::impersonated(name, &[]))),
        None => Err(CmdError::Api(Status::new(401, "Unauthorized", "Unauthorized"))),
    }
}

/// Whom a certificate is for, if the cluster's authority has signed it and its time has not run out.
fn bearer_of(text: &str, ctx: &mut Context) -> Result<Arc<User>, CmdError> {
    let Some(own) = Certificate::read(text) else {
        return Err(CmdError::client("tls: failed to find any PEM data in certificate input"));
    };
    let now = ctx.now().unix_seconds();
    let authority = ctx.call(Request::get("/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt"))?;
    let authority = authority["data"]["ca.crt"].as_str().and_then(Certificate::read);
    let good = authority.is_some_and(|a| a.has_signed(&own)) && (own.from..=own.until).contains(&now);
    if !good {
        return Err(CmdError::Api(Status::new(401, "Unauthorized", "Unauthorized")));
    }
    let groups: Vec<String> = own.subject.all("O").into_iter().map(str::to_owned).collect();
    Ok(Arc::new(User::impersonated(own.subject.common(), &groups)))
}

/// The API server as somebody else sees it, or with the managers of fields.
struct Posing<'a> {
    api: &'a mut dyn Api,
    user: Option<Arc<User>>,
    managed: bool,
}

impl Api for Posing<'_> {
    fn request(&mut self, mut request: Request) -> Response {
        request.user = request.user.or_else(|| self.user.clone());
        request.managed |= self.managed;
        self.api.request(request)
    }
    fn now(&self) -> SimTime {
        self.api.now()
    }
    fn custom_resources(&self) -> Vec<&'static ResourceInfo> {
        self.api.custom_resources()
    }
    fn intervene(&mut self, deed: &Value) -> Result<String, String> {
        self.api.intervene(deed)
    }
    fn clients(&self) -> Vec<Value> {
        self.api.clients()
    }
    fn controllers(&self) -> Vec<&'static str> {
        self.api.controllers()
    }
    fn fetch(&mut self, url: &str, host: Option<&str>) -> Result<(u16, String, SimDuration), Unanswered> {
        self.api.fetch(url, host)
    }
}

/// Is anything to be shown of who manages which fields?
fn shows_managers(inv: &Invocation) -> bool {
    let named = |flag: &str| inv.str(flag).contains("managedFields");
    inv.bool("show-managed-fields") || named("output") || named("template")
}

/// Does something in the name of somebody else; what waits after it waits in that name.
fn posing<R>(user: Option<Arc<User>>, managed: bool, ctx: &mut Context, f: impl FnOnce(&mut Context) -> R) -> R {
    if user.is_none() && !managed {
        return f(ctx);
    }
    let mut api = Posing { api: &mut *ctx.api, user: user.clone(), managed };
    let mut inner = Context {
        api: &mut api,
        files: &mut *ctx.files,
        stdin: ctx.stdin.take(),
        session: &mut *ctx.session,
        out: std::mem::take(&mut ctx.out),
        substitutions: ctx.substitutions,
    };
    let result = f(&mut inner);
    let out = std::mem::take(&mut inner.out);
    ctx.out = out;
    if let Some(pending) = &mut ctx.out.pending {
        pending.user = user;
    }
    result
}

fn finish(result: Result<(), CmdError>, ctx: &mut Context) {
    match result {
        Ok(()) => {
            if ctx.out.pending.is_none() && ctx.out.code.is_none() {
                ctx.out.code = Some(0);
            }
        }
        Err(e) => {
            let (text, code) = e.render();
            ctx.out.stderr.push_str(&text);
            ctx.out.code = Some(code);
            ctx.out.pending = None;
        }
    }
}

/// Goes on with a command that waits: called after the cluster has changed and at [`Pending::deadline`]. The output is
/// what has been printed since; its code is set when the command has ended.
pub fn poll(pending: &mut Pending, ctx: &mut Context) -> Output {
    ctx.out = Output::default();
    if let pending::Wait::Late(late) = &mut pending.wait {
        if pending.deadline.is_some_and(|t| ctx.now() < t) {
            return Output::default();
        }
        if late.given_up {
            let why = "net/http: request canceled (Client.Timeout exceeded while awaiting headers)";
            finish(Err(CmdError::Plain(format!("Unable to connect to the server: {why}"))), ctx);
            return std::mem::take(&mut ctx.out);
        }
        ctx.stdin = late.stdin.take();
        let line = std::mem::take(&mut late.line);
        let mut out = run(&line, ctx);
        if let Some(p) = out.pending.take() {
            *pending = p;
        }
        return out;
    }
    let result = posing(pending.user.clone(), false, ctx, |ctx| pending::poll(pending, ctx));
    match result {
        Ok(true) => ctx.out.code = Some(ctx.out.code.unwrap_or(0)),
        Ok(false) => {}
        Err(e) => finish(Err(e), ctx),
    }
    pipes::filter_chunk(&pending.pipes, ctx);
    std::mem::take(&mut ctx.out)
}
