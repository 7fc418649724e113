//! What a container takes of its node: what its manifest asks for and allows, what its image and its command come to
//! use. Pure.

use crate::api::quantity::Quantity;
use crate::runtime::images::Image;
use k8s_openapi::api::core::v1::Container;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use std::collections::BTreeMap;

/// CPU in millicores, memory and disk in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Requests of CPU; 0: none.
    pub cpu_request: u64,
    /// Limit of CPU.
    pub cpu_limit: Option<u64>,
    /// Requests of memory; 0: none.
    pub memory_request: u64,
    /// Limit of memory.
    pub memory_limit: Option<u64>,
    /// Limit of local ephemeral storage.
    pub disk_limit: Option<u64>,
    /// Requests of local ephemeral storage; 0: none.
    pub disk_request: u64,
    /// CPU that it takes all the time.
    pub idle: u64,
    /// Microseconds of CPU that a request costs.
    pub cost: u64,
    /// Memory that it comes to use.
    pub memory: u64,
}

/// The most of anything: so much more than any node has that larger amounts make no difference, and so little that those
/// of thousands of containers can be added.
pub const MOST_BYTES: u64 = 1 << 50;
const MOST_MILLICORES: u64 = 1 << 40;

/// Memory or disk that a manifest asks for or allows.
pub fn bytes(written: i64) -> u64 {
    u64::try_from(written).unwrap_or(0).min(MOST_BYTES)
}

/// CPU that a manifest asks for or allows.
pub fn millicores(written: i64) -> u64 {
    u64::try_from(written).unwrap_or(0).min(MOST_MILLICORES)
}

impl Needs {
    /// Works them out. `shell`: it runs a command of a shell's.
    pub fn new(c: &Container, entry: Option<&Image>, shell: bool) -> Needs {
        let resources = c.resources.as_ref();
        let of = |list: Option<&BTreeMap<String, ApiQuantity>>, key: &str| {
            list.and_then(|l| l.get(key)).and_then(|q| Quantity::parse(&q.0).ok())
        };
        let asked = |key: &str| of(resources.and_then(|r| r.requests.as_ref()), key);
        let most = |key: &str| of(resources.and_then(|r| r.limits.as_ref()), key);
        let bytes = |q: Quantity| bytes(q.value());
        let milli = |q: Quantity| millicores(q.milli_value());
        let words = Words::of(c);
        let memory = match (words.memory(), entry) {
            (Some(m), _) => m,
            (None, _) if shell => SHELL_MEMORY,
            (None, Some(e)) => e.uses(),
            (None, None) => SERVER_MEMORY,
        };
        let idle = words.cpu().unwrap_or_else(|| if shell { 0 } else { entry.map_or(1, |e| e.idle) });
        Needs {
            cpu_request: asked("cpu").map_or(0, milli),
            cpu_limit: most("cpu").map(milli).filter(|l| *l > 0),
            memory_request: asked("memory").map_or(0, bytes),
            memory_limit: most("memory").map(bytes).filter(|l| *l > 0),
            disk_request: asked("ephemeral-storage").map_or(0, bytes),
            disk_limit: most("ephemeral-storage").map(bytes).filter(|l| *l > 0),
            idle,
            cost: entry.map_or(DEFAULT_COST, |e| if e.cost > 0 { e.cost } else { DEFAULT_COST }),
            memory: memory.min(MOST_BYTES),
        }
    }

    /// Bytes by which it needs more than it may have, if its command or its image say so.
    pub fn starves(&self, c: &Container, entry: Option<&Image>) -> bool {
        let least = Words::of(c).memory().or_else(|| entry.map(|e| e.memory)).unwrap_or(0);
        self.memory_limit.is_some_and(|limit| least > limit)
    }

    /// `Guaranteed` if all that counts for one container does: limits of both, and requests equal to them.
    pub fn guaranteed(&self) -> bool {
        self.cpu_limit == Some(self.cpu_request) && self.memory_limit == Some(self.memory_request)
    }

    /// It asks for nothing.
    pub fn best_effort(&self) -> bool {
        self.cpu_request == 0 && self.memory_request == 0 && self.cpu_limit.is_none() && self.memory_limit.is_none()
    }
}

