//! The inquiry into one test: its arms, what came of their trials, and contests between arms.

use std::time::Duration;

use super::arm::Arm;
use super::bench::{Bench, Purse, Stop};
use super::bisect::Effect;
use super::record::{Circumstance, Record};
use super::sweep::{Skew, Sweep};
use super::tally::Tally;
use super::trial::{Planned, Seen, Trial, in_series, seen};
use crate::model::TestIndex;
use crate::stats::{Arm as Side, Decision, Limits, TwoArms};

/// Processes of one round, at most: each may come to hold a browser.
const LANES: usize = 24;
/// Trials of one round take about so long together, at most, so that a decision is not overrun.
const ROUND: Duration = Duration::from_millis(1200);
/// Recorded offsets that are tried first.
const RECORDED: usize = 3;
/// Tests to compare with, at least.
const FEWEST: usize = 8;
/// Tests that run one after the other to fill the time of one, at most.
const LANE: usize = 12;
/// How often an arm is tried in vain before its setting is found to be impossible here.
const IN_VAIN: u32 = 5;

/// What is being found out about one test.
pub(super) struct Inquiry<'a> {
    /// The test.
    pub victim: TestIndex,
    /// The recorded run.
    pub record: &'a Record<'a>,
    /// The test's recorded executions.
    pub circumstances: Vec<Circumstance>,
    /// What has come of each arm so far.
    pub arms: Vec<(Arm, Tally)>,
    /// What ran beside it in each crowd, and whether it failed.
    pub crowds: Vec<(Vec<TestIndex>, bool)>,
    /// Tests that are not suspected of anything.
    pub innocent: Vec<TestIndex>,
    /// Tests that were taken for such until it failed beside them.
    pub exposed: Vec<TestIndex>,
    bench: &'a mut dyn Bench,
    purse: &'a mut Purse,
    sweeps: Vec<(TestIndex, Sweep)>,
    random: fastrand::Rng,
    in_vain: u32,
}

/// A trial with what must be known when it has ended.
struct Entry {
    /// Its place among those asked for, and in the table.
    asked: usize,
    arm: usize,
    trial: Trial,
    skew: Option<(TestIndex, usize)>,
}

/// How a contest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contest {
    /// The arm fails more often than every base.
    More,
    /// It does not fail more often than the base at this place.
    NotMore(usize),
}

impl<'a> Inquiry<'a> {
    /// At its beginning. `suspected` are all tests that may have to do with any failure.
    pub fn new(
        victim: TestIndex,
        record: &'a Record<'a>,
        suspected: &[TestIndex],
        bench: &'a mut dyn Bench,
        purse: &'a mut Purse,
    ) -> Self {
        let is_innocent = |test: &TestIndex| {
            *test != victim && !suspected.contains(test) && !record.has_failed(*test)
        };
        Self {
            victim,
            record,
            circumstances: record.circumstances(victim),
            arms: Vec::new(),
            crowds: Vec::new(),
            exposed: Vec::new(),
            innocent: (0..record.tests()).map(TestIndex).filter(is_innocent).collect(),
            bench,
            purse,
            sweeps: Vec::new(),
            random: fastrand::Rng::with_seed(u64::from(victim.0)),
            in_vain: 0,
        }
    }

    /// What has come of an arm so far.
    pub fn tally(&self, arm: &Arm) -> Tally {
        self.arms.iter().find(|(it, _)| it == arm).map_or_else(Tally::default, |(_, tally)| *tally)
    }

    /// All tests but this one, in the order in which they were collected.
    pub fn others(&self) -> Vec<TestIndex> {
        (0..self.record.tests()).map(TestIndex).filter(|it| *it != self.victim).collect()
    }

    /// How long a trial of an arm takes, at least.
    pub fn cost(&mut self, arm: &Arm) -> Duration {
        let entry = self.entry(0, arm);
        self.record.cost(&entry.trial)
    }

    /// How many offsets there are to sweep beside another.
    pub fn offsets(&mut self, other: TestIndex) -> usize {
        let at = self.sweep(other);
        self.sweeps[at].1.len()
    }

