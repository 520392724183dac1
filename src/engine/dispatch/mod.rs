//! The dispatcher of `fork` and `spawn`: owns a run's state and reacts to the inbox.

mod attempts;
mod beginning;
mod dealing;
mod ending;
mod hearing;
mod playing;
mod poison;
mod presence;
mod probing;
mod recycling;
mod spread;
mod staff;
mod stalls;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use super::branch::Branch;
use super::crew::Worker;
use super::director::Director;
use super::distribution::Distribution;
use super::inbox::Control;
use super::launch::{self, Base};
use super::listed::Listed;
use super::numbers::Numbers;
use super::outage::Outage;
use super::past::Past;
use super::plan::{Plan, ServerNeed};
use super::probe::Probes;
use super::record::Record;
use super::recruit::Recruiter;
use super::rules::Rules;
use crate::model::{DistMode, Level, Output, Round, Slot, StopReason, WorkerId};
use crate::protocol::{FileRow, Hello, Ready, Stamps, TestRow};
use crate::scheduler::{Claims, Deal, Depth, Forecast, Next, Over, Spent, Variation};

pub(super) use beginning::{Run, ask_server, direct, finish, run, run_spawned, run_with_notice};

use attempts::Attempts;
use playing::Play;
use poison::Poison;
use presence::Hit;
use spread::Spread;

/// Workers that may die one after the other without having started a test, in all or on one place,
/// before the run ends: the next one would die too.
const STILLBORN_LIMIT: u32 = 3;

/// A worker with more tests than this waits for no answer soon: only quick ones are given so many.
const ENOUGH: usize = 8;

