//! Two arms of an experiment, compared while results come in: stop as soon as it is clear.

use std::collections::VecDeque;

use super::fisher::Table;

/// One of the two things compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// The victim with its suspect.
    With,
    /// The victim without it.
    Without,
}

/// What is known so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It fails more often with the suspect than without.
    More,
    /// It does not fail more often by as much as the least difference asked about.
    NotMore,
    /// Neither is clear yet.
    Undecided,
}

/// How sure a decision must be, and about what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The chance of [`Decision::More`] where there is no difference, or one the other way; at most.
    pub alpha: f64,
    /// The chance of [`Decision::NotMore`] where the difference is `least` or more; at most.
    pub beta: f64,
    /// The least difference of the failure rates that is worth knowing, above 0 and below 1. Half of
    /// what the record shows is a good choice: the smaller, the longer until anything is refuted.
    pub least: f64,
}

/// A comparison of two arms that can be looked at after each result, and stopped at any time.
///
/// Results are taken in pairs, the first of one arm with the first of the other, and so on; one that
/// has no partner yet waits. For an alternative with failure rates (a, b) and the hypothesis that the
/// rates differ by d, a pair is worth the factor P(pair | a, b) / P(pair | a°, b°), where (a°, b°),
/// a° − b° = d, is the point of the hypothesis nearest to the alternative (in Kullback and Leibler's
/// sense). Its expectation is at most 1 wherever a − b ≤ d (for alternatives above; mirrored for
/// those below), so that the product over pairs, averaged over alternatives, exceeds 1/α at *any*
/// time with a chance of at most α (Ville's inequality). These are the E-variables of Turner, Ly and
/// Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
/// stopping" (2021), with fixed alternatives on a grid instead of learned ones: nothing is lost while
/// it learns, which counts where a decision takes five pairs.
///
/// Two run side by side: against d = 0 from above ([`Decision::More`]), and against d = `least` from
/// below ([`Decision::NotMore`]). The first to pass its limit decides, for good.
///
/// Assumed: an execution's result does not depend on those before it, given its arm (fresh
/// processes, arms interleaved, so that a slow server hits both).
#[derive(Debug, Clone)]
pub struct TwoArms {
    limits: Limits,
    more: Evidence,
    not_more: Evidence,
    /// Results that have no partner yet, of one arm only at any time.
    waiting_with: VecDeque<bool>,
    waiting_without: VecDeque<bool>,
    table: Table,
    decision: Decision,
}

impl TwoArms {
    /// Nothing seen yet, all alternatives equally likely.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let more = RATES_WITH
            .into_iter()
            .flat_map(|with| RATES_WITHOUT.map(|without| (with, without)))
            .filter(|(with, without)| with - without >= NEAREST)
            .map(|it| Alternative::to(it, 0.0));
        let same =
            RATES_OF_BOTH.into_iter().map(|rate| Alternative::to((rate, rate), limits.least));
        Self {
            limits,
            more: Evidence::over(more),
            not_more: Evidence::over(same),
            waiting_with: VecDeque::new(),
            waiting_without: VecDeque::new(),
            table: Table::default(),
            decision: Decision::Undecided,
        }
    }

    /// One more result.
    pub fn observe(&mut self, arm: Arm, failed: bool) {
        self.count(arm, failed);
        let waiting = match arm {
            Arm::With => &mut self.waiting_with,
            Arm::Without => &mut self.waiting_without,
        };
        waiting.push_back(failed);
        if let (Some(&with), Some(&without)) =
            (self.waiting_with.front(), self.waiting_without.front())
        {
            self.waiting_with.pop_front();
            self.waiting_without.pop_front();
            self.pair((with, without));
        }
    }

    /// What is known so far.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// All results so far, those that wait for a partner included.
    #[must_use]
    pub fn table(&self) -> Table {
        self.table
    }

    /// The chance, at most, of evidence like this at any time if the suspect made no difference: one
    /// divided by the greatest average product until now, at most 1.
    #[must_use]
    pub fn p_more(&self) -> f64 {
        self.more.p()
    }

    /// The same if it made a difference of `least` or more.
    #[must_use]
    pub fn p_not_more(&self) -> f64 {
        self.not_more.p()
    }

    fn count(&mut self, arm: Arm, failed: bool) {
        let table = &mut self.table;
        *match (arm, failed) {
            (Arm::With, true) => &mut table.failed_with,
            (Arm::With, false) => &mut table.passed_with,
            (Arm::Without, true) => &mut table.failed_without,
            (Arm::Without, false) => &mut table.passed_without,
        } += 1;
    }

    fn pair(&mut self, pair: (bool, bool)) {
        self.more.see(pair);
        self.not_more.see(pair);
        if self.decision == Decision::Undecided {
            self.decision = match () {
                () if self.more.p() <= self.limits.alpha => Decision::More,
                () if self.not_more.p() <= self.limits.beta => Decision::NotMore,
                () => Decision::Undecided,
            };
        }
    }
}

