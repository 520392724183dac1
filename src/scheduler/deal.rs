//! The deal of one round: who is given which tests next.

use std::collections::VecDeque;
use std::sync::Arc;

use super::claims::{Claim, Claims};
use super::files::Files;
use super::forecast::Forecast;
use super::queues::take_first;
use super::strategy::Strategy;
use super::units::{Order, Unit};
use super::varied::{Variation, Varied};
use crate::model::{DistMode, Round, Slot, TestIndex, TestInfo};

/// Deals one round's tests to slots, and none that would run beside what it must not run beside.
/// What was given and came back, because a worker died or a test is to be tried again, is dealt
/// again, to the same slot where the mode ties tests to one.
#[derive(Debug)]
pub struct Deal {
    strategy: Strategy,
    claims: Claims,
    forecast: Forecast,
    returned: Vec<VecDeque<TestIndex>>,
    waiting: usize,
    /// Files whose tests are not known yet.
    unknown: usize,
    can_split: bool,
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
        let strategy = Strategy::of(mode, tests, slots, order);
        let copies = if mode == DistMode::Each { slots } else { 1 };
        let can_split = matches!(mode, DistMode::Pnl | DistMode::Load | DistMode::WorkSteal);
        Self::of(strategy, tests.len() * copies, slots, can_split && slots > 1)
    }

    fn of(strategy: Strategy, waiting: usize, slots: usize, can_split: bool) -> Self {
        Self {
            strategy,
            claims: Claims::default(),
            forecast: Forecast::default(),
            returned: vec![VecDeque::new(); slots],
            waiting,
            unknown: 0,
            can_split,
        }
    }

    /// The same, with what its tests claim for themselves while they run.
    #[must_use]
    pub fn claiming(mut self, claims: &Claims) -> Self {
        self.claims = claims.for_round(self.returned.len());
        self
    }

    /// The same, with what is expected of its tests: how much is given and taken back goes by it.
    #[must_use]
    pub fn expecting(mut self, forecast: Forecast) -> Self {
        self.forecast = forecast;
        self
    }

    /// The same, in the order in which the round is expected to be over first, as far as the mode
    /// leaves a choice.
    #[must_use]
    pub fn longest_first(mut self) -> Self {
        if let Strategy::Files(files) = &mut self.strategy {
            files.plan(&self.forecast, &self.claims);
        }
        self
    }

    /// The same, where workers collect: all files together are expected to take so many seconds.
    #[must_use]
    pub fn lasting(mut self, seconds: Option<f64>) -> Self {
        if let (Strategy::Files(files), Some(seconds)) = (&mut self.strategy, seconds) {
            files.expect(seconds);
        }
        self
    }

    /// Prepares a round whose tests are not known yet, of so many files, for at least two workers. The
    /// mode is `loadfile`, or it leaves a choice.
    #[must_use]
    pub fn of_files(mode: DistMode, files: usize, slots: usize) -> Self {
        let are_whole = mode == DistMode::LoadFile;
        Self {
            strategy: Strategy::Files(Files::uncollected(files, slots, are_whole)),
            claims: Claims::open(slots),
            forecast: Forecast::default(),
            returned: vec![VecDeque::new(); slots],
            waiting: 0,
            unknown: files,
            can_split: !are_whole,
        }
    }

    /// Prepares a round of pnl's own mode that is to differ from those before it. Tests are in pytest's
    /// order, for at least two workers.
    #[must_use]
    pub fn varied(
        tests: &[Arc<TestInfo>],
        slots: usize,
        varied: (Variation, Round),
        forecast: Forecast,
    ) -> Self {
        let varied = Varied::new(tests, slots, varied, &forecast);
        Self {
            strategy: Strategy::Varied(Box::new(varied)),
            forecast,
            ..Self::of(Strategy::empty(), tests.len(), slots, slots > 1)
        }
    }

    /// A test has begun while another one runs.
    pub fn meet(&mut self, one: TestIndex, other: TestIndex) {
        if let Strategy::Varied(varied) = &mut self.strategy {
            varied.meet(one, other);
        }
    }

    /// What a varied round hands on to the next.
    #[must_use]
    pub fn into_variation(self) -> Option<Variation> {
        match self.strategy {
            Strategy::Varied(varied) => Some(varied.into_variation()),
            Strategy::Queue(_) | Strategy::Steal(_) | Strategy::Own(_) | Strategy::Files(_) => None,
        }
    }

    /// A worker is given a file to collect.
    pub fn file_given(&mut self) {
        if let Strategy::Files(files) = &mut self.strategy {
            files.file_given();
        }
    }

    /// The worker that was given a file is gone without having collected it.
    pub fn file_returned(&mut self) {
        if let Strategy::Files(files) = &mut self.strategy {
            files.file_returned();
        }
    }

    /// `slot`'s worker has collected a file: these tests are its to begin with.
    pub fn file_collected(&mut self, slot: Slot, tests: &[Arc<TestInfo>]) {
        if let Strategy::Files(files) = &mut self.strategy {
            self.forecast.learn(tests);
            self.unknown -= 1;
            self.waiting += tests.len();
            let tests = tests.iter().map(|test| test.index).collect();
            files.file_collected(slot.0, tests, &self.forecast);
        }
    }

    /// A test of such a file claims something.
    pub fn claim(&mut self, test: TestIndex, claim: Claim) {
        self.claims.add(test, claim);
    }

    /// How many files nobody has collected.
    #[must_use]
    pub fn unknown(&self) -> usize {
        self.unknown
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
        returned + self.strategy.parcels(self.in_strategy())
    }

    /// Whether there is something that came back for `slot`: no other worker gets that.
    #[must_use]
    pub fn has_returned(&self, slot: Slot) -> bool {
        !self.returned[slot.0].is_empty()
    }

    /// Whether what comes next for `slot` is no other's: it came back, or is of a file that stays whole.
    pub(super) fn has_own(&self, slot: Slot) -> bool {
        let Strategy::Files(files) = &self.strategy else { return self.has_returned(slot) };
        self.has_returned(slot) || files.are_whole() && files.has_begun(slot.0)
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
        self.has_returned(slot)
            || match &self.strategy {
                Strategy::Own(queues) => queues.get(slot.0).is_some_and(|own| !own.is_empty()),
                Strategy::Files(files) if files.are_whole() => files.has_for(slot.0),
                Strategy::Queue(_)
                | Strategy::Steal(_)
                | Strategy::Files(_)
                | Strategy::Varied(_) => self.in_strategy() > 0 || self.unknown > 0,
            }
    }

    /// The next unit for `slot`, as the tests to run in this order. `None` where there is none, or
    /// none that may run beside what others hold: [`Deal::has_for`] tells which.
    #[must_use]
    pub fn take(&mut self, slot: Slot) -> Option<Vec<TestIndex>> {
        let unit = if self.claims.is_idle() { self.next(slot) } else { self.next_allowed(slot) }?;
        self.waiting -= unit.len();
        for &test in &unit {
            self.claims.take(slot, test);
        }
        Some(unit)
    }

    fn next(&mut self, slot: Slot) -> Option<Unit> {
        if self.returned[slot.0].is_empty() {
            return self.strategy.take(slot.0, &|_| true, &self.forecast);
        }
        Some(self.returned[slot.0].drain(..).collect())
    }

    /// One test that may run now. What else its unit has is kept for the slot.
    fn next_allowed(&mut self, slot: Slot) -> Option<Unit> {
        let allowed = |test: TestIndex| self.claims.allow(slot, test);
        let own = &mut self.returned[slot.0];
        if let Some(test) = take_first(own, &allowed) {
            return Some(vec![test]);
        }
        own.extend(self.strategy.take(slot.0, &allowed, &self.forecast)?);
        Some(vec![take_first(own, &allowed)?])
    }

    /// `slot`'s worker has run this test.
    pub fn done(&mut self, slot: Slot, test: TestIndex) {
        self.claims.release(slot, test);
    }

    /// Takes back tests that `slot`'s worker was given and did not start, in their order, or that it
    /// ran and is to run again.
    pub fn give_back(&mut self, slot: Slot, tests: Vec<TestIndex>) {
        if tests.is_empty() {
            return;
        }
        for &test in &tests {
            self.claims.release(slot, test);
        }
        self.waiting += tests.len();
        self.returned[slot.0].extend(tests);
    }

    /// Whether some tests claim something, so that a worker may have to wait for another.
    #[must_use]
    pub fn has_claims(&self) -> bool {
        !self.claims.is_empty()
    }

    /// Whether this test claims something.
    #[must_use]
    pub fn is_claimed(&self, test: TestIndex) -> bool {
        self.claims.has(test)
    }

    /// Whether a worker that holds these tests may hand some of them to another.
    #[must_use]
    pub fn may_move(&self, held: &VecDeque<TestIndex>) -> bool {
        self.claims.is_empty()
            || !self.claims.is_exclusive_now() && !held.iter().any(|&test| self.claims.has(test))
    }

    /// Tests that one slot's worker was given are another's now.
    pub fn moved(&mut self, from: Slot, to: Slot, tests: &[TestIndex]) {
        for &test in tests {
            self.claims.release(from, test);
            self.claims.take(to, test);
        }
    }

    /// What is expected of the tests.
    #[must_use]
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// The same, to learn from how long they took.
    pub fn forecast_mut(&mut self) -> &mut Forecast {
        &mut self.forecast
    }

    /// Empties the deal: returns how many tests nobody was given.
    pub fn cancel(&mut self) -> usize {
        let waiting = self.waiting;
        *self = Self {
            strategy: Strategy::empty(),
            claims: Claims::default(),
            forecast: std::mem::take(&mut self.forecast),
            returned: vec![VecDeque::new(); self.returned.len()],
            waiting: 0,
            unknown: 0,
            can_split: false,
        };
        waiting
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::collections::HashMap;

    use super::super::claims::Lock;
    use super::super::suite::suite;
    use super::*;
    use crate::model::{Durations, Took};

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

    #[test]
    fn a_test_that_must_wait_is_passed_over_and_comes_when_it_can() {
        let suite = suite(&["a::1", "b::2", "c::3"]);
        let db = Claim { exclusive: false, locks: vec![Lock { number: 0, capacity: 1 }] };
        let wanted = HashMap::from([(TestIndex(0), db.clone()), (TestIndex(1), db)]);
        let mut deal = Deal::new(DistMode::Load, &suite, 2).claiming(&Claims::new(wanted));
        assert_eq!(take(&mut deal, 0), Some(vec![0]));
        assert_eq!(take(&mut deal, 1), Some(vec![2]));
        assert_eq!(take(&mut deal, 1), None);
        assert!(deal.has_for(Slot(1)));
        deal.done(Slot(0), TestIndex(0));
        assert_eq!(take(&mut deal, 1), Some(vec![1]));
    }

    /// What each slot holds, whether anything runs that must not, and what can still be given.
    struct Floor {
        held: Vec<VecDeque<TestIndex>>,
        wanted: HashMap<TestIndex, Claim>,
    }

    impl Floor {
        fn is_sound(&self) -> bool {
            let busy = self.held.iter().filter(|held| !held.is_empty()).count();
            let claims = |held: &VecDeque<TestIndex>| {
                held.iter().filter_map(|test| self.wanted.get(test)).cloned().collect::<Vec<_>>()
            };
            let claims: Vec<Vec<Claim>> = self.held.iter().map(claims).collect();
            let alone = !claims.iter().flatten().any(|claim| claim.exclusive) || busy == 1;
            let holders = |lock: usize| {
                claims
                    .iter()
                    .filter(|held| {
                        held.iter().any(|it| it.locks.iter().any(|it| it.number == lock))
                    })
                    .count()
            };
            alone && holders(0) <= 1 && holders(1) <= 2
        }
    }

    /// Each test has its time, as far as there are times: heavy tails.
    fn forecast(suite: &[Arc<TestInfo>], times: &[u8]) -> Forecast {
        let took = |(test, &time): (&Arc<TestInfo>, &u8)| {
            let seconds = f64::from(time).powi(4) / 1e6;
            (test.nodeid.clone(), Took { setup: seconds / 3.0, rest: seconds })
        };
        let tests = suite.iter().zip(times).map(took).collect();
        let mut forecast = Forecast::new(Durations { tests, ..Durations::default() });
        forecast.learn(suite);
        forecast
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled(
            files in proptest::collection::vec(0u8..6, 1..60),
            asks in proptest::collection::vec((0usize..4, proptest::bool::weighted(0.1)), 0..400),
            mode in proptest::sample::select(DistMode::ALL),
            times in proptest::collection::vec(0u8..100, 0..60),
        ) {
            let ids: Vec<String> = files.iter().enumerate().map(|(n, f)| format!("{f}::{n}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let suite = suite(&ids);
            let slots = if mode == DistMode::No { 1 } else { 4 };
            let mut deal = Deal::new(mode, &suite, slots).expecting(forecast(&suite, &times)).longest_first();
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

        // Whatever tests claim, nobody runs beside what they must not, and nobody waits for ever.
        #[test]
        fn claims_are_kept_and_never_block_for_good(
            tests in proptest::collection::vec((0u8..5, 0u8..6), 1..40),
            ends in proptest::collection::vec((0usize..3, 0u8..10), 400),
            mode in proptest::sample::select(DistMode::ALL),
            times in proptest::collection::vec(0u8..100, 0..40),
        ) {
            let ids: Vec<String> = tests.iter().enumerate().map(|(n, (f, _))| format!("{f}::{n}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let wanted: HashMap<TestIndex, Claim> = (0u32..).zip(&tests).filter_map(|(n, (_, kind))| {
                let claim = |exclusive, locks: &[usize]| Some((TestIndex(n), Claim { exclusive, locks: locks.iter().map(|&number| Lock { number, capacity: number + 1 }).collect() }));
                match kind { 0 => claim(true, &[]), 1 => claim(false, &[0]), 2 => claim(false, &[0, 1]), 3 => claim(false, &[1]), _ => None }
            }).collect();
            let slots = if mode == DistMode::No { 1 } else { 3 };
            let suite = suite(&ids);
            let mut deal = Deal::new(mode, &suite, slots)
                .expecting(forecast(&suite, &times))
                .claiming(&Claims::new(wanted.clone()))
                .longest_first();
            let mut floor = Floor { held: vec![VecDeque::new(); slots], wanted };
            let mut ends = ends.into_iter().cycle();
            let mut run = 0;
            while deal.waiting() > 0 || floor.held.iter().any(|held| !held.is_empty()) {
                for slot in 0..slots {
                    if floor.held[slot].len() < 2 && let Some(unit) = deal.take(Slot(slot)) {
                        floor.held[slot].extend(unit);
                    }
                }
                prop_assert!(slots == 1 || floor.is_sound());
                prop_assert!(floor.held.iter().any(|held| !held.is_empty()), "all wait");
                let (slot, fate) = ends.next().expect("endless");
                let slot = slot % slots;
                if fate == 0 { // its worker dies; what it ran is tried again
                    deal.give_back(Slot(slot), floor.held[slot].drain(..).collect());
                } else if let Some(test) = floor.held[slot].pop_front() {
                    deal.done(Slot(slot), test);
                    run += 1;
                }
            }
            let copies = if mode == DistMode::Each { slots } else { 1 };
            prop_assert_eq!(run, tests.len() * copies);
        }
    }
}
