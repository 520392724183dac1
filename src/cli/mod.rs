//! The command line: arguments → settings → plan → engine → exit code.

mod again;
mod args;
mod confirm;
mod dry_run;
mod error;
mod flaky;
mod followed;
mod nearest;
mod replay;
mod show;
mod test;
mod verify;
mod warm;
mod watch;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode as Status;

use clap::{CommandFactory, Parser};

use crate::engine;
use crate::model::ExitCode;
use crate::process::{is_guard, stand_guard};

/// The command's whole definition, for generated files.
#[must_use]
pub fn command() -> clap::Command {
    args::Cli::command()
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> Status {
    if is_guard() {
        stand_guard();
        return Status::SUCCESS;
    }
    let began = engine::monotonic_us();
    let words: Vec<OsString> = std::env::args_os().collect();
    // A panic is a defect of pnl: it has printed itself, and exits as one.
    let exit = std::panic::catch_unwind(|| run(&words, began)).unwrap_or(ExitCode::InternalError);
    Status::from(exit.code())
}

/// Prints to standard output. A reader that has gone is that reader's choice.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn run(words: &[OsString], began: u64) -> ExitCode {
    let typed: Vec<String> = words.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    match args::Cli::try_parse_from(words) {
        Err(error) => error::clap(&error),
        Ok(cli) => match cli.verb {
            args::Verb::Test(arguments) => {
                test::run(&arguments.options(typed), &arguments.run, began)
            }
            args::Verb::Loop(arguments) => match arguments.options(typed) {
                Ok(options) => test::run(&options, &arguments.run, began),
                Err(refusal) => error::refused(&refusal),
            },
            args::Verb::Verify(arguments) => verify::run(&arguments, typed),
            args::Verb::Confirm(arguments) => confirm::run(&arguments, began),
            args::Verb::Show(arguments) => show::show_run(&arguments),
            args::Verb::Watch(arguments) => watch::run(&arguments, typed),
            args::Verb::Warm(arguments) => warm::run(&arguments),
            args::Verb::Replay(arguments) => replay::run(&arguments, began),
            args::Verb::Flaky(arguments) => flaky::run(&arguments),
            args::Verb::History(arguments) => show::list_runs(&arguments),
        },
    }
}
