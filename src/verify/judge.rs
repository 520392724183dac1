//! What the repetitions make of a difference. Pure.
//!
//! A test that differs is run again alone, and, if that does not decide, among all the others:
//! whoever does not repeat his own outcome is flaky, and two who each repeat their own differ.

use crate::model::OutcomeKind;

/// The outcomes of a test in one pass, in an order of their own; empty where it was not executed.
pub type Signature = Vec<OutcomeKind>;

/// The repetitions of one test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pair {
    /// By pytest, a signature for each pass.
    pub pytest: Vec<Signature>,
    /// By pnl.
    pub pnl: Vec<Signature>,
}

/// How a test was run again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Again {
    /// By its node id; none where that selects nothing or was not tried.
    pub alone: Option<Pair>,
    /// With all that was selected, the first comparison included.
    pub among_others: Option<Pair>,
}

/// What a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It repeats when the test runs alone.
    Alone,
    /// It repeats, and only when the others run too: order, shared state, or parallelism.
    AmongOthers,
    /// One of the two does not repeat its own outcome.
    Flaky,
    /// Not run again.
    NotRepeated,
}

impl Judgement {
    /// Its word in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::AmongOthers => "among-others",
            Self::Flaky => "flaky",
            Self::NotRepeated => "not-repeated",
        }
    }
}

impl Pair {
    fn is_steady(&self) -> bool {
        let steady = |side: &[Signature]| side.windows(2).all(|two| two[0] == two[1]);
        steady(&self.pytest) && steady(&self.pnl)
    }

    fn differs(&self) -> bool {
        self.pytest.first() != self.pnl.first()
    }
}

impl Again {
    /// Judges by what has been repeated so far; none if that does not decide.
    #[must_use]
    pub fn judge(&self) -> Option<Judgement> {
        match &self.alone {
            Some(alone) if !alone.is_steady() => return Some(Judgement::Flaky),
            Some(alone) if alone.differs() => return Some(Judgement::Alone),
            Some(_) | None => {}
        }
        let others = self.among_others.as_ref()?;
        if others.is_steady() && others.differs() {
            Some(Judgement::AmongOthers)
        } else {
            Some(Judgement::Flaky)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutcomeKind::{Failed, Passed};

    fn pair(pytest: &[OutcomeKind], pnl: &[OutcomeKind]) -> Pair {
        let each = |side: &[OutcomeKind]| side.iter().map(|&kind| vec![kind]).collect();
        Pair { pytest: each(pytest), pnl: each(pnl) }
    }

    fn judge(alone: Option<&Pair>, among_others: Option<&Pair>) -> Option<Judgement> {
        Again { alone: alone.cloned(), among_others: among_others.cloned() }.judge()
    }

    #[test]
    fn what_repeats_alone_is_a_difference() {
        let alone = pair(&[Passed, Passed], &[Failed, Failed]);
        assert_eq!(judge(Some(&alone), None), Some(Judgement::Alone));
    }

    #[test]
    fn whoever_changes_his_mind_is_flaky() {
        let pnl = pair(&[Passed, Passed], &[Failed, Passed]);
        let pytest = pair(&[Failed, Passed], &[Passed, Passed]);
        let others = pair(&[Passed, Passed], &[Failed, Failed]);
        assert_eq!(judge(Some(&pnl), Some(&others)), Some(Judgement::Flaky));
        assert_eq!(judge(Some(&pytest), Some(&others)), Some(Judgement::Flaky));
        let same = pair(&[Passed, Passed], &[Passed, Passed]);
        assert_eq!(judge(Some(&same), Some(&pnl)), Some(Judgement::Flaky));
    }

    #[test]
    fn what_agrees_alone_is_decided_among_the_others() {
        let same = pair(&[Passed, Passed], &[Passed, Passed]);
        assert_eq!(judge(Some(&same), None), None);
        let others = pair(&[Passed, Passed], &[Failed, Failed]);
        assert_eq!(judge(Some(&same), Some(&others)), Some(Judgement::AmongOthers));
        let by_others = judge(None, Some(&others));
        assert_eq!(by_others, Some(Judgement::AmongOthers), "its id selects nothing");
        assert_eq!(judge(None, None), None);
    }

    #[test]
    fn a_test_that_is_not_there_is_steady_too() {
        let gone = Pair { pytest: vec![vec![Passed]; 2], pnl: vec![vec![]; 2] };
        assert_eq!(judge(Some(&gone), None), Some(Judgement::Alone));
    }
}
