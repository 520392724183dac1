//! Whether a test fails more often the more of something there is: workers, tests beside it.

use serde::Serialize;

use super::rates::{Part, part};
use super::special::{normal_tail, probability};
use super::split::{Side, best_split};

/// The executions at one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// How much of it there was, such as the number of workers that were running a test.
    pub level: u32,
    /// How many executions failed.
    pub failed: u64,
    /// How many executions there were.
    pub executed: u64,
}

/// How failures go with the level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trend {
    /// The chance of failures at levels at least as high, if the level made no difference.
    pub p_rises: f64,
    /// The chance of failures at levels at least as low.
    pub p_falls: f64,
    /// Whether both were counted exactly, not taken from the normal distribution.
    pub exact: bool,
}

/// A level from which on a test fails more often.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// The lowest level of the upper part; executions were seen at it.
    pub level: u32,
    /// All executions below it.
    pub below: Part,
    /// All executions at it or above.
    pub from: Part,
    /// The chance of a threshold at least as clear anywhere, if the level made no difference.
    pub p: f64,
}

/// How many steps the exact count may take; about 20 ms.
const EXACT_STEPS: u64 = 20_000_000;

/// The Cochran–Armitage test for a trend: T = Σ levelᵢ·failedᵢ, with the executions of each level and
/// the failures given (W. G. Cochran, 1954; P. Armitage, 1955).
///
/// Its distribution, if the level makes no difference, is counted exactly where that is cheap
/// (`exact`); else T is taken for normal with mean K·x̄ and variance K·(N−K)/(N·(N−1))·Σ nᵢ(xᵢ−x̄)²,
/// with the usual half step towards the mean. `None` where all failed, none did, or there is one
/// level only.
///
/// Assumed: executions are independent, and nothing else differs between levels. In a round the
/// concurrency falls towards its end, where the same tests run each time: vary the order first.
#[must_use]
pub fn trend(levels: &[Level]) -> Option<Trend> {
    let levels = merged(levels);
    let failed: u64 = levels.iter().map(|it| it.failed).sum();
    let executed: u64 = levels.iter().map(|it| it.executed).sum();
    let (first, last) = (levels.first()?.level, levels.last()?.level);
    if first == last || failed == 0 || failed == executed {
        return None;
    }
    let step = levels.iter().fold(0, |step, it| greatest_divisor(step, it.level - first));
    let scored: Vec<(u64, Level)> =
        levels.iter().map(|it| (u64::from((it.level - first) / step), *it)).collect();
    let seen: u64 = scored.iter().map(|(score, it)| score * it.failed).sum();
    let widest = u64::from((last - first) / step) * failed;
    let steps = executed.saturating_mul(failed).saturating_mul(widest);
    let exact = steps <= EXACT_STEPS;
    let (p_rises, p_falls) = if exact {
        exactly(&scored, failed, seen, widest)
    } else {
        by_the_normal(&scored, failed, executed, seen)
    };
    Some(Trend { p_rises: probability(p_rises), p_falls: probability(p_falls), exact })
}

/// The level from which on failures are most clearly more frequent than below it ("fails only while
/// at least 6 workers run", if `below.failed` is 0).
///
/// It is the split of the levels with the greatest binomial likelihood ratio among those with more
/// failures above; `p` allows for having tried each, exactly as for a change point. `None` where no
/// split has more failures above it.
#[must_use]
pub fn threshold(levels: &[Level]) -> Option<Threshold> {
    let levels = merged(levels);
    let counted: Vec<(u64, u64)> = levels.iter().map(|it| (it.failed, it.executed)).collect();
    let split = best_split(&counted, Side::More)?;
    let (below, from) = counted.split_at(split.before);
    Some(Threshold {
        level: levels[split.before].level,
        below: part(below)?,
        from: part(from)?,
        p: split.p,
    })
}

/// Ascending, each level once, and only those with executions.
fn merged(levels: &[Level]) -> Vec<Level> {
    let mut sorted: Vec<Level> = levels.iter().copied().filter(|it| it.executed > 0).collect();
    sorted.sort_unstable_by_key(|it| it.level);
    sorted.dedup_by(|next, kept| {
        let same = next.level == kept.level;
        if same {
            kept.failed += next.failed;
            kept.executed += next.executed;
        }
        same
    });
    sorted
}

fn greatest_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

/// The chances of a sum of at least and of at most `seen`: execution by execution, lowest level
/// first, the chance of each (failures, sum) is carried on.
fn exactly(scored: &[(u64, Level)], failed: u64, seen: u64, widest: u64) -> (f64, f64) {
    let (failed, seen, sums) = (failed as usize, seen as usize, widest as usize + 1);
    let mut chance = vec![0.0; (failed + 1) * sums];
    chance[0] = 1.0;
    let mut left: u64 = scored.iter().map(|(_, it)| it.executed).sum();
    for &(score, level) in scored {
        for _ in 0..level.executed {
            carry(&mut chance, sums, score as usize, left as f64);
            left -= 1;
        }
    }
    let last = &chance[failed * sums..];
    (last[seen..].iter().sum(), last[..=seen].iter().sum())
}

