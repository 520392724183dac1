//! The user's signals: Ctrl-C, SIGTERM and SIGHUP in order to whoever listens, and Ctrl-Z.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

/// The signals could not be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch for Ctrl-C: {0}")]
pub struct SignalsError(#[from] io::Error);

/// Calls `tell` for every signal that asks the run to end, from a thread of its own. `nohup` has
/// SIGHUP ignored, and so it stays.
pub fn forward_signals(tell: impl FnMut() + Send + 'static) -> Result<(), SignalsError> {
    let all = [SIGINT, SIGTERM, SIGHUP];
    let wanted = all.into_iter().filter(|&it| it != SIGHUP || !is_ignored(it));
    forward(&wanted.collect::<Vec<_>>(), "signals", tell)
}

/// Calls `tell` for every Ctrl-Z, which then stops nothing by itself. Where a shell without job control
/// has it ignored, it stays so.
pub fn forward_suspend(tell: impl FnMut() + Send + 'static) -> Result<(), SignalsError> {
    if is_ignored(SIGTSTP) {
        return Ok(());
    }
    forward(&[SIGTSTP], "suspend", tell)
}

fn forward(
    signals: &[i32],
    thread: &str,
    mut tell: impl FnMut() + Send + 'static,
) -> Result<(), SignalsError> {
    let mut signals = Signals::new(signals)?;
    std::thread::Builder::new()
        .name(thread.to_owned())
        .spawn(move || signals.forever().for_each(|_| tell()))?;
    Ok(())
}

/// Lets a run in the background of a shell write to the terminal where `stty tostop` would stop it.
pub fn write_from_background() {
    // SAFETY: ignoring a signal runs no code of ours, and no thread depends on SIGTTOU.
    unsafe {
        libc::signal(libc::SIGTTOU, libc::SIG_IGN);
    }
}

/// Whether the signal was ignored when this process was started, as far as the system tells.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_has_broken_pipes_ignored_and_nothing_else() {
        assert!(is_ignored(signal_hook::consts::SIGPIPE));
        assert!(!is_ignored(signal_hook::consts::SIGUSR2));
    }
}
