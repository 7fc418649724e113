//! `jq` at the prompt: its command line, its inputs and outputs. The grammar is jaq's; [`eval`] carries filters out, as
//! jaq's own interpreter cannot be stopped in the middle of one, and a page would hang with it.
//!
//! Invariant: a filter ends. What takes too many steps or nests too deeply is told so and stopped.

mod eval;
mod functions;
mod operators;
mod paths;
mod text;
mod value;

use super::Context;
use super::pipes::clean;
use eval::{Env, Machine, Place, Stop, Term};
use jaq_core::load::lex::Lexer;
use jaq_core::load::parse::Parser;
use serde::Deserialize;
use value::{J, LONGEST};

/// Steps that a filter may take on all its inputs.
const FUEL: u64 = 1_000_000;

/// What the command line says.
#[derive(Debug, Default)]
struct Line {
    filter: Option<String>,
    files: Vec<String>,
    variables: Vec<(String, J)>,
    positional: Vec<J>,
    raw: bool,
    joined: bool,
    compact: bool,
    tab: bool,
    indent: Option<usize>,
    sort: bool,
    slurp: bool,
    null: bool,
    raw_input: bool,
    exit_status: bool,
}

const USAGE: &str = "Usage:\tjq [OPTIONS] FILTER [FILES...]\n\tjq [OPTIONS] --args FILTER [ARGUMENTS...]\n\
                     Use jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://jqlang.github.io/jq";

fn read_line(args: &[String], ctx: &Context) -> Result<Line, String> {
    let mut l = Line::default();
    let mut rest = args.iter();
    let mut positional = false;
    let unknown = |a: &str| format!("jq: Unknown option: {a}\n{USAGE}");
    while let Some(a) = rest.next() {
        let mut value = |n: usize| -> Result<Vec<String>, String> {
            let all: Vec<String> = rest.by_ref().take(n).cloned().collect();
            let names = if n == 2 { "two parameters (e.g. --arg varname value)" } else { "one parameter" };
            if all.len() < n { Err(format!("jq: {a} takes {names}\n{USAGE}")) } else { Ok(all) }
        };
        match a.as_str() {
            "--arg" => {
                let v = value(2)?;
                l.variables.push((format!("${}", v[0]), J::str(&v[1])));
            }
            "--argjson" => {
                let v = value(2)?;
                let json = serde_json::from_str(&v[1])
                    .map_err(|_| format!("jq: Invalid JSON text passed to --argjson\n{USAGE}"))?;
                l.variables.push((format!("${}", v[0]), json));
            }
            "--rawfile" | "--slurpfile" => {
                let v = value(2)?;
                let text = ctx.files.get(clean(&v[1])).cloned();
                let text = text.ok_or_else(|| {
                    format!(
                        "jq: Bad JSON in --{} {} {}: Could not open {}: No such file or directory",
                        &a[2..],
                        v[0],
                        v[1],
                        v[1]
                    )
                })?;
                let x = if a == "--rawfile" { J::str(&text) } else { J::arr(inputs(&text).0) };
                l.variables.push((format!("${}", v[0]), x));
            }
            "--indent" => l.indent = value(1)?[0].parse().ok().filter(|n| *n < 8),
            "-f" | "--from-file" => {
                let name = value(1)?.remove(0);
                let text = ctx.files.get(clean(&name)).cloned();
                l.filter =
                    Some(text.ok_or_else(|| format!("jq: error: Could not open {name}: No such file or directory"))?);
            }
            "--args" => positional = true,
            "--raw-output" => l.raw = true,
            "--join-output" => (l.raw, l.joined) = (true, true),
            "--compact-output" => l.compact = true,
            "--tab" => l.tab = true,
            "--sort-keys" => l.sort = true,
            "--slurp" => l.slurp = true,
            "--null-input" => l.null = true,
            "--raw-input" => l.raw_input = true,
            "--exit-status" => l.exit_status = true,
            "--monochrome-output" | "--color-output" | "--ascii-output" | "--unbuffered" => {}
            short if short.len() > 1 && short.starts_with('-') && !short.starts_with("--") => {
                for c in short[1..].chars() {
                    match c {
                        'r' => l.raw = true,
                        'j' => (l.raw, l.joined) = (true, true),
                        'c' => l.compact = true,
                        'S' => l.sort = true,
                        's' => l.slurp = true,
                        'n' => l.null = true,
                        'R' => l.raw_input = true,
                        'e' => l.exit_status = true,
                        'M' | 'C' | 'a' => {}
                        _ => return Err(unknown(short)),
                    }
                }
            }
            long if long.starts_with("--") => return Err(unknown(long)),
            plain if l.filter.is_none() => l.filter = Some(plain.to_owned()),
            plain if positional => l.positional.push(J::str(plain)),
            plain => l.files.push(plain.to_owned()),
        }
    }
    Ok(l)
}

