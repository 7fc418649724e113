//! The whole page: puts the parts together, begins the session, and listens for keys that belong to no part.

use crate::bridge::{Session, Topic, use_topic};
use crate::components::branches::Beside;
use crate::components::client::{self, TrafficPanel};
use crate::components::deeds::{act, offers};
use crate::components::dialogs::{Dialogs, begin};
use crate::components::editor::EditorPanel;
use crate::components::faults::faults;
use crate::components::header::{Header, SPEEDS};
use crate::components::http::Http;
use crate::components::inspector::Inspector;
use crate::components::lesson::LessonPanel;
use crate::components::lists::{Events, Requests};
use crate::components::map_panel::MapPanel;
use crate::components::narrator::Narrator;
use crate::components::notices::Notices;
use crate::components::present::{self, PresentStrip};
use crate::components::terminal::Terminal;
use crate::components::timeline::Timeline;
use crate::components::{Common, tab, tab_keys};
use crate::icons::icon;
use crate::keep::{self, Desk};
use crate::platform::{picked, storage, texts, url};
use crate::sharing;
use crate::state::{Action, Asked, Centre, Dialog, Dock, Phone, Ui, UiHandle};
use kubarium_core::kubectl::Effect;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};
use yew::prelude::*;

/// What a page shows first when nothing else is asked for.
pub const FIRST: &str = "self-healing";

/// Opens what the address, the last visit or nothing asks for.
async fn open(ui: UiHandle, session: Session) {
    let (ui, session) = (&ui, &session);
    let (kept, trouble) = keep::load().await;
    session.set_trouble(trouble);
    let fragment = url::fragment();
    // Another session is asked for: the one of the last visit waits in the list.
    let other = fragment.starts_with('v') || ["nodes", "scenario"].iter().any(|q| url::query(q).is_some());
    if let Some(left) = kept.as_ref().filter(|k| other && k.is_touched()) {
        session.set_trouble(keep::archive(left.clone()).await.err());
    }
    if fragment.starts_with('v') {
        return sharing::take_link(ui, session, &fragment).await;
    }
    // A bare cluster of so many nodes: for large experiments.
    if let Some(nodes) = url::query("nodes").and_then(|n| n.parse::<usize>().ok()) {
        return sharing::begin_empty(ui, session, nodes.clamp(1, 5_000));
    }
    if crate::lesson::start::from_address(ui, session).await {
        return;
    }
    if let Some(id) = url::query("scenario") {
        return begin(ui, session, &id);
    }
    match kept {
        Some(kept) if kept.record.is_some() => sharing::take_kept(ui, session, kept).await,
        _ => begin(ui, session, FIRST),
    }
}

