//! The drivers of dynamic volumes, as the cluster sees them: volumes appear for claims, grow, and are deleted. Which
//! drivers are there is a table; a claim of another driver waits for it for ever. Models the external provisioner and
//! resizer, and the in-tree part of the controller that calls them.

use super::protection::without;
use super::{Done, PROVISION, RESIZE, SOURCE, claim_of, class, later, say, volume_of, volume_phase};
use crate::api::error::Status;
use crate::apiserver::admission::DEFAULT_PROVISIONER;
use crate::apiserver::server::DeleteOptions;
use crate::clock::SimDuration;
use crate::controllers::Action;
use crate::scheduler::volumes::{
    BOUND_BY_CONTROLLER, NO_PROVISIONER, PROVISIONED_BY, SELECTED_NODE, annotation, capacity, class_of, reference,
    requested, volume_name,
};
use crate::sim::{KubeletProfile, Sim};
use crate::store::{Key, Kind, Obj};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::{Value, json};
use std::sync::Arc;

/// How a driver's volumes are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// A disk that follows the pod, one node at a time.
    Disk,
    /// A share that many nodes mount.
    Share,
    /// A directory of one node.
    Node,
}

/// The drivers that are there.
const DRIVERS: [(&str, Reach); 22] = [
    (DEFAULT_PROVISIONER, Reach::Disk),
    ("cinder.csi.openstack.org", Reach::Disk),
    ("csi.hetzner.cloud", Reach::Disk),
    ("csi.vsphere.vmware.com", Reach::Disk),
    ("disk.csi.azure.com", Reach::Disk),
    ("dobs.csi.digitalocean.com", Reach::Disk),
    ("driver.longhorn.io", Reach::Share),
    ("ebs.csi.aws.com", Reach::Disk),
    ("efs.csi.aws.com", Reach::Share),
    ("file.csi.azure.com", Reach::Share),
    ("filestore.csi.storage.gke.io", Reach::Share),
    ("nfs.csi.k8s.io", Reach::Share),
    ("pd.csi.storage.gke.io", Reach::Disk),
    ("kubernetes.io/aws-ebs", Reach::Disk),
    ("kubernetes.io/azure-disk", Reach::Disk),
    ("kubernetes.io/azure-file", Reach::Share),
    ("kubernetes.io/gce-pd", Reach::Disk),
    ("docker.io/hostpath", Reach::Node),
    ("hostpath.csi.k8s.io", Reach::Node),
    ("k8s.io/minikube-hostpath", Reach::Node),
    ("microk8s.io/hostpath", Reach::Node),
    ("rancher.io/local-path", Reach::Node),
];

const STORAGE_PROVISIONER: [&str; 2] =
    ["volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner"];
const DRIVER_FINALIZER: &str = "external-provisioner.volume.kubernetes.io/finalizer";

/// From a driver's being asked to the volume's being there.
const MAKES: SimDuration = SimDuration::from_millis(1_500);

fn driver(sim: &Sim, name: &str) -> Option<(&'static str, Reach)> {
    let there = sim.config.kubelets == KubeletProfile::Real;
    DRIVERS.iter().copied().find(|d| there && d.0 == name)
}

/// A claim with a class has found no volume: its driver is asked for one.
pub(super) fn begin(
    sim: &mut Sim,
    claim: &Arc<PersistentVolumeClaim>,
    class_name: &str,
    class: Option<&StorageClass>,
) -> Result<(), Status> {
    let Some(class) = class else {
        let message = format!("storageclass.storage.k8s.io {class_name:?} not found");
        say(sim, claim, true, "ProvisioningFailed", message);
        return Ok(());
    };
    let name = class.provisioner.as_str();
    if name == NO_PROVISIONER {
        let message = format!("no volume plugin matched name: {name}");
        say(sim, claim, true, "ProvisioningFailed", message);
        return Ok(());
    }
    if claim.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let key = Key::of(&claim.metadata);
    let annotations = claim.metadata.annotations.as_ref();
    let asked = STORAGE_PROVISIONER.iter().all(|a| annotation(annotations, a) == Some(name));
    let mut claim = claim.clone();
    if !asked {
        let mut new = (*claim).clone();
        let annotations = new.metadata.annotations.get_or_insert_default();
        for a in STORAGE_PROVISIONER {
            annotations.insert(a.into(), name.into());
        }
        claim = sim.update_typed(&new)?;
    }
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{name}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
    );
    say(sim, &claim, false, "ExternalProvisioning", message);
    let Some((driver, reach)) = driver(sim, name) else { return Ok(()) };
    let shared = claim.spec.iter().flat_map(|s| s.access_modes.iter().flatten()).any(|m| m == "ReadWriteMany");
    let about = Obj::PersistentVolumeClaim(claim.clone());
    if !asked {
        let text = format!("External provisioner is provisioning volume for claim \"{}/{}\"", key.namespace, key.name);
        sim.record(driver, &about, false, "Provisioning", text);
    }
    if shared && reach == Reach::Disk {
        let text = format!(
            "failed to provision volume with StorageClass {class_name:?}: rpc error: code = InvalidArgument desc = Volume capabilities MULTI_NODE_MULTI_WRITER not supported. Only AccessModes[ReadWriteOnce] supported."
        );
        sim.record(driver, &about, true, "ProvisioningFailed", text);
        return Ok(());
    }
    later(sim, MAKES, PROVISION, &key);
    Ok(())
}

