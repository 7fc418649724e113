//! Where things stand: pure arithmetic from the scene's sizes and the viewport to rectangles in world units (CSS
//! pixels at zoom 1). The control-plane strip is not part of the world: see [`super::strip`].

use super::anim::{self, Ms};
use super::scene::{Place, PodItem, Scene};
use super::traffic::ClientItem;
use kubarium_core::view::model::{Id, IngressView, ServiceView};
use std::collections::BTreeMap;

/// An upright rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// A rectangle from its corner and size.
    pub const fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Rect { x, y, w, h }
    }

    /// Whether a point lies inside.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        x >= self.x && y >= self.y && x < self.x + self.w && y < self.y + self.h
    }

    /// Whether two rectangles share a point.
    pub fn meets(&self, o: &Rect) -> bool {
        self.x < o.x + o.w && o.x < self.x + self.w && self.y < o.y + o.h && o.y < self.y + self.h
    }

    /// The middle.
    pub fn middle(&self) -> (f64, f64) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }
}

/// How pods stand inside a card.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Side of a pod's glyph.
    pub size: f64,
    /// From one pod to the next.
    pub dx: f64,
    /// From one row to the next.
    pub dy: f64,
    /// Pods in a row.
    pub cols: usize,
    /// Rows of a card.
    pub rows: usize,
    /// Whether there is room for a name below each pod.
    pub labels: bool,
}

/// Space around and between cards.
pub const GAP: f64 = 14.0;
/// Above a card's pods: its name and two bars.
pub const HEAD: f64 = 70.0;
/// From a card's edge to its pods.
pub const PAD: f64 = 14.0;
/// Height of the lane of services, one row.
const LANE: f64 = 92.0;
/// Pods in the tray that get a place of their own.
pub const TRAY_MOST: usize = 48;
/// How much a small cluster is enlarged on a large screen.
pub const SCALE_MOST: f64 = 1.35;
/// Services that have a bar on the map.
pub const SERVICES_MOST: usize = 18;
/// Ingresses that have a bar on the map.
pub const INGRESSES_MOST: usize = 8;
/// Pods up to which names are written below them.
pub const LABELS_TO: u32 = 150;

/// The whole arrangement.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Size of the world.
    pub width: f64,
    /// Size of the world.
    pub height: f64,
    /// The tray of pods without a node.
    pub tray: Rect,
    /// Whether services are shown without their addresses.
    pub short_services: bool,
    /// How much larger the lane is drawn: it stays legible where the whole world is small.
    pub lane_scale: f64,
    /// Pods in a row of the tray.
    pub tray_cols: usize,
    /// Each service's bar.
    pub services: BTreeMap<Id, Rect>,
    /// Each Ingress's bar, above those of the services.
    pub ingresses: BTreeMap<Id, Rect>,
    /// The chip of each client that stands beside the cluster, by its number.
    pub clients: BTreeMap<u32, Rect>,
    /// The name server, while clients look up names.
    pub dns: Option<Rect>,
    /// Cards in a row.
    pub cols: usize,
    /// Size of a card.
    pub card: (f64, f64),
    /// Upper edge of the first row of cards.
    pub top: f64,
    /// How pods stand in a card.
    pub cell: Option<Cell>,
    /// Nodes in the order of their cards.
    pub order: Vec<Id>,
    /// The place of a node in `order`.
    pub index: BTreeMap<Id, usize>,
}

/// How pods stand when the fullest node has `most` places and the cluster `live` pods.
pub fn cell_for(most: usize, live: u32) -> Cell {
    let labels = live <= LABELS_TO;
    let (size, dx, dy) = if labels && most <= 12 {
        (30.0, 54.0, 52.0)
    } else if most <= 24 {
        (26.0, 38.0, 36.0)
    } else {
        (20.0, 27.0, 27.0)
    };
    let labels = labels && most <= 12;
    let cols = if labels {
        4
    } else {
        // A card about 1.6 times as wide as high.
        ((most.max(8) as f64 * 1.9).sqrt().ceil() as usize).max(5)
    };
    let rows = most.div_ceil(cols).max(if labels { 2 } else { 3 });
    Cell { size, dx, dy, cols, rows, labels }
}

