//! The visual code of pods: each state has a shape, a fill and a mark, so that none is told by colour alone. Glyphs
//! are painted once for each size and kept as small pictures.

use super::scene::{OWNER_COLOURS, STATES};
use kubarium_core::view::model::PodState;
use std::collections::BTreeMap;
use std::f64::consts::PI;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d as Ctx, HtmlCanvasElement};

/// Colours and fonts of the theme, read from the style sheet's custom properties: it alone says what they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    /// The ground of the map.
    pub ground: String,
    /// Cards.
    pub card: String,
    /// What lies above the map.
    pub raised: String,
    /// Text.
    pub ink: String,
    /// Less important text.
    pub dim: String,
    /// Borders.
    pub line: String,
    /// Selection, services, messages.
    pub accent: String,
    /// By [`STATES`]' order.
    pub states: [String; 6],
    /// Owners of pods.
    pub owners: [String; OWNER_COLOURS as usize],
    /// Marks on a filled pod.
    pub mark: String,
    /// Text about what fails.
    pub failing_ink: String,
    /// Family of labels.
    pub sans: String,
    /// Family of names that are typed.
    pub mono: String,
    /// Light ground.
    pub light: bool,
    /// How much thicker lines are than usual.
    pub bold: f64,
    /// How much larger the type of the control plane is than usual.
    pub type_scale: f64,
    /// How much a small cluster is enlarged at most.
    pub enlarge: f64,
}

impl Palette {
    /// Reads the style sheet.
    pub fn read() -> Palette {
        let window = gloo::utils::window();
        let style =
            gloo::utils::document().document_element().and_then(|root| window.get_computed_style(&root).ok().flatten());
        let get = |name: &str, fallback: &str| {
            let value = style.as_ref().and_then(|s| s.get_property_value(name).ok()).unwrap_or_default();
            let value = value.trim();
            if value.is_empty() { fallback.to_owned() } else { value.to_owned() }
        };
        let number = |name: &str, usual: f64| get(name, "").parse().unwrap_or(usual);
        Palette {
            ground: get("--map-ground", "#12161e"),
            card: get("--map-card", "#1b212c"),
            raised: get("--bg2", "#161b24"),
            ink: get("--ink", "#e8ecf3"),
            dim: get("--dim", "#9aa7bb"),
            line: get("--map-line", "#303a49"),
            accent: get("--accent-ink", "#a396ff"),
            states: [
                get("--ready", "#009e73"),
                get("--not-ready", "#56b4e9"),
                get("--pending", "#f0e442"),
                get("--failing", "#d55e00"),
                get("--terminating", "#cc79a7"),
                get("--succeeded", "#0072b2"),
            ],
            owners: std::array::from_fn(|i| get(&format!("--owner-{i}"), "#a99dff")),
            mark: get("--mark", "#ffffff"),
            failing_ink: get("--failing-ink", "#ff9a52"),
            sans: get("--font-sans", "system-ui, sans-serif"),
            mono: get("--font-mono", "ui-monospace, monospace"),
            light: get("--theme", "dark") == "light",
            bold: number("--map-bold", 1.0),
            type_scale: number("--map-type", 1.0),
            enlarge: number("--map-enlarge", super::layout::SCALE_MOST),
        }
    }

    /// The colour of an owner.
    pub fn owner(&self, i: u8) -> &str {
        &self.owners[usize::from(i % OWNER_COLOURS)]
    }

    /// The colour of a state.
    pub fn state(&self, s: PodState) -> &str {
        &self.states[super::scene::state_index(s)]
    }
}

/// What else a glyph says beside the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marks {
    /// Of an older revision: dotted.
    pub old: bool,
    /// Of the newest revision while a rollout runs: a dot at the corner.
    pub new: bool,
    /// Without an owner: a broken ring around it.
    pub bare: bool,
    /// A person has done something to it: a bolt at the corner.
    pub fault: bool,
}

impl Marks {
    fn bits(self) -> u8 {
        u8::from(self.old) | u8::from(self.new) << 1 | u8::from(self.bare) << 2 | u8::from(self.fault) << 3
    }
}

/// Space around a glyph in its picture, as a share of its size.
pub const MARGIN: f64 = 0.25;

/// Traces a rectangle with round corners.
pub fn round_rect(ctx: &Ctx, x: f64, y: f64, w: f64, h: f64, r: f64) {
    let r = r.min(w / 2.0).min(h / 2.0).max(0.0);
    let _ = ctx.round_rect_with_f64(x, y, w, h, r);
}