/// One more execution out of `left`, at a level that adds `score` to the sum if it fails.
fn carry(chance: &mut [f64], sums: usize, score: usize, left: f64) {
    let failed = chance.len() / sums - 1;
    for k in (0..=failed).rev() {
        let stays = 1.0 - ((failed - k) as f64 / left).min(1.0);
        let comes = if k > 0 { ((failed - k + 1) as f64 / left).min(1.0) } else { 0.0 };
        for sum in (0..sums).rev() {
            let from =
                if k > 0 && sum >= score { chance[(k - 1) * sums + sum - score] } else { 0.0 };
            chance[k * sums + sum] = chance[k * sums + sum] * stays + from * comes;
        }
    }
}

fn by_the_normal(scored: &[(u64, Level)], failed: u64, executed: u64, seen: u64) -> (f64, f64) {
    let (k, n) = (failed as f64, executed as f64);
    let weighed = |value: &dyn Fn(f64) -> f64| -> f64 {
        scored.iter().map(|&(score, it)| it.executed as f64 * value(score as f64)).sum()
    };
    let mean = weighed(&|x| x) / n;
    let spread = weighed(&|x| (x - mean) * (x - mean));
    let deviation = (k * (n - k) / (n * (n - 1.0)) * spread).sqrt();
    let above = seen as f64 - k * mean;
    (normal_tail((above - 0.5) / deviation), normal_tail((-above - 0.5) / deviation))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;
    use crate::stats::{Table, fails_more_with};

    fn levels(counts: &[(u32, u64, u64)]) -> Vec<Level> {
        counts.iter().map(|&(level, failed, executed)| Level { level, failed, executed }).collect()
    }

    #[test]
    fn one_level_or_one_outcome_has_no_trend() {
        assert_eq!(trend(&[]), None);
        assert_eq!(trend(&levels(&[(4, 3, 10)])), None);
        assert_eq!(trend(&levels(&[(1, 0, 10), (4, 0, 10)])), None);
        assert_eq!(trend(&levels(&[(1, 5, 5), (4, 7, 7)])), None);
        assert_eq!(threshold(&levels(&[(1, 5, 5), (4, 0, 7)])), None, "fewer above");
    }

    #[test]
    fn a_limit_on_workers_is_found() {
        let seen = levels(&[(1, 0, 10), (2, 0, 10), (4, 0, 10), (6, 5, 10), (8, 6, 10)]);
        let found = threshold(&seen).expect("a threshold");
        assert_eq!((found.level, found.below.failed, found.from.failed), (6, 0, 11));
        assert!(found.p < 1e-4, "{}", found.p);
        let trend = trend(&seen).expect("a trend");
        assert!(trend.exact && trend.p_rises < 1e-4 && trend.p_falls > 0.99, "{trend:?}");
    }

    #[test]
    fn the_normal_is_near_the_exact_where_both_are_good() {
        let seen = levels(&[(1, 10, 60), (2, 14, 60), (3, 21, 60)]);
        let scored: Vec<(u64, Level)> =
            merged(&seen).into_iter().zip(0..).map(|(it, at)| (at, it)).collect();
        let (exact, _) = exactly(&scored, 45, 56, 90);
        let (normal, _) = by_the_normal(&scored, 45, 180, 56);
        assert!((exact / normal - 1.0).abs() < 0.05, "{exact} {normal}");
    }

    proptest! {
        #[test]
        fn with_two_levels_it_is_fishers_test(a in 0..15_u64, b in 0..15_u64, c in 0..15_u64, d in 0..15_u64) {
            let table = Table { failed_with: a, passed_with: b, failed_without: c, passed_without: d };
            let seen = levels(&[(3, c, c + d), (7, a, a + b)]);
            if let Some(trend) = trend(&seen) {
                prop_assert!((trend.p_rises - fails_more_with(&table)).abs() < 1e-9, "{trend:?}");
            }
        }

        #[test]
        fn the_other_way_round_rises_fall(counts in proptest::collection::vec((0..8_u32, 0..6_u64, 0..6_u64), 1..8)) {
            let there: Vec<_> = counts.iter().map(|&(at, a, b)| (at, a, a + b)).collect();
            let back: Vec<_> = there.iter().map(|&(at, a, n)| (8 - at, a, n)).collect();
            if let (Some(there), Some(back)) = (trend(&levels(&there)), trend(&levels(&back))) {
                prop_assert!((there.p_rises - back.p_falls).abs() < 1e-9);
                prop_assert!(there.p_rises > 0.0 && there.p_rises <= 1.0);
                prop_assert!(there.p_rises + there.p_falls >= 1.0 - 1e-9);
            }
        }
    }
}
