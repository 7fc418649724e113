//! What outlives a reload, and what is said where nothing does.

use crate::page::Page;
use crate::play::{WEB, with_shop};
use crate::{LAPTOP, Place, Test};
use kubarium_tests::webdriver::Result;
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("nothing-is-lost-by-a-reload", reload),
    ("a-session-of-an-earlier-version-is-taken-over", migrate),
    ("a-browser-that-keeps-nothing-says-so", refused),
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

fn refused(place: &Place) -> Result<()> {
    let browser = place.browser(LAPTOP)?;
    browser.devtools(
        "Page.addScriptToEvaluateOnNewDocument",
        &json!({"source": "Object.defineProperty(window, 'indexedDB', {get() { throw new DOMException('no', 'SecurityError') }})"}),
    )?;
    let page = Page { browser, url: place.serve("")? };
    page.go(&page.url)?;
    page.browser.wait("the notice", "!!document.querySelector('[data-testid=not-kept]')")?;
    page.browser.screenshot("not-kept")?;
    page.browser.click("[data-testid=not-kept] button")?;
    page.browser.wait("it to go", "!document.querySelector('[data-testid=not-kept]')")?;
    page.quiet()
}
