//! Programs that read and print: they change nothing of the shell, only files. Their outputs follow BusyBox.

use super::Surroundings;
use super::filters::filter;
use crate::clock::{SimDuration, SimTime};
use crate::runtime::files::{Entry, FileSystem, Problem, User, normalize};
use crate::text::unescape;
use std::fmt::Write;

const NAMES: &[&str] = &[
    "[",
    "[[",
    "awk",
    "basename",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cp",
    "curl",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "du",
    "echo",
    "egrep",
    "expr",
    "factor",
    "fallocate",
    "false",
    "fgrep",
    "find",
    "free",
    "grep",
    "head",
    "hostname",
    "id",
    "ifconfig",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mongo",
    "mongosh",
    "mount",
    "mv",
    "mysql",
    "mysqladmin",
    "nc",
    "ncat",
    "netcat",
    "nproc",
    "nslookup",
    "dig",
    "getent",
    "host",
    "pg_isready",
    "ping",
    "printf",
    "ps",
    "psql",
    "realpath",
    "redis-cli",
    "rev",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sort",
    "stat",
    "sync",
    "tac",
    "tail",
    "tee",
    "telnet",
    "test",
    "touch",
    "tr",
    "truncate",
    "uname",
    "uniq",
    "uptime",
    "wc",
    "wget",
    "whoami",
    "yes",
];

/// Servers by their programs' names.
const SERVERS: &[&str] = &[
    "agnhost",
    "apache2",
    "apache2-foreground",
    "caddy",
    "catalina.sh",
    "consul",
    "dockerd",
    "dotnet",
    "envoy",
    "etcd",
    "fluent-bit",
    "fluentd",
    "grafana-server",
    "gunicorn",
    "haproxy",
    "http-echo",
    "httpd",
    "httpd-foreground",
    "java",
    "memcached",
    "mongod",
    "mysqld",
    "mariadbd",
    "nginx",
    "node",
    "npm",
    "pause",
    "php-fpm",
    "podinfo",
    "postgres",
    "prometheus",
    "python",
    "python3",
    "python2",
    "rabbitmq-server",
    "redis-sentinel",
    "redis-server",
    "ruby",
    "socat",
    "supervisord",
    "tomcat",
    "top",
    "traefik",
    "uvicorn",
    "vault",
    "zkServer.sh",
];

/// Is it carried out here?
pub(super) fn is_utility(base: &str) -> bool {
    NAMES.contains(&base)
}

/// Is it a server that most images bring along only if they are made for it?
pub(super) fn serves_by_name(base: &str) -> bool {
    SERVERS.contains(&base)
}

/// Does this command line go on for ever?
pub(super) fn serves(base: &str, args: &[String]) -> bool {
    let has = |f: &str| args.iter().any(|a| a == f);
    match base {
        "nginx" => !has("-t") && !has("-v") && !has("-s") && !has("-V"),
        "httpd" | "apache2" => !has("-v") && !has("-t"),
        "python" | "python3" | "python2" | "node" | "ruby" | "java" | "dotnet" | "npm" => {
            !["-c", "-e", "--version", "-v", "-V", "-version", "--help"].iter().any(|f| has(f))
        }
        "yes" => true,
        "tail" => args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(['f', 'F'])),
        "nc" | "ncat" | "netcat" | "socat" => args.iter().any(|a| a.starts_with('-') && a.contains('l')),
        "ping" => !args.iter().any(|a| a.starts_with("-c")),
        _ => SERVERS.contains(&base) && !has("--version") && !has("--help"),
    }
}

/// Does this command line compute for ever?
pub(super) fn burns(base: &str, args: &[String]) -> bool {
    let endless = ["/dev/zero", "/dev/urandom", "/dev/random"];
    let source = |a: &String| endless.contains(&a.strip_prefix("if=").unwrap_or(a));
    match base {
        "yes" => true,
        "dd" => args.iter().any(source) && !args.iter().any(|a| a.starts_with("count=")),
        "cat" | "md5sum" | "sha1sum" | "sha256sum" | "sha512sum" | "gzip" | "bzip2" | "xz" | "wc" => {
            args.iter().any(source)
        }
        _ => false,
    }
}

