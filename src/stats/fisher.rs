//! Whether failures go together with something: Fisher's exact test of a 2×2 table.

use serde::Serialize;

use super::hypergeometric::Hypergeometric;
use super::rates::Z;
use super::special::probability;

/// Executions counted by whether they failed, and whether something was there ("the suspect ran
/// beside it").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Table {
    /// Executions that failed while it was there.
    pub failed_with: u64,
    /// Executions that passed while it was there.
    pub passed_with: u64,
    /// Executions that failed without it.
    pub failed_without: u64,
    /// Executions that passed without it.
    pub passed_without: u64,
}

/// How strongly failures go together with something.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Association {
    /// The chance of at least as many failures *with* it, if it made no difference.
    pub p_more: f64,
    /// The chance of a table at most as probable as this one, if it made no difference.
    pub p_differs: f64,
    /// How many times the odds of failing are those without it.
    pub odds_ratio: OddsRatio,
}

/// The odds of failing with something divided by the odds without, with a 95% interval;
/// `low <= estimate <= high`, all positive and finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OddsRatio {
    /// (failed with · passed without) / (passed with · failed without).
    pub estimate: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// Whether a cell was 0, so that one half was added to each cell first.
    pub corrected: bool,
}

impl Table {
    /// Each execution as (was it there, did it fail).
    pub fn of(executions: impl IntoIterator<Item = (bool, bool)>) -> Self {
        let mut table = Self::default();
        for (with, failed) in executions {
            match (with, failed) {
                (true, true) => table.failed_with += 1,
                (true, false) => table.passed_with += 1,
                (false, true) => table.failed_without += 1,
                (false, false) => table.passed_without += 1,
            }
        }
        table
    }

    /// How many executions there were with it.
    #[must_use]
    pub fn with(&self) -> u64 {
        self.failed_with + self.passed_with
    }

    /// How many executions there were without it.
    #[must_use]
    pub fn without(&self) -> u64 {
        self.failed_without + self.passed_without
    }

    fn urn(&self) -> Hypergeometric {
        let marked = self.failed_with + self.failed_without;
        Hypergeometric { total: self.with() + self.without(), marked, drawn: self.with() }
    }
}

/// Fisher's exact test and the odds ratio of `table`.
///
/// With both margins given, the number of failures *with* it is hypergeometric if it makes no
/// difference: P(k) = C(F, k)·C(N−F, W−k) / C(N, W) for N executions, F failures, W executions with
/// it (R. A. Fisher, "The Logic of Inductive Inference", 1935). `p_more` sums P(k) upwards from what
/// was seen; `p_differs` sums every P(k) that is at most that of what was seen, give or take a
/// rounding of 10⁻⁷ (as R's `fisher.test` and scipy's `fisher_exact` do). Values below the smallest
/// positive number (about 2·10⁻³⁰⁸) are given as that.
///
/// Assumed: executions are independent. Those of one round are seldom quite, and then p is too small.
#[must_use]
pub fn fisher(table: &Table) -> Association {
    Association {
        p_more: fails_more_with(table),
        p_differs: differs(table),
        odds_ratio: odds_ratio(table),
    }
}

/// `p_more` of [`fisher`] alone, for those who try thousands of suspects.
#[must_use]
pub fn fails_more_with(table: &Table) -> f64 {
    table.urn().at_least(table.failed_with)
}

fn differs(table: &Table) -> f64 {
    /// What counts as equally probable, as in R.
    const ROUNDING: f64 = 1e-7;
    let urn = table.urn();
    let (least, most) = urn.support();
    let limit = urn.ln_mass(table.failed_with) + ROUNDING;
    let mode = urn.mode();
    // Masses rise up to the mode and fall from there, so that each tail begins at one place.
    let below = last_where(least, mode, |k| urn.ln_mass(k) <= limit);
    let above = last_where(0, most - mode, |down| urn.ln_mass(most - down) <= limit);
    let (low, high) = (below, above.map(|down| most - down));
    match (low, high) {
        (Some(low), Some(high)) if low + 1 >= high => 1.0,
        (low, high) => {
            let tails = low.map_or(0.0, |k| urn.at_most(k)) + high.map_or(0.0, |k| urn.at_least(k));
            probability(tails)
        }
    }
}

/// The last of `first..=last` for which `holds`, which must hold for a beginning of them.
pub(super) fn last_where(first: u64, last: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    if first > last || !holds(first) {
        return None;
    }
    let (mut yes, mut no) = (first, last + 1);
    while no - yes > 1 {
        let middle = yes + (no - yes) / 2;
        if holds(middle) { yes = middle } else { no = middle }
    }
    Some(yes)
}

