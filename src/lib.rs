//! pnl runs any pytest suite in parallel and in loops, and tells the truth about what it saw.
pub mod model;
pub mod report;
pub mod stats;
pub mod store;
