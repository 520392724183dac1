//! In which order a mode's tests are given to whom, as long as nothing comes back.

use std::collections::VecDeque;
use std::sync::Arc;

use super::files::Files;
use super::forecast::Forecast;
use super::queues::{Allowed, Queues, steal, take_any, take_first, take_unit};
use super::units::{Order, Unit, units};
use super::varied::Varied;
use crate::model::{DistMode, TestIndex, TestInfo};

#[derive(Debug)]
pub(super) enum Strategy {
    /// One queue of units for all.
    Queue(VecDeque<Unit>),
    /// A queue of tests for each slot; who runs dry takes half of the longest's tail.
    Steal(Queues),
    /// A queue of tests for each slot, and that is that.
    Own(Queues),
    /// pnl's own.
    Files(Files),
    /// The same in a round that is to differ from others.
    Varied(Box<Varied>),
}

impl Strategy {
    /// A mode's, for so many slots.
    pub(super) fn of(mode: DistMode, tests: &[Arc<TestInfo>], slots: usize, order: Order) -> Self {
        match mode {
            // One worker runs in pytest's own order, whatever would be dealt first.
            DistMode::No => Self::Own(vec![all(tests)]),
            DistMode::Each => Self::Own(vec![all(tests); slots]),
            DistMode::Pnl | DistMode::Load | DistMode::WorkSteal if slots == 1 => {
                Self::Own(vec![all(tests)])
            }
            DistMode::WorkSteal => Self::Steal(split_evenly(tests, slots)),
            DistMode::Pnl => Self::Files(Files::new(units(mode, tests, order), slots)),
            DistMode::Load | DistMode::LoadScope | DistMode::LoadFile | DistMode::LoadGroup => {
                Self::Queue(units(mode, tests, order).into())
            }
        }
    }

    /// Nothing to deal.
    pub(super) fn empty() -> Self {
        Self::Queue(VecDeque::new())
    }

    /// The next unit with a test that is allowed.
    pub(super) fn take(
        &mut self,
        slot: usize,
        allowed: Allowed<'_>,
        forecast: &Forecast,
    ) -> Option<Unit> {
        match self {
            Self::Queue(units) => take_unit(units, allowed),
            Self::Own(queues) => one(take_first(queues.get_mut(slot)?, allowed)),
            Self::Steal(queues) => {
                if queues[slot].is_empty() {
                    // xdist counts tests: so does its mode here.
                    queues[slot] = steal(queues, |_| 1.0, |_| 0.0);
                }
                one(take_any(queues, slot, allowed))
            }
            Self::Files(files) => one(files.take(slot, allowed, forecast)),
            Self::Varied(varied) => varied.take(slot, allowed, forecast),
        }
    }

    /// How many workers could be given something at this moment, of so many tests.
    pub(super) fn parcels(&self, tests: usize) -> usize {
        match self {
            Self::Queue(units) => units.len(),
            Self::Own(queues) => queues.iter().filter(|own| !own.is_empty()).count(),
            Self::Steal(_) | Self::Varied(_) => tests,
            Self::Files(files) => files.parcels(tests),
        }
    }
}

fn one(test: Option<TestIndex>) -> Option<Unit> {
    test.map(|test| vec![test])
}

fn all(tests: &[Arc<TestInfo>]) -> VecDeque<TestIndex> {
    tests.iter().map(|test| test.index).collect()
}

/// Contiguous runs whose lengths differ by at most one.
fn split_evenly(tests: &[Arc<TestInfo>], slots: usize) -> Queues {
    (0..slots)
        .map(|slot| {
            let bound = |slot: usize| slot * tests.len() / slots;
            all(&tests[bound(slot)..bound(slot + 1)])
        })
        .collect()
}
