//! Consumers of events.

pub mod history;
pub mod show;

use crate::model::Event;

/// Receives the events of a run, in order, from one thread.
pub trait Reporter {
    /// Takes one event. Must be quick and must not fail the run: a reporter that cannot write
    /// remembers why and says so at the end.
    fn event(&mut self, event: &Event);
}
