//! Where an ordered series falls apart into two parts with different failure rates, and how
//! surprising that is after having looked at every place: what change points and thresholds share.

use super::fisher::last_where;
use super::hypergeometric::Hypergeometric;
use super::special::probability;

/// Failures and executions, `failed <= executed`.
pub(super) type Counted = (u64, u64);

/// Which differences count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// More or fewer failures after the split than before it.
    Either,
    /// Only more failures after it.
    More,
}

/// The split that fits best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// How many entries of the series lie before it; at least one, and not all.
    pub before: usize,
    /// The chance of a split that fits at least as well anywhere, if the rate never changed.
    pub p: f64,
}

/// How many steps the exact count may take; about 10 ms. Beyond it the bound is used.
const EXACT_STEPS: u64 = 4_000_000;

/// The split of `series` with the greatest binomial likelihood ratio; the first of equals.
///
/// If the rate never changes, every order of the executions is equally probable with their number of
/// failures given. The number of failures up to each split is then a path whose steps are draws
/// without putting back, and `p` is the chance that this path comes, at any split, to where the
/// likelihood ratio is at least the greatest seen. Up to [`EXACT_STEPS`] that chance is counted
/// exactly (as for lattice paths; so no splits are tried for free, and nothing is drawn by lot);
/// beyond, it is bounded by the sum of the splits' own chances, which is more.
///
/// `None` where there is nothing to split: all failed, none did, or fewer than two entries have
/// executions.
pub(super) fn best_split(series: &[Counted], side: Side) -> Option<Split> {
    let search = Search::new(series, side);
    let (best, ratio) = search.best()?;
    let reach = search.reach(ratio);
    let steps = search.executed.saturating_mul(search.failed);
    let p = if steps <= EXACT_STEPS { search.exact(&reach) } else { search.bound(&reach) };
    Some(Split { before: best, p: probability(p) })
}

struct Search<'a> {
    series: &'a [Counted],
    side: Side,
    failed: u64,
    executed: u64,
}

/// A place between two entries: how many of them lie before it, with their executions.
#[derive(Debug, Clone, Copy)]
struct Place {
    before: usize,
    executed: u64,
    failed: u64,
}

/// At a place: the numbers of failures before it that are as extreme as what was seen. Up to `low`
/// and from `high` on.
#[derive(Debug, Clone, Copy)]
struct Reach {
    executed: u64,
    low: Option<u64>,
    high: Option<u64>,
}

impl Reach {
    fn holds(&self, failed: u64) -> bool {
        self.low.is_some_and(|low| failed <= low) || self.high.is_some_and(|high| failed >= high)
    }
}

impl<'a> Search<'a> {
    fn new(series: &'a [Counted], side: Side) -> Self {
        debug_assert!(series.iter().all(|&(failed, executed)| failed <= executed));
        let failed = series.iter().map(|it| it.0).sum();
        let executed = series.iter().map(|it| it.1).sum();
        Self { series, side, failed, executed }
    }

    /// Only places before an entry with executions, and after some: the others split nothing anew.
    fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let mut sum = Place { before: 0, executed: 0, failed: 0 };
        self.series.iter().enumerate().filter_map(move |(at, &(failed, executed))| {
            let place = Place { before: at, ..sum };
            sum.executed += executed;
            sum.failed += failed;
            (place.executed > 0 && executed > 0).then_some(place)
        })
    }

    fn best(&self) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        for place in self.places() {
            let ratio = self.ratio(place.executed, place.failed);
            if ratio > best.map_or(ROUNDING, |it| it.1 + ROUNDING) {
                best = Some((place.before, ratio));
            }
        }
        best
    }

    /// ln of the likelihood with two rates divided by that with one; 0 where the difference is of a
    /// kind that does not count.
    fn ratio(&self, executed: u64, failed: u64) -> f64 {
        let (rest, rest_failed) = (self.executed - executed, self.failed - failed);
        let wide = |a: u64, b: u64| u128::from(a) * u128::from(b);
        if self.side == Side::More && wide(rest_failed, executed) <= wide(failed, rest) {
            return 0.0;
        }
        likelihood(failed, executed) + likelihood(rest_failed, rest)
            - likelihood(self.failed, self.executed)
    }

    fn urn(&self, executed: u64) -> Hypergeometric {
        Hypergeometric { total: self.executed, marked: self.failed, drawn: executed }
    }

    fn reach(&self, seen: f64) -> Vec<Reach> {
        self.places().map(|place| self.reach_at(place.executed, seen)).collect()
    }

    /// The ratio falls towards the expected number from both sides, so that two bisections do.
    fn reach_at(&self, executed: u64, seen: f64) -> Reach {
        let (least, most) = self.urn(executed).support();
        let expected = u128::from(self.failed) * u128::from(executed) / u128::from(self.executed);
        let middle = u64::try_from(expected).unwrap_or(most).clamp(least, most);
        let extreme = |failed: u64| self.ratio(executed, failed) >= seen - ROUNDING;
        let low = last_where(least, middle, extreme);
        let high = match self.side {
            Side::More => None,
            Side::Either => last_where(0, most - middle, |down| extreme(most - down)),
        };
        Reach { executed, low, high: high.map(|down| most - down) }
    }

    /// The sum over the places of each one's own chance.
    fn bound(&self, reach: &[Reach]) -> f64 {
        reach
            .iter()
            .map(|it| {
                let urn = self.urn(it.executed);
                it.low.map_or(0.0, |k| urn.at_most(k)) + it.high.map_or(0.0, |k| urn.at_least(k))
            })
            .sum()
    }

    /// The chance to come within reach for the first time, summed over the places: only sums of
    /// positive numbers, so that the smallest chances keep their digits.
    fn exact(&self, reach: &[Reach]) -> f64 {
        let failed = self.failed as usize;
        let mut chance = vec![0.0; failed + 1];
        chance[0] = 1.0;
        let (mut come, mut drawn) = (0.0, 0);
        for place in reach {
            while drawn < place.executed {
                draw(&mut chance, (self.executed - drawn) as f64);
                drawn += 1;
            }
            for (k, chance) in chance.iter_mut().enumerate() {
                if place.holds(k as u64) {
                    come += std::mem::take(chance);
                }
            }
        }
        come
    }
}

