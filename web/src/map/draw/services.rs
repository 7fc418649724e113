//! Services and ingresses: their bars, and the lines to those who answer for them.

use super::{Frame, Painter};
use crate::map::anim;
use crate::map::glyph::{round_rect, set_dashes};
use crate::map::hit::Target;
use crate::map::layout::{PAD, Rect, ingress_text, service_text};
use crate::map::scene::Place;
use kubarium_core::view::model::Id;
use std::collections::BTreeSet;

impl Painter {
    /// The lines from services to the pods that answer for them.
    pub(super) fn curves(&self, f: &Frame, counted: bool) {
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
                    let detour = match pod.moved.as_deref().copied() {
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
    pub(super) fn services(&self, f: &Frame) {
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
            let chips = f.layout.clients.values().chain(&f.layout.dns).map(|r| r.x + r.w);
            let x = chips.fold(f.layout.tray.x + f.layout.tray.w, f64::max) + 22.0 * k;
            self.text_in(&f.words.no_services, x, f.layout.tray.y + 40.0 * k, f.layout.width - x - PAD);
            ctx.set_global_alpha(1.0);
        }
    }

    /// Traces a way around corners.
    pub(super) fn led(&self, way: &[(f64, f64)]) {
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
    pub(super) fn ingresses(&self, f: &Frame) {
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
}
