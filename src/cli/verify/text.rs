//! A verification for people. Pure: findings in, text out.

use std::fmt::Write as _;

use crate::cli::dry_run::shell;
use crate::engine::{Plan, Warmth};
use crate::model::{Counts, ExitCode, NodeId, OutcomeKind, StopReason};
use crate::report::summary::Totals;
use crate::report::text::{Palette, Tone, counted, line};
use crate::verify::{Again, Judged, Judgement, Kind, Pair, Proof, Seen, Side, Step, Way};

/// How many tests of a list are shown.
const LISTED: usize = 50;

/// What is being run.
pub(super) fn title(step: &Step<'_>, command: &[String]) -> String {
    let way = match step.way {
        Way::Pytest => "pytest".to_owned(),
        Way::Pnl => format!("pnl (--engine {}{})", step.plan.engine, warm(step.plan)),
    };
    match (step.alone, step.is_repetition) {
        (Some(nodeid), _) => format!("again, alone, by {way}: {}", line(nodeid.as_str())),
        (None, true) => format!("again, all tests, by {way}"),
        (None, false) => format!("by {way}: {}", line(&shell(command))),
    }
}

fn warm(plan: &Plan) -> &'static str {
    match plan.warmth {
        Warmth::Cold => "",
        Warmth::Warm { .. } => " --warm",
    }
}

/// A run's sums in one line.
pub(super) fn totals(side: &Side) -> String {
    let gathered = &side.gathered;
    let totals =
        Totals { rounds: None, counts: gathered.counts, flaky: 0, elapsed: gathered.elapsed };
    match &side.finished.reason {
        StopReason::Completed | StopReason::FailedRound => totals.to_string(),
        reason if gathered.counts == Counts::default() => line(&reason.to_string()).into_owned(),
        reason => format!("{totals}; {}", line(&reason.to_string())),
    }
}

/// Everything, as it is printed at the end.
pub(super) fn render(proof: &Proof, palette: Palette) -> String {
    let mut out = String::new();
    let Some(pnl) = &proof.pnl else {
        let _ = writeln!(out, "not compared: {}", totals(&proof.pytest));
        return out;
    };
    unstable(&mut out, proof);
    not_run(&mut out, &proof.not_run);
    flaky(&mut out, proof);
    differences(&mut out, proof, palette);
    if let Some((pytest, ours)) = proof.differing_exit() {
        let _ = writeln!(
            out,
            "the exit status differs though no test does: pytest {}, pnl {}",
            pytest.code(),
            ours.code()
        );
    }
    let (tone, words) = verdict(proof, pnl);
    let _ = writeln!(out, "{}", palette.paint(tone, &words));
    out
}

/// The last line.
fn verdict(proof: &Proof, pnl: &Side) -> (Tone, String) {
    let how = {
        let workers = counted(pnl.gathered.workers as u64, "worker");
        let thrice = if warm(&proof.plan).is_empty() { "" } else { ", thrice" };
        format!("--engine {}{}{thrice}, {workers}", proof.plan.engine, warm(&proof.plan))
    };
    let compared = proof.agreeing + proof.judged.len();
    let agreeing = counted(proof.agreeing as u64, "test");
    let both = || format!("by pytest {}; by pnl {}", totals(&proof.pytest), totals(pnl));
    match proof.exit {
        _ if proof.was_interrupted() => (Tone::Odd, "interrupted: nothing is proven".to_owned()),
        ExitCode::Ok => {
            let flaky = match proof.flaky().count() {
                0 => String::new(),
                count => format!(", and {} left out as flaky", counted(count as u64, "test")),
            };
            let words = format!("pnl agrees with pytest: {agreeing} with the same outcome{flaky}");
            (Tone::Good, format!("{words} ({how})"))
        }
        _ if compared == 0 => (Tone::Odd, format!("there was no test to compare: {}", both())),
        ExitCode::TestsFailed => {
            let differing = match proof.differences().count() {
                0 => "in its exit status".to_owned(),
                count => format!("in {}", counted(count as u64, "test")),
            };
            (
                Tone::Bad,
                format!("pnl differs from pytest {differing}; same outcome: {agreeing} ({how})"),
            )
        }
        _ => (Tone::Bad, format!("nothing is proven: {}", both())),
    }
}

