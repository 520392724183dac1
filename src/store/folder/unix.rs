//! Unix: permissions are given when the folder is made, so that it is never open to others; and a
//! file can be told from another that has taken its name.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;

pub(super) fn create(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

/// Device and inode.
pub(crate) type FileId = (u64, u64);

/// Which file has this name; none where there is no such file.
pub(crate) fn file_id(path: &Path) -> Option<FileId> {
    let status = std::fs::metadata(path).ok()?;
    Some((status.dev(), status.ino()))
}
