//! Asking: probes of running containers, hooks, commands of `kubectl exec`. What follows from an answer is decided in
//! [`super::probe`]; what is written, in [`super::publish`].

use super::around::{Around, open_ports};
use super::component::Kubelets;
use super::grpc::Grpc;
use super::plan::Plan;
use super::pod_worker::PodWork;
use super::probe::{Action, ProbePlan, ProbeState};
use crate::clock::{SimDuration, SimTime};
use crate::network::request::Url;
use crate::runtime::files::{FileSystem, User};
use crate::runtime::shell::{Process, Signal, State, Stream, Unknown};
use crate::runtime::web::{Asked, Served};
use crate::sim::Sim;
use crate::store::PodRecord;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What came of a command.
pub(super) struct Ran {
    pub out: String,
    pub err: String,
    /// None: it had not ended in time.
    pub code: Option<i32>,
    pub took: SimDuration,
}

impl Kubelets {
    /// Lets something see a container's files and surroundings. `passing`: its time passes at once.
    #[expect(clippy::too_many_arguments, reason = "who sees it, and where")]
    pub(super) fn with_files<R>(
        &self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Plan,
        work: &mut PodWork,
        i: usize,
        passing: bool,
        f: impl FnOnce(&mut FileSystem<'_>, &mut Around<'_>) -> R,
    ) -> R {
        let own = open_ports(plan, work, sim.now);
        let (draws, traces) = (work.draws, std::mem::take(&mut work.traces));
        let (reached, visits) = (std::mem::take(&mut work.reached), std::mem::take(&mut work.visits));
        let mut around = Around {
            kubelets: self,
            sim,
            pod,
            plan,
            container: i,
            own,
            draws,
            traces,
            reached,
            visits,
            ties: std::mem::take(&mut work.ties),
            took: SimDuration::ZERO,
            headers: vec![],
            roots: vec![],
            mounts: vec![],
            sites: work.runs.iter().map(|r| r.site.clone()).collect(),
            told: work.runs.iter().filter_map(|r| r.process.as_ref()).flat_map(|p| p.told()).collect(),
            sent: vec![],
            unchecked: false,
            passing,
            waits: if passing { vec![] } else { std::mem::take(&mut work.runs[i].waits) },
        };
        let mut root = std::mem::take(&mut work.runs[i].files);
        let mut volumes = work.volumes.take().map(Arc::unwrap_or_clone).unwrap_or_default();
        around.roots = work.runs.iter().map(|r| r.files.clone()).collect();
        around.mounts.clone_from(&volumes.mounts);
        let mounts = volumes.mounts.get(i).cloned().unwrap_or_default();
        let in_memory = |v: &super::environment::Volumes| -> u64 {
            v.in_memory.iter().filter_map(|k| v.files.get(*k)).map(|f| f.bytes()).sum()
        };
        let before = in_memory(&volumes);
        let user = plan.containers.get(i).map_or(User::root(), |c| &c.user);
        let mut files = FileSystem { user, root: &mut root, mounts: &mounts, volumes: &mut volumes.files };
        let out = f(&mut files, &mut around);
        // who writes to a volume in memory pays for it
        let after = in_memory(&volumes);
        work.runs[i].in_volumes = (work.runs[i].in_volumes + after).saturating_sub(before);
        (work.draws, work.traces, work.reached) = (around.draws, around.traces, around.reached);
        (work.ties, work.visits) = (around.ties, around.visits);
        if !passing {
            work.runs[i].waits = around.waits;
        }
        work.runs[i].touched = true;
        work.runs[i].files = root;
        work.volumes = Some(Arc::new(volumes));
        out
    }

    /// Keeps what outlives the pod.
    pub(super) fn keep_volumes(&mut self, v: &super::environment::Volumes) {
        for (i, name) in &v.lasting {
            if let Some(files) = v.files.get(*i)
                && self.lasting.get(name) != Some(files)
            {
                self.lasting.insert(name.clone(), files.clone());
            }
        }
    }

