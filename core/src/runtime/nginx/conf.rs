//! The words of nginx's configuration: files become directives, with what they include in their place, and each is
//! checked as nginx does it: is there such a directive, may it stand here, does it have what it needs? Pure.

use crate::runtime::files::{Entry, View, normalize};
use std::sync::Arc;

/// Files that include each other go so deep.
const DEPTH: u32 = 6;

/// A directive and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    words: Vec<String>,
    pub(super) block: Option<Vec<Directive>>,
    file: Arc<str>,
    line: u32,
}

impl Directive {
    pub(super) fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    pub(super) fn args(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> String {
        format!("{what} in {}:{}", self.file, self.line)
    }

    pub(super) fn count(&self) -> String {
        self.wrong(format_args!("invalid number of arguments in \"{}\" directive", self.name()))
    }

    pub(super) fn below(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// Directives that open a block.
const BLOCKS: &str =
    " events http server location upstream types map geo if limit_except split_clients stream mail match ";
/// Directives that stand at the top only.
const TOP: &str =
    " events http stream mail user pid worker_processes daemon master_process load_module worker_rlimit_nofile ";
/// Directives by their beginnings: those of one module share it.
const MODULES: &str = "proxy_ fastcgi_ uwsgi_ scgi_ grpc_ memcached_ ssl_ gzip_ gunzip add_ client_ error_ access_ log_ limit_ auth_ \
    sub_ map_ keepalive_ open_ worker_ send_ large_ types_ server_ tcp_ http2_ quic_ image_ flv mp4 dav_ stub_ real_ set_ geoip_ \
    mirror_ perl_ random_ secure_ session_ slice ssi_ status_ userid_ variables_ xml_ xslt_ charset_ chunked_ connection_ \
    default_ disable_ etag expires if_ ignore_ lingering_ merge_ msie_ output_ port_ postpone_ read_ recursive_ request_ reset_ \
    resolver_ try_ underscores_ uninitialized_ absolute_ accept_ autoindex_ ancient_ modern_ min_ max_ least_ js_ lock_ multi_ \
    debug_ thread_ timer_ preread_ satisfy upstream_ ";
/// The others.
const SINGLE: &str = " include listen root alias index return rewrite set break deny allow charset gzip sendfile sendfile_max_chunk aio \
    directio autoindex internal expires resolver override_charset addition_types add_before_body add_after_body stub_status \
    valid_referers user pid daemon env use pcre_jit empty_gif mirror perl ssi ssl userid satisfy hash ip_hash least_conn random \
    zone state ntlm queue sticky keepalive http2 http3 etag debug_points load_module master_process google_perftools_profiles \
    tcp_nopush tcp_nodelay if_modified_since pool random_index dav_methods max_ranges msie_padding pass js_import mime ";

fn listed(list: &str, name: &str) -> bool {
    !name.is_empty() && list.split_whitespace().any(|w| w == name)
}

fn known(name: &str) -> bool {
    listed(BLOCKS, name) || listed(SINGLE, name) || MODULES.split_whitespace().any(|m| name.starts_with(m))
}

/// Breaks a file's text into directives.
fn read(text: &str, file: &str) -> Result<Vec<Directive>, String> {
    let file: Arc<str> = file.into();
    let mut open: Vec<(Directive, Vec<Directive>)> = vec![];
    let mut list: Vec<Directive> = vec![];
    let mut words: Vec<String> = vec![];
    let mut line = 1u32;
    let at = |what: &str, line: u32| format!("{what} in {file}:{line}");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' => {
                if words.is_empty() {
                    return Err(at("unexpected \";\"", line));
                }
                list.push(Directive { words: std::mem::take(&mut words), block: None, file: file.clone(), line });
            }
            '{' => {
                if words.is_empty() {
                    return Err(at("unexpected \"{\"", line));
                }
                let d = Directive { words: std::mem::take(&mut words), block: None, file: file.clone(), line };
                open.push((d, std::mem::take(&mut list)));
                if open.len() > 32 {
                    return Err(at("too many nested blocks", line));
                }
            }
            '}' => {
                let Some((mut d, before)) = open.pop().filter(|_| words.is_empty()) else {
                    return Err(at("unexpected \"}\"", line));
                };
                d.block = Some(std::mem::replace(&mut list, before));
                list.push(d);
            }
            quote @ ('"' | '\'') => {
                let mut word = String::new();
                loop {
                    match chars.next() {
                        None => return Err(at("unexpected end of file, expecting \";\" or \"}\"", line)),
                        Some('\\') => word.push(match chars.next() {
                            Some('n') => '\n',
                            Some('t') => '\t',
                            Some('r') => '\r',
                            Some(other) => other,
                            None => '\\',
                        }),
                        Some(c) if c == quote => break,
                        Some(c) => {
                            line += u32::from(c == '\n');
                            word.push(c);
                        }
                    }
                }
                words.push(word);
            }
            c => {
                let mut word = String::from(c);
                // ${name} is part of a word
                while let Some(n) = chars.peek().copied() {
                    let brace = n == '{' && word.ends_with('$');
                    if n.is_whitespace() || matches!(n, ';') || (n == '{' && !brace) {
                        break;
                    }
                    chars.next();
                    word.push(n);
                    if n == '\\' {
                        word.extend(chars.next());
                    }
                }
                words.push(word);
            }
        }
    }
    if !words.is_empty() {
        return Err(at("unexpected end of file, expecting \";\" or \"}\"", line));
    }
    if !open.is_empty() {
        return Err(at("unexpected end of file, expecting \"}\"", line));
    }
    Ok(list)
}

