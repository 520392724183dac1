//! What one run says of each test.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::model::{Counts, Event, Execution, NodeId, Outcome, OutcomeKind, Round, RunEnded, What};
use crate::report::Reporter;

/// One execution's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// In which round.
    pub round: Round,
    /// How it ended.
    pub outcome: Outcome,
    /// What there is to say about it, in one line of the suite's. Untrusted text.
    pub message: Option<String>,
}

impl Seen {
    /// Whether there is an outcome to compare.
    #[must_use]
    pub fn was_executed(&self) -> bool {
        self.outcome.kind() != OutcomeKind::NotRun
    }
}

/// A reporter that keeps what a comparison needs.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The folder that node ids are relative to.
    pub rootdir: Option<Arc<Path>>,
    /// How many tests were collected.
    pub collected: usize,
    /// How many workers there were.
    pub workers: usize,
    /// How often each test is planned in a round: more than once with `--dist each`.
    pub copies: usize,
    /// The executions of each test, in the order in which they ended.
    pub tests: BTreeMap<NodeId, Vec<Seen>>,
    /// The run's sums.
    pub counts: Counts,
    /// How long the run took, in seconds.
    pub elapsed: f64,
    /// What pytest printed of a failed collection. Untrusted text.
    pub output: String,
}

impl Reporter for Gathered {
    fn event(&mut self, event: &Arc<Event>) {
        match &event.what {
            What::Collected { tests, workers, rootdir } => {
                self.rootdir = Some(rootdir.clone());
                self.collected = tests.len();
                self.workers = *workers;
            }
            What::RoundStarted(started) if self.collected > 0 => {
                self.copies = (started.planned as usize / self.collected).max(1);
            }
            What::TestEnded(execution) => self.execution(event.round, execution),
            What::PytestOutput(text) => self.output.push_str(text),
            What::RunEnded(RunEnded { counts, elapsed, .. }) => {
                self.counts = *counts;
                self.elapsed = *elapsed;
            }
            _ => {}
        }
    }
}

impl Gathered {
    fn execution(&mut self, round: Option<Round>, execution: &Execution) {
        let Execution { test, outcome, failure, reason, .. } = execution;
        let message = match failure {
            Some(failure) => Some(failure.message.clone()),
            None => reason.clone().or_else(|| outcome.detail()),
        };
        let seen = Seen {
            round: round.unwrap_or(Round::FIRST),
            outcome: outcome.clone(),
            message: message.filter(|_| *outcome != Outcome::Passed),
        };
        self.tests.entry(test.nodeid.clone()).or_default().push(seen);
    }
}
