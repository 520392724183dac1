//! Processes: finding Python, starting pytest, reading what it writes, signalling and ending it.
//!
//! Knows only [`crate::model`]; decides nothing about tests.

#[cfg(target_os = "linux")]
#[path = "adopt_linux.rs"]
mod adopt;
#[cfg(not(target_os = "linux"))]
#[path = "adopt_other.rs"]
mod adopt;
#[cfg(target_os = "linux")]
#[path = "changes_linux.rs"]
mod changes;
#[cfg(not(target_os = "linux"))]
#[path = "changes_other.rs"]
mod changes;
mod child;
mod daemon;
#[cfg(target_os = "linux")]
#[path = "group_linux.rs"]
mod group;
#[cfg(not(target_os = "linux"))]
#[path = "group_other.rs"]
mod group;
#[cfg(target_os = "linux")]
#[path = "guard_linux.rs"]
mod guard;
#[cfg(not(target_os = "linux"))]
#[path = "guard_other.rs"]
mod guard;
#[cfg(target_os = "linux")]
#[path = "kernel_linux.rs"]
mod kernel;
#[cfg(target_os = "linux")]
#[path = "leftovers_linux.rs"]
mod leftovers;
#[cfg(not(target_os = "linux"))]
#[path = "leftovers_other.rs"]
mod leftovers;
mod lifeline;
#[cfg(target_os = "linux")]
#[path = "mark_linux.rs"]
mod mark;
#[cfg(not(target_os = "linux"))]
#[path = "mark_other.rs"]
mod mark;
#[cfg(target_os = "linux")]
#[path = "mounts_linux.rs"]
mod mounts;
#[cfg(target_os = "linux")]
#[path = "oom_linux.rs"]
mod oom;
#[cfg(not(target_os = "linux"))]
#[path = "oom_other.rs"]
mod oom;
mod own;
mod package;
mod python;
mod question;
mod shortage;
mod signals;
mod tail;
#[cfg(target_os = "linux")]
#[path = "tree_linux.rs"]
mod tree;
#[cfg(not(target_os = "linux"))]
#[path = "tree_other.rs"]
mod tree;

pub use adopt::adopt_orphans;
pub use changes::{Changes, is_projects_own};
#[cfg(not(target_os = "linux"))]
use child::send_signal_to_group;
pub use child::{Ended, Launch, Started, Stdio, kill_group, send_signal};
pub use daemon::{Daemon, memory_of};
pub use group::ControlGroup;
pub use guard::{Dismissed, Guarded, dismiss_guard, guard, is_guard, stand_guard, start_guard};
pub use leftovers::{Orphan, RunProcesses};
pub use lifeline::Lifelines;
pub use mark::Mark;
pub use oom::{watch_memory, with_memory};
pub use own::wait;
pub use package::unpack;
pub use python::{Found, Interpreter, Modules, PythonError, find, probe};
pub use question::{Asked, Question};
pub use rustix::process::Signal;
pub use shortage::{explained, explained_of_watching, is_shortage, open_files};
pub use signals::{SignalsError, forward_signals, forward_suspend, write_from_background};
pub use tail::{Tail, file_text};
pub use tree::{Tree, resident_memory, state_of};

/// Set to the run's id in every process of a run, so that those left behind can be told.
pub const RUN_VARIABLE: &str = "PNL_RUN";