/// The text on a service's bar, as it is measured and drawn.
pub fn service_text(s: &ServiceView, short: bool) -> String {
    let ready = s.endpoints.iter().filter(|(_, r)| *r).count();
    let port = s.ports.split(['/', ',']).next().unwrap_or("");
    if !s.external.is_empty() {
        let port = port.split(':').next().unwrap_or("");
        let first = s.external.split(',').next().unwrap_or("");
        let address = if first == "<pending>" { first.to_owned() } else { format!("{first}:{port}") };
        return if short {
            format!("svc/{}  {address}  →{ready}", s.name)
        } else {
            format!("svc/{}  {address}  {}:{port}  →{ready}", s.name, s.address)
        };
    }
    if short && !s.selector.is_empty() {
        return format!("svc/{}  →{ready}", s.name);
    }
    if s.selector.is_empty() && s.endpoints.is_empty() {
        return format!("svc/{}", s.name);
    }
    match &*s.address {
        "" | "None" => format!("svc/{}  →{ready}", s.name),
        address => format!("svc/{}  {address}:{port}  →{ready}", s.name),
    }
}

/// All addresses of a service: its own, and those by which it is reached from outside.
pub fn service_addresses(s: &ServiceView) -> String {
    let all: Vec<&str> = [&*s.address, &*s.external].into_iter().filter(|a| !a.is_empty()).collect();
    all.join(", ")
}

/// Arranges a scene for a viewport of `vw` × `vh` CSS pixels (the strip already taken off). Each card has places for
/// `room` pods or more, so that a pod that comes and goes does not move all others; a small cluster is enlarged by
/// `enlarge` at most.
pub fn arrange(scene: &Scene, vw: f64, vh: f64, room: usize, enlarge: f64) -> Layout {
    let vw = vw.max(200.0);
    let vh = vh.max(160.0);
    let n = scene.order.len();
    let mut cell = cell_for(scene.most_slots().max(room), scene.live());
    if cell.labels && n > 6 {
        // many cards: no room is kept in them for a second row that nobody needs
        cell.rows = scene.most_slots().max(room).div_ceil(cell.cols).max(1);
    }
    let card_w = cell.cols as f64 * cell.dx + 2.0 * PAD - (cell.dx - cell.size) + 8.0;
    let card_h = HEAD + cell.rows as f64 * cell.dy + PAD - 4.0;
    // The lane's height depends on the world's width, and the other way round: two passes settle it.
    let mut lane = LANE;
    let mut best = (1usize, 0.0f64);
    let mut width = vw;
    let mut lane_scale = 1.0;
    for _ in 0..2 {
        best = (1, 0.0);
        for cols in 1..=n.max(1) {
            let rows = n.max(1).div_ceil(cols);
            let w = cols as f64 * (card_w + GAP) + GAP;
            let h = lane + rows as f64 * (card_h + GAP) + GAP;
            let scale = (vw / w).min(vh / h).min(enlarge);
            // Wider wins a tie while all fits: it leaves the room below to the legend.
            if scale > best.1 - 1e-9 {
                best = (cols, scale);
            }
        }
        width = (best.0 as f64 * (card_w + GAP) + GAP)
            .max(vw / best.1.max(1e-6))
            .min(vw.max(best.0 as f64 * (card_w * 1.5 + GAP) + GAP));
        lane_scale = (0.85 / best.1.max(0.05)).clamp(1.0, 3.2);
        lane = lane_layout(scene, width, lane_scale, vw < 560.0).height;
    }
    let found = lane_layout(scene, width, lane_scale, vw < 560.0);
    let lane = found.height;
    let cols = best.0;
    let stretched = ((width - GAP) / cols as f64 - GAP).clamp(card_w, card_w * 1.5);
    let rows = n.max(1).div_ceil(cols);
    let used = cols as f64 * (stretched + GAP) + GAP;
    Layout {
        width: used.max(width),
        height: lane + rows as f64 * (card_h + GAP) + GAP,
        lane_scale,
        short_services: found.short,
        tray: found.tray,
        tray_cols: found.tray_cols,
        services: found.services,
        ingresses: found.ingresses,
        clients: found.clients,
        dns: found.dns,
        cols,
        card: (stretched, card_h),
        top: lane,
        cell: Some(cell),
        index: scene.order.iter().enumerate().map(|(i, id)| (*id, i)).collect(),
        order: scene.order.clone(),
    }
}

/// The tray, the Ingresses and the services.
struct Lane {
    tray: Rect,
    tray_cols: usize,
    services: BTreeMap<Id, Rect>,
    ingresses: BTreeMap<Id, Rect>,
    clients: BTreeMap<u32, Rect>,
    dns: Option<Rect>,
    height: f64,
    short: bool,
}

