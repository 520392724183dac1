//! Judges a case by what pnl promises. Nothing is expected to fail.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::case::Case;
use super::events::{End, Events, counts, sum};
use super::expect::{Code, Expectation, expect};
use super::fact::Made;
use super::fault::Kind;
use super::observed::{How, Observed, Row, set};
use super::project::TESTS;
use super::truth;

/// What is wrong; nothing if all is well.
pub(super) fn judge(case: &Case, observed: &Observed) -> Vec<String> {
    if let How::Hung(dump) = &observed.how {
        return vec![format!("hung after {:?}:\n{dump}", observed.elapsed)];
    }
    let Some(made) = &observed.facts.made else {
        return vec![format!("the fault was never made; pnl {:?}", observed.how)];
    };
    let expected = expect(case, made);
    let is_whole = case.fault.lets_pnl_end();
    let mut wrong = Vec::new();
    wrong.extend(check_code(observed, &expected, case.fault.kind()));
    if is_whole {
        wrong.extend(check_sums(&observed.events));
    }
    let what = (&expected, made);
    wrong.extend(truth::check(&observed.events, &observed.facts, what, is_whole));
    if !expected.may_lose_history {
        wrong.extend(check_history(observed, is_whole));
    }
    wrong.extend(check_rest(observed));
    wrong
}

/// The healthy run after it.
pub(super) fn judge_next(case: &Case, next: &Observed) -> Vec<String> {
    let none = Made { nodeid: None, worker: None, is_worker: false, round: 0 };
    let nothing = Expectation {
        codes: vec![Code::Exactly(i32::from(case.failing))],
        victim: Vec::new(),
        may_cut: false,
        spoils_worker: false,
        loses_words: false,
        may_lose_history: false,
    };
    let mut wrong = Vec::new();
    if let How::Hung(dump) = &next.how {
        wrong.push(format!("hung:\n{dump}"));
    } else {
        wrong.extend(check_code(next, &nothing, Kind::Harmless));
        wrong.extend(check_sums(&next.events));
        wrong.extend(truth::check(&next.events, &next.facts, (&nothing, &none), true));
        wrong.extend(check_history(next, true));
        wrong.extend(check_rest(next));
        if next.events.ends().len() != TESTS {
            wrong.push(format!("{} tests instead of {TESTS}", next.events.ends().len()));
        }
    }
    wrong.into_iter().map(|it| format!("the next run: {it}")).collect()
}

fn check_code(observed: &Observed, expected: &Expectation, kind: Kind) -> Option<String> {
    let failures = ["failed", "error", "timed_out", "crashed"];
    let is_failed = observed.events.ends().iter().any(|it| failures.contains(&&*it.outcome));
    let allowed: Vec<i32> = expected
        .codes
        .iter()
        .map(|code| match code {
            Code::ByOutcomes => i32::from(is_failed),
            Code::Exactly(code) => *code,
        })
        .collect();
    match observed.how {
        How::Signalled(9) if kind == Kind::PnlDeath => None,
        How::Exited(code) if allowed.contains(&code) => {
            let said = observed.events.first("run-ended").map(|it| it["exit_code"].clone());
            let is_said = said.as_ref().is_none_or(|said| *said == code);
            (!is_said).then(|| format!("exited with {code}, but told of {said:?}"))
        }
        ref other => Some(format!("{other:?}, where only {allowed:?} may be")),
    }
}

