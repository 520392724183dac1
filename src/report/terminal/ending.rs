//! The end: failures in short, the slowest tests, rounds, why it stopped, and the totals.

use std::fmt::Write as _;

use crate::model::{Offset, OutcomeKind, StopReason};
use crate::report::summary::{FirstFailure, Summary, TestFigures};
use crate::report::text::{self, Tone};

use super::failure::{after_dash, push_block, word};
use super::options::{TerminalOptions, Verbosity};

/// More failing tests than this are only counted: they are all in the reports and the history.
const FAILURES: usize = 20;

/// How many slow tests are listed, and from how many seconds on a test can be slow.
const SLOWEST: (usize, f64) = (5, 0.1);

/// Everything after the last test, with `verdicts` in its place.
pub(crate) fn ending(summary: &Summary, verdicts: &str, options: TerminalOptions) -> String {
    let mut out = String::new();
    failures(&mut out, summary, options);
    retried(&mut out, summary, options);
    leaks(&mut out, summary, options);
    if options.verbosity != Verbosity::Quiet {
        slowest(&mut out, summary, options);
        rounds(&mut out, summary);
    }
    outages(&mut out, summary, options);
    out.push_str(verdicts);
    reason(&mut out, summary, options);
    let counts = summary.counts();
    let tone = if counts.failures() > 0 {
        Tone::Bad
    } else if summary.flaky() > 0 {
        Tone::Odd
    } else if counts.get(OutcomeKind::Passed) == counts.total() && counts.total() > 0 {
        Tone::Good
    } else {
        Tone::Odd
    };
    let _ = writeln!(out, "{}", options.palette.paint(tone, &summary.totals().to_string()));
    out
}

fn failures(out: &mut String, summary: &Summary, options: TerminalOptions) {
    let failing = summary.failing();
    // Where a test ran more than once, how often it failed is the news.
    let often = summary.is_loop() || failing.iter().any(|it| it.counts.executed() > 1);
    let most = failing.first().map_or(0, |it| shares(it).len());
    if !failing.is_empty() {
        out.push_str(if often { "failed of executed:\n" } else { "failures:\n" });
    }
    for figures in failing.iter().take(FAILURES) {
        let before = if often { format!("{:>most$}", shares(figures)) } else { outcome(figures) };
        let painted = options.palette.paint(Tone::Bad, &before);
        let room = options.width.saturating_sub(text::width(&before) + 1);
        let nodeid = fitted(figures, room, options);
        let used = text::width(&before) + 1 + text::width(&nodeid);
        let _ = writeln!(out, "{painted} {nodeid}{}", message(figures, used, options));
    }
    if let Some(more) = failing.len().checked_sub(FAILURES + 1) {
        let _ = writeln!(out, "and {} more", more + 1);
    }
}

/// What passed only when it was retried. Never left out: it is what a green run hides.
fn retried(out: &mut String, summary: &Summary, options: TerminalOptions) {
    let retried = summary.retried();
    if !retried.is_empty() {
        out.push_str("flaky, passed when tried again:\n");
    }
    for figures in retried.iter().take(FAILURES) {
        let painted = options.palette.paint(Tone::Odd, FLAKY);
        let nodeid = fitted(figures, options.width.saturating_sub(FLAKY.len() + 1), options);
        let used = FLAKY.len() + 1 + text::width(&nodeid);
        let _ = writeln!(out, "{painted} {nodeid}{}", message(figures, used, options));
    }
    if let Some(more) = retried.len().checked_sub(FAILURES + 1) {
        let _ = writeln!(out, "and {} more", more + 1);
    }
}

const FLAKY: &str = "FLAKY";

/// What tests left running. Never left out: the next thing on this machine may meet it.
fn leaks(out: &mut String, summary: &Summary, options: TerminalOptions) {
    let (count, leaked) = summary.leaks();
    if count > 0 {
        out.push_str("left running by tests, and ended:\n");
    }
    for (worker, leak) in leaked {
        let painted = options.palette.paint(Tone::Odd, LEAK);
        let by = match (&leak.test, worker) {
            (Some(test), Some(worker)) => format!("{} ({worker})", text::line(test.as_str())),
            (Some(test), None) => text::line(test.as_str()).into_owned(),
            (None, Some(worker)) => worker.to_string(),
            (None, None) => "a test".to_owned(),
        };
        let age = text::duration(leak.age);
        let command = text::line(&leak.command);
        let what = format!("{}, {age} old: {command}", leak.pid);
        let used = LEAK.len() + 1 + text::width(&by);
        let what = after_dash(&what, used, options.width, options.cut);
        let _ = writeln!(out, "{painted} {by}{what}");
    }
    if let Some(more) = count.checked_sub(leaked.len() as u64).filter(|&more| more > 0) {
        let _ = writeln!(out, "and {more} more");
    }
}

