//! What is selected: its facts, its YAML, its events, why it is as it is, and what can be done with it.

use super::deeds::{Offer, act, offers};
use super::faults::{choices, faults, is_broken};
use super::lists::{Conditions, EventRow, chain};
use super::overview::Overview;
use super::placing::Placing;
use super::{Common, client, tab, tab_keys};
use crate::bridge::{Engine, Session, Topic, clock_text, use_topic, use_topic_if};
use crate::i18n::Lang;
use crate::icons::icon;
use crate::map::broken::{node_ills, part_ills, pod_ills};
use crate::map::hit::Target;
use crate::platform::timers;
use crate::state::{Action, Dialog, InspectTab, Phone, UiHandle};
use kubarium_core::view::model::Id;
use kubarium_core::view::{inspect, sequence};
use std::rc::Rc;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// Buttons for what can be done with the selection.
#[component]
pub fn Actions(props: &Common) -> Html {
    use_topic(&props.session, Topic::Objects);
    use_topic(&props.session, Topic::Control);
    let Common { ui, session } = props;
    // the container or the controller that a person has chosen, and of what
    let chosen = use_state(|| None::<(Target, String)>);
    let Some(target) = ui.selected else { return html! {} };
    let which = chosen.as_ref().filter(|(of, _)| *of == target).map_or("", |(_, which)| which);
    let (list, broken, marked, which, among) = session.read(|e| {
        let among = choices(e, ui.lang, target);
        let which = if among.iter().any(|(name, _)| name == which) { which } else { "" };
        (offers(e, ui.lang, target), faults(e, ui.lang, target, which), is_broken(e, target), which, among)
    });
    let button = |o: Offer, menu: bool| {
        let (ui, session, deed) = (ui.clone(), session.clone(), o.deed);
        let onclick = Callback::from(move |_: MouseEvent| act(&ui, &session, &deed));
        // in the menu, what mends is marked: it says that something is broken now
        let mends = menu && !o.danger;
        html! {
            <button key={o.id} type="button" class={classes!("btn", (o.danger && !menu).then_some("danger"), mends.then_some("mends"))} data-testid={format!("do-{}", o.id)} {onclick}
                aria-keyshortcuts={o.key}>if mends { { "↺ " } }{ o.text }if let Some(k) = o.key { <kbd aria-hidden="true">{ k.to_uppercase() }</kbd> }</button>
        }
    };
    let alone = list.is_empty();
    if alone && broken.is_empty() {
        return html! {};
    }
    html! {
        <div class="actions" role="group" aria-label={ui.lang.t("inspect.actions")}>
            { for list.into_iter().map(|o| button(o, false)) }
            if !broken.is_empty() {
                <details key={format!("{target:?}")} class="faults" open={alone} data-testid="faults">
                    <summary class="btn">{ icon("bolt") }{ ui.lang.t("faults.title") }if marked { <span class="dot" title={ui.lang.t("faults.some")}></span> }</summary>
                    <div class="faults-list" role="group" aria-label={ui.lang.t("faults.title")}>
                        if !among.is_empty() {
                            <label class="faults-of">{ ui.lang.t(if matches!(target, Target::Pod(_)) { "faults.container" } else { "faults.controller" }) }
                                <select data-testid="fault-of" onchange={{
                                    let chosen = chosen.clone();
                                    Callback::from(move |e: Event| {
                                        let field: HtmlSelectElement = e.target_unchecked_into();
                                        chosen.set(Some((target, field.value())));
                                    })
                                }}>
                                    { for among.iter().enumerate().map(|(i, (name, text))| html! {
                                        <option value={name.clone()} selected={if which.is_empty() { i == 0 } else { name == which }}>{ text }</option>
                                    }) }
                                </select>
                            </label>
                        }
                        { for broken.into_iter().map(|o| button(o, true)) }
                    </div>
                </details>
            }
        </div>
    }
}

/// A name that leads to another thing.
pub fn leads(ui: &UiHandle, session: &Session, target: Target, text: String) -> Html {
    let (ui, session) = (ui.clone(), session.clone());
    let onclick = Callback::from(move |_: MouseEvent| {
        ui.dispatch(Action::Select(Some(target)));
        session.map(|m, e| m.reveal(e, target, timers::now()));
    });
    html! { <button type="button" class="link" {onclick}>{ text }</button> }
}

