//! The dispatcher of `fork` and `spawn`: owns a run's state and reacts to the inbox.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Finished;
use super::crew::{Told, Worker};
use super::inbox::{Control, Message, Source};
use super::judge;
use super::launch::Base;
use super::plan::{Plan, ServerNeed};
use super::record::{Ending, Record};
use super::recruit::Recruiter;
use super::server;
use super::template::{NotReady, Template, reason_of_early_end};
use crate::model::{
    Counts, DistMode, ExitCode, Isolation, Level, NotRun, Outcome, Output, Round, Slot, StopReason,
    TestIndex, TestInfo, What, WorkerEnd, WorkerId,
};
use crate::process::{Signal, kill_group, send_signal};
use crate::protocol::{Done, Fork, Hello, Ready, TestRow, ToController};
use crate::report::Reporter;
use crate::scheduler::{Deal, Depth, Next};

/// How long running tests get for their tear-down after a first Ctrl-C.
const GRACE: Duration = Duration::from_secs(10);

/// Workers that may die one after the other without having started a test, before the run ends:
/// the next one would die too.
const STILLBORN_LIMIT: u32 = 3;

/// How a run of the fork engine went.
pub(super) enum Run {
    /// To its end.
    Finished(Finished),
    /// Not at all: forking would lose these threads.
    CannotFork(Vec<String>),
}

/// Runs with forked workers.
pub(super) fn run(plan: &Plan, control: &Control, reporter: &mut dyn Reporter) -> Run {
    let mut record = Record::new(reporter);
    let base = match prepare(plan, control) {
        Ok(base) => base,
        Err(reason) => return Run::Finished(finish(&mut record, plan, NotReady::bare(reason))),
    };
    let collected = Template::start(&base, plan, control)
        .and_then(|mut template| Ok((template.collect(plan, control)?, template)));
    let (collection, template) = match collected {
        Ok(collected) => collected,
        Err(not_ready) => return Run::Finished(finish(&mut record, plan, not_ready)),
    };
    if !collection.ready.threads.is_empty() {
        template.shut_down(control);
        return Run::CannotFork(collection.ready.threads);
    }
    let mut dispatch = Dispatch::new(plan, control, record, base, Recruiter::Fork(template));
    let reason = match dispatch.collected(&collection.hello, &collection.ready, collection.rows) {
        Ok(()) => dispatch.run_rounds(),
        Err(reason) => reason,
    };
    Run::Finished(dispatch.close(reason))
}

/// Runs with spawned workers.
pub(super) fn run_spawned(plan: &Plan, control: &Control, reporter: &mut dyn Reporter) -> Finished {
    run_with_notice(plan, control, reporter, "")
}

/// Runs with spawned workers and says first why they are.
pub(super) fn run_with_notice(
    plan: &Plan,
    control: &Control,
    reporter: &mut dyn Reporter,
    notice: &str,
) -> Finished {
    let mut record = Record::new(reporter);
    let base = match prepare(plan, control) {
        Ok(base) => base,
        Err(reason) => return finish(&mut record, plan, NotReady::bare(reason)),
    };
    let mut dispatch = Dispatch::new(plan, control, record, base, Recruiter::Spawn);
    notice.clone_into(&mut dispatch.first_notice);
    dispatch.recruit_missing(Round::FIRST);
    while !dispatch.is_collected && dispatch.stop.is_none() {
        dispatch.step();
    }
    let reason = match dispatch.stop.take() {
        None => dispatch.run_rounds(),
        Some(reason) => {
            dispatch.kill_all();
            reason
        }
    };
    dispatch.close(reason)
}

/// What must hold before anything is started.
fn prepare(plan: &Plan, control: &Control) -> Result<Base, StopReason> {
    if plan.server_need == ServerNeed::Always {
        ask_server(plan)?;
    }
    let base = Base::prepare().map_err(|error| {
        StopReason::Internal(format!("cannot make a private temporary folder: {error}"))
    })?;
    control
        .accept(&base.rendezvous)
        .map_err(|error| StopReason::Internal(format!("cannot listen for workers: {error}")))?;
    Ok(base)
}

pub(super) fn ask_server(plan: &Plan) -> Result<(), StopReason> {
    server::answers(&plan.server.url).map_err(|why| {
        let hint = plan.server_hint.as_deref();
        StopReason::Usage(server::unanswered(&plan.server, &why, hint))
    })
}

