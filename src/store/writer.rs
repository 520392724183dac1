//! The thread that writes a run's history.
//!
//! Events wait in memory and are written in batches, each a short transaction of its own, so that
//! several runs can write to one file and a test never waits for a disk. What is committed survives
//! a kill of pnl (`synchronous=NORMAL`: after a loss of power the last commits may be missing, and
//! the file is sound).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;
use super::recorder::Recorder;
use super::{folder, schema};
use crate::model::{Event, What};
use crate::queue::{Receiver, Sender, queue};

/// A batch is written at the latest when it has so many events …
const BATCH: usize = 1000;

/// … or when its first event is so old. This is what a kill of pnl can lose.
const DELAY: Duration = Duration::from_millis(200);

/// Records one run. Never blocks and never fails while the run lasts.
#[derive(Debug)]
pub struct HistoryWriter {
    /// `None` once the thread was told to end.
    events: Option<Sender<Arc<Event>>>,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
}

impl HistoryWriter {
    /// Opens the history of the project at `root`, makes it where there is none, and starts the
    /// writing thread.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let connection = schema::open_write(root)?;
        let (events, inbox) = queue(DELAY, BATCH);
        let path = folder::database(root);
        let batcher = Batcher { connection, path, recorder: Recorder::default() };
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || batcher.run(&inbox))
            .map_err(StoreError::Thread)?;
        Ok(Self { events: Some(events), thread: Some(thread) })
    }

    /// Takes one event. What the history has no room for (progress, notices, output) is ignored,
    /// and so is everything after a first error.
    pub fn record(&self, event: &Arc<Event>) {
        let Some(events) = self.events.as_ref().filter(|_| is_kept(&event.what)) else { return };
        // The thread that met an error is gone, and finish() tells why.
        let _ = if is_boundary(&event.what) {
            events.send_urgent(event.clone())
        } else {
            events.send(event.clone())
        };
    }

    /// Waits until all is written, and returns the first error.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.close()
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.events = None;
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or(Err(StoreError::WriterPanicked)),
            None => Ok(()),
        }
    }
}

/// A run that ends early, by an error of its own, keeps what it has recorded.
impl Drop for HistoryWriter {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// Whether the history has a row for it.
fn is_kept(what: &What) -> bool {
    match what {
        What::RunStarted(_)
        | What::Collected { .. }
        | What::RoundStarted(_)
        | What::FileCollected { .. }
        | What::WorkerUsed(_)
        | What::TestEnded(_)
        | What::AttemptFailed(_)
        | What::RoundEnded(_)
        | What::RunEnded(_) => true,
        What::Notice { .. }
        | What::PytestOutput(_)
        | What::WorkerStarted { .. }
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

struct Batcher {
    connection: Connection,
    path: PathBuf,
    recorder: Recorder,
}

impl Batcher {
    fn run(mut self, inbox: &Receiver<Arc<Event>>) -> Result<(), StoreError> {
        self.write_all(inbox).map_err(|source| StoreError::Sqlite {
            doing: "write",
            path: self.path.clone(),
            source,
        })
    }

    fn write_all(&mut self, inbox: &Receiver<Arc<Event>>) -> rusqlite::Result<()> {
        while let Ok(batch) = inbox.next_batch(None) {
            self.write(&batch)?;
        }
        Ok(())
    }

    fn write(&mut self, batch: &[Arc<Event>]) -> rusqlite::Result<()> {
        // Immediate, so that another run is waited for at the beginning, where the busy timeout
        // holds, and not in the middle, where SQLite would give up at once.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for event in batch {
            self.recorder.record(&transaction, event)?;
        }
        transaction.commit()
    }
}
