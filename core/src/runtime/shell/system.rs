//! Programs that tell of the machine: memory, disks, processes, addresses. What a container sees of them is its node's,
//! as containers do. Their outputs follow BusyBox and procps.

use super::Surroundings;
use super::utilities::{Done, Given};
use crate::clock::SimDuration;
use crate::runtime::files::{Entry, FileSystem, normalize};
use sha2::Digest;
use std::fmt::Write;

/// Programs that are carried out here.
pub(super) const NAMES: &[&str] = &[
    "apk",
    "apt",
    "apt-get",
    "df",
    "dig",
    "free",
    "ifconfig",
    "ip",
    "less",
    "md5sum",
    "more",
    "mount",
    "nano",
    "netstat",
    "pgrep",
    "ping",
    "ps",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "ss",
    "top",
    "traceroute",
    "vi",
    "vim",
];

/// What of these (and of other programs) an image has that brings BusyBox along.
const BUSYBOX: &str = " df free ifconfig ip less md5sum more mount netstat nslookup pgrep ping ps sha1sum sha256sum sha512sum telnet top traceroute vi wget nc ";
/// The same of an image of Debian's coreutils: few of them.
const COREUTILS: &str = " df md5sum mount more sha1sum sha256sum sha512sum apt apt-get ";
/// Clients of databases, and by which part of its name an image has them.
const CLIENTS: [(&str, &[&str]); 8] = [
    ("redis-cli", &["redis", "valkey"]),
    ("mysql", &["mysql", "mariadb", "percona"]),
    ("mysqladmin", &["mysql", "mariadb", "percona"]),
    ("psql", &["postgres"]),
    ("pg_isready", &["postgres"]),
    ("mongo", &["mongo"]),
    ("mongosh", &["mongo"]),
    (
        "perl",
        &[
            "perl",
            "debian",
            "ubuntu",
            "nginx",
            "httpd",
            "postgres",
            "mysql",
            "alpine/git",
            "node",
            "python",
            "ruby",
            "golang",
        ],
    ),
];

/// Does an image of the catalogue lack a program that others have?
pub fn lacks(image: &str, program: &str) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|p| image.contains(p));
    if let Some((_, images)) = CLIENTS.iter().find(|(n, _)| *n == program) {
        return !has(images);
    }
    let small = has(&["busybox"]) || image == "alpine" || image.starts_with("alpine:");
    match program {
        "bash" => return (small || has(&["-alpine", ":alpine"])) && !image.starts_with("bash"),
        "curl" => return small,
        _ => {}
    }
    let within = |list: &str| list.split_whitespace().any(|w| w == program);
    if !NAMES.contains(&program) && !matches!(program, "telnet" | "nc" | "ncat" | "netcat" | "host") {
        return false;
    }
    // a box of tools
    if has(&["netshoot", "multitool", "busyboxplus", "tutum/"]) {
        return matches!(program, "apt" | "apt-get" | "nano");
    }
    if has(&["dnsutils", "agnhost"]) && matches!(program, "dig" | "host" | "nslookup" | "ping") {
        return false;
    }
    if has(&["busybox"]) {
        return !within(BUSYBOX);
    }
    if has(&["alpine", "hello-app", "curlimages", "agnhost", "kiamol/", "luksa/", "podinfo", "stress", "bash"]) {
        return !within(BUSYBOX) && program != "apk";
    }
    if has(&["ubuntu", "centos", "fedora", "rocky", "alma"]) && matches!(program, "ps" | "top" | "free" | "pgrep") {
        return false;
    }
    // what nobody has listed keeps what a script may need
    !within(COREUTILS)
}

