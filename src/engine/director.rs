//! Runs whose rounds are prescribed one by one, by somebody who sees what came of the last.

use std::sync::Arc;

use crate::model::{Failure, Offset, OutcomeKind, TestIndex, TestInfo};
use crate::scheduler::{Script, StepId};

/// Says what each round plays.
pub trait Director {
    /// The next round's script, of these tests; none ends the run. `last` is what came of the round
    /// before, in the order in which it came, and empty before the first.
    fn next(&mut self, tests: &[Arc<TestInfo>], last: &[Performed]) -> Option<Script>;
}

/// What came of one step.
#[derive(Debug, Clone)]
pub struct Performed {
    /// Which step.
    pub step: StepId,
    /// Its test.
    pub test: TestIndex,
    /// How it ended. Steps whose worker died before they began are not among those performed.
    pub outcome: OutcomeKind,
    /// When its set-up began.
    pub start: Offset,
    /// When its tear-down was over.
    pub end: Offset,
    /// What there is to read where it failed.
    pub failure: Option<Arc<Failure>>,
}
