//! How many marked things are among those drawn: the distribution behind every exact test here.

use super::special::{ln_choose, probability};

/// Of `total` things `marked` are marked, and `drawn` are drawn without putting any back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hypergeometric {
    pub total: u64,
    pub marked: u64,
    pub drawn: u64,
}

impl Hypergeometric {
    /// The fewest and the most marked ones that can be among the drawn.
    pub fn support(self) -> (u64, u64) {
        let unmarked = self.total - self.marked;
        (self.drawn.saturating_sub(unmarked), self.marked.min(self.drawn))
    }

    /// ln of the chance of exactly `k`, which must be within the support.
    pub fn ln_mass(self, k: u64) -> f64 {
        ln_choose(self.marked, k) + ln_choose(self.total - self.marked, self.drawn - k)
            - ln_choose(self.total, self.drawn)
    }

    /// The chance of `k` or more.
    pub fn at_least(self, k: u64) -> f64 {
        let (least, most) = self.support();
        match k {
            k if k <= least => 1.0,
            k if k > most => 0.0,
            // The nearer tail is summed: 1 − p has no digits left of a small p.
            k if k > self.mode() => self.tail_up(k),
            k => probability(1.0 - self.tail_down(k - 1)),
        }
    }

    /// The chance of `k` or fewer.
    pub fn at_most(self, k: u64) -> f64 {
        let (least, most) = self.support();
        match k {
            k if k < least => 0.0,
            k if k >= most => 1.0,
            k if k < self.mode() => self.tail_down(k),
            k => probability(1.0 - self.tail_up(k + 1)),
        }
    }

    /// The most probable number.
    pub fn mode(self) -> u64 {
        let wide = |n: u64| u128::from(n);
        let mode = wide(self.drawn + 1) * wide(self.marked + 1) / wide(self.total + 2);
        let (least, most) = self.support();
        u64::try_from(mode).unwrap_or(most).clamp(least, most)
    }

    /// From `k` upwards, by the ratio of one term to the next; terms only fall from here.
    fn tail_up(self, k: u64) -> f64 {
        let (_, most) = self.support();
        let mut sum = 1.0;
        let mut term = 1.0;
        for at in k..most {
            term *= self.ratio(at);
            sum += term;
            if term < sum * f64::EPSILON / 16.0 {
                break;
            }
        }
        probability((self.ln_mass(k) + f64::ln(sum)).exp())
    }

    fn tail_down(self, k: u64) -> f64 {
        let (least, _) = self.support();
        let mut sum = 1.0;
        let mut term = 1.0;
        for at in (least..k).rev() {
            term /= self.ratio(at);
            sum += term;
            if term < sum * f64::EPSILON / 16.0 {
                break;
            }
        }
        probability((self.ln_mass(k) + f64::ln(sum)).exp())
    }

    /// The chance of `k + 1` divided by that of `k`.
    fn ratio(self, k: u64) -> f64 {
        let rest = (self.total - self.marked) as f64 - (self.drawn - k) as f64;
        (self.marked - k) as f64 * (self.drawn - k) as f64 / ((k + 1) as f64 * (rest + 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    #[test]
    fn tails_are_those_of_scipy() {
        let urn = Hypergeometric { total: 100, marked: 12, drawn: 30 };
        // hypergeom.sf(k - 1, 100, 12, 30), hypergeom.cdf(k, 100, 12, 30)
        assert!((urn.at_least(8) / AT_LEAST_8 - 1.0).abs() < 1e-11);
        assert!((urn.at_most(1) / AT_MOST_1 - 1.0).abs() < 1e-11);
    }

    const AT_LEAST_8: f64 = 0.005_927_299_503_151_863;
    const AT_MOST_1: f64 = 0.071_927_518_740_906_64;

    proptest! {
        #[test]
        fn the_two_tails_make_up_the_whole(
            total in 1..400_u64, marked in 0.0..=1.0_f64, drawn in 0.0..=1.0_f64, k in 0..400_u64
        ) {
            let part = |share: f64| (total as f64 * share) as u64;
            let urn = Hypergeometric { total, marked: part(marked), drawn: part(drawn) };
            let sum = urn.at_most(k) + urn.at_least(k + 1);
            prop_assert!((sum - 1.0).abs() < 1e-9, "{sum}");
            prop_assert!(urn.at_least(k) >= urn.at_least(k + 1));
        }
    }
}
