//! `pnl test` and `pnl loop`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::args::RunArgs;
use super::{dry_run, error};
use crate::engine::{self, Control, Finished, Plan};
use crate::model::{EngineKind, ExitCode, Output, Purpose, StopReason};
use crate::process::{
    adopt_orphans, dismiss_guard, forward_signals, forward_suspend, start_guard, watch_memory,
    write_from_background,
};
use crate::report::text::{Keep, clean};
use crate::report::timings;
use crate::report::verdicts::{AskVerdicts, at_end, without_history};
use crate::report::{
    Github, Hub, Reports, Sink, Surroundings, TerminalOptions, Unreported, Verbosity,
};
use crate::runner::{self, Planned, TestOptions};
use crate::store::HistoryWriter;

/// How long reports may take after a second Ctrl-C: a terminal held by Ctrl-S must not hold us.
const REPORTS_PATIENCE: Duration = Duration::from_secs(2);

/// Runs the tests, or says what would run.
pub(super) fn run(options: &TestOptions, arguments: &RunArgs, began: u64) -> ExitCode {
    let mut planned = match runner::plan(options) {
        Ok(planned) => planned,
        Err(refusal) => return error::refused(&refusal),
    };
    (planned.plan.began_us, planned.plan.timings) = (began, arguments.timings);
    if arguments.dry_run {
        return dry_run::print(&planned.plan);
    }
    let control = Control::new();
    let interrupts = watch_signals(&control);
    execute(&planned, verbosity(arguments), &control, None, &interrupts)
}

/// Runs a plan with all its reports; `more` hears the events as well.
pub(super) fn execute(
    planned: &Planned,
    verbosity: Verbosity,
    control: &Control,
    more: Option<Sink>,
    interrupts: &AtomicU32,
) -> ExitCode {
    let run = |plan: &Plan, control: &Control, hub: &mut Hub| engine::run(plan, control, hub);
    execute_by(planned, (Some(verbosity), more), control, interrupts, run)
}

/// As [`execute`], by another way to run a plan. Without a verbosity, the terminal is left alone.
pub(super) fn execute_by(
    planned: &Planned,
    (verbosity, more): (Option<Verbosity>, Option<Sink>),
    control: &Control,
    interrupts: &AtomicU32,
    run: impl FnOnce(&Plan, &Control, &mut Hub) -> Finished,
) -> ExitCode {
    let mut hub = match Hub::start(reports(planned, verbosity)) {
        Ok(hub) => hub,
        Err(refused) => {
            error::message(&refused.to_string());
            return ExitCode::Usage;
        }
    };
    let history = open_history(&planned.project_root).map(Arc::new);
    // A watch has its own idea of what comes next.
    if planned.plan.purpose == Purpose::Tests && more.is_none() {
        hub.verdicts_by(|| verdicts(planned, history.as_deref()));
    }
    if let Some(history) = history.clone() {
        hub.settle_with(|| {
            let mut settler = history.settler()?;
            Some(Box::new(move || settler.settle()))
        });
        hub.add_sink(Box::new(move |event| history.record(event)));
    }
    if let Some(more) = more {
        hub.add_sink(more);
    }
    // Without it, orphans are the system's, and are found and ended all the same.
    let _ = adopt_orphans();
    // Without it, a pnl that is killed leaves what does not heed its lifeline.
    let _ = start_guard();
    watch_memory();
    let finished = run(&planned.plan, control, &mut hub);
    let _dismissed = dismiss_guard();
    let patience = (interrupts.load(Ordering::Relaxed) > 1).then_some(REPORTS_PATIENCE);
    let unreported = match patience {
        Some(limit) => hub.finish_within(limit),
        None => hub.finish(),
    };
    let unstored = history.map(|history| close_history(history, patience));
    let warnings = unreported.iter().map(ToString::to_string);
    warnings.chain(unstored.into_iter().flatten()).for_each(|text| error::warning(&text));
    explain(&planned.plan, &finished);
    if planned.plan.timings {
        super::print(&timings::text(&finished.timeline, engine::monotonic_us()));
    }
    judged(finished.exit, &unreported)
}

