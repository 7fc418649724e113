//! The terminal: what was typed and printed, a line to type in, history (arrows), completion (Tab), Ctrl+C.

use super::Common;
use crate::bridge::{Session, TermLine, Topic, use_topic};
use crate::platform::storage;
use crate::state::UiHandle;
use kubarium_core::kubectl::line;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement, KeyboardEvent};
use yew::prelude::*;

/// Pieces that are shown.
const SHOWN: usize = 400;
/// Lines remembered.
const HISTORY: usize = 200;

fn remembered() -> Vec<String> {
    storage::read("history").and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default()
}

/// The longest beginning that all have.
fn common_start(words: &[String]) -> String {
    let Some(first) = words.first() else { return String::new() };
    let mut end = first.len();
    for w in &words[1..] {
        end = first
            .char_indices()
            .map(|(i, c)| i + c.len_utf8())
            .take_while(|i| w.get(..*i) == first.get(..*i))
            .last()
            .unwrap_or(0)
            .min(end);
    }
    first[..end].to_owned()
}

/// What Tab makes of a line: the completed line, and the candidates if there are several.
fn complete(session: &Session, ui: &UiHandle, line: &str) -> (String, Vec<String>) {
    let files: Vec<String> = ui.files.iter().map(|f| f.name.clone()).collect();
    let (from, found) = crate::assist::complete_line(session, line, &files);
    match found.len() {
        0 => (line.to_owned(), vec![]),
        1 => {
            let word = &found[0];
            let space = if word.ends_with(['=', '/', ':']) { "" } else { " " };
            (format!("{}{word}{space}", &line[..from]), vec![])
        }
        _ => {
            let start = common_start(&found);
            let longer = start.len() > line.len() - from;
            (if longer { format!("{}{start}", &line[..from]) } else { line.to_owned() }, found)
        }
    }
}

