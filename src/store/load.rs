//! All of one run, read in one pass over its executions.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{integer, outcome, seconds, unsigned};
use super::query::RunRecord;
use crate::model::{Attempt, Counts, Failure, NodeId, Offset, OutcomeKind, Round};

/// A run with its rounds, tests and failures.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// What is known of the run as a whole.
    pub record: RunRecord,
    /// What became of the executions that are stored: the sum of all tests. It differs from
    /// `record.counts` only where the history missed some.
    pub totals: Counts,
    /// Rounds in their order.
    pub rounds: Vec<StoredRound>,
    /// Tests in the order in which they were collected. Tests that share a node id are one.
    pub tests: Vec<StoredTest>,
    /// Failures that say the same of the same test, most executions first.
    pub failures: Vec<FailureGroup>,
}

/// One round.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRound {
    /// Which.
    pub round: Round,
    /// How many workers it had.
    pub workers: u32,
    /// How many executions were planned in it, where that was known at its beginning.
    pub planned: Option<u64>,
    /// When it began, since the run began.
    pub start: Offset,
    /// How long it took, in seconds; `None` where no end is recorded.
    pub elapsed: Option<f64>,
    /// What became of its executions.
    pub counts: Counts,
}

/// One test over all rounds, attempts and workers.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTest {
    /// Which.
    pub nodeid: NodeId,
    /// What became of its executions.
    pub counts: Counts,
    /// How many of them passed only when they were retried.
    pub flaky: u64,
    /// How many attempts failed and were followed by another. No executions of their own. Those that
    /// failed while the server was away are not among them.
    pub retried: u64,
    /// How many executions and attempts failed while the server was away.
    pub infrastructure: u64,
    /// How many of those are executions, and so among `counts`.
    pub infrastructure_ended: u64,
    /// How long each execution that ran took, in seconds, in the order in which they were reported.
    pub seconds: Vec<f64>,
}

/// Executions of one test that failed with one message.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureGroup {
    /// Which test.
    pub nodeid: NodeId,
    /// How the first of them ended.
    pub outcome: OutcomeKind,
    /// How many executions.
    pub executions: u64,
    /// The round of the first.
    pub first_round: Round,
    /// What there is to read about the first. For a crash without a text, its cause as the message.
    pub failure: Failure,
}

/// Reads a run. See [`super::History::load`].
pub(super) fn load(
    db: &Connection,
    record: RunRecord,
    failure_groups: usize,
) -> rusqlite::Result<StoredRun> {
    let mut sums = Sums::default();
    sums.read(db, record.key)?;
    let rounds = rounds(db, record.key, &sums.rounds)?;
    let failures = failures(db, record.key, failure_groups)?;
    let tests = sums.tests(db)?;
    Ok(StoredRun { totals: sums.totals, record, rounds, tests, failures })
}

/// What one pass over the executions adds up.
#[derive(Default)]
struct Sums {
    totals: Counts,
    rounds: BTreeMap<u32, Counts>,
    tests: Vec<TestSum>,
    /// From a test's id to its place in `tests`.
    places: HashMap<i64, usize>,
}

#[derive(Default)]
struct TestSum {
    id: i64,
    position: u32,
    counts: Counts,
    flaky: u64,
    retried: u64,
    infrastructure: u64,
    infrastructure_ended: u64,
    seconds: Vec<f64>,
}

impl Sums {
    fn read(&mut self, db: &Connection, run: i64) -> rusqlite::Result<()> {
        let mut statement = db.prepare_cached(
            "SELECT round, test_id, position, outcome, setup_us + call_us + teardown_us, \
             retried, attempt, infrastructure, infrastructure_before FROM executions WHERE run_id = ?1 ORDER BY seq",
        )?;
        let mut rows = statement.query([run])?;
        while let Some(row) = rows.next()? {
            let kind = outcome(row.get(3)?)?;
            let is_infrastructure = u64::from(row.get::<_, bool>(7)?);
            if row.get(5)? {
                let test = self.test(row.get(1)?, row.get(2)?);
                test.retried += 1 - is_infrastructure;
                test.infrastructure += is_infrastructure;
                continue;
            }
            self.totals.add(kind);
            self.rounds.entry(row.get(0)?).or_default().add(kind);
            let is_retried = row.get::<_, u32>(6)? > 1 + row.get::<_, u32>(8)?;
            let is_flaky = is_retried && kind.ran() && !kind.is_failure();
            let test = self.test(row.get(1)?, row.get(2)?);
            test.counts.add(kind);
            test.flaky += u64::from(is_flaky);
            test.infrastructure += is_infrastructure;
            test.infrastructure_ended += is_infrastructure;
            if kind.ran() {
                test.seconds.push(seconds(row.get(4)?));
            }
        }
        Ok(())
    }

    fn test(&mut self, id: i64, position: u32) -> &mut TestSum {
        let tests = &mut self.tests;
        let place = *self.places.entry(id).or_insert_with(|| {
            tests.push(TestSum { id, position, ..TestSum::default() });
            tests.len() - 1
        });
        &mut tests[place]
    }