    /// Runs a command in a container to its end, at most so long. Its time passes at once: what it changes is there
    /// from this moment on.
    #[expect(clippy::too_many_arguments, reason = "a command, where and in what it runs, and what bounds it")]
    pub(super) fn run_command(
        &self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Plan,
        work: &mut PodWork,
        i: usize,
        argv: &[String],
        input: &str,
        limit: SimDuration,
    ) -> Ran {
        let c = &plan.containers[i];
        let env = match &work.runs[i].env {
            Some(env) => env.to_vec(),
            None => super::environment::variables(self, sim, pod, plan, i).unwrap_or_default(),
        };
        let cwd = plan.container(i).and_then(|c| c.working_dir.clone()).unwrap_or_default();
        let unknown = if c.entry.is_some() { Unknown::NotFound } else { Unknown::Succeeds };
        let mut env = env;
        env.insert(0, ("HOSTNAME".into(), super::around::hostname(pod, plan)));
        let mut process = Process::new(argv, &env, &cwd, unknown).with_input(input);
        let mut at = sim.now;
        let mut code = None;
        for _ in 0..2000 {
            if at - sim.now > limit {
                at = sim.now + limit;
                break;
            }
            match self.with_files(sim, pod, plan, work, i, true, |files, around| process.step(at, files, around)) {
                State::Exited(c) => {
                    code = Some(c);
                    break;
                }
                State::Until(t) if t - sim.now <= limit => {
                    at = t + self.slowed(pod.id, plan, i, process.busy());
                }
                _ => {
                    at = sim.now + limit;
                    break;
                }
            }
        }
        let (mut out, mut err) = (String::new(), String::new());
        for (stream, text) in process.take_output() {
            (if stream == Stream::Out { &mut out } else { &mut err }).push_str(&text);
        }
        // it cannot have had more than a window's worth at once
        let worked = process.take_worked().0.min(15_000_000);
        if worked > 0 {
            work.runs[i].worked.add(sim.now, worked);
        }
        for (pid, signal) in process.take_kills() {
            if pid == 1 && signal == Signal::Hup && c.web.is_some() && work.runs[i].running() {
                self.configure_again(sim, pod, plan, work, i);
            } else if pid == 1 && work.runs[i].running() {
                work.runs[i].killed(c, signal, sim.now);
            }
        }
        Ran { out, err, code, took: at - sim.now }
    }

    /// Carries out a hook: whether it worked (else why not) and how long it took.
    #[expect(clippy::too_many_arguments, reason = "a hook, where and in what it runs, and what bounds it")]
    pub(super) fn hook(
        &self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Plan,
        work: &mut PodWork,
        i: usize,
        action: &Action,
        limit: SimDuration,
    ) -> (Result<(), String>, SimDuration) {
        match action {
            Action::Sleep(s) => (Ok(()), SimDuration(SimDuration::from_secs(*s).0.min(limit.0))),
            // who hangs does not come to an end
            Action::Exec(_) if work.runs[i].ills.hung => (Ok(()), limit),
            Action::Exec(argv) => {
                let ran = self.run_command(sim, pod, plan, work, i, argv, "", limit);
                let done = match ran.code {
                    Some(0) | None => Ok(()),
                    Some(c) => Err(format!("command '{}' exited with {c}: {}{}", argv.join(" "), ran.err, ran.out)),
                };
                (done, ran.took)
            }
            other => {
                let own = open_ports(plan, work, sim.now);
                let plan_of = ProbePlan {
                    action: other.clone(),
                    delay: SimDuration::ZERO,
                    period: SimDuration::from_secs(10),
                    timeout: SimDuration::from_secs(1),
                    success: 1,
                    failure: 1,
                    grace: None,
                };
                (self.ask(sim, pod, plan, work, i, &plan_of, own), SimDuration::ZERO)
            }
        }
    }

