//! The editor's panel: files as tabs, the text, problems in words, apply and difference.

use super::compare::Compare;
use super::{Common, tab_keys};
use crate::assist::{self, Diagnostic, Severity};
use crate::bridge::Session;
use crate::editor::{self as code, Editor as Code};
use crate::i18n::Lang;
use crate::icons::icon;
use crate::state::{Action, Dialog, Dock, Theme, UiHandle};
use kubarium_core::view::assist::unacted;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;
use web_sys::Element;
use yew::prelude::*;

fn put(object: &js_sys::Object, name: &str, value: &JsValue) {
    let _ = js_sys::Reflect::set(object, &name.into(), value);
}

fn severity(s: Severity) -> &'static str {
    match s {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn diagnostics(problems: &[Diagnostic]) -> JsValue {
    problems
        .iter()
        .map(|p| {
            let o = js_sys::Object::new();
            put(&o, "line", &p.line.into());
            if p.column > 0 {
                put(&o, "column", &p.column.into());
            }
            if p.end_column > 0 {
                put(&o, "endColumn", &p.end_column.into());
            }
            put(&o, "severity", &severity(p.severity).into());
            put(&o, "message", &(&*p.message).into());
            JsValue::from(o)
        })
        .collect::<js_sys::Array>()
        .into()
}

fn phrases(lang: Lang) -> JsValue {
    let o = js_sys::Object::new();
    for (english, text) in [
        ("Find", lang.t("editor.find")),
        ("Replace", lang.t("editor.replace")),
        ("next", lang.t("editor.next")),
        ("previous", lang.t("editor.previous")),
        ("all", lang.t("editor.all")),
        ("match case", lang.t("editor.match_case")),
        ("by word", lang.t("editor.by_word")),
        ("regexp", lang.t("editor.regexp")),
        ("replace", lang.t("editor.replace")),
        ("replace all", lang.t("editor.replace_all")),
        ("close", lang.t("common.close")),
        ("No diagnostics", lang.t("editor.no_problems")),
        ("Diagnostics", lang.t("editor.problems")),
        ("Completions", lang.t("editor.completions")),
    ] {
        put(&o, english, &text.into());
    }
    o.into()
}

/// Applies the shown file: writes it, then types the command, so that it is the person's as any other.
pub fn apply(ui: &UiHandle, session: &Session) {
    let Some(file) = ui.file() else { return };
    if file.text.trim().is_empty() {
        ui.dispatch(Action::Toast(ui.lang.t("editor.nothing").to_owned()));
        return;
    }
    match ui.after.as_ref().filter(|(name, _)| **name == *file.name) {
        Some((_, line)) => {
            session.type_line(line, &ui.files);
            ui.dispatch(Action::After(None));
        }
        None => session.type_line(&format!("kubectl apply -f {}", file.name), &ui.files),
    }
    ui.dispatch(Action::Dock(Dock::Terminal));
}

/// What the callbacks of the editor need to see: they are made once, the page's state changes all the time.
#[derive(Clone)]
struct Now {
    ui: UiHandle,
    session: Session,
}

type Calls = Vec<Box<dyn std::any::Any>>;

fn options(
    now: Rc<std::cell::RefCell<Option<Now>>>,
    found: Callback<Rc<Vec<Diagnostic>>>,
    ui: &UiHandle,
) -> (js_sys::Object, Calls) {
    let options = js_sys::Object::new();
    let mut calls: Calls = Vec::new();
    put(&options, "doc", &ui.file().map_or("", |f| &*f.text).into());
    put(&options, "dark", &(ui.theme == Theme::Dark).into());
    put(&options, "label", &ui.lang.t("editor.label").into());
    put(&options, "phrases", &phrases(ui.lang));
    let get = move || now.borrow().clone();
    {
        let get = get.clone();
        let call = Closure::<dyn Fn(String)>::new(move |text: String| {
            if let Some(n) = get() {
                n.ui.dispatch(Action::Edit(n.ui.active, text.into()));
            }
        });
        put(&options, "onChange", call.as_ref());
        calls.push(Box::new(call));
    }
    {
        let get = get.clone();
        let call = Closure::<dyn Fn(String)>::new(move |_text: String| {
            if let Some(n) = get() {
                apply(&n.ui, &n.session);
            }
        });
        put(&options, "onApply", call.as_ref());
        calls.push(Box::new(call));
    }
    {
        let get = get.clone();
        let call = Closure::<dyn Fn(String) -> JsValue>::new(move |text: String| {
            let mut problems = get().map(|n| assist::lint(&n.session, &text)).unwrap_or_default();
            let shown = diagnostics(&problems);
            // What is worth knowing waits behind what is wrong.
            problems.sort_by_key(|p| p.severity == Severity::Info);
            found.emit(Rc::new(problems));
            shown
        });
        put(&options, "lint", call.as_ref());
        calls.push(Box::new(call));
    }
    {
        let get = get.clone();
        let call =
            Closure::<dyn Fn(String, u32, bool) -> JsValue>::new(move |text: String, pos: u32, explicit: bool| {
                let Some((from, list)) =
                    get().and_then(|n| assist::complete_manifest(&n.session, &text, pos, explicit))
                else {
                    return JsValue::NULL;
                };
                let answer = js_sys::Object::new();
                put(&answer, "from", &from.into());
                let list: js_sys::Array = list
                    .into_iter()
                    .map(|c| {
                        let o = js_sys::Object::new();
                        put(&o, "label", &c.label.into());
                        put(&o, "detail", &c.detail.into());
                        if !c.info.is_empty() {
                            put(&o, "info", &c.info.into());
                        }
                        if !c.insert.is_empty() {
                            put(&o, "apply", &c.insert.into());
                        }
                        JsValue::from(o)
                    })
                    .collect();
                put(&answer, "options", &list);
                answer.into()
            });
        put(&options, "complete", call.as_ref());
        calls.push(Box::new(call));
    }
    {
        let call = Closure::<dyn Fn(String, u32) -> JsValue>::new(move |text: String, pos: u32| {
            get().and_then(|n| assist::hover(&n.session, &text, pos)).map_or(JsValue::NULL, JsValue::from)
        });
        put(&options, "hover", call.as_ref());
        calls.push(Box::new(call));
    }
    (options, calls)
}

/// The panel.
#[component]
pub fn EditorPanel(props: &Common) -> Html {
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let place = use_node_ref();
    let handle = use_mut_ref(|| None::<(Code, Calls)>);
    let now = use_mut_ref(|| None::<Now>);
    let problems = use_state(|| Rc::new(Vec::<Diagnostic>::new()));
    let wrong = problems.iter().filter(|p| p.severity != Severity::Info).count();
    *now.borrow_mut() = Some(Now { ui: ui.clone(), session: session.clone() });
    {
        let (place, handle, now, ui) = (place.clone(), handle.clone(), now.clone(), ui.clone());
        let problems = problems.setter();
        use_effect_with((), move |()| {
            if let Some(parent) = place.cast::<Element>() {
                let found = Callback::from(move |p: Rc<Vec<Diagnostic>>| problems.set(p));
                let (options, calls) = options(now, found, &ui);
                *handle.borrow_mut() = Some((code::create(&parent, &options), calls));
            }
            move || {
                if let Some((editor, _calls)) = handle.borrow_mut().take() {
                    code::destroy(&editor);
                }
            }
        });
    }
    {
        let handle = handle.clone();
        let text = ui.file().map(|f| f.text.clone());
        use_effect_with((ui.active, ui.reload), move |_| {
            if let (Some((editor, _)), Some(text)) = (&*handle.borrow(), text) {
                code::set_doc(editor, &text);
            }
        });
    }
    {
        let handle = handle.clone();
        use_effect_with((ui.theme, ui.lang), move |(theme, lang)| {
            if let Some((editor, _)) = &*handle.borrow() {
                code::set_theme(editor, *theme == Theme::Dark);
                code::set_phrases(editor, &phrases(*lang));
            }
        });
    }
    let on_apply = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| apply(&ui, &session))
    };
    let on_diff = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Compare(!ui.compare)))
    };
    let show = {
        let handle = handle.clone();
        use_callback((), move |original: Option<String>, _| {
            if let Some((editor, _)) = &*handle.borrow() {
                code::set_diff(editor, original.as_deref());
            }
        })
    };
    let dispatch = |action: Action| {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(action.clone()))
    };
    let go = |line: u32, column: u32| {
        let handle = handle.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some((editor, _)) = &*handle.borrow() {
                code::go_to(editor, line, column);
            }
        })
    };
    let several = ui.files.len() > 1;
    html! {
        <section class="panel editor-panel" aria-label={t("panel.editor")} data-panel="editor">
            <div class="tabs files">
                <div class="tabs-scroll" role="tablist" aria-label={t("editor.files")} onkeydown={Callback::from(tab_keys)}>
                    { for ui.files.iter().enumerate().map(|(i, f)| {
                        let on = i == ui.active;
                        let rename = dispatch(Action::Dialog(Some(Dialog::Rename(i))));
                        html! {
                            <button key={f.name.clone()} type="button" role="tab" class="tab" aria-selected={on.to_string()} tabindex={if on { "0" } else { "-1" }}
                                onclick={dispatch(Action::Active(i))} ondblclick={rename} title={t("editor.rename_hint")} data-testid={format!("file-{}", f.name)}>{ f.name.clone() }</button>
                        }
                    }) }
                </div>
                <button type="button" class="ghost" onclick={dispatch(Action::Dialog(Some(Dialog::Rename(ui.active))))} title={t("editor.rename")} aria-label={t("editor.rename")} data-testid="rename-file">{ "✎" }</button>
                if several {
                    <button type="button" class="ghost" onclick={dispatch(Action::Close(ui.active))} title={t("editor.close_file")} aria-label={t("editor.close_file")} data-testid="close-file">{ icon("close") }</button>
                }
                <button type="button" class="ghost" onclick={dispatch(Action::Add)} title={t("editor.add")} aria-label={t("editor.add")} data-testid="add-file">{ icon("plus") }</button>
            </div>
            if ui.compare {
                <Compare common={props.clone()} {show} />
            }
            <div class="code" ref={place} data-testid="editor"></div>
            if !problems.is_empty() {
                <ul class="problems" aria-label={t("editor.problems")} data-testid="problems">
                    { for problems.iter().take(4).map(|p| html! {
                        <li class={severity(p.severity)}>
                            <button type="button" onclick={go(p.line, p.column.max(1))}>
                                <b>{ ui.lang.f("editor.line", &[("n", &p.line.to_string())]) }</b>{ " " }{ match unacted(p) {
                                    Some((path, note)) => format!("{}: {path} – {}", t("unacted.title"), ui.lang.note(note)),
                                    None => p.message.to_string(),
                                } }
                            </button>
                        </li>
                    }) }
                    if problems.len() > 4 { <li class="more">{ format!("+{}", problems.len() - 4) }</li> }
                </ul>
            }
            <div class="editor-foot">
                <button type="button" class="btn primary" onclick={on_apply} data-testid="apply">{ t("editor.apply") }<kbd aria-hidden="true">{ "Ctrl ⏎" }</kbd></button>
                <button type="button" class="btn" onclick={on_diff} aria-pressed={ui.compare.to_string()} title={t("editor.diff_hint")} data-testid="diff">{ t("editor.diff") }</button>
                <span class="grow"></span>
                <span class={classes!("verdict", (wrong > 0).then_some("bad"))} role="status">
                    { if wrong == 0 { t("editor.fine").to_owned() } else { ui.lang.f("editor.count", &[("n", &wrong.to_string())]) } }
                </span>
            </div>
        </section>
    }
}
