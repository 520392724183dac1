//! A process with all that it started, as far as its group tells.

use rustix::process::Signal;

/// A process and its group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(u32);

/// What the system says that a process does: not known here.
#[must_use]
pub fn state_of(_pid: u32) -> Option<&'static str> {
    None
}

/// Bytes of memory of a process: not known here.
#[must_use]
pub fn resident_memory(_pid: u32) -> Option<u64> {
    None
}

impl Tree {
    /// The group that this process leads.
    #[must_use]
    pub fn of(root: u32) -> Self {
        Self(root)
    }

    /// Sends the signal to all of the group.
    pub fn signal(&self, signal: Signal) {
        super::send_signal_to_group(self.0, signal);
    }
}
