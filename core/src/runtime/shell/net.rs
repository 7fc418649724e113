//! Programs that use the network: what they print and how they fail. Their outputs follow BusyBox and curl.

use super::utilities::Done;
use super::{NetProblem, Surroundings};
use crate::clock::SimDuration;
use crate::runtime::files::{FileSystem, normalize};

pub(super) fn run(
    name: &str,
    args: &[String],
    plain: &[&str],
    input: &str,
    fs: &mut FileSystem<'_>,
    cwd: &str,
    net: &mut dyn Surroundings,
) -> Done {
    match name {
        "nslookup" | "host" | "getent" => super::names::run(name, args, plain, net),
        "nc" | "ncat" | "netcat" | "telnet" => {
            let hosts: Vec<&&str> = plain.iter().filter(|p| !p.is_empty()).collect();
            let port = hosts.iter().rev().find_map(|p| p.parse::<u16>().ok());
            let host = hosts.iter().find(|p| p.parse::<u16>().is_err());
            let udp = args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains('u'));
            match (host, port) {
                (Some(h), Some(p)) => match net.connect(h, p, udp) {
                    Ok(()) => Done { err: format!("{h} ({h}:{p}) open\n"), ..Done::default() },
                    Err(NetProblem::UnknownHost) => Done::fail(1, format!("{name}: bad address '{h}'")),
                    Err(NetProblem::Refused) => Done::fail(1, format!("{name}: {h} ({h}:{p}): Connection refused")),
                    Err(_) => Done { takes: SimDuration::from_secs(5), ..Done::fail(1, format!("{name}: timed out")) },
                },
                _ => Done::fail(1, format!("{name}: missing operand")),
            }
        }
        _ => http(name, args, input, fs, cwd, net),
    }
}

/// Short options of curl that take a value.
const CURL_VALUES: &str = "oHXdmuwATE";

/// curl's short options one by one: `-so FILE` is `-s -o FILE`, `-w%{http_code}` is `-w %{http_code}`.
fn apart(args: &[String]) -> Vec<String> {
    let mut out = vec![];
    let mut is_value = false;
    for a in args {
        let letters = a.strip_prefix('-').filter(|l| l.len() > 1 && !l.starts_with('-') && !is_value);
        is_value = letters.is_none() && a.len() == 2 && a.starts_with('-') && CURL_VALUES.contains(&a[1..]);
        let Some(letters) = letters else {
            out.push(a.clone());
            continue;
        };
        for (i, c) in letters.char_indices() {
            out.push(format!("-{c}"));
            if CURL_VALUES.contains(c) {
                let value = &letters[i + c.len_utf8()..];
                is_value = value.is_empty();
                out.extend((!is_value).then(|| value.to_owned()));
                break;
            }
        }
    }
    out
}

/// What `--write-out` says of a request: its status (0: none), the bytes of its answer, how long it took.
fn written(format: &str, url: &str, (status, bytes, took): (u16, usize, SimDuration), exit: i32) -> String {
    let mut out = String::new();
    let mut rest = format;
    let seconds = format!("{:.6}", took.0 as f64 / 1e6);
    let host = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let Some((name, tail)) = after.strip_prefix('{').and_then(|a| a.split_once('}')) else {
            out.push('%');
            rest = after.strip_prefix('%').unwrap_or(after);
            continue;
        };
        rest = tail;
        out.push_str(&match name {
            "http_code" | "response_code" => format!("{status:03}"),
            "http_connect" => "000".into(),
            "http_version" => if status == 0 { "0" } else { "1.1" }.into(),
            "url" | "url_effective" => {
                if url.matches('/').count() < 3 {
                    format!("{url}/")
                } else {
                    url.to_owned()
                }
            }
            "size_download" => bytes.to_string(),
            "size_header" | "size_request" | "size_upload" | "num_redirects" | "num_retries" => "0".into(),
            "num_connects" => u8::from(status != 0).to_string(),
            "time_total" | "time_starttransfer" => seconds.clone(),
            "time_namelookup" | "time_connect" | "time_pretransfer" | "time_appconnect" | "time_redirect" => {
                "0.000000".into()
            }
            "speed_download" => (bytes as u64 * 1_000_000 / took.0.max(1)).to_string(),
            "scheme" => url.split("://").next().unwrap_or_default().into(),
            "method" => "GET".into(),
            "remote_port" => host.rsplit_once(':').map_or("80", |h| h.1).into(),
            "exitcode" => exit.to_string(),
            // the rest has no meaning here
            _ => String::new(),
        });
    }
    crate::text::unescape(&(out + rest))
}

