//! Which tests ever ran side by side.

use std::collections::HashSet;

use crate::model::Schedule;

/// How many pairs of different tests ran at the same time at least once, and how many there are.
#[must_use]
pub fn covered_pairs(run: &Schedule) -> (u64, u64) {
    let mut covered: HashSet<(u32, u32)> = HashSet::new();
    let mut running: Vec<(u32, u64)> = Vec::new();
    for ran in &run.ran {
        running.retain(|&(_, end)| end > ran.start.0);
        let pair = |other: u32| (other.min(ran.test), other.max(ran.test));
        covered.extend(running.iter().filter(|it| it.0 != ran.test).map(|it| pair(it.0)));
        running.push((ran.test, ran.end.0));
    }
    let tests = run.tests.len() as u64;
    (covered.len() as u64, tests * tests.saturating_sub(1) / 2)
}
