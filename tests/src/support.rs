//! README's table of what is simulated, made from the tables in the code, so that it cannot say anything else.

use kubarium_core::api::kinds::{RESOURCES, Support};
use std::fmt::Write;

/// Where the table stands in README.
pub const BEGIN: &str = "<!-- support: made by `UPDATE_README=1 cargo test -p kubarium-tests --test tidy` -->";
/// Where it ends.
pub const END: &str = "<!-- support: end -->";

/// The table as Markdown, without the marks.
pub fn table() -> String {
    let mut out = String::from("| group | simulated | refused for now, by name |\n|---|---|---|\n");
    let mut groups: Vec<&str> = RESOURCES.iter().map(|r| r.group).collect();
    groups.dedup();
    for group in groups {
        let of = |support: Support| -> String {
            let kinds = RESOURCES.iter().filter(|r| r.group == group && r.support == support);
            let mut names: Vec<String> = kinds.map(|r| r.kind.to_owned()).collect();
            names.dedup();
            names.join(", ")
        };
        let name = if group.is_empty() { "core" } else { group };
        let (yes, no) = (of(Support::Simulated), of(Support::NotYet));
        let _ = writeln!(out, "| {name} | {yes} | {no} |");
    }
    out
}
