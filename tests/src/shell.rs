//! Commands carried out by a real kubectl against the core behind HTTP.

use crate::case::Ended;
use crate::http;
use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::cluster::Cluster;
use regex_lite::Regex;
use serde_json::Value;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A working directory, a kubeconfig and a port for one cluster's kubectl.
pub struct Shell {
    directory: PathBuf,
    server: tiny_http::Server,
}

/// The kubectl of this machine: `$KUBECTL`, or what the path has. `None`: there is none.
pub fn installed() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("KUBECTL") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|d| d.join("kubectl")).find(|p| p.is_file())
}

/// Minor version of a kubectl.
pub fn minor(kubectl: &Path) -> Option<u32> {
    let out = Command::new(kubectl).args(["version", "--client", "-o", "json"]).output().ok()?;
    let v: Value = serde_json::from_slice(&out.stdout).ok()?;
    v["clientVersion"]["minor"].as_str()?.trim_end_matches('+').parse().ok()
}

/// What an older kubectl says otherwise by itself, with the version that changed it. Everything else has to be equal.
struct Change {
    /// Since when it is as in the recordings.
    since: u32,
    /// What the newer one says: a pattern for a line.
    pattern: &'static str,
    /// As the older one says it; none: it says nothing.
    older: Option<&'static str>,
    /// Of which commands.
    of: &'static str,
}

const CHANGES: &[Change] = &[
    // deletions name the namespace
    Change { since: 33, pattern: r"( deleted| force deleted) from \S+ namespace", older: Some("$1"), of: "" },
    // a rollback warns of last-applied
    Change { since: 33, pattern: r"^.*was previously managed with 'kubectl apply'.*$", older: None, of: "rollout" },
    // kyaml is one more format
    Change { since: 34, pattern: r", ?kyaml", older: Some(""), of: "" },
    // describe called the field of a projected ConfigMap by another's name
    Change { since: 33, pattern: r"ConfigMapOptional: <nil>", older: Some("Optional: false"), of: "describe" },
    Change { since: 33, pattern: r"^.*has been deprecated, Use --cpu.*$", older: None, of: "autoscale" },
    // what is to be scaled and is not there was told without the server's word
    Change {
        since: 36,
        pattern: r"^Error from server \(NotFound\): (.*)$",
        older: Some("error: no objects passed to scale $1"),
        of: "scale",
    },
    // mistakes in flags were told by cobra and by the log of component-base
    Change { since: 36, pattern: r"^Error: (unknown .*)$", older: Some("error: $1"), of: "" },
    Change {
        since: 36,
        pattern: r#"^E\d{4} .*"command failed" err="required flag\(s\) \\"([a-z-]+)\\" not set"$"#,
        older: Some("error: required flag(s) \"$1\" not set"),
        of: "",
    },
    // client-go's log of a watch that kubectl's own timeout ended
    Change { since: 36, pattern: r"^W\d{4} .*reflector\.go.*very short watch.*$", older: None, of: "wait" },
];

/// The recordings were made with kubectl 1.36. What an older one is known to say otherwise is made equal on both sides.
pub fn as_older(kubectl: &Path, expected: Value, found: Value) -> (Value, Value) {
    match minor(kubectl) {
        Some(minor) if minor < 36 => (older(minor, expected), older(minor, found)),
        _ => (expected, found),
    }
}

fn older(minor: u32, mut v: Value) -> Value {
    let regex = |pattern: &str| Regex::new(pattern).expect("a pattern that compiles");
    let changes: Vec<(&Change, Regex)> =
        CHANGES.iter().filter(|c| minor < c.since).map(|c| (c, regex(c.pattern))).collect();
    let size = regex(r"^\S+: \d+ bytes$");
    for step in v["steps"].as_array_mut().into_iter().flatten() {
        let command = step["kubectl"].as_str().unwrap_or_default().to_owned();
        for stream in ["stdout", "stderr"] {
            let Some(lines) = step[stream].as_array_mut() else { continue };
            for (change, regex) in changes.iter().filter(|(c, _)| command.starts_with(c.of)) {
                match change.older {
                    None => lines.retain(|l| !l.as_str().is_some_and(|l| regex.is_match(l))),
                    Some(older) => lines.iter_mut().for_each(|l| {
                        *l = regex.replace_all(l.as_str().unwrap_or_default(), older).into();
                    }),
                }
            }
            // cobra ended what it said of an unknown command with an empty line
            let unknown = |l: &Value| l.as_str().is_some_and(|l| l.contains("unknown command"));
            while lines.iter().any(unknown) && lines.last().is_some_and(|l| l == "") {
                lines.pop();
            }
            // before 1.33 `autoscale` had no --cpu: it ends with its usage
            if minor < 33 && command.starts_with("autoscale") && command.contains("--cpu=") {
                lines.clear();
            }
            // before 1.33 `describe` listed the keys of a Secret as Go's maps come
            if minor < 33 && command.starts_with("describe") {
                let is_size = |l: &Value| l.as_str().is_some_and(|l| size.is_match(l));
                let first = lines.iter().position(&is_size).unwrap_or(lines.len());
                let run = lines[first..].iter().take_while(|l| is_size(l)).count();
                lines[first..first + run].sort_by_key(ToString::to_string);
            }
        }
    }
    v
}

