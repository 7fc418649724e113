//! The map on the page: keeps camera, pointer and selection, and paints a frame when something has changed. It lives
//! outside the virtual DOM; the component around it only forwards events.

use super::broken::{node_ills, part_ills, pod_ills};
use super::camera::{Camera, Flight};
use super::draw::{Frame, Painter, Shown, Words};
use super::hit::{self, Target};
use super::layout::{Layout, Rect, arrange, service_addresses};
use super::scene::Scene;
use super::strip::{Strip, strip};
use super::traffic;
use crate::bridge::Engine;
use crate::i18n::Lang;
use kubarium_core::view::model::Id;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, Element, HtmlCanvasElement};

/// What a gesture came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// Nothing that the page must know.
    Nothing,
    /// Something was chosen, or the ground: nothing.
    Select(Option<Target>),
}

#[derive(Clone, Copy, Debug)]
struct Finger {
    x: f64,
    y: f64,
    from: (f64, f64),
}

/// The map.
pub struct MapView {
    canvas: HtmlCanvasElement,
    painter: Painter,
    layout: Layout,
    strip: Strip,
    shape: u64,
    size: (f64, f64),
    dpr: f64,
    camera: Camera,
    /// The camera follows the world's size until a person takes it over.
    auto: bool,
    flight: Option<Flight>,
    hover: Option<Target>,
    by_key: bool,
    fingers: BTreeMap<i32, Finger>,
    dragging: bool,
    dirty: bool,
    drawn: (f64, f64),
    selected: Option<Target>,
    label: Option<(Rc<str>, Rc<str>)>,
    search: Option<Rc<str>>,
    lit: Option<BTreeSet<Id>>,
    lit_for: u64,
    lit_at: f64,
    /// Places that each card has at least: grows at once, shrinks late, so that the picture stays calm.
    room: usize,
    words: Words,
    calm: bool,
    focused: bool,
    shown: Shown,
    note: Option<Element>,
    note_words: [String; 4],
    note_text: String,
    /// Frames painted so far and the milliseconds they took: for the tests of speed.
    pub frames: (u64, f64),
}

impl MapView {
    /// A map on a canvas; `note` is the element that says how much is shown.
    pub fn new(canvas: HtmlCanvasElement, note: Option<Element>) -> Option<MapView> {
        let ctx: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        let calm = gloo::utils::window()
            .match_media("(prefers-reduced-motion: reduce)")
            .ok()
            .flatten()
            .is_some_and(|m| m.matches());
        Some(MapView {
            painter: Painter::new(ctx),
            canvas,
            layout: Layout::default(),
            strip: strip(800.0, 1.0),
            shape: u64::MAX,
            size: (0.0, 0.0),
            dpr: 1.0,
            camera: Camera::default(),
            auto: true,
            flight: None,
            hover: None,
            by_key: false,
            fingers: BTreeMap::new(),
            dragging: false,
            dirty: true,
            drawn: (0.0, 0.0),
            selected: None,
            label: None,
            search: None,
            lit: None,
            lit_for: 0,
            lit_at: 0.0,
            room: 0,
            words: Words::default(),
            calm,
            focused: false,
            shown: Shown::default(),
            note,
            note_words: Default::default(),
            note_text: String::new(),
            frames: (0, 0.0),
        })
    }

    /// The canvas has this many CSS pixels now; zero while it is hidden.
    pub fn resize(&mut self, w: f64, h: f64) {
        let dpr = gloo::utils::window().device_pixel_ratio().clamp(1.0, 3.0);
        if (w, h) == self.size && dpr == self.dpr {
            return;
        }
        self.size = (w, h);
        self.dpr = dpr;
        self.canvas.set_width((w * dpr).round() as u32);
        self.canvas.set_height((h * dpr).round() as u32);
        self.strip = strip(w.max(200.0), self.painter.palette.type_scale);
        // a panel beside the map has opened or closed: it glides there
        self.shape = if self.layout.cell.is_none() { u64::MAX } else { u64::MAX - 1 };
        self.dirty = true;
    }

    /// Takes over words, theme and what is selected and searched for.
    pub fn configure(
        &mut self,
        words: Words,
        note_words: [String; 4],
        selected: Option<Target>,
        label: Option<(Rc<str>, Rc<str>)>,
        search: Option<Rc<str>>,
    ) {
        self.words = words;
        self.note_words = note_words;
        if self.selected != selected || self.label != label || self.search != search {
            self.lit_for = u64::MAX;
        }
        self.selected = selected;
        self.label = label;
        self.search = search;
        self.dirty = true;
    }

