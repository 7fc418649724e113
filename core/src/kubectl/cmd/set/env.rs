//! `kubectl set env`.

use super::Words;
use crate::api::quantity::Quantity;
use crate::apiserver::request::Request;
use crate::kubectl::Context;
use crate::kubectl::builder;
use crate::kubectl::cmd::change;
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Splits arguments into resources and variables.
///
/// # Errors
/// A resource after the first variable.
pub fn split(args: &[String]) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut resources, mut vars) = (vec![], vec![]);
    for a in args {
        match (a.contains('=') || a.ends_with('-'), vars.is_empty()) {
            (true, _) => vars.push(a.clone()),
            (false, true) => resources.push(a.clone()),
            (false, false) => {
                return Err(format!("all resources must be specified before environment changes: {a}"));
            }
        }
    }
    Ok((resources, vars))
}

/// Reads `KEY=VALUE` and `KEY-`; `-` stands for the lines of standard input.
///
/// # Errors
/// A malformed or contradictory change.
pub fn parse(specs: &[String], stdin: Option<&str>) -> Result<(Vec<Value>, Vec<String>), String> {
    let (mut set, mut remove, mut all) = (vec![], vec![], vec![]);
    for s in specs {
        if s == "-" {
            let lines = stdin.unwrap_or_default().lines().map(str::trim);
            all.extend(lines.filter(|l| !l.is_empty() && !l.starts_with('#')));
        } else {
            all.push(s);
        }
    }
    for s in all {
        if let Some((name, value)) = s.split_once('=') {
            let errors = change::env_name_errors(name);
            if !errors.is_empty() {
                return Err(format!("{name:?} is not a valid key name: {}", errors.join(";")));
            }
            set.push(json!({"name": name, "value": value}));
        } else if let Some(name) = s.strip_suffix('-') {
            remove.push(name.to_string());
        } else {
            return Err(format!("unknown environment variable: {s}"));
        }
    }
    match remove.iter().find(|r| set.iter().any(|v| v["name"] == r.as_str())) {
        Some(n) => Err(format!("can not both modify and remove an environment variable in the same command: {n}")),
        None => Ok((set, remove)),
    }
}

/// A container's variables afterwards: those there keep their places.
pub fn update(existing: &[Value], set: &[Value], remove: &[String]) -> Vec<Value> {
    let name = |v: &Value| v["name"].as_str().unwrap_or_default().to_string();
    let mut covered: Vec<String> = remove.to_vec();
    let mut out = vec![];
    for e in existing {
        if covered.contains(&name(e)) {
            continue;
        }
        // the last one given wins
        let newer = set.iter().rev().find(|s| name(s) == name(e));
        if newer.is_some() {
            covered.push(name(e));
        }
        out.push(newer.unwrap_or(e).clone());
    }
    for s in set {
        if !covered.contains(&name(s)) {
            covered.push(name(s));
            out.push(s.clone());
        }
    }
    out
}

/// Variables that refer to the keys of a ConfigMap or Secret.
fn imported(source: &Value, keys: &[String]) -> Result<Vec<Value>, String> {
    let field = match source["kind"].as_str() {
        Some("ConfigMap") => "configMapKeyRef",
        Some("Secret") => "secretKeyRef",
        _ => return Err("unsupported resource specified in --from".into()),
    };
    let wanted = source["data"].as_object().into_iter().flatten().map(|(k, _)| k);
    let env = |k: &str| -> String {
        k.chars().map(|c| if c == '-' || c == '.' { '_' } else { c.to_ascii_uppercase() }).collect()
    };
    Ok(wanted
        .filter(|k| keys.is_empty() || keys.contains(k))
        .map(|k| json!({"name": env(k), "valueFrom": {field: {"key": k, "name": source["metadata"]["name"]}}}))
        .collect())
}