/// The text on an Ingress's bar.
pub fn ingress_text(i: &IngressView) -> String {
    format!("ing/{}  {}", i.name, i.hosts)
}

/// The tray and the services: where they stand in a world of this width, and the height they need.
fn lane_layout(scene: &Scene, width: f64, k: f64, narrow: bool) -> Lane {
    let waiting = scene.tray.len().min(TRAY_MOST);
    let tray_cols = if waiting <= 3 { 3 } else { waiting.div_ceil(2).min(12) };
    let tray_rows = waiting.div_ceil(tray_cols).max(1);
    let tray_w = (tray_cols as f64 * 40.0 + 22.0).max(128.0) * k;
    let tray_h = (30.0 + tray_rows as f64 * 40.0 + 8.0) * k;
    let tray = Rect::new(GAP, 6.0, tray_w, tray_h);
    let outside: Vec<u32> = scene.traffic.outside().map(|c| c.view.number).collect();
    let chip = (116.0 * k, 36.0 * k);
    // Beside the tray; where the world is narrow, below it.
    let columns = (outside.len().min(6) + usize::from(scene.traffic.dns)).div_ceil(2) as f64;
    let beside = GAP + tray_w + 22.0 * k + columns * (chip.0 + 14.0 * k) + if columns > 0.0 { 22.0 * k } else { 0.0 };
    let below = width < 470.0 || (columns > 0.0 && beside + 170.0 * k > width - GAP);
    let mut left = if below { GAP } else { GAP + tray_w + 22.0 * k };
    let gap = if below { 10.0 } else { 18.0 * k };
    let mut y = if below { tray.y + tray_h + 14.0 } else { 16.0 * k };
    // Clients come first: beside the tray in columns of two, or in rows below it.
    let (mut clients, mut dns, mut low) = (BTreeMap::new(), None, 0.0f64);
    if !outside.is_empty() || scene.traffic.dns {
        let most = if below { 4 } else { 6 };
        let cells = outside.len().min(most) + usize::from(scene.traffic.dns);
        let lines = if below { ((width - 2.0 * GAP) / (chip.0 + 10.0)).max(1.0) as usize } else { 2 };
        for i in 0..cells {
            let (a, b) = ((i % lines) as f64, (i / lines) as f64);
            let (cx, cy) = if below {
                (left + a * (chip.0 + 10.0), y + b * (chip.1 + 9.0))
            } else {
                (left + b * (chip.0 + 14.0 * k), 8.0 * k + a * (chip.1 + 8.0 * k))
            };
            match outside.get(i).filter(|_| i < most) {
                Some(number) => {
                    clients.insert(*number, Rect::new(cx, cy, chip.0, chip.1));
                }
                None => dns = Some(Rect::new(cx + 30.0 * k, cy + 6.0 * k, 52.0 * k, 24.0 * k)),
            }
            low = low.max(cy + chip.1);
        }
        if below {
            y = low + 22.0;
        } else {
            left += cells.div_ceil(2) as f64 * (chip.0 + 14.0 * k) + 22.0 * k;
        }
    }
    let room = width - GAP - left;
    let wide = |text: &str| (text.chars().count() as f64 * 7.3 + 38.0) * k;
    // One bar after the other, in as many rows as it takes.
    let place = |bars: &mut BTreeMap<Id, Rect>, y: &mut f64, of: &mut dyn Iterator<Item = (Id, f64)>| {
        let mut x = left;
        for (id, w) in of {
            let w = w.min(room.max(60.0));
            if x + w > width - GAP && x > left {
                x = left;
                *y += 44.0 * k;
            }
            bars.insert(id, Rect::new(x, *y, w, 34.0 * k));
            x += w + gap;
        }
    };
    let mut ingresses = BTreeMap::new();
    place(
        &mut ingresses,
        &mut y,
        &mut scene.ingresses.values().take(INGRESSES_MOST).map(|i| (i.id, wide(&ingress_text(i)))),
    );
    if !ingresses.is_empty() {
        y += 56.0 * k;
    }
    // Services that select nothing (the API's own) come last; with very many, lists and the search have the rest.
    let mut order: Vec<_> = scene.services.values().collect();
    order.sort_by_key(|s| s.selector.is_empty());
    order.truncate(SERVICES_MOST);
    if narrow && order.len() > 1 {
        // on a phone the API's own service would only be in the way
        order.retain(|s| !(s.selector.is_empty() && s.endpoints.is_empty()));
    }
    // One row if that is possible without addresses: lines would cross a second one.
    let all = |short: bool| order.iter().map(|s| wide(&service_text(s, short)) + gap).sum::<f64>() - gap;
    let short = all(false) > room;
    let mut services = BTreeMap::new();
    place(&mut services, &mut y, &mut order.iter().map(|s| (s.id, wide(&service_text(s, short)))));
    let bottom = (y + 34.0 * k).max(tray.y + tray.h).max(low);
    // Lines that are led around the cards need room below the bars.
    let channel = if below { 8.0 + 4.0 * services.len().min(6) as f64 } else { 0.0 };
    Lane { tray, tray_cols, services, ingresses, clients, dns, height: bottom + 26.0 + channel, short }
}

