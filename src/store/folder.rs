//! Where the history is: `.pnl/history.db` in the project's root.
//!
//! The folder is the user's alone, because failure texts can hold what a test saw (tokens, personal
//! data), and it ignores itself for git, so that no project has to know of it.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::error::StoreError;

#[cfg(not(unix))]
#[path = "folder/other.rs"]
mod private;
#[cfg(unix)]
#[path = "folder/unix.rs"]
mod private;

pub(super) use private::{FileId, file_id};

/// The database of a project, which may not exist.
pub(super) fn database(root: &Path) -> PathBuf {
    folder(root).join("history.db")
}

/// The database of this pnl where a newer one has written the other: each version its own, so that
/// both can be used in one project.
pub(super) fn beside(root: &Path, version: i64) -> PathBuf {
    folder(root).join(format!("history.v{version}.db"))
}

/// Makes the folder unless it exists, and holds it until the returned file is dropped.
///
/// `SQLite`'s busy timeout does not cover the change to WAL: of eight processes that opened a new
/// history at once, one in about eight hundred got "database is locked" within milliseconds. So
/// whoever opens for writing holds this lock meanwhile. On a file system without locks it holds
/// nothing, and `SQLite` decides.
pub(super) fn prepare(root: &Path) -> Result<File, StoreError> {
    let folder = folder(root);
    tolerate_existing(private::create(&folder), &folder)?;
    let ignore = folder.join(".gitignore");
    let written = File::create_new(&ignore).and_then(|mut file| file.write_all(b"*\n"));
    tolerate_existing(written, &ignore)?;
    let held = File::open(&ignore);
    let held = held.map_err(|source| StoreError::Folder { path: ignore, source })?;
    let _ = held.lock();
    Ok(held)
}

fn folder(root: &Path) -> PathBuf {
    root.join(".pnl")
}

fn tolerate_existing(result: std::io::Result<()>, path: &Path) -> Result<(), StoreError> {
    match result {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(StoreError::Folder { path: path.to_owned(), source: error })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