    /// Tries each of these arms, in turn, at least once, and as often as fits into a round but not
    /// more than so often.
    ///
    /// Returns what came of it: the arm's place among these, and whether the trial failed.
    pub fn try_out(&mut self, arms: &[Arm], at_most: u32) -> Result<Vec<(usize, bool)>, Stop> {
        if self.purse.is_spent(self.bench.elapsed()) {
            return Err(Stop::Spent);
        }
        let mut entries: Vec<Entry> = Vec::new();
        let (mut lanes, mut cost) = (0, Duration::ZERO);
        for turn in 0..at_most.max(1) {
            let cycle: Vec<Entry> =
                arms.iter().enumerate().map(|(asked, arm)| self.entry(asked, arm)).collect();
            lanes += cycle.iter().map(|it| it.trial.lanes.len()).sum::<usize>();
            cost += cycle.iter().map(|it| self.record.cost(&it.trial)).sum::<Duration>();
            if turn > 0 && (lanes > LANES || cost > ROUND) {
                break;
            }
            entries.extend(cycle);
        }
        self.perform(entries)
    }

    /// Tries an arm until it has been tried so often.
    pub fn try_until(&mut self, arm: &Arm, times: u64) -> Result<Tally, Stop> {
        loop {
            let missing = times.saturating_sub(self.tally(arm).executed);
            if missing == 0 {
                return Ok(self.tally(arm));
            }
            self.try_out(std::slice::from_ref(arm), u32::try_from(missing).unwrap_or(u32::MAX))?;
        }
    }

    /// Tries an arm and others that it is compared with in turn, until it is decided whether it
    /// fails more often than each of them. What was seen of the arm before does not count: it may be
    /// why it was chosen.
    pub fn contest(&mut self, arm: &Arm, bases: &[Arm], least: f64) -> Result<Contest, Stop> {
        self.decide(arm, bases, least, Effect::Fails)
    }

    /// The same for passing: whether it passes more often than each of them.
    pub fn contest_of_passing(
        &mut self,
        arm: &Arm,
        bases: &[Arm],
        least: f64,
    ) -> Result<Contest, Stop> {
        self.decide(arm, bases, least, Effect::Passes)
    }

    fn decide(
        &mut self,
        arm: &Arm,
        bases: &[Arm],
        least: f64,
        effect: Effect,
    ) -> Result<Contest, Stop> {
        /// Trials after which what is still open is taken for no difference.
        const LONGEST: usize = 80;
        let limits = Limits { alpha: 0.01, beta: 0.05, least };
        let mut pairs = vec![TwoArms::new(limits); bases.len()];
        // Six pairs decide what is clear.
        for turns in std::iter::once(6).chain(std::iter::repeat_n(4, LONGEST)) {
            let open: Vec<usize> = (0..bases.len())
                .filter(|&base| pairs[base].decision() == Decision::Undecided)
                .collect();
            let mut tried = vec![arm.clone()];
            tried.extend(open.iter().map(|&base| bases[base].clone()));
            for (asked, failed) in self.try_out(&tried, turns)? {
                let has = failed == (effect == Effect::Fails);
                match asked.checked_sub(1) {
                    Some(at) => pairs[open[at]].observe(Side::Without, has),
                    None => open.iter().for_each(|&at| pairs[at].observe(Side::With, has)),
                }
            }
            if let Some(base) = pairs.iter().position(|it| it.decision() == Decision::NotMore) {
                return Ok(Contest::NotMore(base));
            }
            if pairs.iter().all(|it| it.decision() == Decision::More) {
                return Ok(Contest::More);
            }
            let tried = pairs.iter().map(|it| it.table().with()).max().unwrap_or(0);
            if tried >= LONGEST as u64 || (effect == Effect::Fails && self.needs_no_other(tried)) {
                break;
            }
        }
        let open = pairs.iter().position(|it| it.decision() == Decision::Undecided).unwrap_or(0);
        Ok(Contest::NotMore(open))
    }

    /// Whether it fails alone, as often as in the record, so that a contest that has not been won by
    /// now would end in nothing that is needed.
    fn needs_no_other(&self, tried: u64) -> bool {
        const SOON: u64 = 12;
        let alone = self.tally(&Arm::Alone);
        let (failed, executed) = self.record.tally(self.victim);
        tried >= SOON && alone.failed >= 3 && Tally::new(failed, executed).p_more_than(alone) > 0.05
    }

