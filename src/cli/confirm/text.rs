//! What experiments said, for people.

use std::fmt::Write as _;

use crate::experiment::{Answer, Budget, Findings, Standing};
use crate::model::{NodeId, RunId, Verdict, VerdictKind};
use crate::report::text::{Palette, Tone, counted, cut_middle, duration, line, wrapped};

/// Columns of an arm's name.
const NAME: usize = 66;
/// Columns of what is said.
const TEXT: usize = 76;
/// Columns of the live line.
const LIVE: usize = 78;

/// What is going to be tried.
pub(super) fn beginning(run: &RunId, (tests, left_out): (usize, u64), budget: Budget) -> String {
    let cost = match budget {
        Budget::Executions(number) => counted(number, "execution"),
        Budget::Time(time) => duration(time.as_secs_f64()),
    };
    let mut text = format!(
        "experiments on {} that failed in run {run}, within {cost} (--budget)\n",
        counted(tests as u64, "test")
    );
    if left_out > 0 {
        let older = counted(left_out, "round");
        let _ = writeln!(
            text,
            "its first {older} left out: there are too many executions or flaky tests"
        );
    }
    text
}

/// What is being tried.
pub(super) fn live(nodeid: &NodeId, at: usize, of: usize) -> String {
    let text = format!("{at}/{of} {}", line(nodeid.as_str()));
    cut_middle(&text, LIVE).into_owned()
}

/// One test's arms and verdict.
pub(super) fn answer(answer: &Answer, palette: Palette) -> String {
    let tone = match answer.standing {
        Standing::Confirmed => Tone::Good,
        Standing::Refuted => Tone::Bad,
        Standing::Undecided(_) => Tone::Odd,
    };
    let word = palette.paint(tone, &format!("{:9}", answer.standing.name()));
    let mut out = format!("\n{word} {}\n", line(answer.nodeid.as_str()));
    let recorded = verdict(&answer.recorded);
    let (said, evidence) = (verdict(&answer.verdict), line(&answer.verdict.evidence).into_owned());
    let paragraphs = match &answer.standing {
        Standing::Confirmed => vec![said, evidence],
        Standing::Refuted => vec![format!("{said}, not {recorded} as the record has it"), evidence],
        Standing::Undecided(why) => vec![format!("{recorded}, by the record alone: {why}")],
    };
    for text in paragraphs.iter().flat_map(|it| wrapped(it, TEXT)) {
        let _ = writeln!(out, "  {text}");
    }
    for arm in &answer.arms {
        let name = line(&arm.name);
        let name = cut_middle(&name, NAME);
        let _ = writeln!(out, "    {name:NAME$} {:>4}/{}", arm.failed, arm.executed);
    }
    out
}

/// A verdict in a few words.
fn verdict(it: &Verdict) -> String {
    let names = |tests: &[NodeId]| {
        let names: Vec<_> = tests.iter().map(|test| line(test.as_str()).into_owned()).collect();
        names.join(", ")
    };
    let mut text = match it.kind {
        VerdictKind::OrderDependent if it.needs_culprits => {
            format!("passes only after {}", names(&it.culprits))
        }
        VerdictKind::OrderDependent if !it.culprits.is_empty() => {
            format!("fails after {}", names(&it.culprits))
        }
        VerdictKind::InterferesWith if !it.culprits.is_empty() => {
            format!("interferes with {}", names(&it.culprits))
        }
        kind => kind.name().to_owned(),
    };
    if let Some(workers) = it.workers {
        let _ = write!(text, " from {workers} at once on");
    }
    if let Some(round) = it.since_round {
        let _ = write!(text, " since round {round}");
    }
    if !it.cleaners.is_empty() {
        let _ = write!(text, ", unless {} ran in between", names(&it.cleaners));
    }
    text
}

/// The sums.
pub(super) fn ending(findings: &Findings) -> String {
    let sums = super::sums(&findings.answers).map(|(word, count)| format!("{count} {word}"));
    format!(
        "\n{} · {} in {} (every pair {} times: {})\n",
        sums.join(", "),
        counted(findings.executions, "execution"),
        duration(findings.elapsed.as_secs_f64()),
        Findings::NAIVE,
        findings.naive
    )
}
