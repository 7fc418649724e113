//! One change as a sequence diagram: kubectl, API server, etcd, controllers, scheduler, kubelets. It is gone through
//! step by step, each message with its reason in a sentence; it leaves the page as a picture (PNG, SVG) or as Mermaid
//! text.

use super::dialogs::DownloadButton;
use crate::bridge::Session;
use crate::bridge::clock_text;
use crate::i18n::Lang;
use crate::icons::icon;
use crate::map::glyph::Palette;
use crate::platform::clipboard;
use crate::state::{Action, UiHandle};
use kubarium_core::view::model::Doing;
use kubarium_core::view::sequence::{self, Lane, Line, Sequence, Step};
use std::fmt::Write;
use web_sys::{Element, HtmlSelectElement};
use yew::prelude::*;

const WIDTH: f64 = 940.0;
const TOP: f64 = 56.0;
const ROW: f64 = 34.0;
/// How a message that is still to come is marked in the drawing.
const FAINT: &str = "opacity=\"0.22\"";

fn x(lane: Lane) -> f64 {
    let i = Lane::ALL.iter().position(|l| *l == lane).unwrap_or(0);
    78.0 + i as f64 * 157.0
}

fn lane_name(lang: Lang, lane: Lane) -> &'static str {
    match lane {
        Lane::Kubectl => "kubectl",
        Lane::ApiServer => lang.t("map.api_server"),
        Lane::Etcd => "etcd",
        Lane::Controllers => lang.t("map.controllers"),
        Lane::Scheduler => lang.t("map.scheduler"),
        Lane::Kubelets => "kubelet",
    }
}

/// What a message says, short enough for its arrow.
fn said(lang: Lang, l: &Line) -> String {
    let mut text = match l.step {
        Step::Asks => lang.said(&l.message),
        Step::Stores => lang.f("seq.stores", &[("kind", lang.term("kind", l.message.kind)), ("name", &l.message.name)]),
        Step::Tells => lang.f("seq.tells", &[("what", &lang.said(&l.message))]),
    };
    if l.count > 1 {
        let _ = write!(text, " ×{}", l.count);
    }
    text
}

fn short(text: &str) -> String {
    let most = 44;
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// Why a message is sent, in a sentence.
fn explain(lang: Lang, l: &Line) -> &'static str {
    match (l.step, l.from, l.message.doing, l.message.kind) {
        (Step::Stores, ..) => lang.t("seq.why_stores"),
        (Step::Tells, ..) => match l.to {
            Lane::Scheduler => lang.t("seq.why_tells_scheduler"),
            Lane::Kubelets => lang.t("seq.why_tells_kubelet"),
            _ => lang.t("seq.why_tells"),
        },
        (_, Lane::Kubectl, Doing::Reads | Doing::Lists | Doing::Watches, _) => lang.t("seq.why_kubectl_reads"),
        _ if l.message.refused.is_some() => lang.t("seq.why_refused"),
        (_, Lane::Kubectl, ..) => lang.t("seq.why_kubectl"),
        (_, Lane::Scheduler, Doing::Binds, _) => lang.t("seq.why_binds"),
        (_, Lane::Scheduler, ..) => lang.t("seq.why_waits"),
        (_, Lane::Kubelets, Doing::Deletes, _) => lang.t("seq.why_kubelet_deletes"),
        (_, Lane::Kubelets, ..) => lang.t("seq.why_kubelet"),
        (_, _, Doing::Creates, "ReplicaSet") => lang.t("seq.why_replicaset"),
        (_, _, Doing::Changes | Doing::Scales, "ReplicaSet") => lang.t("seq.why_scales"),
        (_, _, Doing::Creates, "Pod") => lang.t("seq.why_pod"),
        (_, _, Doing::Deletes, "Pod") => lang.t("seq.why_pod_goes"),
        (_, _, _, "EndpointSlice" | "Endpoints") => lang.t("seq.why_endpoints"),
        (_, _, Doing::Reports, _) => lang.t("seq.why_status"),
        _ => lang.t("seq.why_controller"),
    }
}

/// The diagram as Mermaid text.
fn mermaid(lang: Lang, s: &Sequence) -> String {
    let id = |l: Lane| match l {
        Lane::Kubectl => "K",
        Lane::ApiServer => "A",
        Lane::Etcd => "E",
        Lane::Controllers => "C",
        Lane::Scheduler => "S",
        Lane::Kubelets => "L",
    };
    let plain = |t: &str| t.replace([';', '#', '\n', ':'], " ");
    let mut out = "sequenceDiagram\n".to_owned();
    for lane in Lane::ALL {
        let _ = writeln!(out, "    participant {} as {}", id(lane), lane_name(lang, lane));
    }
    if !s.title.is_empty() {
        let _ = writeln!(out, "    Note over K: {}", plain(&s.title));
    }
    for l in &s.lines {
        let arrow = if l.step == Step::Tells { "-->>" } else { "->>" };
        let who = if matches!(l.step, Step::Asks) && l.from == Lane::Controllers {
            format!("({}) ", lang.actor(&l.actor))
        } else {
            String::new()
        };
        let _ = writeln!(out, "    {}{arrow}{}: {}", id(l.from), id(l.to), plain(&format!("{who}{}", said(lang, l))));
    }
    out
}

