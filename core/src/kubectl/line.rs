//! Splitting of a typed line into words, as a POSIX shell does it, without expansions.

use crate::apiserver::printers::custom::closing;

/// Where a stage's output goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// The words.
    pub words: Vec<String>,
    /// `> file` or `>> file` (then `append`).
    pub redirect: Option<Redirect>,
    /// `< file`.
    pub input: Option<String>,
    /// `2>&1`: errors go where the output goes.
    pub merge: bool,
    /// `2> file`: errors are not seen.
    pub quiet: bool,
}

/// When a part of a line is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// `;`, and the first part
    Always,
    /// `&&`
    IfDone,
    /// `||`
    IfFailed,
}

/// The parts of a line, in the order they are carried out in. A `&` at the end is left out: nothing goes on in the
/// background. What the shell is to read ([`super::script`]) stays whole.
pub fn sequence(line: &str) -> Vec<(Join, String)> {
    let mut parts = sequence_parts(line);
    if super::script::is_one(parts.iter().map(|(_, part)| part.as_str())) {
        return vec![(Join::Always, line.to_owned())];
    }
    for (_, part) in &mut parts {
        // a port that is forwarded is served on while other lines are typed: its command reads the `&`
        if part.contains("port-forward ") {
            continue;
        }
        if let Some(bare) = part.trim_end().strip_suffix('&').filter(|b| b.ends_with(' ')) {
            *part = bare.trim_end().to_owned();
        }
    }
    let some = parts.iter().any(|(_, p)| !p.trim().is_empty());
    parts.retain(|(_, p)| !some || !p.trim().is_empty());
    parts
}

/// The parts that a line falls into at `;`, `&&`, `||` and its newlines, whatever they mean; one, if a quote stays open.
pub fn sequence_parts(line: &str) -> Vec<(Join, String)> {
    let mut parts = vec![(Join::Always, String::new())];
    let (mut single, mut double, mut depth) = (false, false, 0);
    let mut it = line.chars().peekable();
    while let Some(c) = it.next() {
        let free = !single && !double && depth == 0;
        let part = &mut parts.last_mut().expect("there is always a part").1;
        let next = match c {
            '#' if free && !part.ends_with(|p: char| !p.is_whitespace()) => {
                // a comment goes to the end of its line
                while it.next_if(|c| *c != '\n').is_some() {}
                None
            }
            ';' if free => Some(Join::Always),
            // a line goes on after an operator that wants something to follow
            '\n' if free && !part.trim_end().ends_with('|') && !(part.trim().is_empty()) => Some(Join::Always),
            '&' if free && it.next_if_eq(&'&').is_some() => Some(Join::IfDone),
            '|' if free && it.next_if_eq(&'|').is_some() => Some(Join::IfFailed),
            _ => {
                part.push(c);
                match c {
                    '\\' if !single => part.extend(it.next()),
                    '\'' if !double => single = !single,
                    '"' if !single => double = !double,
                    '(' if !single && (depth > 0 || part.ends_with("$(")) => depth += 1,
                    ')' if !single && depth > 0 => depth -= 1,
                    _ => {}
                }
                None
            }
        };
        if let Some(join) = next {
            parts.push((join, String::new()));
        }
    }
    if single || double {
        return vec![(Join::Always, line.to_owned())];
    }
    parts
}

/// What a here-document ends with, and whether its lines may be indented, if one begins after `<<`.
fn delimiter(after: &str) -> Option<(String, bool)> {
    let indented = after.starts_with('-');
    let word = after.trim_start_matches('-').trim_start_matches([' ', '\t']);
    let end = word.find(|c: char| c.is_whitespace() || "|;&<>()".contains(c)).unwrap_or(word.len());
    let word: String = word[..end].chars().filter(|c| !"'\"\\".contains(*c)).collect();
    (!word.is_empty()).then_some((word, indented))
}

/// Does a here-document begin in a line?
pub fn has_here_document(line: &str) -> bool {
    scan(line).0
}

/// Is there more to come of what has been typed: a quote or a substitution that is open, a here-document without its
/// end, a line that ends with `\` or an operator, a loop without `done`?
pub fn is_unfinished(text: &str) -> bool {
    let bare = text.trim_end();
    let more = bare.ends_with('|') || bare.ends_with("&&") || text.ends_with('\\') && !text.ends_with("\\\\");
    more || scan(text).1 || {
        let parts = sequence_parts(text);
        super::script::is_one(parts.iter().map(|(_, part)| part.as_str()))
            && crate::runtime::shell::parse(text).is_err_and(|e| e.to_string().contains("unexpected end of file"))
    }
}

