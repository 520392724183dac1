//! Attempts: a failed test is tried again, and a test that takes too long is ended.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Dispatch;
use crate::engine::judge;
use crate::engine::overtime::{Due, Overtime};
use crate::engine::record::Ending;
use crate::model::{Attempt, DistMode, Level, Slot, TestIndex, WorkerId};
use crate::process::{Signal, Tree, file_text, send_signal};
use crate::protocol::ToWorker;

/// Asks a worker for a dump of its stacks: `worker/pnl_worker/stacks.py` has faulthandler answer it.
/// Suites do not use it, and a process that does not know it ignores it.
const DUMP_SIGNAL: Signal = Signal::URG;

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
        let is_failure = ending.outcome.kind().is_failure();
        let is_retried = is_failure && self.stop.is_none() && attempt.0 <= self.rules.retries(test);
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

    /// A test begins: its time runs.
    pub(super) fn start_clock(&mut self, index: usize, test: TestIndex) {
        let (limit, slow) = (self.rules.timeout(test), self.rules.slow(test));
        self.crew[index].overtime = Some(Overtime::new(Instant::now(), limit, slow));
    }

    /// Does what is due for tests that take long, and for the ends of sessions: fixtures that no
    /// test's end tore down are torn down there, and have the time of a test.
    pub(super) fn check_overtime(&mut self, now: Instant) {
        let (limit, is_stopping) = (self.rules.session_end(), self.stop.is_some());
        for index in 0..self.crew.len() {
            let worker = &mut self.crew[index];
            let has_none = worker.held.is_empty() || is_stopping;
            if limit.is_some() && worker.overtime.is_none() && worker.ends_session() && has_none {
                worker.overtime = Some(Overtime::new(now, limit, None));
            }
            let Some(overtime) = &mut worker.overtime else { continue };
            let Some(due) = overtime.due(now) else { continue };
            match due {
                Due::Slow => {
                    let (id, elapsed) = (worker.id, overtime.elapsed(now));
                    if let Some((test, _)) = worker.running {
                        self.record.slow(Some(id), test, elapsed);
                    }
                }
                Due::Dump => send_signal(worker.pid, DUMP_SIGNAL),
                Due::Terminate => {
                    worker.killed = true;
                    let tree = Tree::of(worker.pid);
                    tree.signal(Signal::TERM);
                    worker.tree = Some(tree);
                }
                Due::Kill => {
                    Tree::of(worker.pid).signal(Signal::KILL);
                    crate::process::kill_group(worker.pid);
                }
            }
        }
    }

    /// The outcome of a test that was ended at its limit, with where its worker was stuck.
    pub(super) fn timed_out(
        &self,
        id: WorkerId,
        limit: Duration,
        mut sections: Vec<(String, String)>,
        start: crate::model::Offset,
    ) -> Ending {
        sections.insert(0, ("Stacks of the worker".to_owned(), self.stacks(id)));
        judge::timed_out(limit, start, self.record.now(), sections)
    }

    /// Tells of a worker whose session was ended at its limit. It is no test's failure, but one.
    pub(super) fn session_timed_out(&mut self, id: WorkerId, limit: Duration) {
        let limit = limit.as_secs_f64();
        let text = format!(
            "{id}: the end of its session took longer than a test may, {limit} s; tear-downs that \
             came after that did not happen\n{}",
            self.stacks(id)
        );
        self.record.other_failures(1);
        self.record.notice(Level::Error, text);
    }

    /// What a worker wrote down at its limit.
    fn stacks(&self, id: WorkerId) -> String {
        let stacks = self.base.rendezvous.folder().join(format!("{id}-stacks"));
        judge::without_our_frames(&file_text(&stacks).unwrap_or_default())
    }
}
