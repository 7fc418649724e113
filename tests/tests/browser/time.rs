//! Time on the page: steps back, undo and redo, branches, two of them side by side, and one change as a sequence.

use crate::page::Page;
use crate::play::with_shop;
use crate::{PHONE, Place, Test};
use kubarium_tests::webdriver::{Result, keys};
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("steps-go-back-and-name-what-happened", back),
    ("what-is-undone-can-be-done-again", redo),
    ("acting-in-the-past-keeps-the-old-future", branch),
    ("two-branches-stand-side-by-side", beside),
    ("branches-on-a-phone", phone),
    ("a-change-is-shown-as-a-sequence", sequence),
    ("events-and-conditions-say-why", why),
    ("the-timeline-is-marked", marks),
];

fn number(page: &Page, script: &str) -> Result<f64> {
    Ok(page.browser.eval(&format!("return {script}"), &[])?.as_f64().unwrap_or(f64::NAN))
}

fn hash(page: &Page) -> Result<String> {
    Ok(page.browser.eval("return window.__kubarium.hash()", &[])?.as_str().unwrap_or_default().to_owned())
}

fn pause(page: &Page) -> Result<()> {
    page.browser.eval("window.__kubarium.play(0)", &[]).map(drop)
}

fn back(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    pause(&page)?;
    let mut before = number(&page, "window.__kubarium.now()")?;
    for _ in 0..4 {
        page.browser.click("[data-testid=step-back]")?;
        let now = number(&page, "window.__kubarium.now()")?;
        if now > before {
            return Err(format!("a step back went from {before} to {now}"));
        }
        before = now;
        page.browser.wait("the name of what happened", "!!document.querySelector('.rail-note b')")?;
    }
    page.browser.screenshot("step-back")?;
    page.quiet()
}

fn redo(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    pause(&page)?;
    page.run("kubectl scale deployment shop --replicas=5")?;
    page.browser.eval("window.__kubarium.forward(window.__kubarium.now() + 20)", &[])?;
    let there = hash(&page)?;
    page.browser.click("[data-testid=undo]")?;
    page.browser.wait("the undo", &format!("window.__kubarium.hash() !== '{there}'"))?;
    page.browser.wait("something to redo", "!document.querySelector('[data-testid=redo]').disabled")?;
    page.browser.click("[data-testid=redo]")?;
    page.browser.wait("the redo", &format!("window.__kubarium.hash() === '{there}'"))?;
    // something new makes the undone course a branch
    page.browser.click("[data-testid=undo]")?;
    page.run("kubectl scale deployment shop --replicas=2")?;
    page.browser.wait("a branch", "!!document.querySelector('[data-testid=branches]')")?;
    page.browser.wait("nothing to redo", "document.querySelector('[data-testid=redo]').disabled")?;
    page.quiet()
}

/// A session with two branches: five replicas in the first, one in the second.
fn forked(place: &Place, size: (u32, u32)) -> Result<(Page, f64, String)> {
    let page = if size == PHONE { Page::open_sized(place, size)? } else { Page::open(place)? };
    page.browser.wait("the scenario's pods", "window.__kubarium.live() > 0")?;
    pause(&page)?;
    page.run("kubectl create deployment two --image=nginx --replicas=2")?;
    let start = number(&page, "window.__kubarium.now()")?;
    page.browser.eval("window.__kubarium.forward(arguments[0])", &[json!(start + 10.0)])?;
    page.run("kubectl scale deployment two --replicas=5")?;
    page.browser.eval("window.__kubarium.forward(arguments[0])", &[json!(start + 30.0)])?;
    let old = hash(&page)?;
    page.browser.eval("window.__kubarium.seek(arguments[0])", &[json!(start + 8.0)])?;
    page.run("kubectl scale deployment two --replicas=1")?;
    page.browser.eval("window.__kubarium.forward(arguments[0])", &[json!(start + 30.0)])?;
    Ok((page, start, old))
}

fn branch(place: &Place) -> Result<()> {
    let (page, _, old) = forked(place, crate::LAPTOP)?;
    if hash(&page)? == old {
        return Err("both courses are the same".into());
    }
    page.browser.click("[data-testid=branches]")?;
    page.browser.wait("two branches", "document.querySelectorAll('.branch').length === 2")?;
    page.browser.screenshot("branches")?;
    page.browser.click("[data-testid=branch-1] [data-testid=branch-rename]")?;
    page.browser.wait("the field", "!!document.querySelector('[data-testid=branch-name]')")?;
    page.browser.eval("document.querySelector('[data-testid=branch-name]').value = 'five of them'", &[])?;
    page.browser.click("[data-testid=branch-name-go]")?;
    page.browser
        .wait("the name", "document.querySelector('[data-testid=branch-1]').innerText.includes('five of them')")?;
    page.browser.click("[data-testid=branch-1] [data-testid=branch-show]")?;
    page.browser.wait("the old future", &format!("window.__kubarium.hash() === '{old}'"))?;
    page.browser.click("[data-testid=branch-2] [data-testid=branch-delete]")?;
    page.browser.wait("one branch", "document.querySelectorAll('.branch').length === 1")?;
    page.quiet()
}

