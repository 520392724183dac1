//! Small records made by hand, with the verdict and the sentence that a person would give.

use super::{covered_pairs, judge};
use crate::model::{
    Attempt, Judged, NodeId, Offset, OutcomeKind, Ran, Round, RoundSpan, Schedule, VerdictKind,
};

/// One execution: test, process of the round, start and end in the round.
type Step = (u32, u32, u64, u64);

/// Rounds of `tests` tests, 1,000 long, each as `steps` says; `fails` decides on test 0.
fn record(
    tests: u32,
    rounds: u32,
    steps: impl Fn(u32) -> Vec<Step>,
    fails: impl Fn(u32) -> bool,
) -> Schedule {
    record_of(tests, rounds, steps, |test, round| test == 0 && fails(round))
}

/// The same, where `fails` decides on each test.
fn record_of(
    tests: u32,
    rounds: u32,
    steps: impl Fn(u32) -> Vec<Step>,
    fails: impl Fn(u32, u32) -> bool,
) -> Schedule {
    let mut ran = Vec::new();
    let mut spans = Vec::new();
    for round in 1..=rounds {
        let since = u64::from(round) * 1_000;
        spans.push(RoundSpan { round: Round(round), workers: 2, start: Offset(since) });
        for (test, process, start, end) in steps(round) {
            let failed = fails(test, round);
            ran.push(Ran {
                test,
                round: Round(round),
                attempt: Attempt::FIRST,
                process: round * 10 + process,
                start: Offset(since + start),
                end: Offset(since + end),
                outcome: if failed { OutcomeKind::Failed } else { OutcomeKind::Passed },
                cause: None,
                is_infrastructure: false,
            });
        }
    }
    ran.sort_by_key(|ran| ran.start);
    let tests = (0..tests).map(|at| NodeId::new(&format!("tests/test_a.py::test_{at}"))).collect();
    Schedule { tests, rounds: spans, ran, is_isolated: true, ..Schedule::default() }
}

/// Test 0 in one process, and in the other one of tests 1 to 8, another one each round.
fn beside(round: u32) -> Vec<Step> {
    vec![(0, 1, 0, 100), (1 + round % 8, 2, 20, 120)]
}

/// Test 0 after one of tests 1 to 8.
fn after(round: u32) -> Vec<Step> {
    vec![(1 + round % 8, 1, 0, 50), (0, 1, 60, 100)]
}

fn only(judged: &[Judged]) -> (VerdictKind, Vec<&str>, &str) {
    assert_eq!(judged.len(), 1, "{judged:?}");
    let verdict = &judged[0].verdict;
    let culprits = verdict.culprits.iter().map(NodeId::as_str).collect();
    (verdict.kind, culprits, &verdict.evidence)
}

#[test]
fn what_never_failed_is_not_judged() {
    assert_eq!(judge(&[record(9, 20, beside, |_| false)]), []);
    assert_eq!(judge(&[]), []);
}

#[test]
fn what_always_fails_is_broken() {
    let judged = judge(&[record(9, 20, beside, |_| true)]);
    assert_eq!(only(&judged), (VerdictKind::Broken, vec![], "fails in all 20 executions"));
}

#[test]
fn who_fails_beside_one_test_alone_is_interfered_with() {
    let judged = judge(&[record(9, 80, beside, |round| round % 8 == 2)]);
    let (kind, culprits, evidence) = only(&judged);
    assert_eq!((kind, culprits), (VerdictKind::InterferesWith, vec!["tests/test_a.py::test_3"]));
    assert!(
        evidence.starts_with("fails in 10 of 10 executions beside test_3, in 0 of 70 otherwise, p"),
        "{evidence}"
    );
    assert_eq!(judged[0].suspects[0].nodeid.as_str(), "tests/test_a.py::test_3");
}

#[test]
fn who_fails_after_one_test_alone_depends_on_order() {
    let judged = judge(&[record(9, 80, after, |round| round % 8 == 2)]);
    let (kind, culprits, evidence) = only(&judged);
    assert_eq!((kind, culprits), (VerdictKind::OrderDependent, vec!["tests/test_a.py::test_3"]));
    assert!(evidence.contains("10 of 10 executions after test_3"), "{evidence}");
}

/// Test 1 and test 2 are always both there: one of them is innocent.
#[test]
fn of_two_that_always_run_together_none_is_named() {
    let both = |round: u32| match round % 8 {
        2 => vec![(0, 1, 0, 100), (1, 2, 20, 120), (2, 3, 20, 120)],
        other => vec![(0, 1, 0, 100), (3 + other, 2, 20, 120), (3 + (other + 3) % 8, 3, 20, 120)],
    };
    let judged = judge(&[record(12, 80, both, |round| round % 8 == 2)]);
    let (kind, culprits, _) = only(&judged);
    assert_eq!((kind, culprits), (VerdictKind::InterferesWith, vec![]));
    let suspects: Vec<&str> = judged[0].suspects[..2].iter().map(|it| it.nodeid.as_str()).collect();
    assert_eq!(suspects, ["tests/test_a.py::test_1", "tests/test_a.py::test_2"]);
}

#[test]
fn who_fails_from_a_round_on_accumulates() {
    let judged = judge(&[record(9, 40, beside, |round| round >= 12)]);
    let said = "passes in rounds 1–11, fails in every round since 12, p = 9e-10: state accumulates on the server";
    assert_eq!(only(&judged), (VerdictKind::Accumulates, vec![], said));
    assert_eq!(judged[0].verdict.since_round, Some(Round(12)));
}

#[test]
fn a_single_failure_names_nobody() {
    let judged = judge(&[record(9, 60, beside, |round| round == 7)]);
    let (kind, culprits, _) = only(&judged);
    assert_eq!((kind, culprits), (VerdictKind::FlakyAlone, vec![]));
}

/// Three in a window are too few to be told once, where others fail now and then too.
#[test]
fn three_that_fail_together_again_and_again_lack_the_same_thing() {
    let begins = |test: u32| u64::from(test) * 100;
    let one_by_one = |_| (0..9).map(|it| (it, 1, begins(it), begins(it) + 90)).collect();
    let fails = |test, round| match test {
        0..3 => [8, 31, 50].contains(&round),
        _ => (round * 7 + test * 5) % 11 == 0,
    };
    let judged = judge(&[record_of(9, 60, one_by_one, fails)]);
    for it in &judged[..3] {
        assert_eq!(it.verdict.kind, VerdictKind::Infrastructure, "{judged:?}");
    }
}

/// Who fails beside others that fail may be in their way.
#[test]
fn three_that_fail_beside_each_other_are_no_outage() {
    let at_once = |round: u32| -> Vec<Step> {
        let others =
            (3..9).map(|test| (test, 1, 200 + u64::from(test) * 80, 275 + u64::from(test) * 80));
        let three = (0..3).map(|test| (test, test + 1, u64::from(round % 3), 100));
        three.chain(others).collect()
    };
    let fails = |test, round| test < 3 && [8, 31, 50].contains(&round);
    let judged = judge(&[record_of(9, 60, at_once, fails)]);
    assert!(judged.iter().all(|it| it.verdict.kind != VerdictKind::Infrastructure), "{judged:?}");
}

#[test]
fn pairs_that_met_are_counted_once() {
    let run = record(9, 80, beside, |_| false);
    assert_eq!(covered_pairs(&run), (8, 36));
}