    /// The theme has changed.
    pub fn retheme(&mut self) {
        self.painter.retheme();
        self.strip = strip(self.size.0.max(200.0), self.painter.palette.type_scale);
        if self.layout.cell.is_some() {
            self.shape = u64::MAX - 1;
        }
        self.dirty = true;
    }

    /// Shows the whole cluster again, and follows it.
    pub fn refit(&mut self) {
        self.auto = true;
        self.room = 0;
        self.shape = u64::MAX;
        self.dirty = true;
    }

    fn fit(&self) -> Camera {
        let enlarge = self.painter.palette.enlarge;
        Camera::fit((self.layout.width, self.layout.height), self.size, self.strip.height, enlarge)
    }

    fn least_zoom(&self) -> f64 {
        (self.fit().zoom * 0.6).min(0.5)
    }

    fn take_over(&mut self, camera: Camera) {
        self.auto = false;
        self.flight = None;
        self.camera = camera.hold(self.layout.width, self.layout.height, self.size.0, self.size.1);
        self.dirty = true;
    }

    fn fly(&mut self, to: Camera, time: f64) {
        if self.calm {
            self.camera = to;
        } else {
            self.flight = Some(Flight { from: self.camera, to, start: time });
        }
        self.dirty = true;
    }

    /// Called before each frame of the screen: paints if there is something to see.
    pub fn frame(&mut self, engine: &Engine, time: f64) {
        if self.size.0 < 10.0 || self.size.1 < 10.0 {
            return;
        }
        let scene = &engine.scene;
        if scene.shape != self.shape {
            let first = self.layout.cell.is_none() || self.shape == u64::MAX;
            self.shape = scene.shape;
            let most = scene.most_slots();
            if most > self.room || most * 3 < self.room {
                self.room = most + most / 4;
            }
            let enlarge = self.painter.palette.enlarge;
            self.layout = arrange(scene, self.size.0, self.size.1 - self.strip.height, self.room, enlarge);
            if self.auto {
                let to = self.fit();
                let aim = self.flight.map_or(self.camera, |f| f.to);
                if first {
                    self.camera = to;
                    self.flight = None;
                } else if (aim.zoom - to.zoom).abs() > 1e-6 || (aim.x - to.x).abs() > 0.5 || (aim.y - to.y).abs() > 0.5
                {
                    self.fly(to, time);
                }
            }
            self.dirty = true;
        }
        if let Some(flight) = self.flight {
            let (camera, over) = flight.at(time);
            self.camera = camera;
            if over {
                self.flight = None;
            }
            self.dirty = true;
        }
        // To look at very many pods takes a while: then it is done less often.
        let due = scene.live() < 5_000 || self.lit_for == u64::MAX || time - self.lit_at > 800.0;
        if self.lit_for != scene.pods_version && due {
            self.lit_for = scene.pods_version;
            self.lit_at = time;
            self.lit = self.light(scene);
            self.dirty = true;
        }
        // Texts of the control plane fade by themselves: a few looks a second are enough for them.
        let slow = engine.playing && time - self.drawn.1 > 250.0;
        if !(self.dirty || slow || scene.moving(engine.anim) && engine.anim != self.drawn.0) {
            return;
        }
        let began = crate::platform::timers::now();
        self.drawn = (engine.anim, time);
        self.dirty = false;
        // What is selected is told at length in the inspector already.
        let tip = self
            .hover
            .filter(|t| self.selected != Some(*t))
            .map(|t| tip(engine, self.words.lang, t))
            .unwrap_or_default();
        let frame = Frame {
            scene,
            layout: &self.layout,
            strip: &self.strip,
            camera: self.camera,
            size: self.size,
            dpr: self.dpr,
            now: engine.anim,
            calm: self.calm,
            selected: self.selected,
            hover: self.hover,
            lit: self.lit.as_ref(),
            words: &self.words,
            tip: &tip,
            focused: self.focused && self.by_key,
        };
        self.shown = self.painter.frame(&frame);
        self.note(scene.live());
        self.frames = (self.frames.0 + 1, self.frames.1 + crate::platform::timers::now() - began);
    }

