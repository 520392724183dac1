//! Why tests fail now and then: at a loop's end, over stored runs, for one test, for programs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use harness::{Run, Suite};
use serde_json::{Value, json};

/// Tests that count their executions: one fails in every third, one from the ninth on, one always.
const COUNTING: &str = "
import pathlib

def count(name):
    path = pathlib.Path(__file__).with_name(name + '.count')
    count = int(path.read_text()) + 1 if path.exists() else 1
    path.write_text(str(count))
    return count

def test_third():
    assert count('third') % 3

def test_piles_up():
    assert count('piles') < 9, 'the new one is on page 2'

def test_broken():
    print('said before')
    assert 1 == 2

def test_well(): pass
";

const THIRD: &str = "tests/test_it.py::test_third";

fn counting() -> Suite {
    Suite::new(&[("tests/test_it.py", COUNTING)])
}

fn looped(suite: &Suite) -> Run {
    // Where rounds differ, 18 of them let a test that fails by itself seem to depend on another.
    let run = suite.test(&["-n", "2", "--loop", "18", "--keep-going", "--vary", "off"]);
    assert_eq!(run.code, Some(1), "{run}");
    run
}

fn kind<'v>(shown: &'v Value, test: &str) -> &'v Value {
    let tests = shown["tests"].as_array().unwrap();
    &tests.iter().find(|it| it["nodeid"] == test).unwrap()["verdict"]["kind"]
}

#[test]
fn a_loop_ends_with_why_its_tests_fail() {
    let suite = counting();
    let run = looped(&suite);
    let table = run.stdout.split("verdicts (failed of executed, ").nth(1).unwrap();
    for line in [
        "\ntests/test_it.py::test_broken    18/18  100% (",
        ")  broken\n    fails in all 18 executions\n",
        "\ntests/test_it.py::test_piles_up  10/18  56% (",
        "  accumulates\n    passes in rounds 1–8, ",
        "\ntests/test_it.py::test_third      6/18  33% (",
        "  flaky-alone\n    fails in 6 of 18 executions",
        "the other test never failed: it fails less often than 15% (95%)\n",
        "replay with: pnl replay ",
        " --round 1\nconfirm with: pnl confirm ",
    ] {
        assert!(table.contains(line), "{line:?}: {run}");
    }
    let last = run.stdout.lines().last().unwrap();
    assert!(last.starts_with("18 rounds, 72 tests, 34 failed, "), "{run}");
    assert!(!run.stdout.contains('\u{1b}'), "{run}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{run}");

    let shown = suite.show();
    assert_eq!(kind(&shown, "tests/test_it.py::test_broken"), "broken");
    assert_eq!(kind(&shown, "tests/test_it.py::test_piles_up"), "accumulates");
    assert_eq!(kind(&shown, THIRD), "flaky-alone");
    assert_eq!(kind(&shown, "tests/test_it.py::test_well"), "stable");
    let text = suite.run(&["show"]).stdout;
    assert!(text.contains("Tests that failed and why"), "{text}");
}

#[test]
fn a_loop_in_which_nothing_failed_says_how_sure_that_is() {
    let suite = Suite::new(&[("test_it.py", "def test_a(): pass\ndef test_b(): pass")]);
    let run = suite.test(&["-n", "2", "--loop", "20"]);
    let said = "no test failed: each fails less often than 14% (95%)\n";
    assert!(run.stdout.contains(said) && !run.stdout.contains("replay with"), "{run}");
    let quiet = suite.test(&["-n", "2", "--loop", "20", "-q"]);
    assert!(!quiet.stdout.contains("no test failed"), "{quiet}");
}

#[test]
fn a_single_run_has_no_verdicts_but_a_line_to_type() {
    let suite = counting();
    let run = suite.test(&["-n", "2"]);
    assert!(!run.stdout.contains("verdicts"), "{run}");
    assert!(run.stdout.contains("\nreplay with: pnl replay ") && !run.stdout.contains("--round"));
    assert_eq!(kind(&suite.show(), "tests/test_it.py::test_broken"), &Value::Null);
    let retried = suite.test(&["-n", "2", "--retries", "3", "--", "-k", "third or well"]);
    assert!(!retried.stdout.contains("verdicts"), "{retried}");
}

#[test]
fn a_job_summary_has_the_verdicts_too() {
    let suite = counting().with("GITHUB_ACTIONS", "true");
    let path = suite.beside("summary.md");
    let suite = suite.with("GITHUB_STEP_SUMMARY", path.to_str().unwrap());
    suite.test(&["-n", "2", "--loop", "3", "--keep-going", "-q"]);
    let summary = std::fs::read_to_string(path).unwrap();
    let verdicts = summary.split("<pre>").nth(1).unwrap();
    assert!(verdicts.contains("fails in all 3 executions\n"), "{summary}");
    assert!(verdicts.trim_end().ends_with("</pre>"), "{summary}");
}

