//! The engines `xdist` and `pytest`: a pytest that runs by itself, observed through its reports.
//!
//! Every round is a process of its own. What it reports becomes the same events as elsewhere.

mod presence;
mod probing;
mod process;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Finished;
use super::dispatch::{ask_server, finish, level_of};
use super::early_end::{
    cannot_start, missing, reason_of_early_end, unheard, unusable, wrong_version,
};
use super::inbox::{Control, Message, Source};
use super::judge;
use super::launch::Base;
use super::numbers::Numbers;
use super::outage::Outage;
use super::overtime::{Awaited, Due, Overtime};
use super::plan::Plan;
use super::probe::Probes;
use super::record::{Ending, Record};
use super::stacks;
use super::suspend::suspend;
use super::template::NotReady;
use crate::model::{
    Attempt, Crash, DistMode, EngineKind, ExitCode, Level, Outcome, Round, StateProbed, StopReason,
    TestIndex, What, WorkerId,
};
use crate::process::{Ended, Signal, Stdio, Tree, kill_group, probe};
use crate::protocol::{Ready, TestRow, ToController, VERSION};
use crate::report::Reporter;
use crate::scheduler::{Next, Over};

use presence::may_need_server;
use process::Process;

/// Notices that one process may say; an honest one has a few.
const WORDS: u32 = 1000;

/// Tests that may be running at a time: one for each of xdist's workers.
const RUNNING: usize = 10_000;
/// How long output may still come after pytest's end: longer than what it left takes to be ended.
const LINGER: Duration = Duration::from_secs(2);

/// Runs pytest and watches.
pub(super) fn run(plan: &Plan, control: &Control, reporter: &mut dyn Reporter) -> Finished {
    let mut record = Record::of(plan, reporter);
    let (base, outage) = match prepare(plan, control) {
        Ok(prepared) => prepared,
        Err(reason) => return finish(&mut record, plan, NotReady::bare(reason)),
    };
    let (is_collected, interrupts) = (false, 0);
    let probes = Probes::of(plan);
    let mut watch = Watch {
        plan,
        control,
        record,
        base,
        outage,
        is_collected,
        interrupts,
        probes,
        first_state: None,
    };
    match watch.run_rounds() {
        Err(not_ready) => finish(&mut watch.record, plan, not_ready),
        Ok(reason) => {
            watch.tell_of_states();
            let exit = watch.record.finish(reason.clone());
            let timeline = Box::new(watch.record.timeline);
            Finished { exit, reason, begun: true, output: None, timeline }
        }
    }
}

/// What must hold before anything is started. For `all` and for paths the server is asked as soon
/// as a folder that needs it lies among what is to run: which tests there are is not known yet.
fn prepare(plan: &Plan, control: &Control) -> Result<(Base, Outage), StopReason> {
    let modules = probe(&plan.python.path).map_err(|error| StopReason::Usage(unusable(&error)))?;
    if modules.pytest.is_none() {
        return Err(StopReason::Usage(missing(plan, "pytest", "pytest")));
    }
    if plan.engine == EngineKind::Xdist && modules.xdist.is_none() {
        let text = missing(plan, "pytest-xdist, which --engine xdist runs,", "pytest-xdist");
        return Err(StopReason::Usage(text));
    }
    let outage = if may_need_server(plan) { ask_server(plan)? } else { Outage::default() };
    Ok((Base::prepare(plan, control)?, outage))
}

struct Watch<'a> {
    plan: &'a Plan,
    control: &'a Control,
    record: Record<'a>,
    base: Base,
    outage: Outage,
    is_collected: bool,
    interrupts: u32,
    probes: Probes,
    /// What was answered before the run's beginning was reported.
    first_state: Option<StateProbed>,
}

