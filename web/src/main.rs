//! The page: a Yew application around `kubarium-core`. It holds no Kubernetes logic.
//!
//! The content security policy of `index.html` forbids inline styles as well as inline scripts: `style="…"` in `html!`
//! is refused by the browser. Use classes, or set properties of an element's `style()` in an effect.

mod editor;

use yew::prelude::*;

/// The whole page.
#[component]
fn App() -> Html {
    let place = use_node_ref();
    {
        let place = place.clone();
        use_effect_with((), move |()| {
            let editor = place.cast::<web_sys::Element>().map(|parent| editor::create(&parent, &js_sys::Object::new()));
            move || {
                if let Some(editor) = editor {
                    editor::destroy(&editor);
                }
            }
        });
    }
    html! { <main><h1>{ "Kubarium" }</h1><div class="editor" ref={place}></div></main> }
}

fn main() {
    console_error_panic_hook::set_once();
    yew::Renderer::<App>::new().render();
}
