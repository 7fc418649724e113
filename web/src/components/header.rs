//! The bar at the top: scenario, time, and the page's own settings.

use super::Common;
use crate::bridge::{Topic, use_topic};
use crate::i18n::Lang;
use crate::icons::icon;
use crate::scenario;
use crate::state::{Action, Dialog, Present, Theme};
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// The speeds that the slider stops at.
pub const SPEEDS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// The bar at the top.
#[component]
pub fn Header(props: &Common) -> Html {
    use_topic(&props.session, Topic::Control);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let clock = use_node_ref();
    {
        let (clock, session) = (clock.clone(), session.clone());
        use_effect_with((), move |()| {
            session.set_clock_face(clock.cast());
            move || session.set_clock_face(None)
        });
    }
    let (playing, speed, step, can_undo, can_redo) =
        session.read(|e| (e.playing, e.speed, e.step.clone(), e.can_undo(), e.can_redo()));
    use_topic(&props.session, Topic::Lesson);
    let lesson = crate::lesson::start::title(ui, session);
    let title = ui
        .scenario
        .as_deref()
        .and_then(scenario::by_id)
        .map(|s| s.title.get(ui.lang).to_owned())
        .or_else(|| lesson.clone())
        .unwrap_or_else(|| t("header.session").to_owned());
    let dispatch = |action: Action| {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(action.clone()))
    };
    let toggle = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.set_playing(!session.read(|e| e.playing)))
    };
    let on_step = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.step())
    };
    let undo = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            session.undo();
        })
    };
    let redo = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            session.redo();
        })
    };
    let on_back = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.step_back())
    };
    let on_speed = {
        let session = session.clone();
        Callback::from(move |event: InputEvent| {
            let input: HtmlInputElement = event.target_unchecked_into();
            session.set_speed(SPEEDS[(input.value_as_number() as usize).min(SPEEDS.len() - 1)]);
        })
    };
    // Where there is no room for the slider, the number itself goes through the usual speeds.
    let faster = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            let now = session.read(|e| e.speed);
            session.set_speed([2.0, 5.0, 10.0, 60.0].into_iter().find(|s| *s > now).unwrap_or(1.0));
        })
    };
    let place = SPEEDS.iter().position(|s| *s >= speed - 1e-9).unwrap_or(3);
    let other = if ui.lang == Lang::En { Lang::Ko } else { Lang::En };
    let on_theme = {
        let ui = ui.clone();
        Callback::from(move |event: Event| {
            let select: HtmlSelectElement = event.target_unchecked_into();
            if let Some(theme) = Theme::from_code(&select.value()) {
                ui.dispatch(Action::Theme(theme));
            }
        })
    };
    let themes = [t("theme.dark"), t("theme.light"), t("theme.projector"), t("theme.projector_dark")];
    let presenting = ui.present.on;
    html! {
        <header class="top">
            <h1 class="logo" aria-label="Kubarium"><span aria-hidden="true">{ "kub" }<b>{ "arium" }</b></span></h1>
            <button type="button" class="pill scenario" data-testid="scenarios" aria-haspopup="dialog" aria-label={format!("{title} – {}", t("scenarios.title"))}
                onclick={dispatch(Action::Dialog(Some(Dialog::Scenarios)))}>
                { icon("book") }<span class="grow-text">{ title.clone() }</span>{ icon("down") }
            </button>
            <button type="button" class="pill square wide-only" data-testid="undo" disabled={!can_undo} onclick={undo}
                title={t("header.undo")} aria-label={t("header.undo")}>{ icon("undo") }</button>
            <button type="button" class="pill square wide-only" data-testid="redo" disabled={!can_redo} onclick={redo}
                title={t("header.redo")} aria-label={t("header.redo")}>{ icon("redo") }</button>
            <div class="timebox" role="group" aria-label={t("header.time")}>
                <button type="button" class="pill primary" data-testid="play" onclick={toggle} title={t("header.play_hint")}
                    aria-label={if playing { t("header.pause") } else { t("header.play") }}>
                    { icon(if playing { "pause" } else { "play" }) }
                    <span class="wide-only">{ if playing { t("header.pause") } else { t("header.play") } }</span>
                </button>
                <button type="button" class="pill square wide-only" data-testid="back" onclick={on_back} title={t("time.back_hint")} aria-label={t("time.back")}>
                    { icon("back") }
                </button>
                <button type="button" class="pill" data-testid="step" onclick={on_step} title={t("header.step_hint")} aria-label={t("header.step")}>
                    { icon("step") }<span class="wide-only">{ t("header.step") }</span>
                </button>
                <div class="pill speed" title={t("header.speed")}>
                    <button type="button" class="speed-value" onclick={faster} aria-label={format!("{} {speed}×", t("header.speed"))} data-testid="speed-value">{ format!("{speed}×") }</button>
                    <input type="range" min="0" max={(SPEEDS.len() - 1).to_string()} step="1" value={place.to_string()}
                        oninput={on_speed} aria-label={t("header.speed")} aria-valuetext={format!("{speed}×")} data-testid="speed" />
                </div>
                <time class="clock" ref={clock} data-testid="clock" aria-label={t("header.clock")}></time>
            </div>
            if let Some(step) = step {
                <p class="step-name" data-testid="step-name"><b>{ ui.lang.actor(&step.actor) }</b>{ " " }{ ui.lang.said(&step.message) }</p>
            }
            <span class="grow"></span>
            <button type="button" class={classes!("pill", lesson.is_some().then_some("on"))} data-testid="lessons" aria-haspopup="dialog" aria-label={t("header.lessons")}
                onclick={dispatch(Action::Dialog(Some(Dialog::Lessons)))}>{ icon("lesson") }<span class="wide-only">{ t("header.lessons") }</span></button>
            <button type="button" class="pill" data-testid="share" onclick={dispatch(Action::Dialog(Some(Dialog::Share)))} aria-label={t("header.share")}>
                { icon("share") }<span class="wide-only">{ t("header.share") }</span>
            </button>
            <button type="button" class="pill" data-testid="lang" lang={other.code()} onclick={dispatch(Action::Lang(other))}
                title={t("header.language")}>
                if other == Lang::Ko { <span class="wide-only">{ "한국어" }</span><span class="narrow-only">{ "한" }</span> } else { { "EN" } }
            </button>
            <div class="pill square choice" title={t("header.theme")}>
                { icon(match ui.theme { Theme::Dark => "moon", Theme::Light => "sun", Theme::Projector | Theme::ProjectorDark => "contrast" }) }
                <select data-testid="theme" aria-label={t("header.theme")} onchange={on_theme}>
                    { for Theme::ALL.into_iter().zip(themes).map(|(theme, text)| html! {
                        <option value={theme.code()} selected={theme == ui.theme}>{ text }</option>
                    }) }
                </select>
            </div>
            <button type="button" class="pill square wide-only" data-testid="present" aria-pressed={presenting.to_string()}
                title={t("present.hint")} aria-label={t("present.button")}
                onclick={dispatch(Action::Present(Present { on: !presenting, ..Present::default() }))}>{ icon("present") }</button>
            <button type="button" class="pill square wide-only" data-testid="keys" title={t("header.keys")} aria-label={t("header.keys")}
                onclick={dispatch(Action::Dialog(Some(Dialog::Keys)))}>{ "?" }</button>
        </header>
    }
}
