//! The few special functions that the tests here need, over `libm`'s gamma and error functions.

use std::f64::consts::SQRT_2;

/// ln n!
///
/// Right to about 15 digits of the logarithm: of ln 100,000! ≈ 10⁶ that leaves nine digits of what
/// is computed from it.
pub(super) fn ln_factorial(n: u64) -> f64 {
    libm::lgamma(n as f64 + 1.0)
}

/// ln of the number of ways to choose `k` of `n`; `k <= n`.
pub(super) fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// The chance that a standard normal variable is at least `z`.
pub(super) fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// A probability that sums of rounded terms may have put a hair outside of [0, 1].
///
/// Never 0: what is smaller than the smallest positive number is given as that, so that nothing
/// reads as impossible, and a logarithm can be taken.
pub(super) fn probability(p: f64) -> f64 {
    p.clamp(f64::MIN_POSITIVE, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factorials_and_choices_are_those_of_the_textbook() {
        assert!((ln_factorial(10) - 3_628_800_f64.ln()).abs() < 1e-13);
        assert!((ln_choose(52, 5) - 2_598_960_f64.ln()).abs() < 1e-12);
        assert!(ln_choose(7, 0).abs() < 1e-15 && ln_choose(7, 7).abs() < 1e-15);
    }

    #[test]
    fn the_normal_tail_keeps_its_digits_far_out() {
        assert!((normal_tail(1.959_963_984_540_054) - 0.025).abs() < 1e-15);
        assert!((normal_tail(0.0) - 0.5).abs() < 1e-15);
        // scipy.stats.norm.sf(37)
        assert!((normal_tail(37.0) / 5.725_571_222_524_577e-300 - 1.0).abs() < 1e-9);
    }
}
