//! How much is still to be run.

/// How many executions are needed so that a test failing at `rate` is seen failing at least once
/// with probability `confidence`: ⌈ln(1 − c) / ln(1 − r)⌉.
///
/// 59 for a rate of 5% at 95%, 149 for 2%, 299 for 1%. Executions are taken for independent: where
/// failures come in clusters, more are needed. `None` where no number is enough: a rate of 0, or a
/// confidence of 1 with a rate below 1.
#[must_use]
pub fn executions_to_see(rate: f64, confidence: f64) -> Option<u64> {
    debug_assert!((0.0..=1.0).contains(&rate) && (0.0..=1.0).contains(&confidence));
    if confidence <= 0.0 {
        return Some(0);
    }
    if rate >= 1.0 {
        return Some(1);
    }
    let needed = (-confidence).ln_1p() / (-rate).ln_1p();
    // A quotient that is whole but for its last digits is that whole number.
    needed.is_finite().then(|| (needed * (1.0 - 1e-12)).ceil() as u64)
}

/// How many rounds at least put every pair of `tests` tests side by side once, on `workers` workers:
/// ⌈C(n, 2) / C(W, 2)⌉, with W at most n; `None` for a single worker, which puts none side by side.
///
/// At every moment of a round W tests run, and so C(W, 2) pairs; this counts one such moment for
/// each round, as if all tests took equally long and each round had one. A round has about n/W, and
/// covers more; how many it really covers is counted from the schedule.
#[must_use]
pub fn rounds_for_pairs(tests: u64, workers: u64) -> Option<u64> {
    let pairs = |n: u64| u128::from(n) * u128::from(n.saturating_sub(1)) / 2;
    match (pairs(tests), pairs(workers.min(tests))) {
        (0, _) => Some(0),
        (_, 0) => None,
        (all, each) => u64::try_from(all.div_ceil(each)).ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    #[test]
    fn the_figures_are_the_known_ones() {
        for (rate, at_95, at_99) in
            [(0.1, 29, 44), (0.05, 59, 90), (0.02, 149, 228), (0.01, 299, 459), (0.001, 2995, 4603)]
        {
            assert_eq!(executions_to_see(rate, 0.95), Some(at_95));
            assert_eq!(executions_to_see(rate, 0.99), Some(at_99));
        }
        assert_eq!(executions_to_see(0.3, 0.51), Some(2), "exactly 2, not 3 by rounding");
    }

    #[test]
    fn no_number_is_enough_for_the_impossible() {
        assert_eq!(executions_to_see(0.0, 0.95), None);
        assert_eq!(executions_to_see(0.3, 1.0), None);
        assert_eq!(executions_to_see(1.0, 1.0), Some(1));
        assert_eq!(executions_to_see(0.3, 0.0), Some(0));
    }

    #[test]
    fn pairs_need_as_many_rounds_as_known() {
        assert_eq!(rounds_for_pairs(100, 10), Some(110));
        assert_eq!(rounds_for_pairs(4, 2), Some(6));
        assert_eq!(rounds_for_pairs(3, 8), Some(1), "more workers than tests");
        assert_eq!(rounds_for_pairs(100, 1), None);
        assert_eq!((rounds_for_pairs(1, 4), rounds_for_pairs(0, 4)), (Some(0), Some(0)));
    }

    proptest! {
        #[test]
        fn that_many_are_enough_and_one_fewer_is_not(rate in 0.0001..0.999_f64, sure in 0.01..0.999_f64) {
            let needed = executions_to_see(rate, sure).expect("some number is enough") as f64;
            let seen = |n: f64| 1.0 - (1.0 - rate).powf(n);
            prop_assert!(seen(needed) >= sure - 1e-9);
            prop_assert!(seen(needed - 1.0) < sure + 1e-9);
        }
    }
}
