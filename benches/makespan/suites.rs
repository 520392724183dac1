//! The simulated suites. All random figures are seeded: each run of the simulation is the same.

use std::collections::HashMap;
use std::sync::Arc;

use pnl::model::{Durations, NodeId, TestIndex, TestInfo, Took};
use pnl::scheduler::{Claim, Claims, Forecast, Lock};

pub struct Suite {
    pub name: &'static str,
    pub tests: Vec<Arc<TestInfo>>,
    /// How long each test takes by itself.
    pub seconds: Vec<f64>,
    /// What a worker sets up when it begins with a test of another file than before.
    fixture: f64,
    wanted: HashMap<TestIndex, Claim>,
}

impl Suite {
    /// Of files, each with its tests' seconds.
    fn new(name: &'static str, files: &[Vec<f64>]) -> Self {
        let mut suite = Self {
            name,
            tests: Vec::new(),
            seconds: Vec::new(),
            fixture: 0.0,
            wanted: HashMap::new(),
        };
        for (file, tests) in files.iter().enumerate() {
            for (number, seconds) in tests.iter().enumerate() {
                let index = TestIndex(suite.tests.len() as u32);
                let id = format!("test_{file:03}.py::Test{}::test_{number}", number / 10);
                let nodeid = NodeId::new(&id);
                suite.tests.push(Arc::new(TestInfo { index, nodeid, line: None, group: None }));
                suite.seconds.push(*seconds);
            }
        }
        suite
    }

    pub fn claims(&self) -> Claims {
        Claims::new(self.wanted.clone())
    }

    pub fn has_claims(&self) -> bool {
        !self.wanted.is_empty()
    }

    pub fn claim(&self, test: TestIndex) -> Option<&Claim> {
        self.wanted.get(&test)
    }

    /// How long a test takes on a worker that ran this one last.
    pub fn nanoseconds(&self, last: Option<TestIndex>, test: TestIndex) -> u64 {
        let file = |test: TestIndex| self.tests[test.at()].nodeid.file();
        let stays = last.is_some_and(|last| file(last) == file(test));
        let fixture = if stays { 0.0 } else { self.fixture };
        ((self.seconds[test.at()] + fixture) * 1e9) as u64
    }

    pub fn files(&self) -> Vec<Vec<TestIndex>> {
        let mut files: Vec<Vec<TestIndex>> = Vec::new();
        let mut last = None;
        for test in &self.tests {
            let file = test.nodeid.file();
            if last.replace(file) != Some(file) {
                files.push(Vec::new());
            }
            files.last_mut().expect("just pushed").push(test.index);
        }
        files
    }

    /// No schedule is shorter, in seconds: all work evenly on all workers, the longest test, what
    /// one lock keeps apart, and what must run alone with the rest spread evenly after it.
    pub fn least(&self, workers: usize) -> f64 {
        let mut locks: HashMap<usize, f64> = HashMap::new();
        let mut alone = 0.0;
        for (test, claim) in &self.wanted {
            let seconds = self.seconds[test.at()];
            for lock in &claim.locks {
                *locks.entry(lock.number).or_default() += seconds / lock.capacity as f64;
            }
            alone += if claim.exclusive { seconds } else { 0.0 };
        }
        let all: f64 = self.seconds.iter().sum::<f64>() + self.fixture * self.files().len() as f64;
        let longest = self.seconds.iter().copied().fold(0.0, f64::max) + self.fixture;
        let even = alone + (all - alone) / workers as f64;
        locks.into_values().fold(even.max(longest), f64::max)
    }

    /// What pnl knows after a run: each test's time with up to a tenth more or less.
    pub fn history(&self) -> Forecast {
        let mut random = fastrand::Rng::with_seed(7);
        let mut tests = HashMap::new();
        for file in self.files() {
            for (number, test) in file.into_iter().enumerate() {
                let noise = 0.9 + 0.2 * random.f64();
                let setup = if number == 0 { self.fixture } else { 0.0 };
                let took = Took { setup, rest: self.seconds[test.at()] * noise };
                tests.insert(self.tests[test.at()].nodeid.clone(), took);
            }
        }
        Forecast::new(Durations { tests, ..Durations::default() })
    }

    fn with_fixture(self, fixture: f64) -> Self {
        Self { fixture, ..self }
    }

    fn claiming(mut self, each: usize, claim: &Claim) -> Self {
        let every = self.tests.iter().step_by(each);
        self.wanted.extend(every.map(|test| (test.index, claim.clone())));
        self
    }
}

/// All suites.
pub fn all() -> Vec<Suite> {
    let even = |files: usize, tests: usize, seconds: f64| vec![vec![seconds; tests]; files];
    let mut one_long_file = even(60, 10, 0.05);
    one_long_file.insert(30, vec![0.1; 400]);
    let mut one_long_test = even(50, 20, 0.05);
    one_long_test[40][13] = 8.0;
    let mut long_in_one_file = even(400, 1, 0.1);
    long_in_one_file.push([vec![0.1; 4], vec![5.0; 8], vec![0.1; 4]].concat());
    let mut long_at_the_end = even(40, 25, 0.02);
    long_at_the_end.extend(vec![vec![0.05, 0.05, 1.5]; 12]);
    let lock = Claim { exclusive: false, locks: vec![Lock { number: 0, capacity: 1 }] };
    let alone = Claim { exclusive: true, locks: Vec::new() };
    vec![
        Suite::new("10,000 tiny tests", &even(100, 100, 0.000_5)),
        Suite::new("200 × 50 ms", &even(20, 10, 0.05)),
        Suite::new("heavy tail (lognormal)", &heavy(80, 25, lognormal)),
        Suite::new("heavy tail (Pareto)", &heavy(60, 20, pareto)),
        Suite::new("one long file", &one_long_file),
        Suite::new("one long test among many", &one_long_test),
        Suite::new("eight long tests in one file", &long_in_one_file),
        Suite::new("twelve long tests, collected last", &long_at_the_end),
        Suite::new("files with slow fixtures", &even(96, 10, 0.02)).with_fixture(0.5),
        Suite::new("a lock for one test in 20", &heavy(60, 20, mild)).claiming(20, &lock),
        Suite::new("six tests that run alone", &heavy(60, 20, mild)).claiming(200, &alone),
    ]
}

fn heavy(files: usize, tests: usize, time: fn(&mut fastrand::Rng) -> f64) -> Vec<Vec<f64>> {
    let mut random = fastrand::Rng::with_seed(42);
    let mut file = |_| (0..tests).map(|_| time(&mut random)).collect();
    (0..files).map(&mut file).collect()
}

/// Median 20 ms, one in a hundred over 0.6 s.
fn lognormal(random: &mut fastrand::Rng) -> f64 {
    // Box and Muller's transformation of two even random numbers.
    let (a, b) = (1.0 - random.f64(), random.f64());
    let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    0.02 * (1.5 * normal).exp()
}

/// From 10 ms on, one in a hundred over 0.3 s.
fn pareto(random: &mut fastrand::Rng) -> f64 {
    (0.01 * (1.0 - random.f64()).powf(-1.0 / 1.3)).min(30.0)
}

/// Between 10 and 110 ms.
fn mild(random: &mut fastrand::Rng) -> f64 {
    0.01 + 0.1 * random.f64()
}
