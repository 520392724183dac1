//! A control group for all processes of a run, where one may be made: what is in it cannot leave it, and
//! the kernel ends all of it in one go, however fast it multiplies.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::mounts::folder_of;

/// How long the group's last processes may take to be gone once they are killed, each time that it is
/// looked at.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// How a group's name begins.
const PREFIX: &str = "pnl-";

/// How long a group may be empty because its run is just starting.
const STARTING: Duration = Duration::from_secs(60);

/// Looks at it, at most.
const PASSES: usize = 5;

/// A run's group. It goes, with all that is in it, when this is dropped.
#[derive(Debug)]
pub struct ControlGroup {
    folder: PathBuf,
}

impl ControlGroup {
    /// Makes one below this process's own, if that is allowed and the kernel can end one.
    pub fn make(run: &str) -> io::Result<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup")?;
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let own = own_folder(&groups, &mounts).ok_or(io::ErrorKind::NotFound)?;
        remove_stale(&own);
        let folder = own.join(format!("{PREFIX}{run}"));
        fs::create_dir(&folder)?;
        let group = Self { folder };
        if group.folder.join("cgroup.kill").exists() {
            Ok(group)
        } else {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes in a process, and what it will start. In a thread of its own: the first time the kernel
    /// waited 12 ms for all processors, later times took 0.3 ms.
    pub fn take(&self, pid: u32) {
        let list = self.folder.join("cgroup.procs");
        // A process that stays outside is found by other means.
        let _ = std::thread::Builder::new().name("group".to_owned()).spawn(move || {
            let _ = fs::write(list, pid.to_string());
        });
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        end(&self.folder);
    }
}

/// Ends all in a group, and the group.
pub(super) fn end(folder: &Path) {
    for _ in 0..PASSES {
        if fs::remove_dir(folder).is_ok() {
            return; // nobody was in it
        }
        let Ok(mut events) = File::open(folder.join("cgroup.events")) else { return };
        // What was read is what is told to have changed: that it is empty.
        let read = events.read_to_string(&mut String::new());
        if read.and_then(|_| fs::write(folder.join("cgroup.kill"), "1")).is_err() {
            return;
        }
        let _ = poll(&mut [PollFd::new(&events, PollFlags::PRI)], Some(&PATIENCE));
    }
}

/// Removes what is left of runs whose guard was killed too. One that somebody is in stays.
fn remove_stale(own: &Path) {
    let entries = fs::read_dir(own).into_iter().flatten().flatten();
    let groups = entries.filter(|it| it.file_name().to_string_lossy().starts_with(PREFIX));
    for group in groups {
        let made = group.metadata().and_then(|it| it.modified()).ok();
        if made.and_then(|it| it.elapsed().ok()).is_some_and(|age| age > STARTING) {
            let _ = fs::remove_dir(group.path());
        }
    }
}

fn own_folder(groups: &str, mounts: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    folder_of(mounts, "cgroup2", None, Path::new(own))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_group_ends_with_all_that_is_in_it_where_one_can_be_made() {
        let Ok(group) = ControlGroup::make("unit-test") else { return };
        let mut child = Command::new("sh")
            .args(["-c", "trap '' TERM; sleep 60"])
            .stdin(Stdio::null())
            .spawn()
            .expect("a shell");
        fs::write(group.folder().join("cgroup.procs"), child.id().to_string()).expect("ours");
        let folder = group.folder().to_owned();
        drop(group);
        assert!(!child.wait().expect("ours").success());
        assert!(!folder.exists());
    }

    #[test]
    fn the_own_group_is_found_beside_those_of_the_first_version() {
        let mounts = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let own = own_folder("4:memory:/a\n0::/b\n", mounts);
        assert_eq!(own, Some(PathBuf::from("/sys/fs/cgroup/unified/b")));
        assert_eq!(own_folder("4:memory:/a\n", mounts), None);
    }
}
