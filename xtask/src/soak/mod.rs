//! The soak: a loop of very many rounds, watched for what grows.
//!
//! A tiny suite is looped (`drive`), the long-lived processes are sampled as rounds end (`sample`),
//! and at the end the first tenth is compared with the last, and the history is asked (`judge`).

mod drive;
mod judge;
mod sample;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use crate::programs::Chosen;

/// Loops a tiny suite for very long and watches what grows
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// At most so many rounds
    #[arg(long, default_value_t = 100_000)]
    rounds: u32,
    /// At most so many minutes
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// What runs the tests: fork or spawn
    #[arg(long, default_value = "fork")]
    engine: String,
    /// Write a report for CI servers, too (`--junit`)
    #[arg(long)]
    junit: bool,
    /// Print all samples, as tab-separated values
    #[arg(long)]
    samples: bool,
    #[command(flatten)]
    chosen: Chosen,
}

/// Runs it and tells what came of it.
pub(crate) fn run(options: &Options, root: &Path) -> ExitCode {
    let soaked = options.chosen.find(root).and_then(|programs| {
        let soaked = drive::drive(options, &programs);
        soaked.map_err(|error| format!("the soak itself failed: {error}"))
    });
    let soaked = match soaked {
        Ok(soaked) => soaked,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    if options.samples {
        print!("{}", soaked.samples.table());
    }
    let judged = judge::judge(&soaked);
    println!("{}", judged.text);
    if judged.is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
