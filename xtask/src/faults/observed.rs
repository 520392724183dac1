//! A case as it went: everything that is judged, taken down from outside.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::bell::Bell;
use super::case::{Bound, COLLECT_TIMEOUT, Case, GRACE};
use super::events::Events;
use super::fact::Facts;
use super::fault::Kind;
use super::inject;
use super::pnl::Pnl;
use super::project::Project;
use crate::processes;

/// Seconds beyond pnl's own limits: start-up and the work of a busy machine.
const SLACK: u64 = 40;

/// How long a process may outlive pnl.
const LINGER: Duration = Duration::from_secs(2);

/// How pnl ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    Exited(i32),
    Signalled(i32),
    /// Not in time; with what its processes waited for.
    Hung(String),
}

/// What a history row says.
pub(super) type Row = (u64, String, u64, String, bool);

/// A run of pnl with all that it left.
pub(super) struct Observed {
    pub(super) how: How,
    pub(super) elapsed: Duration,
    pub(super) said: String,
    pub(super) events: Events,
    pub(super) facts: Facts,
    /// Processes that outlived it.
    pub(super) survivors: Vec<String>,
    pub(super) folders: Vec<String>,
    /// Executions in the history; the error if it cannot be read.
    pub(super) stored: Result<Vec<Row>, String>,
    /// `pnl show --format json` of the run.
    pub(super) shown: Result<Value, String>,
}

/// Runs the case with its fault.
pub(super) fn observe(case: &Case, project: &Project<'_>) -> io::Result<Observed> {
    let jsonl = project.path("events.jsonl");
    let limit = limit(case);
    let listener = Bell::hang(&project.path("bell"))?;
    let mut pnl = Pnl::start(project.test(&jsonl))?;
    let mut ring = None;
    if case.fault.is_from_outside() {
        let bell = Bell::listen(listener, pnl.process(), limit);
        ring = bell.wait().and_then(|ring| inject::make(case, &mut pnl, ring));
    }
    let observed = finish(pnl, project, (limit, &jsonl));
    drop(ring);
    Ok(observed)
}

/// A run to its end, and what it left.
fn finish(pnl: Pnl, project: &Project<'_>, (limit, jsonl): (Duration, &Path)) -> Observed {
    let mark = project.mark();
    let (how, elapsed, said) = match pnl.end(limit) {
        Ok(ended) => {
            let how = match ended.status.code() {
                Some(code) => How::Exited(code),
                None => How::Signalled(ended.status.signal().unwrap_or_default()),
            };
            (how, ended.elapsed, ended.said)
        }
        Err(mut pnl) => {
            let dump = processes::dumps(&processes::with_variable(&mark));
            processes::end_all(&mark);
            let said = pnl.said().to_owned();
            pnl.reap();
            (How::Hung(dump), limit, said)
        }
    };
    let ended = Instant::now();
    let survivors = processes::survivors(&mark, LINGER);
    // Who tidies up after a pnl that was killed is none of the run's, and tells nobody.
    let mut folders = project.private_folders();
    while !folders.is_empty() && ended.elapsed() < LINGER {
        std::thread::yield_now();
        folders = project.private_folders();
    }
    let events = Events::read(jsonl);
    let run = events.run();
    let stored = match &run {
        Some(run) => {
            stored(&project.path("project/.pnl/history.db"), run).map_err(|error| error.to_string())
        }
        None => Ok(Vec::new()),
    };
    let shown = match run {
        Some(run) => show(project.command(&["show", &run, "--format", "json"])),
        None => Err("there is no run to show".to_owned()),
    };
    let facts = Facts::read(&project.path("facts"));
    Observed { how, elapsed, said, events, facts, survivors, folders, stored, shown }
}

/// A healthy run in the same project.
pub(super) fn next_run(project: &Project<'_>) -> io::Result<Observed> {
    project.heal()?;
    std::fs::remove_file(project.path("facts")).or_else(|error| {
        if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
    })?;
    let jsonl = project.path("next.jsonl");
    let pnl = Pnl::start(project.healthy(&jsonl))?;
    Ok(finish(pnl, project, (Duration::from_secs(2 * SLACK), &jsonl)))
}

/// How long it may take from the fault on (from the start where the suite makes the fault).
fn limit(case: &Case) -> Duration {
    let own = match (case.fault.kind(), case.bound()) {
        (Kind::Signal, _) => GRACE,
        (_, Bound::None) => 0,
        (_, Bound::Collect) => COLLECT_TIMEOUT + GRACE,
        (_, Bound::Test | Bound::Run) => case.run_timeout() + GRACE,
    };
    Duration::from_secs(own + SLACK)
}

fn stored(path: &Path, run: &str) -> rusqlite::Result<Vec<Row>> {
    let history = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let words = "SELECT round, nodeid, attempt, outcome, retried FROM results WHERE run = ?1";
    let mut statement = history.prepare(words)?;
    let rows = statement.query_map([run], |row| {
        let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        Ok((number(0)?, row.get(1)?, number(2)?, row.get(3)?, row.get::<_, i64>(4)? == 1))
    })?;
    rows.collect()
}

fn show(mut command: Command) -> Result<Value, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("`pnl show` ended with {}: {said}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("`pnl show`: {error}"))
}

/// Rows of a history without their order.
pub(super) fn set(rows: &[Row]) -> BTreeSet<&Row> {
    rows.iter().collect()
}
