//! Starting a pytest process, and signalling it and its group.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

use super::Mark;
use super::own;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// What to start.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Program and arguments; no shell is involved.
    pub argv: Vec<String>,
    /// Variables on top of this process's own.
    pub env: BTreeMap<String, String>,
    /// Working folder.
    pub cwd: PathBuf,
    /// Where its streams go.
    pub stdio: Stdio,
    /// What it has in common with all processes of its run.
    pub mark: Option<Mark>,
}

/// Where a process's streams go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdio {
    /// Stdin is empty; stdout and stderr go to one pipe. The process leads a group of its own.
    Piped,
    /// The terminal is handed over, and the process stays in this group to be in the foreground.
    Inherited,
}

/// A process that was started.
#[derive(Debug)]
pub struct Started {
    /// To be waited for.
    pub child: Child,
    /// What it writes, for [`Stdio::Piped`].
    pub output: Option<File>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By leaving with a status.
    Exit(i32),
    /// By a signal.
    Signal(i32),
    /// By the kernel, because memory ran out.
    OutOfMemory,
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match status.signal() {
            Some(signal) => Self::Signal(signal),
            None => Self::Exit(status.code().unwrap_or(-1)),
        }
    }
}

impl Launch {
    /// Starts it.
    ///
    /// # Panics
    /// If `argv` is empty.
    pub fn start(&self) -> io::Result<Started> {
        let (program, arguments) = self.argv.split_first().expect("a launch names a program");
        let mut command = Command::new(program);
        command.args(arguments).envs(&self.env).current_dir(&self.cwd);
        let output = match self.stdio {
            Stdio::Inherited => None,
            Stdio::Piped => {
                let (read, write) = io::pipe()?;
                command
                    .stdin(std::process::Stdio::null())
                    .stdout(write.try_clone()?)
                    .stderr(write)
                    .process_group(0);
                Some(File::from(std::os::fd::OwnedFd::from(read)))
            }
        };
        // The command holds the pipe's writing end: dropped here, so that the end can be seen.
        Ok(Started { child: own::start(&mut command, self.mark)?, output })
    }
}

/// Sends a signal to one process. One that is gone already is as well.
pub fn send_signal(pid: u32, signal: Signal) {
    if let Some(pid) = pid_of(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Sends a signal to the group that a process leads.
#[cfg(not(target_os = "linux"))]
pub(super) fn send_signal_to_group(pid: u32, signal: Signal) {
    if let Some(pid) = pid_of(pid) {
        let _ = kill_process_group(pid, signal);
    }
}

/// Ends a process and its group at once.
pub fn kill_group(pid: u32) {
    if let Some(pid) = pid_of(pid) {
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn pid_of(pid: u32) -> Option<Pid> {
    // 0 and 1 would address our own group, or everyone.
    (pid > 1).then(|| i32::try_from(pid).ok().and_then(Pid::from_raw)).flatten()
}
