//! Package managers: `apt`, `apk`. The mirrors are outside of the cluster and have what people fetch to look around;
//! what is installed is a file below `/usr/bin`, and goes with the container. Their outputs follow apt and apk.

use super::utilities::{Done, Given};
use super::{NetProblem, Surroundings};
use crate::clock::SimDuration;
use crate::runtime::files::FileSystem;

/// Packages by name and the programs that come with each.
const PACKAGES: &[(&str, &str, &str)] = &[
    ("curl", "curl", "8.14.1"),
    ("wget", "wget", "1.25.0"),
    ("procps procps-ng", "ps top free pgrep", "4.0.4"),
    ("iputils-ping inetutils-ping iputils", "ping", "20240905"),
    ("dnsutils bind9-dnsutils bind9-host bind-tools bind9-utils", "dig nslookup host", "9.20.11"),
    ("net-tools", "netstat ifconfig", "2.10"),
    ("iproute2", "ip ss", "6.15.0"),
    ("netcat netcat-openbsd netcat-traditional ncat nmap-ncat", "nc ncat netcat", "1.229"),
    ("telnet inetutils-telnet busybox-extras", "telnet", "2.6"),
    ("traceroute inetutils-traceroute", "traceroute", "2.1.6"),
    ("vim vim-tiny vim-nox", "vim vi", "9.1.1230"),
    ("nano", "nano", "8.4"),
    ("less", "less", "668"),
    ("redis redis-tools redis-server", "redis-cli", "8.0.2"),
    ("mysql-client default-mysql-client mariadb-client", "mysql mysqladmin", "11.8.3"),
    ("postgresql-client", "psql pg_isready", "17"),
    ("bash", "bash", "5.2.37"),
    ("jq", "jq", "1.7.1"),
    (
        "ca-certificates gnupg gnupg2 git python3 openssl tree htop tcpdump iperf3 siege apache2-utils sudo tzdata \
         apt-transport-https software-properties-common amqp-tools lsb-release unzip build-essential stress nmap",
        "",
        "1.0",
    ),
];
/// Where apt keeps what its mirror has.
const LISTS: &str = "/var/lib/apt/lists/deb.debian.org_debian_dists_stable_main_Packages";

/// Has somebody installed a program that the image does not have?
pub(super) fn installed(fs: &FileSystem<'_>, program: &str) -> bool {
    fs.get(&place(program)).is_some()
}

/// Where an installed program lies.
pub(crate) fn place(program: &str) -> String {
    format!("/usr/bin/{program}")
}

fn find(name: &str) -> Option<(&'static str, &'static str)> {
    let hit = PACKAGES.iter().find(|(names, ..)| names.split_whitespace().any(|n| n == name))?;
    Some((hit.1, hit.2))
}

fn put(fs: &mut FileSystem<'_>, programs: &str) {
    for p in programs.split_whitespace() {
        for dir in ["/usr", "/usr/bin"] {
            // it is there but in the smallest of roots
            let _ = fs.mkdir(dir);
        }
        let _ = fs.write(&place(p), "\u{7f}ELF\n", false);
    }
}

pub(super) fn run(g: &Given<'_>, fs: &mut FileSystem<'_>, plain: &[&str], net: &mut dyn Surroundings) -> Done {
    let Some((verb, names)) = plain.split_first() else { return Done::default() };
    let apk = g.name == "apk";
    let changes = matches!(*verb, "update" | "install" | "add" | "upgrade" | "remove" | "del" | "dist-upgrade");
    if changes && fs.user.uid != 0 {
        return match apk {
            true => Done::fail(
                99,
                "ERROR: Unable to lock database: Permission denied\nERROR: Failed to open apk database: Permission denied",
            ),
            false => Done::fail(
                100,
                "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?",
            ),
        };
    }
    let host = match () {
        () if apk => "dl-cdn.alpinelinux.org",
        () if net.image().contains("ubuntu") => "archive.ubuntu.com",
        () => "deb.debian.org",
    };
    let reached = if changes { net.get(&format!("http://{host}/"), None, fs).map(|_| ()) } else { Ok(()) };
    if apk { alpine(verb, names, reached, fs) } else { debian(verb, names, host, reached, fs) }
}