    /// Asks once. The error is what the event says after "probe failed: ".
    #[expect(clippy::too_many_arguments, reason = "a probe, and where it is asked")]
    fn ask(
        &self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Plan,
        work: &mut PodWork,
        i: usize,
        probe: &ProbePlan,
        open: Vec<u16>,
    ) -> Result<(), String> {
        let ip = self.workers.get(&pod.id).map_or(0, |w| w.ip);
        let ip = if plan.host_network { pod.status.host_ip } else { ip };
        let hung = work.runs[i].ills.hung;
        let refused = |port: u16| format!("dial tcp {}:{port}: connect: connection refused", Ipv4Addr::from(ip));
        let listens = |port: u16| open.contains(&port);
        match &probe.action {
            Action::Exec(argv) => {
                let ran = if hung {
                    Ran { out: String::new(), err: String::new(), code: None, took: probe.timeout }
                } else {
                    self.run_command(sim, pod, plan, work, i, argv, "", probe.timeout)
                };
                match ran.code {
                    Some(0) => Ok(()),
                    Some(_) => Err(format!("{}{}", ran.out, ran.err).trim_end().to_owned()),
                    None => Err(format!(
                        "command timed out: {:?} timed out after {}s",
                        argv.join(" "),
                        probe.timeout.as_secs()
                    )),
                }
            }
            Action::Tcp { port, host: Some(host) } => {
                let url = Url { host: host.clone(), port: *port, path: "/".into(), udp: false, named: None };
                self.reached_by_node(sim, pod, plan, &open, &url)
            }
            Action::Tcp { port, host: None } => {
                if !listens(*port) {
                    Err(refused(*port))
                } else if hung {
                    Err(format!("dial tcp {}:{port}: i/o timeout", Ipv4Addr::from(ip)))
                } else {
                    Ok(())
                }
            }
            Action::Grpc { port, service } => {
                let s = probe.timeout.as_secs();
                let server = super::around::server(plan, Some(work), *port);
                let speaks = server.map(|(k, c)| (k, c.grpc.as_ref().filter(|g| g.speaks_on(*port))));
                if let Some((k, Some(grpc))) = speaks.filter(|_| listens(*port)) {
                    if self.is_late(sim, pod, plan, work, *port, probe.timeout) {
                        return Err(format!("timeout: health rpc did not complete within {s}s"));
                    }
                    let since = work.runs.get(k).map_or(sim.now, |r| r.since);
                    return grpc.check(service, sim.now - since);
                }
                Err(format!(
                    "timeout: failed to connect service \"{}:{port}\" within {s}s: context deadline exceeded",
                    Ipv4Addr::from(ip)
                ))
            }
            Action::Http { port, path, host, https, named } => {
                let scheme = if *https { "https" } else { "http" };
                let to = host.as_deref().map_or_else(|| Ipv4Addr::from(ip).to_string(), str::to_owned);
                let slash = if path.starts_with('/') { "" } else { "/" };
                if host.is_some() && to != Ipv4Addr::from(ip).to_string() {
                    let url = Url {
                        host: to.as_str().into(),
                        port: *port,
                        path: path.clone(),
                        udp: false,
                        named: named.clone(),
                    };
                    return match self.asked_by_node(sim, pod, plan, &open, &url) {
                        Ok(200..400) => Ok(()),
                        Ok(code) => Err(format!("HTTP probe failed with statuscode: {code}")),
                        Err(why) => Err(format!("Get \"{scheme}://{to}:{port}{slash}{path}\": {why}")),
                    };
                }
                if !listens(*port) {
                    return Err(format!("Get \"{scheme}://{to}:{port}{slash}{path}\": {}", refused(*port)));
                }
                if self.is_late(sim, pod, plan, work, *port, probe.timeout) {
                    return Err(format!(
                        "Get \"{scheme}://{to}:{port}{slash}{path}\": context deadline exceeded (Client.Timeout exceeded \
                         while awaiting headers)"
                    ));
                }
                let code = match super::around::server(plan, Some(work), *port) {
                    Some((k, c)) => {
                        let since = work.runs.get(k).map_or(sim.now, |r| r.since);
                        let mute = c.entry.as_ref().is_some_and(|e| e.fails_at(sim.now - since, plan.container(k)));
                        let asked = Asked::new(named.as_deref().unwrap_or(&to), path);
                        match work.served(plan, k, *port, asked) {
                            _ if mute => 500,
                            Some(Served::Says(reply)) => reply.code,
                            Some(Served::Passes(on)) => self.passed_on(sim, pod, &on).code,
                            None => c.entry.as_ref().map_or(200, |e| e.answer(path).0),
                        }
                    }
                    None => 200,
                };
                if (200..400).contains(&code) {
                    Ok(())
                } else {
                    Err(format!("HTTP probe failed with statuscode: {code}"))
                }
            }
            Action::Sleep(_) => Ok(()),
        }
    }

    /// Does who answers on a port take longer than a probe waits?
    fn is_late(
        &self,
        sim: &Sim,
        pod: &PodRecord,
        plan: &Plan,
        work: &PodWork,
        port: u16,
        timeout: SimDuration,
    ) -> bool {
        let Some((k, _)) = super::around::server(plan, Some(work), port) else { return false };
        work.runs.get(k).is_some_and(|run| self.probed_in(sim, pod.id, plan, k, run, port) > timeout)
    }

    /// Does a pod's container answer as it always does, so that it need not be asked again?
    fn calm(&self, sim: &Sim, pod: &PodRecord, plan: &Plan, work: &PodWork, i: usize) -> bool {
        let (run, c) = (&work.runs[i], &plan.containers[i]);
        let slow = |port: &u16| self.probed_in(sim, pod.id, plan, i, run, *port) >= super::usage::STRAIN;
        !run.ills.hung && !self.sick.contains(&pod.id) && !c.ports.iter().any(slow)
    }

