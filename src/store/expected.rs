//! How long tests and files took lately: written with each execution, read before each run.

use rusqlite::{Connection, Row, params};

use super::columns::{integer, micros, seconds, unsigned};
use crate::model::{Durations, Execution, NodeId, OutcomeKind, Took, Usage};

/// Keeps how long a test took, if it came to its end by itself.
pub(super) fn keep_test(db: &Connection, test: i64, execution: &Execution) -> rusqlite::Result<()> {
    if !tells_of_the_next(execution.outcome.kind()) {
        return Ok(());
    }
    let phases = execution.phases;
    db.prepare_cached(
        "INSERT INTO durations (test_id, setup_us, rest_us) VALUES (?1, ?2, ?3) \
         ON CONFLICT (test_id) DO UPDATE SET setup3_us = setup2_us, rest3_us = rest2_us, \
         setup2_us = setup_us, rest2_us = rest_us, \
         setup_us = excluded.setup_us, rest_us = excluded.rest_us",
    )?
    .execute(params![test, micros(phases.setup), micros(phases.call + phases.teardown)])?;
    Ok(())
}

/// Whether the next execution is likely to take as long. A skip is: most of them come again.
fn tells_of_the_next(kind: OutcomeKind) -> bool {
    match kind {
        OutcomeKind::Passed
        | OutcomeKind::Failed
        | OutcomeKind::Error
        | OutcomeKind::Skipped
        | OutcomeKind::XFailed
        | OutcomeKind::XPassed
        | OutcomeKind::TimedOut => true,
        OutcomeKind::Crashed | OutcomeKind::Interrupted | OutcomeKind::NotRun => false,
    }
}

/// Keeps how long it took to collect a file.
pub(super) fn keep_file(db: &Connection, file: &str, elapsed: f64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO files (file, collect_us) VALUES (?1, ?2) \
         ON CONFLICT (project, file) DO UPDATE SET collect_us = excluded.collect_us",
    )?
    .execute(params![file, micros(elapsed)])?;
    Ok(())
}

/// So many tests are read, those that came last into the history: some suites have random node ids,
/// new ones in each run.
const TESTS: i64 = 500_000;

/// Reads all that is known.
pub(super) fn durations(db: &Connection) -> rusqlite::Result<Durations> {
    let mut known = Durations::default();
    let mut statement = db.prepare(
        "SELECT nodeid, setup_us, rest_us, setup2_us, rest2_us, setup3_us, rest3_us \
         FROM durations JOIN tests ON tests.id = test_id WHERE project = '' \
         ORDER BY test_id DESC LIMIT ?1",
    )?;
    let mut rows = statement.query([TESTS])?;
    while let Some(row) = rows.next()? {
        let nodeid = NodeId::new(row.get_ref(0)?.as_str()?);
        known.tests.insert(nodeid, took(row)?);
    }
    let mut statement = db.prepare("SELECT file, collect_us FROM files WHERE project = ''")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        known.files.insert(row.get(0)?, seconds(row.get(1)?));
    }
    Ok(known)
}

/// The tests that are known.
pub(super) fn tests(db: &Connection) -> rusqlite::Result<Vec<NodeId>> {
    db.prepare("SELECT nodeid FROM tests WHERE project = '' ORDER BY id DESC LIMIT ?1")?
        .query_map([TESTS], |row| Ok(NodeId::new(row.get_ref(0)?.as_str()?)))?
        .collect()
}

/// Runs whose workers were busy for less tell too little, in microseconds …
const BUSY_US: i64 = 200_000;

/// … and so many runs are enough.
const RUNS: i64 = 3;

/// What workers used in the newest runs of a scope.
pub(super) fn usage(db: &Connection, scope: &str) -> rusqlite::Result<Option<Usage>> {
    let mut statement = db.prepare(
        "SELECT cpu_us, busy_us, worker_memory FROM runs WHERE scope = ?1 AND busy_us >= ?2 \
         ORDER BY id DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(params![scope, BUSY_US, RUNS], |row| {
        let (cpu, busy) = (seconds(row.get(0)?), seconds(row.get(1)?));
        Ok(Usage { cpu, busy, memory: unsigned(row.get(2)?) })
    })?;
    rows.reduce(|all, run| Ok(all?.and(run?))).transpose()
}

/// Keeps what a run's workers used.
pub(super) fn keep_usage(db: &Connection, run: i64, usage: Usage) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE runs SET cpu_us = ?2, busy_us = ?3, worker_memory = ?4 WHERE id = ?1",
    )?
    .execute(params![run, micros(usage.cpu), micros(usage.busy), integer(usage.memory)])?;
    Ok(())
}

