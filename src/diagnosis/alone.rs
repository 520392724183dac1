//! Reasons that lie in the test itself: it is broken, or fails now and then by itself.

use super::hypothesis::{Hypothesis, Reason};
use super::likelihood::ln_marginal;
use super::prior;
use super::victim::Victim;

pub(super) fn hypotheses(victim: &Victim<'_>, found: &mut Vec<Hypothesis>) {
    let (failed, executed) = (victim.failures(), victim.executed());
    let mut add = |reason, chance: f64, prior| {
        let ln_weight = chance.ln() + ln_marginal(failed, executed, prior);
        found.push(Hypothesis { reason, exposed: None, ln_weight });
    };
    add(Reason::Alone, prior::ALONE, prior::BY_ITSELF);
    add(Reason::Broken, prior::BROKEN, prior::ALWAYS);
}
