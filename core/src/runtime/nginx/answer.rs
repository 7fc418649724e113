//! What a site of nginx's does with a request: which server speaks for its `Host`, which location for its path, and what
//! that says. Pure.

use super::{By, How, Location, Rules, Server, Site};
use crate::runtime::files::{Entry, View, normalize};
use crate::runtime::web::{Asked, Onward, Reply, Served};
use std::sync::Arc;

/// Places that a request may be led to within its server before nginx gives up.
const MOST_TURNS: u32 = 10;

/// A request's path and query, in bytes: nginx reads its line into buffers of 8 KiB.
const LONGEST: usize = 8 * 1024;

/// How a step within a server ends.
enum Turn {
    Done(Served),
    /// It is led to another path, or to a location by its name.
    To(String),
    /// An error of nginx's own, at a place with these rules.
    Error(u16),
}

/// A request within its server.
struct Request<'a> {
    files: View<'a>,
    port: u16,
    asked: Asked<'a>,
    /// The path as it is by now, without the query.
    path: String,
    query: String,
    /// A page of errors takes the place of this status.
    instead: Option<u16>,
    /// It has been led to such a page.
    failed: bool,
}

/// How well a server's name fits a host: exactly, by a beginning `*`, by an ending one, by a pattern.
fn fits(name: &str, host: &str) -> Option<(u8, usize)> {
    if let Some(pattern) = name.strip_prefix('~') {
        return crate::text::regex(pattern).is_ok_and(|r| r.is_match(host)).then_some((1, 0));
    }
    let name = name.to_ascii_lowercase();
    if name == host {
        return Some((4, 0));
    }
    if let Some(domain) = name.strip_prefix("*.").or(name.strip_prefix('.')) {
        let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1);
        let own = name.starts_with('.') && host == domain;
        return if own { Some((4, 0)) } else { below.then_some((3, domain.len())) };
    }
    let start = name.strip_suffix(".*")?;
    let rest = host.strip_prefix(start)?;
    (rest.starts_with('.') && rest.len() > 1).then_some((2, start.len()))
}

impl Site {
    /// The server that speaks for a host on a port: by name, else the default one.
    fn server(&self, port: u16, host: &str) -> Option<&Server> {
        let here = || self.servers.iter().filter(|s| s.ports.iter().any(|(p, _)| *p == port));
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let mut best: Option<((u8, usize), &Server)> = None;
        for s in here() {
            for rank in s.names.iter().filter_map(|n| fits(n, &host)) {
                // of two that fit as well the first one counts
                if best.is_none_or(|(b, _)| rank > b) {
                    best = Some((rank, s));
                }
            }
        }
        let first = || here().find(|s| s.ports.iter().any(|(p, first)| *p == port && *first));
        best.map(|(_, s)| s).or_else(first).or_else(|| here().next())
    }

    /// What a request on a port comes to.
    pub fn answer(&self, files: View<'_>, port: u16, asked: Asked<'_>) -> Served {
        let Some(server) = self.server(port, asked.host) else { return Served::Says(Reply::new(404, page(404))) };
        let full = asked.path.split('#').next().unwrap_or_default();
        if full.len() > LONGEST {
            return Served::Says(Reply::new(414, page(414)));
        }
        let (path, query) = full.split_once('?').unwrap_or((full, ""));
        let path = normalize("/", path) + if path.ends_with('/') && path.len() > 1 { "/" } else { "" };
        let mut r = Request { files, port, asked, path, query: query.to_owned(), instead: None, failed: false };
        let mut named: Option<String> = None;
        for n in 0..MOST_TURNS {
            let location = match named.take() {
                Some(name) => match server.locations.iter().find(|l| l.how == How::Named && l.path == name) {
                    Some(l) => Some(l),
                    None => break,
                },
                None => server.find(&r.path),
            };
            let rules = location.map_or(&server.own, |l| &l.rules);
            let mut turn = if n == 0 { server.own.first(server, &mut r) } else { None };
            if turn.is_none() {
                // a server's rewriting may have led to another location
                let location = if n == 0 && !server.own.rewrites.is_empty() { server.find(&r.path) } else { location };
                turn = Some(self.once(server, location, &mut r, n > 0));
            }
            match turn.unwrap_or(Turn::Error(500)) {
                Turn::Done(Served::Says(mut reply)) => {
                    if let Some(code) = r.instead.filter(|c| *c != 0) {
                        reply.code = code;
                    }
                    rules.add_headers(server, &r, &mut reply);
                    return Served::Says(reply);
                }
                Turn::Done(on) => return on,
                Turn::To(next) if next.starts_with('@') => named = Some(next),
                Turn::To(next) => r.lead(&next),
                Turn::Error(code) => {
                    let errors = rules.errors.iter().find(|(codes, ..)| codes.contains(&code)).filter(|_| !r.failed);
                    match errors {
                        Some((_, _, to)) if to.contains("://") => {
                            let mut reply = Reply::new(302, page(302));
                            reply.headers.push(("Location".into(), r.filled(to, server)));
                            return Served::Says(reply);
                        }
                        Some((_, instead, to)) => {
                            r.failed = true;
                            r.instead = Some(instead.unwrap_or(code));
                            if to.starts_with('@') {
                                named = Some(to.clone());
                            } else {
                                let to = r.filled(to, server);
                                r.lead(&to);
                            }
                        }
                        None => {
                            let mut reply = Reply::new(r.instead.filter(|c| *c != 0).unwrap_or(code), page(code));
                            rules.add_headers(server, &r, &mut reply);
                            return Served::Says(reply);
                        }
                    }
                }
            }
        }
        Served::Says(Reply::new(500, page(500)))
    }

