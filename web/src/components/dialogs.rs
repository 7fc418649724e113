//! Dialogs over the page. A dialog is the browser's own element: it keeps the focus, and Escape closes it.

use super::Common;
use super::branches::{Branches, input_text};
use super::client::ClientForm;
use super::export::Export;
use super::lesson::author::Author;
use super::lesson::catalogue::Catalogue;
use super::lesson::worksheet::Worksheet;
use super::sequence::SequenceView;
use super::sessions::Sessions;
use crate::bridge::{Session, clock_text, in_namespace};
use crate::icons::icon;
use crate::map::hit::Target;
use crate::platform::{clipboard, url};
use crate::scenario;
use crate::sharing::{self, Broken};
use crate::state::{Action, Dialog, File, Present, UiHandle};
use kubarium_core::view::link::{self, COMFORTABLE, LONG};
use kubarium_core::view::model::Id;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;

/// The open dialog, if any.
#[component]
pub fn Dialogs(props: &Common) -> Html {
    let Common { ui, session } = props;
    let Some(dialog) = ui.dialog.clone() else { return html! {} };
    let common = (ui.clone(), session.clone());
    let (title, body) = match dialog {
        Dialog::Scenarios => (ui.lang.t("scenarios.title"), html! { <Scenarios ui={common.0} session={common.1} /> }),
        Dialog::Share => (ui.lang.t("share.title"), html! { <Share ui={common.0} session={common.1} /> }),
        Dialog::Branches => (ui.lang.t("branch.title"), html! { <Branches ui={common.0} session={common.1} /> }),
        Dialog::Sequence(request) => {
            (ui.lang.t("seq.title"), html! { <SequenceView ui={common.0} session={common.1} {request} /> })
        }
        Dialog::Export => (ui.lang.t("export.title"), html! { <Export ui={common.0} session={common.1} /> }),
        Dialog::Sessions => (ui.lang.t("sessions.title"), html! { <Sessions ui={common.0} session={common.1} /> }),
        Dialog::BrokenLink(broken) => {
            (ui.lang.t("link.title"), html! { <BrokenLink ui={common.0} session={common.1} {broken} /> })
        }
        Dialog::Lessons => (ui.lang.t("lessons.title"), html! { <Catalogue ui={common.0} session={common.1} /> }),
        Dialog::Author => (ui.lang.t("author.title"), html! { <Author ui={common.0} session={common.1} /> }),
        Dialog::Worksheet => (ui.lang.t("lesson.print"), html! { <Worksheet ui={common.0} session={common.1} /> }),
        Dialog::Keys => (ui.lang.t("keys.title"), html! { <Keys ui={common.0} session={common.1} /> }),
        Dialog::Relabel(id) => {
            (ui.lang.t("relabel.title"), html! { <Relabel ui={common.0} session={common.1} {id} /> })
        }
        Dialog::Scale(id) => (ui.lang.t("scale.title"), html! { <Scale ui={common.0} session={common.1} {id} /> }),
        Dialog::Client(number, draft) => {
            let title = if number.is_some() { ui.lang.t("client.change") } else { ui.lang.t("client.add") };
            (title, html! { <ClientForm ui={common.0} session={common.1} {number} {draft} /> })
        }
        Dialog::Rename(i) => {
            (ui.lang.t("editor.rename"), html! { <Rename ui={common.0} session={common.1} id={i as u64} /> })
        }
    };
    html! { <Frame ui={ui.clone()} {title}>{ body }</Frame> }
}

#[derive(PartialEq, Properties)]
struct FrameProps {
    ui: UiHandle,
    title: &'static str,
    children: Html,
}

