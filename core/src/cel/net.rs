//! URLs, IP addresses and blocks of them. (Models apiserver `pkg/cel/library` urls.go, ip.go and cidr.go.)

use super::eval::Got;
use super::fail;
use super::value::{Key, Other, Val};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The parts of a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    scheme: String,
    /// Name and port.
    host: String,
    path: String,
    query: String,
}

impl Url {
    /// Reads an absolute URL or an absolute path.
    pub fn parse(text: &str) -> Option<Url> {
        if text.chars().any(char::is_control) {
            return None;
        }
        let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let is_scheme = |s: &str| s.starts_with(|c: char| c.is_ascii_alphabetic()) && s.bytes().all(letters);
        let (scheme, rest) = match text.split_once(':') {
            Some((s, rest)) if is_scheme(s) => (s.to_ascii_lowercase(), rest),
            _ if text.starts_with('/') => (String::new(), text),
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None if rest.starts_with('/') => ("", rest),
            // of what stands behind such a scheme nothing is known
            None => ("", ""),
        };
        let host = host.rsplit_once('@').map_or(host, |(_, h)| h);
        let path = path.replace(' ', "%20");
        let url = Url { scheme, host: host.into(), path, query: query.into() };
        let port = url.port();
        let inner = url.hostname();
        let bracketed = host.starts_with('[');
        let fits = port.bytes().all(|b| b.is_ascii_digit())
            && (!bracketed || inner.split('%').next().unwrap_or_default().parse::<Ipv6Addr>().is_ok())
            && (bracketed || !inner.contains([' ', ':', '[', ']', '<', '>', '"', '{', '}', '\\', '^']))
            && decoded(&url.path).is_some();
        fits.then_some(url)
    }

    fn hostname(&self) -> &str {
        if let Some(rest) = self.host.strip_prefix('[') {
            return rest.split(']').next().unwrap_or_default();
        }
        self.host.rsplit_once(':').map_or(&self.host, |(h, _)| h)
    }

    fn port(&self) -> &str {
        let rest = self.host.rsplit_once(']').map_or(self.host.as_str(), |(_, r)| r);
        rest.rsplit_once(':').map_or("", |(_, p)| p)
    }
}

/// `%20` and the like undone; `None`: there is half of one.
fn decoded(text: &str) -> Option<String> {
    let mut out = vec![];
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let digit = |b: Option<u8>| (b? as char).to_digit(16);
        let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
        out.push((high * 16 + low) as u8);
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

fn queries(query: &str) -> Val {
    let mut map: BTreeMap<Key, Vec<Val>> = BTreeMap::new();
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (k, v) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |t: &str| decoded(&t.replace('+', " "));
        if let (Some(k), Some(v)) = (plain(k), plain(v)) {
            map.entry(Key::Str(k.into())).or_default().push(v.into());
        }
    }
    Val::map(map.into_iter().map(|(k, v)| (k, Val::list(v))).collect())
}

fn ip(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.parse().ok()?;
    // an IPv4 address in the clothes of an IPv6 one is refused
    match ip {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => None,
        ip => Some(ip),
    }
}

fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/')?;
    let address = ip(address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let plain = bits.bytes().all(|b| b.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    let bits: u8 = bits.parse().ok().filter(|b| plain && *b <= most)?;
    Some((address, bits))
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(a) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            Ipv4Addr::from(u32::from(a) & mask).into()
        }
        IpAddr::V6(a) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            Ipv6Addr::from(u128::from(a) & mask).into()
        }
    }
}

/// Functions of a text.
pub(super) fn of_text(name: &str, s: &str, rest: &[Val]) -> Option<Got> {
    if !rest.is_empty() {
        return None;
    }
    Some(match name {
        "url" => match Url::parse(s) {
            Some(u) => Ok(Val::other(Other::Url(u))),
            None => {
                fail(format!("URL parse error during conversion from string: parse {s:?}: invalid URI for request"))
            }
        },
        "isURL" => Ok(Val::Bool(Url::parse(s).is_some())),
        "ip" => match ip(s) {
            Some(ip) => Ok(Val::other(Other::Ip(ip))),
            None => fail(format!(
                "IP Address {s:?} parse error during conversion from string: ParseAddr({s:?}): unable to parse IP"
            )),
        },
        "isIP" => Ok(Val::Bool(ip(s).is_some())),
        "ip.isCanonical" => match ip(s) {
            Some(ip) => Ok(Val::Bool(ip.to_string() == s)),
            None => fail(format!(
                "IP Address {s:?} parse error during conversion from string: ParseAddr({s:?}): unable to parse IP"
            )),
        },
        "cidr" => match cidr(s) {
            Some((a, b)) => Ok(Val::other(Other::Cidr(a, b))),
            None => fail("network address parse error during conversion from string: netip.ParsePrefix: invalid CIDR"),
        },
        "isCIDR" => Ok(Val::Bool(cidr(s).is_some())),
        _ => return None,
    })
}

