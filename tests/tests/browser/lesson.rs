//! Lessons as a newcomer does them: with nothing but what the page says.

use crate::page::Page;
use crate::{PHONE, Place, Test};
use kubarium_tests::webdriver::{Result, keys};
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("the-first-lesson-in-english", |place| first(place, "en")),
    ("the-first-lesson-in-korean", |place| first(place, "ko")),
    ("a-lesson-survives-a-reload-and-another-language", kept),
    ("a-wrong-turn-is-taken-back", retry),
    ("a-class-raises-hands", hands),
    ("a-session-becomes-a-lesson", author),
    ("a-worksheet-has-no-answers", worksheet),
    ("a-lesson-on-a-phone", phone),
];

fn text(page: &Page, script: &str) -> Result<Vec<String>> {
    let v = page.browser.eval(&format!("return {script}"), &[])?;
    Ok(v.as_array().map(|a| a.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()).unwrap_or_default())
}

fn flag(page: &Page, script: &str) -> Result<bool> {
    Ok(page.browser.eval(&format!("return !!({script})"), &[])? == json!(true))
}

fn step(page: &Page) -> Result<String> {
    let v = page.browser.eval("return document.querySelector('[data-testid=lesson]')?.dataset.step ?? ''", &[])?;
    Ok(v.as_str().unwrap_or_default().to_owned())
}

fn open(page: &Page, id: &str) -> Result<()> {
    page.browser.click("[data-testid=lessons]")?;
    page.browser.click(&format!("[data-testid=lesson-{id}]"))?;
    page.browser.wait("the lesson", "!!document.querySelector('[data-testid=lesson]')").map(drop)
}

const PASSED: &str = "document.querySelector('[data-testid=lesson]')?.dataset.passed === 'true'";

/// Does what the shown step says: types the commands that stand in it.
fn work(page: &Page) -> Result<()> {
    let b = &page.browser;
    if flag(page, "document.querySelector('[data-testid=option-0]')")? {
        b.click("[data-testid=option-0]")?;
    }
    if flag(page, "document.querySelector('[data-testid=checks]')")? {
        let commands = text(
            page,
            "[...document.querySelectorAll('.lesson-body > p > code, .lesson-command code')].map(e => e.innerText).filter(t => t.startsWith('kubectl '))",
        )?;
        if commands.is_empty() {
            return Err("the page names no command".to_owned());
        }
        b.eval("window.__kubarium.play(10)", &[])?;
        for line in commands {
            if flag(page, PASSED)? {
                break;
            }
            page.type_line(&line)?;
            // a forwarded port brings its own panel to the front, a moment after it was typed
            let typed = if line.contains(" port-forward ") {
                "!!document.querySelector('[data-testid=http]')".to_owned()
            } else {
                format!("document.querySelector('[data-testid=terminal]')?.innerText.includes({})", json!(line))
            };
            b.wait("the line", &typed)?;
            // a command that goes on is ended before the next one
            let free = "document.querySelector('label[for=term-input]')?.innerText === '$' || ".to_owned() + PASSED;
            b.wait("the command", &free)?;
        }
        b.wait("the checks", PASSED)?;
        if flag(page, "document.querySelector('label[for=term-input]')?.innerText !== '$'")? {
            if flag(page, "!document.querySelector('[data-testid=term-input]')")? {
                b.click("[data-testid=dock-terminal]")?;
            }
            b.click("[data-testid=term-input]")?;
            b.chord(&[keys::CONTROL], 'c')?;
        }
    }
    Ok(())
}

