//! Reasons that lie in one other test: it runs at the same time, or it ran before in the process, or
//! it did not.

use super::bits::Bits;
use super::hypothesis::{Candidate, Hypothesis, Overlap, Reason};
use super::likelihood::{Prior, ln_split};
use super::prior;
use super::victim::Victim;
use crate::model::Tie;
use crate::stats::fails_more_with;

/// How the chance of a race is shared among the ways to overlap.
const WAYS: [(Overlap, f64); 4] =
    [(Overlap::Any, 0.4), (Overlap::Early, 0.2), (Overlap::Found, 0.2), (Overlap::Joined, 0.2)];

pub(super) fn hypotheses(victim: &Victim<'_>, found: &mut Vec<Hypothesis>) {
    let others = victim.record.tests.len().max(2) as f64;
    let mut add = |reason, exposed: &Bits, chance: f64, with: Prior| {
        let split = victim.split(exposed);
        if split.is_worse_with() {
            let ln_weight = (chance / others).ln() + ln_split(&split, with, prior::HARDLY);
            found.push(Hypothesis { reason, exposed: Some(exposed.clone()), ln_weight });
        }
    };
    for (&test, ways) in &victim.beside {
        for ((way, share), exposed) in WAYS.into_iter().zip(ways) {
            let reason = Reason::Beside(vec![test], way);
            add(reason, exposed, prior::BESIDE * share, prior::BY_CHANCE);
        }
    }
    for (&test, exposed) in &victim.before {
        add(Reason::After(vec![test]), exposed, prior::AFTER, prior::SURELY);
        let missing = victim.counted.without(exposed);
        add(Reason::Without(vec![test]), &missing, prior::WITHOUT, prior::SURELY);
    }
    for (&test, exposed) in &victim.just_before {
        add(Reason::JustAfter(test), exposed, prior::JUST_AFTER, prior::SURELY);
    }
}

/// Every other test in every relation in which failures are more frequent, with Fisher's test; and
/// how many were looked at.
pub(super) fn candidates(victim: &Victim<'_>) -> (Vec<Candidate>, usize) {
    let mut found = Vec::new();
    let mut tried = 0;
    let mut add = |test, tie, exposed: &Bits| {
        tried += 1;
        let split = victim.split(exposed);
        if split.is_worse_with() {
            found.push(Candidate { test, tie, split, p: fails_more_with(&split.table()) });
        }
    };
    for (&test, ways) in &victim.beside {
        add(test, Tie::Beside, &ways[0]);
    }
    for (&test, exposed) in &victim.before {
        add(test, Tie::After, exposed);
        add(test, Tie::Without, &victim.counted.without(exposed));
    }
    (found, tried)
}
