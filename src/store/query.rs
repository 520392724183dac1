//! Which runs there are, and finding one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, params};

use super::columns::{integer, outcome, seconds, unsigned};
use super::error::StoreError;
use super::load::{self, StoredRun};
use super::{confirmations, expected, open, schedule};
use crate::model::{
    Attempt, Confirmation, Counts, Durations, Failure, NodeId, OutcomeKind, Purpose, Round, RunId,
    Schedule, Server, Usage,
};

/// How many ids an error lists.
const CANDIDATES: usize = 10;

/// A project's history, open for reading. Runs that are being recorded can be read as far as they
/// are written.
#[derive(Debug)]
pub struct History {
    connection: Connection,
    path: PathBuf,
}

/// One run, without its tests. Names (engine, mode, reason) are as recorded, possibly by another
/// version of pnl.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// The row, for further queries.
    pub(super) key: i64,
    /// The run's id.
    pub run: RunId,
    /// [`crate::model::Purpose`] by name.
    pub purpose: String,
    /// Wall-clock time of the start, in microseconds since 1970 UTC.
    pub started_us: i64,
    /// What the user asked for, in a few words.
    pub scope: String,
    /// The whole command line.
    pub command: Vec<String>,
    /// The project's folder at that time.
    pub root: String,
    /// [`crate::model::EngineKind`] by name.
    pub engine: String,
    /// [`crate::model::DistMode`] by name.
    pub dist: String,
    /// [`crate::model::Isolation`] by name.
    pub isolation: String,
    /// How many workers each round had; how many were asked for where collection never ended.
    pub workers: u32,
    /// How many rounds were planned; `None` when a duration decided.
    pub rounds_planned: Option<u32>,
    /// How many rounds were begun.
    pub rounds_run: u32,
    /// The server that the tests were told of.
    pub server: Option<Server>,
    /// The interpreter.
    pub python: String,
    /// Its version.
    pub python_version: String,
    /// Which setting named it.
    pub python_from: String,
    /// pytest's version.
    pub pytest_version: String,
    /// Seed of a shuffled order.
    pub seed: Option<u64>,
    /// How many tests were collected.
    pub collected: Option<u64>,
    /// How long it took, in seconds; up to the last execution reported where no end is recorded.
    pub elapsed: f64,
    /// How it ended; `None` for a run that was killed or still runs.
    pub end: Option<RunEnd>,
    /// What became of all executions; of those recorded where no end is.
    pub counts: Counts,
    /// How many of them passed only when they were retried.
    pub flaky: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// What pnl exited with.
    pub exit_code: u8,
    /// [`crate::model::StopReason`] by name.
    pub reason: String,
    /// The same as a sentence.
    pub detail: String,
}

impl History {
    /// Opens the history of the project at `root`. [`StoreError::Empty`] where there is none.
    pub fn open_read(root: &Path) -> Result<Self, StoreError> {
        let (connection, path) = open::open_read(root)?;
        Ok(Self { connection, path })
    }

    /// The newest runs, newest first: in the order in which they were recorded, which a clock that
    /// was set back does not change.
    pub fn runs(&self, limit: usize) -> Result<Vec<RunRecord>, StoreError> {
        self.reading(|db| records(db, "ORDER BY id DESC LIMIT ?1", &[&integer(limit)]))
    }

    /// The runs for a purpose that began at this time or later, in microseconds since 1970 UTC, the
    /// newest first.
    pub fn runs_since(&self, us: i64, purpose: Purpose) -> Result<Vec<RunRecord>, StoreError> {
        let clause = "WHERE started_us >= ?1 AND purpose = ?2 ORDER BY id DESC";
        self.reading(|db| records(db, clause, &[&us, &purpose.name()]))
    }

    /// Finds a run by its id, by the beginning of its id where only one begins so, or the newest
    /// by `last` or `None`, the one before by `last~1`. Experiments are found by their ids alone.
    pub fn find(&self, wanted: Option<&str>) -> Result<RunRecord, StoreError> {
        let Some(wanted) = wanted else { return self.find(Some("last")) };
        match steps_back(wanted) {
            Some(steps) => self.before_last(steps)?.ok_or_else(|| self.too_few(wanted)),
            None => self.find_by_prefix(wanted),
        }
    }

