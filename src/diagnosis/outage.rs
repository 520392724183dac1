//! Times in which several different tests failed that hardly fail otherwise: something that they need
//! was away.
//!
//! A window's evidence is, over the tests that failed in it, how much likelier their failures are if
//! the window makes them fail than by what else is known of them. A test that fails half of the time
//! adds nothing, nor one that failed beside its known culprit; a test that passed in the middle of the
//! window speaks against its being concerned. Windows are taken greedily, the strongest first, as long
//! as their evidence exceeds the price of having searched all of them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::bits::Bits;
use super::clock;
use super::likelihood::{Prior, ln_marginal};
use super::recurring;
use super::victim::Victim;
use super::weigh::Opinion;
use crate::model::{Offset, Ran, Verdict, VerdictKind};

/// How sure another reason must be for the failures that it foretells to surprise nobody.
const KNOWN: f64 = 0.9;

/// A failure that was expected with more than this is no reason to look for a window.
const EXPECTED: f64 = 0.4;

/// Who is concerned fails nearly always while it lasts.
const WHILE_AWAY: Prior = &[(1.0, 20.0, 0.4)];

/// Fewer tests than this are no cluster: two may race with each other.
const TESTS: usize = 3;

/// What the evidence must exceed its price by, in nats: e⁴ ≈ 55 to 1.
pub(super) const MARGIN: f64 = 4.0;

/// What a test's own evidence must exceed for it to be concerned, in nats, and what its being so costs:
/// most tests that failed meanwhile are not.
const MEMBER: f64 = 2.0;
pub(super) const MEMBERSHIP: f64 = 1.2;

/// What more it takes for a test that fails with another message than those that agree.
const STRANGER: f64 = 5.0;

/// The part of a run that a window may last: what lasts longer is no outage.
const LASTS: u64 = 4;

/// How many failures are looked at, so that a record of millions takes no minutes.
const FAILURES: f64 = 4000.0;

/// How many failures a window may hold, so that a long record takes no longer than its length.
const LONGEST: usize = 120;

/// A time in which tests failed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Away {
    pub run: u32,
    /// From the beginning of the first failure to the end of the last, in microseconds.
    pub since: u64,
    pub until: u64,
    /// In which it surely lasted: from the end of the first failure to the beginning of the last.
    core: (u64, u64),
    /// The tests concerned.
    pub tests: Vec<u32>,
}

