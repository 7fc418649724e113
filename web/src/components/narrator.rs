//! Says in words what happens on the map, for those who do not see it: a live region, at a pace that can be followed.

use super::Common;
use crate::bridge::{Topic, use_topic};
use yew::prelude::*;

/// The live region.
#[component]
pub fn Narrator(props: &Common) -> Html {
    use_topic(&props.session, Topic::Events);
    let Common { ui, session } = props;
    let said = use_state(|| (0.0f64, String::new()));
    let (last, playing, counts) = session.read(|e| (e.events.back().cloned(), e.playing, e.scene.counts));
    let now = crate::platform::timers::now();
    let text = last.map_or_else(String::new, |e| {
        let ready = counts[0].to_string();
        let all: u32 = counts.iter().sum();
        ui.lang.f(
            "narrator.event",
            &[("object", &e.object), ("message", &e.message), ("ready", &ready), ("all", &all.to_string())],
        )
    });
    {
        let said = said.clone();
        use_effect(move || {
            // Four seconds between two sentences while time runs; each one while it stands.
            if text != said.1 && !text.is_empty() && (!playing || now - said.0 > 4_000.0) {
                said.set((now, text));
            }
        });
    }
    html! { <div class="sr-only" role="status" aria-live="polite" data-testid="narrator">{ &said.1 }</div> }
}
