//! What a site of Apache's does with a request: which host speaks for its name, and what that says of its path. Pure.

use super::{Directory, Host, Site};
use crate::runtime::files::{Entry, View, normalize};
use crate::runtime::web::{Asked, Onward, Reply, Served, phrase};
use std::sync::Arc;

/// A request's path and query, in bytes: `LimitRequestLine`.
const LONGEST: usize = 8190;

/// Does a path stand for another one and what is below it? What is left of it then.
fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(prefix)?;
    (rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/')).then_some(rest)
}

fn fits(name: &str, host: &str) -> bool {
    if name.contains(['*', '?']) { crate::runtime::shell::fits(name, host) } else { name == host }
}

impl Site {
    /// The host that speaks for a name on a port: the first of the virtual ones there if none is called so, the main
    /// server where there are none.
    fn host(&self, port: u16, name: &str) -> Option<&Host> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let here = || self.hosts.iter().filter(|h| h.port.is_some_and(|p| p == 0 || p == port));
        let named = here().find(|h| h.names.iter().any(|n| fits(n, &name)));
        named.or_else(|| here().next()).or_else(|| self.hosts.first())
    }

    /// What a request on a port comes to.
    pub fn answer(&self, files: View<'_>, port: u16, asked: Asked<'_>) -> Served {
        let full = asked.path.split('#').next().unwrap_or_default();
        if full.len() > LONGEST {
            return Served::Says(Reply::new(414, page(414, "")));
        }
        let (path, query) = full.split_once('?').map_or((full, None), |(p, q)| (p, Some(q)));
        let slash = if path.ends_with('/') && path.len() > 1 { "/" } else { "" };
        let path = normalize("/", path) + slash;
        let Some(host) = self.host(port, asked.host) else { return Served::Says(Reply::new(404, page(404, ""))) };
        let query = query.map_or(String::new(), |q| format!("?{q}"));
        for m in &host.moves {
            let to = if m.pattern {
                let Ok(regex) = crate::text::regex(&m.from) else { continue };
                let Some(found) = regex.captures(&path) else { continue };
                let mut to = m.to.clone();
                for i in (1..10).rev() {
                    to = to.replace(&format!("${i}"), found.get(i).map_or("", |g| g.as_str()));
                }
                to
            } else {
                let Some(rest) = below(&m.from, &path) else { continue };
                format!("{}{rest}", m.to)
            };
            if !(300..400).contains(&m.code) {
                return Served::Says(self.failed(host, files, m.code));
            }
            let to = format!("{to}{query}");
            let to = if to.starts_with('/') { format!("http://{}{to}", asked.host) } else { to };
            let mut reply = Reply::new(m.code, page(m.code, &to));
            reply.headers.push(("Location".into(), to));
            return Served::Says(host.headed(reply));
        }
        // one that is excluded stands before the others
        let pass = host.passes.iter().find(|(from, _)| below(from, &path).is_some());
        if let Some((from, Some(target))) = pass {
            if !self.passes {
                return Served::Says(self.failed(host, files, 500));
            }
            let rest = below(from, &path).unwrap_or_default();
            let joined =
                if target.path.is_empty() && !rest.starts_with('/') { format!("/{rest}") } else { rest.to_owned() };
            let on = if host.keeps_host { asked.host } else { &target.host };
            return Served::Passes(Onward {
                to: vec![],
                by_name: Some((target.host.as_str().into(), target.port)),
                host: on.into(),
                path: format!("{}{joined}{query}", target.path).into(),
                refused: 503,
            });
        }
        Served::Says(self.own(host, files, asked, &path))
    }

    fn own(&self, host: &Host, files: View<'_>, asked: Asked<'_>, path: &str) -> Reply {
        let place = host.places.iter().filter(|(p, ..)| below(p, path).is_some());
        let may = place.clone().filter_map(|(p, may, _)| Some((p.len(), (*may)?))).max_by_key(|(n, _)| *n);
        if may.is_some_and(|(_, may)| !may) {
            return self.failed(host, files, 403);
        }
        if place.clone().any(|(.., handled)| *handled) {
            return host.headed(Reply::new(200, "<html><head><title>Apache Status</title></head></html>\n"));
        }
        match self.file(host, files, path) {
            Ok(text) => host.headed(Reply::new(200, text)),
            Err(404) => {
                // one page for all that is not there
                let fallback = host.errors.iter().find(|(code, _)| *code == 0);
                match fallback.and_then(|(_, to)| self.file(host, files, to).ok()) {
                    Some(text) => host.headed(Reply::new(200, text)),
                    None => self.failed(host, files, 404),
                }
            }
            Err(301) => {
                let to = format!("http://{}{path}/", asked.host);
                let mut reply = Reply::new(301, page(301, &to));
                reply.headers.push(("Location".into(), to));
                host.headed(reply)
            }
            Err(code) => self.failed(host, files, code),
        }
    }

    /// The file that a path leads to, or the status that it gets instead.
    fn file(&self, host: &Host, files: View<'_>, path: &str) -> Result<Arc<str>, u16> {
        let alias = host.aliases.iter().find_map(|(from, to)| Some(format!("{to}{}", below(from, path)?)));
        let root = host.root.as_deref().unwrap_or("/usr/local/apache2/htdocs");
        let full = normalize("/", &alias.unwrap_or_else(|| format!("{root}{path}")));
        // of what is said of directories the longest counts
        let said = |of: fn(&Directory) -> Option<bool>| {
            let around = self.directories.iter().filter(|(d, ..)| below(d, &full).is_some());
            around.filter_map(|d| Some((d.0.len(), of(d)?))).max_by_key(|(n, _)| *n).map(|(_, v)| v)
        };
        let name = full.rsplit('/').next().unwrap_or_default();
        if said(|d| d.1) == Some(false) || name.starts_with(".ht") {
            return Err(403);
        }
        match files.get(&full) {
            Some(Entry::File(text)) => Ok(text),
            Some(Entry::Zeros(_)) => Ok("".into()),
            Some(Entry::Dir) if !path.ends_with('/') => Err(301),
            Some(_) => {
                let usual = ["index.html".to_owned()];
                for name in host.index.as_deref().unwrap_or(&usual) {
                    if let Some(Entry::File(text)) = files.get(&normalize("/", &format!("{full}/{name}"))) {
                        return Ok(text);
                    }
                }
                if said(|d| d.2) != Some(true) {
                    return Err(403);
                }
                let rows: String = files
                    .list(&full)
                    .into_iter()
                    .map(|(n, dir)| if dir { n + "/" } else { n })
                    .map(|n| format!("<li><a href=\"{n}\"> {n}</a></li>\n"))
                    .collect();
                Ok(format!(
                    "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>Index of \
                     {path}</title>\n </head>\n <body>\n<h1>Index of {path}</h1>\n<ul>{rows}</ul>\n</body></html>\n"
                )
                .into())
            }
            None => Err(404),
        }
    }

    /// An error, with the page that the configuration has for it.
    fn failed(&self, host: &Host, files: View<'_>, code: u16) -> Reply {
        let own = host.errors.iter().find(|(c, _)| *c == code).map(|(_, t)| t.as_str());
        let reply = match own {
            Some(to) if to.contains("://") => {
                let mut reply = Reply::new(302, page(302, to));
                reply.headers.push(("Location".into(), to.to_owned()));
                reply
            }
            Some(to) if to.starts_with('/') => match self.file(host, files, to) {
                Ok(text) => Reply::new(code, text),
                Err(_) => Reply::new(code, page(code, "")),
            },
            Some(text) => Reply::new(code, text),
            None => Reply::new(code, page(code, "")),
        };
        host.headed(reply)
    }
}

