//! Where control groups are seen in the file system.

use std::path::{Path, PathBuf};

/// The folder of a group in a hierarchy of this kind (with this option), as `/proc/self/mountinfo` has
/// it. None where it is not mounted, or not that part of it.
pub(super) fn folder_of(
    mounts: &str,
    kind: &str,
    option: Option<&str>,
    group: &Path,
) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        // Optional fields end with a dash: `30 23 0:26 /root /mount rw shared:1 - cgroup2 name rw`.
        let (mount, source) = line.split_once(" - ")?;
        let mut source = source.split(' ');
        let is_kind = source.next() == Some(kind);
        let options = source.nth(1).unwrap_or_default();
        let has_option = option.is_none_or(|it| options.split(',').any(|own| own == it));
        let mut fields = mount.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        let below = group.strip_prefix(root).ok().filter(|_| is_kind && has_option)?;
        Some(Path::new(place).join(below))
    })
}
