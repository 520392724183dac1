//! Runs for tests to record: real events, real writer, real database.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::{History, HistoryWriter, StoredRun};
use crate::model::{
    Attempt, Counts, DistMode, EngineKind, Event, Execution, ExitCode, Failure, Infrastructure,
    Isolation, NodeId, Offset, Outcome, Phases, Purpose, Round, RoundEnded, RoundStarted, RunEnded,
    RunId, RunStarted, Server, StopReason, TestIndex, TestInfo, What, WorkerId,
};

/// 2026-01-02 03:04:05 UTC.
pub(crate) const STARTED_US: i64 = 1_767_323_045_000_000;

/// A project's folder that goes when it is dropped.
pub(crate) struct Project(TempDir);

impl Project {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn root(&self) -> &std::path::Path {
        self.0.path()
    }

    /// A writer of a history that is well.
    pub(crate) fn writer(&self) -> HistoryWriter {
        let (writer, warning) = HistoryWriter::open(self.root()).expect("a history");
        assert!(warning.is_none(), "{warning:?}");
        writer
    }

    pub(crate) fn record(&self, events: &[Event]) {
        let writer = self.writer();
        for event in events {
            writer.record(&Arc::new(event.clone()));
        }
        assert!(writer.finish().expect("written").is_empty());
    }

    pub(crate) fn load(&self, run: &str) -> StoredRun {
        let history = History::open_read(self.root()).expect("a history");
        let record = history.find(Some(run)).expect("the run");
        history.load(record, 100).expect("read")
    }
}

pub(crate) fn started(run: &str) -> RunStarted {
    RunStarted {
        run: RunId::new(run),
        purpose: Purpose::Tests,
        started_us: STARTED_US,
        scope: "e2e (tests/e2e)".to_owned(),
        command: vec!["pnl".to_owned(), "test".to_owned(), "e2e".to_owned()],
        root: PathBuf::from("/project"),
        engine: EngineKind::Fork,
        dist: DistMode::Pnl,
        isolation: Isolation::Round,
        workers: 4,
        workers_why: None,
        rounds_planned: Some(3),
        until: None,
        server: Some(Server {
            url: "http://127.0.0.1:8000".to_owned(),
            from: "default".to_owned(),
        }),
        python: PathBuf::from("/project/.venv/bin/python"),
        python_version: "3.11.7".to_owned(),
        python_from: "VIRTUAL_ENV".to_owned(),
        pytest_version: "8.3.1".to_owned(),
        seed: Some(u64::MAX),
        collection: None,
        template: None,
    }
}

pub(crate) fn test(index: u32, nodeid: &str) -> Arc<TestInfo> {
    let index = TestIndex(index);
    Arc::new(TestInfo { index, nodeid: NodeId::new(nodeid), line: Some(7), group: None })
}

/// An execution of 1 + 20 + 3 milliseconds.
pub(crate) fn execution(test: &Arc<TestInfo>, outcome: Outcome) -> Execution {
    Execution {
        test: Arc::clone(test),
        attempt: Attempt::FIRST,
        outcome,
        start: Offset(1_000_000),
        phases: Phases { setup: 0.001, call: 0.020, teardown: 0.003 },
        failure: None,
        reason: None,
        infrastructure: Infrastructure::default(),
    }
}

pub(crate) fn failing(test: &Arc<TestInfo>, message: &str) -> Execution {
    let failure = Failure {
        message: message.to_owned(),
        text: format!("def test():\n>   raise\nE   {message}"),
        sections: vec![("Captured stdout call".to_owned(), "said\n".to_owned())],
        location: Some(("tests/test_a.py".to_owned(), 12)),
    };
    Execution { failure: Some(Arc::new(failure)), ..execution(test, Outcome::Failed) }
}

/// A run's events: begun by [`started`], then round after round, then the end.
pub(crate) struct Tape {
    pub(crate) events: Vec<Event>,
    counts: Counts,
    rounds: u32,
}

impl Tape {
    pub(crate) fn new(started: RunStarted) -> Self {
        let mut tape = Self { events: Vec::new(), counts: Counts::default(), rounds: 0 };
        tape.push(None, None, What::RunStarted(Arc::new(started)));
        tape
    }

    /// A whole round. The executions take turns on two workers, as [`Tape::round_on`] says which.
    pub(crate) fn round(self, executions: impl IntoIterator<Item = Execution>) -> Self {
        let workers = [0, 1].into_iter().cycle().map(|number| Some(WorkerId(number)));
        self.round_on(workers.zip(executions))
    }

    pub(crate) fn round_on(
        mut self,
        executions: impl IntoIterator<Item = (Option<WorkerId>, Execution)>,
    ) -> Self {
        self.rounds += 1;
        let round = Some(Round(self.rounds));
        let mut counts = Counts::default();
        self.push(round, None, What::RoundStarted(RoundStarted { workers: 2, planned: 0 }));
        for (worker, execution) in executions {
            counts.add(execution.outcome.kind());
            self.push(round, worker, What::TestEnded(Box::new(execution)));
        }
        self.counts += counts;
        self.push(
            round,
            None,
            What::RoundEnded(RoundEnded { counts, flaky: 0, elapsed: 0.5, left: None }),
        );
        self
    }

    pub(crate) fn end(mut self, reason: StopReason) -> Vec<Event> {
        let (counts, rounds_run) = (self.counts, self.rounds);
        let exit = reason.exit_code(counts.failures());
        let ended = RunEnded { counts, flaky: 0, elapsed: 1.5, rounds_run, reason, exit };
        self.push(None, None, What::RunEnded(ended));
        self.events
    }

    /// Ends as a run that had all its rounds.
    pub(crate) fn complete(self) -> Vec<Event> {
        self.end(StopReason::Completed)
    }

    pub(crate) fn push(&mut self, round: Option<Round>, worker: Option<WorkerId>, what: What) {
        // One event each millisecond.
        let at = Offset(self.events.len() as u64 * 1000);
        self.events.push(Event { at, round, worker, what });
    }
}

#[test]
fn exit_codes_follow_the_executions() {
    let it = test(0, "a.py::t");
    let events = Tape::new(started("r")).round([failing(&it, "no")]).complete();
    let Some(What::RunEnded(ended)) = events.last().map(|event| &event.what) else {
        panic!("a run ends");
    };
    assert_eq!(ended.exit, ExitCode::TestsFailed);
}
