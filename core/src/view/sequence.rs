//! One change as a sequence of messages between the parts of the control plane: what a person asked for, what was
//! stored, who was told, and what they asked for in turn. Read from the log of requests, which knows each one's cause.

use super::model::{Doing, Message};
use super::project::message;
use crate::apiserver::requests::RequestEntry;
use crate::clock::SimTime;
use crate::cluster::Cluster;
use crate::sim::{Actor, Component};
use crate::store::{Id, Kind};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who takes part, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A person's kubectl.
    Kubectl,
    /// kube-apiserver
    ApiServer,
    /// etcd
    Etcd,
    /// kube-controller-manager and what else watches
    Controllers,
    /// kube-scheduler
    Scheduler,
    /// The kubelets of all nodes.
    Kubelets,
}

impl Lane {
    /// All of them, from left to right.
    pub const ALL: [Lane; 6] =
        [Lane::Kubectl, Lane::ApiServer, Lane::Etcd, Lane::Controllers, Lane::Scheduler, Lane::Kubelets];
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Somebody asks the API server.
    Asks,
    /// The API server stores what it accepted.
    Stores,
    /// The API server tells somebody who watches.
    Tells,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When.
    pub at: SimTime,
    /// From here …
    pub from: Lane,
    /// … to there.
    pub to: Lane,
    /// What it is.
    pub step: Step,
    /// Who asks or is told: `deployment-controller`, `kubelet/node-1`.
    pub actor: Arc<str>,
    /// What is asked, stored or told.
    pub message: Message,
    /// How many alike: pods of one ReplicaSet are created one after the other.
    pub count: u32,
    /// The first of the requests.
    pub request: u64,
}

/// A change and all that followed from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequence {
    /// The line that a person typed.
    pub title: Arc<str>,
    /// The messages in order.
    pub lines: Vec<Line>,
    /// Messages beyond those that are shown.
    pub more: usize,
}

/// What a person did that reached the API server.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The first of its requests.
    pub request: u64,
    /// When.
    pub at: SimTime,
    /// The typed line.
    pub text: Arc<str>,
}

/// Messages of a sequence.
const MOST: usize = 90;
/// Requests looked through for what followed.
const WINDOW: usize = 6_000;

fn reads(r: &RequestEntry) -> bool {
    r.verb.reads()
}

/// Kinds that say nothing to somebody who follows a change.
fn quiet(r: &RequestEntry) -> bool {
    matches!(r.kind, Some(Kind::Event | Kind::Lease))
}

/// What a node's falling silent is called: nobody asks for it, the node lifecycle controller notices by itself.
fn silence(r: &RequestEntry) -> Option<Arc<str>> {
    let noticed = r.actor == Actor::Component(Component::NodeLifecycle) && r.cause == 0 && r.subresource == "status";
    (noticed && r.kind == Some(Kind::Node)).then(|| format!("{}: NodeNotReady", r.key.name).into())
}

/// What a person did and changed something by, and the nodes that fell silent, oldest first.
pub fn changes(cluster: &Cluster) -> Vec<Change> {
    let mut out: Vec<Change> = vec![];
    for r in cluster.world.sim.requests.after(0).filter(|r| !reads(r)) {
        let Some(text) = (if r.actor == Actor::Person { r.note.clone() } else { silence(r) }) else { continue };
        let text = &text;
        if out.last().is_none_or(|c| c.at != r.at || c.text != *text) {
            out.push(Change { request: r.id, at: r.at, text: text.clone() });
        }
    }
    out
}

/// The person's request that an object's last change goes back to.
pub fn root(cluster: &Cluster, id: Id) -> Option<u64> {
    let sim = &cluster.world.sim;
    let (kind, key) = sim.store.name_of(id)?;
    let entry = sim.store.entry(kind, &key)?;
    [entry.updated_by, entry.created_by].into_iter().find_map(|mut at| {
        loop {
            let r = sim.requests.get(at)?;
            if r.actor == Actor::Person {
                return Some(at);
            }
            if r.cause == 0 || r.cause >= at {
                return None;
            }
            at = r.cause;
        }
    })
}

fn lane(actor: &Actor) -> Lane {
    match actor {
        Actor::Person => Lane::Kubectl,
        Actor::ApiServer => Lane::ApiServer,
        Actor::Component(Component::Scheduler) => Lane::Scheduler,
        Actor::Component(Component::Kubelets) | Actor::Kubelet(_) | Actor::Pod(_) => Lane::Kubelets,
        Actor::Component(_) => Lane::Controllers,
    }
}

