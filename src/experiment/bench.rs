//! Where trials are carried out, and what they may cost.

use std::time::Duration;

use crate::engine::Performed;
use crate::scheduler::Script;

/// Carries rounds out.
pub(super) trait Bench {
    /// What came of a round; none where no more rounds are to be had.
    fn perform(&mut self, script: Script) -> Option<Vec<Performed>>;

    /// Time since the experiments began.
    fn elapsed(&self) -> Duration;
}

/// Why an inquiry ends before anything is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// What it may cost is spent.
    Spent,
    /// The test does not run to a judgement: it is skipped, or not there any more.
    InVain,
    /// There are no more rounds: interrupted, or the server is gone.
    Ended,
}

/// What experiments may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// So many executions.
    Executions(u64),
    /// So much time.
    Time(Duration),
}

/// What has been spent, and what may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Purse {
    budget: Budget,
    /// Executions so far.
    pub executions: u64,
    /// Executions, or microseconds, at which the present inquiry has to end.
    share: u64,
}

impl Purse {
    /// Nothing is spent yet.
    pub fn new(budget: Budget) -> Self {
        Self { budget, executions: 0, share: 0 }
    }

    /// Gives the next of so many inquiries its share: four times what each would get if what is left
    /// were shared evenly, since most need less, and what is broken off begins anew.
    pub fn share_among(&mut self, inquiries: usize, elapsed: Duration) {
        let spent = self.spent(elapsed);
        let left = self.limit().saturating_sub(spent);
        let even = left / inquiries.max(1) as u64;
        self.share = spent + left.min(even.saturating_mul(4));
    }

    /// Whether the present inquiry's share is spent.
    pub fn is_spent(&self, elapsed: Duration) -> bool {
        self.spent(elapsed) >= self.share
    }

    fn limit(&self) -> u64 {
        match self.budget {
            Budget::Executions(number) => number,
            Budget::Time(time) => micros(time),
        }
    }

    fn spent(&self, elapsed: Duration) -> u64 {
        match self.budget {
            Budget::Executions(_) => self.executions,
            Budget::Time(_) => micros(elapsed),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl std::str::FromStr for Budget {
    type Err = String;

    /// `2000` is executions, `90s`, `5m` or `1h` is time.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "a budget is a number of executions (2000) or a time (90s, 5m, 1h), not {text:?}"
            )
        };
        let number =
            |digits: &str| digits.parse::<u64>().ok().filter(|&it| it > 0).ok_or_else(wrong);
        let Some(unit) = text.chars().last().filter(|it| !it.is_ascii_digit()) else {
            return number(text).map(Self::Executions);
        };
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let time = number(&text[..text.len() - 1])?.checked_mul(seconds).ok_or_else(wrong)?;
        Ok(Self::Time(Duration::from_secs(time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_executions_or_time() {
        assert_eq!("2000".parse(), Ok(Budget::Executions(2000)));
        assert_eq!("90s".parse(), Ok(Budget::Time(Duration::from_secs(90))));
        assert_eq!("5m".parse(), Ok(Budget::Time(Duration::from_secs(300))));
        for wrong in ["", "0", "5d", "m", "-3", "1.5m", "5ü"] {
            assert!(wrong.parse::<Budget>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_leave_something_for_the_others() {
        let mut purse = Purse::new(Budget::Executions(1000));
        purse.share_among(20, Duration::ZERO);
        assert_eq!(purse.share, 200);
        purse.executions = 900;
        purse.share_among(1, Duration::ZERO);
        assert_eq!(purse.share, 1000);
    }
}
