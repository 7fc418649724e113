//! How the page looks and whom it serves: languages, themes, small windows, keyboard, assistive technology.

use crate::page::Page;
use crate::{PHONE, Place, Test};
use kubarium_tests::webdriver::{Result, keys};
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("nothing-serious-for-axe", axe),
    ("the-keyboard-alone-will-do", keyboard),
    ("a-walk-by-keyboard-and-ear", walk),
    ("speaks-korean-in-mid-session", korean),
    ("says-what-happens-in-korean", korean_words),
    ("fits-a-phone", phone),
    ("nothing-lies-over-the-map", uncovered),
    ("who-wants-less-motion-gets-none", still),
];

/// Fails on what the checker of web accessibility calls serious or critical.
pub fn check(page: &Page, state: &str) -> Result<()> {
    let file = xtask::tools::root().join("web/editor/node_modules/axe-core/axe.min.js");
    let checker = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    page.browser.eval(&checker, &[])?;
    let script = "const done = arguments[arguments.length - 1];\
        axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations.map(v => ({\
            id: v.id, impact: v.impact, help: v.help, where: v.nodes.slice(0, 5).map(n => n.target.join(' ') + ' ' + (n.any[0]?.message ?? ''))}))),\
            e => done(String(e)))";
    let found = page.browser.eval_async(script, &[])?;
    let Some(found) = found.as_array() else { return Err(format!("the checker failed: {found}")) };
    let serious: Vec<String> = found
        .iter()
        .filter(|v| v["impact"] == "serious" || v["impact"] == "critical")
        .map(|v| format!("{} ({}): {}", v["id"], v["help"], v["where"]))
        .collect();
    if serious.is_empty() { Ok(()) } else { Err(format!("{state}:\n{}", serious.join("\n"))) }
}

fn axe(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.browser.wait("pods on the map", "window.__kubarium.live() > 0")?;
    let mut found = vec![];
    found.extend(check(&page, "the map").err());
    page.table()?;
    found.extend(check(&page, "the table").err());
    page.browser.click("[data-testid=diff]")?;
    page.browser.wait("the comparison", "!!document.querySelector('[data-testid=compare]')")?;
    found.extend(check(&page, "the comparison").err());
    page.browser.click("[data-testid=diff-close]")?;
    page.choose("theme", "light")?;
    page.browser.wait("the theme", "document.documentElement.dataset.theme === 'light'")?;
    page.browser.screenshot("other-theme")?;
    found.extend(check(&page, "the other theme").err());
    page.browser.click("[data-testid=share]")?;
    found.extend(check(&page, "a dialog").err());
    if found.is_empty() { page.quiet() } else { Err(found.join("\n")) }
}

/// What has the focus: its test id, else its tag.
fn focused(page: &Page) -> Result<String> {
    let script =
        "const e = document.activeElement; return e?.closest('[data-testid]')?.dataset.testid ?? e?.tagName ?? ''";
    Ok(page.browser.eval(script, &[])?.as_str().unwrap_or_default().to_owned())
}

/// From the top of the page Tab alone reaches the controls, the editor, the map and the terminal, and leaves each of
/// them; what has the focus shows it; a command typed there works.
fn keyboard(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    let mut met: Vec<String> = vec![];
    let mut unseen = vec![];
    for _ in 0..90 {
        page.browser.keys(&keys::TAB.to_string())?;
        let id = focused(&page)?;
        let seen = page.browser.eval(
            "const e = document.activeElement; if (!e || e === document.body) return true;\
             const shows = s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none';\
             for (let x = e, n = 0; x && n < 4; x = x.parentElement, n++) if (shows(getComputedStyle(x))) return true;\
             return false",
            &[],
        )?;
        if seen == json!(false) {
            unseen.push(id.clone());
        }
        if met.len() > 20 && id == met[0] {
            break;
        }
        met.push(id);
    }
    for wanted in ["play", "share", "editor", "apply", "map", "term-input"] {
        if !met.iter().any(|m| m == wanted) {
            return Err(format!("Tab never came to {wanted}: {met:?}"));
        }
    }
    if !unseen.is_empty() {
        return Err(format!("these do not show that they have the focus: {unseen:?}"));
    }
    for _ in 0..90 {
        if focused(&page)? == "term-input" {
            break;
        }
        page.browser.keys(&keys::TAB.to_string())?;
    }
    page.browser.keys("kubectl get nodes\n")?;
    page.terminal_says("node-1")?;
    page.quiet()
}

