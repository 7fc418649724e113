//! The tree that a script becomes: commands, redirections, words before expansion.

use std::sync::Arc;

/// A list of commands, shared by the frames that run it.
pub type List = Arc<[Node]>;

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `A=b cmd arg >file`
    Simple(Arc<Simple>),
    /// `a | b`, possibly behind `!`.
    Pipe {
        /// The stages.
        stages: List,
        /// The status is turned round.
        negate: bool,
    },
    /// `a && b || c`: the first command, then (is it `&&`, command).
    AndOr(Arc<Node>, Arc<[(bool, Node)]>),
    /// `a &`
    Background(List),
    /// `if a; then b; elif c; then d; else e; fi`
    If(Arc<[(List, List)]>, Option<List>),
    /// `while a; do b; done`, or `until`.
    While {
        /// What is asked.
        condition: List,
        /// What is repeated.
        body: List,
        /// `until` instead of `while`.
        until: bool,
    },
    /// `for v in words; do b; done`; without `in`: the positional parameters.
    For {
        /// The variable.
        var: Arc<str>,
        /// What it goes through.
        words: Option<Arc<[Word]>>,
        /// What is repeated.
        body: List,
    },
    /// `case w in a|b) …;; esac`
    Case(Word, Arc<[(Vec<Word>, List)]>),
    /// `( … )`
    Subshell(List),
    /// `{ …; }`
    Group(List),
    /// `f() { …; }`
    Function(Arc<str>, List),
    /// A compound command with redirections.
    Redirected(Arc<Node>, Arc<[Redirect]>),
}

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simple {
    /// `A=b` in front of it.
    pub assigns: Vec<(String, Word)>,
    /// `A=(b c)` in front of it.
    pub arrays: Vec<(String, Vec<Word>)>,
    /// Its words, the name first.
    pub words: Vec<Word>,
    /// Its redirections.
    pub redirects: Vec<Redirect>,
}

/// A redirection.
#[derive(Clone, Debug, PartialEq)]
pub enum Redirect {
    /// `n> file`, `n>> file`
    Out {
        /// The descriptor: 1 or 2.
        fd: u8,
        /// `>>`
        append: bool,
        /// Where to.
        target: Word,
    },
    /// `n>&m`
    Dup(u8, u8),
    /// `&> file`
    Both(Word),
    /// `< file`
    In(Word),
    /// `<< EOF` with its text.
    Here(Word),
}

/// A word before expansion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word(pub Vec<Part>);

/// A piece of a word; `quoted` pieces are neither split nor globbed.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text(String, bool),
    /// `$name`, `${name}`, `${name:-word}` …
    Var {
        /// The name: letters, a digit, or one of `?#@*$!`.
        name: String,
        /// `-`, `+`, `=`, `?`, `#`, `%` (doubled as `\u{1}`-free two-character texts), `:`, `len`, `[` for an item of an
        /// array, or `count` for the number of them.
        op: Option<(String, Box<Word>)>,
        /// Within double quotes.
        quoted: bool,
    },
    /// `$(…)` or backquotes.
    Command(List, bool),
    /// `$((…))`, its text still to be expanded.
    Arithmetic(Box<Word>),
}

impl Word {
    /// The text of a word that needs no expansion.
    pub fn literal(&self) -> Option<String> {
        self.0.iter().try_fold(String::new(), |mut s, p| match p {
            Part::Text(t, _) => {
                s.push_str(t);
                Some(s)
            }
            _ => None,
        })
    }

    /// A word of plain text.
    pub fn text(s: &str) -> Word {
        Word(vec![Part::Text(s.to_owned(), true)])
    }
}
