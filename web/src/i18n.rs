//! Words: every text of the page in each language, from `static/locales`. A test fails on keys that one of them lacks
//! and on keys that the code asks for and none has.

use kubarium_core::network::clients::{ClientPlace, Load};
use kubarium_core::network::policy::Direction;
use kubarium_core::network::request::{Failure, Reason};
use kubarium_core::view::model::{Doing, Fault, Message, PlanePart, Pressure};
use kubarium_core::view::network::{HopView, TraceView, Why};
use kubarium_core::world::Input;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
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

    /// What a person did that has no command; none: it had one.
    pub fn done(self, input: &Input) -> Option<String> {
        match input {
            Input::Fault(f) => Some(self.fault(f)),
            Input::Client(c) => {
                let values = [("name", &*c.name), ("url", &*c.url), ("load", &*self.load(&c.load))];
                Some(self.f("client.added", &values))
            }
            Input::RemoveClient { name } => Some(self.f("client.removed", &[("name", name)])),
            Input::File { .. } | Input::Line { .. } | Input::Interrupt { .. } => None,
        }
    }

    /// How much a client sends.
    pub fn load(self, load: &Load) -> String {
        let text = |n: &u32| n.to_string();
        match load {
            Load::Steady { rate } => self.f("load.steady", &[("n", &text(rate))]),
            Load::Burst { count, every: 0 } => self.f("load.burst_once", &[("n", &text(count))]),
            Load::Burst { count, every } => self.f("load.burst", &[("n", &text(count)), ("every", &text(every))]),
            Load::Ramp { from, to, seconds } => {
                self.f("load.ramp", &[("from", &text(from)), ("to", &text(to)), ("seconds", &text(seconds))])
            }
        }
    }

    /// Where a client stands.
    pub fn stands(self, place: &ClientPlace) -> String {
        match place {
            ClientPlace::Outside => self.t("client.outside").to_owned(),
            ClientPlace::Pod { namespace, name } => format!("pod/{name}{}", crate::bridge::in_namespace(namespace)),
            ClientPlace::Inside { namespace } => self.f("client.inside", &[("namespace", namespace)]),
        }
    }

    /// Why requests fail, in a few words.
    pub fn reason(self, reason: Reason) -> &'static str {
        match reason {
            Reason::UnknownHost => self.t("reason.unknown_host"),
            Reason::NoRoute => self.t("reason.no_route"),
            Reason::NoEndpoints => self.t("reason.no_endpoints"),
            Reason::NoLocalEndpoints => self.t("reason.no_local"),
            Reason::Denied => self.t("reason.denied"),
            Reason::Refused => self.t("reason.refused"),
            Reason::Stale => self.t("reason.stale"),
            Reason::Reset => self.t("reason.reset"),
            Reason::NodeDown => self.t("reason.node_down"),
            Reason::NoClient => self.t("reason.no_client"),
            Reason::NoAnswer => self.t("reason.no_answer"),
            Reason::CutOff => self.t("reason.cut_off"),
            Reason::Status => self.t("reason.status"),
        }
    }

    /// Why a request failed, exactly.
    pub fn why(self, why: &Why) -> String {
        match why {
            Why::Answered(code) => self.f("why.answered", &[("code", &code.to_string())]),
            Why::Failed(f) => self.failure(f),
        }
    }

    fn failure(self, f: &Failure) -> String {
        match f {
            Failure::UnknownHost(h) => self.f("why.unknown_host", &[("host", h)]),
            Failure::NamesDenied(h, p) => self.f("why.names_denied", &[("host", h), ("policy", &p.to_string())]),
            Failure::Health(s, n, local) => {
                let (service, ready) = (s.to_string(), local.to_string());
                self.f("why.health", &[("service", &service), ("node", n), ("n", &ready)])
            }
            Failure::NoRoute(ip) => self.f("why.no_route", &[("address", &Ipv4Addr::from(*ip).to_string())]),
            Failure::NoPort(s, p) => self.f("why.no_port", &[("service", &s.to_string()), ("port", &p.to_string())]),
            Failure::NoEndpoints(s) => self.f("why.no_endpoints", &[("service", &s.to_string())]),
            Failure::NoLocalEndpoints(s, n) => self.f("why.no_local", &[("service", &s.to_string()), ("node", n)]),
            Failure::Denied(Direction::Ingress, p) => self.f("why.denied_in", &[("policy", &p.to_string())]),
            Failure::Denied(Direction::Egress, p) => self.f("why.denied_out", &[("policy", &p.to_string())]),
            Failure::Refused(p, port) => self.f("why.refused", &[("pod", &p.to_string()), ("port", &port.to_string())]),
            Failure::Stale { pod, node, late: None, .. } => {
                self.f("why.stale", &[("pod", &pod.to_string()), ("node", node)])
            }
            Failure::Stale { pod, node, late: Some(late), .. } => {
                let ms = late.0.div_ceil(1000).to_string();
                self.f("why.stale_by", &[("pod", &pod.to_string()), ("node", node), ("ms", &ms)])
            }
            Failure::Reset(p) => self.f("why.reset", &[("pod", &p.to_string())]),
            Failure::NodeDown(n) => self.f("why.node_down", &[("node", n)]),
            Failure::CutOff(n) => self.f("why.cut_off", &[("node", n)]),
            Failure::NoAnswer(p) => self.f("why.no_answer", &[("pod", &p.to_string())]),
            Failure::NoClient => self.t("why.no_client").to_owned(),
            Failure::Api => self.t("why.api").to_owned(),
            Failure::ApiDown => self.t("why.api_down").to_owned(),
            Failure::Gateway(code, None) => self.f("why.gateway", &[("code", &code.to_string())]),
            Failure::Gateway(code, Some(why)) => {
                self.f("why.gateway_by", &[("code", &code.to_string()), ("why", &self.failure(why))])
            }
            Failure::Proxy(pod, code, why) => {
                let code = code.to_string();
                self.f("why.proxy", &[("code", &code), ("pod", &pod.to_string()), ("why", &self.failure(why))])
            }
        }
    }

    /// What a pod suffers from, in a few words.
    pub fn ill(self, f: &Fault, several: bool) -> String {
        let (text, container) = match f {
            Fault::CrashLoop { container, .. } => (self.t("ill.loop").to_owned(), &**container),
            Fault::HangContainer { container, .. } => (self.t("ill.hang").to_owned(), &**container),
            Fault::LeakMemory { container, rate, .. } => {
                let rate = format!("{:.1} MiB/s", *rate as f64 / f64::from(1 << 20));
                (self.f("ill.leak", &[("rate", &rate)]), &**container)
            }
            Fault::SlowStart { container, seconds, .. } => {
                (self.f("ill.slow", &[("seconds", &seconds.to_string())]), &**container)
            }
            Fault::BreakReadiness { .. } => (self.t("ill.readiness").to_owned(), ""),
            Fault::BreakLiveness { .. } => (self.t("ill.liveness").to_owned(), ""),
            _ => (String::new(), ""),
        };
        if several && !container.is_empty() { format!("{container}: {text}") } else { text }
    }

    /// How a request ended: `✓ 200 · web-… · 1.9 ms`.
    pub fn outcome(self, t: &TraceView) -> String {
        let ms = format!("{:.1} ms", t.took.0 as f64 / 1e3);
        let code = t.code.map_or(String::new(), |c| format!(" {c}"));
        let pod = if t.pod.is_empty() { String::new() } else { format!(" · {}", t.pod) };
        format!("{}{code}{pod} · {ms}", if t.ok { "✓" } else { "×" })
    }

    /// A place on a request's way.
    pub fn hop(self, h: &HopView) -> String {
        match h.kind {
            "outside" => self.t("hop.outside").to_owned(),
            "dns" => format!("DNS {}", h.name),
            "loadbalancer" => format!("LB {}", h.name),
            "service" => format!("svc/{}", h.name),
            "ingress" if h.name.is_empty() => self.t("hop.ingress").to_owned(),
            "ingress" => format!("ing/{}", h.name),
            "node" => format!("node/{}", h.name),
            "pod" => format!("pod/{}", h.name),
            _ => h.name.to_string(),
        }
    }

    /// A part of the control plane.
    pub fn part(self, part: &PlanePart) -> String {
        match part {
            PlanePart::ApiServer => self.t("map.api_server").to_owned(),
            PlanePart::Scheduler => self.t("map.scheduler").to_owned(),
            PlanePart::ControllerManager => self.t("map.controllers").to_owned(),
            PlanePart::Controller(name) => self.actor(name),
        }
    }

    /// A fault.
    pub fn fault(self, f: &Fault) -> String {
        let of = |namespace: &str, pod: &str, container: &str| {
            let at = format!("{pod}{}", crate::bridge::in_namespace(namespace));
            if container.is_empty() { at } else { format!("{at} ({container})") }
        };
        let pod = |key: &'static str, n: &str, p: &str, c: &str| self.f(key, &[("pod", &of(n, p, c))]);
        match f {
            Fault::CrashContainer { namespace: n, pod: p, container: c } => pod("fault.crash", n, p, c),
            Fault::CrashLoop { namespace: n, pod: p, container: c, on: true } => pod("fault.loop", n, p, c),
            Fault::CrashLoop { namespace: n, pod: p, container: c, .. } => pod("fault.loop_over", n, p, c),
            Fault::HangContainer { namespace: n, pod: p, container: c, on: true } => pod("fault.hang", n, p, c),
            Fault::HangContainer { namespace: n, pod: p, container: c, .. } => pod("fault.hang_over", n, p, c),
            Fault::LeakMemory { namespace: n, pod: p, container: c, rate: 0 } => pod("fault.leak_over", n, p, c),
            Fault::LeakMemory { namespace: n, pod: p, container: c, rate } => {
                let rate = format!("{:.1} MiB/s", *rate as f64 / f64::from(1 << 20));
                self.f("fault.leak", &[("pod", &of(n, p, c)), ("rate", &rate)])
            }
            Fault::SlowStart { namespace: n, pod: p, container: c, seconds: 0 } => pod("fault.start_over", n, p, c),
            Fault::SlowStart { namespace: n, pod: p, container: c, seconds } => {
                self.f("fault.start", &[("pod", &of(n, p, c)), ("seconds", &seconds.to_string())])
            }
            Fault::BreakReadiness { namespace: n, pod: p, broken: true } => pod("fault.break", n, p, ""),
            Fault::BreakReadiness { namespace: n, pod: p, .. } => pod("fault.mend", n, p, ""),
            Fault::BreakLiveness { namespace: n, pod: p, broken: true } => pod("fault.break_live", n, p, ""),
            Fault::BreakLiveness { namespace: n, pod: p, .. } => pod("fault.mend_live", n, p, ""),
            Fault::NodePower { node, on: true } => self.f("fault.power_on", &[("node", node)]),
            Fault::NodePower { node, .. } => self.f("fault.power_off", &[("node", node)]),
            Fault::NodePartition { node, on: true } => self.f("fault.cut", &[("node", node)]),
            Fault::NodePartition { node, .. } => self.f("fault.joined", &[("node", node)]),
            Fault::NodePressure { node, resource: Pressure::Memory, on: true } => {
                self.f("fault.memory", &[("node", node)])
            }
            Fault::NodePressure { node, resource: Pressure::Memory, .. } => {
                self.f("fault.memory_over", &[("node", node)])
            }
            Fault::NodePressure { node, resource: Pressure::Disk, on: true } => self.f("fault.disk", &[("node", node)]),
            Fault::NodePressure { node, resource: Pressure::Disk, .. } => self.f("fault.disk_over", &[("node", node)]),
            Fault::RegistryOutage { on: true } => self.t("fault.registry").to_owned(),
            Fault::RegistryOutage { .. } => self.t("fault.registry_over").to_owned(),
            Fault::Stop { part, on: true } => self.f("fault.stop", &[("part", &self.part(part))]),
            Fault::Stop { part, .. } => self.f("fault.stop_over", &[("part", &self.part(part))]),
            Fault::Slow { part, millis: 0 } => self.f("fault.slow_over", &[("part", &self.part(part))]),
            Fault::Slow { part, millis } => {
                self.f("fault.slow", &[("part", &self.part(part)), ("ms", &millis.to_string())])
            }
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
        let mut noted: BTreeSet<String> =
            kubarium_core::api::support::FIELDS.iter().map(|g| g.note.to_owned()).collect();
        noted.insert(kubarium_core::api::support::STORED.to_owned());
        let missing: Vec<_> = noted.iter().filter(|n| !notes().contains_key(*n)).collect();
        assert!(missing.is_empty(), "not in notes.ko.json: {missing:?}");
        let korean = |t: &str| t.chars().any(|c| ('가'..='힣').contains(&c));
        for (note, text) in notes() {
            assert!(korean(text), "{note}");
        }
    }

    #[test]
    fn failures_and_ills_are_told_in_both_languages() {
        let korean = |t: &str| t.chars().any(|c| ('가'..='힣').contains(&c));
        let key = |name: &str| kubarium_core::store::Key::new("default", name);
        let stale = |late| {
            let (service, pod, node) = (key("web"), key("web-1"), "node-1".into());
            Failure::Stale { service, pod, pod_ip: 1, node, late }
        };
        let late = kubarium_core::clock::SimDuration::from_millis(40);
        let gateway = Failure::Gateway(502, Some(Box::new(Failure::NoEndpoints(key("web")))));
        let failures = [
            Failure::UnknownHost("web".into()),
            Failure::NamesDenied("web".into(), key("none")),
            Failure::Health(key("web"), "node-1".into(), 0),
            Failure::NoRoute(1),
            Failure::NoPort(key("web"), 80),
            Failure::NoLocalEndpoints(key("web"), "node-1".into()),
            Failure::Denied(Direction::Ingress, key("none")),
            Failure::Denied(Direction::Egress, key("none")),
            Failure::Refused(key("web-1"), 80),
            stale(None),
            stale(Some(late)),
            Failure::Reset(key("web-1")),
            Failure::NodeDown("node-1".into()),
            Failure::CutOff("node-1".into()),
            Failure::NoAnswer(key("web-1")),
            Failure::NoClient,
            Failure::Api,
            Failure::ApiDown,
            Failure::Gateway(404, None),
            gateway,
            Failure::Proxy(key("web-1"), 502, Box::new(Failure::Api)),
        ];
        let whys = failures.map(|f| Why::Failed(f.into())).into_iter().chain([Why::Answered(500)]);
        let faults = || {
            let (namespace, pod, container) = (String::new(), "web-1".to_owned(), "a".to_owned());
            [
                Fault::CrashLoop {
                    namespace: namespace.clone(),
                    pod: pod.clone(),
                    container: container.clone(),
                    on: true,
                },
                Fault::LeakMemory { namespace: namespace.clone(), pod: pod.clone(), container, rate: 1 << 20 },
                Fault::BreakLiveness { namespace, pod, broken: true },
            ]
        };
        for why in whys {
            for lang in [Lang::En, Lang::Ko] {
                let text = lang.why(&why);
                assert!(!text.contains('{'), "{text}");
                assert_eq!(korean(&text), lang == Lang::Ko, "{text}");
            }
        }
        for lang in [Lang::En, Lang::Ko] {
            assert!(faults().iter().all(|f| korean(&lang.ill(f, true)) == (lang == Lang::Ko)));
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
