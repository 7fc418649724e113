//! `cargo xtask serve | test | dist | bench`: see [`HELP`].

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask serve [--release] [--port N] [--no-open]
    builds the page, serves it on a free local port and opens it
cargo xtask test [PART…]
    runs everything, or these parts: fmt clippy native wasm browser
cargo xtask dist [DIR]
    writes the static site to DIR (dist); it works from any path of any web server
cargo xtask dist --learn
    learns from a visit in Chromium which functions come with the page's first file (xtask/split/first.txt)
cargo xtask bench [quick]
    prints figures: sizes of the page, and how fast large clusters run
cargo xtask tools [browser]
    installs what building the page needs (with `browser`: what its tests need too)

Tools that are missing are installed under the target directory; Chromium comes from apt where that may be used.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = args.split_first().map_or(("help", &[][..]), |(c, r)| (c.as_str(), r));
    let done = match command {
        "serve" => xtask::serve::run(rest),
        "test" => xtask::test::run(rest),
        "dist" => xtask::dist::run(rest),
        "bench" => xtask::bench::run(rest),
        "tools" => xtask::tools::run(rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(format!("unknown command {other}\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e}");
            ExitCode::FAILURE
        }
    }
}
