//! Since which round a test fails more often, or less often, than before.

use serde::Serialize;

use super::rates::{Part, part};
use super::split::{Side, best_split};

/// A series that falls apart into two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// The index of the first entry after the change; at least 1.
    pub at: usize,
    /// All entries before it.
    pub before: Part,
    /// The entry at `at` and all after it.
    pub after: Part,
    /// The chance of a change at least as clear at any place, if the rate never changed.
    pub p: f64,
}

impl Change {
    /// Whether more fail after the change than before it.
    #[must_use]
    pub fn rises(&self) -> bool {
        self.after.rate.estimate > self.before.rate.estimate
    }
}

/// The most likely change of the failure rate in `rounds`, each (failed, executed), in their order.
///
/// The split is the one with the greatest binomial likelihood ratio (D. V. Hinkley and E. A. Hinkley,
/// "Inference about the Change-Point in a Sequence of Binomial Variables", 1970). `p` allows for
/// having tried every split: it is the chance of a greatest ratio like this one when the executions
/// come in any order, counted exactly, or for very long series bounded from above (see `split.rs`).
///
/// Assumed: executions are exchangeable if nothing changes. A series with many short bad spells is
/// not, and can look like one change. `None` where all or none failed, or there is one round only.
#[must_use]
pub fn change_point(rounds: &[(u64, u64)]) -> Option<Change> {
    let split = best_split(rounds, Side::Either)?;
    let (before, after) = rounds.split_at(split.before);
    Some(Change { at: split.before, before: part(before)?, after: part(after)?, p: split.p })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    fn rounds(pattern: &str) -> Vec<(u64, u64)> {
        pattern.bytes().map(|it| (u64::from(it == b'F'), 1)).collect()
    }

    /// With 9 failures at the end of 20 rounds: C(20, 9) = 167,960 orders, and this one and its mirror
    /// image (failing first, by 9 and 11) are the most extreme.
    #[test]
    fn a_state_that_accumulates_is_seen_and_dated() {
        let change = change_point(&rounds("...........FFFFFFFFF")).expect("changes");
        assert_eq!((change.at, change.before.failed, change.after.failed), (11, 0, 9));
        assert!(change.rises());
        assert!((change.p * 167_960.0 - 2.0).abs() < 1e-6, "{}", change.p);
    }

    #[test]
    fn a_fall_is_a_change_too() {
        let change = change_point(&rounds("FFFFFF..............")).expect("changes");
        assert_eq!(change.at, 6);
        assert!(!change.rises() && change.p < 1e-3);
    }

    #[test]
    fn steady_flakiness_is_none() {
        let change = change_point(&rounds("..F....F..F.....F....F..F...F...")).expect("splits");
        assert!(change.p > 0.3, "{}", change.p);
    }

    #[test]
    fn rounds_without_executions_do_not_matter() {
        let mut holes = rounds("......FFFFFF");
        holes.insert(6, (0, 0));
        let change = change_point(&holes).expect("changes");
        assert_eq!(change.at, 7, "the first round that failed");
    }

    #[test]
    fn long_series_are_answered_at_once() {
        let series: Vec<(u64, u64)> = (0..100_000)
            .map(|at| (u64::from(at % 7 == 0 || at > 60_000 && at % 3 == 0), 1))
            .collect();
        let change = change_point(&series).expect("changes");
        assert!(change.at.abs_diff(60_000) < 100 && change.p < 1e-100, "{change:?}");
    }

    proptest! {
        #[test]
        fn backwards_it_is_the_same_change(outcomes in proptest::collection::vec((0..4_u64, 0..4_u64), 2..30)) {
            let series: Vec<(u64, u64)> = outcomes.iter().map(|&(a, b)| (a, a + b)).collect();
            let mirrored: Vec<(u64, u64)> = series.iter().copied().rev().collect();
            let (Some(there), Some(back)) = (change_point(&series), change_point(&mirrored)) else {
                return Ok(());
            };
            prop_assert!((there.p - back.p).abs() < 1e-9 * there.p.max(1e-300) + 1e-12);
            prop_assert!(there.p > 0.0 && there.p <= 1.0);
        }
    }
}
