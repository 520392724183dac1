//! What a run leaves behind: the `JUnit` file, the stream of events, the history.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use harness::{Suite, python};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

const SUITE: &str = "
import pytest
def test_passes(): pass
def test_fails():
    print('said before')
    assert 'a\\x1bb\\x00' == '<&>'
@pytest.fixture
def broken(): raise RuntimeError('broken')
def test_error(broken): pass
def test_skipped(): pytest.skip('not today')
@pytest.mark.xfail(reason='known')
def test_xfailed(): assert False
@pytest.mark.parametrize('it', ['größe <&> \"'])
def test_ids(it): pass
class TestClass:
    def test_inner(self): pass
";

fn suite() -> Suite {
    Suite::new(&[("tests/test_some.py", SUITE)])
}

fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    let found = element.try_get_attribute(name).unwrap();
    let found = found.unwrap_or_else(|| panic!("{element:?} has no {name}"));
    found.normalized_value(quick_xml::XmlVersion::Explicit1_0).unwrap().into_owned()
}

/// Elements with their names and attributes, in order; the whole text must be XML.
fn elements(xml: &str) -> Vec<BytesStart<'static>> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(it) | Event::Empty(it) => found.push(it.into_owned()),
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn named<'a>(all: &'a [BytesStart<'static>], name: &str) -> Vec<&'a BytesStart<'static>> {
    all.iter().filter(|it| it.name().as_ref() == name.as_bytes()).collect()
}

#[test]
fn a_junit_file_has_a_suite_a_round_and_its_counts_are_right() {
    let suite = suite();
    let run = suite.test(&["-n2", "--loop", "2", "--keep-going", "--junit", "out/junit.xml"]);
    assert_eq!(run.code, Some(1), "{run}");
    let all = elements(&suite.read("out/junit.xml"));
    let suites = named(&all, "testsuite");
    assert_eq!(suites.len(), 2);
    for (index, it) in suites.iter().enumerate() {
        assert_eq!(attribute(it, "name"), format!("pnl round {}", index + 1));
        let count = |name: &str| attribute(it, name);
        assert_eq!((count("tests"), count("failures")), ("7".into(), "1".into()));
        assert_eq!((count("errors"), count("skipped")), ("1".into(), "2".into()));
    }
    assert_eq!(named(&all, "testcase").len(), 14);
    assert_eq!(named(&all, "failure").len(), 2);
    assert_eq!(named(&all, "error").len(), 2);
    assert_eq!(named(&all, "skipped").len(), 4);
}

#[test]
fn a_junit_file_names_tests_as_pytests_own_does() {
    let suite = suite();
    suite.test(&["-n2", "--junit", "ours.xml"]);
    suite.pytest(&["--junitxml=theirs.xml"]);
    let cases = |file: &str| -> BTreeSet<(String, String)> {
        let all = elements(&suite.read(file));
        let cases = named(&all, "testcase").into_iter();
        cases.map(|it| (attribute(it, "classname"), attribute(it, "name"))).collect()
    };
    assert_eq!(cases("ours.xml"), cases("theirs.xml"));
}

