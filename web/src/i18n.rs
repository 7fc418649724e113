//! Words: every text of the page in each language, from `static/locales`. A test fails on keys that one of them lacks
//! and on keys that the code asks for and none has.

use kubarium_core::view::model::{Doing, Fault, Message};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Lang {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Ko => "ko",
        }
    }

    /// From a code such as `ko-KR`.
    pub fn from_code(code: &str) -> Lang {
        if code.starts_with("ko") { Lang::Ko } else { Lang::En }
    }

    /// The text under a key; the English one where this language lacks it.
    pub fn t(self, key: &'static str) -> &'static str {
        let get = |lang: Lang| words(lang).get(key).map(String::as_str);
        get(self).or_else(|| get(Lang::En)).unwrap_or(key)
    }

    /// The text of a name that is data (`kind`, `actor`): the name itself where there is none.
    pub fn term<'a>(self, group: &str, name: &'a str) -> &'a str
    where
        'static: 'a,
    {
        let key = format!("{group}.{name}");
        let get = |lang: Lang| words(lang).get(&key).map(String::as_str);
        get(self).or_else(|| get(Lang::En)).unwrap_or(name)
    }

    /// Who did something: a component of the cluster, a kubelet, or the person.
    pub fn actor(self, name: &str) -> String {
        match name.split_once('/') {
            Some(("kubelet", node)) => self.f("actor.kubelet_on", &[("node", node)]),
            _ => self.term("actor", name).to_owned(),
        }
    }

    /// What somebody did.
    pub fn said(self, m: &Message) -> String {
        let kind = if m.kind.is_empty() { "" } else { self.term("kind", m.kind) };
        let values = [("kind", kind), ("name", &*m.name), ("node", &*m.node)];
        let text = match m.doing {
            Doing::Creates => self.f("said.creates", &values),
            Doing::Binds if m.node.is_empty() => self.f("said.binds", &values),
            Doing::Binds => self.f("said.binds_to", &values),
            Doing::Evicts => self.f("said.evicts", &values),
            Doing::Reports => self.f("said.reports", &values),
            Doing::Scales => self.f("said.scales", &values),
            Doing::Changes => self.f("said.changes", &values),
            Doing::Deletes => self.f("said.deletes", &values),
            Doing::DeletesAll => self.f("said.deletes_all", &values),
            Doing::Reads => self.f("said.reads", &values),
            Doing::Lists => self.f("said.lists", &values),
            Doing::Watches => self.f("said.watches", &values),
            Doing::Types => m.name.to_string(),
        };
        match m.refused {
            Some(code) => self.f("said.refused", &[("what", text.trim()), ("code", &code.to_string())]),
            None => text.trim().to_owned(),
        }
    }

    /// A fault; there is no command for it.
    pub fn fault(self, f: &Fault) -> String {
        let at = |namespace: &str, pod: &str| format!("{pod}{}", crate::bridge::in_namespace(namespace));
        match f {
            Fault::CrashContainer { namespace, pod, container } if container.is_empty() => {
                self.f("fault.crash", &[("pod", &at(namespace, pod))])
            }
            Fault::CrashContainer { namespace, pod, container } => {
                self.f("fault.crash_container", &[("pod", &at(namespace, pod)), ("container", container)])
            }
            Fault::BreakReadiness { namespace, pod, broken: true } => {
                self.f("fault.break", &[("pod", &at(namespace, pod))])
            }
            Fault::BreakReadiness { namespace, pod, .. } => self.f("fault.mend", &[("pod", &at(namespace, pod))]),
            Fault::NodePower { node, on: true } => self.f("fault.power_on", &[("node", node)]),
            Fault::NodePower { node, .. } => self.f("fault.power_off", &[("node", node)]),
            other => format!("{other:?}"),
        }
    }

    /// What is so instead of a field that is accepted and not acted on.
    pub fn note(self, note: &str) -> &str {
        match self {
            Lang::En => note,
            Lang::Ko => notes().get(note).map_or(note, String::as_str),
        }
    }

    /// The text under a key with `{name}`s replaced.
    pub fn f(self, key: &'static str, values: &[(&str, &str)]) -> String {
        let mut text = self.t(key).to_owned();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }
}

/// The core's notes on fields that are not acted on, and the same in Korean.
fn notes() -> &'static BTreeMap<String, String> {
    static KO: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    KO.get_or_init(|| serde_json::from_str(include_str!("../../static/locales/notes.ko.json")).unwrap_or_default())
}

