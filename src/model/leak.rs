//! A process that a test left behind.

use super::ids::NodeId;

/// A process that lived on after its worker, with all that it had started.
#[derive(Debug, Clone, PartialEq)]
pub struct Leak {
    /// Its id, which is nobody's any more: pnl has ended it.
    pub pid: u32,
    /// Its command line. Untrusted text.
    pub command: String,
    /// Seconds since it was started.
    pub age: f64,
    /// How many processes there were, those that it had started included.
    pub processes: usize,
    /// The test that started it, where that can be told.
    pub test: Option<NodeId>,
}
