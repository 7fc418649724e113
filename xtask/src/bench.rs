//! `cargo xtask bench`.

use crate::web::{self, Build};
use crate::{Done, dist, test, tools};

/// Prints how fast large clusters run, and how large the page is; `quick` leaves the page out.
pub fn run(args: &[String]) -> Done {
    let quick = args.iter().any(|a| a == "quick");
    let mut native = tools::cargo();
    native.args(["run", "--quiet", "--release", "-p", "kubarium-tests", "--bin", "bench"]);
    tools::run_command(native.args(quick.then_some("quick")))?;
    if quick {
        return Ok(());
    }
    let site = tools::target_dir().join("bench-site");
    web::build(Build::Release, &site)?;
    dist::sizes(&site)?;
    let (chromium, driver) = tools::browser()?;
    let mut cargo = tools::cargo();
    cargo
        .args(test::natively(&["--test", "browser", "--", "--nocapture"]))
        .env("KUBARIUM_FIGURES", "1")
        .env("KUBARIUM_DIST", &site);
    tools::run_command(cargo.env("CHROMIUM", chromium).env("CHROMEDRIVER", driver))
}
