//! Whether the kernel has ended a process because memory ran out, which it does with a signal that
//! anybody could have sent.
//!
//! It counts them: for each control group, and for the machine. A count that has grown when a process
//! turns out to be killed tells.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::process::Signal;

use super::Ended;

static COUNTED: Mutex<Option<Counted>> = Mutex::new(None);

/// A counter, and what of it is accounted for.
#[derive(Debug)]
struct Counted {
    file: PathBuf,
    until: u64,
}

/// Counts from now on.
pub fn watch_memory() {
    let counted = counter().map(|file| {
        let until = read(&file).unwrap_or(0);
        Counted { file, until }
    });
    *COUNTED.lock().unwrap_or_else(PoisonError::into_inner) = counted;
}

/// How a process of this run ended, with what the kernel says of it.
#[must_use]
pub fn with_memory(ended: Ended) -> Ended {
    let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(counted) = counted.as_mut() else { return ended };
    let now = read(&counted.file).unwrap_or(counted.until);
    if ended != Ended::Signal(Signal::KILL.as_raw()) {
        // One that the kernel ended before this was another's: a browser's, say.
        counted.until = now;
        return ended;
    }
    if now <= counted.until {
        return ended;
    }
    counted.until += 1;
    Ended::OutOfMemory
}

/// The narrowest counter that there is: of this process's control group, which its descendants are in
/// too, else of the machine, whose other containers count as well.
fn counter() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let all = counters(&groups, &mounts).into_iter().chain([PathBuf::from("/proc/vmstat")]);
    all.into_iter().find(|file| read(file).is_some())
}

/// Where this process's groups have theirs. A mount can show a part of the hierarchy alone.
fn counters(groups: &str, mounts: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (kind, option, file) = match controllers {
            "" => ("cgroup2", None, "memory.events"),
            it if it.split(',').any(|name| name == "memory") => {
                ("cgroup", Some("memory"), "memory.oom_control")
            }
            _ => continue,
        };
        found.extend(
            super::mounts::folder_of(mounts, kind, option, Path::new(group))
                .map(|folder| folder.join(file)),
        );
    }
    found
}

fn read(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    const PART: &str = "30 23 0:26 /docker/12 /sys/fs/cgroup ro - cgroup2 cgroup rw\n";

    #[test]
    fn the_counter_lies_where_the_group_is_seen() {
        let of = |groups, mounts| {
            let found = counters(groups, mounts).into_iter();
            found.map(|it| it.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            of("4:memory:/a/b\n0::/c\n", V1),
            [
                "/sys/fs/cgroup/memory/a/b/memory.oom_control",
                "/sys/fs/cgroup/unified/c/memory.events"
            ]
        );
        assert_eq!(of("0::/user.slice/x\n", V2), ["/sys/fs/cgroup/user.slice/x/memory.events"]);
        assert_eq!(of("0::/docker/12/y\n", PART), ["/sys/fs/cgroup/y/memory.events"]);
        assert_eq!(of("0::/elsewhere\n", PART), [""; 0]);
    }

    #[test]
    fn the_machine_counts_where_no_group_does() {
        assert!(read(Path::new("/proc/vmstat")).is_some());
        assert!(counter().is_some());
    }
}
