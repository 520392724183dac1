//! The server's state, asked for between the rounds of an observed run.

use std::time::Instant;

use super::Watch;
use crate::engine::inbox::Message;
use crate::engine::suspend::suspend;
use crate::model::{Level, Round, StateProbed, StopReason, What};

impl Watch<'_> {
    /// Asks for the state after a round, or before the first, and waits for the answer. Returns why
    /// the run ends, if it does meanwhile.
    pub(super) fn probe(&mut self, round: Option<Round>) -> Option<StopReason> {
        if let Some(probed) = self.probes.ask((self.plan, self.control), (round, None)) {
            self.tell_state(probed);
        }
        while self.probes.is_open() {
            let stop = match self.control.receive(self.probes.deadline()) {
                Some(Message::StateAnswered { number, answer }) => {
                    if let Some(probed) = self.probes.hear(number, answer) {
                        self.tell_state(probed);
                    }
                    None
                }
                Some(Message::Interrupt) => {
                    self.interrupts += 1;
                    Some(StopReason::Interrupted)
                }
                Some(Message::TimeIsUp(limit)) => Some(StopReason::RunTimeout(limit)),
                Some(Message::Suspend) => {
                    let pids: Vec<u32> = self.probes.pid().into_iter().collect();
                    let pause = suspend(self.control, &pids);
                    self.record.stood_still(pause);
                    self.probes.shift(pause);
                    None
                }
                _ => None,
            };
            if stop.is_some() {
                self.probes.give_up();
                return stop;
            }
            if let Some(probed) = self.probes.overdue(Instant::now()) {
                self.tell_state(probed);
            }
        }
        None
    }

    /// What is known before the run's beginning is reported is told right after it.
    fn tell_state(&mut self, probed: StateProbed) {
        if !self.record.has_begun() {
            self.first_state = Some(probed);
            return;
        }
        if let Some(warning) = self.probes.warning(&probed) {
            self.record.notice(Level::Warning, warning);
        }
        self.record.emit(None, What::StateProbed(probed));
    }

    /// The run's beginning has been reported.
    pub(super) fn tell_first_state(&mut self) {
        if let Some(probed) = self.first_state.take() {
            self.tell_state(probed);
        }
    }

    /// Says what the answers came to.
    pub(super) fn tell_of_states(&mut self) {
        let summary = self.probes.summary().filter(|_| self.plan.rounds.is_loop());
        if let Some(summary) = summary {
            self.record.notice(Level::Info, summary);
        }
    }
}
