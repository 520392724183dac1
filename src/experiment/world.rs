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
enum Plant {
    Stable,
    Broken,
    Chance(f64),
    /// Another is at this part of its time while it runs, and so often that is noticed.
    Struck {
        by: Vec<u32>,
        at: f64,
        often: f64,
    },
    /// It overlaps any of these.
    Beside {
        by: Vec<u32>,
        often: f64,
    },
    After {
        polluters: Vec<u32>,
        cleaners: Vec<u32>,
    },
    Without(Vec<u32>),
    /// Others at once with it when it begins, from so many on, with this chance for each.
    Crowd {
        least: usize,
        each: f64,
    },
    /// Of these, it included, more than so many at once.
    Pool {
        mates: Vec<u32>,
        at_most: usize,
    },
    /// Since the server has seen it so often.
    Growth(u32),
    /// Since the server has seen so many tests.
    Piled(u32),
    /// While the clock is in this window.
    Away(Duration, Duration),
}

impl Plant {
    const CAUSES: u32 = 2;

    fn cause(&self) -> u32 {
        u32::from(matches!(self, Self::Pool { .. }))
    }
}

/// The simulated suite and its server.
struct World {
    plants: Vec<Plant>,
    lengths: Vec<Duration>,
    seen: Vec<u32>,
    clock: Duration,
    random: Rng,
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
        let durations =
            plants.iter().map(|_| Duration::from_micros(random.u64(8_000..60_000))).collect();
        let counts = vec![0; plants.len()];
        Self { plants, lengths: durations, seen: counts, clock: Duration::ZERO, random }
    }

    /// Plays a loop, and records it.
    pub fn looped(&mut self, rounds: u32, workers: usize) -> Schedule {
        let mut schedule = Schedule {
            tests: (0..self.plants.len()).map(id).collect(),
            is_isolated: true,
            says: (0..Plant::CAUSES).map(|it| format!("cause {it}").into()).collect(),
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
                    // Tests fail with the same message for the same reason alone.
                    cause: it.outcome.is_failure().then(|| self.plants[it.test.at()].cause()),
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
        self.clock =
            spans.iter().map(|it| it.end).max().unwrap_or(began) + Duration::from_millis(20);
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
                let start = times.into_iter().max().expect("the clock") + step.delay + jitter;
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
                    let moment = other.start + other.end.saturating_sub(other.start).mul_f64(*at);
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
            Plant::Piled(since) => self.seen.iter().sum::<u32>() >= *since,
            Plant::Away(since, until) => it.start >= *since && it.start < *until,
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

fn id(at: usize) -> NodeId {
    NodeId::new(&format!("test_a.py::test_{at}"))
}

/// What a record is judged to say.
fn judged(schedule: &Schedule, test: u32, kind: VerdictKind, culprits: &[u32]) -> Judged {
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
            culprits: culprits.iter().map(|&it| id(it as usize)).collect(),
            ..Verdict::of(kind, "")
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
/// How many worlds there are for each cause and what is said of it.
const WORLDS: u64 = 3;

fn asked(plant: &Plant, seed: u64, said: (VerdictKind, &[u32])) -> Option<(Answer, Findings)> {
    asked_within(plant, seed, said, 4000)
}

fn asked_within(
    plant: &Plant,
    seed: u64,
    (kind, culprits): (VerdictKind, &[u32]),
    budget: u64,
) -> Option<(Answer, Findings)> {
    let mut plants = vec![Plant::Stable; 30];
    if let Plant::Pool { mates, .. } = plant {
        for &mate in mates {
            plants[mate as usize] = plant.clone();
        }
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
        budget: Budget::Executions(budget),
    };
    let mut findings = inquire(&question, &mut world, &mut |_| {});
    Some((findings.answers.remove(0), findings))
}

/// How many worlds end with the cause and its culprits, with another, or undecided, and how many
/// blame an innocent.
#[derive(Debug, Default)]
struct Score {
    right: u32,
    wrong: u32,
    undecided: u32,
    blamed: u32,
    executions: u64,
}

impl Score {
    fn count(
        &mut self,
        (answer, findings): &(Answer, Findings),
        kind: VerdictKind,
        culprits: &[u32],
    ) {
        let allowed: Vec<NodeId> = culprits.iter().map(|&it| id(it as usize)).collect();
        let named = &answer.verdict.culprits;
        let is_decided = answer.verdict.confirmed.is_some();
        let is_right = answer.verdict.kind == kind && named.is_empty() == allowed.is_empty();
        self.executions += findings.executions;
        self.blamed += u32::from(is_decided && named.iter().any(|it| !allowed.contains(it)));
        match (is_decided, is_right) {
            (false, _) => self.undecided += 1,
            (true, true) => self.right += 1,
            (true, false) => self.wrong += 1,
        }
    }

    fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.undecided += other.undecided;
        self.blamed += other.blamed;
    }

    fn decided(&self) -> u32 {
        self.right + self.wrong
    }
}

/// All causes, with what is true of them.
fn causes() -> Vec<(Plant, VerdictKind, Vec<u32>)> {
    use VerdictKind::{
        Accumulates, Broken, FlakyAlone, InterferesWith, LoadSensitive, OrderDependent,
    };
    let beside = |by, often| Plant::Beside { by, often };
    let after = |polluters, cleaners| Plant::After { polluters, cleaners };
    let pool = |mates, at_most| Plant::Pool { mates, at_most };
    vec![
        (Plant::Broken, Broken, vec![]),
        (Plant::Chance(0.02), FlakyAlone, vec![]),
        (Plant::Chance(0.05), FlakyAlone, vec![]),
        (Plant::Chance(0.2), FlakyAlone, vec![]),
        (Plant::Chance(0.5), FlakyAlone, vec![]),
        (beside(vec![3], 1.0), InterferesWith, vec![3]),
        (beside(vec![3], 0.4), InterferesWith, vec![3]),
        (beside(vec![3, 4], 1.0), InterferesWith, vec![3, 4]),
        (Plant::Struck { by: vec![3], at: 0.7, often: 1.0 }, InterferesWith, vec![3]),
        (Plant::Struck { by: vec![3], at: 0.1, often: 0.5 }, InterferesWith, vec![3]),
        (after(vec![3], vec![]), OrderDependent, vec![3]),
        (after(vec![3, 4], vec![]), OrderDependent, vec![3, 4]),
        (after(vec![3], vec![5]), OrderDependent, vec![3]),
        (Plant::Without(vec![3]), OrderDependent, vec![3]),
        (Plant::Without(vec![3, 4]), OrderDependent, vec![3, 4]),
        (Plant::Crowd { least: 2, each: 0.3 }, LoadSensitive, vec![]),
        (Plant::Crowd { least: 3, each: 0.4 }, LoadSensitive, vec![]),
        (Plant::Crowd { least: 4, each: 0.4 }, LoadSensitive, vec![]),
        (pool(vec![0, 3, 4, 5], 1), InterferesWith, vec![3, 4, 5]),
        (pool(vec![0, 3, 4, 5, 6, 7], 2), LoadSensitive, vec![]),
        (pool(vec![0, 3, 4, 5, 6, 7, 8], 3), LoadSensitive, vec![]),
        (Plant::Growth(20), Accumulates, vec![]),
        (Plant::Growth(2), Accumulates, vec![]),
    ]
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

/// Whatever the record says of a cause, right or wrong. It takes some seconds, because it plays two
/// hundred experiments.
#[test]
fn causes_are_found_and_innocents_are_not_blamed_whatever_the_record_says() {
    let (mut sum, mut figures) = (Score::default(), Vec::new());
    for (plant, kind, culprits) in causes() {
        let wrong = [(VerdictKind::FlakyAlone, &[][..]), (VerdictKind::InterferesWith, &[9][..])];
        for said in std::iter::once((kind, &culprits[..])).chain(wrong) {
            let mut score = Score::default();
            let asked = (0..WORLDS).filter_map(|seed| asked(&plant, seed, said));
            asked.for_each(|it| score.count(&it, kind, &culprits));
            sum.add(&score);
            figures.push(format!("{plant:?}, said to be {said:?}: {score:?}"));
        }
    }
    assert!(sum.blamed * 100 <= sum.decided(), "{figures:#?}");
    assert!(sum.right * 100 >= (sum.decided() + sum.undecided) * 95, "{figures:#?}");
}

#[test]
fn what_one_shows_serves_those_that_fail_like_it() {
    let mates: Vec<u32> = vec![0, 3, 4, 5];
    let mut plants = vec![Plant::Stable; 30];
    for &mate in &mates {
        plants[mate as usize] = Plant::Pool { mates: mates.clone(), at_most: 1 };
    }
    let mut world = World::new(plants, 1);
    let schedule = world.looped(60, 4);
    let judged: Vec<Judged> = mates
        .iter()
        .map(|&mate| judged(&schedule, mate, VerdictKind::LoadSensitive, &[]))
        .collect();
    let chosen: Vec<NodeId> = mates.iter().map(|&mate| id(mate as usize)).collect();
    let budget = Budget::Executions(4000);
    let question = Question { schedule: &schedule, judged: &judged, chosen: &chosen, budget };
    let answers = inquire(&question, &mut world, &mut |_| {}).answers;
    let [first, others @ ..] = &answers[..] else { panic!("nobody was asked") };
    for answer in &answers {
        assert_eq!(answer.verdict.kind, VerdictKind::InterferesWith, "{answers:#?}");
        assert!(answer.verdict.culprits.iter().all(|it| chosen.contains(it)), "{answers:#?}");
    }
    let has_compared = |it: &Answer| {
        it.arms.iter().any(|arm| arm.name.starts_with("started together with others"))
    };
    assert!(has_compared(first) && !others.iter().any(has_compared), "{answers:#?}");
}

#[test]
fn what_was_outside_is_confirmed_by_passing_now() {
    let away = Plant::Away(Duration::from_secs(5), Duration::from_secs(8));
    let (answer, findings) =
        asked(&away, 1, (VerdictKind::Infrastructure, &[])).expect("it failed");
    assert_eq!(answer.standing, super::answer::Standing::Confirmed);
    assert!(findings.executions < 100, "{}", findings.executions);
    let (answer, _) = asked(&away, 1, (VerdictKind::FlakyAlone, &[])).expect("it failed");
    assert_eq!(answer.verdict.confirmed, None, "it never fails now");
}

/// The database has been emptied since.
#[test]
fn what_had_piled_up_is_piled_up_again() {
    let mut plants = vec![Plant::Stable; 30];
    plants[0] = Plant::Piled(30 * 7);
    let mut world = World::new(plants, 1);
    let schedule = world.looped(20, 4);
    world.seen.fill(0);
    let judged = [judged(&schedule, 0, VerdictKind::Accumulates, &[])];
    let budget = Budget::Executions(4000);
    let question = Question { schedule: &schedule, judged: &judged, chosen: &[id(0)], budget };
    let answer = inquire(&question, &mut world, &mut |_| {}).answers.remove(0);
    assert_eq!(answer.standing, super::answer::Standing::Confirmed, "{answer:#?}");
    assert_eq!(answer.verdict.kind, VerdictKind::Accumulates);
    assert!(answer.verdict.evidence.contains("7 rounds of all others"), "{answer:#?}");
}

#[test]
fn a_budget_is_kept() {
    let plant = Plant::Beside { by: vec![3], often: 0.4 };
    let (answer, findings) =
        asked_within(&plant, 1, (VerdictKind::InterferesWith, &[9]), 40).expect("it failed");
    assert!(matches!(answer.standing, super::answer::Standing::Undecided(_)));
    assert!(findings.executions < 40 + 60, "a round begun is finished: {}", findings.executions);
}