/// The frame around a dialog: title, close button, the focus kept inside.
#[component]
fn Frame(props: &FrameProps) -> Html {
    let FrameProps { ui, title, children } = props;
    let place = use_node_ref();
    {
        let place = place.clone();
        use_effect_with(*title, move |_| {
            let before = gloo::utils::document().active_element();
            if let Some(el) = place.cast::<HtmlElement>() {
                // one dialog may have made way for another, further down
                el.set_scroll_top(0);
                let first = el
                    .query_selector("[data-first]")
                    .ok()
                    .flatten()
                    .and_then(|e| e.dyn_into::<HtmlElement>().ok())
                    .unwrap_or(el);
                let _ = first.focus();
            }
            move || {
                if let Some(el) = before.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
                    let _ = el.focus();
                }
            }
        });
    }
    let close = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(None)))
    };
    let outside = {
        let (ui, place) = (ui.clone(), place.clone());
        Callback::from(move |e: MouseEvent| {
            let inside = e
                .target()
                .and_then(|t| t.dyn_into::<web_sys::Node>().ok())
                .zip(place.cast::<web_sys::Node>())
                .is_some_and(|(t, p)| p.contains(Some(&t)));
            if !inside {
                ui.dispatch(Action::Dialog(None));
            }
        })
    };
    let keys = {
        let (ui, place) = (ui.clone(), place.clone());
        Callback::from(move |e: KeyboardEvent| match e.key().as_str() {
            "Escape" => {
                e.stop_propagation();
                ui.dispatch(Action::Dialog(None));
            }
            "Tab" => {
                let Some(el) = place.cast::<web_sys::Element>() else { return };
                let Ok(list) = el.query_selector_all("button:not([disabled]), input, select, textarea, a[href]") else {
                    return;
                };
                let at = |i: u32| list.get(i).and_then(|n| n.dyn_into::<HtmlElement>().ok());
                let (Some(first), Some(last)) = (at(0), at(list.length().saturating_sub(1))) else { return };
                let here = gloo::utils::document().active_element().and_then(|e| e.dyn_into::<HtmlElement>().ok());
                if e.shift_key() && here.as_ref() == Some(&first) {
                    e.prevent_default();
                    let _ = last.focus();
                } else if !e.shift_key() && here.as_ref() == Some(&last) {
                    e.prevent_default();
                    let _ = first.focus();
                }
            }
            _ => e.stop_propagation(),
        })
    };
    html! {
        <div class="backdrop" onmousedown={outside}>
            <div class="dialog" role="dialog" aria-modal="true" aria-labelledby="dialog-title" tabindex="-1" ref={place} onkeydown={keys} data-testid="dialog">
                <div class="dialog-head">
                    <h2 id="dialog-title">{ *title }</h2>
                    <button type="button" class="ghost" onclick={close} aria-label={ui.lang.t("common.close")}>{ icon("close") }</button>
                </div>
                { children.clone() }
            </div>
        </div>
    }
}

/// Begins a scenario and puts its files into the editor.
pub fn begin(ui: &UiHandle, session: &Session, id: &str) {
    let Some(s) = scenario::by_id(id) else { return };
    let files: Vec<File> =
        s.files.iter().map(|(name, text)| File { name: name.clone(), text: text.as_str().into() }).collect();
    let open = files.iter().position(|f| f.name == s.open).unwrap_or(0);
    session.begin(s);
    ui.dispatch(Action::Scenario(Some(id.into())));
    ui.dispatch(Action::Files(files, open));
    ui.dispatch(Action::Dialog(None));
    url::clear();
}

#[component]
fn Scenarios(props: &Common) -> Html {
    let Common { ui, session } = props;
    let kept = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Sessions))))
    };
    // On a phone the header has no room for this.
    let present = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| {
            ui.dispatch(Action::Present(Present { on: !ui.present.on, ..Present::default() }));
            ui.dispatch(Action::Dialog(None));
        })
    };
    html! {
        <>
        <p class="dialog-top row"><button type="button" class="btn" onclick={kept} data-testid="open-sessions">{ icon("time") }{ ui.lang.t("sessions.title") }</button>
            <button type="button" class="btn phone-only" onclick={present} data-testid="phone-present">{ icon("present") }{ ui.lang.t("present.button") }</button></p>
        <ul class="cards">
            { for scenario::all().iter().enumerate().map(|(i, s)| {
                let onclick = {
                    let (ui, session) = (ui.clone(), session.clone());
                    Callback::from(move |_: MouseEvent| begin(&ui, &session, &s.id))
                };
                let here = ui.scenario.as_deref() == Some(&*s.id);
                html! {
                    <li><button type="button" class={classes!("card", here.then_some("on"))} {onclick} data-testid={format!("scenario-{}", s.id)} data-first={(i == 0).then_some("")}>
                        <b>{ s.title.get(ui.lang) }</b>
                        <span>{ s.about.get(ui.lang) }</span>
                        <small>{ ui.lang.f("scenarios.size", &[("nodes", &s.nodes.to_string()), ("steps", &s.steps.en.len().to_string())]) }</small>
                    </button></li>
                }
            }) }
        </ul>
        </>
    }
}

