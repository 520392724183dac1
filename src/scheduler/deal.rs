//! The deal of one round: who is given which tests next.

use std::collections::VecDeque;
use std::sync::Arc;

use super::units::{Order, Unit, units};
use crate::model::{DistMode, Slot, TestIndex, TestInfo};

/// Deals one round's tests to slots. What was given and came back, because a worker died, is dealt
/// again, to the same slot where the mode ties tests to one.
#[derive(Debug)]
pub struct Deal {
    strategy: Strategy,
    returned: Vec<VecDeque<TestIndex>>,
    waiting: usize,
    can_split: bool,
}

#[derive(Debug)]
enum Strategy {
    /// One queue of units for all.
    Queue(VecDeque<Unit>),
    /// A queue of tests for each slot; who runs dry takes half of the longest's tail.
    Steal(Vec<VecDeque<TestIndex>>),
    /// A queue of tests for each slot, and that is that.
    Own(Vec<VecDeque<TestIndex>>),
    /// Files wait in one queue; a slot keeps the file that it has begun; who finds no file left
    /// takes half of the longest remainder's tail.
    Files { waiting: VecDeque<Unit>, begun: Vec<VecDeque<TestIndex>> },
}

impl Deal {
    /// Prepares a round of `tests` for `slots` workers (at least one).
    #[must_use]
    pub fn new(mode: DistMode, tests: &[Arc<TestInfo>], slots: usize) -> Self {
        Self::in_order(mode, tests, slots, Order::LargestFirst)
    }

    /// As [`Deal::new`], with the units of a mode that has some in this order.
    #[must_use]
    pub fn in_order(mode: DistMode, tests: &[Arc<TestInfo>], slots: usize, order: Order) -> Self {
        let slots = slots.max(1);
        let strategy = match mode {
            // One worker runs in pytest's own order, whatever would be dealt first.
            DistMode::No => Strategy::Own(vec![all(tests)]),
            DistMode::Each => Strategy::Own(vec![all(tests); slots]),
            DistMode::Pnl | DistMode::Load | DistMode::WorkSteal if slots == 1 => {
                Strategy::Own(vec![all(tests)])
            }
            DistMode::WorkSteal => Strategy::Steal(split_evenly(tests, slots)),
            DistMode::Pnl => Strategy::Files {
                waiting: units(mode, tests, order).into(),
                begun: vec![VecDeque::new(); slots],
            },
            DistMode::Load | DistMode::LoadScope | DistMode::LoadFile | DistMode::LoadGroup => {
                Strategy::Queue(units(mode, tests, order).into())
            }
        };
        let copies = if mode == DistMode::Each { slots } else { 1 };
        let can_split = matches!(mode, DistMode::Pnl | DistMode::Load | DistMode::WorkSteal);
        Self {
            strategy,
            returned: vec![VecDeque::new(); slots],
            waiting: tests.len() * copies,
            can_split: can_split && slots > 1,
        }
    }

    /// How many tests are not given to anyone.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many workers could be given something at this moment.
    #[must_use]
    pub fn parcels(&self) -> usize {
        let returned = self.returned.iter().filter(|tests| !tests.is_empty()).count();
        returned
            + match &self.strategy {
                Strategy::Queue(units) => units.len(),
                Strategy::Own(queues) => queues.iter().filter(|own| !own.is_empty()).count(),
                Strategy::Steal(_) | Strategy::Files { .. } => self.in_strategy(),
            }
    }

    /// Tests that are neither given nor came back.
    fn in_strategy(&self) -> usize {
        self.waiting - self.returned.iter().map(VecDeque::len).sum::<usize>()
    }

    /// Whether any test may be taken from one worker and given to another.
    #[must_use]
    pub fn can_split(&self) -> bool {
        self.can_split
    }

    /// Whether a worker takes from what others could take.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !matches!(self.strategy, Strategy::Own(_))
    }

    /// Whether `slot` may still be given something. When not, its worker can finish: what others
    /// hold does not come to it, unless they die, and then they are replaced.
    #[must_use]
    pub fn has_for(&self, slot: Slot) -> bool {
        !self.returned[slot.0].is_empty()
            || match &self.strategy {
                Strategy::Own(queues) => queues.get(slot.0).is_some_and(|own| !own.is_empty()),
                Strategy::Queue(_) | Strategy::Steal(_) | Strategy::Files { .. } => {
                    self.in_strategy() > 0
                }
            }
    }

    /// The next unit for `slot`, as the tests to run in this order.
    #[must_use]
    pub fn take(&mut self, slot: Slot) -> Option<Vec<TestIndex>> {
        let unit = if self.returned[slot.0].is_empty() {
            self.strategy.take(slot.0)?
        } else {
            self.returned[slot.0].drain(..).collect()
        };
        self.waiting -= unit.len();
        Some(unit)
    }

    /// Takes back tests that `slot`'s worker was given and did not start, in their order.
    pub fn give_back(&mut self, slot: Slot, tests: Vec<TestIndex>) {
        self.waiting += tests.len();
        self.returned[slot.0].extend(tests);
    }

    /// Empties the deal: returns how many tests nobody was given.
    pub fn cancel(&mut self) -> usize {
        let waiting = self.waiting;
        *self = Self {
            strategy: Strategy::Queue(VecDeque::new()),
            returned: vec![VecDeque::new(); self.returned.len()],
            waiting: 0,
            can_split: false,
        };
        waiting
    }
}

