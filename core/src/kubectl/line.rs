//! Splitting of a typed line into words, as a POSIX shell does it, without expansions.

/// Where a stage's output goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// The words.
    pub words: Vec<String>,
    /// `> file` or `>> file` (then `append`).
    pub redirect: Option<Redirect>,
    /// `< file`.
    pub input: Option<String>,
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
            '>' => {
                out.extend(word.take().map(Token::Word));
                out.push(Token::Out(it.next_if_eq(&'>').is_some()));
            }
            '<' => {
                out.extend(word.take().map(Token::Word));
                out.push(Token::In);
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word.map(Token::Word));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_a_shell_sees_them() {
        let w = |l| words(l).unwrap();
        assert_eq!(w(r#"get pods -l 'app in (a,b)' -o jsonpath='{"\n"}'"#)[3], "app in (a,b)");
        assert_eq!(w(r#"get -o jsonpath='{"\n"}'"#)[2], r#"jsonpath={"\n"}"#);
        assert_eq!(w(r#"a "b \"c\" \n" d\ e '' # no"#), ["a", "b \"c\" \\n", "d e", ""]);
        assert_eq!(split("get pods | grep web > f").unwrap().len(), 2);
        assert!(split("get 'x").is_err());
    }
}
