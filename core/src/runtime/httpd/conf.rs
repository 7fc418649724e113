//! The words of Apache's configuration: files become directives and sections, with what they include in their place, and
//! each is checked as Apache does it: is there such a directive, is its module loaded? Pure.

use crate::runtime::files::{Entry, View, normalize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where the server's own files lie.
pub(super) const ROOT: &str = "/usr/local/apache2";
/// Files that include each other go so deep, and sections.
const DEPTH: u32 = 8;
/// Files that are read at most, with those that include themselves.
const FILES: u32 = 300;
/// A line's bytes at most, with what is defined put in: as long as Apache's own.
const LINE: usize = 8 * 1024;
/// A defined value's characters at most.
const VALUE: usize = 1024;

/// A directive, or a section with what stands in it.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) args: Vec<String>,
    pub(super) below: Option<Vec<Directive>>,
    file: Arc<str>,
    line: u32,
}

impl Directive {
    /// Apache's complaint about a directive.
    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> String {
        format!("AH00526: Syntax error on line {} of {}:\n{what}", self.line, self.file)
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(super) fn arg(&self, i: usize) -> &str {
        self.args.get(i).map_or("", String::as_str)
    }

    pub(super) fn inner(&self) -> &[Directive] {
        self.below.as_deref().unwrap_or_default()
    }
}

/// Directives of modules that the image does not load by itself, or that a short file of one's own may leave out.
const MODULES: [(&str, &str); 15] = [
    (
        "proxy_module",
        " proxypass proxypassreverse proxypassmatch proxypreservehost proxyrequests proxytimeout proxyvia \
        proxyerroroverride proxyset proxyadd balancermember proxypassreversecookiedomain proxypassreversecookiepath <proxy \
        <proxymatch ",
    ),
    ("rewrite_module", " rewriteengine rewriterule rewritecond rewritebase rewriteoptions rewritemap "),
    (
        "alias_module",
        " alias aliasmatch redirect redirectmatch redirecttemp redirectpermanent scriptalias scriptaliasmatch ",
    ),
    ("headers_module", " header requestheader "),
    (
        "ssl_module",
        " sslengine sslcertificatefile sslcertificatekeyfile sslprotocol sslciphersuite sslsessioncache sslproxyengine \
        sslrandomseed sslhonorcipherorder ",
    ),
    ("dir_module", " directoryindex directoryslash fallbackresource directoryindexredirect "),
    ("authz_core_module", " require <requireall <requireany <requirenone authmerging authzprovideralias "),
    ("access_compat_module", " order allow deny satisfy "),
    ("log_config_module", " customlog logformat transferlog globallog "),
    (
        "mime_module",
        " typesconfig addtype addhandler addencoding addlanguage addcharset addoutputfilter removehandler ",
    ),
    ("unixd_module", " user group chrootdir suexec "),
    ("setenvif_module", " setenvif setenvifnocase browsermatch browsermatchnocase "),
    ("auth_basic_module", " authbasicprovider authbasicauthoritative "),
    ("expires_module", " expiresactive expiresbytype expiresdefault "),
    ("deflate_module", " deflatecompressionlevel deflatefilternote deflatebuffersize "),
];

/// Directives that are always there.
const CORE: &str = " serverroot listen serveradmin servername serveralias documentroot errorlog loglevel loadmodule include \
    includeoptional define undefine errordocument options allowoverride allowoverridelist timeout keepalive \
    keepalivetimeout maxkeepaliverequests serversignature servertokens traceenable sethandler hostnamelookups \
    enablesendfile enablemmap pidfile mutex startservers minsparethreads maxsparethreads threadsperchild \
    maxrequestworkers maxconnectionsperchild serverlimit threadlimit minspareservers maxspareservers \
    fileetag limitrequestbody limitrequestfieldsize limitrequestline limitrequestfields usecanonicalname \
    usecanonicalphysicalport adddefaultcharset contentdigest defaulttype forcetype namevirtualhost setoutputfilter \
    setinputfilter acceptfilter authname authtype scoreboardfile coredumpdirectory gracefulshutdowntimeout \
    listenbacklog receivebuffersize sendbuffersize rlimitcpu rlimitmem rlimitnproc warning error serverpath \
    errorlogformat httpprotocoloptions protocols protocolshonororder mergeslashes mergetrailers addoutputfilterbytype \
    cgipassauth regexdefaultoptions unsetenv setenv passenv bufferedlogs authuserfile authgroupfile \
    requestreadtimeout h2direct indexoptions indexignore addicon addiconbytype addiconbyencoding defaulticon \
    readmename headername adddescription indexorderdefault extendedstatus seerequesttail authldapurl \
    modmimeusepathinfo languagepriority forcelanguagepriority cachedisable proxyhtmlenable filterprovider \
    <virtualhost <directory <directorymatch <files <filesmatch <location <locationmatch <limit <limitexcept <ifmodule \
    <ifdefine <ifversion <iffile <ifdirective <if <elseif <else ";

fn listed(list: &str, name: &str) -> bool {
    let at = list.find(&format!(" {name} "));
    at.is_some()
}

/// What has been read so far.
pub(super) struct Reader<'a> {
    files: View<'a>,
    pub(super) modules: BTreeSet<String>,
    defined: BTreeMap<String, String>,
    /// Files that may still be read.
    budget: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(files: View<'a>) -> Reader<'a> {
        Reader { files, modules: BTreeSet::new(), defined: BTreeMap::new(), budget: FILES }
    }

    /// Reads a file, with what it includes in its place.
    ///
    /// # Errors
    /// A complaint about its structure, as Apache words it behind its name; one about a directive begins with its number.
    pub(super) fn read(&mut self, path: &str, depth: u32) -> Result<Vec<Directive>, String> {
        self.budget = self.budget.checked_sub(1).ok_or("Exceeded the maximum number of configuration files")?;
        let Some(Entry::File(text)) = self.files.get(path) else {
            return Err(format!("Could not open configuration file {path}: No such file or directory"));
        };
        let file: Arc<str> = path.into();
        let structure = |line: u32, what: &str| format!("Syntax error on line {line} of {path}: {what}");
        let mut open: Vec<(Directive, Vec<Directive>, bool)> = vec![];
        let mut list: Vec<Directive> = vec![];
        let mut lines = text.lines().enumerate();
        // sections that do not count here: what stands in them is read past
        let mut skipped = 0u32;
        while let Some((n, first)) = lines.next() {
            let number = n as u32 + 1;
            let mut line = first.trim().to_owned();
            while line.ends_with('\\') {
                line.pop();
                let Some((_, more)) = lines.next() else { break };
                line.push(' ');
                line += more.trim();
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let line = self.filled(&line);
            if let Some(rest) = line.strip_prefix("</") {
                let name = rest.trim_end_matches('>').trim();
                let Some((mut d, before, counts)) = open.pop() else {
                    return Err(structure(number, &format!("</{name}> without matching <{name}> section")));
                };
                if !d.name.eq_ignore_ascii_case(&format!("<{name}")) {
                    return Err(structure(
                        number,
                        &format!("Expected {}> but saw </{name}>", d.name.replacen('<', "</", 1)),
                    ));
                }
                let inner = std::mem::replace(&mut list, before);
                if !counts {
                    skipped -= 1;
                    continue;
                }
                if skipped > 0 {
                    continue;
                }
                let lower = d.name.to_ascii_lowercase();
                // a condition that holds leaves what stands in it
                if matches!(&*lower, "<ifmodule" | "<ifdefine" | "<ifversion" | "<iffile" | "<ifdirective") {
                    list.extend(inner);
                } else {
                    d.below = Some(inner);
                    list.push(d);
                }
                continue;
            }
            let mut words = words(line.trim_end_matches('>').trim_end(), line.starts_with('<'));
            if words.is_empty() {
                continue;
            }
            let name = words.remove(0);
            let d = Directive { name, args: words, below: None, file: file.clone(), line: number };
            if d.name.starts_with('<') {
                if !line.ends_with('>') {
                    return Err(d.wrong(format_args!("{}> directive missing closing '>'", d.name)));
                }
                if open.len() as u32 >= DEPTH * 2 {
                    return Err(structure(number, "too many nested sections"));
                }
                let counts = skipped == 0 && self.holds(&d);
                if counts {
                    self.known(&d)?;
                } else {
                    skipped += 1;
                }
                open.push((d, std::mem::take(&mut list), counts));
                continue;
            }
            if skipped > 0 {
                continue;
            }
            self.take(d, &mut list, depth)?;
        }
        if let Some((d, ..)) = open.pop() {
            return Err(structure(d.line, &format!("{}> was not closed.", d.name)));
        }
        Ok(list)
    }

    /// One directive: a module, a definition, another file, or something that is kept.
    fn take(&mut self, d: Directive, list: &mut Vec<Directive>, depth: u32) -> Result<(), String> {
        match d.name.to_ascii_lowercase().as_str() {
            "loadmodule" => {
                let [name, path] = &d.args[..] else {
                    return Err(d.wrong("LoadModule takes two arguments, a module name and the name of a shared object file to load it from"));
                };
                let there = path.starts_with("modules/mod_") && path.ends_with(".so");
                if !there {
                    let full = normalize(ROOT, path);
                    return Err(format!(
                        "Syntax error on line {} of {}: Cannot load {path} into server: {full}: cannot open shared object file: \
                         No such file or directory",
                        d.line, d.file
                    ));
                }
                self.modules.insert(name.clone());
            }
            "define" => {
                self.defined.insert(d.arg(0).to_owned(), d.arg(1).chars().take(VALUE).collect());
            }
            name @ ("include" | "includeoptional") => {
                let path = normalize(ROOT, d.arg(0));
                let (dir, pattern) = path.rsplit_once('/').unwrap_or(("", &path));
                let is_dir = self.files.get(&path) == Some(Entry::Dir);
                let paths: Vec<String> = if is_dir || pattern.contains('*') {
                    let (dir, pattern) = if is_dir { (&*path, "*") } else { (dir, pattern) };
                    let names = self.files.list(dir).into_iter();
                    let fits = |n: &str| !n.starts_with('.') && crate::runtime::shell::fits(pattern, n);
                    names.filter(|(n, dir)| !dir && fits(n)).map(|(n, _)| format!("{dir}/{n}")).collect()
                } else if self.files.get(&path).is_none() && name == "includeoptional" {
                    vec![]
                } else {
                    vec![path]
                };
                for path in paths.into_iter().filter(|_| depth < DEPTH) {
                    let inner = self.read(&path, depth + 1).map_err(|why| match why.starts_with("AH") {
                        true => why,
                        false => format!("Syntax error on line {} of {}: {why}", d.line, d.file),
                    })?;
                    list.extend(inner);
                }
            }
            _ => {
                self.known(&d)?;
                list.push(d);
            }
        }
        Ok(())
    }

    /// Does a condition hold? What is none always does.
    fn holds(&self, d: &Directive) -> bool {
        let (no, what) = match d.arg(0).strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, d.arg(0)),
        };
        let there = match d.name.to_ascii_lowercase().as_str() {
            "<ifmodule" => {
                let by_file =
                    what.strip_prefix("mod_").and_then(|w| w.strip_suffix(".c")).map(|w| format!("{w}_module"));
                self.modules.contains(what) || by_file.is_some_and(|m| self.modules.contains(&m))
            }
            "<ifdefine" => self.defined.contains_key(what) || what == "FOREGROUND",
            "<iffile" => self.files.get(&normalize(ROOT, what)).is_some(),
            _ => return true,
        };
        there != no
    }

