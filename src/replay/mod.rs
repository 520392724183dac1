//! A recorded run, done again: the same tests in the same order in as many processes, each test
//! beginning when those have begun and ended that had begun and ended in the record.
//!
//! [`Part`] says what of a run is done again, [`Replayer`] directs the engine, and [`Followed`] says how
//! far what happened then was what had happened.

mod followed;
mod part;
mod replayer;
mod rounds;

pub use followed::Followed;
pub use part::{NoPart, Part};
pub use replayer::Replayer;
