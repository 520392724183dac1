//! One failure probability, decided between two while results come in.

/// The two failure rates to decide between, and how sure to be; `0 < low < high < 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// The lower rate.
    pub low: f64,
    /// The higher rate.
    pub high: f64,
    /// The chance to decide for `high` where the rate is `low`.
    pub alpha: f64,
    /// The chance to decide for `low` where the rate is `high`.
    pub beta: f64,
}

/// What is known so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaldDecision {
    /// The rate is `low`, or lower.
    Low,
    /// The rate is `high`, or higher.
    High,
    /// Neither is clear yet.
    Undecided,
}

/// Wald's sequential probability ratio test (A. Wald, "Sequential Tests of Statistical Hypotheses",
/// 1945): the sum of ln(P(result | high) / P(result | low)) is compared, after each result, with
/// ln((1 − β)/α) from below and ln(β/(1 − α)) from above.
///
/// The error rates are about α and β (their sum is at most α + β), and of all tests with these it
/// needs the fewest executions on average if the rate is one of the two. In between it takes longest.
/// Assumed: executions are independent.
#[derive(Debug, Clone, Copy)]
pub struct Wald {
    rates: Rates,
    sum: f64,
    decision: WaldDecision,
}

impl Wald {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        debug_assert!(0.0 < rates.low && rates.low < rates.high && rates.high < 1.0, "{rates:?}");
        Self { rates, sum: 0.0, decision: WaldDecision::Undecided }
    }

    /// One more result. The first decision stays.
    pub fn observe(&mut self, failed: bool) {
        let Rates { low, high, alpha, beta } = self.rates;
        self.sum += if failed { (high / low).ln() } else { (-high).ln_1p() - (-low).ln_1p() };
        if self.decision == WaldDecision::Undecided {
            self.decision = match self.sum {
                sum if sum >= ((1.0 - beta) / alpha).ln() => WaldDecision::High,
                sum if sum <= (beta / (1.0 - alpha)).ln() => WaldDecision::Low,
                _ => WaldDecision::Undecided,
            };
        }
    }

    /// What is known so far.
    #[must_use]
    pub fn decision(&self) -> WaldDecision {
        self.decision
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    const RATES: Rates = Rates { low: 0.05, high: 0.3, alpha: 0.05, beta: 0.05 };

    fn fed(results: impl IntoIterator<Item = bool>) -> Wald {
        let mut wald = Wald::new(RATES);
        results.into_iter().for_each(|failed| wald.observe(failed));
        wald
    }

    /// ln(19) = 2.944; a failure adds ln 6 = 1.792, a pass ln(0.7/0.95) = −0.305.
    #[test]
    fn two_failures_or_ten_passes_decide() {
        assert_eq!(fed([true]).decision(), WaldDecision::Undecided);
        assert_eq!(fed([true; 2]).decision(), WaldDecision::High);
        assert_eq!(fed([false; 9]).decision(), WaldDecision::Undecided);
        assert_eq!(fed([false; 10]).decision(), WaldDecision::Low);
        assert_eq!(fed([false; 10].into_iter().chain([true; 9])).decision(), WaldDecision::Low);
    }

    #[test]
    fn errors_are_as_rare_as_promised() {
        let mut rng = Rng::with_seed(6);
        for (rate, wrong) in [(RATES.low, WaldDecision::High), (RATES.high, WaldDecision::Low)] {
            let mut errors = 0;
            for _ in 0..2000 {
                let mut wald = Wald::new(RATES);
                while wald.decision() == WaldDecision::Undecided {
                    wald.observe(rng.f64() < rate);
                }
                errors += usize::from(wald.decision() == wrong);
            }
            assert!(errors <= 100, "{errors} of 2000 at {rate}");
        }
    }

    proptest! {
        #[test]
        fn more_failures_never_decide_for_low(results in proptest::collection::vec(proptest::bool::ANY, 1..30)) {
            let worse = fed(results.iter().map(|_| true));
            prop_assert!(worse.decision() != WaldDecision::Low);
            prop_assert!(fed(results.iter().map(|_| false)).decision() != WaldDecision::High);
        }
    }
}