fn chips(ui: &UiHandle, labels: &[(Rc<str>, Rc<str>)], edit: Option<Id>) -> Html {
    html! {
        <div class="chips">
            { for labels.iter().map(|(k, v)| {
                let on = ui.label.as_ref().is_some_and(|(a, b)| a == k && b == v);
                let onclick = {
                    let (ui, pair) = (ui.clone(), (k.clone(), v.clone()));
                    Callback::from(move |_: MouseEvent| ui.dispatch(Action::Label(if on { None } else { Some(pair.clone()) })))
                };
                html! { <button type="button" class={classes!("chip", on.then_some("on"))} aria-pressed={on.to_string()} title={format!("{k}={v} – {}", ui.lang.t("inspect.light_label"))} {onclick}>{ format!("{k}={v}") }</button> }
            }) }
            if let Some(id) = edit {
                <button type="button" class="chip add" data-testid="edit-labels" onclick={{
                    let ui = ui.clone();
                    Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Relabel(id)))))
                }}>{ "✎ " }{ ui.lang.t("inspect.labels") }</button>
            }
        </div>
    }
}

fn pairs(list: &[(std::sync::Arc<str>, std::sync::Arc<str>)]) -> Vec<(Rc<str>, Rc<str>)> {
    list.iter().map(|(k, v)| ((**k).into(), (**v).into())).collect()
}

