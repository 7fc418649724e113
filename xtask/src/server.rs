//! A small web server for static files on this machine: for `cargo xtask serve` and the browser tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// A server that runs as long as the process does.
#[derive(Debug)]
pub struct Server {
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// Serves a directory below `/<prefix>/` (an empty prefix: at the root). Port 0 takes a free one.
pub fn start(dir: &Path, prefix: &str, port: u16) -> std::io::Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let port = listener.local_addr()?.port();
    let (dir, prefix) = (dir.to_owned(), prefix.trim_matches('/').to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (dir, prefix) = (dir.clone(), prefix.clone());
            std::thread::spawn(move || {
                // a browser that hangs up is no error of ours
                let _ = answer(&stream, &dir, &prefix);
            });
        }
    });
    Ok(Server { port })
}

fn answer(stream: &TcpStream, dir: &Path, prefix: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if (&mut reader).take(8_192).read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut header = String::new();
            if (&mut reader).take(65_536).read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
        }
        let mut words = first.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or("/"));
        let file = file_of(dir, prefix, target);
        let content = file.as_ref().and_then(|f| std::fs::read(f).ok());
        let (status, kind, body) = match (method, content) {
            ("GET" | "HEAD", Some(body)) => ("200 OK", kind_of(file.as_deref().unwrap_or(dir)), body),
            ("GET" | "HEAD", None) => ("404 Not Found", "text/plain; charset=utf-8", b"not found\n".to_vec()),
            _ => ("405 Method Not Allowed", "text/plain; charset=utf-8", vec![]),
        };
        let mut out = stream;
        write!(
            out,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-cache\r\n\
             X-Content-Type-Options: nosniff\r\n\r\n",
            body.len()
        )?;
        if method != "HEAD" {
            out.write_all(&body)?;
        }
        out.flush()?;
    }
}

/// The file a request's target means; `None` if it lies outside.
fn file_of(dir: &Path, prefix: &str, target: &str) -> Option<PathBuf> {
    let path = decode(target.split(['?', '#']).next()?)?;
    let path = path.strip_prefix('/')?;
    let path = if prefix.is_empty() { path } else { path.strip_prefix(prefix)?.strip_prefix('/')? };
    let relative = Path::new(path);
    if relative.components().any(|c| !matches!(c, Component::Normal(_))) {
        return None;
    }
    let file = dir.join(relative);
    Some(if file.is_dir() { file.join("index.html") } else { file })
}

fn decode(text: &str) -> Option<String> {
    let mut out = vec![];
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let hex = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).ok()
}

fn kind_of(file: &Path) -> &'static str {
    match file.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "yaml" | "yml" | "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_inside() {
        let file = |target| file_of(Path::new("site"), "", target);
        assert_eq!(file("/a/b.js?x=1"), Some("site/a/b.js".into()));
        assert_eq!(file("/a%20b"), Some("site/a b".into()));
        assert_eq!(file("/../secret"), None);
        assert_eq!(file("/%2e%2e/secret"), None);
        assert_eq!(file("//etc/passwd"), None);
        assert_eq!(file_of(Path::new("site"), "deep/er", "/deep/er/x.css"), Some("site/x.css".into()));
        assert_eq!(file_of(Path::new("site"), "deep", "/deeper/x.css"), None);
    }
}
