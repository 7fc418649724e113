//! What a pod template means to a kubelet, worked out once for all pods that share it. Pure.

use super::grpc::Grpc;
use super::needs::{Needs, bytes, millicores};
use super::phase::is_sidecar;
use super::probe::{Action, ProbePlan};
use crate::api::quantity::Quantity;
use crate::clock::SimDuration;
use crate::runtime::files::User;
use crate::runtime::images::{Catalogue, Image, Reference, Run};
use crate::runtime::shell::knows;
use crate::store::PodProto;
use crate::store::pod::details::{Details, Told};
use k8s_openapi::api::core::v1::{Container, ContainerUser, LifecycleHandler, LinuxContainerUser, PodSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Images that have a user of their own, by a part of their names.
pub(super) const NOT_ROOT: [&str; 11] = [
    "bitnami/",
    "unprivileged",
    "nonroot",
    "prom/",
    "quay.io/prometheus/",
    "grafana/",
    "podinfo",
    "elasticsearch",
    "/pause",
    "curlimages/",
    "http-echo",
];
/// A container that comes to use more memory than this may be too much for its node.
const HEAVY: u64 = 256 << 20;

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// Each time a container starts.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// Never: it must be there.
    Never,
}

/// What a container runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Program {
    /// A server that goes on for ever.
    Server,
    /// It ends at once with 0: a shell without a terminal.
    Ends,
    /// It prints what the catalogue says and ends with 0.
    Prints,
    /// A command line that the shell of the runtime carries out.
    Command(Arc<[String]>),
    /// A program that the image does not have.
    Missing(Arc<str>),
}

/// A container of a plan.
#[derive(Clone, Debug)]
pub struct ContainerPlan {
    /// Its name.
    pub name: Arc<str>,
    /// Its image as the manifest writes it.
    pub image: Arc<str>,
    /// The reference is none.
    pub invalid_image: bool,
    /// Pull policy.
    pub policy: PullPolicy,
    /// The catalogue's entry.
    pub entry: Option<Arc<Image>>,
    /// What it runs.
    pub program: Program,
    /// Ports that it listens on.
    pub ports: Arc<[u16]>,
    /// An init container that goes on.
    pub sidecar: bool,
    /// It must not run as root.
    pub checks_user: bool,
    /// It uses more memory than its limit: it is killed again and again.
    pub starves: bool,
    /// What it takes of its node.
    pub needs: Needs,
    /// As whom its processes run.
    pub user: Arc<User>,
    /// Ports that it takes for itself: no other container of the pod can have them beside it.
    pub binds: Arc<[u16]>,
    /// How its server answers gRPC's health checks; none: it does not speak gRPC.
    pub grpc: Option<Grpc>,
    /// Milliseconds from its start until it listens.
    pub start: u64,
    /// Microseconds of CPU that coming up takes.
    pub start_work: u64,
    /// It is a web server that reads its configuration from files.
    pub web: Option<Web>,
    /// A volume lies where that is read from.
    pub shows_config: bool,
    /// The files that it answers with may change without anybody's command in it.
    pub shows_volume: bool,
    /// Its server cannot come up as whom it has to run: what it says then.
    pub cannot: Option<String>,
    /// Startup probe.
    pub startup: Option<ProbePlan>,
    /// Readiness probe.
    pub readiness: Option<ProbePlan>,
    /// Liveness probe.
    pub liveness: Option<ProbePlan>,
    /// What its status says besides, before it has been made and since.
    pub told: [Told; 2],
    /// postStart hook.
    pub post_start: Option<Action>,
    /// preStop hook.
    pub pre_stop: Option<Action>,
}

/// A pod's plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its prototype.
    pub proto: Arc<PodProto>,
    /// Init containers first, in the order of the spec, then the regular ones, then the ephemeral ones.
    pub containers: Arc<[ContainerPlan]>,
    /// How many of them are init containers.
    pub init: usize,
    /// Where the regular ones end and the ephemeral ones begin.
    pub regular: usize,
    /// The ephemeral containers of the spec.
    ephemeral: Arc<[Container]>,
    /// Nothing can happen to such a pod by itself once it runs: servers without probes, hooks, init containers,
    /// references to other objects.
    pub simple: bool,
    /// Limit of CPU of the pod as a whole, in millicores.
    pub cpu_limit: Option<u64>,
    /// Limit of memory of the pod as a whole, in bytes.
    pub memory_limit: Option<u64>,
    /// What the pod as a whole asks for of CPU.
    pub cpu_request: Option<u64>,
    /// What the pod as a whole asks for of memory.
    pub memory_request: Option<u64>,
    /// Grace period in seconds.
    pub grace: u32,
    /// activeDeadlineSeconds
    pub deadline: Option<u64>,
    /// It shares its node's network.
    pub host_network: bool,
}

