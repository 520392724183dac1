//! Which of many tests it is: halves of a group are tried until one alone brings the effect about.
//!
//! A half is tried until a sequential probability ratio test (A. Wald, 1945) tells the group's own rate
//! from the rate without any of it. Where neither half has the effect, it takes members of both.

use super::arm::Arm;
use super::bench::Stop;
use super::inquiry::Inquiry;
use super::tally::Tally;
use crate::model::TestIndex;
use crate::stats::{Rates, Wald, WaldDecision};

/// Whether the effect is that the test fails, or that it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It fails.
    Fails,
    /// It passes.
    Passes,
}

/// What was found in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// This one alone seems to be enough.
    One(TestIndex),
    /// All these are needed, as far as could be told.
    Several(Vec<TestIndex>),
    /// The effect could not be seen again.
    Nothing,
}

/// A group with its effect's rate, and the rate without it.
pub(super) struct Search<'m> {
    /// What is divided, in its order.
    pub group: Vec<TestIndex>,
    /// The arm in which a part of it is tried.
    pub arm: &'m dyn Fn(Vec<TestIndex>) -> Arm,
    /// What is looked for.
    pub effect: Effect,
    /// How often the whole group had the effect, in its trials.
    pub with: Tally,
    /// The same without any of it.
    pub without: Tally,
}

/// The chance of a wrong turn, either way. What is found is put to the proof again by a contest, so
/// one costs trials and blames nobody.
const WRONG: f64 = 0.03;
/// Tries of a half, at most.
const LONGEST: usize = 40;

impl Search<'_> {
    /// Divides the group.
    pub fn run(self, inquiry: &mut Inquiry<'_>) -> Result<Part, Stop> {
        let mut group = self.group.clone();
        while group.len() > 1 {
            let (first, second) = group.split_at(group.len() / 2);
            let halves = [first.to_vec(), second.to_vec()];
            match self.half(inquiry, &halves)? {
                Some(at) => group = halves.into_iter().nth(at).expect("one of the two"),
                None => return self.needed(inquiry, group),
            }
        }
        Ok(group.first().map_or(Part::Nothing, |&test| Part::One(test)))
    }

    /// The half that has the effect; the first where both have.
    fn half(
        &self,
        inquiry: &mut Inquiry<'_>,
        halves: &[Vec<TestIndex>; 2],
    ) -> Result<Option<usize>, Stop> {
        let arms = [(self.arm)(halves[0].clone()), (self.arm)(halves[1].clone())];
        let mut walds = [self.wald(), self.wald()];
        for _ in 0..LONGEST {
            let open: Vec<usize> =
                (0..2).filter(|&at| walds[at].decision() == WaldDecision::Undecided).collect();
            let tried: Vec<Arm> = open.iter().map(|&at| arms[at].clone()).collect();
            for (asked, failed) in inquiry.try_out(&tried, 2)? {
                self.observe(&mut walds[open[asked]], failed);
            }
            if let Some(at) = walds.iter().position(|it| it.decision() == WaldDecision::High) {
                return Ok(Some(at));
            }
            if walds.iter().all(|it| it.decision() == WaldDecision::Low) {
                break;
            }
        }
        Ok(None)
    }

    /// Whether this part has the effect.
    fn has(&self, inquiry: &mut Inquiry<'_>, part: Vec<TestIndex>) -> Result<bool, Stop> {
        let (arm, mut wald) = ((self.arm)(part), self.wald());
        for _ in 0..LONGEST {
            for (_, failed) in inquiry.try_out(std::slice::from_ref(&arm), 2)? {
                self.observe(&mut wald, failed);
            }
            match wald.decision() {
                WaldDecision::High => return Ok(true),
                WaldDecision::Low => return Ok(false),
                WaldDecision::Undecided => {}
            }
        }
        Ok(false)
    }

    /// The test of whether a part has the effect.
    fn wald(&self) -> Wald {
        let turned = |tally: Tally| match self.effect {
            Effect::Fails => tally,
            Effect::Passes => tally.inverted(),
        };
        let rate = |tally: Tally, failed: f64| {
            (tally.failed as f64 + failed) / (tally.executed as f64 + 1.0)
        };
        let high = (rate(turned(self.with), 0.5) * 0.9).max(0.1);
        let low = rate(turned(self.without), 0.1).min(high / 2.0);
        Wald::new(Rates { low, high, alpha: WRONG, beta: WRONG })
    }

    fn observe(&self, wald: &mut Wald, failed: bool) {
        wald.observe(failed == (self.effect == Effect::Fails));
    }

    /// Leaves out one after the other, as long as the effect stays.
    fn needed(&self, inquiry: &mut Inquiry<'_>, mut group: Vec<TestIndex>) -> Result<Part, Stop> {
        /// Larger groups are not taken apart one by one.
        const LARGEST: usize = 12;
        if group.len() > LARGEST {
            return Ok(Part::Several(group));
        }
        let mut at = 0;
        while at < group.len() && group.len() > 1 {
            let mut fewer = group.clone();
            fewer.remove(at);
            if self.has(inquiry, fewer.clone())? { group = fewer } else { at += 1 }
        }
        Ok(match group[..] {
            [one] => Part::One(one),
            _ => Part::Several(group),
        })
    }
}
