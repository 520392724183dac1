//! Made-up runs for this module's tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{
    Attempt, Counts, Crash, DistMode, EngineKind, Event, Execution, ExitCode, Failure,
    Infrastructure, Isolation, NodeId, NotRun, Offset, Outcome, Phases, Purpose, Round, RoundEnded,
    RoundStarted, RunEnded, RunId, RunStarted, Server, Slot, StopReason, TestIndex, TestInfo, What,
    WorkerId,
};

/// How a made-up execution ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    Pass,
    Slow(f64),
    Fail(&'static str),
    /// Fails so, and passes when it is tried again.
    Flaky(&'static str),
    Crash,
    Skip,
    NotRun,
}

/// Builds the events of a run on two workers. Each round takes one second.
pub(crate) struct Story {
    events: Vec<Event>,
    tests: Arc<[Arc<TestInfo>]>,
    counts: Counts,
    flaky: u64,
    rounds: u32,
    now: u64,
}

pub(crate) fn run_started(rounds_planned: Option<u32>) -> RunStarted {
    RunStarted {
        run: RunId::new("20261123-142501-7f3a09"),
        purpose: Purpose::Tests,
        started_us: 1_795_357_501_000_000,
        scope: "e2e (tests/e2e)".to_owned(),
        command: vec!["pnl".to_owned(), "test".to_owned(), "e2e".to_owned()],
        root: PathBuf::from("/project"),
        engine: EngineKind::Fork,
        dist: DistMode::Pnl,
        isolation: Isolation::Round,
        workers: 2,
        workers_why: None,
        rounds_planned,
        until: None,
        server: Some(Server {
            url: "http://127.0.0.1:8000".to_owned(),
            from: "--base-url".to_owned(),
        }),
        python: PathBuf::from("/project/.venv/bin/python"),
        python_version: "3.11.7".to_owned(),
        python_from: "VIRTUAL_ENV".to_owned(),
        pytest_version: "8.3.3".to_owned(),
        seed: None,
        collection: None,
        template: None,
    }
}

impl Story {
    pub(crate) fn new(nodeids: &[&str], rounds_planned: Option<u32>) -> Self {
        let tests: Arc<[_]> = (0..).zip(nodeids).map(|(index, id)| test_info(index, id)).collect();
        let counts = Counts::default();
        let mut story =
            Self { events: Vec::new(), tests: tests.clone(), counts, flaky: 0, rounds: 0, now: 0 };
        story.push(None, None, What::RunStarted(Arc::new(run_started(rounds_planned))));
        story.push(
            None,
            None,
            What::Collected { tests, workers: 2, rootdir: Arc::from(Path::new("/project")) },
        );
        story
    }

    pub(crate) fn push(&mut self, round: Option<u32>, worker: Option<u32>, what: What) {
        let at = Offset(self.now);
        self.events.push(Event { at, round: round.map(Round), worker: worker.map(WorkerId), what });
    }

    /// A whole round; the endings are those of the tests in order.
    pub(crate) fn round(&mut self, endings: &[Ending]) {
        self.begin_round();
        let round = Some(self.rounds);
        let (mut counts, mut flaky) = (Counts::default(), 0);
        let started = self.now;
        for (position, &ending) in endings.iter().enumerate() {
            let worker = u32::try_from(position % 2).ok();
            self.now += 10_000;
            self.start(position);
            self.now += 10_000;
            let start = Offset(self.now - 10_000);
            let mut execution = execution(&self.tests[position], ending, start);
            if let Ending::Flaky(message) = ending {
                let failed =
                    super::sample::execution(&execution.test, Ending::Fail(message), start);
                self.push(round, worker, What::AttemptFailed(Box::new(failed)));
                execution.attempt = execution.attempt.next();
                flaky += 1;
            }
            counts.add(execution.outcome.kind());
            let worker = worker.filter(|_| execution.outcome.kind().ran());
            self.push(round, worker, What::TestEnded(Box::new(execution)));
        }
        self.now = started + 1_000_000;
        self.counts += counts;
        self.flaky += flaky;
        self.push(
            round,
            None,
            What::RoundEnded(RoundEnded { counts, flaky, elapsed: 1.0, left: None }),
        );
    }

    /// The test at this position.
    pub(crate) fn test(&self, position: usize) -> Arc<TestInfo> {
        self.tests[position].clone()
    }

    /// The beginning of a round, with its workers.
    pub(crate) fn begin_round(&mut self) {
        self.rounds += 1;
        let planned = self.tests.len() as u64;
        let round = Some(self.rounds);
        self.push(round, None, What::RoundStarted(RoundStarted { workers: 2, planned }));
        for slot in 0..2u32 {
            let what = What::WorkerStarted { slot: Slot(slot as usize), pid: 100 + slot };
            self.push(round, Some(slot), what);
        }
    }

    /// The test at this position begins.
    pub(crate) fn start(&mut self, position: usize) {
        let worker = u32::try_from(position % 2).ok();
        let what =
            What::TestStarted { test: self.tests[position].clone(), attempt: Attempt::FIRST };
        self.push(Some(self.rounds), worker, what);
    }

    pub(crate) fn end(&mut self) {
        let failures = self.counts.failures();
        self.end_because(StopReason::Completed, failures);
    }

    pub(crate) fn end_because(&mut self, reason: StopReason, failures: u64) {
        let exit: ExitCode = reason.exit_code(failures);
        let elapsed = self.now as f64 / 1e6;
        let ended = RunEnded {
            counts: self.counts,
            flaky: self.flaky,
            elapsed,
            rounds_run: self.rounds,
            reason,
            exit,
        };
        self.push(None, None, What::RunEnded(ended));
    }

    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }
}

fn test_info(index: u32, nodeid: &str) -> Arc<TestInfo> {
    let nodeid = NodeId::new(nodeid);
    Arc::new(TestInfo { index: TestIndex(index), nodeid, line: Some(10 + index), group: None })
}

fn execution(test: &Arc<TestInfo>, ending: Ending, start: Offset) -> Execution {
    let (outcome, call) = match ending {
        Ending::Pass | Ending::Flaky(_) => (Outcome::Passed, 0.01),
        Ending::Slow(seconds) => (Outcome::Passed, seconds),
        Ending::Fail(_) => (Outcome::Failed, 0.02),
        Ending::Crash => (Outcome::Crashed(Crash::Signal(6)), 0.03),
        Ending::Skip => (Outcome::Skipped, 0.0),
        Ending::NotRun => (Outcome::NotRun(NotRun::MaxFail), 0.0),
    };
    let failure = match ending {
        Ending::Fail(message) => Some(Arc::new(Failure {
            message: format!("AssertionError: {message}"),
            text: format!(
                "    def test():\n>       assert False\nE       AssertionError: {message}"
            ),
            sections: vec![("Captured stdout call".to_owned(), "hello\n".to_owned())],
            location: Some(("tests/test_a.py".to_owned(), 12)),
        })),
        Ending::Pass
        | Ending::Flaky(_)
        | Ending::Slow(_)
        | Ending::Crash
        | Ending::Skip
        | Ending::NotRun => None,
    };
    let reason = matches!(ending, Ending::Skip).then(|| "no browser".to_owned());
    let phases = Phases { setup: 0.0, call, teardown: 0.0 };
    let test = test.clone();
    Execution {
        test,
        attempt: Attempt::FIRST,
        outcome,
        start,
        phases,
        failure,
        reason,
        infrastructure: Infrastructure::default(),
    }
}