/// A run in which all is well but for a report that somebody asked for is not green: the CI server
/// that looks for it would see an older one, or none.
fn judged(exit: ExitCode, unreported: &[Unreported]) -> ExitCode {
    let misses_a_report = unreported.iter().any(|it| matches!(it, Unreported::Asked(_)));
    if misses_a_report && exit == ExitCode::Ok { ExitCode::InternalError } else { exit }
}

pub(super) fn verbosity(arguments: &RunArgs) -> Verbosity {
    match (arguments.quiet, arguments.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}

fn reports(planned: &Planned, verbosity: Option<Verbosity>) -> Reports {
    let around = Surroundings::of_process();
    let terminal = verbosity.map(|verbosity| match planned.plan.engine {
        EngineKind::Fork | EngineKind::Spawn | EngineKind::Xdist => {
            TerminalOptions::detect(verbosity, planned.plan.output, &around)
        }
        // pytest has the terminal and shows its failures itself: ours is the last line.
        EngineKind::Pytest => TerminalOptions::detect(Verbosity::Quiet, Output::Live, &around),
    });
    let absolute = |path: &PathBuf| planned.plan.root.join(path);
    Reports {
        terminal,
        junit: planned.settings.junit.as_ref().map(absolute),
        jsonl: planned.settings.jsonl.as_ref().map(absolute),
        github: match planned.plan.purpose {
            Purpose::Tests | Purpose::Replay => Github::of_process(),
            // That tests fail is what experiments are about.
            Purpose::Experiment => Github::default(),
        },
    }
}

/// What judges a loop's tests, once all that was told before is stored.
fn verdicts(planned: &Planned, history: Option<&HistoryWriter>) -> AskVerdicts {
    let settler = history.and_then(HistoryWriter::settler);
    let (root, run) = (planned.project_root.clone(), planned.plan.run.clone());
    Box::new(move |ended| match settler {
        Some(mut settler) => {
            settler.settle();
            at_end(&root, &run, ended)
        }
        None => without_history("that cannot be written", ended),
    })
}

/// A history that cannot be written is a warning, and no reason not to test.
fn open_history(root: &Path) -> Option<HistoryWriter> {
    match HistoryWriter::open(root) {
        Ok((history, warning)) => {
            if let Some(warning) = warning {
                error::warning(&warning.to_string());
            }
            Some(history)
        }
        Err(error) => {
            error::warning(&format!("this run is not stored: {error}"));
            None
        }
    }
}

fn close_history(history: Arc<HistoryWriter>, patience: Option<Duration>) -> Vec<String> {
    let Some(history) = Arc::into_inner(history) else { return Vec::new() };
    let said = match patience {
        Some(limit) => history.finish_within(limit),
        None => history.finish(),
    };
    match said {
        Ok(warnings) => warnings.iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// Forwards Ctrl-C and its like; the third ends the process at once.
pub(super) fn watch_signals(control: &Control) -> Arc<AtomicU32> {
    let count = Arc::new(AtomicU32::new(0));
    let (handle, seen) = (control.clone(), count.clone());
    write_from_background();
    let suspended = control.clone();
    let watched = forward_signals(move || {
        if seen.fetch_add(1, Ordering::Relaxed) >= 2 {
            std::process::exit(i32::from(ExitCode::Interrupted.code()));
        }
        handle.interrupt();
    })
    .and_then(|()| forward_suspend(move || suspended.suspend()));
    if let Err(error) = watched {
        error::warning(&error.to_string());
    }
    count
}

/// What there is to say where no run was reported, or where its end needs more than the summary.
fn explain(plan: &Plan, finished: &Finished) {
    let is_explained = matches!(finished.reason, StopReason::Usage(_));
    if let Some(output) = finished.output.as_ref().filter(|_| !is_explained) {
        // The last stop for untrusted text before the terminal.
        super::print(&clean(output, Keep::Lines));
    }
    match &finished.reason {
        StopReason::Usage(text) | StopReason::Internal(text) if !finished.begun => {
            error::message(text);
        }
        reason @ (StopReason::Stalled(_) | StopReason::RunTimeout(_)) if !finished.begun => {
            error::message(&reason.to_string());
        }
        StopReason::NothingCollected if !finished.begun => {
            error::message(&format!("nothing was collected for {}", plan.scope));
        }
        StopReason::Interrupted if !finished.begun => error::message("interrupted before a test"),
        _ => {}
    }
}
