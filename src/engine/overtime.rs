//! What takes too long: a test is named while it runs, and ended at its limit; so is a process in any
//! other phase of its life.
//!
//! At the limit the process is asked for a dump of its stacks, then asked to end, then made to. Pure:
//! time comes as an argument.

use std::time::{Duration, Instant};

/// How long a worker has to write down its stacks. faulthandler does it in the signal's handler,
/// whatever the interpreter is busy with: on an idle machine in under a millisecond.
const DUMP: Duration = Duration::from_millis(500);

/// How long processes may take to end when asked: a browser writes its profile.
const GRACE: Duration = Duration::from_secs(2);

/// What a process is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// That it says hello: it was ordered.
    Hello,
    /// That it has collected.
    Collection,
    /// That it begins a test that it was given.
    Start,
    /// That its test ends.
    Test,
    /// That its session ends.
    SessionEnd,
    /// That its process ends.
    Exit,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Due {
    /// To say that the test is slow.
    Slow,
    /// To ask for the stacks.
    Dump,
    /// To ask the worker and all that it started to end.
    Terminate,
    /// To end them.
    Kill,
    /// To wait no longer: nobody tells of their end.
    GiveUp,
}

/// The clock of one phase of a process's life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overtime {
    pub(super) awaited: Awaited,
    began: Instant,
    limit: Option<Duration>,
    slow: Option<Duration>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    InTime,
    Dumping(Instant),
    Ending(Instant),
    Killed(Instant),
    Over,
}

impl Overtime {
    /// A test begins that may take `limit` and is slow from `slow` on.
    pub(super) fn of_test(began: Instant, limit: Option<Duration>, slow: Option<Duration>) -> Self {
        Self { awaited: Awaited::Test, began, limit, slow, stage: Stage::InTime }
    }

    /// A phase begins that may take `limit`.
    pub(super) fn new(awaited: Awaited, began: Instant, limit: Option<Duration>) -> Self {
        Self { awaited, began, limit, slow: None, stage: Stage::InTime }
    }

    /// It was killed for another reason: what is waited for is to hear of its end.
    pub(super) fn of_killed(now: Instant) -> Self {
        let stage = Stage::Killed(now + GRACE);
        Self { stage, ..Self::new(Awaited::Exit, now, None) }
    }

    /// The same, where all has stood still for a while.
    pub(super) fn shift(&mut self, pause: Duration) {
        self.began += pause;
        match &mut self.stage {
            Stage::Dumping(until) | Stage::Ending(until) | Stage::Killed(until) => *until += pause,
            Stage::InTime | Stage::Over => {}
        }
    }

    /// Seconds since it began.
    pub(super) fn elapsed(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.began).as_secs_f64()
    }

    /// Its limit, if it was reached.
    pub(super) fn exceeded(&self) -> Option<Duration> {
        self.limit.filter(|_| self.stage != Stage::InTime)
    }

    /// Whether it is being ended.
    pub(super) fn is_ending(&self) -> bool {
        self.stage != Stage::InTime
    }

    /// What took too long, where that was pytest as a whole.
    pub(super) fn stall_of_pytest(&self) -> Option<String> {
        let seconds = self.exceeded()?.as_secs_f64();
        Some(match self.awaited {
            Awaited::Hello => format!(
                "pytest has not loaded its conftests and plugins within {seconds} s \
                 (--collect-timeout)"
            ),
            Awaited::SessionEnd => format!("pytest's session did not end within {seconds} s"),
            Awaited::Collection | Awaited::Start | Awaited::Test | Awaited::Exit => {
                format!("collection took longer than {seconds} s (--collect-timeout)")
            }
        })
    }

    /// When to ask again what is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::InTime => {
                let limit = self.limit.map(|limit| self.began + limit);
                let slow = self.slow.map(|slow| self.began + slow);
                limit.into_iter().chain(slow).min()
            }
            Stage::Dumping(until) | Stage::Ending(until) | Stage::Killed(until) => Some(until),
            Stage::Over => None,
        }
    }

    /// What is due now. Each answer is given once; a test's slowness again when it has doubled.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        if self.deadline().is_none_or(|at| now < at) {
            return None;
        }
        let (stage, due) = match self.stage {
            Stage::InTime if self.limit.is_some_and(|limit| now >= self.began + limit) => {
                (Stage::Dumping(now + DUMP), Due::Dump)
            }
            Stage::InTime => {
                self.slow = self.slow.and_then(|slow| slow.checked_mul(2));
                (Stage::InTime, Due::Slow)
            }
            Stage::Dumping(_) => (Stage::Ending(now + GRACE), Due::Terminate),
            Stage::Ending(_) => (Stage::Killed(now + GRACE), Due::Kill),
            Stage::Killed(_) | Stage::Over => (Stage::Over, Due::GiveUp),
        };
        self.stage = stage;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_test_is_named_slow_then_dumped_asked_and_killed() {
        let zero = Instant::now();
        let mut overtime = Overtime::of_test(zero, Some(5 * SECOND), Some(SECOND));
        assert_eq!(overtime.deadline(), Some(zero + SECOND));
        assert_eq!(overtime.due(zero), None);
        assert_eq!(overtime.due(zero + SECOND), Some(Due::Slow));
        assert_eq!(overtime.due(zero + SECOND), None);
        assert_eq!(overtime.due(zero + 2 * SECOND), Some(Due::Slow));
        assert_eq!(overtime.exceeded(), None);
        assert_eq!(overtime.due(zero + 5 * SECOND), Some(Due::Dump));
        assert_eq!(overtime.exceeded(), Some(5 * SECOND));
        assert_eq!(overtime.due(zero + 5 * SECOND), None);
        assert_eq!(overtime.due(zero + 6 * SECOND), Some(Due::Terminate));
        assert_eq!(overtime.due(zero + 9 * SECOND), Some(Due::Kill));
        assert_eq!(overtime.due(zero + 11 * SECOND), Some(Due::GiveUp));
        assert_eq!(overtime.deadline(), None);
    }

    #[test]
    fn a_test_without_limits_is_never_due() {
        let zero = Instant::now();
        let mut overtime = Overtime::of_test(zero, None, None);
        assert_eq!((overtime.deadline(), overtime.due(zero + 9999 * SECOND)), (None, None));
    }

    #[test]
    fn clocks_stand_still_while_all_is_stopped() {
        let zero = Instant::now();
        let mut overtime = Overtime::new(Awaited::Collection, zero, Some(SECOND));
        overtime.shift(9 * SECOND);
        assert_eq!(overtime.due(zero + 9 * SECOND), None);
        assert_eq!(overtime.due(zero + 10 * SECOND), Some(Due::Dump));
        overtime.shift(9 * SECOND);
        assert_eq!(overtime.due(zero + 11 * SECOND), None);
        assert_eq!(overtime.due(zero + 20 * SECOND), Some(Due::Terminate));
    }
}
