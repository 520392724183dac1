//! Permits: who has a test that was sent but not started, the worker or the controller.
//!
//! A pipe with a byte for each test that a worker was given. The worker reads one before it commits
//! itself to a test; the controller takes tests back, from the end of what it gave, by reading theirs
//! first. Whoever reads a byte has the test, however busy the other is: quick tests can travel in
//! batches, and no worker idles because another one holds a batch behind a slow test.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::pipe::{PipeFlags, pipe_with};

/// Both ends of a worker's pipe.
#[derive(Debug)]
pub(super) struct Permits {
    read: OwnedFd,
    write: OwnedFd,
}

impl Permits {
    /// An empty pipe. Neither side ever waits on it.
    pub(super) fn new() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Self { read, write })
    }

    /// What the worker reads from.
    pub(super) fn reading_end(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    /// Permits so many more tests. To be called before they are sent.
    pub(super) fn grant(&self, tests: usize) {
        // A pipe holds 64 KiB and a worker at most some thousand tests. Where it does not hold
        // them, the worker waits for permits that never come: only a file of more tests than that.
        let mut left = tests;
        while left > 0 {
            match rustix::io::write(&self.write, &[1; 512][..left.min(512)]) {
                Ok(written) => left -= written,
                Err(_) => break,
            }
        }
    }

    /// Takes back up to so many permits; returns how many.
    pub(super) fn revoke(&self, tests: usize) -> usize {
        let mut taken = [0; 64];
        let wanted = tests.min(taken.len());
        rustix::io::read(&self.read, &mut taken[..wanted]).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_had_once() {
        let permits = Permits::new().expect("a pipe");
        assert_eq!(permits.revoke(1), 0);
        permits.grant(3);
        let mut workers = [0; 1];
        assert_eq!(rustix::io::read(permits.reading_end(), &mut workers), Ok(1));
        assert_eq!(permits.revoke(5), 2);
        assert_eq!(permits.revoke(5), 0);
    }
}
