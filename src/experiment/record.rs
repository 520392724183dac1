//! What the recorded run says of the circumstances in which a test failed and passed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::trial::{Planned, Trial};
use crate::engine::Performed;
use crate::model::{Cause, Offset, Ran, Round, Schedule, TestIndex};

/// Failures that an outage has in common lie within so many microseconds.
const NEAR: u64 = 1_500_000;

/// A recorded run, seen from one test.
#[derive(Debug)]
pub(super) struct Record<'s> {
    schedule: &'s Schedule,
    /// How long each test takes as a rule.
    durations: Vec<Duration>,
    /// Which have ever failed.
    failed: Vec<bool>,
}

/// One execution of a test, with what was around it.
#[derive(Debug, Clone)]
pub(super) struct Circumstance {
    /// Whether it failed.
    pub failed: bool,
    /// What ran before it in its process, in this order.
    pub before: Vec<TestIndex>,
    /// What ran at the same time, a list for each process.
    pub beside: Vec<Vec<Neighbour>>,
    /// When it began, after the first of its neighbours.
    pub begins: Duration,
}

/// An execution that overlapped another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Neighbour {
    /// Of which test.
    pub test: TestIndex,
    /// When it began, after the first of the neighbours or the one they are neighbours of.
    pub begins: Duration,
    /// When it ended.
    pub ends: Duration,
}

impl<'s> Record<'s> {
    /// Of this run.
    pub fn new(schedule: &'s Schedule) -> Self {
        let mut all = vec![Vec::new(); schedule.tests.len()];
        let mut failed = vec![false; schedule.tests.len()];
        for ran in &schedule.ran {
            failed[ran.test as usize] |= ran.failed();
            all[ran.test as usize].push(length(ran));
        }
        let durations = all.into_iter().map(|mut times| {
            times.sort_unstable();
            times.get(times.len() / 2).copied().unwrap_or_default()
        });
        Self { durations: durations.collect(), failed, schedule }
    }

    /// How many tests there are.
    pub fn tests(&self) -> u32 {
        u32::try_from(self.schedule.tests.len()).unwrap_or(u32::MAX)
    }

    /// The most workers that a round had.
    pub fn workers(&self) -> u32 {
        self.schedule.rounds.iter().map(|round| round.workers).max().unwrap_or(1).max(1)
    }

    /// How long a test takes as a rule.
    pub fn duration(&self, test: TestIndex) -> Duration {
        self.durations.get(test.at()).copied().unwrap_or_default()
    }

    /// How long a trial will take, at least.
    pub fn cost(&self, trial: &Trial) -> Duration {
        let lane = |lane: &Vec<Planned>| -> Duration {
            lane.iter().map(|planned| planned.delay + self.duration(planned.test)).sum()
        };
        trial.lanes.iter().map(lane).max().unwrap_or_default()
    }

    /// How often a test failed, and ran, while the server under test was there.
    pub fn tally(&self, test: TestIndex) -> (u64, u64) {
        let counted = self.of(test).filter(|ran| !ran.is_infrastructure);
        counted.fold((0, 0), |(failed, executed), ran| {
            (failed + u64::from(ran.failed()), executed + 1)
        })
    }

    /// The same of those that began from when to when.
    pub fn tally_within(&self, test: TestIndex, (since, until): (Offset, Offset)) -> (u64, u64) {
        let counted = self.of(test).filter(|ran| ran.start >= since && ran.start <= until);
        counted.fold((0, 0), |(failed, executed), ran| {
            (failed + u64::from(ran.outcome.is_failure()), executed + 1)
        })
    }

    /// Whether two tests ever failed with the same exception at the same place.
    pub fn share_a_cause(&self, one: TestIndex, other: TestIndex) -> bool {
        let causes = |test| self.of(test).filter_map(|ran| ran.cause);
        causes(one).any(|cause| causes(other).any(|it| it == cause))
    }

