//! Help while typing: asks the core, and turns positions into those of the browser (UTF-16).

use crate::bridge::Session;
use kubarium_core::view::assist;
pub use kubarium_core::view::assist::{Candidate, Diagnostic, Severity};

/// Where the last word of a line begins, and what it may become.
pub fn complete_line(session: &Session, line: &str, files: &[String]) -> (usize, Vec<String>) {
    session.read(|e| assist::complete_line(&e.cluster, line, files))
}

/// What is wrong in a manifest.
pub fn lint(session: &Session, text: &str) -> Vec<Diagnostic> {
    session.read(|e| assist::lint(&e.cluster, text))
}

fn byte_at(text: &str, utf16: u32) -> usize {
    let mut left = utf16 as usize;
    for (i, c) in text.char_indices() {
        if left == 0 {
            return i;
        }
        left = left.saturating_sub(c.len_utf16());
    }
    text.len()
}

/// Where the word at a place begins, and what it may become.
pub fn complete_manifest(session: &Session, text: &str, pos: u32, explicit: bool) -> Option<(u32, Vec<Candidate>)> {
    let at = byte_at(text, pos);
    let (from, found) = session.read(|e| assist::complete_manifest(&e.cluster, text, at))?;
    // Unasked, only a begun word is completed: an empty line is left alone.
    if found.is_empty() || (!explicit && from == at) {
        return None;
    }
    Some((text[..from].encode_utf16().count() as u32, found))
}

/// What the word at a place means.
pub fn hover(session: &Session, text: &str, pos: u32) -> Option<String> {
    session.read(|e| assist::hover(&e.cluster, text, byte_at(text, pos)))
}

#[cfg(test)]
mod tests {
    use super::byte_at;

    #[test]
    fn places_are_counted_as_the_browser_does() {
        assert_eq!(byte_at("파드: 🦀x", 4), "파드: ".len());
        assert_eq!(byte_at("파드: 🦀x", 6), "파드: 🦀".len());
        assert_eq!(byte_at("abc", 2), 2);
        assert_eq!(byte_at("abc", 9), 3);
    }
}
