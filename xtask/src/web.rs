//! The page: the editor's bundle and Trunk's build.

use crate::{Done, tools};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How the page is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Quickly: the `fast` profile.
    Fast,
    /// For people: the `dist` profile, cut in two, then wasm-opt.
    Release,
}

/// Builds the editor's bundle; installs its npm packages as the lock file says.
pub fn editor() -> Done {
    tools::node()?;
    tools::run_command(tools::command("node").arg("web/editor/build.mjs"))
}

/// Builds the page into `dist`.
pub fn build(kind: Build, dist: &Path) -> Done {
    one_file(kind, dist)?;
    if kind == Build::Release { halves(dist) } else { Ok(()) }
}

/// Builds the page into `dist`, all code in one file.
fn one_file(kind: Build, dist: &Path) -> Done {
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

/// What the module uses beyond the first version of WebAssembly: all of it in every browser since 2022.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The program that cuts the page's module.
fn split(arguments: &[&std::ffi::OsStr]) -> Done {
    tools::run_command(tools::cargo().args(["run", "-q", "-p", "kubarium-split", "--"]).args(arguments))
}

/// A folder for what is made of the page's module, and the module as it was built there.
fn whole(dist: &Path) -> Result<(PathBuf, PathBuf), String> {
    let work = tools::target_dir().join("halves");
    std::fs::create_dir_all(&work).map_err(|e| format!("{}: {e}", work.display()))?;
    let whole = work.join("whole.wasm");
    let page = dist.join("kubarium_bg.wasm");
    std::fs::copy(&page, &whole).map_err(|e| format!("{}: {e}", page.display()))?;
    Ok((work, whole))
}

/// Cuts the module in what a first visit needs and the rest, and makes both small.
fn halves(dist: &Path) -> Done {
    let (work, whole) = whole(dist)?;
    let names = ["kubarium_bg.wasm", "kubarium_rest.wasm"];
    let cut = names.map(|n| work.join(n));
    split(&["cut".as_ref(), whole.as_ref(), cut[0].as_ref(), cut[1].as_ref()])?;
    let both = names.map(|name| {
        let mut opt = tools::command("wasm-opt");
        opt.arg("-Oz").args(FEATURES).arg(work.join(name)).arg("-o").arg(dist.join(name));
        opt.spawn().map_err(|e| format!("wasm-opt: {e}"))
    });
    for child in both {
        match child?.wait() {
            Ok(s) if s.success() => {}
            Ok(s) => return Err(format!("wasm-opt: {s}")),
            Err(e) => return Err(format!("wasm-opt: {e}")),
        }
    }
    Ok(())
}

/// Learns anew from a visit in the browser which functions a first visit needs (`xtask/split/first.txt`).
pub fn learn() -> Done {
    let (chromium, driver) = tools::browser()?;
    let site = tools::target_dir().join("learn");
    one_file(Build::Release, &site)?;
    let (work, whole) = whole(&site)?;
    split(&["profile".as_ref(), whole.as_ref(), site.join("kubarium_bg.wasm").as_ref()])?;
    let ran = work.join("ran.txt");
    let mut visit = tools::command("node");
    tools::run_command(visit.arg("xtask/split/visit.mjs").args([&site, &ran, &chromium, &driver]))?;
    split(&["learn".as_ref(), whole.as_ref(), ran.as_ref()])
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
