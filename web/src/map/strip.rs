//! The control plane above the world: five boxes, the wires between them, and the ways that messages take. It keeps
//! its size whatever the zoom. Pure arithmetic.

use super::layout::Rect;
use super::scene::part_index;
use kubarium_core::view::model::Part;

/// The five boxes and the height that they need.
#[derive(Clone, Debug, PartialEq)]
pub struct Strip {
    /// kubectl, API server, etcd, controllers, scheduler.
    pub boxes: [Rect; 5],
    /// Height of it all.
    pub height: f64,
    /// Where the line runs to which controllers, scheduler and nodes are connected.
    pub bus: f64,
    /// Whether there is room for the second line of text.
    pub detail: bool,
}

/// Arranges the strip in a viewport of this width, for type that is `k` times as large as usual.
pub fn strip(width: f64, k: f64) -> Strip {
    let pad = 14.0;
    if width >= 560.0 {
        let wire = (width * 0.03).clamp(14.0, 36.0);
        let w = ((width - 2.0 * pad - 4.0 * wire) / 5.0).min(200.0 * k);
        let left = (width - 5.0 * w - 4.0 * wire) / 2.0;
        // a name, and two lines for what is being done
        let h = 59.0 * k;
        let boxes = std::array::from_fn(|i| Rect::new(left + i as f64 * (w + wire), 10.0, w, h));
        return Strip { boxes, height: h + 36.0, bus: h + 22.0, detail: true };
    }
    // Narrow: three above, the two that work through the API server below.
    let wire = 16.0;
    let w = (width - 2.0 * 10.0 - 2.0 * wire) / 3.0;
    let x = |i: f64| 10.0 + i * (w + wire);
    let boxes = [
        Rect::new(x(0.0), 8.0, w, 30.0),
        Rect::new(x(1.0), 8.0, w, 30.0),
        Rect::new(x(2.0), 8.0, w, 30.0),
        Rect::new(x(0.0) + w * 0.25, 58.0, w * 1.1, 30.0),
        Rect::new(x(2.0) - w * 0.35, 58.0, w * 1.1, 30.0),
    ];
    Strip { boxes, height: 100.0, bus: 48.0, detail: false }
}

impl Strip {
    /// The corners of the way of a message; `kubelet` is where a node's end lies on the screen.
    pub fn way(&self, from: Part, to: Part, kubelet: Option<(f64, f64)>) -> Vec<(f64, f64)> {
        match (self.end(from, kubelet), self.end(to, kubelet)) {
            (Some(a), Some(b)) => {
                let mut way = a;
                way.extend(b.into_iter().rev());
                way.dedup();
                way
            }
            _ => Vec::new(),
        }
    }

    /// From a part to the middle of the API server.
    fn end(&self, part: Part, kubelet: Option<(f64, f64)>) -> Option<Vec<(f64, f64)>> {
        let api = self.boxes[1];
        let hub = api.middle();
        let Some(i) = part_index(part) else {
            let (x, y) = kubelet?;
            return Some(vec![(x, y), (x, self.bus), (hub.0, self.bus), (hub.0, api.y + api.h)]);
        };
        let b = self.boxes[i];
        let mid = b.middle();
        Some(match part {
            Part::ApiServer => vec![],
            Part::Kubectl => vec![(b.x + b.w, mid.1), (api.x, hub.1)],
            Part::Etcd => vec![(b.x, mid.1), (api.x + api.w, hub.1)],
            _ if b.y > self.bus => vec![(mid.0, b.y), (mid.0, self.bus), (hub.0, self.bus), (hub.0, api.y + api.h)],
            _ => vec![(mid.0, b.y + b.h), (mid.0, self.bus), (hub.0, self.bus), (hub.0, api.y + api.h)],
        })
    }
}

/// The point after the share `p` of a way's length.
pub fn along(way: &[(f64, f64)], p: f64) -> Option<(f64, f64)> {
    let length = |a: (f64, f64), b: (f64, f64)| (b.0 - a.0).hypot(b.1 - a.1);
    let total: f64 = way.windows(2).map(|w| length(w[0], w[1])).sum();
    let mut left = total * p;
    for w in way.windows(2) {
        let l = length(w[0], w[1]);
        if left <= l && l > 0.0 {
            let s = left / l;
            return Some((w[0].0 + (w[1].0 - w[0].0) * s, w[0].1 + (w[1].1 - w[0].1) * s));
        }
        left -= l;
    }
    way.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_boxes_are_in_view() {
        for width in [320.0, 390.0, 560.0, 760.0, 1400.0] {
            let s = strip(width, 1.0);
            for b in s.boxes {
                assert!(b.x >= 0.0 && b.x + b.w <= width + 0.1 && b.y + b.h <= s.height, "{width}: {b:?}");
            }
        }
    }

    #[test]
    fn ways_lead_from_box_to_box() {
        let s = strip(760.0, 1.0);
        let way = s.way(Part::Scheduler, Part::Etcd, None);
        assert_eq!(along(&way, 0.0), way.first().copied());
        let end = along(&way, 1.0).unwrap();
        assert!((end.0 - s.boxes[2].x).abs() < 1e-6);
        assert!(s.way(Part::ApiServer, Part::Kubelet(3), None).is_empty());
    }
}
