//! DER: values as tag, length and content. Reading never fails hard: what does not fit is not there.

/// SEQUENCE
pub const SEQUENCE: u8 = 0x30;
/// SET
pub const SET: u8 = 0x31;
/// INTEGER
pub const INTEGER: u8 = 0x02;
/// BIT STRING
pub const BITS: u8 = 0x03;
/// OCTET STRING
pub const OCTETS: u8 = 0x04;
/// OBJECT IDENTIFIER
pub const OID: u8 = 0x06;
/// BOOLEAN
pub const BOOLEAN: u8 = 0x01;
/// UTF8String
pub const UTF8: u8 = 0x0c;
/// UTCTime
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime
pub const TIME: u8 = 0x18;
/// NULL, as a whole.
pub const NULL: &[u8] = &[5, 0];

/// One value.
pub fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n @ ..0x80 => out.push(n as u8),
        n @ ..0x100 => out.extend([0x81, n as u8]),
        n @ ..0x1_0000 => out.extend([0x82, (n >> 8) as u8, n as u8]),
        n => out.extend([0x83, (n >> 16) as u8, (n >> 8) as u8, n as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// A SEQUENCE of values.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(SEQUENCE, &parts.concat())
}

/// An INTEGER that is not negative.
pub fn integer(number: &[u8]) -> Vec<u8> {
    let number = &number[number.iter().take_while(|b| **b == 0).count()..];
    let pad = number.first().is_none_or(|b| b & 0x80 != 0);
    let mut content = if pad { vec![0] } else { vec![] };
    content.extend_from_slice(number);
    value(INTEGER, &content)
}

/// A BIT STRING of whole bytes.
pub fn bits(content: &[u8]) -> Vec<u8> {
    value(BITS, &[&[0], content].concat())
}

/// A value that has been read.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The tag.
    pub tag: u8,
    /// The content.
    pub content: &'a [u8],
    /// Tag, length and content.
    pub whole: &'a [u8],
}

impl<'a> Read<'a> {
    /// The values within.
    pub fn parts(&self) -> Parts<'a> {
        Parts(self.content)
    }

    /// The number of an INTEGER without leading zeros.
    pub fn number(&self) -> &'a [u8] {
        let zeros = self.content.iter().take_while(|b| **b == 0).count();
        &self.content[zeros..]
    }

    /// The bytes of a BIT STRING.
    pub fn bits(&self) -> &'a [u8] {
        self.content.get(1..).unwrap_or_default()
    }

    /// As a text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.content).into_owned()
    }
}

/// Values one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a>(pub &'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Read<'a>;

    fn next(&mut self) -> Option<Read<'a>> {
        let (tag, first) = (*self.0.first()?, usize::from(*self.0.get(1)?));
        let (length, head) = if first < 0x80 {
            (first, 2)
        } else {
            let n = first & 0x7f;
            let bytes = self.0.get(2..2 + n).filter(|_| (1..=4).contains(&n))?;
            (bytes.iter().fold(0usize, |a, b| a << 8 | usize::from(*b)), 2 + n)
        };
        let whole = self.0.get(..head.checked_add(length)?)?;
        self.0 = &self.0[whole.len()..];
        Some(Read { tag, content: &whole[head..], whole })
    }
}
