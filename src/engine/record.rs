//! The run's record: what is planned, what has ended, and the events that say so.
//!
//! Every planned execution ends exactly once. What has not ended when a round closes is ended here,
//! so the sums match whatever happened; and where nobody knows why it has not, the run says so.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::gaps::Gaps;
use super::hide;
use super::kept::{self, Kept};
use super::leaks::{Found, Leaks, Member, News, Present, Which};
use super::plan::{Plan, Warmth};
use super::sure::Sure;
use crate::model::{
    Attempt, Counts, Event, Execution, ExitCode, Failure, FlakyPolicy, Infrastructure, Leak,
    LeakPolicy, Level, NodeId, NotRun, Offset, Outcome, Phases, Round, RoundEnded, RoundStarted,
    RunEnded, RunId, RunStarted, Secrets, Server, StopReason, TestIndex, TestInfo, Timeline, What,
    WorkerId, without_secrets,
};
use crate::process::RunProcesses;
use crate::protocol::{Hello, Ready, TestRow};
use crate::report::Reporter;
use crate::scheduler::Until;

/// Emits events and keeps the sums.
pub(super) struct Record<'a> {
    reporter: &'a mut dyn Reporter,
    /// Where the time goes.
    pub(super) timeline: Timeline,
    /// Microseconds on the monotonic clock when the run began.
    origin: u64,
    /// The run's id, once its beginning was reported and until its end was.
    run: Option<RunId>,
    tests: Vec<Arc<TestInfo>>,
    /// Whether the list of tests was reported.
    is_listed: bool,
    round: Option<Round>,
    round_began: Offset,
    /// Executions of this round that have not ended, for each test.
    open: Vec<u32>,
    /// Which attempt is next of a test that has failed in this round and is tried again.
    next_attempts: HashMap<TestIndex, Attempt>,
    gaps: Gaps,
    kept: Kept,
    secrets: Secrets,
    round_counts: Counts,
    counts: Counts,
    rounds_run: u32,
    /// Executions that passed only when they were retried, in this round and in all.
    round_flaky: u64,
    flaky: u64,
    flaky_policy: FlakyPolicy,
    sure: Option<Sure>,
    /// Failures that are no execution's: collection errors that were let pass.
    other_failures: u64,
    /// What tests leave running.
    leaks: Option<Leaks>,
    leak_policy: LeakPolicy,
    /// Where the template comes from, until the run's beginning is reported.
    pub(super) template: Option<String>,
}

/// How an execution went; what [`Record::ended`] takes.
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) start: Offset,
    pub(super) phases: Phases,
    pub(super) failure: Option<Arc<Failure>>,
    pub(super) reason: Option<String>,
    pub(super) infrastructure: Infrastructure,
}

impl Ending {
    /// One without phases or words.
    pub(super) fn bare(outcome: Outcome, start: Offset) -> Self {
        Self {
            outcome,
            start,
            phases: Phases::default(),
            failure: None,
            reason: None,
            infrastructure: Infrastructure::default(),
        }
    }
}

impl<'a> Record<'a> {
    /// A record of a plan's run, whose clock starts now.
    pub(super) fn of(plan: &Plan, reporter: &'a mut dyn Reporter) -> Self {
        let timeline = Timeline { began: Some(plan.began_us), ..Timeline::default() };
        Self {
            reporter,
            timeline,
            origin: monotonic_us(),
            run: None,
            tests: Vec::new(),
            is_listed: false,
            round: None,
            round_began: Offset::default(),
            open: Vec::new(),
            next_attempts: HashMap::new(),
            gaps: Gaps::default(),
            kept: Kept::default(),
            secrets: plan.secrets.clone(),
            round_counts: Counts::default(),
            counts: Counts::default(),
            rounds_run: 0,
            round_flaky: 0,
            flaky: 0,
            flaky_policy: FlakyPolicy::Pass,
            sure: match plan.rounds.until {
                Some(Until::Sure(rate)) => Some(Sure::below(rate)),
                Some(Until::Failure) | None => None,
            },
            other_failures: 0,
            leaks: None,
            leak_policy: plan.leak,
            template: None,
        }
    }

    /// Time since the run began.
    pub(super) fn now(&self) -> Offset {
        Offset(monotonic_us().saturating_sub(self.origin))
    }

    /// All stood still for so long: no time has gone by.
    pub(super) fn stood_still(&mut self, pause: Duration) {
        self.origin += pause.as_micros() as u64;
    }

