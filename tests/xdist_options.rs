//! xdist's options, typed after `--` or configured: what they make of a run.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use harness::{Run, Suite};

const TESTS: &str = "
import os, probe

def test_a1(): probe.log('count', os.environ['PYTEST_XDIST_WORKER_COUNT'])
def test_a2(): pass
def test_a3(): pass
class TestA:
    def test_a4(self): pass
    def test_a5(self): pass
";

fn suite(ini: &str) -> Suite {
    Suite::new(&[("test_a.py", TESTS), ("test_b.py", "def test_b1(): pass"), ("pytest.ini", ini)])
}

/// Workers and dist mode as the run's events have them.
fn shape(run: &Run) -> (u64, String) {
    let of = |name: &str| run.events.iter().find(|it| it["event"] == name).unwrap();
    let dist = of("run-started")["dist"].as_str().unwrap().to_owned();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.ends().count(), 6, "{run}");
    (of("collected")["workers"].as_u64().unwrap(), dist)
}

fn with(workers: u64, dist: &str) -> (u64, String) {
    (workers, dist.to_owned())
}

#[test]
fn options_of_the_project_are_understood_with_xdist_and_without() {
    let ini = "[pytest]\naddopts = -n 3 --dist loadfile\n";
    for suite in [suite(ini), suite(ini).with_xdist()] {
        let run = suite.test(&[]);
        assert_eq!(shape(&run), with(3, "loadfile"));
        assert!(run.stdout.contains("3 workers, fork/loadfile"), "{run}");
    }
}

#[test]
fn what_is_typed_goes_before_the_environment_and_pnls_own_option_before_that() {
    let ini = "[pytest]\naddopts = -n 4 --dist loadfile\n";
    let suite = suite(ini).with("PNL_WORKERS", "2");
    assert_eq!(shape(&suite.test(&[])), with(2, "loadfile"));
    assert_eq!(shape(&suite.test(&["--", "-n", "3"])), with(3, "loadfile"));
    let all = ["-n", "1", "--dist", "worksteal", "--", "-n", "3", "--dist=load"];
    assert_eq!(shape(&suite.test(&all)), with(1, "worksteal"));
}

#[test]
fn a_limit_cuts_and_auto_is_what_the_variable_says() {
    let suite = suite("[pytest]\n").with("PYTEST_XDIST_AUTO_NUM_WORKERS", "5");
    assert_eq!(shape(&suite.test(&["-n", "auto"])), with(5, "pnl"));
    assert_eq!(shape(&suite.test(&["--", "-n", "auto", "--maxprocesses", "3"])), with(3, "pnl"));
    assert_eq!(shape(&suite.test(&["--", "-n0"])), with(1, "pnl"));
}

#[test]
fn spawned_workers_are_told_the_right_number() {
    let suite = suite("[pytest]\naddopts = -n 3\n").with("PYTEST_XDIST_AUTO_NUM_WORKERS", "2");
    let run = suite.test(&["--engine", "spawn"]);
    assert_eq!(shape(&run), with(3, "pnl"));
    assert_eq!(suite.log(), ["count 3"]);
    run.assert_nothing_left();
}

#[test]
fn a_run_stops_when_more_workers_crash_than_may_be_replaced() {
    let crashes = "
import os, pytest
@pytest.mark.parametrize('n', range(6))
def test_c(n): os._exit(7)
";
    let suite = Suite::new(&[("test_c.py", crashes)]);
    for (limit, crashed) in [("0", 1), ("2", 3)] {
        let run = suite.test(&["-n", "1", "--", "--max-worker-restart", limit]);
        assert_eq!(run.code, Some(1), "{run}");
        assert_eq!(run.totals()["crashed"], crashed, "{run}");
        assert!(run.stdout.contains(&format!("--max-worker-restart {limit}")), "{run}");
        run.assert_sums_match();
    }
}

// Its other plugin stays, and has an option -f too.
#[test]
fn they_are_understood_where_xdist_is_installed_and_switched_off() {
    let suite = suite("[pytest]\naddopts = -p no:xdist\n").with_xdist();
    assert_eq!(shape(&suite.test(&["--", "-n", "3"])), with(3, "pnl"));
}

#[test]
fn what_cannot_be_done_is_refused() {
    let run = suite("[pytest]\naddopts = --tx 2*popen\n").test(&[]);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(format!("{run}").contains("--tx of pytest-xdist does not go with pnl"), "{run}");
}

#[test]
fn under_the_engine_xdist_they_are_left_to_xdist() {
    let suite = suite("[pytest]\n").with_xdist();
    let run = suite.test(&["--engine", "xdist", "-n", "2", "--", "--dist", "loadfile"]);
    assert_eq!(run.code, Some(0), "{run}");
    let worker_of = |name: &str| run.workers_of(&[name]);
    assert_eq!(worker_of("test_a1"), worker_of("test_a5"));
}
