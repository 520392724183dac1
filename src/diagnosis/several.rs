//! Reasons that lie in two other tests: either of them is enough, or one undoes what the other did.

use super::bits::Bits;
use super::hypothesis::{Hypothesis, Overlap, Reason};
use super::likelihood::{Prior, Split, ln_split};
use super::prior;
use super::victim::Victim;

/// How many tests are tried with each other: those that explain most failures alone.
const TRIED: usize = 12;

/// How many tests may do the same thing to one.
const SET: usize = 8;

pub(super) fn hypotheses(victim: &Victim<'_>, found: &mut Vec<Hypothesis>) {
    let others = victim.record.tests.len().max(3) as f64;
    let pairs = others * (others - 1.0) / 2.0;
    let mut add = |reason, exposed: Bits, chance: f64, with: Prior| {
        let split = victim.split(&exposed);
        if split.is_worse_with() {
            let ln_weight = chance.ln() + ln_split(&split, with, prior::HARDLY);
            found.push(Hypothesis { reason, exposed: Some(exposed), ln_weight });
        }
    };
    let beside = victim.beside.iter().map(|(&test, ways)| (test, &ways[0]));
    for ((a, in_a), (b, in_b)) in each_two(&likeliest(victim, beside, Sense::With)) {
        let reason = Reason::Beside(vec![a, b], Overlap::Any);
        add(reason, in_a.or(in_b), prior::BESIDE_TWO / pairs, prior::BY_CHANCE);
    }
    larger(victim, found);
    let mut add = |reason, exposed: Bits, chance: f64, with: Prior| {
        let split = victim.split(&exposed);
        if split.is_worse_with() {
            let ln_weight = chance.ln() + ln_split(&split, with, prior::HARDLY);
            found.push(Hypothesis { reason, exposed: Some(exposed), ln_weight });
        }
    };
    let before = || victim.before.iter().map(|(&test, set)| (test, set));
    let after = likeliest(victim, before(), Sense::With);
    for ((a, in_a), (b, in_b)) in each_two(&after) {
        let reason = Reason::After(vec![a, b]);
        add(reason, in_a.or(in_b), prior::AFTER_TWO / pairs, prior::SURELY);
    }
    for ((a, in_a), (b, in_b)) in each_two(&likeliest(victim, before(), Sense::Without)) {
        let missing = victim.counted.without(&in_a.or(in_b));
        add(Reason::Without(vec![a, b]), missing, prior::WITHOUT_TWO / pairs, prior::SURELY);
    }
    for &(polluter, after) in after.iter().take(TRIED / 2) {
        for &cleaner in victim.before.keys().filter(|&&it| it != polluter) {
            let exposed = unless(victim, polluter, cleaner, after);
            if exposed != *after {
                let reason = Reason::AfterUnless(polluter, cleaner);
                let chance = prior::AFTER_UNLESS / (others * others);
                add(reason, exposed, chance, prior::SURELY);
            }
        }
    }
}

/// From the best two on, the one that explains most of what they leave, as long as that is worth its
/// price: tests that all do the same thing to the victim.
fn larger(victim: &Victim<'_>, found: &mut Vec<Hypothesis>) {
    let others = victim.record.tests.len().max(3) as f64;
    let is_two =
        |it: &&Hypothesis| matches!(&it.reason, Reason::Beside(tests, _) if tests.len() == 2);
    let best = found.iter().filter(is_two).max_by(|a, b| a.ln_weight.total_cmp(&b.ln_weight));
    let Some(mut best) = best.cloned() else { return };
    while let (Reason::Beside(tests, _), Some(exposed)) = (&best.reason, &best.exposed)
        && tests.len() < SET
    {
        let ln_price = (others / prior::ONE_MORE).ln();
        let ln_before = best.ln_weight - ln_of(victim, exposed);
        let more = victim.beside.iter().filter(|it| !tests.contains(it.0)).map(|(&test, ways)| {
            let exposed = exposed.or(&ways[0]);
            let ln_weight = ln_before - ln_price + ln_of(victim, &exposed);
            let tests = tests.iter().copied().chain([test]).collect();
            let reason = Reason::Beside(tests, Overlap::Any);
            Hypothesis { reason, exposed: Some(exposed), ln_weight }
        });
        match more.max_by(|a, b| a.ln_weight.total_cmp(&b.ln_weight)) {
            Some(it) if it.ln_weight > best.ln_weight => {
                found.push(it.clone());
                best = it;
            }
            _ => return,
        }
    }
}

fn ln_of(victim: &Victim<'_>, exposed: &Bits) -> f64 {
    ln_split(&victim.split(exposed), prior::BY_CHANCE, prior::HARDLY)
}

/// What counts for a test to be tried with others.
#[derive(Clone, Copy)]
enum Sense {
    With,
    Without,
}

/// Those that alone explain best: with them most failures, or without them, and few passes.
fn likeliest<'v>(
    victim: &Victim<'_>,
    sets: impl Iterator<Item = (u32, &'v Bits)>,
    sense: Sense,
) -> Vec<(u32, &'v Bits)> {
    let mut scored: Vec<(f64, u32, &Bits)> = sets
        .map(|(test, set)| {
            let split = victim.split(set);
            let score = match sense {
                Sense::With => excess(&split),
                Sense::Without => -excess(&split),
            };
            (score, test, set)
        })
        .filter(|it| it.0 > 0.0)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(TRIED).map(|(_, test, set)| (test, set)).collect()
}

/// How many standard deviations more failures there are with it than if it made no difference.
fn excess(split: &Split) -> f64 {
    let (with, all) = (split.with as f64, (split.with + split.without).max(1) as f64);
    let failed = (split.failed_with + split.failed_without) as f64;
    let expected = with * failed / all;
    (split.failed_with as f64 - expected) / (expected * (1.0 - failed / all) + 0.5).sqrt()
}

fn each_two<T: Copy>(list: &[T]) -> impl Iterator<Item = (T, T)> + '_ {
    list.iter().enumerate().flat_map(|(at, &a)| list[at + 1..].iter().map(move |&b| (a, b)))
}

/// Those executions with the polluter before them and no cleaner after it.
fn unless(victim: &Victim<'_>, polluter: u32, cleaner: u32, after: &Bits) -> Bits {
    Bits::of(victim.cases.len(), |at| {
        let last = |test| victim.predecessors[at].iter().position(|&it| it == test);
        let is_cleaned = || last(cleaner).is_some_and(|at| last(polluter).is_some_and(|p| at < p));
        after.has(at) && !is_cleaned()
    })
}
