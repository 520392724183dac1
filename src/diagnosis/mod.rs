//! Why tests failed: from a recorded schedule to one verdict for each test that ever did.
//!
//! Pure: the model's words and the statistics, no I/O and no clock. docs/diagnosis.md has the method.
//!
//! Every reason that a test may have is a hypothesis that divides its executions in two. Hypotheses are
//! weighed by integrated likelihood, of which the BIC is the approximation, with a prior that is shared
//! among all tests that could be meant: no thresholds of significance, and a price for searching many.
//! What is named must beat everything else by far; the rest are suspects.

mod alone;
mod bits;
mod change;
mod clock;
mod crowd;
mod culprits;
mod evidence;
mod hypothesis;
mod joined;
mod judge;
mod likelihood;
mod neighbours;
mod order;
mod outage;
mod pairs;
mod pool;
mod prior;
mod recurring;
mod several;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod sim;
mod state;
#[cfg(test)]
mod tests;
mod victim;
mod weigh;

pub use judge::judge;
pub use pairs::covered_pairs;
