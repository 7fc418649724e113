//! Where ConfigMaps and Secrets made on the command line get their data: literals, files, directories, env files.
//!
//! Pure: files are handed in as a map of path and content. Models kubectl `pkg/cmd/create/create_configmap.go`,
//! `create_secret.go` and `pkg/util/env_file.go`.

use crate::api::names;
use crate::kubectl::cmd::change;
use std::collections::BTreeMap;

/// The sources given by flags, in the order kubectl reads them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--from-file`
    pub files: Vec<String>,
    /// `--from-literal`
    pub literals: Vec<String>,
    /// `--from-env-file`
    pub env_files: Vec<String>,
}

/// What the data is for; decides the words of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A ConfigMap of this name.
    ConfigMap(&'a str),
    /// A Secret.
    Secret,
}

type Data = BTreeMap<String, String>;

fn add(data: &mut Data, target: Target<'_>, key: &str, value: &str) -> Result<(), String> {
    let errors = names::is_config_map_key(key);
    let what = if target == Target::Secret { "Secret" } else { "ConfigMap" };
    if !errors.is_empty() {
        return Err(format!("{key:?} is not a valid key name for a {what}: {}", errors.join(",")));
    }
    if data.contains_key(key) {
        return Err(match target {
            Target::ConfigMap(name) => {
                format!(
                    "cannot add key {key:?}, another key by that name already exists in Data for ConfigMap {name:?}"
                )
            }
            Target::Secret => format!("cannot add key {key}, another key by that name already exists"),
        });
    }
    data.insert(key.into(), value.into());
    Ok(())
}

fn literal(source: &str) -> Result<(&str, &str), String> {
    match source.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key, value.trim_matches(['"', '\'']))),
        _ => Err(format!("invalid literal source {source}, expected key=value")),
    }
}

fn file_source(source: &str) -> Result<(&str, &str, bool), String> {
    match source.matches('=').count() {
        0 => Ok((source.trim_end_matches('/').rsplit('/').next().unwrap_or(source), source, false)),
        1 => match source.split_once('=') {
            Some(("", path)) => Err(format!("key name for file path {path} missing")),
            Some((key, "")) => Err(format!("file path for key name {key} missing")),
            Some((key, path)) => Ok((key, path, true)),
            None => Err(format!("invalid file source {source}")),
        },
        _ => Err("key names or file paths cannot contain '='".into()),
    }
}

fn clean(path: &str) -> &str {
    path.trim_start_matches("./").trim_end_matches('/')
}

fn add_file(data: &mut Data, target: Target<'_>, source: &str, files: &BTreeMap<String, String>) -> Result<(), String> {
    let (key, path, named) = file_source(source)?;
    if let Some(content) = files.get(path).or_else(|| files.get(clean(path))) {
        return add(data, target, key, content);
    }
    let dir = match clean(path) {
        "." | "" => String::new(),
        d => format!("{d}/"),
    };
    let inside: Vec<(&str, &String)> = files
        .iter()
        .filter_map(|(p, c)| p.strip_prefix(dir.as_str()).map(|rest| (rest, c)))
        .filter(|(rest, _)| !rest.contains('/'))
        .collect();
    if inside.is_empty() {
        return Err(format!("error reading {path}: no such file or directory"));
    }
    if named {
        return Err("cannot give a key name for a directory path".into());
    }
    for (name, content) in inside {
        // Files whose names cannot be keys are left out of a directory silently.
        if names::is_config_map_key(name).is_empty() {
            add(data, target, name, content)?;
        }
    }
    Ok(())
}

fn add_env_file(
    data: &mut Data,
    target: Target<'_>,
    path: &str,
    files: &BTreeMap<String, String>,
) -> Result<(), String> {
    let Some(text) = files.get(path).or_else(|| files.get(clean(path))) else {
        return Err(format!("error reading {path}: no such file or directory"));
    };
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').map_or((line, None), |(k, v)| (k, Some(v)));
        let errors = change::env_name_errors(key);
        if !errors.is_empty() {
            return Err(format!("{key:?} is not a valid key name: {}", errors.join(";")));
        }
        // A bare name would take its value from kubectl's own environment: there is none here.
        if let Some(value) = value {
            add(data, target, key, value)?;
        }
    }
    Ok(())
}

/// All data of the sources.
///
/// # Errors
/// A malformed source, a missing file, a bad key, or a key given twice.
pub fn collect(sources: &Sources, target: Target<'_>, files: &BTreeMap<String, String>) -> Result<Data, String> {
    if !sources.env_files.is_empty() && (!sources.files.is_empty() || !sources.literals.is_empty()) {
        return Err("from-env-file cannot be combined with from-file or from-literal".into());
    }
    let mut data = Data::new();
    // A ConfigMap reads literals first, a Secret files; it shows when a key comes twice.
    let literals = |data: &mut Data| {
        sources.literals.iter().try_for_each(|l| literal(l).and_then(|(k, v)| add(data, target, k, v)))
    };
    if target != Target::Secret {
        literals(&mut data)?;
    }
    for f in &sources.files {
        add_file(&mut data, target, f, files)?;
    }
    if target == Target::Secret {
        literals(&mut data)?;
    }
    for f in &sources.env_files {
        add_env_file(&mut data, target, f, files)?;
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(files: &[&str], literals: &[&str], env: &[&str]) -> Result<Data, String> {
        let own = |l: &[&str]| l.iter().map(ToString::to_string).collect();
        let disk = [("a.txt", "1\n"), ("d/x", "2"), ("d/y z", "3"), ("e.env", "# c\nA=1\n B=x=y\nC\n")];
        let disk = disk.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let sources = Sources { files: own(files), literals: own(literals), env_files: own(env) };
        collect(&sources, Target::ConfigMap("c"), &disk)
    }

    #[test]
    fn sources() {
        let text = |r: Result<Data, String>| format!("{r:?}");
        assert_eq!(text(run(&["a.txt", "k=a.txt"], &["q='v'"], &[])), r#"Ok({"a.txt": "1\n", "k": "1\n", "q": "v"})"#);
        assert_eq!(text(run(&["d"], &[], &[])), r#"Ok({"x": "2"})"#);
        assert_eq!(text(run(&[], &[], &["e.env"])), r#"Ok({"A": "1", "B": "x=y"})"#);
        assert_eq!(run(&["n"], &[], &[]), Err("error reading n: no such file or directory".into()));
        assert_eq!(run(&[], &["n"], &[]), Err("invalid literal source n, expected key=value".into()));
    }
}
