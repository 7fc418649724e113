//! Charts over the session's time: replicas of a workload, requests of clients, use of nodes, metrics of autoscalers.
//! They share the timeline's axis: pointing at a moment tells its values, a click goes there.

mod plot;

use super::{Common, tab, tab_keys};
use crate::bridge::{Engine, Topic, clock_text, use_topic};
use crate::i18n::Lang;
use crate::map::hit::Target;
use crate::platform::clipboard;
use crate::state::Ui;
use kubarium_core::clock::SimTime;
use kubarium_core::view::model::Id;
use plot::{Line, Plot, Series};
use web_sys::{HtmlCanvasElement, HtmlElement};
use yew::prelude::*;

/// What a chart is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Replicas,
    Requests,
    Nodes,
    Scaling,
}

/// What the chart is about while nobody has chosen: what is selected says it.
fn fitting(e: &Engine, ui: &Ui) -> About {
    match ui.selected {
        Some(Target::Client(_) | Target::Request(_)) => About::Requests,
        Some(Target::Node(_)) => About::Nodes,
        Some(Target::Object(id)) if e.history.scalers().any(|(s, ..)| *s == id) => About::Scaling,
        _ => About::Replicas,
    }
}

/// The workload that the chart shows: the selected one, or the owner of the selected pod, or the busiest.
fn workload(e: &Engine, ui: &Ui) -> Option<Id> {
    let top = |owner: Option<Id>| e.scene.top_owner(owner).filter(|id| e.scene.workloads.contains_key(id));
    let chosen = match ui.selected {
        Some(Target::Pod(id)) => e.scene.pods.get(&id).and_then(|p| top(p.view.owner)),
        Some(Target::Workload(id)) => top(Some(id)),
        _ => None,
    };
    chosen
        .or_else(|| e.history.busiest.filter(|id| e.scene.workloads.contains_key(id)))
        .or_else(|| e.scene.workloads.values().find(|w| w.kind == "Deployment").map(|w| w.id))
}

