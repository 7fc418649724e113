//! A plot as data, and how it is drawn, written as CSV and kept as a picture. Each line has a stroke of its own, so
//! that colour is not all that tells them apart.

use crate::bridge::clock_text;
use crate::components::timeline::share;
use crate::map::glyph::Palette;
use crate::platform::clipboard;
use kubarium_core::clock::SimTime;
use kubarium_core::view::model::PodState;
use plotters::prelude::*;
use plotters_canvas::CanvasBackend;
use std::collections::BTreeSet;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// A stroke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Whole, wide.
    Thick,
    /// Whole, narrow.
    Thin,
    /// Whole, wider than all others.
    Heavy,
    /// Short dashes.
    Short,
    /// Long dashes.
    Long,
    /// Dots.
    Dots,
    /// Bars on a ground and a scale of their own, above the others: a few among many are seen.
    Bars,
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is called.
    pub label: String,
    /// Its name in the style sheet.
    pub class: &'static str,
    /// Its stroke.
    pub line: Line,
    /// Its values; each holds until the next.
    pub points: Vec<(SimTime, f64)>,
    /// What its numbers count.
    pub unit: &'static str,
    /// It has a scale of its own.
    pub apart: bool,
}

impl Series {
    /// The value at a moment.
    pub fn at(&self, t: SimTime) -> Option<f64> {
        let i = self.points.partition_point(|p| p.0 <= t);
        self.points.get(i.checked_sub(1)?).map(|p| p.1)
    }

    fn most(&self) -> f64 {
        self.points.iter().map(|p| p.1).fold(0.0, f64::max)
    }

    fn colour(&self, p: &Palette) -> RGBColor {
        colour(match self.class {
            "ready" | "ok" => p.state(PodState::Ready),
            "new" => &p.accent,
            "failed" => p.state(PodState::Failing),
            "memory" | "memory-requested" => p.state(PodState::NotReady),
            _ => &p.dim,
        })
    }
}

/// A chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// What it is of.
    pub name: String,
    /// Its lines, the uppermost last.
    pub series: Vec<Series>,
    /// The scale goes at least so far.
    pub least: f64,
    /// A value holds until the next one comes.
    pub steps: bool,
    /// The last values hold until then.
    pub until: Option<SimTime>,
}

impl Plot {
    fn most(&self) -> f64 {
        self.series.iter().filter(|s| !s.apart && s.line != Line::Bars).map(Series::most).fold(self.least, f64::max)
    }

    /// What a line's values are multiplied with to fit the common scale.
    fn factor(&self, s: &Series) -> f64 {
        if !s.apart {
            return 1.0;
        }
        let most = self.series.iter().filter(|o| o.apart).map(Series::most).fold(0.0, f64::max);
        // it keeps to the lower part: the scale at the side is not its own
        if most > 0.0 { self.most() * 0.6 / most } else { 1.0 }
    }

    /// A name for a file.
    pub fn file_name(&self) -> String {
        let plain = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '-' };
        format!("kubarium-{}", self.name.chars().map(plain).collect::<String>())
    }

    /// A table: a row for each moment at which a value changed.
    pub fn csv(&self) -> String {
        let times: BTreeSet<SimTime> = self.series.iter().flat_map(|s| s.points.iter().map(|p| p.0)).collect();
        let quoted = |s: &str| format!("\"{}\"", s.replace('"', "\"\""));
        let head: Vec<String> = self.series.iter().map(|s| quoted(format!("{}{}", s.label, s.unit).trim())).collect();
        let mut out = format!("seconds,{}\n", head.join(","));
        for t in times {
            let cells: Vec<String> = self
                .series
                .iter()
                .map(|s| s.at(t).map_or_else(String::new, |v| format!("{}", (v * 1e3).round() / 1e3)))
                .collect();
            out.push_str(&format!("{:.1},{}\n", t.0 as f64 / 1e6, cells.join(",")));
        }
        out
    }
}

fn colour(css: &str) -> RGBColor {
    let hex = css.trim().trim_start_matches('#');
    let full: String = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
    let part = |i: usize| full.get(i..i + 2).and_then(|h| u8::from_str_radix(h, 16).ok()).unwrap_or(128);
    RGBColor(part(0), part(2), part(4))
}

/// A step line: a value holds until the next one comes.
fn steps(s: &Series, factor: f64, horizon: SimTime) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = Vec::with_capacity(s.points.len() * 2 + 1);
    for (at, v) in &s.points {
        let x = share(*at, horizon);
        if let Some((_, y)) = line.last().copied() {
            line.push((x, y));
        }
        line.push((x, v * factor));
    }
    if let Some((_, y)) = line.last().copied() {
        line.push((share(horizon, horizon), y));
    }
    line
}

