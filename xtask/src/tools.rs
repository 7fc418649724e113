//! The tools the project needs, in the versions that were tried together, and how each is brought where it lacks.

use crate::Done;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The same version as the `wasm-bindgen` crate: the two must agree exactly.
const WASM_BINDGEN: &str = "0.2.129";
/// Newer ones need a newer compiler.
const TRUNK: &str = "0.21.14";
/// The page's target.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The root of the repository.
pub fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let manifest = manifest.filter(|m| m.ends_with("xtask"));
    let dir = manifest.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    dir.parent().map_or_else(|| ".".into(), Path::to_owned)
}

/// Cargo's target directory: `$CARGO_TARGET_DIR`, or `target`.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|d| !d.is_empty()) {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where tools may stand, in the order they are looked for, before `PATH`.
fn places() -> Vec<PathBuf> {
    let mut places = vec![target_dir().join("tools/bin"), root().join("target/tools/bin")];
    places.dedup();
    places
}

/// `PATH` with the project's own tools first, `wasm-opt` of the locked npm packages included.
pub fn path() -> OsString {
    let mut dirs = places();
    dirs.push(root().join("web/editor/node_modules/.bin"));
    dirs.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(dirs).unwrap_or_default()
}

/// A command in the root of the repository that finds the project's tools.
pub fn command(program: &str) -> Command {
    let mut c = Command::new(program);
    c.current_dir(root()).env("PATH", path());
    c
}

/// Cargo, the same one that runs this.
pub fn cargo() -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
}

/// Runs a command to its end; the error names it.
pub fn run_command(c: &mut Command) -> Done {
    let shown = show(c);
    eprintln!("$ {shown}");
    match c.status() {
        Ok(s) if s.success() => Ok(()),
        Ok(s) => Err(format!("{shown}: {s}")),
        Err(e) => Err(format!("{shown}: {e}")),
    }
}

