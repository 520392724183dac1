//! The tables, and how they came to be.
//!
//! docs/history.md explains every table and column: a change here is a change there. A change is
//! a new entry of [`MIGRATIONS`]; the entries that are there never change.

use rusqlite::{Connection, TransactionBehavior};

use super::columns::integer;

/// Entry n brings a database from version n to n + 1 (`PRAGMA user_version`).
const MIGRATIONS: &[&str] = &[
    include_str!("schema/v1.sql"),
    include_str!("schema/v2.sql"),
    include_str!("schema/v3.sql"),
    include_str!("schema/v4.sql"),
    include_str!("schema/v5.sql"),
];

/// Returns the version that the database has afterwards. A newer one than known is not touched.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<i64> {
    if version(connection)? >= newest() {
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        return version(connection);
    }
    // Kept by the file from then on. Readers and the writer do not block each other with it.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Two runs may both see an old version: the version counts that is read under the lock.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = usize::try_from(version(&transaction)?).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(migration)?;
    }
    if from < MIGRATIONS.len() {
        transaction.pragma_update(None, "user_version", newest())?;
    }
    let reached = version(&transaction)?;
    transaction.commit()?;
    Ok(reached)
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The newest version that this pnl knows.
pub(super) fn newest() -> i64 {
    integer(MIGRATIONS.len())
}

#[cfg(test)]
mod tests {
    use super::super::open::open_write;
    use crate::model::OutcomeKind;

    #[test]
    fn codes_of_outcomes_are_the_models() {
        let root = tempfile::tempdir().expect("a folder");
        let connection = open_write(root.path()).expect("a new history").connection;
        let mut statement =
            connection.prepare("SELECT name FROM outcomes ORDER BY code").expect("a table");
        let names: Vec<String> = statement
            .query_map([], |row| row.get(0))
            .expect("rows")
            .map(|n| n.expect("a name"))
            .collect();
        assert_eq!(names, OutcomeKind::ALL.map(OutcomeKind::name));
    }
}
