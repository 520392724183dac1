//! A test's story for people.

use std::io::{self, Write};

use jiff::Timestamp;

use super::causes::{Moment, StoryCause};
use super::gather::{Story, StoryRun};
use crate::model::{Confirmation, Offset, RunId, Suspect, Tie};
use crate::report::show::{WIDTH, clean, cut_middle, table};
use crate::report::text::{self, Keep, Palette, counted, percent};
use crate::report::verdicts::json::time;
use crate::report::verdicts::{Look, body, word};
use crate::stats::{Drift, Quantiles, Rate};

/// How many runs, suspects and causes are listed.
const RUNS: usize = 20;
const SUSPECTS: usize = 10;
const CAUSES: usize = 10;

/// How many lines of an example are printed.
const LINES: usize = 80;

/// A tendency that is as clear as this by chance once in a hundred tests is no news.
const CLEAR: f64 = 0.01;

pub(super) fn write(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n", clean(story.nodeid.as_str()))?;
    verdict(story, out)?;
    figures(story, out)?;
    suspects(&story.suspects, out)?;
    runs(&story.runs, out)?;
    causes(&story.causes, out)?;
    confirmations(&story.confirmations, out)
}

fn verdict(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let Some(verdict) = &story.verdict else {
        return writeln!(out, "  not judged: one round tells nothing of why a test fails");
    };
    writeln!(out, "  {}", word(verdict))?;
    let look = Look { palette: Palette::Plain, width: WIDTH, tests: 1, culprits: usize::MAX };
    let mut text = String::new();
    body(&mut text, verdict, story.refuted, look);
    write!(out, "{text}")
}

fn figures(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let sum = |of: fn(&StoryRun) -> u64| -> u64 { story.runs.iter().map(of).sum() };
    let (failed, executed) = (sum(|it| it.failed), sum(|it| it.executed));
    let runs = counted(story.runs.len() as u64, "run");
    let rate = story.rate.map_or(String::new(), |it| format!(", {}", rate(it)));
    writeln!(out, "\n  failed {failed} of {}{rate}, in {runs}", counted(executed, "execution"))?;
    let away = sum(|it| it.infrastructure);
    if away > 0 {
        writeln!(out, "  {away} more failed while the server was away")?;
    }
    if let Some(Quantiles { p50, p95, p99, max }) = story.duration {
        writeln!(
            out,
            "  takes p50 {p50:.3} s, p95 {p95:.3} s, p99 {p99:.3} s, at most {max:.3} s"
        )?;
    }
    match &story.drift {
        Some((run, Drift { per_round, p })) if *p < CLEAR => {
            let (how, run) =
                (if *per_round > 0.0 { "longer" } else { "shorter" }, clean(run.as_str()));
            let ms = per_round.abs() * 1e3;
            writeln!(out, "  and {ms:.2} ms {how} from round to round of {run} (p = {p:.0e})")
        }
        Some(_) | None => Ok(()),
    }
}

fn rate(it: Rate) -> String {
    let low = percent(it.low);
    format!("{} ({}–{})", percent(it.estimate), low.trim_end_matches('%'), percent(it.high))
}

fn suspects(suspects: &[Suspect], out: &mut dyn Write) -> io::Result<()> {
    if suspects.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nSuspects, the likeliest first\n")?;
    let mut rows = vec![["how", "odds", "p", "tried", "test"].map(str::to_owned)];
    rows.extend(suspects.iter().take(SUSPECTS).map(|it| {
        let how = match it.kind {
            Tie::Beside => "beside",
            Tie::After => "after",
            Tie::Without => "without",
        };
        let tried = match it.confirmed {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        [
            how.to_owned(),
            it.odds_ratio.map_or_else(|| "∞".to_owned(), |odds| format!("{odds:.1}")),
            if it.p_value < 0.001 {
                format!("{:.0e}", it.p_value)
            } else {
                format!("{:.3}", it.p_value)
            },
            tried.to_owned(),
            clean(it.nodeid.as_str()),
        ]
    }));
    table::write(&rows, out)?;
    more(suspects.len(), SUSPECTS, out)
}

fn runs(runs: &[StoryRun], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nRuns\n")?;
    let mut rows = vec![["started (UTC)", "rounds", "failed", "run"].map(str::to_owned)];
    rows.extend(runs.iter().take(RUNS).map(|it| {
        [
            minute(time(it.started_us, Offset(0))),
            it.rounds.to_string(),
            format!("{}/{}", it.failed, it.executed),
            clean(it.run.as_str()),
        ]
    }));
    table::write(&rows, out)?;
    more(runs.len(), RUNS, out)
}

fn causes(causes: &[StoryCause], out: &mut dyn Write) -> io::Result<()> {
    if causes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nFailures by cause")?;
    for it in causes.iter().take(CAUSES) {
        let exception = match it.cause.exception.trim() {
            "" => it.cause.outcome.label(),
            exception => exception,
        };
        let place = it.cause.location.as_ref();
        let place = place.map_or_else(String::new, |(path, line)| format!(" at {path}:{line}"));
        let heading = clean(&format!("{}× {exception}{place}", it.failures));
        writeln!(out, "\n  {}", cut_middle(&heading, WIDTH - 2))?;
        if it.failures == 1 {
            writeln!(out, "    {}", moment(&it.last))?;
        } else {
            writeln!(out, "    first {}", moment(&it.first))?;
            writeln!(out, "    last  {}", moment(&it.last))?;
        }
        example(it, out)?;
    }
    more(causes.len(), CAUSES, out)
}

fn moment(it: &Moment) -> String {
    let at = it.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    format!("{at}, round {} of {}", it.round, clean(it.run.as_str()))
}

/// The failure in full, but for texts that are longer than anybody reads.
fn example(it: &StoryCause, out: &mut dyn Write) -> io::Result<()> {
    let Some(failure) = &it.example else { return Ok(()) };
    let text = if failure.text.trim().is_empty() { &failure.message } else { &failure.text };
    block(text, out)?;
    for (name, content) in failure.sections.iter().filter(|it| !it.1.trim().is_empty()) {
        writeln!(out, "      --- {}", clean(name))?;
        block(content, out)?;
    }
    Ok(())
}

fn block(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let text = text::clean(text.trim_end(), Keep::Lines);
    for line in text.lines().take(LINES) {
        writeln!(out, "{}", format!("      {line}").trim_end())?;
    }
    match text.lines().count().saturating_sub(LINES) {
        0 => Ok(()),
        left => writeln!(out, "      … and {left} more lines; --format json has them all"),
    }
}

fn confirmations(all: &[(RunId, Confirmation)], out: &mut dyn Write) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nExperiments")?;
    for (run, it) in all {
        let said = match it.verdict.confirmed {
            Some(_) => word(&it.verdict),
            None => "undecided".to_owned(),
        };
        let at = minute(time(it.at_us, Offset(0)));
        writeln!(out, "\n  {said}, {at} UTC, on run {}", clean(run.as_str()))?;
        let mut rows = vec![["failed", "arm"].map(str::to_owned)];
        rows.extend(
            it.arms
                .iter()
                .map(|arm| [format!("{}/{}", arm.failed, arm.executed), clean(&arm.name)]),
        );
        if !it.arms.is_empty() {
            table::write(&rows, out)?;
        }
    }
    Ok(())
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

fn more(all: usize, shown: usize, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(shown) {
        0 => Ok(()),
        left => writeln!(out, "  … and {left} more; --format json has them all"),
    }
}
