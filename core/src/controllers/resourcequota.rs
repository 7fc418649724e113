//! Keeps the use that a ResourceQuota states.

use super::Action;
use crate::sim::Sim;
use crate::store::{Change, Key};

/// Which objects a change concerns.
pub fn keys_of(_sim: &Sim, _change: &Change, _add: &mut dyn FnMut(Key)) {}

/// One pass over the object of this name.
pub fn sync(_sim: &mut Sim, _key: &Key) -> Action {
    Action::Done
}
