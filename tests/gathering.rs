//! What quick tests say gathers in sockets and queues before anybody looks. None of it may be lost
//! or told of the wrong test, however a worker or pnl itself ends.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not there")]

mod harness;

use std::collections::BTreeSet;

use harness::Suite;

/// Quick tests by the hundred, some of which kill their worker. Each notes that it ran.
const QUICK: &str = r#"
import os, pytest

@pytest.mark.parametrize("n", range(120))
def test_it(n):
    with open(os.environ["PNL_TEST_LOG"], "a") as log:
        log.write(f"{os.path.basename(__file__)} {n}\n")
    if n in (60, 61, 119):
        os.kill(os.getpid(), 9)
"#;

fn assert_each_runs_once(words: &[&str]) {
    let files = ["test_a.py", "test_b.py"];
    let suite = Suite::new(&files.map(|file| (file, QUICK)));
    let run = suite.test(words);
    let log = suite.log();
    let distinct: BTreeSet<&String> = log.iter().collect();
    assert_eq!((log.len(), distinct.len()), (240, 240), "each test began once: {run}");
    for file in files {
        for n in 0..120 {
            let expected = if [60, 61, 119].contains(&n) { "crashed" } else { "passed" };
            let nodeid = format!("{file}::test_it[{n}]");
            assert_eq!(run.outcome(&nodeid), expected, "{nodeid} {run}");
        }
    }
    run.assert_sums_match();
    assert_eq!(suite.stored_executions(), 240, "{run}");
}

#[test]
fn a_worker_that_is_killed_among_quick_tests_costs_the_one_that_ran() {
    assert_each_runs_once(&["-n", "2", "--collect", "full"]);
}

#[test]
fn a_worker_that_is_killed_and_has_collected_for_itself_costs_the_one_that_ran() {
    assert_each_runs_once(&["-n", "2"]);
}

#[test]
fn a_worker_that_is_killed_and_held_a_whole_file_costs_the_one_that_ran() {
    assert_each_runs_once(&["-n", "2", "--dist", "loadfile"]);
}
