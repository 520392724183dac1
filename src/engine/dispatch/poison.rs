//! Tests that crash their worker each time: after some times they are not run again.

use std::collections::HashMap;

use super::Dispatch;
use crate::engine::record::Ending;
use crate::model::{Attempt, Level, NotRun, Outcome, OutcomeKind, StopReason, TestIndex};

/// Crashes in a row after which a test is not run again: it takes a worker with its session fixtures
/// each time. One that crashes now and then goes on, because its rate is worth knowing.
const LIMIT: u32 = 3;

/// How often tests have crashed their workers, without having ended otherwise since.
#[derive(Debug, Default)]
pub(super) struct Poison {
    crashes: HashMap<TestIndex, u32>,
}

impl Poison {
    /// An attempt has ended. Whether the test has just become one that is not run again.
    fn note(&mut self, test: TestIndex, kind: OutcomeKind) -> bool {
        if kind != OutcomeKind::Crashed {
            if !self.crashes.is_empty() && kind.ran() {
                self.crashes.remove(&test);
            }
            return false;
        }
        let crashes = self.crashes.entry(test).or_default();
        *crashes += 1;
        *crashes == LIMIT
    }

    /// Whether it is not run again.
    pub(super) fn has(&self, test: TestIndex) -> bool {
        self.crashes.get(&test).is_some_and(|&crashes| crashes >= LIMIT)
    }

    /// Those that are not run again.
    fn tests(&self) -> Vec<TestIndex> {
        let mut tests: Vec<_> = self.crashes.keys().copied().filter(|&it| self.has(it)).collect();
        tests.sort_unstable();
        tests
    }
}

impl Dispatch<'_> {
    /// An attempt has ended so.
    pub(super) fn note_crash(&mut self, test: TestIndex, kind: OutcomeKind) {
        if self.poison.note(test, kind) {
            let nodeid = &self.record.tests()[test.at()].nodeid;
            let notice =
                format!("{nodeid} crashed its worker {LIMIT} times in a row: it is not run again");
            self.record.notice(Level::Warning, notice);
        }
    }

    /// A round begins, in which each test is planned so often.
    pub(super) fn leave_poison_out(&mut self, copies: usize) {
        let tests = self.poison.tests();
        if !tests.is_empty() && tests.len() == self.record.tests().len() {
            let what = "every test has crashed its worker too often: there is none left to run";
            self.stop(StopReason::Internal(what.to_owned()));
        }
        for test in tests {
            for _ in 0..copies {
                let ending = Ending::bare(Outcome::NotRun(NotRun::Poison), self.record.now());
                self.record.ended(None, test, Attempt::FIRST, ending);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_crashes_in_a_row_count() {
        let mut poison = Poison::default();
        let test = TestIndex(7);
        let mut note = |kind| poison.note(test, kind);
        assert!(!note(OutcomeKind::Crashed) && !note(OutcomeKind::Crashed));
        assert!(!note(OutcomeKind::Passed));
        assert!(!note(OutcomeKind::Crashed) && !note(OutcomeKind::Crashed));
        assert!(!note(OutcomeKind::NotRun), "says nothing of it");
        assert!(note(OutcomeKind::Crashed), "told once");
        assert!(!note(OutcomeKind::Crashed));
        assert_eq!((poison.has(test), poison.tests()), (true, vec![test]));
    }
}
