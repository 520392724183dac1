//! The branch: a fork of the template that collects all files while workers run the first round, and
//! from which the workers of later rounds are forked.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use super::inbox::ConnId;
use super::listed::Listed;
use super::overtime::{Awaited, Due, Overtime};
use super::permits::Permits;
use super::recruit::send_order;
use crate::protocol::socket::Sender;
use crate::protocol::{Fork, Hello, Ready, TestRow, ToController, ToWorker};

/// The branch and its conversation.
#[derive(Debug, Default)]
pub(super) struct Branch {
    conn: Option<(ConnId, Sender)>,
    /// Its process; 0 until known.
    pub(super) pid: u32,
    rows: Listed<TestRow>,
    /// What it found in each file, in the list's order, until that was taken.
    found: Vec<Vec<TestRow>>,
    state: State,
    /// What it may take to collect.
    clock: Option<Overtime>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// It collects.
    #[default]
    Collecting,
    /// It has collected, and can be forked.
    Ready,
    /// It is gone, or must not be forked.
    Useless,
}

impl Branch {
    /// One that was ordered now and may take so long.
    pub(super) fn ordered(limit: Option<Duration>) -> Self {
        let clock = Overtime::new(Awaited::Collection, Instant::now(), limit);
        Self { clock: Some(clock), ..Self::default() }
    }

    /// When to look at it again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.clock.filter(|_| self.is_pending()).and_then(|it| it.deadline())
    }

    /// What is due because it takes too long.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let is_pending = self.is_pending();
        self.clock.as_mut().filter(|_| is_pending).and_then(|it| it.due(now))
    }

    /// All has stood still for a while.
    pub(super) fn shift(&mut self, pause: Duration) {
        if let Some(clock) = &mut self.clock {
            clock.shift(pause);
        }
    }

    /// It has said hello.
    pub(super) fn connected(&mut self, conn: ConnId, sender: Sender, hello: &Hello) {
        self.conn = Some((conn, sender));
        self.pid = hello.pid;
    }

    /// Whether it has said hello.
    pub(super) fn is_connected(&self) -> bool {
        self.conn.is_some()
    }

    /// Whether this is its connection.
    pub(super) fn speaks_on(&self, conn: ConnId) -> bool {
        self.conn.as_ref().is_some_and(|(own, _)| *own == conn)
    }

    /// Takes in what concerns its collection; gives back the rest.
    pub(super) fn hear(&mut self, message: ToController) -> Option<ToController> {
        match message {
            ToController::Tests { tests } => {
                if self.rows.extend(tests).is_err() {
                    self.give_up();
                }
            }
            ToController::Collected { .. } => self.found.push(self.rows.take()),
            ToController::Ready(ready) => self.state = usable(&ready),
            other => return Some(other),
        }
        None
    }

    /// Its connection is over, or what it found cannot be used.
    pub(super) fn give_up(&mut self) {
        self.state = State::Useless;
        self.conn = None;
    }

    /// Whether it is not known yet what will become of it.
    pub(super) fn is_pending(&self) -> bool {
        self.state == State::Collecting
    }

    /// Whether workers can be forked from it.
    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// What it found, file by file.
    pub(super) fn take_found(&mut self) -> Vec<Vec<TestRow>> {
        std::mem::take(&mut self.found)
    }

    /// Orders a worker; returns the reading end of its output.
    pub(super) fn fork(&mut self, order: Fork, permits: &Permits) -> io::Result<File> {
        let Some((_, sender)) = &mut self.conn else {
            return Err(io::Error::other("the template's branch is gone"));
        };
        send_order(sender, &ToWorker::Fork(order), permits)
    }
}

fn usable(ready: &Ready) -> State {
    if ready.threads.is_empty() { State::Ready } else { State::Useless }
}
