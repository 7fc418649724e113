//! Says in words what happens on the map, for those who do not see it: a live region, at a pace that can be followed.

use super::Common;
use crate::bridge::{Topic, use_topic};
use yew::prelude::*;

/// The live region.
#[component]
pub fn Narrator(props: &Common) -> Html {
    use_topic(&props.session, Topic::Events);
    use_topic(&props.session, Topic::Traffic);
    use_topic(&props.session, Topic::Control);
    let Common { ui, session } = props;
    let said = use_state(|| (0.0f64, String::new()));
    let failing = use_mut_ref(|| false);
    let (last, playing, counts, lost, step) = session.read(|e| {
        let lost = e.scene.traffic.clients.iter().find(|c| c.rate.1 > 0).map(|c| c.view.name.clone());
        let step = e.step.as_ref().map(|s| format!("{} {}", ui.lang.actor(&s.actor), ui.lang.said(&s.message)));
        (e.events.back().cloned(), e.playing, e.scene.counts, lost, step.filter(|_| !e.playing))
    });
    let now = crate::platform::timers::now();
    // That requests begin to fail, or no longer do, comes before all else.
    let turned = std::mem::replace(&mut *failing.borrow_mut(), lost.is_some()) != lost.is_some();
    let text = last.map_or_else(String::new, |e| {
        let ready = counts[0].to_string();
        let all: u32 = counts.iter().sum();
        ui.lang.f(
            "narrator.event",
            &[("object", &e.object), ("message", &e.message), ("ready", &ready), ("all", &all.to_string())],
        )
    });
    let (text, at_once) = match (turned, &lost) {
        (true, Some(name)) => (ui.lang.f("narrator.requests_fail", &[("name", name)]), true),
        (true, None) => (ui.lang.t("narrator.requests_work").to_owned(), true),
        // who goes step by step hears each of them
        _ => step.map_or((text, false), |step| (step, true)),
    };
    {
        let said = said.clone();
        use_effect(move || {
            // Four seconds between two sentences while time runs; each one while it stands.
            if text != said.1 && !text.is_empty() && (at_once || !playing || now - said.0 > 4_000.0) {
                said.set((now, text));
            }
        });
    }
    html! { <div class="sr-only" role="status" aria-live="polite" data-testid="narrator">{ &said.1 }</div> }
}
