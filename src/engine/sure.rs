//! When a loop has run often enough to be sure of each test (`--until-sure`).

use crate::model::{OutcomeKind, TestIndex};
use crate::stats::executions_to_see;

/// How sure a loop is to be that a test which never failed fails less often than asked.
const CONFIDENCE: f64 = 0.95;

/// Counts executions until every test has failed, or has not for so long that it would have.
#[derive(Debug)]
pub(super) struct Sure {
    needed: u32,
    /// Executions that ran and did not fail, and whether one has failed, by test.
    tests: Vec<(u32, bool)>,
}

impl Sure {
    /// For tests that fail less often than `rate`, which lies between 0 and 1.
    pub(super) fn below(rate: f64) -> Self {
        let needed = executions_to_see(rate, CONFIDENCE).unwrap_or(u64::MAX);
        Self { needed: u32::try_from(needed).unwrap_or(u32::MAX), tests: Vec::new() }
    }

    /// An execution or attempt has ended so.
    pub(super) fn note(&mut self, test: TestIndex, kind: OutcomeKind, is_infrastructure: bool) {
        if !kind.ran() || is_infrastructure {
            return;
        }
        if self.tests.len() <= test.at() {
            self.tests.resize(test.at() + 1, (0, false));
        }
        let (clean, has_failed) = &mut self.tests[test.at()];
        if kind.is_failure() { *has_failed = true } else { *clean += 1 }
    }

    /// How many rounds are still needed, if nothing fails that has not. Tests that never ran are
    /// nobody's to be sure of.
    pub(super) fn left(&self) -> u32 {
        let open = self.tests.iter().filter(|(clean, has_failed)| !has_failed && *clean > 0);
        open.map(|(clean, _)| self.needed.saturating_sub(*clean)).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_with_fewest_executions_decides_and_failed_ones_are_known() {
        let mut sure = Sure::below(0.05);
        let mut note = |test: u32, kind, times: u32| {
            (0..times).for_each(|_| sure.note(TestIndex(test), kind, false));
            sure.left()
        };
        assert_eq!(note(0, OutcomeKind::Passed, 1), 58);
        assert_eq!(note(0, OutcomeKind::Passed, 57), 1);
        assert_eq!(note(2, OutcomeKind::Passed, 50), 9);
        assert_eq!(note(3, OutcomeKind::Skipped, 1), 9, "never ran");
        assert_eq!(note(2, OutcomeKind::TimedOut, 1), 1, "known to fail");
        assert_eq!(note(0, OutcomeKind::XFailed, 1), 0);
    }
}
