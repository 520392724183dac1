//! The windows of a series of executions, and how far their failures exceed what is to be expected.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::cluster::Execution;

/// The executions to scan, by their ends: those of tests that failed, but not in most executions.
#[derive(Debug)]
pub(super) struct Scan {
    /// Places in the list that was given.
    places: Vec<usize>,
    /// For each of them its test, counted from 0 among those that are scanned.
    tests: Vec<usize>,
    /// Which execution of its test each is.
    ranks: Vec<usize>,
    of_test: Vec<OfTest>,
    /// Where the failures were, ascending.
    seen: Vec<usize>,
}

/// What is known of one test altogether.
#[derive(Debug, Default)]
struct OfTest {
    /// Where its executions are, ascending.
    executions: Vec<usize>,
    failed: usize,
}

impl OfTest {
    fn rate(&self) -> f64 {
        self.failed as f64 / self.executions.len() as f64
    }
}

/// A window, from one execution to another, both within.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub first: usize,
    pub last: usize,
    pub ratio: f64,
}

/// More failures than this are not looked at in one window; a longer one is found in parts.
const WIDEST: usize = 256;

impl Scan {
    /// In how many tests a window must have failures.
    pub const LEAST_TESTS: usize = 3;

    pub fn of(executions: &[Execution]) -> Self {
        let mut counts: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
        for it in executions {
            let (failed, executed) = counts.entry(it.test).or_default();
            *failed += usize::from(it.failed);
            *executed += 1;
        }
        counts.retain(|_, (failed, executed)| *failed > 0 && *failed * 2 <= *executed);
        let index: BTreeMap<u32, usize> = counts.keys().copied().zip(0..).collect();
        let mut places: Vec<usize> =
            (0..executions.len()).filter(|&at| index.contains_key(&executions[at].test)).collect();
        places.sort_by_key(|&at| executions[at].end);
        let tests: Vec<usize> = places.iter().map(|&at| index[&executions[at].test]).collect();
        let mut of_test: Vec<OfTest> = counts.values().map(|_| OfTest::default()).collect();
        let mut ranks = Vec::with_capacity(tests.len());
        for (at, &test) in tests.iter().enumerate() {
            ranks.push(of_test[test].executions.len());
            of_test[test].executions.push(at);
            of_test[test].failed += usize::from(executions[places[at]].failed);
        }
        let seen = (0..places.len()).filter(|&at| executions[places[at]].failed).collect();
        Self { places, tests, ranks, of_test, seen }
    }

    /// How many failures there are.
    pub fn failures(&self) -> usize {
        self.seen.len()
    }

    /// About how many windows one scan looks at.
    pub fn steps(&self) -> u64 {
        (self.seen.len() * self.seen.len().min(WIDEST)) as u64
    }

    /// Where the failures were.
    pub fn seen(&self) -> Vec<usize> {
        self.seen.clone()
    }

    /// Where they could as well have been: each test's failures at any of its executions.
    pub fn dealt(&self, rng: &mut Rng) -> Vec<usize> {
        let mut failures = Vec::with_capacity(self.seen.len());
        for it in &self.of_test {
            failures.extend(rng.choose_multiple(it.executions.iter().copied(), it.failed));
        }
        failures.sort_unstable();
        failures
    }

    /// The places, in the list that was given, of all executions scanned in a window.
    pub fn between(&self, found: &Found) -> &[usize] {
        &self.places[found.first..=found.last]
    }

    /// The best windows that do not touch, best first, at most `most`.
    pub fn best(&self, failures: &[usize], most: usize) -> Vec<Found> {
        let mut found = self.beginning_at_each(failures);
        found.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
        let mut kept: Vec<Found> = Vec::new();
        for one in found {
            if kept.len() == most {
                break;
            }
            if kept.iter().all(|it| one.last < it.first || it.last < one.first) {
                kept.push(one);
            }
        }
        kept
    }

    /// The best window that begins with each failure.
    fn beginning_at_each(&self, failures: &[usize]) -> Vec<Found> {
        let mut inside = vec![Inside::default(); self.of_test.len()];
        let widest = self.places.len() / 3;
        let mut found = Vec::new();
        for (nth, &first) in failures.iter().enumerate() {
            let within = failures[nth..].iter().take(WIDEST).take_while(|&&it| it - first < widest);
            let mut window = Window::default();
            let mut best = None::<Found>;
            for &last in within.clone() {
                self.widen(&mut window, &mut inside[self.tests[last]], first, last);
                let ratio = window.ratio(failures.len());
                if window.counts() && ratio > best.map_or(0.0, |it| it.ratio) {
                    best = Some(Found { first, last, ratio });
                }
            }
            for &last in within {
                inside[self.tests[last]] = Inside::default();
            }
            found.extend(best);
        }
        found
    }

    /// Takes in the failure at `last`, and its test's executions up to it.
    fn widen(&self, window: &mut Window, inside: &mut Inside, first: usize, last: usize) {
        let of_test = &self.of_test[self.tests[last]];
        if inside.failed == 0 {
            window.tests += 1;
            inside.until = of_test.executions.partition_point(|&it| it < first);
        }
        inside.failed += 1;
        window.failed += 1;
        window.most = window.most.max(inside.failed);
        let until = self.ranks[last] + 1;
        window.expected += (until - inside.until) as f64 * of_test.rate();
        inside.until = until;
    }
}

/// What a window has of one test.
#[derive(Debug, Clone, Copy, Default)]
struct Inside {
    failed: usize,
    /// Which execution of the test is the first that is not taken in.
    until: usize,
}

/// What a window has of all tests that failed in it.
#[derive(Debug, Default)]
struct Window {
    failed: usize,
    expected: f64,
    tests: usize,
    /// The most failures of one test.
    most: usize,
}

impl Window {
    fn counts(&self) -> bool {
        self.tests >= Scan::LEAST_TESTS && self.most * 2 <= self.failed
    }

    /// Kulldorff's ln of a ratio of likelihoods; 0 where there are fewer failures than expected.
    fn ratio(&self, all: usize) -> f64 {
        let (inside, outside) = (self.failed as f64, (all - self.failed) as f64);
        if inside <= self.expected {
            return 0.0;
        }
        let part =
            |seen: f64, wanted: f64| if seen > 0.0 { seen * (seen / wanted).ln() } else { 0.0 };
        part(inside, self.expected) + part(outside, all as f64 - self.expected)
    }
}
