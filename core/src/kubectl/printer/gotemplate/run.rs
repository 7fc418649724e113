//! Running a template: nodes are printed in the light of the data and of the variables set so far.

use super::functions::{call, truth};
use super::{Node, Operand, Pipe, Result};
use crate::kubectl::printer::jsonpath::go;
use serde_json::Value;

pub(super) enum Flow {
    On,
    Break,
    Continue,
}

pub(super) struct Run {
    pub(super) vars: Vec<(String, Value)>,
    pub(super) out: String,
    pub(super) allow_missing: bool,
}

/// A missing key, as opposed to a null.
fn missing() -> Value {
    Value::Null
}

fn printed(v: &Value) -> String {
    match v {
        Value::Null => "<no value>".into(),
        Value::Number(n) if n.as_f64().is_some_and(|f| f.abs() >= 1e21) => n.to_string(),
        other => go(other),
    }
}

impl Run {
    pub(super) fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        let depth = self.vars.len();
        for n in nodes {
            let flow = self.node(n, dot)?;
            if !matches!(flow, Flow::On) {
                self.vars.truncate(depth);
                return Ok(flow);
            }
            if self.out.len() > 8 << 20 {
                return Err("template: output too long".into());
            }
        }
        self.vars.truncate(depth);
        Ok(Flow::On)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow> {
        match node {
            Node::Text(t) => self.out.push_str(t),
            Node::Print(p) => {
                let v = self.pipe(p, dot)?;
                self.out.push_str(&printed(&v));
            }
            Node::Set { name, pipe, declare } => {
                let v = self.pipe(pipe, dot)?;
                match self.vars.iter_mut().rev().find(|(n, _)| n == name).filter(|_| !declare) {
                    Some(slot) => slot.1 = v,
                    None => self.vars.push((name.clone(), v)),
                }
            }
            Node::If { cases, otherwise } => {
                for (p, body) in cases {
                    if truth(&self.pipe(p, dot)?) {
                        return self.nodes(body, dot);
                    }
                }
                return self.nodes(otherwise, dot);
            }
            Node::With { name, pipe, body, otherwise } => {
                let v = self.pipe(pipe, dot)?;
                if !truth(&v) {
                    return self.nodes(otherwise, dot);
                }
                let depth = self.vars.len();
                self.vars.extend(name.clone().map(|n| (n, v.clone())));
                let flow = self.nodes(body, &v);
                self.vars.truncate(depth);
                return flow;
            }
            Node::Range { key, item, pipe, body, otherwise } => {
                let v = self.pipe(pipe, dot)?;
                let pairs: Vec<(Value, Value)> = match v {
                    Value::Array(a) => a.into_iter().enumerate().map(|(i, v)| (i.into(), v)).collect(),
                    Value::Object(m) => m.into_iter().map(|(k, v)| (k.into(), v)).collect(),
                    Value::Number(n) => {
                        (0..n.as_u64().unwrap_or(0).min(100_000)).map(|i| (i.into(), i.into())).collect()
                    }
                    Value::Null => vec![],
                    other => return Err(format!("range can't iterate over {}", go(&other))),
                };
                if pairs.is_empty() {
                    return self.nodes(otherwise, dot);
                }
                for (k, v) in pairs {
                    let depth = self.vars.len();
                    self.vars.extend(key.clone().map(|n| (n, k)));
                    self.vars.extend(item.clone().map(|n| (n, v.clone())));
                    let flow = self.nodes(body, &v)?;
                    self.vars.truncate(depth);
                    if matches!(flow, Flow::Break) {
                        break;
                    }
                }
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value> {
        let mut last: Option<Value> = None;
        for command in pipe {
            last = Some(self.command(command, last, dot)?);
        }
        Ok(last.unwrap_or_default())
    }

    fn command(&mut self, command: &[Operand], last: Option<Value>, dot: &Value) -> Result<Value> {
        let Operand::Function(name) = &command[0] else {
            if command.len() > 1 || last.is_some() {
                return Err("can't give argument to non-function".into());
            }
            return self.operand(&command[0], dot);
        };
        let mut args = vec![];
        for (i, o) in command[1..].iter().enumerate() {
            let v = self.operand(o, dot)?;
            // and/or stop at the first argument that decides
            if (name == "and" && !truth(&v) || name == "or" && truth(&v)) && i + 2 < command.len() {
                return Ok(v);
            }
            args.push(v);
        }
        args.extend(last);
        call(name, &args)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value> {
        match operand {
            Operand::Dot(fields) => self.fields(dot, fields),
            Operand::Variable(name, fields) => {
                let found = self.vars.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.clone());
                let v = found.ok_or_else(|| format!("undefined variable {name:?}"))?;
                self.fields(&v, fields)
            }
            Operand::Literal(v) => Ok(v.clone()),
            Operand::Function(name) => call(name, &[]),
            Operand::Group(p, fields) => {
                let v = self.pipe(p, dot)?;
                self.fields(&v, fields)
            }
        }
    }

    fn fields(&self, value: &Value, fields: &[String]) -> Result<Value> {
        let mut v = value;
        for f in fields {
            match v {
                Value::Object(m) => match m.get(f) {
                    Some(next) => v = next,
                    None if self.allow_missing => return Ok(missing()),
                    None => return Err(format!("map has no entry for key {f:?}")),
                },
                Value::Null if self.allow_missing => return Ok(missing()),
                Value::Null => return Err(format!("nil data; no entry for key {f:?}")),
                other => {
                    let kind = match other {
                        Value::String(_) => "string",
                        Value::Array(_) => "[]interface {}",
                        Value::Bool(_) => "bool",
                        _ => "float64",
                    };
                    return Err(format!("can't evaluate field {f} in type {kind}"));
                }
            }
        }
        Ok(v.clone())
    }
}