    /// The map as it is now, at twice its size, below a line with a title and the moment.
    pub fn poster(&self, engine: &Engine, title: &str, moment: &str) -> Option<HtmlCanvasElement> {
        const BAND: f64 = 52.0;
        const DPR: f64 = 2.0;
        let (w, h) = self.size;
        if w < 10.0 || h < 10.0 {
            return None;
        }
        let made = |h: f64| -> Option<(HtmlCanvasElement, CanvasRenderingContext2d)> {
            let canvas = gloo::utils::document().create_element("canvas").ok()?.dyn_into::<HtmlCanvasElement>().ok()?;
            canvas.set_width((w * DPR) as u32);
            canvas.set_height((h * DPR) as u32);
            let ctx = canvas.get_context("2d").ok()??.dyn_into().ok()?;
            Some((canvas, ctx))
        };
        let (map, ctx) = made(h)?;
        Painter::new(ctx).frame(&Frame {
            scene: &engine.scene,
            layout: &self.layout,
            strip: &self.strip,
            camera: self.camera,
            size: self.size,
            dpr: DPR,
            now: engine.anim,
            calm: self.calm,
            selected: self.selected,
            hover: None,
            lit: self.lit.as_ref(),
            words: &self.words,
            tip: &[],
            focused: false,
        });
        let (poster, ctx) = made(h + BAND)?;
        let p = &self.painter.palette;
        ctx.scale(DPR, DPR).ok()?;
        ctx.set_fill_style_str(&p.raised);
        ctx.fill_rect(0.0, 0.0, w, BAND);
        ctx.set_fill_style_str(&p.ink);
        ctx.set_text_baseline("middle");
        ctx.set_font(&format!("680 20px {}", p.sans));
        ctx.fill_text_with_max_width(title, 18.0, BAND / 2.0, w * 0.6).ok()?;
        ctx.set_fill_style_str(&p.dim);
        ctx.set_text_align("right");
        ctx.set_font(&format!("600 15px {}", p.mono));
        ctx.fill_text(&format!("{moment}  ·  Kubarium"), w - 18.0, BAND / 2.0).ok()?;
        ctx.draw_image_with_html_canvas_element_and_dw_and_dh(&map, 0.0, BAND, w, h).ok()?;
        Some(poster)
    }

    /// "Showing X of Y", written only when it changes.
    fn note(&mut self, all: u32) {
        let shown = self.shown.pods.min(all);
        let text = if self.shown.counted {
            self.note_words[2].replace("{n}", &shown.to_string()).replace("{all}", &all.to_string())
        } else if shown >= all {
            self.note_words[if all == 1 { 3 } else { 0 }].replace("{n}", &all.to_string())
        } else {
            self.note_words[1].replace("{n}", &shown.to_string()).replace("{all}", &all.to_string())
        };
        if text != self.note_text {
            if let Some(note) = &self.note {
                note.set_text_content(Some(&text));
            }
            self.note_text = text;
        }
    }

    /// The pods that the selection, a label or a search lights; none: nothing is dimmed.
    fn light(&self, scene: &Scene) -> Option<BTreeSet<Id>> {
        let of = |f: &dyn Fn(&super::scene::PodItem) -> bool| -> BTreeSet<Id> {
            scene.pods.values().filter(|p| f(p)).map(|p| p.view.id).collect()
        };
        if let Some(search) = self.search.as_ref().filter(|s| !s.trim().is_empty()) {
            return Some(find(scene, search).into_iter().filter_map(|t| t.id()).collect());
        }
        if let Some((key, value)) = &self.label {
            return Some(of(&|p| p.view.labels.iter().any(|(k, v)| **k == **key && **v == **value)));
        }
        match self.selected? {
            Target::Service(id) => {
                let service = scene.services.get(&id)?;
                Some(service.endpoints.iter().map(|(id, _)| *id).collect())
            }
            Target::Workload(id) => {
                Some(of(&|p| p.view.owner == Some(id) || scene.top_owner(p.view.owner) == Some(id)))
            }
            Target::Object(id) => {
                if let Some(i) = scene.ingresses.get(&id) {
                    let services = i.services.iter().filter_map(|s| scene.service(&i.namespace, s));
                    return Some(services.flat_map(|s| s.endpoints.iter().map(|(id, _)| *id)).collect());
                }
                let claim = scene.claims.values().find(|c| c.id == id)?;
                Some(of(&|p| p.view.namespace == claim.namespace && p.view.claims.contains(&claim.name)))
            }
            _ => None,
        }
    }

