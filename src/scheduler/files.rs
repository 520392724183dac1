//! pnl's own mode: files, longest first, and what no file may keep waiting.

use std::collections::VecDeque;

use super::claims::Claims;
use super::forecast::Forecast;
use super::predict;
use super::queues::{Allowed, Queues, steal, take_any, take_first, take_unit};
use super::units::Unit;
use crate::model::TestIndex;

/// Which part of a round a test must take to be dealt before all files, tried one after the other
/// until the round is expected to be as short as it can be. Each step costs some tests the company
/// of their file. Receipt: `benches/makespan.rs`; below the last one nothing there gets shorter.
const LONG: [f64; 5] = [0.5, 0.2, 0.1, 0.05, 0.02];

/// How much longer than it could be a round may be expected to be before files are taken apart.
const TOLERANCE: f64 = 1.02;

/// The part of a round from which on the tests of a lock are kept together. Receipt: of a lock that
/// takes four fifths of a round, dealt with the files, the tests wait so often behind others that the
/// round is a third longer (`benches/makespan.rs`).
const CHAIN: f64 = 0.5;

/// The part of a round that a file may take as a whole where workers collect: what comes after it
/// is not known then.
const WHOLE: f64 = 0.9;

/// Files wait in one queue; a slot keeps the file that it has begun; who finds no file left takes
/// half of what another one has left, from its end.
#[derive(Debug, Clone)]
pub(super) struct Files {
    waiting: VecDeque<Unit>,
    begun: Queues,
    /// Tests so long that they are dealt before all files, the longest first.
    long: VecDeque<TestIndex>,
    /// The long tests that were dealt: what follows one should be short, because the worker is
    /// bound to it from the long one's beginning.
    bound: Vec<bool>,
    /// Files that nobody was given to collect: before they are, nothing is taken from others.
    uncollected: usize,
    /// Seconds of a round on each worker, where workers collect and that is known.
    share: Option<f64>,
    /// Whether a file is one worker's, whatever it costs.
    are_whole: bool,
}

impl Files {
    /// Of these files, to be dealt in this order.
    pub(super) fn new(files: Vec<Unit>, slots: usize) -> Self {
        let (begun, bound) = (vec![VecDeque::new(); slots], vec![false; slots]);
        let (long, waiting) = (VecDeque::new(), files.into());
        Self { waiting, begun, long, bound, uncollected: 0, share: None, are_whole: false }
    }

    /// Of files whose tests are not known yet.
    pub(super) fn uncollected(files: usize, slots: usize, are_whole: bool) -> Self {
        Self { uncollected: files, are_whole, ..Self::new(Vec::new(), slots) }
    }

    /// Whether a file is one worker's.
    pub(super) fn are_whole(&self) -> bool {
        self.are_whole
    }

    /// Whether this slot has tests left of a file that it has begun.
    pub(super) fn has_begun(&self, slot: usize) -> bool {
        !self.begun[slot].is_empty()
    }

    /// Whether there is something for this slot, where files are whole.
    pub(super) fn has_for(&self, slot: usize) -> bool {
        !self.begun[slot].is_empty() || self.uncollected > 0
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.begun.len()
    }

    /// How many tests or files can be given.
    pub(super) fn parcels(&self, tests: usize) -> usize {
        tests + self.uncollected
    }

    /// Orders the files by what is expected of them, and takes out of them what could not wait for
    /// its turn.
    pub(super) fn plan(&mut self, forecast: &Forecast, claims: &Claims) {
        let all: f64 = self.waiting.iter().map(|file| forecast.of_file(file)).sum();
        let share = all / self.begun.len() as f64;
        self.gather(share, forecast, claims);
        let seconds = |file: &Unit| forecast.of_file(file);
        let files = self.waiting.make_contiguous();
        files.sort_by(|a, b| seconds(b).total_cmp(&seconds(a))); // stable: else as collected
        if !forecast.is_empty() {
            self.split(share, forecast);
        }
    }

    /// Makes units of the tests of a lock that would be a round's longest part if they were dealt
    /// with their files: whoever runs them one after the other never waits for the lock.
    fn gather(&mut self, share: f64, forecast: &Forecast, claims: &Claims) {
        for (capacity, tests) in claims.by_lock().into_values() {
            let seconds = tests.iter().map(|&test| forecast.seconds(test)).sum::<f64>();
            if seconds < share * capacity as f64 * CHAIN {
                continue;
            }
            let mut chain = Unit::new();
            for file in &mut self.waiting {
                chain.extend(file.extract_if(.., |test| tests.contains(test)));
            }
            self.waiting.retain(|file| !file.is_empty());
            let length = chain.len().div_ceil(capacity).max(1);
            self.waiting.extend(chain.chunks(length).map(<[TestIndex]>::to_vec));
        }
    }