fn first(place: &Place, lang: &str) -> Result<()> {
    let page = Page::open(place)?;
    page.go(&format!("{}?lang={lang}", page.url))?;
    page.browser.click("[data-testid=lessons]")?;
    page.browser.wait("the catalogue", "document.querySelectorAll('.lesson-card').length >= 20")?;
    page.browser.screenshot(&format!("lessons-{lang}"))?;
    crate::look::check(&page, "the catalogue")?;
    let id = "document.querySelector('.lesson-card').dataset.testid";
    let id = page.browser.eval(&format!("return {id}"), &[])?;
    page.browser.click(&format!("[data-testid={}]", id.as_str().unwrap_or_default()))?;
    page.browser.wait("the lesson", "!!document.querySelector('[data-testid=lesson]')")?;
    for _ in 0..20 {
        let here = step(&page)?;
        work(&page).map_err(|e| format!("step {here}: {e}"))?;
        page.browser.screenshot(&format!("lesson-{lang}-{here}"))?;
        if flag(&page, "document.querySelector('[data-testid=lesson-finished]')")? {
            let korean = flag(&page, "/[가-힣]/.test(document.querySelector('.lesson-body').innerText)")?;
            if korean != (lang == "ko") {
                return Err("the lesson speaks another language".to_owned());
            }
            page.browser.click("[data-testid=lesson-more]")?;
            page.browser.wait("the finished mark", "!!document.querySelector('.lesson-card em.done')")?;
            return page.quiet();
        }
        page.browser.click("[data-testid=lesson-next]")?;
        let gone = format!("document.querySelector('[data-testid=lesson]').dataset.step !== '{here}'");
        page.browser.wait("the next step", &gone)?;
    }
    Err("the lesson does not end".to_owned())
}

fn kept(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    open(&page, "labels")?;
    page.browser.click("[data-testid=lesson-next]")?;
    page.type_line("kubectl get pods -l app=shop")?;
    let done = "document.querySelector('[data-testid=check-1]')?.dataset.mark === 'done'";
    page.browser.wait("the check", done)?;
    page.browser.click("[data-testid=lang]")?;
    let other = "document.documentElement.lang === 'ko' ? /[가-힣]/.test(document.querySelector('.lesson-body').innerText)\
        : !/[가-힣]/.test(document.querySelector('.lesson-body').innerText)";
    page.browser.wait("the other language", other)?;
    if step(&page)? != "2" || !flag(&page, done)? {
        return Err("the language took the lesson's state away".to_owned());
    }
    // kept every two seconds, and when the page goes
    page.browser.eval_async("setTimeout(arguments[0], 3000)", &[])?;
    page.browser.reload()?;
    page.browser.wait("the lesson again", "!!document.querySelector('[data-testid=lesson]')")?;
    page.browser.wait("the check again", done)?;
    if step(&page)? == "2" { page.quiet() } else { Err("the step was lost".to_owned()) }
}

fn retry(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    open(&page, "labels")?;
    for _ in 0..3 {
        page.browser.click("[data-testid=lesson-next]")?;
    }
    page.browser.wait("the step", "document.querySelector('[data-testid=lesson]').dataset.step === '4'")?;
    page.type_line("kubectl label pods -l app=shop --overwrite app=suspect")?;
    page.browser.click("[data-testid=lesson-retry]")?;
    let orphans = |n: usize| {
        format!("window.__kubarium.run('kubectl get pods -l app=suspect').trim().split('\\n').length === {n}")
    };
    page.browser.wait("the time before", &orphans(1))?;
    page.browser.wait(
        "open checks",
        "document.querySelector('[data-testid=check-2]').dataset.mark === 'holding' && !document.querySelector('[data-testid=lesson-retry]')",
    )?;
    // three rungs of help
    for rung in 1..=3 {
        page.browser.click("[data-testid=lesson-hint]")?;
        page.browser.wait("the hint", &format!("!!document.querySelector('[data-testid=hint-{rung}]')"))?;
    }
    page.browser.screenshot("lesson-hints")?;
    page.quiet()
}

