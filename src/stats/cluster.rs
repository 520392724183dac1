//! Stretches of time in which several tests fail together: something that they all need was away.

use fastrand::Rng;
use serde::Serialize;

use super::scan::{Found, Scan};
use super::special::probability;

/// One execution. Times are in microseconds since any one moment, the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// When it ended; a failure is thought to lie there.
    pub end: u64,
    /// Which test, by any number below [`u32::MAX`].
    pub test: u32,
    /// Whether it failed.
    pub failed: bool,
}

/// A stretch of time in which several tests failed far more often than otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cluster {
    /// When the first of its failures ended.
    pub since: u64,
    /// When the last of its failures ended.
    pub until: u64,
    /// The tests that failed in it, ascending; at least three.
    pub tests: Vec<u32>,
    /// Its failures, as places in the list that was given.
    pub failures: Vec<usize>,
    /// How many executions of these tests ended in it, its failures included.
    pub executed: u64,
    /// The chance of as many stretches at least as clear as this one, if each test's failures came at
    /// any of its executions.
    pub p: f64,
}

/// How many windows are looked for together: a server that is away ten times makes ten, none of
/// which may be clear by itself.
const COUNTS: [usize; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

/// How many orders are drawn, at most and at least, and what all of them may cost: 0.1 s or so.
const ORDERS: (u64, u64) = (999, 99);
const STEPS: u64 = 5_000_000;

/// Any, but always the same: the same record gives the same answer.
const SEED: u64 = 0x706e_6c06;

/// The stretches of time of `executions` (in any order) that are unlikely to be chance, p at most
/// `at_most`, in order of time.
///
/// A scan statistic (J. Naus, 1965; M. Kulldorff, "A Spatial Scan Statistic", 1997): for each window
/// from one failure to another, its x failures are compared with the μ to be expected, by
/// x·ln(x/μ) + (F−x)·ln((F−x)/(F−μ)), F being all failures. μ adds up, over the executions of those
/// tests that failed in the window, up to the last such failure, how often that test fails
/// altogether; so a steadily flaky test expects its own failures, and the others may go on passing. A
/// window counts if at least three tests failed in it, none of them has more than half of its
/// failures, and at most a third of the executions lie in it. Tests that failed in more than half of
/// their executions are left out: one that always fails tells nothing.
///
/// The k best windows that do not touch are compared with the k-th best of up to 999 other orders in
/// which each test's failures are dealt out anew to that test's executions (seeded, so always the
/// same). So it is corrected for the windows searched, and, by Bonferroni (one half for k = 1), for
/// the values of k. Where no order comes near, p is that of a Gumbel distribution fitted to them
/// (Abrams, Kleinman and Kulldorff, 2010).
///
/// Assumed: but for what is looked for, a test's executions are exchangeable. It cannot tell an
/// outage from a test that spoils those after it in its process, nor, at the end of a run, from state
/// that has accumulated: look at processes, and at whether it passes again later. A test that ran
/// once tells nothing either: whether it fails always is not known.
#[must_use]
pub fn clusters(executions: &[Execution], at_most: f64) -> Vec<Cluster> {
    let scan = Scan::of(executions);
    let counts: Vec<usize> =
        COUNTS.into_iter().filter(|count| count * Scan::LEAST_TESTS <= scan.failures()).collect();
    let Some(&most) = counts.last() else { return Vec::new() };
    let seen = scan.best(&scan.seen(), most);
    if seen.is_empty() {
        return Vec::new();
    }
    let orders = (STEPS / scan.steps().max(1)).clamp(ORDERS.1, ORDERS.0);
    let mut rng = Rng::with_seed(SEED);
    let drawn: Vec<Vec<Found>> =
        (0..orders).map(|_| scan.best(&scan.dealt(&mut rng), most)).collect();
    let chances = chances(&seen, &drawn, &counts);
    let clear = seen.iter().zip(chances).filter(|(_, p)| *p <= at_most);
    let mut found: Vec<Cluster> = clear.map(|(it, p)| cluster(executions, &scan, it, p)).collect();
    found.sort_unstable_by_key(|it| it.since);
    found
}

/// For each window seen, best first: the least p of those counts that it belongs to.
fn chances(seen: &[Found], drawn: &[Vec<Found>], counts: &[usize]) -> Vec<f64> {
    let each: Vec<(usize, f64)> = counts
        .iter()
        .filter(|&&count| count <= seen.len())
        .map(|&count| {
            let others: Vec<f64> =
                drawn.iter().map(|it| it.get(count - 1).map_or(0.0, |it| it.ratio)).collect();
            let tried = match (count, counts.len()) {
                (_, 1) => 1,
                (1, _) => 2,
                (_, all) => 2 * (all - 1),
            };
            (count, chance(seen[count - 1].ratio, &others) * tried as f64)
        })
        .collect();
    (1..=seen.len())
        .map(|rank| {
            let ps = each.iter().filter(|(count, _)| *count >= rank).map(|it| it.1);
            probability(ps.fold(1.0, f64::min))
        })
        .collect()
}

/// The chance of a value of at least `seen`, where `others` were drawn.
fn chance(seen: f64, others: &[f64]) -> f64 {
    let n = others.len() as f64;
    let reached = others.iter().filter(|&&it| it >= seen).count();
    let counted = (reached + 1) as f64 / (n + 1.0);
    let mean = others.iter().sum::<f64>() / n;
    let spread = (others.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    if reached > 0 || spread == 0.0 {
        return counted;
    }
    let scale = spread * 6.0_f64.sqrt() / std::f64::consts::PI;
    let place = mean - EULER * scale;
    counted.min(-(-(-(seen - place) / scale).exp()).exp_m1())
}

/// The Euler–Mascheroni constant: how far a Gumbel distribution's mean lies above its mode.
const EULER: f64 = 0.577_215_664_901_532_9;

fn cluster(executions: &[Execution], scan: &Scan, found: &Found, p: f64) -> Cluster {
    let inside = scan.between(found);
    let failures: Vec<usize> = inside.iter().copied().filter(|&at| executions[at].failed).collect();
    let mut tests: Vec<u32> = failures.iter().map(|&at| executions[at].test).collect();
    tests.sort_unstable();
    tests.dedup();
    let of_these = |at: &&usize| tests.binary_search(&executions[**at].test).is_ok();
    let executed = inside.iter().filter(of_these).count() as u64;
    let ends = failures.iter().map(|&at| executions[at].end);
    let (since, until) = ends.fold((u64::MAX, 0), |(a, b), end| (a.min(end), b.max(end)));
    Cluster { since, until, tests, failures, executed, p }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::{ProptestConfig, prop_assert, proptest};

    use super::*;

    const SECOND: u64 = 1_000_000;

    /// `tests` tests one after the other, `rounds` times, each for a tenth of a second; `fails` is
    /// asked with (test, when it ended, round).
    fn run(
        tests: u32,
        rounds: u64,
        mut fails: impl FnMut(u32, u64, u64) -> bool,
    ) -> Vec<Execution> {
        let mut all = Vec::new();
        for round in 0..rounds {
            for test in 0..tests {
                let end = (all.len() as u64 + 1) * SECOND / 10;
                all.push(Execution { end, test, failed: fails(test, end, round) });
            }
        }
        all
    }

    fn is_away(end: u64, since: u64, until: u64) -> bool {
        (since * SECOND..until * SECOND).contains(&end)
    }

    /// 40 tests for 60 s: 15 rounds of 4 s. Five of them need what is away for 3 s.
    #[test]
    fn an_outage_of_three_seconds_is_found_among_steady_flakiness() {
        let mut rng = Rng::with_seed(1);
        let all = run(40, 15, |test, end, _| match test {
            2 | 9 | 13 | 22 | 31 => is_away(end, 31, 34),
            5 => rng.f64() < 0.3,
            7 => true,
            _ => false,
        });
        let hit: BTreeSet<u32> = all
            .iter()
            .filter(|it| it.failed && it.test != 5 && it.test != 7)
            .map(|it| it.test)
            .collect();
        assert!(hit.len() >= 4, "the case itself: {hit:?}");
        let found = clusters(&all, 0.01);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].since >= 31 * SECOND && found[0].until <= 34 * SECOND, "{found:?}");
        assert!(hit.is_subset(&found[0].tests.iter().copied().collect()), "{found:?}");
        assert!(!found[0].tests.contains(&7), "one that always fails");
        assert!(found[0].failures.iter().all(|&at| all[at].failed));
    }

    /// None of ten short outages need be clear by itself; together they are.
    #[test]
    fn outages_that_come_again_are_found_together() {
        let all = run(10, 60, |test, _, round| test % 2 == 0 && test < 7 && round % 7 == 3);
        let found = clusters(&all, 0.01);
        assert_eq!(found.len(), 8, "{found:?}");
        assert!(found.iter().all(|it| it.tests == [0, 2, 4, 6]), "{found:?}");
    }

    #[test]
    fn what_is_no_outage_makes_no_window() {
        let mut rng = Rng::with_seed(2);
        let cases = [
            ("always", run(40, 15, |test, _, _| test < 6)),
            ("one is flaky", run(40, 15, |test, _, _| test == 3 && rng.f64() < 0.3)),
            ("one accumulates", run(40, 30, |test, _, round| test == 3 && round > 22)),
            ("a pair races", run(40, 30, |test, _, round| test < 2 && round % 9 == 4)),
            ("nothing fails", run(40, 15, |_, _, _| false)),
            ("ran once each", run(40, 1, |test, _, _| (10..16).contains(&test))),
            ("nothing", Vec::new()),
        ];
        for (name, all) in cases {
            assert_eq!(clusters(&all, 0.05), [], "{name}");
        }
    }

    /// With many flaky tests and no outage, a window is found in at most one run of twenty or so.
    #[test]
    fn independent_flakiness_seldom_makes_a_window() {
        let mut rng = Rng::with_seed(3);
        let wrong = (0..20).filter(|_| {
            let all = run(20, 25, |test, _, _| test < 12 && rng.f64() < 0.02 * f64::from(test));
            !clusters(&all, 0.05).is_empty()
        });
        let wrong = wrong.count();
        assert!(wrong <= 3, "{wrong} of 20");
    }

    #[test]
    fn thirty_thousand_executions_are_no_trouble() {
        let mut rng = Rng::with_seed(4);
        let all = run(100, 300, |test, end, _| {
            rng.f64() < 0.01 || test % 3 == 0 && is_away(end, 1000, 1010)
        });
        let found = clusters(&all, 0.01);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    proptest! {
        // Each case draws up to a thousand orders.
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn what_is_returned_holds_together(
            failures in proptest::collection::vec((0..8_u32, proptest::bool::weighted(0.2)), 0..150)
        ) {
            let all: Vec<Execution> = failures
                .iter()
                .enumerate()
                .map(|(at, &(test, failed))| Execution { end: at as u64, test, failed })
                .collect();
            let found = clusters(&all, 1.0);
            for it in &found {
                prop_assert!(it.p > 0.0 && it.p <= 1.0 && it.since <= it.until);
                prop_assert!(it.tests.len() >= 3 && it.failures.len() as u64 <= it.executed);
                let within = |at: &usize| (it.since..=it.until).contains(&all[*at].end);
                prop_assert!(it.failures.iter().all(within));
            }
            prop_assert!(found.windows(2).all(|it| it[0].until < it[1].since));
        }
    }
}
