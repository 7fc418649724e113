//! Writing: a pod's status from its containers', logs, and what `kubectl exec` runs.

use super::component::{Kubelets, Life};
use super::conditions::{self, Statuses};
use super::phase::phase;
use super::plan::{ContainerPlan, Plan, Program};
use super::pod_worker::{PodWork, Reason};
use crate::api::error::Status;
use crate::clock::SimDuration;
use crate::runtime::logs::Log;
use crate::sim::Sim;
use crate::store::pod::{CONTAINERS_READY, ContainerRecord, INITIALIZED, READY, READY_TO_START, RunState, SCHEDULED};
use crate::store::{Key, PodRecord};
use std::borrow::Cow;
use std::sync::Arc;

/// How long `kubectl exec` lets a command run: time does not pass for the person meanwhile.
const EXEC_LIMIT: SimDuration = SimDuration::from_secs(3600);

/// What a command of `kubectl exec` came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecResult {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code; none: it would go on for ever.
    pub code: Option<i32>,
}

impl Kubelets {
    /// Writes the pod's status if it is another than the stored one.
    pub(super) fn publish(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Arc<Plan>, work: &PodWork) {
        let now = sim.now;
        let ip = if work.sandbox_ready { self.address(pod.id, plan) } else { pod.status.ip };
        let host = self.workers.get(&pod.id).and_then(|w| self.nodes.get(w.node as usize)).map_or(0, |n| n.ip);
        let over = work.stopping.is_some() && work.runs.iter().all(|r| !r.running());
        let records: Vec<Option<&ContainerRecord>> =
            work.runs.iter().take(plan.regular).map(|r| Some(&r.record)).collect();
        let (init, containers) = records.split_at(plan.init);
        let spec = plan.spec();
        let failed = match &work.stopping {
            Some((Reason::Failed(reason, message), _)) => Some((*reason, message.clone())),
            _ => None,
        };
        let mut p = phase(spec, containers, init, over, work.initialized);
        if over && failed.is_some() {
            p = crate::store::pod::Phase::Failed;
        }
        if over && !p.is_terminal() {
            // it was stopped before it had begun
            p = crate::store::pod::Phase::Failed;
        }
        let statuses = Some(Statuses { containers, init });
        let others = pod.status.more.as_ref().and_then(|m| m.conditions.clone()).unwrap_or_default();
        let verdicts = [
            (
                READY_TO_START,
                conditions::Verdict { status: work.sandbox_ready && !over, reason: "", message: Cow::Borrowed("") },
            ),
            (INITIALIZED, conditions::initialized(spec, statuses, p)),
            (READY, conditions::ready(spec, &others, statuses, p)),
            (CONTAINERS_READY, conditions::containers_ready(spec, statuses, p)),
        ];
        let generation = pod.generation;
        let began = work.began;
        let told = |(r, c): (&ContainerRecord, &ContainerPlan)| ContainerRecord {
            told: c.told(r.container_id != 0),
            ..r.clone()
        };
        let init: Vec<ContainerRecord> = init.iter().flatten().copied().zip(plan.containers.iter()).map(told).collect();
        let rest = plan.containers.iter().skip(plan.init);
        let containers: Vec<ContainerRecord> = containers.iter().flatten().copied().zip(rest).map(told).collect();
        let id = pod.id;
        sim.update_pod_status(id, |s| {
            let before = s.clone();
            s.phase = if s.phase.is_terminal() { s.phase } else { p };
            (s.ip, s.host_ip) = (ip, host);
            s.started.get_or_insert(began.into());
            s.observed_generation = generation;
            if let Some((reason, message)) = failed {
                s.why = Some(Arc::new((Cow::Borrowed(reason), message)));
            }
            s.init = init.into();
            s.containers = containers.into();
            if plan.regular < plan.containers.len() {
                super::ephemeral::tell(work, plan, &mut s.more);
            }
            self.tell_resize(id, spec, s);
            for (which, v) in verdicts {
                let status = v.status;
                s.set_condition(which, status, now, v.why());
            }
            s.set_condition(SCHEDULED, true, now, None);
            *s != before
        });
    }