/// Where a variable's value comes from, in words.
fn reference(from: &Value) -> String {
    let at = |v: &Value, k: &str| v[k].as_str().unwrap_or_default().to_string();
    for (field, what) in [("configMapKeyRef", "configmap"), ("secretKeyRef", "secret")] {
        if from[field].is_object() {
            return format!("{what} {}, key {}", at(&from[field], "name"), at(&from[field], "key"));
        }
    }
    if from["fieldRef"].is_object() {
        return format!("field path {}", at(&from["fieldRef"], "fieldPath"));
    }
    let r = &from["resourceFieldRef"];
    if r.is_object() {
        return match at(r, "containerName") {
            c if c.is_empty() => format!("resource field {}", at(r, "resource")),
            c => format!("resource field {c}/{}", at(r, "resource")),
        };
    }
    "invalid valueFrom".into()
}

/// What a variable that refers to something holds.
///
/// # Errors
/// It cannot be known; in the words that follow "error retrieving reference for".
fn resolve(from: &Value, object: &Value, container: &Value, ctx: &mut Context) -> Result<String, String> {
    let at = |v: &Value, k: &str| v[k].as_str().unwrap_or_default().to_string();
    let namespace = at(&object["metadata"], "namespace");
    for (field, plural, what) in
        [("configMapKeyRef", "configmaps", "config map"), ("secretKeyRef", "secrets", "secret")]
    {
        let reference = &from[field];
        if reference.is_object() {
            let (name, key) = (at(reference, "name"), at(reference, "key"));
            let path = format!("/api/v1/namespaces/{namespace}/{plural}/{name}");
            let source = ctx.call(Request::get(path)).map_err(|e| e.text())?;
            let held = source["data"][&key].as_str();
            let held = held.ok_or_else(|| format!("key {key} not found in {what} {name}"))?;
            return Ok(if plural == "secrets" { crate::kubectl::cmd::create::misc::decode(held) } else { held.into() });
        }
    }
    let path = at(&from["fieldRef"], "fieldPath");
    if !path.is_empty() {
        let (field, key) = path.split_once("['").map_or((&*path, None), |(f, k)| (f, Some(k.trim_end_matches("']"))));
        let value = object.pointer(&format!("/{}", field.replace('.', "/")));
        return match (field, key, value) {
            ("metadata.labels" | "metadata.annotations", Some(key), value) => {
                Ok(value.map_or_else(String::new, |v| at(v, key)))
            }
            ("metadata.name" | "metadata.namespace" | "metadata.uid", None, Some(v)) => {
                Ok(v.as_str().unwrap_or_default().into())
            }
            ("metadata.labels" | "metadata.annotations", None, value) => {
                let pairs = value.and_then(Value::as_object).into_iter().flatten();
                Ok(pairs.map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("\n"))
            }
            _ => Err(format!("unsupported fieldPath: {path}")),
        };
    }
    let resource = at(&from["resourceFieldRef"], "resource");
    let value = resource.split_once('.').map(|(list, name)| &container["resources"][list][name]);
    let amount = value.and_then(Value::as_str).and_then(|t| t.parse::<Quantity>().ok()).map_or(0.0, |q| q.as_f64());
    let divisor = from["resourceFieldRef"]["divisor"].as_str().and_then(|t| t.parse::<Quantity>().ok());
    let divisor = divisor.map(|q| q.as_f64()).filter(|d| *d > 0.0).unwrap_or(1.0);
    if resource.is_empty() {
        Err("invalid valueFrom".into())
    } else {
        Ok(format!("{}", (amount / divisor).ceil() as i64))
    }
}

