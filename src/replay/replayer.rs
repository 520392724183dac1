//! Directs the engine through what was recorded.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::followed::Followed;
use super::part::Part;
use super::rounds::{Planned, planned};
use crate::engine::{Director, Performed};
use crate::model::{NodeId, Ran, Schedule, TestIndex, TestInfo};
use crate::scheduler::Script;

/// Plays a part of a schedule, round by round.
#[derive(Debug)]
pub struct Replayer {
    names: Vec<NodeId>,
    rounds: VecDeque<Vec<Ran>>,
    playing: Option<Planned>,
    followed: Followed,
}

impl Replayer {
    /// At its beginning.
    #[must_use]
    pub fn new(schedule: &Schedule, part: &Part) -> Self {
        let rounds: VecDeque<Vec<Ran>> = if schedule.is_isolated {
            part.rounds.iter().map(|&round| part.ran(schedule, round)).collect()
        } else {
            // What processes kept from round to round is what may matter: it is one long round.
            let all = part.rounds.iter().flat_map(|&round| part.ran(schedule, round));
            VecDeque::from([all.collect()])
        };
        let names = schedule.tests.clone();
        Self { names, rounds, playing: None, followed: Followed::default() }
    }

    /// How many rounds it has.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.len()
    }

    /// How the last round went too, when the engine has ended.
    #[must_use]
    pub fn followed(self) -> Followed {
        self.followed
    }

    fn count(&mut self, last: &[Performed]) {
        if let Some(planned) = self.playing.take() {
            self.followed.add(&planned, last, &self.names);
        }
    }
}

impl Director for Replayer {
    fn next(&mut self, tests: &[Arc<TestInfo>], last: &[Performed]) -> Option<Script> {
        self.count(last);
        let ran = self.rounds.pop_front()?;
        let mut places: HashMap<&NodeId, TestIndex> = HashMap::new();
        for test in tests {
            places.entry(&test.nodeid).or_insert(test.index);
        }
        let planned = planned(&ran, |test| places.get(&self.names[test as usize]).copied());
        let script = planned.script.clone();
        self.playing = Some(planned);
        Some(script)
    }
}
