//! The session's time as a bar: marks where something was done, a cursor that can be dragged, the chart above it.

use super::Common;
use super::branches::{BranchChip, input_text};
use super::chart::Chart;
use crate::bridge::{Happened, Mark, Session, Topic, clock_text, use_topic};
use crate::i18n::Lang;
use crate::icons::icon;
use kubarium_core::clock::SimTime;
use kubarium_core::world::Input;
use std::rc::Rc;
use web_sys::HtmlElement;
use yew::prelude::*;

fn length(horizon: SimTime) -> f64 {
    // Some room ahead, so that the cursor is not at the edge all the time.
    (horizon.0 as f64 * 1.04).max(30e6)
}

/// The share of the bar at which a moment lies, 0 to 1.
pub fn share(t: SimTime, horizon: SimTime) -> f64 {
    (t.0 as f64 / length(horizon)).clamp(0.0, 1.0)
}

/// The moment at a share of the bar; none is later than the latest one.
pub fn moment_at(share: f64, horizon: SimTime) -> SimTime {
    SimTime((length(horizon) * share.clamp(0.0, 1.0)) as u64).min(horizon)
}

fn moment(session: &Session, x: f64, width: f64) -> SimTime {
    let horizon = session.read(|e| e.horizon);
    moment_at(x / width.max(1.0), horizon)
}

fn mark(lang: Lang, input: &Input) -> Option<(&'static str, String)> {
    let class = match input {
        Input::Fault(_) => "fault",
        Input::Client(_) | Input::RemoveClient { .. } => "client",
        _ => "line",
    };
    Some((class, input_text(lang, input)?))
}

/// What happened by itself.
fn happened(lang: Lang, m: &Mark) -> (&'static str, String) {
    let count = m.count.to_string();
    match &m.what {
        Happened::RolloutBegun => ("begun", lang.f("mark.begun", &[("name", &m.name)])),
        Happened::RolloutDone => ("done", lang.f("mark.done", &[("name", &m.name)])),
        Happened::Failing(status) if m.count > 1 => {
            ("failed", lang.f("mark.failing_many", &[("name", &m.name), ("status", status), ("n", &count)]))
        }
        Happened::Failing(status) => ("failed", lang.f("mark.failing", &[("name", &m.name), ("status", status)])),
        Happened::NodeDown => ("node-down", lang.f("mark.node_down", &[("name", &m.name)])),
        Happened::NodeUp => ("node-up", lang.f("mark.node_up", &[("name", &m.name)])),
    }
}

