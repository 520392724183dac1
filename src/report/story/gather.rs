//! What the history knows of one test.

use super::causes::{StoryCause, causes};
use crate::model::{
    Confirmation, NodeId, Offset, Round, RunId, Schedule, Suspect, Verdict, VerdictKind,
};
use crate::report::verdicts::{Read, Verdicts, read};
use crate::stats::{Drift, Quantiles, Rate, drift, failure_rate, quantiles};
use crate::store::{History, RunRecord, StoreError};

/// How many causes have an example.
const EXAMPLES: usize = 20;

/// One test over the stored runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    pub(super) nodeid: NodeId,
    /// Runs in which it ran, the newest first.
    pub(super) runs: Vec<StoryRun>,
    pub(super) rate: Option<Rate>,
    /// Seconds of executions that ran while the server was there.
    pub(super) duration: Option<Quantiles>,
    /// How long it takes from round to round, in the newest run in which that can be told.
    pub(super) drift: Option<(RunId, Drift)>,
    pub(super) verdict: Option<Verdict>,
    pub(super) suspects: Vec<Suspect>,
    /// What was thought before experiments found something else.
    pub(super) refuted: Option<VerdictKind>,
    /// What the verdict's window counts from.
    pub(super) origin_us: i64,
    /// The most frequent first.
    pub(super) causes: Vec<StoryCause>,
    /// With the run that was judged, the oldest first.
    pub(super) confirmations: Vec<(RunId, Confirmation)>,
}

/// What became of it in one run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoryRun {
    pub run: RunId,
    pub started_us: i64,
    pub rounds: u64,
    pub failed: u64,
    pub executed: u64,
    /// What failed while the server was away.
    pub infrastructure: u64,
}

/// Tells a test's story over these runs, the newest first. `None` where it ran in none of them.
pub fn tell(
    history: &History,
    nodeid: &NodeId,
    records: &[RunRecord],
) -> Result<Option<Story>, StoreError> {
    let Read { mut schedules, mut said, .. } = read(history, records)?;
    // Only runs in which it ran tell of it.
    schedules.retain(|schedule| place(schedule, nodeid).is_some());
    said.retain(|it| it.nodeid == *nodeid);
    let runs: Vec<(&Schedule, u32)> =
        schedules.iter().filter_map(|it| Some((it, place(it, nodeid)?))).collect();
    if runs.is_empty() {
        return Ok(None);
    }
    let verdicts = Verdicts::of(&schedules, said);
    let (verdict, suspects) = verdicts.of_test(nodeid).unzip();
    let mut story = Story {
        nodeid: nodeid.clone(),
        rate: verdicts.rate(nodeid),
        duration: quantiles(&seconds(&runs)),
        drift: runs.iter().rev().find_map(|it| Some((it.0.run.clone()?, moves(it.0, it.1)?))),
        verdict,
        suspects: suspects.unwrap_or_default().to_vec(),
        refuted: verdicts.refuted(nodeid),
        origin_us: verdicts.origin_us(),
        causes: causes(&runs),
        confirmations: confirmations(history, nodeid, records)?,
        runs: runs.iter().rev().filter_map(|it| story_run(it.0, it.1)).collect(),
    };
    let sum = |of: fn(&StoryRun) -> u64| story.runs.iter().map(of).sum();
    let counted = failure_rate(sum(|it| it.failed), sum(|it| it.executed));
    story.rate = story.rate.or(counted);
    for it in story.causes.iter_mut().take(EXAMPLES) {
        let record = records.iter().find(|record| record.run == it.last.run);
        if let Some(record) = record {
            it.example = history.failure(record, nodeid, it.last.round, it.last.attempt)?;
        }
    }
    Ok(Some(story))
}

fn place(schedule: &Schedule, nodeid: &NodeId) -> Option<u32> {
    schedule.tests.iter().position(|it| it == nodeid).map(|place| place as u32)
}

fn seconds(runs: &[(&Schedule, u32)]) -> Vec<f64> {
    runs.iter().flat_map(|&(schedule, test)| timed(schedule, test).map(|it| it.1)).collect()
}

/// Rounds and seconds of a test's executions.
fn timed(schedule: &Schedule, test: u32) -> impl Iterator<Item = (Round, f64)> + '_ {
    let ran = schedule.ran.iter().filter(move |it| it.test == test && !it.is_infrastructure);
    ran.map(|it| (it.round, Offset(it.end.0.saturating_sub(it.start.0)).seconds()))
}

fn moves(schedule: &Schedule, test: u32) -> Option<Drift> {
    let points: Vec<(f64, f64)> =
        timed(schedule, test).map(|(round, seconds)| (f64::from(round.0), seconds)).collect();
    drift(&points)
}

fn story_run(schedule: &Schedule, test: u32) -> Option<StoryRun> {
    let mut found = StoryRun {
        run: schedule.run.clone()?,
        started_us: schedule.started_us,
        rounds: schedule.rounds.len() as u64,
        failed: 0,
        executed: 0,
        infrastructure: 0,
    };
    for ran in schedule.ran.iter().filter(|ran| ran.test == test) {
        found.infrastructure += u64::from(ran.is_infrastructure);
        found.executed += u64::from(!ran.is_infrastructure);
        found.failed += u64::from(ran.failed());
    }
    Some(found)
}

fn confirmations(
    history: &History,
    nodeid: &NodeId,
    records: &[RunRecord],
) -> Result<Vec<(RunId, Confirmation)>, StoreError> {
    let mut found = Vec::new();
    for record in records {
        let said = history.confirmations(record)?.into_iter().filter(|it| it.nodeid == *nodeid);
        found.extend(said.map(|it| (record.run.clone(), it)));
    }
    found.sort_by_key(|(_, it)| it.at_us);
    Ok(found)
}
