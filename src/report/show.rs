//! `pnl show`: one stored run, for people or for programs.
//!
//! Everything that comes from the suite (node ids, messages, the command line) is untrusted: the
//! text form shows it cleaned and in one line, the JSON form escapes it.

use std::io::{self, Write};
use std::str::FromStr;

use crate::model::UnknownName;
use crate::store::StoredRun;

use super::verdicts::Verdicts;

pub(super) mod json;
pub(super) mod table;
mod text;

/// How many groups of failures to ask [`crate::store::History::load`] for: one more than are shown,
/// so that it is known whether there are more.
pub const FAILURE_GROUPS: usize = text::GROUPS + 1;

/// Columns of the text form. Output that is mailed and pasted should not depend on the terminal
/// that it was made in.
pub(super) const WIDTH: usize = 80;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: 80 columns, and no promise that it stays as it is.
    Text,
    /// For programs: one line of JSON with a `schema` number.
    Json,
}

impl FromStr for Format {
    type Err = UnknownName;

    fn from_str(given: &str) -> Result<Self, UnknownName> {
        match given {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownName {
                what: "format",
                given: given.to_owned(),
                allowed: vec!["text", "json"],
            }),
        }
    }
}

/// Writes a run.
pub fn show(
    run: &StoredRun,
    verdicts: &Verdicts,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::write(run, verdicts, out),
        Format::Json => json::write(&json::Shown::new(run, verdicts), out),
    }
}

/// Untrusted text as one harmless line.
pub(super) fn clean(text: &str) -> String {
    super::text::line(text).into_owned()
}

/// A line without its middle where it is wider than `width` columns. Of a node id, this keeps the
/// folder and the test's name.
pub(super) fn cut_middle(line: &str, width: usize) -> String {
    super::text::cut_middle(line, width).into_owned()
}

#[cfg(test)]
mod tests;
