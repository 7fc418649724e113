//! The starter scenarios: data from `static/scenarios`, with their texts in each language.

use crate::i18n::Lang;
use kubarium_core::api::yaml;
use kubarium_core::network::clients::ClientSpec;
use kubarium_core::world::Input;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A text in each language.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

impl Text {
    /// In this language.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Ko => &self.ko,
        }
    }
}

/// A list of texts in each language.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Steps {
    /// English.
    pub en: Vec<String>,
    /// Korean.
    pub ko: Vec<String>,
}

impl Steps {
    /// In this language.
    pub fn get(&self, lang: Lang) -> &[String] {
        match lang {
            Lang::En => &self.en,
            Lang::Ko => &self.ko,
        }
    }
}

/// A line that the scenario types by itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Typed {
    /// When, in milliseconds of virtual time.
    pub at: u64,
    /// What.
    #[serde(default)]
    pub line: String,
    /// A client that is added instead.
    #[serde(default)]
    pub client: Option<ClientSpec>,
}

impl Typed {
    /// What it does.
    pub fn input(&self) -> Input {
        match &self.client {
            Some(client) => Input::Client(client.clone()),
            None => Input::Line { terminal: 0, line: self.line.clone(), stdin: None },
        }
    }
}

/// A scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name in links.
    pub id: String,
    /// How many nodes there are.
    pub nodes: usize,
    /// Its title.
    pub title: Text,
    /// What it is about.
    pub about: Text,
    /// What it types.
    pub script: Vec<Typed>,
    /// The moment at which a person comes in, in milliseconds.
    pub start: u64,
    /// The file that is shown first.
    pub open: String,
    /// Files in the editor.
    pub files: BTreeMap<String, String>,
    /// What to try.
    pub steps: Steps,
}

/// All of them, in the order in which they are offered.
pub fn all() -> &'static [Scenario] {
    static ALL: OnceLock<Vec<Scenario>> = OnceLock::new();
    ALL.get_or_init(|| {
        [
            include_str!("../../static/scenarios/self-healing.yaml"),
            include_str!("../../static/scenarios/first-pod.yaml"),
            include_str!("../../static/scenarios/relabel.yaml"),
            include_str!("../../static/scenarios/rolling-update.yaml"),
            include_str!("../../static/scenarios/services.yaml"),
            include_str!("../../static/scenarios/traffic.yaml"),
            include_str!("../../static/scenarios/autoscaling.yaml"),
            include_str!("../../static/scenarios/node-failure.yaml"),
            include_str!("../../static/scenarios/statefulset.yaml"),
            include_str!("../../static/scenarios/jobs.yaml"),
            include_str!("../../static/scenarios/drain.yaml"),
            include_str!("../../static/scenarios/ingress.yaml"),
            include_str!("../../static/scenarios/quota.yaml"),
        ]
        .iter()
        .filter_map(|text| serde_json::from_value(yaml::read_value(text).ok()?).ok())
        .collect()
    })
}

/// The scenario of this name.
pub fn by_id(id: &str) -> Option<&'static Scenario> {
    all().iter().find(|s| s.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubarium_core::cluster::Cluster;

    #[test]
    fn all_are_read_and_complete() {
        assert_eq!(all().len(), 13);
        let korean = |t: &str| t.chars().any(|c| ('가'..='힣').contains(&c));
        for s in all() {
            assert!(s.files.contains_key(&s.open), "{}: opens a file that it has", s.id);
            assert_eq!(s.steps.en.len(), s.steps.ko.len(), "{}", s.id);
            assert!((3..=5).contains(&s.steps.en.len()), "{}", s.id);
            assert!(s.steps.ko.iter().all(|t| korean(t)) && korean(&s.title.ko) && korean(&s.about.ko), "{}", s.id);
            assert!(!korean(&s.title.en) && !korean(&s.about.en), "{}", s.id);
        }
    }

    /// What a scenario types is carried out without a complaint, and its pods come to run.
    #[test]
    fn all_begin_well() {
        use kubarium_core::clock::SimTime;
        use kubarium_core::terminal::Piece;
        use kubarium_core::view::model::PodState;
        use kubarium_core::view::project::state;
        for s in all() {
            let mut c = Cluster::with_nodes(s.nodes, 7);
            for (name, text) in &s.files {
                c.submit(Input::File { name: name.clone(), text: Some(text.clone()) });
                let wrong: Vec<_> = kubarium_core::view::diagnose::diagnose(text)
                    .into_iter()
                    .filter(|d| d.severity == kubarium_core::view::assist::Severity::Error)
                    .collect();
                assert!(wrong.is_empty(), "{}: {name}: {wrong:?}", s.id);
            }
            for typed in &s.script {
                c.seek(SimTime(typed.at * 1_000));
                c.submit(typed.input());
            }
            c.seek(SimTime::from_secs(55));
            let complaints: Vec<String> = c
                .world
                .terminals
                .since(0)
                .filter_map(|p| match &p.piece {
                    Piece::Err(t) => Some(t.to_string()),
                    _ => None,
                })
                .collect();
            assert!(complaints.is_empty(), "{}: {complaints:?}", s.id);
            let states: Vec<PodState> = c.world.sim.store.pods().map(|p| state(p)).collect();
            let well = |s: &PodState| matches!(s, PodState::Ready | PodState::Succeeded);
            assert!(!states.is_empty() && states.iter().all(well), "{}: {states:?}", s.id);
        }
    }
}