/// Methods of what such texts become.
pub(super) fn call(name: &str, of: &Other, rest: &[Val]) -> Option<Got> {
    Some(match (of, name, rest) {
        (Other::Url(u), "getScheme", []) => Ok(u.scheme.as_str().into()),
        (Other::Url(u), "getHost", []) => Ok(u.host.as_str().into()),
        (Other::Url(u), "getHostname", []) => Ok(u.hostname().into()),
        (Other::Url(u), "getPort", []) => Ok(u.port().into()),
        (Other::Url(u), "getEscapedPath", []) => Ok(u.path.as_str().into()),
        (Other::Url(u), "getQuery", []) => Ok(queries(&u.query)),
        (Other::Ip(ip), "string", []) => Ok(ip.to_string().into()),
        (Other::Cidr(a, b), "string", []) => Ok(format!("{a}/{b}").into()),
        (Other::Ip(ip), "family", []) => Ok(Val::Int(if ip.is_ipv4() { 4 } else { 6 })),
        (Other::Ip(ip), "isUnspecified", []) => Ok(Val::Bool(ip.is_unspecified())),
        (Other::Ip(ip), "isLoopback", []) => Ok(Val::Bool(ip.is_loopback())),
        (Other::Ip(ip), "isLinkLocalMulticast", []) => Ok(Val::Bool(match ip {
            IpAddr::V4(a) => a.octets()[..3] == [224, 0, 0],
            IpAddr::V6(a) => a.segments()[0] & 0xff0f == 0xff02,
        })),
        (Other::Ip(ip), "isLinkLocalUnicast", []) => Ok(Val::Bool(link_local(ip))),
        (Other::Ip(ip), "isGlobalUnicast", []) => {
            let broadcast = matches!(ip, IpAddr::V4(a) if a.is_broadcast());
            let other = ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || link_local(ip) || broadcast;
            Ok(Val::Bool(!other))
        }
        (Other::Cidr(a, _), "ip", []) => Ok(Val::other(Other::Ip(*a))),
        (Other::Cidr(_, b), "prefixLength", []) => Ok(Val::Int(i64::from(*b))),
        (Other::Cidr(a, b), "masked", []) => Ok(Val::other(Other::Cidr(masked(*a, *b), *b))),
        (Other::Cidr(a, b), "containsIP" | "containsCIDR", [other]) => {
            let (address, bits) = match (name, other) {
                ("containsIP", Val::Str(s)) => match ip(s) {
                    Some(ip) => (ip, 128),
                    None => {
                        return Some(fail(format!(
                            "IP Address {s:?} parse error during conversion from string: ParseAddr({s:?}): unable to parse IP"
                        )));
                    }
                },
                ("containsCIDR", Val::Str(s)) => match cidr(s) {
                    Some(c) => c,
                    None => {
                        return Some(fail(
                            "network address parse error during conversion from string: netip.ParsePrefix: invalid CIDR",
                        ));
                    }
                },
                (_, Val::Other(o)) => match &**o {
                    Other::Ip(ip) => (*ip, 128),
                    Other::Cidr(a, b) => (*a, *b),
                    _ => return None,
                },
                _ => return None,
            };
            let same = address.is_ipv4() == a.is_ipv4();
            Ok(Val::Bool(same && bits >= *b && masked(address, *b) == masked(*a, *b)))
        }
        _ => return None,
    })
}

fn link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(a) => a.is_link_local(),
        IpAddr::V6(a) => a.segments()[0] & 0xffc0 == 0xfe80,
    }
}
