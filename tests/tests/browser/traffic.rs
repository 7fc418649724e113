//! Requests and faults on the page: load through a Service during a rolling update, a shell in a container, an Ingress,
//! a node that goes dark, a container that hangs.

use crate::page::Page;
use crate::{Place, Test};
use kubarium_tests::webdriver::{Result, keys};
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("a-rolling-update-under-load-with-and-without-a-sleep", rolling_update),
    ("a-lost-request-leads-back-to-what-was-typed", lost),
    ("a-shell-in-a-container", shell),
    ("an-ingress-path-serves-a-client", ingress),
    ("pods-of-a-dark-node-come-back-elsewhere", dark_node),
    ("a-fault-of-one-container-is-seen-and-ended", one_container),
];

impl Page {
    /// Opens a scenario with a table of what there is.
    fn scenario(place: &Place, id: &str) -> Result<Page> {
        let page = Page::open(place)?;
        page.go(&format!("{}?scenario={id}", page.url))?;
        page.browser.wait("pods on the map", "window.__kubarium.live() > 0")?;
        page.table()?;
        Ok(page)
    }

    /// Lets so many seconds of the session pass at once.
    fn pass(&self, seconds: f64) -> Result<()> {
        let script = "window.__kubarium.forward(window.__kubarium.now() + arguments[0])";
        self.browser.eval(script, &[json!(seconds)]).map(drop)
    }

    /// Selects something in the tables by its name.
    fn select(&self, name: &str) -> Result<()> {
        let find = format!(
            "[...document.querySelectorAll('[data-testid=table] th button')].find(b => b.innerText.trim() === {})",
            json!(name)
        );
        self.browser.wait(&format!("{name} in the tables"), &format!("!!{find}"))?;
        self.browser.eval(&format!("{find}.click()"), &[])?;
        let title =
            format!("document.querySelector('[data-testid=inspect-title]')?.innerText.includes({})", json!(name));
        self.browser.wait(&format!("{name} in the inspector"), &title).map(drop)
    }

    /// A number that the inspector shows.
    fn number(&self, id: &str) -> Result<u64> {
        let text = self.browser.text(&format!("[data-testid={id}]"))?;
        text.trim().parse().map_err(|_| format!("no number: {text}"))
    }

    /// Waits until what is shown of a paused session is all that there is to show: the inspector follows a moment later.
    fn told(&self) -> Result<()> {
        self.browser.wait("the page to follow", "window.__kubarium.told()").map(drop)
    }

    /// Restarts the Deployment of the scenario under load, and says how many requests have failed since.
    fn failed_in_restart(&self) -> Result<u64> {
        let (before, sent) = (self.number("client-failed")?, self.number("client-ok")?);
        self.run("kubectl rollout restart deployment/shop")?;
        self.pass(60.0)?;
        self.told()?;
        self.ready("shop-", 4)?;
        let answered = self.number("client-ok")? - sent;
        // a hundred a second
        if answered < 5_000 {
            return Err(format!("{answered} answers in a minute"));
        }
        Ok(self.number("client-failed")? - before)
    }
}

fn rolling_update(place: &Place) -> Result<()> {
    let page = Page::scenario(place, "traffic")?;
    page.ready("shop-", 4)?;
    // time passes only where the test says so
    page.browser.eval("window.__kubarium.play(0)", &[])?;
    page.pass(5.0)?;
    page.select("visitors")?;
    page.told()?;
    if page.number("client-failed")? > 0 || page.number("client-ok")? < 300 {
        return Err("requests fail while nothing happens".into());
    }
    let failed = page.failed_in_restart()?;
    if failed == 0 {
        return Err("without a sleep before the stop some requests are lost".into());
    }
    // the chart says so too
    page.browser.click("[data-testid=chart-requests]")?;
    let label = "document.querySelector('[data-testid=chart]').getAttribute('aria-label')";
    page.browser.wait("failures in the chart", &format!("/failed \\d+\\/s \\(at most [1-9]/.test({label})"))?;
    page.browser.screenshot("traffic-without-sleep")?;
    let patch = r#"{"spec":{"template":{"spec":{"containers":[{"name":"shop","lifecycle":{"preStop":{"sleep":{"seconds":5}}}}]}}}}"#;
    page.run(&format!("kubectl patch deployment shop -p '{patch}'"))?;
    page.pass(90.0)?;
    page.told()?;
    page.ready("shop-", 4)?;
    let failed = page.failed_in_restart()?;
    if failed > 0 {
        return Err(format!("with a sleep before the stop none is lost, but {failed} were"));
    }
    page.browser.screenshot("traffic-with-sleep")?;
    page.quiet()
}

