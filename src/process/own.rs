//! The processes that this one has started, as against those that it has inherited from them.
//!
//! Each of the former is waited for by somebody, who must be the one to learn how it ended.

use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Mark;

static OWN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Starts a process, with a run's mark if it is of one.
pub(super) fn start(command: &mut Command, mark: Option<Mark>) -> io::Result<Child> {
    // Held until it is known: whoever meets it before asks, and waits.
    let mut own = own();
    let child = Mark::during(mark, || command.spawn())?;
    own.insert(child.id());
    Ok(child)
}

/// Starts a process that is of no run, and waits for it, whatever comes of it. Nobody is kept from
/// starting others meanwhile: it may be met before it is known.
pub(super) fn attend(mut command: Command) {
    let Ok(mut child) = command.spawn() else { return };
    own().insert(child.id());
    let _ = wait(&mut child);
}

/// Waits for a process that [`start`] has started.
pub fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let status = child.wait();
    forget(child.id());
    status
}

/// Starts a process and waits until it has ended and all that it wrote is read.
pub(super) fn output(command: &mut Command) -> io::Result<Output> {
    let child = start(command, None)?;
    let pid = child.id();
    let output = child.wait_with_output();
    forget(pid);
    output
}

/// Whether this process has started it, and has not been told of its end.
pub(super) fn is_own(pid: u32) -> bool {
    own().contains(&pid)
}

fn forget(pid: u32) {
    own().remove(&pid);
    // It may have stood before others that have ended.
    super::adopt::reap();
}

/// A set is whole whatever a thread that held it did.
fn own() -> MutexGuard<'static, BTreeSet<u32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}
