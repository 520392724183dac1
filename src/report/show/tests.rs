use serde_json::{Value, json};

use super::{Format, WIDTH, show};
use crate::model::{Crash, Execution, NotRun, Outcome, Purpose, StopReason};
use crate::report::history::history;
use crate::report::text::is_dangerous as is_control;
use crate::report::verdicts::{Verdicts, gather};
use crate::store::fixture::{Project, Tape, execution, failing, started, test};
use crate::store::{History, StoredRun};

fn shown(run: &StoredRun, format: Format) -> String {
    let mut out = Vec::new();
    show(run, &Verdicts::default(), format, &mut out).expect("memory takes all");
    String::from_utf8(out).expect("text")
}

fn parsed(run: &StoredRun) -> Value {
    serde_json::from_str(&shown(run, Format::Json)).expect("JSON")
}

/// Two tests, three rounds, one failure, one skip.
fn small_run(project: &Project) -> StoredRun {
    let one = test(0, "tests/test_a.py::test_one");
    let two =
        test(1, "tests/test_a.py::test_two[a very long parameter that nobody can read to its end]");
    let events = Tape::new(started("20260102-030405-aaaaaa"))
        .round([execution(&one, Outcome::Passed), execution(&two, Outcome::Passed)])
        .round([
            failing(&one, "AssertionError: assert 1 == 2\nmore"),
            execution(&two, Outcome::Skipped),
        ])
        .round([execution(&one, Outcome::Passed), execution(&two, Outcome::Passed)])
        .complete();
    project.record(&events);
    project.load("last")
}

#[test]
fn text_is_for_people() {
    insta::assert_snapshot!(shown(&small_run(&Project::new()), Format::Text));
}

#[test]
fn json_has_the_documented_keys() {
    let found = parsed(&small_run(&Project::new()));
    assert_eq!(found["schema"], 1);
    assert_eq!(
        found["run"],
        json!({
            "id": "20260102-030405-aaaaaa", "purpose": "tests", "started": "2026-01-02T03:04:05Z", "elapsed_s": 1.5,
            "exit_code": 1, "engine": "fork", "dist": "pnl", "workers": 4, "rounds_planned": 3,
            "rounds_run": 3, "base_url": "http://127.0.0.1:8000", "seed": u64::MAX,
            "stop_reason": "completed", "flaky": 0,
        })
    );
    assert_eq!(
        found["totals"],
        json!({
            "passed": 4, "failed": 1, "error": 0, "skipped": 1, "xfailed": 0, "xpassed": 0,
            "timed_out": 0, "crashed": 0, "interrupted": 0, "not_run": 0,
        })
    );
    let mut first = found["tests"][0].clone();
    let rate = first["failure_rate"].take();
    assert_eq!(
        first,
        json!({
            "nodeid": "tests/test_a.py::test_one", "executions": 3,
            "passed": 2, "failed": 1, "error": 0, "skipped": 0, "xfailed": 0, "xpassed": 0,
            "timed_out": 0, "crashed": 0, "interrupted": 0, "not_run": 0,
            "flaky": 0, "retried_attempts": 0, "infrastructure": 0, "verdict": null, "failure_rate": null,
            "duration_s": {"p50": 0.024, "p95": 0.024, "p99": 0.024, "max": 0.024}, "suspects": [],
        })
    );
    assert_eq!(rate.as_object().map(|it| it.keys().collect::<Vec<_>>().len()), Some(3));
    // One in three, and a skip that does not count: none in two.
    assert_eq!(rate["estimate"], 1.0 / 3.0);
    assert_eq!(found["tests"][1]["failure_rate"]["high"], 1.0 - 0.05_f64.sqrt());
}

#[test]
fn what_never_ran_has_no_rate_and_a_killed_run_no_exit_code() {
    let project = Project::new();
    let it = test(0, "a.py::t");
    let not_run = execution(&it, Outcome::NotRun(NotRun::MaxFail));
    project.record(&Tape::new(started("x")).round([not_run]).events);
    let run = project.load("x");
    let found = parsed(&run);
    assert_eq!(found["tests"][0]["failure_rate"], Value::Null);
    assert_eq!(found["tests"][0]["duration_s"], Value::Null);
    assert_eq!(found["tests"][0]["not_run"], 1);
    assert_eq!(found["run"]["exit_code"], Value::Null);
    assert_eq!(found["run"]["stop_reason"], Value::Null);
    assert_eq!(found["totals"]["not_run"], 1);
    let text = shown(&run, Format::Text);
    assert!(text.contains("it was killed, or is still running"), "{text}");
}

