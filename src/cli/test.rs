//! `pnl test` and `pnl loop`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "temporary")]

use super::args::RunArgs;
use super::{dry_run, error};
use crate::engine::{self, Control};
use crate::model::{Event, ExitCode, What};
use crate::process::forward_signals;
use crate::report::Reporter;
use crate::runner::{self, TestOptions};

struct Debugging;
impl Reporter for Debugging {
    fn event(&mut self, event: &Event) {
        match &event.what {
            What::Collected { tests, workers } => println!("collected {} {workers}", tests.len()),
            What::TestEnded(e) if std::env::var_os("QUIET").is_some() => {
                if e.outcome.kind().is_failure() {
                    println!("{} {}", e.test.nodeid, e.outcome)
                }
            }
            What::TestStarted { .. } if std::env::var_os("QUIET").is_some() => {}
            What::TestStarted { test, .. } => println!("{:?} > {}", event.worker, test.nodeid),
            What::TestEnded(e) => println!("{:?} < {} {}", event.worker, e.test.nodeid, e.outcome),
            What::PytestOutput(t) => println!("{t}"),
            other => println!("{:?} {:?}", event.at, other),
        }
    }
}

pub(super) fn run(options: TestOptions, arguments: &RunArgs) -> ExitCode {
    let planned = match runner::plan(&options) {
        Ok(planned) => planned,
        Err(refusal) => return error::refused(&refusal),
    };
    if arguments.dry_run {
        return dry_run::print(&planned.plan);
    }
    let control = Control::new();
    let handle = control.clone();
    forward_signals(move || handle.interrupt()).expect("x");
    let finished = engine::run(&planned.plan, &control, &mut Debugging);
    println!("{finished:?}");
    finished.exit
}
