//! What callers and a project's warm process say to each other; frames as elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// From a caller.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub enum ToWarm {
    /// Fork a process that becomes `python -m pytest ARGV`; its output's descriptor travels along.
    Run {
        /// pytest's arguments.
        argv: Vec<String>,
        /// Its whole environment.
        env: BTreeMap<String, String>,
        /// Its working folder.
        cwd: PathBuf,
    },
    /// Say how you are.
    Status,
    /// Answer when no run is on and nothing is being prepared for the next.
    Settle,
    /// End, once the runs that you have forked are over.
    Stop,
}

/// From a warm process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub enum FromWarm {
    /// A run's process was forked.
    Started {
        /// Its number.
        pid: u32,
        /// How many modules lie ready for it.
        modules: u32,
        /// Why there are none.
        bare: Option<String>,
    },
    /// It has ended.
    Ended {
        /// With this status, or …
        exit: Option<i32>,
        /// … by this signal.
        signal: Option<i32>,
    },
    /// This process is of no use any more, and ends.
    Refused {
        /// Why.
        why: String,
    },
    /// An answer to [`ToWarm::Status`].
    Status(WarmStatus),
    /// An answer to [`ToWarm::Settle`].
    Settled,
    /// An answer to [`ToWarm::Stop`].
    Stopped {
        /// The process that ends.
        pid: u32,
    },
}

/// How a warm process is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WarmStatus {
    /// Its number.
    pub pid: u32,
    /// The folder that it was started in.
    pub root: PathBuf,
    /// Its interpreter.
    pub python: PathBuf,
    /// Seconds since it was started.
    pub age_s: u64,
    /// Seconds until it ends by itself, if nobody calls.
    pub ends_in_s: u64,
    /// Runs that it has served.
    pub runs: u64,
    /// Modules that lie ready.
    pub modules: u64,
}