/// A button that saves something as a file.
#[derive(PartialEq, Properties)]
pub struct DownloadProps {
    /// Its text.
    pub text: &'static str,
    /// What it does.
    pub save: Callback<()>,
    /// For tests.
    pub test: &'static str,
}

/// A button that saves something as a file.
#[component]
pub fn DownloadButton(props: &DownloadProps) -> Html {
    let save = props.save.clone();
    let onclick = Callback::from(move |_: MouseEvent| save.emit(()));
    html! { <button type="button" class="btn" {onclick} data-testid={props.test}>{ icon("save") }{ props.text }</button> }
}

/// Characters of an address that a code still holds and a camera still reads from a screen.
const QR_MOST: usize = 2_300;

/// An address as a code for cameras: dark on light in every theme.
fn qr(address: &str) -> Option<Html> {
    let code = qrcodegen::QrCode::encode_text(address, qrcodegen::QrCodeEcc::Low).ok()?;
    let n = code.size();
    let mut d = String::new();
    for y in 0..n {
        let mut x = 0;
        while x < n {
            let from = x;
            while x < n && code.get_module(x, y) {
                x += 1;
            }
            if x > from {
                d.push_str(&format!("M{from} {y}h{}v1h-{}z", x - from, x - from));
            }
            x += 1;
        }
    }
    Some(html! {
        <svg class="qr" viewBox={format!("-4 -4 {0} {0}", n + 8)} shape-rendering="crispEdges" aria-hidden="true">
            <rect x="-4" y="-4" width={(n + 8).to_string()} height={(n + 8).to_string()} fill="#ffffff" />
            <path {d} fill="#000000" />
        </svg>
    })
}

