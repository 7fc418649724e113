//! A lesson on paper: goal, questions and tasks with room to write, no answers. Shown as it will be printed.

use super::rich;
use crate::components::Common;
use crate::icons::icon;
use crate::lesson::say;
use kubarium_core::lesson::model::StepKind;
use yew::prelude::*;

/// The worksheet of the lesson that is being worked on.
#[component]
pub fn Worksheet(props: &Common) -> Html {
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let Some(lesson) = session.read(|e| e.lesson.as_ref().map(|r| r.lesson.clone())) else { return html! {} };
    let print = Callback::from(|_: MouseEvent| {
        let _ = gloo::utils::window().print();
    });
    let asks = lesson.steps.iter().filter(|s| matches!(s.kind, StepKind::Predict | StepKind::Act));
    html! {
        <>
            <p class="no-print row"><button type="button" class="btn primary" onclick={print} data-first="" data-testid="print">{ icon("print") }{ t("lesson.print_now") }</button></p>
            <article class="worksheet" data-testid="worksheet">
                <header>
                    <h1>{ say(ui.lang, &lesson.title) }</h1>
                    <p class="sheet-name"><span>{ t("sheet.name") }</span><span>{ t("sheet.date") }</span></p>
                </header>
                <p><b>{ t("sheet.goal") }</b>{ " " }{ rich::line(say(ui.lang, &lesson.goal)) }</p>
                <ol>
                    { for asks.map(|s| html! {
                        <li>
                            if let Some(title) = &s.title { <h3>{ say(ui.lang, title) }</h3> }
                            { rich::printed(say(ui.lang, &s.text)) }
                            if s.kind == StepKind::Predict {
                                <ul class="sheet-options">{ for s.options.iter().map(|o| html! { <li>{ rich::line(say(ui.lang, &o.text)) }</li> }) }</ul>
                                <p class="sheet-ask">{ t("sheet.why") }</p>
                            } else {
                                <ul class="sheet-checks">{ for s.checks.iter().map(|c| html! { <li>{ rich::line(say(ui.lang, &c.say)) }</li> }) }</ul>
                                <p class="sheet-ask">{ t("sheet.saw") }</p>
                            }
                            <div class="sheet-lines" aria-hidden="true"><i></i><i></i><i></i></div>
                        </li>
                    }) }
                </ol>
                <footer>{ "Kubarium" }</footer>
            </article>
        </>
    }
}
