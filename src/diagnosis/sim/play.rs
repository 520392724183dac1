//! Plays a lab's loop: who runs what when, and how it ends.

use fastrand::Rng;

use super::draw::{Lab, Plant};
use super::effects::fails;
use crate::model::{Attempt, Cause, Offset, OutcomeKind, Ran, Round, RoundSpan, RunId, Schedule};

/// What an execution adds to the test's own time, in seconds: a request, set-up, tear-down.
const OVERHEAD: f64 = 0.004;

/// One execution of the virtual run, in seconds.
#[derive(Clone, Copy)]
pub(super) struct Play {
    pub test: usize,
    pub round: u32,
    pub process: u32,
    pub start: f64,
    pub end: f64,
    pub failed: bool,
}

pub(in crate::diagnosis) fn play(lab: &Lab) -> Schedule {
    let mut rng = Rng::with_seed(lab.seed ^ 0x9e37);
    let mut plays: Vec<Play> = Vec::new();
    let mut rounds = Vec::new();
    let mut now = 0.5;
    for round in 1..=lab.rounds {
        rounds.push(RoundSpan {
            round: Round(round),
            workers: lab.workers as u32,
            start: offset(now),
        });
        let before = plays.len();
        now = play_round(lab, round, now, &mut rng, &mut plays);
        debug_assert_eq!(plays.len() - before, lab.tests.len());
        now += 0.01;
    }
    fails(lab, &mut plays, &mut rng);
    plays.sort_by(|a, b| a.start.total_cmp(&b.start));
    Schedule {
        run: Some(RunId::new("sim")),
        tests: lab.tests.iter().map(|test| test.nodeid.clone()).collect(),
        rounds,
        ran: plays.iter().map(ran).collect(),
        causes: vec![Cause {
            outcome: OutcomeKind::Failed,
            exception: "AssertionError".into(),
            location: None,
        }],
        is_isolated: true,
        ..Schedule::default()
    }
}

/// Returns when the round is over.
fn play_round(lab: &Lab, round: u32, from: f64, rng: &mut Rng, plays: &mut Vec<Play>) -> f64 {
    let mut chunks = chunks(lab, round, rng);
    chunks.reverse();
    let mut free = vec![from; lab.workers];
    while let Some(chunk) = chunks.pop() {
        let slot = (0..free.len()).min_by(|&a, &b| free[a].total_cmp(&free[b])).unwrap();
        for test in chunk {
            let start = free[slot] + 0.0004 + 0.0006 * rng.f64();
            let longer = slowness(lab, test, rng);
            let took = lab.tests[test].duration * longer * (1.0 + 0.15 * rng.f64()) + OVERHEAD;
            let process = round * 100 + slot as u32;
            let failed = longer > 1.0;
            plays.push(Play { test, round, process, start, end: start + took, failed });
            free[slot] = start + took;
        }
    }
    free.iter().copied().fold(from, f64::max)
}

/// How much longer it takes where it fails by taking long.
fn slowness(lab: &Lab, test: usize, rng: &mut Rng) -> f64 {
    lab.plants
        .iter()
        .find_map(|plant| match plant {
            Plant::Flaky { victim, rate, slower } if *victim == test && *slower > 1.0 => {
                Some(if rng.f64() < *rate { *slower } else { 1.0 })
            }
            _ => None,
        })
        .unwrap_or(1.0)
}

/// Files as wholes in the first round, then pieces of one to three tests of a file, in any order.
fn chunks(lab: &Lab, round: u32, rng: &mut Rng) -> Vec<Vec<usize>> {
    let files = lab.tests.iter().map(|test| test.file).max().unwrap() + 1;
    let mut found = Vec::new();
    for file in 0..files {
        let mut tests: Vec<usize> =
            (0..lab.tests.len()).filter(|&at| lab.tests[at].file == file).collect();
        if round == 1 {
            found.push(tests);
            continue;
        }
        if rng.bool() {
            rng.shuffle(&mut tests);
        }
        while !tests.is_empty() {
            let rest = tests.split_off(rng.usize(1..=3).min(tests.len()));
            found.push(std::mem::replace(&mut tests, rest));
        }
    }
    if round > 1 {
        rng.shuffle(&mut found);
    }
    found
}

fn ran(play: &Play) -> Ran {
    Ran {
        test: play.test as u32,
        round: Round(play.round),
        attempt: Attempt::FIRST,
        process: play.process,
        start: offset(play.start),
        end: offset(play.end),
        outcome: if play.failed { OutcomeKind::Failed } else { OutcomeKind::Passed },
        cause: play.failed.then_some(0),
        is_infrastructure: false,
    }
}

fn offset(seconds: f64) -> Offset {
    Offset((seconds * 1e6) as u64)
}
