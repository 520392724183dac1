//! Whoever tells of an execution waits until it is stored: what was told before a kill of pnl is in
//! the history afterwards.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};

use crate::model::Event;
use crate::queue;

/// How long telling is held up by a history that does not come to writing: another run has it
/// locked, or its disk stalls. From then on nobody waits until it has caught up.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the writing thread takes.
#[derive(Debug)]
pub(super) enum Entry {
    /// To be written.
    Event(Arc<Event>),
    /// To be dropped when all before it was written, or cannot be.
    Settle(Sender<()>),
    /// Nothing of the run comes after it.
    End,
}

/// Waits for the history, for one who tells.
#[derive(Debug)]
pub struct Settler {
    entries: queue::Sender<Entry>,
    /// An answer that did not come in time.
    overdue: Option<Receiver<()>>,
}

impl Settler {
    pub(super) fn of(entries: queue::Sender<Entry>) -> Self {
        Self { entries, overdue: None }
    }

    /// Returns when all that was recorded before is stored; without it where that takes long.
    pub fn settle(&mut self) {
        let is_answered = |it: &Receiver<()>| it.try_recv() == Err(TryRecvError::Disconnected);
        if !self.overdue.as_ref().is_none_or(is_answered) {
            return;
        }
        let (asking, answer) = bounded(0);
        self.entries.send_urgent(Entry::Settle(asking));
        let is_late = answer.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        self.overdue = is_late.then_some(answer);
    }
}