    fn once(&self, server: &Server, location: Option<&Location>, r: &mut Request<'_>, inner: bool) -> Turn {
        let none = server.own.below();
        let rules = location.map_or(&none, |l| &l.rules);
        if rules.internal && !inner {
            return Turn::Error(404);
        }
        if let Some(turn) = rules.rewritten(server, r) {
            return turn;
        }
        if let Some((code, text)) = &rules.returns {
            return returned(*code, text, server, r);
        }
        if rules.denies {
            return Turn::Error(403);
        }
        if let Some(pass) = &rules.passes {
            let Some(group) = self.groups.get(pass.group) else { return Turn::Error(502) };
            let turn = match group.by {
                By::Turns => r.asked.turn,
                // three bytes of the address count, so neighbours come to the same peer
                By::Source => u64::from((r.asked.source >> 8).wrapping_mul(0x9e37_79b1) >> 8),
                By::Path => r.asked.path.bytes().fold(7u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b))),
            };
            let to = group.order(turn);
            if to.is_empty() {
                return Turn::Error(502);
            }
            let whole = r.uri();
            let path = match (&pass.path, location) {
                (Some(to), Some(l)) => format!("{to}{}", whole.strip_prefix(&l.path).unwrap_or_default()),
                _ => whole,
            };
            let host = match &rules.host {
                Some(h) => r.filled(&h.replace("$proxy_host", &pass.shown), server),
                None => pass.shown.clone(),
            };
            let host = host.split(':').next().unwrap_or_default();
            return Turn::Done(Served::Passes(Onward {
                to,
                by_name: None,
                host: host.into(),
                path: path.into(),
                refused: 502,
            }));
        }
        if rules.counts {
            let text =
                "Active connections: 1 \nserver accepts handled requests\n 1 1 1 \nReading: 0 Writing: 1 Waiting: 0 \n";
            return Turn::Done(Served::Says(Reply::new(200, text)));
        }
        let on_disk = |path: &str| match (&rules.alias, location) {
            (Some(alias), Some(l)) => format!("{alias}{}", path.strip_prefix(&l.path).unwrap_or(path)),
            _ => format!("{}{path}", rules.root.as_deref().unwrap_or("/etc/nginx/html")),
        };
        let file = |path: &str| match r.files.get(&normalize("/", path)) {
            Some(Entry::File(text)) => Some(text),
            Some(Entry::Zeros(_)) => Some("".into()),
            _ => None,
        };
        if let Some((last, tried)) = rules.tries.split_last() {
            for t in tried {
                let t = r.filled(t, server);
                let wants_dir = t.ends_with('/');
                let there = r.files.get(&normalize("/", &on_disk(&t)));
                if wants_dir && there == Some(Entry::Dir) {
                    return directory(r, rules, &on_disk(&t));
                }
                if let Some(text) = file(&on_disk(&t)).filter(|_| !wants_dir) {
                    return Turn::Done(Served::Says(Reply::new(200, text)));
                }
            }
            if let Some(code) = last.strip_prefix('=').and_then(|c| c.parse().ok()) {
                return Turn::Error(code);
            }
            return Turn::To(r.filled(last, server));
        }
        let full = on_disk(&r.path);
        match r.files.get(&normalize("/", &full)) {
            Some(Entry::Dir) if !r.path.ends_with('/') => {
                let mut reply = Reply::new(301, page(301));
                let port = if r.port == 80 { String::new() } else { format!(":{}", r.port) };
                reply.headers.push(("Location".into(), format!("http://{}{port}{}/", r.asked.host, r.path)));
                Turn::Done(Served::Says(reply))
            }
            Some(Entry::Dir) => directory(r, rules, &full),
            Some(Entry::File(text)) => Turn::Done(Served::Says(Reply::new(200, text))),
            Some(Entry::Zeros(_) | Entry::Link(_)) => Turn::Done(Served::Says(Reply::new(200, ""))),
            None => Turn::Error(404),
        }
    }
}

