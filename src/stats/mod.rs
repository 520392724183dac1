//! Rates, intervals and quantiles: pure functions of numbers.
//!
//! There is no I/O here, no clock and no policy: what a rate means for a test is said elsewhere.

mod quantiles;
mod rates;

pub use quantiles::{Quantiles, quantiles};
pub use rates::{Rate, failure_rate};
