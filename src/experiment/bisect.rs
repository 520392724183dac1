//! Which of many tests it is: halves of a group are tried until one alone brings the effect about.
//!
//! A half is tried until a sequential probability ratio test (A. Wald, 1945) tells the group's own rate
//! from the rate without any of it. Where neither half has the effect, it takes members of both.

use super::arm::Arm;
use super::bench::Stop;
use super::inquiry::Inquiry;
use super::tally::Tally;
use crate::model::TestIndex;

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

/// Odds at which a half is believed to have the effect, and not to have it. What is found is put to
/// the proof again by a contest, so a wrong turn costs trials and blames nobody.
const HAS: f64 = 30.0;
const HAS_NOT: f64 = 0.03;
/// Trials of a half, at most.
const LONGEST: u64 = 40;

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
        let earlier = [inquiry.tally(&arms[0]), inquiry.tally(&arms[1])];
        let mut open = vec![0, 1];
        while !open.is_empty() {
            let tried: Vec<Arm> = open.iter().map(|&at: &usize| arms[at].clone()).collect();
            inquiry.try_out(&tried, 2)?;
            for at in std::mem::take(&mut open) {
                match self.has(inquiry.tally(&arms[at]).since(earlier[at])) {
                    Some(true) => return Ok(Some(at)),
                    Some(false) => {}
                    None => open.push(at),
                }
            }
        }
        Ok(None)
    }

    /// Whether trials show the effect; none as long as that is open.
    fn has(&self, tally: Tally) -> Option<bool> {
        let turned = |tally: Tally| match self.effect {
            Effect::Fails => tally,
            Effect::Passes => tally.inverted(),
        };
        let rate = |tally: Tally, failed: f64, of: f64| {
            (tally.failed as f64 + failed) / (tally.executed as f64 + of)
        };
        let with = (rate(turned(self.with), 0.5, 1.0) * 0.9).max(0.1);
        let without = rate(turned(self.without), 0.1, 1.0).min(with / 2.0);
        let tally = turned(tally);
        let (failed, passed) = (tally.failed as f64, (tally.executed - tally.failed) as f64);
        let ln_odds = failed * (with / without).ln() + passed * ((1.0 - with) / (1.0 - without)).ln();
        if ln_odds >= HAS.ln() {
            return Some(true);
        }
        (ln_odds <= HAS_NOT.ln() || tally.executed >= LONGEST).then_some(false)
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
            let arm = (self.arm)(fewer.clone());
            let earlier = inquiry.tally(&arm);
            let has = loop {
                inquiry.try_out(std::slice::from_ref(&arm), 2)?;
                if let Some(has) = self.has(inquiry.tally(&arm).since(earlier)) {
                    break has;
                }
            };
            match has {
                true => group = fewer,
                false => at += 1,
            }
        }
        Ok(match group[..] {
            [one] => Part::One(one),
            _ => Part::Several(group),
        })
    }
}