#[test]
fn hostile_text_stays_text_and_within_the_width() {
    let project = Project::new();
    let hostile = format!("\u{1b}[2J\u{202e}\u{9b}31m\r\0{}", "漢".repeat(200));
    let it = test(0, &format!("a.py::t[{hostile}]"));
    let crash = execution(&it, Outcome::Crashed(Crash::Protocol(hostile.clone())));
    let failure = Execution { failure: None, ..failing(&it, "") };
    let mut begun = started("x");
    begun.scope.clone_from(&hostile);
    begun.command = vec![hostile.clone(); 3];
    let tape = Tape::new(begun).round([failing(&it, &hostile), crash, failure]);
    let code = None;
    project.record(&tape.end(StopReason::Stopped { message: hostile.clone(), code }));
    let run = project.load("x");

    let text = shown(&run, Format::Text);
    let list = listed(&project, Format::Text);
    for line in text.lines().chain(list.lines()) {
        assert!(!line.contains(is_control), "{line:?}");
        assert!(console::measure_text_width(line) <= WIDTH, "{line}");
    }
    let machine = shown(&run, Format::Json);
    assert!(!machine.trim_end().contains(is_control), "{machine:?}");
    assert_eq!(parsed(&run)["tests"][0]["nodeid"], it.nodeid.as_str());
}

#[test]
fn executions_that_are_missing_are_told() {
    let mut run = small_run(&Project::new());
    run.totals = crate::model::Counts::default();
    let text = shown(&run, Format::Text);
    assert!(text.contains("only 0 of them are stored"), "{text}");
}

#[test]
fn many_failed_tests_are_listed_up_to_a_limit() {
    let project = Project::new();
    let round: Vec<_> =
        (0..60).map(|n| failing(&test(n, &format!("a.py::t[{n}]")), "no")).collect();
    project.record(&Tape::new(started("x")).round(round).complete());
    let text = shown(&project.load("x"), Format::Text);
    assert!(text.contains("… and 10 more; --format json has them all"), "{text}");
    assert!(text.contains("Only the 20 most frequent are shown."), "{text}");
}

fn listed(project: &Project, format: Format) -> String {
    let runs = History::open_read(project.root()).and_then(|it| it.runs(10)).expect("a history");
    let mut out = Vec::new();
    history(&runs, format, &mut out).expect("memory takes all");
    String::from_utf8(out).expect("text")
}

#[test]
fn the_list_of_runs() {
    let project = Project::new();
    small_run(&project);
    let mut endless = started("20260102-040405-bbbbbb");
    (endless.started_us, endless.rounds_planned) = (endless.started_us + 1, None);
    let round = [execution(&test(0, "a.py::t"), Outcome::Passed)];
    project.record(&Tape::new(endless).round(round).events);
    insta::assert_snapshot!(listed(&project, Format::Text));
    let found: Value = serde_json::from_str(&listed(&project, Format::Json)).expect("JSON");
    assert_eq!(found["runs"][0]["run"]["id"], "20260102-040405-bbbbbb");
    assert_eq!(found["runs"][1]["totals"]["failed"], 1);
}

#[test]
fn percents_never_claim_all_or_nothing() {
    let texts =
        [0.0, 0.000_01, 0.0005, 0.01, 0.0996, 0.5, 0.999_99, 1.0].map(crate::report::text::percent);
    assert_eq!(texts, ["0%", "<0.01%", "0.05%", "1.0%", "10%", "50%", ">99%", "100%"]);
}

#[test]
fn an_unknown_format_lists_the_known_ones() {
    let error = "xml".parse::<Format>().expect_err("unknown").to_string();
    assert_eq!(error, "\"xml\" is no format; allowed: text, json");
}

#[test]
fn a_closed_pipe_is_an_error_for_the_caller() {
    let run = small_run(&Project::new());
    let mut full = &mut [0_u8; 10][..];
    assert!(show(&run, &Verdicts::default(), Format::Text, &mut full).is_err());
    assert!(show(&run, &Verdicts::default(), Format::Json, &mut full).is_err());
}

#[test]
fn what_was_no_test_run_says_so() {
    let project = Project::new();
    for (run, purpose, scope) in
        [("a", Purpose::Replay, "replay of x"), ("b", Purpose::Experiment, "tests/e2e")]
    {
        let mut begun = started(run);
        (begun.purpose, begun.scope) = (purpose, scope.to_owned());
        project.record(&Tape::new(begun).round([]).complete());
    }
    let list = listed(&project, Format::Text);
    assert!(list.contains("  experiment\n"), "{list}");
    assert!(list.contains("  replay\n"), "{list}");
    assert!(shown(&project.load("b"), Format::Text).contains("  purpose   experiment\n"));
    assert_eq!(parsed(&project.load("b"))["run"]["purpose"], "experiment");
}

#[test]
fn a_loops_failures_are_shown_with_why() {
    let project = Project::new();
    let run = small_run(&project);
    let history = History::open_read(project.root()).expect("a history");
    let verdicts = gather(&history, std::slice::from_ref(&run.record)).expect("read");
    let mut out = Vec::new();
    show(&run, &verdicts, Format::Text, &mut out).expect("memory takes all");
    let text = String::from_utf8(out).expect("text");
    assert!(text.contains("Tests that failed and why, with the rate's 95% interval\n\ntests/test_a.py::test_one  1/3  33% (6.1–79%)  "), "{text}");
}
