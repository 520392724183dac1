//! pytest-xdist's `load`, `worksteal` and `loadfile`, written anew from what its documentation says
//! they do.

use std::collections::VecDeque;

use pnl::model::TestIndex;

use super::floor::{Dealer, Floor};
use super::suites::Suite;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A quarter of an even share at first; more when less than a quarter of what is left is queued.
    Load,
    /// An even share; who runs dry takes half of the longest queue.
    WorkSteal,
    /// File by file, those of most tests first.
    LoadFile,
}

pub struct Rival {
    mode: Mode,
    waiting: VecDeque<TestIndex>,
    files: VecDeque<Vec<TestIndex>>,
    /// Sent and not done, by worker.
    pending: Vec<VecDeque<TestIndex>>,
}

/// A worker needs the running test and the next one.
const LEAST: usize = 2;

impl Rival {
    pub fn new(mode: Mode, suite: &Suite, workers: usize) -> Self {
        let mut files = suite.files();
        files.sort_by_key(|file| std::cmp::Reverse(file.len())); // stable
        let waiting = suite.tests.iter().map(|test| test.index).collect();
        let pending = vec![VecDeque::new(); workers];
        Self { mode, waiting, files: files.into(), pending }
    }

    fn send(&mut self, floor: &mut Floor<'_>, worker: usize, count: usize) {
        let count = count.min(self.waiting.len());
        let tests: Vec<TestIndex> = self.waiting.drain(..count).collect();
        self.pending[worker].extend(&tests);
        floor.send(worker, &tests);
    }

    fn load(&mut self, floor: &mut Floor<'_>, worker: usize) {
        let share = self.waiting.len() / floor.workers();
        let (least, most) = (LEAST.max(share / 4), LEAST.max(share / 2));
        let has = self.pending[worker].len();
        if has < least {
            self.send(floor, worker, most.saturating_sub(has));
        }
        if self.waiting.is_empty() {
            (0..floor.workers()).for_each(|worker| floor.finish(worker));
        }
    }

    fn next_file(&mut self, floor: &mut Floor<'_>, worker: usize) {
        while self.pending[worker].len() < LEAST {
            let Some(file) = self.files.pop_front() else { break };
            self.pending[worker].extend(&file);
            floor.send(worker, &file);
        }
        if self.files.is_empty() {
            (0..floor.workers()).for_each(|worker| floor.finish(worker));
        }
    }

    fn steal(&mut self, floor: &mut Floor<'_>) {
        for worker in 0..floor.workers() {
            if self.pending[worker].len() >= LEAST {
                continue;
            }
            let longest = (0..floor.workers()).max_by_key(|&it| self.pending[it].len());
            let Some(longest) = longest else { return };
            let beyond = self.pending[longest].len().saturating_sub(LEAST);
            let tests = floor.take_back(longest, beyond.min(self.pending[longest].len() / 2));
            if tests.is_empty() {
                // Nobody has any: all run what they have.
                floor.finish(worker);
                continue;
            }
            let left = self.pending[longest].len() - tests.len();
            self.pending[longest].truncate(left);
            self.pending[worker].extend(&tests);
            floor.send(worker, &tests);
        }
    }
}

impl Dealer for Rival {
    fn begin(&mut self, floor: &mut Floor<'_>) {
        let (all, workers) = (self.waiting.len(), floor.workers());
        for worker in 0..workers {
            match self.mode {
                Mode::Load => self.send(floor, worker, LEAST.max(all / (4 * workers))),
                Mode::WorkSteal => {
                    let bound = |worker: usize| worker * all / workers;
                    self.send(floor, worker, bound(worker + 1) - bound(worker));
                }
                Mode::LoadFile => self.next_file(floor, worker),
            }
        }
        if self.mode == Mode::Load && self.waiting.is_empty() {
            (0..workers).for_each(|worker| floor.finish(worker));
        }
    }

    fn started(&mut self, _: &mut Floor<'_>, _: usize, _: TestIndex) {}

    fn done(&mut self, floor: &mut Floor<'_>, worker: usize, test: TestIndex) {
        self.pending[worker].retain(|&it| it != test);
        match self.mode {
            Mode::Load => self.load(floor, worker),
            Mode::WorkSteal => self.steal(floor),
            Mode::LoadFile => self.next_file(floor, worker),
        }
    }
}
