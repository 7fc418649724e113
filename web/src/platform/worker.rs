//! The service worker as the page sees it: a newer version that waits. `boot.js` registers it and marks the page.

use gloo::events::EventListener;

/// Whether a newer version waits.
pub fn waits() -> bool {
    gloo::utils::document().document_element().is_some_and(|root| root.has_attribute("data-update"))
}

/// Calls a function once a newer version waits.
pub fn on_waiting(f: impl Fn() + 'static) -> EventListener {
    EventListener::new(&gloo::utils::window(), "kubarium-update", move |_| f())
}

/// The newer version takes over, and the page begins anew with it.
pub fn take_over() {
    if let Ok(event) = web_sys::Event::new("kubarium-reload") {
        let _ = gloo::utils::window().dispatch_event(&event);
    }
}
