//! Opening a history, and what is done with a file that cannot be one.
//!
//! A damaged file is renamed, never deleted and never repaired: what can be had from it is for its
//! owner to get (docs/history.md). A newer pnl's file is not touched at all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::folder::{self, FileId};
use super::schema::{migrate, newest, version};
use super::warning::HistoryWarning;

/// How long a connection waits for another run's transaction. Those take milliseconds; it is a
/// stalled disk or a stopped process that makes the difference. What cannot be written by then is
/// tried again later.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long it waits when there is no later: at the end of a run, and for who only reads.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

/// What is appended to a database's name for the other files that it has.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// A database that is open for writing.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    file: Option<FileId>,
    /// What there is to say about how it was opened.
    pub(super) warning: Option<HistoryWarning>,
}

impl Opened {
    /// Whether the file that is written is the one that others find.
    pub(super) fn is_in_place(&self) -> bool {
        self.file == folder::file_id(&self.path)
    }

    /// Waits longer for others from now on.
    pub(super) fn be_patient(&self) {
        // The shorter wait is a wait as well.
        let _ = self.connection.busy_timeout(LAST_PATIENCE);
    }

    /// Renames the file, because it is damaged. `None` where it is not the one that others find:
    /// another run has done it then.
    pub(super) fn keep_aside(self, root: &Path) -> Result<Option<PathBuf>, StoreError> {
        let _held = folder::prepare(root)?;
        let is_in_place = self.is_in_place();
        drop(self.connection);
        if is_in_place { keep_aside(&self.path).map(Some) } else { Ok(None) }
    }
}

/// Opens a project's database for writing. Makes it, brings it to this version, or begins another
/// one, as needed.
pub(super) fn open_write(root: &Path) -> Result<Opened, StoreError> {
    let _held = folder::prepare(root)?;
    match open_sound(&folder::database(root)) {
        Err(cause @ StoreError::TooNew { .. }) => {
            let beside = folder::beside(root, newest());
            let mut opened = open_sound(&beside)?;
            opened.warning.get_or_insert(HistoryWarning::Beside { beside, cause });
            Ok(opened)
        }
        opened => opened,
    }
}

fn open_sound(path: &Path) -> Result<Opened, StoreError> {
    match open(path) {
        Err(cause) if cause.is_damage() => {
            let kept = Some(keep_aside(path)?);
            let warning = HistoryWarning::KeptAside { kept, before: 0, cause };
            Ok(Opened { warning: Some(warning), ..open(path)? })
        }
        opened => opened,
    }
}

fn open(path: &Path) -> Result<Opened, StoreError> {
    let opened = Connection::open(path).and_then(|mut connection| {
        connection.busy_timeout(PATIENCE)?;
        let version = migrate(&mut connection)?;
        Ok((connection, version))
    });
    let (connection, version) = opened.map_err(failed_on(path))?;
    let connection = known(connection, version, path)?;
    let path = path.to_owned();
    Ok(Opened { connection, file: folder::file_id(&path), path, warning: None })
}

/// Opens a project's database for reading. An older one is brought to this version first.
pub(super) fn open_read(root: &Path) -> Result<(Connection, PathBuf), StoreError> {
    let path = folder::database(root);
    let beside = folder::beside(root, newest());
    match open_read_at(root, &path) {
        Err(StoreError::TooNew { .. }) if beside.exists() => {
            Ok((open_read_at(root, &beside)?, beside))
        }
        opened => Ok((opened?, path)),
    }
}

fn open_read_at(root: &Path, path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Empty { path: path.to_owned() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(PATIENCE)?;
        let version = version(&connection)?;
        connection.busy_timeout(LAST_PATIENCE)?;
        Ok((connection, version))
    });
    match opened.map_err(failed_on(path))? {
        (_, version) if version < newest() => {
            let _held = folder::prepare(root)?;
            Ok(open(path)?.connection)
        }
        (connection, version) => known(connection, version, path),
    }
}

