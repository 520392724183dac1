//! Processes as `/proc` has them.

use std::fmt::Write as _;
use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// A process that is known by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    fn pid(self) -> Option<Pid> {
        i32::try_from(self.0).ok().filter(|&it| it > 1).and_then(Pid::from_raw)
    }

    pub(crate) fn signal(self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // One that is gone already is as well.
            let _ = kill_process(pid, signal);
        }
    }

    fn handle(self) -> Option<OwnedFd> {
        pidfd_open(self.pid()?, PidfdFlags::empty()).ok()
    }

    /// Waits for its end. False if it did not come in time.
    pub(crate) fn wait(self, limit: Duration) -> bool {
        let Some(handle) = self.handle() else { return true };
        let limit = Timespec {
            tv_sec: limit.as_secs().cast_signed(),
            tv_nsec: i64::from(limit.subsec_nanos()),
        };
        poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&limit)).is_ok_and(|count| count > 0)
    }

    /// Waits until it has stopped. There is no event for it that others than its parent could have.
    pub(crate) fn wait_until_stopped(self) {
        while self.state().is_some_and(|state| !"TtZX".contains(state)) {
            std::thread::yield_now();
        }
    }

    fn state(self) -> Option<char> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// A zombie has ended: whoever should reap it is not of the run.
    fn is_alive(self) -> bool {
        self.state().is_some_and(|state| !"ZX".contains(state))
    }

    /// Its command line.
    pub(crate) fn command(self) -> String {
        let raw = fs::read(format!("/proc/{}/cmdline", self.0)).unwrap_or_default();
        String::from_utf8_lossy(&raw).replace('\0', " ").trim().to_owned()
    }

    /// What it waits for, as far as the kernel tells.
    fn dump(self) -> String {
        let mut text = format!("{} {}\n", self.0, self.command());
        for name in ["wchan", "syscall", "stack"] {
            let read = fs::read_to_string(format!("/proc/{}/{name}", self.0)).unwrap_or_default();
            let _ = writeln!(text, "    {name}: {}", read.trim().replace('\n', " < "));
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let keys = ["State", "PPid", "SigBlk", "SigIgn"];
        for line in status.lines().filter(|line| keys.iter().any(|key| line.starts_with(key))) {
            let _ = writeln!(text, "    {line}");
        }
        text
    }
}

/// All living processes that have this entry in their environment.
pub(crate) fn with_variable(entry: &str) -> Vec<Process> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|it| it.file_name().to_str()?.parse().ok());
    let has_it = |process: &Process| {
        fs::read(format!("/proc/{}/environ", process.0))
            .is_ok_and(|environ| environ.split(|&byte| byte == 0).any(|it| it == entry.as_bytes()))
    };
    pids.map(Process).filter(|it| it.is_alive() && has_it(it)).collect()
}

/// What all of them wait for.
pub(crate) fn dumps(processes: &[Process]) -> String {
    processes.iter().map(|it| it.dump()).collect()
}

/// Waits until none is left, and returns those that are when the time is up, ended then.
pub(crate) fn survivors(entry: &str, limit: Duration) -> Vec<String> {
    let deadline = Instant::now() + limit;
    loop {
        let left = with_variable(entry);
        let Some(first) = left.first() else { return Vec::new() };
        if Instant::now() >= deadline {
            let named = left.iter().map(|it| it.dump()).collect();
            end_all(entry);
            return named;
        }
        first.wait(deadline.saturating_duration_since(Instant::now()));
    }
}

/// Ends all, those included that are started meanwhile.
pub(crate) fn end_all(entry: &str) {
    for _ in 0..100 {
        let left = with_variable(entry);
        if left.is_empty() {
            return;
        }
        for process in &left {
            process.signal(Signal::KILL);
        }
        for process in &left {
            process.wait(Duration::from_secs(1));
        }
    }
}