fn debian(verb: &str, names: &[&str], host: &str, reached: Result<(), NetProblem>, fs: &mut FileSystem<'_>) -> Done {
    let takes = SimDuration::from_secs(3);
    match verb {
        "update" if reached.is_ok() => {
            for dir in ["/var/lib/apt", "/var/lib/apt/lists"] {
                let _ = fs.mkdir(dir);
            }
            let _ = fs.write(LISTS, "Package: curl\n", false);
            Done {
                takes,
                ..Done::say(format!(
                    "Get:1 http://{host} stable InRelease [140 kB]\nGet:2 http://{host} stable-updates InRelease [47.3 kB]\nGet:3 http://{host} \
                     stable/main amd64 Packages [9670 kB]\nFetched 9857 kB in 2s (4929 kB/s)\nReading package lists... Done\n"
                ))
            }
        }
        "update" => Done {
            out: format!(
                "Ign:1 http://{host} stable InRelease\nErr:1 http://{host} stable InRelease\n  Temporary failure resolving '{host}'\nReading package lists... Done\n"
            ),
            err: format!(
                "W: Failed to fetch http://{host}/dists/stable/InRelease  Temporary failure resolving '{host}'\nW: Some index files failed to download. They have been ignored, or old ones used instead.\n"
            ),
            takes,
            ..Done::default()
        },
        "install" => {
            let begin =
                "Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n";
            let listed = fs.get(LISTS).is_some();
            let missing: Vec<&&str> = names.iter().filter(|n| !listed || find(n).is_none()).collect();
            if !missing.is_empty() {
                let why: Vec<String> = missing.iter().map(|n| format!("E: Unable to locate package {n}")).collect();
                return Done { out: begin.into(), ..Done::fail(100, why.join("\n")) };
            }
            if reached.is_err() {
                let why = format!(
                    "E: Failed to fetch http://{host}/pool/main  Temporary failure resolving '{host}'\nE: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?"
                );
                return Done { out: begin.into(), takes, ..Done::fail(100, why) };
            }
            let mut out = begin.to_owned();
            let known: Vec<(&str, &str, &str)> =
                names.iter().filter_map(|n| find(n).map(|(programs, version)| (*n, programs, version))).collect();
            let there = |programs: &str| !programs.is_empty() && programs.split(' ').all(|p| installed(fs, p));
            let (old, new): (Vec<_>, Vec<_>) = known.into_iter().partition(|(_, programs, _)| there(programs));
            for (name, _, version) in old {
                out += &format!("{name} is already the newest version ({version}-1).\n");
            }
            if !new.is_empty() {
                let list: Vec<&str> = new.iter().map(|(n, ..)| *n).collect();
                out += &format!("The following NEW packages will be installed:\n  {}\n", list.join(" "));
            }
            out += &format!("0 upgraded, {} newly installed, 0 to remove and 0 not upgraded.\n", new.len());
            for (name, programs, version) in &new {
                out += &format!("Unpacking {name} ({version}-1) ...\nSetting up {name} ({version}-1) ...\n");
                put(fs, programs);
            }
            Done { takes, ..Done::say(out) }
        }
        "upgrade" | "dist-upgrade" => {
            Done::say("Reading package lists... Done\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
        }
        "remove" | "purge" | "autoremove" => {
            for p in names.iter().filter_map(|n| find(n)).flat_map(|(programs, _)| programs.split_whitespace()) {
                let _ = fs.remove(&place(p));
            }
            Done::say("Reading package lists... Done\n")
        }
        "clean" | "autoclean" => Done::default(),
        other => Done::fail(100, format!("E: Invalid operation {other}")),
    }
}

fn alpine(verb: &str, names: &[&str], reached: Result<(), NetProblem>, fs: &mut FileSystem<'_>) -> Done {
    let index = "https://dl-cdn.alpinelinux.org/alpine/v3.22/main/x86_64/APKINDEX.tar.gz";
    let fetched = format!("fetch {index}\n");
    let takes = SimDuration::from_secs(if reached.is_ok() { 1 } else { 5 });
    let missing = |names: &[&str]| -> String {
        let list = names.iter().filter(|n| reached.is_err() || find(n).is_none());
        list.map(|p| format!("  {p} (no such package):\n    required by: world[{p}]\n")).collect()
    };
    let warned = match reached {
        Ok(()) => String::new(),
        Err(_) => format!("WARNING: fetching {index}: DNS: transient error (try again later)\n"),
    };
    match verb {
        "add" => {
            let lost = missing(names);
            if !lost.is_empty() {
                return Done {
                    out: fetched,
                    err: format!("{warned}ERROR: unable to select packages:\n{lost}"),
                    code: 1,
                    takes,
                    ..Done::default()
                };
            }
            let mut out = fetched;
            let names: Vec<&&str> = names.iter().collect();
            for (i, name) in names.iter().enumerate() {
                let Some((programs, version)) = find(name) else { continue };
                out += &format!("({}/{}) Installing {name} ({version}-r0)\n", i + 1, names.len());
                put(fs, programs);
            }
            out += "Executing busybox-1.37.0-r18.trigger\nOK: 13 MiB in 24 packages\n";
            Done { takes, ..Done::say(out) }
        }
        "update" if reached.is_ok() => Done {
            takes,
            ..Done::say(format!(
                "{fetched}v3.22.1-0-g0000000 [https://dl-cdn.alpinelinux.org/alpine/v3.22/main]\nOK: 26326 distinct packages available\n"
            ))
        },
        "update" => Done {
            out: fetched,
            err: format!("{warned}4 unavailable, 0 stale; 14 distinct packages available\n"),
            code: 4,
            takes,
            ..Done::default()
        },
        "del" => {
            for p in names.iter().filter_map(|n| find(n)).flat_map(|(programs, _)| programs.split_whitespace()) {
                let _ = fs.remove(&place(p));
            }
            Done::say("OK: 10 MiB in 15 packages\n")
        }
        "upgrade" => Done { takes, ..Done::say("OK: 10 MiB in 15 packages\n") },
        other => Done::fail(1, format!("ERROR: '{other}' is not an apk command. See 'apk --help'.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimTime;
    use crate::runtime::files::{Files, User};

    /// A container whose mirror answers, or does not.
    struct Net(bool);

    impl Surroundings for Net {
        fn hostname(&self) -> String {
            "c".into()
        }
        fn resolve(&mut self, _: &str) -> Vec<String> {
            vec![]
        }
        fn connect(&mut self, _: &str, _: u16, _: bool) -> Result<(), NetProblem> {
            Err(NetProblem::Refused)
        }
        fn get(&mut self, _: &str, _: Option<&str>, _: &FileSystem<'_>) -> Result<(u16, String), NetProblem> {
            if self.0 { Ok((200, String::new())) } else { Err(NetProblem::UnknownHost) }
        }
    }

    #[test]
    fn what_is_installed_is_there() {
        let mut root = Files::root();
        let mut fs = FileSystem { user: User::root(), root: &mut root, mounts: &[], volumes: &mut [] };
        let said = |line: &str, fs: &mut FileSystem<'_>, online: bool| {
            let args: Vec<String> = line.split(' ').skip(1).map(str::to_owned).collect();
            let plain: Vec<&str> = args.iter().map(String::as_str).filter(|a| !a.starts_with('-')).collect();
            let name = line.split(' ').next().unwrap_or_default();
            let g = Given { name, args: &args, input: "", cwd: "/", now: SimTime::ZERO };
            let d = run(&g, fs, &plain, &mut Net(online));
            (d.code, d.out + &d.err)
        };
        // an image has no lists
        assert_eq!(said("apt-get install -y curl", &mut fs, true).0, 100);
        assert!(said("apt-get update", &mut fs, false).1.contains("Temporary failure resolving"));
        assert_eq!(said("apt-get update", &mut fs, true).0, 0);
        let (code, text) = said("apt-get install -y curl procps", &mut fs, true);
        assert!(code == 0 && text.contains("Setting up curl"), "{text}");
        assert!(installed(&fs, "curl") && installed(&fs, "ps") && !installed(&fs, "dig"));
        assert!(said("apt install curl", &mut fs, true).1.contains("curl is already the newest version"));
        assert_eq!(said("apt install nosuch", &mut fs, true), (100, "Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\nE: Unable to locate package nosuch\n".into()));
        assert!(said("apk add --no-cache bind-tools", &mut fs, true).1.contains("(1/1) Installing bind-tools"));
        assert!(installed(&fs, "dig"));
        assert_eq!(said("apk add jq", &mut fs, false).0, 1);
    }
}
