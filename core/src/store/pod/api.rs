//! Records as objects of the API and back. Invariant: nothing is lost on the way.

use super::details::Details;
use super::{
    CONDITIONS, Condition, ContainerRecord, Phase, PodRecord, PodStatusRecord, RunState, SCHEDULED, Second, TOKEN_MARK,
    Terminated, fnv,
};
use crate::clock::SimTime;
use crate::store::Ids;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, HostIP,
    Pod, PodCondition, PodIP, PodStatus,
};
use std::borrow::Cow;
use std::sync::Arc;

impl PodRecord {
    /// The API object.
    pub fn to_pod(&self, ids: &Ids) -> Pod {
        let mut pod = self.proto.pod.clone();
        let m = &mut pod.metadata;
        m.name = Some(self.name.to_string());
        m.namespace = Some(self.namespace.to_string());
        m.uid = Some(ids.uid(self.id));
        m.resource_version = Some(self.rv.to_string());
        m.creation_timestamp = Some(self.created.api());
        m.generation = Some(i64::from(self.generation));
        if let Some(d) = &self.deletion {
            m.deletion_timestamp = Some(d.at.api());
            m.deletion_grace_period_seconds = Some(i64::from(d.grace));
        }
        if let Some(spec) = &mut pod.spec {
            spec.node_name = self.node.as_ref().map(ToString::to_string);
            rename_token(spec, TOKEN_MARK, &format!("kube-api-access-{}", String::from_utf8_lossy(&self.token)));
        }
        pod.status = Some(self.to_status());
        pod
    }

    /// The API status.
    pub fn to_status(&self) -> PodStatus {
        let s = &self.status;
        let mut out = s.more.as_deref().cloned().unwrap_or_default();
        let spec = self.proto.pod.spec.as_ref();
        out.phase = Some(s.phase.as_str().into());
        out.qos_class = Some(self.proto.qos.into());
        if let Some(w) = &s.why {
            out.reason = (!w.0.is_empty()).then(|| w.0.to_string());
            out.message = (!w.1.is_empty()).then(|| w.1.to_string());
        }
        if s.observed_generation > 0 {
            out.observed_generation = Some(i64::from(s.observed_generation));
        }
        // what becomes of a resize stands first
        let (mut conditions, more): (Vec<_>, Vec<_>) =
            out.conditions.take().into_iter().flatten().partition(|c| c.type_.starts_with("PodResize"));
        for (i, c) in s.conditions.iter().enumerate() {
            if let Some(status) = c.status {
                conditions.push(PodCondition {
                    type_: CONDITIONS[i].into(),
                    status: if status { "True" } else { "False" }.into(),
                    last_transition_time: Some(SimTime::from(c.since).api()),
                    reason: c.why.as_ref().map(|w| w.0.to_string()).filter(|r| !r.is_empty()),
                    message: c.why.as_ref().map(|w| w.1.to_string()).filter(|r| !r.is_empty()),
                    // The scheduler says of which generation it speaks; kubelets where they say it of the status too.
                    observed_generation: match s.observed_generation {
                        0 if i == SCHEDULED && s.scheduled_generation > 0 => Some(i64::from(s.scheduled_generation)),
                        0 => None,
                        n => Some(i64::from(n)),
                    },
                    ..PodCondition::default()
                });
            }
        }
        conditions.extend(more);
        out.conditions = (!conditions.is_empty()).then_some(conditions);
        let ip = |v: u32| std::net::Ipv4Addr::from(v).to_string();
        if s.ip != 0 {
            out.pod_ip = Some(ip(s.ip));
            out.pod_ips = Some(vec![PodIP { ip: ip(s.ip) }]);
        }
        if s.host_ip != 0 {
            out.host_ip = Some(ip(s.host_ip));
            out.host_ips = Some(vec![HostIP { ip: ip(s.host_ip) }]);
        }
        out.start_time = s.started.map(|t| SimTime::from(t).api());
        out.nominated_node_name = s.nominated.as_ref().map(ToString::to_string);
        if let Some(spec) = spec {
            if !s.containers.is_empty() {
                let names = spec.containers.iter().map(|c| (c.name.as_str(), c.image.as_deref().unwrap_or_default()));
                out.container_statuses = Some(names.zip(&s.containers).map(|(n, c)| self.status_of(n, c)).collect());
            }
            if !s.init.is_empty()
                && let Some(init) = &spec.init_containers
            {
                let names = init.iter().map(|c| (c.name.as_str(), c.image.as_deref().unwrap_or_default()));
                out.init_container_statuses = Some(names.zip(&s.init).map(|(n, c)| self.status_of(n, c)).collect());
            }
        }
        out
    }

