//! Sessions that this browser keeps: the list to reopen one, or to take one from a file.

use super::Common;
use super::dialogs::DownloadButton;
use crate::icons::icon;
use crate::keep::{self, Entry};
use crate::platform::{clipboard, picked};
use crate::scenario;
use crate::sharing;
use crate::state::{Action, Dialog};
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// The dialog.
#[component]
pub fn Sessions(props: &Common) -> Html {
    let Common { ui, session } = props;
    let lang = ui.lang;
    let t = |key| lang.t(key);
    let list = use_state(|| None::<Vec<Entry>>);
    let editing = use_state(|| None::<String>);
    let field = use_node_ref();
    let load = {
        let list = list.clone();
        move || {
            let list = list.clone();
            wasm_bindgen_futures::spawn_local(async move { list.set(Some(keep::list().await)) });
        }
    };
    {
        let load = load.clone();
        use_effect_with((), move |()| load());
    }
    let picked = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |e: Event| {
            let input: HtmlInputElement = e.target_unchecked_into();
            let (ui, session) = (ui.clone(), session.clone());
            picked::from_field(&input, move |text| sharing::take_file(&ui, &session, text));
        })
    };
    let scenarios = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Scenarios))))
    };
    let rename = {
        let (editing, field, load) = (editing.clone(), field.clone(), load.clone());
        Callback::from(move |()| {
            if let (Some(id), Some(f)) = ((*editing).clone(), field.cast::<HtmlInputElement>()) {
                let (name, load) = (f.value(), load.clone());
                wasm_bindgen_futures::spawn_local(async move {
                    keep::rename(&id, &name).await;
                    load();
                });
            }
            editing.set(None);
        })
    };
    let row = |e: &Entry| {
        let id = e.id.clone();
        let name = match (&*e.name, e.scenario.as_deref().and_then(scenario::by_id)) {
            ("", Some(s)) => s.title.get(lang).to_owned(),
            ("", None) => t("header.session").to_owned(),
            (name, _) => name.to_owned(),
        };
        let open = {
            let (ui, session, id) = (ui.clone(), session.clone(), id.clone());
            Callback::from(move |_: MouseEvent| {
                let (ui, session, id) = (ui.clone(), session.clone(), id.clone());
                wasm_bindgen_futures::spawn_local(async move { sharing::reopen(&ui, &session, &id).await });
            })
        };
        let delete = {
            let (load, id) = (load.clone(), id.clone());
            Callback::from(move |_: MouseEvent| {
                let (load, id) = (load.clone(), id.clone());
                wasm_bindgen_futures::spawn_local(async move {
                    keep::delete(&id).await;
                    load();
                });
            })
        };
        let edit = {
            let (editing, id) = (editing.clone(), id.clone());
            Callback::from(move |_: MouseEvent| editing.set(Some(id.clone())))
        };
        let save = {
            let id = id.clone();
            Callback::from(move |()| {
                let id = id.clone();
                wasm_bindgen_futures::spawn_local(async move {
                    if let Some(shared) = keep::read(&id).await.and_then(sharing::of_kept) {
                        clipboard::download("session.kubarium.json", &kubarium_core::view::link::to_file(&shared));
                    }
                });
            })
        };
        let key = {
            let rename = rename.clone();
            Callback::from(move |e: KeyboardEvent| {
                if e.key() == "Enter" && !e.is_composing() {
                    e.prevent_default();
                    rename.emit(());
                }
            })
        };
        let date = js_sys::Date::new(&e.at.into());
        let date = String::from(date.to_locale_string(lang.code(), &js_sys::Object::new()));
        html! {
            <li key={id.clone()} class="branch" data-testid="kept-session">
                <div class="branch-text">
                    if (*editing).as_ref() == Some(&id) {
                        <span class="branch-edit"><input ref={field.clone()} value={name.clone()} onkeydown={key} aria-label={t("branch.rename")} data-testid="session-name" /></span>
                    } else { <b>{ name.clone() }</b> }
                    <small>{ lang.f("sessions.about", &[("date", &date), ("n", &e.inputs.to_string()), ("s", &e.seconds.to_string())]) }</small>
                </div>
                <div class="branch-deeds">
                    <button type="button" class="btn primary" onclick={open} data-testid="session-open">{ t("sessions.open") }</button>
                    <DownloadButton text={t("export.save")} {save} test="session-save" />
                    <button type="button" class="ghost" onclick={edit} title={t("branch.rename")} aria-label={lang.f("branch.rename_it", &[("name", &name)])} data-testid="session-rename">{ icon("pen") }</button>
                    <button type="button" class="ghost" onclick={delete} title={t("branch.delete")} aria-label={lang.f("branch.delete_it", &[("name", &name)])} data-testid="session-delete">{ icon("bin") }</button>
                </div>
            </li>
        }
    };
    html! {
        <div class="branches">
            <p class="hint">{ t("sessions.hint") }</p>
            if let Some(rows) = &*list {
                if rows.is_empty() { <p class="empty">{ t("sessions.none") }</p> }
                <ul class="branch-list">{ for rows.iter().map(row) }</ul>
            }
            <div class="dialog-foot">
                <label class="btn file-pick">{ icon("save") }{ t("sessions.file") }<input type="file" class="sr-only" accept=".json,.txt" onchange={picked} data-testid="session-file" /></label>
                <button type="button" class="btn" onclick={scenarios} data-first="">{ icon("book") }{ t("scenarios.title") }</button>
            </div>
        </div>
    }
}
