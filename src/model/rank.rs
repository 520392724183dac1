//! Where a setting comes from, as far as it decides between two that contradict each other.

/// From what gives way to what does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nobody said anything.
    Default,
    /// pnl's configuration file.
    File,
    /// A `PNL_*` variable.
    Environment,
    /// pnl's command line.
    CommandLine,
}
