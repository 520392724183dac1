//! What each event is as JSON.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::model::{
    Attempt, Counts, Event, Execution, Failure, Leak, Level, NodeId, Offset, OutcomeKind, Round,
    RunEnded, RunStarted, Slot, StopReason, TestIndex, TestInfo, What, WorkerEnd, WorkerId,
};

/// The format's version: `"v"` of every line.
const VERSION: u32 = 1;

/// An event as it is written.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    v: u32,
    event: &'static str,
    at: f64,
    round: Option<Round>,
    worker: Option<WorkerId>,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    RunStarted(Box<RunStartedBody<'a>>),
    Collected {
        tests: &'a [Arc<TestInfo>],
        workers: usize,
        rootdir: &'a Path,
    },
    Notice {
        level: &'static str,
        text: &'a str,
    },
    Text {
        text: &'a str,
    },
    RoundStarted {
        workers: usize,
        planned: u64,
    },
    WorkerStarted {
        slot: Slot,
        pid: u32,
    },
    TestStarted {
        nodeid: &'a NodeId,
        index: TestIndex,
        attempt: Attempt,
    },
    TestEnded(Box<TestEndedBody<'a>>),
    FileCollected {
        file: &'a str,
        elapsed_s: f64,
        tests: usize,
        left: usize,
    },
    ServerAway {
        since: f64,
        until: Option<f64>,
        why: &'a str,
        hits: u64,
    },
    StateProbed {
        after_round: Option<Round>,
        nodeid: Option<&'a NodeId>,
        index: Option<TestIndex>,
        hash: Option<&'a str>,
        error: Option<&'a str>,
    },
    WorkerUsed {
        cpu_s: f64,
        busy_s: f64,
        memory: u64,
    },
    TestSlow {
        nodeid: &'a NodeId,
        index: TestIndex,
        elapsed_s: f64,
    },
    ProcessLeaked(LeakBody<'a>),
    WorkerEnded {
        slot: Slot,
        how: &'static str,
        detail: Option<String>,
    },
    RoundEnded {
        totals: Counts,
        flaky: u64,
        elapsed_s: f64,
        rounds_left: Option<u32>,
    },
    RunEnded(RunEndedBody<'a>),
}

#[derive(Serialize)]
struct RunStartedBody<'a> {
    run: &'a str,
    started: String,
    scope: &'a str,
    command: &'a [String],
    root: String,
    engine: &'static str,
    dist: &'static str,
    isolation: &'static str,
    workers: usize,
    workers_why: Option<&'a str>,
    rounds_planned: Option<u32>,
    base_url: Option<&'a str>,
    base_url_from: Option<&'a str>,
    python: String,
    python_version: &'a str,
    python_from: &'a str,
    pytest_version: &'a str,
    seed: Option<u64>,
    collection: Option<&'a str>,
    template: Option<&'a str>,
}

#[derive(Serialize)]
struct LeakBody<'a> {
    pid: u32,
    command: &'a str,
    age_s: f64,
    processes: usize,
    nodeid: Option<&'a NodeId>,
}

impl<'a> LeakBody<'a> {
    fn of(leak: &'a Leak) -> Self {
        let Leak { pid, command, age, processes, test } = leak;
        Self { pid: *pid, command, age_s: *age, processes: *processes, nodeid: test.as_ref() }
    }
}

#[derive(Serialize)]
struct TestEndedBody<'a> {
    nodeid: &'a NodeId,
    index: TestIndex,
    attempt: Attempt,
    outcome: OutcomeKind,
    detail: Option<String>,
    start: f64,
    duration_s: Durations,
    failure: Option<FailureBody<'a>>,
    reason: Option<&'a str>,
    infrastructure: bool,
}

#[derive(Serialize)]
struct Durations {
    setup: f64,
    call: f64,
    teardown: f64,
    total: f64,
}

#[derive(Serialize)]
struct FailureBody<'a> {
    message: &'a str,
    text: &'a str,
    sections: Vec<Section<'a>>,
    file: Option<&'a str>,
    line: Option<u32>,
}

#[derive(Serialize)]
struct Section<'a> {
    name: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct RunEndedBody<'a> {
    totals: &'a Counts,
    flaky: u64,
    elapsed_s: f64,
    rounds_run: u32,
    stop_reason: &'static str,
    stop_message: String,
    exit_code: u8,
}

impl<'a> Line<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        let (name, body) = Body::of(&event.what);
        let at = event.at.seconds();
        Self { v: VERSION, event: name, at, round: event.round, worker: event.worker, body }
    }
}

