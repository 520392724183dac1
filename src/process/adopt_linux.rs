//! Orphans: what a run's processes leave behind becomes a child of this one, and not of the system's
//! first, so that it can be told of, and does not stay a zombie.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, set_child_subreaper, waitid};
use signal_hook::consts::SIGCHLD;
use signal_hook::iterator::Signals;

use super::kernel::ended_child;
use super::own::is_own;

static ADOPTS: AtomicBool = AtomicBool::new(false);

/// Makes this process the parent of all orphans among its descendants, and takes leave of each that
/// ends, in a thread of its own. Only a program may do that, not a library in somebody's process.
pub fn adopt_orphans() -> io::Result<()> {
    if ADOPTS.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let mut signals = Signals::new([SIGCHLD])?;
    std::thread::Builder::new()
        .name("reaper".to_owned())
        .spawn(move || signals.forever().for_each(|_| reap()))?;
    set_child_subreaper(Some(getpid()))?;
    Ok(())
}

/// Starts what is to be nobody's child.
pub(super) fn without_adopting<T>(what: impl FnOnce() -> T) -> T {
    if !ADOPTS.load(Ordering::Relaxed) {
        return what();
    }
    let _ = set_child_subreaper(None);
    let done = what();
    let _ = set_child_subreaper(Some(getpid()));
    done
}

/// Takes leave of adopted children that have ended, up to the first that somebody waits for: who
/// does, calls this again.
pub(super) fn reap() {
    if !ADOPTS.load(Ordering::Relaxed) {
        return;
    }
    while let Some(pid) = ended_child().filter(|&pid| !is_own(pid)) {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
        let ended = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        if ended.is_err() {
            return; // another thread was first
        }
    }
}