impl Shell {
    /// Prepares one; `kubectl` is the program.
    pub fn new(kubectl: &Path) -> Result<Shell, String> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("kubarium-shell-{}-{n}", std::process::id()));
        let say = |e: std::io::Error| e.to_string();
        std::fs::create_dir_all(directory.join("bin")).map_err(say)?;
        std::fs::create_dir_all(directory.join("work")).map_err(say)?;
        let server = http::bind()?;
        let address = server.server_addr().to_ip().ok_or("no address")?;
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n- name: kubarium\n  cluster:\n    server: http://{address}\nusers:\n- name: admin\n  user: {{}}\ncontexts:\n- name: x\n  context:\n    cluster: kubarium\n    user: admin\n"
        );
        std::fs::write(directory.join("config"), config).map_err(say)?;
        let program = std::fs::canonicalize(kubectl).map_err(say)?;
        let script = format!("#!/bin/sh\nexec {} \"$@\"\n", program.display());
        let bin = directory.join("bin/kubectl");
        std::fs::write(&bin, script).map_err(say)?;
        let status = Command::new("chmod").arg("+x").arg(&bin).status().map_err(say)?;
        if !status.success() {
            return Err("chmod failed".into());
        }
        Ok(Shell { directory, server })
    }

    /// Puts a file into the working directory.
    pub fn file(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.directory.join("work").join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| e.to_string())?;
        }
        std::fs::write(path, text).map_err(|e| e.to_string())
    }

    /// Runs a line for at most so long on the cluster's clock.
    pub fn run(
        &self,
        cluster: &mut Cluster,
        line: &str,
        stdin: Option<&str>,
        most: SimDuration,
    ) -> Result<Ended, String> {
        if line.starts_with("rollout restart") {
            // kubectl marks restarts by the second of its own clock, which does not follow the cluster's
            std::thread::sleep(Duration::from_millis(1_100));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = format!("{}:{}", self.directory.join("bin").display(), path.to_string_lossy());
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec kubectl {line}")])
            .current_dir(self.directory.join("work"))
            .env("PATH", path)
            .env("HOME", &self.directory)
            .env("KUBECONFIG", self.directory.join("config"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let deadline = SimTime(cluster.now().0 + most.0);
        let waits = ["rollout status", "wait ", "delete ", "drain ", "logs -f", "replace --force"];
        let pace = match line {
            // times that a command is given are its own, not the cluster's
            l if l.contains("timeout") => 1.0,
            l if waits.iter().any(|w| l.contains(w)) => 4.0,
            // however busy this machine is, asking takes the cluster next to no time
            _ => 0.25,
        };
        let ended = http::serve(&self.server, cluster, pace, |shared| {
            if let Some(mut pipe) = child.stdin.take() {
                // a command that reads nothing may have ended already
                let _ = pipe.write_all(stdin.unwrap_or_default().as_bytes());
            }
            let out = child.stdout.take().map(drain);
            let err = child.stderr.take().map(drain);
            let code = wait(&mut child, || {
                let cluster = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                cluster.now() >= deadline
            });
            let text = |t: Option<std::thread::JoinHandle<String>>| t.and_then(|t| t.join().ok()).unwrap_or_default();
            Ended { code, stdout: text(out), stderr: text(err) }
        });
        Ok(ended)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // what is left behind stands among temporary files
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = vec![];
        let _ = pipe.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// The exit code; `None`: it was stopped because it took too long.
fn wait(child: &mut Child, late: impl Fn() -> bool) -> Option<i32> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.code().unwrap_or(-1));
        }
        if late() {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
