//! `openssl` at the prompt, as far as certificates for a cluster need it: keys, requests, certificates and what stands in
//! them. Its words follow OpenSSL 3. What it makes is right in form and protects nothing ([`x509`]).

use super::Context;
use super::pipes::clean;
use crate::api::x509::{self, Certificate, Name};
use base64::Engine;
use std::fmt::Write;

/// Flags that are followed by a value.
const VALUES: &[&str] = &[
    "-in",
    "-out",
    "-key",
    "-keyout",
    "-subj",
    "-days",
    "-newkey",
    "-CA",
    "-CAkey",
    "-set_serial",
    "-addext",
    "-config",
    "-extensions",
    "-extfile",
    "-inform",
    "-outform",
    "-CAfile",
    "-algorithm",
    "-pkeyopt",
    "-passin",
    "-passout",
    "-reqexts",
    "-CAserial",
    "-signkey",
    "-nameopt",
    "-checkend",
];

/// A call, read.
struct Call<'a> {
    args: &'a [String],
    input: Option<String>,
}

impl<'a> Call<'a> {
    fn has(&self, flag: &str) -> bool {
        self.args.iter().any(|a| a == flag)
    }

    fn value(&self, flag: &str) -> Option<&'a str> {
        let at = self.args.iter().position(|a| a == flag)?;
        self.args.get(at + 1).map(String::as_str)
    }

    fn plain(&self) -> Vec<&'a str> {
        let is_value = |i: usize| i > 0 && VALUES.contains(&self.args[i - 1].as_str());
        let all = self.args.iter().enumerate().filter(|(i, a)| !a.starts_with('-') && !is_value(*i));
        all.map(|(_, a)| a.as_str()).collect()
    }

    /// The text of a file, or of standard input.
    fn read(&self, name: Option<&str>, ctx: &Context) -> Result<String, String> {
        match name {
            None | Some("-") => Ok(self.input.clone().or_else(|| ctx.stdin.clone()).unwrap_or_default()),
            Some(name) => ctx
                .files
                .get(clean(name))
                .cloned()
                .ok_or_else(|| format!("Can't open \"{name}\" for reading, No such file or directory")),
        }
    }
}

/// Carries it out: standard output and the exit code. What goes to standard error is printed.
pub(super) fn run(args: &[String], input: Option<String>, ctx: &mut Context) -> (String, i32) {
    let Some((name, rest)) = args.split_first() else { return (help(), 0) };
    let call = Call { args: rest, input };
    let done = match name.as_str() {
        "version" => Ok("OpenSSL 3.0.13 30 Jan 2024 (Library: OpenSSL 3.0.13 30 Jan 2024)\n".to_owned()),
        "genrsa" => genrsa(&call, ctx),
        "genpkey" => genrsa(&call, ctx),
        "req" => req(&call, ctx),
        "x509" => certificate(&call, ctx),
        "rsa" | "pkey" => key(&call, ctx),
        "base64" | "enc" => base64(&call, ctx),
        "rand" => rand(&call, ctx),
        "verify" => verify(&call, ctx),
        "help" | "-help" | "--help" => Ok(help()),
        other => Err(format!(
            "kubarium: openssl {other} is not carried out here; these are: base64, genpkey, genrsa, pkey, rand, req, rsa, \
             verify, version, x509"
        )),
    };
    match done {
        Ok(text) => match call.value("-out").filter(|f| *f != "-") {
            Some(file) if !text.is_empty() => {
                ctx.files.insert(clean(file).to_owned(), text);
                (String::new(), 0)
            }
            _ => (text, 0),
        },
        Err(why) => {
            ctx.eprintln(why);
            (String::new(), 1)
        }
    }
}

fn help() -> String {
    "Commands that are carried out here: base64 genpkey genrsa pkey rand req rsa verify version x509\n".into()
}

/// What chance there is: the moment, the call and what lies in the directory.
fn seed(what: &str, call: &Call, ctx: &Context) -> Vec<u8> {
    let mut seed = what.as_bytes().to_vec();
    seed.extend(ctx.now().0.to_le_bytes());
    seed.extend(ctx.files.len().to_le_bytes().iter().take(4));
    call.args.iter().for_each(|a| seed.extend(a.as_bytes()));
    seed
}

fn size(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(n @ 512..=16_384) => Ok(n / 8 * 8),
        _ => Err(format!("genrsa: Can't parse \"{text}\" as an option number")),
    }
}

