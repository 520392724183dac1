//! Offsets at which two tests are started beside each other.
//!
//! What they race for may be open for a small part of their time, so the offset is swept over both:
//! first those that were recorded when it failed, then together, then by halves, quarters and eighths.
//! An offset at which it failed is taken more often from then on. That biases nothing: if the other
//! test makes no difference, no offset does.

use std::time::Duration;

/// How much later one of them begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Skew {
    /// By how much.
    pub by: Duration,
    /// Whether that is the victim.
    pub victim_is_later: bool,
}

/// The offsets for a pair.
#[derive(Debug, Clone)]
pub(super) struct Sweep {
    skews: Vec<Skew>,
    tried: Vec<u64>,
    failed: Vec<u64>,
    turn: usize,
    last: usize,
}

/// In this order each doubles the fineness.
const EIGHTHS: [u32; 7] = [4, 2, 6, 1, 3, 5, 7];

impl Sweep {
    /// For tests that take so long, beginning with what was recorded.
    pub fn new(recorded: &[Skew], victim: Duration, other: Duration) -> Self {
        let mut skews = recorded.to_vec();
        skews.push(Skew { by: Duration::ZERO, victim_is_later: false });
        for eighth in EIGHTHS {
            skews.push(Skew { by: other * eighth / 8, victim_is_later: true });
            skews.push(Skew { by: victim * eighth / 8, victim_is_later: false });
        }
        let counts = vec![0; skews.len()];
        Self { tried: counts.clone(), failed: counts, skews, turn: 0, last: 0 }
    }

    /// How many offsets there are.
    pub fn len(&self) -> usize {
        self.skews.len()
    }

    /// The offset of the next trial, with its place.
    pub fn next(&mut self) -> (usize, Skew) {
        self.turn += 1;
        let best = (0..self.len())
            .filter(|&at| self.failed[at] > 0)
            .max_by_key(|&at| self.failed[at] * 1000 / self.tried[at]);
        // Of four trials one still goes on, because another offset may be better.
        let at = match best {
            Some(at) if !self.turn.is_multiple_of(4) => at,
            Some(_) | None => (0..self.len()).min_by_key(|&at| self.tried[at]).unwrap_or(0),
        };
        self.tried[at] += 1;
        self.last = at;
        (at, self.skews[at])
    }

    /// The offset of the last trial.
    pub fn last(&self) -> Skew {
        self.skews[self.last]
    }

    /// Takes in that the trial at that place failed.
    pub fn failed(&mut self, at: usize) {
        self.failed[at] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn all_offsets_are_tried_and_what_failed_is_tried_more() {
        let mut sweep = Sweep::new(&[], 80 * MS, 40 * MS);
        let first: Vec<usize> = (0..sweep.len()).map(|_| sweep.next().0).collect();
        assert_eq!(first, (0..15).collect::<Vec<_>>());
        sweep.failed(3);
        let then: Vec<usize> = (0..8).map(|_| sweep.next().0).collect();
        assert_eq!(then.iter().filter(|&&at| at == 3).count(), 6);
        assert_eq!(sweep.skews[1], Skew { by: 20 * MS, victim_is_later: true });
        assert_eq!(sweep.skews[2], Skew { by: 40 * MS, victim_is_later: false });
    }
}
