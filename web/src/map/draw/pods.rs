//! Pods one by one, with what is told at their edges, and the tray of those that have no node.

use super::{Frame, Painter, Shown, short_name};
use crate::map::anim;
use crate::map::glyph::{MARGIN, Marks, round_rect, set_dashes};
use crate::map::hit::Target;
use crate::map::layout::{Cell, Rect, TRAY_MOST};
use crate::map::scene::{Place, PodItem, Scene};
use kubarium_core::view::model::{Id, PodState};
use std::f64::consts::PI;

impl Painter {
    pub(super) fn tray(&self, f: &Frame) {
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
        Marks {
            old: scene.is_old(pod),
            new: scene.is_new(pod),
            bare: pod.view.owner.is_none(),
            fault: !scene.broken.pod(pod.view.id).is_empty(),
        }
    }

    pub(super) fn pod(&mut self, f: &Frame, id: Id, cell: Cell, view: &Rect, faded: bool, shown: &mut Shown) {
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
}
