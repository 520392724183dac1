//! `pnl replay`: a recorded run is done again, in the same order beside the same others.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use harness::{Run, Suite};
use serde_json::{Value, json};

/// Two tests that fail when they run side by side: each waits for the other one, and gives up.
const MEETING: &str = "
import pathlib, time
HERE = pathlib.Path(__file__).parent
def meets(own, other):
    (HERE / own).touch()
    try:
        give_up = time.monotonic() + 2
        while time.monotonic() < give_up:
            if (HERE / other).exists():
                time.sleep(0.1)  # so that the other one sees this one, too
                return True
        return False
    finally:
        (HERE / own).unlink()
";

fn meeting() -> Suite {
    let one = format!("{MEETING}\ndef test_one(): assert not meets('one', 'two')\n");
    let two = format!("{MEETING}\ndef test_two(): assert not meets('two', 'one')\n");
    Suite::new(&[("test_one.py", &one), ("test_two.py", &two)])
}

/// What a module keeps, a later test trips over.
const POLLUTED: &str = "
KEPT = []
def test_first(): pass
def test_polluter(): KEPT.append(1)
def test_victim(): assert not KEPT
def test_last(): pass
";

fn followed(run: &Run) -> Value {
    serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap_or_else(|_| panic!("{run}"))
}

#[test]
fn what_ran_side_by_side_does_so_again() {
    let suite = meeting();
    let run = suite.test(&["-n", "2"]);
    assert_eq!(run.code, Some(1), "{run}");
    let again = suite.run(&["replay", "--format", "json"]);
    assert_eq!(again.code, Some(1), "{again}");
    let went = followed(&again);
    assert_eq!((&went["ran"], &went["overlaps"]), (&json!(2), &json!(1)), "{again}");
    assert_eq!((&went["overlaps_again"], &went["overlaps_new"]), (&json!(1), &json!(0)));
    assert_eq!(went["failed"].as_array().unwrap().len(), 2, "{again}");
    assert_eq!(went["failed"][0]["now"], 1);
}

#[test]
fn what_ran_one_after_the_other_does_not_meet() {
    let suite = meeting();
    let run = suite.test(&["-n", "1"]);
    assert_eq!(run.code, Some(0), "{run}");
    let again = suite.run(&["replay"]);
    assert_eq!(again.code, Some(0), "{again}");
    let line = "followed the record: 2 of 2 executions in their order, 0 of 0 overlaps again, 0 new; \
                2 ended as recorded";
    assert!(again.stdout.contains(line), "{again}");
}

#[test]
fn a_test_is_replayed_with_what_led_to_it_and_no_more() {
    let suite = Suite::new(&[("test_it.py", POLLUTED)]);
    let run = suite.test(&["-n", "1", "--loop", "2", "--keep-going"]);
    assert_eq!(run.code, Some(1), "{run}");
    let again = suite.run(&["replay", "--test", "test_it.py::test_victim"]);
    assert_eq!(again.code, Some(1), "{again}");
    assert!(again.stdout.contains("3 of 3 executions"), "{again}");
    assert!(again.stdout.contains("test_it.py::test_victim had failed once and failed once"));
    // A replay is no run to be done again by itself.
    let all = suite.run(&["replay", "last", "--format", "json"]);
    assert_eq!(
        (&followed(&all)["rounds"], &followed(&all)["ran"]),
        (&json!(2), &json!(8)),
        "{all}"
    );
    assert_eq!(suite.stored_runs(), 3, "replays are stored too");
}

#[test]
fn tests_that_are_gone_are_left_out_and_counted() {
    let suite = Suite::new(&[("test_it.py", POLLUTED)]);
    suite.test(&["-n", "1"]);
    suite.write("test_it.py", &POLLUTED.replace("test_first", "test_renamed"));
    let again = suite.run(&["replay", "--format", "json"]);
    assert_eq!(again.code, Some(1), "{again}");
    let went = followed(&again);
    assert_eq!(
        (&went["recorded"], &went["ran"], &went["missing"]),
        (&json!(4), &json!(3), &json!(1))
    );
}

#[test]
fn a_worker_that_dies_again_keeps_nobody_waiting() {
    let dies = "import os\ndef test_dies(): os._exit(7)\n";
    let suite = Suite::new(&[("test_a.py", dies), ("test_b.py", "def test_b(): pass\n")]);
    let run = suite.test(&["-n", "2"]);
    assert_eq!(run.code, Some(1), "{run}");
    let again = suite.run(&["replay", "--format", "json"]);
    assert_eq!(again.code, Some(1), "{again}");
    assert_eq!(followed(&again)["same_outcomes"], 2, "{again}");
}

#[test]
fn with_kept_workers_all_rounds_are_one_in_the_same_process() {
    let text = "KEPT = []\ndef test_once():\n    KEPT.append(1)\n    assert len(KEPT) == 1\n";
    let suite = Suite::new(&[("test_it.py", text)]);
    let run = suite.test(&["-n", "1", "--isolation", "none", "--loop", "3", "--keep-going"]);
    assert_eq!(run.totals().get("failed"), Some(&2), "{run}");
    let again = suite.run(&["replay", "--format", "json"]);
    let went = followed(&again);
    assert_eq!((&went["ran"], &went["same_outcomes"]), (&json!(3), &json!(3)), "{again}");
    assert_eq!(went["failed"][0], json!({"nodeid": "test_it.py::test_once", "then": 2, "now": 2}));
}

#[test]
fn what_cannot_be_done_again_is_said() {
    let suite = Suite::new(&[("test_it.py", POLLUTED)]);
    let none = suite.run(&["replay"]);
    assert_eq!(none.code, Some(4), "{none}");
    suite.test(&["-n", "1"]);
    for (words, said) in [
        (&["replay", "--round", "7"][..], "that run has no round 7: it had rounds 1 to 1"),
        (&["replay", "--test", "test_it.py::x"], "test_it.py::x did not run in that run"),
        (&["replay", "nosuch"], "nosuch"),
    ] {
        let run = suite.run(words);
        assert_eq!(run.code, Some(4), "{run}");
        assert!(run.stderr.contains(said), "{run}");
    }
    suite.test(&["-n", "1", "--engine", "spawn"]);
    let spawned = suite.run(&["replay"]);
    assert_eq!(spawned.code, Some(4), "{spawned}");
    assert!(spawned.stderr.contains("it used --engine spawn"), "{spawned}");
}
