//! Clients and their requests: chips beside the services, marks at pods that send, dots on their way, and a cross
//! where one has failed.

use super::{Frame, Painter};
use crate::map::glyph::{round_rect, set_dashes};
use crate::map::hit::Target;
use crate::map::layout::Rect;
use crate::map::traffic::{self, ClientItem, Spot};
use kubarium_core::network::clients::Load;
use kubarium_core::view::model::PodState;
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// `1.2k` for 1,234.
pub fn short(n: u32) -> String {
    match n {
        0..=9_999 => n.to_string(),
        _ => format!("{:.1}k", f64::from(n) / 1e3),
    }
}

/// `✓ 38/s  × 2/s`
pub fn rate_text((ok, failed): (u32, u32)) -> String {
    match failed {
        0 => format!("✓ {}/s", short(ok)),
        _ => format!("✓ {}  × {}/s", short(ok), short(failed)),
    }
}

impl Painter {
    /// The chips of clients and the name server, and their lines to what they ask.
    pub(super) fn clients(&self, f: &Frame) {
        let (ctx, p, k) = (&self.ctx, &self.palette, f.layout.lane_scale);
        let traffic = &f.scene.traffic;
        for c in traffic.outside() {
            let Some(r) = f.layout.clients.get(&c.view.number) else { continue };
            let first = c.through.first().and_then(|id| f.layout.ingresses.get(id).or(f.layout.services.get(id)));
            if let Some(to) = first {
                let (ax, ay) = (r.x + r.w, r.y + r.h / 2.0);
                ctx.begin_path();
                if let Some(way) = f.layout.around_chips(r, to) {
                    self.led(&way);
                } else if to.x > ax + 4.0 {
                    ctx.move_to(ax, ay);
                    let bend = ((to.x - ax) / 2.0).min(26.0 * k);
                    ctx.bezier_curve_to(ax + bend, ay, to.x - bend, to.y + to.h / 2.0, to.x, to.y + to.h / 2.0);
                } else {
                    ctx.move_to(ax, ay);
                    ctx.line_to(to.x + to.w / 2.0, to.y);
                }
                ctx.set_stroke_style_str(&p.accent);
                ctx.set_global_alpha(if c.view.ended { 0.25 } else { 0.6 });
                ctx.set_line_width(1.5);
                ctx.stroke();
                ctx.set_global_alpha(1.0);
            }
            self.chip(f, c, r, k);
        }
        if let Some(r) = f.layout.dns {
            ctx.begin_path();
            round_rect(ctx, r.x, r.y, r.w, r.h, 5.0 * k);
            ctx.set_fill_style_str(&p.card);
            ctx.fill();
            ctx.set_stroke_style_str(&p.line);
            ctx.set_line_width(1.2);
            ctx.stroke();
            self.font(620, 10.5 * k);
            ctx.set_fill_style_str(&p.dim);
            ctx.set_text_align("center");
            self.text("DNS", r.x + r.w / 2.0, r.y + r.h / 2.0 + 3.8 * k);
            ctx.set_text_align("start");
        }
        let hidden = traffic.outside().filter(|c| !f.layout.clients.contains_key(&c.view.number)).count();
        if hidden > 0
            && let Some(last) = f.layout.clients.values().last()
        {
            self.font(600, 10.5 * k);
            ctx.set_fill_style_str(&p.dim);
            self.text(&format!("+{hidden}"), last.x + last.w + 4.0 * k, last.y + last.h - 4.0 * k);
        }
    }

