//! How many tests a worker holds at a time.

/// Seconds of work that a worker may hold beyond the test it runs: enough to hide a round trip to
/// the controller behind tests of half a millisecond, and little enough to be no loss at a round's
/// end. With it ten rounds of trivial tests meet docs/benchmarks.md; other values were not tried.
const HORIZON: f64 = 0.005;

/// A bound on the messages' size, and on what a crash gives back.
const MOST: usize = 64;

/// Learns how long tests take and says how many a worker should hold, the running one included:
/// two (the running one and its `nextitem`) unless tests are so short that a round trip would show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Depth {
    mean: Option<f64>,
}

impl Depth {
    /// Takes into account a test that took so many seconds.
    pub fn observe(&mut self, seconds: f64) {
        // An exponential mean over about 16 tests follows a suite from quick to slow files.
        self.mean = Some(self.mean.map_or(seconds, |mean| mean + (seconds - mean) / 16.0));
    }

    /// How many tests a worker should hold.
    #[must_use]
    pub fn tests(&self) -> usize {
        match self.mean {
            None => 2,
            Some(mean) => (2 + (HORIZON / mean.max(1e-6)) as usize).min(MOST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_tests_travel_one_by_one_and_quick_ones_in_batches() {
        let mut depth = Depth::default();
        assert_eq!(depth.tests(), 2);
        depth.observe(0.2);
        assert_eq!(depth.tests(), 2);
        for _ in 0..200 {
            depth.observe(0.000_2);
        }
        assert!((20..=30).contains(&depth.tests()), "{}", depth.tests());
        depth.observe(1.0);
        assert_eq!(depth.tests(), 2, "one slow test is enough to be careful");
    }
}
