//! `pnl verify`: the proof that pnl's outcome of each test is pytest's.
//!
//! A suite is run once by plain pytest and once by pnl; what differs is run again both ways, so that
//! a flaky test is told from a difference.
//!
//! | module | owns |
//! | --- | --- |
//! | `gather` | what one run says of each test |
//! | `compare` | which tests are missing, extra, or differ. Pure |
//! | `judge` | what the repetitions make of a difference. Pure |
//! | `sides` | the two plans, and running them |
//! | `proof` | the order of it all, and the exit code |

mod compare;
mod gather;
mod judge;
mod proof;
mod sides;

pub use compare::{Comparison, Difference, Kind, Unstable};
pub use gather::{Gathered, Seen};
pub use judge::{Again, Judgement, Pair};
pub use proof::{Judged, Proof, verify};
pub use sides::{Interrupter, Progress, Side, Step, Way};
