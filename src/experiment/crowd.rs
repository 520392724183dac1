//! Limits on how much runs at once.

use super::arm::Arm;
use super::bench::Stop;
use super::case::{Case, Lead};
use super::found::Found;
use super::inquiry::Contest;
use crate::model::TestIndex;

/// How often a crowd is tried before it is let be.
const TRIES: u32 = 12;
/// An effect of which fewer of the crowds show is not pursued.
const LEAST: f64 = 0.1;
/// Tests that can stand for a crowd.
const FEW: usize = 5;
/// A trial of several copies has as many chances to fail as there are copies: trials alone are taken so
/// many at a time, of which there must be so many, and they must fail more seldom at this level. (One
/// that failed at 5% by itself was called load-sensitive in two labs of twenty.)
const ALONE_FOR_EACH: u64 = 4;
const FAIR: f64 = 0.01;

/// How often a smaller crowd is tried.
const SMALLER: u32 = 8;

impl Case<'_> {
    /// Tries many at once: copies of itself, and others, drawn anew each time.
    pub(super) fn crowded(&mut self) -> Result<Option<Found>, Stop> {
        if let Some(found) = self.copied()? {
            return Ok(Some(found));
        }
        let most = self.inquiry.record.workers().max(2);
        let crowd = Arm::Crowd(most);
        if !self.fails_in(&crowd, TRIES)?
            || self.inquiry.contest(&crowd, &[Arm::Alone], LEAST)? != Contest::More
        {
            return Ok(None);
        }
        if let Some(found) = self.few_of_the_crowd()? {
            return Ok(Some(found));
        }
        Ok(Some(Found::Crowded(self.least(most, Arm::Crowd)?)))
    }

    /// Tries several of it at once. It runs with itself at the same moment, so what has a limit is
    /// met at once. Two copies that fail race with each other, which says nothing of a limit.
    pub(super) fn copied(&mut self) -> Result<Option<Found>, Stop> {
        let most = self.inquiry.record.workers();
        let copies = Arm::Copies(most);
        if most < 3
            || !self.is_first(Lead::Copies)
            || !self.fails_in(&copies, TRIES / 2)?
            || self.inquiry.contest(&copies, &[Arm::Alone], LEAST * 2.0)? != Contest::More
        {
            return Ok(None);
        }
        let seen = self.inquiry.tally(&copies);
        let alone = self.inquiry.try_until(&Arm::Alone, u64::from(most) * ALONE_FOR_EACH)?;
        if seen.p_more_than(alone.taken(u64::from(most))) >= FAIR {
            return Ok(None);
        }
        let least = self.least(most, Arm::Copies)?;
        if least > 2 {
            return Ok(Some(Found::Crowded(least)));
        }
        // What races with itself races with those that do the same: others that fail now and then.
        if self.is_first(Lead::Mates)
            && let Some(found) = self.among_mates()?
        {
            return Ok(Some(found));
        }
        self.among(&self.co_victims.clone())
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

    /// Where one of a few tests was in every crowd with which it failed, they are tried by themselves.
    fn few_of_the_crowd(&mut self) -> Result<Option<Found>, Stop> {
        let mut failed: Vec<Vec<TestIndex>> = self
            .inquiry
            .crowds
            .iter()
            .filter(|(_, failed)| *failed)
            .map(|(others, _)| others.clone())
            .collect();
        let mut few = Vec::new();
        while !failed.is_empty() && few.len() < FEW {
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
            } else if self.is_crowd_likely {
                break;
            }
        }
        Ok((!culprits.is_empty()).then_some(Found::Beside(culprits)))
    }
}