/// Does it take standard input in this command line?
pub(super) fn reads_input(base: &str, args: &[String]) -> bool {
    let files = (0..args.len())
        .filter(|i| !args[*i].starts_with('-') || args[*i] == "-")
        .filter(|i| *i == 0 || !["-n", "-c", "-k", "-t", "-d", "-f", "-F", "-v"].contains(&args[*i - 1].as_str()))
        .count();
    match base {
        "cat" | "sort" | "uniq" | "tac" | "rev" | "wc" | "head" | "tail" => files == 0 || args.iter().any(|a| a == "-"),
        "tee" | "tr" | "cut" => true,
        "grep" | "egrep" | "fgrep" | "sed" | "awk" => files <= 1,
        _ => false,
    }
}

/// A command line with what it reads.
pub(super) struct Given<'a> {
    pub name: &'a str,
    pub args: &'a [String],
    pub input: &'a str,
    pub cwd: &'a str,
    pub now: SimTime,
}

/// What it came to.
#[derive(Default)]
pub(super) struct Done {
    pub out: String,
    pub err: String,
    pub code: i32,
    pub forever: bool,
    pub takes: SimDuration,
}

impl Done {
    pub(super) fn fail(code: i32, err: impl Into<String>) -> Done {
        Done { code, err: format!("{}\n", err.into()), ..Done::default() }
    }
    pub(super) fn say(out: impl Into<String>) -> Done {
        Done { out: out.into(), ..Done::default() }
    }
    fn truth(yes: bool) -> Done {
        Done { code: i32::from(!yes), ..Done::default() }
    }
}

pub(super) fn run(g: &Given<'_>, fs: &mut FileSystem<'_>, net: &mut dyn Surroundings) -> Done {
    let plain: Vec<&str> = g.args.iter().map(String::as_str).filter(|a| !a.starts_with('-') || a.len() == 1).collect();
    let flag = |c: char| g.args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(c));
    match g.name {
        "false" => Done { code: 1, ..Done::default() },
        "echo" => echo(g.args),
        "printf" => printf(g.args),
        "test" | "[" | "[[" => test(g, fs),
        "cat" | "tac" | "rev" | "sort" | "uniq" | "wc" | "head" | "tail" | "tee" | "tr" | "cut" | "grep" | "egrep"
        | "fgrep" | "sed" | "awk" => filter(g, fs, &plain),
        "touch" | "rm" | "mkdir" | "rmdir" | "ls" | "cp" | "mv" | "chmod" | "chown" | "chgrp" | "ln" | "find"
        | "mktemp" | "stat" | "realpath" | "du" | "dd" | "truncate" | "fallocate" => file(g, fs, &plain),
        "date" => date(g),
        "hostname" => {
            let name = net.hostname();
            if flag('i') || flag('I') {
                Done::say(net.resolve(&name).first().map_or(String::new(), |a| format!("{a}\n")))
            } else {
                Done::say(format!("{name}\n"))
            }
        }
        "expr" => expr(g.args),
        "seq" => seq(&plain, g.args),
        "basename" => {
            let base = plain.first().map_or("", |p| p.trim_end_matches('/').rsplit('/').next().unwrap_or(p));
            Done::say(format!("{}\n", plain.get(1).and_then(|s| base.strip_suffix(s)).unwrap_or(base)))
        }
        "dirname" => Done::say(format!(
            "{}\n",
            match plain.first().map_or(".", |p| p.trim_end_matches('/')).rsplit_once('/') {
                Some(("", _)) => "/",
                Some((d, _)) => d,
                None => ".",
            }
        )),
        "whoami" => match fs.user.uid {
            0 => Done::say("root\n"),
            uid => Done::fail(1, format!("whoami: unknown uid {uid}")),
        },
        "id" => id(fs.user, flag('u'), flag('g'), flag('G')),
        "uname" => Done::say(match (flag('a'), flag('r'), flag('m'), flag('n')) {
            (true, ..) => format!("Linux {} 6.12.0 #1 SMP x86_64 GNU/Linux\n", net.hostname()),
            (_, true, ..) => "6.12.0\n".into(),
            (_, _, true, _) => "x86_64\n".into(),
            (.., true) => format!("{}\n", net.hostname()),
            _ => "Linux\n".into(),
        }),
        "nproc" => Done::say(format!("{}\n", net.cores())),
        "uptime" => Done::say(" up, load average: 0.00, 0.00, 0.00\n"),
        "ps" => {
            let user = if fs.user.uid == 0 { "root".into() } else { fs.user.uid.to_string() };
            let lines = net.processes();
            let rows: String = lines.iter().map(|(pid, line)| format!("{pid:>5} {user:<8}  0:00 {line}\n")).collect();
            Done::say(format!("PID   USER     TIME  COMMAND\n{rows}"))
        }
        "nslookup" | "dig" | "host" | "getent" | "wget" | "curl" | "nc" | "ncat" | "netcat" | "telnet" | "ping" => {
            super::net::run(g.name, g.args, &plain, fs, g.cwd, net)
        }
        "redis-cli" | "mysqladmin" | "mysql" | "pg_isready" | "psql" | "mongo" | "mongosh" => {
            super::net::database(g.name, g.args, &plain, net)
        }
        _ => Done::default(),
    }
}