    fn chip(&self, f: &Frame, c: &ClientItem, r: &Rect, k: f64) {
        let (ctx, p) = (&self.ctx, &self.palette);
        let chosen = [f.selected, f.hover].contains(&Some(Target::Client(c.view.number)));
        let bad = c.rate.1 > 0;
        ctx.begin_path();
        round_rect(ctx, r.x, r.y, r.w, r.h, r.h / 2.0);
        ctx.set_fill_style_str(&p.card);
        ctx.fill();
        ctx.set_stroke_style_str(if bad {
            p.state(PodState::Failing)
        } else if c.view.ended {
            &p.line
        } else {
            &p.accent
        });
        ctx.set_line_width(if chosen { 2.4 } else { 1.4 });
        if c.view.ended {
            set_dashes(ctx, &[4.0, 4.0]);
        }
        ctx.stroke();
        set_dashes(ctx, &[]);
        // its load as a small drawing: even, in bursts, rising
        let (x, y, s) = (r.x + r.h / 2.0, r.y + r.h / 2.0, 6.0 * k);
        ctx.begin_path();
        match c.view.load {
            Load::Steady { .. } => {
                ctx.move_to(x - s, y);
                ctx.line_to(x + s, y);
                ctx.move_to(x + s * 0.3, y - s * 0.6);
                ctx.line_to(x + s, y);
                ctx.line_to(x + s * 0.3, y + s * 0.6);
            }
            Load::Burst { .. } => {
                for (dx, top) in [(-0.8, 0.2), (0.0, -0.9), (0.8, -0.2)] {
                    ctx.move_to(x + dx * s, y + s * 0.8);
                    ctx.line_to(x + dx * s, y + top * s);
                }
            }
            Load::Ramp { from, to, .. } => {
                let up = if to >= from { 1.0 } else { -1.0 };
                ctx.move_to(x - s, y + s * 0.7 * up);
                ctx.line_to(x + s * 0.4, y - s * 0.7 * up);
                ctx.line_to(x + s, y - s * 0.7 * up);
            }
        }
        ctx.set_stroke_style_str(if c.view.ended { &p.dim } else { &p.ink });
        ctx.set_line_width(1.6 * k);
        ctx.stroke();
        let (tx, tw) = (r.x + r.h * 0.98, r.w - r.h * 0.98 - 10.0 * k);
        self.font(640, 11.5 * k);
        ctx.set_fill_style_str(if c.view.ended { &p.dim } else { &p.ink });
        self.text_in(&c.view.name, tx, r.y + r.h / 2.0 - 3.0 * k, tw);
        self.font(500, 10.5 * k);
        let text = if c.view.ended && c.rate == (0, 0) { f.words.ended.clone() } else { rate_text(c.rate) };
        ctx.set_fill_style_str(if bad { &p.failing_ink } else { &p.dim });
        self.text_in(&text, tx, r.y + r.h / 2.0 + 10.5 * k, tw);
    }

    /// Requests a second above the bars of services and Ingresses; balancers wear their sign.
    pub(super) fn bar_rates(&self, f: &Frame, k: f64) {
        let (ctx, p) = (&self.ctx, &self.palette);
        for (id, rate) in &f.scene.traffic.rates {
            let Some(b) = f.layout.ingresses.get(id).or_else(|| f.layout.services.get(id)) else { continue };
            self.font(560, 9.6 * k);
            ctx.set_fill_style_str(if rate.1 > 0 { &p.failing_ink } else { &p.dim });
            ctx.set_text_align("right");
            self.text(&rate_text(*rate), b.x + b.w - 8.0 * k, b.y - 2.4 * k);
            ctx.set_text_align("start");
        }
        for s in f.scene.services.values().filter(|s| &*s.kind == "LoadBalancer") {
            let Some(b) = f.layout.services.get(&s.id) else { continue };
            let r = Rect::new(b.x - 5.0 * k, b.y - 5.0 * k, 21.0 * k, 13.0 * k);
            ctx.begin_path();
            round_rect(ctx, r.x, r.y, r.w, r.h, 4.0 * k);
            ctx.set_fill_style_str(&p.accent);
            ctx.fill();
            self.font(700, 8.6 * k);
            ctx.set_fill_style_str(&p.ground);
            ctx.set_text_align("center");
            self.text("LB", r.x + r.w / 2.0, r.y + r.h - 3.4 * k);
            ctx.set_text_align("start");
        }
    }

    /// Pods that send: a pill at the upper edge.
    pub(super) fn senders(&self, f: &Frame) {
        let (ctx, p, z) = (&self.ctx, &self.palette, f.camera.zoom);
        let Some(cell) = f.layout.cell.filter(|c| c.size * z >= 12.0) else { return };
        for c in &f.scene.traffic.clients {
            let Some(r) = f.layout.pill(f.scene, c, f.now, f.calm) else { continue };
            let bad = c.rate.1 > 0;
            let chosen = [f.selected, f.hover].contains(&Some(Target::Client(c.view.number)));
            ctx.begin_path();
            round_rect(ctx, r.x, r.y, r.w, r.h, r.h / 2.0);
            ctx.set_fill_style_str(&p.raised);
            ctx.fill();
            ctx.set_stroke_style_str(if bad { p.state(PodState::Failing) } else { &p.accent });
            ctx.set_line_width(if chosen { 2.0 } else { 1.2 });
            ctx.stroke();
            self.font(620, (cell.size * 0.3).clamp(7.5, 9.5));
            ctx.set_fill_style_str(if bad { &p.failing_ink } else { &p.ink });
            ctx.set_text_align("center");
            let text = if bad { format!("× {}", short(c.rate.1)) } else { format!("⇢ {}", short(c.rate.0)) };
            self.text_in(&text, r.x + r.w / 2.0, r.y + r.h * 0.76, r.w - 3.0);
            ctx.set_text_align("start");
        }
    }

