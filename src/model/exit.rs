//! Exit codes and the reasons for which a run stops.

use std::fmt;
use std::time::Duration;

/// The process's exit status. The numbers are pytest's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// All passed in every round.
    Ok,
    /// Something failed in some round.
    TestsFailed,
    /// Interrupted by the user, or collection failed (pytest's own meaning of 2).
    Interrupted,
    /// pnl or pytest failed internally.
    InternalError,
    /// Usage or configuration error, or a server that does not answer.
    Usage,
    /// No test was collected.
    NothingCollected,
    /// A code of pytest's or of the suite's own (`pytest.exit(returncode=…)`).
    Other(u8),
}

impl ExitCode {
    /// The number that the process exits with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::TestsFailed => 1,
            Self::Interrupted => 2,
            Self::InternalError => 3,
            Self::Usage => 4,
            Self::NothingCollected => 5,
            Self::Other(code) => code,
        }
    }

    /// Reads a status that pytest exited with.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Ok,
            1 => Self::TestsFailed,
            2 => Self::Interrupted,
            3 => Self::InternalError,
            4 => Self::Usage,
            5 => Self::NothingCollected,
            other => Self::Other(other),
        }
    }
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// All planned rounds ran.
    Completed,
    /// A round had failures and `--keep-going` was not given.
    FailedRound,
    /// So many failures were allowed, and were reached.
    MaxFail(u64),
    /// More workers crashed in a round than xdist's `--max-worker-restart` lets replace.
    WorkerLimit(u32),
    /// Ctrl-C, SIGTERM or SIGHUP.
    Interrupted,
    /// The whole run took longer than `--run-timeout` allows.
    RunTimeout(Duration),
    /// A process did not come to the end of a phase in its time; says which, and where it was.
    Stalled(String),
    /// The server at this URL went away.
    ServerLost(String),
    /// A test called `pytest.exit`, or a plugin asked pytest to stop; the words it gave, and its
    /// exit status where it named one.
    Stopped {
        /// What the suite said.
        message: String,
        /// `returncode` of `pytest.exit`.
        code: Option<u8>,
    },
    /// pytest could not collect the suite and ended with this status.
    CollectionFailed(ExitCode),
    /// Nothing was collected.
    NothingCollected,
    /// pnl or pytest failed internally; says how.
    Internal(String),
    /// Something the user gave cannot be used; found after the start.
    Usage(String),
}

impl StopReason {
    /// A word for JSON and for the history.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::FailedRound => "failed-round",
            Self::MaxFail(_) => "max-fail",
            Self::WorkerLimit(_) => "max-worker-restart",
            Self::Interrupted => "interrupted",
            Self::RunTimeout(_) => "run-timeout",
            Self::Stalled(_) => "stalled",
            Self::ServerLost(_) => "server-lost",
            Self::Stopped { .. } => "stopped",
            Self::CollectionFailed(_) => "collection-failed",
            Self::NothingCollected => "nothing-collected",
            Self::Internal(_) => "internal-error",
            Self::Usage(_) => "usage",
        }
    }

    /// Whether the tests' outcomes alone decide the exit code.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        match self {
            Self::Completed | Self::FailedRound | Self::MaxFail(_) | Self::WorkerLimit(_) => true,
            Self::Interrupted
            | Self::RunTimeout(_)
            | Self::Stalled(_)
            | Self::ServerLost(_)
            | Self::Stopped { .. }
            | Self::CollectionFailed(_)
            | Self::NothingCollected
            | Self::Internal(_)
            | Self::Usage(_) => false,
        }
    }

    /// The run's exit code, given whether any execution failed.
    #[must_use]
    pub fn exit_code(&self, failures: u64) -> ExitCode {
        let judged = if failures > 0 { ExitCode::TestsFailed } else { ExitCode::Ok };
        match self {
            Self::Completed | Self::FailedRound | Self::MaxFail(_) => judged,
            Self::WorkerLimit(_) | Self::RunTimeout(_) => ExitCode::TestsFailed,
            Self::Interrupted | Self::Stopped { code: None, .. } => ExitCode::Interrupted,
            Self::ServerLost(_) | Self::Usage(_) => ExitCode::Usage,
            Self::Stopped { code: Some(code), .. } => ExitCode::from_code(*code),
            Self::CollectionFailed(code) => *code,
            Self::NothingCollected => ExitCode::NothingCollected,
            Self::Internal(_) | Self::Stalled(_) => ExitCode::InternalError,
        }
    }
}

/// A sentence without its full stop, for the summary.
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("all planned rounds ran"),
            Self::FailedRound => f.write_str(
                "stopped after the first round with a failure (--keep-going runs the rest)",
            ),
            Self::MaxFail(1) => f.write_str("stopped after the first failure"),
            Self::MaxFail(limit) => write!(f, "stopped after {limit} failures"),
            Self::WorkerLimit(0) => {
                f.write_str("stopped: a worker crashed, and --max-worker-restart 0 replaces none")
            }
            Self::WorkerLimit(limit) => write!(
                f,
                "stopped: a worker crashed after {limit} had been replaced \
                 (--max-worker-restart {limit})"
            ),
            Self::Interrupted => f.write_str("interrupted"),
            Self::RunTimeout(limit) => {
                write!(
                    f,
                    "stopped after {} s, which is all that --run-timeout allows",
                    limit.as_secs_f64()
                )
            }
            Self::Stalled(what) => write!(f, "stalled: {what}"),
            Self::ServerLost(url) => write!(f, "the server at {url} stopped answering"),
            Self::Stopped { message, .. } => write!(f, "stopped by the suite: {message}"),
            Self::CollectionFailed(_) => f.write_str("pytest could not collect the suite"),
            Self::NothingCollected => f.write_str("nothing was collected"),
            Self::Internal(how) => write!(f, "internal error: {how}"),
            Self::Usage(what) => f.write_str(what),
        }
    }
}
