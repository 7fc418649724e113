//! Figures of the page in this machine's browser: only measured when `$KUBARIUM_FIGURES` is set (`cargo xtask bench`).

use crate::page::Page;
use crate::{LAPTOP, Place, Test};
use kubarium_tests::webdriver::Result;
use serde_json::{Value, json};
use std::time::Instant;

pub const TESTS: &[Test] = &[
    ("figures-of-the-start", start),
    ("figures-of-1000-pods", thousand),
    ("figures-of-150000-pods", crowd),
    ("figures-of-an-hour", hour),
    ("figures-of-load", load),
];

/// Notes the moment at which the page shows pods and answers, from before its first script on.
const WATCH: &str = "(function look() {\
    if (window.__kubarium?.live() > 0) window.__interactive = performance.now();\
    else requestAnimationFrame(look);\
})()";

/// Calls back with frames a second, the gap that 95 of 100 frames keep, the longest, and how many took over 33 ms; each
/// frame does the first argument's work, for the second's milliseconds.
const FRAMES: &str = "const done = arguments[arguments.length - 1], work = new Function('n', arguments[0]);\
    const gaps = []; let last = 0, start = 0, n = 0;\
    requestAnimationFrame(function frame(now) {\
        if (start) gaps.push(now - last); else start = now;\
        last = now; work(n++);\
        if (now - start < arguments[1]) return requestAnimationFrame(frame);\
        gaps.sort((a, b) => a - b);\
        done([gaps.length / (now - start) * 1000, gaps[Math.floor(gaps.length * 0.95)], gaps.at(-1), gaps.filter(g => g > 33.4).length]);\
    })";

/// Drags the map to and fro, and every now and then zooms.
const MOVE: &str = "const c = document.querySelector('canvas[data-testid=map], canvas'), r = c.getBoundingClientRect();\
    const x = r.x + r.width / 2, y = r.y + r.height / 2;\
    c.dispatchEvent(new WheelEvent('wheel', {clientX: x, clientY: y, deltaY: Math.sin(n / 20) * 60, bubbles: true, cancelable: true}));";

fn number(v: &Value, i: usize) -> f64 {
    v[i].as_f64().unwrap_or_default()
}

fn frames(page: &Page, work: &str, milliseconds: u32) -> Result<String> {
    let script = FRAMES.replace("arguments[0]", "work_").replace("arguments[1]", "for_");
    let script = format!("const work_ = arguments[0], for_ = arguments[1]; {script}");
    let f = page.browser.eval_async(&script, &[json!(work), json!(milliseconds)])?;
    Ok(format!(
        "{:.0} frames a second, 95 of 100 within {:.0} ms, the longest {:.0} ms, {:.0} over 33 ms",
        number(&f, 0),
        number(&f, 1),
        number(&f, 2),
        number(&f, 3)
    ))
}

fn memory(page: &Page) -> Result<f64> {
    let script = "return window.__kubarium.memory() + (performance.memory?.usedJSHeapSize ?? 0)";
    Ok(page.browser.eval(script, &[])?.as_f64().unwrap_or_default() / 1e6)
}

fn start(place: &Place) -> Result<()> {
    let mut all = vec![];
    for _ in 0..5 {
        let page = Page { browser: place.browser(LAPTOP)?, url: place.serve("")? };
        page.browser.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({"source": WATCH}))?;
        page.go(&page.url)?;
        page.browser.wait("pods on the map", "window.__interactive > 0")?;
        let figures = page.browser.eval(
            "const all = performance.getEntriesByType('resource').filter(e => e.startTime < window.__interactive);\
             const paint = performance.getEntriesByName('first-contentful-paint')[0];\
             return [window.__interactive, paint?.startTime ?? 0, performance.getEntriesByName('started')[0]?.startTime,\
                 all.map(e => e.name.split('/').at(-1)).join(' ')]",
            &[],
        )?;
        all.push(figures);
    }
    all.sort_by(|a, b| number(a, 0).total_cmp(&number(b, 0)));
    let middle = &all[all.len() / 2];
    println!(
        "start: first paint after {:.0} ms, started after {:.0} ms, interactive after {:.0} ms (median of {}); asked for until then: {}",
        number(middle, 1),
        number(middle, 2),
        number(middle, 0),
        all.len(),
        middle[3].as_str().unwrap_or_default()
    );
    Ok(())
}

/// A cluster of so many nodes with Deployments of nginx.
fn fill(page: &Page, nodes: u32, deployments: u32, each: u32) -> Result<()> {
    page.browser.wait("pods on the map", "window.__kubarium.live() > 0")?;
    let script = "const k = window.__kubarium; k.bare(arguments[0]); k.forward(5); k.play(1);\
        for (let i = 0; i < arguments[1]; i++) k.run(`kubectl create deployment app-${i} --image=nginx:1.25 --replicas=${arguments[2]}`)";
    page.browser.eval(script, &[json!(nodes), json!(deployments), json!(each)]).map(drop)
}

