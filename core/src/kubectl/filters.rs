//! What stands behind a pipe at the prompt: grep, sort, awk, xargs and the like, as far as people use them on kubectl's
//! output. Each takes its whole input and gives its whole output; only xargs runs other commands.

use super::pipes::clean;
use super::{Context, run_args};
use crate::text::{sed, translate, unescape};
use std::collections::BTreeMap;

/// `envsubst`: a text with `$NAME` and `${NAME}` replaced; what no variable has is empty. `only` names those that are
/// meant, if not all.
fn envsubst(text: &str, only: Option<&String>, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let braced = after.strip_prefix('{');
        let body = braced.unwrap_or(after);
        let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
        let (name, tail) = body.split_at(end);
        let tail = if braced.is_some() { tail.strip_prefix('}') } else { Some(tail) };
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let meant = |list: &String| list.split(['$', '{', '}', ' ', ',']).any(|n| n == name);
        match tail.filter(|_| begins && only.is_none_or(meant)) {
            Some(tail) => {
                out.push_str(variables.get(name).map_or("", String::as_str));
                rest = tail;
            }
            None => {
                out.push('$');
                rest = after;
            }
        }
    }
    out + rest
}

pub(super) fn filter(words: &[String], input: Option<String>, ctx: &mut Context) -> Result<(String, i32), String> {
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
        "echo" => Ok((crate::runtime::shell::echo(args, false), 0)),
        "clear" => {
            ctx.out.effects.push(super::Effect::ClearScreen);
            Ok((String::new(), 0))
        }
        "ls" => Ok((ctx.files.keys().map(|f| format!("{f}\n")).collect(), 0)),
        "cat" => Ok((read(&plain)?, 0)),
        "envsubst" => Ok((envsubst(&read(&[])?, plain.first().copied(), &ctx.session.variables), 0)),
        "grep" => grep(args, read),
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
        "diff" => diff(args, &read, ctx.now()),
        "head" | "tail" if args.iter().any(|a| a.starts_with("-c")) => {
            let at = args.iter().position(|a| a.starts_with("-c")).unwrap_or(0);
            let (value, after) = match args[at].strip_prefix("-c") {
                Some("") | None => (args.get(at + 1).map_or("", String::as_str), at + 2),
                Some(v) => (v, at + 1),
            };
            let count = crate::text::count(value.trim_start_matches(['+', '-']));
            let count = count.ok_or_else(|| format!("{name}: invalid number of bytes: '{value}'"))?;
            let files: Vec<&String> = args[..at].iter().chain(args.get(after..).unwrap_or_default()).collect();
            let text = read(&files)?;
            let mut cut = match (name, value.starts_with(['+', '-'])) {
                ("head", false) => count.min(text.len()),
                ("tail", true) if value.starts_with('+') => count.saturating_sub(1).min(text.len()),
                _ => text.len().saturating_sub(count),
            };
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            Ok((if name == "head" { text[..cut].to_owned() } else { text[cut..].to_owned() }, 0))
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
                        n = crate::text::count(v.trim_start_matches('+'))
                            .ok_or_else(|| format!("{name}: invalid number of lines: '{v}'"))?;
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
        "sort" => sort(args, read).map(|t| (t, 0)),
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
            let mut separator = None;
            let mut operands: Vec<&String> = vec![];
            let mut it = args.iter();
            while let Some(a) = it.next() {
                match a.strip_prefix("-F") {
                    Some("") => separator = it.next().cloned(),
                    Some(s) => separator = Some(s.to_owned()),
                    None => operands.push(a),
                }
            }
            let (program, files) = operands.split_first().ok_or("usage: awk [-F SEPARATOR] '{print $N}'")?;
            awk(program, separator.as_deref(), &read(files)?).map(|t| (t, 0))
        }
        "sed" => {
            let (script, files) = plain.split_first().ok_or("usage: sed [-n] SCRIPT [FILE...]")?;
            let text = read(files)?;
            Ok((sed(script, &text.lines().collect::<Vec<_>>(), flags.contains('n')), 0))
        }
        "cut" => cut(args, &read(&[])?).map(|t| (t, 0)),
        "tr" => {
            let sets: Vec<&str> = plain.iter().map(|p| p.as_str()).collect();
            let delete = flags.contains('d');
            if sets.len() != if delete || flags.contains('s') && sets.len() == 1 { 1 } else { 2 } {
                return Err("usage: tr SET1 SET2 | tr -d SET | tr -s SET".into());
            }
            Ok((translate(&read(&[])?, &sets, delete, flags.contains('s')), 0))
        }
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
        "jq" => Ok(super::jq::run(args, input, ctx)),
        "openssl" => Ok(super::openssl::run(args, input, ctx)),
        "xargs" => xargs(args, &read(&[])?, ctx),
        other => Err(format!("{other}: command not found")),
    }
}

