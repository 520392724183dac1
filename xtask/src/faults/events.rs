//! What a run has told as it went on (`--jsonl`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The lines of a run.
#[derive(Debug, Default)]
pub(super) struct Events {
    all: Vec<Value>,
    /// A line that is not whole.
    pub(super) broken: Option<String>,
}

/// The end of an execution, or of an attempt that was followed by another.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) round: u64,
    pub(super) index: u64,
    pub(super) nodeid: String,
    pub(super) attempt: u64,
    pub(super) outcome: String,
    pub(super) worker: Option<String>,
}

impl Events {
    pub(super) fn read(path: &Path) -> Self {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        let mut events = Self::default();
        for line in text.lines() {
            match serde_json::from_str(line) {
                Ok(event) => events.all.push(event),
                Err(_) => events.broken = Some(line.to_owned()),
            }
        }
        events
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.all.iter().filter(move |it| it["event"] == *name)
    }

    pub(super) fn first(&self, name: &str) -> Option<&Value> {
        self.all(name).next()
    }

    pub(super) fn ends(&self) -> Vec<End> {
        self.all("test-ended").map(End::of).collect()
    }

    pub(super) fn failed_attempts(&self) -> Vec<End> {
        self.all("attempt-failed").map(End::of).collect()
    }

    /// The run's id.
    pub(super) fn run(&self) -> Option<String> {
        self.first("run-started")?["run"].as_str().map(str::to_owned)
    }

    /// How many tests a round has.
    pub(super) fn collected(&self) -> Option<usize> {
        self.first("collected")?["tests"].as_array().map(Vec::len)
    }
}

impl End {
    fn of(event: &Value) -> Self {
        let number = |key: &str| event[key].as_u64().unwrap_or_default();
        let text = |key: &str| event[key].as_str().map(str::to_owned);
        Self {
            round: number("round"),
            index: number("index"),
            nodeid: text("nodeid").unwrap_or_default(),
            attempt: number("attempt"),
            outcome: text("outcome").unwrap_or_default(),
            worker: text("worker"),
        }
    }
}

/// Counts by outcome, without those that are zero.
pub(super) fn counts(totals: &Value) -> BTreeMap<String, u64> {
    let all = totals.as_object().into_iter().flatten();
    let all = all.map(|(name, count)| (name.clone(), count.as_u64().unwrap_or_default()));
    all.filter(|(_, count)| *count > 0).collect()
}

/// Counts of what ended.
pub(super) fn sum(ends: &[End]) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for end in ends {
        *sums.entry(end.outcome.clone()).or_default() += 1;
    }
    sums
}