/// The essentials of `docs/accessibility-walk.md`: where the focus goes, and what is said.
fn walk(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    let b = &page.browser;
    b.wait("pods on the map", "window.__kubarium.live() > 0")?;
    let at = |what: &str, test: &str| b.wait(what, &format!("(e => {test})(document.activeElement)")).map(drop);
    b.eval("window.__kubarium.play(0); document.getElementById('map').focus()", &[])?;
    b.keys(&keys::DOWN.to_string())?;
    let said = "document.querySelector('[data-testid=map-said]').innerText";
    b.wait("what the cursor has come to", &format!("{said}.length > 4"))?;
    b.keys("/")?;
    at("the search", "e.dataset.testid === 'search'")?;
    b.keys(&keys::ESCAPE.to_string())?;
    at("the map again", "e.id === 'map'")?;
    // once around the panels
    let mut met = vec![];
    for _ in 0..8 {
        b.keys(F6)?;
        met.push(focused(&page)?);
    }
    for wanted in ["editor", "map", "term-input", "timeline"] {
        if !met.iter().any(|m| m == wanted) {
            return Err(format!("F6 never came to {wanted}: {met:?}"));
        }
    }
    b.eval("document.querySelector('[data-testid=lessons]').focus()", &[])?;
    b.keys("\n")?;
    at("the first lesson's card", "e.dataset.testid?.startsWith('lesson-')")?;
    b.keys("\n")?;
    let step = |n: u32| {
        format!("e.id === 'lesson-body' && document.querySelector('[data-testid=lesson]').dataset.step === '{n}'")
    };
    at("the step's text", &step(1))?;
    for _ in 0..6 {
        b.keys(&keys::TAB.to_string())?;
        if focused(&page)? == "lesson-next" {
            break;
        }
    }
    b.keys("\n")?;
    at("the next step's text", &step(2))?;
    b.keys(&keys::TAB.to_string())?;
    at("the first answer", "e.dataset.testid === 'option-0'")?;
    b.keys("\n")?;
    at("the answer still", "e.dataset.testid === 'option-0' && e.ariaPressed === 'true'")?;
    page.quiet()
}

const F6: &str = "\u{e036}";

fn korean(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    let before = page.browser.eval("return window.__kubarium.live()", &[])?;
    page.browser.click("[data-testid=lang]")?;
    page.browser.wait("Korean", "document.documentElement.lang === 'ko'")?;
    page.browser.wait("Korean words", "/[가-힣]{2,}/.test(document.querySelector('[data-testid=apply]').innerText)")?;
    page.browser.screenshot("korean")?;
    if before == 0 && page.browser.eval("return window.__kubarium.now()", &[])? == json!(0.0) {
        return Err("the session began anew".into());
    }
    // an input method composes: the page must not swallow or double what comes of it
    page.paste("# ")?;
    page.browser.devtools("Input.imeSetComposition", &json!({"selectionStart": 1, "selectionEnd": 1, "text": "ㅎ"}))?;
    page.browser.devtools("Input.imeSetComposition", &json!({"selectionStart": 1, "selectionEnd": 1, "text": "하"}))?;
    page.browser.devtools("Input.imeSetComposition", &json!({"selectionStart": 1, "selectionEnd": 1, "text": "한"}))?;
    page.browser.devtools("Input.insertText", &json!({"text": "한"}))?;
    page.browser.keys("글")?;
    page.browser.wait(
        "the composed text",
        "document.querySelector('[data-testid=editor] .cm-line').textContent === '# 한글'",
    )?;
    page.quiet()
}

