//! Keeps one test's endless output from filling the disk.

use std::borrow::Cow;

use crate::model::{Failure, without_middle};

/// The longest text that is kept whole, in bytes: about 3,000 lines of a traceback.
const TEXT: usize = 256 * 1024;

/// The longest one-liner that is kept whole, in bytes.
const LINE: usize = 4 * 1024;

/// When a run's failures take more than this, in bytes, only [`LINE`] of each further text is kept.
/// A night's loop over a test that fails with 256 KiB each time would otherwise take gigabytes.
const RUN: usize = 64 * 1024 * 1024;

/// What a run may still write.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Budget {
    spent: usize,
}

/// A failure as it goes into its row.
pub(super) struct BoundedFailure<'f> {
    pub(super) message: Cow<'f, str>,
    pub(super) text: Cow<'f, str>,
    /// JSON: a list of pairs of name and text.
    pub(super) sections: String,
}

impl Budget {
    /// Cuts what is too long.
    pub(super) fn bound<'f>(&mut self, failure: &'f Failure) -> BoundedFailure<'f> {
        let limit = if self.spent < RUN { TEXT } else { LINE };
        let bounded = BoundedFailure {
            message: line(&failure.message),
            text: without_middle(&failure.text, limit),
            sections: sections(&failure.sections, limit),
        };
        self.spent += bounded.message.len() + bounded.text.len() + bounded.sections.len();
        bounded
    }
}

/// A one-liner: a message, or the reason of a skip.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    without_middle(text, LINE)
}

/// All sections share one limit; those for which nothing is left are counted and dropped.
fn sections(sections: &[(String, String)], limit: usize) -> String {
    let mut left = limit;
    let mut kept = Vec::new();
    for (position, (name, text)) in sections.iter().enumerate() {
        if left == 0 {
            let dropped = sections.len() - position;
            kept.push((
                Cow::Borrowed("pnl"),
                Cow::Owned(format!("{dropped} more sections dropped")),
            ));
            break;
        }
        let (name, text) = (line(name), without_middle(text, left));
        // The constant keeps thousands of empty sections from being free.
        left = left.saturating_sub(name.len() + text.len() + 16);
        kept.push((name, text));
    }
    serde_json::to_string(&kept).expect("pairs of strings are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_has_spent_its_budget_keeps_lines_only() {
        let failure = Failure { text: "x".repeat(TEXT), ..Failure::default() };
        let mut budget = Budget::default();
        assert_eq!(budget.bound(&failure).text.len(), TEXT);
        budget.spent = RUN;
        assert!(budget.bound(&failure).text.len() < LINE + 100);
    }

    #[test]
    fn sections_share_one_limit() {
        let many = vec![("Captured stdout call".to_owned(), "y".repeat(TEXT)); 4];
        let kept: Vec<(String, String)> =
            serde_json::from_str(&sections(&many, TEXT)).expect("JSON");
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[1].1, "3 more sections dropped");
    }
}
