//! A run for people: what was asked, what became of it, what failed, what was slow.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::{WIDTH, clean, cut_middle, json, table};
use crate::model::Purpose;
use crate::report::history::{ended, rounds, span};
use crate::report::text::{Palette, percent};
use crate::report::verdicts::{Look, Verdicts, table as table_of};
use crate::stats::{Rate, failure_rate, quantiles};
use crate::store::{FailureGroup, RunRecord, StoredRun, StoredTest};

/// How many tests that failed are listed: two screens.
const FAILED_TESTS: usize = 50;

/// How many culprits are named of each.
const CULPRITS: usize = 5;

/// How many groups of failures are shown.
pub(super) const GROUPS: usize = 20;

/// How many slow tests are listed.
const SLOWEST: usize = 10;

/// Where the values of the head begin.
const INDENT: usize = 12;

pub(super) fn write(run: &StoredRun, verdicts: &Verdicts, out: &mut dyn Write) -> io::Result<()> {
    head(&run.record, out)?;
    totals(run, out)?;
    if verdicts.judges_any() {
        judged_tests(verdicts, out)?;
    } else {
        failed_tests(run, out)?;
    }
    failures(&run.failures, out)?;
    slowest(run, out)
}

fn head(record: &RunRecord, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("Run {}: {}", clean(record.run.as_str()), clean(&record.scope));
    writeln!(out, "{}\n", cut_middle(&title, WIDTH))?;
    let begun = json::started(record).strftime("%Y-%m-%d %H:%M:%S UTC");
    line(out, "started", &format!("{begun}, took {}", span(record.elapsed)))?;
    if record.purpose != Purpose::Tests.name() {
        line(out, "purpose", &record.purpose)?;
    }
    line(out, "ended", &ended(record))?;
    line(out, "rounds", &rounds(record))?;
    let RunRecord { workers, engine, dist, isolation, .. } = record;
    line(
        out,
        "workers",
        &format!("{workers}, engine {engine}, dist {dist}, isolation {isolation}"),
    )?;
    if let Some(seed) = record.seed {
        line(out, "seed", &seed.to_string())?;
    }
    if let Some(server) = &record.server {
        line(out, "server", &format!("{} ({})", server.url, server.from))?;
    }
    let RunRecord { python, python_version, python_from, pytest_version, .. } = record;
    line(out, "python", &format!("{python_version}, {python} ({python_from})"))?;
    line(out, "pytest", pytest_version)?;
    line(out, "command", &record.command.join(" "))
}

fn line(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    let value = cut_middle(&clean(value), WIDTH - INDENT);
    writeln!(out, "  {name:<width$}{value}", width = INDENT - 2)
}

fn totals(run: &StoredRun, out: &mut dyn Write) -> io::Result<()> {
    let counts = &run.record.counts;
    let heading = format!("{} executions of {} tests", counts.total(), run.tests.len());
    line(out, "totals", &heading)?;
    for (kind, count) in counts.nonzero() {
        writeln!(out, "{:INDENT$}{count} {}", "", kind.label())?;
    }
    if run.record.flaky > 0 {
        writeln!(out, "{:INDENT$}{} flaky: passed when tried again", "", run.record.flaky)?;
    }
    if run.record.counts != run.totals {
        let stored = run.totals.total();
        line(out, "but", &format!("only {stored} of them are stored; all below is of those"))?;
    }
    Ok(())
}

fn judged_tests(verdicts: &Verdicts, out: &mut dyn Write) -> io::Result<()> {
    let look =
        Look { palette: Palette::Plain, width: WIDTH, tests: FAILED_TESTS, culprits: CULPRITS };
    writeln!(out, "\nTests that failed and why, with the rate's 95% interval\n")?;
    write!(out, "{}", table_of(verdicts, "--format json has them all", look))
}

fn failed_tests(run: &StoredRun, out: &mut dyn Write) -> io::Result<()> {
    let mut failed: Vec<&StoredTest> =
        run.tests.iter().filter(|test| test.counts.failures() + test.retried > 0).collect();
    if failed.is_empty() {
        return Ok(());
    }
    failed.sort_by_key(|test| Reverse(test.counts.failures() + test.retried));
    writeln!(out, "\nTests that failed, with the rate's 95% interval\n")?;
    let mut rows = vec![["failed", "rate", "test"].map(str::to_owned)];
    rows.extend(failed.iter().take(FAILED_TESTS).map(|test| {
        // Of all attempts: a test that passes in its second one fails every other time.
        let failures = test.counts.failures() + test.retried;
        let executed = test.counts.executed() + test.retried;
        let rate = failure_rate(failures, executed).map_or_else(String::new, rate);
        [format!("{failures}/{executed}"), rate, clean(test.nodeid.as_str())]
    }));
    table::write(&rows, out)?;
    more(failed.len(), FAILED_TESTS, out)
}

fn failures(groups: &[FailureGroup], out: &mut dyn Write) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nWhat they said")?;
    for group in groups.iter().take(GROUPS) {
        let nodeid = clean(group.nodeid.as_str());
        writeln!(out, "\n  {}", cut_middle(&nodeid, WIDTH - 2))?;
        let FailureGroup { executions, outcome, first_round, failure, .. } = group;
        let place = failure.location.as_ref();
        let place = place.map_or_else(String::new, |(path, line)| format!(", {path}:{line}"));
        let facts =
            format!("{executions}× {}, first in round {first_round}{place}", outcome.label());
        writeln!(out, "    {}", cut_middle(&clean(&facts), WIDTH - 4))?;
        if let Some(first_line) = failure.message.lines().find(|line| !line.trim().is_empty()) {
            writeln!(out, "    {}", cut_middle(&clean(first_line), WIDTH - 4))?;
        }
    }
    if groups.len() > GROUPS {
        writeln!(out, "\n  Only the {GROUPS} most frequent are shown.")?;
    }
    Ok(())
}

fn slowest(run: &StoredRun, out: &mut dyn Write) -> io::Result<()> {
    let mut timed: Vec<_> =
        run.tests.iter().filter_map(|test| quantiles(&test.seconds).map(|it| (it, test))).collect();
    if timed.is_empty() {
        return Ok(());
    }
    timed.sort_by(|(left, _), (right, _)| right.p50.total_cmp(&left.p50));
    writeln!(out, "\nSlowest tests, in seconds\n")?;
    let mut rows = vec![["p50", "p95", "max", "test"].map(str::to_owned)];
    rows.extend(timed.iter().take(SLOWEST).map(|(it, test)| {
        let [p50, p95, max] = [it.p50, it.p95, it.max].map(|seconds| format!("{seconds:.3}"));
        [p50, p95, max, clean(test.nodeid.as_str())]
    }));
    table::write(&rows, out)?;
    more(timed.len(), SLOWEST, out)
}

fn more(all: usize, shown: usize, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(shown) {
        0 => Ok(()),
        left => writeln!(out, "  … and {left} more; --format json has them all"),
    }
}

fn rate(rate: Rate) -> String {
    format!("{} ({}–{})", percent(rate.estimate), percent(rate.low), percent(rate.high))
}