    /// A time that a process of the run took from the shared monotonic clock, as time since the run
    /// began. It is not in the future, whatever a suite has done to its clock.
    pub(super) fn offset(&self, monotonic_us: u64) -> Offset {
        Offset(monotonic_us.saturating_sub(self.origin)).min(self.now())
    }

    /// Whether events have been reported.
    pub(super) fn has_begun(&self) -> bool {
        self.run.is_some()
    }

    /// The collected tests.
    pub(super) fn tests(&self) -> &[Arc<TestInfo>] {
        &self.tests
    }

    /// This round's failures so far.
    pub(super) fn round_failures(&self) -> u64 {
        self.round_counts.failures() + self.counted_flaky(self.round_flaky)
    }

    fn counted_flaky(&self, flaky: u64) -> u64 {
        match self.flaky_policy {
            FlakyPolicy::Pass => 0,
            FlakyPolicy::Fail => flaky,
        }
    }

    /// Reports the run's beginning.
    pub(super) fn begin(&mut self, plan: &Plan, hello: &Hello) {
        self.begin_collecting(plan, hello, None);
    }

    /// The same, with a word on how the tests are collected.
    pub(super) fn begin_collecting(
        &mut self,
        plan: &Plan,
        hello: &Hello,
        collection: Option<String>,
    ) {
        self.run = Some(plan.run.clone());
        let processes = RunProcesses::of(plan.run.as_str());
        self.leaks = Some(Leaks::of(match plan.warmth {
            Warmth::Cold => processes,
            Warmth::Warm { .. } => processes.by_environment(),
        }));
        self.flaky_policy = plan.flaky;
        let elapsed = i64::try_from(self.now().0).unwrap_or(0);
        let started = RunStarted {
            run: plan.run.clone(),
            purpose: plan.purpose,
            started_us: wall_us() - elapsed,
            scope: self.secrets.hide_all(&plan.scope),
            command: self.secrets.hide_in_command(&plan.command),
            root: plan.root.clone(),
            engine: plan.engine,
            dist: plan.dist,
            isolation: plan.isolation,
            workers: plan.workers.number(),
            workers_why: plan.auto_why.clone().filter(|_| plan.has_auto_workers()),
            rounds_planned: plan.rounds.planned(),
            until: plan.until_words(),
            server: Some(Server { url: without_secrets(&plan.server.url), ..plan.server.clone() }),
            python: plan.python.path.clone(),
            python_version: hello.python.clone(),
            python_from: plan.python.from.clone(),
            pytest_version: hello.pytest.clone(),
            seed: plan.shuffle,
            collection,
            template: self.template.take(),
        };
        self.emit(None, What::RunStarted(Arc::new(started)));
    }

    /// Takes the list of tests.
    pub(super) fn collected(&mut self, rows: Vec<TestRow>, ready: &Ready, workers: usize) {
        self.gaps.unlisted = (ready.count as usize).saturating_sub(rows.len());
        self.add(rows, 0);
        self.list(Path::new(&ready.rootdir), workers);
    }

    /// Takes tests that were found while the round runs, each planned `copies` times; returns them.
    pub(super) fn add(&mut self, rows: Vec<TestRow>, copies: u32) -> Vec<Arc<TestInfo>> {
        let first = self.tests.len();
        self.tests.extend(rows.into_iter().zip(first..).map(|(row, index)| {
            Arc::new(TestInfo {
                index: TestIndex(index as u32),
                nodeid: NodeId::new(&row.id),
                line: row.line,
                group: row.group.as_deref().map(Arc::from),
            })
        }));
        self.open.resize(self.tests.len(), copies);
        self.tests[first..].to_vec()
    }

    /// Reports the list of tests, which is complete.
    pub(super) fn list(&mut self, rootdir: &Path, workers: usize) {
        if std::mem::replace(&mut self.is_listed, true) {
            return;
        }
        let (tests, rootdir) = (Arc::from(self.tests.as_slice()), Arc::from(rootdir));
        self.emit(None, What::Collected { tests, workers, rootdir });
    }

    /// Begins a round in which every test is planned `copies` times.
    pub(super) fn begin_round(&mut self, round: Round, workers: usize, copies: usize) {
        self.begin_prescribed(round, workers, vec![copies as u32; self.tests.len()]);
    }

    /// Begins a round in which each test is planned so often.
    pub(super) fn begin_prescribed(&mut self, round: Round, workers: usize, planned: Vec<u32>) {
        self.round = Some(round);
        self.rounds_run = round.0;
        self.round_began = self.now();
        self.round_counts = Counts::default();
        self.round_flaky = 0;
        self.next_attempts.clear();
        self.open = planned;
        let planned = self.open.iter().map(|&count| u64::from(count)).sum();
        self.emit(None, What::RoundStarted(RoundStarted { workers, planned }));
    }

