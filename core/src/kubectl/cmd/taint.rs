//! `kubectl taint`: taints of nodes as `key=value:Effect` and `key[:Effect]-`.
//!
//! The first half is pure. Models kubectl `pkg/cmd/taint`.

use super::change;
use crate::api::names;
use crate::kubectl::Context;
use crate::kubectl::builder::Builder;
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use serde_json::{Value, json};

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taint {
    /// The key.
    pub key: String,
    /// The value; often empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`; empty (in a removal): any.
    pub effect: String,
}

impl Taint {
    /// Reads `spec.taints[i]`.
    pub fn from_value(v: &Value) -> Taint {
        let text = |k: &str| v[k].as_str().unwrap_or_default().to_string();
        Taint { key: text("key"), value: text("value"), effect: text("effect") }
    }

    /// As it stands in `spec.taints`.
    pub fn to_value(&self) -> Value {
        let mut v = json!({"key": self.key, "effect": self.effect});
        if !self.value.is_empty() {
            v["value"] = self.value.clone().into();
        }
        v
    }

    fn text(&self) -> String {
        match (self.effect.as_str(), self.value.as_str()) {
            ("", _) => self.key.clone(),
            (effect, "") => format!("{}:{effect}", self.key),
            (effect, value) => format!("{}={value}:{effect}", self.key),
        }
    }

    fn same(&self, other: &Taint) -> bool {
        self.key == other.key && self.effect == other.effect
    }
}

/// Splits the arguments of `kubectl taint` into resources and taints.
///
/// # Errors
/// A resource after the first taint.
pub fn split(args: &[String]) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut resources, mut taints) = (vec![], vec![]);
    for a in args {
        let taint = a.contains('=') || a.contains(':') || a.ends_with('-');
        match (taint, taints.is_empty()) {
            (true, _) => taints.push(a.clone()),
            (false, true) => resources.push(a.clone()),
            (false, false) => return Err(format!("all resources must be specified before taint changes: {a}")),
        }
    }
    Ok((resources, taints))
}

fn parse_one(spec: &str) -> Result<Taint, String> {
    let mut taint = Taint::default();
    match spec.split(':').collect::<Vec<_>>()[..] {
        [key] => taint.key = key.into(),
        [pair, effect] => {
            if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
                return Err(format!("invalid taint effect: {effect}, unsupported taint effect"));
            }
            taint.effect = effect.into();
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if value.contains('=') {
                return Err(format!("invalid taint spec: {spec}"));
            }
            taint.key = key.into();
            let errors = names::is_label_value(value);
            if !errors.is_empty() {
                return Err(format!("invalid taint spec: {spec}, {}", errors.join("; ")));
            }
            taint.value = value.into();
        }
        _ => return Err(format!("invalid taint spec: {spec}")),
    }
    let errors = names::is_qualified_name(&taint.key);
    if errors.is_empty() { Ok(taint) } else { Err(format!("invalid taint spec: {spec}, {}", errors.join("; "))) }
}

/// Taints to add and taints to remove (those without value; an empty effect means every effect).
///
/// # Errors
/// A malformed taint, an unknown effect, or the same key and effect twice.
pub fn parse_taints(specs: &[String]) -> Result<(Vec<Taint>, Vec<Taint>), String> {
    let (mut add, mut remove): (Vec<Taint>, Vec<Taint>) = (vec![], vec![]);
    for spec in specs {
        if let Some(spec) = spec.strip_suffix('-') {
            remove.push(Taint { value: String::new(), ..parse_one(spec)? });
            continue;
        }
        let taint = parse_one(spec)?;
        if taint.effect.is_empty() {
            return Err(format!("invalid taint spec: {spec}"));
        }
        if add.iter().any(|t| t.same(&taint)) {
            return Err(format!(
                "duplicated taints with the same key and effect: {{{} {} {} <nil>}}",
                taint.key, taint.value, taint.effect
            ));
        }
        add.push(taint);
    }
    Ok((add, remove))
}

/// Refuses taints that are both added and removed.
///
/// # Errors
/// Names them.
pub fn check_conflicts(add: &[Taint], remove: &[Taint]) -> Result<(), String> {
    let mut both = vec![];
    for t in add {
        for r in remove.iter().filter(|r| r.key == t.key) {
            if r.effect.is_empty() || r.effect == t.effect {
                both.push(r.key.as_str());
            }
        }
    }
    if both.is_empty() {
        return Ok(());
    }
    Err(format!("can not both modify and remove the following taint(s) in the same command: {}", both.join(", ")))
}

