//! From some round on: what piles up.

use super::bits::Bits;
use super::hypothesis::{Hypothesis, Reason};
use super::likelihood::{Split, ln_marginal, ln_split, ln_sum};
use super::prior;
use super::victim::Victim;
use crate::model::Round;

/// The round of each run from which on the test fails. Which one that is, is not known before, and
/// each run may have its own or none: its likelihood is the mean over all rounds that it has.
pub(super) fn hypotheses(victim: &Victim<'_>, found: &mut Vec<Hypothesis>) {
    let mut exposed = Bits::none(victim.cases.len());
    let mut ln_weight = prior::SINCE.ln();
    let mut best: Option<(f64, u32, Round)> = None;
    for run in 0..victim.record.runs.len() as u32 {
        let Some(change) = Changes::of(victim, run) else { continue };
        ln_weight += change.ln_likelihood;
        for at in (0..victim.cases.len()).filter(|&at| victim.cases[at].run == run) {
            if change.since.is_some_and(|since| victim.ran(at).round >= since) {
                exposed.set(at);
            }
        }
        if let Some(since) = change.since
            && best.is_none_or(|(gain, ..)| change.gain > gain)
        {
            best = Some((change.gain, run, since));
        }
    }
    if let Some((_, run, since)) = best {
        let reason = Reason::Since(run, since);
        found.push(Hypothesis { reason, exposed: Some(exposed), ln_weight });
    }
}

/// One run's rounds, and where they change.
struct Changes {
    ln_likelihood: f64,
    /// The likeliest; none where it is likelier that none is.
    since: Option<Round>,
    gain: f64,
}

impl Changes {
    /// None where the test did not run.
    fn of(victim: &Victim<'_>, run: u32) -> Option<Self> {
        let mut rounds: Vec<(Round, u64, u64)> = Vec::new();
        for at in 0..victim.cases.len() {
            if victim.cases[at].run != run || !victim.counted.has(at) {
                continue;
            }
            let (round, failed) = (victim.ran(at).round, u64::from(victim.failed.has(at)));
            match rounds.last_mut() {
                Some(last) if last.0 == round => {
                    last.1 += failed;
                    last.2 += 1;
                }
                _ => rounds.push((round, failed, 1)),
            }
        }
        let failed: u64 = rounds.iter().map(|it| it.1).sum();
        let all: u64 = rounds.iter().map(|it| it.2).sum();
        if all == 0 {
            return None;
        }
        let second = prior::SINCE_SECOND / (prior::SINCE + prior::SINCE_SECOND);
        let each = (1.0 - second) / rounds.len() as f64;
        let none = each.ln() + ln_marginal(failed, all, prior::HARDLY);
        let mut terms = vec![(none, None)];
        let (mut failed_before, mut before) = (0, 0);
        for (at, pair) in rounds.windows(2).enumerate() {
            failed_before += pair[0].1;
            before += pair[0].2;
            let split = Split {
                failed_with: failed - failed_before,
                with: all - before,
                failed_without: failed_before,
                without: before,
            };
            let chance = each + if at == 0 { second } else { 0.0 };
            let ln = chance.ln() + ln_split(&split, prior::SURELY, prior::HARDLY);
            terms.push((ln, Some(pair[1].0)));
        }
        let ln_likelihood = ln_sum(terms.iter().map(|it| it.0));
        let best = terms.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Self { ln_likelihood, since: best.1, gain: best.0 - none })
    }
}