    fn before_last(&self, steps: u32) -> Result<Option<RunRecord>, StoreError> {
        let clause = "WHERE purpose <> ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
        let found = self.reading(|db| records(db, clause, &[&Purpose::Experiment.name(), &steps]));
        Ok(found?.pop())
    }

    fn too_few(&self, wanted: &str) -> StoreError {
        match self.candidates("") {
            Ok(candidates) if !candidates.is_empty() => {
                StoreError::NoSuchRun { wanted: wanted.to_owned(), candidates }
            }
            Ok(_) | Err(_) => self.empty(),
        }
    }

    /// The newest run for this purpose.
    pub fn last_of(&self, purpose: Purpose) -> Result<RunRecord, StoreError> {
        let clause = "WHERE purpose = ?1 ORDER BY id DESC LIMIT 1";
        self.reading(|db| records(db, clause, &[&purpose.name()]))?
            .pop()
            .ok_or_else(|| self.empty())
    }

    /// Reads all of a run. At most `failure_groups` groups of failures, those of most executions,
    /// have their texts loaded.
    pub fn load(&self, record: RunRecord, failure_groups: usize) -> Result<StoredRun, StoreError> {
        self.reading(|db| load::load(db, record, failure_groups))
    }

    /// How a run's executions lay in time, for a diagnosis. Memory: some 56 bytes an execution.
    pub fn schedule(&self, record: &RunRecord) -> Result<Schedule, StoreError> {
        self.schedule_since(record, Round::FIRST)
    }

    /// What experiments said of a run's verdicts, in the order in which they said it: of several for
    /// one test, the last counts.
    pub fn confirmations(&self, record: &RunRecord) -> Result<Vec<Confirmation>, StoreError> {
        self.reading(|db| confirmations::of_run(db, record))
    }

    /// The same, of the rounds from `first` on.
    pub fn schedule_since(&self, record: &RunRecord, first: Round) -> Result<Schedule, StoreError> {
        self.reading(|db| schedule::schedule(db, record, first))
    }

    /// What there is to read about one execution or attempt that failed.
    pub fn failure(
        &self,
        record: &RunRecord,
        test: &NodeId,
        round: Round,
        attempt: Attempt,
    ) -> Result<Option<Failure>, StoreError> {
        self.reading(|db| load::failure_of(db, record.key, test, (round, attempt)))
    }

    /// How many tests both failed and passed in a run.
    pub fn flaky_tests(&self, record: &RunRecord) -> Result<u64, StoreError> {
        self.reading(|db| load::flaky_tests(db, record.key))
    }

    /// All tests that ever ran, those that came last first.
    pub fn tests(&self) -> Result<Vec<NodeId>, StoreError> {
        self.reading(expected::tests)
    }

    /// How long each test and file took lately. Reads one row for each of them, however many
    /// executions are stored.
    pub fn durations(&self) -> Result<Durations, StoreError> {
        self.reading(expected::durations)
    }

    /// What workers used in the newest runs of a scope, where that was measured.
    pub fn usage(&self, scope: &str) -> Result<Option<Usage>, StoreError> {
        self.reading(|db| expected::usage(db, scope))
    }

    fn find_by_prefix(&self, prefix: &str) -> Result<RunRecord, StoreError> {
        let mut found = self.reading(|db| {
            // An id that is the beginning of another comes first, being shorter.
            records(
                db,
                "WHERE substr(run, 1, length(?1)) = ?1 ORDER BY length(run) LIMIT 2",
                &[&prefix],
            )
        })?;
        let exact = found.first().is_some_and(|record| record.run.as_str() == prefix);
        if exact || found.len() == 1 {
            return Ok(found.swap_remove(0));
        }
        let wanted = prefix.to_owned();
        if found.is_empty() {
            let candidates = self.candidates("")?;
            return Err(if candidates.is_empty() {
                self.empty()
            } else {
                StoreError::NoSuchRun { wanted, candidates }
            });
        }
        Err(StoreError::Ambiguous { candidates: self.candidates(prefix)?, wanted })
    }

    fn candidates(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.reading(|db| {
            db.prepare(
                "SELECT run FROM runs WHERE substr(run, 1, length(?1)) = ?1 \
                 ORDER BY id DESC LIMIT ?2",
            )?
            .query_map(params![prefix, integer(CANDIDATES)], |row| row.get(0))?
            .collect()
        })
    }

    fn empty(&self) -> StoreError {
        StoreError::Empty { path: self.path.clone() }
    }