/// Bars as shares of the width and of the height, each high enough to be seen: `least` of it.
fn bars(s: &Series, horizon: SimTime, least: f64) -> Vec<[f64; 3]> {
    let most = s.most().max(1.0);
    let ends = s.points.iter().skip(1).map(|p| p.0).chain([horizon]);
    let some = s.points.iter().zip(ends).filter(|((_, v), _)| *v > 0.0);
    some.map(|((at, v), end)| [share(*at, horizon), share(end, horizon), (v / most).max(least)]).collect()
}

/// Draws it on the timeline's axis, with the moment and the one that is pointed at.
pub fn draw(
    canvas: &HtmlCanvasElement,
    plot: &Plot,
    now: SimTime,
    pointed: Option<SimTime>,
    horizon: SimTime,
) -> Option<()> {
    let dpr = gloo::utils::window().device_pixel_ratio().clamp(1.0, 3.0);
    let (w, h) = (canvas.client_width(), canvas.client_height());
    if w < 20 || h < 20 {
        return None;
    }
    canvas.set_width((f64::from(w) * dpr) as u32);
    canvas.set_height((f64::from(h) * dpr) as u32);
    let p = Palette::read();
    let most = plot.most().max(1.0);
    let top = most * 1.08;
    let root = CanvasBackend::with_canvas_object(canvas.clone())?.into_drawing_area();
    root.fill(&colour(&p.raised)).ok()?;
    let scale = dpr as f32;
    let width = |px: f32| (px * scale).round().max(1.0) as u32;
    let grid = colour(&p.line);
    let barred = plot.series.iter().find(|s| s.line == Line::Bars);
    let split = if barred.is_some() { f64::from(h) * 0.3 * dpr } else { 0.0 };
    let (upper, area) = root.split_vertically(split as i32);
    let (whole, (ground, foot)) = (root.dim_in_pixel(), ((split - 2.0 * dpr) as i32, (3.0 * dpr) as i32));
    let across = |at: SimTime| (share(at, horizon) * f64::from(whole.0)) as i32;
    if let Some(s) = barred {
        let high = f64::from(ground - foot);
        for [x, end, v] in bars(s, horizon, (4.0 * dpr / high.max(1.0)).min(1.0)) {
            let from = (x * f64::from(whole.0)) as i32;
            let to = ((end * f64::from(whole.0)) as i32).max(from + (2.0 * dpr) as i32);
            let bar = [(from, ground - (v * high) as i32), (to, ground)];
            upper.draw(&Rectangle::new(bar, s.colour(&p).filled())).ok()?;
        }
        let line = vec![(0, ground), (whole.0 as i32, ground)];
        upper.draw(&PathElement::new(line, grid.stroke_width(1))).ok()?;
    }
    let mut chart = ChartBuilder::on(&area)
        .margin_top((6.0 * dpr) as i32)
        .margin_bottom((4.0 * dpr) as i32)
        .build_cartesian_2d(0.0..1.0, -most * 0.06..top)
        .ok()?;
    for y in [0.0, most / 2.0, most] {
        chart.draw_series(LineSeries::new([(0.0, y), (1.0, y)], grid.stroke_width(1))).ok()?;
    }
    for s in &plot.series {
        let points = steps(s, plot.factor(s), horizon);
        let ink = s.colour(&p);
        let dashed = |on: f32, off: f32, px: f32| {
            DashedLineSeries::new(points.clone(), width(on), width(off), ink.stroke_width(width(px)))
        };
        match s.line {
            Line::Short => chart.draw_series(dashed(2.0, 5.0, 1.3)).ok().map(|_| ())?,
            Line::Long => chart.draw_series(dashed(6.0, 3.0, 1.8)).ok().map(|_| ())?,
            Line::Dots => chart.draw_series(dashed(1.0, 3.0, 1.4)).ok().map(|_| ())?,
            Line::Bars => {}
            Line::Thin | Line::Thick | Line::Heavy => {
                let px = [1.8, 2.6, 3.2][match s.line {
                    Line::Thin => 0,
                    Line::Thick => 1,
                    _ => 2,
                }];
                chart.draw_series(LineSeries::new(points, ink.stroke_width(width(px)))).ok().map(|_| ())?;
            }
        }
    }
    drop(chart);
    let bar = |at: SimTime, ink: RGBColor, px: f32| {
        let line = vec![(across(at), 0), (across(at), whole.1 as i32)];
        root.draw(&PathElement::new(line, ink.stroke_width(width(px)))).ok()
    };
    if let Some(at) = pointed {
        bar(at, colour(&p.dim), 1.0)?;
    }
    bar(now, colour(&p.ink), 1.2)?;
    root.present().ok()?;
    // The scale's upper end.
    let ctx: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    ctx.set_font(&format!("500 {:.1}px {}", 10.0 * dpr, p.sans));
    ctx.set_fill_style_str(&p.dim);
    let unit = plot.series.iter().find(|s| !s.apart).map_or("", |s| s.unit);
    let tw = |text: &str| ctx.measure_text(text).map(|m| m.width()).unwrap_or_default();
    let y = split + 6.0 * dpr + ((f64::from(h) - 10.0) * dpr - split) * (top - most) / (top + most * 0.06);
    let text = format!("{most:.0}{unit}");
    ctx.fill_text(&text, f64::from(w) * dpr - tw(&text) - 4.0 * dpr, y + 11.0 * dpr).ok()?;
    if let Some(s) = barred.filter(|s| s.most() > 0.0) {
        ctx.set_fill_style_str(&p.failing_ink);
        ctx.fill_text(&format!("× {:.0}{}", s.most(), s.unit), 4.0 * dpr, 12.0 * dpr).ok()?;
    }
    Some(())
}