fn summary(ui: &UiHandle, session: &Session, e: &Engine, target: Target) -> Html {
    let t = |key| ui.lang.t(key);
    let row = |name: &'static str, value: Html| html! { <><dt>{ name }</dt><dd>{ value }</dd></> };
    let text = |s: String| html! { <>{ s }</> };
    let scene = &e.scene;
    match target {
        Target::Pod(id) => {
            let Some(p) = scene.pods.get(&id) else { return html! { <p class="empty">{ t("inspect.gone") }</p> } };
            let v = &p.view;
            let owner = v.owner.and_then(|o| scene.workloads.get(&o));
            html! {
                <>
                    { chips(ui, &pairs(&v.labels), p.died.is_none().then_some(id)) }
                    <dl class="facts">
                        { row(t("field.status"), text(format!("{} · {} {}/{}", v.status, t("field.ready"), v.ready.0, v.ready.1))) }
                        { ills(ui, pod_ills(ui.lang, scene, id)) }
                        { row(t("field.node"), match v.node.and_then(|n| scene.nodes.get(&n)) {
                            Some(n) => leads(ui, session, Target::Node(n.view.id), n.view.name.to_string()),
                            None => text(t("field.no_node").to_owned()),
                        }) }
                        { row("IP", text(v.ip.map_or_else(|| "–".to_owned(), |ip| ip.to_string()))) }
                        { row(t("field.image"), text(v.images.join(", "))) }
                        if p.died.is_none() { { row(t("field.use"), text(used(e, id))) } }
                        { row(t("field.restarts"), text(v.restarts.to_string())) }
                        { row(t("field.owner"), match owner {
                            Some(w) => owners(ui, session, e, w.id),
                            None => text(t("field.no_owner").to_owned()),
                        }) }
                        if !v.claims.is_empty() {
                            { row(t("field.claims"), html! { <>{ for v.claims.iter().map(|name| match scene.claims.get(&(v.namespace.clone(), name.clone())) {
                                Some(c) => html! { <div>{ leads(ui, session, Target::Object(c.id), format!("pvc/{name}")) }{ format!("  {} {}", c.phase, c.size) }</div> },
                                None => html! { <div>{ format!("pvc/{name}  –") }</div> },
                            }) }</> }) }
                        }
                        { row(t("field.namespace"), text(v.namespace.to_string())) }
                        { row(t("field.created"), text(clock_text(v.created))) }
                    </dl>
                </>
            }
        }
        Target::Node(id) => {
            let Some(n) = scene.nodes.get(&id) else { return html! { <p class="empty">{ t("inspect.gone") }</p> } };
            let v = &n.view;
            let gi = |b: u64| format!("{:.1} Gi", b as f64 / f64::from(1 << 30));
            html! {
                <>
                    { chips(ui, &[], None) }
                    <dl class="facts">
                        { row(t("field.status"), text(v.status.to_string())) }
                        { ills(ui, node_ills(ui.lang, &scene.broken, v).into_iter().map(str::to_owned).collect()) }
                        { row("cpu", text(format!("{} / {} m", v.cpu.0, v.cpu.1))) }
                        { row("memory", text(format!("{} / {}", gi(v.memory.0), gi(v.memory.1)))) }
                        { row(t("table.pods"), text(format!("{} / {}", n.live, v.pods.1))) }
                        { row(t("field.taints"), text(if v.taints.is_empty() { "–".to_owned() } else { v.taints.join("\n") })) }
                        { row(t("field.labels"), text(v.labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("\n"))) }
                    </dl>
                </>
            }
        }
        Target::Service(id) => {
            let Some(s) = scene.services.get(&id) else { return html! { <p class="empty">{ t("inspect.gone") }</p> } };
            html! {
                <>
                    { chips(ui, &pairs(&s.selector), None) }
                    <dl class="facts">
                        { row(t("table.kind"), text(s.kind.to_string())) }
                        { row(t("table.address"), text(crate::map::layout::service_addresses(s))) }
                        { row(t("field.ports"), text(s.ports.to_string())) }
                        { row(t("table.endpoints"), text(format!("{} / {}", s.endpoints.iter().filter(|(_, r)| *r).count(), s.endpoints.len()))) }
                        if let Some(rate) = scene.traffic.rates.get(&id) { { row(t("traffic.rate"), text(crate::map::draw::traffic::rate_text(*rate))) } }
                    </dl>
                    <ul class="links">
                        { for s.endpoints.iter().take(40).filter_map(|(id, ready)| scene.pods.get(id).map(|p| (p, *ready))).map(|(p, ready)| html! {
                            <li>{ leads(ui, session, Target::Pod(p.view.id), p.view.name.to_string()) }<span>{ if ready { t("state.ready") } else { t("state.not_ready") } }</span></li>
                        }) }
                    </ul>
                </>
            }
        }
        Target::Workload(id) => {
            let Some(w) = scene.workloads.get(&id) else { return html! { <p class="empty">{ t("inspect.gone") }</p> } };
            html! {
                <>
                    <dl class="facts">
                        { row(t("table.kind"), text(w.kind.to_owned())) }
                        { row(t("field.progress"), text(w.progress.to_string())) }
                        { row(t("chart.wanted"), text(w.wanted.to_string())) }
                        { row(t("field.current"), text(w.current.to_string())) }
                        { row(t("field.ready"), text(w.ready.to_string())) }
                        { row(t("field.revision"), text(w.revision.to_string())) }
                        { row(t("table.selector"), text(w.selector.to_string())) }
                        { row(t("field.owner"), match w.owner.and_then(|o| scene.workloads.get(&o)) {
                            Some(o) => owners(ui, session, e, o.id),
                            None => text(t("field.no_owner").to_owned()),
                        }) }
                    </dl>
                    <ul class="links">
                        { for scene.workloads.values().filter(|r| r.owner == Some(id)).map(|r| html! {
                            <li>{ leads(ui, session, Target::Workload(r.id), format!("{}/{}", r.kind.to_lowercase(), r.name)) }<span>{ &*r.progress }</span></li>
                        }) }
                        { for scene.pods.values().filter(|p| p.view.owner == Some(id) && p.died.is_none()).take(40).map(|p| html! {
                            <li>{ leads(ui, session, Target::Pod(p.view.id), p.view.name.to_string()) }<span>{ p.view.status.to_string() }</span></li>
                        }) }
                    </ul>
                </>
            }
        }
        Target::Object(id) => {
            let Some(place) = inspect::place(&e.cluster, id) else {
                return html! { <p class="empty">{ t("inspect.gone") }</p> };
            };
            let ingress = scene.ingresses.get(&id);
            let claim = scene.claims.values().find(|c| c.id == id);
            // what kubectl get says of it, cell by cell
            let cells = inspect::cells(&e.cluster, id);
            html! {
                <>
                    <dl class="facts">
                        { row(t("table.kind"), text(place.kind.clone())) }
                        if !place.namespace.is_empty() { { row(t("field.namespace"), text(place.namespace.clone())) } }
                        { for cells.into_iter().filter(|(name, _)| *name != "NAME").map(|(name, cell)| html! { <><dt>{ name.to_lowercase() }</dt><dd>{ if cell.is_empty() { "–".to_owned() } else { cell } }</dd></> }) }
                    </dl>
                    <ul class="links">
                        if let Some(i) = ingress {
                            { for i.services.iter().map(|name| match scene.service(&i.namespace, name) {
                                Some(s) => html! { <li>{ leads(ui, session, Target::Service(s.id), format!("service/{name}")) }<span>{ format!("→ {}", s.endpoints.iter().filter(|(_, r)| *r).count()) }</span></li> },
                                None => html! { <li><code>{ format!("service/{name}") }</code><span>{ "–" }</span></li> },
                            }) }
                        }
                        if let Some(c) = claim {
                            { for scene.pods.values().filter(|p| p.died.is_none() && p.view.namespace == c.namespace && p.view.claims.contains(&c.name)).take(20).map(|p| html! {
                                <li>{ leads(ui, session, Target::Pod(p.view.id), format!("pod/{}", p.view.name)) }<span>{ p.view.status.to_string() }</span></li>
                            }) }
                        }
                    </ul>
                </>
            }
        }
        Target::Client(number) => client::client_body(ui, session, e, number),
        Target::Request(number) => client::request_body(ui, session, e, number),
        Target::Part(i) => {
            let about = match i {
                0 => t("part.kubectl"),
                1 => t("part.api_server"),
                2 => t("part.etcd"),
                3 => t("part.controllers"),
                _ => t("part.scheduler"),
            };
            let last = scene.parts.get(i as usize).and_then(Option::as_ref).map(|a| ui.lang.said(&a.message));
            html! { <><p class="about">{ about }</p><dl class="facts">{ ills(ui, part_ills(ui.lang, &scene.broken, i)) }</dl>if let Some(last) = last { <p><code>{ last }</code></p> }</> }
        }
    }
}

