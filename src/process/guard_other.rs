//! The guard: none, where processes cannot be found by their run.

use std::io;
use std::path::Path;

use super::ControlGroup;

/// A run that nobody looks after.
#[derive(Debug)]
pub struct Guarded(());

/// Does nothing.
pub fn start_guard() -> io::Result<()> {
    Ok(())
}

/// Does nothing.
#[must_use]
pub fn dismiss_guard() -> Dismissed {
    Dismissed(())
}

/// No guard.
#[derive(Debug)]
pub struct Dismissed(());

/// Does nothing.
#[must_use]
pub fn guard(_run: &str, _folder: &Path, _group: Option<&ControlGroup>) -> Guarded {
    Guarded(())
}

/// Never.
#[must_use]
pub fn is_guard() -> bool {
    false
}

/// Never called.
pub fn stand_guard() {}
