//! Nodes: cards with their names, lamps and bars, and what stands on them as counts where pods are too many or too
//! small to be drawn one by one.

use super::{Frame, Painter, Shown};
use crate::map::anim;
use crate::map::glyph::{MARGIN, Marks, round_rect, set_dashes};
use crate::map::layout::{Cell, HEAD, PAD, Rect};
use crate::map::scene::{Place, state_index};
use kubarium_core::view::model::{Id, PodState, Pressure};
use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::PI;

impl Painter {
    /// The radius of a card's corners.
    fn radius(f: &Frame) -> f64 {
        let z = f.camera.zoom;
        if f.layout.card.0 * z < 40.0 { 3.0 / z } else { 12.0f64.min(8.0 / z.min(1.0)) }
    }

    pub(super) fn cards(&self, f: &Frame, visible: &[usize]) {
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
    pub(super) fn heads(&self, f: &Frame, visible: &[usize], counted: bool) {
        let ctx = &self.ctx;
        let p = &self.palette;
        let z = f.camera.zoom;
        let screen_w = f.layout.card.0 * z;
        let radius = Self::radius(f);
        if screen_w < 64.0 {
            return self.small_ills(f, visible);
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
            let broken = &f.scene.broken;
            let cut = broken.cut_off.contains(&*v.name);
            let note = if !v.powered {
                f.words.off.clone()
            } else if cut {
                f.words.cut_off.clone()
            } else if !v.ready {
                v.status.to_string()
            } else if v.cordoned {
                f.words.cordoned.clone()
            } else {
                String::new()
            };
            let base = c.y + 14.0 + name_px * 0.75;
            let name_w = ctx.measure_text(&v.name).map(|m| m.width()).unwrap_or(60.0);
            if name_w < c.w - 2.0 * PAD - 16.0 {
                self.clear_for(&v.name, c.x + PAD, base, name_w);
            }
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
                        self.clear_for(label, c.x + PAD, y + 4.0, label_w);
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
            let pressed = [(Pressure::Memory, "mem"), (Pressure::Disk, "disk")]
                .into_iter()
                .filter(|(r, _)| broken.pressure.contains(&(v.name.to_string(), *r)))
                .map(|(_, text)| text)
                .collect::<Vec<_>>();
            if !pressed.is_empty() {
                // A badge at the lamp: what the node runs out of.
                let text = format!("⚠ {}", pressed.join(" "));
                self.font(650, small_px);
                let w = ctx.measure_text(&text).map(|m| m.width()).unwrap_or(30.0) + 10.0;
                let (bx, by, bh) = (lx - r - 6.0 - w, base - small_px, small_px * 1.35);
                ctx.begin_path();
                round_rect(ctx, bx, by, w, bh, 4.0);
                ctx.set_fill_style_str(&p.raised);
                ctx.fill();
                ctx.set_stroke_style_str(p.state(PodState::Failing));
                ctx.set_line_width(1.2);
                ctx.stroke();
                ctx.set_fill_style_str(&p.failing_ink);
                self.text(&text, bx + 5.0, base);
            }
            if cut {
                // Cut off: a double dashed frame around the card.
                ctx.begin_path();
                round_rect(ctx, c.x - 4.0, c.y - 4.0, c.w + 8.0, c.h + 8.0, radius + 3.0);
                ctx.set_stroke_style_str(p.state(PodState::Failing));
                ctx.set_line_width((2.0 / z).max(1.6));
                set_dashes(ctx, &[3.0, 6.0]);
                ctx.stroke();
                set_dashes(ctx, &[]);
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

    /// Cards that are too small for words: those of nodes that are out of order have a frame of their own.
    fn small_ills(&self, f: &Frame, visible: &[usize]) {
        let ctx = &self.ctx;
        let broken = &f.scene.broken;
        ctx.begin_path();
        let mut some = false;
        for i in visible {
            let Some(v) = f.scene.nodes.get(&f.layout.order[*i]).map(|n| &n.view) else { continue };
            let pressed = || {
                let by = |p| broken.pressure.contains(&(v.name.to_string(), p));
                !broken.pressure.is_empty() && (by(Pressure::Memory) || by(Pressure::Disk))
            };
            if !v.ready || !v.powered || broken.cut_off.contains(&*v.name) || pressed() {
                let c = f.layout.card_at(*i);
                ctx.rect(c.x, c.y, c.w, c.h);
                some = true;
            }
        }
        if some {
            ctx.set_stroke_style_str(self.palette.state(PodState::Failing));
            ctx.set_line_width(2.0 / f.camera.zoom);
            ctx.stroke();
        }
    }

    /// Cards with counts instead of pods; those that fail or have a fault are still drawn one by one.
    pub(super) fn totals(&mut self, f: &Frame, visible: &[usize], cell: Cell, shown: &mut Shown) {
        let ctx = self.ctx.clone();
        let z = f.camera.zoom;
        let screen_w = f.layout.card.0 * z;
        let mut stacks: [Vec<Rect>; 6] = Default::default();
        let mut single: Vec<(f64, f64, PodState, bool)> = Vec::new();
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
                    single.push((x, y, PodState::Failing, !f.scene.broken.pod(*id).is_empty()));
                }
            }
        }
        // what a person has done to a pod is seen at it, whatever its state
        let in_view: BTreeSet<Id> = visible.iter().map(|i| f.layout.order[*i]).collect();
        for id in f.scene.broken.pods.keys().take(200) {
            if let Some(pod) = f.scene.pods.get(id).filter(|p| p.died.is_none() && p.view.state != PodState::Failing)
                && let Place::Node(n) = pod.place
                && in_view.contains(&n)
                && let Some((x, y)) = f.layout.corner(pod.place, pod.slot)
            {
                single.push((x, y, pod.view.state, true));
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
        for (x, y, state, fault) in single {
            let s = cell.size.max(if fault { 13.0 } else { 5.0 } / z);
            let marks = Marks { fault, ..Marks::default() };
            if let Some(picture) = self.sprites.get(&self.palette, state, marks, s * z * f.dpr) {
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
                let bad = counts[state_index(PodState::Failing)];
                self.font(620, size);
                ctx.set_fill_style_str(&self.palette.ink);
                let text = if bad > 0 { format!("{name} {all}  ×{bad}") } else { format!("{name} {all}") };
                self.text_in(&text, c.x + PAD + 4.0, y, c.w - 2.0 * PAD - 8.0);
                y += size * 1.4;
            }
        }
    }
}
