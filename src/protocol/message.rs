//! Messages. Field names are short where a message is sent for every test.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// From a pytest process to the controller.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "t", rename_all = "kebab-case")]
pub enum ToController {
    /// The first on every connection.
    Hello(Hello),
    /// A part of the list of collected tests, in order.
    Tests {
        /// The next tests.
        tests: Vec<TestRow>,
    },
    /// A part of the list of test files, which workers are to collect.
    Files {
        /// The next files.
        files: Vec<FileRow>,
    },
    /// A worker has collected a file; its tests came before, numbered on from those of files before.
    Collected {
        /// The file's position in the list.
        file: u32,
        /// How many tests were sent.
        count: u32,
        /// Microseconds that it took.
        took: u64,
        /// What could not be collected, as pytest prints it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        errors: Vec<String>,
    },
    /// The list is complete.
    Ready(Ready),
    /// The template has forked a worker.
    Forked {
        /// Its id.
        worker: String,
        /// Its process.
        pid: u32,
    },
    /// The template could not fork.
    ForkFailed {
        /// Whose id it would have been.
        worker: String,
        /// The system's words.
        why: String,
    },
    /// A forked worker's process has ended. One of the two is there.
    Gone {
        /// The process.
        pid: u32,
        /// Its exit status.
        exit: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
    /// A test begins.
    Start {
        /// Its position in the list that this process sent.
        i: u32,
        /// Microseconds on the monotonic clock.
        at: u64,
        /// On which worker: only from an observer.
        #[serde(default)]
        worker: String,
    },
    /// A test is over.
    Done(Box<Done>),
    /// The running test was interrupted and has no outcome of its own.
    Interrupted {
        /// Its position.
        i: u32,
        /// On which worker: only from an observer.
        #[serde(default)]
        worker: String,
    },
    /// The suite or a plugin wants the run to stop.
    Stop {
        /// Its words.
        message: String,
        /// The exit status that pytest would end with; none for `pytest.exit` without one.
        code: Option<i32>,
    },
    /// Something that the user should know.
    Notice {
        /// `info`, `warning` or `error`.
        level: String,
        /// What.
        text: String,
    },
    /// What pytest's session has to say at its end and pnl does not say itself.
    Summary {
        /// As for a terminal without colours.
        text: String,
    },
    /// The last message: tear-downs are over.
    Bye {
        /// What the worker used, if that was to be measured and can be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        used: Option<Used>,
    },
}

impl ToController {
    /// The message's name on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Tests { .. } => "tests",
            Self::Files { .. } => "files",
            Self::Collected { .. } => "collected",
            Self::Ready(_) => "ready",
            Self::Forked { .. } => "forked",
            Self::ForkFailed { .. } => "fork-failed",
            Self::Gone { .. } => "gone",
            Self::Start { .. } => "start",
            Self::Done(_) => "done",
            Self::Interrupted { .. } => "interrupted",
            Self::Stop { .. } => "stop",
            Self::Notice { .. } => "notice",
            Self::Summary { .. } => "summary",
            Self::Bye { .. } => "bye",
        }
    }

    /// Reads a frame's body. The two messages that come for every test are known by how their
    /// workers write them, which spares serde a copy of all fields until it has found the tag.
    pub fn read(body: &[u8]) -> serde_json::Result<Self> {
        if body.starts_with(br#"{"t":"start","#) {
            let Start { i, at, worker } = serde_json::from_slice(body)?;
            return Ok(Self::Start { i, at, worker });
        }
        if body.starts_with(br#"{"t":"done","#) {
            return serde_json::from_slice(body).map(|done| Self::Done(Box::new(done)));
        }
        serde_json::from_slice(body)
    }
}

#[derive(Deserialize)]
struct Start {
    i: u32,
    at: u64,
    #[serde(default)]
    worker: String,
}

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Hello {
    /// [`super::VERSION`] of the sender.
    pub v: u32,
    /// What it is.
    pub role: Role,
    /// The run's secret.
    pub token: String,
    /// The worker's id, or empty.
    pub worker: String,
    /// Its process.
    pub pid: u32,
    /// Python's version.
    pub python: String,
    /// pytest's version.
    pub pytest: String,
}

