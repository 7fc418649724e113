//! Keys, certificates and what asks for them: X.509 and PKCS#10 as every tool reads them. Nobody has to be kept out of
//! a cluster that is not there, so keys are numbers of the right size and signatures a digest of what is signed and of
//! the signer's public key: right in form, and worth nothing.
//!
//! Invariant: what is written here is read here, and by any other reader of DER.

pub mod der;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use der::{Parts, Read};
use sha2::{Digest, Sha256};

/// Object identifiers of the parts of names, and what these are called.
const ATTRIBUTES: [(&[u8], &str); 7] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const SHA256_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const EXTENSIONS_ASKED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
const KEY_USAGE: &[u8] = &[0x55, 29, 15];
const EXTENDED: &[u8] = &[0x55, 29, 37];
const BASIC: &[u8] = &[0x55, 29, 19];
const ALTERNATIVES: &[u8] = &[0x55, 29, 17];
const OWN_KEY: &[u8] = &[0x55, 29, 14];
const SIGNERS_KEY: &[u8] = &[0x55, 29, 35];
const PURPOSE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3];

/// A name: its parts in order, as `("CN", "jane")`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(pub Vec<(String, String)>);

impl Name {
    /// `/CN=jane/O=dev`, as `openssl -subj` takes it.
    ///
    /// # Errors
    /// The part that is none.
    pub fn parse(text: &str) -> Result<Name, String> {
        let mut parts: Vec<(String, String)> = vec![];
        for part in text.split('/').skip(1) {
            match part.split_once('=') {
                Some((k, v)) if ATTRIBUTES.iter().any(|(_, n)| *n == k) => parts.push((k.into(), v.into())),
                Some((k, _)) if !k.contains(' ') && parts.is_empty() => return Err(k.to_owned()),
                // a slash within a value
                _ => match parts.last_mut() {
                    Some((_, v)) => *v = format!("{v}/{part}"),
                    None => return Err(part.to_owned()),
                },
            }
        }
        Ok(Name(parts))
    }

    /// All values of a part.
    pub fn all(&self, part: &str) -> Vec<&str> {
        self.0.iter().filter(|(k, _)| k == part).map(|(_, v)| v.as_str()).collect()
    }

    /// The common name; empty without one.
    pub fn common(&self) -> &str {
        self.all("CN").last().copied().unwrap_or_default()
    }

    /// `CN = jane, O = dev`, as openssl writes it.
    pub fn shown(&self) -> String {
        self.0.iter().map(|(k, v)| format!("{k} = {v}")).collect::<Vec<_>>().join(", ")
    }

    fn write(&self) -> Vec<u8> {
        let mut out = vec![];
        for (k, v) in &self.0 {
            let Some((oid, _)) = ATTRIBUTES.iter().find(|(_, n)| n == k) else { continue };
            let pair = der::sequence(&[&der::value(der::OID, oid), &der::value(der::UTF8, v.as_bytes())]);
            out.extend(der::value(der::SET, &pair));
        }
        der::value(der::SEQUENCE, &out)
    }

    fn read(v: Read<'_>) -> Name {
        let pairs = v.parts().flat_map(|set| set.parts()).filter_map(|pair| {
            let mut parts = pair.parts();
            let (oid, value) = (parts.next()?, parts.next()?);
            let (_, name) = ATTRIBUTES.iter().find(|(o, _)| *o == oid.content)?;
            Some(((*name).to_owned(), value.text()))
        });
        Name(pairs.collect())
    }
}

/// So many bytes that follow from others.
fn stretched(from: &[&[u8]], bytes: usize) -> Vec<u8> {
    let mut out = vec![];
    for i in 0u32.. {
        if out.len() >= bytes {
            break;
        }
        let mut hash = Sha256::new();
        hash.update(i.to_be_bytes());
        from.iter().for_each(|f| hash.update(f));
        out.extend_from_slice(&hash.finalize());
    }
    out.truncate(bytes);
    out
}

