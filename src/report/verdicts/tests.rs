use serde_json::{Value, json};

use super::table::{Look, table};
use super::{Looked, Verdicts, flaky, gather};
use crate::model::{
    Attempt, Confirmation, Judged, NodeId, Offset, OutcomeKind, Ran, Round, RoundSpan, RunId,
    Schedule, Suspect, Tie, Verdict, VerdictKind,
};
use crate::report::show::Format;
use crate::report::text::Palette;
use crate::store::fixture::{Project, STARTED_US, Tape, execution, failing, started, test};
use crate::store::{History, confirm};

pub(super) fn nodeid(text: &str) -> NodeId {
    NodeId::new(text)
}

pub(super) fn verdict(kind: VerdictKind, evidence: &str) -> Verdict {
    Verdict::of(kind, evidence)
}

pub(super) fn judged(test: &str, failed: u64, executed: u64, verdict: Verdict) -> Judged {
    let rate = crate::stats::failure_rate(failed, executed).expect("executed");
    Judged {
        nodeid: nodeid(test),
        failed,
        executed,
        infrastructure: 0,
        rate: (rate.estimate, rate.low, rate.high),
        verdict,
        suspects: Vec::new(),
    }
}

/// Rounds of tests that each take a second, in turn, in one process; `failed` says which fail.
fn schedule(tests: &[&str], rounds: u32, failed: impl Fn(usize, u32) -> bool) -> Schedule {
    let mut schedule = Schedule { started_us: STARTED_US, ..Schedule::default() };
    schedule.tests = tests.iter().map(|it| nodeid(it)).collect();
    for round in (1..=rounds).map(Round) {
        let start = |place: usize| Offset((u64::from(round.0) * 100 + place as u64) * 1_000_000);
        schedule.rounds.push(RoundSpan { round, workers: 2, start: start(0) });
        schedule.ran.extend((0..tests.len()).map(|place| Ran {
            test: place as u32,
            round,
            attempt: Attempt::FIRST,
            process: round.0,
            start: start(place),
            end: start(place + 1),
            outcome: if failed(place, round.0) { OutcomeKind::Failed } else { OutcomeKind::Passed },
            cause: None,
            is_infrastructure: false,
        }));
    }
    schedule
}

fn shown(verdicts: &Verdicts, test: &str) -> Value {
    serde_json::to_value(verdicts.shown(&nodeid(test)).0).expect("JSON")
}

#[test]
fn a_test_that_never_failed_in_a_loop_is_stable() {
    let never = schedule(&["a.py::one", "a.py::two"], 60, |_, _| false);
    let verdicts = Verdicts::of(&[never], Vec::new());
    assert_eq!(
        shown(&verdicts, "a.py::two"),
        json!({
            "kind": "stable", "culprits": [], "cleaners": [], "needs_culprits": false,
            "since_round": null, "workers": null, "window": null,
            "evidence": "never failed in 60 executions: fails less often than 4.9% (95%)",
            "confirmed": null, "refuted": null,
        })
    );
    assert_eq!(shown(&verdicts, "a.py::not_there"), Value::Null);
}

#[test]
fn one_round_is_not_judged_and_two_runs_are_two_rounds() {
    let once = || schedule(&["a.py::one", "a.py::two"], 1, |test, _| test == 0);
    let verdicts = Verdicts::of(&[once()], Vec::new());
    assert_eq!(shown(&verdicts, "a.py::one"), Value::Null);
    assert_eq!(shown(&verdicts, "a.py::two"), Value::Null);
    let verdicts = Verdicts::of(&[once(), once()], Vec::new());
    assert_eq!(shown(&verdicts, "a.py::two")["kind"], "stable");
    assert_eq!((verdicts.runs, verdicts.rounds, verdicts.executions), (2, 2, 4));
}

