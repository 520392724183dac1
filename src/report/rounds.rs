//! The rounds of a run: how many, what they add up to, and those that are worth a line at the end.
//!
//! A loop of a night has a hundred thousand of them: what would never be listed is not kept.

use crate::model::{Counts, Round};

use super::summary::Totals;

/// Up to so many rounds all are listed; of more, the first, the last, and some with failures.
const ALL_ROUNDS: usize = 10;
const FIRST_ROUNDS: usize = 3;
const FAILED_ROUNDS: usize = 10;

/// One round's figures.
#[derive(Debug, Clone, Copy)]
pub struct RoundFigures {
    /// Which.
    pub round: Round,
    /// How many workers it has.
    pub workers: usize,
    /// How many executions are planned in it; 0 when not known.
    pub planned: u64,
    /// What became of those that have ended.
    pub counts: Counts,
    /// How long it took, in seconds; `None` while it runs.
    pub elapsed: Option<f64>,
}

impl RoundFigures {
    /// The round's totals, for its line. Flakiness is not a single round's to judge.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let elapsed = self.elapsed.unwrap_or(0.0);
        Totals { rounds: None, counts: self.counts, flaky: 0, elapsed }
    }

    /// How many executions it has, as far as is known.
    fn executions(&self) -> u64 {
        self.planned.max(self.counts.total())
    }
}

/// All rounds begun.
#[derive(Debug, Default)]
pub struct Rounds {
    begun: u64,
    /// Executions of all but the last.
    executions: u64,
    /// Those that may be listed, in order, the last one always.
    kept: Vec<RoundFigures>,
}

impl Rounds {
    /// A round begins.
    pub(super) fn begin(&mut self, round: Round, workers: usize, planned: u64) {
        if let Some(last) = self.kept.last() {
            self.executions += last.executions();
            if !self.is_worth_keeping() {
                self.kept.pop();
            }
        }
        self.begun += 1;
        let counts = Counts::default();
        self.kept.push(RoundFigures { round, workers, planned, counts, elapsed: None });
    }

    /// Whether the last may be listed when others have come after it.
    fn is_worth_keeping(&self) -> bool {
        let (last, earlier) = self.kept.split_last().expect("asked where there is one");
        let failed = |it: &&RoundFigures| it.counts.failures() > 0;
        let is_early = self.begun <= ALL_ROUNDS as u64;
        let has_room = || earlier.iter().skip(FIRST_ROUNDS).filter(failed).count() < FAILED_ROUNDS;
        is_early || last.counts.failures() > 0 && has_room()
    }

    /// How many have begun.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// The round that runs, or ran last.
    #[must_use]
    pub fn last(&self) -> Option<&RoundFigures> {
        self.kept.last()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut RoundFigures> {
        self.kept.last_mut()
    }

    /// Executions of all rounds begun, as far as is known.
    #[must_use]
    pub fn executions(&self) -> u64 {
        self.executions + self.last().map_or(0, RoundFigures::executions)
    }

    /// Those to list at the end.
    #[must_use]
    pub fn worth_listing(&self) -> Vec<&RoundFigures> {
        if self.begun <= ALL_ROUNDS as u64 {
            return self.kept.iter().collect();
        }
        let last = self.kept.len() - 1;
        let middle = &self.kept[FIRST_ROUNDS..last];
        let failed = middle.iter().filter(|it| it.counts.failures() > 0).take(FAILED_ROUNDS);
        self.kept[..FIRST_ROUNDS].iter().chain(failed).chain([&self.kept[last]]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OutcomeKind;

    fn rounds(count: u32) -> Rounds {
        let mut rounds = Rounds::default();
        for number in 1..=count {
            rounds.begin(Round(number), 4, 2);
            let last = rounds.last_mut().expect("it has begun");
            last.elapsed = Some(1.0);
            let is_failed = number.is_multiple_of(50);
            let kind = if is_failed { OutcomeKind::Failed } else { OutcomeKind::Passed };
            last.counts.add(kind);
        }
        rounds
    }

    #[test]
    fn many_rounds_are_thinned_out() {
        let listed = |count: u32| -> Vec<u32> {
            rounds(count).worth_listing().iter().map(|it| it.round.0).collect()
        };
        let some = [1, 2, 3, 50, 100, 150, 200, 250, 300, 350, 400, 450, 500, 1000];
        assert_eq!(listed(1000), some);
        assert_eq!(listed(10).len(), 10);
        assert_eq!(listed(11), [1, 2, 3, 11]);
    }

    #[test]
    fn a_nights_rounds_take_no_more_room_than_an_hours() {
        let rounds = rounds(100_000);
        assert!(rounds.kept.len() <= ALL_ROUNDS + FAILED_ROUNDS + 1, "{}", rounds.kept.len());
        assert_eq!((rounds.begun(), rounds.executions()), (100_000, 200_000));
    }
}
