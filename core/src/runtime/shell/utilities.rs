//! Programs that read and print: they change nothing of the shell, only files. Their outputs follow BusyBox.

use super::{NetProblem, Surroundings, cut};
use crate::clock::{SimDuration, SimTime};
use crate::runtime::files::{Entry, FileSystem, normalize};
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
    fn fail(code: i32, err: impl Into<String>) -> Done {
        Done { code, err: format!("{}\n", err.into()), ..Done::default() }
    }
    fn say(out: impl Into<String>) -> Done {
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
        | "mktemp" | "stat" | "realpath" | "du" | "dd" => file(g, fs, &plain),
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
        "whoami" => Done::say("root\n"),
        "id" => Done::say(if flag('u') || flag('g') { "0\n" } else { "uid=0(root) gid=0(root) groups=0(root)\n" }),
        "uname" => Done::say(match (flag('a'), flag('r'), flag('m'), flag('n')) {
            (true, ..) => format!("Linux {} 6.12.0 #1 SMP x86_64 GNU/Linux\n", net.hostname()),
            (_, true, ..) => "6.12.0\n".into(),
            (_, _, true, _) => "x86_64\n".into(),
            (.., true) => format!("{}\n", net.hostname()),
            _ => "Linux\n".into(),
        }),
        "nproc" => Done::say("4\n"),
        "uptime" => Done::say(" up, load average: 0.00, 0.00, 0.00\n"),
        "ps" => Done::say("PID   USER     TIME  COMMAND\n    1 root      0:00 sh\n"),
        "nslookup" | "dig" | "host" | "getent" | "wget" | "curl" | "nc" | "ncat" | "netcat" | "telnet" | "ping" => {
            net_use::run(g.name, g.args, &plain, fs, g.cwd, net)
        }
        "redis-cli" => Done::say(if plain.iter().any(|a| a.eq_ignore_ascii_case("ping")) { "PONG\n" } else { "OK\n" }),
        "mysqladmin" => Done::say("mysqld is alive\n"),
        "pg_isready" => Done::say("/var/run/postgresql:5432 - accepting connections\n"),
        _ => Done::default(),
    }
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

fn unescape(s: &str) -> String {
    let mut out = String::new();
    let mut chars = s.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\\') => out.push('\\'),
            Some('"') => out.push('"'),
            Some('a' | 'b') => {}
            Some('c') => return out,
            Some('0') => {
                let mut n = 0;
                for _ in 0..3 {
                    if let Some(d) = chars.peek().and_then(|c| c.to_digit(8)) {
                        n = n * 8 + d;
                        chars.next();
                    }
                }
                out.extend(char::from_u32(n).filter(|c| *c != '\0'));
            }
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
            None => out.push('\\'),
        }
    }
    out
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
                "-f" => matches!(entry(), Some(Entry::File(_))),
                "-d" => matches!(entry(), Some(Entry::Dir)),
                "-s" => matches!(entry(), Some(Entry::File(t)) if !t.is_empty()),
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

