//! Apache's configuration: what of it decides where the server listens and what it answers. Pure: files come in, a
//! [`Site`] or Apache's own complaint comes out. What it does not act on (caches, logs, time limits) it reads past; what
//! Apache itself would not take ends it here too.

mod answer;
mod conf;
#[cfg(test)]
mod tests;

use super::files::{Entry, View, normalize};
pub use answer::page;
use conf::{Directive, ROOT, Reader};

/// Where Apache looks for its configuration.
pub const FILE: &str = "/usr/local/apache2/conf/httpd.conf";

/// Modules that the image's own file loads.
const LOADED: &str = "mpm_event authn_file authn_core authz_host authz_groupfile authz_user authz_core access_compat auth_basic \
    reqtimeout filter mime log_config env headers setenvif version unixd status autoindex dir alias";
/// Modules that it has and does not load.
const SPARE: &str = "proxy proxy_http proxy_balancer rewrite ssl deflate expires";

/// The image's own main file.
pub fn main_file() -> String {
    let load = |m: &str, off: &str| format!("{off}LoadModule {m}_module modules/mod_{m}.so\n");
    let mut text = String::from("ServerRoot \"/usr/local/apache2\"\n\nListen 80\n\n");
    text.extend(LOADED.split_whitespace().map(|m| load(m, "")));
    text.extend(SPARE.split_whitespace().map(|m| load(m, "#")));
    text += "\n<IfModule unixd_module>\nUser www-data\nGroup www-data\n</IfModule>\n\nServerAdmin you@example.com\n\n#ServerName \
             www.example.com:80\n\n<Directory />\n    AllowOverride none\n    Require all denied\n</Directory>\n\nDocumentRoot \
             \"/usr/local/apache2/htdocs\"\n<Directory \"/usr/local/apache2/htdocs\">\n    Options Indexes FollowSymLinks\n    \
             AllowOverride None\n    Require all granted\n</Directory>\n\n<IfModule dir_module>\n    DirectoryIndex \
             index.html\n</IfModule>\n\n<Files \".ht*\">\n    Require all denied\n</Files>\n\nErrorLog /proc/self/fd/2\n\nLogLevel \
             warn\n\n<IfModule log_config_module>\n    LogFormat \"%h %l %u %t \\\"%r\\\" %>s %b\" common\n    CustomLog \
             /proc/self/fd/1 common\n</IfModule>\n\n<IfModule mime_module>\n    TypesConfig conf/mime.types\n</IfModule>\n";
    text
}

/// Directives that are read past though they would change what is answered.
const UNREAD: &str = " rewriterule rewritecond setoutputfilter authtype authname authuserfile order allow deny balancermember \
    proxypassmatch scriptalias scriptaliasmatch sslengine aliasmatch limitrequestbody <if <limit <limitexcept <requireany \
    <requireall <requirenone <directorymatch <filesmatch <locationmatch <proxymatch ";

/// What is said of a directory: its path, may it be read, are its files listed.
type Directory = (String, Option<bool>, Option<bool>);

/// A configuration that Apache has taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// Ports that it listens on.
    pub ports: Vec<u16>,
    /// Directives that are read past though they would change answers.
    pub unread: Vec<String>,
    /// It has been told its name.
    pub named: bool,
    /// The main server, then the virtual hosts.
    hosts: Vec<Host>,
    directories: Vec<Directory>,
    /// `proxy_http` is there.
    passes: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Host {
    /// None: the main server.
    port: Option<u16>,
    names: Vec<String>,
    root: Option<String>,
    index: Option<Vec<String>>,
    moves: Vec<Move>,
    aliases: Vec<(String, String)>,
    passes: Vec<(String, Option<Target>)>,
    keeps_host: bool,
    errors: Vec<(u16, String)>,
    headers: Vec<(String, String, bool)>,
    /// Paths: may they be asked for, does a handler answer.
    places: Vec<(String, Option<bool>, bool)>,
}

/// `Redirect` and `RedirectMatch`.
#[derive(Clone, Debug, PartialEq)]
struct Move {
    from: String,
    pattern: bool,
    code: u16,
    to: String,
}

/// Where `ProxyPass` leads to.
#[derive(Clone, Debug, PartialEq)]
struct Target {
    host: String,
    port: u16,
    path: String,
}