/// Arguments with the files that they name by their whole paths, and with standard input in the place of `@-`.
fn absolute(args: &[String], input: &str, cwd: &str) -> Vec<String> {
    const FILES: [&str; 6] = ["--cacert", "--cert", "--key", "-E", "--ca-certificate", "--certificate"];
    let mut out: Vec<String> = vec![];
    for a in args {
        let named = out.last().is_some_and(|o| FILES.contains(&o.as_str()));
        let glued = a.split_once('=').filter(|(name, _)| FILES.contains(name));
        out.push(match (a.strip_prefix('@'), glued) {
            (Some("-"), _) => input.to_owned(),
            (Some(file), _) => format!("@{}", normalize(cwd, file)),
            (_, Some((name, file))) => format!("{name}={}", normalize(cwd, file)),
            _ if named => normalize(cwd, a),
            _ => a.clone(),
        });
    }
    out
}

/// What curl says of a certificate that it does not take, with its exit code.
fn unsafe_for_curl(why: &str) -> (i32, String) {
    let text = format!(
        "curl: (60) {why}\nMore details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of \
         the server and therefore could not\nestablish a secure connection to it. To learn more about this situation \
         and\nhow to fix it, please visit the webpage mentioned above."
    );
    (60, text)
}

/// `wget` and `curl`.
fn http(
    name: &str,
    args: &[String],
    input: &str,
    fs: &mut FileSystem<'_>,
    cwd: &str,
    net: &mut dyn Surroundings,
) -> Done {
    let curl = name == "curl";
    let own = if curl { apart(args) } else { args.to_vec() };
    let args = own.as_slice();
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
            "--write-out",
            "--output",
            "--user-agent",
            "--user",
            "-T",
            "--header",
            "--request",
            "--retry",
            "-A",
            "--data-ascii",
            "--json",
            "-E",
            "--cacert",
            "--cert",
            "--key",
            "--user",
            "--user-agent",
            "--output",
            "--data-raw",
            "--data-binary",
            "--resolve",
        ]
    } else {
        &["-O", "-T", "-t", "--timeout", "--tries", "--header", "-o", "--post-data", "--post-file", "--ca-certificate"]
    };
    let (mut urls, mut file, mut format, mut named) = (vec![], None, None, None);
    let mut patience = SimDuration::from_secs(5);
    let host_of = |header: &str| {
        let (name, value) = header.split_once(':')?;
        name.trim().eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
    };
    let mut rest = args.iter();
    while let Some(a) = rest.next() {
        if takes.contains(&a.as_str()) {
            let value = rest.next();
            match a.as_str() {
                "-H" | "--header" => named = value.and_then(|v| host_of(v)).or(named),
                "-o" | "--output" if curl => file = value.cloned(),
                "-O" if !curl => file = value.cloned(),
                "-w" | "--write-out" => format = value.cloned(),
                "-T" if curl => {}
                "-m" | "--max-time" | "--connect-timeout" | "-T" | "--timeout" => {
                    patience =
                        value.and_then(|v| super::duration(v)).map_or(patience, |t| SimDuration(t.0.min(patience.0)));
                }
                _ => {}
            }
        } else if let Some(v) = a.strip_prefix("-O").filter(|v| !v.is_empty() && !curl) {
            file = Some(v.to_owned());
        } else if a.starts_with("-q") && a.contains('O') && !curl {
            // -qO- and -qO name
            file =
                a.split_once('O').map(|(_, v)| v.to_owned()).filter(|v| !v.is_empty()).or_else(|| rest.next().cloned());
        } else if let Some(v) = a.strip_prefix("--header=") {
            named = host_of(v).or(named);
        } else if !a.starts_with('-') {
            urls.push(a.clone());
        }
    }
    let has = |short: char, long: &str| {
        args.iter().any(|a| a == long || (a.starts_with('-') && !a.starts_with("--") && a.contains(short)))
    };
    let silent = if curl { has('s', "--silent") } else { has('q', "--quiet") };
    let mut d = Done::default();
    net.sends(name, &absolute(args, input, cwd));
    let spider = !curl && has('\0', "--spider");
    for url in urls {
        let full = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        let host = full.split("://").nth(1).unwrap_or("").split('/').next().unwrap_or("").to_owned();
        let usual = if full.starts_with("https://") { "443" } else { "80" };
        let (name_only, port) = host.rsplit_once(':').unwrap_or((&host, usual));
        if !curl && usual == "443" && net.busybox() && !args.iter().any(|a| a == "--no-check-certificate") {
            d.err += "wget: note: TLS certificate validation not implemented\n";
        }
        if !curl
            && !silent
            && let Some(ip) = net.resolve(name_only).first()
        {
            d.err += &format!("Connecting to {name_only} ({ip}:{port})\n");
        }
        match net.get(&full, named.as_deref(), fs) {
            Ok((code, _)) if spider && code < 400 => {
                d.takes = d.takes + net.took();
                if !silent {
                    d.err += "remote file exists\n";
                }
            }
            Ok((code, body)) => {
                d.takes = d.takes + net.took();
                let failed = code >= 400;
                if failed && !curl {
                    let phrase = match code {
                        400 => " Bad Request",
                        401 => " Unauthorized",
                        403 => " Forbidden",
                        404 => " Not Found",
                        500 => " Internal Server Error",
                        502 => " Bad Gateway",
                        503 => " Service Unavailable",
                        504 => " Gateway Timeout",
                        _ => "",
                    };
                    d.err += &format!("wget: server returned error: HTTP/1.1 {code}{phrase}\n");
                    d.code = 1;
                    continue;
                }
                if failed && has('f', "--fail") {
                    if !silent || has('S', "--show-error") {
                        d.err += &format!("curl: (22) The requested URL returned error: {code}\n");
                    }
                    d.code = 22;
                    if let Some(f) = &format {
                        d.out += &written(f, &full, (code, 0, net.took()), 22);
                    }
                    continue;
                }
                let head = has('I', "--head");
                if curl && (head || has('i', "--include")) {
                    d.out += &format!("HTTP/1.1 {code} {}\r\n", crate::runtime::web::phrase(code));
                    d.out.extend(net.headers().iter().map(|(n, v)| format!("{n}: {v}\r\n")));
                    d.out += &format!("Content-Length: {}\r\n\r\n", body.len());
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
                let progress = |name: &str| {
                    let most = body.len();
                    format!("{name:<20.20} 100% |{}| {most:>5}   0:00:00 ETA\n", "*".repeat(31))
                };
                if !curl && !silent {
                    d.err += &match target.as_deref().unwrap_or("-") {
                        "-" => format!("writing to stdout\n{}written to stdout\n", progress("-")),
                        f => format!("saving to '{f}'\n{}'{f}' saved\n", progress(f)),
                    };
                }
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
                    d.out += &written(f, &full, (code, if head { 0 } else { body.len() }, net.took()), d.code);
                }
            }
            Err(p) => {
                let (code, text) = match (p, curl) {
                    (NetProblem::UnknownHost, true) => (6, format!("curl: (6) Could not resolve host: {name_only}")),
                    (NetProblem::Refused, true) => (
                        7,
                        format!(
                            "curl: (7) Failed to connect to {name_only} port {port} after 0 ms: Could not connect to server"
                        ),
                    ),
                    (NetProblem::TimedOut, true) => {
                        (28, format!("curl: (28) Connection timed out after {} milliseconds", patience.0 / 1000))
                    }
                    (NetProblem::Untrusted, true) => {
                        unsafe_for_curl("SSL certificate problem: unable to get local issuer certificate")
                    }
                    (NetProblem::Misnamed, true) => unsafe_for_curl(&format!(
                        "SSL: no alternative certificate subject name matches target host name '{name_only}'"
                    )),
                    (NetProblem::NoAuthority, true) => {
                        (77, "curl: (77) error adding trust anchors from file".to_owned())
                    }
                    (NetProblem::Untrusted | NetProblem::Misnamed | NetProblem::NoAuthority, false) => (
                        5,
                        format!(
                            "ERROR: cannot verify {name_only}'s certificate, issued by 'CN=kubernetes':\n  Unable to locally \
                             verify the issuer's authority.\nTo connect to {name_only} insecurely, use \
                             `--no-check-certificate'."
                        ),
                    ),
                    (NetProblem::UnknownHost, false) => (1, format!("wget: bad address '{host}'")),
                    (NetProblem::Refused, false) => {
                        (1, format!("wget: can't connect to remote host ({name_only}): Connection refused"))
                    }
                    (NetProblem::TimedOut, false) => (1, "wget: download timed out".into()),
                };
                d.code = code;
                if p == NetProblem::TimedOut {
                    d.takes = patience;
                }
                if !silent || !curl || has('S', "--show-error") {
                    d.err += &format!("{text}\n");
                }
                if let Some(f) = &format {
                    let took = if p == NetProblem::TimedOut { patience } else { SimDuration::ZERO };
                    d.out += &written(f, &full, (0, 0, took), code);
                }
            }
        }
    }
    d
}

