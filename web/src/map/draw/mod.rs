//! Paints a frame: scene, layout, camera and a moment go in, pixels come out. It decides nothing but how much detail
//! is worth drawing, visits only what is in view, and keeps no state but painted glyphs.

mod nodes;
mod overlay;
mod pods;
mod services;
pub mod traffic;

use super::anim::Ms;
use super::camera::Camera;
use super::glyph::{Palette, Sprites};
use super::hit::Target;
use super::layout::{Layout, TRAY_MOST};
use super::scene::{STATES, Scene};
use super::strip::Strip;
use crate::i18n::Lang;
use kubarium_core::view::model::{Id, PodState};
use std::collections::BTreeSet;
use web_sys::CanvasRenderingContext2d as Ctx;

/// Pods that are drawn one by one at most; beyond it they are counted.
pub const GLYPHS_TO: u32 = 5_000;

/// The map's own words in the language of the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// The language of what is said in sentences.
    pub lang: Lang,
    /// Names of the five parts.
    pub parts: [String; 5],
    /// What a part does that does nothing.
    pub idle: String,
    /// Over the tray.
    pub unscheduled: String,
    /// Where the tray holds nothing.
    pub none_waiting: String,
    /// A node that takes no pods.
    pub cordoned: String,
    /// A node without power.
    pub off: String,
    /// Where there are no services yet.
    pub no_services: String,
    /// A client that has sent all.
    pub ended: String,
    /// A node that is cut off from the network.
    pub cut_off: String,
}

/// All that a frame shows.
pub struct Frame<'a> {
    /// What is there.
    pub scene: &'a Scene,
    /// Where it stands.
    pub layout: &'a Layout,
    /// The control plane.
    pub strip: &'a Strip,
    /// What is in view.
    pub camera: Camera,
    /// Size of the canvas in CSS pixels.
    pub size: (f64, f64),
    /// Device pixels for each of them.
    pub dpr: f64,
    /// The moment.
    pub now: Ms,
    /// No motion, only fades.
    pub calm: bool,
    /// Selected.
    pub selected: Option<Target>,
    /// Under the pointer or the keyboard's cursor.
    pub hover: Option<Target>,
    /// Pods that are lit while all others are dimmed.
    pub lit: Option<&'a BTreeSet<Id>>,
    /// Texts.
    pub words: &'a Words,
    /// Lines of the box beside what is under the pointer.
    pub tip: &'a [String],
    /// The map has the keyboard's focus.
    pub focused: bool,
}

/// What a frame came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Pods that were drawn one by one.
    pub pods: u32,
    /// Whether the rest is counted instead of drawn.
    pub counted: bool,
}

/// Paints frames.
pub struct Painter {
    /// Where to.
    pub ctx: Ctx,
    /// Colours.
    pub palette: Palette,
    sprites: Sprites,
}

impl Painter {
    /// A painter for a canvas.
    pub fn new(ctx: Ctx) -> Painter {
        Painter { ctx, palette: Palette::read(), sprites: Sprites::default() }
    }

    /// The theme has changed.
    pub fn retheme(&mut self) {
        self.palette = Palette::read();
        self.sprites.clear();
    }

    fn font(&self, weight: u32, px: f64) {
        self.ctx.set_font(&format!("{weight} {px:.1}px {}", self.palette.sans));
    }

    fn mono(&self, px: f64) {
        self.ctx.set_font(&format!("500 {px:.1}px {}", self.palette.mono));
    }

    fn text(&self, s: &str, x: f64, y: f64) {
        let _ = self.ctx.fill_text(s, x, y);
    }

    /// Clears a card where `s` is written next, so that no line runs through its letters.
    fn clear_for(&self, s: &str, x: f64, y: f64, w: f64) {
        self.ctx.set_stroke_style_str(&self.palette.card);
        self.ctx.set_line_width(5.0);
        self.ctx.set_line_join("round");
        let _ = self.ctx.stroke_text_with_max_width(s, x, y, w);
        self.ctx.set_line_join("miter");
    }