/// What `return` says: a text as it is, an address to go to, or the status' own page.
fn returned(code: u16, text: &str, server: &Server, r: &Request<'_>) -> Turn {
    if matches!(code, 301..=303 | 307 | 308) {
        let mut reply = Reply::new(code, page(code));
        if !text.is_empty() {
            let to = r.filled(text, server);
            // a path alone is completed
            let to = if to.starts_with('/') { format!("http://{}{to}", r.asked.host) } else { to };
            reply.headers.push(("Location".into(), to));
        }
        return Turn::Done(Served::Says(reply));
    }
    match text {
        "" if code >= 300 => Turn::Error(code),
        "" => Turn::Done(Served::Says(Reply::new(code, ""))),
        text => Turn::Done(Served::Says(Reply::new(code, r.filled(text, server)))),
    }
}

fn directory(r: &Request<'_>, rules: &Rules, dir: &str) -> Turn {
    let usual = vec!["index.html".to_owned()];
    for name in rules.index.as_ref().unwrap_or(&usual) {
        if let Some(Entry::File(text)) = r.files.get(&normalize("/", &format!("{dir}/{name}"))) {
            return Turn::Done(Served::Says(Reply::new(200, text)));
        }
    }
    if rules.lists != Some(true) {
        return Turn::Error(403);
    }
    let rows: String = r
        .files
        .list(&normalize("/", dir))
        .into_iter()
        .map(|(n, is_dir)| if is_dir { n + "/" } else { n })
        .map(|n| format!("<a href=\"{n}\">{n}</a>\r\n"))
        .collect();
    let path = &r.path;
    let text = format!(
        "<html>\r\n<head><title>Index of {path}</title></head>\r\n<body>\r\n<h1>Index of {path}</h1><hr><pre><a \
         href=\"../\">../</a>\r\n{rows}</pre><hr></body>\r\n</html>\r\n"
    );
    Turn::Done(Served::Says(Reply::new(200, text)))
}

impl Rules {
    /// What a server says before any location is looked for.
    fn first(&self, server: &Server, r: &mut Request<'_>) -> Option<Turn> {
        match self.rewritten(server, r) {
            Some(Turn::To(next)) => r.lead(&next),
            Some(turn) => return Some(turn),
            None => {}
        }
        if let Some((code, text)) = &self.returns {
            return Some(returned(*code, text, server, r));
        }
        None
    }

    /// Carries out what is rewritten here; a turn: the request goes elsewhere.
    fn rewritten(&self, server: &Server, r: &mut Request<'_>) -> Option<Turn> {
        let mut changed = false;
        for (pattern, to, flag) in &self.rewrites {
            let Ok(regex) = crate::text::regex(pattern) else { continue };
            let Some(found) = regex.captures(&r.path) else { continue };
            let mut next = to.clone();
            for i in (1..10).rev() {
                next = next.replace(&format!("${i}"), found.get(i).map_or("", |m| m.as_str()));
            }
            let next = r.filled(&next, server);
            if next.len() > LONGEST {
                return Some(Turn::Error(500));
            }
            // the query goes along unless the new path ends with a question mark
            let next = match (next.strip_suffix('?'), r.query.is_empty()) {
                (Some(bare), _) => bare.to_owned(),
                (None, true) => next,
                (None, false) if next.contains('?') => format!("{next}&{}", r.query),
                (None, false) => format!("{next}?{}", r.query),
            };
            let away = next.contains("://");
            if away || matches!(flag.as_str(), "redirect" | "permanent") {
                let code = if flag == "permanent" { 301 } else { 302 };
                let mut reply = Reply::new(code, page(code));
                let to = if away { next } else { format!("http://{}{next}", r.asked.host) };
                reply.headers.push(("Location".into(), to));
                return Some(Turn::Done(Served::Says(reply)));
            }
            if flag == "break" {
                r.lead(&next);
                return None;
            }
            r.lead(&next);
            changed = true;
            if flag == "last" {
                break;
            }
        }
        changed.then(|| Turn::To(r.uri()))
    }

