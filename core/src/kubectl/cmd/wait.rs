//! `kubectl wait`: until a condition holds, a field has a value, an object exists or is gone.
//!
//! Models kubectl `pkg/cmd/wait`.

use crate::apiserver::request::Request;
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::Context;
use crate::kubectl::builder::{self, Builder, Info};
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::pending::{Pending, Wait};
use crate::kubectl::printer::{self, jsonpath};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;

static FLAGS: &[Flag] = &[
    Flag::array(
        "for",
        "The condition to wait on: [create|delete|condition=condition-name[=condition-value]|jsonpath='{JSONPath expression}'=[JSONPath value]].",
    ),
    Flag::duration(
        "timeout",
        "30s",
        "The length of time to wait before giving up. Zero means check once and don't wait, negative means wait for a week.",
    ),
    Flag::bool("all", "Select all resources in the namespace of the specified resource types"),
    Flag::bool("local", "If true, annotation will NOT contact api-server but run locally."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "wait",
    "Wait for a specific condition on one or many resources.",
    "([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]",
    &[FLAGS, flags::PRINT, flags::FILES_DEEP, flags::SELECTOR, flags::FIELD_SELECTOR, flags::ALL_NAMESPACES],
    run,
);

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum For {
    /// The object is there.
    Create,
    /// The object is gone.
    Delete,
    /// A condition of the status has a value; both are compared without case.
    Condition(String, String),
    /// A JSONPath leads to a value, or (`None`) to any.
    JsonPath(String, Option<String>),
}

impl For {
    /// Reads `--for`.
    ///
    /// # Errors
    /// It is none of the forms.
    pub fn parse(text: &str) -> Result<For, String> {
        match text.to_lowercase().as_str() {
            "delete" => return Ok(For::Delete),
            "create" => return Ok(For::Create),
            _ => {}
        }
        if let Some(c) = text.strip_prefix("condition=") {
            let (name, value) = c.split_once('=').unwrap_or((c, "true"));
            return Ok(For::Condition(name.into(), value.into()));
        }
        let Some(path) = text.strip_prefix("jsonpath=") else {
            return Err(format!("unrecognized condition: [{text:?}]"));
        };
        let parts = split_path(path);
        let (path, value) = match parts.as_slice() {
            [p] => (p, None),
            [p, v] => (p, Some(v.trim_matches(['\'', '"']).to_string())),
            _ => {
                return Err("jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'".into());
            }
        };
        let relaxed = jsonpath::relaxed(path).map_err(|e| e.to_string())?;
        if relaxed.is_empty() {
            return Err("jsonpath expression cannot be empty".into());
        }
        if value.as_deref() == Some("") {
            return Err(
                "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3"
                    .into(),
            );
        }
        jsonpath::Template::parse(&relaxed).map_err(|e| e.to_string())?;
        Ok(For::JsonPath(relaxed, value))
    }

    /// Does it hold for an object?
    ///
    /// # Errors
    /// A JSONPath leads to several values, or to one that cannot be compared.
    pub fn met(&self, object: &Value) -> Result<bool, String> {
        match self {
            For::Create => Ok(true),
            For::Delete => Ok(false),
            For::Condition(name, value) => Ok(condition(object, name, value)),
            For::JsonPath(path, value) => {
                let template = jsonpath::Template::parse(path).map_err(|e| e.to_string())?;
                // a field that is not there yet is waited for
                let Ok(found) = template.results(object) else { return Ok(false) };
                let Some(first) = found.first().filter(|f| !f.is_empty()) else { return Ok(false) };
                if found.len() > 1 {
                    return Err("given jsonpath expression matches more than one list".into());
                }
                if first.len() > 1 {
                    return Err("given jsonpath expression matches more than one value".into());
                }
                let Some(wanted) = value else { return Ok(true) };
                match first[0].get() {
                    Value::Object(_) | Value::Array(_) => {
                        Err("jsonpath leads to a nested object or list which is not supported".into())
                    }
                    v => Ok(jsonpath::shown(v).trim() == wanted.trim()),
                }
            }
        }
    }
}

/// Splits at single `=`; `==` belongs to the expression.
fn split_path(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let last = out.len() - 1;
        if c != '=' {
            out[last].push(c);
        } else if chars.next_if_eq(&'=').is_some() {
            out[last].push_str("==");
        } else {
            out.push(String::new());
        }
    }
    out
}

