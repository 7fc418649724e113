//! Pipelines: what stands after `|`, and redirections. The filters are the few that people put behind kubectl.

use super::line::{Redirect, Stage};
use super::{Context, Output, run_args};
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
        let mut words = stage.words.as_slice();
        let named = matches!(words.first().map(String::as_str), Some("kubectl" | "k"));
        if named {
            words = &words[1..];
        }
        let tool = words.first().map_or("", String::as_str);
        if words.is_empty() && !named {
            ctx.out.code = Some(0);
        } else if !named && (piped.is_some() || is_filter(tool)) && (i > 0 || is_filter(tool)) {
            match filter(words, piped.take(), ctx) {
                Ok((text, code)) => {
                    ctx.out.stdout = text;
                    ctx.out.code = Some(code);
                }
                Err(e) => {
                    ctx.eprintln(e);
                    ctx.out.code = Some(2);
                }
            }
        } else {
            let outer = ctx.stdin.clone();
            if let Some(text) = piped.take() {
                ctx.stdin = Some(text);
            }
            run_args(words, ctx);
            ctx.stdin = outer;
        }
        if let Some(p) = &mut ctx.out.pending {
            // what follows filters each chunk as it comes
            p.pipes.filters = stages[i + 1..].iter().map(|s| s.words.clone()).collect();
            let rest = p.pipes.clone();
            filter_chunk(&rest, ctx);
            break;
        }
        stderr.push_str(&std::mem::take(&mut ctx.out.stderr));
        if let Some(r) = &stage.redirect {
            redirect(r, ctx);
        }
        if i + 1 < count {
            piped = Some(std::mem::take(&mut ctx.out.stdout));
        }
    }
    stderr.push_str(&ctx.out.stderr);
    ctx.out.stderr = stderr;
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

fn is_filter(name: &str) -> bool {
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
            | "xargs"
            | "sed"
    )
}

