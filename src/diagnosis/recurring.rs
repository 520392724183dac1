//! Short outages that are too small to be told by themselves.
//!
//! Three tests that fail within a second may do so by chance. If the same three do so again and again, or
//! they and nobody else fail with one message, and they hardly fail otherwise, they share something that
//! goes away. All their windows are weighed together: each test must be worth its price once, each
//! window its place. Tests that are in each other's way fail together too, but beside each other: here
//! many failures lie apart from the others.

use std::collections::{BTreeMap, BTreeSet};

use super::outage::{Away, MARGIN, MEMBERSHIP, Searching};

/// How long a window may last, in microseconds: of tests of milliseconds, or of seconds.
const LENGTHS: [u64; 3] = [300_000, 1_000_000, 4_000_000];

/// Fewer tests are no set: two may race with each other.
const TESTS: usize = 3;

/// More that fail with one message need no such help to be seen, and take long to be tried.
const ALIKE: usize = 20;

/// How many others that fail soon after one are looked at, and how many sets are tried.
const SOON: usize = 6;
const TRIED: usize = 100;

/// A place among the failures for the first of a window, and one for the last.
type Window = (usize, usize);

/// Tests that fail together.
struct Recurring {
    tests: BTreeSet<usize>,
    windows: Vec<Window>,
}

/// The windows of the strongest set of any three tests or more that fail together again and again.
pub(super) fn again_and_again(searching: &Searching) -> Vec<Away> {
    let sets = lengths(searching).flat_map(|length| threes(searching, length));
    let sets = sets.map(|it| (score(searching, &it, choices(searching, &it)), it));
    let best = strongest(sets).map(|(score, set)| grown(searching, score, set));
    windows_of(searching, best)
}

/// The windows of the strongest set of those that fail with the same message.
pub(super) fn with_one_message(searching: &Searching) -> Vec<Away> {
    let sets = lengths(searching).flat_map(|length| alike(searching, length));
    windows_of(searching, strongest(sets))
}

fn lengths(searching: &Searching) -> impl Iterator<Item = u64> {
    LENGTHS.into_iter().map(|it| it.min(searching.longest))
}

fn strongest(sets: impl Iterator<Item = (f64, Recurring)>) -> Option<(f64, Recurring)> {
    sets.filter(|it| it.0 > 0.0).max_by(|a, b| a.0.total_cmp(&b.0))
}

fn windows_of(searching: &Searching, set: Option<(f64, Recurring)>) -> Vec<Away> {
    let Some((_, set)) = set else { return Vec::new() };
    set.windows.iter().map(|&(from, to)| searching.window_of(from, to, &set.tests)).collect()
}

/// Any three that failed within such a time at least twice, those that did so most often.
fn threes(searching: &Searching, length: u64) -> Vec<Recurring> {
    let failures = &searching.failures;
    let mut found: BTreeMap<[usize; TESTS], Vec<Window>> = BTreeMap::new();
    for (from, &(test, start, _)) in failures.iter().enumerate() {
        let mut others: Vec<(usize, usize)> = Vec::new();
        let later = failures.iter().enumerate().skip(from + 1);
        for (at, &(other, begins, _)) in later {
            if begins > start + length || others.len() == SOON {
                break;
            }
            if other != test && others.iter().all(|it| it.0 != other) {
                others.push((other, at));
            }
        }
        for (nth, a) in others.iter().enumerate() {
            for b in &others[nth + 1..] {
                let mut tests = [test, a.0, b.0];
                tests.sort_unstable();
                let windows = found.entry(tests).or_default();
                if windows.last().is_none_or(|last| last.1 < from) {
                    windows.push((from, b.1));
                }
            }
        }
    }
    let sets = found.into_iter().map(|(tests, windows)| Recurring { tests: tests.into(), windows });
    let mut sets: Vec<Recurring> = sets.filter(|it| it.windows.len() > 1).collect();
    sets.sort_by_key(|it| std::cmp::Reverse(it.windows.len()));
    sets.truncate(TRIED);
    sets
}

/// Adds the test that gains most, as long as one does.
fn grown(searching: &Searching, before: f64, set: Recurring) -> (f64, Recurring) {
    let (mut best, mut set) = (before, set);
    loop {
        let outside = (0..searching.tests.len()).filter(|test| !set.tests.contains(test));
        let larger = outside.map(|test| {
            let tests = set.tests.iter().copied().chain([test]).collect();
            let larger = Recurring { tests, windows: set.windows.clone() };
            (score(searching, &larger, choices(searching, &larger)), larger)
        });
        match larger.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((score, larger)) if score > best => (best, set) = (score, larger),
            _ => return (best, set),
        }
    }
}

