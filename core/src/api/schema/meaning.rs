//! What types and fields mean, in words, and examples of kubectl's commands, which travel along. The words are compiled in with the feature `texts`; without it they are handed
//! in once, before anything is asked that prints them: the same commands must print the same everywhere.

use std::sync::OnceLock;

#[cfg(feature = "texts")]
static PACKED: &[u8] = include_bytes!("../../../assets/schema-text.deflate");
static TEXTS: OnceLock<Vec<Box<str>>> = OnceLock::new();
/// More bytes than all texts have.
const LIMIT: usize = 4 << 20;

/// The words for a type or a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// These.
    Words(&'static str),
    /// Those with this number: types in the order of their names, each followed by its fields in the order of theirs.
    Numbered(usize),
}

impl Meaning {
    /// The words; none while they are not there.
    pub fn words(self) -> &'static str {
        match self {
            Meaning::Words(text) => text,
            Meaning::Numbered(n) => texts().and_then(|t| t.get(n)).map_or("", |t| t),
        }
    }
}

fn unpack(packed: &[u8]) -> Option<Vec<Box<str>>> {
    let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, LIMIT).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.split('\0').map(Into::into).collect())
}

fn texts() -> Option<&'static Vec<Box<str>>> {
    #[cfg(feature = "texts")]
    return Some(TEXTS.get_or_init(|| unpack(PACKED).unwrap_or_default()));
    #[cfg(not(feature = "texts"))]
    TEXTS.get()
}

/// Examples of a command (its words without `kubectl`) as its help prints them; empty: there are none, or the words are
/// not there.
pub fn examples(command: &str) -> String {
    let all = texts().and_then(|t| t.last()).filter(|t| t.starts_with("examples\n"));
    let heading = format!("## {command}");
    let lines = all.map(|t| t.lines()).into_iter().flatten();
    let mut out = String::new();
    for l in lines.skip_while(|l| *l != heading).skip(1).take_while(|l| !l.starts_with("## ")) {
        if l.starts_with('#') && !out.is_empty() {
            out.push_str("  \n");
        }
        out.push_str(&format!("  {l}\n"));
    }
    out
}

/// The words are there.
pub fn has_meanings() -> bool {
    texts().is_some()
}

/// Hands in `core/assets/schema-text.deflate`. False: this is no such file.
pub fn provide_meanings(packed: &[u8]) -> bool {
    unpack(packed).is_some_and(|texts| {
        // whoever was first had the same
        let _ = TEXTS.set(texts);
        true
    })
}
