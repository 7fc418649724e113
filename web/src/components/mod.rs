//! The parts of the page. They read the session, show it, and turn what a person does into inputs; no part talks to
//! another but through [`crate::state`] and [`crate::bridge`].

pub mod branches;
pub mod chart;
pub mod client;
pub mod compare;
pub mod deeds;
pub mod dialogs;
pub mod editor;
pub mod export;
pub mod faults;
pub mod guide;
pub mod header;
pub mod http;
pub mod inspector;
pub mod lesson;
pub mod lists;
pub mod map_panel;
pub mod narrator;
pub mod notices;
pub mod overview;
pub mod placing;
pub mod present;
pub mod sequence;
pub mod sessions;
pub mod table;
pub mod terminal;
pub mod timeline;

use crate::bridge::Session;
use crate::state::UiHandle;
use yew::prelude::*;

/// What every part of the page is given.
#[derive(Clone, PartialEq, Properties)]
pub struct Common {
    /// The page's state.
    pub ui: UiHandle,
    /// The running session.
    pub session: Session,
}

/// A tab of a tab list.
pub fn tab(id: &'static str, text: &str, on: bool, onclick: Callback<MouseEvent>) -> Html {
    html! {
        <button role="tab" type="button" class="tab" aria-selected={if on { "true" } else { "false" }}
            tabindex={if on { "0" } else { "-1" }} data-testid={id} {onclick}>{ text }</button>
    }
}

/// Left and right arrows walk along a tab list, as screen readers say they do.
pub fn tab_keys(event: KeyboardEvent) {
    use wasm_bindgen::JsCast;
    let forward = match event.key().as_str() {
        "ArrowRight" => true,
        "ArrowLeft" => false,
        _ => return,
    };
    let Some(here) = event.target().and_then(|t| t.dyn_into::<web_sys::HtmlElement>().ok()) else { return };
    let next = if forward { here.next_element_sibling() } else { here.previous_element_sibling() };
    if let Some(next) = next.and_then(|n| n.dyn_into::<web_sys::HtmlElement>().ok())
        && next.get_attribute("role").as_deref() == Some("tab")
    {
        event.prevent_default();
        let _ = next.focus();
        next.click();
    }
}