#[expect(clippy::struct_excessive_bools, reason = "independent facts of a run")]
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
    /// The status that a session ended with by a hook's will, and what it wrote last.
    suite_status: Option<(i32, String)>,
    /// Spawned workers' lists, while they come.
    lists: Vec<(WorkerId, Listed<TestRow>)>,
    hello: Option<Box<Hello>>,
    crew: Vec<Worker>,
    /// Slots whose own worker number is in use or was, and how many replacements came after.
    numbered_slots: HashSet<Slot>,
    replacements: u32,
    slots: usize,
    round: Round,
    /// How many workers, and how tests are dealt to them.
    distribution: Distribution,
    /// Spawned workers were told another number of workers than xdist's options ask for.
    starts_anew: bool,
    /// Workers that crashed in this round.
    crashes: u32,
    /// This round's deal; none before the first round.
    deal: Option<Deal>,
    depth: Depth,
    past: Past,
    /// What is expected of tests, while no deal has it.
    forecast: Forecast,
    rules: Rules,
    /// Whether this round is to differ from those before it.
    is_varied: bool,
    /// What such rounds hand on to each other.
    variation: Option<Variation>,
    /// What the tests of this round have taken together.
    spent: Spent,
    /// What tests must not run beside, with nothing held.
    claims: Claims,
    /// Files that workers collect, where they do.
    spread: Option<Spread>,
    /// What collects all files meanwhile, for later rounds, and how it numbers the tests.
    branch: Option<Branch>,
    branch_numbers: Option<Numbers>,
    goes_on_after_errors: bool,
    attempts: Attempts,
    poison: Poison,
    /// Workers that were replaced because they had grown.
    grown: u32,
    /// Whether any attempt was followed by another: pytest itself counts it as a failure.
    has_retried: bool,
    failure_limit: Option<u64>,
    is_live: bool,
    stop: Option<StopReason>,
    interrupts: u32,
    kill_at: Option<Instant>,
    /// How long the run was stopped by Ctrl-Z.
    stood_still: Duration,
    /// Workers that died one after the other without having started a test, in all and on each place.
    stillborn: u32,
    /// Connections that were no awaited worker's.
    strangers: u32,
    stillborn_on: HashMap<Slot, u32>,
    outage: Outage,
    /// Failures that wait for the server's answer.
    hits: Vec<Hit>,
    needs_server: bool,
    probes: Probes,
    /// Who says what each round plays, where that is prescribed, and the round that is being played.
    director: Option<&'a mut dyn Director>,
    play: Option<Play>,
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
            suite_status: None,
            lists: Vec::new(),
            hello: None,
            crew: Vec::new(),
            numbered_slots: HashSet::new(),
            replacements: 0,
            slots: Distribution::planned(plan).before_collection(),
            distribution: Distribution::planned(plan),
            starts_anew: false,
            crashes: 0,
            round: Round::FIRST,
            deal: None,
            depth: Depth::default(),
            past: Past::default(),
            forecast: Forecast::default(),
            rules: Rules::default(),
            is_varied: false,
            variation: None,
            spent: Spent::default(),
            claims: Claims::default(),
            spread: None,
            branch: None,
            branch_numbers: None,
            goes_on_after_errors: false,
            attempts: Attempts::default(),
            poison: Poison::default(),
            grown: 0,
            has_retried: false,
            failure_limit: None,
            is_live: plan.output == Output::Live,
            stop: None,
            interrupts: 0,
            kill_at: None,
            stood_still: Duration::ZERO,
            stillborn: 0,
            strangers: 0,
            stillborn_on: HashMap::new(),
            outage: Outage::default(),
            hits: Vec::new(),
            needs_server: plan.server_need == ServerNeed::Always,
            probes: Probes::of(plan),
            director: None,
            play: None,
        }
    }

    /// The list of tests is known: reports the run's beginning and asks the server if one of the
    /// tests needs it.
    fn collected(
        &mut self,
        hello: &Hello,
        ready: &Ready,
        mut rows: Vec<TestRow>,
        files: Vec<FileRow>,
    ) -> Result<(), StopReason> {
        if let Some(stamps) = &ready.stamps {
            let Stamps { imported, loaded, collecting, collected } = **stamps;
            let timeline = &mut self.record.timeline;
            timeline.imported = Some(imported);
            timeline.loaded = Some(loaded);
            timeline.collecting = Some(collecting);
            timeline.collected = Some(collected);
        }
        let marks: Vec<_> = rows.iter_mut().map(|row| std::mem::take(&mut row.pnl)).collect();
        self.distribution = Distribution::new(self.plan, &ready.xdist);
        self.goes_on_after_errors = ready.goes_on;
        let unknown = self.look_back();
        let forecast = &self.forecast;
        self.spread = (!files.is_empty()).then(|| Spread::new(files, &ready.rootdir, forecast));
        self.slots = match &self.spread {
            None => self.distribution.slots(rows.len()),
            Some(_) => self.distribution.before_collection(),
        };
        self.is_collected = true;
        self.is_live |= ready.capture == "no";
        let limit = self.plan.failure_limit(ready.maxfail);
        self.failure_limit = limit.filter(|_| self.director.is_none());
        let Distribution { workers, dist, .. } = self.distribution;
        let plan = Plan { dist, workers, ..self.plan.clone() };
        self.record.begin_collecting(&plan, hello, self.how_collected(ready));
        if let Some(why) = unknown {
            self.record.notice(Level::Warning, why);
        }
        if self.spread.is_none() {
            self.record.collected(rows, ready, self.slots);
        }
        let marks = marks.iter().map(Vec::as_slice);
        self.rules =
            Rules::resolve(self.plan, marks, self.record.tests()).map_err(StopReason::Usage)?;
        self.claims = self.rules.claims();
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
            && self.any_file_under(Path::new(&ready.rootdir), folders)
        {
            self.needs_server = true;
            self.outage = ask_server(self.plan)?;
        }
        Ok(())
    }

    /// In a few words for the header, where it is worth a word.
    fn how_collected(&self, ready: &Ready) -> Option<String> {
        let why = ready.why_full.clone().or_else(|| launch::why_full(self.plan));
        match &self.spread {
            Some(spread) => Some(format!("spread over {} files", spread.len())),
            None => why.map(|why| format!("in full before the first test, because of {why}")),
        }
    }

    fn run_rounds(&mut self) -> StopReason {
        self.probe_round(None);
        let reason = self.stop.take().unwrap_or_else(|| self.run_round_after_round());
        self.tell_of_states();
        reason
    }

    fn run_round_after_round(&mut self) -> StopReason {
        let began = Instant::now();
        let mut round = Round::FIRST;
        loop {
            let failures = self.run_round(round);
            let stop = self.stop.take();
            if stop.as_ref().is_none_or(StopReason::is_judged) {
                self.probe_round(Some(round));
            }
            match self.stop.take().or(stop) {
                Some(StopReason::MaxFail(_)) if self.plan.rounds.keep_going => {}
                Some(reason) => return reason,
                None => {}
            }
            let elapsed = began.elapsed().saturating_sub(self.stood_still);
            let is_sure = self.record.is_sure();
            match self.plan.rounds.after(Over { round, failures, elapsed, is_sure }) {
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

    /// Returns the round's failures.
    fn run_round(&mut self, round: Round) -> u64 {
        self.round = round;
        if let Err(reason) = self.end_collection(round) {
            self.stop = Some(reason);
            return 0;
        }
        let all_slots = self.slots;
        self.is_varied = self.is_to_differ(round);
        self.slots = self.slots_of(round);
        let dist = self.distribution.dist;
        self.deal = Some(self.deal_of(round));
        self.attempts = Attempts::of_round(dist);
        self.crashes = 0;
        let copies = if dist == DistMode::Each { self.slots } else { 1 };
        self.record.begin_round(round, self.slots, copies);
        self.leave_poison_out(copies);
        if round != Round::FIRST {
            self.crew.iter_mut().for_each(|worker| worker.tell_round(round));
        }
        self.recruit_missing(round);
        self.grow_branch();
        for index in 0..self.crew.len() {
            self.top_up(index);
        }
        while !self.round_is_over() {
            self.step();
        }
        self.close_outage();
        self.list_anyway();
        if self.stop.is_none() && self.spread.is_some() && self.record.tests().is_empty() {
            self.stop = Some(StopReason::NothingCollected);
        }
        if let Some(mut deal) = self.deal.take() {
            self.forecast = std::mem::take(deal.forecast_mut());
            self.vary_next(deal.into_variation());
        }
        let (failures, stop) = self.record.end_round(self.stop.take());
        self.stop = stop;
        self.slots = all_slots;
        failures
    }

    fn round_is_over(&self) -> bool {
        let waiting = self.deal.as_ref().map_or(0, |deal| deal.waiting() + deal.unknown());
        let nothing_to_deal = waiting == 0 || self.crew.is_empty();
        nothing_to_deal
            && self.crew.iter().all(Worker::is_parked)
            && !self.awaits_server()
            && !self.awaits_state()
    }

    /// Waits for one thing to happen, or for the next deadline, and reacts.
    fn step(&mut self) {
        self.check_overtime(Instant::now());
        self.ask_again(Instant::now());
        self.check_probe(Instant::now());
        let branch = self.branch.as_ref().and_then(Branch::deadline);
        let deadlines = self.crew.iter().filter_map(Worker::deadline).chain(self.kill_at);
        let deadlines =
            deadlines.chain(branch).chain(self.outage.deadline()).chain(self.next_cue());
        let deadlines = deadlines.chain(self.probes.deadline());
        self.control.let_gather(self.crew.iter().all(|it| it.load() > ENOUGH));
        if let Some(message) = self.control.receive(deadlines.min()) {
            self.handle(message);
        }
        if self.kill_at.is_some_and(|at| Instant::now() >= at) {
            self.kill_all();
        }
        self.bury();
    }

    /// Waits between rounds.
    fn wait(&mut self, delay: Duration) {
        let began = Instant::now();
        let before = self.stood_still;
        while self.stop.is_none() {
            let end = began + delay + self.stood_still.saturating_sub(before);
            if Instant::now() >= end {
                return;
            }
            if let Some(message) = self.control.receive(Some(end)) {
                self.handle(message);
                self.bury();
            }
        }
    }
}

pub(super) fn level_of(word: &str) -> Level {
    match word {
        "info" => Level::Info,
        "error" => Level::Error,
        _ => Level::Warning,
    }
}
