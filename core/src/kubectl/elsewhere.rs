//! Programs that people type beside kubectl: those of the shell that mean little here, and those that make clusters. Each
//! does what it can, or says what does the same here.

use super::Context;
use super::printer::tabwriter;
use crate::apiserver::request::{Method, Request};
use serde_json::Value;

/// Is a program answered here?
pub(super) fn is_one(name: &str) -> bool {
    matches!(
        name,
        "cd" | "pwd"
            | "mkdir"
            | "which"
            | "exit"
            | "logout"
            | "whoami"
            | "hostname"
            | "minikube"
            | "kind"
            | "k3d"
            | "helm"
            | "docker"
            | "podman"
            | "kubeadm"
            | "kubectx"
            | "kubens"
            | "systemctl"
            | "ssh"
            | "vim"
            | "vi"
            | "nano"
            | "code"
            | "git"
            | "open"
    )
}

/// Programs that are there.
const THERE: [&str; 16] = [
    "kubectl", "jq", "grep", "sed", "awk", "sort", "head", "tail", "wc", "cut", "tr", "base64", "openssl", "curl",
    "wget", "watch",
];

/// Carries it out.
pub(super) fn run(words: &[String], ctx: &mut Context) {
    let args: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    let plain: Vec<&str> = args.iter().copied().filter(|a| !a.starts_with('-')).collect();
    ctx.out.code = Some(match words[0].as_str() {
        "pwd" => say(ctx, super::script::HERE),
        "whoami" => say(ctx, "root"),
        "hostname" => say(ctx, "kubarium"),
        // a directory is there as soon as a file is in it; the prompt stays
        "mkdir" | "exit" | "logout" => 0,
        "cd" => match plain.first().copied() {
            None | Some("." | "~" | "./" | super::script::HERE) => 0,
            Some(_) => {
                ctx.eprintln("kubarium: all files stay in one directory: name those below it by their path");
                0
            }
        },
        "which" => match plain.iter().find(|p| !THERE.contains(p)) {
            Some(_) => 1,
            None => {
                let lines: Vec<String> = plain.iter().map(|p| format!("/usr/local/bin/{p}")).collect();
                if plain.is_empty() { 1 } else { say(ctx, &lines.join("\n")) }
            }
        },
        "minikube" => minikube(&args, &plain, ctx),
        "kind" if args.starts_with(&["get", "clusters"]) => say(ctx, "kubarium"),
        "kind" if args.starts_with(&["get", "nodes"]) => {
            let all = objects("/api/v1/nodes", ctx);
            let names: Vec<&str> = all.iter().filter_map(|n| n["metadata"]["name"].as_str()).collect();
            say(ctx, &names.join("\n"))
        }
        "kubens" if plain.len() == 1 => {
            ctx.session.namespace = plain[0].to_owned();
            say(ctx, &format!("Active namespace is {:?}.", plain[0]))
        }
        name => {
            let instead = match name {
                "kind" | "k3d" | "kubeadm" => {
                    "The cluster is there already. Nodes are added on the map, or by: kubarium node NAME"
                }
                "helm" => {
                    "Charts are not carried out here: give kubectl what `helm template` writes, or a kustomization"
                }
                "docker" | "podman" => "Containers run on the cluster's nodes: kubectl run NAME --image=IMAGE",
                "kubectx" => "Contexts: kubectl config get-contexts, kubectl config use-context NAME",
                "kubens" => "The namespace: kubectl config set-context --current --namespace=NAME",
                "systemctl" => "Parts of the control plane are stopped by: kubarium stop scheduler",
                "ssh" => "A node's files are seen by: kubectl debug node/NAME -it --image=busybox",
                "vim" | "vi" | "nano" | "code" => {
                    "Files are edited beside the terminal; an object by: kubectl edit KIND/NAME"
                }
                "git" | "open" => "There is no way out of the page",
                _ => "",
            };
            ctx.eprintln(format!("{name}: command not found\n{instead}"));
            127
        }
    });
}

fn say(ctx: &mut Context, text: &str) -> i32 {
    ctx.println(text);
    0
}

fn objects(path: &str, ctx: &mut Context) -> Vec<Value> {
    let body = ctx.api.request(Request::new(Method::Get, path)).body;
    body["items"].as_array().cloned().unwrap_or_default()
}

/// The address on which node ports answer.
fn address(ctx: &mut Context) -> Option<String> {
    let nodes = objects("/api/v1/nodes", ctx);
    let addresses = nodes.first()?["status"]["addresses"].as_array()?.clone();
    let inner = addresses.iter().find(|a| a["type"] == "InternalIP")?;
    inner["address"].as_str().map(str::to_owned)
}

