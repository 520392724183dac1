//! Experiments that confirm or refute a verdict: which arms, in which order, and when enough is known.

mod always;
mod answer;
mod arm;
mod around;
mod bench;
mod bisect;
mod case;
mod conduct;
mod crowd;
mod found;
mod growth;
mod inquiry;
mod mates;
mod record;
mod session;
mod sweep;
mod tally;
mod trial;

#[cfg(test)]
mod world;

pub use answer::{Answer, Standing};
pub use bench::Budget;
pub use conduct::conduct;
pub use session::{Findings, Question, Told};
