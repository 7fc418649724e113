//! The panel of a lesson: the step, its question or its checks, help in three rungs, and links back along the timeline.

pub mod author;
pub mod catalogue;
pub mod rich;
pub mod worksheet;

use super::Common;
use crate::app::focus_soon;
use crate::bridge::{Topic, use_topic};
use crate::i18n::Lang;
use crate::icons::icon;
use crate::lesson::{Run, say, start};
use crate::state::{Action, Dialog, InspectTab, Phone};
use kubarium_core::lesson::Mark;
use kubarium_core::lesson::model::{LookAt, LookTab, Step, StepKind};
use yew::prelude::*;

/// Does something with a click.
fn on(f: impl Fn() + 'static) -> Callback<MouseEvent> {
    Callback::from(move |_: MouseEvent| f())
}

/// The panel; nothing where no lesson is worked on.
#[component]
pub fn LessonPanel(props: &Common) -> Html {
    use_topic(&props.session, Topic::Lesson);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let scroll = use_node_ref();
    let run = session.read(|e| e.lesson.clone());
    let here = run.as_ref().map(|r| (r.lesson.id.clone(), r.step));
    let state = run.as_ref().map_or((0, false), |r| (r.step, r.now().passed));
    {
        // A step that has just come is read from its beginning: the focus goes there, unless the page has only now
        // been loaded and nothing has it yet. Where the panel is not shown it stays where it is.
        let scroll = scroll.clone();
        use_effect_with(here, move |here| {
            if here.is_some() {
                if let Some(el) = scroll.cast::<web_sys::Element>() {
                    el.set_scroll_top(0);
                }
                let document = gloo::utils::document();
                if document.active_element().is_some_and(|e| Some(e) != document.body().map(Into::into)) {
                    focus_soon("lesson-body");
                }
            }
        });
    }
    {
        // A step that has just been done is said, on whatever panel of a phone, and kept.
        let (ui, session) = (ui.clone(), session.clone());
        let before = use_mut_ref(|| state);
        use_effect_with(state, move |now| {
            let was = before.replace(*now);
            if now.0 == was.0 && now.1 && !was.1 {
                start::keep(&session);
                let act = session.read(|e| e.lesson.as_ref().is_some_and(|r| r.here().kind == StepKind::Act));
                if act && crate::app::is_narrow() && ui.phone != Phone::Lesson {
                    ui.dispatch(Action::Toast(ui.lang.t("lesson.passed").to_owned()));
                }
            }
        });
    }
    let Some(run) = run else { return html! {} };
    let step = run.here();
    let all = run.lesson.steps.len();
    let (n, of) = ((run.step + 1).to_string(), all.to_string());
    let passed = run.now().passed;
    let last = run.step + 1 == all;
    let turn = |forward: bool| {
        let session = session.clone();
        on(move || start::turn(&session, forward))
    };
    let close = {
        let (ui, session) = (ui.clone(), session.clone());
        on(move || start::leave(&ui, &session))
    };
    let dispatch = |action: Action| {
        let ui = ui.clone();
        on(move || ui.dispatch(action.clone()))
    };
    let kind = kind_name(ui.lang, step.kind);
    let title = step.title.as_ref().map_or(kind, |x| say(ui.lang, x));
    let spoken = {
        let done = run.marks().iter().filter(|m| **m == Mark::Done).count();
        match step.kind {
            StepKind::Act if passed => t("lesson.passed").to_owned(),
            StepKind::Act if run.failed() => t("lesson.failed").to_owned(),
            StepKind::Act if done > 0 => {
                ui.lang.f("lesson.checks_done", &[("n", &done.to_string()), ("all", &run.marks().len().to_string())])
            }
            // which step it is the focus says
            _ => String::new(),
        }
    };
    let place = format!("{} – {title}", ui.lang.f("lesson.of", &[("n", &n), ("all", &of)]));
    html! {
        <section class="panel lesson-panel" aria-label={t("panel.lesson")} data-panel="lesson" data-testid="lesson" data-step={n.clone()} data-passed={passed.to_string()}>
            <div class="lesson-head">
                <button type="button" class="ghost lesson-title" onclick={dispatch(Action::Dialog(Some(Dialog::Lessons)))} title={t("lesson.all")} data-testid="lesson-title">
                    { icon("lesson") }<span>{ say(ui.lang, &run.lesson.title) }</span>
                </button>
                <button type="button" class="ghost" onclick={dispatch(Action::LessonEditor(!ui.lesson_editor))} aria-pressed={ui.lesson_editor.to_string()}
                    title={t("lesson.editor")} aria-label={t("lesson.editor")} data-testid="lesson-editor">{ icon("editor") }</button>
                <button type="button" class="ghost" onclick={dispatch(Action::Dialog(Some(Dialog::Worksheet)))} title={t("lesson.print")} aria-label={t("lesson.print")} data-testid="lesson-print">{ icon("print") }</button>
                <button type="button" class="ghost" onclick={close} title={t("lesson.leave")} aria-label={t("lesson.leave")} data-testid="lesson-leave">{ icon("close") }</button>
            </div>
            <progress class="lesson-progress" max={of.clone()} value={n.clone()} aria-label={ui.lang.f("lesson.of", &[("n", &n), ("all", &of)])}></progress>
            <div class="lesson-body" id="lesson-body" ref={scroll} tabindex="0" role="group" aria-label={place}>
                <p class={classes!("lesson-kind", kind_class(step.kind))}><span>{ kind }</span><small>{ format!("{n} / {of}") }</small></p>
                if let Some(title) = &step.title { <h2>{ say(ui.lang, title) }</h2> }
                { rich::text(ui, say(ui.lang, &step.text), step.kind == StepKind::Act) }
                { match step.kind {
                    StepKind::Predict => html! { <Predict key={run.step} common={props.clone()} /> },
                    StepKind::Act => html! { <Act common={props.clone()} /> },
                    _ => html! {},
                } }
                { looks(props, &run, step) }
                if last && run.finished() {
                    <p class="lesson-finished" data-testid="lesson-finished">{ icon("done") }<b>{ t("lesson.finished") }</b></p>
                }
                if let Some(notes) = step.notes.as_ref().or(run.lesson.notes.as_ref().filter(|_| run.step == 0)).filter(|_| !ui.present.on) {
                    <details class="lesson-notes"><summary>{ t("lesson.notes") }</summary>{ rich::text(ui, say(ui.lang, notes), false) }</details>
                }
            </div>
            <div class="lesson-foot">
                <button type="button" class="btn" onclick={turn(false)} disabled={run.step == 0} data-testid="lesson-back">{ icon("left") }{ t("lesson.back") }</button>
                <span class="grow"></span>
                if last {
                    <button type="button" class={classes!("btn", passed.then_some("primary"))} onclick={dispatch(Action::Dialog(Some(Dialog::Lessons)))} data-testid="lesson-more">{ t("lesson.more") }{ icon("right") }</button>
                } else {
                    <button type="button" class={classes!("btn", passed.then_some("primary"))} onclick={turn(true)} data-testid="lesson-next">
                        { if passed { t("lesson.next") } else { t("lesson.skip") } }{ icon("right") }</button>
                }
            </div>
            <p class="sr-only" aria-live="polite" data-testid="lesson-said">{ spoken }</p>
        </section>
    }
}