    /// The lines a container has printed, newest last; `previous`: of the run before. The error is the API server's.
    pub fn logs(
        &self,
        sim: &Sim,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
        previous: bool,
    ) -> Result<String, Status> {
        let log = self.log(sim, namespace, pod, container, previous)?;
        let mut text: String = log.lines().map(|l| format!("{}\n", l.text)).collect();
        text.push_str(log.rest());
        Ok(text)
    }

    /// The log itself, with times and streams: what `--since`, `--timestamps` and `-f` need.
    ///
    /// # Errors
    /// The API server's answer: no such pod or container, not started, no run before.
    pub fn log(
        &self,
        sim: &Sim,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
        previous: bool,
    ) -> Result<Log, Status> {
        let (pod, plan, i) = self.container(sim, namespace, pod, container)?;
        let name = &plan.containers[i].name;
        let life = self.workers.get(&pod.id).map(|w| &w.life);
        let record = match (i.checked_sub(plan.init), life) {
            (Some(_), Some(Life::Full(work))) if i >= plan.regular => work.runs.get(i).map(|r| &r.record),
            (Some(k), _) => pod.status.containers.get(k),
            (None, _) => pod.status.init.get(i),
        };
        let waiting = |why: &str| {
            let why = match why {
                "ErrImagePull" => "image can't be pulled",
                "ImagePullBackOff" => "trying and failing to pull image",
                why => why,
            };
            Status::bad_request(format!("container {:?} in pod {:?} is waiting to start: {why}", &**name, &*pod.name))
        };
        let Some(worker) = self.workers.get(&pod.id) else {
            return Err(if pod.node.is_none() {
                Status::bad_request(format!("pod {} does not have a host assigned", pod.name))
            } else {
                waiting("ContainerCreating")
            });
        };
        if let Some(node) = self.nodes.get(worker.node as usize).filter(|n| !n.powered) {
            let ip = std::net::Ipv4Addr::from(node.ip);
            return Err(Status::new(
                500,
                "InternalError",
                format!(
                    "Get \"https://{ip}:10250/containerLogs/{}/{}/{name}\": dial tcp {ip}:10250: connect: no route to host",
                    pod.namespace, pod.name
                ),
            ));
        }
        if let Some(RunState::Waiting(why, _)) = record.map(|r| &r.state)
            && record.is_some_and(|r| r.last.is_none())
        {
            return Err(waiting(why));
        }
        if record.is_none() {
            return Err(waiting("ContainerCreating"));
        }
        let missing = || {
            Status::bad_request(format!(
                "previous terminated container {:?} in pod {:?} not found",
                &**name, &*pod.name
            ))
        };
        match &worker.life {
            Life::Full(work) => {
                let run = work.runs.get(i).ok_or_else(missing)?;
                match previous {
                    true => run.previous.clone().ok_or_else(missing),
                    false if run.running() => Ok(self.with_visits(sim, &pod, &plan, i, run.since, &run.log)),
                    false => Ok(run.log.clone()),
                }
            }
            _ if previous => Err(missing()),
            _ => {
                // nobody kept it, but it follows from the image
                let mut log = Log::default();
                let c = &plan.containers[i];
                if let (Some(RunState::Running(t)), Program::Server) = (record.map(|r| &r.state), &c.program) {
                    super::site::greets(&mut log, c, None, (*t).into(), pod.status.ip);
                    log = self.with_visits(sim, &pod, &plan, i, (*t).into(), &log);
                }
                Ok(log)
            }
        }
    }

    /// Finds a pod, its plan and one of its containers.
    fn container(
        &self,
        sim: &Sim,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
    ) -> Result<(Arc<PodRecord>, Plan, usize), Status> {
        let record = sim.store.pod_by_name(&Key::new(namespace, pod)).cloned();
        let record = record.ok_or_else(|| Status::not_found("pods", pod))?;
        let plan = Plan::new(&record.proto);
        let i = match container.filter(|c| !c.is_empty()) {
            Some(c) => plan
                .containers
                .iter()
                .position(|p| &*p.name == c)
                .ok_or_else(|| Status::bad_request(format!("container {c} is not valid for pod {pod}")))?,
            None if plan.regular - plan.init == 1 => plan.init,
            None => {
                let names: Vec<&str> =
                    plan.containers.iter().take(plan.regular).skip(plan.init).map(|c| &*c.name).collect();
                return Err(Status::bad_request(format!(
                    "a container name must be specified for pod {pod}, choose one of: [{}]",
                    names.join(" ")
                )));
            }
        };
        Ok((record, plan, i))
    }