    /// Whether a test ever failed with that exception at that place; true where nothing is known of
    /// either.
    pub fn has_failed_so(&self, test: TestIndex, performed: &Performed) -> bool {
        let Some(failure) = &performed.failure else { return true };
        let place = failure.location.as_ref().map(|(file, line)| (file.as_str().into(), *line));
        let cause = Cause::new(performed.outcome, &failure.message, place);
        let failures = self.of(test).filter(|ran| ran.failed());
        let mut causes =
            failures.map(|ran| self.schedule.causes.get(ran.cause? as usize)).peekable();
        causes.peek().is_none() || causes.any(|it| it.is_none_or(|it| *it == cause))
    }

    /// Whether two tests ever failed with the same message.
    pub fn says_the_same(&self, one: TestIndex, other: TestIndex) -> bool {
        let texts = |test| {
            let causes = self.of(test).filter(|ran| ran.failed()).filter_map(|ran| ran.cause);
            causes.filter_map(|cause| self.schedule.says.get(cause as usize))
        };
        let is_said = |text: &str| !text.is_empty() && texts(other).any(|it| **it == *text);
        texts(one).any(|text| is_said(text))
    }

    /// Whether each failure of a test came with failures of others that have the same cause, as those
    /// in an outage do.
    pub fn fails_in_company(&self, test: TestIndex) -> bool {
        let failures: Vec<&Ran> = self.schedule.ran.iter().filter(|ran| ran.failed()).collect();
        let is_company = |of: &Ran, it: &Ran| {
            it.test != of.test
                && it.cause.is_some()
                && it.cause == of.cause
                && it.start.0.abs_diff(of.start.0) <= NEAR
        };
        let mut own = failures.iter().filter(|ran| ran.test == test.0).peekable();
        own.peek().is_some() && own.all(|of| failures.iter().any(|it| is_company(of, it)))
    }

    /// Since when a test has failed in each execution, and in how many, if it passed before.
    pub fn fails_since(&self, test: TestIndex) -> Option<(Round, u64)> {
        let all: Vec<&Ran> = self.of(test).filter(|ran| !ran.is_infrastructure).collect();
        let passed = all.iter().rposition(|ran| !ran.failed())?;
        let first = all.get(passed + 1)?;
        Some((first.round, (all.len() - passed - 1) as u64))
    }

    /// Whether a test has ever failed.
    pub fn has_failed(&self, test: TestIndex) -> bool {
        self.failed.get(test.at()).copied().unwrap_or_default()
    }

    fn of(&self, test: TestIndex) -> impl Iterator<Item = &'s Ran> {
        self.schedule.ran.iter().filter(move |ran| ran.test == test.0)
    }

    /// The executions of a test, with what was around each.
    pub fn circumstances(&self, test: TestIndex) -> Vec<Circumstance> {
        let counted = self.of(test).filter(|ran| !ran.is_infrastructure);
        counted.map(|ran| self.circumstance(ran)).collect()
    }

    fn circumstance(&self, of: &Ran) -> Circumstance {
        let in_round = || self.schedule.ran.iter().filter(|it| it.round == of.round);
        let shares = |it: &Ran| it.process == of.process && of.process != 0;
        let index = |it: &Ran| TestIndex(it.test);
        let before = in_round().filter(|it| shares(it) && it.start < of.start).map(index);
        let overlaps = |it: &&Ran| !shares(it) && it.start < of.end && it.end > of.start;
        let neighbours: Vec<&Ran> = in_round()
            .filter(|it| (it.test, it.attempt) != (of.test, of.attempt))
            .filter(overlaps)
            .collect();
        let origin = neighbours.iter().map(|it| it.start).min().unwrap_or(of.start).min(of.start);
        let since = |offset: Offset| Duration::from_micros(offset.0 - origin.0);
        let mut beside: BTreeMap<u32, Vec<Neighbour>> = BTreeMap::new();
        for (at, it) in neighbours.iter().enumerate() {
            // Where processes are not known, each has its own.
            let unknown = u32::MAX - u32::try_from(at).unwrap_or(0);
            let process = if it.process == 0 { unknown } else { it.process };
            let (begins, ends) = (since(it.start), since(it.end));
            beside.entry(process).or_default().push(Neighbour { test: index(it), begins, ends });
        }
        Circumstance {
            failed: of.failed(),
            before: before.collect(),
            beside: beside.into_values().collect(),
            begins: since(of.start),
        }
    }
}