const LEAK: &str = "LEAK";

/// The node id, on a terminal without its middle where it would not fit: a failure's own heading
/// has it whole. A file keeps it.
fn fitted(figures: &TestFigures, room: usize, options: TerminalOptions) -> String {
    let nodeid = text::line(figures.test.nodeid.as_str());
    if options.cut { text::cut_middle(&nodeid, room).into_owned() } else { nodeid.into_owned() }
}

fn outcome(figures: &TestFigures) -> String {
    figures.failed.as_ref().map(|it| word(&it.outcome)).unwrap_or_default()
}

fn shares(figures: &TestFigures) -> String {
    format!("{}/{}", figures.counts.failures(), figures.counts.executed())
}

fn message(figures: &TestFigures, used: usize, options: TerminalOptions) -> String {
    let message = figures.failed.as_ref().map(FirstFailure::headline).unwrap_or_default();
    after_dash(&message, used, options.width, options.cut)
}

fn slowest(out: &mut String, summary: &Summary, options: TerminalOptions) {
    let (limit, least) = SLOWEST;
    let slow = summary.slowest(limit, least);
    if !slow.is_empty() {
        out.push_str("slowest:\n");
    }
    for figures in slow {
        let time = format!("{:>9}", text::duration(figures.longest));
        let room = options.width.saturating_sub(text::width(&time) + 1);
        let nodeid = fitted(figures, room, options);
        let _ = writeln!(out, "{} {nodeid}", options.palette.paint(Tone::Dim, &time));
    }
}

fn rounds(out: &mut String, summary: &Summary) {
    let rounds = summary.rounds();
    if rounds.begun() < 2 {
        return;
    }
    let listed = rounds.worth_listing();
    let most = listed.iter().map(|it| it.workers).max().unwrap_or(0);
    for figures in &listed {
        // Some rounds of a loop have fewer than the others.
        let workers = if figures.workers < most {
            format!(", {}", text::counted(figures.workers as u64, "worker"))
        } else {
            String::new()
        };
        let _ = writeln!(out, "round {}: {}{workers}", figures.round, figures.totals());
    }
    let left_out = rounds.begun() - listed.len() as u64;
    if left_out > 0 {
        let _ = writeln!(out, "({left_out} of {} rounds are left out)", rounds.begun());
    }
}

/// When the server under test was away. Never left out: it is why tests failed that are well.
fn outages(out: &mut String, summary: &Summary, options: TerminalOptions) {
    let began = summary.run().map_or(0, |run| run.started_us);
    let clock = |at: Offset| {
        let us = began.saturating_add(i64::try_from(at.0).unwrap_or(i64::MAX));
        let at = jiff::Timestamp::from_microsecond(us).unwrap_or_default();
        at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()
    };
    for away in summary.away().iter().take(FAILURES) {
        let until = match away.until {
            Some(until) => {
                let took = until.seconds() - away.since.seconds();
                format!("to {} ({})", clock(until), text::duration(took))
            }
            None => "until the run's end".to_owned(),
        };
        let since = clock(away.since);
        let hits = if away.hits == 1 { "execution" } else { "executions" };
        let line = format!(
            "the server was away from {since} {until}: {} {hits} hit ({})",
            away.hits,
            text::line(&away.why)
        );
        let _ = writeln!(out, "{}", options.palette.paint(Tone::Odd, &line));
    }
    if let Some(more) = summary.away().len().checked_sub(FAILURES + 1) {
        let _ = writeln!(out, "and {} more times", more + 1);
    }
}

fn reason(out: &mut String, summary: &Summary, options: TerminalOptions) {
    let Some(ended) = summary.ended() else { return };
    let tone = match &ended.reason {
        StopReason::Completed => return,
        // With -q the failures above say it.
        StopReason::FailedRound | StopReason::MaxFail(_)
            if options.verbosity == Verbosity::Quiet =>
        {
            return;
        }
        StopReason::FailedRound
        | StopReason::MaxFail(_)
        | StopReason::WorkerLimit(_)
        | StopReason::NothingCollected => Tone::Odd,
        StopReason::Interrupted
        | StopReason::RunTimeout(_)
        | StopReason::Stalled(_)
        | StopReason::ServerLost(_)
        | StopReason::Stopped { .. }
        | StopReason::CollectionFailed(_)
        | StopReason::Internal(_)
        | StopReason::Usage(_) => Tone::Bad,
    };
    let words = ended.reason.to_string();
    let mut block = String::new();
    push_block(&mut block, &words, options.palette);
    let _ = writeln!(out, "{}", options.palette.paint(tone, block.trim_end()));
}
