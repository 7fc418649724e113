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
    for (name, part) in PARTS {
        if !args.is_empty() && !args.iter().any(|a| a == name) {
            continue;
        }
        eprintln!("== {name}");
        let start = Instant::now();
        let done = part();
        eprintln!("== {name}: {} after {} s", if done.is_ok() { "fine" } else { "FAILED" }, start.elapsed().as_secs());
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
    // the page's bindings name the bundle: it must be there
    tools::wasm_target()?;
    web::editor()?;
    let deny = ["--", "-D", "warnings"];
    let natively = ["clippy", "--workspace", "--exclude", "kubarium-web", "--all-targets", "--profile", "fast"];
    tools::run_command(tools::cargo().args(natively).args(deny))?;
    let page = ["clippy", "-p", "kubarium-web", "--target", tools::WASM_TARGET, "--profile", "fast"];
    tools::run_command(tools::cargo().args(page).args(deny))
}

/// Unit tests, tables, conformance, tidiness: all but the browser's, with optimised code and its assertions on.
fn native() -> Done {
    let all = ["test", "--profile", "fast", "--no-fail-fast", "--workspace", "--exclude", "kubarium-web"];
    // the browser tests have nothing to look at here and say so
    tools::run_command(tools::cargo().args(all).env("KUBARIUM_DIST", ""))
}

fn browser() -> Done {
    let (chromium, driver) = tools::browser()?;
    let dist = web::fast_dist();
    web::build(Build::Fast, &dist)?;
    let test = ["test", "--profile", "fast", "-p", "kubarium-tests", "--test", "browser"];
    let mut cargo = tools::cargo();
    cargo.args(test).env("KUBARIUM_DIST", &dist).env("CHROMIUM", chromium).env("CHROMEDRIVER", driver);
    tools::run_command(&mut cargo)
}
