//! All inquiries of one command: whose turn it is, and what each may cost.

use std::time::Duration;

use super::answer::{Answer, answer};
use super::arm::Arm;
use super::bench::{Bench, Budget, Purse, Stop};
use super::case::{Case, Outage};
use super::found::Found;
use super::inquiry::Inquiry;
use super::record::Record;
use super::tally::Tally;
use crate::model::{Judged, NodeId, Schedule, TestIndex, Tie, VerdictKind};

/// What the experiments of one command said.
#[derive(Debug, Default)]
pub struct Findings {
    /// Of each test, in the order in which they were looked into.
    pub answers: Vec<Answer>,
    /// Executions spent.
    pub executions: u64,
    /// Executions that it would take to try each test with each other one twenty times.
    pub naive: u64,
    /// Time spent.
    pub elapsed: Duration,
}

/// What is told while experiments run.
#[derive(Debug)]
pub enum Told<'a> {
    /// A test's turn has come: which, and the how-manyth of how many.
    Begins(&'a NodeId, usize, usize),
    /// It has been answered.
    Answered(&'a Answer),
}

/// What is to be found out.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The recorded run.
    pub schedule: &'a Schedule,
    /// What it was judged to say.
    pub judged: &'a [Judged],
    /// Which of the tests that were judged.
    pub chosen: &'a [NodeId],
    /// What it may cost.
    pub budget: Budget,
}

impl Findings {
    /// How many trials each pair of tests would get without a plan.
    pub const NAIVE: u64 = 20;
}

