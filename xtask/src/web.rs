//! The page: the editor's bundle and Trunk's build.

use crate::{Done, tools};
use std::path::{Path, PathBuf};

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
    }
    tools::run_command(&mut trunk)?;
    tidy_index(&dist.join("index.html"))
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
