//! The page: a Yew application around `kubarium-core`. It holds no Kubernetes logic: it drives a session
//! ([`bridge`]), shows its view model ([`map`], [`components`]) and turns what a person does into inputs.

mod app;
mod assist;
mod bridge;
mod components;
mod editor;
mod hooks;
mod i18n;
mod icons;
mod keep;
mod lesson;
mod map;
mod platform;
mod scenario;
mod sharing;
mod state;

fn main() {
    console_error_panic_hook::set_once();
    platform::rest::load();
    yew::Renderer::<app::App>::new().render();
}
