//! How many tests a worker holds at a time.

/// Seconds of work that a worker may hold beyond the test it runs: enough to hide a round trip to
/// the controller behind tests of half a millisecond, and little enough to be no loss at a round's
/// end. With it ten rounds of trivial tests meet docs/benchmarks.md; other values were not tried.
const HORIZON: f64 = 0.005;

/// Says whether a worker should hold more: two tests (the running one and its `nextitem`) unless
/// tests are so short that a round trip would show. Learns how long tests take of which nothing is
/// known from earlier runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Depth {
    mean: Option<f64>,
}

impl Depth {
    /// How many tests a worker may have: a bound on the messages' size, and on what a crash gives back.
    pub const MOST: usize = 64;

    /// Takes into account a test that took so many seconds.
    pub fn observe(&mut self, seconds: f64) {
        // An exponential mean over about 16 tests follows a suite from quick to slow files.
        self.mean = Some(self.mean.map_or(seconds, |mean| mean + (seconds - mean) / 16.0));
    }

    /// Seconds for a test of which nothing is known. As long as nothing is known of any, none is
    /// taken for short: an hour.
    #[must_use]
    pub fn usual(&self) -> f64 {
        self.mean.unwrap_or(3600.0)
    }

    /// Whether a worker of so many tests, with so many seconds of work beyond the first, should have
    /// another one.
    pub(super) fn has_room(count: usize, beyond: f64) -> bool {
        count < 2 || count < Self::MOST && beyond < HORIZON
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many unknown tests a worker is given.
    fn tests(depth: &Depth) -> usize {
        let room = |&count: &usize| Depth::has_room(count, (count as f64 - 1.0) * depth.usual());
        (2..=Depth::MOST).find(|count| !room(count)).expect("a bound")
    }

    #[test]
    fn slow_tests_travel_one_by_one_and_quick_ones_in_batches() {
        let mut depth = Depth::default();
        assert_eq!(tests(&depth), 2);
        depth.observe(0.2);
        assert_eq!(tests(&depth), 2);
        for _ in 0..200 {
            depth.observe(0.000_2);
        }
        assert!((20..=30).contains(&tests(&depth)), "{}", tests(&depth));
        for _ in 0..400 {
            depth.observe(0.0);
        }
        assert_eq!(tests(&depth), Depth::MOST);
        depth.observe(1.0);
        assert_eq!(tests(&depth), 2, "one slow test is enough to be careful");
    }
}
