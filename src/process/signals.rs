//! The user's signals: Ctrl-C, SIGTERM and SIGHUP, in order, to whoever listens.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The signals could not be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch for Ctrl-C: {0}")]
pub struct SignalsError(#[from] io::Error);

/// Calls `tell` for every signal that asks the run to end, from a thread of its own.
pub fn forward_signals(mut tell: impl FnMut() + Send + 'static) -> Result<(), SignalsError> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || signals.forever().for_each(|_| tell()))?;
    Ok(())
}
