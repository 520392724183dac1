//! A simulated suite with planted causes, in which scripts are played without waiting.

use std::time::Duration;

use fastrand::Rng;

use super::answer::Answer;
use super::bench::{Bench, Budget};
use super::session::{Findings, Question, inquire};
use super::trial::in_series;
use crate::engine::Performed;
use crate::model::{
    Attempt, Judged, NodeId, Offset, OutcomeKind, Ran, Round, RoundSpan, Schedule, Suspect,
    TestIndex, Tie, Verdict, VerdictKind,
};
use crate::scheduler::{Gate, Lane, Script, Step, StepId};

/// Why a simulated test fails.
#[derive(Debug, Clone)]
pub(super) enum Plant {
    Stable,
    Broken,
    Chance(f64),
    /// Another is at this part of its time while it runs, and so often that is noticed.
    Struck { by: Vec<u32>, at: f64, often: f64 },
    /// It overlaps any of these.
    Beside { by: Vec<u32>, often: f64 },
    After { polluters: Vec<u32>, cleaners: Vec<u32> },
    Without(Vec<u32>),
    /// Others at once with it when it begins, from so many on, with this chance for each.
    Crowd { least: usize, each: f64 },
    /// Of these, it included, more than so many at once.
    Pool { mates: Vec<u32>, at_most: usize },
    /// Since the server has seen it so often.
    Growth(u32),
    /// While the clock is in this window.
    Away(Duration, Duration),
    /// The second time in a process.
    Once,
}

/// The simulated suite and its server.
pub(super) struct World {
    plants: Vec<Plant>,
    lengths: Vec<Duration>,
    seen: Vec<u32>,
    clock: Duration,
    random: Rng,
    pub rounds: u32,
}

/// When a step ran.
#[derive(Clone, Copy)]
struct Span {
    step: StepId,
    test: TestIndex,
    start: Duration,
    end: Duration,
}

impl World {
    pub fn new(plants: Vec<Plant>, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let lengths =
            plants.iter().map(|_| Duration::from_micros(random.u64(8_000..60_000))).collect();
        let seen = vec![0; plants.len()];
        Self { plants, lengths, seen, clock: Duration::ZERO, random, rounds: 0 }
    }

    /// Plays a loop, and records it.
    pub fn looped(&mut self, rounds: u32, workers: usize) -> Schedule {
        let mut schedule = Schedule {
            tests: (0..self.plants.len()).map(id).collect(),
            is_isolated: true,
            ..Schedule::default()
        };
        let mut processes = 0;
        for round in (1..=rounds).map(Round) {
            let start = Offset(micros(self.clock));
            schedule.rounds.push(RoundSpan { round, workers: workers as u32, start });
            let script = self.dealt(workers);
            let performed = self.play(&script);
            for it in performed {
                schedule.ran.push(Ran {
                    test: it.test.0,
                    round,
                    attempt: Attempt::FIRST,
                    process: processes + it.step.lane as u32 + 1,
                    start: it.start,
                    end: it.end,
                    outcome: it.outcome,
                    cause: None,
                    is_infrastructure: false,
                });
            }
            processes += workers as u32;
        }
        schedule.ran.sort_by_key(|it| it.start);
        schedule
    }

    fn dealt(&mut self, workers: usize) -> Script {
        let mut tests: Vec<u32> = (0..self.plants.len() as u32).collect();
        self.random.shuffle(&mut tests);
        let mut lanes = vec![Lane::default(); workers];
        for (at, test) in tests.into_iter().enumerate() {
            lanes[at % workers].steps.push(Step::at_once(TestIndex(test)));
        }
        Script { lanes }
    }