pub(super) fn run(g: &Given<'_>, fs: &FileSystem<'_>, plain: &[&str], net: &mut dyn Surroundings) -> Done {
    let flag = |c: char| g.args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(c));
    match g.name {
        "free" => free(flag('m'), flag('h'), flag('g'), net),
        "df" => df(fs, flag('h'), net),
        "mount" if plain.len() > 1 => {
            Done::fail(1, format!("mount: mounting {} on {} failed: Operation not permitted", plain[0], plain[1]))
        }
        "mount" => mount(fs),
        "ps" => ps(g, fs, net),
        "pgrep" => {
            let wanted = plain.first().copied().unwrap_or_default();
            let hits: Vec<(u32, String)> = net.processes().into_iter().filter(|(_, l)| l.contains(wanted)).collect();
            let line = |(pid, l): &(u32, String)| {
                if flag('a') || flag('l') { format!("{pid} {l}\n") } else { format!("{pid}\n") }
            };
            Done { code: i32::from(hits.is_empty()), ..Done::say(hits.iter().map(line).collect::<String>()) }
        }
        "top" => top(g, fs, net),
        "netstat" | "ss" => sockets(g, net),
        "ip" => ip(plain, net),
        "ifconfig" => ifconfig(net),
        "ping" => ping(g, net),
        "traceroute" => match plain.first().map(|h| (h, net.resolve(h))) {
            Some((h, found)) if !found.is_empty() => Done::say(format!(
                "traceroute to {h} ({a}), 30 hops max, 46 byte packets\n 1  {a} ({a})  0.050 ms  0.010 ms  0.010 ms\n",
                a = found[0]
            )),
            Some((h, _)) => Done::fail(1, format!("traceroute: bad address '{h}'")),
            None => Done::fail(1, "traceroute: missing operand"),
        },
        "dig" => dig(g, plain, net),
        "md5sum" | "sha1sum" | "sha256sum" | "sha512sum" => sums(g, fs, plain),
        "less" | "more" => plain.iter().fold(Done::default(), |mut d, f| {
            match fs.read(&normalize(g.cwd, f)) {
                Ok(text) => d.out += &text,
                Err(p) => {
                    d.err += &format!("{}: {f}: {p}\n", g.name);
                    d.code = 1;
                }
            }
            d
        }),
        "vi" | "vim" | "nano" => Done::fail(
            1,
            format!("{}: this terminal has no screen to edit on: write files with echo, printf or sed, and >", g.name),
        ),
        _ => Done::default(),
    }
}

fn units(kib: u64, m: bool, h: bool, g: bool) -> String {
    match () {
        () if g => (kib >> 20).to_string(),
        () if m => (kib >> 10).to_string(),
        () if h => human(kib),
        () => kib.to_string(),
    }
}

/// `7.6G`
fn human(kib: u64) -> String {
    let (mut n, mut unit) = (kib as f64, 'K');
    for next in ['M', 'G', 'T'] {
        if n < 1024.0 {
            break;
        }
        (n, unit) = (n / 1024.0, next);
    }
    match n {
        0.0 => "0".into(),
        n if n >= 100.0 => format!("{n:.0}{unit}"),
        n => format!("{n:.1}{unit}"),
    }
}

fn free(m: bool, h: bool, g: bool, net: &mut dyn Surroundings) -> Done {
    let (total, used) = net.memory();
    let (total, used) = (total >> 10, used >> 10);
    let cache = total / 10;
    let left = total.saturating_sub(used + cache);
    let n = |kib: u64| units(kib, m, h, g);
    Done::say(format!(
        "              total        used        free      shared  buff/cache   available\nMem:    {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\nSwap:   {:>11} {:>11} {:>11}\n",
        n(total),
        n(used),
        n(left),
        n(0),
        n(cache),
        n(left + cache),
        n(0),
        n(0),
        n(0)
    ))
}

/// What is mounted: source, type, size and use in KiB, where, whether it may be written.
fn mounted(fs: &FileSystem<'_>, net: &mut dyn Surroundings) -> Vec<(&'static str, u64, u64, String, bool)> {
    let (total, used) = net.disk();
    let (total, used) = (total >> 10, used >> 10);
    let memory = net.memory().0 >> 10;
    let own = fs.root.bytes() >> 10;
    let mut rows = vec![
        ("overlay", total, used + own, "/".to_owned(), !fs.user.read_only_root),
        ("tmpfs", 65536, 0, "/dev".to_owned(), true),
    ];
    let mut mounts: Vec<_> = fs.mounts.iter().filter(|m| m.volume < fs.volumes.len()).collect();
    mounts.sort_by(|a, b| a.path.cmp(&b.path));
    for m in mounts {
        let files = &fs.volumes[m.volume];
        let row = match files.most() {
            Some(most) => ("tmpfs", most >> 10, files.bytes() >> 10),
            None if m.path.contains("/secrets/") => ("tmpfs", memory, files.bytes() >> 10),
            None => ("/dev/vda1", total, used),
        };
        rows.push((row.0, row.1, row.2, m.path.to_string(), !m.read_only));
    }
    for file in ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"] {
        rows.push(("/dev/vda1", total, used, file.to_owned(), true));
    }
    rows
}

