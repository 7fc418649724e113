//! nginx's configuration: what of it decides where the server listens and what it answers. Pure: files come in, a
//! [`Site`] or nginx's own complaint comes out. What it does not act on (caches, logs, time limits) it reads past; what
//! nginx itself would not take ends it here too. [`answer`] is what a site does with a request.

mod answer;
mod conf;
#[cfg(test)]
mod tests;

use super::files::{Entry, View, normalize};
use super::web::host_port;
pub use answer::page;
use conf::{Directive, check, load};

/// Where nginx looks for its configuration.
pub const FILE: &str = "/etc/nginx/nginx.conf";

/// Files that are read at most, with those that include themselves.
const FILES: u32 = 300;

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

/// The image's page for what has gone wrong.
pub const SORRY: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Error</title>\n</head>\n<body>\n<h1>An error occurred.</h1>\n<p>Sorry, \
    the page you are looking for is currently unavailable.<br/>\nPlease try again later.</p>\n</body>\n</html>\n";

/// Types of files, as far as anybody looks.
pub const TYPES: &str = "types {\n    text/html html htm;\n    text/css css;\n    application/javascript js;\n    \
    application/json json;\n    image/png png;\n    image/svg+xml svg;\n}\n";

/// Directives that are read past though they would change what is answered.
const UNREAD: &str = " if auth_basic auth_request limit_req limit_conn sub_filter mirror split_clients geo map fastcgi_pass \
    uwsgi_pass scgi_pass grpc_pass memcached_pass secure_link js_content perl random_index dav_methods limit_except ";

/// A configuration that nginx has taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// Ports that it listens on.
    pub ports: Vec<u16>,
    /// Directives that are read past though they would change answers.
    pub unread: Vec<String>,
    servers: Vec<Server>,
    groups: Vec<Group>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Server {
    ports: Vec<(u16, bool)>,
    names: Vec<String>,
    own: Rules,
    locations: Vec<Location>,
}

/// Servers that a request is passed on to by one name.
#[derive(Clone, Debug, Default, PartialEq)]
struct Group {
    name: String,
    peers: Vec<Peer>,
    /// Whose turn it is, over and over: indexes of the peers that are no spare ones.
    turns: Vec<u16>,
    by: By,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Peer {
    to: (u32, u16),
    weight: u32,
    spare: bool,
}

/// How a group's peer is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum By {
    #[default]
    Turns,
    Source,
    Path,
}

/// Where `proxy_pass` leads to.
#[derive(Clone, Debug, PartialEq)]
struct Pass {
    group: usize,
    /// What stands behind the host: it goes in the place of what the location has matched.
    path: Option<String>,
    /// The host as it is written there.
    shown: String,
}

/// What stands in a location, or in a server for all of them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rules {
    root: Option<String>,
    alias: Option<String>,
    index: Option<Vec<String>>,
    tries: Vec<String>,
    returns: Option<(u16, String)>,
    passes: Option<Pass>,
    denies: bool,
    lists: Option<bool>,
    counts: bool,
    internal: bool,
    /// Name, value, whatever the status is.
    adds: Vec<(String, String, bool)>,
    /// `proxy_set_header Host`, of those that count here.
    host: Option<String>,
    sets_headers: bool,
    /// Statuses, the one to answer with instead (0: that of the page), the page.
    errors: Vec<(Vec<u16>, Option<u16>, String)>,
    rewrites: Vec<(String, String, String)>,
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
    /// `@name`
    Named,
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

/// A name server: all addresses of a name.
type Resolve<'a> = &'a mut dyn FnMut(&str) -> Vec<u32>;

