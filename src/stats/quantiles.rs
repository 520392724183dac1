//! Typical, slow and slowest: four figures for a list of durations.

use serde::Serialize;

/// Four figures of a list of numbers, in the numbers' own unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half of the numbers are at most this.
    pub p50: f64,
    /// 95% of the numbers are at most this.
    pub p95: f64,
    /// 99% of the numbers are at most this.
    pub p99: f64,
    /// The greatest.
    pub max: f64,
}

/// The quantiles of `values` in any order, `None` where there are none.
///
/// By nearest rank, without interpolation (Hyndman and Fan, "Sample Quantiles in Statistical
/// Packages", 1996, type 1): the q-quantile is the ⌈q·n⌉-th smallest, so that each figure is a
/// duration that was really seen, and of few values p95 and p99 are the greatest.
#[must_use]
pub fn quantiles(values: &[f64]) -> Option<Quantiles> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let max = *sorted.last()?;
    let [p50, p95, p99] = [50, 95, 99].map(|percent| nearest_rank(&sorted, percent));
    Some(Quantiles { p50, p95, p99, max })
}

/// In whole percents: 0.95 · 20 is not always 19 in floating point, and ⌈19.000…4⌉ is 20.
fn nearest_rank(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    #[test]
    fn nothing_has_no_quantiles() {
        assert_eq!(quantiles(&[]), None);
    }

    #[test]
    fn ranks_are_the_nearest() {
        let one_to = |n: u32| (1..=n).rev().map(f64::from).collect::<Vec<_>>();
        for (n, p50, p95, p99) in [
            (1, 1.0, 1.0, 1.0),
            (2, 1.0, 2.0, 2.0),
            (20, 10.0, 19.0, 20.0),
            (100, 50.0, 95.0, 99.0),
        ] {
            let found = quantiles(&one_to(n));
            assert_eq!(found, Some(Quantiles { p50, p95, p99, max: f64::from(n) }));
        }
    }

    proptest! {
        #[test]
        fn at_least_the_share_lies_below(values in proptest::collection::vec(0.0..1e6_f64, 1..300)) {
            let found = quantiles(&values).expect("not empty");
            let share = |limit: f64| values.iter().filter(|&&v| v <= limit).count() as f64;
            let n = values.len() as f64;
            prop_assert!(share(found.p50) >= 0.5 * n);
            prop_assert!(share(found.p95) >= 0.95 * n - 1e-9);
            prop_assert!(share(found.p99) >= 0.99 * n - 1e-9);
            prop_assert!(share(found.max) >= n);
            prop_assert!([found.p50, found.p95, found.p99].iter().all(|it| values.contains(it)));
        }
    }
}
