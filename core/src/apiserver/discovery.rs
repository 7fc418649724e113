//! What the API server answers besides objects.

use super::request::Request;
use super::server::Answer;
use crate::sim::Sim;

impl Sim {
    pub(super) fn beside_objects(&mut self, _r: &Request) -> Option<Answer> {
        None
    }
}
