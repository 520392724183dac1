//! What can go wrong with a history, in words for the user.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::PathBuf;

/// Why the history cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or one of its files cannot be made.
    #[error("cannot make {}, which pnl keeps the history in: {source}", path.display())]
    Folder {
        /// What was to be made.
        path: PathBuf,
        /// Why it could not.
        source: std::io::Error,
    },
    /// A newer pnl has written the file. It is left as it is.
    #[error(
        "{} has schema version {found} and this pnl knows versions up to {known}: a newer pnl has \
         written it, and can read it",
        path.display()
    )]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this pnl knows.
        known: i64,
    },
    /// `SQLite` says no: disk full, locked for too long, no database at all.
    #[error("cannot {doing} the history {}: {source}", path.display())]
    Sqlite {
        /// `open`, `read`, `write`.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// More was reported than could be written in time: a disk that stalls.
    #[error("the disk of {} was too slow, and no more than {limit_mib} MiB are kept in memory", path.display())]
    TooSlow {
        /// The database.
        path: PathBuf,
        /// What may wait.
        limit_mib: usize,
    },
    /// The writing thread cannot be started.
    #[error("cannot start the thread that writes the history: {0}")]
    Thread(#[source] std::io::Error),
    /// The writing thread panicked, which is a mistake in pnl.
    #[error("the thread that writes the history panicked; this run is stored in part at most")]
    WriterPanicked,
    /// Nothing was recorded yet.
    #[error("no run is recorded in {}; `pnl test` records one", path.display())]
    Empty {
        /// The database, which may not exist.
        path: PathBuf,
    },
    /// No run has such an id.
    #[error(
        "no recorded run has an id that begins with {wanted:?}{}",
        listed("the newest are", candidates)
    )]
    NoSuchRun {
        /// What was asked for.
        wanted: String,
        /// Ids of the newest runs.
        candidates: Vec<String>,
    },
    /// Several runs have such an id.
    #[error(
        "several recorded runs have an id that begins with {wanted:?}{}",
        listed("such as", candidates)
    )]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// Ids of the newest of them.
        candidates: Vec<String>,
    },
}

impl StoreError {
    /// Whether the file is no sound database, so that nothing will ever come of it.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        matches!(self.code(), Some(DatabaseCorrupt | NotADatabase))
    }

    /// Whether it can be otherwise a moment later: somebody else holds it, or a disk is full.
    pub(super) fn may_pass(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, SystemIoFailure};
        match self {
            Self::Folder { source, .. } => {
                matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
            }
            _ => matches!(
                self.code(),
                Some(DatabaseBusy | DatabaseLocked | DiskFull | SystemIoFailure)
            ),
        }
    }

    /// Whether another process holds the file.
    pub(super) fn is_held(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        matches!(self.code(), Some(DatabaseBusy | DatabaseLocked))
    }

    fn code(&self) -> Option<rusqlite::ErrorCode> {
        match self {
            Self::Sqlite { source, .. } => source.sqlite_error_code(),
            _ => None,
        }
    }
}

fn listed(lead: &str, candidates: &[String]) -> String {
    let mut text = String::new();
    for (position, candidate) in candidates.iter().enumerate() {
        let joint = if position == 0 { format!("; {lead} ") } else { ", ".to_owned() };
        let _ = write!(text, "{joint}{candidate}");
    }
    text
}
