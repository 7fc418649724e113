//! One container of a pod: where it stands, its process, files, logs and back-offs. Knows nothing of the pod around it.

use super::backoff::Backoff;
use super::faults::Ills;
use super::plan::ContainerPlan;
use super::probe::ProbeState;
use super::simple::on_term;
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::pending::Pending;
use crate::runtime::files::Files;
use crate::runtime::logs::Log;
use crate::runtime::meter::Meter;
use crate::runtime::shell::{Process, Signal};
use crate::runtime::web::Site;
use crate::store::pod::{ContainerRecord, RunState, Terminated};
use k8s_openapi::api::core::v1::Container;
use std::borrow::Cow;
use std::sync::Arc;

/// Bytes of a message at its end that a container's status shows.
const MOST_SAID: usize = 4096;
/// The least that a container gets between SIGTERM and SIGKILL.
pub(super) const LEAST_GRACE: SimDuration = SimDuration::from_secs(2);

/// Where a container stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Step {
    /// Nothing has been done for it yet, or it is to be started again.
    #[default]
    Idle,
    /// Its image is being pulled: asked, begun, there.
    Pulling(SimTime, SimTime, SimTime),
    /// Its image cannot be had: said so (back-off, not the error) from the first moment on, tried again at the second.
    NoImage(SimTime, SimTime),
    /// It could not be made; tried again then.
    Broken(SimTime),
    /// It runs.
    Running,
    /// It ended then and has to be looked at.
    Exited(SimTime),
    /// It is started again then; its status says so from the first moment on.
    Waiting(SimTime, SimTime),
    /// It has ended for good.
    Done,
}

/// A container of a pod.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub step: Step,
    pub record: ContainerRecord,
    pub process: Option<Process>,
    /// When its process looks again.
    pub wake: Option<SimTime>,
    /// An end that is decided: when, exit code.
    pub exits: Option<(SimTime, i32)>,
    /// When it gets SIGTERM, and when SIGKILL.
    pub term_at: Option<SimTime>,
    pub kill_at: Option<SimTime>,
    /// Since when it runs, to the microsecond.
    pub since: SimTime,
    pub files: Files,
    pub log: Log,
    pub previous: Option<Log>,
    pub backoff: Backoff,
    pub image_backoff: Backoff,
    pub startup: ProbeState,
    pub readiness: ProbeState,
    pub liveness: ProbeState,
    pub announced: bool,
    /// It asks for more memory than it may have.
    pub out_of_memory: bool,
    /// When its memory comes to its end.
    pub oom_at: Option<SimTime>,
    /// What a person does to it.
    pub ills: Ills,
    /// When it is said again that it has to wait.
    pub said: Option<SimTime>,
    /// Its environment as it was when it was started.
    pub env: Option<Arc<[(String, String)]>>,
    /// CPU that its processes have used, in microseconds.
    pub worked: Meter,
    /// Bytes that it has written to volumes in memory.
    pub in_volumes: u64,
    /// What its web server has read of its configuration.
    pub site: Option<Arc<Site>>,
    /// It is stopped when its turn has come; its hook is done by then.
    pub turn: Option<SimTime>,
    /// What its postStart hook has failed with.
    pub hook_failed: Option<Arc<str>>,
    /// It is being ended to be started with other resources or another image.
    pub anew: bool,
    /// Commands have been run in it, which may have changed its files.
    pub touched: bool,
    /// Commands of its process that wait for something of the cluster's, by the number of the job.
    pub waits: Vec<(u32, Pending)>,
}

impl Run {
    pub(super) fn new(waiting: &'static str) -> Run {
        Run {
            step: Step::Idle,
            record: ContainerRecord::waiting(waiting),
            process: None,
            wake: None,
            exits: None,
            term_at: None,
            kill_at: None,
            since: SimTime::ZERO,
            files: Files::default(),
            log: Log::default(),
            previous: None,
            backoff: Backoff::default(),
            image_backoff: Backoff::default(),
            startup: ProbeState::default(),
            readiness: ProbeState::default(),
            liveness: ProbeState::default(),
            announced: false,
            out_of_memory: false,
            oom_at: None,
            ills: Ills::default(),
            said: None,
            env: None,
            worked: Meter::default(),
            in_volumes: 0,
            touched: false,
            waits: vec![],
            anew: false,
            site: None,
            turn: None,
            hook_failed: None,
        }
    }

