//! The scheduler's table for a pod: each node, what its filters say one by one, and the scores of those that fit.

use super::Common;
use crate::bridge::{Topic, use_topic};
use crate::platform::timers;
use kubarium_core::view::inspect::{self, Answer, FILTERS};
use kubarium_core::view::model::Id;
use std::rc::Rc;
use yew::prelude::*;

/// Rows at most; alike nodes share one where there are many.
const ROWS: usize = 60;
/// Nodes from which those that say the same are told together.
const MANY: usize = 12;

#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Page and session.
    pub common: Common,
    /// The pod.
    pub id: Id,
    /// A few nodes are told of filter by filter at once; else by a click on one.
    #[prop_or_default]
    pub full: bool,
}

/// Rows: nodes that say the same are one, where there are many.
fn rows(answers: Vec<Answer>) -> Vec<(Vec<String>, Answer)> {
    let mut rows: Vec<(Vec<String>, Answer)> = vec![];
    let many = answers.len() > MANY;
    for a in answers {
        let alike = rows.iter_mut().find(|(_, b)| {
            many && (a.refused, &a.reasons, &a.scores, a.total) == (b.refused, &b.reasons, &b.scores, b.total)
        });
        match alike {
            Some((names, _)) => names.push(a.node.to_string()),
            None => rows.push((vec![a.node.to_string()], a)),
        }
    }
    // what would do comes first, the best of it above
    rows.sort_by_key(|(_, a)| (a.refused.is_some(), std::cmp::Reverse(a.total)));
    rows.truncate(ROWS);
    rows
}

/// The table.
#[component]
pub fn Placing(props: &Props) -> Html {
    let Props { common: Common { ui, session }, id, full } = props;
    use_topic(session, Topic::Objects);
    use_topic(session, Topic::Clock);
    let lang = ui.lang;
    let kept = use_mut_ref(|| (0u64, -1e9f64, Rc::new(Vec::new())));
    let shown = {
        let mut kept = kept.borrow_mut();
        let now = timers::now();
        // every node is asked anew: not more often than people read
        if kept.0 != *id || now - kept.1 > 700.0 {
            let answers = session.read(|e| inspect::placing(&e.cluster, *id)).unwrap_or_default();
            *kept = (*id, now, Rc::new(rows(answers)));
        }
        kept.2.clone()
    };
    let t = |key| lang.t(key);
    html! {
        <div class="placing" data-testid="placing">
            <h3>{ t("placing.title") }</h3>
            <p class="hint">{ t("placing.hint") }</p>
            if shown.is_empty() { <p class="empty">{ t("placing.none") }</p> }
            { for shown.iter().map(|(names, a)| {
                let name = if names.len() > 1 { lang.f("placing.alike", &[("n", &names.len().to_string())]) } else { names[0].clone() };
                let stop = a.refused.and_then(|r| FILTERS.iter().position(|f| *f == r));
                html! {
                    <details class={classes!("node-answer", a.refused.is_some().then_some("no"))} open={*full && shown.len() <= 4}>
                        <summary title={names.join(", ")}>
                            <i aria-hidden="true">{ if a.refused.is_some() { "✕" } else { "✓" } }</i>
                            <b>{ name }</b>
                            <span>{ match a.refused {
                                Some(_) => a.reasons.join(", "),
                                None => lang.f("placing.fits", &[("n", &a.total.to_string())]),
                            } }</span>
                        </summary>
                        <table>
                            <tbody>
                                { for FILTERS.iter().enumerate().map(|(i, f)| {
                                    let (class, sign, said) = match stop {
                                        Some(s) if i == s => ("no", "✕", a.reasons.join(", ")),
                                        Some(s) if i > s => ("later", "·", t("placing.not_asked").to_owned()),
                                        None if a.refused == Some(*f) => ("no", "✕", a.reasons.join(", ")),
                                        _ => ("yes", "✓", t("placing.passed").to_owned()),
                                    };
                                    html! { <tr class={class}><th scope="row">{ *f }</th><td><i aria-hidden="true">{ sign }</i>{ " " }{ said }</td></tr> }
                                }) }
                            </tbody>
                            if !a.scores.is_empty() {
                                <tbody>
                                    <tr class="sub"><th scope="rowgroup" colspan="2">{ t("placing.scores") }</th></tr>
                                    { for a.scores.iter().map(|(plugin, n, weight)| html! {
                                        <tr><th scope="row">{ *plugin }</th><td>{ n }{ " " }{ lang.f("placing.weight", &[("n", &weight.to_string())]) }</td></tr>
                                    }) }
                                </tbody>
                            }
                        </table>
                    </details>
                }
            }) }
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_nodes_that_say_the_same_are_one_row() {
        let answer = |n: usize| Answer {
            node: format!("node-{n}").into(),
            refused: (n > 0).then_some("NodeResourcesFit"),
            reasons: if n > 0 { vec!["Insufficient cpu".to_owned()] } else { vec![] },
            scores: vec![],
            total: 0,
        };
        let shown = rows((0..40).map(answer).collect());
        assert_eq!(shown.iter().map(|(n, _)| n.len()).collect::<Vec<_>>(), [1, 39]);
        assert_eq!(rows((0..5).map(answer).collect()).len(), 5);
    }
}
