//! From runs to verdicts.

use std::collections::BTreeSet;

use super::culprits::{self, Rival};
use super::evidence::Sentence;
use super::hypothesis::{Candidate, Hypothesis, Reason};
use super::joined::Joined;
use super::neighbours::neighbours;
use super::order::Order;
use super::outage;
use super::pool;
use super::victim::Victim;
use super::weigh::Opinion;
use crate::model::{Judged, NodeId, Schedule, Suspect, Tie, Verdict, VerdictKind};
use crate::stats::{benjamini_hochberg, fails_more_with, failure_rate_in_blocks, odds_ratio};

/// How sure it must be that just these tests are to blame for them to be named.
const NAMED: f64 = 0.95;

/// The greatest p value, corrected for all candidates, with which one is named.
const SIGNIFICANT: f64 = 0.1;

/// How sure two tests must each be of the other for their records to be one evidence.
const SUSPECTED: f64 = 0.25;

/// How sure it must be that others are to blame for that to be said without naming any.
const UNNAMED: f64 = 0.8;

/// How sure it must be that much going on makes it fail: loops vary that little.
const LOADED: f64 = 0.6;

/// How unlikely it must be that it fails by itself for the likeliest other kind to be said at once.
const NO_CHANCE: f64 = 0.03;

/// The greatest p value with which a group is named that no single one of is.
const GROUP: f64 = 0.01;

/// How many suspects are listed, and how likely the last of them must be.
const LISTED: usize = 8;
const LEAST: f64 = 0.001;

/// Judges every test that failed in one of these runs of the same suite, in the order in which they
/// were collected.
#[must_use]
pub fn judge(runs: &[Schedule]) -> Vec<Judged> {
    let record = Joined::new(runs);
    let has_failed: Vec<bool> = record.tallies.iter().map(|it| it.failed > 0).collect();
    let mut beside = neighbours(&record, &has_failed);
    let order = Order::new(&record);
    let mut victims: Vec<Victim<'_>> = (0..record.tests.len())
        .filter(|&test| has_failed[test])
        .map(|test| Victim::new(&record, &order, test as u32, std::mem::take(&mut beside[test])))
        .collect();
    let mut opinions: Vec<Opinion> = victims.iter().map(Opinion::of).collect();
    let windows = outage::find(&victims, &opinions);
    let mut failed_away = Vec::new();
    for (victim, opinion) in victims.iter_mut().zip(&mut opinions) {
        let concerned = outage::concerned(&windows, victim);
        failed_away.push(victim.failed.and(&concerned));
        if victim.failed.count_both(&concerned) > 0 {
            victim.leave_out(&concerned);
            *opinion = Opinion::of(victim);
        }
    }
    let rivals = blaming_each_other(&victims, &opinions);
    let opinions = with_others(&victims, opinions);
    let each = victims.iter().zip(&opinions).zip(failed_away.iter().zip(rivals));
    each.map(|((victim, opinion), (failed_away, rivals))| {
        let mut judged = Judging::new(victim, opinion, rivals).judged();
        if failed_away.count() > victim.failures() {
            judged.verdict = outage::verdict(&windows, victim, failed_away);
        }
        judged
    })
    .collect()
}