/// 1,000 pods on 50 nodes: left alone, while a Deployment of 250 is rolled, and while the map is zoomed.
fn thousand(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    fill(&page, 50, 4, 250)?;
    page.browser.eval("window.__kubarium.play(20)", &[])?;
    page.browser.wait("the pods", "window.__kubarium.live() >= 1000 && window.__kubarium.idle()")?;
    page.browser.eval("window.__kubarium.play(1)", &[])?;
    println!("1,000 pods, left alone: {}", frames(&page, "", 5_000)?);
    page.run("kubectl set image deployment/app-0 nginx=nginx:1.26")?;
    println!("1,000 pods, rolled: {}", frames(&page, "", 10_000)?);
    println!("1,000 pods, rolled and zoomed: {}", frames(&page, MOVE, 5_000)?);
    println!("1,000 pods: {:.0} MB of JavaScript and WebAssembly", memory(&page)?);
    page.browser.screenshot("thousand").map(drop)
}

/// 1,000 pods on 50 nodes that are asked 10,000 times a second.
fn load(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    fill(&page, 50, 4, 250)?;
    page.browser.eval("window.__kubarium.play(20)", &[])?;
    page.browser.wait("the pods", "window.__kubarium.live() >= 1000 && window.__kubarium.idle()")?;
    let script = "const k = window.__kubarium; k.play(1);\
        for (let i = 0; i < 4; i++) k.run(`kubectl expose deployment app-${i} --port=80`);\
        k.forward(2);\
        for (let i = 0; i < 16; i++) k.run(`kubarium client add load-${i} http://app-${i % 4}/ --rate 625`);";
    page.browser.eval(script, &[])?;
    let before = page.browser.eval("return window.__kubarium.now?.() ?? 0", &[])?;
    println!("1,000 pods, 10,000 requests a second: {}", frames(&page, "", 10_000)?);
    let after = page.browser.eval("return window.__kubarium.now?.() ?? 0", &[])?;
    if let (Some(a), Some(b)) = (before.as_f64(), after.as_f64()) {
        println!("1,000 pods, 10,000 requests a second: the cluster went on by {:.1} s in 10 s", b - a);
    }
    println!("1,000 pods, 10,000 requests a second, zoomed: {}", frames(&page, MOVE, 5_000)?);
    page.browser.screenshot("load").map(drop)
}

/// 150,000 pods on 5,000 nodes: made as a link makes them, then zoomed.
fn crowd(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    fill(&page, 5_000, 300, 500)?;
    let record = page.browser.eval("return window.__kubarium.record()", &[])?;
    let mut record: Value =
        serde_json::from_str(record.as_str().unwrap_or_default()).map_err(|e| format!("the session's record: {e}"))?;
    // as far as natively is needed for all of them to be ready
    record["now"] = json!(230_000_000);
    record["steps"] = json!(3_000_000);
    let start = Instant::now();
    page.browser.eval("window.__kubarium.restore(arguments[0])", &[json!(record.to_string())])?;
    page.browser
        .eval_async("requestAnimationFrame(() => requestAnimationFrame(arguments[arguments.length - 1]))", &[])?;
    let took = start.elapsed().as_secs_f64();
    let pods = page.browser.eval("return window.__kubarium.live()", &[])?;
    println!(
        "5,000 nodes: {pods} pods replayed and shown after {took:.1} s; {:.0} MB of JavaScript and WebAssembly",
        memory(&page)?
    );
    page.browser.eval("window.__kubarium.play(1)", &[])?;
    println!("5,000 nodes, left alone: {}", frames(&page, "", 5_000)?);
    println!("5,000 nodes, zoomed: {}", frames(&page, MOVE, 5_000)?);
    page.browser.screenshot("crowd").map(drop)
}

/// An hour with 1,000 pods: rollouts and kills each minute, then jumps to anywhere in it.
fn hour(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    fill(&page, 50, 20, 50)?;
    let script = "const k = window.__kubarium; k.play(0);\
        for (let minute = 1; minute < 60; minute++) {\
            k.forward(minute * 60);\
            const app = `app-${minute % 20}`;\
            const names = k.run('kubectl get pods -o name').split('\\n').filter(n => n.startsWith(`pod/${app}-`)).slice(0, 10);\
            k.run(`kubectl delete --wait=false ${names.slice(0, 5).join(' ')}`);\
            k.run(`kubectl label --overwrite ${names.slice(5).join(' ')} tier=off app=off`);\
            if (minute % 3 === 0) k.run(`kubectl set image deployment/${app} nginx=nginx:1.${minute}`);\
        }\
        k.forward(3600);";
    let start = Instant::now();
    page.browser.eval(script, &[])?;
    let played = start.elapsed().as_secs_f64();
    let script = "const k = window.__kubarium, times = [];\
        for (let n = 0; n < 60; n++) {\
            const start = performance.now(); k.seek(3600 * (n * 617 % 1000) / 1000); times.push(performance.now() - start);\
        }\
        times.sort((a, b) => a - b); return [times[30], times[57], times[59]]";
    let t = page.browser.eval(script, &[])?;
    println!(
        "an hour with 1,000 pods: played in {played:.1} s; a seek takes {:.0} ms, 95 of 100 at most {:.0} ms, the longest {:.0} ms; {:.0} MB",
        number(&t, 0),
        number(&t, 1),
        number(&t, 2),
        memory(&page)?
    );
    Ok(())
}
