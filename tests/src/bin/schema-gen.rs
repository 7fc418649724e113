//! Makes `core/assets/schema.deflate` and `schema-text.deflate`: the schema of every kind that Kubarium knows, from k8s-openapi's JSON schemas
//! and `data/schema/fields.tsv` (what these do not tell: Go types, encoding, merge keys, the order of fields) and
//! `data/schema/enums.tsv` (what the values of enumerations mean).
//!
//! `cargo run -p kubarium-tests --features schema-gen --bin schema-gen`; the form is described in `core/src/api/schema`.

use k8s_openapi::schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

macro_rules! kinds {
    ($($group:literal $version:literal $($path:ident)::+ {$($kind:ident),*})*) => {
        fn kinds(g: &mut SchemaGenerator) -> Vec<(String, String)> {
            let mut list = vec![];
            $({
                use k8s_openapi::schemars::JsonSchema;
                use k8s_openapi::$($path)::+ as package;
                $(
                    let _ = g.subschema_for::<package::$kind>();
                    let name = format!("{}/{}/{}", $group, $version, stringify!($kind));
                    let schema = <package::$kind as JsonSchema>::schema_name();
                    list.push((name.trim_start_matches('/').to_owned(), short(&schema)));
                )*
            })*
            list
        }
    };
}

kinds! {
    "" "v1" api::core::v1 {
        Binding, ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod,
        PodTemplate, ReplicationController, ResourceQuota, Secret, Service, ServiceAccount
    }
    "apps" "v1" api::apps::v1 { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet }
    "batch" "v1" api::batch::v1 { CronJob, Job }
    "autoscaling" "v1" api::autoscaling::v1 { Scale, HorizontalPodAutoscaler }
    "autoscaling" "v2" api::autoscaling::v2 { HorizontalPodAutoscaler }
    "networking.k8s.io" "v1" api::networking::v1 { Ingress, IngressClass, NetworkPolicy }
    "discovery.k8s.io" "v1" api::discovery::v1 { EndpointSlice }
    "policy" "v1" api::policy::v1 { Eviction, PodDisruptionBudget }
    "rbac.authorization.k8s.io" "v1" api::rbac::v1 { ClusterRole, ClusterRoleBinding, Role, RoleBinding }
    "scheduling.k8s.io" "v1" api::scheduling::v1 { PriorityClass }
    "storage.k8s.io" "v1" api::storage::v1 { StorageClass }
    "coordination.k8s.io" "v1" api::coordination::v1 { Lease }
    "node.k8s.io" "v1" api::node::v1 { RuntimeClass }
    "authentication.k8s.io" "v1" api::authentication::v1 { TokenRequest, TokenReview, SelfSubjectReview }
    "authorization.k8s.io" "v1" api::authorization::v1 {
        LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview
    }
    "certificates.k8s.io" "v1" api::certificates::v1 { CertificateSigningRequest }
    "admissionregistration.k8s.io" "v1" api::admissionregistration::v1 {
        MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration, ValidatingAdmissionPolicy,
        ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration
    }
    "apiextensions.k8s.io" "v1" apiextensions_apiserver::pkg::apis::apiextensions::v1 { CustomResourceDefinition }
    "meta.k8s.io" "v1" apimachinery::pkg::apis::meta::v1 { DeleteOptions }
}

/// `io.k8s.api.core.v1.Pod` as `core.v1.Pod`.
fn short(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    parts[parts.len().saturating_sub(3)..].join(".")
}

/// The type letter of a schema; see the module `schema` of the core.
fn type_of(schema: &Value) -> String {
    if let Some(r) = schema["$ref"].as_str() {
        let name = r.rsplit('/').next().unwrap_or_default();
        return match name.rsplit('.').next().unwrap_or_default() {
            "Quantity" => "q".into(),
            "Time" => "t".into(),
            "MicroTime" => "u".into(),
            "IntOrString" => "x".into(),
            "FieldsV1"
            | "RawExtension"
            | "JSON"
            | "JSONSchemaPropsOrArray"
            | "JSONSchemaPropsOrBool"
            | "JSONSchemaPropsOrStringArray" => "j".into(),
            _ => format!("@{}", short(name)),
        };
    }
    if let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) {
        return type_of(only);
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), Some("byte")) => "y".into(),
        (Some("string"), _) => "s".into(),
        (Some("boolean"), _) => "b".into(),
        (Some("integer"), Some("int64")) => "l".into(),
        (Some("integer"), _) => "i".into(),
        (Some("number"), _) => "d".into(),
        (Some("array"), _) => format!("[{}", type_of(&schema["items"])),
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            format!("{{{}", type_of(&schema["additionalProperties"]))
        }
        _ => "j".into(),
    }
}