impl NotReady {
    /// A reason of our own.
    pub(super) fn bare(reason: StopReason) -> Self {
        Self { hello: None, reason, output: String::new() }
    }
}

/// Ends a run that never got to its first test. One whose suite could not be collected is
/// reported like any other; one that was never meant to run tests (`--collect-only`) is not.
pub(super) fn finish(record: &mut Record<'_>, plan: &Plan, not_ready: NotReady) -> Finished {
    let NotReady { hello, reason, output } = not_ready;
    let wanted = reason != StopReason::CollectionFailed(ExitCode::Ok);
    if let Some(hello) = hello.filter(|_| wanted) {
        record.begin(plan, &hello);
        record.emit(None, What::PytestOutput(output));
        let exit = record.finish(reason.clone());
        return Finished { exit, reason, begun: true, output: None };
    }
    let exit = reason.exit_code(0);
    let output = Some(output).filter(|output| !output.is_empty());
    Finished { exit, reason, begun: false, output }
}

struct Dispatch<'a> {
    plan: &'a Plan,
    control: &'a Control,
    record: Record<'a>,
    base: Base,
    recruiter: Recruiter,
    first_notice: String,
    /// What pytest printed where it ended before a test was known.
    early_output: Option<String>,
    is_collected: bool,
    /// Spawned workers' lists, while they come.
    lists: Vec<(WorkerId, Vec<TestRow>)>,
    hello: Option<Hello>,
    crew: Vec<Worker>,
    /// Slots whose own worker number is in use or was, and how many replacements came after.
    numbered_slots: HashSet<Slot>,
    replacements: u32,
    slots: usize,
    round: Round,
    deal: Deal,
    depth: Depth,
    failure_limit: Option<u64>,
    is_live: bool,
    stop: Option<StopReason>,
    interrupts: u32,
    kill_at: Option<Instant>,
    stillborn: u32,
    is_asking_server: bool,
    needs_server: bool,
}

impl<'a> Dispatch<'a> {
    fn new(
        plan: &'a Plan,
        control: &'a Control,
        record: Record<'a>,
        base: Base,
        recruiter: Recruiter,
    ) -> Self {
        Self {
            plan,
            control,
            record,
            base,
            recruiter,
            first_notice: String::new(),
            early_output: None,
            is_collected: false,
            lists: Vec::new(),
            hello: None,
            crew: Vec::new(),
            numbered_slots: HashSet::new(),
            replacements: 0,
            slots: plan.workers.number(),
            round: Round::FIRST,
            deal: Deal::new(DistMode::No, &[], 1),
            depth: Depth::default(),
            failure_limit: None,
            is_live: plan.output == Output::Live,
            stop: None,
            interrupts: 0,
            kill_at: None,
            stillborn: 0,
            is_asking_server: false,
            needs_server: plan.server_need == ServerNeed::Always,
        }
    }

    /// The list of tests is known: reports the run's beginning and asks the server if one of the
    /// tests needs it.
    fn collected(
        &mut self,
        hello: &Hello,
        ready: &Ready,
        rows: Vec<TestRow>,
    ) -> Result<(), StopReason> {
        let wanted = if self.plan.dist == DistMode::No { 1 } else { self.plan.workers.number() };
        self.slots = wanted.clamp(1, rows.len().max(1));
        self.is_collected = true;
        self.is_live |= ready.capture == "no";
        self.failure_limit = self.plan.failure_limit(ready.maxfail);
        self.record.begin(self.plan, hello);
        self.record.collected(rows, self.slots);
        if !self.first_notice.is_empty() {
            let notice = std::mem::take(&mut self.first_notice);
            self.record.notice(Level::Warning, notice);
        }
        if ready.collect_errors > 0 {
            self.record.other_failures(u64::from(ready.collect_errors));
            let count = ready.collect_errors;
            self.record.notice(Level::Error, format!("{count} files could not be collected"));
        }
        if let ServerNeed::IfUnder(folders) = &self.plan.server_need
            && self.record.any_under(Path::new(&ready.rootdir), folders)
        {
            self.needs_server = true;
            ask_server(self.plan)?;
        }
        Ok(())
    }

