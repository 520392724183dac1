//! How long each test is expected to take.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{Durations, TestIndex, TestInfo, Took};

/// Expected durations of a run's tests, from earlier runs and from earlier rounds of this one.
///
/// What the first test of a file sets up for those after it (a module's fixture) is kept apart: it
/// belongs to the file, and has to be set up again on each further worker that runs tests of it.
#[derive(Debug, Clone, Default)]
pub struct Forecast {
    past: Arc<Durations>,
    /// Seconds for a test of which nothing is known, nor of its file.
    usual: Option<f64>,
    tests: Vec<Expected>,
    /// Seconds of what tests of a file share.
    shared: Vec<f64>,
    files: HashMap<String, u32>,
    /// Seconds for a further worker to collect a file, by its number.
    again: HashMap<u32, f64>,
    /// Seconds of a test in this run so far.
    pace: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Expected {
    /// Without what it shares.
    seconds: f64,
    took: Option<Took>,
    file: u32,
}

impl Forecast {
    /// From what earlier runs took.
    #[must_use]
    pub fn new(past: Durations) -> Self {
        let known = past.tests.len() as f64;
        let sum: f64 = past.tests.values().map(|took| took.seconds()).sum();
        let usual = (known > 0.0).then(|| sum / known);
        Self { past: Arc::new(past), usual, ..Self::default() }
    }

    /// Whether nothing is known: then every test counts the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.usual.is_none()
    }

    /// Takes note of tests, whole files of them, in any order and more than once.
    pub fn learn(&mut self, tests: &[Arc<TestInfo>]) {
        let mut touched: HashMap<u32, Vec<TestIndex>> = HashMap::new();
        for test in tests {
            let file = self.file_number(test.nodeid.file());
            if self.tests.len() <= test.index.at() {
                self.tests.resize(test.index.at() + 1, Expected::default());
            }
            let expected = &mut self.tests[test.index.at()];
            expected.file = file;
            expected.took = expected.took.or_else(|| self.past.tests.get(&test.nodeid).copied());
            touched.entry(file).or_default().push(test.index);
        }
        for (file, tests) in touched {
            self.settle(file, &tests);
        }
    }

    /// A test took so long in this run. Counts once [`Forecast::learn`] is called again.
    pub fn observe(&mut self, test: TestIndex, took: Took) {
        if let Some(expected) = self.tests.get_mut(test.at()) {
            expected.took = Some(took);
            self.usual.get_or_insert(took.seconds());
        }
    }

    /// Seconds that a test takes by itself.
    #[must_use]
    pub fn seconds(&self, test: TestIndex) -> f64 {
        self.tests.get(test.at()).map_or(1.0, |it| it.seconds)
    }

    /// As [`Forecast::seconds`], where that is known of this very test.
    #[must_use]
    pub fn known(&self, test: TestIndex) -> Option<f64> {
        self.tests.get(test.at()).filter(|it| it.took.is_some()).map(|it| it.seconds)
    }

    /// Seconds to set up what tests of this one's file share.
    #[must_use]
    pub fn shared(&self, test: TestIndex) -> f64 {
        self.tests.get(test.at()).map_or(0.0, |it| self.shared[it.file as usize])
    }

    /// A file with this test was collected in so many seconds; whoever else wants to run its tests has
    /// to collect it as well.
    pub fn collected(&mut self, test: TestIndex, seconds: f64) {
        if let Some(expected) = self.tests.get(test.at()) {
            self.again.insert(expected.file, seconds);
        }
    }

    /// Seconds that a worker needs before it can run a test of a file that another one has begun: to
    /// collect it, where workers do that. (What its tests share is in [`Forecast::shared`].)
    #[must_use]
    pub fn again(&self, test: TestIndex) -> f64 {
        let file = self.tests.get(test.at()).map(|it| it.file);
        file.and_then(|file| self.again.get(&file)).copied().unwrap_or(0.0)
    }

    /// The same and what its tests share, as [`Forecast::seconds`] counts: where nothing is known
    /// every test counts as one second, however long it takes.
    #[must_use]
    pub fn to_begin(&self, test: TestIndex) -> f64 {
        let second = if self.is_empty() { self.pace.unwrap_or(1.0) } else { 1.0 };
        self.shared(test) + self.again(test) / second.max(1e-6)
    }

    /// Tests take so many seconds in this run.
    pub fn keep_pace(&mut self, seconds: f64) {
        self.pace = Some(seconds);
    }

    /// Whether two tests are of one file.
    #[must_use]
    pub fn share_file(&self, one: TestIndex, other: TestIndex) -> bool {
        let file = |test: TestIndex| self.tests.get(test.at()).map(|it| it.file);
        file(one) == file(other)
    }

