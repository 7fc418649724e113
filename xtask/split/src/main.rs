//! Cuts the page's module in two: what a first visit needs, and the rest. `cargo xtask dist` runs it.

mod blobs;
mod cut;
mod rules;

use std::process::ExitCode;

const HELP: &str = "\
kubarium-split cut MODULE FIRST LATER
    cuts a module that has the names of its functions in two
kubarium-split profile MODULE OUT
    the module in which each function notes in the exported memory `profile` that it ran
kubarium-split learn MODULE NUMBERS
    writes first.txt anew: NUMBERS is a file with the numbers of those functions that ran, with commas between them";

/// Which functions come first.
const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/first.txt");

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<(), String> {
    let read = |file: &str| std::fs::read(file).map_err(|e| format!("{file}: {e}"));
    let write = |file: &str, bytes: &[u8]| std::fs::write(file, bytes).map_err(|e| format!("{file}: {e}"));
    match args {
        ["cut", module, first, later] => {
            let list = String::from_utf8_lossy(&read(LIST)?).into_owned();
            let tree = rules::Tree::read(&list).map_err(|e| format!("{LIST}: {e}"))?;
            let halves = cut::split(&read(module)?, |name| tree.picks(name), &blobs::known())?;
            let cut::Halves { first: begin, later: rest, stubs, data } = &halves;
            eprintln!("{} bytes first, {} later ({data} of them data), {stubs} stubs", begin.len(), rest.len());
            write(first, &halves.first)?;
            write(later, &halves.later)
        }
        ["profile", module, out] => write(out, &cut::profiled(&read(module)?)?),
        ["learn", module, numbers] => {
            let text = String::from_utf8_lossy(&read(numbers)?).into_owned();
            let ran: std::collections::BTreeSet<usize> =
                text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
            let functions = cut::functions(&read(module)?)?;
            let seen = functions.iter().enumerate().map(|(n, (name, size))| (name.as_str(), *size, ran.contains(&n)));
            let head =
                "# The functions that a first visit needs: see src/rules.rs. Written by `kubarium-split learn`.\n";
            write(LIST, (head.to_owned() + &rules::learn(seen).write()).as_bytes())
        }
        _ => Err(HELP.into()),
    }
}