impl Strategy {
    fn take(&mut self, slot: usize) -> Option<Unit> {
        match self {
            Self::Queue(units) => units.pop_front(),
            Self::Own(queues) => one(queues.get_mut(slot)?.pop_front()),
            Self::Steal(queues) => {
                if queues[slot].is_empty() {
                    queues[slot] = steal(queues);
                }
                one(queues[slot].pop_front())
            }
            Self::Files { waiting, begun } => {
                if begun[slot].is_empty() {
                    begun[slot] = match waiting.pop_front() {
                        Some(file) => file.into(),
                        None => steal(begun),
                    };
                }
                one(begun[slot].pop_front())
            }
        }
    }
}

fn one(test: Option<TestIndex>) -> Option<Unit> {
    test.map(|test| vec![test])
}

/// The tail half, rounded up, of the longest queue.
fn steal(queues: &mut [VecDeque<TestIndex>]) -> VecDeque<TestIndex> {
    let Some(longest) = queues.iter_mut().max_by_key(|queue| queue.len()) else {
        return VecDeque::new();
    };
    longest.split_off(longest.len() / 2)
}

fn all(tests: &[Arc<TestInfo>]) -> VecDeque<TestIndex> {
    tests.iter().map(|test| test.index).collect()
}

/// Contiguous runs whose lengths differ by at most one.
fn split_evenly(tests: &[Arc<TestInfo>], slots: usize) -> Vec<VecDeque<TestIndex>> {
    (0..slots)
        .map(|slot| {
            let bound = |slot: usize| slot * tests.len() / slots;
            all(&tests[bound(slot)..bound(slot + 1)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::NodeId;

    fn suite(ids: &[&str]) -> Vec<Arc<TestInfo>> {
        ids.iter()
            .enumerate()
            .map(|(index, id)| {
                let (id, group) = id.split_once('@').map_or((*id, None), |(id, g)| (id, Some(g)));
                Arc::new(TestInfo {
                    index: TestIndex(index as u32),
                    nodeid: NodeId::new(id),
                    line: None,
                    group: group.map(Arc::from),
                })
            })
            .collect()
    }

    fn take(deal: &mut Deal, slot: usize) -> Option<Vec<u32>> {
        deal.take(Slot(slot)).map(|unit| unit.into_iter().map(|test| test.0).collect())
    }

    #[test]
    fn load_gives_test_by_test_in_order_to_whoever_asks() {
        let mut deal = Deal::new(DistMode::Load, &suite(&["a::1", "a::2", "b::3"]), 2);
        assert_eq!(take(&mut deal, 1), Some(vec![0]));
        assert_eq!(take(&mut deal, 0), Some(vec![1]));
        assert_eq!(take(&mut deal, 0), Some(vec![2]));
        assert_eq!(take(&mut deal, 0), None);
    }

    #[test]
    fn loadscope_keeps_modules_and_classes_together_largest_first() {
        let suite = suite(&["a::1", "a::C::2", "a::C::3", "b::4", "b::5", "b::6"]);
        let mut deal = Deal::new(DistMode::LoadScope, &suite, 2);
        assert_eq!(take(&mut deal, 0), Some(vec![3, 4, 5]));
        assert_eq!(take(&mut deal, 1), Some(vec![1, 2]));
        assert_eq!(take(&mut deal, 1), Some(vec![0]));
    }

    #[test]
    fn loadscope_without_reordering_deals_units_as_they_were_collected() {
        let suite = suite(&["a::1", "a::C::2", "a::C::3", "b::4", "b::5", "b::6"]);
        let mut deal = Deal::in_order(DistMode::LoadScope, &suite, 2, Order::Collected);
        assert_eq!(take(&mut deal, 0), Some(vec![0]));
        assert_eq!(take(&mut deal, 1), Some(vec![1, 2]));
        assert_eq!(take(&mut deal, 0), Some(vec![3, 4, 5]));
    }

    #[test]
    fn loadgroup_keeps_groups_across_files_and_leaves_others_alone() {
        let suite = suite(&["a::1@g", "a::2", "b::3@g"]);
        let mut deal = Deal::new(DistMode::LoadGroup, &suite, 2);
        assert_eq!(take(&mut deal, 0), Some(vec![0, 2]));
        assert_eq!(take(&mut deal, 0), Some(vec![1]));
    }

    #[test]
    fn worksteal_splits_evenly_and_takes_half_of_the_longest_tail() {
        let ids: Vec<String> = (0..8).map(|n| format!("a::{n}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut deal = Deal::new(DistMode::WorkSteal, &suite(&ids), 2);
        for expected in 0..4 {
            assert_eq!(take(&mut deal, 0), Some(vec![expected]));
        }
        assert_eq!(take(&mut deal, 0), Some(vec![6]), "4 and 5 stay with slot 1");
        assert_eq!(take(&mut deal, 1), Some(vec![4]));
    }

    #[test]
    fn each_gives_everything_to_everyone() {
        let mut deal = Deal::new(DistMode::Each, &suite(&["a::1", "a::2"]), 2);
        assert_eq!(deal.waiting(), 4);
        for slot in [0, 1] {
            assert_eq!(take(&mut deal, slot), Some(vec![0]));
            assert_eq!(take(&mut deal, slot), Some(vec![1]));
            assert_eq!(take(&mut deal, slot), None);
        }
    }

    #[test]
    fn the_default_keeps_a_file_on_a_worker_until_files_run_out() {
        let suite = suite(&["a::1", "a::2", "a::3", "a::4", "b::5"]);
        let mut deal = Deal::new(DistMode::Pnl, &suite, 2);
        assert_eq!(take(&mut deal, 0), Some(vec![0]));
        assert_eq!(take(&mut deal, 1), Some(vec![4]));
        assert_eq!(take(&mut deal, 1), Some(vec![2]), "half of what a has left, from its tail");
        assert_eq!(take(&mut deal, 0), Some(vec![1]));
        assert_eq!(take(&mut deal, 1), Some(vec![3]));
        assert!(!deal.has_for(Slot(0)));
    }

    #[test]
    fn one_worker_runs_in_pytests_order() {
        let suite = suite(&["a::1", "b::2", "a::3"]);
        let mut deal = Deal::new(DistMode::Pnl, &suite, 1);
        let order: Vec<_> = std::iter::from_fn(|| take(&mut deal, 0)).flatten().collect();
        assert_eq!(order, [0, 1, 2]);
    }

    #[test]
    fn what_comes_back_goes_to_the_replacement_first() {
        let mut deal = Deal::new(DistMode::LoadFile, &suite(&["a::1", "a::2", "a::3", "b::4"]), 2);
        assert_eq!(take(&mut deal, 0), Some(vec![0, 1, 2]));
        deal.give_back(Slot(0), vec![TestIndex(1), TestIndex(2)]);
        assert_eq!(take(&mut deal, 1), Some(vec![3]));
        assert!(!deal.has_for(Slot(1)));
        assert_eq!(take(&mut deal, 0), Some(vec![1, 2]));
        assert_eq!(deal.waiting(), 0);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled(
            files in proptest::collection::vec(0u8..6, 1..60),
            asks in proptest::collection::vec((0usize..4, proptest::bool::weighted(0.1)), 0..400),
            mode in proptest::sample::select(DistMode::ALL),
        ) {
            let ids: Vec<String> = files.iter().enumerate().map(|(n, f)| format!("{f}::{n}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let suite = suite(&ids);
            let slots = if mode == DistMode::No { 1 } else { 4 };
            let mut deal = Deal::new(mode, &suite, slots);
            let mut seen = Vec::new();
            for (slot, dies) in asks {
                let slot = Slot(slot % slots);
                if let Some(mut unit) = deal.take(slot) {
                    if dies { // having run the first
                        let rest = unit.split_off(1);
                        deal.give_back(slot, rest);
                    }
                    seen.extend(unit);
                }
            }
            for slot in 0..slots {
                while deal.has_for(Slot(slot)) {
                    let unit = deal.take(Slot(slot));
                    prop_assert!(unit.is_some(), "has_for promised");
                    seen.extend(unit.into_iter().flatten());
                }
            }
            prop_assert_eq!(deal.waiting(), 0);
            seen.sort();
            let copies = if mode == DistMode::Each { slots } else { 1 };
            let mut expected: Vec<_> = suite.iter().map(|t| t.index).collect::<Vec<_>>().repeat(copies);
            expected.sort();
            prop_assert_eq!(seen, expected);
        }
    }
}
