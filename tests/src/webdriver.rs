//! A browser for tests: Chromium driven through chromedriver by the WebDriver protocol, which is JSON over plain HTTP
//! on this machine. Each [`Browser`] has a profile of its own that goes when it goes.

use base64::Engine;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-US",
    "--force-color-profile=srgb",
];
/// The key that names an element in answers of the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long [`Browser::wait`] waits: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keys that type no letter, as the protocol names them.
pub mod keys {
    #![allow(missing_docs)]
    pub const ENTER: char = '\u{e007}';
    pub const TAB: char = '\u{e004}';
    pub const SHIFT: char = '\u{e008}';
    pub const CONTROL: char = '\u{e009}';
    pub const ESCAPE: char = '\u{e00c}';
    pub const SPACE: char = ' ';
    pub const END: char = '\u{e010}';
    pub const HOME: char = '\u{e011}';
    pub const UP: char = '\u{e013}';
    pub const DOWN: char = '\u{e015}';
    pub const DELETE: char = '\u{e017}';
    pub const BACKSPACE: char = '\u{e003}';
}

/// What goes wrong, for a person.
pub type Result<T> = std::result::Result<T, String>;

/// A running browser.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: PathBuf,
    screenshots: PathBuf,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = call(self.port, "DELETE", &format!("/session/{}", self.session), None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| e.to_string())?;
    listener.local_addr().map(|a| a.port()).map_err(|e| e.to_string())
}

/// One request to the driver; the protocol's errors are errors.
fn call(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
    let io = |e: std::io::Error| format!("{method} {path}: {e}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(io)?;
    stream.set_read_timeout(Some(Duration::from_secs(180))).map_err(io)?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(io)?;
    // the driver may keep the connection open all the same: the length says where the answer ends
    let mut answer = vec![];
    let mut part = [0; 65_536];
    let body = loop {
        if let Some((head, body)) = split(&answer)
            && length(head).is_some_and(|n| body.len() >= n)
        {
            break body.to_vec();
        }
        match stream.read(&mut part).map_err(io)? {
            0 => break split(&answer).map(|(_, body)| body.to_vec()).unwrap_or_default(),
            n => answer.extend_from_slice(&part[..n]),
        }
    };
    let answer: Value = serde_json::from_slice(&body)
        .map_err(|e| format!("{method} {path}: {e}: {}", String::from_utf8_lossy(&body)))?;
    let value = answer["value"].clone();
    match value.get("error").and_then(Value::as_str) {
        Some(error) => {
            let message = value["message"].as_str().unwrap_or_default().lines().next().unwrap_or_default().to_owned();
            Err(format!("{path}: {error}: {message}"))
        }
        None => Ok(value),
    }
}

fn split(answer: &[u8]) -> Option<(&str, &[u8])> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&answer[..end]).ok()?, &answer[end + 4..]))
}