/// Programs that read text, from files or standard input, and print it otherwise.
fn filter(g: &Given<'_>, fs: &mut FileSystem<'_>, plain: &[&str]) -> Done {
    let has = |c: char| g.args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(c));
    let option = |name: &str| -> Option<&str> {
        g.args.iter().enumerate().find_map(|(i, a)| match a.strip_prefix(name) {
            Some("") => g.args.get(i + 1).map(String::as_str),
            Some(rest) => Some(rest),
            None => None,
        })
    };
    let takes: &[&str] = match g.name {
        "head" | "tail" => &["-n", "-c"],
        "cut" => &["-d", "-f", "-c"],
        "grep" | "egrep" | "fgrep" | "sed" => &["-e"],
        "awk" => &["-F", "-v"],
        "sort" => &["-k", "-t"],
        _ => &[],
    };
    let mut operands: Vec<&str> = vec![];
    let mut skip = false;
    for a in g.args {
        if !std::mem::take(&mut skip) {
            if takes.contains(&a.as_str()) {
                skip = true;
            } else if !a.starts_with('-') || a == "-" {
                operands.push(a);
            }
        }
    }
    let script = match g.name {
        "grep" | "egrep" | "fgrep" | "sed" => match option("-e") {
            Some(e) => e,
            None if operands.is_empty() => return Done::fail(2, format!("{}: missing operand", g.name)),
            None => operands.remove(0),
        },
        "awk" if operands.is_empty() => return Done::fail(2, "awk: missing operand"),
        "awk" => operands.remove(0),
        _ => "",
    };
    if g.name == "tr" {
        return tr(g.input, plain, has('d'), has('s'));
    }
    if g.name == "tee" {
        let mut d = Done::say(g.input);
        for f in &operands {
            if let Err(p) = fs.write(&normalize(g.cwd, f), g.input, has('a')) {
                d.err += &format!("tee: {f}: {p}\n");
                d.code = 1;
            }
        }
        return d;
    }
    let mut d = Done::default();
    let mut text = String::new();
    if operands.is_empty() {
        text.push_str(g.input);
    }
    for f in operands {
        if f == "-" {
            text.push_str(g.input);
            continue;
        }
        match fs.read(&normalize(g.cwd, f)) {
            Ok(t) => text.push_str(cut(&t, 1 << 20)),
            Err(p) if g.name == "cat" || g.name == "head" || g.name == "tail" => {
                d.err += &format!("{}: can't open '{f}': {p}\n", g.name);
                d.code = 1;
            }
            Err(p) => {
                d.err += &format!("{}: {f}: {p}\n", g.name);
                d.code = if g.name.contains("grep") { 2 } else { 1 };
            }
        }
    }
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| lines.iter().fold(String::new(), |s, l| s + l + "\n");
    d.out = match g.name {
        "cat" if has('n') => {
            lines.iter().enumerate().fold(String::new(), |s, (i, l)| s + &format!("{:6}\t{l}\n", i + 1))
        }
        "tac" => joined(&lines.iter().rev().copied().collect::<Vec<_>>()),
        "rev" => lines.iter().fold(String::new(), |s, l| s + &l.chars().rev().collect::<String>() + "\n"),
        "sort" => {
            let mut l = lines.clone();
            let number = |s: &str| {
                s.trim()
                    .split(|c: char| !c.is_ascii_digit() && c != '-')
                    .next()
                    .and_then(|n| n.parse::<i64>().ok())
                    .unwrap_or(0)
            };
            if has('n') {
                l.sort_by_key(|s| number(s));
            } else {
                l.sort_unstable();
            }
            if has('r') {
                l.reverse();
            }
            if has('u') {
                l.dedup();
            }
            joined(&l)
        }
        "uniq" => {
            let mut out = String::new();
            for group in lines.chunk_by(|a, b| a == b) {
                if has('c') {
                    let _ = write!(out, "{:7} ", group.len());
                }
                let _ = writeln!(out, "{}", group[0]);
            }
            out
        }
        "wc" => {
            let (l, w, c) = (text.matches('\n').count(), text.split_whitespace().count(), text.len());
            match (has('l'), has('w'), has('c')) {
                (true, ..) => format!("{l}\n"),
                (_, true, _) => format!("{w}\n"),
                (.., true) => format!("{c}\n"),
                _ => format!("{l:9} {w:9} {c:9}\n"),
            }
        }
        "head" | "tail" => {
            let count = option("-n")
                .or_else(|| g.args.iter().find_map(|a| a.strip_prefix('-').filter(|n| n.parse::<usize>().is_ok())))
                .unwrap_or("10");
            let n: usize = count.trim_start_matches(['-', '+']).parse().unwrap_or(10);
            if let Some(bytes) = option("-c").and_then(|n| n.parse::<usize>().ok()) {
                cut(&text, bytes).to_owned()
            } else if g.name == "head" {
                joined(&lines[..n.min(lines.len())])
            } else if count.starts_with('+') {
                joined(&lines[n.saturating_sub(1).min(lines.len())..])
            } else {
                joined(&lines[lines.len().saturating_sub(n)..])
            }
        }
        "cut" => {
            let delimiter = option("-d").unwrap_or("\t");
            let range: Vec<usize> =
                option("-f").or(option("-c")).unwrap_or("1").split([',', '-']).filter_map(|n| n.parse().ok()).collect();
            lines.iter().fold(String::new(), |s, l| {
                let fields: Vec<&str> = l.split(delimiter).collect();
                let picked: Vec<&str> = if fields.len() == 1 {
                    fields
                } else {
                    range.iter().filter_map(|i| fields.get(i.wrapping_sub(1)).copied()).collect()
                };
                s + &picked.join(delimiter) + "\n"
            })
        }
        "grep" | "egrep" | "fgrep" => return grep(d, g.name, script, &lines, &has),
        "sed" => sed(script, &lines, has('n')),
        "awk" => awk(script, option("-F"), &lines),
        _ => text,
    };
    d
}

