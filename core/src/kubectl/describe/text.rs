//! What descriptions are made of: lines, maps, times, events.

use crate::apiserver::printers::since;
use serde_json::Value;

/// Collects lines.
#[derive(Default)]
pub(super) struct Writer {
    /// The text, with tabs.
    pub out: String,
}

impl Writer {
    /// A line at a level of indentation.
    pub fn line(&mut self, level: usize, text: impl AsRef<str>) {
        self.raw(level, text);
        self.out.push('\n');
    }
    /// Text at a level of indentation, without an end of line.
    pub fn raw(&mut self, level: usize, text: impl AsRef<str>) {
        self.out.push_str(&"  ".repeat(level));
        self.out.push_str(text.as_ref());
    }
    /// `Key:<tab>value`.
    pub fn pair(&mut self, level: usize, key: &str, value: impl AsRef<str>) {
        self.line(level, format!("{key}:\t{}", value.as_ref()));
    }
}

/// Text of a string value.
pub(super) fn s(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

/// A number, 0 when unset.
pub(super) fn n(v: &Value) -> i64 {
    v.as_i64().unwrap_or_default()
}

/// Items of a list.
pub(super) fn items(v: &Value) -> &[Value] {
    v.as_array().map_or(&[], Vec::as_slice)
}

/// A text, or `<none>`.
pub(super) fn none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

/// A number or text as it stands; `<unset>` for null.
pub(super) fn unset(v: &Value) -> String {
    match v {
        Value::Null => "<unset>".into(),
        Value::String(t) => t.clone(),
        other => other.to_string(),
    }
}

/// A number, percentage or text.
pub(super) fn plain(v: &Value) -> String {
    match v {
        Value::Null => String::new(),
        Value::String(t) => t.clone(),
        other => other.to_string(),
    }
}

/// A timestamp as RFC 1123 with a numeric zone.
pub(super) fn time(v: &Value) -> String {
    match s(v).parse::<jiff::Timestamp>() {
        Ok(t) => t.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(),
        Err(_) => "Mon, 01 Jan 0001 00:00:00 +0000".into(),
    }
}

/// A map of labels over several lines.
pub(super) fn labels(w: &mut Writer, title: &str, v: &Value) {
    labels_indented(w, "", title, v);
}

/// The same with an indentation before every line.
pub(super) fn labels_indented(w: &mut Writer, indent: &str, title: &str, v: &Value) {
    w.raw(0, format!("{indent}{title}:\t"));
    let map = v.as_object().filter(|m| !m.is_empty());
    let Some(map) = map else {
        w.line(0, "<none>");
        return;
    };
    for (i, (k, v)) in map.iter().enumerate() {
        if i > 0 {
            w.raw(0, format!("{indent}\t"));
        }
        w.line(0, format!("{k}={}", s(v)));
    }
}

/// Annotations over several lines; what `kubectl apply` keeps for itself is left out.
pub(super) fn annotations(w: &mut Writer, title: &str, v: &Value) {
    const WIDTH: usize = 140;
    w.raw(0, format!("{title}:\t"));
    let shown: Vec<(&String, &str)> = v
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(k, _)| *k != "kubectl.kubernetes.io/last-applied-configuration")
        .map(|(k, v)| (k, s(v)))
        .collect();
    if shown.is_empty() {
        w.line(0, "<none>");
        return;
    }
    let shorten = |t: &str| {
        if t.len() > WIDTH - 2 { format!("{}...", t.chars().take(WIDTH - 2).collect::<String>()) } else { t.into() }
    };
    for (i, (k, v)) in shown.into_iter().enumerate() {
        if i > 0 {
            w.raw(0, "\t");
        }
        let v = v.strip_suffix('\n').unwrap_or(v);
        if v.len() + k.len() + 2 > WIDTH || v.contains('\n') {
            w.line(0, format!("{k}:"));
            for l in v.split('\n') {
                w.line(0, format!("\t  {}", shorten(l)));
            }
        } else {
            w.line(0, format!("{k}: {v}"));
        }
    }
}

/// Name, and namespace where there is one.
pub(super) fn head(w: &mut Writer, o: &Value) {
    w.pair(0, "Name", s(&o["metadata"]["name"]));
    if !s(&o["metadata"]["namespace"]).is_empty() {
        w.pair(0, "Namespace", s(&o["metadata"]["namespace"]));
    }
}

/// Labels and annotations.
pub(super) fn meta(w: &mut Writer, o: &Value) {
    labels(w, "Labels", &o["metadata"]["labels"]);
    annotations(w, "Annotations", &o["metadata"]["annotations"]);
}

/// `Controlled By`, where there is a controller.
pub(super) fn controller(w: &mut Writer, o: &Value) {
    if let Some(r) = items(&o["metadata"]["ownerReferences"]).iter().find(|r| r["controller"] == true) {
        w.pair(0, "Controlled By", format!("{}/{}", s(&r["kind"]), s(&r["name"])));
    }
}

/// The table of events.
pub(super) fn events(w: &mut Writer, events: &[Value], now: i64) {
    if events.is_empty() {
        w.pair(0, "Events", "<none>");
        return;
    }
    w.line(0, "Events:");
    w.line(1, "Type\tReason\tAge\tFrom\tMessage");
    w.line(1, "----\t------\t----\t----\t-------");
    for e in events {
        let first = since(if e["eventTime"].is_null() { &e["firstTimestamp"] } else { &e["eventTime"] }, now);
        let age = if !e["series"].is_null() {
            format!("{} (x{} over {first})", since(&e["series"]["lastObservedTime"], now), n(&e["series"]["count"]))
        } else if n(&e["count"]) > 1 {
            format!("{} (x{} over {first})", since(&e["lastTimestamp"], now), n(&e["count"]))
        } else {
            first
        };
        let from = match s(&e["source"]["component"]) {
            "" => s(&e["reportingComponent"]),
            c => c,
        };
        let field = match s(&e["involvedObject"]["fieldPath"]) {
            "" => String::new(),
            f => format!("{f}: "),
        };
        let line = format!("{}\t{}\t{age}\t{from}\t{field}{}", s(&e["type"]), s(&e["reason"]), s(&e["message"]).trim());
        w.line(1, line.replace('\n', " "));
    }
}
