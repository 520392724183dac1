//! Unix: permissions are given when the folder is made, so that it is never open to others; and a
//! file can be told from another that has taken its name.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

pub(super) fn create(folder: &Path) -> std::io::Result<()> {
    let created = DirBuilder::new().mode(0o700).create(folder);
    if created.is_err() {
        close_to_others(folder);
    }
    created
}

/// One that was made by something else (a checkout, a volume) is made private where that is possible:
/// a file system without permissions has nothing to close.
fn close_to_others(folder: &Path) {
    let Ok(status) = folder.symlink_metadata() else { return };
    if status.is_dir() && status.mode() & 0o077 != 0 {
        let _ = std::fs::set_permissions(folder, Permissions::from_mode(0o700));
    }
}

/// Device and inode.
pub(crate) type FileId = (u64, u64);

/// Which file has this name; none where there is no such file.
pub(crate) fn file_id(path: &Path) -> Option<FileId> {
    let status = std::fs::metadata(path).ok()?;
    Some((status.dev(), status.ino()))
}
