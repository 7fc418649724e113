//! Clients: the dialog that adds one, what the inspector says of one and of a request, and the panel that lists both.

use super::Common;
use super::inspector::leads;
use crate::bridge::{Engine, Session, Topic, clock_text, in_namespace, use_topic};
use crate::icons::icon;
use crate::map::draw::traffic::rate_text;
use crate::map::hit::Target;
use crate::state::{Action, Dialog, Draft, UiHandle};
use kubarium_core::clock::SimTime;
use kubarium_core::network::clients::{ClientPlace, ClientSpec, Load, MOST_BURST, MOST_RATE};
use kubarium_core::network::request::Url;
use kubarium_core::view::causes::{self, Fact};
use kubarium_core::view::network::{ClientView, CountView, TraceView};
use kubarium_core::view::{faults, inspect};
use kubarium_core::world::Input;
use std::rc::Rc;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// Pods that the dialog offers to send from.
const PODS: usize = 60;
/// Requests that the inspector lists of a client.
const FEW: usize = 12;
/// Requests that the panel lists.
const ROWS: usize = 100;

/// What the dialog begins with, by what is selected.
pub fn draft(e: &Engine, selected: Option<Target>) -> Draft {
    let scene = &e.scene;
    let of_service = |s: &kubarium_core::view::model::ServiceView| -> Draft {
        let first = s.ports.split(',').next().unwrap_or("80/TCP");
        let (port, node_port) = match first.split('/').next().unwrap_or("80").split_once(':') {
            Some((port, node)) => (port, Some(node)),
            None => (first.split('/').next().unwrap_or("80"), None),
        };
        let suffix = if port == "80" { String::new() } else { format!(":{port}") };
        let balancer = || -> Option<String> {
            let value = inspect::value(&e.cluster, s.id)?;
            Some(value.pointer("/status/loadBalancer/ingress/0/ip")?.as_str()?.to_owned())
        };
        if let Some(ip) = (&*s.kind == "LoadBalancer").then(balancer).flatten() {
            return Draft { url: format!("http://{ip}{suffix}/"), ..Draft::default() };
        }
        let node = scene.order.first().and_then(|id| scene.nodes.get(id)).map(|n| n.view.name.clone());
        if let (Some(port), Some(node)) = (node_port, node) {
            return Draft { url: format!("http://{node}:{port}/"), ..Draft::default() };
        }
        let url = format!("http://{}.{}{suffix}/", s.name, s.namespace);
        Draft { url, inside: Some(s.namespace.to_string()), ..Draft::default() }
    };
    let of_ingress = |id: u64| -> Draft {
        let value = inspect::value(&e.cluster, id).unwrap_or_default();
        let text = |path: &str| value.pointer(path).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let host = text("/spec/rules/0/host").replace('*', "any");
        let path = text("/spec/rules/0/http/paths/0/path");
        let host = if host.is_empty() { "example.com".to_owned() } else { host };
        Draft { url: format!("http://{host}/{}", path.trim_start_matches('/')), ..Draft::default() }
    };
    let busiest = || {
        scene
            .ingresses
            .keys()
            .next()
            .map(|id| of_ingress(*id))
            .or_else(|| scene.services.values().find(|s| !s.selector.is_empty()).map(of_service))
            .unwrap_or_default()
    };
    match selected {
        Some(Target::Service(id)) => scene.services.get(&id).map(of_service).unwrap_or_default(),
        Some(Target::Object(id)) if scene.ingresses.contains_key(&id) => of_ingress(id),
        Some(Target::Pod(id)) => {
            let own = |id: u64| scene.services.values().find(|s| s.endpoints.iter().any(|(p, _)| *p == id));
            let other =
                scene.services.values().find(|s| !s.selector.is_empty() && own(id).is_none_or(|o| o.id != s.id));
            let url = other.map(|s| of_service(s).url).unwrap_or_default();
            let pod = scene.pods.get(&id).map(|p| (p.view.namespace.to_string(), p.view.name.to_string()));
            Draft { url, pod, inside: None }
        }
        _ => busiest(),
    }
}

