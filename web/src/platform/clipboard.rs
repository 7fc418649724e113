//! Texts that leave the page: the clipboard and downloads.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Puts a text on the clipboard and says whether that worked.
pub fn copy(text: String, done: impl FnOnce(bool) + 'static) {
    let navigator = gloo::utils::window().navigator();
    let known = js_sys::Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|c| !c.is_undefined());
    if !known {
        return done(false);
    }
    let promise = navigator.clipboard().write_text(&text);
    spawn_local(async move { done(JsFuture::from(promise).await.is_ok()) });
}

/// Offers a text as a file.
pub fn download(name: &str, text: &str) -> Option<()> {
    let parts = js_sys::Array::of1(&text.into());
    let blob = web_sys::Blob::new_with_str_sequence(&parts).ok()?;
    let url = web_sys::Url::create_object_url_with_blob(&blob).ok()?;
    let done = offer(name, &url);
    let _ = web_sys::Url::revoke_object_url(&url);
    done
}

/// Offers what lies at an address as a file.
pub fn offer(name: &str, address: &str) -> Option<()> {
    let link: web_sys::HtmlAnchorElement = gloo::utils::document().create_element("a").ok()?.dyn_into().ok()?;
    link.set_href(address);
    link.set_download(name);
    link.click();
    Some(())
}

/// Offers a drawing (SVG of this width and height, in CSS pixels) as a picture, twice as large: once the browser has
/// drawn it.
pub fn download_drawing(name: &'static str, svg: &str, width: f64, height: f64) {
    // no browser draws on more than this
    let scale = (16_000.0 / height).min(2.0);
    let Ok(image) = web_sys::HtmlImageElement::new() else { return };
    let drawn = image.clone();
    let draw = move || -> Option<()> {
        let sheet: web_sys::HtmlCanvasElement =
            gloo::utils::document().create_element("canvas").ok()?.dyn_into().ok()?;
        let (w, h) = (width * scale, height * scale);
        sheet.set_width(w as u32);
        sheet.set_height(h as u32);
        let ctx: web_sys::CanvasRenderingContext2d = sheet.get_context("2d").ok()??.dyn_into().ok()?;
        ctx.draw_image_with_html_image_element_and_dw_and_dh(&drawn, 0.0, 0.0, w, h).ok()?;
        offer(name, &sheet.to_data_url_with_type("image/png").ok()?)
    };
    gloo::events::EventListener::once(&image, "load", move |_| {
        draw();
    })
    .forget();
    image.set_src(&format!("data:image/svg+xml,{}", js_sys::encode_uri_component(svg)));
}
