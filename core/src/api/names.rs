//! The rules for names, keys, values and port numbers, with the messages a wrong one gets.
//!
//! Each `is_…` function returns what is wrong, in upstream's words and order; an empty list means valid (and costs
//! no allocation). Models apimachinery `util/validation` and `api/validate/content`. Knows nothing of kinds: which
//! rule holds for which field is said in the registry.

use super::error::{FieldError, FieldErrorKind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Longest DNS label in bytes.
pub const LABEL_MAX: usize = 63;
/// Longest DNS subdomain in bytes.
pub const SUBDOMAIN_MAX: usize = 253;
/// All annotations of an object together, in bytes of keys and values.
pub const ANNOTATIONS_MAX: usize = 256 * 1024;

const LABEL_FMT: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN_FMT: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const KEY_FMT: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const KEY_RULE: &str =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/// "must be no more than %d characters"
pub fn max_len_error(max: usize) -> String {
    format!("must be no more than {max} characters")
}

/// "must be between %d and %d, inclusive"
pub fn inclusive_range_error(low: i64, high: i64) -> String {
    format!("must be between {low} and {high}, inclusive")
}

/// A rule with examples and the pattern it stands for, as upstream prints it.
pub fn regex_error(rule: &str, pattern: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{rule} (regex used for validation is '{pattern}')");
    }
    let shown: Vec<String> = examples.iter().map(|e| format!("'{e}', ")).collect();
    format!("{rule} (e.g. {}regex used for validation is '{pattern}')", shown.join(" or "))
}

