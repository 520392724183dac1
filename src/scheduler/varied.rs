//! A round of a loop that is to differ from those before it: which tests share a worker, in which
//! order they come, and what runs beside what.
//!
//! Files are cut into chunks at places that differ from round to round. A chunk is one test, or as many
//! quick ones as take a few milliseconds together: what runs beside what cannot be chosen more finely
//! than that, and tests that travel together cost nothing. Among chunks drawn by lot, that one is
//! dealt whose tests have met fewest of the tests that others have at this moment; and before a round
//! can become longer by it, the longest that is left.

use std::collections::VecDeque;
use std::sync::Arc;

use super::forecast::Forecast;
use super::pairs::Pairs;
use super::queues::Allowed;
use super::units::Unit;
use crate::model::{Round, TestIndex, TestInfo};

/// Seconds that the tests of a chunk take together, if they are quicker than that. A worker is given
/// so much at a time in any case (see [`super::Depth`]).
const QUICK: f64 = 0.005;

/// Apart from their file, tests set up again what they share. A round is to become longer by a quarter
/// at most: a chunk takes so many times as long as that set-up.
const WORTH: f64 = 4.0;

/// From so many seconds on a set-up that is longer than others of its file is taken for a shared one
/// at once. Shorter ones are a busy machine's, or the session's, as often as not: it is tried out.
const SHARED: f64 = 0.5;

/// How much longer a chunk becomes where rounds became too long.
const COARSER: f64 = 4.0;

/// So many rounds must be too long one after the other: one alone may have been disturbed.
const IN_A_ROW: u32 = 3;

/// By which part of its length a round may become longer so that long tests need not begin at once: those
/// would meet each other in every round, and short ones only short ones. Receipt: of 41 tests, five of
/// which take three quarters of the time, on 4 workers, 792 of 820 pairs have met after 30 rounds with
/// 0, and all with 0.1, where the mean round is 6% longer.
const SLACK: f64 = 0.1;

/// What a round's tests took together, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    setup: f64,
    rest: f64,
}

impl Spent {
    /// A test has taken so long.
    pub fn add(&mut self, setup: f64, rest: f64) {
        self.setup += setup;
        self.rest += rest;
    }
}

/// What varied rounds hand on to each other.
#[derive(Debug, Clone)]
pub struct Variation {
    /// Which pairs of tests have run side by side.
    pub pairs: Pairs,
    seed: u64,
    /// Seconds that a chunk takes at least.
    chunk: f64,
    /// How many rounds were too long one after the other.
    too_long: u32,
    /// What the round before the first varied one took.
    usual: Spent,
}

impl Variation {
    /// For so many tests, which took so many seconds in the usual order. Another `seed` gives other
    /// rounds.
    #[must_use]
    pub fn new(tests: usize, seed: u64, usual: Spent) -> Self {
        Self { pairs: Pairs::of(tests), seed, chunk: QUICK, too_long: 0, usual }
    }

    /// A round that was varied by this took so long.
    pub fn took(&mut self, spent: Spent) {
        let set_up_again = spent.setup - self.usual.setup;
        let is_too_long = set_up_again * WORTH > self.usual.setup + self.usual.rest;
        self.too_long = if is_too_long { self.too_long + 1 } else { 0 };
        if self.too_long == IN_A_ROW {
            self.too_long = 0;
            self.chunk *= COARSER;
        }
    }
}

/// How many chunks are drawn at a time, to choose one of them. Receipt: of 60 tests on 4 workers, all
/// pairs have met after 17 rounds with 32 draws, 29 with 8 and 82 with 1 (`pairs_meet_early`).
const DRAWS: usize = 32;

/// Chunks that nobody has, and what each slot was given last.
#[derive(Debug)]
pub(super) struct Varied {
    /// Those that were dealt are empty.
    chunks: Vec<Unit>,
    /// The places in `chunks` of those that wait, in any order.
    waiting: Vec<usize>,
    /// All places, the longest chunk last.
    by_length: Vec<usize>,
    /// Seconds of all chunks, and of all that wait.
    all_seconds: f64,
    seconds: f64,
    has: Vec<VecDeque<TestIndex>>,
    random: fastrand::Rng,
    variation: Variation,
}

