//! Choices that a user makes by name. Each is parsed here, and its error lists what is allowed.

use std::fmt;
use std::str::FromStr;

/// A name that none of the allowed ones matches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no {what}; allowed: {}", allowed.join(", "))]
pub struct UnknownName {
    /// What was to be named ("dist mode").
    pub what: &'static str,
    /// What was given.
    pub given: String,
    /// What could have been given.
    pub allowed: Vec<&'static str>,
}

macro_rules! named {
    ($(#[$meta:meta])* $type:ident, $what:literal { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$doc])* $variant,)+ }

        impl $type {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the command line, in files and in reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(given: &str) -> Result<Self, UnknownName> {
                Self::ALL.iter().copied().find(|it| it.name() == given).ok_or_else(|| UnknownName {
                    what: $what,
                    given: given.to_owned(),
                    allowed: Self::ALL.iter().map(|it| it.name()).collect(),
                })
            }
        }
    };
}

named! {
    /// How tests are dealt out to workers. All but `pnl` are xdist's, with xdist's meaning.
    DistMode, "dist mode" {
        /// pnl's own scheduler: a file stays together while that costs nothing.
        Pnl = "pnl",
        /// Each test to whoever is free, in order.
        Load = "load",
        /// The tests of a module, or of a class, stay on one worker.
        LoadScope = "loadscope",
        /// The tests of a file stay on one worker.
        LoadFile = "loadfile",
        /// The tests of an `xdist_group` stay on one worker.
        LoadGroup = "loadgroup",
        /// An even split at first; who runs dry takes half of the longest queue's tail.
        WorkSteal = "worksteal",
        /// Every test on every worker.
        Each = "each",
        /// One worker, in pytest's order.
        No = "no",
    }
}

named! {
    /// What runs the tests.
    EngineKind, "engine" {
        /// Workers are forked from one pytest process that has collected.
        Fork = "fork",
        /// Every worker is a pytest process of its own.
        Spawn = "spawn",
        /// `pytest -n N --dist MODE`, observed.
        Xdist = "xdist",
        /// Plain serial pytest, observed, with the terminal handed over.
        Pytest = "pytest",
    }
}

named! {
    /// What a worker keeps from one round to the next.
    Isolation, "isolation" {
        /// Nothing: fresh workers each round.
        Round = "round",
        /// Everything: the same processes, and their session fixtures, for all rounds.
        None = "none",
    }
}

named! {
    /// Whether the rounds of a loop differ on purpose.
    Vary, "way to vary" {
        /// Where nobody has said how tests are dealt out and in which order.
        Auto = "auto",
        /// They do.
        On = "on",
        /// They do not.
        Off = "off",
    }
}

named! {
    /// What a run is for.
    Purpose, "purpose" {
        /// Somebody wanted the tests run.
        Tests = "tests",
        /// A recorded run is done again.
        Replay = "replay",
        /// A verdict is to be confirmed or refuted.
        Experiment = "experiment",
    }
}

named! {
    /// Where tests are collected.
    CollectMode, "way to collect" {
        /// By workers, file by file, where nothing needs to see all tests at once.
        Auto = "auto",
        /// By workers also where a hook of the suite then sees one file's tests at a time.
        Spread = "spread",
        /// All of them before the first test, in one process.
        Full = "full",
    }
}

named! {
    /// What a test that passed only when it was retried means for the exit code.
    FlakyPolicy, "flaky policy" {
        /// It passed; it is counted and named.
        Pass = "pass",
        /// It failed.
        Fail = "fail",
    }
}

named! {
    /// What a process that a test left behind means for the exit code.
    LeakPolicy, "leak policy" {
        /// It is named and ended.
        Report = "report",
        /// It is a failure, too.
        Fail = "fail",
    }
}

named! {
    /// What happens when the server under test goes away during a run.
    ServerLost, "way to meet a lost server" {
        /// The run stops.
        Stop = "stop",
        /// It pauses until the server answers, and runs again what was hit.
        Wait = "wait",
        /// It goes on, as if failures were the tests' own.
        Ignore = "ignore",
    }
}

named! {
    /// What happens to what tests print.
    Output, "output mode" {
        /// pytest's capture: shown with a failure.
        Captured = "captured",
        /// Shown at once, with the worker's name in front.
        Live = "live",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for mode in DistMode::ALL {
            assert_eq!(mode.name().parse(), Ok(*mode));
        }
    }

    #[test]
    fn an_unknown_name_lists_what_is_allowed() {
        let error = "loadfiles".parse::<DistMode>().expect_err("not a mode");
        assert_eq!(
            error.to_string(),
            "\"loadfiles\" is no dist mode; allowed: pnl, load, loadscope, loadfile, loadgroup, \
             worksteal, each, no"
        );
    }
}
