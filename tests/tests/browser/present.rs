//! The page in front of a room: theme, clicker, notes, blank screen, poster.

use crate::look::check;
use crate::page::Page;
use crate::{LAPTOP, PHONE, Place, Test};
use kubarium_tests::webdriver::{Result, keys};
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("a-theme-for-projectors", projector),
    ("a-clicker-steps-through-a-session", clicker),
    ("the-map-is-saved-as-a-picture", poster),
    ("a-lesson-in-front-of-a-room", lesson),
    ("presenting-from-a-phone", phone),
    ("a-presenter-breaks-things-by-pointing", pointing),
];

const PAGE_UP: char = '\u{e00e}';
const PAGE_DOWN: char = '\u{e00f}';
const RIGHT: char = '\u{e014}';

fn projector(place: &Place) -> Result<()> {
    let page = Page { browser: place.browser(LAPTOP)?, url: place.serve("")? };
    page.go(&format!("{}?theme=projector&lang=ko", page.url))?;
    page.browser.wait("pods on the map", "window.__kubarium.live() > 0")?;
    page.browser.wait("the theme", "document.documentElement.dataset.theme === 'projector'")?;
    page.browser.screenshot("projector")?;
    check(&page, "the projector's theme")?;
    page.choose("theme", "projector-dark")?;
    page.browser.wait("the dark one", "document.documentElement.dataset.theme === 'projector-dark'")?;
    page.browser.screenshot("projector-dark")?;
    check(&page, "the projector's dark theme")?;
    page.choose("theme", "dark")?;
    page.browser.wait("another theme", "document.documentElement.dataset.theme === 'dark'")?;
    page.browser.screenshot("dark-korean")?;
    page.quiet()
}

fn clicker(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    let b = &page.browser;
    b.wait("pods on the map", "window.__kubarium.live() > 0")?;
    let wide = "document.querySelector('canvas.map').clientWidth";
    let before = b.eval(&format!("return {wide}"), &[])?;
    b.click("[data-testid=present]")?;
    b.wait("a larger map", &format!("{wide} > {before} + 300"))?;
    b.wait("no editor", "!document.querySelector('[data-testid=editor]').checkVisibility()")?;
    b.eval("window.__kubarium.play(0); document.activeElement.blur()", &[])?;
    page.run("kubectl scale deployment --all --replicas=5")?;
    let now = || -> Result<f64> { Ok(b.eval("return window.__kubarium.now()", &[])?.as_f64().unwrap_or_default()) };
    let start = now()?;
    for _ in 0..4 {
        b.keys(&PAGE_DOWN.to_string())?;
    }
    b.wait("the step's name", "!!document.querySelector('[data-testid=step-name]')")?;
    let on = now()?;
    if on <= start {
        return Err(format!("Page Down went nowhere: {start} s, then {on} s"));
    }
    b.screenshot("presenting")?;
    let hash = b.eval("return window.__kubarium.hash()", &[])?;
    b.keys(&PAGE_UP.to_string())?;
    let (back, other) = (now()?, b.eval("return window.__kubarium.hash()", &[])?);
    if back > on || hash == other {
        return Err(format!("Page Up went nowhere: {on} s, then {back} s"));
    }
    let notes = "document.querySelector('[data-testid=present-notes]')";
    let first = b.eval(&format!("return {notes}.innerText"), &[])?;
    b.click("[data-testid=present-next]")?;
    b.wait("the next note", &format!("{notes}.innerText !== {first}"))?;
    b.keys("n")?;
    b.wait("no notes", &format!("!{notes}"))?;
    b.keys(".")?;
    b.wait("a blank screen", "!!document.querySelector('[data-testid=present-blank]')")?;
    b.keys(".")?;
    b.wait("the page again", "!document.querySelector('[data-testid=present-blank]')")?;
    check(&page, "presenting")?;
    b.keys(&keys::ESCAPE.to_string())?;
    b.wait("the end", "!document.querySelector('[data-testid=present-strip]')")?;
    page.quiet()
}

fn poster(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    let b = &page.browser;
    b.wait("pods on the map", "window.__kubarium.live() > 0")?;
    b.eval("HTMLAnchorElement.prototype.click = function () { window.__saved = [this.download, this.href] }", &[])?;
    b.click("[data-testid=poster]")?;
    b.wait("a picture", "!!window.__saved")?;
    let picture = b.eval_async(
        "const done = arguments[arguments.length - 1], image = new Image();\
         image.onload = () => done([window.__saved[0].endsWith('.png'), image.width / document.querySelector('canvas.map').clientWidth]);\
         image.onerror = () => done('no picture'); image.src = window.__saved[1]",
        &[],
    )?;
    if picture != json!([true, 2]) && picture != json!([true, 2.0]) {
        return Err(format!("the picture: {picture}"));
    }
    page.quiet()
}

