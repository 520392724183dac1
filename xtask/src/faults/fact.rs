//! What a suite has said of itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// A test's attempt in a round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attempt {
    pub(super) round: u64,
    pub(super) nodeid: String,
    pub(super) number: u64,
}

/// How far an attempt came.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// How often its set-up began, and on which worker first.
    pub(super) begun: usize,
    pub(super) worker: Option<String>,
    /// How its body said it would end.
    pub(super) said: Option<String>,
    /// Whether its tear-down was over.
    pub(super) is_down: bool,
}

/// Where the fault was made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) nodeid: Option<String>,
    pub(super) worker: Option<String>,
    pub(super) is_worker: bool,
    pub(super) round: u64,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) attempts: BTreeMap<Attempt, Course>,
    pub(super) made: Option<Made>,
}

impl Facts {
    pub(super) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut facts = Self::default();
        // A line that was cut off by a full disk or by a signal is no fact.
        for line in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            facts.take(&line);
        }
        facts
    }

    fn take(&mut self, line: &Value) {
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        let round = line["round"].as_u64().unwrap_or_default();
        let what = line["what"].as_str().unwrap_or_default();
        if what == "fault" {
            let is_worker = line["is_worker"] == true;
            let made = Made { nodeid: text("nodeid"), worker: text("worker"), is_worker, round };
            self.made = Some(made);
            return;
        }
        let Some(nodeid) = text("nodeid") else { return };
        let number = line["attempt"].as_u64().unwrap_or_default();
        let course = self.attempts.entry(Attempt { round, nodeid, number }).or_default();
        match what {
            "begin" => {
                course.worker = course.worker.take().or_else(|| text("worker"));
                course.begun += 1;
            }
            "call" => course.said = text("outcome"),
            "down" => course.is_down = true,
            _ => {}
        }
    }
}
