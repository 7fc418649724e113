//! Commands that carry out others, or speak to a server that runs already.

use super::parse::{self, Simple};
use super::{Frame, Machine, Signal, Stream, Thread};
use crate::runtime::{httpd, nginx};
use std::net::Ipv4Addr;
use std::sync::Arc;

impl Machine<'_, '_> {
    /// `xargs`, with `-n` and `-I`: the last of several command lines is carried out as any other, those before it first.
    pub(super) fn xargs(&mut self, t: &mut Thread, args: &[String]) {
        let text = Self::rest_of_input(t);
        let (mut each, mut mark, mut rest) = (None, None, args);
        while let Some(a) = rest.first().filter(|a| a.starts_with('-')) {
            let glued = a.len() > 2;
            let value = if glued { Some(a[2..].to_owned()) } else { rest.get(1).cloned() };
            let takes = a.starts_with("-n") || a.starts_with("-I") || a.starts_with("-P") || a.starts_with("-L");
            match &a[..2.min(a.len())] {
                "-n" => each = value.and_then(|v| crate::text::count(&v)),
                "-I" => mark = value,
                _ => {}
            }
            rest = &rest[1 + usize::from(takes && !glued)..];
        }
        let mut words: Vec<String> = rest.to_vec();
        if words.is_empty() {
            words.push("echo".into());
        }
        let calls: Vec<Vec<String>> = match (&mark, each) {
            (Some(mark), _) => text
                .lines()
                .filter(|l| !l.trim().is_empty())
                .map(|l| words.iter().map(|w| w.replace(mark.as_str(), l.trim())).collect())
                .collect(),
            (None, Some(n)) => {
                let all: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
                all.chunks(n.max(1)).map(|c| words.iter().cloned().chain(c.iter().cloned()).collect()).collect()
            }
            (None, None) => {
                vec![words.iter().cloned().chain(text.split_whitespace().map(str::to_owned)).collect()]
            }
        };
        // one after the other, as a list of commands
        let list: Vec<parse::Node> = calls
            .into_iter()
            .take(super::MAX_ITEMS)
            .map(|argv| {
                let words = argv.iter().map(|w| parse::Word::text(w)).collect();
                parse::Node::Simple(Arc::new(Simple { words, ..Simple::default() }))
            })
            .collect();
        if !list.is_empty() {
            t.frames.push(Frame::List(Arc::from(list), 0));
        }
    }

    /// A server's program that is not to serve: it tells of itself, or signals the one that does.
    pub(super) fn server_tool(&mut self, t: &mut Thread, base: &str, args: &[String]) {
        let has = |flags: &[&str]| args.iter().any(|a| flags.contains(&a.as_str()));
        if base == "nginx" && has(&["-t", "-T"]) {
            let file = nginx::FILE;
            let text = match self.nginx_starts() {
                Ok(()) => format!(
                    "nginx: the configuration file {file} syntax is ok\nnginx: configuration file {file} test is successful\n"
                ),
                Err(why) => {
                    t.status = 1;
                    format!("nginx: [emerg] {why}\nnginx: configuration file {file} test failed\n")
                }
            };
            self.print(t, Stream::Err, &text);
            if has(&["-T"]) && t.status == 0 {
                let main = self.files.read(file).unwrap_or_default();
                self.print(t, Stream::Out, &format!("# configuration file {file}:\n{main}\n"));
            }
        } else if base == "nginx" && has(&["-s"]) {
            match (has(&["quit", "stop"]), has(&["reload"]).then(|| self.nginx_starts())) {
                (true, _) => self.shared.kills.push((1, Signal::Term)),
                (_, Some(Ok(()))) => self.shared.kills.push((1, Signal::Hup)),
                (_, Some(Err(why))) => self.fail(t, 1, &format!("nginx: [emerg] {why}")),
                _ => {}
            }
        } else if matches!(base, "httpd" | "apachectl")
            && has(&["-t", "configtest", "-k", "graceful", "restart", "stop", "graceful-stop"])
        {
            match httpd::start(self.files.view()) {
                Err(why) => {
                    t.status = 1;
                    self.print(t, Stream::Err, &format!("{why}\n"));
                }
                Ok(_) if has(&["-t", "configtest"]) => self.print(t, Stream::Err, "Syntax OK\n"),
                Ok(_) if has(&["stop", "graceful-stop"]) => self.shared.kills.push((1, Signal::Term)),
                Ok(_) => self.shared.kills.push((1, Signal::Hup)),
            }
        } else if base == "dotnet" && has(&["console"]) {
            // the program that teaches Jobs: pi to so many places
            let places = args.iter().skip_while(|a| *a != "-dp").nth(1).and_then(|n| crate::text::count(n));
            let digits = places.unwrap_or(6).clamp(1, 10_000) + 1;
            self.print(t, Stream::Out, &super::utilities::pi(digits));
            t.block = super::Block::Until(self.now + crate::clock::SimDuration::from_millis(200 + digits as u64));
        } else if has(&["-v", "-V", "--version", "-version"]) {
            let version = self.around.image_version();
            match base {
                "nginx" => self.print(t, Stream::Err, &format!("nginx version: nginx/{version}\n")),
                "httpd" | "apachectl" => {
                    self.print(t, Stream::Out, &format!("Server version: Apache/{version} (Unix)\n"))
                }
                _ => self.print(t, Stream::Out, &format!("{base} {version}\n")),
            }
        }
    }

    /// Would nginx take its configuration as it is?
    fn nginx_starts(&mut self) -> Result<(), String> {
        let around = &mut *self.around;
        let mut resolve = |name: &str| {
            let found = around.resolve(name);
            found.iter().filter_map(|a| a.parse::<Ipv4Addr>().ok()).map(u32::from).collect()
        };
        nginx::start(self.files.view(), &mut resolve).map(|_| ())
    }
}
