//! Events become rows, inside a transaction that somebody else begins and commits.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::bounded::{self, Budget};
use super::columns::{integer, micros};
use super::expected;
use crate::model::{
    Event, Execution, Failure, NodeId, Offset, OutcomeKind, Round, RoundEnded, RoundStarted,
    RunEnded, RunStarted, ServerAway, StateProbed, TestInfo, Usage, What, WorkerId,
};

/// What one run has written so far. After an error it knows ids that were rolled back, until
/// [`Recorder::roll_back`] makes it forget them.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// The run's row, once it is there. Events before are not of any run and are ignored.
    run: Option<i64>,
    /// How many executions are written.
    executions: i64,
    /// The processes that have begun.
    processes: Processes,
    tests: HashMap<NodeId, i64>,
    failures: FailureIds,
    /// What its workers used.
    usage: Option<Usage>,
    budget: Budget,
}

/// A run's processes, counted from 1 as they begin.
#[derive(Debug, Clone, Default)]
struct Processes {
    begun: u32,
    /// Each worker's latest.
    latest: HashMap<WorkerId, u32>,
}

impl Processes {
    fn begin(&mut self, worker: Option<WorkerId>) {
        if let Some(worker) = worker {
            self.begun += 1;
            self.latest.insert(worker, self.begun);
        }
    }
}

/// Where a recorder was before a transaction.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    run: Option<i64>,
    executions: i64,
    processes: Processes,
    usage: Option<Usage>,
    budget: Budget,
}

impl Recorder {
    /// Whether the run has its row.
    pub(super) fn has_begun(&self) -> bool {
        self.run.is_some()
    }

    /// How many executions are written.
    pub(super) fn executions(&self) -> u64 {
        self.executions.unsigned_abs()
    }

    /// To be taken before a transaction.
    pub(super) fn mark(&self) -> Mark {
        let Self { run, executions, usage, budget, .. } = *self;
        Mark { run, executions, processes: self.processes.clone(), usage, budget }
    }

    /// The transaction was rolled back. Tests are looked up again; failures that were written may be
    /// written a second time.
    pub(super) fn roll_back(&mut self, mark: Mark) {
        let Mark { run, executions, processes, usage, budget } = mark;
        *self = Self { run, executions, processes, usage, budget, ..Self::default() };
    }

    /// Writes what belongs into the history.
    pub(super) fn record(&mut self, db: &Connection, event: &Event) -> rusqlite::Result<()> {
        if let What::RunStarted(started) = &event.what {
            self.run = Some(insert_run(db, started)?);
        }
        let Some(run) = self.run else { return Ok(()) };
        let round = event.round.unwrap_or(Round::FIRST);
        match &event.what {
            What::Collected { tests, workers, .. } => {
                update_collected(db, run, tests.len(), *workers)
            }
            What::RoundStarted(started) => insert_round(db, run, round, event.at, *started),
            What::TestEnded(execution) => {
                self.insert_execution(db, run, event, execution, Last::Yes)
            }
            What::AttemptFailed(execution) => {
                self.insert_execution(db, run, event, execution, Last::No)
            }
            What::FileCollected { file, elapsed, .. } => expected::keep_file(db, file, *elapsed),
            What::WorkerUsed(usage) => {
                self.usage = Some(self.usage.unwrap_or_default().and(*usage));
                Ok(())
            }
            What::WorkerStarted { .. } => {
                self.processes.begin(event.worker);
                Ok(())
            }
            What::RoundEnded(ended) => update_round(db, run, round, *ended),
            What::ServerAway(away) => insert_outage(db, run, away),
            What::StateProbed(probed) => self.insert_probe(db, run, event.at, probed),
            What::RunEnded(ended) => {
                if let Some(usage) = self.usage {
                    expected::keep_usage(db, run, usage)?;
                }
                update_run(db, run, ended)
            }
            What::RunStarted(_)
            | What::Notice { .. }
            | What::PytestOutput(_)
            | What::TestStarted { .. }
            | What::TestSlow { .. }
            | What::OutputLine(_)
            | What::ProcessLeaked(_)
            | What::WorkerEnded { .. } => Ok(()),
        }
    }

