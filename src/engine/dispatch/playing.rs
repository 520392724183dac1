//! Rounds that are played from a script.

use std::time::Instant;

use super::Dispatch;
use super::attempts::Attempts;
use crate::engine::crew::Told;
use crate::engine::director::Performed;
use crate::engine::record::Ending;
use crate::model::{
    Attempt, DistMode, Level, NotRun, Offset, Outcome, Phases, Round, Slot, StopReason, TestIndex,
};
use crate::scheduler::{Cue, Deal, Playing, Script, StepId};

/// A round that is being played.
pub(super) struct Play {
    playing: Playing,
    began: Instant,
    performed: Vec<Performed>,
}

impl Play {
    /// When a delay is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.began + self.playing.deadline()?)
    }
}

impl Dispatch<'_> {
    /// Plays round after round, as the director says.
    pub(super) fn play_rounds(&mut self) -> StopReason {
        let mut round = Round::FIRST;
        let mut performed = Vec::new();
        let tests = self.record.tests().to_vec();
        loop {
            let script = self.director.as_mut().and_then(|it| it.next(&tests, &performed));
            let Some(script) = script.filter(|it| !it.lanes.is_empty()) else {
                return StopReason::Completed;
            };
            performed = self.play_round(round, script);
            if let Some(reason) = self.stop.take() {
                return reason;
            }
            round = round.next();
        }
    }

    fn play_round(&mut self, round: Round, script: Script) -> Vec<Performed> {
        self.round = round;
        self.slots = script.lanes.len();
        let playing = Playing::new(script);
        let planned = playing.planned(self.record.tests().len());
        self.deal = Some(Deal::new(DistMode::Each, &[], self.slots));
        // The same test may be on several lanes, and more than once on each.
        self.attempts = Attempts::of_round(DistMode::Each);
        self.record.begin_prescribed(round, self.slots, planned);
        self.play = Some(Play { playing, began: Instant::now(), performed: Vec::new() });
        self.recruit_missing(round);
        while !self.round_is_over() {
            self.step();
            self.cue();
        }
        let (_, stop) = self.record.end_round(self.stop.take());
        self.stop = stop;
        self.play.take().map(|it| it.performed).unwrap_or_default()
    }

    /// Gives every worker what it may be given by now.
    pub(super) fn cue(&mut self) {
        let Some(play) = self.play.as_mut().filter(|_| self.stop.is_none()) else { return };
        let now = play.began.elapsed();
        for worker in self.crew.iter_mut().filter(|it| it.ready && it.told == Told::Work) {
            let slot = worker.slot;
            play.playing.ready(slot.0);
            while let Some(cue) = play.playing.cue(slot.0, now) {
                match cue {
                    Cue::Give(test) => {
                        let again = self.attempts.among(&[test], slot);
                        worker.give(vec![test], again);
                    }
                    Cue::Finish => worker.tell(Told::Finish),
                }
            }
        }
    }

    /// A test has begun on a lane.
    pub(super) fn lane_started(&mut self, slot: Slot) {
        if let Some(play) = &mut self.play {
            play.playing.started(slot.0);
            self.cue();
        }
    }

    /// A test is over on a lane: whether the round is played from a script, so that nothing is to be
    /// tried again.
    pub(super) fn lane_ended(&mut self, slot: Slot, test: TestIndex, ending: &Ending) -> bool {
        let Phases { setup, call, teardown } = ending.phases;
        let took = ((setup + call + teardown) * 1e6) as u64;
        let Some(play) = &mut self.play else { return false };
        if let Some(step) = play.playing.ended(slot.0) {
            play.performed.push(Performed {
                step: StepId { lane: slot.0, step },
                test,
                outcome: ending.outcome.kind(),
                start: ending.start,
                end: Offset(ending.start.0 + took),
                failure: ending.failure.clone(),
            });
        }
        self.attempts.count(test, slot);
        true
    }

    /// A lane's worker is gone: whether the round is played from a script. What it did not come to is
    /// not run.
    pub(super) fn lane_died(&mut self, slot: Slot) -> bool {
        let Some(play) = &mut self.play else { return false };
        let left = play.playing.died(slot.0);
        if self.stop.is_none() && !left.is_empty() {
            let text = format!("{} tests did not run, because their worker died", left.len());
            self.record.notice(Level::Warning, text);
            for test in left {
                let ending = Ending::bare(Outcome::NotRun(NotRun::NoWorker), self.record.now());
                self.record.ended(None, test, Attempt::FIRST, ending);
            }
        }
        true
    }

    /// What is waited for before the script goes on.
    pub(super) fn next_cue(&self) -> Option<Instant> {
        self.play.as_ref().filter(|_| self.stop.is_none())?.deadline()
    }
}