fn filter(words: &[String], input: Option<String>, ctx: &mut Context) -> Result<(String, i32), String> {
    let name = words[0].as_str();
    let args = &words[1..];
    let plain: Vec<&String> = args.iter().filter(|a| !a.starts_with('-') || *a == "-").collect();
    let flags: String = args.iter().filter(|a| a.starts_with('-') && a.len() > 1).map(|a| &a[1..]).collect();
    // files named as operands stand for the input
    let read = |operands: &[&String]| -> Result<String, String> {
        if operands.is_empty() {
            return Ok(input.clone().or_else(|| ctx.stdin.clone()).unwrap_or_default());
        }
        let mut text = String::new();
        for f in operands {
            text += ctx.files.get(clean(f)).ok_or_else(|| format!("{name}: {f}: No such file or directory"))?;
        }
        Ok(text)
    };
    let lines = |v: Vec<&str>| v.iter().map(|l| format!("{l}\n")).collect::<String>();
    match name {
        "echo" => Ok((format!("{}\n", args.join(" ")), 0)),
        "clear" => {
            ctx.out.effects.push(super::Effect::ClearScreen);
            Ok((String::new(), 0))
        }
        "ls" => Ok((ctx.files.keys().map(|f| format!("{f}\n")).collect(), 0)),
        "cat" => Ok((read(&plain)?, 0)),
        "grep" => {
            let (pattern, operands) = plain.split_first().ok_or("usage: grep [-ivcE] PATTERN [FILE...]")?;
            let text = read(operands)?;
            let mut source = if flags.contains('F') { escape(pattern) } else { pattern.to_string() };
            if flags.contains('i') {
                source = format!("(?i){source}");
            }
            if flags.contains('w') {
                source = format!(r"\b(?:{source})\b");
            }
            let rx = regex_lite::Regex::new(&source).map_err(|e| format!("grep: {e}"))?;
            let hits: Vec<&str> = text.lines().filter(|l| rx.is_match(l) != flags.contains('v')).collect();
            let code = i32::from(hits.is_empty());
            Ok((if flags.contains('c') { format!("{}\n", hits.len()) } else { lines(hits) }, code))
        }
        "wc" => {
            let text = read(&plain)?;
            let (l, w, c) = (text.matches('\n').count(), text.split_whitespace().count(), text.len());
            let all = flags.is_empty();
            let parts: Vec<String> = [('l', l), ('w', w), ('c', c)]
                .iter()
                .filter(|(f, _)| all || flags.contains(*f))
                .map(|(_, n)| n.to_string())
                .collect();
            Ok((format!("{}\n", parts.join(" ")), 0))
        }
        "head" | "tail" => {
            let mut n: usize = 10;
            let mut from_start = false;
            let mut operands: Vec<&String> = vec![];
            let mut it = args.iter();
            while let Some(a) = it.next() {
                let value = if a == "-n" {
                    it.next().cloned()
                } else {
                    a.strip_prefix('-').map(|r| r.trim_start_matches(['n', '=']).to_string())
                };
                match value {
                    Some(v) => {
                        from_start = v.starts_with('+');
                        n = v
                            .trim_start_matches('+')
                            .parse()
                            .map_err(|_| format!("{name}: invalid number of lines: '{v}'"))?;
                    }
                    None => operands.push(a),
                }
            }
            let text = read(&operands)?;
            let all: Vec<&str> = text.lines().collect();
            let part = match (name, from_start) {
                ("head", _) => &all[..n.min(all.len())],
                (_, true) => &all[n.saturating_sub(1).min(all.len())..],
                _ => &all[all.len().saturating_sub(n)..],
            };
            Ok((lines(part.to_vec()), 0))
        }
        "sort" => {
            let text = read(&plain)?;
            let mut all: Vec<&str> = text.lines().collect();
            if flags.contains('n') {
                let number = |l: &str| {
                    l.trim()
                        .split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-')
                        .next()
                        .and_then(|t| t.parse::<f64>().ok())
                        .unwrap_or(0.0)
                };
                all.sort_by(|a, b| number(a).total_cmp(&number(b)).then(a.cmp(b)));
            } else {
                all.sort_unstable();
            }
            if flags.contains('r') {
                all.reverse();
            }
            if flags.contains('u') {
                all.dedup();
            }
            Ok((lines(all), 0))
        }
        "uniq" => {
            let text = read(&plain)?;
            let mut groups: Vec<(usize, &str)> = vec![];
            for l in text.lines() {
                match groups.last_mut() {
                    Some((n, last)) if *last == l => *n += 1,
                    _ => groups.push((1, l)),
                }
            }
            let show =
                |(n, l): &(usize, &str)| if flags.contains('c') { format!("{n:>7} {l}\n") } else { format!("{l}\n") };
            Ok((groups.iter().map(show).collect(), 0))
        }
        "awk" => {
            let program = plain.first().ok_or("usage: awk '{print $N}'")?;
            let text = read(&plain[1..])?;
            awk(program, &text).map(|t| (t, 0))
        }
        "cut" => cut(args, &read(&[])?).map(|t| (t, 0)),
        "tr" => match plain.as_slice() {
            [from, to] => {
                let (from, to) = (unescape(from), unescape(to));
                let text = read(&[])?;
                let map = |c: char| match from.chars().position(|f| f == c) {
                    Some(i) => to.chars().nth(i).or(to.chars().last()).unwrap_or(c),
                    None => c,
                };
                Ok((text.chars().map(map).collect(), 0))
            }
            [set] if flags.contains('d') => {
                let set = unescape(set);
                Ok((read(&[])?.chars().filter(|c| !set.contains(*c)).collect(), 0))
            }
            _ => Err("usage: tr SET1 SET2 | tr -d SET".into()),
        },
        "base64" => {
            use base64::Engine as _;
            let text = read(&plain)?;
            let engine = base64::engine::general_purpose::STANDARD;
            if flags.contains('d') || flags.contains('D') {
                let raw = engine
                    .decode(text.split_whitespace().collect::<String>())
                    .map_err(|_| "base64: invalid input".to_string())?;
                Ok((String::from_utf8_lossy(&raw).into_owned(), 0))
            } else {
                Ok((format!("{}\n", engine.encode(text)), 0))
            }
        }
        "xargs" => {
            let input = read(&[])?;
            let mut words: Vec<String> = args.iter().filter(|a| *a != "-r").cloned().collect();
            words.extend(input.split_whitespace().map(str::to_string));
            match words.first().map(String::as_str) {
                Some("kubectl" | "k") => {
                    run_args(&words[1..], ctx);
                    let code = ctx.out.code.unwrap_or(0);
                    Ok((std::mem::take(&mut ctx.out.stdout), code))
                }
                _ => filter(if words.is_empty() { return Ok((String::new(), 0)) } else { &words }, None, ctx),
            }
        }
        other => Err(format!("{other}: command not found")),
    }
}

