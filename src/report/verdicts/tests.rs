use serde_json::{Value, json};

use super::{Verdicts, gather};
use crate::model::{
    Attempt, Confirmation, Judged, NodeId, Offset, OutcomeKind, Ran, Round, RoundSpan, RunId,
    Schedule, Suspect, Tie, Verdict, VerdictKind,
};
use crate::store::fixture::{Project, STARTED_US, Tape, execution, failing, started, test};
use crate::store::{History, confirm};

pub(super) fn nodeid(text: &str) -> NodeId {
    NodeId::new(text)
}

pub(super) fn verdict(kind: VerdictKind, evidence: &str) -> Verdict {
    Verdict {
        kind,
        culprits: Vec::new(),
        cleaners: Vec::new(),
        needs_culprits: false,
        since_round: None,
        workers: None,
        window: None,
        evidence: evidence.to_owned(),
        confirmed: None,
    }
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
            "confirmed": null,
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
    let mut hit = schedule(&["a.py::one"], 10, |_, round| round == 3);
    hit.ran[2].is_infrastructure = true;
    let mut verdicts = Verdicts::of(&[hit], Vec::new());
    (verdicts.judged, verdicts.places) = Default::default();
    let found = shown(&verdicts, "a.py::one");
    assert!(found["evidence"].as_str().is_some_and(|it| it.contains("in 9 executions")), "{found}");
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
    verdicts.merge(said(Some(false), 2));
    let found = shown(&verdicts, "a.py::one");
    assert_eq!(found["kind"], "order-dependent");
    assert_eq!(found["confirmed"], false);
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