    fn play(&mut self, script: &Script) -> Vec<Performed> {
        let began = self.clock;
        let spans = self.spans(script);
        let mut performed = Vec::new();
        for at in 0..spans.len() {
            let failed = self.fails(&spans, at);
            let it = spans[at];
            performed.push(Performed {
                step: it.step,
                test: it.test,
                outcome: if failed { OutcomeKind::Failed } else { OutcomeKind::Passed },
                start: Offset(micros(it.start)),
                end: Offset(micros(it.end)),
                failure: None,
            });
        }
        self.clock = spans.iter().map(|it| it.end).max().unwrap_or(began) + Duration::from_millis(20);
        self.rounds += 1;
        performed
    }

    /// When each step runs, by its start.
    fn spans(&mut self, script: &Script) -> Vec<Span> {
        let mut known: Vec<Span> = Vec::new();
        let all: usize = script.lanes.iter().map(|it| it.steps.len()).sum();
        while known.len() < all {
            let earlier = known.len();
            for (lane, steps) in script.lanes.iter().enumerate() {
                let done = known.iter().filter(|it| it.step.lane == lane).count();
                let Some(step) = steps.steps.get(done) else { continue };
                let of = |id: StepId| known.iter().find(|it| it.step == id);
                let gates = step.gates.iter().map(|gate| match gate {
                    Gate::Started(id) => of(*id).map(|it| it.start),
                    Gate::Ended(id) => of(*id).map(|it| it.end),
                });
                let Some(mut times) = gates.collect::<Option<Vec<Duration>>>() else { continue };
                times.push(self.clock);
                if done > 0 {
                    times.extend(of(StepId { lane, step: done - 1 }).map(|it| it.end));
                }
                let jitter = Duration::from_micros(self.random.u64(0..2_000));
                let start = times.into_iter().max().unwrap() + step.delay + jitter;
                let long = self.lengths[step.test.at()].mul_f64(0.9 + 0.2 * self.random.f64());
                let id = StepId { lane, step: done };
                known.push(Span { step: id, test: step.test, start, end: start + long });
            }
            assert!(known.len() > earlier, "a script that never ends");
        }
        known.sort_by_key(|it| it.start);
        known
    }

    fn fails(&mut self, spans: &[Span], at: usize) -> bool {
        let it = spans[at];
        self.seen[it.test.at()] += 1;
        let overlapping = |other: &&Span| {
            other.step.lane != it.step.lane && other.start < it.end && other.end > it.start
        };
        let before = |other: &&Span| other.step.lane == it.step.lane && other.start < it.start;
        let last = |tests: &[u32]| {
            let of = spans.iter().filter(before).filter(|other| tests.contains(&other.test.0));
            of.map(|other| other.start).max()
        };
        let mut luck = |chance: f64| self.random.f64() < chance;
        match &self.plants[it.test.at()] {
            Plant::Stable => false,
            Plant::Broken => true,
            Plant::Chance(rate) => luck(*rate),
            Plant::Struck { by, at, often } => {
                let strikes = |other: &&Span| {
                    let moment = other.start + (other.end - other.start).mul_f64(*at);
                    by.contains(&other.test.0) && moment > it.start && moment < it.end
                };
                spans.iter().filter(overlapping).any(|other| strikes(&other)) && luck(*often)
            }
            Plant::Beside { by, often } => {
                spans.iter().filter(overlapping).any(|other| by.contains(&other.test.0))
                    && luck(*often)
            }
            Plant::After { polluters, cleaners } => last(polluters) > last(cleaners),
            Plant::Without(setters) => last(setters).is_none(),
            Plant::Crowd { least, each } => {
                let now = |other: &&Span| other.start <= it.start && other.end > it.start;
                let count = 1 + spans.iter().filter(overlapping).filter(now).count();
                luck(each * (count + 1).saturating_sub(*least) as f64)
            }
            Plant::Pool { mates, at_most } => {
                let now = |other: &&Span| other.start <= it.start && other.end > it.start;
                let users = spans.iter().filter(overlapping).filter(now);
                users.filter(|other| mates.contains(&other.test.0)).count() >= *at_most
            }
            Plant::Growth(since) => self.seen[it.test.at()] >= *since,
            Plant::Away(since, until) => it.start >= *since && it.start < *until,
            Plant::Once => last(&[it.test.0]).is_some(),
        }
    }
}

