//! What is kept of failures, whatever tests write: no single one is longer than a limit, and all that
//! are in memory at a time share another.
//!
//! Reports hold failures as long as they need them: the terminal's summary each test's first one, the
//! `JUnit` file those of a round, a blocked report those that wait for it. So what counts is what is
//! alive, and not what a run has seen: a loop of a night loses nothing as long as its reports keep up.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use crate::model::{Failure, without_middle};

/// Bytes of one text. The worker cuts at 256 Ki characters, of four bytes at most.
const TEXT: usize = 1 << 20;

/// Bytes of all captured streams of a failure; the worker cuts at 2 Mi characters.
const SECTIONS: usize = 8 << 20;

/// Bytes of a message, or of a reason.
const LINE: usize = 16 << 10;

/// Bytes of failures that are in memory at a time. Beyond, only [`LITTLE`] is kept of each further
/// text. As much as the history keeps of a run, and more than anybody reads.
const ALIVE: usize = 64 << 20;

/// Bytes that are always kept of a text, and of captured streams together. A failure within that is
/// not counted: a test that is planned takes about as much without one.
const LITTLE: usize = 2 << 10;

/// The failures that somebody holds.
#[derive(Debug, Default)]
pub(super) struct Kept {
    alive: Vec<(Weak<Failure>, usize)>,
    bytes: usize,
}

impl Kept {
    /// A failure as it may go to the reports.
    pub(super) fn admit(&mut self, failure: Arc<Failure>) -> Arc<Failure> {
        let failure = if is_within(&failure, TEXT, SECTIONS) {
            failure
        } else {
            Arc::new(cut(&failure, TEXT, SECTIONS))
        };
        if is_within(&failure, LITTLE, LITTLE) {
            return failure;
        }
        let weight = weight(&failure);
        if self.bytes + weight > ALIVE {
            self.forget_dead();
        }
        if self.bytes + weight > ALIVE {
            return Arc::new(cut(&failure, LITTLE, LITTLE));
        }
        self.bytes += weight;
        self.alive.push((Arc::downgrade(&failure), weight));
        failure
    }

    fn forget_dead(&mut self) {
        self.alive.retain(|(failure, _)| failure.strong_count() > 0);
        self.bytes = self.alive.iter().map(|(_, weight)| weight).sum();
    }
}

/// A message or a reason as it may go to the reports.
pub(super) fn line(text: String) -> String {
    cut_to(LINE, text)
}

/// A notice, which may hold stacks.
pub(super) fn notice(text: String) -> String {
    cut_to(4 * LINE, text)
}

/// What pytest's session says at its end.
pub(super) fn block(text: String) -> String {
    cut_to(SECTIONS, text)
}

fn cut_to(limit: usize, text: String) -> String {
    match without_middle(&text, limit) {
        Cow::Borrowed(_) => text,
        Cow::Owned(cut) => cut,
    }
}

fn weight(failure: &Failure) -> usize {
    failure.message.len() + failure.text.len() + weight_of_sections(&failure.sections)
}

/// The constant keeps thousands of empty sections from being free.
fn weight_of_sections(sections: &[(String, String)]) -> usize {
    sections.iter().map(|(name, text)| name.len() + text.len() + 64).sum()
}

fn is_within(failure: &Failure, text: usize, sections: usize) -> bool {
    failure.message.len() <= LINE.min(text)
        && failure.text.len() <= text
        && weight_of_sections(&failure.sections) <= sections
}

fn cut(failure: &Failure, text: usize, sections: usize) -> Failure {
    let Failure { message, text: rendered, sections: streams, location } = failure;
    Failure {
        message: without_middle(message, LINE.min(text)).into_owned(),
        text: without_middle(rendered, text).into_owned(),
        sections: cut_sections(streams, sections),
        location: location.as_ref().map(|(file, line)| (self::line(file.clone()), *line)),
    }
}

/// All share one limit; those for which nothing is left are counted and dropped.
fn cut_sections(sections: &[(String, String)], limit: usize) -> Vec<(String, String)> {
    let mut left = limit;
    let mut kept = Vec::new();
    for (position, (name, text)) in sections.iter().enumerate() {
        if left == 0 {
            let dropped = sections.len() - position;
            kept.push(("pnl".to_owned(), format!("{dropped} more sections dropped")));
            break;
        }
        let name = without_middle(name, 256).into_owned();
        let text = without_middle(text, left.min(TEXT)).into_owned();
        left = left.saturating_sub(name.len() + text.len() + 64);
        kept.push((name, text));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing_with(text: usize, section: usize) -> Arc<Failure> {
        Arc::new(Failure {
            message: "no".to_owned(),
            text: "t".repeat(text),
            sections: vec![("Captured stdout call".to_owned(), "s".repeat(section))],
            location: None,
        })
    }

    #[test]
    fn an_ordinary_failure_is_not_copied() {
        let failure = failing_with(100_000, 200_000);
        assert!(Arc::ptr_eq(&Kept::default().admit(failure.clone()), &failure));
    }

    #[test]
    fn no_failure_is_longer_than_its_limits() {
        let admitted = Kept::default().admit(failing_with(3 * TEXT, 3 * SECTIONS));
        assert!(admitted.text.len() < TEXT + 100, "{}", admitted.text.len());
        assert!(admitted.text.contains("pnl cut 2097152 bytes out of 3145728"));
        assert!(weight_of_sections(&admitted.sections) < SECTIONS + 200);
        assert!(admitted.sections[0].1.contains("pnl cut "));
        let many = vec![(String::new(), String::new()); 1_000_000];
        let admitted =
            Kept::default().admit(Arc::new(Failure { sections: many, ..Failure::default() }));
        let last = admitted.sections.last().expect("some are kept");
        assert!(last.1.contains("more sections dropped"), "{last:?}");
        assert!(admitted.sections.len() < 150_000);
    }

    #[test]
    fn what_is_alive_is_bounded_and_what_is_gone_makes_room() {
        let mut kept = Kept::default();
        let held: Vec<_> = (0..400).map(|_| kept.admit(failing_with(TEXT, 0))).collect();
        let bytes: usize = held.iter().map(|it| weight(it)).sum();
        assert!(bytes <= ALIVE + 400 * 2 * LITTLE, "{bytes}");
        assert!(held[399].text.contains("pnl cut "));
        drop(held);
        assert_eq!(kept.admit(failing_with(TEXT, 0)).text.len(), TEXT);
    }
}
