//! Any bytes as a sequence of requests to an API server, and what must hold whatever they are: no panic, no object is
//! lost, versions grow, and a watch shows what a list shows. Used by the fuzzer and by a bounded run among the tests.

use super::choices::Choices;
use kubarium_core::api::kinds::{RESOURCES, ResourceInfo};
use kubarium_core::apiserver::request::{ContentType, Method, Request, Response};
use kubarium_core::apiserver::requests::Verb;
use kubarium_core::apiserver::watch::Watch;
use kubarium_core::clock::SimDuration;
use kubarium_core::sim::Config;
use kubarium_core::store::{Key, Kind};
use kubarium_core::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Names that objects get: few, so that requests meet.
const NAMES: &[&str] = &["a", "b", "web", "node-1", "default", "gadgets.example.com", "A", ""];
/// Namespaces that requests name.
const NAMESPACES: &[&str] = &["default", "a", "kube-system", "nowhere"];
/// Texts that mean something somewhere.
const WORDS: &[&str] = &[
    "",
    "a",
    "web",
    "app",
    "app=web",
    "app in (web, a)",
    "!app",
    "app notin (",
    "metadata.name=a",
    "status.phase!=Running",
    "1",
    "-1",
    "100m",
    "1Gi",
    "50%",
    "99999999999999999999",
    "nginx:1.25",
    "Always",
    "Never",
    "Recreate",
    "OrderedReady",
    "Foreground",
    "Orphan",
    "Background",
    "*/5 * * * *",
    "Asia/Seoul",
    "2026-01-01T00:00:00Z",
    "example.com/keep",
    "kubernetes.io/hostname",
    "~0~1",
    "/",
    "-",
    "All",
    "true",
    "NodePort",
    "None",
    "10.0.0.1",
    "10.0.0.0/8",
    "\u{e9}\0",
    "0",
    "kubectl",
];
/// Fields that objects have somewhere.
const FIELDS: &[&str] = &[
    "metadata",
    "spec",
    "status",
    "name",
    "labels",
    "annotations",
    "app",
    "finalizers",
    "ownerReferences",
    "replicas",
    "selector",
    "matchLabels",
    "template",
    "containers",
    "image",
    "data",
    "resourceVersion",
    "uid",
    "generation",
    "deletionTimestamp",
    "namespace",
    "resources",
    "requests",
    "cpu",
    "ports",
    "port",
    "type",
    "nodeName",
    "strategy",
    "conditions",
    "$patch",
    "$retainKeys",
    "$setElementOrder/containers",
    "x",
];
/// Kinds that nothing in a cluster removes by itself.
const LASTING: &[&str] =
    &["configmaps", "roles", "clusterroles", "priorityclasses", "ingressclasses", "storageclasses", "networkpolicies"];

impl Choices<'_> {
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => self.one_in(2).into(),
            2 => (self.below(5) as i64 - 1).into(),
            3 => [i64::MAX, i64::MIN, 1 << 31, 1 << 53][self.below(4)].into(),
            4 => [0.5, -1e300, 1e-9][self.below(3)].into(),
            5 => self.of(WORDS).into(),
            6 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object((0..self.below(4)).map(|_| (self.of(FIELDS).into(), self.value(depth - 1))).collect()),
        }
    }

    /// A place somewhere in a value, as a JSON pointer.
    fn pointer(&mut self, mut v: &Value) -> String {
        let mut path = String::new();
        for _ in 0..8 {
            let part = match v {
                Value::Object(o) if !o.is_empty() && !self.one_in(6) => {
                    o.keys().nth(self.below(o.len())).cloned().unwrap_or_default()
                }
                Value::Array(a) if !a.is_empty() && !self.one_in(6) => self.below(a.len()).to_string(),
                _ => break,
            };
            path.push('/');
            path.push_str(&part.replace('~', "~0").replace('/', "~1"));
            v = v.pointer(&path[path.rfind('/').unwrap_or(0)..]).unwrap_or(&Value::Null);
        }
        if self.one_in(4) {
            path.push('/');
            path.push_str(if self.one_in(2) { self.of(WORDS) } else { self.of(FIELDS) });
        }
        path
    }

    /// Changes something somewhere.
    fn mutate(&mut self, v: &mut Value) {
        for _ in 0..self.below(4) {
            let path = self.pointer(v);
            let (parent, last) = path.rsplit_once('/').unwrap_or_default();
            let new = self.value(3);
            match v.pointer_mut(parent) {
                Some(Value::Object(o)) if self.one_in(4) => {
                    o.remove(last);
                }
                Some(Value::Object(o)) => {
                    o.insert(last.replace("~1", "/").replace("~0", "~"), new);
                }
                Some(Value::Array(a)) if a.len() < 6 => a.push(new),
                _ => {}
            }
        }
    }
}