/// The middle one of the last three by total time, the lesser of two: one execution that took long
/// because the machine was busy, or because it set up what others use, changes nothing.
fn took(row: &Row<'_>) -> rusqlite::Result<Took> {
    let mut last = [None; 3];
    for (nth, took) in last.iter_mut().enumerate() {
        let setup: Option<i64> = row.get(1 + 2 * nth)?;
        let rest: Option<i64> = row.get(2 + 2 * nth)?;
        *took = setup.zip(rest).map(|(setup, rest)| (setup + rest, setup, rest));
    }
    let mut last: Vec<(i64, i64, i64)> = last.into_iter().flatten().collect();
    last.sort_unstable();
    let (_, setup, rest) = last.get((last.len().max(1) - 1) / 2).copied().unwrap_or_default();
    Ok(Took { setup: seconds(setup), rest: seconds(rest) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Crash, Outcome, Phases, RunStarted, TestInfo, What};
    use crate::store::History;
    use crate::store::fixture::{Project, Tape, execution, started, test};

    fn took(test: &Arc<TestInfo>, outcome: Outcome, setup: f64, call: f64) -> Execution {
        let phases = Phases { setup, call, teardown: 0.5 };
        Execution { phases, ..execution(test, outcome) }
    }

    fn read(project: &Project) -> Durations {
        let history = History::open_read(project.root()).expect("a history");
        history.durations().expect("read")
    }

    #[test]
    fn the_middle_of_the_last_three_counts() {
        let project = Project::new();
        let [one, two] = [test(0, "a.py::one"), test(1, "a.py::two")];
        let all = |calls: &[f64]| {
            let tape = Tape::new(started("first"));
            let rounds = calls.iter();
            let round = |tape: Tape, &call| tape.round([took(&one, Outcome::Passed, 1.0, call)]);
            rounds.fold(tape, round).complete()
        };
        project.record(&all(&[9.0, 9.0, 2.0, 60.0, 3.0]));
        let tape = Tape::new(started("second")).round([took(&two, Outcome::Skipped, 0.0, 0.0)]);
        project.record(&tape.complete());
        let durations = read(&project);
        let known = Took { setup: 1.0, rest: 3.5 };
        assert_eq!(durations.tests[&one.nodeid], known, "9 is long ago, and 60 was once");
        assert_eq!(durations.tests[&two.nodeid], Took { setup: 0.0, rest: 0.5 });
    }

    #[test]
    fn what_was_cut_short_tells_nothing() {
        let project = Project::new();
        let it = test(0, "a.py::one");
        let ends = [Outcome::Crashed(Crash::Signal(9)), Outcome::Interrupted];
        let tape = Tape::new(started("r")).round(ends.map(|end| took(&it, end, 1.0, 1.0)));
        project.record(&tape.complete());
        assert!(read(&project).is_empty());
    }

    #[test]
    fn the_newest_runs_of_a_scope_tell_what_it_uses() {
        let project = Project::new();
        let usage = |cpu, busy, memory| Usage { cpu, busy, memory };
        let record = |run: &str, scope: &str, workers: &[Usage]| {
            let mut tape = Tape::new(RunStarted { scope: scope.to_owned(), ..started(run) });
            for &used in workers {
                tape.push(None, None, What::WorkerUsed(used));
            }
            project.record(&tape.complete());
        };
        record("1", "all", &[usage(9.0, 9.0, 9)]);
        record("2", "all", &[usage(1.0, 2.0, 7), usage(1.0, 3.0, 5)]);
        record("3", "e2e", &[usage(4.0, 4.0, 8)]);
        record("4", "all", &[usage(0.1, 0.1, 99)]);
        record("5", "all", &[]);
        record("6", "all", &[usage(1.0, 1.0, 1)]);
        record("7", "all", &[usage(0.0, 1.0, 2)]);
        let history = History::open_read(project.root()).expect("a history");
        let of = |scope| history.usage(scope).expect("read");
        assert_eq!(of("all"), Some(usage(3.0, 7.0, 7)), "2, 6 and 7: the others say too little");
        assert_eq!(of("http"), None);
    }

    #[test]
    fn the_last_collection_of_a_file_counts() {
        let project = Project::new();
        let mut tape = Tape::new(started("r"));
        for elapsed in [3.0, 0.25] {
            let file = Arc::from("a.py");
            tape.push(None, None, What::FileCollected { file, elapsed, tests: 1, left: 0 });
        }
        project.record(&tape.complete());
        assert_eq!(read(&project).files, [("a.py".to_owned(), 0.25)].into());
    }
}
