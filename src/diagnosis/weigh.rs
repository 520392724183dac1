//! All hypotheses about one test, weighed against each other.

use std::collections::BTreeMap;

use super::hypothesis::{Hypothesis, Reason};
use super::likelihood::ln_sum;
use super::victim::Victim;
use super::{alone, change, crowd, culprits, several};
use crate::model::VerdictKind;

/// How sure a reason must be for no other to be looked for.
const SETTLED: f64 = 0.95;

/// What is thought of a test: hypotheses with their chances, the likeliest first.
pub(super) struct Opinion {
    pub hypotheses: Vec<(f64, Hypothesis)>,
    /// ln of what all their weights sum to.
    pub ln_total: f64,
}

impl Opinion {
    /// Weighs what a test's own executions say.
    pub(super) fn of(victim: &Victim<'_>) -> Self {
        let mut found = Vec::new();
        alone::hypotheses(victim, &mut found);
        if victim.failures() < victim.executed() {
            culprits::hypotheses(victim, &mut found);
            several::hypotheses(victim, &mut found);
            change::hypotheses(victim, &mut found);
            crowd::hypotheses(victim, &mut found);
        }
        Self::weighed(found)
    }

    /// The same with further hypotheses.
    pub(super) fn with(self, more: impl IntoIterator<Item = Hypothesis>) -> Self {
        let found = self.hypotheses.into_iter().map(|it| it.1).chain(more);
        Self::weighed(found.collect())
    }

    fn weighed(found: Vec<Hypothesis>) -> Self {
        let ln_total = ln_sum(found.iter().map(|it| it.ln_weight));
        let chance = |it: &Hypothesis| (it.ln_weight - ln_total).exp();
        let mut hypotheses: Vec<(f64, Hypothesis)> =
            found.into_iter().map(|it| (chance(&it), it)).collect();
        hypotheses.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self { hypotheses, ln_total }
    }

    /// Whether one reason, which is not chance, is all but sure.
    pub(super) fn is_settled(&self) -> bool {
        let (chance, best) = &self.hypotheses[0];
        *chance >= SETTLED && best.reason != Reason::Alone
    }

    /// How probable each kind is, the likeliest first.
    pub(super) fn kinds(&self) -> Vec<(VerdictKind, f64)> {
        let mut chances: BTreeMap<VerdictKind, f64> = BTreeMap::new();
        for (chance, hypothesis) in &self.hypotheses {
            *chances.entry(hypothesis.reason.kind()).or_default() += chance;
        }
        let mut kinds: Vec<(VerdictKind, f64)> = chances.into_iter().collect();
        kinds.sort_by(|a, b| b.1.total_cmp(&a.1));
        kinds
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
