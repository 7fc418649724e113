//! Pipelines: what stands after `|`, `watch`, and redirections.

use super::filters::filter;
use super::line::{Redirect, Stage, assignment};
use super::pending::{Pending, Wait};
use super::{Context, Output, command, run_args};
use crate::clock::{SimDuration, SimTime};
use serde::{Deserialize, Serialize};

/// What still has to be done with the output of a command that waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    /// The filters, as words.
    pub filters: Vec<Vec<String>>,
}

/// Runs a pipeline; the result stands in `ctx.out`.
pub fn run(stages: Vec<Stage>, ctx: &mut Context) {
    let mut piped: Option<String> = None;
    let mut stderr = String::new();
    let count = stages.len();
    for (i, stage) in stages.iter().enumerate() {
        ctx.out = Output::default();
        if let Some(file) = &stage.input {
            match ctx.files.get(clean(file)) {
                Some(text) => piped = Some(text.clone()),
                None => {
                    ctx.eprintln(format!("{file}: No such file or directory"));
                    ctx.out.code = Some(1);
                    break;
                }
            }
        }
        // `NAME=value` before a command is known to that command alone
        let own = stage.words.iter().take_while(|w| assignment(w).is_some()).count();
        let mut words = &stage.words[own..];
        let around = (own > 0).then(|| ctx.session.variables.clone());
        ctx.session.variables.extend(stage.words[..own].iter().filter_map(|w| assignment(w)));
        // who types here may do everything
        while words.first().is_some_and(|w| w == "sudo") {
            words = &words[1..];
        }
        let named = matches!(words.first().map(String::as_str), Some("kubectl" | "k"));
        if named {
            words = &words[1..];
        }
        let tool = words.first().map_or("", String::as_str);
        if words.is_empty() && !named {
            ctx.out.code = Some(0);
        } else if !named && tool == "watch" {
            watch(&words[1..], ctx);
        } else if !named && tool == "kubarium" {
            super::kubarium::run(&words[1..], ctx);
        } else if !named
            && (tool == "diff" && compares(words) || (piped.is_some() || is_filter(tool)) && (i > 0 || is_filter(tool)))
        {
            run_filter(words, piped.take(), ctx);
        } else if !named && i == 0 && super::elsewhere::is_one(tool) {
            super::elsewhere::run(words, ctx);
        } else if !named && command::is_no_command(tool) {
            ctx.eprintln(not_found(tool));
            ctx.out.code = Some(127);
        } else {
            let outer = ctx.stdin.clone();
            if let Some(text) = piped.take() {
                ctx.stdin = Some(text);
            }
            run_args(words, ctx);
            ctx.stdin = outer;
        }
        if let Some(around) = around {
            ctx.session.variables = around;
        }
        if let Some(p) = &mut ctx.out.pending {
            // what follows filters each chunk as it comes
            p.pipes.filters = stages[i + 1..].iter().map(|s| s.words.clone()).collect();
            let rest = p.pipes.clone();
            filter_chunk(&rest, ctx);
            break;
        }
        let errors = std::mem::take(&mut ctx.out.stderr);
        if stage.merge {
            ctx.out.stdout.push_str(&errors);
        } else if !stage.quiet {
            stderr.push_str(&errors);
        }
        match &stage.redirect {
            Some(r) if r.file == "/dev/null" => ctx.out.stdout.clear(),
            Some(r) => redirect(r, ctx),
            None => {}
        }
        if i + 1 < count {
            piped = Some(std::mem::take(&mut ctx.out.stdout));
        }
    }
    stderr.push_str(&ctx.out.stderr);
    ctx.out.stderr = stderr;
}

/// `watch CMD`: the command again and again on an empty screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    line: String,
    words: Vec<String>,
    /// Seconds between two runs.
    every: f64,
}

