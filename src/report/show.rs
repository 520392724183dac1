//! `pnl show`: one stored run, for people or for programs.
//!
//! Everything that comes from the suite (node ids, messages, the command line) is untrusted: the
//! text form shows it cleaned and in one line, the JSON form escapes it.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::str::FromStr;

use crate::model::UnknownName;
use crate::store::StoredRun;

pub(super) mod json;
pub(super) mod table;
mod text;

/// How many groups of failures to ask [`crate::store::History::load`] for: one more than are shown,
/// so that it is known whether there are more.
pub const FAILURE_GROUPS: usize = text::GROUPS + 1;

/// Columns of the text form. Output that is mailed and pasted should not depend on the terminal
/// that it was made in.
const WIDTH: usize = 80;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: 80 columns, and no promise that it stays as it is.
    Text,
    /// For programs: one line of JSON with a `schema` number.
    Json,
}

impl FromStr for Format {
    type Err = UnknownName;

    fn from_str(given: &str) -> Result<Self, UnknownName> {
        match given {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownName {
                what: "format",
                given: given.to_owned(),
                allowed: vec!["text", "json"],
            }),
        }
    }
}

/// Writes a run.
pub fn show(run: &StoredRun, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(run, out),
        Format::Json => json::write(&json::Shown::new(run), out),
    }
}

/// Makes untrusted text harmless on a terminal: control characters, line ends included, and the
/// ones that reverse or break the line are shown by their escapes.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        if is_control(character) {
            let _ = write!(cleaned, "{}", character.escape_default());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

/// C0, DEL and C1; the bidirectional controls of Unicode 6.3 and before; and the separators of
/// lines and paragraphs.
pub(super) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2066}'..='\u{2069}')
}

/// Cuts text to `width` columns, `…` in its middle. Of a node id, this keeps the folder and the
/// test's name.
pub(super) fn cut_middle(text: &str, width: usize) -> String {
    if console::measure_text_width(text) <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let head: String = fitting(text.chars(), kept / 2).collect();
    let mut tail: Vec<char> = fitting(text.chars().rev(), kept - kept / 2).collect();
    tail.reverse();
    head + "…" + &String::from_iter(tail)
}

/// The first characters that fit.
fn fitting(characters: impl Iterator<Item = char>, width: usize) -> impl Iterator<Item = char> {
    let mut used = 0;
    characters.take_while(move |character| {
        used += console::measure_text_width(character.encode_utf8(&mut [0; 4]));
        used <= width
    })
}

#[cfg(test)]
mod tests;
