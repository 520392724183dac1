//! All hypotheses about one test, weighed against each other.

use std::collections::BTreeMap;

use super::hypothesis::Hypothesis;
use super::likelihood::ln_sum;
use super::victim::Victim;
use super::{alone, change, crowd, culprits, several};
use crate::model::VerdictKind;

/// What is thought of a test: hypotheses with their chances, the likeliest first.
pub(super) struct Opinion {
    pub hypotheses: Vec<(f64, Hypothesis)>,
}

impl Opinion {
    /// Weighs what a test's own record says, and `more` that others' records suggest.
    pub(super) fn of(victim: &Victim<'_>, more: Vec<Hypothesis>) -> Self {
        let mut found = more;
        alone::hypotheses(victim, &mut found);
        if victim.failures() < victim.executed() {
            culprits::hypotheses(victim, &mut found);
            several::hypotheses(victim, &mut found);
            change::hypotheses(victim, &mut found);
            crowd::hypotheses(victim, &mut found);
        }
        let total = ln_sum(found.iter().map(|it| it.ln_weight));
        let chance = |it: &Hypothesis| (it.ln_weight - total).exp();
        let mut hypotheses: Vec<(f64, Hypothesis)> =
            found.into_iter().map(|it| (chance(&it), it)).collect();
        hypotheses.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self { hypotheses }
    }

    /// The kind of most weight.
    pub(super) fn kind(&self) -> VerdictKind {
        let mut chances: BTreeMap<VerdictKind, f64> = BTreeMap::new();
        for (chance, hypothesis) in &self.hypotheses {
            *chances.entry(hypothesis.reason.kind()).or_default() += chance;
        }
        let best = chances.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        best.expect("a test may always fail by itself").0
    }

    /// The likeliest hypothesis of a kind that has one.
    pub(super) fn best_of(&self, kind: VerdictKind) -> &Hypothesis {
        let mut all = self.hypotheses.iter().map(|it| &it.1);
        all.find(|it| it.reason.kind() == kind).expect("the kind came from one of them")
    }

    /// For each other test, the chance that it is a culprit, of a kind.
    pub(super) fn blame(&self, kind: VerdictKind) -> Vec<(f64, u32)> {
        self.sums(|it| (it.reason.kind() == kind).then(|| it.reason.blamed().to_vec()))
    }

    /// For each other test, the chance that it has to do with it in any way.
    pub(super) fn suspicion(&self) -> Vec<(f64, u32)> {
        self.sums(|it| Some(it.reason.involved()))
    }

    fn sums(&self, tests: impl Fn(&Hypothesis) -> Option<Vec<u32>>) -> Vec<(f64, u32)> {
        let mut chances: BTreeMap<u32, f64> = BTreeMap::new();
        for (chance, hypothesis) in &self.hypotheses {
            for test in tests(hypothesis).into_iter().flatten() {
                *chances.entry(test).or_default() += chance;
            }
        }
        let mut sorted: Vec<(f64, u32)> = chances.into_iter().map(|(a, b)| (b, a)).collect();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        sorted
    }
}
