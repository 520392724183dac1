//! The engines: from a [`Plan`] to events and an exit code.
//!
//! One thread, the dispatcher, owns a run's state. Everything that can happen (messages from
//! workers, ends of processes, output, signals, answers of the server) comes to it through one
//! inbox, and it blocks in one receive with the next deadline as its timeout. `fork` and `spawn`
//! share one dispatcher ([`dispatch`]); `xdist` and `pytest` run by themselves and are observed
//! ([`observed`]). Reporters are known only as a trait.

mod branch;
mod capacity;
mod command;
mod crew;
mod descriptors;
mod director;
mod dispatch;
mod distribution;
mod door;
mod early_end;
mod gaps;
mod hide;
mod inbox;
mod judge;
mod kept;
mod launch;
mod leaks;
mod lines;
mod listed;
mod numbers;
mod observed;
mod outage;
mod overtime;
mod past;
mod permits;
mod plan;
mod probe;
mod record;
mod recruit;
mod rules;
mod server;
mod stacks;
mod sure;
mod suspend;
mod template;
pub mod warm;

pub use capacity::{Choice, Known, Machine, workers_for};
pub use command::{PytestCommand, argument, pytest_command};
pub use director::{Director, Performed};
pub use inbox::Control;
pub use launch::command_of;
pub use plan::{Plan, Probing, ServerNeed, TerminalOwner, Warmth, Workers};
pub use record::monotonic_us;
pub use server::answers;

use crate::model::{EngineKind, ExitCode, StopReason, Timeline};
use crate::report::Reporter;

/// How a run went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What to exit with.
    pub exit: ExitCode,
    /// Why it ended.
    pub reason: StopReason,
    /// Whether events were reported. If not, nothing was run, and `output` or `reason` says why.
    pub begun: bool,
    /// What pytest printed, where it ended before there was a run. Untrusted text.
    pub output: Option<String>,
    /// Where the time went.
    pub timeline: Box<Timeline>,
}

/// Runs what a director prescribes, with forked workers: a plan whose rounds, workers and way to deal
/// are the director's. Otherwise as [`run`].
pub fn direct(
    plan: &Plan,
    control: &Control,
    reporter: &mut dyn Reporter,
    director: &mut dyn Director,
) -> Finished {
    if let Some(limit) = plan.bounds.run {
        control.limit(limit);
    }
    let finished = dispatch::direct(plan, control, reporter, director);
    end_what_never_began(plan, &finished);
    finished
}

/// Runs a plan to its end. Blocks; `control` interrupts it from elsewhere.
///
/// Never fails: what goes wrong is a [`StopReason`] with its exit code.
pub fn run(plan: &Plan, control: &Control, reporter: &mut dyn Reporter) -> Finished {
    if let Some(limit) = plan.bounds.run {
        control.limit(limit);
    }
    let finished = match plan.engine {
        EngineKind::Fork => match dispatch::run(plan, control, reporter) {
            dispatch::Run::Finished(finished) => finished,
            dispatch::Run::CannotFork(threads) => {
                let plan = Plan { engine: EngineKind::Spawn, ..plan.clone() };
                let why = format!(
                    "forking is unsafe here, because collecting the suite started threads ({}): \
                     using the spawn engine instead",
                    threads.join(", ")
                );
                dispatch::run_with_notice(&plan, control, reporter, &why)
            }
        },
        EngineKind::Spawn => dispatch::run_spawned(plan, control, reporter),
        EngineKind::Xdist | EngineKind::Pytest => observed::run(plan, control, reporter),
    };
    end_what_never_began(plan, &finished);
    finished
}

/// The record of a run that began has done it.
fn end_what_never_began(plan: &Plan, finished: &Finished) {
    if !finished.begun {
        crate::process::RunProcesses::of(plan.run.as_str()).by_environment().end_all();
    }
}