/// Memory of a server that nobody knows.
const SERVER_MEMORY: u64 = 12 << 20;
/// Memory of a shell.
const SHELL_MEMORY: u64 = 640 << 10;
/// Microseconds of CPU that a request to most servers costs.
const DEFAULT_COST: u64 = 400;

/// The words of a command that load a machine on purpose.
struct Words(Vec<String>);

impl Words {
    fn of(c: &Container) -> Words {
        let all = c.command.iter().flatten().chain(c.args.iter().flatten());
        Words(all.flat_map(|w| w.split_whitespace()).map(|w| w.trim_matches(['"', '\'', ';']).to_owned()).collect())
    }

    fn stresses(&self) -> bool {
        self.0.iter().any(|w| {
            let base = w.rsplit('/').next().unwrap_or(w);
            base == "stress" || base == "stress-ng" || base.starts_with("--vm") || base.ends_with("-mem-total")
        })
    }

    /// What stands behind one of these flags, where it means something.
    fn after<T>(&self, flags: &[&str], read: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.0.iter().enumerate().find_map(|(i, w)| match w.split_once('=') {
            Some((flag, value)) if flags.contains(&flag) => read(value),
            None if flags.contains(&w.as_str()) => read(self.0.get(i + 1)?),
            _ => None,
        })
    }

    /// Bytes of memory that it comes to use.
    fn memory(&self) -> Option<u64> {
        // a stream without lines has an endless last line
        if self.0.windows(2).any(|w| w[0] == "tail" && w[1] == "/dev/zero") {
            return Some(u64::MAX);
        }
        // another stress program's words
        let total = |t: &str| Quantity::parse(t).ok().map(|q| q.value().max(0) as u64);
        if let Some(total) = self.after(&["-mem-total", "--mem-total"], total) {
            return Some(total);
        }
        let workers = self.after(&["--vm", "-m"], |n| n.parse::<u64>().ok()).filter(|_| self.stresses());
        let each = self.after(&["--vm-bytes"], |t| Some(bytes_of(t)));
        match (workers, each) {
            (None, None) => None,
            (workers, each) => Some(workers.unwrap_or(1).saturating_mul(each.unwrap_or(256 << 20))),
        }
    }

    /// Millicores that it takes all the time.
    fn cpu(&self) -> Option<u64> {
        let number = |t: &str| t.parse::<u64>().ok().map(|n| n.min(1024));
        if let Some(n) = self.after(&["-cpus", "--cpus"], number) {
            return Some(n * 1000);
        }
        if !self.stresses() {
            return None;
        }
        let cpu = self.after(&["--cpu", "-c"], number).unwrap_or(0);
        let io = self.after(&["--io", "-i"], number).unwrap_or(0);
        let vm = self.after(&["--vm", "-m"], number).unwrap_or(0);
        // a worker that holds its memory for seconds has little to do in between
        let hangs = self.0.iter().any(|w| w.starts_with("--vm-hang") || w == "--vm-keep");
        Some(cpu * 1000 + io * 200 + vm * if hangs { 60 } else { 1000 })
    }
}

/// `150M` as stress reads it: powers of 1024.
fn bytes_of(text: &str) -> u64 {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => 0,
    };
    digits.parse::<u64>().unwrap_or(0).saturating_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(words: &[&str]) -> Needs {
        let args = words.iter().map(|w| (*w).to_owned()).collect();
        Needs::new(&Container { args: Some(args), ..Container::default() }, None, false)
    }

    #[test]
    fn words_of_the_documentation() {
        let n = needs(&["stress", "--vm", "1", "--vm-bytes", "150M", "--vm-hang", "1"]);
        assert_eq!((n.memory, n.idle), (150 << 20, 60));
        assert_eq!(needs(&["-cpus", "2"]).idle, 2000);
        let n = needs(&["sh", "-c", "stress-ng --cpu 2 --vm 2 --vm-bytes=64M"]);
        assert_eq!((n.memory, n.idle), (128 << 20, 4000));
        assert_eq!(needs(&["python", "-m", "http.server"]).memory, SERVER_MEMORY);
    }
}