/// Whether a text has a here-document, and whether a quote, a substitution or a here-document of it stays open.
fn scan(text: &str) -> (bool, bool) {
    let (mut single, mut double, mut depth) = (false, false, 0_usize);
    let mut has = false;
    let mut expected: Vec<(String, bool)> = vec![];
    let mut rest = text;
    let mut begins = true;
    while let Some(c) = rest.chars().next() {
        let before_word = begins;
        begins = c.is_whitespace() || ";&|(".contains(c);
        let free = !single && !double;
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' if !single => {
                let mut it = rest.chars();
                it.next();
                rest = it.as_str();
            }
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '#' if free && before_word => rest = rest.find('\n').map_or("", |i| &rest[i..]),
            '$' if !single && rest.starts_with('(') => {
                depth += 1;
                rest = &rest[1..];
            }
            ')' if !single && depth > 0 => depth -= 1,
            '<' if free && depth == 0 && rest.starts_with('<') => {
                rest = &rest[1..];
                if let Some(word) = delimiter(rest).filter(|_| !rest.starts_with('<')) {
                    has = true;
                    expected.push(word);
                }
                rest = rest.trim_start_matches('<');
            }
            '\n' if free => {
                for (word, indented) in std::mem::take(&mut expected) {
                    loop {
                        if rest.is_empty() {
                            return (true, true);
                        }
                        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
                        rest = after;
                        if (if indented { line.trim_start_matches('\t') } else { line }) == word {
                            break;
                        }
                    }
                }
            }
            _ => {}
        }
    }
    (has, single || double || depth > 0 || !expected.is_empty())
}

/// A line with `$NAME`, `${NAME}` and `$(…)` replaced outside of single quotes; what `value` and `output` know nothing of
/// stays as it stands.
pub fn expand(
    line: &str,
    value: &dyn Fn(&str) -> Option<String>,
    output: &mut dyn FnMut(&str) -> Option<String>,
) -> String {
    let mut out = String::new();
    let (mut single, mut double) = (false, false);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c == '$' && !single {
            let (inner, known, end) = if let Some(body) = after.strip_prefix('(') {
                let end = closing(body, ['(', ')']).unwrap_or(body.len());
                (&body[..end], true, 1 + (end + 1).min(body.len()))
            } else if let Some(body) = after.strip_prefix('{') {
                let end = body.find('}').unwrap_or(body.len());
                (&body[..end], false, 1 + (end + 1).min(body.len()))
            } else {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], false, end)
            };
            let found = if known { output(inner) } else { value(inner) };
            if let Some(text) = found {
                // what an assignment gets is not split into words
                let whole = !double && assigns(&out);
                if whole {
                    out.push('"');
                }
                let double = double || whole;
                for t in text.trim_end_matches('\n').chars() {
                    let special = match double {
                        true => matches!(t, '"' | '\\' | '$' | '`'),
                        false => matches!(t, '"' | '\\' | '\'' | '|' | '<' | '>' | '#' | ';' | '&' | '(' | ')'),
                    };
                    if special {
                        out.push('\\');
                    }
                    out.push(t);
                }
                if whole {
                    out.push('"');
                }
                rest = &after[end..];
                continue;
            }
        }
        match c {
            '\\' if !single => {
                out.push(c);
                rest = after;
                let Some(next) = rest.chars().next() else { break };
                out.push(next);
                rest = &rest[next.len_utf8()..];
                continue;
            }
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            _ => {}
        }
        out.push(c);
        rest = after;
    }
    out
}

/// Does a line that has come so far stand in the value of an assignment?
fn assigns(line: &str) -> bool {
    let mut words = line.trim_start().strip_prefix("export ").unwrap_or(line).split(' ').filter(|w| !w.is_empty());
    !line.is_empty() && !line.ends_with(' ') && words.all(|w| assignment(w).is_some())
}

/// `NAME=value` words, alone or after `export`: what a line that only sets variables sets.
pub fn assignments(stages: &[Stage]) -> Option<Vec<(String, String)>> {
    let [stage] = stages else { return None };
    let words = match stage.words.as_slice() {
        [first, rest @ ..] if first == "export" && !rest.is_empty() => rest,
        all => all,
    };
    if words.is_empty() { None } else { words.iter().map(|w| assignment(w)).collect() }
}