    fn perform(&mut self, entries: Vec<Entry>) -> Result<Vec<(usize, bool)>, Stop> {
        let trials: Vec<Trial> = entries.iter().map(|it| it.trial.clone()).collect();
        self.purse.executions += trials.iter().map(Trial::executions).sum::<u64>();
        let performed = self.bench.perform(in_series(&trials)).ok_or(Stop::Ended)?;
        // Copies can be in each other's way where no two tests ever are: they use the same names.
        let all = seen(&trials, &performed, |at, it| {
            let is_copied = matches!(self.arms[entries[at].arm].0, Arm::Copies(_));
            !is_copied || self.record.has_failed_so(self.victim, it)
        });
        if all.iter().all(|it| *it == Seen::Nothing) {
            self.in_vain += 1;
            return if self.in_vain >= IN_VAIN { Err(Stop::InVain) } else { Ok(Vec::new()) };
        }
        self.in_vain = 0;
        let mut came = Vec::new();
        for (entry, seen) in entries.into_iter().zip(all) {
            let failed = match seen {
                Seen::Nothing => continue,
                Seen::Failed => true,
                Seen::Passed => false,
            };
            self.arms[entry.arm].1.count(failed);
            came.push((entry.asked, failed));
            if failed {
                self.learn(&entry);
            }
            if matches!(self.arms[entry.arm].0, Arm::Crowd(_)) {
                let others = entry.trial.lanes.iter().flatten().map(|planned| planned.test);
                let others = others.filter(|test| *test != self.victim).collect();
                self.crowds.push((others, failed));
            }
        }
        Ok(came)
    }

    /// An offset at which it failed is taken more often. Beside whom it failed that was there for
    /// comparison is none to compare with; if it fails beside anybody, the next one shows that too.
    fn learn(&mut self, entry: &Entry) {
        if let Some((other, at)) = entry.skew {
            let sweep = self.sweep(other);
            self.sweeps[sweep].1.failed(at);
        }
        let is_compared =
            matches!(self.arms[entry.arm].0, Arm::BesideOthers(_) | Arm::AmongOthers(_));
        let first = entry.trial.lanes.iter().filter_map(|lane| lane.first());
        for other in first.filter(|it| is_compared && !it.counts) {
            if self.innocent.len() > FEWEST && self.innocent.contains(&other.test) {
                self.innocent.retain(|it| *it != other.test);
                self.exposed.push(other.test);
            }
        }
    }

    fn place(&mut self, arm: &Arm) -> usize {
        self.arms.iter().position(|(it, _)| it == arm).unwrap_or_else(|| {
            self.arms.push((arm.clone(), Tally::default()));
            self.arms.len() - 1
        })
    }

    fn entry(&mut self, asked: usize, arm: &Arm) -> Entry {
        let victim = self.victim;
        let mut skew = None;
        let trial = match arm {
            Arm::Alone | Arm::Afterwards => Trial::alone(victim),
            Arm::Beside(other) => {
                let sweep = self.sweep(*other);
                let (at, it) = self.sweeps[sweep].1.next();
                skew = Some((*other, at));
                beside(victim, *other, it)
            }
            Arm::BesideOthers(suspect) => {
                let sweep = self.sweep(*suspect);
                let it = self.sweeps[sweep].1.last();
                let other = self.alike(*suspect);
                beside(victim, other, self.scaled(it, *suspect, other))
            }
            Arm::After(before) => Trial::after(before, victim),
            Arm::AfterOthers(count) => Trial::after(&self.draw(*count), victim),
            Arm::Replay { circumstance, kept } => {
                self.circumstances[*circumstance].replay(victim, kept)
            }
            Arm::Copies(count) => Trial::copies(victim, *count),
            Arm::Crowd(count) => {
                let others = self.crowd(count.saturating_sub(1) as usize);
                Trial::crowd(victim, &others)
            }
            Arm::Among(others) => Trial::crowd(victim, others),
            Arm::AmongOthers(suspects) => {
                let lanes = suspects.iter().map(|&suspect| self.others_as_long_as(suspect));
                Trial::beside_lanes(victim, lanes.collect())
            }
            Arm::Again => Trial::again(victim, 2),
            Arm::AfterRest => Trial::after(&self.others(), victim),
        };
        Entry { asked, arm: self.place(arm), trial, skew }
    }

