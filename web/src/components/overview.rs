//! What there is, while nothing is selected.

use super::Common;
use super::inspector::{leads, swatch, title};
use crate::bridge::{Topic, use_topic};
use crate::icons::icon;
use crate::map::broken::part_ills;
use crate::map::hit::Target;
use crate::state::{Action, Dialog};
use kubarium_core::view::inspect;
use yew::prelude::*;

/// Objects of a kind that the overview lists.
const OTHERS: usize = 40;

/// Every owner and service, one click away.
#[component]
pub fn Overview(props: &Common) -> Html {
    use_topic(&props.session, Topic::Objects);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let open = use_state(|| None::<&'static str>);
    let begin = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Lessons))))
    };
    session.read(|e| {
        let scene = &e.scene;
        html! {
            <>
                <div class="inspect-head"><h2>{ t("overview.title") }</h2></div>
                <div class="inspect-body">
                    <p class="hint">{ t("overview.hint") }</p>
                    if e.lesson.is_none() {
                        <p><button type="button" class="link" onclick={begin} data-testid="begin">{ t("overview.begin") }</button></p>
                    }
                    if !scene.workloads.is_empty() { <h3>{ t("table.workloads") }</h3> }
                    <ul class="links">
                        { for scene.workloads.values().filter(|w| w.owner.is_none_or(|o| !scene.workloads.contains_key(&o))).take(60).map(|w| html! {
                            <li key={w.id}><span class="with-key">{ swatch(e, w.id) }{ leads(ui, session, Target::Workload(w.id), format!("{}/{}", w.kind.to_lowercase(), w.name)) }</span><span>{ &*w.progress }</span></li>
                        }) }
                    </ul>
                    if !scene.ingresses.is_empty() {
                        <h3>{ ui.lang.term("kind", "Ingress") }</h3>
                        <ul class="links">
                            { for scene.ingresses.values().take(60).map(|i| html! {
                                <li key={i.id}>{ leads(ui, session, Target::Object(i.id), format!("ingress/{}", i.name)) }<span>{ &*i.hosts }</span></li>
                            }) }
                        </ul>
                    }
                    if !scene.traffic.clients.is_empty() {
                        <h3>{ t("traffic.clients") }</h3>
                        <ul class="links">
                            { for scene.traffic.clients.iter().map(|c| html! {
                                <li key={c.view.number}>{ leads(ui, session, Target::Client(c.view.number), c.view.name.to_string()) }<span>{ crate::map::draw::traffic::rate_text(c.rate) }</span></li>
                            }) }
                        </ul>
                    }
                    <h3>{ t("table.services") }</h3>
                    <ul class="links">
                        { for scene.services.values().take(60).map(|s| html! {
                            <li key={s.id}>{ leads(ui, session, Target::Service(s.id), format!("service/{}", s.name)) }<span>{ format!("→ {}", s.endpoints.iter().filter(|(_, r)| *r).count()) }</span></li>
                        }) }
                    </ul>
                    <h3>{ t("overview.plane") }</h3>
                    <ul class="links">
                        { for [1u8, 3, 4].into_iter().map(|i| html! {
                            <li key={i}>{ leads(ui, session, Target::Part(i), title(e, ui.lang, Target::Part(i))) }<span>{ part_ills(ui.lang, &scene.broken, i).join(", ") }</span></li>
                        }) }
                    </ul>
                    <h3>{ t("table.nodes") }</h3>
                    <ul class="links">
                        { for scene.order.iter().take(30).filter_map(|id| scene.nodes.get(id)).map(|n| html! {
                            <li key={n.view.id}>{ leads(ui, session, Target::Node(n.view.id), n.view.name.to_string()) }<span>{ &*n.view.status }</span></li>
                        }) }
                    </ul>
                    <h3>{ t("table.others") }</h3>
                    { for inspect::other_kinds(&e.cluster).into_iter().map(|(kind, n)| {
                        let shown = *open == Some(kind);
                        let onclick = {
                            let open = open.clone();
                            Callback::from(move |_: MouseEvent| open.set(if shown { None } else { Some(kind) }))
                        };
                        html! {
                            <div class="kind" key={kind}>
                                <button type="button" class="kind-head" aria-expanded={shown.to_string()} {onclick}>
                                    { icon(if shown { "down" } else { "right" }) }<span>{ ui.lang.term("kind", kind) }</span><span class="grow"></span><span>{ n }</span>
                                </button>
                                if let Some(list) = shown.then(|| inspect::listing(&e.cluster, kind, OTHERS)).flatten() {
                                    <ul class="links">
                                        { for list.rows.iter().map(|(id, ns, cells)| html! {
                                            <li>{ leads(ui, session, Target::Object(*id), cells.first().cloned().unwrap_or_default()) }<span>{ &**ns }</span></li>
                                        }) }
                                        if list.all > OTHERS { <li><span>{ ui.lang.f("table.some", &[("n", &OTHERS.to_string()), ("all", &list.all.to_string())]) }</span></li> }
                                    </ul>
                                }
                            </div>
                        }
                    }) }
                </div>
            </>
        }
    })
}
