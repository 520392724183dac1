//! What a run's events add up to. Pure: events in, figures out.
//!
//! The terminal and the GitHub summary both take their figures from here, and the words for totals
//! are [`Totals`]'s alone.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::model::{
    Counts, Event, Execution, Failure, Leak, Outcome, OutcomeKind, Round, RunEnded, RunStarted,
    ServerAway, TestIndex, TestInfo, What, WorkerId,
};

use super::rounds::Rounds;
use super::text::{self, counted};

/// Everything that has been counted so far.
#[derive(Debug, Default)]
pub struct Summary {
    run: Option<Arc<RunStarted>>,
    collected: Option<usize>,
    found: u64,
    files_left: usize,
    counts: Counts,
    rounds: Rounds,
    /// How many are still needed, in a loop that ends when it is sure.
    rounds_left: Option<u32>,
    tests: HashMap<TestIndex, TestFigures>,
    leaks: u64,
    leaked: Vec<(Option<WorkerId>, Leak)>,
    ended: Option<RunEnded>,
    away: Vec<ServerAway>,
}

/// How many leaks are kept of a loop that may have one in each round.
const LEAKS_KEPT: usize = 10;

/// One test's figures, over all rounds, attempts and workers.
#[derive(Debug, Clone)]
pub struct TestFigures {
    /// Which.
    pub test: Arc<TestInfo>,
    /// How its executions ended.
    pub counts: Counts,
    /// How many of them passed only when they were retried.
    pub retried: u64,
    /// Seconds of its longest execution that ran.
    pub longest: f64,
    /// How it failed first, be it in an attempt that was followed by another.
    pub failed: Option<FirstFailure>,
}

/// The first failure of a test.
#[derive(Debug, Clone)]
pub struct FirstFailure {
    /// How it ended.
    pub outcome: Outcome,
    /// What there is to read.
    pub failure: Option<Arc<Failure>>,
}

impl FirstFailure {
    /// In one line, as [`headline`].
    #[must_use]
    pub fn headline(&self) -> String {
        headline(&self.outcome, self.failure.as_deref())
    }
}

impl TestFigures {
    /// Whether it both passed and failed in this run.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        self.retried > 0 || self.counts.get(OutcomeKind::Passed) > 0 && self.counts.failures() > 0
    }

    fn note_failure(&mut self, execution: &Execution) {
        if execution.outcome.kind().is_failure() && self.failed.is_none() {
            let outcome = execution.outcome.clone();
            self.failed = Some(FirstFailure { outcome, failure: execution.failure.clone() });
        }
    }
}