/// The values of a text, and what is wrong behind them.
fn inputs(text: &str) -> (Vec<J>, Option<String>) {
    let mut all = vec![];
    let mut stream = serde_json::Deserializer::from_str(text);
    loop {
        let at = stream.end();
        match at {
            Ok(()) => return (all, None),
            Err(_) => match J::deserialize(&mut stream) {
                Ok(v) => all.push(v),
                Err(e) => {
                    let what = if e.is_eof() { "Unfinished JSON term" } else { "Invalid literal" };
                    let text = format!("jq: parse error: {what} at line {}, column {}", e.line(), e.column());
                    return (all, Some(text));
                }
            },
        }
    }
}

fn parse<'s>(tokens: &'s [jaq_core::load::lex::Token<&'s str>], filter: &str) -> Result<Term<'s>, String> {
    Parser::new(tokens).parse(|p| p.term()).map_err(|errors| {
        let found = errors.first().and_then(|e| e.1).map_or("end of file".to_owned(), |t| format!("'{}'", t.0));
        syntax(filter, &format!("unexpected {found}"))
    })
}

/// Beginnings of brackets, of words that hold others, and minuses before minuses, of which each may be within the one
/// before.
const MOST_NESTED: usize = 200;
/// Operators, of which each may be an operand of the next.
const MOST_OPERATORS: usize = 1000;

/// Might reading or forgetting this filter come to the end of the stack? The grammar goes down a step for each of these
/// and counts none.
fn is_too_deep(filter: &str) -> bool {
    let brackets = filter.chars().filter(|c| "([{".contains(*c)).count();
    let dense: String = filter.split_whitespace().collect();
    let words = filter.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (mut holders, mut operators) = (0, filter.chars().filter(|c| "|,;+-*/%<=>".contains(*c)).count());
    for w in words {
        holders += usize::from(matches!(w, "if" | "elif" | "def" | "reduce" | "foreach" | "try" | "label"));
        operators += usize::from(matches!(w, "and" | "or" | "as"));
    }
    brackets + holders + dense.matches("--").count() * 2 > MOST_NESTED || operators > MOST_OPERATORS
}

fn syntax(filter: &str, what: &str) -> String {
    format!("jq: error: syntax error, {what} at <top-level>, line 1:\n{filter}\njq: 1 compile error")
}

/// Runs it: what it prints on standard output, and its exit code.
pub(super) fn run(args: &[String], input: Option<String>, ctx: &mut Context) -> (String, i32) {
    let line = match read_line(args, ctx) {
        Ok(l) => l,
        Err(e) => {
            ctx.eprintln(e);
            return (String::new(), 2);
        }
    };
    let Some(filter) = &line.filter else {
        ctx.eprintln(USAGE);
        return (String::new(), 2);
    };
    let mut text = String::new();
    for f in &line.files {
        match ctx.files.get(clean(f)) {
            Some(t) => text += t,
            None => {
                ctx.eprintln(format!("jq: error: Could not open {f}: No such file or directory"));
                return (String::new(), 2);
            }
        }
    }
    if line.files.is_empty() {
        text = input.or_else(|| ctx.stdin.clone()).unwrap_or_default();
    }
    let (mut values, broken) = if line.null {
        (vec![J::Null], None)
    } else if line.raw_input && line.slurp {
        (vec![J::str(&text)], None)
    } else if line.raw_input {
        (text.lines().map(J::str).collect(), None)
    } else {
        inputs(&text)
    };
    if line.slurp && !line.null && !line.raw_input {
        values = vec![J::arr(values)];
    }
    // an empty filter is the identity
    let source = if filter.trim().is_empty() { "." } else { filter.as_str() };
    if is_too_deep(source) {
        ctx.eprintln("jq: error: the filter is too long or nested too deeply\njq: 1 compile error");
        return (String::new(), 3);
    }
    let done = Lexer::new(source)
        .lex()
        .map_err(|errors| {
            let found = errors.first().map_or("", |e| e.1).chars().take(12).collect::<String>();
            syntax(filter, &format!("unexpected INVALID_CHARACTER at '{found}'"))
        })
        .and_then(|tokens| {
            let term = parse(&tokens, filter)?;
            Ok(carry_out(&line, &term, &values, &text, ctx.now().unix_seconds()))
        });
    match done {
        Err(e) => {
            ctx.eprintln(e);
            (String::new(), 3)
        }
        Ok((out, errors, code)) => {
            errors.into_iter().chain(broken.clone()).for_each(|e| ctx.eprintln(e));
            (out, if broken.is_some() { 2 } else { code })
        }
    }
}

fn carry_out(line: &Line, term: &Term<'_>, values: &[J], text: &str, now: i64) -> (String, Vec<String>, i32) {
    let (mut out, mut errors, mut code, mut last) = (String::new(), vec![], 0, None);
    let tokens = Lexer::new(functions::PRELUDE).lex().unwrap_or_default();
    let defs = Parser::new(&tokens).parse(|p| p.defs()).unwrap_or_default();
    let named = J::obj(line.variables.iter().map(|(k, v)| (k.trim_start_matches('$').into(), v.clone())));
    let all = J::obj([("positional".into(), J::arr(line.positional.clone())), ("named".into(), named)]);
    let env = defs.iter().fold(Env::default(), |e, d| e.def(d)).var("$ARGS", all);
    let env = line.variables.iter().fold(env, |e, (k, v)| e.var(k, v.clone()));
    let mut machine = Machine { fuel: FUEL, depth: 0, labels: 0, now };
    for v in values {
        let (results, stopped) = machine.eval(term, &env, &(v.clone(), Place::Off), usize::MAX);
        for (r, _) in results {
            match &r {
                J::Str(s) if line.raw => out.push_str(s),
                r => {
                    let spaces = " ".repeat(line.indent.unwrap_or(2));
                    let indent = match () {
                        () if line.compact || line.indent == Some(0) => None,
                        () if line.tab => Some("\t"),
                        () => Some(spaces.as_str()),
                    };
                    r.write(&mut out, indent, line.sort);
                }
            }
            if out.len() > LONGEST {
                errors.push(format!("jq: stopped: the filter prints more than {} MiB", LONGEST >> 20));
                return (out, errors, 5);
            }
            if !line.joined {
                out.push('\n');
            }
            last = Some(r);
        }
        let place = if line.null { "unknown".to_owned() } else { format!("<stdin>:{}", text.matches('\n').count()) };
        match stopped {
            None => {}
            Some(Stop::Error(e)) => {
                let what = match &e {
                    J::Str(s) => format!("jq: error (at {place}): {s}"),
                    other => format!("jq: error (at {place}) (not a string): {}", other.text()),
                };
                errors.push(what);
                code = 5;
            }
            Some(Stop::Break(_)) => {
                errors.push(format!("jq: error (at {place}): break"));
                code = 5;
            }
            Some(Stop::Undefined(name)) => {
                let filter = line.filter.as_deref().unwrap_or_default();
                let what = if name.contains(' ') { name } else { format!("{name} is not defined") };
                let text = format!("jq: error: {what} at <top-level>, line 1:\n{filter}\njq: 1 compile error");
                return (String::new(), vec![text], 3);
            }
            Some(Stop::Limit) => {
                errors.push(format!(
                    "jq: stopped: the filter takes more than {FUEL} steps or nests too deeply for this prompt"
                ));
                return (out, errors, 5);
            }
        }
    }
    if line.exit_status && code == 0 {
        code = match last {
            None => 4,
            Some(v) if v.truthy() => 0,
            Some(_) => 1,
        };
    }
    (out, errors, code)
}

#[cfg(test)]
mod tests;