/// `diff [-u] [-q] A B`: what has to change in one file to make it the other one; `-` is the input.
fn diff(
    args: &[String],
    read: &impl Fn(&[&String]) -> Result<String, String>,
    now: crate::clock::SimTime,
) -> Result<(String, i32), String> {
    use similar::{ChangeTag, DiffTag, TextDiff};
    let flags: String = args.iter().filter(|a| a.starts_with('-') && a.len() > 1).map(|a| &a[1..]).collect();
    let operands: Vec<&String> = args.iter().filter(|a| !a.starts_with('-') || *a == "-").collect();
    let [old, new] = operands[..] else {
        return Err(match operands.last() {
            None => "diff: missing operand".into(),
            Some(one) => format!("diff: missing operand after '{one}'"),
        });
    };
    let text = |f: &String| read(if f == "-" { &[] } else { std::slice::from_ref(&f) }.to_vec().as_slice());
    let (a, b) = (text(old)?, text(new)?);
    if a == b {
        return Ok((String::new(), 0));
    }
    if flags.contains('q') {
        return Ok((format!("Files {old} and {new} differ\n"), 1));
    }
    let found = TextDiff::from_lines(&a, &b);
    if flags.contains('u') {
        let time = now.timestamp().strftime("%Y-%m-%d %H:%M:%S.000000000 +0000");
        let header = (format!("{old}\t{time}"), format!("{new}\t{time}"));
        return Ok((found.unified_diff().context_radius(3).header(&header.0, &header.1).to_string(), 1));
    }
    let mut out = String::new();
    for op in found.ops().iter().filter(|o| o.tag() != DiffTag::Equal) {
        // where a side has nothing, the line before it is named
        let side = |r: std::ops::Range<usize>| match r.len() {
            0 => r.start.to_string(),
            1 => (r.start + 1).to_string(),
            _ => format!("{},{}", r.start + 1, r.end),
        };
        let letter = match op.tag() {
            DiffTag::Delete => 'd',
            DiffTag::Insert => 'a',
            _ => 'c',
        };
        out += &format!("{}{letter}{}\n", side(op.old_range()), side(op.new_range()));
        let mut turned = false;
        for change in found.iter_changes(op) {
            let mark = if change.tag() == ChangeTag::Delete { '<' } else { '>' };
            if mark == '>' && letter == 'c' && !std::mem::replace(&mut turned, true) {
                out += "---\n";
            }
            let end = if change.missing_newline() { "\n\\ No newline at end of file\n" } else { "" };
            out += &format!("{mark} {}{end}", change.value());
        }
    }
    Ok((out, 1))
}

fn escape(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec!['\\', c] }).collect()
}

