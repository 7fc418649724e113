//! What a kubelet tells of a container besides its state: what it is allocated and has, its mounts, its user. Invariant:
//! what pods of one template have in common stands once; an update of one pod makes one of its own.

use super::TOKEN_MARK;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, ContainerUser, ResourceRequirements, VolumeMountStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Amounts by resource, as the API writes them.
pub type ResourceList = BTreeMap<String, Quantity>;

/// Fields of a container's status that do not follow from its state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Where its volumes lie.
    pub mounts: Vec<VolumeMountStatus>,
    /// The requests that its node has granted.
    pub allocated: Option<ResourceList>,
    /// The requests and limits that are in force; none: nothing is told of them.
    pub resources: Option<ResourceRequirements>,
    /// As whom its first process began.
    pub user: Option<ContainerUser>,
}

/// Shared [`Details`]; equal at once if they are the same.
#[derive(Clone, Debug)]
pub struct Told(pub Arc<Details>);

impl PartialEq for Told {
    fn eq(&self, o: &Told) -> bool {
        Arc::ptr_eq(&self.0, &o.0) || self.0 == o.0
    }
}

impl Details {
    /// What is told of a container that nobody has made yet: where its volumes will lie.
    pub fn of_waiting(c: &Container) -> Details {
        let mount = |m: &k8s_openapi::api::core::v1::VolumeMount| {
            let read_only = m.read_only == Some(true);
            VolumeMountStatus {
                name: m.name.clone(),
                mount_path: m.mount_path.clone(),
                read_only: read_only.then_some(true),
                recursive_read_only: read_only.then(|| match m.recursive_read_only.as_deref() {
                    Some("Enabled" | "IfPossible") => "Enabled".into(),
                    _ => "Disabled".into(),
                }),
                ..VolumeMountStatus::default()
            }
        };
        Details { mounts: c.volume_mounts.iter().flatten().map(mount).collect(), ..Details::default() }
    }

    /// The details of a status that somebody wrote; none: it has none of them.
    pub(super) fn of_status(c: &ContainerStatus) -> Option<Told> {
        let details = Details {
            mounts: c.volume_mounts.clone().unwrap_or_default(),
            allocated: c.allocated_resources.clone(),
            resources: c.resources.clone(),
            user: c.user.clone(),
        };
        (details != Details::default()).then(|| Told(Arc::new(details)))
    }

    /// Writes them into a status. `token`: the pod's own part of its service-account volume's name.
    pub(super) fn write(&self, token: &str, status: &mut ContainerStatus) {
        status.allocated_resources = self.allocated.clone();
        status.resources = self.resources.clone();
        status.user = self.user.clone();
        if self.mounts.is_empty() {
            return;
        }
        let mut mounts = self.mounts.clone();
        for m in mounts.iter_mut().filter(|m| m.name == TOKEN_MARK) {
            m.name = format!("kube-api-access-{token}");
        }
        status.volume_mounts = Some(mounts);
    }
}

/// The requests of a list of resources that a resize can change: CPU and memory.
pub fn requests(r: Option<&ResourceRequirements>) -> impl Iterator<Item = (&String, &Quantity)> {
    let list = r.and_then(|r| r.requests.as_ref()).into_iter().flatten();
    list.filter(|(k, _)| *k == "cpu" || *k == "memory")
}