    pub(super) fn running(&self) -> bool {
        self.step == Step::Running
    }

    /// Its process serves: ports are open once it has come up.
    pub(super) fn serves(&self, plan: &ContainerPlan, now: SimTime) -> bool {
        self.running()
            && now >= self.since + SimDuration::from_millis(plan.start) + self.ills.slow
            && match &self.process {
                None => true,
                Some(p) => p.serving(),
            }
    }

    pub(super) fn adopt(&mut self, since: SimTime, container: u64) {
        self.step = Step::Running;
        self.anew = false;
        self.since = since;
        self.record.state = RunState::Running(since.into());
        self.record.image = None;
        self.record.container_id = container;
        self.record.pulled = true;
        self.record.started = Some(true);
        self.record.ready = true;
    }

    pub(super) fn begin_probes(&mut self, c: &ContainerPlan, now: SimTime) {
        if let Some(p) = &c.readiness {
            self.readiness = ProbeState::begin(p, self.since, now);
        }
        if let Some(p) = &c.liveness {
            self.liveness = ProbeState::begin(p, self.since, now);
        }
    }

    pub(super) fn wait(&mut self, reason: &'static str, message: Option<&str>) {
        self.record.state = RunState::Waiting(Cow::Borrowed(reason), message.map(Into::into));
        self.record.ready = false;
        self.record.started = Some(false);
    }

    /// SIGTERM after the hook, SIGKILL at the end of the grace period.
    pub(super) fn begin_stop(&mut self, now: SimTime, hook: SimDuration, grace: SimDuration) {
        self.startup.due = None;
        self.liveness.due = None;
        self.term_at = Some(now + hook);
        let rest = SimDuration(grace.0.saturating_sub(hook.0));
        let rest = if grace.0 == 0 { rest } else { SimDuration(rest.0.max(LEAST_GRACE.0.min(grace.0))) };
        self.kill_at = Some(now + hook + rest);
    }

    /// The process gets SIGTERM.
    pub(super) fn signal(&mut self, c: &ContainerPlan, now: SimTime) {
        // who hangs hears nothing
        if self.exits.is_some() || self.ills.hung {
            return;
        }
        match &mut self.process {
            Some(p) if !p.serving() => {
                p.signal(Signal::Term);
                if p.wakes_on_signal() {
                    self.wake = Some(now);
                }
            }
            _ => self.exits = on_term(c.entry.as_deref()).map(|(d, code)| (now + d, code)),
        }
    }

    /// The process has ended.
    pub(super) fn end(&mut self, at: SimTime, code: i32, container: Option<&Container>) {
        let started = match self.record.state {
            RunState::Running(t) => t,
            _ => at.into(),
        };
        let path = container.and_then(|c| c.termination_message_path.as_deref()).unwrap_or("/dev/termination-log");
        let message_policy = container.and_then(|c| c.termination_message_policy.as_deref());
        let mut message = match self.files.get(path) {
            Some(crate::runtime::files::Entry::File(t)) if !t.is_empty() => Some(t.clone()),
            _ => None,
        };
        if message.is_none() && code != 0 && message_policy == Some("FallbackToLogsOnError") {
            message = Some(self.log.tail(80, 2048).into());
        }
        let message = message.map(|m| match m.char_indices().map(|(i, _)| i).find(|i| *i >= MOST_SAID) {
            Some(end) => m[..end].into(),
            None => m,
        });
        self.record.state = RunState::Terminated(Arc::new(Terminated {
            exit_code: code,
            reason: Cow::Borrowed(match code {
                0 => "Completed",
                137 if self.out_of_memory => "OOMKilled",
                _ => "Error",
            }),
            message,
            started,
            finished: at.into(),
            container_id: self.record.container_id,
        }));
        self.record.ready = false;
        self.record.started = Some(false);
        self.step = Step::Exited(at);
        self.process = None;
        (self.wake, self.exits, self.term_at, self.kill_at) = (None, None, None, None);
        (self.oom_at, self.turn) = (None, None);
        self.in_volumes = 0;
        self.ills.ended();
        (self.startup, self.readiness, self.liveness) = Default::default();
    }
}
