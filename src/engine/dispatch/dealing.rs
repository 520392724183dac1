//! How a round's tests are dealt: in which order, and by what is known of how long they take.

use std::sync::Arc;

use super::Dispatch;
use crate::model::{Level, Round, TestInfo};
use crate::scheduler::{Deal, Forecast};

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

    /// The tests of a round in the order in which they are dealt.
    fn order(&self, round: Round) -> Vec<Arc<TestInfo>> {
        let tests = self.record.tests();
        let mut tests = match &self.spread {
            Some(spread) => spread.in_order(tests),
            None => tests.to_vec(),
        };
        tests.retain(|test| !self.poison.has(test.index));
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
