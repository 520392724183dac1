//! What a run and its processes may take before they are ended.

use std::time::Duration;

/// Bounds that hold for a run as a whole; those of single tests are in [`super::Rule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// What running tests get for their tear-down when the run is interrupted.
    pub grace: Duration,
    /// What the whole run may take.
    pub run: Option<Duration>,
    /// What collection may take, in the template and of each file in a worker.
    pub collection: Option<Duration>,
    /// Bytes of memory of its own after which a worker is replaced between tests.
    pub worker_memory: Option<u64>,
    /// Tests after which a worker is replaced.
    pub worker_tests: Option<u64>,
}
