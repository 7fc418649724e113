//! What must be known until it is put away: that the session is not kept, that it is full, and which fields of what was
//! applied change nothing here.

use super::Common;
use crate::bridge::{Topic, use_topic};
use crate::icons::icon;
use crate::platform::db::Trouble;
use crate::platform::worker;
use crate::state::Action;
use yew::prelude::*;

/// Fields that are listed; the editor marks all of them.
const MOST: usize = 4;

/// The notices.
#[component]
pub fn Notices(props: &Common) -> Html {
    use_topic(&props.session, Topic::Control);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let away = use_state(|| None::<Option<Trouble>>);
    let (trouble, full, unacted) = session.read(|e| (e.trouble, e.full, e.unacted.clone()));
    let close_trouble = {
        let away = away.clone();
        Callback::from(move |_: MouseEvent| away.set(Some(trouble)))
    };
    let close_unacted = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.with(|e| e.forget_unacted()))
    };
    let close_notice = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Notice(None)))
    };
    // a newer version of the page has been fetched and waits
    let update = use_state(worker::waits);
    {
        let update = update.clone();
        use_effect_with((), move |()| {
            let listener = worker::on_waiting(move || update.set(true));
            move || drop(listener)
        });
    }
    let close_update = {
        let update = update.clone();
        Callback::from(move |_: MouseEvent| update.set(false))
    };
    let reload = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            session.save_now();
            worker::take_over();
        })
    };
    let close = |onclick| html! { <button type="button" class="ghost" {onclick} aria-label={t("common.close")}>{ icon("close") }</button> };
    html! {
        <div class="notices" aria-live="polite">
            if let Some(trouble) = trouble.filter(|t| *away != Some(Some(*t))) {
                <div class="notice bad" data-testid="not-kept">
                    <p>{ match trouble { Trouble::Nothing => t("keep.nothing"), Trouble::Full => t("keep.full") } }</p>
                    { close(close_trouble) }
                </div>
            }
            if let Some(text) = &ui.notice {
                <div class="notice" data-testid="notice"><p>{ &**text }</p>{ close(close_notice) }</div>
            }
            if *update {
                <div class="notice" data-testid="update">
                    <p>{ t("update.ready") }</p>
                    <button type="button" class="btn primary" onclick={reload} data-testid="update-now">{ t("update.now") }</button>
                    { close(close_update) }
                </div>
            }
            if full {
                <div class="notice bad"><p>{ t("keep.inputs") }</p></div>
            }
            if !unacted.is_empty() {
                <div class="notice" data-testid="unacted">
                    <div>
                        <b>{ t("unacted.title") }</b>
                        <ul>
                            { for unacted.iter().take(MOST).map(|u| html! {
                                <li><code>{ format!("{} {}", u.object, u.path) }</code>{ " – " }{ ui.lang.note(u.note) }</li>
                            }) }
                            if unacted.len() > MOST {
                                <li>{ ui.lang.f("unacted.more", &[("n", &(unacted.len() - MOST).to_string())]) }</li>
                            }
                        </ul>
                    </div>
                    { close(close_unacted) }
                </div>
            }
        </div>
    }
}
