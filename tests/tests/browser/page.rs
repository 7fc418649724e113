//! The page opened, and what a person does on it, in the words of the tests.

use crate::{LAPTOP, Place, Test};
use kubarium_tests::webdriver::{Browser, Result, keys};
use serde_json::{Value, json};

pub const TESTS: &[Test] = &[("starts-without-a-complaint", starts), ("works-from-any-path", any_path)];

/// The page in a browser of its own.
pub struct Page {
    pub browser: Browser,
    pub url: String,
}

impl Page {
    /// Opens the page in a fresh profile.
    pub fn open(place: &Place) -> Result<Page> {
        Page::open_sized(place, LAPTOP)
    }

    /// Opens the page in a fresh profile and a window of this size.
    pub fn open_sized(place: &Place, size: (u32, u32)) -> Result<Page> {
        let page = Page { browser: place.browser(size)?, url: place.serve("")? };
        page.go(&page.url)?;
        Ok(page)
    }

    /// Goes to an address of the page and waits until it has started.
    pub fn go(&self, url: &str) -> Result<()> {
        self.browser.open(url)?;
        self.browser.wait("the page to start", "document.documentElement.dataset.started === 'true'")?;
        let began = self.browser.wait("the session", "!!window.__kubarium");
        began.map(drop).map_err(|e| format!("{e}\nthe console: {:?}", self.browser.console().unwrap_or_default()))
    }

    /// Fails if the console has complaints: errors, warnings of the security policy.
    pub fn quiet(&self) -> Result<()> {
        let bad: Vec<String> = self
            .browser
            .console()?
            .into_iter()
            .filter(|(level, text)| level == "SEVERE" || text.contains("Content Security Policy"))
            // the browser asks for an icon that a page need not have
            .filter(|(_, text)| !text.contains("favicon.ico"))
            .map(|(level, text)| format!("{level}: {text}"))
            .collect();
        if bad.is_empty() { Ok(()) } else { Err(format!("the console complains:\n{}", bad.join("\n"))) }
    }

    /// Deletes everything that the first scenario has applied, once it has.
    pub fn clear(&self) -> Result<()> {
        self.browser.wait("the scenario's pods", "window.__kubarium.live() > 0")?;
        self.browser
            .eval("window.__kubarium.run('kubectl delete deployments,services,pods --all --wait=false')", &[])?;
        self.browser.wait("an empty cluster", "window.__kubarium.live() === 0").map(drop)
    }

    /// Puts the cursor into the editor, selects all and types this in its place.
    pub fn write(&self, text: &str) -> Result<()> {
        let b = &self.browser;
        b.click("[data-testid=editor] .cm-content")?;
        b.chord(&[keys::CONTROL], 'a')?;
        b.keys(&keys::DELETE.to_string())?;
        for (i, line) in text.trim_end().lines().enumerate() {
            let wanted = line.len() - line.trim_start().len();
            if i > 0 {
                // completions that are offered are not wanted
                b.keys(&keys::ESCAPE.to_string())?;
                b.keys("\n")?;
                // the editor indents a new line by itself, as far as it can know
                let mut there = self.cursor_line()?.len();
                while there > wanted {
                    b.keys(&keys::BACKSPACE.to_string())?;
                    let now = self.cursor_line()?.len();
                    if now >= there {
                        return Err(format!("line {}: the indentation cannot be taken away", i + 1));
                    }
                    there = now;
                }
                b.keys(&" ".repeat(wanted - there))?;
            }
            b.keys(line.trim_start())?;
        }
        Ok(())
    }

    /// The text of the line the cursor stands in.
    fn cursor_line(&self) -> Result<String> {
        let script = "const n = getSelection().focusNode;\
            return (n?.closest ? n : n?.parentElement)?.closest('.cm-line')?.textContent ?? ''";
        Ok(self.browser.eval(script, &[])?.as_str().unwrap_or_default().to_owned())
    }

    /// The editor's text.
    pub fn written(&self) -> Result<String> {
        let lines =
            "[...document.querySelectorAll('[data-testid=editor] .cm-line')].map(l => l.textContent).join('\\n')";
        let v = self.browser.eval(&format!("return {lines}"), &[])?;
        Ok(v.as_str().unwrap_or_default().to_owned())
    }

