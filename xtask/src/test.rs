//! `cargo xtask test`: everything that must hold, cheapest first. A part that fails does not keep the others from
//! running; each test runner's own closing lines are the last that is printed.

use crate::web::{self, Build};
use crate::{Done, tools, wasm};
use std::time::Instant;

type Part = (&'static str, fn() -> Done);

const PARTS: &[Part] =
    &[("fmt", fmt), ("clippy", clippy), ("native", native), ("wasm", wasm::run), ("browser", browser)];

/// Runs all parts or those named.
pub fn run(args: &[String]) -> Done {
    if let Some(unknown) = args.iter().find(|a| !PARTS.iter().any(|p| p.0 == *a)) {
        let names: Vec<&str> = PARTS.iter().map(|p| p.0).collect();
        return Err(format!("test: no part {unknown}; there are {}", names.join(", ")));
    }
    let mut failed = vec![];
    let chosen: Vec<&Part> = PARTS.iter().filter(|p| args.is_empty() || args.iter().any(|a| a == p.0)).collect();
    for (at, (name, part)) in chosen.iter().enumerate() {
        eprintln!("== {name}");
        let start = Instant::now();
        let done = part();
        // the last words belong to the test runner
        if done.is_err() || at + 1 < chosen.len() {
            let outcome = if done.is_ok() { "fine" } else { "FAILED" };
            eprintln!("== {name}: {outcome} after {} s", start.elapsed().as_secs());
        }
        if let Err(e) = done {
            eprintln!("{e}");
            failed.push(*name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn fmt() -> Done {
    tools::run_command(tools::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Done {
    let all = ["clippy", "--workspace", "--all-targets", "--profile", "fast", "--", "-D", "warnings"];
    tools::run_command(tools::cargo().args(all))
}

/// Cargo's arguments for tests on this machine. The whole workspace is always named, whichever tests are meant, and
/// always in one profile: what Cargo would otherwise choose features anew for, and build the largest crates again.
pub fn natively(tests: &[&str]) -> Vec<String> {
    let all = ["test", "--profile", "fast", "--no-fail-fast", "--workspace"];
    all.iter().chain(tests).map(|a| (*a).to_owned()).collect()
}

/// Unit tests, tables, conformance, tidiness: all but the browser's, with optimised code and its assertions on.
fn native() -> Done {
    tools::kubectl();
    // the browser tests have nothing to look at here and say so
    tools::run_command(tools::cargo().args(natively(&["--lib", "--bins", "--tests"])).env("KUBARIUM_DIST", ""))
}

fn browser() -> Done {
    let (chromium, driver) = tools::browser()?;
    let dist = web::fast_dist();
    web::build(Build::Fast, &dist)?;
    let mut cargo = tools::cargo();
    cargo.args(natively(&["--test", "browser"]));
    cargo.env("KUBARIUM_DIST", &dist).env("CHROMIUM", chromium).env("CHROMEDRIVER", driver);
    tools::run_command(&mut cargo)
}
