//! What outlives a reload. A browser that keeps nothing (private windows, full disks) is no error: reads give nothing.

use web_sys::Storage;

fn store() -> Option<Storage> {
    gloo::utils::window().local_storage().ok().flatten()
}

/// Reads what was kept under a name.
pub fn read(name: &str) -> Option<String> {
    store()?.get_item(&format!("kubarium.{name}")).ok().flatten()
}

/// Keeps a text under a name. False: the browser would not.
pub fn write(name: &str, text: &str) -> bool {
    store().is_some_and(|s| s.set_item(&format!("kubarium.{name}"), text).is_ok())
}

/// Forgets what was kept under a name.
pub fn forget(name: &str) {
    if let Some(s) = store() {
        let _ = s.remove_item(&format!("kubarium.{name}"));
    }
}
