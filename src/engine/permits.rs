//! Permits: who has a test that was sent but not started, the worker or the controller.
//!
//! A pipe with a byte for each test that a worker was given. The worker reads one before it commits
//! itself to a test; the controller takes tests back, from the end of what it gave, by reading theirs
//! first. Whoever reads a byte has the test, however busy the other is: quick tests can travel in
//! batches, and no worker idles because another one holds a batch behind a slow test.
//!
//! A byte's value says how many times tests had been taken back before it was written. A worker that
//! has not heard of all of these cannot use it yet: what it would permit may be a test that is gone.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::pipe::{PipeFlags, pipe_with};

/// Both ends of a worker's pipe.
#[derive(Debug)]
pub(super) struct Permits {
    read: OwnedFd,
    write: OwnedFd,
    /// Granted, and not written for want of room.
    owed: usize,
    /// How many times tests were taken back, modulo 256.
    taken_back: u8,
}

impl Permits {
    /// An empty pipe. Neither side ever waits on it.
    pub(super) fn new() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Self { read, write, owed: 0, taken_back: 0 })
    }

    /// What the worker reads from.
    pub(super) fn reading_end(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    /// Permits so many more tests. To be called before they are sent.
    pub(super) fn grant(&mut self, tests: usize) {
        self.owed += tests;
        self.settle();
    }

    /// Writes what the pipe had no room for, as far as it has room now. A pipe holds 64 KiB, and a
    /// file of more tests than that is given whole by some dist modes.
    pub(super) fn settle(&mut self) {
        while self.owed > 0 {
            match rustix::io::write(&self.write, &[self.taken_back; 512][..self.owed.min(512)]) {
                Ok(written) => self.owed -= written,
                Err(_) => break,
            }
        }
    }

    /// Takes back up to so many permits; returns how many. Those not written yet are the last.
    pub(super) fn revoke(&mut self, tests: usize) -> usize {
        let unwritten = tests.min(self.owed);
        self.owed -= unwritten;
        let mut taken = [0; 64];
        let wanted = (tests - unwritten).min(taken.len());
        let taken = unwritten + rustix::io::read(&self.read, &mut taken[..wanted]).unwrap_or(0);
        if taken > 0 {
            self.taken_back = self.taken_back.wrapping_add(1);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_had_once() {
        let mut permits = Permits::new().expect("a pipe");
        assert_eq!(permits.revoke(1), 0);
        permits.grant(3);
        let mut workers = [0; 1];
        assert_eq!(rustix::io::read(permits.reading_end(), &mut workers), Ok(1));
        assert_eq!(permits.revoke(5), 2);
        assert_eq!(permits.revoke(5), 0);
    }

    // A worker once took a new permit for one of a test that was gone, and ran the wrong one next.
    #[test]
    fn a_permit_tells_how_often_tests_were_taken_back_before() {
        let mut permits = Permits::new().expect("a pipe");
        permits.grant(2);
        assert_eq!(permits.revoke(1), 1);
        permits.grant(1);
        let mut bytes = [9; 2];
        assert_eq!(rustix::io::read(permits.reading_end(), &mut bytes), Ok(2));
        assert_eq!(bytes, [0, 1]);
    }

    // The worker would have waited for ever for what did not fit.
    #[test]
    fn more_than_a_pipe_holds_comes_as_there_is_room() {
        let mut permits = Permits::new().expect("a pipe");
        permits.grant(200_000);
        assert_eq!(permits.revoke(10), 10, "from the end, which is not written yet");
        let mut had = 0;
        while let Ok(read @ 1..) = rustix::io::read(permits.reading_end(), &mut [0; 4096]) {
            had += read;
            permits.settle();
        }
        assert_eq!(had, 199_990);
    }
}
