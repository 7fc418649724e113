//! What to try in a scenario: a card over the map that can be put away.

use super::Common;
use crate::icons::icon;
use crate::scenario;
use crate::state::Action;
use yew::prelude::*;

/// The guide of the scenario.
#[component]
pub fn Guide(props: &Common) -> Html {
    let Common { ui, .. } = props;
    let at = use_state(|| 0usize);
    {
        let at = at.clone();
        use_effect_with(ui.scenario.clone(), move |_| at.set(0));
    }
    let Some(s) = ui.scenario.as_deref().and_then(scenario::by_id) else { return html! {} };
    let t = |key| ui.lang.t(key);
    let set = |open: bool| {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Guide(open)))
    };
    if !ui.guide {
        return html! {
            <button type="button" class="guide-open" onclick={set(true)} data-testid="guide-open">{ icon("book") }{ t("guide.open") }</button>
        };
    }
    let steps = s.steps.get(ui.lang);
    let i = (*at).min(steps.len().saturating_sub(1));
    let go = |to: Option<usize>| {
        let at = at.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(to) = to {
                at.set(to);
            }
        })
    };
    html! {
        <aside class="guide" aria-label={t("guide.title")} data-testid="guide">
            <div class="guide-head">
                <h2>{ s.title.get(ui.lang) }</h2>
                <span class="grow"></span>
                <button type="button" class="ghost" disabled={i == 0} onclick={go(i.checked_sub(1))} aria-label={t("guide.back")}>{ icon("left") }</button>
                <span class="dots" aria-label={ui.lang.f("guide.of", &[("n", &(i + 1).to_string()), ("all", &steps.len().to_string())])} role="img">
                    { for (0..steps.len()).map(|k| html! { <i class={classes!((k == i).then_some("on"))}></i> }) }
                </span>
                <button type="button" class="ghost" disabled={i + 1 >= steps.len()} onclick={go(Some(i + 1))} aria-label={t("guide.next")} data-testid="guide-next">{ icon("right") }</button>
                <button type="button" class="ghost" onclick={set(false)} aria-label={t("common.close")}>{ icon("close") }</button>
            </div>
            // All steps take the same room, so that the map stands still while a person reads on.
            <div class="guide-steps" tabindex="0" role="group" aria-label={t("guide.title")}>
                { for steps.iter().enumerate().map(|(k, text)| html! {
                    <p class={classes!("guide-step", (k == i).then_some("on"))} aria-hidden={(k != i).to_string()}>
                        if k == 0 { <span class="about">{ s.about.get(ui.lang) }{ " " }</span> }{ text }
                    </p>
                }) }
            </div>
            <p class="sr-only" aria-live="polite">{ if i == 0 { "" } else { steps.get(i).map_or("", String::as_str) } }</p>
        </aside>
    }
}
