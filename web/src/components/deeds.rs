//! What can be done with a thing, and doing it: buttons, keys and menus take their offers from here.

use super::client;
use crate::bridge::{Engine, Session, in_namespace};
use crate::i18n::Lang;
use crate::map::hit::Target;
use crate::state::{Action, Asked, Dialog, Dock, Phone, UiHandle};
use kubarium_core::view::inspect;
use kubarium_core::view::model::{Fault, Id, PodState};
use kubarium_core::world::Input;
use std::rc::Rc;

/// Something that can be done with what is selected.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// A line in the map's terminal.
    Line(String),
    /// A fault.
    Fault(Fault),
    /// Something else that has no command.
    Input(Input),
    /// A dialog.
    Ask(Dialog),
    /// The panel that sends requests.
    Http(Asked),
}

/// What can be done with a thing: test id, text, key, deed, dangerous.
pub struct Offer {
    /// For tests.
    pub id: &'static str,
    /// In the person's language.
    pub text: &'static str,
    /// The key that does it.
    pub key: Option<&'static str>,
    /// What happens.
    pub deed: Deed,
    /// Takes something away.
    pub danger: bool,
}

/// What can be done with a thing.
pub fn offers(e: &Engine, lang: Lang, target: Target) -> Vec<Offer> {
    let offer = |id, key, text, deed| Offer { id, text: lang.t(text), key, deed, danger: false };
    let mut out = Vec::new();
    match target {
        Target::Pod(id) => {
            let Some(p) = e.scene.pods.get(&id).filter(|p| p.died.is_none()) else { return out };
            let (ns, name) = (&p.view.namespace, &p.view.name);
            let at = in_namespace(ns);
            let line = |verb: &str| Deed::Line(format!("kubectl {verb} {name}{at}"));
            out.push(Offer { danger: true, ..offer("kill", Some("k"), "deed.kill", line("delete pod")) });
            out.push(offer("relabel", Some("l"), "deed.relabel", Deed::Ask(Dialog::Relabel(id))));
            let top = e.scene.top_owner(p.view.owner);
            if let Some(owner) = top.filter(|o| e.scene.workloads.get(o).is_some_and(|w| scales(w.kind))) {
                out.push(offer("scale", Some("s"), "deed.scale", Deed::Ask(Dialog::Scale(owner))));
            }
            out.push(offer("logs", None, "deed.logs", line("logs")));
            if p.view.ip.is_some() && p.view.state != PodState::Succeeded {
                let to = Asked {
                    namespace: ns.to_string(),
                    target: format!("pod/{name}"),
                    port: first_port(e, id, "/spec/containers/0/ports/0/containerPort"),
                };
                out.push(offer("http", None, "deed.http", Deed::Http(to)));
            }
            out.push(offer("describe", None, "deed.describe", line("describe pod")));
        }
        Target::Workload(id) => {
            let Some(w) = e.scene.workloads.get(&id) else { return out };
            let kind = w.kind.to_lowercase();
            let at = in_namespace(&w.namespace);
            let line = |verb: &str| Deed::Line(format!("kubectl {verb} {kind}/{}{at}", w.name));
            if scales(w.kind) {
                out.push(offer("scale", Some("s"), "deed.scale", Deed::Ask(Dialog::Scale(id))));
            }
            if matches!(w.kind, "Deployment" | "StatefulSet" | "DaemonSet") {
                out.push(offer("restart", None, "deed.restart", line("rollout restart")));
                out.push(offer("rollback", None, "deed.undo_rollout", line("rollout undo")));
                out.push(offer("status", None, "deed.status", line("rollout status")));
            }
            out.push(offer("describe", None, "deed.describe", line("describe")));
            out.push(Offer { danger: true, ..offer("delete", None, "deed.delete", line("delete")) });
        }
        Target::Service(id) => {
            let Some(s) = e.scene.services.get(&id) else { return out };
            let at = in_namespace(&s.namespace);
            let line = |verb: &str| Deed::Line(format!("kubectl {verb} service/{}{at}", s.name));
            if &*s.kind != "ExternalName" {
                let to = Asked {
                    namespace: s.namespace.to_string(),
                    target: format!("service/{}", s.name),
                    port: first_port(e, id, "/spec/ports/0/port"),
                };
                out.push(offer("http", None, "deed.http", Deed::Http(to)));
            }
            out.push(offer("describe", None, "deed.describe", line("describe")));
            let slices = format!("kubectl get endpointslices -l kubernetes.io/service-name={}{at}", s.name);
            out.push(offer("slices", None, "deed.slices", Deed::Line(slices)));
            out.push(Offer { danger: true, ..offer("delete", None, "deed.delete", line("delete")) });
        }
        Target::Node(id) => {
            let Some(n) = e.scene.nodes.get(&id) else { return out };
            let name = &n.view.name;
            let (text, verb) = if n.view.cordoned { ("deed.uncordon", "uncordon") } else { ("deed.cordon", "cordon") };
            out.push(offer("cordon", Some("x"), text, Deed::Line(format!("kubectl {verb} {name}"))));
            let drain = format!("kubectl drain {name} --ignore-daemonsets");
            out.push(offer("drain", None, "deed.drain", Deed::Line(drain)));
            out.push(offer("describe", None, "deed.describe", Deed::Line(format!("kubectl describe node {name}"))));
        }
        Target::Object(id) => {
            let Some(place) = inspect::place(&e.cluster, id) else { return out };
            let at = in_namespace(&place.namespace);
            let line = |verb: &str| Deed::Line(format!("kubectl {verb} {}/{}{at}", place.resource, place.name));
            out.push(offer("describe", None, "deed.describe", line("describe")));
            out.push(Offer { danger: true, ..offer("delete", None, "deed.delete", line("delete")) });
        }
        Target::Client(number) => {
            let Some(c) = e.scene.traffic.client(number) else { return out };
            let name = c.view.name.to_string();
            out.push(offer(
                "client-change",
                None,
                "client.change_do",
                Deed::Ask(Dialog::Client(Some(number), Rc::default())),
            ));
            let remove = Deed::Input(Input::RemoveClient { name });
            out.push(Offer { danger: true, ..offer("client-remove", None, "client.remove", remove) });
        }
        Target::Part(_) | Target::Request(_) => {}
    }
    if matches!(target, Target::Pod(_) | Target::Service(_))
        || matches!(target, Target::Object(id) if e.scene.ingresses.contains_key(&id))
    {
        let draft = client::draft(e, Some(target));
        out.push(offer("client", None, "client.add", Deed::Ask(Dialog::Client(None, draft.into()))));
    }
    out
}