    fn reading<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        // One snapshot for all of a command's queries, while a run goes on writing.
        let read_all = || {
            let snapshot = self.connection.unchecked_transaction()?;
            read(&snapshot)
        };
        read_all().map_err(|source| StoreError::Sqlite {
            doing: "read",
            path: self.path.clone(),
            source,
        })
    }
}

/// 0 for `last`, 2 for `last~2`.
fn steps_back(wanted: &str) -> Option<u32> {
    match wanted.strip_prefix("last")? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

/// Reads the runs that a constant `clause` selects.
fn records(
    db: &Connection,
    clause: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<RunRecord>> {
    let mut statement = db.prepare(&format!("SELECT * FROM runs {clause}"))?;
    let found = statement.query_map(values, from_row)?;
    found
        .map(|record| {
            let mut record = record?;
            if record.end.is_none() {
                complete(db, &mut record)?;
            }
            Ok(record)
        })
        .collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    let workers: Option<u32> = row.get("workers")?;
    let elapsed_us: Option<i64> = row.get("elapsed_us")?;
    let rounds_run: Option<u32> = row.get("rounds_run")?;
    Ok(RunRecord {
        key: row.get("id")?,
        run: RunId::new(row.get_ref("run")?.as_str()?),
        purpose: row.get("purpose")?,
        started_us: row.get("started_us")?,
        scope: row.get("scope")?,
        command: serde_json::from_str(row.get_ref("command")?.as_str()?).unwrap_or_default(),
        root: row.get("root")?,
        engine: row.get("engine")?,
        dist: row.get("dist")?,
        isolation: row.get("isolation")?,
        workers: workers.map_or_else(|| row.get("workers_asked"), Ok)?,
        rounds_planned: row.get("rounds_planned")?,
        rounds_run: rounds_run.unwrap_or(0),
        server: server(row)?,
        python: row.get("python")?,
        python_version: row.get("python_version")?,
        python_from: row.get("python_from")?,
        pytest_version: row.get("pytest_version")?,
        seed: row.get::<_, Option<String>>("seed")?.and_then(|seed| seed.parse().ok()),
        collected: row.get::<_, Option<i64>>("collected")?.map(unsigned),
        elapsed: elapsed_us.map_or(0.0, seconds),
        end: end(row)?,
        counts: counts(row)?,
        flaky: row.get::<_, Option<i64>>("flaky")?.map_or(0, unsigned),
    })
}

fn server(row: &Row<'_>) -> rusqlite::Result<Option<Server>> {
    let url: Option<String> = row.get("server_url")?;
    let from: Option<String> = row.get("server_from")?;
    Ok(url.map(|url| Server { url, from: from.unwrap_or_default() }))
}

fn end(row: &Row<'_>) -> rusqlite::Result<Option<RunEnd>> {
    let Some(exit_code) = row.get("exit_code")? else { return Ok(None) };
    let detail: Option<String> = row.get("stop_detail")?;
    let reason: Option<String> = row.get("stop_reason")?;
    Ok(Some(RunEnd {
        exit_code,
        reason: reason.unwrap_or_default(),
        detail: detail.unwrap_or_default(),
    }))
}

fn counts(row: &Row<'_>) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    for kind in OutcomeKind::ALL {
        let count: Option<i64> = row.get(kind.name())?;
        counts.add_many(kind, unsigned(count.unwrap_or(0)));
    }
    Ok(counts)
}

/// What the end of the run would have told, from the executions.
fn complete(db: &Connection, record: &mut RunRecord) -> rusqlite::Result<()> {
    record.rounds_run = db
        .prepare_cached("SELECT count(*) FROM rounds WHERE run_id = ?1")?
        .query_row([record.key], |row| row.get(0))?;
    let mut statement = db.prepare_cached(
        "SELECT outcome, count(*), max(reported_us), sum(attempt > 1 AND outcome IN (0, 4, 5)) \
         FROM executions WHERE run_id = ?1 AND NOT retried GROUP BY outcome",
    )?;
    let mut rows = statement.query([record.key])?;
    while let Some(row) = rows.next()? {
        record.counts.add_many(outcome(row.get(0)?)?, unsigned(row.get(1)?));
        record.elapsed = record.elapsed.max(seconds(row.get(2)?));
        record.flaky += unsigned(row.get(3)?);
    }
    Ok(())
}
