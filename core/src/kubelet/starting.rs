//! From an image to a running container: pulling, creating, starting, starting again, and what is said when that does
//! not work. Models pkg/kubelet/kuberuntime startContainer and the image manager.

use super::backoff;
use super::component::Kubelets;
use super::plan::{Plan, Program, PullPolicy};
use super::pod_worker::PodWork;
use super::probe::{Action, ProbeState};
use super::run::Step;
use super::simple::pulled;
use crate::clock::{SimDuration, SimTime};
use crate::runtime::shell::{Process, Stream, Unknown};
use crate::sim::Sim;
use crate::store::PodRecord;
use crate::store::pod::{RunState, Terminated};
use std::borrow::Cow;
use std::sync::Arc;

/// After a failed pull its status waits so long before it speaks of back-off.
const SHOW_PULL_ERROR: SimDuration = SimDuration::from_millis(2500);
/// A kubelet that was told to wait looks again after so many milliseconds.
const SYNC: (u64, u64) = (10_000, 15_000);
/// How long a postStart hook is followed: time does not pass for what it does meanwhile.
const LONGEST_HOOK: SimDuration = SimDuration::from_secs(3600);
/// How often a container that cannot be made is tried again.
const RETRY: SimDuration = SimDuration::from_secs(10);

/// Milliseconds that the container of a Job takes whose image nobody knows.
const BATCH: u64 = 5_000;

impl Kubelets {
    /// Takes one container as far towards running as it gets now.
    pub(super) fn bring_up(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
    ) -> bool {
        let now = sim.now;
        let c = &plan.containers[i];
        match work.runs[i].step {
            Step::Idle => self.look_for_image(sim, pod, plan, work, i),
            Step::Pulling(asked, begun, there) if there <= now => {
                self.image_came(sim, pod, plan, work, i, asked, begun);
                true
            }
            Step::NoImage(from, until) => {
                let waits = matches!(&work.runs[i].record.state, RunState::Waiting(r, _) if r == "ErrImagePull");
                if until <= now {
                    work.runs[i].step = Step::Idle;
                    return true;
                }
                if from <= now && !waits && work.runs[i].said.is_some_and(|t| t <= now) {
                    // each sync that finds the back-off says so
                    let text = format!("Back-off pulling image {:?}", &*c.image);
                    self.pod_event(sim, pod, plan.field_path(i), false, "BackOff", text);
                    self.pod_event(sim, pod, plan.field_path(i), true, "Failed", "Error: ImagePullBackOff");
                    let sync = self.between(SYNC.0, SYNC.1);
                    work.runs[i].said = Some(now + sync);
                }
                if from <= now && waits {
                    let sync = self.between(SYNC.0, SYNC.1);
                    work.runs[i].said = Some(now + sync);
                    let text = format!("Back-off pulling image {:?}", &*c.image);
                    let why = work.image_errors.get(&i).cloned().unwrap_or_default();
                    self.pod_event(sim, pod, plan.field_path(i), false, "BackOff", text.clone());
                    self.pod_event(sim, pod, plan.field_path(i), true, "Failed", "Error: ImagePullBackOff");
                    let message = format!("{text}: ErrImagePull: {why}");
                    work.runs[i].wait("ImagePullBackOff", Some(&message));
                    return true;
                }
                false
            }
            Step::Broken(until) if until <= now => {
                work.runs[i].step = Step::Idle;
                true
            }
            Step::Waiting(from, until) => {
                let shown = matches!(&work.runs[i].record.state, RunState::Waiting(r, _) if r == "CrashLoopBackOff");
                if until <= now {
                    let ended = match &work.runs[i].record.state {
                        RunState::Terminated(t) => Some(t.clone()),
                        _ => work.runs[i].record.last.clone(),
                    };
                    let run = &mut work.runs[i];
                    let at = ended.as_ref().map_or(now, |t| t.finished.into());
                    run.backoff.next(at, now);
                    run.record.last = ended;
                    run.record.restarts += 1;
                    run.step = Step::Idle;
                    return true;
                }
                if from <= now && shown && work.runs[i].said.is_some_and(|t| t <= now) {
                    let who = format!("{}_{}({})", pod.name, pod.namespace, sim.store.ids.uid(pod.id));
                    let text = format!("Back-off restarting failed container {} in pod {who}", c.name);
                    self.pod_event(sim, pod, plan.field_path(i), true, "BackOff", text);
                    let sync = self.between(SYNC.0, SYNC.1);
                    work.runs[i].said = Some(now + sync);
                }
                if from <= now && !shown {
                    let sync = self.between(SYNC.0, SYNC.1);
                    work.runs[i].said = Some(now + sync);
                    let run = &mut work.runs[i];
                    if let RunState::Terminated(t) = &run.record.state {
                        run.record.last = Some(t.clone());
                    }
                    let who = format!("{}_{}({})", pod.name, pod.namespace, sim.store.ids.uid(pod.id));
                    let wait = backoff::text(run.backoff.delay);
                    let message = format!("back-off {wait} restarting failed container={} pod={who}", c.name);
                    run.wait("CrashLoopBackOff", Some(&message));
                    let text = format!("Back-off restarting failed container {} in pod {who}", c.name);
                    self.pod_event(sim, pod, plan.field_path(i), true, "BackOff", text);
                    return true;
                }
                false
            }
            _ => false,
        }
    }