/// An object that is accepted as it stands, of a kind that is much used; of others the frame only.
fn template(info: &ResourceInfo, name: &str) -> Value {
    let labels = json!({"app": "web"});
    let pod = json!({"containers": [{"name": "c", "image": "nginx:1.25", "ports": [{"containerPort": 80}],
        "resources": {"requests": {"cpu": "50m"}}}]});
    let stamp = json!({"metadata": {"labels": labels}, "spec": pod});
    let mut once = stamp.clone();
    once["spec"]["restartPolicy"] = "Never".into();
    let selector = json!({"matchLabels": labels});
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
    let spec = match info.plural {
        "pods" => pod,
        "deployments" | "replicasets" | "daemonsets" => json!({"selector": selector, "template": stamp}),
        "statefulsets" => json!({"selector": selector, "template": stamp, "serviceName": "web"}),
        "replicationcontrollers" => json!({"selector": labels, "template": stamp}),
        "jobs" => json!({"template": once}),
        "cronjobs" => json!({"schedule": "* * * * *", "jobTemplate": {"spec": {"template": once}}}),
        "services" => json!({"selector": labels, "ports": [{"port": 80}]}),
        "persistentvolumeclaims" => {
            json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})
        }
        "persistentvolumes" => json!({"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/x"}}),
        "poddisruptionbudgets" => json!({"selector": selector, "minAvailable": 1}),
        "horizontalpodautoscalers" => json!({"maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}),
        "networkpolicies" => json!({"podSelector": {}}),
        "ingresses" => json!({"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}),
        "ingressclasses" => json!({"controller": "example.com/x"}),
        "resourcequotas" => json!({"hard": {"pods": "5"}}),
        "limitranges" => json!({"limits": [{"type": "Container", "default": {"cpu": "100m"}}]}),
        "customresourcedefinitions" => json!({"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "gadgets", "kind": "Gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 9}}}}}}}]}),
        _ => Value::Null,
    };
    let mut o = json!({"apiVersion": info.api_version(), "kind": info.kind,
        "metadata": {"name": name, "labels": labels}});
    if !spec.is_null() {
        o["spec"] = spec;
    }
    match info.plural {
        "configmaps" => o["data"] = json!({"a": "b"}),
        "roles" | "clusterroles" => o["rules"] = rules,
        "rolebindings" | "clusterrolebindings" => {
            o["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"});
        }
        "storageclasses" => o["provisioner"] = "rancher.io/local-path".into(),
        "priorityclasses" => o["value"] = 7.into(),
        _ => {}
    }
    o
}

/// A watch and what it has shown.
struct Watching {
    list: Request,
    watch: Watch,
    shown: BTreeMap<String, Value>,
}

fn name_of(o: &Value) -> String {
    let text = |f: &str| o["metadata"][f].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text("namespace"), text("name"))
}

/// An object without the moments of heartbeats: they are worked out by whoever looks, and no change tells of them.
fn at_rest(o: &Value) -> Value {
    let mut o = o.clone();
    if let Some(spec) = o.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("renewTime");
    }
    let conditions = o.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for c in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        c.remove("lastHeartbeatTime");
    }
    o
}

fn items(list: &Value) -> BTreeMap<String, Value> {
    list["items"].as_array().into_iter().flatten().map(|o| (name_of(o), at_rest(o))).collect()
}

/// What is being played, and what is known to be there.
struct Play<'a> {
    world: World,
    choices: Choices<'a>,
    watches: Vec<Watching>,
    /// Every stored object's version, by the log alone.
    log: BTreeMap<(Kind, Key), u64>,
    position: u64,
    version: u64,
    /// Objects that were created here and that only a request can remove: path and UID.
    lasting: BTreeMap<String, String>,
}

/// The cluster that all sequences begin with.
pub fn world() -> World {
    let mut w = World::new(Config::nodes(2, 1));
    let until = w.sim.now + SimDuration::from_secs(5);
    while !w.advance(until, 100_000) {}
    if let Some(info) = RESOURCES.iter().find(|r| r.plural == "customresourcedefinitions") {
        let body = template(info, "gadgets.example.com");
        w.request(Request::new(Method::Post, info.path(None, None)).body(body));
    }
    w
}

