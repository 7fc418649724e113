//! Requests and responses: the REST shape that kubectl, the page and an HTTP shell share.

use crate::api::error::Status;
use crate::clock::{SimDuration, SimTime};
use serde_json::Value;
use std::sync::Arc;

/// The reason of a status that no server gave: nobody answered.
pub const REFUSED: &str = "ConnectionRefused";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct User {
    /// `jane`, `system:serviceaccount:default:robot`.
    pub name: String,
    /// All groups, implied ones included.
    pub groups: Vec<String>,
}

impl User {
    /// The cluster's administrator.
    pub fn admin(name: &str) -> User {
        User { name: name.into(), groups: vec!["system:masters".into(), "system:authenticated".into()] }
    }

    /// The user that somebody poses as: service accounts get their groups, and everybody is authenticated. (Models
    /// apiserver `endpoints/filters/impersonation`.)
    pub fn impersonated(name: &str, groups: &[String]) -> User {
        let mut groups = groups.to_vec();
        if groups.is_empty()
            && let Some((namespace, _)) = name.strip_prefix("system:serviceaccount:").and_then(|r| r.split_once(':'))
        {
            groups.push("system:serviceaccounts".into());
            groups.push(format!("system:serviceaccounts:{namespace}"));
        }
        let known = |g: &str| groups.iter().any(|x| x == g);
        if name == "system:anonymous" {
            if !known("system:unauthenticated") {
                groups.push("system:unauthenticated".into());
            }
        } else if !known("system:authenticated") && !known("system:unauthenticated") {
            groups.push("system:authenticated".into());
        }
        User { name: name.into(), groups }
    }
}

/// HTTP methods the API knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// get, list, watch
    Get,
    /// create
    Post,
    /// update
    Put,
    /// patch
    Patch,
    /// delete, deletecollection
    Delete,
}

/// How a body is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentType {
    /// application/json (a whole object)
    #[default]
    Json,
    /// application/strategic-merge-patch+json
    StrategicMergePatch,
    /// application/merge-patch+json
    MergePatch,
    /// application/json-patch+json
    JsonPatch,
    /// application/apply-patch+yaml
    ApplyPatch,
}

/// One request. `path` is Kubernetes' own (`/apis/apps/v1/namespaces/default/deployments/web/scale`), `query` its
/// parameters undecoded into pairs (`labelSelector`, `fieldSelector`, `dryRun=All`, `fieldValidation=Strict|Warn|Ignore`,
/// `propagationPolicy`, `gracePeriodSeconds`, `fieldManager`, `force`, `limit`, `continue`, `resourceVersion`,
/// `resourceVersionMatch`; `watch`, `allowWatchBookmarks`, `sendInitialEvents`).
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, without a query.
    pub path: String,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// How the body is meant.
    pub content_type: ContentType,
    /// The body; `Null` when there is none. A DELETE may carry `DeleteOptions`.
    pub body: Value,
    /// Whom the asker poses as; none: the cluster's administrator, or a component, who may do anything.
    pub user: Option<Arc<User>>,
    /// Answers carry `metadata.managedFields`, as a real server's always do. Nearly everybody hides them at once, so
    /// they are made only for those who ask.
    pub managed: bool,
}

impl Request {
    /// A request without body or query.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Request {
            method,
            path: path.into(),
            query: vec![],
            content_type: ContentType::Json,
            body: Value::Null,
            user: None,
            managed: false,
        }
    }
    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }
    /// Adds a query parameter.
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.query.push((key.into(), value.into()));
        self
    }
    /// Sets the body.
    pub fn body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }
    /// Asks in the name of somebody.
    pub fn by(mut self, user: Option<Arc<User>>) -> Self {
        self.user = user;
        self
    }
    /// Asks for `metadata.managedFields` too.
    pub fn with_managed_fields(mut self) -> Self {
        self.managed = true;
        self
    }
    /// Is a query parameter `true` or `1`?
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.param(key), Some("true" | "1" | "True" | "TRUE" | "t"))
    }
    /// The value of a query parameter.
    pub fn param(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

/// What the API server answers: an object or a `Status`, and warnings for the person (`Warning:` headers).
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status code; below 400 is success.
    pub code: u16,
    /// The object, the list, or the `v1.Status`.
    pub body: Value,
    /// Texts of `Warning` headers.
    pub warnings: Vec<String>,
}

impl Response {
    /// The body, or the error it describes.
    pub fn ok(self) -> Result<Value, Status> {
        if self.code < 400 {
            return Ok(self.body);
        }
        Err(Status::from_value(&self.body).unwrap_or_else(|| Status::new(self.code, "", self.body.to_string())))
    }
}

/// Why a URL brings no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The name does not resolve.
    UnknownHost,
    /// Nobody listens.
    Refused,
    /// No answer comes.
    TimedOut,
}

/// Whoever answers requests: the API server of a world, or a shell around one.
pub trait Api {
    /// Carries out one request at the current moment.
    fn request(&mut self, request: Request) -> Response;
    /// The current moment.
    fn now(&self) -> SimTime;
    /// The resources that the cluster has besides the built-in ones: those of its CustomResourceDefinitions.
    fn custom_resources(&self) -> Vec<&'static crate::api::kinds::ResourceInfo> {
        vec![]
    }
    /// Does what no API has: a fault, a client. `deed` is the input of the session that does the same, as JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    fn intervene(&mut self, _deed: &Value) -> Result<String, String> {
        Err("nothing but an API server can be reached from here".into())
    }
    /// Asks for a URL from where the person sits, outside of the cluster, by this `Host` header if one is given: status,
    /// body, and how long it took.
    ///
    /// # Errors
    /// Why there is no answer.
    fn fetch(&mut self, _url: &str, _host: Option<&str>) -> Result<(u16, String, SimDuration), Unanswered> {
        Err(Unanswered::UnknownHost)
    }
    /// Asks for a URL of the cluster from where the API server passes requests on: status, body, and how long it took.
    ///
    /// # Errors
    /// Why there is no answer.
    fn fetch_through(&mut self, _url: &str) -> Result<(u16, String, SimDuration), Unanswered> {
        Err(Unanswered::UnknownHost)
    }
    /// Clients that send load, as JSON.
    fn clients(&self) -> Vec<Value> {
        vec![]
    }
    /// Names of controllers that can be stopped.
    fn controllers(&self) -> Vec<&'static str> {
        vec![]
    }
}
