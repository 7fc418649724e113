//! The page in front of a room: the presenter's notes below a large map, the keys of a clicker, a blank screen, and a
//! picture of the map to keep.

use super::Common;
use super::inspector::{self, Actions};
use super::lesson::{kind_name, rich};
use crate::bridge::{Session, Topic, clock_text, use_topic};
use crate::icons::icon;
use crate::lesson::{say, start};
use crate::scenario;
use crate::state::{Action, Present, UiHandle};
use wasm_bindgen::JsCast;
use web_sys::HtmlAnchorElement;
use yew::prelude::*;

fn set(ui: &UiHandle, present: Present) {
    ui.dispatch(Action::Present(present));
}

/// How many steps the notes have.
fn steps(ui: &UiHandle) -> usize {
    ui.scenario.as_deref().and_then(scenario::by_id).map_or(0, |s| s.steps.get(ui.lang).len())
}

/// The same notes at another step.
fn at(ui: &UiHandle, step: usize) -> Present {
    Present { step: step.min(steps(ui).saturating_sub(1)), ..ui.present }
}

/// A key while the page is shown to a room: those that clickers send, and the presenter's own. False: it is none of
/// them.
pub fn key(ui: &UiHandle, session: &Session, key: &str) -> bool {
    let p = ui.present;
    match key {
        "PageDown" => session.step(),
        "PageUp" => session.step_back(),
        "." | "b" | "B" => set(ui, Present { blank: !p.blank, ..p }),
        "n" | "N" => set(ui, Present { bare: !p.bare, ..p }),
        // a lesson's own steps take the place of the notes of a scenario
        "ArrowRight" | "ArrowLeft" if session.read(|e| e.lesson.is_some()) => start::turn(session, key == "ArrowRight"),
        "ArrowRight" => set(ui, at(ui, p.step + 1)),
        "ArrowLeft" => set(ui, at(ui, p.step.saturating_sub(1))),
        "Escape" if p.blank => set(ui, Present { blank: false, ..p }),
        "Escape" if ui.search.is_none() && ui.selected.is_none() => set(ui, Present::default()),
        _ => return false,
    }
    true
}

/// What a session is called: its lesson, its scenario.
fn title(ui: &UiHandle, session: &Session) -> String {
    if let Some(title) = start::title(ui, session) {
        return title;
    }
    let known = ui.scenario.as_deref().and_then(scenario::by_id);
    known.map_or_else(|| ui.lang.t("header.session").to_owned(), |s| s.title.get(ui.lang).to_owned())
}

/// Has the browser save a picture of the map as it is.
fn save_poster(ui: &UiHandle, session: &Session) {
    let (title, moment) = (title(ui, session), session.read(|e| clock_text(e.now())));
    let picture = session.map(|m, e| m.poster(e, &title, &moment)).flatten();
    let address = picture.and_then(|c| c.to_data_url_with_type("image/png").ok());
    let link = gloo::utils::document().create_element("a").ok().and_then(|a| a.dyn_into::<HtmlAnchorElement>().ok());
    if let (Some(address), Some(link)) = (address, link) {
        link.set_href(&address);
        link.set_download(&format!("kubarium-{}.png", moment.replace([':', '.'], "-")));
        link.click();
        ui.dispatch(Action::Toast(ui.lang.t("present.saved").to_owned()));
    }
}

/// The button that saves a picture of the map.
#[component]
pub fn PosterButton(props: &Common) -> Html {
    let Common { ui, session } = props;
    let text = ui.lang.t("present.poster");
    let onclick = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| save_poster(&ui, &session))
    };
    html! { <button type="button" class="float" {onclick} title={text} aria-label={text} data-testid="poster">{ icon("picture") }</button> }
}

/// What can be done with the thing that was pointed at, by touch too: the room sees no inspector.
fn deeds(ui: &UiHandle, session: &Session) -> Html {
    let Some(target) = ui.selected else { return html! {} };
    let name = session.read(|e| inspector::title(e, ui.lang, target));
    let close = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Select(None)))
    };
    html! {
        <div class="present-deeds" data-testid="present-deeds">
            <b>{ name }</b>
            <Actions ui={ui.clone()} session={session.clone()} />
            <button type="button" class="ghost" onclick={close} aria-label={ui.lang.t("common.close")}>{ icon("close") }</button>
        </div>
    }
}

