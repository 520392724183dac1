//! What the user reads when nothing is run.

use std::io::Write as _;

use crate::model::ExitCode;
use crate::report::text::{Keep, clean};
use crate::runner::{Refusal, secrets};

/// clap's own words for what it cannot parse, with pytest's exit code for usage errors; `--help`
/// and `--version` are no errors.
pub(super) fn clap(error: &clap::Error) -> ExitCode {
    let words = error.render().to_string();
    if secrets().hide_all(&words) == words {
        // A closed pipe is the reader's choice.
        let _ = error.print();
    } else {
        say(words.trim_end());
    }
    if error.use_stderr() { ExitCode::Usage } else { ExitCode::Ok }
}

/// Options that were understood and cannot be used.
pub(super) fn refused(refusal: &Refusal) -> ExitCode {
    message(&refusal.to_string());
    ExitCode::Usage
}

/// An error's text, its first letter behind a word that names it one.
pub(super) fn message(text: &str) {
    say(&format!("error: {text}"));
}

/// What changes nothing and should be known.
pub(super) fn warning(text: &str) {
    say(&format!("warning: {text}"));
}

/// A line to standard error, harmless whatever it quotes: a file's key, a path, an argument. `eprintln!` panics where nobody can read it any more, such as in a
/// terminal that was closed, and a run's verdict must not depend on that.
pub(super) fn say(text: &str) {
    let text = secrets().hide_all(text);
    let _ = writeln!(std::io::stderr(), "{}", clean(&text, Keep::Lines));
}
