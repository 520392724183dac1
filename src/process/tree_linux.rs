//! A process with all that it started, by the process table.

use rustix::process::Signal;

use super::send_signal;

/// A process and its descendants at one moment. A process that has left its group, as browsers do,
/// is still its parent's child.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(Vec<Member>);

/// A process; its time of start tells it from a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    pid: u32,
    parent: u32,
    started: u64,
}

impl Tree {
    /// Looks at the process table.
    #[must_use]
    pub fn of(root: u32) -> Self {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Self::default() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let all: Vec<Member> = pids.filter_map(member).collect();
        let mut tree: Vec<Member> = all.iter().filter(|it| it.pid == root).copied().collect();
        let mut seen = 0;
        while let Some(&Member { pid, .. }) = tree.get(seen) {
            tree.extend(all.iter().filter(|it| it.parent == pid));
            seen += 1;
        }
        Self(tree)
    }

    /// Sends the signal to those that are still there.
    pub fn signal(&self, signal: Signal) {
        for known in &self.0 {
            if member(known.pid).is_some_and(|now| now.started == known.started) {
                send_signal(known.pid, signal);
            }
        }
    }
}

/// What the system says that a process does, in a word or two.
#[must_use]
pub fn state_of(pid: u32) -> Option<&'static str> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(match stat[stat.rfind(')')? + 1..].trim_start().chars().next()? {
        'R' => "running",
        'S' => "asleep, waiting for something",
        'D' => "waiting for a disk or a device",
        'T' | 't' => "stopped, by a signal or a debugger",
        'Z' | 'X' => "gone",
        _ => return None,
    })
}

/// Bytes of a process that are in memory and belong to no file; what a fork shares with its parent
/// counts for both.
#[must_use]
pub fn resident_memory(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut pages = statm.split_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
}

/// Reads `/proc/PID/stat`: parent and time of start are its fields 4 and 22.
fn member(pid: u32) -> Option<Member> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses, which may have anything in it.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Member { pid, parent, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_found_though_they_left_the_group() {
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "setsid sleep 60 & wait"])
            .stdin(std::process::Stdio::null())
            .spawn()
            .expect("a shell");
        let tree = loop {
            let tree = Tree::of(shell.id());
            if tree.0.len() == 2 {
                break tree;
            }
            std::thread::yield_now();
        };
        tree.signal(Signal::KILL);
        assert!(!shell.wait().expect("our child").success());
        assert_eq!(Tree::of(shell.id()), Tree::default());
    }

    #[test]
    fn this_process_started_at_some_time() {
        let own = member(std::process::id()).expect("it is there");
        assert!(own.started > 0 && own.parent > 0);
    }
}
