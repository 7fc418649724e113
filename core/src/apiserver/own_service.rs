//! The API server's own service, `kubernetes` in the namespace default: made at the cluster's birth, and made again
//! when somebody has deleted it. Models pkg/controlplane/controller/kubernetesservice.

use super::request::{Method, Request};
use crate::clock::SimTime;
use crate::sim::{Actor, Event, Sim};
use crate::store::{Key, Kind};
use serde_json::json;

/// How often the API server looks whether its service is there, in microseconds.
const PERIOD: u64 = 10_000_000;

impl Sim {
    /// Makes the API server's service unless it is there.
    pub fn ensure_own_service(&mut self) {
        if self.store.get(Kind::Service, &Key::new("default", "kubernetes")).is_some() {
            return;
        }
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
        });
        let request = Request::new(Method::Post, "/api/v1/namespaces/default/services").body(service);
        self.acting(Actor::ApiServer, 0, |sim| sim.request(request));
    }

    /// A service is gone: if it was the API server's own, the next look finds out.
    pub(super) fn service_gone(&mut self, key: &Key) {
        if &*key.namespace == "default" && &*key.name == "kubernetes" {
            self.queue.at(SimTime(self.now.0 / PERIOD * PERIOD + PERIOD), Event::OwnService);
        }
    }
}
