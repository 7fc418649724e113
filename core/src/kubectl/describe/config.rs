//! Namespaces, configuration, quotas and limits.

use super::Describer;
use super::text::{Writer, head, items, meta, n, plain, s, time};
use crate::kubectl::errors::CmdError;
use serde_json::Value;

type Done = Result<(), CmdError>;

pub(super) fn namespace(o: &Value, d: &mut Describer) -> Done {
    let name = s(&o["metadata"]["name"]).to_string();
    let (quotas, limits) = (d.list("resourcequotas", &name, "", ""), d.list("limitranges", &name, "", ""));
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    w.pair(0, "Status", s(&o["status"]["phase"]));
    let conditions = items(&o["status"]["conditions"]);
    if !conditions.is_empty() {
        w.line(0, "Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage");
        w.line(1, "----\t------\t------------------\t------\t-------");
        for c in conditions {
            let at = time(&c["lastTransitionTime"]);
            w.line(
                1,
                format!("{}\t{}\t{at}\t{}\t{}", s(&c["type"]), s(&c["status"]), s(&c["reason"]), s(&c["message"])),
            );
        }
    }
    w.line(0, "");
    if quotas.is_empty() {
        w.line(0, "No resource quota.");
    } else {
        w.line(0, "Resource Quotas");
        for q in &quotas {
            w.pair(1, "Name", s(&q["metadata"]["name"]));
            quota_rows(w, q, 1, "---");
        }
    }
    w.line(0, "");
    if limits.is_empty() {
        w.line(0, "No LimitRange resource.");
    } else {
        w.line(0, "Resource Limits");
        limit_head(w, " ");
        for l in &limits {
            limit_rows(w, l, " ");
        }
    }
    Ok(())
}

pub(super) fn config_map(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    w.line(0, "\nData\n====");
    for (k, v) in o["data"].as_object().into_iter().flatten() {
        w.line(0, format!("{k}:\n----\n{}\n", s(v)));
    }
    w.line(0, "\nBinaryData\n====");
    for (k, v) in o["binaryData"].as_object().into_iter().flatten() {
        w.line(0, format!("{k}: {} bytes", bytes(v)));
    }
    w.line(0, "");
    d.events(o);
    Ok(())
}

/// How many bytes a base64 text holds.
fn bytes(v: &Value) -> usize {
    let text = s(v).trim_end_matches('=');
    text.len() * 3 / 4
}

pub(super) fn secret(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    w.line(0, format!("\nType:\t{}", s(&o["type"])));
    w.line(0, "\nData\n====");
    for (k, v) in o["data"].as_object().into_iter().flatten() {
        w.pair(0, k, format!("{} bytes", bytes(v)));
    }
    Ok(())
}

pub(super) fn service_account(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    let names: Vec<&str> = items(&o["imagePullSecrets"]).iter().map(|x| s(&x["name"])).collect();
    if names.is_empty() {
        w.line(0, "Image pull secrets:\t<none>");
    }
    for (i, name) in names.into_iter().enumerate() {
        w.line(0, format!("{}\t{name}", if i == 0 { "Image pull secrets:" } else { "                   " }));
    }
    d.events(o);
    Ok(())
}

fn quota_rows(w: &mut Writer, q: &Value, level: usize, dashes: &str) {
    w.line(level, "Resource\tUsed\tHard");
    w.line(level, format!("--------\t{dashes}\t{dashes}"));
    for (k, hard) in q["status"]["hard"].as_object().into_iter().flatten() {
        let used = plain(&q["status"]["used"][k]);
        w.line(level, format!("{k}\t{}\t{}", if used.is_empty() { "0" } else { &used }, plain(hard)));
    }
}

pub(super) fn quota(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    head(w, o);
    let scopes: Vec<&str> = items(&o["spec"]["scopes"]).iter().map(s).collect();
    if !scopes.is_empty() {
        w.pair(0, "Scopes", scopes.join(", "));
    }
    quota_rows(w, o, 0, "----");
    Ok(())
}

pub(super) fn limit_range(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    head(w, o);
    limit_head(w, "");
    limit_rows(w, o, "");
    Ok(())
}

fn limit_head(w: &mut Writer, indent: &str) {
    w.line(0, format!("{indent}Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio"));
    w.line(0, format!("{indent}----\t--------\t---\t---\t---------------\t-------------\t-----------------------"));
}

fn limit_rows(w: &mut Writer, o: &Value, indent: &str) {
    for limit in items(&o["spec"]["limits"]) {
        let keys = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
        let mut names: Vec<&String> =
            keys.iter().flat_map(|k| limit[*k].as_object().into_iter().flatten().map(|(n, _)| n)).collect();
        names.sort();
        names.dedup();
        for name in names {
            let cells: Vec<String> = keys
                .iter()
                .map(|k| if limit[*k][name].is_null() { "-".to_string() } else { plain(&limit[*k][name]) })
                .collect();
            w.line(0, format!("{indent}{}\t{name}\t{}", s(&limit["type"]), cells.join("\t")));
        }
    }
}

pub(super) fn priority_class(o: &Value, d: &mut Describer) -> Done {
    let w = &mut d.w;
    w.pair(0, "Name", s(&o["metadata"]["name"]));
    w.pair(0, "Value", n(&o["value"]).to_string());
    w.pair(0, "GlobalDefault", (o["globalDefault"] == true).to_string());
    w.pair(0, "PreemptionPolicy", plain(&o["preemptionPolicy"]));
    w.pair(0, "Description", s(&o["description"]));
    super::text::annotations(w, "Annotations", &o["metadata"]["annotations"]);
    d.events(o);
    Ok(())
}
