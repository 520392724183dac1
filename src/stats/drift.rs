//! Whether something grows or shrinks from round to round, such as how long a test takes.

use serde::Serialize;

use super::special::{normal_tail, probability};

/// How a series moves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Drift {
    /// How much it changes from one round to the next, in the values' own unit: the median of the
    /// slopes between all pairs of points.
    pub per_round: f64,
    /// The chance of a tendency at least as clear, up or down, if the order meant nothing.
    pub p: f64,
}

/// More points than this are put together first, so that 100,000 cost no more than these: 80,000
/// pairs, a millisecond or so.
const MOST: usize = 400;

/// Up to here the chance is counted, where no two values are equal.
const EXACT: usize = 30;

/// How `points`, each (round, value) and in any order, move from round to round.
///
/// The slope is that of Theil (1950) and Sen (1968), which half of the points could not spoil; the
/// chance that of Mann (1945) and Kendall (1948): S counts the pairs that rise less those that fall,
/// and is counted exactly for up to 30 points without ties, else taken for normal with the variance
/// for ties (M. G. Kendall, "Rank Correlation Methods", 1970, chapter 4) and a step of 1 towards 0. Of
/// more than 400 points, the medians of 400 stretches of neighbours are taken first.
///
/// Assumed: points are independent, if nothing moves. Spells make p too small; the medians of
/// stretches help against short ones. `None` where all are of one round, or there are fewer than
/// three.
#[must_use]
pub fn drift(points: &[(f64, f64)]) -> Option<Drift> {
    let mut sorted = points.to_vec();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let first = sorted.first()?.0;
    if sorted.len() < 3 || sorted.iter().all(|it| it.0.total_cmp(&first).is_eq()) {
        return None;
    }
    let thinned = thin(&sorted);
    let mut slopes = Vec::with_capacity(thinned.len() * thinned.len() / 2);
    let mut sum = 0_i64;
    for (nth, a) in thinned.iter().enumerate() {
        for b in thinned[nth + 1..].iter().filter(|b| b.0 > a.0) {
            slopes.push((b.1 - a.1) / (b.0 - a.0));
            sum += b.1.total_cmp(&a.1) as i64;
        }
    }
    Some(Drift { per_round: median(&mut slopes)?, p: chance(&thinned, sum.unsigned_abs()) })
}

/// The medians of at most [`MOST`] stretches of neighbours.
fn thin(sorted: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if sorted.len() <= MOST {
        return sorted.to_vec();
    }
    let stretch = |nth: usize| &sorted[nth * sorted.len() / MOST..(nth + 1) * sorted.len() / MOST];
    let middle = |values: &mut dyn Iterator<Item = f64>| median(&mut values.collect::<Vec<f64>>());
    (0..MOST)
        .filter_map(|nth| {
            let points = stretch(nth);
            let value = middle(&mut points.iter().map(|it| it.1))?;
            Some((middle(&mut points.iter().map(|it| it.0))?, value))
        })
        .collect()
}

fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    if values.is_empty() {
        return None;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp).filter(|_| even);
    Some(lower.map_or(upper, |lower| f64::midpoint(lower, upper)))
}

/// The chance that |S| is at least `sum`.
fn chance(points: &[(f64, f64)], sum: u64) -> f64 {
    let rounds = ties(points.iter().map(|it| it.0).collect());
    let values = ties(points.iter().map(|it| it.1).collect());
    if points.len() <= EXACT && rounds.is_empty() && values.is_empty() {
        return counted(points.len(), sum);
    }
    let variance = variance(points.len() as f64, &rounds, &values);
    if sum == 0 || variance <= 0.0 {
        return 1.0;
    }
    probability(2.0 * normal_tail((sum as f64 - 1.0) / variance.sqrt()))
}

/// How many are equal, for each value that comes more than once.
fn ties(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let equal = values.chunk_by(|a, b| a.total_cmp(b).is_eq());
    equal.map(|it| it.len() as f64).filter(|&count| count > 1.0).collect()
}

fn variance(n: f64, rounds: &[f64], values: &[f64]) -> f64 {
    let sums = |term: &dyn Fn(f64) -> f64| {
        let sum = |ties: &[f64]| -> f64 { ties.iter().map(|&t| term(t)).sum() };
        (sum(rounds), sum(values))
    };
    let cubes = sums(&|t| t * (t - 1.0) * (2.0 * t + 5.0));
    let triples = sums(&|t| t * (t - 1.0) * (t - 2.0));
    let pairs = sums(&|t| t * (t - 1.0));
    let all = n * (n - 1.0);
    (all * (2.0 * n + 5.0) - cubes.0 - cubes.1) / 18.0
        + triples.0 * triples.1 / (9.0 * all * (n - 2.0))
        + pairs.0 * pairs.1 / (2.0 * all)
}