    /// Writes `s`, cut with an ellipsis where it is wider than `w`.
    fn text_in(&self, s: &str, x: f64, y: f64, w: f64) {
        if w <= 4.0 {
            return;
        }
        let wide = |s: &str| self.ctx.measure_text(s).map(|m| m.width()).unwrap_or(0.0);
        let full = wide(s);
        if full <= w {
            return self.text(s, x, y);
        }
        let count = s.chars().count();
        let mut keep = ((count as f64) * w / full).floor() as usize;
        while keep > 0 {
            let cut: String = s.chars().take(keep).chain(['…']).collect();
            if wide(&cut) <= w {
                return self.text(&cut, x, y);
            }
            keep -= 1;
        }
    }

    /// Breaks `s` where its first line is as wide as fits into `w`: after a space or a hyphen if there is one.
    fn broken<'a>(&self, s: &'a str, w: f64) -> (&'a str, &'a str) {
        let wide = |s: &str| self.ctx.measure_text(s).map(|m| m.width()).unwrap_or(0.0);
        if wide(s) <= w {
            return (s, "");
        }
        let fits = |i: &usize| wide(s[..*i].trim_end()) <= w;
        let after = s.match_indices([' ', '-']).map(|(i, _)| i + 1).take_while(fits).last();
        let at = after.or_else(|| s.char_indices().map(|(i, _)| i).take_while(fits).last()).unwrap_or(s.len());
        (s[..at].trim_end(), &s[at..])
    }

    /// Paints a frame.
    pub fn frame(&mut self, f: &Frame) -> Shown {
        let ctx = self.ctx.clone();
        let (vw, vh) = f.size;
        let _ = ctx.set_transform(f.dpr, 0.0, 0.0, f.dpr, 0.0, 0.0);
        ctx.set_fill_style_str(&self.palette.ground);
        ctx.fill_rect(0.0, 0.0, vw, vh);
        let z = f.camera.zoom;
        let _ = ctx.set_transform(f.dpr * z, 0.0, 0.0, f.dpr * z, -f.camera.x * z * f.dpr, -f.camera.y * z * f.dpr);
        let view = f.camera.view(vw, vh);
        let visible: Vec<usize> = f.layout.visible(&view).into_iter().flatten().collect();
        let in_view: u32 =
            visible.iter().filter_map(|i| f.scene.nodes.get(&f.layout.order[*i])).map(|n| n.slots.len() as u32).sum();
        let cell = f.layout.cell.unwrap_or_else(|| super::layout::cell_for(1, 1));
        let counted = in_view > GLYPHS_TO || cell.size * z < 3.5;
        let mut shown = Shown { pods: 0, counted };

        self.cards(f, &visible);
        self.curves(f, counted);
        self.heads(f, &visible, counted);
        self.tray(f);
        self.clients(f);
        self.ingresses(f);
        self.services(f);
        self.bar_rates(f, f.layout.lane_scale);
        if counted {
            self.totals(f, &visible, cell, &mut shown);
        } else {
            for i in &visible {
                if let Some(node) = f.scene.nodes.get(&f.layout.order[*i]) {
                    let faded = !node.view.powered || !node.view.ready;
                    for id in node.slots.taken.iter().flatten() {
                        self.pod(f, *id, cell, &view, faded, &mut shown);
                    }
                }
            }
        }
        for id in f.scene.tray.taken.iter().take(TRAY_MOST).flatten() {
            self.pod(f, *id, cell, &view, false, &mut shown);
        }
        self.senders(f);
        self.requests(f, counted);
        self.rings(f);

        let _ = ctx.set_transform(f.dpr, 0.0, 0.0, f.dpr, 0.0, 0.0);
        self.strip(f);
        self.pulses(f);
        self.tip(f);
        shown
    }
}

/// What is written below a pod: of an owned one only what tells it from its siblings.
pub fn short_name(name: &str, owned: bool) -> String {
    match name.rsplit_once('-') {
        // One that has lost its owner still bears the name it was given by it.
        Some((rest, last)) if last.len() == 5 && (owned || rest.contains('-')) => last.to_owned(),
        _ => name.to_owned(),
    }
}

/// The states in words' order, for legends.
pub const LEGEND: [PodState; 6] = STATES;
