//! Experiments that confirm or refute a verdict: which arms, in which order, and when enough is known.

mod always;
mod arm;
mod around;
mod bench;
mod bisect;
mod case;
mod crowd;
mod found;
mod inquiry;
mod record;
mod sweep;
mod tally;
mod trial;

pub use bench::Budget;
