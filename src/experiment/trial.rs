//! One trial: what runs together, each lane in a fresh process, and whose outcome is counted.

use std::time::Duration;

use crate::engine::Performed;
use crate::model::TestIndex;
use crate::scheduler::{Gate, Lane, Script, Step, StepId};

/// What runs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trial {
    /// A process each, with its tests in their order.
    pub lanes: Vec<Vec<Planned>>,
}

/// One test of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    /// Which.
    pub test: TestIndex,
    /// How long after the trial's beginning, or after the test before it.
    pub delay: Duration,
    /// Whether its outcome is the trial's.
    pub counts: bool,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// What counts has failed, or one of those that count.
    Failed,
    /// All that counts has passed.
    Passed,
    /// What counts did not run to a judgement.
    Nothing,
}

impl Planned {
    /// What is examined.
    pub fn victim(test: TestIndex) -> Self {
        Self { test, delay: Duration::ZERO, counts: true }
    }

    /// What is there for its effect.
    pub fn other(test: TestIndex) -> Self {
        Self { test, delay: Duration::ZERO, counts: false }
    }

    /// The same, later.
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl Trial {
    /// A test in a process of its own, and nothing beside it.
    pub fn alone(victim: TestIndex) -> Self {
        Self { lanes: vec![vec![Planned::victim(victim)]] }
    }

    /// A test after others in one process.
    pub fn after(before: &[TestIndex], victim: TestIndex) -> Self {
        let others = before.iter().map(|&test| Planned::other(test));
        Self { lanes: vec![others.chain([Planned::victim(victim)]).collect()] }
    }

    /// So many copies of it at the same time.
    pub fn copies(victim: TestIndex, count: u32) -> Self {
        Self { lanes: (0..count).map(|_| vec![Planned::victim(victim)]).collect() }
    }

    /// It and others at the same time, each in a process of its own.
    pub fn crowd(victim: TestIndex, others: &[TestIndex]) -> Self {
        let others = others.iter().map(|&test| vec![Planned::other(test)]);
        Self { lanes: others.chain([vec![Planned::victim(victim)]]).collect() }
    }

    /// It and others at the same time, in processes with some of them each.
    pub fn beside_lanes(victim: TestIndex, others: Vec<Vec<TestIndex>>) -> Self {
        let lane = |lane: Vec<TestIndex>| lane.into_iter().map(Planned::other).collect();
        let own = vec![Planned::victim(victim)];
        Self { lanes: others.into_iter().map(lane).chain([own]).collect() }
    }

    /// It several times in one process; the first time does not count.
    pub fn again(victim: TestIndex, times: u32) -> Self {
        let later = (1..times).map(|_| Planned::victim(victim));
        Self { lanes: vec![std::iter::once(Planned::other(victim)).chain(later).collect()] }
    }

    /// How many executions it costs.
    pub fn executions(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.len() as u64).sum()
    }
}

/// Trials one after the other, in one round: each begins when the one before it has ended.
pub(super) fn in_series(trials: &[Trial]) -> Script {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut before: Vec<Gate> = Vec::new();
    for trial in trials {
        let first = lanes.len();
        for planned in &trial.lanes {
            let step = |(at, planned): (usize, &Planned)| Step {
                test: planned.test,
                gates: if at == 0 { before.clone() } else { Vec::new() },
                delay: planned.delay,
            };
            lanes.push(Lane { steps: planned.iter().enumerate().map(step).collect() });
        }
        let last = |(at, lane): (usize, &Vec<Planned>)| {
            Gate::Ended(StepId { lane: first + at, step: lane.len() - 1 })
        };
        before = trial.lanes.iter().enumerate().map(last).collect();
    }
    Script { lanes }
}

/// How each of these trials ended. `is_meant` says, by the trial's place, whether a failure is one that
/// is looked for.
pub(super) fn seen(
    trials: &[Trial],
    performed: &[Performed],
    is_meant: impl Fn(usize, &Performed) -> bool,
) -> Vec<Seen> {
    let mut first = 0;
    let mut all = Vec::new();
    for (at, trial) in trials.iter().enumerate() {
        let counted = performed.iter().filter(|it| {
            let planned = it.step.lane.checked_sub(first).and_then(|lane| trial.lanes.get(lane));
            planned.and_then(|lane| lane.get(it.step.step)).is_some_and(|planned| planned.counts)
        });
        let ran: Vec<bool> = counted
            .filter(|it| it.outcome.ran())
            .map(|it| it.outcome.is_failure() && is_meant(at, it))
            .collect();
        all.push(match ran.iter().any(|&failed| failed) {
            true => Seen::Failed,
            false if ran.is_empty() => Seen::Nothing,
            false => Seen::Passed,
        });
        first += trial.lanes.len();
    }
    all
}