/// What is plotted of it.
fn plot(e: &Engine, ui: &Ui, about: About) -> Plot {
    let lang = ui.lang;
    let t = |key| lang.t(key);
    let line = |label: &str, class, line, points: Vec<(SimTime, f64)>| Series {
        label: label.to_owned(),
        class,
        line,
        points,
        unit: "",
        apart: false,
    };
    match about {
        About::Replicas => {
            let Some(w) = workload(e, ui).and_then(|id| e.scene.workloads.get(&id)) else { return Plot::default() };
            let rows = e.history.of(w.id);
            let of = |f: fn(&crate::map::history::Sample) -> u32| {
                rows.iter().map(|s| (s.at, f64::from(f(s)))).collect::<Vec<_>>()
            };
            let job = w.kind == "Job";
            let names = match job {
                true => [t("chart.succeeded"), t("chart.wanted"), t("chart.active"), t("chart.failed")],
                false => [t("chart.ready"), t("chart.wanted"), t("chart.new"), t("chart.old")],
            };
            let last = if job { ("failed", Line::Heavy) } else { ("old", Line::Long) };
            let series = vec![
                line(names[1], "wanted", Line::Short, of(|s| s.wanted)),
                line(names[3], last.0, last.1, of(|s| s.old)),
                line(names[2], "new", Line::Thin, of(|s| s.new)),
                line(names[0], "ready", Line::Thick, of(|s| s.ready)),
            ];
            Plot { name: format!("{}/{}", w.kind.to_lowercase(), w.name), series, least: 3.0, steps: true, until: None }
        }
        About::Requests => {
            let client = match ui.selected {
                Some(Target::Client(n)) => e.scene.traffic.client(n).map(|c| c.view.name.clone()),
                Some(Target::Request(n)) => e.scene.traffic.trace(n).and_then(|t| t.client.clone()),
                _ => None,
            };
            let seconds = e.history.requests(client.as_deref());
            // Seconds in which nothing was sent are not told of: they are zero.
            let mut rows = Vec::with_capacity(seconds.len());
            for (i, s) in seconds.iter().enumerate() {
                rows.push(*s);
                // the second that is not over yet is told of later
                let silent = match seconds.get(i + 1) {
                    Some(next) => next.at.0 > s.at.0 + 1_500_000,
                    None => e.horizon.0 > s.at.0 + 2_200_000,
                };
                if silent {
                    rows.push(crate::map::history::Second {
                        at: SimTime(s.at.0 + 1_000_000),
                        ok: 0,
                        failed: 0,
                        latency: s.latency,
                    });
                }
            }
            let ok = rows.iter().map(|s| (s.at, f64::from(s.ok))).collect();
            let failed = rows.iter().map(|s| (s.at, f64::from(s.failed))).collect();
            let latency = rows.iter().map(|s| (s.at, s.latency)).collect();
            let name = client.or_else(|| {
                let mut all = e.history.clients();
                all.next().filter(|_| all.next().is_none()).cloned()
            });
            let name = name.map_or_else(|| t("chart.all_clients").to_owned(), |n| n.to_string());
            let series = vec![
                Series { unit: " ms", apart: true, ..line(t("chart.latency"), "latency", Line::Dots, latency) },
                Series { unit: "/s", ..line(t("chart.ok"), "ok", Line::Thick, ok) },
                Series { unit: "/s", ..line(t("chart.failed"), "failed", Line::Bars, failed) },
            ];
            if rows.is_empty() {
                return Plot::default();
            }
            Plot { name, series, least: 5.0, steps: true, until: None }
        }
        About::Nodes => {
            let node = match ui.selected {
                Some(Target::Node(id)) => e.scene.nodes.get(&id),
                Some(Target::Pod(id)) => {
                    e.scene.pods.get(&id).and_then(|p| p.view.node).and_then(|n| e.scene.nodes.get(&n))
                }
                _ => None,
            };
            let node = node.filter(|n| !e.history.node(Some(n.view.id)).is_empty());
            let rows = e.history.node(node.map(|n| n.view.id));
            let of = |f: fn(&crate::map::history::Use) -> f64| rows.iter().map(|s| (s.at, f(s))).collect::<Vec<_>>();
            let percent =
                |label: &str, class, stroke, points| Series { unit: " %", ..line(label, class, stroke, points) };
            let mut series = vec![
                percent(t("chart.memory"), "memory-requested", Line::Dots, of(|s| s.memory)),
                percent(t("chart.cpu"), "wanted", Line::Short, of(|s| s.cpu)),
            ];
            if rows.iter().any(|s| s.cpu_used > 0.0) {
                series.push(percent(t("chart.memory_used"), "memory", Line::Long, of(|s| s.memory_used)));
                series.push(percent(t("chart.cpu_used"), "new", Line::Thick, of(|s| s.cpu_used)));
            }
            let name = node.map_or_else(|| t("chart.all_nodes").to_owned(), |n| format!("node/{}", n.view.name));
            Plot { name, series, least: 100.0, steps: true, until: None }
        }
        About::Scaling => {
            let chosen = |id: Id| ui.selected == Some(Target::Object(id));
            let mut all: Vec<_> = e.history.scalers().collect();
            all.sort_by_key(|(id, ..)| !chosen(**id));
            let Some((_, name, rows)) = all.first() else { return Plot::default() };
            let of = |f: &dyn Fn(&crate::map::history::Scaling) -> Option<f64>| {
                rows.iter().filter_map(|s| Some((s.at, f(s)?))).collect::<Vec<_>>()
            };
            let unit = rows.last().map_or(" %", |s| s.unit);
            let series = vec![
                Series { unit, ..line(t("chart.target"), "wanted", Line::Short, of(&|s| Some(s.target))) },
                Series { unit, ..line(t("chart.current"), "new", Line::Thin, of(&|s| s.current)) },
                Series { apart: true, ..line(t("chart.replicas"), "ready", Line::Thick, of(&|s| Some(s.replicas))) },
                Series { apart: true, ..line(t("chart.desired"), "old", Line::Long, of(&|s| Some(s.wanted))) },
            ];
            Plot { name: format!("hpa/{name}"), series, least: 100.0, steps: true, until: None }
        }
    }
}

/// A number as people read it.
fn number(v: f64) -> String {
    if v.fract().abs() < 0.05 || v >= 100.0 { format!("{v:.0}") } else { format!("{v:.1}") }
}

/// The chart in words.
fn words(lang: Lang, plot: &Plot, title: &str, at: SimTime) -> String {
    let values: Vec<String> = plot
        .series
        .iter()
        .filter_map(|s| {
            let most = s.points.iter().map(|p| p.1).fold(0.0, f64::max);
            let values =
                [("now", &*number(s.at(at)?)), ("most", &*number(most)), ("unit", s.unit.trim()), ("label", &s.label)];
            Some(lang.f("chart.words", &values))
        })
        .collect();
    format!("{title}: {}. {}. {}", plot.name, clock_text(at), values.join(", "))
}

