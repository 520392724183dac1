//! What a loop's end says of its tests, read back from the history.

use std::fmt::Write as _;
use std::path::Path;

use super::table::{Look, table};
use super::{Verdicts, gather};
use crate::model::RunId;
use crate::report::TerminalOptions;
use crate::report::text::line;
use crate::store::{History, RunRecord, StoreError};

/// So many tests are listed on a terminal; `pnl flaky` lists more.
const TESTS: usize = 30;

/// The table of verdicts on a run that has just ended; empty for a run of one round. Where the
/// history cannot be read, that is what it says.
#[must_use]
pub fn at_end(root: &Path, run: &RunId, options: TerminalOptions) -> String {
    let read = || -> Result<_, StoreError> {
        let history = History::open_read(root)?;
        let record = history.find(Some(run.as_str()))?;
        let verdicts = gather(&history, std::slice::from_ref(&record))?;
        Ok((record, verdicts))
    };
    match read() {
        Ok((record, verdicts)) => {
            let look =
                Look { palette: options.palette, width: options.width, tests: TESTS, culprits: 3 };
            words(&record, &verdicts, look)
        }
        Err(error) => without_history(&error.to_string()),
    }
}

/// The same where there is no history to read.
#[must_use]
pub fn without_history(why: &str) -> String {
    format!("no verdicts: they are made from the history, which is missing: {}\n", line(why))
}

fn words(record: &RunRecord, verdicts: &Verdicts, look: Look) -> String {
    if verdicts.rounds < 2 {
        return String::new();
    }
    let mut out = String::new();
    if !verdicts.judged.is_empty() {
        out.push_str("verdicts (failed of executed, rate with its 95% interval):\n");
    }
    out.push_str(&table(verdicts, &format!("pnl flaky {}", line(record.run.as_str())), look));
    let (executed, stored) = (record.counts.executed(), verdicts.executions);
    if stored < executed && verdicts.left_out == 0 {
        let _ = writeln!(out, "they are of the {stored} of {executed} executions that are stored");
    }
    out
}
