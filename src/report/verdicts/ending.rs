//! What a run's end says of its tests, read back from the history: verdicts on a loop, and what to
//! type next where something failed.

use std::fmt::Write as _;
use std::path::Path;

use super::Verdicts;
use super::gather::{Read, read};
use super::table::{Look, table};
use crate::diagnosis::covered_pairs;
use crate::model::{DistMode, EngineKind, Round, RunId, Schedule, VerdictKind};
use crate::report::summary::Summary;
use crate::report::text::{Palette, line, percent};
use crate::store::{History, RunRecord, StoreError};

/// So many tests are listed on a terminal; `pnl flaky` lists more.
const TESTS: usize = 30;

/// Beyond so many tests, no loop comes near to all of their pairs.
const PAIRED: usize = 8000;

/// Says what the history tells of a run's tests, once all of them are stored.
pub type AskVerdicts = Box<dyn FnOnce(&Ended) -> String + Send>;

/// A run that has just ended, and how its end is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Whether in colour.
    pub palette: Palette,
    /// Columns.
    pub width: usize,
    /// How many rounds were begun.
    pub rounds: u64,
    /// The first in which a test failed.
    pub failed_in: Option<Round>,
}

impl Ended {
    /// What there is to say something about: a loop, or a run in which something failed.
    pub(in crate::report) fn of(summary: &Summary, palette: Palette, width: usize) -> Option<Self> {
        let rounds = summary.rounds();
        let listed = rounds.worth_listing();
        let failed_in = listed.iter().find(|it| it.counts.failures() > 0).map(|it| it.round);
        let rounds = rounds.begun();
        (rounds > 1 || failed_in.is_some()).then_some(Self { palette, width, rounds, failed_in })
    }
}

/// What there is to say of a run that the history at `root` has.
#[must_use]
pub fn at_end(root: &Path, run: &RunId, ended: &Ended) -> String {
    let said = || -> Result<String, StoreError> {
        let history = History::open_read(root)?;
        let record = history.find(Some(run.as_str()))?;
        let mut out = String::new();
        let mut is_unsure = false;
        if ended.rounds > 1 {
            let Read { schedules, said, left_out } = read(&history, std::slice::from_ref(&record))?;
            let verdicts = Verdicts { left_out, ..Verdicts::of(&schedules, said) };
            out.push_str(&words(&record, &verdicts, ended));
            out.push_str(&schedules.first().map_or(String::new(), |it| pairs(&record, it)));
            is_unsure = verdicts.judged.iter().any(|it| is_unsure_kind(it.verdict.kind));
        }
        out.push_str(&next(&record, is_unsure, ended));
        Ok(out)
    };
    said().unwrap_or_else(|error| without_history(&error.to_string(), ended))
}

/// The same where there is no history to read.
#[must_use]
pub fn without_history(why: &str, ended: &Ended) -> String {
    match ended.rounds {
        0..2 => String::new(),
        _ => format!("no verdicts: they are made from the history, and {}\n", line(why)),
    }
}

fn words(record: &RunRecord, verdicts: &Verdicts, ended: &Ended) -> String {
    let mut out = String::new();
    if !verdicts.judged.is_empty() {
        out.push_str("verdicts (failed of executed, rate with its 95% interval):\n");
    }
    let look = Look { palette: ended.palette, width: ended.width, tests: TESTS, culprits: 3 };
    out.push_str(&table(verdicts, &format!("pnl flaky {}", line(record.run.as_str())), look));
    let (executed, stored) = (record.counts.executed(), verdicts.executions);
    if stored < executed && verdicts.left_out == 0 {
        let _ = writeln!(out, "only {stored} of {executed} executions are stored and judged");
    }
    out
}

/// How many pairs of tests ran side by side: of those that did not, nothing is known.
fn pairs(record: &RunRecord, schedule: &Schedule) -> String {
    let workers = schedule.rounds.iter().map(|it| it.workers).max().unwrap_or(0);
    let is_fixed = record.dist != DistMode::Pnl.name();
    if workers < 2 || is_fixed || !(2..=PAIRED).contains(&schedule.tests.len()) {
        return String::new();
    }
    let (covered, all) = covered_pairs(schedule);
    if covered >= all {
        return format!("all {} pairs of tests ran side by side\n", grouped(all));
    }
    let share = percent(covered as f64 / all as f64);
    format!("{} of {} pairs of tests ran side by side ({share})\n", grouped(covered), grouped(all))
}

/// A number with commas: `1,204`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What can be typed to learn more of what failed.
fn next(record: &RunRecord, is_unsure: bool, ended: &Ended) -> String {
    let Some(round) = ended.failed_in.filter(|_| record.engine == EngineKind::Fork.name()) else {
        return String::new();
    };
    let run = line(record.run.as_str());
    let round = if ended.rounds > 1 { format!(" --round {round}") } else { String::new() };
    let mut out = format!("replay with: pnl replay {run}{round}\n");
    if is_unsure {
        let _ = writeln!(out, "confirm with: pnl confirm {run}");
    }
    out
}

/// Whether experiments can tell more of it.
fn is_unsure_kind(kind: VerdictKind) -> bool {
    match kind {
        VerdictKind::FlakyAlone
        | VerdictKind::OrderDependent
        | VerdictKind::InterferesWith
        | VerdictKind::LoadSensitive
        | VerdictKind::Accumulates => true,
        VerdictKind::Broken | VerdictKind::Infrastructure | VerdictKind::Stable => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