fn beside(place: &Place) -> Result<()> {
    let (page, start, old) = forked(place, crate::LAPTOP)?;
    page.browser.click("[data-testid=branches]")?;
    page.browser.click("[data-testid=branch-1] [data-testid=branch-beside]")?;
    page.browser.wait("the second map", "document.querySelectorAll('canvas.map').length === 2")?;
    page.browser.wait("the difference", "!!document.querySelector('[data-testid=beside-ready].differs')")?;
    page.browser.screenshot("side-by-side")?;
    // one clock: before the fork nothing differs
    page.browser.eval("window.__kubarium.seek(arguments[0])", &[json!(start + 7.0)])?;
    page.browser.wait("no difference", "!document.querySelector('[data-testid=beside-ready].differs')")?;
    page.browser.eval("window.__kubarium.forward(arguments[0])", &[json!(start + 30.0)])?;
    page.browser.wait("the difference", "!!document.querySelector('[data-testid=beside-ready].differs')")?;
    // a link has both
    page.browser.click("[data-testid=share]")?;
    let link = page.browser.wait("the link", "document.querySelector('[data-testid=share-link]')?.value")?;
    page.browser.keys(&keys::ESCAPE.to_string())?;
    page.browser.click("[data-testid=beside-swap]")?;
    page.browser.wait("the other one", &format!("window.__kubarium.hash() === '{old}'"))?;
    page.browser.click("[data-testid=beside-close]")?;
    page.browser.wait("one map", "document.querySelectorAll('canvas.map').length === 1")?;
    page.quiet()?;
    let elsewhere = Page { browser: place.browser(crate::LAPTOP)?, url: page.url.clone() };
    elsewhere.go(link.as_str().unwrap_or_default())?;
    elsewhere.browser.wait("both there", "!!document.querySelector('[data-testid=beside-ready].differs')")?;
    elsewhere.quiet()
}

fn phone(place: &Place) -> Result<()> {
    let (page, _, old) = forked(place, PHONE)?;
    page.browser.click("[data-testid=phone-time]")?;
    page.browser.screenshot("phone-time")?;
    page.browser.click("[data-testid=branches]")?;
    page.browser.screenshot("phone-branches")?;
    page.browser.click("[data-testid=branch-1] [data-testid=branch-beside]")?;
    page.browser.wait("the second map", "document.querySelectorAll('canvas.map').length === 2")?;
    page.browser.screenshot("phone-side-by-side")?;
    page.browser.click("[data-testid=beside-swap]")?;
    page.browser.wait("the other one", &format!("window.__kubarium.hash() === '{old}'"))?;
    page.quiet()
}

fn sequence(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    page.browser.click("[data-testid=dock-requests]")?;
    page.browser.click("[data-testid=open-sequence]")?;
    page.browser.wait("the diagram", "document.querySelectorAll('[data-testid=sequence] [data-line]').length > 8")?;
    page.browser.wait("a reason", "document.querySelector('[data-testid=seq-say]').innerText.length > 40")?;
    for _ in 0..5 {
        page.browser.click("[data-testid=seq-next]")?;
    }
    page.browser.screenshot("sequence")?;
    // the picture tells every message, at twice the size of the drawing
    page.browser
        .eval("HTMLAnchorElement.prototype.click = function () { window.saved = [this.download, this.href] }", &[])?;
    page.browser.click("[data-testid=seq-png]")?;
    page.browser.wait("the picture", "window.saved?.[0] === 'sequence.png'")?;
    let wide = page.browser.eval_async(
        "const done = arguments[arguments.length - 1], image = new Image();\
         image.onload = () => done(image.width / document.querySelector('[data-testid=sequence]').viewBox.baseVal.width);\
         image.onerror = () => done('no picture'); image.src = window.saved[1]",
        &[],
    )?;
    if wide.as_f64() != Some(2.0) {
        return Err(format!("the picture of the sequence: {wide}"));
    }
    page.quiet()
}

fn why(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    pause(&page)?;
    page.browser.click("[data-testid=dock-events]")?;
    page.browser.click("[data-testid=events] [data-testid=event-why]")?;
    page.browser.wait("the chain", "!!document.querySelector('[data-testid=events] [data-testid=why] li')")?;
    page.browser.screenshot("event-why")?;
    // a condition of a pod, back to what was typed, and a jump to its moment
    let pod = "[...document.querySelectorAll('[data-testid=table] table')].at(-1).querySelector('tbody th button')";
    page.browser.eval(&format!("({pod}).click()"), &[])?;
    page.browser.click("[data-testid=tab-why]")?;
    page.browser.click(".conditions [data-testid=condition-why]")?;
    let chain = "document.querySelector('.conditions [data-testid=why]')";
    page.browser.wait("the condition's chain", &format!("{chain}?.querySelectorAll('li button').length > 0"))?;
    let now = number(&page, "window.__kubarium.now()")?;
    page.browser.eval(&format!("[...{chain}.querySelectorAll('li button')].at(-1).click()"), &[])?;
    page.browser.wait("its moment", &format!("window.__kubarium.now() < {now}"))?;
    page.quiet()
}

/// Inputs, rollouts and failures stand on the timeline, and the slider says them.
fn marks(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    pause(&page)?;
    let start = number(&page, "window.__kubarium.now()")?;
    page.run("kubectl set image deployment/shop shop=nginx:1.26")?;
    page.browser.eval("window.__kubarium.forward(arguments[0])", &[json!(start + 40.0)])?;
    page.run("kubectl set image deployment/shop shop=nginx:no-such-tag")?;
    page.browser.eval("window.__kubarium.forward(arguments[0])", &[json!(start + 80.0)])?;
    for mark in ["line", "begun", "done", "failed"] {
        page.browser.wait(mark, &format!("!!document.querySelector('[data-testid=timeline] .mark.{mark}')"))?;
    }
    page.browser.eval("window.__kubarium.seek(arguments[0])", &[json!(start)])?;
    let said = "document.querySelector('[data-testid=timeline]').ariaValueText";
    page.browser.wait("the mark in words", &format!("{said}?.includes('nginx:1.26')"))?;
    page.browser.screenshot("timeline-marks")?;
    page.quiet()
}