fn named(n: u32) -> String {
    if n == 0 { "0(root)".into() } else { n.to_string() }
}

/// `id` with `-u`, `-g`, `-G` or none of them.
fn id(user: &User, u: bool, g: bool, all: bool) -> Done {
    let mut groups = vec![user.gid];
    let more = user.groups.iter().copied().chain(user.fs_group);
    groups.extend(more);
    groups.sort_unstable();
    groups.dedup();
    if u || g {
        return Done::say(format!("{}\n", if u { user.uid } else { user.gid }));
    }
    let list = |f: &dyn Fn(u32) -> String, by: &str| groups.iter().map(|n| f(*n)).collect::<Vec<_>>().join(by);
    if all {
        return Done::say(format!("{}\n", list(&|n| n.to_string(), " ")));
    }
    Done::say(format!("uid={} gid={} groups={}\n", named(user.uid), named(user.gid), list(&named, ",")))
}

fn echo(args: &[String]) -> Done {
    let (mut newline, mut escapes, mut i) = (true, false, 0);
    while let Some(a) = args.get(i).filter(|a| a.len() > 1 && a[1..].chars().all(|c| "neE".contains(c))) {
        if !a.starts_with('-') {
            break;
        }
        newline &= !a.contains('n');
        escapes |= a.contains('e');
        i += 1;
    }
    let mut text = args[i..].join(" ");
    if escapes {
        text = unescape(&text);
    }
    if newline {
        text.push('\n');
    }
    Done::say(text)
}

fn printf(args: &[String]) -> Done {
    let Some((format, mut rest)) = args.split_first() else { return Done::fail(1, "printf: missing operand") };
    let format: Vec<char> = unescape(format).chars().collect();
    let mut out = String::new();
    for _ in 0..1000 {
        let (before, mut i) = (rest.len(), 0);
        while i < format.len() {
            let c = format[i];
            i += 1;
            if c != '%' {
                out.push(c);
                continue;
            }
            let spec: String = format[i..].iter().take_while(|c| c.is_ascii_digit() || "-+ 0.".contains(**c)).collect();
            i += spec.len();
            let kind = format.get(i).copied().unwrap_or('%');
            i += 1;
            if kind == '%' {
                out.push('%');
                continue;
            }
            let value = rest.first().map_or("", String::as_str);
            rest = rest.get(1..).unwrap_or_default();
            let number = || value.trim().parse::<i64>().unwrap_or(0);
            let (widths, precision) = spec.split_once('.').map_or((spec.as_str(), None), |(w, p)| (w, Some(p)));
            let text = match kind {
                'd' | 'i' | 'u' => number().to_string(),
                'x' => format!("{:x}", number()),
                'X' => format!("{:X}", number()),
                'o' => format!("{:o}", number()),
                'c' => value.chars().next().map(String::from).unwrap_or_default(),
                'b' => unescape(value),
                'f' => {
                    let p = precision.and_then(|p| p.parse().ok()).unwrap_or(6usize).min(20);
                    format!("{:.p$}", value.trim().parse::<f64>().unwrap_or(0.0))
                }
                _ => match precision.and_then(|p| p.parse::<usize>().ok()) {
                    Some(p) => value.chars().take(p).collect(),
                    None => value.to_owned(),
                },
            };
            let width: usize = widths.trim_start_matches(['-', '+', ' ', '0']).parse().unwrap_or(0).min(200);
            let pad = width.saturating_sub(text.chars().count());
            if widths.starts_with('-') {
                out += &text;
                out.extend(std::iter::repeat_n(' ', pad));
            } else {
                out.extend(std::iter::repeat_n(if widths.starts_with('0') { '0' } else { ' ' }, pad));
                out += &text;
            }
        }
        if rest.is_empty() || rest.len() == before {
            break;
        }
    }
    Done::say(out)
}