/// Clients of databases: they reach theirs or say that they do not. What they ask it is not looked at.
pub(super) fn database(name: &str, args: &[String], plain: &[&str], net: &mut dyn Surroundings) -> Done {
    let given = |short: &str, long: &str| {
        let at = args.iter().position(|a| a == short || a == long);
        let next = at.and_then(|i| args.get(i + 1).cloned());
        let glued = args.iter().find_map(|a| a.strip_prefix(long)?.strip_prefix('=').map(str::to_owned));
        let joined = args
            .iter()
            .find_map(|a| a.strip_prefix(short).filter(|v| !v.is_empty() && !a.starts_with("--")).map(str::to_owned));
        next.or(glued).or(joined)
    };
    let (port_flag, default) = match name {
        "redis-cli" => ("-p", 6379),
        "mysql" | "mysqladmin" => ("-P", 3306),
        "mongo" | "mongosh" => ("--port", 27017),
        _ => ("-p", 5432),
    };
    let port = given(port_flag, "--port").and_then(|p| p.parse::<u16>().ok()).unwrap_or(default);
    let host = given("-h", "--host").unwrap_or_else(|| "localhost".into());
    let end = net.connect(&host, port, false);
    let problem = match end {
        Ok(()) => None,
        Err(NetProblem::UnknownHost) => Some("Name or service not known"),
        Err(NetProblem::Refused) => Some("Connection refused"),
        Err(_) => Some("Connection timed out"),
    };
    let takes = if end == Err(NetProblem::TimedOut) { SimDuration::from_secs(5) } else { SimDuration::ZERO };
    match (name, problem) {
        ("redis-cli", None) => {
            Done::say(if plain.iter().any(|a| a.eq_ignore_ascii_case("ping")) { "PONG\n" } else { "OK\n" })
        }
        ("redis-cli", Some(why)) => {
            Done { takes, ..Done::fail(1, format!("Could not connect to Redis at {host}:{port}: {why}")) }
        }
        ("mysqladmin", None) => Done::say("mysqld is alive\n"),
        ("mysqladmin", Some(_)) => Done {
            takes,
            ..Done::fail(
                1,
                format!(
                    "mysqladmin: connect to server at '{host}' failed\nerror: 'Can't connect to MySQL server on \
                     '{host}:{port}' (111)'"
                ),
            )
        },
        ("pg_isready", end) => Done {
            code: if end.is_none() { 0 } else { 2 },
            takes,
            ..Done::say(format!(
                "{host}:{port} - {}\n",
                if end.is_none() { "accepting connections" } else { "no response" }
            ))
        },
        ("mysql", Some(_)) => {
            let text = format!("ERROR 2003 (HY000): Can't connect to MySQL server on '{host}:{port}' (111)");
            Done { takes, ..Done::fail(1, text) }
        }
        ("psql", Some(why)) => {
            let text = format!("psql: error: connection to server at \"{host}\", port {port} failed: {why}");
            Done { takes, ..Done::fail(2, text) }
        }
        (_, Some(_)) => {
            Done { takes, ..Done::fail(1, format!("MongoNetworkError: connect ECONNREFUSED {host}:{port}")) }
        }
        _ => Done::default(),
    }
}