#[test]
fn what_failed_while_the_server_was_away_does_not_count() {
    let mut hit = schedule(&["a.py::one", "a.py::two"], 10, |test, round| test == 0 && round == 3);
    hit.ran[4].is_infrastructure = true;
    let verdicts = Verdicts::of(&[hit.clone()], Vec::new());
    let found = shown(&verdicts, "a.py::one");
    assert_eq!(found["kind"], "infrastructure");
    assert_eq!(found["evidence"], "its only failure was hit while the server was away");
    assert_eq!(found["window"], json!(["2026-01-02T03:09:05Z", "2026-01-02T03:09:06Z"]));
    assert_eq!((verdicts.judged[0].failed, verdicts.judged[0].executed), (0, 9));
    // Of several runs, windows count from the first.
    let mut before = schedule(&["a.py::one"], 1, |_, _| false);
    before.started_us -= 60_000_000;
    let verdicts = Verdicts::of(&[before, hit], Vec::new());
    assert_eq!(shown(&verdicts, "a.py::one")["window"], found["window"]);
}

fn said(confirmed: Option<bool>, at_us: i64) -> Confirmation {
    let verdict = Verdict {
        kind: VerdictKind::OrderDependent,
        culprits: vec![nodeid("a.py::right")],
        window: Some((Offset(0), Offset(1_500_000))),
        confirmed,
        ..verdict(VerdictKind::OrderDependent, "fails in 20 of 20 after a.py::right")
    };
    Confirmation { nodeid: nodeid("a.py::one"), by: None, at_us, verdict, arms: Vec::new() }
}

#[test]
fn what_experiments_found_takes_the_place_of_what_was_thought() {
    let suspect = |test, kind| Suspect {
        nodeid: nodeid(test),
        kind,
        odds_ratio: None,
        p_value: 0.01,
        confirmed: None,
    };
    let thought = Verdict {
        culprits: vec![nodeid("a.py::wrong")],
        ..verdict(VerdictKind::InterferesWith, "fails in 3 of 4 beside a.py::wrong")
    };
    let mut it = judged("a.py::one", 3, 60, thought);
    it.suspects = vec![
        suspect("a.py::wrong", Tie::Beside),
        suspect("a.py::right", Tie::After),
        suspect("a.py::other", Tie::Beside),
    ];
    let mut verdicts = Verdicts { origin_us: STARTED_US, ..Verdicts::default() };
    verdicts.places.insert(it.nodeid.clone(), 0);
    verdicts.judged.push(it);

    verdicts.merge(said(None, 1));
    assert_eq!(shown(&verdicts, "a.py::one")["kind"], "interferes-with");
    verdicts.merge(said(Some(true), 2));
    let found = shown(&verdicts, "a.py::one");
    assert_eq!(found["kind"], "order-dependent");
    assert_eq!((&found["confirmed"], &found["refuted"]), (&json!(true), &json!("interferes-with")));
    assert_eq!(found["window"], json!(["2026-01-02T03:04:05Z", "2026-01-02T03:04:06.5Z"]));
    let (_, suspects) = verdicts.shown(&nodeid("a.py::one"));
    let confirmed: Vec<_> = suspects.iter().map(|it| it.confirmed).collect();
    assert_eq!(confirmed, [Some(false), Some(true), None]);
}

/// A history with a loop, in which `a.py::one` fails in its second round.
fn recorded() -> Project {
    let project = Project::new();
    let [one, two] = [test(0, "a.py::one"), test(1, "a.py::two")];
    let passes = |it| execution(it, crate::model::Outcome::Passed);
    let events = Tape::new(started("20260102-030405-aaaaaa"))
        .round([passes(&one), passes(&two)])
        .round([failing(&one, "AssertionError: 1"), passes(&two)])
        .round([passes(&one), passes(&two)])
        .complete();
    project.record(&events);
    project
}

#[test]
fn a_stored_loop_is_judged_with_its_confirmations() {
    let project = recorded();
    let run = RunId::new("20260102-030405-aaaaaa");
    let said = [said(Some(true), 9), said(Some(false), 5)];
    confirm(project.root(), &run, &said).expect("written");
    let history = History::open_read(project.root()).expect("a history");
    let records = history.runs(10).expect("runs");
    let verdicts = gather(&history, &records).expect("read");
    assert_eq!((verdicts.rounds, verdicts.executions, verdicts.left_out), (3, 6, 0));
    let found = shown(&verdicts, "a.py::one");
    assert_eq!((&found["kind"], &found["confirmed"]), (&json!("order-dependent"), &json!(true)));
    assert_eq!(shown(&verdicts, "a.py::two")["kind"], "stable");
}