/// A file's directives, with what it includes in their place.
pub(super) fn load(
    files: View<'_>,
    path: &str,
    by: Option<&Directive>,
    depth: u32,
    budget: &mut u32,
) -> Result<Vec<Directive>, String> {
    let missing = |path: &str| {
        let what = format!("open() \"{path}\" failed (2: No such file or directory)");
        by.map_or(what.clone(), |d| d.wrong(&what))
    };
    let names: Vec<String> = match path.rsplit_once('/') {
        Some((dir, pattern)) if pattern.contains('*') => {
            let names =
                files.list(dir).into_iter().filter(|(n, is_dir)| !is_dir && crate::runtime::shell::fits(pattern, n));
            names.map(|(n, _)| format!("{dir}/{n}")).collect()
        }
        _ => vec![path.to_owned()],
    };
    let mut out = vec![];
    for name in names {
        // files that include themselves, some times over
        *budget = budget
            .checked_sub(1)
            .ok_or_else(|| missing(&name).replace("(2: No such file or directory)", "(24: Too many open files)"))?;
        let Some(Entry::File(text)) = files.get(&name) else { return Err(missing(&name)) };
        out.extend(included(files, read(&text, &name)?, depth, budget)?);
    }
    Ok(out)
}

fn included(files: View<'_>, list: Vec<Directive>, depth: u32, budget: &mut u32) -> Result<Vec<Directive>, String> {
    let mut out = vec![];
    for mut d in list {
        if d.name() == "include" && depth < DEPTH {
            let [path] = d.args() else { return Err(d.count()) };
            out.extend(load(files, &normalize("/etc/nginx", path), Some(&d), depth + 1, budget)?);
            continue;
        }
        if let Some(block) = d.block.take() {
            d.block = Some(included(files, block, depth, budget)?);
        }
        out.push(d);
    }
    Ok(out)
}

/// Checks that each directive is one, and stands where it may.
pub(super) fn check(list: &[Directive], within: &str) -> Result<(), String> {
    for d in list {
        let name = d.name();
        // what stands in these are values, not directives
        if listed("types map geo split_clients match", within) {
            continue;
        }
        if !(known(name) || within == "upstream" && name == "server") {
            return Err(d.wrong(format_args!("unknown directive \"{name}\"")));
        }
        let opens = listed(BLOCKS, name) && !(name == "server" && within == "upstream");
        match (opens, d.block.is_some()) {
            (true, false) => return Err(d.wrong(format_args!("directive \"{name}\" has no opening \"{{\""))),
            (false, true) => return Err(d.wrong(format_args!("directive \"{name}\" is not terminated by \";\""))),
            _ => {}
        }
        let may = match name {
            "server" => listed("http upstream stream mail", within),
            "location" => listed("server location", within),
            "upstream" | "map" | "geo" => listed("http stream", within),
            "listen" | "server_name" => within == "server",
            "proxy_pass" => listed("location if limit_except server", within),
            "alias" | "internal" | "stub_status" => listed("location server if", within),
            "return" | "rewrite" => listed("server location if", within),
            "root" | "index" => listed("http server location if", within),
            _ if listed(TOP, name) => within.is_empty(),
            _ => true,
        };
        if !may {
            return Err(d.wrong(format_args!("\"{name}\" directive is not allowed here")));
        }
        let n = d.args().len();
        let fits = match name {
            "root" | "alias" | "proxy_pass" | "upstream" => n == 1,
            "listen" | "index" | "server_name" | "error_page" | "try_files" | "proxy_set_header" => n >= 1,
            "return" => n == 1 || n == 2,
            "events" | "http" | "types" => n == 0,
            "location" => n == 1 || n == 2,
            _ => true,
        };
        if !fits {
            return Err(d.count());
        }
        check(d.below(), name)?;
    }
    Ok(())
}
