//! Mates: tests that fail in the same way, as those do that share something.
//!
//! Several of them at once make a trial fail far more surely than one of them, so the question whether
//! they are in each other's way is asked of a group first, against as many others that take as long.
//! Who of them is enough by himself comes after that, and is cheap: what fails neither alone nor
//! beside others, and fails twice beside one of the group, has him in its way.

use super::arm::Arm;
use super::bench::Stop;
use super::case::Case;
use super::found::Found;
use super::inquiry::Contest;
use crate::model::TestIndex;

/// At most so many are tried, so many at a time.
const TRIED: usize = 12;
const AT_ONCE: usize = 3;
/// How often a group is tried before it is let be.
const TRIES: u32 = 4;
/// An effect of which fewer of the groups show is not pursued.
const LEAST: f64 = 0.2;
/// One of them is enough if it fails so often beside him, in so many trials; once, where another's
/// experiments have shown that he is one of them.
const ENOUGH: u64 = 2;
const BESIDE: u64 = 8;
/// Each of a group is tried so often before it is thought that it takes several of them.
const FIRST: u64 = 3;
/// How often a smaller group, or two copies, are tried.
const SMALLER: u32 = 6;

impl Case<'_> {
    /// Tries it among those that fail with the same message; among those first that are known to be in
    /// each other's way, as it is itself.
    pub(super) fn among_mates(&mut self) -> Result<Option<Found>, Stop> {
        let known = self.known.clone();
        let group = &known[..known.len().min(self.at_once())];
        let arm = Arm::Among(group.to_vec());
        // That it is not just anybody has been shown for one of them.
        if !group.is_empty()
            && self.fails_in(&arm, TRIES)?
            && self.inquiry.contest(&arm, &[Arm::Alone], LEAST)? == Contest::More
        {
            return self.who_of(group, &known);
        }
        self.among(&self.mates.clone())
    }

    /// How many others run beside it at a time.
    fn at_once(&self) -> usize {
        AT_ONCE.min(self.inquiry.record.workers().max(2) as usize - 1)
    }

    /// Tries it among some of these at once, group by group, until one group makes it fail.
    pub(super) fn among(&mut self, tests: &[TestIndex]) -> Result<Option<Found>, Stop> {
        let tests: Vec<TestIndex> = tests.iter().copied().take(TRIED).collect();
        for group in tests.chunks(self.at_once()) {
            let arm = Arm::Among(group.to_vec());
            if !self.fails_in(&arm, TRIES)? {
                continue;
            }
            let bases = [Arm::Alone, Arm::AmongOthers(group.to_vec())];
            match self.inquiry.contest(&arm, &bases, LEAST)? {
                Contest::More => return self.who_of(group, &tests),
                Contest::NotMore(1) => {
                    self.is_crowd_likely = true;
                    break;
                }
                Contest::NotMore(_) => {}
            }
        }
        Ok(None)
    }

    /// Who of a group that makes it fail is enough; then who else of all is.
    fn who_of(&mut self, group: &[TestIndex], all: &[TestIndex]) -> Result<Option<Found>, Stop> {
        let mut culprits = Vec::new();
        if let [one] = group {
            culprits.push(*one);
        } else {
            let mut failed = 0;
            for &test in group {
                failed += self.inquiry.try_until(&Arm::Beside(test), FIRST)?.failed;
            }
            // What fails beside a copy of itself needs no more than one.
            if failed == 0 && !self.fails_in(&Arm::Copies(2), SMALLER)? {
                return self.several_of(group);
            }
            for &test in group {
                if self.is_enough(test)? {
                    culprits.push(test);
                }
            }
        }
        if culprits.is_empty() {
            let is_known = group.iter().all(|it| self.known.contains(it));
            let too_seldom = Found::Open("it fails among several, and beside one too seldom");
            return Ok(Some(if is_known { Found::Beside(group.to_vec()) } else { too_seldom }));
        }
        let mut exposed = self.inquiry.exposed.clone();
        exposed.sort_by_key(|it| std::cmp::Reverse(self.inquiry.record.duration(*it)));
        let others: Vec<TestIndex> = all.iter().chain(&exposed).copied().collect();
        for test in others {
            if !group.contains(&test) && !culprits.contains(&test) && self.is_enough(test)? {
                culprits.push(test);
            }
        }
        Ok(Some(Found::Beside(culprits)))
    }

    /// No single one of a group is enough: they share what bears some at a time.
    fn several_of(&mut self, group: &[TestIndex]) -> Result<Option<Found>, Stop> {
        let with = |others: usize| Found::Crowded(u32::try_from(others + 1).unwrap_or(u32::MAX));
        for count in 2..group.len() {
            if self.fails_in(&Arm::Among(group[..count].to_vec()), SMALLER)? {
                return Ok(Some(with(count)));
            }
        }
        Ok(Some(with(group.len())))
    }

    /// Whether it fails beside one test, where it fails neither alone nor beside others.
    fn is_enough(&mut self, test: TestIndex) -> Result<bool, Stop> {
        if self.inquiry.tally(&Arm::Alone).failed > 0 {
            return self.is_culprit_beside(test);
        }
        let arm = Arm::Beside(test);
        let enough = if self.known.contains(&test) { 1 } else { ENOUGH };
        loop {
            let tally = self.inquiry.tally(&arm);
            if tally.failed >= enough || tally.executed >= BESIDE {
                return Ok(tally.failed >= enough);
            }
            self.inquiry.try_out(std::slice::from_ref(&arm), 2)?;
        }
    }
}