fn grep(mut d: Done, name: &str, pattern: &str, lines: &[&str], has: &dyn Fn(char) -> bool) -> Done {
    let pattern = if name == "fgrep" || has('F') { regex_lite::escape(pattern) } else { pattern.replace("\\|", "|") };
    let pattern = if has('w') { format!(r"\b(?:{pattern})\b") } else { pattern };
    let Ok(re) = regex_lite::RegexBuilder::new(&pattern).case_insensitive(has('i')).build() else {
        return Done::fail(2, format!("{name}: bad regex '{pattern}'"));
    };
    let hits: Vec<&&str> = lines.iter().filter(|l| re.is_match(l) != has('v')).collect();
    if hits.is_empty() && d.code == 0 {
        d.code = 1;
    }
    if has('c') {
        d.out = format!("{}\n", hits.len());
    } else if !has('q') {
        for l in hits {
            if has('o') {
                re.find_iter(l).for_each(|m| d.out += &format!("{}\n", m.as_str()));
            } else {
                d.out += &format!("{l}\n");
            }
        }
    }
    d
}

fn tr(input: &str, sets: &[&str], delete: bool, squeeze: bool) -> Done {
    let expand = |s: &str| -> Vec<char> {
        let s = s.replace("[:upper:]", "A-Z").replace("[:lower:]", "a-z").replace("[:digit:]", "0-9");
        let s: Vec<char> = unescape(&s.replace("[:space:]", " \t\n")).chars().collect();
        let (mut out, mut i) = (vec![], 0);
        while i < s.len() {
            if i + 2 < s.len() && s[i + 1] == '-' {
                out.extend(s[i]..=s[i + 2]);
                i += 3;
            } else {
                out.push(s[i]);
                i += 1;
            }
        }
        out
    };
    let from = sets.first().map(|s| expand(s)).unwrap_or_default();
    let to = sets.get(1).map(|s| expand(s)).unwrap_or_default();
    let mut out = String::new();
    for c in input.chars() {
        match from.iter().position(|f| *f == c) {
            Some(_) if delete => {}
            Some(i) if !to.is_empty() => out.push(to[i.min(to.len() - 1)]),
            Some(_) if squeeze && out.ends_with(c) => {}
            _ => out.push(c),
        }
    }
    Done::say(out)
}

