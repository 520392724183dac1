//! From stored runs to a verdict for each of their tests.

use std::collections::HashMap;

use crate::diagnosis::judge;
use crate::model::{
    Confirmation, Judged, NodeId, Offset, Round, Schedule, Suspect, Verdict, VerdictKind,
};
use crate::report::text::{counted, percent};
use crate::stats::{Rate, failure_rate};
use crate::store::{History, RunRecord, StoreError};

/// What is thought of the tests of one run, or of several together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdicts {
    /// Wall-clock time that a verdict's window counts from, in microseconds since 1970 UTC.
    pub(super) origin_us: i64,
    /// How many runs were looked at.
    pub(super) runs: u64,
    /// How many rounds were looked at.
    pub(super) rounds: u64,
    /// How many older rounds were not, because there are too many executions.
    pub(super) left_out: u64,
    /// How many executions and attempts ran in them.
    pub(super) executions: u64,
    /// The tests that failed, in the order in which they were collected.
    pub(super) judged: Vec<Judged>,
    /// What was thought of tests of which experiments found something else.
    pub(super) refuted: HashMap<NodeId, VerdictKind>,
    /// Their places in `judged`.
    pub(super) places: HashMap<NodeId, usize>,
    /// All tests that ran.
    pub(super) tallies: HashMap<NodeId, Tally>,
}

/// How a test did, without what failed while the server was away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    failed: u64,
    executed: u64,
    infrastructure: u64,
    /// From when to when the server was away for it, since the first run began.
    away: Option<(Offset, Offset)>,
}

/// Of so many executions a diagnosis is made; of more, the newest rounds are taken. A million takes
/// four seconds where 20 of 1,000 tests fail now and then …
const EXECUTIONS: u64 = 1_000_000;

/// … and of more such tests than these, fewer are taken, by the square of their number: with 200,
/// 10,000 executions take five seconds beside other work, a million more than five minutes.
const FAILING: u64 = 20;

/// Runs of a project, read to be judged.
pub(in crate::report) struct Read {
    /// The oldest first.
    pub schedules: Vec<Schedule>,
    /// What experiments said; of several for one test, the last counts.
    pub said: Vec<Confirmation>,
    /// How many older rounds there was no room for.
    pub left_out: u64,
}

/// Reads runs of one project, the newest first, and judges their tests.
pub fn gather(history: &History, records: &[RunRecord]) -> Result<Verdicts, StoreError> {
    gather_at_most(EXECUTIONS, history, records)
}

pub(super) fn gather_at_most(
    room: u64,
    history: &History,
    records: &[RunRecord],
) -> Result<Verdicts, StoreError> {
    let Read { schedules, said, left_out } = read_at_most(room, history, records)?;
    Ok(Verdicts { left_out, ..Verdicts::of(&schedules, said) })
}

/// Reads runs of one project, the newest first.
pub(in crate::report) fn read(
    history: &History,
    records: &[RunRecord],
) -> Result<Read, StoreError> {
    read_at_most(EXECUTIONS, history, records)
}

/// The newest rounds of a run, as many as a diagnosis has room for, and how many older ones are left
/// out. Nothing where there is no room for any.
pub fn newest_rounds(
    history: &History,
    record: &RunRecord,
) -> Result<Option<(Schedule, u64)>, StoreError> {
    let Read { mut schedules, left_out, .. } = read(history, std::slice::from_ref(record))?;
    Ok(schedules.pop().map(|schedule| (schedule, left_out)))
}