/// The content of the first PEM block of a kind.
pub fn unwrap_pem(text: &str, kind: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {kind}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {kind}-----"))?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

/// A PEM block.
pub fn pem(kind: &str, content: &[u8]) -> String {
    let text = STANDARD.encode(content);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|c| std::str::from_utf8(c).ok()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

/// A private key that follows from a seed, as PEM.
pub fn new_key(seed: &[u8], bits: usize) -> String {
    let part = |what: &str, bits: usize| {
        let mut number = stretched(&[what.as_bytes(), seed], bits / 8);
        if let Some(first) = number.first_mut() {
            *first |= 0xc0;
        }
        if let Some(last) = number.last_mut() {
            *last |= 1;
        }
        der::integer(&number)
    };
    let half = bits / 2;
    let inner = der::sequence(&[
        &der::integer(&[]),
        &part("n", bits),
        &der::integer(&[1, 0, 1]),
        &part("d", bits),
        &part("p", half),
        &part("q", half),
        &part("dp", half),
        &part("dq", half),
        &part("qi", half),
    ]);
    let algorithm = der::sequence(&[&der::value(der::OID, RSA), der::NULL]);
    let outer = der::sequence(&[&der::integer(&[]), &algorithm, &der::value(der::OCTETS, &inner)]);
    pem("PRIVATE KEY", &outer)
}

/// The public key (SubjectPublicKeyInfo) of a private key.
pub fn public_key(key: &str) -> Option<Vec<u8>> {
    let inner = match unwrap_pem(key, "PRIVATE KEY") {
        Some(outer) => Parts(&outer).next()?.parts().nth(2)?.content.to_vec(),
        None => unwrap_pem(key, "RSA PRIVATE KEY")?,
    };
    let mut numbers = Parts(&inner).next()?.parts().skip(1);
    let (n, e) = (numbers.next()?, numbers.next()?);
    let both = der::sequence(&[n.whole, e.whole]);
    let algorithm = der::sequence(&[&der::value(der::OID, RSA), der::NULL]);
    Some(der::sequence(&[&algorithm, &der::bits(&both)]))
}

/// Modulus and exponent of a public key, if it is one of RSA.
pub fn numbers(public: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut parts = Parts(public).next()?.parts();
    let is_rsa = parts.next()?.parts().next()?.content == RSA;
    let bits = parts.next()?.bits();
    let mut both = Parts(bits).next().filter(|_| is_rsa)?.parts();
    Some((both.next()?.number().to_vec(), both.next()?.number().to_vec()))
}

/// What stands in the place of a signature.
fn signature(signed: &[u8], public: &[u8]) -> Vec<u8> {
    stretched(&[public, signed], 256)
}

fn signed(content: &[u8], public: &[u8]) -> Vec<u8> {
    let algorithm = der::sequence(&[&der::value(der::OID, SHA256_RSA), der::NULL]);
    der::sequence(&[content, &algorithm, &der::bits(&signature(content, public))])
}

fn extension(oid: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let flag = if critical { der::value(der::BOOLEAN, &[0xff]) } else { vec![] };
    der::sequence(&[&der::value(der::OID, oid), &flag, &der::value(der::OCTETS, content)])
}

/// Names besides the common one: `DNS:example.com`, `IP:10.0.0.1`.
fn alternatives(names: &[String]) -> Vec<u8> {
    let one = |name: &String| match name.split_once(':') {
        Some(("IP" | "IP Address", ip)) => {
            let ip: Vec<u8> = ip.parse::<std::net::Ipv4Addr>().map(|i| i.octets().to_vec()).unwrap_or_default();
            der::value(0x87, &ip)
        }
        Some(("email", m)) => der::value(0x81, m.as_bytes()),
        Some((_, dns)) => der::value(0x82, dns.as_bytes()),
        None => der::value(0x82, name.as_bytes()),
    };
    der::value(der::SEQUENCE, &names.iter().flat_map(one).collect::<Vec<u8>>())
}

fn read_alternatives(content: &[u8]) -> Vec<String> {
    let all = Parts(content).next().into_iter().flat_map(|s| s.parts());
    let one = |p: Read<'_>| match (p.tag, p.content) {
        (0x87, [a, b, c, d]) => Some(format!("IP:{a}.{b}.{c}.{d}")),
        (0x82, _) => Some(format!("DNS:{}", p.text())),
        (0x81, _) => Some(format!("email:{}", p.text())),
        _ => None,
    };
    all.filter_map(one).collect()
}

/// A request for a certificate, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// For whom.
    pub subject: Name,
    /// The public key as it stands there.
    pub public: Vec<u8>,
    /// Names besides the common one: `DNS:example.com`, `IP:10.0.0.1`.
    pub alternatives: Vec<String>,
}

