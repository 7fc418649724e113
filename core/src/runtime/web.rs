//! What web servers have in common, whatever they are configured by: a question, and an answer or the way on to another
//! server. Pure.

use super::files::View;
use super::{httpd, nginx};
use std::sync::Arc;

/// What a server is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The `Host` header, without a port.
    pub host: &'a str,
    /// The path, with its query.
    pub path: &'a str,
    /// The address that the request seems to come from; 0: nobody knows.
    pub source: u32,
    /// How many requests the server has had before this one: whose turn it is behind it follows from that.
    pub turn: u64,
}

impl<'a> Asked<'a> {
    /// A question for a path, and nothing else known.
    pub fn new(host: &'a str, path: &'a str) -> Asked<'a> {
        Asked { host, path, source: 0, turn: 0 }
    }
}

/// A server's own answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub code: u16,
    /// The body. `{hostname}` stands for the pod's name, `{now}` for the moment.
    pub body: Arc<str>,
    /// Headers that the configuration adds, and `Location`.
    pub headers: Vec<(String, String)>,
}

impl Reply {
    /// A status and a body.
    pub fn new(code: u16, body: impl Into<Arc<str>>) -> Reply {
        Reply { code, body: body.into(), headers: vec![] }
    }
}

/// A request that is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onward {
    /// Addresses and ports, in the order in which they are tried.
    pub to: Vec<(u32, u16)>,
    /// In their place: a name, which is looked up when the request comes, and a port.
    pub by_name: Option<(Arc<str>, u16)>,
    /// The `Host` header that it goes on with.
    pub host: Arc<str>,
    /// The path that it goes on with.
    pub path: Arc<str>,
    /// The status that is answered where nobody takes the connection.
    pub refused: u16,
}

/// What a request comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Served {
    /// An answer.
    Says(Reply),
    /// It is passed on.
    Passes(Onward),
}

/// A configuration that a server has taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Site {
    /// nginx's
    Nginx(nginx::Site),
    /// Apache's
    Apache(httpd::Site),
}

impl Site {
    /// Ports that it listens on.
    pub fn ports(&self) -> &[u16] {
        match self {
            Site::Nginx(s) => &s.ports,
            Site::Apache(s) => &s.ports,
        }
    }

    /// What a request on a port comes to.
    pub fn answer(&self, files: View<'_>, port: u16, asked: Asked<'_>) -> Served {
        match self {
            Site::Nginx(s) => s.answer(files, port, asked),
            Site::Apache(s) => s.answer(files, port, asked),
        }
    }

    /// What of it is read past though it would change answers, each once.
    pub fn unread(&self) -> &[String] {
        match self {
            Site::Nginx(s) => &s.unread,
            Site::Apache(s) => &s.unread,
        }
    }
}

/// A host and a port of `host:port`.
pub fn host_port(text: &str, usual: u16) -> (String, u16) {
    match text.rsplit_once(':').and_then(|(h, p)| Some((h, p.parse().ok()?))) {
        Some((host, port)) => (host.to_owned(), port),
        None => (text.to_owned(), usual),
    }
}

/// The words of a status, as a status line has them.
pub fn phrase(code: u16) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        410 => "Gone",
        414 => "Request-URI Too Long",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