fn lesson(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    let b = &page.browser;
    page.go(&format!("{}?lesson=restart&present=1&theme=projector&lang=ko", page.url))?;
    b.wait("the lesson", "document.querySelector('[data-testid=lesson]')?.checkVisibility()")?;
    b.wait("what to say", "document.querySelector('[data-testid=present-say]')?.innerText.length > 20")?;
    b.click("[data-testid=present-next]")?;
    let step = |n: u32| format!("document.querySelector('[data-testid=lesson]').dataset.step === '{n}'");
    b.wait("the question", &step(2))?;
    // hands are asked for at once
    for option in [0, 1, 1] {
        b.click(&format!("[data-testid=hand-{option}]"))?;
    }
    b.wait("the tally", "document.querySelector('[data-testid=hands-1]').innerText === '2'")?;
    b.screenshot("present-lesson")?;
    check(&page, "a lesson in front of a room")?;
    b.click("[data-testid=reveal]")?;
    b.wait("the debriefs", "document.querySelectorAll('.debrief').length > 1")?;
    b.keys(&RIGHT.to_string())?;
    b.wait("the step after", &step(3))?;
    // what the step asks for can be done here
    b.wait("the terminal", "document.querySelector('[data-testid=term-input]')?.checkVisibility()")?;
    let apart = b.eval(
        "const r = c => document.querySelector(c).getBoundingClientRect(), m = r('canvas.map'), l = r('.lesson-panel'), d = r('.dock');\
         return l.right <= m.left + 2 && d.top >= m.bottom && m.height > 200 && l.height > 300",
        &[],
    )?;
    if apart != json!(true) {
        return Err("lesson, map and terminal lie over each other".into());
    }
    page.quiet()
}

fn phone(place: &Place) -> Result<()> {
    let page = Page::open_sized(place, PHONE)?;
    let b = &page.browser;
    b.wait("pods on the map", "window.__kubarium.live() > 0")?;
    b.click("[data-testid=map-present]")?;
    b.wait("the strip", "document.querySelector('[data-testid=present-strip]')?.checkVisibility()")?;
    let notes = "document.querySelector('[data-testid=present-notes]').innerText";
    let first = b.eval(&format!("return {notes}"), &[])?;
    b.click("[data-testid=present-next]")?;
    b.wait("the next note", &format!("{notes} !== {first}"))?;
    b.screenshot("present-phone")?;
    b.click("[data-testid=present-end]")?;
    b.wait("the end", "!document.querySelector('[data-testid=present-strip]')")?;
    page.quiet()
}

fn pointing(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    let b = &page.browser;
    b.wait("pods on the map", "window.__kubarium.live() === 6 && window.__kubarium.idle()")?;
    b.click("[data-testid=present]")?;
    b.wait("the strip", "document.querySelector('[data-testid=present-strip]')?.checkVisibility()")?;
    b.eval("window.__kubarium.play(0)", &[])?;
    // the map grows into its new room
    b.wait("the map's place", "window.__kubarium.place('node-1') && window.__kubarium.told()")?;
    let at = |name: &str| -> Result<(f64, f64)> {
        let v = b.eval("return window.__kubarium.place(arguments[0])", &[json!(name)])?;
        Ok((v[0].as_f64().unwrap_or_default(), v[1].as_f64().unwrap_or_default()))
    };
    let choose = |name: &str, kind: &str| -> Result<()> {
        let shown = format!("document.querySelector('[data-testid=present-deeds] b')?.innerText.startsWith('{kind}/')");
        for _ in 0..50 {
            let (x, y) = at(name)?;
            b.click_at("canvas.map", x, y)?;
            if b.eval(&format!("return {shown}"), &[])? == json!(true) {
                break;
            }
        }
        b.wait(name, &shown).map(drop)
    };
    choose("web-", "pod")?;
    b.click("[data-testid=present-deeds] [data-testid=faults] summary")?;
    b.click("[data-testid=present-deeds] [data-testid=do-hang]")?;
    b.wait(
        "a hang that can be mended",
        "!!document.querySelector('[data-testid=present-deeds] [data-testid=do-hang].mends')",
    )?;
    b.screenshot("present-faults")?;
    check(&page, "faults in front of a room")?;
    choose("node-2", "node")?;
    b.click("[data-testid=present-deeds] [data-testid=faults] summary")?;
    b.click("[data-testid=present-deeds] [data-testid=do-power]")?;
    b.wait(
        "a node without power",
        "!!document.querySelector('[data-testid=present-deeds] [data-testid=do-power].mends')",
    )?;
    page.quiet()
}