fn arrow(lang: Lang, p: &Palette, l: &Line, i: usize, at: usize) -> Html {
    let (from, to) = (x(l.from), x(l.to));
    let y = TOP + 26.0 + i as f64 * ROW;
    let tip = if to > from { to - 8.0 } else { to + 8.0 };
    let now = i == at;
    let colour = if now { p.accent.clone() } else { p.ink.clone() };
    let faint = if i > at { "0.22" } else { "1" };
    let head = format!("{to},{y} {tip},{} {tip},{}", y - 4.5, y + 4.5);
    let text = short(&said(lang, l));
    // the text stands above its arrow, and never beyond the picture
    let half = text.chars().map(|c| if c as u32 > 0x1100 { 10.5 } else { 6.0 }).sum::<f64>() / 2.0;
    let middle = f64::midpoint(from, to).clamp(half + 4.0, WIDTH - half - 4.0);
    html! {
        <g key={i} opacity={faint} data-line={i.to_string()}>
            <line x1={from.to_string()} y1={y.to_string()} x2={tip.to_string()} y2={y.to_string()} stroke={colour.clone()}
                stroke-width={if now { "2.4" } else { "1.3" }} stroke-dasharray={(l.step == Step::Tells).then_some("5 4")} />
            <polygon points={head} fill={colour.clone()} />
            <text x={middle.to_string()} y={(y - 6.0).to_string()} text-anchor="middle" font-size="11" fill={colour}
                font-weight={if now { "700" } else { "400" }} stroke={p.raised.clone()} stroke-width="3" paint-order="stroke">{ text }</text>
        </g>
    }
}

#[derive(PartialEq, Properties)]
pub struct SequenceProps {
    pub ui: UiHandle,
    pub session: Session,
    /// The request that begins it; none: the last change.
    pub request: Option<u64>,
}

