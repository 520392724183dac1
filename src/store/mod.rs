//! The history: what every run of a project did, in `.pnl/history.db`.
//!
//! [`HistoryWriter`] records a run's events from a thread of its own; [`History`] reads. Both know
//! the model alone. What is written is told by docs/history.md, table by table.
//!
//! The history serves the run and never the other way round: nothing here may stop or change a
//! run. A writer that cannot write keeps the first error for [`HistoryWriter::finish`] and drops
//! the rest, whole batches at a time, so that what is there is true.

mod bounded;
mod columns;
mod error;
mod expected;
mod folder;
mod load;
mod query;
mod recorder;
mod schema;
mod writer;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use load::{FailureGroup, StoredRound, StoredRun, StoredTest};
pub use query::{History, RunEnd, RunRecord};
pub use writer::HistoryWriter;
