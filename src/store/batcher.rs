//! The thread's work: batches become transactions, and what cannot be written is tried again.
//!
//! After an error everything waits in its order, so that a history never has a gap in its middle
//! because of a moment's trouble. There is no word from a disk that has room again, or from a
//! process that lets go of its lock: trying again, less and less often, is all there is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::TransactionBehavior;

use super::backlog::{Backlog, LIMIT, executions, is_many};
use super::error::StoreError;
use super::folder;
use super::open::{Opened, open_write};
use super::recorder::Recorder;
use super::settle::Entry;
use super::warning::HistoryWarning;
use crate::model::{Event, What};
use crate::queue::{NoBatch, Receiver};

/// A batch is written at the latest when it has so many events.
pub(super) const BATCH: usize = 1000;

/// How long it waits after a first error, and at most. A disk that is full at night stays so for
/// hours; half a minute is soon enough for one that somebody has tidied up.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How many files are kept aside in one run: a disk that damages every file needs no fourth one.
const KEPT_ASIDE: usize = 3;

/// Writes one run.
pub(super) struct Batcher {
    root: PathBuf,
    /// None until it could be opened.
    opened: Option<Opened>,
    recorder: Recorder,
    /// What a new file needs to know first, as far as it was written to the one before.
    prelude: Vec<Arc<Event>>,
    waiting: Vec<Arc<Event>>,
    backlog: Arc<Backlog>,
    trouble: Option<StoreError>,
    pause: Duration,
    retry_at: Option<Instant>,
    warnings: Vec<HistoryWarning>,
}

impl Batcher {
    pub(super) fn new(root: PathBuf, opened: Option<Opened>, backlog: Arc<Backlog>) -> Self {
        Self {
            root,
            opened,
            recorder: Recorder::default(),
            prelude: Vec::new(),
            waiting: Vec::new(),
            backlog,
            trouble: None,
            pause: FIRST_PAUSE,
            retry_at: None,
            warnings: Vec::new(),
        }
    }

    /// Writes all that comes, and says at the end what is missing.
    pub(super) fn run(mut self, inbox: &Receiver<Entry>) -> Vec<HistoryWarning> {
        let mut is_over = false;
        while !is_over {
            // Answered by being dropped, after the writing, whatever came of it.
            let mut asking = Vec::new();
            match inbox.next_batch(self.retry_at) {
                Ok(batch) => {
                    for entry in batch {
                        match entry {
                            Entry::Event(event) => self.waiting.push(event),
                            Entry::Settle(answer) => asking.push(answer),
                            Entry::End => is_over = true,
                        }
                    }
                }
                Err(NoBatch::Timeout) => {}
                Err(NoBatch::Closed) => break,
            }
            if !is_over && self.retry_at.is_none_or(|at| at <= Instant::now()) {
                self.write_waiting();
            }
        }
        self.finish()
    }

    fn write_waiting(&mut self) {
        while !self.waiting.is_empty() {
            let size = self.waiting.len().min(BATCH);
            match self.write(size).or_else(|error| self.begin_anew_after(error)) {
                Ok(written) => self.written(written),
                Err(error) => {
                    self.trouble = Some(error);
                    self.retry_at = Some(Instant::now() + self.pause);
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                    return;
                }
            }
        }
        self.retry_at = None;
        self.pause = FIRST_PAUSE;
    }

    /// Writes the first of those that wait, all or none. Returns how many.
    fn write(&mut self, size: usize) -> Result<usize, StoreError> {
        if self.opened.is_none() {
            let mut opened = open_write(&self.root)?;
            self.warnings.extend(opened.warning.take());
            self.opened = Some(opened);
        }
        let opened = self.opened.as_mut().expect("it was opened just now");
        let mark = self.recorder.mark();
        let (recorder, batch) = (&mut self.recorder, &self.waiting[..size]);
        let mut write = || {
            // Immediate, so that another run is waited for at the beginning, where the busy timeout
            // holds, and not in the middle, where SQLite would give up at once.
            let behavior = TransactionBehavior::Immediate;
            let transaction = opened.connection.transaction_with_behavior(behavior)?;
            for event in batch {
                recorder.record(&transaction, event)?;
            }
            transaction.commit()?;
            Ok(size)
        };
        write().map_err(|source| {
            self.recorder.roll_back(mark);
            let path = opened.path.clone();
            StoreError::Sqlite { doing: "write", path, source }
        })
    }

    fn written(&mut self, size: usize) {
        for event in self.waiting.drain(..size) {
            self.backlog.release(&event);
            match event.what {
                What::RunStarted(_) | What::Collected { .. } => self.prelude.push(event),
                What::RoundStarted(_) => {
                    self.prelude.retain(|it| !matches!(it.what, What::RoundStarted(_)));
                    self.prelude.push(event);
                }
                _ => {}
            }
        }
    }

    /// Keeps a damaged file aside, so that the next attempt begins another one. Nothing is written
    /// by that.
    fn begin_anew_after(&mut self, cause: StoreError) -> Result<usize, StoreError> {
        if !cause.is_damage() || self.warnings.len() >= KEPT_ASIDE {
            return Err(cause);
        }
        let Some(opened) = self.opened.take() else { return Err(cause) };
        let kept = opened.keep_aside(&self.root)?;
        let before = self.recorder.executions();
        self.warnings.push(HistoryWarning::KeptAside { kept, before, cause });
        self.recorder = Recorder::default();
        // Their room was given back when they were written first.
        self.prelude.iter().for_each(|event| self.backlog.add(event));
        self.waiting.splice(..0, std::mem::take(&mut self.prelude));
        Ok(0)
    }

    fn finish(mut self) -> Vec<HistoryWarning> {
        if let Some(opened) = &self.opened {
            opened.be_patient();
        }
        self.write_waiting();
        let missing = self.backlog.turned_away() + executions(self.waiting.iter().map(|it| &**it));
        if missing > 0 && !self.trouble.as_ref().is_some_and(StoreError::is_held) {
            // A line for each round, and the end, need little room.
            self.waiting.retain(|event| !is_many(&event.what));
            self.write_waiting();
        }
        if let Some(path) = self.opened.as_ref().filter(|it| !it.is_in_place()).map(|it| &it.path) {
            self.warnings.push(HistoryWarning::Removed { path: path.clone() });
            return self.warnings;
        }
        let path = || folder::database(&self.root);
        let too_slow = || StoreError::TooSlow { path: path(), limit_mib: LIMIT >> 20 };
        if missing > 0 || !self.waiting.is_empty() {
            let cause = self.trouble.unwrap_or_else(too_slow);
            self.warnings.push(if self.recorder.has_begun() {
                HistoryWarning::Missing { missing, cause }
            } else {
                HistoryWarning::NotStored { cause }
            });
        }
        self.warnings
    }
}
