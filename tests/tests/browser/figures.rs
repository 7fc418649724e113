//! Figures of the page in this machine's browser: only measured when `$KUBARIUM_FIGURES` is set (`cargo xtask bench`).

use crate::page::Page;
use crate::{LAPTOP, Place, Test};
use kubarium_tests::webdriver::Result;
use serde_json::json;

pub const TESTS: &[Test] = &[("figures-of-the-start", start), ("figures-of-frames", frames)];

fn start(place: &Place) -> Result<()> {
    let browser = place.browser(LAPTOP)?;
    let page = Page { browser, url: place.serve("")? };
    page.go(&page.url)?;
    page.browser.wait("pods on the map", "window.__kubarium.live() > 0")?;
    let figures = page.browser.eval(
        "const all = performance.getEntriesByType('resource');\
         const paint = performance.getEntriesByName('first-contentful-paint')[0];\
         return [performance.now(), paint?.startTime ?? 0, all.length, all.reduce((n, e) => n + e.decodedBodySize, 0)]",
        &[],
    )?;
    let number = |i: usize| figures[i].as_f64().unwrap_or_default();
    println!(
        "start: first paint after {:.0} ms, pods on the map after {:.0} ms at most; {} files, {:.0} KB unpacked",
        number(1),
        number(0),
        number(2),
        number(3) / 1e3
    );
    Ok(())
}

/// Frames while a deployment of many pods is rolled: the page asks for each as a person's browser does.
fn frames(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.run("kubectl delete deployments,services,pods --all --wait=false")?;
    page.run("kubectl create deployment crowd --image=nginx:1.25 --replicas=250")?;
    page.browser.wait("the crowd", "window.__kubarium.live() >= 250")?;
    page.run("kubectl set image deployment/crowd nginx=nginx:1.26")?;
    let figures = page.browser.eval_async(
        "const done = arguments[arguments.length - 1], gaps = []; let last = performance.now(); const start = last;\
         requestAnimationFrame(function frame() {\
           const now = performance.now(); gaps.push(now - last); last = now;\
           if (now - start < arguments[0]) requestAnimationFrame(frame);\
           else { gaps.sort((a, b) => a - b); done([gaps.length / (now - start) * 1000, gaps[Math.floor(gaps.length * 0.95)], gaps.at(-1)]) }\
         })"
            .replace("arguments[0]", "5000")
            .as_str(),
        &[json!(null)],
    )?;
    let number = |i: usize| figures[i].as_f64().unwrap_or_default();
    println!(
        "frames while 250 pods are rolled: {:.0} a second, 95 of 100 within {:.0} ms, the longest {:.0} ms",
        number(0),
        number(1),
        number(2)
    );
    Ok(())
}