/// The dialog.
#[component]
pub fn SequenceView(props: &SequenceProps) -> Html {
    let SequenceProps { ui, session, request } = props;
    let lang = ui.lang;
    let t = |key| lang.t(key);
    let changes = use_memo((), |()| session.read(|e| sequence::changes(&e.cluster)));
    let chosen = use_state(|| request.or_else(|| changes.last().map(|c| c.request)));
    let at = use_state(|| 0usize);
    let playing = use_state(|| false);
    let picture = use_node_ref();
    let s = use_memo(*chosen, |chosen| {
        chosen.map(|r| session.read(|e| sequence::sequence(&e.cluster, r))).unwrap_or_default()
    });
    let last = s.lines.len().saturating_sub(1);
    let here = (*at).min(last);
    {
        let (at, playing) = (at.clone(), playing.clone());
        use_effect_with((*playing, here), move |(on, here)| {
            let here = *here;
            let timer = on.then(|| {
                gloo::timers::callback::Timeout::new(1_300, move || {
                    if here < last {
                        at.set(here + 1);
                    } else {
                        playing.set(false);
                    }
                })
            });
            move || drop(timer)
        });
    }
    {
        let picture = picture.clone();
        use_effect_with(here, move |here| {
            let row = picture
                .cast::<Element>()
                .and_then(|p| p.query_selector(&format!("[data-line=\"{here}\"]")).ok().flatten());
            if let Some(row) = row {
                let how = web_sys::ScrollIntoViewOptions::new();
                how.set_block(web_sys::ScrollLogicalPosition::Nearest);
                row.scroll_into_view_with_scroll_into_view_options(&how);
            }
        });
    }
    if changes.is_empty() {
        return html! { <p class="empty">{ t("seq.none") }</p> };
    }
    let pick = {
        let (chosen, at) = (chosen.clone(), at.clone());
        Callback::from(move |e: Event| {
            let select: HtmlSelectElement = e.target_unchecked_into();
            chosen.set(select.value().parse().ok());
            at.set(0);
        })
    };
    let go = |to: usize| {
        let (at, playing) = (at.clone(), playing.clone());
        Callback::from(move |_: MouseEvent| {
            playing.set(false);
            at.set(to);
        })
    };
    let play = {
        let (at, playing) = (at.clone(), playing.clone());
        Callback::from(move |_: MouseEvent| {
            if here >= last {
                at.set(0);
            }
            playing.set(!*playing);
        })
    };
    let keys = {
        let at = at.clone();
        Callback::from(move |e: KeyboardEvent| {
            match e.key().as_str() {
                "ArrowRight" | "ArrowDown" | "PageDown" => at.set((here + 1).min(last)),
                "ArrowLeft" | "ArrowUp" | "PageUp" => at.set(here.saturating_sub(1)),
                _ => return,
            }
            e.prevent_default();
        })
    };
    // In a file every message is told, however far one has gone.
    let drawn = {
        let picture = picture.clone();
        move || picture.cast::<Element>().map(|p| p.outer_html().replace(FAINT, "opacity=\"1\"")).unwrap_or_default()
    };
    let svg = {
        let drawn = drawn.clone();
        Callback::from(move |()| {
            clipboard::download("sequence.svg", &drawn());
        })
    };
    let text = {
        let s = s.clone();
        Callback::from(move |()| {
            clipboard::download("sequence.mmd", &mermaid(lang, &s));
        })
    };
    let p = Palette::read();
    let height = TOP + 44.0 + s.lines.len() as f64 * ROW;
    let png = Callback::from(move |()| clipboard::download_drawing("sequence.png", &drawn(), WIDTH, height));
    let line = s.lines.get(here);
    let jump = line.map(|l| {
        let (ui, session, moment) = (ui.clone(), session.clone(), l.at);
        Callback::from(move |_: MouseEvent| {
            session.set_playing(false);
            session.seek(moment);
            ui.dispatch(Action::Dialog(None));
        })
    });
    html! {
        <div class="sequence">
            <label class="seq-pick">{ t("seq.change") }
                <select onchange={pick} data-testid="seq-change">
                    { for changes.iter().rev().take(200).map(|c| html! {
                        <option value={c.request.to_string()} selected={*chosen == Some(c.request)}>{ format!("{}  {}", clock_text(c.at), c.text) }</option>
                    }) }
                </select>
            </label>
            <div class="seq-scroll" tabindex="0" role="group" aria-label={t("seq.title")} onkeydown={keys}>
                <svg ref={picture} xmlns="http://www.w3.org/2000/svg" viewBox={format!("0 0 {WIDTH} {height}")} width={WIDTH.to_string()} height={height.to_string()}
                    font-family="system-ui, sans-serif" role="img" aria-label={t("seq.title")} data-testid="sequence">
                    <rect width="100%" height="100%" fill={p.raised.clone()} />
                    { for Lane::ALL.iter().map(|lane| html! {
                        <g>
                            <line x1={x(*lane).to_string()} y1={TOP.to_string()} x2={x(*lane).to_string()} y2={(height - 8.0).to_string()} stroke={p.line.clone()} stroke-width="1.5" />
                            <rect x={(x(*lane) - 66.0).to_string()} y="14" width="132" height="30" rx="8" fill={p.card.clone()} stroke={p.line.clone()} />
                            <text x={x(*lane).to_string()} y="34" text-anchor="middle" font-size="13" font-weight="650" fill={p.ink.clone()}>{ lane_name(lang, *lane) }</text>
                        </g>
                    }) }
                    { for s.lines.iter().enumerate().map(|(i, l)| arrow(lang, &p, l, i, here)) }
                </svg>
            </div>
            if let Some(l) = line {
                <div class="seq-say" aria-live="polite" data-testid="seq-say">
                    <p><b>{ format!("{}  ", clock_text(l.at)) }{ if l.step == Step::Asks { lang.actor(&l.actor) } else { lane_name(lang, l.from).to_owned() } }</b>{ " → " }{ lane_name(lang, l.to) }{ ": " }{ said(lang, l) }</p>
                    <p>{ explain(lang, l) }</p>
                </div>
            }
            if s.more > 0 { <p class="hint">{ lang.f("seq.more", &[("n", &s.more.to_string())]) }</p> }
            <div class="dialog-foot">
                <button type="button" class="btn" onclick={go(here.saturating_sub(1))} disabled={here == 0} aria-label={t("seq.back")} data-testid="seq-back">{ icon("left") }</button>
                <button type="button" class="btn primary" onclick={play} data-testid="seq-play">{ icon(if *playing { "pause" } else { "play" }) }{ if *playing { t("header.pause") } else { t("header.play") } }</button>
                <button type="button" class="btn" onclick={go((here + 1).min(last))} disabled={here >= last} aria-label={t("seq.next")} data-testid="seq-next" data-first="">{ icon("right") }</button>
                <span class="hint">{ format!("{} / {}", here + 1, last + 1) }</span>
                if let Some(jump) = jump { <button type="button" class="btn" onclick={jump}>{ t("inspect.jump") }</button> }
                <span class="grow"></span>
                <DownloadButton text="PNG" save={png} test="seq-png" />
                <DownloadButton text="SVG" save={svg} test="seq-svg" />
                <DownloadButton text="Mermaid" save={text} test="seq-mermaid" />
            </div>
        </div>
    }
}