    fn insert_execution(
        &mut self,
        db: &Connection,
        run: i64,
        event: &Event,
        execution: &Execution,
        last: Last,
    ) -> rusqlite::Result<()> {
        let test = self.test_id(db, &execution.test)?;
        if last == Last::Yes {
            expected::keep_test(db, test, execution)?;
        }
        let failure = match &execution.failure {
            Some(failure) => Some(self.failure_id(db, run, failure)?),
            None => None,
        };
        self.executions += 1;
        db.prepare_cached(
            "INSERT INTO executions VALUES \
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )?
        .execute(params![
            run,
            self.executions,
            event.round.unwrap_or(Round::FIRST).0,
            test,
            execution.test.index.0,
            execution.attempt.0,
            event.worker.map(|worker| worker.0),
            execution.outcome.kind() as u8,
            integer(execution.start.0),
            integer(event.at.0),
            micros(execution.phases.setup),
            micros(execution.phases.call),
            micros(execution.phases.teardown),
            detail(execution),
            failure,
            last == Last::No,
            execution.infrastructure.this,
            execution.infrastructure.before,
            event.worker.and_then(|worker| self.processes.latest.get(&worker)),
        ])?;
        Ok(())
    }

    fn insert_probe(
        &mut self,
        db: &Connection,
        run: i64,
        at: Offset,
        probed: &StateProbed,
    ) -> rusqlite::Result<()> {
        let test = probed.test.as_deref().map(|test| self.test_id(db, test)).transpose()?;
        db.prepare_cached(
            "INSERT INTO probes (run_id, round, test_id, at_us, hash, error) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            run,
            probed.round.map_or(0, |round| round.0),
            test,
            integer(at.0),
            probed.answer.as_deref().ok(),
            probed.answer.as_ref().err().map(|error| bounded::line(error)),
        ])?;
        Ok(())
    }

    fn test_id(&mut self, db: &Connection, test: &TestInfo) -> rusqlite::Result<i64> {
        if let Some(&known) = self.tests.get(&test.nodeid) {
            return Ok(known);
        }
        let nodeid = test.nodeid.as_str();
        let recorded = db
            .prepare_cached("SELECT id FROM tests WHERE project = '' AND nodeid = ?1")?
            .query_row([nodeid], |row| row.get(0))
            .optional()?;
        let id = if let Some(id) = recorded {
            db.prepare_cached("UPDATE tests SET line = ?2 WHERE id = ?1 AND line IS NOT ?2")?
                .execute(params![id, test.line])?;
            id
        } else {
            db.prepare_cached("INSERT INTO tests (nodeid, line) VALUES (?1, ?2)")?
                .execute(params![nodeid, test.line])?;
            db.last_insert_rowid()
        };
        self.tests.insert(test.nodeid.clone(), id);
        Ok(id)
    }

    fn failure_id(
        &mut self,
        db: &Connection,
        run: i64,
        failure: &Failure,
    ) -> rusqlite::Result<i64> {
        let key = self.failures.key(failure);
        if let Some(&known) = self.failures.ids.get(&key) {
            return Ok(known);
        }
        let bounded = self.budget.bound(failure);
        let (path, line) = failure.location.as_ref().map(|(path, line)| (path, line)).unzip();
        db.prepare_cached(
            "INSERT INTO failures (run_id, message, text, sections, path, line) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            run,
            bounded.message,
            bounded.text,
            bounded.sections,
            path,
            line
        ])?;
        let id = db.last_insert_rowid();
        self.failures.remember(key, id);
        Ok(id)
    }
}

/// Whether no further attempt follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

/// So many failures that differ are remembered, in a megabyte: where each message has a time in it,
/// none comes again. Beyond, remembering begins anew, and what does come again is stored again.
const REMEMBERED: usize = 1 << 14;

/// Finds a failure that is already written, by 128 bits of two keyed hashes: texts of a suite that
/// wants to collide cannot, and the texts themselves need not be kept in memory.
#[derive(Debug, Default)]
struct FailureIds {
    hashers: (RandomState, RandomState),
    ids: HashMap<(u64, u64), i64>,
}