impl Summary {
    /// Takes one event.
    pub fn event(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted(run) => self.run = Some(run.clone()),
            What::Collected { tests, .. } => self.collected = Some(tests.len()),
            What::FileCollected { tests, left, .. } => {
                self.found += *tests as u64;
                self.files_left = *left;
            }
            What::RoundStarted(started) => {
                let round = event.round.unwrap_or(Round::FIRST);
                self.rounds.begin(round, started.workers, started.planned);
            }
            What::TestEnded(execution) => self.execution(event.round, execution),
            What::AttemptFailed(execution) => self.figures(execution).note_failure(execution),
            What::RoundEnded(ended) => {
                self.rounds_left = ended.left;
                if let Some(round) = self.rounds.last_mut() {
                    round.counts = ended.counts;
                    round.elapsed = Some(ended.elapsed);
                }
            }
            What::ProcessLeaked(leak) => {
                self.leaks += 1;
                if self.leaked.len() < LEAKS_KEPT {
                    self.leaked.push((event.worker, leak.clone()));
                }
            }
            What::RunEnded(ended) => self.ended = Some(ended.clone()),
            What::ServerAway(away) => self.away.push(away.clone()),
            What::Notice { .. }
            | What::PytestOutput(_)
            | What::WorkerStarted { .. }
            | What::TestStarted { .. }
            | What::TestSlow { .. }
            | What::StateProbed(_)
            | What::WorkerUsed(_)
            | What::OutputLine(_)
            | What::WorkerEnded { .. } => {}
        }
    }

    fn execution(&mut self, round: Option<Round>, execution: &Execution) {
        let kind = execution.outcome.kind();
        self.counts.add(kind);
        if let Some(figures) = self.rounds.last_mut().filter(|it| round == Some(it.round)) {
            figures.counts.add(kind);
        }
        if kind == OutcomeKind::NotRun {
            // Nothing is known of it: a run that stops among 200,000 tests would keep 40 MB for that.
            return;
        }
        let test = self.figures(execution);
        test.counts.add(kind);
        test.retried += u64::from(execution.is_flaky());
        if kind.ran() {
            test.longest = test.longest.max(execution.seconds());
        }
        test.note_failure(execution);
    }

    fn figures(&mut self, execution: &Execution) -> &mut TestFigures {
        self.tests.entry(execution.test.index).or_insert_with(|| TestFigures {
            test: execution.test.clone(),
            counts: Counts::default(),
            retried: 0,
            longest: 0.0,
            failed: None,
        })
    }

    /// The first event of the run, once it has come.
    #[must_use]
    pub fn run(&self) -> Option<&Arc<RunStarted>> {
        self.run.as_ref()
    }

    /// When the server under test did not answer.
    #[must_use]
    pub fn away(&self) -> &[ServerAway] {
        &self.away
    }

    /// The last event of the run, once it has come.
    #[must_use]
    pub fn ended(&self) -> Option<&RunEnded> {
        self.ended.as_ref()
    }

    /// What became of all executions so far; in the end, the engine's own count.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.ended.as_ref().map_or(self.counts, |ended| ended.counts)
    }

    /// All rounds begun.
    #[must_use]
    pub fn rounds(&self) -> &Rounds {
        &self.rounds
    }

    /// Whether more than one round was asked for or run.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        let planned_more = self.run.as_ref().is_some_and(|run| run.rounds_planned != Some(1));
        planned_more || self.rounds.begun() > 1
    }

    /// How many executions the run has, with rounds to come; `None` where nobody can know, as in
    /// loops by duration.
    #[must_use]
    pub fn planned(&self) -> Option<u64> {
        let latest = self.planned_in_latest_round()?;
        let begun = self.rounds.executions();
        let rounds_begun = u32::try_from(self.rounds.begun()).ok()?;
        let to_come = match self.run.as_ref()?.rounds_planned {
            Some(planned) => planned.saturating_sub(rounds_begun),
            // The round that runs is one of those that were still needed.
            None => self.rounds_left?.saturating_sub(u32::from(self.is_in_round())),
        };
        // The current round may not have known its plan when it began.
        let unknown = self.rounds.last().filter(|it| it.planned == 0 && it.elapsed.is_none());
        let missing = unknown.map_or(0, |it| latest.saturating_sub(it.counts.total()));
        Some(begun + missing + u64::from(to_come) * latest)
    }

    /// How many rounds there will be, as far as is known of a loop that ends when it is sure.
    #[must_use]
    pub fn rounds_expected(&self) -> Option<u64> {
        let left = u64::from(self.rounds_left?);
        Some(self.rounds.begun() + left - u64::from(self.is_in_round()).min(left))
    }

    fn is_in_round(&self) -> bool {
        self.rounds.last().is_some_and(|it| it.elapsed.is_none())
    }

    /// How many tests were found so far, and in how many files nobody has looked yet; `None` where
    /// all are known.
    #[must_use]
    pub fn found_so_far(&self) -> Option<(u64, usize)> {
        (self.files_left > 0).then_some((self.found, self.files_left))
    }

    /// How many executions the round that runs, or ran last, has.
    #[must_use]
    pub fn planned_in_latest_round(&self) -> Option<u64> {
        let known = self.rounds.last().map(|round| round.planned).filter(|&planned| planned > 0);
        known.or_else(|| self.collected.map(|count| count as u64))
    }

    /// Tests that passed only when they were retried, in pytest's order. Those that failed for good
    /// in another round are [`Summary::failing`].
    #[must_use]
    pub fn retried(&self) -> Vec<&TestFigures> {
        let is_retried = |it: &&TestFigures| it.retried > 0 && it.counts.failures() == 0;
        let mut retried: Vec<_> = self.tests.values().filter(is_retried).collect();
        retried.sort_by_key(|it| it.test.index);
        retried
    }

    /// Tests that failed at least once for good: most failures first, then in pytest's order.
    #[must_use]
    pub fn failing(&self) -> Vec<&TestFigures> {
        let mut failing: Vec<_> =
            self.tests.values().filter(|it| it.counts.failures() > 0).collect();
        failing.sort_by_key(|it| (std::cmp::Reverse(it.counts.failures()), it.test.index));
        failing
    }

    /// Up to `limit` tests whose longest execution took at least `least` seconds, longest first.
    #[must_use]
    pub fn slowest(&self, limit: usize, least: f64) -> Vec<&TestFigures> {
        let mut slow: Vec<_> = self.tests.values().filter(|it| it.longest >= least).collect();
        slow.sort_by(|a, b| {
            b.longest.total_cmp(&a.longest).then_with(|| a.test.index.cmp(&b.test.index))
        });
        slow.truncate(limit);
        slow
    }

    /// How many processes tests left behind, and the first of them, each with its worker.
    #[must_use]
    pub fn leaks(&self) -> (u64, &[(Option<WorkerId>, Leak)]) {
        (self.leaks, &self.leaked)
    }

    /// How many tests both passed and failed.
    #[must_use]
    pub fn flaky(&self) -> u64 {
        self.tests.values().filter(|test| test.is_flaky()).count() as u64
    }

    /// The run's totals, for the last line.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let ended = self.ended.as_ref();
        let rounds = ended.map_or(self.rounds.begun(), |ended| u64::from(ended.rounds_run));
        Totals {
            rounds: self.is_loop().then_some(rounds),
            counts: self.counts(),
            flaky: self.flaky(),
            elapsed: ended.map_or(0.0, |ended| ended.elapsed),
        }
    }
}

