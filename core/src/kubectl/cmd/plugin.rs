//! `kubectl plugin`: there are none.

use crate::kubectl::command::Command;
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::Flag;

static FLAGS: &[Flag] = &[Flag::bool("name-only", "If true, display only the binary name of each plugin.")];

/// The command.
pub static COMMAND: Command = Command::group("plugin", "Provides utilities for interacting with plugins.", SUBS);

static SUBS: &[Command] =
    &[Command::new("list", "List all visible plugin executables on a user's PATH.", "[flags]", &[FLAGS], |_, _| {
        Err(CmdError::client("unable to find any kubectl plugins in your PATH"))
    })];