impl Watch<'_> {
    fn run_rounds(&mut self) -> Result<StopReason, NotReady> {
        if let Some(reason) = self.probe(None) {
            return Err(NotReady::bare(reason));
        }
        let began = Instant::now();
        let mut round = Round::FIRST;
        loop {
            let (failures, stop) = self.run_round(round)?;
            let is_whole = stop.as_ref().is_none_or(StopReason::is_judged);
            let cut = if is_whole { self.probe(Some(round)) } else { None };
            let stop = cut.or(stop);
            match stop {
                Some(StopReason::MaxFail(_)) if self.plan.rounds.keep_going => {}
                Some(reason) => return Ok(reason),
                None => {}
            }
            let (elapsed, is_sure) = (began.elapsed(), self.record.is_sure());
            match self.plan.rounds.after(Over { round, failures, elapsed, is_sure }) {
                Next::End(reason) => return Ok(reason),
                Next::Start(next, delay) => {
                    if let Some(reason) = self.wait(delay) {
                        return Ok(reason);
                    }
                    round = next;
                }
            }
        }
    }

    /// Waits between rounds; returns why none follows, if none does.
    fn wait(&mut self, delay: Duration) -> Option<StopReason> {
        let mut end = Instant::now() + delay;
        while Instant::now() < end {
            match self.control.receive(Some(end)) {
                Some(Message::Interrupt) => {
                    self.interrupts += 1;
                    return Some(StopReason::Interrupted);
                }
                Some(Message::TimeIsUp(limit)) => return Some(StopReason::RunTimeout(limit)),
                Some(Message::Suspend) => {
                    let pause = suspend(self.control, &[]);
                    self.record.stood_still(pause);
                    end += pause;
                }
                _ => {}
            }
        }
        None
    }

    /// Returns the round's failures, and why no other follows.
    fn run_round(&mut self, round: Round) -> Result<(u64, Option<StopReason>), NotReady> {
        let mut process = self.start()?;
        while !process.is_over() {
            let deadline = process.deadline().into_iter().chain(self.outage.deadline()).min();
            if let Some(message) = self.control.receive(deadline) {
                self.handle(&mut process, round, message);
                continue;
            }
            let now = Instant::now();
            if self.outage.is_due(now) {
                self.ask(&mut process);
            }
            match process.clock.due(now) {
                Some(Due::Dump) => stacks::ask(process.pid),
                Some(Due::Terminate) => Tree::of(process.pid).signal(Signal::TERM),
                Some(Due::Kill) => process.kill(),
                Some(Due::Slow | Due::GiveUp) | None => {}
            }
            if process.kill_at.take_if(|at| now >= *at).is_some() {
                process.kill();
            }
        }
        self.end_round(process)
    }

    fn start(&self) -> Result<Process, NotReady> {
        let launch = self.base.observer(self.plan);
        let started = launch.start().and_then(|started| {
            let pid = started.child.id();
            self.base.admit(pid);
            if let Some(output) = started.output {
                self.control.read_output(Source::Main, output)?;
            }
            self.control.wait_for(Source::Main, started.child)?;
            Ok(pid)
        });
        let silent = launch.stdio == Stdio::Inherited;
        started
            .map(|pid| Process::new(pid, silent, self.plan.bounds.collection))
            .map_err(|error| NotReady::bare(cannot_start(self.plan, &error)))
    }

    fn handle(&mut self, process: &mut Process, round: Round, message: Message) {
        match message {
            Message::Connected { conn, hello, sender: _ } if process.conn.is_none() => {
                process.conn = Some(conn);
                if hello.v != VERSION {
                    process.breaks(wrong_version(hello.v));
                }
                process.clock.awaited = Awaited::Collection;
                process.hello = Some(Box::new(hello));
            }
            Message::Said { conn, messages, waits: _waits } => {
                for message in messages {
                    if process.conn == Some(conn) {
                        self.hear(process, round, message);
                    }
                }
            }
            Message::Closed { conn, broke } if process.conn == Some(conn) => {
                process.closed = true;
                if let Some(error) = broke {
                    process.breaks(error.to_string());
                }
            }
            Message::Wrote { bytes, .. } => process.output.push(&bytes),
            Message::Silent { source: Source::Main } => process.silent = true,
            Message::Exited { source: Source::Main, ended } => {
                process.ended = Some(ended);
                // What it left running can hold its output open for ever.
                self.record.processes_gone(process.stop.is_none());
                process.kill_at = Some(Instant::now() + LINGER);
            }
            Message::Connected { .. }
            | Message::Closed { .. }
            | Message::Silent { .. }
            | Message::StateAnswered { .. }
            | Message::Exited { .. } => {}
            Message::ServerAnswered { answer } => self.server_answered(process, answer),
            Message::Unheard { why } => process.stop(unheard(&why), self.plan.bounds.grace),
            Message::TimeIsUp(limit) => {
                process.stop(StopReason::RunTimeout(limit), self.plan.bounds.grace);
            }
            Message::Suspend => {
                let pause = suspend(self.control, &[process.pid]);
                self.record.stood_still(pause);
                process.clock.shift(pause);
                if let Some(at) = &mut process.kill_at {
                    *at += pause;
                }
            }
            Message::Interrupt => {
                self.interrupts += 1;
                if self.interrupts > 1 {
                    kill_group(process.pid);
                    process.silent = true;
                } else {
                    process.stop(StopReason::Interrupted, self.plan.bounds.grace);
                }
            }
        }
    }

    fn hear(&mut self, process: &mut Process, round: Round, message: ToController) {
        match message {
            ToController::Tests { tests } => {
                if let Err(error) = process.rows.extend(tests) {
                    process.breaks(error.to_string());
                }
            }
            ToController::Ready(ready) => self.collected(process, round, &ready),
            ToController::Start { i, at, worker } => {
                let at = self.record.offset(at);
                if process.running.len() > RUNNING {
                    process.breaks(format!("it said that more than {RUNNING} tests are running"));
                } else if let Some(test) = process.numbers.get(i as usize).copied().flatten() {
                    self.record.started(worker_id(&worker), test, Attempt::FIRST);
                    process.running.insert((worker, i), (test, at));
                }
            }
            ToController::Done(done) => self.test_is_done(process, *done),
            ToController::Notice { level, text } => {
                process.words += 1;
                if process.words > WORDS {
                    process.breaks(format!("it said more than {WORDS} notices"));
                } else {
                    self.record.notice(level_of(&level), text);
                }
            }
            ToController::Interrupted { i, worker } => {
                if let Some((test, start)) = process.running.remove(&(worker.clone(), i)) {
                    let ending = Ending::bare(Outcome::Interrupted, start);
                    self.record.ended(worker_id(&worker), test, Attempt::FIRST, ending);
                }
            }
            ToController::Stop { message, code } => {
                let code = code.and_then(|code| u8::try_from(code).ok());
                process.stop.get_or_insert(StopReason::Stopped { message, code });
            }
            ToController::Hello(_)
            | ToController::Files { .. }
            | ToController::Collected { .. }
            | ToController::Forked { .. }
            | ToController::ForkFailed { .. }
            | ToController::Gone { .. }
            | ToController::Summary { .. }
            | ToController::Bye { .. } => {}
        }
    }

    fn collected(&mut self, process: &mut Process, round: Round, ready: &Ready) {
        let Some(hello) = &process.hello else { return };
        let rows = process.rows.take();
        let workers = match self.plan.engine {
            EngineKind::Xdist => self.plan.workers.number(),
            EngineKind::Pytest | EngineKind::Fork | EngineKind::Spawn => 1,
        };
        if !self.is_collected {
            self.is_collected = true;
            self.record.begin(self.plan, hello);
            self.tell_first_state();
            self.record.collected(rows.clone(), ready, workers);
            self.tell_of_rules(&rows);
        }
        process.numbers = self.numbers_of(&rows);
        process.is_ready = true;
        process.clock = Overtime::new(Awaited::Test, Instant::now(), None);
        process.maxfail = ready.maxfail;
        let copies = if self.plan.dist == DistMode::Each { workers } else { 1 };
        self.record.begin_round(round, workers, copies);
    }

    /// The run's test for each row. A later round's ids can differ from the first's (random
    /// parameters); where even its functions do, only what has the same id is the same test.
    fn numbers_of(&self, rows: &[TestRow]) -> Vec<Option<TestIndex>> {
        let tests = self.record.tests();
        let mut numbers = Numbers::own();
        if numbers.learn(tests, rows).is_ok() {
            return (0..rows.len() as u32).map(|number| numbers.to_test(number)).collect();
        }
        let mut places: HashMap<&str, Vec<TestIndex>> = HashMap::new();
        for test in tests.iter().rev() {
            places.entry(test.nodeid.as_str()).or_default().push(test.index);
        }
        rows.iter().map(|row| places.get_mut(row.id.as_str()).and_then(Vec::pop)).collect()
    }

    /// What is asked of single tests is pnl's engines' to do.
    fn tell_of_rules(&mut self, rows: &[TestRow]) {
        let is_asked = !self.plan.rules.is_empty() || rows.iter().any(|row| !row.pnl.is_empty());
        if is_asked {
            let engine = self.plan.engine;
            let text = format!(
                "retries, time limits, locks and exclusive tests, by mark or by configuration, are \
                 not heeded by --engine {engine}: they need fork or spawn"
            );
            self.record.notice(Level::Warning, text);
        }
    }

    /// Closes a round: what was running when pytest ended, and what its exit status says.
    fn end_round(&mut self, mut process: Process) -> Result<(u64, Option<StopReason>), NotReady> {
        self.judge_hits(&mut process);
        if let Some(away) = self.outage.end(None) {
            self.record.emit(None, What::ServerAway(away));
        }
        let ended = process.ended.unwrap_or(Ended::Exit(-1));
        if !process.is_ready {
            let mut output = process.output.text();
            let folder = self.base.rendezvous.folder();
            let stalled = process.clock.stall_of_pytest();
            if stalled.is_some() {
                output.push_str(&stacks::read(folder, "observer", process.pid));
            }
            let broke = process.broke.as_deref().map(broken);
            let reason =
                process.stop.or(broke).or(stalled.map(StopReason::Stalled)).unwrap_or_else(|| {
                    reason_of_early_end(self.plan, ended, process.hello.is_some())
                });
            if self.is_collected {
                self.record.emit(None, What::PytestOutput(output));
                return Ok((0, Some(reason)));
            }
            return Err(NotReady { hello: process.hello, reason, output });
        }
        // pytest's own ends (2 and above) are no test's: it was told to, or had an error itself.
        let is_pytests_own = matches!(ended, Ended::Exit(2..=5));
        let died = process.stop.is_none() && !process.running.is_empty() && !is_pytests_own;
        for ((worker, _), (test, start)) in process.running {
            let ending = if let Some(how) = &process.broke {
                let crash = Crash::Protocol(how.clone());
                judge::crash(crash, start, self.record.now(), Vec::new())
            } else if process.stop.is_some() || is_pytests_own {
                Ending::bare(Outcome::Interrupted, start)
            } else {
                let crash = judge::crash_of(Some(ended));
                judge::crash(crash, start, self.record.now(), Vec::new())
            };
            self.record.ended(worker_id(&worker), test, Attempt::FIRST, ending);
        }
        let failures = self.record.round_failures();
        let stop = process.stop.or(process.broke.as_deref().map(broken)).or_else(|| {
            if died {
                let message = "pytest died while it ran a test".to_owned();
                return Some(StopReason::Stopped {
                    message,
                    code: Some(ExitCode::TestsFailed.code()),
                });
            }
            judge_exit(ended, failures, process.maxfail)
        });
        let (failures, stop) = self.record.end_round(stop);
        if matches!(stop, Some(StopReason::Internal(_))) {
            self.record.emit(None, What::PytestOutput(process.output.text()));
        }
        if ended == Ended::Exit(1) && failures == 0 {
            self.record.other_failures(1);
            let text = "pytest reports a failure that is no test's; this is what it printed";
            self.record.notice(Level::Error, text);
            self.record.emit(None, What::PytestOutput(process.output.text()));
        }
        Ok((failures, stop))
    }
}

