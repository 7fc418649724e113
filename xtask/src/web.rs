//! The page: the editor's bundle and Trunk's build.

use crate::{Done, tools};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How the page is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Quickly: the `fast` profile.
    Fast,
    /// For people: the `dist` profile, then wasm-opt.
    Release,
}

/// Builds the editor's bundle; installs its npm packages as the lock file says.
pub fn editor() -> Done {
    tools::node()?;
    tools::run_command(tools::command("node").arg("web/editor/build.mjs"))
}

/// Builds the page into `dist`.
pub fn build(kind: Build, dist: &Path) -> Done {
    tools::wasm_target()?;
    tools::wasm_bindgen()?;
    tools::trunk()?;
    // before Trunk, which would look for wasm-opt among the packages of the bundle
    editor()?;
    let mut trunk = tools::command("trunk");
    trunk.arg("build").arg("--dist").arg(dist);
    // Trunk reads this as `true` or `false` only
    trunk.env_remove("NO_COLOR");
    if kind == Build::Release {
        trunk.arg("--release");
        small_library(&mut trunk)?;
    }
    tools::run_command(&mut trunk)?;
    tidy_index(&dist.join("index.html"))
}

/// Has the standard library compiled along with the page, for size, where its source can be had: the page becomes a
/// good part smaller. A panic is a trap without words then; the development build keeps the words.
fn small_library(trunk: &mut Command) -> Done {
    if !tools::library_source() {
        eprintln!("the standard library's source is not here (rustup component add rust-src): the page becomes larger");
        return Ok(());
    }
    let settings = [
        // the pinned compiler takes these only so
        ("RUSTC_BOOTSTRAP", "1"),
        ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort"),
        ("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size"),
        (
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none",
        ),
    ];
    let mut fetch = tools::cargo();
    fetch.args(["fetch", "--target", tools::WASM_TARGET]);
    // Trunk lets Cargo fetch nothing, and the library has crates of its own
    tools::run_command(fetch.envs(settings))?;
    trunk.envs(settings);
    Ok(())
}

/// Where the page stands that is built for serving and for the browser tests.
pub fn fast_dist() -> PathBuf {
    tools::target_dir().join("web")
}

/// Removes what Trunk leaves of its own in the page.
fn tidy_index(index: &Path) -> Done {
    let say = |e: std::io::Error| format!("{}: {e}", index.display());
    let text = std::fs::read_to_string(index).map_err(say)?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find("<link data-trunk") {
        let end = rest[start..].find('>').map_or(rest.len(), |n| start + n + 1);
        out.push_str(rest[..start].trim_end_matches([' ', '\t']));
        rest = rest[end..].trim_start_matches(['\n', '\r']);
    }
    out.push_str(rest);
    std::fs::write(index, out).map_err(say)
}