impl Plan {
    /// Works a prototype out.
    pub fn new(proto: &Arc<PodProto>) -> Plan {
        let empty = PodSpec::default();
        let spec = proto.pod.spec.as_ref().unwrap_or(&empty);
        let init = spec.init_containers.as_deref().unwrap_or_default();
        let ephemeral = super::ephemeral::containers(spec);
        let mut containers: Vec<ContainerPlan> = init
            .iter()
            .map(|c| container(c, is_sidecar(c), spec))
            .chain(spec.containers.iter().chain(&ephemeral).map(|c| container(c, false, spec)))
            .collect();
        if proto.pod.metadata.labels.as_ref().is_some_and(|l| l.contains_key(JOB_NAME)) {
            for c in containers.iter_mut().skip(init.len()).take(spec.containers.len()) {
                // nobody knows what it does; as the container of a Job it comes to an end
                if c.entry.is_none() && c.program == Program::Server && *c.ports == USUAL_PORTS {
                    c.program = Program::Prints;
                }
            }
        }
        let plain_volumes = spec.volumes.iter().flatten().all(|v| {
            v.empty_dir.as_ref().is_some_and(|e| e.size_limit.is_none())
                // a path that has to be there, or is made now, is looked at
                || v.host_path.as_ref().is_some_and(|h| h.type_.as_deref().unwrap_or_default().is_empty())
                || (v.projected.is_some() && v.name.starts_with("kube-api-access-"))
        });
        let plain_environment = spec.containers.iter().all(|c| {
            c.env_from.as_ref().is_none_or(Vec::is_empty)
                && c.env.iter().flatten().all(|e| {
                    e.value_from.as_ref().is_none_or(|f| f.config_map_key_ref.is_none() && f.secret_key_ref.is_none())
                })
        });
        let simple = init.is_empty()
            && ephemeral.is_empty()
            && plain_volumes
            && plain_environment
            && spec.readiness_gates.as_ref().is_none_or(Vec::is_empty)
            && spec.active_deadline_seconds.is_none()
            && spec.resources.as_ref().is_none_or(|r| r.limits.is_none())
            && spec.security_context.as_ref().is_none_or(|s| s.run_as_non_root != Some(true))
            && containers.iter().all(|c| {
                c.program == Program::Server
                    && !c.invalid_image
                    && !c.starves
                    && c.needs.disk_limit.is_none()
                    && c.policy != PullPolicy::Never
                    && c.startup.is_none()
                    && c.readiness.is_none()
                    && c.liveness.is_none()
                    && c.post_start.is_none()
                    && c.pre_stop.is_none()
                    && c.cannot.is_none()
                    && c.entry.as_ref().is_none_or(|e| e.refuses(|_| false).is_none())
                    && !c.checks_user
                    && Catalogue::builtin().pull(&c.image).is_ok()
            });
        let limits = spec.resources.as_ref().and_then(|r| r.limits.as_ref());
        let limit = |key: &str| Quantity::parse(&limits?.get(key)?.0).ok();
        let requests = spec.resources.as_ref().and_then(|r| r.requests.as_ref());
        let request = |key: &str| Quantity::parse(&requests?.get(key)?.0).ok();
        Plan {
            cpu_limit: limit("cpu").map(|q| millicores(q.milli_value())).filter(|l| *l > 0),
            memory_limit: limit("memory").map(|q| bytes(q.value())).filter(|l| *l > 0),
            cpu_request: request("cpu").map(|q| millicores(q.milli_value())),
            memory_request: request("memory").map(|q| bytes(q.value())),
            proto: proto.clone(),
            init: init.len(),
            regular: init.len() + spec.containers.len(),
            ephemeral: ephemeral.into(),
            containers: containers.into(),
            simple,
            grace: SimDuration::written(spec.termination_grace_period_seconds.unwrap_or(30)),
            deadline: spec.active_deadline_seconds.map(|d| d.max(0) as u64),
            host_network: spec.host_network == Some(true),
        }
    }

    /// The spec.
    pub fn spec(&self) -> &PodSpec {
        static EMPTY: std::sync::OnceLock<PodSpec> = std::sync::OnceLock::new();
        self.proto.pod.spec.as_ref().unwrap_or_else(|| EMPTY.get_or_init(PodSpec::default))
    }

