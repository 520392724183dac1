//! Which test goes where next, and which round comes next.
//!
//! Pure: no clock and no I/O. Time passed is an argument. Knows only [`crate::model`].

mod claims;
mod deal;
mod depth;
mod rounds;
mod units;

pub use claims::{Claim, Claims, Lock};
pub use deal::Deal;
pub use depth::Depth;
pub use rounds::{Limit, Next, Rounds};
pub use units::Order;
