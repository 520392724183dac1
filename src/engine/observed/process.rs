//! One pytest process that is observed: what it has said, and how it is brought to its end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::engine::inbox::ConnId;
use crate::engine::listed::Listed;
use crate::engine::overtime::{Awaited, Overtime};
use crate::engine::record::Ending;
use crate::model::{Offset, StopReason, TestIndex, WorkerId};
use crate::process::{Ended, Signal, Tail, Tree, kill_group, send_signal};
use crate::protocol::{Hello, TestRow};

/// What is kept of what pytest prints: its whole report of a failed collection.
const OUTPUT_KEPT: usize = 1 << 20;

/// A failure whose meaning depends on whether the server was there.
pub(super) struct Hit {
    pub(super) worker: Option<WorkerId>,
    pub(super) test: TestIndex,
    pub(super) ending: Ending,
}

/// One process, that is one round.
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) conn: Option<ConnId>,
    pub(super) hello: Option<Box<Hello>>,
    pub(super) rows: Listed<TestRow>,
    /// Positions in this process's list to positions in the plan's.
    pub(super) numbers: Vec<Option<TestIndex>>,
    pub(super) running: HashMap<(String, u32), (TestIndex, Offset)>,
    pub(super) is_ready: bool,
    pub(super) maxfail: u32,
    pub(super) output: Tail,
    pub(super) silent: bool,
    pub(super) closed: bool,
    pub(super) ended: Option<Ended>,
    pub(super) kill_at: Option<Instant>,
    /// Failures that wait for the server's answer.
    pub(super) hits: Vec<Hit>,
    pub(super) stop: Option<StopReason>,
    /// How it broke the protocol.
    pub(super) broke: Option<String>,
    pub(super) words: u32,
    /// What it may take until it has collected, and to end.
    pub(super) clock: Overtime,
}

impl Process {
    pub(super) fn new(pid: u32, silent: bool, limit: Option<Duration>) -> Self {
        Self {
            pid,
            conn: None,
            hello: None,
            rows: Listed::default(),
            numbers: Vec::new(),
            running: HashMap::new(),
            is_ready: false,
            maxfail: 0,
            output: Tail::keeping(OUTPUT_KEPT),
            silent,
            closed: false,
            ended: None,
            kill_at: None,
            hits: Vec::new(),
            stop: None,
            broke: None,
            words: 0,
            clock: Overtime::new(Awaited::Hello, Instant::now(), limit),
        }
    }

    /// It broke the protocol, so that nothing more can be heard of its tests.
    pub(super) fn breaks(&mut self, how: String) {
        self.broke.get_or_insert(how);
        kill_group(self.pid);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.kill_at.into_iter().chain(self.clock.deadline()).min()
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some() && self.silent && (self.closed || self.conn.is_none())
    }

    /// Ends it at once, with all that it started.
    pub(super) fn kill(&mut self) {
        Tree::of(self.pid).signal(Signal::KILL);
        kill_group(self.pid);
        // A grandchild of its own group may hold the pipe.
        self.silent = true;
    }

    /// Has it end, and remembers why.
    pub(super) fn stop(&mut self, reason: StopReason, grace: Duration) {
        self.stop.get_or_insert(reason);
        if self.kill_at.is_some() {
            // It is being torn down already: a second SIGINT would end that.
            return;
        }
        // With the terminal handed over, Ctrl-C has reached pytest already; a second is as good.
        send_signal(self.pid, Signal::INT);
        self.kill_at = Some(Instant::now() + grace);
    }
}
