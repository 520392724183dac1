//! What a run's executions were and how they lay in time: what a diagnosis goes by.

use std::sync::Arc;

use super::ids::{Attempt, NodeId, Offset, Round, RunId};
use super::outcome::OutcomeKind;

/// A recorded run, as exactly as it was recorded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schedule {
    /// Its id, where it has one.
    pub run: Option<RunId>,
    /// Wall-clock time of its start, in microseconds since 1970 UTC.
    pub started_us: i64,
    /// The tests, in the order in which they were collected.
    pub tests: Vec<NodeId>,
    /// The rounds in their order.
    pub rounds: Vec<RoundSpan>,
    /// The executions and attempts that ran, by their start.
    pub ran: Vec<Ran>,
    /// Failures that say the same, by their place in this list.
    pub causes: Vec<Cause>,
    /// For each of them, the first line of the first failure's message: tests that fail at different
    /// places may say the same. Empty where nothing is known.
    pub says: Vec<Arc<str>>,
    /// Times in which the server under test did not answer.
    pub outages: Vec<Window>,
    /// What the state probe saw, in time.
    pub probes: Vec<Probe>,
    /// Whether each round had fresh processes.
    pub is_isolated: bool,
}

/// One round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundSpan {
    /// Which.
    pub round: Round,
    /// How many workers it had.
    pub workers: u32,
    /// When it began.
    pub start: Offset,
}

/// One execution or attempt that ran to a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// The test, as a place in [`Schedule::tests`].
    pub test: u32,
    /// In which round.
    pub round: Round,
    /// Which attempt.
    pub attempt: Attempt,
    /// The process: executions of the same number shared one. 0 where that is not known.
    pub process: u32,
    /// When set-up began.
    pub start: Offset,
    /// When tear-down was over.
    pub end: Offset,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Why it failed, as a place in [`Schedule::causes`].
    pub cause: Option<u32>,
    /// Whether it failed while the server under test was away, and so says nothing of the test.
    pub is_infrastructure: bool,
}

impl Ran {
    /// Whether the test failed here, and not only the server under test.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.outcome.is_failure() && !self.is_infrastructure
    }
}

/// What failures have in common that are one: the kind of exception and the place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cause {
    /// How it ended.
    pub outcome: OutcomeKind,
    /// The exception's name, or the first words of the message where there is none.
    pub exception: Arc<str>,
    /// File and line, where they are known.
    pub location: Option<(Arc<str>, u32)>,
}

impl Cause {
    /// Of a failure with this message, at this place.
    #[must_use]
    pub fn new(outcome: OutcomeKind, message: &str, location: Option<(Arc<str>, u32)>) -> Self {
        Self { outcome, exception: Arc::from(exception(message)), location }
    }
}

/// The exception's name at the beginning of a message, or as much of the message as has no digits
/// and quotes, in which equal failures may differ.
fn exception(message: &str) -> &str {
    let is_name = |it: &str| {
        !it.is_empty() && it.chars().all(|c| c.is_alphanumeric() || c == '.' || c == '_')
    };
    match message.split_once(':') {
        Some((name, _)) if is_name(name) => name,
        _ if is_name(message) => message,
        _ => message
            .split(|c: char| c.is_ascii_digit() || c == '\'' || c == '"')
            .next()
            .unwrap_or(""),
    }
}

/// A stretch of time within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub since: Offset,
    /// Its end.
    pub until: Offset,
}

/// What the state probe said once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// After which round, 0 for the question before the first; in which, where a test is named.
    pub round: Round,
    /// After which test, as a place in [`Schedule::tests`], where tests were probed one by one.
    pub test: Option<u32>,
    /// When.
    pub at: Offset,
    /// The output's hash; none where the probe failed.
    pub hash: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failures_kind_is_its_exception() {
        for (message, kind) in [
            ("AssertionError: assert 3 == 4", "AssertionError"),
            ("requests.exceptions.Timeout: x", "requests.exceptions.Timeout"),
            ("KeyError", "KeyError"),
            ("took 3.2 s: too long", "took "),
            ("", ""),
        ] {
            assert_eq!(exception(message), kind);
        }
    }
}
