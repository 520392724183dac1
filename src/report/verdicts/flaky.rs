//! `pnl flaky`: verdicts over many stored runs.

use std::io::{self, Write};

use serde::Serialize;

use super::Verdicts;
use super::json::ShownVerdict;
use super::table::{Look, table};
use crate::model::{NodeId, Suspect};
use crate::report::show::{Format, WIDTH, json};
use crate::report::text::{Palette, counted, line, wrapped};
use crate::stats::{Rate, failure_rate};
use crate::store::RunRecord;

/// So many tests are listed for people.
const TESTS: usize = 200;

/// What was looked at.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'r> {
    /// The newest first.
    pub runs: &'r [RunRecord],
    /// Which those are, as `from the last 14d`.
    pub which: &'r str,
}

/// Writes the verdicts on all tests that failed in some of the runs.
pub fn flaky(
    looked: Looked<'_>,
    verdicts: &Verdicts,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => write_text(looked, verdicts, out),
        Format::Json => json::write(&Shown::new(looked, verdicts), out),
    }
}

fn write_text(looked: Looked<'_>, verdicts: &Verdicts, out: &mut dyn Write) -> io::Result<()> {
    let runs = counted(looked.runs.len() as u64, "run");
    let Some(newest) = looked.runs.first() else {
        return writeln!(out, "No run {}: pnl history lists them all.", line(looked.which));
    };
    let head = format!(
        "{runs} {}, the newest {}: {}, {}",
        line(looked.which),
        line(newest.run.as_str()),
        counted(verdicts.rounds, "round"),
        counted(verdicts.executions, "execution"),
    );
    for part in wrapped(&head, WIDTH) {
        writeln!(out, "{part}")?;
    }
    let look = Look { palette: Palette::Plain, width: WIDTH, tests: TESTS, culprits: 10 };
    let table = table(verdicts, "--format json has them all", look);
    match table.as_str() {
        "" => writeln!(out, "One round tells nothing of why tests fail."),
        _ => write!(out, "\n{table}"),
    }
}

#[derive(Serialize)]
struct Shown<'v> {
    schema: u32,
    runs: Vec<&'v str>,
    rounds: u64,
    executions: u64,
    rounds_left_out: u64,
    tests: Vec<ShownTest<'v>>,
    never_failed: Option<NeverFailed>,
}

#[derive(Serialize)]
struct ShownTest<'v> {
    nodeid: &'v NodeId,
    executed: u64,
    failed: u64,
    infrastructure: u64,
    failure_rate: Rate,
    verdict: ShownVerdict,
    suspects: &'v [Suspect],
}

/// Tests that ran and did not fail.
#[derive(Serialize)]
struct NeverFailed {
    tests: usize,
    /// How often each of them ran at least.
    executed: u64,
    failure_rate: Option<Rate>,
}

impl<'v> Shown<'v> {
    fn new(looked: Looked<'v>, verdicts: &'v Verdicts) -> Self {
        let test = |it: &'v crate::model::Judged| ShownTest {
            nodeid: &it.nodeid,
            executed: it.executed,
            failed: it.failed,
            infrastructure: it.infrastructure,
            failure_rate: Rate { estimate: it.rate.0, low: it.rate.1, high: it.rate.2 },
            verdict: ShownVerdict::new(
                it.verdict.clone(),
                verdicts.refuted(&it.nodeid),
                verdicts.origin_us,
            ),
            suspects: &it.suspects,
        };
        let never_failed = verdicts.never_failed().map(|(tests, executed)| NeverFailed {
            tests,
            executed,
            failure_rate: failure_rate(0, executed),
        });
        Self {
            schema: json::SCHEMA,
            runs: looked.runs.iter().map(|record| record.run.as_str()).collect(),
            rounds: verdicts.rounds,
            executions: verdicts.executions,
            rounds_left_out: verdicts.left_out,
            tests: verdicts.judged.iter().map(test).collect(),
            never_failed,
        }
    }
}