/// Finds the windows, the strongest first.
pub(super) fn find(victims: &[Victim<'_>], opinions: &[Opinion]) -> Vec<Away> {
    let mut found = Vec::new();
    let runs = victims.first().map_or(0, |it| it.record.runs.len());
    for run in 0..runs as u32 {
        let mut searching = Searching::new(run, victims, opinions);
        found.extend(searching.all(recurring::with_one_message));
        found.extend(searching.all(|it| it.strongest().into_iter().collect()));
        found.extend(searching.all(recurring::again_and_again));
    }
    only_members(&mut found, victims);
    found
}

/// Leaves out of windows the tests that only happened to fail in one.
///
/// Windows that two tests have in common are taken for the same thing's: who needs that fails in
/// all of them that it runs in, and hardly elsewhere.
fn only_members(windows: &mut Vec<Away>, victims: &[Victim<'_>]) {
    let all = windows.clone();
    for victim in victims {
        let (mine, others): (Vec<&Away>, Vec<&Away>) =
            all.iter().partition(|it| it.tests.contains(&victim.test));
        let is_common = |it: &&Away| {
            let shared = |own: &&&Away| it.tests.iter().filter(|it| own.tests.contains(it)).count();
            mine.iter().any(|own| shared(&own) >= 2)
        };
        let related: Vec<&Away> = others.into_iter().filter(is_common).collect();
        let others = victims.iter().filter(|it| it.test != victim.test);
        let stranger = if is_stranger(victim, &mine, others) { STRANGER } else { 0.0 };
        if !is_member(victim, &mine, &related, stranger) {
            for window in windows.iter_mut() {
                window.tests.retain(|&it| it != victim.test);
            }
        }
    }
    windows.retain(|it| it.tests.len() >= 2);
}

/// Whether the windows of a test, and those of the same thing in which it did not fail, explain most
/// of its failures.
fn is_member(victim: &Victim<'_>, mine: &[&Away], related: &[&Away], price: f64) -> bool {
    let (mut failed, mut passed) = (0_u64, 0_u64);
    for at in 0..victim.cases.len() {
        let (ran, run) = (victim.ran(at), victim.cases[at].run);
        if victim.failed.has(at) {
            failed += u64::from(mine.iter().any(|it| it.run == run && it.touches(ran)));
        } else {
            let mut all = mine.iter().chain(related);
            passed += u64::from(all.any(|it| it.run == run && it.holds(ran)));
        }
    }
    let outside = victim.failures() - failed;
    let rest = victim.executed() - failed - passed;
    gain(failed, passed, outside as f64, rest as f64) > MEMBER + price && outside * 3 <= failed
}

/// Whether it says something in its windows that no other of them says there, while others agree.
fn is_stranger<'v, 'r: 'v>(
    victim: &Victim<'r>,
    mine: &[&Away],
    others: impl Iterator<Item = &'v Victim<'r>>,
) -> bool {
    let inside = |victim: &Victim<'r>| -> BTreeSet<&'r str> {
        let is_in = |at: &usize| {
            let is_mine = |it: &&Away| it.tests.contains(&victim.test);
            mine.iter().copied().filter(is_mine).any(|it| it.touches(victim.ran(*at)))
        };
        (0..victim.cases.len()).filter(is_in).filter_map(|at| victim.says(at)).collect()
    };
    let own = inside(victim);
    let others: Vec<BTreeSet<&str>> = others.map(inside).filter(|it| !it.is_empty()).collect();
    let agree = |a: usize| {
        let rest = others.iter().enumerate().filter(|it| it.0 != a);
        rest.into_iter().any(|(_, it)| !it.is_disjoint(&others[a]))
    };
    !own.is_empty()
        && others.iter().all(|it| it.is_disjoint(&own))
        && (0..others.len()).filter(|&at| agree(at)).count() * 2 > others.len()
}

/// How much likelier, in nats, failures in a window are by it than by what else is seen of a test.
fn gain(failed: u64, passed: u64, failed_outside: f64, outside: f64) -> f64 {
    let rate = (failed_outside + 0.3) / (outside + 3.0);
    let by_chance = failed as f64 * rate.ln() + passed as f64 * (-rate).ln_1p();
    ln_while_away(failed, failed + passed) - by_chance
}

/// Looked up where it is asked for again and again: half of the time went into its Γ functions.
fn ln_while_away(failed: u64, executed: u64) -> f64 {
    const MOST: u64 = 64;
    static KNOWN: LazyLock<Vec<Vec<f64>>> = LazyLock::new(|| {
        let of =
            |executed| (0..=executed).map(|it| ln_marginal(it, executed, WHILE_AWAY)).collect();
        (0..=MOST).map(of).collect()
    });
    if executed <= MOST {
        KNOWN[executed as usize][failed as usize]
    } else {
        ln_marginal(failed, executed, WHILE_AWAY)
    }
}

impl Away {
    /// Whether that execution may have met it.
    fn touches(&self, ran: &Ran) -> bool {
        ran.start.0 <= self.until && ran.end.0 >= self.since
    }

    /// Whether that execution lay in it as a whole.
    fn holds(&self, ran: &Ran) -> bool {
        self.core.0 <= ran.start.0 && ran.end.0 <= self.core.1
    }
}

/// Which executions of a test lie in windows that concern it, at least in part.
pub(super) fn concerned(windows: &[Away], victim: &Victim<'_>) -> Bits {
    let mine: Vec<&Away> = windows.iter().filter(|it| it.tests.contains(&victim.test)).collect();
    Bits::of(victim.cases.len(), |at| {
        let ran = victim.ran(at);
        mine.iter().any(|it| it.run == victim.cases[at].run && it.touches(ran))
    })
}

/// Of a test most of whose failures, `failed`, lie in windows; those are left out of it already.
pub(super) fn verdict(windows: &[Away], victim: &Victim<'_>, failed: &Bits) -> Verdict {
    let runs = victim.record.runs;
    let mine: Vec<&Away> = windows.iter().filter(|it| it.tests.contains(&victim.test)).collect();
    let times: Vec<String> =
        mine.iter().map(|it| clock::window(&runs[it.run as usize], it.since, it.until)).collect();
    let others: BTreeSet<u32> =
        mine.iter().flat_map(|it| &it.tests).copied().filter(|&it| it != victim.test).collect();
    let inside = failed.count();
    let which = match (inside, victim.failures()) {
        (1, 0) => "its only failure lies".to_owned(),
        (2, 0) => "both failures lie".to_owned(),
        (_, 0) => format!("all {inside} failures lie"),
        (_, rest) => format!("{inside} of {} failures lie", inside + rest),
    };
    let evidence = format!(
        "{which} within {}, with {} other tests: infrastructure",
        times.join(" and "),
        others.len()
    );
    let most = mine.iter().max_by_key(|it| it.tests.len());
    Verdict {
        window: most.map(|it| {
            // Of several runs, since the first began.
            let started = |run: usize| u64::try_from(runs[run].started_us).unwrap_or(0);
            let later = started(it.run as usize).saturating_sub(started(0));
            (Offset(later + it.since), Offset(later + it.until))
        }),
        ..Verdict::of(VerdictKind::Infrastructure, evidence)
    }
}

pub(super) struct Searching {
    run: u32,
    /// One for each victim.
    pub tests: Vec<Test>,
    /// The surprising failures, by their beginning: whose, from when, to when.
    pub failures: Vec<(usize, u64, u64)>,
    /// Who failed together before.
    known: Vec<Vec<usize>>,
    /// How long a window may be, in microseconds.
    pub longest: u64,
}

pub(super) struct Test {
    place: u32,
    /// Passes by their beginning: from when, to when.
    passes: Vec<(u64, u64)>,
    /// All of its executions in the same way: the next begins when the last has ended.
    ran: Vec<(u64, u64)>,
    /// Failures that no window explains yet, and executions, over all runs.
    failed: f64,
    executed: f64,
    /// What most of its failures say, with numbers left out.
    pub message: Option<String>,
}

impl Searching {
    fn new(run: u32, victims: &[Victim<'_>], opinions: &[Opinion]) -> Self {
        let mut failures = Vec::new();
        let mut tests = Vec::new();
        for (whose, (victim, opinion)) in victims.iter().zip(opinions).enumerate() {
            let expected = opinion.expected(victim);
            let (mut passes, mut all) = (Vec::new(), Vec::new());
            let mut surprising = 0;
            for (at, &expected) in expected.iter().enumerate() {
                let ran = victim.ran(at);
                if victim.cases[at].run == run {
                    all.push((ran.start.0, ran.end.0));
                }
                if !victim.failed.has(at) {
                    if victim.cases[at].run == run {
                        passes.push((ran.start.0, ran.end.0));
                    }
                } else if expected < EXPECTED {
                    surprising += 1;
                    if victim.cases[at].run == run {
                        failures.push((whose, ran.start.0, ran.end.0));
                    }
                }
            }
            let executed = victim.executed() as f64;
            let failed = f64::from(surprising);
            let message = victim.mostly_says(without_numbers);
            tests.push(Test { place: victim.test, passes, ran: all, failed, executed, message });
        }
        only_rarest(&mut failures, &tests);
        failures.sort_by_key(|it| it.1);
        let ran = victims.first().map_or(&[][..], |it| &it.record.runs[run as usize].ran);
        let length = ran.iter().map(|it| it.end.0).max().unwrap_or(0);
        Self { run, tests, failures, known: Vec::new(), longest: length / LASTS }
    }

    /// All windows that are found in one way, each of which explains some of the failures.
    fn all(&mut self, find: impl Fn(&Self) -> Vec<Away>) -> Vec<Away> {
        let mut all = Vec::new();
        loop {
            let found = find(self);
            if found.is_empty() {
                return all;
            }
            for away in &found {
                self.explain(away);
            }
            all.extend(found);
        }
    }

    fn strongest(&self) -> Option<Away> {
        let count = self.failures.len();
        let mut best: Option<(f64, usize, usize)> = None;
        for from in 0..count {
            let mut inside = vec![0_u64; self.tests.len()];
            let mut tests: Vec<usize> = Vec::new();
            for to in from..count.min(from + LONGEST) {
                if self.failures[to].2.saturating_sub(self.failures[from].1) > self.longest {
                    break;
                }
                let test = self.failures[to].0;
                inside[test] += 1;
                if !tests.contains(&test) {
                    tests.push(test);
                }
                if tests.len() < 2 || !is_looked_at(to - from) {
                    continue;
                }
                let net = self.net(from, to, &inside, &tests);
                if net > best.map_or(0.0, |it| it.0) {
                    best = Some((net, from, to));
                }
            }
        }
        best.map(|(net, from, to)| {
            let (from, to) = self.widened(net, from, to);
            self.window(from, to)
        })
    }

    /// Moves each end as long as that adds evidence.
    fn widened(&self, net: f64, from: usize, to: usize) -> (usize, usize) {
        let (mut net, mut from, mut to) = (net, from, to);
        loop {
            let last = self.failures.len() - 1;
            let moved = [
                (from.saturating_sub(1), to),
                (from.saturating_sub(2), to),
                (from, (to + 1).min(last)),
                (from, (to + 2).min(last)),
                ((from + 1).min(to), to),
                (from, to.saturating_sub(1).max(from)),
            ];
            let each = moved.into_iter().map(|(from, to)| (self.net_of(from, to), from, to));
            match each.max_by(|a, b| a.0.total_cmp(&b.0)) {
                Some(better) if better.0 > net => (net, from, to) = better,
                _ => return (from, to),
            }
        }
    }

    fn net_of(&self, from: usize, to: usize) -> f64 {
        if self.failures[to].2.saturating_sub(self.failures[from].1) > self.longest {
            return f64::NEG_INFINITY;
        }
        let mut inside = vec![0_u64; self.tests.len()];
        let mut tests: Vec<usize> = Vec::new();
        for failure in &self.failures[from..=to] {
            inside[failure.0] += 1;
            if !tests.contains(&failure.0) {
                tests.push(failure.0);
            }
        }
        self.net(from, to, &inside, &tests)
    }

    /// The evidence for a window, less its price and margin, in nats.
    fn net(&self, from: usize, to: usize, inside: &[u64], tests: &[usize]) -> f64 {
        let gain = |&test: &usize| self.gain(test, inside[test], from, to);
        let members: Vec<usize> = tests.iter().copied().filter(|it| gain(it) > MEMBER).collect();
        let evidence: f64 = members.iter().map(|it| gain(it) - MEMBERSHIP).sum();
        let count = self.failures.len().max(2) as f64;
        // Each beginning with each end.
        let anywhere = (count * count.min(LONGEST as f64) / 2.0).ln();
        let is_known = || self.known.iter().any(|it| members.iter().all(|at| it.contains(at)));
        match members.len() {
            0 | 1 => f64::NEG_INFINITY,
            few if few < TESTS && !is_known() => f64::NEG_INFINITY,
            few if few < TESTS => evidence - count.ln() - MARGIN,
            _ => evidence - anywhere - MARGIN,
        }
    }

    fn gain(&self, test: usize, failed: u64, from: usize, to: usize) -> f64 {
        self.gain_of(test, failed, self.passed_in(test, from, to))
    }

    /// What windows in which a test failed and passed so often say of it, in nats.
    pub(super) fn gain_of(&self, test: usize, failed: u64, passed: u64) -> f64 {
        let test = &self.tests[test];
        gain(failed, passed, test.failed - failed as f64, test.executed - (failed + passed) as f64)
    }

    /// How often a test passed after the first of these failures ended and before the last began.
    pub(super) fn passed_in(&self, test: usize, from: usize, to: usize) -> u64 {
        self.tests[test].passed_within(self.failures[from].2, self.failures[to].1)
    }

    /// Whether a test ran at any time between these.
    pub(super) fn ran(&self, test: usize, since: u64, until: u64) -> bool {
        let all = &self.tests[test].ran;
        let next = all.partition_point(|it| it.1 <= since);
        all.get(next).is_some_and(|it| it.0 < until)
    }

    fn window(&self, from: usize, to: usize) -> Away {
        let within = &self.failures[from..=to];
        let mut tests: BTreeSet<usize> = within.iter().map(|it| it.0).collect();
        let inside = |test: usize| within.iter().filter(|it| it.0 == test).count() as u64;
        tests.retain(|&test| self.gain(test, inside(test), from, to) > MEMBER);
        self.window_of(from, to, &tests)
    }

    /// The window of these tests, from one failure to another.
    pub(super) fn window_of(&self, from: usize, to: usize, tests: &BTreeSet<usize>) -> Away {
        let within = &self.failures[from..=to];
        let mine = || within.iter().filter(|it| tests.contains(&it.0));
        Away {
            run: self.run,
            core: (
                mine().map(|it| it.2).min().unwrap_or(0),
                mine().map(|it| it.1).max().unwrap_or(0),
            ),
            since: mine().map(|it| it.1).min().unwrap_or(0),
            until: mine().map(|it| it.2).max().unwrap_or(0),
            tests: tests.iter().map(|&it| self.tests[it].place).collect(),
        }
    }

    /// What a window explains surprises nobody any more.
    fn explain(&mut self, away: &Away) {
        let places = 0..self.tests.len();
        self.known.push(places.filter(|&at| away.tests.contains(&self.tests[at].place)).collect());
        let tests = &mut self.tests;
        self.failures.retain(|&(test, start, end)| {
            let test = &mut tests[test];
            let is_explained =
                away.tests.contains(&test.place) && start <= away.until && end >= away.since;
            if is_explained {
                test.failed -= 1.0;
            }
            !is_explained
        });
    }
}

/// All short windows, and of long ones some: their ends are moved afterwards.
fn is_looked_at(failures: usize) -> bool {
    failures < 24 || failures.is_multiple_of(8)
}

/// Of very many failures only those of the tests that fail most seldom: the others tell least.
fn only_rarest(failures: &mut Vec<(usize, u64, u64)>, tests: &[Test]) {
    let mut order: Vec<usize> = (0..tests.len()).collect();
    order.sort_by(|&a, &b| tests[a].failed.total_cmp(&tests[b].failed));
    let mut sum = 0.0;
    let mut is_kept = vec![false; tests.len()];
    for test in order {
        sum += tests[test].failed;
        is_kept[test] = sum <= FAILURES;
    }
    failures.retain(|it| is_kept[it.0]);
}

impl Test {
    fn passed_within(&self, first: u64, last: u64) -> u64 {
        let from = self.passes.partition_point(|it| it.0 < first);
        self.passes[from..].iter().take_while(|it| it.1 <= last).count() as u64
    }
}

/// Numbers differ from failure to failure.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        let letter = if letter.is_ascii_digit() { '0' } else { letter };
        if letter != '0' || !out.ends_with('0') {
            out.push(letter);
        }
    }
    out
}

impl Opinion {
    /// How probable each execution's failure was by the reason that is thought likeliest, where that
    /// is not chance alone; 0 where nothing foretold it.
    fn expected(&self, victim: &Victim<'_>) -> Vec<f64> {
        let count = victim.cases.len();
        let rate = victim.failures() as f64 / victim.executed().max(1) as f64;
        let (chance, best) = &self.hypotheses[0];
        let of_kind: f64 = {
            let kind = best.reason.kind();
            self.hypotheses.iter().filter(|it| it.1.reason.kind() == kind).map(|it| it.0).sum()
        };
        let is_known = *chance > 0.5 && of_kind >= KNOWN;
        match &best.exposed {
            Some(exposed) if is_known && best.reason.kind() != VerdictKind::FlakyAlone => {
                let split = victim.split(exposed);
                let with = split.failed_with as f64 / split.with.max(1) as f64;
                let without = split.failed_without as f64 / split.without.max(1) as f64;
                (0..count).map(|at| if exposed.has(at) { with } else { without }).collect()
            }
            _ => vec![rate; count],
        }
    }
}
