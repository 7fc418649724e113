//! What outlives a reload, and what is said where nothing does.

use crate::page::Page;
use crate::play::{WEB, with_shop};
use crate::{LAPTOP, Place, Test};
use kubarium_tests::webdriver::Result;
use serde_json::json;
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("nothing-is-lost-by-a-reload", reload),
    ("a-session-of-an-earlier-version-is-taken-over", migrate),
    ("a-browser-that-keeps-nothing-says-so", refused),
    ("a-full-disk-is-said", full),
    ("a-newer-version-waits-to-be-let-in", update),
];

/// Reads what the page keeps in the browser's database.
const KEPT: &str = "const done = arguments[arguments.length - 1], open = indexedDB.open('kubarium', 1);\
    open.onerror = () => done(null);\
    open.onsuccess = () => { const get = open.result.transaction('kept').objectStore('kept').get('session');\
        get.onerror = () => done(null); get.onsuccess = () => { open.result.close(); done(get.result ?? null) } }";

/// Waits until the session is kept.
fn kept(page: &Page, wanted: &str) -> Result<String> {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let text = page.browser.eval_async(KEPT, &[])?;
        match text.as_str() {
            Some(t) if t.contains(wanted) => return Ok(t.to_owned()),
            _ if std::time::Instant::now() > end => return Err(format!("not kept: {text}")),
            _ => std::thread::sleep(std::time::Duration::from_millis(200)),
        }
    }
}

fn reload(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    let samples = page.browser.eval("return window.__kubarium.samples()", &[])?.as_u64().unwrap_or(0);
    page.browser.click("[data-testid=play]")?;
    kept(&page, "shop")?;
    page.go(&page.url)?;
    page.table()?;
    page.ready("shop-", 3)?;
    if page.written()?.trim_end() != WEB.trim_end() {
        return Err("the editor's text was lost".into());
    }
    let after = page.browser.eval("return window.__kubarium.samples()", &[])?.as_u64().unwrap_or(0);
    if samples < 2 || after < 2 {
        return Err(format!("the chart began anew: {samples} samples before, {after} after"));
    }
    // the last keystrokes are kept although nothing may wait any more when the page goes
    page.browser.eval("window.__kubarium.run('kubectl scale deployment shop --replicas=4')", &[])?;
    page.go(&page.url)?;
    page.table()?;
    page.browser.click("[data-testid=play]")?;
    page.ready("shop-", 4)?;
    page.quiet()
}

fn migrate(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    let text = kept(&page, "shop")?;
    // a file of the same site, so that the page is not there to keep anything
    page.browser.open(&format!("{}manifest.webmanifest", page.url))?;
    page.browser.eval_async(
        "const done = arguments[arguments.length - 1], kept = JSON.parse(arguments[0]);\
         localStorage.clear();\
         localStorage.setItem('kubarium.session', JSON.stringify(kept.record));\
         localStorage.setItem('kubarium.desk', JSON.stringify(kept.desk));\
         const gone = indexedDB.deleteDatabase('kubarium'); gone.onsuccess = gone.onerror = () => done(true)",
        &[json!(text)],
    )?;
    page.go(&page.url)?;
    page.table()?;
    page.ready("shop-", 3)?;
    kept(&page, "shop")?;
    page.browser.wait("the old place to be empty", "localStorage.getItem('kubarium.session') === null")?;
    page.quiet()
}

/// A private window, as browsers have it: the database cannot be had, or cannot be opened; and no local storage.
fn refused(place: &Place) -> Result<()> {
    let no = "throw new DOMException('no', 'SecurityError')";
    let scripts = [
        format!(
            "for (const n of ['indexedDB', 'localStorage']) Object.defineProperty(window, n, {{get() {{ {no} }}}})"
        ),
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'InvalidStateError') }".to_owned(),
    ];
    for source in scripts {
        let browser = place.browser(LAPTOP)?;
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({"source": source}))?;
        let page = Page { browser, url: place.serve("")? };
        page.go(&page.url)?;
        page.browser.wait("the notice", "!!document.querySelector('[data-testid=not-kept]')")?;
        page.browser.screenshot("not-kept")?;
        page.browser.click("[data-testid=not-kept] button")?;
        page.browser.wait("it to go", "!document.querySelector('[data-testid=not-kept]')")?;
        // all else works
        page.clear()?;
        page.run("kubectl create deployment here --image=nginx")?;
        page.browser.wait("a pod", "window.__kubarium.live() === 1")?;
        page.quiet()?;
    }
    Ok(())
}

