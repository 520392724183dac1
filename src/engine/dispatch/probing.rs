//! The server's state is asked for: between rounds, and after each test where that is wanted.

use std::sync::Arc;
use std::time::Instant;

use super::Dispatch;
use crate::engine::probe::Answer;
use crate::model::{Level, Round, StateProbed, TestIndex, TestInfo, What};

impl Dispatch<'_> {
    /// Asks for the state after a round, or before the first, and waits for the answer, as long as
    /// nothing ends the run.
    pub(super) fn probe_round(&mut self, round: Option<Round>) {
        self.probe(round, None);
        while self.awaits_state() {
            self.step();
        }
        self.probes.give_up();
    }

    /// Asks for the state after a test, before the next begins.
    pub(super) fn probe_test(&mut self, test: TestIndex) {
        if self.probes.are_around_tests() && self.stop.is_none() && !self.probes.is_open() {
            let test = self.record.tests().get(test.at()).cloned();
            self.probe(Some(self.round), test);
        }
    }

    fn probe(&mut self, round: Option<Round>, test: Option<Arc<TestInfo>>) {
        if let Some(probed) = self.probes.ask((self.plan, self.control), (round, test)) {
            self.tell_state(probed);
        }
    }

    /// Whether an answer is waited for.
    pub(super) fn awaits_state(&self) -> bool {
        self.stop.is_none() && self.probes.is_open()
    }

    /// Whether a worker is to be given nothing at this moment, because the state is asked for between
    /// two tests: it begins a test as soon as it knows the one after it.
    pub(super) fn must_stand_by(&self, index: usize) -> bool {
        let worker = &self.crew[index];
        let is_busy = worker.running.is_some() || worker.load() > 1;
        self.probes.are_around_tests() && (is_busy || self.awaits_state())
    }

    pub(super) fn state_answered(&mut self, number: u64, answer: Answer) {
        if let Some(probed) = self.probes.hear(number, answer) {
            self.state_is_known(probed);
        }
    }

    /// Gives up a question that has not been answered for too long.
    pub(super) fn check_probe(&mut self, now: Instant) {
        if let Some(probed) = self.probes.overdue(now) {
            self.state_is_known(probed);
        }
    }

    fn state_is_known(&mut self, probed: StateProbed) {
        let was_after_a_test = probed.test.is_some();
        self.tell_state(probed);
        if was_after_a_test {
            for index in 0..self.crew.len() {
                self.top_up(index);
            }
        }
    }

    fn tell_state(&mut self, probed: StateProbed) {
        if let Some(warning) = self.probes.warning(&probed) {
            self.record.notice(Level::Warning, warning);
        }
        self.record.emit(None, What::StateProbed(probed));
    }

    /// Says what the answers came to.
    pub(super) fn tell_of_states(&mut self) {
        let is_worth_it = self.plan.rounds.is_loop() || self.probes.are_around_tests();
        if let Some(summary) = self.probes.summary().filter(|_| is_worth_it) {
            self.record.notice(Level::Info, summary);
        }
    }
}
