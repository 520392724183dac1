//! Taking tests out of queues: who may have which.

use std::collections::VecDeque;

use super::units::Unit;
use crate::model::TestIndex;

/// A queue of tests for each slot.
pub(super) type Queues = Vec<VecDeque<TestIndex>>;

/// Whether a test may be given now.
pub(super) type Allowed<'a> = &'a dyn Fn(TestIndex) -> bool;

/// The first unit with a test that is allowed.
pub(super) fn take_unit(units: &mut VecDeque<Unit>, allowed: Allowed<'_>) -> Option<Unit> {
    let at = units.iter().position(|unit| unit.iter().any(|&test| allowed(test)))?;
    units.remove(at)
}

/// The first test that is allowed.
pub(super) fn take_first(
    queue: &mut VecDeque<TestIndex>,
    allowed: Allowed<'_>,
) -> Option<TestIndex> {
    let at = queue.iter().position(|&test| allowed(test))?;
    queue.remove(at)
}

/// The slot's own first, else, where its own must wait, the last of another's.
pub(super) fn take_any(
    queues: &mut [VecDeque<TestIndex>],
    slot: usize,
    allowed: Allowed<'_>,
) -> Option<TestIndex> {
    take_first(&mut queues[slot], allowed).or_else(|| {
        queues.iter_mut().find_map(|queue| {
            let at = queue.iter().rposition(|&test| allowed(test))?;
            queue.remove(at)
        })
    })
}

/// Takes half from the end of whichever queue has most to do: about half of the seconds, but one
/// test at least. `cost` is what it takes to begin there, for the one who takes; where that is more
/// than all there is to do, nothing is taken.
pub(super) fn steal(
    queues: &mut [VecDeque<TestIndex>],
    seconds: impl Fn(TestIndex) -> f64,
    cost: impl Fn(TestIndex) -> f64,
) -> VecDeque<TestIndex> {
    let work = |queue: &VecDeque<TestIndex>| queue.iter().map(|&test| seconds(test)).sum::<f64>();
    let gain = |queue: &VecDeque<TestIndex>| work(queue) - queue.back().map_or(0.0, |&it| cost(it));
    let filled = queues.iter_mut().filter(|queue| !queue.is_empty());
    let most = filled.max_by(|a, b| gain(a).total_cmp(&gain(b)));
    let Some(most) = most.filter(|queue| queue.back().is_some_and(|&it| work(queue) > cost(it)))
    else {
        return VecDeque::new();
    };
    let count = half(most.iter().map(|&test| seconds(test)), gain(most));
    most.split_off(most.len() - count)
}

/// How many tests from the end are about half of these seconds; one at least, of any.
pub(super) fn half(
    tests: impl DoubleEndedIterator<Item = f64> + ExactSizeIterator,
    all: f64,
) -> usize {
    let most = tests.len();
    let mut sum = 0.0;
    let is_nearer = |seconds: f64| {
        // The nearest to half; where two are as near, the greater, as xdist rounds.
        let next = sum + seconds;
        let goes = next <= all / 2.0 || next - all / 2.0 <= all / 2.0 - sum;
        sum = next;
        goes
    };
    tests.rev().map(is_nearer).take_while(|&goes| goes).count().max(1).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queues(tests: &[&[u32]]) -> Queues {
        tests.iter().map(|queue| queue.iter().map(|&test| TestIndex(test)).collect()).collect()
    }

    /// A test takes as many seconds as its number says.
    fn stolen(queues: &mut Queues) -> Vec<u32> {
        let seconds = |test: TestIndex| f64::from(test.0);
        steal(queues, seconds, |_| 0.0).into_iter().map(|test| test.0).collect()
    }

    #[test]
    fn half_of_the_seconds_is_stolen_not_half_of_the_tests() {
        let mut all = queues(&[&[2, 2, 2, 2], &[1, 1, 1, 1, 1, 12], &[]]);
        assert_eq!(stolen(&mut all), [12], "the other five have 5");
        assert_eq!(stolen(&mut all), [2, 2]);
        assert_eq!(stolen(&mut all), [1, 1, 1]);
        assert_eq!(all, queues(&[&[2, 2], &[1, 1], &[]]));
    }

    #[test]
    fn the_last_test_of_all_can_be_stolen_and_then_nothing() {
        let mut all = queues(&[&[], &[7]]);
        assert_eq!(stolen(&mut all), [7]);
        assert_eq!(stolen(&mut all), [0; 0]);
    }

    #[test]
    fn less_is_stolen_where_it_takes_time_to_begin() {
        let mut all = queues(&[&[1, 1, 1, 1, 1, 1, 1, 1], &[]]);
        let stolen = steal(&mut all, |_| 1.0, |_| 4.0);
        assert_eq!((stolen.len(), all[0].len()), (2, 6), "both take six seconds");
        assert_eq!(steal(&mut all, |_| 1.0, |_| 6.0).len(), 0, "they are through by then");
    }
}