    fn run_rounds(&mut self) -> StopReason {
        let began = Instant::now();
        let mut round = Round::FIRST;
        loop {
            let counts = self.run_round(round);
            match self.stop.take() {
                Some(StopReason::MaxFail(_)) if self.plan.rounds.keep_going => {}
                Some(reason) => return reason,
                None => {}
            }
            match self.plan.rounds.after(round, counts.failures(), began.elapsed()) {
                Next::End(reason) => return reason,
                Next::Start(next, delay) => {
                    self.wait(delay);
                    if let Some(reason) = self.stop.take() {
                        return reason;
                    }
                    round = next;
                }
            }
        }
    }

    fn run_round(&mut self, round: Round) -> Counts {
        self.round = round;
        let order = self.order(round);
        self.deal = Deal::new(self.plan.dist, &order, self.slots);
        let copies = if self.plan.dist == DistMode::Each { self.slots } else { 1 };
        self.record.begin_round(round, self.slots, copies);
        self.recruit_missing(round);
        for index in 0..self.crew.len() {
            self.top_up(index);
        }
        while !self.round_is_over() {
            self.step();
        }
        let reason = match &self.stop {
            None => NotRun::NoWorker,
            Some(reason) => not_run(reason),
        };
        self.record.end_round(reason)
    }

    /// The tests of a round in the order in which they are dealt.
    fn order(&self, round: Round) -> Vec<Arc<TestInfo>> {
        let mut tests = self.record.tests().to_vec();
        if let Some(seed) = self.plan.shuffle {
            super::plan::shuffle(&mut tests, seed.wrapping_add(u64::from(round.0)));
        }
        tests
    }

    fn round_is_over(&self) -> bool {
        let nothing_to_deal = self.deal.waiting() == 0 || self.crew.is_empty();
        nothing_to_deal && self.crew.iter().all(Worker::is_parked)
    }

    /// Waits for one thing to happen, or for the next deadline, and reacts.
    fn step(&mut self) {
        let deadlines = self.crew.iter().filter_map(Worker::deadline).chain(self.kill_at);
        match self.control.receive(deadlines.min()) {
            Some(message) => self.handle(message),
            None => {
                if self.kill_at.is_some_and(|at| Instant::now() >= at) {
                    self.kill_all();
                }
            }
        }
        self.bury();
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Connected { conn, hello, sender } => {
                let Some(index) = self.crew.iter().position(|w| w.id.to_string() == hello.worker)
                else {
                    return;
                };
                let worker = &mut self.crew[index];
                worker.connected(conn, sender, hello.pid);
                if self.stop.is_some() {
                    worker.tell(Told::Finish);
                }
                if matches!(self.recruiter, Recruiter::Fork(_)) {
                    self.worker_is_ready(index);
                } else {
                    self.hello = Some(hello);
                }
            }
            Message::Said { conn, messages } => {
                for message in messages {
                    if self.recruiter.template().is_some_and(|it| it.speaks_on(conn)) {
                        self.template_says(message);
                    } else if let Some(index) = self.crew.iter().position(|w| w.speaks_on(conn)) {
                        self.worker_says(index, message);
                    }
                }
            }
            Message::Closed { conn, broke } => {
                if let Some(worker) = self.crew.iter_mut().find(|w| w.speaks_on(conn)) {
                    worker.closed = true;
                    if let Some(error) = broke {
                        worker.breaks(error.to_string());
                        kill_group(worker.pid);
                    }
                }
            }
            Message::Interrupt => self.interrupted(),
            Message::ServerAnswered { answers } => {
                self.is_asking_server = false;
                if !answers {
                    self.stop(StopReason::ServerLost(self.plan.server.url.clone()));
                    self.interrupt_running();
                }
            }
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

    fn note_template(&mut self, message: Message) {
        if let Some(template) = self.recruiter.template() {
            template.note(message);
        }
    }

    fn template_died(&mut self) {
        for worker in &mut self.crew {
            worker.orphaned = true;
        }
        self.stop(StopReason::Internal(
            "the template process ended in the middle of the run".into(),
        ));
    }

    fn template_says(&mut self, message: ToController) {
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
            ToController::ForkFailed { worker, why } => {
                self.crew.retain(|w| w.id.to_string() != worker);
                self.stop(StopReason::Internal(format!("a worker could not be forked: {why}")));
            }
            ToController::Gone { pid, exit, signal } => {
                use crate::process::Ended;
                let ended = signal.map(Ended::Signal).or(exit.map(Ended::Exit));
                if let Some(worker) = self.crew.iter_mut().find(|w| w.pid == pid) {
                    worker.ended = Some(ended.unwrap_or(Ended::Exit(-1)));
                }
            }
            ToController::Notice { level, text } => self.record.notice(level_of(&level), text),
            // Nothing else comes from a template that is ready.
            ToController::Hello(_)
            | ToController::Tests { .. }
            | ToController::Ready(_)
            | ToController::Start { .. }
            | ToController::Done(_)
            | ToController::Interrupted { .. }
            | ToController::Stop { .. }
            | ToController::Bye => {}
        }
    }

