//! Limits on how much runs at once.

use super::arm::Arm;
use super::bench::Stop;
use super::case::Case;
use super::found::Found;
use super::inquiry::Contest;
use crate::model::TestIndex;

/// How often a crowd is tried before it is let be.
const TRIES: u32 = 12;
/// An effect of which fewer of the crowds show is not pursued.
const LEAST: f64 = 0.1;
/// How often a smaller crowd is tried.
const SMALLER: u32 = 10;

impl Case<'_> {
    /// Tries many at once: others, drawn anew each time, and copies of itself.
    pub(super) fn crowded(&mut self) -> Result<Option<Found>, Stop> {
        let most = self.inquiry.record.workers().max(2);
        let crowd = Arm::Crowd(most);
        if self.fails_in(&crowd, TRIES)?
            && self.inquiry.contest(&crowd, &[Arm::Alone], LEAST)? == Contest::More
        {
            if let Some(found) = self.few_of_the_crowd()? {
                return Ok(Some(found));
            }
            return Ok(Some(Found::Crowded(self.least(most, Arm::Crowd)?)));
        }
        let copies = Arm::Copies(most);
        if most > 2
            && self.fails_in(&copies, TRIES / 2)?
            && self.inquiry.contest(&copies, &[Arm::Alone], LEAST)? == Contest::More
        {
            // Two copies that fail race with each other, which says nothing of a limit.
            let least = self.least(most, Arm::Copies)?;
            return Ok((least > 2).then_some(Found::Crowded(least)));
        }
        Ok(None)
    }

    /// The fewest at once with which it fails.
    fn least(&mut self, most: u32, arm: fn(u32) -> Arm) -> Result<u32, Stop> {
        for count in 2..most {
            if self.fails_in(&arm(count), SMALLER)? {
                return Ok(count);
            }
        }
        Ok(most)
    }

    /// Where one or two tests were in every crowd with which it failed, they are tried by themselves.
    fn few_of_the_crowd(&mut self) -> Result<Option<Found>, Stop> {
        let mut failed: Vec<Vec<TestIndex>> = self
            .inquiry
            .crowds
            .iter()
            .filter(|(_, failed)| *failed)
            .map(|(others, _)| others.clone())
            .collect();
        let mut few = Vec::new();
        while !failed.is_empty() && few.len() < 2 {
            let mut all: Vec<TestIndex> = failed.iter().flatten().copied().collect();
            all.sort_unstable();
            let often = |test: &TestIndex| all.iter().filter(|it| *it == test).count();
            let Some(test) = all.iter().max_by_key(|test| often(test)).copied() else { break };
            failed.retain(|others| !others.contains(&test));
            few.push(test);
        }
        if !failed.is_empty() {
            return Ok(None);
        }
        let mut culprits = Vec::new();
        for test in few {
            if self.is_culprit_beside(test)? {
                culprits.push(test);
            }
        }
        Ok((!culprits.is_empty()).then_some(Found::Beside(culprits)))
    }
}