    /// The container of a spec that a plan's container stands for.
    pub fn container(&self, i: usize) -> Option<&Container> {
        let spec = self.spec();
        match i.checked_sub(self.init) {
            Some(k) => spec.containers.get(k).or_else(|| self.ephemeral.get(i.checked_sub(self.regular)?)),
            None => spec.init_containers.as_ref()?.get(i),
        }
    }

    /// Why a container may not run as the user that it would run as; none: it may. Models verifyRunAsNonRoot.
    pub fn root_forbidden(&self, i: usize) -> Option<&'static str> {
        let own = self.container(i)?.security_context.as_ref();
        let pods = self.spec().security_context.as_ref();
        let must_not = own.and_then(|c| c.run_as_non_root).or(pods.and_then(|c| c.run_as_non_root));
        if must_not != Some(true) {
            return None;
        }
        match own.and_then(|c| c.run_as_user).or(pods.and_then(|c| c.run_as_user)) {
            Some(0) => Some("container's runAsUser breaks non-root policy"),
            Some(_) => None,
            None => {
                let c = &self.containers[i];
                // nobody knows what an image that is not in the catalogue does
                (c.entry.is_some() && !NOT_ROOT.iter().any(|n| c.image.contains(n)))
                    .then_some("container has runAsNonRoot and image will run as root")
            }
        }
    }

    /// Does a container's environment come from other objects?
    pub fn refers(&self, i: usize) -> bool {
        self.container(i).is_some_and(|c| {
            c.env_from.as_ref().is_some_and(|f| !f.is_empty()) || c.env.iter().flatten().any(|e| e.value_from.is_some())
        })
    }

    /// What the pod as a whole asks for of memory beyond its containers, for each of them.
    pub fn memory_left(&self) -> u64 {
        let own: u64 = self.containers.iter().take(self.regular).skip(self.init).map(|c| c.needs.memory_request).sum();
        let n = (self.regular - self.init).max(1) as u64;
        self.memory_request.map_or(0, |r| r.saturating_sub(own) / n)
    }

    /// May a container come to use so much that its node has to be looked at?
    pub fn grows(&self, i: usize) -> bool {
        self.containers[i].needs.memory > HEAVY || super::pressure::has_disk_limits(self)
    }

    /// `spec.containers{web}`, as events name a container.
    pub fn field_path(&self, i: usize) -> String {
        let list = match i {
            i if i < self.init => "initContainers",
            i if i < self.regular => "containers",
            _ => "ephemeralContainers",
        };
        format!("spec.{list}{{{}}}", self.containers[i].name)
    }
}

impl ContainerPlan {
    /// What its status says besides. `made`: there is a container of it.
    pub fn told(&self, made: bool) -> Option<Told> {
        let told = &self.told[usize::from(made)];
        (made || !told.0.mounts.is_empty()).then(|| told.clone())
    }
}

/// What a container's status says besides its state, before it has been made and since. What it was granted is what it
/// asks for; after a resize [`super::resize`] knows better.
fn details(c: &Container, user: &User) -> [Told; 2] {
    let waiting = Details::of_waiting(c);
    let groups: BTreeSet<i64> =
        [user.gid].iter().chain(&user.groups).chain(&user.fs_group).map(|g| i64::from(*g)).collect();
    let linux = LinuxContainerUser {
        uid: user.uid.into(),
        gid: user.gid.into(),
        supplemental_groups: Some(groups.into_iter().collect()),
    };
    let resources = c.resources.clone().unwrap_or_default();
    let made = Details {
        allocated: resources.requests.clone(),
        resources: Some(resources),
        user: Some(ContainerUser { linux: Some(linux) }),
        ..waiting.clone()
    };
    [Told(waiting.into()), Told(made.into())]
}

/// Does a volume lie at a directory, above it or below it?
/// Web servers whose configuration is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Web {
    /// nginx
    Nginx,
    /// Apache's httpd
    Apache,
}

impl Web {
    /// Where its configuration lies.
    pub const fn place(self) -> &'static str {
        match self {
            Web::Nginx => "/etc/nginx",
            Web::Apache => "/usr/local/apache2/conf",
        }
    }
}

fn mounted_at(c: &Container, dir: &str) -> bool {
    let mut mounts = c.volume_mounts.iter().flatten();
    mounts.any(|m| {
        let at = m.mount_path.trim_end_matches('/');
        dir.starts_with(at) || at.starts_with(dir)
    })
}

