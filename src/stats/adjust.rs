//! Many suspects tried: p values that allow for it.

/// The p values of `p`, in their order, adjusted for having been `tests` tests in all (or as many as
/// there are, if that is more or nothing is said).
///
/// Benjamini and Hochberg, "Controlling the False Discovery Rate", 1995: of those that are called
/// found at an adjusted p of at most q, at most the share q are expected to be false. The i-th
/// smallest of m becomes min over j ≥ i of m·p₍ⱼ₎/j, at most 1. Tests that are only counted, not
/// given, are taken for p = 1. It holds for independent tests and for such as depend on each other
/// positively (Benjamini and Yekutieli, 2001), which suspects that run at the same time do.
#[must_use]
pub fn benjamini_hochberg(p: &[f64], tests: Option<usize>) -> Vec<f64> {
    let m = tests.unwrap_or(0).max(p.len()) as f64;
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_unstable_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 1.0_f64;
    for (rank, &at) in order.iter().enumerate().rev() {
        least = least.min(p[at] * (m / (rank + 1) as f64));
        adjusted[at] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    fn assert_same(found: &[f64], wanted: &[f64]) {
        let near = found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near && found.len() == wanted.len(), "{found:?} is not {wanted:?}");
    }

    /// `scipy.stats.false_discovery_control`.
    #[test]
    fn adjusted_as_scipy_does() {
        let p = [0.01, 0.04, 0.03, 0.005, 0.5];
        assert_same(&benjamini_hochberg(&p, None), &[0.025, 0.05, 0.05, 0.025, 0.5]);
    }

    #[test]
    fn tests_that_are_only_counted_count() {
        assert_same(&benjamini_hochberg(&[0.01, 0.02], Some(10)), &[0.1, 0.1]);
        assert_same(&benjamini_hochberg(&[0.01, 0.02], Some(1)), &[0.02, 0.02]);
        assert_same(&benjamini_hochberg(&[], Some(10)), &[]);
    }

    proptest! {
        #[test]
        fn order_is_kept_and_nothing_gets_smaller(
            p in proptest::collection::vec(0.0..=1.0_f64, 1..50), more in 0..100_usize
        ) {
            let adjusted = benjamini_hochberg(&p, Some(p.len() + more));
            for (a, one) in adjusted.iter().zip(&p) {
                prop_assert!(a >= one && *a <= 1.0);
                for (b, other) in adjusted.iter().zip(&p) {
                    prop_assert!(one > other || a <= b);
                }
            }
        }
    }
}