fn lost(place: &Place) -> Result<()> {
    let page = Page::scenario(place, "traffic")?;
    page.ready("shop-", 4)?;
    page.browser.eval("window.__kubarium.play(0)", &[])?;
    page.pass(5.0)?;
    page.browser.click("[data-testid=dock-traffic]")?;
    page.run("kubectl rollout restart deployment/shop")?;
    let failed = "[data-testid=traffic] .trace.warning button";
    for second in 0.. {
        page.pass(1.0)?;
        page.told()?;
        if page.browser.eval(&format!("return !!document.querySelector('{failed}')"), &[])? == json!(true) {
            break;
        }
        if second > 60 {
            return Err("no request is lost".into());
        }
    }
    page.browser.click(failed)?;
    page.browser
        .wait("the reason", "document.querySelector('[data-testid=request-because]')?.innerText.length > 20")?;
    let typed = "document.querySelector('[data-testid=request-why]')?.innerText.includes('kubectl rollout restart')";
    page.browser.wait("what was typed, at the end of the chain", typed)?;
    page.browser.screenshot("request-why")?;
    let before = page.browser.eval("return window.__kubarium.now()", &[])?.as_f64().unwrap_or_default();
    page.browser.eval("[...document.querySelectorAll('[data-testid=request-why] .link')].at(-1).click()", &[])?;
    page.browser.wait("the moment it was typed", &format!("window.__kubarium.now() < {before} - 0.5"))?;
    page.quiet()
}

fn shell(place: &Place) -> Result<()> {
    let page = Page::scenario(place, "traffic")?;
    let pods = page.ready("shop-", 4)?;
    let pod = pods.first().ok_or("no pods")?;
    page.type_line(&format!("kubectl exec -it {pod} -- sh"))?;
    let prompt = "document.querySelector('.term-line .prompt').innerText";
    page.browser.wait("the shell's prompt", &format!("{prompt}.includes({})", json!(format!("{pod}:/ #"))))?;
    page.type_line("hostname && echo one > /tmp/x && cat /tmp/x | wc -l")?;
    page.terminal_says(&format!("{pod}\n1"))?;
    page.type_line("cd /tmp")?;
    page.browser.wait("the prompt to follow", &format!("{prompt}.includes(':/tmp #')"))?;
    page.browser.screenshot("shell")?;
    page.browser.chord(&[keys::CONTROL], 'd')?;
    page.browser.wait("kubectl's prompt", &format!("{prompt}.trim() === '$'"))?;
    page.quiet()
}

fn ingress(place: &Place) -> Result<()> {
    let page = Page::scenario(place, "ingress")?;
    page.ready("front-", 3)?;
    page.select("site")?;
    page.browser.click("[data-testid=do-client]")?;
    page.browser.wait("the dialog", "!!document.querySelector('[data-testid=client-url]')")?;
    let url = page.browser.eval("return document.querySelector('[data-testid=client-url]').value", &[])?;
    if url != json!("http://shop.example/") {
        return Err(format!("the dialog knows the Ingress's host and path: {url}"));
    }
    page.browser.screenshot("client-dialog")?;
    page.browser.click("[data-testid=client-go]")?;
    page.pass(5.0)?;
    page.browser.wait("answers", "Number(document.querySelector('[data-testid=client-ok]')?.innerText) > 50")?;
    if page.number("client-failed")? > 0 {
        return Err("requests to the Ingress fail".into());
    }
    page.browser.click("[data-testid=dock-traffic]")?;
    page.browser.wait("requests", "document.querySelectorAll('[data-testid=traffic] .trace').length > 3")?;
    page.browser.click("[data-testid=traffic] .trace button")?;
    let hops = "document.querySelector('[data-testid=hops]')?.innerText";
    let way = format!("['ing/site', 'svc/front', 'pod/front-'].every(p => {hops}?.includes(p))");
    page.browser.wait("the request's way", &way)?;
    page.browser.screenshot("ingress-way")?;
    page.quiet()
}