/// How long an image takes to come up, in milliseconds, and how much CPU that costs, in microseconds: most of it is work,
/// which a limit of CPU makes longer.
fn start_of(entry: Option<&Image>, needs: &Needs) -> (u64, u64) {
    let start = entry.map_or(100, |e| e.start.max(1));
    let work = start.saturating_sub(100) * 4 / 5;
    let slower = needs.cpu_limit.map_or(0, |l| (work * 1000 / l.max(1)).saturating_sub(work));
    (start + slower, work * 1000)
}

/// Where an image that nobody knows listens if its manifest says nothing of ports.
const USUAL_PORTS: [u16; 2] = [80, 8080];

/// The label that a Job's pods have.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";

/// Ports that a container's own probes ask.
fn probed(c: &Container) -> impl Iterator<Item = u16> + '_ {
    let probes = [&c.startup_probe, &c.readiness_probe, &c.liveness_probe].into_iter().flatten();
    probes.filter_map(|p| {
        let asked = p.http_get.as_ref().map(|h| &h.port).or(p.tcp_socket.as_ref().map(|t| &t.port))?;
        Some(port(asked, c)).filter(|n| *n > 0)
    })
}

fn container(c: &Container, sidecar: bool, spec: &PodSpec) -> ContainerPlan {
    let image = c.image.as_deref().unwrap_or_default();
    let reference = Reference::parse(image);
    let entry = reference.as_ref().and_then(|r| Catalogue::builtin().find(r)).cloned();
    let declared = c.ports.iter().flatten().map(|p| p.container_port as u16);
    let grpc = Grpc::of(c, entry.is_some());
    let told = entry.as_ref().and_then(|_| super::grpc::agnhost_ports(c));
    let ports: Vec<u16> = match &entry {
        _ if told.is_some() => told.unwrap_or_default(),
        // a command of the manifest's may serve where the image itself does not
        Some(e) if !e.listens && c.command.is_none() => vec![],
        Some(e) if e.exact_ports() => e.ports.clone(),
        Some(e) => e.ports.iter().copied().chain(declared).collect(),
        // nobody knows it: it serves what its manifest expects of it, and alone in its pod what most servers do
        None => {
            let expected: Vec<u16> = declared.chain(probed(c)).collect();
            let alone = expected.is_empty() && c.command.is_none() && !sidecar && spec.containers.len() == 1;
            if alone { USUAL_PORTS.to_vec() } else { expected }
        }
    };
    let policy = match c.image_pull_policy.as_deref() {
        Some("Always") => PullPolicy::Always,
        Some("Never") => PullPolicy::Never,
        _ => PullPolicy::IfNotPresent,
    };
    let life = c.lifecycle.as_ref();
    let hook = |h: Option<&LifecycleHandler>| h.and_then(|h| handler(h, c));
    let program = program(c, entry.as_deref());
    let waits = program == Program::Server && entry.as_ref().is_some_and(|e| e.run == Run::Shell);
    let shell = waits || matches!(program, Program::Command(_) | Program::Ends);
    let needs = Needs::new(c, entry.as_deref(), shell);
    let user = super::user::of(c, spec, image);
    let declared = c.ports.iter().flatten().map(|p| p.container_port as u16);
    let exact = entry.as_ref().filter(|e| e.exact_ports() && e.listens).map_or(&[][..], |e| &e.ports);
    let serves = program == Program::Server && entry.as_ref().is_none_or(|e| e.listens);
    let cannot = if program == Program::Server { super::user::cannot(c, image, &user) } else { None };
    let (start, start_work) = start_of(entry.as_deref(), &needs);
    let web = match entry.as_ref().map_or("", |e| &*e.root) {
        _ if image.contains("bitnami") => None,
        "/usr/share/nginx/html" => Some(Web::Nginx),
        "/usr/local/apache2/htdocs" => Some(Web::Apache),
        _ => None,
    };
    let shows_config = web.is_some_and(|w| mounted_at(c, w.place()));
    ContainerPlan {
        binds: if serves { exact.iter().copied().chain(declared).collect() } else { [].into() },
        grpc,
        start,
        start_work,
        web,
        shows_config,
        cannot,
        shows_volume: entry.as_ref().is_some_and(|e| {
            let mut mounts = c.volume_mounts.iter().flatten();
            shows_config
                || (!e.root.is_empty() && mounts.any(|m| e.root.starts_with(m.mount_path.trim_end_matches('/'))))
        }),
        told: details(c, &user),
        user: user.into(),
        name: c.name.as_str().into(),
        image: image.into(),
        invalid_image: reference.is_none(),
        policy,
        checks_user: c.security_context.as_ref().is_some_and(|s| s.run_as_non_root == Some(true)),
        starves: needs.starves(c, entry.as_deref()),
        needs,
        program,
        entry,
        ports: ports.into(),
        sidecar,
        startup: c.startup_probe.as_ref().and_then(|p| ProbePlan::new(p, c)),
        readiness: c.readiness_probe.as_ref().and_then(|p| ProbePlan::new(p, c)),
        liveness: c.liveness_probe.as_ref().and_then(|p| ProbePlan::new(p, c)),
        post_start: hook(life.and_then(|l| l.post_start.as_ref())),
        pre_stop: hook(life.and_then(|l| l.pre_stop.as_ref())),
    }
}

