//! Tables for `printers`: the rows of `kubectl get`.

use crate::{Check, Gap};
use kubarium_core::api::kinds;
use kubarium_core::apiserver::printers;
use serde_json::Value;

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[
    ("printer_columns", columns),
    ("printer_cronjob", |_, c| row(c, "CronJob")),
    ("printer_endpoints", |_, c| row(c, "")),
    ("printer_event", |_, c| row(c, "Event")),
    ("printer_hpa", |_, c| row(c, "HorizontalPodAutoscaler")),
    ("printer_job", |_, c| row(c, "Job")),
    ("printer_node", |_, c| row(c, "Node")),
    ("printer_other", |_, c| row(c, "")),
    ("printer_persistent_volume", |_, c| row(c, "PersistentVolume")),
    ("printer_persistent_volume_claim", |_, c| row(c, "PersistentVolumeClaim")),
    ("printer_pod", |_, c| row(c, "Pod")),
    ("printer_service", |_, c| row(c, "Service")),
    ("printer_workloads", |_, c| row(c, "")),
];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[];

/// The moment the rows are printed at: late enough for the oldest object to be as old as its row says.
const NOW: &str = "2026-11-22T00:00:00Z";

fn columns(_file: &Value, case: &Value) -> Result<(), String> {
    let group = case["group"].as_str().unwrap_or_default();
    let named =
        |g: &str| if group == "core" { g.is_empty() } else { g == group || g.starts_with(&format!("{group}.")) };
    let Some(r) = kinds::RESOURCES.iter().find(|r| case["name"] == r.kind && named(r.group)) else {
        return Ok(()); // served by no API of this version
    };
    let known = printers::columns(r);
    if r.support == kinds::Support::NotYet && known.len() == 2 && known[1].name == "CREATED AT" {
        return Ok(()); // a kind that is only known by name
    }
    let got: Vec<(&str, bool)> = known.iter().map(|c| (c.name, c.wide)).collect();
    let want: Vec<(&str, bool)> = case["columns"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| (c["header"].as_str().unwrap_or_default(), c["wide_only"] == true))
        .collect();
    if got == want { Ok(()) } else { Err(format!("{got:?}, expected {want:?}")) }
}

/// Puts timestamps where the table says how long ago something was.
fn dated(v: &Value, now: jiff::Timestamp) -> Value {
    match v {
        Value::String(s) => match s.strip_suffix(" s ago").and_then(|n| n.parse::<i64>().ok()) {
            Some(n) => (now - jiff::SignedDuration::from_secs(n)).to_string().into(),
            None => v.clone(),
        },
        Value::Array(a) => a.iter().map(|v| dated(v, now)).collect(),
        Value::Object(m) => m.iter().map(|(k, v)| (k.clone(), dated(v, now))).collect::<serde_json::Map<_, _>>().into(),
        _ => v.clone(),
    }
}

fn row(case: &Value, kind: &str) -> Result<(), String> {
    let kind = match case["kind"].as_str() {
        Some("Endpoint") => "Endpoints",
        Some(k) => k,
        None => kind,
    };
    let r = kinds::RESOURCES.iter().find(|r| r.kind == kind).ok_or(format!("no kind {kind:?}"))?;
    let now: jiff::Timestamp = NOW.parse().map_err(|e| format!("{e}"))?;
    let object = dated(&case["object"], now);
    let cells = if case["wide"] == true {
        printers::row(r, &object, now.as_second())
    } else {
        printers::narrow_row(r, &object, now.as_second())
    };
    let want = case["expect_cells"][0].as_array().ok_or("no cells")?;
    let columns = printers::columns(r);
    let wide = case["wide"] == true || want.len() > columns.iter().filter(|c| !c.wide).count();
    let got: Vec<&Value> =
        cells.iter().zip(columns).filter(|(_, c)| wide || !c.wide).map(|(v, _)| v).take(want.len()).collect();
    if got == want.iter().collect::<Vec<_>>() { Ok(()) } else { Err(format!("{got:?}, expected {want:?}")) }
}