    /// Requests on their way, and where they failed.
    pub(super) fn requests(&self, f: &Frame, counted: bool) {
        let (ctx, p, z) = (&self.ctx, &self.palette, f.camera.zoom);
        let flights = &f.scene.traffic.flights;
        if let Some(Target::Request(number)) = f.selected
            && let Some(trace) = f.scene.traffic.trace(number)
        {
            let legs = traffic::way(f.scene, f.layout, trace, f.now, f.calm, counted);
            ctx.begin_path();
            for leg in &legs {
                self.led(leg);
            }
            ctx.set_stroke_style_str(if trace.ok { &p.ink } else { p.state(PodState::Failing) });
            ctx.set_line_width(3.0 / z.min(1.0));
            if !trace.ok {
                set_dashes(ctx, &[7.0, 4.0]);
            }
            ctx.stroke();
            set_dashes(ctx, &[]);
            if let Some((x, y)) = legs.last().and_then(|l| l.last()).filter(|_| !trace.ok) {
                self.cross(*x, *y, 1.0, z);
            }
        }
        if flights.is_empty() {
            return;
        }
        let r = (3.4 / z.min(1.0)).min(7.0);
        // marks that lie on one another are one mark
        let mut crosses: BTreeMap<(i64, i64), (f64, f64, f64)> = BTreeMap::new();
        ctx.begin_path();
        let mut dots = false;
        let mut still: Vec<(f64, f64, f64)> = Vec::new();
        for flight in flights {
            let legs = traffic::way(f.scene, f.layout, &flight.trace, f.now, f.calm, counted);
            match traffic::spot_of(&legs, flight, f.now, f.calm) {
                Some(Spot::Dot(x, y)) => {
                    dots = true;
                    ctx.move_to(x + r, y);
                    let _ = ctx.arc(x, y, r, 0.0, 2.0 * PI);
                }
                Some(Spot::Cross(x, y, left)) => {
                    let mark = crosses.entry(((x / 6.0) as i64, (y / 6.0) as i64)).or_insert((x, y, 0.0));
                    mark.2 = mark.2.max(left);
                }
                None if f.calm => {
                    // no travel: where it ended is lit, and fades
                    let fade = 1.0 - ((f.now - flight.start) / traffic::MARK).clamp(0.0, 1.0);
                    if let Some((x, y)) = legs.last().and_then(|l| l.last()).filter(|_| f.now >= flight.start) {
                        still.push((*x, *y, fade));
                    }
                }
                None => {}
            }
        }
        if dots {
            ctx.set_fill_style_str(&p.ink);
            ctx.fill();
            ctx.set_stroke_style_str(&p.ground);
            ctx.set_line_width(1.0 / z.min(1.0));
            ctx.stroke();
        }
        ctx.set_fill_style_str(&p.ink);
        for (x, y, fade) in still {
            ctx.set_global_alpha(fade);
            ctx.begin_path();
            let _ = ctx.arc(x, y, r, 0.0, 2.0 * PI);
            ctx.fill();
            ctx.set_global_alpha(1.0);
        }
        for (x, y, left) in crosses.into_values() {
            self.cross(x, y, (left * 2.0).min(1.0), z);
        }
    }

    /// The mark of a failure.
    fn cross(&self, x: f64, y: f64, alpha: f64, z: f64) {
        let (ctx, p) = (&self.ctx, &self.palette);
        let r = (7.0 / z.min(1.0)).min(13.0);
        ctx.set_global_alpha(alpha);
        ctx.begin_path();
        let _ = ctx.arc(x, y, r, 0.0, 2.0 * PI);
        ctx.set_fill_style_str(p.state(PodState::Failing));
        ctx.fill();
        ctx.set_stroke_style_str(&p.ground);
        ctx.set_line_width(r * 0.2);
        ctx.stroke();
        ctx.begin_path();
        let s = r * 0.42;
        ctx.move_to(x - s, y - s);
        ctx.line_to(x + s, y + s);
        ctx.move_to(x + s, y - s);
        ctx.line_to(x - s, y + s);
        ctx.set_stroke_style_str(&p.mark);
        ctx.set_line_width(r * 0.3);
        ctx.stroke();
        ctx.set_global_alpha(1.0);
    }
}