impl<'a> Body<'a> {
    fn of(what: &'a What) -> (&'static str, Self) {
        match what {
            What::RunStarted(run) => {
                ("run-started", Self::RunStarted(Box::new(RunStartedBody::of(run))))
            }
            What::Collected { tests, workers, rootdir } => {
                ("collected", Self::Collected { tests, workers: *workers, rootdir })
            }
            What::Notice { level, text } => {
                ("notice", Self::Notice { level: level_name(*level), text })
            }
            What::PytestOutput(text) => ("pytest-output", Self::Text { text }),
            What::RoundStarted(it) => {
                ("round-started", Self::RoundStarted { workers: it.workers, planned: it.planned })
            }
            What::WorkerStarted { slot, pid } => {
                ("worker-started", Self::WorkerStarted { slot: *slot, pid: *pid })
            }
            What::TestStarted { test, attempt } => {
                let (nodeid, index) = (&test.nodeid, test.index);
                ("test-started", Self::TestStarted { nodeid, index, attempt: *attempt })
            }
            What::TestEnded(it) => ("test-ended", Self::TestEnded(Box::new(TestEndedBody::of(it)))),
            What::AttemptFailed(it) => {
                ("attempt-failed", Self::TestEnded(Box::new(TestEndedBody::of(it))))
            }
            What::FileCollected { file, elapsed, tests, left } => {
                let (elapsed_s, tests, left) = (*elapsed, *tests, *left);
                ("file-collected", Self::FileCollected { file, elapsed_s, tests, left })
            }
            What::ServerAway(it) => {
                let (since, until) = (it.since.seconds(), it.until.map(Offset::seconds));
                ("server-away", Self::ServerAway { since, until, why: &it.why, hits: it.hits })
            }
            What::StateProbed(it) => {
                let (test, after_round) = (it.test.as_deref(), it.round);
                let (nodeid, index) = (test.map(|it| &it.nodeid), test.map(|it| it.index));
                let hash = it.answer.as_deref().ok();
                let error = it.answer.as_ref().err().map(String::as_str);
                let body = Self::StateProbed { after_round, nodeid, index, hash, error };
                ("state-probed", body)
            }
            What::WorkerUsed(it) => {
                let (cpu_s, busy_s, memory) = (it.cpu, it.busy, it.memory);
                ("worker-used", Self::WorkerUsed { cpu_s, busy_s, memory })
            }
            What::TestSlow { test, elapsed } => {
                let (nodeid, index) = (&test.nodeid, test.index);
                ("test-slow", Self::TestSlow { nodeid, index, elapsed_s: *elapsed })
            }
            What::OutputLine(text) => ("output-line", Self::Text { text }),
            What::ProcessLeaked(leak) => {
                ("process-leaked", Self::ProcessLeaked(LeakBody::of(leak)))
            }
            What::WorkerEnded { slot, how } => ("worker-ended", Self::worker_ended(*slot, how)),
            What::RoundEnded(it) => {
                let (totals, flaky, elapsed_s) = (it.counts, it.flaky, it.elapsed);
                let rounds_left = it.left;
                ("round-ended", Self::RoundEnded { totals, flaky, elapsed_s, rounds_left })
            }
            What::RunEnded(it) => ("run-ended", Self::RunEnded(RunEndedBody::of(it))),
        }
    }

    fn worker_ended(slot: Slot, how: &WorkerEnd) -> Self {
        let (how, detail) = match how {
            WorkerEnd::Finished => ("finished", None),
            WorkerEnd::Crashed(crash) => ("crashed", Some(crash.to_string())),
            WorkerEnd::Killed => ("killed", None),
        };
        Self::WorkerEnded { slot, how, detail }
    }
}

impl<'a> RunStartedBody<'a> {
    fn of(run: &'a RunStarted) -> Self {
        let started = jiff::Timestamp::from_microsecond(run.started_us).unwrap_or_default();
        Self {
            run: run.run.as_str(),
            started: started.to_string(),
            scope: &run.scope,
            command: &run.command,
            root: run.root.to_string_lossy().into_owned(),
            engine: run.engine.name(),
            dist: run.dist.name(),
            isolation: run.isolation.name(),
            workers: run.workers,
            workers_why: run.workers_why.as_deref(),
            rounds_planned: run.rounds_planned,
            base_url: run.server.as_ref().map(|it| it.url.as_str()),
            base_url_from: run.server.as_ref().map(|it| it.from.as_str()),
            python: run.python.to_string_lossy().into_owned(),
            python_version: &run.python_version,
            python_from: &run.python_from,
            pytest_version: &run.pytest_version,
            seed: run.seed,
            collection: run.collection.as_deref(),
            template: run.template.as_deref(),
        }
    }
}

impl<'a> TestEndedBody<'a> {
    fn of(execution: &'a Execution) -> Self {
        let phases = execution.phases;
        let total = execution.seconds();
        Self {
            nodeid: &execution.test.nodeid,
            index: execution.test.index,
            attempt: execution.attempt,
            outcome: execution.outcome.kind(),
            detail: execution.outcome.detail(),
            start: execution.start.seconds(),
            duration_s: Durations {
                setup: phases.setup,
                call: phases.call,
                teardown: phases.teardown,
                total,
            },
            failure: execution.failure.as_deref().map(FailureBody::of),
            reason: execution.reason.as_deref(),
            infrastructure: execution.infrastructure.this,
        }
    }
}

impl<'a> FailureBody<'a> {
    fn of(failure: &'a Failure) -> Self {
        let location = failure.location.as_ref();
        Self {
            message: &failure.message,
            text: &failure.text,
            sections: failure.sections.iter().map(|(name, text)| Section { name, text }).collect(),
            file: location.map(|(file, _)| file.as_str()),
            line: location.map(|(_, line)| *line),
        }
    }
}

impl<'a> RunEndedBody<'a> {
    fn of(ended: &'a RunEnded) -> Self {
        let reason: &StopReason = &ended.reason;
        Self {
            totals: &ended.counts,
            flaky: ended.flaky,
            elapsed_s: ended.elapsed,
            rounds_run: ended.rounds_run,
            stop_reason: reason.name(),
            stop_message: reason.to_string(),
            exit_code: ended.exit.code(),
        }
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}