    fn sweep(&mut self, other: TestIndex) -> usize {
        if let Some(at) = self.sweeps.iter().position(|(it, _)| *it == other) {
            return at;
        }
        let failed = self.circumstances.iter().filter(|it| it.failed);
        let recorded = failed.filter_map(|it| it.begins_after(other));
        let recorded: Vec<Skew> = recorded
            .map(|(by, victim_is_later)| Skew { by, victim_is_later })
            .take(RECORDED)
            .collect();
        let lengths = (self.record.duration(self.victim), self.record.duration(other));
        self.sweeps.push((other, Sweep::new(&recorded, lengths.0, lengths.1)));
        self.sweeps.len() - 1
    }

    /// An innocent test that takes about as long as a suspect, if there is one.
    fn alike(&mut self, suspect: TestIndex) -> TestIndex {
        /// Of so many that take long enough, or of so many that take longest.
        const FEW: usize = 4;
        let wanted = self.record.duration(suspect).mul_f64(0.9);
        let mut others = self.innocent.clone();
        others.retain(|it| *it != suspect);
        others.sort_by_key(|it| std::cmp::Reverse(self.record.duration(*it)));
        let long = others.iter().filter(|it| self.record.duration(**it) >= wanted).count();
        others.truncate(long.max(FEW));
        self.random.choice(&others).copied().unwrap_or(self.victim)
    }

    /// Innocent tests that take as long as a suspect together, one after the other.
    fn others_as_long_as(&mut self, suspect: TestIndex) -> Vec<TestIndex> {
        let mut lane = vec![self.alike(suspect)];
        let mut left = self.record.duration(suspect).saturating_sub(self.record.duration(lane[0]));
        while !left.is_zero() && lane.len() < LANE {
            // No long ones: the first of a lane is the one that is suspected if that fails.
            let is_short = |it: &&TestIndex| self.record.duration(**it) <= left;
            let short: Vec<TestIndex> = self.innocent.iter().filter(is_short).copied().collect();
            let Some(&next) = self.random.choice(&short) else { break };
            left = left.saturating_sub(self.record.duration(next));
            lane.push(next);
        }
        lane
    }

    /// The same place in another test's time.
    fn scaled(&self, skew: Skew, suspect: TestIndex, other: TestIndex) -> Skew {
        let (from, to) = (self.record.duration(suspect), self.record.duration(other));
        if !skew.victim_is_later || from.is_zero() {
            return skew;
        }
        Skew { by: skew.by.mul_f64(to.as_secs_f64() / from.as_secs_f64()), ..skew }
    }

    fn draw(&mut self, count: usize) -> Vec<TestIndex> {
        self.random.choose_multiple(self.innocent.iter().copied(), count)
    }

    /// Others to run beside it: half of the time from those that ran beside it when it failed.
    fn crowd(&mut self, count: usize) -> Vec<TestIndex> {
        let failed = self.circumstances.iter().filter(|it| it.failed);
        let mut neighbours: Vec<TestIndex> = failed.flat_map(Circumstance::neighbours).collect();
        neighbours.sort_unstable();
        neighbours.dedup();
        let all: Vec<TestIndex> = (0..self.record.tests()).map(TestIndex).collect();
        let from = if self.random.bool() && neighbours.len() >= count { neighbours } else { all };
        let from = from.into_iter().filter(|it| *it != self.victim);
        self.random.choose_multiple(from, count)
    }
}

fn beside(victim: TestIndex, other: TestIndex, skew: Skew) -> Trial {
    let (victim, other) = (Planned::victim(victim), Planned::other(other));
    let lanes = if skew.victim_is_later {
        [vec![other], vec![victim.delayed(skew.by)]]
    } else {
        [vec![other.delayed(skew.by)], vec![victim]]
    };
    Trial { lanes: lanes.to_vec() }
}