/// `1 failed`, `2 errors`: the one kind that is a noun has a plural.
fn counted_kind(kind: OutcomeKind, count: u64) -> String {
    match kind {
        OutcomeKind::Error => counted(count, "error"),
        _ => format!("{count} {}", kind.label()),
    }
}

/// Totals, and the one place that words them:
/// `20 tests, 18 passed, 1 failed, 1 skipped, 3.1 s` for one round,
/// `3 rounds, 120 tests, 8 failed, 2 flaky, 41.2 s` for a loop, whose question is how often
/// something failed: it leaves out what passed and always says how much failed.
/// "tests" are planned executions, so the parts always add up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Totals {
    /// Rounds begun, where the run is a loop.
    pub rounds: Option<u64>,
    /// What became of all planned executions.
    pub counts: Counts,
    /// Tests that both passed and failed.
    pub flaky: u64,
    /// Seconds.
    pub elapsed: f64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rounds) = self.rounds {
            write!(f, "{}, ", counted(rounds, "round"))?;
        }
        write!(f, "{}", counted(self.counts.total(), "test"))?;
        if self.rounds.is_some() && self.counts.failures() == 0 {
            f.write_str(", 0 failed")?;
        }
        let (first, rest): (Vec<_>, Vec<_>) = self
            .counts
            .nonzero()
            .partition(|(kind, _)| *kind == OutcomeKind::Passed || kind.is_failure());
        for (kind, count) in first {
            if kind != OutcomeKind::Passed || self.rounds.is_none() {
                write!(f, ", {}", counted_kind(kind, count))?;
            }
        }
        if self.flaky > 0 {
            write!(f, ", {} flaky", self.flaky)?;
        }
        for (kind, count) in rest {
            write!(f, ", {count} {}", kind.label())?;
        }
        write!(f, ", {}", text::duration(self.elapsed))
    }
}