/// `s/a/b/[g]`, `Np`, `/x/d`, `/x/p`: what start scripts use.
fn sed(script: &str, lines: &[&str], quiet: bool) -> String {
    let mut out = String::new();
    let mut chars = script.chars();
    let substitution = if chars.next() == Some('s') { chars.next() } else { None };
    let parts: Vec<&str> = substitution.map(|d| script[1 + d.len_utf8()..].split(d).collect()).unwrap_or_default();
    let re = match parts.first() {
        Some(p) => regex_lite::Regex::new(&p.replace("\\(", "(").replace("\\)", ")")).ok(),
        None => script.strip_prefix('/').and_then(|s| s.split('/').next()).and_then(|p| regex_lite::Regex::new(p).ok()),
    };
    let number: Option<usize> = script.trim_end_matches(['p', 'd']).parse().ok();
    for (i, line) in lines.iter().enumerate() {
        if let (Some(re), [_, to, rest @ ..]) = (&re, parts.as_slice()) {
            let to = to.replace("\\1", "${1}").replace('&', "${0}");
            let text = if rest.first().is_some_and(|f| f.contains('g')) {
                re.replace_all(line, to.as_str())
            } else {
                re.replace(line, to.as_str())
            };
            out += &format!("{text}\n");
            continue;
        }
        let hit = number == Some(i + 1) || re.as_ref().is_some_and(|re| re.is_match(line));
        let (print, delete) = (script.ends_with('p'), script.ends_with('d'));
        if (!quiet && !(hit && delete)) || (quiet && hit && print) {
            out += &format!("{line}\n");
        }
    }
    out
}

/// `{print $1, $NF}` behind an optional `/pattern/`.
fn awk(script: &str, separator: Option<&str>, lines: &[&str]) -> String {
    let (pattern, action) = script.split_once('{').unwrap_or((script, "print}"));
    let re = regex_lite::Regex::new(pattern.trim().trim_matches('/')).ok();
    let body = action.trim_end().trim_end_matches('}').trim();
    let fields = body.strip_prefix("print").unwrap_or("").trim();
    let mut out = String::new();
    for line in lines {
        if re.as_ref().is_some_and(|re| !re.is_match(line)) {
            continue;
        }
        let f: Vec<&str> = match separator {
            Some(s) => line.split(s.trim_matches(['\'', '"'])).collect(),
            None => line.split_whitespace().collect(),
        };
        let cells: Vec<String> = fields
            .split(',')
            .map(|c| match c.trim() {
                "" | "$0" => (*line).to_owned(),
                "$NF" => f.last().copied().unwrap_or("").to_owned(),
                "NF" => f.len().to_string(),
                c => match c.strip_prefix('$').and_then(|n| n.parse::<usize>().ok()) {
                    Some(n) => f.get(n.wrapping_sub(1)).copied().unwrap_or("").to_owned(),
                    None => c.trim_matches('"').to_owned(),
                },
            })
            .collect();
        out += &format!("{}\n", cells.join(" "));
    }
    out
}

