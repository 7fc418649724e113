//! Programs that read and print: they change nothing of the shell, only files. Their outputs follow BusyBox.

use super::Surroundings;
use super::filters::filter;
use crate::clock::{SimDuration, SimTime};
use crate::runtime::files::{Entry, FileSystem, User, normalize};
use crate::text::unescape;
use std::fmt::Write;

const NAMES: &[&str] = &[
    "[",
    "[[",
    "awk",
    "base64",
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
    "grep",
    "head",
    "hostname",
    "id",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mongo",
    "mongosh",
    "mv",
    "mysql",
    "mysqladmin",
    "nc",
    "ncat",
    "netcat",
    "nproc",
    "nslookup",
    "getent",
    "host",
    "perl",
    "pg_isready",
    "printf",
    "psql",
    "readlink",
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
    "apachectl",
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
    "traefik",
    "uvicorn",
    "vault",
    "zkServer.sh",
];

/// Is it carried out here?
pub(super) fn is_utility(base: &str) -> bool {
    NAMES.contains(&base) || super::system::NAMES.contains(&base)
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
        "httpd" | "apache2" | "apachectl" => {
            !["-v", "-t", "-k", "configtest", "graceful", "stop"].iter().any(|f| has(f))
        }
        "python" | "python3" | "python2" | "node" | "ruby" | "java" | "dotnet" | "npm" => {
            !["-c", "-e", "--version", "-v", "-V", "-version", "--help", "console"].iter().any(|f| has(f))
        }
        "yes" => true,
        "tail" => args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(['f', 'F'])),
        "nc" | "ncat" | "netcat" | "socat" => args.iter().any(|a| a.starts_with('-') && a.contains('l')),
        _ => SERVERS.contains(&base) && !has("--version") && !has("--help"),
    }
}

/// The port that `nc -l` is told: after `-p`, or its last operand.
pub(super) fn told_port(base: &str, args: &[String]) -> Option<u16> {
    if !matches!(base, "nc" | "ncat" | "netcat") {
        return None;
    }
    args.iter().rev().find_map(|a| a.trim_start_matches("-p").trim_start_matches("-lp").parse().ok())
}

