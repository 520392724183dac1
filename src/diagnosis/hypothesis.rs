//! What may make a test fail, and how well that explains a record.

use super::bits::Bits;
use super::likelihood::Split;
use crate::model::{Round, Tie, VerdictKind};

/// Why a test fails, perhaps. Tests by their places in the record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reason {
    /// Always, whatever else is.
    Broken,
    /// By itself, now and then.
    Alone,
    /// Beside any of these, in this way.
    Beside(Vec<u32>, Overlap),
    /// After any of these in its process.
    After(Vec<u32>),
    /// Right after this one in its process.
    JustAfter(u32),
    /// After the first in its process, unless the second ran in between.
    AfterUnless(u32, u32),
    /// In a process in which none of these ran before.
    Without(Vec<u32>),
    /// From this round of this run on.
    Since(u32, Round),
    /// While so many tests run at the same time or more.
    Crowd(u32),
    /// The more often, the more tests run at the same time, from so many on.
    Ramp(u32),
    /// While so many of these run beside it or more.
    Pool(Vec<u32>, u32),
}

/// How two executions lay at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Overlap {
    /// In any way.
    Any,
    /// The other ran before the time was over that a failing execution takes: what fails at once
    /// has no time to meet many.
    Early,
    /// The other was running when it began.
    Found,
    /// The other began while it ran.
    Joined,
}

/// A reason with its weight.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    pub reason: Reason,
    /// The executions in which it makes the test fail; none where it divides none.
    pub exposed: Option<Bits>,
    /// Prior times integrated likelihood.
    pub ln_weight: f64,
}

/// One other test in one relation to a victim, with what divides by it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub test: u32,
    pub tie: Tie,
    pub split: Split,
    /// Fisher's exact test.
    pub p: f64,
}

impl Reason {
    pub(super) fn kind(&self) -> VerdictKind {
        match self {
            Self::Broken => VerdictKind::Broken,
            Self::Alone => VerdictKind::FlakyAlone,
            Self::Beside(..) => VerdictKind::InterferesWith,
            Self::After(_) | Self::JustAfter(_) | Self::AfterUnless(..) | Self::Without(_) => {
                VerdictKind::OrderDependent
            }
            Self::Since(..) => VerdictKind::Accumulates,
            Self::Crowd(_) | Self::Ramp(_) | Self::Pool(..) => VerdictKind::LoadSensitive,
        }
    }

    /// The tests that it says make it fail, or are missing where it fails.
    pub(super) fn blamed(&self) -> &[u32] {
        match self {
            Self::Beside(tests, _) | Self::After(tests) | Self::Without(tests) => tests,
            Self::JustAfter(test) | Self::AfterUnless(test, _) => std::slice::from_ref(test),
            Self::Broken
            | Self::Alone
            | Self::Since(..)
            | Self::Crowd(_)
            | Self::Ramp(_)
            | Self::Pool(..) => &[],
        }
    }

    /// All other tests that it speaks of.
    pub(super) fn involved(&self) -> Vec<u32> {
        match self {
            Self::Pool(tests, _) => tests.clone(),
            _ => self.blamed().to_vec(),
        }
    }

    /// How those tests lie to it, where they are blamed one by one.
    pub(super) fn tie(&self) -> Option<Tie> {
        match self {
            Self::Beside(..) | Self::Pool(..) => Some(Tie::Beside),
            Self::After(_) | Self::JustAfter(_) | Self::AfterUnless(..) => Some(Tie::After),
            Self::Without(_) => Some(Tie::Without),
            Self::Broken | Self::Alone | Self::Since(..) | Self::Crowd(_) | Self::Ramp(_) => None,
        }
    }
}
