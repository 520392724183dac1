//! Loops: when they end, what they say, and what a round keeps of the one before.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};

use harness::{Run, Suite};

/// Fails in the rounds that its parameter names.
const FLAKY: &str = "
import os, pytest
ROUND = int(os.environ.get('PNL_ROUND', 0))
def test_steady(): pass
def test_flaky(): assert int(os.environ['PNL_ROUND']) not in (2, 3)
";

fn rounds_run(run: &Run) -> u64 {
    run.the("run-ended")["rounds_run"].as_u64().unwrap()
}

fn stop_reason(run: &Run) -> &str {
    run.the("run-ended")["stop_reason"].as_str().unwrap()
}

#[test]
fn a_loop_runs_every_test_in_every_round() {
    let suite =
        Suite::new(&[("test_two.py", "def test_1(): pass\ndef test_2(): pass\n")]).with_xdist();
    for engine in ["fork", "spawn", "xdist", "pytest"] {
        let run = suite.test(&["--engine", engine, "-n", "2", "--loop", "2"]);
        assert_eq!(run.code, Some(0), "{engine} {run}");
        assert_eq!(run.totals(), BTreeMap::from([("passed".to_owned(), 4)]), "{engine} {run}");
        assert_eq!(run.all("round-ended").count(), 2);
        assert_eq!(stop_reason(&run), "completed");
        run.assert_sums_match();
        run.assert_nothing_left();
        let shown = suite.show();
        assert_eq!(shown["run"]["rounds_planned"], 2, "{engine}");
        assert_eq!(shown["tests"][0]["executions"], 2, "{engine}");
    }
}

#[test]
fn a_loop_stops_after_its_first_failed_round_and_says_so() {
    for engine in ["fork", "spawn"] {
        let suite = Suite::new(&[("test_flaky.py", FLAKY)]);
        let run = suite.test(&["--engine", engine, "-n", "2", "--loop", "9"]);
        assert_eq!((run.code, rounds_run(&run)), (Some(1), 2), "{run}");
        assert_eq!(stop_reason(&run), "failed-round");
        let sentence = "stopped after the first round with a failure (--keep-going runs the rest)";
        assert!(run.stdout.contains(sentence), "{run}");
        run.assert_sums_match();
    }
}

#[test]
fn keeping_going_runs_all_and_lists_what_failed_how_often() {
    let suite = Suite::new(&[("test_flaky.py", FLAKY)]);
    let run = suite.test(&["-n", "2", "--loop", "4", "--keep-going"]);
    assert_eq!((run.code, rounds_run(&run)), (Some(1), 4), "{run}");
    assert_eq!(stop_reason(&run), "completed");
    let line = run.stdout.lines().rev().find(|line| line.contains("test_flaky.py::test_flaky"));
    assert!(line.is_some_and(|line| line.contains("2/4")), "{run}");
    let last = run.stdout.lines().last().unwrap();
    assert!(last.starts_with("4 rounds, 8 tests, "), "{run}");
    assert!(last.contains("2 failed") && last.contains("1 flaky"), "{run}");
    run.assert_sums_match();
    let shown = suite.show();
    let flaky = &shown["tests"].as_array().unwrap()[1];
    assert_eq!((&flaky["failed"], &flaky["passed"]), (&2.into(), &2.into()));
    assert_eq!(flaky["failure_rate"]["estimate"], 0.5);
}

#[test]
fn keeping_going_goes_on_after_a_limit_of_failures_too() {
    let suite = Suite::new(&[("test_bad.py", "def test_1(): assert 0\ndef test_2(): pass\n")]);
    let run = suite.test(&["-n", "1", "--loop", "2", "--keep-going", "--max-fail", "1"]);
    assert_eq!((run.code, rounds_run(&run)), (Some(1), 2), "{run}");
    assert_eq!(run.totals()["not_run"], 2);
    run.assert_sums_match();
}

#[test]
fn a_failure_in_the_last_round_is_no_early_end() {
    let suite = Suite::new(&[("test_flaky.py", FLAKY)]);
    let run = suite.test(&["-n", "1", "--loop", "2"]);
    assert_eq!((run.code, stop_reason(&run)), (Some(1), "completed"), "{run}");
}

#[test]
fn a_duration_bounds_the_beginning_of_rounds() {
    let suite = Suite::new(&[("test_flaky.py", FLAKY)]);
    let run = suite.test(&["-n", "1", "--duration", "1ms"]);
    assert_eq!((run.code, rounds_run(&run)), (Some(0), 1), "the first always runs: {run}");
    assert_eq!(run.the("run-started")["rounds_planned"], serde_json::Value::Null);
    let run = suite.test(&["-n", "1", "--duration", "1h"]);
    assert_eq!((run.code, rounds_run(&run)), (Some(1), 2), "ended by a failure: {run}");
}

