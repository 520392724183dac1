//! Why tests failed: from a recorded schedule to one verdict for each test that ever did.
//!
//! Pure: the model's words and the statistics, no I/O and no clock. docs/diagnosis.md has the method.

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
mod several;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod sim;
mod state;
mod victim;
mod weigh;

pub use judge::judge;
pub use pairs::covered_pairs;