/// No room: the page says so as soon as something could not be kept.
fn full(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.browser.wait("pods", "window.__kubarium.live() > 0")?;
    page.browser.eval(
        "IDBObjectStore.prototype.put = () => { throw new DOMException('no room', 'QuotaExceededError') }",
        &[],
    )?;
    page.run("kubectl create deployment more --image=nginx")?;
    let text = "document.querySelector('[data-testid=not-kept]')?.innerText ?? ''";
    page.browser.wait("the notice", &format!("/room/.test({text})"))?;
    page.browser.click("[data-testid=lang]")?;
    page.browser.wait("the notice in Korean", &format!("/[가-힣]{{2}}/.test({text})"))?;
    page.quiet()
}

/// A copy of the built page that bears a version of its own, as one that is given to people does.
fn release(place: &Place, to: &Path, version: &str) -> Result<()> {
    let copied = copy(&place.dist, to).and_then(|()| {
        let worker = std::fs::read_to_string(place.dist.join("sw.js"))?;
        let named = worker.lines().map(|l| {
            let own = l.starts_with("const VERSION");
            if own { format!("const VERSION = \"kubarium-{version}\";\n") } else { format!("{l}\n") }
        });
        let named: String = named.collect();
        let index = std::fs::read_to_string(place.dist.join("index.html"))?;
        replace(&to.join("sw.js"), &named)?;
        replace(&to.join("index.html"), &index.replacen("<html ", &format!("<html data-version=\"{version}\" "), 1))
    });
    copied.map_err(|e| format!("{}: {e}", to.display()))
}

/// Writes a file anew: what stands there may be another name of a file of the built page.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    if file.exists() {
        std::fs::remove_file(file)?;
    }
    std::fs::write(file, text)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let there = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &there)?;
        } else if !there.exists() {
            std::fs::copy(entry.path(), &there)?;
        }
    }
    Ok(())
}

fn update(place: &Place) -> Result<()> {
    let dir = std::env::temp_dir().join(format!("kubarium-versions-{}", std::process::id()));
    let done = newer(place, &dir);
    let _ = std::fs::remove_dir_all(&dir);
    done
}

fn newer(place: &Place, dir: &Path) -> Result<()> {
    release(place, dir, "first")?;
    let server = xtask::server::start(dir, "", 0).map_err(|e| e.to_string())?;
    let page = Page { browser: place.browser(LAPTOP)?, url: format!("http://127.0.0.1:{}/", server.port) };
    let b = &page.browser;
    page.go(&page.url)?;
    b.wait("the first version", "document.documentElement.dataset.version === 'first'")?;
    b.wait("its worker", "!!navigator.serviceWorker.controller")?;
    page.clear()?;
    page.run("kubectl create deployment stays --image=nginx")?;
    b.wait("a pod", "window.__kubarium.live() === 1")?;
    kept(&page, "stays")?;
    release(place, dir, "second")?;
    b.eval_async(
        "const done = arguments[arguments.length - 1];\
         navigator.serviceWorker.getRegistration().then(r => r.update()).then(() => done(true), e => done(String(e)))",
        &[],
    )?;
    b.wait("the notice", "!!document.querySelector('[data-testid=update-now]')")?;
    b.screenshot("update")?;
    // nothing changes until the person says so
    b.reload()?;
    b.wait("the first version still", "document.documentElement.dataset.version === 'first' && !!window.__kubarium")?;
    b.click("[data-testid=update-now]")?;
    b.wait("the second version", "document.documentElement.dataset.version === 'second' && !!window.__kubarium")?;
    b.wait("the session", "window.__kubarium.live() === 1")?;
    if !page.run("kubectl get deployments")?.contains("stays") {
        return Err("the update took the session away".into());
    }
    b.wait("no notice", "!document.querySelector('[data-testid=update]')")?;
    // and without a network: what was kept is whole, lessons too
    let kept = "const done = arguments[arguments.length - 1];\
        (async () => { for (let i = 0; i < 300; i++) {\
            if (await caches.match('lessons/statefulsets.yaml') && await caches.match('kubarium_bg.wasm')) return done(true);\
            await new Promise(r => setTimeout(r, 100)) } done(false) })()";
    if b.eval_async(kept, &[])? != json!(true) {
        return Err("not all was kept for later".into());
    }
    std::fs::remove_dir_all(dir).map_err(|e| e.to_string())?;
    page.go(&page.url)?;
    b.wait("the session without a network", "window.__kubarium.live() === 1")?;
    b.click("[data-testid=lessons]")?;
    b.click("[data-testid=lesson-labels]")?;
    b.wait("a lesson without a network", "!!document.querySelector('[data-testid=lesson]')").map(drop)
}
