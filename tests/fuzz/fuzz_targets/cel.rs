//! Any text as an expression of CEL: read, checked and evaluated, against an object too.
#![no_main]

use kubarium_core::cel::{Budget, Fields, PER_CALL, Program, Scope, Ty, Val};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let object = json!({"spec": {"replicas": 3, "names": ["a", "b"], "labels": {"app": "web"}, "ratio": 0.5, "none": null}});
    let mut names = Fields::new();
    for name in ["self", "oldSelf", "object", "request", "params", "x"] {
        names.insert(name.into(), Ty::Dyn);
    }
    for name in ["@Object", "@JSONPatch"] {
        names.insert(name.into(), Ty::Dyn);
    }
    if let Ok(program) = Program::compile(text, &names) {
        let mut scope = Scope::default();
        for name in ["self", "oldSelf", "object", "request", "params", "x"] {
            scope.names.insert(name.into(), Val::from_json(&object));
        }
        if let Ok(value) = program.run(&scope, &mut Budget::new(PER_CALL)) {
            let _ = value.to_json();
        }
    }
});