fn genrsa(call: &Call, ctx: &mut Context) -> Result<String, String> {
    if let Some(other) = call.value("-algorithm").filter(|a| !a.eq_ignore_ascii_case("rsa")) {
        return Err(format!("kubarium: keys are of RSA here, not of {other}"));
    }
    let bits = match call.value("-pkeyopt").and_then(|o| o.strip_prefix("rsa_keygen_bits:")) {
        Some(bits) => size(bits)?,
        None => call.plain().first().map_or(Ok(2048), |b| size(b))?,
    };
    Ok(x509::new_key(&seed("key", call, ctx), bits))
}

/// `subjectAltName=DNS:a,IP:b`
fn alternatives(call: &Call) -> Vec<String> {
    let said = call.value("-addext").and_then(|e| e.split_once('=')).filter(|(k, _)| k.trim() == "subjectAltName");
    let list = said.map_or("", |(_, v)| v);
    list.split(',').map(|n| n.trim().to_owned()).filter(|n| n.contains(':')).collect()
}

fn req(call: &Call, ctx: &mut Context) -> Result<String, String> {
    let is_new = call.has("-new") || call.has("-newkey") || call.has("-x509");
    if !is_new {
        let text = call.read(call.value("-in"), ctx)?;
        let asked = x509::read_request(&text).map_err(|_| "Unable to load X509 request".to_owned())?;
        let mut out = String::new();
        if call.has("-verify") {
            ctx.eprintln("Certificate request self-signature verify OK");
        }
        if call.has("-text") {
            out += "Certificate Request:\n    Data:\n        Version: 1 (0x0)\n";
            let _ = writeln!(out, "        Subject: {}", asked.subject.shown());
            public_key(&mut out, &asked.public);
            if asked.alternatives.is_empty() {
                out += "        Attributes:\n            (none)\n            Requested Extensions:\n";
            } else {
                out += "        Attributes:\n            Requested Extensions:\n";
                out += "                X509v3 Subject Alternative Name: \n";
                let _ = writeln!(out, "                    {}", shown(&asked.alternatives));
            }
            out += "    Signature Algorithm: sha256WithRSAEncryption\n";
        }
        if call.has("-subject") {
            let _ = writeln!(out, "subject={}", asked.subject.shown());
        }
        if !call.has("-noout") {
            out += &text;
        }
        return Ok(out);
    }
    let subject = match call.value("-subj") {
        Some(text) if text.starts_with('/') => Name::parse(text).map_err(|part| {
            format!("req: Skipping unknown subject name attribute \"{part}\"")
        })?,
        Some(_) => return Err("req: subject name is expected to be in the format /type0=value0/type1=value1/type2=... where characters may be escaped by \\. This name is not in that format".into()),
        None => return Err("kubarium: openssl asks no questions here: give the name by -subj \"/CN=NAME/O=GROUP\"".into()),
    };
    let key = match (call.value("-key"), call.value("-newkey")) {
        (Some(file), _) => call.read(Some(file), ctx)?,
        (None, how) => {
            let bits = how.and_then(|h| h.strip_prefix("rsa:")).map_or(Ok(2048), size)?;
            let key = x509::new_key(&seed("key", call, ctx), bits);
            ctx.eprintln("-----");
            let file = call.value("-keyout").unwrap_or("privkey.pem");
            ctx.files.insert(clean(file).to_owned(), key.clone());
            key
        }
    };
    if !call.has("-x509") {
        return x509::new_request(&key, &subject, &alternatives(call))
            .map_err(|_| format!("Could not read private key from {}", call.value("-key").unwrap_or_default()));
    }
    let public = x509::public_key(&key).ok_or("Could not read private key")?;
    let now = ctx.now().unix_seconds();
    let days: i64 = call.value("-days").and_then(|d| d.parse().ok()).unwrap_or(30);
    let own = Certificate {
        serial: x509::serial(&[&seed("serial", call, ctx)]),
        issuer: subject.clone(),
        subject,
        from: now,
        until: now + days.clamp(-36_500, 36_500) * 86_400,
        public: public.clone(),
        authority: true,
        alternatives: alternatives(call),
        ..Certificate::default()
    };
    Ok(own.signed_by(&public))
}