/// A request and all that followed from it. Empty if the request is not remembered any more.
pub fn sequence(cluster: &Cluster, request: u64) -> Sequence {
    let sim = &cluster.world.sim;
    let Some(first) = sim.requests.get(request) else { return Sequence::default() };
    let title = silence(first).or_else(|| first.note.clone()).unwrap_or_else(|| "".into());
    let mut out = Sequence { title, ..Sequence::default() };
    let mut followed: BTreeSet<u64> = BTreeSet::new();
    let mut told: BTreeSet<(u64, String)> = BTreeSet::new();
    for r in sim.requests.after(request.saturating_sub(12)).take(WINDOW) {
        // a person's command may be several requests, and so may be what a controller does of its own accord
        let alike = if first.actor == Actor::Person { r.note == first.note } else { r.cause == 0 && first.cause == 0 };
        let own = r.id == request || r.actor == first.actor && r.at == first.at && alike;
        let after = followed.contains(&r.cause) && r.id > request && !reads(r);
        if !(own || after) || quiet(r) {
            continue;
        }
        followed.insert(r.id);
        let from = lane(&r.actor);
        let actor: Arc<str> = (*r.actor.name()).into();
        let mut add = |at, from, to, step, message: Message| {
            let alike = |l: &Line| {
                l.step == step
                    && l.from == from
                    && l.to == to
                    && l.message.doing == message.doing
                    && l.message.kind == message.kind
                    && l.message.refused == message.refused
            };
            // three pods are created in one go: one arrow to the API server, one to etcd; or each is told of, bound and
            // stored in turn: one arrow for each of the three
            let last = out.lines.len().saturating_sub(if step == Step::Tells { 3 } else { 2 });
            let kubelets = from == Lane::Kubelets || to == Lane::Kubelets;
            if let Some(l) = out.lines[last..].iter_mut().find(|l| alike(l) && (*l.actor == *actor || kubelets)) {
                l.count += 1;
                if *l.actor != *actor {
                    l.actor = "kubelet".into();
                }
            } else if out.lines.len() >= MOST {
                out.more += 1;
            } else {
                out.lines.push(Line { at, from, to, step, actor: actor.clone(), message, count: 1, request: r.id });
            }
        };
        if let Some(cause) = sim.requests.get(r.cause).filter(|c| !own && followed.contains(&c.id))
            && from != Lane::ApiServer
            && told.insert((cause.id, r.actor.name().into_owned()))
        {
            add(r.at, Lane::ApiServer, from, Step::Tells, message(sim, cause));
        }
        let said = message(sim, r);
        if from != Lane::ApiServer {
            add(r.at, from, Lane::ApiServer, Step::Asks, said.clone());
        }
        if r.code < 400 && !(reads(r) || said.doing == Doing::Watches) {
            add(r.at, Lane::ApiServer, Lane::Etcd, Step::Stores, said);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Input;

    #[test]
    fn a_deployment_goes_from_kubectl_to_the_kubelets() {
        let mut c = Cluster::with_nodes(3, 1);
        c.seek(SimTime::from_secs(5));
        let line = "kubectl create deployment web --image=nginx --replicas=3".to_owned();
        c.submit(Input::Line { terminal: 0, line: line.clone(), stdin: None });
        c.seek(SimTime::from_secs(40));
        let done = changes(&c);
        assert_eq!(done.len(), 1);
        assert_eq!(*done[0].text, *line);
        let s = sequence(&c, done[0].request);
        assert_eq!(*s.title, *line);
        let said = |from, doing, kind| {
            s.lines.iter().position(|l| {
                l.from == from && l.step == Step::Asks && l.message.doing == doing && l.message.kind == kind
            })
        };
        let order = [
            said(Lane::Kubectl, Doing::Creates, "Deployment"),
            said(Lane::Controllers, Doing::Creates, "ReplicaSet"),
            said(Lane::Controllers, Doing::Creates, "Pod"),
            said(Lane::Scheduler, Doing::Binds, "Pod"),
            said(Lane::Kubelets, Doing::Reports, "Pod"),
        ];
        assert!(order.iter().all(Option::is_some), "{order:?}");
        assert!(order.is_sorted(), "{order:?}");
        let pods = &s.lines[order[2].unwrap_or_default()];
        assert_eq!((pods.count, &*pods.actor), (3, "replicaset-controller"));
        let pod = c.world.sim.store.pods().next().map(|p| p.id).unwrap_or_default();
        assert_eq!(root(&c, pod), Some(done[0].request));
    }

    #[test]
    fn a_silent_node_goes_from_its_controller_to_new_pods() {
        let mut c = Cluster::with_nodes(3, 1);
        c.seek(SimTime::from_secs(5));
        let line = "kubectl create deployment web --image=nginx --replicas=3".to_owned();
        c.submit(Input::Line { terminal: 0, line, stdin: None });
        c.seek(SimTime::from_secs(40));
        let fault = crate::view::model::Fault::NodePower { node: "node-1".into(), on: false };
        c.submit(Input::Fault(fault));
        c.seek(SimTime::from_secs(460));
        let done = changes(&c);
        let told: Vec<&str> = done.iter().map(|d| &*d.text).collect();
        assert_eq!(told[1..], ["node-1: NodeNotReady"]);
        let s = sequence(&c, done[1].request);
        assert_eq!(*s.title, *"node-1: NodeNotReady");
        let said = |from, doing, kind| {
            s.lines.iter().position(|l| {
                l.from == from && l.step == Step::Asks && l.message.doing == doing && l.message.kind == kind
            })
        };
        let order = [
            said(Lane::Controllers, Doing::Reports, "Node"),
            said(Lane::Controllers, Doing::Changes, "Node"),
            said(Lane::Controllers, Doing::Deletes, "Pod"),
            said(Lane::Controllers, Doing::Creates, "Pod"),
            said(Lane::Scheduler, Doing::Binds, "Pod"),
        ];
        let lines: Vec<String> =
            s.lines.iter().map(|l| format!("{} {:?} {}", l.actor, l.message.doing, l.message.kind)).collect();
        assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?}: {lines:#?}");
        // a new pod's chain of causes goes the same way, back to who took the power
        let pods = c.world.sim.store.pods().filter(|p| p.deletion.is_none());
        let pod = pods.max_by_key(|p| p.created).map(|p| p.id).unwrap_or_default();
        let why = crate::view::inspect::why(&c, pod);
        let told = |c: &crate::view::model::Cause| (c.message.doing, c.message.name.to_string());
        assert!(why.iter().any(|c| told(c) == (Doing::Types, "kubarium power-off node-1".to_owned())), "{why:#?}");
    }
}
