//! `pnl flaky`: what is thought of tests over many stored runs.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::show::print;
use crate::model::{ExitCode, Purpose};
use crate::report::show::Format;
use crate::report::verdicts::{Looked, flaky, gather};
use crate::settings::duration;
use crate::store::{History, RunRecord, StoreError};

/// Arguments of `pnl flaky`.
#[derive(Debug, Args)]
pub(super) struct FlakyArgs {
    /// Runs by their id, its beginning, or `last`, `last~1`, …; left out: all runs of tests of the
    /// last time, without replays and experiments
    #[arg(value_name = "RUN", conflicts_with = "since")]
    runs: Vec<String>,
    /// How far back runs are looked at (90m, 36h, 14d, 2w)
    #[arg(long, value_name = "T", default_value = "14d", value_parser = Since::parsed,
          allow_hyphen_values = true)]
    since: Since,
    /// For people or for programs
    #[arg(long, value_name = "text|json", default_value = "text")]
    format: Format,
}

/// A length of time, and how it was written.
#[derive(Debug, Clone)]
struct Since {
    text: String,
    length: Duration,
}

impl Since {
    fn parsed(text: &str) -> Result<Self, String> {
        let length = duration(text).map_err(|_| {
            format!("how far back is above zero, like 90m, 36h, 14d or 2w, not {text:?}")
        })?;
        Ok(Self { text: text.to_owned(), length })
    }

    /// Its beginning, in microseconds since 1970 UTC.
    fn begin_us(&self) -> i64 {
        let length = i64::try_from(self.length.as_micros()).unwrap_or(i64::MAX);
        Timestamp::now().as_microsecond().saturating_sub(length)
    }
}

/// Judges the tests of many runs. The exit code does not tell what was found.
pub(super) fn run(arguments: &FlakyArgs) -> ExitCode {
    print(|history, out| {
        let runs = wanted(history, arguments)?;
        let verdicts = gather(history, &runs)?;
        let which = if arguments.runs.is_empty() {
            format!("from the last {}", arguments.since.text)
        } else {
            "asked for".to_owned()
        };
        Ok(flaky(Looked { runs: &runs, which: &which }, &verdicts, arguments.format, out))
    })
}

/// The newest first, each of them once.
fn wanted(history: &History, arguments: &FlakyArgs) -> Result<Vec<RunRecord>, StoreError> {
    if arguments.runs.is_empty() {
        return history.runs_since(arguments.since.begin_us(), Purpose::Tests);
    }
    let mut runs: Vec<RunRecord> =
        arguments.runs.iter().map(|run| history.find(Some(run))).collect::<Result<_, _>>()?;
    runs.sort_by(|left, right| {
        right.started_us.cmp(&left.started_us).then(right.run.cmp(&left.run))
    });
    runs.dedup_by(|left, right| left.run == right.run);
    Ok(runs)
}