#[component]
fn Share(props: &Common) -> Html {
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let copied = use_state(|| None::<bool>);
    let agreed = use_state(|| false);
    let code = use_state(|| false);
    let made = use_memo((), |()| {
        let shared = sharing::shared(ui, session);
        (link::mentions_secrets(&shared), format!("{}#{}", url::base(), link::encode(&shared)), link::to_file(&shared))
    });
    let (secret, address) = (made.0, made.1.clone());
    let length = address.len();
    let copy = {
        let (address, copied) = (address.clone(), copied.clone());
        Callback::from(move |_: MouseEvent| {
            let copied = copied.clone();
            clipboard::copy(address.clone(), move |done| copied.set(Some(done)));
        })
    };
    let save = {
        let made = made.clone();
        Callback::from(move |_: MouseEvent| {
            clipboard::download("session.kubarium.json", &made.2);
        })
    };
    let agree = {
        let agreed = agreed.clone();
        Callback::from(move |_: Event| agreed.set(!*agreed))
    };
    let show_code = {
        let code = code.clone();
        Callback::from(move |_: MouseEvent| code.set(!*code))
    };
    let export = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Export))))
    };
    let level = match length {
        n if n <= COMFORTABLE => "good",
        n if n <= LONG => "fair",
        _ => "long",
    };
    let held = secret && !*agreed;
    html! {
        <div class="share">
            <p>{ t("share.about") }{ if ui.beside.is_some() { format!(" {}", t("share.both")) } else { String::new() } }</p>
            if secret {
                <label class="warn check"><input type="checkbox" checked={*agreed} onchange={agree} data-first="" />{ t("share.secret") }</label>
            }
            <input class="address" readonly=true value={if held { String::new() } else { address.clone() }} aria-label={t("share.link")} data-testid="share-link" />
            <p class={classes!("meter", level)}>
                <meter aria-label={t("share.length")} min="0" max={LONG.to_string()} low={COMFORTABLE.to_string()} high={(LONG - 1).to_string()} optimum="0" value={length.min(LONG).to_string()}></meter>
                { ui.lang.f(match level { "good" => "share.good", "fair" => "share.fair", _ => "share.long" }, &[("n", &length.to_string())]) }
            </p>
            <div class="dialog-foot">
                <button type="button" class="btn primary" onclick={copy} disabled={held} data-testid="copy-link" data-first={(!secret).then_some("")}>{ icon("copy") }{ t("share.copy") }</button>
                <button type="button" class="btn" onclick={show_code} disabled={held || length > QR_MOST} aria-expanded={code.to_string()} data-testid="qr-toggle">{ icon("qr") }{ t("share.qr") }</button>
                <button type="button" class="btn" onclick={save} disabled={held} data-testid="save-session">{ icon("save") }{ t("share.save") }</button>
                <button type="button" class="btn" onclick={export} data-testid="open-export">{ icon("out") }{ t("export.title") }</button>
                <span role="status">{ match *copied { Some(true) => t("share.copied"), Some(false) => t("share.not_copied"), None => "" } }</span>
            </div>
            if length > QR_MOST { <p class="hint">{ t("share.no_qr") }</p> }
            if *code && !held {
                <figure class="qr-box" data-testid="qr" aria-label={t("share.qr")}>{ qr(&address).unwrap_or_default() }</figure>
            }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct BrokenProps {
    ui: UiHandle,
    session: Session,
    broken: Rc<Broken>,
}

/// A link that cannot be read: what is wrong with it, and what of it can be read all the same.
#[component]
fn BrokenLink(props: &BrokenProps) -> Html {
    let BrokenProps { ui, session, broken } = props;
    let t = |key| ui.lang.t(key);
    let s = &broken.salvage;
    let copied = use_state(|| None::<bool>);
    let readable: Vec<(String, String)> = s
        .session
        .iter()
        .flat_map(|r| &r.inputs)
        .filter_map(|l| Some((clock_text(l.at), input_text(ui.lang, &l.input)?)))
        .collect();
    let open = s.session.clone().filter(|_| !readable.is_empty()).map(|record| {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| {
            let shared = link::Shared {
                engine: String::new(),
                session: record.clone(),
                hash: 0,
                scenario: String::new(),
                language: String::new(),
                files: Default::default(),
                layout: Default::default(),
                beside: None,
            };
            let (ui, session) = (ui.clone(), session.clone());
            wasm_bindgen_futures::spawn_local(async move {
                ui.dispatch(Action::Dialog(None));
                sharing::take(&ui, &session, shared).await;
                url::clear();
            });
        })
    });
    let copy = {
        let (text, copied) = (broken.text.to_string(), copied.clone());
        Callback::from(move |_: MouseEvent| {
            let copied = copied.clone();
            clipboard::copy(text.clone(), move |done| copied.set(Some(done)));
        })
    };
    let starter = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| begin(&ui, &session, crate::app::FIRST))
    };
    let sessions = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Sessions))))
    };
    html! {
        <div class="share" data-testid="broken-link">
            <p class="warn">{ sharing::problem(ui.lang, s.problem) }</p>
            <p>{ match (s.odd, s.cut) {
                (Some(at), _) => ui.lang.f("link.odd", &[("n", &(at + 1).to_string())]),
                (None, true) => ui.lang.f("link.cut", &[("n", &s.length.to_string())]),
                _ => ui.lang.f("link.length", &[("n", &s.length.to_string())]),
            } }</p>
            if readable.is_empty() {
                <p>{ t("link.nothing") }</p>
            } else {
                <h3>{ ui.lang.f("link.readable", &[("n", &readable.len().to_string())]) }</h3>
                <ol class="readable">{ for readable.iter().take(200).map(|(at, text)| html! { <li><small>{ at }</small>{ " " }<code>{ text }</code></li> }) }</ol>
            }
            <div class="dialog-foot">
                if let Some(open) = open { <button type="button" class="btn primary" onclick={open} data-testid="open-readable">{ t("link.open") }</button> }
                <button type="button" class="btn" onclick={copy} data-first="" data-testid="copy-broken">{ icon("copy") }{ t("link.copy") }</button>
                <button type="button" class="btn" onclick={sessions}>{ t("sessions.title") }</button>
                <button type="button" class="btn" onclick={starter} data-testid="open-starter">{ t("link.starter") }</button>
                <span role="status">{ match *copied { Some(true) => t("share.copied"), Some(false) => t("share.not_copied"), None => "" } }</span>
            </div>
        </div>
    }
}