fn dashes(ctx: &Ctx, pattern: &[f64]) {
    let list: js_sys::Array = pattern.iter().map(|n| wasm_bindgen::JsValue::from_f64(*n)).collect();
    let _ = ctx.set_line_dash(&list);
}

/// Sets a dash pattern; empty: a plain line.
pub fn set_dashes(ctx: &Ctx, pattern: &[f64]) {
    dashes(ctx, pattern);
}

/// Paints one glyph with its upper left corner at `x`, `y`.
pub fn paint(ctx: &Ctx, p: &Palette, state: PodState, marks: Marks, x: f64, y: f64, s: f64) {
    let colour = p.state(state);
    let line = (s * 0.075 * p.bold).max(p.bold);
    ctx.save();
    ctx.set_line_join("round");
    ctx.set_line_cap("round");
    ctx.set_fill_style_str(colour);
    ctx.set_stroke_style_str(colour);
    ctx.set_line_width(line);
    let radius = s * 0.26;
    let inner = |ctx: &Ctx| {
        ctx.begin_path();
        round_rect(ctx, x + line / 2.0, y + line / 2.0, s - line, s - line, radius);
    };
    match state {
        PodState::Ready => {
            inner(ctx);
            ctx.fill();
            ctx.stroke();
        }
        PodState::NotReady => {
            ctx.save();
            inner(ctx);
            ctx.clip();
            ctx.fill_rect(x, y + s / 2.0, s, s / 2.0);
            ctx.restore();
            inner(ctx);
            ctx.stroke();
        }
        PodState::Pending => {
            inner(ctx);
            ctx.set_global_alpha(0.14);
            ctx.fill();
            ctx.set_global_alpha(1.0);
            dashes(ctx, &[s * 0.15, s * 0.13]);
            ctx.stroke();
            dashes(ctx, &[]);
        }
        PodState::Failing => {
            let c = s * 0.29;
            ctx.begin_path();
            let e = line / 2.0;
            for (i, (px, py)) in
                [(c, e), (s - c, e), (s - e, c), (s - e, s - c), (s - c, s - e), (c, s - e), (e, s - c), (e, c)]
                    .into_iter()
                    .enumerate()
            {
                if i == 0 {
                    ctx.move_to(x + px, y + py);
                } else {
                    ctx.line_to(x + px, y + py);
                }
            }
            ctx.close_path();
            ctx.fill();
            ctx.stroke();
        }
        PodState::Terminating => {
            ctx.save();
            inner(ctx);
            ctx.set_global_alpha(0.16);
            ctx.fill();
            ctx.set_global_alpha(1.0);
            ctx.clip();
            ctx.begin_path();
            for k in [-0.5, 0.0, 0.5, 1.0, 1.5] {
                ctx.move_to(x + s * (k - 0.1), y + s * 1.1);
                ctx.line_to(x + s * (k + 1.1), y - s * 0.1);
            }
            ctx.set_line_width(line * 1.05);
            ctx.stroke();
            ctx.restore();
            inner(ctx);
            ctx.stroke();
        }
        PodState::Succeeded => {
            ctx.fill_rect(x, y, s, s);
        }
    }
    if marks.old && matches!(state, PodState::Ready | PodState::NotReady | PodState::Failing) {
        // Dots: older revisions look worn.
        ctx.set_fill_style_str(&p.card);
        ctx.set_global_alpha(0.62);
        let r = s * 0.052;
        for row in 0..5 {
            for col in 0..5 {
                let cx = x + s * (0.14 + 0.18 * f64::from(col));
                let cy = y + s * (0.14 + 0.18 * f64::from(row));
                ctx.begin_path();
                let _ = ctx.arc(cx, cy, r, 0.0, 2.0 * PI);
                ctx.fill();
            }
        }
        ctx.set_global_alpha(1.0);
    }
    ctx.set_stroke_style_str(&p.mark);
    ctx.set_fill_style_str(&p.mark);
    ctx.set_line_width((s * 0.095 * p.bold).max(1.2));
    match state {
        PodState::Ready if s >= 7.0 => {
            ctx.begin_path();
            ctx.move_to(x + s * 0.29, y + s * 0.53);
            ctx.line_to(x + s * 0.44, y + s * 0.68);
            ctx.line_to(x + s * 0.72, y + s * 0.34);
            ctx.stroke();
        }
        PodState::Failing if s >= 6.0 => {
            ctx.begin_path();
            ctx.move_to(x + s * 0.34, y + s * 0.34);
            ctx.line_to(x + s * 0.66, y + s * 0.66);
            ctx.move_to(x + s * 0.66, y + s * 0.34);
            ctx.line_to(x + s * 0.34, y + s * 0.66);
            ctx.stroke();
        }
        PodState::Succeeded => ctx.fill_rect(x + s * 0.34, y + s * 0.34, s * 0.32, s * 0.32),
        _ => {}
    }
    if marks.bare {
        ctx.set_stroke_style_str(&p.dim);
        ctx.set_line_width((s * 0.05).max(1.0));
        dashes(ctx, &[s * 0.06, s * 0.11]);
        ctx.begin_path();
        round_rect(ctx, x - s * 0.13, y - s * 0.13, s * 1.26, s * 1.26, radius * 1.35);
        ctx.stroke();
        dashes(ctx, &[]);
    }
    if marks.new {
        ctx.begin_path();
        let _ = ctx.arc(x + s * 0.97, y + s * 0.03, s * 0.2, 0.0, 2.0 * PI);
        ctx.set_fill_style_str(&p.card);
        ctx.fill();
        ctx.begin_path();
        let _ = ctx.arc(x + s * 0.97, y + s * 0.03, s * 0.145, 0.0, 2.0 * PI);
        ctx.set_fill_style_str(&p.accent);
        ctx.fill();
    }
    if marks.fault {
        let (cx, cy, r) = (x + s * 0.02, y + s * 0.03, s * 0.25);
        ctx.begin_path();
        let _ = ctx.arc(cx, cy, r, 0.0, 2.0 * PI);
        ctx.set_fill_style_str(&p.card);
        ctx.fill();
        ctx.set_stroke_style_str(p.state(PodState::Failing));
        ctx.set_line_width((s * 0.045).max(0.8));
        ctx.stroke();
        ctx.begin_path();
        let bolt = [(0.16, -0.78), (-0.5, 0.16), (-0.04, 0.16), (-0.16, 0.78), (0.5, -0.16), (0.04, -0.16)];
        for (i, (bx, by)) in bolt.into_iter().enumerate() {
            let (px, py) = (cx + bx * r, cy + by * r);
            if i == 0 { ctx.move_to(px, py) } else { ctx.line_to(px, py) }
        }
        ctx.close_path();
        ctx.set_fill_style_str(&p.failing_ink);
        ctx.fill();
    }
    ctx.restore();
}

