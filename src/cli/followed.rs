//! What is said of a replay: how far it followed its record.

use std::fmt::Write as _;

use crate::replay::Followed;
use crate::report::show::Format;
use crate::report::text;

/// How many tests are named of each kind.
const NAMED: usize = 20;

/// For people, or as a line of JSON.
pub(super) fn words(followed: &Followed, format: Format) -> String {
    match format {
        Format::Text => for_people(followed),
        Format::Json => {
            let mut line = serde_json::to_string(followed).expect("numbers and texts are JSON");
            line.push('\n');
            line
        }
    }
}

fn for_people(it: &Followed) -> String {
    let mut out = format!(
        "followed the record: {} of {} executions in their order, {} of {} overlaps again, {} new; \
         {} ended as recorded\n",
        it.ran, it.recorded, it.overlaps_again, it.overlaps, it.overlaps_new, it.same_outcomes
    );
    if it.missing > 0 {
        let _ = writeln!(out, "{} executions are of tests that are not there any more", it.missing);
    }
    for test in it.failed.iter().take(NAMED) {
        let name = text::line(test.nodeid.as_str());
        let _ = writeln!(
            out,
            "  {name} had failed {} and failed {}",
            times(test.then),
            times(test.now)
        );
    }
    for test in it.failed_anew.iter().take(NAMED) {
        let _ = writeln!(out, "  {} failed, and had not", text::line(test.as_str()));
    }
    let hidden = it.failed.len().saturating_sub(NAMED) + it.failed_anew.len().saturating_sub(NAMED);
    if hidden > 0 {
        let _ = writeln!(out, "  and {hidden} more");
    }
    out
}

fn times(count: usize) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