#[component]
fn Keys(props: &Common) -> Html {
    let t = |key| props.ui.lang.t(key);
    let rows: [(&str, &str); 22] = [
        ("Space", t("keys.play")),
        (".", t("keys.step")),
        (",", t("keys.back")),
        ("[  ]", t("keys.speed")),
        ("Ctrl Z", t("keys.undo")),
        ("Ctrl ⇧ Z", t("keys.redo")),
        ("Ctrl ⏎", t("keys.apply")),
        ("/", t("keys.search")),
        ("← ↑ → ↓", t("keys.arrows")),
        ("⏎", t("keys.select")),
        ("+  −  0", t("keys.zoom")),
        ("⇧ ←↑→↓", t("keys.pan")),
        ("K  L  C  B  S", t("keys.pod")),
        ("O  X", t("keys.node")),
        ("A", t("client.add")),
        ("T", t("keys.table")),
        ("`", t("keys.terminal")),
        ("F6  ⇧ F6", t("keys.panels")),
        ("N  P", t("keys.lesson")),
        ("PgDn  PgUp  .  N", t("keys.present")),
        ("Esc", t("keys.escape")),
        ("?", t("keys.help")),
    ];
    html! {
        <dl class="keys">
            { for rows.into_iter().map(|(k, text)| html! { <div><dt>{ for k.split("  ").map(|k| html! { <kbd>{ k }</kbd> }) }</dt><dd>{ text }</dd></div> }) }
        </dl>
    }
}

#[derive(PartialEq, Properties)]
struct AboutProps {
    ui: UiHandle,
    session: Session,
    id: Id,
}

fn submit_on_enter(go: Callback<()>) -> Callback<KeyboardEvent> {
    Callback::from(move |e: KeyboardEvent| {
        if e.key() == "Enter" && !e.is_composing() {
            e.prevent_default();
            go.emit(());
        }
    })
}

/// Labels before a change, so that they can be put back.
fn given_by_owner(session: &Session, id: Id) -> Option<Vec<(String, String)>> {
    // What the selector of the owner that once made the pod asks for: written in its name's ReplicaSet.
    session.read(|e| {
        let pod = e.scene.pods.get(&id)?;
        let owner = e.scene.workloads.values().find(|w| {
            w.kind == "ReplicaSet"
                && w.namespace == pod.view.namespace
                && pod.view.name.starts_with(&format!("{}-", w.name))
        })?;
        Some(
            owner
                .selector
                .split(',')
                .filter_map(|p| p.split_once('='))
                .map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()))
                .collect(),
        )
    })
}

#[component]
fn Relabel(props: &AboutProps) -> Html {
    let AboutProps { ui, session, id } = props;
    let t = |key| ui.lang.t(key);
    let id = *id;
    let field = use_node_ref();
    let Some((namespace, name, labels)) = session.read(|e| {
        let p = &e.scene.pods.get(&id)?.view;
        Some((p.namespace.to_string(), p.name.to_string(), p.labels.clone()))
    }) else {
        return html! { <p class="empty">{ t("inspect.gone") }</p> };
    };
    let run = {
        let (ui, session, namespace, name) = (ui.clone(), session.clone(), namespace.clone(), name.clone());
        move |change: &str| {
            let change = change.trim();
            if !change.is_empty() {
                session.map_line(&format!("kubectl label pod {name} {change} --overwrite{}", in_namespace(&namespace)));
                ui.dispatch(Action::Dialog(None));
                ui.dispatch(Action::Select(Some(Target::Pod(id))));
            }
        }
    };
    let go = {
        let (run, field) = (run.clone(), field.clone());
        Callback::from(move |()| {
            if let Some(f) = field.cast::<HtmlInputElement>() {
                run(&f.value());
            }
        })
    };
    let onclick = {
        let go = go.clone();
        Callback::from(move |_: MouseEvent| go.emit(()))
    };
    let one = |change: String, text: String, test: &'static str| {
        let run = run.clone();
        let onclick = {
            let change = change.clone();
            Callback::from(move |_: MouseEvent| run(&change))
        };
        html! { <button type="button" class="btn" {onclick} data-testid={test} title={change.clone()}>{ text }</button> }
    };
    let first = labels.iter().find(|(k, _)| &**k != "pod-template-hash").cloned();
    let back = given_by_owner(session, id).map(|wanted| {
        wanted
            .into_iter()
            .filter(|(k, v)| !labels.iter().any(|(a, b)| **a == **k && **b == **v))
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
            .join(" ")
    });
    html! {
        <div class="ask">
            <p><code>{ name.clone() }</code></p>
            <ul class="label-list">
                { for labels.iter().map(|(k, v)| html! {
                    <li><code>{ format!("{k}={v}") }</code>{ one(format!("{k}-"), t("relabel.remove").to_owned(), "relabel-remove") }</li>
                }) }
            </ul>
            <div class="quick">
                if let Some((k, _)) = first {
                    { one(format!("{k}=debug"), format!("{k}=debug"), "relabel-debug") }
                }
                if let Some(back) = back.filter(|b| !b.is_empty()) {
                    { one(back.clone(), ui.lang.f("relabel.back", &[("labels", &back)]), "relabel-back") }
                }
            </div>
            <label>{ t("relabel.change") }
                <input ref={field} data-first="" placeholder="app=debug" autocomplete="off" autocapitalize="off" spellcheck="false"
                    onkeydown={submit_on_enter(go)} data-testid="relabel-input" />
            </label>
            <p class="hint">{ t("relabel.hint") }</p>
            <div class="dialog-foot"><button type="button" class="btn primary" {onclick} data-testid="relabel-go">{ t("relabel.do") }</button></div>
        </div>
    }
}

