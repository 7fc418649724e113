//! What Go's decoder says of a text that is no JSON. (Models encoding/json's scanner.)

/// Why a text is no JSON value, with the offset (from 1) of the offending byte; `None` if it is one.
pub fn syntax_error(text: &str) -> Option<(usize, String)> {
    let mut s = Scanner { bytes: text.as_bytes(), at: 0, open: vec![] };
    match s.run() {
        Ok(()) => None,
        Err(Stop::End) => Some((text.len(), "unexpected end of JSON input".into())),
        Err(Stop::At(context)) => {
            let c = char::from(s.bytes[s.at]);
            let shown = match c {
                '\'' => "'\\''".to_owned(),
                '"' => "'\"'".to_owned(),
                c if c.is_control() => format!("'\\x{:02x}'", c as u32),
                c => format!("'{c}'"),
            };
            let shown = match c {
                '\n' => "'\\n'".to_owned(),
                '\r' => "'\\r'".to_owned(),
                '\t' => "'\\t'".to_owned(),
                '\\' => "'\\\\'".to_owned(),
                _ => shown,
            };
            Some((s.at + 1, format!("invalid character {shown} {context}")))
        }
    }
}

enum Stop {
    End,
    At(String),
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What is open around here: an object, or an array.
    open: Vec<bool>,
}

impl Scanner<'_> {
    fn byte(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::End)
    }

    fn spaces(&mut self) {
        while self.bytes.get(self.at).is_some_and(|b| b" \t\r\n".contains(b)) {
            self.at += 1;
        }
    }

    fn wrong<T>(&self, context: &str) -> Result<T, Stop> {
        Err(Stop::At(context.into()))
    }

    fn run(&mut self) -> Result<(), Stop> {
        loop {
            self.spaces();
            match self.byte()? {
                b'{' => {
                    self.at += 1;
                    self.open.push(true);
                    self.spaces();
                    if self.byte()? == b'}' {
                        self.close();
                    } else {
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.open.push(false);
                    self.spaces();
                    if self.byte()? == b']' {
                        self.close();
                    } else {
                        continue;
                    }
                }
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                _ => return self.wrong("looking for beginning of value"),
            }
            if self.after_value()? {
                return Ok(());
            }
        }
    }

    fn close(&mut self) {
        self.at += 1;
        self.open.pop();
    }

    /// After a value: closes what ends, and stands before the next value. True at the end of the text.
    fn after_value(&mut self) -> Result<bool, Stop> {
        loop {
            self.spaces();
            let Some(in_object) = self.open.last().copied() else {
                return if self.at == self.bytes.len() { Ok(true) } else { self.wrong("after top-level value") };
            };
            match (in_object, self.byte()?) {
                (true, b'}') | (false, b']') => self.close(),
                (true, b',') => {
                    self.at += 1;
                    self.spaces();
                    self.key()?;
                    return Ok(false);
                }
                (false, b',') => {
                    self.at += 1;
                    return Ok(false);
                }
                (true, _) => return self.wrong("after object key:value pair"),
                (false, _) => return self.wrong("after array element"),
            }
        }
    }

    fn key(&mut self) -> Result<(), Stop> {
        if self.byte()? != b'"' {
            return self.wrong("looking for beginning of object key string");
        }
        self.string()?;
        self.spaces();
        if self.byte()? != b':' {
            return self.wrong("after object key");
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Stop> {
        self.at += 1;
        loop {
            match self.byte()? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.at += 1;
                    match self.byte()? {
                        b'u' => {
                            for _ in 0..4 {
                                self.at += 1;
                                if !self.byte()?.is_ascii_hexdigit() {
                                    return self.wrong("in \\u hexadecimal character escape");
                                }
                            }
                        }
                        b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                        _ => return self.wrong("in string escape code"),
                    }
                }
                0..0x20 => return self.wrong("in string literal"),
                _ => {}
            }
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), Stop> {
        for expected in word.bytes() {
            if self.byte()? != expected {
                return self.wrong(&format!("in literal {word} (expecting '{}')", char::from(expected)));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn digits(&mut self, context: &str) -> Result<(), Stop> {
        if !self.byte()?.is_ascii_digit() {
            return self.wrong(context);
        }
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Stop> {
        if self.byte()? == b'-' {
            self.at += 1;
        }
        if self.byte()? == b'0' {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if self.bytes.get(self.at).is_some_and(|b| b"eE".contains(b)) {
            self.at += 1;
            if self.bytes.get(self.at).is_some_and(|b| b"+-".contains(b)) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::syntax_error;

    #[test]
    fn errors_are_worded_as_go_words_them() {
        let said = |text: &str| syntax_error(text).map(|(_, e)| e).unwrap_or_default();
        assert_eq!(said(r#"{"a": [1, 2.5e3, "x\n", null, true], "b": {}}"#), "");
        assert_eq!(said("not json"), "invalid character 'o' in literal null (expecting 'u')");
        assert_eq!(said(""), "unexpected end of JSON input");
        assert_eq!(said("{"), "unexpected end of JSON input");
        assert_eq!(said("{a: 1}"), "invalid character 'a' looking for beginning of object key string");
        assert_eq!(said(r#"{"a" 1}"#), "invalid character '1' after object key");
        assert_eq!(said(r#"{"a": 1 "b"}"#), "invalid character '\"' after object key:value pair");
        assert_eq!(said("[1 2]"), "invalid character '2' after array element");
        assert_eq!(said("{} x"), "invalid character 'x' after top-level value");
        assert_eq!(said("-x"), "invalid character 'x' in numeric literal");
        assert_eq!(said("hello"), "invalid character 'h' looking for beginning of value");
    }
}