fn test(g: &Given<'_>, fs: &FileSystem<'_>) -> Done {
    let mut args = g.args;
    if g.name != "test" {
        let close = if g.name == "[" { "]" } else { "]]" };
        match args.split_last() {
            Some((last, rest)) if last == close => args = rest,
            _ => return Done::fail(2, format!("sh: {}: missing {close}", g.name)),
        }
    }
    match truth(g, fs, args) {
        Ok(v) => Done::truth(v),
        Err(e) => Done::fail(2, format!("sh: {e}")),
    }
}

fn truth(g: &Given<'_>, fs: &FileSystem<'_>, args: &[String]) -> Result<bool, String> {
    for op in ["-o", "||", "-a", "&&"] {
        // an operator joins two expressions only where something stands on both sides
        if let Some(i) = args.iter().position(|a| a == op).filter(|i| *i > 0 && *i + 1 < args.len() && args.len() > 3) {
            let (l, r) = (truth(g, fs, &args[..i])?, truth(g, fs, &args[i + 1..])?);
            return Ok(if op == "-o" || op == "||" { l || r } else { l && r });
        }
    }
    let s: Vec<&str> = args.iter().map(String::as_str).collect();
    Ok(match s.as_slice() {
        [] => false,
        ["!", _, ..] => !truth(g, fs, &args[1..])?,
        ["(", .., ")"] if s.len() > 2 => truth(g, fs, &args[1..args.len() - 1])?,
        [one] => !one.is_empty(),
        [op, value] => {
            let entry = || fs.get(&normalize(g.cwd, value));
            match *op {
                "-n" => !value.is_empty(),
                "-z" => value.is_empty(),
                "-e" | "-r" | "-w" | "-x" => entry().is_some(),
                "-f" => matches!(entry(), Some(Entry::File(_) | Entry::Zeros(_))),
                "-d" => matches!(entry(), Some(Entry::Dir)),
                "-s" => match entry() {
                    Some(Entry::File(t)) => !t.is_empty(),
                    Some(Entry::Zeros(n)) => n > 0,
                    _ => false,
                },
                "-L" | "-h" | "-S" | "-p" | "-b" | "-c" | "-t" => false,
                op => return Err(format!("{op}: unknown operand")),
            }
        }
        [l, op, r] => {
            let n = |t: &str| t.trim().parse::<i64>().map_err(|_| format!("{t}: bad number"));
            match *op {
                "=" | "==" if g.name == "[[" => super::expand::matches(r, l),
                "=" | "==" => l == r,
                "!=" if g.name == "[[" => !super::expand::matches(r, l),
                "!=" => l != r,
                "<" => l < r,
                ">" => l > r,
                "=~" => regex_lite::Regex::new(r).is_ok_and(|re| re.is_match(l)),
                "-eq" => n(l)? == n(r)?,
                "-ne" => n(l)? != n(r)?,
                "-lt" => n(l)? < n(r)?,
                "-le" => n(l)? <= n(r)?,
                "-gt" => n(l)? > n(r)?,
                "-ge" => n(l)? >= n(r)?,
                "-nt" | "-ot" | "-ef" => false,
                op => return Err(format!("{op}: unknown operand")),
            }
        }
        _ => return Err("too many arguments".into()),
    })
}

