//! A run's handle on the thread that writes its history.
//!
//! Events wait in memory and are written in batches, each a short transaction of its own, so that
//! several runs can write to one file and a test never waits for a disk. What is committed survives
//! a kill of pnl (`synchronous=NORMAL`: after a loss of power the last commits may be missing, and
//! the file is sound).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::backlog::{Backlog, LIMIT};
use super::batcher::{BATCH, Batcher};
use super::error::StoreError;
use super::open::open_write;
use super::settle::{Entry, Settler};
use super::warning::HistoryWarning;
use crate::model::{Event, What};
use crate::queue::{Sender, queue};

/// How old the first event of a batch can be when it is written, where nobody wants to tell of it
/// earlier.
const DELAY: Duration = Duration::from_millis(200);

/// Records one run. Never blocks and never fails while the run lasts.
#[derive(Debug)]
pub struct HistoryWriter {
    /// `None` once the thread was told to end.
    entries: Option<Sender<Entry>>,
    backlog: Arc<Backlog>,
    /// What the thread says at its end.
    warnings: Receiver<Vec<HistoryWarning>>,
}

impl HistoryWriter {
    /// Opens the history of the project at `root`, makes it where there is none, and starts the
    /// writing thread. Something may have to be said about how it was opened.
    pub fn open(root: &Path) -> Result<(Self, Option<HistoryWarning>), StoreError> {
        Self::open_with(root, LIMIT)
    }

    /// The same, with another bound on the bytes that may wait.
    pub(super) fn open_with(
        root: &Path,
        limit: usize,
    ) -> Result<(Self, Option<HistoryWarning>), StoreError> {
        let (opened, warning) = match open_write(root) {
            Ok(mut opened) => {
                let warning = opened.warning.take();
                (Some(opened), warning)
            }
            Err(cause) if cause.may_pass() => (None, Some(HistoryWarning::Waiting { cause })),
            Err(error) => return Err(error),
        };
        let (entries, inbox) = queue(DELAY, BATCH);
        let (outbox, warnings) = bounded(1);
        let backlog = Arc::new(Backlog::of(limit));
        let batcher = Batcher::new(root.to_owned(), opened, Arc::clone(&backlog));
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || outbox.send(batcher.run(&inbox)))
            .map_err(StoreError::Thread)?;
        Ok((Self { entries: Some(entries), backlog, warnings }, warning))
    }

    /// What waits until all that was recorded so far is stored.
    #[must_use]
    pub fn settler(&self) -> Option<Settler> {
        self.entries.clone().map(Settler::of)
    }

    /// Takes one event. What the history has no room for (progress, notices, output) is ignored.
    pub fn record(&self, event: &Arc<Event>) {
        let Some(entries) = self.entries.as_ref().filter(|_| is_kept(&event.what)) else { return };
        if !self.backlog.admits(event) {
            return;
        }
        // A thread that is gone has panicked, and finish() tells so.
        let _ = if is_boundary(&event.what) {
            entries.send_urgent(Entry::Event(event.clone()))
        } else {
            entries.send(Entry::Event(event.clone()))
        };
    }

    /// Tells the thread that nothing more comes: its queue stays open as long as anybody can ask.
    fn close(&mut self) -> bool {
        self.entries.take().is_some_and(|entries| entries.send_urgent(Entry::End))
    }

    /// Waits until all is written, and returns what there is to say about it.
    pub fn finish(mut self) -> Result<Vec<HistoryWarning>, StoreError> {
        self.close();
        self.warnings.recv().map_err(|_| StoreError::WriterPanicked)
    }

    /// [`HistoryWriter::finish`] that waits no longer than this: for a run that was told twice to
    /// stop.
    pub fn finish_within(mut self, limit: Duration) -> Result<Vec<HistoryWarning>, StoreError> {
        self.close();
        match self.warnings.recv_timeout(limit) {
            Ok(warnings) => Ok(warnings),
            Err(RecvTimeoutError::Timeout) => Ok(vec![HistoryWarning::Blocked]),
            Err(RecvTimeoutError::Disconnected) => Err(StoreError::WriterPanicked),
        }
    }
}

/// A run that ends early, by an error of its own, keeps what it has recorded.
impl Drop for HistoryWriter {
    fn drop(&mut self) {
        if self.close() {
            let _ = self.warnings.recv();
        }
    }
}

/// Whether the history has a row for it.
fn is_kept(what: &What) -> bool {
    match what {
        What::RunStarted(_)
        | What::Collected { .. }
        | What::RoundStarted(_)
        | What::FileCollected { .. }
        | What::ServerAway(_)
        | What::StateProbed(_)
        | What::WorkerStarted { .. }
        | What::WorkerUsed(_)
        | What::TestEnded(_)
        | What::AttemptFailed(_)
        | What::RoundEnded(_)
        | What::RunEnded(_) => true,
        What::Notice { .. }
        | What::PytestOutput(_)
        | What::TestStarted { .. }
        | What::TestSlow { .. }
        | What::OutputLine(_)
        | What::ProcessLeaked(_)
        | What::WorkerEnded { .. } => false,
    }
}

/// Whether it is written at once, with all that waits.
fn is_boundary(what: &What) -> bool {
    matches!(what, What::RunStarted(_) | What::RoundEnded(_) | What::RunEnded(_))
}