fn words(lang: Lang) -> &'static BTreeMap<String, String> {
    static EN: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    static KO: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let read = |text: &str| serde_json::from_str(text).unwrap_or_default();
    match lang {
        Lang::En => EN.get_or_init(|| read(include_str!("../../static/locales/en.json"))),
        Lang::Ko => KO.get_or_init(|| read(include_str!("../../static/locales/ko.json"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn sources(dir: &Path, out: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn both_languages_have_the_same_keys_and_placeholders() {
        let (en, ko) = (words(Lang::En), words(Lang::Ko));
        assert!(!en.is_empty());
        let keys = |m: &BTreeMap<String, String>| m.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(en), keys(ko));
        let holes = |s: &str| {
            let mut v: Vec<String> =
                s.split('{').skip(1).filter_map(|p| p.split_once('}').map(|(n, _)| n.to_owned())).collect();
            v.sort();
            v.dedup();
            v
        };
        for (key, text) in en {
            assert_eq!(holes(text), holes(&ko[key]), "placeholders of {key}");
            assert!(!text.trim().is_empty() && !ko[key].trim().is_empty(), "{key} is empty");
        }
    }

    #[test]
    fn every_key_that_is_asked_for_exists_and_every_key_is_asked_for() {
        let mut texts = Vec::new();
        sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut texts);
        let all = texts.join("\n");
        let mut asked = BTreeSet::new();
        for call in [".t(\"", ".f(\"", "key!(\""] {
            for rest in all.split(call).skip(1) {
                if let Some((key, _)) = rest.split_once('"') {
                    asked.insert(key.to_owned());
                }
            }
        }
        asked.retain(|k| k.contains('.'));
        let known: BTreeSet<String> = words(Lang::En).keys().cloned().collect();
        let missing: Vec<_> = asked.difference(&known).collect();
        assert!(missing.is_empty(), "no text for {missing:?}");
        // names that are data have a test of their own
        let data = |k: &str| ["kind.", "actor."].iter().any(|p| k.starts_with(p));
        let unused: Vec<_> = known.iter().filter(|k| !data(k) && !all.contains(&format!("\"{k}\""))).collect();
        assert!(unused.is_empty(), "texts that nothing shows: {unused:?}");
    }

    #[test]
    fn whatever_the_core_names_has_a_text() {
        use kubarium_core::{sim::Component, store::Kind};
        let known = |group: &str| -> BTreeSet<String> {
            let prefix = format!("{group}.");
            words(Lang::En).keys().filter_map(|k| k.strip_prefix(&prefix)).map(str::to_owned).collect()
        };
        let kinds: BTreeSet<String> = Kind::ALL.iter().map(|k| k.info().kind.to_owned()).collect();
        assert_eq!(known("kind"), kinds);
        let mut actors: BTreeSet<String> = Component::ALL.iter().map(|c| c.name().to_owned()).collect();
        actors.extend(["kubectl", "kube-apiserver", "kubelet_on"].map(str::to_owned));
        assert_eq!(known("actor"), actors);
        let noted: BTreeSet<String> = kubarium_core::api::support::FIELDS.iter().map(|g| g.note.to_owned()).collect();
        let missing: Vec<_> = noted.iter().filter(|n| !notes().contains_key(*n)).collect();
        assert!(missing.is_empty(), "not in notes.ko.json: {missing:?}");
        let korean = |t: &str| t.chars().any(|c| ('가'..='힣').contains(&c));
        for (note, text) in notes() {
            assert!(korean(text), "{note}");
        }
    }

    #[test]
    fn what_is_done_is_said_in_both_languages() {
        let korean = |t: &str| t.chars().any(|c| ('가'..='힣').contains(&c));
        for doing in Doing::ALL {
            let m =
                Message { doing, kind: "ReplicaSet", name: "web-1".into(), node: "node-2".into(), refused: Some(409) };
            for lang in [Lang::En, Lang::Ko] {
                let text = lang.said(&m);
                assert!(!text.contains('{') && text.contains("409"), "{text}");
                assert_eq!(korean(&text), lang == Lang::Ko, "{text}");
            }
        }
        let m = Message { doing: Doing::Creates, kind: "Pod", name: "web-1".into(), node: "".into(), refused: None };
        assert_eq!(Lang::En.said(&m), "creates pod web-1");
        assert_eq!(Lang::En.actor("replicaset-controller"), "ReplicaSet controller");
        assert_eq!(Lang::Ko.actor("kubelet/node-1"), "node-1의 kubelet");
    }
}
