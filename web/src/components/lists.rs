//! Rows of events and of API requests, newest first.

use super::Common;
use crate::bridge::{Session, Topic, clock_text, use_topic};
use crate::icons::icon;
use crate::state::{Action, Dialog, UiHandle};
use kubarium_core::clock::SimTime;
use kubarium_core::view::inspect;
use kubarium_core::view::model::{Cause, Doing, EventView, Id};
use std::rc::Rc;
use yew::prelude::*;

/// Rows that are shown; the others are a scroll away in nobody's life.
const ROWS: usize = 150;

/// `12.3s` since, as kubectl counts, but short.
fn ago(now: SimTime, at: SimTime) -> String {
    let s = now.since(at).as_secs();
    match s {
        0..=119 => format!("{s}s"),
        120..=7199 => format!("{}m", s / 60),
        _ => format!("{}h", s / 3600),
    }
}

#[derive(PartialEq, Properties)]
pub struct EventProps {
    pub common: Common,
    pub row: Rc<EventView>,
    pub now: SimTime,
}

/// One row of an event, and on demand why it was written.
#[component]
pub fn EventRow(props: &EventProps) -> Html {
    let EventProps { common: Common { ui, session }, row: e, now } = props;
    let open = use_state(|| false);
    let toggle = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let causes =
        open.then(|| session.read(|s| inspect::why_event(&s.cluster, &e.namespace, &e.object, &e.reason, e.at)));
    html! {
        <>
        <li class={classes!("event", e.warning.then_some("warning"))}>
            <span class="when">{ ago(*now, e.at) }</span>
            <b>{ &*e.reason }{ if e.count > 1 { format!(" ×{}", e.count) } else { String::new() } }</b>
            <span class="what"><code>{ &*e.object }</code>{ " " }{ &*e.message }{ " " }
                <button type="button" class="link" aria-expanded={open.to_string()} onclick={toggle} data-testid="event-why">{ ui.lang.t("inspect.why") }</button></span>
        </li>
        if let Some(causes) = causes { <li class="because">{ chain(ui, session, causes) }</li> }
        </>
    }
}

/// A chain of causes, newest first, each with a way to its moment.
pub fn chain(ui: &UiHandle, session: &Session, causes: Vec<Cause>) -> Html {
    let lang = ui.lang;
    if causes.is_empty() {
        return html! { <p class="empty">{ lang.t("inspect.no_why") }</p> };
    }
    html! {
        <ol class="why" data-testid="why">
            { for causes.into_iter().map(|c| {
                let (session, at) = (session.clone(), c.at);
                let jump = Callback::from(move |_: MouseEvent| {
                    session.set_playing(false);
                    session.seek(SimTime(at.0));
                });
                html! {
                    <li>
                        if c.message.doing == Doing::Types {
                            <p><b>{ lang.t("inspect.typed") }</b>{ " " }<code>{ &*c.message.name }</code></p>
                        } else {
                            <p><b>{ lang.actor(&c.actor) }</b>{ " " }{ lang.said(&c.message) }</p>
                        }
                        <small>{ clock_text(c.at) }{ " · " }<button type="button" class="link" onclick={jump}>{ lang.t("inspect.jump") }</button></small>
                    </li>
                }
            }) }
        </ol>
    }
}

#[derive(PartialEq, Properties)]
pub struct ConditionsProps {
    pub common: Common,
    pub id: Id,
}

/// The conditions of an object's status, each with its reason and, on demand, with what led to it.
#[component]
pub fn Conditions(props: &ConditionsProps) -> Html {
    use_topic(&props.common.session, Topic::Objects);
    let ConditionsProps { common: Common { ui, session }, id } = props;
    let open = use_state(|| None::<String>);
    let list = session.read(|e| inspect::conditions(&e.cluster, *id));
    if list.is_empty() {
        return html! {};
    }
    html! {
        <>
            <h3>{ ui.lang.t("inspect.conditions") }</h3>
            <ul class="conditions">
                { for list.into_iter().map(|c| {
                    let shown = (*open).as_deref() == Some(&*c.kind);
                    let onclick = {
                        let (open, kind) = (open.clone(), c.kind.clone());
                        Callback::from(move |_: MouseEvent| open.set((!shown).then(|| kind.clone())))
                    };
                    let causes = shown.then(|| session.read(|e| inspect::why_condition(&e.cluster, *id, &c)));
                    html! {
                        <li key={c.kind.clone()}>
                            <p><b>{ format!("{}={}", c.kind, c.status) }</b>{ " " }<code>{ c.reason.clone() }</code>{ " " }
                                <button type="button" class="link" aria-expanded={shown.to_string()} {onclick} data-testid="condition-why">{ ui.lang.t("inspect.why") }</button></p>
                            <small>{ c.since.map(clock_text).unwrap_or_default() }{ " " }{ c.message.clone() }</small>
                            if let Some(causes) = causes { { chain(ui, session, causes) } }
                        </li>
                    }
                }) }
            </ul>
        </>
    }
}

/// The panel of events.
#[component]
pub fn Events(props: &Common) -> Html {
    use_topic(&props.session, Topic::Events);
    let Common { ui, session } = props;
    session.read(|e| {
        let now = e.now();
        html! {
            <ol class="rows events" data-testid="events" tabindex="0" aria-label={ui.lang.t("dock.events")}>
                if e.events.is_empty() {
                    <li class="empty">{ ui.lang.t("dock.no_events") }</li>
                }
                { for e.events.iter().rev().take(ROWS).map(|row| html! { <EventRow key={format!("{}{}{}", row.at.0, row.object, row.reason)} common={props.clone()} row={row.clone()} {now} /> }) }
            </ol>
        }
    })
}

/// The panel of API requests.
#[component]
pub fn Requests(props: &Common) -> Html {
    use_topic(&props.session, Topic::Requests);
    let Common { ui, session } = props;
    let all = use_state(|| false);
    let toggle = {
        let all = all.clone();
        Callback::from(move |_: Event| all.set(!*all))
    };
    let sequence = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Dialog(Some(Dialog::Sequence(None)))))
    };
    session.read(|e| {
        let quiet = |path: &str| path.contains("/leases/") || path.contains("/events");
        html! {
            <div class="requests-box">
                <div class="requests-head">
                    <label class="check"><input type="checkbox" checked={*all} onchange={toggle} />{ ui.lang.t("dock.all_requests") }</label>
                    <button type="button" class="btn" onclick={sequence} data-testid="open-sequence">{ icon("sequence") }{ ui.lang.t("seq.title") }</button>
                </div>
                <ol class="rows requests" data-testid="requests" tabindex="0" aria-label={ui.lang.t("dock.requests")}>
                    { for e.requests.iter().rev().filter(|r| *all || !quiet(&r.path)).take(ROWS).map(|r| html! {
                        <li key={r.id} class={classes!("request", (r.code >= 400).then_some("warning"))}>
                            <span class="when">{ clock_text(r.at) }</span>
                            <span class="who">{ &*r.actor }</span>
                            <b>{ r.verb }</b>
                            <code>{ &*r.path }</code>
                            <span class="code">{ r.code }</span>
                        </li>
                    }) }
                </ol>
            </div>
        }
    })
}
