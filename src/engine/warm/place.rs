//! The private folder in which warm processes listen.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// One process's files.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
    lock: PathBuf,
}

impl Place {
    /// In the folder, which is made if missing.
    pub(super) fn of(key: &str) -> io::Result<Self> {
        let folder = folder();
        make(&folder)?;
        let file = |ending: &str| folder.join(format!("{key}.{ending}"));
        Ok(Self { socket: file("s"), log: file("log"), lock: file("lock") })
    }

    /// Held while a process is started, so that two callers do not start two.
    pub(super) fn lock(&self) -> io::Result<File> {
        let file = File::options().create(true).append(true).open(&self.lock)?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }
}

/// All sockets that are there.
pub(super) fn sockets() -> io::Result<Vec<PathBuf>> {
    let folder = folder();
    match check(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    }
    let entries = fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
    let mut found: Vec<_> =
        entries.filter(|it| it.extension().is_some_and(|end| end == "s")).collect();
    found.sort();
    Ok(found)
}

/// `XDG_RUNTIME_DIR` is private to the user already and goes with the session; elsewhere the folder
/// for temporary files, whose path is short enough for a socket's.
fn folder() -> PathBuf {
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    if let Some(own) = named.filter(|it| it.is_absolute() && it.is_dir()) {
        return own.join("pnl-warm");
    }
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("pnl-warm-{user}"))
}

fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => check(folder),
    }
}

/// A folder that others can enter, or have made, is not used: who listens there sees environments.
fn check(folder: &Path) -> io::Result<()> {
    let status = fs::symlink_metadata(folder)?;
    let is_own = status.uid() == rustix::process::geteuid().as_raw();
    let for_others = status.mode() & 0o077;
    if status.is_dir() && is_own && for_others == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} must be a folder of yours with mode 0700; remove it", folder.display()),
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_that_others_can_enter_is_not_used() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("pnl-warm");
        make(&folder).expect("made");
        let mode = fs::metadata(&folder).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        make(&folder).expect("it is ours");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).expect("ours");
        let error = make(&folder).expect_err("others can enter").to_string();
        assert!(error.contains("mode 0700"), "{error}");
    }
}
