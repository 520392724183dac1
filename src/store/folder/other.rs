//! Elsewhere: a folder inherits its parent's permissions.

use std::path::Path;

pub(super) fn create(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir(folder)
}
