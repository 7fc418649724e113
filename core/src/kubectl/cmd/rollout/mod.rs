//! `kubectl rollout`: status, history, undo, restart, pause, resume. Models kubectl `pkg/cmd/rollout`.

pub mod restart;
pub mod status;