fn failed_on(path: &Path) -> impl FnOnce(rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Sqlite { doing: "open", path, source }
}

fn known(connection: Connection, version: i64, path: &Path) -> Result<Connection, StoreError> {
    if version > newest() {
        let path = path.to_owned();
        return Err(StoreError::TooNew { path, found: version, known: newest() });
    }
    Ok(connection)
}

/// Renames a database that nobody else has open for long: the folder's lock is held, and a run that
/// still writes to it writes to the same file under its new name.
fn keep_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let kept = free_name(path);
    let failed = |source| StoreError::Folder { path: kept.clone(), source };
    std::fs::rename(path, &kept).map_err(failed)?;
    for companion in COMPANIONS {
        // There is none where all was well when it was closed last.
        let _ = std::fs::rename(with(path, companion), with(&kept, companion));
    }
    Ok(kept)
}

fn free_name(path: &Path) -> PathBuf {
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let first = with(path, &format!(".damaged-{now}"));
    let others = (2..).map(|n| with(&first, &format!("-{n}")));
    let mut names = std::iter::once(first.clone()).chain(others);
    names.find(|name| !name.exists()).expect("numbers do not end")
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(root.join(".pnl")).expect("a folder");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("readable").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_newer_file_is_left_alone_and_this_pnl_has_one_beside_it() {
        let root = tempfile::tempdir().expect("a folder");
        let opened = open_write(root.path()).expect("a new history");
        opened.connection.pragma_update(None, "user_version", 99).expect("a version");
        opened.connection.close().expect("closed");
        let before = std::fs::read(folder::database(root.path())).expect("a file");
        let error = open_read(root.path()).expect_err("too new");
        assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");
        for _ in 0..2 {
            let opened = open_write(root.path()).expect("another one");
            assert_eq!(opened.path, folder::beside(root.path(), newest()));
            assert!(matches!(opened.warning, Some(HistoryWarning::Beside { .. })));
        }
        let (_, read) = open_read(root.path()).expect("that one");
        assert_eq!(read, folder::beside(root.path(), newest()));
        assert_eq!(std::fs::read(folder::database(root.path())).expect("a file"), before);
    }

    #[test]
    fn what_is_no_database_is_kept_whole_under_another_name() {
        let root = tempfile::tempdir().expect("a folder");
        drop(folder::prepare(root.path()).expect("a folder"));
        let text = "not a database".repeat(100);
        for count in 1..=3 {
            std::fs::write(folder::database(root.path()), &text).expect("written");
            let opened = open_write(root.path()).expect("a new one");
            let Some(HistoryWarning::KeptAside { kept: Some(kept), before: 0, .. }) =
                &opened.warning
            else {
                panic!("{:?}", opened.warning);
            };
            assert_eq!(std::fs::read_to_string(kept).expect("a file"), text);
            drop(opened);
            let kept = names(root.path()).iter().filter(|it| it.contains(".damaged-")).count();
            assert_eq!(kept, count, "none replaces another: {:?}", names(root.path()));
        }
        assert!(open_write(root.path()).expect("sound").warning.is_none());
    }

    #[test]
    fn what_is_no_file_is_not_moved() {
        let root = tempfile::tempdir().expect("a folder");
        drop(folder::prepare(root.path()).expect("a folder"));
        std::fs::create_dir(folder::database(root.path())).expect("a folder");
        assert!(matches!(open_write(root.path()), Err(StoreError::Sqlite { .. })));
        assert_eq!(names(root.path()), [".gitignore", "history.db"]);
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

    #[test]
    fn many_that_find_it_damaged_keep_it_once() {
        for _ in 0..20 {
            let root = tempfile::tempdir().expect("a folder");
            drop(folder::prepare(root.path()).expect("a folder"));
            std::fs::write(folder::database(root.path()), "no database").expect("written");
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| open_write(root.path()).expect("opened"));
                }
            });
            let kept = names(root.path()).iter().filter(|it| it.contains(".damaged-")).count();
            assert_eq!(kept, 1);
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
