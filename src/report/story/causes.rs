//! A test's failures by what they have in common: the kind of exception and the place.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::model::{Attempt, Cause, Failure, Ran, Round, RunId, Schedule};
use crate::report::verdicts::json::time;

/// Failures that are one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoryCause {
    pub cause: Cause,
    /// How many executions and attempts, those while the server was away among them.
    pub failures: u64,
    pub first: Moment,
    pub last: Moment,
    /// The last of them in full, where it had a text.
    pub example: Option<Failure>,
}

/// Where and when an execution was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moment {
    pub run: RunId,
    pub round: Round,
    pub attempt: Attempt,
    /// When it began.
    pub at: jiff::Timestamp,
}

/// The causes of a test's failures, the most frequent first. `test` is its place in each run; the
/// oldest run comes first.
pub(super) fn causes(runs: &[(&Schedule, u32)]) -> Vec<StoryCause> {
    let mut found: Vec<StoryCause> = Vec::new();
    let mut places: HashMap<Cause, usize> = HashMap::new();
    for &(schedule, test) in runs {
        let Some(run) = &schedule.run else { continue };
        for ran in schedule.ran.iter().filter(|ran| ran.test == test) {
            let cause = ran.cause.and_then(|place| schedule.causes.get(place as usize));
            let Some(cause) = cause else { continue };
            let moment = moment(run, schedule.started_us, ran);
            let place = *places.entry(cause.clone()).or_insert(found.len());
            if let Some(known) = found.get_mut(place) {
                known.failures += 1;
                known.last = moment;
            } else {
                found.push(StoryCause {
                    cause: cause.clone(),
                    failures: 1,
                    first: moment.clone(),
                    last: moment,
                    example: None,
                });
            }
        }
    }
    found.sort_by_key(|it| Reverse(it.failures));
    found
}

fn moment(run: &RunId, started_us: i64, ran: &Ran) -> Moment {
    Moment {
        run: run.clone(),
        round: ran.round,
        attempt: ran.attempt,
        at: time(started_us, ran.start),
    }
}
