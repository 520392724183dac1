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

/// The chance, if nothing made a difference, at which a difference is believed. It is looked at
/// after each few trials, which makes it about four times as large over a contest.
const BELIEVED: f64 = 0.002;
/// The chance at which an effect of the least size is no longer believed in.
const GIVEN_UP: f64 = 0.02;

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

    /// What has come since an earlier state.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            failed: self.failed - earlier.failed,
            executed: self.executed - earlier.executed,
        }
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

    /// Whether it fails more often than `base`; none as long as that is open. An effect that makes
    /// fewer than `least` of the trials fail is none.
    pub fn exceeds(self, base: Self, least: f64) -> Option<bool> {
        if self.p_more_than(base) <= BELIEVED {
            return Some(true);
        }
        // The base's own failures would come on top of the effect's.
        let expected = 1.0 - (1.0 - least) * (1.0 - base.rate());
        (self.at_most_so_many(expected) <= GIVEN_UP).then_some(false)
    }

    /// The chance of so few failures or fewer, at this rate: the binomial distribution's lower tail.
    fn at_most_so_many(self, rate: f64) -> f64 {
        let (odds, n) = (rate / (1.0 - rate).max(1e-12), self.executed);
        let mut mass = (1.0 - rate).max(1e-12).powi(i32::try_from(n).unwrap_or(i32::MAX));
        let mut sum = mass;
        for k in 0..self.failed {
            mass *= (n - k) as f64 / (k + 1) as f64 * odds;
            sum += mass;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_against_none_of_six_are_believed_and_five_are_not() {
        let none = |n| Tally::new(0, n);
        assert_eq!(Tally::new(6, 6).exceeds(none(6), 0.25), Some(true));
        assert_eq!(Tally::new(5, 5).exceeds(none(5), 0.25), None);
        assert_eq!(Tally::new(6, 6).exceeds(Tally::new(6, 6), 0.25), None);
    }

    #[test]
    fn an_effect_is_given_up_when_it_should_have_been_seen() {
        let alone = Tally::new(0, 14);
        assert_eq!(Tally::new(0, 13).exceeds(alone, 0.25), None);
        assert_eq!(Tally::new(0, 14).exceeds(alone, 0.25), Some(false), "0.75^14 = 0.018");
        assert_eq!(Tally::new(1, 14).exceeds(alone, 0.25), None);
    }
}
