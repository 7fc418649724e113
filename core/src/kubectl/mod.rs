//! kubectl's engine and commands.
