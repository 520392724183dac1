//! A run's schedule, read in one pass over its executions.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::columns::{outcome, unsigned};
use super::query::RunRecord;
use crate::model::{
    Attempt, Cause, NodeId, Offset, OutcomeKind, Probe, Ran, Round, RoundSpan, Schedule, Window,
};

/// Reads a run's schedule from a round on. See [`super::History::schedule_since`].
pub(super) fn schedule(
    db: &Connection,
    record: &RunRecord,
    first: Round,
) -> rusqlite::Result<Schedule> {
    let mut reading = Reading::new(db, record);
    reading.executions(first)?;
    reading.in_pytests_order();
    let rounds = rounds(db, record.key, first)?;
    let outages = outages(db, record.key)?;
    let probes = reading.probes()?;
    let Reading { tests, ran, causes, .. } = reading;
    Ok(Schedule {
        run: Some(record.run.clone()),
        started_us: record.started_us,
        tests,
        rounds,
        ran,
        causes: causes.list,
        says: causes.says,
        outages,
        probes,
        is_isolated: record.isolation != "none",
    })
}

struct Reading<'d> {
    db: &'d Connection,
    run: i64,
    tests: Vec<NodeId>,
    /// From a test's row to its place in `tests`, and its place in the collected list.
    places: HashMap<i64, u32>,
    positions: Vec<u32>,
    ran: Vec<Ran>,
    causes: Causes,
}

#[derive(Default)]
struct Causes {
    list: Vec<Cause>,
    /// [`Schedule::says`].
    says: Vec<Arc<str>>,
    places: HashMap<Cause, u32>,
    /// By the failure's row.
    of_failures: HashMap<i64, u32>,
}

impl<'d> Reading<'d> {
    fn new(db: &'d Connection, record: &RunRecord) -> Self {
        Self {
            db,
            run: record.key,
            tests: Vec::new(),
            places: HashMap::new(),
            positions: Vec::new(),
            ran: Vec::new(),
            causes: Causes::default(),
        }
    }

    fn executions(&mut self, first: Round) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare_cached(
            "SELECT round, test_id, position, outcome, attempt, process, start_us, \
             start_us + setup_us + call_us + teardown_us, failure_id, detail, infrastructure \
             FROM executions WHERE run_id = ?1 AND round >= ?2 ORDER BY seq",
        )?;
        let mut rows = statement.query(params![self.run, first.0])?;
        while let Some(row) = rows.next()? {
            let kind = outcome(row.get(3)?)?;
            if !kind.ran() {
                continue;
            }
            let test = self.place(row.get(1)?, row.get(2)?)?;
            let cause = if kind.is_failure() {
                Some(self.cause(kind, row.get(8)?, row.get(9)?)?)
            } else {
                None
            };
            self.ran.push(Ran {
                test,
                round: Round(row.get(0)?),
                attempt: Attempt(row.get(4)?),
                process: row.get::<_, Option<u32>>(5)?.unwrap_or(0),
                start: Offset(unsigned(row.get(6)?)),
                end: Offset(unsigned(row.get(7)?)),
                outcome: kind,
                cause,
                is_infrastructure: row.get(10)?,
            });
        }
        self.ran.sort_by_key(|ran| ran.start);
        Ok(())
    }

    fn place(&mut self, id: i64, position: u32) -> rusqlite::Result<u32> {
        if let Some(&place) = self.places.get(&id) {
            return Ok(place);
        }
        let nodeid = self
            .db
            .prepare_cached("SELECT nodeid FROM tests WHERE id = ?1")?
            .query_row([id], |row| Ok(NodeId::new(row.get_ref(0)?.as_str()?)))?;
        let place = u32::try_from(self.tests.len()).unwrap_or(u32::MAX);
        self.tests.push(nodeid);
        self.positions.push(position);
        self.places.insert(id, place);
        Ok(place)
    }

    /// Puts the tests into the order in which they were collected.
    fn in_pytests_order(&mut self) {
        let mut order: Vec<usize> = (0..self.tests.len()).collect();
        order.sort_by_key(|&place| self.positions[place]);
        let mut new_places = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            new_places[old] = u32::try_from(new).unwrap_or(u32::MAX);
        }
        self.tests = order.iter().map(|&old| self.tests[old].clone()).collect();
        let moved = |place: &mut u32| *place = new_places[*place as usize];
        self.ran.iter_mut().for_each(|ran| moved(&mut ran.test));
        self.places.values_mut().for_each(moved);
    }

    fn cause(
        &mut self,
        kind: OutcomeKind,
        failure: Option<i64>,
        detail: Option<String>,
    ) -> rusqlite::Result<u32> {
        if let Some(known) = failure.and_then(|id| self.causes.of_failures.get(&id)) {
            return Ok(*known);
        }
        let (message, location) = match failure {
            None => (detail.unwrap_or_default(), None),
            Some(id) => self
                .db
                .prepare_cached("SELECT message, path, line FROM failures WHERE id = ?1")?
                .query_row([id], |row| {
                    let path: Option<String> = row.get(1)?;
                    let line: Option<u32> = row.get(2)?;
                    Ok((row.get(0)?, path.map(Arc::from).zip(line)))
                })?,
        };
        let says = first_line(&message);
        let place = self.causes.place(Cause::new(kind, &message, location), says);
        if let Some(id) = failure {
            self.causes.of_failures.insert(id, place);
        }
        Ok(place)
    }

    fn probes(&self) -> rusqlite::Result<Vec<Probe>> {
        self.db
            .prepare_cached(
                "SELECT round, test_id, at_us, hash FROM probes WHERE run_id = ?1 ORDER BY id",
            )?
            .query_map([self.run], |row| {
                let test: Option<i64> = row.get(1)?;
                let hash: Option<String> = row.get(3)?;
                Ok(Probe {
                    round: Round(row.get(0)?),
                    test: test.and_then(|id| self.places.get(&id).copied()),
                    at: Offset(unsigned(row.get(2)?)),
                    hash: hash.map(Arc::from),
                })
            })?
            .collect()
    }
}

