//! README's tables of what is simulated, made from the tables in the code, so that it cannot say anything else.

use kubarium_core::api::kinds::{RESOURCES, ResourceInfo, Support};
use kubarium_core::api::support::{CALLS, FIELDS, When};
use kubarium_core::apiserver::authorizer::REVIEWS;
use kubarium_core::apiserver::convert;
use kubarium_core::kubectl::command::{COMMANDS, NAMES};
use std::fmt::Write;

/// Where the tables stand in README.
pub const BEGIN: &str = "<!-- support: made by `UPDATE_README=1 cargo test -p kubarium-tests --test tidy` -->";
/// Where they end.
pub const END: &str = "<!-- support: end -->";

/// The tables as Markdown, without the marks.
pub fn tables() -> String {
    format!(
        "{}\nFields that are accepted and change nothing (the editor says so where they stand):\n\n{}\nkubectl:\n\n{}",
        kinds(),
        fields(),
        calls()
    )
}

/// Fields that say the same of several names stand in one line.
fn fields() -> String {
    let mut out = String::from("| of | field | here |\n|---|---|---|\n");
    let mut lines: Vec<(&str, Vec<String>, &str)> = vec![];
    for gap in FIELDS {
        let shown = match gap.when {
            When::Given => format!("`{}`", gap.path),
            When::Not(usual) => format!("`{}` other than `{usual}`", gap.path),
            When::Is(values) => format!("`{}: {}`", gap.path, values.join("|")),
        };
        match lines.iter_mut().find(|l| l.0 == gap.owner.name() && l.2 == gap.note) {
            Some(line) => line.1.push(shown),
            None => lines.push((gap.owner.name(), vec![shown], gap.note)),
        }
    }
    for (owner, names, note) in lines {
        let _ = writeln!(out, "| {owner} | {} | {note} |", names.join(", "));
    }
    out
}

fn calls() -> String {
    let mut out = String::from("| call | here |\n|---|---|\n");
    let missing: Vec<String> = NAMES
        .iter()
        .filter(|n| **n != "options" && !COMMANDS.iter().any(|c| c.name == **n))
        .map(|n| format!("`{n}`"))
        .collect();
    let _ = writeln!(out, "| {} | refused by name |", missing.join(", "));
    for (call, note) in CALLS {
        let _ = writeln!(out, "| `{call}` | {note} |");
    }
    out
}

fn kinds() -> String {
    let mut out = String::from(
        "| group | simulated | stored and printed, and nothing acts on it | refused for now, by name |\n|---|---|---|---|\n",
    );
    let mut groups: Vec<&str> = RESOURCES.iter().map(|r| r.group).collect();
    groups.dedup();
    for group in groups {
        // some are answered without being stored under a name of their own
        let lives = |r: &ResourceInfo| {
            convert::stored(r).is_some() || REVIEWS.contains(&r.plural) || r.plural == "componentstatuses"
        };
        let of = |support: Support| -> String {
            let is = |r: &ResourceInfo| match r.support {
                Support::Stored => support == Support::Stored,
                _ if lives(r) => support == Support::Simulated,
                _ => support == Support::NotYet,
            };
            let kinds = RESOURCES.iter().filter(|r| r.group == group && is(r));
            let mut names: Vec<String> = kinds.map(|r| r.kind.to_owned()).collect();
            names.dedup();
            names.join(", ")
        };
        let name = if group.is_empty() { "core" } else { group };
        let (yes, stored, no) = (of(Support::Simulated), of(Support::Stored), of(Support::NotYet));
        let _ = writeln!(out, "| {name} | {yes} | {stored} | {no} |");
    }
    out
}