/// What is broken by hand, where something is.
fn ills(ui: &UiHandle, list: Vec<String>) -> Html {
    if list.is_empty() {
        return html! {};
    }
    html! { <><dt>{ ui.lang.t("table.faults") }</dt><dd class="ills" data-testid="ills">{ for list.into_iter().map(|text| html! { <div>{ icon("bolt") }{ text }</div> }) }</dd></> }
}

/// What the containers of a pod use now.
fn used(e: &Engine, id: Id) -> String {
    let world = &e.cluster.world;
    let all = world.kubelets.using(&world.sim, id);
    if all.is_empty() {
        return "–".to_owned();
    }
    let (cpu, memory) = all.iter().fold((0, 0), |(c, m), u| (c + u.used.cpu, m + u.used.memory));
    format!("{cpu}m · {:.0} Mi", memory as f64 / f64::from(1 << 20))
}

/// The chain of owners from this one upwards, each with a link.
fn owners(ui: &UiHandle, session: &Session, e: &Engine, id: Id) -> Html {
    let mut chain = vec![];
    let mut at = Some(id);
    while let Some(w) = at.and_then(|id| e.scene.workloads.get(&id)).filter(|_| chain.len() < 4) {
        chain.push(w);
        at = w.owner;
    }
    html! {
        <>
            { for chain.into_iter().map(|w| html! {
                <div>{ swatch(e, w.id) }{ leads(ui, session, Target::Workload(w.id), format!("{}/{}", w.kind.to_lowercase(), w.name)) }</div>
            }) }
        </>
    }
}

/// The colour in which an owner's pods are underlined on the map.
pub(super) fn swatch(e: &Engine, id: Id) -> Html {
    match e.scene.colour(Some(id)) {
        Some(c) => html! { <i class={classes!("owner-key", format!("o{c}"))} aria-hidden="true"></i> },
        None => html! {},
    }
}

fn why(props: &Common, e: &Engine, id: Id) -> Html {
    let Common { ui, session } = props;
    let root = sequence::root(&e.cluster, id);
    let open = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Sequence(root)))))
    };
    html! {
        <>
            { chain(ui, session, inspect::why(&e.cluster, id)) }
            if root.is_some() { <button type="button" class="btn" onclick={open} data-testid="why-sequence">{ icon("sequence") }{ ui.lang.t("seq.title") }</button> }
            <Conditions common={props.clone()} {id} />
        </>
    }
}

/// What a thing is called.
pub fn title(e: &Engine, lang: Lang, target: Target) -> String {
    match target {
        Target::Part(i) => match i {
            0 => "kubectl".to_owned(),
            1 => lang.t("map.api_server").to_owned(),
            2 => "etcd".to_owned(),
            3 => lang.t("map.controllers").to_owned(),
            _ => lang.t("map.scheduler").to_owned(),
        },
        Target::Client(n) => {
            e.scene.traffic.client(n).map_or_else(|| lang.t("inspect.gone").to_owned(), |c| c.view.name.to_string())
        }
        Target::Request(n) => lang.f("traffic.request", &[("n", &n.to_string())]),
        _ => target
            .id()
            .and_then(|id| e.reference(id))
            .map_or_else(|| lang.t("inspect.gone").to_owned(), |(_, name)| name),
    }
}