fn hands(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.go(&format!("{}?lesson=restart&lang=en", page.url))?;
    page.browser.wait("the lesson", "!!document.querySelector('[data-testid=lesson]')")?;
    page.browser.click("[data-testid=lesson-next]")?;
    page.browser.click("[data-testid=hands]")?;
    for option in [0, 1, 1] {
        page.browser.click(&format!("[data-testid=hand-{option}]"))?;
    }
    page.browser.screenshot("lesson-hands")?;
    crate::look::check(&page, "a lesson")?;
    page.browser.click("[data-testid=reveal]")?;
    page.browser.wait("the debriefs", "document.querySelectorAll('.debrief').length === 3")?;
    if page.browser.text("[data-testid=hands-1]")? != "2" {
        return Err("the hands are not counted".to_owned());
    }
    page.quiet()
}

fn author(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.go(&format!("{}?nodes=2&lang=en", page.url))?;
    page.browser.eval("window.__kubarium.play(10)", &[])?;
    page.type_line("kubectl create deployment web --image=nginx:1.27 --replicas=2")?;
    page.browser.wait("the pods", "window.__kubarium.live() === 2 && window.__kubarium.idle()")?;
    page.type_line("kubectl scale deployment web --replicas=4")?;
    page.browser.wait("more pods", "window.__kubarium.live() === 4 && window.__kubarium.idle()")?;
    page.browser.click("[data-testid=lessons]")?;
    page.browser.click("[data-testid=make-lesson]")?;
    page.browser.click("[data-testid='title.en']")?;
    page.browser.keys("Four of them")?;
    page.browser.click("[data-testid='task.en']")?;
    page.browser.keys("Bring web to four pods.")?;
    page.browser.screenshot("author")?;
    crate::look::check(&page, "a lesson in the making")?;
    page.browser.eval("navigator.clipboard.writeText = t => { window.copied = t; return Promise.resolve() }", &[])?;
    page.browser.click("[data-testid=author-share]")?;
    let link = page.browser.wait("the link", "window.copied")?;
    page.browser.click("[data-testid=author-preview]")?;
    page.browser
        .wait("the preview", "document.querySelector('[data-testid=lesson]')?.innerText.includes('Four of them')")?;
    page.browser.click("[data-testid=lesson-next]")?;
    page.browser.eval("window.__kubarium.play(10)", &[])?;
    page.type_line("kubectl scale deployment web --replicas=4")?;
    page.browser.wait("the goal", PASSED)?;
    page.quiet()?;
    // somebody else opens the link and does it
    let other = Page { browser: place.browser(crate::LAPTOP)?, url: page.url.clone() };
    other.go(link.as_str().unwrap_or_default())?;
    other
        .browser
        .wait("the lesson", "document.querySelector('[data-testid=lesson]')?.innerText.includes('Four of them')")?;
    other.browser.click("[data-testid=lesson-next]")?;
    other.browser.wait("its step", "!!document.querySelector('[data-testid=checks]')")?;
    other.browser.eval("window.__kubarium.play(10)", &[])?;
    if flag(&other, PASSED)? {
        return Err("the goal is reached before anything is done".to_owned());
    }
    other.type_line("kubectl scale deployment web --replicas=4")?;
    other.browser.wait("the goal", PASSED)?;
    other.quiet()
}

fn worksheet(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.go(&format!("{}?lesson=labels&lang=en", page.url))?;
    page.browser.click("[data-testid=lesson-print]")?;
    page.browser.wait("the worksheet", "!!document.querySelector('[data-testid=worksheet]')")?;
    page.browser.screenshot("worksheet")?;
    let sheet = page.browser.text("[data-testid=worksheet]")?;
    if sheet.contains("Yes. Only two pods fit") || !sheet.contains("Your prediction") {
        return Err("the worksheet tells the answers, or does not ask".to_owned());
    }
    page.quiet()
}

