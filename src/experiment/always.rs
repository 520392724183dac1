//! Tests that fail alone, always: broken, waiting for something that piled up on the server, or in
//! need of a test before them.

use std::time::Duration;

use super::arm::Arm;
use super::bench::Stop;
use super::bisect::{Effect, Part, Search};
use super::case::Case;
use super::found::Found;
use super::inquiry::Contest;
use super::tally::Tally;
use crate::model::{TestIndex, Tie, VerdictKind};

/// Trials alone after which a test that never passed in them is taken to fail always; more where the
/// record shows that it fails often.
const FEWEST: u64 = 5;
const MOST: u64 = 12;
/// The chance, at the record's rate, of failing so often in a row from which on that is a change.
const BY_CHANCE: f64 = 0.02;
/// What a trial of all tests, one after the other, may take.
const ALL: Duration = Duration::from_secs(15);
/// Passing executions that are looked at.
const LOOKED_AT: usize = 4;

impl Case<'_> {
    /// Tries it alone until it passes. What fails always is judged here.
    pub(super) fn always(&mut self) -> Result<Option<Found>, Stop> {
        let (failed, executed) = self.inquiry.record.tally(self.inquiry.victim);
        let recorded = Tally::new(failed, executed);
        let is_expected = matches!(self.kind, VerdictKind::Broken | VerdictKind::Accumulates);
        let rate = if is_expected { 0.0 } else { recorded.rate().clamp(0.01, 0.99) };
        let needed = ((0.005_f64.ln() / rate.ln()).ceil() as u64).clamp(FEWEST, MOST);
        loop {
            self.inquiry.try_out(&[Arm::Alone], 2)?;
            let alone = self.inquiry.tally(&Arm::Alone);
            if !alone.always() && alone.executed > 0 {
                return Ok(None);
            }
            if alone.executed >= needed {
                break;
            }
        }
        let setters = if recorded.always() { self.setters_of_all()? } else { self.setters()? };
        if !setters.is_empty() {
            return Ok(Some(Found::Without(setters)));
        }
        // The searches for what it needs have tried it alone some times more.
        let alone = self.inquiry.tally(&Arm::Alone);
        if !alone.always() {
            return Ok(None);
        }
        if recorded.always() {
            return Ok(Some(Found::Broken));
        }
        let since = self.inquiry.record.fails_since(self.inquiry.victim);
        let in_a_row = since.map_or(0, |(_, times)| times).max(alone.executed);
        let is_change = self.kind == VerdictKind::Accumulates
            || recorded.rate().powf(in_a_row as f64) < BY_CHANCE;
        Ok(is_change.then_some(Found::Accumulates(since.map(|(round, _)| round))))
    }

    /// Tests after which it passes.
    fn setters(&mut self) -> Result<Vec<TestIndex>, Stop> {
        let mut found: Vec<TestIndex> = Vec::new();
        let suspects: Vec<TestIndex> = self
            .suspects
            .iter()
            .filter(|(_, tie)| *tie == Tie::Without)
            .map(|(test, _)| *test)
            .collect();
        for suspect in suspects {
            self.add_setter(&mut found, suspect)?;
        }
        for _ in 0..LOOKED_AT {
            let Some(before) = self.passing_without(&found) else { break };
            let arm = Arm::After(before.clone());
            let with = self.inquiry.try_until(&arm, 3)?;
            if with.always() {
                break;
            }
            let without = self.inquiry.tally(&Arm::Alone);
            let search =
                Search { group: before, arm: &Arm::After, effect: Effect::Passes, with, without };
            let Part::One(setter) = search.run(&mut self.inquiry)? else { break };
            if found.contains(&setter) || !self.add_setter(&mut found, setter)? {
                break;
            }
        }
        Ok(found)
    }

    /// Tests after which it passes although it never passed in the record: looked for among all, where
    /// that takes no more than some seconds.
    fn setters_of_all(&mut self) -> Result<Vec<TestIndex>, Stop> {
        let arm = Arm::AfterRest;
        if self.inquiry.cost(&arm) > ALL || self.inquiry.try_until(&arm, 1)?.always() {
            return Ok(Vec::new());
        }
        let (with, without) = (self.inquiry.tally(&arm), self.inquiry.tally(&Arm::Alone));
        let group = self.inquiry.others();
        let search = Search { group, arm: &Arm::After, effect: Effect::Passes, with, without };
        let mut found = Vec::new();
        if let Part::One(setter) = search.run(&mut self.inquiry)? {
            self.add_setter(&mut found, setter)?;
        }
        Ok(found)
    }

    fn add_setter(&mut self, found: &mut Vec<TestIndex>, test: TestIndex) -> Result<bool, Stop> {
        let arm = Arm::After(vec![test]);
        if self.inquiry.try_until(&arm, 3)?.always() {
            return Ok(false);
        }
        let bases = [Arm::Alone, Arm::AfterOthers(1)];
        let is_one = self.inquiry.contest_of_passing(&arm, &bases, 0.5)? == Contest::More;
        if is_one {
            found.push(test);
        }
        Ok(is_one)
    }

    /// What ran before it when it passed although none of these was there: the shortest such list.
    fn passing_without(&self, known: &[TestIndex]) -> Option<Vec<TestIndex>> {
        let passed = self.inquiry.circumstances.iter().filter(|it| !it.failed);
        let lists = passed.map(|it| &it.before).filter(|before| !before.is_empty());
        lists
            .filter(|before| !known.iter().any(|test| before.contains(test)))
            .min_by_key(|before| before.len())
            .cloned()
    }
}
