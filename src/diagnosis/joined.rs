//! Several runs of a suite, as one record.

use std::collections::HashMap;

use crate::model::{NodeId, Ran, Round, Schedule};

/// The runs, and their tests by node id.
pub(super) struct Joined<'r> {
    pub runs: &'r [Schedule],
    /// In the order of the first run that has them.
    pub tests: Vec<NodeId>,
    /// For each run, from its own places to those in `tests`.
    places: Vec<Vec<u32>>,
    pub tallies: Vec<Tally>,
}

/// A test's executions over all runs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub executed: u64,
    pub failed: u64,
    /// While the server was away; counted in neither of the others.
    pub infrastructure: u64,
    /// How long it usually takes where it passes, in microseconds.
    pub typical: u64,
    /// For how long of an execution its neighbours count, in microseconds.
    pub looked_at: u64,
}

impl<'r> Joined<'r> {
    pub(super) fn new(runs: &'r [Schedule]) -> Self {
        let mut known: HashMap<&NodeId, u32> = HashMap::new();
        let mut tests = Vec::new();
        let mut places = Vec::new();
        for run in runs {
            let of_run = run.tests.iter().map(|nodeid| {
                *known.entry(nodeid).or_insert_with(|| {
                    tests.push(nodeid.clone());
                    tests.len() as u32 - 1
                })
            });
            places.push(of_run.collect());
        }
        let mut joined = Self { runs, tallies: vec![Tally::default(); tests.len()], tests, places };
        joined.tally();
        joined
    }

    fn tally(&mut self) {
        for (run, schedule) in self.runs.iter().enumerate() {
            for ran in &schedule.ran {
                let tally = &mut self.tallies[self.places[run][ran.test as usize] as usize];
                if ran.is_infrastructure {
                    tally.infrastructure += u64::from(ran.outcome.is_failure());
                    continue;
                }
                tally.executed += 1;
                tally.failed += u64::from(ran.failed());
            }
        }
        self.measure();
    }

    /// Durations of the tests that failed.
    fn measure(&mut self) {
        let mut durations: Vec<[Vec<u64>; 2]> = vec![Default::default(); self.tests.len()];
        for (run, schedule) in self.runs.iter().enumerate() {
            for ran in schedule.ran.iter().filter(|ran| !ran.is_infrastructure) {
                let test = self.places[run][ran.test as usize] as usize;
                if self.tallies[test].failed > 0 {
                    let took = ran.end.0.saturating_sub(ran.start.0);
                    durations[test][usize::from(ran.failed())].push(took);
                }
            }
        }
        for (tally, [passed, failed]) in self.tallies.iter_mut().zip(&mut durations) {
            passed.sort_unstable();
            failed.sort_unstable();
            tally.typical = at_share(passed, 0.5).or_else(|| at_share(failed, 0.5)).unwrap_or(0);
            tally.looked_at = looked_at(passed, failed);
        }
    }

    /// How often a test failed of how many executions, round by round, in time.
    pub(super) fn by_round(&self, test: u32) -> Vec<(u64, u64)> {
        let mut rounds: Vec<((usize, Round), (u64, u64))> = Vec::new();
        for (run, schedule) in self.runs.iter().enumerate() {
            let own = schedule.ran.iter().filter(|ran| self.test(run, ran) == test);
            for ran in own.filter(|ran| !ran.is_infrastructure) {
                let round = (run, ran.round);
                if rounds.last().is_none_or(|it| it.0 != round) {
                    rounds.push((round, (0, 0)));
                }
                if let Some((_, (failed, executed))) = rounds.last_mut() {
                    *failed += u64::from(ran.failed());
                    *executed += 1;
                }
            }
        }
        rounds.into_iter().map(|it| it.1).collect()
    }

    /// The test of an execution, as a place in `tests`.
    pub(super) fn test(&self, run: usize, ran: &Ran) -> u32 {
        self.place(run, ran.test)
    }

    /// Where a run's own test stands in `tests`.
    pub(super) fn place(&self, run: usize, test: u32) -> u32 {
        self.places[run][test as usize]
    }
}

/// Who takes longer where it fails meets more for its being longer; that must not look like a reason.
/// No failure is looked at for longer than any pass took. Where failures take longer than all passes, as
/// time limits do, that is still longer than most passes took, and nothing is looked at for longer than
/// a short pass.
fn looked_at(passed: &[u64], failed: &[u64]) -> u64 {
    let Some(&longest) = passed.last() else { return u64::MAX };
    match at_share(failed, 0.5) {
        Some(usual) if usual > longest => at_share(passed, 0.25).unwrap_or(longest),
        _ => longest,
    }
}

fn at_share(sorted: &[u64], share: f64) -> Option<u64> {
    sorted.get(((sorted.len() as f64 - 1.0).max(0.0) * share) as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attempt, Offset, OutcomeKind};

    #[test]
    fn rounds_are_told_apart_in_each_run_and_what_the_server_spoiled_is_left_out() {
        let ran = |test, round, outcome, is_infrastructure| Ran {
            test,
            round: Round(round),
            attempt: Attempt::FIRST,
            process: 1,
            start: Offset(0),
            end: Offset(1),
            outcome,
            cause: None,
            is_infrastructure,
        };
        let (passed, failed) = (OutcomeKind::Passed, OutcomeKind::Failed);
        let tests = vec![NodeId::new("a"), NodeId::new("b")];
        let first = vec![
            ran(0, 1, failed, false),
            ran(1, 1, failed, false),
            ran(0, 1, passed, false),
            ran(0, 2, passed, false),
            ran(0, 3, failed, true),
        ];
        let second = vec![ran(0, 2, failed, false)];
        let runs = [first, second].map(|ran| Schedule {
            tests: tests.clone(),
            ran,
            ..Schedule::default()
        });
        assert_eq!(Joined::new(&runs).by_round(0), [(1, 2), (0, 1), (1, 1)]);
    }
}