/// The sample odds ratio (a·d)/(b·c) with Woolf's interval exp(ln OR ± z·√(1/a + 1/b + 1/c + 1/d))
/// at 95% (B. Woolf, 1955).
///
/// Where a cell is 0, one half is added to each cell first (Haldane 1956, Anscombe 1956), since the
/// ratio would be 0 or infinite; the interval is then a rough one, and so wide that it says so.
#[must_use]
pub fn odds_ratio(table: &Table) -> OddsRatio {
    let cells = [table.failed_with, table.passed_with, table.failed_without, table.passed_without];
    let corrected = cells.contains(&0);
    let [a, b, c, d] = cells.map(|n| n as f64 + if corrected { 0.5 } else { 0.0 });
    let ln = a.ln() + d.ln() - b.ln() - c.ln();
    let half = Z * (1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d).sqrt();
    OddsRatio { estimate: ln.exp(), low: (ln - half).exp(), high: (ln + half).exp(), corrected }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop_assert, proptest};

    use super::*;

    fn table(cells: [u64; 4]) -> Table {
        let [failed_with, passed_with, failed_without, passed_without] = cells;
        Table { failed_with, passed_with, failed_without, passed_without }
    }

    fn assert_same(found: f64, wanted: f64) {
        assert!((found / wanted - 1.0).abs() < 1e-9, "{found} is not {wanted}");
    }

    /// `scipy.stats.fisher_exact`: the table, `alternative="greater"`, two-sided. The second is the
    /// lady tasting tea; the third the figure that twenty for each arm rest on (FLAKINESS: 5 to 0).
    #[test]
    fn p_values_are_those_of_scipy() {
        for (cells, more, differs) in [
            ([9, 3, 0, 88], 1.156_536_227_753_681_7e-10, 1.156_536_227_753_681_6e-10),
            ([3, 1, 1, 3], 0.242_857_142_857_142_83, 0.485_714_285_714_285_65),
            ([5, 15, 0, 20], 0.023_562_023_562_023_564, 0.047_124_047_124_047_13),
            ([8, 2, 1, 5], 0.024_475_524_475_524_483, 0.034_965_034_965_034_975),
            ([300, 700, 100, 900], 4.746_884_454_111_999_4e-30, 9.493_768_908_223_999e-30),
            ([10, 10, 10, 10], 0.623_814_432_718_045_5, 1.0),
            ([2, 50, 3, 10], 0.995_342_915_061_318, 0.050_570_056_155_725_11),
        ] {
            let found = fisher(&table(cells));
            assert_same(found.p_more, more);
            assert_same(found.p_differs, differs);
        }
    }

    /// 1 / C(1000, 500), and what is too small for a number.
    #[test]
    fn the_smallest_keep_their_digits() {
        assert_same(fisher(&table([500, 0, 0, 500])).p_more, 1.0 / 2.702_882_409_454_365_6e299);
        let p = fisher(&table([2000, 0, 0, 2000])).p_differs;
        assert!(p > 0.0 && p < 1e-300, "{p}");
    }

    #[test]
    fn an_empty_table_says_nothing() {
        let found = fisher(&table([0; 4]));
        assert_same(found.p_more, 1.0);
        assert_same(found.p_differs, 1.0);
        assert_same(found.odds_ratio.estimate, 1.0);
    }

    #[test]
    fn executions_are_counted_into_cells() {
        let seen = [(true, true), (true, false), (true, false), (false, true), (false, false)];
        assert_eq!(Table::of(seen), table([1, 2, 1, 1]));
    }

    /// exp(ln 20 ± 1.959964·√(1/8 + 1/2 + 1/1 + 1/5)).
    #[test]
    fn odds_ratios_are_woolfs_and_corrected_where_a_cell_is_empty() {
        let plain = odds_ratio(&table([8, 2, 1, 5]));
        assert_same(plain.estimate, 20.0);
        assert_same(plain.low, 1.416_185_139_393_952_9);
        assert_same(plain.high, 282.448_946_026_348_95);
        let zero = odds_ratio(&table([9, 3, 0, 88]));
        assert!(zero.corrected && !plain.corrected);
        assert_same(zero.estimate, (9.5 * 88.5) / (3.5 * 0.5));
    }

    fn cells() -> impl Strategy<Value = [u64; 4]> {
        proptest::array::uniform4(0..60_u64)
    }

    proptest! {
        #[test]
        fn figures_are_within_their_bounds(cells in cells()) {
            let found = fisher(&table(cells));
            for p in [found.p_more, found.p_differs] {
                prop_assert!(p > 0.0 && p <= 1.0);
            }
            prop_assert!(found.p_differs >= found.p_more.min(1.0 - found.p_more) * (1.0 - 1e-9));
            let odds = found.odds_ratio;
            prop_assert!(0.0 < odds.low && odds.low <= odds.estimate && odds.estimate <= odds.high);
            prop_assert!(odds.high.is_finite());
        }

        #[test]
        fn turning_the_table_over_changes_nothing(cells in cells()) {
            let [a, b, c, d] = cells;
            let [found, turned, swapped] = [[a, b, c, d], [a, c, b, d], [c, d, a, b]].map(|it| fisher(&table(it)));
            prop_assert!((found.p_more - turned.p_more).abs() < 1e-9);
            prop_assert!((found.p_differs - swapped.p_differs).abs() < 1e-9);
            prop_assert!((found.odds_ratio.estimate * swapped.odds_ratio.estimate - 1.0).abs() < 1e-9);
        }

        #[test]
        fn one_more_failure_with_it_is_more_evidence(cells in cells()) {
            let [a, b, c, d] = cells;
            if b > 0 && c > 0 {
                let clearer = table([a + 1, b - 1, c - 1, d + 1]);
                prop_assert!(fails_more_with(&clearer) <= fails_more_with(&table(cells)));
            }
        }
    }
}
