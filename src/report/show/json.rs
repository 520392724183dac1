//! The machine interface, schema 1. docs/history.md explains its keys: a change here is a change
//! there.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::ser::Formatter;

use crate::model::{Counts, Suspect};
use crate::report::text::is_dangerous;
use crate::report::verdicts::Verdicts;
use crate::report::verdicts::json::ShownVerdict;
use crate::stats::{Quantiles, Rate, failure_rate, quantiles};
use crate::store::{RunRecord, StoredRun, StoredTest};

/// Raised when a key changes its meaning or goes. New keys do not raise it.
pub(in crate::report) const SCHEMA: u32 = 1;

/// A whole run.
#[derive(Serialize)]
pub(super) struct Shown<'r> {
    schema: u32,
    run: ShownRun<'r>,
    totals: Counts,
    tests: Vec<ShownTest<'r>>,
}

/// What `run` holds, here and in each entry of `pnl history`.
#[derive(Serialize)]
pub(in crate::report) struct ShownRun<'r> {
    id: &'r str,
    /// `tests`, `replay` or `experiment`.
    purpose: &'r str,
    started: String,
    elapsed_s: f64,
    exit_code: Option<u8>,
    engine: &'r str,
    dist: &'r str,
    workers: u32,
    rounds_planned: Option<u32>,
    rounds_run: u32,
    base_url: Option<&'r str>,
    seed: Option<u64>,
    stop_reason: Option<&'r str>,
    /// Executions that passed only when they were retried.
    flaky: u64,
}

#[derive(Serialize)]
struct ShownTest<'r> {
    nodeid: &'r str,
    executions: u64,
    #[serde(flatten)]
    counts: Counts,
    flaky: u64,
    retried_attempts: u64,
    /// Executions and attempts that failed while the server was away.
    infrastructure: u64,
    verdict: Option<ShownVerdict>,
    failure_rate: Option<Rate>,
    duration_s: Option<Quantiles>,
    suspects: &'r [Suspect],
}

impl<'r> Shown<'r> {
    pub(super) fn new(run: &'r StoredRun, verdicts: &'r Verdicts) -> Self {
        Self {
            schema: SCHEMA,
            run: ShownRun::new(&run.record),
            totals: run.record.counts,
            tests: run.tests.iter().map(|test| ShownTest::new(test, verdicts)).collect(),
        }
    }
}

impl<'r> ShownRun<'r> {
    pub(in crate::report) fn new(record: &'r RunRecord) -> Self {
        Self {
            id: record.run.as_str(),
            purpose: &record.purpose,
            started: started(record).to_string(),
            elapsed_s: record.elapsed,
            exit_code: record.end.as_ref().map(|end| end.exit_code),
            engine: &record.engine,
            dist: &record.dist,
            workers: record.workers,
            rounds_planned: record.rounds_planned,
            rounds_run: record.rounds_run,
            base_url: record.server.as_ref().map(|server| server.url.as_str()),
            seed: record.seed,
            stop_reason: record.end.as_ref().map(|end| end.reason.as_str()),
            flaky: record.flaky,
        }
    }
}

impl<'r> ShownTest<'r> {
    fn new(test: &'r StoredTest, verdicts: &'r Verdicts) -> Self {
        let (verdict, suspects) = verdicts.shown(&test.nodeid);
        Self {
            nodeid: test.nodeid.as_str(),
            executions: test.counts.total(),
            counts: test.counts,
            flaky: test.flaky,
            retried_attempts: test.retried,
            infrastructure: test.infrastructure,
            verdict,
            failure_rate: failure_rate(
                test.counts.failures() + test.retried - test.infrastructure_ended,
                test.counts.executed() + test.retried - test.infrastructure_ended,
            ),
            duration_s: quantiles(&test.seconds),
            suspects,
        }
    }
}

/// When a run began. A time that no calendar has becomes 1970.
pub(in crate::report) fn started(record: &RunRecord) -> Timestamp {
    Timestamp::from_microsecond(record.started_us).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Writes one line of JSON.
pub(in crate::report) fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, EscapeControls);
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// JSON has to escape C0 only; but this is read on terminals too.
struct EscapeControls;

impl Formatter for EscapeControls {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, control)) = rest.char_indices().find(|&(_, it)| is_dangerous(it)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            // All of them have at most 16 bits.
            write!(writer, "\\u{:04x}", u32::from(control))?;
            rest = &rest[at + control.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}
