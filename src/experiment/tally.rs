//! Counts of trials, and what two of them say of each other.

use crate::stats::{Table, fails_more_with};

/// So many trials failed, of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Those that failed.
    pub failed: u64,
    /// All that ran.
    pub executed: u64,
}

impl Tally {
    /// These counts.
    pub fn new(failed: u64, executed: u64) -> Self {
        Self { failed, executed }
    }

    /// Takes a trial in.
    pub fn count(&mut self, failed: bool) {
        self.failed += u64::from(failed);
        self.executed += 1;
    }

    /// The share that failed; 0 where nothing ran.
    pub fn rate(self) -> f64 {
        if self.executed == 0 { 0.0 } else { self.failed as f64 / self.executed as f64 }
    }

    /// Whether all failed.
    pub fn always(self) -> bool {
        self.executed > 0 && self.failed == self.executed
    }

    /// Those that passed, counted as failures are.
    pub fn inverted(self) -> Self {
        Self { failed: self.executed - self.failed, ..self }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self { failed: self.failed + other.failed, executed: self.executed + other.executed }
    }

    /// What has come since an earlier state.
    pub fn since(self, earlier: Self) -> Self {
        Self { failed: self.failed - earlier.failed, executed: self.executed - earlier.executed }
    }

    /// The chance of failing so much more than `base`, if there were no difference: Fisher's exact
    /// test, one-sided.
    pub fn p_more_than(self, base: Self) -> f64 {
        fails_more_with(&Table {
            failed_with: self.failed,
            passed_with: self.executed - self.failed,
            failed_without: base.failed,
            passed_without: base.executed - base.failed,
        })
    }
}