fn escape(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec!['\\', c] }).collect()
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}

/// `awk '{print $1, $NF}'`, with `/pattern/`, `NR>1`, `NR==2` before the braces and `-F` not supported.
fn awk(program: &str, text: &str) -> Result<String, String> {
    let bad = || format!("awk: only [/pattern/|NR>n] {{print $1, $2}} is understood: {program}");
    let (condition, body) = program.split_once('{').ok_or_else(bad)?;
    let body = body.trim().strip_suffix('}').ok_or_else(bad)?.trim().trim_end_matches(';');
    let fields = body.strip_prefix("print").ok_or_else(bad)?.trim();
    let condition = condition.trim();
    let mut out = String::new();
    for (i, line) in text.lines().enumerate() {
        let holds = if condition.is_empty() {
            true
        } else if let Some(p) = condition.strip_prefix('/').and_then(|c| c.strip_suffix('/')) {
            regex_lite::Regex::new(p).map_err(|e| format!("awk: {e}"))?.is_match(line)
        } else if let Some(n) = condition.strip_prefix("NR>") {
            i + 1 > n.trim().parse().map_err(|_| bad())?
        } else if let Some(n) = condition.strip_prefix("NR==") {
            i + 1 == n.trim().parse::<usize>().map_err(|_| bad())?
        } else {
            return Err(bad());
        };
        if !holds {
            continue;
        }
        let parts: Vec<&str> = line.split_whitespace().collect();
        let mut shown = vec![];
        for f in fields.split(',').map(str::trim) {
            shown.push(match f {
                "" | "$0" => line.to_string(),
                "$NF" => parts.last().copied().unwrap_or_default().to_string(),
                "NR" => (i + 1).to_string(),
                f => match (f.strip_prefix('$'), f.strip_prefix('"').and_then(|f| f.strip_suffix('"'))) {
                    (Some(n), _) => {
                        let n: usize = n.parse().map_err(|_| bad())?;
                        n.checked_sub(1).and_then(|n| parts.get(n)).copied().unwrap_or_default().to_string()
                    }
                    (_, Some(text)) => unescape(text),
                    _ => return Err(bad()),
                },
            });
        }
        out += &format!("{}\n", shown.join(" "));
    }
    Ok(out)
}

fn cut(args: &[String], text: &str) -> Result<String, String> {
    let usage = || "usage: cut -d DELIMITER -f N[,N]".to_string();
    let value = |flag: &str| {
        let at = args.iter().position(|a| a.starts_with(flag))?;
        if args[at].len() > 2 { Some(args[at][2..].to_string()) } else { args.get(at + 1).cloned() }
    };
    let delimiter = value("-d").unwrap_or_else(|| "\t".into());
    let fields: Vec<usize> =
        value("-f").ok_or_else(usage)?.split(',').map(|f| f.parse().map_err(|_| usage())).collect::<Result<_, _>>()?;
    let pick = |l: &str| {
        if !l.contains(&delimiter) {
            return format!("{l}\n");
        }
        let parts: Vec<&str> = l.split(&delimiter).collect();
        let kept: Vec<&str> = fields.iter().filter_map(|n| parts.get(n.checked_sub(1)?).copied()).collect();
        format!("{}\n", kept.join(&delimiter))
    };
    Ok(text.lines().map(pick).collect())
}
