//! What is thought of a test that has failed, and why.

use serde::{Deserialize, Serialize};

use super::ids::{NodeId, Offset, Round};

/// Why a test fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// It fails whatever is done.
    Broken,
    /// It fails now and then by itself.
    FlakyAlone,
    /// It depends on which tests ran before it in its process.
    OrderDependent,
    /// It fails when another test runs at the same time.
    InterferesWith,
    /// It fails when much runs at the same time, whatever that is.
    LoadSensitive,
    /// It passes for some rounds and fails from then on: something accumulates.
    Accumulates,
    /// It failed together with others while something that they need was away.
    Infrastructure,
    /// It does not fail by what is known.
    Stable,
}

impl VerdictKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Broken,
        Self::FlakyAlone,
        Self::OrderDependent,
        Self::InterferesWith,
        Self::LoadSensitive,
        Self::Accumulates,
        Self::Infrastructure,
        Self::Stable,
    ];

    /// The name in JSON, in the history and in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::FlakyAlone => "flaky-alone",
            Self::OrderDependent => "order-dependent",
            Self::InterferesWith => "interferes-with",
            Self::LoadSensitive => "load-sensitive",
            Self::Accumulates => "accumulates",
            Self::Infrastructure => "infrastructure",
            Self::Stable => "stable",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What is thought of one test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What.
    pub kind: VerdictKind,
    /// The tests that make it fail, or without which it fails (`passes_only_after`). Empty where the
    /// record cannot tell which.
    pub culprits: Vec<NodeId>,
    /// Tests that undo what a culprit did.
    pub cleaners: Vec<NodeId>,
    /// Whether the culprits are what it needs before it, and not what it bears not.
    pub needs_culprits: bool,
    /// The round from which on it fails.
    pub since_round: Option<Round>,
    /// How many workers, or tests at a time, it takes for it to fail.
    pub workers: Option<u32>,
    /// From when to when it failed, since the run began.
    pub window: Option<(Offset, Offset)>,
    /// The strongest evidence, in one sentence without its full stop.
    pub evidence: String,
    /// What experiments said of it, where there were any.
    pub confirmed: Option<bool>,
}

impl Verdict {
    /// One that names nobody and nothing, and that no experiment has tried.
    #[must_use]
    pub fn of(kind: VerdictKind, evidence: impl Into<String>) -> Self {
        Self {
            kind,
            culprits: Vec::new(),
            cleaners: Vec::new(),
            needs_culprits: false,
            since_round: None,
            workers: None,
            window: None,
            evidence: evidence.into(),
            confirmed: None,
        }
    }
}

/// Another test that may have to do with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspect {
    /// Which.
    pub nodeid: NodeId,
    /// How it is suspected.
    pub kind: Tie,
    /// How much higher the odds of failing are with it; none where that is without a bound.
    pub odds_ratio: Option<f64>,
    /// Fisher's exact test, corrected for the number of candidates.
    pub p_value: f64,
    /// What experiments said of it, where there were any.
    pub confirmed: Option<bool>,
}

/// How one test's execution lay to another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tie {
    /// At the same time, for some time.
    Beside,
    /// Later in the same process.
    After,
    /// In the same process without that one before it.
    Without,
}

/// A test that has failed, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Which.
    pub nodeid: NodeId,
    /// How many executions and attempts failed, those while the server was away left out.
    pub failed: u64,
    /// Of how many that ran.
    pub executed: u64,
    /// How many failed while the server was away.
    pub infrastructure: u64,
    /// The failure rate with its 95% interval, which allows for executions that depend on each other
    /// in time: estimate, low, high.
    pub rate: (f64, f64, f64),
    /// What is thought of it.
    pub verdict: Verdict,
    /// Tests that may have to do with it, the likeliest first; the verdict names those that surely
    /// have.
    pub suspects: Vec<Suspect>,
}
