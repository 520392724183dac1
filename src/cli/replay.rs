//! `pnl replay`.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use clap::Args;

use super::{again, error, followed, test};
use crate::engine::{self, Control, Plan};
use crate::model::{ExitCode, NodeId, Purpose, Round, Schedule};
use crate::replay::{NoPart, Part, Replayer};
use crate::report::show::Format;
use crate::report::{Hub, Verbosity};
use crate::settings::find_project;
use crate::store::{History, RunRecord, StoreError};

/// Arguments of `pnl replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// A run's id, its beginning, or `last`
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Only this round; left out: all of them, or with --test the first in which that test failed
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..))]
    round: Option<u32>,
    /// Only up to the end of this test, given by its node id
    #[arg(long, value_name = "TEST")]
    test: Option<String>,
    /// How to print how far the replay followed the record
    #[arg(long, value_name = "text|json", default_value = "text")]
    format: Format,
}

/// Why nothing was done again.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0}")]
    Project(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Part(#[from] NoPart),
    #[error(transparent)]
    Plan(#[from] crate::runner::Refusal),
}

/// Does a recorded run again, and says how far it went as recorded.
pub(super) fn run(arguments: &ReplayArgs, began: u64) -> ExitCode {
    let (record, schedule, part) = match wanted(arguments) {
        Ok(found) => found,
        Err(refused) => {
            error::message(&refused.to_string());
            return ExitCode::Usage;
        }
    };
    let mut planned = match again::planned(&record, Purpose::Replay) {
        Ok(planned) => planned,
        Err(refusal) => return error::refused(&refusal),
    };
    let mut replayer = Replayer::new(&schedule, &part);
    planned.plan.began_us = began;
    planned.plan.command = std::env::args().collect();
    planned.plan.scope = format!("replay of {} ({})", record.run, record.scope);
    planned.plan.rounds.limit =
        crate::scheduler::Limit::Count(u32::try_from(replayer.rounds()).unwrap_or(u32::MAX).max(1));
    let control = Control::new();
    let interrupts: Arc<AtomicU32> = test::watch_signals(&control);
    let verbosity = match arguments.format {
        Format::Text => Some(Verbosity::Normal),
        Format::Json => None,
    };
    let run = |plan: &Plan, control: &Control, hub: &mut Hub| {
        engine::direct(plan, control, hub, &mut replayer)
    };
    let exit = test::execute_by(&planned, (verbosity, None), &control, &interrupts, run);
    let went = replayer.followed();
    if went.rounds > 0 {
        super::print(&followed::words(&went, arguments.format));
    }
    exit
}

fn wanted(arguments: &ReplayArgs) -> Result<(RunRecord, Schedule, Part), Refused> {
    let cwd = std::env::current_dir()
        .map_err(|error| Refused::Project(format!("the working folder is gone: {error}")))?;
    let project = find_project(&cwd).map_err(|error| Refused::Project(error.to_string()))?;
    let history = History::open_read(&project.root)?;
    let record = match &arguments.run {
        Some(run) if run != "last" => history.find(Some(run))?,
        // Not the last replay: that is what is done again, again.
        _ => history.last_of(Purpose::Tests)?,
    };
    let schedule = history.schedule(&record)?;
    let test = arguments.test.as_deref().map(NodeId::new);
    let part = Part::of(&schedule, arguments.round.map(Round), test.as_ref())?;
    Ok((record, schedule, part))
}