/// The taints a node `name` has afterwards, and the word for what was done: `tainted`, `untainted` or `modified`.
///
/// # Errors
/// A taint that is there already without `overwrite`, or one to remove that is not there.
pub fn retaint(
    name: &str,
    old: &[Taint],
    add: &[Taint],
    remove: &[Taint],
    overwrite: bool,
) -> Result<(Vec<Taint>, &'static str), String> {
    if !overwrite {
        let held: Vec<&str> = add.iter().filter(|t| old.iter().any(|o| o.same(t))).map(|t| t.key.as_str()).collect();
        if !held.is_empty() {
            return Err(format!(
                "node {name} already has {} taint(s) with same effect(s) and --overwrite is false",
                held.join(",")
            ));
        }
    }
    let mut new = add.to_vec();
    new.extend(old.iter().filter(|o| !add.iter().any(|t| t.same(o))).cloned());
    let added = old.len() != new.len();
    let mut errors = vec![];
    let mut deleted = false;
    for r in remove {
        let before = new.len();
        new.retain(|t| t.key != r.key || !r.effect.is_empty() && t.effect != r.effect);
        deleted = new.len() < before;
        if !deleted {
            errors.push(format!("taint {:?} not found", r.text()));
        }
    }
    match errors.as_slice() {
        [] => {}
        [one] => return Err(one.clone()),
        many => return Err(format!("[{}]", many.join(", "))),
    }
    let word = if added && deleted || overwrite {
        "modified"
    } else if added {
        "tainted"
    } else {
        "untainted"
    };
    Ok((new, word))
}

/// The command.
pub static COMMAND: Command = Command::new(
    "taint",
    "Update the taints on one or more nodes.",
    "NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N",
    &[FLAGS, flags::PRINT, flags::SELECTOR, flags::DRY_RUN, flags::FIELD_MANAGER, change::VALIDATE],
    run,
);

static FLAGS: &[Flag] = &[
    Flag::bool(
        "overwrite",
        "If true, allow taints to be overwritten, otherwise reject taint updates that overwrite existing taints.",
    ),
    Flag::bool("all", "Select all nodes in the cluster."),
];

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let err = |t: &str| Err(CmdError::client(t));
    let dry = inv.dry_run()?;
    let (resources, specs) = split(&inv.args).map_err(CmdError::Client)?;
    if resources.is_empty() {
        return err("one or more resources must be specified as <resource> <name>");
    }
    if specs.is_empty() {
        return err("at least one taint update is required");
    }
    let (add, remove) = parse_taints(&specs).map_err(|e| inv.usage(e))?;
    let all = inv.bool("all");
    if !all && !inv.changed("selector") && resources.len() < 2 && !resources[0].contains('/') {
        return err("at least one resource name must be specified since 'all' parameter is not set");
    }
    let kind = resources[0].split('/').next().unwrap_or_default().to_lowercase();
    if !matches!(kind.as_str(), "node" | "nodes" | "no") {
        return Err(CmdError::client(format!(
            "invalid resource type {}, only [node nodes] types are supported",
            resources[0]
        )));
    }
    if all && inv.changed("selector") {
        return err("setting 'all' parameter with a non empty selector is prohibited");
    }
    check_conflicts(&add, &remove).map_err(CmdError::Client)?;
    let infos = Builder::new(inv).typed().args(&resources).infos(ctx)?;
    change::each(infos, ctx, |info, ctx| {
        let old: Vec<Taint> =
            info.object["spec"]["taints"].as_array().into_iter().flatten().map(Taint::from_value).collect();
        let (new, word) = retaint(&info.name, &old, &add, &remove, inv.bool("overwrite")).map_err(CmdError::Client)?;
        let mut after = info.object.clone();
        // Kept as they are where they did not change: a taint may carry the time it was added.
        let kept = info.object["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let list: Vec<Value> = new
            .iter()
            .map(|t| kept.iter().find(|o| Taint::from_value(o) == *t).cloned().unwrap_or_else(|| t.to_value()))
            .collect();
        if list.is_empty() {
            if let Some(spec) = after["spec"].as_object_mut() {
                spec.remove("taints");
            }
        } else {
            after["spec"]["taints"] = list.into();
        }
        if dry != DryRun::Client {
            let (body, kind) = change::difference(&info, &info.object, &after);
            after = change::patch(&info, kind, body, (inv, dry, "kubectl-taint"), ctx)?;
        }
        change::print(inv, &after, word, dry, ctx)
    })
}
