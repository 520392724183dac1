//! `--timings`: where a run's time went.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not there")]

mod harness;

use harness::{Run, Suite};

fn suite() -> Suite {
    Suite::new(&[
        ("test_a.py", "def test_one(): pass\ndef test_two(): pass\n"),
        ("test_b.py", "def test_three(): pass\n"),
    ])
}

/// The phases in their order, and what they sum up to.
fn phases(run: &Run) -> Vec<&str> {
    let (_, after) = run.stdout.split_once("timings:").unwrap_or_else(|| panic!("{run}"));
    let lines = after.lines().skip(1).take_while(|line| line.starts_with("  "));
    lines.map(|line| line[2..24].trim_end()).collect()
}

#[test]
fn each_phase_is_named_after_the_summary() {
    let run = suite().test(&["-n", "2", "--timings"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(
        phases(&run),
        [
            "start",
            "interpreter, pytest",
            "pnl's plugin",
            "configure",
            "discover",
            "fork",
            "collect the first file",
            "hand over",
            "first result",
            "last result",
            "tear-down",
            "workers' end",
            "pytest's end",
            "exit",
        ],
        "{run}"
    );
    let (summary, timings) = run.stdout.split_once("timings:").unwrap();
    assert!(summary.contains("3 tests, 3 passed"), "{run}");
    assert!(timings.contains("before the first test pnl took"), "{run}");
    assert!(timings.contains("from the last tear-down to the end:"), "{run}");
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
}

#[test]
fn what_did_not_happen_has_no_phase() {
    let full = suite().test(&["-n", "2", "--timings", "--collect", "full"]);
    assert!(phases(&full).contains(&"collect"), "{full}");
    assert!(!phases(&full).contains(&"collect the first file"), "{full}");
    let spawned = suite().test(&["-n", "2", "--timings", "--engine", "spawn"]);
    assert!(phases(&spawned).contains(&"last result"), "{spawned}");
    assert!(!phases(&spawned).contains(&"pytest's end"), "{spawned}");
    let without = suite().test(&["-n", "2"]);
    assert!(!without.stdout.contains("timings:"), "{without}");
}
