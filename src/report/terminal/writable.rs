//! Waiting for a standard output that takes nothing just now.

use std::io;

use rustix::event::{PollFd, PollFlags, poll};

/// Blocks until standard output can be written to, or is gone.
pub(crate) fn wait() -> io::Result<()> {
    let stdout = io::stdout();
    poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None)?;
    Ok(())
}