fn unstable(out: &mut String, proof: &Proof) {
    for it in proof.unstable.iter().take(LISTED) {
        let _ = writeln!(
            out,
            "{}: the ids of its {} differ from process to process (a set, random data, a clock?); \
             number and outcomes agree",
            line(it.nodeid.as_str()),
            counted(it.count as u64, "test")
        );
    }
    more(out, proof.unstable.len());
}

fn not_run(out: &mut String, ids: &[NodeId]) {
    if let Some(first) = ids.first() {
        let _ = writeln!(
            out,
            "{} neither ran, and could not be compared: {}{}",
            counted(ids.len() as u64, "test"),
            line(first.as_str()),
            if ids.len() > 1 { ", …" } else { "" }
        );
    }
}

fn flaky(out: &mut String, proof: &Proof) {
    let count = proof.flaky().count();
    if count > 0 {
        let tests = counted(count as u64, "flaky test");
        let _ = writeln!(out, "{tests}, whoever runs them (no difference):");
    }
    for judged in proof.flaky().take(LISTED) {
        let _ = writeln!(out, "  {}", line(judged.difference.nodeid.as_str()));
        repetitions(out, &judged.again);
    }
    more(out, count);
}

fn differences(out: &mut String, proof: &Proof, palette: Palette) {
    let count = proof.differences().count();
    for judged in proof.differences().take(LISTED) {
        one(out, judged, palette);
    }
    more(out, count);
}

fn one(out: &mut String, judged: &Judged, palette: Palette) {
    let difference = &judged.difference;
    let word = match difference.kind {
        Kind::Missing => "missing",
        Kind::Extra => "extra",
        Kind::Outcome | Kind::UnstableOutcome => "differs",
    };
    let _ =
        writeln!(out, "{} {}", palette.paint(Tone::Bad, word), line(difference.nodeid.as_str()));
    for (way, seen) in [("pytest", &difference.pytest), ("pnl", &difference.pnl)] {
        let _ = writeln!(out, "    {way}: {}", told(seen));
    }
    repetitions(out, &judged.again);
    let meaning = match judged.judgement {
        Judgement::Alone | Judgement::Flaky => return,
        Judgement::AmongOthers => {
            "it repeats only among the others: look for order, shared state or parallelism"
        }
        Judgement::NotRepeated => "not run again: it may be flaky",
    };
    let _ = writeln!(out, "    {meaning}");
}

/// `failed: AssertionError: assert 1 == 2`; several executions one after the other.
fn told(seen: &[Seen]) -> String {
    if seen.is_empty() {
        return "has no such test".to_owned();
    }
    let one = |it: &Seen| {
        let kind = it.outcome.kind().label();
        it.message.as_ref().map_or(kind.to_owned(), |text| format!("{kind}: {}", line(text)))
    };
    let mut all: Vec<String> = seen.iter().take(LISTED).map(one).collect();
    all.dedup();
    all.join("; ")
}

fn repetitions(out: &mut String, again: &Again) {
    let pairs = [("alone", &again.alone), ("among all", &again.among_others)];
    for (how, pair) in pairs {
        if let Some(Pair { pytest, pnl }) = pair {
            let (pytest, pnl) = (passes(pytest), passes(pnl));
            let _ = writeln!(out, "    {how}: pytest {pytest}; pnl {pnl}");
        }
    }
}

/// `passed, passed, failed`, or `3 × passed` where all are alike.
fn passes(all: &[Vec<OutcomeKind>]) -> String {
    let words: Vec<String> = all
        .iter()
        .map(|kinds| match kinds.as_slice() {
            [] => "not run".to_owned(),
            kinds => kinds.iter().map(|it| it.label()).collect::<Vec<_>>().join("+"),
        })
        .collect();
    match words.as_slice() {
        [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|it| it == first) => {
            format!("{} × {first}", words.len())
        }
        _ => words.join(", "),
    }
}

fn more(out: &mut String, count: usize) {
    if count > LISTED {
        let _ = writeln!(out, "… and {} more; --format json has all", count - LISTED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_counted_where_they_are_alike() {
        use OutcomeKind::{Failed, Passed};
        assert_eq!(passes(&[vec![Passed], vec![Passed]]), "2 × passed");
        assert_eq!(
            passes(&[vec![Passed], vec![], vec![Failed, Passed]]),
            "passed, not run, failed+passed"
        );
    }
}