/// Failure rates that alternatives have with the suspect, and without it.
const RATES_WITH: [f64; 7] = [0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.99];
const RATES_WITHOUT: [f64; 5] = [0.01, 0.05, 0.15, 0.3, 0.5];

/// Alternatives nearer together than this would take hundreds of pairs to tell apart.
const NEAREST: f64 = 0.08;

/// Failure rates of both arms, where the suspect makes no difference.
const RATES_OF_BOTH: [f64; 8] = [0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.9, 0.99];

/// The products of all alternatives against one hypothesis.
#[derive(Debug, Clone)]
struct Evidence {
    alternatives: Vec<(Alternative, f64)>,
    greatest: f64,
}

impl Evidence {
    fn over(alternatives: impl Iterator<Item = Alternative>) -> Self {
        Self { alternatives: alternatives.map(|it| (it, 0.0)).collect(), greatest: 1.0 }
    }

    fn see(&mut self, pair: (bool, bool)) {
        for (alternative, ln) in &mut self.alternatives {
            *ln += alternative.ln_factor(pair);
        }
        let sum: f64 = self.alternatives.iter().map(|(_, ln)| ln.exp()).sum();
        let average = sum / self.alternatives.len().max(1) as f64;
        self.greatest = self.greatest.max(average.min(f64::MAX));
    }

    fn p(&self) -> f64 {
        1.0 / self.greatest
    }
}

/// Failure rates with and without, and those of the hypothesis that are nearest.
#[derive(Debug, Clone, Copy)]
struct Alternative {
    rates: (f64, f64),
    nearest: (f64, f64),
}

impl Alternative {
    /// Nearest to `rates` among those that differ by `difference`.
    ///
    /// There (a − a°)/(a°(1 − a°)) + (b − b°)/(b°(1 − b°)) is 0: the divergence's derivative along
    /// the line, which only falls.
    fn to(rates: (f64, f64), difference: f64) -> Self {
        let pull = |rate: f64, at: f64| (rate - at) / (at * (1.0 - at));
        let (mut low, mut high) = (0.0, 1.0 - difference);
        // Sixty halvings leave nothing that a double can tell.
        for _ in 0..60 {
            let without = f64::midpoint(low, high);
            let sum = pull(rates.0, without + difference) + pull(rates.1, without);
            if sum > 0.0 { low = without } else { high = without }
        }
        let without = f64::midpoint(low, high);
        Self { rates, nearest: (without + difference, without) }
    }

