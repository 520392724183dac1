//! pnl's scheduler on the virtual floor: the real code decides, and what the engine does with its
//! decisions (`src/engine/dispatch/staff.rs`) is done here.

use std::collections::VecDeque;

use pnl::model::{DistMode, Slot, TestIndex};
use pnl::scheduler::{Asking, Deal, Depth, Forecast};

use super::floor::{Dealer, Floor};
use super::suites::Suite;

pub struct Ours {
    deal: Deal,
    depth: Depth,
    crew: Vec<Member>,
    seconds: Vec<f64>,
}

/// What the controller knows of a worker.
#[derive(Default)]
struct Member {
    held: VecDeque<TestIndex>,
    running: Option<TestIndex>,
    /// It was told that nothing comes in the meantime.
    is_paused: bool,
    /// It was told that nothing more comes: whatever happens, it hears of nothing more.
    is_finished: bool,
}

impl Member {
    fn load(&self) -> usize {
        self.held.len() + usize::from(self.running.is_some())
    }

    fn waits_for_next(&self) -> bool {
        self.running.is_none() && self.held.len() == 1 && !self.is_paused && !self.is_finished
    }
}

impl Ours {
    pub fn new(suite: &Suite, workers: usize, mut forecast: Forecast) -> Self {
        forecast.learn(&suite.tests);
        let deal = Deal::new(DistMode::Pnl, &suite.tests, workers)
            .expecting(forecast)
            .claiming(&suite.claims())
            .longest_first();
        let crew = (0..workers).map(|_| Member::default()).collect();
        Self { deal, depth: Depth::default(), crew, seconds: suite.seconds.clone() }
    }

    fn top_up(&mut self, floor: &mut Floor<'_>, worker: usize) {
        self.give(floor, worker);
        loop {
            let before = self.deal.waiting();
            for other in 0..self.crew.len() {
                let member = &self.crew[other];
                let is_idle = self.deal.has_claims() && member.load() == 0;
                if member.waits_for_next() || is_idle {
                    self.give(floor, other);
                }
            }
            if self.deal.waiting() == before {
                return;
            }
        }
    }

    fn give(&mut self, floor: &mut Floor<'_>, worker: usize) {
        if self.crew[worker].is_finished {
            return;
        }
        let is_idle = |it: &&Member| it.load() == 0 && !it.is_finished;
        let idle = self.crew.iter().filter(is_idle).count();
        let member = &mut self.crew[worker];
        let idle_others = idle - usize::from(is_idle(&&*member));
        let has = member.running.iter().chain(&member.held).copied().collect();
        let asking = Asking { slot: Slot(worker), has, most: Depth::MOST, idle_others };
        let portion = self.deal.portion(asking, &self.depth);
        self.send(floor, worker, &portion.tests);
        let member = &mut self.crew[worker];
        if self.deal.has_for(Slot(worker)) {
            if (portion.ran_dry || self.deal.has_claims()) && member.waits_for_next() {
                floor.finish(worker);
                member.is_paused = true;
            }
            return;
        }
        if member.load() > 1 || self.take_from_others(floor, worker) {
            return;
        }
        self.crew[worker].is_finished = true;
        floor.finish(worker);
    }

    fn send(&mut self, floor: &mut Floor<'_>, worker: usize, tests: &[TestIndex]) {
        if !tests.is_empty() {
            self.crew[worker].held.extend(tests);
            self.crew[worker].is_paused = false;
            floor.send(worker, tests);
        }
    }

    fn take_from_others(&mut self, floor: &mut Floor<'_>, worker: usize) -> bool {
        let others = (0..self.crew.len()).filter(|&other| other != worker);
        let spare = others.map(|it| (it, self.deal.spare(&self.crew[it].held, &self.depth)));
        let Some((most, (_, count))) = spare.max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0)) else {
            return false;
        };
        if !self.deal.may_move(&self.crew[most].held) {
            return false;
        }
        let tests = floor.take_back(most, count);
        let left = self.crew[most].held.len() - tests.len();
        self.crew[most].held.truncate(left);
        self.deal.moved(Slot(most), Slot(worker), &tests);
        self.send(floor, worker, &tests);
        !tests.is_empty()
    }
}

impl Dealer for Ours {
    fn begin(&mut self, floor: &mut Floor<'_>) {
        for worker in 0..floor.workers() {
            self.top_up(floor, worker);
        }
    }

    fn started(&mut self, _: &mut Floor<'_>, worker: usize, test: TestIndex) {
        let member = &mut self.crew[worker];
        let first = member.held.pop_front();
        assert_eq!(first, Some(test), "a worker runs in the order in which it is given tests");
        member.running = first;
    }

    fn done(&mut self, floor: &mut Floor<'_>, worker: usize, test: TestIndex) {
        self.crew[worker].running = None;
        self.depth.observe(self.seconds[test.at()]);
        self.deal.done(Slot(worker), test);
        self.top_up(floor, worker);
    }
}
