//! Sessions that come and go: links that were cut, files, kept sessions, what leaves the tab, embeds, updates.

use crate::page::Page;
use crate::play::with_shop;
use crate::{LAPTOP, PHONE, Place, Test};
use kubarium_tests::webdriver::{Result, keys};
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("a-cut-link-shows-what-can-be-read", cut),
    ("links-of-strangers-never-blank-the-page", strange),
    ("a-link-put-into-an-open-page", pasted),
    ("a-link-brings-what-was-selected-and-a-code", code),
    ("a-file-that-is-dropped-is-opened", dropped),
    ("left-sessions-are-kept-in-a-list", sessions),
    ("what-leaves-the-tab", export),
    ("links-of-other-versions-are-read-and-said", versions),
    ("an-embedded-page-has-no-chrome", embed),
];

fn link_of(page: &Page) -> Result<String> {
    page.browser.eval("window.__kubarium.play(0)", &[])?;
    page.browser.click("[data-testid=share]")?;
    let link = page.browser.wait("the link", "document.querySelector('[data-testid=share-link]')?.value")?;
    Ok(link.as_str().unwrap_or_default().to_owned())
}

fn cut(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    let link = link_of(&page)?;
    for size in [LAPTOP, PHONE] {
        let elsewhere = Page { browser: place.browser(size)?, url: page.url.clone() };
        elsewhere.go(&link[..link.len() - link.len() / 6])?;
        elsewhere.browser.wait("the dialog", "!!document.querySelector('[data-testid=broken-link]')")?;
        elsewhere.browser.screenshot(if size == PHONE { "phone-broken-link" } else { "broken-link" })?;
        if elsewhere.browser.eval("return window.__kubarium.live()", &[])? != json!(0) {
            return Err("something else was loaded silently".into());
        }
        elsewhere.browser.click("[data-testid=open-readable]")?;
        elsewhere.browser.wait(
            "what can be read",
            "window.__kubarium.live() >= 0 && !document.querySelector('[data-testid=broken-link]')",
        )?;
        elsewhere.quiet()?;
    }
    Ok(())
}

fn strange(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    for bad in
        ["v1", "v1.d", "v1.d.", "v1.d.AAAA.AAAA", "v9.x.y.z", "v1.z.AAAA.AAAA", "v1.d.%00%ff.AAAA", "v1.d.AA<b>.c"]
    {
        page.browser.open("about:blank")?;
        page.go(&format!("{}#{bad}", page.url))?;
        page.browser.wait(bad, "document.querySelector('[data-testid=broken-link]')?.innerText.length > 20")?;
    }
    page.browser.click("[data-testid=open-starter]")?;
    page.browser.wait("a scenario", "window.__kubarium.live() > 0")?;
    page.quiet()
}

/// The browser does not load a page anew when only what follows `#` changes.
fn pasted(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    let link = link_of(&page)?;
    page.browser.keys(&keys::ESCAPE.to_string())?;
    page.browser.eval("window.__kubarium.play(1)", &[])?;
    page.run("kubectl scale deployment shop --replicas=5")?;
    page.ready("shop-", 5)?;
    let text = page.written()?;
    let put = |hash: &str| page.browser.eval("location.hash = arguments[0]", &[json!(hash)]);
    // one that cannot be read says so, and nothing is lost
    put("v1.d.AAAA.AAAA")?;
    page.browser.wait("the dialog", "!!document.querySelector('[data-testid=broken-link]')")?;
    page.browser.keys(&keys::ESCAPE.to_string())?;
    page.ready("shop-", 5)?;
    if page.written()? != text {
        return Err("the editor's text is gone".into());
    }
    // one that can be read brings its session, and the one that was open waits in the list
    put(link.split_once('#').map_or("", |l| l.1))?;
    page.ready("shop-", 3)?;
    page.browser.click("[data-testid=scenarios]")?;
    page.browser.click("[data-testid=open-sessions]")?;
    page.browser.wait("what was open", "document.querySelectorAll('[data-testid=kept-session]').length === 1")?;
    page.browser.click("[data-testid=session-open]")?;
    page.ready("shop-", 5)?;
    page.quiet()
}