#[test]
fn verdicts_need_the_history() {
    let suite = Suite::new(&[("test_it.py", "def test_a(): assert 0")]);
    suite.write(".pnl", "in the way");
    let run = suite.test(&["-n", "1", "--loop", "2", "--keep-going"]);
    let said = "no verdicts: they are made from the history, and that cannot be written\n";
    assert!(run.code == Some(1) && run.stdout.contains(said), "{run}");
}

#[test]
fn stored_runs_are_judged_together() {
    let suite = counting();
    let first = looped(&suite);
    let second = suite.test(&["-n", "2", "--loop", "3", "--keep-going", "--vary", "off"]);
    let id = |run: &Run| run.the("run-started")["run"].as_str().unwrap().to_owned();
    let flaky = suite.run(&["flaky", "--format", "json"]);
    assert_eq!(flaky.code, Some(0), "{flaky}");
    let found: Value = serde_json::from_str(&flaky.stdout).unwrap();
    assert_eq!(found["runs"], json!([id(&second), id(&first)]));
    assert_eq!((&found["rounds"], &found["executions"]), (&json!(21), &json!(84)));
    assert_eq!(kind(&found, THIRD), "flaky-alone");
    let third = found["tests"].as_array().unwrap().iter().find(|it| it["nodeid"] == THIRD).unwrap();
    assert_eq!((&third["failed"], &third["executed"]), (&json!(7), &json!(21)));

    let text = suite.run(&["flaky", "--since", "2w"]);
    assert!(text.stdout.starts_with("2 runs from the last 2w, the newest "), "{text}");
    let older = suite.run(&["flaky", "last~1", &id(&first)]);
    assert!(older.stdout.starts_with("1 run asked for, the newest "), "{older}");
    assert!(older.stdout.contains(" 18 rounds, 72 executions\n"), "{older}");
    for words in [&["flaky", "no-such-run"][..], &["flaky", "--since", "soon"]] {
        let refused = suite.run(words);
        assert_eq!(refused.code, Some(4), "{refused}");
    }
}

#[test]
fn one_tests_story_is_told() {
    let suite = counting();
    looped(&suite);
    suite.test(&["-n", "2", "--", "-k", "well"]);
    let broken = suite.run(&["show", "tests/test_it.py::test_broken"]);
    assert_eq!(broken.code, Some(0), "{broken}");
    for part in [
        "\n  broken\n    fails in all 18 executions\n",
        "\n  failed 18 of 18 executions, 100% (",
        "\n  18× ",
        "\n      >       assert 1 == 2\n",
        "\n      --- Captured stdout call\n      said before\n",
    ] {
        assert!(broken.stdout.contains(part), "{part:?}: {broken}");
    }
    let story = suite.run(&["show", THIRD, "--format", "json"]);
    let story: Value = serde_json::from_str(&story.stdout).unwrap();
    assert_eq!((&story["failed"], &story["executed"]), (&json!(6), &json!(18)));
    assert_eq!(story["causes"].as_array().unwrap().len(), 1);
    assert_eq!(story["causes"][0]["first"]["round"], 3);
    assert_eq!(story["causes"][0]["last"]["round"], 18);

    let unknown = suite.run(&["show", "tests/test_it.py::test_thrid"]);
    assert_eq!(unknown.code, Some(4), "{unknown}");
    assert!(unknown.stderr.contains(&format!("there are\n  {THIRD}\n")), "{unknown}");
    let elsewhere = suite.run(&["show", "--test", THIRD, "last"]);
    assert!(
        elsewhere.code == Some(4) && elsewhere.stderr.contains("did not run in"),
        "{elsewhere}"
    );
    let there = suite.run(&["show", "last~1", "--test", THIRD]);
    assert_eq!(there.code, Some(0), "{there}");
}

#[test]
fn experiments_are_not_the_last_run() {
    let suite = counting();
    let run = looped(&suite);
    let id = run.the("run-started")["run"].clone();
    let confirmed = suite.run(&["confirm", THIRD, "--budget", "40"]);
    assert_eq!(confirmed.code, Some(0), "{confirmed}");
    let shown = suite.run(&["show", "--format", "json"]);
    let found: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(found["run"]["id"], id);
    assert!(shown.stderr.contains("note: a run of experiments is newer: pnl show "), "{shown}");
    let listed = suite.run(&["history"]).stdout;
    assert!(listed.contains("experiment"), "{listed}");
    let story = suite.run(&["show", THIRD]).stdout;
    assert!(story.contains("\nExperiments\n"), "{story}");
    let flaky: Value =
        serde_json::from_str(&suite.run(&["flaky", "--format", "json"]).stdout).unwrap();
    assert_eq!(flaky["runs"], json!([id]));
}
