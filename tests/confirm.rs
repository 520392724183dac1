//! `pnl confirm`: what a recorded loop says, put to the proof with real pytest.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use harness::Suite;
use rustix::process::Signal;
use serde_json::Value;

/// A race over a file. It sleeps, because a race needs time in which it can happen.
const RACE: &str = "
import pathlib, time

FILE = pathlib.Path(__file__).with_name('held')

def test_holds():
    FILE.touch()
    time.sleep(0.06)
    FILE.unlink(missing_ok=True)

def test_looks():
    time.sleep(0.01)
    assert not FILE.exists()
";

/// A polluter, and a cleaner that can hide it, each in a file of its own.
const ORDER: [(&str, &str); 3] = [
    ("test_clean.py", "def test_cleans(): seen.clear()"),
    ("test_pollute.py", "def test_pollutes(): seen.append(1)"),
    ("test_victim.py", "def test_victim(): assert seen == []"),
];

const FLAKY: &str = "
import os

def test_flaky(): assert os.urandom(1)[0] < 128
def test_broken(): assert 0
";

/// Tests that have nothing to do with any of it.
const OTHERS: &str = "
import time, pytest

@pytest.mark.parametrize('n', range(8))
def test_other(n): time.sleep(0.03)
";

fn confirmed(suite: &Suite, words: &[&str]) -> Value {
    let words = [&["confirm", "--format", "json"], words].concat();
    let run = suite.run(&words);
    assert_eq!(run.code, Some(0), "{run}");
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

fn answer<'a>(said: &'a Value, test: &str) -> &'a Value {
    let tests = said["tests"].as_array().unwrap();
    tests.iter().find(|it| it["nodeid"] == test).unwrap_or_else(|| panic!("{test}: {said:#}"))
}

/// Some twenty seconds: a loop in which everything fails at least once, then the experiments.
#[test]
fn causes_are_found_by_experiment_and_kept_with_the_run() {
    let suite = Suite::new(&[
        ("state.py", "seen = []"),
        ("conftest.py", ""),
        ("test_race.py", RACE),
        ("test_flaky.py", FLAKY),
        ("test_others.py", OTHERS),
    ]);
    for (file, text) in ORDER {
        suite.write(file, &format!("from state import seen\n{text}\n"));
    }
    let looped = suite.test(&["-n", "2", "--loop", "30", "--keep-going"]);
    assert_eq!(looped.code, Some(1), "{looped}");
    let said = confirmed(&suite, &[]);
    let verdict = |test| answer(&said, test)["verdict"].clone();

    let race = verdict("test_race.py::test_looks");
    assert_eq!(race["kind"], "interferes-with", "{said:#}");
    assert_eq!(race["culprits"], serde_json::json!(["test_race.py::test_holds"]), "{said:#}");
    let order = verdict("test_victim.py::test_victim");
    assert_eq!(order["kind"], "order-dependent", "{said:#}");
    assert_eq!(
        order["culprits"],
        serde_json::json!(["test_pollute.py::test_pollutes"]),
        "{said:#}"
    );
    assert_eq!(verdict("test_flaky.py::test_flaky")["kind"], "flaky-alone", "{said:#}");
    assert_eq!(verdict("test_flaky.py::test_broken")["kind"], "broken", "{said:#}");
    assert_eq!(said["undecided"], 0, "{said:#}");

    let arms = answer(&said, "test_race.py::test_looks")["arms"].clone();
    assert_eq!(arms[0]["name"], "alone", "{said:#}");
    assert_eq!(arms[0]["failed"], 0, "{said:#}");
    let run = said["run"].as_str().unwrap();
    let shown = suite.run(&["show", run, "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let tests = shown["tests"].as_array().unwrap();
    let stored = tests.iter().find(|it| it["nodeid"] == "test_race.py::test_looks").unwrap();
    assert_eq!(stored["verdict"]["confirmed"], true, "{stored:#}");
    assert_eq!(stored["verdict"]["culprits"], race["culprits"]);
}

#[test]
fn a_named_test_of_a_named_run_is_tried_within_a_budget() {
    let suite = Suite::new(&[("test_flaky.py", FLAKY)]);
    suite.test(&["--loop", "12", "--keep-going"]);
    let run = suite.show()["run"]["id"].as_str().unwrap().to_owned();
    let said = confirmed(&suite, &["test_flaky.py::test_broken", &run, "--budget", "100"]);
    assert_eq!(said["tests"].as_array().unwrap().len(), 1, "{said:#}");
    assert_eq!(said["confirmed"], 1, "{said:#}");
    assert!(said["executions"].as_u64().unwrap() <= 100, "{said:#}");
    let text = suite.run(&["confirm", "test_flaky.py::test_broken", &run]);
    assert!(text.stdout.contains("confirmed test_flaky.py::test_broken\n  broken\n"), "{text}");
    assert!(text.stdout.contains("1 confirmed, 0 refuted, 0 undecided"), "{text}");
}

#[test]
fn what_cannot_be_tried_is_refused_with_what_could() {
    let suite = Suite::new(&[("test_flaky.py", FLAKY), ("test_good.py", "def test_good(): pass")]);
    let refused = |words: &[&str], why: &str| {
        let run = suite.run(&[&["confirm"], words].concat());
        assert_eq!(run.code, Some(4), "{run}");
        assert!(run.stderr.contains(why), "{why}: {run}");
    };
    suite.test(&["test_good.py"]);
    refused(&[], "no stored run of tests has failures");
    refused(&["last"], "no stored run of tests has failures");
    suite.test(&["--loop", "2", "--keep-going"]);
    refused(&["test_good.py::test_good"], "Those that failed:\n  test_flaky.py::");
    refused(&["20260101", "20260102"], "two runs are named");
    refused(&["--budget", "soon"], "a budget is a number of executions (2000) or a time");
}

/// The second test waits until the signal was sent, so that the first has been answered.
#[test]
fn an_interrupt_ends_it_and_keeps_what_is_known() {
    let suite = Suite::new(&[(
        "test_a.py",
        "
import pathlib, probe

def test_1_broken(): assert 0

def test_2_waits():
    if pathlib.Path('confirming').exists():
        probe.ring('waiting')
    assert pathlib.Path('passes').exists()
",
    )]);
    suite.write("passes", "");
    suite.test(&["-n", "1"]);
    std::fs::remove_file(suite.root().join("passes")).unwrap();
    suite.test(&["-n", "1", "--loop", "4", "--keep-going"]);
    suite.write("confirming", "");
    let mut bell = suite.bell();
    let mut running = harness::Running::start(suite.pnl(&["confirm"]), None);
    // What fails always is tried after all others too.
    drop(bell.wait_for("waiting"));
    running.wait_for_line("confirmed test_a.py::test_1_broken");
    let waiting = bell.wait_for("waiting");
    running.signal(Signal::INT);
    let run = running.finish();
    drop(waiting);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stdout.contains("undecided test_a.py::test_2_waits"), "{run}");
    assert!(run.stdout.contains("1 confirmed, 0 refuted, 1 undecided"), "{run}");
    let shown = suite.run(&["show", "--format", "json"]);
    assert_eq!(shown.code, Some(0), "{shown}");
}
