//! What is to be done: the settings of one run, resolved and checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Bounds, CollectMode, DistMode, EngineKind, FlakyPolicy, Isolation, LeakPolicy, Output, Pattern,
    Purpose, Rank, Rule, RunId, Secrets, Server, ServerLost, StateProbe, TestInfo, Vary,
};
use crate::process::Found;
use crate::scheduler::{Limit, Rounds, Until};

/// Everything that an engine needs to know. Nothing in it is read from the environment later.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What must not be written anywhere.
    pub secrets: Secrets,
    /// The run's id.
    pub run: RunId,
    /// What it is for.
    pub purpose: Purpose,
    /// The working folder: where pytest is started.
    pub root: PathBuf,
    /// What the user asked for, in a few words.
    pub scope: String,
    /// The command line as typed.
    pub command: Vec<String>,
    /// What runs the tests.
    pub engine: EngineKind,
    /// How they are dealt out.
    pub dist: DistMode,
    /// What workers keep between rounds.
    pub isolation: Isolation,
    /// What happens to what tests print.
    pub output: Output,
    /// How many workers.
    pub workers: Workers,
    /// Who said so: xdist's options, which pytest reads, are weighed against it.
    pub workers_rank: Rank,
    /// As `workers_rank`, for `dist`.
    pub dist_rank: Rank,
    /// What `auto` is here.
    pub auto_workers: usize,
    /// Why that is not what it usually is, in a few words.
    pub auto_why: Option<String>,
    /// How many rounds.
    pub rounds: Rounds,
    /// The interpreter.
    pub python: Found,
    /// Paths to collect; empty for what pytest collects by itself.
    pub paths: Vec<String>,
    /// Whether pytest-playwright is to show its browser.
    pub headed: bool,
    /// Arguments for pytest after those that pnl makes: the scope's, then the user's.
    pub pytest_args: Vec<String>,
    /// Variables for the tests.
    pub env: BTreeMap<String, String>,
    /// The server that the tests are told of.
    pub server: Server,
    /// Whether it must answer.
    pub server_need: ServerNeed,
    /// What asks for its state, and when.
    pub probing: Option<Probing>,
    /// How the user starts it, where the configuration says so.
    pub server_hint: Option<String>,
    /// Failures in a round after which it stops.
    pub max_fail: Option<u64>,
    /// Seed of a shuffled order.
    pub shuffle: Option<u64>,
    /// Whether the rounds of a loop differ on purpose.
    pub vary: Vary,
    /// Where tests are collected.
    pub collect: CollectMode,
    /// What holds for tests of which nothing particular is said.
    pub general: Rule,
    /// What the configuration says of some tests; the first that matches counts first.
    pub rules: Vec<(Pattern, Rule)>,
    /// How many tests may hold a lock at the same time, where it is not one.
    pub locks: BTreeMap<String, usize>,
    /// What a test that passed only when it was retried means for the exit code.
    pub flaky: FlakyPolicy,
    /// What the run and its processes may take.
    pub bounds: Bounds,
    /// What a process that a test left behind means for the exit code.
    pub leak: LeakPolicy,
    /// What happens when the server goes away.
    pub server_lost: ServerLost,
    /// The project whose history tells how long tests take, where one may.
    pub history: Option<PathBuf>,
    /// Who has the terminal with the engine `pytest`.
    pub terminal: TerminalOwner,
    /// When the command began: microseconds on the monotonic clock.
    pub began_us: u64,
    /// Whether processes are to tell when they came how far.
    pub timings: bool,
    /// Where the template comes from.
    pub warmth: Warmth,
}

/// What asks the server for its state, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probing {
    /// A URL or a command.
    pub how: StateProbe,
    /// Whether it is asked around each test, and not only between rounds.
    pub each_test: bool,
}

/// Where a template comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmth {
    /// It is started.
    Cold,
    /// It is forked from the project's warm process, if there can be one.
    Warm {
        /// How long that process, if this run starts it, waits for the next run.
        idle: Duration,
        /// The process that has it to itself, if one has.
        owner: Option<u32>,
    },
}

/// Who has the terminal while pytest runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalOwner {
    /// pytest, so that a debugger can be used.
    Pytest,
    /// pnl, which keeps what pytest prints.
    Pnl,
}

/// How many workers were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// What the machine can bear, at most one a test.
    Auto(usize),
    /// So many, at most one a test.
    Exactly(usize),
}

impl Workers {
    /// The number, before the number of tests is known.
    #[must_use]
    pub fn number(self) -> usize {
        match self {
            Self::Auto(number) | Self::Exactly(number) => number.max(1),
        }
    }

    /// Not more than a limit, where there is one.
    #[must_use]
    pub fn at_most(self, limit: Option<usize>) -> Self {
        let cut = |number: usize| limit.map_or(number, |limit| number.min(limit));
        match self {
            Self::Auto(number) => Self::Auto(cut(number)),
            Self::Exactly(number) => Self::Exactly(cut(number)),
        }
    }
}

/// When the server must answer before the first test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerNeed {
    /// The scope needs it.
    Always,
    /// The scope does not.
    Never,
    /// As soon as one test file lies under one of these folders (absolute).
    IfUnder(Vec<PathBuf>),
}

impl Plan {
    /// Whether there are as many workers as this machine can bear.
    #[must_use]
    pub fn has_auto_workers(&self) -> bool {
        self.workers == Workers::Auto(self.auto_workers)
    }

    /// When a loop is over that has no number of rounds, in a few words.
    pub(super) fn until_words(&self) -> Option<String> {
        let Rounds { limit, until, .. } = self.rounds;
        let words = match until? {
            Until::Failure => "until a round fails".to_owned(),
            Until::Sure(rate) => {
                format!("until each test is known to fail in less than {}%", 100.0 * rate)
            }
        };
        Some(match limit {
            Limit::Count(count) => format!("{words}, at most {count}"),
            Limit::For(_) => format!("{words} or the time is up"),
            Limit::Endless => words,
        })
    }

    /// Failures that stop a round: the user's option, else pytest's own (`-x`, `--maxfail`).
    #[must_use]
    pub fn failure_limit(&self, pytests_own: u32) -> Option<u64> {
        self.max_fail.or((pytests_own > 0).then_some(u64::from(pytests_own)))
    }
}

/// Shuffles files, then the tests inside each: tests of a file stay together, so that module
/// fixtures are not set up more often than they must be. The same seed gives the same order.
pub(super) fn shuffle(tests: &mut Vec<Arc<TestInfo>>, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut files: Vec<Vec<Arc<TestInfo>>> = Vec::new();
    for test in tests.drain(..) {
        match files.last_mut() {
            Some(file) if file[0].nodeid.file() == test.nodeid.file() => file.push(test),
            _ => files.push(vec![test]),
        }
    }
    random.shuffle(&mut files);
    for mut file in files {
        random.shuffle(&mut file);
        tests.extend(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NodeId, TestIndex};

    #[test]
    fn a_shuffle_repeats_with_its_seed_and_keeps_files_together() {
        let suite: Vec<Arc<TestInfo>> = (0..40)
            .map(|n| {
                let nodeid = NodeId::new(&format!("test_{}.py::test_{n}", n / 10));
                Arc::new(TestInfo { index: TestIndex(n), nodeid, line: None, group: None })
            })
            .collect();
        let order = |seed| {
            let mut tests = suite.clone();
            shuffle(&mut tests, seed);
            tests
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        let mut files: Vec<String> =
            order(7).iter().map(|test| test.nodeid.file().to_owned()).collect();
        files.dedup();
        assert_eq!(files.len(), 4);
    }
}