impl FailureIds {
    fn key(&self, failure: &Failure) -> (u64, u64) {
        let Failure { message, text, sections, location } = failure;
        let all = (message, text, sections, location);
        (self.hashers.0.hash_one(all), self.hashers.1.hash_one(all))
    }

    fn remember(&mut self, key: (u64, u64), id: i64) {
        if self.ids.len() >= REMEMBERED {
            self.ids.clear();
        }
        self.ids.insert(key, id);
    }
}

fn insert_run(db: &Connection, it: &RunStarted) -> rusqlite::Result<i64> {
    let command = serde_json::to_string(&it.command).expect("a list of strings is always JSON");
    db.prepare_cached(
        "INSERT INTO runs (run, started_us, scope, command, root, engine, dist, isolation, \
         workers_asked, rounds_planned, server_url, server_from, python, python_version, \
         python_from, pytest_version, seed, purpose) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )?
    .execute(params![
        it.run.as_str(),
        it.started_us,
        it.scope,
        command,
        it.root.to_string_lossy(),
        it.engine.name(),
        it.dist.name(),
        it.isolation.name(),
        integer(it.workers),
        it.rounds_planned,
        it.server.as_ref().map(|server| &server.url),
        it.server.as_ref().map(|server| &server.from),
        it.python.to_string_lossy(),
        it.python_version,
        it.python_from,
        it.pytest_version,
        it.seed.map(|seed| seed.to_string()),
        it.purpose.name(),
    ])?;
    Ok(db.last_insert_rowid())
}

fn update_collected(
    db: &Connection,
    run: i64,
    tests: usize,
    workers: usize,
) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE runs SET collected = ?2, workers = ?3 WHERE id = ?1")?
        .execute(params![run, integer(tests), integer(workers)])?;
    Ok(())
}

fn insert_round(
    db: &Connection,
    run: i64,
    round: Round,
    at: Offset,
    started: RoundStarted,
) -> rusqlite::Result<()> {
    let planned = (started.planned > 0).then_some(integer(started.planned));
    db.prepare_cached(
        "INSERT INTO rounds (run_id, round, workers, planned, start_us) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![run, round.0, integer(started.workers), planned, integer(at.0)])?;
    Ok(())
}

fn insert_outage(db: &Connection, run: i64, away: &ServerAway) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO outages (run_id, since_us, until_us, why, hits) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        run,
        integer(away.since.0),
        away.until.map(|until| integer(until.0)),
        bounded::line(&away.why),
        integer(away.hits),
    ])?;
    Ok(())
}

fn update_round(
    db: &Connection,
    run: i64,
    round: Round,
    ended: RoundEnded,
) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE rounds SET elapsed_us = ?3 WHERE run_id = ?1 AND round = ?2")?
        .execute(params![run, round.0, micros(ended.elapsed)])?;
    Ok(())
}

fn update_run(db: &Connection, run: i64, ended: &RunEnded) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE runs SET elapsed_us = ?2, rounds_run = ?3, stop_reason = ?4, stop_detail = ?5, \
         exit_code = ?6, flaky = ?7 WHERE id = ?1",
    )?
    .execute(params![
        run,
        micros(ended.elapsed),
        ended.rounds_run,
        ended.reason.name(),
        bounded::line(&ended.reason.to_string()),
        ended.exit.code(),
        integer(ended.flaky),
    ])?;
    for kind in OutcomeKind::ALL {
        // The column's name is a constant of ours, never a text from outside.
        let sql = format!("UPDATE runs SET {} = ?2 WHERE id = ?1", kind.name());
        db.execute(&sql, params![run, integer(ended.counts.get(kind))])?;
    }
    Ok(())
}

/// What the outcome's code leaves out: how it crashed, or why it did not run or was skipped.
fn detail(execution: &Execution) -> Option<String> {
    let detail = execution.outcome.detail().or_else(|| execution.reason.clone());
    detail.map(|detail| bounded::line(&detail).into_owned())
}