fn main() {
    let mut generator = SchemaGenerator::default();
    let kinds = kinds(&mut generator);
    let definitions: BTreeMap<String, Value> =
        generator.take_definitions(true).into_iter().map(|(k, v)| (short(&k), v)).collect();
    let mut facts: BTreeMap<(&str, &str), (&str, &str)> = BTreeMap::new();
    let mut orders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in include_str!("../../data/schema/fields.tsv").lines().filter(|l| !l.starts_with('#')) {
        if let [t, f, go, rest @ ..] = &line.split('\t').collect::<Vec<_>>()[..] {
            facts.insert((t, f), (go, rest.first().copied().unwrap_or_default()));
            orders.entry(t).or_default().push(f);
        }
    }
    let mut meanings: BTreeMap<(&str, &str), BTreeMap<&str, &str>> = BTreeMap::new();
    for line in include_str!("../../data/schema/enums.tsv").lines().filter(|l| !l.starts_with('#')) {
        if let [t, f, value, meaning] = line.split('\t').collect::<Vec<_>>()[..] {
            meanings.entry((t, f)).or_default().insert(value, meaning);
        }
    }
    let mut types = Map::new();
    // by type and field; the type's own, under no field, comes first
    let mut texts: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut unknown = BTreeSet::new();
    for (name, schema) in &definitions {
        let Some(properties) = schema["properties"].as_object() else { continue };
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields = Map::new();
        for (field, property) in properties {
            if matches!(field.as_str(), "apiVersion" | "kind") && kinds.iter().any(|k| k.1 == *name) {
                // Every kind has these two; the reader adds them.
                continue;
            }
            let mut flags = String::new();
            if required.contains(&field.as_str()) {
                flags.push('r');
            }
            let mut extra = Map::new();
            match facts.get(&(name.as_str(), field.as_str())) {
                Some((go, said)) => {
                    if let Some(go) = go.strip_prefix('*') {
                        flags.push('p');
                        note_go_type(go, property, &mut extra);
                    } else {
                        note_go_type(go, property, &mut extra);
                    }
                    if said.contains("omitzero") {
                        flags.push('z');
                    } else if !said.contains("omitempty") {
                        flags.push('a');
                    }
                    note_flags(said, &mut extra);
                }
                None => {
                    unknown.insert(name.clone());
                    flags.push('p');
                }
            }
            let mut description = property["description"].as_str().unwrap_or_default().to_owned();
            if let Some(values) = meanings.get(&(name.as_str(), field.as_str())) {
                extra.insert("e".into(), values.keys().copied().collect::<Vec<_>>().into());
                description += "\n\nPossible enum values:";
                for (value, meaning) in values {
                    description += format!("\n - `{value:?}` {meaning}").trim_end();
                }
            }
            let mut row = vec![json!(type_of(property)), json!(flags)];
            texts.insert((name.clone(), field.clone()), description);
            if !extra.is_empty() {
                row.push(extra.into());
            }
            fields.insert(field.clone(), row.into());
        }
        let description = schema["description"].as_str().unwrap_or_default();
        texts.insert((name.clone(), String::new()), description.to_owned());
        let mut entry = json!({ "f": fields });
        if let Some(order) = orders.get(name.as_str()) {
            entry["o"] = order.join(" ").into();
        }
        types.insert(name.clone(), entry);
    }
    let all =
        json!({"kinds": kinds.into_iter().map(|(k, v)| (k, Value::String(v))).collect::<Map<_, _>>(), "types": types});
    let text = all.to_string();
    let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10);
    println!(
        "{} types, {} bytes of JSON, {} packed; without facts: {unknown:?}",
        types.len(),
        text.len(),
        packed.len()
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/assets/schema.deflate");
    std::fs::write(path, packed).unwrap_or_else(|e| panic!("{path}: {e}"));
    let examples = include_str!("../../../core/assets/examples.txt");
    let texts = texts.into_values().chain([examples.to_owned()]).collect::<Vec<_>>().join("\0");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/assets/schema-text.deflate");
    std::fs::write(path, miniz_oxide::deflate::compress_to_vec(texts.as_bytes(), 10))
        .unwrap_or_else(|e| panic!("{path}: {e}"));
}

/// Keeps the Go type where it does not follow from the schema: named strings, maps and lists.
fn note_go_type(go: &str, property: &Value, extra: &mut Map<String, Value>) {
    let plain = match type_of(property).as_str() {
        "s" => "string",
        "b" => "bool",
        "i" => "int32",
        "l" => "int64",
        "d" => "float64",
        "[s" => "[]string",
        "{s" => "map[string]string",
        "q" => "resource.Quantity",
        "t" => "v1.Time",
        "u" => "v1.MicroTime",
        "x" => "intstr.IntOrString",
        "y" => "[]uint8",
        t if t.starts_with('@') || t.starts_with("[@") => return,
        _ => "",
    };
    if go != plain && property["format"] != "byte" {
        extra.insert("g".into(), go.into());
    }
}

fn note_flags(said: &str, extra: &mut Map<String, Value>) {
    let mut rest = said;
    while !rest.is_empty() {
        // Only enumerations, which come last, may have blanks in them.
        let (word, after) = match rest.strip_prefix("enum=") {
            Some(_) => (rest, ""),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        rest = after;
        let Some((key, value)) = word.split_once('=') else { continue };
        match key {
            "patch" => extra.insert("s".into(), value.into()),
            "key" => extra.insert("k".into(), value.into()),
            "list" => extra.insert("l".into(), value.into()),
            "listkeys" => extra.insert("m".into(), value.into()),
            "enum" => extra.insert("e".into(), value.split('|').collect::<Vec<_>>().into()),
            "default" => serde_json::from_str(value).ok().and_then(|v: Value| extra.insert("v".into(), v)),
            _ => None,
        };
    }
}