fn df(fs: &FileSystem<'_>, h: bool, net: &mut dyn Surroundings) -> Done {
    let mut out = match h {
        true => "Filesystem                Size      Used Available Use% Mounted on\n".to_owned(),
        false => "Filesystem           1K-blocks      Used Available Use% Mounted on\n".to_owned(),
    };
    for (source, total, used, path, _) in mounted(fs, net) {
        let n = |kib: u64| if h { human(kib) } else { kib.to_string() };
        let share = (used * 100).div_ceil(total.max(1));
        let _ = writeln!(
            out,
            "{source:<20} {:>9} {:>9} {:>9} {share:>3}% {path}",
            n(total),
            n(used),
            n(total.saturating_sub(used))
        );
    }
    Done::say(out)
}

fn mount(fs: &FileSystem<'_>) -> Done {
    let mut out = String::new();
    let how = |writes: bool| if writes { "rw" } else { "ro" };
    let _ = writeln!(out, "overlay on / type overlay ({},relatime)", how(!fs.user.read_only_root));
    out += "proc on /proc type proc (rw,nosuid,nodev,noexec,relatime)\ntmpfs on /dev type tmpfs (rw,nosuid,size=65536k,mode=755)\n\
            sysfs on /sys type sysfs (ro,nosuid,nodev,noexec,relatime)\n";
    for m in fs.mounts.iter().filter(|m| m.volume < fs.volumes.len()) {
        let (source, kind) = match fs.volumes[m.volume].most() {
            Some(_) => ("tmpfs", "tmpfs"),
            None if m.path.contains("/secrets/") => ("tmpfs", "tmpfs"),
            None => ("/dev/vda1", "ext4"),
        };
        let _ = writeln!(out, "{source} on {} type {kind} ({},relatime)", m.path, how(!m.read_only));
    }
    for file in ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"] {
        let _ = writeln!(out, "/dev/vda1 on {file} type ext4 (rw,relatime)");
    }
    Done::say(out)
}

fn user_name(fs: &FileSystem<'_>) -> String {
    if fs.user.uid == 0 { "root".into() } else { fs.user.uid.to_string() }
}

