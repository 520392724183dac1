//! What a person sees of a run, on standard output.
//!
//! Two displays share one text. *Plain* only ever appends lines, for files, CI and `-v`. *Live*
//! prints the same lines and keeps, below them, one line for each worker and one for the whole;
//! it is redrawn ten times a second from state of its own, so that ten thousand events in a second
//! cost no more than ten redraws. Everything that stays on the screen is made by `page`, which does
//! no I/O; nothing here ever hides the cursor, so there is nothing to restore after a kill.

mod consumer;
mod ending;
mod failure;
mod header;
mod live;
mod options;
mod out;
mod page;
mod progress;
mod screen;
#[cfg(unix)]
mod writable;
#[cfg(not(unix))]
#[path = "writable_elsewhere.rs"]
mod writable;

pub(crate) use consumer::Terminal;
pub use options::{Surroundings, TerminalOptions, Verbosity};
pub(crate) use out::Out;
#[cfg(test)]
pub(crate) use page::Page;
