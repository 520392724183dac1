//! What only some machines let us make: a small disk, and a control group with little memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes of memory that a process may have in the group: less than it takes.
const MEMORY: &str = "67108864";

/// A small disk in memory, at a folder.
pub(super) struct Disk(PathBuf);

impl Disk {
    /// None where mounting is not allowed.
    pub(super) fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).ok()?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs"]).arg(at);
        let done = command.output().ok()?.status.success();
        done.then(|| Self(at.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because what outlived the run may hold it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// A control group in which the kernel ends who takes much memory.
pub(super) struct Group(pub(super) PathBuf);

impl Group {
    /// None where groups cannot be made.
    pub(super) fn make(name: &str) -> Option<Self> {
        let first = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes");
        let second = ("/sys/fs/cgroup", "memory.max");
        [first, second].into_iter().find_map(|(root, limit)| {
            let group = Self(Path::new(root).join(name));
            fs::create_dir(&group.0).ok()?;
            fs::write(group.0.join(limit), MEMORY).ok()?;
            Some(group)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
