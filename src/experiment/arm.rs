//! The arms of an experiment: settings in which a test is tried again and again.

use crate::model::TestIndex;

/// A setting.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Arm {
    /// In a process of its own, with nothing beside it.
    Alone,
    /// Beside another, from offset to offset.
    Beside(TestIndex),
    /// Beside any that is not suspected, at the offsets of the arm beside that one.
    BesideOthers(TestIndex),
    /// After these in one process.
    After(Vec<TestIndex>),
    /// After as many that are not suspected, in one process.
    AfterOthers(usize),
    /// With what ran beside it in a recorded execution, or some of that, as it lay then.
    Replay {
        /// Its place among the circumstances.
        circumstance: usize,
        /// What is kept of its neighbours.
        kept: Vec<TestIndex>,
    },
    /// So many copies of it at once.
    Copies(u32),
    /// It and others at once, so many in all, each time others.
    Crowd(u32),
    /// It and these at once.
    Among(Vec<TestIndex>),
    /// It and tests that are not suspected of anything, for as long as these take.
    AmongOthers(Vec<TestIndex>),
    /// Again in the same process.
    Again,
    /// After all other tests in one process, in the order in which they were collected.
    AfterRest,
    /// Alone again, when it has failed after all others.
    Afterwards,
}
