//! Processes of a run that are still there after its end, found by the run's variable in their
//! environment: browsers leave the worker's group and session, but not its environment.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::RUN_VARIABLE;

/// How long a process left behind may take to end when asked.
const PATIENCE: Duration = Duration::from_millis(500);

/// A process that a test left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its id.
    pub pid: u32,
    /// Its command line; untrusted text.
    pub command: String,
}

/// Passes over the process table: a process may start another between our look and our signal.
const PASSES: usize = 10;

/// Ends all processes of the run and returns what there was to end, as seen at first.
#[must_use]
pub fn end_leftovers(run: &str) -> Vec<Leftover> {
    let first = find(run);
    if first.is_empty() {
        // A look reads the environment of every process there is: 10 ms and more on a busy machine.
        return first;
    }
    end(&first, Signal::TERM);
    for _ in 0..PASSES {
        let still = find(run);
        if still.is_empty() {
            break;
        }
        end(&still, Signal::KILL);
    }
    first
}

fn find(run: &str) -> Vec<Leftover> {
    let marker = format!("{RUN_VARIABLE}={run}").into_bytes();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|&pid| pid != std::process::id() && has_variable(pid, &marker))
        .map(|pid| Leftover { pid, command: command_of(pid) })
        .collect()
}

fn has_variable(pid: u32, marker: &[u8]) -> bool {
    // A zombie's environment is empty, and another user's cannot be read.
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environ| environ.split(|&byte| byte == 0).any(|entry| entry == marker))
}

fn command_of(pid: u32) -> String {
    let raw = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&raw).replace('\0', " ").trim().to_owned()
}

/// Sends the signal to all and waits, within bounds, for them to be gone.
fn end(leftovers: &[Leftover], signal: Signal) {
    let pids = leftovers.iter().filter_map(|it| i32::try_from(it.pid).ok().and_then(Pid::from_raw));
    let mut waiting: Vec<OwnedFd> = Vec::new();
    for pid in pids {
        if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty())
            && kill_process(pid, signal).is_ok()
        {
            waiting.push(pidfd);
        }
    }
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(PATIENCE.subsec_nanos()) };
    for pidfd in waiting {
        // A time-out is answered by the next signal; any other error by nothing.
        let _ = poll(&mut [PollFd::new(&pidfd.as_fd(), PollFlags::IN)], Some(&timeout));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_left_its_group_is_found_and_ended() {
        let mut child = std::process::Command::new("setsid")
            .args(["sh", "-c", "trap '' TERM; while :; do sleep 60; done"])
            .env(RUN_VARIABLE, "leftovers-test")
            .spawn()
            .expect("setsid is part of util-linux");
        // The variable is there from the moment of exec on; before it the environment is ours.
        while find("leftovers-test").is_empty() {
            std::thread::yield_now();
        }
        assert!(!end_leftovers("leftovers-test").is_empty());
        let status = child.wait().expect("our child");
        assert!(!status.success());
        assert!(find("leftovers-test").is_empty());
    }
}
