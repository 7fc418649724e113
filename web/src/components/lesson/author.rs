//! Makes a lesson of the session: what was done up to a moment becomes its setup, the rest its solution; the goal is
//! chosen from what has changed, and the texts are written beside each other in both languages.

use crate::components::Common;
use crate::icons::icon;
use crate::lesson::{say, start};
use crate::platform::clipboard;
use crate::state::{Action, UiHandle};
use kubarium_core::clock::SimTime;
use kubarium_core::lesson;
use kubarium_core::lesson::draft::{self, Suggestion, Words};
use kubarium_core::lesson::model::Text;
use kubarium_core::world::Input;
use std::collections::BTreeSet;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};
use yew::prelude::*;

/// What an input is called in the list of moments.
fn named(ui: &UiHandle, input: &Input) -> Option<String> {
    Some(match input {
        Input::Line { line, .. } => line.clone(),
        Input::Fault(f) => ui.lang.fault(f),
        Input::Client(c) => format!("{} → {}", c.name, c.url),
        Input::RemoveClient { name } => format!("{name} ×"),
        Input::Interrupt { .. } => "Ctrl+C".to_owned(),
        Input::File { .. } => return None,
    })
}

/// The texts by name: `title.en`.
fn write(words: &mut Words, name: &str, value: String) {
    let (field, ko) = match name.split_once('.') {
        Some((field, lang)) => (field, lang == "ko"),
        None => (name, false),
    };
    let question =
        |w: &mut Words| w.question.get_or_insert_with(|| (Text::default(), vec![Text::default(); 2])).clone();
    let put = |t: &mut Text, value: String| if ko { t.ko = value } else { t.en = value };
    match field {
        "id" => {
            words.id = value
                .to_lowercase()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .take(60)
                .collect::<String>()
                .trim_matches('-')
                .to_owned();
        }
        "title" => put(&mut words.title, value),
        "goal" => put(&mut words.goal, value),
        "task" => put(&mut words.task, value),
        "hint" => put(words.hint.get_or_insert_with(Text::default), value),
        "why" => put(words.why.get_or_insert_with(Text::default), value),
        "question" | "right" | "wrong" => {
            let mut q = question(words);
            match field {
                "question" => put(&mut q.0, value),
                "right" => put(&mut q.1[0], value),
                _ => put(&mut q.1[1], value),
            }
            words.question = Some(q);
        }
        _ => {}
    }
}

fn read<'a>(words: &'a Words, field: &str) -> Option<&'a Text> {
    match field {
        "title" => Some(&words.title),
        "goal" => Some(&words.goal),
        "task" => Some(&words.task),
        "hint" => words.hint.as_ref(),
        "why" => words.why.as_ref(),
        "question" => words.question.as_ref().map(|q| &q.0),
        "right" => words.question.as_ref().and_then(|q| q.1.first()),
        "wrong" => words.question.as_ref().and_then(|q| q.1.get(1)),
        _ => None,
    }
}

/// What was left empty is not part of the lesson.
fn whole(words: &Words) -> Words {
    let written = |t: &Text| !t.en.trim().is_empty() || !t.ko.trim().is_empty();
    let or = |t: &Text, other: &Text| if written(t) { t.clone() } else { other.clone() };
    let title = Text { en: "My lesson".into(), ko: "나의 레슨".into() };
    let title = or(&words.title, &title);
    let goal = or(&words.goal, &title);
    Words {
        id: if words.id.is_empty() { "my-lesson".into() } else { words.id.clone() },
        task: or(&words.task, &goal),
        goal,
        title,
        question: words.question.clone().filter(|q| written(&q.0) && q.1.iter().all(written)),
        hint: words.hint.clone().filter(written),
        why: words.why.clone().filter(written),
    }
}

