//! A round that is prescribed in full: which processes there are, what each of them runs in which
//! order, and what has to have happened elsewhere before a test begins.
//!
//! Replays and experiments are played from scripts. [`Playing`] says what a lane's worker may be given
//! at a moment: a worker begins a test as soon as it knows the one after it, so a step is released by
//! giving the next one, or by saying that there is none.

use std::time::Duration;

use crate::model::TestIndex;

/// A round as it is to be played.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// One for each process. All begin when every process is ready.
    pub lanes: Vec<Lane>,
}

/// What one fresh process runs, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lane {
    /// In this order. A test may stand here more than once.
    pub steps: Vec<Step>,
}

/// One test's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub test: TestIndex,
    /// What must have happened before it begins, beside the end of the step before it.
    pub gates: Vec<Gate>,
    /// How long after that it begins.
    pub delay: Duration,
}

/// A step of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// Place in [`Script::lanes`].
    pub lane: usize,
    /// Place in [`Lane::steps`].
    pub step: usize,
}

/// Something that a step can wait for. Of a lane that has died, everything has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// That step's test has begun.
    Started(StepId),
    /// That step's test is over.
    Ended(StepId),
}

impl Step {
    /// A test that begins as soon as it can.
    #[must_use]
    pub fn at_once(test: TestIndex) -> Self {
        Self { test, gates: Vec::new(), delay: Duration::ZERO }
    }

    /// Whether anything but the step before it is waited for.
    fn is_free(&self) -> bool {
        self.gates.is_empty() && self.delay.is_zero()
    }
}

impl Lane {
    /// These tests, each as soon as it can.
    #[must_use]
    pub fn of(tests: impl IntoIterator<Item = TestIndex>) -> Self {
        Self { steps: tests.into_iter().map(Step::at_once).collect() }
    }
}

/// What to say to a lane's worker next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// It is given this test.
    Give(TestIndex),
    /// It is told that nothing more comes.
    Finish,
}

/// How far a script has been played.
#[derive(Debug)]
pub struct Playing {
    script: Script,
    progress: Vec<Progress>,
    /// Lanes whose worker was not ready yet.
    unready: usize,
}

#[derive(Debug, Default, Clone)]
struct Progress {
    is_ready: bool,
    is_dead: bool,
    given: usize,
    begun: usize,
    ended: usize,
    is_finished: bool,
    /// Since when the step that was given last could begin, but for its delay.
    open_since: Option<Duration>,
}

