//! What the hub's threads hold.

use std::fmt;
use std::time::Duration;

use crate::model::Event;

/// What could not be reported, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreported {
    /// On the terminal, or at a place that no option named: whoever runs this sees it.
    Seen(String),
    /// In a file that an option asked for: somebody else, a CI server, will look for it.
    Asked(String),
}

impl fmt::Display for Unreported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Seen(text) | Self::Asked(text)) = self;
        f.write_str(text)
    }
}

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

    /// Completes the report, and says what could not be written.
    fn finish(self: Box<Self>) -> Vec<Unreported>;
}
