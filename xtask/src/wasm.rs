//! The core's tests once more, compiled to WebAssembly, and the proof that a session runs the same there.
//!
//! Two things are proved, in two ways:
//!
//! - *The core's own unit tests pass in WebAssembly.* The standard test harness builds for the page's target as it is:
//!   it runs the tests one after the other, a panic traps, and `main` returns 0 only if every one passed. No test needs
//!   another attribute or a browser's glue, and the binary imports nothing at all, which proves by the way that the
//!   core reaches for no clock, file or randomness of its host. The price: that target has no standard output, so a
//!   failure names no test. It is found by running them natively, or by leaving tests out.
//! - *A long session comes out the same, bit for bit.* The same session runs natively and in WebAssembly and the hashes
//!   of the world, taken all along the way, are compared. Those travel through wasm-bindgen.

use crate::{Done, test, tools, web};

/// The packages of one build for the page's target: named together each time, so that Cargo chooses their features as
/// it does for the page and builds what they share once.
const PACKAGES: [&str; 10] =
    ["--profile", "fast", "--lib", "-p", "kubarium-core", "-p", "kubarium-session", "-p", "kubarium-web", "--target"];

/// Runs both.
pub fn run() -> Done {
    tools::wasm_target()?;
    tools::node()?;
    tools::wasm_bindgen()?;
    unit_tests()?;
    sessions()
}

fn unit_tests() -> Done {
    let runner = tools::root().join("tests/wasm/run.mjs");
    let runner = format!("target.{}.runner=['node', '{}']", tools::WASM_TARGET, runner.display());
    let mut cargo = tools::cargo();
    cargo.args(["--config", &runner, "test"]).args(PACKAGES).arg(tools::WASM_TARGET);
    tools::run_command(&mut cargo)
}

fn sessions() -> Done {
    tools::run_command(tools::cargo().arg("build").args(PACKAGES).arg(tools::WASM_TARGET))?;
    let built = tools::target_dir().join(tools::WASM_TARGET).join("fast/kubarium_session.wasm");
    let out = tools::target_dir().join("session");
    let mut bindgen = tools::command("wasm-bindgen");
    bindgen.args(["--target", "nodejs", "--no-typescript", "--out-dir"]).arg(&out).arg(&built);
    tools::run_command(&mut bindgen)?;
    let native = out.join("native.txt");
    web::editor()?;
    let mut cargo = tools::cargo();
    cargo.args(test::natively(&["--test", "determinism", "sessions"])).env("KUBARIUM_SESSIONS", &native);
    tools::run_command(&mut cargo)?;
    tools::run_command(tools::command("node").arg("tests/wasm/compare.mjs").arg(&out).arg(&native))
}
