//! Which pairs of tests have run at the same time.

use crate::model::TestIndex;

/// Suites of more tests have more pairs than are worth keeping: of so many, 4 MiB.
const MOST: usize = 8192;

/// A mark for each pair of a suite's tests.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    tests: usize,
    met: Vec<u64>,
    count: u64,
}

impl Pairs {
    /// Of so many tests, none of which have met. Of too many, nothing is kept.
    #[must_use]
    pub fn of(tests: usize) -> Self {
        let tests = if tests > MOST { 0 } else { tests };
        let pairs = tests * tests.saturating_sub(1) / 2;
        Self { tests, met: vec![0; pairs.div_ceil(64)], count: 0 }
    }

    /// One of these tests has begun while the other one ran.
    pub fn meet(&mut self, one: TestIndex, other: TestIndex) {
        if let Some((word, bit)) = self.place(one, other) {
            let is_new = self.met[word] & bit == 0;
            self.met[word] |= bit;
            self.count += u64::from(is_new);
        }
    }

    /// Whether they have. A test meets itself only where it is said to.
    #[must_use]
    pub fn have_met(&self, one: TestIndex, other: TestIndex) -> bool {
        self.place(one, other).is_none_or(|(word, bit)| self.met[word] & bit != 0)
    }

    /// How many pairs have met, of how many.
    #[must_use]
    pub fn covered(&self) -> (u64, u64) {
        let tests = self.tests as u64;
        (self.count, tests * tests.saturating_sub(1) / 2)
    }

    fn place(&self, one: TestIndex, other: TestIndex) -> Option<(usize, u64)> {
        let (low, high) = (one.at().min(other.at()), one.at().max(other.at()));
        if low == high || high >= self.tests {
            return None;
        }
        let at = high * (high - 1) / 2 + low;
        Some((at / 64, 1 << (at % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_counts_once_in_either_order() {
        let mut pairs = Pairs::of(4);
        for (one, other) in [(0, 3), (3, 0), (2, 3), (1, 1), (0, 9)] {
            pairs.meet(TestIndex(one), TestIndex(other));
        }
        assert_eq!(pairs.covered(), (2, 6));
        assert!(pairs.have_met(TestIndex(3), TestIndex(2)));
        assert!(!pairs.have_met(TestIndex(1), TestIndex(2)));
    }

    #[test]
    fn all_pairs_have_places_of_their_own() {
        let mut pairs = Pairs::of(30);
        for high in 0..30 {
            for low in 0..high {
                assert!(!pairs.have_met(TestIndex(low), TestIndex(high)));
                pairs.meet(TestIndex(low), TestIndex(high));
            }
        }
        assert_eq!(pairs.covered(), (435, 435));
    }
}
