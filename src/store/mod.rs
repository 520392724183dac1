//! The history: what every run of a project did, in `.pnl/history.db`.
//!
//! [`HistoryWriter`] records a run's events from a thread of its own; [`History`] reads. Both know
//! the model alone. What is written is told by docs/history.md, table by table.
//!
//! The history serves the run and never the other way round: nothing here may stop or change a
//! run. A writer that cannot write keeps what waits, within a bound, and tries again; a file that is
//! damaged is kept aside and another one begun. [`HistoryWriter::finish`] says what is missing.

mod backlog;
mod batcher;
mod bounded;
mod columns;
mod confirmations;
mod error;
mod expected;
mod folder;
mod load;
mod open;
mod query;
mod recorder;
mod schedule;
mod schema;
mod settle;
mod warning;
mod writer;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use confirmations::confirm;
pub use error::StoreError;
pub use load::{FailureGroup, StoredRound, StoredRun, StoredTest};
pub use query::{History, RunEnd, RunRecord};
pub use settle::Settler;
pub use warning::HistoryWarning;
pub use writer::HistoryWriter;