fn certificate(call: &Call, ctx: &mut Context) -> Result<String, String> {
    let text = call.read(call.value("-in"), ctx)?;
    if call.has("-req") {
        let asked = x509::read_request(&text).map_err(|_| "Unable to load X509 request".to_owned())?;
        let (authority, key) = match (call.value("-CA"), call.value("-signkey")) {
            (Some(ca), _) => {
                let ca_text = call.read(Some(ca), ctx)?;
                let key_file = call.value("-CAkey").unwrap_or(ca);
                let read = Certificate::read(&ca_text);
                let authority = read.ok_or_else(|| format!("Could not read CA certificate from {ca}"))?;
                (Some(authority), call.read(Some(key_file), ctx)?)
            }
            (None, Some(own)) => (None, call.read(Some(own), ctx)?),
            (None, None) => {
                return Err(
                    "x509: We need a private key to sign with, use -signkey or -CAkey or -CA with private key".into()
                );
            }
        };
        let public = x509::public_key(&key).ok_or("Could not read CA private key")?;
        if authority.as_ref().is_some_and(|a| a.public != public) {
            return Err("x509: CA certificate and CA private key do not match".into());
        }
        let now = ctx.now().unix_seconds();
        let days: i64 = call.value("-days").and_then(|d| d.parse().ok()).unwrap_or(30);
        let issued = Certificate {
            serial: x509::serial(&[&seed("serial", call, ctx)]),
            issuer: authority.map_or_else(|| asked.subject.clone(), |a| a.subject),
            subject: asked.subject,
            from: now,
            until: now + days.clamp(-36_500, 36_500) * 86_400,
            public: asked.public,
            ..Certificate::default()
        };
        ctx.eprintln("Certificate request self-signature ok");
        ctx.eprintln(format!("subject={}", issued.subject.shown()));
        return Ok(issued.signed_by(&public));
    }
    let file = call.value("-in").unwrap_or("<stdin>");
    let c = Certificate::read(&text).ok_or_else(|| format!("Could not read certificate from {file}"))?;
    let mut out = String::new();
    if call.has("-serial") {
        let _ = writeln!(out, "serial={}", hex(&c.serial, "").to_uppercase());
    }
    if call.has("-issuer") {
        let _ = writeln!(out, "issuer={}", c.issuer.shown());
    }
    if call.has("-subject") {
        let _ = writeln!(out, "subject={}", c.subject.shown());
    }
    if call.has("-dates") || call.has("-startdate") {
        let _ = writeln!(out, "notBefore={}", moment(c.from));
    }
    if call.has("-dates") || call.has("-enddate") {
        let _ = writeln!(out, "notAfter={}", moment(c.until));
    }
    if call.has("-text") {
        out += &described(&c);
    }
    if let Some(seconds) = call.value("-checkend").and_then(|s| s.parse::<i64>().ok()) {
        let ends = c.until < ctx.now().unix_seconds().saturating_add(seconds);
        out += if ends { "Certificate will expire\n" } else { "Certificate will not expire\n" };
    }
    if call.has("-pubkey") {
        out += &x509::pem("PUBLIC KEY", &c.public);
    }
    if !call.has("-noout") {
        out += &text;
    }
    Ok(out)
}

/// `Nov 22 10:00:00 2026 GMT`
fn moment(seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%b %e %H:%M:%S %Y GMT").to_string()
}

fn hex(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(between)
}

/// Bytes in lines of so many.
fn lines(out: &mut String, bytes: &[u8], indent: &str, many: usize) {
    let chunks: Vec<String> = bytes.chunks(many).map(|c| format!("{indent}{}", hex(c, ":"))).collect();
    *out += &chunks.join(":\n");
    out.push('\n');
}

fn public_key(out: &mut String, public: &[u8]) {
    *out += "        Subject Public Key Info:\n            Public Key Algorithm: rsaEncryption\n";
    let Some((n, e)) = x509::numbers(public) else { return };
    let _ = writeln!(out, "                Public-Key: ({} bit)\n                Modulus:", n.len() * 8);
    let padded = [&[0][..], &n].concat();
    lines(out, &padded, "                    ", 15);
    let e = e.iter().fold(0u64, |a, b| a << 8 | u64::from(*b));
    let _ = writeln!(out, "                Exponent: {e} (0x{e:x})");
}

