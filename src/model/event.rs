//! The one vocabulary that joins engines and reporters.
//!
//! What every event shares (round, worker, time) is in the envelope [`Event`]; [`What`] has only
//! what is particular. A run's events come in this order: `RunStarted`, then `Collected` (for
//! engines that learn it later: inside the first round), then for each round `RoundStarted` …
//! `RoundEnded`, then `RunEnded`. Notices and worker events may come anywhere after `RunStarted`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::counts::Counts;
use super::exit::{ExitCode, StopReason};
use super::ids::{Attempt, Offset, Round, RunId, Slot, TestInfo, WorkerId};
use super::leak::Leak;
use super::modes::{DistMode, EngineKind, Isolation, Purpose};
use super::outcome::{Crash, Outcome};
use super::probe::StateProbed;
use super::usage::Usage;

/// Something that happened, with when and where.
#[derive(Debug, Clone)]
pub struct Event {
    /// When, since the run began.
    pub at: Offset,
    /// In which round, where it belongs to one.
    pub round: Option<Round>,
    /// On which worker, where it belongs to one.
    pub worker: Option<WorkerId>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum What {
    /// The first event of a run.
    RunStarted(Arc<RunStarted>),
    /// The list of tests is known. The number of workers may have shrunk to the number of tests.
    Collected {
        /// All tests of one round, in pytest's order.
        tests: Arc<[Arc<TestInfo>]>,
        /// How many workers each round has.
        workers: usize,
        /// The folder that node ids are relative to.
        rootdir: Arc<Path>,
    },
    /// Something the user should know that is no test's outcome.
    Notice {
        /// How serious.
        level: Level,
        /// One or more sentences, of pnl's own words.
        text: String,
    },
    /// Output of pytest's own that is to be shown whole: a collection error's report, or an
    /// internal error's traceback. Untrusted text.
    PytestOutput(String),
    /// A round begins.
    RoundStarted(RoundStarted),
    /// A worker is ready for tests.
    WorkerStarted {
        /// Its place.
        slot: Slot,
        /// Its process, 0 where the engine cannot know it.
        pid: u32,
    },
    /// A test begins on the envelope's worker.
    TestStarted {
        /// Which.
        test: Arc<TestInfo>,
        /// Which attempt.
        attempt: Attempt,
    },
    /// The envelope's worker has collected a file.
    FileCollected {
        /// Its node id.
        file: Arc<str>,
        /// How long that took, in seconds.
        elapsed: f64,
        /// How many tests there are in it.
        tests: usize,
        /// How many files nobody has collected yet.
        left: usize,
    },
    /// An execution has its outcome. Exactly one for each planned execution. The envelope has no
    /// worker where the test never started.
    TestEnded(Box<Execution>),
    /// An attempt failed and the test will be tried again: no planned execution's end.
    AttemptFailed(Box<Execution>),
    /// A test has been running for longer than `--slow` allows; said again when it has doubled.
    TestSlow {
        /// Which.
        test: Arc<TestInfo>,
        /// Seconds since it began.
        elapsed: f64,
    },
    /// One whole line that a worker wrote outside pytest's capture (`-s`). Untrusted text, without
    /// the line's end.
    OutputLine(String),
    /// The server under test was away: said when it answers again, or when the run ends for that.
    ServerAway(ServerAway),
    /// The state of the server under test was asked for, between two rounds or after a test.
    StateProbed(StateProbed),
    /// The envelope's worker says at its end what it used.
    WorkerUsed(Usage),
    /// A process that a test left behind on the envelope's worker was found and ended. The envelope
    /// has no worker where nobody can tell whose it was.
    ProcessLeaked(Leak),
    /// A worker is gone.
    WorkerEnded {
        /// Its place.
        slot: Slot,
        /// How it ended.
        how: WorkerEnd,
    },
    /// A round is over.
    RoundEnded(RoundEnded),
    /// The last event of a run.
    RunEnded(RunEnded),
}

/// What is known of a run when it begins.
#[derive(Debug, Clone)]
pub struct RunStarted {
    /// The run's id.
    pub run: RunId,
    /// Wall-clock time of the start, in microseconds since 1970 UTC.
    pub started_us: i64,
    /// What the user asked for, in a few words: `e2e (tests/e2e)`.
    pub scope: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The whole command line, for the history.
    pub command: Vec<String>,
    /// The project's folder.
    pub root: PathBuf,
    /// What runs the tests.
    pub engine: EngineKind,
    /// How they are dealt out.
    pub dist: DistMode,
    /// What workers keep between rounds.
    pub isolation: Isolation,
    /// How many workers were asked for.
    pub workers: usize,
    /// Why `auto` is not what it usually is, in a few words.
    pub workers_why: Option<String>,
    /// How many rounds are planned; `None` when a duration decides.
    pub rounds_planned: Option<u32>,
    /// What decides where it is no number, in a few words, where it is no duration either.
    pub until: Option<String>,
    /// The server that the tests are told of, and whether this run is known to need it.
    pub server: Option<Server>,
    /// The interpreter, as it is called.
    pub python: PathBuf,
    /// Its version: `3.11.7`.
    pub python_version: String,
    /// Which setting named the interpreter: `VIRTUAL_ENV`.
    pub python_from: String,
    /// pytest's version.
    pub pytest_version: String,
    /// Seed of a shuffled order.
    pub seed: Option<u64>,
    /// How the tests are collected, in a few words, where that is worth a word.
    pub collection: Option<String>,
    /// Where the template comes from, where it need not have been started for this run.
    pub template: Option<String>,
}

/// A server under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its base URL, without a trailing slash.
    pub url: String,
    /// Which setting named it: `--base-url`, `E2E_BASE_URL`, `default`.
    pub from: String,
}

