//! What keeps the parser from a text that it cannot take: a tag right before a comma inside brackets (`[!a, b]`), where
//! go-yaml reports an error and the parser used here stops the program. A character that the text has nowhere is put
//! between the two, so that the scanner finds what it refuses by itself; whatever else looked like such a tag (quoted
//! text, plain text, a comment) gets its old form and its old columns back.

use super::Mark;
use std::collections::BTreeSet;

/// A text as the parser gets it.
pub(super) struct Guarded {
    /// The text, if it differs.
    pub text: Option<String>,
    /// The character that was put in.
    mark: char,
    /// Where, in places of the new text, in their order.
    at: Vec<Mark>,
}

fn of_tag(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-;/?:@&=+$.%!~*'()".contains(c)
}

impl Guarded {
    /// Looks through a text, once.
    pub(super) fn new(text: &str) -> Guarded {
        let mut guarded = Guarded { text: None, mark: '\0', at: vec![] };
        if !text.contains('!') {
            return guarded;
        }
        // The first character that is free, of those for private use as long as there are: a text that had all of these
        // would be longer than what is read.
        let taken: BTreeSet<char> = text.chars().filter(|c| *c >= '\u{e000}').collect();
        let mut free = ('\u{e000}'..='\u{f8ff}').chain('\u{10000}'..='\u{10ffff}').filter(|c| !taken.contains(c));
        let Some(mark) = free.next() else { return guarded };
        let (mut new, mut place) = (String::with_capacity(text.len() + 16), Mark::default());
        // a tag may be going on; a verbatim one (`!<…>`) may have begun on this line
        let (mut tag, mut verbatim, mut before) = (false, false, '\0');
        for c in text.chars() {
            if c == ',' && (tag || verbatim && before == '>') {
                guarded.at.push(place);
                new.push(mark);
                place.column += 1;
            }
            new.push(c);
            tag = of_tag(c) && (tag || c == '!');
            verbatim |= before == '!' && c == '<';
            if c == '\n' && before == '\r' {
                // one break, counted already
            } else if matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}') {
                place = Mark { line: place.line + 1, column: 0 };
                verbatim = false;
            } else {
                place.column += 1;
            }
            before = c;
        }
        if !guarded.at.is_empty() {
            (guarded.mark, guarded.text) = (mark, Some(new));
        }
        guarded
    }

    /// A place of the parser's in the text as it was.
    pub(super) fn place(&self, m: Mark) -> Mark {
        let before = self.at.partition_point(|g| *g < m) - self.at.partition_point(|g| g.line < m.line);
        Mark { line: m.line, column: m.column - before }
    }

    /// A value as it was.
    pub(super) fn value(&self, text: String) -> String {
        if self.text.is_some() && text.contains(self.mark) { text.replace(self.mark, "") } else { text }
    }
}