fn code(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    page.browser.click("[data-testid=table-toggle]")?;
    let at = page.browser.wait("the place of a pod", "window.__kubarium.place('shop-')")?;
    page.browser.click_at(
        "[data-testid=map]",
        at[0].as_f64().unwrap_or_default(),
        at[1].as_f64().unwrap_or_default(),
    )?;
    page.browser
        .wait("the inspector", "document.querySelector('[data-testid=inspect-title]')?.innerText.includes('shop-')")?;
    page.browser.click("[data-testid=tab-why]")?;
    page.browser.click("[data-testid=dock-events]")?;
    let link = link_of(&page)?;
    page.browser.click("[data-testid=qr-toggle]")?;
    page.browser.wait("the code", "document.querySelector('[data-testid=qr] path')?.getAttribute('d').length > 500")?;
    page.browser.screenshot("qr")?;
    let elsewhere = Page { browser: place.browser(LAPTOP)?, url: page.url.clone() };
    elsewhere.go(&link)?;
    elsewhere
        .browser
        .wait("the selection", "document.querySelector('[data-testid=inspect-title]')?.innerText.includes('shop-')")?;
    elsewhere.browser.wait("the tab", "document.querySelector('[data-testid=tab-why]')?.ariaSelected === 'true'")?;
    elsewhere
        .browser
        .wait("the panel", "document.querySelector('[data-testid=dock-events]')?.ariaSelected === 'true'")?;
    page.quiet()?;
    elsewhere.quiet()
}

/// Drops a text onto the page as a file.
const DROP: &str = "const data = new DataTransfer();\
    data.items.add(new File([arguments[0]], 'session.kubarium.json', {type: 'application/json'}));\
    for (const type of ['dragover', 'drop'])\
        document.body.dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}))";

fn dropped(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    let record = page.browser.eval("return window.__kubarium.record()", &[])?;
    let elsewhere = Page { browser: place.browser(LAPTOP)?, url: page.url.clone() };
    elsewhere.go(&page.url)?;
    elsewhere.browser.eval(DROP, &[json!("{\"nothing\": true}")])?;
    elsewhere.browser.wait("what is wrong", "!!document.querySelector('[data-testid=notice]')")?;
    elsewhere.browser.eval(DROP, std::slice::from_ref(&record))?;
    elsewhere.table()?;
    elsewhere.ready("shop-", 3)?;
    // a manifest goes into the editor, a lesson is begun
    elsewhere.browser.eval(DROP, &[json!("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dropped-in}\n")])?;
    elsewhere
        .browser
        .wait("the manifest", "document.querySelector('[data-testid=editor]').innerText.includes('dropped-in')")?;
    let lesson = std::fs::read_to_string(xtask::tools::root().join("static/lessons/labels.yaml"));
    elsewhere.browser.eval(DROP, &[json!(lesson.map_err(|e| e.to_string())?)])?;
    elsewhere.browser.wait("the lesson", "!!document.querySelector('[data-testid=lesson]')")?;
    elsewhere.browser.eval(DROP, &[json!("steps: [")])?;
    elsewhere.browser.wait("what is wrong with it", "!!document.querySelector('[data-testid=toast]')")?;
    elsewhere.quiet()
}

/// Links that were given away: an older engine's is replayed, and what came out differently is said; a lesson's goes on
/// with the lesson.
fn versions(place: &Place) -> Result<()> {
    let links = xtask::tools::root().join("tests/data/links");
    let read = |name: &str| -> Result<String> {
        let file = links.join(name);
        let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(text.trim().to_owned())
    };
    let url = place.serve("")?;
    let page = Page { browser: place.browser(LAPTOP)?, url: url.clone() };
    page.go(&format!("{url}?lang=en#{}", read("v0.0.1-scenario.txt")?))?;
    page.browser.wait("the session", "window.__kubarium.live() > 0")?;
    page.browser.wait(
        "what is said of it",
        "document.querySelector('[data-testid=notice]')?.innerText.includes('version 0.0.1')",
    )?;
    page.browser.screenshot("older-link")?;
    page.quiet()?;
    let ours = kubarium_core::view::link::ENGINE;
    let learner = Page { browser: place.browser(PHONE)?, url: url.clone() };
    learner.go(&format!("{url}?lang=en#{}", read(&format!("v{ours}-lesson.txt"))?))?;
    learner.browser.wait("the lesson", "document.querySelector('[data-testid=lesson]')?.dataset.step === '2'")?;
    learner.browser.wait("its check", "document.querySelector('[data-testid=check-1]')?.dataset.mark === 'done'")?;
    if learner.browser.eval("return !!document.querySelector('[data-testid=notice]')", &[])? == json!(true) {
        return Err("a link of this version comes out differently".into());
    }
    learner.quiet()
}