/// Programs that look at or change files.
fn file(g: &Given<'_>, fs: &mut FileSystem<'_>, plain: &[&str]) -> Done {
    let has = |c: char| g.args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(c));
    let path = |p: &str| normalize(g.cwd, p);
    let mut d = Done::default();
    match g.name {
        "touch" | "dd" => {
            let of = g.args.iter().filter_map(|a| a.strip_prefix("of=")).collect::<Vec<_>>();
            for f in if g.name == "dd" { &of[..] } else { plain } {
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
                    Some(Entry::File(_)) => vec![(*f).to_owned()],
                    Some(Entry::Dir) if has('d') => vec![(*f).to_owned()],
                    Some(Entry::Dir) => {
                        if targets.len() > 1 {
                            d.out += &format!("{f}:\n");
                        }
                        let all = fs.list(&path(f)).into_iter().map(|(n, _)| n);
                        all.filter(|n| has('a') || !n.starts_with('.')).collect()
                    }
                };
                for n in names {
                    if has('l') {
                        let full = if n == **f { path(f) } else { normalize(&path(f), &n) };
                        let (mode, size) = match fs.get(&full) {
                            Some(Entry::File(t)) => ("-rw-r--r--    1", t.len()),
                            _ => ("drwxr-xr-x    2", 4096),
                        };
                        d.out += &format!(
                            "{mode} root     root     {size:9} {} {n}\n",
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

fn copy(fs: &mut FileSystem<'_>, from: &str, to: &str, depth: u32) -> Result<(), crate::runtime::files::Problem> {
    match fs.get(from) {
        Some(Entry::Dir) if depth < 20 && !to.starts_with(&format!("{from}/")) => {
            let _ = fs.mkdir(to);
            for (n, _) in fs.list(from) {
                copy(fs, &normalize(from, &n), &normalize(to, &n), depth + 1)?;
            }
            Ok(())
        }
        Some(Entry::Dir) => Err(crate::runtime::files::Problem::IsDir),
        Some(Entry::File(t)) => fs.write(to, &t, false),
        None => Err(crate::runtime::files::Problem::Missing),
    }
}

/// Programs that use the network.
mod net_use {
    use super::*;

    pub(super) fn run(
        name: &str,
        args: &[String],
        plain: &[&str],
        fs: &mut FileSystem<'_>,
        cwd: &str,
        net: &mut dyn Surroundings,
    ) -> Done {
        match name {
            "nslookup" | "dig" | "host" | "getent" => {
                let host = if name == "getent" { plain.get(1) } else { plain.first() };
                let Some(host) = host else { return Done::fail(1, format!("{name}: missing operand")) };
                let found = net.resolve(host);
                if found.is_empty() {
                    let d = Done {
                        out: format!(
                            "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n** server can't find {host}: NXDOMAIN\n\n"
                        ),
                        code: 1,
                        ..Done::default()
                    };
                    return if name == "nslookup" {
                        d
                    } else {
                        Done { code: if name == "getent" { 2 } else { 1 }, ..Done::default() }
                    };
                }
                let mut out = String::new();
                if name == "nslookup" {
                    out += "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n";
                }
                for a in found {
                    out += &match name {
                        "nslookup" => format!("Name:\t{host}\nAddress: {a}\n\n"),
                        "host" => format!("{host} has address {a}\n"),
                        "getent" => format!("{a}      {host}\n"),
                        _ => format!("{a}\n"),
                    };
                }
                Done::say(out)
            }
            "nc" | "ncat" | "netcat" | "telnet" => {
                let hosts: Vec<&&str> = plain.iter().filter(|p| !p.is_empty()).collect();
                let port = hosts.iter().rev().find_map(|p| p.parse::<u16>().ok());
                let host = hosts.iter().find(|p| p.parse::<u16>().is_err());
                match (host, port) {
                    (Some(h), Some(p)) => match net.connect(h, p) {
                        Ok(()) => Done { err: format!("{h} ({h}:{p}) open\n"), ..Done::default() },
                        Err(NetProblem::UnknownHost) => Done::fail(1, format!("{name}: bad address '{h}'")),
                        Err(NetProblem::Refused) => Done::fail(1, format!("{name}: {h} ({h}:{p}): Connection refused")),
                        Err(NetProblem::TimedOut) => {
                            Done { takes: SimDuration::from_secs(5), ..Done::fail(1, format!("{name}: timed out")) }
                        }
                    },
                    _ => Done::fail(1, format!("{name}: missing operand")),
                }
            }
            "ping" => {
                let Some(host) = plain.iter().find(|p| p.parse::<u32>().is_err()) else {
                    return Done::fail(1, "ping: missing operand");
                };
                match net.resolve(host).first() {
                    Some(a) => Done::say(format!(
                        "PING {host} ({a}): 56 data bytes\n64 bytes from {a}: seq=0 ttl=64 time=0.050 ms\n"
                    )),
                    None => Done::fail(1, format!("ping: bad address '{host}'")),
                }
            }
            _ => http(name, args, fs, cwd, net),
        }
    }

    /// `wget` and `curl`.
    fn http(name: &str, args: &[String], fs: &mut FileSystem<'_>, cwd: &str, net: &mut dyn Surroundings) -> Done {
        let curl = name == "curl";
        let takes: &[&str] = if curl {
            &[
                "-o",
                "-H",
                "-X",
                "-d",
                "--data",
                "-m",
                "--max-time",
                "--connect-timeout",
                "-u",
                "-w",
                "--header",
                "--request",
                "--retry",
                "-A",
            ]
        } else {
            &["-O", "-T", "-t", "--timeout", "--tries", "--header", "-o"]
        };
        let (mut urls, mut file, mut format) = (vec![], None, None);
        let mut rest = args.iter();
        while let Some(a) = rest.next() {
            if takes.contains(&a.as_str()) {
                let value = rest.next();
                match a.as_str() {
                    "-o" if curl => file = value.cloned(),
                    "-O" if !curl => file = value.cloned(),
                    "-w" => format = value.cloned(),
                    _ => {}
                }
            } else if let Some(v) = a.strip_prefix("-O").filter(|v| !v.is_empty() && !curl) {
                file = Some(v.to_owned());
            } else if a.starts_with("-q") && a.contains('O') && !curl {
                // -qO- and -qO name
                file = a
                    .split_once('O')
                    .map(|(_, v)| v.to_owned())
                    .filter(|v| !v.is_empty())
                    .or_else(|| rest.next().cloned());
            } else if !a.starts_with('-') {
                urls.push(a.clone());
            }
        }
        let has = |short: char, long: &str| {
            args.iter().any(|a| a == long || (a.starts_with('-') && !a.starts_with("--") && a.contains(short)))
        };
        let silent = if curl { has('s', "--silent") } else { has('q', "--quiet") };
        let mut d = Done::default();
        for url in urls {
            let full = if url.contains("://") { url.clone() } else { format!("http://{url}") };
            let host = full.split("://").nth(1).unwrap_or("").split('/').next().unwrap_or("").to_owned();
            let (name_only, port) = host.rsplit_once(':').unwrap_or((&host, "80"));
            match net.get(&full) {
                Ok((code, body)) => {
                    let failed = code >= 400;
                    if failed && !curl {
                        d.err += &format!("wget: server returned error: HTTP/1.1 {code}\n");
                        d.code = 1;
                        continue;
                    }
                    if failed && has('f', "--fail") {
                        d.err += &format!("curl: (22) The requested URL returned error: {code}\n");
                        d.code = 22;
                        continue;
                    }
                    let head = has('I', "--head");
                    if curl && (head || has('i', "--include")) {
                        d.out += &format!("HTTP/1.1 {code} {}\r\n\r\n", if failed { "Error" } else { "OK" });
                    }
                    let target = file.clone().or_else(|| {
                        (!curl).then(|| {
                            full.rsplit('/')
                                .next()
                                .filter(|n| !n.is_empty() && *n != host)
                                .unwrap_or("index.html")
                                .to_owned()
                        })
                    });
                    match target.as_deref() {
                        None | Some("-") if !head => d.out += &body,
                        None | Some("-") => {}
                        Some(f) => {
                            if let Err(p) = fs.write(&normalize(cwd, f), &body, false) {
                                d.err += &format!("{name}: can't open '{f}': {p}\n");
                                d.code = 1;
                            }
                        }
                    }
                    if let Some(f) = &format {
                        d.out += &super::unescape(&f.replace("%{http_code}", &code.to_string()));
                    }
                }
                Err(p) => {
                    let (code, text) = match (p, curl) {
                        (NetProblem::UnknownHost, true) => {
                            (6, format!("curl: (6) Could not resolve host: {name_only}"))
                        }
                        (NetProblem::Refused, true) => (
                            7,
                            format!(
                                "curl: (7) Failed to connect to {name_only} port {port} after 0 ms: Could not connect to server"
                            ),
                        ),
                        (NetProblem::TimedOut, true) => (28, "curl: (28) Connection timed out".into()),
                        (NetProblem::UnknownHost, false) => (1, format!("wget: bad address '{host}'")),
                        (NetProblem::Refused, false) => {
                            (1, format!("wget: can't connect to remote host ({name_only}): Connection refused"))
                        }
                        (NetProblem::TimedOut, false) => (1, "wget: download timed out".into()),
                    };
                    d.code = code;
                    if p == NetProblem::TimedOut {
                        d.takes = SimDuration::from_secs(5);
                    }
                    if !silent || !curl || has('S', "--show-error") {
                        d.err += &format!("{text}\n");
                    }
                }
            }
        }
        d
    }
}
