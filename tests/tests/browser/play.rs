//! What people do: apply, kill, relabel, roll out, share.

use crate::page::Page;
use crate::{Place, Test};
use kubarium_tests::webdriver::{Result, keys};
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("type-a-manifest-and-apply-it", apply),
    ("kill-a-pod-and-see-its-replacement", kill),
    ("relabel-a-pod-and-see-an-orphan-and-a-new-pod", relabel),
    ("roll-out-and-undo", rollout),
    ("a-bad-manifest-is-refused-at-its-line", bad_manifest),
    ("a-link-replays-the-session-elsewhere", link),
    ("the-editor-shows-what-applying-would-change", difference),
    ("what-is-not-simulated-is-said", unacted),
    ("a-forwarded-port-answers", forwarded),
    ("a-waiting-pod-shows-what-the-nodes-say", waiting),
    ("several-lines-at-the-prompt", several),
    ("jobs-end-and-their-owners-are-named", jobs),
];

pub const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 3
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
        - name: shop
          image: nginx:1.25
";

pub fn with_shop(place: &Place) -> Result<Page> {
    let page = Page::open(place)?;
    page.clear()?;
    page.paste(WEB)?;
    page.browser.chord(&[keys::CONTROL], keys::ENTER)?;
    page.table()?;
    page.ready("shop-", 3)?;
    Ok(page)
}

fn apply(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.clear()?;
    page.write(WEB)?;
    let written = page.written()?;
    if written.trim_end() != WEB.trim_end() {
        return Err(format!("the editor holds something else than was typed:\n{written}"));
    }
    page.browser.chord(&[keys::CONTROL], keys::ENTER)?;
    page.terminal_says("deployment.apps/shop created")?;
    page.table()?;
    page.ready("shop-", 3)?;
    page.browser.screenshot("applied-table")?;
    page.browser.click("[data-testid=table-toggle]")?;
    page.browser.screenshot("applied-map")?;
    page.quiet()
}

fn kill(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    let before = page.ready("shop-", 3)?;
    let victim = before.first().ok_or("no pods")?;
    page.type_line(&format!("kubectl delete pod {victim} --wait=false"))?;
    page.terminal_says(&format!("pod \"{victim}\" deleted"))?;
    let gone = format!(
        "![...document.querySelectorAll('[data-testid=table] tbody th')].some(c => c.innerText.includes({}))",
        json!(victim)
    );
    page.browser.wait("the pod to go", &gone)?;
    let after = page.ready("shop-", 3)?;
    if after.iter().filter(|n| before.contains(n)).count() != 2 {
        return Err(format!("of {before:?} two should be left: {after:?}"));
    }
    page.quiet()
}

fn relabel(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    let before = page.ready("shop-", 3)?;
    let pod = before.first().ok_or("no pods")?;
    page.type_line(&format!("kubectl label pod {pod} app=debug --overwrite"))?;
    let after = page.ready("shop-", 4)?;
    if !after.contains(pod) {
        return Err(format!("the orphan {pod} should live on among {after:?}"));
    }
    let owner = page.run(&format!("kubectl get pod {pod} -o jsonpath='{{.metadata.ownerReferences}}'"))?;
    if !owner.trim().is_empty() {
        return Err(format!("the orphan still has an owner: {owner}"));
    }
    page.quiet()
}

fn rollout(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    let old = page.ready("shop-", 3)?;
    page.type_line("kubectl set image deployment/shop shop=nginx:1.26")?;
    page.type_line("kubectl rollout status deployment/shop")?;
    page.terminal_says("deployment \"shop\" successfully rolled out")?;
    let new = page.ready("shop-", 3)?;
    if new.iter().any(|n| old.contains(n)) {
        return Err(format!("{new:?} should all be new: {old:?}"));
    }
    let image = "kubectl get deployment shop -o jsonpath={.spec.template.spec.containers[0].image}";
    page.type_line("kubectl rollout undo deployment/shop")?;
    page.terminal_says("deployment.apps/shop rolled back")?;
    let said = page.run(image)?;
    if said.trim() != "nginx:1.25" {
        return Err(format!("after the undo the image should be nginx:1.25: {said}"));
    }
    page.ready("shop-", 3)?;
    page.quiet()
}

