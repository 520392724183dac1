//! What waits to be written: how much, and what was turned away.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::model::{Event, Execution, What};

/// Bytes that may wait. A run of an hour fits (100 tests a second, little to read about each), and
/// a machine for which this is too much has no disk that stalls for so long.
pub(super) const LIMIT: usize = 256 << 20;

/// What an event takes without its texts, its allocations included: about so many bytes.
const EVENT: usize = 256;

/// Shared by the run, which puts in, and the thread, which takes out.
#[derive(Debug)]
pub(super) struct Backlog {
    limit: usize,
    bytes: AtomicUsize,
    turned_away: AtomicU64,
}

impl Backlog {
    pub(super) fn of(limit: usize) -> Self {
        Self { limit, bytes: AtomicUsize::new(0), turned_away: AtomicU64::new(0) }
    }

    /// Whether there is room for it, which is then taken. What says how the run goes always fits.
    pub(super) fn admits(&self, event: &Event) -> bool {
        let weight = weight(event);
        // One thread puts in, and what the other takes out meanwhile makes room.
        let is_full = self.bytes.load(Ordering::Relaxed) + weight > self.limit;
        if is_full && is_many(&event.what) {
            self.turned_away.fetch_add(executions([event]), Ordering::Relaxed);
            return false;
        }
        self.bytes.fetch_add(weight, Ordering::Relaxed);
        true
    }

    /// Takes room, whether there is any or not.
    pub(super) fn add(&self, event: &Event) {
        self.bytes.fetch_add(weight(event), Ordering::Relaxed);
    }

    /// It waits no longer.
    pub(super) fn release(&self, event: &Event) {
        self.bytes.fetch_sub(weight(event), Ordering::Relaxed);
    }

    /// How many executions had no room.
    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }
}

/// How many executions these events tell of.
pub(super) fn executions<'e>(events: impl IntoIterator<Item = &'e Event>) -> u64 {
    let is_execution =
        |event: &&Event| matches!(event.what, What::TestEnded(_) | What::AttemptFailed(_));
    events.into_iter().filter(is_execution).count() as u64
}

/// Whether a run has one for each test or worker, rather than one for each round.
pub(super) fn is_many(what: &What) -> bool {
    matches!(
        what,
        What::TestEnded(_)
            | What::AttemptFailed(_)
            | What::FileCollected { .. }
            | What::WorkerUsed(_)
    )
}

fn weight(event: &Event) -> usize {
    match &event.what {
        What::TestEnded(execution) | What::AttemptFailed(execution) => EVENT + texts(execution),
        _ => EVENT,
    }
}

fn texts(execution: &Execution) -> usize {
    let Some(failure) = &execution.failure else { return 0 };
    let sections = failure.sections.iter().map(|(name, text)| name.len() + text.len());
    failure.message.len() + failure.text.len() + sections.sum::<usize>()
}
