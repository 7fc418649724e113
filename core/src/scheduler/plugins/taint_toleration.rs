//! Taints keep pods away that do not tolerate them. Models plugins/tainttoleration and component-helpers.

use crate::scheduler::framework::{NodeInfo, Plugin, PodInfo, Reason, Refusal, normalized};
use k8s_openapi::api::core::v1;

/// What an untolerated taint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// No new pods.
    NoSchedule,
    /// Rather no new pods.
    PreferNoSchedule,
    /// No new pods, and the present ones go.
    NoExecute,
    /// An effect that does not exist.
    Unknown,
}

impl Effect {
    /// Reads the API's name of an effect.
    pub fn parse(s: &str) -> Effect {
        match s {
            "NoSchedule" => Effect::NoSchedule,
            "PreferNoSchedule" => Effect::PreferNoSchedule,
            "NoExecute" => Effect::NoExecute,
            _ => Effect::Unknown,
        }
    }
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value; often empty.
    pub value: String,
    /// What it does.
    pub effect: Effect,
}

impl From<&v1::Taint> for Taint {
    fn from(t: &v1::Taint) -> Self {
        Taint { key: t.key.clone(), value: t.value.clone().unwrap_or_default(), effect: Effect::parse(&t.effect) }
    }
}

/// How a toleration compares values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TolerationOperator {
    /// The same value; also where none is named.
    Equal,
    /// Any value.
    Exists,
    /// A number below the toleration's (behind the gate TaintTolerationComparisonOperators).
    Lt,
    /// A number above the toleration's (behind the same gate).
    Gt,
    /// An operator that does not exist.
    Unknown,
}

/// A taint, or several, that a pod stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Toleration {
    /// Empty: every key.
    pub key: String,
    /// How the value is compared.
    pub operator: TolerationOperator,
    /// The value.
    pub value: String,
    /// `None`: every effect.
    pub effect: Option<Effect>,
}

impl From<&v1::Toleration> for Toleration {
    fn from(t: &v1::Toleration) -> Self {
        Toleration {
            key: t.key.clone().unwrap_or_default(),
            operator: match t.operator.as_deref() {
                None | Some("" | "Equal") => TolerationOperator::Equal,
                Some("Exists") => TolerationOperator::Exists,
                Some("Lt") => TolerationOperator::Lt,
                Some("Gt") => TolerationOperator::Gt,
                Some(_) => TolerationOperator::Unknown,
            },
            value: t.value.clone().unwrap_or_default(),
            effect: t.effect.as_deref().filter(|e| !e.is_empty()).map(Effect::parse),
        }
    }
}

/// A number in decimal digits without leading zeros or plus sign, as the comparing operators want it.
fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits == "0" && text == digits || !digits.is_empty() && !digits.starts_with(['0', '+']);
    text.parse().ok().filter(|_| plain)
}

impl Toleration {
    /// Does it tolerate this taint? (While their gate is off, as in 1.36, the API server lets no comparing operator
    /// through, so they need not be refused here.)
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.tolerates_with(taint, true)
    }

    /// Does it tolerate this taint, with the comparing operators on or off?
    pub fn tolerates_with(&self, taint: &Taint, comparing: bool) -> bool {
        if self.effect.is_some_and(|e| e != taint.effect) || !self.key.is_empty() && self.key != taint.key {
            return false;
        }
        let compared = || Some((number(&taint.value)?, number(&self.value)?)).filter(|_| comparing);
        match self.operator {
            TolerationOperator::Equal => self.value == taint.value,
            TolerationOperator::Exists => true,
            TolerationOperator::Lt => compared().is_some_and(|(t, own)| t < own),
            TolerationOperator::Gt => compared().is_some_and(|(t, own)| t > own),
            TolerationOperator::Unknown => false,
        }
    }
}

/// The first of the taints in question that nothing tolerates. Models FindMatchingUntoleratedTaint.
pub fn untolerated<'a>(
    taints: &'a [Taint],
    tolerations: &[Toleration],
    in_question: impl Fn(&Taint) -> bool,
) -> Option<&'a Taint> {
    taints.iter().find(|t| in_question(t) && !tolerations.iter().any(|o| o.tolerates(t)))
}

/// Does the taint keep new pods off?
pub fn keeps_off(t: &Taint) -> bool {
    matches!(t.effect, Effect::NoSchedule | Effect::NoExecute)
}

/// Does the pod tolerate every taint that keeps pods off?
pub fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    untolerated(&node.spec.taints, &pod.tolerations, keeps_off)
        .map(|_| Refusal::new(Plugin::TaintToleration, false, Reason::Taint))
}

/// How many soft taints the pod does not tolerate.
pub fn score(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let soft = |t: &&Taint| t.effect == Effect::PreferNoSchedule;
    let tolerated = |t: &Taint| pod.tolerations.iter().any(|o| o.tolerates(t));
    node.spec.taints.iter().filter(soft).filter(|t| !tolerated(t)).count() as i64
}

/// One raw score scaled, given the largest: few taints are good.
pub fn normalize(score: i64, max: i64) -> i64 {
    normalized(score, max, true)
}
