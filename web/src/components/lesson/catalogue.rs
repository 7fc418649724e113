//! The catalogue: lessons by chapter, how far one has come, and what else can be done with lessons.

use crate::components::Common;
use crate::i18n::Lang;
use crate::icons::icon;
use crate::lesson::progress::{self, Entry};
use crate::lesson::shelf::{self, Row, Words};
use crate::lesson::{say, start};
use crate::platform::{picked, storage};
use crate::state::{Action, Dialog};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;

fn words(lang: Lang, w: &Words) -> &str {
    match lang {
        Lang::En => &w.en,
        Lang::Ko => &w.ko,
    }
}

fn chapter(lang: Lang, id: &str) -> &str {
    match id {
        "pods" => lang.t("chapter.pods"),
        "workloads" => lang.t("chapter.workloads"),
        "network" => lang.t("chapter.network"),
        "inside" => lang.t("chapter.inside"),
        "resources" => lang.t("chapter.resources"),
        "life" => lang.t("chapter.life"),
        "config" => lang.t("chapter.config"),
        "batch" => lang.t("chapter.batch"),
        "state" => lang.t("chapter.state"),
        other => other,
    }
}

/// The catalogue.
#[component]
pub fn Catalogue(props: &Common) -> Html {
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let rows = use_state(shelf::known);
    let failed = use_state(|| false);
    let name = use_state(|| storage::read("learner").unwrap_or_default());
    {
        let (rows, failed) = (rows.clone(), failed.clone());
        use_effect_with((), move |()| {
            if rows.is_none() {
                wasm_bindgen_futures::spawn_local(async move {
                    match shelf::index().await {
                        Some(list) => rows.set(Some(list)),
                        None => failed.set(true),
                    }
                });
            }
        });
    }
    {
        // The list may come after the dialog has given the focus to itself for want of anything else.
        use_effect_with(rows.is_some(), move |there| {
            let document = gloo::utils::document();
            let waiting =
                document.active_element().is_some_and(|e| e.get_attribute("role").as_deref() == Some("dialog"));
            if *there && waiting {
                let first = document.query_selector(".catalogue [data-first]").ok().flatten();
                if let Some(first) = first.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
                    let _ = first.focus();
                }
            }
        });
    }
    let done = progress::read();
    let here = session.read(|e| e.lesson.as_ref().map(|r| (r.lesson.id.clone(), r.lesson.title.clone())));
    let list: Rc<Vec<Row>> = (*rows).clone().unwrap_or_default();
    let mut chapters: Vec<&str> = vec![];
    for r in list.iter() {
        if chapters.last() != Some(&r.chapter.as_str()) {
            chapters.push(&r.chapter);
        }
    }
    let begin = |id: &str| {
        let (ui, session, id) = (ui.clone(), session.clone(), id.to_owned());
        Callback::from(move |_: MouseEvent| {
            let (ui, session, id) = (ui.clone(), session.clone(), id.clone());
            wasm_bindgen_futures::spawn_local(async move {
                start::open(ui, session, id).await;
            });
        })
    };
    let go_on = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| {
            ui.dispatch(Action::Dialog(None));
            ui.dispatch(Action::Phone(crate::state::Phone::Lesson));
        })
    };
    let open_file = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |e: Event| {
            let input: HtmlInputElement = e.target_unchecked_into();
            let (ui, session) = (ui.clone(), session.clone());
            picked::from_field(&input, move |text| match text {
                Some(text) => {
                    start::open_text(&ui, &session, &text);
                }
                None => ui.dispatch(Action::Toast(ui.lang.t("lesson.unreadable").to_owned())),
            });
            input.set_value("");
        })
    };
    let on_name = {
        let name = name.clone();
        Callback::from(move |e: InputEvent| {
            let input: HtmlInputElement = e.target_unchecked_into();
            storage::write("learner", &input.value());
            name.set(input.value());
        })
    };
    let save = {
        let name = name.clone();
        Callback::from(move |_: MouseEvent| progress::save(&name))
    };
    let author = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Author))))
    };
    let finished = list.iter().filter(|r| done.get(&r.id).is_some_and(|e| e.done)).count();
    // Where the lesson is finished, the one after it is offered instead.
    let over = session.read(|e| e.lesson.as_ref().is_some_and(|r| r.finished()));
    let at = list.iter().position(|r| over && here.as_ref().is_some_and(|(id, _)| *id == r.id));
    let next = at.and_then(|i| list.get(i + 1));
    let mut n = 0;
    html! {
        <div class="catalogue">
            <p class="catalogue-about">{ t("lessons.about") }
                if !list.is_empty() { <b>{ format!(" {}", ui.lang.f("lessons.done", &[("n", &finished.to_string()), ("all", &list.len().to_string())])) }</b> }
            </p>
            if let Some(next) = next {
                <button type="button" class="btn primary go-on" onclick={begin(&next.id)} data-testid="lesson-after" data-first="">{ icon("right") }{ ui.lang.f("lessons.next", &[("title", words(ui.lang, &next.title))]) }</button>
            } else if let Some((_, title)) = &here {
                <button type="button" class="btn primary go-on" onclick={go_on} data-testid="lesson-go-on" data-first="">{ icon("play") }{ ui.lang.f("lessons.go_on", &[("title", say(ui.lang, title))]) }</button>
            }
            if *failed { <p class="warn">{ t("lessons.failed") }</p> }
            { for chapters.into_iter().map(|c| html! {
                <section key={c.to_owned()}>
                    <h3>{ chapter(ui.lang, c) }</h3>
                    <ul class="cards">
                        { for list.iter().filter(|r| r.chapter == c).map(|r| {
                            n += 1;
                            let entry = done.get(&r.id);
                            html! {
                                <li key={r.id.clone()}><button type="button" class={classes!("card", "lesson-card", here.as_ref().is_some_and(|(id, _)| *id == r.id).then_some("on"))}
                                    onclick={begin(&r.id)} data-testid={format!("lesson-{}", r.id)} data-first={(n == 1 && here.is_none()).then_some("")}>
                                    <b><span class="nr" aria-hidden="true">{ n }</span>{ words(ui.lang, &r.title) }</b>
                                    <span>{ words(ui.lang, &r.goal) }</span>
                                    <small>{ ui.lang.f("lessons.size", &[("minutes", &r.minutes.to_string()), ("steps", &r.steps.to_string())]) }{ how_far(ui.lang, entry) }</small>
                                    if let Some(e) = entry.filter(|e| !e.done) {
                                        <progress max={r.steps.to_string()} value={e.step.min(r.steps).to_string()} aria-hidden="true"></progress>
                                    }
                                </button></li>
                            }
                        }) }
                    </ul>
                </section>
            }) }
            <div class="catalogue-foot">
                <section>
                    <h3>{ t("lessons.teach") }</h3>
                    <p class="row">
                        <button type="button" class="btn" onclick={author} data-testid="make-lesson">{ icon("editor") }{ t("lessons.make") }</button>
                        <label class="btn file">{ icon("disk") }{ t("lessons.open_file") }<input type="file" accept=".yaml,.yml,text/yaml" onchange={open_file} data-testid="open-lesson" /></label>
                    </p>
                </section>
                <section>
                    <h3>{ t("lessons.progress") }</h3>
                    <p class="row">
                        <input type="text" maxlength="60" value={(*name).clone()} oninput={on_name} placeholder={t("lessons.name")} aria-label={t("lessons.name")} autocomplete="name" />
                        <button type="button" class="btn" onclick={save} data-testid="save-progress">{ icon("save") }{ t("lessons.save") }</button>
                    </p>
                </section>
            </div>
        </div>
    }
}

fn how_far(lang: Lang, entry: Option<&Entry>) -> Html {
    match entry {
        Some(e) if e.done => html! { <em class="done">{ " ✓ " }{ lang.t("lessons.finished") }</em> },
        Some(e) => html! { <em>{ " · " }{ lang.f("lessons.reached", &[("n", &e.step.to_string())]) }</em> },
        None => html! {},
    }
}
