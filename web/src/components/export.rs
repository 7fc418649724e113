//! The session and its cluster, taken out of the tab: a file of the session, manifests, a script for a real cluster,
//! the terminal as Markdown.

use super::Common;
use super::dialogs::DownloadButton;
use crate::platform::clipboard;
use crate::sharing;
use kubarium_core::store::{Kind, Obj};
use kubarium_core::view::export::{self, Scope, Target};
use kubarium_core::view::link;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// The dialog.
#[component]
pub fn Export(props: &Common) -> Html {
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let scope = use_state(|| Scope::Made);
    let target = use_state(|| (Target::Kind, true));
    let failed = use_state(|| None::<&'static str>);
    let namespaces: Vec<String> = session.read(|e| {
        let list = e.cluster.world.sim.store.list(Kind::Namespace, None);
        list.map(|o: &Obj| o.key().name.to_string()).collect()
    });
    let pick_scope = {
        let scope = scope.clone();
        Callback::from(move |e: Event| {
            let select: HtmlSelectElement = e.target_unchecked_into();
            scope.set(if select.value().is_empty() { Scope::Made } else { Scope::Namespace(select.value()) });
        })
    };
    let pick_target = {
        let target = target.clone();
        Callback::from(move |e: Event| {
            let select: HtmlSelectElement = e.target_unchecked_into();
            let to = if select.value() == "kwok" { Target::Kwok } else { Target::Kind };
            target.set((to, target.1));
        })
    };
    let pick_pace = {
        let target = target.clone();
        Callback::from(move |e: Event| {
            let select: HtmlSelectElement = e.target_unchecked_into();
            target.set((target.0, select.value() == "ask"));
        })
    };
    let manifests = {
        let (session, scope, failed) = (session.clone(), scope.clone(), failed.clone());
        Callback::from(move |()| {
            let text = session.read(|e| export::manifests(&e.cluster, &scope));
            failed.set(text.is_empty().then_some("export.empty"));
            if !text.is_empty() {
                clipboard::download("manifests.yaml", &text);
            }
        })
    };
    let script = {
        let (session, target) = (session.clone(), target.clone());
        Callback::from(move |()| {
            let text = session.read(|e| export::script(&e.cluster, target.0, target.1));
            clipboard::download(if target.0 == Target::Kind { "replay-kind.sh" } else { "replay-kwok.sh" }, &text);
        })
    };
    let transcript = {
        let (session, title) = (session.clone(), sharing::title(ui));
        Callback::from(move |()| {
            let text = session.read(|e| export::transcript(&e.cluster, &title));
            clipboard::download("terminal.md", &text);
        })
    };
    let file = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |()| {
            clipboard::download("session.kubarium.json", &link::to_file(&sharing::shared(&ui, &session)));
        })
    };
    html! {
        <div class="export">
            <section>
                <div><h3>{ t("export.session") }</h3><p>{ t("export.session_about") }</p></div>
                <DownloadButton text={t("export.save")} save={file} test="export-session" />
            </section>
            <section>
                <div><h3>{ t("export.manifests") }</h3><p>{ t("export.manifests_about") }</p>
                    <label><span class="sr-only">{ t("export.which") }</span><select onchange={pick_scope} data-testid="export-scope">
                        <option value="" selected={*scope == Scope::Made}>{ t("export.made") }</option>
                        { for namespaces.iter().map(|n| html! { <option value={n.clone()} selected={*scope == Scope::Namespace(n.clone())}>{ ui.lang.f("export.namespace", &[("name", n)]) }</option> }) }
                    </select></label>
                    if failed.is_some() { <p class="hint" role="status">{ t("export.empty") }</p> }
                </div>
                <DownloadButton text={t("export.save")} save={manifests} test="export-manifests" />
            </section>
            <section>
                <div><h3>{ t("export.script") }</h3><p>{ t("export.script_about") }</p>
                    <label><span class="sr-only">{ t("export.cluster") }</span><select onchange={pick_target} data-testid="export-target">
                        <option value="kind" selected={target.0 == Target::Kind}>{ "kind" }</option>
                        <option value="kwok" selected={target.0 == Target::Kwok}>{ "KWOK" }</option>
                    </select></label>
                    <label><span class="sr-only">{ t("export.pace") }</span><select onchange={pick_pace}>
                        <option value="ask" selected={target.1}>{ t("export.ask") }</option>
                        <option value="sleep" selected={!target.1}>{ t("export.sleep") }</option>
                    </select></label>
                </div>
                <DownloadButton text={t("export.save")} save={script} test="export-script" />
            </section>
            <section>
                <div><h3>{ t("export.terminal") }</h3><p>{ t("export.terminal_about") }</p></div>
                <DownloadButton text={t("export.save")} save={transcript} test="export-terminal" />
            </section>
        </div>
    }
}
