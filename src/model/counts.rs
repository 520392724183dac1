//! Sums of outcomes.

use std::ops::AddAssign;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::outcome::OutcomeKind;

/// How many executions ended in each way. The sum is what was planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; OutcomeKind::ALL.len()]);

impl Counts {
    /// Adds one execution.
    pub fn add(&mut self, kind: OutcomeKind) {
        self.add_many(kind, 1);
    }

    /// Adds several executions that ended alike.
    pub fn add_many(&mut self, kind: OutcomeKind, count: u64) {
        self.0[kind as usize] += count;
    }

    /// How many ended so.
    #[must_use]
    pub fn get(&self, kind: OutcomeKind) -> u64 {
        self.0[kind as usize]
    }

    /// All of them: what was planned.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Failed, error, timed out and crashed together: what makes the run exit with 1.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.sum_of(OutcomeKind::is_failure)
    }

    /// Those that ran to a judgement: the denominator of rates.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.sum_of(OutcomeKind::ran)
    }

    /// Kinds with their counts, those of zero left out.
    pub fn nonzero(&self) -> impl Iterator<Item = (OutcomeKind, u64)> + '_ {
        OutcomeKind::ALL.into_iter().map(|kind| (kind, self.get(kind))).filter(|&(_, n)| n > 0)
    }

    fn sum_of(&self, wanted: fn(OutcomeKind) -> bool) -> u64 {
        OutcomeKind::ALL.into_iter().filter(|&kind| wanted(kind)).map(|kind| self.get(kind)).sum()
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// As a map with one key for each kind, zero or not.
impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(OutcomeKind::ALL.len()))?;
        for kind in OutcomeKind::ALL {
            map.serialize_entry(kind.name(), &self.get(kind))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_match() {
        let mut counts = Counts::default();
        for kind in OutcomeKind::ALL {
            counts.add(kind);
        }
        counts.add_many(OutcomeKind::Crashed, 2);
        assert_eq!(counts.total(), 12);
        assert_eq!(counts.failures(), 6);
        assert_eq!(counts.executed(), 9);
    }
}
