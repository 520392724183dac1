//! Files that are saved below a folder: not known on this system.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// A watch that cannot be had.
#[derive(Debug)]
pub struct Changes;

impl Changes {
    /// Says so.
    pub fn below(_root: &Path) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this needs Linux's inotify"))
    }

    /// Never called.
    pub fn wait(&mut self) -> io::Result<Option<BTreeSet<PathBuf>>> {
        Ok(None)
    }
}

/// Not a hidden folder, nor one that tools fill.
#[must_use]
pub fn is_projects_own(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && name != "__pycache__"
}
