//! Starting a process that outlives this one.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{adopt, own};

/// What to start.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Working folder.
    pub cwd: PathBuf,
}

impl Daemon {
    /// Starts it with a socket as its standard output and error, and waits until it has detached
    /// itself: the process that is started forks the one that stays, and ends.
    ///
    /// # Panics
    /// If `argv` is empty.
    pub fn start(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let (program, arguments) = self.argv.split_first().expect("a daemon has a program");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(&self.env)
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .stdout(socket.try_clone_to_owned()?)
            .stderr(socket.try_clone_to_owned()?)
            .process_group(0);
        let status = adopt::without_adopting(|| {
            own::start(&mut command, None).and_then(|mut it| own::wait(&mut it))
        })?;
        if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
    }
}

/// Memory that a process shares with nobody, and its part of what it shares, in KiB.
#[must_use]
pub fn memory_of(pid: u32) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