/// Listens for counters while they are shown, and only then.
#[hook]
fn use_traffic(props: &Common) {
    let shown = matches!(props.ui.selected, Some(Target::Client(_) | Target::Request(_)));
    use_topic_if(&props.session, Topic::Traffic, shown);
}

/// The panel.
#[component]
pub fn Inspector(props: &Common) -> Html {
    use_topic(&props.session, Topic::Objects);
    use_topic(&props.session, Topic::Control);
    use_traffic(props);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let Some(target) = ui.selected else {
        return html! {
            <section class="panel inspector" aria-label={t("panel.inspect")} data-panel="inspect">
                <Overview ui={ui.clone()} session={session.clone()} />
            </section>
        };
    };
    let pick = |tab: InspectTab| {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Inspect(tab)))
    };
    let close = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Select(None)))
    };
    let edit = target.id().map(|id| {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| {
            let got = session.read(|e| Some((inspect::place(&e.cluster, id)?, inspect::yaml(&e.cluster, id)?)));
            if let Some((place, yaml)) = got {
                ui.dispatch(Action::Put(format!("{}.yaml", place.name), yaml.into()));
                ui.dispatch(Action::Phone(Phone::Editor));
            }
        })
    });
    let object = target.id().is_some();
    let waits = matches!(target, Target::Pod(id) if session.read(|e| inspect::waits(&e.cluster, id)));
    let now = if ui.inspect == InspectTab::Placing && !matches!(target, Target::Pod(_)) {
        InspectTab::Summary
    } else {
        ui.inspect
    };
    session.read(|e| {
        html! {
            <section class="panel inspector" aria-label={t("panel.inspect")} data-panel="inspect">
                <div class="inspect-head">
                    <h2 data-testid="inspect-title">{ title(e, ui.lang, target) }</h2>
                    <button type="button" class="ghost" onclick={close} aria-label={t("common.close")} data-testid="inspect-close">{ icon("close") }</button>
                </div>
                if object {
                    <div class="tabs" role="tablist" aria-label={t("panel.inspect")} onkeydown={Callback::from(tab_keys)}>
                        { tab("tab-summary", t("inspect.summary"), now == InspectTab::Summary, pick(InspectTab::Summary)) }
                        { tab("tab-why", t("inspect.why"), now == InspectTab::Why, pick(InspectTab::Why)) }
                        if waits || now == InspectTab::Placing {
                            { tab("tab-placing", t("inspect.placing"), now == InspectTab::Placing, pick(InspectTab::Placing)) }
                        }
                        { tab("tab-events", t("inspect.events"), now == InspectTab::Events, pick(InspectTab::Events)) }
                        { tab("tab-yaml", "YAML", now == InspectTab::Yaml, pick(InspectTab::Yaml)) }
                    </div>
                }
                <div class="inspect-body" tabindex="0">
                    { match (target.id(), now) {
                        (Some(id), InspectTab::Yaml) => html! {
                            <>
                                if let Some(edit) = edit { <button type="button" class="btn" onclick={edit} data-testid="edit-yaml">{ t("inspect.edit") }</button> }
                                <pre class="yaml" data-testid="yaml">{ inspect::yaml(&e.cluster, id).unwrap_or_else(|| t("inspect.gone").to_owned()) }</pre>
                            </>
                        },
                        (Some(id), InspectTab::Events) => {
                            let rows = inspect::events(&e.cluster, id);
                            let now = e.now();
                            html! {
                                <ol class="rows events">
                                    if rows.is_empty() { <li class="empty">{ t("dock.no_events") }</li> }
                                    { for rows.into_iter().rev().map(|r| html! { <EventRow common={props.clone()} row={Rc::new(r)} {now} /> }) }
                                </ol>
                            }
                        }
                        (Some(id), InspectTab::Why) => why(props, e, id),
                        (Some(id), InspectTab::Placing) => html! { <Placing common={props.clone()} {id} full=true /> },
                        (_, _) if waits => html! {
                            <>
                                { summary(ui, session, e, target) }
                                if let Some(id) = target.id() { <Placing common={props.clone()} {id} /> }
                            </>
                        },
                        _ => summary(ui, session, e, target),
                    } }
                </div>
                <Actions ui={ui.clone()} session={session.clone()} />
            </section>
        }
    })
}
