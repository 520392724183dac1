//! What plugins of pytest's own process make of tests that ran in workers: files, pytest's cache, the
//! words at the end, the exit status. Nothing of it is pnl's.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use harness::{Run, Suite};

/// One test of each outcome, and what a conftest hears of them.
const TESTS: &str = "
import pytest

@pytest.fixture
def bad():
    yield
    assert 0, 'in tear-down'

def test_passes(): pass
def test_fails(): assert 0, 'wrong'
def test_errs(bad): pass
@pytest.mark.skip(reason='not today')
def test_skipped(): pass
@pytest.mark.xfail(reason='known')
def test_xfails(): assert 0
@pytest.mark.xfail(reason='known')
def test_xpasses(): pass
def test_tells(record_property):
    print('printed')
    record_property('size', {'a': (1, object)})
";

const CONFTEST: &str = "
import probe

def pytest_terminal_summary(terminalreporter, exitstatus):
    counts = {name: len(of) for name, of in terminalreporter.stats.items() if name}
    terminalreporter.write_line(f'CONFTEST {sorted(counts.items())} {int(exitstatus)}')

def pytest_sessionfinish(session, exitstatus):
    who = getattr(session.config, 'workerinput', {}).get('workerid', 'main')
    probe.log(who, int(exitstatus), session.testsfailed, session.testscollected)
";

fn suite() -> Suite {
    Suite::new(&[("test_a.py", TESTS)])
}

fn main_lines(suite: &Suite) -> Vec<String> {
    suite.log().into_iter().filter(|line| line.starts_with("main")).collect()
}

/// The line of a conftest's summary that begins with this.
fn line<'a>(run: &'a Run, start: &str) -> &'a str {
    run.stdout.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{run}"))
}

#[test]
fn a_conftest_hears_of_all_tests_once_and_of_the_sessions_end_as_under_pytest() {
    let suite = suite();
    suite.write("conftest.py", CONFTEST);
    let plain = suite.pytest(&["-q"]);
    let serial = main_lines(&suite);
    let run = suite.test(&["-n", "2"]);
    assert_eq!(line(&run, "CONFTEST"), line(&plain, "CONFTEST"));
    assert_eq!(main_lines(&suite), [&serial[..], &serial[..]].concat());
    let log = suite.log();
    for worker in ["gw0", "gw1"] {
        assert_eq!(log.iter().filter(|line| line.starts_with(worker)).count(), 1, "{log:?}");
    }
    assert_eq!(run.code, Some(1), "{run}");
}