    /// The API status of one of its containers.
    fn status_of(&self, names: (&str, &str), c: &ContainerRecord) -> ContainerStatus {
        let mut status = api_container_status(names, c);
        if let Some(told) = &c.told {
            told.0.write(&String::from_utf8_lossy(&self.token), &mut status);
        }
        status
    }

    /// Takes over a status that somebody wrote as an API object. What the compact form has no place for is kept whole.
    pub fn set_status(&mut self, status: &PodStatus) {
        let mut s = PodStatusRecord {
            phase: status.phase.as_deref().and_then(Phase::parse).unwrap_or_default(),
            nominated: status.nominated_node_name.as_deref().map(Into::into),
            started: status.start_time.as_ref().map(|t| SimTime::from_api(t).into()),
            observed_generation: status.observed_generation.unwrap_or(0).max(0) as u32,
            ip: status
                .pod_ips
                .iter()
                .flatten()
                .map(|i| parse_ip(Some(&i.ip)))
                .find(|i| *i != 0)
                .unwrap_or_else(|| parse_ip(status.pod_ip.as_deref())),
            host_ip: parse_ip(status.host_ip.as_deref()),
            ..PodStatusRecord::default()
        };
        if status.reason.is_some() || status.message.is_some() {
            let text = |t: &Option<String>| Cow::Owned(t.clone().unwrap_or_default());
            s.why = Some(Arc::new((text(&status.reason), text(&status.message))));
        }
        let mut rest = PodStatus::default();
        for c in status.conditions.iter().flatten() {
            match CONDITIONS.iter().position(|n| *n == c.type_) {
                Some(i) if c.status == "True" || c.status == "False" => {
                    let why = (c.reason.is_some() || c.message.is_some()).then(|| {
                        Arc::new((
                            Cow::Owned(c.reason.clone().unwrap_or_default()),
                            Cow::Owned(c.message.clone().unwrap_or_default()),
                        ))
                    });
                    let since = c.last_transition_time.as_ref().map(SimTime::from_api).unwrap_or_default().into();
                    if i == SCHEDULED {
                        s.scheduled_generation = c.observed_generation.unwrap_or(0).max(0) as u32;
                    }
                    s.conditions[i] = Condition { status: Some(c.status == "True"), since, why };
                }
                _ => rest.conditions.get_or_insert_default().push(c.clone()),
            }
        }
        let spec = self.proto.pod.spec.as_ref();
        let record = |names: Vec<&str>, list: &Option<Vec<ContainerStatus>>| -> Vec<ContainerRecord> {
            let Some(list) = list else { return vec![] };
            names
                .iter()
                .map(|n| list.iter().find(|c| c.name == **n).map(container_record))
                .map(|c| c.unwrap_or_else(|| ContainerRecord::waiting("ContainerCreating")))
                .collect()
        };
        if let Some(spec) = spec {
            s.containers =
                record(spec.containers.iter().map(|c| c.name.as_str()).collect(), &status.container_statuses).into();
            let init = spec.init_containers.iter().flatten().map(|c| c.name.as_str()).collect();
            s.init = record(init, &status.init_container_statuses).into();
        }
        rest.resize = status.resize.clone();
        rest.resources = status.resources.clone();
        rest.allocated_resources = status.allocated_resources.clone();
        rest.ephemeral_container_statuses = status.ephemeral_container_statuses.clone();
        rest.resource_claim_statuses = status.resource_claim_statuses.clone();
        if rest != PodStatus::default() {
            s.more = Some(Arc::new(rest));
        }
        self.status = s;
    }
}

fn parse_ip(s: Option<&str>) -> u32 {
    s.and_then(|s| s.parse::<std::net::Ipv4Addr>().ok()).map_or(0, u32::from)
}

/// Replaces the name of the service-account volume wherever a spec mentions it.
pub fn rename_token(spec: &mut k8s_openapi::api::core::v1::PodSpec, from: &str, to: &str) {
    for v in spec.volumes.iter_mut().flatten() {
        if v.name == from {
            v.name = to.into();
        }
    }
    for c in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        for m in c.volume_mounts.iter_mut().flatten() {
            if m.name == from {
                m.name = to.into();
            }
        }
    }
}