    /// Seconds that some tests of one file take on one worker.
    #[must_use]
    pub fn of_file<'t>(&self, tests: impl IntoIterator<Item = &'t TestIndex>) -> f64 {
        let mut tests = tests.into_iter().peekable();
        let shared = tests.peek().map_or(0.0, |&&test| self.shared(test));
        shared + tests.map(|&test| self.seconds(test)).sum::<f64>()
    }

    /// Seconds that each of these files takes with its collection. One of which nothing is known
    /// takes as long as the mean of the others, by its bytes; where no file is known, its bytes count.
    #[must_use]
    pub fn of_files(&self, files: &[(&str, u64)]) -> Vec<f64> {
        let known = self.past.by_file();
        let of = |&(file, bytes): &(&str, u64)| (known.get(file).copied(), bytes as f64);
        let files: Vec<_> = files.iter().map(of).collect();
        let sums = files.iter().filter_map(|&(seconds, bytes)| Some((seconds?, bytes)));
        let (seconds, bytes) = sums.fold((0.0, 0.0), |(s, b), (t, c)| (s + t, b + c));
        let rate = if bytes > 0.0 { seconds / bytes } else { 1.0 };
        files.iter().map(|&(seconds, bytes)| seconds.unwrap_or(bytes * rate)).collect()
    }

    fn file_number(&mut self, file: &str) -> u32 {
        if let Some(&number) = self.files.get(file) {
            return number;
        }
        let number = self.shared.len() as u32;
        self.files.insert(file.to_owned(), number);
        self.shared.push(0.0);
        number
    }

    /// Tells what the tests of a file share from what each takes. A set-up that is longer than that
    /// of most tests of its file is taken for a shared one.
    fn settle(&mut self, file: u32, tests: &[TestIndex]) {
        let known = tests.iter().filter_map(|test| self.tests[test.at()].took);
        let mut setups: Vec<f64> = known.clone().map(|took| took.setup).collect();
        setups.sort_unstable_by(f64::total_cmp);
        let usual_setup = setups.get((setups.len().max(1) - 1) / 2).copied().unwrap_or(0.0);
        let most = setups.last().copied().unwrap_or(0.0);
        self.shared[file as usize] = most - usual_setup;
        let own = |took: Took| took.rest + took.setup.min(usual_setup);
        let (count, sum) = known.fold((0.0, 0.0), |(n, sum), took| (n + 1.0, sum + own(took)));
        let usual = if count > 0.0 { sum / count } else { self.usual.unwrap_or(1.0) };
        for test in tests {
            let expected = &mut self.tests[test.at()];
            expected.seconds = expected.took.map_or(usual, own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeId;
    use crate::scheduler::suite::suite;

    fn past(tests: &[(&str, f64, f64)]) -> Forecast {
        let took = |&(id, setup, rest): &(&str, f64, f64)| (NodeId::new(id), Took { setup, rest });
        let tests = tests.iter().map(took).collect();
        Forecast::new(Durations { tests, files: HashMap::new() })
    }

    fn seconds(forecast: &Forecast, tests: u32) -> Vec<f64> {
        (0..tests).map(|test| forecast.seconds(TestIndex(test))).collect()
    }

    #[test]
    fn an_unknown_test_takes_the_mean_of_its_file_or_of_all() {
        let mut forecast = past(&[("a::1", 0.0, 1.0), ("a::2", 0.0, 3.0), ("gone::1", 0.0, 8.0)]);
        forecast.learn(&suite(&["a::1", "a::2", "a::3", "b::4"]));
        assert_eq!(seconds(&forecast, 4), [1.0, 3.0, 2.0, 4.0]);
        assert_eq!(forecast.known(TestIndex(0)), Some(1.0));
        assert_eq!(forecast.known(TestIndex(2)), None);
    }

    #[test]
    fn what_a_file_shares_is_not_its_first_tests_own() {
        let mut forecast = past(&[
            ("a::1", 5.0, 0.5),
            ("a::2", 0.0, 0.5),
            ("a::3", 0.0, 0.5),
            ("b::4", 2.0, 1.0),
            ("b::5", 2.0, 1.0),
        ]);
        forecast.learn(&suite(&["a::1", "a::2", "a::3", "b::4", "b::5"]));
        assert_eq!(seconds(&forecast, 5), [0.5, 0.5, 0.5, 3.0, 3.0]);
        assert_eq!(forecast.shared(TestIndex(2)).to_bits(), 5.0_f64.to_bits());
        assert_eq!(forecast.shared(TestIndex(4)).to_bits(), 0.0_f64.to_bits());
        let file: Vec<_> = (0..3).map(TestIndex).collect();
        assert_eq!(forecast.of_file(&file).to_bits(), 6.5_f64.to_bits());
    }

    #[test]
    fn an_earlier_round_counts_like_an_earlier_run() {
        let tests = suite(&["a::1", "a::2"]);
        let mut forecast = Forecast::default();
        forecast.learn(&tests);
        assert!(forecast.is_empty());
        assert_eq!(seconds(&forecast, 2), [1.0, 1.0], "all count the same");
        forecast.observe(TestIndex(1), Took { setup: 0.0, rest: 7.0 });
        forecast.learn(&tests);
        assert!(!forecast.is_empty());
        assert_eq!(seconds(&forecast, 2), [7.0, 7.0]);
    }

    #[test]
    fn a_file_without_history_is_reckoned_by_its_size() {
        let forecast = past(&[("a::1", 0.0, 2.0), ("b::1", 0.0, 4.0)]);
        let files = [("a", 100), ("b", 100), ("new", 50)];
        assert_eq!(forecast.of_files(&files), [2.0, 4.0, 1.5]);
        assert_eq!(Forecast::default().of_files(&files), [100.0, 100.0, 50.0]);
    }
}