fn grep(args: &[String], read: impl Fn(&[&String]) -> Result<String, String>) -> Result<(String, i32), String> {
    let (mut patterns, mut operands): (Vec<String>, Vec<&String>) = (vec![], vec![]);
    let (mut flags, mut before, mut after) = (String::new(), 0usize, 0usize);
    let mut it = args.iter();
    while let Some(a) = it.next() {
        let Some(letters) = a.strip_prefix('-').filter(|l| !l.is_empty()) else {
            operands.push(a);
            continue;
        };
        if a.starts_with("--") {
            match a.as_str() {
                "--invert-match" => flags.push('v'),
                "--ignore-case" => flags.push('i'),
                "--count" => flags.push('c'),
                "--only-matching" => flags.push('o'),
                "--color" | "--color=auto" | "--color=always" | "--color=never" | "--line-buffered" => {}
                other => return Err(format!("grep: unrecognized option '{other}'")),
            }
            continue;
        }
        let first = letters.chars().next().unwrap_or_default();
        if "eABCm".contains(first) || letters.chars().last().is_some_and(|c| "eABCm".contains(c)) {
            let at = letters.find(['e', 'A', 'B', 'C', 'm']).unwrap_or(0);
            flags.push_str(&letters[..at]);
            let value = match &letters[at + 1..] {
                "" => it.next().cloned().ok_or_else(|| format!("grep: option requires an argument -- '{first}'"))?,
                v => v.to_owned(),
            };
            let number =
                || crate::text::count(&value).ok_or_else(|| format!("grep: {value}: invalid context length argument"));
            match letters.as_bytes()[at] {
                b'e' => patterns.push(value),
                b'A' => after = number()?,
                b'B' => before = number()?,
                b'C' => (before, after) = (number()?, number()?),
                _ => {}
            }
        } else {
            flags.push_str(letters);
        }
    }
    if patterns.is_empty() {
        if operands.is_empty() {
            return Err("usage: grep [-ivcnowqEF] [-A N] [-B N] PATTERN [FILE...]".into());
        }
        patterns.push(operands.remove(0).clone());
    }
    let has = |c: char| flags.contains(c);
    let source: Vec<String> = patterns
        .iter()
        .map(|p| if has('F') { escape(p) } else { p.replace("\\|", "|") })
        .map(|p| if has('w') { format!(r"\b(?:{p})\b") } else { p })
        .collect();
    let source = format!("{}{}", if has('i') { "(?i)" } else { "" }, source.join("|"));
    let rx = crate::text::regex(&source).map_err(|e| format!("grep: {e}"))?;
    let text = read(&operands)?;
    let all: Vec<&str> = text.lines().collect();
    let hits: Vec<usize> = (0..all.len()).filter(|i| rx.is_match(all[*i]) != has('v')).collect();
    let code = i32::from(hits.is_empty());
    if has('q') {
        return Ok((String::new(), code));
    }
    if has('c') {
        return Ok((format!("{}\n", hits.len()), code));
    }
    let number = |i: usize, mark: char| if has('n') { format!("{}{mark}", i + 1) } else { String::new() };
    let mut out = String::new();
    let mut last: Option<usize> = None;
    for &i in &hits {
        if has('o') {
            rx.find_iter(all[i]).for_each(|m| out += &format!("{}{}\n", number(i, ':'), m.as_str()));
            continue;
        }
        let from = i.saturating_sub(before).max(last.map_or(0, |l| l + 1));
        if (before > 0 || after > 0) && last.is_some_and(|l| from > l + 1) {
            out += "--\n";
        }
        let until = (i + after).min(all.len() - 1);
        for (j, line) in all.iter().enumerate().take(until + 1).skip(from) {
            let mark = if hits.contains(&j) { ':' } else { '-' };
            out += &format!("{}{line}\n", number(j, mark));
            last = Some(j);
        }
    }
    Ok((out, code))
}

fn sort(args: &[String], read: impl Fn(&[&String]) -> Result<String, String>) -> Result<String, String> {
    let (mut flags, mut key, mut separator): (String, Option<usize>, Option<String>) = (String::new(), None, None);
    let mut operands: Vec<&String> = vec![];
    let mut it = args.iter();
    while let Some(a) = it.next() {
        let Some(letters) = a.strip_prefix('-').filter(|l| !l.is_empty()) else {
            operands.push(a);
            continue;
        };
        match letters.find(['k', 't']) {
            Some(at) => {
                flags.push_str(&letters[..at]);
                let value = match &letters[at + 1..] {
                    "" => it.next().cloned().unwrap_or_default(),
                    v => v.to_owned(),
                };
                if letters.as_bytes()[at] == b't' {
                    separator = Some(value);
                } else {
                    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
                    key = crate::text::count(&digits);
                    flags.extend(value.chars().filter(|c| c.is_ascii_alphabetic()));
                }
            }
            None => flags.push_str(letters),
        }
    }
    let text = read(&operands)?;
    let mut all: Vec<&str> = text.lines().collect();
    let part = |l: &str| -> String {
        let Some(k) = key.and_then(|k| k.checked_sub(1)) else { return l.to_owned() };
        let fields: Vec<&str> = match &separator {
            Some(s) => l.split(s.as_str()).collect(),
            None => l.split_whitespace().collect(),
        };
        fields.get(k..).map(|f| f.join(" ")).unwrap_or_default()
    };
    let number = |l: &str| {
        let l = part(l);
        let text = l.trim().split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').next().map(str::to_owned);
        text.and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0)
    };
    if flags.contains(['n', 'h']) {
        all.sort_by(|a, b| number(a).total_cmp(&number(b)).then_with(|| a.cmp(b)));
    } else {
        all.sort_by(|a, b| part(a).cmp(&part(b)).then_with(|| a.cmp(b)));
    }
    if flags.contains('r') {
        all.reverse();
    }
    if flags.contains('u') {
        all.dedup();
    }
    Ok(all.iter().map(|l| format!("{l}\n")).collect())
}