impl Causes {
    fn place(&mut self, cause: Cause, says: &str) -> u32 {
        let next = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(cause.clone()).or_insert(next);
        if place == next {
            self.list.push(cause);
            self.says.push(Arc::from(says));
        }
        place
    }
}

/// No more of a message than tells it from others.
fn first_line(message: &str) -> &str {
    const LONGEST: usize = 200;
    let line = message.lines().next().unwrap_or("").trim();
    line.char_indices().nth(LONGEST).map_or(line, |(end, _)| &line[..end])
}

fn rounds(db: &Connection, run: i64, first: Round) -> rusqlite::Result<Vec<RoundSpan>> {
    db.prepare_cached(
        "SELECT round, workers, start_us FROM rounds WHERE run_id = ?1 AND round >= ?2 ORDER BY round",
    )?
    .query_map(params![run, first.0], |row| {
        Ok(RoundSpan {
            round: Round(row.get(0)?),
            workers: row.get(1)?,
            start: Offset(unsigned(row.get(2)?)),
        })
    })?
    .collect()
}

fn outages(db: &Connection, run: i64) -> rusqlite::Result<Vec<Window>> {
    db.prepare_cached("SELECT since_us, until_us FROM outages WHERE run_id = ?1 ORDER BY since_us")?
        .query_map([run], |row| {
            let until: Option<i64> = row.get(1)?;
            Ok(Window {
                since: Offset(unsigned(row.get(0)?)),
                until: Offset(until.map_or(u64::MAX, unsigned)),
            })
        })?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::History;
    use super::super::fixture::{Project, Tape, execution, started, test};
    use super::*;
    use crate::model::{Execution, Outcome, Slot, What, WorkerId};

    #[test]
    fn the_schedule_is_recorded() {
        let project = Project::new();
        let again = Execution {
            attempt: Attempt(2),
            start: Offset(17),
            ..execution(&test(5, "a.py::t"), Outcome::Passed)
        };
        project.record(&Tape::new(started("x")).round_on([(Some(WorkerId(9)), again)]).complete());
        let connection = super::super::open::open_read(project.root()).expect("a history").0;
        let row: (i64, i64, i64, i64, i64) = connection
            .query_row(
                "SELECT attempt, position, worker, start_us, reported_us FROM executions",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
            )
            .expect("a row");
        assert_eq!(row, (2, 5, 9, 17, 2000));
    }

    #[test]
    fn what_shared_a_process_is_recorded() {
        let project = Project::new();
        let on = |worker, nodeid: &str| {
            (Some(WorkerId(worker)), execution(&test(0, nodeid), Outcome::Passed))
        };
        let mut tape = Tape::new(started("x"));
        let begins = |tape: &mut Tape, worker: usize| {
            let what = What::WorkerStarted { slot: Slot(worker), pid: 7 };
            tape.push(Some(Round(1)), Some(WorkerId(worker as u32)), what);
        };
        begins(&mut tape, 0);
        begins(&mut tape, 1);
        let mut tape = tape.round_on([on(0, "t::a"), on(1, "t::b"), on(0, "t::c")]);
        begins(&mut tape, 0);
        project.record(&tape.round_on([on(0, "t::a"), on(5, "t::b")]).complete());
        let history = History::open_read(project.root()).expect("a history");
        let schedule = history.schedule(&history.find(None).expect("a run")).expect("read");
        let processes: Vec<u32> = schedule.ran.iter().map(|ran| ran.process).collect();
        assert_eq!(processes, [1, 2, 1, 3, 0], "0 where no process is known");
        assert_eq!(schedule.tests.len(), 3);
        assert!(schedule.is_isolated);
    }
}
