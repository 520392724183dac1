//! Rates, intervals, tests of association, change and trend: pure functions of numbers.
//!
//! There is no I/O here, no clock and no policy: what a rate means for a test is said elsewhere, and
//! so is how small a p value must be. Nothing is drawn by lot without a fixed seed: the same numbers
//! give the same answer.

mod adjust;
mod blocks;
mod change;
mod cluster;
mod drift;
mod fisher;
mod hypergeometric;
mod needed;
mod quantiles;
mod rates;
mod scan;
mod sequential;
mod special;
mod split;
mod trend;
mod wald;

pub use adjust::benjamini_hochberg;
pub use blocks::{BlockRate, failure_rate_in_blocks};
pub use change::{Change, change_point};
pub use cluster::{Cluster, Execution, clusters};
pub use drift::{Drift, drift};
pub use fisher::{Association, OddsRatio, Table, fails_more_with, fisher, odds_ratio};
pub use needed::{executions_to_see, rounds_for_pairs};
pub use quantiles::{Quantiles, quantiles};
pub use rates::{Part, Rate, failure_rate};
pub use sequential::{Arm, Decision, Limits, TwoArms};
pub use trend::{Level, Threshold, Trend, threshold, trend};
pub use wald::{Rates, Wald, WaldDecision};