    fn hit(&self, engine: &Engine, x: f64, y: f64, slack: f64) -> Option<Target> {
        // Requests stand still while time does: then they can be pointed at.
        if !engine.playing && y > self.strip.height {
            let (wx, wy) = self.camera.to_world(x, y);
            let reach = (8.0 + slack / 2.0) / self.camera.zoom;
            let found = traffic::at(&engine.scene, &self.layout, engine.anim, self.calm, wx, wy, reach);
            if let Some(number) = found {
                return Some(Target::Request(number));
            }
        }
        hit::at(&engine.scene, &self.layout, &self.strip, &self.camera, engine.anim, x, y, slack)
    }

    /// A finger or button goes down.
    pub fn down(&mut self, id: i32, x: f64, y: f64) {
        self.fingers.insert(id, Finger { x, y, from: (x, y) });
        if self.fingers.len() > 1 {
            self.dragging = true;
        }
        let _ = self.canvas.set_pointer_capture(id);
    }

    /// A finger or the pointer moves.
    pub fn moved(&mut self, engine: &Engine, id: i32, x: f64, y: f64) {
        let Some(finger) = self.fingers.get(&id).copied() else {
            let over = self.hit(engine, x, y, 0.0);
            self.by_key = false;
            if over != self.hover {
                self.hover = over;
                self.dirty = true;
                let _ = self.canvas.style().set_property("cursor", if over.is_some() { "pointer" } else { "grab" });
            }
            return;
        };
        let others: Vec<Finger> = self.fingers.iter().filter(|(i, _)| **i != id).map(|(_, f)| *f).collect();
        if let Some(other) = others.first() {
            let before = (finger.x - other.x).hypot(finger.y - other.y).max(1.0);
            let after = (x - other.x).hypot(y - other.y).max(1.0);
            let (mx, my) = ((x + other.x) / 2.0, (y + other.y) / 2.0);
            let camera = self.camera.pan((x - finger.x) / 2.0, (y - finger.y) / 2.0);
            self.take_over(camera.zoom_at(mx, my, after / before, self.least_zoom()));
        } else if self.dragging || (x - finger.from.0).hypot(y - finger.from.1) > 5.0 {
            if !self.dragging {
                let _ = self.canvas.style().set_property("cursor", "grabbing");
            }
            self.dragging = true;
            self.hover = None;
            self.take_over(self.camera.pan(x - finger.x, y - finger.y));
        }
        if let Some(f) = self.fingers.get_mut(&id) {
            (f.x, f.y) = (x, y);
        }
    }

    /// A finger or button goes up.
    pub fn up(&mut self, engine: &Engine, id: i32, x: f64, y: f64, touch: bool) -> Gesture {
        let known = self.fingers.remove(&id).is_some();
        let dragged = self.dragging;
        if self.fingers.is_empty() {
            self.dragging = false;
            let _ = self.canvas.style().set_property("cursor", "grab");
        }
        if !known || dragged {
            return Gesture::Nothing;
        }
        Gesture::Select(self.hit(engine, x, y, if touch { 8.0 } else { 0.0 }))
    }

    /// The pointer leaves, or the browser takes it away.
    pub fn away(&mut self, id: i32) {
        self.fingers.remove(&id);
        if self.fingers.is_empty() {
            self.dragging = false;
        }
        if !self.by_key {
            self.hover = None;
        }
        self.dirty = true;
    }

    /// The wheel turns by `dy` pixels; `pinch`: it stands for two fingers on a touch pad.
    pub fn wheel(&mut self, x: f64, y: f64, dx: f64, dy: f64, pinch: bool, pan: bool) {
        if pan {
            return self.take_over(self.camera.pan(-dx - dy, 0.0));
        }
        let factor = (-dy * if pinch { 0.01 } else { 0.0016 }).exp();
        self.take_over(self.camera.zoom_at(x, y, factor, self.least_zoom()));
    }

    /// Zooms around the middle.
    pub fn zoom(&mut self, factor: f64, time: f64) {
        let (x, y) = (self.size.0 / 2.0, self.size.1 / 2.0);
        self.auto = false;
        let from = self.flight.map_or(self.camera, |f| f.to);
        self.fly(from.zoom_at(x, y, factor, self.least_zoom()), time);
    }

    /// The keyboard comes or goes.
    pub fn focus(&mut self, focused: bool) {
        self.focused = focused;
        if !focused && self.by_key {
            self.hover = None;
        }
        self.dirty = true;
    }