fn lower(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// `first` holds for the first byte, `lower` for the last, and dashes only between.
fn label_shape(s: &str, first: fn(u8) -> bool) -> bool {
    let b = s.as_bytes();
    match (b.first(), b.last()) {
        (Some(&f), Some(&l)) => first(f) && lower(l) && b.iter().all(|&c| lower(c) || c == b'-'),
        _ => false,
    }
}

fn subdomain_shape(s: &str) -> bool {
    s.split('.').all(|part| label_shape(part, lower))
}

fn key_shape(s: &str) -> bool {
    let b = s.as_bytes();
    match (b.first(), b.last()) {
        (Some(f), Some(l)) => {
            f.is_ascii_alphanumeric()
                && l.is_ascii_alphanumeric()
                && b.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
        }
        _ => false,
    }
}

/// A DNS label: namespaces, containers, volumes, services.
pub fn is_dns1123_label(value: &str) -> Vec<String> {
    let mut errors = vec![];
    if value.len() > LABEL_MAX {
        errors.push(max_len_error(LABEL_MAX));
    }
    if !label_shape(value, lower) {
        errors.push(if subdomain_shape(value) {
            "must not contain dots".into()
        } else {
            regex_error(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
                LABEL_FMT,
                &["my-name", "123-abc"],
            )
        });
    }
    errors
}

/// A DNS subdomain: names of most kinds.
pub fn is_dns1123_subdomain(value: &str) -> Vec<String> {
    let mut errors = vec![];
    if value.len() > SUBDOMAIN_MAX {
        errors.push(max_len_error(SUBDOMAIN_MAX));
    }
    if !subdomain_shape(value) {
        errors.push(regex_error(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            SUBDOMAIN_FMT,
            &["example.com"],
        ));
    }
    errors
}

/// A DNS label that begins with a letter.
pub fn is_dns1035_label(value: &str) -> Vec<String> {
    let mut errors = vec![];
    if value.len() > LABEL_MAX {
        errors.push(max_len_error(LABEL_MAX));
    }
    if !label_shape(value, |c| c.is_ascii_lowercase()) {
        errors.push(regex_error(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
            "[a-z]([-a-z0-9]*[a-z0-9])?",
            &["my-name", "abc-123"],
        ));
    }
    errors
}

/// `*.example.com`: hosts of an Ingress.
pub fn is_wildcard_dns1123_subdomain(value: &str) -> Vec<String> {
    let mut errors = vec![];
    if value.len() > SUBDOMAIN_MAX {
        errors.push(max_len_error(SUBDOMAIN_MAX));
    }
    if !value.strip_prefix("*.").is_some_and(subdomain_shape) {
        errors.push(regex_error(
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
            &format!("\\*\\.{SUBDOMAIN_FMT}"),
            &["*.example.com"],
        ));
    }
    errors
}

/// A label key, annotation key (in lower case) or resource name: an optional subdomain and `/`, then a name.
pub fn is_qualified_name(value: &str) -> Vec<String> {
    let rule = || regex_error(KEY_RULE, KEY_FMT, &["MyName", "my.name", "123-abc"]);
    let mut errors = vec![];
    let mut parts = value.split('/');
    let (first, second, third) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    let name = match (second, third) {
        (None, _) => first,
        (Some(name), None) => {
            if first.is_empty() {
                errors.push("prefix part must be non-empty".into());
            } else if first.len() > SUBDOMAIN_MAX {
                errors.push(format!("prefix part must be no more than {SUBDOMAIN_MAX} bytes"));
            } else {
                errors.extend(is_dns1123_subdomain(first).into_iter().map(|e| format!("prefix part {e}")));
            }
            name
        }
        _ => {
            return vec![format!(
                "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                rule()
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".into());
    } else if name.len() > LABEL_MAX {
        errors.push(format!("name part must be no more than {LABEL_MAX} bytes"));
    }
    if !key_shape(name) {
        errors.push(format!("name part {}", rule()));
    }
    errors
}

/// A label value; the empty one is valid.
pub fn is_label_value(value: &str) -> Vec<String> {
    let mut errors = vec![];
    if value.len() > LABEL_MAX {
        errors.push(format!("must be no more than {LABEL_MAX} bytes"));
    }
    if !value.is_empty() && !key_shape(value) {
        errors.push(regex_error(
            &format!("a valid label must be an empty string or consist of {}", &KEY_RULE["must consist of ".len()..]),
            &format!("({KEY_FMT})?"),
            &["MyValue", "my_value", "12345"],
        ));
    }
    errors
}

/// A port number, 1 to 65535.
pub fn is_valid_port_num(port: i64) -> Vec<String> {
    is_in_range(port, 1, 65535)
}

/// A number within bounds, both included.
pub fn is_in_range(value: i64, low: i64, high: i64) -> Vec<String> {
    if (low..=high).contains(&value) { vec![] } else { vec![inclusive_range_error(low, high)] }
}

/// The name of a port: at most 15 of `a-z0-9-`, a letter among them, dashes single and inside.
pub fn is_valid_port_name(name: &str) -> Vec<String> {
    let mut errors = vec![];
    if name.len() > 15 {
        errors.push(max_len_error(15));
    }
    if name.is_empty() || !name.bytes().all(|c| lower(c) || c == b'-') {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !name.bytes().any(|c| c.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)".into());
    }
    if name.contains("--") {
        errors.push("must not contain consecutive hyphens".into());
    }
    if name.starts_with('-') || name.ends_with('-') {
        errors.push("must not begin or end with a hyphen".into());
    }
    errors
}

/// A user id of a process.
pub fn is_valid_user_id(id: i64) -> Vec<String> {
    is_in_range(id, 0, i64::from(i32::MAX))
}

/// A group id of a process.
pub fn is_valid_group_id(id: i64) -> Vec<String> {
    is_in_range(id, 0, i64::from(i32::MAX))
}

/// Digits and a percent sign.
pub fn is_valid_percent(value: &str) -> Vec<String> {
    match value.strip_suffix('%') {
        Some(d) if !d.is_empty() && d.bytes().all(|c| c.is_ascii_digit()) => vec![],
        _ => vec![regex_error(
            "a valid percent string must be a numeric string followed by an ending '%'",
            "[0-9]+%",
            &["1%", "93%"],
        )],
    }
}

/// The name of an HTTP header in a probe.
pub fn is_http_header_name(value: &str) -> Vec<String> {
    if !value.is_empty() && value.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') {
        return vec![];
    }
    vec![regex_error(
        "a valid HTTP header must consist of alphanumeric characters or '-'",
        "[-A-Za-z0-9]+",
        &["X-Header-Name"],
    )]
}

/// The name of an environment variable (the relaxed rule, which holds since v1.34).
pub fn is_env_var_name(value: &str) -> Vec<String> {
    let mut errors = vec![];
    if value.is_empty() {
        errors.push("environment variable name must be non-empty".into());
    }
    if !value.chars().all(|c| matches!(c, ' '..='~') && c != '=') {
        errors.push(
            "a valid environment variable name must consist only of printable ASCII characters other than '='".into(),
        );
    }
    errors
}

/// A key of a ConfigMap or Secret.
pub fn is_config_map_key(value: &str) -> Vec<String> {
    let mut errors = vec![];
    if value.len() > SUBDOMAIN_MAX {
        errors.push(max_len_error(SUBDOMAIN_MAX));
    }
    if value.is_empty() || !value.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.')) {
        errors.push(regex_error(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            "[-._a-zA-Z0-9]+",
            &["key.name", "KEY_NAME", "key-name"],
        ));
    }
    match value {
        "." => errors.push("must not be '.'".into()),
        ".." => errors.push("must not be '..'".into()),
        v if v.starts_with("..") => errors.push("must not start with '..'".into()),
        _ => {}
    }
    errors
}

/// A C identifier.
pub fn is_c_identifier(value: &str) -> Vec<String> {
    let b = value.as_bytes();
    if b.first().is_some_and(|c| !c.is_ascii_digit()) && b.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'_') {
        return vec![];
    }
    vec![regex_error(
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
        "[A-Za-z_][A-Za-z0-9_]*",
        &["my_name", "MY_NAME", "MyName"],
    )]
}

/// A name that can be a segment of a path: roles and their bindings.
pub fn is_path_segment_name(value: &str) -> Vec<String> {
    match value {
        "." | ".." => return vec![format!("may not be '{value}'")],
        _ => {}
    }
    ["/", "%"].iter().filter(|c| value.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// An IP address in its strict form.
pub fn is_valid_ip(field: &str, value: &str) -> Vec<FieldError> {
    if value.parse::<std::net::IpAddr>().is_err() {
        let sloppy: Vec<&str> = value.split('.').collect();
        let leading_zeros =
            sloppy.len() == 4 && sloppy.iter().all(|p| p.len() <= 3 && p.parse::<u8>().is_ok() && !p.starts_with('+'));
        let detail = if leading_zeros {
            "must not have leading 0s"
        } else {
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        };
        return vec![FieldError::invalid(field, value, detail)];
    }
    if matches!(value.parse::<std::net::Ipv6Addr>(), Ok(a) if a.to_ipv4_mapped().is_some()) {
        return vec![FieldError::invalid(field, value, "must not be an IPv4-mapped IPv6 address")];
    }
    vec![]
}

/// An address range `a.b.c.d/n` in its strict form.
pub fn is_valid_cidr(field: &str, value: &str) -> Vec<FieldError> {
    let wrong =
        || vec![FieldError::invalid(field, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")];
    let Some((address, length)) = value.split_once('/') else { return wrong() };
    let (Ok(bits), true) = (length.parse::<u32>(), length.bytes().all(|c| c.is_ascii_digit())) else { return wrong() };
    if is_valid_ip(field, address).iter().any(|e| e.detail == "must not have leading 0s")
        || (length.len() > 1 && length.starts_with('0'))
    {
        return vec![FieldError::invalid(field, value, "must not have leading 0s in IP or prefix length")];
    }
    let host_bits_set = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(a)) if bits <= 32 => u32::from(a).checked_shl(bits).unwrap_or(0) != 0,
        Ok(std::net::IpAddr::V6(a)) if bits <= 128 => {
            if a.to_ipv4_mapped().is_some() {
                return vec![FieldError::invalid(field, value, "must not have an IPv4-mapped IPv6 address")];
            }
            u128::from(a).checked_shl(bits).unwrap_or(0) != 0
        }
        _ => return wrong(),
    };
    if host_bits_set {
        return vec![FieldError::invalid(field, value, "must not have bits set beyond the prefix length")];
    }
    vec![]
}

/// How a kind's names are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// A DNS subdomain: most kinds.
    Subdomain,
    /// A DNS label: namespaces, services.
    Label,
    /// A DNS label that begins with a letter.
    Label1035,
    /// Anything that fits into a path: RBAC kinds.
    PathSegment,
}

/// Judges a name; for a `generateName` (`prefix`) a last dash is allowed, as more follows it.
pub fn is_name(rule: NameRule, name: &str, prefix: bool) -> Vec<String> {
    let masked;
    let shown = if prefix && name.len() > 1 && name.ends_with('-') {
        let mut end = name.len() - 2;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        masked = format!("{}a", &name[..end]);
        &masked
    } else {
        name
    };
    match rule {
        NameRule::Subdomain => is_dns1123_subdomain(shown),
        NameRule::Label => is_dns1123_label(shown),
        NameRule::Label1035 => is_dns1035_label(shown),
        NameRule::PathSegment => is_path_segment_name(name),
    }
}

/// Judges labels; keys before values, in the order of the keys. Values that are no strings are not looked at.
pub fn validate_labels(labels: &Value, field: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for (key, value) in labels.as_object().into_iter().flatten() {
        errors.extend(validate_label_name(key, field));
        let value = value.as_str().unwrap_or_default();
        errors.extend(is_label_value(value).into_iter().map(|e| FieldError::invalid(field, value, e)));
    }
    errors
}

/// Judges one label key.
pub fn validate_label_name(key: &str, field: &str) -> Vec<FieldError> {
    is_qualified_name(key).into_iter().map(|e| FieldError::invalid(field, key, e)).collect()
}

/// Judges annotations: their keys (as label keys, in lower case), and all of them together by size.
pub fn validate_annotations(annotations: &Value, field: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut size = 0;
    for (key, value) in annotations.as_object().into_iter().flatten() {
        let wrong = is_qualified_name(&key.to_lowercase());
        errors.extend(wrong.into_iter().map(|e| FieldError::invalid(field, key.as_str(), e)));
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_MAX {
        errors.push(FieldError {
            kind: FieldErrorKind::TooLong,
            field: field.into(),
            value: None,
            detail: format!("may not be more than {ANNOTATIONS_MAX} bytes"),
        });
    }
    errors
}

/// Judges the ports of one container (an array of v1 ContainerPorts after defaulting).
pub fn validate_container_ports(ports: &Value, field: &str) -> Vec<FieldError> {
    const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
    let mut errors = vec![];
    let mut names = BTreeSet::new();
    for (i, port) in ports.as_array().into_iter().flatten().enumerate() {
        let at = |child: &str| format!("{field}[{i}].{child}");
        let name = port["name"].as_str().unwrap_or_default();
        if !name.is_empty() {
            let wrong = is_valid_port_name(name);
            if !wrong.is_empty() {
                errors.extend(wrong.into_iter().map(|e| FieldError::invalid(at("name"), name, e)));
            } else if !names.insert(name) {
                errors.push(FieldError::duplicate(at("name"), name));
            }
        }
        match port["containerPort"].as_i64().unwrap_or_default() {
            0 => errors.push(FieldError::required(at("containerPort"), "")),
            n => {
                errors.extend(is_valid_port_num(n).into_iter().map(|e| FieldError::invalid(at("containerPort"), n, e)))
            }
        }
        match port["hostPort"].as_i64().unwrap_or_default() {
            0 => {}
            n => errors.extend(is_valid_port_num(n).into_iter().map(|e| FieldError::invalid(at("hostPort"), n, e))),
        }
        match port["protocol"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(at("protocol"), "")),
            p if PROTOCOLS.contains(&p) => {}
            p => errors.push(FieldError::not_supported(at("protocol"), p, &PROTOCOLS)),
        }
    }
    errors
}

/// A JSON object of strings as a map; other values are left out.
pub fn string_map(value: &Value) -> BTreeMap<String, String> {
    value.as_object().into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}
