//! Phases that take too long: every worker is waited for within bounds, whatever it is to do.

use std::time::{Duration, Instant};

use super::Dispatch;
use crate::engine::crew::Worker;
use crate::engine::judge;
use crate::engine::overtime::{Awaited, Due, Overtime};
use crate::engine::record::Ending;
use crate::engine::recruit::Recruiter;
use crate::engine::stacks;
use crate::model::{Level, Offset, ServerLost, StopReason, TestIndex, WorkerId};
use crate::process::{Signal, Tree, kill_group, state_of};

/// How long a worker that was ordered may take to say hello. A fork takes milliseconds; the template
/// may be busy with a plugin that replays reports.
const HELLO: Duration = Duration::from_secs(60);

/// How long it may take between tests, and at its session's end, where no `--timeout` says it: longer
/// than containers take to be taken down.
const WITHOUT_LIMIT: Duration = Duration::from_secs(600);

/// How long a process may live after its last word: a thread that a test left running keeps a spawned
/// worker alive for ever.
const AFTER_BYE: Duration = Duration::from_secs(30);

impl Dispatch<'_> {
    /// A test begins: its time runs.
    pub(super) fn start_clock(&mut self, index: usize, test: TestIndex) {
        let (limit, slow) = (self.rules.timeout(test), self.rules.slow(test));
        self.crew[index].overtime = Some(Overtime::of_test(Instant::now(), limit, slow));
    }

    /// Does what is due for whatever takes too long.
    pub(super) fn check_overtime(&mut self, now: Instant) {
        self.check_branch(now);
        let is_stopping = self.stop.is_some();
        for index in 0..self.crew.len() {
            let awaited = self.crew[index].awaits(is_stopping);
            let current = self.crew[index].overtime.map(|it| it.awaited);
            // What is being ended stays what it is until it has ended.
            let is_ending = self.crew[index].overtime.is_some_and(|it| it.is_ending());
            if current != awaited && !is_ending {
                let clock = |it| Overtime::new(it, now, self.limit_of(it));
                self.crew[index].overtime = awaited.map(clock);
            }
            let due = self.crew[index].overtime.as_mut().and_then(|it| it.due(now));
            if let Some(due) = due {
                self.do_what_is_due(index, due, now);
            }
        }
    }

    /// The branch is ended where it takes too long, and workers of later rounds collect for themselves.
    fn check_branch(&mut self, now: Instant) {
        let Some(branch) = &mut self.branch else { return };
        let pid = branch.pid;
        match branch.due(now) {
            Some(Due::Dump) => stacks::ask(pid),
            Some(Due::Terminate | Due::Kill | Due::GiveUp) => {
                let stacks = stacks::read(self.base.rendezvous.folder(), "branch", pid);
                Tree::of(pid).signal(Signal::KILL);
                let text = format!(
                    "the process that collects files for later rounds took longer than \
                     --collect-timeout; it was ended here:\n{stacks}"
                );
                self.record.notice(Level::Warning, text);
                self.branch_died();
            }
            Some(Due::Slow) | None => {}
        }
    }

    /// What a phase may take. Fixtures that no test's end tore down are torn down at the session's,
    /// and have the time of a test.
    fn limit_of(&self, awaited: Awaited) -> Option<Duration> {
        match awaited {
            Awaited::Hello if matches!(self.recruiter, Recruiter::Fork(_)) => {
                Some(self.plan.bounds.collection.unwrap_or(HELLO).min(HELLO))
            }
            Awaited::Hello | Awaited::Collection => self.plan.bounds.collection,
            Awaited::Start | Awaited::SessionEnd => {
                Some(self.rules.session_end().unwrap_or(WITHOUT_LIMIT))
            }
            Awaited::Exit => Some(self.rules.session_end().unwrap_or(AFTER_BYE).min(AFTER_BYE)),
            Awaited::Test => None,
        }
    }

    fn do_what_is_due(&mut self, index: usize, due: Due, now: Instant) {
        let worker = &mut self.crew[index];
        match due {
            Due::Slow => {
                let elapsed = worker.overtime.map_or(0.0, |it| it.elapsed(now));
                let (id, running) = (worker.id, worker.running);
                if let Some((test, _)) = running {
                    self.record.slow(Some(id), test, elapsed);
                    if self.needs_server && self.plan.server_lost != ServerLost::Ignore {
                        // What a server leaves hanging fails late or never.
                        self.ask_whether_it_is_there();
                    }
                }
            }
            Due::Dump if worker.pid == 0 => {
                if let Some(template) = self.recruiter.template() {
                    template.ask_for_stacks();
                }
            }
            Due::Dump => stacks::ask(worker.pid),
            Due::Terminate if worker.pid == 0 => self.never_forked(index),
            Due::Terminate => {
                worker.killed = true;
                let tree = Tree::of(worker.pid);
                tree.signal(Signal::TERM);
                worker.tree = Some(tree);
            }
            Due::Kill => {
                Tree::of(worker.pid).signal(Signal::KILL);
                kill_group(worker.pid);
            }
            Due::GiveUp => self.end_is_not_told(index),
        }
    }

    /// A worker was killed, and its template, which alone can know how it ended, does not say so.
    fn end_is_not_told(&mut self, index: usize) {
        self.crew[index].orphaned = true;
        let Some(template) = self.recruiter.template() else { return };
        template.kill();
        let id = self.crew[index].id;
        let state = state_of(template.pid()).unwrap_or("gone");
        let what = format!("the template does not tell of the end of {id}: it is {state}");
        self.stop(StopReason::Stalled(what));
    }

    /// The template does not answer an order.
    fn never_forked(&mut self, index: usize) {
        let id = self.crew[index].id;
        let stacks = self.recruiter.template().map(|it| it.stacks()).unwrap_or_default();
        let limit = self.limit_of(Awaited::Hello).unwrap_or(HELLO).as_secs_f64();
        let what = format!("the template did not fork {id} within {limit} s");
        self.record.notice(Level::Error, format!("{what}; it is busy here:\n{stacks}"));
        self.stop(StopReason::Stalled(what));
        if let Some(template) = self.recruiter.template() {
            template.kill();
        }
        self.crew[index].orphaned = true;
    }

    /// The outcome of a test that was ended at its limit, with where its worker was stuck.
    pub(super) fn timed_out(
        &self,
        (id, pid): (WorkerId, u32),
        limit: Duration,
        mut sections: Vec<(String, String)>,
        start: Offset,
    ) -> Ending {
        sections.insert(0, ("Stacks of the worker".to_owned(), self.stacks(id, pid)));
        judge::timed_out(limit, start, self.record.now(), sections)
    }

    /// Tells of a worker that was ended because a phase took too long in which it ran no test.
    pub(super) fn tell_of_stall(&mut self, worker: &Worker, awaited: Awaited, limit: Duration) {
        let (id, seconds) = (worker.id, limit.as_secs_f64());
        let what = match awaited {
            Awaited::Hello if matches!(self.recruiter, Recruiter::Spawn) => format!(
                "has not loaded its conftests and plugins within {seconds} s (--collect-timeout)"
            ),
            Awaited::Hello => format!("did not connect within {seconds} s"),
            Awaited::Collection => {
                format!("took longer to collect than {seconds} s (--collect-timeout)")
            }
            Awaited::Start | Awaited::Test => match worker.held.front() {
                Some(test) => {
                    let nodeid = &self.record.tests()[test.at()].nodeid;
                    format!("did not begin {nodeid} within {seconds} s of the test before it")
                }
                None => format!("was stuck between tests for {seconds} s"),
            },
            Awaited::SessionEnd => format!(
                "took longer to end its session than {seconds} s (--timeout, or 600 s); tear-downs \
                 that came after that did not happen"
            ),
            Awaited::Exit => format!(
                "did not end within {seconds} s of its session's end; a thread that a test left \
                 running can do that"
            ),
        };
        let text = format!("{id} {what}; it was ended here:\n{}", self.stacks(id, worker.pid));
        if awaited == Awaited::Exit {
            self.record.notice(Level::Warning, text);
            return;
        }
        if awaited == Awaited::Collection || !self.is_collected {
            if self.record.has_begun() {
                self.record.notice(Level::Error, text);
            } else {
                self.early_output = Some(text);
            }
            self.stop(StopReason::Stalled(format!("{id} {what}")));
            return;
        }
        self.record.other_failures(1);
        self.record.notice(Level::Error, text);
    }

    /// What a worker wrote down at its limit.
    fn stacks(&self, id: WorkerId, pid: u32) -> String {
        stacks::read(self.base.rendezvous.folder(), &id.to_string(), pid)
    }
}