fn read_at_most(
    mut room: u64,
    history: &History,
    records: &[RunRecord],
) -> Result<Read, StoreError> {
    let (mut schedules, mut said, mut left_out) = (Vec::new(), Vec::new(), 0);
    for record in records {
        let failing = history.flaky_tests(record)?.max(FAILING);
        room = room.min(EXECUTIONS * FAILING * FAILING / (failing * failing));
        let first = first_round(record, room);
        left_out += u64::from(first.0 - 1);
        if first.0 <= record.rounds_run {
            let schedule = history.schedule_since(record, first)?;
            room = room.saturating_sub(schedule.ran.len() as u64);
            schedules.push(schedule);
            said.extend(history.confirmations(record)?);
        }
    }
    schedules.reverse();
    // Whichever run it is about.
    said.sort_by_key(|it: &Confirmation| it.at_us);
    Ok(Read { schedules, said, left_out })
}

/// The first round from which on there is room for a run's executions; one after its last where
/// there is none for any.
fn first_round(record: &RunRecord, room: u64) -> Round {
    let (executed, rounds) = (record.counts.executed(), u64::from(record.rounds_run));
    if executed <= room {
        return Round::FIRST;
    }
    // Rounds of a loop are of nearly the same size.
    let fit = rounds * room / executed;
    Round((rounds - fit) as u32 + 1)
}

impl Verdicts {
    pub(in crate::report) fn of(schedules: &[Schedule], said: Vec<Confirmation>) -> Self {
        let rounds = schedules.iter().map(|it| it.rounds.len() as u64).sum();
        // One round tells how often a test failed in it, and nothing of why.
        let mut judged = if rounds > 1 { judge(schedules) } else { Vec::new() };
        let tallies = tallies(schedules);
        if rounds > 1 {
            judged.extend(only_away(&tallies));
        }
        let places = judged.iter().enumerate().map(|(at, it)| (it.nodeid.clone(), at)).collect();
        let mut verdicts = Self {
            origin_us: schedules.first().map_or(0, |it| it.started_us),
            runs: schedules.len() as u64,
            rounds,
            left_out: 0,
            executions: schedules.iter().map(|it| it.ran.len() as u64).sum(),
            judged,
            places,
            refuted: HashMap::new(),
            tallies,
        };
        for confirmation in said {
            verdicts.merge(confirmation);
        }
        verdicts
    }

    /// What experiments found takes the place of what was thought before. Where they decided
    /// nothing, that stays.
    pub(super) fn merge(&mut self, said: Confirmation) {
        if said.verdict.confirmed.is_none() {
            return;
        }
        if let Some(&place) = self.places.get(&said.nodeid) {
            let judged = &mut self.judged[place];
            for suspect in &mut judged.suspects {
                if said.verdict.culprits.contains(&suspect.nodeid) {
                    suspect.confirmed = Some(true);
                } else if judged.verdict.culprits.contains(&suspect.nodeid) {
                    suspect.confirmed = Some(false);
                }
            }
            if judged.verdict.kind != said.verdict.kind {
                self.refuted.insert(said.nodeid, judged.verdict.kind);
            }
            judged.verdict = said.verdict;
            return;
        }
        let tally = self.tallies.get(&said.nodeid).copied().unwrap_or_default();
        self.judged.push(tally.judged(said.nodeid, said.verdict));
    }

    /// Wall-clock time that windows count from, in microseconds since 1970 UTC.
    pub(in crate::report) fn origin_us(&self) -> i64 {
        self.origin_us
    }

    /// The failure rate of a test that is judged, with an interval that allows for executions that
    /// depend on each other in time.
    pub(in crate::report) fn rate(&self, nodeid: &NodeId) -> Option<Rate> {
        let (estimate, low, high) = self.judged[*self.places.get(nodeid)?].rate;
        Some(Rate { estimate, low, high })
    }

    /// Whether there is a verdict on a test that failed.
    pub(in crate::report) fn judges_any(&self) -> bool {
        !self.judged.is_empty()
    }

    /// How many tests ran and never failed, and how often the one ran that ran least.
    pub(super) fn never_failed(&self) -> Option<(usize, u64)> {
        let stable = |it: &&Tally| it.failed + it.infrastructure == 0 && it.executed > 0;
        let least = self.tallies.values().filter(stable).map(|it| it.executed).min()?;
        Some((self.tallies.values().filter(stable).count(), least))
    }