/// The line that does in the terminal what was done on the map.
pub fn line_of(input: &Input) -> String {
    match input {
        Input::Fault(fault) => faults::fault_line(fault),
        Input::RemoveClient { name } => format!("kubarium client rm {name}"),
        Input::Client(c) => {
            let load = match c.load {
                Load::Steady { rate } => format!("--rate={rate}"),
                Load::Burst { count, every: 0 } => format!("--burst={count}"),
                Load::Burst { count, every } => format!("--burst={count} --every={every}s"),
                Load::Ramp { from, to, seconds } => format!("--ramp={from}..{to} --over={seconds}s"),
            };
            let from = match &c.place {
                ClientPlace::Outside => " --from=outside".to_owned(),
                ClientPlace::Inside { namespace } => in_namespace(namespace),
                ClientPlace::Pod { namespace, name } => format!(" --from=pod/{name}{}", in_namespace(namespace)),
            };
            let until = if c.seconds > 0 { format!(" --for={}s", c.seconds) } else { String::new() };
            format!("kubarium client add {} {} {load}{from}{until}", c.name, c.url)
        }
        Input::Line { line, .. } => line.clone(),
        Input::File { .. } | Input::Interrupt { .. } => String::new(),
    }
}

/// Why a request failed: from what it met back to what a person did.
fn chain(ui: &UiHandle, session: &Session, e: &Engine, number: u64) -> Html {
    let lang = ui.lang;
    let causes = causes::why_request(&e.cluster, number);
    if causes.is_empty() {
        return html! {};
    }
    html! {
        <>
            <h3>{ lang.t("inspect.why") }</h3>
            <ol class="why" data-testid="request-why">
                { for causes.into_iter().map(|c| {
                    let (session, at) = (session.clone(), c.at);
                    let jump = Callback::from(move |_: MouseEvent| {
                        session.set_playing(false);
                        session.seek(SimTime(at.0));
                    });
                    let actor = match c.actor.split_once('/') {
                        Some(("kube-proxy", node)) => format!("kube-proxy ({node})"),
                        _ => lang.actor(&c.actor),
                    };
                    let said = match &c.fact {
                        Fact::Met(_, why) => lang.why(why),
                        Fact::Dropped { late, .. } => {
                            lang.f("traffic.dropped", &[("ms", &format!("{:.0}", late.0 as f64 / 1e3))])
                        }
                        Fact::Event(reason, words) => format!("{reason}: {words}"),
                        Fact::Ended { container, reason, code } => {
                            lang.f("traffic.ended", &[("container", container), ("reason", reason), ("code", &code.to_string())])
                        }
                        Fact::Did(message) => lang.said(message),
                    };
                    html! {
                        <li>
                            <p><b>{ actor }</b>{ " " }{ said }</p>
                            <small>{ clock_text(c.at) }{ " · " }<button type="button" class="link" onclick={jump}>{ lang.t("inspect.jump") }</button></small>
                        </li>
                    }
                }) }
            </ol>
        </>
    }
}

/// Properties of [`ClientForm`].
#[derive(PartialEq, Properties)]
pub struct FormProps {
    /// The page's state.
    pub ui: UiHandle,
    /// The running session.
    pub session: Session,
    /// The client that is changed.
    pub number: Option<u32>,
    /// What is known.
    pub draft: Rc<Draft>,
}

