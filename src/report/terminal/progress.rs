//! How far the run is: the words for it, and when a plain display says them.

use crate::model::{Offset, OutcomeKind};
use crate::report::summary::Summary;
use crate::report::text::{self, counted};

/// Plain lines are at least this far apart, and a run that is over sooner has none.
const APART: f64 = 10.0;

/// After so long a line comes although nothing has moved, so that a log shows life.
const SILENCE: f64 = 60.0;

/// Before so many seconds an estimate would mostly say how long start-up took.
const EARLIEST_ESTIMATE: f64 = 2.0;

/// `round 2 of 10, 137 of 1200 tests, 2 failed, 12.3 s, about 1 m 30 s left`.
pub(crate) fn status(summary: &Summary, now: Offset) -> String {
    let counts = summary.counts();
    let done = counts.total();
    let mut parts = Vec::new();
    if let Some(round) = summary.rounds().last().filter(|_| summary.is_loop()) {
        parts.push(match summary.run().and_then(|run| run.rounds_planned) {
            Some(planned) => format!("round {} of {planned}", round.round),
            None => match summary.rounds_expected() {
                Some(expected) => format!("round {} of about {expected}", round.round),
                None => format!("round {}", round.round),
            },
        });
    }
    parts.push(match summary.planned() {
        Some(planned) => format!("{done} of {}", counted(planned, "test")),
        None if let Some((found, left)) = summary.found_so_far() => {
            let files = counted(left as u64, "file");
            format!("{done} of {} or more, {files} to collect", counted(found, "test"))
        }
        None if done == 0 && summary.planned_in_latest_round().is_none() => "collecting".to_owned(),
        None => counted(done, "test"),
    });
    let (bad, odd): (Vec<_>, Vec<_>) = counts
        .nonzero()
        .filter(|(kind, _)| *kind != OutcomeKind::Passed)
        .map(|(kind, count)| (kind.is_failure(), format!("{count} {}", kind.label())))
        .partition(|(is_failure, _)| *is_failure);
    parts.extend(bad.into_iter().map(|(_, words)| words));
    parts.push(text::duration(now.seconds()));
    if let Some(left) = estimate(summary, now) {
        parts.push(format!("about {} left", text::duration(left)));
    }
    // Last, because a narrow terminal cuts the end.
    parts.extend(odd.into_iter().map(|(_, words)| words));
    parts.join(", ")
}

/// Seconds left if the rest goes as what is done went.
fn estimate(summary: &Summary, now: Offset) -> Option<f64> {
    let done = summary.counts().total();
    let left = summary.planned()?.checked_sub(done)?;
    let told = done > 0 && left > 0 && now.seconds() >= EARLIEST_ESTIMATE;
    told.then(|| (now.seconds() * left as f64 / done as f64).max(1.0))
}

/// Decides when a plain display has a progress line.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    last: f64,
    tenths: u64,
}

impl Pace {
    /// Whether one is due: another tenth of the tests is done, but not the last, or it was silent
    /// for long.
    pub(crate) fn due(&mut self, summary: &Summary, now: Offset) -> bool {
        let since = now.seconds() - self.last;
        if since < APART || summary.ended().is_some() {
            return false;
        }
        let done = summary.counts().total();
        let planned = summary.planned().filter(|&planned| planned > 0);
        let tenths = planned.map_or(0, |planned| done * 10 / planned);
        let over = planned.is_some_and(|planned| done >= planned);
        if over || (tenths <= self.tenths && since < SILENCE) {
            return false;
        }
        self.last = now.seconds();
        self.tenths = tenths;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Event, What};
    use crate::report::sample::{Ending, Story};

    fn summary(rounds_planned: Option<u32>, rounds: usize) -> Summary {
        let mut story = Story::new(&["a.py::x", "a.py::y"], rounds_planned);
        for _ in 0..rounds {
            story.round(&[Ending::Pass, Ending::Fail("no")]);
        }
        let mut summary = Summary::default();
        story.events().iter().for_each(|event| summary.event(event));
        summary
    }

    #[test]
    fn status_says_what_is_known() {
        let at = |seconds: u64| Offset(seconds * 1_000_000);
        assert_eq!(status(&Summary::default(), at(1)), "collecting, 1.0 s");
        assert_eq!(status(&summary(Some(1), 0), at(1)), "0 of 2 tests, 1.0 s");
        assert_eq!(
            status(&summary(Some(10), 2), at(20)),
            "round 2 of 10, 4 of 20 tests, 2 failed, 20.0 s, about 1 m 20 s left"
        );
        assert_eq!(status(&summary(None, 2), at(20)), "round 2, 4 tests, 2 failed, 20.0 s");
    }

    #[test]
    fn what_was_found_is_said_while_files_are_collected() {
        let found = |tests, left| What::FileCollected {
            file: std::sync::Arc::from("a.py"),
            elapsed: 0.1,
            tests,
            left,
        };
        let mut summary = Summary::default();
        for what in [found(2, 4), found(3, 1)] {
            summary.event(&Event { at: Offset(0), round: None, worker: None, what });
        }
        let status = status(&summary, Offset(1_000_000));
        assert_eq!(status, "0 of 5 tests or more, 1 file to collect, 1.0 s");
    }

    #[test]
    fn plain_progress_is_rare() {
        let (mut pace, some) = (Pace::default(), summary(Some(10), 2));
        let mut due = |seconds: u64| pace.due(&some, Offset(seconds * 1_000_000));
        // A short run is silent; then a tenth was passed; then nothing moves for a minute.
        assert_eq!([9, 10, 25, 69, 70, 71].map(&mut due), [false, true, false, false, true, false]);
        // The totals follow at once.
        assert!(!Pace::default().due(&summary(Some(2), 2), Offset(20_000_000)));
    }
}