    /// A key that the map understands. None: not its own.
    pub fn key(&mut self, engine: &Engine, key: &str, shift: bool, time: f64) -> Option<Gesture> {
        let arrow = match key {
            "ArrowLeft" => Some((-1.0, 0.0)),
            "ArrowRight" => Some((1.0, 0.0)),
            "ArrowUp" => Some((0.0, -1.0)),
            "ArrowDown" => Some((0.0, 1.0)),
            _ => None,
        };
        if let Some((dx, dy)) = arrow {
            if shift {
                self.take_over(self.camera.pan(-dx * 60.0, -dy * 60.0));
                return Some(Gesture::Nothing);
            }
            let from = self.hover.or(self.selected);
            if let Some(next) = hit::neighbour(&engine.scene, &self.layout, from, dx, dy) {
                self.hover = Some(next);
                self.by_key = true;
                self.reveal(engine, next, time);
            }
            self.dirty = true;
            return Some(Gesture::Nothing);
        }
        match key {
            "+" | "=" => self.zoom(1.35, time),
            "-" | "_" => self.zoom(1.0 / 1.35, time),
            "0" => {
                self.auto = true;
                self.fly(self.fit(), time);
            }
            "Enter" | " " if self.by_key => return self.hover.map(|t| Gesture::Select(Some(t))),
            _ => return None,
        }
        Some(Gesture::Nothing)
    }

    /// What the keyboard's cursor or the pointer is on.
    pub fn hovered(&self) -> Option<Target> {
        self.hover
    }

    /// Brings something into view; far away it is also brought nearer.
    pub fn reveal(&mut self, engine: &Engine, target: Target, time: f64) {
        let Some((x, y)) = hit::middle(&engine.scene, &self.layout, target) else { return };
        let (sx, sy) = self.camera.to_screen(x, y);
        let inside = sx > 30.0 && sx < self.size.0 - 30.0 && sy > self.strip.height + 20.0 && sy < self.size.1 - 30.0;
        let size = self.layout.cell.map_or(26.0, |c| c.size);
        let legible = !matches!(target, Target::Pod(_)) || size * self.camera.zoom >= 9.0;
        if inside && legible {
            return;
        }
        self.auto = false;
        let zoom = if legible { self.camera.zoom } else { (18.0 / size).min(1.0) };
        let at = Rect::new(x - 1.0, y - 1.0 - self.strip.height / zoom / 2.0, 2.0, 2.0);
        self.fly(Camera::centred(&at, zoom, self.size.0, self.size.1), time);
    }

    /// Where something is drawn, in pixels from the canvas's corner: for the tests that click on it.
    pub fn place(&self, engine: &Engine, target: Target) -> Option<(f64, f64)> {
        let (x, y) = hit::middle(&engine.scene, &self.layout, target)?;
        Some(self.camera.to_screen(x, y))
    }
}

/// What a search finds: names, labels as `key=value`, states, nodes and services.
pub fn find(scene: &Scene, search: &str) -> Vec<Target> {
    let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
    if words.is_empty() {
        return vec![];
    }
    let matches = |text: &str| words.iter().all(|w| text.contains(w));
    let mut found = Vec::new();
    for p in scene.pods.values().filter(|p| p.died.is_none()) {
        let v = &p.view;
        let mut text = format!("{} {} {}", v.name, v.namespace, v.status).to_lowercase();
        for (k, value) in v.labels.iter() {
            text.push(' ');
            text.push_str(k);
            text.push('=');
            text.push_str(value);
        }
        if let Some(node) = v.node.and_then(|n| scene.nodes.get(&n)) {
            text.push(' ');
            text.push_str(&node.view.name);
        }
        if matches(&text) {
            found.push(Target::Pod(v.id));
        }
    }
    found.extend(
        scene.order.iter().filter(|id| matches(&scene.nodes[id].view.name.to_lowercase())).map(|id| Target::Node(*id)),
    );
    found.extend(
        scene
            .services
            .values()
            .filter(|s| matches(&format!("svc/{}", s.name).to_lowercase()))
            .map(|s| Target::Service(s.id)),
    );
    found.extend(
        scene
            .traffic
            .clients
            .iter()
            .filter(|c| matches(&format!("client/{} {}", c.view.name, c.view.url).to_lowercase()))
            .map(|c| Target::Client(c.view.number)),
    );
    found.extend(
        scene
            .workloads
            .values()
            .filter(|w| matches(&format!("{}/{}", w.kind, w.name).to_lowercase()))
            .map(|w| Target::Workload(w.id)),
    );
    found.extend(
        scene
            .ingresses
            .values()
            .filter(|i| matches(&format!("ing/{} {}", i.name, i.hosts).to_lowercase()))
            .map(|i| Target::Object(i.id)),
    );
    found
}