#[test]
fn of_more_executions_than_there_is_room_for_the_newest_are_taken() {
    let project = recorded();
    project.record(
        &Tape::new(started("newer"))
            .round([execution(&test(0, "a.py::one"), crate::model::Outcome::Passed)])
            .complete(),
    );
    let history = History::open_read(project.root()).expect("a history");
    let records = history.runs(10).expect("runs");
    let of = |room| {
        let it = super::gather::gather_at_most(room, &history, &records).expect("read");
        (it.runs, it.rounds, it.executions, it.left_out)
    };
    assert_eq!(of(7), (2, 4, 7, 0));
    assert_eq!(of(6), (2, 3, 5, 1), "no room for the last round");
    assert_eq!(of(1), (1, 1, 1, 3));
    assert_eq!(of(0), (0, 0, 0, 4));
}

pub(super) fn verdicts(judged: Vec<Judged>, never_failed: &[(&str, u32)]) -> Verdicts {
    let mut verdicts = Verdicts { origin_us: STARTED_US, rounds: 100, ..Verdicts::default() };
    for it in judged {
        verdicts.places.insert(it.nodeid.clone(), verdicts.judged.len());
        verdicts.judged.push(it);
    }
    for (test, rounds) in never_failed {
        let never = Verdicts::of(&[schedule(&[test], *rounds, |_, _| false)], Vec::new());
        verdicts.tallies.extend(never.tallies);
    }
    verdicts
}

const PLAIN: Look = Look { palette: Palette::Plain, width: 80, tests: 30, culprits: 3 };

fn interferes(culprit: &str) -> Verdict {
    Verdict {
        culprits: vec![nodeid(culprit)],
        ..verdict(
            VerdictKind::InterferesWith,
            "fails in 9 of 12 executions beside test_reset, in 0 of 88 otherwise, p = 2e-11",
        )
    }
}