fn watch(args: &[String], ctx: &mut Context) {
    let mut every = 2.0;
    let mut rest = args;
    while let Some(flag) = rest.first().filter(|a| a.starts_with('-')) {
        let (value, taken) = match flag.strip_prefix("-n").or_else(|| flag.strip_prefix("--interval=")) {
            Some("") => (rest.get(1).cloned(), 2),
            Some(v) => (Some(v.to_owned()), 1),
            None => (None, 1),
        };
        if let Some(seconds) = value.and_then(|v| v.parse::<f64>().ok()) {
            every = seconds.clamp(0.1, 86_400.0);
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    // the command may come as one quoted word
    let words = match rest {
        [one] if one.contains(' ') => super::line::words(one).unwrap_or_default(),
        many => many.to_vec(),
    };
    if words.is_empty() {
        ctx.eprintln("Usage:\n watch [options] command");
        ctx.out.code = Some(1);
        return;
    }
    let mut repeat = Repeat { line: words.join(" "), words, every };
    let next = repeat.run(ctx);
    ctx.out.pending = Some(Pending::new(Wait::Repeating(repeat), Some(next)));
}

impl Repeat {
    /// Runs it once; the moment of the next run.
    fn run(&mut self, ctx: &mut Context) -> SimTime {
        let words = match self.words.first().map(String::as_str) {
            Some("kubectl" | "k") => &self.words[1..],
            _ => &self.words,
        };
        run_args(words, ctx);
        let body = std::mem::take(&mut ctx.out.stdout) + &std::mem::take(&mut ctx.out.stderr);
        ctx.out = Output { effects: vec![super::Effect::ClearScreen], ..Output::default() };
        ctx.println(format!("Every {:.1}s: {}\n", self.every, self.line));
        ctx.print(body);
        ctx.now() + SimDuration((self.every * 1e6) as u64)
    }

    /// Runs it when its time has come; it never ends by itself.
    pub fn poll(&mut self, deadline: &mut Option<SimTime>, ctx: &mut Context) -> bool {
        if deadline.is_none_or(|t| ctx.now() >= t) {
            *deadline = Some(self.run(ctx));
        }
        false
    }
}

fn redirect(r: &Redirect, ctx: &mut Context) {
    let text = std::mem::take(&mut ctx.out.stdout);
    if r.file == "/dev/null" {
        return;
    }
    let slot = ctx.files.entry(clean(&r.file).to_string()).or_default();
    if !r.append {
        slot.clear();
    }
    slot.push_str(&text);
}

/// The name under which a path stands in the working directory.
pub fn clean(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// Puts what has just been printed through the filters that follow a waiting command.
pub fn filter_chunk(rest: &Rest, ctx: &mut Context) {
    for words in &rest.filters {
        let text = std::mem::take(&mut ctx.out.stdout);
        if let Ok((text, _)) = filter(words, Some(text), ctx) {
            ctx.out.stdout = text;
        }
    }
}

/// Is it the `diff` of two files, and not kubectl's?
fn compares(words: &[String]) -> bool {
    let names = words.iter().skip(1).filter(|w| !w.starts_with('-') || *w == "-").count();
    names == 2 && !words.iter().any(|w| w == "-f" || w == "-k" || w.starts_with("--filename"))
}

pub(super) fn is_filter(name: &str) -> bool {
    matches!(
        name,
        "grep"
            | "wc"
            | "head"
            | "tail"
            | "sort"
            | "uniq"
            | "cat"
            | "echo"
            | "awk"
            | "cut"
            | "tr"
            | "ls"
            | "clear"
            | "base64"
            | "jq"
            | "openssl"
            | "xargs"
            | "sed"
            | "envsubst"
    )
}

/// Runs a filter on its own; the result stands in `ctx.out`.
pub(super) fn run_filter(words: &[String], input: Option<String>, ctx: &mut Context) {
    match filter(words, input, ctx) {
        Ok((text, code)) => {
            ctx.out.stdout = text;
            ctx.out.code = Some(code);
        }
        Err(e) => {
            ctx.eprintln(e);
            ctx.out.code = Some(2);
        }
    }
}

/// What a shell says of a program that is not there; and what does here what the usual ones are for.
fn not_found(name: &str) -> String {
    let instead = if command::distance(name, "kubectl") <= 2 { "\nDid you mean kubectl?" } else { "" };
    format!("{name}: command not found{instead}")
}
