//! Simulated suites on simulated workers: how long rounds take, in virtual time.

pub mod floor;
pub mod ours;
pub mod rivals;
pub mod sound;
pub mod suites;

use pnl::scheduler::Forecast;

use floor::{Dealer, Execution};
use ours::Ours;
use suites::Suite;

/// The numbers of workers that are simulated.
pub const WORKERS: [usize; 4] = [2, 4, 8, 16];

/// How long a round takes, as a multiple of what no schedule can beat.
pub fn ratio(suite: &Suite, workers: usize, dealer: &mut dyn Dealer) -> f64 {
    let executions = floor::run(suite, workers, dealer);
    end(&executions) / suite.least(workers)
}

/// pnl's, with what a history tells, or without. Every schedule is checked.
pub fn ours(suite: &Suite, workers: usize, forecast: Forecast) -> f64 {
    let executions = floor::run(suite, workers, &mut Ours::new(suite, workers, forecast));
    sound::check(suite, &executions);
    end(&executions) / suite.least(workers)
}

fn end(executions: &[Execution]) -> f64 {
    executions.iter().map(|it| it.to).max().unwrap_or(0) as f64 / 1e9
}
