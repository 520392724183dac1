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
}

/// The rules of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// When it is over.
    pub limit: Limit,
    /// Whether it goes on after a round with failures.
    pub keep_going: bool,
    /// Wait between rounds.
    pub delay: Duration,
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
        Self { limit: Limit::Count(1), keep_going: false, delay: Duration::ZERO };

    /// How many rounds are known to be planned.
    #[must_use]
    pub fn planned(&self) -> Option<u32> {
        match self.limit {
            Limit::Count(count) => Some(count),
            Limit::For(_) => None,
        }
    }

    /// Whether more than one round can come.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        self.limit != Limit::Count(1)
    }

    /// What follows `round`, which had `failures`, when `elapsed` has passed since the first round
    /// began. A wait that would reach the deadline is not begun: no round could follow it.
    pub fn after(&self, round: Round, failures: u64, elapsed: Duration) -> Next {
        let over = match self.limit {
            Limit::Count(count) => round.0 >= count,
            Limit::For(total) => elapsed.saturating_add(self.delay) >= total,
        };
        if over {
            return Next::End(StopReason::Completed);
        }
        if failures > 0 && !self.keep_going {
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
        Rounds { limit, keep_going: false, delay: Duration::ZERO }
    }

    #[test]
    fn a_count_runs_so_many() {
        let rounds = rounds(Limit::Count(2));
        assert_eq!(rounds.after(Round(1), 0, SECOND), Next::Start(Round(2), Duration::ZERO));
        assert_eq!(rounds.after(Round(2), 0, SECOND), Next::End(StopReason::Completed));
    }

    #[test]
    fn a_failure_ends_the_loop_unless_told_to_keep_going() {
        let mut rounds = rounds(Limit::Count(3));
        assert_eq!(rounds.after(Round(1), 2, SECOND), Next::End(StopReason::FailedRound));
        rounds.keep_going = true;
        assert_eq!(rounds.after(Round(1), 2, SECOND), Next::Start(Round(2), Duration::ZERO));
    }

    #[test]
    fn a_failure_in_the_last_round_is_no_early_end() {
        let rounds = rounds(Limit::Count(1));
        assert_eq!(rounds.after(Round(1), 1, SECOND), Next::End(StopReason::Completed));
    }

    #[test]
    fn a_duration_starts_rounds_until_it_has_passed() {
        let rounds = rounds(Limit::For(10 * SECOND));
        assert_eq!(rounds.after(Round(7), 0, 9 * SECOND), Next::Start(Round(8), Duration::ZERO));
        assert_eq!(rounds.after(Round(8), 0, 10 * SECOND), Next::End(StopReason::Completed));
    }

    #[test]
    fn a_delay_is_not_slept_past_the_deadline_nor_after_the_last_round() {
        let mut rounds = rounds(Limit::For(10 * SECOND));
        rounds.delay = 3 * SECOND;
        assert_eq!(rounds.after(Round(1), 0, 6 * SECOND), Next::Start(Round(2), 3 * SECOND));
        assert_eq!(rounds.after(Round(1), 0, 7 * SECOND), Next::End(StopReason::Completed));
        rounds.limit = Limit::Count(1);
        assert_eq!(rounds.after(Round(1), 0, SECOND), Next::End(StopReason::Completed));
    }
}
