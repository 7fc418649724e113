//! Words: every text of the page in each language, from `static/locales`. A test fails on keys that one of them lacks
//! and on keys that the code asks for and none has.

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

    /// The text under a key with `{name}`s replaced.
    pub fn f(self, key: &'static str, values: &[(&str, &str)]) -> String {
        let mut text = self.t(key).to_owned();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }
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
        let unused: Vec<_> = known.iter().filter(|k| !all.contains(&format!("\"{k}\""))).collect();
        assert!(unused.is_empty(), "texts that nothing shows: {unused:?}");
    }
}