    /// What was thought of a test before experiments found something else.
    pub(in crate::report) fn refuted(&self, nodeid: &NodeId) -> Option<VerdictKind> {
        self.refuted.get(nodeid).copied()
    }

    /// What is thought of one test. `None` where nothing can be: it did not run, or only once.
    pub(in crate::report) fn of_test(&self, nodeid: &NodeId) -> Option<(Verdict, &[Suspect])> {
        if let Some(&place) = self.places.get(nodeid) {
            let judged = &self.judged[place];
            return Some((judged.verdict.clone(), &judged.suspects));
        }
        let tally = self.tallies.get(nodeid)?;
        let is_stable = self.rounds > 1 && tally.failed == 0 && tally.executed > 0;
        is_stable.then(|| (stable(tally.executed), &[][..]))
    }
}

impl Tally {
    fn judged(&self, nodeid: NodeId, verdict: Verdict) -> Judged {
        let rate = failure_rate(self.failed, self.executed);
        Judged {
            nodeid,
            failed: self.failed,
            executed: self.executed,
            infrastructure: self.infrastructure,
            rate: rate.map_or((0.0, 0.0, 1.0), |it| (it.estimate, it.low, it.high)),
            verdict,
            suspects: Vec::new(),
        }
    }

    fn hit(&mut self, since: Offset, until: Offset) {
        let (first, last) = self.away.unwrap_or((since, until));
        self.away = Some((first.min(since), last.max(until)));
    }
}

/// Tests that failed only while the server was away, which the diagnosis leaves out.
fn only_away(tallies: &HashMap<NodeId, Tally>) -> Vec<Judged> {
    let only_away = tallies.iter().filter(|(_, it)| it.failed == 0 && it.infrastructure > 0);
    let judged = only_away.map(|(nodeid, tally)| {
        let evidence = match tally.infrastructure {
            1 => "its only failure was hit while the server was away".to_owned(),
            hits => format!("all {hits} failures were hit while the server was away"),
        };
        let kind = VerdictKind::Infrastructure;
        let verdict = Verdict { window: tally.away, ..Verdict::of(kind, evidence) };
        tally.judged(nodeid.clone(), verdict)
    });
    let mut judged: Vec<Judged> = judged.collect();
    judged.sort_by(|left, right| left.nodeid.cmp(&right.nodeid));
    judged
}

fn tallies(schedules: &[Schedule]) -> HashMap<NodeId, Tally> {
    let mut all: HashMap<NodeId, Tally> = HashMap::new();
    for schedule in schedules {
        let origin_us = schedules[0].started_us;
        let later = u64::try_from(schedule.started_us - origin_us).unwrap_or(0);
        let mut tallies = vec![Tally::default(); schedule.tests.len()];
        for ran in &schedule.ran {
            let tally = &mut tallies[ran.test as usize];
            if ran.is_infrastructure {
                tally.infrastructure += 1;
                tally.hit(Offset(later + ran.start.0), Offset(later + ran.end.0));
                continue;
            }
            tally.executed += 1;
            tally.failed += u64::from(ran.failed());
        }
        for (nodeid, tally) in schedule.tests.iter().zip(tallies) {
            let sum = all.entry(nodeid.clone()).or_default();
            sum.failed += tally.failed;
            sum.executed += tally.executed;
            sum.infrastructure += tally.infrastructure;
            if let Some((since, until)) = tally.away {
                sum.hit(since, until);
            }
        }
    }
    all
}

/// The verdict on a test that never failed.
fn stable(executed: u64) -> Verdict {
    let high = percent(failure_rate(0, executed).map_or(1.0, |rate| rate.high));
    let executions = counted(executed, "execution");
    let evidence = format!("never failed in {executions}: fails less often than {high} (95%)");
    Verdict::of(VerdictKind::Stable, evidence)
}