fn bad_manifest(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    let pods = page.ready("shop-", 3)?;
    let bad = WEB.replace("  replicas: 3", "  replicas: many");
    page.paste(&bad)?;
    page.browser.chord(&[keys::CONTROL], keys::ENTER)?;
    page.browser.wait("the problem", "!!document.querySelector('[data-testid=problems] li')")?;
    let problem = page.browser.text("[data-testid=problems]")?;
    let line = bad.lines().position(|l| l.contains("many")).map_or(0, |i| i + 1);
    if !problem.contains(&line.to_string()) {
        return Err(format!("the problem should be at line {line}: {problem}"));
    }
    page.browser.screenshot("bad-manifest")?;
    if page.written()?.trim_end() != bad.trim_end() {
        return Err("the text was lost".into());
    }
    if page.ready("shop-", 3)? != pods {
        return Err("the cluster changed".into());
    }
    page.quiet()
}

fn link(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    page.run("kubectl scale deployment shop --replicas=5")?;
    page.ready("shop-", 5)?;
    page.browser.click("[data-testid=play]")?;
    page.browser.click("[data-testid=share]")?;
    let link = page.browser.wait("the link", "document.querySelector('[data-testid=share-link]')?.value")?;
    let there = page.browser.eval("return [window.__kubarium.now(), window.__kubarium.hash()]", &[])?;
    let (now, hash) = (there[0].as_f64().unwrap_or_default(), &there[1]);
    let link = link.as_str().unwrap_or_default().to_owned();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fragment = link.split_once('#').map(|(_, f)| f.to_owned()).unwrap_or_default();
    if fragment.is_empty() || !fragment.chars().all(allowed) {
        return Err(format!("no link: {link}"));
    }
    let elsewhere = Page { browser: place.browser(crate::LAPTOP)?, url: page.url.clone() };
    elsewhere.go(&link)?;
    // it may have gone on already: back to the moment of the link (and half a microsecond, which is cut off)
    elsewhere.browser.wait("the session", "window.__kubarium.live() >= 5")?;
    let there = elsewhere
        .browser
        .eval("window.__kubarium.seek(arguments[0]); return window.__kubarium.hash()", &[json!(now + 5e-7)])?;
    if there != *hash {
        return Err(format!("the session came out differently: {there}, not {hash}"));
    }
    elsewhere.table()?;
    elsewhere.ready("shop-", 5)?;
    elsewhere.browser.screenshot("shared")?;
    page.quiet()?;
    elsewhere.quiet()
}

fn difference(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    page.run("kubectl scale deployment shop --replicas=5")?;
    page.browser.click("[data-testid=diff]")?;
    let old = "document.querySelector('[data-testid=editor] .cm-deletedChunk')?.textContent ?? ''";
    page.browser.wait("what is there", &format!("({old}).includes('replicas: 5')"))?;
    page.browser.wait("a change", "!!document.querySelector('[data-testid=compare] [data-fate=changed]')")?;
    page.browser.screenshot("difference")?;
    page.browser.click("[data-testid=diff-close]")?;
    page.browser.wait("the plain text", "!document.querySelector('.cm-deletedChunk, [data-testid=compare]')")?;
    if page.written()?.trim_end() != WEB.trim_end() {
        return Err("the text was changed by looking".into());
    }
    page.quiet()
}

fn unacted(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    page.paste(&WEB.replace("    spec:\n", "    spec:\n      hostPID: true\n"))?;
    page.browser
        .wait("the editor's hint", "/hostPID/.test(document.querySelector('[data-testid=problems]')?.innerText)")?;
    page.browser.chord(&[keys::CONTROL], keys::ENTER)?;
    page.browser.wait("the notice", "/hostPID/.test(document.querySelector('[data-testid=unacted]')?.innerText)")?;
    page.browser.click("[data-testid=unacted] button")?;
    page.browser.wait("it to go", "!document.querySelector('[data-testid=unacted]')")?;
    page.quiet()
}