fn broken(how: &str) -> StopReason {
    StopReason::Internal(format!("pytest's process broke the protocol: {how}"))
}

/// What pytest's exit status says beyond passed and failed.
fn judge_exit(ended: Ended, failures: u64, maxfail: u32) -> Option<StopReason> {
    match ended {
        Ended::Exit(0) => None,
        Ended::Exit(_) if maxfail > 0 && failures >= u64::from(maxfail) => {
            Some(StopReason::MaxFail(u64::from(maxfail)))
        }
        Ended::Exit(1) => None,
        Ended::Exit(3) => Some(StopReason::Internal("pytest had an internal error".to_owned())),
        Ended::Exit(status) => Some(match u8::try_from(status).map(ExitCode::from_code) {
            Ok(ExitCode::NothingCollected) => return None,
            Ok(code) => StopReason::Stopped {
                message: format!("pytest ended with status {status}"),
                code: Some(code.code()),
            },
            Err(_) => StopReason::Internal(format!("pytest ended with status {status}")),
        }),
        Ended::OutOfMemory => {
            Some(StopReason::Internal("pytest was ended by the kernel: out of memory".to_owned()))
        }
        Ended::Signal(signal) => {
            Some(StopReason::Internal(format!("pytest was ended by signal {signal}")))
        }
    }
}

/// `gw3` is worker 3; plain pytest has no workers.
fn worker_id(name: &str) -> Option<WorkerId> {
    name.strip_prefix("gw")?.parse().ok().map(WorkerId)
}
