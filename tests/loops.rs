//! Loops that end by what they learn, and whose rounds differ on purpose.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};

use harness::{Run, Suite};

/// Twelve tests of a length that counts.
const TWELVE: &str = "
import pytest, time
@pytest.mark.parametrize('n', range(12))
def test(n): time.sleep(0.02)
";

/// Which tests shared a worker in each round, in their order.
fn shared(run: &Run) -> BTreeMap<u64, BTreeSet<Vec<String>>> {
    let mut lanes: BTreeMap<(u64, String), Vec<String>> = BTreeMap::new();
    for event in run.all("test-started") {
        let place = (event["round"].as_u64().unwrap(), event["worker"].to_string());
        lanes.entry(place).or_default().push(event["nodeid"].to_string());
    }
    let mut rounds: BTreeMap<u64, BTreeSet<Vec<String>>> = BTreeMap::new();
    for ((round, _), lane) in lanes {
        rounds.entry(round).or_default().insert(lane);
    }
    rounds
}

fn distinct(run: &Run) -> usize {
    shared(run).into_values().collect::<BTreeSet<_>>().len()
}

#[test]
fn rounds_of_a_loop_differ_where_nobody_says_how_tests_are_dealt() {
    let suite = Suite::new(&[("test_it.py", TWELVE)]);
    let words = ["-n", "3", "--loop", "5"];
    let run = suite.test(&words);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.totals()["passed"], 60);
    run.assert_sums_match();
    assert!(distinct(&run) >= 4, "{:?}", shared(&run));
    let fixed = suite.test(&[&words[..], &["--dist", "loadfile"]].concat());
    assert_eq!(distinct(&fixed), 1, "{:?}", shared(&fixed));
    let refused = suite.test(&[&words[..], &["--dist", "loadfile", "--vary", "on"]].concat());
    assert_eq!(refused.code, Some(4), "{refused}");
}

#[test]
fn a_lone_worker_keeps_pytests_order_in_every_round() {
    let suite = Suite::new(&[("test_it.py", &TWELVE.replace("0.02", "0"))]);
    let run = suite.test(&["-n", "1", "--loop", "3"]);
    assert_eq!(distinct(&run), 1, "{:?}", shared(&run));
}

#[test]
fn once_something_has_failed_some_rounds_have_fewer_workers() {
    let failing = format!("{TWELVE}\ndef test_fails(): assert 0\n");
    let workers = |text: &str, words: &[&str]| -> Vec<u64> {
        let suite = Suite::new(&[("test_it.py", &text.replace("0.02", "0.001"))]);
        let run = suite.test(&[&["-n", "4", "--loop", "18", "--keep-going"], words].concat());
        run.assert_sums_match();
        let begun = run.all("round-started").enumerate();
        let fewer = begun.filter(|(_, it)| it["workers"] != 4);
        fewer.flat_map(|(at, it)| [at as u64 + 1, it["workers"].as_u64().unwrap()]).collect()
    };
    assert_eq!(workers(&failing, &[]), [6, 1, 12, 3, 18, 2]);
    assert_eq!(workers(TWELVE, &[]), [0; 0]);
    assert_eq!(workers(&failing, &["--vary", "off"]), [0; 0]);
}

#[test]
fn until_failure_ends_with_the_first_failed_round() {
    let text = "import os\ndef test(): assert os.environ['PNL_ROUND'] != '4'\n";
    let suite = Suite::new(&[("test_it.py", text)]);
    let run = suite.test(&["--until-failure"]);
    assert_eq!((run.code, run.all("round-ended").count()), (Some(1), 4), "{run}");
    assert!(run.stdout.contains("rounds until a round fails"), "{run}");
    let run = suite.test(&["--until-failure", "--loop", "3"]);
    assert_eq!((run.code, run.all("round-ended").count()), (Some(0), 3), "{run}");
}

#[test]
fn until_sure_goes_on_for_as_long_as_it_takes_and_counts_down() {
    let text = "
import os, pytest
def test_clean(): pass
def test_flaky(): assert os.environ['PNL_ROUND'] != '2'
def test_broken(): assert 0
@pytest.mark.skip
def test_skipped(): pass
";
    let suite = Suite::new(&[("test_it.py", text)]);
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["--until-sure", "40%", "-n", "2", "--engine", engine]);
        // 1 − 0.05^(1/n) is below 40% from n = 6 on.
        let left: Vec<u64> =
            run.all("round-ended").map(|it| it["rounds_left"].as_u64().unwrap()).collect();
        assert_eq!(left, [5, 4, 3, 2, 1, 0], "{run}");
        assert_eq!(run.code, Some(1), "{run}");
        assert_eq!(run.the("run-ended")["stop_reason"], "completed");
    }
    let run = suite.test(&["--until-sure", "40%", "--loop", "2"]);
    assert_eq!(run.all("round-ended").count(), 2, "{run}");
}