fn dark_node(place: &Place) -> Result<()> {
    let page = Page::scenario(place, "node-failure")?;
    page.ready("api-", 8)?;
    page.select("node-2")?;
    page.browser.click("[data-testid=faults] summary")?;
    page.browser.click("[data-testid=do-power]")?;
    page.terminal_says("node-2")?;
    // half a minute of silence, and five minutes that pods tolerate
    page.pass(500.0)?;
    let rows = "[...[...document.querySelectorAll('[data-testid=table] table')].at(-1).tBodies[0].rows]";
    let elsewhere = format!(
        "{rows}.filter(r => r.cells[2].innerText.trim() === 'Running' && r.cells[1].innerText.trim() === '1/1' \
            && r.cells[4].innerText.trim() !== 'node-2').length === 8"
    );
    page.browser.wait("eight pods on other nodes", &elsewhere)?;
    page.browser.screenshot("dark-node")?;
    page.quiet()
}

fn one_container(place: &Place) -> Result<()> {
    let page = Page::scenario(place, "traffic")?;
    page.ready("shop-", 4)?;
    page.browser.eval("window.__kubarium.play(0)", &[])?;
    let patch = r#"{"spec":{"template":{"spec":{"containers":[{"name":"logger","image":"busybox:1.36","command":["sleep","3600"]}]}}}}"#;
    page.run(&format!("kubectl patch deployment shop -p '{patch}'"))?;
    page.pass(120.0)?;
    page.told()?;
    let pods = page.ready("shop-", 4)?;
    page.select(pods.first().ok_or("no pods")?)?;
    page.browser.click("[data-testid=faults] summary")?;
    let ills = "document.querySelector('[data-testid=ills]')";
    let mends = "document.querySelector('[data-testid=do-hang]').classList.contains('mends')";
    let rows = "[...document.querySelectorAll('[data-testid=table] td.ills')].filter(d => d.innerText.trim())";
    page.choose("fault-of", "logger")?;
    page.browser.click("[data-testid=do-hang]")?;
    page.browser.wait("the container's fault", &format!("{ills}?.innerText.includes('logger') && {mends}"))?;
    page.browser.wait("the fault in the table", &format!("{rows}.length === 1"))?;
    page.browser.screenshot("fault-of-a-container")?;
    page.choose("fault-of", "shop")?;
    page.browser.wait("the other container is well", &format!("!{mends}"))?;
    page.choose("fault-of", "logger")?;
    page.browser.wait("the way to end it", mends)?;
    page.browser.click("[data-testid=do-hang]")?;
    page.browser.wait("no fault any more", &format!("!{ills} && {rows}.length === 0"))?;
    // what is refused is said, and breaks nothing
    page.browser.click("[data-testid=do-liveness]")?;
    page.browser.wait("why not", "document.querySelector('.toast')?.innerText.includes('liveness')")?;
    page.browser.wait("nothing broken", &format!("!{ills}"))?;
    // the control plane, by the keyboard alone
    page.select("API server")?;
    for (what, seen) in
        [("stopped", format!("!!{ills}?.innerText.includes('stopped')")), ("started", format!("!{ills}"))]
    {
        page.browser.eval("document.querySelector('[data-testid=do-stop]').focus()", &[])?;
        page.browser.keys(&keys::ENTER.to_string())?;
        page.browser.wait(&format!("the API server {what}"), &seen)?;
    }
    page.quiet()
}
