//! Addresses and ports of services: the API server's record of what is in use, around the pure rules of
//! [`super::registry::service_alloc`].

use super::registry::service_alloc::{self, Allocator};
use crate::api::error::FieldError;
use crate::rng::Rng;
use crate::sim::Sim;
use imbl::OrdSet;
use serde_json::Value;
use std::net::Ipv4Addr;

struct InUse<'a> {
    ips: &'a OrdSet<u32>,
    ports: &'a OrdSet<u16>,
    rng: &'a mut Rng,
}

impl Allocator for InUse<'_> {
    fn ip_used(&self, ip: Ipv4Addr) -> bool {
        self.ips.contains(&u32::from(ip))
    }
    fn port_used(&self, port: u32) -> bool {
        u16::try_from(port).is_ok_and(|p| self.ports.contains(&p))
    }
    fn draw(&mut self, n: u32) -> u32 {
        self.rng.below(n)
    }
}

impl Sim {
    /// Gives a defaulted service its addresses and ports, or says why not. They count as used only after
    /// [`Sim::hold_service`]. `old` is what is stored.
    pub(super) fn allocate_service(&mut self, service: &mut Value, old: Option<&Value>) -> Result<(), Vec<FieldError>> {
        let mut used = InUse { ips: &self.server.service_ips, ports: &self.server.node_ports, rng: &mut self.rng };
        match old {
            None => service_alloc::prepare_create(service, &mut used),
            Some(old) => service_alloc::prepare_update(service, old, &mut used),
        }
    }

    /// Marks what a stored service holds as used, after giving back what it held before.
    pub(super) fn hold_service(&mut self, service: &Value, old: Option<&Value>) {
        if let Some(old) = old {
            self.release_service(old);
        }
        if let Some(ip) = service_alloc::held_ip(service) {
            self.server.service_ips.insert(u32::from(ip));
        }
        for port in service_alloc::held_ports(service) {
            self.server.node_ports.insert(port as u16);
        }
    }

    /// Takes a service's addresses and ports back.
    pub(super) fn release_service(&mut self, service: &Value) {
        if let Some(ip) = service_alloc::held_ip(service) {
            self.server.service_ips.remove(&u32::from(ip));
        }
        for port in service_alloc::held_ports(service) {
            self.server.node_ports.remove(&(port as u16));
        }
    }
}