#[test]
fn a_delay_is_waited_between_rounds_and_never_in_vain() {
    let suite = Suite::new(&[("test_flaky.py", FLAKY)]);
    let run = suite.test(&["-n", "1", "--loop", "2", "--delay", "300ms"]);
    let at = |event: &serde_json::Value| event["at"].as_f64().unwrap();
    let ends: Vec<f64> = run.all("round-ended").map(at).collect();
    let starts: Vec<f64> = run.all("round-started").map(at).collect();
    assert!(starts[1] - ends[0] >= 0.3, "{starts:?} {ends:?}");
    // Were one of these slept, the test would take an hour.
    for words in [&["--duration", "30m", "--delay", "1h"][..], &["--loop", "1", "--delay", "1h"]] {
        let run = suite.test(&[&["-n", "1"], words].concat());
        assert_eq!((run.code, rounds_run(&run)), (Some(0), 1), "{run}");
    }
    let failing = Suite::new(&[("test_bad.py", "def test_1(): assert 0\n")]);
    let run = failing.test(&["-n", "1", "--loop", "5", "--delay", "1h"]);
    assert_eq!((run.code, rounds_run(&run)), (Some(1), 1), "{run}");
}

/// Counts in a module global, and logs its fixtures.
const STATEFUL: &str = "
import os, pytest, probe

COUNT = 0

@pytest.fixture(scope='session')
def session():
    probe.log('session up', probe.worker())
    yield
    probe.log('session down', probe.worker())

@pytest.fixture(scope='module')
def module(session):
    probe.log('module up')
    yield
    probe.log('module down')

@pytest.mark.parametrize('number', range(4))
def test_counts(number, module):
    global COUNT
    COUNT += 1
    probe.log('round', os.environ['PNL_ROUND'], 'count', COUNT)
";

fn count(log: &[String], prefix: &str) -> usize {
    log.iter().filter(|line| line.starts_with(prefix)).count()
}

#[test]
fn each_round_is_as_fresh_as_after_the_import() {
    for engine in ["fork", "spawn"] {
        let suite = Suite::new(&[("test_stateful.py", STATEFUL)]);
        let run = suite.test(&["--engine", engine, "-n", "1", "--loop", "2"]);
        let log = suite.log();
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(count(&log, "session up"), 2, "{log:?}");
        assert_eq!(count(&log, "session down"), 2, "{log:?}");
        let counts: Vec<&String> = log.iter().filter(|it| it.starts_with("round")).collect();
        assert_eq!(counts[0], "round 1 count 1", "{log:?}");
        assert_eq!(counts[4], "round 2 count 1", "{log:?}");
    }
}

#[test]
fn without_isolation_workers_keep_their_session_and_their_globals() {
    for engine in ["fork", "spawn"] {
        let suite = Suite::new(&[("test_stateful.py", STATEFUL)]);
        let words = ["--engine", engine, "-n", "1", "--loop", "3", "--isolation", "none"];
        let run = suite.test(&words);
        let log = suite.log();
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(count(&log, "session up"), 1, "{log:?}");
        assert_eq!(count(&log, "session down"), 1, "{log:?}");
        assert_eq!(log.last().unwrap(), "session down gw0", "{log:?}");
        // All but the session is torn down between rounds, as between files.
        assert_eq!(count(&log, "module up"), 3, "{log:?}");
        assert!(log.iter().any(|line| line.ends_with("count 12")), "{log:?}");
        assert_eq!(run.all("worker-started").count(), 1, "one process for all: {run}");
        run.assert_sums_match();
        run.assert_nothing_left();
    }
}

#[test]
fn without_isolation_the_round_that_tests_read_is_the_present_one() {
    let suite = Suite::new(&[("test_stateful.py", STATEFUL)]);
    suite.test(&["-n", "1", "--loop", "2", "--isolation", "none"]);
    let log = suite.log();
    assert_eq!((count(&log, "round 1"), count(&log, "round 2")), (4, 4), "{log:?}");
}

#[test]
fn without_isolation_a_crash_costs_one_test_of_one_round() {
    let suite = Suite::new(&[(
        "test_dies.py",
        "import os, probe\n\
         def test_1(): pass\n\
         def test_2():\n    probe.log('two')\n    if os.path.getsize(os.environ['PNL_TEST_LOG']) < 6: os._exit(3)\n\
         def test_3(): pass\n",
    )]);
    let run = suite.test(&["-n1", "--loop", "3", "--isolation", "none", "--keep-going"]);
    let expected = [("crashed", 1), ("passed", 8)].map(|(name, it)| (name.to_owned(), it));
    assert_eq!(run.totals(), BTreeMap::from(expected), "{run}");
    run.assert_sums_match();
}