fn typing(event: &KeyboardEvent) -> bool {
    event.composed_path().get(0).dyn_into::<HtmlElement>().is_ok_and(|e| {
        matches!(e.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            && e.get_attribute("type").as_deref() != Some("range")
            || e.is_content_editable()
    })
}

fn keys(ui: &UiHandle, session: &Session, e: &KeyboardEvent) {
    if e.default_prevented() || e.is_composing() {
        return;
    }
    let command = e.ctrl_key() || e.meta_key();
    if e.key() == "F6" && !command && !e.alt_key() && ui.dialog.is_none() {
        e.prevent_default();
        next_panel(e.shift_key());
        return;
    }
    if typing(e) {
        return;
    }
    if command && e.key().eq_ignore_ascii_case("z") {
        e.prevent_default();
        if e.shift_key() {
            session.redo();
        } else {
            session.undo();
        }
        return;
    }
    if command || e.alt_key() {
        return;
    }
    let on_button = e
        .target()
        .and_then(|t| t.dyn_into::<HtmlElement>().ok())
        .is_some_and(|t| matches!(t.tag_name().as_str(), "BUTTON" | "A" | "INPUT" | "SUMMARY"));
    let speeds = |up: bool| {
        let now = session.read(|e| e.speed);
        let next = if up {
            SPEEDS.into_iter().find(|s| *s > now * 1.001)
        } else {
            SPEEDS.into_iter().rev().find(|s| *s < now * 0.999)
        };
        session.set_speed(next.unwrap_or(now));
    };
    if ui.present.on && present::key(ui, session, &e.key()) {
        e.prevent_default();
        return;
    }
    match e.key().as_str() {
        " " if !on_button => session.set_playing(!session.read(|e| e.playing)),
        "." => session.step(),
        "," => session.step_back(),
        "[" => speeds(false),
        "]" => speeds(true),
        "/" => ui.dispatch(Action::Search(Some("".into()))),
        "?" => ui.dispatch(Action::Dialog(Some(Dialog::Keys))),
        "a" => {
            let draft = session.read(|e| client::draft(e, ui.selected));
            ui.dispatch(Action::Dialog(Some(Dialog::Client(None, draft.into()))));
        }
        "n" | "p" if session.read(|s| s.lesson.is_some()) => crate::lesson::start::turn(session, e.key() == "n"),
        "t" => {
            let map = ui.centre == Centre::Map;
            ui.dispatch(Action::Centre(if map { Centre::Table } else { Centre::Map }));
            // what had the focus may be the one that goes
            focus_soon(if map { "table" } else { "map" });
        }
        "`" => {
            ui.dispatch(Action::Dock(Dock::Terminal));
            ui.dispatch(Action::Phone(Phone::Dock));
            focus_soon("term-input");
        }
        "Escape" => {
            if ui.search.is_some() {
                ui.dispatch(Action::Search(None));
            } else {
                ui.dispatch(Action::Select(None));
                ui.dispatch(Action::Label(None));
            }
        }
        key => {
            // The selection's own keys; without one, what the keyboard's cursor is on.
            let target = ui.selected.or_else(|| session.map(|m, _| m.hovered()).flatten());
            let Some(target) = target else { return };
            let offer = session.read(|s| {
                let all = offers(s, ui.lang, target).into_iter().chain(faults(s, ui.lang, target, ""));
                all.into_iter().find(|o| o.key == Some(key))
            });
            let Some(offer) = offer else { return };
            ui.dispatch(Action::Select(Some(target)));
            act(ui, session, &offer.deed);
        }
    }
    e.prevent_default();
}

/// Moves the focus to the next panel that is shown, or to the one before, at the place where one works in it.
fn next_panel(back: bool) {
    let document = gloo::utils::document();
    let Ok(list) = document.query_selector_all(".app > :is(.top, .panel, .present-strip)") else { return };
    let shown: Vec<HtmlElement> = (0..list.length())
        .filter_map(|i| list.get(i)?.dyn_into::<HtmlElement>().ok())
        .filter(|e| e.offset_width() > 0 && e.offset_height() > 0)
        .collect();
    let here = document.active_element();
    let at = shown.iter().position(|p| p.contains(here.as_deref()));
    let n = shown.len();
    for i in 1..=n {
        let next = match (at, back) {
            (Some(at), false) => at + i,
            (Some(at), true) => at + n - i,
            (None, false) => i - 1,
            (None, true) => n - i,
        };
        let Some(panel) = shown.get(next % n) else { return };
        let places =
            [".lesson-body", ".cm-content", "canvas.map", "#term-input", "[role=slider]", "button:not([disabled])"];
        let place = places.into_iter().find_map(|css| panel.query_selector(css).ok().flatten());
        if let Some(place) = place.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
            let _ = place.focus();
            if document.active_element() == Some(place.into()) {
                return;
            }
        }
    }
}

/// Whether one panel at a time is shown.
pub fn is_narrow() -> bool {
    gloo::utils::window().inner_width().ok().and_then(|w| w.as_f64()).is_some_and(|w| w < 900.0)
}

/// Gives an element the focus once it is there.
pub fn focus_soon(id: &'static str) {
    gloo::timers::callback::Timeout::new(30, move || {
        if let Some(el) = gloo::utils::document().get_element_by_id(id).and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
            let _ = el.focus();
        }
    })
    .forget();
}

/// Sizes of the panels, which a person can drag: left, right, lower (in pixels).
const SIZES: [(&str, f64, f64, f64); 3] =
    [("--left", 348.0, 220.0, 720.0), ("--right", 312.0, 220.0, 640.0), ("--lower", 252.0, 120.0, 560.0)];

fn set_size(i: usize, px: f64) {
    let (name, _, least, most) = SIZES[i];
    if let Some(root) = gloo::utils::document().document_element().and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
        let _ = root.style().set_property(name, &format!("{}px", px.clamp(least, most).round()));
    }
}

fn sizes() -> [f64; 3] {
    let kept: Option<[f64; 3]> = storage::read("sizes").and_then(|t| serde_json::from_str(&t).ok());
    kept.unwrap_or(SIZES.map(|s| s.1))
}

#[derive(PartialEq, Properties)]
struct SplitProps {
    which: usize,
    label: &'static str,
}

