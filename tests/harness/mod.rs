//! What the end-to-end tests share: a suite in a folder of its own, pnl started in it with a clean
//! environment, and what came of it as values.
//!
//! Nothing here sleeps. A suite tells the test what it does by its [`bell`], and waits there until
//! the test lets it go on; a process's end is waited for by its descriptor.
#![allow(dead_code, unused_imports, reason = "each test file uses a part")]

pub mod bell;
mod python;
mod running;
mod suite;

pub use python::{python, python_with};
pub use running::{Run, Running};
pub use suite::Suite;

/// Everything that can take time is given up after this long. A loaded machine with one core may
/// need seconds to start an interpreter; a test that hangs must still end the check.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Waits for a fact that nothing tells of, within bounds.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "in vain: {what}");
        std::thread::yield_now();
    }
}