#[test]
fn short_names_stand_in_a_row_with_their_figures() {
    let confirmed = Verdict { confirmed: Some(true), ..interferes("tests/y.py::test_reset") };
    let once = verdict(VerdictKind::Infrastructure, "all 14 failures lie within 7 s");
    let it = verdicts(
        vec![
            judged("tests/x.py::test_a", 9, 100, confirmed),
            judged("tests/x.py::test_b", 100, 100, verdict(VerdictKind::Broken, "always fails")),
            judged("tests/x.py::test_c", 1, 100, once),
        ],
        &[("tests/y.py::test_d", 60), ("tests/y.py::test_e", 100)],
    );
    insta::assert_snapshot!(table(&it, "pnl flaky x", PLAIN), @r"
    tests/x.py::test_b  100/100  100% (96–100%)   broken
        always fails
    tests/x.py::test_a    9/100  9.0% (4.8–16%)   interferes-with, confirmed
        beside tests/y.py::test_reset
        fails in 9 of 12 executions beside test_reset, in 0 of 88 otherwise,
        p = 2e-11
    tests/x.py::test_c    1/100  1.0% (0.2–5.4%)  infrastructure
        all 14 failures lie within 7 s
    the other 2 tests never failed: each fails less often than 4.9% (95%)
    ");
}

#[test]
fn long_names_have_a_line_of_their_own_and_long_lists_an_end() {
    let long = format!("tests/e2e/test_records.py::test_in_list[{}]", "x".repeat(60));
    let several = Verdict {
        culprits: (0..5).map(|n| nodeid(&format!("tests/y.py::test_{n}"))).collect(),
        cleaners: vec![nodeid("tests/y.py::test_0")],
        needs_culprits: true,
        confirmed: Some(false),
        ..verdict(VerdictKind::OrderDependent, "fails in 20 of 20 without any of them before it")
    };
    let in_full = interferes("test_reset");
    let it = verdicts(
        vec![
            judged(&long, 9, 10_000, several),
            judged("a.py::b", 5, 60, in_full),
            judged("a.py::c", 1, 60, interferes("q")),
        ],
        &[],
    );
    let look = Look { tests: 2, ..PLAIN };
    let text = table(&it, "pnl flaky 20260102-030405-aaaaaa", look);
    assert!(text.lines().all(|line| crate::report::text::width(line) <= 80), "{text}");
    insta::assert_snapshot!(text, @r"
    tests/e2e/test_records.py::test_in_list…xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]
        9/10000  0.09% (0.05–0.2%)  order-dependent, refuted
        needs before it tests/y.py::test_0
        needs before it tests/y.py::test_1
        needs before it tests/y.py::test_2
        and 3 more tests
        fails in 20 of 20 without any of them before it
    a.py::b
           5/60  8.3% (3.6–18%)     interferes-with
        fails in 9 of 12 executions beside test_reset, in 0 of 88 otherwise,
        p = 2e-11
    … and 1 more: pnl flaky 20260102-030405-aaaaaa
    ");
}

#[test]
fn where_no_test_failed_one_line_says_how_sure_that_is() {
    let it = verdicts(Vec::new(), &[("a.py::a", 60), ("a.py::b", 100)]);
    insta::assert_snapshot!(table(&it, "", PLAIN), @"no test failed: each fails less often than 4.9% (95%)");
}

#[test]
fn names_in_a_table_are_harmless() {
    let hostile = "a.py::t[\u{1b}[2J\u{202e}]";
    let with =
        Verdict { culprits: vec![nodeid(hostile)], ..verdict(VerdictKind::FlakyAlone, hostile) };
    let text = table(&verdicts(vec![judged(hostile, 1, 2, with)], &[]), "", PLAIN);
    assert!(!text.replace('\n', "").contains(crate::report::text::is_dangerous), "{text:?}");
}

fn flaky_text(project: &Project, format: Format) -> String {
    let history = History::open_read(project.root()).expect("a history");
    let runs = history.runs(10).expect("runs");
    let verdicts = gather(&history, &runs).expect("read");
    let mut out = Vec::new();
    let looked = Looked { runs: &runs, which: "from the last 14d" };
    flaky(looked, &verdicts, format, &mut out).expect("memory takes all");
    String::from_utf8(out).expect("text")
}

#[test]
fn several_runs_are_judged_together() {
    let project = recorded();
    let it = test(0, "a.py::one");
    project.record(&Tape::new(started("newer")).round([failing(&it, "no")]).complete());
    let text = flaky_text(&project, Format::Text);
    assert!(
        text.starts_with(
            "2 runs from the last 14d, the newest newer: 4 rounds, 7 executions\n\na.py::one  2/4  "
        ),
        "{text}"
    );
    let found: Value = serde_json::from_str(&flaky_text(&project, Format::Json)).expect("JSON");
    assert_eq!(found["runs"], json!(["newer", "20260102-030405-aaaaaa"]));
    assert_eq!((&found["rounds"], &found["executions"]), (&json!(4), &json!(7)));
    let first = &found["tests"][0];
    assert_eq!((&first["nodeid"], &first["failed"]), (&json!("a.py::one"), &json!(2)));
    assert_eq!((&first["executed"], &first["failure_rate"]["estimate"]), (&json!(4), &json!(0.5)));
    assert!(first["verdict"]["kind"].is_string() && first["suspects"].is_array(), "{first}");
    assert_eq!(found["never_failed"]["tests"], 1);
    assert_eq!(found["never_failed"]["executed"], 3);
}

#[test]
fn of_one_round_nothing_is_said() {
    let project = Project::new();
    let it = test(0, "a.py::one");
    project.record(&Tape::new(started("only")).round([failing(&it, "no")]).complete());
    insta::assert_snapshot!(flaky_text(&project, Format::Text), @r"
    1 run from the last 14d, the newest only: 1 round, 1 execution
    One round tells nothing of why tests fail.
    ");
    let mut out = Vec::new();
    let looked = Looked { runs: &[], which: "from the last 5m" };
    flaky(looked, &Verdicts::default(), Format::Text, &mut out).expect("memory takes all");
    let text = String::from_utf8(out).expect("text");
    assert_eq!(text, "No run from the last 5m: pnl history lists them all.\n");
}
