//! A recorded round as a script.

use std::collections::HashMap;

use crate::model::{Ran, TestIndex};
use crate::scheduler::{Gate, Lane, Script, Step, StepId};

/// A round to play, and which execution each of its steps was.
#[derive(Debug, Clone, Default)]
pub(super) struct Planned {
    pub(super) script: Script,
    /// The executions that are played, by lane and step.
    pub(super) recorded: Vec<Vec<Ran>>,
    /// How many are left out, because their tests are there no more.
    pub(super) missing: usize,
}

/// The script of what `ran` in a round, by start. `index` knows the tests that are there now.
pub(super) fn planned(ran: &[Ran], index: impl Fn(u32) -> Option<TestIndex>) -> Planned {
    let mut lanes: HashMap<u32, usize> = HashMap::new();
    let mut played = Planned::default();
    for it in ran {
        let Some(test) = index(it.test) else {
            played.missing += 1;
            continue;
        };
        let next = lanes.len();
        let lane = *lanes.entry(it.process).or_insert(next);
        if lane == played.recorded.len() {
            played.recorded.push(Vec::new());
            played.script.lanes.push(Lane::default());
        }
        let gates = gates(&played.recorded, lane, *it);
        let steps = &mut played.script.lanes[lane].steps;
        steps.push(Step { gates, ..Step::at_once(test) });
        played.recorded[lane].push(*it);
    }
    played
}

/// What had begun and ended in other processes when `it` began: of each, the last step that had.
fn gates(recorded: &[Vec<Ran>], lane: usize, it: Ran) -> Vec<Gate> {
    let others = recorded.iter().enumerate().filter(|(other, _)| *other != lane);
    others
        .flat_map(|(lane, steps)| {
            let at = |step: usize| StepId { lane, step };
            let ended = steps.partition_point(|step| step.end <= it.start).checked_sub(1);
            // Those that are here already began before it.
            let begun = steps.len().checked_sub(1).filter(|&step| Some(step) != ended);
            [ended.map(|step| Gate::Ended(at(step))), begun.map(|step| Gate::Started(at(step)))]
        })
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attempt, Offset, OutcomeKind, Round};

    pub(in super::super) fn ran(test: u32, process: u32, start: u64, end: u64) -> Ran {
        Ran {
            test,
            round: Round(1),
            attempt: Attempt(1),
            process,
            start: Offset(start),
            end: Offset(end),
            outcome: OutcomeKind::Passed,
            cause: None,
            is_infrastructure: false,
        }
    }

    #[test]
    fn a_test_waits_for_what_had_begun_and_what_had_ended() {
        let record = [ran(0, 7, 0, 10), ran(1, 9, 2, 5), ran(2, 9, 6, 20), ran(3, 7, 11, 12)];
        let planned = planned(&record, |test| Some(TestIndex(test)));
        let at = |lane, step| StepId { lane, step };
        let gates = |lane: usize, step: usize| &planned.script.lanes[lane].steps[step].gates[..];
        assert_eq!(gates(0, 0), []);
        assert_eq!(gates(1, 0), [Gate::Started(at(0, 0))]);
        assert_eq!(gates(1, 1), [Gate::Started(at(0, 0))]);
        assert_eq!(gates(0, 1), [Gate::Ended(at(1, 0)), Gate::Started(at(1, 1))]);
    }

    #[test]
    fn what_is_gone_is_left_out_and_counted() {
        let record = [ran(0, 1, 0, 10), ran(1, 2, 2, 5)];
        let planned = planned(&record, |test| (test == 1).then_some(TestIndex(0)));
        assert_eq!((planned.missing, planned.script.lanes.len()), (1, 1));
        assert_eq!(planned.script.lanes[0].steps, [Step::at_once(TestIndex(0))]);
    }
}
