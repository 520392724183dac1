//! Culprits: tests beside which, or after which, another fails.

use super::arm::Arm;
use super::bench::Stop;
use super::bisect::{Effect, Part, Search};
use super::case::Case;
use super::found::Found;
use super::inquiry::Contest;
use super::record::Circumstance;
use crate::model::{TestIndex, Tie};

/// An effect of which a group of suspects shows less is not pursued.
const LEAST: f64 = 0.2;
/// How often each group is tried before it is let be.
const TRIES: u32 = 6;
/// Recorded failures whose surroundings are tried.
const FAILURES: usize = 3;
/// Suspects that are tried one by one.
const SUSPECTS: usize = 5;
/// Searches for one more culprit.
const MORE: usize = 4;
/// How often a suspected predecessor is tried before it is let be. Order repeats itself.
const AFTER: u32 = 8;

impl Case<'_> {
    /// Tries whom the record suspects, then whether they explain all failures.
    pub(super) fn suspected(&mut self) -> Result<Option<Found>, Stop> {
        let (mut beside, mut after) = (Vec::new(), Vec::new());
        let suspects: Vec<_> = self.suspects.iter().copied().take(SUSPECTS).collect();
        for (test, tie) in suspects {
            if beside.is_empty() && after.is_empty() && self.fails_alone_as_recorded().is_some() {
                break;
            }
            match tie {
                Tie::Beside if after.is_empty() && self.is_culprit_beside(test)? => {
                    beside.push(test);
                }
                Tie::After if beside.is_empty() && self.is_culprit_before(test)? => {
                    after.push(test);
                }
                Tie::Beside | Tie::After | Tie::Without => {}
            }
        }
        self.completed(beside, after)
    }

    /// Tries all that was around it when it failed.
    pub(super) fn surroundings(&mut self) -> Result<Option<Found>, Stop> {
        let failed = self.failures(|_| true);
        let mut open: Vec<Arm> =
            failed.into_iter().flat_map(|at| self.surrounding_arms(at)).collect();
        for _ in 0..TRIES {
            if open.is_empty() || self.fails_enough_alone() {
                break;
            }
            let earlier: Vec<u64> = open.iter().map(|it| self.inquiry.tally(it).failed).collect();
            let mut arms = vec![Arm::Alone];
            arms.extend(open.iter().cloned());
            self.inquiry.try_out(&arms, 1)?;
            let failing = open
                .iter()
                .zip(earlier)
                .find(|(arm, earlier)| self.inquiry.tally(arm).failed > *earlier)
                .map(|(arm, _)| arm.clone());
            let Some(arm) = failing else { continue };
            if let Some(found) = self.narrowed(&arm)? {
                return Ok(Some(found));
            }
            open.retain(|it| *it != arm);
        }
        Ok(None)
    }

    /// Everything beside it, and everything before it in its process, at one recorded execution.
    pub(super) fn surrounding_arms(&self, at: usize) -> Vec<Arm> {
        let it = &self.inquiry.circumstances[at];
        let kept = it.neighbours();
        let mut arms = Vec::new();
        if !kept.is_empty() {
            arms.push(Arm::Replay { circumstance: at, kept });
        }
        if !it.before.is_empty() {
            arms.push(Arm::After(it.before.clone()));
        }
        arms
    }

    /// Recorded failures, the first, the last, and one from between.
    fn failures(&self, is_meant: impl Fn(&Circumstance) -> bool) -> Vec<usize> {
        let all: Vec<usize> = self
            .inquiry
            .circumstances
            .iter()
            .enumerate()
            .filter(|(_, it)| it.failed && is_meant(it))
            .map(|(at, _)| at)
            .collect();
        if all.len() <= FAILURES {
            return all;
        }
        (0..FAILURES).map(|n| all[n * (all.len() - 1) / (FAILURES - 1)]).collect()
    }

    /// Whether another base than culprits is sure already.
    fn fails_enough_alone(&self) -> bool {
        self.inquiry.tally(&Arm::Alone).failed >= 3
    }

    /// From a group that seems to make it fail to whom of the group does.
    fn narrowed(&mut self, arm: &Arm) -> Result<Option<Found>, Stop> {
        let earlier = self.inquiry.tally(arm);
        if self.inquiry.contest(arm, &[Arm::Alone], LEAST)? != Contest::More {
            return Ok(None);
        }
        let with = self.inquiry.tally(arm).since(earlier);
        let without = self.inquiry.tally(&Arm::Alone);
        let effect = Effect::Fails;
        match arm {
            Arm::Replay { circumstance, kept } => {
                let circumstance = *circumstance;
                let part = |kept| Arm::Replay { circumstance, kept };
                let search = Search { group: kept.clone(), arm: &part, effect, with, without };
                match search.run(&mut self.inquiry)? {
                    Part::One(test) if self.is_culprit_beside(test)? => {
                        self.completed(vec![test], Vec::new())
                    }
                    Part::Several(group) => self.several_beside(circumstance, &group),
                    Part::One(_) | Part::Nothing => self.crowded(),
                }
            }
            Arm::After(before) => {
                let search =
                    Search { group: before.clone(), arm: &Arm::After, effect, with, without };
                match search.run(&mut self.inquiry)? {
                    Part::One(test) if self.is_culprit_before(test)? => {
                        self.completed(Vec::new(), vec![test])
                    }
                    Part::Several(_) => Ok(Some(Found::Open("it takes several tests before it"))),
                    Part::One(_) | Part::Nothing => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// Where it takes several at once, and no part of them is enough, it is how much runs at once.
    fn several_beside(
        &mut self,
        circumstance: usize,
        group: &[TestIndex],
    ) -> Result<Option<Found>, Stop> {
        if let Some(found) = self.copied()? {
            return Ok(Some(found));
        }
        let lanes =
            self.inquiry.circumstances[circumstance].replay(self.inquiry.victim, group).lanes;
        match u32::try_from(lanes.len()) {
            Ok(count) if count > 2 => Ok(Some(Found::Crowded(count))),
            Ok(_) | Err(_) => self.crowded(),
        }
    }

    /// Looks for more culprits of the kind that was found, where those found were not around a
    /// recorded failure, and for what undoes them.
    pub(super) fn completed(
        &mut self,
        mut beside: Vec<TestIndex>,
        mut after: Vec<TestIndex>,
    ) -> Result<Option<Found>, Stop> {
        if !beside.is_empty() {
            self.more_beside(&mut beside)?;
            return Ok(Some(Found::Beside(beside)));
        }
        if after.is_empty() {
            return Ok(None);
        }
        self.more_before(&mut after)?;
        let cleaners = self.cleaners(&after)?;
        Ok(Some(Found::After { culprits: after, cleaners }))
    }

    fn more_beside(&mut self, known: &mut Vec<TestIndex>) -> Result<(), Stop> {
        for test in self.inquiry.exposed.clone().into_iter().take(MORE) {
            if !known.contains(&test) && self.is_culprit_beside(test)? {
                known.push(test);
            }
        }
        let mut tried = Vec::new();
        for _ in 0..MORE {
            let is_unexplained = |it: &Circumstance| !known.iter().any(|&test| it.was_beside(test));
            let Some(circumstance) = self.untried(is_unexplained, &mut tried) else { break };
            let group = self.inquiry.circumstances[circumstance].neighbours();
            let arm = |kept| Arm::Replay { circumstance, kept };
            let Part::One(test) = self.found_in(group, &arm)? else { continue };
            if !known.contains(&test) && self.is_culprit_beside(test)? {
                known.push(test);
            }
        }
        Ok(())
    }

    fn more_before(&mut self, known: &mut Vec<TestIndex>) -> Result<(), Stop> {
        let mut tried = Vec::new();
        for _ in 0..MORE {
            let is_unexplained =
                |it: &Circumstance| !known.iter().any(|test| it.before.contains(test));
            let Some(circumstance) = self.untried(is_unexplained, &mut tried) else { break };
            let group = self.inquiry.circumstances[circumstance].before.clone();
            let Part::One(test) = self.found_in(group, &Arm::After)? else { continue };
            if !known.contains(&test) && self.is_culprit_before(test)? {
                known.push(test);
            }
        }
        Ok(())
    }

    /// The first recorded failure that is meant and has not been tried.
    fn untried(
        &self,
        is_meant: impl Fn(&Circumstance) -> bool,
        tried: &mut Vec<usize>,
    ) -> Option<usize> {
        let mut all = self.inquiry.circumstances.iter().enumerate();
        let is_next =
            |at: usize, it: &Circumstance| it.failed && !tried.contains(&at) && is_meant(it);
        let (at, _) = all.find(|(at, it)| is_next(*at, it))?;
        tried.push(at);
        Some(at)
    }

    /// Which of a group makes it fail, if the group does.
    pub(super) fn found_in(
        &mut self,
        group: Vec<TestIndex>,
        part: &dyn Fn(Vec<TestIndex>) -> Arm,
    ) -> Result<Part, Stop> {
        let arm = part(group.clone());
        if group.is_empty() || !self.fails_in(&arm, TRIES)? {
            return Ok(Part::Nothing);
        }
        let with = self.inquiry.try_until(&arm, u64::from(TRIES))?;
        let without = self.inquiry.tally(&Arm::Alone);
        let search = Search { group, arm: part, effect: Effect::Fails, with, without };
        search.run(&mut self.inquiry)
    }

    /// Tests that undo what the culprits did: found where it passed although one ran before it.
    fn cleaners(&mut self, culprits: &[TestIndex]) -> Result<Vec<TestIndex>, Stop> {
        let between = |it: &Circumstance| {
            let last = it.before.iter().rposition(|test| culprits.contains(test))?;
            Some((it.before[last], it.before[last + 1..].to_vec()))
        };
        let passed = self.inquiry.circumstances.iter().filter(|it| !it.failed);
        let shortest = passed.filter_map(between).min_by_key(|(_, between)| between.len());
        let Some((culprit, group)) = shortest.filter(|(_, group)| !group.is_empty()) else {
            return Ok(Vec::new());
        };
        let part =
            |kept: Vec<TestIndex>| Arm::After(std::iter::once(culprit).chain(kept).collect());
        let with = self.inquiry.try_until(&part(group.clone()), 4)?;
        let without = self.inquiry.tally(&Arm::After(vec![culprit]));
        if with.inverted().p_more_than(without.inverted()) > 0.05 {
            return Ok(Vec::new());
        }
        let search = Search { group, arm: &part, effect: Effect::Passes, with, without };
        let Part::One(cleaner) = search.run(&mut self.inquiry)? else { return Ok(Vec::new()) };
        let (arm, base) = (part(vec![cleaner]), Arm::After(vec![culprit]));
        let is_one = self.inquiry.contest_of_passing(&arm, &[base], 0.5)? == Contest::More;
        Ok(if is_one { vec![cleaner] } else { Vec::new() })
    }

    /// Whether it fails beside this one, and not beside just any.
    pub(super) fn is_culprit_beside(&mut self, test: TestIndex) -> Result<bool, Stop> {
        let arm = Arm::Beside(test);
        let sweep = u32::try_from(self.inquiry.offsets(test)).unwrap_or(u32::MAX);
        if !self.fails_in(&arm, sweep)? {
            return Ok(false);
        }
        let bases = [Arm::Alone, Arm::BesideOthers(test)];
        let contest = self.inquiry.contest(&arm, &bases, LEAST / 2.0)?;
        self.is_crowd_likely |= contest == Contest::NotMore(1) || self.fails_beside_anybody(test);
        Ok(contest == Contest::More && !self.is_crowd_likely)
    }

    /// Whether it fails beside those that are not suspected as well, though more seldom than beside
    /// this one, which may only do more of the same.
    fn fails_beside_anybody(&self, test: TestIndex) -> bool {
        const FEW: u64 = 3;
        const BY_CHANCE: f64 = 0.01;
        let others = self.inquiry.tally(&Arm::BesideOthers(test));
        others.failed >= FEW && others.p_more_than(self.inquiry.tally(&Arm::Alone)) < BY_CHANCE
    }

    /// Whether it fails after this one, and not after just any.
    pub(super) fn is_culprit_before(&mut self, test: TestIndex) -> Result<bool, Stop> {
        let arm = Arm::After(vec![test]);
        if !self.fails_in(&arm, AFTER)? {
            return Ok(false);
        }
        let bases = [Arm::Alone, Arm::AfterOthers(1)];
        Ok(self.inquiry.contest(&arm, &bases, LEAST)? == Contest::More)
    }
}
