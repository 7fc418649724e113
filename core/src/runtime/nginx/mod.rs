//! nginx's configuration: what of it decides where the server listens and what it answers. Pure: files come in, a
//! [`Site`] or nginx's own complaint comes out. What it does not act on (caches, headers, logs) it reads past; what
//! nginx itself would not take ends it here too.

mod conf;

use super::files::{Entry, View, normalize};
use conf::{Directive, check, load};
use std::sync::Arc;

/// Where nginx looks for its configuration.
pub const FILE: &str = "/etc/nginx/nginx.conf";

/// The image's own main file.
pub const MAIN: &str = "user  nginx;\nworker_processes  auto;\n\nerror_log  /var/log/nginx/error.log notice;\npid        \
    /run/nginx.pid;\n\nevents {\n    worker_connections  1024;\n}\n\nhttp {\n    include       /etc/nginx/mime.types;\n    \
    default_type  application/octet-stream;\n\n    sendfile        on;\n    keepalive_timeout  65;\n\n    include \
    /etc/nginx/conf.d/*.conf;\n}\n";

/// The image's own server, on this port.
pub fn default_server(port: u16) -> String {
    format!(
        "server {{\n    listen       {port};\n    server_name  localhost;\n\n    location / {{\n        root   \
         /usr/share/nginx/html;\n        index  index.html index.htm;\n    }}\n\n    error_page   500 502 503 504  \
         /50x.html;\n    location = /50x.html {{\n        root   /usr/share/nginx/html;\n    }}\n}}\n"
    )
}

/// Types of files, as far as anybody looks.
pub const TYPES: &str = "types {\n    text/html html htm;\n    text/css css;\n    application/javascript js;\n    \
    application/json json;\n    image/png png;\n    image/svg+xml svg;\n}\n";

/// What a request comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Served {
    /// A status and a body. `{hostname}` stands for the pod's name.
    Says(u16, Arc<str>),
    /// It is passed on: address, port, path.
    Passes(u32, u16, Arc<str>),
}

/// A configuration that nginx has taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// Ports that it listens on.
    pub ports: Vec<u16>,
    servers: Vec<Server>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Server {
    ports: Vec<(u16, bool)>,
    names: Vec<String>,
    own: Rules,
    locations: Vec<Location>,
}

/// What stands in a location, or in a server for all of them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rules {
    root: Option<String>,
    alias: Option<String>,
    index: Option<Vec<String>>,
    tries: Vec<String>,
    returns: Option<(u16, String)>,
    passes: Option<(u32, u16, Option<String>)>,
    denies: bool,
    lists: Option<bool>,
    counts: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Location {
    how: How,
    path: String,
    rules: Rules,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Exact,
    Prefix,
    /// A prefix that no pattern goes before.
    First,
    Pattern(bool),
}

/// `80`, `*:80`, `0.0.0.0:80`, `[::]:80`; an address alone stands for port 80.
fn port_of(d: &Directive) -> Result<u16, String> {
    let text = d.args().first().map_or("", String::as_str);
    if text.starts_with("unix:") {
        return Ok(0);
    }
    let last = text.rsplit(':').next().unwrap_or(text);
    if let Ok(port) = last.parse::<u16>() {
        return Ok(port);
    }
    if last.bytes().all(|b| b.is_ascii_digit()) || (text.contains(':') && !text.ends_with(']')) {
        return Err(d.wrong(format_args!("invalid port in \"{text}\" of the \"listen\" directive")));
    }
    let address =
        text == "*" || text == "localhost" || text.starts_with('[') || text.parse::<std::net::Ipv4Addr>().is_ok();
    if address {
        Ok(80)
    } else {
        Err(d.wrong(format_args!("host not found in \"{text}\" of the \"listen\" directive")))
    }
}