/// What a step asks for, in a word.
pub fn kind_name(lang: Lang, kind: StepKind) -> &'static str {
    lang.t(match kind {
        StepKind::Read => "lesson.kind_read",
        StepKind::Predict => "lesson.kind_predict",
        StepKind::Act => "lesson.kind_act",
        StepKind::Why => "lesson.kind_why",
    })
}

fn kind_class(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Read => "read",
        StepKind::Predict => "predict",
        StepKind::Act => "act",
        StepKind::Why => "why",
    }
}

/// Links to objects and moments.
fn looks(props: &Common, run: &Run, step: &Step) -> Html {
    let Common { ui, session } = props;
    if step.look.is_empty() {
        return html! {};
    }
    let links = step.look.iter().enumerate().map(|(i, look)| {
        let leads = match &look.to {
            LookAt::Moment(m) => run.went.get(*m).is_some_and(|w| w.start.is_some()),
            LookAt::Object(..) => session.read(|e| run.watch().leads(look, &e.cluster)),
        };
        let onclick = {
            let (ui, session, look) = (ui.clone(), session.clone(), look.clone());
            let at = match &look.to {
                LookAt::Moment(m) => run.went.get(*m).and_then(|w| w.start.as_ref()).map(|s| s.at),
                LookAt::Object(..) => None,
            };
            on(move || match &look.to {
                LookAt::Moment(_) => {
                    if let Some(at) = at {
                        session.set_playing(false);
                        session.seek(at);
                        ui.dispatch(Action::Toast(ui.lang.t("lesson.past").to_owned()));
                        if crate::app::is_narrow() {
                            ui.dispatch(Action::Phone(Phone::Map));
                        }
                    }
                }
                LookAt::Object(objects, tab) => {
                    let found = session.read(|e| {
                        let id = e.lesson.as_ref()?.watch().find(objects, &e.cluster)?;
                        Some(e.scene.target(id))
                    });
                    if let Some(target) = found {
                        ui.dispatch(Action::Select(Some(target)));
                        ui.dispatch(Action::Inspect(match tab {
                            LookTab::Summary => InspectTab::Summary,
                            LookTab::Yaml => InspectTab::Yaml,
                            LookTab::Events => InspectTab::Events,
                            LookTab::Why => InspectTab::Why,
                        }));
                        ui.dispatch(Action::Phone(Phone::Inspect));
                    }
                }
            })
        };
        let glyph = if matches!(look.to, LookAt::Moment(_)) { "time" } else { "inspect" };
        html! {
            <li><button type="button" class="btn lesson-look" disabled={!leads} {onclick} data-testid={format!("look-{i}")}>{ icon(glyph) }<span>{ rich::line(say(ui.lang, &look.say)) }</span></button></li>
        }
    });
    html! { <ul class="lesson-looks">{ for links }</ul> }
}