/// Plays bytes as requests to a cluster made by [`world`]. The error says what did not hold.
pub fn play(world: &World, bytes: &[u8], most: usize) -> Result<(), String> {
    let store = &world.sim.store;
    let mut play = Play {
        world: world.clone(),
        choices: Choices(bytes),
        watches: vec![],
        log: all(world).collect(),
        position: store.log.end(),
        version: store.resource_version(),
        lasting: BTreeMap::new(),
    };
    for _ in 0..most {
        if play.choices.done() {
            break;
        }
        play.step()?;
    }
    play.read_log()?;
    play.compare_log()?;
    (0..play.watches.len()).try_for_each(|n| play.compare_watch(n))
}

fn all(world: &World) -> impl Iterator<Item = ((Kind, Key), u64)> + '_ {
    let kinds = Kind::ALL.iter().copied().chain(world.sim.custom_kinds());
    kinds.flat_map(|k| world.sim.store.list(k, None).map(move |o| ((k, o.key()), o.rv())))
}

impl Play<'_> {
    fn step(&mut self) -> Result<(), String> {
        let c = &mut self.choices;
        match c.below(10) {
            0 => {
                let by = SimDuration::from_millis(u64::from(c.byte()) * [1, 10, 100, 5_000][c.below(4)]);
                let until = self.world.sim.now + by;
                self.world.advance(until, 5_000);
            }
            1 => self.begin_watch()?,
            2 if !self.watches.is_empty() => {
                let n = c.below(self.watches.len());
                self.read_log()?;
                self.compare_watch(n)?;
            }
            _ => {
                let request = self.request();
                self.send(request)?;
            }
        }
        self.read_log()
    }

    fn resource(&mut self) -> ResourceInfo {
        let often = ["pods", "deployments", "configmaps", "services", "jobs", "namespaces", "nodes", "statefulsets"];
        let c = &mut self.choices;
        let row = |r: &ResourceInfo| ResourceInfo { ..*r };
        match c.below(4) {
            0 => row(&RESOURCES[c.below(RESOURCES.len())]),
            1 => ResourceInfo {
                plural: "gadgets",
                singular: "gadget",
                short_names: &[],
                group: "example.com",
                version: "v1",
                kind: "Gadget",
                namespaced: true,
                ..row(&RESOURCES[0])
            },
            2 => {
                let name = c.of(LASTING);
                RESOURCES.iter().find(|r| r.plural == name).map_or_else(|| row(&RESOURCES[0]), row)
            }
            _ => {
                let name = c.of(&often);
                RESOURCES.iter().find(|r| r.plural == name).map_or_else(|| row(&RESOURCES[0]), row)
            }
        }
    }

    fn request(&mut self) -> Request {
        let info = self.resource();
        let c = &mut self.choices;
        let among = if c.one_in(4) { NAMESPACES.len() } else { 1 };
        let namespace = NAMESPACES[c.below(among)];
        let among = if c.one_in(4) { NAMES.len() } else { 3 };
        let name = NAMES[c.below(among)];
        let namespace = if c.one_in(9) { None } else { Some(namespace) };
        let mut path = info.path(namespace, Some(name));
        let collection = info.path(namespace, None);
        let what = c.below(12);
        if what > 2 && c.one_in(4) {
            let subs =
                ["status", "scale", "binding", "eviction", "ephemeralcontainers", "resize", "token", "finalize", "log"];
            path = format!("{path}/{}", c.of(&subs));
        }
        let there = self.world.request(Request::get(&path));
        let there = if there.code == 200 { there.body } else { template(&info, name) };
        let c = &mut self.choices;
        let mut r = match what {
            0..=2 => {
                let mut body = template(&info, name);
                c.mutate(&mut body);
                Request::new(Method::Post, if c.one_in(12) { path } else { collection }).body(body)
            }
            3 | 4 => {
                let mut body = there;
                c.mutate(&mut body);
                Request::new(Method::Put, path).body(body)
            }
            5..=8 => {
                let kinds = [
                    ContentType::JsonPatch,
                    ContentType::MergePatch,
                    ContentType::StrategicMergePatch,
                    ContentType::ApplyPatch,
                    ContentType::Json,
                ];
                let kind = kinds[c.below(kinds.len())];
                let body = if kind == ContentType::JsonPatch {
                    let op = |c: &mut Choices<'_>| {
                        json!({"op": c.of(&["add", "remove", "replace", "move", "copy", "test"]),
                            "path": c.pointer(&there), "from": c.pointer(&there), "value": c.value(3)})
                    };
                    (0..c.below(4)).map(|_| op(c)).collect()
                } else {
                    let mut body = if c.one_in(3) { there } else { template(&info, name) };
                    if kind == ContentType::ApplyPatch && !c.one_in(5) {
                        body["metadata"] = json!({"name": name, "labels": {"app": c.of(WORDS)}});
                    }
                    c.mutate(&mut body);
                    body
                };
                let mut r = Request::new(Method::Patch, path).body(body);
                r.content_type = kind;
                r
            }
            9 => Request::new(Method::Delete, path).body(if c.one_in(4) { c.value(3) } else { Value::Null }),
            10 => Request::new(if c.one_in(3) { Method::Delete } else { Method::Get }, collection),
            _ => {
                let path = if c.one_in(4) { format!("/{}/{}", c.of(WORDS), c.of(WORDS)) } else { path };
                Request::get(path)
            }
        };
        let keys = [
            "labelSelector",
            "fieldSelector",
            "dryRun",
            "fieldValidation",
            "propagationPolicy",
            "gracePeriodSeconds",
            "fieldManager",
            "force",
            "limit",
            "continue",
            "resourceVersion",
            "resourceVersionMatch",
        ];
        if r.content_type == ContentType::ApplyPatch && !c.one_in(6) {
            r = r.with("fieldManager", c.of(&["x", "y"]));
        }
        for _ in 0..c.below(3) {
            let key = c.of(&keys);
            r = r.with(key, c.of(WORDS));
        }
        r.managed = c.one_in(3);
        r
    }

    fn send(&mut self, r: Request) -> Result<(), String> {
        let before = self.world.sim.store.resource_version();
        let Response { code, body, .. } = self.world.request(r.clone());
        let after = self.world.sim.store.resource_version();
        let told = |what: &str| Err(format!("{what}: {r:?} -> {code} {body}"));
        if code >= 400 {
            if body["kind"] != "Status" || body["status"] != "Failure" {
                return told("an error is no Status");
            }
            return if before == after { Ok(()) } else { told("a refused request wrote something") };
        }
        if r.param("dryRun").is_some_and(|v| !v.is_empty()) {
            return if before == after { Ok(()) } else { told("a dry run wrote something") };
        }
        let uid = body["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let own = body["metadata"].get("ownerReferences").is_some();
        let collection = |path: &str| LASTING.iter().any(|p| path.ends_with(&format!("/{p}")));
        match r.method {
            Method::Get if before != after => return told("reading wrote something"),
            Method::Get => {}
            Method::Post if code == 201 && collection(&r.path) => {
                let path = format!(
                    "{}/{}",
                    r.path.trim_end_matches('/'),
                    body["metadata"]["name"].as_str().unwrap_or_default()
                );
                let elsewhere = r.path.contains("/namespaces/") && !r.path.contains("/namespaces/default/");
                if after <= before || body["metadata"]["resourceVersion"] != *after.to_string() {
                    return told("a new object has no new version");
                }
                if !own && !elsewhere && self.lasting.insert(path, uid).is_some() {
                    return told("an object was created over another one");
                }
            }
            Method::Delete => {
                let path = r.path.trim_end_matches('/');
                self.lasting.remove(path);
                for o in body["items"].as_array().into_iter().flatten() {
                    self.lasting.remove(&format!("{path}/{}", o["metadata"]["name"].as_str().unwrap_or_default()));
                }
            }
            _ if own => {
                self.lasting.remove(&r.path);
            }
            // applying to what is not there creates it
            _ => {}
        }
        for (path, uid) in &self.lasting {
            let found = self.world.request(Request::get(path));
            if found.code != 200 || found.body["metadata"]["uid"] != **uid {
                let gone = self
                    .world
                    .sim
                    .requests
                    .after(0)
                    .filter(|e| matches!(e.verb, Verb::Delete | Verb::DeleteCollection));
                let gone: Vec<String> =
                    gone.map(|e| format!("{:?} deleted {}: {}", e.actor, e.path(), e.code)).collect();
                return told(&format!("{path} ({uid}) is lost; {gone:?}"));
            }
        }
        Ok(())
    }

    /// Follows the log: versions grow, and each change begins with what the one before left.
    fn read_log(&mut self) -> Result<(), String> {
        let store = &self.world.sim.store;
        let Some(changes) = store.log.since(self.position) else {
            // what a watch has not read yet is gone: begin anew
            self.log = all(&self.world).collect();
            self.position = store.log.end();
            self.version = store.resource_version();
            return Ok(());
        };
        for change in changes {
            if change.rv <= self.version {
                return Err(format!("version {} after {}", change.rv, self.version));
            }
            self.version = change.rv;
            let at = (change.kind, change.obj().key());
            let old = change.old.as_ref().map(|o| o.rv());
            let known = match &change.new {
                Some(new) => self.log.insert(at.clone(), new.rv()),
                None => self.log.remove(&at),
            };
            if known != old {
                return Err(format!("{at:?}: the log says {old:?} came before, it was {known:?}"));
            }
        }
        self.position = store.log.end();
        if self.version > store.resource_version() {
            return Err(format!("the log is at {}, the store at {}", self.version, store.resource_version()));
        }
        Ok(())
    }

    fn compare_log(&self) -> Result<(), String> {
        let there: BTreeMap<(Kind, Key), u64> = all(&self.world).collect();
        let known = |at: &(Kind, Key)| matches!(at.0, Kind::Custom(_)) || there.contains_key(at);
        if let Some(at) = self.log.keys().find(|at| !known(at)) {
            return Err(format!("{at:?} is gone, and no change says so"));
        }
        match there.iter().find(|(at, rv)| self.log.get(at) != Some(rv)) {
            Some((at, rv)) => Err(format!("{at:?} is at {rv}, its last change made {:?}", self.log.get(at))),
            None => Ok(()),
        }
    }

    fn begin_watch(&mut self) -> Result<(), String> {
        let info = self.resource();
        let c = &mut self.choices;
        let namespace = if c.one_in(2) { None } else { Some(NAMESPACES[c.below(2)]) };
        let mut list = Request::get(info.path(namespace, None));
        if c.one_in(3) {
            list = list.with(c.of(&["labelSelector", "fieldSelector"]), c.of(WORDS));
        }
        let from_list = c.one_in(2);
        let now = self.world.request(list.clone());
        if now.code != 200 {
            return Ok(());
        }
        let mut request = list.clone().with("watch", "1");
        let mut shown = BTreeMap::new();
        if from_list {
            let version = now.body["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            request = request.with("resourceVersion", version);
            shown = items(&now.body);
        }
        let watch = match self.world.sim.watch(&request) {
            Ok(watch) => watch,
            // of a kind that is not simulated there is an empty list, and nothing to watch
            Err(e) if e.code == 501 => return Ok(()),
            Err(e) => return Err(format!("{request:?}: listed, not watched: {e:?}")),
        };
        if self.watches.len() < 4 {
            self.watches.push(Watching { list, watch, shown });
        }
        Ok(())
    }

    fn compare_watch(&mut self, n: usize) -> Result<(), String> {
        let w = &mut self.watches[n];
        let Ok(events) = self.world.sim.watch_events(&mut w.watch) else {
            // forgotten: whoever watches begins anew
            self.watches.remove(n);
            return Ok(());
        };
        for e in events {
            let (what, object) = (e["type"].as_str().unwrap_or_default(), &e["object"]);
            let known = match what {
                "ADDED" | "MODIFIED" => w.shown.insert(name_of(object), at_rest(object)).is_some(),
                "DELETED" => w.shown.remove(&name_of(object)).is_some(),
                _ => continue,
            };
            if known == (what == "ADDED") {
                return Err(format!("{:?}: {what} of {}, known before: {known}", w.list, name_of(object)));
            }
        }
        let list = self.world.request(w.list.clone());
        if list.code != 200 {
            return Ok(());
        }
        let there = items(&list.body);
        if w.shown == there {
            return Ok(());
        }
        let differs = |k: &&String| w.shown.get(*k) != there.get(*k);
        let first = w.shown.keys().chain(there.keys()).find(differs).cloned().unwrap_or_default();
        Err(format!(
            "{:?}: {first}: watched {:?}, listed {:?}",
            w.list,
            w.shown.get(&first).map(Value::to_string),
            there.get(&first).map(Value::to_string)
        ))
    }
}
