//! `pnl show TEST`: one test's whole story over the stored runs.
//!
//! | module | owns |
//! | --- | --- |
//! | `gather` | what the history knows of the test |
//! | `causes` | its failures by what they have in common |
//! | `text`, `json` | for people and for programs |

mod causes;
mod gather;
mod json;
mod text;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use gather::{Story, tell};

use crate::report::show::Format;

/// Writes a test's story.
pub fn story(story: &Story, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(story, out),
        Format::Json => crate::report::show::json::write(&json::Shown::new(story), out),
    }
}
