//! Untrusted text made fit for a terminal, and text made to fit a width.
//!
//! Node ids, tracebacks and captured output are the suite's words. A parametrized id may hold an
//! escape sequence that clears the screen, and a right-to-left override makes one name look like
//! another. Nothing of that reaches a terminal or a file for people except through [`clean`].

mod wrap;

pub use wrap::wrapped;

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar;

/// What [`clean`] leaves as it is, beside ordinary characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: the result is one line without tabs.
    Nothing,
    /// Line ends and tabs. Colour sequences are dropped, since they would only be noise.
    Lines,
    /// Line ends, tabs and colour sequences; the result ends with a reset where it has any.
    LinesAndColor,
}

/// Turns control characters, escape sequences and bidirectional overrides into visible escapes
/// such as `\x1b`. `\r\n` counts as a line end.
#[must_use]
pub fn clean(text: &str, keep: Keep) -> Cow<'_, str> {
    if !text.contains(|c| is_dangerous(c) && !(is_layout(c) && keep != Keep::Nothing)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut colored = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if keep != Keep::Nothing {
            if let Some(length) = color_sequence(rest) {
                if keep == Keep::LinesAndColor {
                    out.push_str(&rest[..length]);
                    colored = true;
                }
                rest = &rest[length..];
                continue;
            }
            if is_layout(c) || rest.starts_with("\r\n") {
                if c != '\r' {
                    out.push(c);
                }
                rest = &rest[1..];
                continue;
            }
        }
        if is_dangerous(c) {
            push_escape(&mut out, c);
        } else {
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    if colored {
        out.push_str("\x1b[0m");
    }
    Cow::Owned(out)
}

/// [`clean`] for a single line: a node id, a message.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    clean(text, Keep::Nothing)
}

fn is_layout(c: char) -> bool {
    matches!(c, '\n' | '\t')
}

/// Whether a character could move the cursor, reverse or break a line, or is no character at all.
pub(super) fn is_dangerous(c: char) -> bool {
    c.is_control() || is_bidi_or_separator(c) || is_no_character(c)
}

/// Allowed in a `str` and forbidden in XML.
fn is_no_character(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// The characters of Unicode TR36's "bidirectional text spoofing", and the two line separators.
fn is_bidi_or_separator(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn push_escape(out: &mut String, c: char) {
    let number = u32::from(c);
    // Writing to a String cannot fail.
    let _ = match c {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        _ if number < 0x100 => write!(out, "\\x{number:02x}"),
        _ => write!(out, "\\u{number:04x}"),
    };
}

/// The length of the SGR sequence (`ESC [ … m`) that `text` begins with.
fn color_sequence(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|c: char| !matches!(c, '0'..='9' | ';' | ':'))?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

/// How many columns a terminal needs for a cleaned line. Emoji that join into one picture are
/// counted apart, as many terminals draw them.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Cuts a cleaned line to `limit` columns by replacing its middle with `…`: a node id tells its
/// file in front and its test and parameters at the end.
#[must_use]
pub fn cut_middle(text: &str, limit: usize) -> Cow<'_, str> {
    if width(text) <= limit {
        return Cow::Borrowed(text);
    }
    let Some(room) = limit.checked_sub(1) else { return Cow::Borrowed("") };
    let tail = end_of_width(text, room.div_ceil(2));
    let head = start_of_width(text, room - width(tail));
    Cow::Owned(format!("{head}…{tail}"))
}

/// Cuts a cleaned line to `limit` columns at its end.
#[must_use]
pub fn cut_end(text: &str, limit: usize) -> Cow<'_, str> {
    if width(text) <= limit {
        return Cow::Borrowed(text);
    }
    let Some(room) = limit.checked_sub(1) else { return Cow::Borrowed("") };
    Cow::Owned(format!("{}…", start_of_width(text, room)))
}

fn start_of_width(text: &str, limit: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += char_width(c);
        if used > limit {
            return &text[..at];
        }
    }
    text
}

/// The longest end of `text` that fits and does not begin inside a combined character.
fn end_of_width(text: &str, limit: usize) -> &str {
    let mut used = 0;
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        used += char_width(c);
        if used > limit {
            break;
        }
        if char_width(c) > 0 {
            start = at;
        }
    }
    &text[start..]
}

/// Seconds for people: `0.01 s`, `41.2 s`, `3 m 05 s`, `2 h 03 m`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    // The limits are where rounding would print the next unit's value ("60.0 s").
    if seconds < 0.995 {
        return format!("{seconds:.2} s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{} m {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} m", whole / 3600, whole % 3600 / 60)
    }
}

