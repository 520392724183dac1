//! Which part of a run is done again.

use crate::model::{NodeId, Ran, Round, Schedule};

/// One round, all rounds, or a round up to a test's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The rounds, in their order.
    pub rounds: Vec<Round>,
    /// The test with whose end the round ends.
    pub until: Option<NodeId>,
}

/// Why there is nothing to be done again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPart {
    /// No test ran.
    #[error("no test ran in that run: there is nothing to do again")]
    Nothing,
    /// Not in that run.
    #[error("that run has no round {0}: it had rounds 1 to {1}")]
    Round(u32, u32),
    /// Not in that run.
    #[error("{0} did not run in that run{1}")]
    Test(NodeId, String),
}

impl Part {
    /// What was asked for: without a round, that of the test's first failure, or all rounds.
    pub fn of(
        schedule: &Schedule,
        round: Option<Round>,
        test: Option<&NodeId>,
    ) -> Result<Self, NoPart> {
        let last = schedule.ran.iter().map(|ran| ran.round).max().ok_or(NoPart::Nothing)?;
        if let Some(round) = round.filter(|round| !schedule.ran.iter().any(|it| it.round == *round))
        {
            return Err(NoPart::Round(round.0, last.0));
        }
        let Some(test) = test else {
            let mut rounds: Vec<Round> = match round {
                Some(round) => vec![round],
                None => schedule.ran.iter().map(|ran| ran.round).collect(),
            };
            rounds.sort_unstable();
            rounds.dedup();
            return Ok(Self { rounds, until: None });
        };
        let is_its = |ran: &&Ran| {
            schedule.tests[ran.test as usize] == *test && round.is_none_or(|it| it == ran.round)
        };
        let its = || schedule.ran.iter().filter(is_its);
        let chosen = its().find(|ran| ran.outcome.is_failure()).or_else(|| its().next());
        let chosen = chosen.ok_or_else(|| {
            let there = round.map_or_else(String::new, |it| format!(" in round {it}"));
            NoPart::Test(test.clone(), there)
        })?;
        Ok(Self { rounds: vec![chosen.round], until: Some(test.clone()) })
    }

    /// What of a round belongs to it, by start.
    pub(super) fn ran(&self, schedule: &Schedule, round: Round) -> Vec<Ran> {
        let of_round = || schedule.ran.iter().filter(move |ran| ran.round == round);
        let its = |ran: &&Ran| {
            self.until.as_ref().is_some_and(|test| schedule.tests[ran.test as usize] == *test)
        };
        let failed = of_round().filter(its).find(|ran| ran.outcome.is_failure());
        let end = failed.or_else(|| of_round().find(its)).map(|ran| ran.end);
        of_round().filter(|ran| end.is_none_or(|end| ran.start < end)).copied().collect()
    }
}
