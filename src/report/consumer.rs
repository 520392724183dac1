//! What the hub's threads hold.

use std::time::Duration;

use crate::model::Event;

/// A report: lives in one of the hub's threads.
pub(crate) trait Consumer: Send {
    /// Takes one event.
    fn event(&mut self, event: &Event);

    /// Called when no more events wait, and every 100 ms while they keep coming: the moment to
    /// flush or to redraw.
    fn tick(&mut self);

    /// How long it can be left alone when nothing happens; `None`: for ever.
    fn tick_every(&self) -> Option<Duration> {
        None
    }

    /// Completes the report. What could not be written comes back as sentences.
    fn finish(self: Box<Self>) -> Vec<String>;
}
