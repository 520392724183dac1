//! The lifelines of a run: named pipes that only pnl and its guard hold open for writing.
//!
//! Each process of the run opens them for itself and asks the kernel for a signal
//! (`worker/pnl_worker/lifeline.py`): SIGINT when pnl is gone, so that tests tear down, and SIGKILL
//! when the guard is gone too. Whatever a process is stuck in, the kernel's signal finds it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};

/// Held by pnl and by its guard.
pub(super) const LIFE: &str = "life";

/// Held by pnl alone.
const ALARM: &str = "alarm";

/// All of them, held until this is dropped.
#[derive(Debug)]
pub struct Lifelines {
    folder: PathBuf,
    _life: File,
    _alarm: File,
    workers: Mutex<BTreeMap<String, File>>,
}

impl Lifelines {
    /// Makes them in a run's private folder.
    pub fn make(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            _life: make(&folder.join(LIFE))?,
            _alarm: make(&folder.join(ALARM))?,
            workers: Mutex::default(),
        })
    }

    /// Makes a worker's alarm. Each has its own: of those that read the same one, each that ended
    /// would alarm the others again, in the midst of their tear-downs.
    pub fn expect(&self, worker: &str) {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if workers.contains_key(worker) {
            return; // of an earlier round
        }
        // A worker without one hears the end of its connection.
        if let Ok(file) = make(&self.folder.join(format!("{ALARM}-{worker}"))) {
            workers.insert(worker.to_owned(), file);
        }
    }
}

fn make(path: &Path) -> io::Result<File> {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    hold(path)
}

/// Holds one of them open for writing. For reading too: it is open at once then.
pub(super) fn hold(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(File::from(open(path, flags, Mode::empty())?))
}
