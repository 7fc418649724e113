//! Programs that read text and print it otherwise: `cat`, `grep`, `sort`, `sed` … as far as scripts in manifests use them.

use super::cut;
use super::utilities::{Done, Given};
use crate::runtime::files::{FileSystem, normalize};
use crate::text::{sed, translate};
use std::fmt::Write;

/// Programs that read text, from files or standard input, and print it otherwise.
pub(super) fn filter(g: &Given<'_>, fs: &mut FileSystem<'_>, plain: &[&str]) -> Done {
    let has = |c: char| g.args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(c));
    let option = |name: &str| -> Option<&str> {
        g.args.iter().enumerate().find_map(|(i, a)| match a.strip_prefix(name) {
            Some("") => g.args.get(i + 1).map(String::as_str),
            Some(rest) => Some(rest),
            None => None,
        })
    };
    let takes: &[&str] = match g.name {
        "head" | "tail" => &["-n", "-c"],
        "cut" => &["-d", "-f", "-c", "-b"],
        "grep" | "egrep" | "fgrep" | "sed" => &["-e"],
        "awk" => &["-F", "-v"],
        "sort" => &["-k", "-t"],
        _ => &[],
    };
    let mut operands: Vec<&str> = vec![];
    let mut skip = false;
    for a in g.args {
        if !std::mem::take(&mut skip) {
            if takes.contains(&a.as_str()) {
                skip = true;
            } else if !a.starts_with('-') || a == "-" {
                operands.push(a);
            }
        }
    }
    let script = match g.name {
        "grep" | "egrep" | "fgrep" | "sed" => match option("-e") {
            Some(e) => e,
            None if operands.is_empty() => return Done::fail(2, format!("{}: missing operand", g.name)),
            None => operands.remove(0),
        },
        "awk" if operands.is_empty() => return Done::fail(2, "awk: missing operand"),
        "awk" => operands.remove(0),
        _ => "",
    };
    if g.name == "tr" {
        return Done::say(translate(g.input, plain, has('d'), has('s')));
    }
    if g.name == "tee" {
        let mut d = Done::say(g.input);
        for f in &operands {
            if let Err(p) = fs.write(&normalize(g.cwd, f), g.input, has('a')) {
                d.err += &format!("tee: {f}: {p}\n");
                d.code = 1;
            }
        }
        return d;
    }
    if g.name == "sed" && g.args.iter().any(|a| a.starts_with("-i") || a == "--in-place") {
        let mut d = Done::default();
        for f in operands {
            let path = normalize(g.cwd, f);
            let text = match fs.read(&path) {
                Ok(text) => text,
                Err(p) => return Done::fail(1, format!("sed: {f}: {p}")),
            };
            let lines: Vec<&str> = text.lines().collect();
            if let Err(p) = fs.write(&path, &sed(script, &lines, has('n')), false) {
                d.err += &format!("sed: can't create temp file '{f}XXXXXX': {p}\n");
                d.code = 1;
            }
        }
        return d;
    }
    let mut d = Done::default();
    let mut text = String::new();
    let named = operands.first().copied().filter(|f| operands.len() == 1 && *f != "-");
    if operands.is_empty() {
        text.push_str(g.input);
    }
    for f in &operands {
        if *f == "-" {
            text.push_str(g.input);
            continue;
        }
        match fs.read(&normalize(g.cwd, f)) {
            Ok(t) => text.push_str(cut(&t, 1 << 20)),
            Err(p) if g.name == "cat" || g.name == "head" || g.name == "tail" => {
                d.err += &format!("{}: can't open '{f}': {p}\n", g.name);
                d.code = 1;
            }
            Err(p) => {
                d.err += &format!("{}: {f}: {p}\n", g.name);
                d.code = if g.name.contains("grep") { 2 } else { 1 };
            }
        }
    }
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| lines.iter().fold(String::new(), |s, l| s + l + "\n");
    d.out = match g.name {
        "cat" if has('n') => {
            lines.iter().enumerate().fold(String::new(), |s, (i, l)| s + &format!("{:6}\t{l}\n", i + 1))
        }
        "tac" => joined(&lines.iter().rev().copied().collect::<Vec<_>>()),
        "rev" => lines.iter().fold(String::new(), |s, l| s + &l.chars().rev().collect::<String>() + "\n"),
        "sort" => {
            let mut l = lines.clone();
            let number = |s: &str| {
                s.trim()
                    .split(|c: char| !c.is_ascii_digit() && c != '-')
                    .next()
                    .and_then(|n| n.parse::<i64>().ok())
                    .unwrap_or(0)
            };
            let separator = option("-t");
            let key = option("-k").and_then(|k| crate::text::count(k.split(['.', ',', 'n', 'r']).next()?));
            let field = |s: &'_ str| -> String {
                let at = key.unwrap_or(1).saturating_sub(1);
                let found = match separator {
                    Some(by) => s.split(by).nth(at),
                    None => s.split_whitespace().nth(at),
                };
                found.unwrap_or_default().to_owned()
            };
            if key.is_some() && has('n') {
                l.sort_by_key(|s| number(&field(s)));
            } else if key.is_some() {
                l.sort_by_key(|s| field(s));
            } else if has('n') {
                l.sort_by_key(|s| number(s));
            } else {
                l.sort_unstable();
            }
            if has('r') {
                l.reverse();
            }
            if has('u') {
                l.dedup();
            }
            joined(&l)
        }
        "uniq" => {
            let mut out = String::new();
            for group in lines.chunk_by(|a, b| a == b) {
                if has('c') {
                    let _ = write!(out, "{:7} ", group.len());
                }
                let _ = writeln!(out, "{}", group[0]);
            }
            out
        }
        "wc" => {
            let (l, w, c) = (text.matches('\n').count(), text.split_whitespace().count(), text.len());
            let end = named.map_or("\n".to_owned(), |f| format!(" {f}\n"));
            match (has('l'), has('w'), has('c')) {
                (true, ..) => format!("{l}{end}"),
                (_, true, _) => format!("{w}{end}"),
                (.., true) => format!("{c}{end}"),
                _ => format!("{l:9} {w:9} {c:9}{end}"),
            }
        }
        "head" | "tail" => {
            let count = option("-n")
                .or_else(|| g.args.iter().find_map(|a| a.strip_prefix('-').filter(|n| crate::text::count(n).is_some())))
                .unwrap_or("10");
            let n = crate::text::count(count.trim_start_matches(['-', '+'])).unwrap_or(10);
            if let Some(bytes) = option("-c").and_then(crate::text::count) {
                let end = (0..=bytes.min(text.len())).rev().map(|n| text.len() - n).find(|i| text.is_char_boundary(*i));
                match g.name {
                    "head" => cut(&text, bytes).to_owned(),
                    _ => text[end.unwrap_or(0)..].to_owned(),
                }
            } else if g.name == "head" {
                joined(&lines[..n.min(lines.len())])
            } else if count.starts_with('+') {
                joined(&lines[n.saturating_sub(1).min(lines.len())..])
            } else {
                joined(&lines[lines.len().saturating_sub(n)..])
            }
        }
        "cut" => {
            let by_chars = option("-c").or_else(|| option("-b"));
            let delimiter = option("-d").unwrap_or("\t");
            let ranges: Vec<(usize, usize)> = by_chars
                .or_else(|| option("-f"))
                .unwrap_or("1")
                .split(',')
                .map(|r| match r.split_once('-') {
                    Some((a, b)) => (crate::text::count(a).unwrap_or(1), crate::text::count(b).unwrap_or(usize::MAX)),
                    None => crate::text::count(r).map_or((1, 1), |n| (n, n)),
                })
                .collect();
            let picked = |i: usize| ranges.iter().any(|(a, b)| (*a..=*b).contains(&(i + 1)));
            lines.iter().fold(String::new(), |s, l| {
                if by_chars.is_some() {
                    let kept: String = l.chars().enumerate().filter(|(i, _)| picked(*i)).map(|(_, c)| c).collect();
                    return s + &kept + "\n";
                }
                let fields: Vec<&str> = l.split(delimiter).collect();
                if fields.len() == 1 {
                    return if has('s') { s } else { s + l + "\n" };
                }
                let kept: Vec<&str> = fields.iter().enumerate().filter(|(i, _)| picked(*i)).map(|(_, f)| *f).collect();
                s + &kept.join(delimiter) + "\n"
            })
        }
        "grep" | "egrep" | "fgrep" => return grep(d, g.name, script, &lines, &has),
        "sed" => sed(script, &lines, has('n')),
        "awk" => awk(script, option("-F"), &lines),
        _ => text,
    };
    d
}

