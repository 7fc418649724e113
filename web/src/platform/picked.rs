//! Files that a person picks or drops onto the page, read as texts.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, DragEvent, HtmlInputElement};

/// Bytes of a file that are read at most.
const MOST: f64 = 8_000_000.0;

fn read(list: &wasm_bindgen::JsValue, done: impl FnOnce(Option<String>) + 'static) {
    let file = js_sys::Reflect::get(list, &"files".into())
        .ok()
        .and_then(|files| js_sys::Reflect::get_u32(&files, 0).ok())
        .and_then(|file| file.dyn_into::<Blob>().ok());
    let Some(file) = file else { return };
    if file.size() > MOST {
        return done(None);
    }
    let text = JsFuture::from(file.text());
    spawn_local(async move { done(text.await.ok().and_then(|t| t.as_string())) });
}

/// Reads the first file of a field; none: it is too large, or no text.
pub fn from_field(input: &HtmlInputElement, done: impl FnOnce(Option<String>) + 'static) {
    read(input, done);
}

/// Reads the first file that was dropped; nothing happens if it was something else.
pub fn from_drop(event: &DragEvent, done: impl FnOnce(Option<String>) + 'static) {
    if let Some(data) = event.data_transfer() {
        read(&data, done);
    }
}

/// Whether files are dragged over the page.
pub fn drags_files(event: &DragEvent) -> bool {
    event.data_transfer().is_some_and(|d| d.types().includes(&"Files".into(), 0))
}