/// The terminal's panel.
#[component]
pub fn Terminal(props: &Common) -> Html {
    use_topic(&props.session, Topic::Terminal);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let input = use_node_ref();
    let scroll = use_node_ref();
    let history = use_mut_ref(remembered);
    let at = use_mut_ref(|| None::<usize>);
    // Lines of a here-document, a loop or an open quote: what follows belongs to them.
    let held = use_mut_ref(String::new);
    let again = use_force_update();
    let offers = use_state(|| Rc::new(Vec::<String>::new()));
    let (waiting, prompt) = session.read(|e| {
        let terminals = &e.cluster.world.terminals;
        (terminals.is_waiting(0), terminals.prompt(0))
    });
    let inside = !prompt.is_empty();
    // Stay at the end unless the person has scrolled up.
    let at_end = use_mut_ref(|| true);
    let onscroll = {
        let (scroll, at_end) = (scroll.clone(), at_end.clone());
        Callback::from(move |_: Event| {
            if let Some(s) = scroll.cast::<Element>() {
                *at_end.borrow_mut() = s.scroll_height() - s.client_height() - s.scroll_top() < 60;
            }
        })
    };
    {
        let (scroll, at_end) = (scroll.clone(), at_end.clone());
        let count = session.read(|e| e.terminal.back().map_or(0, |(n, _)| *n));
        use_effect_with((count, offers.clone()), move |_| {
            if *at_end.borrow()
                && let Some(s) = scroll.cast::<Element>()
            {
                s.set_scroll_top(s.scroll_height());
            }
        });
    }
    let take = {
        let (session, ui, history, held, again) =
            (session.clone(), ui.clone(), history.clone(), held.clone(), again.clone());
        Rc::new(move |typed: String| {
            // what a command waits for is its own business
            if !waiting && line::is_unfinished(&typed) {
                *held.borrow_mut() = typed;
                again.force_update();
                return;
            }
            held.borrow_mut().clear();
            let mut past = history.borrow_mut();
            if past.last() != Some(&typed) {
                past.push(typed.clone());
                let extra = past.len().saturating_sub(HISTORY);
                past.drain(..extra);
                if let Ok(text) = serde_json::to_string(&*past) {
                    storage::write("history", &text);
                }
            }
            drop(past);
            session.type_line(&typed, &ui.files);
        })
    };
    // A field of one line would run pasted lines together.
    let onpaste = {
        let (input, held, take, at_end) = (input.clone(), held.clone(), take.clone(), at_end.clone());
        Callback::from(move |e: Event| {
            let Some(pasted) = e
                .dyn_ref::<web_sys::ClipboardEvent>()
                .and_then(web_sys::ClipboardEvent::clipboard_data)
                .and_then(|d| d.get_data("text/plain").ok())
            else {
                return;
            };
            let pasted = pasted.replace("\r\n", "\n");
            let Some(field) = input.cast::<HtmlInputElement>().filter(|_| pasted.trim_end().contains('\n')) else {
                return;
            };
            e.prevent_default();
            *at_end.borrow_mut() = true;
            let mut text = held.borrow().clone();
            if !text.is_empty() {
                text.push('\n');
            }
            text += &field.value();
            text += pasted.trim_end();
            field.set_value("");
            take(text);
        })
    };
    let onkeydown = {
        let (session, ui, input, history, at, offers) =
            (session.clone(), ui.clone(), input.clone(), history.clone(), at.clone(), offers.clone());
        let (held, again, take) = (held.clone(), again.clone(), take.clone());
        let at_end = at_end.clone();
        Callback::from(move |e: KeyboardEvent| {
            // An input method is composing: Enter ends the syllable, not the line.
            if e.is_composing() {
                return;
            }
            let Some(field) = input.cast::<HtmlInputElement>() else { return };
            let line = field.value();
            match e.key().as_str() {
                "Enter" => {
                    *at_end.borrow_mut() = true;
                    offers.set(Rc::default());
                    field.set_value("");
                    *at.borrow_mut() = None;
                    let before = held.borrow().clone();
                    let typed = if before.is_empty() { line.trim().to_owned() } else { format!("{before}\n{line}") };
                    if !typed.is_empty() {
                        take(typed);
                    }
                }
                key @ ("ArrowUp" | "ArrowDown") => {
                    let past = history.borrow();
                    if past.is_empty() {
                        return;
                    }
                    e.prevent_default();
                    let now = *at.borrow();
                    let next = match (key, now) {
                        ("ArrowUp", None) => Some(past.len() - 1),
                        ("ArrowUp", Some(i)) => Some(i.saturating_sub(1)),
                        (_, Some(i)) if i + 1 < past.len() => Some(i + 1),
                        _ => None,
                    };
                    *at.borrow_mut() = next;
                    let line = next.map_or("", |i| &past[i]);
                    // all but the last of several lines stands above the field
                    let (before, last) = line.rsplit_once('\n').unwrap_or(("", line));
                    before.clone_into(&mut held.borrow_mut());
                    field.set_value(last);
                    again.force_update();
                }
                // Shift+Tab and an empty line leave the field: no trap for the keyboard.
                "Tab" if !inside && !e.shift_key() && !line.trim().is_empty() => {
                    e.prevent_default();
                    let (done, found) = complete(&session, &ui, &line);
                    field.set_value(&done);
                    offers.set(Rc::new(found));
                }
                "c" if e.ctrl_key() && field.selection_start() == field.selection_end() => {
                    e.prevent_default();
                    field.set_value("");
                    held.borrow_mut().clear();
                    again.force_update();
                    session.interrupt();
                }
                // The end of what is typed: a shell in a container ends with it, a command that waits too.
                "d" if e.ctrl_key() && line.is_empty() => {
                    e.prevent_default();
                    if waiting {
                        session.interrupt();
                    } else if inside {
                        session.type_line("exit", &[]);
                    }
                }
                "l" if e.ctrl_key() => {
                    e.prevent_default();
                    session.type_line("clear", &[]);
                }
                "Escape" => offers.set(Rc::default()),
                _ => {}
            }
        })
    };
    let focus = {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| {
            // A selection is being made: leave it alone.
            let selecting = gloo::utils::window().get_selection().ok().flatten().is_some_and(|s| !s.is_collapsed());
            if !selecting && let Some(field) = input.cast::<HtmlInputElement>() {
                let _ = field.focus();
            }
        })
    };
    let lines = session.read(|e| {
        let skip = e.terminal.len().saturating_sub(SHOWN);
        e.terminal.iter().skip(skip).cloned().collect::<Vec<_>>()
    });
    html! {
        <div class="terminal" onclick={focus} data-testid="terminal">
            <div class="term-scroll" ref={scroll} {onscroll} role="log" aria-label={t("dock.terminal")} tabindex="0">
                if lines.is_empty() {
                    <p class="hint">{ t("dock.terminal_hint") }</p>
                }
                { for lines.into_iter().map(|(n, line)| match line {
                    TermLine::Typed(text, map, prompt) => html! { <pre key={n} class="typed"><em>{ if prompt.is_empty() { "$ ".to_owned() } else { format!("{prompt} ") } }</em>{ &*text }if map { <s>{ format!("   # {}", t("dock.from_map")) }</s> }</pre> },
                    TermLine::Out(text) => html! { <pre key={n}>{ text.trim_end_matches('\n').to_owned() }</pre> },
                    TermLine::Err(text) => html! { <pre key={n} class="err">{ text.trim_end_matches('\n').to_owned() }</pre> },
                    TermLine::Done(input) => html! { <pre key={n} class="typed"><em>{ "$ " }</em>{ super::client::line_of(&input) }<s>{ format!("   # {}", t("dock.from_map")) }</s></pre> },
                }) }
                if !offers.is_empty() {
                    <p class="offers" role="status">{ for offers.iter().take(60).map(|o| html! { <span>{ o.clone() }</span> }) }</p>
                }
                if !held.borrow().is_empty() {
                    <pre class="typed"><em>{ if prompt.is_empty() { "$ ".to_owned() } else { format!("{prompt} ") } }</em>{ held.borrow().clone() }</pre>
                }
                <div class="term-line">
                    <label class="prompt" for="term-input">{ if !held.borrow().is_empty() { ">" } else if waiting { "…" } else if prompt.is_empty() { "$" } else { &*prompt } }</label>
                    <input id="term-input" ref={input} {onkeydown} {onpaste} autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false"
                        aria-label={t("dock.type_here")} placeholder={if waiting { t("dock.waiting") } else if inside { t("dock.inside") } else { t("dock.placeholder") }} data-testid="term-input" />
                </div>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::common_start;

    #[test]
    fn completion_goes_as_far_as_all_agree() {
        let words = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(common_start(&words(&["web-a", "web-b"])), "web-");
        assert_eq!(common_start(&words(&["파드", "파일"])), "파");
        assert_eq!(common_start(&words(&["get", "delete"])), "");
        assert_eq!(common_start(&[]), "");
    }
}