    /// A test begins.
    pub(super) fn started(&mut self, worker: Option<WorkerId>, test: TestIndex, attempt: Attempt) {
        if let Some(test) = self.tests.get(test.at()).cloned() {
            self.emit(worker, What::TestStarted { test, attempt });
        }
    }

    /// A test has been running for so many seconds.
    pub(super) fn slow(&mut self, worker: Option<WorkerId>, test: TestIndex, elapsed: f64) {
        if let Some(test) = self.tests.get(test.at()).cloned() {
            self.emit(worker, What::TestSlow { test, elapsed });
        }
    }

    /// An attempt failed and will be followed by another.
    pub(super) fn attempt_failed(
        &mut self,
        worker: Option<WorkerId>,
        test: TestIndex,
        attempt: Attempt,
        ending: Ending,
    ) {
        self.next_attempts.insert(test, attempt.next());
        let execution = self.execution(test, attempt, ending);
        self.emit(worker, What::AttemptFailed(Box::new(execution)));
    }

    /// An execution has ended. One that was not open (a peer that repeats itself) is not counted as
    /// an execution, and is told when the round closes.
    pub(super) fn ended(
        &mut self,
        worker: Option<WorkerId>,
        test: TestIndex,
        attempt: Attempt,
        ending: Ending,
    ) {
        let Some(open) = self.open.get_mut(test.at()) else { return };
        let nodeid = || self.tests[test.at()].nodeid.clone();
        if *open == 0 {
            self.gaps.doubled.push(nodeid());
            return;
        }
        if ending.outcome == Outcome::NotRun(NotRun::Unreported) {
            self.gaps.unreported.push(nodeid());
        }
        *open -= 1;
        if worker.is_some() {
            let now = monotonic_us();
            self.timeline.first_result.get_or_insert(now);
            self.timeline.last_result = Some(now);
        }
        let execution = self.execution(test, attempt, ending);
        self.round_counts.add(execution.outcome.kind());
        self.round_flaky += u64::from(execution.is_flaky());
        self.emit(worker, What::TestEnded(Box::new(execution)));
    }

    fn execution(&mut self, test: TestIndex, attempt: Attempt, ending: Ending) -> Execution {
        if let Some(sure) = &mut self.sure {
            sure.note(test, ending.outcome.kind(), ending.infrastructure.this);
        }
        let test = self.tests[test.at()].clone();
        let Ending { outcome, start, phases, failure, reason, infrastructure } = ending;
        let failure = failure.map(|failure| self.kept.admit(hide::failure(&self.secrets, failure)));
        let reason = reason.map(|reason| kept::line(hide::text_of(&self.secrets, reason)));
        Execution { test, attempt, outcome, start, phases, failure, reason, infrastructure }
    }

    /// Ends the round: what has not ended is not run, because of `stop` or, where nothing stopped the
    /// round, for no reason that is known. Returns the round's failures, and why the run is to end:
    /// `stop`, or what the self-check found.
    pub(super) fn end_round(&mut self, stop: Option<StopReason>) -> (u64, Option<StopReason>) {
        let reason = stop.as_ref().map_or(NotRun::Unreported, not_run);
        for index in 0..self.open.len() {
            for _ in 0..self.open[index] {
                let ending = Ending::bare(Outcome::NotRun(reason), self.now());
                let test = TestIndex(index as u32);
                let attempt = self.next_attempts.get(&test).copied().unwrap_or(Attempt::FIRST);
                self.ended(None, test, attempt, ending);
            }
        }
        let stop = self.check(stop);
        let counts = self.round_counts;
        let elapsed = self.now().seconds() - self.round_began.seconds();
        self.counts += counts;
        let flaky = self.round_flaky;
        self.flaky += flaky;
        let left = self.sure.as_ref().map(Sure::left);
        self.emit(None, What::RoundEnded(RoundEnded { counts, flaky, elapsed, left }));
        self.round = None;
        (self.round_failures(), stop)
    }

    /// The self-check. Where the run ends for a reason of its own that is no judgement of the tests,
    /// that stays the reason.
    fn check(&mut self, stop: Option<StopReason>) -> Option<StopReason> {
        let gaps = std::mem::take(&mut self.gaps);
        let Some(sentence) = gaps.sentence(self.tests.len()) else { return stop };
        match stop {
            None | Some(StopReason::MaxFail(_)) => Some(StopReason::Internal(sentence)),
            Some(reason) => {
                self.notice(Level::Error, sentence);
                Some(reason)
            }
        }
    }

