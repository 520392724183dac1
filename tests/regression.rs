//! Defects that were found by trying to break pnl, each with the test that would have caught it.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not there")]

mod harness;

use harness::Suite;

const THREE: (&str, &str) =
    ("test_three.py", "def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n");

fn with_conftest(text: &str) -> Suite {
    Suite::new(&[THREE, ("conftest.py", text)])
}

// Nothing was printed, and the exit code was 0.
#[test]
fn a_pytest_that_leaves_before_it_has_collected_is_not_green() {
    for engine in ["fork", "spawn"] {
        for text in ["import sys; sys.exit(0)\n", "import os; os._exit(0)\n"] {
            let run = with_conftest(text).test(&["-n", "2", "--engine", engine]);
            assert_eq!(run.code, Some(3), "{engine} {text} {run}");
            assert!(run.stderr.contains("before it had collected"), "{engine} {text} {run}");
        }
    }
    let listed = Suite::new(&[THREE]).test(&["--", "--collect-only"]);
    assert_eq!(listed.code, Some(0), "what is meant to run nothing ends well: {listed}");
}

// It counted as the crash of an innocent test, with exit code 1.
#[test]
fn an_error_in_a_hook_is_pytests_and_no_tests() {
    let suite = with_conftest(
        "def pytest_runtest_protocol(item):\n    \
         if item.name == 'test_b': raise ValueError('boom')\n",
    );
    let run = suite.test(&["-n", "1"]);
    assert_eq!((run.code, suite.pytest(&["-q"]).code), (Some(3), Some(3)), "{run}");
    assert_eq!(run.outcome("test_b"), "interrupted", "{run}");
    assert!(run.stdout.contains("ValueError: boom"), "{run}");
    run.assert_sums_match();
}

// The status was lost, and with it the way in which plugins fail a build.
#[test]
fn a_status_that_a_hook_sets_is_the_exit_code() {
    let suite = with_conftest("def pytest_sessionfinish(session):\n    session.exitstatus = 42\n");
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["-n", "2", "--engine", engine]);
        assert_eq!(run.code, Some(42), "{engine} {run}");
        assert_eq!(run.totals()["passed"], 3, "{engine} {run}");
    }
}

// It ended with a panic: the worker without a place was asked for in the deal.
#[test]
fn more_spawned_workers_than_tests_are_let_go() {
    let suite = Suite::new(&[("test_one.py", "def test_a(): pass\n")]);
    for dist in ["load", "loadfile", "each", "worksteal"] {
        let run = suite.test(&["-n", "3", "--engine", "spawn", "--dist", dist]);
        assert_eq!((run.code, run.totals()["passed"]), (Some(0), 1), "{dist} {run}");
        run.assert_sums_match();
    }
}

#[test]
fn a_failing_unconfigure_is_not_green() {
    let suite = with_conftest("def pytest_unconfigure():\n    raise RuntimeError('at the end')\n");
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["-n", "2", "--engine", engine]);
        assert_eq!(run.code, Some(1), "{engine} {run}");
    }
}

// The child spoke in the worker's name, and another test counted as crashed.
#[test]
fn a_child_that_escapes_a_test_does_not_speak_for_the_worker() {
    let escape = "import os\ndef test_escapes():\n    if os.fork() == 0: raise SystemExit(0)\n";
    let suite = Suite::new(&[THREE, ("test_escape.py", escape)]);
    let run = suite.test(&["-n", "1"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 4), "{run}");
    run.assert_sums_match();
    run.assert_nothing_left();
}

// `config.option.capture` was taken for granted.
#[test]
fn a_pytest_without_its_capture_plugin_runs() {
    let run = Suite::new(&[THREE]).test(&["-n", "2", "--", "-p", "no:capture"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 3), "{run}");
}

// The failure was shown nowhere.
#[test]
fn a_debugger_is_refused_where_there_is_no_terminal_for_it() {
    let run = Suite::new(&[THREE]).test(&["-n", "2", "--", "--pdb"]);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("Use --engine pytest"), "{run}");
}

// pytest keeps on the item what it captured, and how many subtests failed.
#[test]
fn an_attempt_is_told_without_what_came_of_the_one_before() {
    let text = "import os\n\
                def attempt(): return os.environ['PNL_ATTEMPT']\n\
                def test_it(record_property):\n    \
                    print('this is', attempt())\n    \
                    record_property('attempt', attempt())\n    \
                    assert attempt() == '3'\n\
                def test_parts(subtests):\n    \
                    with subtests.test(): assert attempt() == '2'\n\
                def test_last(): pass\n";
    let suite = Suite::new(&[("test_it.py", text)]);
    let run = suite.test(&["-n", "1", "--retries", "2", "--", "--junitxml=junit.xml"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 3), "{run}");
    let second = run.all("attempt-failed").find(|it| it["attempt"] == 2).unwrap();
    let sections = second["failure"]["sections"].to_string();
    assert!(sections.contains("this is 2") && !sections.contains("this is 1"), "{run}");
    assert_eq!(suite.read("junit.xml").matches("<property ").count(), 1, "{run}");
}

// The daemon had the worker's connection open, and the run waited for its end.
#[test]
fn a_daemon_that_a_test_forks_does_not_keep_the_run() {
    let text = "import os, time\n\
                def test_it():\n    \
                    if os.fork() == 0:\n        \
                        os.setsid()\n        \
                        if os.fork() == 0:\n            time.sleep(600)\n        \
                        os._exit(0)\n    \
                    os.wait()\n";
    for engine in ["fork", "spawn"] {
        let run = Suite::new(&[("test_it.py", text)]).test(&["-n", "1", "--engine", engine]);
        assert_eq!((run.code, run.totals()["passed"]), (Some(0), 1), "{engine} {run}");
        assert!(run.stdout.contains("\nLEAK "), "{engine} {run}");
        run.assert_nothing_left();
    }
}

