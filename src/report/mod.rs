//! Consumers of events: the terminal, and files for machines.
//!
//! The engine hands each [`Event`] to a [`Reporter`]. The [`Hub`] is the one that a run has: it
//! passes events on to a thread for the terminal and a thread for files, so that neither a terminal
//! that is held with Ctrl-S nor a slow disk holds the tests. A report that cannot be written never
//! fails a run; it ends up as a warning of [`Hub::finish`].
//!
//! | module | owns |
//! | --- | --- |
//! | `hub`, `consumer` | the threads and their channels |
//! | `terminal` | everything that a person sees of a run |
//! | `summary`, `rounds` | figures over a run, and the wording of totals |
//! | `junit`, `jsonl`, `github` | one file format each |
//! | `show`, `story`, `history`, `verdicts` | what the history holds, for people and for programs |
//! | `text` | cleaning untrusted text, cutting it to a width |

mod consumer;
#[cfg(test)]
mod fuzz;
mod github;
mod hub;
mod jsonl;
mod junit;
pub mod rounds;
#[cfg(test)]
mod sample;
pub mod summary;
mod terminal;
pub mod text;

pub use consumer::Unreported;
pub use github::Github;
pub use hub::{Hub, ReportError, Reports, Settle, Sink};
pub use terminal::{Surroundings, TerminalOptions, Verbosity};

pub mod history;
pub mod show;
pub mod story;
pub mod timings;
pub mod verdicts;

use std::sync::Arc;

use crate::model::Event;

/// Receives the events of a run, in order, from one thread.
pub trait Reporter {
    /// Takes one event. Must be quick and must not fail the run: a reporter that cannot write
    /// remembers why and says so at the end.
    fn event(&mut self, event: &Arc<Event>);
}