/// A request for a certificate, as PEM.
///
/// # Errors
/// The key is none.
pub fn new_request(key: &str, subject: &Name, names: &[String]) -> Result<String, String> {
    let public = public_key(key).ok_or("Could not read private key")?;
    let asked = if names.is_empty() {
        vec![]
    } else {
        let list = der::sequence(&[&extension(ALTERNATIVES, false, &alternatives(names))]);
        der::sequence(&[&der::value(der::OID, EXTENSIONS_ASKED), &der::value(der::SET, &list)])
    };
    let content = der::sequence(&[&der::integer(&[]), &subject.write(), &public, &der::value(0xa0, &asked)]);
    Ok(pem("CERTIFICATE REQUEST", &signed(&content, &public)))
}

/// Reads a request for a certificate.
///
/// # Errors
/// What Go's parser says of it.
pub fn read_request(text: &str) -> Result<Asked, String> {
    let bytes = unwrap_pem(text, "CERTIFICATE REQUEST").ok_or("PEM block type must be CERTIFICATE REQUEST")?;
    let read = || {
        let mut parts = Parts(&bytes).next()?.parts().next()?.parts();
        let _version = parts.next().filter(|v| v.tag == der::INTEGER)?;
        let subject = Name::read(parts.next().filter(|v| v.tag == der::SEQUENCE)?);
        let public = parts.next().filter(|v| v.tag == der::SEQUENCE)?.whole.to_vec();
        let asked = parts.next().into_iter().flat_map(|a| a.parts());
        let lists = asked.filter(|a| a.parts().next().is_some_and(|o| o.content == EXTENSIONS_ASKED));
        let all = lists.filter_map(|a| a.parts().nth(1)?.parts().next()).flat_map(|l| l.parts());
        let names = all.filter_map(|e| {
            let is_it = e.parts().next()?.content == ALTERNATIVES;
            e.parts().last().filter(|_| is_it).map(|v| read_alternatives(v.content))
        });
        Some(Asked { subject, public, alternatives: names.flatten().collect() })
    };
    read().ok_or_else(|| "asn1: structure error: tags don't match".to_owned())
}

/// A certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Its number.
    pub serial: Vec<u8>,
    /// Who has signed it.
    pub issuer: Name,
    /// For whom it is.
    pub subject: Name,
    /// From when on it is good, in seconds since the epoch.
    pub from: i64,
    /// Until when.
    pub until: i64,
    /// The public key.
    pub public: Vec<u8>,
    /// It is an authority's.
    pub authority: bool,
    /// What the key is for: `digital signature`, `client auth` …
    pub usages: Vec<String>,
    /// Names besides the common one.
    pub alternatives: Vec<String>,
    /// What is signed of it, as it stands there; empty before it is signed.
    pub content: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// What a key may be for, by the bit.
const USAGES: [&str; 9] = [
    "digital signature",
    "content commitment",
    "key encipherment",
    "data encipherment",
    "key agreement",
    "cert sign",
    "crl sign",
    "encipher only",
    "decipher only",
];
/// What it may be for besides, by the last number of the purpose.
const PURPOSES: [(u8, &str); 6] = [
    (1, "server auth"),
    (2, "client auth"),
    (3, "code signing"),
    (4, "email protection"),
    (8, "timestamping"),
    (9, "ocsp signing"),
];

fn time(seconds: i64) -> Vec<u8> {
    // a formatter of any pattern would come with the page for this alone
    let text = jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string();
    let whole: String = text.chars().filter(|c| c.is_ascii_digit() || *c == 'Z').collect();
    match whole.get(..4).and_then(|year| year.parse::<u32>().ok()) {
        Some(1950..2050) => der::value(der::UTC_TIME, &whole.as_bytes()[2..]),
        _ => der::value(der::TIME, whole.as_bytes()),
    }
}

