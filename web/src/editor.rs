//! The editor of `web/editor` (its functions and their arguments are described there), as Rust sees it. It is loaded
//! after the page has been drawn; until then what is asked of it waits.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/editor/loader.js")]
extern "C" {
    /// An editor on the page.
    #[derive(Clone)]
    pub type Editor;

    /// Makes an editor inside `parent`; `options` as described in `editor.js`.
    pub fn create(parent: &web_sys::Element, options: &js_sys::Object) -> Editor;

    /// Removes the editor from the page.
    pub fn destroy(editor: &Editor);

    /// Replaces the text.
    #[wasm_bindgen(js_name = setDoc)]
    pub fn set_doc(editor: &Editor, text: &str);

    /// Dark or light.
    #[wasm_bindgen(js_name = setTheme)]
    pub fn set_theme(editor: &Editor, dark: bool);

    /// The editor's own words.
    #[wasm_bindgen(js_name = setPhrases)]
    pub fn set_phrases(editor: &Editor, phrases: &JsValue);

    /// Puts the cursor on a line and takes the focus.
    #[wasm_bindgen(js_name = goto)]
    pub fn go_to(editor: &Editor, line: u32, column: u32);

    /// Shows the text as changes of another one; none: plain again.
    #[wasm_bindgen(js_name = setDiff)]
    pub fn set_diff(editor: &Editor, original: Option<&str>);
}