// Nobody told the one that waited for a lock that its holder had died: the run hung.
#[test]
fn a_lock_that_its_holder_died_with_goes_to_those_who_wait_for_it() {
    let mark = "import os, pytest\nlocked = pytest.mark.pnl(lock='db')\n";
    let dies = "@locked\ndef test_a(): pass\n@locked\ndef test_b():\n    \
                while not os.path.exists('waits'): pass\n    os._exit(3)\n";
    // Its worker has the first test and waits for the second when the first is over.
    let waits = "def test_c(): open('waits', 'w').close()\n@locked\ndef test_d(): pass\n";
    let suite = Suite::new(&[
        ("test_dies.py", &format!("{mark}{dies}")),
        ("test_waits.py", &format!("{mark}{waits}")),
    ]);
    let run = suite.test(&["-n", "2", "--dist", "loadfile"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(1), 3), "{run}");
    run.assert_sums_match();
}

// Its successor had begun when it was killed, and counted as interrupted.
#[test]
fn a_test_that_outlives_its_limits_signal_takes_no_other_with_it() {
    let text = "import signal, time, pytest\n\
                def leave(*_): raise RuntimeError('told to')\n\
                @pytest.mark.pnl(timeout=0.2)\n\
                def test_stuck():\n    \
                    signal.signal(signal.SIGTERM, leave)\n    time.sleep(600)\n\
                def test_next(): time.sleep(0.1)\ndef test_last(): pass\n";
    let suite = Suite::new(&[("test_it.py", text)]);
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["-n", "1", "--engine", engine, "--", "--junitxml=junit.xml"]);
        let expected = [("passed".to_owned(), 2), ("timed_out".to_owned(), 1)];
        assert_eq!(run.totals(), expected.into(), "{engine} {run}");
    }
    let junit = suite.read("junit.xml");
    assert!(!junit.contains("told to") && junit.matches("<testcase").count() == 3, "{junit}");
}

// No test's time ran any more: it hung, or under --isolation none was killed without a word.
#[test]
fn a_session_that_does_not_end_is_ended_at_the_limit_and_fails_the_run() {
    let text = "import time, pytest\n\
                @pytest.fixture(scope='session')\n\
                def stuck():\n    yield\n    while True: time.sleep(600)\n\
                def test_a(stuck): pass\n";
    let suite = Suite::new(&[("test_it.py", text)]);
    let run = suite.test(&["-n", "1", "--isolation", "none", "--loop", "2", "--timeout", "1"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(1), 2), "{run}");
    assert!(run.stdout.contains("took longer to end its session than 1 s"), "{run}");
    assert!(run.stdout.contains("in stuck"), "{run}");
    run.assert_nothing_left();
}

// The attempt was left for the idle worker, which could not have it, and its own waited for it.
#[test]
fn a_retry_is_not_kept_for_a_worker_that_waits_for_the_next_round() {
    let shaky = "import os\n\
                 def test_a(): assert os.environ['PNL_ATTEMPT'] == '2'\n\
                 def test_b(): pass\ndef test_c(): pass\n";
    let suite = Suite::new(&[("test_shaky.py", shaky), ("test_short.py", "def test_d(): pass\n")]);
    let words = ["-n", "2", "--dist", "loadfile", "--isolation", "none", "--loop", "2"];
    let run = suite.test(&[&words[..], &["--retries", "1"]].concat());
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 8), "{run}");
    assert_eq!(run.the("run-ended")["flaky"], 2, "{run}");
}

// Of a worker that is kept, only the first failure of each test was, and that was one tried again.
#[test]
fn failures_of_attempts_and_rounds_on_one_worker_are_all_told_to_pytests_session() {
    let text = "import os\n\
                def now(): return os.environ['PNL_ROUND'] + os.environ['PNL_ATTEMPT']\n\
                def test_first(): assert now() not in ('11', '12')\n\
                def test_second(): assert now() not in ('11', '21', '22')\n\
                def test_never(): pass\n";
    let suite = Suite::new(&[("test_it.py", text)]);
    let words = ["-n", "2", "--loop", "2", "--keep-going", "--retries", "1"];
    for isolation in ["round", "none"] {
        let more = ["--isolation", isolation, "--", "--junitxml=junit.xml"];
        let run = suite.test(&[&words[..], &more[..]].concat());
        assert_eq!((run.code, run.totals()["failed"]), (Some(1), 2), "{isolation} {run}");
        let junit = suite.read("junit.xml");
        assert!(junit.contains("failures=\"2\"") && junit.contains("tests=\"4\""), "{junit}");
    }
}

/// A loop of plain pytest over random ids ended with "no outcome was reported".
#[test]
fn rounds_of_plain_pytest_may_have_other_ids() {
    let text = "import pytest, uuid\n\
                @pytest.mark.parametrize('x', [str(uuid.uuid4()) for _ in range(3)])\n\
                def test_it(x): pass\n";
    let suite = Suite::new(&[("test_random.py", text)]);
    let run = suite.test(&["--engine", "pytest", "--loop", "2"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 6), "{run}");
    run.assert_sums_match();
}