fn read_time(v: Read<'_>) -> Option<i64> {
    let text = v.text();
    let (year, rest) = match v.tag {
        der::UTC_TIME => {
            let short: i16 = text.get(..2)?.parse().ok()?;
            (if short < 50 { 2000 + short } else { 1900 + short }, text.get(2..)?)
        }
        _ => (text.get(..4)?.parse().ok()?, text.get(4..)?),
    };
    let n = |i: usize| rest.get(i..i + 2)?.parse::<i8>().ok();
    let at = jiff::civil::DateTime::new(year, n(0)?, n(2)?, n(4)?, n(6)?, n(8)?, 0).ok()?;
    at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp().as_second())
}

impl Certificate {
    /// Has it signed the other one? By the form of signatures here.
    pub fn has_signed(&self, other: &Certificate) -> bool {
        self.subject == other.issuer && signature(&other.content, &self.public) == other.signature
    }

    /// Signs it with the key that belongs to a public one; as PEM.
    pub fn signed_by(&self, issuers: &[u8]) -> String {
        let algorithm = der::sequence(&[&der::value(der::OID, SHA256_RSA), der::NULL]);
        let mut extensions = vec![];
        let bits: Vec<usize> = (0..USAGES.len()).filter(|i| self.usages.iter().any(|u| u == USAGES[*i])).collect();
        if let Some(last) = bits.iter().max() {
            let byte = bits.iter().filter(|b| **b < 8).fold(0u8, |a, b| a | 0x80 >> b);
            let content = der::value(der::BITS, &[7 - (*last.min(&7) as u8), byte]);
            extensions.extend(extension(KEY_USAGE, true, &content));
        }
        let purposes: Vec<u8> = PURPOSES
            .iter()
            .filter(|(_, name)| self.usages.iter().any(|u| u == name))
            .flat_map(|(n, _)| der::value(der::OID, &[PURPOSE, &[*n]].concat()))
            .collect();
        if !purposes.is_empty() {
            extensions.extend(extension(EXTENDED, false, &der::value(der::SEQUENCE, &purposes)));
        }
        let constraint = if self.authority { der::value(der::BOOLEAN, &[0xff]) } else { vec![] };
        extensions.extend(extension(BASIC, true, &der::value(der::SEQUENCE, &constraint)));
        if self.authority {
            let content = der::value(der::OCTETS, &stretched(&[&self.public], 20));
            extensions.extend(extension(OWN_KEY, false, &content));
        } else {
            let content = der::value(der::SEQUENCE, &der::value(0x80, &stretched(&[issuers], 20)));
            extensions.extend(extension(SIGNERS_KEY, false, &content));
        }
        if !self.alternatives.is_empty() {
            extensions.extend(extension(ALTERNATIVES, false, &alternatives(&self.alternatives)));
        }
        let content = der::sequence(&[
            &der::value(0xa0, &der::integer(&[2])),
            &der::integer(&self.serial),
            &algorithm,
            &self.issuer.write(),
            &der::sequence(&[&time(self.from), &time(self.until)]),
            &self.subject.write(),
            &self.public,
            &der::value(0xa3, &der::value(der::SEQUENCE, &extensions)),
        ]);
        pem("CERTIFICATE", &signed(&content, issuers))
    }