/// The driver has made a volume: it appears, already kept for its claim.
pub(super) fn make(sim: &mut Sim, key: &Key) -> Done {
    let Some(claim) = claim_of(sim, key) else { return Ok(Action::Done) };
    let class_name = class_of(&claim).to_owned();
    let Some(class) = class(sim, &class_name) else { return Ok(Action::Done) };
    let Some((driver, reach)) = driver(sim, &class.provisioner) else { return Ok(Action::Done) };
    let name = format!("pvc-{}", claim.metadata.uid.as_deref().unwrap_or_default());
    let gone = !volume_name(&claim).is_empty() || claim.metadata.deletion_timestamp.is_some();
    if gone || volume_of(sim, &name).is_some() {
        return Ok(Action::Done);
    }
    let mut spec = json!({
        "accessModes": claim.spec.as_ref().and_then(|s| s.access_modes.clone()),
        "capacity": {"storage": requested(&claim).to_string()},
        "claimRef": reference(&claim),
        "persistentVolumeReclaimPolicy": class.reclaim_policy.clone().unwrap_or_else(|| "Delete".into()),
        "storageClassName": class_name,
        "volumeMode": claim.spec.as_ref().and_then(|s| s.volume_mode.clone()),
    });
    if let Some(options) = class.mount_options.as_ref().filter(|o| !o.is_empty()) {
        spec["mountOptions"] = json!(options);
    }
    let selected = annotation(claim.metadata.annotations.as_ref(), SELECTED_NODE);
    match reach {
        Reach::Node if driver.ends_with("hostpath.csi.k8s.io") => spec["csi"] = csi(driver, &name),
        Reach::Node => {
            let path = format!("/opt/local-path-provisioner/{name}_{}_{}", key.namespace, key.name);
            spec["hostPath"] = json!({"path": path, "type": "DirectoryOrCreate"});
        }
        Reach::Disk | Reach::Share => spec["csi"] = csi(driver, &name),
    }
    // directories of one node that any node may get a pod on (minikube, Docker) are clusters of one node
    if let (Reach::Node, Some(node)) = (reach, selected) {
        let labels = sim.store.get(Kind::Node, &Key::new("", node)).and_then(|n| n.label("kubernetes.io/hostname"));
        spec["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": [labels.unwrap_or(node)]}]}]}});
    }
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: driver}, "finalizers": [DRIVER_FINALIZER]},
        "spec": spec,
    });
    let volume: PersistentVolume = crate::store::read(&volume).map_err(|e| Status::bad_request(e.to_string()))?;
    sim.create_typed(&volume)?;
    let text = format!("Successfully provisioned volume {name}");
    sim.record(driver, &Obj::PersistentVolumeClaim(claim), false, "ProvisioningSucceeded", text);
    Ok(Action::Done)
}

fn csi(driver: &str, name: &str) -> Value {
    json!({"driver": driver, "volumeHandle": name, "fsType": "ext4"})
}

