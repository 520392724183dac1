//! Reasons that lie in how much runs at the same time, whatever it is.

use super::bits::Bits;
use super::hypothesis::{Hypothesis, Reason};
use super::likelihood::{ln_split, ln_sum};
use super::prior;
use super::victim::Victim;

/// By how much the chance to fail rises with each test more.
const STEPS: [f64; 6] = [0.05, 0.1, 0.2, 0.3, 0.45, 0.7];

/// The least and the greatest chance of a ramp: nothing is impossible.
const FLOOR: f64 = 0.003;
const CEILING: f64 = 0.93;

pub(super) fn hypotheses(victim: &Victim<'_>, found: &mut Vec<Hypothesis>) {
    let count = victim.cases.len();
    let most = victim.most.iter().copied().max().unwrap_or(1);
    let share = f64::from(most.saturating_sub(1).max(1));
    for from in 2..=most {
        let ways = [
            Bits::of(count, |at| victim.counted.has(at) && victim.most[at] >= from),
            Bits::of(count, |at| {
                victim.counted.has(at) && victim.mean[at] >= f64::from(from) - 0.5
            }),
        ];
        for exposed in ways {
            let split = victim.split(&exposed);
            if split.is_worse_with() {
                let ln_weight = (prior::CROWD / 2.0 / share).ln()
                    + ln_split(&split, prior::BY_CHANCE, prior::HARDLY);
                let reason = Reason::Crowd(from);
                found.push(Hypothesis { reason, exposed: Some(exposed), ln_weight });
            }
        }
        let ln_weight = (prior::RAMP / share).ln() + ln_ramp(victim, from);
        found.push(Hypothesis { reason: Reason::Ramp(from), exposed: None, ln_weight });
    }
}

/// Over all steps alike.
fn ln_ramp(victim: &Victim<'_>, from: u32) -> f64 {
    let of_step = |step: f64| {
        let counted = (0..victim.cases.len()).filter(|&at| victim.counted.has(at));
        let terms = counted.map(|at| {
            let over = (victim.mean[at] - f64::from(from) + 1.0).max(0.0);
            let chance = (over * step).clamp(FLOOR, CEILING);
            if victim.failed.has(at) { chance.ln() } else { (-chance).ln_1p() }
        });
        terms.sum::<f64>() - (STEPS.len() as f64).ln()
    };
    let terms: Vec<f64> = STEPS.into_iter().map(of_step).collect();
    ln_sum(terms.into_iter())
}