/// Does what the shown step says, by the buttons beside its commands: a phone shows one panel at a time.
fn work_on_phone(page: &Page) -> Result<()> {
    let b = &page.browser;
    if flag(page, "document.querySelector('[data-testid=option-0]')")? {
        b.click("[data-testid=option-0]")?;
    }
    if !flag(page, "document.querySelector('[data-testid=checks]')")? {
        return Ok(());
    }
    let buttons = "[...document.querySelectorAll('.lesson-command button, .lesson-body button.put')]";
    let count = b.eval(&format!("return {buttons}.length"), &[])?.as_u64().unwrap_or_default();
    if count == 0 {
        return Err("the step offers no command".to_owned());
    }
    for i in 0..count {
        if flag(page, PASSED)? {
            break;
        }
        b.click("[data-testid=phone-lesson]")?;
        b.wait("the lesson's panel", "document.querySelector('[data-testid=lesson]').checkVisibility()")?;
        let line = b.eval(&format!("return {buttons}[{i}].previousElementSibling.textContent"), &[])?;
        b.eval(&format!("{buttons}.forEach((e, i) => e.classList.toggle('this-one', i === {i}))"), &[])?;
        b.click(".lesson-body .this-one")?;
        b.wait("the line in the terminal", &format!("document.querySelector('#term-input')?.value === {line}"))?;
        b.click("[data-testid=term-input]")?;
        b.keys("\n")?;
        // a forwarded port brings its own panel, a moment after it was typed
        let sent = match line.as_str().is_some_and(|l| l.contains(" port-forward ")) {
            true => "!!document.querySelector('[data-testid=http]')".to_owned(),
            false => format!("document.querySelector('[data-testid=terminal]')?.innerText.includes({line})"),
        };
        b.wait("the command's going out", &sent)?;
        let free = "document.querySelector('label[for=term-input]')?.innerText === '$' || ".to_owned() + PASSED;
        b.wait("the command's end", &free)?;
    }
    b.wait("the checks", PASSED)?;
    // what goes on is ended where it is shown
    if flag(page, "document.querySelector('[data-testid=http]')?.checkVisibility()")? {
        b.click("[data-testid=http-send]")?;
        b.wait("an answer", "document.querySelector('[data-testid=http] .answer')?.innerText.includes('200')")?;
        b.click("[data-testid=http-close]")?;
        b.wait("the terminal again", "document.querySelector('label[for=term-input]')?.innerText === '$'")?;
    }
    b.click("[data-testid=phone-lesson]")
}

fn phone(place: &Place) -> Result<()> {
    let page = Page::open_sized(place, PHONE)?;
    let b = &page.browser;
    page.go(&format!("{}?lang=ko", page.url))?;
    open(&page, "containers-and-pods")?;
    b.screenshot("lesson-phone")?;
    b.eval("window.__kubarium.play(10)", &[])?;
    for _ in 0..20 {
        let here = step(&page)?;
        work_on_phone(&page).map_err(|e| format!("step {here}: {e}"))?;
        if !flag(&page, "document.documentElement.scrollWidth <= innerWidth")? {
            return Err(format!("step {here}: the page is wider than the phone"));
        }
        if flag(&page, "document.querySelector('[data-testid=lesson-finished]')")? {
            // back along the timeline, and on again to the moment before the pod was deleted: on the way there a port
            // is forwarded once more, which is past and opens no panel
            b.click("[data-testid=look-0]")?;
            b.wait("the moment before the pod", "window.__kubarium.live() === 0")?;
            b.click("[data-testid=phone-lesson]")?;
            b.click("[data-testid=look-1]")?;
            b.wait("the pod", "window.__kubarium.live() === 1")?;
            b.eval_async("setTimeout(arguments[0], 500)", &[])?;
            if !flag(&page, "document.querySelector('canvas.map').checkVisibility()")? {
                return Err("looking back does not show the map".to_owned());
            }
            b.click("[data-testid=phone-lesson]")?;
            b.click("[data-testid=lesson-more]")?;
            b.click("[data-testid=lesson-after]")?;
            let next = "document.querySelector('[data-testid=lesson-title]').innerText.includes('재시작')";
            b.wait("the lesson after it", next)?;
            return page.quiet();
        }
        b.click("[data-testid=lesson-next]")?;
        let gone = format!("document.querySelector('[data-testid=lesson]').dataset.step !== '{here}'");
        b.wait("the next step", &gone)?;
    }
    Err("the lesson does not end".to_owned())
}
