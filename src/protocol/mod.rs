//! The private conversation between the controller and the pytest processes that it started.
//!
//! Messages ([`ToController`], [`ToWorker`]) travel as frames ([`frame`]) on a Unix socket in a
//! private folder ([`socket`]). The whole is documented in docs/design/protocol.md, and its
//! transcripts in tests/protocol/ are replayed by the Rust and by the Python tests. Knows only
//! [`crate::model`].

pub mod frame;
#[cfg(test)]
mod fuzz;
mod message;
pub mod socket;
pub mod warm;

pub use message::{
    CountAndMode, Done, DoneFailure, FileRow, Fork, Hello, Processes, Ready, Role, Stamps, TestRow,
    ToController, ToWorker, Used, XdistOptions,
};

/// Changes when messages change in a way that the other side must know.
pub const VERSION: u32 = 2;