    /// Asks whatever probe is due.
    pub(super) fn probes(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Arc<Plan>, work: &mut PodWork) -> bool {
        let now = sim.now;
        let mut changed = false;
        for i in 0..work.runs.len() {
            if !work.runs[i].running() {
                continue;
            }
            let c = &plan.containers[i];
            let due = |s: &ProbeState| s.due.is_some_and(|t| t <= now);
            if let Some(p) = c.startup.as_ref().filter(|_| due(&work.runs[i].startup)) {
                let done = self.asked(sim, pod, plan, work, i, p, "Startup");
                let run = &mut work.runs[i];
                run.startup.take(p, done, now);
                match run.startup.verdict {
                    Some(true) => {
                        run.startup.due = None;
                        run.record.started = Some(true);
                        run.begin_probes(c, now);
                        changed = true;
                    }
                    Some(false) => {
                        self.fail_container(sim, pod, plan, work, i, "startup", p);
                        changed = true;
                    }
                    None => {}
                }
            }
            if let Some(p) = c.liveness.as_ref().filter(|_| due(&work.runs[i].liveness) && work.stopping.is_none()) {
                let done = if self.sick.contains(&pod.id) {
                    self.unhealthy(sim, pod, plan, i, "Liveness", "HTTP probe failed with statuscode: 500");
                    false
                } else {
                    self.asked(sim, pod, plan, work, i, p, "Liveness")
                };
                let calm = self.calm(sim, pod, plan, work, i);
                let run = &mut work.runs[i];
                run.liveness.take(p, done, now);
                if run.liveness.verdict == Some(false) {
                    self.fail_container(sim, pod, plan, work, i, "liveness", p);
                    changed = true;
                } else if done && calm && steady(&p.action, c, run.readiness.verdict) {
                    run.liveness.due = None;
                }
            }
            if let Some(p) = c.readiness.as_ref().filter(|_| due(&work.runs[i].readiness)) {
                let broken = self.broken.contains(&pod.id);
                let done = if broken {
                    self.unhealthy(sim, pod, plan, i, "Readiness", "HTTP probe failed with statuscode: 500");
                    false
                } else {
                    self.asked(sim, pod, plan, work, i, p, "Readiness")
                };
                let calm = self.calm(sim, pod, plan, work, i);
                let run = &mut work.runs[i];
                run.readiness.take(p, done, now);
                if done && calm && run.readiness.verdict == Some(true) && steady(&p.action, c, Some(true)) {
                    run.readiness.due = None;
                }
            }
            let broken = self.broken.contains(&pod.id);
            let run = &mut work.runs[i];
            let started = run.record.started == Some(true);
            let ready = match &c.readiness {
                Some(_) => started && run.readiness.verdict == Some(true),
                // a person's word counts even where no probe could tell
                None => started && !broken,
            };
            if (i >= plan.init || c.sidecar) && run.record.ready != ready {
                run.record.ready = ready;
                changed = true;
            }
        }
        changed
    }

    fn unhealthy(&self, sim: &mut Sim, pod: &PodRecord, plan: &Plan, i: usize, which: &str, why: &str) {
        self.pod_event(sim, pod, plan.field_path(i), true, "Unhealthy", format!("{which} probe failed: {why}"));
    }

    #[expect(clippy::too_many_arguments, reason = "a probe, and where it is asked")]
    fn asked(
        &self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
        p: &ProbePlan,
        which: &str,
    ) -> bool {
        let open = open_ports(plan, work, sim.now);
        match self.ask(sim, pod, plan, work, i, p, open) {
            Ok(()) => true,
            Err(why) => {
                self.unhealthy(sim, pod, plan, i, which, &why);
                false
            }
        }
    }

    /// A container that failed its liveness or startup probe is stopped, and started again if the policy says so.
    #[expect(clippy::too_many_arguments, reason = "a probe, and where it is asked")]
    fn fail_container(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
        which: &str,
        p: &ProbePlan,
    ) {
        let c = &plan.containers[i];
        let kind = if i < plan.init { "Init container" } else { "Container" };
        let text = format!("{kind} {} failed {which} probe, will be restarted", c.name);
        self.pod_event(sim, pod, plan.field_path(i), false, "Killing", text);
        let grace = SimDuration::from_secs(u64::from(p.grace.unwrap_or(plan.grace)));
        self.stop_container(sim, pod, plan, work, i, grace);
        work.runs[i].readiness.due = None;
        work.runs[i].record.ready = false;
    }
}

/// Will the answer stay what it is until something else happens? A server of the catalogue that has come up answers the
/// same for ever, so it need not be asked again.
fn steady(action: &Action, c: &super::plan::ContainerPlan, ready: Option<bool>) -> bool {
    let changes = c.entry.as_ref().is_some_and(|e| e.changes()) || c.grpc.as_ref().is_some_and(Grpc::changes);
    let constant = !changes && !c.shows_volume;
    ready != Some(false)
        && constant
        && c.program == super::plan::Program::Server
        && matches!(action, Action::Http { .. } | Action::Tcp { .. } | Action::Grpc { .. })
}

impl super::run::Run {
    /// Something in the container has sent its first process a signal. From its own children it is safe from SIGKILL.
    pub(super) fn killed(
        &mut self,
        c: &super::plan::ContainerPlan,
        signal: crate::runtime::shell::Signal,
        now: SimTime,
    ) {
        if signal != crate::runtime::shell::Signal::Kill {
            self.signal(c, now);
        }
    }
}
