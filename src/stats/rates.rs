//! How often a test fails, and how sure that is.

use serde::Serialize;

/// The standard normal distribution's 97.5% point: 95% lie within ± this.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// How often something that never failed may still fail, at 95% confidence: the chance that is
/// left for having been lucky each time.
const LUCK: f64 = 0.05;

/// A share of executions, each figure between 0 and 1, with `low <= estimate <= high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Failures divided by executions.
    pub estimate: f64,
    /// The 95% interval's lower end.
    pub low: f64,
    /// The 95% interval's upper end.
    pub high: f64,
}

/// A part of a test's executions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Part {
    /// How many of them failed.
    pub failed: u64,
    /// How many there are, at least one.
    pub executed: u64,
    /// Their failure rate.
    pub rate: Rate,
}

/// The sum of `counts`, each (failed, executed); `None` where nothing was executed.
pub(super) fn part(counts: &[(u64, u64)]) -> Option<Part> {
    let (failed, executed) = counts.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    Some(Part { failed, executed, rate: failure_rate(failed, executed)? })
}

/// The failure rate of `failures` in `executed` executions, `None` where nothing was executed.
///
/// With failures, the interval is Wilson's score interval at 95%, two-sided (E. B. Wilson, 1927;
/// Brown, Cai and `DasGupta`, "Interval Estimation for a Binomial Proportion", 2001, equation 4).
/// Without any, it is 0 to the exact one-sided 95% bound 1 − 0.05^(1/n), which is the question then
/// asked ("how bad can it still be?"), and about 3/n.
///
/// Both take executions for independent. Rounds of a loop often are not (a server that was slow for
/// a minute), and then the truth lies outside more often than one time in twenty.
#[must_use]
pub fn failure_rate(failures: u64, executed: u64) -> Option<Rate> {
    debug_assert!(failures <= executed, "{failures} failures in {executed} executions");
    match (failures, executed) {
        (_, 0) => None,
        (0, n) => Some(Rate { estimate: 0.0, low: 0.0, high: bound_without_failures(n as f64) }),
        (k, n) => Some(wilson(k as f64, n as f64)),
    }
}

/// 1 − 0.05^(1/n), written so that it keeps its digits where n is large.
fn bound_without_failures(n: f64) -> f64 {
    -(LUCK.ln() / n).exp_m1()
}

pub(super) fn wilson(k: f64, n: f64) -> Rate {
    let estimate = k / n;
    let z2 = Z * Z;
    let scale = 1.0 + z2 / n;
    let centre = (estimate + z2 / (2.0 * n)) / scale;
    let half = Z * (estimate * (1.0 - estimate) / n + z2 / (4.0 * n * n)).sqrt() / scale;
    // Rounding can put an end that is exactly 1 a hair off it.
    Rate { estimate, low: (centre - half).max(0.0), high: (centre + half).clamp(estimate, 1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    fn assert_close(found: f64, wanted: f64, tolerance: f64) {
        assert!((found - wanted).abs() < tolerance, "{found} is not {wanted}");
    }

    #[test]
    fn nothing_executed_has_no_rate() {
        assert_eq!(failure_rate(0, 0), None);
    }

    /// Textbook figures; the last is n / (n + z²).
    #[test]
    fn wilson_agrees_with_known_figures() {
        for (k, n, low, high) in
            [(1, 10, 0.017_876, 0.404_150), (10, 100, 0.055_229, 0.174_366), (5, 5, 0.565_518, 1.0)]
        {
            let rate = failure_rate(k, n).expect("executed");
            assert_close(rate.low, low, 1e-5);
            assert_close(rate.high, high, 1e-5);
        }
    }

    #[test]
    fn without_failures_the_bound_is_exact() {
        for (n, high) in [(1, 0.95), (20, 0.139_108), (100, 0.029_513), (300, 0.009_936)] {
            let rate = failure_rate(0, n).expect("executed");
            assert_eq!((rate.estimate, rate.low), (0.0, 0.0));
            assert_close(rate.high, high, 1e-6);
        }
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_estimate(executed in 1..5_000_000_u64, share in 0.0..=1.0_f64) {
            let failures = (executed as f64 * share) as u64;
            let rate = failure_rate(failures, executed).expect("executed");
            prop_assert!(0.0 <= rate.low && rate.low <= rate.estimate, "{rate:?}");
            prop_assert!(rate.estimate <= rate.high && rate.high <= 1.0, "{rate:?}");
        }

        #[test]
        fn more_executions_are_surer(failures in 0..50_u64, executed in 50..10_000_u64) {
            let few = failure_rate(failures, executed).expect("executed");
            let many = failure_rate(failures * 4, executed * 4).expect("executed");
            prop_assert!(many.high - many.low < few.high - few.low);
        }
    }
}