pub(super) fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let err = |t: &str| Err(CmdError::client(t));
    let (resources, specs) = split(&inv.args).map_err(|e| inv.usage(e))?;
    if inv.bool("local") && inv.dry_run()? == DryRun::Server {
        return err("cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
    }
    if resources.is_empty() && change::no_files(inv) {
        return err("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    let list = inv.bool("list");
    if list && inv.changed("output") {
        return err("--list and --output may not be specified together");
    }
    if inv.changed("keys") && !inv.changed("from") {
        return err("when specifying --keys, a configmap or secret must be provided with --from");
    }
    let all: Vec<String> = inv.list("env").iter().chain(&specs).cloned().collect();
    let (mut set, remove) = parse(&all, ctx.stdin.as_deref()).map_err(CmdError::Client)?;
    if let Some((kind, name)) = inv.str("from").split_once('/') {
        let path = builder::mapping(kind, inv)?.path(Some(&inv.namespace), Some(name));
        let source = ctx.call(Request::get(path))?;
        set.extend(imported(&source, inv.list("keys")).map_err(CmdError::Client)?);
    } else if inv.changed("from") {
        return err("arguments in resource/name form must have a single resource and name");
    }
    for v in &mut set {
        v["name"] = format!("{}{}", inv.str("prefix"), v["name"].as_str().unwrap_or_default()).into();
    }
    if !list && set.is_empty() && remove.is_empty() {
        return err("at least one environment variable must be provided");
    }
    let pattern = inv.str("containers");
    let words = Words { done: "env updated", failed: "failed to patch env update to pod template: " };
    let mut unresolved: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let done = super::apply(inv, &resources, &words, ctx, |object, ctx| {
        let before = object.clone();
        let long_name = super::others::object_name(object);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
        let (kind, name) = (text(&before["kind"]), text(&before["metadata"]["name"]));
        let spec = super::pod_spec(object).map_err(|e| super::unfit(&long_name, &e))?;
        let found = super::containers(spec, pattern);
        if found.is_empty() {
            ctx.eprintln(format!("warning: {kind}/{name} does not have any containers matching {pattern:?}"));
        }
        for c in found {
            let old = c["env"].as_array().cloned().unwrap_or_default();
            let held = set.iter().find(|v| old.iter().any(|o| o["name"] == v["name"]));
            if let Some(v) = held.filter(|_| !inv.bool("overwrite")) {
                let why = format!("'{}' already has a value, and --overwrite is false", text(&v["name"]));
                return Err(super::unfit(&long_name, &why));
            }
            let new = update(&old, &set, &remove);
            if list {
                ctx.println(format!("# {kind} {name}, container {}", text(&c["name"])));
                for v in &new {
                    let held = match inv.bool("resolve") && v["valueFrom"].is_object() {
                        true => resolve(&v["valueFrom"], &before, c, ctx),
                        false => Err(String::new()),
                    };
                    if let Ok(value) = held {
                        ctx.println(format!("{}={value}", text(&v["name"])));
                    } else if v["valueFrom"].is_object() {
                        if let Err(why) = held
                            && !why.is_empty()
                        {
                            unresolved.entry(why).or_default().push(text(&v["name"]));
                        }
                        ctx.println(format!("# {} from {}", text(&v["name"]), reference(&v["valueFrom"])));
                    } else {
                        ctx.println(format!("{}={}", text(&v["name"]), text(&v["value"])));
                    }
                }
            }
            if let Some(m) = c.as_object_mut() {
                m.remove("env");
                if !new.is_empty() {
                    m.insert("env".into(), new.into());
                }
            }
        }
        if list {
            *object = before;
        }
        Ok(())
    });
    for (why, mut names) in unresolved {
        names.sort();
        ctx.eprintln(format!("error retrieving reference for {}: {why}", names.join(", ")));
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_keep_their_places() {
        let old = [json!({"name": "A", "value": "1"}), json!({"name": "B", "value": "2"})];
        let (set, remove) = parse(&["C=3".into(), "A=9".into(), "B-".into()], None).unwrap();
        let want = [json!({"name": "A", "value": "9"}), json!({"name": "C", "value": "3"})];
        assert_eq!(update(&old, &set, &remove), want);
        assert!(parse(&["A=1".into(), "A-".into()], None).is_err() && parse(&["1A=1".into()], None).is_err());
    }
}
