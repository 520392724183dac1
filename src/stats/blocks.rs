//! How often a test fails, where executions near in time depend on each other.

use serde::Serialize;

use super::rates::{Rate, failure_rate, wilson};

/// A failure rate whose interval allows for bad spells.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BlockRate {
    /// The rate with its 95% interval.
    pub rate: Rate,
    /// How many times the variance is that of independent executions; at least 1.
    pub design_effect: f64,
}

/// Fewer blocks tell nothing certain of how much they differ: of ten the design effect is still
/// known to a half only.
const LEAST_BLOCKS: usize = 10;

/// The failure rate over `rounds`, each (failed, executed), in order of time.
///
/// Consecutive rounds are put together into blocks of 1, 2, 4, … of them, as long as there are at
/// least ten blocks. For each length the variance of p = Σfᵦ / Σnᵦ over B blocks is estimated as that
/// of a ratio, B/(B−1) · Σ(fᵦ − p·nᵦ)² / (Σnᵦ)² (W. G. Cochran, "Sampling Techniques", 1977, chapter
/// 6); the design effect is its quotient with p(1−p)/Σn (L. Kish, "Survey Sampling", 1965), of all
/// lengths the greatest, and at least 1. The interval is Wilson's with n divided by it, and so never
/// narrower than that of [`failure_rate`].
///
/// Assumed: rounds further apart than a block do not depend on each other. With fewer than ten rounds
/// that were executed nothing is known of blocks, and the interval is the plain one; likewise where
/// none failed, or all did. `None` where nothing was executed.
#[must_use]
pub fn failure_rate_in_blocks(rounds: &[(u64, u64)]) -> Option<BlockRate> {
    let failed: u64 = rounds.iter().map(|it| it.0).sum();
    let executed: u64 = rounds.iter().map(|it| it.1).sum();
    let plain = failure_rate(failed, executed)?;
    if failed == 0 || failed == executed {
        return Some(BlockRate { rate: plain, design_effect: 1.0 });
    }
    let ran: Vec<(u64, u64)> = rounds.iter().copied().filter(|it| it.1 > 0).collect();
    let lengths = std::iter::successors(Some(1), |length| Some(length * 2));
    let design_effect = lengths
        .take_while(|length| ran.len() / length >= LEAST_BLOCKS)
        .map(|length| design_effect(&ran, length, plain.estimate))
        .fold(1.0, f64::max);
    let effective = executed as f64 / design_effect;
    let rate = wilson(plain.estimate * effective, effective);
    Some(BlockRate { rate: Rate { estimate: plain.estimate, ..rate }, design_effect })
}

fn design_effect(rounds: &[(u64, u64)], length: usize, rate: f64) -> f64 {
    let blocks: Vec<(f64, f64)> = rounds
        .chunks(length)
        .map(|block| {
            let sum = block.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
            (sum.0 as f64, sum.1 as f64)
        })
        .collect();
    let executed: f64 = blocks.iter().map(|it| it.1).sum();
    let count = blocks.len() as f64;
    let squares: f64 = blocks.iter().map(|(failed, n)| (failed - rate * n).powi(2)).sum();
    count / (count - 1.0) * squares / (executed * rate * (1.0 - rate))
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    #[test]
    fn nothing_executed_has_no_rate() {
        assert_eq!(failure_rate_in_blocks(&[]), None);
        assert_eq!(failure_rate_in_blocks(&[(0, 0); 20]), None);
    }

    #[test]
    fn a_bad_spell_widens_the_interval() {
        let spread: Vec<(u64, u64)> = (0..80).map(|round| (u64::from(round % 8 == 0), 1)).collect();
        let spell: Vec<(u64, u64)> =
            (0..80).map(|round| (u64::from((30..40).contains(&round)), 1)).collect();
        let [spread, spell] = [spread, spell].map(|it| failure_rate_in_blocks(&it).expect("ran"));
        assert!(spread.design_effect < 1.05, "{spread:?}");
        // Ten blocks of eight, with 2 and 8 failures: 10/9 · (8·1 + 1² + 7²) / (80 · 1/8 · 7/8).
        assert!((spell.design_effect - 10.0 / 9.0 * 58.0 / 8.75).abs() < 1e-9, "{spell:?}");
        assert!(spell.rate.high > spread.rate.high && spell.rate.low < spread.rate.low);
    }

    #[test]
    fn few_rounds_are_taken_as_they_are() {
        let few = [(0, 5), (5, 5), (0, 5)];
        let rate = failure_rate_in_blocks(&few).expect("ran");
        assert!((rate.design_effect - 1.0).abs() < f64::EPSILON);
        assert!((rate.rate.high - failure_rate(5, 15).expect("ran").high).abs() < 1e-12);
    }

    /// Rounds that are bad in spells of ten: of 200 runs, the plain interval misses the true rate far
    /// more often than one time in twenty.
    #[test]
    fn intervals_hold_the_truth_where_the_plain_one_does_not() {
        let mut rng = Rng::with_seed(6);
        let (mut plain, mut blocks) = (0, 0);
        for _ in 0..200 {
            let spells: Vec<f64> =
                (0..40).map(|_| if rng.f64() < 0.25 { 0.8 } else { 0.0 }).collect();
            let rounds: Vec<(u64, u64)> =
                (0..400).map(|round| (u64::from(rng.f64() < spells[round / 10]), 1)).collect();
            let failed = rounds.iter().map(|it| it.0).sum();
            let holds = |rate: Rate| u32::from(rate.low <= 0.2 && 0.2 <= rate.high);
            plain += holds(failure_rate(failed, 400).expect("ran"));
            blocks += holds(failure_rate_in_blocks(&rounds).expect("ran").rate);
        }
        assert!(plain < 140, "{plain} of 200");
        assert!(blocks > 180, "{blocks} of 200");
    }

    proptest! {
        #[test]
        fn never_narrower_than_the_plain_one(
            outcomes in proptest::collection::vec((0..4_u64, 0..4_u64), 1..120)
        ) {
            let rounds: Vec<(u64, u64)> = outcomes.iter().map(|&(a, b)| (a, a + b)).collect();
            let sum = rounds.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
            if let Some(found) = failure_rate_in_blocks(&rounds) {
                let plain = failure_rate(sum.0, sum.1).expect("ran");
                let rate = found.rate;
                prop_assert!(found.design_effect >= 1.0);
                prop_assert!(rate.low <= plain.low + 1e-12 && rate.high >= plain.high - 1e-12);
                prop_assert!(0.0 <= rate.low && rate.low <= rate.estimate);
                prop_assert!(rate.estimate <= rate.high && rate.high <= 1.0);
            }
        }
    }
}
