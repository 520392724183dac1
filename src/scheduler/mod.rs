//! Which test goes where next, and which round comes next.
//!
//! Pure: no clock and no I/O. Time passed is an argument. Knows only [`crate::model`].

mod claims;
mod deal;
mod depth;
mod files;
mod forecast;
mod pairs;
mod portion;
mod predict;
mod queues;
mod rounds;
mod script;
mod strategy;
mod units;
mod varied;

#[cfg(test)]
mod suite;

pub use claims::{Claim, Claims, Lock};
pub use deal::Deal;
pub use depth::Depth;
pub use forecast::Forecast;
pub use pairs::Pairs;
pub use portion::{Asking, Portion};
pub use rounds::{Limit, Next, Over, Rounds, Until};
pub use script::{Cue, Gate, Lane, Playing, Script, Step, StepId};
pub use units::Order;
pub use varied::{Spent, Variation};
