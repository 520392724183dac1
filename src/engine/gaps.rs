//! The self-check: where what was executed is not what pytest collected.
//!
//! All engines record through [`super::record::Record`], so there is one check for all of them. It
//! is asked when a round closes; what it finds ends the run as an internal error (exit code 3),
//! because a green run of a part of the tests is the worst that a runner can do.

use crate::model::NodeId;

/// How many tests are named.
const NAMED: usize = 5;

/// What is wrong in a round so far.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Tests that pytest announced and that never came in its list.
    pub(super) unlisted: usize,
    /// Tests of which no outcome was reported.
    pub(super) unreported: Vec<NodeId>,
    /// Tests with more outcomes than planned executions.
    pub(super) doubled: Vec<NodeId>,
}

impl Gaps {
    /// What is wrong, in sentences without a last full stop; none if nothing is.
    #[must_use]
    pub(super) fn sentence(&self, collected: usize) -> Option<String> {
        let mut sentences = Vec::new();
        if self.unlisted > 0 {
            let announced = collected + self.unlisted;
            let text = format!("pytest announced {announced} tests and listed {collected} of them");
            sentences.push(text);
        }
        if !self.unreported.is_empty() {
            sentences.push(format!(
                "no outcome was reported of {} that pytest collected: {}. Where pytest itself is \
                 silent about them too, a plugin or a conftest (pytest_runtest_protocol) keeps \
                 them from running",
                tests(self.unreported.len()),
                named(&self.unreported)
            ));
        }
        if !self.doubled.is_empty() {
            sentences.push(format!(
                "{} had more outcomes than were planned, of which the first was counted: {}",
                tests(self.doubled.len()),
                named(&self.doubled)
            ));
        }
        (!sentences.is_empty()).then(|| sentences.join(". "))
    }
}

fn tests(count: usize) -> String {
    format!("{count} {}", if count == 1 { "test" } else { "tests" })
}

fn named(ids: &[NodeId]) -> String {
    let first: Vec<&str> = ids.iter().take(NAMED).map(NodeId::as_str).collect();
    let more = match ids.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    first.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<NodeId> {
        (0..count).map(|n| NodeId::new(&format!("t.py::test_{n}"))).collect()
    }

    #[test]
    fn nothing_wrong_is_no_sentence() {
        assert_eq!(Gaps::default().sentence(3), None);
    }

    #[test]
    fn the_first_few_are_named() {
        let gaps = Gaps { unreported: ids(7), ..Gaps::default() };
        let sentence = gaps.sentence(9).expect("something is wrong");
        assert!(sentence.starts_with("no outcome was reported of 7 tests"), "{sentence}");
        assert!(sentence.contains("t.py::test_4 and 2 more."), "{sentence}");
        assert!(!sentence.contains("test_5"), "{sentence}");
    }

    #[test]
    fn each_kind_is_told() {
        let gaps = Gaps { unlisted: 1, doubled: ids(1), ..Gaps::default() };
        assert_eq!(
            gaps.sentence(2).as_deref(),
            Some(
                "pytest announced 3 tests and listed 2 of them. 1 test had more outcomes than were \
                 planned, of which the first was counted: t.py::test_0"
            )
        );
    }
}
