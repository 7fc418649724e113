//! Links: `v1.<codec>.<payload>.<checksum>`. A link carries how a session began, its inputs and its moment; never
//! state. Only `A–Z a–z 0–9 - _ .` occur, so no messenger breaks it, and a link that was cut says so.

use crate::clock::SimTime;
use crate::cluster::{LoggedInput, SessionRecord};
use crate::sim::Config;
use crate::world::Input;
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
    /// The branch that stands beside this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Other>,
}

/// A second branch: what it shares with the first one is not said twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Other {
    /// Its name; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Inputs that it shares with the first one.
    pub shared: usize,
    /// Those that follow in it.
    pub inputs: Vec<LoggedInput>,
}

impl Other {
    /// The second branch of two, up to a moment.
    pub fn of(name: &str, first: &SessionRecord, second: &SessionRecord, until: SimTime) -> Other {
        let shared = first.inputs.iter().zip(&second.inputs).take_while(|(a, b)| a == b).count();
        let inputs = second.inputs[shared..].iter().filter(|l| l.at <= until).cloned().collect();
        Other { name: name.to_owned(), shared, inputs }
    }

    /// Its log, to be played from the beginning.
    pub fn record(&self, first: &SessionRecord) -> SessionRecord {
        let mut inputs = first.inputs[..self.shared.min(first.inputs.len())].to_vec();
        inputs.extend(self.inputs.iter().cloned());
        SessionRecord { config: first.config.clone(), inputs, now: SimTime::ZERO, steps: 0 }
    }
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
    check(serde_json::from_slice(&json).map_err(|_| LinkError::Nonsense)?)
}

fn check(shared: Shared) -> Result<Shared, LinkError> {
    let session = &shared.session;
    let inputs = session.inputs.len() + shared.beside.as_ref().map_or(0, |b| b.inputs.len());
    if session.config.nodes.len() > MAX_NODES || inputs > crate::cluster::MAX_INPUTS {
        return Err(LinkError::TooLarge);
    }
    Ok(shared)
}

/// A session as the text of a file.
pub fn to_file(shared: &Shared) -> String {
    serde_json::to_string_pretty(shared).unwrap_or_default()
}

/// Reads what [`to_file`] wrote, or a bare record as earlier versions wrote it, or a link that stands in a file.
pub fn from_file(text: &str) -> Result<Shared, LinkError> {
    if text.len() > MAX_UNPACKED {
        return Err(LinkError::TooLarge);
    }
    if let Ok(shared) = serde_json::from_str::<Shared>(text) {
        return check(shared);
    }
    if let Ok(session) = serde_json::from_str::<SessionRecord>(text) {
        return check(Shared {
            engine: String::new(),
            session,
            hash: 0,
            scenario: String::new(),
            language: String::new(),
            files: BTreeMap::new(),
            layout: BTreeMap::new(),
            beside: None,
        });
    }
    match text.trim().rsplit_once('#') {
        Some((_, link)) => decode(link),
        None if text.trim_start().starts_with('{') => Err(LinkError::Nonsense),
        None => decode(text),
    }
}

/// What is wrong with a link, and what of it can be read all the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Salvage {
    /// Why it cannot be read as it is.
    pub problem: LinkError,
    /// Where: the place of the first character that cannot stand in a link.
    pub odd: Option<usize>,
    /// The end is missing.
    pub cut: bool,
    /// Characters that there are.
    pub length: usize,
    /// The session as far as it can be read.
    pub session: Option<SessionRecord>,
}

/// Looks at a link that [`decode`] refused.
pub fn salvage(link: &str, problem: LinkError) -> Salvage {
    let link = link.trim().trim_start_matches('#');
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let odd = link.chars().position(|c| !allowed(c));
    let mut out = Salvage { problem, odd, cut: false, length: link.chars().count(), session: None };
    if link.len() > MAX_LINK || problem == LinkError::NotALink {
        return out;
    }
    let mut parts = link.split('.').skip(2);
    let payload = parts.next().unwrap_or_default();
    out.cut = problem == LinkError::Damaged && parts.next().is_none_or(|sum| sum.len() < 6);
    let good = payload.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"-_".contains(b)).count();
    let whole = &payload[..good - good % 4];
    let Ok(packed) = URL_SAFE_NO_PAD.decode(whole) else { return out };
    let json = match miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, MAX_UNPACKED) {
        Ok(json) => json,
        Err(e) => e.output,
    };
    let end = std::str::from_utf8(&json).map_or_else(|e| e.valid_up_to(), str::len);
    let Ok(text) = std::str::from_utf8(&json[..end]) else { return out };
    out.session = partial(text);
    out
}

