//! The state probe: what asks the server under test for its state, and what came of it.

use std::sync::Arc;

use super::ids::{Round, TestInfo};

/// What is asked for the state. Its answer is hashed as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateProbe {
    /// A URL that is fetched.
    Url(String),
    /// A program and its arguments; no shell is involved. What it writes to stdout counts.
    Command(Vec<String>),
}

/// The state was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateProbed {
    /// After which round, or in it where a test is named; none before the first.
    pub round: Option<Round>,
    /// After which test, where each is followed by a question.
    pub test: Option<Arc<TestInfo>>,
    /// The answer's hash, or why there is none.
    pub answer: Result<Arc<str>, String>,
}