/// The charts.
#[component]
pub fn Chart(props: &Common) -> Html {
    let Common { ui, session } = props;
    use_topic(session, Topic::History);
    use_topic(session, Topic::Clock);
    let t = |key| ui.lang.t(key);
    let place = use_node_ref();
    let chosen = use_state(|| None::<About>);
    let pointed = use_state(|| None::<SimTime>);
    let (about, has_scalers, now, horizon, version, plot) = session.read(|e| {
        let has_scalers = e.history.scalers().next().is_some();
        let about = chosen.filter(|a| *a != About::Scaling || has_scalers).unwrap_or_else(|| fitting(e, ui));
        let plot = Plot { until: Some(e.horizon), ..plot(e, ui, about) };
        (about, has_scalers, e.now(), e.horizon, e.history.version, std::rc::Rc::new(plot))
    });
    let moment = pointed.unwrap_or(now).min(horizon);
    let size = use_state_eq(|| (0, 0));
    {
        let (place, plot) = (place.clone(), plot.clone());
        let deps = ((now, horizon, version), about, ui.selected, ui.theme, ui.lang, *pointed, *size);
        use_effect_with(deps, move |(_, _, _, _, _, pointed, _)| {
            if let Some(canvas) = place.cast::<HtmlCanvasElement>() {
                size.set((canvas.client_width(), canvas.client_height()));
                plot::draw(&canvas, &plot, now, *pointed, horizon);
            }
        });
    }
    let at = move |e: &MouseEvent| -> Option<SimTime> {
        use wasm_bindgen::JsCast;
        let canvas = e.target()?.dyn_into::<HtmlElement>().ok()?;
        let share = f64::from(e.offset_x()) / f64::from(canvas.client_width().max(1));
        Some(super::timeline::moment_at(share, horizon))
    };
    let onmousemove = {
        let pointed = pointed.clone();
        Callback::from(move |e: MouseEvent| pointed.set(at(&e)))
    };
    let onmouseleave = {
        let pointed = pointed.clone();
        Callback::from(move |_: MouseEvent| pointed.set(None))
    };
    let onclick = {
        let session = session.clone();
        Callback::from(move |e: MouseEvent| {
            if let Some(to) = at(&e) {
                session.set_playing(false);
                session.seek(to);
            }
        })
    };
    let pick = |a: About| {
        let chosen = chosen.clone();
        Callback::from(move |_: MouseEvent| chosen.set(Some(a)))
    };
    let title = match about {
        About::Replicas => t("chart.replicas"),
        About::Requests => t("chart.requests"),
        About::Nodes => t("chart.nodes"),
        About::Scaling => t("chart.scaling"),
    };
    let csv = {
        let plot = plot.clone();
        Callback::from(move |_: MouseEvent| {
            clipboard::download(&format!("{}.csv", plot.file_name()), &plot.csv());
        })
    };
    let png = {
        let (plot, place, title) = (plot.clone(), place.clone(), title.to_owned());
        Callback::from(move |_: MouseEvent| {
            if let Some(canvas) = place.cast::<HtmlCanvasElement>() {
                plot::picture(&canvas, &plot, &title, moment);
            }
        })
    };
    let empty = plot.series.iter().all(|s| s.points.is_empty());
    let none = match about {
        About::Requests => t("chart.no_requests"),
        _ => t("chart.none"),
    };
    html! {
        <figure class="chart">
            <div class="chart-head">
                <div class="tabs small" role="tablist" aria-label={t("chart.which")} onkeydown={Callback::from(tab_keys)}>
                    { tab("chart-replicas", t("chart.replicas"), about == About::Replicas, pick(About::Replicas)) }
                    { tab("chart-requests", t("chart.requests"), about == About::Requests, pick(About::Requests)) }
                    { tab("chart-nodes", t("chart.nodes"), about == About::Nodes, pick(About::Nodes)) }
                    if has_scalers {
                        { tab("chart-scaling", t("chart.scaling"), about == About::Scaling, pick(About::Scaling)) }
                    }
                </div>
                <span class="grow"></span>
                if !empty {
                    <button type="button" class="link" onclick={csv} aria-label={format!("{title} CSV")} data-testid="chart-csv">{ "CSV" }</button>
                    <button type="button" class="link" onclick={png} aria-label={format!("{title} PNG")} data-testid="chart-png">{ "PNG" }</button>
                }
            </div>
            <figcaption data-testid="chart-legend">
                if empty {
                    <span>{ none }</span>
                } else {
                    <code>{ plot.name.clone() }</code>
                    { for plot.series.iter().rev().map(|s| html! {
                        <span class={classes!("key", s.class)}><i></i>{ s.label.clone() }{ " " }<b>{ s.at(moment).map_or_else(|| "–".to_owned(), |v| format!("{}{}", number(v), s.unit)) }</b></span>
                    }) }
                    if pointed.is_some() { <span class="at">{ clock_text(moment) }</span> }
                }
            </figcaption>
            <canvas ref={place} role="img" aria-label={words(ui.lang, &plot, title, moment)} title={t("chart.hint")} {onmousemove} {onmouseleave} {onclick} data-testid="chart"></canvas>
        </figure>
    }
}
