//! The server under test goes away in the middle of a run: what failed for that is told apart, and the
//! run stops, or waits and runs it again.

use std::time::Instant;

use super::Dispatch;
use super::attempts::Reports;
use crate::engine::outage::Finding;
use crate::engine::record::Ending;
use crate::engine::server::{self, Answer};
use crate::model::{
    Infrastructure, Level, Outcome, OutcomeKind, ServerLost, Slot, StopReason, TestIndex, What,
    WorkerId,
};

/// A failed attempt whose meaning depends on whether the server was there.
pub(super) struct Hit {
    place: (WorkerId, Slot),
    test: TestIndex,
    ending: Ending,
    reports: Reports,
}

impl Dispatch<'_> {
    /// An attempt has ended: concludes it, or lets it wait for the server's answer.
    pub(super) fn judge(
        &mut self,
        place: (WorkerId, Slot),
        test: TestIndex,
        (ending, reports): (Ending, Reports),
    ) {
        let is_watched = self.needs_server && self.plan.server_lost != ServerLost::Ignore;
        if !is_watched || !is_failure_of_its_own(&ending.outcome) {
            self.conclude(place, test, (ending, reports));
            return;
        }
        let looks_like_it = ending.outcome.kind() == OutcomeKind::TimedOut
            || ending.failure.as_deref().is_some_and(server::looks_like_a_lost_server);
        let hit = Hit { place, test, ending, reports };
        if self.outage.is_away() || looks_like_it && self.outage.overlaps(hit.ending.start) {
            self.was_hit(hit);
        } else if looks_like_it && self.stop.is_none() && self.ask_whether_it_is_there() {
            self.hits.push(hit);
        } else {
            self.conclude(hit.place, hit.test, (hit.ending, hit.reports));
        }
    }

    /// Asks the server, unless that is being done. Whether there will be an answer.
    pub(super) fn ask_whether_it_is_there(&mut self) -> bool {
        if self.outage.suspect(self.record.now()) {
            self.ask();
        }
        self.outage.is_open()
    }

    fn ask(&mut self) {
        if let Err(error) = self.control.ask_server(&self.plan.server.url) {
            // Without a thread nobody knows.
            self.server_answered(Answer::Well);
            self.record.notice(Level::Warning, format!("the server cannot be asked: {error}"));
        }
    }

    /// Asks again when it is time.
    pub(super) fn ask_again(&mut self, now: Instant) {
        if self.outage.is_due(now) {
            self.ask();
        }
    }

    /// The server was asked.
    pub(super) fn server_answered(&mut self, answer: Answer) {
        let now = (Instant::now(), self.record.now());
        match self.outage.hear(answer, now) {
            Finding::Open | Finding::Away => {}
            Finding::There => self.judge_hits_as_failures(),
            Finding::Lost(why) => self.server_lost(&why),
            Finding::Back(away) => {
                let seconds = away.until.map_or(0.0, |it| it.seconds() - away.since.seconds());
                let text = format!(
                    "the server answers again, after {seconds:.1} s; what it hit runs again ({})",
                    away.hits
                );
                self.record.notice(Level::Info, text);
                self.record.emit(None, What::ServerAway(away));
                self.go_on();
            }
        }
    }

    /// What waited for the answer failed by itself.
    pub(super) fn judge_hits_as_failures(&mut self) {
        for hit in std::mem::take(&mut self.hits) {
            self.conclude(hit.place, hit.test, (hit.ending, hit.reports));
        }
        self.check_failure_limit();
        self.go_on();
    }

    fn server_lost(&mut self, why: &str) {
        let url = self.plan.server.url.clone();
        if self.stop.is_some() {
            // Tests are being torn down: a second SIGINT would end that.
        } else if self.plan.server_lost == ServerLost::Wait {
            let text =
                format!("the server at {url} does not answer ({why}): waiting until it does");
            self.record.notice(Level::Warning, text);
            // Nothing begins meanwhile.
            for index in 0..self.crew.len() {
                self.take_back(index);
            }
        } else {
            self.stop(StopReason::ServerLost(url));
            self.interrupt_running();
        }
        for hit in std::mem::take(&mut self.hits) {
            self.was_hit(hit);
        }
    }

    /// An attempt failed while the server was away: it runs again when that is over, or is told to
    /// say nothing of its test.
    fn was_hit(&mut self, hit: Hit) {
        let Hit { place, test, mut ending, reports } = hit;
        self.outage.hit();
        ending.infrastructure = Infrastructure { this: true, before: 0 };
        self.conclude(place, test, (ending, reports));
    }

    /// Tests may begin again, and there may be more of them than before.
    fn go_on(&mut self) {
        if self.stop.is_some() || self.deal.is_none() {
            return;
        }
        for index in 0..self.crew.len() {
            self.top_up(index);
        }
        self.recruit_for_what_is_left();
    }

    /// Whether something of this round hangs on the server's answer.
    pub(super) fn awaits_server(&self) -> bool {
        self.stop.is_none() && (self.outage.is_away() || !self.hits.is_empty())
    }

    /// The round is over, perhaps before the answer came.
    pub(super) fn close_outage(&mut self) {
        self.judge_hits_as_failures();
        if let Some(away) = self.outage.end(None) {
            self.record.emit(None, What::ServerAway(away));
        }
    }
}

/// Failed, and not because its worker died.
fn is_failure_of_its_own(outcome: &Outcome) -> bool {
    matches!(outcome.kind(), OutcomeKind::Failed | OutcomeKind::Error | OutcomeKind::TimedOut)
}
