//! What experiments said of a run's verdicts: written by `pnl confirm`, read by whoever judges.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::error::StoreError;
use super::open::{Opened, open_write};
use super::query::RunRecord;
use crate::model::{Confirmation, NodeId, RunId, Verdict};

/// Stores what experiments said of tests of the run `judged`, in one transaction. What was said of
/// the same test before stays, and counts no more.
pub fn confirm(root: &Path, judged: &RunId, said: &[Confirmation]) -> Result<(), StoreError> {
    let Opened { mut connection, path, .. } = {
        let opened = open_write(root)?;
        opened.be_patient();
        opened
    };
    let written = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(
        |transaction| {
            let Some(run) = run(&transaction, judged)? else { return Ok(false) };
            said.iter().try_for_each(|it| insert(&transaction, run, it))?;
            transaction.commit()?;
            Ok(true)
        },
    );
    match written {
        Ok(true) => Ok(()),
        Ok(false) => Err(StoreError::NoSuchRun {
            wanted: judged.as_str().to_owned(),
            candidates: Vec::new(),
        }),
        Err(source) => Err(StoreError::Sqlite { doing: "write", path, source }),
    }
}

fn run(db: &Connection, run: &RunId) -> rusqlite::Result<Option<i64>> {
    db.query_row("SELECT id FROM runs WHERE run = ?1", [run.as_str()], |row| row.get(0)).optional()
}

fn insert(db: &Connection, run_id: i64, it: &Confirmation) -> rusqlite::Result<()> {
    let by = it.by.as_ref().map(|by| run(db, by)).transpose()?.flatten();
    let verdict = serde_json::to_string(&it.verdict).expect("a verdict is always JSON");
    let arms = serde_json::to_string(&it.arms).expect("arms are always JSON");
    let confirmed = it.verdict.confirmed;
    db.prepare_cached("INSERT OR IGNORE INTO tests (nodeid) VALUES (?1)")?
        .execute([it.nodeid.as_str()])?;
    db.prepare_cached(
        "INSERT INTO confirmations (run_id, test_id, by_run_id, at_us, confirmed, verdict, arms) \
         SELECT ?1, id, ?3, ?4, ?5, ?6, ?7 FROM tests WHERE project = '' AND nodeid = ?2",
    )?
    .execute(params![run_id, it.nodeid.as_str(), by, it.at_us, confirmed, verdict, arms])?;
    Ok(())
}

/// Reads what was said of a run's tests. See [`super::History::confirmations`].
pub(super) fn of_run(db: &Connection, record: &RunRecord) -> rusqlite::Result<Vec<Confirmation>> {
    let mut statement = db.prepare_cached(
        "SELECT nodeid, by.run, at_us, confirmed, verdict, arms FROM confirmations AS it \
         JOIN tests ON tests.id = it.test_id LEFT JOIN runs AS by ON by.id = it.by_run_id \
         WHERE it.run_id = ?1 ORDER BY it.id",
    )?;
    let mut rows = statement.query([record.key])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        // A newer pnl may know verdicts that this one does not.
        let verdict: Option<Verdict> = serde_json::from_str(row.get_ref(4)?.as_str()?).ok();
        let Some(verdict) = verdict else { continue };
        found.push(Confirmation {
            nodeid: NodeId::new(row.get_ref(0)?.as_str()?),
            by: row.get::<_, Option<String>>(1)?.map(|run| RunId::new(&run)),
            at_us: row.get(2)?,
            verdict: Verdict { confirmed: row.get(3)?, ..verdict },
            arms: serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::History;
    use super::super::fixture::{Project, Tape, failing, started, test};
    use super::*;
    use crate::model::{Arm, Offset, Purpose, Round, VerdictKind};

    fn confirmation(confirmed: Option<bool>) -> Confirmation {
        let verdict = Verdict {
            kind: VerdictKind::InterferesWith,
            culprits: vec![NodeId::new("a.py::other")],
            cleaners: Vec::new(),
            needs_culprits: false,
            since_round: Some(Round(3)),
            workers: None,
            window: Some((Offset(1), Offset(u64::MAX))),
            evidence: "fails in 9 of 9 beside a.py::other".to_owned(),
            confirmed,
        };
        let arms = vec![Arm { name: "alone".to_owned(), failed: 0, executed: 20 }];
        let by = Some(RunId::new("by"));
        Confirmation { nodeid: NodeId::new("a.py::t"), by, at_us: 7, verdict, arms }
    }

    #[test]
    fn what_was_said_reads_back_in_its_order() {
        let project = Project::new();
        let it = test(0, "a.py::t");
        project.record(&Tape::new(started("judged")).round([failing(&it, "no")]).complete());
        let mut by = started("by");
        by.purpose = Purpose::Experiment;
        project.record(&Tape::new(by).round([]).complete());
        let said = [confirmation(None), confirmation(Some(true))];
        let elsewhere = Confirmation { by: None, ..confirmation(Some(false)) };
        confirm(project.root(), &RunId::new("judged"), &said).expect("written");
        confirm(project.root(), &RunId::new("by"), std::slice::from_ref(&elsewhere))
            .expect("written");

        let history = History::open_read(project.root()).expect("a history");
        let of = |run| history.confirmations(&history.find(Some(run)).expect("a run"));
        assert_eq!(of("judged").expect("read"), said);
        assert_eq!(of("by").expect("read"), [elsewhere]);
    }

    #[test]
    fn a_run_that_is_not_there_is_an_error_and_a_verdict_of_later_times_is_none() {
        let project = Project::new();
        project.record(&Tape::new(started("judged")).round([]).complete());
        let error = confirm(project.root(), &RunId::new("other"), &[]).expect_err("no such run");
        assert!(matches!(error, StoreError::NoSuchRun { .. }), "{error}");
        confirm(project.root(), &RunId::new("judged"), &[confirmation(None)]).expect("written");
        let connection = open_write(project.root()).expect("a history").connection;
        connection
            .execute("UPDATE confirmations SET verdict = '{\"kind\": \"haunted\"}'", [])
            .expect("updated");
        let history = History::open_read(project.root()).expect("a history");
        let record = history.find(Some("judged")).expect("a run");
        assert_eq!(history.confirmations(&record).expect("read"), []);
    }
}
