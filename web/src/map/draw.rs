//! Paints a frame: scene, layout, camera and a moment go in, pixels come out. It decides nothing but how much detail
//! is worth drawing, visits only what is in view, and keeps no state but painted glyphs.

use super::anim::{self, Ms};
use super::camera::Camera;
use super::glyph::{MARGIN, Marks, Palette, Sprites, round_rect, set_dashes};
use super::hit::Target;
use super::layout::{Cell, HEAD, Layout, PAD, Rect, TRAY_MOST, ingress_text, service_text};
use super::scene::{Place, PodItem, STATES, Scene};
use super::strip::{Strip, along};
use crate::i18n::Lang;
use kubarium_core::view::model::{Id, Part, PodState};
use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::PI;
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
        self.ingresses(f);
        self.services(f);
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
        self.rings(f);

        let _ = ctx.set_transform(f.dpr, 0.0, 0.0, f.dpr, 0.0, 0.0);
        self.strip(f);
        self.pulses(f);
        self.tip(f);
        shown
    }

    /// The radius of a card's corners.
    fn radius(f: &Frame) -> f64 {
        let z = f.camera.zoom;
        if f.layout.card.0 * z < 40.0 { 3.0 / z } else { 12.0f64.min(8.0 / z.min(1.0)) }
    }

    fn cards(&self, f: &Frame, visible: &[usize]) {
        let ctx = &self.ctx;
        let p = &self.palette;
        let z = f.camera.zoom;
        let screen_w = f.layout.card.0 * z;
        let radius = Self::radius(f);
        // All cards in one path: with thousands of them this is what keeps the frame short.
        ctx.begin_path();
        for i in visible {
            let c = f.layout.card_at(*i);
            if screen_w < 12.0 {
                ctx.rect(c.x, c.y, c.w, c.h);
            } else {
                round_rect(ctx, c.x, c.y, c.w, c.h, radius);
            }
        }
        ctx.set_fill_style_str(&p.card);
        ctx.fill();
        if screen_w >= 12.0 {
            ctx.set_stroke_style_str(&p.line);
            ctx.set_line_width((1.0 / z).min(2.0));
            ctx.stroke();
        }
    }

    /// Names, lamps and bars of the cards: above the lines of services, so that they stay legible.
    fn heads(&self, f: &Frame, visible: &[usize], counted: bool) {
        let ctx = &self.ctx;
        let p = &self.palette;
        let z = f.camera.zoom;
        let screen_w = f.layout.card.0 * z;
        let radius = Self::radius(f);
        if screen_w < 64.0 {
            return;
        }
        let name_px = (12.5f64).max(10.5 / z).min(22.0);
        let small_px = (11.0f64).max(9.5 / z).min(20.0);
        let bars = screen_w >= 120.0;
        for i in visible {
            let c = f.layout.card_at(*i);
            let Some(node) = f.scene.nodes.get(&f.layout.order[*i]) else { continue };
            let v = &node.view;
            let down = !v.ready || !v.powered;
            let born = anim::ease_out(anim::progress(node.born, anim::BIRTH, f.now));
            ctx.set_global_alpha(born);
            self.font(650, name_px);
            ctx.set_fill_style_str(if down { &p.dim } else { &p.ink });
            let note = if !v.powered {
                f.words.off.clone()
            } else if !v.ready {
                v.status.to_string()
            } else if v.cordoned {
                f.words.cordoned.clone()
            } else {
                String::new()
            };
            let base = c.y + 14.0 + name_px * 0.75;
            let name_w = ctx.measure_text(&v.name).map(|m| m.width()).unwrap_or(60.0);
            self.text_in(&v.name, c.x + PAD, base, c.w - 2.0 * PAD - 16.0);
            if !note.is_empty() {
                self.font(500, small_px);
                ctx.set_fill_style_str(if down { p.state(PodState::Failing) } else { &p.dim });
                if p.light || !down {
                    ctx.set_fill_style_str(&p.dim);
                }
                self.text_in(&note, c.x + PAD + name_w + 8.0, base, c.w - 2.0 * PAD - name_w - 28.0);
            }
            // The lamp: a filled circle is well, a ring with a bar is not.
            let (lx, ly, r) = (c.x + c.w - PAD - 4.0, base - name_px * 0.34, (5.0f64).max(4.0 / z).min(9.0));
            ctx.begin_path();
            let _ = ctx.arc(lx, ly, r, 0.0, 2.0 * PI);
            if down {
                ctx.set_stroke_style_str(p.state(PodState::Failing));
                ctx.set_line_width(r * 0.5);
                ctx.stroke();
                ctx.begin_path();
                ctx.move_to(lx - r * 0.7, ly + r * 0.7);
                ctx.line_to(lx + r * 0.7, ly - r * 0.7);
                ctx.stroke();
            } else if v.cordoned {
                ctx.set_stroke_style_str(&p.dim);
                ctx.set_line_width(r * 0.45);
                ctx.stroke();
                ctx.begin_path();
                ctx.move_to(lx - r * 0.6, ly);
                ctx.line_to(lx + r * 0.6, ly);
                ctx.stroke();
            } else {
                ctx.set_fill_style_str(p.state(PodState::Ready));
                ctx.fill();
            }
            if bars && (!counted || screen_w >= 150.0) {
                // a label too small to be read is left out: the bars stand in the same order everywhere
                let named = small_px.min(11.6) * z >= 7.5;
                let label_w = if named { small_px * 3.0 } else { 0.0 };
                for (k, (label, (used, of))) in [("cpu", v.cpu), ("mem", v.memory)].into_iter().enumerate() {
                    let y = c.y + 38.0 + k as f64 * 13.0 + (name_px - 12.5) * 0.8;
                    self.font(450, small_px.min(11.6));
                    ctx.set_fill_style_str(&p.dim);
                    if named {
                        self.text(label, c.x + PAD, y + 4.0);
                    }
                    let x = c.x + PAD + label_w;
                    let w = c.w - 2.0 * PAD - label_w;
                    ctx.begin_path();
                    round_rect(ctx, x, y - 3.0, w, 6.0, 3.0);
                    ctx.set_fill_style_str(&p.line);
                    ctx.fill();
                    let share = if of == 0 { 0.0 } else { (used as f64 / of as f64).clamp(0.0, 1.0) };
                    if share > 0.0 && !down {
                        ctx.begin_path();
                        round_rect(ctx, x, y - 3.0, (w * share).max(6.0), 6.0, 3.0);
                        ctx.set_fill_style_str(&p.accent);
                        ctx.set_global_alpha(0.85 * born);
                        ctx.fill();
                        ctx.set_global_alpha(born);
                    }
                }
            }
            if down || v.cordoned {
                ctx.begin_path();
                round_rect(ctx, c.x, c.y, c.w, c.h, radius);
                ctx.set_stroke_style_str(if down { p.state(PodState::Failing) } else { &p.dim });
                ctx.set_line_width((1.4 / z).max(1.2));
                set_dashes(ctx, &[6.0, 5.0]);
                ctx.stroke();
                set_dashes(ctx, &[]);
            }
            ctx.set_global_alpha(1.0);
        }
    }

    fn tray(&self, f: &Frame) {
        let ctx = &self.ctx;
        let p = &self.palette;
        let z = f.camera.zoom;
        let t = f.layout.tray;
        ctx.begin_path();
        round_rect(ctx, t.x, t.y, t.w, t.h, 12.0);
        ctx.set_stroke_style_str(&p.dim);
        ctx.set_line_width((1.2 / z).min(2.0));
        set_dashes(ctx, &[5.0, 4.0]);
        ctx.set_global_alpha(if f.scene.tray.len() == 0 { 0.55 } else { 1.0 });
        ctx.stroke();
        set_dashes(ctx, &[]);
        ctx.set_global_alpha(1.0);
        let k = f.layout.lane_scale;
        self.font(500, 11.0 * k);
        ctx.set_fill_style_str(&p.dim);
        let waiting = f.scene.tray.taken.iter().flatten().count();
        let label = if waiting > TRAY_MOST {
            format!("{} {waiting}", f.words.unscheduled)
        } else {
            f.words.unscheduled.clone()
        };
        self.text_in(&label, t.x + 12.0 * k, t.y + 19.0 * k, t.w - 20.0 * k);
        if waiting == 0 {
            ctx.set_global_alpha(0.75);
            self.font(400, 11.0 * k);
            self.text_in(&f.words.none_waiting, t.x + 12.0 * k, t.y + 48.0 * k, t.w - 20.0 * k);
            ctx.set_global_alpha(1.0);
        }
    }

    /// The lines from services to the pods that answer for them.
    fn curves(&self, f: &Frame, counted: bool) {
        let ctx = &self.ctx;
        let p = &self.palette;
        let z = f.camera.zoom;
        let half = f.layout.cell.map_or(13.0, |c| c.size / 2.0);
        let total: usize = f.scene.services.values().map(|s| s.endpoints.len()).sum();
        let busy = f.scene.services.values().filter(|s| !s.endpoints.is_empty()).count() > 2;
        for (nth, s) in f.scene.services.values().enumerate() {
            let Some(bar) = f.layout.services.get(&s.id) else { continue };
            let chosen = [f.selected, f.hover].contains(&Some(Target::Service(s.id)));
            if total > 120 && !chosen {
                continue;
            }
            let (sx, sy) = (bar.x + bar.w / 2.0, bar.y + bar.h);
            let dim = if chosen {
                0.95
            } else if f.lit.is_some() {
                0.16
            } else if busy {
                0.38
            } else {
                0.5
            };
            for ready in [true, false] {
                ctx.begin_path();
                let mut some = false;
                let mut cards: BTreeSet<Id> = BTreeSet::new();
                for (id, _) in s.endpoints.iter().filter(|(_, r)| *r == ready).take(400) {
                    let Some(pod) = f.scene.pods.get(id).filter(|pod| pod.died.is_none()) else { continue };
                    let detour = match pod.moved {
                        _ if counted => None,
                        Some((_, _, at)) if anim::progress(at, anim::MOVE, f.now) < 1.0 => None,
                        _ => f.layout.detour((sx, sy), pod.place, pod.slot, nth),
                    };
                    if let Some(way) = detour {
                        self.led(&way);
                        some = true;
                        continue;
                    }
                    let target = if counted {
                        let Place::Node(n) = pod.place else { continue };
                        if !cards.insert(n) {
                            continue;
                        }
                        f.layout.node(n).map(|c| (c.x + c.w / 2.0, c.y))
                    } else {
                        f.layout.pod(pod, f.now, f.calm).map(|(x, y)| (x + half, y - 3.0))
                    };
                    let Some((tx, ty)) = target else { continue };
                    let bend = ((ty - sy) * 0.55).max(30.0);
                    ctx.move_to(sx, sy);
                    ctx.bezier_curve_to(sx, sy + bend, tx, ty - bend, tx, ty);
                    some = true;
                }
                if !some {
                    continue;
                }
                ctx.set_stroke_style_str(&p.accent);
                ctx.set_global_alpha(if ready { dim } else { dim * 0.7 });
                ctx.set_line_width((if chosen { 2.2 } else { 1.5 }) / z.clamp(0.3, 1.0));
                if !ready {
                    set_dashes(ctx, &[3.0, 5.0]);
                }
                ctx.stroke();
                set_dashes(ctx, &[]);
                ctx.set_global_alpha(1.0);
            }
        }
    }

    /// The bars of services.
    fn services(&self, f: &Frame) {
        let ctx = &self.ctx;
        let p = &self.palette;
        let k = f.layout.lane_scale;
        for s in f.scene.services.values() {
            let Some(b) = f.layout.services.get(&s.id) else { continue };
            let live = s.endpoints.iter().any(|(_, r)| *r);
            let chosen = [f.selected, f.hover].contains(&Some(Target::Service(s.id)));
            ctx.begin_path();
            round_rect(ctx, b.x, b.y, b.w, b.h, b.h / 2.0);
            ctx.set_fill_style_str(&p.card);
            ctx.fill();
            ctx.set_stroke_style_str(if live { &p.accent } else { &p.dim });
            ctx.set_line_width(if chosen { 2.4 } else { 1.5 });
            let endless = s.selector.is_empty();
            if !live && !endless {
                set_dashes(ctx, &[4.0, 4.0]);
            }
            ctx.stroke();
            set_dashes(ctx, &[]);
            self.font(620, 12.0 * k);
            ctx.set_fill_style_str(if live || endless { &p.ink } else { &p.dim });
            ctx.set_text_align("center");
            let _ = ctx.fill_text_with_max_width(
                &service_text(s, f.layout.short_services),
                b.x + b.w / 2.0,
                b.y + b.h / 2.0 + 4.2 * k,
                b.w - 22.0 * k,
            );
            ctx.set_text_align("start");
        }
        if f.scene.services.is_empty() && f.layout.tray.w > 0.0 {
            self.font(400, 11.0 * k);
            ctx.set_fill_style_str(&p.dim);
            ctx.set_global_alpha(0.75);
            let x = f.layout.tray.x + f.layout.tray.w + 22.0 * k;
            self.text_in(&f.words.no_services, x, f.layout.tray.y + 40.0 * k, f.layout.width - x - PAD);
            ctx.set_global_alpha(1.0);
        }
    }

    /// Traces a way around corners.
    fn led(&self, way: &[(f64, f64)]) {
        let ctx = &self.ctx;
        let Some((first, rest)) = way.split_first() else { return };
        ctx.move_to(first.0, first.1);
        let mut at = *first;
        for (i, p) in rest.iter().enumerate() {
            match rest.get(i + 1) {
                Some(next) => {
                    let reach = |a: (f64, f64), b: (f64, f64)| (b.0 - a.0).hypot(b.1 - a.1) / 2.0;
                    let r = reach(at, *p).min(reach(*p, *next)).min(10.0);
                    let _ = ctx.arc_to(p.0, p.1, next.0, next.1, r);
                }
                None => ctx.line_to(p.0, p.1),
            }
            at = *p;
        }
    }

    /// Ingresses: bars above the services, each with lines to those it leads to.
    fn ingresses(&self, f: &Frame) {
        let ctx = &self.ctx;
        let p = &self.palette;
        let k = f.layout.lane_scale;
        for i in f.scene.ingresses.values() {
            let Some(b) = f.layout.ingresses.get(&i.id) else { continue };
            let chosen = [f.selected, f.hover].contains(&Some(Target::Object(i.id)));
            let bars = i.services.iter().filter_map(|s| f.scene.service(&i.namespace, s));
            let bars: Vec<Rect> = bars.filter_map(|s| f.layout.services.get(&s.id)).copied().collect();
            ctx.begin_path();
            for bar in &bars {
                let (x, y) = (bar.x + bar.w / 2.0, bar.y);
                ctx.move_to(b.x + b.w / 2.0, b.y + b.h);
                ctx.bezier_curve_to(b.x + b.w / 2.0, b.y + b.h + 16.0 * k, x, y - 16.0 * k, x, y);
            }
            ctx.set_stroke_style_str(&p.accent);
            ctx.set_line_width(if chosen { 2.4 } else { 1.8 });
            ctx.set_global_alpha(if chosen { 1.0 } else { 0.7 });
            ctx.stroke();
            ctx.set_global_alpha(1.0);
            ctx.begin_path();
            round_rect(ctx, b.x, b.y, b.w, b.h, 6.0 * k);
            ctx.set_fill_style_str(&p.card);
            ctx.fill();
            ctx.set_stroke_style_str(if bars.is_empty() { &p.dim } else { &p.accent });
            if bars.is_empty() {
                set_dashes(ctx, &[4.0, 4.0]);
            }
            ctx.stroke();
            set_dashes(ctx, &[]);
            self.font(620, 12.0 * k);
            ctx.set_fill_style_str(&p.ink);
            ctx.set_text_align("center");
            self.text_in(&ingress_text(i), b.x + b.w / 2.0, b.y + b.h / 2.0 + 4.2 * k, b.w - 22.0 * k);
            ctx.set_text_align("start");
        }
    }

    /// A small disk at a pod's lower corner: it mounts volumes. Dashed while a claim waits.
    fn disk(&self, bound: bool, x: f64, y: f64, s: f64) {
        let ctx = &self.ctx;
        let (w, h) = (s * 0.42, s * 0.42);
        let (left, top) = (x - s * 0.16, y + s * 0.7);
        let (cx, ry) = (left + w / 2.0, h * 0.2);
        let body = || {
            ctx.begin_path();
            let _ = ctx.ellipse(cx, top + ry, w / 2.0, ry, 0.0, PI, 2.0 * PI);
            ctx.line_to(left + w, top + h - ry);
            let _ = ctx.ellipse(cx, top + h - ry, w / 2.0, ry, 0.0, 0.0, PI);
            ctx.close_path();
        };
        body();
        ctx.set_fill_style_str(if bound { &self.palette.ink } else { &self.palette.card });
        ctx.fill();
        ctx.set_stroke_style_str(if bound { &self.palette.card } else { &self.palette.ink });
        ctx.set_line_width((s * 0.045).max(0.8));
        if !bound {
            set_dashes(ctx, &[s * 0.08, s * 0.06]);
        }
        ctx.stroke();
        ctx.begin_path();
        let _ = ctx.ellipse(cx, top + ry, w / 2.0, ry, 0.0, 0.0, PI);
        ctx.stroke();
        set_dashes(ctx, &[]);
    }

    /// The line below a pod that tells its owner: colour by the owner, pattern by the owner's kind.
    fn owner_line(&self, f: &Frame, pod: &PodItem, x: f64, y: f64, s: f64) {
        let Some(colour) = f.scene.colour(pod.view.owner) else { return };
        let top = f.scene.top_owner(pod.view.owner).and_then(|o| f.scene.workloads.get(&o));
        let Some(w) = top else { return };
        let ctx = &self.ctx;
        ctx.begin_path();
        ctx.move_to(x + s * 0.12, y);
        ctx.line_to(x + s * 0.88, y);
        ctx.set_stroke_style_str(self.palette.owner(colour));
        ctx.set_line_width(2.6);
        match w.kind {
            "StatefulSet" => set_dashes(ctx, &[s * 0.34, s * 0.08]),
            "DaemonSet" => set_dashes(ctx, &[3.0, 3.0]),
            "Job" | "CronJob" => set_dashes(ctx, &[s * 0.2, s * 0.08]),
            _ => {}
        }
        ctx.stroke();
        set_dashes(ctx, &[]);
    }

    fn marks(scene: &Scene, pod: &PodItem) -> Marks {
        Marks { old: scene.is_old(pod), new: scene.is_new(pod), bare: pod.view.owner.is_none() }
    }

    fn pod(&mut self, f: &Frame, id: Id, cell: Cell, view: &Rect, faded: bool, shown: &mut Shown) {
        let Some(pod) = f.scene.pods.get(&id) else { return };
        let Some((x, y)) = f.layout.pod(pod, f.now, f.calm) else { return };
        let s = f.layout.pod_side(pod, f.now, f.calm);
        if !view.meets(&Rect::new(x - s, y - s, s * 3.0, s * 3.0)) {
            return;
        }
        let pose = anim::pose(pod.born, pod.died, f.now, f.calm);
        if pose.alpha <= 0.005 {
            return;
        }
        shown.pods += 1;
        let unlit = f.lit.is_some_and(|lit| !lit.contains(&id));
        let alpha = pose.alpha
            * if unlit {
                0.22
            } else if faded {
                0.5
            } else {
                1.0
            };
        let marks = Self::marks(f.scene, pod);
        let fade = anim::progress(pod.changed, anim::CHANGE, f.now);
        let px = s * f.camera.zoom * f.dpr;
        let k = pose.scale;
        let side = s * k;
        let (gx, gy) = (x + (s - side) / 2.0, y + (s - side) / 2.0);
        let m = MARGIN * side;
        let put = |painter: &mut Painter, state: PodState, alpha: f64| {
            painter.ctx.set_global_alpha(alpha);
            let ctx = painter.ctx.clone();
            if let Some(picture) = painter.sprites.get(&painter.palette, state, marks, px) {
                let w = side * (1.0 + 2.0 * MARGIN);
                let _ = ctx.draw_image_with_html_canvas_element_and_dw_and_dh(picture, gx - m, gy - m, w, w);
            }
        };
        if fade < 1.0 && pod.before != pod.view.state {
            put(self, pod.before, alpha * (1.0 - fade));
            put(self, pod.view.state, alpha * fade);
        } else {
            put(self, pod.view.state, alpha);
        }
        if cell.labels && pose.alpha > 0.5 && f.camera.zoom * 10.5 >= 6.5 && pod.place != Place::Tray {
            self.ctx.set_global_alpha(alpha);
            self.mono(10.0);
            self.ctx.set_fill_style_str(if f.selected == Some(Target::Pod(id)) {
                &self.palette.ink
            } else {
                &self.palette.dim
            });
            self.ctx.set_text_align("center");
            let label = short_name(&pod.view.name, pod.view.owner.is_some());
            self.text_in(&label, x + s / 2.0, y + s + 15.5, cell.dx - 2.0);
            self.ctx.set_text_align("start");
            self.owner_line(f, pod, x, y + s + 4.5, s);
        } else if cell.dy >= 36.0 && pose.alpha > 0.5 && s * f.camera.zoom >= 13.0 && pod.place != Place::Tray {
            self.ctx.set_global_alpha(alpha);
            self.owner_line(f, pod, x, y + s + 3.2, s);
        }
        if s * f.camera.zoom >= 15.0
            && pod.died.is_none()
            && let Some(bound) = f.scene.claims_bound(pod)
        {
            self.ctx.set_global_alpha(alpha);
            self.disk(bound, x, y, s);
        }
        if pod.view.restarts > 0 && s * f.camera.zoom >= 18.0 && pod.died.is_none() {
            // How often it was started anew, at the lower corner.
            self.ctx.set_global_alpha(alpha);
            let text = if pod.view.restarts > 99 { "99+".to_owned() } else { format!("↻{}", pod.view.restarts) };
            self.font(650, s * 0.32);
            let w = self.ctx.measure_text(&text).map(|m| m.width()).unwrap_or(8.0) + s * 0.16;
            let (bx, by) = (x + s - w * 0.62, y + s * 0.72);
            self.ctx.begin_path();
            round_rect(&self.ctx, bx, by, w, s * 0.4, s * 0.2);
            self.ctx.set_fill_style_str(&self.palette.card);
            self.ctx.fill();
            self.ctx.set_fill_style_str(&self.palette.ink);
            self.text(&text, bx + s * 0.08, by + s * 0.32);
        }
        self.ctx.set_global_alpha(1.0);
    }

    /// Cards with counts instead of pods; those that fail are still drawn one by one.
    fn totals(&mut self, f: &Frame, visible: &[usize], cell: Cell, shown: &mut Shown) {
        let ctx = self.ctx.clone();
        let z = f.camera.zoom;
        let screen_w = f.layout.card.0 * z;
        let mut stacks: [Vec<Rect>; 6] = Default::default();
        let mut failing: Vec<(f64, f64)> = Vec::new();
        // Where cards are dots, how full a node is is told in relation to the fullest one: shares of what it could take
        // would all look empty.
        let tiny = screen_w < 40.0;
        let fullest = if tiny { f.scene.most_slots() as f64 } else { 0.0 };
        for i in visible {
            let c = f.layout.card_at(*i);
            let Some(node) = f.scene.nodes.get(&f.layout.order[*i]) else { continue };
            if node.live == 0 {
                continue;
            }
            let sum = node.by_state();
            let capacity = if tiny {
                fullest.max(f64::from(node.live)).max(1.0)
            } else {
                f64::from(node.view.pods.1.max(node.live).max(1))
            };
            let inset = if screen_w < 26.0 { 0.12 * c.w } else { PAD };
            let head = if screen_w >= 64.0 { HEAD * 0.55 } else { inset };
            let area = Rect::new(c.x + inset, c.y + head, c.w - 2.0 * inset, c.h - head - inset);
            // Filled from below, as high as the node is full.
            let mut y = area.y + area.h;
            for (k, n) in sum.iter().enumerate() {
                if *n > 0 {
                    let h = area.h * f64::from(*n) / capacity;
                    y -= h;
                    stacks[k].push(Rect::new(area.x, y, area.w, h));
                }
            }
            for id in node.failing.iter().take(24) {
                if let Some((x, y)) = f.scene.pods.get(id).and_then(|p| f.layout.corner(p.place, p.slot)) {
                    failing.push((x, y));
                }
            }
        }
        for (k, rects) in stacks.iter().enumerate() {
            if rects.is_empty() {
                continue;
            }
            ctx.begin_path();
            for r in rects {
                ctx.rect(r.x, r.y, r.w, r.h);
            }
            ctx.set_fill_style_str(&self.palette.states[k]);
            ctx.set_global_alpha(if f.lit.is_some() {
                0.25
            } else if tiny {
                0.85
            } else {
                0.6
            });
            ctx.fill();
            ctx.set_global_alpha(1.0);
        }
        if screen_w >= 110.0 {
            self.owners(f, visible);
        }
        // Big enough to be seen, whatever the zoom.
        let s = cell.size.max(5.0 / z);
        let px = s * z * f.dpr;
        for (x, y) in failing {
            if let Some(picture) = self.sprites.get(&self.palette, PodState::Failing, Marks::default(), px) {
                let w = s * (1.0 + 2.0 * MARGIN);
                let m = s * MARGIN + (s - cell.size) / 2.0;
                let _ = ctx.draw_image_with_html_canvas_element_and_dw_and_dh(picture, x - m, y - m, w, w);
                shown.pods += 1;
            }
        }
        if let Some(lit) = f.lit {
            ctx.begin_path();
            let mut marked = BTreeSet::new();
            for id in lit.iter().take(20_000) {
                if let Some(Place::Node(n)) = f.scene.pods.get(id).map(|p| p.place)
                    && marked.insert(n)
                    && let Some(c) = f.layout.node(n)
                {
                    ctx.rect(c.x, c.y, c.w, c.h);
                }
            }
            ctx.set_stroke_style_str(&self.palette.accent);
            ctx.set_line_width(2.0 / z);
            ctx.stroke();
        }
    }

    /// Per node: each owner's name and its pods by state.
    fn owners(&self, f: &Frame, visible: &[usize]) {
        let ctx = &self.ctx;
        let z = f.camera.zoom;
        let size = (11.5 / z).max(11.0);
        for i in visible {
            let c = f.layout.card_at(*i);
            let Some(node) = f.scene.nodes.get(&f.layout.order[*i]) else { continue };
            let mut rows: BTreeMap<Option<Id>, [u32; 6]> = BTreeMap::new();
            for (owner, counts) in &node.counts {
                let row = rows.entry(f.scene.top_owner(*owner)).or_default();
                for (a, b) in row.iter_mut().zip(counts) {
                    *a += b;
                }
            }
            let mut y = c.y + HEAD * 0.55 + size * 1.6;
            for (owner, counts) in rows {
                if y > c.y + c.h - PAD {
                    break;
                }
                let name = owner.and_then(|o| f.scene.workloads.get(&o)).map_or("–", |w| &*w.name);
                let all: u32 = counts.iter().sum();
                let bad = counts[super::scene::state_index(PodState::Failing)];
                self.font(620, size);
                ctx.set_fill_style_str(&self.palette.ink);
                let text = if bad > 0 { format!("{name} {all}  ×{bad}") } else { format!("{name} {all}") };
                self.text_in(&text, c.x + PAD + 4.0, y, c.w - 2.0 * PAD - 8.0);
                y += size * 1.4;
            }
        }
    }

    fn rings(&self, f: &Frame) {
        let z = f.camera.zoom;
        for (target, strong) in [(f.hover, false), (f.selected, true)] {
            let Some(target) = target else { continue };
            if !strong && f.hover == f.selected {
                continue;
            }
            let (r, radius) = match target {
                Target::Pod(id) => {
                    let Some(pod) = f.scene.pods.get(&id) else { continue };
                    let Some((x, y)) = f.layout.pod(pod, f.now, f.calm) else { continue };
                    let g = (5.0f64).max(3.0 / z);
                    let s = f.layout.pod_side(pod, f.now, f.calm);
                    (Rect::new(x - g, y - g, s + 2.0 * g, s + 2.0 * g), s * 0.36)
                }
                Target::Node(id) => {
                    let Some(c) = f.layout.node(id) else { continue };
                    (Rect::new(c.x - 1.0, c.y - 1.0, c.w + 2.0, c.h + 2.0), 12.0)
                }
                Target::Service(id) => {
                    let Some(b) = f.layout.services.get(&id) else { continue };
                    (Rect::new(b.x - 4.0, b.y - 4.0, b.w + 8.0, b.h + 8.0), b.h)
                }
                Target::Object(id) => {
                    let Some(b) = f.layout.ingresses.get(&id) else { continue };
                    (Rect::new(b.x - 4.0, b.y - 4.0, b.w + 8.0, b.h + 8.0), 9.0)
                }
                _ => continue,
            };
            self.ctx.begin_path();
            round_rect(&self.ctx, r.x, r.y, r.w, r.h, radius);
            self.ctx.set_stroke_style_str(if strong { &self.palette.accent } else { &self.palette.dim });
            self.ctx.set_line_width((if strong { 2.4 } else { 1.6 }) / z.min(1.0));
            if !strong && f.focused {
                self.ctx.set_stroke_style_str(&self.palette.ink);
            }
            self.ctx.stroke();
        }
    }

    fn strip(&self, f: &Frame) {
        let ctx = &self.ctx;
        let p = &self.palette;
        let st = f.strip;
        ctx.set_fill_style_str(&p.ground);
        ctx.set_global_alpha(0.985);
        ctx.fill_rect(0.0, 0.0, f.size.0, st.height);
        ctx.set_global_alpha(1.0);
        // Wires.
        let b = &st.boxes;
        let api = b[1].middle();
        ctx.begin_path();
        ctx.move_to(b[0].x + b[0].w, b[0].middle().1);
        ctx.line_to(b[1].x, api.1);
        ctx.move_to(b[1].x + b[1].w, api.1);
        ctx.line_to(b[2].x, b[2].middle().1);
        ctx.move_to(api.0, b[1].y + b[1].h);
        ctx.line_to(api.0, st.bus);
        ctx.move_to(12.0, st.bus);
        ctx.line_to(f.size.0 - 12.0, st.bus);
        for part in &b[3..] {
            let x = part.x + part.w / 2.0;
            ctx.move_to(x, st.bus);
            ctx.line_to(x, if part.y > st.bus { part.y } else { part.y + part.h });
        }
        ctx.set_stroke_style_str(&p.line);
        ctx.set_line_width(1.6);
        ctx.stroke();
        for (i, r) in b.iter().enumerate() {
            let last = f.scene.parts[i].as_ref();
            let heat = last.map_or(0.0, |a| 1.0 - anim::progress(a.at, anim::GLOW, f.now.max(a.at)));
            let recent = last.filter(|a| f.now >= a.at && f.now - a.at < 2500.0);
            ctx.begin_path();
            round_rect(ctx, r.x, r.y, r.w, r.h, 10.0);
            ctx.set_fill_style_str(&p.card);
            ctx.fill();
            ctx.set_stroke_style_str(&p.line);
            ctx.set_line_width(1.2);
            ctx.stroke();
            if heat > 0.0 && last.is_some_and(|a| f.now >= a.at) {
                ctx.set_global_alpha(heat);
                ctx.set_stroke_style_str(&p.accent);
                ctx.set_line_width(2.0);
                ctx.stroke();
                ctx.set_global_alpha(1.0);
            }
            if f.hover == Some(Target::Part(i as u8)) || f.selected == Some(Target::Part(i as u8)) {
                ctx.set_stroke_style_str(&p.dim);
                ctx.set_line_width(1.6);
                ctx.stroke();
            }
            ctx.set_fill_style_str(&p.ink);
            self.font(650, if st.detail { 12.5 } else { 11.5 });
            if st.detail {
                self.text_in(&f.words.parts[i], r.x + 12.0, r.y + 20.0, r.w - 20.0);
                self.font(450, 11.0);
                ctx.set_fill_style_str(&p.dim);
                let text = recent.map_or_else(|| f.words.idle.clone(), |a| f.words.lang.said(&a.message));
                self.text_in(&text, r.x + 12.0, r.y + 37.0, r.w - 20.0);
            } else {
                ctx.set_text_align("center");
                self.text_in(&f.words.parts[i], r.x + r.w / 2.0, r.y + r.h / 2.0 + 4.0, r.w - 8.0);
                ctx.set_text_align("start");
            }
        }
    }

    fn pulses(&self, f: &Frame) {
        let ctx = &self.ctx;
        if f.calm {
            return;
        }
        let end = |part: Part| match part {
            Part::Kubelet(node) => f.layout.node(node).map(|c| {
                let (x, y) = f.camera.to_screen(c.x + c.w / 2.0, c.y);
                (x.clamp(8.0, f.size.0 - 8.0), y.max(f.strip.bus))
            }),
            _ => None,
        };
        ctx.set_fill_style_str(&self.palette.accent);
        for item in &f.scene.pulses {
            if f.now < item.start {
                continue;
            }
            let p = anim::progress(item.start, anim::PULSE, f.now);
            if p >= 1.0 {
                continue;
            }
            let kubelet = end(item.pulse.from).or_else(|| end(item.pulse.to));
            let way = f.strip.way(item.pulse.from, item.pulse.to, kubelet);
            let e = anim::ease_in_out(p);
            for (lag, r, alpha) in [(0.0, 4.2, 1.0), (0.05, 3.0, 0.5), (0.1, 2.0, 0.25)] {
                if let Some((x, y)) = along(&way, (e - lag).max(0.0)) {
                    ctx.begin_path();
                    let _ = ctx.arc(x, y, r, 0.0, 2.0 * PI);
                    ctx.set_global_alpha(alpha * (1.0 - (2.0 * p - 1.0).powi(8)));
                    ctx.fill();
                }
            }
        }
        ctx.set_global_alpha(1.0);
    }

    /// The box with a few lines beside what is under the pointer.
    fn tip(&self, f: &Frame) {
        let Some(target) = f.hover.filter(|_| !f.tip.is_empty()) else { return };
        let ctx = &self.ctx;
        let p = &self.palette;
        let anchor = match target {
            Target::Part(i) => {
                let b = f.strip.boxes[i as usize];
                (b.x, b.y + b.h + 6.0)
            }
            _ => {
                let Some((x, y)) = super::hit::middle(f.scene, f.layout, target) else { return };
                let (x, y) = f.camera.to_screen(x, y);
                let drop = f.layout.cell.map_or(13.0, |c| c.size / 2.0) * f.camera.zoom + 18.0;
                (x + 12.0, y + drop)
            }
        };
        let mut w: f64 = 0.0;
        for (i, line) in f.tip.iter().enumerate() {
            self.font(if i == 0 { 650 } else { 450 }, 12.0);
            w = w.max(ctx.measure_text(line).map(|m| m.width()).unwrap_or(0.0));
        }
        let w = (w + 22.0).min(f.size.0 - 16.0).min(360.0);
        let h = f.tip.len() as f64 * 17.0 + 14.0;
        let x = anchor.0.min(f.size.0 - w - 8.0).max(8.0);
        let y = if anchor.1 + h > f.size.1 - 8.0 { (anchor.1 - h - 52.0).max(8.0) } else { anchor.1 };
        ctx.begin_path();
        round_rect(ctx, x, y, w, h, 8.0);
        ctx.set_fill_style_str(&p.raised);
        ctx.set_shadow_color("rgba(0,0,0,0.35)");
        ctx.set_shadow_blur(14.0);
        ctx.set_shadow_offset_y(4.0);
        ctx.fill();
        ctx.set_shadow_color("transparent");
        ctx.set_shadow_blur(0.0);
        ctx.set_shadow_offset_y(0.0);
        ctx.set_stroke_style_str(&p.line);
        ctx.set_line_width(1.0);
        ctx.stroke();
        for (i, line) in f.tip.iter().enumerate() {
            self.font(if i == 0 { 650 } else { 450 }, 12.0);
            ctx.set_fill_style_str(if i == 0 { &p.ink } else { &p.dim });
            self.text_in(line, x + 11.0, y + 19.0 + i as f64 * 17.0, w - 22.0);
        }
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