/// What is there only while the page is shown to a room.
#[component]
pub fn PresentStrip(props: &Common) -> Html {
    use_topic(&props.session, Topic::Lesson);
    let Common { ui, session } = props;
    let p = ui.present;
    if !p.on {
        return html! {};
    }
    let t = |key| ui.lang.t(key);
    let to = |p: Present| {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| set(&ui, p))
    };
    let forth = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.step())
    };
    let back = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.step_back())
    };
    let run = session.read(|e| e.lesson.clone());
    let known = ui.scenario.as_deref().and_then(scenario::by_id).filter(|_| run.is_none());
    let (i, count) = match &run {
        Some(run) => (run.step, run.lesson.steps.len()),
        None => (p.step.min(steps(ui).saturating_sub(1)), steps(ui)),
    };
    let turn = |forward: bool| match &run {
        Some(_) => {
            let session = session.clone();
            Callback::from(move |_: MouseEvent| start::turn(&session, forward))
        }
        None => to(at(ui, if forward { i + 1 } else { i.saturating_sub(1) })),
    };
    // What is said about the step: a scenario's notes, or the lesson's own words for the one who presents it.
    let said = match (&run, known) {
        (Some(run), _) => {
            let step = run.here();
            let title = step.title.as_ref().map_or("", |x| say(ui.lang, x));
            let notes = step.notes.as_ref().or(run.lesson.notes.as_ref().filter(|_| i == 0));
            html! { <><b>{ format!("{} · {title}", kind_name(ui.lang, step.kind)) }</b>if let Some(notes) = notes { <span class="present-say" data-testid="present-say">{ rich::line(say(ui.lang, notes)) }</span> }</> }
        }
        (None, Some(s)) => html! { { s.steps.get(ui.lang).get(i).map_or("", String::as_str) } },
        (None, None) => html! {},
    };
    let noted = count > 0;
    let of = ui.lang.f("guide.of", &[("n", &(i + 1).to_string()), ("all", &count.to_string())]);
    html! {
        <>
            <section class="present-strip" aria-label={t("present.notes")} data-testid="present-strip">
                { deeds(ui, session) }
                if noted && !p.bare {
                    <div class="present-notes" data-testid="present-notes">
                        <button type="button" class="ghost" disabled={i == 0} onclick={turn(false)} aria-label={t("guide.back")} data-testid="present-previous">{ icon("left") }</button>
                        <span class="present-of" aria-label={of}>{ format!("{}/{count}", i + 1) }</span>
                        <button type="button" class="ghost" disabled={i + 1 >= count} onclick={turn(true)} aria-label={t("guide.next")} data-testid="present-next">{ icon("right") }</button>
                        <p aria-live="polite">{ said }</p>
                    </div>
                }
                <div class="present-keys">
                    <button type="button" class="btn" onclick={back} title={t("present.back")} data-testid="present-back">{ icon("undo") }<kbd>{ "PgUp" }</kbd></button>
                    <button type="button" class="btn" onclick={forth} title={t("present.forth")} data-testid="present-forth">{ icon("step") }<kbd>{ "PgDn" }</kbd></button>
                    <button type="button" class="btn" onclick={to(Present { blank: true, ..p })} title={t("present.blank")}>{ icon("blank") }<kbd>{ "." }</kbd></button>
                    if noted {
                        <button type="button" class="btn" aria-pressed={(!p.bare).to_string()} onclick={to(Present { bare: !p.bare, ..p })} title={t("present.notes")}>{ icon("book") }<kbd>{ "N" }</kbd></button>
                    }
                    <button type="button" class="btn" onclick={to(Present::default())} data-testid="present-end">{ t("present.end") }<kbd>{ "Esc" }</kbd></button>
                </div>
            </section>
            if p.blank {
                <button type="button" class="present-blank" onclick={to(Present { blank: false, ..p })} aria-label={t("present.unblank")} data-testid="present-blank"></button>
            }
        </>
    }
}
