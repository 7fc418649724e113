//! The bar over the editor while a file is shown as changes of what is there: which objects change, and the way out.

use super::Common;
use crate::bridge::{Topic, use_topic};
use crate::icons::icon;
use crate::state::{Action, Dock, Phone};
use kubarium_core::view::compare::{Fate, compare};
use yew::prelude::*;

/// Longer files are not compared while they change.
const MOST: usize = 200_000;

#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Page and session.
    pub common: Common,
    /// Shows the text as changes of this one; none: plain again.
    pub show: Callback<Option<String>>,
}

/// The bar. While it is there, the editor shows changes.
#[component]
pub fn Compare(props: &Props) -> Html {
    let Props { common: Common { ui, session }, show } = props;
    use_topic(session, Topic::Objects);
    use_topic(session, Topic::Control);
    let t = |key| ui.lang.t(key);
    let text = ui.file().map(|f| f.text.clone()).unwrap_or_default();
    let found = match text.len() {
        0..MOST => session.read(|e| compare(&e.cluster, &text)),
        _ => Default::default(),
    };
    {
        let (show, none) = (show.clone(), found.objects.is_empty());
        let original = if none { text.to_string() } else { found.original.clone() };
        use_effect_with((original, ui.active, ui.reload), move |(original, _, _)| show.emit(Some(original.clone())));
    }
    {
        let show = show.clone();
        use_effect_with((), move |()| move || show.emit(None));
    }
    let close = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Compare(false)))
    };
    let typed = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| {
            let Some(file) = ui.file() else { return };
            ui.dispatch(Action::Dock(Dock::Terminal));
            ui.dispatch(Action::Phone(Phone::Dock));
            session.type_line(&format!("kubectl diff -f {}", file.name), &ui.files);
        })
    };
    let word = |fate: Fate| match fate {
        Fate::Created => ("created", "+", t("compare.created")),
        Fate::Changed => ("changed", "±", t("compare.changed")),
        Fate::Same => ("same", "=", t("compare.same")),
        Fate::Refused => ("refused", "⚠", t("compare.refused")),
    };
    let same = !found.objects.is_empty() && found.objects.iter().all(|o| o.fate == Fate::Same);
    let hint = match (found.objects.is_empty(), same) {
        (true, _) => t("compare.empty"),
        (_, true) => t("compare.nothing"),
        _ => t("compare.hint"),
    };
    html! {
        <div class="compare" data-testid="compare" role="region" aria-label={t("compare.title")}>
            <div class="compare-head">
                <b>{ t("compare.title") }</b>
                <span class="grow"></span>
                <button type="button" class="pill small" onclick={typed} data-testid="diff-terminal">{ t("compare.terminal") }</button>
                <button type="button" class="ghost" onclick={close} aria-label={t("compare.close")} title={t("compare.close")} data-testid="diff-close">{ icon("close") }</button>
            </div>
            <div role="status"><ul class="fates">
                { for found.objects.iter().take(12).map(|o| {
                    let (class, sign, text) = word(o.fate);
                    html! { <li class={class} data-fate={class}><i aria-hidden="true">{ sign }</i><code>{ &o.object }</code>{ " " }{ text }</li> }
                }) }
            </ul>
            <p class="hint">{ hint }</p></div>
        </div>
    }
}
