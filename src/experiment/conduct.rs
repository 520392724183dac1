//! Experiments in an engine.
//!
//! An inquiry reads from top to bottom: try this, then that. An engine asks for the next round when the
//! last one is over. So the inquiries have a thread of their own, which waits while a round is run, and
//! the engine's director waits while the next one is thought out: of the two, one is always waiting.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::bench::Bench;
use super::session::{Findings, Question, Told, inquire};
use crate::engine::{Director, Performed};
use crate::model::{NodeId, Schedule, TestIndex, TestInfo};
use crate::scheduler::Script;

/// Conducts experiments in an engine, which `run` starts with the director that it is given. Returns
/// what that returned, and what was found until then.
pub fn conduct<R>(
    question: &Question<'_>,
    told: &mut (dyn FnMut(Told<'_>) + Send),
    run: impl FnOnce(&mut dyn Director) -> R,
) -> (R, Findings) {
    let (scripts, to_run) = bounded(1);
    let (outcomes, came) = bounded(1);
    std::thread::scope(|scope| {
        let inquiries = scope.spawn(move || inquiries(question, &scripts, &came, told));
        let mut relay = Relay { scripts: to_run, outcomes, has_begun: false };
        let finished = run(&mut relay);
        // Whoever waits for a round that does not come learns that there are no more.
        drop(relay);
        let findings = inquiries.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (finished, findings)
    })
}

/// What the engine says: the tests, then what came of each round.
enum Said {
    Tests(Vec<NodeId>),
    Came(Vec<Performed>),
}

/// The engine's side.
struct Relay {
    scripts: Receiver<Script>,
    outcomes: Sender<Said>,
    has_begun: bool,
}

impl Director for Relay {
    fn next(&mut self, tests: &[Arc<TestInfo>], last: &[Performed]) -> Option<Script> {
        let said = if std::mem::replace(&mut self.has_begun, true) {
            Said::Came(last.to_vec())
        } else {
            Said::Tests(tests.iter().map(|test| test.nodeid.clone()).collect())
        };
        self.outcomes.send(said).ok()?;
        self.scripts.recv().ok()
    }
}

fn inquiries(
    question: &Question<'_>,
    scripts: &Sender<Script>,
    came: &Receiver<Said>,
    told: &mut (dyn FnMut(Told<'_>) + Send),
) -> Findings {
    let Ok(Said::Tests(tests)) = came.recv() else { return Findings::default() };
    let schedule = reduced(question.schedule, &tests);
    let places: HashMap<&NodeId, u32> = tests.iter().zip(0..).collect();
    let places = schedule.tests.iter().map(|it| TestIndex(places.get(it).copied().unwrap_or(0)));
    let mut bench = Rounds { places: places.collect(), scripts, came, began: Instant::now() };
    inquire(&Question { schedule: &schedule, ..*question }, &mut bench, told)
}

/// The record without tests that are not there any more.
fn reduced(schedule: &Schedule, tests: &[NodeId]) -> Schedule {
    let tests: HashSet<&NodeId> = tests.iter().collect();
    let is_there: Vec<bool> = schedule.tests.iter().map(|it| tests.contains(it)).collect();
    if is_there.iter().all(|it| *it) {
        return schedule.clone();
    }
    let mut places = Vec::new();
    let mut next = 0;
    for is_there in &is_there {
        places.push(next);
        next += u32::from(*is_there);
    }
    let kept = schedule.ran.iter().filter(|ran| is_there[ran.test as usize]);
    let ran = kept.map(|ran| crate::model::Ran { test: places[ran.test as usize], ..*ran });
    let tests = schedule.tests.iter().zip(&is_there).filter(|(_, is_there)| **is_there);
    Schedule {
        ran: ran.collect(),
        tests: tests.map(|(test, _)| test.clone()).collect(),
        probes: Vec::new(),
        ..schedule.clone()
    }
}

/// The inquiries' side.
struct Rounds<'c> {
    /// From a test's place in the record to its place in the engine's list.
    places: Vec<TestIndex>,
    scripts: &'c Sender<Script>,
    came: &'c Receiver<Said>,
    began: Instant,
}

impl Bench for Rounds<'_> {
    fn perform(&mut self, mut script: Script) -> Option<Vec<Performed>> {
        for step in script.lanes.iter_mut().flat_map(|lane| &mut lane.steps) {
            step.test = self.places[step.test.at()];
        }
        self.scripts.send(script).ok()?;
        match self.came.recv() {
            Ok(Said::Came(performed)) => Some(performed),
            Ok(Said::Tests(_)) | Err(_) => None,
        }
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