/// A `NAME=value` word.
pub fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.bytes().all(letters);
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

/// A redirection of standard output.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// The file.
    pub file: String,
    /// Add to it.
    pub append: bool,
}

enum Token {
    Word(String),
    Pipe,
    Out(bool),
    In,
    /// `2>&1`
    Merge,
    /// `2>`
    Errors,
}

/// Splits a line into the stages of a pipeline. The error says what is not closed or missing.
pub fn split(line: &str) -> Result<Vec<Stage>, String> {
    let mut stages = vec![Stage::default()];
    let mut tokens = tokens(line)?.into_iter();
    while let Some(t) = tokens.next() {
        let stage = stages.last_mut().expect("there is always a stage");
        match t {
            Token::Word(w) => stage.words.push(w),
            Token::Pipe if stage.words.is_empty() => return Err("syntax error near unexpected token `|'".into()),
            Token::Pipe => stages.push(Stage::default()),
            Token::Out(append) => match tokens.next() {
                Some(Token::Word(file)) => stage.redirect = Some(Redirect { file, append }),
                _ => return Err("syntax error near unexpected token `newline'".into()),
            },
            Token::Merge => stage.merge = true,
            Token::Errors => match tokens.next() {
                Some(Token::Word(_)) => stage.quiet = true,
                _ => return Err("syntax error near unexpected token `newline'".into()),
            },
            Token::In => match tokens.next() {
                Some(Token::Word(file)) => stage.input = Some(file),
                _ => return Err("syntax error near unexpected token `newline'".into()),
            },
        }
    }
    if stages.len() > 1 && stages.last().is_some_and(|s| s.words.is_empty()) {
        return Err("syntax error: unexpected end of line after `|'".into());
    }
    Ok(stages)
}

/// The words of a line; operators are words too. For callers that know there is no pipe.
pub fn words(line: &str) -> Result<Vec<String>, String> {
    Ok(split(line)?.into_iter().next().unwrap_or_default().words)
}

