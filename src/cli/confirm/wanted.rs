//! Which run, and which of its tests.

use crate::diagnosis;
use crate::model::{Judged, NodeId, Purpose, RunId, Schedule};
use crate::report::verdicts::newest_rounds;
use crate::settings::find_project;
use crate::store::{History, RunRecord, StoreError};

/// What experiments are asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The run.
    pub record: RunRecord,
    /// What it did.
    pub schedule: Schedule,
    /// How many of its older rounds are not looked at, because it would take too long.
    pub left_out: u64,
    /// What that says.
    pub judged: Vec<Judged>,
    /// The tests that are to be tried.
    pub chosen: Vec<NodeId>,
}

/// Why nothing is tried.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0}")]
    Project(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "two runs are named, {0} and {1}: what contains neither `::` nor `/` nor `.py` is taken for a \
         run. Name one"
    )]
    TwoRuns(String, String),
    #[error(
        "no stored run of tests has failures that experiments could explain. Run the tests in a loop: \
         pnl test --loop 60 --keep-going"
    )]
    NoFailures,
    #[error("no test failed in run {0}. Name a run with failures; pnl history lists runs")]
    NoneFailed(RunId),
    #[error(
        "so many tests are flaky in run {0} that judging them would take minutes. Loop over fewer tests: \
         pnl test FILE --loop 60 --keep-going"
    )]
    TooMany(RunId),
    #[error("run {run}: no test that failed is called {test}. Those that failed:{}", list(failed))]
    NoSuchTest { run: RunId, test: String, failed: Vec<NodeId> },
}

/// How far back a run with failures is looked for.
const RUNS: usize = 200;
/// How many tests are listed.
const LISTED: usize = 10;

/// Finds what the words name.
pub(super) fn find(words: &[String]) -> Result<Wanted, Refused> {
    let (runs, tests): (Vec<&String>, Vec<&String>) = words.iter().partition(|it| is_run(it));
    if let [one, other, ..] = runs[..] {
        return Err(Refused::TwoRuns(one.clone(), other.clone()));
    }
    let cwd = std::env::current_dir()
        .map_err(|error| Refused::Project(format!("the working folder is gone: {error}")))?;
    let project = find_project(&cwd).map_err(|error| Refused::Project(error.to_string()))?;
    let history = History::open_read(&project.root)?;
    let record = match runs.first() {
        Some(run) if **run != "last" => history.find(Some(run))?,
        _ => last_with_failures(&history)?,
    };
    let Some((schedule, left_out)) = newest_rounds(&history, &record)? else {
        return Err(Refused::TooMany(record.run));
    };
    let judged = diagnosis::judge(std::slice::from_ref(&schedule));
    if judged.is_empty() {
        return Err(Refused::NoneFailed(record.run));
    }
    let chosen = chosen(&record.run, &judged, &tests)?;
    Ok(Wanted { record, schedule, left_out, judged, chosen })
}

fn is_run(word: &str) -> bool {
    !(word.contains("::") || word.contains('/') || word.contains(".py"))
}

fn last_with_failures(history: &History) -> Result<RunRecord, Refused> {
    let has_failures = |record: &RunRecord| {
        record.purpose == Purpose::Tests.name() && record.counts.failures() > 0
    };
    history.runs(RUNS)?.into_iter().find(has_failures).ok_or(Refused::NoFailures)
}

fn chosen(run: &RunId, judged: &[Judged], tests: &[&String]) -> Result<Vec<NodeId>, Refused> {
    let all = || judged.iter().map(|it| it.nodeid.clone());
    if tests.is_empty() {
        return Ok(all().collect());
    }
    let mut chosen: Vec<NodeId> = Vec::new();
    for test in tests {
        let found: Vec<NodeId> = all().filter(|it| is_named(it, test)).collect();
        if found.is_empty() {
            let (run, test) = (run.clone(), (*test).clone());
            return Err(Refused::NoSuchTest { run, test, failed: all().collect() });
        }
        chosen.extend(found);
    }
    Ok(chosen)
}

/// Whether a word is the test's node id, or its beginning up to where a class, a function or
/// parameters begin.
fn is_named(nodeid: &NodeId, word: &str) -> bool {
    nodeid
        .as_str()
        .strip_prefix(word)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('['))
}

fn list(failed: &[NodeId]) -> String {
    let named = failed.iter().take(LISTED).map(|it| it.as_str().to_owned());
    let left = failed.len().saturating_sub(LISTED);
    let rest = (left > 0).then(|| format!("and {left} more"));
    named.chain(rest).map(|line| "\n  ".to_owned() + &line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_by_its_beginning_at_a_seam() {
        let nodeid = NodeId::new("tests/test_a.py::TestB::test_c[1-x]");
        for word in [
            "tests/test_a.py",
            "tests/test_a.py::TestB",
            "tests/test_a.py::TestB::test_c",
            nodeid.as_str(),
        ] {
            assert!(is_named(&nodeid, word), "{word}");
        }
        for word in ["tests/test", "tests/test_a.py::Test", "test_a.py::TestB::test_c", "tests"] {
            assert!(!is_named(&nodeid, word), "{word}");
        }
    }

    #[test]
    fn runs_are_told_from_tests() {
        assert!(is_run("last") && is_run("20261123-1425"));
        assert!(!is_run("test_a.py::test_b") && !is_run("tests/http") && !is_run("test_a.py"));
    }
}
