//! How long things took in earlier runs.

use std::collections::HashMap;

use super::ids::NodeId;

/// What is known of a project's tests and files. Empty where nothing is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Durations {
    /// Tests that ran to an end.
    pub tests: HashMap<NodeId, Took>,
    /// Seconds that it takes to collect a file, by the file's node id.
    pub files: HashMap<String, f64>,
}

/// How long one test takes, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Took {
    /// Its set-up, with what it sets up for tests after it.
    pub setup: f64,
    /// Its call and its tear-down.
    pub rest: f64,
}

impl Took {
    /// Seconds in all.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.setup + self.rest
    }
}

impl Durations {
    /// Whether no test is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// Seconds for each file of which a test is known: its tests, and to collect it where that is
    /// known too.
    #[must_use]
    pub fn by_file(&self) -> HashMap<&str, f64> {
        let mut sums: HashMap<&str, f64> = HashMap::new();
        for (test, took) in &self.tests {
            *sums.entry(test.file()).or_default() += took.seconds();
        }
        for (file, sum) in &mut sums {
            *sum += self.files.get(*file).copied().unwrap_or(0.0);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_as_long_as_its_tests_and_its_collection() {
        let took = |setup, rest| Took { setup, rest };
        let test = |id, took| (NodeId::new(id), took);
        let durations = Durations {
            tests: [
                test("a.py::t", took(1.0, 2.0)),
                test("a.py::C::u", took(0.0, 0.5)),
                test("b.py::t", took(0.0, 7.0)),
            ]
            .into(),
            files: [("a.py".to_owned(), 4.0), ("gone.py".to_owned(), 9.0)].into(),
        };
        assert_eq!(durations.by_file(), [("a.py", 7.5), ("b.py", 7.0)].into());
    }
}
