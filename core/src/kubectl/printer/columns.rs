//! `-o custom-columns`.

use super::jsonpath::{Template, go, relaxed};
use super::tabwriter;
use serde_json::Value;

/// The columns a specification asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    columns: Vec<(String, Template)>,
}

impl Columns {
    /// Parses `HEADER:path,HEADER:path`.
    pub fn parse(spec: &str) -> Result<Columns, String> {
        if spec.is_empty() {
            return Err("custom-columns format specified but no custom columns given".into());
        }
        let mut columns = vec![];
        for part in spec.split(',') {
            let (header, path) = part
                .split_once(':')
                .ok_or_else(|| format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"))?;
            columns.push((header.to_string(), Template::parse(&relaxed(path)?)?));
        }
        Ok(Columns { columns })
    }

    /// Parses the two lines of a file: headers, paths.
    pub fn parse_file(text: &str) -> Result<Columns, String> {
        let mut lines = text.lines();
        let headers: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
        let paths: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
        if headers.len() != paths.len() || headers.is_empty() {
            return Err(format!(
                "number of headers ({}) and field specifications ({}) don't match",
                headers.len(),
                paths.len()
            ));
        }
        let spec: Vec<String> = headers.iter().zip(paths).map(|(h, p)| format!("{h}:{p}")).collect();
        Self::parse(&spec.join(","))
    }

    /// The table of some objects.
    pub fn print(&self, objects: &[&Value], headers: bool) -> Result<String, String> {
        let mut text = String::new();
        if headers {
            let names: Vec<&str> = self.columns.iter().map(|(h, _)| h.as_str()).collect();
            text += &format!("{}\n", names.join("\t"));
        }
        for o in objects {
            let mut cells = vec![];
            for (_, path) in &self.columns {
                let found = path.results(o)?;
                let values: Vec<String> = found
                    .iter()
                    .flatten()
                    .map(|f| if f.get().is_null() { "<none>".to_string() } else { go(f.get()) })
                    .collect();
                cells.push(if values.is_empty() { "<none>".to_string() } else { values.join(",") });
            }
            text += &format!("{}\n", cells.join("\t"));
        }
        Ok(tabwriter::align(&text, 6, 3))
    }
}
