//! Attempts: a failed test is tried again.

use std::collections::HashMap;

use super::Dispatch;
use crate::engine::record::Ending;
use crate::model::{Attempt, DistMode, Slot, TestIndex, WorkerId};
use crate::protocol::ToWorker;

/// What the template has of a test's reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reports {
    /// Those that led to its outcome.
    Stand,
    /// None, because its worker died.
    Lost,
    /// Some that tell another outcome, because the test ended after its time was up.
    Overruled,
}

/// At which attempt tests are that have failed in this round.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// Under `--dist each` every worker runs every test, and each for itself.
    each: bool,
    failed: HashMap<(TestIndex, Option<Slot>), Attempt>,
}

impl Attempts {
    /// A round in which nothing has failed.
    pub(super) fn of_round(dist: DistMode) -> Self {
        Self { each: dist == DistMode::Each, failed: HashMap::new() }
    }

    /// The attempt that a test is at on this worker's place.
    pub(super) fn of(&self, test: TestIndex, slot: Slot) -> Attempt {
        self.failed.get(&self.key(test, slot)).copied().unwrap_or(Attempt::FIRST)
    }

    fn advance(&mut self, test: TestIndex, slot: Slot) {
        let next = self.of(test, slot).next();
        self.failed.insert(self.key(test, slot), next);
    }

    /// Those of the tests that are tried again.
    pub(super) fn among(&self, tests: &[TestIndex], slot: Slot) -> Vec<(TestIndex, Attempt)> {
        let attempts = tests.iter().map(|&test| (test, self.of(test, slot)));
        attempts.filter(|(_, attempt)| *attempt > Attempt::FIRST).collect()
    }

    fn key(&self, test: TestIndex, slot: Slot) -> (TestIndex, Option<Slot>) {
        (test, self.each.then_some(slot))
    }
}

impl Dispatch<'_> {
    /// An attempt has ended: counts it, or has the test tried again.
    pub(super) fn conclude(
        &mut self,
        (id, slot): (WorkerId, Slot),
        test: TestIndex,
        (ending, reports): (Ending, Reports),
    ) {
        let attempt = self.attempts.of(test, slot);
        self.note_crash(test, ending.outcome.kind());
        let is_failure = ending.outcome.kind().is_failure();
        let may_run = self.stop.is_none() && !self.poison.has(test);
        let is_retried = is_failure && may_run && attempt.0 <= self.rules.retries(test);
        let worker = self.crew.iter().find(|it| it.id == id);
        let i = worker.map_or(test.0, |it| it.number_of(test));
        let is_overruled = reports == Reports::Overruled || reports == Reports::Stand && is_retried;
        if let Some(template) = self.recruiter.template().filter(|_| is_overruled) {
            let (round, attempt) = (self.round.0, attempt.0);
            template.tell(&ToWorker::Retried { i, worker: id.to_string(), round, attempt });
        }
        if is_retried && let Some(deal) = &mut self.deal {
            self.has_retried = true;
            self.attempts.advance(test, slot);
            deal.give_back(slot, vec![test]);
            self.record.attempt_failed(Some(id), test, attempt, ending);
            return;
        }
        let has_none = reports != Reports::Stand;
        if let Some(template) = self.recruiter.template().filter(|_| has_none) {
            let message = ending.failure.as_ref().map_or("", |it| &it.message);
            let message = format!("{id}: {message}");
            let nodeid = self.record.tests()[test.at()].nodeid.to_string();
            template.tell(&ToWorker::Lost { i: test.0, worker: id.to_string(), nodeid, message });
        }
        if let Some(deal) = &mut self.deal {
            deal.done(slot, test);
        }
        self.record.ended(Some(id), test, attempt, ending);
    }
}
