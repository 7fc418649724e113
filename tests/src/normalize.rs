//! Removes from a raw outcome what may differ from run to run, so that a run here and a recorded one can be compared.
//!
//! A raw outcome is `{"case", "kubernetes", "steps": [{"kubectl", "rc", "stdout", "stderr"} | {"advance"} |
//! {"settle": true, "objects": […]}]}`. The rules are those of the recordings' own normaliser, rule by rule, and never
//! looser: a test compares the two where Python is at hand.

use crate::json::{self, sort_key};
use fancy_regex::{Captures, Regex};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The alphabet of generated name suffixes.
const SAFE: &str = "bcdfghjklmnpqrstvwxz2456789";

/// The fixed patterns. Anchored ones (`\A`) are matched at the beginning of a line.
struct Patterns {
    age: Regex,
    tokens: Vec<(Regex, &'static str)>,
    distribution_source: Regex,
    cpu_row: Regex,
    address_repair: Regex,
    kubelet_row: Regex,
    limit_row: Regex,
    drain_row: Regex,
    hashed_row: Regex,
    node_port: Regex,
    access_volume: Regex,
    progress_reason: Regex,
    progress_message: Regex,
    diff_file: Regex,
    resource_version: Regex,
    dropped_line: Regex,
    repeated: Regex,
    columns: Regex,
    event_head: Regex,
    event_rule: Regex,
    cron_job: Regex,
    suffix: Regex,
    generated: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let r = |pattern: &str| Regex::new(pattern).expect("a pattern that compiles");
    Patterns {
        // an age or a duration; 10m and longer without seconds is read as a CPU quantity: no session lasts so long
        age: r(r"(?<![^\s(])(?:\d+(?:y|d|h|s|ms)|\d+m(?=\d)|\dm){1,3}(?=[\s,)]|$)"),
        tokens: vec![
            (r(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UID"),
            (r(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"), "TIME"),
            (r(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
            (r(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4}"), "TIME"),
            (r(r"\b10\.244\.\d+\.\d+\b"), "POD-IP"),
            (r(r"\b10\.96\.(?!0\.1\b)\d+\.\d+\b"), "CLUSTER-IP"),
            (r(r"containerd://[0-9a-f]+"), "CONTAINER-ID"),
        ],
        // what the recorded distribution adds to every pod's token volume: as -o yaml, -o json and describe print it
        distribution_source: r(concat!(
            r"\n *- configMap:\n +items:\n +- key: service-ca.crt\n +path: service-ca.crt\n +name: openshift-service-ca.crt(?=\n)",
            r#"|,\s*\{\s*\"configMap\": ?\{\s*\"items\": ?\[\s*\{\s*\"key\": ?\"service-ca.crt\",\s*\"path\": ?\"service-ca.crt\"\s*\}\s*\],\s*\"name\": ?\"openshift-service-ca.crt\"\s*\}\s*\}"#,
            r"|\n +ConfigMapName: +openshift-service-ca.crt\n +(?:ConfigMap)?Optional: [^\n]*"
        )),
        cpu_row: r(r"\A\s*(?:limits\.|requests\.)?cpu:?\s"),
        address_repair: r(r"\b(?:ClusterIP|IPAddress)(?:NotAllocated|WrongReference|NotFound|OutOfRange)\b"),
        kubelet_row: r(concat!(
            r"\A(?:\s*(?:Normal|Warning) \S+ AGE kubelet\b",
            r"|(?:\S+ )?AGE (?:Normal|Warning) (?:Pulling|Pulled|Created|Started|Killing|BackOff|Unhealthy|Preempting|ErrImageNeverPull|InspectFailed|NodeNotReady|Failed\w*|SandboxChanged|PodSandbox\w*|Node\w*) (?:pod|node)/",
            r"|.*\bSuccessfully assigned )"
        )),
        limit_row: r(r"\A\s*(?:Container|Pod|PersistentVolumeClaim)(?: \S+){6}$"),
        drain_row: r(r"\A(?:evicting pod \S|pod/\S+ evicted$)"),
        hashed_row: r(r"\A\s*\S*-(?:HASH|REV)\d+(?:\s|$)"),
        node_port: r(r"\b3[0-2]\d{3}\b"),
        access_volume: r(&format!("kube-api-access-[{SAFE}]{{5}}")),
        // a Deployment whose new ReplicaSet has not yet progressed: which of the three it says is a race
        progress_reason: r(r"\b(?:NewReplicaSetCreated|FoundNewReplicaSet)\b"),
        progress_message: r(r#"(?:Created|Found) new replica set ("[^"]+")"#),
        diff_file: r(r"/tmp/(LIVE|MERGED)-\d+"),
        resource_version: r(r#"("?resourceVersion"?: ?)"\d+""#),
        dropped_line: r(r"\A\s+(uid|resourceVersion|creationTimestamp):"),
        repeated: r(r"AGE \(x\d+ over AGE\)"),
        columns: r(r"(?<=\S)\s{2,}"),
        event_head: r(r"\A\s*Type Reason"),
        event_rule: r(r"\A\s*----"),
        cron_job: r(r"-\d{8}$"),
        suffix: r(r"[^-]{5}$"),
        generated: r(&format!("\\A[{SAFE}]{{5}}\\z")),
    }
});

fn is_match(pattern: &Regex, text: &str) -> bool {
    pattern.is_match(text).unwrap_or(false)
}

const TIME_KEYS: [&str; 4] = ["lastTransitionTime", "lastUpdateTime", "lastProbeTime", "lastHeartbeatTime"];
const META_DROP: [&str; 6] =
    ["uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp"];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Normalises one outcome: it learns the outcome's generated names first.
#[derive(Default)]
pub struct Normalizer {
    hashes: Vec<(String, String)>,
    generated: Vec<(String, Regex)>,
    cron: Vec<(String, Regex)>,
    fixed_ports: BTreeSet<String>,
    kind: String,
}

fn text<'a>(v: &'a Value, key: &str) -> &'a str {
    v[key].as_str().unwrap_or_default()
}

/// A raw outcome, normalised.
pub fn normalize(raw: &Value) -> Value {
    let mut n = Normalizer::default();
    let empty = vec![];
    let steps = raw["steps"].as_array().unwrap_or(&empty);
    n.learn_all(steps);
    let steps = steps.iter().map(|s| n.step(s)).collect::<Vec<_>>();
    let mut out = Map::new();
    out.insert("case".into(), raw["case"].clone());
    out.insert("kubernetes".into(), raw["kubernetes"].clone());
    out.insert("steps".into(), steps.into());
    Value::Object(out)
}

impl Normalizer {
    /// Learns the names and fixed node ports of an outcome's steps.
    pub fn learn_all(&mut self, steps: &[Value]) {
        let commands: Vec<Value> =
            steps.iter().map(|s| s.get("kubectl").cloned().unwrap_or_else(|| "".into())).collect();
        let files: Vec<Value> =
            steps.iter().map(|s| s.get("files").cloned().unwrap_or_else(|| Map::new().into())).collect();
        let all = sort_key(&Value::from(commands)) + &sort_key(&Value::from(files));
        for m in PATTERNS.node_port.find_iter(&all).flatten() {
            self.fixed_ports.insert(m.as_str().to_owned());
        }
        let mut seen = BTreeMap::new();
        let mut generated = BTreeSet::new();
        let mut cron = BTreeSet::new();
        for step in steps {
            let mut objects: Vec<&Value> = step["objects"].as_array().into_iter().flatten().collect();
            objects.sort_by_key(|o| text(&o["metadata"], "creationTimestamp"));
            for o in objects {
                self.learn(o, &mut seen, &mut generated, &mut cron);
            }
        }
        let compiled = |base: String, tail: &str| {
            let pattern = Regex::new(&(fancy_regex::escape(&base).into_owned() + tail)).expect("an escaped name");
            (base, pattern)
        };
        // longest first, so that a name that begins with another is replaced whole
        let mut generated: Vec<String> = generated.into_iter().collect();
        generated.sort_by_key(|g| std::cmp::Reverse(g.chars().count()));
        self.generated = generated.into_iter().map(|g| compiled(g, &format!("[{SAFE}]{{5}}\\b"))).collect();
        self.cron = cron.into_iter().map(|c| compiled(c, r"\d{8}\b")).collect();
    }

    fn learn(
        &mut self,
        o: &Value,
        seen: &mut BTreeMap<(String, String), usize>,
        generated: &mut BTreeSet<String>,
        cron: &mut BTreeSet<String>,
    ) {
        let m = &o["metadata"];
        let (kind, name) = (text(o, "kind"), text(m, "name"));
        let hash = text(&m["labels"], "pod-template-hash");
        if kind == "ReplicaSet" && !hash.is_empty() && !self.hashes.iter().any(|(h, _)| h == hash) {
            let cut = name.char_indices().rev().nth(hash.chars().count()).map_or(0, |(i, _)| i);
            let count = seen.entry((text(m, "namespace").into(), name[..cut].into())).or_default();
            *count += 1;
            self.hashes.push((hash.into(), format!("HASH{count}")));
        }
        if kind == "ControllerRevision"
            && let Some((_, hash)) = name.rsplit_once('-')
            && !self.hashes.iter().any(|(h, _)| h == hash)
        {
            self.hashes.push((hash.into(), format!("REV{}", o["revision"].as_i64().unwrap_or(0))));
        }
        // pods it failed to create are named in its events only
        if kind == "ReplicaSet" {
            generated.insert(format!("{name}-"));
        }
        let owners = m["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
        // a CronJob's jobs are named by the minute they were due
        if kind == "Job" && owners.iter().any(|r| text(r, "kind") == "CronJob") && is_match(&PATTERNS.cron_job, name) {
            cron.insert(name[..name.len() - 8].into());
        }
        let prefix = text(m, "generateName");
        let base = if !prefix.is_empty() {
            prefix.to_owned()
        } else if matches!(kind, "Pod" | "EndpointSlice" | "Job") && !owners.is_empty() {
            PATTERNS.suffix.replace_all(name, "").into_owned()
        } else {
            return;
        };
        if !base.is_empty() && name.strip_prefix(&base).is_some_and(|tail| is_match(&PATTERNS.generated, tail)) {
            generated.insert(base);
        }
    }

    fn step(&mut self, step: &Value) -> Value {
        let mut s = step.clone();
        if s.get("kubectl").is_some() {
            for stream in ["stdout", "stderr"] {
                s[stream] = self.lines(text(step, stream)).into();
            }
            if let Some(code) = s["rc"].as_i64() {
                s["rc"] = i64::from(code != 0).into();
            }
        }
        if let Some(objects) = step["objects"].as_array() {
            s["objects"] = self.objects(objects);
        }
        s
    }

    /// One piece of text without generated names, addresses, times.
    pub fn string(&self, s: &str) -> String {
        let p = &*PATTERNS;
        let mut s = s.to_owned();
        for (base, pattern) in &self.generated {
            if s.contains(base.as_str()) {
                s = pattern.replace_all(&s, |_: &Captures| format!("{base}xxxxx")).into_owned();
            }
        }
        for (base, pattern) in &self.cron {
            if s.contains(base.as_str()) {
                s = pattern.replace_all(&s, |_: &Captures| format!("{base}MINUTE")).into_owned();
            }
        }
        for (hash, token) in &self.hashes {
            if s.contains(hash.as_str()) {
                s = s.replace(hash.as_str(), token);
            }
        }
        s = p.access_volume.replace_all(&s, "kube-api-access-xxxxx").into_owned();
        s = p.progress_reason.replace_all(&s, "ReplicaSetUpdated").into_owned();
        s = p.progress_message.replace_all(&s, "ReplicaSet ${1} is progressing.").into_owned();
        s = p.diff_file.replace_all(&s, "/tmp/${1}-N").into_owned();
        for (pattern, token) in &p.tokens {
            s = pattern.replace_all(&s, *token).into_owned();
        }
        let port = |c: &Captures| {
            let port = c.get(0).map_or("", |m| m.as_str());
            if self.fixed_ports.contains(port) { port.to_owned() } else { "NODE-PORT".to_owned() }
        };
        s = p.node_port.replace_all(&s, port).into_owned();
        p.resource_version.replace_all(&s, r#"${1}"RV""#).into_owned()
    }

    /// What a command printed, line by line.
    pub fn lines(&self, s: &str) -> Vec<String> {
        let p = &*PATTERNS;
        let s = self.string(&p.distribution_source.replace_all(s, ""));
        let mut out: Vec<String> = vec![];
        for line in json::split_lines(&s) {
            // the recorded API server is a distribution's: its own traces are left out
            if is_match(&p.dropped_line, line) || line.contains("openshift") || is_match(&p.address_repair, line) {
                continue;
            }
            let mut line = line.to_owned();
            if !is_match(&p.cpu_row, &line) {
                // an event that came again says how often
                line = p.repeated.replace_all(&p.age.replace_all(&line, "AGE"), "AGE").into_owned();
            }
            line = p.columns.replace_all(&line, " ").trim_end_matches(json::is_space).to_owned();
            if is_match(&p.kubelet_row, &line) {
                continue;
            }
            // what follows these is a diff of the API server's internal structures
            let last = line.contains("Forbidden: pod updates may not change fields other than")
                || line.contains("Forbidden: spec is immutable after creation except");
            out.push(line);
            if last {
                break;
            }
        }
        // describe's table of events, when every row of it was left out
        for i in (0..out.len().saturating_sub(2)).rev() {
            if i + 2 < out.len()
                && out[i].trim_matches(json::is_space) == "Events:"
                && is_match(&p.event_head, &out[i + 1])
                && is_match(&p.event_rule, &out[i + 2])
                && !out.get(i + 3).is_some_and(|l| l.starts_with(' '))
            {
                let none = format!("{} <none>", out[i]);
                out.splice(i..i + 3, [none]);
            }
        }
        // Rows that name generated objects come in the order of their random suffixes, rows that begin with a hashed
        // name in the order of the hashes, kubectl drain evicts all pods at once, and describe goes through a
        // LimitRange's resources in no order: each run of them is sorted.
        let loose = |l: &str| {
            l.contains("xxxxx") || is_match(&p.hashed_row, l) || is_match(&p.drain_row, l) || is_match(&p.limit_row, l)
        };
        let mut i = 0;
        while i < out.len() {
            let mut j = i;
            while j < out.len() && loose(&out[j]) {
                j += 1;
            }
            out[i..j].sort();
            i = j.max(i + 1);
        }
        out
    }

    fn objects(&mut self, objects: &[Value]) -> Value {
        let mut events = BTreeSet::new();
        let mut table: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for o in objects {
            let m = &o["metadata"];
            let about = o.get("involvedObject").map(sort_key).unwrap_or_default();
            if text(m, "name").contains("openshift") || about.contains("openshift") {
                continue;
            }
            if text(o, "kind") == "Event" {
                let row = self.event(o);
                events.extend(row);
                continue;
            }
            let reduced;
            let o = if text(o, "kind") == "Node" {
                reduced = reduce_node(o);
                &reduced
            } else {
                o
            };
            let key = format!("{} {}/{}", text(o, "kind"), text(m, "namespace"), self.string(text(m, "name")));
            let clean = self.object(o);
            table.entry(key).or_default().push(clean);
        }
        if !events.is_empty() {
            table.insert("Event".into(), events.into_iter().map(Value::String).collect());
        }
        let mut out = Map::new();
        for (key, mut objects) in table {
            objects.sort_by_cached_key(sort_key);
            out.insert(key, objects.into());
        }
        Value::Object(out)
    }

    /// An event's row, unless a kubelet or the scheduler's placing wrote it, or it is a race of the server's start.
    fn event(&self, o: &Value) -> Option<String> {
        let about = &o["involvedObject"];
        let (kind, reason) = (text(about, "kind"), text(o, "reason"));
        if kind == "ServiceCIDR" || kind == "Node" || matches!(reason, "Scheduled" | "RegisteredNode") {
            return None;
        }
        let component = match text(&o["source"], "component") {
            "" => text(o, "reportingComponent"),
            c => c,
        };
        if component == "kubelet" || is_match(&PATTERNS.address_repair, reason) {
            return None;
        }
        let message = match text(o, "message") {
            "" => text(o, "note"),
            m => m,
        };
        let message = self.string(message);
        Some(format!(
            "{} {reason} {kind}/{} | {}",
            text(o, "type"),
            self.string(text(about, "name")),
            PATTERNS.age.replace_all(&message, "AGE")
        ))
    }

    /// One API object without what differs from run to run.
    pub fn object(&mut self, o: &Value) -> Value {
        self.kind = text(o, "kind").to_owned();
        self.clean(o, &mut vec![])
    }

    fn clean<'a>(&self, v: &'a Value, path: &mut Vec<&'a str>) -> Value {
        let last = path.last().copied().unwrap_or_default();
        match v {
            Value::Object(map) => {
                let mut out = Map::new();
                for (k, x) in map {
                    let k = k.as_str();
                    let dropped = last == "metadata" && META_DROP.contains(&k)
                        || TIME_KEYS.contains(&k)
                        || x.is_null()
                        || k == "uid"
                        || k == LAST_APPLIED
                        || k == "nodeName" && matches!(path.first(), Some(&"spec" | &"endpoints"))
                        // the latter is there or not by a race
                        || k == "resourceVersion"
                        || k == "endpoints.kubernetes.io/last-change-trigger-time"
                        // counts the controller's writes: how many pods' changes it met at once
                        || k == "generation" && path.as_slice() == ["metadata"] && self.kind == "EndpointSlice";
                    if dropped {
                        continue;
                    }
                    path.push(k);
                    let clean = self.clean(x, path);
                    path.pop();
                    out.insert(self.string(k), clean);
                }
                out.retain(|_, x| !json::is_empty(x));
                Value::Object(out)
            }
            Value::Array(items) => {
                let foreign = |x: &Value| last == "sources" && text(&x["configMap"], "name").contains("openshift");
                let mut out: Vec<Value> = items.iter().filter(|x| !foreign(x)).map(|x| self.clean(x, path)).collect();
                if matches!(last, "conditions" | "endpoints" | "ownerReferences" | "taints")
                    || path.as_slice() == ["ports"] && self.kind == "EndpointSlice"
                {
                    out.sort_by_cached_key(sort_key);
                }
                Value::Array(out)
            }
            Value::String(s) if matches!(last, "message" | "note") => {
                PATTERNS.age.replace_all(&self.string(s), "AGE").into_owned().into()
            }
            Value::String(s) => self.string(s).into(),
            _ if last == "nodePort" && !self.fixed_ports.contains(&sort_key(v)) => "NODE-PORT".into(),
            _ => v.clone(),
        }
    }
}

/// Of a node only its labels, taints and whether it takes pods are compared: its kubelet was the recorder's.
fn reduce_node(o: &Value) -> Value {
    let pick = |from: &Value, keys: [&str; 2]| -> Map<String, Value> {
        keys.iter().filter_map(|k| Some(((*k).to_owned(), from.get(*k)?.clone()))).collect()
    };
    serde_json::json!({
        "kind": "Node",
        "metadata": pick(&o["metadata"], ["name", "labels"]),
        "spec": pick(&o["spec"], ["taints", "unschedulable"]),
    })
}