fn date(g: &Given<'_>) -> Done {
    let mut now = g.now.timestamp_micros();
    let mut args = g.args.iter();
    let mut format = "%a %b %e %H:%M:%S UTC %Y".to_owned();
    while let Some(a) = args.next() {
        if let Some(f) = a.strip_prefix('+') {
            f.clone_into(&mut format);
        } else if a == "-d" || a == "--date" {
            let text = args.next().map_or("", String::as_str);
            if let Some(s) = text.strip_prefix('@').and_then(|s| s.parse().ok()) {
                now = jiff::Timestamp::from_second(s).unwrap_or(now);
            }
        } else if a.starts_with("-I") || a == "--iso-8601" {
            format = if a.contains("seconds") || a == "-Is" { "%Y-%m-%dT%H:%M:%S+00:00" } else { "%Y-%m-%d" }.into();
        } else if a == "-R" {
            format = "%a, %d %b %Y %H:%M:%S +0000".into();
        }
    }
    let zoned = now.to_zoned(jiff::tz::TimeZone::UTC);
    match jiff::fmt::strtime::format(&format, &zoned) {
        Ok(s) => Done::say(format!("{s}\n")),
        Err(_) => Done::say(format!("{format}\n")),
    }
}

fn expr(args: &[String]) -> Done {
    let s: Vec<&str> = args.iter().map(String::as_str).collect();
    let value = match s.as_slice() {
        ["length", t] => t.chars().count().to_string(),
        [l, ":", r] => {
            let re = regex_lite::Regex::new(&format!("^(?:{})", r.replace("\\(", "(").replace("\\)", ")")));
            match re.ok().and_then(|re| re.captures(l)) {
                Some(c) => c.get(1).map_or_else(|| c[0].chars().count().to_string(), |m| m.as_str().to_owned()),
                None => "0".into(),
            }
        }
        [l, op @ ("=" | "==" | "!="), r] => i32::from((l == r) == (*op != "!=")).to_string(),
        _ => {
            let text = s.join("").replace('\\', "");
            match super::expand::arithmetic(&text, &|_| 0) {
                Some(n) => n.to_string(),
                None if s.len() == 1 => s[0].to_owned(),
                None => return Done::fail(2, "expr: syntax error"),
            }
        }
    };
    let code = i32::from(value.is_empty() || value == "0");
    Done { out: format!("{value}\n"), code, ..Done::default() }
}

fn seq(plain: &[&str], args: &[String]) -> Done {
    let numbers: Vec<i64> = if plain.len() == args.len() {
        plain.iter().map(|n| n.parse().unwrap_or(1)).collect()
    } else {
        args.iter().filter_map(|n| n.parse().ok()).collect()
    };
    let (from, by, to) = match numbers.as_slice() {
        [to] => (1, 1, *to),
        [from, to] => (*from, 1, *to),
        [from, by, to, ..] => (*from, *by, *to),
        [] => return Done::fail(1, "seq: missing operand"),
    };
    let (mut out, mut n) = (String::new(), from);
    while by != 0 && (if by > 0 { n <= to } else { n >= to }) && out.len() < 200_000 {
        let _ = writeln!(out, "{n}");
        n = n.saturating_add(by);
    }
    Done::say(out)
}

/// `10M`, `512k`, `100`: bytes as dd and truncate read them.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok().map(|n| n.saturating_mul(1 << shift))
}