/// The container's processes, and this one.
fn listed(g: &Given<'_>, net: &mut dyn Surroundings) -> Vec<(u32, String)> {
    let mut all = net.processes();
    let next = all.iter().map(|(pid, _)| *pid).max().unwrap_or(0) + 6;
    let own = std::iter::once(g.name).chain(g.args.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    all.push((next, own));
    all
}

fn ps(g: &Given<'_>, fs: &FileSystem<'_>, net: &mut dyn Surroundings) -> Done {
    let user = user_name(fs);
    let all = listed(g, net);
    let wide = g.args.iter().any(|a| matches!(a.as_str(), "aux" | "-aux" | "auxw" | "auxww"));
    let full = g.args.iter().any(|a| a == "-ef" || a == "-e" || a == "-f");
    // procps is what images of Debian's kind have
    if wide && !net.busybox() {
        let rows: String = all
            .iter()
            .map(|(pid, l)| format!("{user:<8} {pid:>7}  0.0  0.0   4400  1024 ?        Ss   00:00   0:00 {l}\n"))
            .collect();
        return Done::say(format!(
            "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n{rows}"
        ));
    }
    if full && !net.busybox() {
        let rows: String =
            all.iter().map(|(pid, l)| format!("{user:<8} {pid:>7}       0  0 00:00 ?        00:00:00 {l}\n")).collect();
        return Done::say(format!("UID          PID    PPID  C STIME TTY          TIME CMD\n{rows}"));
    }
    let rows: String = all.iter().map(|(pid, l)| format!("{pid:>5} {user:<8}  0:00 {l}\n")).collect();
    Done::say(format!("PID   USER     TIME  COMMAND\n{rows}"))
}

fn top(g: &Given<'_>, fs: &FileSystem<'_>, net: &mut dyn Surroundings) -> Done {
    let (total, used) = net.memory();
    let user = user_name(fs);
    let rows: String = listed(g, net)
        .iter()
        .map(|(pid, l)| {
            let state = if l.starts_with("top") { 'R' } else { 'S' };
            format!("{pid:>5}     0 {user:<8} {state}     4400   0%   0   0% {l}\n")
        })
        .collect();
    let out = format!(
        "Mem: {}K used, {}K free, 0K shrd, 0K buff, {}K cached\nCPU:   0% usr   0% sys   0% nic 100% idle   0% io   0% irq   0% sirq\nLoad average: 0.00 0.00 0.00 1/100 7\n  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\n{rows}",
        used >> 10,
        total.saturating_sub(used) >> 10,
        (total / 10) >> 10
    );
    let once = g.args.iter().any(|a| a.starts_with("-n") || a.starts_with("-b") || a.contains("n1"));
    Done { forever: !once, ..Done::say(out) }
}

fn sockets(g: &Given<'_>, net: &mut dyn Surroundings) -> Done {
    let ports = net.listening();
    if g.name == "ss" {
        let rows: String = ports
            .iter()
            .map(|p| format!("tcp    LISTEN     0      4096      0.0.0.0:{p:<5}            0.0.0.0:*\n"))
            .collect();
        return Done::say(format!("Netid  State      Recv-Q Send-Q Local Address:Port      Peer Address:Port\n{rows}"));
    }
    let rows: String = ports
        .iter()
        .map(|p| {
            let local = format!("0.0.0.0:{p}");
            format!("tcp        0      0 {local:<23} 0.0.0.0:*               LISTEN      \n")
        })
        .collect();
    let which =
        if g.args.iter().any(|a| a.starts_with('-') && a.contains('l')) { "only servers" } else { "w/o servers" };
    let rows = if which == "only servers" || g.args.iter().any(|a| a.starts_with('-') && a.contains('a')) {
        rows
    } else {
        String::new()
    };
    Done::say(format!(
        "Active Internet connections ({which})\nProto Recv-Q Send-Q Local Address           Foreign Address         State       \n{rows}"
    ))
}

/// The own address, and those of its network: the router's and the broadcast's.
fn own(net: &mut dyn Surroundings) -> (String, String, String, String) {
    let name = net.hostname();
    let ip = net.resolve(&name).into_iter().next().unwrap_or_else(|| "127.0.0.1".into());
    let net24 = ip.rsplit_once('.').map_or("127.0.0", |(n, _)| n).to_owned();
    let hex: Vec<String> = ip.split('.').filter_map(|b| b.parse::<u8>().ok()).map(|b| format!("{b:02x}")).collect();
    (ip, format!("{net24}.1"), format!("{net24}.255"), format!("0a:58:{}", hex.join(":")))
}

fn ip(plain: &[&str], net: &mut dyn Surroundings) -> Done {
    let (address, router, broadcast, mac) = own(net);
    match plain.first().copied().unwrap_or_default() {
        "r" | "ro" | "route" => {
            let base = router.trim_end_matches('1');
            Done::say(format!("default via {router} dev eth0 \n{base}0/24 dev eth0 scope link  src {address} \n"))
        }
        "a" | "ad" | "addr" | "address" | "l" | "link" => {
            let inet = |text: String| if plain[0].starts_with('a') { text } else { String::new() };
            Done::say(format!(
                "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n{}2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue \n    link/ether {mac} brd ff:ff:ff:ff:ff:ff\n{}",
                inet("    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n".into()),
                inet(format!(
                    "    inet {address}/24 brd {broadcast} scope global eth0\n       valid_lft forever preferred_lft forever\n"
                ))
            ))
        }
        "" => Done::fail(1, "Usage: ip [OPTIONS] address|route|link"),
        other => Done::fail(1, format!("ip: can't find device '{other}'")),
    }
}

fn ifconfig(net: &mut dyn Surroundings) -> Done {
    let (address, _, broadcast, mac) = own(net);
    Done::say(format!(
        "eth0      Link encap:Ethernet  HWaddr {}  \n          inet addr:{address}  Bcast:{broadcast}  Mask:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n\nlo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n\n",
        mac.to_uppercase()
    ))
}

fn ping(g: &Given<'_>, net: &mut dyn Surroundings) -> Done {
    let (mut count, mut wait, mut host, mut rest) = (None, 10u64, None, g.args.iter());
    while let Some(a) = rest.next() {
        let value = |glued: &str, rest: &mut std::slice::Iter<'_, String>| match glued {
            "" => rest.next().and_then(|v| v.parse::<u64>().ok()),
            v => v.parse().ok(),
        };
        match a.as_str() {
            a if a.starts_with("-c") => count = value(&a[2..], &mut rest),
            a if a.starts_with("-W") || a.starts_with("-w") => wait = value(&a[2..], &mut rest).unwrap_or(wait),
            a if a.starts_with("-i") || a.starts_with("-s") => {
                value(&a[2..], &mut rest);
            }
            a if a.starts_with('-') => {}
            a => host = Some(a.to_owned()),
        }
    }
    let Some(host) = host else { return Done::fail(1, "ping: missing operand") };
    let Some(ip) = net.resolve(&host).into_iter().next() else {
        return Done::fail(1, format!("ping: bad address '{host}'"));
    };
    let n = count.unwrap_or(4).clamp(1, 60);
    let answers = net.pings(&ip);
    let mut out = format!("PING {host} ({ip}): 56 data bytes\n");
    for i in (0..n).filter(|_| answers) {
        let _ = writeln!(out, "64 bytes from {ip}: seq={i} ttl=62 time=0.{:03} ms", 90 + (i * 37) % 60);
    }
    let (came, lost) = if answers { (n, 0) } else { (0, 100) };
    let _ = write!(
        out,
        "\n--- {host} ping statistics ---\n{n} packets transmitted, {came} packets received, {lost}% packet loss\n"
    );
    if answers {
        out += "round-trip min/avg/max = 0.090/0.118/0.149 ms\n";
    }
    let takes = SimDuration::from_secs(n - 1 + if answers { 0 } else { wait });
    Done { takes, code: i32::from(!answers), ..Done::say(out) }
}