fn forwarded(place: &Place) -> Result<()> {
    let page = with_shop(place)?;
    page.type_line("kubectl port-forward deployment/shop 8080:80")?;
    // the panel for requests comes to the front by itself
    page.browser.click("[data-testid=http-send]")?;
    page.browser
        .wait("an answer", "/\\b200\\b/.test(document.querySelector('[data-testid=http] .answer')?.innerText)")?;
    page.browser.screenshot("forwarded")?;
    page.quiet()
}

fn waiting(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.clear()?;
    page.paste(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: huge\nspec:\n  containers:\n    - name: huge\n      image: nginx\n\
         \x20     resources:\n        requests:\n          cpu: \"100\"\n",
    )?;
    page.browser.chord(&[keys::CONTROL], keys::ENTER)?;
    page.table()?;
    let row = "[...document.querySelectorAll('[data-testid=table] tbody th button')].find(b => b.innerText === 'huge')";
    page.browser.wait("the pod", &format!("!!{row}"))?;
    page.browser.eval(&format!("{row}.click()"), &[])?;
    page.browser.click("[data-testid=tab-placing]")?;
    let said = "document.querySelector('[data-testid=placing]')?.innerText ?? ''";
    page.browser.wait("every node's answer", &format!("(t => ['node-1', 'node-2', 'node-3', 'NodeResourcesFit', 'Insufficient cpu'].every(w => t.includes(w)))({said})"))?;
    page.browser.screenshot("waiting")?;
    page.quiet()
}

fn jobs(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    page.go(&format!("{}?scenario=jobs", page.url))?;
    page.run("kubectl create job now --image=busybox:1.36 -- sh -c exit")?;
    page.table()?;
    let rows =
        "[...document.querySelectorAll('[data-testid=table] tbody tr')].map(r => r.innerText.replace(/\\s+/g, ' '))";
    page.browser.wait(
        "the owners",
        &format!("['work Job', 'report CronJob', 'now Job'].every(o => {rows}.some(r => r.startsWith(o)))"),
    )?;
    page.browser.wait("a pod that ended well", &format!("{rows}.some(r => r.includes(' Completed '))"))?;
    page.browser.screenshot("jobs")?;
    page.quiet()
}

/// A here-document as documentation has it: pasted at once, and typed line by line.
fn several(place: &Place) -> Result<()> {
    let page = Page::open(place)?;
    let config = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  quote: \"it's here\"\nEOF")
    };
    let paste = "const data = new DataTransfer(); data.setData('text/plain', arguments[0]);\
        document.querySelector('[data-testid=term-input]').dispatchEvent(\
            new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}))";
    page.browser.click("[data-testid=term-input]")?;
    let text = format!("kubectl apply -f - <<EOF\n{}\nkubectl get configmap pasted\n", config("pasted"));
    page.browser.eval(paste, &[json!(text)])?;
    page.terminal_says("configmap/pasted created")?;
    page.terminal_says("DATA")?;
    page.type_line("cat <<EOF | kubectl apply -f -")?;
    page.browser.wait("that more is awaited", "document.querySelector('.term-line .prompt')?.innerText === '>'")?;
    for line in config("typed").lines() {
        page.type_line(line)?;
    }
    page.terminal_says("configmap/typed created")?;
    page.browser.wait("the prompt", "document.querySelector('.term-line .prompt')?.innerText === '$'")?;
    // one that was begun is given up
    page.type_line("echo 'never ended")?;
    page.browser.wait("that more is awaited", "document.querySelector('.term-line .prompt')?.innerText === '>'")?;
    page.browser.chord(&[keys::CONTROL], 'c')?;
    page.browser.wait("the prompt", "document.querySelector('.term-line .prompt')?.innerText === '$'")?;
    page.browser.screenshot("several-lines")?;
    page.quiet()
}
