//! Workers that are replaced between tests, because they have run enough or have grown.

use super::Dispatch;
use crate::engine::crew::Told;
use crate::model::{Level, TestIndex};
use crate::process::resident_memory;

/// How many workers that have grown are named: in a long loop there may be thousands.
const NAMED: u32 = 3;

/// Bytes in a mebibyte.
const MIB: u64 = 1 << 20;

impl Dispatch<'_> {
    /// How many more tests a worker may be given, where that is limited.
    pub(super) fn tests_left(&self, index: usize) -> Option<usize> {
        let worker = &self.crew[index];
        let given = worker.begun + (worker.held.len() + worker.pending.len()) as u64;
        let left = self.plan.bounds.worker_tests?.saturating_sub(given);
        Some(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// A test has ended on a worker: looks at how much memory that has.
    pub(super) fn weigh(&mut self, index: usize, test: TestIndex) {
        let Some(limit) = self.plan.bounds.worker_memory else { return };
        let worker = &mut self.crew[index];
        let Some(memory) = resident_memory(worker.pid).filter(|&memory| memory > limit) else {
            return;
        };
        if std::mem::replace(&mut worker.retires, true) {
            return;
        }
        self.grown += 1;
        if self.grown <= NAMED {
            let nodeid = &self.record.tests()[test.at()].nodeid;
            let notice = format!(
                "{} is replaced: after {nodeid} it has {} MiB of memory, over {} MiB \
                 (--max-worker-memory){}",
                worker.id,
                memory / MIB,
                limit / MIB,
                if self.grown == NAMED { "; others are not named" } else { "" }
            );
            self.record.notice(Level::Info, notice);
        }
    }

    /// Lets a worker go that is to be replaced, as soon as it has ended what it has begun. Whether
    /// it is one.
    pub(super) fn let_go(&mut self, index: usize) -> bool {
        let has_left = self.tests_left(index) != Some(0);
        let worker = &mut self.crew[index];
        // What it collects is told of first.
        if !worker.retires && has_left || worker.collecting.is_some() || !worker.pending.is_empty()
        {
            return false;
        }
        if worker.retires {
            self.take_back(index);
        }
        self.crew[index].tell(Told::Finish);
        true
    }

    /// Takes back what a worker has not begun, as far as it can be, to be dealt again.
    pub(super) fn take_back(&mut self, index: usize) {
        let worker = &mut self.crew[index];
        let (slot, back) = (worker.slot, worker.give_back(worker.held.len()));
        if let Some(deal) = self.deal.as_mut().filter(|_| !back.is_empty()) {
            deal.give_back(slot, back);
        }
    }
}