/// The lower left panel.
#[component]
pub fn Timeline(props: &Common) -> Html {
    let Common { ui, session } = props;
    use_topic(session, Topic::Clock);
    use_topic(session, Topic::History);
    use_topic(session, Topic::Control);
    let t = |key| ui.lang.t(key);
    let bar = use_node_ref();
    let dragging = use_mut_ref(|| false);
    let (now, horizon, marks) = session.read(|e| {
        let inputs = e.cluster.inputs();
        let skip = inputs.len().saturating_sub(160);
        let own = inputs.iter().skip(skip).filter_map(|l| mark(ui.lang, &l.input).map(|(c, text)| (l.at, c, text)));
        let found = e.marks.list.iter().map(|m| {
            let (class, text) = happened(ui.lang, m);
            (m.at, class, text)
        });
        // what a person did lies above what happened by itself
        let marks: Rc<Vec<(SimTime, &'static str, String)>> = Rc::new(found.chain(own).collect());
        (e.now(), e.horizon, marks)
    });
    // Positions go through the style object: the content security policy forbids style attributes.
    {
        let bar = bar.clone();
        let marks = marks.clone();
        use_effect_with((now, horizon, marks.len()), move |(now, horizon, _)| {
            let Some(bar) = bar.cast::<HtmlElement>() else { return };
            let style = bar.style();
            let _ = style.set_property("--now", &format!("{:.3}%", share(*now, *horizon) * 100.0));
            let _ = style.set_property("--end", &format!("{:.3}%", share(*horizon, *horizon) * 100.0));
            let children = bar.query_selector_all("[data-mark]").ok();
            for i in 0..children.as_ref().map_or(0, |c| c.length()) {
                use wasm_bindgen::JsCast;
                if let Some(el) =
                    children.as_ref().and_then(|c| c.get(i)).and_then(|n| n.dyn_into::<HtmlElement>().ok())
                    && let Some((at, _, _)) = marks.get(i as usize)
                {
                    let _ = el.style().set_property("--at", &format!("{:.3}%", share(*at, *horizon) * 100.0));
                }
            }
        });
    }
    let seek_at = {
        let (session, bar) = (session.clone(), bar.clone());
        move |client_x: i32| {
            if let Some(bar) = bar.cast::<HtmlElement>() {
                let r = bar.get_bounding_client_rect();
                session.seek(moment(&session, f64::from(client_x) - r.left(), r.width()));
            }
        }
    };
    let down = {
        let (session, seek_at, dragging, bar) = (session.clone(), seek_at.clone(), dragging.clone(), bar.clone());
        Callback::from(move |e: PointerEvent| {
            *dragging.borrow_mut() = true;
            if let Some(bar) = bar.cast::<HtmlElement>() {
                let _ = bar.set_pointer_capture(e.pointer_id());
            }
            session.set_playing(false);
            seek_at(e.client_x());
        })
    };
    let moved = {
        let (seek_at, dragging) = (seek_at.clone(), dragging.clone());
        Callback::from(move |e: PointerEvent| {
            if *dragging.borrow() {
                seek_at(e.client_x());
            }
        })
    };
    let up = {
        let dragging = dragging.clone();
        Callback::from(move |_: PointerEvent| *dragging.borrow_mut() = false)
    };
    let key = {
        let session = session.clone();
        Callback::from(move |e: KeyboardEvent| {
            let (now, horizon) = session.read(|e| (e.now(), e.horizon));
            let second = if e.shift_key() { 10_000_000 } else { 1_000_000 };
            let to = match e.key().as_str() {
                "ArrowLeft" => SimTime(now.0.saturating_sub(second)),
                "ArrowRight" => SimTime(now.0 + second),
                "PageUp" => SimTime(now.0.saturating_sub(30_000_000)),
                "PageDown" => SimTime(now.0 + 30_000_000),
                "Home" => SimTime::ZERO,
                "End" => horizon,
                _ => return,
            };
            e.prevent_default();
            session.set_playing(false);
            session.seek(to.min(horizon));
        })
    };
    let behind = now < horizon;
    let to_end = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            let horizon = session.read(|e| e.horizon);
            session.seek(horizon);
        })
    };
    let back = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.step_back())
    };
    let step = session.read(|e| e.step.clone());
    // for those who do not see the marks: what happened at the moment on which the slider stands
    let near = marks.iter().rev().filter(|(at, ..)| at.0.abs_diff(now.0) < 500_000 && behind).map(|m| m.2.as_str());
    let moment = std::iter::once(&*clock_text(now)).chain(near.take(2)).collect::<Vec<_>>().join(", ");
    html! {
        <section class="panel timeline" aria-label={t("panel.time")} data-panel="time">
            <Chart ui={ui.clone()} session={session.clone()} />
            <div class="rail-row">
                <button type="button" class="pill small square" onclick={back} title={t("time.back_hint")} aria-label={t("time.back")} data-testid="step-back">{ icon("back") }</button>
                <div class="rail" ref={bar} role="slider" tabindex="0" aria-label={t("time.slider")} aria-valuemin="0"
                    aria-valuemax={(horizon.0 / 1_000_000).to_string()} aria-valuenow={(now.0 / 1_000_000).to_string()} aria-valuetext={moment}
                    onpointerdown={down} onpointermove={moved} onpointerup={up.clone()} onpointercancel={up} onkeydown={key} data-testid="timeline">
                    <div class="past"></div>
                    { for marks.iter().map(|(at, class, text)| html! { <i class={classes!("mark", *class)} data-mark="" title={format!("{} {}", clock_text(*at), text)}></i> }) }
                    <div class="cursor"></div>
                </div>
            </div>
            <div class="rail-note">
                <p>
                    if let Some(step) = step {
                        <b>{ ui.lang.actor(&step.actor) }</b>{ " " }{ ui.lang.said(&step.message) }
                    } else { { if behind { t("time.behind") } else { t("time.hint") } } }
                </p>
                <BranchChip ui={ui.clone()} session={session.clone()} />
                if behind {
                    <button type="button" class="pill small" onclick={to_end} data-testid="to-end">{ icon("idle") }{ t("time.to_end") }</button>
                }
            </div>
        </section>
    }
}
