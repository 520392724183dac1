//! `pnl verify`.

mod json;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::Args;

use super::args::TestArgs;
use super::error;
use crate::engine::command_of;
use crate::model::{Event, ExitCode, Output, StopReason};
use crate::process::forward_signals;
use crate::report::show::Format;
use crate::report::text::{Keep, clean};
use crate::report::{Hub, Reporter as _, Reports, Surroundings, TerminalOptions, Verbosity};
use crate::runner::TestOptions;
use crate::verify::{Interrupter, Progress, Proof, Side, Step, verify};

/// Arguments of `pnl verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    test: TestArgs,
    /// Run tests that differ again, N times each way; 0 for not at all
    #[arg(long, value_name = "N", default_value_t = 3)]
    reruns: u32,
    /// For people or for programs
    #[arg(long, value_name = "text|json", default_value = "text")]
    format: Format,
}

impl VerifyArgs {
    /// As options of the library, or why not.
    pub(super) fn options(&self, command: Vec<String>) -> Result<TestOptions, String> {
        match self.test.not_for_verify() {
            Some((option, why)) => {
                Err(format!("{option} does not go with pnl verify: {why}. Leave it out"))
            }
            None => Ok(self.test.options(command)),
        }
    }
}

/// Runs both ways and prints what differs.
pub(super) fn run(arguments: &VerifyArgs, command: Vec<String>) -> ExitCode {
    let options = match arguments.options(command) {
        Ok(options) => options,
        Err(text) => {
            error::message(&text);
            return ExitCode::Usage;
        }
    };
    let interrupter = Interrupter::default();
    watch_signals(&interrupter);
    let around = Surroundings::of_process();
    let screen = TerminalOptions::detect(Verbosity::Normal, Output::Captured, &around);
    // Failures are the suite's own business here: what moves is enough.
    let terminal = TerminalOptions { verbosity: Verbosity::Quiet, ..screen };
    let shows = arguments.format == Format::Text && screen.live;
    let mut display = Display { terminal: shows.then_some(terminal), hub: None };
    let proof = match verify(&options, arguments.reruns, &interrupter, &mut display) {
        Ok(proof) => proof,
        Err(refusal) => return error::refused(&refusal),
    };
    match arguments.format {
        Format::Text => super::print(&text::render(&proof, screen.palette)),
        Format::Json => super::print(&json::render(&proof)),
    }
    explain(&proof);
    proof.exit
}

/// What ended a run before there was anything to compare.
fn explain(proof: &Proof) {
    for side in std::iter::once(&proof.pytest).chain(&proof.pnl) {
        match &side.finished.reason {
            StopReason::Usage(text) => error::message(text),
            StopReason::ServerLost(_) => error::message(&side.finished.reason.to_string()),
            StopReason::Internal(_) | StopReason::CollectionFailed(_) => {
                let output = side.finished.output.as_ref().unwrap_or(&side.gathered.output);
                error::say(clean(output, Keep::Lines).trim_end());
            }
            _ => {}
        }
    }
}

/// Forwards Ctrl-C and its like; the third ends the process at once.
fn watch_signals(interrupter: &Interrupter) {
    let (handle, seen) = (interrupter.clone(), Arc::new(AtomicU32::new(0)));
    let watched = forward_signals(move || {
        if seen.fetch_add(1, Ordering::Relaxed) >= 2 {
            std::process::exit(i32::from(ExitCode::Interrupted.code()));
        }
        handle.interrupt();
    });
    if let Err(error) = watched {
        error::warning(&error.to_string());
    }
}

/// Says what is being run, and shows how it goes where somebody watches.
struct Display {
    terminal: Option<TerminalOptions>,
    hub: Option<Hub>,
}

impl Progress for Display {
    fn begins(&mut self, step: &Step<'_>) {
        error::say(&text::title(step, &step.plan.secrets.hide_in_command(&command_of(step.plan))));
        let reports = Reports { terminal: self.terminal, ..Reports::default() };
        // Without files there is nothing that could not be opened.
        self.hub = Hub::start(reports).ok().filter(|_| step.alone.is_none());
    }

    fn event(&mut self, event: &Arc<Event>) {
        if let Some(hub) = &mut self.hub {
            hub.event(event);
        }
    }

    fn ended(&mut self, step: &Step<'_>, side: &Side) {
        for warning in self.hub.take().map(Hub::finish).into_iter().flatten() {
            error::warning(&warning.to_string());
        }
        if step.alone.is_none() && self.terminal.is_none() {
            error::say(&format!("  {}", text::totals(side)));
        }
    }
}
