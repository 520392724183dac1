//! The lifelines of a run: named pipes that only pnl and its guard hold open for writing.
//!
//! Each process of the run opens them for itself and asks the kernel for a signal
//! (`worker/pnl_worker/lifeline.py`): SIGINT when pnl is gone, so that tests tear down, and SIGKILL
//! when the guard is gone too. Whatever a process is stuck in, the kernel's signal finds it.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};

/// Held by pnl and by its guard.
pub(super) const LIFE: &str = "life";

/// Held by pnl alone.
const ALARM: &str = "alarm";

/// Both, held until this is dropped.
#[derive(Debug)]
pub struct Lifelines {
    _held: [File; 2],
}

impl Lifelines {
    /// Makes them in a run's private folder.
    pub fn make(folder: &Path) -> io::Result<Self> {
        let make = |name| {
            let path = folder.join(name);
            mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
            hold(&path)
        };
        Ok(Self { _held: [make(LIFE)?, make(ALARM)?] })
    }
}

/// Holds one of them open for writing. For reading too: it is open at once then.
pub(super) fn hold(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(File::from(open(path, flags, Mode::empty())?))
}