#[derive(PartialEq, Properties)]
struct PartProps {
    common: Common,
}

/// A question: for one learner, or for a class that raises hands.
#[component]
fn Predict(props: &PartProps) -> Html {
    use_topic(&props.common.session, Topic::Lesson);
    let Common { ui, session } = &props.common;
    let t = |key| ui.lang.t(key);
    // in front of a room the hands are asked for from the start
    let hands = use_state(|| {
        let options = session.read(|e| e.lesson.as_ref().map_or(0, |r| r.here().options.len()));
        ui.present.on.then(|| vec![0u32; options])
    });
    let revealed = use_state(|| false);
    let Some(run) = session.read(|e| e.lesson.clone()) else { return html! {} };
    let step = run.here();
    let answer = run.now().answer;
    let open = answer.is_none() && !*revealed;
    let choose = |i: usize| {
        let session = session.clone();
        on(move || {
            if !open {
                return;
            }
            session.with(|e| {
                if let Some(run) = &mut e.lesson {
                    run.answer(i);
                    e.touch(Topic::Lesson);
                }
            });
            start::keep(&session);
        })
    };
    let votes: u32 = hands.as_ref().map_or(0, |h| h.iter().sum());
    let count = |i: usize, up: bool| {
        let hands = hands.clone();
        on(move || {
            let mut all = (*hands).clone().unwrap_or_default();
            if let Some(n) = all.get_mut(i) {
                *n = if up { (*n + 1).min(999) } else { n.saturating_sub(1) };
            }
            hands.set(Some(all));
        })
    };
    let ask = {
        let (hands, n) = (hands.clone(), step.options.len());
        on(move || hands.set(if hands.is_some() { None } else { Some(vec![0; n]) }))
    };
    let reveal = {
        let (revealed, session) = (revealed.clone(), session.clone());
        // the class's answer is the one with the most hands
        let most = hands.as_ref().and_then(|h| (0..h.len()).max_by_key(|i| (h[*i], h.len() - i))).filter(|_| votes > 0);
        on(move || {
            revealed.set(true);
            session.with(|e| {
                if let Some(run) = &mut e.lesson {
                    if let Some(i) = most {
                        run.answer(i);
                    } else if let Some(right) = run.here().options.iter().position(|o| o.right) {
                        run.answer(right);
                    }
                    e.touch(Topic::Lesson);
                }
            });
        })
    };
    html! {
        <>
            <ol class="lesson-options" aria-label={t("lesson.options")}>
                { for step.options.iter().enumerate().map(|(i, o)| {
                    let chosen = answer == Some(i) && hands.is_none();
                    let verdict = (!open).then_some(if o.right { "right" } else { "wrong" });
                    let letter = char::from(b'A' + i as u8).to_string();
                    let n = hands.as_ref().and_then(|h| h.get(i)).copied().unwrap_or(0);
                    html! {
                        <li class={classes!(verdict, chosen.then_some("chosen"))}>
                            if hands.is_some() {
                                <div class="lesson-hands">
                                    <b class="letter">{ letter.clone() }</b>
                                    <span class="grow">{ rich::line(say(ui.lang, &o.text)) }</span>
                                    if open {
                                        <button type="button" class="ghost" onclick={count(i, false)} disabled={n == 0} aria-label={ui.lang.f("lesson.fewer", &[("option", &letter)])}>{ icon("minus") }</button>
                                    }
                                    <output class="hands" aria-label={ui.lang.f("lesson.hands_for", &[("option", &letter)])} data-testid={format!("hands-{i}")}>{ n }</output>
                                    if open {
                                        <button type="button" class="ghost" onclick={count(i, true)} aria-label={ui.lang.f("lesson.more_hands", &[("option", &letter)])} data-testid={format!("hand-{i}")}>{ icon("plus") }</button>
                                    }
                                </div>
                                if !open && votes > 0 {
                                    <meter min="0" max={votes.to_string()} value={n.to_string()} aria-label={ui.lang.f("lesson.hands_for", &[("option", &letter)])}></meter>
                                }
                            } else {
                                <button type="button" class="option" onclick={choose(i)} aria-disabled={(!open).to_string()} aria-pressed={chosen.to_string()} data-testid={format!("option-{i}")}>
                                    <b class="letter" aria-hidden="true">{ if open { letter.clone() } else if o.right { "✓".to_owned() } else { "×".to_owned() } }</b>
                                    <span>{ rich::line(say(ui.lang, &o.text)) }if let Some(word) = (!open).then(|| if o.right { t("lesson.right") } else { t("lesson.wrong") }) { <span class="sr-only">{ format!(" – {word}") }</span> }</span>
                                </button>
                            }
                            if !open && (chosen || o.right || hands.is_some()) {
                                <p class="debrief">{ rich::line(say(ui.lang, &o.debrief)) }</p>
                            }
                        </li>
                    }
                }) }
            </ol>
            <p class="lesson-class">
                if open {
                    <button type="button" class="btn small" onclick={ask} aria-pressed={hands.is_some().to_string()} data-testid="hands">{ icon("hand") }{ t("lesson.hands") }</button>
                }
                if open && hands.is_some() {
                    <button type="button" class="btn small primary" onclick={reveal} data-testid="reveal">{ t("lesson.reveal") }</button>
                }
            </p>
            <p class="sr-only" aria-live="polite">{ answer.filter(|_| !open).and_then(|a| step.options.get(a)).map_or("", |o| say(ui.lang, &o.debrief)) }</p>
        </>
    }
}

