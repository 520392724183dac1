//! Workers that are replaced between tests, and tests that are not run again.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::BTreeMap;

use harness::{Run, Suite};

fn totals(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
}

fn assert_sound(run: &Run) {
    run.assert_sums_match();
    run.assert_nothing_left();
}

#[test]
fn a_worker_runs_no_more_tests_than_it_may() {
    let tests: Vec<_> = (0..10).map(|n| format!("def test_{n}(): pass\n")).collect();
    let tests = tests.concat();
    for (engine, dist) in [("fork", "pnl"), ("spawn", "pnl"), ("fork", "each")] {
        let suite = Suite::new(&[("test_a.py", &tests), ("test_b.py", &tests)]);
        let most = ["--max-tests-per-worker", "3", "--dist", dist];
        let run = suite.test(&[&["--engine", engine, "-n", "2"], most.as_slice()].concat());
        let copies = if dist == "each" { 2 } else { 1 };
        assert_eq!(run.totals(), totals(&[("passed", 20 * copies)]), "{engine} {dist} {run}");
        for (worker, tests) in run.by_worker() {
            assert!(tests.len() <= 3, "{engine} {dist} {worker} ran {tests:?}");
        }
        assert_sound(&run);
    }
}

#[test]
fn workers_that_are_kept_between_rounds_are_replaced_as_well() {
    let suite = Suite::new(&[("test_a.py", "def test_1(): pass\ndef test_2(): pass\n")]);
    let rounds = ["--loop", "5", "--isolation", "none", "-n", "1"];
    let run = suite.test(&[rounds.as_slice(), &["--max-tests-per-worker", "4"]].concat());
    assert_eq!(run.totals(), totals(&[("passed", 10)]), "{run}");
    assert_eq!(run.all("worker-started").count(), 3, "{run}");
    assert_sound(&run);
}

#[test]
fn a_worker_that_has_grown_is_replaced_and_named_with_its_test() {
    let grows = "KEPT = []\n\
                 def test_1(): pass\n\
                 def test_2(): KEPT.append(bytearray(300 << 20))\n\
                 def test_3(): assert not KEPT\n\
                 def test_4(): pass\n";
    for engine in ["fork", "spawn"] {
        let suite = Suite::new(&[("test_a.py", grows)]);
        let run = suite.test(&["--engine", engine, "-n", "1", "--max-worker-memory", "250M"]);
        assert!(run.stdout.contains("gw0 is replaced: after test_a.py::test_2 it has"), "{run}");
        let workers = run.by_worker();
        let last = workers.values().last().unwrap();
        assert!(workers.len() == 2 && last.contains(&"test_4".to_owned()), "{workers:?}");
        // The next test spared the fixtures that the two share, so it is not taken away any more.
        assert_eq!(run.outcome("test_3"), "failed", "{engine} {run}");
        assert_sound(&run);
    }
}

#[test]
fn a_test_that_crashes_each_time_is_given_up() {
    let suite = Suite::new(&[(
        "test_a.py",
        "import os\ndef test_bad(): os.abort()\ndef test_good(): pass\n",
    )]);
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["--engine", engine, "-n", "2", "--loop", "5", "--keep-going"]);
        let expected = totals(&[("crashed", 3), ("not_run", 2), ("passed", 5)]);
        assert_eq!(run.totals(), expected, "{run}");
        assert_eq!(run.code, Some(1));
        assert!(run.stdout.contains("test_bad crashed its worker 3 times in a row"), "{run}");
        let last = run.ends().filter(|it| it["outcome"] == "not_run").last().unwrap();
        assert_eq!(last["detail"], "it crashed its worker too often");
        assert_sound(&run);
        let run = suite.test(&["--engine", engine, "--retries", "9"]);
        assert_eq!(run.all("attempt-failed").count(), 2, "{run}");
        assert_sound(&run);
    }
}

#[test]
fn a_loop_ends_when_there_is_nothing_left_to_run() {
    let suite = Suite::new(&[("test_a.py", "import os\ndef test_bad(): os.abort()\n")]);
    let run = suite.test(&["--loop", "9", "--keep-going"]);
    assert_eq!(run.totals(), totals(&[("crashed", 3), ("not_run", 1)]), "{run}");
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stdout.contains("every test has crashed its worker too often"), "{run}");
    assert_sound(&run);
}