/// One more execution out of `left`: `chance[k]` is that of k failures until now.
fn draw(chance: &mut [f64], left: f64) {
    let failed = chance.len() - 1;
    for k in (0..=failed).rev() {
        let fails = |k: usize| ((failed - k) as f64 / left).min(1.0);
        let stays = chance[k] * (1.0 - fails(k));
        let comes = if k > 0 { chance[k - 1] * fails(k - 1) } else { 0.0 };
        chance[k] = stays + comes;
    }
}

/// Below this two logarithms of likelihoods are the same.
const ROUNDING: f64 = 1e-9;

/// ln of the greatest likelihood of `k` failures in `n`: k·ln(k/n) + (n−k)·ln((n−k)/n).
fn likelihood(k: u64, n: u64) -> f64 {
    let part = |k: u64| if k == 0 { 0.0 } else { k as f64 * (k as f64 / n as f64).ln() };
    part(k) + part(n - k)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    /// The same by trying every order of the executions of a short series, one for each entry.
    fn by_trying_all(outcomes: &[bool], side: Side) -> f64 {
        let failed = outcomes.iter().filter(|&&it| it).count() as u32;
        let greatest = |bits: u32| {
            let series: Vec<Counted> =
                (0..outcomes.len()).map(|at| (u64::from(bits >> at & 1), 1)).collect();
            Search::new(&series, side).best().map_or(0.0, |it| it.1)
        };
        let bits = |it: &[bool]| it.iter().rev().fold(0, |sum, &bit| sum << 1 | u32::from(bit));
        let seen = greatest(bits(outcomes));
        let orders = (0..1_u32 << outcomes.len()).filter(|it| it.count_ones() == failed);
        let ratios: Vec<f64> = orders.map(greatest).collect();
        let extreme = ratios.iter().filter(|&&it| it >= seen - ROUNDING).count();
        extreme as f64 / ratios.len() as f64
    }

    fn one_each(outcomes: &[bool]) -> Vec<Counted> {
        outcomes.iter().map(|&failed| (u64::from(failed), 1)).collect()
    }

    #[test]
    fn nothing_to_split_gives_none() {
        for series in [vec![], vec![(1, 2)], vec![(0, 5); 9], vec![(3, 3); 9], vec![(1, 2), (0, 0)]]
        {
            assert_eq!(best_split(&series, Side::Either), None, "{series:?}");
        }
        assert_eq!(best_split(&[(1, 1), (0, 1)], Side::More), None, "it only falls");
    }

    #[test]
    fn the_bound_is_never_below_the_exact_chance() {
        let series = [(0, 3), (1, 4), (0, 2), (2, 2), (3, 4), (4, 4)];
        let search = Search::new(&series, Side::Either);
        let reach = search.reach(search.best().expect("splits").1);
        let (exact, bound) = (search.exact(&reach), search.bound(&reach));
        assert!(exact <= bound && bound < 4.0 * exact, "{exact} {bound}");
    }

    proptest! {
        #[test]
        fn the_chance_is_that_of_trying_every_order(
            outcomes in proptest::collection::vec(proptest::bool::ANY, 2..11), either in proptest::bool::ANY
        ) {
            let side = if either { Side::Either } else { Side::More };
            if let Some(split) = best_split(&one_each(&outcomes), side) {
                let wanted = by_trying_all(&outcomes, side);
                prop_assert!((split.p - wanted).abs() < 1e-9, "{} is not {wanted}", split.p);
            }
        }

        #[test]
        fn empty_entries_change_nothing(
            outcomes in proptest::collection::vec((0..3_u64, 0..3_u64), 2..20), hole in 0..20_usize
        ) {
            let series: Vec<Counted> = outcomes.iter().map(|&(a, b)| (a, a + b)).collect();
            let mut with_hole = series.clone();
            let hole = hole.min(series.len());
            with_hole.insert(hole, (0, 0));
            let [plain, holed] = [&series, &with_hole].map(|it| best_split(it, Side::Either));
            prop_assert_eq!(plain.map(|it| it.p), holed.map(|it| it.p));
            if let Some(split) = plain {
                prop_assert!(split.p > 0.0 && split.p <= 1.0);
                prop_assert!(split.before >= 1 && split.before < series.len());
            }
        }
    }
}