fn condition(object: &Value, name: &str, value: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let is = |c: &&Value| c["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(name)) && c["status"].is_string();
    let Some(c) = conditions.into_iter().flatten().find(is) else { return false };
    if let Some(generation) = object["metadata"]["generation"].as_i64() {
        let observed = c["observedGeneration"].as_i64().or(object["status"]["observedGeneration"].as_i64());
        if observed.is_some_and(|o| o < generation) {
            return false;
        }
    }
    c["status"].as_str().is_some_and(|s| s.eq_ignore_ascii_case(value))
}

/// A `kubectl wait` that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    targets: VecDeque<Target>,
    conditions: Vec<For>,
    /// `-o`; empty: `… condition met`
    output: String,
    /// What has gone wrong with objects that were waited for already.
    failed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Target {
    path: String,
    /// `pods/web`
    name: String,
    /// `pod/web`
    printed: String,
    /// The object that is to go, told from a later one of the same name.
    uid: String,
}

fn target(info: &Info) -> Target {
    let uid = info.object["metadata"]["uid"].as_str().unwrap_or_default().into();
    Target { path: info.path(), name: info.object_name(), printed: info.printed_name(), uid }
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let given = inv.list("for");
    if given.is_empty() {
        return Err(CmdError::client("unrecognized condition: []"));
    }
    let conditions: Vec<For> =
        given.iter().map(|t| For::parse(t)).collect::<Result<_, _>>().map_err(CmdError::Client)?;
    let (deletes, creates) = (conditions.contains(&For::Delete), conditions.contains(&For::Create));
    let mut builder = Builder::new(inv).args(&inv.args);
    builder = if creates { builder.local() } else { builder.latest() };
    let (infos, mut errors) = builder::split(builder.infos(ctx)?);
    if deletes {
        errors.retain(|e| !e.is_not_found());
    }
    if infos.is_empty() && errors.is_empty() && !deletes {
        return Err(CmdError::client("no matching resources found"));
    }
    let targets = infos.iter().map(target).collect();
    let output = inv.str("output").to_string();
    let mut waiting = Waiting { targets, conditions, output, failed: vec![] };
    let timeout = match inv.seconds("timeout") {
        t if t < 0.0 => 168.0 * 3600.0,
        t => t,
    };
    let done = if timeout == 0.0 { waiting.once(ctx)? } else { waiting.poll(None, ctx)? };
    if !errors.is_empty() {
        return CmdError::collect(errors);
    }
    if !done {
        let deadline = ctx.now() + SimDuration((timeout * 1e6) as u64);
        ctx.out.pending = Some(Pending::new(Wait::Waiting(waiting), Some(deadline)));
    }
    Ok(())
}

impl Waiting {
    fn show(&self, t: &Target, object: &Value, ctx: &mut Context) {
        match self.output.as_str() {
            "json" => ctx.print(printer::json::json(object)),
            "yaml" => ctx.print(printer::json::yaml(object)),
            "name" => ctx.println(&t.printed),
            _ => ctx.println(format!("{} condition met", t.printed)),
        }
    }

    /// Has the first one what is waited for? Gives the object as it was last seen.
    fn look(&self, t: &Target, ctx: &mut Context) -> Result<Option<Value>, CmdError> {
        let object = match ctx.call(Request::get(t.path.clone())) {
            Ok(o) => o,
            Err(e) if e.is_not_found() => {
                if self.conditions.contains(&For::Delete) {
                    return Ok(Some(Value::Null));
                }
                return if self.conditions.contains(&For::Create) { Ok(None) } else { Err(e) };
            }
            Err(e) => return Err(e),
        };
        if self.conditions.contains(&For::Delete) && !t.uid.is_empty() && object["metadata"]["uid"] != t.uid.as_str() {
            return Ok(Some(object));
        }
        for c in &self.conditions {
            if !c.met(&object).map_err(CmdError::Client)? {
                return Ok(None);
            }
        }
        Ok(Some(object))
    }

    fn fail(&mut self) -> Result<bool, CmdError> {
        let errors = std::mem::take(&mut self.failed);
        CmdError::collect(errors.into_iter().map(CmdError::Client).collect()).map(|()| true)
    }

    /// `--timeout=0`: looks, and does not wait.
    fn once(&mut self, ctx: &mut Context) -> Result<bool, CmdError> {
        for t in std::mem::take(&mut self.targets) {
            match self.look(&t, ctx)? {
                Some(object) => self.show(&t, &object, ctx),
                None => self.failed.push(format!("condition not met for {}", t.name)),
            }
        }
        self.fail()
    }

    /// Tells of what has come true; true at the end.
    ///
    /// # Errors
    /// Time is up, or an object cannot be read.
    pub fn poll(&mut self, deadline: Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
        let late = deadline.is_some_and(|d| ctx.now() >= d);
        while let Some(t) = self.targets.front().cloned() {
            match self.look(&t, ctx)? {
                Some(object) => self.show(&t, &object, ctx),
                None if late => self.failed.push(format!("timed out waiting for the condition on {}", t.name)),
                None => return Ok(false),
            }
            self.targets.pop_front();
        }
        self.fail()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_of_conditions() {
        let o = json!({"metadata": {"generation": 2}, "status": {"n": 3, "l": [], "observedGeneration": 2, "conditions": [{"type": "Ready", "status": "False"}]}});
        let met = |t: &str| For::parse(t).and_then(|f| f.met(&o));
        assert_eq!(met("condition=ready=false"), Ok(true));
        assert_eq!(met("condition=Ready"), Ok(false));
        assert_eq!(met("jsonpath={.status.n}=3"), Ok(true));
        assert_eq!(met("jsonpath={.status.n}"), Ok(true));
        assert_eq!(met("jsonpath={.status.nope}=3"), Ok(false));
        assert!(met("jsonpath={.status.l}=3").is_err() && met("jsonpath={.status.n}=").is_err() && met("x").is_err());
        assert_eq!(met("jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=False"), Ok(true));
    }
}
