//! Links: `v1.<codec>.<payload>.<checksum>`. A link carries how a session began, its inputs and its moment; never
//! state. Only `A–Z a–z 0–9 - _ .` occur, so no messenger breaks it, and a link that was cut says so.

use crate::cluster::SessionRecord;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The engine that wrote a link: a replay on another may come out differently.
pub const ENGINE: &str = env!("CARGO_PKG_VERSION");
/// Characters of a link that still pass everywhere.
pub const COMFORTABLE: usize = 1_800;
/// Characters beyond which a file is offered instead.
pub const LONG: usize = 8_000;
/// Characters that are read at most.
pub const MAX_LINK: usize = 400_000;
/// Bytes that a link may unpack to.
pub const MAX_UNPACKED: usize = 4_000_000;

/// Nodes that a linked cluster may have.
pub const MAX_NODES: usize = 5_000;

/// What a link carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// Version of the engine that wrote it.
    pub engine: String,
    /// The session.
    pub session: SessionRecord,
    /// The world's hash at its moment: a replay that differs is noticed.
    pub hash: u64,
    /// Name of the scenario it grew from; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scenario: String,
    /// `en` or `ko`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// Texts of the editor's files that have not been applied.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// What else the page wants to find again (open panels …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layout: BTreeMap<String, String>,
}

/// Why a link cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// It does not begin as a link does.
    NotALink,
    /// A later version wrote it.
    Newer,
    /// Something is missing at its end, or a character was changed.
    Damaged,
    /// It, or what is packed in it, is larger than allowed.
    TooLarge,
    /// It was packed well and says nothing that makes sense.
    Nonsense,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkError::NotALink => "this is not a link of a session",
            LinkError::Newer => "this link was made by a newer version",
            LinkError::Damaged => "this link has been cut or changed on its way",
            LinkError::TooLarge => "this link is too large",
            LinkError::Nonsense => "this link cannot be understood",
        })
    }
}

/// Packs a session into the part of a link after `#`.
pub fn encode(shared: &Shared) -> String {
    let json = serde_json::to_vec(shared).unwrap_or_default();
    let packed = miniz_oxide::deflate::compress_to_vec(&json, 9);
    let sum = crc32fast::hash(&packed);
    format!("v1.d.{}.{}", URL_SAFE_NO_PAD.encode(packed), URL_SAFE_NO_PAD.encode(sum.to_be_bytes()))
}

/// Reads what [`encode`] wrote; a leading `#` is skipped.
pub fn decode(link: &str) -> Result<Shared, LinkError> {
    let link = link.trim().trim_start_matches('#');
    if link.len() > MAX_LINK {
        return Err(LinkError::TooLarge);
    }
    let parts: Vec<&str> = link.split('.').collect();
    let version = parts[0];
    if !version.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
        return Err(LinkError::NotALink);
    }
    if version != "v1" {
        return Err(LinkError::Newer);
    }
    let (payload, sum) = match parts.as_slice() {
        [_, "d", payload, sum] => (payload, sum),
        [_, "d", ..] => return Err(LinkError::Damaged),
        [_] => return Err(LinkError::Damaged),
        _ => return Err(LinkError::Newer),
    };
    let packed = URL_SAFE_NO_PAD.decode(payload).map_err(|_| LinkError::Damaged)?;
    let sum = URL_SAFE_NO_PAD.decode(sum).map_err(|_| LinkError::Damaged)?;
    if sum != crc32fast::hash(&packed).to_be_bytes() {
        return Err(LinkError::Damaged);
    }
    let json =
        miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, MAX_UNPACKED).map_err(|e| match e.status {
            miniz_oxide::inflate::TINFLStatus::HasMoreOutput => LinkError::TooLarge,
            _ => LinkError::Damaged,
        })?;
    let shared: Shared = serde_json::from_slice(&json).map_err(|_| LinkError::Nonsense)?;
    let session = &shared.session;
    if session.config.nodes.len() > MAX_NODES || session.inputs.len() > crate::cluster::MAX_INPUTS {
        return Err(LinkError::TooLarge);
    }
    Ok(shared)
}

/// Does the session speak of Secrets in a way that a link would give away?
pub fn mentions_secrets(shared: &Shared) -> bool {
    let secret = |t: &str| {
        t.lines().any(|l| l.trim_start().trim_start_matches("- ").starts_with("kind: Secret"))
            || t.contains("create secret")
    };
    shared.files.values().any(|t| secret(t))
        || shared.session.inputs.iter().any(|i| match &i.input {
            crate::world::Input::File { text: Some(t), .. } => secret(t),
            crate::world::Input::Line { line, stdin, .. } => secret(line) || stdin.as_deref().is_some_and(secret),
            _ => false,
        })
}
