//! What comes in, and what it means: messages, output, ends of processes.

use std::time::Instant;

use super::attempts::Reports;
use super::spread::Found;
use super::{Dispatch, level_of};
use crate::engine::crew::{Told, Worker};
use crate::engine::early_end::{unheard, wrong_version};
use crate::engine::inbox::{Message, Source};
use crate::engine::judge;
use crate::engine::listed::Listed;
use crate::engine::record::{Ending, monotonic_us};
use crate::engine::recruit::Recruiter;
use crate::model::{Level, Outcome, Phases, StopReason, Took, Usage, What, WorkerId};
use crate::process::{Ended, kill_group, with_memory};
use crate::protocol::{Done, Hello, Ready, Role, ToController, Used, VERSION};

/// How many processes that nobody awaits are told of.
const STRANGERS_NAMED: u32 = 3;

impl Dispatch<'_> {
    pub(super) fn handle(&mut self, message: Message) {
        match message {
            Message::Connected { conn, hello, sender } if hello.role == Role::Template => {
                match self.branch.as_mut().filter(|it| !it.is_connected()) {
                    Some(branch) => branch.connected(conn, sender, &hello),
                    None => sender.close(),
                }
            }
            Message::Connected { conn, hello, sender } => {
                let is_awaited =
                    |it: &Worker| it.id.to_string() == hello.worker && !it.is_connected();
                let Some(index) = self.crew.iter().position(is_awaited) else {
                    sender.close();
                    self.tell_of_stranger(&hello);
                    return;
                };
                let worker = &mut self.crew[index];
                worker.connected(conn, sender, hello.pid);
                if hello.v != VERSION {
                    worker.breaks(wrong_version(hello.v));
                    kill_group(hello.pid);
                    return;
                }
                if self.stop.is_some() {
                    worker.tell(Told::Finish);
                }
                if matches!(self.recruiter, Recruiter::Fork(_)) {
                    self.worker_is_ready(index);
                } else {
                    self.hello = Some(Box::new(hello));
                }
            }
            Message::Said { conn, messages, waits: _waits } => {
                for message in messages {
                    if self.recruiter.template().is_some_and(|it| it.speaks_on(conn)) {
                        self.template_says(message);
                    } else if let Some(branch) =
                        self.branch.as_mut().filter(|it| it.speaks_on(conn))
                    {
                        if let Some(message) = branch.hear(message) {
                            self.template_says(message);
                        }
                    } else if let Some(index) = self.crew.iter().position(|w| w.speaks_on(conn)) {
                        self.worker_says(index, message);
                    }
                }
            }
            Message::Closed { conn, .. }
                if self.branch.as_ref().is_some_and(|it| it.speaks_on(conn)) =>
            {
                self.branch_died();
            }
            Message::Closed { conn, broke: Some(error) }
                if self.recruiter.template().is_some_and(|it| it.speaks_on(conn)) =>
            {
                self.template_broke(&error.to_string());
            }
            Message::Closed { conn, broke } => {
                if let Some(worker) = self.crew.iter_mut().find(|w| w.speaks_on(conn)) {
                    worker.connection_closed(Instant::now());
                    if let Some(error) = broke {
                        worker.breaks(error.to_string());
                        kill_group(worker.pid);
                    }
                }
            }
            Message::Unheard { why } => {
                self.stop(unheard(&why));
                self.interrupt_running();
            }
            Message::Interrupt => self.interrupted(),
            Message::Suspend => self.stand_still(),
            Message::TimeIsUp(limit) => self.time_is_up(limit),
            Message::ServerAnswered { answer } => self.server_answered(answer),
            Message::StateAnswered { number, answer } => self.state_answered(number, answer),
            Message::Wrote { source: Source::Worker(id), bytes } => self.worker_wrote(id, &bytes),
            Message::Silent { source: Source::Worker(id) } => {
                if let Some(worker) = self.crew.iter_mut().find(|w| w.id == id) {
                    worker.silent = true;
                }
            }
            Message::Exited { source: Source::Worker(id), ended } => {
                if let Some(worker) = self.crew.iter_mut().find(|w| w.id == id) {
                    worker.ended = Some(ended);
                }
            }
            Message::Exited { source: Source::Main, .. } => {
                self.note_template(message);
                self.template_died();
            }
            Message::Wrote { source: Source::Main, .. }
            | Message::Silent { source: Source::Main } => self.note_template(message),
        }
    }

    /// Somebody knows the run's secret and is none of its processes, or claims to be another.
    fn tell_of_stranger(&mut self, hello: &Hello) {
        self.strangers += 1;
        if self.strangers <= STRANGERS_NAMED {
            let Hello { pid, worker, .. } = hello;
            let text = format!(
                "process {pid} said that it was worker {worker:?} and was not heard: no such \
                 worker was expected, or it was there already"
            );
            self.record.notice(Level::Warning, text);
        }
    }

    pub(super) fn note_template(&mut self, message: Message) {
        if let Some(template) = self.recruiter.template() {
            template.note(message);
        }
    }

    /// What it says cannot be read any more: no worker's end would be heard of.
    fn template_broke(&mut self, how: &str) {
        if let Some(template) = self.recruiter.template() {
            template.kill();
        }
        self.stop(StopReason::Internal(format!("the template process broke the protocol: {how}")));
        self.interrupt_running();
    }

    pub(super) fn template_died(&mut self) {
        for worker in &mut self.crew {
            worker.orphaned = true;
        }
        let ended = self.recruiter.template().and_then(|it| it.ended);
        let how = judge::crash_of(ended);
        let text = format!("the template process ended in the middle of the run ({how})");
        self.stop(StopReason::Internal(text));
    }

    pub(super) fn template_says(&mut self, message: ToController) {
        match message {
            ToController::Forked { worker, pid } => {
                let must_die = self.interrupts > 1;
                if let Some(worker) = self.crew.iter_mut().find(|w| w.id.to_string() == worker) {
                    worker.pid = pid;
                    if must_die {
                        kill_group(pid);
                    }
                }
            }
            ToController::ForkFailed { worker, .. } if worker.is_empty() => self.branch_died(),
            ToController::ForkFailed { worker, why } => {
                self.crew.retain(|w| w.id.to_string() != worker);
                self.stop(StopReason::Internal(format!(
                    "a worker could not be forked: {why}. Give it more memory or more processes \
                     (ulimit -u, or a container's limit of pids), or use fewer workers"
                )));
            }
            ToController::Gone { pid, exit, signal } => {
                let ended = signal.map(Ended::Signal).or(exit.map(Ended::Exit)).map(with_memory);
                if let Some(worker) = self.crew.iter_mut().find(|w| w.pid == pid) {
                    worker.ended = Some(ended.unwrap_or(Ended::Exit(-1)));
                } else if self.branch.as_ref().is_some_and(|it| it.pid == 0 || it.pid == pid) {
                    self.branch_died();
                }
            }
            ToController::Notice { .. } | ToController::Summary { .. }
                if self.recruiter.template().is_some_and(|it| !it.may_say_more()) =>
            {
                self.template_broke("it said more than a thousand notices");
            }
            ToController::Notice { level, text } => self.record.notice(level_of(&level), text),
            ToController::Summary { text } => self.record.pytest_output(text),
            // Nothing else comes from a template that is ready.
            ToController::Hello(_)
            | ToController::Tests { .. }
            | ToController::Files { .. }
            | ToController::Collected { .. }
            | ToController::Ready(_)
            | ToController::Start { .. }
            | ToController::Done(_)
            | ToController::Interrupted { .. }
            | ToController::Stop { .. }
            | ToController::Bye { .. } => {}
        }
    }

    pub(super) fn worker_says(&mut self, index: usize, message: ToController) {
        let worker = &mut self.crew[index];
        if worker.is_cut_off() {
            return;
        }
        if worker.broke().is_some() {
            return;
        }
        if let Some(how) = worker.objection(&message) {
            worker.breaks(how);
            kill_group(worker.pid);
            return;
        }
        let id = worker.id;
        match message {
            ToController::Tests { tests } => {
                let at = self.lists.iter().position(|(it, _)| *it == id).unwrap_or_else(|| {
                    self.lists.push((id, Listed::default()));
                    self.lists.len() - 1
                });
                if let Err(error) = self.lists[at].1.extend(tests) {
                    self.lists.swap_remove(at);
                    worker.breaks(error.to_string());
                    kill_group(worker.pid);
                }
            }
            ToController::Collected { file, count, took, errors } => {
                let found = Found { file: file as usize, count: count as usize, took, errors };
                self.file_collected(index, &found);
            }
            ToController::Ready(ready) => self.spawned_is_ready(index, &ready),
            ToController::Start { i, at, .. } => {
                self.record.timeline.first_start.get_or_insert(at);
                let began = self.record.offset(at);
                if let Some(test) = worker.starts(i, began) {
                    worker.beginnings.push(at, test);
                    self.stillborn = 0;
                    self.stillborn_on.remove(&worker.slot);
                    let attempt = self.attempts.of(test, worker.slot);
                    self.start_clock(index, test);
                    self.record.started(Some(id), test, attempt);
                    let slot = self.crew[index].slot;
                    self.meet(slot, test);
                    self.lane_started(slot);
                } else {
                    worker.breaks(format!("it started test number {i}, which it was not given"));
                }
            }
            ToController::Done(done) => self.test_is_done(index, *done),
            ToController::Interrupted { i, .. } => {
                let slot = worker.slot;
                if let Some((test, start)) = worker.ends(i) {
                    let ending = Ending::bare(Outcome::Interrupted, start);
                    self.conclude((id, slot), test, (ending, Reports::Stand));
                }
            }
            ToController::Stop { message, code } => {
                let code = code.and_then(|code| u8::try_from(code).ok());
                self.stop(StopReason::Stopped { message, code });
            }
            ToController::Notice { level, text } => {
                let level = level_of(&level);
                if level == Level::Error {
                    self.record.other_failures(1);
                }
                self.record.notice(level, format!("{id}: {text}"));
            }
            ToController::Summary { text } => self.record.pytest_output(text),
            ToController::Bye { used } => {
                worker.says_bye();
                self.record.timeline.torn_down = Some(monotonic_us());
                if let Some(Used { cpu, busy, memory }) = used {
                    self.record.emit(Some(id), What::WorkerUsed(Usage { cpu, busy, memory }));
                }
            }
            // Objected to above.
            ToController::Hello(_)
            | ToController::Files { .. }
            | ToController::Forked { .. }
            | ToController::ForkFailed { .. }
            | ToController::Gone { .. } => {}
        }
    }

    /// A spawned worker has collected: the first one's list is the plan.
    pub(super) fn spawned_is_ready(&mut self, index: usize, ready: &Ready) {
        let id = self.crew[index].id;
        let at = self.lists.iter().position(|(it, _)| *it == id);
        let rows = at.map(|at| self.lists.swap_remove(at).1.take()).unwrap_or_default();
        if self.has_wrong_number(ready) {
            return;
        }
        if !self.is_collected
            && let Some(hello) = self.hello.clone()
            && let Err(reason) = self.collected(&hello, ready, rows.clone(), Vec::new())
        {
            self.stop(reason);
            return;
        }
        let tests = self.record.tests().to_vec();
        match self.crew[index].learn_numbers(&tests, &rows) {
            Ok(0) => {}
            Ok(renamed) => {
                let text = format!(
                    "{id} has other node ids than the first worker for {renamed} tests, which differ \
                     from process to process (a set, random data, a clock?): every test runs once, \
                     under the first worker's id. --engine fork has one list for all"
                );
                self.record.notice(Level::Warning, text);
            }
            Err(lacking) => {
                self.stop(StopReason::Internal(format!(
                    "{id} collected other tests than the first worker: it has no {lacking}. Tests \
                     that differ from process to process need --engine fork"
                )));
                return;
            }
        }
        self.worker_is_ready(index);
    }

    pub(super) fn worker_is_ready(&mut self, index: usize) {
        let worker = &mut self.crew[index];
        worker.ready = true;
        let (id, slot, pid) = (worker.id, worker.slot, worker.pid);
        self.record.emit(Some(id), What::WorkerStarted { slot, pid });
        self.top_up(index);
    }

    pub(super) fn test_is_done(&mut self, index: usize, done: Done) {
        let worker = &mut self.crew[index];
        let (id, slot) = (worker.id, worker.slot);
        let exceeded = worker.overtime.and_then(|it| it.exceeded());
        let stood_still = worker.stood_still;
        let Some((test, start)) = worker.ends(done.i) else {
            worker.breaks(format!("it ended test number {}, which it did not run", done.i));
            return;
        };
        if worker.tree.is_some() {
            // What the test used was asked to end with it: nothing else can run there.
            kill_group(worker.pid);
        }
        let mut ending = judge::ending(&self.record, done);
        ending.phases = judge::without_pause(ending.phases, stood_still);
        let mut reports = Reports::Stand;
        if let Some(limit) = exceeded {
            // It ended after all, perhaps because it was disturbed: its limit was reached first.
            let sections = ending.failure.take().map_or_else(Vec::new, |it| it.sections.clone());
            let pid = self.crew[index].pid;
            ending = self.timed_out((id, pid), limit, sections, start);
            reports = Reports::Overruled;
        }
        let Phases { setup, call, teardown } = ending.phases;
        self.depth.observe(setup + call + teardown);
        self.spent.add(setup, call + teardown);
        if let Some(deal) = &mut self.deal {
            deal.forecast_mut().keep_pace(self.depth.usual());
            if self.plan.rounds.is_loop() {
                deal.forecast_mut().observe(test, Took { setup, rest: call + teardown });
            }
        }
        self.judge((id, slot), test, (ending, reports));
        self.check_failure_limit();
        self.weigh(index, test);
        self.probe_test(test);
        self.top_up(index);
    }

    pub(super) fn check_failure_limit(&mut self) {
        if let Some(limit) = self.failure_limit
            && self.record.round_failures() >= limit
        {
            self.stop(StopReason::MaxFail(limit));
        }
    }

    pub(super) fn worker_wrote(&mut self, id: WorkerId, bytes: &[u8]) {
        let Some(worker) = self.crew.iter_mut().find(|worker| worker.id == id) else { return };
        worker.tail.push(bytes);
        if self.is_live {
            for line in worker.lines.push(bytes) {
                self.record.emit(Some(id), What::OutputLine(line));
            }
        }
    }
}