    fn add_headers(&self, server: &Server, r: &Request<'_>, reply: &mut Reply) {
        let usual = matches!(reply.code, 200 | 201 | 204 | 206 | 301..=304 | 307 | 308);
        for (name, value, always) in &self.adds {
            if usual || *always {
                reply.headers.push((name.clone(), r.filled(value, server)));
            }
        }
    }
}

impl Request<'_> {
    /// Goes on with another path.
    fn lead(&mut self, to: &str) {
        let (path, query) = to.split_once('?').map_or((to, None), |(p, q)| (p, Some(q)));
        self.path = path.to_owned();
        if let Some(q) = query {
            self.query = q.to_owned();
        }
    }

    /// Path and query as they are by now.
    fn uri(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// Puts values for variables.
    fn filled(&self, text: &str, server: &Server) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let port = self.port.to_string();
        let source = std::net::Ipv4Addr::from(self.asked.source).to_string();
        let seen = if self.asked.source == 0 { "{client}" } else { &source };
        let value = |name: &str| {
            Some(match name {
                "request_uri" => self.asked.path,
                "document_uri" | "uri" => &self.path,
                "hostname" => "{hostname}",
                "host" | "http_host" => self.asked.host,
                "server_name" => server.names.first().map_or("", String::as_str),
                "server_port" => &port,
                "scheme" => "http",
                "request_method" => "GET",
                "is_args" => {
                    if self.query.is_empty() {
                        ""
                    } else {
                        "?"
                    }
                }
                "args" | "query_string" => &self.query,
                "remote_addr" | "proxy_add_x_forwarded_for" => seen,
                "time_iso8601" => "{now}",
                _ => return None,
            })
        };
        // a value is not looked through for variables again
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let bare = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let (name, behind) = match after.strip_prefix('{').and_then(|a| a.split_once('}')) {
                Some(braced) => braced,
                None => after.split_at(after.find(|c| !bare(c)).unwrap_or(after.len())),
            };
            match value(name) {
                Some(v) => {
                    out.push_str(v);
                    rest = behind;
                }
                None => {
                    out.push('$');
                    rest = after;
                }
            }
        }
        out + rest
    }
}

impl Server {
    /// The location of a path: an exact one, else the longest prefix, unless a pattern fits.
    fn find(&self, path: &str) -> Option<&Location> {
        let all = &self.locations;
        if let Some(l) = all.iter().find(|l| l.how == How::Exact && l.path == path) {
            return Some(l);
        }
        let prefixes = all.iter().filter(|l| matches!(l.how, How::Prefix | How::First) && path.starts_with(&l.path));
        let longest = prefixes.max_by_key(|l| l.path.len());
        if longest.is_some_and(|l| l.how == How::First) {
            return longest;
        }
        let fits = |l: &&Location| match l.how {
            How::Pattern(any) => {
                let pattern = if any { format!("(?i){}", l.path) } else { l.path.clone() };
                crate::text::regex(&pattern).is_ok_and(|r| r.is_match(path))
            }
            _ => false,
        };
        all.iter().find(fits).or(longest)
    }
}

/// nginx's own page of a status.
pub fn page(code: u16) -> Arc<str> {
    let words = match code {
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Authorization Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Not Allowed",
        410 => "Gone",
        414 => "Request-URI Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        // nginx has no page for the others
        _ => return "".into(),
    };
    format!(
        "<html>\r\n<head><title>{code} {words}</title></head>\r\n<body>\r\n<center><h1>{code} {words}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    .into()
}
