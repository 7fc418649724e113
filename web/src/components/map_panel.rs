//! The panel around the map: canvas, search, legend, zoom buttons, and the way events reach [`MapView`].

use super::guide::Guide;
use super::present::PosterButton;
use super::table::Table;
use super::{Common, client, inspector};
use crate::app::focus_soon;
use crate::bridge::{Engine, Session, Topic, use_topic};
use crate::i18n::Lang;
use crate::icons::icon;
use crate::map::draw::{LEGEND, Words};
use crate::map::glyph::{self, Marks, Palette};
use crate::map::hit::Target;
use crate::map::widget::{Gesture, MapView, find};
use crate::platform::timers;
use crate::state::{Action, Centre, Dialog, Phone, Present, Theme, UiHandle};
use kubarium_core::view::model::PodState;
use wasm_bindgen::prelude::*;
use web_sys::{CanvasRenderingContext2d, Element, HtmlCanvasElement, HtmlInputElement};
use yew::prelude::*;

fn words(lang: Lang) -> Words {
    Words {
        lang,
        parts: [
            "kubectl".to_owned(),
            lang.t("map.api_server").to_owned(),
            "etcd".to_owned(),
            lang.t("map.controllers").to_owned(),
            lang.t("map.scheduler").to_owned(),
        ],
        idle: lang.t("map.idle").to_owned(),
        unscheduled: lang.t("map.unscheduled").to_owned(),
        none_waiting: lang.t("map.none_waiting").to_owned(),
        cordoned: lang.t("map.cordoned").to_owned(),
        off: lang.t("map.off").to_owned(),
        no_services: lang.t("map.no_services").to_owned(),
        ended: lang.t("client.ended").to_owned(),
        cut_off: lang.t("map.cut_off").to_owned(),
    }
}

/// What stands at a place of the map, for those who do not see it.
fn in_words(e: &Engine, lang: Lang, target: Target) -> String {
    let title = inspector::title(e, lang, target);
    let state = match target {
        Target::Pod(id) => e.scene.pods.get(&id).map(|p| {
            let node = p.view.node.and_then(|n| e.scene.nodes.get(&n)).map(|n| n.view.name.to_string());
            let node = node.unwrap_or_else(|| lang.t("map.unscheduled").to_owned());
            format!("{} {}/{}, {node}", p.view.status, p.view.ready.0, p.view.ready.1)
        }),
        Target::Node(id) => e.scene.nodes.get(&id).map(|n| {
            let pods = e.scene.pods.values().filter(|p| p.view.node == Some(id)).count();
            format!("{}, {}", n.view.status, lang.f("map.all_shown", &[("n", &pods.to_string())]))
        }),
        Target::Service(id) => e.scene.services.get(&id).map(|s| s.kind.to_string()),
        _ => None,
    };
    state.map_or_else(|| title.clone(), |state| format!("{title}, {state}"))
}

fn choose(ui: &UiHandle, session: &Session, gesture: Gesture) {
    if let Gesture::Select(target) = gesture {
        ui.dispatch(Action::Select(target));
        if target.is_some() && ui.search.is_some() {
            ui.dispatch(Action::Search(None));
        }
        let _ = session;
    }
}

/// Watches the size of an element for as long as it lives.
struct Watch {
    observer: web_sys::ResizeObserver,
    #[allow(dead_code)]
    call: Closure<dyn FnMut()>,
}