fn minikube(args: &[&str], plain: &[&str], ctx: &mut Context) -> i32 {
    let value = |short: &str, long: &str| {
        let at = args.iter().position(|a| *a == short || *a == long);
        let next = at.and_then(|i| args.get(i + 1)).map(|v| (*v).to_owned());
        next.or_else(|| args.iter().find_map(|a| a.strip_prefix(long)?.strip_prefix('=').map(str::to_owned)))
    };
    match plain.first().copied().unwrap_or_default() {
        "ip" => match address(ctx) {
            Some(ip) => say(ctx, &ip),
            None => 1,
        },
        "status" => say(
            ctx,
            "minikube\ntype: Control Plane\nhost: Running\nkubelet: Running\napiserver: Running\nkubeconfig: Configured\n",
        ),
        "version" => say(ctx, "There is no minikube here: the cluster is the one on the map"),
        "start" => say(ctx, "The cluster runs already: kubectl is configured to use it"),
        "profile" => say(ctx, "minikube"),
        "kubectl" => {
            let rest: Vec<String> = args.iter().skip(1).filter(|a| **a != "--").map(|a| (*a).to_owned()).collect();
            super::run_args(&rest, ctx);
            ctx.out.code.unwrap_or(0)
        }
        "service" => service(args, plain, value("-n", "--namespace"), ctx),
        "addons" => {
            let name = plain.get(2).copied().unwrap_or_default();
            match (plain.get(1).copied().unwrap_or_default(), name) {
                (
                    "enable",
                    "ingress" | "metrics-server" | "default-storageclass" | "storage-provisioner" | "dashboard",
                ) => say(ctx, &format!("What '{name}' brings is here already")),
                ("enable", name) => {
                    ctx.eprintln(format!("kubarium: there are no addons: '{name}' is not here"));
                    1
                }
                _ => say(ctx, "Here already: default-storageclass, ingress, metrics-server, storage-provisioner"),
            }
        }
        "tunnel" => say(ctx, "Services of type LoadBalancer have an address already: kubectl get services"),
        "dashboard" => say(ctx, "The map is the dashboard"),
        "stop" | "delete" => {
            ctx.eprintln("kubarium: the cluster lives as long as the page; a new one is begun by its menu");
            1
        }
        "node" if plain.get(1) == Some(&"list") => {
            let all = objects("/api/v1/nodes", ctx);
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            let line = |n: &Value| {
                format!("{}\t{}\n", text(&n["metadata"]["name"]), text(&n["status"]["addresses"][0]["address"]))
            };
            let lines: String = all.iter().map(line).collect();
            ctx.print(lines);
            0
        }
        _ => {
            ctx.eprintln(
                "minikube: command not found\nHere are: minikube ip, minikube service NAME --url, minikube kubectl -- …; nodes are \
                 added on the map",
            );
            127
        }
    }
}

/// `minikube service NAME [--url]`: where the node ports of a Service answer.
fn service(args: &[&str], plain: &[&str], namespace: Option<String>, ctx: &mut Context) -> i32 {
    let namespace = namespace.unwrap_or_else(|| "default".into());
    let names: Vec<&str> = plain.iter().skip(1).copied().filter(|n| *n != namespace).collect();
    if names.first() == Some(&"list") {
        let mut text = String::from("NAMESPACE\tNAME\tTARGET PORT\tURL\n");
        for s in objects("/api/v1/services", ctx) {
            let part = |k: &str| s["metadata"][k].as_str().unwrap_or_default().to_owned();
            let urls = urls(&s, ctx);
            let shown = if urls.is_empty() { "No node port".to_owned() } else { String::new() };
            let ports: Vec<String> = urls.iter().map(|(p, _)| p.clone()).collect();
            let all: Vec<&str> = urls.iter().map(|(_, u)| u.as_str()).collect();
            text +=
                &format!("{}\t{}\t{shown}{}\t{}\n", part("namespace"), part("name"), ports.join(","), all.join(","));
        }
        ctx.print(tabwriter::align(&text, 6, 3));
        return 0;
    }
    let Some(name) = names.first() else {
        ctx.eprintln("X Exiting due to MK_USAGE: You must specify a service name");
        return 1;
    };
    let found = ctx.api.request(Request::get(format!("/api/v1/namespaces/{namespace}/services/{name}")));
    if found.code != 200 {
        ctx.eprintln(format!(
            "X Exiting due to SVC_NOT_FOUND: Service '{name}' was not found in '{namespace}' namespace.\nYou may select another \
             namespace by using 'minikube service {name} -n <namespace>'. Or list out all the services using 'minikube service \
             list'"
        ));
        return 1;
    }
    let urls = urls(&found.body, ctx);
    if urls.is_empty() {
        ctx.eprintln(format!("* service {namespace}/{name} has no node port"));
        return 1;
    }
    if args.contains(&"--url") {
        let lines: Vec<String> = urls.into_iter().map(|(_, u)| u).collect();
        return say(ctx, &lines.join("\n"));
    }
    let mut text = String::from("NAMESPACE\tNAME\tTARGET PORT\tURL\n");
    for (port, url) in urls {
        text += &format!("{namespace}\t{name}\t{port}\t{url}\n");
    }
    ctx.print(tabwriter::align(&text, 6, 3));
    0
}

/// Ports of a Service as `http/80`, and where the first node answers for them.
fn urls(service: &Value, ctx: &mut Context) -> Vec<(String, String)> {
    let Some(ip) = address(ctx) else { return vec![] };
    let ports = service["spec"]["ports"].as_array().cloned().unwrap_or_default();
    let one = |p: &Value| {
        let node_port = p["nodePort"].as_u64().filter(|n| *n > 0)?;
        let port = p["port"].as_u64().unwrap_or_default();
        let name = p["name"].as_str().filter(|n| !n.is_empty());
        let shown = name.map_or_else(|| port.to_string(), |n| format!("{n}/{port}"));
        Some((shown, format!("http://{ip}:{node_port}")))
    };
    ports.iter().filter_map(one).collect()
}