/// Those that fail with the same message, without those that this explains badly. There are few such
/// sets, so that they are cheap.
fn alike(searching: &Searching, length: u64) -> Vec<(f64, Recurring)> {
    let mut messages: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (test, it) in searching.tests.iter().enumerate() {
        if let Some(message) = &it.message {
            messages.entry(message).or_default().insert(test);
        }
    }
    messages.retain(|_, tests| (TESTS..=ALIKE).contains(&tests.len()));
    let price = (messages.len().max(1) as f64).ln();
    messages.into_values().map(|tests| shrunk(searching, tests, (length, price))).collect()
}

/// Takes away the test without which most is gained, as long as there is one.
fn shrunk(
    searching: &Searching,
    tests: BTreeSet<usize>,
    (length, price): (u64, f64),
) -> (f64, Recurring) {
    let scored = |tests: BTreeSet<usize>, price: f64| {
        let set = Recurring { windows: windows(searching, &tests, length), tests };
        (score(searching, &set, price), set)
    };
    let mut price = price;
    let mut best = scored(tests, price);
    loop {
        let tests = &best.1.tests;
        if tests.len() == TESTS {
            return best;
        }
        // Which of them it is that does not belong to them.
        price += (tests.len() as f64).ln();
        let without = |test: &usize| tests.iter().copied().filter(|it| it != test).collect();
        let smaller = tests.iter().map(|test| scored(without(test), price));
        match smaller.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some(less) if less.0 > best.0 => best = less,
            _ => return best,
        }
    }
}

/// Where several of these tests failed within such a time.
fn windows(searching: &Searching, tests: &BTreeSet<usize>, length: u64) -> Vec<Window> {
    let failures = &searching.failures;
    let mut found: Vec<Window> = Vec::new();
    for (place, failure) in failures.iter().enumerate().filter(|it| tests.contains(&it.1.0)) {
        match found.last_mut() {
            Some((from, to)) if failure.1 <= failures[*from].1 + length => *to = place,
            _ => found.push((place, place)),
        }
    }
    found.retain(|&(from, to)| {
        let inside = failures[from..=to].iter().map(|it| it.0);
        inside.filter(|it| tests.contains(it)).collect::<BTreeSet<usize>>().len() > 1
    });
    found
}

/// The price of having chosen these tests among all, in nats.
fn choices(searching: &Searching, set: &Recurring) -> f64 {
    let many = searching.tests.len() as f64;
    (0..set.tests.len()).map(|n| ((many - n as f64) / (n + 1) as f64).ln()).sum()
}

/// What all windows say of all tests, less the price of having chosen both, in nats.
fn score(searching: &Searching, set: &Recurring, price: f64) -> f64 {
    let failures = &searching.failures;
    let lasts = |&(from, to): &Window| failures[to].1 - failures[from].1;
    let all: u64 = set.windows.iter().map(lasts).sum();
    if set.windows.is_empty() || all > searching.longest || !fail_apart(searching, set) {
        return f64::NEG_INFINITY;
    }
    let gains = set.tests.iter().map(|&test| {
        let inside = |&(from, to): &Window| {
            failures[from..=to].iter().filter(|it| it.0 == test).count() as u64
        };
        let passed = |&(from, to): &Window| searching.passed_in(test, from, to);
        let failed = set.windows.iter().map(inside).sum();
        searching.gain_of(test, failed, set.windows.iter().map(passed).sum()) - MEMBERSHIP
    });
    let place = (failures.len() as f64 * LENGTHS.len() as f64).ln();
    gains.sum::<f64>() - price - set.windows.len() as f64 * place - MARGIN
}

/// Whether more than a third of their failures in the windows lie beside no execution of another of
/// them: of those that are in each other's way nearly none does.
fn fail_apart(searching: &Searching, set: &Recurring) -> bool {
    let (mut all, mut apart) = (0, 0);
    for &(from, to) in &set.windows {
        for &(test, start, end) in &searching.failures[from..=to] {
            if set.tests.contains(&test) {
                let mut others = set.tests.iter().filter(|&&other| other != test);
                all += 1;
                apart += usize::from(!others.any(|&it| searching.ran(it, start, end)));
            }
        }
    }
    apart * 3 > all
}
