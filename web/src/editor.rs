//! The editor of `web/editor` (its functions and their arguments are described there), as Rust sees it.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/editor/dist/editor.js")]
extern "C" {
    /// An editor on the page.
    pub type Editor;

    /// Makes an editor inside `parent`; `options` as described in `editor.js`.
    pub fn create(parent: &web_sys::Element, options: &js_sys::Object) -> Editor;

    /// Removes the editor from the page.
    pub fn destroy(editor: &Editor);
}