fn length(head: &str) -> Option<usize> {
    head.lines().find_map(|l| {
        let (name, value) = l.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}

impl Browser {
    /// Starts a driver and a browser with an empty profile and a window of this size.
    pub fn start(chromium: &Path, driver: &Path, screenshots: &Path, size: (u32, u32)) -> Result<Browser> {
        let port = free_port()?;
        let profile = std::env::temp_dir().join(format!("kubarium-browser-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&profile).map_err(|e| e.to_string())?;
        let mut child = Command::new(driver)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("{}: {e}", driver.display()))?;
        let mut flags: Vec<String> = FLAGS.iter().map(|f| (*f).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.display()));
        flags.push(format!("--window-size={},{}", size.0, size.1));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": chromium, "args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 120_000, "pageLoad": 120_000},
        }}});
        let end = Instant::now() + PATIENCE;
        let session = loop {
            let ready = call(port, "GET", "/status", None).is_ok_and(|v| v["ready"] == true);
            let answer = if ready { call(port, "POST", "/session", Some(&wanted)) } else { Err("not ready".into()) };
            match answer {
                Ok(v) => break v["sessionId"].as_str().unwrap_or_default().to_owned(),
                Err(e) if Instant::now() > end || ready => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("no browser: {e}"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        Ok(Browser { driver: child, port, session, profile, screenshots: screenshots.to_owned() })
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        call(self.port, "POST", &format!("/session/{}/{path}", self.session), Some(body))
    }

    /// Opens an address.
    pub fn open(&self, url: &str) -> Result<()> {
        self.post("url", &json!({"url": url})).map(drop)
    }

    /// Loads the page again.
    pub fn reload(&self) -> Result<()> {
        self.post("refresh", &json!({})).map(drop)
    }

    /// Runs a function's body in the page: `arguments` are its arguments, what it returns comes back.
    pub fn eval(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.post("execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// Runs a function's body in the page; it answers by calling its last argument.
    pub fn eval_async(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.post("execute/async", &json!({"script": script, "args": arguments}))
    }

    /// A command of the browser's own protocol: `Network.emulateNetworkConditions`, `Emulation.setEmulatedMedia` …
    pub fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Waits until an expression in the page is truthy and gives its value.
    pub fn wait(&self, what: &str, expression: &str) -> Result<Value> {
        let end = Instant::now() + PATIENCE;
        let script = format!("return ({expression})");
        loop {
            let last = self.eval(&script, &[]);
            let truthy =
                |v: &Value| !matches!(v, Value::Null | Value::Bool(false)) && *v != json!(0) && *v != json!("");
            match last {
                Ok(v) if truthy(&v) => return Ok(v),
                Ok(_) | Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(100)),
                Ok(v) => return Err(format!("waited in vain for {what}: {expression} is {v}")),
                Err(e) => return Err(format!("waited in vain for {what}: {e}")),
            }
        }
    }

    fn element(&self, css: &str) -> Result<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.post("element", &json!({"using": "css selector", "value": css})) {
                Ok(v) => return Ok(v[ELEMENT].as_str().unwrap_or_default().to_owned()),
                Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(100)),
                Err(e) => return Err(format!("{css}: {e}")),
            }
        }
    }

    /// Clicks on the first element of a selector, once it is there and can be clicked.
    pub fn click(&self, css: &str) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let id = self.element(css)?;
            match self.post(&format!("element/{id}/click"), &json!({})) {
                Ok(_) => return Ok(()),
                Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(100)),
                Err(e) => return Err(format!("{css}: {e}")),
            }
        }
    }

    /// Clicks on a place, in CSS pixels from the corner of an element.
    pub fn click_at(&self, css: &str, x: f64, y: f64) -> Result<()> {
        let corner = self.eval(
            "const r = document.querySelector(arguments[0]).getBoundingClientRect(); return [r.x, r.y]",
            &[json!(css)],
        )?;
        let (x, y) = (corner[0].as_f64().unwrap_or(0.0) + x, corner[1].as_f64().unwrap_or(0.0) + y);
        self.post(
            "actions",
            &json!({"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": [
                {"type": "pointerMove", "duration": 0, "x": x.round(), "y": y.round()},
                {"type": "pointerDown", "button": 0},
                {"type": "pause", "duration": 30},
                {"type": "pointerUp", "button": 0},
            ]}]}),
        )
        .map(drop)
    }

    /// The visible text of the first element of a selector.
    pub fn text(&self, css: &str) -> Result<String> {
        let id = self.element(css)?;
        let v = call(self.port, "GET", &format!("/session/{}/element/{id}/text", self.session), None)?;
        Ok(v.as_str().unwrap_or_default().to_owned())
    }

    /// Types where the focus is, key by key.
    pub fn keys(&self, text: &str) -> Result<()> {
        let mut actions = vec![];
        for c in text.chars() {
            let c = if c == '\n' { keys::ENTER } else { c };
            actions.push(json!({"type": "keyDown", "value": c}));
            actions.push(json!({"type": "keyUp", "value": c}));
        }
        self.key_actions(actions)
    }

    /// Presses a key while others are held.
    pub fn chord(&self, held: &[char], key: char) -> Result<()> {
        let mut actions: Vec<Value> = held.iter().map(|c| json!({"type": "keyDown", "value": c})).collect();
        actions.push(json!({"type": "keyDown", "value": key}));
        actions.push(json!({"type": "keyUp", "value": key}));
        actions.extend(held.iter().rev().map(|c| json!({"type": "keyUp", "value": c})));
        self.key_actions(actions)
    }

    fn key_actions(&self, actions: Vec<Value>) -> Result<()> {
        self.post("actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})).map(drop)
    }

    /// What has been written to the console since the last call: level and text.
    pub fn console(&self) -> Result<Vec<(String, String)>> {
        let log = self.post("se/log", &json!({"type": "browser"}))?;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        Ok(log.as_array().into_iter().flatten().map(|e| (text(&e["level"]), text(&e["message"]))).collect())
    }

    /// Keeps a picture of the page as `<name>.png`.
    pub fn screenshot(&self, name: &str) -> Result<PathBuf> {
        let v = call(self.port, "GET", &format!("/session/{}/screenshot", self.session), None)?;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(v.as_str().unwrap_or_default())
            .map_err(|e| format!("screenshot: {e}"))?;
        let path = self.screenshots.join(format!("{name}.png"));
        std::fs::create_dir_all(&self.screenshots)
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(path)
    }
}
