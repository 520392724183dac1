//! Compares the first tenth with the last, and asks the history.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::drive::Soaked;
use super::sample::{Held, Series};

/// How much the last tenth may be over the first.
const MARGIN: f64 = 0.05;

/// Rounds that are left out at the beginning: the history's page cache (`SQLite`'s own bound, 2 MB and
/// what it takes to manage them) grows with the file until about there. A soak that is too short for
/// that is judged from its first samples on, and is likely to fail.
const WARM_UP: u64 = 12_500;

/// How long `pnl show` may take.
const SHOW: Duration = Duration::from_secs(1);

/// Tests of a round.
const TESTS: u64 = 3;

pub(super) struct Judged {
    pub(super) text: String,
    pub(super) is_good: bool,
}

impl Judged {
    fn line(&mut self, is_good: bool, line: &str) {
        let _ = writeln!(self.text, "{} {line}", if is_good { "ok    " } else { "FAILED" });
        self.is_good &= is_good;
    }
}

pub(super) fn judge(soaked: &Soaked) -> Judged {
    let mut judged = Judged { text: String::new(), is_good: true };
    let Soaked { rounds, ends, elapsed, status, .. } = soaked;
    let seconds = elapsed.as_secs();
    let text = format!("{rounds} rounds in {seconds} s, {} samples", soaked.samples.count);
    judged.line(soaked.samples.count >= 20, &text);
    // One of the tests fails in some rounds; cut off by time, it was told to stop.
    let code = if soaked.is_cut { 2 } else { 1 };
    judged.line(status.code() == Some(code), &format!("{status}, where {code} is right"));
    let expected = TESTS * rounds;
    let is_whole = *ends == expected || soaked.is_cut && *ends == expected + TESTS;
    judged.line(is_whole, &format!("{ends} ends of tests told"));
    for (position, series) in soaked.samples.long_lived().into_iter().enumerate() {
        judge_process(&mut judged, position, series);
    }
    judge_files(&mut judged, soaked);
    judge_history(&mut judged, soaked).unwrap_or_else(|error| judged.line(false, &error));
    judged
}

fn judge_process(judged: &mut Judged, position: usize, series: &Series) {
    let Some((first, last)) = tenths(&series.held, |it| it.round) else {
        judged.line(false, "too few samples");
        return;
    };
    let name = if position == 0 { "controller" } else { "child" };
    let command = &series.command;
    for (what, of) in [("own memory", own as fn(&Held) -> u64), ("RSS", rss)] {
        let (before, after) = (mean(first, of), mean(last, of));
        let change = 100.0 * (after / before - 1.0);
        let text = format!(
            "{name} {} {what}: {before:.0} KiB, then {after:.0} KiB ({change:+.1} %) {command}",
            series.pid
        );
        judged.line(after <= before * (1.0 + MARGIN), &text);
    }
    // At rest: a sample may come while a worker is being forked.
    let resting = |held: &[Held]| held.iter().map(|it| it.descriptors).min().unwrap_or_default();
    let (before, after) = (resting(first), resting(last));
    let text = format!("{name} {} descriptors: {before}, then {after}", series.pid);
    judged.line(after <= before, &text);
}

fn judge_files(judged: &mut Judged, soaked: &Soaked) {
    let Some((first, last)) = tenths(&soaked.samples.files, |it| it.0) else { return };
    // At rest, as descriptors: a worker that lives has some of its own.
    let resting = |files: &[(u64, u64)]| files.iter().map(|it| it.1).min().unwrap_or_default();
    let (before, after) = (resting(first), resting(last));
    judged.line(after <= before, &format!("temporary files: {before}, then {after}"));
}

fn judge_history(judged: &mut Judged, soaked: &Soaked) -> Result<(), String> {
    let path = soaked.folder.path().join("project/.pnl/history.db");
    let size = std::fs::metadata(&path).map_err(|error| error.to_string())?.len();
    let ask = |words: &str| {
        let history = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        history.query_row(words, [], |row| row.get::<_, rusqlite::types::Value>(0))
    };
    let answer = ask("PRAGMA integrity_check").map_err(|error| error.to_string())?;
    let is_sound = answer == rusqlite::types::Value::Text("ok".to_owned());
    judged.line(is_sound, &format!("integrity of the history ({size} bytes): {answer:?}"));
    let count = ask("SELECT count(*) FROM results").map_err(|error| error.to_string())?;
    let is_all = count == rusqlite::types::Value::Integer(soaked.ends.cast_signed());
    judged.line(is_all, &format!("executions stored: {count:?}, told: {}", soaked.ends));
    let (took, shown) = show(&soaked.show)?;
    let totals = shown["totals"].as_object().into_iter().flatten();
    let total: u64 = totals.filter_map(|(_, count)| count.as_u64()).sum();
    judged.line(total == soaked.ends, &format!("`pnl show {}` adds up to {total}", soaked.run));
    judged.line(took < SHOW, &format!("`pnl show` took {} ms", took.as_millis()));
    Ok(())
}

fn show(words: &Command) -> Result<(Duration, Value), String> {
    let mut command = Command::new(words.get_program());
    command.args(words.get_args()).envs(words.get_envs().filter_map(|(k, v)| Some((k, v?))));
    command.current_dir(words.get_current_dir().unwrap_or(std::path::Path::new(".")));
    let began = Instant::now();
    let output = command.output().map_err(|error| error.to_string())?;
    let took = began.elapsed();
    let shown = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    Ok((took, shown))
}

/// The first tenth after the warm-up, and the last.
fn tenths<T>(all: &[T], round: impl Fn(&T) -> u64) -> Option<(&[T], &[T])> {
    let is_long = all.last().is_some_and(|it| round(it) >= 2 * WARM_UP);
    let warm = if is_long { all.partition_point(|it| round(it) < WARM_UP) } else { 1 };
    let all = all.get(warm..)?;
    let size = all.len() / 10;
    (size > 0).then(|| (&all[..size], &all[all.len() - size..]))
}

fn own(held: &Held) -> u64 {
    held.own
}

fn rss(held: &Held) -> u64 {
    held.rss
}

fn mean(held: &[Held], of: fn(&Held) -> u64) -> f64 {
    held.iter().map(|it| of(it) as f64).sum::<f64>() / held.len() as f64
}
