use serde_json::{Value, json};

use super::{Story, story, tell};
use crate::model::{
    Arm, Confirmation, Failure, NodeId, Offset, Outcome, Purpose, RunId, Verdict, VerdictKind,
};
use crate::report::show::Format;
use crate::store::fixture::{Project, Tape, execution, failing, started, test};
use crate::store::{History, confirm};

const NAME: &str = "tests/test_a.py::test_one";

/// Two loops of two tests, in which the first fails by two causes, and a replay that is none.
fn recorded() -> Project {
    let project = Project::new();
    let [one, two] = [test(0, NAME), test(1, "tests/test_a.py::test_two")];
    let at = |seconds: u64, mut it: crate::model::Execution| {
        it.start = Offset(seconds * 1_000_000);
        it
    };
    let well = |it, seconds| at(seconds, execution(it, Outcome::Passed));
    for (nth, run) in [(0, "20260102-030405-aaaaaa"), (1, "20260103-030405-bbbbbb")] {
        let mut begun = started(run);
        begun.started_us += 86_400_000_000 * nth;
        let mut elsewhere = failing(&one, "KeyError: 'x'");
        let failure = elsewhere.failure.as_deref().cloned().expect("a failure");
        let location = Some(("tests/conftest.py".to_owned(), 3));
        elsewhere.failure = Some(std::sync::Arc::new(Failure { location, ..failure }));
        let tape = Tape::new(begun)
            .round([well(&one, 1), well(&two, 2)])
            .round([at(3, failing(&one, &format!("AssertionError: {nth}"))), well(&two, 4)])
            .round([at(5, failing(&one, "AssertionError: again")), well(&two, 6)])
            .round([at(7, elsewhere), well(&two, 8)]);
        project.record(&tape.complete());
    }
    let mut replay = started("20260104-030405-cccccc");
    replay.purpose = Purpose::Replay;
    project.record(&Tape::new(replay).round([failing(&one, "no")]).complete());
    project
}

fn told(project: &Project) -> Option<Story> {
    let history = History::open_read(project.root()).expect("a history");
    let runs = history.runs_since(i64::MIN, Purpose::Tests).expect("runs");
    tell(&history, &NodeId::new(NAME), &runs).expect("read")
}

fn written(of: &Story, format: Format) -> String {
    let mut out = Vec::new();
    story(of, format, &mut out).expect("memory takes all");
    String::from_utf8(out).expect("text")
}

/// As the diagnosis would never have it: what it says is its own matter.
fn with_a_verdict(mut of: Story) -> Story {
    of.verdict = Some(Verdict {
        culprits: vec![NodeId::new("tests/test_a.py::test_two")],
        confirmed: Some(true),
        ..Verdict::of(
            VerdictKind::InterferesWith,
            "fails in 9 of 12 executions beside test_two, in 0 of 88 otherwise, p = 2e-11",
        )
    });
    of.refuted = Some(VerdictKind::FlakyAlone);
    of.suspects.clear();
    of
}

#[test]
fn a_story_is_told_for_people() {
    let project = recorded();
    let verdict = with_a_verdict(told(&project).expect("it ran")).verdict.expect("one");
    let arm = |name: &str, failed| Arm { name: name.to_owned(), failed, executed: 20 };
    let said = Confirmation {
        nodeid: NodeId::new(NAME),
        by: None,
        at_us: 1_767_582_245_000_000,
        verdict,
        arms: vec![arm("alone", 0), arm("beside tests/test_a.py::test_two", 18)],
    };
    confirm(project.root(), &RunId::new("20260102-030405-aaaaaa"), &[said]).expect("written");
    let of = with_a_verdict(told(&project).expect("it ran"));
    insta::assert_snapshot!(written(&of, Format::Text));
}

#[test]
fn a_story_is_told_for_programs() {
    let of = with_a_verdict(told(&recorded()).expect("it ran"));
    let found: Value = serde_json::from_str(&written(&of, Format::Json)).expect("JSON");
    assert_eq!((&found["schema"], &found["test"]), (&json!(1), &json!(NAME)));
    assert_eq!((&found["failed"], &found["executed"]), (&json!(6), &json!(8)));
    assert_eq!(found["verdict"]["refuted"], "flaky-alone");
    assert_eq!(found["duration_s"]["p50"], 0.024);
    assert_eq!(found["runs"][0]["run"], "20260103-030405-bbbbbb", "the newest first");
    let cause = &found["causes"][0];
    assert_eq!((&cause["exception"], &cause["failures"]), (&json!("AssertionError"), &json!(4)));
    assert_eq!(
        cause["first"],
        json!({
            "run": "20260102-030405-aaaaaa", "round": 2, "attempt": 1,
            "time": "2026-01-02T03:04:08Z",
        })
    );
    assert_eq!(cause["last"]["round"], 3);
    assert_eq!(cause["example"]["message"], "AssertionError: again", "the last of them");
    assert_eq!(found["causes"][1]["path"], "tests/conftest.py");
    assert_eq!(found["causes"][1]["line"], 3);
}

#[test]
fn a_test_that_never_ran_has_no_story() {
    let project = Project::new();
    project.record(&Tape::new(started("x")).round([]).complete());
    assert_eq!(told(&project), None);
}

#[test]
fn drift_is_told_where_it_is_clear() {
    let mut of = told(&recorded()).expect("it ran");
    let run = RunId::new("x");
    let drift = |p| crate::stats::Drift { per_round: 0.0125, p };
    of.drift = Some((run.clone(), drift(1e-7)));
    let text = written(&of, Format::Text);
    assert!(text.contains("12.50 ms longer from round to round of x (p = 1e-7)"), "{text}");
    of.drift = Some((run, drift(0.2)));
    assert!(!written(&of, Format::Text).contains("from round to round"));
}

#[test]
fn a_story_of_hostile_texts_is_harmless() {
    let project = Project::new();
    let it = test(0, NAME);
    let hostile = "\u{1b}[2J\u{202e}\u{9b}31m";
    let mut failing = failing(&it, hostile);
    let failure = failing.failure.as_deref().cloned().expect("a failure");
    failing.failure = Some(std::sync::Arc::new(Failure {
        text: hostile.to_owned(),
        sections: vec![(hostile.to_owned(), hostile.to_owned())],
        location: Some((hostile.to_owned(), 1)),
        ..failure
    }));
    project.record(&Tape::new(started("x")).round([failing]).complete());
    let of = told(&project).expect("it ran");
    let dangerous = |text: &str| text.replace('\n', "").contains(crate::report::text::is_dangerous);
    assert!(!dangerous(&written(&of, Format::Text)));
    assert!(!dangerous(&written(&of, Format::Json)));
}