    /// Takes long tests out of their files, as few as it needs for a round to be nearly as short as
    /// it can be.
    fn split(&mut self, share: f64, forecast: &Forecast) {
        let tests = self.waiting.iter().flatten();
        let longest = tests.map(|&test| forecast.seconds(test)).fold(0.0, f64::max);
        let least = share.max(longest);
        let mut best = (predict::seconds(self.clone(), forecast), None);
        for part in LONG {
            if best.0 <= least * TOLERANCE {
                break;
            }
            let split = self.without(part * least, forecast);
            let seconds = predict::seconds(split.clone(), forecast);
            if seconds < best.0 {
                best = (seconds, Some(split));
            }
        }
        if let (_, Some(split)) = best {
            *self = split;
        }
    }

    /// The same, with the tests apart that take so many seconds.
    fn without(&self, seconds: f64, forecast: &Forecast) -> Self {
        let mut split = self.clone();
        for file in &mut split.waiting {
            let (long, rest) = file.iter().partition(|&&it| forecast.seconds(it) >= seconds);
            *file = rest;
            split.long.extend::<Unit>(long);
        }
        split.waiting.retain(|file| !file.is_empty());
        split.sort_long(forecast);
        split
    }

    fn sort_long(&mut self, forecast: &Forecast) {
        let by_seconds =
            |a: &TestIndex, b: &TestIndex| forecast.seconds(*b).total_cmp(&forecast.seconds(*a));
        self.long.make_contiguous().sort_by(by_seconds);
    }

    /// Where workers collect: all files together are expected to take so many seconds.
    pub(super) fn expect(&mut self, seconds: f64) {
        self.share = Some(seconds / self.begun.len() as f64);
    }

    /// A worker is given a file to collect.
    pub(super) fn file_given(&mut self) {
        self.uncollected -= 1;
    }

    /// The worker that was given a file is gone without having collected it.
    pub(super) fn file_returned(&mut self) {
        self.uncollected += 1;
    }

    /// `slot`'s worker has collected a file: these tests are its to begin with. Of a file that takes
    /// nearly all of a round the long ones are anyone's.
    pub(super) fn file_collected(&mut self, slot: usize, tests: Unit, forecast: &Forecast) {
        let share = self.share.unwrap_or(f64::INFINITY);
        if self.are_whole || forecast.of_file(&tests) < WHOLE * share {
            self.begun[slot].extend(tests);
            return;
        }
        let is_long = |test: &TestIndex| forecast.seconds(*test) >= LONG[2] * share;
        let (long, rest): (Unit, Unit) = tests.into_iter().partition(is_long);
        self.long.extend(long);
        self.sort_long(forecast);
        self.begun[slot].extend(rest);
    }

    /// The next test for a slot.
    pub(super) fn take(
        &mut self,
        slot: usize,
        allowed: Allowed<'_>,
        forecast: &Forecast,
    ) -> Option<TestIndex> {
        let was_long = std::mem::replace(&mut self.bound[slot], false);
        if !(was_long && self.has_short(slot))
            && let Some(test) = take_first(&mut self.long, allowed)
        {
            self.bound[slot] = true;
            self.follow(slot, test, forecast);
            return Some(test);
        }
        self.take_short(slot, allowed, forecast)
    }

    fn has_short(&self, slot: usize) -> bool {
        !self.begun[slot].is_empty() || !self.waiting.is_empty()
    }

    /// What is left of a long test's file goes with it, if nobody has begun it: it follows.
    fn follow(&mut self, slot: usize, test: TestIndex, forecast: &Forecast) {
        let is_its = |file: &Unit| file.first().is_some_and(|&it| forecast.share_file(it, test));
        if let Some(at) = self.waiting.iter().position(is_its)
            && let Some(rest) = self.waiting.remove(at)
        {
            let before = std::mem::replace(&mut self.begun[slot], rest.into());
            self.begun[slot].extend(before);
        }
    }

