//! Waiting for standard output: only Unix shares an output's mode among processes.

use std::io;

/// There is nothing to wait for, so the error stands.
pub(crate) fn wait() -> io::Result<()> {
    Err(io::ErrorKind::WouldBlock.into())
}
