//! What lies above the map: rings around what is chosen, the strip of the control plane with its pulses, the tip.

use super::{Frame, Painter};
use crate::map::anim;
use crate::map::broken::part_ills;
use crate::map::glyph::{round_rect, set_dashes};
use crate::map::hit::{self, Target};
use crate::map::layout::Rect;
use crate::map::strip::along;
use crate::map::traffic;
use kubarium_core::view::model::{Part, PodState};
use std::f64::consts::PI;

impl Painter {
    pub(super) fn rings(&self, f: &Frame) {
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
                Target::Client(number) => {
                    let item = f.scene.traffic.client(number);
                    let pill = || f.layout.pill(f.scene, item?, f.now, f.calm);
                    let Some(b) = f.layout.clients.get(&number).copied().or_else(pill) else { continue };
                    (Rect::new(b.x - 4.0, b.y - 4.0, b.w + 8.0, b.h + 8.0), b.h)
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

    pub(super) fn strip(&self, f: &Frame) {
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
            let broken = f.scene.broken.at(i as u8);
            let stopped = broken.iter().any(|(_, late)| late.is_none());
            let ills = part_ills(f.words.lang, &f.scene.broken, i as u8);
            if stopped {
                // two bars: it pauses
                ctx.set_fill_style_str(p.state(PodState::Failing));
                ctx.fill_rect(r.x + r.w - 17.0, r.y + 9.0, 3.0, 11.0);
                ctx.fill_rect(r.x + r.w - 11.0, r.y + 9.0, 3.0, 11.0);
            }
            if !broken.is_empty() {
                set_dashes(ctx, &[5.0, 4.0]);
                ctx.set_stroke_style_str(p.state(PodState::Failing));
                ctx.set_line_width(1.6);
                ctx.stroke();
                set_dashes(ctx, &[]);
            }
            ctx.set_fill_style_str(if stopped { &p.dim } else { &p.ink });
            let k = p.type_scale;
            self.font(650, if st.detail { 12.5 * k } else { 11.5 });
            if st.detail {
                self.text_in(&f.words.parts[i], r.x + 10.0, r.y + 18.0 * k, r.w - 18.0);
                self.font(450, 11.0 * k);
                ctx.set_fill_style_str(&p.dim);
                let text = if ills.is_empty() {
                    recent.map_or_else(|| f.words.idle.clone(), |a| f.words.lang.said(&a.message))
                } else {
                    ills.join(", ")
                };
                if !ills.is_empty() {
                    ctx.set_fill_style_str(&p.failing_ink);
                }
                let (first, rest) = self.broken(&text, r.w - 16.0);
                self.text(first, r.x + 10.0, r.y + 35.0 * k);
                self.text_in(rest, r.x + 10.0, r.y + 49.0 * k, r.w - 16.0);
            } else {
                // no room for what it does, but for what is wrong with it
                ctx.set_text_align("center");
                let up = if ills.is_empty() { 0.0 } else { 6.0 };
                self.text_in(&f.words.parts[i], r.x + r.w / 2.0, r.y + r.h / 2.0 + 4.0 - up, r.w - 8.0 - 3.0 * up);
                if !ills.is_empty() {
                    self.font(600, 9.5);
                    ctx.set_fill_style_str(&p.failing_ink);
                    self.text_in(&ills.join(", "), r.x + r.w / 2.0, r.y + r.h / 2.0 + 11.0, r.w - 8.0);
                }
                ctx.set_text_align("start");
            }
        }
    }

    pub(super) fn pulses(&self, f: &Frame) {
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
    pub(super) fn tip(&self, f: &Frame) {
        let Some(target) = f.hover.filter(|_| !f.tip.is_empty()) else { return };
        let ctx = &self.ctx;
        let p = &self.palette;
        let anchor = match target {
            Target::Part(i) => {
                let b = f.strip.boxes[i as usize];
                (b.x, b.y + b.h + 6.0)
            }
            _ => {
                let request = || match target {
                    Target::Request(n) => traffic::place_of(f.scene, f.layout, f.now, f.calm, n),
                    _ => None,
                };
                let Some((x, y)) = hit::middle(f.scene, f.layout, target).or_else(request) else { return };
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
