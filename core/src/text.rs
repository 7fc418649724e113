//! Programs that make texts of texts, for shells in containers and for what stands behind a pipe. Pure.

/// Bytes that a regular expression may come to: those of a few thousand steps, so that none takes long on any text.
pub const REGEX: usize = 1 << 17;

/// A regular expression that somebody has written.
///
/// # Errors
/// It is none, or it is too large.
pub fn regex(source: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    regex_lite::RegexBuilder::new(source).size_limit(REGEX).build()
}

/// A number of things that somebody has written; what no machine could hold is the largest number of 32 bits, so that it
/// comes to the same wherever this runs.
pub fn count(text: &str) -> Option<usize> {
    text.parse::<u64>().ok().map(clamped)
}

/// A number as a size: the largest of 32 bits at most.
pub fn clamped(n: u64) -> usize {
    n.min(u64::from(u32::MAX)) as usize
}

/// `tr`: characters of the first set become those of the second, or go.
pub fn translate(input: &str, sets: &[&str], delete: bool, squeeze: bool) -> String {
    let expand = |s: &str| -> Vec<char> {
        let s = s.replace("[:upper:]", "A-Z").replace("[:lower:]", "a-z").replace("[:digit:]", "0-9");
        let s: Vec<char> = unescape(&s.replace("[:space:]", " \t\n")).chars().collect();
        let (mut out, mut i) = (vec![], 0);
        while i < s.len() {
            if i + 2 < s.len() && s[i + 1] == '-' {
                out.extend(s[i]..=s[i + 2]);
                i += 3;
            } else {
                out.push(s[i]);
                i += 1;
            }
        }
        out
    };
    let from = sets.first().map(|s| expand(s)).unwrap_or_default();
    let to = sets.get(1).map(|s| expand(s)).unwrap_or_default();
    let mut out = String::new();
    for c in input.chars() {
        match from.iter().position(|f| *f == c) {
            Some(_) if delete => {}
            Some(i) if !to.is_empty() => out.push(to[i.min(to.len() - 1)]),
            Some(_) if squeeze && out.ends_with(c) => {}
            _ => out.push(c),
        }
    }
    out
}

/// `s/a/b/[g]`, `Np`, `/x/d`, `/x/p`: what start scripts use.
pub fn sed(script: &str, lines: &[&str], quiet: bool) -> String {
    let mut out = String::new();
    let mut chars = script.chars();
    let substitution = if chars.next() == Some('s') { chars.next() } else { None };
    let parts: Vec<&str> = substitution.map(|d| script[1 + d.len_utf8()..].split(d).collect()).unwrap_or_default();
    let re = match parts.first() {
        Some(p) => regex(&anchored(&p.replace("\\(", "(").replace("\\)", ")"))).ok(),
        None => script.strip_prefix('/').and_then(|s| s.split('/').next()).and_then(|p| regex(p).ok()),
    };
    let number: Option<usize> = script.trim_end_matches(['p', 'd']).parse().ok();
    for (i, line) in lines.iter().enumerate() {
        if let (Some(re), [_, to, rest @ ..]) = (&re, parts.as_slice()) {
            let to = to.replace("\\1", "${1}").replace('&', "${0}").replace("\\n", "\n").replace("\\t", "\t");
            let text = if rest.first().is_some_and(|f| f.contains('g')) {
                re.replace_all(line, to.as_str())
            } else {
                re.replace(line, to.as_str())
            };
            out += &format!("{text}\n");
            continue;
        }
        let hit = number == Some(i + 1) || re.as_ref().is_some_and(|re| re.is_match(line));
        let (print, delete) = (script.ends_with('p'), script.ends_with('d'));
        let shown = if quiet { hit && print } else { !(hit && delete) };
        if shown {
            out += &format!("{line}\n");
        }
    }
    out
}

/// A basic expression's `$` and `^` stand for the line's ends only where these are.
fn anchored(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let (mut bracket, mut escaped) = (false, false);
    for (i, c) in pattern.char_indices() {
        let rest = &pattern[i + c.len_utf8()..];
        let ends = rest.is_empty() || rest.starts_with([')', '|']);
        let begins = i == 0 || pattern[..i].ends_with(['(', '|']);
        if !bracket && !escaped && (c == '$' && !ends || c == '^' && !begins) {
            out.push('\\');
        }
        bracket = if bracket { c != ']' } else { c == '[' && !escaped };
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

/// Backslash sequences of `printf` and `echo -e` as what they stand for.
pub fn unescape(s: &str) -> String {
    let mut out = String::new();
    let mut chars = s.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\\') => out.push('\\'),
            Some('"') => out.push('"'),
            Some('a' | 'b') => {}
            Some('c') => return out,
            Some('0') => {
                let mut n = 0;
                for _ in 0..3 {
                    if let Some(d) = chars.peek().and_then(|c| c.to_digit(8)) {
                        n = n * 8 + d;
                        chars.next();
                    }
                }
                out.extend(char::from_u32(n).filter(|c| *c != '\0'));
            }
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod sed_tests {
    #[test]
    fn a_dollar_in_the_middle_is_one() {
        let s = |script: &str| super::sed(script, &["item-$ITEM and $ITEM^2"], false);
        assert_eq!(s("s/$ITEM/apple/"), "item-apple and $ITEM^2\n");
        assert_eq!(s("s/$ITEM/apple/g"), "item-apple and apple^2\n");
        assert_eq!(s("s/M^2$/x/"), "item-$ITEM and $ITEx\n");
        assert_eq!(s("s/^item/it/"), "it-$ITEM and $ITEM^2\n");
    }
}
