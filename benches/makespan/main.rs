//! How long rounds take beside what no schedule can beat, under pnl's scheduler and xdist's.
//!
//! `cargo bench --bench makespan` simulates all suites in virtual time, in a second or two, and
//! prints the table of docs/scheduling.md.

#[path = "mod.rs"]
mod makespan;

use std::io::{self, Write};

use pnl::scheduler::Forecast;

use makespan::rivals::{Mode, Rival};
use makespan::suites::Suite;
use makespan::{WORKERS, ours, ratio, suites};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| suite | workers | pnl, with history | pnl, first run | load | worksteal | loadfile |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    for suite in suites::all() {
        for workers in WORKERS {
            writeln!(out, "{}", row(&suite, workers))?;
        }
    }
    Ok(())
}

fn row(suite: &Suite, workers: usize) -> String {
    let rivals = [Mode::Load, Mode::WorkSteal, Mode::LoadFile].map(|mode| {
        // xdist knows no locks: it would run together what must not.
        if suite.has_claims() {
            return "–".to_owned();
        }
        format!("{:.2}", ratio(suite, workers, &mut Rival::new(mode, suite, workers)))
    });
    let known = ours(suite, workers, suite.history());
    let first = ours(suite, workers, Forecast::default());
    let name = suite.name;
    format!("| {name} | {workers} | {known:.2} | {first:.2} | {} |", rivals.join(" | "))
}