/// The dialog that adds a client or changes one.
#[component]
pub fn ClientForm(props: &FormProps) -> Html {
    let FormProps { ui, session, number, draft } = props;
    let t = |key| ui.lang.t(key);
    let before: Option<ClientView> =
        number.and_then(|n| session.read(|e| e.scene.traffic.client(n).map(|c| c.view.clone())));
    let free = use_memo((), |()| {
        session.read(|e| {
            let taken = |name: &str| e.scene.traffic.clients.iter().any(|c| &*c.view.name == name);
            (1..).map(|n| format!("client-{n}")).find(|n| !taken(n)).unwrap_or_default()
        })
    });
    let kind = use_state(|| match before.as_ref().map(|b| b.load) {
        Some(Load::Burst { .. }) => 1,
        Some(Load::Ramp { .. }) => 2,
        _ => 0,
    });
    let wrong = use_state(|| None::<&'static str>);
    let (name, url, from) = (use_node_ref(), use_node_ref(), use_node_ref());
    let (one, two, three, seconds) = (use_node_ref(), use_node_ref(), use_node_ref(), use_node_ref());
    let place = before.as_ref().map(|b| b.place.clone()).unwrap_or_else(|| match (&draft.pod, &draft.inside) {
        (Some((namespace, name)), _) => ClientPlace::Pod { namespace: namespace.clone(), name: name.clone() },
        (None, Some(namespace)) => ClientPlace::Inside { namespace: namespace.clone() },
        _ => ClientPlace::Outside,
    });
    let value_of = |p: &ClientPlace| match p {
        ClientPlace::Outside => "outside".to_owned(),
        ClientPlace::Inside { namespace } => format!("inside {namespace}"),
        ClientPlace::Pod { namespace, name } => format!("pod {namespace} {name}"),
    };
    let mut places = vec![ClientPlace::Outside];
    session.read(|e| {
        let inside = match &place {
            ClientPlace::Inside { namespace } | ClientPlace::Pod { namespace, .. } => namespace.clone(),
            ClientPlace::Outside => "default".to_owned(),
        };
        places.push(ClientPlace::Inside { namespace: inside });
        let pods = e.scene.pods.values().filter(|p| p.died.is_none() && p.view.node.is_some()).take(PODS);
        places.extend(
            pods.map(|p| ClientPlace::Pod { namespace: p.view.namespace.to_string(), name: p.view.name.to_string() }),
        );
    });
    if !places.contains(&place) {
        places.push(place.clone());
    }
    let go = {
        let (ui, session, wrong, kind) = (ui.clone(), session.clone(), wrong.clone(), *kind);
        let (name, url, from) = (name.clone(), url.clone(), from.clone());
        let (one, two, three, seconds) = (one.clone(), two.clone(), three.clone(), seconds.clone());
        let old = before.as_ref().map(|b| b.name.clone());
        Callback::from(move |()| {
            let text =
                |r: &NodeRef| r.cast::<HtmlInputElement>().map(|f| f.value().trim().to_owned()).unwrap_or_default();
            let count = |r: &NodeRef| text(r).parse::<u32>().ok();
            let chosen = from.cast::<HtmlSelectElement>().map(|f| f.value()).unwrap_or_default();
            let words: Vec<&str> = chosen.split(' ').collect();
            let place = match words.as_slice() {
                ["inside", namespace] => ClientPlace::Inside { namespace: (*namespace).to_owned() },
                ["pod", namespace, name] => {
                    ClientPlace::Pod { namespace: (*namespace).to_owned(), name: (*name).to_owned() }
                }
                _ => ClientPlace::Outside,
            };
            let number = |r: &NodeRef, least: u32, most: u32| count(r).filter(|n| (least..=most).contains(n));
            let load = match kind {
                0 => number(&one, 1, MOST_RATE).map(|rate| Load::Steady { rate }),
                1 => number(&one, 1, MOST_BURST)
                    .and_then(|count| Some(Load::Burst { count, every: number(&two, 0, 86_400)? })),
                _ => number(&one, 0, MOST_RATE).and_then(|from| {
                    Some(Load::Ramp { from, to: number(&two, 1, MOST_RATE)?, seconds: number(&three, 1, 86_400)? })
                }),
            };
            let spec =
                ClientSpec { name: text(&name), place, url: text(&url), load: Load::Steady { rate: 1 }, seconds: 0 };
            if spec.name.is_empty() || spec.name.len() > 63 {
                return wrong.set(Some("client.no_name"));
            }
            if Url::parse(&spec.url).is_none() {
                return wrong.set(Some("client.no_url"));
            }
            let (Some(load), Some(seconds)) = (load, number(&seconds, 0, 10_000_000)) else {
                return wrong.set(Some("client.no_number"));
            };
            if let Some(old) = old.as_ref().filter(|o| ***o != *spec.name) {
                session.submit(Input::RemoveClient { name: old.to_string() });
            }
            let name = spec.name.clone();
            session.submit(Input::Client(ClientSpec { load, seconds, ..spec }));
            ui.dispatch(Action::Dialog(None));
            let number =
                session.read(|e| e.scene.traffic.clients.iter().find(|c| *c.view.name == *name).map(|c| c.view.number));
            if let Some(number) = number {
                ui.dispatch(Action::Select(Some(Target::Client(number))));
            }
        })
    };
    let onclick = {
        let go = go.clone();
        Callback::from(move |_: MouseEvent| go.emit(()))
    };
    let onkeydown = Callback::from(move |e: KeyboardEvent| {
        if e.key() == "Enter" && !e.is_composing() {
            e.prevent_default();
            go.emit(());
        }
    });
    let pick = {
        let kind = kind.clone();
        Callback::from(move |e: Event| {
            let field: HtmlSelectElement = e.target_unchecked_into();
            kind.set(field.value().parse().unwrap_or(0));
        })
    };
    let (a, b, c) = match before.as_ref().map(|b| b.load) {
        Some(Load::Steady { rate }) => (rate, 10, 30),
        Some(Load::Burst { count, every }) => (count, every, 30),
        Some(Load::Ramp { from, to, seconds }) => (from, to, seconds),
        None => match *kind {
            0 => (20, 10, 30),
            1 => (50, 10, 30),
            _ => (5, 100, 30),
        },
    };
    let field = |r: &NodeRef, label: &'static str, value: u32, test: &'static str| {
        html! {
            <label key={format!("{test}{}", *kind)}>{ label }<input ref={r.clone()} class="short" inputmode="numeric" value={value.to_string()} onkeydown={onkeydown.clone()} data-testid={test} /></label>
        }
    };
    let chosen = value_of(&place);
    html! {
        <div class="ask client-form">
            <div class="client-fields">
                <label>{ t("client.name") }<input ref={name} value={before.as_ref().map_or_else(|| (*free).clone(), |b| b.name.to_string())} onkeydown={onkeydown.clone()} autocomplete="off" spellcheck="false" data-testid="client-name" /></label>
                <label class="wide">{ t("client.url") }<input ref={url} data-first="" value={before.as_ref().map_or_else(|| draft.url.clone(), |b| b.url.to_string())} placeholder="http://web.default/" onkeydown={onkeydown.clone()} autocomplete="off" autocapitalize="off" spellcheck="false" data-testid="client-url" /></label>
                <label class="wide">{ t("client.from") }
                    <select ref={from} data-testid="client-from">
                        { for places.iter().map(|p| { let v = value_of(p); html! { <option value={v.clone()} selected={v == chosen}>{ ui.lang.stands(p) }</option> } }) }
                    </select>
                </label>
                <label>{ t("client.load") }
                    <select onchange={pick} data-testid="client-load">
                        <option value="0" selected={*kind == 0}>{ t("client.steady") }</option>
                        <option value="1" selected={*kind == 1}>{ t("client.burst") }</option>
                        <option value="2" selected={*kind == 2}>{ t("client.ramp") }</option>
                    </select>
                </label>
                { match *kind {
                    0 => field(&one, t("client.rate"), a, "client-rate"),
                    1 => html! { <>{ field(&one, t("client.count"), a, "client-count") }{ field(&two, t("client.every"), b, "client-every") }</> },
                    _ => html! { <>{ field(&one, t("client.at_first"), a, "client-rate") }{ field(&two, t("client.at_last"), b, "client-to") }{ field(&three, t("client.within"), c, "client-within") }</> },
                } }
                <label>{ t("client.seconds") }<input ref={seconds} class="short" inputmode="numeric" value={before.as_ref().map_or(0, |b| b.seconds).to_string()} {onkeydown} data-testid="client-seconds" /></label>
            </div>
            if let Some(wrong) = *wrong { <p class="bad" role="alert">{ "⚠ " }{ t(wrong) }</p> } else { <p class="hint">{ t("client.hint") }</p> }
            <div class="dialog-foot"><button type="button" class="btn primary" {onclick} data-testid="client-go">{ if number.is_some() { t("client.change_do") } else { t("client.add") } }</button></div>
        </div>
    }
}

/// Failures by reason, the most first.
fn failures(ui: &UiHandle, total: &CountView) -> Html {
    let mut list = total.failed.clone();
    list.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    html! {
        <ul class="reasons">
            { for list.into_iter().map(|(reason, n)| html! { <li><span class="bad">{ format!("× {n}") }</span><span>{ ui.lang.reason(reason) }</span></li> }) }
        </ul>
    }
}

fn sum(total: &CountView) -> u32 {
    total.failed.iter().map(|(_, n)| n).sum()
}

/// A request as a row that leads to it.
fn request_row(ui: &UiHandle, t: &Rc<TraceView>) -> Html {
    let target = Target::Request(t.number);
    let onclick = {
        let ui = ui.clone();
        Callback::from(move |_: MouseEvent| ui.dispatch(Action::Select(Some(target))))
    };
    let reason = t.why.as_ref().map(|(r, _)| ui.lang.reason(*r));
    html! {
        <li key={t.number} class={classes!("trace", (!t.ok).then_some("warning"), (ui.selected == Some(target)).then_some("on"))}>
            <button type="button" {onclick} aria-pressed={(ui.selected == Some(target)).to_string()}>
                <span class="when">{ clock_text(t.at) }</span>
                <b>{ ui.lang.outcome(t) }</b>
                if let Some(reason) = reason { <span class="what">{ reason }</span> }
            </button>
        </li>
    }
}

/// What the inspector says of a client.
pub fn client_body(ui: &UiHandle, session: &Session, e: &Engine, number: u32) -> Html {
    let t = |key| ui.lang.t(key);
    let Some(c) = e.scene.traffic.client(number) else { return html! { <p class="empty">{ t("inspect.gone") }</p> } };
    let v = &c.view;
    let row = |name: &'static str, value: String| html! { <><dt>{ name }</dt><dd>{ value }</dd></> };
    let failed = sum(&v.total);
    let recent: Vec<_> =
        e.scene.traffic.recent.iter().rev().filter(|t| t.client.as_ref() == Some(&v.name)).take(FEW).collect();
    html! {
        <>
            <p class="big-rates" data-testid="client-rates"><span class="ok">{ format!("✓ {}/s", c.rate.0) }</span><span class={classes!((c.rate.1 > 0).then_some("bad"))}>{ format!("× {}/s", c.rate.1) }</span></p>
            <dl class="facts">
                { row(t("client.url"), v.url.to_string()) }
                <dt>{ t("client.from") }</dt>
                <dd>{ match c.pod {
                    Some(id) => leads(ui, session, Target::Pod(id), ui.lang.stands(&v.place)),
                    None => html! { { ui.lang.stands(&v.place) } },
                } }</dd>
                { row(t("client.load"), ui.lang.load(&v.load)) }
                { row(t("field.status"), if v.ended { t("client.ended").to_owned() } else { t("client.sends").to_owned() }) }
                { row(t("client.sent"), v.total.sent.to_string()) }
                <dt>{ t("client.ok") }</dt><dd data-testid="client-ok">{ v.total.ok }</dd>
                <dt>{ t("client.failed") }</dt><dd data-testid="client-failed">{ failed }</dd>
                { row(t("client.under_way"), v.under_way.to_string()) }
                { row(t("client.latency"), format!("⌀ {:.1} ms · max {:.1} ms", v.total.latency.0 as f64 / 1e3, v.total.slowest.0 as f64 / 1e3)) }
            </dl>
            if failed > 0 { { failures(ui, &v.total) } }
            <h3>{ t("traffic.requests") }</h3>
            <ol class="rows traces">
                if recent.is_empty() { <li class="empty">{ t("traffic.none") }</li> }
                { for recent.into_iter().map(|t| request_row(ui, t)) }
            </ol>
        </>
    }
}

/// What the inspector says of a request.
pub fn request_body(ui: &UiHandle, session: &Session, e: &Engine, number: u64) -> Html {
    let t = |key| ui.lang.t(key);
    let Some(trace) = e.scene.traffic.trace(number) else {
        return html! { <p class="empty">{ t("inspect.gone") }</p> };
    };
    let jump = {
        let (session, at) = (session.clone(), trace.at);
        Callback::from(move |_: MouseEvent| {
            session.set_playing(false);
            session.seek(SimTime(at.0));
        })
    };
    let began = trace.at;
    let to = |h: &kubarium_core::view::network::HopView| {
        let id = h.id?;
        Some(match h.kind {
            "pod" => Target::Pod(id),
            "service" | "loadbalancer" => Target::Service(id),
            "node" => Target::Node(id),
            _ => Target::Object(id),
        })
    };
    html! {
        <>
            <p class={classes!("outcome", (!trace.ok).then_some("bad"))} data-testid="request-outcome">{ ui.lang.outcome(trace) }</p>
            if let Some((reason, why)) = &trace.why {
                <p class="because" data-testid="request-because"><b>{ ui.lang.reason(*reason) }</b><br /><small>{ ui.lang.why(why) }</small></p>
            }
            <dl class="facts">
                <dt>{ t("client.url") }</dt><dd>{ &*trace.url }</dd>
                <dt>{ t("traffic.sender") }</dt>
                <dd>{ match e.scene.traffic.sender(trace) {
                    Some(c) => leads(ui, session, Target::Client(c.view.number), c.view.name.to_string()),
                    None => html! { { trace.client.as_deref().unwrap_or("–").to_owned() } },
                } }</dd>
                <dt>{ t("traffic.at") }</dt><dd>{ clock_text(trace.at) }{ " · " }<button type="button" class="link" onclick={jump}>{ t("inspect.jump") }</button></dd>
            </dl>
            <h3>{ t("traffic.way") }</h3>
            <ol class="why hops" data-testid="hops">
                { for trace.hops.iter().map(|h| html! {
                    <li>
                        <p>{ match to(h) {
                            Some(target) => leads(ui, session, target, ui.lang.hop(h)),
                            None => html! { <span>{ ui.lang.hop(h) }</span> },
                        } }</p>
                        <small>{ format!("+{:.2} ms", h.at.since(began).0 as f64 / 1e3) }</small>
                    </li>
                }) }
                <li class={classes!((!trace.ok).then_some("bad"))}><p>{ if trace.ok { t("traffic.answered") } else { t("traffic.failed_here") } }</p><small>{ format!("+{:.2} ms", trace.took.0 as f64 / 1e3) }</small></li>
            </ol>
            { chain(ui, session, e, number) }
        </>
    }
}

/// The panel of clients and requests.
#[component]
pub fn TrafficPanel(props: &Common) -> Html {
    use_topic(&props.session, Topic::Traffic);
    let Common { ui, session } = props;
    let t = |key| ui.lang.t(key);
    let only = use_state(|| false);
    let toggle = {
        let only = only.clone();
        Callback::from(move |_: Event| only.set(!*only))
    };
    let add = {
        let (ui, session) = (ui.clone(), session.clone());
        Callback::from(move |_: MouseEvent| {
            let draft = session.read(|e| draft(e, ui.selected));
            ui.dispatch(Action::Dialog(Some(Dialog::Client(None, draft.into()))));
        })
    };
    session.read(|e| {
        let traffic = &e.scene.traffic;
        html! {
            <div class="traffic-panel" data-testid="traffic">
                <div class="traffic-head">
                    <button type="button" class="btn" onclick={add}>{ icon("plus") }{ t("client.add") }</button>
                    <label class="check"><input type="checkbox" checked={*only} onchange={toggle} />{ t("traffic.only_failed") }</label>
                </div>
                <div class="rows" tabindex="0" role="group" aria-label={t("traffic.tab")}>
                    if !traffic.clients.is_empty() { { clients_table(ui, session, e) } }
                    <ol class="traces" aria-label={t("traffic.requests")}>
                        if traffic.recent.is_empty() { <li class="empty">{ if traffic.clients.is_empty() { t("traffic.no_clients") } else { t("traffic.none") } }</li> }
                        { for traffic.recent.iter().rev().filter(|t| !*only || !t.ok).take(ROWS).map(|t| request_row(ui, t)) }
                    </ol>
                </div>
            </div>
        }
    })
}

/// Clients as a table: also part of the map's twin in words.
pub fn clients_table(ui: &UiHandle, session: &Session, e: &Engine) -> Html {
    let t = |key| ui.lang.t(key);
    html! {
        <table class="clients">
            <caption>{ t("traffic.clients") }</caption>
            <thead><tr><th scope="col">{ t("table.name") }</th><th scope="col">{ t("client.url") }</th><th scope="col">{ t("traffic.rate") }</th><th scope="col">{ t("client.ok") }</th><th scope="col">{ t("client.failed") }</th><th scope="col">{ t("client.latency") }</th></tr></thead>
            <tbody>
                { for e.scene.traffic.clients.iter().map(|c| {
                    let v = &c.view;
                    let target = Target::Client(v.number);
                    let failed = sum(&v.total);
                    html! {
                        <tr key={v.number} class={classes!("row", (ui.selected == Some(target)).then_some("on"))}>
                            <th scope="row">{ leads(ui, session, target, v.name.to_string()) }</th>
                            <td><code>{ &*v.url }</code></td>
                            <td class={classes!((c.rate.1 > 0).then_some("bad"))}>{ if v.ended { t("client.ended").to_owned() } else { rate_text(c.rate) } }</td>
                            <td>{ v.total.ok }</td><td class={classes!((failed > 0).then_some("bad"))}>{ failed }</td>
                            <td>{ format!("{:.1} ms", v.total.latency.0 as f64 / 1e3) }</td>
                        </tr>
                    }
                }) }
            </tbody>
        </table>
    }
}