/// `DNS:a.example, IP Address:10.0.0.1`
fn shown(names: &[String]) -> String {
    let one = |n: &String| n.strip_prefix("IP:").map_or_else(|| n.clone(), |ip| format!("IP Address:{ip}"));
    names.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn described(c: &Certificate) -> String {
    let mut out = String::from("Certificate:\n    Data:\n        Version: 3 (0x2)\n        Serial Number:\n");
    lines(&mut out, &c.serial, "            ", 32);
    out += "        Signature Algorithm: sha256WithRSAEncryption\n";
    let _ = writeln!(out, "        Issuer: {}", c.issuer.shown());
    let _ = writeln!(out, "        Validity\n            Not Before: {}", moment(c.from));
    let _ = writeln!(out, "            Not After : {}", moment(c.until));
    let _ = writeln!(out, "        Subject: {}", c.subject.shown());
    public_key(&mut out, &c.public);
    out += "        X509v3 extensions:\n";
    let named = |list: &[(&str, &'static str)]| -> Vec<&'static str> {
        list.iter().filter(|(u, _)| c.usages.iter().any(|x| x == u)).map(|(_, n)| *n).collect()
    };
    let usages = named(&[
        ("digital signature", "Digital Signature"),
        ("content commitment", "Non Repudiation"),
        ("key encipherment", "Key Encipherment"),
        ("data encipherment", "Data Encipherment"),
        ("key agreement", "Key Agreement"),
        ("cert sign", "Certificate Sign"),
        ("crl sign", "CRL Sign"),
    ]);
    if !usages.is_empty() {
        let _ = writeln!(out, "            X509v3 Key Usage: critical\n                {}", usages.join(", "));
    }
    let purposes = named(&[
        ("server auth", "TLS Web Server Authentication"),
        ("client auth", "TLS Web Client Authentication"),
        ("code signing", "Code Signing"),
        ("email protection", "E-mail Protection"),
    ]);
    if !purposes.is_empty() {
        let _ = writeln!(out, "            X509v3 Extended Key Usage: \n                {}", purposes.join(", "));
    }
    let authority = if c.authority { "TRUE" } else { "FALSE" };
    let _ = writeln!(out, "            X509v3 Basic Constraints: critical\n                CA:{authority}");
    if !c.alternatives.is_empty() {
        out += "            X509v3 Subject Alternative Name: \n";
        let _ = writeln!(out, "                {}", shown(&c.alternatives));
    }
    out += "    Signature Algorithm: sha256WithRSAEncryption\n    Signature Value:\n";
    lines(&mut out, &c.signature, "        ", 18);
    out
}

fn key(call: &Call, ctx: &mut Context) -> Result<String, String> {
    let file = call.value("-in");
    let text = call.read(file, ctx)?;
    let public = x509::public_key(&text);
    let public = public.ok_or_else(|| format!("Could not read private key from {}", file.unwrap_or("<stdin>")))?;
    if call.has("-check") {
        return Ok("RSA key ok\n".into());
    }
    if call.has("-modulus") {
        let n = x509::numbers(&public).map(|(n, _)| hex(&n, "").to_uppercase()).unwrap_or_default();
        return Ok(format!("Modulus={n}\n"));
    }
    if call.has("-pubout") {
        return Ok(x509::pem("PUBLIC KEY", &public));
    }
    Ok(if call.has("-noout") { String::new() } else { text })
}

fn base64(call: &Call, ctx: &mut Context) -> Result<String, String> {
    let text = call.read(call.value("-in"), ctx)?;
    let engine = base64::engine::general_purpose::STANDARD;
    if call.has("-d") {
        let raw = engine.decode(text.split_whitespace().collect::<String>());
        return raw.map(|r| String::from_utf8_lossy(&r).into_owned()).map_err(|_| "error reading input file".into());
    }
    let all = engine.encode(text);
    if call.has("-A") {
        return Ok(all);
    }
    Ok(all.as_bytes().chunks(64).filter_map(|c| std::str::from_utf8(c).ok()).map(|l| format!("{l}\n")).collect())
}

fn rand(call: &Call, ctx: &mut Context) -> Result<String, String> {
    let bytes = call.plain().first().and_then(|n| n.parse::<usize>().ok());
    let bytes = bytes.filter(|n| *n <= 65_536).ok_or("rand: a number of bytes is needed")?;
    let from = seed("rand", call, ctx);
    let mut raw = vec![];
    for i in 0u32.. {
        if raw.len() >= bytes {
            break;
        }
        raw.extend(x509::serial(&[&from, &i.to_le_bytes()]));
    }
    raw.truncate(bytes);
    if call.has("-hex") {
        return Ok(format!("{}\n", hex(&raw, "")));
    }
    Ok(format!("{}\n", base64::engine::general_purpose::STANDARD.encode(raw)))
}

fn verify(call: &Call, ctx: &mut Context) -> Result<String, String> {
    let authority = call.value("-CAfile").map(|f| call.read(Some(f), ctx)).transpose()?;
    let authority = authority.and_then(|t| Certificate::read(&t));
    let mut out = String::new();
    for file in call.plain() {
        let c = Certificate::read(&call.read(Some(file), ctx)?);
        let c = c.ok_or_else(|| format!("Could not read certificate from {file}"))?;
        let now = ctx.now().unix_seconds();
        let why = match &authority {
            _ if now > c.until => Some((10, "certificate has expired")),
            Some(a) if a.has_signed(&c) => None,
            _ => Some((20, "unable to get local issuer certificate")),
        };
        match why {
            None => out += &format!("{file}: OK\n"),
            Some((code, text)) => {
                let name = c.subject.shown();
                return Err(format!(
                    "{name}\nerror {code} at 0 depth lookup: {text}\nerror {file}: verification failed"
                ));
            }
        }
    }
    Ok(out)
}