    /// Runs a command in a container, as `kubectl exec` asks. What it sleeps takes no time of the cluster's.
    ///
    /// # Errors
    /// The API server's answer: no such pod or container, not running.
    pub fn exec(
        &mut self,
        sim: &mut Sim,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
        argv: &[String],
        input: &str,
    ) -> Result<ExecResult, Status> {
        let (pod, plan, i) = self.container(sim, namespace, pod, container)?;
        let name = plan.containers[i].name.clone();
        let not_running = || {
            Status::new(500, "InternalError", format!("unable to upgrade connection: container not found (\"{name}\")"))
        };
        if pod.node.is_none() {
            return Err(Status::bad_request(format!("pod {} does not have a host assigned", pod.name)));
        }
        if pod.status.phase.is_terminal() {
            let p = pod.status.phase.as_str();
            return Err(Status::bad_request(format!(
                "cannot exec into a container in a completed pod; current phase is {p}"
            )));
        }
        let c = &plan.containers[i];
        let lacks = |a: &String| {
            use crate::runtime::shell::{knows, lacks};
            let base = a.rsplit('/').next().unwrap_or(a);
            let known = |e: &crate::runtime::images::Image| !e.has(a) && (!e.shell || lacks(&c.image, base));
            c.entry.as_ref().is_some_and(|e| known(e)) || (!knows(a) && c.entry.as_ref().is_none_or(|e| !e.has(a)))
        };
        let work = match self.workers.get(&pod.id).map(|w| &w.life) {
            Some(Life::Full(work)) => Some(work),
            _ => None,
        };
        let own = work.and_then(|w| w.runs.get(i));
        // a script, wherever it lies
        let script = argv.first().filter(|a| a.contains('/') && lacks(a)).and_then(|a| {
            let cwd = plan.container(i).and_then(|c| c.working_dir.as_deref()).unwrap_or("/");
            let path = crate::runtime::files::normalize(cwd, a);
            Some((work?.view(i)?.get(&path)?, work?.cannot_run(i, a, &path)))
        });
        let installed = |a: &String| own.is_some_and(|r| r.files.get(&format!("/usr/bin/{a}")).is_some());
        let denied = script.as_ref().and_then(|(_, why)| why.clone());
        if denied.is_some() || script.is_none() && argv.first().is_some_and(|a| lacks(a) && !installed(a)) {
            let a = &argv[0];
            let why = if let Some(why) = denied {
                why
            } else if a.contains('/') {
                format!("exec: {a:?}: stat {a}: no such file or directory")
            } else {
                format!("exec: {a:?}: executable file not found in $PATH")
            };
            let text = format!(
                "Internal error occurred: Internal error occurred: error executing command in container: failed to exec \
                 in container: failed to start exec: OCI runtime exec failed: exec failed: unable to start container \
                 process: {why}"
            );
            return Err(Status::new(500, "InternalError", text));
        }
        let mut result = Err(not_running());
        let done = self.on_node(sim, &pod, |k, sim, pod| {
            k.promote(sim, pod);
            let Some(mut work) = k.take_work(pod.id) else { return };
            if work.runs.get(i).is_some_and(super::run::Run::running) {
                let ran = k.run_command(sim, pod, &plan, &mut work, i, argv, input, EXEC_LIMIT);
                result = Ok(ExecResult { stdout: ran.out, stderr: ran.err, code: ran.code });
                // it may have changed what probes find
                work.ask_all(&plan, sim.now);
            }
            k.put_work(pod.id, work);
            k.full_turn(sim, pod.id);
            if super::pressure::has_disk_limits(&plan)
                && let Some(node) = k.workers.get(&pod.id).map(|w| w.node)
            {
                k.watch_node(sim, node);
            }
        });
        done.map_err(|e| Status::new(500, "InternalError", e))?;
        result
    }
}
