//! Branches of the session: the list to choose from, and a second map beside the first one, on the same clock.

use super::Common;
use super::map_panel::MapPanel;
use crate::bridge::{BranchView, Engine, Session, Topic, clock_text, use_topic};
use crate::i18n::Lang;
use crate::icons::icon;
use crate::map::scene::state_index;
use crate::state::{Action, Dialog, UiHandle};
use kubarium_core::clock::SimTime;
use kubarium_core::view::model::{Id, PodState};
use kubarium_core::view::network;
use kubarium_core::world::Input;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// What was done, in a line. None: a file was written, which is done for a line that follows.
pub fn input_text(lang: Lang, input: &Input) -> Option<String> {
    match input {
        Input::File { .. } => None,
        Input::Line { line, .. } => Some(line.clone()),
        Input::Interrupt { .. } => Some("^C".to_owned()),
        Input::Fault(_) | Input::Client(_) | Input::RemoveClient { .. } => lang.done(input),
    }
}

/// A branch's name: the person's, else its number.
pub fn branch_name(lang: Lang, b: &BranchView) -> String {
    match (&*b.name, b.id) {
        ("", 1) => lang.t("branch.main").to_owned(),
        ("", n) => lang.f("branch.n", &[("n", &n.to_string())]),
        (name, _) => name.to_owned(),
    }
}

/// Shows a branch beside the shown one, or none.
pub fn set_beside(ui: &UiHandle, session: &Session, branch: Option<u32>) {
    if session.set_beside(branch) {
        ui.dispatch(Action::Beside(branch));
        session.map(|m, _| m.refit());
    }
}

/// Shows another branch. One that stands beside changes places with it.
pub fn switch(ui: &UiHandle, session: &Session, branch: u32) {
    let was = session.read(|e| e.branch_count().1);
    let beside = ui.beside.is_some();
    session.with(|e| e.switch_branch(branch));
    session.map(|m, _| m.refit());
    if beside {
        set_beside(ui, session, Some(if ui.beside == Some(branch) { was } else { ui.beside.unwrap_or(was) }));
    }
    ui.dispatch(Action::Select(None));
}

/// The button of the timeline that names the branch.
#[component]
pub fn BranchChip(props: &Common) -> Html {
    use_topic(&props.session, Topic::Control);
    let Common { ui, session } = props;
    let (count, active) = session.read(Engine::branch_count);
    if count < 2 {
        return html! {};
    }
    let list = session.read(Engine::branch_list);
    let name = list.iter().find(|b| b.id == active).map(|b| branch_name(ui.lang, b)).unwrap_or_default();
    let open = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Branches))))
    };
    html! {
        <button type="button" class="pill small branch-chip" aria-haspopup="dialog" onclick={open} data-testid="branches"
            title={ui.lang.t("branch.title")}>{ icon("fork") }<span>{ name }</span><small>{ format!("{count}") }</small></button>
    }
}