/// Whether a kind has a number of replicas to change.
fn scales(kind: &str) -> bool {
    matches!(kind, "Deployment" | "ReplicaSet" | "StatefulSet" | "ReplicationController")
}

/// The first port that an object names, else that of the web.
fn first_port(e: &Engine, id: Id, path: &str) -> u16 {
    let value = inspect::value(&e.cluster, id);
    value.and_then(|v| v.pointer(path)?.as_u64()).and_then(|n| u16::try_from(n).ok()).unwrap_or(80)
}

/// Does it.
pub fn act(ui: &UiHandle, session: &Session, deed: &Deed) {
    match deed {
        Deed::Line(line) => {
            let refused = session.map_line(line);
            // What prints something worth reading is shown.
            if [" logs ", " describe", " get ", " status"].iter().any(|w| line.contains(w)) {
                ui.dispatch(Action::Dock(Dock::Terminal));
                ui.dispatch(Action::Phone(Phone::Dock));
            } else {
                ui.dispatch(Action::Toast(refused.unwrap_or_else(|| line.clone())));
            }
        }
        Deed::Fault(fault) => {
            // said in the terminal too, which need not be in sight
            if let Some(why) = session.fault(fault.clone()) {
                ui.dispatch(Action::Toast(why));
            }
        }
        Deed::Input(input) => session.submit(input.clone()),
        Deed::Http(to) => ui.dispatch(Action::Http(Some(to.clone()))),
        Deed::Ask(dialog) => ui.dispatch(Action::Dialog(Some(dialog.clone()))),
    }
}
