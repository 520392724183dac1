//! Which tests are missing, extra, or differ. Pure.
//!
//! Node ids need not be unique (`--keep-duplicates`) and `--dist each` runs each test several times,
//! so what is compared for each id is a multiset of outcomes.

use std::collections::BTreeMap;

use super::gather::Seen;
use crate::model::{NodeId, OutcomeKind};

/// The executions of each test.
pub type Tests = BTreeMap<NodeId, Vec<Seen>>;

/// What two runs have in common, and what not.
#[derive(Debug, Default, PartialEq)]
pub struct Comparison {
    /// Tests with the same outcomes.
    pub agreeing: usize,
    /// Tests that neither executed: both runs were stopped before.
    pub not_run: Vec<NodeId>,
    /// Tests that differ, by node id.
    pub differences: Vec<Difference>,
    /// Functions whose tests have other node ids in each process, compared by number and outcome.
    /// Their tests count as agreeing.
    pub unstable: Vec<Unstable>,
}

/// A test that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Which. For a function with unstable ids, the id without parameters.
    pub nodeid: NodeId,
    /// How.
    pub kind: Kind,
    /// Its executions by pytest, those that were planned and did not come about included.
    pub pytest: Vec<Seen>,
    /// Its executions by pnl.
    pub pnl: Vec<Seen>,
}

/// In what a test differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// pytest executed it, pnl did not (or less often).
    Missing,
    /// pnl executed it, pytest did not (or less often).
    Extra,
    /// Both executed it, with other outcomes.
    Outcome,
    /// As [`Kind::Outcome`], for all tests together of a function with unstable ids.
    UnstableOutcome,
}

impl Kind {
    /// Its word in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Outcome => "outcome",
            Self::UnstableOutcome => "unstable-outcome",
        }
    }
}

/// A function whose tests have other node ids in each process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstable {
    /// The node id up to its parameters.
    pub nodeid: NodeId,
    /// How many tests.
    pub count: usize,
}

/// Compares. Each of pytest's executions stands for `copies` of pnl's.
#[must_use]
pub fn compare(pytest: &Tests, pnl: &Tests, copies: usize) -> Comparison {
    let mut result = Comparison::default();
    let mut ids: Vec<&NodeId> = pytest.keys().chain(pnl.keys()).collect();
    ids.sort();
    ids.dedup();
    for id in ids {
        let of = |tests: &Tests| tests.get(id).cloned().unwrap_or_default();
        let (theirs, ours) = (of(pytest), of(pnl));
        let (expected, found) = (kinds(&theirs, copies), kinds(&ours, 1));
        if expected == found {
            if expected.is_empty() {
                result.not_run.push(id.clone());
            } else {
                result.agreeing += 1;
            }
            continue;
        }
        let kind = match found.len().cmp(&expected.len()) {
            std::cmp::Ordering::Less => Kind::Missing,
            std::cmp::Ordering::Greater => Kind::Extra,
            std::cmp::Ordering::Equal => Kind::Outcome,
        };
        let nodeid = id.clone();
        result.differences.push(Difference { nodeid, kind, pytest: theirs, pnl: ours });
    }
    settle_unstable(&mut result, copies);
    result
}

/// The outcomes of what was executed, each `copies` times, in an order of their own.
fn kinds(seen: &[Seen], copies: usize) -> Vec<OutcomeKind> {
    let executed = seen.iter().filter(|it| it.was_executed());
    let mut kinds: Vec<OutcomeKind> =
        executed.flat_map(|it| std::iter::repeat_n(it.outcome.kind(), copies)).collect();
    kinds.sort();
    kinds
}

