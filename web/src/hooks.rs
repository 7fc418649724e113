//! `window.__kubarium`: what tests of the page read and do. It is not an interface for anything else.

use crate::bridge::Session;
use crate::map::hit::Target;
use kubarium_core::clock::SimTime;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;

fn put(object: &js_sys::Object, name: &str, call: JsValue) {
    let _ = js_sys::Reflect::set(object, &name.into(), &call);
}

/// Makes the session reachable under `window.__kubarium`.
pub fn publish(session: Session) {
    let hooks = js_sys::Object::new();
    let s = session.clone();
    put(
        &hooks,
        "hash",
        Closure::<dyn Fn() -> String>::new(move || s.read(|e| format!("{:016x}", e.cluster.hash()))).into_js_value(),
    );
    let s = session.clone();
    put(&hooks, "now", Closure::<dyn Fn() -> f64>::new(move || s.read(|e| e.now().0 as f64 / 1e6)).into_js_value());
    let s = session.clone();
    put(&hooks, "live", Closure::<dyn Fn() -> u32>::new(move || s.read(|e| e.scene.live())).into_js_value());
    let s = session.clone();
    let idle = move || s.read(|e| !e.scene.moving(e.anim) && e.scene.counts[0] + e.scene.counts[5] == e.scene.live());
    put(&hooks, "idle", Closure::<dyn Fn() -> bool>::new(idle).into_js_value());
    let s = session.clone();
    // Whether what the page shows is what the session knows.
    put(&hooks, "told", Closure::<dyn Fn() -> bool>::new(move || s.told_all()).into_js_value());
    let s = session.clone();
    let run = move |line: String| -> String {
        s.type_line(&line, &[]);
        s.read(|e| {
            e.terminal
                .iter()
                .rev()
                .take_while(|(_, l)| !matches!(l, crate::bridge::TermLine::Typed(..)))
                .filter_map(|(_, l)| match l {
                    crate::bridge::TermLine::Out(t) | crate::bridge::TermLine::Err(t) => Some(t.to_string()),
                    _ => None,
                })
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect()
        })
    };
    put(&hooks, "run", Closure::<dyn Fn(String) -> String>::new(run).into_js_value());
    let s = session.clone();
    let seek = move |seconds: f64| {
        s.set_playing(false);
        s.seek(SimTime((seconds * 1e6) as u64));
    };
    put(&hooks, "seek", Closure::<dyn Fn(f64)>::new(seek).into_js_value());
    let s = session.clone();
    put(&hooks, "bare", Closure::<dyn Fn(usize)>::new(move |nodes| s.begin_bare(nodes)).into_js_value());
    let s = session.clone();
    // Lets time pass at once.
    let forward = move |seconds: f64| {
        s.with(|e| e.advance(SimTime((seconds * 1e6) as u64), u64::MAX));
    };
    put(&hooks, "forward", Closure::<dyn Fn(f64)>::new(forward).into_js_value());
    let s = session.clone();
    let play = move |speed: f64| {
        s.set_speed(speed);
        s.set_playing(speed > 0.0);
    };
    put(&hooks, "play", Closure::<dyn Fn(f64)>::new(play).into_js_value());
    let s = session.clone();
    // What a person would have to replay: the session as a link carries it.
    let record = move || s.read(|e| serde_json::to_string(&e.cluster.record()).unwrap_or_default());
    put(&hooks, "record", Closure::<dyn Fn() -> String>::new(record).into_js_value());
    let s = session.clone();
    let restore = move |text: String| {
        if let Ok(record) = serde_json::from_str(&text) {
            s.restore(&record);
        }
    };
    put(&hooks, "restore", Closure::<dyn Fn(String)>::new(restore).into_js_value());
    // Bytes that the WebAssembly memory has grown to.
    let memory = || {
        let memory = wasm_bindgen::memory().unchecked_into::<js_sys::WebAssembly::Memory>();
        memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length()
    };
    put(&hooks, "memory", Closure::<dyn Fn() -> u32>::new(memory).into_js_value());
    let s = session.clone();
    // Pixels from the map's corner to the middle of a pod, node or service of this name.
    let place = move |name: String| -> JsValue {
        let target = s.read(|e| {
            let pod = e
                .scene
                .pods
                .values()
                .find(|p| p.died.is_none() && p.view.name.starts_with(&name))
                .map(|p| Target::Pod(p.view.id));
            pod.or_else(|| e.scene.find_node(&name).map(|n| Target::Node(n.view.id)))
                .or_else(|| e.scene.services.values().find(|v| *v.name == *name).map(|v| Target::Service(v.id)))
        });
        let at = target.and_then(|t| s.map(|m, e| m.place(e, t)).flatten());
        at.map_or(JsValue::NULL, |(x, y)| js_sys::Array::of2(&x.into(), &y.into()).into())
    };
    put(&hooks, "place", Closure::<dyn Fn(String) -> JsValue>::new(place).into_js_value());
    let s = session.clone();
    // Samples of the chart that changes most: how far back it goes.
    let samples = move || s.read(|e| e.history.busiest.map_or(0, |id| e.history.of(id).len() as u32));
    put(&hooks, "samples", Closure::<dyn Fn() -> u32>::new(samples).into_js_value());
    let s = session;
    let frames = move || -> JsValue {
        let (n, ms) = s.map(|m, _| m.frames).unwrap_or_default();
        js_sys::Array::of2(&(n as f64).into(), &ms.into()).into()
    };
    put(&hooks, "frames", Closure::<dyn Fn() -> JsValue>::new(frames).into_js_value());
    let _ = js_sys::Reflect::set(&gloo::utils::window(), &"__kubarium".into(), &hooks);
}
