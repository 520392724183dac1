//! Where the system does not tell what belongs to a run, groups are all that can be ended.

use std::time::Duration;

/// Tells the processes of one run from all others: not here.
#[derive(Debug, Clone)]
pub struct RunProcesses;

/// A process that nobody is responsible for.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan {
    /// Its id.
    pub pid: u32,
    /// Its group's.
    pub group: u32,
    /// When it was started, in microseconds on the monotonic clock.
    pub started: u64,
    /// Its command line; untrusted text.
    pub command: String,
    /// The worker that started it.
    pub worker: Option<String>,
    /// The test that started it.
    pub test: Option<String>,
    /// It and all that descends from it.
    pub members: Vec<u32>,
}

impl RunProcesses {
    /// Those of the run of this id.
    #[must_use]
    pub fn of(_run: &str) -> Self {
        Self
    }

    /// The same.
    #[must_use]
    pub fn by_environment(self) -> Self {
        self
    }

    /// Finds nothing.
    #[must_use]
    pub fn orphans(&self, _keep: &[u32]) -> Vec<Orphan> {
        Vec::new()
    }

    /// All of them.
    #[must_use]
    pub fn outlasting(&self, orphans: Vec<Orphan>, _patience: Duration) -> Vec<Orphan> {
        orphans
    }

    /// Does nothing.
    pub fn end(&self, _orphans: &[Orphan], _keep: &[u32]) {}

    /// Does nothing.
    pub fn end_all(&self) {}
}
