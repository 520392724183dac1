//! Attempts: a failed test is tried again.

use std::collections::HashMap;

use super::Dispatch;
use crate::engine::record::Ending;
use crate::model::{Attempt, DistMode, ServerLost, Slot, TestIndex, WorkerId};
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
    spared: HashMap<(TestIndex, Option<Slot>), u32>,
}

impl Attempts {
    /// A round in which nothing has failed.
    pub(super) fn of_round(dist: DistMode) -> Self {
        Self { each: dist == DistMode::Each, ..Self::default() }
    }

    /// The attempt that a test is at on this worker's place.
    pub(super) fn of(&self, test: TestIndex, slot: Slot) -> Attempt {
        self.failed.get(&self.key(test, slot)).copied().unwrap_or(Attempt::FIRST)
    }

    /// How many of its attempts failed while the server was away, and are no retries.
    fn spared(&self, test: TestIndex, slot: Slot) -> u32 {
        self.spared.get(&self.key(test, slot)).copied().unwrap_or(0)
    }

    fn advance(&mut self, test: TestIndex, slot: Slot, is_spared: bool) {
        let next = self.of(test, slot).next();
        let key = self.key(test, slot);
        self.failed.insert(key, next);
        if is_spared {
            *self.spared.entry(key).or_default() += 1;
        }
    }

    /// A test has run on this place of a round in which it may stand more than once.
    pub(super) fn count(&mut self, test: TestIndex, slot: Slot) {
        self.advance(test, slot, false);
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
        (mut ending, reports): (Ending, Reports),
    ) {
        let attempt = self.attempts.of(test, slot);
        let is_played = self.lane_ended(slot, test, &ending);
        self.note_crash(test, ending.outcome.kind());
        let is_failure = ending.outcome.kind().is_failure();
        let may_run = self.stop.is_none() && !self.poison.has(test) && !is_played;
        let spared = self.attempts.spared(test, slot);
        let was_away = ending.infrastructure.this && self.plan.server_lost == ServerLost::Wait;
        let is_allowed = attempt.0 <= self.rules.retries(test) + spared;
        let is_retried = is_failure && may_run && (was_away || is_allowed);
        ending.infrastructure.before = spared;
        let worker = self.crew.iter().find(|it| it.id == id);
        let i = worker.map_or(test.0, |it| it.number_of(test));
        let is_overruled = reports == Reports::Overruled || reports == Reports::Stand && is_retried;
        if let Some(template) = self.recruiter.template().filter(|_| is_overruled) {
            let (round, attempt) = (self.round.0, attempt.0);
            template.tell(&ToWorker::Retried { i, worker: id.to_string(), round, attempt });
        }
        if is_retried && let Some(deal) = &mut self.deal {
            self.has_retried = true;
            self.attempts.advance(test, slot, was_away);
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
