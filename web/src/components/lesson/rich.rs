//! Texts of lessons: paragraphs, `code`, **bold**; a paragraph that is one command can be put into the terminal.
//! Whatever else stands in a text is text.

use crate::app::focus_soon;
use crate::icons::icon;
use crate::state::{Action, Dock, Phone, UiHandle};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// A piece of a line.
#[derive(Debug, PartialEq)]
enum Bit<'a> {
    Plain(&'a str),
    Code(&'a str),
    Bold(&'a str),
}

fn bits(text: &str) -> Vec<Bit<'_>> {
    let mut out = vec![];
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 {
            out.push(Bit::Code(part));
            continue;
        }
        for (j, part) in part.split("**").enumerate().filter(|(_, p)| !p.is_empty()) {
            out.push(if j % 2 == 1 { Bit::Bold(part) } else { Bit::Plain(part) });
        }
    }
    out
}

/// The command that a paragraph consists of.
fn command(paragraph: &str) -> Option<&str> {
    let inner = paragraph.strip_prefix('`')?.strip_suffix('`')?;
    (!inner.contains('`') && (inner.starts_with("kubectl ") || inner.starts_with("kubarium "))).then_some(inner)
}

/// Text within a line.
pub fn line(text: &str) -> Html {
    bits(text)
        .into_iter()
        .map(|b| match b {
            Bit::Plain(t) => html! { { t } },
            Bit::Code(t) => html! { <code>{ t }</code> },
            Bit::Bold(t) => html! { <b>{ t }</b> },
        })
        .collect()
}

/// Puts a line into the terminal, to be read and sent.
fn put(ui: &UiHandle, text: &str) {
    ui.dispatch(Action::Dock(Dock::Terminal));
    if crate::app::is_narrow() {
        ui.dispatch(Action::Phone(Phone::Dock));
    }
    let text = text.to_owned();
    // the terminal may only now be made
    gloo::timers::callback::Timeout::new(60, move || {
        let field = gloo::utils::document().get_element_by_id("term-input");
        if let Some(field) = field.and_then(|e| e.dyn_into::<HtmlInputElement>().ok()) {
            field.set_value(&text);
        }
        focus_soon("term-input");
    })
    .forget();
}

/// Whether a bit of code is a whole command, and not only the name of one.
fn whole(code: &str) -> bool {
    let named = code.starts_with("kubectl ") || code.starts_with("kubarium ");
    named && code.split_whitespace().count() > 2 && !code.contains(['<', '…'])
}

/// The button that puts a command into the terminal.
fn put_button(ui: &UiHandle, command: &str, class: &'static str) -> Html {
    let onclick = {
        let (ui, command) = (ui.clone(), command.to_owned());
        Callback::from(move |_: MouseEvent| put(&ui, &command))
    };
    let name = format!("{}: {command}", ui.lang.t("lesson.put"));
    html! { <button type="button" class={classes!("ghost", class)} {onclick} title={ui.lang.t("lesson.put")} aria-label={name}>{ icon("terminal") }</button> }
}

/// A paragraph; with a button beside each command in it.
fn paragraph(ui: &UiHandle, text: &str) -> Html {
    let bits = bits(text).into_iter().map(|b| match b {
        Bit::Code(t) if whole(t) => html! { <><code>{ t }</code>{ put_button(ui, t, "put") }</> },
        Bit::Plain(t) => html! { { t } },
        Bit::Code(t) => html! { <code>{ t }</code> },
        Bit::Bold(t) => html! { <b>{ t }</b> },
    });
    html! { <p>{ for bits }</p> }
}

/// A text of several paragraphs. `act`: commands that stand in a line are offered too, not only those that stand alone.
pub fn text(ui: &UiHandle, text: &str, act: bool) -> Html {
    text.split("\n\n")
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .map(|p| match command(p) {
            Some(line) => html! {
                <div class="lesson-command"><code>{ line }</code>{ put_button(ui, line, "") }</div>
            },
            None if act => paragraph(ui, p),
            None => html! { <p>{ self::line(p) }</p> },
        })
        .collect()
}

/// A text on paper: commands stand as they are.
pub fn printed(text: &str) -> Html {
    text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).map(|p| html! { <p>{ line(p) }</p> }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_bits() {
        assert_eq!(
            bits("a `b` **c** d"),
            [Bit::Plain("a "), Bit::Code("b"), Bit::Plain(" "), Bit::Bold("c"), Bit::Plain(" d")]
        );
        assert_eq!(bits("<b>`**`"), [Bit::Plain("<b>"), Bit::Code("**"),]);
        assert_eq!(command("`kubectl get pods`"), Some("kubectl get pods"));
        assert_eq!(command("`kubectl get` and `pods`"), None);
        assert_eq!(command("`app=shop`"), None);
        assert!(
            whole("kubectl get pods") && !whole("kubectl get") && !whole("kubectl scale rs <name>") && !whole("a b c")
        );
    }
}
