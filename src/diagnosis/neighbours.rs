//! What ran at the same time as the executions of some tests, in one pass over each run.

use super::joined::Joined;

/// One execution of a test that is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub run: u32,
    /// Its place in the run's executions.
    pub at: u32,
    pub failed: bool,
}

/// Another execution that ran at the same time for some of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    /// Whose neighbour it is, as a place among the test's cases.
    pub case: u32,
    /// Which test, as a place in the record.
    pub test: u32,
    /// The time both ran, in microseconds since the run began.
    pub since: u64,
    pub until: u64,
}

/// A test's executions, in time, with what ran beside each.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    pub cases: Vec<Case>,
    pub near: Vec<Near>,
}

/// For each test of the record that `is_watched`, its executions and their neighbours.
///
/// An execution that failed by taking longer than any that passed would overlap with more for its
/// being so long: it is looked at for no longer than the longest that passed.
pub(super) fn neighbours(record: &Joined<'_>, is_watched: &[bool]) -> Vec<Beside> {
    let mut found = vec![Beside::default(); record.tests.len()];
    for run in 0..record.runs.len() {
        sweep(record, run, is_watched, &mut found);
    }
    found
}

/// An execution that still runs where the pass has come to.
struct Running {
    test: u32,
    case: Option<u32>,
    start: u64,
    end: u64,
    /// Until when its neighbours count.
    seen_until: u64,
}

fn sweep(record: &Joined<'_>, run: usize, is_watched: &[bool], found: &mut [Beside]) {
    let mut running: Vec<Running> = Vec::new();
    for (at, ran) in record.runs[run].ran.iter().enumerate() {
        let test = record.test(run, ran);
        running.retain(|other| other.end > ran.start.0);
        let mut this =
            Running { test, case: None, start: ran.start.0, end: ran.end.0, seen_until: ran.end.0 };
        if is_watched[test as usize] && !ran.is_infrastructure {
            let cases = &mut found[test as usize].cases;
            this.case = Some(cases.len() as u32);
            cases.push(Case { run: run as u32, at: at as u32, failed: ran.failed() });
            let looked_at = record.tallies[test as usize].looked_at;
            this.seen_until = this.end.min(this.start.saturating_add(looked_at));
        }
        for other in &running {
            note(&this, other, found);
            note(other, &this, found);
        }
        running.push(this);
    }
}

fn note(whose: &Running, other: &Running, found: &mut [Beside]) {
    let Some(case) = whose.case else { return };
    let since = whose.start.max(other.start);
    let until = whose.seen_until.min(other.end);
    if since < until {
        found[whose.test as usize].near.push(Near { case, test: other.test, since, until });
    }
}