/// The session in a text that stops somewhere: its beginning, and the inputs that are whole.
fn partial(text: &str) -> Option<SessionRecord> {
    fn first<T: for<'a> Deserialize<'a>>(text: &str) -> Option<(T, &str)> {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
        let value = values.next()?.ok()?;
        let at = values.byte_offset();
        Some((value, text.get(at..)?))
    }
    let (_, rest) = text.split_once("\"config\":")?;
    let (config, rest) = first::<Config>(rest)?;
    if config.nodes.len() > MAX_NODES {
        return None;
    }
    let mut inputs: Vec<LoggedInput> = vec![];
    let mut rest = rest.trim_start_matches(',').strip_prefix("\"inputs\":[")?;
    while let Some((input, after)) = first::<LoggedInput>(rest) {
        inputs.push(input);
        rest = after.strip_prefix(',').unwrap_or("");
        if inputs.len() >= crate::cluster::MAX_INPUTS {
            break;
        }
    }
    let last = inputs.last()?;
    let (now, steps) = (last.at, last.steps);
    Some(SessionRecord { config, inputs, now, steps })
}

/// Does the session speak of Secrets in a way that a link would give away?
pub fn mentions_secrets(shared: &Shared) -> bool {
    let secret = |t: &str| {
        t.lines().any(|l| l.trim_start().trim_start_matches("- ").starts_with("kind: Secret"))
            || t.contains("create secret")
    };
    let other = shared.beside.iter().flat_map(|b| &b.inputs);
    shared.files.values().any(|t| secret(t))
        || shared.session.inputs.iter().chain(other).any(|i| match &i.input {
            Input::File { text: Some(t), .. } => secret(t),
            Input::Line { line, stdin, .. } => secret(line) || stdin.as_deref().is_some_and(secret),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;

    fn session() -> Shared {
        let mut c = Cluster::with_nodes(3, 1);
        for (at, line) in
            [(2, "create deployment web --image=nginx"), (9, "scale deployment web --replicas=4"), (20, "get pods")]
        {
            c.seek(SimTime::from_secs(at));
            c.submit(Input::Line { terminal: 0, line: format!("kubectl {line}"), stdin: None });
        }
        Shared {
            engine: ENGINE.into(),
            session: c.record(),
            hash: c.hash(),
            scenario: String::new(),
            language: "ko".into(),
            files: BTreeMap::new(),
            layout: BTreeMap::new(),
            beside: None,
        }
    }

    #[test]
    fn of_a_cut_link_the_beginning_can_be_read() {
        let shared = session();
        let link = encode(&shared);
        let cut = &link[..link.len() * 3 / 4];
        let problem = decode(cut).expect_err("it is cut");
        let s = salvage(cut, problem);
        assert!(s.cut && s.odd.is_none() && s.problem == LinkError::Damaged, "{s:?}");
        let read = s.session.expect("the beginning");
        assert!(!read.inputs.is_empty() && shared.session.inputs.starts_with(&read.inputs));
        assert_eq!(read.config, shared.session.config);
        for end in 0..link.len() {
            let _ = salvage(&link[..end], LinkError::Damaged);
        }
        let odd = link.replacen('e', " ", 1);
        assert!(salvage(&odd, LinkError::Damaged).odd.is_some());
        assert_eq!(salvage("hello", LinkError::NotALink).session, None);
    }

    #[test]
    fn files_hold_what_links_hold() {
        let shared = session();
        assert_eq!(from_file(&to_file(&shared)), Ok(shared.clone()));
        let bare = serde_json::to_string(&shared.session).unwrap_or_default();
        assert_eq!(from_file(&bare).map(|s| s.session), Ok(shared.session.clone()));
        assert_eq!(from_file(&format!("https://example.org/#{}\n", encode(&shared))), Ok(shared));
        assert_eq!(from_file("{}"), Err(LinkError::Nonsense));
        assert_eq!(from_file("hello"), Err(LinkError::NotALink));
    }

    #[test]
    fn the_second_branch_says_only_what_differs() {
        let first = session().session;
        let mut second = first.clone();
        second.inputs.truncate(2);
        second.inputs[1].input = Input::Interrupt { terminal: 0 };
        let other = Other::of("what if", &first, &second, SimTime::from_secs(60));
        assert_eq!((other.shared, other.inputs.len()), (1, 1));
        assert_eq!(other.record(&first).inputs, second.inputs);
    }
}
