//! Where a process is stuck: its own dump of its stacks, else what the system knows of it.

use std::path::{Path, PathBuf};

use super::judge;
use crate::process::{Signal, file_text, send_signal, state_of};

/// Asks a process for a dump of its stacks: `worker/pnl_worker/stacks.py` has faulthandler answer it.
/// Suites do not use it, and a process that does not know it ignores it.
const DUMP_SIGNAL: Signal = Signal::URG;

/// Asks for a dump, which comes whenever it comes.
pub(super) fn ask(pid: u32) {
    send_signal(pid, DUMP_SIGNAL);
}

/// The dump of the process that is called so, or why there is none.
pub(super) fn read(folder: &Path, name: &str, pid: u32) -> String {
    let dump = file_text(&file(folder, name)).unwrap_or_default();
    let dump = judge::without_our_frames(&dump);
    match state_of(pid) {
        _ if !dump.trim().is_empty() => dump,
        Some(state) => {
            format!("(process {pid} wrote no stacks when it was asked; it is {state})\n")
        }
        None => format!("(process {pid} wrote no stacks)\n"),
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}-stacks"))
}