/// A count with its noun: `1 test`, `20 tests`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A share as a percentage. Never 0% or 100% for what is neither.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if share > 0.0 && percent < 0.01 {
        "<0.01%".to_owned()
    } else if share < 1.0 && percent >= 99.5 {
        ">99%".to_owned()
    } else if percent >= 9.95 || share <= 0.0 {
        format!("{percent:.0}%")
    } else if percent >= 0.1 {
        format!("{percent:.1}%")
    } else {
        format!("{percent:.2}%")
    }
}

/// Paints text, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// With ANSI sequences.
    Color,
    /// Without.
    Plain,
}

/// What a piece of text is, as far as its colour goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Failures.
    Bad,
    /// Passes.
    Good,
    /// Skips, expected failures, warnings.
    Odd,
    /// What may be overlooked: workers, times.
    Dim,
    /// What should be seen.
    Strong,
}

impl Palette {
    /// `text` in its tone's colour.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Color => {
                let style = tone.style();
                format!("{style}{text}{style:#}")
            }
        }
    }

    /// What [`clean`] may keep of text that has lines.
    #[must_use]
    pub fn keep(self) -> Keep {
        match self {
            Self::Color => Keep::LinesAndColor,
            Self::Plain => Keep::Lines,
        }
    }
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Odd => AnsiColor::Yellow.on_default(),
            Self::Dim => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_is_not_copied() {
        assert!(matches!(clean("test_ü[日本]", Keep::Nothing), Cow::Borrowed(_)));
        assert!(matches!(clean("a\n\tb", Keep::Lines), Cow::Borrowed(_)));
    }

    #[test]
    fn controls_become_visible() {
        assert_eq!(
            line("a\x1b[2Jb\0\r\n\tc\u{9b}31m\u{7f}"),
            "a\\x1b[2Jb\\x00\\r\\n\\tc\\x9b31m\\x7f"
        );
        assert_eq!(line("x\u{202e}txt.py\u{2066}\u{ffff}"), "x\\u202etxt.py\\u2066\\uffff");
        assert_eq!(
            clean("10%\r20%\r\nend\x1b]0;title\x07", Keep::Lines),
            "10%\\r20%\nend\\x1b]0;title\\x07"
        );
    }

    #[test]
    fn only_colour_sequences_pass_and_only_where_colour_is_on() {
        let red = "\x1b[1;31mE  assert\x1b[0m \x1b[2K\x1b[1;31";
        assert_eq!(
            clean(red, Keep::LinesAndColor),
            "\x1b[1;31mE  assert\x1b[0m \\x1b[2K\\x1b[1;31\x1b[0m"
        );
        assert_eq!(clean(red, Keep::Lines), "E  assert \\x1b[2K\\x1b[1;31");
        assert_eq!(clean(red, Keep::Nothing), "\\x1b[1;31mE  assert\\x1b[0m \\x1b[2K\\x1b[1;31");
    }

    #[test]
    fn the_middle_is_cut_by_columns() {
        assert_eq!(cut_middle("abcdefghij", 10), "abcdefghij");
        assert_eq!(cut_middle("abcdefghij", 6), "ab…hij");
        assert_eq!(cut_middle("日本語日本語", 6), "日…語");
        assert_eq!(cut_middle("abc", 1), "…");
        assert_eq!(cut_middle("abc", 0), "");
        // The accent belongs to a letter that is cut away.
        assert_eq!(cut_middle("abcde\u{301}f", 3), "a…f");
        assert_eq!(cut_end("abcdef", 4), "abc…");
    }

    #[test]
    fn durations_round_into_the_next_unit() {
        let cases = [
            (0.0, "0.00 s"),
            (0.014, "0.01 s"),
            (0.996, "1.0 s"),
            (41.23, "41.2 s"),
            (59.96, "1 m 00 s"),
            (185.0, "3 m 05 s"),
            (3599.6, "1 h 00 m"),
            (7400.0, "2 h 03 m"),
            (-1.0, "0.00 s"),
            (f64::NAN, "0.00 s"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected);
        }
    }

    proptest! {
        #[test]
        fn cleaned_lines_hold_no_controls_and_cuts_fit(text in any::<String>(), limit in 0usize..40) {
            let cleaned = line(&text);
            prop_assert!(!cleaned.chars().any(is_dangerous));
            prop_assert!(width(&cut_middle(&cleaned, limit)) <= limit);
            prop_assert!(width(&cut_end(&cleaned, limit)) <= limit);
        }
    }
}
