//! The strongest evidence for a verdict, as a sentence.

use std::collections::BTreeMap;

use super::bits::Bits;
use super::hypothesis::{Hypothesis, Overlap, Reason};
use super::likelihood::Split;
use super::state::State;
use super::victim::Victim;
use crate::model::Round;
use crate::stats::{
    Level, change_point, fails_more_with, failure_rate_in_blocks, threshold, trend,
};

/// What is to be said of a test, and by what.
pub(super) struct Sentence<'v, 'r> {
    pub victim: &'v Victim<'r>,
    /// The likeliest of the verdict's kind.
    pub hypothesis: &'v Hypothesis,
    /// Those that are named.
    pub culprits: &'v [u32],
    /// How many candidates were looked at.
    pub tried: usize,
}

impl Sentence<'_, '_> {
    pub(super) fn text(&self) -> String {
        match &self.hypothesis.reason {
            Reason::Broken => self.broken(),
            Reason::Alone => self.alone(),
            Reason::Beside(tests, overlap) => self.tied(tests, *overlap),
            Reason::After(tests) => self.divided(&format!("after {}", self.either(tests))),
            Reason::JustAfter(test) => self.divided(&format!("right after {}", self.one(*test))),
            Reason::AfterUnless(polluter, cleaner) => self.divided(&format!(
                "after {} without {} in between",
                self.one(*polluter),
                self.name(*cleaner),
            )),
            Reason::Without(tests) => {
                self.divided(&format!("without {} before it in its process", self.either(tests)))
            }
            Reason::Since(run, round) => self.since(*run, *round),
            Reason::Crowd(from) => self.crowded(*from),
            Reason::Ramp(from) => self.ramp(*from),
            Reason::Pool(tests, at) => self.pooled(tests, *at),
        }
    }

    fn broken(&self) -> String {
        match (self.victim.failures(), self.victim.executed()) {
            (1, 1) => "fails in its only execution".to_owned(),
            (failed, all) if failed == all => format!("fails in all {all} executions"),
            (failed, all) => format!("fails in {failed} of {all} executions"),
        }
    }

    fn alone(&self) -> String {
        let (failed, all) = (self.victim.failures(), self.victim.executed());
        let rate = failure_rate_in_blocks(&self.victim.by_round()).map_or(String::new(), |it| {
            let [rate, low, high] = [it.rate.estimate, it.rate.low, it.rate.high].map(percent);
            format!(" ({rate}%, {low}–{high}%)")
        });
        let whatever = match (self.victim.beside.is_empty(), self.victim.before.is_empty()) {
            (true, true) => "by itself",
            (false, true) => "whatever runs beside it",
            (true, false) => "whatever runs before it",
            (false, false) => "whatever runs beside or before it",
        };
        format!("fails in {failed} of {}{rate}, {whatever}", executions(all))
    }

    fn tied(&self, tests: &[u32], overlap: Overlap) -> String {
        let whom = self.either(tests);
        self.divided(&match overlap {
            Overlap::Any | Overlap::Early => format!("beside {whom}"),
            Overlap::Found => format!("that began while {whom} ran"),
            Overlap::Joined => format!("in which {whom} began meanwhile"),
        })
    }

    /// "fails in 9 of 12 executions …, in 0 of 88 otherwise, p = 2e-11".
    fn divided(&self, how: &str) -> String {
        let split = self.hypothesis.exposed.as_ref().map_or(Split::default(), |it| self.split(it));
        let Split { failed_with, with, failed_without, without } = split;
        let p = (fails_more_with(&split.table()) * self.tried.max(1) as f64).min(1.0);
        format!(
            "fails in {failed_with} of {} {how}, in {failed_without} of {without} otherwise, \
             p = {}",
            executions(with),
            chance(p),
        )
    }

    /// From so many at a time on; p allows for having looked at every number.
    fn crowded(&self, from: u32) -> String {
        let split = self.hypothesis.exposed.as_ref().map_or(Split::default(), |it| self.split(it));
        let Split { failed_with, with, failed_without, without } = split;
        let p = threshold(&self.levels(|at| self.victim.most[at]));
        let p = p.map_or(String::new(), |it| format!(", p = {}", chance(it.p)));
        format!(
            "fails in {failed_with} of {} while {from} or more tests run at a time, in \
             {failed_without} of {without} otherwise{p}",
            executions(with),
        )
    }

    /// The executions by how many tests ran at a time.
    fn levels(&self, level: impl Fn(usize) -> u32) -> Vec<Level> {
        let cases = (0..self.victim.cases.len()).filter(|&at| self.victim.counted.has(at));
        cases
            .map(|at| Level {
                level: level(at),
                failed: u64::from(self.victim.failed.has(at)),
                executed: 1,
            })
            .collect()
    }

