//! What the history changes in the order of tests, and that it changes nothing else.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::BTreeSet;

use harness::{Run, Suite};
use rusqlite::Connection;

/// Three files of five tests. Each test can be told apart by what the history says of it alone.
fn suite() -> Suite {
    let tests = "
import pytest
@pytest.mark.parametrize('n', range(5))
def test_it(n): pass
";
    Suite::new(&[("test_a.py", tests), ("test_b.py", tests), ("test_c.py", tests)])
}

/// Has the history say that tests of this name took so many seconds, and all others a tenth.
fn remember(suite: &Suite, name: &str, seconds: u32) {
    let history = Connection::open(suite.root().join(".pnl/history.db")).unwrap();
    let micros = seconds * 1_000_000;
    let sql = "UPDATE durations SET setup_us = 0, rest_us = iif(test_id IN \
               (SELECT id FROM tests WHERE nodeid = ?1), ?2, 100000)";
    assert_eq!(history.execute(sql, (name, micros)).unwrap(), 15);
}

/// The first test of each worker in a round.
fn firsts(run: &Run, round: u32) -> BTreeSet<&str> {
    let mut workers = BTreeSet::new();
    let of_round = run.all("test-started").filter(|it| it["round"] == round);
    let first = of_round.filter(|it| workers.insert(it["worker"].as_str().unwrap()));
    first.map(|it| it["nodeid"].as_str().unwrap()).collect()
}

fn starts(run: &Run) -> Vec<&str> {
    run.all("test-started").map(|it| it["nodeid"].as_str().unwrap()).collect()
}

#[test]
fn the_test_that_took_longest_begins_first() {
    for collect in ["full", "auto"] {
        let suite = suite();
        suite.test(&["-n", "2"]);
        remember(&suite, "test_b.py::test_it[3]", 2);
        let run = suite.test(&["-n", "2", "--collect", collect]);
        assert!(firsts(&run, 1).contains("test_b.py::test_it[3]"), "{collect} {run}");
        assert_eq!((run.code, run.totals()["passed"]), (Some(0), 15), "{run}");
        run.assert_sums_match();
        let alone = suite.test(&["-n", "1"]);
        assert_eq!(starts(&alone)[0], "test_a.py::test_it[0]", "one worker has pytest's order");
        let seed = |run: &Run| starts(run).join(" ");
        let shuffled = suite.test(&["-n", "1", "--shuffle=5"]);
        assert_eq!(seed(&shuffled), seed(&suite.test(&["-n", "1", "--shuffle=5"])));
    }
}

/// Has the history say that the workers of all runs needed a CPU for a hundredth of their time.
fn remember_waiting(suite: &Suite) {
    let history = Connection::open(suite.root().join(".pnl/history.db")).unwrap();
    let sql = "UPDATE runs SET cpu_us = 10000, busy_us = 1000000 WHERE busy_us IS NOT NULL";
    assert!(history.execute(sql, ()).unwrap() > 0, "what workers use is recorded");
}

#[test]
fn tests_that_were_seen_to_wait_get_more_workers() {
    let suite = suite();
    for engine in ["fork", "spawn"] {
        suite.test(&["--engine", engine, "-n", "2"]);
        remember_waiting(&suite);
    }
    let run = suite.test(&[]);
    let why = "tests wait 99% of the time";
    assert_eq!(run.the("run-started")["workers_why"], why, "{run}");
    assert!(run.stdout.contains(&format!("workers (auto: {why})")), "{run}");
    let exactly = suite.test(&["-n", "2"]);
    assert!(exactly.the("run-started")["workers_why"].is_null(), "{exactly}");
    suite.write("tests/e2e/README", "a scope that needs a server");
    let shared = suite.test(&[]);
    assert!(shared.the("run-started")["workers_why"].is_null(), "{shared}");
}

#[test]
fn a_loop_learns_from_its_first_round() {
    let suite = suite();
    suite.write(
        "test_d.py",
        "import time\ndef test_long(): time.sleep(0.3)\ndef test_quick(): pass",
    );
    let run = suite.test(&["-n", "2", "--loop", "2"]);
    assert!(firsts(&run, 2).contains("test_d.py::test_long"), "{run}");
}

#[test]
fn a_history_that_cannot_be_read_is_a_warning() {
    let suite = suite();
    suite.test(&["-n", "2"]);
    suite.write(".pnl/history.db", &"not a database".repeat(100));
    let run = suite.test(&["-n", "2"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 15), "{run}");
    assert!(run.stderr.contains("history.db.damaged-"), "{run}");
}

#[test]
fn tests_that_the_history_does_not_know_run_all_the_same() {
    let suite = suite();
    suite.test(&["-n", "2"]);
    remember(&suite, "test_b.py::test_it[3]", 2);
    suite.write("test_b.py", "def test_renamed(): pass\n");
    suite.write("test_e.py", "def test_new(): pass\n");
    let run = suite.test(&["-n", "3"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 12), "{run}");
    run.assert_sums_match();
}

#[test]
fn what_a_dead_worker_held_is_run_by_others_in_that_order_too() {
    let suite = suite();
    suite.test(&["-n", "2"]);
    remember(&suite, "test_b.py::test_it[3]", 2);
    let dies = "
import os, pytest
@pytest.mark.parametrize('n', range(5))
def test_it(n):
    if n == 3: os.kill(os.getpid(), 9)
";
    suite.write("test_b.py", dies);
    let run = suite.test(&["-n", "2"]);
    assert_eq!((run.totals()["passed"], run.totals()["crashed"]), (14, 1), "{run}");
    run.assert_sums_match();
}
