//! A test's story for programs. docs/history.md explains its keys: a change here is a change there.

use serde::Serialize;

use super::causes::{Moment, StoryCause};
use super::gather::{Story, StoryRun};
use crate::model::{Arm, NodeId, Offset, OutcomeKind, RunId, Suspect};
use crate::report::show::json::SCHEMA;
use crate::report::verdicts::json::{ShownVerdict, time};
use crate::stats::{Quantiles, Rate};

#[derive(Serialize)]
pub(super) struct Shown<'s> {
    schema: u32,
    test: &'s NodeId,
    executed: u64,
    failed: u64,
    infrastructure: u64,
    failure_rate: Option<Rate>,
    verdict: Option<ShownVerdict>,
    suspects: &'s [Suspect],
    duration_s: Option<Quantiles>,
    drift: Option<ShownDrift<'s>>,
    runs: Vec<ShownRun<'s>>,
    causes: Vec<ShownCause<'s>>,
    confirmations: Vec<ShownConfirmation<'s>>,
}

#[derive(Serialize)]
struct ShownDrift<'s> {
    run: &'s str,
    per_round_s: f64,
    p_value: f64,
}

#[derive(Serialize)]
struct ShownRun<'s> {
    run: &'s str,
    started: String,
    rounds: u64,
    executed: u64,
    failed: u64,
    infrastructure: u64,
}

#[derive(Serialize)]
struct ShownCause<'s> {
    outcome: OutcomeKind,
    exception: &'s str,
    path: Option<&'s str>,
    line: Option<u32>,
    failures: u64,
    first: ShownMoment<'s>,
    last: ShownMoment<'s>,
    example: Option<ShownFailure<'s>>,
}

#[derive(Serialize)]
struct ShownMoment<'s> {
    run: &'s str,
    round: u32,
    attempt: u32,
    time: String,
}

#[derive(Serialize)]
struct ShownFailure<'s> {
    message: &'s str,
    text: &'s str,
    sections: &'s [(String, String)],
}

#[derive(Serialize)]
struct ShownConfirmation<'s> {
    run: &'s str,
    by: Option<&'s str>,
    time: String,
    verdict: ShownVerdict,
    arms: &'s [Arm],
}

impl<'s> Shown<'s> {
    pub(super) fn new(story: &'s Story) -> Self {
        let sum = |of: fn(&StoryRun) -> u64| story.runs.iter().map(of).sum();
        let verdict = story.verdict.clone();
        Self {
            schema: SCHEMA,
            test: &story.nodeid,
            executed: sum(|it| it.executed),
            failed: sum(|it| it.failed),
            infrastructure: sum(|it| it.infrastructure),
            failure_rate: story.rate,
            verdict: verdict.map(|it| ShownVerdict::new(it, story.refuted, story.origin_us)),
            suspects: &story.suspects,
            duration_s: story.duration,
            drift: story.drift.as_ref().map(|(run, it)| ShownDrift {
                run: run.as_str(),
                per_round_s: it.per_round,
                p_value: it.p,
            }),
            runs: story.runs.iter().map(shown_run).collect(),
            causes: story.causes.iter().map(shown_cause).collect(),
            confirmations: story
                .confirmations
                .iter()
                .map(|(run, it)| ShownConfirmation {
                    run: run.as_str(),
                    by: it.by.as_ref().map(RunId::as_str),
                    time: time(it.at_us, Offset(0)).to_string(),
                    verdict: ShownVerdict::new(it.verdict.clone(), None, story.started_us(run)),
                    arms: &it.arms,
                })
                .collect(),
        }
    }
}

impl Story {
    /// When a run began; what it is not known of began in 1970.
    fn started_us(&self, run: &RunId) -> i64 {
        self.runs.iter().find(|it| it.run == *run).map_or(0, |it| it.started_us)
    }
}

fn shown_run(it: &StoryRun) -> ShownRun<'_> {
    ShownRun {
        run: it.run.as_str(),
        started: time(it.started_us, Offset(0)).to_string(),
        rounds: it.rounds,
        executed: it.executed,
        failed: it.failed,
        infrastructure: it.infrastructure,
    }
}

fn shown_cause(it: &StoryCause) -> ShownCause<'_> {
    let place = it.cause.location.as_ref();
    ShownCause {
        outcome: it.cause.outcome,
        exception: &it.cause.exception,
        path: place.map(|(path, _)| &**path),
        line: place.map(|(_, line)| *line),
        failures: it.failures,
        first: shown_moment(&it.first),
        last: shown_moment(&it.last),
        example: it.example.as_ref().map(|failure| ShownFailure {
            message: &failure.message,
            text: &failure.text,
            sections: &failure.sections,
        }),
    }
}

fn shown_moment(it: &Moment) -> ShownMoment<'_> {
    ShownMoment {
        run: it.run.as_str(),
        round: it.round.0,
        attempt: it.attempt.0,
        time: it.at.to_string(),
    }
}
