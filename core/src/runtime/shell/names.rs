//! Programs that ask the name server. What they print depends on whose program an image brings along: BusyBox's of today,
//! BusyBox's of up to 1.28, or bind's.

use super::Surroundings;
use super::utilities::Done;
use crate::clock::SimDuration;

/// Whose `nslookup` it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Busybox,
    OldBusybox,
    Bind,
}

/// The cluster's name server.
const SERVER: &str = "10.96.0.10";
/// How long a program asks who does not answer.
const PATIENCE: SimDuration = SimDuration::from_secs(10);

fn form(image: &str) -> Form {
    let name = image.split(':').next().unwrap_or(image);
    let bind =
        ["dnsutils", "netshoot", "agnhost", "bind", "ubuntu", "debian", "centos", "fedora", "multitool", "jessie"];
    if bind.iter().any(|b| name.contains(b)) {
        return Form::Bind;
    }
    let tag = image.split(':').nth(1).unwrap_or_default();
    let minor = tag.strip_prefix("1.").and_then(|t| t.split(['.', '-']).next()?.parse::<u32>().ok());
    if name.ends_with("busybox") && minor.is_some_and(|m| m <= 28) { Form::OldBusybox } else { Form::Busybox }
}

impl Form {
    /// What is printed of the server before anything else.
    fn head(self) -> String {
        match self {
            Form::Busybox => format!("Server:\t\t{SERVER}\nAddress:\t{SERVER}:53\n\n"),
            Form::Bind => format!("Server:\t\t{SERVER}\nAddress:\t{SERVER}#53\n\n"),
            Form::OldBusybox => {
                format!("Server:    {SERVER}\nAddress 1: {SERVER} kube-dns.kube-system.svc.cluster.local\n\n")
            }
        }
    }

    /// The end of a full name.
    fn dot(self) -> &'static str {
        if self == Form::Bind { "." } else { "" }
    }
}

pub(super) fn run(name: &str, args: &[String], plain: &[&str], net: &mut dyn Surroundings) -> Done {
    let asks_srv = |a: &String| {
        let kind = a.trim_start_matches('-').to_ascii_lowercase();
        matches!(kind.as_str(), "type=srv" | "q=srv" | "query=srv" | "querytype=srv" | "srv")
    };
    let srv = name != "getent" && args.iter().any(asks_srv);
    let host = match name {
        "getent" => plain.get(1),
        _ => plain.iter().find(|p| !srv || !p.eq_ignore_ascii_case("srv")),
    };
    let Some(host) = host else { return Done::fail(1, format!("{name}: missing operand")) };
    let form = form(&net.image());
    let local = !net.resolve(host).is_empty();
    if !local && name != "getent" && !net.names_answer() {
        let silent = ";; connection timed out; no servers could be reached\n";
        return match form {
            Form::OldBusybox if name == "nslookup" => Done {
                takes: PATIENCE,
                out: form.head().replace(" kube-dns.kube-system.svc.cluster.local", ""),
                ..Done::fail(1, format!("nslookup: can't resolve '{host}'"))
            },
            _ => Done { takes: PATIENCE, code: 1, ..Done::say(format!("{silent}\n")) },
        };
    }
    if name == "nslookup" { nslookup(form, host, srv, net) } else { others(name, host, srv, net) }
}

fn nslookup(form: Form, host: &str, srv: bool, net: &mut dyn Surroundings) -> Done {
    let (head, dot) = (form.head(), form.dot());
    if srv && let Some((full, list)) = net.services(host) {
        let weight = 100 / list.len().max(1);
        let line = |(port, target): &(u16, String)| format!("{full}\tservice = 0 {weight} {port} {target}{dot}\n");
        return Done::say(format!("{head}{}\n", list.iter().map(line).collect::<String>()));
    }
    let found = if srv { vec![] } else { net.resolve(host) };
    if let Some((full, alias)) = net.alias(host).filter(|_| !srv && form != Form::OldBusybox) {
        let known = found.first().map_or(String::new(), |a| format!("Name:\t{alias}\nAddress: {a}\n\n"));
        let unknown = if found.is_empty() && form == Form::Bind {
            format!("** server can't find {alias}: NXDOMAIN\n\n")
        } else {
            String::new()
        };
        return Done {
            code: i32::from(found.is_empty()),
            ..Done::say(format!("{head}{full}\tcanonical name = {alias}{dot}\n{known}{unknown}"))
        };
    }
    if found.is_empty() {
        if form == Form::OldBusybox {
            return Done { out: head, ..Done::fail(1, format!("nslookup: can't resolve '{host}'")) };
        }
        return Done { code: 1, ..Done::say(format!("{head}** server can't find {host}: NXDOMAIN\n\n")) };
    }
    let full = net.canonical(host).unwrap_or_else(|| host.to_owned());
    let mut out = head;
    if form == Form::OldBusybox {
        out += &format!("Name:      {host}\n");
        for (i, a) in found.iter().enumerate() {
            // each address is looked up by itself: behind a name of several stand pods, which have names of their own
            let own = if found.len() > 1 { format!("{}.{full}", a.replace('.', "-")) } else { full.clone() };
            out += &format!("Address {}: {a} {own}\n", i + 1);
        }
        return Done::say(out);
    }
    out.extend(found.iter().map(|a| format!("Name:\t{full}\nAddress: {a}\n")));
    Done::say(out + "\n")
}

/// `host` and `getent`.
fn others(name: &str, host: &str, srv: bool, net: &mut dyn Surroundings) -> Done {
    let gone = || match name {
        "host" => Done { code: 1, ..Done::say(format!("Host {host} not found: 3(NXDOMAIN)\n")) },
        _ => Done { code: 2, ..Done::default() },
    };
    if srv {
        let Some((full, list)) = net.services(host) else { return gone() };
        let weight = 100 / list.len().max(1);
        let line = |(port, target): &(u16, String)| format!("{full} has SRV record 0 {weight} {port} {target}.\n");
        return Done::say(list.iter().map(line).collect::<String>());
    }
    let found = net.resolve(host);
    let alias = net.alias(host);
    if name == "getent" {
        let shown = alias.map(|(_, a)| a).or_else(|| net.canonical(host)).unwrap_or_else(|| host.to_owned());
        let shown = if found.len() == 1 { shown } else { host.to_owned() };
        return match found.is_empty() {
            true => gone(),
            false => Done::say(found.iter().map(|a| format!("{a:<15} {shown}\n")).collect::<String>()),
        };
    }
    let first = alias.as_ref().map_or(String::new(), |(full, a)| format!("{full} is an alias for {a}.\n"));
    if found.is_empty() {
        let missing = gone();
        return if first.is_empty() { missing } else { Done { out: first + &missing.out, ..missing } };
    }
    let full = alias.map(|(_, a)| a).or_else(|| net.canonical(host)).unwrap_or_else(|| host.to_owned());
    Done::say(found.iter().fold(first, |s, a| s + &format!("{full} has address {a}\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_program_it_is() {
        for (image, whose) in [
            ("busybox", Form::Busybox),
            ("busybox:1.36", Form::Busybox),
            ("busybox:1.28", Form::OldBusybox),
            ("busybox:1.28.4-glibc", Form::OldBusybox),
            ("alpine:3.20", Form::Busybox),
            ("nicolaka/netshoot", Form::Bind),
            ("registry.k8s.io/e2e-test-images/jessie-dnsutils:1.7", Form::Bind),
            ("registry.k8s.io/e2e-test-images/agnhost:2.39", Form::Bind),
        ] {
            assert_eq!(form(image), whose, "{image}");
        }
    }
}
