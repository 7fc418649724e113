//! Real-world manifests: what `kubectl apply --dry-run=server -o json` says of each on an empty cluster of one node.

use crate::case::Player;
use crate::normalize::Normalizer;
use kubarium_core::sim::NodeConfig;
use serde_json::{Value, json};

/// What came of one row's manifest, in the form of the recorded rows: `file`, `accepted`, `stderr`, `objects`.
/// `raw` is what was printed.
pub struct Outcome {
    /// As printed: `case`, `kubernetes` and one step.
    pub raw: Value,
    /// As recorded.
    pub normal: Value,
}

/// Applies a row's manifest to a fresh cluster.
pub fn play(row: &Value) -> Outcome {
    let text = row["text"].as_str().unwrap_or_default();
    let mut player = Player::new(vec![NodeConfig::numbered(1)]);
    player.file("manifest.yaml", text);
    let line = "apply --dry-run=server -o json -f manifest.yaml";
    let ended = player.kubectl(line, None);
    let step = json!({
        "kubectl": line,
        "files": {"manifest.yaml": text},
        "rc": ended.code.map_or_else(|| json!("timeout"), |c| json!(c)),
        "stdout": ended.stdout,
        "stderr": ended.stderr,
    });
    let mut n = Normalizer::default();
    n.learn_all(std::slice::from_ref(&step));
    let accepted = ended.code == Some(0);
    let objects: Vec<Value> = if accepted {
        match serde_json::from_str::<Value>(&ended.stdout) {
            Ok(list) if list["kind"] == "List" => {
                list["items"].as_array().into_iter().flatten().map(|o| n.object(o)).collect()
            }
            Ok(one) => vec![n.object(&one)],
            Err(e) => vec![json!(format!("not JSON: {e}"))],
        }
    } else {
        vec![]
    };
    let normal =
        json!({"file": row["file"], "accepted": accepted, "stderr": n.lines(&ended.stderr), "objects": objects});
    Outcome { raw: json!({"case": row["file"], "kubernetes": crate::case::KUBERNETES, "steps": [step]}), normal }
}

/// A recorded row without its manifest: what [`Outcome::normal`] is compared with.
pub fn expected(row: &Value) -> Value {
    json!({"file": row["file"], "accepted": row["accepted"], "stderr": row["stderr"], "objects": row["objects"]})
}