/// Whether all that was planned ended, exactly once, and every place that counts says the same.
fn check_sums(events: &Events) -> Vec<String> {
    let mut wrong = Vec::new();
    let ends = events.ends();
    let mut seen = BTreeSet::new();
    for End { round, index, nodeid, .. } in &ends {
        if !seen.insert((round, index)) {
            wrong.push(format!("{nodeid} ended more than once in round {round}"));
        }
    }
    let rounds = events.all("round-started").count();
    let planned = events.collected().map(|tests| tests * rounds);
    if let Some(planned) = planned.filter(|&planned| planned != ends.len()) {
        wrong.push(format!("{planned} executions were planned, and {} ended", ends.len()));
    }
    if let Some(end) = events.first("run-ended") {
        if counts(&end["totals"]) != sum(&ends) {
            wrong.push(format!("ended: {:?}, the run's totals: {}", sum(&ends), end["totals"]));
        }
    } else if events.first("run-started").is_some() {
        wrong.push("nothing is told of the run's end".to_owned());
    }
    let mut totals: BTreeMap<String, u64> = BTreeMap::new();
    for round in events.all("round-ended") {
        for (outcome, count) in counts(&round["totals"]) {
            *totals.entry(outcome).or_default() += count;
        }
    }
    if totals != sum(&ends) {
        wrong.push(format!("ended: {:?}, the rounds' totals: {totals:?}", sum(&ends)));
    }
    if let Some(broken) = &events.broken {
        wrong.push(format!("a line of --jsonl is no JSON: {broken}"));
    }
    wrong
}

/// Whether the history has what was told, and `pnl show` adds it up.
fn check_history(observed: &Observed, is_whole: bool) -> Vec<String> {
    if observed.events.run().is_none() {
        return Vec::new();
    }
    let stored = match &observed.stored {
        Ok(stored) => stored,
        Err(error) => return vec![format!("the history cannot be read: {error}")],
    };
    let mut wrong = Vec::new();
    let told = rows(&observed.events);
    let (stored, told) = (set(stored), set(&told));
    let lost: Vec<_> = told.difference(&stored).collect();
    if !lost.is_empty() {
        wrong.push(format!("told, and not in the history: {lost:?}"));
    }
    let more: Vec<_> = stored.difference(&told).collect();
    if is_whole && !more.is_empty() {
        wrong.push(format!("in the history, and never told: {more:?}"));
    }
    let shown = match &observed.shown {
        Ok(shown) => shown,
        Err(error) => return [wrong, vec![error.clone()]].concat(),
    };
    let count = stored.iter().filter(|(.., is_retried)| !is_retried).count() as u64;
    let totals = counts(&shown["totals"]);
    if totals.values().sum::<u64>() != count {
        wrong.push(format!("`pnl show` has {totals:?} for {count} executions"));
    }
    if by_test(shown) != totals {
        wrong.push(format!("`pnl show`: tests add up to {:?}, not {totals:?}", by_test(shown)));
    }
    if let (How::Exited(code), true) = (&observed.how, is_whole)
        && shown["run"]["exit_code"] != *code
    {
        wrong.push(format!("`pnl show` says exit code {}, not {code}", shown["run"]["exit_code"]));
    }
    wrong
}

fn rows(events: &Events) -> Vec<Row> {
    let row =
        |is_retried: bool| move |it: End| (it.round, it.nodeid, it.attempt, it.outcome, is_retried);
    let ends = events.ends().into_iter().map(row(false));
    ends.chain(events.failed_attempts().into_iter().map(row(true))).collect()
}

fn by_test(shown: &Value) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for outcome in shown["totals"].as_object().into_iter().flat_map(|it| it.keys()) {
        let tests = shown["tests"].as_array().into_iter().flatten();
        let count: u64 = tests.filter_map(|test| test[outcome].as_u64()).sum();
        if count > 0 {
            sums.insert(outcome.clone(), count);
        }
    }
    sums
}

/// Whether anything is left of it.
fn check_rest(observed: &Observed) -> Vec<String> {
    let mut wrong = Vec::new();
    for process in &observed.survivors {
        wrong.push(format!("outlived pnl by 2 s: {process}"));
    }
    if !observed.folders.is_empty() {
        wrong.push(format!("left in the temporary folder: {:?}", observed.folders));
    }
    if observed.said.contains("panicked at") {
        wrong.push("pnl panicked".to_owned());
    }
    wrong
}
