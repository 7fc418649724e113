//! Requests of the person to a pod or a service, as through `kubectl port-forward`: a path, what answered and what it
//! said. The core answers as its processes do; nothing in the cluster is changed by it.

use super::Common;
use crate::bridge::{clock_text, in_namespace};
use crate::icons::icon;
use crate::state::{Action, Asked};
use kubarium_core::clock::SimTime;
use kubarium_core::runtime::shell::NetProblem;
use kubarium_core::view::inspect::{self, Answered};
use std::rc::Rc;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// What can be sent.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// Answers that stay in sight.
const ROWS: usize = 40;

#[derive(Clone, PartialEq)]
struct Row {
    at: SimTime,
    what: String,
    came: Result<Answered, NetProblem>,
}

/// The panel.
#[component]
pub fn Http(props: &Common) -> Html {
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let path = use_node_ref();
    let port = use_node_ref();
    let method = use_node_ref();
    let rows = use_state(|| Rc::new(Vec::<Row>::new()));
    {
        let rows = rows.clone();
        use_effect_with(ui.http.clone(), move |_| rows.set(Rc::default()));
    }
    let Some(to) = ui.http.clone() else { return html! {} };
    let send = {
        let (session, path, port, rows, to) = (session.clone(), path.clone(), port.clone(), rows.clone(), to.clone());
        let method = method.clone();
        Callback::from(move |()| {
            let text = path.cast::<HtmlInputElement>().map(|f| f.value()).unwrap_or_default();
            let text = format!("/{}", text.trim().trim_start_matches('/'));
            let verb = method.cast::<HtmlSelectElement>().map_or_else(|| "GET".to_owned(), |f| f.value());
            let number = port.cast::<HtmlInputElement>().and_then(|f| f.value().parse().ok()).unwrap_or(to.port);
            let (at, came) =
                session.read(|e| (e.now(), inspect::ask(&e.cluster, &to.namespace, &to.target, number, &verb, &text)));
            let mut all = (*rows).to_vec();
            all.insert(0, Row { at, what: format!("{verb} {}:{number}{text}", to.target), came });
            all.truncate(ROWS);
            rows.set(Rc::new(all));
        })
    };
    let onclick = {
        let send = send.clone();
        Callback::from(move |_: MouseEvent| send.emit(()))
    };
    let onkeydown = Callback::from(move |e: KeyboardEvent| {
        if e.key() == "Enter" && !e.is_composing() {
            e.prevent_default();
            send.emit(());
        }
    });
    let close = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |()| {
            // the forwarding command that opened the panel ends with it
            if session.read(|e| e.cluster.world.terminals.is_waiting(0)) {
                session.interrupt();
            }
            ui.dispatch(Action::Http(None));
            if !crate::app::is_narrow() {
                crate::app::focus_soon("term-input");
            }
        })
    };
    // What ends the command in the terminal ends it here too: the panel stands where the terminal stood.
    let stop = {
        let close = close.clone();
        Callback::from(move |e: KeyboardEvent| {
            let selecting = gloo::utils::window().get_selection().ok().flatten().is_some_and(|s| !s.is_collapsed());
            if e.ctrl_key() && e.key() == "c" && !selecting {
                e.prevent_default();
                close.emit(());
            }
        })
    };
    let problem = |p: NetProblem| match p {
        NetProblem::UnknownHost => t("http.unknown"),
        // the panel speaks plain HTTP: nobody's certificate is looked at
        NetProblem::Refused | NetProblem::Untrusted | NetProblem::Misnamed | NetProblem::NoAuthority => {
            t("http.refused")
        }
        NetProblem::TimedOut => t("http.timed_out"),
    };
    let Asked { namespace, target, port: number } = to;
    html! {
        <div class="http" role="group" aria-label={format!("{} {target}", t("http.title"))} onkeydown={stop} data-testid="http">
            <div class="http-line">
                <code title={target.clone()}>{ format!("{target}{}", in_namespace(&namespace)) }</code>
                <label><span class="sr-only">{ t("http.method") }</span><select ref={method} data-testid="http-method">{ for METHODS.iter().map(|m| html! { <option value={*m} selected={*m == METHODS[0]}>{ *m }</option> }) }</select></label>
                <label>{ t("http.port") }<input key={number} ref={port} class="short" inputmode="numeric" value={number.to_string()} onkeydown={onkeydown.clone()} data-testid="http-port" /></label>
                <label class="grow">{ t("http.path") }<input ref={path} value="/" {onkeydown} autocomplete="off" autocapitalize="off" spellcheck="false" data-testid="http-path" /></label>
                <button type="button" class="btn primary" id="http-send" {onclick} data-testid="http-send">{ t("http.send") }</button>
                <button type="button" class="ghost" onclick={Callback::from(move |_: MouseEvent| close.emit(()))} aria-label={t("common.close")} data-testid="http-close">{ icon("close") }</button>
            </div>
            <div class="rows" role="log" aria-label={t("http.title")} tabindex="0"><ol>
                if rows.is_empty() { <li class="empty">{ t("http.none") }</li> }
                { for rows.iter().map(|r| html! {
                    <li class={classes!("answer", r.came.is_err().then_some("warning"))}>
                        <p><span class="when">{ clock_text(r.at) }</span>{ " " }<code>{ r.what.clone() }</code></p>
                        { match &r.came {
                            Ok(a) => html! { <><p><b class={classes!((a.code >= 400).then_some("bad"))}>{ a.code }</b>{ " " }{ ui.lang.f("http.answered", &[("pod", &a.pod)]) }</p><pre>{ a.body.trim_end().to_owned() }</pre></> },
                            Err(p) => html! { <p class="bad">{ "⚠ " }{ problem(*p) }</p> },
                        } }
                    </li>
                }) }
            </ol></div>
        </div>
    }
}
