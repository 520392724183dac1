//! Verdicts for people: a test in a line or two, what makes it fail, and the strongest evidence.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::Verdicts;
use crate::model::{Judged, Verdict, VerdictKind};
use crate::report::text::{Palette, Tone, counted, cut_middle, line, percent, width, wrapped};
use crate::stats::failure_rate;

/// How a table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) struct Look {
    /// Whether in colour.
    pub palette: Palette,
    /// Columns.
    pub width: usize,
    /// How many tests are listed.
    pub tests: usize,
    /// How many culprits are named of each.
    pub culprits: usize,
}

/// Where lines about a test begin that do not name it.
const INDENT: usize = 4;

/// Between columns.
const GAP: usize = 2;

/// All tests that failed, those of most failures first, and how sure one can be of the others.
/// `more` says where those are that are not listed.
pub(in crate::report) fn table(verdicts: &Verdicts, more: &str, look: Look) -> String {
    let mut out = String::new();
    let mut judged: Vec<&Judged> = verdicts.judged.iter().collect();
    judged.sort_by_key(|it| Reverse(it.failed + it.infrastructure));
    let listed = &judged[..judged.len().min(look.tests)];
    let columns = Columns::of(listed, look);
    for it in listed {
        columns.head(&mut out, it);
        body(&mut out, &it.verdict, verdicts.refuted(&it.nodeid), look);
    }
    if judged.len() > listed.len() {
        let _ = writeln!(out, "… and {} more: {more}", judged.len() - listed.len());
    }
    rest(&mut out, verdicts, look);
    out
}

/// The widths of the columns; with a test's name in a line of its own where not all fit.
struct Columns {
    look: Look,
    name: Option<usize>,
    share: usize,
    rate: usize,
}

impl Columns {
    fn of(listed: &[&Judged], look: Look) -> Self {
        let widest = |cell: fn(&Judged) -> String| {
            listed.iter().map(|it| width(&cell(it))).max().unwrap_or(0)
        };
        let (share, rate) = (widest(share), widest(rate));
        let name = widest(|it| line(it.nodeid.as_str()).into_owned());
        let verdict = widest(|it| word(&it.verdict));
        let fits = name + GAP + share + GAP + rate + GAP + verdict <= look.width;
        Self { look, name: fits.then_some(name), share, rate }
    }

    fn head(&self, out: &mut String, it: &Judged) {
        let nodeid = line(it.nodeid.as_str());
        let palette = self.look.palette;
        if let Some(room) = self.name {
            let padding = room - width(&nodeid) + GAP;
            let _ = write!(out, "{}{:padding$}", palette.paint(Tone::Strong, &nodeid), "");
        } else {
            let fitted = cut_middle(&nodeid, self.look.width);
            let _ = writeln!(out, "{}", palette.paint(Tone::Strong, &fitted));
            let _ = write!(out, "{:INDENT$}", "");
        }
        let share_padding = self.share - width(&share(it));
        let rate_padding = self.rate - width(&rate(it)) + GAP;
        let verdict = palette.paint(tone(it.verdict.kind), &word(&it.verdict));
        let _ = write!(out, "{:share_padding$}{}{:GAP$}", "", share(it), "");
        let _ = writeln!(out, "{}{:rate_padding$}{verdict}", rate(it), "");
    }
}

/// The tests that it has to do with, and the evidence.
pub(in crate::report) fn body(
    out: &mut String,
    verdict: &Verdict,
    refuted: Option<VerdictKind>,
    look: Look,
) {
    let room = look.width.saturating_sub(INDENT);
    let evidence = line(&verdict.evidence);
    let named = verdict.culprits.iter().map(|it| (lead(verdict), it));
    let named = named.chain(verdict.cleaners.iter().map(|it| ("undone by", it)));
    // What the evidence names in full need not be named twice.
    let named: Vec<_> = named.filter(|(_, it)| !evidence.contains(&*line(it.as_str()))).collect();
    for (lead, nodeid) in named.iter().take(look.culprits) {
        let culprit = format!("{lead} {}", line(nodeid.as_str()));
        let _ = writeln!(out, "{:INDENT$}{}", "", cut_middle(&culprit, room));
    }
    if let Some(more) = named.len().checked_sub(look.culprits).filter(|&more| more > 0) {
        let _ = writeln!(out, "{:INDENT$}and {}", "", counted(more as u64, "more test"));
    }
    if let Some(kind) = refuted {
        let _ = writeln!(out, "{:INDENT$}not {}, as the record had it", "", kind.name());
    }
    // A figure stays with its name.
    for part in wrapped(&evidence.replace(" = ", "\u{a0}=\u{a0}"), room) {
        let _ = writeln!(out, "{:INDENT$}{}", "", part.replace('\u{a0}', " "));
    }
}

fn lead(verdict: &Verdict) -> &'static str {
    match verdict.kind {
        VerdictKind::OrderDependent if verdict.needs_culprits => "needs before it",
        VerdictKind::OrderDependent => "after",
        VerdictKind::InterferesWith => "beside",
        VerdictKind::Broken
        | VerdictKind::FlakyAlone
        | VerdictKind::LoadSensitive
        | VerdictKind::Accumulates
        | VerdictKind::Infrastructure
        | VerdictKind::Stable => "with",
    }
}

/// What is known of the tests that never failed, and of rounds that were not looked at.
fn rest(out: &mut String, verdicts: &Verdicts, look: Look) {
    let mut words = Vec::new();
    if let Some((tests, executed)) = verdicts.never_failed() {
        let bound = percent(failure_rate(0, executed).map_or(1.0, |rate| rate.high));
        words.push(match (verdicts.judged.is_empty(), tests) {
            (true, _) => format!("no test failed: each fails less often than {bound} (95%)"),
            (false, 1) => {
                format!("the other test never failed: it fails less often than {bound} (95%)")
            }
            (false, _) => format!(
                "the other {tests} tests never failed: each fails less often than {bound} (95%)"
            ),
        });
    }
    if verdicts.left_out > 0 {
        words.push(format!(
            "there are too many executions or flaky tests for all to be judged: {} before these \
             were left out",
            counted(verdicts.left_out, "round")
        ));
    }
    for part in words.iter().flat_map(|words| wrapped(words, look.width)) {
        let _ = writeln!(out, "{part}");
    }
}

fn share(it: &Judged) -> String {
    format!("{}/{}", it.failed, it.executed)
}

/// `9.0% (4.8–16%)`.
fn rate(it: &Judged) -> String {
    let (estimate, low, high) = it.rate;
    let low = percent(low);
    format!("{} ({}–{})", percent(estimate), low.trim_end_matches('%'), percent(high))
}

/// The verdict in a word or two.
pub(in crate::report) fn word(verdict: &Verdict) -> String {
    let name = verdict.kind.name();
    match verdict.confirmed {
        Some(true) => format!("{name}, confirmed"),
        Some(false) => format!("{name}, refuted"),
        None => name.to_owned(),
    }
}

fn tone(kind: VerdictKind) -> Tone {
    match kind {
        VerdictKind::Broken
        | VerdictKind::FlakyAlone
        | VerdictKind::OrderDependent
        | VerdictKind::InterferesWith
        | VerdictKind::LoadSensitive
        | VerdictKind::Accumulates => Tone::Bad,
        VerdictKind::Infrastructure => Tone::Odd,
        VerdictKind::Stable => Tone::Good,
    }
}
