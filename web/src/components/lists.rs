//! Rows of events and of API requests, newest first.

use super::Common;
use crate::bridge::{Topic, clock_text, use_topic};
use kubarium_core::clock::SimTime;
use kubarium_core::view::model::EventView;
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

/// One row of an event.
pub fn event_row(e: &Rc<EventView>, now: SimTime) -> Html {
    html! {
        <li class={classes!("event", e.warning.then_some("warning"))}>
            <span class="when">{ ago(now, e.at) }</span>
            <b>{ &*e.reason }{ if e.count > 1 { format!(" ×{}", e.count) } else { String::new() } }</b>
            <span class="what"><code>{ &*e.object }</code>{ " " }{ &*e.message }</span>
        </li>
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
                { for e.events.iter().rev().take(ROWS).map(|row| event_row(row, now)) }
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
    session.read(|e| {
        let quiet = |path: &str| path.contains("/leases/") || path.contains("/events");
        html! {
            <div class="requests-box">
                <label class="check"><input type="checkbox" checked={*all} onchange={toggle} />{ ui.lang.t("dock.all_requests") }</label>
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