/// A bar between two panels that can be dragged, or moved with the arrow keys.
#[component]
fn Splitter(props: &SplitProps) -> Html {
    let which = props.which;
    let drag = use_mut_ref(|| None::<(f64, f64)>);
    let value = use_state(|| sizes()[which]);
    let set = {
        let value = value.clone();
        move |px: f64| {
            let px = px.clamp(SIZES[which].2, SIZES[which].3);
            set_size(which, px);
            let mut all = sizes();
            all[which] = px;
            if let Ok(text) = serde_json::to_string(&all) {
                storage::write("sizes", &text);
            }
            value.set(px);
        }
    };
    let along = move |e: &PointerEvent| f64::from(if which == 2 { e.client_y() } else { e.client_x() });
    let sign = if which == 0 { 1.0 } else { -1.0 };
    let down = {
        let drag = drag.clone();
        Callback::from(move |e: PointerEvent| {
            if let Some(el) = e.target().and_then(|t| t.dyn_into::<HtmlElement>().ok()) {
                let _ = el.set_pointer_capture(e.pointer_id());
            }
            *drag.borrow_mut() = Some((along(&e), sizes()[which]));
        })
    };
    let moved = {
        let (drag, set) = (drag.clone(), set.clone());
        Callback::from(move |e: PointerEvent| {
            if let Some((from, size)) = *drag.borrow() {
                set(size + sign * (along(&e) - from));
            }
        })
    };
    let up = Callback::from(move |_: PointerEvent| *drag.borrow_mut() = None);
    let key = Callback::from(move |e: KeyboardEvent| {
        let by = match e.key().as_str() {
            "ArrowLeft" if which < 2 => -16.0,
            "ArrowRight" if which < 2 => 16.0,
            "ArrowUp" if which == 2 => -16.0,
            "ArrowDown" if which == 2 => 16.0,
            _ => return,
        };
        e.prevent_default();
        set(sizes()[which] + sign * by);
    });
    html! {
        <div class={classes!("splitter", ["split-left", "split-right", "split-lower"][which])} role="separator" tabindex="0" aria-label={props.label}
            aria-orientation={if which == 2 { "horizontal" } else { "vertical" }} aria-valuenow={(*value as i64).to_string()}
            aria-valuemin={(SIZES[which].2 as i64).to_string()} aria-valuemax={(SIZES[which].3 as i64).to_string()}
            onpointerdown={down} onpointermove={moved} onpointerup={up.clone()} onpointercancel={up} onkeydown={key}></div>
    }
}

/// The lower right panel.
#[component]
fn DockPanel(props: &Common) -> Html {
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let pick = |d: Dock| {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dock(d)))
    };
    html! {
        <section class="panel dock" id="dock" tabindex="-1" aria-label={t("panel.dock")} data-panel="dock">
            <div class="tabs" role="tablist" aria-label={t("panel.dock")} onkeydown={Callback::from(tab_keys)}>
                { tab("dock-terminal", t("dock.terminal"), ui.dock == Dock::Terminal, pick(Dock::Terminal)) }
                { tab("dock-events", t("dock.events"), ui.dock == Dock::Events, pick(Dock::Events)) }
                { tab("dock-requests", t("dock.requests"), ui.dock == Dock::Requests, pick(Dock::Requests)) }
                { tab("dock-traffic", t("traffic.tab"), ui.dock == Dock::Traffic, pick(Dock::Traffic)) }
                if ui.http.is_some() {
                    { tab("dock-http", t("http.tab"), ui.dock == Dock::Http, pick(Dock::Http)) }
                }
            </div>
            { match ui.dock {
                Dock::Terminal => html! { <Terminal ui={ui.clone()} session={session.clone()} /> },
                Dock::Events => html! { <Events ui={ui.clone()} session={session.clone()} /> },
                Dock::Requests => html! { <Requests ui={ui.clone()} session={session.clone()} /> },
                Dock::Traffic => html! { <TrafficPanel ui={ui.clone()} session={session.clone()} /> },
                Dock::Http => html! { <Http ui={ui.clone()} session={session.clone()} /> },
            } }
        </section>
    }
}

/// The panels of an embedded page, as the style sheet knows them.
fn embedded(names: &str) -> String {
    let known = ["map", "editor", "inspect", "dock", "time"];
    let named = |n: &str| match n {
        "terminal" => "dock",
        "timeline" => "time",
        "inspector" => "inspect",
        _ => known.iter().find(|k| **k == n).copied().unwrap_or(""),
    };
    let mut list: Vec<&str> = names.split([',', '+', ' ']).map(named).filter(|n| !n.is_empty()).collect();
    if list.is_empty() {
        list.push("map");
    }
    list.join(" ")
}