impl Varied {
    /// Cuts the tests of a round, which are in pytest's order, into chunks.
    pub(super) fn new(
        tests: &[Arc<TestInfo>],
        slots: usize,
        (variation, round): (Variation, Round),
        forecast: &Forecast,
    ) -> Self {
        let mut random = fastrand::Rng::with_seed(variation.seed.wrapping_add(u64::from(round.0)));
        let mut chunks: Vec<Unit> = Vec::new();
        // What is left of the chunk that is being filled; the first of a file is cut short by lot.
        let mut room = 0.0;
        let mut file = "";
        for test in tests {
            let seconds = forecast.known(test.index).unwrap_or(f64::INFINITY);
            let is_of_file = std::mem::replace(&mut file, test.nodeid.file()) == file;
            let shared = forecast.to_begin(test.index);
            let size = variation.chunk.max(if shared < SHARED { 0.0 } else { WORTH * shared });
            if let Some(chunk) = chunks.last_mut().filter(|_| is_of_file && seconds <= room) {
                chunk.push(test.index);
            } else {
                chunks.push(vec![test.index]);
                room = if is_of_file { size } else { size * random.f64() };
            }
            room -= seconds;
        }
        let lengths: Vec<f64> = chunks.iter().map(|chunk| seconds(chunk, forecast)).collect();
        let waiting: Vec<usize> = (0..chunks.len()).collect();
        let mut by_length = waiting.clone();
        by_length.sort_by(|&a, &b| lengths[a].total_cmp(&lengths[b]));
        let all_seconds = lengths.iter().sum();
        let (seconds, has) = (all_seconds, vec![VecDeque::new(); slots]);
        Self { chunks, waiting, by_length, all_seconds, seconds, has, random, variation }
    }

    /// The next chunk for a slot.
    pub(super) fn take(
        &mut self,
        slot: usize,
        allowed: Allowed<'_>,
        forecast: &Forecast,
    ) -> Option<Unit> {
        let urgent = self.urgent(allowed, forecast);
        let at = urgent.or_else(|| self.draw(slot, allowed))?;
        let at = self.waiting.swap_remove(at);
        let chunk = std::mem::take(&mut self.chunks[at]);
        self.seconds -= seconds(&chunk, forecast);
        let has = &mut self.has[slot];
        has.extend(&chunk);
        // It runs one and knows the next.
        let gone = has.len().saturating_sub(2);
        has.drain(..gone);
        Some(chunk)
    }

    /// Where the longest chunk waits, if the round would wait for it in the end.
    fn urgent(&mut self, allowed: Allowed<'_>, forecast: &Forecast) -> Option<usize> {
        self.by_length.pop_if(|at| self.chunks[*at].is_empty());
        let share = (self.seconds + SLACK * self.all_seconds) / self.has.len() as f64;
        let chunks = self.by_length.iter().rev().map(|&at| (at, &self.chunks[at]));
        let is_long = |chunk: &Unit| chunk.is_empty() || seconds(chunk, forecast) > share;
        let mut long = chunks.take_while(|(_, chunk)| is_long(chunk));
        let longest = long.find(|(_, chunk)| chunk.iter().any(|&test| allowed(test)))?.0;
        self.waiting.iter().position(|&at| at == longest)
    }

    /// Of some chunks by lot, the one with most to meet.
    fn draw(&mut self, slot: usize, allowed: Allowed<'_>) -> Option<usize> {
        let (mut best, mut drawn) = (None, 0);
        let count = self.waiting.len();
        let (from, step) = self.walk(count)?;
        for n in 0..count {
            let at = (from + n * step) % count;
            let chunk = &self.chunks[self.waiting[at]];
            if !chunk.iter().any(|&test| allowed(test)) {
                continue;
            }
            let unmet = self.unmet(slot, chunk);
            if best.is_none_or(|(most, _)| unmet > most) {
                best = Some((unmet, at));
            }
            drawn += 1;
            if drawn == DRAWS {
                break;
            }
        }
        best.map(|(_, at)| at)
    }

    /// Where to begin and how far to go each time, so as to come by all of `count` places.
    fn walk(&mut self, count: usize) -> Option<(usize, usize)> {
        if count == 0 {
            return None;
        }
        let step = loop {
            let step = self.random.usize(1..=count);
            if gcd(step, count) == 1 {
                break step;
            }
        };
        Some((self.random.usize(..count), step))
    }

    /// How many pairs would meet that have not, if it ran beside what others have.
    fn unmet(&self, slot: usize, chunk: &[TestIndex]) -> usize {
        let others = self.has.iter().enumerate().filter(|(other, _)| *other != slot);
        let others = others.flat_map(|(_, has)| has);
        others
            .map(|&other| {
                chunk.iter().filter(|&&test| !self.variation.pairs.have_met(test, other)).count()
            })
            .sum()
    }

    /// Two tests run at the same time.
    pub(super) fn meet(&mut self, one: TestIndex, other: TestIndex) {
        self.variation.pairs.meet(one, other);
    }

    /// What has met by now, for the next round.
    pub(super) fn into_variation(self) -> Variation {
        self.variation
    }
}

