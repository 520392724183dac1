//! From runs to verdicts.

use super::culprits;
use super::evidence::Sentence;
use super::hypothesis::{Candidate, Hypothesis, Reason};
use super::joined::Joined;
use super::neighbours::neighbours;
use super::order::Order;
use super::outage;
use super::victim::Victim;
use super::weigh::Opinion;
use crate::model::{Judged, NodeId, Schedule, Suspect, Tie, Verdict};
use crate::stats::{benjamini_hochberg, failure_rate_in_blocks, odds_ratio};

/// How sure it must be that just these tests are to blame for them to be named.
const NAMED: f64 = 0.97;

/// The greatest p value, corrected for all candidates, with which one is named.
const SIGNIFICANT: f64 = 0.05;

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
    let mut opinions: Vec<Opinion> =
        victims.iter().map(|victim| Opinion::of(victim, Vec::new())).collect();
    let windows = outage::find(&victims, &opinions);
    let mut judged = Vec::new();
    for (victim, opinion) in victims.iter_mut().zip(&mut opinions) {
        let concerned = outage::concerned(&windows, victim);
        let failed_away = victim.failed.and(&concerned);
        if failed_away.count() > 0 {
            victim.leave_out(&concerned);
            *opinion = Opinion::of(victim, Vec::new());
        }
        let mut it = Judging::new(victim, opinion).judged();
        if failed_away.count() > victim.failures() {
            it.verdict = outage::verdict(&windows, victim, &failed_away);
        }
        judged.push(it);
    }
    judged
}

/// One test's opinion made a verdict.
struct Judging<'v, 'r> {
    victim: &'v Victim<'r>,
    opinion: &'v Opinion,
    /// With p values corrected for all candidates.
    candidates: Vec<Candidate>,
    tried: usize,
}

impl<'v, 'r> Judging<'v, 'r> {
    fn new(victim: &'v Victim<'r>, opinion: &'v Opinion) -> Self {
        let (mut candidates, tried) = culprits::candidates(victim);
        let p: Vec<f64> = candidates.iter().map(|it| it.p).collect();
        let corrected = benjamini_hochberg(&p, Some(tried));
        candidates.iter_mut().zip(corrected).for_each(|(it, p)| it.p = p);
        Self { victim, opinion, candidates, tried }
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
        let kind = self.opinion.kind();
        let hypothesis = self.opinion.best_of(kind);
        let culprits = self.culprits(hypothesis);
        let reason = &hypothesis.reason;
        let since_round = if let Reason::Since(_, round) = reason { Some(*round) } else { None };
        let workers = match reason {
            Reason::Crowd(from) | Reason::Ramp(from) => Some(*from),
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

    /// Those tests that surely have to do with it: of the likeliest reason, where it is so much
    /// likelier than any other that names others.
    fn culprits(&self, best: &Hypothesis) -> Vec<u32> {
        let blame = self.opinion.blame(best.reason.kind());
        let chance = |test| blame.iter().find(|it| it.1 == test).map_or(0.0, |it| it.0);
        let is_sure = |test: &u32| chance(*test) >= NAMED && self.is_significant(*test);
        best.reason.blamed().iter().copied().filter(is_sure).collect()
    }

    fn is_significant(&self, test: u32) -> bool {
        self.candidates.iter().any(|it| it.test == test && it.p <= SIGNIFICANT)
    }

    fn suspects(&self) -> Vec<Suspect> {
        let likely = self.opinion.suspicion().into_iter().filter(|it| it.0 >= LEAST);
        likely.take(LISTED).map(|(_, test)| self.suspect(test)).collect()
    }

    fn suspect(&self, test: u32) -> Suspect {
        let tie = self.opinion.tie(test);
        let candidate = self.candidates.iter().find(|it| it.test == test && it.tie == tie);
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

    /// Labs drawn by seeds 0.. are those of this test; tuning was done on others.
    #[test]
    fn drawn_labs_are_judged_rightly() {
        let labs: u64 = std::env::var("PNL_LABS").map_or(8, |it| it.parse().expect("a number"));
        let mut score = Score::default();
        for seed in 0..labs {
            let lab = draw(1000 + seed);
            let played = play(&lab);
            let judged = judge(std::slice::from_ref(&played));
            score.add(&lab, &judged);
        }
        assert!(score.share_right() >= 0.7, "{}", score.table());
        assert!(score.share_blamed() <= 0.01, "{}", score.table());
    }
}
