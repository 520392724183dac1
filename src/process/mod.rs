//! Processes: finding Python, starting pytest, reading what it writes, signalling and ending it.
//!
//! Knows only [`crate::model`]; decides nothing about tests.

#[cfg(target_os = "linux")]
#[path = "changes_linux.rs"]
mod changes;
#[cfg(not(target_os = "linux"))]
#[path = "changes_other.rs"]
mod changes;
mod child;
mod daemon;
#[cfg(target_os = "linux")]
#[path = "leftovers_linux.rs"]
mod leftovers;
#[cfg(not(target_os = "linux"))]
#[path = "leftovers_other.rs"]
mod leftovers;
mod package;
mod python;
mod shortage;
mod signals;
mod tail;
#[cfg(target_os = "linux")]
#[path = "tree_linux.rs"]
mod tree;
#[cfg(not(target_os = "linux"))]
#[path = "tree_other.rs"]
mod tree;

pub use changes::{Changes, is_projects_own};
#[cfg(not(target_os = "linux"))]
use child::send_signal_to_group;
pub use child::{Ended, Launch, Started, Stdio, kill_group, send_signal};
pub use daemon::{Daemon, memory_of};
pub use leftovers::{Leftover, end_leftovers};
pub use package::unpack;
pub use python::{Found, Interpreter, Modules, PythonError, find, probe};
pub use rustix::process::Signal;
pub use shortage::{explained, is_shortage, open_files};
pub use signals::{SignalsError, forward_signals, forward_suspend, write_from_background};
pub use tail::{Tail, file_text};
pub use tree::{Tree, resident_memory, state_of};

/// Set to the run's id in every process of a run, so that those left behind can be told.
pub const RUN_VARIABLE: &str = "PNL_RUN";