/// Looks into each chosen test.
pub(super) fn inquire(
    question: &Question<'_>,
    bench: &mut dyn Bench,
    told: &mut dyn FnMut(Told<'_>),
) -> Findings {
    let mut chosen: Vec<&Judged> =
        question.judged.iter().filter(|it| question.chosen.contains(&it.nodeid)).collect();
    chosen.sort_by_key(|it| turn(it.verdict.kind));
    let record = Record::new(question.schedule);
    let mut purse = Purse::new(question.budget);
    let mut findings = Findings {
        naive: Findings::NAIVE * chosen.len() as u64 * u64::from(record.tests().saturating_sub(1)),
        ..Findings::default()
    };
    let mut unfinished = Vec::new();
    // What one test's experiments have shown of others need not be shown again.
    let mut shown: Vec<Vec<TestIndex>> = Vec::new();
    for (at, judged) in chosen.iter().enumerate() {
        told(Told::Begins(&judged.nodeid, at + 1, chosen.len()));
        purse.share_among(chosen.len() - at, bench.elapsed());
        let inquired = one(question, &record, judged, (Vec::new(), &shown), (bench, &mut purse));
        shown.extend(inquired.mates.clone());
        match inquired.found {
            Err(Stop::Spent) => unfinished.push((at, inquired)),
            Ok(_) | Err(_) => findings.tell(inquired, judged, question.schedule, told),
        }
    }
    // What others did not need is theirs.
    let left = unfinished.len();
    for (done, (at, inquired)) in unfinished.into_iter().enumerate() {
        let judged = chosen[at];
        told(Told::Begins(&judged.nodeid, at + 1, chosen.len()));
        purse.share_among(left - done, bench.elapsed());
        let spent = inquired.executions;
        let known = (inquired.arms, &shown[..]);
        let mut again = one(question, &record, judged, known, (bench, &mut purse));
        shown.extend(again.mates.clone());
        again.executions += spent;
        findings.tell(again, judged, question.schedule, told);
    }
    findings.executions = purse.executions;
    findings.elapsed = bench.elapsed();
    findings
}

/// Those that are decided soon come first, so that what they leave is there for the others.
fn turn(kind: VerdictKind) -> u8 {
    match kind {
        VerdictKind::Broken | VerdictKind::Accumulates => 0,
        VerdictKind::Infrastructure => 1,
        VerdictKind::OrderDependent | VerdictKind::InterferesWith => 2,
        VerdictKind::LoadSensitive => 3,
        VerdictKind::FlakyAlone | VerdictKind::Stable => 4,
    }
}

/// What came of one inquiry.
struct Inquired {
    found: Result<Found, Stop>,
    arms: Vec<(Arm, Tally)>,
    /// Tests that are in each other's way, it among them, if that came out.
    mates: Option<Vec<TestIndex>>,
    executions: u64,
}

impl Findings {
    fn tell(
        &mut self,
        inquired: Inquired,
        judged: &Judged,
        schedule: &Schedule,
        told: &mut dyn FnMut(Told<'_>),
    ) {
        let Inquired { found, arms, executions, .. } = inquired;
        let answer = answer(schedule, judged, &found, &arms, executions);
        told(Told::Answered(&answer));
        self.answers.push(answer);
    }
}

/// Looks into one test, of which so much is known from an inquiry that was not finished, and from
/// those into others.
fn one(
    question: &Question<'_>,
    record: &Record<'_>,
    judged: &Judged,
    (arms, shown): (Vec<(Arm, Tally)>, &[Vec<TestIndex>]),
    (bench, purse): (&mut dyn Bench, &mut Purse),
) -> Inquired {
    let spent = purse.executions;
    let Some(victim) = place(question.schedule, &judged.nodeid) else {
        return Inquired { found: Err(Stop::InVain), arms, mates: None, executions: 0 };
    };
    let all = question.judged.iter().flat_map(|it| suspects(question.schedule, it));
    let mut suspected: Vec<TestIndex> = all.map(|(test, _)| test).collect();
    suspected.extend(shown.iter().flatten());
    suspected.sort_unstable();
    suspected.dedup();
    let mut inquiry = Inquiry::new(victim, record, &suspected, bench, purse);
    inquiry.arms = arms;
    let is_flaky = judged.verdict.kind == VerdictKind::FlakyAlone;
    let co_victims = co_victims(question, victim);
    let mut case = Case {
        inquiry,
        kind: if is_flaky && record.fails_in_company(victim) {
            VerdictKind::Infrastructure
        } else {
            judged.verdict.kind
        },
        outage: outage(question, record, judged, victim),
        mates: co_victims.iter().copied().filter(|&it| record.says_the_same(victim, it)).collect(),
        known: others_of(shown, victim),
        is_pooled: judged.verdict.workers > Some(2) && judged.suspects.len() > 1,
        named: judged.verdict.culprits.len(),
        co_victims,
        suspects: suspects(question.schedule, judged),
        is_isolated: question.schedule.is_isolated,
        is_crowd_likely: false,
        tried: Vec::new(),
    };
    let found = case.run();
    let arms = std::mem::take(&mut case.inquiry.arms);
    let mates = match &found {
        Ok(Found::Beside(culprits)) if culprits.iter().any(|it| case.mates.contains(it)) => {
            Some(culprits.iter().copied().chain([victim]).collect())
        }
        Ok(_) | Err(_) => None,
    };
    Inquired { found, arms, mates, executions: purse.executions - spent }
}

/// The others of the tests that are in each other's way, if this is one of them.
fn others_of(shown: &[Vec<TestIndex>], victim: TestIndex) -> Vec<TestIndex> {
    let mates = shown.iter().find(|it| it.contains(&victim)).into_iter().flatten();
    mates.copied().filter(|it| *it != victim).collect()
}

/// How well an outage explains a test's failures.
fn outage(
    question: &Question<'_>,
    record: &Record<'_>,
    judged: &Judged,
    victim: TestIndex,
) -> Outage {
    /// Of the executions within an outage, at most this share passes.
    const PASSED: f64 = 0.2;
    let Some(window) = judged.verdict.window else { return Outage::Loose };
    let (failed, executed) = record.tally_within(victim, window);
    let others = question
        .judged
        .iter()
        .filter(|it| it.verdict.kind == VerdictKind::Infrastructure && it.nodeid != judged.nodeid);
    let mut others = others.filter_map(|it| place(question.schedule, &it.nodeid));
    match Tally::new(failed, executed).inverted().rate() <= PASSED {
        false => Outage::Loose,
        true if executed >= 3 => Outage::Strong,
        true if executed >= 2 || others.any(|it| record.share_a_cause(victim, it)) => Outage::Plain,
        true => Outage::Weak,
    }
}

/// Other tests that fail now and then.
fn co_victims(question: &Question<'_>, victim: TestIndex) -> Vec<TestIndex> {
    let others = question.judged.iter().filter(|it| match it.verdict.kind {
        VerdictKind::FlakyAlone
        | VerdictKind::OrderDependent
        | VerdictKind::InterferesWith
        | VerdictKind::LoadSensitive => true,
        VerdictKind::Broken
        | VerdictKind::Accumulates
        | VerdictKind::Infrastructure
        | VerdictKind::Stable => false,
    });
    let others = others.filter_map(|it| place(question.schedule, &it.nodeid));
    others.filter(|it| *it != victim).collect()
}

/// Whom a verdict names, then whom it suspects.
fn suspects(schedule: &Schedule, judged: &Judged) -> Vec<(TestIndex, Tie)> {
    /// A p value from which on a suspect is one of many by chance.
    const LIKELY: f64 = 0.1;
    let verdict = &judged.verdict;
    let tie = match verdict.kind {
        VerdictKind::OrderDependent if verdict.needs_culprits => Some(Tie::Without),
        VerdictKind::OrderDependent => Some(Tie::After),
        VerdictKind::InterferesWith => Some(Tie::Beside),
        VerdictKind::Broken
        | VerdictKind::FlakyAlone
        | VerdictKind::LoadSensitive
        | VerdictKind::Accumulates
        | VerdictKind::Infrastructure
        | VerdictKind::Stable => None,
    };
    let named = verdict.culprits.iter().filter_map(|test| Some((place(schedule, test)?, tie?)));
    let likely = judged.suspects.iter().filter(|it| it.p_value < LIKELY);
    let likely = likely.filter_map(|it| Some((place(schedule, &it.nodeid)?, it.kind)));
    let mut all: Vec<(TestIndex, Tie)> = Vec::new();
    for it in named.chain(likely) {
        if !all.contains(&it) {
            all.push(it);
        }
    }
    all
}

/// A test's place in the record.
pub(super) fn place(schedule: &Schedule, nodeid: &NodeId) -> Option<TestIndex> {
    let at = schedule.tests.iter().position(|it| it == nodeid)?;
    u32::try_from(at).ok().map(TestIndex)
}
