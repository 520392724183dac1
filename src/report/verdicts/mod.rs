//! What is thought of tests that failed, and why: read from the history, judged, and merged with
//! what experiments said.
//!
//! | module | owns |
//! | --- | --- |
//! | `gather` | from stored runs to a verdict for each test |
//! | `json` | `tests[].verdict` and `suspects` |

mod gather;
pub(super) mod json;

pub use gather::{Verdicts, gather};

#[cfg(test)]
mod tests;
