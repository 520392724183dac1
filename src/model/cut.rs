//! Long text without its middle.

use std::borrow::Cow;

/// Keeps the beginning and the end of a text that is longer than `limit` bytes, and says between
/// them what is missing. The result is longer than the limit by that note alone.
#[must_use]
pub fn without_middle(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let mut head = limit / 2;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - limit / 2;
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let missing = tail - head;
    let note = format!("\n[… pnl cut {missing} bytes out of {} …]\n", text.len());
    Cow::Owned([&text[..head], &note, &text[tail..]].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    #[test]
    fn what_fits_stays() {
        assert_eq!(without_middle("abcd", 4), "abcd");
    }

    #[test]
    fn the_middle_goes_and_is_counted() {
        assert_eq!(without_middle("abcdefgh", 4), "ab\n[… pnl cut 4 bytes out of 8 …]\ngh");
    }

    proptest! {
        #[test]
        fn cutting_never_splits_a_character(text in "\\PC{0,40}", limit in 0..60_usize) {
            let cut = without_middle(&text, limit);
            prop_assert!(cut.len() <= limit + 60);
        }
    }
}