/// Reads the configuration as Apache does when it starts.
///
/// # Errors
/// What it prints, before it ends with 1.
pub fn start(files: View<'_>) -> Result<Site, String> {
    let mut reader = Reader::new(files);
    // a complaint about the structure is the program's, one about a directive has a number of its own
    let list = reader.read(FILE, 0).map_err(|why| if why.starts_with("AH") { why } else { format!("httpd: {why}") })?;
    let mpm = ["mpm_event_module", "mpm_worker_module", "mpm_prefork_module"];
    match mpm.iter().filter(|m| reader.modules.contains(**m)).count() {
        0 => return Err("AH00534: httpd: Configuration error: No MPM loaded.".into()),
        1 => {}
        _ => return Err("AH00534: httpd: Configuration error: More than one MPM loaded.".into()),
    }
    let mut site = Site { passes: reader.modules.contains("proxy_http_module"), ..Site::default() };
    site.unread_of(&list);
    let mut main = Host::default();
    for d in &list {
        if d.is("listen") {
            let port = port_of(d.arg(0)).ok_or_else(|| d.wrong("Port must be specified"))?;
            if !site.ports.contains(&port) {
                site.ports.push(port);
            }
        } else if d.is("<virtualhost") {
            // they take over what the main server says, wherever it stands
        } else {
            site.named |= d.is("servername");
            main.take(d, files, &mut site.directories)?;
        }
    }
    let mut hosts = vec![];
    for d in list.iter().filter(|d| d.is("<virtualhost")) {
        if d.args.is_empty() {
            return Err(d.wrong("<VirtualHost> directive requires additional arguments"));
        }
        let mut own = Host::default();
        for inner in d.inner() {
            own.take(inner, files, &mut site.directories)?;
        }
        own.settle(&main);
        for at in &d.args {
            hosts.push(Host { port: Some(port_of(at).unwrap_or(0)), ..own.clone() });
        }
    }
    if site.ports.is_empty() {
        return Err("no listening sockets available, shutting down\nAH00015: Unable to open logs".into());
    }
    if !reader.modules.contains("unixd_module") {
        return Err("AH00136: Server MUST relinquish startup privileges before accepting connections.  Please ensure mod_unixd \
                    or other system security module is loaded.\nAH00016: Configuration Failed"
            .into());
    }
    site.hosts.push(main);
    site.hosts.extend(hosts);
    Ok(site)
}

/// `80`, `*:80`, `0.0.0.0:80`, `[::]:80`
fn port_of(text: &str) -> Option<u16> {
    text.rsplit(':').next().and_then(|p| p.parse().ok()).filter(|p| *p != 0)
}

impl Site {
    fn unread_of(&mut self, list: &[Directive]) {
        for d in list {
            let name = d.name.to_ascii_lowercase();
            if UNREAD.contains(&format!(" {name} ")) && !self.unread.iter().any(|u| u.eq_ignore_ascii_case(&name)) {
                self.unread.push(d.name.trim_start_matches('<').to_owned());
            }
            self.unread_of(d.inner());
        }
    }
}

impl Host {
    /// A virtual host has what the main server has, unless it says otherwise.
    fn settle(&mut self, main: &Host) {
        if self.root.is_none() {
            self.root.clone_from(&main.root);
        }
        if self.index.is_none() {
            self.index.clone_from(&main.index);
        }
        self.keeps_host |= main.keeps_host;
        for (code, text) in &main.errors {
            if !self.errors.iter().any(|(c, _)| c == code) {
                self.errors.push((*code, text.clone()));
            }
        }
        // more special ones come first
        self.moves.extend(main.moves.iter().cloned());
        self.aliases.extend(main.aliases.iter().cloned());
        self.passes.extend(main.passes.iter().cloned());
        self.headers.extend(main.headers.iter().cloned());
        self.places.extend(main.places.iter().cloned());
    }