const FOLDERS: &str = "
import os, pathlib, pytest, probe

@pytest.mark.parametrize('number', range(2))
def test_folder(request, number, tmp_path, tmp_path_factory, worker_id, testrun_uid):
    assert list(tmp_path.iterdir()) == []
    (tmp_path / 'mine').touch()
    base = tmp_path_factory.getbasetemp()
    assert tmp_path.parent == base
    probe.log('base', base, 'shared', base.parent)
    assert os.environ['PYTEST_XDIST_WORKER'] == worker_id
    assert os.environ['PYTEST_XDIST_WORKER_COUNT'] == '2'
    assert os.environ['PYTEST_XDIST_TESTRUNUID'] == testrun_uid
    probe.log('worker', worker_id)
    probe.log('uid', testrun_uid)
    given = request.config.workerinput
    assert given['workerid'] == os.environ['PYTEST_XDIST_WORKER']
    assert given['workercount'] == 2
    assert given['testrunuid'] == os.environ['PYTEST_XDIST_TESTRUNUID']
";

fn logged<'a>(log: &'a [String], word: &str) -> BTreeSet<&'a str> {
    let prefix = format!("{word} ");
    log.iter().filter_map(|line| line.strip_prefix(&prefix)).collect()
}

fn assert_workers_are_told_apart(suite: &Suite, engine: &str) {
    let run = suite.test(&["--engine", engine, "-n", "2", "--dist", "each", "--loop", "2"]);
    assert_eq!(run.code, Some(0), "{engine} {run}");
    let log = suite.log();
    assert_eq!(logged(&log, "worker"), BTreeSet::from(["gw0", "gw1"]), "the same in each round");
    let run_id = run.the("run-started")["run"].as_str().unwrap().to_owned();
    assert_eq!(logged(&log, "uid"), BTreeSet::from([run_id.as_str()]));
    let bases: BTreeSet<&str> = logged(&log, "base");
    assert_eq!(bases.len(), 4, "one for each worker and round: {log:?}");
    let shared: BTreeSet<&str> =
        bases.iter().map(|it| it.split_once(" shared ").unwrap().1).collect();
    assert_eq!(shared.len(), 2, "one for each round: {log:?}");
}

#[test]
fn forks_are_told_apart_as_xdists_workers_are() {
    assert_workers_are_told_apart(&Suite::new(&[("test_folders.py", FOLDERS)]), "fork");
}

#[test]
fn forks_are_told_apart_beside_an_installed_xdist() {
    assert_workers_are_told_apart(
        &Suite::new(&[("test_folders.py", FOLDERS)]).with_xdist(),
        "fork",
    );
}

#[test]
fn spawned_workers_are_told_apart_as_xdists_workers_are() {
    assert_workers_are_told_apart(&Suite::new(&[("test_folders.py", FOLDERS)]), "spawn");
}

// Four runs at the same time: the fourth must not remove the first one's folders as old ones.
#[test]
fn other_runs_leave_the_folders_of_a_run_that_goes_on_alone() {
    let suite = Suite::new(&[
        (
            "test_long.py",
            "import probe\n\
             def test_long(tmp_path):\n    probe.ring('long')\n    (tmp_path / 'file').touch()\n",
        ),
        ("test_short.py", "def test_short(tmp_path): pass\n"),
    ]);
    let mut bell = suite.bell();
    let running = suite.start(&["test_long.py"]);
    let long = bell.wait_for("long");
    for _ in 0..4 {
        assert_eq!(suite.test(&["test_short.py"]).code, Some(0));
    }
    drop(long);
    let run = running.finish();
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn a_failing_tear_down_of_the_session_is_not_green() {
    let suite = Suite::new(&[(
        "test_one.py",
        "import pytest\n\
         @pytest.fixture(scope='session', autouse=True)\n\
         def session():\n    yield\n    raise RuntimeError('session tear-down')\n\
         def test_one(): pass\n",
    )]);
    for engine in ["fork", "spawn"] {
        for isolation in ["round", "none"] {
            let words = ["-n1", "--loop", "2", "--keep-going", "--isolation", isolation];
            let run = suite.test(&[&words[..], &["--engine", engine]].concat());
            assert_eq!(run.code, Some(1), "{engine} {isolation} {run}");
            let said = run.stdout.clone() + &run.stderr;
            assert!(said.contains("RuntimeError: session tear-down"), "{engine} {isolation} {run}");
            run.assert_sums_match();
        }
    }
}