impl Host {
    /// With the headers that are set here.
    fn headed(&self, mut reply: Reply) -> Reply {
        for (name, value, always) in &self.headers {
            if reply.code < 400 || *always {
                reply.headers.push((name.clone(), value.clone()));
            }
        }
        reply
    }
}

/// Apache's own page of a status.
pub fn page(code: u16, to: &str) -> Arc<str> {
    let text = match code {
        301 | 302 | 303 | 307 | 308 => format!("The document has moved <a href=\"{to}\">here</a>."),
        400 => "Your browser sent a request that this server could not understand.<br />".into(),
        403 => "You don't have permission to access this resource.".into(),
        404 => "The requested URL was not found on this server.".into(),
        410 => "The requested resource is no longer available on this server and there is no forwarding address.\nPlease remove \
                all references to this resource."
            .into(),
        414 => "The requested URL's length exceeds the capacity\nlimit for this server.<br />".into(),
        502 => "The proxy server received an invalid\nresponse from an upstream server.<br />".into(),
        503 => "The server is temporarily unable to service your\nrequest due to maintenance downtime or capacity\nproblems. \
                Please try again later."
            .into(),
        504 => "The gateway did not receive a timely response\nfrom the upstream server or application.".into(),
        _ => "The server encountered an internal error or\nmisconfiguration and was unable to complete\nyour request.".into(),
    };
    let words = phrase(code);
    format!(
        "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{code} {words}</title>\n</head><body>\n<h1>{words}\
         </h1>\n<p>{text}</p>\n</body></html>\n"
    )
    .into()
}
