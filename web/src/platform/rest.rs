//! The rest of the page's code: a file of its own in the page that ships, which `rest.js` loads once the page stands,
//! or when a function of it is called: the calls of `restNow` are put in when the module is cut (`xtask/split`).

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/rest.js")]
extern "C" {
    #[wasm_bindgen(js_name = restSoon)]
    fn soon() -> bool;
    #[wasm_bindgen(js_name = restNow)]
    fn now();
}

/// Has the rest loaded once the page is drawn; at once if it will not be drawn, as nobody sees it.
pub fn load() {
    if !soon() {
        now();
    }
}