fn dig(g: &Given<'_>, plain: &[&str], net: &mut dyn Surroundings) -> Done {
    let short = g.args.iter().any(|a| a == "+short");
    let searches = g.args.iter().any(|a| a == "+search");
    let kinds = ["A", "AAAA", "SRV", "CNAME", "ANY"];
    let mut words = plain.iter().filter(|p| !p.starts_with(['+', '@']) && !p.eq_ignore_ascii_case("IN"));
    let kind = words
        .clone()
        .find(|p| kinds.iter().any(|k| p.eq_ignore_ascii_case(k)))
        .map_or("A".into(), |k| k.to_ascii_uppercase());
    let Some(name) = words.find(|p| !kinds.iter().any(|k| p.eq_ignore_ascii_case(k))) else {
        return Done::fail(1, "dig: missing operand");
    };
    // a name is taken as it is, unless it is told to search
    let asked = if searches { (*name).to_owned() } else { format!("{}.", name.trim_end_matches('.')) };
    let mut full = net.canonical(&asked).unwrap_or_else(|| name.trim_end_matches('.').to_owned());
    let records: Vec<String> = match kind.as_str() {
        "SRV" => match net.services(&asked) {
            Some((found, list)) => {
                full = found;
                let weight = 100 / list.len().max(1);
                list.iter().map(|(port, target)| format!("0 {weight} {port} {target}.")).collect()
            }
            None => vec![],
        },
        "AAAA" => vec![],
        "CNAME" => net.alias(&asked).map(|(_, to)| format!("{to}.")).into_iter().collect(),
        _ => net.resolve(&asked),
    };
    if !net.names_answer() {
        return Done {
            code: 9,
            takes: crate::clock::SimDuration::from_secs(15),
            ..Done::say(format!(
                "\n; <<>> DiG 9.18 <<>> {}\n;; global options: +cmd\n;; connection timed out; no servers could be reached\n",
                g.args.join(" ")
            ))
        };
    }
    let alias = if kind == "A" { net.alias(&asked).map(|(_, to)| to) } else { None };
    if short {
        let first = alias.map_or(String::new(), |to| format!("{to}.\n"));
        return Done::say(records.iter().fold(first, |s, r| s + r + "\n"));
    }
    let status = if records.is_empty() && net.resolve(&asked).is_empty() { "NXDOMAIN" } else { "NOERROR" };
    let mut out = format!(
        "\n; <<>> DiG 9.18 <<>> {}\n;; global options: +cmd\n;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {status}, id: 4711\n;; flags: qr aa rd; QUERY: 1, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: 1\n\n;; QUESTION SECTION:\n;{full}.\tIN\t{kind}\n\n",
        g.args.join(" "),
        records.len(),
        u32::from(records.is_empty())
    );
    if records.is_empty() {
        out += ";; AUTHORITY SECTION:\ncluster.local.\t\t30\tIN\tSOA\tns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30\n\n";
    } else {
        out += ";; ANSWER SECTION:\n";
        if let Some(to) = &alias {
            let _ = writeln!(out, "{full}.\t30\tIN\tCNAME\t{to}.");
        }
        for r in &records {
            let owner = alias.as_ref().unwrap_or(&full);
            let _ = writeln!(out, "{owner}.\t30\tIN\t{kind}\t{r}");
        }
        out.push('\n');
    }
    let _ = write!(
        out,
        ";; Query time: 0 msec\n;; SERVER: 10.96.0.10#53(10.96.0.10) (UDP)\n;; MSG SIZE  rcvd: {}\n\n",
        60 + 40 * records.len().max(1)
    );
    Done::say(out)
}