/// Reads the configuration as nginx does when it starts. `resolve` asks the name server.
///
/// # Errors
/// What nginx says behind `[emerg]`, before it ends with 1.
pub fn start(files: View<'_>, resolve: &mut dyn FnMut(&str) -> Option<u32>) -> Result<Site, String> {
    let all = load(files, FILE, None, 0)?;
    check(&all, "")?;
    if !all.iter().any(|d| d.name() == "events") {
        return Err("no \"events\" section in configuration".into());
    }
    let mut site = Site::default();
    let http: Vec<&Directive> = all.iter().filter(|d| d.name() == "http").flat_map(Directive::below).collect();
    let mut groups: Vec<(&str, (u32, u16))> = vec![];
    for u in http.iter().filter(|d| d.name() == "upstream") {
        let name = u.args().first().map_or("", String::as_str);
        let Some(first) = u.below().iter().find(|d| d.name() == "server") else {
            return Err(u.wrong("no servers are inside upstream"));
        };
        let (host, port) = host_port(first.args().first().map_or("", String::as_str), 80);
        let ip = resolve(&host).ok_or_else(|| first.wrong(format_args!("host not found in upstream \"{host}\"")))?;
        groups.push((name, (ip, port)));
    }
    let mut common = Rules::default();
    for d in http.iter().filter(|d| d.block.is_none()) {
        if d.name() == "proxy_cache_path" {
            let dir = normalize("/", d.args().first().map_or("", String::as_str));
            let parent = crate::runtime::files::parent(&dir).to_owned();
            if files.get(&dir).is_none() && !matches!(files.get(&parent), Some(Entry::Dir)) {
                return Err(format!("mkdir() \"{dir}\" failed (2: No such file or directory)"));
            }
        }
        common.take(d, &groups, resolve)?;
    }
    for d in http.iter().filter(|d| d.name() == "server") {
        let mut s = Server { own: common.clone(), ..Server::default() };
        for inner in d.below() {
            match inner.name() {
                "listen" => {
                    let first = inner.args().iter().any(|a| a == "default_server" || a == "default");
                    s.ports.push((port_of(inner)?, first));
                }
                "server_name" => s.names.extend(inner.args().iter().cloned()),
                "location" => s.location(inner, &groups, resolve)?,
                _ => s.own.take(inner, &groups, resolve)?,
            }
        }
        if s.ports.is_empty() {
            s.ports.push((80, false));
        }
        for (port, _) in &s.ports {
            if *port != 0 && !site.ports.contains(port) {
                site.ports.push(*port);
            }
        }
        site.servers.push(s);
    }
    Ok(site)
}

fn host_port(text: &str, usual: u16) -> (String, u16) {
    match text.rsplit_once(':').and_then(|(h, p)| Some((h, p.parse().ok()?))) {
        Some((host, port)) => (host.to_owned(), port),
        None => (text.to_owned(), usual),
    }
}

type Groups<'a> = [(&'a str, (u32, u16))];