#[test]
fn an_event_stream_begins_ends_and_has_a_version_in_every_line() {
    // Not through the harness's pipe: this is about the file.
    let suite = suite();
    suite.write("events.jsonl", "an older run's line\n");
    let run = suite.run(&[
        "test",
        "-n2",
        "--loop",
        "2",
        "--keep-going",
        "--jsonl",
        "events.jsonl",
        "--python",
        python().to_str().unwrap(),
    ]);
    assert_eq!(run.code, Some(1), "{run}");
    let text = suite.read("events.jsonl");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["v"] == 1));
    assert_eq!(events[0]["event"], "run-started");
    assert_eq!(events.last().unwrap()["event"], "run-ended");
    let times: Vec<f64> = events.iter().map(|event| event["at"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("test-started"), count("test-ended")), (14, 14));
    assert_eq!((count("round-started"), count("round-ended")), (2, 2));
    assert_eq!(count("worker-started"), count("worker-ended"));
    for event in &events {
        let of_test = event["event"].as_str().unwrap().starts_with("test-");
        assert_eq!(of_test, event.get("nodeid").is_some());
        if of_test {
            assert!(event["round"].is_u64() && event["worker"].is_string(), "{event}");
        }
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

const OUTCOMES: [&str; 10] = [
    "passed",
    "failed",
    "error",
    "skipped",
    "xfailed",
    "xpassed",
    "timed_out",
    "crashed",
    "interrupted",
    "not_run",
];

/// The machine interface: a key that goes or is renamed breaks other people's programs.
#[test]
fn a_stored_run_is_shown_with_exactly_the_documented_keys() {
    let suite = suite();
    let run = suite.test(&["-n2", "--loop", "2", "--keep-going"]);
    let shown = suite.show();
    assert_eq!(keys(&shown), BTreeSet::from(["schema", "run", "totals", "tests"]));
    assert_eq!(shown["schema"], 1);
    let expected = [
        "id",
        "purpose",
        "started",
        "elapsed_s",
        "exit_code",
        "engine",
        "dist",
        "workers",
        "rounds_planned",
        "rounds_run",
        "base_url",
        "seed",
        "stop_reason",
        "flaky",
    ];
    assert_eq!(keys(&shown["run"]), BTreeSet::from(expected));
    assert_eq!(keys(&shown["totals"]), BTreeSet::from(OUTCOMES));
    let own = [
        "nodeid",
        "executions",
        "flaky",
        "retried_attempts",
        "infrastructure",
        "verdict",
        "failure_rate",
        "duration_s",
        "suspects",
    ];
    let expected: BTreeSet<&str> = own.into_iter().chain(OUTCOMES).collect();
    let verdict = BTreeSet::from([
        "kind",
        "culprits",
        "cleaners",
        "needs_culprits",
        "since_round",
        "workers",
        "window",
        "evidence",
        "confirmed",
        "refuted",
    ]);
    let tests = shown["tests"].as_array().unwrap();
    for test in tests {
        assert_eq!(keys(test), expected);
        let sum: u64 = OUTCOMES.iter().map(|it| test[*it].as_u64().unwrap()).sum();
        assert_eq!(test["executions"], sum);
        assert!(test["suspects"].is_array(), "{test}");
        if test["failed"] == 2 || test["error"] == 2 {
            assert_eq!(
                (&test["verdict"]["kind"], &verdict),
                (&"broken".into(), &keys(&test["verdict"]))
            );
        } else if test["skipped"] == 2 {
            assert_eq!(test["verdict"], Value::Null);
        } else {
            assert_eq!(
                (&test["verdict"]["kind"], &verdict),
                (&"stable".into(), &keys(&test["verdict"]))
            );
        }
    }
    let passed = &tests[0];
    assert_eq!(keys(&passed["failure_rate"]), BTreeSet::from(["estimate", "low", "high"]));
    assert_eq!(keys(&passed["duration_s"]), BTreeSet::from(["p50", "p95", "p99", "max"]));
    let skipped = tests.iter().find(|it| it["skipped"] == 2).unwrap();
    assert_eq!((&skipped["failure_rate"], &skipped["duration_s"]), (&Value::Null, &Value::Null));
    assert_eq!(shown["run"]["id"], run.the("run-started")["run"]);
    assert_eq!(shown["totals"], run.the("run-ended")["totals"]);
    for outcome in OUTCOMES {
        let sum: u64 = tests.iter().map(|it| it[outcome].as_u64().unwrap()).sum();
        assert_eq!(shown["totals"][outcome], sum, "{outcome}");
    }
    let order: Vec<&str> = tests.iter().map(|it| it["nodeid"].as_str().unwrap()).collect();
    assert_eq!((order.len(), order[0]), (7, "tests/test_some.py::test_passes"));
}

#[test]
fn runs_are_listed_newest_first_and_shown_by_id() {
    let suite = suite();
    let (first, second) = (suite.test(&["-n2"]), suite.test(&["-n1", "--", "-k", "passes"]));
    let id = |run: &harness::Run| run.the("run-started")["run"].as_str().unwrap().to_owned();
    let listed: Value =
        serde_json::from_str(&suite.run(&["history", "--format", "json"]).stdout).unwrap();
    let runs = listed["runs"].as_array().unwrap();
    let ids: BTreeSet<&str> = runs.iter().map(|it| it["run"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, BTreeSet::from([id(&first).as_str(), id(&second).as_str()]));
    assert_eq!(runs[0]["run"]["id"], *id(&second), "{listed}");
    assert_eq!(
        (&runs[0]["run"]["exit_code"], &runs[1]["run"]["exit_code"]),
        (&0.into(), &1.into())
    );
    assert_eq!(runs[0]["totals"]["passed"], 1);
    let shown = suite.run(&["show", &id(&first), "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["run"]["id"], *id(&first));
    let text = suite.run(&["show", &id(&first)]);
    assert!(text.stdout.contains("test_fails") && text.code == Some(0), "{text}");
    let none = suite.run(&["show", "no-such-run"]);
    assert_eq!(none.code, Some(4), "{none}");
    assert!(none.stderr.contains("no-such-run"), "{none}");
}

#[test]
fn a_history_ignores_itself_and_is_the_projects() {
    let suite = suite();
    suite.write("pnl.toml", "workers = 1\n");
    let mut command = suite.pnl(&["test", "test_some.py", "--python", python().to_str().unwrap()]);
    command.current_dir(suite.root().join("tests"));
    let run = harness::Running::start(command, None).finish();
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(suite.show()["totals"]["passed"], 3);
    assert_eq!(suite.read(".pnl/.gitignore").trim(), "*");
    assert!(!suite.root().join("tests/.pnl").exists(), "beside the configuration, not below");
}

#[test]
fn a_history_that_cannot_be_written_is_a_warning() {
    let suite = suite();
    suite.write(".pnl", "a file where the folder should be");
    let run = suite.test(&["-n1", "--", "-k", "passes"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("warning: this run is not stored"), "{run}");
    assert_eq!(run.totals(), BTreeMap::from([("passed".to_owned(), 1)]));
}

#[test]
fn without_a_terminal_the_output_is_plain_lines() {
    let suite = suite();
    let run = suite.test(&["-n2"]);
    assert!(!run.stdout.contains(['\x1b', '\r', '\0']), "{run}");
    let last = run.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("7 tests, 3 passed, 1 failed, 1 error, 1 skipped, 1 xfailed, "),
        "{run}"
    );
    assert!(run.stdout.contains("said before"), "a failure is printed in full: {run}");
    let quiet = suite.test(&["-n2", "-q"]);
    assert!(quiet.stdout.lines().count() < 6, "{quiet}");
    let verbose = suite.test(&["-n2", "-v"]);
    assert!(verbose.stdout.contains("test_passes"), "{verbose}");
}

#[test]
fn github_gets_annotations_and_a_summary() {
    let suite = suite();
    let summary = suite.beside("summary.md");
    let suite =
        suite.with("GITHUB_ACTIONS", "true").with("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    let run = suite.test(&["-n1"]);
    let line = run.stdout.lines().find(|line| line.starts_with("::error file=tests/test_some.py"));
    assert!(line.is_some_and(|line| line.contains("line=6")), "{run}");
    assert!(fs::read_to_string(summary).unwrap().contains("fails"), "{run}");
}