    fn look_for_image(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
    ) -> bool {
        let now = sim.now;
        let c = &plan.containers[i];
        let path = plan.field_path(i);
        if c.invalid_image {
            let text = format!(
                "Failed to apply default image tag {0:?}: couldn't parse image name {0:?}: invalid reference format",
                &*c.image
            );
            self.pod_event(sim, pod, path.clone(), true, "InspectFailed", text.clone());
            self.pod_event(sim, pod, path, true, "Failed", "Error: InvalidImageName");
            work.runs[i].wait("InvalidImageName", Some(&text));
            work.runs[i].step = Step::Broken(now + RETRY);
            return true;
        }
        let there = self
            .workers
            .get(&pod.id)
            .and_then(|w| self.nodes.get(w.node as usize))
            .is_some_and(|n| n.images.get(&c.image).is_some_and(|t| *t <= now));
        if c.policy == PullPolicy::Never && !there {
            let text = format!("Container image {:?} is not present with pull policy of Never", &*c.image);
            self.pod_event(sim, pod, path.clone(), true, "ErrImageNeverPull", text.clone());
            self.pod_event(sim, pod, path, true, "Failed", "Error: ErrImageNeverPull");
            work.runs[i].wait("ErrImageNeverPull", Some(&text));
            work.runs[i].step = Step::Broken(now + RETRY);
            return true;
        }
        if there && c.policy != PullPolicy::Always {
            if !Self::quiet(sim) {
                let text = format!(
                    "Container image {:?} already present on machine and can be accessed by the pod",
                    &*c.image
                );
                self.pod_event(sim, pod, path, false, "Pulled", text);
            }
            self.start(sim, pod, plan, work, i);
            return true;
        }
        if !Self::quiet(sim) {
            self.pod_event(sim, pod, path, false, "Pulling", format!("Pulling image {:?}", &*c.image));
        }
        if self.in_registry(sim, pod.id, &c.image).is_err() {
            // the registry's answer takes a moment
            let answer = self.between(700, 1600);
            work.runs[i].step = Step::Pulling(now, now, now + answer);
        } else if let Some((begun, there)) = self.pull(sim, pod.id, &c.image, c.policy, now) {
            work.runs[i].step = Step::Pulling(now, begun, there);
        }
        true
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "an image, for which container it came, and since when it was awaited"
    )]
    fn image_came(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
        asked: SimTime,
        begun: SimTime,
    ) {
        let now = sim.now;
        let c = &plan.containers[i];
        let path = plan.field_path(i);
        match self.in_registry(sim, pod.id, &c.image) {
            Ok(_) => {
                self.arrived(pod.id, &c.image, now);
                if !Self::quiet(sim) {
                    self.pod_event(sim, pod, path, false, "Pulled", pulled(&c.image, now - begun, now - asked));
                }
                work.image_errors.remove(&i);
                self.start(sim, pod, plan, work, i);
            }
            Err(e) => {
                self.pod_event(
                    sim,
                    pod,
                    path.clone(),
                    true,
                    "Failed",
                    format!("Failed to pull image {:?}: {e}", &*c.image),
                );
                self.pod_event(sim, pod, path, true, "Failed", "Error: ErrImagePull");
                let run = &mut work.runs[i];
                run.wait("ErrImagePull", Some(&e));
                run.image_backoff.next(now, now);
                run.step = Step::NoImage(now + SHOW_PULL_ERROR, now + run.image_backoff.delay);
                work.image_errors.insert(i, e.into());
            }
        }
    }

    fn start(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Arc<Plan>, work: &mut PodWork, i: usize) {
        let now = sim.now;
        let c = &plan.containers[i];
        let path = plan.field_path(i);
        let allowed = plan.root_forbidden(i).map_or(Ok(()), |why| {
            let uid = sim.store.ids.uid(pod.id);
            Err(format!("{why} (pod: \"{}_{}({uid})\", container: {})", pod.name, pod.namespace, c.name))
        });
        let env = match allowed.and_then(|()| super::environment::variables(self, sim, pod, plan, i)) {
            Ok(env) => env,
            Err(e) => {
                self.pod_event(sim, pod, path, true, "Failed", format!("Error: {e}"));
                work.runs[i].wait("CreateContainerConfigError", Some(&e));
                work.runs[i].step = Step::Broken(now + RETRY);
                return;
            }
        };
        let container = self.rng.u64() | 1;
        if !Self::quiet(sim) || c.program != Program::Server {
            self.pod_event(sim, pod, path.clone(), false, "Created", "Container created");
        }
        let why = match &c.program {
            Program::Missing(name) if name.contains('/') => {
                Some(format!("exec: {:?}: stat {name}: no such file or directory", &**name))
            }
            Program::Missing(name) => Some(format!("exec: {:?}: executable file not found in $PATH", &**name)),
            Program::Command(argv) => {
                let script = argv.first().zip(plan.container(i)).and_then(|(a, c)| super::plan::on_volume(c, a));
                script.and_then(|path| work.cannot_run(i, &argv[0], &path))
            }
            _ => None,
        };
        if let Some(why) = why {
            let text = format!(
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
                 failed: unable to start container process: error during container init: {why}"
            );
            self.pod_event(sim, pod, path, true, "Failed", format!("Error: {text}"));
            let run = &mut work.runs[i];
            run.record.container_id = container;
            run.record.pulled = true;
            run.record.state = RunState::Terminated(Arc::new(Terminated {
                exit_code: 128,
                reason: Cow::Borrowed("StartError"),
                message: Some(text.into()),
                started: SimTime::ZERO.into(),
                finished: now.into(),
                container_id: container,
            }));
            run.step = Step::Exited(now);
            return;
        }
        if !Self::quiet(sim) || c.program != Program::Server {
            self.pod_event(sim, pod, path.clone(), false, "Started", "Container started");
        }
        let refuses = c.entry.as_ref().and_then(|e| e.refuses(|n| env.iter().any(|(k, v)| k == n && !v.is_empty())));
        let ip = self.address(pod.id, plan);
        let taken = c.binds.iter().copied().find(|p| {
            let others = work.runs.iter().zip(plan.containers.iter()).enumerate();
            others.filter(|(k, (r, _))| *k != i && r.running()).any(|(_, (_, o))| o.binds.contains(p))
        });
        let run = &mut work.runs[i];
        run.site = None;
        if !run.log.is_empty() {
            run.previous = Some(std::mem::take(&mut run.log));
        }
        run.files = super::content::furnished(c);
        if let Some(spec) = plan.container(i) {
            run.files.place("/proc/1/status", &super::content::status(spec, &c.user));
        }
        super::around::name_files(&mut run.files, pod, plan, ip);
        run.process = None;
        (run.in_volumes, run.touched) = (0, false);
        run.exits = None;
        (run.term_at, run.kill_at) = (None, None);
        run.adopt(now, container);
        let broken = match c.program {
            Program::Server if c.cannot.is_none() => self.configure(sim, pod, plan, work, i).err(),
            _ => None,
        };
        let run = &mut work.runs[i];
        let cwd = plan.container(i).and_then(|c| c.working_dir.clone()).unwrap_or_default();
        match &c.program {
            Program::Server if taken.is_some() => {
                let (text, after) = in_use(&c.image, taken.unwrap_or(0));
                run.log.add(now, Stream::Err, &text);
                run.exits = Some((now + after, 1));
            }
            Program::Server if c.cannot.is_some() => {
                run.log.add(now, Stream::Err, c.cannot.as_deref().unwrap_or_default());
                run.exits = Some((now + SimDuration::from_millis(200), 1));
            }
            Program::Server if broken.is_some() => {
                run.not_configured(c.web, now, broken.as_deref().unwrap_or_default());
                run.exits = Some((now + SimDuration::from_millis(200), 1));
            }
            Program::Server | Program::Missing(_) => match (refuses, &c.entry) {
                (Some(text), _) => {
                    run.log.add(now, Stream::Err, text);
                    run.exits = Some((now + SimDuration::from_millis(300), 1));
                }
                (None, Some(_)) => super::site::greets(&mut run.log, c, run.site.as_deref(), now, ip),
                _ => {}
            },
            Program::Ends => run.exits = Some((now, 0)),
            Program::Prints => {
                let lasts = c.entry.as_ref().map_or(BATCH, |e| e.lasts);
                run.exits = Some((now + SimDuration::from_millis(lasts), 0));
            }
            Program::Command(argv) => {
                let unknown = if c.entry.is_some() { Unknown::NotFound } else { Unknown::Serves };
                let argv = super::environment::expand(argv, &env);
                let mut env = env.clone();
                env.insert(0, ("HOSTNAME".into(), super::around::hostname(pod, plan)));
                run.process = Some(Process::new(&argv, &env, &cwd, unknown));
                run.wake = Some(now);
            }
        }
        // who refers to objects that may change keeps what they said
        run.env = plan.refers(i).then(|| env.as_slice().into());
        run.out_of_memory = false;
        // its pages fill up for a moment before the kernel finds out
        run.oom_at = c.starves.then(|| now + SimDuration::from_millis(1500));
        run.ills.started();
        if run.ills.loops {
            run.exits = Some((now + super::faults::SOON, 1));
        }
        run.record.ready = false;
        run.record.started = Some(c.startup.is_none());
        (run.startup, run.readiness, run.liveness) = Default::default();
        match &c.startup {
            Some(p) => run.startup = ProbeState::begin(p, now, now),
            None => run.begin_probes(c, now),
        }
        if (plan.init..plan.regular).contains(&i) {
            work.initialized = true;
        }
        if c.needs.idle >= super::usage::MUCH
            && let Some(node) = self.workers.get(&pod.id).map(|w| w.node)
        {
            self.watch_cpu(sim, node);
        }
        if plan.grows(i)
            && let Some(node) = self.workers.get(&pod.id).map(|w| w.node)
        {
            self.watch_node(sim, node);
        }
        let later = self.between(100, 900);
        work.relist = Some(work.relist.map_or(now + later, |t| t.min(now + later)));
        if let Some(action) = &c.post_start {
            let (done, took) = self.hook(sim, pod, plan, work, i, action, LONGEST_HOOK);
            if took.0 > 0 {
                // the kubelet waits for it: until then the container counts as being created
                let until = now + took;
                work.busy = Some(until);
                work.relist = Some(until + later);
                let run = &mut work.runs[i];
                for probe in [&mut run.startup, &mut run.readiness, &mut run.liveness] {
                    probe.due = probe.due.map(|t| t.max(until));
                }
            }
            if let Err(why) = done {
                let uid = sim.store.ids.uid(pod.id);
                let words = match action {
                    Action::Exec(argv) => {
                        format!(
                            "Exec lifecycle hook ([{}]) for Container {:?} in Pod \"{}_{}({uid})\" failed - error: {why}",
                            argv.join(" "),
                            &*c.name,
                            pod.name,
                            pod.namespace
                        )
                    }
                    _ => format!(
                        "HTTP lifecycle hook for Container {:?} in Pod \"{}_{}({uid})\" failed - error: {why}",
                        &*c.name, pod.name, pod.namespace
                    ),
                };
                work.runs[i].hook_failed = Some(words.into());
                // what it printed may be secret: the event does not tell
                self.pod_event(sim, pod, path.clone(), true, "FailedPostStartHook", "PostStartHook failed");
                self.pod_event(sim, pod, path, false, "Killing", "FailedPostStartHook");
                let grace = SimDuration::from_secs(u64::from(plan.grace));
                self.stop_container(sim, pod, plan, work, i, grace);
            }
        }
    }
}

/// What a server says, in its own words, that finds its port taken by another container of its pod, and how long it
/// tries.
fn in_use(image: &str, port: u16) -> (String, SimDuration) {
    let name = image.split(['@', ':']).next().unwrap_or(image).rsplit('/').next().unwrap_or_default();
    if name.starts_with("nginx") {
        let line = format!("nginx: [emerg] bind() to 0.0.0.0:{port} failed (98: Address already in use)\n");
        return (line.repeat(5) + "nginx: [emerg] still could not bind()\n", SimDuration::from_millis(2_500));
    }
    let text = match name {
        "httpd" => format!(
            "(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:{port}\nno listening \
             sockets available, shutting down\nAH00015: Unable to open logs\n"
        ),
        "redis" => format!(
            "Warning: Could not create server TCP listening socket *:{port}: bind: Address already in use\nFailed listening on port {port} (tcp), aborting.\n"
        ),
        _ => format!("listen tcp :{port}: bind: address already in use\n"),
    };
    (text, SimDuration::from_millis(300))
}
