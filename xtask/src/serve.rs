//! `cargo xtask serve`.

use crate::web::{self, Build};
use crate::{Done, server, tools};
use std::process::Stdio;

/// Builds the page, serves it until Ctrl+C, and opens it.
pub fn run(args: &[String]) -> Done {
    let mut port = 0;
    let (mut open, mut build) = (true, Build::Fast);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--release" => build = Build::Release,
            "--no-open" => open = false,
            "--port" => {
                port = rest.next().and_then(|p| p.parse().ok()).ok_or("--port needs a number")?;
            }
            other => return Err(format!("serve: unknown argument {other}")),
        }
    }
    let dist = web::fast_dist();
    web::build(build, &dist)?;
    let server = server::start(&dist, "", port).map_err(|e| format!("port {port}: {e}"))?;
    let url = format!("http://127.0.0.1:{}/", server.port);
    println!("Kubarium is at {url} (Ctrl+C ends it)");
    if open {
        open_in_browser(&url);
    }
    loop {
        std::thread::park();
    }
}

/// Opens the person's browser where there is one; that there is none is no error.
fn open_in_browser(url: &str) {
    let program = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let quiet = || Stdio::null();
    let _ = tools::command(program).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
}