impl Watch {
    fn new(element: &Element, f: impl FnMut() + 'static) -> Option<Watch> {
        let call = Closure::<dyn FnMut()>::new(f);
        let observer = web_sys::ResizeObserver::new(call.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Watch { observer, call })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// The middle of the page: the map or its twin in words.
#[component]
pub fn MapPanel(props: &Common) -> Html {
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let canvas = use_node_ref();
    let holder = use_node_ref();
    let note = use_node_ref();
    let search_box = use_node_ref();
    // what the keyboard's cursor has come to, in words
    let met = use_state_eq(String::new);
    {
        let (canvas, holder, note, session) = (canvas.clone(), holder.clone(), note.clone(), session.clone());
        use_effect_with((), move |()| {
            let map = canvas.cast::<HtmlCanvasElement>().and_then(|c| MapView::new(c, note.cast()));
            session.set_map(map);
            let watch = holder.cast::<Element>().and_then(|element| {
                let (session, watched) = (session.clone(), element.clone());
                Watch::new(&element, move || {
                    let (w, h) = (f64::from(watched.client_width()), f64::from(watched.client_height()));
                    session.map(|m, _| m.resize(w, h));
                })
            });
            move || {
                drop(watch);
                session.set_map(None);
            }
        });
    }
    {
        let session = session.clone();
        let deps = (ui.lang, ui.selected, ui.label.clone(), ui.search.clone());
        use_effect_with(deps, move |(lang, selected, label, search)| {
            let notes = ["map.all_shown", "map.some_shown", "map.counted", "map.one_shown"];
            let notes = notes.map(|key| lang.t(key).to_owned());
            session.map(|m, _| m.configure(words(*lang), notes, *selected, label.clone(), search.clone()));
        });
    }
    {
        let session = session.clone();
        use_effect_with(ui.theme, move |_| {
            session.map(|m, _| m.retheme());
        });
    }
    {
        let search_box = search_box.clone();
        use_effect_with(ui.search.is_some(), move |open| {
            if *open && let Some(input) = search_box.cast::<HtmlInputElement>() {
                let _ = input.focus();
            }
        });
    }
    // The wheel needs a listener that may stop the page from scrolling; Yew's are passive.
    {
        let (canvas, session) = (canvas.clone(), session.clone());
        use_effect_with((), move |()| {
            let listener = canvas.cast::<Element>().map(|element| {
                let options = gloo::events::EventListenerOptions::enable_prevent_default();
                gloo::events::EventListener::new_with_options(&element, "wheel", options, move |event| {
                    let Some(e) = event.dyn_ref::<web_sys::WheelEvent>() else { return };
                    event.prevent_default();
                    let unit = match e.delta_mode() {
                        1 => 32.0,
                        2 => 400.0,
                        _ => 1.0,
                    };
                    session.map(|m, _| {
                        let (x, y) = (f64::from(e.offset_x()), f64::from(e.offset_y()));
                        m.wheel(x, y, e.delta_x() * unit, e.delta_y() * unit, e.ctrl_key(), e.shift_key());
                    });
                })
            });
            move || drop(listener)
        });
    }
    let down = {
        let session = session.clone();
        Callback::from(move |e: PointerEvent| {
            if e.button() == 0 {
                session.map(|m, _| m.down(e.pointer_id(), f64::from(e.offset_x()), f64::from(e.offset_y())));
            }
        })
    };
    let moved = {
        let session = session.clone();
        Callback::from(move |e: PointerEvent| {
            session.map(|m, engine| m.moved(engine, e.pointer_id(), f64::from(e.offset_x()), f64::from(e.offset_y())));
        })
    };
    let up = {
        let (session, ui) = (session.clone(), ui.clone());
        Callback::from(move |e: PointerEvent| {
            let (x, y, touch) = (f64::from(e.offset_x()), f64::from(e.offset_y()), e.pointer_type() == "touch");
            let gesture = session.map(|m, engine| m.up(engine, e.pointer_id(), x, y, touch));
            choose(&ui, &session, gesture.unwrap_or(Gesture::Nothing));
        })
    };
    let away = {
        let session = session.clone();
        Callback::from(move |e: PointerEvent| {
            session.map(|m, _| m.away(e.pointer_id()));
        })
    };
    let key = {
        let (session, ui, met) = (session.clone(), ui.clone(), met.clone());
        Callback::from(move |e: KeyboardEvent| {
            if e.ctrl_key() || e.meta_key() || e.alt_key() {
                return;
            }
            let gesture = session.map(|m, engine| m.key(engine, &e.key(), e.shift_key(), timers::now())).flatten();
            if let Some(gesture) = gesture {
                e.prevent_default();
                e.stop_propagation();
                let at = session.map(|m, _| m.hovered()).flatten();
                let text = at.map(|at| session.read(|e| in_words(e, ui.lang, at))).unwrap_or_default();
                let chosen = matches!(gesture, Gesture::Select(Some(_)));
                met.set(if chosen { ui.lang.f("map.selected", &[("what", &text)]) } else { text });
                choose(&ui, &session, gesture);
            }
        })
    };
    let focus = |on: bool| {
        let session = session.clone();
        Callback::from(move |_: FocusEvent| {
            session.map(|m, _| m.focus(on));
        })
    };
    let zoom = |factor: f64| {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            session.map(|m, engine| {
                if factor == 0.0 {
                    m.key(engine, "0", false, timers::now());
                } else {
                    m.zoom(factor, timers::now());
                }
            });
        })
    };
    let dispatch = |action: Action| {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(action.clone()))
    };
    let on_search = {
        let ui = ui.clone();
        Callback::from(move |e: InputEvent| {
            let input: HtmlInputElement = e.target_unchecked_into();
            ui.dispatch(Action::Search(Some(input.value().into())));
        })
    };
    let search_key = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |e: KeyboardEvent| match e.key().as_str() {
            "Escape" => {
                e.stop_propagation();
                ui.dispatch(Action::Search(None));
                // back to where the search began
                focus_soon("map");
            }
            "Enter" => {
                let found = ui.search.as_ref().map(|s| session.read(|e| find(&e.scene, s))).unwrap_or_default();
                let after = ui.selected.and_then(|s| found.iter().position(|f| *f == s)).map_or(0, |i| i + 1);
                if let Some(target) = found.get(after).or(found.first()) {
                    let target = *target;
                    ui.dispatch(Action::Select(Some(target)));
                    session.map(|m, engine| m.reveal(engine, target, timers::now()));
                }
            }
            _ => {}
        })
    };
    let table = ui.centre == Centre::Table;
    let add_client = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| {
            let draft = session.read(|e| client::draft(e, ui.selected));
            ui.dispatch(Action::Dialog(Some(Dialog::Client(None, draft.into()))));
        })
    };
    html! {
        <section class="panel centre" aria-label={t("panel.map")} data-panel="map">
            <div class={classes!("map-holder", table.then_some("hidden"))} ref={holder}>
                <canvas ref={canvas} id="map" class="map" tabindex="0" role="application" data-testid="map"
                    aria-label={t("map.label")} aria-describedby="map-help"
                    onpointerdown={down} onpointermove={moved} onpointerup={up} onpointercancel={away.clone()} onpointerleave={away}
                    onkeydown={key} onfocus={focus(true)} onblur={focus(false)}></canvas>
                <p id="map-help" class="sr-only">{ t("map.help") }</p>
                <p class="sr-only" role="status" data-testid="map-said">{ &*met }</p>
            </div>
            if table {
                <Table ui={ui.clone()} session={session.clone()} />
            }
            // Below the map, not over it: nothing that people look for lies under a card.
            <div class="map-foot">
            // On a phone the overview that says so is out of sight.
            if ui.scenario.is_some() && !ui.present.on && ui.embed.is_none() {
                <button type="button" class="link phone-only begin-here" onclick={dispatch(Action::Dialog(Some(Dialog::Lessons)))} data-testid="map-begin">{ t("overview.begin") }</button>
            }
            if !table {
                <Guide ui={ui.clone()} session={session.clone()} />
            }
            <div class="map-bar">
                <p class={classes!("showing", table.then_some("hidden"))} ref={note} data-testid="showing"></p>
                if ui.search.is_some() {
                    <div class="search" role="search">
                        { icon("search") }
                        <input ref={search_box} type="search" value={ui.search.as_deref().unwrap_or_default().to_owned()} oninput={on_search}
                            onkeydown={search_key} placeholder={t("map.search_hint")} aria-label={t("map.search")} data-testid="search" />
                        <SearchCount ui={ui.clone()} session={session.clone()} />
                        <button type="button" class="ghost" onclick={dispatch(Action::Search(None))} aria-label={t("common.close")}>{ icon("close") }</button>
                    </div>
                } else {
                    <button type="button" class="float" data-testid="open-search" onclick={dispatch(Action::Search(Some("".into())))}
                        title={t("map.search_key")} aria-label={t("map.search")}>{ icon("search") }</button>
                }
                <button type="button" class="float" data-testid="add-client" onclick={add_client}
                    title={t("client.add")} aria-label={t("client.add")}>{ icon("client") }</button>
                <button type="button" class="float" data-testid="table-toggle" aria-pressed={table.to_string()}
                    onclick={dispatch(Action::Centre(if table { Centre::Map } else { Centre::Table }))}
                    title={t("map.table")} aria-label={t("map.table")}>{ icon(if table { "map" } else { "table" }) }</button>
                if !table {
                    <PosterButton ui={ui.clone()} session={session.clone()} />
                    <button type="button" class="float" onclick={zoom(1.4)} title={t("map.zoom_in")} aria-label={t("map.zoom_in")} data-testid="zoom-in">{ icon("plus") }</button>
                    <button type="button" class="float" onclick={zoom(1.0 / 1.4)} title={t("map.zoom_out")} aria-label={t("map.zoom_out")} data-testid="zoom-out">{ icon("minus") }</button>
                    <button type="button" class="float" onclick={zoom(0.0)} title={t("map.fit")} aria-label={t("map.fit")} data-testid="zoom-fit">{ icon("fit") }</button>
                    <button type="button" class="float legend-toggle" aria-pressed={ui.legend.to_string()} onclick={dispatch(Action::Legend(!ui.legend))}
                        title={t("map.legend")} aria-label={t("map.legend")} data-testid="legend-toggle">{ icon("legend") }</button>
                }
                // On a phone the header has no room for this.
                <button type="button" class="float phone-only" aria-pressed={ui.present.on.to_string()} title={t("present.hint")} aria-label={t("present.button")}
                    onclick={dispatch(Action::Present(Present { on: !ui.present.on, ..Present::default() }))} data-testid="map-present">{ icon("present") }</button>
                if ui.selected.is_some() {
                    <button type="button" class="phone-only to-inspect" onclick={dispatch(Action::Phone(Phone::Inspect))} data-testid="to-inspect">
                        { t("map.inspect") }{ icon("right") }
                    </button>
                }
            </div>
            if ui.legend && !table {
                <Legend lang={ui.lang} theme={ui.theme} />
            }
            </div>
        </section>
    }
}