/// Painted glyphs by state, marks and size in device pixels.
#[derive(Default)]
pub struct Sprites {
    pictures: BTreeMap<(u8, u8, u16), HtmlCanvasElement>,
}

impl Sprites {
    /// Forgets all: the theme has changed.
    pub fn clear(&mut self) {
        self.pictures.clear();
    }

    /// The picture of a glyph that is `px` device pixels wide, its margin not counted.
    pub fn get(&mut self, p: &Palette, state: PodState, marks: Marks, px: f64) -> Option<&HtmlCanvasElement> {
        // Few sizes: while a person zooms, pictures are scaled by a few percent instead of painted anew.
        let step = if px < 24.0 { 2.0 } else { 8.0 };
        let px = ((px / step).ceil() * step).clamp(4.0, 256.0);
        let which = STATES.iter().position(|s| *s == state).unwrap_or(0) as u8;
        let key = (which, marks.bits(), px as u16);
        if !self.pictures.contains_key(&key) {
            if self.pictures.len() > 400 {
                self.pictures.clear();
            }
            let canvas: HtmlCanvasElement = gloo::utils::document().create_element("canvas").ok()?.dyn_into().ok()?;
            let side = (px * (1.0 + 2.0 * MARGIN)).ceil();
            canvas.set_width(side as u32);
            canvas.set_height(side as u32);
            let ctx: Ctx = canvas.get_context("2d").ok()??.dyn_into().ok()?;
            let scale = side / (1.0 + 2.0 * MARGIN);
            paint(&ctx, p, state, marks, scale * MARGIN, scale * MARGIN, scale);
            self.pictures.insert(key, canvas);
        }
        self.pictures.get(&key)
    }
}