fn show(c: &Command) -> String {
    let program = Path::new(c.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    c.get_args().fold(program, |s, a| s + " " + &a.to_string_lossy())
}

/// What a command prints, if it runs and succeeds.
fn output(c: &mut Command) -> Option<String> {
    let out = c.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// `cargo xtask tools`.
pub fn run(args: &[String]) -> Done {
    wasm_target()?;
    node()?;
    wasm_bindgen()?;
    trunk()?;
    if args.iter().any(|a| a == "browser") {
        let (chromium, driver) = browser()?;
        println!("{}\n{}", chromium.display(), driver.display());
    }
    Ok(())
}

/// The compiler's library for WebAssembly.
pub fn wasm_target() -> Done {
    let there = || {
        let sysroot = output(command("rustc").args(["--print", "sysroot"])).map(PathBuf::from);
        sysroot.is_some_and(|s| s.join("lib/rustlib").join(WASM_TARGET).is_dir())
    };
    if there() {
        return Ok(());
    }
    let added = run_command(command("rustup").args(["target", "add", WASM_TARGET]));
    if there() {
        return Ok(());
    }
    Err(format!(
        "the compiler has no library for {WASM_TARGET} and it could not be added ({}).\n\
         Install Rust with rustup (https://rustup.rs) and run: rustup target add {WASM_TARGET}",
        added.err().unwrap_or_default()
    ))
}

/// True if the standard library's source is there, or could be added.
pub fn library_source() -> bool {
    let there = || {
        let sysroot = output(command("rustc").args(["--print", "sysroot"])).map(PathBuf::from);
        sysroot.is_some_and(|s| s.join("lib/rustlib/src/rust/library/std").is_dir())
    };
    there() || run_command(command("rustup").args(["component", "add", "rust-src"])).is_ok() && there()
}

/// Node.js with npm.
pub fn node() -> Done {
    let version = output(command("node").arg("--version"));
    let major = version.as_deref().and_then(|v| v.trim_start_matches('v').split('.').next()?.parse::<u32>().ok());
    match major {
        Some(20..) => Ok(()),
        Some(_) => Err(format!("Node.js 20 or newer is needed; here is {}", version.unwrap_or_default())),
        None => Err("Node.js 20 or newer is needed (https://nodejs.org): it bundles the editor".into()),
    }
}

/// wasm-bindgen, whose version must be the crate's own.
pub fn wasm_bindgen() -> Done {
    from_crates("wasm-bindgen", "wasm-bindgen-cli", WASM_BINDGEN, false)
}

/// Trunk; any newer 0.21 on `PATH` will do.
pub fn trunk() -> Done {
    from_crates("trunk", "trunk", TRUNK, true)
}

fn from_crates(name: &str, krate: &str, version: &str, newer_patch: bool) -> Done {
    let fits = |said: &str| {
        let found = said.split_whitespace().nth(1).unwrap_or_default();
        let (minor, patch) = version.rsplit_once('.').unwrap_or((version, "0"));
        let at_least = |p: &str| p.parse::<u32>().ok() >= patch.parse::<u32>().ok();
        found == version || newer_patch && found.rsplit_once('.').is_some_and(|(m, p)| m == minor && at_least(p))
    };
    if output(command(name).arg("--version")).is_some_and(|said| fits(&said)) {
        return Ok(());
    }
    eprintln!("{name} {version} is not here: it is built once, which takes some minutes");
    let tools = target_dir().join("tools");
    let mut install = cargo();
    install
        .args(["install", krate, "--version", version, "--locked", "--root"])
        .arg(&tools)
        // a tool that is built quickly is better than one that runs a little faster
        .env("CARGO_TARGET_DIR", tools.join("build"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTFLAGS");
    run_command(&mut install).map_err(|e| {
        format!("{e}\n{name} {version} could not be installed; try: cargo install {krate} --version {version} --locked")
    })?;
    let _ = std::fs::remove_dir_all(tools.join("build"));
    match output(command(name).arg("--version")) {
        Some(said) if fits(&said) => Ok(()),
        said => Err(format!("{name} was installed but says {}", said.unwrap_or_else(|| "nothing".into()))),
    }
}

/// The first of these programs that is on `PATH`, or what the variable names.
fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(variable).map(PathBuf::from).filter(|p| p.is_file()) {
        return Some(named);
    }
    let path = path();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = |name: &&str| dirs.iter().map(|d| d.join(name)).find(|p| p.is_file());
    names.iter().find_map(found)
}

/// Chromium and its driver, as they are found: `$CHROMIUM`, `$CHROMEDRIVER`, or on `PATH`.
pub fn find_browser() -> Option<(PathBuf, PathBuf)> {
    let chromium = program("CHROMIUM", &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])?;
    Some((chromium, program("CHROMEDRIVER", &["chromedriver"])?))
}

/// Installs Debian packages where this may be done.
fn apt_install(packages: &[&str]) -> Result<(), String> {
    let root_user = output(command("id").arg("-u")).as_deref() == Some("0");
    let apt = |args: &[&str]| {
        let mut c = if root_user { command("apt-get") } else { command("sudo") };
        if !root_user {
            c.args(["-n", "apt-get"]);
        }
        run_command(c.args(args).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    if output(command("apt-get").arg("--version")).is_none() {
        return Err("there is no apt here".into());
    }
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}

/// Sees to it that there is a kubectl, if one can be had: tests ask it, and go without it where it is missing.
pub fn kubectl() {
    if program("KUBECTL", &["kubectl"]).is_none()
        && let Err(e) = apt_install(&["kubernetes-client"])
    {
        eprintln!("no kubectl ({e}): the tests that ask one say so");
    }
}

/// Chromium and its driver; they are installed by apt where this may be done.
pub fn browser() -> Result<(PathBuf, PathBuf), String> {
    if let Some(found) = find_browser() {
        return Ok(found);
    }
    let tried = apt_install(&["chromium", "chromium-driver", "fonts-noto-cjk"]);
    find_browser().ok_or_else(|| {
        format!(
            "the browser tests need Chromium and chromedriver ({}).\n\
             Install them (Debian: apt-get install chromium chromium-driver fonts-noto-cjk) or name them in $CHROMIUM \
             and $CHROMEDRIVER",
            tried.err().unwrap_or_default()
        )
    })
}