impl Rules {
    /// Takes what a directive says of answers.
    fn take(
        &mut self,
        d: &Directive,
        groups: &Groups<'_>,
        resolve: &mut dyn FnMut(&str) -> Option<u32>,
    ) -> Result<(), String> {
        let first = || d.args().first().cloned().unwrap_or_default();
        match d.name() {
            "root" => self.root = Some(first()),
            "alias" => self.alias = Some(first()),
            "index" => self.index = Some(d.args().to_vec()),
            "try_files" => self.tries = d.args().to_vec(),
            "autoindex" => self.lists = Some(first() == "on"),
            "stub_status" => self.counts = true,
            "deny" => self.denies |= first() == "all",
            "return" if self.returns.is_none() => {
                let text = d.args().get(1).cloned().unwrap_or_default();
                self.returns = Some(match first().parse::<u16>() {
                    Ok(code @ 0..=999) => (code, text),
                    _ if first().contains("://") => (302, first()),
                    _ => return Err(d.wrong(format_args!("invalid return code \"{}\"", first()))),
                });
            }
            "proxy_pass" => {
                let url = first();
                let Some((scheme, rest)) = url.split_once("://") else {
                    // a variable's value is not known before a request comes
                    return if url.starts_with('$') { Ok(()) } else { Err(d.wrong("invalid URL prefix")) };
                };
                let (host, path) = match rest.find('/') {
                    Some(i) => (&rest[..i], Some(rest[i..].to_owned())),
                    None => (rest, None),
                };
                let (host, port) = host_port(host, if scheme == "https" { 443 } else { 80 });
                if host.contains('$') {
                    return Ok(());
                }
                let group = groups.iter().find(|(n, _)| *n == host).map(|(_, to)| *to);
                let to = match group {
                    Some(to) => to,
                    None => (
                        resolve(&host).ok_or_else(|| d.wrong(format_args!("host not found in upstream \"{host}\"")))?,
                        port,
                    ),
                };
                self.passes = Some((to.0, to.1, path));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Server {
    fn location(
        &mut self,
        d: &Directive,
        groups: &Groups<'_>,
        resolve: &mut dyn FnMut(&str) -> Option<u32>,
    ) -> Result<(), String> {
        let (how, path) = match d.args() {
            [path] => (How::Prefix, path),
            [how, path] => match how.as_str() {
                "=" => (How::Exact, path),
                "^~" => (How::First, path),
                "~" => (How::Pattern(false), path),
                "~*" => (How::Pattern(true), path),
                other => return Err(d.wrong(format_args!("invalid location modifier \"{other}\""))),
            },
            _ => return Err(d.count()),
        };
        if path.starts_with('@') {
            return Ok(());
        }
        if matches!(how, How::Pattern(_)) && regex_lite::Regex::new(path).is_err() {
            return Err(d.wrong(format_args!("pcre2_compile() failed in \"{path}\"")));
        }
        let twice = |l: &Location| l.how == how && l.path == *path;
        if self.locations.iter().any(twice) {
            return Err(d.wrong(format_args!("duplicate location \"{path}\"")));
        }
        let mut rules = Rules::default();
        for inner in d.below() {
            match inner.name() {
                "location" => self.location(inner, groups, resolve)?,
                _ => rules.take(inner, groups, resolve)?,
            }
        }
        self.locations.push(Location { how, path: path.clone(), rules });
        Ok(())
    }

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
                regex_lite::Regex::new(&pattern).is_ok_and(|r| r.is_match(path))
            }
            _ => false,
        };
        all.iter().find(fits).or(longest)
    }
}

impl Site {
    /// What a request on a port comes to.
    pub fn answer(&self, files: View<'_>, port: u16, host: &str, full: &str) -> Served {
        let here = |s: &&Server| s.ports.iter().any(|(p, _)| *p == port);
        let first = |s: &&Server| s.ports.iter().any(|(p, first)| *p == port && *first);
        let named = |s: &&Server| s.names.iter().any(|n| n == host);
        let mut all = self.servers.iter().filter(here);
        let server = all.clone().find(named).or_else(|| all.clone().find(first)).or_else(|| all.next());
        let Some(server) = server else { return Served::Says(404, page(404)) };
        let path = full.split(['?', '#']).next().unwrap_or(full);
        let mut path = normalize("/", path) + if path.ends_with('/') && path.len() > 1 { "/" } else { "" };
        // a file that is tried may lead to another location
        for _ in 0..4 {
            match server.once(files, port, host, full, &path) {
                Ok(done) => return done,
                Err(next) => path = next,
            }
        }
        Served::Says(500, page(500))
    }
}

impl Server {
    fn once(&self, files: View<'_>, port: u16, host: &str, full: &str, path: &str) -> Result<Served, String> {
        let says = |code: u16| Ok(Served::Says(code, page(code)));
        let location = self.find(path);
        let none = Rules::default();
        let rules = location.map_or(&none, |l| &l.rules);
        let filled = |text: &str| fill(text, port, host, full, path);
        if let Some((code, text)) = self.own.returns.as_ref().or(rules.returns.as_ref()) {
            let moved = matches!(code, 301..=303 | 307 | 308);
            let body = if text.is_empty() || moved { page(*code) } else { filled(text).into() };
            return Ok(Served::Says(*code, body));
        }
        if rules.denies || self.own.denies {
            return says(403);
        }
        if let Some((ip, port, to)) = &rules.passes {
            let rest = location.and_then(|l| full.strip_prefix(&l.path)).unwrap_or_default();
            let path = to.as_ref().map_or_else(|| full.to_owned(), |to| format!("{to}{rest}"));
            return Ok(Served::Passes(*ip, *port, path.into()));
        }
        if rules.counts {
            let text =
                "Active connections: 1 \nserver accepts handled requests\n 1 1 1 \nReading: 0 Writing: 1 Waiting: 0 \n";
            return Ok(Served::Says(200, text.into()));
        }
        let on_disk = |path: &str| match (&rules.alias, location) {
            (Some(alias), Some(l)) => format!("{alias}{}", path.strip_prefix(&l.path).unwrap_or(path)),
            _ => {
                let root = rules.root.as_ref().or(self.own.root.as_ref()).map_or("/etc/nginx/html", String::as_str);
                format!("{root}{path}")
            }
        };
        let file = |path: &str| match files.get(&normalize("/", path)) {
            Some(Entry::File(text)) => Some(text),
            Some(Entry::Zeros(_)) => Some("".into()),
            _ => None,
        };
        if let Some((last, tried)) = rules.tries.split_last() {
            for t in tried {
                let t = filled(t);
                let wants_dir = t.ends_with('/');
                let there = files.get(&normalize("/", &on_disk(&t)));
                if wants_dir && there == Some(Entry::Dir) {
                    return Ok(self.directory(files, rules, &on_disk(&t)));
                }
                if let Some(text) = file(&on_disk(&t)).filter(|_| !wants_dir) {
                    return Ok(Served::Says(200, text));
                }
            }
            if let Some(code) = last.strip_prefix('=').and_then(|c| c.parse().ok()) {
                return says(code);
            }
            let next = filled(last);
            return if next == path || next.starts_with('@') { says(500) } else { Err(next) };
        }
        let full = on_disk(path);
        match files.get(&normalize("/", &full)) {
            Some(Entry::Dir) if !path.ends_with('/') => says(301),
            Some(Entry::Dir) => Ok(self.directory(files, rules, &full)),
            Some(Entry::File(text)) => Ok(Served::Says(200, text)),
            Some(Entry::Zeros(_)) => Ok(Served::Says(200, "".into())),
            None => says(404),
        }
    }