#[test]
fn what_was_asked_for_is_shown_and_pytests_own_noise_is_not() {
    let suite = suite();
    let run = suite.test(&["-n", "2", "--", "-rA", "--durations=1", "-vv"]);
    for part in
        ["SKIPPED [1]", "XFAIL test_a.py::test_xfails - known", "PASSED test_a.py::test_passes"]
    {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
    assert!(run.stdout.contains("slowest 1 durations"), "{run}");
    assert!(!run.stdout.contains("= FAILURES ="), "{run}");
    let quiet = suite.test(&["-n", "2"]);
    assert!(!quiet.stdout.contains("short test summary"), "nothing was asked for: {quiet}");
}

#[test]
fn junitxml_has_every_test_as_pytest_has_it() {
    let suite = suite();
    suite.pytest(&["--junitxml=serial.xml"]);
    let run = suite.test(&["-n", "2", "--", "--junitxml=ours.xml"]);
    let (serial, ours) = (suite.read("serial.xml"), suite.read("ours.xml"));
    let sums = |xml: &str| {
        let suite = xml.split("<testsuite ").nth(1).unwrap();
        suite.split(" time=").next().unwrap().to_owned()
    };
    assert_eq!(sums(&ours), sums(&serial), "{run}");
    let names = |xml: &str| -> Vec<String> {
        let cases = xml.split("<testcase ").skip(1);
        let mut names: Vec<String> =
            cases.map(|case| case.split(" time=").next().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&ours), names(&serial));
    assert!(ours.contains("<property name=\"size\""), "{ours}");
    assert!(run.stdout.contains("generated xml file"), "{run}");
}

#[test]
fn last_failed_is_kept_also_for_a_worker_that_died() {
    let suite = Suite::new(&[(
        "test_a.py",
        "
import os, pathlib
fixed = pathlib.Path('fixed').exists()
def test_fails(): assert fixed
def test_dies(): fixed or os.abort()
def test_passes(): pass
",
    )]);
    let run = suite.test(&["-n", "2"]);
    assert_eq!(run.code, Some(1), "{run}");
    let again = suite.test(&["-n", "2", "--", "--lf"]);
    assert_eq!(again.ends().count(), 2, "{again}");
    suite.write("fixed", "");
    let fixed = suite.test(&["-n", "2", "--", "--lf", "--last-failed-no-failures=none"]);
    assert_eq!((fixed.code, fixed.ends().count()), (Some(0), 2), "{fixed}");
    let none = suite.test(&["-n", "2", "--", "--lf", "--last-failed-no-failures=none"]);
    assert_eq!(none.code, Some(5), "those that passed are forgotten: {none}");
}

#[test]
fn stepwise_goes_on_where_it_stopped() {
    let suite = Suite::new(&[(
        "test_a.py",
        "
import pathlib
def test_1(): pass
def test_2(): assert pathlib.Path('fixed').exists()
def test_3(): pass
",
    )]);
    let run = suite.test(&["-n", "1", "--", "--sw"]);
    assert_eq!(run.totals()["not_run"], 1, "{run}");
    suite.write("fixed", "");
    let again = suite.test(&["-n", "1", "--", "--sw"]);
    assert_eq!((again.code, again.ends().count()), (Some(0), 2), "{again}");
}

#[test]
fn a_test_whose_worker_died_is_in_junitxml() {
    let suite = Suite::new(&[("test_a.py", "import os\ndef test_dies(): os._exit(3)\n")]);
    suite.test(&["-n", "1", "--", "--junitxml=x.xml"]);
    let xml = suite.read("x.xml");
    assert!(xml.contains("name=\"test_dies\""), "{xml}");
    assert!(xml.contains("the worker died while it ran this test: exit status 3"), "{xml}");
}

#[test]
fn of_a_loop_plugins_see_the_last_round_and_what_failed_before() {
    let suite = Suite::new(&[(
        "test_a.py",
        "
import os
def test_a(): assert os.environ['PNL_ROUND'] != '1'
def test_b(): pass
",
    )]);
    for isolation in ["round", "none"] {
        let words = ["--loop", "3", "--keep-going", "-n", "2", "--isolation", isolation];
        let run = suite.test(&[&words[..], &["--", "--junitxml=x.xml"]].concat());
        let xml = suite.read("x.xml");
        let times = |name: &str| xml.matches(&format!(" name=\"{name}\"")).count();
        assert_eq!((times("test_a"), times("test_b")), (2, 1), "{isolation}: {xml} {run}");
        assert_eq!(run.code, Some(1), "{run}");
    }
}

#[test]
fn a_run_that_was_stopped_ends_the_session_so() {
    let suite = Suite::new(&[
        ("conftest.py", CONFTEST),
        ("test_a.py", "import pytest\ndef test_a(): pytest.exit('enough', 7)\n"),
    ]);
    let run = suite.test(&["-n", "1"]);
    assert_eq!(run.code, Some(7), "{run}");
    assert_eq!(main_lines(&suite), ["main 7 0 1"]);
}

#[test]
fn a_listener_that_raises_is_an_internal_error_that_is_shown() {
    let suite = Suite::new(&[
        (
            "conftest.py",
            "
import os
def pytest_runtest_logreport(report):
    if 'PYTEST_XDIST_WORKER' not in os.environ: raise RuntimeError('cannot listen')
",
        ),
        ("test_a.py", "def test_a(): pass\n"),
    ]);
    let run = suite.test(&["-n", "1"]);
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stdout.contains("RuntimeError: cannot listen"), "{run}");
    assert_eq!(run.totals()["passed"], 1, "{run}");
}

#[test]
fn spawned_workers_say_what_they_cannot_and_leave_files_alone() {
    let suite = suite();
    let run = suite.test(&["-n", "2", "--engine", "spawn", "--", "--junitxml=x.xml"]);
    assert!(run.stdout.contains("--junitxml: nothing comes of it with --engine spawn"), "{run}");
    assert!(!suite.root().join("x.xml").exists());
}

#[test]
fn of_a_test_that_was_tried_again_only_the_last_attempt_is_seen() {
    let suite = Suite::new(&[(
        "test_a.py",
        "
import os
def attempt(): return int(os.environ.get('PNL_ATTEMPT', 1))
def test_flaky(): assert attempt() == 2
def test_fails(): assert 0, attempt()
def test_dies_once(): attempt() == 2 or os._exit(3)
def test_passes(): pass
",
    )]);
    let words = ["-n", "2", "--retries", "1", "--", "--junitxml=x.xml", "--deselect"];
    let run = suite.test(&[&words[..], &["test_a.py::test_fails"]].concat());
    assert_eq!(run.code, Some(0), "what is flaky fails no run, in pytest's session neither: {run}");
    let xml = suite.read("x.xml");
    assert!(xml.contains("failures=\"0\" skipped=\"0\" tests=\"3\""), "{xml}");
    let run = suite.test(&[&words[..], &["test_a.py::test_passes"]].concat());
    assert_eq!(run.code, Some(1), "{run}");
    let xml = suite.read("x.xml");
    assert!(xml.contains("failures=\"1\" skipped=\"0\" tests=\"3\""), "{xml}");
    assert!(xml.contains("AssertionError: 2"), "the last attempt's words: {xml}");
}

#[test]
fn xdists_functions_tell_workers_and_their_controller_apart() {
    let conftest = "
import probe, xdist

def pytest_sessionfinish(session):
    probe.log(
        xdist.get_xdist_worker_id(session),
        xdist.is_xdist_worker(session),
        xdist.is_xdist_controller(session),
    )
";
    let suite = Suite::new(&[("conftest.py", conftest), ("test_a.py", "def test_a(): pass\n")]);
    let suite = suite.with_xdist();
    let run = suite.test(&["-n", "1"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(suite.log(), ["gw0 True False", "master False True"]);
}