/// A volume whose claim is gone: what its policy says.
pub(super) fn reclaim(sim: &mut Sim, volume: &Arc<PersistentVolume>) -> Done {
    let Some(spec) = volume.spec.clone() else { return Ok(Action::Done) };
    let name = volume.metadata.name.clone().unwrap_or_default();
    let about = Obj::PersistentVolume(volume.clone());
    match spec.persistent_volume_reclaim_policy.as_deref() {
        Some("Delete") => {
            let made_by = annotation(volume.metadata.annotations.as_ref(), PROVISIONED_BY).map(str::to_owned);
            if let Some(by) = &made_by {
                if driver(sim, by).is_some() {
                    let mut new = (**volume).clone();
                    new.metadata.finalizers = without(&new.metadata.finalizers, DRIVER_FINALIZER);
                    let volume = if new == **volume { volume.clone() } else { sim.update_typed(&new)? };
                    if volume.metadata.deletion_timestamp.is_none() {
                        let key = Key::of(&volume.metadata);
                        sim.delete_typed(Kind::PersistentVolume, &key, &DeleteOptions::default())?;
                    }
                }
                return Ok(Action::Done);
            }
            if volume.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Failed") {
                return Ok(Action::Done);
            }
            let why = match &spec.host_path {
                Some(h) if h.path.starts_with("/tmp/") => {
                    sim.delete_typed(Kind::PersistentVolume, &Key::of(&volume.metadata), &DeleteOptions::default())?;
                    return Ok(Action::Done);
                }
                Some(h) => format!("host_path deleter only supports /tmp/.+ but received provided {}", h.path),
                None => format!(
                    "error getting deleter volume plugin for volume {name:?}: no deletable volume plugin matched"
                ),
            };
            volume_phase(sim, volume, "Failed", &why)?;
            sim.record(SOURCE, &about, true, "VolumeFailedDelete", why);
            Ok(Action::Done)
        }
        Some("Recycle") if spec.host_path.is_some() || spec.nfs.is_some() => {
            sim.record(SOURCE, &about, false, "VolumeRecycled", "Volume recycled");
            let mut new = (**volume).clone();
            if let Some(s) = &mut new.spec {
                s.claim_ref = None;
            }
            if let Some(a) = &mut new.metadata.annotations {
                a.remove(BOUND_BY_CONTROLLER);
            }
            let volume = sim.update_typed(&new)?;
            volume_phase(sim, &volume, "Available", "")?;
            Ok(Action::Done)
        }
        _ => Ok(Action::Done),
    }
}

/// A bound claim asks for more than its volume holds: the driver is asked to make it larger.
pub(super) fn grow(sim: &mut Sim, key: &Key) -> Result<(), Status> {
    let Some(claim) = claim_of(sim, key) else { return Ok(()) };
    let held = claim.status.as_ref().and_then(|s| s.capacity.as_ref()).and_then(|c| c.get("storage"));
    let held = held.and_then(|q| q.0.parse().ok()).unwrap_or_default();
    if requested(&claim) <= held {
        return Ok(());
    }
    let Some(volume) = volume_of(sim, volume_name(&claim)) else { return Ok(()) };
    let by = annotation(volume.metadata.annotations.as_ref(), PROVISIONED_BY).map(str::to_owned);
    let Some((driver, _)) = by.as_deref().and_then(|b| driver(sim, b)) else {
        // bound to more than was asked for at first
        if requested(&claim) > capacity(&volume) {
            let message = "waiting for an external controller to expand this PVC".to_owned();
            sim.record("volume_expand", &Obj::PersistentVolumeClaim(claim), false, "ExternalExpanding", message);
        }
        return Ok(());
    };
    let resizing = claim.status.iter().flat_map(|s| s.conditions.iter().flatten()).any(|c| c.type_ == "Resizing");
    if resizing {
        return Ok(());
    }
    let about = Obj::PersistentVolumeClaim(claim.clone());
    let text = format!("External resizer is resizing volume {}", volume_name(&claim));
    sim.record(driver, &about, false, "Resizing", text);
    let mut new = (*claim).clone();
    let condition = json!({"type": "Resizing", "status": "True", "lastTransitionTime": sim.now.rfc3339()});
    let condition = crate::store::read(&condition).map_err(|e| Status::bad_request(e.to_string()))?;
    new.status.get_or_insert_default().conditions.get_or_insert_default().push(condition);
    sim.update_status_typed(new)?;
    later(sim, MAKES, RESIZE, key);
    Ok(())
}

/// The driver has made a volume larger.
pub(super) fn resized(sim: &mut Sim, key: &Key) -> Done {
    let Some(claim) = claim_of(sim, key) else { return Ok(Action::Done) };
    let Some(volume) = volume_of(sim, volume_name(&claim)) else { return Ok(Action::Done) };
    let size = k8s_openapi::apimachinery::pkg::api::resource::Quantity(requested(&claim).to_string());
    if requested(&claim) > capacity(&volume) {
        let mut new = (*volume).clone();
        new.spec.get_or_insert_default().capacity.get_or_insert_default().insert("storage".into(), size.clone());
        sim.update_typed(&new)?;
    }
    let mut new = (*claim).clone();
    let status = new.status.get_or_insert_default();
    status.capacity.get_or_insert_default().insert("storage".into(), size);
    if let Some(list) = &mut status.conditions {
        list.retain(|c| c.type_ != "Resizing");
    }
    status.conditions = status.conditions.take().filter(|l| !l.is_empty());
    let claim = sim.update_status_typed(new)?;
    let by = annotation(volume.metadata.annotations.as_ref(), PROVISIONED_BY).unwrap_or_default();
    if let Some((driver, _)) = driver(sim, by) {
        let text = "Resize volume succeeded";
        sim.record(driver, &Obj::PersistentVolumeClaim(claim), false, "VolumeResizeSuccessful", text);
    }
    Ok(Action::Done)
}
