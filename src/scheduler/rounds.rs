//! Rounds: how many, until when, and what a failure does to the rest.

use std::time::Duration;

use crate::model::{Round, StopReason};

/// When a loop is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// After so many rounds; at least 1.
    Count(u32),
    /// No round begins once this much time has passed since the first began. The first always runs.
    For(Duration),
    /// Never, but for what [`Until`] says.
    Endless,
}

/// What ends a loop beside its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Until {
    /// A round with a failure.
    Failure,
    /// Every test is known to fail less often than this share of its executions, or to fail.
    Sure(f64),
}

/// The rules of a loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rounds {
    /// When it is over.
    pub limit: Limit,
    /// What ends it sooner.
    pub until: Option<Until>,
    /// Whether it goes on after a round with failures.
    pub keep_going: bool,
    /// Wait between rounds.
    pub delay: Duration,
}

/// A round that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// Which.
    pub round: Round,
    /// How many executions failed in it.
    pub failures: u64,
    /// Time since the first round began.
    pub elapsed: Duration,
    /// Whether every test is known well enough, for [`Until::Sure`].
    pub is_sure: bool,
}

/// What follows a round.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// This round, after that wait.
    Start(Round, Duration),
    /// Nothing; says why.
    End(StopReason),
}

impl Rounds {
    /// One round and no loop.
    pub const ONCE: Self =
        Self { limit: Limit::Count(1), until: None, keep_going: false, delay: Duration::ZERO };

    /// How many rounds are known to be planned.
    #[must_use]
    pub fn planned(&self) -> Option<u32> {
        match self.limit {
            Limit::Count(count) if self.until.is_none() => Some(count),
            Limit::Count(_) | Limit::For(_) | Limit::Endless => None,
        }
    }

    /// Whether more than one round can come.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        self.limit != Limit::Count(1)
    }

    /// What follows a round. A wait that would reach the deadline is not begun: no round could follow
    /// it.
    pub fn after(&self, Over { round, failures, elapsed, is_sure }: Over) -> Next {
        let over = match self.limit {
            Limit::Count(count) => round.0 >= count,
            Limit::For(total) => elapsed.saturating_add(self.delay) >= total,
            Limit::Endless => false,
        };
        let is_enough = matches!(self.until, Some(Until::Sure(_))) && is_sure;
        if over || is_enough {
            return Next::End(StopReason::Completed);
        }
        let goes_on = self.keep_going || matches!(self.until, Some(Until::Sure(_)));
        if failures > 0 && !goes_on {
            return Next::End(StopReason::FailedRound);
        }
        Next::Start(round.next(), self.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rounds(limit: Limit) -> Rounds {
        Rounds { limit, until: None, keep_going: false, delay: Duration::ZERO }
    }

    fn over(round: u32, failures: u64, elapsed: Duration) -> Over {
        Over { round: Round(round), failures, elapsed, is_sure: false }
    }

    #[test]
    fn until_a_failure_or_until_sure() {
        let mut rounds = Rounds { until: Some(Until::Failure), ..rounds(Limit::Endless) };
        let next = Next::Start(Round(100), Duration::ZERO);
        assert_eq!(rounds.after(over(99, 0, SECOND)), next);
        assert_eq!(rounds.after(over(99, 1, SECOND)), Next::End(StopReason::FailedRound));
        rounds.until = Some(Until::Sure(0.05));
        assert_eq!(rounds.after(over(99, 1, SECOND)), next, "a failure teaches, too");
        let sure = Over { is_sure: true, ..over(59, 0, SECOND) };
        assert_eq!(rounds.after(sure), Next::End(StopReason::Completed));
        rounds.limit = Limit::Count(10);
        assert_eq!(rounds.after(over(10, 0, SECOND)), Next::End(StopReason::Completed));
        assert_eq!(rounds.planned(), None);
    }

    #[test]
    fn a_count_runs_so_many() {
        let rounds = rounds(Limit::Count(2));
        assert_eq!(rounds.after(over(1, 0, SECOND)), Next::Start(Round(2), Duration::ZERO));
        assert_eq!(rounds.after(over(2, 0, SECOND)), Next::End(StopReason::Completed));
    }

    #[test]
    fn a_failure_ends_the_loop_unless_told_to_keep_going() {
        let mut rounds = rounds(Limit::Count(3));
        assert_eq!(rounds.after(over(1, 2, SECOND)), Next::End(StopReason::FailedRound));
        rounds.keep_going = true;
        assert_eq!(rounds.after(over(1, 2, SECOND)), Next::Start(Round(2), Duration::ZERO));
    }

    #[test]
    fn a_failure_in_the_last_round_is_no_early_end() {
        let rounds = rounds(Limit::Count(1));
        assert_eq!(rounds.after(over(1, 1, SECOND)), Next::End(StopReason::Completed));
    }

    #[test]
    fn a_duration_starts_rounds_until_it_has_passed() {
        let rounds = rounds(Limit::For(10 * SECOND));
        assert_eq!(rounds.after(over(7, 0, 9 * SECOND)), Next::Start(Round(8), Duration::ZERO));
        assert_eq!(rounds.after(over(8, 0, 10 * SECOND)), Next::End(StopReason::Completed));
    }

    #[test]
    fn a_delay_is_not_slept_past_the_deadline_nor_after_the_last_round() {
        let mut rounds = rounds(Limit::For(10 * SECOND));
        rounds.delay = 3 * SECOND;
        assert_eq!(rounds.after(over(1, 0, 6 * SECOND)), Next::Start(Round(2), 3 * SECOND));
        assert_eq!(rounds.after(over(1, 0, 7 * SECOND)), Next::End(StopReason::Completed));
        rounds.limit = Limit::Count(1);
        assert_eq!(rounds.after(over(1, 0, SECOND)), Next::End(StopReason::Completed));
    }
}