/// Does this command line compute for ever?
pub(super) fn burns(base: &str, args: &[String]) -> bool {
    let endless = ["/dev/zero", "/dev/urandom", "/dev/random"];
    let source = |a: &String| endless.contains(&a.strip_prefix("if=").unwrap_or(a));
    match base {
        "yes" => true,
        "dd" => args.iter().any(source) && !args.iter().any(|a| a.starts_with("count=")),
        "cat" | "tail" | "md5sum" | "sha1sum" | "sha256sum" | "sha512sum" | "gzip" | "bzip2" | "xz" | "wc" => {
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
        "base64" | "cat" | "sort" | "uniq" | "tac" | "rev" | "wc" | "head" | "tail" => {
            files == 0 || args.iter().any(|a| a == "-")
        }
        "md5sum" | "sha1sum" | "sha256sum" | "sha512sum" | "less" | "more" => files == 0,
        "tee" | "tr" | "cut" => true,
        "curl" => args.iter().any(|a| a.ends_with("@-")),
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
        "echo" => Done::say(echo(g.args, false)),
        "printf" => printf(g.args),
        "test" | "[" | "[[" => test(g, fs),
        "cat" | "tac" | "rev" | "sort" | "uniq" | "wc" | "head" | "tail" | "tee" | "tr" | "cut" | "grep" | "egrep"
        | "fgrep" | "sed" | "awk" => filter(g, fs, &plain),
        "touch" | "rm" | "mkdir" | "rmdir" | "ls" | "cp" | "mv" | "chmod" | "chown" | "chgrp" | "ln" | "find"
        | "mktemp" | "stat" | "readlink" | "realpath" | "du" | "dd" | "truncate" | "fallocate" => {
            super::filing::file(g, fs, &plain)
        }
        "base64" => base64_of(g, fs, plain.iter().find(|p| **p != "-").copied(), flag('d') || flag('D')),
        "date" => date(g),
        "hostname" => {
            let name = net.hostname();
            if flag('i') || flag('I') {
                Done::say(net.resolve(&name).first().map_or(String::new(), |a| format!("{a}\n")))
            } else if flag('f') {
                let hosts = fs.read("/etc/hosts").unwrap_or_default();
                let own = hosts.lines().find(|l| l.split_whitespace().skip(1).any(|w| w == name));
                let full = own.and_then(|l| l.split_whitespace().nth(1)).unwrap_or(&name);
                Done::say(format!("{full}\n"))
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
        "nslookup" | "host" | "getent" | "wget" | "curl" | "nc" | "ncat" | "netcat" | "telnet" => {
            super::net::run(g.name, g.args, &plain, g.input, fs, g.cwd, net)
        }
        "perl" => perl(g.args),
        "redis-cli" | "mysqladmin" | "mysql" | "pg_isready" | "psql" | "mongo" | "mongosh" => {
            super::net::database(g.name, g.args, &plain, net)
        }
        "apt" | "apt-get" | "apk" => super::packages::run(g, fs, &plain, net),
        name if super::system::NAMES.contains(&name) => super::system::run(g, fs, &plain, net),
        _ => Done::default(),
    }
}

/// The one program of Perl that everybody runs: so many digits of pi, as the documentation's Job prints them.
fn perl(args: &[String]) -> Done {
    let digits = args.iter().find_map(|a| a.split_once("bpi(")?.1.split(')').next()?.trim().parse::<usize>().ok());
    match digits {
        Some(n) => Done { takes: SimDuration::from_millis(n.min(10_000) as u64 * 3), ..Done::say(pi(n.min(10_000))) },
        None => Done::default(),
    }
}

/// Pi to so many digits, and a newline. (A spigot.)
pub(super) fn pi(digits: usize) -> String {
    let digits = digits.max(1);
    let mut a = vec![2u32; digits * 10 / 3 + 8];
    let (mut out, mut held, mut nines) = (String::new(), None::<u32>, 0);
    while out.len() < digits + 1 {
        let mut carry = 0;
        for i in (1..a.len()).rev() {
            let x = a[i] * 10 + carry;
            let d = 2 * i as u32 + 1;
            a[i] = x % d;
            carry = x / d * i as u32;
        }
        let x = a[0] * 10 + carry;
        a[0] = x % 10;
        let q = x / 10;
        if q == 9 {
            nines += 1;
            continue;
        }
        let up = u32::from(q == 10);
        if let Some(h) = held {
            out.push_str(&(h + up).to_string());
        }
        out.extend(std::iter::repeat_n(if up == 1 { '0' } else { '9' }, nines));
        nines = 0;
        held = Some(if q == 10 { 0 } else { q });
    }
    format!("{}.{}\n", &out[..1], &out[1..digits])
}

fn named(n: u32) -> String {
    if n == 0 { "0(root)".into() } else { n.to_string() }
}

/// `base64`, `base64 -d`: of a file, or of what comes in.
fn base64_of(g: &Given<'_>, fs: &FileSystem<'_>, file: Option<&str>, decodes: bool) -> Done {
    use base64::Engine as _;
    let text = match file.map(|f| (f, fs.read(&normalize(g.cwd, f)))) {
        Some((_, Ok(text))) => text.to_string(),
        Some((f, Err(p))) => return Done::fail(1, format!("base64: {f}: {p}")),
        None => g.input.to_owned(),
    };
    let engine = base64::engine::general_purpose::STANDARD;
    if !decodes {
        return Done::say(engine.encode(text) + "\n");
    }
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match engine.decode(packed) {
        Ok(bytes) => Done::say(String::from_utf8_lossy(&bytes)),
        Err(_) => Done::fail(1, "base64: invalid input"),
    }
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

/// What `echo` prints; `always`: it reads backslash sequences without `-e`, as that of dash does.
pub fn echo(args: &[String], always: bool) -> String {
    let is_flag = |a: &&String| a.len() > 1 && a.starts_with('-') && a[1..].chars().all(|c| "neE".contains(c));
    let given: Vec<&String> = args.iter().take_while(is_flag).collect();
    let newline = !given.iter().any(|a| a.contains('n'));
    let escapes = always || given.iter().any(|a| a.contains('e'));
    let text = args[given.len()..].join(" ");
    let text = if escapes { unescape(&text) } else { text };
    if newline { text + "\n" } else { text }
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
                _ => match precision.and_then(crate::text::count) {
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
        let mut depth = 0;
        let at = args.iter().position(|a| {
            depth += i32::from(a == "(") - i32::from(a == ")");
            a == op && depth == 0
        });
        if let Some(i) = at.filter(|i| *i > 0 && *i + 1 < args.len() && args.len() > 3) {
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
                "-L" | "-h" => fs.link_at(&normalize(g.cwd, value)).is_some(),
                "-S" | "-p" | "-b" | "-c" | "-t" => false,
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
                "=~" => crate::text::regex(r).is_ok_and(|re| re.is_match(l)),
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
            let re = crate::text::regex(&format!("^(?:{})", r.replace("\\(", "(").replace("\\)", ")")));
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
