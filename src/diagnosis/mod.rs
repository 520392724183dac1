//! Why tests failed: from a recorded schedule to one verdict for each test that ever did.
//!
//! Pure: the model's words and the statistics, no I/O and no clock. docs/diagnosis.md has the method.

use crate::model::{Judged, Schedule};

/// Judges every test that failed in one of these runs of the same suite, in the order in which they
/// were collected.
#[must_use]
pub fn judge(runs: &[Schedule]) -> Vec<Judged> {
    let _ = runs;
    Vec::new()
}