/// A failure in one line, cleaned: the message's first line; for a crash, how the worker died
/// comes first.
#[must_use]
pub fn headline(outcome: &Outcome, failure: Option<&Failure>) -> String {
    let message =
        failure.and_then(|it| it.message.lines().map(str::trim).find(|it| !it.is_empty()));
    let message = message.map(text::line);
    match (outcome, message) {
        (Outcome::Crashed(crash), None) => text::line(&crash.to_string()).into_owned(),
        (Outcome::Crashed(crash), Some(message)) => {
            let how = crash.to_string();
            if message.contains(&how) {
                message.into_owned()
            } else {
                format!("{}: {message}", text::line(&how))
            }
        }
        (_, Some(message)) => message.into_owned(),
        (_, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Ending, Story};
    use super::*;
    use crate::model::Crash;

    fn totals(rounds: Option<u64>, counts: &[(OutcomeKind, u64)], flaky: u64) -> String {
        let mut sum = Counts::default();
        for &(kind, count) in counts {
            sum.add_many(kind, count);
        }
        Totals { rounds, counts: sum, flaky, elapsed: 41.2 }.to_string()
    }

    #[test]
    fn totals_are_worded_as_documented() {
        use OutcomeKind::{Crashed, Error, Failed, NotRun, Passed, Skipped, TimedOut};
        assert_eq!(
            totals(None, &[(Passed, 18), (Failed, 1), (Skipped, 1)], 0),
            "20 tests, 18 passed, 1 failed, 1 skipped, 41.2 s"
        );
        assert_eq!(
            totals(Some(3), &[(Passed, 112), (Failed, 8)], 2),
            "3 rounds, 120 tests, 8 failed, 2 flaky, 41.2 s"
        );
        assert_eq!(
            totals(None, &[(Failed, 5), (Error, 1), (TimedOut, 1), (Crashed, 1), (NotRun, 2)], 1),
            "10 tests, 5 failed, 1 error, 1 timed out, 1 crashed, 1 flaky, 2 not run, 41.2 s"
        );
        assert_eq!(totals(Some(1), &[(Passed, 1)], 0), "1 round, 1 test, 0 failed, 41.2 s");
        assert_eq!(totals(Some(2), &[(Crashed, 1)], 0), "2 rounds, 1 test, 1 crashed, 41.2 s");
        assert_eq!(totals(None, &[], 0), "0 tests, 41.2 s");
    }

    #[test]
    fn flaky_is_what_passed_and_failed_and_failing_is_sorted() {
        let mut summary = Summary::default();
        let mut story = Story::new(&["a.py::steady", "a.py::flaky", "a.py::broken"], Some(2));
        for flaky in [Ending::Fail("boom"), Ending::Pass] {
            story.round(&[Ending::Pass, flaky, Ending::Fail("always")]);
        }
        story.end();
        story.events().iter().for_each(|event| summary.event(event));
        assert_eq!(summary.flaky(), 1);
        let failing: Vec<_> = summary.failing().iter().map(|it| it.test.nodeid.as_str()).collect();
        assert_eq!(failing, ["a.py::broken", "a.py::flaky"]);
        assert_eq!(summary.totals().to_string(), "2 rounds, 6 tests, 3 failed, 1 flaky, 2.0 s");
        assert_eq!(
            summary.rounds().worth_listing()[1].totals().to_string(),
            "3 tests, 2 passed, 1 failed, 1.0 s"
        );
    }

    #[test]
    fn the_plan_counts_rounds_to_come() {
        let mut summary = Summary::default();
        let mut story = Story::new(&["a.py::x", "a.py::y"], Some(5));
        story.round(&[Ending::Pass, Ending::Pass]);
        story.events().iter().for_each(|event| summary.event(event));
        assert_eq!(summary.planned(), Some(10));

        let mut endless = Summary::default();
        Story::new(&["a.py::x"], None).events().iter().for_each(|event| endless.event(event));
        assert_eq!(endless.planned(), None);
    }

    #[test]
    fn a_headline_is_one_clean_line() {
        let failure =
            Failure { message: "\n Boom\x1b[2J\nsecond".to_owned(), ..Failure::default() };
        assert_eq!(headline(&Outcome::Failed, Some(&failure)), "Boom\\x1b[2J");
        let crash = Outcome::Crashed(Crash::Signal(6));
        assert_eq!(headline(&crash, None), "signal 6, SIGABRT");
        assert_eq!(headline(&crash, Some(&failure)), "signal 6, SIGABRT: Boom\\x1b[2J");
    }
}
