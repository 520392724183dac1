//! One test that failed, with all that lay around its executions.

use std::collections::BTreeMap;

use super::bits::Bits;
use super::joined::Joined;
use super::likelihood::Split;
use super::neighbours::{Beside, Case, Near};
use super::order::Order;

/// A test that failed, its executions in time, and in which of them each other test was how near.
pub(super) struct Victim<'r> {
    pub record: &'r Joined<'r>,
    /// A place in the record's tests.
    pub test: u32,
    pub cases: Vec<Case>,
    pub near: Vec<Near>,
    pub failed: Bits,
    /// The executions that are looked at.
    pub counted: Bits,
    /// By test: it ran at the same time, in the ways that [`Overlap`] lists.
    pub beside: BTreeMap<u32, [Bits; 4]>,
    /// By test: it ran before in the process.
    pub before: BTreeMap<u32, Bits>,
    /// By test: it ran before in the process, and nothing in between.
    pub just_before: BTreeMap<u32, Bits>,
    /// For each execution, what ran before it in its process, the last one first.
    pub predecessors: Vec<Vec<u32>>,
    /// For each execution, how many tests ran at the same time, itself among them: at most, and on
    /// the average of its duration.
    pub most: Vec<u32>,
    pub mean: Vec<f64>,
    /// How long it usually takes where it passes, in microseconds.
    pub typical: u64,
}

impl<'r> Victim<'r> {
    pub(super) fn new(record: &'r Joined<'r>, order: &Order, test: u32, beside: Beside) -> Self {
        let Beside { cases, near } = beside;
        let count = cases.len();
        let mut victim = Self {
            record,
            test,
            failed: Bits::of(count, |at| cases[at].failed),
            counted: Bits::of(count, |_| true),
            beside: BTreeMap::new(),
            before: BTreeMap::new(),
            just_before: BTreeMap::new(),
            predecessors: cases.iter().map(|&it| order.before(record, it).collect()).collect(),
            most: vec![1; count],
            mean: vec![1.0; count],
            typical: record.tallies[test as usize].typical,
            cases,
            near,
        };
        victim.near.sort_by_key(|near| (near.case, near.since));
        victim.relate();
        victim.measure();
        victim
    }

    /// How failures divide by these executions.
    pub(super) fn split(&self, exposed: &Bits) -> Split {
        Split::of(exposed, &self.failed, &self.counted)
    }

    pub(super) fn executed(&self) -> u64 {
        self.counted.count()
    }

    pub(super) fn failures(&self) -> u64 {
        self.failed.count()
    }

    /// How many failed of how many of the executions that are looked at, round by round, in time.
    pub(super) fn by_round(&self) -> Vec<(u64, u64)> {
        let mut counts: Vec<(u64, u64)> = Vec::new();
        let mut last = None;
        for at in (0..self.cases.len()).filter(|&at| self.counted.has(at)) {
            let round = (self.cases[at].run, self.ran(at).round);
            if last.replace(round) != Some(round) {
                counts.push((0, 0));
            }
            if let Some((failed, executed)) = counts.last_mut() {
                *failed += u64::from(self.failed.has(at));
                *executed += 1;
            }
        }
        counts
    }

    /// Leaves executions out of everything from here on.
    pub(super) fn leave_out(&mut self, which: &Bits) {
        self.counted = self.counted.without(which);
        self.failed = self.failed.without(which);
        let beside = self.beside.values_mut().flatten();
        let before = self.before.values_mut().chain(self.just_before.values_mut());
        beside.chain(before).for_each(|set| *set = set.without(which));
    }

    /// The execution itself.
    pub(super) fn ran(&self, at: usize) -> &'r crate::model::Ran {
        let case = self.cases[at];
        &self.record.runs[case.run as usize].ran[case.at as usize]
    }

    /// What one execution failed with; none where it did not, or nothing is known.
    pub(super) fn says(&self, at: usize) -> Option<&'r str> {
        let says = &self.record.runs[self.cases[at].run as usize].says;
        let text: &str = says.get(self.ran(at).cause? as usize)?;
        (self.failed.has(at) && !text.is_empty()).then_some(text)
    }

    /// What most of its failures say, read in a way.
    pub(super) fn mostly_says<T: Ord>(&self, read: impl Fn(&'r str) -> T) -> Option<T> {
        let mut counts: BTreeMap<T, u64> = BTreeMap::new();
        for text in (0..self.cases.len()).filter_map(|at| self.says(at)) {
            *counts.entry(read(text)).or_default() += 1;
        }
        let (text, count) = counts.into_iter().max_by_key(|it| it.1)?;
        (count * 2 > self.failures()).then_some(text)
    }

    /// The others' times beside one execution, by their beginning.
    pub(super) fn near_of(&self, case: usize) -> &[Near] {
        let from = self.near.partition_point(|near| (near.case as usize) < case);
        let to = self.near.partition_point(|near| near.case as usize <= case);
        &self.near[from..to]
    }

    /// At most how many of these tests ran at the same time beside one execution.
    pub(super) fn crowd(&self, case: usize, counts: impl Fn(u32) -> bool) -> usize {
        let near: Vec<&Near> = self.near_of(case).iter().filter(|it| counts(it.test)).collect();
        let at_start = |it: &&&Near, at: u64| it.since <= at && at < it.until;
        let crowd = |at: u64| near.iter().filter(|it| at_start(it, at)).count();
        near.iter().map(|it| crowd(it.since)).max().unwrap_or(0)
    }

    fn longest_failed(&self) -> u64 {
        let failed = (0..self.cases.len()).filter(|&at| self.failed.has(at)).map(|at| self.ran(at));
        failed.map(|ran| ran.end.0.saturating_sub(ran.start.0)).max().unwrap_or(u64::MAX)
    }

    fn relate(&mut self) {
        let count = self.cases.len();
        let none = || Bits::none(count);
        let early = self.longest_failed();
        for near in &self.near {
            let at = near.case as usize;
            let start = self.ran(at).start.0;
            let ways = [true, near.since < start + early, near.since == start, near.since > start];
            let sets = self.beside.entry(near.test).or_insert_with(|| [(); 4].map(|()| none()));
            for (set, is_so) in sets.iter_mut().zip(ways) {
                if is_so {
                    set.set(at);
                }
            }
        }
        for (at, before) in self.predecessors.iter().enumerate() {
            for &test in before {
                self.before.entry(test).or_insert_with(none).set(at);
            }
            if let Some(&last) = before.first() {
                self.just_before.entry(last).or_insert_with(none).set(at);
            }
        }
    }

    fn measure(&mut self) {
        for at in 0..self.cases.len() {
            self.most[at] = 1 + self.crowd(at, |_| true) as u32;
            let ran = self.ran(at);
            let longest = self.record.tallies[self.test as usize].looked_at.max(1);
            let length = (ran.end.0.saturating_sub(ran.start.0)).clamp(1, longest) as f64;
            let shared: u64 = self.near_of(at).iter().map(|it| it.until - it.since).sum();
            self.mean[at] = 1.0 + shared as f64 / length;
        }
    }
}