impl Layout {
    /// The card of the node at this place of the order.
    pub fn card_at(&self, i: usize) -> Rect {
        let cols = self.cols.max(1);
        let x = GAP + (i % cols) as f64 * (self.card.0 + GAP);
        let y = self.top + (i / cols) as f64 * (self.card.1 + GAP);
        Rect::new(x, y, self.card.0, self.card.1)
    }

    /// The card of a node.
    pub fn node(&self, id: Id) -> Option<Rect> {
        self.index.get(&id).map(|i| self.card_at(*i))
    }

    /// The places in the order of the nodes whose cards meet `view`, as ranges of a row each.
    pub fn visible(&self, view: &Rect) -> Vec<std::ops::Range<usize>> {
        let n = self.order.len();
        if n == 0 {
            return Vec::new();
        }
        let pitch = (self.card.0 + GAP, self.card.1 + GAP);
        let first_row = ((view.y - self.top) / pitch.1).floor().max(0.0) as usize;
        let last_row = ((view.y + view.h - self.top) / pitch.1).ceil().max(0.0) as usize;
        let first_col = (((view.x - GAP) / pitch.0).floor().max(0.0) as usize).min(self.cols);
        let last_col = (((view.x + view.w - GAP) / pitch.0).ceil().max(0.0) as usize).min(self.cols);
        (first_row..last_row.min(n.div_ceil(self.cols.max(1))))
            .map(|r| (r * self.cols + first_col).min(n)..(r * self.cols + last_col).min(n))
            .filter(|r| !r.is_empty())
            .collect()
    }

    /// The upper left corner of a place on a node or in the tray.
    pub fn corner(&self, place: Place, slot: u32) -> Option<(f64, f64)> {
        let cell = self.cell?;
        match place {
            Place::Tray => {
                let slot = (slot as usize).min(TRAY_MOST - 1);
                let cols = self.tray_cols.max(1);
                let k = self.lane_scale;
                let pad = (40.0 * k - self.side(Place::Tray)) / 2.0;
                Some((
                    self.tray.x + (11.0 + (slot % cols) as f64 * 40.0) * k + pad,
                    self.tray.y + (28.0 + (slot / cols) as f64 * 40.0) * k + pad,
                ))
            }
            Place::Node(id) => {
                let card = self.node(id)?;
                let (col, row) = (slot as usize % cell.cols, slot as usize / cell.cols);
                let dx = if cell.cols > 1 {
                    ((card.w - 2.0 * PAD - cell.size - 8.0) / (cell.cols as f64 - 1.0)).min(cell.dx * 1.25)
                } else {
                    cell.dx
                };
                Some((card.x + PAD + 4.0 + col as f64 * dx, card.y + HEAD + row as f64 * cell.dy))
            }
        }
    }

    /// The corners of the way from below a service's bar to a pod: along the lane and straight down; where that would
    /// lead over other pods, down between the cards and along the row of pods. `nth` tells services apart.
    pub fn detour(&self, from: (f64, f64), place: Place, slot: u32, nth: usize) -> Option<Vec<(f64, f64)>> {
        let Place::Node(id) = place else { return None };
        let (index, cell) = (*self.index.get(&id)?, self.cell?);
        let row = slot as usize / cell.cols.max(1);
        let (x, y) = self.corner(place, slot)?;
        let card = self.card_at(index);
        let shift = (nth % 5) as f64;
        if index < self.cols && row == 0 {
            let (lane, middle) = (self.top - 7.0 - shift * 3.5, x + cell.size / 2.0);
            return Some(vec![from, (from.0, lane), (middle, lane), (middle, y - 2.0)]);
        }
        let (lane, trunk) = (self.top - 6.0 - shift * 4.0, card.x - GAP / 2.0 - 4.0 + shift * 2.0);
        let (above, middle) = (y - 5.0, x + cell.size / 2.0);
        Some(vec![from, (from.0, lane), (trunk, lane), (trunk, above), (middle, above), (middle, y - 2.0)])
    }