fn sessions(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    page.browser.click("[data-testid=scenarios]")?;
    page.browser.click("[data-testid=scenario-rolling-update]")?;
    page.browser.wait("the scenario", "window.__kubarium.live() > 0")?;
    page.browser.click("[data-testid=scenarios]")?;
    page.browser.click("[data-testid=open-sessions]")?;
    page.browser.wait("one session", "document.querySelectorAll('[data-testid=kept-session]').length === 1")?;
    page.browser.screenshot("sessions")?;
    page.browser.click("[data-testid=session-open]")?;
    page.table()?;
    page.ready("shop-", 3)?;
    page.quiet()
}

/// Keeps what is saved as a file in `window.saved`.
const CATCH: &str = "window.saved = {}; const make = URL.createObjectURL;\
    URL.createObjectURL = blob => { blob.text().then(t => window.last = t); return make(blob) };\
    HTMLAnchorElement.prototype.click = function () { const name = this.download; setTimeout(() => window.saved[name] = window.last, 300) }";

fn export(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    page.browser.eval(CATCH, &[])?;
    page.browser.click("[data-testid=share]")?;
    page.browser.click("[data-testid=open-export]")?;
    page.browser.screenshot("export")?;
    for (button, file, wanted) in [
        ("export-session", "session.kubarium.json", "\"inputs\""),
        ("export-manifests", "manifests.yaml", "kind: Deployment"),
        ("export-script", "replay-kind.sh", "kind create cluster"),
        ("export-terminal", "terminal.md", "deployment.apps/shop created"),
    ] {
        page.browser.click(&format!("[data-testid={button}]"))?;
        page.browser.wait(file, &format!("window.saved[{}]?.includes({})", json!(file), json!(wanted)))?;
    }
    page.choose("export-target", "kwok")?;
    page.browser.click("[data-testid=export-script]")?;
    page.browser.wait("the script for KWOK", "window.saved['replay-kwok.sh']?.includes('kwokctl')")?;
    // a link says how long it is
    page.browser.keys(&keys::ESCAPE.to_string())?;
    page.browser.click("[data-testid=share]")?;
    page.browser.wait("the meter", "document.querySelector('.share meter')?.value > 100")?;
    page.browser.keys(&keys::ESCAPE.to_string())?;
    // what a learner has done, as a file that a teacher collects
    page.browser.click("[data-testid=lessons]")?;
    page.browser.click("[data-testid=lesson-labels]")?;
    page.browser.click("[data-testid=lesson-next]")?;
    page.browser.click("[data-testid=lessons]")?;
    page.browser.click("[data-testid=save-progress]")?;
    let saved = "Object.entries(window.saved).find(([n]) => n.startsWith('kubarium-progress'))?.[1]";
    page.browser.wait("the progress", &format!("JSON.parse({saved} ?? '{{}}').lessons?.labels?.step >= 1"))?;
    page.quiet()
}

fn embed(place: &Place) -> Result<()> {
    let browser = place.browser((900, 560))?;
    let page = Page { browser, url: place.serve("")? };
    page.go(&format!("{}?embed=map,terminal&scenario=rolling-update", page.url))?;
    page.browser.wait("pods", "window.__kubarium.live() > 0")?;
    let seen = |css: &str| format!("document.querySelector('{css}')?.checkVisibility()");
    page.browser.wait("the map", &seen(".centre"))?;
    page.browser.wait("the terminal", &seen(".dock"))?;
    page.browser.wait("no header", &format!("!{}", seen(".top")))?;
    page.browser.wait("no editor", &format!("!{}", seen(".editor-panel")))?;
    page.browser.screenshot("embed")?;
    page.quiet()
}
