//! `pnl verify`: what differs from plain pytest, what is flaky, and its exit codes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use harness::{Run, Running, Suite, python};
use serde_json::{Value, json};

const PLAIN: (&str, &str) = (
    "test_plain.py",
    "import pytest\n\
     def test_passes(): pass\n\
     def test_fails(): assert 1 == 2\n\
     @pytest.mark.skip\n\
     def test_skipped(): pass\n",
);

fn start(suite: &Suite, words: &[&str]) -> Running {
    let mut command = suite.pnl(&["verify", "-n", "2", "--python"]);
    command.arg(python()).args(words);
    Running::start(command, None)
}

fn verify(suite: &Suite, words: &[&str]) -> Run {
    start(suite, words).finish()
}

fn verify_json(suite: &Suite, words: &[&str]) -> (Run, Value) {
    let run = verify(suite, &[&["--format", "json"], words].concat());
    let json = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    (run, json)
}

/// Node id, kind and judgement of each entry of a list.
fn entries(list: &Value) -> Vec<[&str; 3]> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|it| ["nodeid", "kind", "repeats"].map(|key| it[key].as_str().unwrap()))
        .collect()
}

#[test]
fn a_suite_with_the_same_outcomes_agrees_though_tests_fail() {
    let suite = Suite::new(&[PLAIN]);
    for words in [&[][..], &["--engine", "spawn"], &["--dist", "each"], &["--", "-x"]] {
        let run = verify(&suite, words);
        assert_eq!(run.code, Some(0), "{words:?} {run}");
        let last = run.stdout.lines().last().unwrap();
        assert!(
            last.starts_with("pnl agrees with pytest: 3 tests with the same outcome"),
            "{words:?} {run}"
        );
    }
    assert!(!suite.root().join(".pnl").exists(), "its runs are not the history's");
}

#[test]
fn what_is_being_run_is_said_beside_the_answer() {
    let suite = Suite::new(&[PLAIN]);
    let run = verify(&suite, &["test_plain.py"]);
    let told: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("by ")).collect();
    assert!(told[0].starts_with("by pytest: ") && told[0].contains("-m pytest test_plain.py"));
    assert!(told[1].starts_with("by pnl (--engine fork): "), "{run}");
    assert_eq!(told.len(), 2, "{run}");
    let (_, json) = verify_json(&suite, &[]);
    assert_eq!((&json["schema"], &json["agree"]), (&json!(1), &json!(true)));
    assert_eq!(json["pytest"]["totals"], json["pnl"]["totals"]);
    assert_eq!((&json["agreeing"], &json["exit_code"]), (&json!(3), &json!(0)));
}