#[component]
fn SearchCount(props: &Common) -> Html {
    use_topic(&props.session, Topic::Objects);
    let Some(search) = props.ui.search.as_deref().filter(|s| !s.trim().is_empty()) else { return html! {} };
    let found = props.session.read(|e| find(&e.scene, search));
    let pods = found.iter().filter(|t| matches!(t, Target::Pod(_))).count();
    html! { <span class="count" role="status">{ props.ui.lang.f("map.found", &[("n", &found.len().to_string()), ("pods", &pods.to_string())]) }</span> }
}

#[derive(PartialEq, Properties)]
struct LegendProps {
    lang: Lang,
    theme: Theme,
}

/// How to read the map: painted by the same code as the map itself.
#[component]
fn Legend(props: &LegendProps) -> Html {
    let t = |key| props.lang.t(key);
    let text = |s: PodState| match s {
        PodState::Ready => t("state.ready"),
        PodState::NotReady => t("state.not_ready"),
        PodState::Pending => t("state.pending"),
        PodState::Failing => t("state.failing"),
        PodState::Terminating => t("state.terminating"),
        PodState::Succeeded => t("state.succeeded"),
    };
    let mut rows: Vec<(PodState, Marks, &str)> = LEGEND.iter().map(|s| (*s, Marks::default(), text(*s))).collect();
    rows.push((PodState::Ready, Marks { old: true, ..Marks::default() }, t("legend.old")));
    rows.push((PodState::Ready, Marks { new: true, ..Marks::default() }, t("legend.new")));
    rows.push((PodState::Ready, Marks { bare: true, ..Marks::default() }, t("legend.bare")));
    rows.push((PodState::Ready, Marks { fault: true, ..Marks::default() }, t("legend.fault")));
    html! {
        <aside class="legend" aria-label={t("map.legend")}>
            <ul>
                { for rows.into_iter().enumerate().map(|(i, (state, marks, text))| html! {
                    <li key={i}><LegendGlyph {state} {marks} theme={props.theme} /><span>{ text }</span></li>
                }) }
                <li><i class="owner-key o0" aria-hidden="true"></i><span>{ t("legend.owner") }</span></li>
                <li>{ icon("disk") }<span>{ t("legend.claim") }</span></li>
                <li><i class="request-key" aria-hidden="true"></i><span>{ t("legend.request") }</span></li>
                <li><i class="request-key lost" aria-hidden="true">{ "×" }</i><span>{ t("legend.lost") }</span></li>
            </ul>
        </aside>
    }
}

#[derive(PartialEq, Properties)]
pub struct GlyphProps {
    pub state: PodState,
    #[prop_or_default]
    pub marks: Marks,
    pub theme: Theme,
}

/// A pod's glyph among text.
#[component]
pub fn LegendGlyph(props: &GlyphProps) -> Html {
    let place = use_node_ref();
    {
        let place = place.clone();
        use_effect_with((props.state, props.marks, props.theme), move |(state, marks, _)| {
            let Some(canvas) = place.cast::<HtmlCanvasElement>() else { return };
            let Some(ctx) =
                canvas.get_context("2d").ok().flatten().and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok())
            else {
                return;
            };
            ctx.clear_rect(0.0, 0.0, 56.0, 56.0);
            glyph::paint(&ctx, &Palette::read(), *state, *marks, 10.0, 10.0, 36.0);
        });
    }
    html! { <canvas class="glyph" width="56" height="56" ref={place} aria-hidden="true"></canvas> }
}
