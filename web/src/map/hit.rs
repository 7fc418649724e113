//! What lies under a point of the screen, and what lies next to something in a direction (for the arrow keys).

use super::anim::Ms;
use super::camera::Camera;
use super::layout::{Layout, TRAY_MOST};
use super::scene::{Place, Scene};
use super::strip::Strip;
use kubarium_core::view::model::Id;

/// Something that can be pointed at and selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A pod.
    Pod(Id),
    /// A node.
    Node(Id),
    /// A service.
    Service(Id),
    /// A Deployment, ReplicaSet or other owner of pods.
    Workload(Id),
    /// An object of any other kind.
    Object(Id),
    /// A part of the control plane, by its place in the strip.
    Part(u8),
    /// A client, by its number.
    Client(u32),
    /// A traced request, by its number.
    Request(u64),
}

impl Target {
    /// The handle of the object, if it is one.
    pub fn id(self) -> Option<Id> {
        match self {
            Target::Pod(id) | Target::Node(id) | Target::Service(id) | Target::Workload(id) | Target::Object(id) => {
                Some(id)
            }
            Target::Part(_) | Target::Client(_) | Target::Request(_) => None,
        }
    }
}

/// What is under a point. `slack` widens pods by so many screen pixels (fingers are wider than pointers).
#[allow(clippy::too_many_arguments)]
pub fn at(
    scene: &Scene,
    layout: &Layout,
    strip: &Strip,
    camera: &Camera,
    now: Ms,
    x: f64,
    y: f64,
    slack: f64,
) -> Option<Target> {
    if y < strip.height {
        return strip.boxes.iter().position(|b| b.contains(x, y)).map(|i| Target::Part(i as u8));
    }
    let cell = layout.cell?;
    let (wx, wy) = camera.to_world(x, y);
    let reach = slack / camera.zoom;
    let pod_at = |place: Place, slots: &[Option<Id>]| -> Option<Id> {
        let mut best: Option<(f64, Id)> = None;
        // Only rows near the point are looked at.
        for (slot, id) in slots.iter().enumerate() {
            let Some(id) = id else { continue };
            let Some((px, py)) = layout.corner(place, slot as u32) else { continue };
            let size = layout.side(place);
            let (cx, cy) = (px + size / 2.0, py + size / 2.0);
            let d = (wx - cx).abs().max((wy - cy).abs());
            let label = if cell.labels && wy > cy { 12.0 } else { 0.0 };
            if d <= size / 2.0 + 4.0 + label + reach && best.is_none_or(|(b, _)| d < b) {
                best = Some((d, *id));
            }
        }
        let id = best?.1;
        scene.pods.get(&id).is_some_and(|p| p.died.is_none_or(|d| d > now - 400.0)).then_some(id)
    };
    for (number, r) in &layout.clients {
        if r.contains(wx, wy) {
            return Some(Target::Client(*number));
        }
    }
    for c in scene.traffic.clients.iter().filter(|c| c.pod.is_some()) {
        let pill = layout.pill(scene, c, now, true);
        if pill.is_some_and(|r| cell.size * camera.zoom >= 12.0 && r.contains(wx, wy)) {
            return Some(Target::Client(c.view.number));
        }
    }
    for (id, r) in &layout.services {
        if r.contains(wx, wy) {
            return Some(Target::Service(*id));
        }
    }
    for (id, r) in &layout.ingresses {
        if r.contains(wx, wy) {
            return Some(Target::Object(*id));
        }
    }
    if layout.tray.contains(wx, wy) {
        let shown = &scene.tray.taken[..scene.tray.taken.len().min(TRAY_MOST)];
        return pod_at(Place::Tray, shown).map(Target::Pod);
    }
    let view = super::layout::Rect::new(wx, wy, 0.001, 0.001);
    for i in layout.visible(&view).into_iter().flatten() {
        let card = layout.card_at(i);
        if !card.contains(wx, wy) {
            continue;
        }
        let id = layout.order[i];
        let node = scene.nodes.get(&id)?;
        // Pods too small to be told apart are not hit: the node is.
        if cell.size * camera.zoom >= 5.0
            && let Some(pod) = pod_at(Place::Node(id), &node.slots.taken)
        {
            return Some(Target::Pod(pod));
        }
        return Some(Target::Node(id));
    }
    None
}

