//! ServiceAccounts.

use super::Strategy;
use super::meta::{checked_update, subdomain, validate_meta, validate_meta_update};
use super::util::{no_warnings, nothing, nothing_kept};

/// The rules of ServiceAccounts.
pub const STRATEGY: Strategy = Strategy {
    kind: "ServiceAccount",
    default: nothing,
    validate: |obj| validate_meta(obj, true, subdomain),
    validate_update: |new, old| checked_update(new, old, validate_meta(new, true, subdomain)),
    validate_status_update: validate_meta_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};
