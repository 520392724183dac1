//! Workers: started, given tests, taken leave of, replaced, killed.

use std::time::Instant;

use super::attempts::Reports;
use super::{Dispatch, STILLBORN_LIMIT};
use crate::engine::crew::{Told, Worker};
use crate::engine::distribution::Distribution;
use crate::engine::early_end::reason_of_early_end;
use crate::engine::judge;
use crate::engine::leaks::{Member, News};
use crate::engine::numbers::Numbers;
use crate::engine::overtime::{Awaited, Overtime};
use crate::engine::record::Ending;
use crate::engine::recruit::Recruit;
use crate::model::{
    Isolation, Level, Outcome, Round, ServerLost, Slot, StopReason, TestIndex, What, WorkerEnd,
    WorkerId,
};
use crate::process::{Ended, Signal, explained, file_text, kill_group, send_signal};
use crate::protocol::{Fork, Ready};
use crate::scheduler::{Asking, Deal, Depth, Portion};

impl Dispatch<'_> {
    /// Gives a worker what it may hold, and those that wait for a second test, too.
    pub(super) fn top_up(&mut self, index: usize) {
        self.give(index);
        self.top_up_waiting();
    }

    /// Gives those something that wait for what another worker has done, or has died with. One that
    /// takes the last that there is leaves others with their last test: they are told in turn.
    fn top_up_waiting(&mut self) {
        let waiting = |it: &Self| it.deal.as_ref().map(Deal::waiting);
        let has_claims = self.deal.as_ref().is_some_and(Deal::has_claims);
        loop {
            let before = waiting(self);
            for index in 0..self.crew.len() {
                let worker = &self.crew[index];
                // A test that ended may have held what another worker has to wait for.
                let is_idle = worker.load() == 0 && (has_claims || self.spread.is_some());
                if worker.waits_for_next() || is_idle {
                    self.give(index);
                }
            }
            if waiting(self) == before {
                return;
            }
        }
    }

    /// Gives a worker what it may hold, and tells it when there is no more. A second test, which a
    /// worker needs to know before it starts the first, is given only when all workers have one.
    fn give(&mut self, index: usize) {
        if self.play.is_some() {
            self.cue();
            return;
        }
        let can_go = self.crew[index].ready && self.stop.is_none() && self.deal.is_some();
        if can_go && self.let_go(index) {
            return;
        }
        if self.must_stand_by(index) {
            return;
        }
        let left = self.tests_left(index);
        let idle = self.crew.iter().filter(|it| it.load() == 0 && it.told != Told::Finish).count();
        let worker = &mut self.crew[index];
        // One that was told to finish may be gone before it hears of anything more.
        let can_hear = worker.ready && worker.told != Told::Finish;
        // What it collects is its own to begin with: it takes nothing from others meanwhile.
        let is_collecting = worker.collecting.is_some() && worker.load() == 0;
        let can_take = can_hear && !is_collecting && self.stop.is_none() && !self.outage.is_away();
        let Some(deal) = self.deal.as_mut().filter(|_| can_take) else {
            return;
        };
        let idle_others = idle - usize::from(worker.load() == 0);
        let has_place = worker.slot.0 < self.slots;
        // What cannot be taken back is given in the smallest measure; so is everything where the
        // next failure may be the last that is allowed.
        let is_safe = !deal.is_shared() || (deal.can_split() && worker.permits.is_some());
        // What has been begun by then goes on in a worker that has grown.
        let is_watched = self.failure_limit.is_some()
            || self.plan.bounds.worker_memory.is_some()
            || self.probes.are_around_tests();
        let is_safe = is_safe && !is_watched;
        let most = if is_safe { Depth::MOST } else { 2 };
        let most = self.distribution.chunk.map_or(most, |chunk| most.min(chunk));
        let most = left.map_or(most, |left| most.min(worker.load() + left));
        let asking = Asking { slot: worker.slot, has: worker.tests(), most, idle_others };
        let nothing = Portion { tests: Vec::new(), ran_dry: false };
        let portion = if has_place { deal.portion(asking, &self.depth) } else { nothing };
        let Portion { tests, ran_dry } = portion;
        let slot = worker.slot;
        let known = self.only_known(index, tests);
        self.hand_over(index, known);
        if self.must_stand_by(index) {
            return;
        }
        if ran_dry && self.collect_next(index) || !self.crew[index].pending.is_empty() {
            return;
        }
        let worker = &mut self.crew[index];
        let Some(deal) = &mut self.deal else { return };
        if has_place && deal.has_for(slot) {
            // All that is left must wait for others, who may wait for this one, or is theirs as long
            // as it would take longer elsewhere: it goes on with what it has, as if a round ended.
            let nothing_now = ran_dry || deal.has_claims() || deal.unknown() > 0;
            if nothing_now && worker.waits_for_next() {
                worker.tell(Told::Pause);
            }
            return;
        }
        // Its last test it gets to know as such when it has no other: until then there may be more
        // to take from others, or the failure before it may have been one too many.
        let can_split = has_place && deal.can_split();
        let may_change = can_split || self.failure_limit.is_some();
        if may_change && worker.load() > 1 || can_split && self.take_from_others(index) {
            return;
        }
        self.crew[index].tell(match self.plan.isolation {
            Isolation::None if has_place => Told::Pause,
            Isolation::None | Isolation::Round => Told::Finish,
        });
    }

    /// Sends a worker tests that are its now.
    pub(super) fn hand_over(&mut self, index: usize, tests: Vec<TestIndex>) {
        if !tests.is_empty() {
            let again = self.attempts.among(&tests, self.crew[index].slot);
            self.crew[index].give(tests, again);
        }
    }

    /// Gives a worker that would run dry half of what the one with most has not begun.
    fn take_from_others(&mut self, index: usize) -> bool {
        let Some(deal) = &mut self.deal else { return false };
        let others = (0..self.crew.len()).filter(|&other| other != index);
        let spare = others.map(|it| (it, deal.spare(&self.crew[it].after_start(), &self.depth)));
        let Some((most, (seconds, count))) = spare.max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0))
        else {
            return false;
        };
        let held = &self.crew[most].held;
        // What it has not collected itself, it has to collect first.
        let unknown = held.back().filter(|&&test| !self.crew[index].knows(test));
        let cost = unknown.map_or(0.0, |&test| deal.forecast().again(test));
        if !deal.may_move(held) || seconds < cost {
            return false;
        }
        let tests = self.crew[most].give_back(count);
        let found = !tests.is_empty();
        if found {
            let (from, to) = (self.crew[most].slot, self.crew[index].slot);
            deal.moved(from, to, &tests);
            let known = self.only_known(index, tests);
            self.hand_over(index, known);
        }
        found
    }

    /// Starts a worker for every slot that has none.
    pub(super) fn recruit_missing(&mut self, round: Round) {
        self.round = round;
        if self.crew.is_empty() {
            self.numbered_slots.clear();
            self.replacements = 0;
        }
        for slot in (0..self.slots).map(Slot) {
            if self.stop.is_none() && self.crew.iter().all(|worker| worker.slot != slot) {
                self.recruit(slot);
            }
        }
    }

    /// Starts a worker for every slot that has none and that there is something to do for.
    pub(super) fn recruit_for_what_is_left(&mut self) {
        for slot in (0..self.slots).map(Slot) {
            let has_none = self.crew.iter().all(|worker| worker.slot != slot);
            let is_needed = has_none && self.deal.as_ref().is_some_and(|deal| deal.has_for(slot));
            if is_needed && self.stop.is_none() {
                self.recruit(slot);
            }
        }
    }

    /// Whether xdist's options ask for another number of workers than those that spawned ones were
    /// told when they started. They are let go then, before they have run a test.
    pub(super) fn has_wrong_number(&mut self, ready: &Ready) -> bool {
        let wanted = Distribution::new(self.plan, &ready.xdist);
        if !self.is_collected
            && !self.starts_anew
            && wanted.before_collection() != self.slots
            && self.stop.is_none()
        {
            self.starts_anew = true;
            self.distribution = wanted;
            for worker in &mut self.crew {
                worker.tell(Told::Finish);
            }
        }
        self.starts_anew
    }

    /// Starts the right number of workers when those that were told a wrong one are gone.
    pub(super) fn start_anew(&mut self) {
        if self.starts_anew && self.crew.is_empty() {
            self.starts_anew = false;
            self.slots = self.distribution.before_collection();
            self.recruit_missing(Round::FIRST);
        }
    }

    pub(super) fn recruit(&mut self, slot: Slot) {
        let id = self.new_id(slot);
        let order = Fork {
            worker: id.to_string(),
            slot: slot.0,
            workers: self.slots,
            round: self.round.0,
            run: self.plan.run.to_string(),
            // With the last, so that no other has to wait.
            prune: slot.0 + 1 == self.slots,
            permits: false,
            last: self.plan.rounds.planned() == Some(self.round.0),
            retries: self.rules.may_overrule() || self.plan.server_lost == ServerLost::Wait,
            measure: self.plan.history.is_some(),
        };
        let what = (&self.base, self.plan, self.control);
        let numbers = self.branch_numbers.clone();
        let branch = self.branch.as_mut().filter(|_| numbers.is_some());
        match self.recruiter.recruit(id, (order, branch), what) {
            Ok(Recruit { pid, permits }) => {
                let mut worker = Worker::new(id, slot);
                if self.spread.is_some() {
                    worker.numbers = numbers.unwrap_or_else(Numbers::own);
                }
                (worker.pid, worker.permits) = (pid, permits);
                self.crew.push(worker);
            }
            Err(error) => {
                self.stop(StopReason::Internal(format!(
                    "a worker could not be started: {}",
                    explained(&error)
                )));
            }
        }
    }

    /// The slot's own number for its first worker, so that what is kept by worker id (a database)
    /// is found again in the next round; a replacement gets a new one, as under xdist.
    pub(super) fn new_id(&mut self, slot: Slot) -> WorkerId {
        if self.numbered_slots.insert(slot) {
            return WorkerId(slot.0 as u32);
        }
        self.replacements += 1;
        WorkerId(self.slots as u32 + self.replacements - 1)
    }

    /// Lets running tests end with their tear-down, for a while.
    pub(super) fn interrupt_running(&mut self) {
        for worker in &self.crew {
            send_signal(worker.pid, Signal::INT);
        }
        self.kill_at.get_or_insert(Instant::now() + self.plan.bounds.grace);
    }

    pub(super) fn kill_all(&mut self) {
        self.kill_at = None;
        if let Some(branch) = &self.branch {
            kill_group(branch.pid);
        }
        for worker in &mut self.crew {
            worker.killed = true;
            kill_group(worker.pid);
            worker.overtime = Some(Overtime::of_killed(Instant::now()));
        }
    }

    /// Takes leave of workers that are gone, and replaces those that died.
    pub(super) fn bury(&mut self) {
        let now = Instant::now();
        for worker in &mut self.crew {
            if worker.is_overdue(now) {
                kill_group(worker.pid);
            }
        }
        while let Some(index) = self.crew.iter_mut().position(|worker| worker.is_gone(now)) {
            let worker = self.crew.remove(index);
            self.take_leave(worker);
        }
    }

    pub(super) fn take_leave(&mut self, mut worker: Worker) {
        if let Some(tree) = worker.tree.take() {
            tree.signal(Signal::KILL);
        }
        let (id, slot, end) = (worker.id, worker.slot, worker.end());
        if let Some(line) = worker.lines.flush().filter(|_| self.is_live) {
            self.record.emit(Some(id), What::OutputLine(line));
        }
        // A spawned pytest's own judgement is 0, or 1 if a test failed; anything else is a hook's.
        let judged = i32::from(self.has_retried || self.record.round_failures() > 0);
        if let (WorkerEnd::Finished, Some(Ended::Exit(status))) = (&end, worker.ended)
            && status > judged
        {
            self.suite_status = Some((status, format!("{id}'s")));
        }
        let had_test = worker.running.is_some();
        let died_of = worker.running.map(|(test, _)| test);
        self.end_running(&mut worker, &end);
        let mut held: Vec<TestIndex> = worker.held.drain(..).collect();
        held.append(&mut worker.pending);
        // Of spawned workers there are more than places if there are fewer tests than workers.
        let has_place = slot.0 < self.slots;
        let is_played = self.lane_died(slot);
        let may_return = has_place && self.stop.is_none() && !is_played;
        if let Some(deal) = self.deal.as_mut().filter(|_| may_return) {
            deal.give_back(slot, held);
        }
        self.record.emit(Some(id), What::WorkerEnded { slot, how: end.clone() });
        self.look_for_leaks(worker.departed(), died_of, &end);
        self.check_failure_limit();
        if let Some(file) = worker.collecting {
            self.died_collecting(file, had_test, &end);
        }
        if !self.is_collected {
            self.never_collected(&worker);
        } else if worker.begun == 0 && self.stop.is_none() {
            self.count_stillborn(&worker, &end);
        }
        if matches!(end, WorkerEnd::Crashed(_)) && self.is_collected {
            self.crashes += 1;
            if let Some(limit) = self.distribution.restarts.filter(|&it| self.crashes > it) {
                self.stop(StopReason::WorkerLimit(limit));
            }
        }
        let is_needed = has_place && self.deal.as_ref().is_some_and(|deal| deal.has_for(slot));
        if self.stop.is_none() && is_needed {
            self.recruit(slot);
        }
        self.top_up_waiting();
    }

    /// Has what a worker left running looked for.
    fn look_for_leaks(&mut self, gone: Member, died_of: Option<TestIndex>, end: &WorkerEnd) {
        let news = match end {
            _ if self.interrupts > 0 => News::None,
            WorkerEnd::Finished => News::All,
            WorkerEnd::Crashed(_) | WorkerEnd::Killed => {
                let nodeid = |test: TestIndex| self.record.tests()[test.at()].nodeid.clone();
                News::ButOf(died_of.map(|test| (test, nodeid(test))))
            }
        };
        let crew: Vec<_> = self.crew.iter().map(Worker::present).collect();
        let mut keep: Vec<u32> = crew.iter().map(|it| it.pid).collect();
        keep.extend(self.recruiter.template().map(|it| it.pid()));
        keep.extend(self.branch.as_ref().map(|it| it.pid));
        self.record.worker_gone(gone, news, crew, keep);
    }

    /// A worker has ended before it has begun a test: the next one on its place may do the same.
    fn count_stillborn(&mut self, worker: &Worker, end: &WorkerEnd) {
        let how = match end {
            WorkerEnd::Finished => return,
            WorkerEnd::Killed => "they take too long".to_owned(),
            WorkerEnd::Crashed(crash) => crash.to_string(),
        };
        self.stillborn += 1;
        let on_place = self.stillborn_on.entry(worker.slot).or_default();
        *on_place += 1;
        if self.stillborn >= STILLBORN_LIMIT || *on_place >= STILLBORN_LIMIT {
            self.record.emit(None, What::PytestOutput(worker.tail.text()));
            let text = format!("workers die before they run a test ({how})");
            self.stop(StopReason::Internal(text));
        }
    }

    /// The test that ran when its worker ended, or a word about a worker that died without one.
    pub(super) fn end_running(&mut self, worker: &mut Worker, end: &WorkerEnd) {
        let id = worker.id;
        let place = (id, worker.slot);
        let exceeded = worker.overtime.and_then(|it| it.exceeded());
        if let (Some(limit), Some(clock)) = (exceeded, worker.overtime) {
            if let Some((test, start)) = worker.running.take() {
                let who = (id, worker.pid);
                let ending = self.timed_out(who, limit, self.last_words(worker), start);
                self.judge(place, test, (ending, Reports::Lost));
            } else if *end != WorkerEnd::Finished || clock.awaited == Awaited::Exit {
                self.tell_of_stall(worker, clock.awaited, limit);
                return;
            }
        }
        let is_at_end = worker.told == Told::Finish && worker.held.is_empty() && self.is_collected;
        let is_cut_short = self.stop.as_ref().is_some_and(|it| !it.is_judged());
        match (worker.running.take(), end) {
            (Some((test, start)), WorkerEnd::Killed) => {
                let ending = Ending::bare(Outcome::Interrupted, start);
                self.conclude(place, test, (ending, Reports::Stand));
            }
            (Some((test, start)), WorkerEnd::Crashed(crash)) => {
                let now = self.record.now();
                let sections = self.last_words(worker);
                let ending = judge::crash(crash.clone(), start, now, sections);
                self.conclude(place, test, (ending, Reports::Lost));
            }
            // A session whose end fails is a failure: tear-downs may not have happened.
            (None, WorkerEnd::Crashed(crash)) if is_at_end && !is_cut_short => {
                self.record.other_failures(1);
                let text = format!("{id} ended before the end of its session: {crash}");
                self.record.notice(Level::Error, text);
            }
            (None, WorkerEnd::Crashed(crash)) if self.is_collected && self.stop.is_none() => {
                let text = format!("{id} ended while it ran no test: {crash}");
                self.record.notice(Level::Warning, text);
            }
            (Some(_) | None, _) => {}
        }
    }

    /// What there is of a dead worker's output.
    fn last_words(&self, worker: &Worker) -> Vec<(String, String)> {
        let mut sections = self.captured_by(worker.id);
        sections.push(("Last output of the worker".to_owned(), worker.tail.text()));
        sections
    }

    /// What a worker that died held under pytest's capture, by pytest's titles.
    fn captured_by(&self, id: WorkerId) -> Vec<(String, String)> {
        let folder = self.base.rendezvous.folder();
        let read = |(stream, title): (&str, &str)| {
            Some((title.to_owned(), file_text(&folder.join(format!("{id}-{stream}"))).ok()?))
        };
        let streams = [("out", "Captured stdout"), ("err", "Captured stderr")];
        streams.into_iter().filter_map(read).collect()
    }

    /// A spawned worker ended before it had collected: so will the others.
    pub(super) fn never_collected(&mut self, worker: &Worker) {
        let Some(ended) = worker.ended else { return };
        if self.stop.is_some() || self.starts_anew {
            return;
        }
        let greeted = self.hello.is_some();
        let reason = match worker.broke() {
            Some(how) => {
                StopReason::Internal(format!("pytest's process broke the protocol: {how}"))
            }
            None => reason_of_early_end(self.plan, ended, greeted),
        };
        self.early_output = Some(worker.tail.text());
        self.stop(reason);
    }
}