/// What a pytest process is to pnl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Collects once and forks workers.
    Template,
    /// Runs tests.
    Worker,
    /// Watches a pytest that runs by itself.
    Observer,
}

/// A collected test.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct TestRow {
    /// Node id.
    pub id: String,
    /// Line, counted from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// `xdist_group` marks, sorted and joined with `_`.
    #[serde(default)]
    pub group: Option<String>,
    /// The keyword arguments of its `pnl` marks, the closest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pnl: Vec<Map<String, Value>>,
}

/// A test file that was not imported yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct FileRow {
    /// Its node id.
    pub id: String,
    /// Bytes.
    pub size: u64,
}

/// Collection is over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Ready {
    /// How many tests were sent.
    pub count: u32,
    /// pytest's root folder, which node ids are relative to.
    pub rootdir: String,
    /// pytest's `--capture`.
    pub capture: String,
    /// pytest's `--maxfail`, 0 for none.
    pub maxfail: u32,
    /// Collection errors that `--continue-on-collection-errors` lets pass.
    pub collect_errors: u32,
    /// Threads that a fork would lose.
    pub threads: Vec<String>,
    /// How many files were sent, where workers are to collect them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u32>,
    /// Whether a file that cannot be collected keeps no other from running
    /// (`--continue-on-collection-errors`); only where workers collect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
    /// What needed all tests at once, where workers were to collect and do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_full: Option<String>,
    /// What xdist's options say, where one was given.
    #[serde(default)]
    pub xdist: XdistOptions,
    /// When this process came how far, where `PNL_SESSION` asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamps: Option<Box<Stamps>>,
}

/// When a pytest process came how far: microseconds on the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub struct Stamps {
    /// To pnl's package.
    pub imported: u64,
    /// Past it.
    pub loaded: u64,
    /// To collection.
    pub collecting: u64,
    /// Past it.
    pub collected: u64,
}

/// pytest-xdist's options, as pytest's own parser read them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct XdistOptions {
    /// From pytest's command line.
    #[serde(default)]
    pub typed: CountAndMode,
    /// From all sources: `addopts` and `PYTEST_ADDOPTS` too.
    #[serde(default)]
    pub configured: CountAndMode,
    /// What `auto` stands for, where the suite or the environment says so.
    #[serde(default)]
    pub auto: Option<usize>,
    /// `--maxprocesses`.
    #[serde(default)]
    pub maxprocesses: Option<usize>,
    /// `--max-worker-restart`.
    #[serde(default)]
    pub max_worker_restart: Option<u32>,
    /// `--maxschedchunk`.
    #[serde(default)]
    pub maxschedchunk: Option<usize>,
    /// `--no-loadscope-reorder` is `false`.
    #[serde(default)]
    pub loadscope_reorder: Option<bool>,
}

/// The two options for which pnl has its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct CountAndMode {
    /// `-n`.
    #[serde(default)]
    pub numprocesses: Option<Processes>,
    /// `--dist`, or `-d`.
    #[serde(default)]
    pub dist: Option<String>,
}

/// `-n`'s value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Processes {
    /// So many; 0 is no distribution.
    Exactly(usize),
    /// `auto` or `logical`, sent as `auto`.
    Auto(String),
}

/// A test's end.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Done {
    /// Its position.
    pub i: u32,
    /// When its set-up began: microseconds on the monotonic clock.
    pub start: u64,
    /// `passed`, `failed`, `error`, `skipped`, `xfailed`, `xpassed`, or `crashed` (only from an
    /// observer of xdist).
    pub outcome: String,
    /// Seconds of set-up, call and tear-down.
    pub phases: [f64; 3],
    /// There for failed, error and crashed.
    #[serde(default)]
    pub failure: Option<DoneFailure>,
    /// There for skipped and xfailed, where the suite gives one.
    #[serde(default)]
    pub reason: Option<String>,
    /// On which worker: only from an observer.
    #[serde(default)]
    pub worker: String,
}

