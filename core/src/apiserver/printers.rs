//! What `kubectl get` shows of each kind: columns and the row of one object. (Models pkg/printers/internalversion.)
//!
//! Pure functions of an object and the current moment. A kind that has no columns of its own shows its name and when
//! it was created, as the API server does it.

mod config;
pub(crate) mod custom;
mod network;
mod pod;
mod storage;
mod workloads;

pub use custom::find as json_path;
pub use network::ports as service_ports;
pub use pod::{pod_status, restarts_text};
pub use storage::{access_modes, storage_class};

use crate::api::duration::human_duration;
use crate::api::kinds::ResourceInfo;
use serde_json::Value;

pub use crate::api::kinds::Column;

const fn c(name: &'static str) -> Column {
    Column { name, wide: false }
}

const fn w(name: &'static str) -> Column {
    Column { name, wide: true }
}

/// A moment for printing: seconds since the Unix epoch.
pub type UnixSeconds = i64;

static DEFAULT: &[Column] = &[c("NAME"), c("CREATED AT")];

/// The columns of a kind.
pub fn columns(r: &ResourceInfo) -> &'static [Column] {
    match r.table {
        Some(t) => &t.columns,
        None => lookup(r.group, r.kind).map_or(DEFAULT, |p| p.columns),
    }
}

/// The cells of one object: texts, numbers and bools, one per column (wide columns too).
pub fn row(r: &ResourceInfo, object: &Value, now: UnixSeconds) -> Vec<Value> {
    if let Some(t) = r.table {
        return custom::row(t, object, now);
    }
    match lookup(r.group, r.kind) {
        Some(p) => (p.row)(object, now),
        None => vec![name(object), text(&object["metadata"]["creationTimestamp"]).into()],
    }
}

/// The cells without `-o wide` where a printer that knows of it writes less: long lists of load balancer addresses are
/// cut. The API server always prints wide and leaves the choice of columns to the client; this is for other callers.
pub fn narrow_row(r: &ResourceInfo, object: &Value, now: UnixSeconds) -> Vec<Value> {
    let mut cells = row(r, object, now);
    match r.kind {
        "Service" => cells[3] = network::external_ip(object, false).into(),
        "Ingress" => cells[3] = network::load_balancer(object, false).into(),
        _ => {}
    }
    cells
}

type Row = fn(&Value, UnixSeconds) -> Vec<Value>;

struct Printer {
    group: &'static str,
    kind: &'static str,
    columns: &'static [Column],
    row: Row,
}

fn lookup(group: &str, kind: &str) -> Option<&'static Printer> {
    [pod::PRINTERS, workloads::PRINTERS, network::PRINTERS, storage::PRINTERS, config::PRINTERS]
        .into_iter()
        .flatten()
        .find(|p| p.kind == kind && p.group == group)
}

// ---- what rows are made of ----

fn text(v: &Value) -> String {
    v.as_str().unwrap_or_default().to_string()
}

fn int(v: &Value) -> i64 {
    v.as_i64().unwrap_or_default()
}

fn name(o: &Value) -> Value {
    o["metadata"]["name"].as_str().unwrap_or_default().into()
}

fn items(v: &Value) -> &[Value] {
    v.as_array().map_or(&[], Vec::as_slice)
}

fn or(text: String, default: &str) -> Value {
    if text.is_empty() { default.into() } else { text.into() }
}

/// A timestamp of an object in seconds; `None` when it is not set.
pub fn seconds(v: &Value) -> Option<UnixSeconds> {
    v.as_str()?.parse::<jiff::Timestamp>().ok().map(|t| t.as_second())
}

/// How long ago a timestamp was; `<unknown>` when it is not set.
pub fn since(v: &Value, now: UnixSeconds) -> String {
    seconds(v).map_or_else(|| "<unknown>".into(), |t| span(now - t))
}

/// A span of seconds as an age.
pub fn span(seconds: i64) -> String {
    human_duration(seconds.saturating_mul(crate::api::duration::SECOND))
}

fn age(o: &Value, now: UnixSeconds) -> Value {
    since(&o["metadata"]["creationTimestamp"], now).into()
}

/// A map of labels as `a=b,c=d`; `<none>` when empty.
pub fn labels(v: &Value) -> String {
    let list: Vec<String> =
        v.as_object().into_iter().flatten().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    if list.is_empty() { "<none>".into() } else { list.join(",") }
}

/// A `LabelSelector` as text; `<none>` when it is absent or empty.
pub fn selector(v: &Value) -> String {
    crate::api::labels::format_label_selector(v)
}

/// The roles of a node by its labels, joined by commas.
pub fn node_roles(o: &Value) -> String {
    config::roles(o).join(",")
}

fn containers(pod_spec: &Value) -> [Value; 2] {
    let join = |key: &str| items(&pod_spec["containers"]).iter().map(|c| text(&c[key])).collect::<Vec<_>>().join(",");
    [join("name").into(), join("image").into()]
}