fn tip(engine: &Engine, lang: Lang, target: Target) -> Vec<String> {
    let scene = &engine.scene;
    match target {
        Target::Pod(id) => {
            let Some(p) = scene.pods.get(&id).map(|p| &p.view) else { return vec![] };
            let mut lines = vec![p.name.to_string(), format!("{}  {}/{}", p.status, p.ready.0, p.ready.1)];
            if p.restarts > 0 {
                lines[1].push_str(&format!("  ↻{}", p.restarts));
            }
            lines.extend(pod_ills(lang, scene, id).into_iter().map(|text| format!("↯ {text}")));
            if let Some(image) = p.images.first() {
                lines.push(image.to_string());
            }
            if let Some(w) = scene.top_owner(p.owner).and_then(|o| scene.workloads.get(&o)) {
                lines.push(format!("← {} {}", lang.term("kind", w.kind), w.name));
            }
            for name in p.claims.iter().take(3) {
                let phase = scene.claims.get(&(p.namespace.clone(), name.clone())).map_or("–", |c| &*c.phase);
                lines.push(format!("pvc/{name}  {phase}"));
            }
            if !p.labels.is_empty() {
                lines.push(p.labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("  "));
            }
            lines
        }
        Target::Node(id) => {
            let Some(n) = scene.nodes.get(&id).map(|n| &n.view) else { return vec![] };
            let gi = |b: u64| format!("{:.1}", b as f64 / f64::from(1 << 30));
            let mut lines = vec![
                n.name.to_string(),
                n.status.to_string(),
                format!(
                    "cpu {:.2}/{:.0}  mem {}/{} Gi",
                    n.cpu.0 as f64 / 1e3,
                    n.cpu.1 as f64 / 1e3,
                    gi(n.memory.0),
                    gi(n.memory.1)
                ),
                lang.f("tip.pods", &[("n", &n.pods.0.to_string()), ("all", &n.pods.1.to_string())]),
            ];
            lines.extend(node_ills(lang, &scene.broken, n).into_iter().map(|text| format!("↯ {text}")));
            lines
        }
        Target::Service(id) => {
            let Some(s) = scene.services.get(&id) else { return vec![] };
            let ready = s.endpoints.iter().filter(|(_, r)| *r).count();
            let mut lines =
                vec![format!("service/{}", s.name), format!("{}  {}  {}", s.kind, service_addresses(s), s.ports)];
            if !s.selector.is_empty() {
                lines.push(s.selector.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(","));
            }
            let all = s.endpoints.len().to_string();
            lines.push(lang.f("tip.endpoints", &[("ready", &ready.to_string()), ("all", &all)]));
            lines.extend(scene.traffic.rates.get(&id).map(|r| super::draw::traffic::rate_text(*r)));
            lines
        }
        Target::Object(id) => match scene.ingresses.get(&id) {
            Some(i) => {
                let services = i.services.iter().map(|s| format!("svc/{s}")).collect::<Vec<_>>();
                vec![format!("ingress/{}", i.name), i.hosts.to_string(), format!("→ {}", services.join("  "))]
            }
            None => vec![],
        },
        Target::Workload(_) => vec![],
        Target::Client(number) => {
            let Some(c) = scene.traffic.client(number) else { return vec![] };
            vec![c.view.name.to_string(), c.view.url.to_string(), super::draw::traffic::rate_text(c.rate)]
        }
        Target::Request(number) => {
            let Some(t) = scene.traffic.trace(number) else { return vec![] };
            let mut lines = vec![lang.outcome(t), t.url.to_string()];
            if let Some((reason, _)) = &t.why {
                lines.push(lang.reason(*reason).to_owned());
            }
            lines.push(t.hops.iter().map(|h| lang.hop(h)).collect::<Vec<_>>().join(" → "));
            lines
        }
        Target::Part(i) => match scene.parts.get(i as usize).and_then(Option::as_ref) {
            Some(a) => [part_ills(lang, &scene.broken, i), vec![lang.said(&a.message)]].concat(),
            None => part_ills(lang, &scene.broken, i),
        },
    }
}
