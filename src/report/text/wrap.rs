//! A sentence in lines of a width.

use super::{start_of_width, width};

/// Breaks a cleaned line at its spaces into lines of at most `limit` columns; a word that is wider
/// is broken anywhere.
#[must_use]
pub fn wrapped(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for mut word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && width(&line) + 1 + width(word) > limit {
            lines.push(std::mem::take(&mut line));
        }
        while width(word) > limit {
            let part = start_of_width(word, limit);
            lines.push(part.to_owned());
            word = &word[part.len()..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("fails in 9 of 12", 8), ["fails in", "9 of 12"]);
        assert_eq!(wrapped("a tests/test_a.py::b c", 8), ["a", "tests/te", "st_a.py:", ":b c"]);
        assert_eq!(wrapped("日本語 日本語", 4), ["日本", "語", "日本", "語"]);
        assert_eq!(wrapped("", 8), [""; 0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_all_fits(text in "[ a-z日]{0,60}", limit in 2usize..20) {
            let lines = wrapped(&text, limit);
            prop_assert!(lines.iter().all(|line| width(line) <= limit && !line.is_empty()));
            prop_assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