    /// Reads the first certificate of a text.
    pub fn read(text: &str) -> Option<Certificate> {
        let bytes = unwrap_pem(text, "CERTIFICATE")?;
        let mut outer = Parts(&bytes).next()?.parts();
        let content = outer.next()?;
        let signature = outer.nth(1)?.bits().to_vec();
        let mut parts = content.parts().peekable();
        parts.next_if(|p| p.tag == 0xa0);
        let serial = parts.next()?.number().to_vec();
        let issuer = Name::read(parts.nth(1)?);
        let mut times = parts.next()?.parts();
        let (from, until) = (read_time(times.next()?)?, read_time(times.next()?)?);
        let subject = Name::read(parts.next()?);
        let public = parts.next()?.whole.to_vec();
        let mut out = Certificate {
            serial,
            issuer,
            subject,
            from,
            until,
            public,
            content: content.whole.to_vec(),
            signature,
            ..Certificate::default()
        };
        let extensions = parts.find(|p| p.tag == 0xa3);
        for e in extensions.into_iter().flat_map(|e| e.parts()).flat_map(|l| l.parts()) {
            let (Some(oid), Some(last)) = (e.parts().next(), e.parts().last()) else { continue };
            let Some(inner) = Parts(last.content).next() else { continue };
            match oid.content {
                KEY_USAGE => {
                    let byte = inner.bits().first().copied().unwrap_or_default();
                    out.usages.extend((0..8).filter(|i| byte & 0x80 >> i != 0).map(|i| USAGES[i].to_owned()));
                }
                EXTENDED => {
                    let last = |o: Read<'_>| o.content.strip_prefix(PURPOSE).and_then(|r| r.first().copied());
                    let named = |n: u8| PURPOSES.iter().find(|(p, _)| *p == n).map(|(_, name)| (*name).to_owned());
                    out.usages.extend(inner.parts().filter_map(last).filter_map(named));
                }
                BASIC => out.authority = inner.parts().next().is_some_and(|v| v.content == [0xff]),
                ALTERNATIVES => out.alternatives = read_alternatives(last.content),
                _ => {}
            }
        }
        Some(out)
    }
}

/// The cluster's own authority: its certificate, as PEM, from the day of its birth on.
pub fn cluster_authority(seed: u64, born: i64) -> String {
    let public =
        public_key(&new_key(&[b"cluster authority", &seed.to_le_bytes()[..]].concat(), 2048)).unwrap_or_default();
    let name = Name(vec![("CN".into(), "kubernetes".into())]);
    let usages = ["digital signature", "key encipherment", "cert sign"].map(str::to_owned).to_vec();
    let own = Certificate {
        serial: stretched(&[&seed.to_le_bytes()], 8),
        issuer: name.clone(),
        subject: name,
        from: born,
        until: born + 10 * 365 * 24 * 3600,
        public: public.clone(),
        authority: true,
        usages,
        alternatives: vec!["DNS:kubernetes".into()],
        ..Certificate::default()
    };
    own.signed_by(&public)
}

/// A number for a certificate that follows from what it is for.
pub fn serial(of: &[&[u8]]) -> Vec<u8> {
    let mut number = stretched(of, 16);
    number[0] &= 0x7f;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let key = new_key(b"one", 2048);
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\nMII"));
        let subject = Name::parse("/CN=jane/O=dev/O=ops").unwrap();
        assert_eq!(subject.shown(), "CN = jane, O = dev, O = ops");
        let request = new_request(&key, &subject, &["DNS:a.example".into(), "IP:10.0.0.1".into()]).unwrap();
        let asked = read_request(&request).unwrap();
        assert_eq!((&asked.subject, asked.alternatives.len()), (&subject, 2));
        assert_eq!(numbers(&asked.public).unwrap().0.len(), 256);
        let authority = Certificate::read(&cluster_authority(7, 1_700_000_000)).unwrap();
        assert!(authority.authority && authority.has_signed(&authority));
        let issued = Certificate {
            serial: serial(&[b"x"]),
            issuer: authority.subject.clone(),
            subject: asked.subject,
            from: 1_700_000_000,
            until: 1_800_000_000,
            public: asked.public,
            usages: vec!["digital signature".into(), "client auth".into()],
            ..Certificate::default()
        };
        let read = Certificate::read(&issued.signed_by(&authority.public)).unwrap();
        assert_eq!((read.subject.common(), read.subject.all("O")), ("jane", vec!["dev", "ops"]));
        assert_eq!((read.from, read.until, &read.usages), (issued.from, issued.until, &issued.usages));
        assert!(authority.has_signed(&read) && !read.has_signed(&read));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(read_request("x").unwrap_err(), "PEM block type must be CERTIFICATE REQUEST");
        assert!(read_request(&pem("CERTIFICATE REQUEST", b"abc")).unwrap_err().starts_with("asn1: "));
        assert!(Name::parse("/XY=1").is_err());
    }
}