/// Keeps the chart with its name and legend as a picture.
pub fn picture(canvas: &HtmlCanvasElement, plot: &Plot, title: &str, at: SimTime) -> Option<()> {
    let dpr = gloo::utils::window().device_pixel_ratio().clamp(1.0, 3.0);
    let head = 46.0 * dpr;
    let sheet: HtmlCanvasElement = gloo::utils::document().create_element("canvas").ok()?.dyn_into().ok()?;
    sheet.set_width(canvas.width());
    sheet.set_height(canvas.height() + head as u32);
    let ctx: CanvasRenderingContext2d = sheet.get_context("2d").ok()??.dyn_into().ok()?;
    let p = Palette::read();
    ctx.set_fill_style_str(&p.raised);
    ctx.fill_rect(0.0, 0.0, f64::from(sheet.width()), f64::from(sheet.height()));
    ctx.set_fill_style_str(&p.ink);
    ctx.set_font(&format!("650 {:.0}px {}", 13.0 * dpr, p.sans));
    ctx.fill_text(&format!("{title} – {}   {}", plot.name, clock_text(at)), 10.0 * dpr, 18.0 * dpr).ok()?;
    ctx.set_font(&format!("500 {:.0}px {}", 11.0 * dpr, p.sans));
    let mut x = 10.0 * dpr;
    for s in plot.series.iter().rev() {
        let RGBColor(r, g, b) = s.colour(&p);
        ctx.set_fill_style_str(&format!("rgb({r},{g},{b})"));
        ctx.fill_rect(x, 30.0 * dpr, 14.0 * dpr, if s.line == Line::Thin { 2.0 } else { 4.0 } * dpr);
        x += 18.0 * dpr;
        ctx.set_fill_style_str(&p.dim);
        let value = s.at(at).map_or_else(|| "–".to_owned(), |v| format!("{}{}", super::number(v), s.unit));
        let text = format!("{} {value}", s.label);
        ctx.fill_text(&text, x, 36.0 * dpr).ok()?;
        x += ctx.measure_text(&text).map(|m| m.width()).unwrap_or(60.0) + 16.0 * dpr;
    }
    ctx.draw_image_with_html_canvas_element(canvas, 0.0, head).ok()?;
    let address = sheet.to_data_url_with_type("image/png").ok()?;
    clipboard::offer(&format!("{}.png", plot.file_name()), &address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_row_for_each_moment() {
        let series = |label: &str, points: &[(u64, f64)]| Series {
            label: label.into(),
            class: "ok",
            line: Line::Thin,
            points: points.iter().map(|(s, v)| (SimTime::from_secs(*s), *v)).collect(),
            unit: "/s",
            apart: false,
        };
        let plot = Plot {
            name: "client/a b".into(),
            series: vec![series("ok", &[(1, 5.0), (3, 6.5)]), series("failed", &[(2, 1.0)])],
            ..Plot::default()
        };
        assert_eq!(plot.csv(), "seconds,\"ok/s\",\"failed/s\"\n1.0,5,\n2.0,5,1\n3.0,6.5,1\n");
        assert_eq!(plot.file_name(), "kubarium-client-a-b");
        assert_eq!(plot.series[0].at(SimTime::from_secs(2)), Some(5.0));
        assert_eq!(plot.series[1].at(SimTime::from_secs(1)), None);
    }

    #[test]
    fn the_least_failure_is_seen() {
        let points = [(1, 0.0), (2, 100.0), (3, 1.0)].map(|(s, v)| (SimTime::from_secs(s), v));
        let s = Series {
            label: "".into(),
            class: "failed",
            line: Line::Bars,
            points: points.into(),
            unit: "",
            apart: false,
        };
        let found = bars(&s, SimTime::from_secs(30), 0.2);
        assert_eq!(found.iter().map(|b| b[2]).collect::<Vec<_>>(), [1.0, 0.2]);
        assert!(found.iter().all(|b| b[1] > b[0]));
        let plot = Plot { series: vec![s], least: 5.0, ..Plot::default() };
        assert_eq!(plot.most(), 5.0);
    }
}
