//! Ctrl-Z: a run stands still as a whole, and goes on as a whole.

use std::time::{Duration, Instant};

use super::inbox::Control;
use crate::process::{Signal, Tree, send_signal};

/// Stops these processes with all that they started, then this one, until somebody continues it (`fg`).
/// Returns how long that was: for so long no clock of the run counts.
///
/// Workers are in groups of their own, so the terminal's Ctrl-Z does not reach them.
pub(super) fn suspend(control: &Control, pids: &[u32]) -> Duration {
    let trees: Vec<Tree> = pids.iter().map(|&pid| Tree::of(pid)).collect();
    for tree in &trees {
        tree.signal(Signal::STOP);
    }
    let stopped = Instant::now();
    send_signal(std::process::id(), Signal::STOP);
    // Whoever continued this process continued its group: not the others.
    for tree in &trees {
        tree.signal(Signal::CONT);
    }
    let pause = stopped.elapsed();
    control.stood_still(pause);
    pause
}
