//! The chart of a Deployment's replicas over the session: wanted, ready, new and old. It shares the timeline's axis.

use super::Common;
use super::timeline::share;
use crate::bridge::{Topic, use_topic};
use crate::map::glyph::Palette;
use crate::map::history::Sample;
use crate::map::hit::Target;
use kubarium_core::clock::SimTime;
use kubarium_core::view::model::{Id, PodState};
use plotters::prelude::*;
use plotters_canvas::CanvasBackend;
use web_sys::HtmlCanvasElement;
use yew::prelude::*;

fn colour(css: &str) -> RGBColor {
    let hex = css.trim().trim_start_matches('#');
    let full: String = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
    let part = |i: usize| full.get(i..i + 2).and_then(|h| u8::from_str_radix(h, 16).ok()).unwrap_or(128);
    RGBColor(part(0), part(2), part(4))
}

/// A step line: a value holds until the next one comes.
fn steps(samples: &[Sample], horizon: SimTime, value: impl Fn(&Sample) -> u32) -> Vec<(f64, f64)> {
    let mut line = Vec::with_capacity(samples.len() * 2 + 1);
    for s in samples {
        let x = share(s.at, horizon);
        if let Some((_, y)) = line.last().copied() {
            line.push((x, y));
        }
        line.push((x, f64::from(value(s))));
    }
    if let Some((_, y)) = line.last().copied() {
        line.push((share(horizon, horizon), y));
    }
    line
}

fn draw(canvas: HtmlCanvasElement, samples: &[Sample], now: SimTime, horizon: SimTime) -> Option<()> {
    let dpr = gloo::utils::window().device_pixel_ratio().clamp(1.0, 3.0);
    let (w, h) = (canvas.client_width(), canvas.client_height());
    if w < 20 || h < 20 {
        return None;
    }
    canvas.set_width((f64::from(w) * dpr) as u32);
    canvas.set_height((f64::from(h) * dpr) as u32);
    let p = Palette::read();
    let most = samples.iter().map(|s| s.wanted.max(s.ready).max(s.new).max(s.old)).max().unwrap_or(1).max(3);
    let area = CanvasBackend::with_canvas_object(canvas)?.into_drawing_area();
    area.fill(&colour(&p.raised)).ok()?;
    let scale = dpr as f32;
    let mut chart = ChartBuilder::on(&area)
        .margin_top((6.0 * dpr) as i32)
        .margin_bottom((4.0 * dpr) as i32)
        .build_cartesian_2d(0.0..1.0, -0.2..(f64::from(most) * 1.08))
        .ok()?;
    let width = |px: f32| (px * scale).round().max(1.0) as u32;
    let grid = colour(&p.line);
    for y in [0.0, f64::from(most) / 2.0, f64::from(most)] {
        chart.draw_series(LineSeries::new([(0.0, y), (1.0, y)], grid.stroke_width(1))).ok()?;
    }
    let ink = colour(&p.ink);
    // Each line has its own stroke too, so that colour is not all that tells them apart.
    let wanted = steps(samples, horizon, |s| s.wanted);
    chart
        .draw_series(DashedLineSeries::new(wanted, width(2.0), width(5.0), colour(&p.dim).stroke_width(width(1.3))))
        .ok()?;
    let old = steps(samples, horizon, |s| s.old);
    chart
        .draw_series(DashedLineSeries::new(old, width(6.0), width(3.0), colour(&p.dim).stroke_width(width(1.8))))
        .ok()?;
    let new = steps(samples, horizon, |s| s.new);
    chart.draw_series(LineSeries::new(new, colour(&p.accent).stroke_width(width(1.8)))).ok()?;
    let ready = steps(samples, horizon, |s| s.ready);
    chart.draw_series(LineSeries::new(ready, colour(p.state(PodState::Ready)).stroke_width(width(2.6)))).ok()?;
    let x = share(now, horizon);
    chart.draw_series(LineSeries::new([(x, -1.0), (x, f64::from(most) * 1.08)], ink.stroke_width(width(1.2)))).ok()?;
    area.present().ok()
}

/// The workload that the chart shows: the selected one, or the owner of the selected pod, or the busiest.
fn subject(props: &Common) -> Option<Id> {
    props.session.read(|e| {
        let top = |owner: Option<Id>| e.scene.top_owner(owner).filter(|id| e.scene.workloads.contains_key(id));
        let chosen = match props.ui.selected {
            Some(Target::Pod(id)) => e.scene.pods.get(&id).and_then(|p| top(p.view.owner)),
            Some(Target::Workload(id)) => top(Some(id)),
            _ => None,
        };
        chosen
            .or_else(|| e.history.busiest.filter(|id| e.scene.workloads.contains_key(id)))
            .or_else(|| e.scene.workloads.values().find(|w| w.kind == "Deployment").map(|w| w.id))
    })
}

/// The chart.
#[component]
pub fn Chart(props: &Common) -> Html {
    let Common { ui, session } = props;
    use_topic(session, Topic::History);
    use_topic(session, Topic::Clock);
    let place = use_node_ref();
    let id = subject(props);
    let (now, horizon, samples, name) = session.read(|e| {
        let samples: Vec<Sample> = id.map(|id| e.history.of(id).to_vec()).unwrap_or_default();
        let name =
            id.and_then(|id| e.scene.workloads.get(&id)).map(|w| format!("{}/{}", w.kind.to_lowercase(), w.name));
        (e.now(), e.horizon, samples, name)
    });
    let shown = samples.iter().rev().find(|s| s.at <= now).or(samples.first()).copied();
    {
        let place = place.clone();
        use_effect_with((now, horizon, samples.len(), id, ui.theme), move |_| {
            if let Some(canvas) = place.cast::<HtmlCanvasElement>() {
                draw(canvas, &samples, now, horizon);
            }
        });
    }
    let t = |key| ui.lang.t(key);
    html! {
        <figure class="chart">
            <figcaption>
                if let (Some(name), Some(s)) = (name, shown) {
                    <code>{ name }</code>
                    <span class="key ready"><i></i>{ format!("{} {}", t("chart.ready"), s.ready) }</span>
                    <span class="key wanted"><i></i>{ format!("{} {}", t("chart.wanted"), s.wanted) }</span>
                    <span class="key new"><i></i>{ format!("{} {}", t("chart.new"), s.new) }</span>
                    <span class="key old"><i></i>{ format!("{} {}", t("chart.old"), s.old) }</span>
                } else {
                    <span>{ t("chart.none") }</span>
                }
            </figcaption>
            <canvas ref={place} role="img" aria-label={t("chart.label")}></canvas>
        </figure>
    }
}