    fn worker_says(&mut self, index: usize, message: ToController) {
        let worker = &mut self.crew[index];
        let id = worker.id;
        match message {
            ToController::Tests { tests } => {
                match self.lists.iter_mut().find(|(it, _)| *it == id) {
                    Some((_, rows)) => rows.extend(tests),
                    None => self.lists.push((id, tests)),
                }
            }
            ToController::Ready(ready) => self.spawned_is_ready(index, &ready),
            ToController::Start { i, at, .. } => {
                let at = self.record.offset(at);
                if let Some(test) = worker.starts(i, at) {
                    self.stillborn = 0;
                    self.record.started(Some(id), test);
                } else {
                    worker.breaks(format!("it started test number {i}, which it was not given"));
                }
            }
            ToController::Done(done) => self.test_is_done(index, *done),
            ToController::Interrupted { i } => {
                if let Some((test, start)) = worker.ends(i) {
                    self.record.ended(Some(id), test, Ending::bare(Outcome::Interrupted, start));
                }
            }
            ToController::Stop { message, code, exit } => {
                let code = code.and_then(|code| u8::try_from(code).ok());
                let code = if exit { code } else { code.or(Some(self.code_of_a_wish())) };
                self.stop(StopReason::Stopped { message, code });
            }
            ToController::Notice { level, text } => {
                self.record.notice(level_of(&level), format!("{id}: {text}"));
            }
            ToController::Bye => worker.says_bye(),
            ToController::Hello(_)
            | ToController::Forked { .. }
            | ToController::ForkFailed { .. }
            | ToController::Gone { .. } => {
                worker.breaks("it sent a message that is not a worker's".to_owned());
            }
        }
    }

    /// `session.shouldfail` and `shouldstop` end pytest with its ordinary judgement, or with 2.
    fn code_of_a_wish(&self) -> u8 {
        if self.record.round_counts().failures() > 0 {
            ExitCode::TestsFailed.code()
        } else {
            ExitCode::Interrupted.code()
        }
    }

    /// A spawned worker has collected: the first one's list is the plan.
    fn spawned_is_ready(&mut self, index: usize, ready: &Ready) {
        let id = self.crew[index].id;
        let at = self.lists.iter().position(|(it, _)| *it == id);
        let rows = at.map(|at| self.lists.swap_remove(at).1).unwrap_or_default();
        if !self.is_collected
            && let Some(hello) = self.hello.clone()
            && let Err(reason) = self.collected(&hello, ready, rows.clone())
        {
            self.stop(reason);
            return;
        }
        let tests = self.record.tests().clone();
        if let Err(lacking) = self.crew[index].learn_numbers(&tests, &rows) {
            self.stop(StopReason::Internal(format!(
                "{id} collected other tests than the first worker: it has no {lacking}. Node ids \
                 that differ from process to process need --engine fork"
            )));
            return;
        }
        self.worker_is_ready(index);
    }

    fn worker_is_ready(&mut self, index: usize) {
        let worker = &mut self.crew[index];
        worker.ready = true;
        let (id, slot, pid) = (worker.id, worker.slot, worker.pid);
        self.record.emit(Some(id), What::WorkerStarted { slot, pid });
        self.top_up(index);
    }

    fn test_is_done(&mut self, index: usize, done: Done) {
        let worker = &mut self.crew[index];
        let id = worker.id;
        let Some((test, _)) = worker.ends(done.i) else {
            worker.breaks(format!("it ended test number {}, which it did not run", done.i));
            return;
        };
        let ending = judge::ending(&self.record, done);
        self.depth.observe(ending.phases.setup + ending.phases.call + ending.phases.teardown);
        let suspicious = ending.failure.as_deref().is_some_and(server::looks_like_a_lost_server);
        self.record.ended(Some(id), test, ending);
        if suspicious {
            self.suspect_server();
        }
        self.check_failure_limit();
        self.top_up(index);
    }