/// The dialog.
#[component]
pub fn Branches(props: &Common) -> Html {
    use_topic(&props.session, Topic::Control);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let editing = use_state(|| None::<u32>);
    let field = use_node_ref();
    let list = session.read(Engine::branch_list);
    let rename = {
        let (session, editing, field) = (session.clone(), editing.clone(), field.clone());
        Callback::from(move |()| {
            if let (Some(id), Some(f)) = (*editing, field.cast::<HtmlInputElement>()) {
                session.with(|e| e.rename_branch(id, &f.value()));
            }
            editing.set(None);
        })
    };
    let fork = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| {
            session.with(|e| e.fork_here());
            ui.dispatch(Action::Toast(ui.lang.t("branch.forked").to_owned()));
        })
    };
    html! {
        <div class="branches">
            <p class="hint">{ t("branch.about") }</p>
            <ul class="branch-list">
                { for list.iter().map(|b| {
                    let id = b.id;
                    let name = branch_name(ui.lang, b);
                    let parent = b.from.and_then(|(p, at)| list.iter().find(|o| o.id == p).map(|o| (branch_name(ui.lang, o), at)));
                    let show = {
                        let (ui, session) = (ui.clone(), session.clone());
                        Callback::from(move |_: MouseEvent| switch(&ui, &session, id))
                    };
                    let beside = {
                        let (ui, session) = (ui.clone(), session.clone());
                        Callback::from(move |_: MouseEvent| {
                            set_beside(&ui, &session, Some(id));
                            ui.dispatch(Action::Dialog(None));
                            ui.dispatch(Action::Phone(crate::state::Phone::Map));
                        })
                    };
                    let edit = {
                        let editing = editing.clone();
                        Callback::from(move |_: MouseEvent| editing.set(Some(id)))
                    };
                    let delete = {
                        let (ui, session) = (ui.clone(), session.clone());
                        Callback::from(move |_: MouseEvent| {
                            if ui.beside == Some(id) {
                                set_beside(&ui, &session, None);
                            }
                            session.with(|e| e.delete_branch(id));
                        })
                    };
                    let key = {
                        let rename = rename.clone();
                        Callback::from(move |e: KeyboardEvent| if e.key() == "Enter" && !e.is_composing() {
                            e.prevent_default();
                            rename.emit(());
                        })
                    };
                    let done = {
                        let rename = rename.clone();
                        Callback::from(move |_: MouseEvent| rename.emit(()))
                    };
                    html! {
                        <li key={id} class={classes!("branch", b.active.then_some("on"))} data-testid={format!("branch-{id}")} aria-current={b.active.then_some("true")}>
                            <div class="branch-text">
                                if *editing == Some(id) {
                                    <span class="branch-edit"><input ref={field.clone()} value={name.clone()} onkeydown={key} aria-label={t("branch.rename")} data-testid="branch-name" />
                                    <button type="button" class="btn" onclick={done} data-testid="branch-name-go">{ t("common.ok") }</button></span>
                                } else {
                                    <b>{ name.clone() }if b.active { <em>{ t("branch.shown") }</em> }</b>
                                }
                                <small>
                                    if let Some((parent, at)) = parent { { ui.lang.f("branch.from", &[("name", &parent), ("at", &clock_text(at))]) }{ " · " } }
                                    { ui.lang.f("branch.size", &[("n", &b.inputs.to_string()), ("end", &clock_text(b.horizon))]) }
                                </small>
                                if let Some(text) = b.own.as_ref().filter(|_| b.from.is_some()).and_then(|i| input_text(ui.lang, i)) { <code>{ text }</code> }
                            </div>
                            <div class="branch-deeds">
                                if !b.active {
                                    <button type="button" class="btn primary" onclick={show} data-testid="branch-show">{ t("branch.show") }</button>
                                    <button type="button" class="btn" onclick={beside} data-testid="branch-beside">{ icon("columns") }{ t("branch.beside") }</button>
                                }
                                <button type="button" class="ghost" onclick={edit} aria-label={ui.lang.f("branch.rename_it", &[("name", &name)])} title={t("branch.rename")} data-testid="branch-rename">{ icon("pen") }</button>
                                if !b.active {
                                    <button type="button" class="ghost" onclick={delete} aria-label={ui.lang.f("branch.delete_it", &[("name", &name)])} title={t("branch.delete")} data-testid="branch-delete">{ icon("bin") }</button>
                                }
                            </div>
                        </li>
                    }
                }) }
            </ul>
            <div class="dialog-foot"><button type="button" class="btn" onclick={fork} data-testid="branch-fork" data-first="">{ icon("fork") }{ t("branch.fork") }</button></div>
        </div>
    }
}

/// What can be compared of a course at its moment.
struct Tally {
    ready: u32,
    pods: u32,
    failing: u32,
    least: Option<u32>,
    sent: u64,
    failed: u64,
}

fn tally(e: &Engine, since: SimTime, watched: Option<Id>) -> Tally {
    let s = &e.scene;
    let least = watched.and_then(|id| {
        let now = s.workloads.get(&id).map(|w| w.ready);
        let rows = e.history.of(id).iter().filter(|r| r.at > since && r.at <= e.now()).map(|r| r.ready);
        rows.chain(now).min()
    });
    let clients = network::clients(&e.cluster);
    Tally {
        ready: s.counts[state_index(PodState::Ready)],
        pods: s.live(),
        failing: s.counts[state_index(PodState::Failing)],
        least,
        sent: clients.iter().map(|c| u64::from(c.total.sent)).sum(),
        failed: clients.iter().flat_map(|c| &c.total.failed).map(|(_, n)| u64::from(*n)).sum(),
    }
}