    fn directory(&self, files: View<'_>, rules: &Rules, dir: &str) -> Served {
        let usual = vec!["index.html".to_owned()];
        for name in rules.index.as_ref().or(self.own.index.as_ref()).unwrap_or(&usual) {
            if let Some(Entry::File(text)) = files.get(&normalize("/", &format!("{dir}/{name}"))) {
                return Served::Says(200, text);
            }
        }
        if rules.lists.or(self.own.lists) != Some(true) {
            return Served::Says(403, page(403));
        }
        let rows: String = files
            .list(&normalize("/", dir))
            .into_iter()
            .map(|(n, is_dir)| if is_dir { n + "/" } else { n })
            .map(|n| format!("<a href=\"{n}\">{n}</a>\r\n"))
            .collect();
        Served::Says(
            200,
            format!("<html>\r\n<body>\r\n<pre><a href=\"../\">../</a>\r\n{rows}</pre></body>\r\n</html>\r\n").into(),
        )
    }
}

/// Puts values for variables.
fn fill(text: &str, port: u16, host: &str, full: &str, path: &str) -> String {
    let mut out = text.to_owned();
    let query = full.split_once('?').map_or("", |(_, q)| q);
    let port = port.to_string();
    let values = [
        ("request_uri", full),
        ("document_uri", path),
        ("uri", path),
        ("hostname", "{hostname}"),
        ("host", host),
        ("http_host", host),
        ("server_name", host),
        ("server_port", &port),
        ("scheme", "http"),
        ("request_method", "GET"),
        ("is_args", if query.is_empty() { "" } else { "?" }),
        ("args", query),
        ("query_string", query),
        ("time_iso8601", "{now}"),
    ];
    for (name, value) in values {
        out = out.replace(&format!("${{{name}}}"), value);
        // `$host` is not the beginning of `$hostname`
        let mut from = 0;
        while let Some(i) = out[from..].find(&format!("${name}")).map(|i| i + from) {
            let end = i + name.len() + 1;
            if out[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
                from = end;
                continue;
            }
            out.replace_range(i..end, value);
            from = i + value.len();
        }
    }
    out
}

/// nginx's own page of a status.
pub fn page(code: u16) -> Arc<str> {
    let words = match code {
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Authorization Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Not Allowed",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        200..=299 => return "".into(),
        _ => "",
    };
    format!(
        "<html>\r\n<head><title>{code} {words}</title></head>\r\n<body>\r\n<center><h1>{code} {words}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::files::Files;

    fn with(main: &str, f: impl FnOnce(Result<Site, String>, View<'_>)) {
        let mut root = Files::root();
        root.place(FILE, main);
        root.place("/etc/nginx/conf.d/a.conf", "server { listen 8080; location / { return 200 'a $host $uri\\n'; } }");
        root.place("/www/index.html", "home");
        root.place("/www/sub/x.txt", "x");
        let view = View { root: &root, mounts: &[], volumes: &[] };
        f(start(view, &mut |name| (name == "web").then_some(7)), view);
    }

    #[test]
    fn locations() {
        let conf = "events {} # none\nhttp { include /etc/nginx/conf.d/*.conf;\n server { listen [::]:80 default_server; listen 80;\n \
                    root /www; location = /ok { return 204; } location /api/ { proxy_pass http://web:8080/v1/; }\n location ~ \
                    \\.php$ { deny all; } location /s/ { alias /www/sub/; } location /app { try_files $uri /index.html; }\n \
                    location /same { proxy_pass http://web; } } }";
        with(conf, |site, view| {
            let site = site.unwrap();
            assert_eq!(site.ports, [8080, 80]);
            let at = |port, path| site.answer(view, port, "h", path);
            let code = |path| match at(80, path) {
                Served::Says(code, _) => code,
                Served::Passes(..) => 0,
            };
            assert_eq!(
                (code("/"), code("/none"), code("/ok"), code("/x.php"), code("/sub")),
                (200, 404, 204, 403, 301)
            );
            assert_eq!(code("/sub/"), 403);
            assert_eq!(at(80, "/s/x.txt"), Served::Says(200, "x".into()));
            assert_eq!(at(80, "/app/deep"), Served::Says(200, "home".into()));
            assert_eq!(at(80, "/api/a?b=1"), Served::Passes(7, 8080, "/v1/a?b=1".into()));
            assert_eq!(at(80, "/same/a"), Served::Passes(7, 80, "/same/a".into()));
            assert_eq!(at(8080, "/z?y"), Served::Says(200, "a h /z\n".into()));
        });
    }

    #[test]
    fn what_nginx_does_not_take() {
        for (conf, says) in [
            ("http {}", "no \"events\" section in configuration"),
            ("events {}\nhttp {\n  sever { }\n}", "unknown directive \"sever\" in /etc/nginx/nginx.conf:3"),
            ("events {}\nhttp {\n", "unexpected end of file, expecting \"}\" in /etc/nginx/nginx.conf:3"),
            ("events {}\n}\n", "unexpected \"}\" in /etc/nginx/nginx.conf:2"),
            ("events {}\nserver { listen 80; }", "\"server\" directive is not allowed here in /etc/nginx/nginx.conf:2"),
            ("events {}\nhttp { server { listen 80 } }", "unexpected \"}\" in /etc/nginx/nginx.conf:2"),
            (
                "events {}\nhttp { server { root; } }",
                "invalid number of arguments in \"root\" directive in /etc/nginx/nginx.conf:2",
            ),
            (
                "events {}\nhttp { include a.types; }",
                "open() \"/etc/nginx/a.types\" failed (2: No such file or directory) in /etc/nginx/nginx.conf:2",
            ),
            (
                "events {}\nhttp { server { location / { proxy_pass http://gone; } } }",
                "host not found in upstream \"gone\" in /etc/nginx/nginx.conf:2",
            ),
            (
                "events {}\nhttp { proxy_cache_path /data/nginx/cache levels=1:2; }",
                "mkdir() \"/data/nginx/cache\" failed (2: No such file or directory)",
            ),
        ] {
            with(conf, |site, _| assert_eq!(site.unwrap_err(), says));
        }
    }
}