    /// Takes what a directive says of answers.
    fn take(&mut self, d: &Directive, files: View<'_>, directories: &mut Vec<Directory>) -> Result<(), String> {
        let few = |n: usize, words: &str| if d.args.len() < n { Err(d.wrong(words)) } else { Ok(()) };
        match d.name.to_ascii_lowercase().as_str() {
            "servername" => {
                few(1, "ServerName takes one argument, The hostname and port of the server")?;
                let name = d.arg(0).split("://").last().unwrap_or_default();
                self.names.insert(0, name.split(':').next().unwrap_or_default().to_ascii_lowercase());
            }
            "serveralias" => self.names.extend(d.args.iter().map(|a| a.to_ascii_lowercase())),
            "documentroot" => {
                few(1, "DocumentRoot takes one argument, Root directory of the document tree")?;
                let root = normalize(ROOT, d.arg(0));
                if files.get(&root) != Some(Entry::Dir) {
                    return Err(
                        d.wrong(format_args!("DocumentRoot '{}' is not a directory, or is not readable", d.arg(0)))
                    );
                }
                self.root = Some(root);
            }
            "directoryindex" => self.index = Some(d.args.clone()),
            "fallbackresource" if d.arg(0) != "disabled" => {
                self.errors.push((0, d.arg(0).to_owned()));
            }
            "alias" => {
                few(2, "Alias takes two arguments, a fakename and a realname")?;
                self.aliases.push((d.arg(0).to_owned(), d.arg(1).to_owned()));
            }
            name @ ("redirect" | "redirectmatch" | "redirecttemp" | "redirectpermanent") => {
                let (code, rest) = match (name, d.arg(0)) {
                    ("redirectpermanent", _) => (301, &d.args[..]),
                    (_, "permanent" | "301") => (301, &d.args[1..]),
                    (_, "temp" | "302") => (302, &d.args[1..]),
                    (_, "seeother" | "303") => (303, &d.args[1..]),
                    (_, "gone" | "410") => (410, &d.args[1..]),
                    (_, n) if n.parse::<u16>().is_ok() => (n.parse().unwrap_or(302), &d.args[1..]),
                    _ => (302, &d.args[..]),
                };
                let wants = usize::from((300..400).contains(&code)) + 1;
                if rest.len() < wants {
                    return Err(d.wrong("Redirect to non-URL"));
                }
                let to = rest.get(1).cloned().unwrap_or_default();
                let pattern = name == "redirectmatch";
                if pattern && crate::text::regex(&rest[0]).is_err() {
                    return Err(d.wrong("Regular expression could not be compiled."));
                }
                if wants == 2 && !pattern && !to.contains("://") && !to.starts_with('/') {
                    return Err(d.wrong("Redirect to non-URL"));
                }
                self.moves.push(Move { from: rest[0].clone(), pattern, code, to });
            }
            "proxypass" => self.proxy(d, d.arg(0), d.arg(1))?,
            "proxypreservehost" => self.keeps_host = d.arg(0).eq_ignore_ascii_case("on"),
            "errordocument" => {
                few(2, "ErrorDocument takes two arguments, Change responses for HTTP errors")?;
                let Some(code) = d.arg(0).parse::<u16>().ok().filter(|c| (400..600).contains(c)) else {
                    return Err(d.wrong(format_args!("Unsupported HTTP response code {}", d.arg(0))));
                };
                self.errors.push((code, d.args[1..].join(" ")));
            }
            "header" => {
                let always = d.arg(0) == "always";
                let rest = &d.args[usize::from(always || d.arg(0) == "onsuccess")..];
                match rest.first().map(String::as_str) {
                    Some("set" | "add" | "append" | "merge" | "setifempty") if rest.len() >= 3 => {
                        self.headers.push((rest[1].clone(), rest[2].clone(), always));
                    }
                    Some("unset" | "edit" | "edit*" | "echo" | "note") => {}
                    _ => return Err(d.wrong("Header requires three arguments")),
                }
            }
            "<directory" => {
                let path = normalize(ROOT, d.arg(0));
                let (mut may, mut lists) = (None, None);
                for inner in d.inner() {
                    if let Some(m) = required(inner) {
                        may = Some(m);
                    }
                    if inner.is("options") {
                        let words = || inner.args.iter().map(|a| a.to_ascii_lowercase());
                        lists = Some(words().any(|a| a == "indexes" || a == "+indexes" || a == "all"));
                    }
                    if inner.is("directoryindex") || inner.is("fallbackresource") || inner.is("errordocument") {
                        self.take(inner, files, directories)?;
                    }
                }
                directories.push((path, may, lists));
            }
            "<location" => {
                let path = d.arg(0);
                let (mut may, mut handled) = (None, false);
                for inner in d.inner() {
                    if let Some(m) = required(inner) {
                        may = Some(m);
                    }
                    handled |= inner.is("sethandler") && inner.arg(0) == "server-status";
                    if inner.is("proxypass") {
                        self.proxy(inner, path, inner.arg(0))?;
                    }
                }
                self.places.push((path.to_owned(), may, handled));
            }
            _ => {}
        }
        Ok(())
    }

    fn proxy(&mut self, d: &Directive, path: &str, url: &str) -> Result<(), String> {
        if url.is_empty() {
            return Err(d.wrong("ProxyPass needs a path when not defined in a location"));
        }
        let target = match url.split_once("://") {
            _ if url == "!" => None,
            Some((scheme, rest)) => {
                let (host, to) = match rest.find('/') {
                    Some(i) => (&rest[..i], &rest[i..]),
                    None => (rest, ""),
                };
                let (host, port) = super::web::host_port(host, if scheme == "https" { 443 } else { 80 });
                Some(Target { host, port, path: to.to_owned() })
            }
            None => return Err(d.wrong("ProxyPass Unable to parse URL: ".to_owned() + url)),
        };
        self.passes.push((path.to_owned(), target));
        Ok(())
    }
}

/// What `Require` says; none: it is another directive, or asks for what nobody knows here.
fn required(d: &Directive) -> Option<bool> {
    if !d.is("require") {
        return None;
    }
    match (d.arg(0).to_ascii_lowercase().as_str(), d.arg(1).to_ascii_lowercase().as_str()) {
        ("all", "granted") => Some(true),
        ("all", "denied") => Some(false),
        _ => None,
    }
}
