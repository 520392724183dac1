//! How many workers, and how tests are dealt to them: pnl's settings and xdist's options together.
//!
//! xdist's options are known when pytest has parsed its command line. One typed after `--` goes
//! before `PNL_*` variables and pnl's configuration; one in `addopts` or `PYTEST_ADDOPTS` after.

use super::plan::{Plan, Workers};
use crate::model::{DistMode, Rank};
use crate::protocol::{CountAndMode, Processes, XdistOptions};
use crate::scheduler::Order;

/// What a run goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Distribution {
    pub(super) workers: Workers,
    pub(super) dist: DistMode,
    /// In which order units are dealt.
    pub(super) order: Order,
    /// Tests that a worker may hold at most, where that was said.
    pub(super) chunk: Option<usize>,
    /// Crashed workers that are replaced in a round, where that was said.
    pub(super) restarts: Option<u32>,
}

impl Distribution {
    /// Before pytest has said anything.
    pub(super) fn planned(plan: &Plan) -> Self {
        Self::new(plan, &XdistOptions::default())
    }

    /// With what xdist's options say.
    pub(super) fn new(plan: &Plan, xdist: &XdistOptions) -> Self {
        let workers = stronger(plan.workers_rank, &xdist.typed, &xdist.configured, |said| {
            said.numprocesses.as_ref().map(|count| match count {
                Processes::Exactly(count) => Workers::Exactly((*count).max(1)),
                Processes::Auto(_) => Workers::Auto(plan.auto_workers),
            })
        });
        let dist = stronger(plan.dist_rank, &xdist.typed, &xdist.configured, |said| {
            said.dist.as_deref().and_then(|name| name.parse().ok())
        });
        let workers = match workers.unwrap_or(plan.workers) {
            Workers::Auto(number) => Workers::Auto(xdist.auto.unwrap_or(number)),
            exactly @ Workers::Exactly(_) => exactly,
        };
        let order = match xdist.loadscope_reorder {
            Some(false) => Order::Collected,
            Some(true) | None => Order::LargestFirst,
        };
        Self {
            workers: workers.at_most(xdist.maxprocesses),
            dist: dist.unwrap_or(plan.dist),
            order,
            // A worker starts a test only when it knows the next one.
            chunk: xdist.maxschedchunk.map(|chunk| chunk.max(2)),
            restarts: xdist.max_worker_restart,
        }
    }

    /// How many workers a round of so many tests has.
    pub(super) fn slots(&self, tests: usize) -> usize {
        self.before_collection().clamp(1, tests.max(1))
    }

    /// How many workers there are as long as nobody knows how many tests.
    pub(super) fn before_collection(&self) -> usize {
        if self.dist == DistMode::No { 1 } else { self.workers.number() }
    }
}

/// What xdist's options say, if that goes before pnl's own setting of this rank.
fn stronger<T>(
    own: Rank,
    typed: &CountAndMode,
    configured: &CountAndMode,
    value: impl Fn(&CountAndMode) -> Option<T>,
) -> Option<T> {
    let typed = value(typed).filter(|_| own < Rank::CommandLine);
    typed.or_else(|| value(configured).filter(|_| own == Rank::Default))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(count: usize) -> CountAndMode {
        CountAndMode { numprocesses: Some(Processes::Exactly(count)), dist: None }
    }

    #[test]
    fn typed_options_go_before_the_environment_and_addopts_after_all_of_ours() {
        let number = |own, typed: &CountAndMode, configured: &CountAndMode| {
            stronger(own, typed, configured, |said| said.numprocesses.clone())
        };
        let (none, typed, configured) = (CountAndMode::default(), count(3), count(4));
        for (own, first, second) in [
            (Rank::Default, Some(3), Some(4)),
            (Rank::File, Some(3), None),
            (Rank::Environment, Some(3), None),
            (Rank::CommandLine, None, None),
        ] {
            let first = first.map(Processes::Exactly);
            assert_eq!(number(own, &typed, &configured), first, "{own:?}");
            let second = second.map(Processes::Exactly);
            assert_eq!(number(own, &none, &configured), second, "{own:?}");
        }
    }
}
