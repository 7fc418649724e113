//! Properties of time: a session scrubbed at random shows the same states as one that was played straight, courses that
//! part leave each other alone, and whatever stands in a link is read in bounded time and space, or refused in words.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::store::Kind;
use kubarium_core::view::link::{self, LinkError, Other, Shared};
use kubarium_core::view::model::Fault;
use kubarium_core::view::{export, sequence};
use kubarium_core::world::Input;
use proptest::prelude::*;

fn input(pick: u8) -> Input {
    let line = |l: &str| Input::Line { terminal: 0, line: format!("kubectl {l}"), stdin: None };
    match pick % 9 {
        0 => line("scale deployment web --replicas=5"),
        1 => line("set image deployment/web nginx=nginx:1.26"),
        2 => line("rollout undo deployment/web"),
        3 => line("delete pods --all --wait=false"),
        4 => line("cordon node-2"),
        5 => line("rollout status deployment/web"),
        6 => Input::Fault(Fault::NodePower { node: "node-1".into(), on: pick > 127 }),
        7 => Input::Interrupt { terminal: 0 },
        _ => line("scale deployment web --replicas=1"),
    }
}

/// A session: what is done, and how many milliseconds after what was done before.
fn session(acts: &[(u8, u16)]) -> Cluster {
    let mut c = Cluster::with_nodes(3, 5);
    c.seek(SimTime::from_secs(3));
    let line = "kubectl create deployment web --image=nginx --replicas=3".to_owned();
    c.submit(Input::Line { terminal: 0, line, stdin: None });
    for (pick, after) in acts {
        c.seek(SimTime(c.now().0 + u64::from(*after) * 1_000));
        c.submit(input(*pick));
    }
    c.seek(SimTime(c.now().0 + 20_000_000));
    c
}

fn shared(c: &Cluster) -> Shared {
    Shared {
        engine: link::ENGINE.into(),
        session: c.record(),
        hash: c.hash(),
        scenario: String::new(),
        language: "en".into(),
        files: Default::default(),
        layout: Default::default(),
        beside: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn scrubbing_shows_what_playing_showed(
        acts in prop::collection::vec((any::<u8>(), 0u16..30_000), 1..7),
        scrubs in prop::collection::vec(0.0f64..1.0, 1..9),
    ) {
        let mut c = session(&acts);
        let (end, hash) = (c.now(), c.hash());
        let last = c.world.sim.requests.last();
        // the same moments, played straight
        let moments: Vec<SimTime> = scrubs.iter().map(|f| SimTime((end.0 as f64 * f) as u64)).collect();
        let mut sorted = moments.clone();
        sorted.sort();
        let record = c.record();
        let mut straight = Cluster::replay(&kubarium_core::cluster::SessionRecord { now: SimTime::ZERO, steps: 0, ..record.clone() }, 0);
        let known: std::collections::BTreeMap<SimTime, u64> = sorted
            .into_iter()
            .map(|t| {
                while !straight.advance(t, 100_000).done {}
                (t, straight.hash())
            })
            .collect();
        for (i, t) in moments.iter().enumerate() {
            if i % 3 == 2 {
                prop_assert!(c.seek_request((last as f64 * scrubs[i]) as u64 + 1));
            }
            c.seek(*t);
            prop_assert_eq!(c.hash(), known[t], "at {:?}", t);
        }
        c.seek(end);
        prop_assert_eq!(c.hash(), hash);
        // and from a link, and from a file
        let s = shared(&c);
        let read = link::decode(&link::encode(&s)).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(&read, &s);
        prop_assert_eq!(link::from_file(&link::to_file(&s)), Ok(s));
        prop_assert_eq!(Cluster::replay(&read.session, u64::MAX).hash(), hash);
    }

    #[test]
    fn courses_leave_each_other_alone(
        acts in prop::collection::vec((any::<u8>(), 0u16..20_000), 1..5),
        at in 0.05f64..0.95,
        other in any::<u8>(),
    ) {
        let mut c = session(&acts);
        let (end, hash) = (c.now(), c.hash());
        let mut old = c.clone();
        c.seek(SimTime((end.0 as f64 * at) as u64));
        c.submit(input(other));
        c.seek(end);
        let here = c.hash();
        old.seek(SimTime(end.0 / 3));
        old.seek(end);
        prop_assert_eq!(old.hash(), hash);
        prop_assert_eq!(c.hash(), here);
        // a link with both brings both back
        let mut both = shared(&c);
        both.beside = Some(Other::of("old", &both.session, &old.whole_record(), end));
        let read = link::decode(&link::encode(&both)).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let second = read.beside.as_ref().map(|o| o.record(&read.session));
        let mut again = Cluster::replay(&second.ok_or(TestCaseError::fail("no second branch"))?, 0);
        again.seek(end);
        prop_assert_eq!(again.hash(), hash);
        // what leaves the tab says something about any session
        // (who goes back to before the Deployment was made, and does something else, has none)
        let made = c.world.sim.store.list(Kind::Deployment, None).next().is_some();
        prop_assert_eq!(export::manifests(&c, &export::Scope::Made).contains("kind: Deployment"), made);
        prop_assert!(export::script(&c, export::Target::Kind, true).starts_with("#!/usr/bin/env bash"));
        for change in sequence::changes(&c) {
            prop_assert!(!sequence::sequence(&c, change.request).lines.is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_in_a_link_is_looked_at_and_never_more(
        text in "\\PC{0,120}",
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut c = Cluster::with_nodes(2, 1);
        c.submit(input(0));
        let good = link::encode(&shared(&c));
        let mut bytes = good.clone().into_bytes();
        for (i, b) in flips {
            let i = i.index(bytes.len());
            bytes[i] = b;
        }
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        let short = &good[..cut.index(good.len())];
        for candidate in [text.as_str(), &changed, short, &format!("v1.d.{text}.AAAA")] {
            if let Err(e) = link::decode(candidate) {
                let s = link::salvage(candidate, e);
                prop_assert!(!e.to_string().is_empty());
                if let Some(session) = s.session {
                    Cluster::replay(&session, 2_000);
                }
            }
            let _ = link::from_file(candidate);
        }
    }
}

/// A few characters that would unpack to very many are not unpacked.
#[test]
fn decompression_is_capped() {
    let packed = miniz_oxide::deflate::compress_to_vec(&vec![b' '; 60_000_000], 9);
    let sum = crc32(&packed);
    let text = format!("v1.d.{}.{}", URL_SAFE_NO_PAD.encode(&packed), URL_SAFE_NO_PAD.encode(sum.to_be_bytes()));
    assert!(text.len() < link::MAX_LINK);
    assert_eq!(link::decode(&text), Err(LinkError::TooLarge));
    assert_eq!(link::salvage(&text, LinkError::TooLarge).session, None);
    assert_eq!(link::from_file(&"{".repeat(link::MAX_UNPACKED + 1)), Err(LinkError::TooLarge));
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for b in bytes {
        crc ^= u32::from(*b);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