    fn check_failure_limit(&mut self) {
        if let Some(limit) = self.failure_limit
            && self.record.round_counts().failures() >= limit
        {
            self.stop(StopReason::MaxFail(limit));
        }
    }

    fn suspect_server(&mut self) {
        if self.needs_server && !self.is_asking_server && self.stop.is_none() {
            self.is_asking_server = self.control.ask_server(&self.plan.server.url).is_ok();
        }
    }

    /// Gives a worker what it may hold, and tells it when there is no more.
    fn top_up(&mut self, index: usize) {
        let worker = &mut self.crew[index];
        if !worker.ready || self.stop.is_some() || !self.is_collected {
            return;
        }
        let has_place = worker.slot.0 < self.slots;
        let depth = self.depth.tests();
        let mut tests: Vec<TestIndex> = Vec::new();
        while has_place && worker.load() + tests.len() < depth {
            match self.deal.take(worker.slot) {
                Some(unit) => tests.extend(unit),
                None => break,
            }
        }
        if !tests.is_empty() {
            worker.give(tests);
        }
        if !has_place || !self.deal.has_for(worker.slot) {
            worker.tell(match self.plan.isolation {
                Isolation::None if has_place => Told::Pause,
                Isolation::None | Isolation::Round => Told::Finish,
            });
        }
    }

