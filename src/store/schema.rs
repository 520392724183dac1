//! The tables, how they came to be, and opening a database for writing.
//!
//! docs/history.md explains every table and column: a change here is a change there. A change is
//! a new entry of [`MIGRATIONS`]; the entries that are there never change.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::columns::integer;
use super::error::StoreError;
use super::folder;

/// Entry n brings a database from version n to n + 1 (`PRAGMA user_version`).
const MIGRATIONS: &[&str] =
    &[include_str!("schema/v1.sql"), include_str!("schema/v2.sql"), include_str!("schema/v3.sql")];

/// How long a connection waits for another run's transaction. Those take milliseconds; it is a
/// stalled disk or a stopped process that makes the difference.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a project's database for writing. Makes it, or brings it to this version, as needed.
pub(super) fn open_write(root: &Path) -> Result<Connection, StoreError> {
    let _held = folder::prepare(root)?;
    let path = folder::database(root);
    let opened = Connection::open(&path).and_then(|mut connection| {
        connection.busy_timeout(PATIENCE)?;
        let version = migrate(&mut connection)?;
        Ok((connection, version))
    });
    match opened {
        Ok((connection, version)) => known(connection, version, &path),
        Err(source) => Err(StoreError::Sqlite { doing: "open", path, source }),
    }
}

/// Opens a project's database for reading. An older one is brought to this version first.
pub(super) fn open_read(root: &Path) -> Result<Connection, StoreError> {
    let path = folder::database(root);
    if !path.exists() {
        return Err(StoreError::Empty { path });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(&path, flags).and_then(|connection| {
        connection.busy_timeout(PATIENCE)?;
        let version = version(&connection)?;
        Ok((connection, version))
    });
    match opened {
        Ok((_, version)) if version < newest() => open_write(root),
        Ok((connection, version)) => known(connection, version, &path),
        Err(source) => Err(StoreError::Sqlite { doing: "open", path, source }),
    }
}

fn known(connection: Connection, version: i64, path: &Path) -> Result<Connection, StoreError> {
    if version > newest() {
        let path = path.to_owned();
        return Err(StoreError::TooNew { path, found: version, known: newest() });
    }
    Ok(connection)
}

/// Returns the version that the database has afterwards. A newer one than known is not touched.
fn migrate(connection: &mut Connection) -> rusqlite::Result<i64> {
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

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn newest() -> i64 {
    integer(MIGRATIONS.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OutcomeKind;

    #[test]
    fn codes_of_outcomes_are_the_models() {
        let root = tempfile::tempdir().expect("a folder");
        let connection = open_write(root.path()).expect("a new history");
        let mut statement =
            connection.prepare("SELECT name FROM outcomes ORDER BY code").expect("a table");
        let names: Vec<String> = statement
            .query_map([], |row| row.get(0))
            .expect("rows")
            .map(|n| n.expect("a name"))
            .collect();
        assert_eq!(names, OutcomeKind::ALL.map(OutcomeKind::name));
    }

    #[test]
    fn a_newer_version_is_refused_and_left_alone() {
        let root = tempfile::tempdir().expect("a folder");
        let connection = open_write(root.path()).expect("a new history");
        connection.pragma_update(None, "user_version", 99).expect("a version");
        connection.close().expect("closed");
        let before = std::fs::read(folder::database(root.path())).expect("a file");
        for opened in [open_write(root.path()), open_read(root.path())] {
            let error = opened.expect_err("too new");
            assert!(matches!(error, StoreError::TooNew { found: 99, known: 3, .. }), "{error}");
        }
        assert_eq!(std::fs::read(folder::database(root.path())).expect("a file"), before);
    }

    #[test]
    fn what_is_no_database_is_left_alone() {
        let root = tempfile::tempdir().expect("a folder");
        drop(folder::prepare(root.path()).expect("a folder"));
        let text = "not a database".repeat(100);
        std::fs::write(folder::database(root.path()), &text).expect("written");
        assert!(matches!(open_write(root.path()), Err(StoreError::Sqlite { .. })));
        assert_eq!(std::fs::read_to_string(folder::database(root.path())).expect("a file"), text);
    }

    /// Two `pnl test` that start together in a project without a history.
    #[test]
    fn many_can_make_it_at_once() {
        for _ in 0..20 {
            let root = tempfile::tempdir().expect("a folder");
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| open_write(root.path()).expect("opened"));
                }
            });
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_the_users_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().expect("a folder");
        open_write(root.path()).expect("a new history");
        let folder = root.path().join(".pnl");
        let mode = std::fs::metadata(&folder).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(std::fs::read_to_string(folder.join(".gitignore")).expect("made"), "*\n");
    }
}