fn sums(g: &Given<'_>, fs: &FileSystem<'_>, plain: &[&str]) -> Done {
    let sum = match g.name {
        "md5sum" => hex::<md5::Md5>,
        "sha1sum" => hex::<sha1::Sha1>,
        "sha512sum" => hex::<sha2::Sha512>,
        _ => hex::<sha2::Sha256>,
    };
    let mut d = Done::default();
    if g.args.iter().any(|a| a == "-c" || a == "--check") {
        for f in plain {
            let Ok(list) = fs.read(&normalize(g.cwd, f)) else {
                return Done::fail(1, format!("{}: can't open '{f}': No such file or directory", g.name));
            };
            for (wanted, name) in list.lines().filter_map(|l| l.split_once("  ")) {
                let fits = fs.read(&normalize(g.cwd, name)).is_ok_and(|text| sum(text.as_bytes()) == wanted);
                d.out += &format!("{name}: {}\n", if fits { "OK" } else { "FAILED" });
                d.code |= i32::from(!fits);
            }
        }
        return d;
    }
    if plain.is_empty() {
        return Done::say(format!("{}  -\n", sum(g.input.as_bytes())));
    }
    for f in plain {
        match fs.get(&normalize(g.cwd, f)) {
            Some(Entry::File(text)) => d.out += &format!("{}  {f}\n", sum(text.as_bytes())),
            Some(Entry::Zeros(n)) => d.out += &format!("{}  {f}\n", sum(&vec![0; n.min(1 << 20) as usize])),
            Some(Entry::Dir | Entry::Link(_)) => {
                d.err += &format!("{}: read error: Is a directory\n", g.name);
                d.code = 1;
            }
            None => {
                d.err += &format!("{}: can't open '{f}': No such file or directory\n", g.name);
                d.code = 1;
            }
        }
    }
    d
}

/// A digest as the tools print it.
fn hex<D: Digest>(bytes: &[u8]) -> String {
    D::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_what_they_have() {
        for (image, program, there) in [
            ("nginx:1.27", "ps", false),
            ("nginx:1.27-alpine", "ps", true),
            ("busybox:1.36", "vi", true),
            ("busybox:1.36", "apk", false),
            ("alpine", "apk", true),
            ("ubuntu:24.04", "top", true),
            ("ubuntu:24.04", "ping", false),
            ("debian", "apt-get", true),
            ("redis:7", "redis-cli", true),
            ("nginx", "redis-cli", false),
            ("nicolaka/netshoot", "ss", true),
            ("busybox", "bash", false),
            ("alpine:3", "curl", false),
            ("nginx:alpine", "curl", true),
        ] {
            assert_eq!(!lacks(image, program), there, "{image} {program}");
        }
    }
}