/// What there is to read about a failure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct DoneFailure {
    /// One line.
    pub message: String,
    /// pytest's rendering.
    pub text: String,
    /// Captured streams, by pytest's titles.
    pub sections: Vec<(String, String)>,
    /// File, as pytest names it.
    #[serde(default)]
    pub path: Option<String>,
    /// Line, counted from 1.
    #[serde(default)]
    pub line: Option<u32>,
}

/// From the controller to a template or a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "kebab-case")]
pub enum ToWorker {
    /// To a template: fork a worker. Travels with the writing end of the worker's output, and
    /// with a second descriptor if `permits` says so.
    Fork(Fork),
    /// To a template whose files workers collect: fork a template that collects all of them, for the
    /// rounds to come.
    Branch,
    /// To a template: its branch was ordered this worker, of which there will be reports.
    ForkedByBranch(Fork),
    /// To a template: what the worker reported of this attempt does not stand, because another
    /// follows, or because it came after the test's time was up.
    Retried {
        /// Its position in the list.
        i: u32,
        /// On which worker.
        worker: String,
        /// In which round; a worker may be kept for several.
        round: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// To a template: a test has no reports, because its worker died or was ended.
    Lost {
        /// Its position in the list.
        i: u32,
        /// On which worker.
        worker: String,
        /// Its node id.
        nodeid: String,
        /// What happened, in a sentence.
        message: String,
    },
    /// To a template: end the session.
    Shutdown {
        /// The exit status, where it is not the tests that decide it.
        #[serde(default)]
        code: Option<u8>,
        /// Why the run ended.
        #[serde(default)]
        message: String,
        /// How many tests workers collected, where they did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        collected: Option<u32>,
    },
    /// Collect this file of the template's list and tell of its tests.
    Collect {
        /// Its position.
        file: u32,
    },
    /// Run these after what you have.
    Run {
        /// Positions in the list.
        tests: Vec<u32>,
        /// Those of them that are tried again, with the attempt's number, from 2 on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<(u32, u32)>,
    },
    /// Forget the last of what you have not started: their permits are taken.
    TakeBack {
        /// How many.
        count: usize,
    },
    /// Forget what you have not started.
    Drop,
    /// A new round begins; to a worker that is kept.
    Round {
        /// Its number.
        round: u32,
    },
    /// Nothing more comes in this round; keep session fixtures.
    Pause,
    /// Nothing more comes; tear down and leave when you are through.
    Finish,
}

/// What a worker used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// Seconds of CPUs that it used, or waited for because others had them.
    pub cpu: f64,
    /// Seconds that it did not wait for the controller.
    pub busy: f64,
    /// Bytes.
    pub memory: u64,
}

/// The order for a new worker.
#[expect(clippy::struct_excessive_bools, reason = "independent facts of an order")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// Its id.
    pub worker: String,
    /// Its place.
    pub slot: usize,
    /// How many there are.
    pub workers: usize,
    /// The round.
    pub round: u32,
    /// The run's id.
    pub run: String,
    /// Whether old temporary folders are to be removed.
    pub prune: bool,
    /// Whether a second descriptor comes along: the reading end of the worker's permits.
    pub permits: bool,
    /// Whether no round comes after this one.
    #[serde(default)]
    pub last: bool,
    /// Whether `retried` may come, so that it is not known at once which failures stand.
    #[serde(default)]
    pub retries: bool,
    /// Whether it is to say at its end what it used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub measure: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_for_every_test_is_read_in_any_order_of_fields() {
        let bodies = [
            r#"{"t":"start","i":7,"at":5}"#,
            r#"{"i":7,"worker":"gw1","at":5,"t":"start"}"#,
            r#"{"t":"done","i":7,"start":5,"outcome":"passed","phases":[0.000001,0.5,0.0]}"#,
            r#"{"start":5,"t":"done","i":7,"outcome":"skipped","phases":[0,0,0],"reason":"no"}"#,
        ];
        for body in bodies {
            let plain: ToController = serde_json::from_str(body).expect(body);
            assert_eq!(ToController::read(body.as_bytes()).expect(body), plain);
        }
        assert!(ToController::read(br#"{"t":"done","i":7}"#).is_err());
        assert!(ToController::read(br#"{"t":"start","i":-1,"at":5}"#).is_err());
    }
}
