//! The words of pnl: ids, outcomes, modes, events, exit codes.
//!
//! Every other module speaks in these types and this one knows no other. There is no I/O, no clock
//! and no policy here.

mod bounds;
mod confirmation;
mod counts;
mod cut;
mod durations;
mod event;
mod exit;
#[cfg(test)]
pub(crate) mod fuzz;
mod ids;
mod leak;
mod modes;
mod outcome;
mod probe;
mod rank;
mod rule;
mod schedule;
mod secret;
mod span;
mod timeline;
mod usage;
mod verdict;

pub use bounds::Bounds;
pub use confirmation::{Arm, Confirmation};
pub use counts::Counts;
pub use cut::without_middle;
pub use durations::{Durations, Took};
pub use event::{
    Event, Execution, Failure, Infrastructure, Level, Phases, RoundEnded, RoundStarted, RunEnded,
    RunStarted, Server, ServerAway, What, WorkerEnd,
};
pub use exit::{ExitCode, StopReason};
pub use ids::{Attempt, NodeId, Offset, Round, RunId, Slot, TestIndex, TestInfo, WorkerId};
pub use leak::Leak;
pub use modes::{
    CollectMode, DistMode, EngineKind, FlakyPolicy, Isolation, LeakPolicy, Output, Purpose,
    ServerLost, UnknownName, Vary,
};
pub use outcome::{Crash, NotRun, Outcome, OutcomeKind};
pub use probe::{StateProbe, StateProbed};
pub use rank::Rank;
pub use rule::{Pattern, Rule};
pub use schedule::{Cause, Probe, Ran, RoundSpan, Schedule, Window};
pub use secret::{Secrets, is_secret, without_secrets};
pub use span::span;
pub use timeline::{Phase, Timeline};
pub use usage::Usage;
pub use verdict::{Judged, Suspect, Tie, Verdict, VerdictKind};
