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

    /// The same, so many at a time: what fails among them fails them all.
    pub fn taken(self, at_a_time: u64) -> Self {
        let executed = self.executed / at_a_time.max(1);
        Self { failed: self.failed.min(executed), executed }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_compared_with_as_many_alone() {
        let alone = Tally::new(1, 62).taken(4);
        assert_eq!(alone, Tally::new(1, 15));
        // What two labs had: by itself at 5%, and a true limit.
        assert!(Tally::new(13, 40).p_more_than(alone) > 0.01);
        assert!(Tally::new(10, 10).p_more_than(Tally::new(0, 16).taken(4)) < 0.01);
        assert!(Tally::new(6, 6).p_more_than(Tally::new(0, 16).taken(4)) < 0.01);
    }
}
