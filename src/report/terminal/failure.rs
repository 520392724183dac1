//! A failure as text: in full when it happens, in short when it is known already.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::model::{Attempt, Event, Execution, Failure, Outcome, OutcomeKind, TestIndex, What};
use crate::report::summary::headline;
use crate::report::text::{self, Palette, Tone, clean};

/// How often the same failure of the same test is printed in full.
pub(crate) const IN_FULL: u32 = 3;

/// A message in a file is cut here; some compare whole documents.
const LONGEST_MESSAGE: usize = 300;

/// On a terminal, less than this of a message tells nothing.
const SHORTEST_MESSAGE: usize = 10;

/// So many that differ are remembered, in half a megabyte: a message with a time in it is another
/// one each time, in loops of a hundred thousand rounds. Beyond, counting begins anew.
const REMEMBERED: usize = 1 << 14;

/// Counts failures that are alike: the same test, outcome and message.
#[derive(Debug, Default)]
pub(crate) struct Repeats(HashMap<(TestIndex, OutcomeKind, u64), u32>);

impl Repeats {
    /// How often this failure has been seen, with this time.
    pub(crate) fn count(&mut self, execution: &Execution) -> u32 {
        let mut hasher = DefaultHasher::new();
        execution.failure.as_ref().map(|it| &it.message).hash(&mut hasher);
        let kind = execution.outcome.kind();
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let seen = self.0.entry((execution.test.index, kind, hasher.finish())).or_default();
        *seen = seen.saturating_add(1);
        *seen
    }
}

/// Where and how failures are rendered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) palette: Palette,
    pub(crate) width: usize,
    /// Whether messages are cut to the width.
    pub(crate) cut: bool,
    /// Whether rounds are worth a word.
    pub(crate) rounds: bool,
}

/// Everything about it: a rule, pytest's text, captured output, an empty line.
pub(crate) fn in_full(event: &Event, execution: &Execution, style: Style) -> String {
    let word = word(&execution.outcome);
    let nodeid = text::line(execution.test.nodeid.as_str());
    let around = in_parentheses(&circumstances(event, execution, style.rounds));
    let room = style.width.saturating_sub(text::width(&word) + text::width(&around) + 10);
    let is_long = style.cut && text::width(&nodeid) > room;
    let shown = if is_long { text::cut_middle(&nodeid, room) } else { nodeid.clone() };
    let mut out = rule(&format!("{word} {shown}{around}"), '=', Tone::Bad, style);
    if is_long {
        // Once in full, to be copied; a terminal that wraps it keeps it one line for that.
        let _ = writeln!(out, "{nodeid}");
    }
    if let Some(failure) = &execution.failure {
        push_body(&mut out, failure, style);
    }
    out.push('\n');
    out
}

fn push_body(out: &mut String, failure: &Failure, style: Style) {
    let body = if failure.text.trim().is_empty() { &failure.message } else { &failure.text };
    push_block(out, body, style.palette);
    for (name, content) in &failure.sections {
        if !content.trim().is_empty() {
            out.push_str(&rule(&text::line(name), '-', Tone::Strong, style));
            push_block(out, content, style.palette);
        }
    }
}

/// Text of the suite's, cleaned, with exactly one line end.
pub(crate) fn push_block(out: &mut String, block: &str, palette: Palette) {
    let block = block.trim_end_matches(['\n', '\r']);
    if !block.is_empty() {
        out.push_str(&clean(block, palette.keep()));
        out.push('\n');
    }
}

/// One line for a failure that has been printed in full often enough.
pub(crate) fn again(event: &Event, execution: &Execution, seen: u32, style: Style) -> String {
    let mut parts = circumstances(event, execution, style.rounds);
    parts.push(format!("{} time", ordinal(seen)));
    let (word, nodeid) = (word(&execution.outcome), text::line(execution.test.nodeid.as_str()));
    let rest = format!(" {nodeid}{}", in_parentheses(&parts));
    let message = headline(&execution.outcome, execution.failure.as_deref());
    let used = text::width(&word) + text::width(&rest);
    let message = after_dash(&message, used, style.width, style.cut);
    format!("{}{rest}{message}\n", style.palette.paint(Tone::Bad, &word))
}

/// ` - AssertionError: …`, cut to what is left of the width, or in a file only where it is absurd.
pub(crate) fn after_dash(message: &str, used: usize, width: usize, cut: bool) -> String {
    if message.is_empty() {
        return String::new();
    }
    let room = if cut { width.saturating_sub(used + 3) } else { LONGEST_MESSAGE };
    if room < SHORTEST_MESSAGE {
        return String::new();
    }
    format!(" - {}", text::cut_end(message, room))
}

/// `FAILED`, `TIMED OUT`.
pub(crate) fn word(outcome: &Outcome) -> String {
    outcome.kind().label().to_uppercase()
}

/// What colour an outcome has.
pub(crate) fn tone(kind: OutcomeKind) -> Tone {
    match kind {
        OutcomeKind::Passed => Tone::Good,
        OutcomeKind::Failed | OutcomeKind::Error | OutcomeKind::TimedOut | OutcomeKind::Crashed => {
            Tone::Bad
        }
        OutcomeKind::Skipped
        | OutcomeKind::XFailed
        | OutcomeKind::XPassed
        | OutcomeKind::Interrupted
        | OutcomeKind::NotRun => Tone::Odd,
    }
}

/// `signal 6, SIGABRT`, `gw0`, `round 2`, `attempt 2`, as far as they tell something.
fn circumstances(event: &Event, execution: &Execution, rounds: bool) -> Vec<String> {
    let mut parts = Vec::new();
    if let Outcome::Crashed(crash) = &execution.outcome {
        parts.push(text::line(&crash.to_string()).into_owned());
    }
    if execution.infrastructure.this {
        parts.push("infrastructure: the server was away".to_owned());
    }
    parts.extend(event.worker.map(|worker| worker.to_string()));
    parts.extend(event.round.filter(|_| rounds).map(|round| format!("round {round}")));
    match &event.what {
        What::AttemptFailed(_) => {
            parts.push(format!("attempt {}, to be tried again", execution.attempt.0));
        }
        _ if execution.attempt > Attempt::FIRST => {
            parts.push(format!("attempt {}", execution.attempt.0));
        }
        _ => {}
    }
    parts
}

fn in_parentheses(parts: &[String]) -> String {
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// A line with a title, filled up to the width. A title is never cut: node ids are for copying.
fn rule(title: &str, with: char, tone: Tone, style: Style) -> String {
    // Beside a node id there can be how a worker broke the protocol, in its own words.
    let room = if style.cut { style.width.saturating_sub(8).max(20) } else { usize::MAX };
    let title = &*text::cut_end(title, room);
    let used = text::width(title) + 5;
    let fill = style.width.saturating_sub(used).max(3);
    let (before, after) = (with.to_string().repeat(3), with.to_string().repeat(fill));
    format!("{before} {} {after}\n", style.palette.paint(tone, title))
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals() {
        let words: Vec<_> = [1, 2, 3, 4, 11, 13, 21, 112].map(ordinal).to_vec();
        assert_eq!(words, ["1st", "2nd", "3rd", "4th", "11th", "13th", "21st", "112th"]);
    }
}