fn grep(mut d: Done, name: &str, pattern: &str, lines: &[&str], has: &dyn Fn(char) -> bool) -> Done {
    let pattern = if name == "fgrep" || has('F') { regex_lite::escape(pattern) } else { pattern.replace("\\|", "|") };
    let pattern = if has('w') { format!(r"\b(?:{pattern})\b") } else { pattern };
    let Ok(re) =
        regex_lite::RegexBuilder::new(&pattern).case_insensitive(has('i')).size_limit(crate::text::REGEX).build()
    else {
        return Done::fail(2, format!("{name}: bad regex '{pattern}'"));
    };
    let hits: Vec<(usize, &&str)> = lines.iter().enumerate().filter(|(_, l)| re.is_match(l) != has('v')).collect();
    if hits.is_empty() && d.code == 0 {
        d.code = 1;
    }
    if has('c') {
        d.out = format!("{}\n", hits.len());
    } else if !has('q') {
        for (i, l) in hits {
            if has('n') {
                d.out += &format!("{}:", i + 1);
            }
            if has('o') {
                re.find_iter(l).for_each(|m| d.out += &format!("{}\n", m.as_str()));
            } else {
                d.out += &format!("{l}\n");
            }
        }
    }
    d
}

/// `{print $1, $NF}` behind an optional `/pattern/`.
fn awk(script: &str, separator: Option<&str>, lines: &[&str]) -> String {
    let (pattern, action) = script.split_once('{').unwrap_or((script, "print}"));
    let re = crate::text::regex(pattern.trim().trim_matches('/')).ok();
    let body = action.trim_end().trim_end_matches('}').trim();
    let fields = body.strip_prefix("print").unwrap_or("").trim();
    let mut out = String::new();
    for line in lines {
        if re.as_ref().is_some_and(|re| !re.is_match(line)) {
            continue;
        }
        let f: Vec<&str> = match separator {
            Some(s) => line.split(s.trim_matches(['\'', '"'])).collect(),
            None => line.split_whitespace().collect(),
        };
        let cells: Vec<String> = fields
            .split(',')
            .map(|c| match c.trim() {
                "" | "$0" => (*line).to_owned(),
                "$NF" => f.last().copied().unwrap_or("").to_owned(),
                "NF" => f.len().to_string(),
                c => match c.strip_prefix('$').and_then(crate::text::count) {
                    Some(n) => f.get(n.wrapping_sub(1)).copied().unwrap_or("").to_owned(),
                    None => c.trim_matches('"').to_owned(),
                },
            })
            .collect();
        out += &format!("{}\n", cells.join(" "));
    }
    out
}