fn length(ran: &Ran) -> Duration {
    Duration::from_micros(ran.end.0.saturating_sub(ran.start.0))
}

impl Circumstance {
    /// The tests that ran at the same time, by their start.
    pub fn neighbours(&self) -> Vec<TestIndex> {
        let mut all: Vec<&Neighbour> = self.beside.iter().flatten().collect();
        all.sort_by_key(|it| it.begins);
        let mut tests: Vec<TestIndex> = Vec::new();
        for it in all {
            if !tests.contains(&it.test) {
                tests.push(it.test);
            }
        }
        tests
    }

    /// Whether a test ran at the same time.
    pub fn was_beside(&self, test: TestIndex) -> bool {
        self.beside.iter().flatten().any(|it| it.test == test)
    }

    /// By how much later than the other this one began, as recorded, and whether it was later at all.
    pub fn begins_after(&self, other: TestIndex) -> Option<(Duration, bool)> {
        let it = self.beside.iter().flatten().find(|it| it.test == other)?;
        Some((self.begins.abs_diff(it.begins), self.begins >= it.begins))
    }

    /// The same again with these neighbours alone: each begins when it did, with the others of its
    /// process before it.
    pub fn replay(&self, victim: TestIndex, kept: &[TestIndex]) -> Trial {
        let kept_of = |lane: &Vec<Neighbour>| -> Vec<Neighbour> {
            lane.iter().filter(|it| kept.contains(&it.test)).copied().collect()
        };
        let lanes: Vec<Vec<Neighbour>> =
            self.beside.iter().map(kept_of).filter(|lane| !lane.is_empty()).collect();
        let begins = lanes.iter().flatten().map(|it| it.begins).chain([self.begins]);
        let origin = begins.min().unwrap_or_default();
        let lane = |lane: Vec<Neighbour>| {
            let mut free = origin;
            let planned = lane.into_iter().map(|it| {
                let delay = it.begins.saturating_sub(free);
                free = it.ends;
                Planned::other(it.test).delayed(delay)
            });
            planned.collect()
        };
        let own = Planned::victim(victim).delayed(self.begins.saturating_sub(origin));
        Trial { lanes: lanes.into_iter().map(lane).chain([vec![own]]).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::experiment::trial::{Seen, in_series, seen};
    use crate::model::{Attempt, Failure, NodeId, OutcomeKind};
    use crate::scheduler::StepId;

    fn failed(lane: usize, at_line: u32) -> Performed {
        let failure = Failure {
            message: "AssertionError: assert 409 == 200".to_owned(),
            text: String::new(),
            sections: Vec::new(),
            location: Some(("test_a.py".to_owned(), at_line)),
        };
        Performed {
            step: StepId { lane, step: 0 },
            test: TestIndex(0),
            outcome: OutcomeKind::Failed,
            start: Offset(0),
            end: Offset(1),
            failure: Some(Arc::new(failure)),
        }
    }

    #[test]
    fn copies_that_fail_in_a_way_of_their_own_have_not_failed_as_recorded() {
        let place = Some((Arc::from("test_a.py"), 7));
        let ran = Ran {
            test: 0,
            round: Round(1),
            attempt: Attempt::FIRST,
            process: 1,
            start: Offset(0),
            end: Offset(1),
            outcome: OutcomeKind::Failed,
            cause: Some(0),
            is_infrastructure: false,
        };
        let schedule = Schedule {
            tests: vec![NodeId::new("test_a.py::test_b")],
            ran: vec![ran],
            causes: vec![Cause::new(
                OutcomeKind::Failed,
                "AssertionError: assert 503 == 200",
                place,
            )],
            ..Schedule::default()
        };
        let record = Record::new(&schedule);
        let (as_recorded, otherwise) = (failed(0, 7), failed(1, 3));
        let trials = [Trial::copies(TestIndex(0), 1), Trial::copies(TestIndex(0), 1)];
        assert_eq!(in_series(&trials).lanes.len(), 2);
        let is_meant = |_, it: &Performed| record.has_failed_so(TestIndex(0), it);
        let all = seen(&trials, &[as_recorded, otherwise], is_meant);
        assert_eq!(all, [Seen::Failed, Seen::Passed]);
    }
}