    /// Whether every test is known as well as was asked for.
    pub(super) fn is_sure(&self) -> bool {
        self.sure.as_ref().is_some_and(|sure| sure.left() == 0)
    }

    /// Whether anything failed in any round, an execution or something else.
    pub(super) fn has_failures(&self) -> bool {
        self.counts.failures() + self.other_failures > 0
    }

    /// Shows what pytest's own session says.
    pub(super) fn pytest_output(&mut self, text: String) {
        self.emit(None, What::PytestOutput(kept::block(text)));
    }

    /// Counts failures that are no execution's.
    pub(super) fn other_failures(&mut self, count: u64) {
        self.other_failures += count;
    }

    /// Reports the run's end, if its beginning was reported.
    pub(super) fn finish(&mut self, reason: StopReason) -> ExitCode {
        // After an interruption what was left is no news: tests did not come to their end.
        if let Some(leaks) = self.leaks.take() {
            leaks.after_all(reason != StopReason::Interrupted);
            let found = leaks.finish();
            self.tell(found);
        }
        let failures = self.counts.failures() + self.counted_flaky(self.flaky);
        let exit = reason.exit_code(failures + self.other_failures);
        if self.run.take().is_some() {
            let (counts, elapsed) = (self.counts, self.now().seconds());
            let (rounds_run, flaky) = (self.rounds_run, self.flaky);
            let ended = RunEnded { counts, flaky, elapsed, rounds_run, reason, exit };
            self.emit(None, What::RunEnded(ended));
        }
        exit
    }

    /// A worker has ended: has what it left running looked for.
    pub(super) fn worker_gone(
        &mut self,
        gone: Member,
        news: News,
        crew: Vec<Present>,
        keep: Vec<u32>,
    ) {
        if let Some(leaks) = &self.leaks {
            leaks.after(gone, news, crew, keep);
        }
        self.tell_leaks();
    }

    /// A round is over whose processes have all ended.
    pub(super) fn processes_gone(&mut self, is_news: bool) {
        if let Some(leaks) = &self.leaks {
            leaks.after_all(is_news);
        }
    }

    /// Reports what was found by now of what tests left running.
    fn tell_leaks(&mut self) {
        let found = self.leaks.as_ref().map(Leaks::found).unwrap_or_default();
        self.tell(found);
    }

    fn tell(&mut self, found: Vec<Found>) {
        for Found { worker, test, orphan } in found {
            let test = test.and_then(|it| match it {
                Which::Id(id) => Some(id),
                Which::Index(index) => Some(self.tests.get(index.at())?.nodeid.clone()),
            });
            let (pid, age, processes) = (
                orphan.pid,
                monotonic_us().saturating_sub(orphan.started) as f64 / 1e6,
                orphan.members.len(),
            );
            let leak = Leak { pid, command: orphan.command, age, processes, test };
            self.emit(worker, What::ProcessLeaked(leak));
            self.other_failures += match self.leak_policy {
                LeakPolicy::Report => 0,
                LeakPolicy::Fail => 1,
            };
        }
    }

    /// Tells the user something.
    pub(super) fn notice(&mut self, level: Level, text: impl Into<String>) {
        self.emit(None, What::Notice { level, text: kept::notice(text.into()) });
    }

    /// Reports an event of now.
    pub(super) fn emit(&mut self, worker: Option<WorkerId>, what: What) {
        let what = hide::event(&self.secrets, what);
        let event = Event { at: self.now(), round: self.round, worker, what };
        self.reporter.event(&Arc::new(event));
    }
}

/// What a stop means for executions that never started.
fn not_run(reason: &StopReason) -> NotRun {
    match reason {
        StopReason::Interrupted | StopReason::RunTimeout(_) => NotRun::Interrupted,
        StopReason::MaxFail(_) => NotRun::MaxFail,
        StopReason::ServerLost(_) => NotRun::ServerLost,
        StopReason::Stopped { .. } => NotRun::Stopped,
        StopReason::Internal(_)
        | StopReason::Stalled(_)
        | StopReason::WorkerLimit(_)
        | StopReason::Completed
        | StopReason::FailedRound
        | StopReason::CollectionFailed(_)
        | StopReason::NothingCollected
        | StopReason::Usage(_) => NotRun::NoWorker,
    }
}

/// Microseconds on the clock that Python calls `time.monotonic`.
#[must_use]
pub fn monotonic_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}

fn wall_us() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}
