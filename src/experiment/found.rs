//! What an inquiry has found.

use crate::model::{Round, TestIndex};

/// Why a test fails, as experiments say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It fails alone, always.
    Broken,
    /// It fails alone, always, since some round of the record.
    Accumulates(Option<Round>),
    /// It fails alone, now and then.
    FlakyAlone,
    /// It fails after any of these in one process.
    After {
        /// Each of them is enough.
        culprits: Vec<TestIndex>,
        /// After any of these it passes again.
        cleaners: Vec<TestIndex>,
    },
    /// It passes only after any of these in one process.
    Without(Vec<TestIndex>),
    /// It fails beside any of these.
    Beside(Vec<TestIndex>),
    /// It fails when so many tests run at once.
    Crowded(u32),
    /// It passes now, and what it failed with was outside.
    Outside,
    /// It passes in every arm.
    Nothing,
    /// It fails in this arm more than alone, and what of it is the cause stays open.
    Open(&'static str),
}
