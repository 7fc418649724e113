//! The map's twin in words: owners, services, nodes and pods as tables, with the same selection and actions.

use super::Common;
use super::inspector::{Actions, title};
use super::map_panel::LegendGlyph;
use crate::bridge::{Topic, use_topic};
use crate::icons::icon;
use crate::map::broken::{node_ills, part_ills, pod_ills};
use crate::map::draw::traffic::rate_text;
use crate::map::hit::Target;
use crate::map::widget::find;
use crate::state::Action;
use kubarium_core::view::inspect;
use kubarium_core::view::model::Id;
use std::collections::BTreeSet;
use yew::prelude::*;

/// Rows of each kind that is not drawn on the map.
const FEW: usize = 25;
/// Rows of pods at most; a search brings the others.
const ROWS: usize = 200;

/// The tables.
#[component]
pub fn Table(props: &Common) -> Html {
    use_topic(&props.session, Topic::Objects);
    use_topic(&props.session, Topic::Traffic);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let theme = ui.theme;
    let pick = |target: Target| {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Select(Some(target))))
    };
    let row_class = |target: Target| classes!("row", (ui.selected == Some(target)).then_some("on"));
    let name = |target: Target, text: &str| {
        html! { <button type="button" class="link" aria-pressed={(ui.selected == Some(target)).to_string()} onclick={pick(target)}>{ text.to_owned() }</button> }
    };
    session.read(|e| {
        let scene = &e.scene;
        let found: Option<BTreeSet<Id>> = ui
            .search
            .as_deref()
            .filter(|s| !s.trim().is_empty())
            .map(|s| find(scene, s).into_iter().filter_map(Target::id).collect());
        let pods: Vec<_> = scene
            .pods
            .values()
            .filter(|p| p.died.is_none() && found.as_ref().is_none_or(|f| f.contains(&p.view.id)))
            .collect();
        let count = pods.len();
        let ill = |list: Vec<String>| {
            html! { <td class="ills">if !list.is_empty() { { icon("bolt") }{ list.join(", ") } }</td> }
        };
        let sick_pods = !scene.broken.pods.is_empty();
        let sick_nodes = scene.nodes.values().any(|n| !node_ills(ui.lang, &scene.broken, &n.view).is_empty());
        html! {
            <div class="twin" id="table" role="group" tabindex="-1" aria-label={t("map.table_label")} data-testid="table">
                if ui.selected.is_some() {
                    <div class="twin-actions"><Actions ui={ui.clone()} session={session.clone()} /></div>
                }
                <table>
                    <caption>{ t("table.workloads") }</caption>
                    <thead><tr><th scope="col">{ t("table.name") }</th><th scope="col">{ t("table.kind") }</th><th scope="col">{ t("table.progress") }</th><th scope="col">{ t("table.selector") }</th></tr></thead>
                    <tbody>
                        { for scene.workloads.values().take(ROWS).map(|w| html! {
                            <tr key={w.id} class={row_class(Target::Workload(w.id))}><th scope="row">{ name(Target::Workload(w.id), &w.name) }</th><td>{ w.kind }</td><td>{ &*w.progress }</td><td><code>{ &*w.selector }</code></td></tr>
                        }) }
                    </tbody>
                </table>
                <table>
                    <caption>{ t("table.services") }</caption>
                    <thead><tr><th scope="col">{ t("table.name") }</th><th scope="col">{ t("table.kind") }</th><th scope="col">{ t("table.address") }</th><th scope="col">{ t("table.endpoints") }</th>if !scene.traffic.rates.is_empty() { <th scope="col">{ t("traffic.rate") }</th> }</tr></thead>
                    <tbody>
                        { for scene.services.values().take(ROWS).map(|s| html! {
                            <tr key={s.id} class={row_class(Target::Service(s.id))}><th scope="row">{ name(Target::Service(s.id), &s.name) }</th><td>{ &*s.kind }</td><td><code>{ format!("{} {}", crate::map::layout::service_addresses(s), s.ports) }</code></td><td>{ format!("{}/{}", s.endpoints.iter().filter(|(_, r)| *r).count(), s.endpoints.len()) }</td>if !scene.traffic.rates.is_empty() { <td class={classes!(scene.traffic.rates.get(&s.id).is_some_and(|r| r.1 > 0).then_some("bad"))}>{ scene.traffic.rates.get(&s.id).map(|r| rate_text(*r)) }</td> }</tr>
                        }) }
                    </tbody>
                </table>
                if !scene.traffic.clients.is_empty() { { super::client::clients_table(ui, session, e) } }
                <table>
                    <caption>{ t("overview.plane") }</caption>
                    <thead><tr><th scope="col">{ t("table.name") }</th><th scope="col">{ t("table.faults") }</th></tr></thead>
                    <tbody>
                        { for [0u8, 1, 3, 4].into_iter().map(|i| html! {
                            <tr key={i} class={row_class(Target::Part(i))}><th scope="row">{ name(Target::Part(i), &title(e, ui.lang, Target::Part(i))) }</th>{ ill(part_ills(ui.lang, &scene.broken, i)) }</tr>
                        }) }
                    </tbody>
                </table>
                <table>
                    <caption>{ t("table.nodes") }</caption>
                    <thead><tr><th scope="col">{ t("table.name") }</th><th scope="col">{ t("table.status") }</th><th scope="col">{ "cpu" }</th><th scope="col">{ "mem" }</th><th scope="col">{ t("table.pods") }</th>if sick_nodes { <th scope="col">{ t("table.faults") }</th> }</tr></thead>
                    <tbody>
                        { for scene.order.iter().take(ROWS).filter_map(|id| scene.nodes.get(id)).map(|n| {
                            let percent = |(a, b): (u64, u64)| (a * 100).checked_div(b).map_or_else(String::new, |p| format!("{p} %"));
                            html! {
                                <tr key={n.view.id} class={row_class(Target::Node(n.view.id))}><th scope="row">{ name(Target::Node(n.view.id), &n.view.name) }</th><td>{ &*n.view.status }</td><td>{ percent(n.view.cpu) }</td><td>{ percent(n.view.memory) }</td><td>{ n.live }</td>if sick_nodes { { ill(node_ills(ui.lang, &scene.broken, &n.view).into_iter().map(str::to_owned).collect()) } }</tr>
                            }
                        }) }
                    </tbody>
                </table>
                { for inspect::other_kinds(&e.cluster).into_iter().filter_map(|(kind, _)| inspect::listing(&e.cluster, kind, FEW)).map(|list| html! {
                    <table key={list.kind}>
                        <caption>{ ui.lang.term("kind", list.kind) }{ if list.all > FEW { format!(" – {}", ui.lang.f("table.some", &[("n", &FEW.to_string()), ("all", &list.all.to_string())])) } else { String::new() } }</caption>
                        <thead><tr>
                            { for list.columns.iter().map(|c| html! { <th scope="col">{ c.to_lowercase() }</th> }) }
                            if list.namespaced { <th scope="col">{ t("table.namespace") }</th> }
                        </tr></thead>
                        <tbody>
                            { for list.rows.iter().map(|(id, ns, cells)| html! {
                                <tr key={*id} class={row_class(Target::Object(*id))}>
                                    { for cells.iter().enumerate().map(|(i, cell)| if i == 0 {
                                        html! { <th scope="row">{ name(Target::Object(*id), cell) }</th> }
                                    } else {
                                        html! { <td>{ cell.clone() }</td> }
                                    }) }
                                    if list.namespaced { <td>{ &**ns }</td> }
                                </tr>
                            }) }
                        </tbody>
                    </table>
                }) }
                <table>
                    <caption>{ ui.lang.f("table.pods_of", &[("n", &count.min(ROWS).to_string()), ("all", &count.to_string())]) }</caption>
                    <thead><tr><th scope="col">{ t("table.name") }</th><th scope="col">{ t("table.ready") }</th><th scope="col">{ t("table.status") }</th><th scope="col">{ t("table.restarts") }</th><th scope="col">{ t("table.node") }</th>if sick_pods { <th scope="col">{ t("table.faults") }</th> }</tr></thead>
                    <tbody>
                        { for pods.into_iter().take(ROWS).map(|p| {
                            let v = &p.view;
                            let node = v.node.and_then(|n| scene.nodes.get(&n)).map_or("–", |n| &*n.view.name);
                            html! {
                                <tr key={v.id} class={row_class(Target::Pod(v.id))}>
                                    <th scope="row"><LegendGlyph state={v.state} {theme} />{ name(Target::Pod(v.id), &v.name) }</th>
                                    <td>{ format!("{}/{}", v.ready.0, v.ready.1) }</td><td>{ &*v.status }</td><td>{ v.restarts }</td><td>{ node.to_owned() }</td>if sick_pods { { ill(pod_ills(ui.lang, scene, v.id)) } }
                                </tr>
                            }
                        }) }
                    </tbody>
                </table>
            </div>
        }
    })
}