fn tokens(line: &str) -> Result<Vec<Token>, String> {
    let mut out = vec![];
    let mut word: Option<String> = None;
    let mut it = line.chars().peekable();
    while let Some(c) = it.next() {
        match c {
            '\'' => {
                let w = word.get_or_insert_default();
                loop {
                    match it.next() {
                        Some('\'') => break,
                        Some(c) => w.push(c),
                        None => return Err("unexpected end of line while looking for matching `''".into()),
                    }
                }
            }
            '"' => {
                let w = word.get_or_insert_default();
                loop {
                    match it.next() {
                        Some('"') => break,
                        Some('\\') => match it.next() {
                            Some(c @ ('"' | '\\' | '$' | '`')) => w.push(c),
                            Some('\n') => {}
                            Some(c) => {
                                w.push('\\');
                                w.push(c);
                            }
                            None => return Err("unexpected end of line while looking for matching `\"'".into()),
                        },
                        Some(c) => w.push(c),
                        None => return Err("unexpected end of line while looking for matching `\"'".into()),
                    }
                }
            }
            '\\' => match it.next() {
                Some('\n') | None => {}
                Some(c) => word.get_or_insert_default().push(c),
            },
            '#' if word.is_none() => {
                // a comment goes to the end of its line
                while it.next_if(|c| *c != '\n').is_some() {}
            }
            c if c.is_whitespace() => out.extend(word.take().map(Token::Word)),
            '|' => {
                out.extend(word.take().map(Token::Word));
                out.push(Token::Pipe);
            }
            '>' if word.as_deref() == Some("2") => {
                word = None;
                it.next_if_eq(&'>');
                if it.next_if_eq(&'&').is_some() {
                    it.next_if_eq(&'1');
                    out.push(Token::Merge);
                } else {
                    out.push(Token::Errors);
                }
            }
            '>' => {
                out.extend(word.take().map(Token::Word));
                out.push(Token::Out(it.next_if_eq(&'>').is_some()));
            }
            '<' => {
                out.extend(word.take().map(Token::Word));
                out.push(Token::In);
            }
            // a substitution that nobody here can carry out stays as it is
            '(' if word.as_deref().is_some_and(|w| w.ends_with('$')) || matches!(out.last(), Some(Token::In)) => {
                let w = word.get_or_insert_default();
                w.push(c);
                let mut depth = 1;
                while let Some(c) = it.next_if(|_| depth > 0) {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    w.push(c);
                }
            }
            // braces that no quote protects
            '{' if !word.as_deref().is_some_and(|w| w.ends_with('$')) => word.get_or_insert_default().push(OPEN),
            ',' => word.get_or_insert_default().push(COMMA),
            '}' => word.get_or_insert_default().push(CLOSE),
            '(' | ')' => return Err(format!("syntax error near unexpected token `{c}'")),
            c => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word.map(Token::Word));
    let words = |t: Token| match t {
        Token::Word(w) if w.contains([OPEN, COMMA, CLOSE]) => braces(&w, 0).into_iter().map(Token::Word).collect(),
        other => vec![other],
    };
    Ok(out.into_iter().flat_map(words).collect())
}

/// What stands for `{`, `,` and `}` outside of quotes until braces are expanded.
const OPEN: char = '\u{1}';
const COMMA: char = '\u{2}';
const CLOSE: char = '\u{3}';
/// Words that a word may become.
const MOST_WORDS: usize = 1000;
/// Braces of a word that are expanded, in one another or one after the other.
const MOST_BRACES: u32 = 20;

/// The words that braces make of one: `a{b,c}` and `a{1..3}`. Braces without a list or a range stay as they are.
fn braces(word: &str, deep: u32) -> Vec<String> {
    let plain = |t: &str| t.replace(OPEN, "{").replace(COMMA, ",").replace(CLOSE, "}");
    for (start, _) in word.match_indices(OPEN).take(if deep < MOST_BRACES { MOST_WORDS } else { 0 }) {
        let mut depth = 0;
        let (mut cuts, mut end) = (vec![], None);
        for (i, c) in word[start..].char_indices() {
            match c {
                OPEN => depth += 1,
                COMMA if depth == 1 => cuts.push(start + i),
                CLOSE if depth == 1 => {
                    end = Some(start + i);
                    break;
                }
                CLOSE => depth -= 1,
                _ => {}
            }
        }
        let Some(end) = end else { continue };
        let inner = &word[start + 1..end];
        let items: Vec<String> = if cuts.is_empty() {
            match range(inner) {
                Some(items) => items,
                None => continue,
            }
        } else {
            let from = std::iter::once(start).chain(cuts.iter().copied());
            from.zip(cuts.iter().copied().chain([end])).map(|(a, b)| word[a + 1..b].to_owned()).collect()
        };
        let (before, after) = (plain(&word[..start]), &word[end + 1..]);
        let tails = braces(after, deep + 1);
        let heads = items.iter().flat_map(|i| braces(i, deep + 1));
        let all = heads.flat_map(|h| tails.iter().map(|t| format!("{before}{h}{t}")).collect::<Vec<_>>());
        return all.take(MOST_WORDS).collect();
    }
    vec![plain(word)]
}

/// `1..3` and `a..c`, also backwards.
fn range(text: &str) -> Option<Vec<String>> {
    let (from, to) = text.split_once("..")?;
    let letter = |t: &str| t.parse::<char>().ok().filter(char::is_ascii_alphabetic).map(|c| i64::from(u32::from(c)));
    let (a, b, letters) = match (from.parse::<i64>(), to.parse::<i64>()) {
        (Ok(a), Ok(b)) => (a, b, false),
        _ => (letter(from)?, letter(to)?, true),
    };
    let count = crate::text::clamped(b.checked_sub(a)?.unsigned_abs()).min(MOST_WORDS);
    let step = if b < a { -1 } else { 1 };
    let show = |n: i64| match letters {
        true => u8::try_from(n).map_or_else(|_| String::new(), |b| char::from(b).to_string()),
        false => n.to_string(),
    };
    Some((0..=count as i64).map(|i| show(a + step * i)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_takes_all_of_a_substitution() {
        let e = |l: &str| {
            let line = expand(l, &|n| (n == "V").then(|| "a b".into()), &mut |_| Some("x \"y\"\nz\n".into()));
            split(&line).unwrap()
        };
        let set = |l: &str| assignments(&e(l)).unwrap();
        assert_eq!(set("A=$(kubectl get x)"), [("A".to_owned(), "x \"y\"\nz".to_owned())]);
        assert_eq!(set("export A=1 B=-$V-"), [("A".into(), "1".into()), ("B".into(), "-a b-".into())]);
        assert_eq!(e("echo A=$V")[0].words, ["echo", "A=a", "b"]);
    }

    #[test]
    fn words_as_a_shell_sees_them() {
        let w = |l| words(l).unwrap();
        assert_eq!(w(r#"get pods -l 'app in (a,b)' -o jsonpath='{"\n"}'"#)[3], "app in (a,b)");
        assert_eq!(w(r#"get -o jsonpath='{"\n"}'"#)[2], r#"jsonpath={"\n"}"#);
        assert_eq!(w(r#"a "b \"c\" \n" d\ e '' # no"#), ["a", "b \"c\" \\n", "d e", ""]);
        assert_eq!(split("get pods | grep web > f").unwrap().len(), 2);
        assert_eq!(
            w("a{1..3} {b,c}-x {p} '{1,2}' -o={.a[0].b} ${V} {c..a} {1..1}"),
            ["a1", "a2", "a3", "b-x", "c-x", "{p}", "{1,2}", "-o={.a[0].b}", "${V}", "c", "b", "a", "1"]
        );
        assert!(split("get 'x").is_err());
        assert!(split("get po -l env in (a,b)").is_err_and(|e| e.ends_with("unexpected token `('")));
        let quiet = split("get pods 2>/dev/null | wc -l").unwrap();
        assert!(quiet[0].quiet && quiet[0].words == ["get", "pods"]);
        assert!(split("get pods 2>&1").unwrap()[0].merge);
    }

    #[test]
    fn parts_of_a_line() {
        let s = |l: &str| sequence(l).into_iter().map(|(j, p)| (j, p.trim().to_owned())).collect::<Vec<_>>();
        assert_eq!(s("kubectl get pods;"), [(Join::Always, "kubectl get pods".into())]);
        assert_eq!(
            s("a 'x;y' && b \"&&\" || c; d # ; e"),
            [
                (Join::Always, "a 'x;y'".into()),
                (Join::IfDone, "b \"&&\"".into()),
                (Join::IfFailed, "c".into()),
                (Join::Always, "d".into())
            ]
        );
        assert_eq!(s("a $(b; c) | d &"), [(Join::Always, "a $(b; c) | d".into())]);
        assert_eq!(s("for i in 1; do x; done").len(), 1);
        assert_eq!(s("").len(), 1);
    }

    #[test]
    fn lines_that_are_pasted_together_are_lines_of_their_own() {
        let s = |l: &str| sequence(l).into_iter().map(|(_, p)| p.trim().to_owned()).collect::<Vec<_>>();
        assert_eq!(s("a\nb\n\n# c\nd"), ["a", "b", "d"]);
        assert_eq!(s("a \\\n --x"), ["a \\\n --x"]);
        assert_eq!(s("a |\n b"), ["a |\n b"]);
        assert_eq!(s("a 'x\ny'"), ["a 'x\ny'"]);
        assert_eq!(s("a -f - <<EOF\nx: 'y\nEOF\nb").len(), 1);
    }

    #[test]
    fn what_has_more_to_come() {
        for open in [
            "kubectl apply -f - <<EOF",
            "cat <<'EOF' > f\na: it's\n",
            "cat <<-E\nx\n E",
            "echo 'a",
            "kubectl get pods |",
            "kubectl run x \\",
            "a=$(kubectl get",
            "for i in 1 2; do echo $i",
        ] {
            assert!(is_unfinished(open), "{open}");
        }
        for whole in [
            "kubectl apply -f - <<EOF\nx: \"y\nEOF",
            "cat <<-E\nx\n\tE",
            "kubectl get pods # it's",
            "for i in 1 2; do echo $i; done",
            "kubectl get pods -o jsonpath='{.items[*]}'",
            "echo $((1 << 2))",
            "grep x <<< word",
        ] {
            assert!(!is_unfinished(whole), "{whole}");
        }
    }

    #[test]
    fn what_stands_for_something_else() {
        let value = |n: &str| (n == "A").then(|| "x \"y\"".to_owned());
        let mut output = |l: &str| l.starts_with("kubectl").then(|| format!("<{l}>\n"));
        let mut e = |l: &str| words(&expand(l, &value, &mut output)).unwrap();
        assert_eq!(e("a $A \"$A\" '$A' ${A}b $B"), ["a", "x", "\"y\"", "x \"y\"", "$A", "x", "\"y\"b", "$B"]);
        assert_eq!(e("a \"$(kubectl get (x))\" $(date)"), ["a", "<kubectl get (x)>", "$(date)"]);
        let set = assignments(&split("export A=1 B='2 3'").unwrap()).unwrap();
        assert_eq!(set, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2 3".to_owned())]);
        assert!(assignments(&split("label pod p a=b").unwrap()).is_none());
    }
}