/// The second map, and what differs.
#[component]
pub fn Beside(props: &Common) -> Html {
    use_topic(&props.session, Topic::Clock);
    use_topic(&props.session, Topic::Objects);
    use_topic(&props.session, Topic::Control);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let (Some(id), Some(other)) = (ui.beside, session.beside()) else { return html! {} };
    let list = session.read(Engine::branch_list);
    let active = session.read(|e| e.branch_count().1);
    let name = |id: u32| list.iter().find(|b| b.id == id).map(|b| branch_name(ui.lang, b)).unwrap_or_default();
    // where the two part, and what is done then in each
    let (fork, mine, theirs) = session.read(|a| {
        other.read(|b| {
            let n = a.cluster.common(&b.cluster);
            let own =
                |e: &Engine| e.cluster.inputs()[n..].iter().find_map(|l| Some((l.at, input_text(ui.lang, &l.input)?)));
            let (x, y) = (own(a), own(b));
            let at = [&x, &y].into_iter().flatten().map(|o| o.0).min();
            (at, x.map(|o| o.1), y.map(|o| o.1))
        })
    });
    let since = fork.unwrap_or(SimTime::ZERO);
    // the Deployment of which most was heard
    let watched = session.read(|e| e.history.busiest);
    let (a, b) = (session.read(|e| tally(e, since, watched)), other.read(|e| tally(e, since, watched)));
    let bare = |text: String| text.strip_prefix("kubectl ").map(str::to_owned).unwrap_or(text);
    let close = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| set_beside(&ui, &session, None))
    };
    let swap = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| switch(&ui, &session, id))
    };
    let row = |text: &'static str, x: String, y: String, test: &'static str| {
        html! { <tr class={classes!((x != y).then_some("differs"))} data-testid={test}><th scope="row">{ text }</th><td>{ x }</td><td>{ y }</td></tr> }
    };
    let least = |n: Option<u32>| n.map_or("–".to_owned(), |n| n.to_string());
    html! {
        <section class="beside" aria-label={t("beside.label")} data-testid="beside">
            <div class="beside-head">
                <button type="button" class="btn" onclick={swap} title={t("beside.swap_hint")} data-testid="beside-swap">{ icon("columns") }{ t("beside.swap") }</button>
                <p>
                    if let Some(at) = fork { { ui.lang.f("beside.fork", &[("at", &clock_text(at))]) } } else { { t("beside.same") } }
                </p>
                <button type="button" class="ghost" onclick={close} aria-label={t("beside.close")} title={t("beside.close")} data-testid="beside-close">{ icon("close") }</button>
            </div>
            <table class="beside-table">
                <thead><tr><th></th>
                    <th scope="col">{ name(active) }if let Some(text) = mine { <code title={text.clone()}>{ bare(text) }</code> }</th>
                    <th scope="col">{ name(id) }if let Some(text) = theirs { <code title={text.clone()}>{ bare(text) }</code> }</th></tr></thead>
                <tbody>
                    { row(t("beside.ready"), format!("{} / {}", a.ready, a.pods), format!("{} / {}", b.ready, b.pods), "beside-ready") }
                    { row(t("beside.least"), least(a.least), least(b.least), "beside-least") }
                    { row(t("beside.failing"), a.failing.to_string(), b.failing.to_string(), "beside-failing") }
                    if a.sent + b.sent > 0 {
                        { row(t("beside.failed"), format!("{} / {}", a.failed, a.sent), format!("{} / {}", b.failed, b.sent), "beside-failed") }
                    }
                </tbody>
            </table>
            <div class="beside-map" inert=true>
                <MapPanel ui={ui.clone()} session={other.clone()} />
            </div>
        </section>
    }
}
