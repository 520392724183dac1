//! Every run checks itself: what was executed is what pytest collected, or pnl exits 3 and names what
//! is missing. The controller's side against a fake is in `fake_worker.rs`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use harness::{Run, Suite};

const THREE: (&str, &str) =
    ("test_three.py", "def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n");

const ENGINES: [&str; 4] = ["fork", "spawn", "pytest", "xdist"];

fn suite(conftest: &str) -> Suite {
    Suite::new(&[THREE, ("conftest.py", conftest)]).with_xdist()
}

/// One test has no outcome, the others ran, and the run says which and exits with 3.
fn assert_names_b(engine: &str, run: &Run) {
    assert_eq!(run.code, Some(3), "{engine} {run}");
    assert_eq!(run.outcome("test_b"), "not_run", "{engine} {run}");
    assert_eq!(run.totals()["passed"], 2, "the rest still ran: {engine} {run}");
    assert!(
        run.stdout.contains("no outcome was reported of 1 test that pytest collected: ")
            && run.stdout.contains("test_three.py::test_b"),
        "{engine} {run}"
    );
    run.assert_sums_match();
}

// It counted as passed with fork and spawn; pytest's own last line says "2 passed".
#[test]
fn a_test_that_a_hook_swallows_has_no_outcome() {
    let suite = suite(
        "import pytest\n\
         @pytest.hookimpl(tryfirst=True)\n\
         def pytest_runtest_protocol(item):\n    \
             if item.name == 'test_b': return True\n",
    );
    let plain = suite.pytest(&["-q"]);
    assert!(plain.code == Some(0) && plain.stdout.contains("2 passed"), "{plain}");
    for engine in ENGINES {
        assert_names_b(engine, &suite.test(&["-n", "2", "--engine", engine]));
    }
}

// The observed engines called it the death of pytest.
#[test]
fn nor_has_one_that_began_and_was_dropped() {
    let suite = suite(
        "import pytest\n\
         @pytest.hookimpl(tryfirst=True)\n\
         def pytest_runtest_protocol(item):\n    \
             if item.name == 'test_b':\n        \
                 item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)\n        \
                 return True\n",
    );
    for engine in ["fork", "pytest"] {
        assert_names_b(engine, &suite.test(&["-n", "1", "--engine", engine]));
    }
}

#[test]
fn a_run_with_a_gap_ends_after_its_round() {
    let suite = suite(
        "import pytest\n\
         @pytest.hookimpl(tryfirst=True)\n\
         def pytest_runtest_protocol(item):\n    \
             if item.name == 'test_b': return True\n",
    );
    let run = suite.test(&["-n", "2", "--loop", "3", "--keep-going"]);
    assert_eq!(run.all("round-ended").count(), 1, "{run}");
    assert_names_b("fork", &run);
}

#[test]
fn a_test_that_has_more_outcomes_than_planned_is_named() {
    let suite = suite(
        "import pytest\n\
         from _pytest.runner import runtestprotocol\n\
         @pytest.hookimpl(tryfirst=True)\n\
         def pytest_runtest_protocol(item, nextitem):\n    \
             if item.name == 'test_b': runtestprotocol(item, nextitem=item)\n",
    );
    let run = suite.test(&["--engine", "pytest"]);
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stdout.contains("1 test had more outcomes than were planned"), "{run}");
    assert!(run.stdout.contains("test_three.py::test_b"), "{run}");
    run.assert_sums_match();
    // A worker says one outcome of a test, however often a plugin runs it: the last one's.
    let run = suite.test(&["-n", "2"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 3), "{run}");
}
