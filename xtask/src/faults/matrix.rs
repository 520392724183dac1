//! The table of faults and phases with what came of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::fault::{Fault, Phase};

/// How often a fault went well at a phase, and how often not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

/// All counts.
#[derive(Debug, Default)]
pub(super) struct Matrix(BTreeMap<(Fault, Phase), Count>);

impl Matrix {
    pub(super) fn of(&mut self, fault: Fault, phase: Phase) -> &mut Count {
        self.0.entry((fault, phase)).or_default()
    }

    pub(super) fn total(&self) -> Count {
        self.0.values().fold(Count::default(), |sum, it| Count {
            passed: sum.passed + it.passed,
            failed: sum.failed + it.failed,
            skipped: sum.skipped + it.skipped,
        })
    }

    /// As Markdown: runs that went well, and `passed/all` where some did not.
    pub(super) fn markdown(&self) -> String {
        let mut text = "| fault |".to_owned();
        for phase in Phase::ALL {
            let _ = write!(text, " {} |", phase.name());
        }
        text.push_str("\n| --- |");
        text.push_str(&" --: |".repeat(Phase::ALL.len()));
        text.push('\n');
        for fault in Fault::ALL {
            let _ = write!(text, "| {} |", fault.title());
            for phase in Phase::ALL {
                let _ = write!(text, " {} |", self.cell(fault, phase));
            }
            text.push('\n');
        }
        text
    }

    fn cell(&self, fault: Fault, phase: Phase) -> String {
        match self.0.get(&(fault, phase)) {
            None if fault.goes_with(phase) => "0".to_owned(),
            None => "–".to_owned(),
            Some(Count { passed, failed: 0, .. }) => passed.to_string(),
            Some(Count { passed, failed, .. }) => format!("{passed}/{}", passed + failed),
        }
    }
}