    /// The corners of the way from a client's chip to the bar of what it asks first: between the other chips, never
    /// under them. None: nothing is in between.
    pub fn around_chips(&self, chip: &Rect, to: &Rect) -> Option<Vec<(f64, f64)>> {
        let k = self.lane_scale;
        let chips: Vec<&Rect> = self.clients.values().chain(&self.dns).collect();
        let right = chips.iter().fold(0.0, |x: f64, r| x.max(r.x + r.w));
        let low = chips.iter().fold(0.0, |y: f64, r| y.max(r.y + r.h));
        let same = |r: &&&Rect| (r.y - chip.y).abs() < chip.h;
        if to.x >= right {
            // all bars stand beside the chips: along the gap between their two rows
            let next = chips.iter().filter(same).map(|r| r.x).filter(|x| *x > chip.x + 1.0).fold(f64::MAX, f64::min);
            if next == f64::MAX {
                return None;
            }
            let (side, gap) = (chip.x + chip.w + 6.0 * k, 8.0 * k + 36.0 * k + 4.0 * k);
            let (end, middle) = (right + 8.0 * k, to.y + to.h / 2.0);
            let start = (chip.x + chip.w, chip.y + chip.h / 2.0);
            return Some(vec![start, (side, start.1), (side, gap), (end, gap), (end, middle), (to.x, middle)]);
        }
        // the bars stand below the chips
        let (lane, over) = (low + 7.0, to.x + to.w / 2.0);
        let below = chips.iter().any(|r| r.y > chip.y + chip.h && r.x < chip.x + chip.w && r.x + r.w > chip.x);
        let start =
            if below { (chip.x + chip.w, chip.y + chip.h / 2.0) } else { (chip.x + chip.w / 2.0, chip.y + chip.h) };
        let side = if below { chip.x + chip.w + 5.0 } else { start.0 };
        Some(vec![start, (side, start.1), (side, lane), (over, lane), (over, to.y)])
    }

    /// The pill at a pod that sends requests.
    pub fn pill(&self, scene: &Scene, client: &ClientItem, now: Ms, calm: bool) -> Option<Rect> {
        let pod = scene.pods.get(&client.pod?).filter(|p| p.died.is_none())?;
        let (x, y) = self.pod(pod, now, calm)?;
        let s = self.pod_side(pod, now, calm);
        let (w, h) = (s * 1.3, (s * 0.42).max(10.0));
        Some(Rect::new(x + s / 2.0 - w / 2.0, y - h * 0.72, w, h))
    }

    /// The side of a pod's glyph at a place.
    pub fn side(&self, place: Place) -> f64 {
        let size = self.cell.map_or(26.0, |c| c.size);
        match place {
            Place::Tray => size.min(30.0) * self.lane_scale,
            Place::Node(_) => size,
        }
    }

    /// The side of a pod's glyph at `now`: between two while it moves.
    pub fn pod_side(&self, pod: &PodItem, now: Ms, calm: bool) -> f64 {
        let there = self.side(pod.place);
        match pod.moved.as_deref().copied() {
            Some((from, _, at)) if !calm => {
                anim::lerp(self.side(from), there, anim::ease_in_out(anim::progress(at, anim::MOVE, now)))
            }
            _ => there,
        }
    }

