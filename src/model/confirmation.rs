//! What experiments said of a verdict.

use serde::{Deserialize, Serialize};

use super::ids::{NodeId, RunId};
use super::verdict::Verdict;

/// What experiments said of one test of a run that was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmation {
    /// Which test.
    pub nodeid: NodeId,
    /// The run of experiments, where it was recorded.
    pub by: Option<RunId>,
    /// Wall-clock time, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// What is thought of the test now. Its `confirmed`: true where experiments found this, whatever
    /// was thought before; false where they refuted it and found nothing else; none where they
    /// decided nothing.
    pub verdict: Verdict,
    /// What was tried.
    pub arms: Vec<Arm>,
}

/// One way in which a test was run, again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arm {
    /// In a few words: `alone`, `beside tests/test_b.py::test_reset`.
    pub name: String,
    /// How many executions failed.
    pub failed: u64,
    /// Of how many.
    pub executed: u64,
}
