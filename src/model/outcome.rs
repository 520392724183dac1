//! How an execution ends: exactly one [`Outcome`].

use std::fmt;

use serde::Serialize;

/// How a planned execution (test × round × attempt) ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Ran and passed.
    Passed,
    /// The test's own code failed.
    Failed,
    /// Set-up or tear-down failed.
    Error,
    /// Skipped, by mark or from inside.
    Skipped,
    /// Failed, as its `xfail` mark expects.
    XFailed,
    /// Passed although its `xfail` mark expects a failure.
    XPassed,
    /// Ended by pnl because it took too long.
    TimedOut,
    /// Its worker died.
    Crashed(Crash),
    /// The run was interrupted while it ran.
    Interrupted,
    /// Planned, and without an outcome: never started, or never heard of again.
    NotRun(NotRun),
}

/// How a worker died under a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Crash {
    /// Ended by a signal, with its number.
    Signal(i32),
    /// Left with this exit status in the middle of a test.
    Exit(i32),
    /// Ended by the kernel, because memory ran out.
    OutOfMemory,
    /// Broke the protocol; says how.
    Protocol(String),
    /// Its end was seen and its status could not be had.
    Unknown,
}

/// Why a planned execution has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRun {
    /// The run was interrupted first.
    Interrupted,
    /// `--max-fail`, `--maxfail` or `-x` was reached.
    MaxFail,
    /// The server went away.
    ServerLost,
    /// `pytest.exit()`, `session.shouldstop` or `session.shouldfail`.
    Stopped,
    /// No worker could be had for it.
    NoWorker,
    /// It crashed its worker each time, too often to be run again.
    Poison,
    /// Nothing was reported of it, and nobody knows why.
    Unreported,
}

/// An [`Outcome`] without its details: the columns of every table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is explained at Outcome")]
pub enum OutcomeKind {
    Passed,
    Failed,
    Error,
    Skipped,
    #[serde(rename = "xfailed")]
    XFailed,
    #[serde(rename = "xpassed")]
    XPassed,
    TimedOut,
    Crashed,
    Interrupted,
    NotRun,
}

impl OutcomeKind {
    /// All kinds in the order of DESIGN's JSON totals. The position is the code in the history.
    pub const ALL: [Self; 10] = [
        Self::Passed,
        Self::Failed,
        Self::Error,
        Self::Skipped,
        Self::XFailed,
        Self::XPassed,
        Self::TimedOut,
        Self::Crashed,
        Self::Interrupted,
        Self::NotRun,
    ];

    /// The name in JSON and in the history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Skipped => "skipped",
            Self::XFailed => "xfailed",
            Self::XPassed => "xpassed",
            Self::TimedOut => "timed_out",
            Self::Crashed => "crashed",
            Self::Interrupted => "interrupted",
            Self::NotRun => "not_run",
        }
    }

    /// The name that people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::TimedOut => "timed out",
            Self::NotRun => "not run",
            Self::Passed
            | Self::Failed
            | Self::Error
            | Self::Skipped
            | Self::XFailed
            | Self::XPassed
            | Self::Crashed
            | Self::Interrupted => self.name(),
        }
    }

    /// Whether it makes the run exit with 1.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Error | Self::TimedOut | Self::Crashed)
    }

    /// Whether the test's body ran to a judgement, so that rates and durations may count it.
    #[must_use]
    pub fn ran(self) -> bool {
        match self {
            Self::Passed
            | Self::Failed
            | Self::Error
            | Self::XFailed
            | Self::XPassed
            | Self::TimedOut
            | Self::Crashed => true,
            Self::Skipped | Self::Interrupted | Self::NotRun => false,
        }
    }
}

impl Outcome {
    /// The column that this outcome counts in.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Passed => OutcomeKind::Passed,
            Self::Failed => OutcomeKind::Failed,
            Self::Error => OutcomeKind::Error,
            Self::Skipped => OutcomeKind::Skipped,
            Self::XFailed => OutcomeKind::XFailed,
            Self::XPassed => OutcomeKind::XPassed,
            Self::TimedOut => OutcomeKind::TimedOut,
            Self::Crashed(_) => OutcomeKind::Crashed,
            Self::Interrupted => OutcomeKind::Interrupted,
            Self::NotRun(_) => OutcomeKind::NotRun,
        }
    }

    /// What it knows beyond its kind: how a worker died, why a test did not run.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Crashed(crash) => Some(crash.to_string()),
            Self::NotRun(reason) => Some(reason.to_string()),
            Self::Passed
            | Self::Failed
            | Self::Error
            | Self::Skipped
            | Self::XFailed
            | Self::XPassed
            | Self::TimedOut
            | Self::Interrupted => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crashed(crash) => write!(f, "crashed ({crash})"),
            Self::NotRun(reason) => write!(f, "not run ({reason})"),
            Self::Passed
            | Self::Failed
            | Self::Error
            | Self::Skipped
            | Self::XFailed
            | Self::XPassed
            | Self::TimedOut
            | Self::Interrupted => f.write_str(self.kind().label()),
        }
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(number) => match signal_name(*number) {
                Some(name) => write!(f, "signal {number}, {name}"),
                None => write!(f, "signal {number}"),
            },
            Self::Exit(status) => write!(f, "exit status {status}"),
            Self::OutOfMemory => f.write_str("out of memory: ended by the kernel"),
            Self::Protocol(how) => write!(f, "protocol: {how}"),
            Self::Unknown => f.write_str("the worker vanished"),
        }
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted => "interrupted",
            Self::MaxFail => "stopped after the allowed number of failures",
            Self::ServerLost => "the server went away",
            Self::Stopped => "pytest was told to stop",
            Self::NoWorker => "no worker could be started",
            Self::Poison => "it crashed its worker too often",
            Self::Unreported => "no outcome of it was reported",
        })
    }
}

/// Names of the signals that end processes, by their Linux numbers (the first fifteen are the same
/// on every Unix).
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_kind_at_its_own_position() {
        for (position, kind) in OutcomeKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, position);
        }
    }

    #[test]
    fn crashes_name_their_signal() {
        assert_eq!(Outcome::Crashed(Crash::Signal(6)).to_string(), "crashed (signal 6, SIGABRT)");
        assert_eq!(Outcome::Crashed(Crash::Exit(3)).to_string(), "crashed (exit status 3)");
    }
}