/// The middle of a thing in world units.
pub fn middle(scene: &Scene, layout: &Layout, target: Target) -> Option<(f64, f64)> {
    match target {
        Target::Pod(id) => {
            let pod = scene.pods.get(&id)?;
            let (x, y) = layout.corner(pod.place, pod.slot)?;
            let half = layout.side(pod.place) / 2.0;
            Some((x + half, y + half))
        }
        Target::Node(id) => {
            let card = layout.node(id)?;
            Some((card.x + card.w / 2.0, card.y + 20.0))
        }
        Target::Service(id) => layout.services.get(&id).map(|r| r.middle()),
        Target::Object(id) => layout.ingresses.get(&id).map(|r| r.middle()),
        Target::Client(number) => {
            let pill = |c| layout.pill(scene, c, f64::MAX, true);
            layout.clients.get(&number).copied().or_else(|| pill(scene.traffic.client(number)?)).map(|r| r.middle())
        }
        Target::Workload(_) | Target::Part(_) | Target::Request(_) => None,
    }
}

/// The nearest thing from `from` in a direction (`dx`, `dy` of which one is ±1). Without a beginning: the first node.
pub fn neighbour(scene: &Scene, layout: &Layout, from: Option<Target>, dx: f64, dy: f64) -> Option<Target> {
    let Some((x, y)) = from.and_then(|t| middle(scene, layout, t)) else {
        return scene.order.first().map(|id| Target::Node(*id));
    };
    let mut best: Option<(f64, Target)> = None;
    let mut consider = |t: Target| {
        if Some(t) == from {
            return;
        }
        let Some((tx, ty)) = middle(scene, layout, t) else { return };
        let ahead = (tx - x) * dx + (ty - y) * dy;
        let aside = ((tx - x) * dy).abs() + ((ty - y) * dx).abs();
        if ahead < 1.0 {
            return;
        }
        let cost = ahead + aside * 2.5;
        if best.is_none_or(|(b, _)| cost < b) {
            best = Some((cost, t));
        }
    };
    // Near cards only: with thousands of nodes the rest cannot win.
    let reach = 3.0 * (layout.card.0 + layout.card.1);
    let near = super::layout::Rect::new(x - reach, y - reach, 2.0 * reach, 2.0 * reach);
    for i in layout.visible(&near).into_iter().flatten() {
        let id = layout.order[i];
        consider(Target::Node(id));
        if let Some(node) = scene.nodes.get(&id) {
            node.slots.taken.iter().flatten().for_each(|p| consider(Target::Pod(*p)));
        }
    }
    scene.traffic.clients.iter().for_each(|c| consider(Target::Client(c.view.number)));
    scene.services.keys().for_each(|id| consider(Target::Service(*id)));
    scene.ingresses.keys().for_each(|id| consider(Target::Object(*id)));
    scene.tray.taken.iter().take(TRAY_MOST).flatten().for_each(|p| consider(Target::Pod(*p)));
    best.map(|(_, t)| t)
}

#[cfg(test)]
mod tests {
    use super::super::scene::tests::{node, patch, pod};
    use super::super::{layout, strip};
    use super::*;
    use kubarium_core::view::model::{Op, PodState};

    fn small() -> (Scene, Layout) {
        let mut s = Scene::default();
        let ops = vec![
            Op::Node(node(1, "a")),
            Op::Node(node(2, "b")),
            Op::Pod(pod(10, Some(1), PodState::Ready)),
            Op::Pod(pod(11, Some(1), PodState::Ready)),
            Op::Pod(pod(12, None, PodState::Pending)),
        ];
        s.apply(&patch(ops), 0.0);
        let l = layout::arrange(&s, 800.0, 600.0, 0, layout::SCALE_MOST);
        (s, l)
    }

    #[test]
    fn what_is_drawn_there_is_hit_there() {
        let (s, l) = small();
        let strip = strip::strip(800.0, 1.0);
        let camera = Camera { x: -3.0, y: -120.0, zoom: 1.1 };
        for t in [Target::Pod(10), Target::Pod(11), Target::Pod(12), Target::Node(2)] {
            let (wx, wy) = middle(&s, &l, t).unwrap();
            let (x, y) = camera.to_screen(wx, wy);
            assert_eq!(at(&s, &l, &strip, &camera, 1e6, x, y, 0.0), Some(t));
        }
    }

    #[test]
    fn arrows_walk_over_the_map() {
        let (s, l) = small();
        assert_eq!(neighbour(&s, &l, None, 1.0, 0.0), Some(Target::Node(1)));
        assert_eq!(neighbour(&s, &l, Some(Target::Pod(10)), 1.0, 0.0), Some(Target::Pod(11)));
        assert_eq!(neighbour(&s, &l, Some(Target::Pod(11)), -1.0, 0.0), Some(Target::Pod(10)));
        assert_eq!(neighbour(&s, &l, Some(Target::Node(1)), 1.0, 0.0), Some(Target::Node(2)));
    }
}