/// The share of the orders of `n` different values whose |S| is at least `sum`.
///
/// S = n(n−1)/2 − 2·inversions, and the k-th value put into an order adds 0 to k−1 inversions, each
/// as often.
fn counted(n: usize, sum: u64) -> f64 {
    let pairs = n * (n - 1) / 2;
    let mut share = vec![0.0; pairs + 1];
    share[0] = 1.0;
    for k in 2..=n {
        let before = share.clone();
        for (inversions, share) in share.iter_mut().enumerate() {
            let from = inversions.saturating_sub(k - 1);
            *share = before[from..=inversions].iter().sum::<f64>() / k as f64;
        }
    }
    let of = |inversions: usize| (pairs as u64).abs_diff(2 * inversions as u64);
    let reached = share.iter().enumerate().filter(|(inversions, _)| of(*inversions) >= sum);
    probability(reached.map(|it| it.1).sum())
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    fn by_round(values: &[f64]) -> Vec<(f64, f64)> {
        values.iter().zip(0_u32..).map(|(&value, round)| (f64::from(round), value)).collect()
    }

    #[test]
    fn too_little_has_no_drift() {
        assert_eq!(drift(&[]), None);
        assert_eq!(drift(&by_round(&[1.0, 2.0])), None);
        assert_eq!(drift(&[(3.0, 1.0), (3.0, 2.0), (3.0, 5.0)]), None);
    }

    /// `scipy.stats.kendalltau(method="exact")` and `theilslopes`.
    #[test]
    fn exact_figures_are_those_of_scipy() {
        let values = [1.0, 1.2, 0.9, 1.5, 1.4, 1.8, 1.6, 2.1, 1.9, 2.5];
        let found = drift(&by_round(&values)).expect("a drift");
        assert!((found.per_round - 0.15).abs() < 1e-12, "{found:?}");
        assert!((found.p - 0.000_946_318_342_151_675_5).abs() < 1e-12, "{found:?}");
    }

    /// S = 41 and its variance 195.5758 as scipy's `kendalltau(method="asymptotic")` has them; the
    /// step of 1 is by hand.
    #[test]
    fn figures_with_ties_are_those_of_scipy() {
        let values = [1, 1, 2, 2, 2, 3, 1, 4, 3, 3, 5, 4].map(f64::from);
        let points: Vec<(f64, f64)> =
            values.iter().zip(0_u32..).map(|(&value, nth)| (f64::from(nth / 2), value)).collect();
        let found = drift(&points).expect("a drift");
        assert!((found.p - 0.004_233_204_679_922_404).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn one_slow_round_is_no_drift() {
        let mut values = [1.0, 1.1, 1.05, 1.02, 1.08, 1.03, 1.07, 1.01, 1.06, 1.04];
        values[9] = 60.0;
        let found = drift(&by_round(&values)).expect("a drift");
        assert!(found.per_round.abs() < 0.02 && found.p > 0.05, "{found:?}");
    }

    #[test]
    fn a_hundred_thousand_points_keep_their_slope() {
        let mut rng = Rng::with_seed(6);
        let points: Vec<(f64, f64)> = (0..100_000)
            .map(|at| f64::from(at / 10))
            .map(|round| (round, 1.0 + 1e-4 * round + rng.f64()))
            .collect();
        let found = drift(&points).expect("a drift");
        assert!((found.per_round - 1e-4).abs() < 1e-5 && found.p < 1e-50, "{found:?}");
    }

    #[test]
    fn nothing_that_moves_is_seldom_found_moving() {
        let mut rng = Rng::with_seed(7);
        let mut found = 0;
        for _ in 0..200 {
            let values: Vec<f64> = (0..40).map(|_| rng.f64()).collect();
            found += usize::from(drift(&by_round(&values)).expect("a drift").p < 0.05);
        }
        assert!(found <= 20, "{found} of 200");
    }

    proptest! {
        #[test]
        fn upside_down_it_falls(values in proptest::collection::vec(0..20_u8, 3..60)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let negated: Vec<f64> = values.iter().map(|it| -it).collect();
            let [up, down] = [values, negated].map(|it| drift(&by_round(&it)).expect("a drift"));
            prop_assert!((up.per_round + down.per_round).abs() < 1e-12);
            prop_assert!((up.p - down.p).abs() < 1e-12);
            prop_assert!(up.p > 0.0 && up.p <= 1.0);
        }
    }
}
