//! How well a division of executions explains which of them failed.

use super::bits::Bits;
use crate::stats::Table;

/// A test's executions divided in two, with the failures of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Split {
    pub failed_with: u64,
    pub with: u64,
    pub failed_without: u64,
    pub without: u64,
}

impl Split {
    /// `failed` must lie in `counted`; what is not counted is left out.
    pub(super) fn of(exposed: &Bits, failed: &Bits, counted: &Bits) -> Self {
        let with = exposed.count_both(counted);
        let failed_with = exposed.count_both(failed);
        Self {
            failed_with,
            with,
            failed_without: failed.count() - failed_with,
            without: counted.count() - with,
        }
    }

    /// For Fisher's test.
    pub(super) fn table(&self) -> Table {
        Table {
            failed_with: self.failed_with,
            passed_with: self.with - self.failed_with,
            failed_without: self.failed_without,
            passed_without: self.without - self.failed_without,
        }
    }

    /// How many standard deviations more failures there are with it than if it made no difference.
    pub(super) fn excess(&self) -> f64 {
        let (with, all) = (self.with as f64, (self.with + self.without).max(1) as f64);
        let failed = (self.failed_with + self.failed_without) as f64;
        let expected = with * failed / all;
        (self.failed_with as f64 - expected) / (expected * (1.0 - failed / all) + 0.5).sqrt()
    }

    /// Whether failures are more frequent with it.
    pub(super) fn is_worse_with(&self) -> bool {
        self.failed_with * self.without > self.failed_without * self.with
    }
}

/// What is thought of a probability before anything was seen: beta distributions (weight, a, b),
/// whose weights sum to 1.
pub(super) type Prior = &'static [(f64, f64, f64)];

/// ln of the chance of just these failures among `executed`, over all that the probability may be:
/// Σ w·B(a + k, b + n − k) / B(a, b). This is the integrated likelihood, of which the BIC is an
/// approximation: a hypothesis that could have explained anything explains this less well.
pub(super) fn ln_marginal(failed: u64, executed: u64, prior: Prior) -> f64 {
    let (k, n) = (failed as f64, executed as f64);
    ln_sum(
        prior.iter().map(|&(weight, a, b)| weight.ln() + ln_beta(a + k, b + n - k) - ln_beta(a, b)),
    )
}

/// Both parts of a division.
pub(super) fn ln_split(split: &Split, with: Prior, without: Prior) -> f64 {
    ln_marginal(split.failed_with, split.with, with)
        + ln_marginal(split.failed_without, split.without, without)
}

/// ln Σ exp of these, without running out of range.
pub(super) fn ln_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + terms.map(|term| (term - most).exp()).sum::<f64>().ln()
}

fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}
