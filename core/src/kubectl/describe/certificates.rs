//! Requests for certificates.

use super::Describer;
use super::text::{items, meta, s};
use crate::api::duration::human_duration;
use crate::api::x509;
use crate::kubectl::errors::CmdError;
use base64::Engine;
use serde_json::Value;

pub(super) fn request(o: &Value, d: &mut Describer) -> Result<(), CmdError> {
    let w = &mut d.w;
    w.pair(0, "Name", s(&o["metadata"]["name"]));
    meta(w, o);
    let at = o["metadata"]["creationTimestamp"].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok());
    w.pair(0, "CreationTimestamp", at.map_or(String::new(), |t| t.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()));
    w.pair(0, "Requesting User", s(&o["spec"]["username"]));
    w.pair(0, "Signer", s(&o["spec"]["signerName"]));
    if let Some(n) = o["spec"]["expirationSeconds"].as_i64() {
        w.pair(0, "Requested Duration", human_duration(n.saturating_mul(crate::api::duration::SECOND)));
    }
    w.pair(0, "Status", status(o));
    w.line(0, "Subject:");
    let bytes = base64::engine::general_purpose::STANDARD.decode(s(&o["spec"]["request"])).unwrap_or_default();
    let asked = x509::read_request(&String::from_utf8_lossy(&bytes)).ok();
    let subject = asked.as_ref().map(|a| a.subject.clone()).unwrap_or_default();
    w.line(0, format!("\tCommon Name:\t{}", subject.common()));
    w.line(0, "\tSerial Number:\t");
    let parts =
        [("O", "Organization"), ("OU", "Organizational Unit"), ("C", "Country"), ("L", "Locality"), ("ST", "Province")];
    for (part, name) in parts {
        for (i, value) in subject.all(part).into_iter().enumerate() {
            w.line(0, format!("\t{}\t{value}", if i == 0 { format!("{name}:") } else { String::new() }));
        }
    }
    let names = asked.map(|a| a.alternatives).unwrap_or_default();
    if !names.is_empty() {
        w.line(0, "Subject Alternative Names:");
        for (kind, name) in [("DNS:", "DNS Names"), ("email:", "Email Addresses"), ("IP:", "IP Addresses")] {
            for (i, value) in names.iter().filter_map(|n| n.strip_prefix(kind)).enumerate() {
                w.line(0, format!("\t{}\t{value}", if i == 0 { format!("{name}:") } else { String::new() }));
            }
        }
    }
    d.events(o);
    Ok(())
}

/// `Pending`, `Approved,Issued` …
fn status(o: &Value) -> String {
    let all = items(&o["status"]["conditions"]);
    let has = |kind: &str| all.iter().any(|c| c["type"] == kind);
    let mut out: Vec<&str> = vec![];
    match (has("Approved"), has("Denied")) {
        (_, true) => out.push("Denied"),
        (true, _) => out.push("Approved"),
        _ => out.push("Pending"),
    }
    if has("Failed") {
        out.push("Failed");
    }
    if o["status"]["certificate"].as_str().is_some_and(|c| !c.is_empty()) {
        out.push("Issued");
    }
    out.join(",")
}
