//! The words of `kubectl explain` and the examples of `--help`: a file that is loaded once the page stands, or before a session that needs them.

use kubarium_core::api::schema;
use kubarium_core::cluster::SessionRecord;
use kubarium_core::world::Input;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Loads the words, unless they are there. Where they cannot be had, `kubectl explain` names the fields only.
pub async fn load() {
    if !schema::has_meanings()
        && let Ok(bytes) = fetch("schema-text.deflate").await
    {
        schema::provide_meanings(&bytes);
    }
}

/// Loads the words if a session asks for them: replayed, it must print what it printed.
pub async fn load_for(record: &SessionRecord) {
    if record.inputs.iter().any(|l| matches!(&l.input, Input::Line { line, .. } if wants(line))) {
        load().await;
    }
}

/// A line that prints the words.
pub fn wants(line: &str) -> bool {
    ["explain", "openapi", "help", " -h"].iter().any(|w| line.contains(w))
}

/// Fetches a file that lies beside the page.
pub async fn fetch(file: &str) -> Result<Vec<u8>, JsValue> {
    let response = JsFuture::from(gloo::utils::window().fetch_with_str(file)).await?;
    let response: web_sys::Response = response.dyn_into()?;
    if !response.ok() {
        return Err(response.status().into());
    }
    let buffer = JsFuture::from(response.array_buffer()?).await?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}