/// Reads the configuration as nginx does when it starts. `resolve` asks the name server.
///
/// # Errors
/// What nginx says behind `[emerg]`, before it ends with 1.
pub fn start(files: View<'_>, resolve: Resolve<'_>) -> Result<Site, String> {
    let all = load(files, FILE, None, 0, &mut { FILES })?;
    check(&all, "")?;
    if !all.iter().any(|d| d.name() == "events") {
        return Err("no \"events\" section in configuration".into());
    }
    let mut site = Site::default();
    site.unread_of(&all);
    let http: Vec<&Directive> = all.iter().filter(|d| d.name() == "http").flat_map(Directive::below).collect();
    for u in http.iter().filter(|d| d.name() == "upstream") {
        site.groups.push(Group::read(u, resolve)?);
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
        common.take(d, &mut site.groups, resolve)?;
    }
    for d in http.iter().filter(|d| d.name() == "server") {
        let mut s = Server { own: common.below(), ..Server::default() };
        // what stands in the server counts for all its locations, wherever it stands
        for inner in d.below() {
            match inner.name() {
                "listen" => {
                    let first = inner.args().iter().any(|a| a == "default_server" || a == "default");
                    s.ports.push((port_of(inner)?, first));
                }
                "server_name" => {
                    for name in inner.args() {
                        if let Some(pattern) = name.strip_prefix('~')
                            && crate::text::regex(pattern).is_err()
                        {
                            return Err(inner.wrong(format_args!("pcre2_compile() failed in \"{pattern}\"")));
                        }
                        s.names.push(name.clone());
                    }
                }
                "location" => {}
                _ => s.own.take(inner, &mut site.groups, resolve)?,
            }
        }
        s.own.settle(&common);
        let own = s.own.below();
        for inner in d.below().iter().filter(|d| d.name() == "location") {
            s.location(inner, &own, &mut site.groups, resolve)?;
        }
        if s.ports.is_empty() {
            s.ports.push((80, false));
        }
        for (port, first) in &s.ports {
            let taken = |other: &Server| other.ports.iter().any(|(p, f)| p == port && *f);
            if *first && site.servers.iter().any(taken) {
                return Err(d.wrong(format_args!("a duplicate default server for 0.0.0.0:{port}")));
            }
            if *port != 0 && !site.ports.contains(port) {
                site.ports.push(*port);
            }
        }
        site.servers.push(s);
    }
    Ok(site)
}

impl Site {
    fn unread_of(&mut self, list: &[Directive]) {
        for d in list {
            let name = d.name();
            if UNREAD.split_whitespace().any(|u| u == name) && !self.unread.iter().any(|u| u == name) {
                self.unread.push(name.to_owned());
            }
            // in these stand values
            if !matches!(name, "types" | "map" | "geo" | "split_clients") {
                self.unread_of(d.below());
            }
        }
    }
}

/// Turns that are written down at most.
const MOST_TURNS: u32 = 512;

impl Group {
    fn read(u: &Directive, resolve: Resolve<'_>) -> Result<Group, String> {
        let mut group = Group { name: u.args().first().cloned().unwrap_or_default(), ..Group::default() };
        let mut any = false;
        for d in u.below() {
            match d.name() {
                "ip_hash" => group.by = By::Source,
                "hash" => {
                    let key = d.args().first().map_or("", String::as_str);
                    group.by = if key.contains("remote_addr") { By::Source } else { By::Path };
                }
                "server" => {
                    any = true;
                    let (host, port) = host_port(d.args().first().map_or("", String::as_str), 80);
                    let (mut weight, mut spare, mut down) = (1, false, false);
                    for arg in d.args().iter().skip(1) {
                        match arg.split_once('=') {
                            None if arg == "backup" => spare = true,
                            None if arg == "down" => down = true,
                            None if arg == "resolve" => {}
                            Some(("weight", n)) if n.parse::<u32>().is_ok_and(|n| n > 0) => {
                                weight = n.parse().unwrap_or(1);
                            }
                            Some(("max_fails" | "fail_timeout" | "max_conns" | "slow_start" | "route", _)) => {}
                            _ => return Err(d.wrong(format_args!("invalid parameter \"{arg}\""))),
                        }
                    }
                    if host.starts_with("unix") {
                        continue;
                    }
                    let ips = resolve(&host);
                    if ips.is_empty() {
                        return Err(d.wrong(format_args!("host not found in upstream \"{host}\"")));
                    }
                    if !down {
                        group.peers.extend(ips.into_iter().map(|ip| Peer { to: (ip, port), weight, spare }));
                    }
                }
                _ => {}
            }
        }
        if !any {
            return Err(u.wrong("no servers are inside upstream"));
        }
        group.plan();
        Ok(group)
    }