    /// Pastes a text into the editor in place of what is there.
    pub fn paste(&self, text: &str) -> Result<()> {
        self.browser.click("[data-testid=editor] .cm-content")?;
        self.browser.chord(&[keys::CONTROL], 'a')?;
        let script = "const data = new DataTransfer(); data.setData('text/plain', arguments[0]);\
            document.querySelector('[data-testid=editor] .cm-content').dispatchEvent(\
                new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}))";
        self.browser.eval(script, &[json!(text)]).map(drop)
    }

    /// Types a line in the terminal.
    pub fn type_line(&self, line: &str) -> Result<()> {
        if self.browser.eval("return !document.querySelector('[data-testid=term-input]')", &[])? == json!(true) {
            self.browser.click("[data-testid=dock-terminal]")?;
        }
        self.browser.click("[data-testid=term-input]")?;
        self.browser.keys(line)?;
        self.browser.keys("\n")
    }

    /// Waits until the terminal shows a text.
    pub fn terminal_says(&self, text: &str) -> Result<()> {
        let found = format!("document.querySelector('[data-testid=terminal]')?.innerText.includes({})", json!(text));
        self.browser.wait(&format!("the terminal to say {text:?}"), &found).map(drop)
    }

    /// Runs a command without its being typed and gives what it printed.
    pub fn run(&self, line: &str) -> Result<String> {
        let v = self.browser.eval("return window.__kubarium.run(arguments[0])", &[json!(line)])?;
        Ok(v.as_str().unwrap_or_default().to_owned())
    }

    /// Chooses in a list of the page.
    pub fn choose(&self, id: &str, value: &str) -> Result<()> {
        let script = "const s = document.querySelector(`[data-testid=${arguments[0]}]`);\
            s.value = arguments[1]; s.dispatchEvent(new Event('change', {bubbles: true}))";
        self.browser.eval(script, &[json!(id), json!(value)]).map(drop)
    }

    /// Switches to the map's twin in words.
    pub fn table(&self) -> Result<()> {
        if self.browser.eval("return !document.querySelector('[data-testid=table]')", &[])? == json!(true) {
            self.browser.click("[data-testid=table-toggle]")?;
        }
        self.browser.wait("the table", "!!document.querySelector('[data-testid=table]')").map(drop)
    }

    /// Rows of pods in the table: name, ready, status.
    pub fn pods(&self) -> Result<Vec<[String; 3]>> {
        let script = "const t = [...document.querySelectorAll('[data-testid=table] table')].at(-1);\
            return [...t.tBodies[0].rows].map(r => [r.cells[0].innerText.trim(), r.cells[1].innerText.trim(), r.cells[2].innerText.trim()])";
        let rows = self.browser.eval(script, &[])?;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        Ok(rows.as_array().into_iter().flatten().map(|r| [text(&r[0]), text(&r[1]), text(&r[2])]).collect())
    }

    /// Waits until the table shows exactly so many pods of a name's beginning, all of them ready.
    pub fn ready(&self, prefix: &str, count: usize) -> Result<Vec<String>> {
        let rows = "[...[...document.querySelectorAll('[data-testid=table] table')].at(-1).tBodies[0].rows]";
        let mine = format!("{rows}.filter(r => r.cells[0].innerText.trim().startsWith({}))", json!(prefix));
        let good =
            "r => r.cells[2].innerText.trim() === 'Running' && /^(\\d+)\\/\\1$/.test(r.cells[1].innerText.trim())";
        let all = format!("(m => m.length === {count} && m.every({good}))({mine})");
        self.browser.wait(&format!("{count} pods {prefix}… to be ready"), &all)?;
        Ok(self.pods()?.into_iter().map(|[name, ..]| name).filter(|n| n.starts_with(prefix)).collect())
    }
}

fn starts(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.browser.wait("pods on the map", "window.__kubarium.live() > 0")?;
    page.browser.screenshot("start")?;
    page.quiet()
}

fn any_path(place: &Place) -> Result<()> {
    let browser = place.browser(LAPTOP)?;
    let page = Page { browser, url: place.serve("a/deep path/of".replace(' ', "-").as_str())? };
    page.go(&page.url)?;
    page.quiet()
}
