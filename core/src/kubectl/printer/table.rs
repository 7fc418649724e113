//! Tables of objects: what `get` prints without `-o`.

use crate::api::kinds::ResourceInfo;
use crate::apiserver::printers;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a table shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// `-o wide`
    pub wide: bool,
    /// `--no-headers`
    pub no_headers: bool,
    /// `--show-labels`
    pub show_labels: bool,
    /// `-L`
    pub label_columns: Vec<String>,
    /// A column with the namespace (`-A`).
    pub with_namespace: bool,
    /// `deployment.apps/web` instead of `web`.
    pub with_kind: bool,
}

/// A table that is printed piece by piece: it remembers how wide its columns are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What it shows.
    pub options: Options,
    widths: Vec<usize>,
    started: bool,
}

impl Table {
    /// An empty table.
    pub fn new(options: Options) -> Table {
        Table { options, ..Table::default() }
    }

    /// Forgets the columns: the next rows belong to another kind and have headers of their own.
    pub fn restart(&mut self) {
        self.widths.clear();
        self.started = false;
    }

    /// Lines for objects of one kind, with headers where they are due. `now` is in Unix seconds.
    pub fn rows(&mut self, r: &ResourceInfo, objects: &[&Value], now: i64) -> String {
        let columns = printers::columns(r);
        let shown: Vec<usize> = (0..columns.len()).filter(|i| self.options.wide || !columns[*i].wide).collect();
        let named = columns.iter().position(|c| c.name == "NAME");
        let namespaces = self.options.with_namespace && r.namespaced;
        let mut lines: Vec<Vec<String>> = vec![];
        if !self.started && !self.options.no_headers {
            let mut head: Vec<String> = namespaces.then(|| "NAMESPACE".to_string()).into_iter().collect();
            head.extend(shown.iter().map(|i| columns[*i].name.to_string()));
            for l in &self.options.label_columns {
                head.push(l.rsplit('/').next().unwrap_or_default().to_uppercase());
            }
            head.extend(self.options.show_labels.then(|| "LABELS".to_string()));
            lines.push(head);
        }
        self.started = true;
        for o in objects {
            let cells = printers::row(r, o, now);
            let meta = &o["metadata"];
            let mut line: Vec<String> =
                namespaces.then(|| meta["namespace"].as_str().unwrap_or_default().to_string()).into_iter().collect();
            for i in &shown {
                let mut text = cell(cells.get(*i).unwrap_or(&Value::Null));
                if self.options.with_kind && Some(*i) == named {
                    text = format!("{}/{text}", r.printed_kind());
                }
                line.push(text);
            }
            for l in &self.options.label_columns {
                line.push(meta["labels"][l].as_str().unwrap_or_default().to_string());
            }
            line.extend(self.options.show_labels.then(|| printers::labels(&meta["labels"])));
            lines.push(line);
        }
        self.layout(&lines)
    }

    fn layout(&mut self, lines: &[Vec<String>]) -> String {
        const MIN: usize = 6;
        const PADDING: usize = 3;
        for line in lines {
            for (i, c) in line.iter().enumerate() {
                let width = (c.chars().count() + PADDING).max(MIN);
                match self.widths.get_mut(i) {
                    Some(w) => *w = width.max(*w),
                    None => self.widths.push(width),
                }
            }
        }
        let mut out = String::new();
        for line in lines {
            for (i, c) in line.iter().enumerate() {
                out.push_str(c);
                if i + 1 < line.len() {
                    out.extend(std::iter::repeat_n(' ', self.widths[i] - c.chars().count()));
                }
            }
            out.push('\n');
        }
        out
    }
}

/// A cell's text: one line, with what would disturb a terminal made visible.
fn cell(v: &Value) -> String {
    let text = match v {
        Value::String(s) => s.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let cut = text.find(['\n', '\r', '\u{c}']);
    let mut out = text[..cut.unwrap_or(text.len())].replace('\u{1b}', "^[").replace('\t', " ");
    if cut.is_some() {
        out.push_str("...");
    }
    out
}