    /// Whose turn it is: each as often as it weighs, and spread evenly.
    fn plan(&mut self) {
        let heavy = self.peers.iter().filter(|p| !p.spare);
        let total: u32 = heavy.clone().map(|p| p.weight.min(MOST_TURNS)).sum();
        let mut waiting: Vec<i64> = vec![0; self.peers.len()];
        for _ in 0..total.min(MOST_TURNS) {
            let mut best: Option<usize> = None;
            for (i, p) in self.peers.iter().enumerate().filter(|(_, p)| !p.spare) {
                waiting[i] += i64::from(p.weight.min(MOST_TURNS));
                if best.is_none_or(|b| waiting[i] > waiting[b]) {
                    best = Some(i);
                }
            }
            let Some(best) = best else { break };
            waiting[best] -= i64::from(total);
            self.turns.push(best as u16);
        }
    }

    /// The peers in the order in which a request tries them: whose turn it is, those behind it, the spare ones.
    fn order(&self, turn: u64) -> Vec<(u32, u16)> {
        let mut to: Vec<(u32, u16)> = vec![];
        let n = self.turns.len();
        for k in 0..n {
            let Some(peer) =
                self.turns.get(((turn % n as u64) as usize + k) % n).and_then(|i| self.peers.get(*i as usize))
            else {
                continue;
            };
            if !to.contains(&peer.to) {
                to.push(peer.to);
            }
        }
        to.extend(self.peers.iter().filter(|p| p.spare).map(|p| p.to));
        to
    }
}

impl Rules {
    /// What of it counts in what stands below it too.
    fn below(&self) -> Rules {
        Rules {
            root: self.root.clone(),
            index: self.index.clone(),
            denies: self.denies,
            lists: self.lists,
            ..Rules::default()
        }
    }

    /// Takes what is only inherited where nothing of its kind stands.
    fn settle(&mut self, above: &Rules) {
        if self.adds.is_empty() {
            self.adds.clone_from(&above.adds);
        }
        if self.errors.is_empty() {
            self.errors.clone_from(&above.errors);
        }
        if !self.sets_headers {
            (self.host, self.sets_headers) = (above.host.clone(), above.sets_headers);
        }
    }

    /// Takes what a directive says of answers.
    fn take(&mut self, d: &Directive, groups: &mut Vec<Group>, resolve: Resolve<'_>) -> Result<(), String> {
        let first = || d.args().first().cloned().unwrap_or_default();
        match d.name() {
            "root" => self.root = Some(first()),
            "alias" => self.alias = Some(first()),
            "index" => self.index = Some(d.args().to_vec()),
            "try_files" => self.tries = d.args().to_vec(),
            "autoindex" => self.lists = Some(first() == "on"),
            "stub_status" => self.counts = true,
            "internal" => self.internal = true,
            "deny" => self.denies |= first() == "all",
            "add_header" => match d.args() {
                [name, value, rest @ ..] => {
                    let always = match rest {
                        [] => false,
                        [a] if a == "always" => true,
                        [a, ..] => return Err(d.wrong(format_args!("invalid parameter \"{a}\""))),
                    };
                    self.adds.push((name.clone(), value.clone(), always));
                }
                _ => return Err(d.count()),
            },
            "proxy_set_header" => {
                let [name, value] = d.args() else { return Err(d.count()) };
                self.sets_headers = true;
                if name.eq_ignore_ascii_case("host") {
                    self.host = Some(value.clone());
                }
            }
            "error_page" => self.error_page(d)?,
            "rewrite" => {
                let (pattern, to, flag) = match d.args() {
                    [pattern, to] => (pattern, to, ""),
                    [pattern, to, flag] => (pattern, to, flag.as_str()),
                    _ => return Err(d.count()),
                };
                if !matches!(flag, "" | "last" | "break" | "redirect" | "permanent") {
                    return Err(d.wrong(format_args!("invalid parameter \"{flag}\"")));
                }
                if crate::text::regex(pattern).is_err() {
                    return Err(d.wrong(format_args!("pcre2_compile() failed in \"{pattern}\"")));
                }
                self.rewrites.push((pattern.clone(), to.clone(), flag.to_owned()));
            }
            "return" if self.returns.is_none() => {
                let text = d.args().get(1).cloned().unwrap_or_default();
                self.returns = Some(match first().parse::<u16>() {
                    Ok(code @ 0..=999) => (code, text),
                    _ if first().contains("://") || first().starts_with('$') => (302, first()),
                    _ => return Err(d.wrong(format_args!("invalid return code \"{}\"", first()))),
                });
            }
            "proxy_pass" => self.pass(d, groups, resolve)?,
            _ => {}
        }
        Ok(())
    }

