//! Field selectors: `status.phase=Running,spec.nodeName!=n1`.
//!
//! Only the text form: which fields a kind lets itself be selected by is known to the API server. Models apimachinery
//! `fields/selector.go`.

use std::fmt;

/// One condition: a field equals a value, or does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldTerm {
    /// The field, as `status.phase`.
    pub field: String,
    /// `=` or `==` when true, `!=` when false.
    pub equals: bool,
    /// The value, unescaped.
    pub value: String,
}

/// All terms must hold; without any, everything is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    /// The terms in the order of their texts.
    pub terms: Vec<FieldTerm>,
}

impl FieldSelector {
    /// Reads a selector; commas and equal signs in values stand behind a backslash.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = split_terms(text);
        parts.sort_unstable();
        let mut terms = vec![];
        for part in parts.into_iter().filter(|p| !p.is_empty()) {
            let (field, operator, value) =
                split_term(part).ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{part}'"))?;
            let value = unescape(value)?;
            terms.push(FieldTerm { field: field.to_owned(), equals: operator != "!=", value });
        }
        Ok(Self { terms })
    }

    /// Selects everything?
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Does an object whose fields `get` answers for satisfy every term? A field that is not set counts as empty.
    pub fn matches_by<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.terms.iter().all(|t| (get(&t.field).unwrap_or_default() == t.value) == t.equals)
    }

    /// The one value that is asked of a field, if there is one.
    pub fn requires_exact_match(&self, field: &str) -> Option<&str> {
        self.terms.iter().find(|t| t.field == field && t.equals).map(|t| t.value.as_str())
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, t) in self.terms.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(f, "{comma}{}{}{}", t.field, if t.equals { "=" } else { "!=" }, escape(&t.value))?;
        }
        Ok(())
    }
}

/// Puts a backslash before what has a meaning in a selector.
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | ',' | '=') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Undoes [`escape`]; other escapes and bare special characters are refused.
pub fn unescape(value: &str) -> Result<String, String> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(e @ ('\\' | ',' | '=')) => out.push(e),
                Some(e) => return Err(format!("invalid field selector: invalid escape sequence: \\{e}")),
                None => return Err("invalid field selector: invalid escape sequence: \\".into()),
            },
            ',' | '=' => {
                return Err(format!("invalid field selector: unescaped character in value: {}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// Splits at commas that no backslash precedes.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = vec![];
    let (mut start, mut escaped) = (0, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

/// Splits one term at its first operator: field, operator, raw value.
pub fn split_term(term: &str) -> Option<(&str, &str, &str)> {
    for (i, _) in term.char_indices() {
        let rest = &term[i..];
        if let Some(operator) = ["!=", "==", "="].into_iter().find(|o| rest.starts_with(o)) {
            return Some((&term[..i], operator, &rest[operator.len()..]));
        }
    }
    None
}
