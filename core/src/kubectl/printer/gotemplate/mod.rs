//! `-o go-template`: the part of Go's text/template that people use with kubectl.
//!
//! Text, fields, variables, pipelines, `if`/`else if`/`else`, `range`/`else`, `with`, `define`-less; functions `and`, `or`,
//! `not`, `len`, `index`, `slice`, `print`, `printf`, `println`, `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `html`, `js`,
//! `urlquery`, and kubectl's `exists` and `base64decode`. Numbers compare by value whatever their kind.

mod functions;
mod parse;
mod run;

use parse::{block, split};
use run::Run;
use serde_json::Value;

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    body: Vec<Node>,
    /// Missing keys print `<no value>` instead of being an error.
    pub allow_missing: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Text(String),
    Print(Pipe),
    Set { name: String, pipe: Pipe, declare: bool },
    If { cases: Vec<(Pipe, Vec<Node>)>, otherwise: Vec<Node> },
    Range { key: Option<String>, item: Option<String>, pipe: Pipe, body: Vec<Node>, otherwise: Vec<Node> },
    With { name: Option<String>, pipe: Pipe, body: Vec<Node>, otherwise: Vec<Node> },
    Break,
    Continue,
}

/// Commands joined by `|`: each gets the former's value as its last argument.
type Pipe = Vec<Vec<Operand>>;

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Dot(Vec<String>),
    Variable(String, Vec<String>),
    Function(String),
    Literal(Value),
    Group(Pipe, Vec<String>),
}

type Result<T> = std::result::Result<T, String>;

impl Template {
    /// Parses a template.
    pub fn parse(text: &str) -> Result<Template> {
        let mut actions = split(text)?.into_iter().peekable();
        let mut body = vec![];
        let end = block(&mut actions, &mut body, 0)?;
        match end {
            None => Ok(Template { body, allow_missing: true }),
            Some(word) => Err(format!("template: output:1: unexpected {{{{{}}}}}", word.join(" "))),
        }
    }

    /// The text it prints.
    pub fn print(&self, data: &Value) -> Result<String> {
        let mut run =
            Run { vars: vec![("$".into(), data.clone())], out: String::new(), allow_missing: self.allow_missing };
        run.nodes(&self.body, data)?;
        Ok(run.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn show(t: &str) -> String {
        let data =
            json!({"items": [{"n": "a", "c": [1, 2]}, {"n": "b", "c": []}], "m": {"x-y": "aGk=", "z": "1"}, "r": 3});
        Template::parse(t).and_then(|t| t.print(&data)).unwrap_or_else(|e| format!("ERR {e}"))
    }

    #[test]
    fn templates() {
        assert_eq!(show("{{range .items}}{{.n}} {{len .c}}{{\"\\n\"}}{{end}}"), "a 2\nb 0\n");
        assert_eq!(show("{{range $i, $e := .items}}{{if $i}}, {{end}}{{$e.n}}{{end}}"), "a, b");
        assert_eq!(
            show("{{index .m \"x-y\" | base64decode}} {{.nope}} {{with .m}}{{.z}}{{else}}no{{end}}"),
            "hi <no value> 1"
        );
        assert_eq!(show("{{if and (eq .r 3) (gt .r 2)}}yes{{else if .m}}m{{else}}no{{end}}"), "yes");
        assert_eq!(
            show("a {{- /* c */ -}} b {{printf \"%-5s|%03d\" .m.z .r}} {{$x := .r}}{{$x}} {{.m}}"),
            "ab 1    |003 3 map[x-y:aGk= z:1]"
        );
        assert_eq!(show("{{.a"), "ERR template: output:1: unclosed action");
        assert_eq!(show("{{range .items}}{{range .c}}{{.}}{{else}}-{{end}}{{end}}"), "12-");
    }
}