    fn tests(&mut self, db: &Connection) -> rusqlite::Result<Vec<StoredTest>> {
        let mut sums = std::mem::take(&mut self.tests);
        sums.sort_by_key(|test| test.position);
        sums.into_iter()
            .map(|sum| {
                Ok(StoredTest {
                    nodeid: nodeid(db, sum.id)?,
                    counts: sum.counts,
                    flaky: sum.flaky,
                    retried: sum.retried,
                    infrastructure: sum.infrastructure,
                    infrastructure_ended: sum.infrastructure_ended,
                    seconds: sum.seconds,
                })
            })
            .collect()
    }
}

fn nodeid(db: &Connection, test: i64) -> rusqlite::Result<NodeId> {
    db.prepare_cached("SELECT nodeid FROM tests WHERE id = ?1")?
        .query_row([test], |row| Ok(NodeId::new(row.get_ref(0)?.as_str()?)))
}

fn rounds(
    db: &Connection,
    run: i64,
    sums: &BTreeMap<u32, Counts>,
) -> rusqlite::Result<Vec<StoredRound>> {
    db.prepare_cached(
        "SELECT round, workers, planned, start_us, elapsed_us FROM rounds \
         WHERE run_id = ?1 ORDER BY round",
    )?
    .query_map([run], |row| {
        let round = row.get(0)?;
        Ok(StoredRound {
            round: Round(round),
            workers: row.get(1)?,
            planned: row.get::<_, Option<i64>>(2)?.map(unsigned),
            start: Offset(unsigned(row.get(3)?)),
            elapsed: row.get::<_, Option<i64>>(4)?.map(seconds),
            counts: sums.get(&round).copied().unwrap_or_default(),
        })
    })?
    .collect()
}

fn failures(db: &Connection, run: i64, limit: usize) -> rusqlite::Result<Vec<FailureGroup>> {
    let kinds = OutcomeKind::ALL.into_iter().filter(|kind| kind.is_failure());
    let codes: Vec<String> = kinds.map(|kind| (kind as u8).to_string()).collect();
    // With min(seq), SQLite takes the other columns from that row: the group's first execution.
    let mut statement = db.prepare_cached(&format!(
        "SELECT min(e.seq), count(*) AS executions, e.test_id, e.outcome, e.round, e.failure_id, \
         coalesce(f.message, e.detail, '') AS said \
         FROM executions AS e LEFT JOIN failures AS f ON f.id = e.failure_id \
         WHERE e.run_id = ?1 AND e.outcome IN ({}) \
         GROUP BY e.test_id, said ORDER BY executions DESC, min(e.seq) LIMIT ?2",
        codes.join(", ")
    ))?;
    let mut rows = statement.query(params![run, integer(limit)])?;
    let mut groups = Vec::new();
    while let Some(row) = rows.next()? {
        groups.push(FailureGroup {
            nodeid: nodeid(db, row.get(2)?)?,
            outcome: outcome(row.get(3)?)?,
            executions: unsigned(row.get(1)?),
            first_round: Round(row.get(4)?),
            failure: match row.get(5)? {
                Some(id) => failure(db, id)?,
                None => Failure { message: row.get(6)?, ..Failure::default() },
            },
        });
    }
    Ok(groups)
}

/// How many tests both failed and passed. See [`super::History::flaky_tests`].
pub(super) fn flaky_tests(db: &Connection, run: i64) -> rusqlite::Result<u64> {
    db.prepare_cached(
        "SELECT count(*) FROM (SELECT test_id FROM executions WHERE run_id = ?1 GROUP BY test_id \
         HAVING sum(outcome IN (1, 2, 6, 7)) > 0 AND sum(outcome IN (0, 4, 5)) > 0)",
    )?
    .query_row([run], |row| row.get(0))
    .map(unsigned)
}

/// What there is to read about one execution. See [`super::History::failure`].
pub(super) fn failure_of(
    db: &Connection,
    run: i64,
    test: &NodeId,
    (round, attempt): (Round, Attempt),
) -> rusqlite::Result<Option<Failure>> {
    let found: Option<i64> = db
        .prepare_cached(
            "SELECT failure_id FROM executions JOIN tests ON tests.id = test_id \
             WHERE project = '' AND nodeid = ?1 AND run_id = ?2 AND round = ?3 AND attempt = ?4 \
             AND outcome IN (1, 2, 6, 7) AND failure_id IS NOT NULL LIMIT 1",
        )?
        .query_row(params![test.as_str(), run, round.0, attempt.0], |row| row.get(0))
        .optional()?;
    found.map(|id| failure(db, id)).transpose()
}

fn failure(db: &Connection, id: i64) -> rusqlite::Result<Failure> {
    db.prepare_cached("SELECT message, text, sections, path, line FROM failures WHERE id = ?1")?
        .query_row([id], |row| {
            let path: Option<String> = row.get(3)?;
            let line: Option<u32> = row.get(4)?;
            Ok(Failure {
                message: row.get(0)?,
                text: row.get(1)?,
                sections: serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default(),
                location: path.zip(line),
            })
        })
}