/// `xargs [-r] [-n N | -I {}] COMMAND`: kubectl, or one of the filters.
fn xargs(args: &[String], input: &str, ctx: &mut Context) -> Result<(String, i32), String> {
    let (mut most, mut mark): (Option<usize>, Option<String>) = (None, None);
    let mut rest = args;
    while let Some(flag) = rest.first().filter(|a| a.starts_with('-')) {
        let mut taken = 1;
        let mut value = |short: &str| match flag.strip_prefix(short) {
            Some("") => {
                taken = 2;
                rest.get(1).cloned()
            }
            other => other.map(str::to_owned),
        };
        if flag.starts_with("-n") {
            most = value("-n").and_then(|v| crate::text::count(&v));
        } else if flag.starts_with("-I") {
            mark = value("-I");
        } else if flag.starts_with("-i") {
            mark = Some("{}".into());
        } else if !["-r", "--no-run-if-empty", "-t"].contains(&flag.as_str()) {
            return Err(format!("xargs: invalid option -- '{}'", flag.trim_start_matches('-')));
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    let quiet = args.iter().any(|a| a == "-r" || a == "--no-run-if-empty");
    let calls: Vec<Vec<String>> = match mark {
        Some(mark) => {
            let lines = input.lines().map(str::trim).filter(|l| !l.is_empty());
            lines.map(|l| rest.iter().map(|a| a.replace(&mark, l)).collect()).collect()
        }
        None => {
            let words: Vec<String> = input.split_whitespace().map(str::to_owned).collect();
            if words.is_empty() && quiet {
                return Ok((String::new(), 0));
            }
            let size = most.unwrap_or(words.len()).max(1);
            let groups: Vec<&[String]> = if words.is_empty() { vec![&[]] } else { words.chunks(size).collect() };
            groups.into_iter().map(|g| rest.iter().chain(g).cloned().collect()).collect()
        }
    };
    let (mut out, mut worst) = (String::new(), 0);
    for words in calls {
        let code = match words.first().map(String::as_str) {
            Some("kubectl" | "k") => {
                run_args(&words[1..], ctx);
                out += &std::mem::take(&mut ctx.out.stdout);
                ctx.out.pending = None;
                ctx.out.code.take().unwrap_or(0)
            }
            Some(_) => {
                let (text, code) = filter(&words, None, ctx)?;
                out += &text;
                code
            }
            None => {
                out += &format!("{}\n", input.split_whitespace().collect::<Vec<_>>().join(" "));
                0
            }
        };
        if code != 0 {
            worst = 123;
        }
    }
    Ok((out, worst))
}

/// `[condition] {print fields}`: a condition is `/pattern/`, or `$N` or `NR` or `NF` compared with a value.
fn awk(program: &str, separator: Option<&str>, text: &str) -> Result<String, String> {
    let bad = || format!("awk: only [/pattern/|$N==\"x\"|NR>n] {{print $1, $2}} is understood: {program}");
    let (condition, fields) = match program.split_once('{') {
        Some((c, body)) => {
            let body = body.trim().strip_suffix('}').ok_or_else(bad)?.trim().trim_end_matches(';');
            (c.trim(), body.strip_prefix("print").ok_or_else(bad)?.trim())
        }
        None => (program.trim(), ""),
    };
    let mut out = String::new();
    for (i, line) in text.lines().enumerate() {
        let parts: Vec<&str> = match separator {
            Some(s) => line.split(unescape(s).as_str()).collect(),
            None => line.split_whitespace().collect(),
        };
        let value = |term: &str| -> Option<String> {
            Some(match term.trim() {
                "$0" => line.to_owned(),
                "$NF" => parts.last().copied().unwrap_or_default().to_owned(),
                "NR" => (i + 1).to_string(),
                "NF" => parts.len().to_string(),
                t => match (t.strip_prefix('$'), t.strip_prefix('"').and_then(|t| t.strip_suffix('"'))) {
                    (Some(n), _) => {
                        let n = crate::text::count(n)?;
                        n.checked_sub(1).and_then(|n| parts.get(n)).copied().unwrap_or_default().to_owned()
                    }
                    (_, Some(text)) => unescape(text),
                    _ => t.parse::<f64>().ok().map(|_| t.to_owned())?,
                },
            })
        };
        let holds = condition
            .split("&&")
            .map(str::trim)
            .try_fold(true, |so_far, c| -> Option<bool> { Some(so_far && term_holds(c, line, &value)?) });
        if !holds.ok_or_else(bad)? {
            continue;
        }
        let mut shown = vec![];
        for f in split_outside_quotes(fields, ',') {
            let mut cell = String::new();
            for term in split_outside_quotes(&f, ' ').iter().filter(|t| !t.is_empty()) {
                // `$1":"$2` stands together
                for piece in pieces(term) {
                    cell += &value(&piece).ok_or_else(bad)?;
                }
            }
            shown.push(if f.trim().is_empty() { line.to_owned() } else { cell });
        }
        out += &format!("{}\n", shown.join(" "));
    }
    Ok(out)
}

fn term_holds(condition: &str, line: &str, value: &dyn Fn(&str) -> Option<String>) -> Option<bool> {
    if condition.is_empty() {
        return Some(true);
    }
    if let Some(p) = condition.strip_prefix('/').and_then(|c| c.strip_suffix('/')) {
        return Some(crate::text::regex(p).ok()?.is_match(line));
    }
    if let Some((left, pattern)) = condition.split_once('~') {
        let (left, negated) = left.strip_suffix('!').map_or((left, false), |l| (l, true));
        let pattern = pattern.trim().trim_matches('/');
        return Some(crate::text::regex(pattern).ok()?.is_match(&value(left)?) != negated);
    }
    for operator in ["==", "!=", ">=", "<=", ">", "<"] {
        let Some((left, right)) = condition.split_once(operator) else { continue };
        let (a, b) = (value(left)?, value(right)?);
        let order = match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => a.total_cmp(&b),
            _ => a.cmp(&b),
        };
        return Some(match operator {
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_lt(),
        });
    }
    None
}

/// Parts of a text between separators that do not stand in quotes.
fn split_outside_quotes(text: &str, separator: char) -> Vec<String> {
    let (mut out, mut quoted) = (vec![String::new()], false);
    for c in text.chars() {
        quoted ^= c == '"';
        match out.last_mut() {
            Some(last) if c != separator || quoted => last.push(c),
            _ => out.push(String::new()),
        }
    }
    out
}

/// `$1"x"$2` as `$1`, `"x"`, `$2`.
fn pieces(term: &str) -> Vec<String> {
    let (mut out, mut quoted): (Vec<String>, bool) = (vec![], false);
    for c in term.chars() {
        let begins = out.is_empty() || !quoted && (c == '$' || c == '"');
        if c == '"' {
            quoted = !quoted;
        }
        match out.last_mut() {
            Some(last) if !begins => last.push(c),
            _ => out.push(c.to_string()),
        }
    }
    out
}

fn cut(args: &[String], text: &str) -> Result<String, String> {
    let usage = || "usage: cut -d DELIMITER -f LIST | cut -c LIST".to_string();
    let value = |flag: &str| {
        let at = args.iter().position(|a| a.starts_with(flag))?;
        if args[at].len() > 2 { Some(args[at][2..].to_string()) } else { args.get(at + 1).cloned() }
    };
    let delimiter = value("-d").unwrap_or_else(|| "\t".into());
    // `1`, `2-4`, `3-`, `-5`
    let ranges = |list: String| -> Result<Vec<(usize, usize)>, String> {
        let number = |t: &str, empty| if t.is_empty() { Ok(empty) } else { crate::text::count(t).ok_or_else(usage) };
        let one = |part: &str| match part.split_once('-') {
            Some((from, to)) => Ok((number(from, 1)?, number(to, usize::MAX)?)),
            None => number(part, 1).map(|n| (n, n)),
        };
        list.split(',').map(one).collect()
    };
    let within = |ranges: &[(usize, usize)], i: usize| ranges.iter().any(|(a, b)| (*a..=*b).contains(&(i + 1)));
    if let Some(list) = value("-c") {
        let list = ranges(list)?;
        let pick =
            |l: &str| l.chars().enumerate().filter(|(i, _)| within(&list, *i)).map(|(_, c)| c).collect::<String>();
        return Ok(text.lines().map(|l| pick(l) + "\n").collect());
    }
    let fields = ranges(value("-f").ok_or_else(usage)?)?;
    let pick = |l: &str| {
        if !l.contains(&delimiter) {
            return format!("{l}\n");
        }
        let parts = l.split(&delimiter).enumerate();
        let kept: Vec<&str> = parts.filter(|(i, _)| within(&fields, *i)).map(|(_, p)| p).collect();
        format!("{}\n", kept.join(&delimiter))
    };
    Ok(text.lines().map(pick).collect())
}
