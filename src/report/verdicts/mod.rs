//! What is thought of tests that failed, and why: read from the history, judged, and merged with
//! what experiments said.
//!
//! | module | owns |
//! | --- | --- |
//! | `gather` | from stored runs to a verdict for each test |
//! | `table` | verdicts for people |
//! | `ending` | what a loop's end says |
//! | `flaky` | `pnl flaky` |
//! | `json` | `tests[].verdict` and `suspects` |

mod ending;
mod flaky;
mod gather;
pub(super) mod json;
mod table;

pub use ending::{AskVerdicts, Ended, at_end, without_history};
pub use flaky::{Looked, flaky};
pub(super) use gather::{Read, read};
pub use gather::{Verdicts, gather, newest_rounds};
pub(super) use table::{Look, body, table, word};

#[cfg(test)]
mod tests;
