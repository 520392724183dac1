//! The end of a session: what goes wrong there is a failure, and what cuts it short is told.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use harness::Suite;
use rustix::process::Signal;

fn dying(role: &str, how: &str) -> Suite {
    let conftest = format!(
        "import os, signal\n\
         def pytest_sessionfinish():\n    \
             if ('PYTEST_XDIST_WORKER' in os.environ) == ({role:?} == 'worker'):\n        {how}\n"
    );
    let tests = "def test_1(): pass\ndef test_2(): pass\n";
    Suite::new(&[("conftest.py", &conftest), ("test_a.py", tests)])
}

#[test]
fn a_worker_that_dies_at_its_sessions_end_is_a_failure() {
    for engine in ["fork", "spawn"] {
        let suite = dying("worker", "os.kill(os.getpid(), signal.SIGKILL)");
        let run = suite.test(&["-n", "2", "--engine", engine]);
        assert_eq!(run.code, Some(1), "{engine} {run}");
        assert_eq!(run.totals()["passed"], 2, "{engine} {run}");
        assert!(run.stdout.contains("ended before the end of its session"), "{engine} {run}");
        run.assert_sums_match();
    }
}

#[test]
fn a_template_that_is_killed_at_its_end_is_an_internal_error() {
    let run = dying("template", "os.kill(os.getpid(), signal.SIGSEGV)").test(&["-n", "2"]);
    assert_eq!(run.code, Some(3), "{run}");
    assert_eq!(run.totals()["passed"], 2, "{run}");
    assert!(run.stdout.contains("ended by signal 11 at its session's end"), "{run}");
    run.assert_sums_match();
}

#[test]
fn an_interrupt_while_kept_sessions_end_is_told() {
    let test = "
import pytest, probe
@pytest.fixture(scope='session', autouse=True)
def session():
    yield
    probe.ring('down')
def test_1(): pass
";
    let suite = Suite::new(&[("test_a.py", test)]);
    let mut bell = suite.bell();
    let running = suite.start(&["-n1", "--loop", "2", "--isolation", "none", "--grace", "1s"]);
    let down = bell.wait_for("down");
    running.signal(Signal::INT);
    let run = running.finish();
    drop(down);
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(run.totals()["passed"], 2, "{run}");
    assert_eq!(suite.show()["run"]["stop_reason"], "interrupted");
    run.assert_nothing_left();
}

#[test]
fn a_retry_that_never_came_is_not_told_as_the_attempt_that_failed() {
    let test = "
import pytest
def test_1(): assert False
def test_2(): pytest.exit('enough')
";
    let suite = Suite::new(&[("test_a.py", test)]);
    let run = suite.test(&["-n1", "--retries", "1"]);
    assert_eq!(run.code, Some(2), "{run}");
    let end = run.ends().find(|end| end["nodeid"] == "test_a.py::test_1").unwrap();
    assert_eq!((&end["outcome"], &end["attempt"]), (&"not_run".into(), &2.into()), "{run}");
    run.assert_sums_match();
}
