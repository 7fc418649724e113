//! What part of the world is in view: zoom and pan as plain numbers.

use super::anim::{self, Ms};
use super::layout::Rect;

/// The most a person can zoom in.
pub const ZOOM_MOST: f64 = 4.0;

/// World to screen: `screen = (world - at) * zoom`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// World coordinate of the left edge of the viewport.
    pub x: f64,
    /// World coordinate of the upper edge of the viewport.
    pub y: f64,
    /// CSS pixels for each world unit.
    pub zoom: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Camera { x: 0.0, y: 0.0, zoom: 1.0 }
    }
}

impl Camera {
    /// All of a world in a viewport whose upper `inset` pixels are covered; enlarged by `most` at most.
    pub fn fit((width, height): (f64, f64), (vw, vh): (f64, f64), inset: f64, most: f64) -> Camera {
        let room = (vh - inset).max(80.0);
        let zoom = (vw / width.max(1.0)).min(room / height.max(1.0)).min(most);
        let spare = (vw - width * zoom).max(0.0);
        Camera { x: -spare / 2.0 / zoom, y: -inset / zoom, zoom }
    }

    /// A world point on the screen.
    pub fn to_screen(self, x: f64, y: f64) -> (f64, f64) {
        ((x - self.x) * self.zoom, (y - self.y) * self.zoom)
    }

    /// A screen point in the world.
    pub fn to_world(self, x: f64, y: f64) -> (f64, f64) {
        (x / self.zoom + self.x, y / self.zoom + self.y)
    }

    /// The part of the world in a viewport.
    pub fn view(&self, vw: f64, vh: f64) -> Rect {
        Rect::new(self.x, self.y, vw / self.zoom, vh / self.zoom)
    }

    /// Zooms by `factor` around a screen point, which stays where it is.
    pub fn zoom_at(&self, x: f64, y: f64, factor: f64, least: f64) -> Camera {
        let (wx, wy) = self.to_world(x, y);
        let zoom = (self.zoom * factor).clamp(least, ZOOM_MOST);
        Camera { x: wx - x / zoom, y: wy - y / zoom, zoom }
    }

    /// Moves by screen pixels.
    pub fn pan(&self, dx: f64, dy: f64) -> Camera {
        Camera { x: self.x - dx / self.zoom, y: self.y - dy / self.zoom, zoom: self.zoom }
    }

    /// Keeps some of the world in view.
    pub fn hold(&self, width: f64, height: f64, vw: f64, vh: f64) -> Camera {
        let margin = 80.0 / self.zoom;
        Camera {
            x: self.x.clamp(margin - vw / self.zoom, (width - margin).max(margin - vw / self.zoom)),
            y: self.y.clamp(margin - vh / self.zoom, (height - margin).max(margin - vh / self.zoom)),
            zoom: self.zoom,
        }
    }

    /// A camera that shows a rectangle in the middle at `zoom`.
    pub fn centred(rect: &Rect, zoom: f64, vw: f64, vh: f64) -> Camera {
        let (x, y) = rect.middle();
        Camera { x: x - vw / 2.0 / zoom, y: y - vh / 2.0 / zoom, zoom }
    }
}

/// A flight from one camera to another.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    /// Where it began.
    pub from: Camera,
    /// Where it ends.
    pub to: Camera,
    /// When it began, by the wall.
    pub start: Ms,
}

impl Flight {
    /// How long it takes.
    pub const LENGTH: Ms = 280.0;

    /// Where it is at `now`, and whether it is over.
    pub fn at(&self, now: Ms) -> (Camera, bool) {
        let p = anim::progress(self.start, Self::LENGTH, now);
        let e = anim::ease_in_out(p);
        let mix = |a: f64, b: f64| anim::lerp(a, b, e);
        // Zoom is mixed in its logarithm: equal steps look equal.
        let zoom = (mix(self.from.zoom.ln(), self.to.zoom.ln())).exp();
        (Camera { x: mix(self.from.x, self.to.x), y: mix(self.from.y, self.to.y), zoom }, p >= 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_point_under_the_finger() {
        let c = Camera { x: 10.0, y: 20.0, zoom: 0.5 };
        let before = c.to_world(100.0, 60.0);
        let after = c.zoom_at(100.0, 60.0, 1.7, 0.01).to_world(100.0, 60.0);
        assert!((before.0 - after.0).abs() < 1e-9 && (before.1 - after.1).abs() < 1e-9);
    }

    #[test]
    fn fitting_shows_the_whole_world() {
        let c = Camera::fit((4000.0, 3000.0), (800.0, 600.0), 80.0, 1.35);
        let (x, y) = c.to_screen(4000.0, 3000.0);
        assert!(x <= 800.1 && y <= 600.1);
        assert!(c.to_screen(0.0, 0.0).1 >= 79.9);
    }
}