/// A time in which the server under test did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAway {
    /// From the end of the first execution that it hit.
    pub since: Offset,
    /// Until it answered again; none if it did not.
    pub until: Option<Offset>,
    /// How it did not answer.
    pub why: String,
    /// How many executions failed meanwhile.
    pub hits: u64,
}

/// How serious a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is not as asked.
    Warning,
    /// Something failed that is no test.
    Error,
}

/// A round's beginning.
#[derive(Debug, Clone, Copy)]
pub struct RoundStarted {
    /// How many workers it has.
    pub workers: usize,
    /// How many executions are planned in it (`each` multiplies); 0 when not yet known.
    pub planned: u64,
}

/// A finished execution.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Which test.
    pub test: Arc<TestInfo>,
    /// Which attempt.
    pub attempt: Attempt,
    /// How it ended.
    pub outcome: Outcome,
    /// When its set-up began; the envelope's time for a test that never started.
    pub start: Offset,
    /// How long its phases took.
    pub phases: Phases,
    /// What there is to read about a failure, an error or a crash.
    pub failure: Option<Arc<Failure>>,
    /// Why it was skipped or expected to fail, in the suite's words.
    pub reason: Option<String>,
    /// Which attempts failed while the server under test was away.
    pub infrastructure: Infrastructure,
}

/// Failures that say nothing of the test, because the server under test was away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Infrastructure {
    /// Whether this attempt is one.
    pub this: bool,
    /// How many attempts before it are.
    pub before: u32,
}

impl Execution {
    /// Seconds from the beginning of set-up to the end of tear-down.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.phases.setup + self.phases.call + self.phases.teardown
    }

    /// Whether it failed before, with the server there, and did not when it was retried.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        self.attempt.0 > Attempt::FIRST.0 + self.infrastructure.before
            && self.outcome.kind().ran()
            && !self.outcome.kind().is_failure()
    }
}

/// Seconds that each phase took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[expect(missing_docs, reason = "pytest's names")]
pub struct Phases {
    pub setup: f64,
    pub call: f64,
    pub teardown: f64,
}

/// What there is to read about a failure. All of it is untrusted text: the suite's, not pnl's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// In one line: `AssertionError: assert 1 == 2`.
    pub message: String,
    /// pytest's own rendering, without colour.
    pub text: String,
    /// Captured output by pytest's names: `("Captured stdout call", "…")`. For a crash, the tail
    /// of what the worker wrote.
    pub sections: Vec<(String, String)>,
    /// Where it happened: file as pytest names it, and line counted from 1.
    pub location: Option<(String, u32)>,
}

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerEnd {
    /// As told.
    Finished,
    /// By itself, or killed from outside.
    Crashed(Crash),
    /// By pnl, because the run was stopped or its test took too long.
    Killed,
}

/// A round's end.
#[derive(Debug, Clone, Copy)]
pub struct RoundEnded {
    /// What became of its executions.
    pub counts: Counts,
    /// How many of them passed only when they were retried.
    pub flaky: u64,
    /// How long it took, in seconds.
    pub elapsed: f64,
    /// How many rounds are still needed to be sure of each test, where that ends the loop.
    pub left: Option<u32>,
}

/// A run's end.
#[derive(Debug, Clone)]
pub struct RunEnded {
    /// What became of all executions.
    pub counts: Counts,
    /// How many of them passed only when they were retried.
    pub flaky: u64,
    /// How long the run took, in seconds.
    pub elapsed: f64,
    /// How many rounds were begun.
    pub rounds_run: u32,
    /// Why it ended.
    pub reason: StopReason,
    /// What the process will exit with.
    pub exit: ExitCode,
}
