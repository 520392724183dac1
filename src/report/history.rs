//! `pnl history`: the stored runs, newest first.

use std::io::{self, Write};

use serde::Serialize;

use super::show::{Format, clean, json, table};
use crate::model::{Counts, Purpose};
use crate::store::RunRecord;

/// Writes a list of runs.
pub fn history(runs: &[RunRecord], format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => write_text(runs, out),
        Format::Json => {
            let runs = runs
                .iter()
                .map(|record| Entry { run: json::ShownRun::new(record), totals: record.counts });
            json::write(&Listed { schema: json::SCHEMA, runs: runs.collect() }, out)
        }
    }
}

#[derive(Serialize)]
struct Listed<'r> {
    schema: u32,
    runs: Vec<Entry<'r>>,
}

#[derive(Serialize)]
struct Entry<'r> {
    run: json::ShownRun<'r>,
    totals: Counts,
}

fn write_text(runs: &[RunRecord], out: &mut dyn Write) -> io::Result<()> {
    if runs.is_empty() {
        return writeln!(out, "No run is recorded yet.");
    }
    let mut rows = vec![["run", "took", "rounds", "failed", "exit", "scope"].map(str::to_owned)];
    rows.extend(runs.iter().map(|record| {
        [
            super::show::cut_middle(&clean(record.run.as_str()), 24),
            span(record.elapsed),
            rounds(record),
            format!("{}/{}", record.counts.failures(), record.counts.total()),
            record.end.as_ref().map_or_else(|| "-".to_owned(), |end| end.exit_code.to_string()),
            scope(record),
        ]
    }));
    table::write(&rows, out)
}

/// What was asked for; of what was no run of tests, what it was, for which there is room.
fn scope(record: &RunRecord) -> String {
    let is_of_tests = record.purpose == Purpose::Tests.name();
    clean(if is_of_tests { &record.scope } else { &record.purpose })
}

/// How it ended, in a sentence.
pub(super) fn ended(record: &RunRecord) -> String {
    match &record.end {
        Some(end) => format!("{}; exit code {}", end.detail, end.exit_code),
        None => "no end is recorded: it was killed, or is still running".to_owned(),
    }
}

/// How many rounds were begun, and of how many.
pub(super) fn rounds(record: &RunRecord) -> String {
    // Experiments have as many as it takes.
    match record.rounds_planned.filter(|&planned| planned < u32::MAX) {
        Some(planned) => format!("{} of {planned}", record.rounds_run),
        None => record.rounds_run.to_string(),
    }
}

/// A length of time in at most nine columns: `0.52s`, `3m05s`, `2h07m`.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.2}s"),
        10..60 => format!("{whole}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
    }
}