    /// Where a pod is drawn at `now`: its place, or between the old and the new one.
    pub fn pod(&self, pod: &PodItem, now: Ms, calm: bool) -> Option<(f64, f64)> {
        let there = self.corner(pod.place, pod.slot)?;
        let Some((from, slot, at)) = pod.moved.as_deref().copied() else { return Some(there) };
        let p = anim::progress(at, anim::MOVE, now);
        if p >= 1.0 || calm {
            return Some(there);
        }
        let here = self.corner(from, slot)?;
        let e = anim::ease_in_out(p);
        Some((anim::lerp(here.0, there.0, e), anim::lerp(here.1, there.1, e)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::tests::{node, patch, pod};
    use super::*;
    use kubarium_core::view::model::{Op, PodState};

    fn scene(nodes: u64, each: u64) -> Scene {
        let mut s = Scene::default();
        let mut ops: Vec<Op> = (1..=nodes).map(|i| Op::Node(node(i, &format!("node-{i}")))).collect();
        for n in 1..=nodes {
            for p in 0..each {
                ops.push(Op::Pod(pod(100_000 + n * 1000 + p, Some(n), PodState::Ready)));
            }
        }
        s.apply(&patch(ops), 0.0);
        s
    }

    #[test]
    fn pods_stand_inside_their_cards_and_apart() {
        for (nodes, each) in [(1, 1), (3, 4), (5, 30), (50, 20), (2, 110)] {
            let s = scene(nodes, each);
            let l = arrange(&s, 760.0, 520.0, 0, SCALE_MOST);
            let size = l.cell.unwrap().size;
            for p in s.pods.values() {
                let (x, y) = l.pod(p, 1e9, false).unwrap();
                let card = l.node(p.view.node.unwrap()).unwrap();
                assert!(x >= card.x && x + size <= card.x + card.w, "{nodes}×{each}: {x} {card:?}");
                assert!(y >= card.y && y + size <= card.y + card.h, "{nodes}×{each}: {y} {card:?}");
            }
        }
    }

    #[test]
    fn three_nodes_fit_side_by_side_on_a_desk_and_below_each_other_on_a_phone() {
        let s = scene(3, 4);
        let desk = arrange(&s, 800.0, 520.0, 0, SCALE_MOST);
        assert_eq!(desk.cols, 3);
        assert!(desk.width <= 801.0 || desk.height <= 520.0);
        assert_eq!(arrange(&s, 390.0, 700.0, 0, SCALE_MOST).cols, 1);
    }

    #[test]
    fn only_what_is_in_view_is_visited() {
        let s = scene(400, 1);
        let l = arrange(&s, 800.0, 600.0, 0, SCALE_MOST);
        let all: usize = l.visible(&Rect::new(0.0, 0.0, l.width, l.height)).iter().map(|r| r.len()).sum();
        assert_eq!(all, 400);
        let one = l.card_at(37);
        let (x, y) = one.middle();
        let seen: Vec<usize> = l.visible(&Rect::new(x, y, 1.0, 1.0)).into_iter().flatten().collect();
        assert_eq!(seen, vec![37]);
    }

    #[test]
    fn a_move_begins_there_and_ends_here() {
        let mut s = scene(2, 1);
        s.apply(&patch(vec![Op::Pod(pod(7, None, PodState::Pending))]), 0.0);
        s.apply(&patch(vec![Op::Pod(pod(7, Some(2), PodState::Pending))]), 1000.0);
        let l = arrange(&s, 800.0, 600.0, 0, SCALE_MOST);
        let p = &s.pods[&7];
        assert_eq!(l.pod(p, 1000.0, false), l.corner(Place::Tray, 0));
        assert_eq!(l.pod(p, 1300.0, false), l.corner(Place::Node(2), 1));
    }

    #[test]
    fn lines_of_clients_pass_between_the_chips() {
        let chip = |x, y| Rect::new(x, y, 116.0, 36.0);
        let clients = [(1, chip(200.0, 8.0)), (2, chip(200.0, 52.0))].into_iter().collect();
        let dns = Rect::new(360.0, 14.0, 52.0, 24.0);
        let l = Layout { lane_scale: 1.0, clients, dns: Some(dns), ..Layout::default() };
        let crosses = |way: &[(f64, f64)], r: &Rect| {
            way.windows(2).any(|w| {
                (0..=100).any(|i| {
                    let at = |a: f64, b: f64| a + (b - a) * f64::from(i) / 100.0;
                    r.contains(at(w[0].0, w[1].0), at(w[0].1, w[1].1))
                })
            })
        };
        let way = l.around_chips(&l.clients[&1], &Rect::new(500.0, 16.0, 100.0, 34.0)).unwrap();
        assert!(!crosses(&way, &dns) && !crosses(&way, &l.clients[&2]), "{way:?}");
        // nothing stands to the right of the second one
        assert_eq!(l.around_chips(&l.clients[&2], &Rect::new(500.0, 16.0, 100.0, 34.0)), None);
        let way = l.around_chips(&l.clients[&1], &Rect::new(20.0, 140.0, 100.0, 34.0)).unwrap();
        assert!(l.clients.values().chain([&dns]).all(|r| !crosses(&way[1..], r)), "{way:?}");
    }
}
