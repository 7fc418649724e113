//! Probes: when they run, what their results come to. Pure but for the asking itself, which the pod worker does.
//! Models pkg/kubelet/prober worker.go.

use super::plan::port;
use crate::clock::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe, TCPSocketAction};
use std::sync::Arc;

/// What a probe or a hook does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Runs a command in the container.
    Exec(Arc<[String]>),
    /// Asks for a page.
    Http {
        /// Port; 0: the name is unknown.
        port: u16,
        /// Path.
        path: Arc<str>,
        /// Another host than the pod.
        host: Option<Arc<str>>,
        /// https
        https: bool,
        /// The `Host` header.
        named: Option<Arc<str>>,
    },
    /// Opens a connection.
    Tcp {
        /// Port.
        port: u16,
        /// Another host than the pod.
        host: Option<Arc<str>>,
    },
    /// gRPC health check.
    Grpc {
        /// Port.
        port: u16,
        /// The service that is asked about.
        service: Arc<str>,
    },
    /// Waits so many seconds (hooks only).
    Sleep(u64),
}

/// A probe as the kubelet runs it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbePlan {
    /// What is asked.
    pub action: Action,
    /// From the container's start to the first time.
    pub delay: SimDuration,
    /// From one time to the next.
    pub period: SimDuration,
    /// An answer that takes longer is none.
    pub timeout: SimDuration,
    /// Successes in a row that make a success.
    pub success: u32,
    /// Failures in a row that make a failure.
    pub failure: u32,
    /// terminationGracePeriodSeconds of the probe itself.
    pub grace: Option<u32>,
}

impl Action {
    /// Reads an HTTP handler. Of its headers only `Host` means something to the servers here.
    pub fn http(g: &HTTPGetAction, c: &Container) -> Action {
        let named = g.http_headers.iter().flatten().find(|h| h.name.eq_ignore_ascii_case("host"));
        Action::Http {
            port: port(&g.port, c),
            path: g.path.as_deref().unwrap_or("/").into(),
            host: g.host.as_deref().filter(|h| !h.is_empty()).map(Into::into),
            https: g.scheme.as_deref() == Some("HTTPS"),
            named: named.map(|h| h.value.as_str().into()),
        }
    }

    /// Reads a TCP handler.
    pub fn tcp(t: &TCPSocketAction, c: &Container) -> Action {
        Action::Tcp { port: port(&t.port, c), host: t.host.as_deref().filter(|h| !h.is_empty()).map(Into::into) }
    }
}

impl ProbePlan {
    /// Reads a probe; `None`: it has no handler.
    pub fn new(p: &Probe, c: &Container) -> Option<ProbePlan> {
        let action = if let Some(e) = &p.exec {
            Action::Exec(e.command.clone().unwrap_or_default().into())
        } else if let Some(g) = &p.http_get {
            Action::http(g, c)
        } else if let Some(t) = &p.tcp_socket {
            Action::tcp(t, c)
        } else {
            let g = p.grpc.as_ref()?;
            Action::Grpc { port: g.port as u16, service: g.service.as_deref().unwrap_or_default().into() }
        };
        let seconds =
            |v: Option<i32>, default: u64| SimDuration::from_secs(v.filter(|v| *v > 0).map_or(default, |v| v as u64));
        Some(ProbePlan {
            action,
            delay: SimDuration::from_secs(p.initial_delay_seconds.unwrap_or(0).max(0) as u64),
            period: seconds(p.period_seconds, 10),
            timeout: seconds(p.timeout_seconds, 1),
            success: p.success_threshold.filter(|v| *v > 0).unwrap_or(1) as u32,
            failure: p.failure_threshold.filter(|v| *v > 0).unwrap_or(3) as u32,
            grace: p.termination_grace_period_seconds.map(SimDuration::written),
        })
    }
}

/// How far a probe of a running container has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeState {
    /// What counts now; none: not decided yet (readiness: failed, liveness: fine, startup: not started).
    pub verdict: Option<bool>,
    last: Option<bool>,
    run: u32,
    /// When it is asked next; none: nothing that time brings can change the answer.
    pub due: Option<SimTime>,
}

impl ProbeState {
    /// Begins to probe a container that started at `start` (or whose startup probe has just passed, `now`).
    pub fn begin(plan: &ProbePlan, start: SimTime, now: SimTime) -> ProbeState {
        ProbeState { due: Some((start + plan.delay).max(now)), ..ProbeState::default() }
    }

    /// Takes a result. True if the verdict is new, or confirmed a failure that has consequences again.
    pub fn take(&mut self, plan: &ProbePlan, success: bool, now: SimTime) -> bool {
        self.run = if self.last == Some(success) { self.run + 1 } else { 1 };
        self.last = Some(success);
        self.due = Some(now + plan.period);
        if self.run < if success { plan.success } else { plan.failure } {
            return false;
        }
        self.verdict.replace(success) != Some(success)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds() {
        let plan = ProbePlan {
            action: Action::Tcp { port: 80, host: None },
            delay: SimDuration::from_secs(5),
            period: SimDuration::from_secs(10),
            timeout: SimDuration::from_secs(1),
            success: 2,
            failure: 3,
            grace: None,
        };
        let mut s = ProbeState::begin(&plan, SimTime::from_secs(1), SimTime::from_secs(1));
        assert_eq!(s.due, Some(SimTime::from_secs(6)));
        let mut verdicts = vec![];
        for ok in [true, true, false, false, true, false, false, false, false, true, true] {
            s.take(&plan, ok, SimTime::ZERO);
            verdicts.push(s.verdict);
        }
        let (t, f) = (Some(true), Some(false));
        assert_eq!(verdicts, [None, t, t, t, t, t, t, f, f, f, t]);
    }
}
