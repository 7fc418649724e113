use kubarium_core::api::yaml;
use serde_json::Value;
fn texts(v: &Value, out: &mut Vec<String>) {
    match v {
        Value::String(s) => out.push(s.clone()),
        Value::Array(a) => {
            if !a.is_empty() && a.iter().all(Value::is_string) {
                out.push(a.iter().map(|s| s.as_str().unwrap()).collect::<Vec<_>>().join("\n") + "\n");
            } else {
                a.iter().for_each(|x| texts(x, out));
            }
        }
        Value::Object(o) => o.values().for_each(|x| texts(x, out)),
        _ => {}
    }
}
fn main() {
    let dir = "/work/shared/conformance/manifests";
    let (mut n, mut bad) = (0, 0);
    for f in std::fs::read_dir(dir).unwrap() {
        for line in std::fs::read_to_string(f.unwrap().path()).unwrap().lines() {
            let r: Value = serde_json::from_str(line).unwrap();
            let m = yaml::read(r["text"].as_str().unwrap());
            let e = m.error.map(|e| e.message).unwrap_or_default();
            let stderr: Vec<&str> =
                r["stderr"].as_array().map(|a| a.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
            let stderr = stderr.join("\n");
            n += 1;
            let expected = stderr.split_once("error parsing manifest.yaml: ").map(|x| x.1).unwrap_or("");
            if expected.trim() != e {
                bad += 1;
                println!("{}: got {e:?} expected {expected:?}", r["file"]);
            }
        }
    }
    println!("{n} manifests, {bad} bad");
    let (mut n, mut bad) = (0, 0);
    for d in std::fs::read_dir("/work/shared/conformance/cases").unwrap() {
        for f in std::fs::read_dir(d.unwrap().path()).unwrap() {
            let p = f.unwrap().path();
            if p.extension().unwrap() != "json" {
                continue;
            }
            let v: Value = serde_json::from_str(&std::fs::read_to_string(&p).unwrap()).unwrap();
            let mut out = vec![];
            texts(&v, &mut out);
            for t in out.iter().filter(|t| t.starts_with("apiVersion: ") && t.contains("\nkind: ")) {
                let m = yaml::read(t);
                if let Some(e) = m.error {
                    println!("{p:?} {e}");
                    continue;
                }
                n += 1;
                let printed = m.documents.iter().map(|d| yaml::to_yaml(&d.value)).collect::<Vec<_>>().join("---\n");
                if printed.trim_end() != t.trim_end() {
                    bad += 1;
                    println!("{p:?} differs\n{}", similar::TextDiff::from_lines(t.as_str(), &printed).unified_diff());
                }
            }
        }
    }
    println!("{n} outputs, {bad} differ");
}