    /// Starts a worker for every slot that has none.
    fn recruit_missing(&mut self, round: Round) {
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

    fn recruit(&mut self, slot: Slot) {
        let id = self.new_id(slot);
        let order = Fork {
            worker: id.to_string(),
            slot: slot.0,
            workers: self.slots,
            round: self.round.0,
            run: self.plan.run.to_string(),
            prune: slot.0 == 0,
        };
        let what = (&self.base, self.plan, self.control);
        match self.recruiter.recruit(id, order, what) {
            Ok(pid) => {
                let mut worker = Worker::new(id, slot);
                worker.pid = pid.unwrap_or(0);
                self.crew.push(worker);
            }
            Err(error) => {
                self.stop(StopReason::Internal(format!("a worker could not be started: {error}")))
            }
        }
    }

    /// The slot's own number for its first worker, so that what is kept by worker id (a database)
    /// is found again in the next round; a replacement gets a new one, as under xdist.
    fn new_id(&mut self, slot: Slot) -> WorkerId {
        if self.numbered_slots.insert(slot) {
            return WorkerId(slot.0 as u32);
        }
        self.replacements += 1;
        WorkerId(self.slots as u32 + self.replacements - 1)
    }

    fn worker_wrote(&mut self, id: WorkerId, bytes: &[u8]) {
        let Some(worker) = self.crew.iter_mut().find(|worker| worker.id == id) else { return };
        worker.tail.push(bytes);
        if self.is_live {
            for line in worker.lines.push(bytes) {
                self.record.emit(Some(id), What::OutputLine(line));
            }
        }
    }

    /// Ends the run: no new tests, and what runs is brought to its end.
    fn stop(&mut self, reason: StopReason) {
        let overrides = reason == StopReason::Interrupted;
        if self.stop.is_some() && !overrides {
            return;
        }
        self.stop = Some(reason);
        self.deal.cancel();
        for worker in &mut self.crew {
            worker.wind_up();
        }
    }

    fn interrupted(&mut self) {
        self.interrupts += 1;
        if self.interrupts > 1 {
            self.kill_all();
            return;
        }
        self.stop(StopReason::Interrupted);
        self.interrupt_running();
    }

    /// Lets running tests end with their tear-down, for a while.
    fn interrupt_running(&mut self) {
        for worker in &self.crew {
            send_signal(worker.pid, Signal::INT);
        }
        self.kill_at.get_or_insert(Instant::now() + GRACE);
    }

    fn kill_all(&mut self) {
        self.kill_at = None;
        for worker in &mut self.crew {
            worker.killed = true;
            kill_group(worker.pid);
        }
    }

    /// Takes leave of workers that are gone, and replaces those that died.
    fn bury(&mut self) {
        let now = Instant::now();
        while let Some(index) = self.crew.iter_mut().position(|worker| worker.is_gone(now)) {
            let worker = self.crew.remove(index);
            self.take_leave(worker);
        }
    }

    fn take_leave(&mut self, mut worker: Worker) {
        let (id, slot, end) = (worker.id, worker.slot, worker.end());
        if let Some(line) = worker.lines.flush().filter(|_| self.is_live) {
            self.record.emit(Some(id), What::OutputLine(line));
        }
        self.end_running(&mut worker, &end);
        let held: Vec<TestIndex> = worker.held.drain(..).collect();
        if self.stop.is_none() {
            self.deal.give_back(slot, held);
        }
        self.record.emit(Some(id), What::WorkerEnded { slot, how: end.clone() });
        self.check_failure_limit();
        if !self.is_collected {
            self.never_collected(&worker);
        } else if let WorkerEnd::Crashed(crash) = &end
            && self.stop.is_none()
            && !worker.began
        {
            self.stillborn += 1;
            if self.stillborn >= STILLBORN_LIMIT {
                self.record.emit(None, What::PytestOutput(worker.tail.text()));
                let text = format!("workers die before they run a test ({crash})");
                self.stop(StopReason::Internal(text));
            }
        }
        if self.stop.is_none() && slot.0 < self.slots && self.deal.has_for(slot) {
            self.recruit(slot);
        }
    }

    /// The test that ran when its worker ended, or a word about a worker that died without one.
    fn end_running(&mut self, worker: &mut Worker, end: &WorkerEnd) {
        let id = worker.id;
        match (worker.running.take(), end) {
            (Some((test, start)), WorkerEnd::Killed) => {
                self.record.ended(Some(id), test, Ending::bare(Outcome::Interrupted, start));
            }
            (Some((test, start)), WorkerEnd::Crashed(crash)) => {
                let now = self.record.now();
                let ending = judge::crash(crash.clone(), start, now, &worker.tail.text());
                self.record.ended(Some(id), test, ending);
            }
            (None, WorkerEnd::Crashed(crash)) if self.is_collected && self.stop.is_none() => {
                let text = format!("{id} ended while it ran no test: {crash}");
                self.record.notice(Level::Warning, text);
            }
            (Some(_) | None, _) => {}
        }
    }

    /// A spawned worker ended before it had collected: so will the others.
    fn never_collected(&mut self, worker: &Worker) {
        let Some(ended) = worker.ended else { return };
        if self.stop.is_some() {
            return;
        }
        let greeted = self.hello.is_some();
        let reason = reason_of_early_end(self.plan, ended, greeted);
        self.early_output = Some(worker.tail.text());
        self.stop(reason);
    }

    /// Waits between rounds.
    fn wait(&mut self, delay: Duration) {
        let end = Instant::now() + delay;
        while self.stop.is_none() && Instant::now() < end {
            if let Some(message) = self.control.receive(Some(end)) {
                self.handle(message);
                self.bury();
            }
        }
    }

    /// Lets parked workers go, ends the template and reports the run's end.
    fn close(mut self, reason: StopReason) -> Finished {
        for worker in &mut self.crew {
            worker.tell(Told::Finish);
        }
        if !self.crew.is_empty() {
            self.kill_at.get_or_insert(Instant::now() + GRACE);
        }
        self.stop.get_or_insert(reason.clone());
        while !self.crew.is_empty() {
            self.step();
        }
        if let Recruiter::Fork(template) = self.recruiter {
            template.shut_down(self.control);
        }
        if self.record.has_begun() {
            let exit = self.record.finish(reason.clone());
            return Finished { exit, reason, begun: true, output: None };
        }
        let output = self.early_output.unwrap_or_default();
        finish(&mut self.record, self.plan, NotReady { hello: self.hello, reason, output })
    }
}

/// What a stop means for executions that never started.
pub(super) fn not_run(reason: &StopReason) -> NotRun {
    match reason {
        StopReason::Interrupted => NotRun::Interrupted,
        StopReason::MaxFail(_) => NotRun::MaxFail,
        StopReason::ServerLost(_) => NotRun::ServerLost,
        StopReason::Stopped { .. } => NotRun::Stopped,
        StopReason::Internal(_)
        | StopReason::Completed
        | StopReason::FailedRound
        | StopReason::CollectionFailed(_)
        | StopReason::NothingCollected
        | StopReason::Usage(_) => NotRun::NoWorker,
    }
}

pub(super) fn level_of(word: &str) -> Level {
    match word {
        "info" => Level::Info,
        "error" => Level::Error,
        _ => Level::Warning,
    }
}