fn handler(h: &LifecycleHandler, c: &Container) -> Option<Action> {
    if let Some(e) = &h.exec {
        return Some(Action::Exec(e.command.clone().unwrap_or_default().into()));
    }
    if let Some(s) = &h.sleep {
        return Some(Action::Sleep(s.seconds.max(0) as u64));
    }
    if let Some(g) = &h.http_get {
        return Some(Action::http(g, c));
    }
    h.tcp_socket.as_ref().map(|t| Action::tcp(t, c))
}

/// The number of a port that may be named; 0: no such name.
pub fn port(p: &IntOrString, c: &Container) -> u16 {
    match p {
        IntOrString::Int(n) => *n as u16,
        IntOrString::String(s) => c
            .ports
            .iter()
            .flatten()
            .find(|p| p.name.as_deref() == Some(s.as_str()))
            .map(|p| p.container_port as u16)
            .or_else(|| s.parse().ok())
            .unwrap_or(0),
    }
}

/// The last part of an image's name, without a tag.
fn image_name(c: &Container) -> &str {
    let image = c.image.as_deref().unwrap_or_default().split('@').next().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    name.split(':').next().unwrap_or_default()
}

const SHELLS: [&str; 6] = ["sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash"];

/// The whole path of a program that lies on one of a container's volumes.
pub(super) fn on_volume(c: &Container, program: &str) -> Option<String> {
    let path = crate::runtime::files::normalize(c.working_dir.as_deref().unwrap_or("/"), program);
    let under = |place: &str| {
        let place = place.trim_end_matches('/');
        !place.is_empty() && path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mounted = program.contains('/') && c.volume_mounts.iter().flatten().any(|m| under(&m.mount_path));
    mounted.then_some(path)
}

fn program(c: &Container, entry: Option<&Image>) -> Program {
    let command = c.command.clone().unwrap_or_default();
    let args = c.args.clone().unwrap_or_default();
    let terminal = c.tty == Some(true) && c.stdin == Some(true);
    let is_curl = entry.is_some_and(|_| c.image.as_deref().unwrap_or_default().contains("/curl"));
    let argv: Vec<String> = if !command.is_empty() {
        command.into_iter().chain(args).collect()
    } else if is_curl && args.first().is_some_and(|a| a.starts_with('-') || !knows(a)) {
        std::iter::once("curl".to_owned()).chain(args).collect()
    } else if entry.is_some_and(|e| e.has("kubectl")) && image_name(c).ends_with("kubectl") {
        std::iter::once("kubectl".to_owned()).chain(args).collect()
    } else {
        // most images run their arguments as a command when these begin with a program
        let runs = args.first().is_some_and(|a| !a.starts_with('-') && knows(a));
        match entry.map_or(Run::Serves, |e| e.run) {
            Run::Shell if !args.is_empty() => args,
            _ if runs && entry.is_none_or(|e| e.shell) => args,
            // with a terminal a shell waits for what is typed
            Run::Shell if terminal => return Program::Server,
            Run::Shell => return Program::Ends,
            Run::Prints => return Program::Prints,
            Run::Serves => return Program::Server,
        }
    };
    let Some(name) = argv.first() else { return Program::Server };
    let waits = terminal && argv.len() == 1 && SHELLS.contains(&name.as_str());
    match entry {
        Some(e) if waits && (e.shell || e.has(name)) => Program::Server,
        None if waits => Program::Server,
        // an image that nobody knows has whatever is asked of it
        _ if on_volume(c, name).is_some() => Program::Command(argv.into()),
        None if !knows(name) => Program::Server,
        Some(e) if e.has(name) && e.run != Run::Shell => Program::Server,
        Some(e) if e.has(name) => Program::Command(argv.into()),
        Some(e) if !e.shell || !knows(name) => Program::Missing(name.as_str().into()),
        _ => Program::Command(argv.into()),
    }
}