fn phone(place: &Place) -> Result<()> {
    let page = Page::open_sized(place, PHONE)?;
    page.browser.wait("pods on the map", "window.__kubarium.live() > 0")?;
    page.browser.screenshot("phone")?;
    let wide = page.browser.eval("return document.documentElement.scrollWidth - innerWidth", &[])?;
    if wide.as_i64().unwrap_or(0) > 0 {
        return Err(format!("the page is {wide} pixels wider than the window"));
    }
    page.quiet()
}

/// Steps, causes and the strip speak the language of the page.
fn korean_words(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.browser.wait("pods on the map", "window.__kubarium.live() > 0")?;
    page.browser.click("[data-testid=lang]")?;
    page.browser.click("[data-testid=step]")?;
    page.browser
        .wait("a step's name", "/[가-힣]{2,}/.test(document.querySelector('[data-testid=step-name]')?.innerText)")?;
    page.table()?;
    let pod = "[...document.querySelectorAll('[data-testid=table] table')].at(-1).querySelector('tbody th button')";
    page.browser.eval(&format!("{pod}.click()"), &[])?;
    page.browser.click("[data-testid=tab-why]")?;
    page.browser
        .wait("causes", "/레플리카셋 컨트롤러/.test(document.querySelector('[data-testid=why]')?.innerText)")?;
    page.browser.screenshot("korean-why")?;
    page.quiet()
}

/// Guide, legend and buttons stand beside the map, whatever the window's size.
fn uncovered(place: &Place) -> Result<()> {
    for size in [(1440, 900), (1280, 720), (1920, 1080)] {
        let page = Page::open_sized(place, size)?;
        page.browser.wait("pods on the map", "window.__kubarium.live() > 0")?;
        let over = page.browser.eval(
            "const map = document.querySelector('canvas.map').getBoundingClientRect();\
             return ['.guide', '.legend', '.map-bar'].filter(css => {\
                const r = document.querySelector(css)?.getBoundingClientRect();\
                return r && r.top < map.bottom - 1 && r.bottom > map.top && r.left < map.right && r.right > map.left;\
             })",
            &[],
        )?;
        if over != json!([]) {
            return Err(format!("{size:?}: over the map: {over}"));
        }
    }
    Ok(())
}

/// How far a node at the map's edge is, right after the map was enlarged, from where it comes to stand.
fn travels(page: &Page) -> Result<f64> {
    page.browser.wait("a map at rest", "window.__kubarium.live() > 0 && window.__kubarium.idle()")?;
    page.browser.eval("window.__kubarium.play(0)", &[])?;
    let script = "const done = arguments[arguments.length - 1], at = () => window.__kubarium.place('node-1');\
        document.querySelector('[data-testid=zoom-in]').click();\
        requestAnimationFrame(() => requestAnimationFrame(() => {\
            const then = at();\
            setTimeout(() => { const now = at(); done(Math.hypot(now[0] - then[0], now[1] - then[1])) }, 1500)\
        }))";
    page.browser.eval_async(script, &[])?.as_f64().ok_or_else(|| "no place on the map".into())
}

fn still(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    let moved = travels(&page)?;
    if moved < 5.0 {
        return Err(format!("the map goes to its new place, but it went {moved} pixels"));
    }
    let wish = json!({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]});
    page.browser.devtools("Emulation.setEmulatedMedia", &wish)?;
    page.go(&page.url)?;
    let moved = travels(&page)?;
    if moved > 0.5 {
        return Err(format!("the map was to be at its new place at once, but went {moved} pixels"));
    }
    let styled =
        "[...document.querySelectorAll('button')].every(b => parseFloat(getComputedStyle(b).transitionDuration) === 0)";
    page.browser.wait("styles without motion", styled)?;
    page.quiet()
}