fn seconds(chunk: &[TestIndex], forecast: &Forecast) -> f64 {
    chunk.iter().map(|&test| forecast.seconds(test)).sum()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::suite::suite;
    use super::*;
    use crate::model::{Durations, Took};

    /// Tests of files of ten, and what is expected of them.
    fn tests(count: usize, seconds: impl Fn(usize) -> f64) -> (Vec<Arc<TestInfo>>, Forecast) {
        let ids: Vec<String> = (0..count).map(|n| format!("f{}.py::t{n}", n / 10)).collect();
        let tests = suite(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        let took = |test: &Arc<TestInfo>| {
            (test.nodeid.clone(), Took { setup: 0.0, rest: seconds(test.index.at()) })
        };
        let known = tests.iter().map(took).collect();
        let mut forecast = Forecast::new(Durations { tests: known, ..Durations::default() });
        forecast.learn(&tests);
        (tests, forecast)
    }

    /// Plays a round; returns who ran what from when to when, and what has met.
    fn play(
        (tests, forecast): &(Vec<Arc<TestInfo>>, Forecast),
        slots: usize,
        seed: u64,
        pairs: Pairs,
    ) -> (Vec<(usize, TestIndex, f64, f64)>, Pairs) {
        let variation = Variation { pairs, ..Variation::new(0, seed, Spent::default()) };
        let mut varied = Varied::new(tests, slots, (variation, Round(2)), forecast);
        let mut free = vec![0.0; slots];
        let mut ran: Vec<(usize, TestIndex, f64, f64)> = Vec::new();
        loop {
            let first = |a: &usize, b: &usize| f64::total_cmp(&free[*a], &free[*b]);
            let slot = (0..slots).min_by(first).expect("a slot");
            let Some(chunk) = varied.take(slot, &|_| true, forecast) else { break };
            for test in chunk {
                let (start, end) = (free[slot], free[slot] + forecast.seconds(test));
                for &(_, other, ..) in ran.iter().filter(|it| it.0 != slot && it.3 > start) {
                    varied.meet(test, other);
                }
                ran.push((slot, test, start, end));
                free[slot] = end;
            }
        }
        (ran, varied.into_variation().pairs)
    }

    #[test]
    fn every_test_runs_once_and_rounds_differ() {
        let suite = tests(50, |n| 0.001 * (1 + n % 7) as f64);
        let order = |seed| {
            let (ran, _) = play(&suite, 3, seed, Pairs::of(50));
            ran.into_iter().map(|it| it.1).collect::<Vec<_>>()
        };
        let (one, other) = (order(1), order(2));
        assert_ne!(one, other);
        assert_eq!(one.iter().collect::<HashSet<_>>().len(), 50);
        assert_eq!(one.len(), 50);
    }

    #[test]
    fn a_round_is_hardly_longer_than_it_must_be() {
        let suite = tests(40, |n| if n == 20 { 0.5 } else { 0.05 });
        for seed in 0..20 {
            let (ran, _) = play(&suite, 4, seed, Pairs::of(40));
            let end = ran.iter().map(|it| it.3).fold(0.0, f64::max);
            assert!(end <= 0.82, "{end} of {}", (39.0 * 0.05 + 0.5) / 4.0);
        }
    }

    /// In lock step no plan needs fewer than ⌈C(60,2) / C(4,2)⌉ = 295 rounds of one test each, which
    /// are 20 rounds of the suite: here tests also meet in passing.
    #[test]
    fn pairs_meet_early() {
        let suite = tests(60, |n| 0.01 + 0.001 * (n % 5) as f64);
        let mut pairs = Pairs::of(60);
        let mut rounds = 0;
        while pairs.covered().0 < pairs.covered().1 {
            pairs = play(&suite, 4, rounds, pairs).1;
            rounds += 1;
            assert!(rounds < 60, "{:?}", pairs.covered());
        }
    }

    #[test]
    fn tests_that_share_a_costly_fixture_stay_together() {
        let (tests, _) = tests(10, |_| 0.01);
        let took = |test: &Arc<TestInfo>| {
            let setup = if test.index.0 == 0 { 1.0 } else { 0.0 };
            (test.nodeid.clone(), Took { setup, rest: 0.01 })
        };
        let known = tests.iter().map(took).collect();
        let mut forecast = Forecast::new(Durations { tests: known, ..Durations::default() });
        forecast.learn(&tests);
        let mut variation = Variation::new(10, 1, Spent { setup: 0.1, rest: 0.9 });
        let varied = Varied::new(&tests, 2, (variation.clone(), Round(2)), &forecast);
        assert!(varied.chunks.len() <= 2, "{:?}", varied.chunks);
        // What is short is tried out.
        let (tests, forecast) = self::tests(10, |_| 0.01);
        let chunks = |variation: &Variation| {
            Varied::new(&tests, 2, (variation.clone(), Round(2)), &forecast).chunks.len()
        };
        assert_eq!(chunks(&variation), 10);
        for _ in 0..3 {
            variation.took(Spent { setup: 0.3, rest: 5.0 });
            variation.took(Spent { setup: 0.5, rest: 0.9 });
        }
        assert_eq!(chunks(&variation), 10, "never in a row, and a slow server is no set-up");
        (0..3).for_each(|_| variation.took(Spent { setup: 0.5, rest: 0.9 }));
        assert!(chunks(&variation) <= 6, "{}", chunks(&variation));
    }
}
