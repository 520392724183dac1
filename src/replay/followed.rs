//! How far a replay followed its record.

use std::collections::BTreeSet;

use serde::Serialize;

use super::rounds::Planned;
use crate::engine::Performed;
use crate::model::{NodeId, Offset, OutcomeKind};

/// Sums over all rounds that were done again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// Rounds that were done again.
    pub rounds: usize,
    /// Executions of the record.
    pub recorded: usize,
    /// Of these, such as ran again, in the same order in as many processes.
    pub ran: usize,
    /// Executions whose tests are not there any more.
    pub missing: usize,
    /// Pairs of executions that had run at the same time.
    pub overlaps: usize,
    /// Of these, such as did so again.
    pub overlaps_again: usize,
    /// Pairs that ran at the same time now and had not.
    pub overlaps_new: usize,
    /// Executions that ended as they had.
    pub same_outcomes: usize,
    /// Tests that had failed: how often, and how often they failed again.
    pub failed: Vec<FailedAgain>,
    /// Tests that failed now where they had not.
    pub failed_anew: Vec<NodeId>,
}

/// A test that had failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedAgain {
    /// Which.
    pub nodeid: NodeId,
    /// How often in the part that was done again.
    pub then: usize,
    /// How often of these it failed again.
    pub now: usize,
}

/// A step's place, and from when to when it ran.
type Spell = ((usize, usize), Offset, Offset);

impl Followed {
    /// Adds a round.
    pub(super) fn add(&mut self, planned: &Planned, performed: &[Performed], names: &[NodeId]) {
        self.rounds += 1;
        self.missing += planned.missing;
        let recorded: Vec<Spell> = planned.recorded.iter().enumerate().flat_map(spells).collect();
        self.recorded += recorded.len() + planned.missing;
        self.ran += performed.len();
        let then = overlaps(&recorded);
        let spell = |it: &Performed| ((it.step.lane, it.step.step), it.start, it.end);
        let now = overlaps(&performed.iter().map(spell).collect::<Vec<_>>());
        self.overlaps += then.len();
        self.overlaps_again += then.intersection(&now).count();
        self.overlaps_new += now.difference(&then).count();
        for it in performed {
            let recorded = planned.recorded[it.step.lane][it.step.step];
            self.same_outcomes += usize::from(recorded.outcome == it.outcome);
            let name = &names[recorded.test as usize];
            self.compare(name, recorded.outcome, it.outcome);
        }
    }

    fn compare(&mut self, name: &NodeId, then: OutcomeKind, now: OutcomeKind) {
        if !then.is_failure() {
            if now.is_failure() && !self.failed_anew.contains(name) {
                self.failed_anew.push(name.clone());
            }
            return;
        }
        let again = usize::from(now.is_failure());
        match self.failed.iter_mut().find(|it| it.nodeid == *name) {
            Some(it) => (it.then, it.now) = (it.then + 1, it.now + again),
            None => self.failed.push(FailedAgain { nodeid: name.clone(), then: 1, now: again }),
        }
    }

    /// Whether a test that had failed failed again.
    #[must_use]
    pub fn failed_again(&self) -> bool {
        self.failed.iter().any(|it| it.now > 0)
    }
}

fn spells(
    (lane, steps): (usize, &Vec<crate::model::Ran>),
) -> impl Iterator<Item = Spell> + use<'_> {
    steps.iter().enumerate().map(move |(step, it)| ((lane, step), it.start, it.end))
}

/// Pairs of steps of different lanes that ran at the same time. Each lane's are one after the other,
/// so at any moment there are as many as lanes.
fn overlaps(spells: &[Spell]) -> BTreeSet<((usize, usize), (usize, usize))> {
    let mut by_start = spells.to_vec();
    by_start.sort_by_key(|it| it.1);
    let mut running: Vec<Spell> = Vec::new();
    let mut pairs = BTreeSet::new();
    for it in by_start {
        running.retain(|other| other.2 > it.1);
        for other in running.iter().filter(|other| other.0.0 != it.0.0) {
            pairs.insert((other.0.min(it.0), other.0.max(it.0)));
        }
        running.push(it);
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_other_lanes_at_the_same_time_overlaps() {
        let spell = |lane, step, start, end| ((lane, step), Offset(start), Offset(end));
        let spells =
            [spell(0, 0, 0, 10), spell(0, 1, 10, 30), spell(1, 0, 5, 10), spell(1, 1, 12, 13)];
        let expected = BTreeSet::from([((0, 0), (1, 0)), ((0, 1), (1, 1))]);
        assert_eq!(overlaps(&spells), expected);
    }

    #[test]
    fn failures_are_told_by_test() {
        let mut followed = Followed::default();
        let (a, b) = (NodeId::new("t.py::a"), NodeId::new("t.py::b"));
        followed.compare(&a, OutcomeKind::Failed, OutcomeKind::Passed);
        followed.compare(&a, OutcomeKind::Failed, OutcomeKind::Error);
        followed.compare(&b, OutcomeKind::Passed, OutcomeKind::Failed);
        assert_eq!(followed.failed, [FailedAgain { nodeid: a, then: 2, now: 1 }]);
        assert_eq!(followed.failed_anew, [b]);
        assert!(followed.failed_again());
    }
}