impl Playing {
    /// At its beginning.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let progress = vec![Progress::default(); script.lanes.len()];
        Self { unready: progress.len(), script, progress }
    }

    /// How often each of so many tests is planned.
    #[must_use]
    pub fn planned(&self, tests: usize) -> Vec<u32> {
        let mut planned = vec![0; tests];
        for step in self.script.lanes.iter().flat_map(|lane| &lane.steps) {
            if let Some(count) = planned.get_mut(step.test.at()) {
                *count += 1;
            }
        }
        planned
    }

    /// The worker of a lane can be given tests.
    pub fn ready(&mut self, lane: usize) {
        if !std::mem::replace(&mut self.progress[lane].is_ready, true) {
            self.unready -= 1;
        }
    }

    /// The lane's next test has begun.
    pub fn started(&mut self, lane: usize) {
        self.progress[lane].begun += 1;
    }

    /// The lane's test is over. Returns which step it was; none where none had begun.
    pub fn ended(&mut self, lane: usize) -> Option<usize> {
        let progress = &mut self.progress[lane];
        let step = progress.ended;
        (step < progress.begun).then(|| {
            progress.ended += 1;
            step
        })
    }

    /// The lane's worker is gone: returns the tests that have not ended in it and never will.
    pub fn died(&mut self, lane: usize) -> Vec<TestIndex> {
        self.ready(lane);
        let progress = &mut self.progress[lane];
        if std::mem::replace(&mut progress.is_dead, true) {
            return Vec::new();
        }
        let left = &self.script.lanes[lane].steps[progress.begun..];
        left.iter().map(|step| step.test).collect()
    }

    /// What to say to the lane's worker at `now`, a time since the round began; to be asked until
    /// there is nothing.
    pub fn cue(&mut self, lane: usize, now: Duration) -> Option<Cue> {
        let progress = &self.progress[lane];
        if !progress.is_ready || progress.is_dead || progress.is_finished {
            return None;
        }
        let given = progress.given;
        if given > 0 && !self.may_begin(lane, given - 1, now) {
            return None;
        }
        let next = self.script.lanes[lane].steps.get(given).map(|step| step.test);
        let progress = &mut self.progress[lane];
        progress.open_since = None;
        if let Some(test) = next {
            progress.given += 1;
            return Some(Cue::Give(test));
        }
        progress.is_finished = true;
        Some(Cue::Finish)
    }

    fn may_begin(&mut self, lane: usize, step: usize, now: Duration) -> bool {
        let wanted = &self.script.lanes[lane].steps[step];
        if self.unready > 0 || !wanted.gates.iter().all(|&gate| self.is_open(gate)) {
            return false;
        }
        let delay = wanted.delay;
        if wanted.is_free() || delay.is_zero() {
            return true;
        }
        if self.progress[lane].ended < step {
            return false;
        }
        now >= *self.progress[lane].open_since.get_or_insert(now) + delay
    }

    fn is_open(&self, gate: Gate) -> bool {
        let (StepId { lane, step }, is_end) = match gate {
            Gate::Started(it) => (it, false),
            Gate::Ended(it) => (it, true),
        };
        self.progress.get(lane).is_none_or(|progress| {
            progress.is_dead || if is_end { progress.ended > step } else { progress.begun > step }
        })
    }

    /// When a delay will be over, if one runs.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let lanes = self.script.lanes.iter().zip(&self.progress);
        lanes
            .filter(|(_, progress)| !progress.is_dead)
            .filter_map(|(lane, it)| {
                Some(it.open_since? + lane.steps.get(it.given.checked_sub(1)?)?.delay)
            })
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: [TestIndex; 4] = [TestIndex(0), TestIndex(1), TestIndex(2), TestIndex(3)];

    fn cues(playing: &mut Playing, lane: usize, now: u64) -> Vec<Cue> {
        std::iter::from_fn(|| playing.cue(lane, Duration::from_millis(now))).collect()
    }

    #[test]
    fn nobody_begins_before_all_are_ready() {
        let script = Script { lanes: vec![Lane::of([T[0], T[1]]), Lane::of([T[2]])] };
        let mut playing = Playing::new(script);
        playing.ready(0);
        assert_eq!(
            cues(&mut playing, 0, 0),
            [Cue::Give(T[0])],
            "held, because the next is unknown"
        );
        playing.ready(1);
        assert_eq!(cues(&mut playing, 0, 0), [Cue::Give(T[1]), Cue::Finish]);
        assert_eq!(cues(&mut playing, 1, 0), [Cue::Give(T[2]), Cue::Finish]);
        assert_eq!(playing.planned(4), [1, 1, 1, 0]);
    }

    #[test]
    fn a_step_waits_for_its_gates_and_then_for_its_delay() {
        let first = StepId { lane: 0, step: 0 };
        let late =
            Step { test: T[1], gates: vec![Gate::Started(first)], delay: Duration::from_millis(5) };
        let mut playing =
            Playing::new(Script { lanes: vec![Lane::of([T[0]]), Lane { steps: vec![late] }] });
        playing.ready(0);
        playing.ready(1);
        assert_eq!(cues(&mut playing, 1, 0), [Cue::Give(T[1])]);
        assert_eq!(cues(&mut playing, 0, 0), [Cue::Give(T[0]), Cue::Finish]);
        playing.started(0);
        assert_eq!(playing.deadline(), None);
        assert_eq!(cues(&mut playing, 1, 10), []);
        assert_eq!(playing.deadline(), Some(Duration::from_millis(15)));
        assert_eq!(cues(&mut playing, 1, 14), []);
        assert_eq!(cues(&mut playing, 1, 15), [Cue::Finish]);
        assert_eq!(playing.deadline(), None);
    }

    #[test]
    fn a_lane_that_died_keeps_nobody_waiting() {
        let gate = Gate::Ended(StepId { lane: 0, step: 1 });
        let after = Step { gates: vec![gate], ..Step::at_once(T[2]) };
        let script = Script { lanes: vec![Lane::of([T[0], T[1]]), Lane { steps: vec![after] }] };
        let mut playing = Playing::new(script);
        playing.ready(0);
        playing.ready(1);
        cues(&mut playing, 0, 0);
        playing.started(0);
        assert_eq!(cues(&mut playing, 1, 1), [Cue::Give(T[2])]);
        assert_eq!(playing.ended(0), Some(0));
        assert_eq!(playing.died(0), [T[1]]);
        assert_eq!(playing.died(0), []);
        assert_eq!(cues(&mut playing, 1, 2), [Cue::Finish]);
    }
}