#[test]
fn a_difference_that_repeats_alone_is_told_with_its_message() {
    let suite = Suite::new(&[(
        "test_where.py",
        "import os\n\
         def test_same(): pass\n\
         def test_where(): assert 'PYTEST_XDIST_WORKER' not in os.environ, 'on a worker'\n",
    )]);
    let run = verify(&suite, &[]);
    assert_eq!(run.code, Some(1), "{run}");
    for line in [
        "differs test_where.py::test_where",
        "    pytest: passed",
        "    pnl: failed: AssertionError: on a worker",
        "    alone: pytest 3 × passed; pnl 3 × failed",
        "pnl differs from pytest in 1 test; same outcome: 1 test (--engine fork, 2 workers)",
    ] {
        assert!(run.stdout.lines().any(|it| it == line), "{line:?} in {run}");
    }
    let (run, json) = verify_json(&suite, &["--reruns", "0"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(
        entries(&json["differences"]),
        [["test_where.py::test_where", "outcome", "not-repeated"]]
    );
}

#[test]
fn a_difference_that_repeats_only_among_the_others_is_one() {
    let suite = Suite::new(&[(
        "test_count.py",
        "import os\n\
         def test_same(): pass\n\
         def test_count(): assert os.environ.get('PYTEST_XDIST_WORKER_COUNT', '1') == '1'\n",
    )]);
    let (run, json) = verify_json(&suite, &[]);
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(
        entries(&json["differences"]),
        [["test_count.py::test_count", "outcome", "among-others"]]
    );
    let found = &json["differences"][0];
    assert_eq!(found["alone"]["pnl"], json!([["passed"], ["passed"], ["passed"]]));
    assert_eq!(found["among_others"]["pytest"], json!([["passed"], ["passed"], ["passed"]]));
    assert_eq!(found["among_others"]["pnl"], json!([["failed"], ["failed"], ["failed"]]));
}

#[test]
fn a_flaky_test_is_called_flaky_and_is_no_difference() {
    let suite = Suite::new(&[(
        "test_turns.py",
        "import pathlib\n\
         def test_same(): pass\n\
         def test_turns():\n    \
             file = pathlib.Path('turn')\n    \
             turn = int(file.read_text()) if file.exists() else 0\n    \
             file.write_text(str(turn + 1))\n    \
             assert turn % 2\n",
    )]);
    let run = verify(&suite, &[]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("1 flaky test, whoever runs them"), "{run}");
    let last = run.stdout.lines().last().unwrap();
    assert!(last.contains("1 test with the same outcome, and 1 test left out as flaky"), "{run}");
}

#[test]
fn missing_and_extra_tests_are_named() {
    let suite = Suite::new(&[
        ("test_two.py", "def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n"),
        (
            "conftest.py",
            "import os\n\
             def pytest_collection_modifyitems(items):\n    \
                 gone = 'test_b' if 'PYTEST_XDIST_WORKER' in os.environ else 'test_c'\n    \
                 items[:] = [item for item in items if item.name != gone]\n",
        ),
    ]);
    let (run, json) = verify_json(&suite, &["--engine", "spawn", "--reruns", "2"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(
        entries(&json["differences"]),
        [["test_two.py::test_b", "missing", "alone"], ["test_two.py::test_c", "extra", "alone"]]
    );
    assert_eq!(json["differences"][0]["pnl"], json!([]));
    assert_eq!(json["agreeing"], 1);
}

#[test]
fn ids_that_differ_from_process_to_process_are_recognised() {
    let suite = Suite::new(&[(
        "test_random.py",
        "import pytest, uuid\n\
         @pytest.mark.parametrize('x', [uuid.uuid4().hex for _ in range(3)])\n\
         def test_random(x): pass\n",
    )]);
    let run = verify(&suite, &[]);
    assert_eq!(run.code, Some(0), "{run}");
    let told = "test_random.py::test_random: the ids of its 3 tests differ from process to process";
    assert!(run.stdout.contains(told), "{run}");
    let (_, json) = verify_json(&suite, &[]);
    assert_eq!(json["unstable"], json!([{"nodeid": "test_random.py::test_random", "tests": 3}]));
    assert_eq!((&json["agreeing"], &json["differences"]), (&json!(3), &json!([])));
}

#[test]
fn duplicated_ids_are_compared_as_often_as_they_are() {
    let suite = Suite::new(&[PLAIN]);
    let words = ["test_plain.py", "test_plain.py", "--", "--keep-duplicates"];
    let (run, json) = verify_json(&suite, &words);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(json["pnl"]["totals"]["passed"], json!(2), "{run}");
    assert_eq!(json["agreeing"], 3, "{run}");
}

#[test]
fn an_exit_status_that_differs_is_a_difference() {
    let suite = Suite::new(&[
        ("test_one.py", "def test_a(): pass\n"),
        (
            "conftest.py",
            "import os\n\
             def pytest_sessionfinish(session):\n    \
                 if 'PYTEST_XDIST_WORKER' in os.environ: session.exitstatus = 7\n",
        ),
    ]);
    let run = verify(&suite, &["--engine", "spawn"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("no test does: pytest 0, pnl 7"), "{run}");
}

#[test]
fn where_there_is_nothing_to_compare_the_exit_code_is_that_of_pnl_test() {
    let empty = Suite::new(&[("test_none.py", "")]);
    let broken = Suite::new(&[("test_broken.py", "import nowhere_to_be_found\n")]);
    let plain = Suite::new(&[PLAIN]);
    let swallowing = Suite::new(&[
        PLAIN,
        (
            "conftest.py",
            "import pytest\n\
             @pytest.hookimpl(tryfirst=True)\n\
             def pytest_runtest_protocol(item): return item.name == 'test_passes' or None\n",
        ),
    ]);
    for (suite, words, code, words_of_it) in [
        (&empty, &[][..], 5, "there was no test to compare"),
        (&broken, &[], 2, "nowhere_to_be_found"),
        (&plain, &["--", "--no-such-option"], 4, "--no-such-option"),
        (&swallowing, &[], 3, "no outcome was reported of 1 test"),
    ] {
        let run = verify(suite, words);
        assert_eq!(run.code, Some(code), "{run}");
        assert!(format!("{run}").contains(words_of_it), "{words_of_it:?} in {run}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused_with_a_sentence() {
    let suite = Suite::new(&[PLAIN]);
    for words in [
        &["--loop", "2"][..],
        &["--duration", "2"],
        &["--junit", "x.xml"],
        &["--jsonl", "x.jsonl"],
        &["--max-fail", "1"],
        &["--dry-run"],
        &["--", "--lf"],
        &["--", "--pdb"],
    ] {
        let run = verify(&suite, words);
        assert_eq!(run.code, Some(4), "{words:?} {run}");
        let option = words.iter().find(|it| it.len() > 2).unwrap();
        let sentence = format!("error: {option} does not go with pnl verify: ");
        assert!(run.stderr.starts_with(&sentence), "{words:?} {run}");
        assert_eq!(run.stderr.lines().count(), 1, "nothing was run: {run}");
    }
}

#[test]
fn an_interruption_ends_it_in_either_phase() {
    let suite = Suite::new(&[(
        "test_ring.py",
        "import probe\ndef test_ring(): probe.ring(probe.worker())\n",
    )]);
    let mut bell = suite.bell();
    let running = start(&suite, &[]);
    let ring = bell.wait_for("master");
    running.signal(rustix::process::Signal::INT);
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(!run.stderr.contains("by pnl"), "{run}");
    drop(ring);
    let running = start(&suite, &[]);
    drop(bell.wait_for("master"));
    let ring = bell.wait_for("gw0");
    running.signal(rustix::process::Signal::INT);
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stdout.contains("interrupted: nothing is proven"), "{run}");
    drop(ring);
}