    fn known(&self, d: &Directive) -> Result<(), String> {
        let name = d.name.to_ascii_lowercase();
        let of_module = MODULES.iter().find(|(_, names)| listed(names, &name));
        let there = match of_module {
            Some((module, _)) => self.modules.contains(*module),
            None => listed(CORE, &name),
        };
        if there {
            return Ok(());
        }
        // a section's name is shown without what it speaks of
        Err(d.wrong(format_args!(
            "Invalid command '{}', perhaps misspelled or defined by a module not included in the server configuration",
            d.name
        )))
    }

    /// Puts definitions for `${NAME}`.
    fn filled(&self, line: &str) -> String {
        let mut out = line.to_owned();
        for (name, value) in &self.defined {
            if out.len() < LINE {
                out = out.replace(&format!("${{{name}}}"), value);
            }
        }
        out
    }
}

/// A line's words, without their quotes. A section's first word keeps its bracket.
fn words(line: &str, section: bool) -> Vec<String> {
    let mut out: Vec<String> = vec![];
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        let mut word = String::new();
        if c == '"' || c == '\'' {
            while let Some(n) = chars.next() {
                match n {
                    '\\' if chars.peek() == Some(&c) => word.extend(chars.next()),
                    n if n == c => break,
                    n => word.push(n),
                }
            }
        } else {
            word.push(c);
            while let Some(n) = chars.next_if(|n| !n.is_whitespace()) {
                word.push(n);
            }
        }
        out.push(word);
    }
    if section && out.len() == 1 && out[0] == "<" {
        out.clear();
    }
    out
}