    fn ln_factor(&self, (with, without): (bool, bool)) -> f64 {
        let ln = |failed: bool, rate: f64| if failed { rate.ln() } else { (-rate).ln_1p() };
        ln(with, self.rates.0) - ln(with, self.nearest.0) + ln(without, self.rates.1)
            - ln(without, self.nearest.1)
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    const LIMITS: Limits = Limits { alpha: 0.05, beta: 0.05, least: 0.25 };

    fn fed(pairs: impl IntoIterator<Item = (bool, bool)>) -> TwoArms {
        let mut arms = TwoArms::new(LIMITS);
        for (with, without) in pairs {
            arms.observe(Arm::With, with);
            arms.observe(Arm::Without, without);
        }
        arms
    }

    /// Share of `More`, share of `NotMore`, and pairs on average (those undecided counted in full).
    fn simulated(limits: Limits, with: f64, without: f64, most: usize) -> (f64, f64, f64) {
        const TIMES: usize = 1000;
        let mut rng = Rng::with_seed(6);
        let (mut more, mut not_more, mut pairs) = (0, 0, 0);
        for _ in 0..TIMES {
            let mut arms = TwoArms::new(limits);
            for _ in 0..most {
                arms.observe(Arm::With, rng.f64() < with);
                arms.observe(Arm::Without, rng.f64() < without);
                pairs += 1;
                if arms.decision() != Decision::Undecided {
                    break;
                }
            }
            more += usize::from(arms.decision() == Decision::More);
            not_more += usize::from(arms.decision() == Decision::NotMore);
        }
        let share = |n: usize| n as f64 / TIMES as f64;
        (share(more), share(not_more), share(pairs))
    }

    /// The table in docs/diagnosis.md: at most 60 pairs, 1000 experiments each. Pairs needed on average
    /// for each true rate (with, without), and how often the decision was right, in per cent.
    #[test]
    fn decisions_take_as_many_pairs_as_documented() {
        for (with, without, decision, pairs, right) in FIGURES {
            let (more, not_more, mean) = simulated(LIMITS, with, without, 60);
            let share = if decision == Decision::More { more } else { not_more };
            let found = (mean.round() as u32, (share * 100.0).round() as u32);
            assert_eq!(found, (pairs, right), "{with} with, {without} without");
        }
    }

    const FIGURES: [(f64, f64, Decision, u32, u32); 14] = [
        (1.0, 0.0, Decision::More, 3, 100),
        (0.9, 0.05, Decision::More, 4, 100),
        (0.7, 0.0, Decision::More, 6, 100),
        (0.5, 0.0, Decision::More, 10, 100),
        (0.5, 0.1, Decision::More, 20, 99),
        (0.3, 0.0, Decision::More, 21, 99),
        (0.2, 0.0, Decision::More, 35, 91),
        (0.9, 0.5, Decision::More, 24, 96),
        (0.0, 0.0, Decision::NotMore, 17, 100),
        (0.05, 0.05, Decision::NotMore, 23, 99),
        (0.2, 0.2, Decision::NotMore, 37, 76),
        (0.5, 0.5, Decision::NotMore, 44, 54),
        (0.9, 0.9, Decision::NotMore, 31, 92),
        (1.0, 1.0, Decision::NotMore, 18, 100),
    ];

    #[test]
    fn wrong_decisions_are_as_rare_as_promised() {
        for rate in [0.02, 0.2, 0.5, 0.8] {
            let (more, ..) = simulated(LIMITS, rate, rate, 60);
            assert!(more <= LIMITS.alpha, "{more} at {rate}");
        }
        for without in [0.0, 0.1, 0.4, 0.75] {
            let (_, not_more, _) = simulated(LIMITS, without + LIMITS.least, without, 60);
            assert!(not_more <= LIMITS.beta, "{not_more} at {without}");
        }
    }

    #[test]
    fn a_clear_effect_takes_three_pairs() {
        assert_eq!(fed([(true, false); 2]).decision(), Decision::Undecided);
        assert_eq!(fed([(true, false); 3]).decision(), Decision::More);
        assert_eq!(fed([(true, false); 3]).table().failed_with, 3);
    }

    #[test]
    fn no_failures_refute_and_failures_in_both_do_not_confirm() {
        assert_eq!(fed([(false, false); 20]).decision(), Decision::NotMore);
        assert_ne!(fed([(true, true); 60]).decision(), Decision::More);
        assert_eq!(fed([]).decision(), Decision::Undecided);
        assert_ne!(fed([(false, true); 9]).decision(), Decision::More, "it is the other way round");
    }

    #[test]
    fn a_decision_stays() {
        let pairs = [(true, false); 4].into_iter().chain([(false, true); 40]);
        assert_eq!(fed(pairs).decision(), Decision::More);
    }

    proptest! {
        /// What the whole rests on: on average, no product grows while its hypothesis holds.
        #[test]
        fn no_factor_is_expected_above_one(
            least in 0.01..0.9_f64, without in 0.0..=1.0_f64, with in 0.0..=1.0_f64
        ) {
            let arms = TwoArms::new(Limits { least, ..LIMITS });
            let expected = |it: &Alternative| -> f64 {
                let chance = |failed: bool, rate: f64| if failed { rate } else { 1.0 - rate };
                [(true, true), (true, false), (false, true), (false, false)]
                    .map(|it_pair| chance(it_pair.0, with) * chance(it_pair.1, without) * it.ln_factor(it_pair).exp())
                    .iter()
                    .sum()
            };
            if with <= without {
                prop_assert!(arms.more.alternatives.iter().all(|(it, _)| expected(it) <= 1.0 + 1e-9));
            }
            if with - without >= least {
                prop_assert!(arms.not_more.alternatives.iter().all(|(it, _)| expected(it) <= 1.0 + 1e-9));
            }
        }

        #[test]
        fn which_arm_came_first_does_not_matter(
            pairs in proptest::collection::vec((proptest::bool::ANY, proptest::bool::ANY), 0..30)
        ) {
            let mut late = TwoArms::new(LIMITS);
            for (with, _) in &pairs {
                late.observe(Arm::With, *with);
            }
            for (_, without) in &pairs {
                late.observe(Arm::Without, *without);
            }
            let early = fed(pairs);
            prop_assert_eq!(early.decision(), late.decision());
            prop_assert_eq!(early.table(), late.table());
            for p in [late.p_more(), late.p_not_more()] {
                prop_assert!(p > 0.0 && p <= 1.0);
            }
        }
    }
}
