//! What types and fields mean, in words. The words are compiled in with the feature `texts`; without it they are handed
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
