//! How much a worker is given at a time, and how much is taken from it again.

use std::collections::VecDeque;

use super::deal::Deal;
use super::depth::Depth;
use super::queues::half;
use crate::model::{Slot, TestIndex};

/// A worker that could be given more.
#[derive(Debug)]
pub struct Asking {
    /// Its place.
    pub slot: Slot,
    /// What it has, in its order, the running test first.
    pub has: Vec<TestIndex>,
    /// How many tests it may have at most.
    pub most: usize,
    /// Other workers that have none.
    pub idle_others: usize,
}

/// What it is given.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Portion {
    /// In this order.
    pub tests: Vec<TestIndex>,
    /// Whether it would have been given more, had there been more for it.
    pub ran_dry: bool,
}

impl Deal {
    /// Gives a worker what it should have beyond what it has. A second test, which a worker needs to
    /// know before it starts the first, is given only when all workers can have one.
    pub fn portion(&mut self, asking: Asking, depth: &Depth) -> Portion {
        let Asking { slot, has, most, idle_others } = asking;
        let mut count = has.len();
        let mut behind: f64 = has.iter().skip(1).map(|&test| self.reckoned(test, depth)).sum();
        let mut tests = Vec::new();
        while count < most && Depth::has_room(count, behind) {
            let is_for_others = self.is_shared() && !self.has_own(slot);
            if count > 0 && is_for_others && self.parcels() <= idle_others {
                break;
            }
            let Some(unit) = self.take(slot) else {
                return Portion { tests, ran_dry: true };
            };
            // What a test claims it holds from now on: not behind a long queue.
            let is_last = count > 0 && unit.iter().any(|&test| self.is_claimed(test));
            let waits = unit.iter().skip(usize::from(count == 0));
            behind += waits.map(|&test| self.reckoned(test, depth)).sum::<f64>();
            count += unit.len();
            tests.extend(unit);
            if is_last {
                break;
            }
        }
        Portion { tests, ran_dry: false }
    }

    /// What could be taken from a worker that holds these tests and has started none of them: for
    /// how many seconds it has work beyond the next test, and how many tests from the end are half.
    #[must_use]
    pub fn spare(&self, held: &VecDeque<TestIndex>, depth: &Depth) -> (f64, usize) {
        let beyond = held.len().saturating_sub(1);
        if beyond == 0 {
            return (0.0, 0);
        }
        let seconds = held.range(1..).map(|&test| self.reckoned(test, depth));
        let all = seconds.clone().sum();
        (all, half(seconds, all))
    }

    /// Seconds for a test: its own, where they are known, or those of tests like the last ones.
    fn reckoned(&self, test: TestIndex, depth: &Depth) -> f64 {
        self.forecast().known(test).unwrap_or_else(|| depth.usual())
    }
}

#[cfg(test)]
mod tests {
    use super::super::suite::suite;
    use super::*;
    use crate::model::{DistMode, Durations, Took};
    use crate::scheduler::Forecast;

    /// One file of tests that take so many seconds, on two workers.
    fn deal(seconds: &[f64]) -> Deal {
        let ids: Vec<String> = (0..seconds.len()).map(|n| format!("a::{n}")).collect();
        let tests = suite(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        let took = |(test, &rest): (&std::sync::Arc<crate::model::TestInfo>, _)| {
            (test.nodeid.clone(), Took { setup: 0.0, rest })
        };
        let known = tests.iter().zip(seconds).map(took).collect();
        let mut forecast = Forecast::new(Durations { tests: known, ..Durations::default() });
        forecast.learn(&tests);
        Deal::new(DistMode::WorkSteal, &tests, 2).expecting(forecast)
    }

    fn portion(deal: &mut Deal, has: &[u32], most: usize) -> Vec<u32> {
        let has = has.iter().map(|&test| TestIndex(test)).collect();
        let asking = Asking { slot: Slot(0), has, most, idle_others: 0 };
        deal.portion(asking, &Depth::default()).tests.into_iter().map(|test| test.0).collect()
    }

    #[test]
    fn quick_tests_travel_together_up_to_a_long_one() {
        let mut seconds = vec![0.001; 40];
        seconds[3] = 2.0;
        let mut deal = deal(&seconds);
        assert_eq!(portion(&mut deal, &[], 64), [0, 1, 2, 3], "nothing waits behind the long one");
        assert_eq!(portion(&mut deal, &[3], 64), [4, 5, 6, 7, 8], "5 ms behind what runs");
        assert_eq!(portion(&mut deal, &[8], 2), [9]);
    }

    // The worker waited for its last test for ever: it was kept for another, which could not have it.
    #[test]
    fn the_rest_of_a_file_that_stays_whole_is_kept_for_nobody_else() {
        let mut deal = Deal::of_files(DistMode::LoadFile, 1, 2);
        deal.file_given();
        deal.file_collected(Slot(0), &suite(&["a::1", "a::2"]));
        let asking = Asking { slot: Slot(0), has: Vec::new(), most: 2, idle_others: 1 };
        let portion = deal.portion(asking, &Depth::default());
        assert_eq!(portion.tests, [TestIndex(0), TestIndex(1)]);
    }

    #[test]
    fn half_of_the_seconds_beyond_the_next_test_can_be_spared() {
        let deal = deal(&[5.0, 1.0, 1.0, 1.0, 3.0]);
        let held = |tests: &[u32]| tests.iter().map(|&test| TestIndex(test)).collect();
        let spare = |tests: &[u32]| deal.spare(&held(tests), &Depth::default());
        assert_eq!(spare(&[0, 1, 2, 3, 4]), (6.0, 1));
        assert_eq!(spare(&[4, 1, 2]), (2.0, 1));
        assert_eq!(spare(&[4]), (0.0, 0));
        assert_eq!(spare(&[]), (0.0, 0));
    }
}