/// The 64 hexadecimal digits that a container's short number stands for.
pub fn container_id_text(id: u64) -> String {
    let mut out = String::from("containerd://");
    let mut z = id;
    for _ in 0..4 {
        z = (z ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^= z >> 29;
        out.push_str(&format!("{z:016x}"));
    }
    out
}

/// The short number that stands for a container's ID: [`container_id_text`] undone. A text that is none of ours gets a
/// number of its own.
fn container_id_number(text: &str) -> u64 {
    let first = text.strip_prefix("containerd://").and_then(|t| t.get(..16));
    let Some(z) = first.and_then(|digits| u64::from_str_radix(digits, 16).ok()) else { return fnv(text.as_bytes()) };
    // the first of the four rounds, backwards: its factor has an inverse modulo 2^64
    let z = z ^ (z >> 29) ^ (z >> 58);
    let id = z.wrapping_mul(0x96de_1b17_3f11_9089) ^ 0x9e37_79b9_7f4a_7c15;
    if container_id_text(id) == text { id } else { fnv(text.as_bytes()) }
}

/// The imageID of an image as a manifest writes it: its repository and a digest that stands for the tag.
pub fn image_id(image: &str) -> String {
    let repo = image.rsplit_once(':').filter(|(_, t)| !t.contains('/')).map_or(image, |(r, _)| r);
    let repo = repo.split('@').next().unwrap_or(repo);
    let host = repo.split_once('/').is_some_and(|(h, _)| h.contains('.') || h.contains(':') || h == "localhost");
    let full = if host {
        repo.to_string()
    } else if repo.contains('/') {
        format!("docker.io/{repo}")
    } else {
        format!("docker.io/library/{repo}")
    };
    let digest = container_id_text(fnv(image.as_bytes()));
    format!("{full}@sha256:{}", digest.trim_start_matches("containerd://"))
}

fn terminated(t: &Terminated) -> ContainerStateTerminated {
    // what has never started says so by the first moment that a clock knows
    let never = t.reason == "StartError" && t.started == Second::default();
    let started = if never {
        k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH)
    } else {
        SimTime::from(t.started).api()
    };
    ContainerStateTerminated {
        exit_code: t.exit_code,
        reason: (!t.reason.is_empty()).then(|| t.reason.to_string()),
        message: t.message.as_ref().map(ToString::to_string),
        started_at: Some(started),
        finished_at: Some(SimTime::from(t.finished).api()),
        container_id: (t.container_id != 0).then(|| container_id_text(t.container_id)),
        ..ContainerStateTerminated::default()
    }
}

/// A container's status as the API prints it: name and image of its spec, and its record.
pub fn api_container_status((name, image): (&str, &str), c: &ContainerRecord) -> ContainerStatus {
    let image = c.image.as_ref().map_or(image, |i| i.as_str());
    let state = match &c.state {
        RunState::Waiting(reason, message) => ContainerState {
            waiting: Some(ContainerStateWaiting {
                reason: (!reason.is_empty()).then(|| reason.to_string()),
                message: message.as_ref().map(ToString::to_string),
            }),
            ..ContainerState::default()
        },
        RunState::Running(t) => ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(SimTime::from(*t).api()) }),
            ..ContainerState::default()
        },
        RunState::Terminated(t) => ContainerState { terminated: Some(terminated(t)), ..ContainerState::default() },
    };
    ContainerStatus {
        name: name.into(),
        image: image.into(),
        image_id: if c.pulled { image_id(image) } else { String::new() },
        ready: c.ready,
        restart_count: c.restarts as i32,
        started: c.started,
        state: Some(state),
        last_state: c
            .last
            .as_ref()
            .map(|t| ContainerState { terminated: Some(terminated(t)), ..ContainerState::default() }),
        container_id: (c.container_id != 0).then(|| container_id_text(c.container_id)),
        ..ContainerStatus::default()
    }
}

/// An API container status in compact form.
pub fn container_record(c: &ContainerStatus) -> ContainerRecord {
    let second = |t: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| -> Second {
        t.as_ref().map(SimTime::from_api).unwrap_or_default().into()
    };
    let ended = |t: &ContainerStateTerminated| Terminated {
        exit_code: t.exit_code,
        reason: Cow::Owned(t.reason.clone().unwrap_or_default()),
        message: t.message.as_deref().map(Into::into),
        started: second(&t.started_at),
        finished: second(&t.finished_at),
        container_id: t.container_id.as_ref().map_or(0, |i| container_id_number(i)),
    };
    let state = c.state.as_ref();
    let state = if let Some(r) = state.and_then(|s| s.running.as_ref()) {
        RunState::Running(second(&r.started_at))
    } else if let Some(t) = state.and_then(|s| s.terminated.as_ref()) {
        RunState::Terminated(Arc::new(ended(t)))
    } else {
        let w = state.and_then(|s| s.waiting.as_ref());
        RunState::Waiting(
            Cow::Owned(w.and_then(|w| w.reason.clone()).unwrap_or_default()),
            w.and_then(|w| w.message.as_deref()).map(Into::into),
        )
    };
    ContainerRecord {
        state,
        last: c.last_state.as_ref().and_then(|s| s.terminated.as_ref()).map(|t| Arc::new(ended(t))),
        restarts: c.restart_count.max(0) as u32,
        ready: c.ready,
        started: c.started,
        container_id: c.container_id.as_ref().map_or(0, |i| container_id_number(i)),
        pulled: !c.image_id.is_empty(),
        image: None,
        told: Details::of_status(c),
    }
}