/// Something to do: its checks and its help.
#[component]
fn Act(props: &PartProps) -> Html {
    use_topic(&props.common.session, Topic::Lesson);
    // a check that must hold on shows for how long it has
    use_topic(&props.common.session, Topic::Clock);
    let Common { ui, session } = &props.common;
    let t = |key| ui.lang.t(key);
    let Some((run, now)) = session.read(|e| e.lesson.clone().map(|r| (r, e.now()))) else { return html! {} };
    let step = run.here();
    let passed = run.now().passed;
    let rung = run.now().rung;
    let help = {
        let session = session.clone();
        on(move || {
            session.with(|e| {
                if let Some(run) = &mut e.lesson {
                    run.help();
                    e.touch(Topic::Lesson);
                }
            });
            start::keep(&session);
        })
    };
    let again = {
        let session = session.clone();
        on(move || start::retry(&session))
    };
    let shown: Vec<(u8, String)> = (1..=rung)
        .filter_map(|r| {
            let i = session.read(|e| run.watch().hint(&step.hints, r, &e.cluster))?;
            Some((r, say(ui.lang, &step.hints[i].text).to_owned()))
        })
        .collect();
    let rungs = step.hints.iter().map(|h| h.rung).max().unwrap_or(0);
    html! {
        <>
            <ul class="lesson-checks" aria-label={t("lesson.checks")} data-testid="checks">
                { for step.checks.iter().zip(run.marks()).enumerate().map(|(i, (check, mark))| {
                    let (class, glyph, word) = match mark {
                        Mark::Open => ("open", "", t("lesson.mark_open")),
                        Mark::Holding => ("holding", "…", t("lesson.mark_holding")),
                        Mark::Done => ("done", "✓", t("lesson.mark_done")),
                        Mark::Failed => ("failed", "×", t("lesson.mark_failed")),
                    };
                    let held = run.held(i, now).map(|(n, of)| format!(" {n}/{of}"));
                    html! {
                        <li class={class} data-testid={format!("check-{i}")} data-mark={class}>
                            <i aria-hidden="true">{ glyph }</i>
                            <span>{ rich::line(say(ui.lang, &check.say)) }if let Some(held) = held { <small>{ held }</small> }<span class="sr-only">{ format!(" – {word}") }</span></span>
                        </li>
                    }
                }) }
            </ul>
            if passed {
                <p class="lesson-passed" data-testid="lesson-passed">{ icon("done") }{ t("lesson.passed") }</p>
            } else if run.failed() {
                <div class="lesson-failed" role="alert">
                    <p>{ t("lesson.failed") }</p>
                    <button type="button" class="btn primary small" onclick={again.clone()} data-testid="lesson-retry">{ icon("undo") }{ t("lesson.retry") }</button>
                </div>
            }
            if !shown.is_empty() {
                <ol class="lesson-hints" aria-live="polite">
                    { for shown.iter().map(|(r, text)| html! { <li key={*r} data-testid={format!("hint-{r}")}>{ rich::line(text) }</li> }) }
                </ol>
            }
            if !passed {
                <p class="lesson-class">
                    if rung < rungs {
                        <button type="button" class="btn small" onclick={help} data-testid="lesson-hint">{ icon("help") }{ match rung { 0 => t("lesson.hint"), 1 => t("lesson.hint_more"), _ => t("lesson.hint_last") } }</button>
                    }
                    if !run.failed() {
                        <button type="button" class="btn small" onclick={again} title={t("lesson.restart_hint")} data-testid="lesson-restart">{ icon("undo") }{ t("lesson.restart") }</button>
                    }
                </p>
            }
        </>
    }
}