#[component]
fn Scale(props: &AboutProps) -> Html {
    let AboutProps { ui, session, id } = props;
    let t = |key| ui.lang.t(key);
    let field = use_node_ref();
    let Some((namespace, kind, name, wanted)) = session.read(|e| {
        let w = e.scene.workloads.get(id)?;
        Some((w.namespace.to_string(), w.kind.to_lowercase(), w.name.to_string(), w.wanted))
    }) else {
        return html! { <p class="empty">{ t("inspect.gone") }</p> };
    };
    let go = {
        let (ui, session, field, kind, name) = (ui.clone(), session.clone(), field.clone(), kind.clone(), name.clone());
        Callback::from(move |()| {
            let Some(n) = field.cast::<HtmlInputElement>().map(|f| f.value_as_number()).filter(|n| n.is_finite())
            else {
                return;
            };
            let n = n.clamp(0.0, 100_000.0) as u32;
            session.map_line(&format!("kubectl scale {kind}/{name} --replicas={n}{}", in_namespace(&namespace)));
            ui.dispatch(Action::Dialog(None));
        })
    };
    let onclick = {
        let go = go.clone();
        Callback::from(move |_: MouseEvent| go.emit(()))
    };
    let by = |delta: i64| {
        let field = field.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(f) = field.cast::<HtmlInputElement>() {
                f.set_value(&(f.value_as_number() as i64 + delta).max(0).to_string());
            }
        })
    };
    html! {
        <div class="ask">
            <p><code>{ format!("{kind}/{name}") }</code></p>
            <div class="stepper">
                <button type="button" class="btn" onclick={by(-1)} aria-label={t("scale.less")}>{ icon("minus") }</button>
                <label><span class="sr-only">{ t("scale.replicas") }</span>
                    <input ref={field.clone()} type="number" min="0" max="100000" value={wanted.to_string()} data-first="" onkeydown={submit_on_enter(go)} data-testid="scale-input" /></label>
                <button type="button" class="btn" onclick={by(1)} aria-label={t("scale.more")}>{ icon("plus") }</button>
            </div>
            <div class="dialog-foot"><button type="button" class="btn primary" {onclick} data-testid="scale-go">{ t("scale.do") }</button></div>
        </div>
    }
}

#[component]
fn Rename(props: &AboutProps) -> Html {
    let AboutProps { ui, id, .. } = props;
    let i = *id as usize;
    let field = use_node_ref();
    let name = ui.files.get(i).map(|f| f.name.clone()).unwrap_or_default();
    let go = {
        let (ui, field) = (ui.clone(), field.clone());
        Callback::from(move |()| {
            if let Some(f) = field.cast::<HtmlInputElement>() {
                ui.dispatch(Action::Rename(i, f.value()));
            }
            ui.dispatch(Action::Dialog(None));
        })
    };
    let onclick = {
        let go = go.clone();
        Callback::from(move |_: MouseEvent| go.emit(()))
    };
    html! {
        <div class="ask">
            <label>{ ui.lang.t("editor.file_name") }<input ref={field} value={name} data-first="" onkeydown={submit_on_enter(go)} data-testid="rename-input" /></label>
            <div class="dialog-foot"><button type="button" class="btn primary" {onclick} data-testid="rename-go">{ ui.lang.t("common.ok") }</button></div>
        </div>
    }
}