    fn take_short(
        &mut self,
        slot: usize,
        allowed: Allowed<'_>,
        forecast: &Forecast,
    ) -> Option<TestIndex> {
        let Self { waiting, begun, uncollected, .. } = self;
        if self.are_whole {
            return take_first(&mut begun[slot], allowed);
        }
        if !begun[slot].iter().any(|&test| allowed(test)) {
            match take_unit(waiting, allowed) {
                Some(file) => begun[slot].extend(file),
                None if *uncollected > 0 => {}
                None if begun[slot].is_empty() => {
                    begun[slot] =
                        steal(begun, |it| forecast.seconds(it), |it| forecast.to_begin(it));
                }
                None => {}
            }
        }
        if *uncollected > 0 {
            return take_first(&mut begun[slot], allowed);
        }
        take_any(begun, slot, allowed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::super::suite::suite;
    use super::*;
    use crate::model::{DistMode, Durations, NodeId, Took};
    use crate::scheduler::units::{Order, units};
    use crate::scheduler::{Claim, Lock};

    /// Files `0`, `1` … of tests that take so many seconds, and what a history knows of them.
    fn planned(files: &[&[f64]], slots: usize, claims: &Claims) -> (Files, Forecast) {
        let of_file = |(file, tests): (usize, &&[f64])| {
            let id = move |test| format!("{file}::{test}");
            tests.iter().enumerate().map(|(test, &rest)| (id(test), rest)).collect::<Vec<_>>()
        };
        let tests: Vec<(String, f64)> = files.iter().enumerate().flat_map(of_file).collect();
        let ids: Vec<&str> = tests.iter().map(|(id, _)| id.as_str()).collect();
        let suite = suite(&ids);
        let took = |(id, rest): &(String, f64)| (NodeId::new(id), Took { setup: 0.0, rest: *rest });
        let tests: HashMap<_, _> = tests.iter().map(took).collect();
        let mut forecast = Forecast::new(Durations { tests, ..Durations::default() });
        forecast.learn(&suite);
        let mut files = Files::new(units(DistMode::Pnl, &suite, Order::Collected), slots);
        files.plan(&forecast, claims);
        (files, forecast)
    }

    fn take(files: &mut Files, slot: usize, forecast: &Forecast) -> Option<u32> {
        files.take(slot, &|_| true, forecast).map(|test| test.0)
    }

    #[test]
    fn the_file_that_takes_longest_comes_first_whole_and_in_its_order() {
        let tests: [&[f64]; 3] = [&[1.0, 1.0], &[2.0, 3.0, 1.0], &[1.0, 3.0]];
        let (mut files, forecast) = planned(&tests, 2, &Claims::default());
        let mut next = |slot| take(&mut files, slot, &forecast);
        assert_eq!([next(0), next(1), next(0), next(0)], [2, 5, 3, 4].map(Some));
        assert_eq!([next(0), next(1), next(0)], [0, 6, 1].map(Some));
    }

    // Dealt in its place, it would begin when half of the round is over, and end alone.
    #[test]
    fn a_test_that_takes_most_of_a_round_is_not_kept_waiting_by_its_file() {
        let mut middle = [1.0; 9];
        middle[4] = 12.0;
        let (mut files, forecast) = planned(&[&[1.0; 3], &middle], 2, &Claims::default());
        assert_eq!(take(&mut files, 0, &forecast), Some(7), "the long one");
        assert_eq!(take(&mut files, 0, &forecast), Some(3), "its file goes with it");
        assert_eq!(take(&mut files, 1, &forecast), Some(0));
    }

    // Each of them would set up again what its file shares.
    #[test]
    fn long_tests_stay_in_their_files_where_that_costs_nothing() {
        let (mut files, forecast) = planned(&[[4.0; 3].as_slice(); 4], 2, &Claims::default());
        let order: Vec<_> = (0..6).map(|_| take(&mut files, 0, &forecast)).collect();
        assert_eq!(order, [0, 1, 2, 3, 4, 5].map(Some));
    }

    #[test]
    fn what_follows_a_long_test_on_its_worker_is_short() {
        let tests: [&[f64]; 2] = [&[9.0, 0.1, 9.0, 0.1, 9.0, 0.1, 9.0], &[0.1; 9]];
        let (mut files, forecast) = planned(&tests, 2, &Claims::default());
        assert_eq!(take(&mut files, 0, &forecast), Some(0));
        assert_eq!(take(&mut files, 0, &forecast), Some(1));
        assert_eq!(take(&mut files, 0, &forecast), Some(2));
    }

    #[test]
    fn the_tests_of_a_lock_stay_together_where_they_are_most_of_a_round() {
        let db = Claim { exclusive: false, locks: vec![Lock { number: 0, capacity: 1 }] };
        let claims = |tests: &[u32]| {
            Claims::new(tests.iter().map(|&test| (TestIndex(test), db.clone())).collect())
        };
        let tests: [&[f64]; 3] = [&[1.0; 4], &[1.0; 4], &[1.0; 4]];
        let (mut files, forecast) = planned(&tests, 2, &claims(&[1, 5, 9]));
        let order: HashSet<_> = (0..3).map(|_| take(&mut files, 0, &forecast)).collect();
        assert_ne!(order, [1, 5, 9].map(Some).into(), "a quarter of the tests: with their files");
        let (mut files, forecast) = planned(&tests, 2, &claims(&[1, 3, 5, 7, 9, 11]));
        let order: Vec<_> = (0..6).map(|_| take(&mut files, 0, &forecast)).collect();
        assert_eq!(order, [1, 3, 5, 7, 9, 11].map(Some));
    }

    #[test]
    fn a_collected_file_of_most_of_a_round_shares_its_long_tests_at_once() {
        let tests: [&[f64]; 1] = [&[0.5, 8.0, 0.5, 8.0]];
        let (_, forecast) = planned(&tests, 2, &Claims::default());
        let mut files = Files::uncollected(2, 2, false);
        files.expect(20.0);
        files.file_given();
        files.file_collected(0, (0..4).map(TestIndex).collect(), &forecast);
        assert_eq!(take(&mut files, 0, &forecast), Some(1));
        assert_eq!(take(&mut files, 1, &forecast), Some(3), "though a file is not collected yet");
        assert_eq!(take(&mut files, 1, &forecast), None);
    }
}
