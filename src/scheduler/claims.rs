//! What tests claim for themselves while they run: locks, or everything.
//!
//! A test's claims are taken all at once when it is given to a worker, and a worker never waits for
//! one while it holds another: it is not given what it could not start. So there is no deadlock,
//! whatever the claims are: when nobody holds a test, every test can be given.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::model::{Slot, TestIndex};

/// What one test claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// No other worker may hold a test.
    pub exclusive: bool,
    /// Each lock at most once.
    pub locks: Vec<Lock>,
}

/// Something that only so many workers may hold at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Which: the same lock has the same number in all tests.
    pub number: usize,
    /// How many workers may hold it, at least one.
    pub capacity: usize,
}

/// All claims of a round, and who holds what.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    wanted: HashMap<TestIndex, Claim>,
    /// Whether claims can be added while tests run.
    is_open: bool,
    /// For each lock, how many of its tests each slot holds.
    held: HashMap<usize, HashMap<Slot, usize>>,
    /// How many tests each slot holds, with or without claims.
    load: Vec<usize>,
    /// The slot that holds exclusive tests, and how many.
    exclusive: Option<(Slot, usize)>,
}

impl Claims {
    /// These claims. Tests that claim nothing are left out.
    #[must_use]
    pub fn new(wanted: HashMap<TestIndex, Claim>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// The same claims with nothing held, for so many workers. One alone cannot disturb itself.
    pub(super) fn for_round(&self, slots: usize) -> Self {
        if slots < 2 || self.wanted.is_empty() {
            return Self::default();
        }
        Self { wanted: self.wanted.clone(), load: vec![0; slots], ..Self::default() }
    }

    /// None yet, for so many workers.
    pub(super) fn open(slots: usize) -> Self {
        Self { is_open: true, load: vec![0; slots], ..Self::default() }
    }

    /// One more claim, of a test that nobody holds.
    pub(super) fn add(&mut self, test: TestIndex, claim: Claim) {
        if claim != Claim::default() {
            self.wanted.insert(test, claim);
        }
    }

    /// Whether no test can claim anything: then nothing here costs anything either.
    pub(super) fn is_idle(&self) -> bool {
        self.wanted.is_empty() && !self.is_open
    }

    /// Whether no test is known that claims something.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether this test claims something.
    pub(super) fn has(&self, test: TestIndex) -> bool {
        self.wanted.contains_key(&test)
    }

    /// The tests of each lock with its capacity, in the order of the locks. A test of several locks
    /// is with the first of them.
    pub(super) fn by_lock(&self) -> BTreeMap<usize, (usize, HashSet<TestIndex>)> {
        let mut locks: BTreeMap<usize, (usize, HashSet<TestIndex>)> = BTreeMap::new();
        for (&test, claim) in &self.wanted {
            if let Some(lock) = claim.locks.first() {
                let tests = locks.entry(lock.number).or_insert((lock.capacity, HashSet::new()));
                tests.1.insert(test);
            }
        }
        locks
    }

    /// Whether an exclusive test is held by anyone.
    pub(super) fn is_exclusive_now(&self) -> bool {
        self.exclusive.is_some()
    }

    /// Whether `slot` may be given this test now. What one worker holds it runs one after the
    /// other, so its own claims never stand in its way.
    pub(super) fn allow(&self, slot: Slot, test: TestIndex) -> bool {
        if self.is_idle() {
            return true;
        }
        if self.exclusive.is_some_and(|(holder, _)| holder != slot) {
            return false;
        }
        let Some(claim) = self.wanted.get(&test) else { return true };
        let is_alone =
            || (0..self.load.len()).all(|other| other == slot.0 || self.load[other] == 0);
        let is_free = |lock: &Lock| {
            let holders = self.held.get(&lock.number).into_iter().flat_map(HashMap::keys);
            holders.filter(|&&holder| holder != slot).count() < lock.capacity
        };
        (!claim.exclusive || is_alone()) && claim.locks.iter().all(is_free)
    }

    /// `slot` is given this test.
    pub(super) fn take(&mut self, slot: Slot, test: TestIndex) {
        if self.is_idle() {
            return;
        }
        self.load[slot.0] += 1;
        let Some(claim) = self.wanted.get(&test) else { return };
        for lock in &claim.locks {
            *self.held.entry(lock.number).or_default().entry(slot).or_default() += 1;
        }
        if claim.exclusive {
            self.exclusive = Some((slot, self.exclusive.map_or(1, |(_, tests)| tests + 1)));
        }
    }

    /// `slot` has no longer this test.
    pub(super) fn release(&mut self, slot: Slot, test: TestIndex) {
        if self.is_idle() {
            return;
        }
        self.load[slot.0] -= 1;
        let Some(claim) = self.wanted.get(&test) else { return };
        for lock in &claim.locks {
            let holders = self.held.entry(lock.number).or_default();
            if let Some(tests) = holders.get_mut(&slot) {
                *tests -= 1;
                if *tests == 0 {
                    holders.remove(&slot);
                }
            }
        }
        if claim.exclusive {
            self.exclusive =
                self.exclusive.and_then(|(slot, tests)| (tests > 1).then(|| (slot, tests - 1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Slot = Slot(0);
    const B: Slot = Slot(1);

    fn claims(wanted: &[(u32, Claim)]) -> Claims {
        let wanted = wanted.iter().map(|(test, claim)| (TestIndex(*test), claim.clone())).collect();
        Claims::new(wanted).for_round(3)
    }

    /// Lock 0 has room for two.
    fn lock(locks: &[usize]) -> Claim {
        let lock = |&number: &usize| Lock { number, capacity: 2 - number };
        Claim { exclusive: false, locks: locks.iter().map(lock).collect() }
    }

    #[test]
    fn a_lock_has_as_many_holders_as_its_capacity() {
        let mut claims = claims(&[(0, lock(&[0])), (1, lock(&[0])), (2, lock(&[0, 1]))]);
        claims.take(A, TestIndex(0));
        assert!(claims.allow(B, TestIndex(1)));
        claims.take(B, TestIndex(1));
        assert!(!claims.allow(Slot(2), TestIndex(2)));
        assert!(claims.allow(A, TestIndex(2)), "it holds the lock already");
        claims.release(B, TestIndex(1));
        assert!(claims.allow(Slot(2), TestIndex(2)));
    }

    #[test]
    fn an_exclusive_test_waits_for_all_and_all_wait_for_it() {
        let alone = Claim { exclusive: true, locks: Vec::new() };
        let mut claims = claims(&[(0, alone)]);
        claims.take(B, TestIndex(7));
        assert!(!claims.allow(A, TestIndex(0)));
        assert!(claims.allow(B, TestIndex(0)), "it would run after its own");
        claims.release(B, TestIndex(7));
        claims.take(A, TestIndex(0));
        assert!(!claims.allow(B, TestIndex(8)));
        assert!(claims.allow(A, TestIndex(8)));
        claims.release(A, TestIndex(0));
        assert!(claims.allow(B, TestIndex(8)));
    }

    #[test]
    fn one_worker_alone_needs_no_claims() {
        let claims = Claims::new([(TestIndex(0), lock(&[0]))].into());
        assert!(claims.for_round(1).is_empty());
    }
}
