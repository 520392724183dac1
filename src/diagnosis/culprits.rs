//! Reasons that lie in one other test: it runs at the same time, or it ran before in the process, or
//! it did not.

use super::bits::Bits;
use super::hypothesis::{Candidate, Hypothesis, Overlap, Reason};
use super::likelihood::{Prior, ln_split};
use super::prior;
use super::victim::Victim;
use super::weigh::Opinion;
use crate::model::{Tie, VerdictKind};
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

/// What the opinions of others add: who fails beside this one may as well make it fail, since two that
/// want the same thing are often in each other's way.
///
/// Failures of both at the same time say nothing of that: something else may have hit both.
pub(super) fn mutual(victim: &Victim<'_>, others: &[Rival<'_, '_>]) -> Vec<Hypothesis> {
    let mut found = Vec::new();
    for rival in others {
        let Some(ways) = victim.beside.get(&rival.victim.test) else { continue };
        let chance = prior::MUTUAL * rival.blames(victim.test) * rival.share_without(victim);
        for ((way, share), exposed) in WAYS.into_iter().zip(ways) {
            let split = victim.split(exposed);
            if chance > 0.0 && split.is_worse_with() {
                let ln_weight =
                    (chance * share).ln() + ln_split(&split, prior::BY_CHANCE, prior::HARDLY);
                let reason = Reason::Beside(vec![rival.victim.test], way);
                found.push(Hypothesis { reason, exposed: Some(exposed.clone()), ln_weight });
            }
        }
    }
    found
}

/// Another test that failed, with what is thought of it.
pub(super) struct Rival<'a, 'r> {
    pub victim: &'a Victim<'r>,
    pub opinion: &'a Opinion,
}

impl Rival<'_, '_> {
    /// How sure it is that this one fails beside `test`.
    fn blames(&self, test: u32) -> f64 {
        let blame = self.opinion.blame(VerdictKind::InterferesWith);
        blame.into_iter().find(|it| it.1 == test).map_or(0.0, |it| it.0)
    }

    /// Which part of its failures had no failure of `other` at the same time.
    fn share_without(&self, other: &Victim<'_>) -> f64 {
        let overlaps = |mine: usize, its: usize| {
            let (a, b) = (self.victim.ran(mine), other.ran(its));
            self.victim.cases[mine].run == other.cases[its].run
                && a.start < b.end
                && b.start < a.end
        };
        let its: Vec<usize> = (0..other.cases.len()).filter(|&at| other.failed.has(at)).collect();
        let mine = (0..self.victim.cases.len()).filter(|&at| self.victim.failed.has(at));
        let alone = mine.filter(|&at| !its.iter().any(|&it| overlaps(at, it))).count();
        alone as f64 / self.victim.failures().max(1) as f64
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
        for exposed in ways {
            add(test, Tie::Beside, exposed);
        }
    }
    for (&test, exposed) in &victim.before {
        add(test, Tie::After, exposed);
        add(test, Tie::Without, &victim.counted.without(exposed));
    }
    (found, tried)
}
