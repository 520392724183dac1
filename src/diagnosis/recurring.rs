//! Short outages that are too small to be told by themselves, and come again.
//!
//! Three tests that fail within a second may do so by chance. The same three that do so again and
//! again, and hardly fail otherwise, share something that goes away. All their windows are weighed
//! together: each test must be worth its price once, each window its place. Tests that are in each
//! other's way fail together too, but beside each other: here most failures lie apart from the others.

use std::collections::{BTreeMap, BTreeSet};

use super::outage::{Away, MARGIN, MEMBERSHIP, Searching};

/// How long a window may last, in microseconds: a test of milliseconds, or of seconds.
const LENGTHS: [u64; 3] = [300_000, 1_000_000, 4_000_000];

/// A set is begun with so many tests.
const BEGUN: usize = 3;

/// Failing tests of a window that sets are begun from, and sets that are tried.
const AT_ONCE: usize = 6;
const TRIED: usize = 100;

/// Places among the failures, from the first to the last of a window.
type Place = (usize, usize);

/// Tests that failed together several times.
struct Recurring {
    tests: BTreeSet<usize>,
    windows: Vec<Place>,
}

/// The windows of the strongest set of tests, if there is one.
pub(super) fn find(searching: &Searching) -> Vec<Away> {
    let all = LENGTHS.into_iter().flat_map(|length| begun(searching, length));
    let scored = all.map(|it| (score(searching, &it), it));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|it| it.0 > 0.0);
    let Some((score, set)) = best else { return Vec::new() };
    let set = grown(searching, score, set);
    set.windows.iter().map(|&(from, to)| searching.window_of(from, to, &set.tests)).collect()
}

/// Any three that failed within such a time at least twice, those that did so most often.
fn begun(searching: &Searching, length: u64) -> Vec<Recurring> {
    let failures = &searching.failures;
    let mut found: BTreeMap<[usize; BEGUN], Vec<Place>> = BTreeMap::new();
    for from in 0..failures.len() {
        let end = failures[from].1.saturating_add(length.min(searching.longest));
        let mut others: Vec<(usize, usize)> = Vec::new();
        let within = failures.iter().enumerate().skip(from + 1).take_while(|it| it.1.1 <= end);
        for (at, failure) in within {
            let is_new = failure.0 != failures[from].0 && others.iter().all(|it| it.0 != failure.0);
            if is_new && others.len() < AT_ONCE {
                others.push((failure.0, at));
            }
        }
        for (nth, a) in others.iter().enumerate() {
            for b in &others[nth + 1..] {
                let mut tests = [failures[from].0, a.0, b.0];
                tests.sort_unstable();
                let windows = found.entry(tests).or_default();
                if windows.last().is_none_or(|last| last.1 < from) {
                    windows.push((from, b.1));
                }
            }
        }
    }
    let mut sets: Vec<Recurring> = found
        .into_iter()
        .filter(|it| it.1.len() >= 2)
        .map(|(tests, windows)| Recurring { tests: tests.into(), windows })
        .collect();
    sets.sort_by_key(|it| std::cmp::Reverse(it.windows.len()));
    sets.truncate(TRIED);
    sets
}

/// Adds the test that gains most, as long as one does.
fn grown(searching: &Searching, score_before: f64, set: Recurring) -> Recurring {
    let (mut best, mut set) = (score_before, set);
    loop {
        let outside = (0..searching.tests.len()).filter(|test| !set.tests.contains(test));
        let larger = outside.map(|test| {
            let tests = set.tests.iter().copied().chain([test]).collect();
            let larger = Recurring { tests, windows: set.windows.clone() };
            (score(searching, &larger), larger)
        });
        match larger.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((score, larger)) if score > best => (best, set) = (score, larger),
            _ => return set,
        }
    }
}

/// What all windows say of all tests, less the price of having chosen them, in nats.
fn score(searching: &Searching, set: &Recurring) -> f64 {
    if !fail_apart(searching, set) {
        return f64::NEG_INFINITY;
    }
    let gains: f64 = set
        .tests
        .iter()
        .map(|&test| {
            let inside = |&(from, to): &Place| {
                searching.failures[from..=to].iter().filter(|it| it.0 == test).count() as u64
            };
            let passed = |&(from, to): &Place| searching.passed_in(test, from, to);
            let failed = set.windows.iter().map(inside).sum();
            let passed = set.windows.iter().map(passed).sum();
            searching.gain_of(test, failed, passed) - MEMBERSHIP
        })
        .sum();
    let many = searching.tests.len() as f64;
    let choices: f64 =
        (0..set.tests.len()).map(|n| ((many - n as f64) / (n + 1) as f64).ln()).sum();
    let place = (searching.failures.len() as f64 * LENGTHS.len() as f64).ln();
    gains - choices - set.windows.len() as f64 * place - MARGIN
}

/// Whether most of their failures in the windows lie beside no execution of another of them.
fn fail_apart(searching: &Searching, set: &Recurring) -> bool {
    let (mut all, mut apart) = (0, 0);
    for &(from, to) in &set.windows {
        for &(test, start, end) in &searching.failures[from..=to] {
            if set.tests.contains(&test) {
                let others = set.tests.iter().filter(|&&other| other != test);
                all += 1;
                apart += usize::from(!others.copied().any(|it| searching.ran(it, start, end)));
            }
        }
    }
    apart * 2 > all
}
