//! How a round's tests are dealt: in which order, and by what is known of how long they take.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use super::Dispatch;
use crate::model::{DistMode, Isolation, Level, Round, RunId, Slot, TestIndex, TestInfo, Vary};
use crate::scheduler::{Deal, Forecast, Spent, Variation};

/// Every round of such a number has fewer workers. They take longer: a round of one worker as long as
/// all workers' rounds together, so that a loop on four workers becomes a quarter longer.
const FEWER_EVERY: u32 = 6;

impl Dispatch<'_> {
    /// A round's deal.
    pub(super) fn deal_of(&mut self, round: Round) -> Deal {
        if let Some(why) = self.look_back() {
            self.record.notice(Level::Warning, why);
        }
        self.forecast.learn(self.record.tests());
        let forecast = std::mem::take(&mut self.forecast);
        let deal = match &self.spread {
            Some(spread) if round == Round::FIRST => {
                Deal::of_files(self.distribution.dist, spread.len(), self.slots)
                    .expecting(forecast)
                    .lasting(spread.seconds())
            }
            _ if self.is_varied => {
                let tests = self.in_pytests_order();
                let all = self.record.tests().len();
                let seed = seed_of(&self.plan.run);
                let variation = self.variation.take();
                let variation = variation.unwrap_or_else(|| Variation::new(all, seed, self.spent));
                self.spent = Spent::default();
                return Deal::varied(&tests, self.slots, (variation, round), forecast)
                    .claiming(&self.claims);
            }
            _ => {
                let (order, it) = (self.order(round), self.distribution);
                Deal::in_order(it.dist, &order, self.slots, it.order)
                    .expecting(forecast)
                    .claiming(&self.claims)
            }
        };
        // A shuffled order is the seed's and nobody else's.
        if self.plan.shuffle.is_some() { deal } else { deal.longest_first() }
    }

    /// Whether a round is to differ from those before it. The first is as one without a loop.
    pub(super) fn is_to_differ(&self, round: Round) -> bool {
        let may_be = match (self.plan.vary, self.distribution.dist) {
            (Vary::Off, _) => false,
            (Vary::Auto, dist) => dist == DistMode::Pnl && self.plan.shuffle.is_none(),
            (Vary::On, dist) => {
                matches!(dist, DistMode::Pnl | DistMode::Load | DistMode::WorkSteal)
            }
        };
        may_be && round != Round::FIRST && self.slots > 1
    }

    /// How many workers a round has. Once something has failed, some rounds have fewer than others: what
    /// fails only under load is known by that.
    pub(super) fn slots_of(&self, round: Round) -> usize {
        let may_differ = self.is_varied && self.plan.isolation == Isolation::Round;
        if !may_differ || !self.record.has_failures() || !round.0.is_multiple_of(FEWER_EVERY) {
            return self.slots;
        }
        let fewer = [self.slots / 2, 1, self.slots * 3 / 4];
        fewer[(round.0 / FEWER_EVERY) as usize % fewer.len()].max(1)
    }

    /// A round is over that was varied by this, if it was.
    pub(super) fn vary_next(&mut self, variation: Option<Variation>) {
        if let Some(mut variation) = variation {
            variation.took(self.spent);
            self.variation = Some(variation);
        }
    }

    /// Two tests run at the same time from now on.
    pub(super) fn meet(&mut self, slot: Slot, test: TestIndex) {
        let Some(deal) = self.deal.as_mut().filter(|_| self.plan.rounds.is_loop()) else { return };
        for other in self.crew.iter().filter(|it| it.slot != slot) {
            if let Some((running, _)) = other.running {
                deal.meet(test, running);
            }
        }
    }

    /// The tests that are to run, as pytest has them.
    fn in_pytests_order(&self) -> Vec<Arc<TestInfo>> {
        let tests = self.record.tests();
        let mut tests = match &self.spread {
            Some(spread) => spread.in_order(tests),
            None => tests.to_vec(),
        };
        tests.retain(|test| !self.poison.has(test.index));
        tests
    }

    /// The tests of a round in the order in which they are dealt.
    fn order(&self, round: Round) -> Vec<Arc<TestInfo>> {
        let mut tests = self.in_pytests_order();
        if let Some(seed) = self.plan.shuffle {
            let seed = seed.wrapping_add(u64::from(round.0));
            crate::engine::plan::shuffle(&mut tests, seed);
        }
        tests
    }

    /// Takes in what the history says, as soon as it has been read. Returns why it cannot be.
    pub(super) fn look_back(&mut self) -> Option<String> {
        match self.past.take()? {
            Ok(durations) => self.forecast = Forecast::new(durations),
            Err(why) => return Some(format!("nothing is known of how long tests take: {why}")),
        }
        None
    }
}

/// Rounds that differ do so in another way in each run.
fn seed_of(run: &RunId) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    hasher.finish()
}