/// The dialog.
#[component]
pub fn Author(props: &Common) -> Html {
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    // inputs that can be the first of the solution
    let moments: Rc<Vec<(usize, SimTime, String)>> = use_memo((), |()| {
        session.read(|e| {
            let inputs = &e.cluster.inputs()[..e.cluster.applied()];
            let named = inputs.iter().enumerate().filter_map(|(i, l)| {
                // a file that a line reads is written just before it
                let first =
                    inputs[..i].iter().rposition(|b| !matches!(b.input, Input::File { .. })).map_or(0, |p| p + 1);
                Some((first.max(i.saturating_sub(3)), l.at, named(ui, &l.input)?))
            });
            let mut all: Vec<_> = named.collect();
            let surplus = all.len().saturating_sub(60);
            all.drain(..surplus);
            all
        })
    });
    let from = use_state(|| moments.last().map_or(0, |m| m.0));
    let words = use_state(Words::default);
    let picked = use_state(|| None::<BTreeSet<usize>>);
    let said = use_state(|| None::<String>);
    let offers: Rc<Vec<Suggestion>> = {
        let (session, from) = (session.clone(), *from);
        use_memo(from, move |from| {
            session.read(|e| {
                let Some(first) = e.cluster.inputs().get(*from) else { return vec![] };
                let mut before = e.cluster.fork();
                before.seek(first.at);
                while before.applied() > *from && before.undo() {}
                draft::suggest(&before, &e.cluster)
            })
        })
    };
    // the first suggestion is the goal until something else is chosen
    let chosen: BTreeSet<usize> =
        (*picked).clone().unwrap_or_else(|| offers.iter().take(1).enumerate().map(|(i, _)| i).collect());
    if moments.is_empty() {
        return html! { <p class="empty">{ t("author.nothing") }</p> };
    }
    let file = {
        let (session, from, words, offers, chosen) =
            (session.clone(), *from, words.clone(), offers.clone(), chosen.clone());
        move || {
            let checks: Vec<_> =
                offers.iter().enumerate().filter(|(i, _)| chosen.contains(i)).map(|(_, s)| s.check.clone()).collect();
            session.read(|e| draft::draft(&e.cluster, from, &whole(&words), &checks))
        }
    };
    let pick_from = {
        let (from, picked) = (from.clone(), picked.clone());
        Callback::from(move |e: Event| {
            let field: HtmlSelectElement = e.target_unchecked_into();
            from.set(field.value().parse().unwrap_or(0));
            picked.set(None);
        })
    };
    let pick = |i: usize| {
        let (picked, chosen) = (picked.clone(), chosen.clone());
        Callback::from(move |_: Event| {
            let mut all = chosen.clone();
            if !all.remove(&i) {
                all.insert(i);
            }
            picked.set(Some(all));
        })
    };
    let typed = {
        let words = words.clone();
        Callback::from(move |e: InputEvent| {
            let Some(target) = e.target() else { return };
            let (name, value) = match target.dyn_into::<HtmlTextAreaElement>() {
                Ok(area) => (area.name(), area.value()),
                Err(target) => {
                    let input: HtmlInputElement = target.unchecked_into();
                    (input.name(), input.value())
                }
            };
            let mut w = (*words).clone();
            write(&mut w, &name, value);
            words.set(w);
        })
    };
    let field = |name: &'static str, label: &'static str, long: bool| {
        let one = |lang: &'static str| {
            let full = format!("{name}.{lang}");
            let text = read(&words, name);
            let value = text.map_or(String::new(), |t| if lang == "ko" { t.ko.clone() } else { t.en.clone() });
            let tongue = if lang == "ko" { "한국어" } else { "English" };
            let aria = format!("{label}, {tongue}");
            if long {
                html! { <textarea name={full.clone()} rows="2" lang={lang} maxlength="4000" oninput={typed.clone()} {value} placeholder={tongue} aria-label={aria} data-testid={full} /> }
            } else {
                html! { <input type="text" name={full.clone()} lang={lang} maxlength="300" oninput={typed.clone()} {value} placeholder={tongue} aria-label={aria} data-testid={full} /> }
            }
        };
        html! { <div class="author-field"><span>{ label }</span><div>{ one("en") }{ one("ko") }</div></div> }
    };
    let checked = lesson::read(&file()).err().map(|e| e.to_string());
    let ready = !chosen.is_empty() && checked.is_none();
    let preview = {
        let (ui, session, file) = (ui.clone(), session.clone(), file.clone());
        Callback::from(move |_: MouseEvent| {
            start::open_text(&ui, &session, &file());
        })
    };
    let download = {
        let (file, words) = (file.clone(), words.clone());
        Callback::from(move |_: MouseEvent| {
            clipboard::download(&format!("{}.yaml", whole(&words).id), &file());
        })
    };
    let share = {
        let (ui, said) = (ui.clone(), said.clone());
        Callback::from(move |_: MouseEvent| {
            let said = said.clone();
            match start::link(&ui, &file()) {
                Ok(address) => {
                    let n = address.len().to_string();
                    let (yes, no) =
                        (ui.lang.f("author.linked", &[("n", &n)]), ui.lang.t("share.not_copied").to_owned());
                    clipboard::copy(address, move |done| said.set(Some(if done { yes } else { no })));
                }
                Err(e) => said.set(Some(e)),
            }
        })
    };
    let back = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(crate::state::Dialog::Lessons))))
    };
    html! {
        <div class="author">
            <p>{ t("author.about") }</p>
            <label class="author-field"><span>{ t("author.from") }</span>
                <select onchange={pick_from} data-first="" data-testid="author-from">
                    { for moments.iter().map(|(i, at, text)| html! {
                        <option value={i.to_string()} selected={*i == *from}>{ format!("{}  {}", crate::bridge::clock_text(*at), text) }</option>
                    }) }
                </select>
            </label>
            <fieldset class="author-goals">
                <legend>{ t("author.goal") }</legend>
                if offers.is_empty() { <p class="empty">{ t("author.no_goal") }</p> }
                { for offers.iter().enumerate().map(|(i, s)| html! {
                    <label class="check"><input type="checkbox" checked={chosen.contains(&i)} onchange={pick(i)} data-testid={format!("goal-{i}")} /><span>{ super::rich::line(say(ui.lang, &s.say)) }</span></label>
                }) }
            </fieldset>
            <label class="author-field"><span>{ t("author.id") }</span><input type="text" name="id" maxlength="60" oninput={typed.clone()} value={words.id.clone()} placeholder="my-lesson" /></label>
            { field("title", t("author.title_field"), false) }
            { field("goal", t("author.goal_field"), true) }
            { field("task", t("author.task"), true) }
            <details><summary>{ t("author.more") }</summary>
                { field("question", t("author.question"), true) }
                { field("right", t("author.right"), false) }
                { field("wrong", t("author.wrong"), false) }
                { field("hint", t("author.hint"), true) }
                { field("why", t("author.why"), true) }
            </details>
            if let Some(problem) = checked { <p class="warn" role="status">{ problem }</p> }
            <div class="dialog-foot">
                <button type="button" class="btn primary" onclick={preview} disabled={!ready} data-testid="author-preview">{ icon("play") }{ t("author.preview") }</button>
                <button type="button" class="btn" onclick={download} disabled={!ready} data-testid="author-save">{ icon("save") }{ t("author.save") }</button>
                <button type="button" class="btn" onclick={share} disabled={!ready} data-testid="author-share">{ icon("share") }{ t("author.share") }</button>
                <span role="status">{ said.as_deref().unwrap_or_default() }</span>
                <span class="grow"></span>
                <button type="button" class="btn" onclick={back}>{ icon("left") }{ t("lesson.all") }</button>
            </div>
        </div>
    }
}