/// Takes those out of the differences that are the same but for the parameters in their ids: as
/// many ids that only pytest knows as ids that only pnl knows.
fn settle_unstable(result: &mut Comparison, copies: usize) {
    let mut functions: BTreeMap<&str, Vec<&Difference>> = BTreeMap::new();
    for difference in &result.differences {
        let is_one_sided = difference.pytest.is_empty() || difference.pnl.is_empty();
        if let Some(function) = difference.nodeid.function().filter(|_| is_one_sided) {
            functions.entry(function).or_default().push(difference);
        }
    }
    let mut settled = Vec::new();
    for (function, differences) in functions {
        let all = |side: fn(&Difference) -> &Vec<Seen>| -> Vec<Seen> {
            differences.iter().flat_map(|it| side(it).iter().cloned()).collect()
        };
        let (pytest, pnl) = (all(|it| &it.pytest), all(|it| &it.pnl));
        if pytest.is_empty() || pytest.len() * copies != pnl.len() {
            continue;
        }
        let ids: Vec<NodeId> = differences.iter().map(|it| it.nodeid.clone()).collect();
        settled.push((NodeId::new(function), ids, pytest, pnl));
    }
    for (nodeid, ids, pytest, pnl) in settled {
        result.differences.retain(|it| !ids.contains(&it.nodeid));
        if kinds(&pytest, copies) == kinds(&pnl, 1) {
            result.agreeing += pytest.len();
            result.unstable.push(Unstable { nodeid, count: pytest.len() });
        } else {
            let kind = Kind::UnstableOutcome;
            result.differences.push(Difference { nodeid, kind, pytest, pnl });
        }
    }
    result.differences.sort_by(|a, b| a.nodeid.cmp(&b.nodeid));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NotRun, Outcome, Round};

    fn tests(list: &[(&str, Outcome)]) -> Tests {
        let mut tests = Tests::new();
        for (id, outcome) in list {
            let (round, outcome) = (Round::FIRST, outcome.clone());
            let seen = Seen { round, outcome, message: None };
            tests.entry(NodeId::new(id)).or_default().push(seen);
        }
        tests
    }

    /// Node ids of the differences, with how they differ.
    fn differing(comparison: &Comparison) -> Vec<(&str, Kind)> {
        comparison.differences.iter().map(|it| (it.nodeid.as_str(), it.kind)).collect()
    }

    use Outcome::{Failed, NotRun as Not, Passed, Skipped};

    #[test]
    fn missing_extra_and_differing_tests_are_told_apart() {
        let pytest = tests(&[("a", Passed), ("b", Passed), ("c", Failed)]);
        let pnl = tests(&[("b", Failed), ("c", Failed), ("d", Passed)]);
        let compared = compare(&pytest, &pnl, 1);
        assert_eq!(compared.agreeing, 1);
        assert_eq!(
            differing(&compared),
            [("a", Kind::Missing), ("b", Kind::Outcome), ("d", Kind::Extra)]
        );
    }

    #[test]
    fn what_did_not_run_is_missing_unless_neither_ran_it() {
        let stopped = Not(NotRun::Stopped);
        let pytest = tests(&[("a", Passed), ("b", stopped.clone()), ("c", stopped.clone())]);
        let pnl = tests(&[("a", stopped.clone()), ("b", stopped), ("c", Passed)]);
        let compared = compare(&pytest, &pnl, 1);
        assert_eq!(compared.not_run, [NodeId::new("b")]);
        assert_eq!(differing(&compared), [("a", Kind::Missing), ("c", Kind::Extra)]);
    }

    #[test]
    fn duplicates_are_multisets() {
        let pytest = tests(&[("a", Passed), ("a", Failed), ("b", Passed), ("b", Passed)]);
        let pnl = tests(&[("a", Failed), ("a", Passed), ("b", Passed)]);
        let compared = compare(&pytest, &pnl, 1);
        assert_eq!(differing(&compared), [("b", Kind::Missing)]);
        let same = tests(&[("a", Passed), ("a", Passed), ("b", Passed), ("b", Passed)]);
        let compared = compare(&pytest, &same, 1);
        assert_eq!(differing(&compared), [("a", Kind::Outcome)]);
    }

    #[test]
    fn copies_are_expected_of_pnl_alone() {
        let pytest = tests(&[("a", Passed)]);
        let twice = tests(&[("a", Passed), ("a", Passed)]);
        assert_eq!(compare(&pytest, &twice, 2).agreeing, 1);
        assert_eq!(differing(&compare(&pytest, &pytest, 2)), [("a", Kind::Missing)]);
    }

    #[test]
    fn ids_that_change_are_compared_by_number_and_outcome() {
        let pytest = tests(&[("f.py::t[1]", Passed), ("f.py::t[a::b[c]]", Skipped)]);
        let pnl = tests(&[("f.py::t[x[y]]", Skipped), ("f.py::t[z]", Passed)]);
        let compared = compare(&pytest, &pnl, 1);
        assert_eq!(differing(&compared), []);
        assert_eq!(compared.agreeing, 2);
        assert_eq!(compared.unstable, [Unstable { nodeid: NodeId::new("f.py::t"), count: 2 }]);
        let failing = tests(&[("f.py::t[x]", Failed), ("f.py::t[z]", Passed)]);
        assert_eq!(differing(&compare(&pytest, &failing, 1)), [("f.py::t", Kind::UnstableOutcome)]);
    }

    #[test]
    fn another_number_of_parameters_is_no_change_of_ids() {
        let pytest = tests(&[("f.py::t[1]", Passed), ("f.py::t[2]", Passed)]);
        let pnl = tests(&[("f.py::t[3]", Passed)]);
        assert_eq!(differing(&compare(&pytest, &pnl, 1)).len(), 3);
        let other = tests(&[("f.py::u[1]", Passed), ("f.py::u[2]", Passed)]);
        assert_eq!(differing(&compare(&pytest, &other, 1)).len(), 4, "another function");
        let plain = (tests(&[("f.py::t", Passed)]), tests(&[("f.py::u", Passed)]));
        assert_eq!(differing(&compare(&plain.0, &plain.1, 1)).len(), 2, "no parameters");
    }
}