    fn pooled(&self, tests: &[u32], at: u32) -> String {
        let split = self.hypothesis.exposed.as_ref().map_or(Split::default(), |it| self.split(it));
        if split.is_worse_with() {
            return self.divided(&format!(
                "while {at} or more of {} other tests run beside it that fail in the same way",
                tests.len(),
            ));
        }
        format!(
            "fails in {} of {} with the same message as {} other tests, which fail while {at} or \
             more of them run beside each other",
            self.victim.failures(),
            executions(self.victim.executed()),
            tests.len(),
        )
    }

    fn since(&self, run: u32, since: Round) -> String {
        let of_run = |at: &usize| self.victim.cases[*at].run == run && self.victim.counted.has(*at);
        let cases: Vec<usize> = (0..self.victim.cases.len()).filter(of_run).collect();
        let (before, after): (Vec<usize>, Vec<usize>) =
            cases.into_iter().partition(|&at| self.victim.ran(at).round < since);
        let failed = |part: &[usize]| part.iter().filter(|&&at| self.victim.failed.has(at)).count();
        let first = before.first().map_or(Round::FIRST, |&at| self.victim.ran(at).round);
        let last = before.last().map_or(first, |&at| self.victim.ran(at).round);
        let until = if first == last {
            format!("round {first}")
        } else {
            format!("rounds {first}–{last}")
        };
        let passes = match failed(&before) {
            0 => format!("passes in {until}"),
            some => format!("fails {some} times in {until}"),
        };
        let fails = match (failed(&after), after.len()) {
            (some, all) if some == all => format!("in every round since {since}"),
            (some, all) => format!("in {some} of {} since round {since}", executions(all as u64)),
        };
        let record = self.victim.record;
        let schedule = &record.runs[run as usize];
        // One for each round: p allows for having looked at every place.
        let mut rounds: BTreeMap<Round, (u64, u64)> = BTreeMap::new();
        for &at in before.iter().chain(&after) {
            let (failed, executed) = rounds.entry(self.victim.ran(at).round).or_default();
            *failed += u64::from(self.victim.failed.has(at));
            *executed += 1;
        }
        let p = change_point(&rounds.into_values().collect::<Vec<_>>());
        let p = p.map_or(String::new(), |it| format!(", p = {}", chance(it.p)));
        let state = match State::of(schedule) {
            Some(state) => state.words(|test| self.name(record.place(run as usize, test))),
            None if schedule.is_isolated => "state accumulates on the server".to_owned(),
            None => "state accumulates on the server or in the processes".to_owned(),
        };
        format!("{passes}, fails {fails}{p}: {state}")
    }

    /// The rates below and at the most that ran at a time.
    fn ramp(&self, from: u32) -> String {
        let level = |at: usize| self.victim.mean[at].round() as u32;
        let most = (0..self.victim.cases.len()).map(level).max().unwrap_or(from);
        let exposed = Bits::of(self.victim.cases.len(), |at| {
            self.victim.counted.has(at) && level(at) >= most
        });
        let Split { failed_with, with, failed_without, without } = self.split(&exposed);
        let p = trend(&self.levels(level));
        let p = p.map_or(String::new(), |it| format!(", p = {}", chance(it.p_rises)));
        format!(
            "fails the more often, the more tests run at a time, from {from} on: in {failed_with} \
             of {} while {most} do, in {failed_without} of {without} while fewer do{p}",
            executions(with),
        )
    }

    fn split(&self, exposed: &Bits) -> Split {
        self.victim.split(exposed)
    }

    /// One or more tests, where they are named; what they may be where they are not.
    fn either(&self, tests: &[u32]) -> String {
        if tests.iter().any(|test| !self.culprits.contains(test)) {
            return match tests.len() {
                1 => "one test, which others may stand for".to_owned(),
                _ => "either of two tests, which others may stand for".to_owned(),
            };
        }
        tests.iter().map(|&test| self.name(test)).collect::<Vec<_>>().join(" or ")
    }

    fn one(&self, test: u32) -> String {
        self.either(&[test])
    }

    /// The last part of a node id, where no other test has the same.
    fn name(&self, test: u32) -> String {
        let last = |it: u32| {
            let nodeid = self.victim.record.tests[it as usize].as_str();
            nodeid.rsplit_once("::").map_or(nodeid, |(_, name)| name)
        };
        let name = last(test);
        let all = 0..self.victim.record.tests.len() as u32;
        match all.filter(|&other| last(other) == name).count() {
            1 => name.to_owned(),
            _ => self.victim.record.tests[test as usize].to_string(),
        }
    }
}

fn chance(p: f64) -> String {
    match p {
        ..0.001 => format!("{p:.0e}"),
        ..0.01 => format!("{p:.3}"),
        _ => format!("{p:.2}"),
    }
}

fn executions(count: u64) -> String {
    if count == 1 { "1 execution".to_owned() } else { format!("{count} executions") }
}

/// With one digit after the point where it is not 0.
fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).round();
    if tenths % 10.0 == 0.0 {
        format!("{:.0}", tenths / 10.0)
    } else {
        format!("{:.1}", tenths / 10.0)
    }
}
