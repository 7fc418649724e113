//! The address bar: the session of a link is its fragment, which no server sees.

/// The fragment without `#`; empty if there is none.
pub fn fragment() -> String {
    gloo::utils::window().location().hash().unwrap_or_default().trim_start_matches('#').to_owned()
}

/// The page's address without a query and a fragment.
pub fn base() -> String {
    let href = gloo::utils::window().location().href().unwrap_or_default();
    href.split(['#', '?']).next().unwrap_or_default().to_owned()
}

/// Takes query and fragment out of the address bar, without a new entry in the history.
pub fn clear() {
    if let Ok(history) = gloo::utils::window().history() {
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&base()));
    }
}

/// The value of a parameter of the query.
pub fn query(name: &str) -> Option<String> {
    let search = gloo::utils::window().location().search().ok()?;
    search.trim_start_matches('?').split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| value.to_owned())
    })
}