impl Bench for World {
    fn perform(&mut self, script: Script) -> Option<Vec<Performed>> {
        Some(self.play(&script))
    }

    fn elapsed(&self) -> Duration {
        self.clock
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

pub(super) fn id(at: usize) -> NodeId {
    NodeId::new(&format!("test_a.py::test_{at}"))
}

/// What a record is judged to say.
pub(super) fn judged(schedule: &Schedule, test: u32, kind: VerdictKind, culprits: &[u32]) -> Judged {
    let ran: Vec<&Ran> = schedule.ran.iter().filter(|it| it.test == test).collect();
    let failed = ran.iter().filter(|it| it.failed()).count() as u64;
    let tie = if kind == VerdictKind::OrderDependent { Tie::After } else { Tie::Beside };
    Judged {
        nodeid: id(test as usize),
        failed,
        executed: ran.len() as u64,
        infrastructure: 0,
        rate: (0.0, 0.0, 1.0),
        verdict: Verdict {
            kind,
            culprits: culprits.iter().map(|&it| id(it as usize)).collect(),
            cleaners: Vec::new(),
            needs_culprits: false,
            since_round: None,
            workers: None,
            window: None,
            evidence: String::new(),
            confirmed: None,
        },
        suspects: culprits
            .iter()
            .map(|&it| Suspect {
                nodeid: id(it as usize),
                kind: tie,
                odds_ratio: None,
                p_value: 0.001,
                confirmed: None,
            })
            .collect(),
    }
}

/// The first test has this cause among so many stable ones; the record says `kind` and `culprits`.
/// None where it did not fail in the loop.
fn asked(
    plant: &Plant,
    seed: u64,
    (kind, culprits): (VerdictKind, &[u32]),
) -> Option<(Answer, Findings)> {
    let mut plants = vec![Plant::Stable; 30];
    if let Plant::Pool { mates, .. } = plant {
        mates.iter().for_each(|&mate| plants[mate as usize] = plant.clone());
    }
    plants[0] = plant.clone();
    let mut world = World::new(plants, seed);
    let schedule = world.looped(60, 4);
    let failed = |test: u32| schedule.ran.iter().any(|it| it.test == test && it.failed());
    if !failed(0) {
        return None;
    }
    let mut all = vec![judged(&schedule, 0, kind, culprits)];
    for test in (1..30).filter(|&test| failed(test)) {
        all.push(judged(&schedule, test, kind, &[]));
    }
    world.clock += Duration::from_secs(100);
    let question = Question {
        schedule: &schedule,
        judged: &all,
        chosen: &[id(0)],
        budget: Budget::Executions(4000),
    };
    let mut findings = inquire(&question, &mut world, &mut |_| {});
    Some((findings.answers.remove(0), findings))
}

/// How many of so many worlds end with this kind and these culprits, end with another, or blame an
/// innocent; and executions on average.
#[derive(Debug, Default)]
pub(super) struct Score {
    pub right: u32,
    pub wrong: u32,
    pub undecided: u32,
    pub blamed: u32,
    pub executions: u64,
}

const SEEDS: u64 = 15;

pub(super) fn score(
    plant: &Plant,
    said: (VerdictKind, &[u32]),
    (kind, culprits): (VerdictKind, &[u32]),
) -> Score {
    let mut score = Score::default();
    let mut asked_of = 0_u32;
    for seed in 0..SEEDS {
        let Some((answer, findings)) = asked(plant, seed, said) else { continue };
        asked_of += 1;
        score.executions += findings.executions;
        let allowed: Vec<NodeId> = culprits.iter().map(|&it| id(it as usize)).collect();
        let named = &answer.verdict.culprits;
        let is_decided = answer.verdict.confirmed.is_some();
        let is_right = answer.verdict.kind == kind && named.is_empty() == allowed.is_empty();
        score.blamed += u32::from(is_decided && named.iter().any(|it| !allowed.contains(it)));
        match (is_decided, is_right) {
            (false, _) => score.undecided += 1,
            (true, true) => score.right += 1,
            (true, false) => score.wrong += 1,
        }
        if std::env::var_os("WORLD").is_some() && !(is_decided && is_right) {
            println!("{seed}: {:?} {:?} {answer:#?}", plant, said);
        }
    }
    score.executions /= u64::from(asked_of).max(1);
    score
}

#[test]
fn scripts_are_played_in_series() {
    let mut world = World::new(vec![Plant::Stable; 3], 1);
    let trials = [
        super::trial::Trial::alone(TestIndex(0)),
        super::trial::Trial::after(&[TestIndex(1)], TestIndex(0)),
    ];
    let performed = world.play(&in_series(&trials));
    assert_eq!(performed.len(), 3);
    assert!(performed.windows(2).all(|two| two[0].end <= two[1].start));
}

#[test]
fn figures() {
    use VerdictKind::{
        Accumulates, Broken, FlakyAlone, Infrastructure, InterferesWith, LoadSensitive,
        OrderDependent,
    };
    let seconds = Duration::from_secs;
    let cases: Vec<(Plant, VerdictKind, Vec<u32>)> = vec![
        (Plant::Broken, Broken, vec![]),
        (Plant::Chance(0.02), FlakyAlone, vec![]),
        (Plant::Chance(0.05), FlakyAlone, vec![]),
        (Plant::Chance(0.2), FlakyAlone, vec![]),
        (Plant::Chance(0.5), FlakyAlone, vec![]),
        (Plant::Beside { by: vec![3], often: 1.0 }, InterferesWith, vec![3]),
        (Plant::Beside { by: vec![3], often: 0.4 }, InterferesWith, vec![3]),
        (Plant::Beside { by: vec![3, 4], often: 1.0 }, InterferesWith, vec![3, 4]),
        (Plant::Struck { by: vec![3], at: 0.7, often: 1.0 }, InterferesWith, vec![3]),
        (Plant::Struck { by: vec![3], at: 0.1, often: 0.5 }, InterferesWith, vec![3]),
        (Plant::After { polluters: vec![3], cleaners: vec![] }, OrderDependent, vec![3]),
        (Plant::After { polluters: vec![3, 4], cleaners: vec![] }, OrderDependent, vec![3, 4]),
        (Plant::After { polluters: vec![3], cleaners: vec![5] }, OrderDependent, vec![3]),
        (Plant::Without(vec![3]), OrderDependent, vec![3]),
        (Plant::Without(vec![3, 4]), OrderDependent, vec![3, 4]),
        (Plant::Crowd { least: 2, each: 0.3 }, LoadSensitive, vec![]),
        (Plant::Crowd { least: 3, each: 0.4 }, LoadSensitive, vec![]),
        (Plant::Crowd { least: 4, each: 0.4 }, LoadSensitive, vec![]),
        (Plant::Pool { mates: vec![0, 3, 4, 5, 6, 7], at_most: 2 }, LoadSensitive, vec![]),
        (Plant::Pool { mates: vec![0, 3, 4, 5, 6, 7, 8], at_most: 3 }, LoadSensitive, vec![]),
        (Plant::Growth(20), Accumulates, vec![]),
        (Plant::Growth(2), Accumulates, vec![]),
        (Plant::Away(seconds(5), seconds(8)), Infrastructure, vec![]),
    ];
    for (plant, kind, culprits) in cases {
        for said in [(kind, &culprits[..]), (FlakyAlone, &[][..]), (InterferesWith, &[9][..])] {
            let score = score(&plant, said, (kind, &culprits));
            println!("{plant:?} said {said:?}: {score:?}");
        }
    }
}