    fn error_page(&mut self, d: &Directive) -> Result<(), String> {
        let Some((page, codes)) = d.args().split_last().filter(|(_, c)| !c.is_empty()) else { return Err(d.count()) };
        let (mut list, mut instead) = (vec![], None);
        for code in codes {
            match code.strip_prefix('=') {
                Some("") => instead = Some(0),
                Some(n) => {
                    let n = n.parse().map_err(|_| d.wrong(format_args!("invalid value \"{code}\"")))?;
                    instead = Some(n);
                }
                None => match code.parse::<u16>() {
                    Ok(n @ 300..=599) => list.push(n),
                    Ok(n) => return Err(d.wrong(format_args!("value \"{n}\" must be between 300 and 599"))),
                    Err(_) => return Err(d.wrong(format_args!("invalid value \"{code}\""))),
                },
            }
        }
        self.errors.push((list, instead, page.clone()));
        Ok(())
    }

    fn pass(&mut self, d: &Directive, groups: &mut Vec<Group>, resolve: Resolve<'_>) -> Result<(), String> {
        let url = d.args().first().map_or("", String::as_str);
        let Some((scheme, rest)) = url.split_once("://") else {
            // a variable's value is not known before a request comes
            return if url.starts_with('$') { Ok(()) } else { Err(d.wrong("invalid URL prefix")) };
        };
        let (shown, path) = match rest.find('/') {
            Some(i) => (&rest[..i], Some(rest[i..].to_owned())),
            None => (rest, None),
        };
        if shown.contains('$') {
            return Ok(());
        }
        let group = match groups.iter().position(|g| g.name == shown) {
            Some(i) => i,
            None => {
                let (host, port) = host_port(shown, if scheme == "https" { 443 } else { 80 });
                let ips = resolve(&host);
                if ips.is_empty() {
                    return Err(d.wrong(format_args!("host not found in upstream \"{host}\"")));
                }
                let peers = ips.into_iter().map(|ip| Peer { to: (ip, port), weight: 1, spare: false }).collect();
                let mut group = Group { name: shown.to_owned(), peers, ..Group::default() };
                group.plan();
                groups.push(group);
                groups.len() - 1
            }
        };
        self.passes = Some(Pass { group, path, shown: shown.to_owned() });
        Ok(())
    }
}

impl Server {
    fn location(
        &mut self,
        d: &Directive,
        above: &Rules,
        groups: &mut Vec<Group>,
        resolve: Resolve<'_>,
    ) -> Result<(), String> {
        let (how, path) = match d.args() {
            [path] if path.starts_with('@') => (How::Named, path),
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
        if matches!(how, How::Pattern(_)) && crate::text::regex(path).is_err() {
            return Err(d.wrong(format_args!("pcre2_compile() failed in \"{path}\"")));
        }
        let twice = |l: &Location| l.how == how && l.path == *path;
        if self.locations.iter().any(twice) {
            return Err(d.wrong(format_args!("duplicate location \"{path}\"")));
        }
        let mut rules = above.below();
        for inner in d.below().iter().filter(|i| i.name() != "location") {
            rules.take(inner, groups, resolve)?;
        }
        rules.settle(&self.own);
        if rules.passes.as_ref().is_some_and(|p| p.path.is_some()) && matches!(how, How::Pattern(_) | How::Named) {
            return Err(d.wrong(
                "\"proxy_pass\" cannot have URI part in location given by regular expression, or inside named location, or \
                 inside \"if\" statement, or inside \"limit_except\" block",
            ));
        }
        let inherited = rules.below();
        self.locations.push(Location { how, path: path.clone(), rules });
        for inner in d.below().iter().filter(|i| i.name() == "location") {
            self.location(inner, &inherited, groups, resolve)?;
        }
        Ok(())
    }
}