/// For each, those that are suspected by it and suspect it themselves, by their own executions alone.
fn blaming_each_other(victims: &[Victim<'_>], opinions: &[Opinion]) -> Vec<Vec<u32>> {
    let blamed = |opinion: &Opinion| -> BTreeSet<u32> {
        let blame = opinion.blame(VerdictKind::InterferesWith);
        blame.into_iter().filter(|it| it.0 >= SUSPECTED).map(|it| it.1).collect()
    };
    let blamed: Vec<BTreeSet<u32>> = opinions.iter().map(blamed).collect();
    let mutual = |at: usize| {
        let others = (0..victims.len()).filter(|&other| {
            blamed[at].contains(&victims[other].test) && blamed[other].contains(&victims[at].test)
        });
        others.map(|other| victims[other].test).collect()
    };
    (0..victims.len()).map(mutual).collect()
}

/// What is thought of each, where what is thought of the others is known.
fn with_others(victims: &[Victim<'_>], opinions: Vec<Opinion>) -> Vec<Opinion> {
    let rivals: Vec<Rival<'_, '_>> = victims
        .iter()
        .zip(&opinions)
        .map(|(victim, opinion)| Rival::new(victim, opinion))
        .collect();
    let mutual: Vec<Vec<Hypothesis>> =
        victims.iter().map(|victim| culprits::mutual(victim, &rivals)).collect();
    let opinions: Vec<Opinion> =
        opinions.into_iter().zip(mutual).map(|(opinion, more)| opinion.with(more)).collect();
    // Two pairs are no group of four.
    let mut pools: Vec<Vec<Hypothesis>> = victims.iter().map(|_| Vec::new()).collect();
    for pooled in pool::find(victims, &opinions) {
        pools[pooled.victim].push(pooled.hypothesis);
    }
    opinions.into_iter().zip(pools).map(|(opinion, more)| opinion.with(more)).collect()
}

/// One test's opinion made a verdict.
struct Judging<'v, 'r> {
    victim: &'v Victim<'r>,
    opinion: &'v Opinion,
    /// With p values corrected for all candidates.
    candidates: Vec<Candidate>,
    tried: usize,
    /// Others that this one suspects and that suspect it.
    rivals: Vec<u32>,
}

impl<'v, 'r> Judging<'v, 'r> {
    fn new(victim: &'v Victim<'r>, opinion: &'v Opinion, rivals: Vec<u32>) -> Self {
        let (mut candidates, tried) = culprits::candidates(victim);
        let p: Vec<f64> = candidates.iter().map(|it| it.p).collect();
        let corrected = benjamini_hochberg(&p, Some(tried));
        candidates.iter_mut().zip(corrected).for_each(|(it, p)| it.p = p);
        Self { victim, opinion, candidates, tried, rivals }
    }

    fn judged(&self) -> Judged {
        let tally = self.victim.record.tallies[self.victim.test as usize];
        let rate = failure_rate_in_blocks(&self.victim.record.by_round(self.victim.test));
        Judged {
            nodeid: self.name(self.victim.test),
            failed: tally.failed,
            executed: tally.executed,
            infrastructure: tally.infrastructure,
            rate: rate.map_or((0.0, 0.0, 1.0), |it| (it.rate.estimate, it.rate.low, it.rate.high)),
            verdict: self.verdict(),
            suspects: self.suspects(),
        }
    }

    fn verdict(&self) -> Verdict {
        let kind = self.kind();
        let hypothesis = self.opinion.best_of(kind);
        let mut culprits = self.culprits(hypothesis);
        let mut kind = kind;
        if let Reason::Pool(users, 1) = &hypothesis.reason {
            culprits = self.of_group(hypothesis, users);
            if !culprits.is_empty() {
                kind = VerdictKind::InterferesWith;
            }
        }
        let reason = &hypothesis.reason;
        let since_round = if let Reason::Since(_, round) = reason { Some(*round) } else { None };
        let workers = match reason {
            Reason::Crowd(from) | Reason::Ramp(from) => Some(*from),
            Reason::Pool(_, others) => Some(*others + 1),
            _ => None,
        };
        let cleaners = match reason {
            Reason::AfterUnless(_, cleaner) if !culprits.is_empty() => vec![self.name(*cleaner)],
            _ => Vec::new(),
        };
        Verdict {
            kind,
            needs_culprits: matches!(reason, Reason::Without(_)),
            cleaners,
            since_round,
            workers,
            window: None,
            evidence: Sentence {
                victim: self.victim,
                hypothesis,
                culprits: &culprits,
                tried: self.tried,
            }
            .text(),
            culprits: culprits.into_iter().map(|it| self.name(it)).collect(),
            confirmed: None,
        }
    }

    /// The likeliest. A kind that blames others without knowing whom, or what goes on at the same time,
    /// is said only where it is all but sure, or chance is not.
    fn kind(&self) -> VerdictKind {
        let kinds = self.opinion.kinds();
        let by_itself = |it: &&(VerdictKind, f64)| it.0 == VerdictKind::FlakyAlone;
        let is_no_chance = kinds.iter().find(by_itself).is_none_or(|it| it.1 < NO_CHANCE);
        let is_said = |&(kind, chance): &(VerdictKind, f64)| match kind {
            VerdictKind::InterferesWith | VerdictKind::OrderDependent => {
                is_no_chance
                    || chance >= UNNAMED
                    || !self.culprits(self.opinion.best_of(kind)).is_empty()
            }
            VerdictKind::LoadSensitive => is_no_chance || chance >= LOADED,
            VerdictKind::Broken
            | VerdictKind::FlakyAlone
            | VerdictKind::Accumulates
            | VerdictKind::Infrastructure
            | VerdictKind::Stable => true,
        };
        let said = kinds.iter().copied().find(is_said);
        said.map_or(VerdictKind::FlakyAlone, |it| it.0)
    }

    /// Those tests that surely have to do with it: of the likeliest reason, where it is so much
    /// likelier than any other that names others.
    fn culprits(&self, best: &Hypothesis) -> Vec<u32> {
        let blame = self.opinion.blame(best.reason.kind());
        let chance = |test| blame.iter().find(|it| it.1 == test).map_or(0.0, |it| it.0);
        let is_sure = |test: &u32| chance(*test) >= NAMED && self.is_significant(*test);
        best.reason.blamed().iter().copied().filter(is_sure).collect()
    }

    /// Of a group of which one other is enough, those that surely have to do with it one by one; all of
    /// it where none has, and the group as a whole surely does.
    fn of_group(&self, best: &Hypothesis, users: &[u32]) -> Vec<u32> {
        let p =
            best.exposed.as_ref().map_or(1.0, |it| fails_more_with(&self.victim.split(it).table()));
        if p * self.tried as f64 <= SIGNIFICANT {
            let named: Vec<u32> =
                users.iter().copied().filter(|&test| self.is_significant(test)).collect();
            if !named.is_empty() {
                return named;
            }
        }
        let (chance, _) = &self.opinion.hypotheses[0];
        if *chance >= NAMED && p <= GROUP { users.to_vec() } else { Vec::new() }
    }

    fn is_significant(&self, test: u32) -> bool {
        self.rivals.contains(&test)
            || self.candidates.iter().any(|it| it.test == test && it.p <= SIGNIFICANT)
    }

    fn suspects(&self) -> Vec<Suspect> {
        let likely = self.opinion.suspicion().into_iter().filter(|it| it.0 >= LEAST);
        likely.take(LISTED).map(|(_, test)| self.suspect(test)).collect()
    }

    fn suspect(&self, test: u32) -> Suspect {
        let tie = self.opinion.tie(test);
        let mine = self.candidates.iter().filter(|it| it.test == test && it.tie == tie);
        let candidate = mine.min_by(|a, b| a.p.total_cmp(&b.p));
        let odds = candidate.and_then(|it| {
            let table = it.split.table();
            let is_bound = table.passed_with > 0 && table.failed_without > 0;
            is_bound.then(|| odds_ratio(&table).estimate)
        });
        Suspect {
            nodeid: self.name(test),
            kind: tie,
            odds_ratio: odds,
            p_value: candidate.map_or(1.0, |it| it.p),
            confirmed: None,
        }
    }

    fn name(&self, test: u32) -> NodeId {
        self.victim.record.tests[test as usize].clone()
    }
}

impl Opinion {
    /// How that test has most probably to do with it.
    fn tie(&self, test: u32) -> Tie {
        let involved = self.hypotheses.iter().find(|it| it.1.reason.involved().contains(&test));
        involved.and_then(|it| it.1.reason.tie()).unwrap_or(Tie::Beside)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sim::{Score, draw, play};
    use super::*;

    /// Those that the method was tuned on; docs/diagnosis.md has the figures of others.
    /// `PNL_LABS=100 PNL_LABS_TABLE=FILE` judges more and writes down how.
    const FIRST_SEED: u64 = 1000;

    #[test]
    fn drawn_labs_are_judged_rightly() {
        let labs = std::env::var("PNL_LABS").map_or(8, |it| it.parse().expect("a number"));
        let mut score = Score::default();
        for seed in FIRST_SEED..FIRST_SEED + labs {
            let lab = draw(seed);
            score.add(&lab, &judge(&[play(&lab)]));
        }
        if let Ok(file) = std::env::var("PNL_LABS_TABLE") {
            std::fs::write(file, score.table()).expect("a file that can be written");
        }
        assert!(score.share_right() >= 0.8, "{}", score.table());
        assert!(score.share_blamed() <= 0.01, "{}", score.table());
    }
}
