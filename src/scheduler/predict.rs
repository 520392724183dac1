//! How long a round of files would take if every test took as long as is expected of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::files::Files;
use super::forecast::Forecast;
use crate::model::TestIndex;

/// What a slot does at some time of the forecast round.
#[derive(Clone, Copy, Default)]
struct Desk {
    last: Option<TestIndex>,
    next: Option<TestIndex>,
}

/// Deals the files to workers that are each bound to one test beyond the one they run, and returns
/// when the last of them ends.
pub(super) fn seconds(mut files: Files, forecast: &Forecast) -> f64 {
    let slots = files.slots();
    let mut desks = vec![Desk::default(); slots];
    for (slot, desk) in desks.iter_mut().enumerate() {
        desk.next = files.take(slot, &|_| true, forecast);
    }
    // Times are not negative, and so in the order of their bits.
    let mut free: BinaryHeap<_> = (0..slots).map(|slot| Reverse((0_f64.to_bits(), slot))).collect();
    let mut end = 0.0_f64;
    while let Some(Reverse((at, slot))) = free.pop() {
        let mut take = || files.take(slot, &|_| true, forecast);
        let desk = &mut desks[slot];
        let Some(test) = desk.next.take().or_else(&mut take) else { continue };
        let stays = desk.last.is_some_and(|last| forecast.share_file(last, test));
        let begins = if stays { 0.0 } else { forecast.shared(test) };
        let ends = f64::from_bits(at) + begins + forecast.seconds(test);
        *desk = Desk { last: Some(test), next: take() };
        end = end.max(ends);
        free.push(Reverse((ends.to_bits(), slot)));
    }
    end
}