/// In an embedded page: play, and the way to the whole page with the same session.
#[component]
fn OpenHere(props: &Common) -> Html {
    use_topic(&props.session, Topic::Control);
    let Common { ui, session } = props;
    let playing = session.read(|e| e.playing);
    let play = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.set_playing(!session.read(|e| e.playing)))
    };
    let open = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |e: MouseEvent| {
            // The link is made when it is followed: the session goes on until then.
            if let Some(a) = e.current_target().and_then(|t| t.dyn_into::<HtmlElement>().ok()) {
                let link = kubarium_core::view::link::encode(&sharing::shared(&ui, &session));
                let _ = a.set_attribute("href", &format!("{}#{link}", url::base()));
            }
        })
    };
    let t = |key| ui.lang.t(key);
    html! {
        <div class="open-here">
            <button type="button" class="pill" onclick={play} aria-label={if playing { t("header.pause") } else { t("header.play") }} data-testid="embed-play">{ icon(if playing { "pause" } else { "play" }) }</button>
            <a class="pill" href={url::base()} target="_blank" rel="noopener" onclick={open} data-testid="embed-open">{ t("embed.open") }</a>
        </div>
    }
}

/// The page.
#[component]
pub fn App() -> Html {
    let ui = use_reducer(Ui::begin);
    let session = use_memo((), |()| Session::start());
    let session: Session = (*session).clone();
    // The newest state for callbacks that live as long as the page.
    let latest = use_mut_ref(|| None::<UiHandle>);
    *latest.borrow_mut() = Some(ui.clone());
    {
        let (ui, session) = (ui.clone(), session.clone());
        use_effect_with((), move |()| {
            for (i, px) in sizes().into_iter().enumerate() {
                set_size(i, px);
            }
            wasm_bindgen_futures::spawn_local(async move {
                open(ui.clone(), session.clone()).await;
                // a scenario or lesson that does not exist, say
                if !session.has_begun() {
                    begin(&ui, &session, FIRST);
                }
                crate::hooks::publish(session);
                texts::load().await;
            });
        });
    }
    {
        let (latest, session) = (latest.clone(), session.clone());
        use_effect_with((), move |()| {
            let listener = gloo::events::EventListener::new_with_options(
                &gloo::utils::document(),
                "keydown",
                gloo::events::EventListenerOptions::enable_prevent_default(),
                move |event| {
                    if let (Some(e), Some(ui)) = (event.dyn_ref::<KeyboardEvent>(), latest.borrow().clone()) {
                        keys(&ui, &session, e);
                    }
                },
            );
            move || drop(listener)
        });
    }
    // A link that is put into the address bar of an open page: the browser does not load the page anew for it.
    {
        let (latest, session) = (latest.clone(), session.clone());
        use_effect_with((), move |()| {
            let listener = gloo::events::EventListener::new(&gloo::utils::window(), "hashchange", move |_| {
                let fragment = url::fragment();
                if let Some(ui) = latest.borrow().clone().filter(|_| fragment.starts_with('v')) {
                    let session = session.clone();
                    wasm_bindgen_futures::spawn_local(async move {
                        ui.dispatch(Action::Dialog(None));
                        sharing::take_link(&ui, &session, &fragment).await;
                    });
                }
            });
            move || drop(listener)
        });
    }
    // What commands ask of the page: editors to open.
    {
        let (latest, session) = (latest.clone(), session.clone());
        use_effect_with((), move |()| {
            let timer = gloo::timers::callback::Interval::new(120, move || {
                let Some(ui) = latest.borrow().clone() else { return };
                while let Some(effect) = session.take_effect() {
                    match &*effect {
                        Effect::OpenEditor { file, text, then } => {
                            ui.dispatch(Action::Put(file.clone(), text.as_str().into()));
                            ui.dispatch(Action::After(Some((file.as_str().into(), then.as_str().into()))));
                            ui.dispatch(Action::Phone(Phone::Editor));
                            ui.dispatch(Action::Toast(ui.lang.f("editor.then", &[("line", then)])));
                        }
                        Effect::OpenRequests { namespace, target, port } => {
                            let to = Asked { namespace: namespace.clone(), target: target.clone(), port: *port };
                            ui.dispatch(Action::Http(Some(to)));
                            // the terminal that had the focus makes way for the panel
                            focus_soon("http-send");
                        }
                        Effect::ClearScreen => {}
                    }
                }
            });
            move || drop(timer)
        });
    }
    use_effect_with(ui.lang, |lang| {
        if let Some(root) = gloo::utils::document().document_element() {
            let _ = root.set_attribute("lang", lang.code());
        }
    });
    {
        let desk = (ui.scenario.clone(), ui.files.clone(), ui.active);
        let session = session.clone();
        use_effect_with(desk, move |(scenario, files, active)| {
            let desk = Desk {
                scenario: scenario.as_deref().map(str::to_owned),
                files: files.iter().map(|f| (f.name.clone(), f.text.to_string())).collect(),
                active: *active,
            };
            if !files.is_empty() {
                session.set_desk(desk);
            }
        });
    }
    {
        let ui = ui.clone();
        use_effect_with(ui.toast.clone(), move |toast| {
            let timer = toast.as_ref().map(|(n, _)| {
                let n = *n;
                gloo::timers::callback::Timeout::new(4_500, move || ui.dispatch(Action::ToastOver(n)))
            });
            move || drop(timer)
        });
    }
    let narrow = use_state_eq(is_narrow);
    {
        let narrow = narrow.clone();
        use_effect_with((), move |()| {
            let listener =
                gloo::events::EventListener::new(&gloo::utils::window(), "resize", move |_| narrow.set(is_narrow()));
            move || drop(listener)
        });
    }
    // Files that are dropped onto the page: sessions, lessons, manifests.
    let over = use_state(|| false);
    {
        let (latest, session, over) = (latest.clone(), session.clone(), over.clone());
        use_effect_with((), move |()| {
            let listen = |name: &'static str, f: Box<dyn Fn(&web_sys::DragEvent)>| {
                gloo::events::EventListener::new_with_options(
                    &gloo::utils::document(),
                    name,
                    gloo::events::EventListenerOptions::enable_prevent_default(),
                    move |event| {
                        if let Some(e) = event.dyn_ref::<web_sys::DragEvent>().filter(|e| picked::drags_files(e)) {
                            e.prevent_default();
                            f(e);
                        }
                    },
                )
            };
            let (enter, leave) = (over.clone(), over.clone());
            let listeners = [
                listen("dragover", Box::new(move |_| enter.set(true))),
                listen(
                    "dragleave",
                    Box::new(move |e| {
                        if e.related_target().is_none() {
                            leave.set(false);
                        }
                    }),
                ),
                listen(
                    "drop",
                    Box::new(move |e| {
                        over.set(false);
                        let Some(ui) = latest.borrow().clone() else { return };
                        let session = session.clone();
                        picked::from_drop(e, move |text| sharing::take_file(&ui, &session, text));
                    }),
                ),
            ];
            move || drop(listeners)
        });
    }
    // Leaving the page: what was done in the last two seconds is kept too.
    {
        let session = session.clone();
        use_effect_with((), move |()| {
            let listener =
                gloo::events::EventListener::new(&gloo::utils::window(), "pagehide", move |_| session.save_now());
            move || drop(listener)
        });
    }
    use_topic(&session, Topic::Lesson);
    let (lesson, passed) = session.read(|e| (e.lesson.is_some(), e.lesson.as_ref().is_some_and(|r| r.now().passed)));
    let t = |key| ui.lang.t(key);
    let common = || (ui.clone(), session.clone());
    // A panel that nobody sees is not there, so it costs nothing. Map and editor stay: they keep a state of their own.
    let seen = |phone: Phone, fold: usize| match &ui.embed {
        Some(names) => {
            let name = match phone {
                Phone::Inspect => "inspect",
                Phone::Time => "time",
                _ => "dock",
            };
            embedded(names).split(' ').any(|n| n == name)
        }
        None if *narrow => ui.phone == phone,
        None => !ui.folded[fold],
    };
    let (see_inspector, see_time, see_dock) = (seen(Phone::Inspect, 1), seen(Phone::Time, 2), seen(Phone::Dock, 2));
    // In front of a room what can be done stands in the strip.
    let see_inspector = see_inspector && (!ui.present.on || *narrow);
    // A lesson in front of a room is worked on there: its commands need the terminal.
    let see_dock = see_dock || ui.present.on && lesson && !*narrow && ui.embed.is_none();
    let phone = match ui.phone {
        Phone::Map => "map",
        Phone::Editor => "editor",
        Phone::Inspect => "inspect",
        Phone::Dock => "dock",
        Phone::Time => "time",
        Phone::Lesson if lesson => "lesson",
        Phone::Lesson => "map",
    };
    let fold = |i: usize, name: &'static str, text: &'static str| {
        let ui = ui.clone();
        let folded = ui.folded[i];
        let onclick = Callback::from(move |_: MouseEvent| ui.dispatch(Action::Fold(i)));
        html! {
            <button type="button" class={classes!("fold", name)} aria-expanded={(!folded).to_string()} aria-label={text} title={text} {onclick} data-testid={name}>
                { icon(match (i, folded) { (0, false) | (1, true) => "left", (2, _) => "down", _ => "right" }) }
            </button>
        }
    };
    let phone_tab = |to: Phone, glyph: &'static str, text: &'static str, id: &'static str| {
        let on = ui.phone == to;
        let ui = ui.clone();
        html! {
            <button type="button" class="phone-tab" aria-current={on.then_some("page")} data-testid={id}
                onclick={Callback::from(move |_: MouseEvent| ui.dispatch(Action::Phone(to)))}>{ icon(glyph) }<span>{ text }</span></button>
        }
    };
    let folded = ui.folded;
    let skip = {
        let ui = ui.clone();
        Callback::from(move |e: MouseEvent| {
            e.prevent_default();
            ui.dispatch(Action::Dock(Dock::Terminal));
            ui.dispatch(Action::Phone(Phone::Dock));
            focus_soon("term-input");
        })
    };
    let (u, s) = common();
    html! {
        <div class={classes!("app", folded[0].then_some("no-left"), folded[1].then_some("no-right"), folded[2].then_some("no-lower"), lesson.then_some("has-lesson"), (lesson && !ui.lesson_editor).then_some("no-editor"), ui.beside.map(|_| "two"), ui.present.on.then_some("presenting"), ui.embed.is_some().then_some("embed"))} data-phone={phone} data-embed={ui.embed.as_deref().map(embedded)}>
            <a class="skip" href="#dock" onclick={skip}>{ t("common.skip") }</a>
            <Header ui={u.clone()} session={s.clone()} />
            if lesson { <LessonPanel ui={u.clone()} session={s.clone()} /> }
            <EditorPanel ui={u.clone()} session={s.clone()} />
            <MapPanel ui={u.clone()} session={s.clone()} />
            if ui.beside.is_some() { <Beside ui={u.clone()} session={s.clone()} /> }
            if see_inspector { <Inspector ui={u.clone()} session={s.clone()} /> }
            if see_time { <Timeline ui={u.clone()} session={s.clone()} /> }
            if see_dock { <DockPanel ui={u.clone()} session={s.clone()} /> }
            <Splitter which={0} label={t("split.left")} />
            <Splitter which={1} label={t("split.right")} />
            <Splitter which={2} label={t("split.lower")} />
            { fold(0, "fold-left", t("fold.left")) }
            { fold(1, "fold-right", t("fold.right")) }
            { fold(2, "fold-lower", t("fold.lower")) }
            <nav class="phone-tabs" aria-label={t("panel.all")}>
                if lesson { { phone_tab(Phone::Lesson, if passed { "done" } else { "lesson" }, t("phone.lesson"), "phone-lesson") } }
                { phone_tab(Phone::Map, "map", t("phone.map"), "phone-map") }
                { phone_tab(Phone::Editor, "editor", t("phone.editor"), "phone-editor") }
                { phone_tab(Phone::Inspect, "inspect", t("phone.inspect"), "phone-inspect") }
                { phone_tab(Phone::Dock, "terminal", t("phone.dock"), "phone-dock") }
                { phone_tab(Phone::Time, "time", t("phone.time"), "phone-time") }
            </nav>
            <PresentStrip ui={u.clone()} session={s.clone()} />
            <Dialogs ui={u.clone()} session={s.clone()} />
            <Notices ui={u.clone()} session={s.clone()} />
            <Narrator ui={u} session={s} />
            if ui.embed.is_some() { <OpenHere ui={ui.clone()} session={session.clone()} /> }
            if *over { <div class="drop-here" aria-hidden="true"><p>{ t("sessions.drop") }</p></div> }
            if let Some((_, text)) = &ui.toast {
                <div class="toast" role="status" data-testid="toast">{ &**text }</div>
            }
        </div>
    }
}