/// Programs that look at or change files.
fn file(g: &Given<'_>, fs: &mut FileSystem<'_>, plain: &[&str]) -> Done {
    let has = |c: char| g.args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(c));
    let path = |p: &str| normalize(g.cwd, p);
    let mut d = Done::default();
    match g.name {
        "dd" => {
            let given = |key: &str| g.args.iter().find_map(|a| a.strip_prefix(key));
            let number = |key: &str, default: u64| given(key).map_or(Some(default), size);
            let (Some(block), Some(count)) = (number("bs=", 512), number("count=", 0)) else {
                return Done::fail(1, "dd: invalid number");
            };
            if let Some(f) = given("of=")
                && let Err(p) = fs.write_zeros(&path(f), block.saturating_mul(count))
            {
                return match p {
                    Problem::Full => Done::fail(1, format!("dd: error writing '{f}': {p}")),
                    p => Done::fail(1, format!("dd: can't open '{f}': {p}")),
                };
            }
            d.err = format!("{count}+0 records in\n{count}+0 records out\n");
        }
        "truncate" | "fallocate" => {
            let flag = if g.name == "truncate" { "-s" } else { "-l" };
            let at = g.args.iter().position(|a| a.starts_with(flag));
            let value = at.and_then(|i| {
                let joined = g.args[i].strip_prefix(flag).filter(|v| !v.is_empty());
                joined.or(g.args.get(i + 1).map(String::as_str))
            });
            let Some(bytes) = value.and_then(size) else { return Done::fail(1, format!("{}: invalid size", g.name)) };
            for f in plain.iter().filter(|f| Some(**f) != value) {
                if let Err(p) = fs.write_zeros(&path(f), bytes) {
                    return Done::fail(1, format!("{}: {f}: {p}", g.name));
                }
            }
        }
        "touch" => {
            for f in plain {
                if fs.get(&path(f)).is_none()
                    && let Err(p) = fs.write(&path(f), "", true)
                {
                    d.err += &format!("{}: {f}: {p}\n", g.name);
                    d.code = 1;
                }
            }
        }
        "rm" | "rmdir" => {
            for f in plain {
                let done = match fs.get(&path(f)) {
                    None if has('f') => Ok(()),
                    Some(Entry::Dir) if g.name == "rm" && !has('r') && !has('R') => {
                        Err(format!("rm: '{f}' is a directory"))
                    }
                    Some(Entry::Dir) if g.name == "rmdir" && !fs.list(&path(f)).is_empty() => {
                        Err(format!("rmdir: '{f}': Directory not empty"))
                    }
                    _ => fs.remove(&path(f)).map_err(|p| format!("{}: can't remove '{f}': {p}", g.name)),
                };
                if let Err(e) = done {
                    d.err += &format!("{e}\n");
                    d.code = 1;
                }
            }
        }
        "mkdir" => {
            for f in plain {
                let p = path(f);
                if has('p') {
                    let cuts: Vec<usize> = p.match_indices('/').map(|(i, _)| i).skip(1).chain([p.len()]).collect();
                    for end in cuts {
                        let _ = fs.mkdir(&p[..end]);
                    }
                } else if let Err(e) = fs.mkdir(&p) {
                    d.err += &format!("mkdir: can't create directory '{f}': {e}\n");
                    d.code = 1;
                }
            }
        }
        "ls" => {
            let targets = if plain.is_empty() { vec!["."] } else { plain.to_vec() };
            for f in &targets {
                let names: Vec<String> = match fs.get(&path(f)) {
                    None => {
                        d.err += &format!("ls: {f}: No such file or directory\n");
                        d.code = 1;
                        continue;
                    }
                    Some(Entry::File(_) | Entry::Zeros(_)) => vec![(*f).to_owned()],
                    Some(Entry::Dir) if has('d') => vec![(*f).to_owned()],
                    Some(Entry::Dir) => {
                        if targets.len() > 1 {
                            d.out += &format!("{f}:\n");
                        }
                        let all = fs.list(&path(f)).into_iter().map(|(n, _)| n);
                        all.filter(|n| has('a') || !n.starts_with('.')).collect()
                    }
                };
                if has('l') && matches!(fs.get(&path(f)), Some(Entry::Dir)) && !has('d') {
                    d.out += &format!("total {}\n", names.len() * 4);
                }
                for n in names {
                    if has('l') {
                        let full = if n == **f { path(f) } else { normalize(&path(f), &n) };
                        let (mode, size) = match (fs.get(&full), fs.mounted(&full)) {
                            (Some(Entry::File(t)), _) => ("-rw-r--r--    1", t.len()),
                            (Some(Entry::Zeros(n)), _) => ("-rw-r--r--    1", n as usize),
                            (_, Some(true)) if fs.user.fs_group.is_some() => ("drwxrwsrwx    2", 4096),
                            (_, Some(true)) => ("drwxrwxrwx    2", 4096),
                            _ => ("drwxr-xr-x    2", 4096),
                        };
                        let (user, group) = fs.owner(&full);
                        let name = |n: u32| if n == 0 { "root".to_owned() } else { n.to_string() };
                        d.out += &format!(
                            "{mode} {:<8} {:<8} {size:9} {} {n}\n",
                            name(user),
                            name(group),
                            g.now.timestamp().strftime("%b %e %H:%M")
                        );
                    } else {
                        d.out += &format!("{n}\n");
                    }
                }
            }
        }
        "cp" | "mv" => {
            let [from @ .., to] = plain else { return Done::fail(1, format!("{}: missing file operand", g.name)) };
            let into = matches!(fs.get(&path(to)), Some(Entry::Dir));
            for f in from {
                let base = f.trim_end_matches('/').rsplit('/').next().unwrap_or(f);
                let target = if into { normalize(&path(to), base) } else { path(to) };
                if let Err(e) = copy(fs, &path(f), &target, 0) {
                    d.err += &format!("{}: can't stat '{f}': {e}\n", g.name);
                    d.code = 1;
                } else if g.name == "mv" {
                    let _ = fs.remove(&path(f));
                }
            }
        }
        "find" => {
            let root = plain.first().copied().unwrap_or(".");
            let name = g.args.iter().position(|a| a == "-name").and_then(|i| g.args.get(i + 1));
            let mut stack = vec![root.to_owned()];
            while let Some(p) = stack.pop() {
                let base = p.rsplit('/').next().unwrap_or(&p);
                if name.is_none_or(|n| super::expand::matches(n, base)) {
                    d.out += &format!("{p}\n");
                }
                let below = fs.list(&path(&p));
                stack.extend(below.into_iter().rev().map(|(n, _)| format!("{}/{n}", p.trim_end_matches('/'))));
            }
        }
        "mktemp" => {
            let p = format!("/tmp/tmp.{:06}", g.now.0 % 1_000_000);
            if has('d') {
                let _ = fs.mkdir(&p);
            } else {
                let _ = fs.write(&p, "", false);
            }
            d.out = format!("{p}\n");
        }
        "realpath" => d.out = plain.iter().fold(String::new(), |s, p| s + &path(p) + "\n"),
        "stat" | "chmod" | "chown" | "chgrp" => {
            let skip = usize::from(g.name != "stat");
            for f in plain.iter().skip(skip) {
                if fs.get(&path(f)).is_none() {
                    d.err += &format!("{}: {f}: No such file or directory\n", g.name);
                    d.code = 1;
                } else if g.name == "stat" {
                    d.out += &format!("  File: {f}\n");
                }
            }
        }
        "ln" => {
            if let [from, to] = plain
                && let Err(e) = copy(fs, &path(from), &path(to), 0)
            {
                return Done::fail(1, format!("ln: {to}: {e}"));
            }
        }
        _ => {}
    }
    d
}

fn copy(fs: &mut FileSystem<'_>, from: &str, to: &str, depth: u32) -> Result<(), Problem> {
    match fs.get(from) {
        Some(Entry::Dir) if depth < 20 && !to.starts_with(&format!("{from}/")) => {
            let _ = fs.mkdir(to);
            for (n, _) in fs.list(from) {
                copy(fs, &normalize(from, &n), &normalize(to, &n), depth + 1)?;
            }
            Ok(())
        }
        Some(Entry::Dir) => Err(Problem::IsDir),
        Some(Entry::File(t)) => fs.write(to, &t, false),
        Some(Entry::Zeros(n)) => fs.write_zeros(to, n),
        None => Err(Problem::Missing),
    }
}
